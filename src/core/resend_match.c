/* Messages that may be repetitions: how one is known again, what the log knows of those that were
 * sent, and who waits until that was read.
 *
 * A message is known by its address, type and id, or origin-id, and by its payload as the server
 * serialises it, without what clients change when they send it again: a stamp (XEP-0203) and ids of
 * XEP-0359. xml:lang is the stream's, as a rule, and does not count. Messages to components are no
 * repetitions: that one is in the sender's log does not mean that the component took it. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/message_log.h"
#include "core/resend.h"
#include "core/router.h"
#include "core/service/archive.h"
#include "core/service/keep.h"
#include "core/sm.h"
#include "core/trace.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

enum { SLICE_ENTRIES = 100, CLOCK_STEP_MS = 10 * 60 * 1000 };

/* In markers on disk, too: the same in every process, on every shard. Only messages of one account
 * are compared by it. */
static const struct hash_key KEY = {0x627572626c65206bULL, 0x657920666f722069ULL};

struct key {
    uint64_t id, origin_id; /* with address and type; 0: none */
    uint64_t payload;
};

struct name {
    uint64_t serial;
    uint32_t number, zero;
};

/* A message that was sent and may come again; newest first. */
struct candidate {
    struct key key;
    struct name name;
    int64_t wall_ms; /* it was accepted */
};

/* Markers: the key; of a repetition also what it repeats. */
struct repeated {
    struct key key;
    struct name name;
    int64_t wall_ms;
};

/* ---------------------------------------------------------------------------------------- keys */

static bool is_passing(struct xml x)
{
    return xml_is(x, NS_DELAY, SLICE("delay")) || xml_is(x, NS_STANZA_ID, SLICE("origin-id")) ||
           xml_is(x, NS_STANZA_ID, SLICE("stanza-id"));
}

/* to is prepared, with the host's own name. False: it has no id by which it could be known. */
static bool read_key(const struct stanza *st, const struct jid *to, struct slice domain,
                     struct key *out)
{
    struct xml_tree *tree = NULL;
    struct stanza view = *st;
    struct buf bytes = {0};
    *out = (struct key){0};
    if (view.packed && !stanza_unpack(&view, &tree))
        return false;
    struct slice origin_id =
        xml_attr(xml_child(view.root, NS_STANZA_ID, SLICE("origin-id")), SLICE("id"));
    if (st->id.len + origin_id.len > 0) {
        for (struct xml x = xml_first_element(view.root); xml_some(x); x = xml_next_element(x))
            if (!is_passing(x))
                xml_write_node(&bytes, x, NS_CLIENT);
        const struct hash_key head = {hash_pair(&KEY, jid_local(to), domain),
                                      hash_bytes(&KEY, jid_resource(to)) + (uint64_t)st->type};
        out->id = st->id.len > 0 ? hash_pair(&head, SLICE("id"), st->id) : 0;
        out->origin_id = origin_id.len > 0 ? hash_pair(&head, SLICE("origin-id"), origin_id) : 0;
        out->payload = hash_bytes(&KEY, buf_slice(&bytes));
    }
    bool good = !bytes.failed && (out->id | out->origin_id) != 0;
    xml_tree_free(&tree);
    buf_free(&bytes);
    return good;
}

static bool same(const struct key *a, const struct key *b)
{
    return a->payload == b->payload &&
           ((a->id != 0 && a->id == b->id) || (a->origin_id != 0 && a->origin_id == b->origin_id));
}

/* Where a stanza of a session goes, under the host's own name; false: to no account of ours. */
static bool target(const struct engine *e, const struct account *a, const struct stanza *st,
                   struct jid *to, struct slice *domain)
{
    *to = jid_some(&st->to) ? st->to : a->jid;
    const struct host_config *host = config_host(e->config, jid_domain(to));
    *domain = host != NULL ? host->name : SLICE_NONE;
    return host != NULL && to->local_len > 0;
}

void resend_marker(const struct stanza *st, struct buf *out)
{
    struct key key;
    if (read_key(st, &st->to, jid_domain(&st->to), &key))
        buf_append(out, &key, sizeof(key));
}

/* --------------------------------------------------------------------- what the log knows of */

static size_t count(const struct buf *candidates)
{
    return buf_len(candidates) / sizeof(struct candidate);
}

static struct candidate *at(struct buf *candidates, size_t i)
{
    return (struct candidate *)(void *)(candidates->ptr + candidates->start) + i;
}

