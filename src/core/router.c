/* Where a stanza goes: RFC 6120 section 10 (addresses), RFC 6121 section 8 (delivery). */
#include "core/router.h"

#include "base/check.h"
#include "core/c2s.h"
#include "core/components.h"
#include "core/copy.h"
#include "core/hooks.h"
#include "core/iq.h"
#include "core/message_log.h"
#include "core/presence.h"
#include "core/service/ask.h"
#include "core/service/keep.h"
#include "core/sm.h"
#include "core/subscribe.h"
#include "core/trace.h"
#include "xmpp/ns.h"

static const struct origin NOBODY = {0};

/* The error answer to s, in payload; false: there is none to a stanza of that type (S06). */
static bool make_error(struct engine *e, const struct stanza *s, enum stanza_error error,
                       struct slice text, struct slice app, struct buf *payload, struct stanza *out)
{
    if (s->type == TYPE_ERROR || s->type == TYPE_RESULT || error == STANZA_OK)
        return false;
    stanza_error_payload(payload, error, text, app);
    *out = (struct stanza){
        .kind = s->kind,
        .type = TYPE_ERROR,
        .id = s->id,
        .from = s->to,
        .to = s->from,
        .payload = buf_slice(payload),
        .packed = true,
    };
    e->counters.errors_sent++;
    return true;
}

static void send_error(struct engine *e, const struct stanza *s, enum stanza_error error,
                       struct slice text, struct slice app, const struct origin *origin)
{
    struct buf payload = {0};
    struct stanza reply;
    if (s->kind == STANZA_MESSAGE)
        trace_note(e, TRACE_BOUNCED, s->id, 0, jid_full(&s->from));
    if (make_error(e, s, error, text, app, &payload, &reply))
        route(e, &reply, &NOBODY);
    buf_free(&payload);
    engine_settle(e, origin);
}

/* To a client of one's own, whatever it has to do with the address that it wrote to. */
static void refuse(struct engine *e, struct session *session, const struct stanza *s,
                   enum stanza_error error, struct slice app, const struct origin *origin)
{
    struct buf payload = {0};
    struct stanza reply;
    if (make_error(e, s, error, SLICE_NONE, app, &payload, &reply))
        session_send(e, session, &reply);
    buf_free(&payload);
    engine_settle(e, origin);
}

void route_error(struct engine *e, const struct stanza *s, enum stanza_error error,
                 struct slice text, const struct origin *origin)
{
    send_error(e, s, error, text, SLICE_NONE, origin);
}

/* To the account's owner: here, or by mail. */
static void route_account(struct engine *e, struct stanza *s, const struct origin *origin)
{
    struct jid bare = jid_to_bare(s->to);
    uint32_t owner = engine_owner(e, jid_bare(&bare));
    if (owner == e->shard) {
        account_receive(e, &bare, s, origin);
        return;
    }
    struct mail *m = mail_new(MAIL_STANZA, e->shard, owner);
    stanza_encode(&m->data, s);
    m->origin = *origin;
    engine_post(e, m);
}

/* An alias of a host in an address stands for the host. Text is put into the arena. */
static bool canonical(struct engine *e, const struct host_config *host, struct jid *jid)
{
    if (slice_eq(jid_domain(jid), host->name))
        return true;
    struct slice local = jid_local(jid), resource = jid_resource(jid);
    size_t len = local.len + 1 + host->name.len + 1 + resource.len;
    char *text = arena_alloc(&e->arena, len);
    if (text == NULL)
        return false;
    char *at = text;
    if (local.len > 0) {
        memcpy(at, local.ptr, local.len);
        at += local.len;
        *at++ = '@';
    }
    memcpy(at, host->name.ptr, host->name.len);
    at += host->name.len;
    if (resource.len > 0) {
        *at++ = '/';
        memcpy(at, resource.ptr, resource.len);
    }
    jid->text = text;
    jid->domain_len = (uint16_t)host->name.len;
    return true;
}

