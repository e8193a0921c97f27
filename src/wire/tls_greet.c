/* The choices of a server's handshake: which certificate by SNI (RFC 6066 section 3), the protocol
 * by ALPN (RFC 7301, XEP-0368 1.1.0). */
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
