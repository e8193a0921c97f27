/* XEP-0334: Message Processing Hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define HINT(name) "<" name " xmlns='urn:xmpp:hints'/>"
#define TO_BOB(id, inner)                                                                          \
    "<message to='bob@example.net' type='chat' id='" id "'>" inner "</message>"

static void hints_decide_what_waits_for_who_is_away(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, "bob@example.net");
    struct client *alice = bench_online(b, "alice@example.org/phone");
    client_send(alice, TO_BOB("1", "<x xmlns='urn:example:x'/>" HINT("store")));
    client_send(alice, TO_BOB("2", "<body>for once</body>" HINT("no-permanent-store")));
    expect_nothing(alice);
    client_send(alice, TO_BOB("3", "<body>never</body>" HINT("no-store")));
    expect(alice, "<message from='bob@example.net' type='error' id='3'><_/></message>");
    assert_int_equal(bench_count(b, "bob@example.net", "archive"), 2);
    struct client *bob = bench_login(b, "bob@example.net/desk");
    client_send(bob, "<presence/>");
    client_next(bob);
    expect(bob,
           "<message from='*' type='chat' id='1'><x xmlns='urn:example:x'/>" HINT(
               "store") "<delay xmlns='urn:xmpp:delay' from='example.net' stamp='*'/></message>");
    expect(bob, "<message from='*' type='chat' id='2'><_/></message>");
    bench_free(&b);
}

static void hints_change_nothing_for_who_is_there(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.net/desk");
    client_send(alice, TO_BOB("1", "<body>now</body>" HINT("no-store")));
    expect(bob, "<message from='alice@example.org/phone' type='chat' id='1'><body>now</body>" HINT(
                    "no-store") "</message>");
    assert_int_equal(bench_count(b, "bob@example.net", "archive"), 0);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hints_decide_what_waits_for_who_is_away),
        cmocka_unit_test(hints_change_nothing_for_who_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
