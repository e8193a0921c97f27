/* XEP-0313: Message Archive Management (version 1.1.3), of accounts: the queries of their clients.
 * Rooms have archives of their own.
 *
 * A query reads the log in slices until a page is full, then writes it at once, and answers behind
 * it: a page is small enough for that (L17, and half of L13). While the client has not taken what
 * it was sent before, nothing is read for it. Of one session a few queries run and a few more wait
 * (L17). What was read never changes its place, so results are always stable (section 4.3.2). */
#include "base/err.h"
#include "base/mem.h"
#include "xep/archive/archive.h"

enum { WAITING_MAX = 8 };

extern const struct module ARCHIVE_QUERY_MODULE;

/* The queries of one session, while there are any. */
struct queries {
    struct hnode node; /* in shard.sessions */
    struct session *session;
    struct list running, waiting; /* struct query */
    uint32_t running_count, waiting_count;
};

enum query_state {
    QUERY_WAITING,  /* for others of the session */
    QUERY_READING,  /* the store is asked */
    QUERY_DRAINING, /* for the client to take what it was sent */
    QUERY_WRITTEN,  /* the same, with nothing left but the answer */
};

struct query {
    struct list link;
    struct queries *of; /* NULL: the session has ended */
    struct iq *iq;
    enum query_state state;
    struct archive_want want;
    struct archive_page page;
    uint64_t from, to; /* what is left to be read */
    uint32_t id_at;    /* the same of want.ids, in the order of reading */
    bool checked;      /* the ids that bound it are there */
};

struct shard {
    struct hmap sessions;
};

/* ------------------------------------------------------------------------- queries of a session
 */

static uint64_t hash_session(const struct engine *e, const struct session *s)
{
    return hash_bytes(&e->key, slice_of((const char *)&s, sizeof(s)));
}

static struct queries *queries_of(struct engine *e, const struct session *s)
{
    struct shard *shard = module_slot(e, &ARCHIVE_QUERY_MODULE);
    uint64_t hash = hash_session(e, s);
    struct hnode *n = hmap_first(&shard->sessions, hash);
    while (n != NULL) {
        struct queries *of = CONTAINER_OF(n, struct queries, node);
        if (of->session == s)
            return of;
        n = hmap_next(n, hash);
    }
    return NULL;
}

static struct queries *queries_make(struct engine *e, struct session *s)
{
    struct shard *shard = module_slot(e, &ARCHIVE_QUERY_MODULE);
    struct queries *of = queries_of(e, s);
    if (of != NULL)
        return of;
    of = mem_new(struct queries);
    of->session = s;
    list_init(&of->running);
    list_init(&of->waiting);
    hmap_insert(&shard->sessions, &of->node, hash_session(e, s));
    return of;
}

static void queries_leave(struct engine *e, struct queries *of)
{
    struct shard *shard = module_slot(e, &ARCHIVE_QUERY_MODULE);
    if (of->running_count + of->waiting_count > 0)
        return;
    hmap_remove(&shard->sessions, &of->node);
    if (shard->sessions.count == 0)
        hmap_free(&shard->sessions);
    mem_free(of);
}

/* ------------------------------------------------------------------------------ end of a query
 */

static void go_on(struct query *q);

/* Takes the query out of everything; its iq is to be answered then, which frees the query, and
 * `end` called. */
static struct query leave(struct query *q)
{
    if (q->of != NULL) {
        list_remove(&q->link);
        if (q->state == QUERY_WAITING)
            q->of->waiting_count--;
        else
            q->of->running_count--;
    }
    return *q;
}

static void end(struct engine *e, struct query *last)
{
    struct queries *of = last->of;
    archive_want_free(&last->want);
    archive_page_clear(&last->page);
    if (of == NULL)
        return;
    while (of->running_count < e->config->limits.mam_queries && of->waiting_count > 0) {
        struct query *next = CONTAINER_OF(list_pop(&of->waiting), struct query, link);
        list_push(&of->running, &next->link);
        of->waiting_count--;
        of->running_count++;
        go_on(next);
    }
    queries_leave(e, of);
}

