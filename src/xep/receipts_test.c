/* XEP-0184: Message Delivery Receipts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define REQUEST "<request xmlns='urn:xmpp:receipts'/>"
#define RECEIPT "<received xmlns='urn:xmpp:receipts' id='m'/>"

static void receipts_pass_between_clients(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        client_send(alice,
                    "<message to='bob@example.net/desk' type='chat' id='m'><body>hi</body>" REQUEST
                    "</message>");
        expect(bob,
               "<message from='alice@example.org/phone' type='chat' id='m'><body>hi</body>" REQUEST
               "<_/></message>");
        client_send(bob, "<message to='alice@example.org/phone' id='r'>" RECEIPT "</message>");
        expect(alice, "<message from='bob@example.net/desk' id='r'>" RECEIPT "<_/></message>");
    }
}

static void receipts_wait_for_who_is_away(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "alice@example.org");
        struct client *bob = bench_online(b, "bob@example.net/desk");
        client_send(bob,
                    "<message to='alice@example.org' type='chat' id='r'>" RECEIPT "</message>");
        expect_nothing(bob);
        struct client *alice = bench_login(b, "alice@example.org/phone");
        client_send(alice, "<presence/>");
        expect_somewhere(alice, "<message from='bob@example.net/desk' type='chat' id='r'>" RECEIPT
                                "<_/></message>");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_pass_between_clients),
        cmocka_unit_test(receipts_wait_for_who_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
