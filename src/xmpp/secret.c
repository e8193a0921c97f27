/* Comparison in constant time, by OpenSSL. */
#include "xmpp/secret.h"

#include <openssl/crypto.h>

bool secret_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
