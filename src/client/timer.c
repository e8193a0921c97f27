/* The timers of one client: a list in order of time. A client has few, and most are set later than
 * all others (requests with the same timeout), so a new one finds its place from the end. */
#include "client/client.h"

void client_timer_stop(struct client_timer *t)
{
    list_remove(&t->link);
}

static void arm(struct burble *c, struct client_timer *t)
{
    struct list *at = c->timers.prev;
    while (at != &c->timers && CONTAINER_OF(at, struct client_timer, link)->at_ms > t->at_ms)
        at = at->prev;
    list_push_front(at, &t->link);
}

void client_timer_set(struct burble *c, struct client_timer *t, uint64_t at_ms)
{
    client_timer_stop(t);
    t->at_ms = at_ms;
    if (c->depth > 0) {
        arm(c, t);
        return;
    }
    list_push(&c->unarmed, &t->link);
    client_wake(c);
}

void client_timers_arm(struct burble *c, uint64_t passed_ms)
{
    while (!list_empty(&c->unarmed)) {
        struct client_timer *t = CONTAINER_OF(list_pop(&c->unarmed), struct client_timer, link);
        if (t->at_ms > 0) /* 0: as soon as possible */
            t->at_ms += passed_ms;
        arm(c, t);
    }
}

void client_timers_run(struct burble *c)
{
    while (!list_empty(&c->timers) && !c->doomed) {
        struct client_timer *t = CONTAINER_OF(c->timers.next, struct client_timer, link);
        if (t->at_ms > c->now.mono_ms)
            return;
        client_timer_stop(t);
        t->fire(c, t);
    }
}
