/* The server's side of SASL: PLAIN (RFC 4616) and SCRAM with channel binding (RFC 5802 sections 5
 * to 7, RFC 9266, RFC 5929 section 4). One exchange per object, sans-I/O.
 *
 * An unknown user takes every step of a known one, with salt and keys made from the server's secret
 * and the name, and fails where a wrong password fails (V43). Who may act for whom is decided in
 * one function, identify(), before the password is looked at and from the peer's own names alone.
 * Secrets are wiped when the exchange ends or is freed. */
#include "xmpp/sasl.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "xmpp/scram.h"
#include "xmpp/secret.h"

enum server_state {
    AWAIT_FIRST,       /* the peer's first message */
    AWAIT_CREDENTIALS, /* the engine's answer */
    AWAIT_DERIVED,     /* the job's answer (PLAIN) */
    AWAIT_FINAL,       /* client-final-message (SCRAM) */
    SUCCEEDED,
    FAILED,
};

struct sasl_server {
    enum server_state state;
    enum sasl_failure failure;
    const struct sasl_mechanism *mech; /* NULL: refused */
    bool plus_offered, downgrade, known, disabled, authzid;
    uint8_t offer_len;   /* XEP-0474: of the hash of what was offered; 0: it is not sent */
    enum sasl_hash hash; /* of keys */
    uint8_t exporter_len, end_point_len, unique_len;
    uint32_t iterations;
    uint32_t nonce_at, nonce_len; /* the whole nonce inside secret */
    struct slice host, alias;
    struct buf user;   /* prepared localpart */
    struct buf out;    /* what goes to the peer */
    struct buf secret; /* PLAIN: the prepared password; SCRAM: AuthMessage as far as known */
    struct buf expect; /* SCRAM: what "c=" must say */
    uint8_t exporter[SASL_KEY_BYTES], end_point[SASL_KEY_BYTES], unique[SASL_KEY_BYTES];
    uint8_t fake_secret[SASL_SECRET_BYTES];
    uint8_t offer[SASL_KEY_BYTES];
    char nonce[SCRAM_NONCE_BYTES];
    struct sasl_keys keys;
};

static void change_state(struct sasl_server *s, enum server_state state)
{
    CHECK(s->state < SUCCEEDED && state > s->state);
    s->state = state;
    if (state < SUCCEEDED)
        return;
    scram_wipe(&s->secret);
    scram_wipe(&s->expect);
    mem_wipe(&s->keys, sizeof(s->keys));
    mem_wipe(s->fake_secret, sizeof(s->fake_secret));
}

static enum sasl_step fail(struct sasl_server *s, enum sasl_failure failure)
{
    if (s->state < SUCCEEDED)
        change_state(s, FAILED);
    s->state = FAILED;
    s->failure = failure;
    scram_wipe(&s->out);
    return SASL_FAILURE;
}

/* What an error of the environment or of preparation means to the peer. */
static enum sasl_step fail_err(struct sasl_server *s, int err, enum sasl_failure syntax)
{
    return fail(s, err == ERR_SYNTAX ? syntax : SASL_TEMPORARY_AUTH_FAILURE);
}

static enum sasl_step fail_downgrade(struct sasl_server *s)
{
    s->downgrade = true;
    return fail(s, SASL_NOT_AUTHORIZED);
}

static bool is_host(struct slice host, struct slice alias, struct slice domain)
{
    return slice_eq(domain, host) || (alias.len > 0 && slice_eq(domain, alias));
}

int sasl_prepare_user(struct slice host, struct slice alias, struct slice authcid,
                      struct buf *user_out)
{
    size_t at = slice_find(authcid, '@');
    if (at < authcid.len) {
        struct buf domain = {0};
        int err = jid_prepare_domain(slice_from(authcid, at + 1), &domain);
        if (err == 0 && !is_host(host, alias, buf_slice(&domain)))
            err = ERR_SYNTAX;
        buf_free(&domain);
        if (err != 0)
            return err;
    }
    return jid_prepare_local(slice_of(authcid.ptr, at), user_out);
}

/* The identity asked for is one's own bare address. */
static int check_authzid(const struct sasl_server *s, struct slice authzid)
{
    struct arena mem = {0};
    struct jid j;
    int err = jid_parse(authzid, &mem, &j);
    if (err == 0 && (j.resource_len > 0 || !slice_eq(jid_local(&j), buf_slice(&s->user)) ||
                     !is_host(s->host, s->alias, jid_domain(&j))))
        err = ERR_SYNTAX;
    arena_free(&mem);
    return err;
}

