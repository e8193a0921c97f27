/* The stream of a client: its life, and the table of what is legal when (RFC 6120 sections 4 to 7).
 */
#include "core/c2s.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/hooks.h"
#include "core/login.h"
#include "core/router.h"
#include "core/sm.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

enum element {
    EL_STARTTLS,
    EL_AUTH,
    EL_RESPONSE,
    EL_ABORT,
    EL_AUTHENTICATE, /* the rest of XEP-0388 */
    EL_RESPONSE2,
    EL_ABORT2,
    EL_NEXT,
    EL_TASK_DATA,
    EL_CSI,
    EL_SM,
    EL_IQ,
    EL_STANZA,
    EL_UNKNOWN,
    ELEMENTS
};

enum action {
    ACT_NONE, /* cannot happen: the stream is not fed in this state */
    ACT_STARTTLS,
    ACT_AUTH,
    ACT_RESPONSE,
    ACT_ABORT,
    ACT_AUTHENTICATE,
    ACT_NEXT,
    ACT_TASK_DATA,
    ACT_TASK_ABORT,
    ACT_REGISTER,
    ACT_BIND,
    ACT_STANZA,
    ACT_CSI,
    ACT_SM,
    ACT_UNAUTHORIZED, /* not-authorized */
    ACT_UNEXPECTED,   /* unsupported-stanza-type */
};

/* XEP-0388 where it has no place. Its exchanges and those of RFC 6120 do not mix. */
#define NO_SASL2                                                                                   \
    [EL_AUTHENTICATE] = ACT_UNEXPECTED, [EL_RESPONSE2] = ACT_UNEXPECTED,                           \
    [EL_ABORT2] = ACT_UNEXPECTED, [EL_NEXT] = ACT_UNEXPECTED, [EL_TASK_DATA] = ACT_UNEXPECTED

