/* Hierarchical timer wheel. Level l has slots of 64^l ticks; a timer sits at the lowest level whose
 * span reaches its deadline and moves down when its slot comes up. */
#include "base/timer.h"

#include "base/check.h"
#include "base/time.h"

enum { SLOT_BITS = 6 };

void timers_init(struct timers *w, uint64_t now_ms)
{
    for (int l = 0; l < TIMER_LEVELS; l++) {
        w->occupied[l] = 0;
        for (int s = 0; s < TIMER_SLOTS; s++)
            list_init(&w->slots[l][s]);
    }
    w->tick = now_ms / TIMER_TICK_MS;
}

static void place(struct timers *w, struct timer *t)
{
    uint64_t span = t->tick - w->tick;
    int level = 0;
    while (level < TIMER_LEVELS - 1 && span >> (SLOT_BITS * (level + 1)) != 0)
        level++;
    uint64_t farthest = w->tick + (((uint64_t)TIMER_SLOTS - 1) << (SLOT_BITS * level));
    uint64_t tick = t->tick < farthest ? t->tick : farthest;
    unsigned slot = (unsigned)(tick >> (SLOT_BITS * level)) & (TIMER_SLOTS - 1);
    list_push(&w->slots[level][slot], &t->link);
    w->occupied[level] |= 1ULL << slot;
}

void timer_set(struct timers *w, struct timer *t, uint64_t at_ms)
{
    CHECK(t->fire != NULL);
    timer_stop(t);
    uint64_t tick = at_ms / TIMER_TICK_MS + (at_ms % TIMER_TICK_MS != 0);
    t->tick = tick > w->tick ? tick : w->tick + 1;
    place(w, t);
}

void timer_stop(struct timer *t)
{
    list_remove(&t->link);
}

bool timer_armed(const struct timer *t)
{
    return list_linked(&t->link);
}

/* Moves the timers of the slot that begins at the current tick one level or more down. */
static void cascade(struct timers *w, int level)
{
    unsigned slot = (unsigned)(w->tick >> (SLOT_BITS * level)) & (TIMER_SLOTS - 1);
    struct list moving;
    list_init(&moving);
    while (!list_empty(&w->slots[level][slot]))
        list_push(&moving, list_pop(&w->slots[level][slot]));
    w->occupied[level] &= ~(1ULL << slot);
    while (!list_empty(&moving))
        place(w, CONTAINER_OF(list_pop(&moving), struct timer, link));
}

static void fire_slot(struct timers *w, unsigned slot, void *ctx)
{
    struct list due;
    list_init(&due);
    while (!list_empty(&w->slots[0][slot]))
        list_push(&due, list_pop(&w->slots[0][slot]));
    w->occupied[0] &= ~(1ULL << slot);
    while (!list_empty(&due)) {
        struct timer *t = CONTAINER_OF(list_pop(&due), struct timer, link);
        if (t->tick > w->tick)
            place(w, t);
        else
            t->fire(t, ctx);
    }
}

/* The next tick after the current one at which a slot of some level comes up. */
static uint64_t next_tick(const struct timers *w)
{
    uint64_t best = UINT64_MAX;
    for (int l = 0; l < TIMER_LEVELS; l++) {
        if (w->occupied[l] == 0)
            continue;
        uint64_t at = (w->tick >> (SLOT_BITS * l)) + 1;
        unsigned turn = (unsigned)at & (TIMER_SLOTS - 1);
        uint64_t bits = w->occupied[l];
        bits = turn == 0 ? bits : (bits >> turn) | (bits << (TIMER_SLOTS - turn));
        uint64_t tick = (at + (unsigned)__builtin_ctzll(bits)) << (SLOT_BITS * l);
        if (tick < best)
            best = tick;
    }
    return best;
}

void timers_run(struct timers *w, uint64_t now_ms, void *ctx)
{
    uint64_t end = now_ms / TIMER_TICK_MS;
    while (w->tick < end) {
        uint64_t next = next_tick(w);
        if (next > end) {
            w->tick = end;
            return;
        }
        w->tick = next;
        for (int l = TIMER_LEVELS - 1; l > 0; l--)
            if ((next & ((1ULL << (SLOT_BITS * l)) - 1)) == 0)
                cascade(w, l);
        fire_slot(w, (unsigned)next & (TIMER_SLOTS - 1), ctx);
    }
}

uint64_t timers_deadline(struct timers *w)
{
    for (int l = 0; l < TIMER_LEVELS; l++)
        for (uint64_t bits = w->occupied[l]; bits != 0; bits &= bits - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(bits);
            if (list_empty(&w->slots[l][slot]))
                w->occupied[l] &= ~(1ULL << slot);
        }
    uint64_t tick = next_tick(w);
    return tick == UINT64_MAX ? TIME_NEVER : tick * TIMER_TICK_MS;
}
