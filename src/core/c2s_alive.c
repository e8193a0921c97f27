/* Signs of life of a bound stream. A peer that is asked something (<r/> of XEP-0198, a ping of
 * XEP-0199) and says nothing at all for a while is gone, whatever TCP believes (N01, V80); one that
 * has been silent for long is asked, which also keeps what stands between us from forgetting the
 * connection (N11). One timer per stream, which is not touched by the traffic: it looks when it
 * fires. */
#include "core/c2s.h"
#include "core/sm.h"
#include "xmpp/ns.h"

static void arm(struct c2s *s, uint64_t at_ms)
{
    timer_set(&s->e->timers, &s->deadline, at_ms);
}

static uint64_t answer_due(const struct c2s *s)
{
    return s->asked_ms + s->e->config->limits.answer_ms;
}

/* When a silent peer is to be asked. */
static uint64_t ask_due(const struct c2s *s)
{
    uint32_t ping_ms = s->e->config->limits.ping_ms;
    return ping_ms > 0 ? s->heard_ms + ping_ms : TIME_NEVER;
}

/* When there is something to look at; nothing may be. */
static void arm_next(struct c2s *s)
{
    uint64_t now = s->e->now.mono_ms, next = s->asked_ms != 0 ? answer_due(s) : ask_due(s);
    if (next <= now)
        next = now + s->e->config->limits.answer_ms;
    if (next != TIME_NEVER)
        arm(s, next);
    else
        timer_stop(&s->deadline);
}

static void ping(struct c2s *s)
{
    char id[12];
    rng_token(s->e->rng, id, sizeof(id));
    struct stanza st = {
        .kind = STANZA_IQ,
        .type = TYPE_GET,
        .id = slice_of(id, sizeof(id)),
        .to = s->session->jid,
        .payload = SLICE("<ping xmlns='urn:xmpp:ping'/>"),
        .packed = true,
    };
    if (!jid_from_prepared(s->session->account->host->name, &st.from))
        return;
    c2s_asked(s);
    session_send(s->e, s->session, &st);
}

static void fired(struct timer *t, void *ctx)
{
    (void)ctx;
    struct c2s *s = CONTAINER_OF(t, struct c2s, deadline);
    uint64_t now = s->e->now.mono_ms;
    if (s->heard) { /* but to <r/> it has to say how much */
        s->heard = false;
        s->asked_ms = s->session->sm != NULL && s->session->sm->asked ? s->heard_ms : 0;
    }
    if (s->asked_ms != 0 && now >= answer_due(s) && c2s_can_read(s)) {
        c2s_log(s, LOG_INFO, "conn.timeout", "connection-timeout");
        c2s_error(s, STREAM_CONNECTION_TIMEOUT, SLICE("there is no answer"), SLICE_NONE);
        return;
    }
    if (s->asked_ms == 0 && now >= ask_due(s)) {
        if (s->session->sm != NULL)
            c2s_sm_ask(s);
        else
            ping(s);
    }
    arm_next(s);
}

void c2s_alive_begin(struct c2s *s)
{
    s->deadline.fire = fired;
    s->heard_ms = s->e->now.mono_ms;
    s->asked_ms = 0;
    arm_next(s);
}

/* What it was asked before is asked anew. */
void c2s_alive_again(struct c2s *s)
{
    s->heard_ms = s->e->now.mono_ms;
    s->asked_ms = 0;
    s->heard = false;
    if (s->session->sm != NULL)
        c2s_sm_ask(s);
    else
        ping(s);
}

void c2s_asked(struct c2s *s)
{
    if (s->asked_ms != 0 && !s->heard)
        return;
    s->asked_ms = s->e->now.mono_ms;
    s->heard = false;
    if (!timer_armed(&s->deadline) || s->deadline.tick > answer_due(s) / TIMER_TICK_MS + 1)
        arm(s, answer_due(s));
}

void c2s_answered(struct c2s *s)
{
    s->asked_ms = 0;
}
