/* What a server offers for the login, what this connection and the configuration allow, and the
 * mechanism that comes of both (xmpp/sasl_client.h has the rules). Rows C03, V21, V31, V47, A13. */
#include <stdlib.h>

#include "base/mem.h"
#include "client/client.h"
#include "client/trust.h"

/* Children of that name: their text, or an attribute. False: no memory. */
static bool collect(struct xml parent, struct slice ns, struct slice name, struct slice attr,
                    struct slice **out, size_t *n_out)
{
    size_t n = xml_count_named(parent, ns, name);
    struct xml first = xml_child(parent, ns, name);
    *out = NULL;
    *n_out = 0;
    if (n == 0)
        return true;
    *out = client_alloc(n * sizeof(**out));
    if (*out == NULL)
        return false;
    for (struct xml x = first; xml_some(x); x = xml_next_named(x, ns, name)) {
        struct slice value = attr.len > 0 ? xml_attr(x, attr) : xml_text(x);
        if (value.len > 0)
            (*out)[(*n_out)++] = value;
    }
    return true;
}

bool auth_offer_read(struct burble *c, struct xml list, struct slice ns, struct auth_offer *out)
{
    struct xml told =
        xml_child(stream_features(c), NS_CHANNEL_BINDING, SLICE("sasl-channel-binding"));
    *out = (struct auth_offer){.told = xml_some(told)};
    if (collect(list, ns, SLICE("mechanism"), SLICE_NONE, &out->names, &out->n) &&
        collect(told, NS_CHANNEL_BINDING, SLICE("channel-binding"), SLICE("type"), &out->types,
                &out->n_types))
        return true;
    auth_offer_free(out);
    return false;
}

void auth_offer_free(struct auth_offer *o)
{
    free(o->names);
    free(o->types);
    *o = (struct auth_offer){0};
}

static bool offers(const struct auth_offer *o, struct slice name)
{
    for (size_t i = 0; i < o->n; i++)
        if (slice_eq(o->names[i], name))
            return true;
    return false;
}

static void configure(struct burble *c, const struct auth_offer *o, bool sasl2,
                      struct sasl_client_config *out)
{
    unsigned flags = c->setup.config.flags;
    bool external = c->link.secure && !c->auth.external_refused && trust_has_certificate(c) &&
                    offers(o, SLICE("EXTERNAL"));
    /* A certificate may speak for several accounts: say which is meant (XEP-0178 section 2). */
    const char *authzid = c->setup.authzid;
    if (authzid == NULL && external && c->setup.user != NULL)
        authzid = c->setup.own;
    *out = (struct sasl_client_config){
        .user = slice_z(c->setup.user),
        .password = slice_z(c->setup.password),
        .authzid = slice_z(authzid),
        .host = slice_z(c->setup.domain),
        .tls = c->link.secure,
        .sasl2 = sasl2,
        .plain_allowed = (flags & BURBLE_REFUSE_PLAIN) == 0,
        .plain_without_tls = (flags & BURBLE_UNSAFE_PLAIN) != 0,
        .digest_md5_allowed = (flags & BURBLE_ALLOW_DIGEST_MD5) != 0,
        .external = external,
        /* TLS itself proves a client's certificate to the right server alone. */
        .binding_required =
            (flags & BURBLE_REQUIRE_BINDING) != 0 || (c->auth.seen.bound && !external),
        .bindings_refused = c->auth.bindings_refused,
        .pinned = slice_z(c->setup.mechanism),
        .cache = c->auth.salted.iterations > 0 ? &c->auth.salted : NULL,
    };
}

bool auth_choose(struct burble *c, const struct auth_offer *o, bool sasl2)
{
    struct sasl_client_config config;
    enum sasl_client_problem problem = SASL_PROBLEM_MEMORY;
    uint8_t scratch[SASL_BINDING_BYTES];
    struct buf text = {0};
    configure(c, o, sasl2, &config);
    client_link_binding(c, &config.binding, scratch);
    if (sasl_offer_text(o->names, o->n, o->types, o->n_types, &text) == 0) {
        config.offer = buf_slice(&text);
        c->auth.sasl = sasl_client_new(&config, o->names, o->n, o->types, o->n_types, o->told,
                                       &c->rng, &problem);
    }
    buf_free(&text);
    mem_wipe(scratch, sizeof(scratch));
    if (c->auth.sasl == NULL) {
        const char *detail = problem == SASL_PROBLEM_PASSWORD && c->setup.password == NULL
                                 ? "there is none, and no certificate that the server takes"
                                 : "";
        auth_refuse(c, problem, detail, o);
        return false;
    }
    auth_mechanism(c, sasl_client_mechanism(c->auth.sasl));
    return true;
}

/* What a problem is for the one who asks why there is no session. */
static enum burble_why why_of(enum sasl_client_problem problem)
{
    switch (problem) {
    case SASL_PROBLEM_NO_MECHANISM:
    case SASL_PROBLEM_TOO_WEAK:
    case SASL_PROBLEM_PLAIN_WITHOUT_TLS:
        return BURBLE_WHY_NO_MECHANISM;
    case SASL_PROBLEM_USER:
    case SASL_PROBLEM_PASSWORD:
        return BURBLE_WHY_PASSWORD;
    case SASL_PROBLEM_BINDING_REQUIRED:
    case SASL_PROBLEM_BINDING_TYPES:
    case SASL_PROBLEM_OFFER_CONTRADICTS:
    case SASL_PROBLEM_PINNED:
    case SASL_PROBLEM_OFFER_CHANGED:
    case SASL_PROBLEM_ITERATIONS_LOW:
    case SASL_PROBLEM_ITERATIONS_HIGH:
        return BURBLE_WHY_DOWNGRADE;
    case SASL_PROBLEM_MEMORY:
    case SASL_PROBLEM_CRYPTO:
        return BURBLE_WHY_MEMORY;
    default:
        return BURBLE_WHY_UNPROVEN;
    }
}

void auth_refuse(struct burble *c, enum sasl_client_problem problem, const char *detail,
                 const struct auth_offer *o)
{
    struct buf text = {0};
    c->auth.bindings_refused = 0;
    buf_add(&text, slice_z(sasl_client_problem_text(problem)));
    if (*detail != '\0')
        (void)buf_printf(&text, " (%s)", detail);
    if (o != NULL) {
        buf_lit(&text, "; it offers: ");
        (void)sasl_client_offered_text(o->names, o->n, &text);
        if (o->n == 0 && !c->link.secure)
            buf_lit(&text, " without TLS");
    }
    buf_byte(&text, '\0');
    client_fail_stream(c, why_of(problem), SLICE("undefined-condition"),
                       text.failed ? NULL : buf_slice(&text).ptr);
    buf_free(&text);
}
