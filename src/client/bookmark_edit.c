/* Changing bookmarks at the server: an item of its own for each in PEP (XEP-0402), all in one
 * element in private XML storage (XEP-0048, XEP-0049), which is fetched, changed and written again,
 * one change after the other, so that none is lost. */
#include <stdlib.h>

#include "client/bookmarks.h"
#include "client/pubsub.h"

struct bookmark_op {
    struct list link;
    struct burble_bookmarks *b; /* NULL: it is gone, and nobody waits */
    struct mark *mark;
    bool remove;
    bool running;
    burble_iq_fn *fn; /* NULL: none */
    void *arg;
};

static void run_next(struct burble_bookmarks *b);

static struct bookmark_op *op_of(struct list *l)
{
    return CONTAINER_OF(l, struct bookmark_op, link);
}

static void op_free(struct bookmark_op *op)
{
    if (op->b != NULL) {
        list_remove(&op->link);
        op->b->op_count--;
    }
    mark_free(op->mark);
    free(op);
}

void bookmark_ops_free(struct burble_bookmarks *b)
{
    while (!list_empty(&b->ops)) {
        struct bookmark_op *op = op_of(b->ops.next);
        list_remove(&op->link);
        b->op_count--;
        op->b = NULL;
        if (!op->running)
            op_free(op);
    }
}

/* What the server has, we have; then whoever asked hears of it. */
static void op_end(struct burble *c, struct bookmark_op *op, const struct burble_iq *answer)
{
    struct burble_bookmarks *b = op->b;
    if (b != NULL && answer->outcome == BURBLE_IQ_RESULT && op->remove) {
        bookmarks_removed(b, slice_z(op->mark->pub.jid));
    } else if (b != NULL && answer->outcome == BURBLE_IQ_RESULT) {
        struct mark *m = op->mark;
        op->mark = NULL;
        bookmarks_changed(b, m);
    }
    if (op->b != NULL && client_extension_speaks(&op->b->x) && op->fn != NULL) {
        client_enter(c);
        op->fn(c, answer, op->arg);
        c->depth--;
    }
    op_free(op);
}

static void op_fail(struct burble *c, struct bookmark_op *op)
{
    struct burble_iq answer = {.outcome = BURBLE_IQ_GONE};
    client_iq_error(c, answer.outcome, XML_NONE, &answer.error);
    op_end(c, op, &answer);
}

/* ------------------------------------------------------------------------------------------ PEP */

static void published(struct burble *c, const struct burble_published *p, void *arg)
{
    op_end(c, arg, &(struct burble_iq){.outcome = p->outcome, .error = p->error});
}

static void retracted(struct burble *c, const struct burble_iq *answer, void *arg)
{
    op_end(c, arg, answer);
}

static void write_conference(struct xml_writer *w, const struct mark *m, struct slice ns,
                             struct xml old)
{
    const struct burble_bookmark *k = &m->pub;
    bool pep = slice_eq(ns, NS_BOOKMARKS);
    xml_open(w, SLICE("conference"), ns);
    if (!pep)
        xml_attr_put(w, SLICE("jid"), slice_z(k->jid));
    if (k->name != NULL)
        xml_attr_put(w, SLICE("name"), slice_z(k->name));
    xml_attr_put(w, SLICE("autojoin"), k->autojoin ? SLICE("true") : SLICE("false"));
    if (k->nick != NULL)
        xml_leaf(w, SLICE("nick"), SLICE_NONE, slice_z(k->nick));
    if (k->password != NULL)
        xml_leaf(w, SLICE("password"), SLICE_NONE, slice_z(k->password));
    if (pep && m->extensions != NULL)
        xml_raw_put(w, slice_z(m->extensions));
    for (struct xml x = xml_first_element(old); xml_some(x); x = xml_next_element(x))
        if (!xml_is(x, ns, SLICE("nick")) && !xml_is(x, ns, SLICE("password")))
            xml_node_put(w, x);
    xml_close(w);
}

static int publish(struct burble *c, struct bookmark_op *op)
{
    static const struct burble_pubsub_option OPTIONS[] = {
        {"pubsub#persist_items", "true"},
        {"pubsub#max_items", "max"},
        {"pubsub#send_last_published_item", "never"},
        {"pubsub#access_model", "whitelist"},
        {NULL, NULL}};
    struct buf text = {0};
    struct xml_writer w;
    xml_writer_init(&w, &text, NS_CLIENT);
    write_conference(&w, op->mark, NS_BOOKMARKS, XML_NONE);
    buf_byte(&text, '\0');
    int err = text.failed ? ERR_MEMORY
                          : burble_pubsub_publish(c, NULL, BOOKMARKS_NODE, op->mark->pub.jid,
                                                  buf_slice(&text).ptr, OPTIONS,
                                                  BURBLE_PUBLISH_CONFIGURE, published, op);
    buf_free(&text);
    return err;
}

/* -------------------------------------------------------------------------- private XML storage */

static bool is_room(struct xml conference, const char *jid)
{
    struct arena mem = {0};
    struct jid room;
    bool same = xml_is(conference, NS_OLD_BOOKMARKS, SLICE("conference")) &&
                jid_parse(xml_attr(conference, SLICE("jid")), &mem, &room) == 0 &&
                slice_eq(jid_full(&room), slice_z(jid));
    arena_free(&mem);
    return same;
}