/* Decides whom the peer claims to be. True, or the exchange has failed. authzid.ptr == NULL: none.
 */
static bool identify(struct sasl_server *s, struct slice authcid, struct slice authzid)
{
    int err = sasl_prepare_user(s->host, s->alias, authcid, &s->user);
    s->authzid = authzid.ptr != NULL;
    if (err != 0) {
        fail_err(s, err, SASL_NOT_AUTHORIZED);
        return false;
    }
    err = authzid.ptr != NULL ? check_authzid(s, authzid) : 0;
    if (err != 0)
        fail_err(s, err, SASL_INVALID_AUTHZID);
    return err == 0;
}

static enum sasl_step plain_first(struct sasl_server *s, struct slice in)
{
    size_t first = slice_find(in, '\0');
    if (first == in.len || !utf8_valid(in))
        return fail(s, SASL_MALFORMED_REQUEST);
    struct slice authzid = slice_of(in.ptr, first), rest = slice_from(in, first + 1);
    size_t second = slice_find(rest, '\0');
    if (second == rest.len)
        return fail(s, SASL_MALFORMED_REQUEST);
    struct slice authcid = slice_of(rest.ptr, second), password = slice_from(rest, second + 1);
    if (authcid.len == 0 || authcid.len > JID_BYTES || password.len == 0 ||
        password.len > SASL_PASSWORD_BYTES || slice_find(password, '\0') < password.len)
        return fail(s, SASL_MALFORMED_REQUEST);
    if (!identify(s, authcid, authzid.len > 0 ? authzid : SLICE_NONE))
        return SASL_FAILURE;
    int err = jid_prepare_password(password, &s->secret);
    if (err != 0)
        return fail_err(s, err, SASL_NOT_AUTHORIZED);
    change_state(s, AWAIT_CREDENTIALS);
    return SASL_WANT_CREDENTIALS;
}

/* RFC 5802 section 6: flag, mechanism and what this connection can bind to fit together. *data_out
 * is what the client must have bound to. */
static bool binding_accepted(struct sasl_server *s, const struct scram_client_first *m,
                             struct slice *data_out)
{
    *data_out = SLICE_NONE;
    if ((m->flag == 'p') != s->mech->plus) {
        fail(s, SASL_MALFORMED_REQUEST);
        return false;
    }
    if (m->flag == 'n')
        return true;
    if (m->flag == 'y') {
        if (s->plus_offered) /* somebody has removed them from our list (A11, V47) */
            fail_downgrade(s);
        return !s->plus_offered;
    }
    if (slice_is(m->binding_name, "tls-exporter"))
        *data_out = slice_of((const char *)s->exporter, s->exporter_len);
    else if (slice_is(m->binding_name, "tls-server-end-point"))
        *data_out = slice_of((const char *)s->end_point, s->end_point_len);
    else if (slice_is(m->binding_name, "tls-unique"))
        *data_out = slice_of((const char *)s->unique, s->unique_len);
    if (data_out->len == 0)
        fail_downgrade(s);
    return data_out->len > 0;
}

static int unescaped_identity(struct sasl_server *s, const struct scram_client_first *m)
{
    struct buf authcid = {0}, authzid = {0};
    int err = scram_unescape(m->user, &authcid);
    if (err == 0)
        err = scram_unescape(m->authzid, &authzid);
    if (err == 0 && buf_len(&authcid) > JID_BYTES)
        err = ERR_SYNTAX;
    if (err != 0)
        fail_err(s, err, SASL_MALFORMED_REQUEST);
    else if (!identify(s, buf_slice(&authcid),
                       m->authzid.ptr != NULL ? buf_slice(&authzid) : SLICE_NONE))
        err = ERR_REFUSED;
    buf_free(&authcid);
    buf_free(&authzid);
    return err;
}

