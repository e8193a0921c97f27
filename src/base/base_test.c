#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

static void slice_reads_numbers(void **state)
{
    (void)state;
    int n = 0;
    assert_true(slice_to_int(SLICE("-128"), &n));
    assert_int_equal(n, -128);
    assert_false(slice_to_int(SLICE("2147483648"), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slice_reads_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
