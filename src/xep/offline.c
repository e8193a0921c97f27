/* XEP-0160: Best Practices for Handling Offline Messages (version 1.0.1), with the stamps of
 * XEP-0203 and the hints of XEP-0334.
 *
 * What is worth keeping (core/service/keep.h) and has no session to go to becomes an entry of the
 * log "offline"; its sender hears of it, by settlement or by an error, when the store has answered.
 * A session that becomes ready is sent all of it in slices. A slice is dropped from the store when
 * the connection has taken it; if the session ends before, the next one gets it again: nothing is
 * lost, and what was under way may come twice. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/module.h"
#include "core/service/delay.h"
#include "core/service/keep.h"

#define STORE_OFFLINE SLICE("offline")

enum { SLICE_MESSAGES = 50 };

extern const struct module OFFLINE_MODULE;

/* Sending what is stored to account.draining. */
enum drain_state {
    DRAIN_IDLE,     /* nobody is being sent anything */
    DRAIN_WAITING,  /* for messages on their way into the store, or out of it */
    DRAIN_READING,  /* a slice is being read */
    DRAIN_WRITTEN,  /* it was written to the client; the connection has not taken it all */
    DRAIN_DROPPING, /* it is being taken out of the store */
};

struct offline {
    uint64_t messages, bytes; /* in the store, or on their way */
    uint32_t under_way;       /* batches that are not answered: a query may not see them */
    enum drain_state state;
    uint64_t flow;     /* of the read */
    uint64_t next;     /* position to read from */
    uint64_t from, to; /* positions of the slice that was written */
    uint64_t slice_messages, slice_bytes;
    bool last; /* it was the last one when it was read */
    bool left; /* a slice could not be dropped and will come again */
};

static struct offline *offline_of(struct engine *e, const struct account *a)
{
    return account_slot(a, module_index(e, &OFFLINE_MODULE));
}

static struct offline *offline_make(struct engine *e, struct account *a)
{
    struct offline *o = offline_of(e, a);
    if (o == NULL) {
        o = mem_new(struct offline);
        account_slot_set(e, a, module_index(e, &OFFLINE_MODULE), o);
    }
    return o;
}

static void account_read(struct store_request *query, struct slice owner)
{
    store_count(query, owner, STORE_OFFLINE);
}

static void account_row(struct engine *e, struct account *a, const struct store_row *row)
{
    if (row->position == 0)
        return;
    struct offline *o = offline_make(e, a);
    o->messages = row->position;
    o->bytes = (uint64_t)row->labels.wall_ms;
}

static void account_unload(struct engine *e, struct account *a)
{
    struct offline *o = offline_of(e, a);
    if (o == NULL)
        return;
    flow_cancel(e, o->flow);
    if (o->state != DRAIN_IDLE)
        a->draining = NULL; /* whoever loads the account anew lets the waiting go on */
    mem_free(o);
    account_slot_set(e, a, module_index(e, &OFFLINE_MODULE), NULL);
}

static void tell_log(struct engine *e, enum log_level level, const char *event,
                     const struct account *a, struct slice reason)
{
    struct log_line l;
    log_begin(&l, e->log, level, event);
    log_str(&l, "jid", jid_bare(&a->jid));
    log_str(&l, "reason", reason);
    log_end(&l);
}

/* --------------------------------------------------------------------------- sending what waited
 */

static void begin(struct engine *e, struct offline *o, struct session *session);
static void read_slice(struct engine *e, struct offline *o, struct account *a);

static bool is_ready(const struct session *s)
{
    return s->available && s->priority >= 0 && !s->lags;
}

/* The session gets no more: another one goes on, or what waits in the account does. */
static void end(struct engine *e, struct offline *o, struct account *a)
{
    flow_cancel(e, o->flow);
    o->flow = 0;
    o->state = DRAIN_IDLE;
    const struct session *old = a->draining;
    a->draining = NULL;
    LIST_EACH(it, &a->sessions)
    {
        struct session *other = CONTAINER_OF(it, struct session, link);
        if (other != old && is_ready(other) && o->messages > 0) {
            begin(e, o, other);
            return;
        }
    }
    account_unpark(e, a);
}

/* All that is known of is sent. */
static void finish(struct engine *e, struct offline *o, struct account *a)
{
    o->flow = 0;
    o->state = DRAIN_IDLE;
    a->draining = NULL;
    account_unpark(e, a);
}

/* A batch is answered. A read that waited for it may begin. */
static void landed(struct engine *e, struct offline *o, struct account *a)
{
    if (o->under_way > 0)
        o->under_way--;
    if (o->state == DRAIN_WAITING && o->under_way == 0)
        read_slice(e, o, a);
}

/* A slice could not be dropped: it comes again. */
static void take_back(struct engine *e, struct offline *o, const struct account *a, int err)
{
    o->messages += o->slice_messages;
    o->bytes += o->slice_bytes;
    o->left = true;
    tell_log(e, LOG_ERROR, "offline.drop_failed", a, slice_z(err_text(err)));
}

