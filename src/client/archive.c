/* Archives (XEP-0313 version 1.1.3): the queries of a client, and the messages that answer them. A
 * result belongs to the query whose id it has and whose archive sent it; all others are refused
 * (row V59). */
#include "client/archive.h"

#include <stdlib.h>
#include <string.h>

enum { QUERIES_MAX = 100, PAGE = 50, PAGE_MAX = 250, MAX = 10000 };

static struct archive_query *query_of(struct list *link)
{
    return CONTAINER_OF(link, struct archive_query, link);
}

const char *archive_text(const char *condition)
{
    static const char *const TEXTS[STANZA_ERRORS] = {
        [STANZA_ITEM_NOT_FOUND] =
            "the archive does not have that message, or there is no such archive",
        [STANZA_FORBIDDEN] = "we may not read this archive",
        [STANZA_NOT_ALLOWED] = "we may not read this archive",
        [STANZA_NOT_AUTHORIZED] = "we may not read this archive",
        [STANZA_REGISTRATION_REQUIRED] = "only members may read this archive",
        [STANZA_SERVICE_UNAVAILABLE] = "there is no archive",
        [STANZA_FEATURE_NOT_IMPLEMENTED] = "the archive cannot do that",
        [STANZA_REMOTE_SERVER_NOT_FOUND] = "the archive cannot be reached",
        [STANZA_REMOTE_SERVER_TIMEOUT] = "the archive did not answer in time",
        [STANZA_RECIPIENT_UNAVAILABLE] = "the session ended before the answer came",
        [STANZA_RESOURCE_CONSTRAINT] = "the archive is busy",
    };
    return client_condition_text(TEXTS, condition, "the archive refused");
}

/* ------------------------------------------------------------------------------------- lifetimes
 */

void archive_query_release(struct archive_query *q)
{
    if (--q->uses > 0)
        return;
    free(q->jid);
    free(q->with);
    free(q->after);
    free(q->before);
    free(q->text);
    free(q->text_field);
    free(q->first);
    free(q->last);
    free(q->came_first);
    free(q->came_last);
    free(q);
}

static struct archive *archive_of(struct burble *c);

void archive_query_end(struct archive_query *q)
{
    if (q->ended)
        return;
    q->ended = true;
    list_remove(&q->link);
    archive_of(q->client)->count--;
    if (q->iq != 0)
        burble_cancel(q->client, q->iq);
    archive_query_release(q);
}

/* --------------------------------------------------------------------------------------- results
 */

static struct archive_query *find(struct archive *a, const struct stanza *s, struct slice id)
{
    LIST_EACH(it, &a->queries)
    {
        struct archive_query *q = query_of(it);
        bool sender = q->jid != NULL ? slice_eq(jid_full(&s->from), slice_z(q->jid))
                                     : client_from_self(q->client, s);
        if (sender && *q->id != '\0' && slice_eq(id, slice_z(q->id)))
            return q;
    }
    return NULL;
}

static void deliver(struct archive_query *q, const struct stanza *s, int64_t stamp_ms,
                    struct slice id)
{
    struct burble *c = q->client;
    struct burble_message m;
    message_read(c, s, BURBLE_ARCHIVED, stamp_ms, &m);
    m.stanza_id = view_string(&c->view, id);
    if (stamp_ms != 0)
        m.stamp_ms = stamp_ms; /* the archive knows it, whatever the message says */
    if (q->message == NULL || client_doomed(c))
        return;
    client_enter(c);
    q->message(c, &m, q->arg);
    c->depth--;
}

/* What a room's archive says comes from that room (XEP-0313 section 6.1.2). */
static bool plausible(const struct archive_query *q, const struct stanza *inner)
{
    return q->jid == NULL || slice_eq(jid_bare(&inner->from), slice_z(q->jid));
}

static bool take(struct client_extension *x, const struct stanza *s)
{
    struct archive *a = CONTAINER_OF(x, struct archive, x);
    struct xml result = xml_child(s->root, NS_ARCHIVE, SLICE("result"));
    struct slice id = xml_attr(result, SLICE("id"));
    struct arena mem = {0};
    struct stanza inner;
    int64_t stamp_ms;
    if (s->kind != STANZA_MESSAGE || !xml_some(result))
        return false;
    struct archive_query *q = find(a, s, xml_attr(result, SLICE("queryid")));
    if (q == NULL) {
        client_bad(x->client, "an archived message that nobody asked for", jid_full(&s->from));
        return true;
    }
    bool good = id.len > 0 && id.len <= ARCHIVE_ID_BYTES_MAX &&
                message_forwarded(result, &mem, &inner, &stamp_ms) && plausible(q, &inner);
    q->uses++;
    if (!good || !archive_result_came(q, id))
        client_bad(x->client, "an archived message that is none", jid_full(&s->from));
    else
        deliver(q, &inner, stamp_ms, id);
    archive_query_release(q);
    arena_free(&mem);
    return true;
}

