/* Service discovery (XEP-0030, version 2.5.0) of ourselves: what is answered, and to whom. A
 * stranger gets what a resource that does not exist would get (row V69; XEP-0030 section 8). */
#include <stdlib.h>

#include "client/disco.h"

enum { NODES_MAX = 100 };

static void node_free(struct disco *d, struct disco_node *n)
{
    if (list_linked(&n->link)) {
        list_remove(&n->link);
        d->node_count--;
    }
    free(n->node);
    free(n->info);
    free(n->items);
    free(n);
}

static void on_gone(struct client_extension *x)
{
    disco_find_end(x->client, CONTAINER_OF(x, struct disco, x));
}

static void on_online(struct client_extension *x, bool resumed)
{
    if (!resumed)
        on_gone(x);
}

static void on_free(struct client_extension *x)
{
    struct disco *d = CONTAINER_OF(x, struct disco, x);
    disco_find_end(x->client, d);
    while (!list_empty(&d->nodes))
        node_free(d, CONTAINER_OF(d->nodes.next, struct disco_node, link));
    free(d->category);
    free(d->type);
    free(d->name);
    free(d);
}

static const struct client_extension_ops DISCO_OPS = {
    .name = "disco", .online = on_online, .gone = on_gone, .free = on_free};

struct disco *disco_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &DISCO_OPS);
    if (x != NULL)
        return CONTAINER_OF(x, struct disco, x);
    struct disco *d = client_alloc(sizeof(*d));
    if (d == NULL)
        return NULL;
    list_init(&d->nodes);
    list_init(&d->services.list);
    list_init(&d->services.finders);
    client_extend(c, &d->x, &DISCO_OPS);
    return d;
}

/* -------------------------------------------------------------------------------- what is said */

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void write_feature(struct xml_writer *w, struct slice var)
{
    xml_open(w, SLICE("feature"), SLICE_NONE);
    xml_attr_put(w, SLICE("var"), var);
    xml_close(w);
}

void disco_write_self(struct burble *c, struct xml_writer *w)
{
    static const struct disco NOTHING;
    const struct disco *d = disco_of(c);
    if (d == NULL)
        d = &NOTHING;
    xml_open(w, SLICE("identity"), SLICE_NONE);
    xml_attr_put(w, SLICE("category"), slice_z(or_else(d->category, "client")));
    xml_attr_put(w, SLICE("type"), slice_z(or_else(d->type, "pc")));
    xml_attr_put(w, SLICE("name"), slice_z(or_else(d->name, c->setup.software)));
    xml_close(w);
    LIST_EACH(it, &c->features)
    write_feature(w, slice_z(CONTAINER_OF(it, struct client_feature, link)->ns));
}

static struct disco_node *node_find(struct disco *d, struct slice name)
{
    LIST_EACH(it, &d->nodes)
    {
        struct disco_node *n = CONTAINER_OF(it, struct disco_node, link);
        if (slice_eq(slice_z(n->node), name))
            return n;
    }
    return NULL;
}

/* The content of a node; false: there is no such node. A node that speaks of our capabilities is
 * what we are (XEP-0115 section 5.3). */
static bool write_content(struct burble *c, struct disco *d, struct xml_writer *w, bool items,
                          struct slice node, const struct jid *from)
{
    struct disco_node *n = node_find(d, node);
    const char *content = n != NULL ? (items ? n->items : n->info) : NULL;
    if (!items && (node.len == 0 || client_is_own_caps(c, node))) {
        disco_write_self(c, w);
        return true;
    }
    if (content == NULL && d->commands != NULL && d->commands(c, w, items, node, from))
        return true;
    if (content != NULL)
        xml_raw_put(w, slice_z(content));
    return content != NULL || (items && node.len == 0);
}

