/* Subscription stanzas, sent and received (RFC 6121 section 3): the table decides, the roster is
 * written, and only then is anything seen of it. */
#include "core/subscribe.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/hooks.h"
#include "core/presence.h"
#include "core/roster_push.h"
#include "core/router.h"
#include "xmpp/ns.h"

enum { HOUR_MS = 3600000 };

static const struct origin NOBODY = {0};

/* A change that is being written. */
struct change {
    struct list link; /* in account.changes */
    struct account *account;
    struct origin origin;
    bool outbound;
    struct subscription_outcome outcome;
    struct buf stanza;  /* encoded */
    struct list behind; /* struct held: what the same client sent to the same contact since */
};

struct held {
    struct list link;
    struct origin origin;
    struct buf bytes; /* encoded stanza */
};

static bool event_of(enum stanza_type type, enum subscription_event *out)
{
    switch (type) {
    case TYPE_SUBSCRIBE:
        *out = SUB_SUBSCRIBE;
        return true;
    case TYPE_SUBSCRIBED:
        *out = SUB_SUBSCRIBED;
        return true;
    case TYPE_UNSUBSCRIBE:
        *out = SUB_UNSUBSCRIBE;
        return true;
    case TYPE_UNSUBSCRIBED:
        *out = SUB_UNSUBSCRIBED;
        return true;
    default:
        return false;
    }
}

bool subscribe_is(enum stanza_type type)
{
    enum subscription_event event;
    return event_of(type, &event);
}

/* An inbound stanza reaches the clients that have to know. */
static void show(struct engine *e, struct account *a, const struct stanza *s)
{
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        if (s->type == TYPE_SUBSCRIBE ? session->available : session->roster_interested)
            session_send(e, session, s);
    }
}

/* The change is on disk (or there was none): now it is seen. */
static void effects(struct engine *e, struct account *a, const struct subscription_outcome *o,
                    struct stanza *s, bool outbound)
{
    struct jid contact = outbound ? s->to : s->from;
    if (o->unavailable_to_contact)
        presence_send_current(e, a, &contact, true);
    if (outbound && o->pass)
        route(e, s, &NOBODY);
    if (!outbound && o->pass)
        show(e, a, s);
    if (o->push)
        roster_push(e, a, jid_bare(&contact));
    if (o->auto_reply)
        presence_send(e, a, &contact, TYPE_SUBSCRIBED);
    if (o->presence_to_contact)
        presence_send_current(e, a, &contact, false);
}

static struct session *session_of(struct engine *e, const struct origin *origin)
{
    return origin->session != 0 ? handle_get(&e->sessions, origin->session) : NULL;
}

/* What waited behind the change goes on, as if it had just come. */
static void let_go(struct engine *e, struct change *c)
{
    while (!list_empty(&c->behind)) {
        struct held *h = CONTAINER_OF(list_pop(&c->behind), struct held, link);
        struct session *session = session_of(e, &h->origin);
        struct xml_tree *tree = NULL;
        struct stanza s;
        CHECK(stanza_decode(buf_slice(&h->bytes), &s));
        bool good = stanza_unpack(&s, &tree);
        if (session != NULL && good)
            route_from_session(e, session, &s, &h->origin);
        else if (s.kind == STANZA_MESSAGE && good)
            route_from_outside(e, &s, &h->origin); /* its sender left; it was taken all the same */
        else if (s.kind == STANZA_MESSAGE)
            route_error(e, &s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, &h->origin);
        else
            engine_settle(e, &h->origin);
        xml_tree_free(&tree);
        buf_free(&h->bytes);
        mem_free(h);
    }
}

static void written(struct engine *e, void *ctx, struct store_request *answer)
{
    struct change *c = ctx;
    struct account *a = c->account;
    struct stanza s;
    CHECK(stanza_decode(buf_slice(&c->stanza), &s));
    list_remove(&c->link);
    if (answer->err == 0) {
        effects(e, a, &c->outcome, &s, c->outbound);
        engine_settle(e, &c->origin);
    } else {
        const struct session *session = session_of(e, &c->origin);
        if (c->outbound && session != NULL)
            s.from = session->jid;
        account_reload(e, a);
        route_error(e, &s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, &c->origin);
    }
    let_go(e, c);
    account_unpark(e, a);
    account_rest(a);
    account_release(e, a);
    buf_free(&c->stanza);
    mem_free(c);
}