static void write_storage(struct burble *c, const struct bookmark_op *op, struct xml old)
{
    struct xml_writer w;
    bool written = op->remove;
    client_payload(c, &w);
    xml_open(&w, SLICE("query"), NS_PRIVATE);
    xml_open(&w, SLICE("storage"), NS_OLD_BOOKMARKS);
    for (struct xml x = xml_first_element(old); xml_some(x); x = xml_next_element(x)) {
        bool ours = is_room(x, op->mark->pub.jid);
        if (ours && !written)
            write_conference(&w, op->mark, NS_OLD_BOOKMARKS, x);
        else if (!ours)
            xml_node_put(&w, x);
        written |= ours;
    }
    if (!written)
        write_conference(&w, op->mark, NS_OLD_BOOKMARKS, XML_NONE);
    xml_close(&w);
    xml_close(&w);
}

static void stored(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct bookmark_op *op = arg;
    struct burble_bookmarks *b = op->b;
    struct burble_iq answer = {.outcome = outcome, .iq = view_of(&c->view, iq)};
    client_iq_error(c, outcome, iq, &answer.error);
    op_end(c, op, &answer);
    if (b != NULL && !b->x.retired)
        run_next(b);
}

static void loaded(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct bookmark_op *op = arg;
    struct xml query = xml_child(iq, NS_PRIVATE, SLICE("query"));
    if (outcome != BURBLE_IQ_RESULT || op->b == NULL) {
        stored(c, outcome, iq, arg);
        return;
    }
    write_storage(c, op, xml_child(query, NS_OLD_BOOKMARKS, SLICE("storage")));
    struct client_iq set = {.set = true, .payload = buf_slice(&c->work), .fn = stored, .arg = op};
    if (c->work.failed || client_iq_send(c, &set, NULL) != 0)
        stored(c, BURBLE_IQ_GONE, XML_NONE, op);
}

static int load(struct burble *c, struct bookmark_op *op)
{
    struct client_iq iq = {.payload = SLICE("<query xmlns='jabber:iq:private'>"
                                            "<storage xmlns='storage:bookmarks'/></query>"),
                           .fn = loaded,
                           .arg = op};
    return client_iq_send(c, &iq, NULL);
}

/* One at a time; those that cannot even begin are told so. */
static void run_next(struct burble_bookmarks *b)
{
    struct burble *c = b->x.client;
    while (!list_empty(&b->ops) && !op_of(b->ops.next)->running && !b->x.retired) {
        struct bookmark_op *op = op_of(b->ops.next);
        op->running = true;
        if (load(c, op) == 0)
            return;
        op_fail(c, op);
    }
}

/* ------------------------------------------------------------------------------ the public face */

static int begin(struct burble_bookmarks *b, struct bookmark_op *op)
{
    struct burble *c = b->x.client;
    op->running = true;
    if (b->place == BOOKMARKS_PEP && !op->remove)
        return publish(c, op);
    if (b->place == BOOKMARKS_PEP)
        return burble_pubsub_retract(c, NULL, BOOKMARKS_NODE, op->mark->pub.jid, true, retracted,
                                     op);
    op->running = b->ops.next == &op->link;
    return op->running ? load(c, op) : 0;
}

static int edit(struct burble_bookmarks *b, struct mark *mark, bool remove, burble_iq_fn *fn,
                void *arg)
{
    struct bookmark_op *op = mark != NULL ? client_alloc(sizeof(*op)) : NULL;
    if (op == NULL) {
        mark_free(mark);
        return ERR_MEMORY;
    }
    *op = (struct bookmark_op){.b = b, .mark = mark, .remove = remove, .fn = fn, .arg = arg};
    list_push(&b->ops, &op->link);
    b->op_count++;
    int err = begin(b, op);
    if (err != 0)
        op_free(op);
    return err;
}

/* 0; ERR_BUSY: they are not there yet; ERR_CLOSED, ERR_LIMIT. */
static int may_edit(const struct burble_bookmarks *b)
{
    if (b->x.client->state != BURBLE_ONLINE)
        return ERR_CLOSED;
    if (!b->ready)
        return ERR_BUSY;
    return b->op_count < BOOKMARK_OPS_MAX ? 0 : ERR_LIMIT;
}

int burble_bookmarks_set(struct burble_bookmarks *b, const struct burble_bookmark *bookmark,
                         burble_iq_fn *fn, void *arg)
{
    struct arena mem = {0};
    struct jid room;
    struct burble_bookmark own = *bookmark;
    struct mark *mark = NULL;
    int err = may_edit(b);
    if (err == 0)
        err = bookmark->jid != NULL ? jid_parse(slice_z(bookmark->jid), &mem, &room) : ERR_SYNTAX;
    if (err == 0 && room.resource_len > 0)
        err = ERR_SYNTAX;
    const struct mark *old = err == 0 ? marks_find(b, jid_bare(&room)) : NULL;
    if (err == 0 && old == NULL && b->count >= b->config.max)
        err = ERR_LIMIT;
    char *jid = err == 0 ? client_copy(jid_bare(&room)) : NULL;
    if (err == 0) {
        own.jid = jid;
        mark = jid != NULL ? mark_new(&own, slice_z(old != NULL ? old->extensions : NULL)) : NULL;
        err = edit(b, mark, false, fn, arg);
    }
    free(jid);
    arena_free(&mem);
    return err;
}

int burble_bookmarks_remove(struct burble_bookmarks *b, const char *jid, burble_iq_fn *fn,
                            void *arg)
{
    struct burble_bookmark found;
    int err = may_edit(b);
    if (err == 0 && !burble_bookmarks_find(b, jid, &found))
        err = ERR_NOT_FOUND;
    return err != 0 ? err : edit(b, mark_new(&found, SLICE_NONE), true, fn, arg);
}
