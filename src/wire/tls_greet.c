/* The choices of a handshake: which certificate by SNI (RFC 6066 section 3), the protocol by ALPN
 * (RFC 7301, XEP-0368 1.1.0), and for a client whether the peer is the host that was asked for
 * (RFC 6120 section 13.7.2). */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "wire/tls_inside.h"

int tls_greet_name(SSL *ssl, int *alert, void *arg)
{
    (void)arg;
    const struct tls_greeting *g = tls_of(ssl)->greeting;
    if (g == NULL || g->choose == NULL)
        return SSL_TLSEXT_ERR_OK;
    struct tls_context *ctx =
        g->choose(g->choose_ctx, slice_z(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)));
    if (ctx == NULL || SSL_set_SSL_CTX(ssl, tls_context_ssl(ctx)) == NULL) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

int tls_greet_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    (void)arg;
    const struct tls_greeting *g = tls_of(ssl)->greeting;
    if (g == NULL || g->alpn_len == 0)
        return SSL_TLSEXT_ERR_NOACK;
    for (unsigned at = 0; at < in_len; at += 1U + in[at]) {
        unsigned len = in[at];
        if (len > in_len - at - 1)
            break;
        if (len == g->alpn_len && memcmp(in + at + 1, g->alpn, len) == 0) {
            *out = in + at + 1;
            *out_len = (unsigned char)len;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int tls_greet_verify(int ok, X509_STORE_CTX *store)
{
    if (ok != 1 || X509_STORE_CTX_get_error_depth(store) != 0)
        return ok;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_greeting *g = tls_of(ssl)->greeting;
    if (g != NULL && g->verify &&
        !tls_certificate_covers(X509_STORE_CTX_get_current_cert(store),
                                slice_of(g->host, g->host_len))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return 1;
}
