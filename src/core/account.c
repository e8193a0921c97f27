/* Accounts in memory: loading, waiting stanzas, leaving when idle. */
#include "core/account.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/hooks.h"
#include "core/message_log.h"
#include "core/router.h"
#include "core/service/archive.h"
#include "core/sm.h"
#include "core/subscribe.h"

enum {
    ACCOUNT_IDLE_MS = 60000, /* a loaded account that nobody needs stays this long */
    ACCOUNT_IDLE_MAX = 4096, /* at most so many of them */
    RESTORING_MAX = 8,       /* accounts that are loaded at once because they have sessions */
    CORE_READS = 6, /* record, roster, tail, head and size of the log, streams; then the modules' */
};

struct parked {
    struct list link;
    struct origin origin;
    uint64_t sender;  /* hash of the sender's bare JID */
    struct buf bytes; /* encoded stanza */
};

struct hold {
    struct list link;
    struct origin origin;
    uint64_t sender; /* hash of the sender's bare JID */
};

void account_record_encode(const struct account_record *r, struct buf *out)
{
    buf_printf(out, "%s %lld\n", r->disabled ? "disabled" : "active", (long long)r->created_ms);
    buf_add(out, r->credentials);
}

bool account_record_decode(struct slice text, struct account_record *out)
{
    size_t space = slice_find(text, ' '), line = slice_find(text, '\n');
    if (space >= line || line == text.len)
        return false;
    struct slice state = slice_of(text.ptr, space);
    unsigned long long created;
    if (!slice_to_u64(slice_of(text.ptr + space + 1, line - space - 1), &created))
        return false;
    out->created_ms = (int64_t)created;
    out->disabled = slice_is(state, "disabled");
    out->credentials = slice_from(text, line + 1);
    return out->disabled || slice_is(state, "active");
}

struct account *account_find(struct engine *e, struct slice bare)
{
    uint64_t hash = hash_bytes(&e->key, bare);
    struct hnode *n = hmap_first(&e->accounts, hash);
    while (n != NULL) {
        struct account *a = CONTAINER_OF(n, struct account, node);
        if (slice_eq(jid_bare(&a->jid), bare))
            return a;
        n = hmap_next(n, hash);
    }
    return NULL;
}

/* Forgets what was loaded, keeps the object. */
static void unload(struct engine *e, struct account *a)
{
    hooks_account_unload(e, a);
    roster_free(&a->roster);
    mem_free(a->slots);
    a->slots = NULL;
    a->slot_count = 0;
}

struct account_work *account_work(struct account *a)
{
    if (a->work == NULL) {
        struct account_work *w = a->work = mem_new(struct account_work);
        w->account = a;
        list_init(&w->binding);
        list_init(&w->parked);
        list_init(&w->holds);
        list_init(&w->changes);
        list_init(&w->restoring);
        list_init(&w->idle);
    }
    return a->work;
}

void account_rest(struct account *a)
{
    struct account_work *w = a->work;
    if (w == NULL || w->flow != 0 || w->restores || list_linked(&w->restoring) ||
        !list_empty(&w->binding) || !list_empty(&w->parked) || !list_empty(&w->holds) ||
        !list_empty(&w->changes) || list_linked(&w->idle))
        return;
    mem_free(w);
    a->work = NULL;
}

static bool is_parked(const struct account *a)
{
    return a->work != NULL && !list_empty(&a->work->parked);
}

static bool is_restoring(const struct account *a)
{
    return a->work != NULL && list_linked(&a->work->restoring);
}

static bool is_idle(const struct account *a)
{
    return a->work != NULL && list_linked(&a->work->idle);
}

static void destroy(struct engine *e, struct account *a)
{
    struct account_work *w = a->work;
    CHECK(list_empty(&a->sessions));
    CHECK(w == NULL || (list_empty(&w->parked) && list_empty(&w->holds)));
    if (is_idle(a)) {
        list_remove(&w->idle);
        e->idle_count--;
    }
    if (w != NULL)
        flow_cancel(e, w->flow);
    mem_free(w);
    unload(e, a);
    tail_free(a);
    resend_free(e, a);
    hmap_remove(&e->accounts, &a->node);
    mem_free(a);
}

static void make_idle(struct engine *e, struct account *a)
{
    if (a->uses > 0 || !list_empty(&a->sessions) || is_parked(a) || a->state == ACCOUNT_LOADING ||
        is_idle(a))
        return;
    struct account_work *w = account_work(a);
    w->idle_since_ms = e->now.mono_ms;
    list_push(&e->idle_accounts, &w->idle);
    e->idle_count++;
}

static void stop_idle(struct engine *e, struct account *a)
{
    if (!is_idle(a))
        return;
    list_remove(&a->work->idle);
    e->idle_count--;
    account_rest(a);
}

