/* DIGEST-MD5 (RFC 2831 sections 2.1.1, 2.1.2.1, 2.1.3 and 7): directives and hashes. Nothing is
 * kept between calls; what held the password is wiped. */
#include "xmpp/sasl_digest_md5.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "xmpp/scram.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_token(char c)
{
    return c > 0x20 && c < 0x7f && memchr("()<>@,;:\\\"/[]?={}", c, 17) == NULL;
}

static void skip(struct slice *rest, bool commas)
{
    while (rest->len > 0 && (is_space(*rest->ptr) || (commas && *rest->ptr == ',')))
        *rest = slice_from(*rest, 1);
}

static struct slice take_token(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->len && is_token(rest->ptr[n]))
        n++;
    struct slice token = slice_of(rest->ptr, n);
    *rest = slice_from(*rest, n);
    return token;
}

/* Behind the opening quote; the closing one is taken too. */
static int take_quoted(struct slice *rest, struct buf *value)
{
    size_t i = 0;
    for (; i < rest->len && rest->ptr[i] != '"'; i++) {
        if (rest->ptr[i] == '\\' && ++i == rest->len)
            return ERR_SYNTAX;
        unsigned char c = (unsigned char)rest->ptr[i];
        if (c < 0x20 || c == 0x7f)
            return ERR_SYNTAX;
        if (buf_byte(value, (char)c) != 0)
            return ERR_MEMORY;
    }
    if (i == rest->len)
        return ERR_SYNTAX;
    *rest = slice_from(*rest, i + 1);
    return 0;
}

/* One directive; the space and commas before it are skipped. */
static int take_directive(struct slice *rest, struct slice *key_out, struct buf *value)
{
    buf_clear(value);
    *key_out = take_token(rest);
    skip(rest, false);
    if (key_out->len == 0 || rest->len == 0 || *rest->ptr != '=')
        return ERR_SYNTAX;
    *rest = slice_from(*rest, 1);
    skip(rest, false);
    int err = 0;
    if (rest->len > 0 && *rest->ptr == '"') {
        *rest = slice_from(*rest, 1);
        err = take_quoted(rest, value);
    } else {
        struct slice token = take_token(rest);
        err = token.len > 0 ? buf_add(value, token) : ERR_SYNTAX;
    }
    skip(rest, false);
    return err == 0 && rest->len > 0 && *rest->ptr != ',' ? ERR_SYNTAX : err;
}

/* Is a token among those of a list? */
static bool lists(struct slice list, struct slice wanted)
{
    while (list.len > 0) {
        skip(&list, true);
        struct slice token = take_token(&list);
        if (slice_eq(token, wanted))
            return true;
        if (token.len == 0 && list.len > 0)
            return false;
    }
    return false;
}

/* False when it was told before. */
static bool first_time(bool *told)
{
    bool first = !*told;
    *told = true;
    return first;
}

static int keep(struct buf *out, struct slice value, bool *told)
{
    return first_time(told) ? buf_add(out, value) : ERR_SYNTAX;
}

static int take_in(struct digest_md5_message *m, struct slice key, struct slice value,
                   struct slice host)
{
    if (slice_is(key, "nonce"))
        return value.len > 0 ? keep(&m->nonce, value, &m->nonce_told) : ERR_SYNTAX;
    if (slice_is(key, "rspauth"))
        return keep(&m->rspauth, value, &m->rspauth_told);
    if (slice_is(key, "realm")) {
        if (m->realm_told && !slice_eq(value, host))
            return 0;
        m->realm_told = true;
        buf_clear(&m->realm);
        return buf_add(&m->realm, value);
    }
    if (slice_is(key, "qop")) {
        m->auth = lists(value, SLICE("auth"));
        return first_time(&m->qop_told) ? 0 : ERR_SYNTAX;
    }
    if (slice_is(key, "charset")) {
        m->utf8 = slice_is(value, "utf-8");
        return first_time(&m->charset_told) && m->utf8 ? 0 : ERR_SYNTAX;
    }
    if (slice_is(key, "algorithm")) {
        m->session = slice_is(value, "md5-sess");
        return first_time(&m->algorithm_told) ? 0 : ERR_SYNTAX;
    }
    return 0; /* stale, maxbuf, cipher, and what may come */
}

int digest_md5_parse(struct slice in, struct slice host, struct digest_md5_message *out)
{
    struct buf value = {0};
    int err = 0;
    *out = (struct digest_md5_message){.auth = true};
    if (in.len > DIGEST_MD5_MESSAGE_BYTES)
        return ERR_SYNTAX;
    for (skip(&in, true); in.len > 0 && err == 0; skip(&in, true)) {
        struct slice key;
        err = take_directive(&in, &key, &value);
        if (err == 0)
            err = take_in(out, key, buf_slice(&value), host);
    }
    if (err == 0 && out->utf8 && !utf8_valid(buf_slice(&out->realm)))
        err = ERR_SYNTAX;
    buf_free(&value);
    return err;
}

