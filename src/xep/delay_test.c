/* XEP-0203, and core/service/delay.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/service/delay.h"
#include "xep/test_engine.h"

#define D(from) "<delay xmlns='urn:xmpp:delay' from='" from "' stamp='2001-01-01T00:00:00Z'/>"
#define BODY    "<body>hi</body>"

static void S15_stamps_of_the_own_server_are_forged(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "bob@example.org");
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    client_discard(alice);
    /* Under its name, in other letters, by an alias, of another host of ours, more than one. */
    client_send(alice, "<message to='bob@example.org' type='chat'>" D("example.org") BODY D(
                           "EXAMPLE.org") D("talk.example.org") D("example.net") "</message>");
    expect(bob, "<message from='alice@example.org/phone' type='chat'>" BODY "</message>");
    /* In another spelling. */
    client_send(alice, "<message to='bob@example.org'><d:delay xmlns:d='urn:xmpp:delay' d:x='1' "
                       "from='&#101;xample.org' stamp=''>why<x/></d:delay>" BODY "</message>");
    expect(bob, "<message from='alice@example.org/phone'>" BODY "</message>");
    client_send(alice, "<presence><status>x</status>" D("example.org") "</presence>");
    expect(bob, "<presence from='alice@example.org/phone'><status>x</status></presence>");
    client_send(alice, "<presence to='bob@example.org/desk'>" D("example.org") "</presence>");
    expect(bob, "<presence from='alice@example.org/phone'/>");
    bench_free(&b);
}

static void S15_stamps_of_others_are_passed_on(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    /* Of other hosts, of people, of nobody, of what is no address; deeper inside; in an IQ. */
#define OTHERS                                                                                     \
    D("other.example")                                                                             \
    D("alice@example.org/phone")                                                                   \
    D("")                                                                                          \
    D("a@b@c")                                                                                     \
    "<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/>"                                 \
    "<delay xmlns='urn:other' from='example.org'/>"                                                \
    "<forwarded xmlns='urn:xmpp:forward:0'>" D("example.org") "</forwarded>"
    ask(alice, "<message to='alice@example.org/phone'>" OTHERS "</message>",
        "<message from='alice@example.org/phone'>" OTHERS "</message>");
    ask(alice, "<iq type='set' id='1' to='alice@example.org/phone'>" D("example.org") "</iq>",
        "<iq type='set' id='1' from='alice@example.org/phone'>" D("example.org") "</iq>");
    bench_free(&b);
}

/* V25: whatever a stamp looks like, the message is passed on. */
static void V25_odd_stamps_do_not_matter(void **state)
{
    (void)state;
    static const char *const STAMPS[] = {"0000-01-01T00:00:00Z",
                                         "9999-12-31T23:59:59Z",
                                         "-1-01-01T00:00:00Z",
                                         "2001-01-01T00:00:00.12345678901234567890Z",
                                         "2016-12-31T23:59:60Z",
                                         "2001-01-01T00:00:00",
                                         "now",
                                         ""};
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    for (size_t i = 0; i < sizeof(STAMPS) / sizeof(STAMPS[0]); i++) {
        client_sendf(alice,
                     "<message to='alice@example.org/phone'><body>x</body>"
                     "<delay xmlns='urn:xmpp:delay' from='a.example' stamp='%s'/></message>",
                     STAMPS[i]);
        expect(alice, "<message from='alice@example.org/phone'><body>x</body>"
                      "<delay xmlns='urn:xmpp:delay' from='a.example' stamp='*'/></message>");
    }
    bench_free(&b);
}

static void a_stamp_is_written_in_utc(void **state)
{
    (void)state;
    struct buf out = {0};
    int64_t ms;
    assert_true(time_parse(SLICE("2002-09-10T23:08:25+02:00"), &ms));
    delay_write(&out, SLICE("example.org"), ms, SLICE("late & sorry"));
    delay_write(&out, SLICE("example.org"), ms, SLICE_NONE);
    buf_byte(&out, '\0');
    assert_string_equal(out.ptr, "<delay xmlns='urn:xmpp:delay' from='example.org' "
                                 "stamp='2002-09-10T21:08:25.000Z'>late &amp; sorry</delay>"
                                 "<delay xmlns='urn:xmpp:delay' from='example.org' "
                                 "stamp='2002-09-10T21:08:25.000Z'/>");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S15_stamps_of_the_own_server_are_forged),
        cmocka_unit_test(S15_stamps_of_others_are_passed_on),
        cmocka_unit_test(V25_odd_stamps_do_not_matter),
        cmocka_unit_test(a_stamp_is_written_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
