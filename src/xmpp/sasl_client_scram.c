/* The client's side of SCRAM (RFC 5802 sections 5 to 7, RFC 7677), with the server's hash of its
 * offer (XEP-0474 0.5.0) and limits for what a server may ask for (V46). */
#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/sasl_client_inside.h"
#include "xmpp/secret.h"

static int add_gs2_header(const struct sasl_client *c, struct buf *out)
{
    int err = buf_byte(out, c->choice.flag);
    if (err == 0 && c->choice.flag == 'p')
        err = buf_printf(out, "=%.*s", SLICE_ARG(c->choice.binding));
    if (err == 0)
        err = buf_byte(out, ',');
    if (err == 0 && buf_len(&c->authzid) > 0) {
        err = buf_lit(out, "a=");
        if (err == 0)
            err = scram_escape(buf_slice(&c->authzid), out);
    }
    return err != 0 ? err : buf_byte(out, ',');
}

int sasl_client_scram_first(struct sasl_client *c)
{
    int err = add_gs2_header(c, &c->out);
    size_t header = buf_len(&c->out);
    if (err == 0)
        err = buf_lit(&c->out, "n=");
    if (err == 0)
        err = scram_escape(buf_slice(&c->user), &c->out);
    if (err == 0)
        err = buf_lit(&c->out, ",r=");
    if (err == 0)
        err = buf_append(&c->out, c->nonce, sizeof(c->nonce));
    if (err == 0)
        err = buf_add(&c->auth, slice_from(buf_slice(&c->out), header));
    return err != 0 ? err : buf_byte(&c->auth, ',');
}

/* Did the server offer what we have seen of it? Who changed the offer on the way could change this
 * too, but then no proof fits (XEP-0474 section 5.2). A server that does not tell is not asked,
 * unless the choice depends on it. */
static enum sasl_client_problem check_offer(const struct sasl_client *c, struct slice told)
{
    uint8_t hash[SASL_KEY_BYTES];
    char text[(SASL_KEY_BYTES + 2) / 3 * 4];
    enum sasl_hash kind = c->choice.mech->hash;
    size_t len = sasl_hash_len(kind);
    if (told.ptr == NULL)
        return c->choice.confirm ? SASL_PROBLEM_BINDING_TYPES : SASL_PROBLEM_NONE;
    if (buf_len(&c->offer) == 0)
        return SASL_PROBLEM_NONE;
    if (scram_hash(kind, buf_slice(&c->offer), hash) != 0)
        return SASL_PROBLEM_CRYPTO;
    base64_encode(slice_of((const char *)hash, len), text);
    return slice_eq(told, slice_of(text, base64_encoded_len(len))) ? SASL_PROBLEM_NONE
                                                                   : SASL_PROBLEM_OFFER_CHANGED;
}

/* What kind of number this is that is none for us: "-1" is low, twenty digits are high. */
static enum sasl_client_problem judge_count(struct slice count, unsigned long long iterations)
{
    bool negative = count.len > 1 && count.ptr[0] == '-';
    struct slice digits = negative ? slice_from(count, 1) : count;
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return SASL_PROBLEM_MALFORMED;
    if (digits.len == 0)
        return SASL_PROBLEM_MALFORMED;
    unsigned long long same;
    if (!negative && (!slice_to_u64(count, &same) || iterations > SASL_ITERATIONS_MAX))
        return SASL_PROBLEM_ITERATIONS_HIGH;
    return negative || iterations < SASL_ITERATIONS_MIN ? SASL_PROBLEM_ITERATIONS_LOW
                                                        : SASL_PROBLEM_NONE;
}

/* Its nonce goes on from ours, the salt is base64, the count is sane. The salt is left in
 * *salt_out. */
