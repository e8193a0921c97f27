/* SCRAM (RFC 5802 sections 3, 5 and 7; RFC 7677): key derivation on OpenSSL's HMAC, and the
 * messages. Attributes stand in their order, extensions are skipped where the grammar has them, the
 * reserved "m" is refused. Nothing is kept between calls. */
#include "xmpp/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

const EVP_MD *scram_digest(enum sasl_hash hash)
{
    switch (hash) {
    case SASL_SHA1:
        return EVP_sha1();
    case SASL_SHA256:
        return EVP_sha256();
    case SASL_SHA512:
        return EVP_sha512();
    case SASL_HASHES:
        break;
    }
    UNREACHABLE();
}

size_t sasl_hash_len(enum sasl_hash hash)
{
    static const uint8_t lengths[SASL_HASHES] = {20, 32, 64};
    CHECK(hash < SASL_HASHES);
    return lengths[hash];
}

int scram_hmac(enum sasl_hash hash, struct slice key, struct slice data,
               uint8_t out[SASL_KEY_BYTES])
{
    unsigned len = 0;
    CHECK(key.len <= SCRAM_MESSAGE_BYTES);
    if (HMAC(scram_digest(hash), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len,
             out, &len) == NULL)
        return ERR_CRYPTO;
    return len == sasl_hash_len(hash) ? 0 : ERR_CRYPTO;
}

int scram_hash(enum sasl_hash hash, struct slice data, uint8_t out[SASL_KEY_BYTES])
{
    unsigned len = 0;
    return EVP_Digest(data.ptr, data.len, out, &len, scram_digest(hash), NULL) == 1 &&
                   len == sasl_hash_len(hash)
               ? 0
               : ERR_CRYPTO;
}

int sasl_salted_password(enum sasl_hash hash, struct slice password, const uint8_t *salt,
                         size_t salt_len, uint32_t iterations, uint8_t salted_out[SASL_KEY_BYTES])
{
    if (password.len > SASL_PASSWORD_BYTES || salt_len > SCRAM_MESSAGE_BYTES || iterations == 0 ||
        iterations > SASL_ITERATIONS_MAX)
        return ERR_CRYPTO;
    return PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, salt, (int)salt_len, (int)iterations,
                             scram_digest(hash), (int)sasl_hash_len(hash), salted_out) == 1
               ? 0
               : ERR_CRYPTO;
}

int scram_keys(enum sasl_hash hash, const uint8_t salted[SASL_KEY_BYTES],
               uint8_t client_out[SASL_KEY_BYTES], uint8_t stored_out[SASL_KEY_BYTES],
               uint8_t server_out[SASL_KEY_BYTES])
{
    uint8_t client[SASL_KEY_BYTES];
    size_t len = sasl_hash_len(hash);
    struct slice key = slice_of((const char *)salted, len);
    int err = scram_hmac(hash, key, SLICE("Client Key"), client);
    if (err == 0 && stored_out != NULL)
        err = scram_hash(hash, slice_of((const char *)client, len), stored_out);
    if (err == 0 && server_out != NULL)
        err = scram_hmac(hash, key, SLICE("Server Key"), server_out);
    if (err == 0 && client_out != NULL)
        memcpy(client_out, client, len);
    mem_wipe(client, sizeof(client));
    return err;
}

/* Whole messages: bounded UTF-8 without NUL. */
static bool message_ok(struct slice in)
{
    return in.len > 0 && in.len <= SCRAM_MESSAGE_BYTES && slice_find(in, '\0') == in.len &&
           utf8_valid(in);
}

static bool nonce_ok(struct slice nonce)
{
    if (nonce.len == 0 || nonce.len > SCRAM_NONCE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < nonce.len; i++)
        if (nonce.ptr[i] < 0x21 || nonce.ptr[i] > 0x7e) /* the comma ends the attribute */
            return false;
    return true;
}

/* Takes the attribute up to the next comma; rest has no pointer when that was the last. */
static bool take(struct slice *rest, char name, struct slice *value_out)
{
    if (rest->ptr == NULL)
        return false;
    size_t comma = slice_find(*rest, ',');
    struct slice one = slice_of(rest->ptr, comma);
    if (one.len < 3 || one.ptr[0] != name || one.ptr[1] != '=')
        return false;
    *value_out = slice_from(one, 2);
    *rest = comma < rest->len ? slice_from(*rest, comma + 1) : SLICE_NONE;
    return true;
}