/* The session that was sent the slice may have ended meanwhile. */
static void dropped(struct engine *e, void *ctx, struct store_request *answer)
{
    struct account *a = ctx;
    struct offline *o = offline_of(e, a);
    if (o != NULL) {
        bool goes_on = o->state == DRAIN_DROPPING;
        if (answer->err != 0)
            take_back(e, o, a, answer->err);
        landed(e, o, a);
        if (goes_on && o->last && o->messages == 0)
            finish(e, o, a);
        else if (goes_on && is_ready(a->draining))
            read_slice(e, o, a);
        else if (goes_on)
            end(e, o, a);
    }
    account_release(e, a);
}

static void drop_slice(struct engine *e, struct offline *o, struct account *a)
{
    struct store_request *batch = flow_batch(e);
    store_drop(batch, jid_bare(&a->jid), STORE_OFFLINE, o->from, o->to);
    o->state = DRAIN_DROPPING;
    o->messages -= o->messages < o->slice_messages ? o->messages : o->slice_messages;
    o->bytes -= o->bytes < o->slice_bytes ? o->bytes : o->slice_bytes;
    o->under_way++;
    account_use(e, a);
    flow_submit(e, batch, dropped, a);
}

/* The connection has taken the slice, or is about to. */
static void go_on(struct engine *e, struct offline *o, struct account *a)
{
    struct session *session = a->draining;
    if (session_backlog(session) > 0)
        session_watch(session);
    else if (o->slice_messages > 0)
        drop_slice(e, o, a);
    else
        read_slice(e, o, a);
}

/* One entry with its stamp; false when the session takes no more. A damaged one counts as sent. */
static bool deliver_row(struct engine *e, struct session *session, const struct store_row *row)
{
    struct account *a = session->account;
    struct stanza s;
    struct buf payload = {0};
    if (!stanza_decode(row->value, &s)) {
        tell_log(e, LOG_ERROR, "store.corrupt", a, SLICE("offline"));
        return true;
    }
    buf_add(&payload, s.payload);
    delay_write(&payload, jid_domain(&a->jid), row->labels.wall_ms, SLICE_NONE);
    s.payload = buf_slice(&payload);
    bool sent = session_send(e, session, &s);
    e->counters.messages_delivered += sent;
    buf_free(&payload);
    return sent;
}

static void write_slice(struct engine *e, struct offline *o, struct account *a,
                        const struct store_request *answer)
{
    struct session *session = a->draining;
    struct store_row row;
    size_t at = 0;
    o->slice_messages = o->slice_bytes = 0;
    o->last = !answer->more;
    while (store_rows(answer, &at, &row)) {
        bool room = session_backlog(session) < e->config->limits.output_bytes / 2;
        if ((!room && o->slice_messages > 0) || !deliver_row(e, session, &row)) {
            o->last = false;
            break;
        }
        if (o->slice_messages++ == 0)
            o->from = row.position;
        o->to = row.position;
        o->next = row.position + 1;
        o->slice_bytes += row.value.len;
    }
}

static void slice_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct account *a = ctx;
    struct offline *o = offline_of(e, a);
    CHECK(o != NULL && o->state == DRAIN_READING);
    o->flow = 0;
    if (answer->err != 0) {
        tell_log(e, LOG_ERROR, "offline.read_failed", a, slice_z(err_text(answer->err)));
        finish(e, o, a); /* the next login tries again */
    } else if (!is_ready(a->draining)) {
        end(e, o, a);
    } else if (answer->row_count > 0) {
        write_slice(e, o, a, answer);
        o->state = DRAIN_WRITTEN;
        go_on(e, o, a);
    } else if (o->under_way > 0) {
        o->state = DRAIN_WAITING;
    } else {
        if (!o->left)
            o->messages = o->bytes = 0;
        finish(e, o, a);
    }
}

static void read_slice(struct engine *e, struct offline *o, struct account *a)
{
    if (o->under_way > 0) {
        o->state = DRAIN_WAITING;
        return;
    }
    struct store_request *q = flow_query(e);
    store_range(q, jid_bare(&a->jid), STORE_OFFLINE, o->next, INT64_MAX, SLICE_MESSAGES, false);
    o->state = DRAIN_READING;
    o->flow = flow_submit(e, q, slice_read, a);
}

static void begin(struct engine *e, struct offline *o, struct session *session)
{
    session->account->draining = session;
    o->next = 0;
    o->left = false;
    read_slice(e, o, session->account);
}

static void session_ready(struct engine *e, struct session *session)
{
    struct account *a = session->account;
    struct offline *o = offline_of(e, a);
    if (o != NULL && o->messages > 0 && a->draining == NULL)
        begin(e, o, session);
}