static bool is_used(const struct resend *r, const struct name *name)
{
    struct slice all = buf_slice(&r->used);
    for (; all.len >= sizeof(*name); all = slice_from(all, sizeof(*name)))
        if (memcmp(all.ptr, name, sizeof(*name)) == 0)
            return true;
    return false;
}

static void set_used(struct resend *r, const struct name *name)
{
    if (!is_used(r, name))
        buf_append(&r->used, name, sizeof(*name));
}

/* False: it tells nothing by which its message could be known. */
static bool read_row(struct resend *r, const struct store_row *row, struct candidate *out)
{
    struct stanza st;
    struct repeated marker;
    out->wall_ms = row->labels.wall_ms;
    if ((row->labels.flags & ARCHIVE_MARKER) == 0)
        return stanza_decode(row->value, &st) &&
               read_key(&st, &st.to, jid_domain(&st.to), &out->key);
    if (row->value.len == sizeof(marker)) {
        memcpy(&marker, row->value.ptr, sizeof(marker));
        set_used(r, &marker.name);
        out->wall_ms = marker.wall_ms; /* a chain of repetitions is forgotten with its beginning */
    } else if (row->value.len != sizeof(marker.key)) {
        return false;
    }
    memcpy(&out->key, row->value.ptr, sizeof(out->key));
    return true;
}

static void take_row(const struct engine *e, struct account *a, const struct store_row *row)
{
    struct resend *r = a->resend;
    struct candidate c = {0};
    struct resend_stream *s = NULL;
    bool marker = (row->labels.flags & ARCHIVE_MARKER) != 0;
    if (origin_read(row->labels.origin, &c.name.serial, &c.name.number))
        s = resend_find(e, a, c.name.serial);
    if ((s == NULL && !marker) || !read_row(r, row, &c) || s == NULL)
        return;
    uint32_t told = origin_told(row->labels.origin);
    if ((int32_t)(told - s->told) > 0)
        s->told = told;
    if ((int32_t)(c.name.number - s->told) > 0 && !is_used(r, &c.name))
        buf_append(&r->candidates, &c, sizeof(c));
}

/* Sessions of which nothing can come again are done with. */
static void drop_empty(struct engine *e, struct account *a)
{
    struct resend *r = a->resend;
    if (!r->loaded)
        return;
    LIST_EACH(it, &r->streams)
    {
        struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        bool any = s->unsettled > 0;
        for (size_t i = 0; i < count(&r->candidates) && !any; i++)
            any = at(&r->candidates, i)->name.serial == s->serial;
        if (!any)
            resend_drop(e, s);
    }
}

/* Nothing of what the account has sent before that can come again. */
static int64_t floor_of(const struct engine *e, const struct resend *r)
{
    int64_t oldest = INT64_MAX, forgotten = e->now.wall_ms - RESEND_FORGET_MS;
    for (struct list *it = r->streams.next; it != &r->streams; it = it->next) {
        const struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        if (!s->gone && s->began_ms < oldest)
            oldest = s->began_ms;
    }
    oldest -= CLOCK_STEP_MS;
    return oldest > forgotten ? oldest : forgotten;
}

static void read_on(struct engine *e, struct account *a, uint64_t to);

static void slice_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct account *a = ctx;
    struct resend *r = a->resend;
    struct store_row row;
    size_t walk = 0;
    uint64_t last = 0;
    int64_t floor = floor_of(e, r);
    bool old = false;
    r->flow = 0;
    while (answer->err == 0 && store_rows(answer, &walk, &row)) {
        r->looks++;
        last = row.position;
        old |= row.labels.wall_ms < floor;
        if (row.labels.wall_ms >= floor)
            take_row(e, a, &row);
    }
    if (answer->more && last > 0 && !old && r->looks < RESEND_LOOKS) {
        read_on(e, a, last - 1);
        return;
    }
    if (answer->err != 0) { /* what waits goes on as it is; the next one tries again */
        struct log_line l;
        log_begin(&l, e->log, LOG_ERROR, "archive.read_failed");
        log_str(&l, "jid", jid_bare(&a->jid));
        log_z(&l, "cond", err_text(answer->err));
        log_end(&l);
    }
    r->loaded = !r->outdated;
    if (answer->err == 0)
        drop_empty(e, a);
    resend_go_on(e, a);
    if (answer->err != 0 && a->resend != NULL)
        a->resend->loaded = false;
    resend_rest(a);
}

