/* Stream management (XEP-0198) on one connection: the elements, the counts, when what is
 * acknowledged, signs of life. Rows S24, S25, V79, V80, V81, L14, N01, N11. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/sm.h"
#include "node/test_device.h"

#define ENABLE      "<enable xmlns='urn:xmpp:sm:3'/>"
#define ENABLE_LONG "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
#define RESUME(id)  "<resume xmlns='urn:xmpp:sm:3' previd='" id "' h='0'/>"
#define FAILED(cond)                                                                               \
    "<failed xmlns='urn:xmpp:sm:3'><" cond " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></"      \
    "failed>"
#define R             "<r xmlns='urn:xmpp:sm:3'/>"
#define A(h)          "<a xmlns='urn:xmpp:sm:3' h='" h "'/>"
#define MESSAGE(text) "<message to='bob@example.org' type='chat'><body>" text "</body></message>"

/* The features of a stream that is logged in; before it binds. */
static struct client *logged_in(struct bench *b, struct xml *features_out)
{
    bench_account(b, "alice@example.org");
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    client_discard(c);
    client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                   "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>");
    client_discard(c);
    client_open(c, "example.org");
    *features_out = client_next(c);
    return c;
}

static void it_is_offered_after_login(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct xml features;
        struct client *before = bench_connect(b);
        client_open(before, "example.org");
        assert_false(xml_some(xml_child(client_next(before), NS_SM, SLICE("sm"))));
        (void)logged_in(b, &features);
        assert_true(xml_some(xml_child(features, NS_SM, SLICE("sm"))));
    }
}

static void enabling_names_the_session_when_it_can_be_resumed(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *plain = bench_login(b, "alice@example.org/plain");
        ask(plain, ENABLE, "<enabled xmlns='urn:xmpp:sm:3'/>");
        struct client *one = bench_login(b, "alice@example.org/1");
        ask(one, ENABLE_LONG, "<enabled xmlns='urn:xmpp:sm:3' id='*' resume='true' max='300'/>");
        struct client *two = bench_login(b, "alice@example.org/2");
        ask(two, "<enable xmlns='urn:xmpp:sm:3' resume='1' max='60'/>",
            "<enabled xmlns='urn:xmpp:sm:3' id='*' resume='true' max='60'/>");
        struct client *three = bench_login(b, "alice@example.org/3");
        ask(three, "<enable xmlns='urn:xmpp:sm:3' resume='true' max='9999999999'/>",
            "<enabled xmlns='urn:xmpp:sm:3' id='*' resume='true' max='300'/>");
        b->config.core.limits.sm_resume_ms = 0;
        bench_reload(b);
        struct client *four = bench_login(b, "alice@example.org/4");
        ask(four, ENABLE_LONG, "<enabled xmlns='urn:xmpp:sm:3'/>");
    }
}

static void S24_what_comes_at_the_wrong_time_fails(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct xml features;
        struct client *c = logged_in(b, &features);
        ask(c, ENABLE, FAILED("unexpected-request")); /* before bind */
        ask(c, RESUME("nothing"), FAILED("item-not-found"));
        ask(c, RESUME("00000000000000000000000000000000"), FAILED("item-not-found"));
        ask(c, R, FAILED("unexpected-request"));
        /* And yet it may bind. */
        ask(c,
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            "<resource>phone</resource></bind></iq>",
            "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            "<jid>alice@example.org/phone</jid></bind></iq>");
        ask(c, A("0"), FAILED("unexpected-request"));
        ask(c, R, FAILED("unexpected-request"));
        ask(c, ENABLE, "<enabled xmlns='urn:xmpp:sm:3'/>");
        ask(c, ENABLE, FAILED("unexpected-request")); /* twice */
        ask(c, RESUME("nothing"), FAILED("unexpected-request"));
        ask(c, R, A("0"));
        assert_true(bench_logged(b, "event=sm.fail"));
        client_send(c, "<enabled xmlns='urn:xmpp:sm:3'/>");
        expect_stream_error(c, "unsupported-stanza-type");
    }
}

static void S24_the_session_of_somebody_else_is_not_found(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, "bob@example.org/a");
        struct device *alice = device_new(b, "alice@example.org/a");
        device_lose(bob);
        char own[64];
        snprintf(own, sizeof(own), "%s", alice->id);
        snprintf(alice->id, sizeof(alice->id), "%s", bob->id);
        assert_false(device_resume(alice));
        assert_int_equal(alice->failed, 1);
        assert_true(device_resume(bob));
        snprintf(alice->id, sizeof(alice->id), "%s", own);
        assert_true(device_resume(alice));
        device_free(&alice);
        device_free(&bob);
    }
}

