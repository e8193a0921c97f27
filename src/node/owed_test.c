/* What an account owes, when several of its devices come and go: each message comes to one that
 * acknowledges it, and to none again that has. Rows D04, S26, G1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_device.h"

#define BOB   "bob@example.org"
#define ALICE "alice@example.org"

/* A session without presence. */
static struct device *silent_new(struct bench *b, const char *full)
{
    struct device *d = device_new_silent(b, full);
    d->silent = true;
    return d;
}

static void one_for_a_device_that_takes_no_old_ones_goes_to_another(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        struct device *alice = device_new(b, ALICE "/a");
        device_write(alice, BOB "/b", 1);
        struct device *two = device_new_silent(b, BOB "/b");
        device_say(two, "<presence><priority>-1</priority></presence>");
        device_got(two, "");
        struct device *one = device_new(b, BOB "/a");
        device_got(one, "1 ");
        device_got(two, "");
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

/* Who drains leaves what is for another one that is there; that one drains next. */
static void one_for_another_device_is_left_to_it(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        struct device *alice = device_new(b, ALICE "/a");
        device_write(alice, BOB "/b", 1);
        struct device *three = silent_new(b, BOB "/c");
        device_say(three, "<presence/>");
        device_got(three, "1 ");
        struct device *one = device_new(b, BOB "/a"), *two = device_new(b, BOB "/b");
        device_login(three); /* the old one never said that it has it */
        device_got(one, "");
        device_got(two, "1 ");
        device_got(three, "");
        device_free(&one);
        device_free(&two);
        device_free(&three);
        device_free(&alice);
    }
}

static void what_one_has_acknowledged_is_not_missed_in_another(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *alice = device_new(b, ALICE "/a"), *one = device_new(b, BOB "/a");
        device_take(one);
        device_lose(one);
        device_write(alice, BOB, 1);
        struct device *two = device_new(b, BOB "/b");
        device_got(two, "1 ");
        one->silent = true;
        assert_true(device_resume(one));
        device_got(one, "1 ");
        bench_advance(b, 3000); /* by then the disk knows what bob's devices have */
        bench_power_cut(b, 1000);
        device_login(two);
        device_got(two, "");
        one->silent = false;
        device_login(one);
        device_got(one, "");
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

static void two_that_miss_it_are_one_that_gets_it(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *alice = device_new(b, ALICE "/a"), *one = device_new(b, BOB "/a");
        struct device *two = device_new(b, BOB "/b");
        device_take(one);
        device_take(two);
        one->silent = two->silent = true;
        device_write(alice, BOB, 1);
        device_got(one, "1 ");
        device_got(two, "1 ");
        device_lose(one);
        device_login(two);
        device_got(two, ""); /* the other one may have it */
        device_login(one);
        device_got(two, "1 ");
        device_got(one, "");
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

/* A device with a copy needs no message; but when it loses the copy the message is owed again. */
static void a_copy_stands_for_the_message(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *alice = device_new(b, ALICE "/a"), *one = device_new(b, BOB "/a");
        struct device *two = device_new(b, BOB "/b");
        device_say(two, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        device_take(one);
        device_take(two);
        one->silent = two->silent = true;
        device_write(alice, BOB "/a", 1);
        device_take(two);
        assert_true(device_saw(two, "message " BOB " chat"));
        device_close(one); /* without a word about what it got */
        device_got(two, "");
        device_login(two);
        device_got(two, "1 ");
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_a_device_that_takes_no_old_ones_goes_to_another),
        cmocka_unit_test(one_for_another_device_is_left_to_it),
        cmocka_unit_test(what_one_has_acknowledged_is_not_missed_in_another),
        cmocka_unit_test(two_that_miss_it_are_one_that_gets_it),
        cmocka_unit_test(a_copy_stands_for_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
