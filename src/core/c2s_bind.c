/* Resource binding (RFC 6120 section 7). */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/login.h"
#include "core/module.h"
#include "core/router.h"

enum { RESOURCE_CHARS = 16 };

static void bind_error(struct c2s *s, const struct stanza *st, enum stanza_error error,
                       struct slice app)
{
    s->state = C2S_BINDABLE;
    stanza_write_error(&s->link->out, st, error, SLICE_NONE, app);
    c2s_written(s);
    s->link->ops->resume(s->link);
}

void c2s_session_replace(struct engine *e, struct session *old)
{
    session_log(e, old, LOG_INFO, "bind", "conflict");
    if (old->stream != NULL)
        c2s_end(old->stream, STREAM_CONFLICT, SLICE("replaced by a new connection"));
    else
        session_end(e, &old);
}

bool c2s_session_open(struct c2s *s, struct slice resource)
{
    struct engine *e = s->e;
    struct session *old = session_find(s->account, resource);
    if (old != NULL)
        c2s_session_replace(e, old);
    if (s->account->session_count >= e->config->limits.resources) {
        c2s_log(s, LOG_INFO, "bind.limit", "resource-constraint");
        return false;
    }
    s->session = session_new(e, s->account, s, resource);
    s->state = C2S_BOUND;
    c2s_alive_begin(s);
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "session.open");
    log_num(&l, "conn", (long long)s->link->conn);
    log_z(&l, "peer", s->link->peer);
    log_str(&l, "jid", jid_full(&s->session->jid));
    log_end(&l);
    return true;
}

static void bound(struct c2s *s, const struct stanza *st)
{
    struct buf payload = {0};
    struct xml_writer w;
    xml_writer_init(&w, &payload, NS_CLIENT);
    xml_open(&w, SLICE("bind"), NS_BIND);
    xml_leaf(&w, SLICE("jid"), SLICE_NONE, jid_full(&s->session->jid));
    xml_close(&w);
    struct stanza result = {
        .kind = STANZA_IQ,
        .type = TYPE_RESULT,
        .id = st->id,
        .payload = buf_slice(&payload),
        .packed = true,
    };
    stanza_write(&s->link->out, &result, NULL, SLICE_NONE);
    c2s_written(s);
    buf_free(&payload);
    c2s_entered(s);
    s->link->ops->resume(s->link);
}

/* The account is there: the resource is chosen. */
static void finish(struct c2s *s, const struct stanza *st, struct slice asked)
{
    struct account *a = s->account;
    if (a->state != ACCOUNT_READY || a->disabled) {
        bool failed = a->state == ACCOUNT_FAILED;
        c2s_error(s, failed ? STREAM_INTERNAL_SERVER_ERROR : STREAM_NOT_AUTHORIZED, SLICE_NONE,
                  SLICE_NONE);
        return;
    }
    char made[RESOURCE_CHARS] = {0};
    struct buf prepared = {0};
    struct slice resource = slice_of(made, sizeof(made));
    if (asked.len == 0) {
        rng_token(s->e->rng, made, sizeof(made));
    } else if (jid_prepare_resource(asked, &prepared) != 0) {
        bind_error(s, st, STANZA_BAD_REQUEST, SLICE_NONE);
        buf_free(&prepared);
        return;
    } else {
        resource = buf_slice(&prepared);
    }
    if (c2s_session_open(s, resource))
        bound(s, st);
    else
        bind_error(s, st, STANZA_RESOURCE_CONSTRAINT,
                   SLICE("<resource-limit-exceeded xmlns='urn:xmpp:errors'/>"));
    buf_free(&prepared);
}

void c2s_bind(struct c2s *s, struct xml x)
{
    struct stanza st;
    struct xml payload = xml_first_element(x);
    bool bind = xml_is(payload, NS_BIND, SLICE("bind"));
    if (!bind || !stanza_read(x, c2s_lang(s), &st)) {
        c2s_log(s, LOG_INFO, "stream.unauth", "not-authorized");
        c2s_error(s, STREAM_NOT_AUTHORIZED, SLICE("a resource must be bound first"), SLICE_NONE);
        return;
    }
    if (st.type != TYPE_SET || st.id.ptr == NULL) {
        bind_error(s, &st, STANZA_BAD_REQUEST, SLICE_NONE);
        return;
    }
    struct slice asked = xml_text(xml_child(payload, NS_BIND, SLICE("resource")));
    if (s->account->state == ACCOUNT_FAILED)
        (void)account_get(s->e, &s->entry->user); /* tries again */
    if (s->account->state != ACCOUNT_LOADING) {
        finish(s, &st, asked);
        return;
    }
    /* Waits: id, NUL, the resource asked for. */
    buf_clear(&s->entry->held);
    buf_add(&s->entry->held, st.id);
    buf_byte(&s->entry->held, '\0');
    buf_add(&s->entry->held, asked);
    s->state = C2S_BINDING;
    list_push(&account_work(s->account)->binding, &s->entry->binding);
}

void c2s_account_ready(struct c2s *s)
{
    if (s->entry->login != NULL) {
        login_account_ready(s);
        return;
    }
    if (s->state == C2S_RESUMING) {
        c2s_sm_account_ready(s);
        return;
    }
    struct buf held = s->entry->held;
    s->entry->held = (struct buf){0};
    struct slice all = buf_slice(&held);
    size_t end = slice_find(all, '\0');
    struct stanza st = {
        .kind = STANZA_IQ, .type = TYPE_SET, .id = slice_of(all.ptr, end), .packed = true};
    finish(s, &st, slice_from(all, end + 1));
    buf_free(&held);
}

/* After the bind: binding again is not allowed, the session of RFC 3921 is granted (A09). */
static void bind_again(struct iq *iq)
{
    iq_error(iq, STANZA_NOT_ALLOWED);
}

static const struct module_iq STREAM_IQS[] = {
    {"urn:ietf:params:xml:ns:xmpp-bind", "bind", IQ_SELF | IQ_HOST, IQ_SET | IQ_GET, bind_again},
    {"urn:ietf:params:xml:ns:xmpp-session", "session", IQ_SELF | IQ_HOST, IQ_SET, iq_result},
    {0},
};

const struct module STREAM_MODULE = {
    .name = "stream",
    .summary = "resource binding (RFC 6120) and the old session request (RFC 3921)",
    .iqs = STREAM_IQS,
};
