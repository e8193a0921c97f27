/* Sessions that lose their stream and are taken up again, or are not (XEP-0198 section 5). Rows
 * S26, N02, N07, R07, R08, L12, L14, L15. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/sm.h"
#include "node/test_device.h"

#define BOB   "bob@example.org"
#define ALICE "alice@example.org"

static size_t queued(const struct device *d)
{
    const struct session *s = device_session(d);
    const struct engine *e = bench_engine(d->bench, d->full[0] == 'b' ? BOB : ALICE);
    return region_count(e->region, s->sm->record);
}

static void what_was_not_acknowledged_comes_again(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_write(alice, BOB, 1);
        device_got(bob, "1 ");
        bob->silent = true;
        device_write(alice, BOB, 2);
        device_got(bob, "2 ");
        device_write(alice, BOB, 3); /* on its way when the connection goes */
        device_write(alice, BOB, 4);
        device_lose(bob);
        bob->silent = false;
        device_write(alice, BOB, 5); /* to one who is away */
        assert_true(device_resume(bob));
        device_got(bob, "3 4 5 ");
        device_write(alice, BOB, 6);
        device_got(bob, "6 ");
        assert_int_equal(queued(bob), 0);
        bench_advance(b, 5000);
        device_got(bob, "");
        device_free(&bob);
        bob = device_new(b, BOB "/b"); /* and nothing is left for others */
        device_got(bob, "");
        device_free(&alice);
        device_free(&bob);
    }
}

static void messages_that_come_again_have_their_stamp_and_their_id(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        client_set_deaf(bob->client, true);
        device_write(alice, BOB, 1);
        struct session *s = device_session(bob);
        uint64_t position = s->follow.cursor;
        device_lose(bob);
        bench_advance(b, 10000);
        assert_true(position > 0);
        bob->silent = true;
        /* By hand, to see the elements. */
        uint32_t handled = bob->handled;
        assert_true(device_resume(bob));
        device_got(bob, "1 ");
        device_lose(bob);
        bob->handled = handled;
        struct client *c = bench_connect(b);
        bob->client = c;
        client_open(c, "example.org");
        client_discard(c);
        client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                       "AGJvYgBjb3JyZWN0IGhvcnNl</auth>");
        client_discard(c);
        client_open(c, "example.org");
        client_discard(c);
        client_sendf(c, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", bob->id, handled);
        expect(c, "<resumed xmlns='urn:xmpp:sm:3' previd='*' h='1'/>");
        struct xml x = client_next(c);
        struct xml id = xml_child(x, SLICE("urn:xmpp:sid:0"), SLICE("stanza-id"));
        char want[32];
        snprintf(want, sizeof(want), "%llu", (unsigned long long)position);
        assert_true(slice_eq(xml_attr(id, SLICE("id")), slice_z(want)));
        struct xml delay = xml_child(x, NS_DELAY, SLICE("delay"));
        assert_true(slice_starts(xml_attr(delay, SLICE("stamp")), SLICE("2026-01-02T03:04:05")));
        expect(c, "<r xmlns='urn:xmpp:sm:3'/>");
        device_free(&alice);
        device_free(&bob);
    }
}

/* S26: a resumption while the old connection lives. N07: from wherever. */
static void S26_the_old_stream_gives_way(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        struct client *old = bob->client;
        bob->client = NULL;
        device_write(alice, BOB, 1);
        device_write(alice, BOB, 2);
        assert_true(device_resume(bob));
        device_got(bob, "1 2 ");
        while (client_waiting(old) > 1)
            (void)client_next(old);
        expect_stream_error(old, "conflict");
        device_write(alice, BOB, 3);
        device_got(bob, "3 ");
        client_lose(&old);
        device_write(alice, BOB, 4);
        device_got(bob, "4 ");
        assert_int_equal(device_session(bob)->account->session_count, 1);
        assert_true(bench_logged(b, "event=sm.resume"));
        device_free(&alice);
        device_free(&bob);
    }
}

