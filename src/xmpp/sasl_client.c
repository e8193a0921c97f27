/* The client's side of SASL: PLAIN (RFC 4616) and SCRAM (RFC 5802 sections 5 to 7) with channel
 * binding where both sides can. The server must prove in the end that it knows the password (A12),
 * and may not ask for too few or too many iterations (V46). */
#include "xmpp/sasl.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram.h"
#include "xmpp/secret.h"

enum client_state {
    TO_START,
    AWAIT_CHALLENGE, /* server-first-message */
    AWAIT_SUCCESS,
    PROVED, /* server-final-message came in a challenge */
    DONE,
    BROKEN,
};

struct sasl_client {
    enum client_state state;
    const struct sasl_mechanism *mech;
    char flag; /* gs2: 'n', 'y', 'p' */
    struct slice binding_name;
    struct buf user, password, authzid; /* prepared; authzid as given */
    struct buf binding;                 /* channel binding data */
    struct buf auth;                    /* AuthMessage as far as known */
    struct buf offer;                   /* what came of the server's offer (XEP-0474) */
    char nonce[SCRAM_NONCE_BYTES];
    uint8_t server_key[SASL_KEY_BYTES];
    uint8_t signature[SASL_KEY_BYTES]; /* what the server must show */
};

static bool ends_with_plus(struct slice name)
{
    return name.len > 5 && memcmp(name.ptr + name.len - 5, "-PLUS", 5) == 0;
}

static const struct sasl_mechanism *choose(const struct sasl_client_config *config,
                                           const struct slice *offered, size_t n, bool can_bind)
{
    for (size_t i = 0; i < sasl_mechanism_count; i++) {
        const struct sasl_mechanism *m = &sasl_mechanisms[i];
        if ((m->plus && !can_bind) || (!m->scram && !config->plain_allowed))
            continue;
        for (size_t k = 0; k < n; k++)
            if (slice_eq(offered[k], m->name))
                return m;
    }
    return NULL;
}

static int take_config(struct sasl_client *c, const struct sasl_client_config *config)
{
    const struct sasl_binding *b = &config->binding;
    bool exporter = b->tls_exporter.len > 0;
    c->binding_name = exporter ? SLICE("tls-exporter") : SLICE("tls-server-end-point");
    int err = jid_prepare_local(config->user, &c->user);
    if (err == 0)
        err = jid_prepare_password(config->password, &c->password);
    if (err == 0)
        err = buf_add(&c->authzid, config->authzid);
    if (err == 0 && c->flag == 'p')
        err = buf_add(&c->binding, exporter ? b->tls_exporter : b->tls_server_end_point);
    return err != 0 ? err : buf_add(&c->offer, config->offer);
}

struct sasl_client *sasl_client_new(const struct sasl_client_config *config,
                                    const struct slice *offered, size_t n, struct rng *rng,
                                    int *err_out)
{
    bool can_bind =
        config->binding.tls_exporter.len > 0 || config->binding.tls_server_end_point.len > 0;
    bool plus_seen = false;
    for (size_t k = 0; k < n; k++)
        plus_seen |= ends_with_plus(offered[k]);
    const struct sasl_mechanism *mech = choose(config, offered, n, can_bind);
    if (mech == NULL) {
        *err_out = ERR_REFUSED;
        return NULL;
    }
    struct sasl_client *c = mem_new(struct sasl_client);
    c->mech = mech;
    /* 'y': we could bind, the server seems not to; it knows whether that is a lie. */
    c->flag = mech->plus ? 'p' : can_bind && !plus_seen ? 'y' : 'n';
    rng_token(rng, c->nonce, sizeof(c->nonce));
    *err_out = take_config(c, config);
    if (*err_out != 0)
        sasl_client_free(&c);
    return c;
}

void sasl_client_free(struct sasl_client **c)
{
    struct sasl_client *old = *c;
    *c = NULL;
    if (old == NULL)
        return;
    scram_wipe(&old->user);
    scram_wipe(&old->password);
    scram_wipe(&old->authzid);
    scram_wipe(&old->binding);
    scram_wipe(&old->auth);
    buf_free(&old->offer);
    mem_wipe(old, sizeof(*old));
    mem_free(old);
}