void route(struct engine *e, struct stanza *s, const struct origin *origin)
{
    const struct host_config *host = config_host(e->config, jid_domain(&s->to));
    if (host == NULL) {
        /* An error towards a stranger has nowhere to go. */
        if (config_component(e->config, jid_domain(&s->to)) != NULL)
            components_route(e, s, origin);
        else
            route_error(e, s, STANZA_REMOTE_SERVER_NOT_FOUND, SLICE_NONE, origin);
        return;
    }
    if (s->to.local_len == 0)
        deliver_host(e, host, s, origin); /* which answers under the name that it was asked by */
    else if (canonical(e, host, &s->to))
        route_account(e, s, origin);
    else
        route_error(e, s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, origin);
}

/* What a client sends to itself or to nobody is for its own account. */
static void route_own(struct engine *e, struct session *session, struct stanza *s,
                      const struct origin *origin)
{
    struct account *a = session->account;
    if (s->kind == STANZA_IQ && (s->type == TYPE_GET || s->type == TYPE_SET)) {
        iq_dispatch(e, s, a->host, a, session, origin);
        return;
    }
    if (s->kind == STANZA_IQ) {
        engine_settle(e, origin); /* an answer that nobody asked for (S05) */
        return;
    }
    if (!jid_some(&s->to))
        s->to = a->jid;
    account_receive(e, &a->jid, s, origin);
}

/* Payloads that only a server may send (V57, S14): the look of one's own server is not for sale. */
static bool forged(const struct stanza *s)
{
    if (s->kind != STANZA_IQ || s->type != TYPE_SET || s->to.resource_len == 0)
        return false;
    struct xml payload = xml_first_element(s->root);
    return slice_eq(xml_ns(payload), NS_ROSTER) ||
           slice_eq(xml_ns(payload), SLICE("urn:xmpp:blocking"));
}

/* Written by servers alone: what modules say, and the wrapper of a copy that one's own server made
 * (V58, S14; XEP-0280 section 11). */
static bool of_servers_alone(struct engine *e, struct xml child)
{
    bool copy = slice_eq(xml_ns(child), NS_CARBONS) &&
                (slice_is(xml_name(child), "received") || slice_is(xml_name(child), "sent"));
    return copy || hooks_forged(e, child);
}

/* What only a server may write in a message or presence goes (S15): the rest of the payload is
 * packed into own. */
static void relieve(struct engine *e, struct stanza *s, struct buf *own)
{
    struct xml child = xml_first_element(s->root);
    while (xml_some(child) && !of_servers_alone(e, child))
        child = xml_next_element(child);
    if (!xml_some(child))
        return;
    for (child = xml_first_element(s->root); xml_some(child); child = xml_next_element(child))
        if (!of_servers_alone(e, child))
            xml_write_node(own, child, NS_CLIENT);
    s->payload = buf_slice(own);
    s->packed = true;
}

/* Copies of a message that does not come to the account's other resources through its log
 * (XEP-0280). */
static void copies(struct engine *e, struct account *a, const struct stanza *s)
{
    struct log_entry entry = {.stanza = *s, .wall_ms = e->now.wall_ms};
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        enum role role = session->carbons ? follow_role(session, &entry) : ROLE_NONE;
        if (role == ROLE_RECEIVED || role == ROLE_SENT)
            session_send_copy(e, session, &entry, role);
    }
}

/* Copies of what a client sends, unless the account will find it in its log. */
static void copies_of_sent(struct engine *e, struct session *session, const struct stanza *s,
                           const struct host_config *host, const struct origin *origin)
{
    struct account *a = session->account;
    if (a->session_count == 1)
        return;
    bool own = host == a->host && slice_eq(jid_local(&s->to), jid_local(&a->jid));
    bool ours = host != NULL ? s->to.local_len > 0
                             : config_component(e->config, jid_domain(&s->to)) != NULL;
    bool logged = ours && origin->archive && s->type != TYPE_ERROR && keep_of(s) == KEEP_ARCHIVE;
    if (!own && !logged)
        copies(e, a, s);
}