/* Rows of what the account follows of its log: its tail, its newest entry, its size, sessions that
 * ended and may have left something there. */
static void log_row(struct engine *e, struct account *a, const struct store_row *row)
{
    if (a->follows)
        return; /* read again: what is in memory is newer */
    if (row->read == 2) {
        tail_load(a, row->value);
    } else if (row->read == 3) {
        if (row->position > a->head)
            a->head = row->position;
    } else if (row->read == 5) {
        resend_row(e, a, row);
    } else {
        tail_wait(a, row->position, (uint64_t)row->labels.wall_ms);
    }
}

static void load_rows(struct engine *e, struct account *a, const struct store_request *answer)
{
    struct store_row row;
    size_t at = 0;
    while (store_rows(answer, &at, &row)) {
        struct account_record record;
        if (row.read == 0) {
            a->state = account_record_decode(row.value, &record) ? ACCOUNT_READY : ACCOUNT_FAILED;
            a->disabled = record.disabled;
        } else if (row.read == 1 && row.key.len == 0) {
            unsigned long long version;
            a->roster.version = slice_to_u64(row.value, &version) ? version : 0;
        } else if (row.read == 1) {
            if (!roster_item_decode(&a->roster, row.key, row.value)) {
                struct log_line l;
                log_begin(&l, e->log, LOG_ERROR, "store.corrupt");
                log_str(&l, "jid", jid_bare(&a->jid));
                log_str(&l, "roster_item", row.key);
                log_end(&l);
            }
        } else if (row.read < CORE_READS) {
            log_row(e, a, &row);
        } else {
            hooks_account_row(e, a, row.read - CORE_READS, &row);
        }
    }
}

static void loaded(struct engine *e, void *ctx, struct store_request *answer)
{
    struct account *a = ctx;
    struct account_work *w = a->work;
    w->flow = 0;
    a->state = ACCOUNT_ABSENT;
    unload(e, a); /* of a reload: what was there before */
    if (answer->err != 0)
        a->state = ACCOUNT_FAILED;
    else
        load_rows(e, a, answer);
    if (a->state != ACCOUNT_READY)
        unload(e, a);
    bool first = !a->follows && a->state != ACCOUNT_FAILED;
    if (a->state == ACCOUNT_ABSENT)
        a->follows = false;
    else if (a->state == ACCOUNT_READY)
        a->follows = true;
    account_use(e, a);
    if (a->state == ACCOUNT_ABSENT)
        resend_forget(e, a);
    else
        resend_loaded(e, a);
    if (first)
        sm_account_loaded(e, a);
    e->restoring_now -= w->restores;
    w->restores = false;
    accounts_restore(e);
    while (!list_empty(&w->binding))
        c2s_account_ready(CONTAINER_OF(list_pop(&w->binding), struct c2s_entry, binding)->stream);
    account_release(e, a);
    account_unpark(e, a);
    account_rest(a);
    make_idle(e, a);
}

static void load(struct engine *e, struct account *a)
{
    a->state = ACCOUNT_LOADING;
    struct store_request *q = flow_query(e);
    struct slice owner = jid_bare(&a->jid);
    store_get(q, owner, STORE_ACCOUNT, SLICE(""));
    store_list(q, owner, STORE_ROSTER, SLICE_NONE, UINT32_MAX);
    store_get(q, owner, STORE_TAIL, SLICE(""));
    store_range(q, owner, STORE_ARCHIVE, 0, INT64_MAX, 1, true);
    /* Where messages are archived nobody counts them, and counting would be dear. */
    store_count(q, owner, a->host == NULL || a->host->archive ? SLICE("none") : STORE_ARCHIVE);
    store_list_back(q, owner, STORE_STREAMS, SLICE_NONE, 2 * RESEND_STREAMS_MAX);
    hooks_account_read(e, q, owner);
    account_work(a)->flow = flow_submit(e, q, loaded, a);
}

static struct account *make(struct engine *e, const struct jid *jid)
{
    struct slice bare = jid_bare(jid);
    struct account *a = mem_alloc(sizeof(*a) + bare.len);
    memcpy(a->text, bare.ptr, bare.len);
    a->jid = jid_to_bare(*jid);
    a->jid.text = a->text;
    a->host = config_host(e->config, jid_domain(jid));
    list_init(&a->sessions);
    hmap_insert(&e->accounts, &a->node, hash_bytes(&e->key, jid_bare(jid)));
    return a;
}

struct account *account_restore(struct engine *e, const struct jid *jid)
{
    struct account *a = account_find(e, jid_bare(jid));
    if (a == NULL) {
        a = make(e, jid);
        a->state = ACCOUNT_LOADING;
        list_push(&e->restoring, &account_work(a)->restoring);
    }
    return a;
}

