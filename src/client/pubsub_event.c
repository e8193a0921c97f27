/* Events of publish-subscribe (XEP-0060 version 1.30.0 section 7.1.2; XEP-0163 version 1.2.2).
 *
 * An event is its sender's: that of our own account comes without from or from our bare address and
 * from nowhere else, so that nobody else can change our bookmarks (row V65). A client, with its
 * full address, is no service; what it says in that form is refused. */
#include <stdlib.h>

#include "client/pubsub.h"

struct handler {
    struct list link;
    burble_pubsub_event_fn *fn;
    void *arg;
    unsigned flags;
    bool dead; /* taken back while the list was walked */
    bool any;  /* of all nodes that have no other */
    char node[];
};

struct events {
    struct client_extension x;
    struct list handlers;
    unsigned walking;
};

static struct handler *handler_of(struct list *l)
{
    return CONTAINER_OF(l, struct handler, link);
}

static void sweep(struct events *e)
{
    LIST_EACH(it, &e->handlers)
    {
        struct handler *h = handler_of(it);
        if (!h->dead)
            continue;
        list_remove(&h->link);
        free(h);
    }
}

/* Calls those who hear of this node. True: there was one. */
static bool tell(struct events *e, const struct burble_pubsub_event *event, bool any)
{
    struct burble *c = e->x.client;
    bool heard = false;
    e->walking++;
    for (struct list *it = e->handlers.next; it != &e->handlers; it = it->next) {
        const struct handler *h = handler_of(it);
        if (h->dead || c->doomed || h->any != any || (!any && strcmp(h->node, event->node) != 0))
            continue;
        heard = true;
        if ((h->flags & BURBLE_EVENTS_OWN) != 0 && !event->own)
            continue;
        client_enter(c);
        h->fn(c, event, h->arg);
        c->depth--;
    }
    if (--e->walking == 0)
        sweep(e);
    return heard;
}

static bool tell_all(struct events *e, const struct burble_pubsub_event *event)
{
    return tell(e, event, false) || tell(e, event, true);
}

/* <items/>: one event for each child, in order. */
static bool items(struct events *e, struct burble_pubsub_event *event, struct xml list)
{
    struct burble_tree *v = &e->x.client->view;
    bool heard = false;
    for (struct xml x = xml_first_element(list); xml_some(x); x = xml_next_element(x)) {
        bool item = xml_is(x, NS_PUBSUB_EVENT, SLICE("item"));
        if (!item && !xml_is(x, NS_PUBSUB_EVENT, SLICE("retract")))
            continue;
        event->kind = item ? BURBLE_PUBSUB_ITEM : BURBLE_PUBSUB_RETRACTED;
        event->id = view_string(v, xml_attr(x, SLICE("id")));
        event->publisher = view_string(v, xml_attr(x, SLICE("publisher")));
        event->payload = view_of(v, item ? xml_first_element(x) : XML_NONE);
        heard |= tell_all(e, event);
    }
    return heard;
}

static bool one(struct events *e, struct burble_pubsub_event *event, struct xml x)
{
    static const struct {
        struct slice name;
        enum burble_pubsub_kind kind;
    } KINDS[] = {{{"purge", 5}, BURBLE_PUBSUB_PURGED},
                 {{"delete", 6}, BURBLE_PUBSUB_DELETED},
                 {{"configuration", 13}, BURBLE_PUBSUB_CONFIGURED},
                 {{"subscription", 12}, BURBLE_PUBSUB_SUBSCRIPTION}};
    struct burble_tree *v = &e->x.client->view;
    if (!slice_eq(xml_ns(x), NS_PUBSUB_EVENT))
        return false;
    event->node = view_string(v, xml_attr(x, SLICE("node")));
    if (event->node == NULL)
        return false;
    if (slice_is(xml_name(x), "items"))
        return items(e, event, x);
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (!slice_eq(xml_name(x), KINDS[i].name))
            continue;
        event->kind = KINDS[i].kind;
        event->state = view_string(v, xml_attr(x, SLICE("subscription")));
        event->payload = view_of(v, xml_first_element(x));
        return tell_all(e, event);
    }
    return false;
}

