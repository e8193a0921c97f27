/* XEP-0030: Service Discovery (version 2.5.0), sections 3, 4, 7 and 8.
 *
 * The server answers for itself and for its accounts. Of an account only those learn anything who
 * may see its presence; to all others it looks like an account that is not there. Requests to a
 * full JID are the client's. What is told is collected in core/service/disco.h. */
#include "core/service/disco.h"
#include "core/module.h"

/* The node that is asked for; ptr NULL: none. */
static struct slice node_of(const struct iq *iq)
{
    struct slice node = xml_attr(iq->payload, SLICE("node"));
    return node.len > 0 ? node : SLICE_NONE;
}

/* True when the request was for a node, and is answered. */
static bool answer_node(struct iq *iq)
{
    struct slice node = node_of(iq);
    if (node.ptr == NULL)
        return false;
    if (!disco_ask_node(iq, node))
        iq_error(iq, STANZA_ITEM_NOT_FOUND);
    return true;
}

static bool may_know(const struct iq *iq)
{
    return iq->account == NULL || module_sees_presence(iq->account, &iq->stanza.from);
}

static void info(struct iq *iq)
{
    if (!may_know(iq)) {
        iq_error(iq, STANZA_SERVICE_UNAVAILABLE);
        return;
    }
    if (answer_node(iq))
        return;
    struct xml_writer w;
    iq_result_begin(iq, &w);
    if (iq->account == NULL)
        disco_host_info(iq->e, iq->host, SLICE_NONE, &w);
    else
        disco_account_info(iq->e, iq->account->host, SLICE_NONE, &w);
    iq_result_end(iq, &w);
}

/* The resources that can be written to. */
static void write_resources(const struct account *a, struct xml_writer *w)
{
    for (const struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        const struct session *s =
            (const struct session *)(const void *)((const char *)it -
                                                   offsetof(struct session, link));
        if (!s->available)
            continue;
        xml_open(w, SLICE("item"), SLICE_NONE);
        xml_attr_put(w, SLICE("jid"), jid_full(&s->jid));
        xml_close(w);
    }
}

/* A component below the name of a host belongs to it, one below none to all of them. */
static bool is_below(struct slice domain, struct slice host)
{
    return domain.len > host.len + 1 && domain.ptr[domain.len - host.len - 1] == '.' &&
           slice_eq(slice_from(domain, domain.len - host.len), host);
}

static void write_components(const struct core_config *c, const struct host_config *host,
                             struct xml_writer *w)
{
    for (size_t i = 0; i < c->component_count; i++) {
        struct slice name = c->components[i].name;
        bool elsewhere = false;
        for (size_t k = 0; k < c->host_count; k++)
            elsewhere |= is_below(name, c->hosts[k].name);
        if (elsewhere && !is_below(name, host->name))
            continue;
        xml_open(w, SLICE("item"), SLICE_NONE);
        xml_attr_put(w, SLICE("jid"), name);
        xml_close(w);
    }
}

static void items(struct iq *iq)
{
    bool known = may_know(iq);
    if (known && answer_node(iq))
        return;
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("query"), NS_DISCO_ITEMS);
    struct slice node = node_of(iq);
    if (node.ptr != NULL)
        xml_attr_put(&w, SLICE("node"), node);
    if (known && iq->account != NULL)
        write_resources(iq->account, &w);
    else if (iq->account == NULL)
        write_components(iq->e->config, iq->host, &w);
    xml_close(&w);
    iq_result_end(iq, &w);
}

static const struct module_iq IQS[] = {
    {"http://jabber.org/protocol/disco#info", "query", IQ_HOST | IQ_SELF | IQ_CONTACT, IQ_GET,
     info},
    {"http://jabber.org/protocol/disco#items", "query", IQ_HOST | IQ_SELF | IQ_CONTACT | IQ_NOBODY,
     IQ_GET, items},
    {0},
};

static const char *const FEATURES[] = {"http://jabber.org/protocol/disco#info",
                                       "http://jabber.org/protocol/disco#items", NULL};

const struct module DISCO_MODULE = {
    .name = "disco",
    .xep = "0030",
    .version = "2.5.0",
    .summary = "tells what the server and its accounts are and can",
    .host_features = FEATURES,
    .account_features = FEATURES,
    .iqs = IQS,
};
