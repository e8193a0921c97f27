/* The region's memory and images of sessions with anything in them: they are read within their
 * bounds, and what is given out is well formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "base/test_support.h"
#include "core/test_region.h"

static void touch_image(void *ctx, struct slice text)
{
    struct buf line = {0};
    size_t *count = ctx;
    ++*count;
    found_text(&line, text); /* what is given is well formed */
    buf_free(&line);
}

static void damage(uint64_t *random, char *base, size_t bytes)
{
    for (uint64_t n = 1 + test_below(random, 12); n > 0; n--) {
        size_t at = test_below(random, bytes);
        uint32_t block = (uint32_t)test_below(random, bytes / REGION_BLOCK);
        switch (test_below(random, 3)) {
        case 0:
            base[at] = (char)test_random(random);
            break;
        case 1: /* references that are good and wrong */
            memcpy(base + at / 4 * 4, &block, sizeof(block));
            break;
        default: { /* kinds that are good and wrong */
            const uint32_t kinds[] = {BLOCK_FREE, BLOCK_SESSION, BLOCK_TAIL, BLOCK_CHAIN,
                                      BLOCK_QUEUE};
            memcpy(base + (size_t)block * REGION_BLOCK, &kinds[test_below(random, 5)], 4);
        }
        }
    }
}

static void damaged_memory_is_read_without_harm(void **state)
{
    (void)state;
    size_t images = 0;
    unsigned damaged, damaged_all = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static struct model m;
        model_start(&m, seed);
        for (int i = 0; i < 120; i++)
            model_step(&m);
        for (int i = 0; i < 400; i++) {
            char *copy = malloc(m.usable); /* of its size, so that a byte too far is seen */
            assert_non_null(copy);
            memcpy(copy, m.memory, m.usable);
            damage(&m.random, copy, m.usable);
            memcpy(copy, m.memory, sizeof(struct region_head)); /* else nothing is looked at */
            region_recover(copy, m.usable, &STAMP, touch_image, &images, &damaged);
            damaged_all += damaged;
            free(copy);
        }
        model_end(&m);
    }
    assert_true(images > 10000 && damaged_all > 5000);
}

/* All sessions claim the same long chain: without a note of what was read it would be read by each.
 */
static void no_block_is_read_twice(void **state)
{
    (void)state;
    enum { BLOCKS = 40000, BYTES = BLOCKS * REGION_BLOCK };
    struct region_memory memory = {.base = mem_alloc(BYTES), .bytes = BYTES, .bytes_max = BYTES};
    struct region *r = region_new(&memory, &STAMP);
    const struct region_counters c = {0};
    const uint8_t id[REGION_ID_BYTES] = {0};
    struct slice large = {.ptr = mem_alloc(BYTES / 2), .len = BYTES / 2};
    region_ref first = region_session_new(r, id, large, &c), ref;
    assert_int_not_equal(first, 0);
    size_t images = 0, sessions = 1;
    while ((ref = region_session_new(r, id, SLICE_NONE, &c)) != 0) {
        region_session_at(r, ref)->state = region_session_at(r, first)->state;
        sessions++;
    }
    unsigned damaged;
    struct region_chain *end =
        region_block(r, region_word_block(region_session_at(r, first)->state));
    end->next = region_word_block(region_session_at(r, first)->state); /* and it is a circle */
    assert_int_equal(region_recover(memory.base, BYTES, &STAMP, touch_image, &images, &damaged),
                     REGION_GOOD);
    assert_int_equal(images, 0);
    assert_int_equal(damaged, sessions);
    region_free(&r);
    mem_free((void *)(uintptr_t)large.ptr);
    mem_free(memory.base);
}

static void a_damaged_image_is_refused_or_read_within_its_bounds(void **state)
{
    (void)state;
    static struct model m;
    struct buf image = {0};
    struct region_image read;
    model_start(&m, 5);
    for (int i = 0; i < 200; i++)
        model_step_session(&m);
    size_t good = 0;
    for (size_t k = 0; k < SESSIONS; k++) {
        if (m.sessions[k].ref == 0)
            continue;
        buf_clear(&image);
        region_session_image(m.region, m.sessions[k].ref, &image);
        for (size_t len = 0; len < buf_len(&image); len++)
            assert_false(region_image_read(slice_of(buf_slice(&image).ptr, len), &read));
        for (int i = 0; i < 20000; i++) {
            char *copy = malloc(buf_len(&image));
            assert_non_null(copy);
            memcpy(copy, buf_slice(&image).ptr, buf_len(&image));
            copy[test_below(&m.random, buf_len(&image))] = (char)test_random(&m.random);
            if (region_image_read(slice_of(copy, buf_len(&image)), &read)) {
                struct buf text = {0};
                found_text(&text, slice_of(copy, buf_len(&image)));
                buf_free(&text);
                good++;
            }
            free(copy);
        }
        buf_byte(&image, 0);
        assert_false(region_image_read(buf_slice(&image), &read));
    }
    assert_true(good > 1000);
    model_end(&m);
    buf_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_memory_is_read_without_harm),
        cmocka_unit_test(no_block_is_read_twice),
        cmocka_unit_test(a_damaged_image_is_refused_or_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
