/* XEP-0199. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define PING "<ping xmlns='urn:xmpp:ping'/>"

static void the_server_answers(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='example.org'>" PING "</iq>",
        "<iq type='result' id='1' from='example.org'/>");
    ask(alice, "<iq type='get' id='2'>" PING "</iq>", "<iq type='result' id='2'/>");
    ask(alice, "<iq type='get' id='3' to='alice@example.org'>" PING "</iq>",
        "<iq type='result' id='3' from='alice@example.org'/>");
    ask(alice, "<iq type='set' id='4' to='example.org'>" PING "</iq>",
        "<iq type='error' id='4' from='example.org'><error type='cancel'>"
        "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    bench_free(&b);
}

static void strangers_cannot_find_accounts(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "carol@example.org");
    bench_account(b, "carol@example.org");
    bench_account(b, "bob@example.org");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    static const char *const HIDDEN[] = {"bob@example.org", "nobody@example.org"};
    for (unsigned i = 0; i < 2; i++) {
        char pattern[256];
        client_sendf(alice, "<iq type='get' id='1' to='%s'>" PING "</iq>", HIDDEN[i]);
        snprintf(pattern, sizeof(pattern),
                 "<iq type='error' id='1' from='%s'><error type='cancel'><service-unavailable "
                 "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                 HIDDEN[i]);
        expect(alice, pattern);
    }
    ask(alice, "<iq type='get' id='2' to='carol@example.org'>" PING "</iq>",
        "<iq type='result' id='2' from='carol@example.org'/>");
    bench_free(&b);
}

static void a_client_is_asked_itself(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "bob@example.org");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *bob = bench_login(b, "bob@example.org/desk");
    client_send(alice, "<iq type='get' id='1' to='bob@example.org/desk'>" PING "</iq>");
    expect_nothing(alice);
    expect(bob, "<iq type='get' id='1' from='alice@example.org/phone'>" PING "</iq>");
    client_send(bob, "<iq type='result' id='1' to='alice@example.org/phone'/>");
    expect(alice, "<iq type='result' id='1' from='bob@example.org/desk'/>");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_answers),
        cmocka_unit_test(strangers_cannot_find_accounts),
        cmocka_unit_test(a_client_is_asked_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