static enum sasl_step scram_first(struct sasl_server *s, struct slice in)
{
    struct scram_client_first m;
    struct slice data;
    struct buf header = {0};
    if (!scram_parse_client_first(in, &m))
        return fail(s, SASL_MALFORMED_REQUEST);
    if (!binding_accepted(s, &m, &data) || unescaped_identity(s, &m) != 0)
        return SASL_FAILURE;
    int err = buf_add(&header, m.gs2_header);
    if (err == 0)
        err = buf_add(&header, data);
    if (err == 0)
        err = base64_append(&s->expect, buf_slice(&header));
    buf_free(&header);
    /* AuthMessage: client-first-message-bare "," server-first-message "," ...; the nonce that the
     * peer began is taken up at once, so that it need not be kept beside. */
    if (err == 0)
        err = buf_add(&s->secret, m.bare);
    if (err == 0)
        err = buf_lit(&s->secret, ",r=");
    s->nonce_at = (uint32_t)buf_len(&s->secret);
    if (err == 0)
        err = buf_add(&s->secret, m.nonce);
    if (err == 0)
        err = buf_append(&s->secret, s->nonce, sizeof(s->nonce));
    s->nonce_len = (uint32_t)(m.nonce.len + sizeof(s->nonce));
    if (err != 0)
        return fail(s, SASL_TEMPORARY_AUTH_FAILURE);
    change_state(s, AWAIT_CREDENTIALS);
    return SASL_WANT_CREDENTIALS;
}

/* One made-up value: HMAC over host, user, hash and purpose, divided by NUL, which no name holds.
 */
static int make_up(const struct sasl_server *s, char purpose, uint8_t out[SASL_KEY_BYTES])
{
    char text[2 * JID_PART_BYTES + 4];
    struct slice user = buf_slice(&s->user), host = s->host;
    CHECK(user.len <= JID_PART_BYTES && host.len <= JID_PART_BYTES);
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    memcpy(text + host.len + 1, user.ptr, user.len);
    char *end = text + host.len + 1 + user.len;
    *end++ = '\0';
    *end++ = (char)('0' + s->hash);
    *end++ = purpose;
    return scram_hmac(SASL_SHA512, slice_of((const char *)s->fake_secret, SASL_SECRET_BYTES),
                      slice_of(text, (size_t)(end - text)), out);
}

/* Keys of a user who does not exist: the same at every try, unknowable from outside. */
static int make_up_keys(struct sasl_server *s)
{
    uint8_t salt[SASL_KEY_BYTES];
    s->keys = (struct sasl_keys){.iterations = s->iterations, .salt_len = SASL_SALT_BYTES};
    int err = make_up(s, 's', salt);
    memcpy(s->keys.salt, salt, SASL_SALT_BYTES);
    if (err == 0)
        err = make_up(s, 'k', s->keys.stored_key);
    return err != 0 ? err : make_up(s, 'v', s->keys.server_key);
}

static bool keys_usable(const struct sasl_keys *k)
{
    return k->iterations >= SASL_ITERATIONS_MIN && k->iterations <= SASL_ITERATIONS_MAX &&
           k->salt_len >= SASL_SALT_BYTES_MIN && k->salt_len <= SASL_SALT_BYTES_MAX;
}

/* SCRAM names its hash; PLAIN takes the best that is there, SHA-256 before SHA-512 because it costs
 * the server less (new accounts have all). */
static bool choose_keys(struct sasl_server *s, const struct sasl_credentials *c)
{
    static const enum sasl_hash order[] = {SASL_SHA256, SASL_SHA512, SASL_SHA1};
    for (size_t i = 0; !s->mech->scram && i < SASL_HASHES; i++) {
        s->hash = order[i];
        if (c->keys[s->hash].iterations != 0)
            break;
    }
    s->keys = c->keys[s->hash];
    return keys_usable(&s->keys);
}

static enum sasl_step server_first(struct sasl_server *s)
{
    struct buf *auth = &s->secret;
    int err = buf_lit(auth, ",s=");
    if (err == 0)
        err = base64_append(auth, slice_of((const char *)s->keys.salt, s->keys.salt_len));
    if (err == 0)
        err = buf_printf(auth, ",i=%u", s->keys.iterations);
    if (err == 0 && s->offer_len > 0)
        err = buf_lit(auth, ",h=");
    if (err == 0 && s->offer_len > 0)
        err = base64_append(auth, slice_of((const char *)s->offer, s->offer_len));
    if (err == 0) /* from "r=" on */
        err = buf_add(&s->out, slice_from(buf_slice(auth), s->nonce_at - 2));
    if (err == 0)
        err = buf_byte(auth, ',');
    if (err != 0)
        return fail(s, SASL_TEMPORARY_AUTH_FAILURE);
    change_state(s, AWAIT_FINAL);
    return SASL_CHALLENGE;
}