void digest_md5_message_free(struct digest_md5_message *m)
{
    buf_free(&m->realm);
    buf_free(&m->nonce);
    buf_free(&m->rspauth);
}

int digest_md5_narrow(struct slice in, struct buf *out)
{
    while (in.len > 0) {
        uint32_t code = 0;
        int n = utf8_decode(in, &code);
        if (n <= 0 || code > 0xff)
            return ERR_SYNTAX;
        int err = buf_byte(out, (char)(unsigned char)code);
        if (err != 0)
            return err;
        in = slice_from(in, (size_t)n);
    }
    return 0;
}

int digest_md5_quote(struct slice in, struct buf *out)
{
    int err = buf_byte(out, '"');
    for (size_t i = 0; i < in.len && err == 0; i++) {
        if (in.ptr[i] == '"' || in.ptr[i] == '\\')
            err = buf_byte(out, '\\');
        if (err == 0)
            err = buf_byte(out, in.ptr[i]);
    }
    return err != 0 ? err : buf_byte(out, '"');
}

/* As it is hashed (section 2.1.2.1): Latin-1 where it can be, else UTF-8 where the server takes it.
 */
static int add_hashed(const struct digest_md5 *d, struct slice in, struct buf *out)
{
    size_t before = buf_len(out);
    int err = digest_md5_narrow(in, out);
    if (err != ERR_SYNTAX || !d->utf8)
        return err;
    buf_truncate(out, before);
    return buf_add(out, in);
}

enum { MD5_BYTES = DIGEST_MD5_HEX / 2 };

static int md5(struct slice in, unsigned char out[MD5_BYTES])
{
    unsigned len = 0;
    return EVP_Digest(in.ptr, in.len, out, &len, EVP_md5(), NULL) == 1 && len == MD5_BYTES
               ? 0
               : ERR_CRYPTO;
}

/* H(in) as hex. */
static int md5_hex(struct slice in, char out[DIGEST_MD5_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[MD5_BYTES];
    int err = md5(in, hash);
    for (size_t i = 0; i < MD5_BYTES && err == 0; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    mem_wipe(hash, sizeof(hash));
    return err;
}

/* Appends ":" and the value. */
static int add_part(struct buf *out, struct slice value)
{
    int err = buf_byte(out, ':');
    return err != 0 ? err : buf_add(out, value);
}

static int hash_a1(const struct digest_md5 *d, char hex_out[DIGEST_MD5_HEX])
{
    struct buf a1 = {0};
    unsigned char inner[MD5_BYTES];
    int err = buf_reserve(&a1, 4096); /* so that nothing secret is left behind by growing */
    if (err == 0)
        err = add_hashed(d, d->user, &a1);
    if (err == 0)
        err = buf_byte(&a1, ':');
    if (err == 0)
        err = d->utf8 ? add_hashed(d, d->realm, &a1) : buf_add(&a1, d->realm);
    if (err == 0)
        err = buf_byte(&a1, ':');
    if (err == 0)
        err = add_hashed(d, d->password, &a1);
    if (err == 0)
        err = md5(buf_slice(&a1), inner);
    if (err == 0) {
        mem_wipe(a1.ptr, a1.cap);
        buf_clear(&a1);
        err = buf_append(&a1, inner, sizeof(inner));
    }
    if (err == 0)
        err = add_part(&a1, d->nonce);
    if (err == 0)
        err = add_part(&a1, d->cnonce);
    if (err == 0 && d->authzid.len > 0)
        err = add_part(&a1, d->authzid);
    if (err == 0)
        err = md5_hex(buf_slice(&a1), hex_out);
    mem_wipe(inner, sizeof(inner));
    scram_wipe(&a1);
    return err;
}

int digest_md5_response(const struct digest_md5 *d, bool by_server, char hex_out[DIGEST_MD5_HEX])
{
    char a1[DIGEST_MD5_HEX], a2[DIGEST_MD5_HEX];
    struct buf text = {0};
    int err = hash_a1(d, a1);
    if (err == 0 && !by_server)
        err = buf_lit(&text, "AUTHENTICATE");
    if (err == 0)
        err = add_part(&text, d->uri);
    if (err == 0)
        err = md5_hex(buf_slice(&text), a2);
    buf_clear(&text);
    if (err == 0)
        err = buf_append(&text, a1, sizeof(a1));
    if (err == 0)
        err = add_part(&text, d->nonce);
    if (err == 0)
        err = buf_lit(&text, ":00000001");
    if (err == 0)
        err = add_part(&text, d->cnonce);
    if (err == 0)
        err = buf_lit(&text, ":auth");
    if (err == 0)
        err = add_part(&text, slice_of(a2, sizeof(a2)));
    if (err == 0)
        err = md5_hex(buf_slice(&text), hex_out);
    mem_wipe(a1, sizeof(a1));
    scram_wipe(&text);
    return err;
}
