/* From the configuration file to what the nodes take. */
#include "burbled/setup.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/setup_tls.h"
#include "io/files.h"
#include "io/process.h"

/* ---------------------------------------------------------------------------------------- limits
 */

static uint32_t milliseconds(uint32_t seconds)
{
    return seconds < UINT32_MAX / 1000 ? seconds * 1000 : UINT32_MAX;
}

static void fill_limits(const struct config_limits *c, struct limits *out)
{
    *out = LIMITS_DEFAULT;
    out->rate = c->rate;
    out->stanza_bytes = c->stanza_bytes_c2s;
    out->stanza_bytes_s2s = c->stanza_bytes_s2s;
    out->preauth_bytes = c->preauth_element_bytes;
    out->preauth_elements = c->preauth_elements;
    out->depth = c->depth;
    out->attributes = c->attributes;
    out->declarations = c->namespaces;
    out->elements = c->elements_c2s;
    out->elements_s2s = c->elements_s2s;
    out->preauth_space_bytes = c->preauth_space_bytes;
    out->login_ms = milliseconds(c->login_seconds);
    out->tls_ms = milliseconds(c->tls_handshake_seconds);
    out->login_failures = c->login_failures_per_connection;
    out->resources = c->resources_per_account;
    out->output_bytes = c->output_queue_bytes;
    out->output_lag_ms = milliseconds(c->output_drain_seconds);
    out->inactive_bytes = c->inactive_presence_bytes;
    out->sm_stanzas = c->sm_queue_stanzas;
    out->sm_bytes = c->sm_queue_bytes;
    out->sm_resume_ms = milliseconds(c->sm_hibernation_seconds);
    out->answer_ms = milliseconds(c->peer_answer_seconds);
    out->ping_ms = milliseconds(c->peer_silence_seconds);
    out->offline_messages = c->offline_messages;
    out->offline_bytes = c->offline_bytes;
    out->trace_bytes = c->trace_bytes;
    out->mam_page = c->archive_page;
    out->mam_queries = c->archive_queries_per_session;
    out->roster_items = c->roster_items;
    out->subscriptions_per_hour = c->subscription_requests_per_hour;
    out->pending_subscriptions = c->subscription_requests_pending;
    out->rate_bytes_per_s = c->traffic_bytes_per_second_c2s;
    out->rate_burst_bytes = c->traffic_burst_bytes_c2s;
    out->rate_bytes_per_s_s2s = c->traffic_bytes_per_second_s2s;
    out->rate_burst_bytes_s2s = c->traffic_burst_bytes_s2s;
    out->directed_targets = c->directed_presence_targets;
    out->fast_clients = c->fast_clients_per_account;
    out->fast_token_days = c->fast_token_days;
    out->credit_stanzas = c->credit_stanzas;
    out->credit_bytes = c->credit_bytes;
    out->turn_stanzas = c->turn_stanzas;
    out->presence_per_s = c->rate ? c->presence_per_second : 0;
}

static void fill_gate(const struct config_limits *c, struct gate_limits *out)
{
    uint64_t share = process_raise_descriptors(0) * c->unauthenticated_percent / 100;
    uint64_t unauthenticated = c->unauthenticated_connections;
    if (share < unauthenticated)
        unauthenticated = share > 0 ? share : 1;
    *out = (struct gate_limits){
        .rate = c->rate,
        .open_max = c->connections_per_address,
        .new_per_s = c->connects_per_address_per_second,
        .new_burst = c->connects_per_address_burst,
        .unauthenticated_max = (uint32_t)unauthenticated,
        .failures_per_min = c->login_failures_per_address_per_minute,
        .delay_ms_min = milliseconds(c->login_delay_seconds_min),
        .delay_ms_max = milliseconds(c->login_delay_seconds_max),
        .register_ms = milliseconds(c->registration_seconds),
    };
}

/* ----------------------------------------------------------------------------------------- hosts
 */

/* Points a list of the host at texts of the configuration. */
static const struct slice *take(struct slice **names, const struct config_strings *list)
{
    struct slice *first = *names;
    for (uint32_t i = 0; i < list->count; i++)
        *(*names)++ = slice_z(list->items[i]);
    return first;
}

static size_t count_contacts(const struct config_contact *c)
{
    return (size_t)c->abuse.count + c->admin.count + c->feedback.count + c->sales.count +
           c->security.count + c->status.count + c->support.count;
}