/* What each element does in each state that is fed with elements; all else is ACT_NONE. */
static const enum action TABLE[C2S_STATES][ELEMENTS] = {
    [C2S_NEGOTIATING] = {[EL_STARTTLS] = ACT_STARTTLS,
                         [EL_AUTH] = ACT_AUTH,
                         [EL_RESPONSE] = ACT_RESPONSE,
                         [EL_ABORT] = ACT_ABORT,
                         [EL_AUTHENTICATE] = ACT_AUTHENTICATE,
                         [EL_RESPONSE2] = ACT_UNEXPECTED,
                         [EL_ABORT2] = ACT_UNEXPECTED,
                         [EL_NEXT] = ACT_UNEXPECTED,
                         [EL_TASK_DATA] = ACT_UNEXPECTED,
                         [EL_CSI] = ACT_UNEXPECTED,
                         [EL_SM] = ACT_SM,
                         [EL_IQ] = ACT_REGISTER,
                         [EL_STANZA] = ACT_UNAUTHORIZED,
                         [EL_UNKNOWN] = ACT_UNEXPECTED},
    [C2S_SASL] = {[EL_STARTTLS] = ACT_UNEXPECTED,
                  [EL_AUTH] = ACT_AUTH,
                  [EL_RESPONSE] = ACT_RESPONSE,
                  [EL_ABORT] = ACT_ABORT,
                  NO_SASL2,
                  [EL_CSI] = ACT_UNEXPECTED,
                  [EL_SM] = ACT_SM,
                  [EL_IQ] = ACT_UNAUTHORIZED,
                  [EL_STANZA] = ACT_UNAUTHORIZED,
                  [EL_UNKNOWN] = ACT_UNEXPECTED},
    [C2S_SASL2] = {[EL_STARTTLS] = ACT_UNEXPECTED,
                   [EL_AUTH] = ACT_UNEXPECTED,
                   [EL_RESPONSE] = ACT_UNEXPECTED,
                   [EL_ABORT] = ACT_UNEXPECTED,
                   [EL_AUTHENTICATE] = ACT_UNEXPECTED,
                   [EL_RESPONSE2] = ACT_RESPONSE,
                   [EL_ABORT2] = ACT_ABORT,
                   [EL_NEXT] = ACT_UNEXPECTED,
                   [EL_TASK_DATA] = ACT_UNEXPECTED,
                   [EL_CSI] = ACT_UNEXPECTED,
                   [EL_SM] = ACT_SM,
                   [EL_IQ] = ACT_UNAUTHORIZED,
                   [EL_STANZA] = ACT_UNAUTHORIZED,
                   [EL_UNKNOWN] = ACT_UNEXPECTED},
    [C2S_TASK] = {[EL_STARTTLS] = ACT_UNEXPECTED,
                  [EL_AUTH] = ACT_UNEXPECTED,
                  [EL_RESPONSE] = ACT_UNEXPECTED,
                  [EL_ABORT] = ACT_UNEXPECTED,
                  [EL_AUTHENTICATE] = ACT_UNEXPECTED,
                  [EL_RESPONSE2] = ACT_UNEXPECTED,
                  [EL_ABORT2] = ACT_TASK_ABORT,
                  [EL_NEXT] = ACT_NEXT,
                  [EL_TASK_DATA] = ACT_TASK_DATA,
                  [EL_CSI] = ACT_UNEXPECTED,
                  [EL_SM] = ACT_SM,
                  [EL_IQ] = ACT_UNAUTHORIZED,
                  [EL_STANZA] = ACT_UNAUTHORIZED,
                  [EL_UNKNOWN] = ACT_UNEXPECTED},
    [C2S_BINDABLE] = {[EL_STARTTLS] = ACT_UNEXPECTED,
                      [EL_AUTH] = ACT_UNEXPECTED,
                      [EL_RESPONSE] = ACT_UNEXPECTED,
                      [EL_ABORT] = ACT_UNEXPECTED,
                      NO_SASL2,
                      [EL_CSI] = ACT_UNEXPECTED,
                      [EL_SM] = ACT_SM,
                      [EL_IQ] = ACT_BIND,
                      [EL_STANZA] = ACT_UNAUTHORIZED,
                      [EL_UNKNOWN] = ACT_UNEXPECTED},
    [C2S_BOUND] = {[EL_CSI] = ACT_CSI,
                   [EL_STARTTLS] = ACT_UNEXPECTED,
                   [EL_AUTH] = ACT_UNEXPECTED,
                   [EL_RESPONSE] = ACT_UNEXPECTED,
                   [EL_ABORT] = ACT_UNEXPECTED,
                   NO_SASL2,
                   [EL_SM] = ACT_SM,
                   [EL_IQ] = ACT_STANZA,
                   [EL_STANZA] = ACT_STANZA,
                   [EL_UNKNOWN] = ACT_UNEXPECTED},
};

static void deadline_passed(struct timer *t, void *ctx)
{
    (void)ctx;
    struct c2s *s = CONTAINER_OF(t, struct c2s, deadline);
    c2s_log(s, LOG_INFO, "conn.deadline", "connection-timeout");
    c2s_error(s, STREAM_CONNECTION_TIMEOUT, SLICE("the login took too long"), SLICE_NONE);
}

static void delay_passed(struct timer *t, void *ctx)
{
    (void)ctx;
    c2s_auth_delayed(CONTAINER_OF(t, struct c2s_entry, delay)->stream);
}

struct c2s *c2s_new(struct engine *e, struct link *link)
{
    struct c2s *s = mem_new(struct c2s);
    s->base.ops = &C2S_STREAM;
    s->e = e;
    s->link = link;
    s->handle = handle_new(&e->streams, s);
    s->deadline.fire = deadline_passed;
    s->entry = mem_new(struct c2s_entry);
    s->entry->stream = s;
    s->entry->delay.fire = delay_passed;
    s->entry->deadline_ms = e->now.mono_ms + e->config->limits.login_ms;
    timer_set(&e->timers, &s->deadline, s->entry->deadline_ms);
    e->counters.streams_opened++;
    return s;
}

/* What is under way in it ends. */
static void stop_entry(struct c2s *s)
{
    struct c2s_entry *n = s->entry;
    if (n == NULL)
        return;
    list_remove(&n->binding);
    flow_cancel(s->e, n->flow);
    n->flow = 0;
    timer_stop(&n->delay);
    sasl_server_free(&n->sasl);
    login_free(&n->login);
    if (n->module_data != NULL)
        hooks_signup(s->e)->free(s, n->module_data);
    n->module_data = NULL;
    mem_wipe(n->held.ptr, n->held.cap);
    buf_free(&n->held);
}

