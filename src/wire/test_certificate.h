/* Certificates of every kind for tests: authorities, chains, odd names, wrong dates. */
#ifndef WIRE_TEST_CERTIFICATE_H
#define WIRE_TEST_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"

struct test_certificate {
    X509 *x;
    EVP_PKEY *key;
    struct buf chain_pem; /* this one, and those of its issuers below the root */
    struct buf key_pem;
};

struct test_certificate_spec {
    const char *common_name;
    const char *names;     /* subjectAltName as OpenSSL's configuration writes it; NULL: none */
    struct slice raw_name; /* one more dNSName, any bytes */
    const struct test_certificate *issuer; /* NULL: signed by itself */
    bool authority;
    int rsa_bits;         /* 0: P-256 */
    const EVP_MD *digest; /* NULL: SHA-256 */
    int64_t from_s, to_s;
};

void test_certificate_make(struct test_certificate *out, const struct test_certificate_spec *spec);
void test_certificate_free(struct test_certificate *c);

#endif
