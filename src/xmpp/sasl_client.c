/* The client's side of SASL: the object and its steps, EXTERNAL (RFC 4422 appendix A) and PLAIN
 * (RFC 4616). The server must prove in the end that it knows the password, where the mechanism has
 * a way to (A12). Owns the prepared secrets and wipes them. */
#include "xmpp/sasl_client.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "xmpp/sasl_client_inside.h"

enum sasl_client_problem sasl_client_problem_of(int err)
{
    return err == ERR_MEMORY ? SASL_PROBLEM_MEMORY : SASL_PROBLEM_CRYPTO;
}

/* A part that the user gave and that is prepared: its own problem when it cannot be. */
static enum sasl_client_problem prepared(int err, enum sasl_client_problem problem)
{
    if (err == 0)
        return SASL_PROBLEM_NONE;
    return err == ERR_SYNTAX ? problem : sasl_client_problem_of(err);
}

static enum sasl_client_problem take_names(struct sasl_client *c,
                                           const struct sasl_client_config *config)
{
    enum sasl_client_problem problem = SASL_PROBLEM_NONE;
    struct slice authzid = config->authzid;
    if (!utf8_valid(authzid) || slice_find(authzid, '\0') != authzid.len || authzid.len > JID_BYTES)
        return SASL_PROBLEM_USER;
    if (c->choice.mech->kind == SASL_CLIENT_EXTERNAL)
        return problem;
    problem = prepared(jid_prepare_local(config->user, &c->user), SASL_PROBLEM_USER);
    if (problem == SASL_PROBLEM_NONE)
        problem =
            prepared(jid_prepare_password(config->password, &c->password), SASL_PROBLEM_PASSWORD);
    return problem;
}

static enum sasl_client_problem take_config(struct sasl_client *c,
                                            const struct sasl_client_config *config)
{
    enum sasl_client_problem problem = take_names(c, config);
    if (problem != SASL_PROBLEM_NONE)
        return problem;
    if (config->cache != NULL)
        c->salted = *config->cache;
    int err = buf_add(&c->authzid, config->authzid);
    if (err == 0)
        err = buf_add(&c->host, config->host);
    if (err == 0)
        err = buf_add(&c->offer, config->offer);
    if (err == 0)
        err = buf_add(&c->binding, c->choice.data);
    c->choice.data = SLICE_NONE;
    return err == 0 ? SASL_PROBLEM_NONE : sasl_client_problem_of(err);
}

struct sasl_client *sasl_client_new(const struct sasl_client_config *config,
                                    const struct slice *offered, size_t n,
                                    const struct slice *bindings, size_t n_bindings,
                                    bool bindings_told, struct rng *rng,
                                    enum sasl_client_problem *problem_out)
{
    struct sasl_client_offer offer = {offered, n, bindings, n_bindings, bindings_told};
    struct sasl_client_choice choice;
    *problem_out = sasl_client_choose(config, &offer, &choice);
    if (*problem_out != SASL_PROBLEM_NONE)
        return NULL;
    struct sasl_client *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        *problem_out = SASL_PROBLEM_MEMORY;
        return NULL;
    }
    c->choice = choice;
    rng_token(rng, c->nonce, sizeof(c->nonce));
    *problem_out = take_config(c, config);
    if (*problem_out != SASL_PROBLEM_NONE)
        sasl_client_free(&c);
    return c;
}

void sasl_client_free(struct sasl_client **c)
{
    struct sasl_client *old = *c;
    *c = NULL;
    if (old == NULL)
        return;
    pbkdf2_end(&old->kdf);
    scram_wipe(&old->user);
    scram_wipe(&old->password);
    scram_wipe(&old->authzid);
    scram_wipe(&old->binding);
    scram_wipe(&old->auth);
    scram_wipe(&old->out);
    buf_free(&old->host);
    buf_free(&old->offer);
    mem_wipe(old, sizeof(*old));
    free(old);
}

enum sasl_client_step sasl_client_refuse(struct sasl_client *c, enum sasl_client_problem problem,
                                         const char *detail)
{
    if (c->state != SASL_CLIENT_BROKEN) {
        c->state = SASL_CLIENT_BROKEN;
        c->problem = problem;
        c->detail = detail;
    }
    scram_wipe(&c->out);
    scram_wipe(&c->password);
    pbkdf2_end(&c->kdf);
    return SASL_CLIENT_REFUSED;
}

enum sasl_client_step sasl_client_send(struct sasl_client *c, int err, enum sasl_client_state state)
{
    if (err != 0)
        return sasl_client_refuse(c, sasl_client_problem_of(err), NULL);
    c->state = state;
    return SASL_CLIENT_SEND;
}

static int add_plain(struct sasl_client *c)
{
    int err = buf_add(&c->out, buf_slice(&c->authzid));
    if (err == 0)
        err = buf_byte(&c->out, '\0');
    if (err == 0)
        err = buf_add(&c->out, buf_slice(&c->user));
    if (err == 0)
        err = buf_byte(&c->out, '\0');
    return err != 0 ? err : buf_add(&c->out, buf_slice(&c->password));
}

