/* Time that jumps: the process was stopped for a while, or the machine slept (CLOCK_MONOTONIC then
 * stands still, and the wall clock is ahead of it). Nobody could be heard meanwhile, so what would
 * be over by now gets the lost time back; and whether the peers are still there is not known, so
 * all of them are asked (N12). */
#include "core/jump.h"

#include "core/c2s.h"
#include "core/session.h"
#include "core/sm.h"

enum {
    LATE_MS = 5000,   /* a timer that fires so late did not only wait its turn */
    SLEPT_MS = 60000, /* clocks that are set, or drift apart, differ by less */
    GRACE_MS = 10000, /* that everybody has at least */
};

/* What clients that are away have left, or logins. */
static void give_back(struct engine *e, struct timer *t, uint64_t late_ms)
{
    uint64_t at_ms = t->tick * TIMER_TICK_MS + late_ms, soon_ms = e->now.mono_ms + GRACE_MS;
    if (timer_armed(t))
        timer_set(&e->timers, t, at_ms > soon_ms ? at_ms : soon_ms);
}

static void give_back_all(struct engine *e, uint64_t late_ms)
{
    struct c2s *s;
    struct session *session;
    for (uint32_t at = 0; (s = handle_walk(&e->streams, &at)) != NULL;) {
        if (s->session == NULL && s->entry != NULL) {
            s->entry->deadline_ms += late_ms;
            give_back(e, &s->deadline, late_ms);
        }
        if (s->session != NULL && s->session->lag != NULL)
            give_back(e, &s->session->lag->timer, late_ms);
    }
    for (uint32_t at = 0; (session = handle_walk(&e->sessions, &at)) != NULL;)
        if (session->stream == NULL && session->sm != NULL)
            give_back(e, &session->sm->timer, late_ms);
}

void jump_check(struct engine *e)
{
    uint64_t due_ms = timers_deadline(&e->timers), now_ms = e->now.mono_ms;
    uint64_t late_ms = due_ms < now_ms ? now_ms - due_ms : 0;
    int64_t slept_ms = e->now.wall_ms - e->ticked.wall_ms - (int64_t)(now_ms - e->ticked.mono_ms);
    e->ticked = e->now;
    if (late_ms < LATE_MS && slept_ms < SLEPT_MS)
        return;
    struct log_line line;
    log_begin(&line, e->log, LOG_WARNING, "time.jump");
    log_num(&line, "late_ms", (long long)late_ms);
    log_num(&line, "slept_ms", slept_ms);
    log_end(&line);
    give_back_all(e, late_ms);
    struct c2s *s;
    for (uint32_t at = 0; (s = handle_walk(&e->streams, &at)) != NULL;)
        if (s->session != NULL && s->state == C2S_BOUND)
            c2s_alive_again(s);
}