static void answer_error(struct query *q, enum stanza_error error)
{
    struct engine *e = q->iq->e;
    struct query last = leave(q);
    iq_error(last.iq, error);
    end(e, &last);
}

/* Pages without a filter tell the client all there is between two positions: none of it is sent
 * again as an offline message. But the newest entry alone is what a client asks for that wants to
 * know where its archive ends, and throws away. */
static void tell_known(const struct query *q)
{
    const struct archive_want *want = &q->want;
    const struct archive_page *page = &q->page;
    const struct store_filter *f = &want->filter;
    bool all = !jid_some(&want->with) && !want->no_groupchat && want->ids == NULL &&
               want->text.len == 0 && f->wall_from == INT64_MIN && f->wall_to == INT64_MAX;
    bool end = want->backwards && !want->bounded && want->max == 1;
    if (!all || end || want->max == 0 || page->count == 0)
        return;
    if (want->backwards)
        follow_known(q->of->session, page->more ? page->last : want->from,
                     want->bounded ? want->to : page->first);
    else
        follow_known(q->of->session, want->from, page->last);
}

static void answer_fin(struct query *q)
{
    struct engine *e = q->iq->e;
    tell_known(q);
    struct query last = leave(q);
    archive_fin(last.iq, &last.want, &last.page);
    end(e, &last);
}

/* --------------------------------------------------------------------------------------- reading
 */

/* The client has taken most of what it was sent. */
static bool takes(const struct engine *e, const struct session *s)
{
    return session_takes_entries(s) && session_backlog(s) <= e->config->limits.output_bytes / 4;
}

static void drain(struct query *q, enum query_state state)
{
    q->state = state;
    session_watch(q->of->session);
}

/* From the beginning. */
static void rewind_query(struct query *q)
{
    archive_page_clear(&q->page);
    q->from = q->want.from;
    q->to = q->want.to;
    q->id_at = 0;
}

static void answered(struct iq *iq, struct store_request *answer);

/* The read of the results, the last one of a request; of single ids also whether they are there.
 * One more than wanted tells whether there is one more. */
static void add_read(struct query *q, struct store_request *r, struct slice owner)
{
    const struct archive_want *want = &q->want;
    const struct store_filter visible = ARCHIVE_VISIBLE;
    uint32_t room = (want->max > 0 ? want->max : ARCHIVE_COUNT_MAX) - q->page.count;
    if (want->ids != NULL) {
        uint64_t id = want->ids[want->backwards ? want->id_count - 1 - q->id_at : q->id_at];
        store_range_where(r, owner, STORE_ARCHIVE, id, id, 1, false, &visible);
        if (want->text.len > 0)
            store_search(r, owner, STORE_ARCHIVE, want->text, id, id, 1, false, &visible);
    } else if (want->text.len > 0) {
        store_search(r, owner, STORE_ARCHIVE, want->text, q->from, q->to, room + 1, want->backwards,
                     &want->filter);
    } else {
        store_range_where(r, owner, STORE_ARCHIVE, q->from, q->to, room + 1, want->backwards,
                          &want->filter);
    }
}

static void go_on(struct query *q)
{
    struct engine *e = q->iq->e;
    struct slice owner = jid_bare(&q->iq->account->jid);
    const struct store_filter visible = ARCHIVE_VISIBLE;
    if (!takes(e, q->of->session)) {
        drain(q, QUERY_DRAINING);
        return;
    }
    struct store_request *r = flow_query(e);
    q->state = QUERY_READING;
    for (unsigned i = 0; i < q->want.ref_count && !q->checked; i++)
        store_range_where(r, owner, STORE_ARCHIVE, q->want.refs[i], q->want.refs[i], 1, false,
                          &visible);
    add_read(q, r, owner);
    iq_wait(q->iq, r, answered);
}

