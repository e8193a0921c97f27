/* The client's side of a TLS wire: what it says hello with, and whether the peer is the one that
 * was asked for (RFC 6120 section 13.7.2, RFC 9525, RFC 7469 section 2.4 for pins).
 *
 * The chain is judged in a callback of OpenSSL's that stands in the place of its own verification,
 * because after a refusal OpenSSL forgets the certificates, and people want to know what was wrong
 * with them. */
#include "wire/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "base/check.h"
#include "wire/tls_inside.h"

static bool is_pinned(const struct tls_client *c, X509 *leaf)
{
    uint8_t pin[32];
    bool found = false;
    if (!tls_certificate_pin(leaf, pin))
        return false;
    for (size_t i = 0; i < c->pin_count && !found; i++)
        found = memcmp(c->pins[i], pin, sizeof(pin)) == 0;
    return found;
}

/* X509_V_ERR_* as what a person may do something about. */
static enum tls_fault fault_of(int why)
{
    switch (why) {
    case X509_V_ERR_OUT_OF_MEM:
        return TLS_FAULT_MEMORY;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return TLS_FAULT_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return TLS_FAULT_UNTRUSTED;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FAULT_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_FAULT_NOT_YET_VALID;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return TLS_FAULT_WEAK;
    default:
        return TLS_FAULT_CERTIFICATE;
    }
}

static X509 *keep(X509 *certificate)
{
    return certificate != NULL && X509_up_ref(certificate) == 1 ? certificate : NULL;
}

/* Sets c->fault, and the error in the store, which OpenSSL makes its alert of. */
static void judge(struct tls_client *c, X509_STORE_CTX *store)
{
    struct slice host = slice_of(c->host, c->host_len);
    struct slice domain = slice_of(c->domain, c->domain_len);
    if (c->pin_count > 0) {
        bool pinned = is_pinned(c, c->leaf);
        c->fault = pinned ? TLS_FAULT_NONE : TLS_FAULT_PIN;
        X509_STORE_CTX_set_error(store, pinned ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    } else if (X509_verify_cert(store) != 1) {
        int why = X509_STORE_CTX_get_error(store);
        c->fault = fault_of(why);
    } else if (!tls_certificate_covers(c->leaf, host, TLS_FOR_CLIENTS) &&
               !tls_certificate_covers(c->leaf, domain, TLS_FOR_CLIENTS)) {
        c->fault = TLS_FAULT_WRONG_NAME;
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    }
    c->why = X509_STORE_CTX_get_error(store);
    if (c->fault == TLS_FAULT_MEMORY || c->fault == TLS_FAULT_NONE)
        return;
    bool of_chain = c->fault != TLS_FAULT_PIN && c->fault != TLS_FAULT_WRONG_NAME;
    c->culprit = keep(of_chain ? X509_STORE_CTX_get_current_cert(store) : c->leaf);
}

int tls_client_verify(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_client *c = tls_of(ssl)->client;
    X509_free(c->leaf); /* a second handshake cannot be, but must not leak */
    X509_free(c->culprit);
    c->culprit = NULL;
    c->leaf = keep(X509_STORE_CTX_get0_cert(store));
    c->chain_len = sk_X509_num(X509_STORE_CTX_get0_untrusted(store));
    c->fault = TLS_FAULT_NONE;
    if (c->leaf == NULL) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }
    judge(c, store);
    bool fine = c->fault == TLS_FAULT_NONE ||
                (c->insecure && c->fault != TLS_FAULT_PIN && c->fault != TLS_FAULT_MEMORY);
    if (fine)
        X509_STORE_CTX_set_error(store, X509_V_OK);
    c->refused = !fine;
    tls_of(ssl)->out_of_memory |= c->fault == TLS_FAULT_MEMORY;
    return fine;
}

int tls_client_asked(SSL *ssl, void *arg)
{
    (void)arg;
    tls_of(ssl)->client->asked = true;
    return 1;
}