/* S26: two at the same time, where the answer takes a while. */
static void S26_of_two_resumptions_one_wins(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        device_lose(bob);
        device_write(alice, BOB, 1);
        bench_crash(b, 0);
        struct client *streams[2];
        for (unsigned i = 0; i < 2; i++) {
            struct client *c = streams[i] = bench_connect(b);
            client_open(c, "example.org");
            client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                           "AGJvYgBjb3JyZWN0IGhvcnNl</auth>");
            client_open(c, "example.org");
            client_discard(c);
        }
        b->store_held = true;
        for (unsigned i = 0; i < 2; i++)
            client_sendf(streams[i], "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", bob->id,
                         bob->handled);
        expect_stream_error(streams[0], "conflict");
        expect_nothing(streams[1]);
        bench_release(b);
        expect(streams[1], "<resumed xmlns='urn:xmpp:sm:3' previd='*' h='1'/>");
        expect(streams[1], "<message type='chat' from='alice@example.org/a' id='1'>"
                           "<body>1</body><delay xmlns='urn:xmpp:delay' from='*' stamp='*'/>"
                           "</message>");
        expect(streams[1], "<r xmlns='urn:xmpp:sm:3'/>");
        expect_nothing(streams[1]);
        device_free(&alice);
        device_free(&bob);
    }
}

/* What the client sends again is not processed again: while it is still on its way to the disk, and
 * after that. */
static void what_the_client_sends_again_counts_once(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        b->store_held = true;
        for (unsigned i = 1; i <= 5; i++)
            device_write(alice, BOB, i);
        device_lose(alice);
        bench_store_step(b, 1);
        b->store_held = false; /* the login needs it, and the batches come before that */
        assert_true(device_resume(alice));
        device_got(bob, "1 2 3 4 5 ");
        device_all_told(alice);
        device_write(alice, BOB, 6);
        device_got(bob, "6 ");
        device_free(&alice);
        device_free(&bob);
    }
}

static void what_is_in_hand_is_not_taken_twice(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        /* A connection that is logged in before the store stops. */
        struct client *next = bench_connect(b);
        client_open(next, "example.org");
        client_send(next, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                          "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>");
        client_open(next, "example.org");
        client_discard(next);
        b->store_held = true;
        for (unsigned i = 1; i <= 3; i++)
            device_write(alice, BOB, i);
        device_lose(alice);
        client_sendf(next, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", alice->id,
                     alice->handled);
        alice->client = next;
        device_take(alice); /* which sends the three again */
        assert_int_equal(alice->resumed, 1);
        device_write(alice, BOB, 4);
        bench_release(b);
        device_take(alice);
        device_got(bob, "1 2 3 4 ");
        device_all_told(alice);
        device_free(&alice);
        device_free(&bob);
    }
}

/* To the contacts nothing has happened; one that is written to is written to later. */
static void who_hibernates_is_there(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(alice);
        buf_clear(&alice->other);
        device_take(bob);
        buf_clear(&bob->other);
        device_lose(bob);
        bench_advance(b, 1000);
        device_take(alice);
        assert_false(device_saw(alice, "presence"));
        device_say(alice, "<presence><show>away</show></presence>");
        device_say(alice, "<presence><show>dnd</show></presence>");
        device_say(alice, "<iq type='get' id='q' to='" BOB "/a'><x xmlns='urn:x'/></iq>");
        device_say(alice, "<message type='headline' to='" BOB "/a'><body>7</body></message>");
        device_say(alice, "<message type='chat' to='" BOB "'>"
                          "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
        device_take(alice);
        assert_false(device_saw(alice, "iq"));
        assert_true(device_resume(bob));
        device_got(bob, "7 ");
        struct slice other = buf_slice(&bob->other);
        /* The request first, of the presences the newest alone, nothing of the typing. */
        assert_true(slice_is(other, "iq " ALICE "/a get q;presence " ALICE "/a  ;"));
        /* Presence is told to whoever comes now. */
        struct device *second = device_new(b, ALICE "/b");
        device_take(second);
        assert_true(device_saw(second, "presence " BOB "/a"));
        device_free(&second);
        device_free(&alice);
        device_free(&bob);
    }
}

