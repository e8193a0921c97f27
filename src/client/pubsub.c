/* Publish-subscribe (XEP-0060 version 1.30.0): items. Publishing with options (section 7.1.5), and
 * making a node what they say where it is something else. */
#include "client/pubsub.h"

#include <stdlib.h>

#include "client/rsm.h"
#include "client/text.h"
#include "xmpp/data_form.h"

const struct burble_pubsub_option *burble_pubsub_private(void)
{
    static const struct burble_pubsub_option OPTIONS[] = {
        {"pubsub#persist_items", "true"}, {"pubsub#access_model", "whitelist"}, {NULL, NULL}};
    return OPTIONS;
}

/* ------------------------------------------------------------------------------------ helpers */

void pubsub_put_options(struct xml_writer *w, struct slice kind,
                        const struct burble_pubsub_option *options)
{
    struct buf type = {0};
    buf_lit(&type, "http://jabber.org/protocol/pubsub#");
    buf_add(&type, kind);
    data_form_open(w, SLICE("submit"), buf_slice(&type));
    for (; options->var != NULL; options++)
        data_form_field(w, slice_z(options->var), SLICE_NONE, slice_z(options->value));
    xml_close(w);
    w->out->failed |= type.failed;
    buf_free(&type);
}

void pubsub_open(struct burble *c, struct xml_writer *w, struct slice ns, struct slice name,
                 const char *node)
{
    client_payload(c, w);
    xml_open(w, SLICE("pubsub"), ns);
    xml_open(w, name, SLICE_NONE);
    if (node != NULL)
        xml_attr_put(w, SLICE("node"), slice_z(node));
}

int pubsub_set(struct burble *c, struct xml_writer *w, const char *service, burble_iq_fn *fn,
               void *arg)
{
    while (w->depth > 0)
        xml_close(w);
    buf_byte(&c->work, '\0');
    if (c->work.failed)
        return ERR_MEMORY;
    return burble_set(c, service, buf_slice(&c->work).ptr, 0, fn, arg, NULL);
}

int pubsub_put_payload(struct xml_writer *w, const char *payload)
{
    struct burble_xml x = burble_xml_parse(payload, strlen(payload), NULL);
    if (!burble_xml_some(x))
        return ERR_SYNTAX;
    xml_node_put(w, view_xml(x));
    burble_xml_free(&x);
    return 0;
}

/* ---------------------------------------------------------------------------------- publishing
 *
 * With BURBLE_PUBLISH_CONFIGURE a node becomes what the options say, if it is not: where the
 * service finds that it is something else, it is configured, and the item is published again.
 * Services that do not know all of the options where an item is published (ejabberd) know them
 * where a node is made: it is made, or configured if it is there, and the item is published without
 * options. */

enum stage { PUBLISH_FIRST, PUBLISH_CREATE, PUBLISH_CONFIGURE, PUBLISH_LAST };

struct publishing {
    burble_published_fn *fn;
    void *arg;
    enum stage stage;
    char *service, *node, *id; /* service, id NULL: none */
    char *steps[4];            /* payloads by stage; but for the first NULL: not to be done */
    char *plain;               /* the last one without options */
};

static void publishing_free(void *arg)
{
    struct publishing *p = arg;
    if (p == NULL)
        return;
    for (size_t i = 0; i < sizeof(p->steps) / sizeof(p->steps[0]); i++)
        free(p->steps[i]);
    free(p->service);
    free(p->node);
    free(p->id);
    free(p->plain);
    free(p);
}

static void publish_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg);

static int publish_step(struct burble *c, struct publishing *p, enum stage stage)
{
    struct client_iq iq = {.set = true,
                           .to = slice_z(p->service),
                           .payload = slice_z(p->steps[stage]),
                           .fn = publish_answer,
                           .arg = p,
                           .drop = publishing_free};
    p->stage = stage;
    return client_iq_send(c, &iq, NULL);
}

static bool has_condition(struct xml iq, struct slice ns, const char *name)
{
    struct xml e = xml_child(iq, NS_CLIENT, SLICE("error"));
    return xml_some(xml_child(e, ns, slice_z(name)));
}

