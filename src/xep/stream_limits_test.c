/* XEP-0478. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define LIMITS "urn:xmpp:stream-limits:0"

static void assert_limit(struct client *c, const char *want)
{
    struct xml limits = xml_child(client_next(c), SLICE(LIMITS), SLICE("limits"));
    struct slice bytes = xml_text(xml_child(limits, SLICE(LIMITS), SLICE("max-bytes")));
    assert_true(slice_eq(bytes, slice_z(want)));
    assert_false(xml_some(xml_child(limits, SLICE(LIMITS), SLICE("idle-seconds"))));
}

static void the_limit_in_force_is_announced(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    b->config.core.limits.preauth_bytes = 12345;
    bench_account(b, "alice@example.org");
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    assert_limit(c, "12345");
    client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                   "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>");
    expect(c, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    client_open(c, "example.org");
    assert_limit(c, "262144");
    bench_free(&b);
}

static void what_is_announced_is_what_is_taken(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    uint32_t limit = b->config.core.limits.stanza_bytes;
    for (uint32_t extra = 0; extra <= 1; extra++) {
        static const char BEGIN[] = "<message to='nobody@example.org'><body>",
                          END[] = "</body></message>";
        size_t padding = limit - (sizeof(BEGIN) - 1) - (sizeof(END) - 1) + extra;
        struct buf text = {0};
        buf_lit(&text, "<message to='nobody@example.org'><body>");
        for (size_t i = 0; i < padding; i++)
            buf_byte(&text, 'x');
        buf_lit(&text, "</body></message>");
        buf_byte(&text, '\0');
        client_send(alice, text.ptr);
        if (extra == 0)
            expect(alice, "<message type='error' from='nobody@example.org'><error type='cancel'>"
                          "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                          "</error></message>");
        else
            expect_stream_error(alice, "policy-violation");
        buf_free(&text);
    }
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_in_force_is_announced),
        cmocka_unit_test(what_is_announced_is_what_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