/* L15: at the end of its time the session ends; its messages are the next one's. */
static void L15_the_end_of_hibernation(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        bob->silent = true;
        device_write(alice, BOB, 1);
        device_write(alice, BOB, 2);
        device_got(bob, "1 2 ");
        device_lose(bob);
        device_write(alice, BOB, 3);
        bench_advance(b, 299000);
        device_take(alice);
        assert_false(device_saw(alice, "presence " BOB "/a unavailable"));
        bench_advance(b, 2000);
        device_take(alice);
        assert_true(device_saw(alice, "presence " BOB "/a unavailable"));
        assert_true(bench_logged(b, "event=sm.expired"));
        assert_false(device_resume(bob));
        assert_int_equal(bob->failed, 1);
        device_lose(bob);
        struct device *next = device_new(b, BOB "/b");
        device_got(next, "1 2 3 ");
        device_free(&next);
        device_free(&alice);
        device_free(&bob);
    }
}

/* A request that nobody answered is answered once: by the server at the end, or by the client. */
static void requests_have_one_answer(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        bob->silent = true;
        for (unsigned i = 1; i <= 3; i++)
            device_sayf(alice, "<iq type='get' id='q%u' to='" BOB "/a'><x xmlns='urn:x'/></iq>", i);
        device_take(bob);
        assert_true(device_saw(bob, "get q3"));
        device_say(bob, "<iq type='result' id='q2' to='" ALICE "/a'/>");
        device_take(alice);
        assert_true(device_saw(alice, "result q2"));
        device_lose(bob);
        device_say(alice, "<iq type='get' id='q4' to='" BOB "/a'><x xmlns='urn:x'/></iq>");
        device_say(alice,
                   "<message type='chat' to='" BOB "/a' id='m'><x xmlns='urn:x'/></message>");
        bench_advance(b, 301000);
        device_take(alice);
        assert_true(device_saw(alice, "error q1"));
        assert_false(device_saw(alice, "error q2"));
        assert_true(device_saw(alice, "error q3"));
        assert_true(device_saw(alice, "error q4"));
        assert_true(device_saw(alice, "message " BOB "/a error m"));
        device_free(&alice);
        device_free(&bob);
    }
}

/* L12, R08: who hibernates counts. */
static void R08_sessions_that_hibernate_count(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct device *list[10];
    for (unsigned i = 0; i < 10; i++) {
        char full[64];
        snprintf(full, sizeof(full), BOB "/%u", i);
        list[i] = device_new_silent(b, full);
        device_lose(list[i]);
    }
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                   "AGJvYgBjb3JyZWN0IGhvcnNl</auth>");
    client_open(c, "example.org");
    client_discard(c);
    client_send(c, "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                   "<resource>new</resource></bind></iq>");
    expect(c, "<iq type='error' id='bind'><error type='wait'>"
              "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
              "<resource-limit-exceeded xmlns='urn:xmpp:errors'/></error></iq>");
    /* One of them may come back, or be replaced. */
    assert_true(device_resume(list[3]));
    device_login(list[4]);
    bench_advance(b, 301000);
    assert_int_equal(bench_loaded(b, BOB)->session_count, 2);
    for (unsigned i = 0; i < 10; i++)
        device_free(&list[i]);
    bench_free(&b);
}