static void free_entry(struct c2s *s)
{
    struct c2s_entry *n = s->entry;
    if (n == NULL)
        return;
    stop_entry(s);
    mem_free((void *)(uintptr_t)n->host_asked.ptr);
    mem_free((void *)(uintptr_t)n->from.ptr);
    mem_free((void *)(uintptr_t)n->user.text);
    mem_free(n);
    s->entry = NULL;
}

void c2s_entered(struct c2s *s)
{
    CHECK(s->state == C2S_BOUND || s->state == C2S_CLOSED);
    free_entry(s);
}

/* What the stream held for its session and its login goes; the link stays. */
static void let_go(struct c2s *s)
{
    struct engine *e = s->e;
    stop_entry(s);
    session_leave(e, &s->session);
    if (s->account != NULL)
        account_release(e, s->account);
    s->account = NULL;
    timer_stop(&s->deadline);
}

void c2s_free(struct c2s **stream)
{
    struct c2s *s = *stream;
    if (s == NULL)
        return;
    *stream = NULL;
    let_go(s);
    free_entry(s);
    handle_drop(&s->e->streams, s->handle);
    mem_free(s->lang);
    mem_free(s);
}

static bool has_credit(const struct c2s *s)
{
    return (s->session->sm == NULL || sm_has_window(s->session)) &&
           s->session->unsettled < s->e->config->limits.credit_stanzas &&
           s->session->unsettled_bytes < s->e->config->limits.credit_bytes;
}

bool c2s_can_read(const struct c2s *s)
{
    switch (s->state) {
    case C2S_SASL_WAIT:
    case C2S_MOVING:
    case C2S_BINDING:
    case C2S_ENTERING:
    case C2S_RESUMING:
    case C2S_REGISTERING:
    case C2S_CLOSED:
        return false;
    default:
        return s->holds == 0 && (s->session == NULL || has_credit(s));
    }
}

void c2s_hold(struct c2s *s)
{
    s->holds++;
}

void c2s_unhold(struct c2s *s)
{
    CHECK(s->holds > 0);
    if (--s->holds == 0 && c2s_can_read(s))
        s->link->ops->resume(s->link);
}

uint32_t c2s_take_tokens(struct c2s *s, size_t n)
{
    const struct limits *l = &s->e->config->limits;
    s->heard_ms = s->e->now.mono_ms;
    s->heard = true;
    if (!l->rate || l->rate_bytes_per_s == 0 || s->session == NULL)
        return 0;
    return stream_take_tokens(&s->spent_until_ms, s->e->now.mono_ms, n, l->rate_bytes_per_s,
                              l->rate_burst_bytes);
}

static enum element element_of(struct xml x)
{
    struct slice ns = xml_ns(x), name = xml_name(x);
    if (slice_eq(ns, NS_CLIENT)) {
        if (slice_is(name, "iq"))
            return EL_IQ;
        bool stanza = slice_is(name, "message") || slice_is(name, "presence");
        return stanza ? EL_STANZA : EL_UNKNOWN;
    }
    if (slice_eq(ns, NS_SASL))
        return slice_is(name, "auth")       ? EL_AUTH
               : slice_is(name, "response") ? EL_RESPONSE
               : slice_is(name, "abort")    ? EL_ABORT
                                            : EL_UNKNOWN;
    if (slice_eq(ns, NS_SASL2))
        return slice_is(name, "authenticate") ? EL_AUTHENTICATE
               : slice_is(name, "response")   ? EL_RESPONSE2
               : slice_is(name, "abort")      ? EL_ABORT2
               : slice_is(name, "next")       ? EL_NEXT
               : slice_is(name, "task-data")  ? EL_TASK_DATA
                                              : EL_UNKNOWN;
    if (slice_eq(ns, NS_SM))
        return EL_SM;
    if (slice_eq(ns, NS_TLS) && slice_is(name, "starttls"))
        return EL_STARTTLS;
    if (slice_eq(ns, NS_CSI) && (slice_is(name, "active") || slice_is(name, "inactive")))
        return EL_CSI;
    return EL_UNKNOWN;
}