/* The stage that comes next; PUBLISH_FIRST: this was the end. */
static enum stage next_stage(struct publishing *p, enum burble_iq_outcome outcome, struct xml iq)
{
    bool good = outcome == BURBLE_IQ_RESULT;
    if (p->steps[PUBLISH_CONFIGURE] == NULL || (!good && outcome != BURBLE_IQ_ERROR))
        return PUBLISH_FIRST;
    switch (p->stage) {
    case PUBLISH_FIRST:
        if (good)
            return PUBLISH_FIRST;
        if (has_condition(iq, NS_PUBSUB_ERRORS, "precondition-not-met"))
            return PUBLISH_CONFIGURE;
        return has_condition(iq, NS_STANZA_ERRORS, "resource-constraint") ||
                       has_condition(iq, NS_STANZA_ERRORS, "not-acceptable") ||
                       has_condition(iq, NS_STANZA_ERRORS, "bad-request")
                   ? PUBLISH_CREATE
                   : PUBLISH_FIRST;
    case PUBLISH_CREATE:
        free(p->steps[PUBLISH_LAST]);
        p->steps[PUBLISH_LAST] = p->plain;
        p->plain = NULL;
        if (good)
            return PUBLISH_LAST;
        return has_condition(iq, NS_STANZA_ERRORS, "conflict") ? PUBLISH_CONFIGURE : PUBLISH_FIRST;
    case PUBLISH_CONFIGURE:
        return good ? PUBLISH_LAST : PUBLISH_FIRST;
    default:
        return PUBLISH_FIRST;
    }
}

static void publish_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg)
{
    struct publishing *p = arg;
    struct burble_published out = {.outcome = outcome, .node = p->node, .id = p->id};
    enum stage next = next_stage(p, outcome, iq);
    if (next != PUBLISH_FIRST && publish_step(c, p, next) == 0)
        return;
    if (next != PUBLISH_FIRST) /* it could not go on */
        out.outcome = BURBLE_IQ_GONE;
    client_iq_error(c, out.outcome, iq, &out.error);
    struct xml publish =
        xml_child(xml_child(iq, NS_PUBSUB, SLICE("pubsub")), NS_PUBSUB, SLICE("publish"));
    const char *id =
        view_string(&c->view, xml_attr(xml_child(publish, NS_PUBSUB, SLICE("item")), SLICE("id")));
    if (id != NULL && out.outcome == BURBLE_IQ_RESULT)
        out.id = id;
    if (p->fn != NULL)
        p->fn(c, &out, p->arg);
    publishing_free(p);
}

int pubsub_write_publish(struct burble *c, const char *node, const char *id, const char *payload,
                         const struct burble_pubsub_option *options)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("publish"), node);
    xml_open(&w, SLICE("item"), SLICE_NONE);
    if (id != NULL)
        xml_attr_put(&w, SLICE("id"), slice_z(id));
    int err = payload != NULL ? pubsub_put_payload(&w, payload) : 0;
    xml_close(&w);
    xml_close(&w);
    if (options != NULL) {
        xml_open(&w, SLICE("publish-options"), SLICE_NONE);
        pubsub_put_options(&w, SLICE("publish-options"), options);
        xml_close(&w);
    }
    xml_close(&w);
    return err;
}

static void write_configure(struct burble *c, const char *node,
                            const struct burble_pubsub_option *options)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB_OWNER, SLICE("configure"), node);
    pubsub_put_options(&w, SLICE("node_config"), options);
    xml_close(&w);
    xml_close(&w);
}

void pubsub_write_create(struct burble *c, const char *node,
                         const struct burble_pubsub_option *options)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("create"), node);
    xml_close(&w);
    if (options != NULL) {
        xml_open(&w, SLICE("configure"), SLICE_NONE);
        pubsub_put_options(&w, SLICE("node_config"), options);
        xml_close(&w);
    }
    xml_close(&w);
}

static char *work_copy(struct burble *c)
{
    return c->work.failed ? NULL : client_copy(buf_slice(&c->work));
}

/* All that may have to be said. */
static int write_steps(struct burble *c, struct publishing *p, const char *payload,
                       const struct burble_pubsub_option *options, bool configure)
{
    bool good = true;
    int err = pubsub_write_publish(c, p->node, p->id, payload, options);
    if (err != 0)
        return err;
    good &= (p->steps[PUBLISH_FIRST] = work_copy(c)) != NULL;
    if (!configure)
        return good ? 0 : ERR_MEMORY;
    good &= (p->steps[PUBLISH_LAST] = work_copy(c)) != NULL;
    (void)pubsub_write_publish(c, p->node, p->id, payload, NULL);
    good &= (p->plain = work_copy(c)) != NULL;
    pubsub_write_create(c, p->node, options);
    good &= (p->steps[PUBLISH_CREATE] = work_copy(c)) != NULL;
    write_configure(c, p->node, options);
    good &= (p->steps[PUBLISH_CONFIGURE] = work_copy(c)) != NULL;
    return good ? 0 : ERR_MEMORY;
}

