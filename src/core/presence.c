/* Presence: RFC 6121 section 4. */
#include "core/presence.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/hooks.h"
#include "core/router.h"
#include "core/sm.h"
#include "core/subscribe.h"
#include "xmpp/ns.h"

enum { PRESENCE_BURST = 5, SHARDS_MAX = 256 };

static const struct origin NOBODY = {0};

void presence_send(struct engine *e, struct account *a, const struct jid *to, enum stanza_type type)
{
    struct stanza s = {.kind = STANZA_PRESENCE,
                       .type = type,
                       .from = a->jid,
                       .to = jid_to_bare(*to),
                       .packed = true};
    route(e, &s, &NOBODY);
}

/* The session's presence as it was sent last. */
static struct stanza current(const struct session *session)
{
    return (struct stanza){
        .kind = STANZA_PRESENCE,
        .type = TYPE_AVAILABLE,
        .lang = session_presence_lang(session),
        .from = session->jid,
        .payload = session_presence(session),
        .packed = true,
    };
}

void presence_send_current(struct engine *e, struct account *a, const struct jid *to,
                           bool unavailable)
{
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        if (!session->available)
            continue;
        struct stanza s = current(session);
        s.to = jid_to_bare(*to);
        if (unavailable) {
            s.type = TYPE_UNAVAILABLE;
            s.payload = SLICE_NONE;
        }
        route(e, &s, &NOBODY);
    }
}

/* To all contacts that may see it, one mail per shard; and to the own resources. */
static void broadcast(struct engine *e, struct session *session, struct stanza *s)
{
    struct account *a = session->account;
    struct mail *mails[SHARDS_MAX] = {NULL};
    CHECK(e->shards <= SHARDS_MAX);
    for (uint32_t i = 0; i < a->roster.count; i++) {
        const struct roster_item *item = a->roster.items[i];
        struct jid to;
        if (!item->sub.from || !jid_from_prepared(roster_item_jid(item), &to) ||
            hooks_hides_presence(e, a, &to))
            continue;
        uint32_t owner = engine_owner(e, roster_item_jid(item));
        s->to = to;
        if (owner == e->shard || config_host(e->config, jid_domain(&to)) == NULL) {
            route(e, s, &NOBODY);
            continue;
        }
        if (mails[owner] == NULL) {
            mails[owner] = mail_new(MAIL_STANZA, e->shard, owner);
            stanza_encode(&mails[owner]->data, s);
        }
        buf_add(&mails[owner]->targets, roster_item_jid(item));
        buf_byte(&mails[owner]->targets, '\0');
    }
    for (uint32_t i = 0; i < e->shards; i++)
        if (mails[i] != NULL)
            engine_post(e, mails[i]);
    LIST_EACH(it, &a->sessions)
    {
        struct session *other = CONTAINER_OF(it, struct session, link);
        s->to = a->jid;
        if (other->available || other == session)
            session_send(e, other, s);
    }
}

static bool is_subscriber(const struct account *a, struct slice bare)
{
    const struct roster_item *item = roster_find(&a->roster, bare);
    return item != NULL && item->sub.from;
}

/* What was told to single ones is taken back (RFC 6121 section 4.6.3). told: subscribers know it
 * already. */
static void unavailable_to_directed(struct engine *e, struct session *session, struct stanza *s,
                                    bool told)
{
    struct buf *directed = session->directed;
    struct slice all = session_directed(session);
    session->directed = NULL;
    while (all.len > 0) {
        size_t end = slice_find(all, '\0');
        if (jid_from_prepared(slice_of(all.ptr, end), &s->to) &&
            !(told && is_subscriber(session->account, jid_bare(&s->to))) &&
            !hooks_hides_presence(e, session->account, &s->to))
            route(e, s, &NOBODY);
        all = slice_from(all, end + 1);
    }
    if (directed != NULL)
        buf_free(directed);
    mem_free(directed);
}

void presence_refresh(struct engine *e, struct session *session)
{
    struct account *a = session->account;
    LIST_EACH(it, &a->sessions)
    {
        struct session *other = CONTAINER_OF(it, struct session, link);
        if (other == session || !other->available)
            continue;
        struct stanza s = current(other);
        s.to = session->jid;
        session_send(e, session, &s);
    }
    for (uint32_t i = 0; i < a->roster.count; i++) {
        const struct roster_item *item = a->roster.items[i];
        struct stanza probe = {
            .kind = STANZA_PRESENCE, .type = TYPE_PROBE, .from = session->jid, .packed = true};
        if (!item->sub.to || !jid_from_prepared(roster_item_jid(item), &probe.to) ||
            hooks_hides_presence(e, a, &probe.to))
            continue;
        route(e, &probe, &NOBODY);
    }
}

