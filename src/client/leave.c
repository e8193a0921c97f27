/* What the program wants: connecting, leaving in order (RFC 6120 section 4.4), and suspending. The
 * calls only note it, so that they are the same in a callback and outside of one; it is done when
 * burble_feed is called next, or before the present call of it returns. */
#include "client/client.h"

enum {
    ACKS_MS = 3000, /* leaving: what was sent is to be acknowledged before the stream ends */
    END_MS = 2000,  /* and the server is to end it, too */
};

int burble_connect(struct burble *c)
{
    if (c->doomed)
        return ERR_CLOSED;
    bool rests = c->state == BURBLE_OFFLINE || c->state == BURBLE_WAITING;
    if (!rests || c->wish == WISH_CONNECT || c->outside.random == NULL)
        return ERR_BUSY;
    c->wanted = true;
    c->suspended = false;
    c->wish = WISH_CONNECT;
    client_wake(c);
    return 0;
}

static void end_soon(struct burble *c, bool suspend)
{
    bool kept = client_sm_can_resume(c) || c->outbox_count > 0;
    if (c->doomed)
        return;
    if (c->state == BURBLE_LEAVING) {
        c->suspended = c->suspended && suspend; /* a farewell is for good */
        return;
    }
    if (c->state == BURBLE_OFFLINE && c->wish == WISH_NONE && (suspend || !kept))
        return;
    c->wanted = false;
    c->suspended = suspend;
    c->wish = suspend ? WISH_SUSPEND : WISH_LEAVE;
    client_wake(c);
}

void burble_disconnect(struct burble *c)
{
    end_soon(c, false);
}

void burble_suspend(struct burble *c)
{
    end_soon(c, true);
}

static bool flows(const struct burble *c)
{
    return c->link.state == LINK_OPEN &&
           (c->stream.state == STREAM_READY || c->stream.state == STREAM_ENABLE);
}

static void left(struct burble *c)
{
    client_fail(c, BURBLE_WHY_LEFT, NULL, NULL);
}

static void leave(struct burble *c)
{
    if (c->state != BURBLE_ONLINE || !flows(c)) {
        left(c);
        return;
    }
    client_timer_stop(&c->alive_timer);
    c->ending = (struct burble_state_event){.why = BURBLE_WHY_LEFT, .text = "disconnected"};
    if (c->suspended) {
        client_sm_keep(c);   /* else the server is not told of it, and delivers it again one day */
        c->wish = WISH_NONE; /* a callback can only repeat it, or make it a farewell */
    }
    if (c->doomed)
        return;
    if (c->suspended) {
        client_sm_say_count(c);
        client_link_end(c);
    } else {
        c->sm.ask = true;
    }
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + (c->suspended ? END_MS : ACKS_MS));
    client_change_state(c, BURBLE_LEAVING, NULL);
}

/* The server is told what we have before the stream ends (XEP-0198 section 4), so that it does not
 * deliver it again. */
static void say_end(struct burble *c)
{
    client_sm_saving(c); /* it was handed over, and nobody will ask for it again */
    burble_saved(c);
    client_sm_say_count(c);
    stream_close(c);
    client_timer_set(c, &c->phase_timer, c->now.mono_ms + END_MS);
}

void retry_turn(struct burble *c)
{
    if (c->state == BURBLE_LEAVING && !c->suspended && flows(c) && c->outbox_count == 0)
        say_end(c);
}

void retry_wish(struct burble *c)
{
    enum client_wish wish = c->wish;
    c->wish = WISH_NONE;
    if (wish == WISH_LEAVE || wish == WISH_SUSPEND)
        leave(c);
    if (wish != WISH_CONNECT)
        return;
    client_timer_stop(&c->retry_timer);
    if (c->state == BURBLE_OFFLINE) {
        c->tries = 0;
        c->stood = false;
    }
    dial_begin(c);
}

static void retry_due(struct burble *c, struct client_timer *t)
{
    (void)t;
    if (c->wish == WISH_NONE) /* else a callback of this turn has just asked for something */
        dial_begin(c);
}

static void too_late(struct burble *c, struct client_timer *t)
{
    (void)t;
    if (c->state == BURBLE_LEAVING && !c->suspended && flows(c))
        say_end(c);
    else if (c->stream.state == STREAM_CLOSED || c->link.state == LINK_ENDING)
        client_ended(c);
    else if (!dial_patience(c))
        client_fail(c, BURBLE_WHY_TIMEOUT, NULL, NULL);
}

void retry_init(struct burble *c)
{
    c->phase_timer.fire = too_late;
    c->retry_timer.fire = retry_due;
}
