/* Is the other side still there? After some silence it is asked: by <r/> where stream management is
 * on, by a ping (XEP-0199) where it is not. No answer: the connection is lost. */
#include "client/client.h"

static void pong(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    (void)c, (void)outcome, (void)iq, (void)arg; /* whatever came, something came */
}

static void ask(struct burble *c)
{
    if (c->sm.on) {
        c->sm.ask = true;
        c->sm.asked = false; /* also when an answer is due already */
        return;
    }
    struct client_iq iq = {
        .to = slice_z(c->setup.domain),
        .payload = SLICE("<ping xmlns='urn:xmpp:ping'/>"),
        .fn = pong,
    };
    (void)client_iq_send(c, &iq, NULL);
}

static void silent(struct burble *c, struct client_timer *t)
{
    (void)t;
    if (c->alive_asked) {
        client_fail(c, BURBLE_WHY_LOST, NULL, "the server does not answer any more");
        return;
    }
    c->alive_asked = true;
    ask(c);
    client_timer_set(c, &c->alive_timer, c->now.mono_ms + c->setup.config.answer_ms);
}

void alive_init(struct burble *c)
{
    c->alive_timer.fire = silent;
}

void alive_begin(struct burble *c)
{
    alive_heard(c);
}

void alive_heard(struct burble *c)
{
    c->alive_asked = false;
    if (c->state == BURBLE_ONLINE)
        client_timer_set(c, &c->alive_timer, c->now.mono_ms + c->setup.config.silence_ms);
}