static enum sasl_client_problem read_first(struct sasl_client *c, struct slice in,
                                           struct scram_server_first *m, struct buf *salt_out)
{
    size_t salt_len = 0;
    bool whole = scram_parse_server_first(in, m);
    enum sasl_client_problem count = judge_count(m->count, m->iterations);
    if (!whole && (m->count.ptr == NULL || count == SASL_PROBLEM_NONE)) {
        c->detail = m->nonce.ptr == NULL   ? "it has no nonce"
                    : m->salt.ptr == NULL  ? "its nonce is wrong or it has no salt"
                    : m->count.ptr == NULL ? "it has no iteration count"
                                           : "something unknown stands behind the iteration count";
        return SASL_PROBLEM_MALFORMED;
    }
    if (m->nonce.len <= sizeof(c->nonce) || memcmp(m->nonce.ptr, c->nonce, sizeof(c->nonce)) != 0)
        return SASL_PROBLEM_NONCE;
    if (count != SASL_PROBLEM_NONE) {
        c->detail = count == SASL_PROBLEM_MALFORMED ? "its iteration count is no number" : NULL;
        return count;
    }
    if (buf_reserve(salt_out, m->salt.len) != 0)
        return SASL_PROBLEM_MEMORY;
    if (!base64_decode(m->salt, salt_out->ptr, &salt_len) || salt_len == 0) {
        c->detail = "its salt is not base64";
        return SASL_PROBLEM_MALFORMED;
    }
    salt_out->end = (uint32_t)salt_len;
    return SASL_PROBLEM_NONE;
}

/* client-final-message-without-proof into out and, with what was before, into AuthMessage. */
static int add_final(struct sasl_client *c, struct slice server_first, struct slice nonce)
{
    struct buf header = {0};
    int err = add_gs2_header(c, &header);
    if (err == 0)
        err = buf_add(&header, buf_slice(&c->binding));
    if (err == 0)
        err = buf_lit(&c->out, "c=");
    if (err == 0)
        err = base64_append(&c->out, buf_slice(&header));
    if (err == 0)
        err = buf_lit(&c->out, ",r=");
    if (err == 0)
        err = buf_add(&c->out, nonce);
    if (err == 0)
        err = buf_add(&c->auth, server_first);
    if (err == 0)
        err = buf_byte(&c->auth, ',');
    if (err == 0)
        err = buf_add(&c->auth, buf_slice(&c->out));
    buf_free(&header);
    return err;
}

/* ClientProof, and the signature that the server will have to show. */
static int add_proof(struct sasl_client *c)
{
    uint8_t client[SASL_KEY_BYTES], stored[SASL_KEY_BYTES], server[SASL_KEY_BYTES];
    uint8_t signature[SASL_KEY_BYTES];
    enum sasl_hash hash = c->choice.mech->hash;
    size_t len = sasl_hash_len(hash);
    struct slice auth = buf_slice(&c->auth);
    int err = scram_keys(hash, c->salted.salted, client, stored, server);
    if (err == 0)
        err = scram_hmac(hash, slice_of((const char *)stored, len), auth, signature);
    if (err == 0)
        err = scram_hmac(hash, slice_of((const char *)server, len), auth, c->proof);
    for (size_t i = 0; err == 0 && i < len; i++)
        client[i] ^= signature[i];
    if (err == 0)
        err = buf_lit(&c->out, ",p=");
    if (err == 0)
        err = base64_append(&c->out, slice_of((const char *)client, len));
    mem_wipe(client, sizeof(client));
    mem_wipe(stored, sizeof(stored));
    mem_wipe(server, sizeof(server));
    return err;
}

/* With the salted password there. */
static enum sasl_client_step finish(struct sasl_client *c)
{
    scram_wipe(&c->password);
    return sasl_client_send(c, add_proof(c), SASL_CLIENT_TO_PROVE);
}