static void register_iq(struct c2s *s, struct xml x)
{
    struct stanza st;
    struct xml payload = xml_first_element(x);
    const struct signup_hook *signup = hooks_signup(s->e);
    if (signup == NULL || !slice_eq(xml_ns(payload), NS_REGISTER) ||
        !stanza_read(x, c2s_lang(s), &st)) {
        c2s_log(s, LOG_INFO, "stream.unauth", "not-authorized");
        c2s_error(s, STREAM_NOT_AUTHORIZED, SLICE_NONE, SLICE_NONE);
        return;
    }
    signup->iq(s, &st);
}

void c2s_element(struct c2s *s, struct xml root, size_t bytes)
{
    enum element el = element_of(root);
    enum action action = TABLE[s->state][el];
    /* Where TLS is demanded nothing but the way to it is legal (V30). */
    bool too_early =
        s->link->require_tls && !s->link->secure && action != ACT_STARTTLS && action != ACT_AUTH;
    if (too_early) {
        c2s_log(s, LOG_INFO, "stream.unexpected", "policy-violation");
        c2s_error(s, STREAM_POLICY_VIOLATION, SLICE("TLS is required first"), SLICE_NONE);
        return;
    }
    switch (action) {
    case ACT_STARTTLS:
        c2s_starttls(s, root);
        break;
    case ACT_AUTH:
        c2s_auth(s, root);
        break;
    case ACT_RESPONSE:
        c2s_auth_response(s, root);
        break;
    case ACT_ABORT:
        c2s_auth_abort(s, root);
        break;
    case ACT_AUTHENTICATE:
        login_begin(s, root);
        break;
    case ACT_NEXT:
        login_next(s, root);
        break;
    case ACT_TASK_DATA:
        login_task_data(s, root);
        break;
    case ACT_TASK_ABORT:
        login_task_abort(s);
        break;
    case ACT_REGISTER:
        register_iq(s, root);
        break;
    case ACT_BIND:
        c2s_bind(s, root);
        break;
    case ACT_STANZA:
        c2s_stanza(s, root, bytes);
        break;
    case ACT_CSI:
        session_set_inactive(s->e, s->session, slice_is(xml_name(root), "inactive"));
        break;
    case ACT_SM:
        c2s_sm(s, root);
        break;
    case ACT_UNAUTHORIZED:
        c2s_log(s, LOG_INFO, "stream.unauth", "not-authorized");
        c2s_error(s, STREAM_NOT_AUTHORIZED, SLICE_NONE, SLICE_NONE);
        break;
    case ACT_UNEXPECTED:
        c2s_log(s, LOG_INFO, "stream.unexpected", "unsupported-stanza-type");
        c2s_error(s, STREAM_UNSUPPORTED_STANZA_TYPE, SLICE_NONE, SLICE_NONE);
        break;
    case ACT_NONE:
        UNREACHABLE();
    }
    arena_reset(&s->e->arena);
}

void c2s_error(struct c2s *s, enum stream_error error, struct slice text, struct slice app)
{
    if (s->state == C2S_CLOSED)
        return;
    if (!s->header_sent)
        c2s_write_header(s);
    stream_write_error(&s->link->out, error, text, app);
    c2s_written(s);
    s->state = C2S_CLOSED;
    let_go(s);
    s->link->ops->close(s->link);
}

void c2s_end(struct c2s *s, enum stream_error error, struct slice text)
{
    struct session *session = s->session;
    s->session = NULL;
    c2s_error(s, error, text, SLICE_NONE);
    session_end(s->e, &session);
}

void c2s_closed_by_peer(struct c2s *s)
{
    if (s->state == C2S_CLOSED)
        return;
    buf_lit(&s->link->out, "</stream:stream>");
    c2s_written(s);
    if (s->session != NULL)
        c2s_log(s, LOG_INFO, "session.close", NULL);
    s->state = C2S_CLOSED;
    if (s->session != NULL && s->session->sm != NULL)
        s->session->sm->clean = true;
    session_end(s->e, &s->session);
    let_go(s);
    s->link->ops->close(s->link);
}

