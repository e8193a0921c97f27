/* Tests of arena.c: the cap is the limit and bounds what is held, blocks never overlap, a reset
 * keeps one chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>

#include "base/arena.h"
#include "base/test_support.h"

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    enum { BLOCKS = 500 };
    struct arena a = {0};
    static struct slice blocks[BLOCKS];
    uint64_t seed = 3;
    for (int i = 0; i < BLOCKS; i++) {
        size_t len = 1 + test_below(&seed, test_below(&seed, 10) == 0 ? 9000 : 200);
        char *p = arena_alloc(&a, len);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 8, 0);
        memset(p, i & 0xff, len);
        blocks[i] = slice_of(p, len);
    }
    for (int i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < blocks[i].len; k++)
            assert_int_equal((unsigned char)blocks[i].ptr[k], i & 0xff);
    arena_free(&a);
}

static void the_cap_is_reached_exactly_and_is_an_error_value(void **state)
{
    (void)state;
    struct arena a = {.cap = 1024};
    for (int i = 0; i < 128; i++)
        assert_non_null(arena_alloc(&a, 8));
    assert_int_equal(a.used, 1024);
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_copy(&a, SLICE("x")).ptr);
    assert_int_equal(a.used, 1024);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1024));
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    assert_null(arena_alloc(&a, 1025));
    assert_non_null(arena_alloc(&a, 1017)); /* rounded up to the cap */
    arena_free(&a);
    assert_int_equal(a.cap, 1024);
}

static void V15_sizes_at_the_limits_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, SIZE_MAX - 8,
                                   SIZE_MAX / 2 + 1};
    struct arena capped = {.cap = SIZE_MAX}, free_of_cap = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_null(arena_alloc(&capped, sizes[i]));
        assert_null(arena_alloc(&free_of_cap, sizes[i]));
    }
    assert_int_equal(capped.used, 0);
    arena_free(&capped);
    arena_free(&free_of_cap);
}

/* What malloc has handed out; under AddressSanitizer the figure does not move. */
static size_t heap_bytes(void)
{
    return mallinfo2().uordblks;
}

static void no_order_of_sizes_makes_an_arena_hold_much_more_than_its_cap(void **state)
{
    (void)state;
    static const size_t patterns[][2] = {{8, 4080}, {2048, 2048}, {1000, 3000}, {8, 1025},
                                         {1024, 8}, {3064, 1024}, {8, 8}};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct arena a = {.cap = 256 * 1024};
        size_t before = heap_bytes();
        int n = 0;
        while (arena_alloc(&a, patterns[i][n & 1]) != NULL)
            n++;
        size_t held = heap_bytes() - before;
        assert_true(a.used <= a.cap);
        assert_true(a.used > a.cap - 8192);
        assert_true(held <= a.cap + a.cap / 16 + 8192); /* heads of chunks, and the last one */
        arena_free(&a);
    }
}

static void a_reset_keeps_one_chunk_of_the_first_size(void **state)
{
    (void)state;
    struct arena a = {0};
    void *first = arena_alloc(&a, 8);
    for (int i = 0; i < 20; i++)
        assert_non_null(arena_alloc(&a, 5000));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_ptr_equal(arena_alloc(&a, 8), first);
    arena_free(&a);

    assert_non_null(arena_alloc(&a, 100000));
    arena_reset(&a);
    assert_null(a.head); /* a large block alone is given back */
    arena_free(&a);
}

static void copies_are_equal_and_empty_ones_are_not_null(void **state)
{
    (void)state;
    struct arena a = {0};
    struct slice text = SLICE("alice\0@localhost");
    struct slice copy = arena_copy(&a, text);
    assert_true(slice_eq(copy, text));
    assert_ptr_not_equal(copy.ptr, text.ptr);
    copy = arena_copy(&a, SLICE_NONE);
    assert_non_null(copy.ptr);
    assert_int_equal(copy.len, 0);
    assert_non_null(arena_alloc(&a, 0));
    arena_free(&a);
    arena_free(&a);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(the_cap_is_reached_exactly_and_is_an_error_value),
        cmocka_unit_test(V15_sizes_at_the_limits_are_refused),
        cmocka_unit_test(no_order_of_sizes_makes_an_arena_hold_much_more_than_its_cap),
        cmocka_unit_test(a_reset_keeps_one_chunk_of_the_first_size),
        cmocka_unit_test(copies_are_equal_and_empty_ones_are_not_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
