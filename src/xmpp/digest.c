/* Plain hashes: SHA-1 (RFC 3174), which XEP-0115 asks for. */
#include "xmpp/digest.h"

#include <openssl/evp.h>

#include "base/err.h"

int digest_sha1(struct slice data, uint8_t out[DIGEST_SHA1_BYTES])
{
    const void *bytes = data.len > 0 ? data.ptr : "";
    return EVP_Digest(bytes, data.len, out, NULL, EVP_sha1(), NULL) == 1 ? 0 : ERR_CRYPTO;
}