static void output_taken(struct engine *e, struct session *session)
{
    struct account *a = session->account;
    struct offline *o = offline_of(e, a);
    if (o != NULL && a->draining == session && o->state == DRAIN_WRITTEN)
        go_on(e, o, a);
}

/* Who becomes unavailable or gives itself a negative priority gets no more. */
static void presence_sent(struct engine *e, struct session *session, const struct stanza *s)
{
    (void)s;
    struct account *a = session->account;
    struct offline *o = offline_of(e, a);
    bool listens = session->available && session->priority >= 0;
    if (o != NULL && a->draining == session && o->state != DRAIN_IDLE && !listens)
        end(e, o, a);
}

static void session_ended(struct engine *e, struct session *session)
{
    struct account *a = session->account;
    struct offline *o = offline_of(e, a);
    if (o != NULL && a->draining == session && o->state != DRAIN_IDLE)
        end(e, o, a);
}

/* ------------------------------------------------------------------------------- keeping messages
 */

/* A message on its way into the store. */
struct keeping {
    struct account *account;
    struct origin origin;
    struct hold *hold;
    struct buf bytes; /* the stanza, encoded */
};

static void refuse(struct engine *e, const struct keeping *k, int err)
{
    struct stanza s;
    CHECK(stanza_decode(buf_slice(&k->bytes), &s));
    tell_log(e, LOG_ERROR, "offline.store_failed", k->account, slice_z(err_text(err)));
    bool later = err == ERR_FULL || err == ERR_BUSY || err == ERR_READONLY;
    module_route_error(e, &s, later ? STANZA_RESOURCE_CONSTRAINT : STANZA_INTERNAL_SERVER_ERROR,
                       &k->origin);
}

static void appended(struct engine *e, void *ctx, struct store_request *answer)
{
    struct keeping *k = ctx;
    struct account *a = k->account;
    struct offline *o = offline_of(e, a);
    bool kept = answer->err == 0;
    if (o == NULL && kept && a->state == ACCOUNT_READY)
        o = offline_make(e, a);
    if (kept) {
        e->counters.messages_stored++;
        if (o != NULL && o->messages == 0)
            o->messages = 1; /* the account was loaded anew meanwhile, and did not see it */
        engine_settle(e, &k->origin);
    } else {
        if (o != NULL && o->messages > 0)
            o->messages--;
        if (o != NULL)
            o->bytes -= o->bytes < buf_len(&k->bytes) ? o->bytes : buf_len(&k->bytes);
        refuse(e, k, answer->err);
    }
    if (o != NULL)
        landed(e, o, a);
    account_unhold(e, a, &k->hold);
    buf_free(&k->bytes);
    mem_free(k);
}

static void append(struct engine *e, struct account *a, struct keeping *k)
{
    struct slice owner = jid_bare(&a->jid);
    struct store_labels labels = {.wall_ms = e->now.wall_ms};
    struct store_request *batch = flow_batch(e);
    store_append(batch, STORE_OFFLINE, &owner, 1, &labels, buf_slice(&k->bytes));
    k->hold = account_hold(e, a, &k->origin);
    flow_submit(e, batch, appended, k);
}

static enum claim claim_undelivered(struct engine *e, struct account *to, struct stanza *s,
                                    const struct origin *origin)
{
    const struct limits *limits = &e->config->limits;
    if (s->type != TYPE_CHAT && s->type != TYPE_NORMAL)
        return CLAIM_NO;
    enum keep keep = keep_of(s);
    if (keep == KEEP_SIGNAL) {
        engine_settle(e, origin); /* nobody is told that nobody saw someone typing */
        return CLAIM_TAKEN;
    }
    if (!keep_is_kept(keep))
        return CLAIM_NO;
    struct offline *o = offline_make(e, to);
    struct keeping *k = mem_new(struct keeping);
    stanza_encode(&k->bytes, s);
    bool full = o->messages >= limits->offline_messages ||
                o->bytes + buf_len(&k->bytes) > limits->offline_bytes;
    if (full || k->bytes.failed) {
        tell_log(e, LOG_INFO, "offline.full", to, SLICE("L16"));
        buf_free(&k->bytes);
        mem_free(k);
        return CLAIM_NO;
    }
    o->messages++;
    o->bytes += buf_len(&k->bytes);
    o->under_way++;
    k->account = to;
    k->origin = *origin;
    append(e, to, k);
    return CLAIM_TAKEN;
}

static const char *const FEATURES[] = {"msgoffline", NULL};
static const char *const STORES[] = {"offline", NULL};

const struct module OFFLINE_MODULE = {
    .name = "offline",
    .xep = "0160",
    .version = "1.0.1",
    .summary = "keeps messages for who is not there",
    .host_features = FEATURES,
    .stores = STORES,
    .claim_undelivered = claim_undelivered,
    .session_ready = session_ready,
    .presence_sent = presence_sent,
    .session_ended = session_ended,
    .session_drained = output_taken,
    .account_read = account_read,
    .account_row = account_row,
    .account_unload = account_unload,
};