static void read_on(struct engine *e, struct account *a, uint64_t to)
{
    struct store_request *q = flow_query(e);
    store_range(q, jid_bare(&a->jid), STORE_ARCHIVE, 0, to, SLICE_ENTRIES, true);
    a->resend->flow = flow_submit(e, q, slice_read, a);
}

static void begin(struct engine *e, struct account *a)
{
    struct resend *r = a->resend;
    buf_clear(&r->candidates);
    r->outdated = false;
    r->looks = 0;
    read_on(e, a, INT64_MAX);
}

/* ------------------------------------------------------------------------------- who waits */

static bool has_streams(const struct resend *r)
{
    for (struct list *it = r->streams.next; it != &r->streams; it = it->next)
        if (!CONTAINER_OF(it, struct resend_stream, link)->gone)
            return true;
    return false;
}

static uint32_t count_waiting(const struct resend *r, uint64_t serial)
{
    uint32_t n = 0;
    for (struct list *it = r->waiting.next; it != &r->waiting; it = it->next)
        n += CONTAINER_OF(it, struct resend_waiting, link)->origin.serial == serial;
    return n;
}

/* What the sessions have sent is in the log, or waits here itself. */
static bool is_settled(const struct resend *r)
{
    for (struct list *it = r->streams.next; it != &r->streams; it = it->next) {
        const struct resend_stream *s = CONTAINER_OF(it, struct resend_stream, link);
        if (!s->gone && s->unsettled > count_waiting(r, s->serial))
            return false;
    }
    return true;
}

static bool is_known(const struct resend *r)
{
    return r->loaded || !has_streams(r);
}

/* Whether it was sent before is a question. */
static bool may_repeat(const struct engine *e, const struct account *a, const struct stanza *st)
{
    struct jid to;
    struct slice domain;
    struct key key;
    return st->kind == STANZA_MESSAGE && target(e, a, st, &to, &domain) &&
           keep_is_kept(keep_of(st)) && read_key(st, &to, domain, &key);
}

bool resend_waits(struct engine *e, struct session *s, const struct stanza *st,
                  const struct origin *origin)
{
    struct account *a = s->account;
    struct resend *r = a->resend;
    uint64_t to = hash_pair(&e->key, jid_local(&st->to), jid_domain(&st->to));
    bool behind = false;
    for (struct list *it = r->waiting.next; it != &r->waiting && !behind; it = it->next) {
        const struct resend_waiting *w = CONTAINER_OF(it, struct resend_waiting, link);
        behind = w->origin.session == origin->session && w->to == to;
    }
    if (!behind && (is_known(r) || !may_repeat(e, a, st)))
        return false;
    struct resend_waiting *w = mem_new(struct resend_waiting);
    w->origin = *origin;
    w->to = to;
    stanza_encode(&w->bytes, st);
    list_push(&r->waiting, &w->link);
    account_use(e, a);
    resend_go_on(e, a);
    return true;
}

/* Its session has ended meanwhile: it was taken all the same. */
static void let_go_orphan(struct engine *e, struct account *a, struct stanza *st,
                          const struct origin *origin)
{
    if (!jid_some(&st->to))
        st->to = a->jid;
    if (origin->serial != 0)
        a->resend->loaded = false; /* others may send it again: they look at the log once more */
    if (st->kind != STANZA_MESSAGE)
        engine_settle(e, origin);
    else if (!xml_some(st->root))
        route_error(e, st, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, origin);
    else if (!resend_repeats(e, a, st, origin))
        route_from_outside(e, st, origin);
}

static void let_go(struct engine *e, struct account *a, struct resend_waiting **waiting)
{
    struct resend_waiting *w = *waiting;
    struct session *session = handle_get(&e->sessions, w->origin.session);
    struct xml_tree *tree = NULL;
    struct stanza st;
    *waiting = NULL;
    CHECK(stanza_decode(buf_slice(&w->bytes), &st));
    bool good = stanza_unpack(&st, &tree);
    st.packed = !good;
    if (session != NULL && good)
        route_from_session(e, session, &st, &w->origin);
    else
        let_go_orphan(e, a, &st, &w->origin);
    xml_tree_free(&tree);
    buf_free(&w->bytes);
    mem_free(w);
    account_release(e, a);
}

