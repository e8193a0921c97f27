/* XEP-0054: vcard-temp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "xep/test_engine.h"

#define CARD(name)                                                                                 \
    "<vCard xmlns='vcard-temp'><FN>" name "</FN><N><FAMILY>L</FAMILY></N>"                         \
    "<PHOTO><BINVAL>AAAA</BINVAL></PHOTO></vCard>"
#define EMPTY "<vCard xmlns='vcard-temp'/>"

static void ones_own_card_is_kept_as_a_whole(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1'>" EMPTY "</iq>",
        "<iq type='error' id='1'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, "<iq type='set' id='2'>" CARD("Алиса &lt;A&gt;") "</iq>",
        "<iq type='result' id='2'/>");
    ask(alice, "<iq type='get' id='3'>" EMPTY "</iq>",
        "<iq type='result' id='3'>" CARD("Алиса &lt;A&gt;") "</iq>");
    ask(alice,
        "<iq type='set' id='4' to='alice@example.org'><vCard xmlns='vcard-temp'><FN>A</FN>"
        "</vCard></iq>",
        "<iq type='result' id='4' from='alice@example.org'/>");
    ask(alice, "<iq type='get' id='5'>" EMPTY "</iq>",
        "<iq type='result' id='5'><vCard xmlns='vcard-temp'><FN>A</FN></vCard></iq>");
    bench_free(&b);
}

static void anybody_may_read_it_and_nobody_else_write(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *bob = bench_login(b, "bob@example.net/desk");
    ask(bob, "<iq type='set' id='1'>" CARD("Bob") "</iq>", "<iq type='result' id='1'/>");
    ask(alice, "<iq type='get' id='2' to='bob@example.net'>" EMPTY "</iq>",
        "<iq type='result' id='2' from='bob@example.net'>" CARD("Bob") "</iq>");
    client_lose(&bob);
    ask(alice, "<iq type='get' id='3' to='bob@example.net'>" EMPTY "</iq>",
        "<iq type='result' id='3' from='bob@example.net'>" CARD("Bob") "</iq>");
    ask(alice, "<iq type='set' id='4' to='bob@example.net'>" CARD("Mallory") "</iq>",
        "<iq type='error' id='4' from='bob@example.net'><error type='auth'>"
        "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, "<iq type='get' id='5' to='bob@example.net'>" EMPTY "</iq>",
        "<iq type='result' id='5' from='bob@example.net'>" CARD("Bob") "</iq>");
    bench_free(&b);
}

/* Section 3.4: against the harvesting of addresses. */
static void who_has_no_card_looks_like_nobody(void **state)
{
    (void)state;
    struct bench *b = bench_new_shards(NULL, 3);
    bench_account(b, "bob@example.net");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='bob@example.net'>" EMPTY "</iq>",
        "<iq type='error' id='1' from='bob@example.net'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, "<iq type='get' id='1' to='nobody@example.net'>" EMPTY "</iq>",
        "<iq type='error' id='1' from='nobody@example.net'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, "<iq type='set' id='2' to='bob@example.net'>" EMPTY "</iq>",
        "<iq type='error' id='2' from='bob@example.net'><error type='auth'>"
        "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    ask(alice, "<iq type='set' id='2' to='nobody@example.net'>" EMPTY "</iq>",
        "<iq type='error' id='2' from='nobody@example.net'><error type='auth'>"
        "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    bench_free(&b);
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    b->batch_error = ERR_READONLY;
    ask(alice, "<iq type='set' id='1'>" CARD("A") "</iq>",
        "<iq type='error' id='1'><error type='wait'><_/></error></iq>");
    b->query_error = ERR_BUSY;
    ask(alice, "<iq type='get' id='2'>" EMPTY "</iq>",
        "<iq type='error' id='2'><error type='wait'><_/></error></iq>");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_own_card_is_kept_as_a_whole),
        cmocka_unit_test(anybody_may_read_it_and_nobody_else_write),
        cmocka_unit_test(who_has_no_card_looks_like_nobody),
        cmocka_unit_test(a_failing_store_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
