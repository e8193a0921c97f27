/* Certificates and contexts: what is refused, what is made, whom one speaks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/err.h"
#include "wire/tls_client.h"

static const int64_t NOW_S = 1800000000;

static struct pems {
    struct buf chain, key;
} one, two;

static void free_pems(struct pems *p)
{
    buf_free(&p->chain);
    buf_free(&p->key);
}

static int set_up(void **state)
{
    (void)state;
    const struct slice hosts[] = {SLICE("one.example"), SLICE("two.example")};
    return tls_make_certificate(&hosts[0], 1, NOW_S, &one.chain, &one.key) |
           tls_make_certificate(&hosts[1], 1, NOW_S, &two.chain, &two.key);
}

static int tear_down(void **state)
{
    (void)state;
    free_pems(&one);
    free_pems(&two);
    return 0;
}

static void wrong_certificates_and_keys_have_their_names(void **state)
{
    (void)state;
    enum tls_problem problem;
    struct slice chain = buf_slice(&one.chain), key = buf_slice(&one.key);
    static const struct slice junk = {"junk", 4};
    assert_null(tls_context_server(SLICE_NONE, key, &problem));
    assert_int_equal(problem, TLS_BAD_CERTIFICATE);
    assert_null(tls_context_server(junk, key, &problem));
    assert_int_equal(problem, TLS_BAD_CERTIFICATE);
    assert_null(tls_context_server(key, key, &problem));
    assert_int_equal(problem, TLS_BAD_CERTIFICATE);
    assert_null(tls_context_server(chain, junk, &problem));
    assert_int_equal(problem, TLS_BAD_KEY);
    assert_null(tls_context_server(chain, SLICE_NONE, &problem));
    assert_int_equal(problem, TLS_BAD_KEY);
    assert_null(tls_context_server(chain, buf_slice(&two.key), &problem));
    assert_int_equal(problem, TLS_KEY_MISMATCH);
    assert_null(tls_context_client(&(struct tls_trust){.anchors_pem = junk}, &problem));
    assert_int_equal(problem, TLS_BAD_CERTIFICATE);
    /* A chain whose second certificate is damaged. */
    struct buf both = {0};
    buf_add(&both, chain);
    buf_add(&both, chain);
    struct tls_context *ctx = tls_context_server(buf_slice(&both), key, &problem);
    assert_int_equal(problem, TLS_FINE);
    tls_context_unref(&ctx);
    both.ptr[chain.len + 60] = '!';
    assert_null(tls_context_server(buf_slice(&both), key, &problem));
    assert_int_equal(problem, TLS_BAD_CERTIFICATE);
    buf_free(&both);
}

static void an_encrypted_key_is_refused_without_asking(void **state)
{
    (void)state;
    static const char password[] = "secret";
    BIO *text = BIO_new_mem_buf(one.key.ptr, (int)buf_len(&one.key));
    BIO *locked = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(locked, key, EVP_aes_128_cbc(), password,
                                                   (int)strlen(password), NULL, NULL),
                     1);
    char *data;
    long n = BIO_get_mem_data(locked, &data);
    enum tls_problem problem;
    assert_null(tls_context_server(buf_slice(&one.chain), slice_of(data, (size_t)n), &problem));
    assert_int_equal(problem, TLS_BAD_KEY);
    EVP_PKEY_free(key);
    BIO_free(locked);
    BIO_free(text);
}