static void let_all_go(struct engine *e, struct account *a)
{
    struct resend *r = a->resend;
    struct list ready;
    list_init(&ready);
    while (!list_empty(&r->waiting))
        list_push(&ready, list_pop(&r->waiting));
    r->busy = true;
    while (!list_empty(&ready)) {
        struct resend_waiting *w = CONTAINER_OF(list_pop(&ready), struct resend_waiting, link);
        if (is_known(r) || handle_get(&e->sessions, w->origin.session) == NULL)
            let_go(e, a, &w);
        else
            list_push(&r->waiting, &w->link);
    }
    r->busy = false;
}

void resend_go_on(struct engine *e, struct account *a)
{
    const struct resend *r = a->resend;
    if (r == NULL || r->flow != 0 || r->busy || list_empty(&r->waiting))
        return;
    account_use(e, a);
    if (is_known(r))
        let_all_go(e, a);
    if (!list_empty(&r->waiting) && r->flow == 0 && is_settled(r))
        begin(e, a);
    account_release(e, a);
}

/* -------------------------------------------------------------------------------- repetitions */

/* It is settled when that is known on disk; when it cannot be, too, for the message itself is. */
static void told(struct engine *e, void *ctx, struct store_request *answer)
{
    struct resend_telling *t = ctx;
    struct account *a = t->account;
    struct log_entry entry = {.position = answer->position,
                              .wall_ms = t->wall_ms,
                              .flags = ARCHIVE_MARKER,
                              .serial = t->origin.serial,
                              .number = t->origin.number};
    if (answer->err == 0)
        message_log_apply(e, a, &entry);
    engine_settle(e, &t->origin);
    list_remove(&t->link);
    mem_free(t);
    resend_rest(a);
    account_release(e, a);
}

static void tell(struct engine *e, struct account *a, const struct candidate *c,
                 const struct origin *origin)
{
    char label[ORIGIN_LABEL_BYTES];
    struct slice owner = jid_bare(&a->jid);
    struct repeated marker = {.key = c->key, .name = c->name, .wall_ms = c->wall_ms};
    struct store_labels labels = {
        .wall_ms = e->now.wall_ms, .flags = ARCHIVE_MARKER, .origin = origin_label(origin, label)};
    struct resend_telling *t = mem_new(struct resend_telling);
    t->account = a;
    t->origin = *origin;
    t->wall_ms = e->now.wall_ms;
    list_push(&a->resend->tellings, &t->link);
    struct store_request *batch = flow_batch(e);
    resend_list(batch, owner, origin, e->now.wall_ms);
    store_append(batch, STORE_ARCHIVE, &owner, 1, &labels,
                 slice_of((const char *)&marker, sizeof(marker)));
    account_use(e, a);
    flow_submit(e, batch, told, t);
}

static void take_out(struct buf *candidates, size_t i)
{
    size_t n = count(candidates);
    memmove(at(candidates, i), at(candidates, i + 1), (n - i - 1) * sizeof(struct candidate));
    buf_truncate(candidates, (n - 1) * sizeof(struct candidate));
}

static void forget_old(struct engine *e, struct account *a)
{
    struct buf *all = &a->resend->candidates;
    size_t before = count(all);
    for (size_t i = before; i-- > 0;)
        if (at(all, i)->wall_ms + RESEND_FORGET_MS <= e->now.wall_ms)
            take_out(all, i);
    if (count(all) < before)
        drop_empty(e, a);
}

/* The oldest first. */
static bool find(const struct engine *e, const struct account *a, const struct key *key,
                 size_t *i_out)
{
    struct buf *all = &a->resend->candidates;
    for (size_t i = count(all); i-- > 0;) {
        const struct candidate *c = at(all, i);
        if (!same(&c->key, key) || resend_find(e, a, c->name.serial) == NULL)
            continue;
        *i_out = i;
        return true;
    }
    return false;
}

bool resend_repeats(struct engine *e, struct account *a, const struct stanza *st,
                    const struct origin *origin)
{
    struct resend *r = a->resend;
    struct buf *all = &r->candidates;
    struct jid to;
    struct slice domain;
    struct key key;
    size_t i;
    if (st->kind != STANZA_MESSAGE || count(all) == 0)
        return false;
    forget_old(e, a);
    if (!target(e, a, st, &to, &domain) || !read_key(st, &to, domain, &key) ||
        !find(e, a, &key, &i))
        return false;
    struct candidate c = *at(all, i);
    take_out(all, i);
    set_used(r, &c.name);
    trace_note(e, TRACE_REPEATED, st->id, 0, jid_full(&st->from));
    tell(e, a, &c, origin);
    drop_empty(e, a);
    return true;
}