bool subscribe_holds(struct engine *e, struct account *a, const struct stanza *s,
                     const struct origin *origin)
{
    (void)e;
    LIST_EACH(it, &a->work->changes)
    {
        struct change *c = CONTAINER_OF(it, struct change, link);
        struct stanza first;
        CHECK(stanza_decode(buf_slice(&c->stanza), &first));
        if (!c->outbound || c->origin.session != origin->session || !jid_bare_eq(&first.to, &s->to))
            continue;
        struct held *h = mem_new(struct held);
        h->origin = *origin;
        stanza_encode(&h->bytes, s);
        list_push(&c->behind, &h->link);
        return true;
    }
    return false;
}

bool subscribe_changing(const struct account *a, struct slice contact)
{
    const struct list *all = &a->work->changes;
    for (const struct list *it = all->next; it != all; it = it->next) {
        const struct change *c =
            (const struct change *)((const char *)it - offsetof(struct change, link));
        struct stanza s;
        CHECK(stanza_decode(buf_slice(&c->stanza), &s));
        if (!c->outbound && slice_eq(jid_bare(&s.from), contact))
            return true;
    }
    return false;
}

static bool nothing(struct subscription s)
{
    return !s.to && !s.from && !s.pending_out && !s.pending_in && !s.approved;
}

/* Changes the roster in memory, writes it, and goes on in written(). */
static void write_change(struct engine *e, struct account *a, struct stanza *s, bool outbound,
                         const struct subscription_outcome *o, const struct origin *origin)
{
    struct jid contact = jid_to_bare(outbound ? s->to : s->from);
    struct slice bare = jid_bare(&contact);
    struct roster_item *item = roster_find(&a->roster, bare);
    bool was_pending = item != NULL && item->sub.pending_in;
    if (item == NULL)
        item = roster_set(&a->roster, bare, SLICE_NONE, SLICE_NONE);
    item->sub = o->next;
    item->listed |= o->next.to || o->next.from || o->next.pending_out || o->next.approved;
    struct store_request *batch = flow_batch(e);
    if (!item->listed && nothing(o->next)) {
        roster_remove(&a->roster, bare);
        item = NULL;
    }
    roster_save(e, a, batch, bare, item);
    struct buf own = {0};
    if (!outbound && o->next.pending_in) {
        stanza_pack(s, &own);
        store_put(batch, jid_bare(&a->jid), STORE_REQUESTS, bare, s->payload);
    } else if (was_pending && !o->next.pending_in) {
        store_delete(batch, jid_bare(&a->jid), STORE_REQUESTS, bare);
    }
    struct change *c = mem_new(struct change);
    stanza_encode(&c->stanza, s);
    buf_free(&own);
    c->account = a;
    c->origin = *origin;
    c->outbound = outbound;
    c->outcome = *o;
    list_init(&c->behind);
    list_push(&account_work(a)->changes, &c->link);
    account_use(e, a);
    flow_submit(e, batch, written, c);
}

/* L19: how many requests an account may send. */
static bool may_subscribe(struct engine *e, struct account *a)
{
    if (!e->config->limits.rate)
        return true;
    if (e->now.mono_ms >= a->subscriptions_since_ms + HOUR_MS) {
        a->subscriptions_since_ms = e->now.mono_ms;
        a->subscriptions_sent = 0;
    }
    return a->subscriptions_sent++ < e->config->limits.subscriptions_per_hour;
}

