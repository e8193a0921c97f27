/* The region: what its header promises, and that at every store of every operation what another
 * process would find is the state before or the state after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/test_region.h"

static void at_every_store_it_is_the_state_before_or_after(void **state)
{
    (void)state;
    size_t looks = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        static struct model m;
        struct buf before = {0}, after = {0};
        model_start(&m, seed);
        for (int i = 0; i < 250; i++) {
            buf_clear(&before);
            buf_clear(&after);
            model_text(&m, &before);
            watch.model = &m;
            model_step(&m);
            watch.model = NULL;
            model_text(&m, &after);
            looks += watch.count;
            if (watch.count > 0)
                watch_judge(buf_slice(&before), buf_slice(&after));
            buf_clear(&before);
            found_in(m.memory, m.usable, &before);
            assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
            model_check(&m);
        }
        model_end(&m);
        buf_free(&before);
        buf_free(&after);
    }
    assert_true(looks > 50000);
}

static void a_new_region_is_the_old_one_or_empty(void **state)
{
    (void)state;
    static struct model m;
    struct buf before = {0};
    model_start(&m, 3);
    m.sessions[0].ref = region_tail_new(m.region, SLICE("a@b"), 3, NULL, 0);
    found_in(m.memory, m.usable, &before);
    assert_int_not_equal(before.end, 0);
    m.sessions[0].ref = 0;
    struct region_memory memory = model_memory(&m);
    struct region *was = m.region;
    watch.model = &m;
    m.region = region_new(&memory, &STAMP);
    watch.model = NULL;
    assert_true(slice_is(buf_slice(&watch.seen[0]), "empty"));
    buf_free(&watch.seen[watch.count - 1]);
    assert_true(watch.count > 4);
    watch.count--; /* the last store is the one that makes it good, and there is nothing in it */
    watch_judge(SLICE("empty"), SLICE("empty"));
    region_free(&was);
    model_end(&m);
    buf_free(&before);
}

/* ------------------------------------------------------------------------------------ the header
 */

static void only_the_same_boot_and_layout_are_believed(void **state)
{
    (void)state;
    static struct model m;
    struct region_stamp other = STAMP;
    model_start(&m, 1);
    region_tail_new(m.region, SLICE("a@b"), 1, NULL, 0);
    struct region_head *head = (void *)m.memory;
    assert_int_equal(found_trust(m.memory, m.usable, &STAMP), REGION_GOOD);
    other.boot_id[15] = 9;
    assert_int_equal(found_trust(m.memory, m.usable, &other), REGION_STALE);
    assert_int_equal(found_trust(m.memory, REGION_BLOCK, &other),
                     REGION_STALE); /* the head is enough */
    other.layout++;
    assert_int_equal(found_trust(m.memory, m.usable, &other), REGION_STALE);
    other = STAMP;
    other.layout++;
    assert_int_equal(found_trust(m.memory, m.usable, &other), REGION_FOREIGN);
    head->format++;
    assert_int_equal(found_trust(m.memory, m.usable, &STAMP), REGION_FOREIGN);
    head->format--;
    assert_int_equal(found_trust(m.memory, REGION_BLOCK, &STAMP), REGION_DAMAGED); /* cut off */
    size_t used;
    assert_int_equal(region_judge(m.memory, REGION_BLOCK, &STAMP, &used), REGION_GOOD);
    assert_int_equal(used, 2 * REGION_BLOCK);
    assert_int_equal(found_trust(m.memory, REGION_BLOCK - 1, &STAMP), REGION_EMPTY);
    assert_int_equal(found_trust(NULL, 0, &STAMP), REGION_EMPTY);
    head->high = 0;
    assert_int_equal(found_trust(m.memory, m.usable, &STAMP), REGION_DAMAGED);
    head->magic++;
    assert_int_equal(found_trust(m.memory, m.usable, &STAMP), REGION_DAMAGED);
    memset(m.memory, 0, MEMORY_BYTES);
    assert_int_equal(found_trust(m.memory, m.usable, &STAMP), REGION_EMPTY);
    region_free(&m.region);
    mem_free(m.memory);
}

struct driver {
    size_t granted, limit, calls, full;
};

