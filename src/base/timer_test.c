/* Tests of timer.c: the wheel against a naive model with random operations: never early, never more
 * than a tick late, each once, in the order of ticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "base/time.h"
#include "base/timer.h"

enum { TIMERS = 200 };

struct model_timer {
    struct timer timer;
    bool armed;
    uint64_t due_tick;
};

static struct model {
    struct timers wheel;
    struct model_timer timers[TIMERS];
    uint64_t now_ms, last_tick, seed;
    bool running;
    unsigned fired;
} model;

/* Deadlines of every level of the wheel, of the past, and beyond its end. */
static uint64_t some_deadline(void)
{
    static const uint64_t reach[] = {1,    16,    17,      300,       1024,
                                     5000, 65536, 4194304, 300000000, 900000000};
    uint64_t span = test_below(&model.seed, 1 + reach[test_below(&model.seed, 10)]);
    if (test_below(&model.seed, 20) == 0)
        return span > model.now_ms ? 0 : model.now_ms - span;
    return model.now_ms + span;
}

static void arm(struct model_timer *t, uint64_t at_ms)
{
    uint64_t tick = (at_ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
    t->due_tick = tick > model.wheel.tick ? tick : model.wheel.tick + 1;
    t->armed = true;
    timer_set(&model.wheel, &t->timer, at_ms);
}

static void on_fire(struct timer *timer, void *ctx)
{
    struct model_timer *t = CONTAINER_OF(timer, struct model_timer, timer);
    assert_ptr_equal(ctx, &model);
    assert_true(model.running);
    assert_true(t->armed);
    assert_false(timer_armed(timer));
    assert_int_equal(t->due_tick, model.wheel.tick); /* neither early nor late, within the wheel */
    assert_true(t->due_tick >= model.last_tick);
    model.last_tick = t->due_tick;
    t->armed = false;
    model.fired++;
    /* A handler may arm and stop any timer, its own among them. */
    struct model_timer *other = &model.timers[test_below(&model.seed, TIMERS)];
    switch (test_below(&model.seed, 6)) {
    case 0:
        arm(other, some_deadline());
        break;
    case 1:
        timer_stop(&other->timer);
        other->armed = false;
        break;
    case 2:
        arm(t, some_deadline());
        break;
    default:
        break;
    }
}

static uint64_t earliest_tick(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(timer_armed(&model.timers[i].timer), model.timers[i].armed);
        if (model.timers[i].armed && model.timers[i].due_tick < best)
            best = model.timers[i].due_tick;
    }
    return best;
}

static void start(uint64_t now_ms, uint64_t seed)
{
    memset(&model, 0, sizeof(model));
    model.now_ms = now_ms;
    model.seed = seed;
    timers_init(&model.wheel, now_ms);
    for (int i = 0; i < TIMERS; i++)
        model.timers[i].timer.fire = on_fire;
}

static void run_at(uint64_t now_ms)
{
    model.now_ms = now_ms;
    model.last_tick = 0;
    model.running = true;
    timers_run(&model.wheel, now_ms, &model);
    model.running = false;
    for (int i = 0; i < TIMERS; i++)
        if (model.timers[i].armed)
            assert_true(model.timers[i].due_tick > now_ms / TIMER_TICK_MS);
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    static const uint64_t starts[] = {1, 16, 1000003, 67108863, 1ULL << 40, 1ULL << 60};
    for (size_t round = 0; round < sizeof(starts) / sizeof(starts[0]); round++) {
        start(starts[round], round + 1);
        for (int step = 0; step < 4000; step++) {
            struct model_timer *t = &model.timers[test_below(&model.seed, TIMERS)];
            if (test_below(&model.seed, 4) == 0) {
                timer_stop(&t->timer);
                t->armed = false;
            } else {
                arm(t, some_deadline());
            }
            static const uint64_t strides[] = {0, 1, 15, 16, 40, 1000, 20000, 70000000};
            uint64_t stride = strides[test_below(&model.seed, 8)];
            if (test_below(&model.seed, 3) == 0)
                run_at(model.now_ms + test_below(&model.seed, stride + 1));
            uint64_t deadline = timers_deadline(&model.wheel), due = earliest_tick();
            assert_true(due == UINT64_MAX ? true : deadline <= due * TIMER_TICK_MS);
            assert_true(deadline > model.now_ms || deadline == TIME_NEVER);
        }
        assert_true(model.fired > 500);
    }
}

static void a_loop_that_sleeps_until_the_deadline_fires_everything_in_few_turns(void **state)
{
    (void)state;
    start(123456789, 77);
    for (int i = 0; i < TIMERS; i++)
        arm(&model.timers[i], some_deadline());
    unsigned turns = 0;
    for (uint64_t at; (at = timers_deadline(&model.wheel)) != TIME_NEVER; turns++) {
        assert_true(at > model.now_ms);
        run_at(at);
        for (int i = 0; i < TIMERS; i++) /* let it end: nothing that a handler armed */
            if (model.fired > TIMERS) {
                timer_stop(&model.timers[i].timer);
                model.timers[i].armed = false;
            }
    }
    assert_int_equal(earliest_tick(), UINT64_MAX);
    assert_true(model.fired >= TIMERS / 2);
    assert_true(turns < 6 * TIMERS);
}

static void a_far_deadline_fires_when_due_and_not_before(void **state)
{
    (void)state;
    start(5000, 1);
    uint64_t days = 86400000ULL;
    arm(&model.timers[0], 30 * days);
    for (uint64_t at; (at = timers_deadline(&model.wheel)) < 30 * days;) {
        run_at(at);
        assert_int_equal(model.fired, 0);
    }
    run_at(30 * days - 1);
    assert_int_equal(model.fired, 0);
    model.seed = 3; /* the handler draws "nothing" */
    run_at(30 * days);
    assert_true(model.fired == 1);
    start(5000, 1);
    arm(&model.timers[0], TIME_NEVER - TIMER_TICK_MS);
    run_at(1000 * days);
    assert_int_equal(model.fired, 0);
}

static void set_without_a_handler(void)
{
    static struct timers w;
    struct timer t = {0};
    timers_init(&w, 1);
    timer_set(&w, &t, 100);
}

static void arming_a_timer_without_a_handler_stops_the_process(void **state)
{
    (void)state;
    assert_true(test_check_fires(set_without_a_handler, "timer.c:"));
}

static void stopping_a_timer_that_is_not_armed_is_safe(void **state)
{
    (void)state;
    struct timer t = {0};
    assert_false(timer_armed(&t));
    timer_stop(&t);
    timer_stop(&t);
    assert_false(timer_armed(&t));
    static struct timers w;
    timers_init(&w, 1);
    assert_true(timers_deadline(&w) == TIME_NEVER);
    timers_run(&w, 1ULL << 50, NULL); /* no step per tick where nothing is armed */
    assert_true(w.tick == (1ULL << 50) / TIMER_TICK_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_the_model),
        cmocka_unit_test(a_loop_that_sleeps_until_the_deadline_fires_everything_in_few_turns),
        cmocka_unit_test(a_far_deadline_fires_when_due_and_not_before),
        cmocka_unit_test(arming_a_timer_without_a_handler_stops_the_process),
        cmocka_unit_test(stopping_a_timer_that_is_not_armed_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