static void route_checked(struct engine *e, struct session *session, struct stanza *s,
                          const struct origin *origin)
{
    enum stanza_error error = STANZA_OK;
    struct slice app = SLICE_NONE;
    if (hooks_check_outgoing(e, session, s, &error, &app) == VERDICT_REFUSE) {
        refuse(e, session, s, error, app, origin);
        return;
    }
    const struct host_config *host =
        jid_some(&s->to) ? config_host(e->config, jid_domain(&s->to)) : NULL;
    if (s->kind == STANZA_PRESENCE) {
        /* Whom one subscribes to or shows oneself to is known by one name alone. */
        if (host == NULL || canonical(e, host, &s->to))
            presence_from_session(e, session, s, origin);
        else
            route_error(e, s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, origin);
        return;
    }
    bool own = !jid_some(&s->to) || (s->to.resource_len == 0 && host == session->account->host &&
                                     slice_eq(jid_local(&s->to), jid_local(&session->jid)));
    if (own) {
        route_own(e, session, s, origin);
        return;
    }
    if (s->kind == STANZA_MESSAGE)
        copies_of_sent(e, session, s, host, origin);
    if (forged(s)) {
        session_log(e, session, LOG_WARNING, "stanza.spoof", "service-unavailable");
        route_error(e, s, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, origin);
        return;
    }
    route(e, s, origin);
}

void route_from_session(struct engine *e, struct session *session, struct stanza *s,
                        const struct origin *from)
{
    struct account *a = session->account;
    struct origin own_origin = *from, *origin = &own_origin;
    if (s->kind == STANZA_MESSAGE && a->host != NULL && a->host->archive)
        origin->archive = hooks_archive_wants(e, a, jid_some(&s->to) ? &s->to : &a->jid);
    if (a->work != NULL && subscribe_holds(e, a, s, origin))
        return;
    if (a->resend != NULL && resend_waits(e, session, s, origin))
        return;
    if (s->kind == STANZA_MESSAGE)
        trace_note(e, TRACE_RECEIVED, s->id, 0, jid_full(&session->jid));
    struct buf own = {0};
    if (s->kind != STANZA_IQ)
        relieve(e, s, &own);
    if (a->resend == NULL || !resend_repeats(e, a, s, origin))
        route_checked(e, session, s, origin);
    buf_free(&own);
}

void route_from_outside(struct engine *e, struct stanza *s, const struct origin *origin)
{
    struct buf own = {0};
    if (forged(s)) {
        route_error(e, s, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, origin);
        return;
    }
    if (s->kind != STANZA_IQ)
        relieve(e, s, &own);
    route(e, s, origin);
    buf_free(&own);
}

void deliver_host(struct engine *e, const struct host_config *host, struct stanza *s,
                  const struct origin *origin)
{
    if (s->kind == STANZA_IQ && (s->type == TYPE_GET || s->type == TYPE_SET)) {
        struct account *a = NULL;
        struct session *session = NULL;
        if (engine_owner(e, jid_bare(&s->from)) == e->shard)
            a = account_find(e, jid_bare(&s->from));
        if (a != NULL)
            session = session_find(a, jid_resource(&s->from));
        iq_dispatch(e, s, host, NULL, session, origin);
    } else if (s->kind == STANZA_MESSAGE) {
        route_error(e, s, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, origin);
    } else {
        if (s->kind == STANZA_IQ)
            ask_answered(e, s);
        engine_settle(e, origin);
    }
}

/* To every session with presence of priority 0 or more; the number that took it. */
static unsigned to_available(struct engine *e, struct account *a, const struct stanza *s)
{
    unsigned taken = 0;
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        if (session->available && session->priority >= 0 && session_send(e, session, s))
            taken++;
    }
    return taken;
}