/* R07: messages wait in the log, whatever their number; volatile stanzas up to L14. */
static void R07_what_comes_for_one_who_hibernates_is_accounted_for(void **state)
{
    (void)state;
    enum { MESSAGES = 300 };
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.sm_stanzas = 20;
        b->config.core.limits.rate = false;
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        device_lose(bob);
        struct buf want = {0};
        for (unsigned i = 0; i < MESSAGES; i++) {
            device_write(alice, BOB, i);
            buf_printf(&want, "%u ", i);
        }
        unsigned refused = 0;
        for (unsigned i = 0; i < 40; i++) {
            device_sayf(alice,
                        "<message type='chat' to='" BOB "/a' id='v%u'><x xmlns='urn:x'/>"
                        "</message>",
                        i);
            device_take(alice);
            char text[64];
            snprintf(text, sizeof(text), "error v%u;", i);
            refused += device_saw(alice, text);
        }
        assert_int_equal(refused, 20);
        assert_true(device_resume(bob));
        buf_byte(&want, '\0');
        bench_advance(b, 1000);
        device_got(bob, want.ptr);
        for (unsigned i = 0; i < 20; i++) {
            char text[64];
            snprintf(text, sizeof(text), " v%u;", i);
            assert_true(device_saw(bob, text));
        }
        buf_free(&want);
        device_free(&alice);
        device_free(&bob);
    }
}

/* A message that one resource acknowledged and another lost is nobody's any more. */
static void what_one_resource_has_does_not_come_to_a_third(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *one = device_new(b, BOB "/1"), *two = device_new(b, BOB "/2");
        struct device *alice = device_new(b, ALICE "/a");
        device_take(one);
        device_take(two);
        two->silent = true;
        one->silent = true;
        device_write(alice, BOB, 1);
        device_write(alice, BOB, 2);
        device_got(two, "1 2 ");
        device_got(one, "1 2 ");
        device_lose(two);
        client_sendf(one->client, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", one->handled - 1);
        device_lose(one);
        bench_advance(b, 301000);
        struct device *three = device_new(b, BOB "/3");
        device_got(three, "2 "); /* the one that nobody acknowledged */
        device_free(&three);
        device_free(&alice);
        device_free(&one);
        device_free(&two);
    }
}

/* The same where the other one manages nothing: it has it when it was handed it. */
static void what_a_plain_client_has_does_not_come_to_a_third(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *one = device_new(b, BOB "/1");
        struct client *plain = bench_online(b, BOB "/plain");
        struct device *alice = device_new(b, ALICE "/a");
        device_take(one);
        one->silent = true;
        device_write(alice, BOB, 1);
        device_got(one, "1 ");
        client_lose(&plain);
        device_lose(one);
        bench_advance(b, 301000);
        struct device *three = device_new(b, BOB "/3");
        device_got(three, "");
        device_free(&three);
        device_free(&alice);
        device_free(&one);
    }
}