struct slice sasl_client_mechanism(const struct sasl_client *c)
{
    return c->mech->name;
}

static int broken(struct sasl_client *c, int err)
{
    c->state = BROKEN;
    return err;
}

static int plain_start(const struct sasl_client *c, struct buf *out)
{
    int err = buf_add(out, buf_slice(&c->authzid));
    if (err == 0)
        err = buf_byte(out, '\0');
    if (err == 0)
        err = buf_add(out, buf_slice(&c->user));
    if (err == 0)
        err = buf_byte(out, '\0');
    return err != 0 ? err : buf_add(out, buf_slice(&c->password));
}

static int add_gs2_header(const struct sasl_client *c, struct buf *out)
{
    int err = buf_byte(out, c->flag);
    if (err == 0 && c->flag == 'p')
        err = buf_printf(out, "=%.*s", SLICE_ARG(c->binding_name));
    if (err == 0)
        err = buf_byte(out, ',');
    if (err == 0 && buf_len(&c->authzid) > 0) {
        err = buf_lit(out, "a=");
        if (err == 0)
            err = scram_escape(buf_slice(&c->authzid), out);
    }
    return err != 0 ? err : buf_byte(out, ',');
}

static int scram_start(struct sasl_client *c, struct buf *out)
{
    int err = add_gs2_header(c, out);
    size_t header = buf_len(out);
    if (err == 0)
        err = buf_lit(out, "n=");
    if (err == 0)
        err = scram_escape(buf_slice(&c->user), out);
    if (err == 0)
        err = buf_lit(out, ",r=");
    if (err == 0)
        err = buf_append(out, c->nonce, sizeof(c->nonce));
    if (err == 0)
        err = buf_add(&c->auth, slice_from(buf_slice(out), header));
    return err != 0 ? err : buf_byte(&c->auth, ',');
}

int sasl_client_start(struct sasl_client *c, struct buf *out)
{
    CHECK(c->state == TO_START);
    buf_clear(out);
    int err = c->mech->scram ? scram_start(c, out) : plain_start(c, out);
    if (err != 0)
        return broken(c, err);
    c->state = c->mech->scram ? AWAIT_CHALLENGE : AWAIT_SUCCESS;
    return 0;
}

/* Did the server offer what we have seen of it? Who changed the offer on the way could change this
 * too, but then no proof fits (XEP-0474 section 5.2). A server that does not tell is not asked. */
static int check_offer(const struct sasl_client *c, struct slice told)
{
    uint8_t hash[SASL_KEY_BYTES];
    char text[(SASL_KEY_BYTES + 2) / 3 * 4];
    size_t len = sasl_hash_len(c->mech->hash);
    if (told.ptr == NULL || buf_len(&c->offer) == 0)
        return 0;
    if (scram_hash(c->mech->hash, buf_slice(&c->offer), hash) != 0)
        return ERR_CRYPTO;
    base64_encode(slice_of((const char *)hash, len), text);
    return slice_eq(told, slice_of(text, base64_encoded_len(len))) ? 0 : ERR_REFUSED;
}

/* The server's numbers: its nonce goes on from ours, the salt is base64, the count is sane. The
 * salt is left in *salt_out. */
static int read_server_first(struct sasl_client *c, struct slice in, struct scram_server_first *m,
                             struct buf *salt_out)
{
    size_t salt_len = 0;
    if (!scram_parse_server_first(in, m) || m->nonce.len <= sizeof(c->nonce) ||
        memcmp(m->nonce.ptr, c->nonce, sizeof(c->nonce)) != 0 ||
        m->iterations < SASL_ITERATIONS_MIN || m->iterations > SASL_ITERATIONS_MAX)
        return ERR_REFUSED;
    if (buf_reserve(salt_out, m->salt.len) != 0)
        return ERR_MEMORY;
    if (!base64_decode(m->salt, salt_out->ptr, &salt_len) || salt_len == 0)
        return ERR_REFUSED;
    salt_out->end = (uint32_t)salt_len;
    return 0;
}

