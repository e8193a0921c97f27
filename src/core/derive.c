/* PBKDF2 as jobs. They own copies of all they need, and wipe them. */
#include "core/derive.h"

#include "base/check.h"
#include "base/mem.h"

struct login_job {
    struct job job;
    struct sasl_derivation derivation;
};

struct credentials_job {
    struct job job;
    uint32_t iterations;
    uint8_t salts[SASL_HASHES][SASL_SALT_BYTES];
    size_t password_len;
    char password[SASL_PASSWORD_BYTES];
    struct sasl_credentials credentials;
};

static void login_run(struct job *job)
{
    struct login_job *l = CONTAINER_OF(job, struct login_job, job);
    sasl_derivation_run(&l->derivation);
    job->err = l->derivation.err;
}

static void login_free(struct job *job)
{
    struct login_job *l = CONTAINER_OF(job, struct login_job, job);
    mem_wipe(l, sizeof(*l));
    mem_free(l);
}

struct job *derive_login(const struct sasl_server *sasl)
{
    struct login_job *l = mem_new(struct login_job);
    l->job.run = login_run;
    l->job.free = login_free;
    sasl_server_derivation(sasl, &l->derivation);
    return &l->job;
}

const struct sasl_derivation *derive_login_result(const struct job *job)
{
    CHECK(job->run == login_run);
    return (const struct sasl_derivation *)(const void *)((const char *)job +
                                                          offsetof(struct login_job, derivation));
}

static void credentials_run(struct job *job)
{
    struct credentials_job *c = CONTAINER_OF(job, struct credentials_job, job);
    c->job.err =
        sasl_credentials_derive(slice_of(c->password, c->password_len), c->iterations,
                                (const uint8_t(*)[SASL_SALT_BYTES])c->salts, &c->credentials);
}

static void credentials_free(struct job *job)
{
    struct credentials_job *c = CONTAINER_OF(job, struct credentials_job, job);
    mem_wipe(c, sizeof(*c));
    mem_free(c);
}

struct job *derive_credentials(struct slice password, uint32_t iterations, struct rng *rng)
{
    CHECK(password.len > 0 && password.len <= SASL_PASSWORD_BYTES);
    struct credentials_job *c = mem_new(struct credentials_job);
    c->job.run = credentials_run;
    c->job.free = credentials_free;
    c->iterations = iterations;
    c->password_len = password.len;
    memcpy(c->password, password.ptr, password.len);
    rng_bytes(rng, c->salts, sizeof(c->salts));
    return &c->job;
}

const struct sasl_credentials *derive_credentials_result(const struct job *job)
{
    CHECK(job->run == credentials_run);
    return (const struct sasl_credentials *)(const void *)((const char *)job +
                                                           offsetof(struct credentials_job,
                                                                    credentials));
}
