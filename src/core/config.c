/* Look-ups in the configuration, and the default limits. */
#include "core/config.h"

const struct limits LIMITS_DEFAULT = {
    .stanza_bytes = 262144,
    .stanza_bytes_s2s = 524288,
    .preauth_bytes = 8192,
    .preauth_elements = 32,
    .depth = 64,
    .attributes = 64,
    .declarations = 64,
    .elements = 4096,
    .elements_s2s = 16384,
    .preauth_space_bytes = 256,
    .login_ms = 60000,
    .tls_ms = 10000,
    .login_failures = 3,
    .resources = 10,
    .output_bytes = 1 << 20,
    .output_lag_ms = 60000,
    .inactive_bytes = 65536,
    .sm_stanzas = 1000,
    .sm_bytes = 1 << 20,
    .sm_resume_ms = 300000,
    .answer_ms = 60000,
    .ping_ms = 180000,
    .offline_messages = 1000,
    .offline_bytes = 4 << 20,
    .trace_bytes = 1 << 20,
    .mam_page = 50,
    .mam_queries = 2,
    .roster_items = 1000,
    .subscriptions_per_hour = 30,
    .pending_subscriptions = 1000,
    .rate_bytes_per_s = 100 << 10,
    .rate_burst_bytes = 1 << 20,
    .rate_bytes_per_s_s2s = 1 << 20,
    .rate_burst_bytes_s2s = 1 << 20,
    .directed_targets = 1000,
    .fast_clients = 16,
    .fast_token_days = 21,
    .credit_stanzas = 256,
    .credit_bytes = 1 << 20,
    .turn_stanzas = 64,
    .presence_per_s = 1,
    .rate = true,
};

const struct host_config *config_host(const struct core_config *c, struct slice domain)
{
    for (size_t i = 0; i < c->host_count; i++) {
        const struct host_config *host = &c->hosts[i];
        if (slice_eq(host->name, domain))
            return host;
        for (size_t k = 0; k < host->alias_count; k++)
            if (slice_eq(host->aliases[k], domain))
                return host;
    }
    return NULL;
}

const struct component_config *config_component(const struct core_config *c, struct slice domain)
{
    for (size_t i = 0; i < c->component_count; i++)
        if (slice_eq(c->components[i].name, domain))
            return &c->components[i];
    return NULL;
}

bool config_is_admin(const struct core_config *c, const struct jid *jid)
{
    const struct host_config *host = config_host(c, jid_domain(jid));
    if (host == NULL)
        return false;
    for (size_t i = 0; i < host->admin_count; i++)
        if (slice_eq(host->admins[i], jid_bare(jid)))
            return true;
    return false;
}
