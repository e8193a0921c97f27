/* The elements of stream management on a client's stream (XEP-0198 version 1.6.3, sections 3 to 6).
 */
#include "core/c2s.h"
#include "core/hooks.h"
#include "core/sm.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

/* A count, 0 to 2^32 - 1. */
bool sm_read_h(struct slice text, uint32_t *out)
{
    unsigned long long value;
    if (!slice_to_u64(text, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

void sm_write_failed(struct buf *out, enum stanza_error error, const uint32_t *h)
{
    buf_lit(out, "<failed xmlns='urn:xmpp:sm:3'");
    if (h != NULL)
        buf_printf(out, " h='%u'", *h);
    struct slice name = stanza_error_name(error);
    buf_printf(out, "><%.*s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
               SLICE_ARG(name));
}

static void fail(struct c2s *s, enum stanza_error error)
{
    c2s_log(s, LOG_INFO, "sm.fail", stanza_error_name(error).ptr);
    sm_write_failed(&s->link->out, error, NULL);
    c2s_written(s);
}

static bool is_true(struct slice value)
{
    return slice_is(value, "true") || slice_is(value, "1");
}

/* L15, or what the client asks for when it is less. */
static uint32_t resume_time(const struct engine *e, struct xml x)
{
    unsigned long long seconds;
    uint32_t ms = e->config->limits.sm_resume_ms;
    if (!is_true(xml_attr(x, SLICE("resume"))))
        return 0;
    if (slice_to_u64(xml_attr(x, SLICE("max")), &seconds) && seconds > 0 && seconds < ms / 1000)
        ms = (uint32_t)seconds * 1000;
    return ms;
}

bool sm_enable(struct c2s *s, struct xml x, struct buf *out)
{
    struct engine *e = s->e;
    struct session *session = s->session;
    enum stanza_error error = STANZA_OK;
    if (e->region == NULL)
        engine_own_region(e);
    if (session->sm != NULL)
        error = STANZA_UNEXPECTED_REQUEST;
    else if (!sm_begin(e, session, resume_time(e, x)))
        error = STANZA_RESOURCE_CONSTRAINT;
    if (error != STANZA_OK) {
        c2s_log(s, LOG_INFO, "sm.fail", stanza_error_name(error).ptr);
        sm_write_failed(out, error, NULL);
        return false;
    }
    buf_lit(out, "<enabled xmlns='urn:xmpp:sm:3'");
    if (session->sm->resume_ms > 0) {
        char id[SM_ID_CHARS];
        sm_id(e, session, id);
        buf_printf(out, " id='%.*s' resume='true' max='%u'", (int)sizeof(id), id,
                   session->sm->resume_ms / 1000);
    }
    buf_lit(out, "/>");
    return true;
}

void c2s_sm_tell(struct c2s *s)
{
    uint32_t h = sm_handled(s->session);
    sm_told(s->e, s->session, h);
    resend_told(s->e, s->session->sm, h);
    buf_printf(&s->link->out, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", h);
    c2s_written(s);
}

void c2s_sm_ask(struct c2s *s)
{
    s->session->sm->asked = true;
    buf_lit(&s->link->out, "<r xmlns='urn:xmpp:sm:3'/>");
    c2s_written(s);
    c2s_asked(s);
}

static void asked(struct c2s *s)
{
    if (sm_asked(s->e, s->session))
        c2s_sm_tell(s);
}

static void bad_h(struct c2s *s)
{
    c2s_log(s, LOG_INFO, "sm.bad_h", "invalid-xml");
    c2s_error(s, STREAM_INVALID_XML, SLICE("h is no count"), SLICE_NONE);
}

static void too_high(struct c2s *s, uint32_t h)
{
    struct buf app = {0};
    buf_printf(&app, "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='%u' send-count='%u'/>", h,
               sm_sent_count(s->e, s->session));
    c2s_log(s, LOG_INFO, "sm.bad_h", "undefined-condition");
    c2s_error(s, STREAM_UNDEFINED_CONDITION, SLICE("that many stanzas were not sent"),
              buf_slice(&app));
    buf_free(&app);
}

static void acknowledged(struct c2s *s, struct xml x)
{
    struct engine *e = s->e;
    struct session *session = s->session;
    struct sm *sm = session->sm;
    uint32_t h, before = sm->counters->out_h;
    size_t half = e->config->limits.sm_stanzas / 2, room = sm_room(e, session);
    if (!sm_read_h(xml_attr(x, SLICE("h")), &h)) {
        bad_h(s);
        return;
    }
    if (!sm_acknowledged(e, session, h)) {
        too_high(s, h);
        return;
    }
    sm->asked = false;
    c2s_answered(s);
    follow_go_on(e, session);
    if (room <= half && sm_room(e, session) > half)
        hooks_session_drained(e, session);
    /* One question per round trip, as long as it brings something. */
    if (sm->counters->out_h != before && sm_sent_count(e, session) != sm->counters->out_h)
        sm_ask(e, session);
}

/* The account is there. */
static void resume(struct c2s *s, struct xml x)
{
    struct account *a = s->account;
    struct buf reply = {0};
    if (a->state != ACCOUNT_READY || a->disabled) {
        bool failed = a->state == ACCOUNT_FAILED;
        c2s_error(s, failed ? STREAM_INTERNAL_SERVER_ERROR : STREAM_NOT_AUTHORIZED, SLICE_NONE,
                  SLICE_NONE);
        return;
    }
    enum sm_resumption result = sm_resume(s, x, &reply);
    if (result == SM_WAITS)
        s->state = C2S_RESUMING;
    else
        c2s_sm_resumed(s, result, buf_slice(&reply));
    buf_free(&reply);
}

void c2s_sm_resumed(struct c2s *s, enum sm_resumption result, struct slice reply)
{
    buf_add(&s->link->out, reply);
    c2s_written(s);
    s->state = result == SM_FAILED ? C2S_BINDABLE : C2S_BOUND;
    if (result == SM_RESUMED)
        c2s_entered(s);
    if (result == SM_RESUMED)
        sm_replay(s->e, s->session);
    s->link->ops->resume(s->link);
}

static void resume_or_wait(struct c2s *s, struct xml x)
{
    if (s->account->state == ACCOUNT_FAILED || s->account->state == ACCOUNT_LOADING)
        (void)account_get(s->e, &s->entry->user); /* tries again; now */
    bool loading = s->account->state == ACCOUNT_LOADING;
    if (!loading && s->e->saved_flows == 0) {
        resume(s, x);
        return;
    }
    buf_clear(&s->entry->held);
    xml_write_node(&s->entry->held, x, NS_CLIENT);
    s->state = C2S_RESUMING;
    list_push(loading ? &account_work(s->account)->binding : &s->e->waiting, &s->entry->binding);
}

void c2s_sm_account_ready(struct c2s *s)
{
    struct buf held = s->entry->held;
    struct xml_tree *tree = NULL;
    s->entry->held = (struct buf){0};
    if (xml_parse(buf_slice(&held), NS_CLIENT, &XML_LIMITS_C2S, &tree) == XML_OK)
        resume_or_wait(s, xml_root(tree));
    else
        c2s_error(s, STREAM_RESOURCE_CONSTRAINT, SLICE_NONE, SLICE_NONE);
    xml_tree_free(&tree);
    buf_free(&held);
}

void c2s_sm(struct c2s *s, struct xml x)
{
    struct slice name = xml_name(x);
    bool bound = s->state == C2S_BOUND, managed = bound && s->session->sm != NULL;
    if (slice_is(name, "enable") && bound) {
        (void)sm_enable(s, x, &s->link->out);
        c2s_written(s);
    } else if (slice_is(name, "resume") && s->state == C2S_BINDABLE) {
        resume_or_wait(s, x);
    } else if (slice_is(name, "r") && managed) {
        asked(s);
    } else if (slice_is(name, "a") && managed) {
        acknowledged(s, x);
    } else if (slice_is(name, "enable") || slice_is(name, "resume") || slice_is(name, "r") ||
               slice_is(name, "a")) {
        fail(s, STANZA_UNEXPECTED_REQUEST);
    } else {
        c2s_log(s, LOG_INFO, "stream.unexpected", "unsupported-stanza-type");
        c2s_error(s, STREAM_UNSUPPORTED_STANZA_TYPE, SLICE_NONE, SLICE_NONE);
    }
}