static void fill_contacts(const struct config_contact *c, struct slice (*out)[2])
{
    const struct {
        const char *field;
        const struct config_strings *uris;
    } kinds[] = {
        {"abuse-addresses", &c->abuse},       {"admin-addresses", &c->admin},
        {"feedback-addresses", &c->feedback}, {"sales-addresses", &c->sales},
        {"security-addresses", &c->security}, {"status-addresses", &c->status},
        {"support-addresses", &c->support},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (uint32_t k = 0; k < kinds[i].uris->count; k++, out++) {
            (*out)[0] = slice_z(kinds[i].field);
            (*out)[1] = slice_z(kinds[i].uris->items[k]);
        }
}

static void fill_hosts(struct setup *s)
{
    const struct config *c = &s->config;
    size_t names = 0, contacts = 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        names += (size_t)h->aliases.count + h->admins.count + h->registration_watchers.count;
        contacts += count_contacts(&h->contact);
    }
    s->hosts = mem_array(c->host_count, sizeof(*s->hosts));
    s->names = mem_array(names, sizeof(*s->names));
    s->contacts = mem_array(contacts, sizeof(*s->contacts));
    struct slice *name = s->names, (*contact)[2] = s->contacts;
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        s->hosts[i] = (struct host_config){
            .name = slice_z(h->name),
            .aliases = take(&name, &h->aliases),
            .alias_count = h->aliases.count,
            .alias_mode =
                h->alias_mode == CONFIG_ALIAS_ACCEPT ? ALIAS_ACCEPT : ALIAS_SEE_OTHER_HOST,
            .admins = take(&name, &h->admins),
            .admin_count = h->admins.count,
            .registration = h->registration == CONFIG_REGISTRATION_OPEN ? REGISTRATION_OPEN
                                                                        : REGISTRATION_CLOSED,
            .archive = h->archive,
            .archive_search = c->archive_search,
            .archive_days = h->archive_days,
            .archive_mib = h->archive_mib,
            .watchers = take(&name, &h->registration_watchers),
            .watcher_count = h->registration_watchers.count,
            .contacts = (const struct slice(*)[2])contact,
            .contact_count = count_contacts(&h->contact),
        };
        fill_contacts(&h->contact, contact);
        contact += s->hosts[i].contact_count;
    }
}

/* ------------------------------------------------------------------------------------ components
 */

/* Of a file: without the line feed at its end. */
static int read_secret(const struct config_component *c, struct buf *out)
{
    if (c->secret_file == NULL)
        return buf_add(out, slice_z(c->secret));
    int err = file_read(c->secret_file, CONFIG_STRING_BYTES_MAX, out, NULL);
    size_t len = buf_len(out);
    while (len > 0 && (out->ptr[len - 1] == '\n' || out->ptr[len - 1] == '\r'))
        len--;
    buf_truncate(out, len);
    return err;
}

static int fill_components(struct setup *s, struct config_errors *errors)
{
    const struct config *c = &s->config;
    int result = 0;
    s->components = mem_array(c->component_count, sizeof(*s->components));
    s->secrets = mem_array(c->component_count, sizeof(*s->secrets));
    for (uint32_t i = 0; i < c->component_count; i++) {
        const struct config_component *from = &c->components[i];
        int err = read_secret(from, &s->secrets[i]);
        s->components[i] =
            (struct component_config){slice_z(from->name), buf_slice(&s->secrets[i])};
        if (err == 0 && buf_len(&s->secrets[i]) > 0)
            continue;
        config_errors_add(errors, false, from->place.file, from->place.line,
                          "components.secret_file", "component \"%s\": %s: %s", from->name,
                          from->secret_file,
                          err != 0 ? err_text(err) : "expected a secret, found nothing");
        result = ERR_SYNTAX;
    }
    return result;
}

static void free_components(struct setup *s)
{
    for (uint32_t i = 0; s->secrets != NULL && i < s->config.component_count; i++) {
        mem_wipe(s->secrets[i].ptr, s->secrets[i].cap);
        buf_free(&s->secrets[i]);
    }
    mem_free(s->secrets);
    mem_free(s->components);
}

/* -------------------------------------------------------------------------------------- the whole
 */