void c2s_lost(struct c2s *s)
{
    if (s->state == C2S_CLOSED)
        return;
    c2s_log(s, LOG_INFO, "conn.reset", NULL);
    s->state = C2S_CLOSED;
    let_go(s);
}

void c2s_bad_xml(struct c2s *s, enum xml_error error, struct slice first_bytes)
{
    struct slice app;
    const char *event;
    enum stream_error name = stream_error_of_xml(error, !s->header_sent, first_bytes, &app, &event);
    c2s_log(s, LOG_INFO, event, stream_error_name(name).ptr);
    c2s_error(s, name, SLICE_NONE, app);
}

void c2s_injected(struct c2s *s)
{
    c2s_log(s, LOG_WARNING, "tls.injection", "policy-violation");
    c2s_error(s, STREAM_POLICY_VIOLATION, SLICE("data behind starttls"), SLICE_NONE);
}

void c2s_drained(struct c2s *s)
{
    if (s->session != NULL)
        session_drained(s->e, s->session);
}

void c2s_written(struct c2s *s)
{
    s->link->ops->dirty(s->link);
}

/* Timers and lists belong to an engine: off the old one, onto the new one. */
void c2s_detach(struct c2s *s)
{
    CHECK(s->state == C2S_MOVING && s->session == NULL && s->entry->flow == 0);
    timer_stop(&s->deadline);
    timer_stop(&s->entry->delay);
    handle_drop(&s->e->streams, s->handle);
    s->e = NULL;
}

void c2s_attach(struct c2s *s, struct engine *e)
{
    s->e = e;
    s->handle = handle_new(&e->streams, s);
    timer_set(&e->timers, &s->deadline, s->entry->deadline_ms);
    s->entry->host = config_host(e->config, s->entry->host_asked);
    if (s->entry->host == NULL)
        c2s_error(s, STREAM_HOST_GONE, SLICE_NONE, SLICE_NONE);
    else if (e->stopping)
        c2s_error(s, STREAM_SYSTEM_SHUTDOWN, SLICE_NONE, SLICE_NONE);
    else
        c2s_arrived(s);
}

void c2s_rehost(struct c2s *s)
{
    if (s->state == C2S_CLOSED || (s->entry != NULL && s->entry->host == NULL))
        return;
    if (s->entry != NULL)
        s->entry->host = config_host(s->e->config, s->entry->host_asked);
    if (c2s_host(s) == NULL) {
        c2s_log(s, LOG_INFO, "host.gone", "host-gone");
        c2s_end(s, STREAM_HOST_GONE, SLICE_NONE);
    }
}

bool c2s_authenticated(const struct c2s *s)
{
    return s->authenticated;
}

struct jid c2s_user(const struct c2s *s)
{
    return s->account != NULL ? s->account->jid : s->entry != NULL ? s->entry->user : JID_NONE;
}

struct slice c2s_lang(const struct c2s *s)
{
    return slice_z(s->lang);
}

const struct host_config *c2s_host(const struct c2s *s)
{
    return s->entry != NULL ? s->entry->host : s->account != NULL ? s->account->host : NULL;
}

bool c2s_secure(const struct c2s *s)
{
    return s->link->secure;
}

void c2s_binding(const struct c2s *s, struct sasl_binding *out, uint8_t scratch[SASL_BINDING_BYTES])
{
    s->link->ops->binding(s->link, out, scratch);
}

void c2s_log(const struct c2s *s, enum log_level level, const char *event, const char *cond)
{
    struct log_line l;
    log_begin(&l, s->e->log, level, event);
    log_num(&l, "conn", (long long)s->link->conn);
    log_z(&l, "peer", s->link->peer);
    struct jid user = c2s_user(s);
    log_str(&l, "jid", jid_some(&user) ? jid_bare(&user) : SLICE("-"));
    if (cond != NULL)
        log_z(&l, "cond", cond);
    log_end(&l);
}
