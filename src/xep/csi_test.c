/* XEP-0352: Client State Indication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define ALICE    "alice@example.org"
#define INACTIVE "<inactive xmlns='urn:xmpp:csi:0'/>"
#define ACTIVE   "<active xmlns='urn:xmpp:csi:0'/>"
#define TYPING   "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

/* Alice, with a phone in her pocket, and two friends. */
struct talk {
    struct bench *b;
    struct client *phone, *carol, *dave;
};

static struct talk begin(uint32_t shards)
{
    struct talk t = {.b = bench_new_shards(NULL, shards)};
    t.b->config.core.limits.presence_per_s = 0;
    bench_account(t.b, ALICE);
    bench_befriend(t.b, ALICE, "carol@example.net");
    bench_befriend(t.b, ALICE, "dave@example.net");
    t.phone = bench_online(t.b, ALICE "/phone");
    t.carol = bench_online(t.b, "carol@example.net/desk");
    t.dave = bench_online(t.b, "dave@example.net/desk");
    client_send(t.phone, INACTIVE);
    client_discard(t.phone);
    client_discard(t.carol);
    client_discard(t.dave);
    return t;
}

static void end(struct talk *t)
{
    expect_nothing(t->phone);
    bench_free(&t->b);
}

/* Both change their minds so often; Carol ends with "away". */
static void chatter(struct talk *t, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        client_sendf(t->carol, "<presence><status>%u</status></presence>", i);
        client_sendf(t->dave, "<presence><status>%u</status></presence>", i);
    }
    client_send(t->carol, "<presence><show>away</show></presence>");
    client_discard(t->carol);
    client_discard(t->dave);
}

/* What is left of it. */
static void expect_the_newest(struct talk *t, const char *dave)
{
    char pattern[128];
    snprintf(pattern, sizeof(pattern),
             "<presence from='dave@example.net/desk'><status>%s</status></presence>", dave);
    expect(t->phone, pattern);
    expect(t->phone, "<presence from='carol@example.net/desk'><show>away</show></presence>");
}

static void on_active(struct talk *t)
{
    uint64_t before = bench_engine(t->b, ALICE)->counters.stanzas_out;
    size_t bytes = session_backlog(client_session(t->phone));
    chatter(t, 50);
    expect_nothing(t->phone);
    if (bench_engine(t->b, ALICE) != bench_engine(t->b, "carol@example.net"))
        assert_int_equal(bench_engine(t->b, ALICE)->counters.stanzas_out, before);
    assert_int_equal(session_backlog(client_session(t->phone)), bytes);
    /* What is held back comes before the answers to what is asked behind it. */
    client_send(t->phone, ACTIVE "<iq type='get' id='p' to='example.org'>"
                                 "<ping xmlns='urn:xmpp:ping'/></iq>");
    expect_the_newest(t, "49");
    expect(t->phone, "<iq type='result' id='p' from='example.org'/>");
    /* Nothing is held back from now on. */
    client_send(t->carol, "<presence/>");
    expect(t->phone, "<presence from='carol@example.net/desk'/>");
}

static void presence_waits_until_somebody_looks(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct talk t = begin(shards);
        on_active(&t);
        end(&t);
    }
}

static void a_message_brings_what_was_held_back_with_it(void **state)
{
    (void)state;
    struct talk t = begin(1);
    chatter(&t, 5);
    client_send(t.carol, "<message to='" ALICE "' type='chat'><body>1</body></message>");
    expect_the_newest(&t, "4");
    expect(t.phone, "<message from='carol@example.net/desk' type='chat'><body>1</body></message>");
    /* It is inactive still. */
    chatter(&t, 1);
    expect_nothing(t.phone);
    client_send(t.dave, "<message to='" ALICE "/phone' type='headline'><body>2</body></message>");
    expect_the_newest(&t, "0");
    expect(t.phone, "<message from='dave@example.net/desk' type='headline'><body>2</body>"
                    "</message>");
    end(&t);
}

