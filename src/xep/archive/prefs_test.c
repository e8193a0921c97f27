/* XEP-0441: Message Archive Management Preferences. */
#include "core/hooks.h"
#include "xep/archive/test_archive.h"

#define JID(text) "<jid>" text "</jid>"
#define PREFS(default, always, never)                                                              \
    "<prefs xmlns='urn:xmpp:mam:2' default='" default "'><always>" always "</always><never>" never \
                                                      "</never></prefs>"
#define GET                         "<iq type='get' id='q'><prefs xmlns='urn:xmpp:mam:2'/></iq>"
#define SET(default, always, never) "<iq type='set' id='q'>" PREFS(default, always, never) "</iq>"
#define RESULT(default, always, never)                                                             \
    "<iq type='result' id='q'>" PREFS(default, always, never) "</iq>"

static bool wants(struct bench *b, const char *peer)
{
    struct jid jid;
    struct account *a = bench_loaded(b, ALICE);
    assert_non_null(a);
    assert_true(jid_from_prepared(slice_z(peer), &jid));
    return hooks_archive_wants(bench_engine(b, ALICE), a, &jid);
}

static void all_is_archived_unless_said_otherwise(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, ALICE "/phone");
        ask(alice, GET, RESULT("always", "", ""));
        assert_true(wants(b, BOB));
        assert_true(wants(b, CAROL "/x"));
        expect_nothing(alice);
    }
}

static void preferences_are_kept(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, ALICE "/phone");
        ask(alice, SET("never", JID("Bob@Example.net") JID(CAROL "/X"), JID("x@talk.example.org")),
            RESULT("never", JID(BOB) JID(CAROL "/X"), JID("x@example.org")));
        ask(alice, GET, RESULT("never", JID(BOB) JID(CAROL "/X"), JID("x@example.org")));
        client_lose(&alice);
        bench_advance(b, 120000);
        assert_null(bench_loaded(b, ALICE));
        alice = bench_login(b, ALICE "/desk");
        ask(alice, GET, RESULT("never", JID(BOB) JID(CAROL "/X"), JID("x@example.org")));
        assert_true(wants(b, BOB "/any"));
        assert_false(wants(b, "dave@example.net"));
        ask(alice, "<iq type='set' id='q'><prefs xmlns='urn:xmpp:mam:2' default='always'/></iq>",
            RESULT("always", "", ""));
        assert_true(wants(b, "dave@example.net"));
        expect_nothing(alice);
    }
}

static void an_address_with_a_resource_is_that_one(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    client_send(alice, SET("always", JID(BOB "/home"), JID(BOB) JID(CAROL "/work")));
    assert_true(wants(b, BOB "/home"));
    assert_false(wants(b, BOB "/work"));
    assert_false(wants(b, BOB));
    assert_false(wants(b, CAROL "/work"));
    assert_true(wants(b, CAROL "/home"));
    assert_true(wants(b, CAROL));
    bench_free(&b);
}

static void the_roster_decides_where_it_is_asked(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        bench_befriend(b, ALICE, BOB);
        struct client *alice = bench_login(b, ALICE "/phone");
        ask(alice, SET("roster", "", ""), RESULT("roster", "", ""));
        assert_true(wants(b, BOB "/desk"));
        assert_false(wants(b, CAROL));
        ask(alice, SET("roster", JID(CAROL), JID(BOB)), RESULT("roster", JID(CAROL), JID(BOB)));
        assert_false(wants(b, BOB "/desk"));
        assert_true(wants(b, CAROL));
        expect_nothing(alice);
    }
}

static void bad_preferences_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    ask(alice, SET("sometimes", "", ""), BAD_REQUEST);
    ask(alice, "<iq type='set' id='q'><prefs xmlns='urn:xmpp:mam:2'/></iq>", BAD_REQUEST);
    ask(alice, SET("always", JID(BOB), JID("BOB@example.net")), BAD_REQUEST);
    ask(alice, SET("always", JID(""), ""), REFUSED("modify", "jid-malformed"));
    ask(alice, SET("always", "", JID("@")), REFUSED("modify", "jid-malformed"));
    b->batch_error = ERR_FULL;
    ask(alice, SET("never", "", ""), REFUSED("wait", "resource-constraint"));
    b->batch_error = 0;
    ask(alice, GET, RESULT("always", "", ""));
    expect_nothing(alice);
    bench_free(&b);
}

static void the_lists_have_an_end(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    for (int n = 1000; n <= 1001; n++) {
        struct buf text = {0};
        buf_lit(&text,
                "<iq type='set' id='q'><prefs xmlns='urn:xmpp:mam:2' default='never'><never>");
        for (int i = 0; i < n; i++)
            buf_printf(&text, "<jid>n%d@example.net</jid>", i);
        buf_lit(&text, "</never></prefs></iq>");
        buf_byte(&text, '\0');
        client_send(alice, text.ptr);
        buf_free(&text);
        if (n == 1000)
            expect(alice, "<iq type='result' id='q'><prefs xmlns='urn:xmpp:mam:2' "
                          "default='never'><_/></prefs></iq>");
        else
            expect(alice, REFUSED("wait", "resource-constraint"));
    }
    assert_false(wants(b, "n999@example.net"));
    expect_nothing(alice);
    bench_free(&b);
}

static void a_host_without_archives_has_no_preferences(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    b->hosts[0].archive = false;
    struct client *alice = bench_login(b, ALICE "/phone");
    ask(alice, GET, REFUSED("cancel", "service-unavailable"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_archived_unless_said_otherwise),
        cmocka_unit_test(preferences_are_kept),
        cmocka_unit_test(an_address_with_a_resource_is_that_one),
        cmocka_unit_test(the_roster_decides_where_it_is_asked),
        cmocka_unit_test(bad_preferences_are_refused),
        cmocka_unit_test(the_lists_have_an_end),
        cmocka_unit_test(a_host_without_archives_has_no_preferences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