/* Is the salted password of an earlier login still right? If not, it goes. */
static bool cache_fits(struct sasl_client *c, struct slice salt, uint32_t iterations)
{
    struct sasl_salted *s = &c->salted;
    if (s->hash == c->choice.mech->hash && s->iterations == iterations &&
        s->salt_len <= SASL_SALT_BYTES_MAX &&
        slice_eq(slice_of((const char *)s->salt, s->salt_len), salt))
        return true;
    mem_wipe(s, sizeof(*s));
    *s = (struct sasl_salted){.hash = c->choice.mech->hash, .iterations = iterations};
    if (salt.len <= SASL_SALT_BYTES_MAX) {
        memcpy(s->salt, salt.ptr, salt.len);
        s->salt_len = (uint8_t)salt.len;
    }
    return false;
}

enum sasl_client_step sasl_client_scram_answer(struct sasl_client *c, struct slice challenge)
{
    struct scram_server_first m;
    struct buf salt = {0};
    enum sasl_client_problem problem = read_first(c, challenge, &m, &salt);
    if (problem == SASL_PROBLEM_NONE)
        problem = check_offer(c, m.offer);
    int err = problem == SASL_PROBLEM_NONE ? add_final(c, challenge, m.nonce) : 0;
    bool known = false;
    if (problem == SASL_PROBLEM_NONE && err == 0) {
        known = cache_fits(c, buf_slice(&salt), (uint32_t)m.iterations);
        c->salt_fits = buf_len(&salt) <= SASL_SALT_BYTES_MAX;
        if (!known)
            err = pbkdf2_begin(&c->kdf, c->choice.mech->hash, buf_slice(&c->password),
                               buf_slice(&salt), (uint32_t)m.iterations);
    }
    buf_free(&salt);
    if (problem == SASL_PROBLEM_NONE && err != 0)
        problem = sasl_client_problem_of(err);
    if (problem != SASL_PROBLEM_NONE)
        return sasl_client_refuse(c, problem, c->detail);
    if (known)
        return finish(c);
    scram_wipe(&c->password);
    c->state = SASL_CLIENT_WORKING;
    return SASL_CLIENT_WORK;
}

enum sasl_client_step sasl_client_scram_work(struct sasl_client *c, uint32_t iterations_max)
{
    int err = pbkdf2_run(&c->kdf, iterations_max);
    if (err != 0)
        return sasl_client_refuse(c, sasl_client_problem_of(err), NULL);
    if (c->kdf.left > 0)
        return SASL_CLIENT_WORK;
    memcpy(c->salted.salted, c->kdf.sum, sizeof(c->salted.salted));
    pbkdf2_end(&c->kdf);
    return finish(c);
}

/* "e=" and one of the names of section 7. */
static enum sasl_client_problem server_error(struct sasl_client *c, struct slice value)
{
    static const char *const names[] = {
        "invalid-encoding",
        "extensions-not-supported",
        "invalid-proof",
        "channel-bindings-dont-match",
        "server-does-support-channel-binding",
        "channel-binding-not-supported",
        "unsupported-channel-binding-type",
        "unknown-user",
        "invalid-username-encoding",
        "no-resources",
        "other-error",
    };
    value.len = slice_find(value, ',');
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(value, slice_z(names[i])))
            c->detail = names[i];
    return SASL_PROBLEM_SERVER_ERROR;
}

/* server-final-message: the signature, perhaps extensions, which we have none for. */
enum sasl_client_problem sasl_client_scram_verify(struct sasl_client *c, struct slice message)
{
    uint8_t shown[(SASL_KEY_BYTES + 2) / 3 * 3];
    size_t len = sasl_hash_len(c->choice.mech->hash), shown_len = 0;
    if (slice_starts(message, SLICE("e=")))
        return server_error(c, slice_from(message, 2));
    if (!slice_starts(message, SLICE("v=")))
        return SASL_PROBLEM_UNPROVEN;
    struct slice value = slice_from(message, 2);
    value.len = slice_find(value, ',');
    bool right = value.len == base64_encoded_len(len) && base64_decode(value, shown, &shown_len) &&
                 secret_equal(slice_of((const char *)shown, shown_len),
                              slice_of((const char *)c->proof, len));
    return right ? SASL_PROBLEM_NONE : SASL_PROBLEM_SIGNATURE;
}