/* No resource takes it (RFC 6121 sections 8.5.2.2, 8.5.3.2). Nobody is told that nobody saw someone
 * typing. */
static void message_undelivered(struct engine *e, struct stanza *s, const struct origin *origin)
{
    if (keep_of(s) == KEEP_SIGNAL)
        engine_settle(e, origin);
    else
        route_error(e, s, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, origin);
}

static void message_delivered(struct engine *e, struct account *a, const struct stanza *s,
                              const struct origin *origin)
{
    copies(e, a, s);
    e->counters.messages_delivered++;
    engine_settle(e, origin);
}

/* RFC 6121 sections 8.5.2.1.1, 8.5.2.2.1: to the bare JID. All resources with a priority of 0 or
 * more get a normal or chat message. */
static void message_to_bare(struct engine *e, struct account *a, struct stanza *s,
                            const struct origin *origin)
{
    switch (s->type) {
    case TYPE_GROUPCHAT:
        route_error(e, s, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, origin);
        return;
    case TYPE_ERROR:
        engine_settle(e, origin);
        return;
    case TYPE_HEADLINE:
        to_available(e, a, s);
        message_delivered(e, a, s, origin);
        return;
    default:
        if (to_available(e, a, s) > 0)
            message_delivered(e, a, s, origin);
        else
            message_undelivered(e, s, origin);
    }
}

/* Volatile messages keep their place behind what a client is reading from its log, unless it takes
 * nothing (L13, L14). */
static bool waits_for_log(const struct engine *e, const struct account *a, const struct stanza *s)
{
    struct log_entry entry = {.stanza = *s};
    for (const struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        const struct session *session =
            (const struct session *)((const char *)it - offsetof(struct session, link));
        bool behind = session->stream != NULL && !session->lags && follow_is_behind(session) &&
                      (session->sm == NULL || sm_has_room(e, session));
        if (behind && follow_role(session, &entry) == ROLE_MESSAGE)
            return true;
    }
    return false;
}

/* RFC 6121 sections 8.5.3.1 and 8.5.3.2.1: to a full JID. */
static void message_volatile(struct engine *e, struct account *a, struct stanza *s,
                             const struct origin *origin)
{
    struct session *session = s->to.resource_len > 0 ? session_find(a, jid_resource(&s->to)) : NULL;
    if (s->type != TYPE_ERROR && waits_for_log(e, a, s)) {
        account_park(e, a, s, origin);
        return;
    }
    if (s->to.resource_len == 0) {
        message_to_bare(e, a, s, origin);
    } else if (session != NULL) {
        if (session_send(e, session, s))
            message_delivered(e, a, s, origin);
        else
            message_undelivered(e, s, origin);
    } else if (s->type == TYPE_CHAT) {
        message_to_bare(e, a, s, origin);
    } else if (s->type == TYPE_ERROR) {
        copies(e, a, s); /* the others may want to know, though the one that wrote has gone */
        engine_settle(e, origin);
    } else if (s->type == TYPE_HEADLINE) {
        engine_settle(e, origin);
    } else {
        route_error(e, s, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE, origin);
    }
}

static void message_deliver(struct engine *e, struct account *a, struct stanza *s,
                            const struct origin *origin)
{
    e->counters.messages_in++;
    if (message_log_takes(a, s))
        message_log_write(e, a, s, origin);
    else
        message_volatile(e, a, s, origin);
}

/* RFC 6121 section 8.5.3.1: a request reaches a client only from whom it shows its presence to, by
 * subscription or directly; the server itself may always ask. */
static bool may_ask(const struct engine *e, const struct account *a, const struct session *session,
                    const struct jid *from)
{
    if (from->local_len == 0 && config_host(e->config, jid_domain(from)) != NULL)
        return true;
    return module_sees_presence(a, from) || session_shows_itself_to(session, from);
}