static struct client *managed(struct bench *b, const char *full)
{
    struct client *c = bench_login(b, full);
    client_send(c, ENABLE);
    client_discard(c);
    return c;
}

/* Sends a stanza that is answered, whose answer it does not acknowledge. */
static void ping(struct client *c)
{
    client_send(c, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    client_discard(c);
}

static void S25_a_count_that_is_none_ends_the_stream(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "<a xmlns='urn:xmpp:sm:3'/>",
        A(""),
        A("-1"),
        A("4294967296"),
        A("99999999999999999999999"),
        A("one"),
        A("0x1"),
        A("1.0"),
        A("1 "),
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
            struct client *c = managed(b, "alice@example.org/phone");
            client_send(c, BAD[i]);
            expect_stream_error(c, "invalid-xml");
        }
        assert_true(bench_logged(b, "event=sm.bad_h"));
    }
}

static void S25_a_count_that_is_too_high_ends_the_stream(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *c = managed(b, "alice@example.org/phone");
        ping(c);
        ping(c);
        client_send(c, A("1"));
        expect(c, R);
        client_send(c, A("3"));
        expect(c, "<error xmlns='http://etherx.jabber.org/streams'>"
                  "<undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                  "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>*</text>"
                  "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='3' send-count='2'/></error>");
        assert_true(client_ended(c));
    }
}

/* Both counters stand before 2^32; the first acknowledgement passes it. */
static void S25_counts_wrap_around(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *c = managed(b, "alice@example.org/phone");
        struct engine *e = bench_engine(b, "alice@example.org");
        struct session *s = client_session(c);
        struct sm *sm = s->sm;
        struct slice id = region_session_id(e->region, sm->record);
        /* The bits of the last time around are clear where they are settled: all but the last. */
        const struct region_counters counters = {
            .in_h = UINT32_MAX - 1, .out_h = UINT32_MAX - 1, .settled = {0, 0, 0, 1ULL << 63}};
        struct buf state_bytes = {0};
        region_session_read(e->region, sm->record, &state_bytes);
        region_ref record = region_session_new(e->region, (const uint8_t *)id.ptr,
                                               buf_slice(&state_bytes), &counters);
        buf_free(&state_bytes);
        region_session_drop(e->region, sm->record);
        sm->record = record;
        sm->counters = region_session_counters(e->region, record);
        sm->received = sm->taken = UINT32_MAX - 1;
        ask(c, R, A("4294967294"));
        ping(c);
        ask(c, R, A("4294967295"));
        for (unsigned i = 0; i < 3; i++)
            ping(c);
        ask(c, R, A("2"));
        client_send(c, A("4294967295"));
        client_discard(c);
        client_send(c, A("2"));
        assert_int_equal(region_count(e->region, record), 0);
        for (unsigned i = 0; i < 600; i++)
            ping(c);
        ask(c, R, A("602"));
        client_send(c, A("603"));
        expect_stream_error(c, "undefined-condition");
    }
}

static void every_stanza_counts_and_nothing_else(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *c = bench_login(b, "alice@example.org/phone");
        ask(c, "<iq type='get' id='0'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='result' id='0'/>"); /* before it begins */
        ask(c, ENABLE, "<enabled xmlns='urn:xmpp:sm:3'/>");
        client_send(c, "<message to='bob@example.org' type='chat'><body>1</body></message>"
                       "<presence/>"
                       "<iq type='get' id='2'><ping xmlns='urn:xmpp:ping'/></iq>"
                       "<message to='nobody@example.org' id='3'><body>1</body></message>"
                       "<iq type='result' id='4' to='bob@example.org'/>"
                       "<message to='@' id='5'/>" A("0") " \n ");
        client_discard(c);
        ask(c, R, A("6"));
    }
}

