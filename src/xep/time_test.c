/* XEP-0202. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "xep/test_engine.h"

static void the_server_tells_its_time_in_utc(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    CHECK(time_parse(SLICE("2026-01-02T23:59:59.250Z"), &b->now.wall_ms));
    client_send(alice, "<iq type='get' id='1' to='example.org'><time xmlns='urn:xmpp:time'/></iq>");
    /* Somewhere: time has jumped, so that the server asks for a sign of life as well. */
    expect_somewhere(alice, "<iq type='result' id='1' from='example.org'>"
                            "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo>"
                            "<utc>2026-01-02T23:59:59.250Z</utc></time></iq>");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_tells_its_time_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