static void answer(struct burble *c, const struct stanza *iq, struct xml payload, void *arg)
{
    struct disco *d = arg;
    struct slice ns = xml_ns(payload), node = xml_attr(payload, SLICE("node"));
    struct buf text = {0};
    struct xml_writer w;
    if (!client_may_tell(c, &iq->from)) {
        (void)client_iq_refuse(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
        return;
    }
    if (iq->type != TYPE_GET) {
        (void)client_iq_refuse(c, iq, STANZA_BAD_REQUEST, SLICE_NONE);
        return;
    }
    xml_writer_init(&w, &text, NS_CLIENT);
    xml_open(&w, SLICE("query"), ns);
    if (node.len > 0)
        xml_attr_put(&w, SLICE("node"), node);
    bool there = write_content(c, d, &w, slice_eq(ns, NS_DISCO_ITEMS), node, &iq->from);
    xml_close(&w);
    if (!there)
        (void)client_iq_refuse(c, iq, STANZA_ITEM_NOT_FOUND, SLICE_NONE);
    else if (!text.failed)
        (void)client_iq_answer(c, iq, buf_slice(&text));
    buf_free(&text);
}

int disco_start(struct burble *c)
{
    struct disco *d = disco_of(c);
    if (d == NULL)
        return ERR_MEMORY;
    if (d->answers)
        return 0;
    int err = client_iq_serve(c, NS_DISCO_INFO, SLICE("query"), answer, d);
    if (err != 0)
        return err;
    err = client_iq_serve(c, NS_DISCO_ITEMS, SLICE("query"), answer, d);
    if (err == 0)
        err = client_feature(c, NS_DISCO_INFO.ptr);
    if (err == 0)
        err = client_feature(c, NS_DISCO_ITEMS.ptr);
    if (err != 0) {
        (void)client_iq_serve(c, NS_DISCO_INFO, SLICE("query"), NULL, NULL);
        (void)client_iq_serve(c, NS_DISCO_ITEMS, SLICE("query"), NULL, NULL);
        return err;
    }
    d->answers = true;
    return 0;
}

/* ------------------------------------------------------------------------------ the public face */

void burble_set_tell(struct burble *c, enum burble_tell who)
{
    c->tell = who;
}

int burble_set_identity(struct burble *c, const char *category, const char *type, const char *name)
{
    struct disco *d = disco_of(c);
    const char *from[] = {category, type, name};
    char *to[3] = {NULL};
    bool good = d != NULL;
    for (size_t i = 0; i < 3; i++)
        if (from[i] != NULL)
            good &= (to[i] = client_copy(slice_z(from[i]))) != NULL;
    int err = good ? disco_start(c) : ERR_MEMORY;
    if (err != 0) {
        for (size_t i = 0; i < 3; i++)
            free(to[i]);
        return err;
    }
    free(d->category);
    free(d->type);
    free(d->name);
    d->category = to[0];
    d->type = to[1];
    d->name = to[2];
    client_features_changed(c);
    return 0;
}

int burble_add_feature(struct burble *c, const char *feature)
{
    return client_feature(c, feature);
}

/* As children of <query/> in their namespace, as they will be written. */
static int take_content(const char *text, struct slice ns, char **out)
{
    struct buf b = {0};
    if (text == NULL)
        return 0;
    buf_lit(&b, "<query xmlns='");
    buf_add(&b, ns);
    buf_lit(&b, "'>");
    buf_add(&b, slice_z(text));
    buf_lit(&b, "</query>");
    struct burble_xml x =
        b.failed ? (struct burble_xml){0} : burble_xml_parse(buf_slice(&b).ptr, buf_len(&b), NULL);
    int err = b.failed ? ERR_MEMORY : burble_xml_some(x) ? 0 : ERR_SYNTAX;
    if (err == 0) {
        buf_clear(&b);
        xml_write_children(&b, view_xml(x), ns);
        *out = b.failed ? NULL : client_copy(buf_slice(&b));
        err = *out != NULL ? 0 : ERR_MEMORY;
    }
    burble_xml_free(&x);
    buf_free(&b);
    return err;
}

int burble_set_disco_node(struct burble *c, const char *node, const char *info, const char *items)
{
    struct disco *d = disco_of(c);
    if (d == NULL)
        return ERR_MEMORY;
    struct disco_node *old = node_find(d, slice_z(node));
    if (info == NULL && items == NULL) {
        if (old != NULL)
            node_free(d, old);
        return 0;
    }
    if (old == NULL && d->node_count >= NODES_MAX)
        return ERR_LIMIT;
    struct disco_node *n = client_alloc(sizeof(*n));
    int err = n != NULL ? take_content(info, NS_DISCO_INFO, &n->info) : ERR_MEMORY;
    if (err == 0)
        err = take_content(items, NS_DISCO_ITEMS, &n->items);
    if (err == 0)
        err = (n->node = client_copy(slice_z(node))) != NULL ? 0 : ERR_MEMORY;
    if (err != 0) {
        if (n != NULL)
            node_free(d, n);
        return err;
    }
    if (old != NULL)
        node_free(d, old);
    list_push(&d->nodes, &n->link);
    d->node_count++;
    return 0;
}