static bool on_stanza(struct client_extension *x, const struct stanza *s)
{
    struct events *e = CONTAINER_OF(x, struct events, x);
    struct burble *c = x->client;
    struct xml event = xml_child(s->root, NS_PUBSUB_EVENT, SLICE("event"));
    struct xml delay = xml_child(s->root, NS_DELAY, SLICE("delay"));
    bool heard = false;
    if (s->kind != STANZA_MESSAGE || s->type == TYPE_ERROR || s->type == TYPE_GROUPCHAT ||
        !xml_some(event))
        return false;
    if (s->from.resource_len > 0) {
        client_bad(c, "an event that is not from a service", jid_full(&s->from));
        return true;
    }
    struct burble_pubsub_event out = {.own = client_from_self(c, s)};
    out.from = out.own ? c->setup.bare : view_string(&c->view, jid_bare(&s->from));
    (void)time_parse(xml_attr(delay, SLICE("stamp")), &out.stamp_ms);
    for (struct xml it = xml_first_element(event); xml_some(it) && out.from != NULL;
         it = xml_next_element(it)) {
        struct burble_pubsub_event each = out;
        heard |= one(e, &each, it);
    }
    return heard;
}

static void on_free(struct client_extension *x)
{
    struct events *e = CONTAINER_OF(x, struct events, x);
    while (!list_empty(&e->handlers))
        free(handler_of(list_pop(&e->handlers)));
    free(e);
}

static const struct client_extension_ops EVENTS_OPS = {
    .name = "pubsub", .stanza = on_stanza, .free = on_free};

static struct events *events_of(struct burble *c, bool make)
{
    struct client_extension *x = client_extension(c, &EVENTS_OPS);
    if (x != NULL || !make)
        return x != NULL ? CONTAINER_OF(x, struct events, x) : NULL;
    struct events *e = client_alloc(sizeof(*e));
    if (e == NULL)
        return NULL;
    list_init(&e->handlers);
    client_extend(c, &e->x, &EVENTS_OPS);
    return e;
}

/* The feature that asks for them (XEP-0163 section 4.3.2). */
static int notify(struct burble *c, const char *node, bool wanted)
{
    struct buf feature = {0};
    int err = ERR_MEMORY;
    buf_add(&feature, slice_z(node));
    buf_lit(&feature, "+notify");
    buf_byte(&feature, '\0');
    if (!feature.failed && wanted)
        err = client_feature(c, buf_slice(&feature).ptr);
    else if (!feature.failed)
        client_unfeature(c, buf_slice(&feature).ptr);
    buf_free(&feature);
    return err;
}

static struct handler *find(struct events *e, const char *node, burble_pubsub_event_fn *fn,
                            const void *arg)
{
    LIST_EACH(it, &e->handlers)
    {
        struct handler *h = handler_of(it);
        if (!h->dead && h->fn == fn && h->arg == arg && h->any == (node == NULL) &&
            (node == NULL || strcmp(h->node, node) == 0))
            return h;
    }
    return NULL;
}

int burble_on_pubsub_event(struct burble *c, const char *node, unsigned flags,
                           burble_pubsub_event_fn *fn, void *arg)
{
    struct events *e = events_of(c, true);
    size_t len = node != NULL ? strlen(node) + 1 : 1;
    if (e == NULL)
        return ERR_MEMORY;
    if (find(e, node, fn, arg) != NULL)
        return ERR_EXISTS;
    struct handler *h = client_alloc(sizeof(*h) + len);
    if (h == NULL)
        return ERR_MEMORY;
    h->fn = fn;
    h->arg = arg;
    h->flags = flags;
    h->any = node == NULL;
    if (node != NULL)
        memcpy(h->node, node, len);
    if (node != NULL && (flags & BURBLE_EVENTS_NOTIFY) != 0 && notify(c, node, true) != 0) {
        free(h);
        return ERR_MEMORY;
    }
    list_push(&e->handlers, &h->link);
    return 0;
}

static bool wanted(struct events *e, const char *node)
{
    LIST_EACH(it, &e->handlers)
    {
        const struct handler *h = handler_of(it);
        if (!h->dead && !h->any && (h->flags & BURBLE_EVENTS_NOTIFY) != 0 &&
            strcmp(h->node, node) == 0)
            return true;
    }
    return false;
}

void burble_off_pubsub_event(struct burble *c, const char *node, burble_pubsub_event_fn *fn,
                             void *arg)
{
    struct events *e = events_of(c, false);
    struct handler *h = e != NULL ? find(e, node, fn, arg) : NULL;
    if (h == NULL)
        return;
    h->dead = true;
    if (node != NULL && (h->flags & BURBLE_EVENTS_NOTIFY) != 0 && !wanted(e, node))
        (void)notify(c, node, false);
    if (e->walking == 0)
        sweep(e);
}
