/* The administrator's commands about sessions. */
#include "base/check.h"
#include "core/admin_inside.h"
#include "core/c2s.h"
#include "core/session.h"
#include "xmpp/ns.h"

enum { PAGE = 1000 };

static const char NO_SESSION[] = "there is no such session";

/* show and status of the last presence, as the client sent it. */
static void presence(struct admin_request *r, const struct session *s, bool status)
{
    struct stanza st = {.kind = STANZA_PRESENCE,
                        .type = TYPE_AVAILABLE,
                        .from = s->jid,
                        .payload = session_presence(s),
                        .packed = true};
    struct xml_tree *tree = NULL;
    if (s->available && s->presence != NULL)
        (void)stanza_unpack(&st, &tree);
    struct slice show = xml_text(xml_child(st.root, NS_CLIENT, SLICE("show")));
    struct slice said = xml_text(xml_child(st.root, NS_CLIENT, SLICE("status")));
    if (!s->available)
        show = SLICE("none");
    else if (show.len == 0)
        show = SLICE("available");
    admin_row_text(r, "presence", show);
    if (status && said.len > 0)
        admin_row_text(r, "status", said);
    xml_tree_free(&tree);
}

static void row(struct engine *e, struct admin_request *r, const struct session *s, bool whole)
{
    const struct link *l = s->stream != NULL ? s->stream->link : NULL;
    struct slice state = s->lags ? SLICE("lagging") : SLICE("online");
    admin_row_begin(r);
    admin_row_text(r, "jid", jid_full(&s->jid));
    admin_row_text(r, "state", l != NULL ? state : SLICE("hibernating"));
    presence(r, s, whole);
    if (s->available)
        admin_row_number(r, "priority", s->priority);
    admin_row_text(r, "peer", l != NULL ? slice_z(l->peer) : SLICE("none"));
    char tls[64] = "";
    bool secure = l != NULL && l->secure;
    if (secure && l->ops->describe_tls != NULL)
        l->ops->describe_tls(l, tls, sizeof(tls));
    admin_row_text(r, "tls", secure ? slice_z(tls) : SLICE("none"));
    admin_row_time(r, "since", s->since_ms);
    if (whole) {
        admin_row_number(r, "shard", e->shard);
        admin_row_number(r, "queue_bytes", (long long)session_backlog(s));
    }
    admin_row_end(r);
}

static struct account *account_of(struct engine *e, const struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    return account_find(e, jid_bare(&jid));
}

/* All sessions of this shard, a page at a time. */
static void list_all(struct engine *e, struct admin_request *r)
{
    uint32_t at = 0, n = 0;
    if (buf_len(&r->cursor) == sizeof(at))
        memcpy(&at, buf_slice(&r->cursor).ptr, sizeof(at));
    for (; at < e->sessions.count && n < PAGE; at++) {
        const struct session *s = e->sessions.slots[at].object;
        if (s == NULL)
            continue;
        row(e, r, s, false);
        n++;
    }
    buf_clear(&r->cursor);
    if (at < e->sessions.count) {
        buf_append(&r->cursor, &at, sizeof(at));
        admin_return(e, r, e->shard);
    } else if (admin_last_shard(e, r)) {
        admin_return(e, r, ADMIN_NOWHERE);
    }
}

static void list(struct engine *e, struct admin_request *r)
{
    if (buf_len(&r->address) == 0) {
        list_all(e, r);
        return;
    }
    struct account *a = account_of(e, r);
    if (a != NULL)
        LIST_EACH(it, &a->sessions)
        {
            row(e, r, CONTAINER_OF(it, struct session, link), false);
        }
    admin_return(e, r, ADMIN_NOWHERE);
}

static struct session *session_of(struct engine *e, const struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    const struct account *a = account_of(e, r);
    return a != NULL && jid.resource_len > 0 ? session_find(a, jid_resource(&jid)) : NULL;
}

static void show(struct engine *e, struct admin_request *r)
{
    const struct session *s = session_of(e, r);
    if (s == NULL) {
        admin_fail(e, r, ADMIN_FAILED, NO_SESSION);
        return;
    }
    row(e, r, s, true);
    admin_return(e, r, ADMIN_NOWHERE);
}

static void kick_one(struct engine *e, struct admin_request *r, struct session *s)
{
    admin_row_begin(r);
    admin_row_text(r, "jid", jid_full(&s->jid));
    admin_row_end(r);
    session_log(e, s, LOG_INFO, "session.kick", "policy-violation");
    if (s->stream != NULL)
        c2s_end(s->stream, STREAM_POLICY_VIOLATION, SLICE("ended by the administrator"));
    else
        session_end(e, &s);
}

static void kick(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    struct account *a = account_of(e, r);
    unsigned n = 0;
    if (a != NULL)
        LIST_EACH(it, &a->sessions)
        {
            struct session *s = CONTAINER_OF(it, struct session, link);
            if (jid.resource_len > 0 && !slice_eq(jid_resource(&jid), jid_resource(&s->jid)))
                continue;
            kick_one(e, r, s);
            n++;
        }
    if (n > 0)
        admin_return(e, r, ADMIN_NOWHERE);
    else
        admin_fail(e, r, ADMIN_FAILED, NO_SESSION);
}

const struct admin_command ADMIN_SESSION_COMMANDS[] = {
    {.name = "session list", .address = ADMIN_MAYBE, .at_owner = true, .serve = list},
    {.name = "session show", .address = ADMIN_FULL, .at_owner = true, .serve = show},
    {.name = "session kick", .address = ADMIN_EITHER, .at_owner = true, .serve = kick},
    {0},
};