static void archive_free(struct client_extension *x)
{
    struct archive *a = CONTAINER_OF(x, struct archive, x);
    while (!list_empty(&a->queries)) {
        struct archive_query *q = query_of(list_pop(&a->queries));
        q->ended = true;
        archive_query_release(q);
    }
    free(a);
}

static const struct client_extension_ops OPS = {
    .name = "archive", .stanza = take, .free = archive_free};

static struct archive *archive_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    if (x != NULL)
        return CONTAINER_OF(x, struct archive, x);
    struct archive *a = client_alloc(sizeof(*a));
    if (a == NULL)
        return NULL;
    list_init(&a->queries);
    client_extend(c, &a->x, &OPS);
    return a;
}

/* --------------------------------------------------------------------------------------- queries
 */

static int take_query(struct archive_query *q, const struct burble_archive_query *in)
{
    struct burble_archive_query own;
    int err = client_take(&own, sizeof(own), in);
    q->start_ms = own.start_ms;
    q->end_ms = own.end_ms;
    q->max = own.max != 0 ? own.max : MAX;
    q->page = own.page != 0 ? own.page : PAGE;
    if (q->page > PAGE_MAX)
        q->page = PAGE_MAX;
    q->flags = own.flags;
    q->message = own.message;
    q->done = own.done;
    q->page_done = own.page_done;
    q->arg = own.arg;
    q->total = -1;
    if (err == 0)
        err = client_copy_jid(own.archive, true, &q->jid);
    if (err == 0 && q->jid != NULL && strcmp(q->jid, q->client->setup.bare) == 0)
        err = client_set(&q->jid, SLICE_NONE);
    if (err == 0)
        err = client_copy_jid(own.with, false, &q->with);
    if (err == 0)
        err = client_set(&q->after, slice_z(own.after_id));
    if (err == 0)
        err = client_set(&q->before, slice_z(own.before_id));
    if (err == 0)
        err = client_set(&q->text, slice_z(own.text));
    return err;
}

int burble_archive_query(struct burble *c, const struct burble_archive_query *query,
                         uint64_t *handle_out)
{
    struct archive *a = archive_of(c);
    struct archive_query *q = a != NULL ? client_alloc(sizeof(*q)) : NULL;
    if (q == NULL)
        return ERR_MEMORY;
    q->client = c;
    q->uses = 1;
    int err = a->count < QUERIES_MAX ? take_query(q, query) : ERR_LIMIT;
    if (err == 0)
        err = archive_begin(q);
    if (err != 0) {
        archive_query_release(q);
        return err;
    }
    q->handle = ++a->next_handle;
    list_push(&a->queries, &q->link);
    a->count++;
    if (handle_out != NULL)
        *handle_out = q->handle;
    return 0;
}

void burble_archive_cancel(struct burble *c, uint64_t handle)
{
    struct client_extension *x = client_extension(c, &OPS);
    struct archive *a = x != NULL ? CONTAINER_OF(x, struct archive, x) : NULL;
    if (a == NULL)
        return;
    LIST_EACH(it, &a->queries)
    if (query_of(it)->handle == handle)
        archive_query_end(query_of(it));
}

int burble_archive_catch_up(struct burble *c, const char *archive, const char *last_id,
                            int64_t last_ms, burble_archive_message_fn *message,
                            burble_archive_done_fn *done, void *arg, uint64_t *handle_out)
{
    struct burble_archive_query q =
        BURBLE_ARCHIVE_QUERY(.archive = archive, .after_id = last_id, .start_ms = last_ms,
                             .message = message, .done = done, .arg = arg,
                             .flags = BURBLE_ARCHIVE_OR_SINCE);
    if (last_id == NULL && last_ms == 0)
        return ERR_SYNTAX;
    return burble_archive_query(c, &q, handle_out);
}
