/* XEP-0012. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/service/accounts.h"
#include "xep/test_engine.h"

#define QUERY "<query xmlns='jabber:iq:last'/>"
#define ERROR(name)                                                                                \
    "<error type='auth'><" name " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
#define TO_BOB(id) "<iq type='get' id='" id "' to='bob@example.org'>" QUERY "</iq>"

static struct client *with_friend(struct bench *b)
{
    bench_befriend(b, "alice@example.org", "bob@example.org");
    bench_account(b, "bob@example.org");
    return bench_login(b, "alice@example.org/phone");
}

static void the_server_tells_how_long_it_runs(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    bench_advance(b, 125999);
    ask(alice, "<iq type='get' id='1' to='example.org'>" QUERY "</iq>",
        "<iq type='result' id='1' from='example.org'>"
        "<query xmlns='jabber:iq:last' seconds='125'/></iq>");
    bench_free(&b);
}

static void a_contact_who_left_with_a_status(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = with_friend(b);
    struct client *bob = bench_online(b, "bob@example.org/desk");
    ask(alice, TO_BOB("1"),
        "<iq type='result' id='1' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='0'/></iq>");
    client_send(bob, "<presence type='unavailable'><status>Heading &lt;Home></status></presence>");
    /* Still connected. */
    bench_advance(b, 5000);
    ask(alice, TO_BOB("2"),
        "<iq type='result' id='2' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='0'/></iq>");
    client_close(&bob);
    bench_advance(b, 7900);
    ask(alice, TO_BOB("3"),
        "<iq type='result' id='3' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='7'>Heading &lt;Home></query></iq>");
    /* Out of memory by then: from the store. */
    bench_advance(b, 200000);
    assert_null(bench_loaded(b, "bob@example.org"));
    ask(alice, TO_BOB("4"),
        "<iq type='result' id='4' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='207'>Heading &lt;Home></query></iq>");
    bench_free(&b);
}

static void the_last_session_counts(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = with_friend(b);
    struct client *desk = bench_online(b, "bob@example.org/desk");
    struct client *sofa = bench_online(b, "bob@example.org/sofa");
    client_send(desk, "<presence type='unavailable'><status>off</status></presence>");
    client_close(&desk);
    bench_advance(b, 3000);
    ask(alice, TO_BOB("1"),
        "<iq type='result' id='1' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='0'/></iq>");
    client_lose(&sofa); /* without a word: what was said before is void */
    bench_advance(b, 2000);
    ask(alice, TO_BOB("2"),
        "<iq type='result' id='2' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='2'/></iq>");
    bench_free(&b);
}

static void who_was_never_here(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = with_friend(b);
    ask(alice, TO_BOB("1"),
        "<iq type='error' id='1' from='bob@example.org'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    b->query_error = ERR_IO;
    ask(alice, TO_BOB("2"),
        "<iq type='error' id='2' from='bob@example.org'><error type='*'>"
        "<internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error></iq>");
    b->query_error = 0;
    bench_put(b, "bob@example.org", "last", "", SLICE("gone"));
    ask(alice, TO_BOB("3"),
        "<iq type='error' id='3' from='bob@example.org'><error type='*'>"
        "<internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    bench_free(&b);
}

static void strangers_are_forbidden_and_find_nobody(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, "bob@example.org");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *carol = bench_online(b, "carol@example.org/desk");
    ask(alice, TO_BOB("1"),
        "<iq type='error' id='1' from='bob@example.org'>" ERROR("forbidden") "</iq>");
    ask(alice, "<iq type='get' id='2' to='nobody@example.org'>" QUERY "</iq>",
        "<iq type='error' id='2' from='nobody@example.org'>" ERROR("forbidden") "</iq>");
    ask(alice, "<iq type='get' id='3' to='carol@example.org'>" QUERY "</iq>",
        "<iq type='error' id='3' from='carol@example.org'>" ERROR("forbidden") "</iq>");
    /* A client is not asked by strangers at all. */
    ask(alice, "<iq type='get' id='4' to='carol@example.org/desk'>" QUERY "</iq>",
        "<iq type='error' id='4' from='carol@example.org/desk'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    expect_nothing(carol);
    bench_free(&b);
}

static void who_only_gets_presence_from_the_other_is_no_subscriber(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    /* Bob sees alice; alice does not see bob. */
    client_send(bob, "<presence type='subscribe' to='alice@example.org'/>");
    client_send(alice, "<presence type='subscribed' to='bob@example.org'/>");
    client_discard(alice);
    client_discard(bob);
    ask(alice, TO_BOB("1"),
        "<iq type='error' id='1' from='bob@example.org'>" ERROR("forbidden") "</iq>");
    ask(bob, "<iq type='get' id='2' to='alice@example.org'>" QUERY "</iq>",
        "<iq type='result' id='2' from='alice@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='0'/></iq>");
    bench_free(&b);
}

static void a_long_status_is_not_kept(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = with_friend(b);
    struct client *bob = bench_online(b, "bob@example.org/desk");
    client_sendf(bob, "<presence type='unavailable'><status>%01025d</status></presence>", 0);
    client_close(&bob);
    ask(alice, TO_BOB("1"),
        "<iq type='result' id='1' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='0'/></iq>");
    bench_free(&b);
}

static void a_clock_that_goes_back_is_no_future(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = with_friend(b);
    struct client *bob = bench_online(b, "bob@example.org/desk");
    client_close(&bob);
    b->now.wall_ms -= 86400000;
    ask(alice, TO_BOB("1"),
        "<iq type='result' id='1' from='bob@example.org'>"
        "<query xmlns='jabber:iq:last' seconds='0'/></iq>");
    bench_free(&b);
}

static void removed(struct engine *e, void *ctx, enum accounts_result result)
{
    (void)e;
    *(enum accounts_result *)ctx = result;
}

/* The session of a removed account ends after it: nothing of it may come back. */
static void nothing_is_kept_of_a_removed_account(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *bob = bench_online(b, "bob@example.org/desk");
    enum accounts_result result = ACCOUNTS_FAILED;
    struct jid jid;
    assert_true(jid_from_prepared(SLICE("bob@example.org"), &jid));
    accounts_remove(bench_engine(b, "bob@example.org"), &jid, removed, &result);
    bench_run(b);
    assert_int_equal(result, ACCOUNTS_DONE);
    assert_true(client_ended(bob));
    assert_int_equal(bench_count(b, "bob@example.org", "last"), 0);
    bench_free(&b);
}

static void a_lost_write_is_logged(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *bob = bench_online(b, "bob@example.org/desk");
    b->batch_error = ERR_FULL;
    client_close(&bob);
    assert_true(bench_logged(b, "event=last.lost"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_tells_how_long_it_runs),
        cmocka_unit_test(a_contact_who_left_with_a_status),
        cmocka_unit_test(the_last_session_counts),
        cmocka_unit_test(who_was_never_here),
        cmocka_unit_test(strangers_are_forbidden_and_find_nobody),
        cmocka_unit_test(who_only_gets_presence_from_the_other_is_no_subscriber),
        cmocka_unit_test(a_long_status_is_not_kept),
        cmocka_unit_test(a_clock_that_goes_back_is_no_future),
        cmocka_unit_test(nothing_is_kept_of_a_removed_account),
        cmocka_unit_test(a_lost_write_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