void subscribe_out(struct engine *e, struct session *session, struct stanza *s,
                   const struct origin *origin)
{
    struct account *a = session->account;
    enum subscription_event event;
    CHECK(event_of(s->type, &event));
    s->from = a->jid;
    s->to = jid_to_bare(s->to);
    if (jid_bare_eq(&s->to, &a->jid)) {
        engine_settle(e, origin); /* nobody subscribes to oneself */
        return;
    }
    const struct roster_item *item = roster_find(&a->roster, jid_bare(&s->to));
    if (event == SUB_SUBSCRIBE && !may_subscribe(e, a)) {
        session_log(e, session, LOG_WARNING, "sub.limit", "policy-violation");
        s->from = session->jid;
        route_error(e, s, STANZA_POLICY_VIOLATION, SLICE_NONE, origin);
        return;
    }
    if (item == NULL && a->roster.count >= e->config->limits.roster_items) {
        s->from = session->jid;
        route_error(e, s, STANZA_RESOURCE_CONSTRAINT, SLICE("the roster is full"), origin);
        return;
    }
    const struct subscription none = {0};
    struct subscription_outcome o = subscription_out(item != NULL ? item->sub : none, event);
    if (o.changed) {
        write_change(e, a, s, true, &o, origin);
        return;
    }
    effects(e, a, &o, s, true);
    engine_settle(e, origin);
}

static uint32_t pending_count(const struct account *a)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->roster.count; i++)
        n += a->roster.items[i]->sub.pending_in;
    return n;
}

void subscribe_in(struct engine *e, struct account *a, struct stanza *s,
                  const struct origin *origin)
{
    enum subscription_event event;
    CHECK(event_of(s->type, &event));
    s->from = jid_to_bare(s->from);
    s->to = a->jid;
    const struct roster_item *item = roster_find(&a->roster, jid_bare(&s->from));
    const struct subscription none = {0};
    struct subscription_outcome o = subscription_in(item != NULL ? item->sub : none, event);
    if (item == NULL && o.next.pending_in &&
        pending_count(a) >= e->config->limits.pending_subscriptions) {
        engine_settle(e, origin);
        return;
    }
    if (o.changed) {
        write_change(e, a, s, false, &o, origin);
        return;
    }
    effects(e, a, &o, s, false);
    engine_settle(e, origin);
}

/* Requests that wait for an answer are shown at every login (RFC 6121 section 3.1.3). */
struct reminder {
    struct account *account;
    uint64_t stream;
};

static void remind(struct engine *e, void *ctx, struct store_request *answer)
{
    struct reminder *r = ctx;
    struct c2s *stream = handle_get(&e->streams, r->stream);
    size_t at = 0;
    struct store_row row;
    while (stream != NULL && stream->session != NULL && answer->err == 0 &&
           store_rows(answer, &at, &row)) {
        const struct roster_item *item = roster_find(&r->account->roster, row.key);
        struct stanza s = {
            .kind = STANZA_PRESENCE,
            .type = TYPE_SUBSCRIBE,
            .to = r->account->jid,
            .payload = row.value,
            .packed = true,
        };
        if (item != NULL && item->sub.pending_in && jid_from_prepared(row.key, &s.from))
            session_send(e, stream->session, &s);
    }
    if (stream != NULL)
        c2s_unhold(stream);
    account_release(e, r->account);
    mem_free(r);
}

void subscribe_remind(struct engine *e, struct session *session)
{
    struct account *a = session->account;
    if (pending_count(a) == 0 || session->stream == NULL)
        return;
    struct reminder *r = mem_new(struct reminder);
    r->account = a;
    r->stream = session->stream->handle;
    c2s_hold(session->stream);
    account_use(e, a);
    struct store_request *q = flow_query(e);
    store_list(q, jid_bare(&a->jid), STORE_REQUESTS, SLICE_NONE, UINT32_MAX);
    flow_submit(e, q, remind, r);
}

void subscribe_cancel(struct engine *e, struct account *a, const struct jid *contact,
                      struct subscription was)
{
    if (was.from)
        presence_send_current(e, a, contact, true);
    if (was.to || was.pending_out)
        presence_send(e, a, contact, TYPE_UNSUBSCRIBE);
    if (was.from || was.pending_in)
        presence_send(e, a, contact, TYPE_UNSUBSCRIBED);
}

void subscribe_repeat(struct engine *e, struct account *a)
{
    for (uint32_t i = 0; i < a->roster.count; i++) {
        struct jid contact;
        if (a->roster.items[i]->sub.pending_out &&
            jid_from_prepared(roster_item_jid(a->roster.items[i]), &contact) &&
            !hooks_hides_presence(e, a, &contact))
            presence_send(e, a, &contact, TYPE_SUBSCRIBE);
    }
}
