/* Routing to and from components (XEP-0114 section 3; RFC 6120 sections 8.1 and 10). */
#include "core/components.h"

#include "base/err.h"
#include "core/outbound.h"
#include "core/router.h"
#include "xmpp/ns.h"

static const struct origin NOBODY = {0};

struct component *components_find(const struct engine *e, struct slice domain)
{
    for (struct list *it = e->components.next; it != &e->components; it = it->next) {
        struct component *c = CONTAINER_OF(it, struct component, all);
        if (c->state == COMPONENT_READY && slice_eq(c->config->name, domain))
            return c;
    }
    return NULL;
}

void components_route(struct engine *e, struct stanza *s, const struct origin *origin)
{
    uint32_t owner = engine_owner(e, jid_domain(&s->to));
    if (owner != e->shard) {
        struct mail *m = mail_new(MAIL_STANZA, e->shard, owner);
        stanza_encode(&m->data, s);
        m->origin = *origin;
        engine_post(e, m);
        return;
    }
    outbound_send(e, s, origin);
}

/* What RFC 6120 section 8.2.3 and RFC 6121 section 4.7.1 demand of an IQ and of presence. */
static bool well_made(const struct stanza *st)
{
    struct xml first = xml_first_element(st->root);
    bool one = xml_some(first) && !xml_some(xml_next_element(first));
    if (st->type == TYPE_BAD)
        return false;
    if (st->kind != STANZA_IQ)
        return true;
    return st->id.ptr != NULL && ((st->type != TYPE_GET && st->type != TYPE_SET) || one);
}

/* Section 3: all stanzas have both addresses, and `from` is of the component's domain. */
void component_stanza(struct component *c, struct xml root)
{
    struct engine *e = c->e;
    struct stanza st;
    if (!stanza_read(root, SLICE_NONE, &st)) {
        component_error(c, STREAM_UNSUPPORTED_STANZA_TYPE, SLICE_NONE, SLICE_NONE);
        return;
    }
    struct slice from = xml_attr(root, SLICE("from")), to = xml_attr(root, SLICE("to"));
    if (from.ptr == NULL || jid_parse(from, &e->arena, &st.from) != 0 ||
        !slice_eq(jid_domain(&st.from), c->config->name)) {
        component_log(c, LOG_WARNING, "stanza.spoof", "invalid-from");
        component_error(c, STREAM_INVALID_FROM, SLICE_NONE, SLICE_NONE);
        return;
    }
    if (to.ptr == NULL) {
        component_log(c, LOG_INFO, "stream.unexpected", "improper-addressing");
        component_error(c, STREAM_IMPROPER_ADDRESSING, SLICE("a stanza needs a 'to'"), SLICE_NONE);
        return;
    }
    e->counters.stanzas_in++;
    int err = jid_parse(to, &e->arena, &st.to);
    if (err != 0) {
        /* The address cannot be repeated: the answer is the server's own. */
        st.to = JID_NONE;
        (void)jid_from_prepared(e->config->hosts[0].name, &st.to);
        route_error(e, &st, err == ERR_SYNTAX ? STANZA_JID_MALFORMED : STANZA_RESOURCE_CONSTRAINT,
                    SLICE_NONE, &NOBODY);
    } else if (!well_made(&st)) {
        route_error(e, &st, STANZA_BAD_REQUEST, SLICE_NONE, &NOBODY);
    } else {
        route_from_outside(e, &st, &NOBODY);
    }
}

void components_rehost(struct engine *e, const struct core_config *was)
{
    LIST_EACH(it, &e->components)
    {
        struct component *c = CONTAINER_OF(it, struct component, all);
        if (c->config == NULL || c->state == COMPONENT_CLOSED)
            continue;
        const struct component_config *before = config_component(was, c->config->name);
        const struct component_config *now = config_component(e->config, c->config->name);
        if (now == NULL) {
            component_log(c, LOG_INFO, "host.gone", "host-gone");
            component_error(c, STREAM_HOST_GONE, SLICE_NONE, SLICE_NONE);
        } else if (before != NULL && !slice_eq(before->secret, now->secret)) {
            component_error(c, STREAM_RESET, SLICE("the secret was changed"), SLICE_NONE);
        } else {
            c->config = now;
        }
    }
}

void components_stop(struct engine *e)
{
    LIST_EACH(it, &e->components)
    {
        struct component *c = CONTAINER_OF(it, struct component, all);
        component_error(c, STREAM_SYSTEM_SHUTDOWN, SLICE_NONE, SLICE_NONE);
    }
}
