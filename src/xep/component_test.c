/* XEP-0114: Jabber Component Protocol, what the host says of its components. The protocol itself is
 * tested with the streams, in node/component_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

static const struct component_config COMPONENTS[] = {
    {.name = SLICE("echo.example.org"), .secret = SLICE("1")},
    {.name = SLICE("gate.example.net"), .secret = SLICE("2")},
    {.name = SLICE("alone.example"), .secret = SLICE("3")},
};

static void a_host_lists_the_components_below_it(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.components = COMPONENTS;
        b->config.core.component_count = 3;
        struct client *alice = bench_online(b, "alice@example.org/phone");
        ask(alice,
            "<iq type='get' id='1' to='example.org'>"
            "<query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
            "<iq type='result' id='1' from='example.org'>"
            "<query xmlns='http://jabber.org/protocol/disco#items'>"
            "<item jid='echo.example.org'/><item jid='alone.example'/></query></iq>");
        ask(alice,
            "<iq type='get' id='2' to='example.net'>"
            "<query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
            "<iq type='result' id='2' from='example.net'>"
            "<query xmlns='http://jabber.org/protocol/disco#items'>"
            "<item jid='gate.example.net'/><item jid='alone.example'/></query></iq>");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_lists_the_components_below_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
