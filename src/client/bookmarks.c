/* Bookmarks of rooms (XEP-0402 version 1.2.0; XEP-0048 version 1.2 over XEP-0049 where the server
 * has no PEP): fetched in each new session, and changed by events of the own account alone (row
 * V65, CVE-2023-28686). */
#include "client/bookmarks.h"

#include <stdlib.h>

#include "client/pubsub.h"

/* ---------------------------------------------------------------------------------- the program */

void bookmarks_changed(struct burble_bookmarks *b, struct mark *m)
{
    struct burble *c = b->x.client;
    struct mark *in;
    if (!marks_put(b, m, &in))
        return;
    if (b->config.changed == NULL || !client_extension_speaks(&b->x))
        return;
    struct burble_bookmark pub = in->pub;
    client_enter(c);
    b->config.changed(b, &pub, b->config.arg);
    c->depth--;
}

void bookmarks_removed(struct burble_bookmarks *b, struct slice jid)
{
    struct burble *c = b->x.client;
    struct mark *m = marks_take(b, jid);
    if (m == NULL)
        return;
    if (b->config.removed != NULL && client_extension_speaks(&b->x)) {
        client_enter(c);
        b->config.removed(b, m->pub.jid, b->config.arg);
        c->depth--;
    }
    mark_free(m);
}

static void tell_ready(struct burble_bookmarks *b, const struct burble_stanza_error *error)
{
    struct burble *c = b->x.client;
    b->ready = error == NULL;
    if (b->config.ready == NULL || !client_extension_speaks(&b->x))
        return;
    client_enter(c);
    b->config.ready(b, error, b->config.arg);
    c->depth--;
}

/* --------------------------------------------------------------------------------- the fetching */

static void take(struct burble_bookmarks *b, struct xml conference, struct slice jid)
{
    struct mark *m;
    int err = mark_read(conference, jid, &m);
    if (err == ERR_SYNTAX)
        client_bad(b->x.client, "a bookmark whose room is no address", jid);
    if (err != 0)
        return;
    m->seen = true;
    bookmarks_changed(b, m);
}

static void begin_reading(struct burble_bookmarks *b)
{
    for (size_t i = 0; i < b->count; i++)
        b->list[i]->seen = false;
}

/* What was not in the answer is not there any more. */
static void end_reading(struct burble_bookmarks *b)
{
    for (size_t i = 0; i < b->count && client_extension_speaks(&b->x);) {
        if (b->list[i]->seen) {
            i++;
            continue;
        }
        bookmarks_removed(b, slice_z(b->list[i]->pub.jid));
        i = 0; /* the program may have done anything */
    }
    tell_ready(b, NULL);
}

/* A request whose object may be gone when the answer comes. */
static struct burble_bookmarks *of(struct burble *c, const void *arg);

static void private_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                           void *arg)
{
    struct burble_bookmarks *b = of(c, arg);
    struct xml query = xml_child(iq, NS_PRIVATE, SLICE("query"));
    struct xml storage = xml_child(query, NS_OLD_BOOKMARKS, SLICE("storage"));
    struct burble_stanza_error error;
    struct slice name = SLICE("conference");
    if (b == NULL)
        return;
    if (outcome != BURBLE_IQ_RESULT) {
        client_iq_error(c, outcome, iq, &error);
        tell_ready(b, &error);
        return;
    }
    begin_reading(b);
    for (struct xml x = xml_child(storage, NS_OLD_BOOKMARKS, name);
         xml_some(x) && client_extension_speaks(&b->x);
         x = xml_next_named(x, NS_OLD_BOOKMARKS, name))
        take(b, x, xml_attr(x, SLICE("jid")));
    end_reading(b);
}

static void fetch_private(struct burble_bookmarks *b)
{
    struct client_iq iq = {.payload = SLICE("<query xmlns='jabber:iq:private'>"
                                            "<storage xmlns='storage:bookmarks'/></query>"),
                           .fn = private_answer,
                           .arg = b};
    b->place = BOOKMARKS_PRIVATE;
    (void)client_iq_send(b->x.client, &iq, NULL);
}

/* No PEP at all: the account does not know what is asked. */
static bool has_no_pep(const struct burble_stanza_error *e)
{
    return strcmp(e->condition, "service-unavailable") == 0 ||
           strcmp(e->condition, "feature-not-implemented") == 0;
}

static void pep_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct burble_bookmarks *b = of(c, arg);
    struct xml pubsub = xml_child(iq, NS_PUBSUB, SLICE("pubsub"));
    struct xml items = xml_child(pubsub, NS_PUBSUB, SLICE("items"));
    struct burble_stanza_error error;
    client_iq_error(c, outcome, iq, &error);
    if (b == NULL)
        return;
    if (outcome == BURBLE_IQ_ERROR && has_no_pep(&error)) {
        fetch_private(b);
        return;
    }
    if (outcome != BURBLE_IQ_RESULT && strcmp(error.condition, "item-not-found") != 0) {
        tell_ready(b, &error);
        return;
    }
    begin_reading(b);
    for (struct xml x = xml_child(items, NS_PUBSUB, SLICE("item"));
         xml_some(x) && client_extension_speaks(&b->x);
         x = xml_next_named(x, NS_PUBSUB, SLICE("item"))) {
        struct xml conference = xml_child(x, NS_BOOKMARKS, SLICE("conference"));
        if (xml_some(conference))
            take(b, conference, xml_attr(x, SLICE("id")));
    }
    end_reading(b);
}