enum sasl_step sasl_server_credentials(struct sasl_server *s,
                                       const struct sasl_credentials *credentials, bool disabled)
{
    if (s->state >= SUCCEEDED)
        return fail(s, s->state == FAILED ? s->failure : SASL_MALFORMED_REQUEST);
    CHECK(s->state == AWAIT_CREDENTIALS);
    s->known = credentials != NULL;
    s->disabled = disabled;
    s->hash = s->mech->hash;
    int err = make_up_keys(s); /* for known users too: it is the same work */
    if (err != 0 || (s->known && !choose_keys(s, credentials)))
        return fail(s, SASL_TEMPORARY_AUTH_FAILURE);
    if (s->mech->scram)
        return server_first(s);
    change_state(s, AWAIT_DERIVED);
    return SASL_WANT_DERIVE;
}

void sasl_server_derivation(const struct sasl_server *s, struct sasl_derivation *out)
{
    CHECK(s->state == AWAIT_DERIVED);
    struct slice password = buf_slice(&s->secret);
    CHECK(password.len <= SASL_PASSWORD_BYTES);
    *out = (struct sasl_derivation){.hash = s->hash,
                                    .iterations = s->keys.iterations,
                                    .salt_len = s->keys.salt_len,
                                    .password_len = password.len,
                                    .err = ERR_CRYPTO};
    memcpy(out->salt, s->keys.salt, sizeof(out->salt));
    memcpy(out->password, password.ptr, password.len);
}

/* The end of both mechanisms. */
static enum sasl_step finish(struct sasl_server *s, bool proved)
{
    if (!proved || !s->known)
        return fail(s, SASL_NOT_AUTHORIZED);
    if (s->disabled)
        return fail(s, SASL_ACCOUNT_DISABLED);
    change_state(s, SUCCEEDED);
    return SASL_SUCCESS;
}

enum sasl_step sasl_server_derived(struct sasl_server *s, const struct sasl_derivation *done)
{
    uint8_t stored[SASL_KEY_BYTES];
    size_t len = sasl_hash_len(s->hash);
    if (s->state >= SUCCEEDED)
        return fail(s, s->state == FAILED ? s->failure : SASL_MALFORMED_REQUEST);
    CHECK(s->state == AWAIT_DERIVED);
    if (done->err != 0 || scram_keys(s->hash, done->salted, NULL, stored, NULL) != 0)
        return fail(s, SASL_TEMPORARY_AUTH_FAILURE);
    bool proved = secret_equal(slice_of((const char *)stored, len),
                               slice_of((const char *)s->keys.stored_key, len));
    mem_wipe(stored, sizeof(stored));
    return finish(s, proved);
}

/* ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); its hash is StoredKey. */
static int check_proof(struct sasl_server *s, const uint8_t *proof, bool *proved_out)
{
    uint8_t signature[SASL_KEY_BYTES], stored[SASL_KEY_BYTES];
    size_t len = sasl_hash_len(s->hash);
    struct slice stored_key = slice_of((const char *)s->keys.stored_key, len);
    int err = scram_hmac(s->hash, stored_key, buf_slice(&s->secret), signature);
    for (size_t i = 0; err == 0 && i < len; i++)
        signature[i] ^= proof[i];
    if (err == 0)
        err = scram_hash(s->hash, slice_of((const char *)signature, len), stored);
    *proved_out = err == 0 && secret_equal(slice_of((const char *)stored, len), stored_key);
    mem_wipe(signature, sizeof(signature));
    return err;
}

static enum sasl_step scram_final(struct sasl_server *s, struct slice in)
{
    struct scram_client_final m;
    uint8_t proof[(SASL_KEY_BYTES + 2) / 3 * 3], signature[SASL_KEY_BYTES];
    size_t len = sasl_hash_len(s->hash), proof_len = 0;
    bool proved = false;
    buf_clear(&s->out);
    if (!scram_parse_client_final(in, &m) || m.proof.len != base64_encoded_len(len) ||
        !base64_decode(m.proof, proof, &proof_len) || proof_len != len)
        return fail(s, SASL_MALFORMED_REQUEST);
    if (!secret_equal(m.binding, buf_slice(&s->expect)))
        return fail_downgrade(s);
    struct slice nonce = slice_of(buf_slice(&s->secret).ptr + s->nonce_at, s->nonce_len);
    if (!secret_equal(m.nonce, nonce))
        return fail(s, SASL_NOT_AUTHORIZED);
    int err = buf_add(&s->secret, m.without_proof);
    if (err == 0)
        err = check_proof(s, proof, &proved);
    if (err == 0)
        err = scram_hmac(s->hash, slice_of((const char *)s->keys.server_key, len),
                         buf_slice(&s->secret), signature);
    if (err == 0)
        err = buf_lit(&s->out, "v=");
    if (err == 0)
        err = base64_append(&s->out, slice_of((const char *)signature, len));
    mem_wipe(signature, sizeof(signature));
    return err != 0 ? fail(s, SASL_TEMPORARY_AUTH_FAILURE) : finish(s, proved);
}

