/* The roster in memory and in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/roster.h"
#include "xmpp/ns.h"

static void items_stay_sorted_and_are_found(void **state)
{
    (void)state;
    struct roster r = {0};
    char jid[32];
    for (int i = 0; i < 500; i++) {
        int n = snprintf(jid, sizeof(jid), "u%d@h", i * 7919 % 500);
        roster_set(&r, slice_of(jid, (size_t)n), SLICE_NONE, SLICE_NONE);
    }
    assert_int_equal(r.count, 500);
    for (uint32_t i = 1; i < r.count; i++)
        assert_true(slice_compare(roster_item_jid(r.items[i - 1]), roster_item_jid(r.items[i])) <
                    0);
    assert_non_null(roster_find(&r, SLICE("u42@h")));
    roster_remove(&r, SLICE("u42@h"));
    assert_null(roster_find(&r, SLICE("u42@h")));
    assert_int_equal(r.count, 499);
    roster_free(&r);
}

static void a_changed_item_keeps_its_subscription(void **state)
{
    (void)state;
    struct roster r = {0};
    struct roster_item *i = roster_set(&r, SLICE("a@h"), SLICE("A"), SLICE_NONE);
    i->sub.to = true;
    i->listed = true;
    i = roster_set(&r, SLICE("a@h"), SLICE("B"), SLICE("g\0"));
    assert_true(i->sub.to && i->listed);
    assert_true(slice_is(roster_item_name(i), "B"));
    assert_int_equal(r.count, 1);
    roster_free(&r);
}

static void every_state_survives_the_store(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        struct roster r = {0}, back = {0};
        struct roster_item *i = roster_set(&r, SLICE("a@h"), SLICE("Name"), SLICE("x\0yy\0"));
        i->sub = (struct subscription){bits & 1, bits & 2, bits & 4, bits & 8, bits & 16};
        i->listed = (bits & 32) != 0;
        struct buf value = {0};
        roster_item_encode(i, &value);
        assert_true(roster_item_decode(&back, SLICE("a@h"), buf_slice(&value)));
        const struct roster_item *j = roster_find(&back, SLICE("a@h"));
        assert_true(subscription_eq(i->sub, j->sub));
        assert_int_equal(i->listed, j->listed);
        assert_true(slice_eq(roster_item_name(i), roster_item_name(j)));
        assert_true(slice_eq(roster_item_groups(i), roster_item_groups(j)));
        buf_free(&value);
        roster_free(&r);
        roster_free(&back);
    }
}

static void damaged_values_are_refused(void **state)
{
    (void)state;
    struct roster r = {0};
    const struct slice bad[] = {
        SLICE(""),   SLICE("0"), SLICE("0abc"), SLICE("\x01\0"), SLICE("0\0group without end"),
        SLICE("~\0")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(roster_item_decode(&r, SLICE("a@h"), bad[i]));
    assert_int_equal(r.count, 0);
    roster_free(&r);
}

static void items_are_written_as_the_rfc_shows_them(void **state)
{
    (void)state;
    struct roster r = {0};
    struct roster_item *i = roster_set(&r, SLICE("a@h"), SLICE("A<"), SLICE("g1\0g2\0"));
    i->sub = (struct subscription){.to = true, .pending_out = false, .approved = true};
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, NS_ROSTER);
    roster_item_write(i, &w);
    assert_true(slice_is(buf_slice(&out),
                         "<item jid='a@h' name='A&lt;' subscription='to' approved='true'>"
                         "<group>g1</group><group>g2</group></item>"));
    buf_free(&out);
    roster_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_sorted_and_are_found),
        cmocka_unit_test(a_changed_item_keeps_its_subscription),
        cmocka_unit_test(every_state_survives_the_store),
        cmocka_unit_test(damaged_values_are_refused),
        cmocka_unit_test(items_are_written_as_the_rfc_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
