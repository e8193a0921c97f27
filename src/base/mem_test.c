/* Tests of mem.c: zeroed memory, checked products, a clean end when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_support.h"

static void memory_is_zeroed_and_never_null(void **state)
{
    (void)state;
    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *p = mem_alloc(size);
        assert_non_null(p);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size); /* so that a block used again would show */
        mem_free(p);
    }
    void *none = mem_array(0, 0);
    assert_non_null(none);
    mem_free(none);
    mem_free(NULL);
}

static void a_copy_is_terminated(void **state)
{
    (void)state;
    char *copy = mem_copy(slice_of("alice@localhost", 5));
    assert_string_equal(copy, "alice");
    mem_free(copy);
    copy = mem_copy(SLICE_NONE);
    assert_string_equal(copy, "");
    mem_free(copy);
}

static void a_resize_keeps_the_content(void **state)
{
    (void)state;
    int *p = mem_array(4, sizeof(*p));
    for (int i = 0; i < 4; i++)
        p[i] = i;
    p = mem_resize(p, 1000, sizeof(*p));
    for (int i = 0; i < 4; i++)
        assert_int_equal(p[i], i);
    p = mem_resize(p, 0, sizeof(*p));
    assert_non_null(p);
    mem_free(p);
}

static volatile size_t half = SIZE_MAX / 2; /* out of the compiler's sight */

static void overflow_an_array(void)
{
    mem_free(mem_array(half, 3));
}

static void overflow_a_resize(void)
{
    mem_free(mem_resize(NULL, half, 3));
}

static void V15_a_product_over_the_limit_ends_the_process_cleanly(void **state)
{
    (void)state;
    static void (*const cases[])(void) = {overflow_an_array, overflow_a_resize};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        int status = test_in_child(cases[i], text, sizeof(text));
#ifndef __SANITIZE_ADDRESS__ /* AddressSanitizer's calloc stops at the overflow itself */
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 71);
        assert_string_equal(text, "critical event=mem.fail\n");
#else
        assert_int_not_equal(status, 0);
#endif
    }
}

static void wiped_memory_is_zero(void **state)
{
    (void)state;
    char secret[16] = "correct horse";
    mem_wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        assert_int_equal(secret[i], 0);
    mem_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_never_null),
        cmocka_unit_test(a_copy_is_terminated),
        cmocka_unit_test(a_resize_keeps_the_content),
        cmocka_unit_test(V15_a_product_over_the_limit_ends_the_process_cleanly),
        cmocka_unit_test(wiped_memory_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