static void iq_deliver(struct engine *e, struct account *a, struct stanza *s,
                       const struct origin *origin)
{
    bool request = s->type == TYPE_GET || s->type == TYPE_SET;
    if (s->to.resource_len == 0) {
        if (request)
            iq_dispatch(e, s, a->host, a, NULL, origin);
        else
            engine_settle(e, origin);
        return;
    }
    struct session *session = session_find(a, jid_resource(&s->to));
    if (session != NULL && request && !may_ask(e, a, session, &s->from))
        session = NULL;
    if (session != NULL && session_send(e, session, s))
        engine_settle(e, origin);
    else
        route_error(e, s, session != NULL ? STANZA_RESOURCE_CONSTRAINT : STANZA_SERVICE_UNAVAILABLE,
                    SLICE_NONE, origin);
}

/* RFC 6121 section 8.5.1: no such user. */
static void deliver_to_absent(struct engine *e, struct account *a, struct stanza *s,
                              const struct origin *origin)
{
    bool failed = a->state == ACCOUNT_FAILED;
    bool request = s->kind == STANZA_IQ && (s->type == TYPE_GET || s->type == TYPE_SET);
    if (request && !failed && a->host != NULL && s->to.resource_len == 0) {
        iq_dispatch(e, s, a->host, a, NULL, origin);
    } else if (s->kind == STANZA_MESSAGE && s->type == TYPE_HEADLINE) {
        engine_settle(e, origin); /* as if somebody were there who is away */
    } else if (s->kind == STANZA_PRESENCE && s->type == TYPE_PROBE && !failed) {
        presence_send(e, a, &s->from, TYPE_UNSUBSCRIBED); /* RFC 6121 section 4.3.2 */
        engine_settle(e, origin);
    } else if (s->kind == STANZA_PRESENCE) {
        engine_settle(e, origin);
    } else {
        route_error(e, s, failed ? STANZA_RESOURCE_CONSTRAINT : STANZA_SERVICE_UNAVAILABLE,
                    SLICE_NONE, origin);
    }
}

void deliver(struct engine *e, struct account *a, struct stanza *s, const struct origin *origin)
{
    CHECK(a->state != ACCOUNT_LOADING);
    if (a->state != ACCOUNT_READY || a->host == NULL) {
        deliver_to_absent(e, a, s, origin);
        return;
    }
    enum stanza_error error = STANZA_OK;
    if (hooks_check_incoming(e, a, s, &error) == VERDICT_REFUSE) {
        route_error(e, s, error, SLICE_NONE, origin);
        return;
    }
    switch (s->kind) {
    case STANZA_MESSAGE:
        message_deliver(e, a, s, origin);
        break;
    case STANZA_PRESENCE:
        presence_deliver(e, a, s, origin);
        break;
    case STANZA_IQ:
        iq_deliver(e, a, s, origin);
        break;
    }
}

void module_route(struct engine *e, struct stanza *s)
{
    route(e, s, &NOBODY);
}

void module_route_error(struct engine *e, const struct stanza *s, enum stanza_error error,
                        const struct origin *origin)
{
    send_error(e, s, error, SLICE_NONE, SLICE_NONE, origin);
}

void module_push(struct engine *e, struct account *a, uint64_t interest, struct slice payload)
{
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        if ((session->interests & interest) != 0)
            session_push(e, session, payload);
    }
}

bool module_sees_presence(const struct account *a, const struct jid *who)
{
    if (a->state != ACCOUNT_READY)
        return false;
    const struct roster_item *item = roster_find(&a->roster, jid_bare(who));
    return jid_bare_eq(&a->jid, who) || (item != NULL && item->sub.from);
}

const struct subscription *module_subscription(const struct account *a, struct slice bare)
{
    const struct roster_item *item = roster_find(&a->roster, bare);
    return item != NULL ? &item->sub : NULL;
}
