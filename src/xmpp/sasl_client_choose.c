/* Which mechanism and which channel binding a client takes: RFC 5802 section 6, RFC 9266 section 4,
 * XEP-0440 1.0.0 section 3, XEP-0474 0.5.0 section 6; and what is said to a person when none will
 * do. Nothing is kept. */
#include "base/check.h"
#include "xmpp/sasl_client_inside.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        .ptr = (text), .len = sizeof(text) - 1                                                     \
    }

/* Best first. */
static const struct sasl_client_mechanism mechanisms[] = {
    {NAME("EXTERNAL"), SASL_CLIENT_EXTERNAL, SASL_SHA1, false},
    {NAME("SCRAM-SHA-512-PLUS"), SASL_CLIENT_SCRAM, SASL_SHA512, true},
    {NAME("SCRAM-SHA-256-PLUS"), SASL_CLIENT_SCRAM, SASL_SHA256, true},
    {NAME("SCRAM-SHA-1-PLUS"), SASL_CLIENT_SCRAM, SASL_SHA1, true},
    {NAME("SCRAM-SHA-512"), SASL_CLIENT_SCRAM, SASL_SHA512, false},
    {NAME("SCRAM-SHA-256"), SASL_CLIENT_SCRAM, SASL_SHA256, false},
    {NAME("SCRAM-SHA-1"), SASL_CLIENT_SCRAM, SASL_SHA1, false},
    {NAME("DIGEST-MD5"), SASL_CLIENT_DIGEST_MD5, SASL_SHA1, false},
    {NAME("PLAIN"), SASL_CLIENT_PLAIN, SASL_SHA1, false},
};
enum { MECHANISMS = sizeof(mechanisms) / sizeof(*mechanisms) };

/* Known to be weaker than what we speak without being asked to. */
static const struct slice weak[] = {NAME("CRAM-MD5"), NAME("DIGEST-MD5"), NAME("LOGIN"),
                                    NAME("PLAIN"), NAME("X-OAUTH2")};

static bool among(struct slice name, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(names[i], name))
            return true;
    return false;
}

static bool ends_with_plus(struct slice name)
{
    return name.len > 5 && memcmp(name.ptr + name.len - 5, "-PLUS", 5) == 0;
}

/* The best type that this connection has and the server told. A server that tells nothing is older
 * than XEP-0440 and knows tls-unique best, as far as there is one (RFC 5802 section 6.1); what it
 * has refused is not guessed again. */
static void choose_binding(const struct sasl_client_config *config,
                           const struct sasl_client_offer *offer, struct sasl_client_choice *out)
{
    const struct sasl_binding *b = &config->binding;
    const struct slice types[] = {SLICE("tls-exporter"), SLICE("tls-unique"),
                                  SLICE("tls-server-end-point")};
    const struct slice data[] = {b->tls_exporter, b->tls_unique, b->tls_server_end_point};
    const unsigned told[] = {0, 1, 2}, untold[] = {1, 0, 2};
    unsigned guess = 0;
    for (unsigned i = 0; i < 3; i++) {
        unsigned k = offer->bindings_told ? told[i] : untold[i];
        if (data[k].len == 0 ||
            (offer->bindings_told ? !among(types[k], offer->bindings, offer->n_bindings)
                                  : (config->bindings_refused & 1u << k) != 0))
            continue;
        if (out->binding.len > 0) { /* there is another one to guess */
            out->refused = config->bindings_refused | guess;
            return;
        }
        out->binding = types[k];
        out->data = data[k];
        guess = 1u << k;
        if (offer->bindings_told)
            return;
    }
}

static bool acceptable(const struct sasl_client_config *config, const struct sasl_client_choice *c,
                       const struct sasl_client_mechanism *m)
{
    /* Failures are not signed: whoever stands in between can make them, so that they must not lead
     * to a login without binding. */
    if ((config->binding_required || config->bindings_refused != 0) && !m->plus)
        return false;
    switch (m->kind) {
    case SASL_CLIENT_EXTERNAL:
        return config->external && config->tls;
    case SASL_CLIENT_SCRAM:
        return m->plus ? c->binding.len > 0 : !c->confirm || config->offer.len > 0;
    case SASL_CLIENT_DIGEST_MD5:
        return config->digest_md5_allowed;
    case SASL_CLIENT_PLAIN:
        return config->tls ? config->plain_allowed : config->plain_without_tls;
    }
    UNREACHABLE();
}

/* Why nothing will do; the most alarming reason first. */
static enum sasl_client_problem why_none(const struct sasl_client_config *config,
                                         const struct sasl_client_offer *offer,
                                         const struct sasl_client_choice *c)
{
    bool plus = false, scram = false, poor = false, plain = false;
    for (unsigned i = 0; i < MECHANISMS; i++) {
        const struct sasl_client_mechanism *m = &mechanisms[i];
        if (m->kind == SASL_CLIENT_SCRAM && among(m->name, offer->names, offer->n))
            *(m->plus ? &plus : &scram) = true;
    }
    for (unsigned i = 0; i < sizeof(weak) / sizeof(*weak); i++)
        poor = poor || among(weak[i], offer->names, offer->n);
    plain = among(SLICE("PLAIN"), offer->names, offer->n);
    if (config->binding_required || config->bindings_refused != 0)
        return SASL_PROBLEM_BINDING_REQUIRED;
    if (config->pinned.len > 0)
        return SASL_PROBLEM_PINNED;
    if (scram || (plus && c->binding.len == 0))
        return SASL_PROBLEM_BINDING_TYPES;
    if (plain && !config->tls && !config->plain_without_tls)
        return SASL_PROBLEM_PLAIN_WITHOUT_TLS;
    return poor ? SASL_PROBLEM_TOO_WEAK : SASL_PROBLEM_NO_MECHANISM;
}