static void fill_listeners(struct setup *s)
{
    const struct config *c = &s->config;
    s->node_listeners = mem_array(c->listen_count, sizeof(*s->node_listeners));
    s->listeners = mem_array(c->listen_count, sizeof(*s->listeners));
    for (uint32_t i = 0; i < c->listen_count; i++) {
        const struct config_listen *l = &c->listen[i];
        s->listeners[i].fd = -1;
        s->node_listeners[i] = (struct node_listener){
            .service = l->service == CONFIG_SERVICE_COMPONENT ? NODE_COMPONENT : NODE_C2S,
            .tls = l->tls == CONFIG_TLS_STARTTLS ? NODE_TLS_STARTTLS
                   : l->tls == CONFIG_TLS_DIRECT ? NODE_TLS_DIRECT
                                                 : NODE_TLS_NONE,
            .require_tls = l->require_tls,
            .plain_without_tls = l->plain_without_tls,
        };
    }
}

struct setup *setup_new(struct config *config, int64_t now_s, struct config_errors *errors)
{
    struct setup *s = mem_new(struct setup);
    s->config = *config;
    *config = (struct config){0};
    fill_hosts(s);
    fill_listeners(s);
    int err = fill_components(s, errors);
    fill_gate(&s->config.limits, &s->gate);
    s->node.core = (struct core_config){
        .hosts = s->hosts,
        .host_count = s->config.host_count,
        .components = s->components,
        .component_count = s->config.component_count,
        .iterations = s->config.sasl_iterations,
        .version = BURBLE_VERSION,
    };
    fill_limits(&s->config.limits, &s->node.core.limits);
    s->node.listeners = s->node_listeners;
    s->node.listener_count = s->config.listen_count;
    if (setup_tls(s, now_s, errors) != 0 || err != 0)
        setup_free(&s);
    return s;
}

/* ------------------------------------------------------------------------------------- listeners
 */

static bool same_place(const struct config_listen *a, const struct config_listen *b)
{
    return a->port == b->port && slice_eq(slice_z(a->address), slice_z(b->address));
}

static struct listener *find(const struct setup *s, const struct config_listen *l)
{
    for (uint32_t i = 0; s != NULL && i < s->config.listen_count; i++)
        if (s->listeners[i].fd >= 0 && same_place(&s->config.listen[i], l))
            return &s->listeners[i];
    return NULL;
}

int setup_open(struct setup *s, const struct setup *running, struct buf *problem)
{
    uint32_t count = s->config.listen_count, fresh = 0;
    struct listen_at *at = mem_array(count, sizeof(*at));
    struct listener *opened = mem_array(count, sizeof(*opened));
    uint32_t *index = mem_array(count, sizeof(*index));
    for (uint32_t i = 0; i < count; i++) {
        const struct config_listen *l = &s->config.listen[i];
        const struct listener *there = find(running, l);
        if (there != NULL) {
            s->listeners[i] = *there;
            continue;
        }
        at[fresh] = (struct listen_at){slice_z(l->address), (uint16_t)l->port};
        index[fresh++] = i;
    }
    size_t failed;
    int err = fresh > 0 ? listen_open(at, fresh, opened, &failed, problem) : 0;
    for (uint32_t i = 0; err == 0 && i < fresh; i++)
        s->listeners[index[i]] = opened[i];
    for (uint32_t i = 0; err != 0 && i < count; i++)
        s->listeners[i].fd = -1;
    mem_free(at);
    mem_free(opened);
    mem_free(index);
    return err;
}

void setup_close(struct setup *was, const struct setup *s)
{
    for (uint32_t i = 0; i < was->config.listen_count; i++)
        if (was->listeners[i].fd >= 0 && find(s, &was->config.listen[i]) == NULL)
            listen_close(&was->listeners[i], 1);
        else
            was->listeners[i].fd = -1;
}

void setup_free(struct setup **setup)
{
    while (*setup != NULL) {
        struct setup *s = *setup;
        *setup = s->older;
        for (uint32_t i = 0; s->contexts != NULL && i < s->config.host_count; i++)
            tls_context_unref(&s->contexts[i]);
        for (size_t i = 0; i < s->node.tls_count; i++)
            mem_free(s->tls_names[i]);
        mem_free(s->tls_names);
        mem_free(s->contexts);
        mem_free(s->expiries_s);
        mem_free(s->tls);
        mem_free(s->node_listeners);
        mem_free(s->listeners);
        mem_free(s->contacts);
        free_components(s);
        mem_free(s->names);
        mem_free(s->hosts);
        config_free(&s->config);
        mem_free(s);
    }
}
