/* Certificates of every kind for tests, by OpenSSL. */
#include "wire/test_certificate.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/check.h"

static void set_name(X509_NAME *name, const char *common_name)
{
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                     -1, -1, 0) == 1);
}

static void add_extension(X509 *x, int kind, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    CHECK(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_raw_name(X509 *x, struct slice raw)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    CHECK(ASN1_STRING_set(text, raw.ptr, (int)raw.len) == 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    CHECK(sk_GENERAL_NAME_push(names, name) == 1);
    CHECK(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}

static void take(BIO *text, struct buf *out)
{
    char *data;
    long len = BIO_get_mem_data(text, &data);
    CHECK(len > 0 && buf_append(out, data, (size_t)len) == 0);
    BIO_free(text);
}

void test_certificate_make(struct test_certificate *out, const struct test_certificate_spec *spec)
{
    static long serial = 1000;
    memset(out, 0, sizeof(*out));
    X509 *x = out->x = X509_new();
    out->key = spec->rsa_bits > 0 ? EVP_RSA_gen((unsigned)spec->rsa_bits) : EVP_EC_gen("P-256");
    CHECK(out->key != NULL && X509_set_version(x, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++) == 1);
    CHECK(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)spec->from_s) != NULL);
    CHECK(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)spec->to_s) != NULL);
    set_name(X509_get_subject_name(x), spec->common_name);
    const X509 *issuer = spec->issuer != NULL ? spec->issuer->x : x;
    CHECK(X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1);
    CHECK(X509_set_pubkey(x, out->key) == 1);
    add_extension(x, NID_basic_constraints, spec->authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (spec->names != NULL)
        add_extension(x, NID_subject_alt_name, spec->names);
    if (spec->raw_name.len > 0)
        add_raw_name(x, spec->raw_name);
    EVP_PKEY *signer = spec->issuer != NULL ? spec->issuer->key : out->key;
    CHECK(X509_sign(x, signer, spec->digest != NULL ? spec->digest : EVP_sha256()) > 0);
    BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_X509(chain, x) == 1);
    CHECK(PEM_write_bio_PrivateKey(key, out->key, NULL, NULL, 0, NULL, NULL) == 1);
    take(chain, &out->chain_pem);
    take(key, &out->key_pem);
    if (spec->issuer != NULL && X509_self_signed(spec->issuer->x, 0) != 1)
        CHECK(buf_add(&out->chain_pem, buf_slice(&spec->issuer->chain_pem)) == 0);
}

void test_certificate_free(struct test_certificate *c)
{
    X509_free(c->x);
    EVP_PKEY_free(c->key);
    buf_free(&c->chain_pem);
    buf_free(&c->key_pem);
}