/* One question is under way at most, and it comes again only when the answer brought something. */
static void the_client_is_asked_once_per_round_trip(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *c = managed(b, "alice@example.org/phone");
        client_send(c, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
        expect(c, "<iq type='result' id='1'/>");
        expect(c, R);
        for (unsigned i = 0; i < 5; i++)
            ask(c, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
                "<iq type='result' id='1'/>");
        expect_nothing(c);
        ask(c, A("1"), R);
        client_send(c, A("1"));
        expect_nothing(c);
        client_send(c, A("6"));
        expect_nothing(c);
        client_send(c, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
        expect(c, "<iq type='result' id='1'/>");
        expect(c, R);
    }
}

/* V81: nothing is acknowledged before it is on disk, and the answer is one when that is soon. */
static void V81_a_message_is_acknowledged_when_it_is_on_disk(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, "bob@example.org/a");
        struct client *c = managed(b, "alice@example.org/phone");
        b->store_held = true;
        client_send(c, MESSAGE("1") MESSAGE("2") R);
        expect_nothing(c);
        device_got(bob, "");
        bench_store_step(b, 1);
        expect_nothing(c); /* it is told when all that was asked for is there */
        device_got(bob, "1 ");
        client_send(c, MESSAGE("3") R MESSAGE("4"));
        bench_store_step(b, 1);
        expect(c, A("2")); /* the first question does not wait for the second */
        bench_store_step(b, 1);
        expect(c, A("3"));
        bench_store_step(b, 1);
        expect_nothing(c); /* nobody asked */
        device_got(bob, "2 3 4 ");
        ask(c, R, A("4"));
        bench_advance(b, 10 * SM_ANSWER_MS);
        expect_nothing(c);
        bench_release(b);
        device_free(&bob);
    }
}

/* A slow disk does not withhold the answer to <r/>, which may be how the client finds out whether
 * anybody is there; what settles later is told unasked. */
static void V81_the_answer_is_not_withheld(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, "bob@example.org/a");
        struct client *c = managed(b, "alice@example.org/phone");
        b->store_held = true;
        client_send(c, MESSAGE("1") MESSAGE("2") R);
        bench_store_step(b, 1);
        bench_advance(b, SM_ANSWER_MS / 2);
        expect_nothing(c);
        bench_advance(b, SM_ANSWER_MS);
        expect(c, A("1"));
        bench_advance(b, 10 * SM_ANSWER_MS);
        expect_nothing(c); /* once for each question */
        client_send(c, R);
        bench_advance(b, 2 * SM_ANSWER_MS);
        expect(c, A("1"));
        bench_release(b);
        expect(c, A("2"));
        expect_nothing(c);
        device_free(&bob);
    }
}

/* A stanza that needs no store does not wait for the one before; the count does. */
static void the_count_is_that_of_the_settled_prefix(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *c = managed(b, "alice@example.org/phone");
        b->store_held = true;
        client_send(c, "<message to='bob@example.org' type='chat'><body>1</body></message>");
        for (unsigned i = 0; i < 10; i++)
            ping(c);
        client_send(c, R);
        bench_advance(b, 2 * SM_ANSWER_MS);
        expect(c, A("0"));
        bench_release(b);
        expect_somewhere(c, A("11"));
    }
}

/* What settles beyond the prefix is remembered for 256 stanzas: the next one is not read. */
static void the_window_is_256_stanzas(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *c = managed(b, "alice@example.org/phone");
        b->store_held = true;
        b->config.core.limits.rate = false;
        client_send(c, "<message to='bob@example.org' type='chat'><body>1</body></message>");
        for (unsigned i = 0; i < 300; i++) {
            client_send(c, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
            while (client_waiting(c) > 0)
                if (slice_is(xml_name(client_next(c)), "r"))
                    break;
        }
        struct session *s = client_session(c);
        assert_int_equal(s->sm->received, 256);
        assert_int_equal(sm_handled(s), 0);
        assert_false(c2s_can_read(s->stream));
        client_discard(c);
        bench_release(b);
        client_discard(c);
        assert_int_equal(s->sm->received, 301);
        ask(c, R, A("301"));
    }
}

static void errors_of_the_store_are_answered_and_settled(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *c = managed(b, "alice@example.org/phone");
        client_send(c, "<message to='bob@example.org' type='chat' id='0'><body>0</body></message>");
        b->batch_error = ERR_FULL;
        client_send(c, "<message to='bob@example.org' type='chat' id='1'><body>1</body></message>");
        expect(c, "<message type='error' id='1' from='bob@example.org'><error type='wait'>"
                  "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                  "</message>");
        expect(c, R);
        ask(c, R, A("2"));
        b->batch_error = 0;
    }
}

/* L14, V79: above it messages wait in the log, in order, and none is lost. */
static void L14_what_is_not_acknowledged_is_limited(void **state)
{
    (void)state;
    enum { MESSAGES = 60 };
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.sm_stanzas = 10;
        struct device *bob = device_new(b, "bob@example.org/a");
        struct device *alice = device_new(b, "alice@example.org/a");
        bob->silent = true;
        char want[400] = "";
        for (unsigned i = 0; i < MESSAGES; i++) {
            device_write(alice, "bob@example.org", i);
            snprintf(want + strlen(want), sizeof(want) - strlen(want), "%u ", i);
        }
        device_take(bob);
        struct session *s = device_session(bob);
        assert_int_equal(
            region_count(node_engine(b->nodes[bob->client->shard])->region, s->sm->record), 10);
        /* A volatile one is refused. */
        device_say(alice, "<message to='bob@example.org' type='chat' id='v'><x xmlns='urn:x'/>"
                          "</message>");
        device_take(alice);
        assert_true(device_saw(alice, "message bob@example.org error v;"));
        bob->silent = false;
        while (buf_len(&bob->bodies) < strlen(want)) {
            size_t before = buf_len(&bob->bodies);
            client_sendf(bob->client, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", bob->handled);
            device_take(bob);
            assert_true(buf_len(&bob->bodies) > before);
        }
        device_got(bob, want);
        bench_advance(b, 5000);
        device_got(bob, "");
        device_free(&alice);
        device_free(&bob);
    }
}