static void nothing_else_waits(void **state)
{
    (void)state;
    struct talk t = begin(1);
    chatter(&t, 1);
    client_send(t.carol, "<iq type='get' id='q' to='" ALICE "/phone'><q xmlns='urn:q'/></iq>");
    expect_the_newest(&t, "0");
    expect(t.phone, "<iq type='get' id='q' from='carol@example.net/desk'><q xmlns='urn:q'/></iq>");
    chatter(&t, 2);
    client_send(t.phone, "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>"
                         "<item jid='erin@example.net'/></query></iq>");
    expect_the_newest(&t, "1");
    expect_somewhere(t.phone, "<iq type='result' id='r'/>");
    client_discard(t.phone);
    struct client *erin = bench_online(t.b, "erin@example.net/desk");
    chatter(&t, 3);
    client_send(erin, "<presence type='subscribe' to='" ALICE "'/>");
    expect_the_newest(&t, "2");
    expect(t.phone, "<presence type='subscribe' from='erin@example.net'/>");
    chatter(&t, 4);
    client_send(t.dave, "<presence type='error' to='" ALICE "/phone'><error type='cancel'>"
                        "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
    expect_the_newest(&t, "3");
    expect(t.phone, "<presence type='error' from='*'><_/></presence>");
    end(&t);
}

static void chat_states_alone_are_dropped(void **state)
{
    (void)state;
    struct talk t = begin(1);
    client_send(t.carol, "<message to='" ALICE "/phone' type='chat'>" TYPING "</message>");
    client_send(t.carol, "<message to='" ALICE "' type='chat'>" TYPING "</message>");
    expect_nothing(t.carol);
    expect_nothing(t.phone);
    client_send(t.carol,
                "<message to='" ALICE "/phone' type='chat'><body>x</body>" TYPING "</message>");
    expect(t.phone,
           "<message from='carol@example.net/desk' type='chat'><body>x</body>" TYPING "</message>");
    /* The same for copies. */
    client_send(t.phone, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    client_next(t.phone);
    struct client *desk = bench_login(t.b, ALICE "/desk");
    client_send(desk, "<message to='carol@example.net/desk' type='chat'>" TYPING "</message>");
    client_send(t.carol, "<message to='" ALICE "/desk' type='chat'>" TYPING "</message>");
    assert_int_equal(client_waiting(desk), 1);
    expect_nothing(t.phone);
    client_send(desk, "<message to='carol@example.net/desk' type='chat'><body>x</body></message>");
    client_next(t.phone);
    client_send(t.phone, ACTIVE);
    client_send(t.carol, "<message to='" ALICE "/phone' type='chat'>" TYPING "</message>");
    expect(t.phone, "<message from='carol@example.net/desk' type='chat'>" TYPING "</message>");
    end(&t);
}

static void who_left_is_known_to_have_left(void **state)
{
    (void)state;
    struct talk t = begin(1);
    chatter(&t, 1);
    client_close(&t.carol);
    client_send(t.phone, ACTIVE);
    expect(t.phone, "<presence from='dave@example.net/desk'><status>0</status></presence>");
    expect(t.phone, "<presence type='unavailable' from='carol@example.net/desk'/>");
    end(&t);
}

static void L13_what_is_held_back_is_bounded(void **state)
{
    (void)state;
    struct talk t = begin(1);
    t.b->config.core.limits.inactive_bytes = 2000;
    unsigned came = 0, batches = 0;
    for (unsigned i = 0; i < 100; i++) {
        client_sendf(t.carol, "<presence to='" ALICE "/phone'><status>%u</status></presence>", i);
        client_sendf(t.dave, "<presence to='" ALICE "/phone'><status>%u</status></presence>", i);
        assert_true(session_kept(client_session(t.phone)).len <= 2000);
    }
    assert_int_equal(client_waiting(t.phone), 0); /* two senders need no more room than that */
    struct client *many = bench_online(t.b, "room@example.net/desk");
    for (unsigned i = 0; i < 50; i++) {
        char full[64];
        snprintf(full, sizeof(full), "o%u@example.net/x", i);
        struct client *c = bench_login(t.b, full);
        client_send(c, "<presence to='" ALICE "/phone'/>");
        assert_true(session_kept(client_session(t.phone)).len <= 2000);
        batches += client_waiting(t.phone) > 0;
        came += (unsigned)client_waiting(t.phone);
        client_discard(t.phone);
    }
    assert_in_range(came, 30, 52);
    assert_in_range(batches, 2, 20);
    client_lose(&many);
    client_send(t.phone, ACTIVE);
    assert_int_equal(came + client_waiting(t.phone), 52);
    client_discard(t.phone);
    end(&t);
}

static void nothing_is_held_back_where_the_operator_says_so(void **state)
{
    (void)state;
    struct talk t = begin(1);
    t.b->config.core.limits.inactive_bytes = 0;
    chatter(&t, 2);
    assert_int_equal(client_waiting(t.phone), 5);
    client_discard(t.phone);
    end(&t);
}

/* A client that lags and is inactive: both have to end. */
static void L13_a_slow_client_may_be_inactive_too(void **state)
{
    (void)state;
    struct talk t = begin(1);
    t.b->config.core.limits.output_bytes = 3000;
    client_set_deaf(t.phone, true);
    char text[3500];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    client_sendf(t.carol, "<message to='" ALICE "/phone' type='headline'><body>%s</body></message>",
                 text);
    assert_true(client_session(t.phone)->lags);
    chatter(&t, 5);
    client_send(t.phone, ACTIVE);
    client_send(t.phone, INACTIVE);
    client_send(t.carol, "<message to='" ALICE "' type='chat'><body>1</body></message>");
    client_set_deaf(t.phone, false);
    client_next(t.phone);
    expect_the_newest(&t, "4");
    expect(t.phone,
           "<message from='carol@example.net/desk' type='chat'><body>1</body><_/></message>");
    end(&t);
}

static void it_is_offered_after_the_login(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    assert_false(xml_some(xml_child(client_next(c), NS_CSI, SLICE("csi"))));
    client_send(c, INACTIVE);
    expect_stream_error(c, "unsupported-stanza-type");
    bench_free(&b);
}

static void a_stream_begins_active(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = bench_login(b, ALICE "/phone");
    assert_false(client_session(c)->inactive);
    client_send(c, ACTIVE);
    client_send(c, INACTIVE INACTIVE);
    assert_true(client_session(c)->inactive);
    expect_nothing(c);
    client_send(c, "<idle xmlns='urn:xmpp:csi:0'/>");
    expect_stream_error(c, "unsupported-stanza-type");
    bench_free(&b);
}

/* XEP-0386: a feature of the bind. */
static void a_client_may_come_back_in_a_pocket(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, ALICE);
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    client_discard(c);
    client_send(c, "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>"
                   "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</initial-response><bind xmlns='urn:xmpp:bind:0'>"
                   "<inactive xmlns='urn:xmpp:csi:0'/></bind></authenticate>");
    client_next(c);
    const struct account *a = bench_loaded(b, ALICE);
    assert_int_equal(a->session_count, 1);
    assert_true(CONTAINER_OF(a->sessions.next, struct session, link)->inactive);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_waits_until_somebody_looks),
        cmocka_unit_test(a_message_brings_what_was_held_back_with_it),
        cmocka_unit_test(nothing_else_waits),
        cmocka_unit_test(chat_states_alone_are_dropped),
        cmocka_unit_test(who_left_is_known_to_have_left),
        cmocka_unit_test(L13_what_is_held_back_is_bounded),
        cmocka_unit_test(nothing_is_held_back_where_the_operator_says_so),
        cmocka_unit_test(L13_a_slow_client_may_be_inactive_too),
        cmocka_unit_test(it_is_offered_after_the_login),
        cmocka_unit_test(a_stream_begins_active),
        cmocka_unit_test(a_client_may_come_back_in_a_pocket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