/* Nobody else gets what waits for one who hibernates, but everybody ready gets what arrives. */
static void messages_wait_for_all_who_are_ready(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *one = device_new(b, BOB "/1"), *alice = device_new(b, ALICE "/a");
        device_take(one);
        device_lose(one);
        device_write(alice, BOB, 1);
        struct device *two = device_new(b, BOB "/2"); /* who is ready first gets it */
        device_got(two, "1 ");
        device_write(alice, BOB, 2);
        device_got(two, "2 ");
        assert_true(device_resume(one));
        device_got(one, "1 2 ");
        bench_advance(b, 2000);
        device_close(two);
        device_close(one);
        device_login(two);
        device_got(two, "");
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

/* Without an archive an entry leaves the log when everybody has it, not before. */
static void entries_that_are_in_no_archive_stay_until_all_have_them(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->hosts[0].archive = false;
        bench_reload(b);
        struct device *one = device_new(b, BOB "/1"), *two = device_new(b, BOB "/2");
        struct device *alice = device_new(b, ALICE "/a");
        device_take(one);
        device_take(two);
        device_lose(one);
        device_write(alice, BOB, 1);
        device_got(two, "1 ");
        bench_advance(b, 5000);
        assert_int_equal(bench_count(b, BOB, "archive"), 1);
        assert_true(device_resume(one));
        device_got(one, "1 ");
        device_write(alice, BOB, 2);
        device_got(one, "2 ");
        device_got(two, "2 ");
        bench_advance(b, 5000);
        assert_int_equal(bench_count(b, BOB, "archive"), 0);
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

/* An entry that is gone from the log is still counted by the client. */
static void an_entry_that_is_gone_leaves_a_place(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        client_set_deaf(bob->client, true);
        for (unsigned i = 1; i <= 40; i++)
            device_write(alice, BOB, i);
        uint64_t last = device_session(bob)->follow.cursor;
        device_lose(bob);
        struct store_request *r = store_batch_new(0, 0);
        store_drop(r, SLICE(BOB), SLICE("archive"), last - 1, last - 1);
        r = bench_store(b, r);
        store_request_free(&r);
        assert_true(device_resume(bob));
        struct buf want = {0};
        for (unsigned i = 1; i <= 40; i++)
            if (i != 39)
                buf_printf(&want, "%u ", i);
        buf_byte(&want, '\0');
        device_got(bob, want.ptr);
        assert_int_equal(queued(bob), 0);
        buf_free(&want);
        device_free(&alice);
        device_free(&bob);
    }
}

static void large_messages_come_again_one_by_one(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    b->config.core.limits.rate = false;
    b->config.core.limits.output_bytes = 16 << 20;
    struct device *bob = device_new(b, BOB "/a");
    struct client *alice = bench_online(b, ALICE "/a");
    device_take(bob);
    client_set_deaf(bob->client, true);
    struct buf text = {0};
    for (unsigned i = 0; i < 24; i++) {
        buf_clear(&text);
        buf_printf(&text, "<message type='chat' to='" BOB "' id='%u'><body>%u</body><x>", i, i);
        for (unsigned k = 0; k < 250000; k++)
            buf_byte(&text, 'x');
        buf_lit(&text, "</x></message>");
        buf_byte(&text, '\0');
        client_send(alice, text.ptr + text.start);
    }
    buf_free(&text);
    device_lose(bob);
    assert_true(device_resume(bob));
    device_got(bob, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 ");
    device_free(&bob);
    bench_free(&b);
}

/* A failing store delays; nothing is lost of it. */
static void a_store_that_fails_ends_the_stream_and_not_the_session(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        client_set_deaf(bob->client, true);
        device_write(alice, BOB, 1);
        device_lose(bob);
        struct client *next = bench_connect(b);
        client_open(next, "example.org");
        client_send(next, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                          "AGJvYgBjb3JyZWN0IGhvcnNl</auth>");
        client_open(next, "example.org");
        client_discard(next);
        b->query_error = -4;
        client_sendf(next, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", bob->id,
                     bob->handled);
        expect(next, "<resumed xmlns='urn:xmpp:sm:3' previd='*' h='1'/>");
        expect_stream_error(next, "internal-server-error");
        b->query_error = 0;
        assert_true(device_resume(bob));
        device_got(bob, "1 ");
        device_free(&alice);
        device_free(&bob);
    }
}

/* While the old ones are read, nothing new overtakes, of whatever kind. */
static void nothing_overtakes_what_comes_again(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        client_set_deaf(bob->client, true);
        for (unsigned i = 1; i <= 3; i++)
            device_write(alice, BOB, i);
        device_lose(bob);
        buf_clear(&bob->other);
        struct client *next = bench_connect(b);
        client_open(next, "example.org");
        client_send(next, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                          "AGJvYgBjb3JyZWN0IGhvcnNl</auth>");
        client_open(next, "example.org");
        client_discard(next);
        b->store_held = true;
        client_sendf(next, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", bob->id,
                     bob->handled);
        bob->client = next;
        device_got(bob, "");
        device_say(alice, "<message type='chat' to='" BOB "/a'><body>5</body>"
                          "<no-store xmlns='urn:xmpp:hints'/></message>");
        device_say(alice, "<iq type='get' id='q' to='" BOB "/a'><x xmlns='urn:x'/></iq>");
        device_say(alice, "<presence><show>away</show></presence>");
        device_write(alice, BOB, 6);
        device_take(bob);
        assert_false(device_saw(bob, "iq"));
        assert_int_equal(bob->resumed, 1);
        device_got(bob, "");
        bench_release(b);
        device_got(bob, "1 2 3 5 6 ");
        assert_true(device_saw(bob, "iq " ALICE "/a get q;presence " ALICE "/a"));
        assert_int_equal(queued(bob), 0);
        device_free(&alice);
        device_free(&bob);
    }
}