static void a_made_certificate_covers_its_hosts_for_ten_years(void **state)
{
    (void)state;
    const struct slice hosts[] = {SLICE("localhost"), SLICE("talk.localhost"),
                                  SLICE("*.wild.test")};
    struct buf chain = {0}, key = {0};
    enum tls_problem problem;
    struct tls_certificate_info info;
    assert_int_equal(tls_make_certificate(hosts, 3, NOW_S, &chain, &key), 0);
    struct tls_context *ctx = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    assert_non_null(ctx);
    static const struct {
        const char *host;
        bool covered;
    } table[] = {{"localhost", true},    {"LocalHost", true},   {"talk.localhost", true},
                 {"x.localhost", false}, {"a.wild.test", true}, {"b.a.wild.test", false},
                 {"wild.test", false},   {".wild.test", false}, {"", false},
                 {"localhos", false},    {"localhostx", false}, {"*.wild.test", true}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(tls_context_info(ctx, slice_z(table[i].host), &info), 0);
        assert_int_equal(info.covers_host, table[i].covered);
    }
    assert_true(info.self_signed);
    assert_int_equal(info.not_before_s, NOW_S - 86400);
    assert_int_equal(info.not_after_s, NOW_S + INT64_C(3650) * 86400);
    struct tls_context *client = tls_context_client(&(struct tls_trust){0}, &problem);
    assert_int_equal(tls_context_info(client, hosts[0], &info), ERR_NOT_FOUND);
    tls_context_unref(&client);
    struct tls_context *again = tls_context_ref(ctx);
    tls_context_unref(&ctx);
    assert_int_equal(tls_context_info(again, hosts[0], &info), 0);
    tls_context_unref(&again);
    assert_int_equal(tls_make_certificate(hosts, 0, NOW_S, &chain, &key), ERR_CRYPTO);
    buf_free(&chain);
    buf_free(&key);
}

/* A certificate with one other name of the kind, for the host test.example. */
static bool other_name_covers(int kind, int type, const char *value, const char *host)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(type);
    ASN1_TYPE *wrapped = ASN1_TYPE_new();
    ASN1_STRING_set(text, value, -1);
    ASN1_TYPE_set(wrapped, type, text);
    GENERAL_NAME_set0_othername(name, OBJ_nid2obj(kind), wrapped);
    sk_GENERAL_NAME_push(names, name);
    ASN1_TIME_set(X509_getm_notBefore(x), NOW_S);
    ASN1_TIME_set(X509_getm_notAfter(x), NOW_S + 1000);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"cn.example", -1, -1, 0);
    X509_set_pubkey(x, key);
    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
    X509_sign(x, key, EVP_sha256());
    BIO *chain = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(chain, x);
    PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL);
    char *chain_text, *key_text;
    long chain_len = BIO_get_mem_data(chain, &chain_text);
    long key_len = BIO_get_mem_data(secret, &key_text);
    enum tls_problem problem;
    struct tls_certificate_info info;
    struct tls_context *ctx = tls_context_server(slice_of(chain_text, (size_t)chain_len),
                                                 slice_of(key_text, (size_t)key_len), &problem);
    assert_int_equal(tls_context_info(ctx, slice_z(host), &info), 0);
    tls_context_unref(&ctx);
    BIO_free(chain);
    BIO_free(secret);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    X509_free(x);
    EVP_PKEY_free(key);
    return info.covers_host;
}

static void names_of_xmpp_count_and_the_common_name_does_not(void **state)
{
    (void)state;
    assert_true(other_name_covers(NID_SRVName, V_ASN1_IA5STRING, "_xmpp-client.test.example",
                                  "test.example"));
    assert_true(other_name_covers(NID_SRVName, V_ASN1_IA5STRING, "_XMPP-server.Test.example",
                                  "test.example"));
    assert_false(
        other_name_covers(NID_SRVName, V_ASN1_IA5STRING, "_http.test.example", "test.example"));
    assert_false(other_name_covers(NID_SRVName, V_ASN1_IA5STRING, "_xmpp-client.test.example",
                                   "_xmpp-client.test.example"));
    assert_false(other_name_covers(NID_SRVName, V_ASN1_UTF8STRING, "_xmpp-client.test.example",
                                   "test.example"));
    assert_true(other_name_covers(NID_XmppAddr, V_ASN1_UTF8STRING, "test.example", "test.example"));
    assert_false(other_name_covers(NID_XmppAddr, V_ASN1_UTF8STRING, "*.example", "test.example"));
    assert_false(other_name_covers(NID_ms_upn, V_ASN1_UTF8STRING, "test.example", "test.example"));
    assert_false(other_name_covers(NID_XmppAddr, V_ASN1_UTF8STRING, "test.example", "cn.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_certificates_and_keys_have_their_names),
        cmocka_unit_test(an_encrypted_key_is_refused_without_asking),
        cmocka_unit_test(a_made_certificate_covers_its_hosts_for_ten_years),
        cmocka_unit_test(names_of_xmpp_count_and_the_common_name_does_not),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
