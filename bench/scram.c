/* SCRAM-SHA-1 and SCRAM-SHA-256, client's side: RFC 5802 sections 3 and 5, RFC 7677. */
#include "scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"

enum { SCRAM_PASSWORD_MAX = 256 };

static const EVP_MD *scram_md(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static size_t scram_size(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? 20 : 32;
}

static void scram_hmac(enum scram_hash hash, const unsigned char *key, struct slice text,
                       unsigned char out[SCRAM_DIGEST_MAX])
{
    unsigned len;
    CHECK(HMAC(scram_md(hash), key, (int)scram_size(hash), (const unsigned char *)text.ptr,
               text.len, out, &len) != NULL);
}

void scram_first(struct scram *s, enum scram_hash hash, const char *user, const char *nonce,
                 struct buf *out)
{
    s->hash = hash;
    memcpy(s->nonce, nonce, SCRAM_NONCE);
    s->nonce[SCRAM_NONCE] = '\0';
    buf_clear(&s->first_bare);
    buf_printf(&s->first_bare, "n=%s,r=%s", user, s->nonce);
    buf_lit(out, "n,,");
    buf_add(out, buf_slice(&s->first_bare));
}

/* The value behind "x=" up to the next ','. */
static struct slice scram_value(struct slice message, char name)
{
    while (message.len >= 2) {
        size_t end = slice_find(message, ',');
        if (message.ptr[0] == name && message.ptr[1] == '=')
            return slice_of(message.ptr + 2, end - 2);
        message = slice_from(message, end < message.len ? end + 1 : end);
    }
    return SLICE_NONE;
}

static void scram_derive(struct scram_keys *keys, const char *password)
{
    unsigned char salted[SCRAM_DIGEST_MAX];
    CHECK(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), keys->salt, (int)keys->salt_len,
                            (int)keys->iterations, scram_md(keys->hash),
                            (int)scram_size(keys->hash), salted) == 1);
    scram_hmac(keys->hash, salted, SLICE("Client Key"), keys->client_key);
    scram_hmac(keys->hash, salted, SLICE("Server Key"), keys->server_key);
}

/* Makes keys those of this challenge. */
static bool scram_keys_for(struct scram_keys *keys, enum scram_hash hash, struct slice challenge,
                           const char *password)
{
    struct scram_keys k = {.hash = hash};
    unsigned long long iterations;
    struct slice salt = scram_value(challenge, 's');
    if (salt.len == 0 || salt.len > SCRAM_SALT_MAX || !base64_decode(salt, k.salt, &k.salt_len) ||
        !slice_to_u64(scram_value(challenge, 'i'), &iterations) || iterations == 0 ||
        iterations > 10000000)
        return false;
    k.iterations = (uint32_t)iterations;
    if (keys->hash == hash && keys->iterations == k.iterations && keys->salt_len == k.salt_len &&
        memcmp(keys->salt, k.salt, k.salt_len) == 0)
        return true;
    /* Accounts made as copies of one share its salt: the last result serves them all. */
    static struct scram_keys last;
    static char last_password[SCRAM_PASSWORD_MAX];
    if (last.hash != hash || last.iterations != k.iterations || last.salt_len != k.salt_len ||
        memcmp(last.salt, k.salt, k.salt_len) != 0 || strcmp(last_password, password) != 0) {
        scram_derive(&k, password);
        last = k;
        snprintf(last_password, sizeof last_password, "%s", password);
    }
    *keys = last;
    return true;
}

static void scram_prove(struct scram *s, const struct scram_keys *keys, struct slice auth,
                        unsigned char proof[SCRAM_DIGEST_MAX])
{
    unsigned char stored[SCRAM_DIGEST_MAX];
    unsigned char signature[SCRAM_DIGEST_MAX];
    size_t size = scram_size(s->hash);
    CHECK(EVP_Digest(keys->client_key, size, stored, NULL, scram_md(s->hash), NULL) == 1);
    scram_hmac(s->hash, stored, auth, signature);
    scram_hmac(s->hash, keys->server_key, auth, s->server_signature);
    for (size_t i = 0; i < size; i++)
        proof[i] = keys->client_key[i] ^ signature[i];
}

bool scram_final(struct scram *s, struct slice challenge, const char *password,
                 struct scram_keys *keys, struct buf *out)
{
    struct slice nonce = scram_value(challenge, 'r');
    if (!slice_starts(nonce, slice_z(s->nonce)) || nonce.len <= SCRAM_NONCE ||
        !scram_keys_for(keys, s->hash, challenge, password))
        return false;
    struct buf auth = {0};
    buf_add(&auth, buf_slice(&s->first_bare));
    buf_byte(&auth, ',');
    buf_add(&auth, challenge);
    buf_printf(&auth, ",c=biws,r=%.*s", SLICE_ARG(nonce));
    unsigned char proof[SCRAM_DIGEST_MAX];
    scram_prove(s, keys, buf_slice(&auth), proof);
    buf_free(&auth);
    buf_printf(out, "c=biws,r=%.*s,p=", SLICE_ARG(nonce));
    return base64_append(out, slice_of((const char *)proof, scram_size(s->hash))) == 0;
}

bool scram_verify(const struct scram *s, struct slice final)
{
    unsigned char got[SCRAM_DIGEST_MAX + 4];
    size_t len;
    struct slice v = scram_value(final, 'v');
    return v.len <= base64_encoded_len(SCRAM_DIGEST_MAX) && base64_decode(v, got, &len) &&
           len == scram_size(s->hash) && memcmp(got, s->server_signature, len) == 0;
}

void scram_free(struct scram *s)
{
    buf_free(&s->first_bare);
}