static enum sasl_step first_message(struct sasl_server *s, struct slice in)
{
    buf_clear(&s->out);
    return s->mech->scram ? scram_first(s, in) : plain_first(s, in);
}

enum sasl_step sasl_server_respond(struct sasl_server *s, struct slice response)
{
    switch (s->state) {
    case AWAIT_FIRST:
        return first_message(s, response);
    case AWAIT_FINAL:
        return scram_final(s, response);
    case AWAIT_CREDENTIALS: /* the peer has spoken out of turn */
    case AWAIT_DERIVED:
    case SUCCEEDED:
    case FAILED:
        return fail(s, SASL_MALFORMED_REQUEST);
    }
    UNREACHABLE();
}

struct sasl_server *sasl_server_new(const struct sasl_server_config *config, struct slice mechanism,
                                    struct slice initial, struct rng *rng, enum sasl_step *step_out)
{
    struct sasl_server *s = mem_new(struct sasl_server);
    const struct sasl_binding *b = &config->binding;
    CHECK(b->tls_exporter.len <= SASL_KEY_BYTES && b->tls_server_end_point.len <= SASL_KEY_BYTES &&
          b->tls_unique.len <= SASL_KEY_BYTES);
    s->mech = sasl_mechanism_find(mechanism);
    s->host = slice_of(mem_copy(config->host), config->host.len);
    s->alias = slice_of(mem_copy(config->alias), config->alias.len);
    if (s->mech == NULL || (s->mech->plus && !config->plus_offered) ||
        (!s->mech->scram && !config->plain_allowed)) {
        *step_out = fail(s, SASL_INVALID_MECHANISM);
        return s;
    }
    s->plus_offered = config->plus_offered;
    s->iterations = config->iterations;
    memcpy(s->fake_secret, config->fake_secret, sizeof(s->fake_secret));
    s->exporter_len = (uint8_t)b->tls_exporter.len;
    if (b->tls_exporter.len > 0)
        memcpy(s->exporter, b->tls_exporter.ptr, b->tls_exporter.len);
    s->end_point_len = (uint8_t)b->tls_server_end_point.len;
    if (b->tls_server_end_point.len > 0)
        memcpy(s->end_point, b->tls_server_end_point.ptr, b->tls_server_end_point.len);
    s->unique_len = (uint8_t)b->tls_unique.len;
    if (b->tls_unique.len > 0)
        memcpy(s->unique, b->tls_unique.ptr, b->tls_unique.len);
    if (s->mech->scram)
        rng_token(rng, s->nonce, sizeof(s->nonce));
    if (s->mech->scram && config->offer.len > 0) {
        if (scram_hash(s->mech->hash, config->offer, s->offer) != 0) {
            *step_out = fail(s, SASL_TEMPORARY_AUTH_FAILURE);
            return s;
        }
        s->offer_len = (uint8_t)sasl_hash_len(s->mech->hash);
    }
    *step_out = initial.ptr != NULL ? first_message(s, initial) : SASL_CHALLENGE;
    return s;
}

void sasl_server_free(struct sasl_server **s)
{
    struct sasl_server *old = *s;
    *s = NULL;
    if (old == NULL)
        return;
    buf_free(&old->user);
    scram_wipe(&old->out);
    scram_wipe(&old->secret);
    scram_wipe(&old->expect);
    mem_free((void *)old->host.ptr);
    mem_free((void *)old->alias.ptr);
    mem_wipe(old, sizeof(*old));
    mem_free(old);
}

struct slice sasl_server_output(const struct sasl_server *s)
{
    return buf_slice(&s->out);
}

enum sasl_failure sasl_server_failure(const struct sasl_server *s)
{
    CHECK(s->state == FAILED);
    return s->failure;
}

bool sasl_server_downgrade(const struct sasl_server *s)
{
    return s->downgrade;
}

struct slice sasl_server_user(const struct sasl_server *s)
{
    return buf_slice(&s->user);
}

bool sasl_server_authzid(const struct sasl_server *s)
{
    return s->authzid;
}

struct slice sasl_server_mechanism(const struct sasl_server *s)
{
    return s->mech != NULL ? s->mech->name : SLICE_NONE;
}