int burble_pubsub_publish(struct burble *c, const char *service, const char *node, const char *id,
                          const char *payload, const struct burble_pubsub_option *options,
                          unsigned flags, burble_published_fn *fn, void *arg)
{
    struct publishing *p = client_alloc(sizeof(*p));
    if (p == NULL)
        return ERR_MEMORY;
    *p = (struct publishing){.fn = fn, .arg = arg, .node = client_copy(slice_z(node))};
    bool good = p->node != NULL;
    if (service != NULL)
        good &= (p->service = client_copy(slice_z(service))) != NULL;
    if (id != NULL)
        good &= (p->id = client_copy(slice_z(id))) != NULL;
    int err = good ? write_steps(c, p, payload, options,
                                 options != NULL && (flags & BURBLE_PUBLISH_CONFIGURE) != 0)
                   : ERR_MEMORY;
    if (err == 0)
        err = publish_step(c, p, PUBLISH_FIRST);
    if (err != 0)
        publishing_free(p);
    return err;
}

int burble_pubsub_retract(struct burble *c, const char *service, const char *node, const char *id,
                          bool notify, burble_iq_fn *fn, void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("retract"), node);
    if (notify)
        xml_attr_put(&w, SLICE("notify"), SLICE("true"));
    xml_open(&w, SLICE("item"), SLICE_NONE);
    xml_attr_put(&w, SLICE("id"), slice_z(id));
    return pubsub_set(c, &w, service, fn, arg);
}

/* --------------------------------------------------------------------------------------- items */

struct items_asked {
    burble_pubsub_items_fn *fn;
    void *arg;
    char *node; /* in text, behind the service */
    char text[];
};

static bool read_items(struct burble_tree *v, struct xml items, struct burble_pubsub_items *out)
{
    struct slice name = SLICE("item");
    size_t n = xml_count_named(items, NS_PUBSUB, name);
    struct burble_pubsub_item *all = view_array(v, n, sizeof(*all));
    if (all == NULL)
        return false;
    out->items = all;
    for (struct xml x = xml_child(items, NS_PUBSUB, name); xml_some(x);
         x = xml_next_named(x, NS_PUBSUB, name))
        all[out->count++] = (struct burble_pubsub_item){
            .id = view_string(v, xml_attr(x, SLICE("id"))),
            .publisher = view_string(v, xml_attr(x, SLICE("publisher"))),
            .payload = view_of(v, xml_first_element(x))};
    return true;
}

static void items_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct items_asked *a = arg;
    struct burble_tree *v = &c->view;
    struct xml pubsub = xml_child(iq, NS_PUBSUB, SLICE("pubsub"));
    struct rsm_page page;
    struct burble_pubsub_items out = {.outcome = outcome, .service = a->text, .node = a->node};
    client_iq_error(c, outcome, iq, &out.error);
    if (outcome == BURBLE_IQ_RESULT &&
        !read_items(v, xml_child(pubsub, NS_PUBSUB, SLICE("items")), &out)) {
        out.outcome = BURBLE_IQ_ERROR;
        out.error = (struct burble_stanza_error){
            .condition = "resource-constraint", .type = "wait", .text = "out of memory"};
    }
    rsm_read(xml_child(pubsub, NS_RSM, SLICE("set")), &page);
    out.last = view_string(v, page.last);
    a->fn(c, &out, a->arg);
    free(a);
}

static void write_query(struct burble *c, const char *node, const struct burble_pubsub_query *q)
{
    struct xml_writer w;
    char text[CLIENT_NUMBER_BYTES];
    pubsub_open(c, &w, NS_PUBSUB, SLICE("items"), node);
    if (q->max > 0)
        xml_attr_put(&w, SLICE("max_items"), client_number(q->max, text));
    for (size_t i = 0; q->ids != NULL && q->ids[i] != NULL; i++) {
        xml_open(&w, SLICE("item"), SLICE_NONE);
        xml_attr_put(&w, SLICE("id"), slice_z(q->ids[i]));
        xml_close(&w);
    }
    xml_close(&w);
    if (q->page > 0 || q->after != NULL)
        rsm_write(&w, &(struct rsm_ask){.max = q->page, .after = slice_z(q->after)});
    xml_close(&w);
}

int burble_pubsub_items(struct burble *c, const char *service, const char *node,
                        const struct burble_pubsub_query *query, burble_pubsub_items_fn *fn,
                        void *arg, uint64_t *handle_out)
{
    static const struct burble_pubsub_query ALL;
    const char *of = service != NULL ? service : c->setup.bare;
    size_t of_len = strlen(of) + 1, node_len = strlen(node) + 1;
    struct items_asked *a = client_alloc(sizeof(*a) + of_len + node_len);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn = fn;
    a->arg = arg;
    a->node = a->text + of_len;
    memcpy(a->text, of, of_len);
    memcpy(a->node, node, node_len);
    write_query(c, node, query != NULL ? query : &ALL);
    return client_iq_ask(c, false, service, items_answer, a, handle_out);
}
