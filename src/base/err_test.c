/* Tests of err.c: every code has a text of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"

static void every_code_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int a = ERR_CRYPTO; a <= ERR_OK; a++) {
        assert_string_not_equal(err_text(a), "unknown error");
        for (int b = ERR_CRYPTO; b < a; b++)
            assert_string_not_equal(err_text(a), err_text(b));
    }
    assert_string_equal(err_text(ERR_CRYPTO - 1), "unknown error");
    assert_string_equal(err_text(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_has_a_text_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
