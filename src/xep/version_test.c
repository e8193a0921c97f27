/* XEP-0092. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

static void the_server_tells_its_name_and_version(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='example.org'><query xmlns='jabber:iq:version'/></iq>",
        "<iq type='result' id='1' from='example.org'><query xmlns='jabber:iq:version'>"
        "<name>burble</name><version>1.2.3</version></query></iq>");
    /* What runs below is not told, and accounts have no version. */
    ask(alice, "<iq type='get' id='2'><query xmlns='jabber:iq:version'/></iq>",
        "<iq type='error' id='2'><error type='cancel'><service-unavailable "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_tells_its_name_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
