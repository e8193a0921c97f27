/* The descriptors of all modules are complete and agree with each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define EACH(m) for (const struct module *const *m = MODULES; *m != NULL; m++)

static void names_are_words_and_single(void **state)
{
    (void)state;
    EACH(m)
    {
        const char *name = (*m)->name;
        assert_true(strlen(name) > 0 &&
                    strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name));
        EACH(other)
        assert_true(m == other || strcmp((*other)->name, name) != 0);
    }
}

static void each_says_which_xep_it_follows(void **state)
{
    (void)state;
    EACH(m)
    {
        assert_true((*m)->summary != NULL && strlen((*m)->summary) > 10);
        if ((*m)->xep == NULL)
            continue;
        assert_int_equal(strlen((*m)->xep), 4);
        assert_int_equal(strspn((*m)->xep, "0123456789"), 4);
        assert_non_null((*m)->version);
        assert_int_equal(strspn((*m)->version, "0123456789."), strlen((*m)->version));
        assert_true((*m)->status == NULL || strcmp((*m)->status, "partial") == 0);
        EACH(other)
        assert_true(m == other || (*other)->xep == NULL || strcmp((*other)->xep, (*m)->xep) != 0);
    }
}

static void requests_have_a_scope_a_kind_and_a_handler(void **state)
{
    (void)state;
    EACH(m)
    {
        for (const struct module_iq *iq = (*m)->iqs; iq != NULL && iq->ns != NULL; iq++) {
            assert_true(iq->scopes != 0 &&
                        iq->scopes <= (IQ_HOST | IQ_SELF | IQ_CONTACT | IQ_NOBODY));
            assert_true(iq->kinds != 0 && iq->kinds <= (IQ_GET | IQ_SET));
            assert_true(iq->name != NULL && iq->handle != NULL);
            /* Who answers for accounts that are not there also answers for those that are. */
            assert_true((iq->scopes & IQ_NOBODY) == 0 || (iq->scopes & IQ_CONTACT) != 0);
        }
    }
}

static void hooks_that_belong_together_are_together(void **state)
{
    (void)state;
    EACH(m)
    {
        assert_true(((*m)->account_read == NULL) == ((*m)->account_row == NULL));
        assert_true((*m)->account_row == NULL || (*m)->stores != NULL);
    }
}

/* The list has what this version of the server has promised. */
static void every_xep_of_the_list_is_there(void **state)
{
    (void)state;
    static const char *const XEPS[] = {"0012", "0030", "0049", "0054", "0077", "0092", "0115",
                                       "0128", "0157", "0160", "0191", "0199", "0202", "0203",
                                       "0313", "0334", "0359", "0368", "0431", "0440", "0441",
                                       "0478", "0386", "0388", "0474", "0480", "0484"};
    for (size_t i = 0; i < sizeof(XEPS) / sizeof(XEPS[0]); i++) {
        unsigned n = 0;
        EACH(m)
        n += (*m)->xep != NULL && strcmp((*m)->xep, XEPS[i]) == 0;
        if (n != 1)
            fail_msg("XEP-%s is there %u times", XEPS[i], n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_words_and_single),
        cmocka_unit_test(each_says_which_xep_it_follows),
        cmocka_unit_test(requests_have_a_scope_a_kind_and_a_handler),
        cmocka_unit_test(hooks_that_belong_together_are_together),
        cmocka_unit_test(every_xep_of_the_list_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
