/* Tests of check.h: a failed check stops the process and says where; a true one costs nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/test_support.h"

static int evaluations;

static void fail_on_purpose(void)
{
    int stanzas = 2;
    CHECK(stanzas == 3);
}

static void reach_the_unreachable(void)
{
    UNREACHABLE();
}

static void pass(void)
{
    CHECK(1 + 1 == 2);
}

static void a_false_check_aborts_and_names_condition_and_file(void **state)
{
    (void)state;
    assert_true(test_check_fires(fail_on_purpose, "check=\"stanzas == 3\""));
    assert_true(test_check_fires(fail_on_purpose, "check_test.c:"));
}

static void unreachable_code_aborts(void **state)
{
    (void)state;
    assert_true(test_check_fires(reach_the_unreachable, "unreachable"));
}

static void a_true_check_does_nothing(void **state)
{
    (void)state;
    char text[64];
    assert_false(test_check_fires(pass, ""));
    assert_int_equal(test_in_child(pass, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

static void the_condition_is_evaluated_once(void **state)
{
    (void)state;
    evaluations = 0;
    CHECK(++evaluations == 1);
    assert_int_equal(evaluations, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_false_check_aborts_and_names_condition_and_file),
        cmocka_unit_test(unreachable_code_aborts),
        cmocka_unit_test(a_true_check_does_nothing),
        cmocka_unit_test(the_condition_is_evaluated_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