enum sasl_client_problem sasl_client_choose(const struct sasl_client_config *config,
                                            const struct sasl_client_offer *offer,
                                            struct sasl_client_choice *out)
{
    const struct sasl_binding *b = &config->binding;
    bool can_bind =
        b->tls_exporter.len > 0 || b->tls_unique.len > 0 || b->tls_server_end_point.len > 0;
    bool plus = false;
    for (size_t i = 0; i < offer->n; i++)
        plus = plus || ends_with_plus(offer->names[i]);
    *out = (struct sasl_client_choice){0};
    /* With SASL2 both lists come or none (rules 4 and 5). Elsewhere 'y' finds out who took the
     * -PLUS away, so that a server which merely tells types can be spoken to. */
    if (can_bind && config->sasl2 && plus != (offer->bindings_told && offer->n_bindings > 0))
        return SASL_PROBLEM_OFFER_CONTRADICTS;
    choose_binding(config, offer, out);
    /* 'n' says that we cannot bind; said by who can, it is what an attacker wants to hear. So only
     * when the server confirms that it offers nothing that we have in common (XEP-0474, rule 6). */
    out->flag = can_bind && !plus ? 'y' : 'n';
    out->confirm = can_bind && plus;
    for (unsigned i = 0; i < MECHANISMS; i++) {
        const struct sasl_client_mechanism *m = &mechanisms[i];
        if (acceptable(config, out, m) && among(m->name, offer->names, offer->n)) {
            out->mech = m;
            break;
        }
        if (slice_eq(m->name, config->pinned))
            break;
    }
    bool known = config->pinned.len == 0;
    for (unsigned i = 0; i < MECHANISMS; i++)
        known = known || slice_eq(mechanisms[i].name, config->pinned);
    if (out->mech == NULL || !known)
        return why_none(config, offer, out);
    if (out->mech->plus) {
        out->flag = 'p';
        out->confirm = false;
    } else {
        out->binding = out->data = SLICE_NONE;
        out->refused = 0;
    }
    return SASL_PROBLEM_NONE;
}

const char *sasl_client_problem_text(enum sasl_client_problem problem)
{
    static const char *const texts[SASL_PROBLEMS] = {
        [SASL_PROBLEM_NONE] = "no problem",
        [SASL_PROBLEM_NO_MECHANISM] = "the server offers no way to log in that is known here",
        [SASL_PROBLEM_TOO_WEAK] =
            "the server offers only ways to log in that are too weak or were not allowed",
        [SASL_PROBLEM_PLAIN_WITHOUT_TLS] =
            "the server wants the password itself over a connection that is not encrypted",
        [SASL_PROBLEM_USER] = "the user name is not one that XMPP allows",
        [SASL_PROBLEM_PASSWORD] =
            "the password is empty, too long, or holds characters that are not allowed",
        [SASL_PROBLEM_BINDING_REQUIRED] =
            "the login would not be bound to this TLS connection, as it was before: "
            "somebody may be listening in between",
        [SASL_PROBLEM_BINDING_TYPES] =
            "the server offers channel binding only in ways that this connection does not have, "
            "and nothing confirms that this is its own offer",
        [SASL_PROBLEM_OFFER_CONTRADICTS] =
            "what the server offers contradicts itself about channel binding: "
            "somebody may have changed it on the way",
        [SASL_PROBLEM_PINNED] = "the server offers only weaker ways to log in than before: "
                                "somebody may have changed its offer on the way",
        [SASL_PROBLEM_OFFER_CHANGED] =
            "the server's offer of ways to log in was changed on the way to us",
        [SASL_PROBLEM_ITERATIONS_LOW] =
            "the server asks for too few iterations of the password (less than 4096), "
            "which would make it easy to guess",
        [SASL_PROBLEM_ITERATIONS_HIGH] =
            "the server asks for too many iterations of the password (more than 1000000)",
        [SASL_PROBLEM_MALFORMED] = "the server's login message cannot be understood",
        [SASL_PROBLEM_NONCE] = "the server's login message does not answer ours",
        [SASL_PROBLEM_SIGNATURE] =
            "the server could not prove that it knows the account: it may be an impostor",
        [SASL_PROBLEM_UNPROVEN] =
            "the server let us in without proving that it knows the account: it may be an impostor",
        [SASL_PROBLEM_SERVER_ERROR] = "the server broke off the login",
        [SASL_PROBLEM_MEMORY] = "out of memory",
        [SASL_PROBLEM_CRYPTO] = "the crypto library failed",
    };
    CHECK((unsigned)problem < SASL_PROBLEMS);
    return texts[problem];
}

/* RFC 4422 section 3.1. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return s.len > 0 && s.len <= 20;
}

int sasl_client_offered_text(const struct slice *offered, size_t n, struct buf *out)
{
    enum { SHOWN_MAX = 12 };
    struct slice seen[SHOWN_MAX];
    size_t shown = 0;
    int err = n == 0 ? buf_lit(out, "nothing") : 0;
    for (size_t i = 0; i < n && shown < SHOWN_MAX && err == 0; i++) {
        if (!is_name(offered[i]) || among(offered[i], seen, shown))
            continue;
        err = shown > 0 ? buf_lit(out, ", ") : 0;
        seen[shown++] = offered[i];
        if (err == 0)
            err = buf_add(out, offered[i]);
    }
    if (err == 0 && shown == 0 && n > 0)
        return buf_printf(out, "%zu that are no names", n);
    return err == 0 && shown < n ? buf_printf(out, " and %zu more", n - shown) : err;
}
