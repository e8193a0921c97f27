/* Hierarchical timer wheel: adding, removing and firing are O(1), whatever the number of timers.
 * Pure: the time comes from the caller. Resolution 16 ms, rounding up, so no timer fires early. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { TIMER_LEVELS = 4, TIMER_SLOTS = 64, TIMER_TICK_MS = 16 };

struct timer {
    struct list link;
    uint64_t tick; /* when it is due, in ticks */
    void (*fire)(struct timer *timer, void *ctx);
};

struct timers {
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
    uint64_t occupied[TIMER_LEVELS]; /* a bit per non-empty slot; may be stale on the safe side */
    uint64_t tick;                   /* everything at or before it has fired */
};

void timers_init(struct timers *w, uint64_t now_ms);
/* Arms t (fire is set by the caller); an armed one is moved. A deadline farther than the wheel's
 * three days is looked at again every three days; it fires when it is due, not before. */
void timer_set(struct timers *w, struct timer *t, uint64_t at_ms);
/* Safe on a zeroed or disarmed timer. */
void timer_stop(struct timer *t);
bool timer_armed(const struct timer *t);
/* Fires everything due; a handler may arm and stop any timer. */
void timers_run(struct timers *w, uint64_t now_ms, void *ctx);
/* Milliseconds at which timers_run has something to do at the earliest (may be early, never late);
 * TIME_NEVER when no timer is armed. */
uint64_t timers_deadline(struct timers *w);

#endif