void account_need(struct engine *e, struct account *a)
{
    if (!is_restoring(a))
        return;
    list_remove(&a->work->restoring);
    load(e, a);
}

void accounts_restore(struct engine *e)
{
    while (e->restoring_now < RESTORING_MAX && !list_empty(&e->restoring)) {
        struct account_work *w = CONTAINER_OF(e->restoring.next, struct account_work, restoring);
        w->restores = true;
        e->restoring_now++;
        account_need(e, w->account);
    }
}

struct account *account_get(struct engine *e, const struct jid *jid)
{
    struct account *a = account_find(e, jid_bare(jid));
    if (a == NULL) {
        a = make(e, jid);
        load(e, a);
    } else if (is_restoring(a)) {
        account_need(e, a);
    } else if (a->state == ACCOUNT_FAILED) {
        load(e, a); /* the store may be well again */
    }
    return a;
}

void account_reload(struct engine *e, struct account *a)
{
    stop_idle(e, a);
    struct account_work *w = account_work(a);
    list_remove(&w->restoring);
    flow_cancel(e, w->flow);
    load(e, a);
}

void account_use(struct engine *e, struct account *a)
{
    a->uses++;
    stop_idle(e, a);
}

void account_release(struct engine *e, struct account *a)
{
    CHECK(a->uses > 0);
    a->uses--;
    make_idle(e, a);
}

void account_drop(struct engine *e, struct account *a)
{
    CHECK(a->uses == 0 && list_empty(&a->sessions));
    if (a->state != ACCOUNT_LOADING && !is_parked(a))
        destroy(e, a);
}

void account_mark_absent(struct engine *e, struct account *a)
{
    unload(e, a);
    a->state = ACCOUNT_ABSENT;
    a->follows = false;
    resend_forget(e, a);
    make_idle(e, a);
}

void account_park(struct engine *e, struct account *a, struct stanza *s,
                  const struct origin *origin)
{
    struct parked *p = mem_new(struct parked);
    p->origin = *origin;
    p->sender = hash_bytes(&e->key, jid_bare(&s->from));
    stanza_encode(&p->bytes, s);
    list_push(&account_work(a)->parked, &p->link);
    stop_idle(e, a);
}

/* Order is kept per sending session; what a server sent by itself, per sender. */
static bool parks(const struct account *a, const struct origin *origin, uint64_t sender)
{
    const struct list *all = &a->work->parked;
    for (const struct list *it = all->next; it != all; it = it->next) {
        const struct parked *p =
            (const struct parked *)((const char *)it - offsetof(struct parked, link));
        bool same_session = origin->session != 0 && p->origin.session == origin->session &&
                            p->origin.shard == origin->shard;
        if (same_session || (origin->session == 0 && p->sender == sender))
            return true;
    }
    return false;
}

/* By session; what a server sends by itself (presence is broadcast), by sender. */
static bool holds(const struct account *a, const struct origin *origin, uint64_t sender)
{
    const struct list *all = &a->work->holds;
    for (const struct list *it = all->next; it != all; it = it->next) {
        const struct hold *h =
            (const struct hold *)((const char *)it - offsetof(struct hold, link));
        bool same_session =
            h->origin.session == origin->session && h->origin.shard == origin->shard;
        if (origin->session != 0 ? same_session : h->sender == sender)
            return true;
    }
    return false;
}

static bool must_wait(struct engine *e, const struct account *a, const struct stanza *s,
                      const struct origin *origin)
{
    const struct account_work *w = a->work;
    if (a->state == ACCOUNT_LOADING)
        return true;
    if (w == NULL)
        return false;
    /* What comes behind a change of the subscription that it may depend on. */
    if (!list_empty(&w->changes) && subscribe_changing(a, jid_bare(&s->from)))
        return true;
    if (list_empty(&w->holds) && list_empty(&w->parked))
        return false;
    uint64_t sender = hash_bytes(&e->key, jid_bare(&s->from));
    if (holds(a, origin, sender) && !message_log_takes(a, s))
        return true;
    return parks(a, origin, sender);
}

void account_unpark(struct engine *e, struct account *a)
{
    struct list ready;
    if (!is_parked(a))
        return;
    list_init(&ready);
    while (is_parked(a))
        list_push(&ready, list_pop(&a->work->parked));
    account_use(e, a);
    while (!list_empty(&ready)) {
        struct parked *p = CONTAINER_OF(list_pop(&ready), struct parked, link);
        struct stanza s;
        CHECK(stanza_decode(buf_slice(&p->bytes), &s));
        if (must_wait(e, a, &s, &p->origin)) {
            list_push(&account_work(a)->parked,
                      &p->link); /* an earlier one of the pair waits again */
            continue;
        }
        deliver(e, a, &s, &p->origin);
        buf_free(&p->bytes);
        mem_free(p);
    }
    account_release(e, a);
}