/* client-final-message-without-proof, also added to AuthMessage. */
static int add_final(struct sasl_client *c, struct slice server_first, struct slice nonce,
                     struct buf *out)
{
    struct buf header = {0};
    int err = add_gs2_header(c, &header);
    if (err == 0)
        err = buf_add(&header, buf_slice(&c->binding));
    if (err == 0)
        err = buf_lit(out, "c=");
    if (err == 0)
        err = base64_append(out, buf_slice(&header));
    if (err == 0)
        err = buf_lit(out, ",r=");
    if (err == 0)
        err = buf_add(out, nonce);
    if (err == 0)
        err = buf_add(&c->auth, server_first);
    if (err == 0)
        err = buf_byte(&c->auth, ',');
    if (err == 0)
        err = buf_add(&c->auth, buf_slice(out));
    buf_free(&header);
    return err;
}

/* ClientProof, and the signature that the server will have to show. */
static int add_proof(struct sasl_client *c, const uint8_t *salted, struct buf *out)
{
    uint8_t client[SASL_KEY_BYTES], stored[SASL_KEY_BYTES], signature[SASL_KEY_BYTES];
    enum sasl_hash hash = c->mech->hash;
    size_t len = sasl_hash_len(hash);
    struct slice auth = buf_slice(&c->auth);
    int err = scram_keys(hash, salted, client, stored, c->server_key);
    if (err == 0)
        err = scram_hmac(hash, slice_of((const char *)stored, len), auth, signature);
    if (err == 0)
        err = scram_hmac(hash, slice_of((const char *)c->server_key, len), auth, c->signature);
    for (size_t i = 0; err == 0 && i < len; i++)
        client[i] ^= signature[i];
    if (err == 0)
        err = buf_lit(out, ",p=");
    if (err == 0)
        err = base64_append(out, slice_of((const char *)client, len));
    mem_wipe(client, sizeof(client));
    mem_wipe(stored, sizeof(stored));
    return err;
}

static int answer_first(struct sasl_client *c, struct slice challenge, struct buf *out)
{
    struct scram_server_first m;
    uint8_t salted[SASL_KEY_BYTES];
    struct buf salt = {0};
    int err = read_server_first(c, challenge, &m, &salt);
    if (err == 0)
        err = check_offer(c, m.offer);
    if (err == 0)
        err = add_final(c, challenge, m.nonce, out);
    if (err == 0)
        err =
            sasl_salted_password(c->mech->hash, buf_slice(&c->password), (const uint8_t *)salt.ptr,
                                 buf_len(&salt), (uint32_t)m.iterations, salted);
    if (err == 0)
        err = add_proof(c, salted, out);
    mem_wipe(salted, sizeof(salted));
    buf_free(&salt);
    scram_wipe(&c->password);
    return err;
}

/* server-final-message: "v=" and the signature, perhaps extensions, which we have none for. */
static bool signature_right(const struct sasl_client *c, struct slice in)
{
    uint8_t shown[(SASL_KEY_BYTES + 2) / 3 * 3];
    size_t len = sasl_hash_len(c->mech->hash), shown_len = 0;
    if (!slice_starts(in, SLICE("v=")))
        return false;
    struct slice value = slice_from(in, 2);
    value.len = slice_find(value, ',');
    return value.len == base64_encoded_len(len) && base64_decode(value, shown, &shown_len) &&
           secret_equal(slice_of((const char *)shown, shown_len),
                        slice_of((const char *)c->signature, len));
}

int sasl_client_challenge(struct sasl_client *c, struct slice challenge, struct buf *out)
{
    buf_clear(out);
    if (c->state == AWAIT_CHALLENGE) {
        int err = answer_first(c, challenge, out);
        if (err != 0) {
            buf_clear(out);
            return broken(c, err);
        }
        c->state = AWAIT_SUCCESS;
        return 0;
    }
    if (c->state != AWAIT_SUCCESS || !c->mech->scram || !signature_right(c, challenge))
        return broken(c, ERR_REFUSED);
    c->state = PROVED;
    return 0;
}

int sasl_client_success(struct sasl_client *c, struct slice additional)
{
    bool ok = false;
    if (c->state == AWAIT_SUCCESS)
        ok = c->mech->scram ? signature_right(c, additional) : additional.len == 0;
    else if (c->state == PROVED)
        ok = additional.len == 0;
    if (!ok)
        return broken(c, ERR_REFUSED);
    c->state = DONE;
    return 0;
}