enum sasl_client_step sasl_client_start(struct sasl_client *c)
{
    int err;
    CHECK(c->state == SASL_CLIENT_TO_START);
    switch (c->choice.mech->kind) {
    case SASL_CLIENT_EXTERNAL:
        err = buf_add(&c->out, buf_slice(&c->authzid));
        return sasl_client_send(c, err, SASL_CLIENT_TO_SUCCEED);
    case SASL_CLIENT_SCRAM:
        return sasl_client_send(c, sasl_client_scram_first(c), SASL_CLIENT_TO_CHALLENGE);
    case SASL_CLIENT_DIGEST_MD5: /* the server begins */
        return sasl_client_send(c, 0, SASL_CLIENT_TO_CHALLENGE);
    case SASL_CLIENT_PLAIN:
        err = add_plain(c);
        scram_wipe(&c->password);
        c->sent_password = err == 0;
        return sasl_client_send(c, err, SASL_CLIENT_TO_SUCCEED);
    }
    UNREACHABLE();
}

static enum sasl_client_problem verify(struct sasl_client *c, struct slice message)
{
    return c->choice.mech->kind == SASL_CLIENT_SCRAM ? sasl_client_scram_verify(c, message)
                                                     : sasl_client_digest_verify(c, message);
}

enum sasl_client_step sasl_client_challenge(struct sasl_client *c, struct slice challenge)
{
    buf_clear(&c->out);
    if (c->state == SASL_CLIENT_TO_CHALLENGE)
        return c->choice.mech->kind == SASL_CLIENT_SCRAM ? sasl_client_scram_answer(c, challenge)
                                                         : sasl_client_digest_answer(c, challenge);
    if (c->state != SASL_CLIENT_TO_PROVE)
        return sasl_client_refuse(c, SASL_PROBLEM_MALFORMED, "a challenge where none is due");
    enum sasl_client_problem problem = verify(c, challenge);
    if (problem != SASL_PROBLEM_NONE)
        return sasl_client_refuse(c, problem, c->detail);
    return sasl_client_send(c, 0, SASL_CLIENT_PROVED);
}

enum sasl_client_step sasl_client_work(struct sasl_client *c, uint32_t iterations_max)
{
    CHECK(iterations_max > 0);
    if (c->state == SASL_CLIENT_BROKEN)
        return SASL_CLIENT_REFUSED;
    CHECK(c->state == SASL_CLIENT_WORKING);
    return sasl_client_scram_work(c, iterations_max);
}

enum sasl_client_step sasl_client_success(struct sasl_client *c, struct slice additional)
{
    enum sasl_client_problem problem = SASL_PROBLEM_NONE;
    const char *detail = NULL;
    buf_clear(&c->out);
    switch (c->state) {
    case SASL_CLIENT_TO_PROVE:
        problem = additional.len == 0 ? SASL_PROBLEM_UNPROVEN : verify(c, additional);
        detail = c->detail;
        break;
    case SASL_CLIENT_PROVED:
    case SASL_CLIENT_TO_SUCCEED:
        if (additional.len > 0) {
            problem = SASL_PROBLEM_MALFORMED;
            detail = "data with the success where none is due";
        }
        break;
    case SASL_CLIENT_TO_START:
    case SASL_CLIENT_TO_CHALLENGE:
    case SASL_CLIENT_WORKING:
        problem = SASL_PROBLEM_UNPROVEN;
        break;
    case SASL_CLIENT_OVER:
    case SASL_CLIENT_BROKEN:
        problem = SASL_PROBLEM_MALFORMED;
        detail = "a success where none is due";
        break;
    }
    if (problem != SASL_PROBLEM_NONE)
        return sasl_client_refuse(c, problem, detail);
    c->state = SASL_CLIENT_OVER;
    return SASL_CLIENT_DONE;
}

struct slice sasl_client_output(const struct sasl_client *c)
{
    return c->state == SASL_CLIENT_WORKING ? SLICE("") : buf_slice(&c->out);
}

struct slice sasl_client_mechanism(const struct sasl_client *c)
{
    return c->choice.mech->name;
}

bool sasl_client_bound(const struct sasl_client *c)
{
    return c->choice.flag == 'p';
}

struct slice sasl_client_binding(const struct sasl_client *c)
{
    return c->choice.binding;
}

enum sasl_client_problem sasl_client_problem(const struct sasl_client *c)
{
    return c->problem;
}

const char *sasl_client_detail(const struct sasl_client *c)
{
    return c->detail != NULL ? c->detail : "";
}

unsigned sasl_client_refused_bindings(const struct sasl_client *c)
{
    return c->state == SASL_CLIENT_TO_CHALLENGE ? c->choice.refused : 0;
}

bool sasl_client_salted(const struct sasl_client *c, struct sasl_salted *out)
{
    bool have =
        c->state == SASL_CLIENT_OVER && c->choice.mech->kind == SASL_CLIENT_SCRAM && c->salt_fits;
    *out = have ? c->salted : (struct sasl_salted){0};
    return have;
}

bool sasl_client_sent_password(const struct sasl_client *c)
{
    return c->sent_password;
}