struct hold *account_hold(struct engine *e, struct account *a, const struct stanza *s,
                          const struct origin *origin)
{
    struct hold *h = mem_new(struct hold);
    h->origin = *origin;
    h->sender = hash_bytes(&e->key, jid_bare(&s->from));
    list_push(&account_work(a)->holds, &h->link);
    account_use(e, a);
    return h;
}

void account_unhold(struct engine *e, struct account *a, struct hold **hold)
{
    list_remove(&(*hold)->link);
    mem_free(*hold);
    *hold = NULL;
    account_unpark(e, a);
    account_release(e, a);
}

void account_receive(struct engine *e, const struct jid *jid, struct stanza *s,
                     const struct origin *origin)
{
    bool presence =
        s->kind == STANZA_PRESENCE &&
        (s->type == TYPE_AVAILABLE || s->type == TYPE_UNAVAILABLE || s->type == TYPE_PROBE);
    if (presence && account_find(e, jid_bare(jid)) == NULL) {
        /* Not loaded means no session: nobody to tell, nothing to answer (RFC 6121 section 4.3.2
         * allows silence). A login does not load the accounts of all contacts. */
        engine_settle(e, origin);
        return;
    }
    struct account *a = account_get(e, jid);
    if (must_wait(e, a, s, origin))
        account_park(e, a, s, origin);
    else
        deliver(e, a, s, origin);
}

void accounts_leave(struct engine *e)
{
    while (!list_empty(&e->idle_accounts)) {
        const struct account_work *w =
            CONTAINER_OF(e->idle_accounts.next, struct account_work, idle);
        if (e->now.mono_ms < w->idle_since_ms + ACCOUNT_IDLE_MS &&
            e->idle_count <= ACCOUNT_IDLE_MAX)
            return;
        destroy(e, w->account);
    }
}

uint64_t accounts_deadline(const struct engine *e)
{
    if (list_empty(&e->idle_accounts))
        return TIME_NEVER;
    if (e->idle_count > ACCOUNT_IDLE_MAX)
        return e->now.mono_ms;
    const struct account_work *w = CONTAINER_OF(e->idle_accounts.next, struct account_work, idle);
    return w->idle_since_ms + ACCOUNT_IDLE_MS;
}

/* Sessions that hibernate stay in the region. */
static void forget_sessions(struct engine *e, struct account *a)
{
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        session_forget(e, &s);
    }
}

static void drop_work(struct account *a)
{
    struct account_work *w = account_work(a);
    list_remove(&w->restoring);
    while (!list_empty(&w->holds))
        mem_free(CONTAINER_OF(list_pop(&w->holds), struct hold, link));
    while (!list_empty(&w->parked)) {
        struct parked *p = CONTAINER_OF(list_pop(&w->parked), struct parked, link);
        buf_free(&p->bytes);
        mem_free(p);
    }
}

void accounts_free(struct engine *e)
{
    struct hnode *n;
    while ((n = hmap_walk(&e->accounts, NULL)) != NULL) {
        struct account *a = CONTAINER_OF(n, struct account, node);
        forget_sessions(e, a);
        drop_work(a);
        destroy(e, a);
    }
}

void accounts_rehost(struct engine *e)
{
    for (struct hnode *n = hmap_walk(&e->accounts, NULL); n != NULL;
         n = hmap_walk(&e->accounts, n)) {
        struct account *a = CONTAINER_OF(n, struct account, node);
        a->host = config_host(e->config, jid_domain(&a->jid));
    }
}

static struct account_slot *find_slot(const struct account *a, unsigned i)
{
    for (unsigned n = 0; n < a->slot_count; n++)
        if (a->slots[n].module == i)
            return &a->slots[n];
    return NULL;
}

void *account_slot(const struct account *a, unsigned i)
{
    const struct account_slot *slot = find_slot(a, i);
    return slot != NULL ? slot->data : NULL;
}

void account_slot_set(struct engine *e, struct account *a, unsigned i, void *data)
{
    unsigned n;
    (void)hooks_modules(e, &n);
    CHECK(i < n);
    struct account_slot *slot = find_slot(a, i);
    if (slot == NULL && data == NULL)
        return;
    if (slot == NULL) {
        a->slots = mem_resize(a->slots, a->slot_count + 1, sizeof(*a->slots));
        slot = &a->slots[a->slot_count++];
        slot->module = i;
    } else if (data == NULL) {
        *slot = a->slots[--a->slot_count];
        return;
    }
    slot->data = data;
}