/* Initial presence (RFC 6121 section 4.2): what the contacts and the other resources say. */
static void introduce(struct engine *e, struct session *session)
{
    presence_refresh(e, session);
    subscribe_remind(e, session);
    if (!session->was_available)
        subscribe_repeat(e, session->account);
}

static void go_available(struct engine *e, struct session *session, struct stanza *s, int priority)
{
    bool initial = !session->available;
    bool was_ready = session->available && session->priority >= 0;
    session->available = true;
    session->priority = (int8_t)priority;
    struct buf own = {0};
    stanza_pack(s, &own);
    session_set_presence(session, s->payload, s->lang);
    broadcast(e, session, s);
    if (initial)
        introduce(e, session);
    session->was_available = true;
    hooks_presence_sent(e, session, s);
    if (!was_ready && priority >= 0) {
        follow_ready(e, session);
        hooks_session_ready(e, session);
    } else if (was_ready && priority < 0) {
        follow_stop(e, session);
    }
    sm_state_changed(e, session);
    buf_free(&own);
}

static void go_unavailable(struct engine *e, struct session *session, struct stanza *s)
{
    presence_unhold(session);
    struct buf own = {0};
    stanza_pack(s, &own);
    bool told = session->available;
    session->available = false;
    if (told) {
        follow_stop(e, session);
        broadcast(e, session, s);
        hooks_presence_sent(e, session, s);
    }
    unavailable_to_directed(e, session, s, told);
    sm_state_changed(e, session);
    buf_free(&own);
}

/* Checks <show/>, <status/> and <priority/> (RFC 6121 section 4.7.2); false: bad-request (S10). */
static bool read_presence(const struct stanza *s, int *priority)
{
    struct xml show = xml_child(s->root, NS_CLIENT, SLICE("show"));
    struct xml prio = xml_child(s->root, NS_CLIENT, SLICE("priority"));
    *priority = 0;
    if (xml_some(xml_next_named(show, NS_CLIENT, SLICE("show"))) ||
        xml_some(xml_next_named(prio, NS_CLIENT, SLICE("priority"))))
        return false;
    struct slice word = xml_text(show);
    if (xml_some(show) && !slice_is(word, "away") && !slice_is(word, "chat") &&
        !slice_is(word, "dnd") && !slice_is(word, "xa"))
        return false;
    if (!xml_some(prio))
        return true;
    return slice_to_int(xml_text(prio), priority) && *priority >= -128 && *priority <= 127;
}

static void release_held(struct timer *t, void *ctx);

/* R05: true when the broadcast must wait; the newest one does. Also of who was unavailable in
 * between: going and coming is no way around it. */
static bool hold(struct engine *e, struct session *session, const struct stanza *s)
{
    const struct limits *l = &e->config->limits;
    if (!l->rate || l->presence_per_s == 0)
        return false;
    uint64_t step = 1000 / l->presence_per_s;
    uint64_t next = session->presence_next_ms;
    if (next < e->now.mono_ms)
        next = e->now.mono_ms;
    if (next - e->now.mono_ms < PRESENCE_BURST * step) {
        session->presence_next_ms = next + step;
        return false;
    }
    if (session->held == NULL) {
        session->held = mem_new(struct session_held);
        session->held->session = session;
        session->held->timer.fire = release_held;
        timer_set(&e->timers, &session->held->timer, e->now.mono_ms + step);
    }
    buf_clear(&session->held->stanza);
    stanza_encode(&session->held->stanza, s);
    return true;
}

void presence_unhold(struct session *session)
{
    struct session_held *held = session->held;
    if (held == NULL)
        return;
    timer_stop(&held->timer);
    buf_free(&held->stanza);
    mem_free(held);
    session->held = NULL;
}

static void release_held(struct timer *t, void *ctx)
{
    struct engine *e = ctx;
    struct session *session = CONTAINER_OF(t, struct session_held, timer)->session;
    struct buf held = session->held->stanza;
    session->held->stanza = (struct buf){0};
    presence_unhold(session);
    if (e->config->limits.presence_per_s != 0)
        session->presence_next_ms += 1000 / e->config->limits.presence_per_s;
    struct stanza s;
    struct xml_tree *tree = NULL;
    if (buf_len(&held) > 0 && stanza_decode(buf_slice(&held), &s)) {
        int priority = 0;
        if (stanza_unpack(&s, &tree))
            read_presence(&s, &priority);
        go_available(e, session, &s, priority);
    }
    xml_tree_free(&tree);
    buf_free(&held);
}

static bool directed_known(const struct session *session, struct slice full)
{
    struct slice all = session_directed(session);
    while (all.len > 0) {
        size_t end = slice_find(all, '\0');
        if (slice_eq(slice_of(all.ptr, end), full))
            return true;
        all = slice_from(all, end + 1);
    }
    return false;
}