static bool driver_grow(void *ctx, size_t bytes)
{
    struct driver *d = ctx;
    d->calls++;
    if (bytes > d->limit)
        return false;
    d->granted = bytes;
    return true;
}

static void driver_full(void *ctx)
{
    struct driver *d = ctx;
    d->full++;
}

static void it_grows_by_doubling_and_takes_what_the_disk_has(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, FIRST = 4096 };
    const size_t wanted[] = {FIRST + MIB, 2 * (FIRST + MIB), 4 * (FIRST + MIB),
                             4 * (FIRST + MIB) + MIB};
    struct driver d = {.limit = 6 * MIB};
    struct region_memory memory = {.base = mem_alloc(16 * MIB),
                                   .bytes = FIRST,
                                   .bytes_max = 16 * MIB,
                                   .grow = driver_grow,
                                   .full = driver_full,
                                   .ctx = &d};
    struct region *r = region_new(&memory, &STAMP);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    struct slice bytes = slice_of(memory.base + 8 * MIB, 1000);
    size_t n = 0, granted = 0;
    while (region_session_new(r, id, bytes, &c) != 0)
        if (d.granted != granted) {
            assert_true(n < 4 && d.granted == wanted[n]);
            granted = wanted[n++];
        }
    assert_int_equal(n, 4);
    assert_int_equal(d.full, 1);
    size_t calls = d.calls, used = region_used(r);
    for (int i = 0; i < 900; i++)
        assert_int_equal(region_session_new(r, id, bytes, &c), 0);
    assert_int_equal(d.calls, calls); /* the disk is not asked again for each */
    assert_int_equal(region_used(r), used);
    d.limit = 16 * MIB;
    size_t tries = 0;
    while (tries < 200 && region_session_new(r, id, bytes, &c) == 0)
        tries++;
    assert_true(tries < 200); /* and is some time later */
    assert_int_equal(d.granted, 2 * wanted[3]);
    region_free(&r);
    mem_free(memory.base);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    static struct model m;
    model_start_whole(&m);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    const struct slice large = slice_of(m.memory, (size_t)REGION_BLOB_BYTES_MAX + 1);
    const struct region_entry entry = {.bytes = large};
    region_ref s = region_session_new(m.region, id, SLICE("state"), &c);
    region_ref t = region_tail_new(m.region, SLICE("a@b"), 0, NULL, 0);
    size_t used = region_used(m.region);
    assert_int_equal(region_session_new(m.region, id, large, &c), 0);
    assert_false(region_session_state(m.region, s, large));
    assert_false(region_push(m.region, s, &entry));
    assert_int_equal(region_tail_new(m.region, large, 0, NULL, 0), 0);
    assert_false(region_tail_set(m.region, t, 1, (uint64_t *)(void *)m.memory, large.len));
    assert_int_equal(region_used(m.region), used);
    region_session_drop(m.region, s);
    region_tail_drop(m.region, t);
    model_end(&m);
}

static void an_idle_session_takes_two_blocks(void **state)
{
    (void)state;
    static struct model m;
    model_start_whole(&m);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    const struct region_entry kept = {.position = 1};
    const struct slice bytes = slice_of(m.memory + MEMORY_BYTES / 2, 300);
    region_ref s = region_session_new(m.region, id, bytes, &c);
    const size_t idle = REGION_BLOCK + 2 * REGION_BLOCK; /* with the head */
    assert_int_equal(region_used(m.region), idle);
    for (int i = 0; i < 3; i++) {
        assert_true(region_session_state(m.region, s, bytes));
        assert_int_equal(region_used(m.region), idle);
        for (int k = 0; k < REGION_QUEUE_SLOTS; k++)
            assert_true(region_push(m.region, s, &kept));
        assert_int_equal(region_used(m.region), idle + REGION_BLOCK);
        region_pop(m.region, s, REGION_QUEUE_SLOTS);
        assert_int_equal(region_used(m.region), idle);
    }
    region_session_drop(m.region, s);
    model_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_store_it_is_the_state_before_or_after),
        cmocka_unit_test(a_new_region_is_the_old_one_or_empty),
        cmocka_unit_test(only_the_same_boot_and_layout_are_believed),
        cmocka_unit_test(it_grows_by_doubling_and_takes_what_the_disk_has),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(an_idle_session_takes_two_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