bool tls_client_agreed(const struct tls *t)
{
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(t->ssl, &protocol, &len);
    /* A server that knows no ALPN is taken (XEP-0368 section 4). */
    return len == 0 || (len == t->client->alpn_len && memcmp(protocol, t->client->alpn, len) == 0);
}

void tls_client_free(struct tls *t)
{
    if (t->client == NULL)
        return;
    X509_free(t->client->leaf);
    X509_free(t->client->culprit);
    free(t->client);
    t->client = NULL;
}

/* The copy of what the client expects: one piece of memory. */
static struct tls_client *client_new(const struct tls_connect *c)
{
    CHECK(c->alpn.len <= TLS_ALPN_MAX);
    CHECK(c->pin_count <= TLS_PINS_MAX);
    if (c->host.len > TLS_HOST_MAX || slice_find(c->host, '\0') < c->host.len)
        return NULL;
    size_t domain_len = c->domain.len <= BUF_BYTES_MAX ? c->domain.len : 0;
    size_t pins_len = c->pin_count * sizeof(c->pins[0]);
    struct tls_client *client = calloc(1, sizeof(*client) + pins_len + domain_len);
    if (client == NULL)
        return NULL;
    client->now_s = c->now_s;
    client->insecure = c->insecure;
    client->alpn_len = (uint8_t)c->alpn.len;
    if (c->alpn.len > 0)
        memcpy(client->alpn, c->alpn.ptr, c->alpn.len);
    client->host_len = c->host.len;
    if (c->host.len > 0)
        memcpy(client->host, c->host.ptr, c->host.len);
    client->pin_count = c->pin_count;
    client->pins = (uint8_t(*)[32])(client + 1);
    if (pins_len > 0)
        memcpy(client->pins, c->pins, pins_len);
    client->domain = (char *)client->pins + pins_len;
    client->domain_len = domain_len;
    if (domain_len > 0)
        memcpy(client->domain, c->domain.ptr, domain_len);
    return client;
}

static bool set_versions(SSL *ssl, const struct tls_connect *c)
{
    int min = (int)c->version_min, max = (int)c->version_max;
    bool old = (min != 0 && min < TLS1_2_VERSION) || (max != 0 && max < TLS1_2_VERSION);
    if (old) {
        SSL_set_security_level(ssl, 0);
        if (SSL_set_cipher_list(ssl, "ALL:!aNULL:!eNULL:@SECLEVEL=0") != 1)
            return false;
        min = min != 0 ? min : TLS1_VERSION;
    }
    return (min == 0 || SSL_set_min_proto_version(ssl, min) == 1) &&
           (max == 0 || SSL_set_max_proto_version(ssl, max) == 1);
}

static bool set_hello(SSL *ssl, const struct tls_client *c)
{
    unsigned char protocols[1 + TLS_ALPN_MAX];
    struct slice host = slice_of(c->host, c->host_len);
    protocols[0] = c->alpn_len;
    memcpy(protocols + 1, c->alpn, c->alpn_len);
    return (host.len == 0 || tls_host_is_address(host) ||
            SSL_set_tlsext_host_name(ssl, c->host) == 1) &&
           (c->alpn_len == 0 || SSL_set_alpn_protos(ssl, protocols, c->alpn_len + 1U) == 0);
}

struct wire *tls_connect_new(struct tls_context *ctx, const struct tls_connect *c)
{
    struct tls *t = tls_new(ctx);
    if (t == NULL)
        return NULL;
    t->client = client_new(c);
    if (t->client == NULL || !set_versions(t->ssl, c) || !set_hello(t->ssl, t->client)) {
        t->wire.ops->free(&t->wire);
        ERR_clear_error();
        return NULL;
    }
    X509_VERIFY_PARAM_set_time(SSL_get0_param(t->ssl), (time_t)c->now_s);
    SSL_set_connect_state(t->ssl);
    return &t->wire;
}
