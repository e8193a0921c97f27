/* XEP-0049: Private XML Storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xep/test_engine.h"

#define QUERY(inner)  "<query xmlns='jabber:iq:private'>" inner "</query>"
#define GET(id, what) "<iq type='get' id='" id "'>" QUERY(what) "</iq>"
#define SET(id, what) "<iq type='set' id='" id "'>" QUERY(what) "</iq>"
#define NOTES                                                                                      \
    "<storage xmlns='storage:rosternotes'><note jid='a@b'>nice &amp; <b/> so</note></storage>"
#define NOT_ACCEPTABLE(id)                                                                         \
    "<iq type='error' id='" id "'><error type='modify'>"                                           \
    "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"

static void what_is_put_in_comes_out(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, SET("1", NOTES), "<iq type='result' id='1'/>");
    ask(alice, SET("2", "<x xmlns='urn:a'>1</x><x xmlns='urn:b'>2</x>"),
        "<iq type='result' id='2'/>");
    client_lose(&alice);
    bench_advance(b, 120000);
    alice = bench_login(b, "alice@example.org/desk");
    ask(alice, GET("3", "<storage xmlns='storage:rosternotes'/>"),
        "<iq type='result' id='3'>" QUERY(NOTES) "</iq>");
    ask(alice, GET("4", "<x xmlns='urn:b'/>"),
        "<iq type='result' id='4'>" QUERY("<x xmlns='urn:b'>2</x>") "</iq>");
    ask(alice, SET("5", "<x xmlns='urn:b'/>"), "<iq type='result' id='5'/>");
    ask(alice, GET("6", "<x xmlns='urn:b'/>"),
        "<iq type='result' id='6'>" QUERY("<x xmlns='urn:b'/>") "</iq>");
    bench_free(&b);
}

static void what_was_never_put_in_is_empty(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, GET("1", "<x xmlns='urn:&apos;&lt;y/>' a='1'>text</x>"),
        "<iq type='result' id='1'>" QUERY("<x xmlns='urn:&apos;&lt;y/>'/>") "</iq>");
    bench_free(&b);
}

static void it_is_private(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "bob@example.net");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *bob = bench_login(b, "bob@example.net/desk");
    ask(bob, SET("1", NOTES), "<iq type='result' id='1'/>");
    client_send(alice, "<iq type='get' id='2' to='bob@example.net'>" QUERY(
                           "<storage xmlns='storage:rosternotes'/>") "</iq>");
    expect(alice, "<iq type='error' id='2' from='bob@example.net'><error type='auth'>"
                  "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    client_send(alice, "<iq type='set' id='3' to='bob@example.net'>" QUERY(NOTES) "</iq>");
    expect(alice, "<iq type='error' id='3' from='bob@example.net'><_/></iq>");
    expect_nothing(bob);
    bench_free(&b);
}

static void requests_that_say_nothing_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, GET("1", ""), NOT_ACCEPTABLE("1"));
    ask(alice, SET("2", ""), NOT_ACCEPTABLE("2"));
    ask(alice, GET("3", "<x xmlns='urn:a'/><x xmlns='urn:b'/>"), NOT_ACCEPTABLE("3"));
    ask(alice, SET("4", "<x/>"), NOT_ACCEPTABLE("4"));
    ask(alice, SET("5", "<x xmlns='urn:a'/><x/>"), NOT_ACCEPTABLE("5"));
    assert_int_equal(bench_count(b, "alice@example.org", "private"), 0);
    bench_free(&b);
}

static void the_store_has_an_end(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    b->config.core.limits.rate = false;
    enum { BIG = 200000 };
    char *text = mem_alloc(BIG + 1);
    memset(text, 'x', BIG);
    for (int i = 0; i < 22; i++)
        client_sendf(alice, "<iq type='set' id='%d'>" QUERY("<x xmlns='urn:%d'>%s</x>") "</iq>", i,
                     i, text);
    mem_free(text);
    for (int i = 0; i < 20; i++)
        client_next(alice);
    expect(alice, "<iq type='error' id='20'><error type='wait'><resource-constraint "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error></iq>");
    assert_int_equal(bench_count(b, "alice@example.org", "private"), 20);
    bench_free(&b);
}

static void D01_a_full_disk_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    b->batch_error = ERR_FULL;
    ask(alice, SET("1", NOTES),
        "<iq type='error' id='1'><error type='wait'><resource-constraint "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error></iq>");
    b->query_error = ERR_IO;
    ask(alice, GET("2", "<x xmlns='urn:a'/>"),
        "<iq type='error' id='2'><error type='cancel'><internal-server-error "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error></iq>");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_in_comes_out),
        cmocka_unit_test(what_was_never_put_in_is_empty),
        cmocka_unit_test(it_is_private),
        cmocka_unit_test(requests_that_say_nothing_are_refused),
        cmocka_unit_test(the_store_has_an_end),
        cmocka_unit_test(D01_a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