static void fetch(struct burble_bookmarks *b)
{
    struct client_iq iq = {.payload = SLICE("<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                                            "<items node='" BOOKMARKS_NODE "'/></pubsub>"),
                           .fn = pep_answer,
                           .arg = b};
    b->ready = false;
    b->place = BOOKMARKS_PEP;
    (void)client_iq_send(b->x.client, &iq, NULL);
}

/* ------------------------------------------------------------------------------------ the events
 */

static void retracted(struct burble_bookmarks *b, const char *id)
{
    struct arena mem = {0};
    struct jid room;
    if (jid_parse(slice_z(id), &mem, &room) == 0)
        bookmarks_removed(b, jid_full(&room));
    arena_free(&mem);
}

static void on_event(struct burble *c, const struct burble_pubsub_event *e, void *arg)
{
    struct burble_bookmarks *b = of(c, arg);
    struct xml conference = view_xml(e->payload);
    if (b == NULL)
        return;
    if (e->kind == BURBLE_PUBSUB_ITEM && xml_is(conference, NS_BOOKMARKS, SLICE("conference")))
        take(b, conference, slice_z(e->id));
    else if (e->kind == BURBLE_PUBSUB_RETRACTED && e->id != NULL)
        retracted(b, e->id);
    else if (e->kind == BURBLE_PUBSUB_PURGED || e->kind == BURBLE_PUBSUB_DELETED)
        while (b->count > 0 && client_extension_speaks(&b->x))
            bookmarks_removed(b, slice_z(b->list[0]->pub.jid));
}

/* ------------------------------------------------------------------------------------ the object
 */

static void on_online(struct client_extension *x, bool resumed)
{
    if (!resumed)
        fetch(CONTAINER_OF(x, struct burble_bookmarks, x));
}

static void on_gone(struct client_extension *x)
{
    CONTAINER_OF(x, struct burble_bookmarks, x)->ready = false;
}

static void on_free(struct client_extension *x)
{
    struct burble_bookmarks *b = CONTAINER_OF(x, struct burble_bookmarks, x);
    bookmark_ops_free(b);
    marks_clear(b);
    free(b);
}

static const struct client_extension_ops BOOKMARKS_OPS = {
    .name = "bookmarks", .online = on_online, .gone = on_gone, .free = on_free};

/* Answers of a former object are not this one's: only one that is live is found here. */
static struct burble_bookmarks *of(struct burble *c, const void *arg)
{
    struct client_extension *x = client_extension(c, &BOOKMARKS_OPS);
    if (x == NULL || CONTAINER_OF(x, struct burble_bookmarks, x) != arg)
        return NULL;
    return CONTAINER_OF(x, struct burble_bookmarks, x);
}

int burble_bookmarks_new(struct burble *c, const struct burble_bookmarks_config *config,
                         struct burble_bookmarks **out)
{
    *out = NULL;
    if (client_extension(c, &BOOKMARKS_OPS) != NULL)
        return ERR_EXISTS;
    struct burble_bookmarks *b = client_alloc(sizeof(*b));
    if (b == NULL)
        return ERR_MEMORY;
    int err = client_take(&b->config, sizeof(b->config), config);
    if (b->config.max == 0)
        b->config.max = BOOKMARKS_MAX;
    list_init(&b->ops);
    if (err == 0)
        err = burble_on_pubsub_event(c, BOOKMARKS_NODE, BURBLE_EVENTS_OWN | BURBLE_EVENTS_NOTIFY,
                                     on_event, b);
    if (err != 0) {
        free(b);
        return err;
    }
    client_extend(c, &b->x, &BOOKMARKS_OPS);
    if (c->state == BURBLE_ONLINE)
        fetch(b);
    *out = b;
    return 0;
}

void burble_bookmarks_free(struct burble_bookmarks **b)
{
    struct burble_bookmarks *old = *b;
    *b = NULL;
    if (old == NULL)
        return;
    burble_off_pubsub_event(old->x.client, BOOKMARKS_NODE, on_event, old);
    bookmark_ops_free(old);
    client_retire(&old->x);
}

bool burble_bookmarks_is_ready(const struct burble_bookmarks *b)
{
    return b->ready;
}

size_t burble_bookmarks_count(const struct burble_bookmarks *b)
{
    return b->count;
}

bool burble_bookmarks_at(const struct burble_bookmarks *b, size_t at, struct burble_bookmark *out)
{
    if (at >= b->count)
        return false;
    *out = b->list[at]->pub;
    return true;
}

bool burble_bookmarks_find(const struct burble_bookmarks *b, const char *jid,
                           struct burble_bookmark *out)
{
    struct arena mem = {0};
    struct jid room;
    const struct mark *m = NULL;
    if (jid_parse(slice_z(jid), &mem, &room) == 0)
        m = marks_find(b, jid_bare(&room));
    arena_free(&mem);
    if (m != NULL)
        *out = m->pub;
    return m != NULL;
}