/* Extensions up to the end: letters that mean nothing yet. */
static bool skip_extensions(struct slice rest)
{
    while (rest.ptr != NULL) {
        char name = rest.len > 0 ? rest.ptr[0] : '\0';
        bool letter = (name >= 'a' && name <= 'z') || (name >= 'A' && name <= 'Z');
        struct slice value;
        if (!letter || memchr("aceimnprsv", name, 10) != NULL || !take(&rest, name, &value))
            return false;
    }
    return true;
}

/* The value of one of the extensions, which skip_extensions has accepted. */
static struct slice extension(struct slice rest, char name)
{
    while (rest.len > 0) {
        size_t comma = slice_find(rest, ',');
        if (rest.ptr[0] == name)
            return slice_of(rest.ptr + 2, comma - 2);
        rest = comma < rest.len ? slice_from(rest, comma + 1) : SLICE_NONE;
    }
    return SLICE_NONE;
}

/* gs2-header: flag, authzid; *rest is moved behind it. */
static bool parse_gs2(struct slice *rest, struct scram_client_first *out)
{
    struct slice in = *rest;
    size_t comma = slice_find(in, ',');
    struct slice flag = slice_of(in.ptr, comma);
    if (comma == in.len || flag.len == 0)
        return false;
    out->flag = flag.ptr[0];
    if (out->flag == 'p') {
        if (flag.len < 3 || flag.ptr[1] != '=')
            return false;
        out->binding_name = slice_from(flag, 2);
    } else if (flag.len != 1 || (out->flag != 'n' && out->flag != 'y')) {
        return false;
    }
    struct slice tail = slice_from(in, comma + 1);
    comma = slice_find(tail, ',');
    if (comma == tail.len)
        return false;
    if (comma > 0) {
        if (comma < 3 || tail.ptr[0] != 'a' || tail.ptr[1] != '=')
            return false;
        out->authzid = slice_of(tail.ptr + 2, comma - 2);
    }
    *rest = slice_from(tail, comma + 1);
    out->gs2_header = slice_of(in.ptr, (size_t)(rest->ptr - in.ptr));
    return true;
}

bool scram_parse_client_first(struct slice in, struct scram_client_first *out)
{
    *out = (struct scram_client_first){0};
    if (!message_ok(in) || !parse_gs2(&in, out))
        return false;
    out->bare = in;
    return take(&in, 'n', &out->user) && take(&in, 'r', &out->nonce) && nonce_ok(out->nonce) &&
           skip_extensions(in);
}

bool scram_parse_client_final(struct slice in, struct scram_client_final *out)
{
    *out = (struct scram_client_final){0};
    if (!message_ok(in))
        return false;
    size_t comma = in.len; /* the last one: the proof ends the message */
    while (comma > 0 && in.ptr[comma - 1] != ',')
        comma--;
    if (comma == 0)
        return false;
    out->without_proof = slice_of(in.ptr, comma - 1);
    struct slice tail = slice_from(in, comma), rest = out->without_proof;
    return take(&tail, 'p', &out->proof) && take(&rest, 'c', &out->binding) &&
           take(&rest, 'r', &out->nonce) && nonce_ok(out->nonce) && skip_extensions(rest);
}

bool scram_parse_server_first(struct slice in, struct scram_server_first *out)
{
    *out = (struct scram_server_first){0};
    bool good = message_ok(in) && take(&in, 'r', &out->nonce) && nonce_ok(out->nonce) &&
                take(&in, 's', &out->salt) && take(&in, 'i', &out->count) &&
                slice_to_u64(out->count, &out->iterations) && skip_extensions(in);
    if (good)
        out->offer = extension(in, 'h');
    return good;
}

int scram_unescape(struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '=') {
            struct slice code = slice_of(in.ptr + i, in.len - i < 3 ? in.len - i : 3);
            if (!slice_is(code, "=2C") && !slice_is(code, "=3D"))
                return ERR_SYNTAX;
            c = code.ptr[1] == '2' ? ',' : '=';
            i += 2;
        }
        int err = buf_byte(out, c);
        if (err != 0)
            return err;
    }
    return 0;
}

int scram_escape(struct slice in, struct buf *out)
{
    int err = 0;
    for (size_t i = 0; err == 0 && i < in.len; i++) {
        if (in.ptr[i] == ',')
            err = buf_lit(out, "=2C");
        else if (in.ptr[i] == '=')
            err = buf_lit(out, "=3D");
        else
            err = buf_byte(out, in.ptr[i]);
    }
    return err;
}

void scram_wipe(struct buf *b)
{
    if (b->ptr != NULL)
        mem_wipe(b->ptr, b->cap);
    buf_free(b);
}