/* N02: in the middle of a stanza; what was not whole is not there. */
static void N02_a_stanza_that_was_cut_off_is_sent_again(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        client_send(alice->client, "<message type='chat' to='" BOB "'><body>1</bo");
        device_lose(alice);
        device_write(alice, BOB, 1); /* what its application had said */
        assert_true(device_resume(alice));
        device_got(bob, "1 ");
        device_free(&alice);
        device_free(&bob);
    }
}

static void a_new_session_of_the_resource_replaces_one_that_hibernates(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        char id[64];
        device_take(bob);
        bob->silent = true;
        device_write(alice, BOB, 1);
        device_got(bob, "1 ");
        snprintf(id, sizeof(id), "%s", bob->id);
        device_login(bob);
        bob->silent = false;
        device_got(bob, "1 ");
        assert_string_not_equal(bob->id, id);
        assert_int_equal(bench_loaded(b, BOB)->session_count, 1);
        device_free(&alice);
        device_free(&bob);
    }
}

/* Copies of one's own other resources come later too. */
static void copies_wait_as_messages_do(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *one = device_new(b, BOB "/1"), *two = device_new(b, BOB "/2");
        struct device *alice = device_new(b, ALICE "/a");
        device_say(one, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        device_take(one);
        device_lose(one);
        buf_clear(&one->other);
        device_write(two, ALICE, 1);
        device_write(alice, BOB "/2", 2);
        assert_true(device_resume(one));
        device_take(one);
        assert_true(
            slice_is(buf_slice(&one->other), "message " BOB " chat ;message " BOB " chat ;"));
        device_free(&one);
        device_free(&two);
        device_free(&alice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_acknowledged_comes_again),
        cmocka_unit_test(messages_that_come_again_have_their_stamp_and_their_id),
        cmocka_unit_test(S26_the_old_stream_gives_way),
        cmocka_unit_test(S26_of_two_resumptions_one_wins),
        cmocka_unit_test(what_the_client_sends_again_counts_once),
        cmocka_unit_test(what_is_in_hand_is_not_taken_twice),
        cmocka_unit_test(who_hibernates_is_there),
        cmocka_unit_test(L15_the_end_of_hibernation),
        cmocka_unit_test(requests_have_one_answer),
        cmocka_unit_test(R08_sessions_that_hibernate_count),
        cmocka_unit_test(R07_what_comes_for_one_who_hibernates_is_accounted_for),
        cmocka_unit_test(what_one_resource_has_does_not_come_to_a_third),
        cmocka_unit_test(what_a_plain_client_has_does_not_come_to_a_third),
        cmocka_unit_test(messages_wait_for_all_who_are_ready),
        cmocka_unit_test(entries_that_are_in_no_archive_stay_until_all_have_them),
        cmocka_unit_test(an_entry_that_is_gone_leaves_a_place),
        cmocka_unit_test(large_messages_come_again_one_by_one),
        cmocka_unit_test(a_store_that_fails_ends_the_stream_and_not_the_session),
        cmocka_unit_test(nothing_overtakes_what_comes_again),
        cmocka_unit_test(N02_a_stanza_that_was_cut_off_is_sent_again),
        cmocka_unit_test(a_new_session_of_the_resource_replaces_one_that_hibernates),
        cmocka_unit_test(copies_wait_as_messages_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