/* A page that is found is written in one go, or not yet. */
static void write_page(struct query *q)
{
    struct engine *e = q->iq->e;
    struct session *s = q->of->session;
    size_t bytes = archive_page_bytes(&q->page, s), backlog_max = e->config->limits.output_bytes;
    size_t count = q->page.count, half = e->config->limits.sm_stanzas / 2;
    bool room = session_room(e, s) > (count < half ? count : half) &&
                (session_backlog(s) == 0 || session_backlog(s) + bytes <= backlog_max);
    if (!room) { /* it is read again later, rather than kept for who does not read */
        rewind_query(q);
        drain(q, QUERY_DRAINING);
    } else if (!archive_page_send(e, s, &q->want, &q->page)) {
        answer_error(q, STANZA_RESOURCE_CONSTRAINT);
    } else if (s->lags) { /* by a single result of its size */
        drain(q, QUERY_WRITTEN);
    } else {
        answer_fin(q);
    }
}

/* Puts the rows of the answer into the page. False: an id is not in the archive. */
static bool take_rows(struct query *q, const struct store_request *answer)
{
    struct engine *e = q->iq->e;
    const struct archive_want *want = &q->want;
    unsigned refs = q->checked ? 0 : want->ref_count, found = 0;
    bool id_found = false;
    struct store_row row;
    size_t at = 0;
    while (store_rows(answer, &at, &row)) {
        if (row.read < refs) {
            found |= 1U << row.read;
            continue;
        }
        id_found |= row.read == refs;
        if (want->ids != NULL && want->text.len > 0 && row.read == refs)
            continue; /* whether its text is wanted is told by the next */
        if (row.position >= want->from && row.position <= want->to && !q->page.more)
            (void)archive_page_add(e, q->iq->account, want, &row,
                                   e->config->limits.output_bytes / 2, &q->page);
    }
    q->checked = true;
    return found == (1U << refs) - 1 && (want->ids == NULL || id_found);
}

static void answered(struct iq *iq, struct store_request *answer)
{
    struct query *q = iq->data;
    struct engine *e = iq->e;
    if (q->of == NULL) {
        answer_error(q, STANZA_RECIPIENT_UNAVAILABLE);
        return;
    }
    if (answer->err != 0) {
        struct query last = leave(q);
        if (last.want.text.len == 0 || !archive_search_failed(last.iq, answer->err))
            (void)iq_store_failed(last.iq, answer);
        end(e, &last);
        return;
    }
    if (!take_rows(q, answer)) {
        answer_error(q, STANZA_ITEM_NOT_FOUND);
        return;
    }
    bool more = answer->more && !q->page.more;
    if (q->want.backwards)
        q->to = answer->position - 1;
    else
        q->from = answer->position + 1;
    if (q->want.ids != NULL)
        more = ++q->id_at < q->want.id_count;
    if (more)
        go_on(q);
    else if (q->page.bytes.failed)
        answer_error(q, STANZA_RESOURCE_CONSTRAINT);
    else
        write_page(q);
}

/* -------------------------------------------------------------------------------------- requests
 */

bool archive_may_ask(struct iq *iq)
{
    bool own =
        iq->account->state == ACCOUNT_READY && jid_bare_eq(&iq->stanza.from, &iq->account->jid);
    if (own && iq->account->host->archive)
        return true;
    /* Whether there is such an account is nobody's business. */
    iq_error(iq, own ? STANZA_SERVICE_UNAVAILABLE : STANZA_FORBIDDEN);
    return false;
}

static bool too_many(struct iq *iq)
{
    const struct queries *of = queries_of(iq->e, iq->session);
    if (of == NULL || of->waiting_count < WAITING_MAX ||
        of->running_count < iq->e->config->limits.mam_queries)
        return false;
    struct log_line l;
    log_begin(&l, iq->e->log, LOG_INFO, "mam.limit");
    log_str(&l, "jid", jid_bare(&iq->account->jid));
    log_z(&l, "limit", "L17");
    log_end(&l);
    iq_error_text(iq, STANZA_RESOURCE_CONSTRAINT, SLICE("too many queries at once (L17)"));
    return true;
}

static void begin(struct iq *iq, struct archive_want *want)
{
    struct engine *e = iq->e;
    struct query *q = mem_new(struct query);
    q->iq = iq;
    q->want = *want;
    q->of = queries_make(e, iq->session);
    iq->data = q;
    rewind_query(q);
    if (q->of->running_count < e->config->limits.mam_queries) {
        list_push(&q->of->running, &q->link);
        q->of->running_count++;
        go_on(q);
    } else {
        list_push(&q->of->waiting, &q->link);
        q->of->waiting_count++;
    }
}

