/* Trust anchors: the program's, the system's by the outside, or none on the program's own risk. */
#include "client/trust.h"

#include "client/client.h"
#include "wire/tls_client.h"

static struct tls_context *context_of(struct burble_trust *t)
{
    return (struct tls_context *)(void *)t;
}

struct burble_trust *burble_trust_new(const char *anchors_pem, size_t anchors_len,
                                      const char *chain_pem, size_t chain_len, const char *key_pem,
                                      size_t key_len)
{
    enum tls_problem problem;
    struct tls_trust trust = {
        .anchors_pem = slice_of(anchors_pem, anchors_pem != NULL ? anchors_len : 0),
        .chain_pem = slice_of(chain_pem, chain_pem != NULL ? chain_len : 0),
        .key_pem = slice_of(key_pem, key_pem != NULL ? key_len : 0),
    };
    return (struct burble_trust *)(void *)tls_context_client(&trust, &problem);
}

struct burble_trust *trust_keep(struct burble_trust *t)
{
    return t != NULL ? (struct burble_trust *)(void *)tls_context_ref(context_of(t)) : NULL;
}

void burble_trust_free(struct burble_trust **trust)
{
    struct tls_context *ctx = context_of(*trust);
    *trust = NULL;
    if (ctx != NULL)
        tls_context_unref(&ctx);
}

struct tls_context *trust_context(struct burble *c)
{
    if (c->setup.config.trust != NULL)
        return tls_context_ref(context_of(c->setup.config.trust));
    struct burble_trust *t = c->outside.trust != NULL ? c->outside.trust(c->outside.ctx) : NULL;
    if (t != NULL)
        return tls_context_ref(context_of(t));
    enum tls_problem problem;
    return tls_context_client(&(struct tls_trust){0}, &problem);
}

bool trust_has_certificate(struct burble *c)
{
    struct tls_certificate_info info;
    struct tls_context *context = trust_context(c);
    if (context == NULL)
        return false;
    bool has = tls_context_info(context, slice_z(c->setup.domain), &info) != ERR_NOT_FOUND;
    tls_context_unref(&context);
    return has;
}