static void N01_a_client_that_does_not_answer_is_gone(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, "bob@example.org/a");
        struct device *alice = device_new(b, "alice@example.org/a");
        device_take(bob);
        bob->silent = true;
        device_write(alice, "bob@example.org", 1);
        device_got(bob, "1 ");
        bench_advance(b, 59000);
        device_take(bob);
        assert_false(bob->ended);
        bench_advance(b, 2000);
        device_take(bob);
        assert_true(bob->ended);
        assert_string_equal(bob->error, "connection-timeout");
        assert_true(bench_logged(b, "event=conn.timeout"));
        assert_non_null(device_session(bob)); /* V80: it is not lost */
        device_free(&alice);
        device_free(&bob);
    }
}

/* Any byte shows that somebody is there, but not for ever. */
static void N01_a_client_that_says_something_else_is_there(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = managed(b, "alice@example.org/phone");
    ping(c);
    for (unsigned i = 0; i < 10; i++) {
        bench_advance(b, 50000);
        assert_false(client_ended(c));
        client_send(c, " ");
    }
    bench_advance(b, 62000);
    assert_true(client_ended(c));
    bench_free(&b);
}

static void N11_a_silent_client_is_asked_in_time(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.ping_ms = 180000;
        struct client *c = managed(b, "alice@example.org/phone");
        struct client *other = bench_login(b, "alice@example.org/other");
        bench_advance(b, 179000);
        expect_nothing(c);
        expect_nothing(other);
        bench_advance(b, 2000);
        expect(c, R);
        expect(other,
               "<iq type='get' id='*' from='example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
        client_send(c, A("0"));
        client_send(other, "<iq type='result' id='x' to='example.org'/>");
        bench_advance(b, 181000);
        expect(c, R);
        expect(other,
               "<iq type='get' id='*' from='example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
        bench_advance(b, 61000);
        expect_stream_error(c, "connection-timeout");
        expect_stream_error(other, "connection-timeout");
    }
}

/* The end of a stream by its client is the end of the session: nothing hibernates. */
static void a_closed_stream_is_no_lost_one(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, "bob@example.org/a");
        device_close(bob);
        assert_null(device_session(bob));
        struct device *carol = device_new(b, "carol@example.org/a");
        client_send(carol->client, "<presence></message>");
        device_take(carol);
        assert_string_equal(carol->error, "not-well-formed");
        assert_non_null(device_session(carol));
        device_free(&carol);
        device_free(&bob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_offered_after_login),
        cmocka_unit_test(enabling_names_the_session_when_it_can_be_resumed),
        cmocka_unit_test(S24_what_comes_at_the_wrong_time_fails),
        cmocka_unit_test(S24_the_session_of_somebody_else_is_not_found),
        cmocka_unit_test(S25_a_count_that_is_none_ends_the_stream),
        cmocka_unit_test(S25_a_count_that_is_too_high_ends_the_stream),
        cmocka_unit_test(S25_counts_wrap_around),
        cmocka_unit_test(every_stanza_counts_and_nothing_else),
        cmocka_unit_test(the_client_is_asked_once_per_round_trip),
        cmocka_unit_test(V81_a_message_is_acknowledged_when_it_is_on_disk),
        cmocka_unit_test(V81_the_answer_is_not_withheld),
        cmocka_unit_test(the_count_is_that_of_the_settled_prefix),
        cmocka_unit_test(the_window_is_256_stanzas),
        cmocka_unit_test(errors_of_the_store_are_answered_and_settled),
        cmocka_unit_test(L14_what_is_not_acknowledged_is_limited),
        cmocka_unit_test(N01_a_client_that_does_not_answer_is_gone),
        cmocka_unit_test(N01_a_client_that_says_something_else_is_there),
        cmocka_unit_test(N11_a_silent_client_is_asked_in_time),
        cmocka_unit_test(a_closed_stream_is_no_lost_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
