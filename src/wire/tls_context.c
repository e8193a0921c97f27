/* TLS contexts: one immutable SSL_CTX per host, shared by all shards (RFC 7590, RFC 9325).
 *
 * TLS 1.2 and 1.3, ECDHE with AEAD, security level 2; AES-128 before ChaCha20 before AES-256 unless
 * the client puts ChaCha20 first. No session cache, no early data and no tickets: they cost no
 * memory (an idle connection takes 14.0 KB of TLS 1.3 or 13.1 KB of 1.2 with or without,
 * tls_memory_test.c), but giving one adds 10 us of CPU to the 160 of every login, taking one saves
 * hardly more than a P-256 signature (15 us), it lives at most as long as the process, and its key
 * would undo forward secrecy and would have to be shared and changed by the hour.
 *
 * SSL_MODE_RELEASE_BUFFERS costs 0.1 us per record and gives back 33 KB per idle connection.
 * SSL_OP_CLEANSE_PLAINTEXT is left out: it wipes the whole 16 KB buffer, 1.3 us per record. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "base/err.h"
#include "wire/tls_inside.h"

/* struct tls_context is OpenSSL's own, with its reference count. */
SSL_CTX *tls_context_ssl(struct tls_context *ctx)
{
    return (SSL_CTX *)(void *)ctx;
}

static struct tls_context *context_of(SSL_CTX *ssl)
{
    return (struct tls_context *)(void *)ssl;
}

/* An encrypted key is refused instead of asking for its password on the terminal. */
static int no_password(char *text, int cap, int writing, void *arg)
{
    (void)text, (void)cap, (void)writing, (void)arg;
    return -1;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    static const char suites[] =
        "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
    static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
    /* The policy is this file, not the system's openssl.cnf. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return NULL;
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_security_level(ctx, 2);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_msg_callback(ctx, tls_watch);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_ciphersuites(ctx, suites) == 1 && SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
        SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static BIO *text_of(struct slice pem)
{
    return pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.len > 0 ? pem.ptr : "", (int)pem.len) : NULL;
}

/* Leaf first, then what it hangs on. */
static enum tls_problem use_chain(SSL_CTX *ctx, struct slice pem)
{
    BIO *text = text_of(pem);
    if (text == NULL)
        return TLS_NO_MEMORY;
    X509 *certificate = PEM_read_bio_X509_AUX(text, NULL, no_password, NULL);
    enum tls_problem problem = TLS_FINE;
    if (certificate == NULL || SSL_CTX_use_certificate(ctx, certificate) != 1)
        problem = TLS_BAD_CERTIFICATE;
    X509_free(certificate);
    while (problem == TLS_FINE &&
           (certificate = PEM_read_bio_X509(text, NULL, no_password, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(ctx, certificate) != 1) {
            X509_free(certificate);
            problem = TLS_BAD_CERTIFICATE;
        }
    }
    unsigned long why = ERR_peek_last_error();
    if (problem == TLS_FINE &&
        !(ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE))
        problem = TLS_BAD_CERTIFICATE; /* a damaged one in the chain */
    BIO_free(text);
    return problem;
}

static enum tls_problem use_key(SSL_CTX *ctx, struct slice pem)
{
    BIO *text = text_of(pem);
    if (text == NULL)
        return TLS_NO_MEMORY;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, no_password, NULL);
    enum tls_problem problem = TLS_FINE;
    if (key == NULL)
        problem = TLS_BAD_KEY;
    else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
        problem = TLS_KEY_MISMATCH;
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        problem = TLS_BAD_KEY;
    EVP_PKEY_free(key);
    BIO_free(text);
    return problem;
}

struct tls_context *tls_context_server(struct slice chain_pem, struct slice key_pem,
                                       enum tls_problem *problem_out)
{
    ERR_clear_error();
    SSL_CTX *ctx = context_new(TLS_server_method());
    *problem_out = ctx == NULL ? TLS_NO_MEMORY : use_chain(ctx, chain_pem);
    if (*problem_out == TLS_FINE)
        *problem_out = use_key(ctx, key_pem);
    ERR_clear_error();
    if (*problem_out != TLS_FINE) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_tlsext_servername_callback(ctx, tls_greet_name);
    SSL_CTX_set_alpn_select_cb(ctx, tls_greet_alpn, NULL);
    return context_of(ctx);
}

static bool memory_was_short(void)
{
    return ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE ||
           ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

static bool text_has_ended(void)
{
    unsigned long why = ERR_peek_last_error();
    return ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
}

/* Every certificate of the text that can be read is an anchor, whoever signed it. */
static enum tls_problem trust_anchors(SSL_CTX *ctx, struct slice pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    BIO *text = text_of(pem);
    size_t n = 0;
    bool taken = text != NULL, ended = false;
    while (taken && !ended) {
        ERR_clear_error();
        X509 *certificate = PEM_read_bio_X509(text, NULL, no_password, NULL);
        if (certificate != NULL) {
            taken = X509_STORE_add_cert(store, certificate) == 1;
            n += taken;
        } else {
            taken = !memory_was_short();
            ended = text_has_ended();
        }
        X509_free(certificate);
    }
    BIO_free(text);
    if (!taken ||
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN) != 1)
        return TLS_NO_MEMORY;
    return n > 0 ? TLS_FINE : TLS_BAD_CERTIFICATE;
}

struct tls_context *tls_context_client(const struct tls_trust *trust, enum tls_problem *problem_out)
{
    ERR_clear_error();
    SSL_CTX *ctx = context_new(TLS_client_method());
    enum tls_problem problem = TLS_FINE;
    if (ctx == NULL || SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-521") != 1)
        problem = TLS_NO_MEMORY;
    if (problem == TLS_FINE && trust->anchors_pem.len > 0)
        problem = trust_anchors(ctx, trust->anchors_pem);
    if (problem == TLS_FINE && (trust->chain_pem.len > 0 || trust->key_pem.len > 0)) {
        ERR_clear_error();
        problem = use_chain(ctx, trust->chain_pem);
        if (problem == TLS_FINE)
            problem = use_key(ctx, trust->key_pem);
        if (problem != TLS_FINE && memory_was_short())
            problem = TLS_NO_MEMORY;
    }
    ERR_clear_error();
    *problem_out = problem;
    if (problem != TLS_FINE) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, tls_client_verify, NULL);
    SSL_CTX_set_cert_cb(ctx, tls_client_asked, NULL);
    return context_of(ctx);
}

struct tls_context *tls_context_ref(struct tls_context *ctx)
{
    CHECK(SSL_CTX_up_ref(tls_context_ssl(ctx)) == 1);
    return ctx;
}

void tls_context_unref(struct tls_context **ctx)
{
    if (*ctx != NULL)
        SSL_CTX_free(tls_context_ssl(*ctx));
    *ctx = NULL;
}