static uint32_t directed_count(const struct session *session)
{
    struct slice all = session_directed(session);
    uint32_t n = 0;
    for (; all.len > 0; n++)
        all = slice_from(all, slice_find(all, '\0') + 1);
    return n;
}

static void forget_directed(struct session *session, struct slice full)
{
    struct buf kept = {0};
    struct slice all = session_directed(session);
    while (all.len > 0) {
        size_t end = slice_find(all, '\0');
        if (!slice_eq(slice_of(all.ptr, end), full))
            buf_append(&kept, all.ptr, end + 1);
        all = slice_from(all, end + 1);
    }
    session_set_directed(session, buf_slice(&kept));
    buf_free(&kept);
}

/* Directed presence (RFC 6121 section 4.6): the addresses are remembered (S11). */
static void directed(struct engine *e, struct session *session, struct stanza *s,
                     const struct origin *origin)
{
    struct slice full = jid_full(&s->to);
    if (s->type == TYPE_UNAVAILABLE) {
        if (directed_known(session, full)) {
            forget_directed(session, full);
            sm_state_changed(e, session);
        }
    } else if (!directed_known(session, full)) {
        if (directed_count(session) >= e->config->limits.directed_targets) {
            session_log(e, session, LOG_WARNING, "presence.limit", "resource-constraint");
            route_error(e, s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, origin);
            return;
        }
        /* Of who is available subscribers are told anyway. */
        if (!session->available || !is_subscriber(session->account, jid_bare(&s->to))) {
            if (session->directed == NULL)
                session->directed = mem_new(struct buf);
            buf_add(session->directed, full);
            buf_byte(session->directed, '\0');
            sm_state_changed(e, session);
        }
    }
    route(e, s, origin);
}

void presence_from_session(struct engine *e, struct session *session, struct stanza *s,
                           const struct origin *origin)
{
    int priority = 0;
    bool good = s->type != TYPE_BAD && (s->type != TYPE_AVAILABLE || read_presence(s, &priority));
    bool broadcast_type = s->type == TYPE_AVAILABLE || s->type == TYPE_UNAVAILABLE;
    if (!good || (!jid_some(&s->to) && !broadcast_type)) {
        struct slice why = good ? SLICE("this type of presence needs a 'to'")
                                : SLICE("presence that RFC 6121 section 4.7 does not know");
        route_error(e, s, STANZA_BAD_REQUEST, why, origin);
        return;
    }
    if (jid_some(&s->to)) {
        if (subscribe_is(s->type))
            subscribe_out(e, session, s, origin);
        else if (broadcast_type)
            directed(e, session, s, origin);
        else
            route(e, s, origin); /* an error, or a probe of the client's own */
        return;
    }
    if (s->type == TYPE_UNAVAILABLE)
        go_unavailable(e, session, s);
    else if (!hold(e, session, s))
        go_available(e, session, s, priority);
    engine_settle(e, origin);
}

void presence_session_ended(struct engine *e, struct session *session)
{
    if (!session->available && session_directed(session).len == 0)
        return;
    struct stanza s = {
        .kind = STANZA_PRESENCE, .type = TYPE_UNAVAILABLE, .from = session->jid, .packed = true};
    go_unavailable(e, session, &s);
}

/* RFC 6121 section 4.3.2: only subscribers (and oneself) learn anything. */
static void answer_probe(struct engine *e, struct account *a, const struct stanza *s)
{
    const struct roster_item *item = roster_find(&a->roster, jid_bare(&s->from));
    bool own = jid_bare_eq(&s->from, &a->jid);
    if (!own && (item == NULL || !item->sub.from)) {
        if (item == NULL || !item->sub.pending_in)
            presence_send(e, a, &s->from, TYPE_UNSUBSCRIBED);
        return;
    }
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        if (!session->available)
            continue;
        struct stanza answer = current(session);
        answer.to = s->from;
        route(e, &answer, &NOBODY);
    }
}

void presence_deliver(struct engine *e, struct account *a, struct stanza *s,
                      const struct origin *origin)
{
    if (subscribe_is(s->type)) {
        subscribe_in(e, a, s, origin);
        return;
    }
    if (s->type == TYPE_PROBE) {
        answer_probe(e, a, s);
    } else if (s->to.resource_len > 0) {
        struct session *session = session_find(a, jid_resource(&s->to));
        if (session != NULL)
            session_send(e, session, s);
    } else if (s->type != TYPE_ERROR) {
        LIST_EACH(it, &a->sessions)
        {
            struct session *session = CONTAINER_OF(it, struct session, link);
            if (session->available)
                session_send(e, session, s);
        }
    }
    engine_settle(e, origin);
}