static void query(struct iq *iq)
{
    struct archive_want want;
    struct slice why;
    if (!archive_may_ask(iq))
        return;
    if (!iq_is_set(iq)) {
        archive_form(iq);
        return;
    }
    if (iq->session == NULL) {
        iq_error(iq, STANZA_SERVICE_UNAVAILABLE);
        return;
    }
    if (too_many(iq))
        return;
    iq = iq_keep(iq);
    iq_again(iq);
    if (!xml_some(iq->payload) || iq->session == NULL) {
        iq_error(iq, STANZA_INTERNAL_SERVER_ERROR);
        return;
    }
    enum stanza_error error = archive_want_read(iq->e, iq->account->host, iq->payload, &want, &why);
    if (error == STANZA_OK) {
        begin(iq, &want);
    } else {
        archive_want_free(&want);
        iq_error_text(iq, error, why);
    }
}

static void metadata(struct iq *iq)
{
    if (archive_may_ask(iq))
        archive_metadata(iq);
}

/* --------------------------------------------------------------------------------------- sessions
 */

static struct query *find(struct queries *of, enum query_state state)
{
    LIST_EACH(it, &of->running)
    {
        struct query *q = CONTAINER_OF(it, struct query, link);
        if (q->state == state)
            return q;
    }
    return NULL;
}

/* The client has read. */
static void drained(struct engine *e, struct session *session)
{
    struct queries *of;
    struct query *q;
    while ((of = queries_of(e, session)) != NULL && (q = find(of, QUERY_WRITTEN)) != NULL) {
        iq_again(q->iq);
        answer_fin(q);
    }
    if (of == NULL)
        return;
    LIST_EACH(it, &of->running)
    {
        q = CONTAINER_OF(it, struct query, link);
        if (q->state == QUERY_DRAINING)
            go_on(q);
    }
}

/* What waits for the store finds out when it comes back. */
static void drop(struct list *queries)
{
    while (!list_empty(queries)) {
        struct query *q = CONTAINER_OF(list_pop(queries), struct query, link);
        q->of = NULL;
        if (q->state != QUERY_READING) {
            iq_again(q->iq);
            answer_error(q, STANZA_RECIPIENT_UNAVAILABLE);
        }
    }
}

static void session_ended(struct engine *e, struct session *session)
{
    struct queries *of = queries_of(e, session);
    if (of == NULL)
        return;
    drop(&of->running);
    drop(&of->waiting);
    of->running_count = of->waiting_count = 0;
    queries_leave(e, of);
}

static bool serves(const struct host_config *host)
{
    return host->archive;
}

static void start(struct engine *e)
{
    module_slot_set(e, &ARCHIVE_QUERY_MODULE, mem_new(struct shard));
}

static const struct module_iq IQS[] = {
    {"urn:xmpp:mam:2", "query", IQ_SELF | IQ_CONTACT | IQ_NOBODY, IQ_GET | IQ_SET, query},
    {"urn:xmpp:mam:2", "metadata", IQ_SELF | IQ_CONTACT | IQ_NOBODY, IQ_GET, metadata},
    {0},
};

/* Where the archive stands is told to who comes by XEP-0386, without being asked. */
static const struct inline_bind BINDS[] = {
    {.ns = "urn:xmpp:mam:2",
     .read = archive_ends_read,
     .reads = ARCHIVE_ENDS_READS,
     .bound = archive_ends_bound},
    {0},
};

static const char *const FEATURES[] = {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended",
                                       "urn:xmpp:mam:2#groupchat-field", NULL};
static const char *const STORES[] = {"archive", NULL};

const struct module ARCHIVE_QUERY_MODULE = {
    .name = "archive",
    .xep = "0313",
    .version = "1.1.3",
    .summary = "lets clients read what they and others wrote",
    .account_features = FEATURES,
    .serves = serves,
    .iqs = IQS,
    .stores = STORES,
    .start = start,
    .session_ready = drained,
    .session_ended = session_ended,
    .session_drained = drained,
    .inline_binds = BINDS,
};
