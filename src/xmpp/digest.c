/* Plain hashes: SHA-1 (RFC 3174), which XEP-0115 asks for, SHA-256, and HMAC (RFC 2104). */
#include "xmpp/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "base/err.h"

int digest_sha1(struct slice data, uint8_t out[DIGEST_SHA1_BYTES])
{
    const void *bytes = data.len > 0 ? data.ptr : "";
    return EVP_Digest(bytes, data.len, out, NULL, EVP_sha1(), NULL) == 1 ? 0 : ERR_CRYPTO;
}

int digest_sha256(struct slice data, uint8_t out[DIGEST_SHA256_BYTES])
{
    const void *bytes = data.len > 0 ? data.ptr : "";
    return EVP_Digest(bytes, data.len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : ERR_CRYPTO;
}

int digest_hmac_sha256(struct slice key, struct slice data, uint8_t out[DIGEST_SHA256_BYTES])
{
    CHECK(key.len <= 4096);
    const void *bytes = data.len > 0 ? data.ptr : "";
    return HMAC(EVP_sha256(), key.ptr, (int)key.len, bytes, data.len, out, NULL) != NULL
               ? 0
               : ERR_CRYPTO;
}

/* OpenSSL's context under another name. */
static EVP_MD_CTX *context(struct digest *d)
{
    return (EVP_MD_CTX *)(void *)d;
}

struct digest *digest_begin(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    return (struct digest *)(void *)ctx;
}

int digest_add(struct digest *d, struct slice data)
{
    return data.len == 0 || EVP_DigestUpdate(context(d), data.ptr, data.len) == 1 ? 0 : ERR_CRYPTO;
}

int digest_end(struct digest *d, uint8_t out[DIGEST_SHA256_BYTES])
{
    return EVP_DigestFinal_ex(context(d), out, NULL) == 1 ? 0 : ERR_CRYPTO;
}

void digest_free(struct digest **d)
{
    EVP_MD_CTX_free(context(*d));
    *d = NULL;
}
