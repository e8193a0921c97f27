/* XEP-0160: Best Practices for Handling Offline Messages: what waits in the log for whoever comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xep/test_engine.h"

#define BOB   "bob@example.net"
#define DELAY "<delay xmlns='urn:xmpp:delay' from='example.net' stamp='2026-01-02T03:04:05.000Z'/>"

struct talk {
    struct bench *b;
    struct client *alice;
};

static struct talk begin_on(uint32_t shards, bool archive)
{
    struct talk t = {.b = bench_new_shards(NULL, shards)};
    t.b->hosts[0].archive = t.b->hosts[1].archive = archive;
    bench_account(t.b, BOB);
    t.alice = bench_online(t.b, "alice@example.org/phone");
    return t;
}

static struct talk begin(void)
{
    return begin_on(1, true);
}

/* Messages are dropped when they were delivered. */
static struct talk begin_without_archive(void)
{
    return begin_on(1, false);
}

static void end(struct talk *t)
{
    expect_nothing(t->alice);
    bench_free(&t->b);
}

static void write_to_bob(struct talk *t, const char *id)
{
    client_sendf(t->alice, "<message to='" BOB "' type='chat' id='%s'><body>%s</body></message>",
                 id, id);
}

static void write_many(struct talk *t, int from, int to)
{
    char id[12];
    for (int i = from; i < to; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_to_bob(t, id);
    }
}

/* Something that is answered when everything before it on the stream was settled. */
static void ask_bob(struct talk *t, const char *id)
{
    client_sendf(t->alice, "<iq type='get' id='%s' to='" BOB "'><q xmlns='urn:example:q'/></iq>",
                 id);
}

#define REFUSED(id)                                                                                \
    "<iq type='error' id='" id "' from='" BOB "'><error type='cancel'><service-unavailable "       \
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"

static void expect_message(struct client *c, const char *id)
{
    char pattern[256];
    snprintf(pattern, sizeof(pattern),
             "<message from='*' type='chat' id='%s'><body>%s</body><_/></message>", id, id);
    expect(c, pattern);
}

/* Sent as it was written, without a stamp. */
static void expect_new(struct client *c, const char *id)
{
    char pattern[256];
    snprintf(pattern, sizeof(pattern),
             "<message from='*' type='chat' id='%s'><body>%s</body></message>", id, id);
    expect(c, pattern);
}

static void expect_many(struct client *c, int from, int to)
{
    char id[12];
    for (int i = from; i < to; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(c, id);
    }
}

/* Bob's client logs in and says that it is there; its own presence is taken. */
static struct client *bob_comes(struct talk *t, const char *full)
{
    struct client *bob = bench_login(t->b, full);
    client_send(bob, "<presence/>");
    (void)client_next(bob);
    return bob;
}

static bool bob_is_away(struct talk *t)
{
    bench_advance(t->b, 120000);
    return bench_loaded(t->b, BOB) == NULL;
}

static void a_message_waits_with_its_stamp(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct talk t = begin_on(shards, true);
        write_to_bob(&t, "one");
        assert_true(bob_is_away(&t));
        struct client *bob = bench_login(t.b, BOB "/desk");
        expect_nothing(bob);
        client_send(bob, "<presence/>");
        expect(bob, "<presence from='" BOB "/desk'/>");
        expect(bob, "<message from='alice@example.org/phone' to='" BOB "' type='chat' id='one'>"
                    "<body>one</body>" DELAY "</message>");
        expect_nothing(bob);
        client_close(&bob);
        bob = bob_comes(&t, BOB "/desk");
        expect_nothing(bob);
        client_close(&bob);
        /* It stays in the archive; what was taken is known when the account is loaded again. */
        assert_true(bob_is_away(&t));
        assert_int_equal(bench_count(t.b, BOB, "archive"), 1);
        bob = bob_comes(&t, BOB "/desk");
        expect_nothing(bob);
        end(&t);
    }
}

static void what_was_delivered_is_dropped_where_nothing_is_archived(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct talk t = begin_on(shards, false);
        write_to_bob(&t, "one");
        assert_int_equal(bench_count(t.b, BOB, "archive"), 1);
        assert_int_equal(bench_count(t.b, "alice@example.org", "archive"), 0);
        struct client *bob = bob_comes(&t, BOB "/desk");
        expect_message(bob, "one");
        write_to_bob(&t, "two");
        expect_new(bob, "two");
        bench_advance(t.b, TAIL_WRITE_MS + 100);
        assert_int_equal(bench_count(t.b, BOB, "archive"), 0);
        end(&t);
    }
}

/* XEP-0334: no-permanent-store. */
static void what_nobody_may_archive_is_dropped_when_it_was_delivered(void **state)
{
    (void)state;
    struct talk t = begin();
    client_send(t.alice, "<message to='" BOB "' type='chat' id='1'><body>x</body>"
                         "<no-permanent-store xmlns='urn:xmpp:hints'/></message>");
    write_to_bob(&t, "stays");
    assert_int_equal(bench_count(t.b, "alice@example.org", "archive"), 1);
    assert_int_equal(bench_count(t.b, BOB, "archive"), 2);
    assert_true(bob_is_away(&t));
    struct client *bob = bob_comes(&t, BOB "/desk");
    struct xml x = client_next(bob);
    assert_true(slice_is(xml_attr(x, SLICE("id")), "1"));
    assert_false(xml_some(xml_child(x, SLICE("urn:xmpp:sid:0"), SLICE("stanza-id"))));
    expect_message(bob, "stays");
    bench_advance(t.b, TAIL_WRITE_MS + 100);
    assert_int_equal(bench_count(t.b, BOB, "archive"), 1);
    end(&t);
}

static void a_stamp_of_this_server_is_not_believed(void **state)
{
    (void)state;
    struct talk t = begin();
    client_send(t.alice, "<message to='" BOB "' type='chat' id='1'><body>x</body><delay "
                         "xmlns='urn:xmpp:delay' from='example.net' stamp='2001-01-01T00:00:00Z'/>"
                         "</message>");
    struct client *bob = bob_comes(&t, BOB "/desk");
    expect(bob, "<message from='alice@example.org/phone' type='chat' id='1'><body>x</body>" DELAY
                "</message>");
    end(&t);
}

static void D01_a_full_disk_is_told_to_the_sender(void **state)
{
    (void)state;
    struct talk t = begin();
    t.b->batch_error = ERR_FULL;
    write_to_bob(&t, "lost");
    expect(t.alice, "<message from='" BOB "' type='error' id='lost'><error type='wait'>"
                    "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                    "</message>");
    t.b->batch_error = ERR_IO;
    write_to_bob(&t, "broken");
    expect(t.alice, "<message from='" BOB "' type='error' id='broken'><error type='cancel'>"
                    "<internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                    "</message>");
    assert_true(bench_logged(t.b, "archive.store_failed"));
    t.b->batch_error = 0;
    write_to_bob(&t, "kept");
    struct client *bob = bob_comes(&t, BOB "/desk");
    expect_message(bob, "kept");
    expect_nothing(bob);
    end(&t);
}

static void L16_a_mailbox_has_an_end(void **state)
{
    (void)state;
    struct talk t = begin_without_archive();
    t.b->config.core.limits.offline_messages = 3;
    for (int i = 0; i < 3; i++)
        write_to_bob(&t, "fits");
    expect_nothing(t.alice);
    write_to_bob(&t, "over");
    expect(t.alice, "<message from='" BOB "' type='error' id='over'><error type='cancel'>"
                    "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                    "</message>");
    assert_true(bench_logged(t.b, "offline.full"));
    assert_int_equal(bench_count(t.b, BOB, "archive"), 3);
    /* Counted anew when the account is loaded again. */
    assert_true(bob_is_away(&t));
    write_to_bob(&t, "again");
    expect(t.alice, "<message from='" BOB "' type='error' id='again'><_/></message>");
    /* There is room once they were read. */
    struct client *bob = bench_online(t.b, BOB "/desk");
    client_close(&bob);
    write_to_bob(&t, "room");
    bench_advance(t.b, TAIL_WRITE_MS + 100);
    assert_int_equal(bench_count(t.b, BOB, "archive"), 1);
    end(&t);
}

/* Those that are being written when the next one comes are counted. */
static void L16_a_burst_ends_there_too(void **state)
{
    (void)state;
    struct talk t = begin_without_archive();
    t.b->config.core.limits.offline_messages = 3;
    ask_bob(&t, "loads");
    expect(t.alice, REFUSED("loads"));
    t.b->store_held = true;
    write_many(&t, 0, 4);
    expect(t.alice, "<message from='" BOB "' type='error' id='3'><_/></message>");
    bench_release(t.b);
    struct client *bob = bob_comes(&t, BOB "/desk");
    expect_many(bob, 0, 3);
    end(&t);
}

static void L16_bytes_count_too(void **state)
{
    (void)state;
    struct talk t = begin_without_archive();
    t.b->config.core.limits.offline_bytes = 1000;
    char text[600];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 3; i++)
        client_sendf(t.alice, "<message to='" BOB "' type='chat' id='%d'><body>%s</body></message>",
                     i, text);
    expect(t.alice, "<message from='" BOB "' type='error' id='2'><_/></message>");
    assert_int_equal(bench_count(t.b, BOB, "archive"), 2);
    end(&t);
}

static void L16_is_not_for_what_is_archived(void **state)
{
    (void)state;
    struct talk t = begin();
    t.b->config.core.limits.offline_messages = 1;
    write_many(&t, 0, 5);
    expect_nothing(t.alice);
    struct client *bob = bob_comes(&t, BOB "/desk");
    expect_many(bob, 0, 5);
    end(&t);
}

static void what_is_not_worth_it_is_not_kept(void **state)
{
    (void)state;
    struct talk t = begin();
    client_send(t.alice, "<message to='" BOB "' type='headline'><body>news</body></message>");
    client_send(t.alice, "<message to='" BOB "' type='chat'><composing "
                         "xmlns='http://jabber.org/protocol/chatstates'/></message>");
    expect_nothing(t.alice);
    client_send(t.alice, "<message to='" BOB "' type='chat' id='v'><body>now or never</body>"
                         "<no-store xmlns='urn:xmpp:hints'/></message>");
    expect(t.alice, "<message from='" BOB "' type='error' id='v'><_/></message>");
    client_send(t.alice, "<message to='" BOB "' type='groupchat' id='g'><body>?</body></message>");
    expect(t.alice, "<message from='" BOB "' type='error' id='g'><_/></message>");
    assert_int_equal(bench_count(t.b, BOB, "archive"), 0);
    end(&t);
}

/* The order of one sender is kept while a message is being written; others are not held up. */
static void nothing_of_a_stream_overtakes_a_message_that_is_being_written(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *carol = bench_online(t.b, "carol@example.org/phone");
    ask_bob(&t, "loads");
    expect(t.alice, REFUSED("loads"));
    t.b->store_held = true;
    write_to_bob(&t, "first");
    write_to_bob(&t, "second");
    ask_bob(&t, "behind");
    expect_nothing(t.alice);
    client_send(carol, "<iq type='get' id='c' to='" BOB "'><q xmlns='urn:example:q'/></iq>");
    expect(carol, REFUSED("c"));
    assert_int_equal(bench_store_waiting(t.b), 2); /* two messages are written at once */
    bench_store_step(t.b, 1);
    expect_nothing(t.alice);
    bench_release(t.b);
    expect(t.alice, REFUSED("behind"));
    assert_int_equal(bench_count(t.b, BOB, "archive"), 2);
    end(&t);
}

static void credit_comes_back_when_the_message_is_on_disk(void **state)
{
    (void)state;
    struct talk t = begin();
    ask_bob(&t, "loads");
    client_discard(t.alice);
    t.b->store_held = true;
    write_to_bob(&t, "one");
    assert_int_equal(client_session(t.alice)->unsettled, 1);
    bench_release(t.b);
    assert_int_equal(client_session(t.alice)->unsettled, 0);
    end(&t);
}

static void a_session_that_comes_while_a_message_is_being_written_gets_it(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->store_held = true;
    write_to_bob(&t, "old");
    client_send(bob, "<presence/>");
    write_to_bob(&t, "new");
    client_discard(bob);
    bench_query_step(t.b, 9); /* a read would not see what is not written yet */
    expect_nothing(bob);
    bench_release(t.b);
    expect_new(bob, "old");
    expect_new(bob, "new");
    expect_nothing(bob);
    client_close(&bob);
    bob = bob_comes(&t, BOB "/desk");
    expect_nothing(bob);
    end(&t);
}

static void new_messages_come_behind_old_ones(void **state)
{
    (void)state;
    struct talk t = begin();
    write_many(&t, 0, 120);
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->store_held = true;
    client_send(bob, "<presence/>");
    client_discard(bob);
    write_to_bob(&t, "new");
    /* What is volatile keeps its place too. */
    client_send(t.alice, "<message to='" BOB "' type='chat' id='v'><body>v</body>"
                         "<no-store xmlns='urn:xmpp:hints'/></message>");
    bench_release(t.b);
    expect_many(bob, 0, 120);
    expect_message(bob, "new");
    expect_message(bob, "v");
    expect_nothing(bob);
    write_to_bob(&t, "live");
    expect_new(bob, "live");
    end(&t);
}

static void a_negative_priority_gets_nothing(void **state)
{
    (void)state;
    struct talk t = begin();
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence><priority>-1</priority></presence>");
    client_discard(bob);
    write_to_bob(&t, "two");
    expect_nothing(bob);
    client_send(bob, "<presence><priority>0</priority></presence>");
    client_next(bob);
    expect_message(bob, "one");
    expect_message(bob, "two");
    expect_nothing(bob);
    /* And back: what comes then is for whoever is ready next. */
    client_send(bob, "<presence><priority>-1</priority></presence>");
    client_next(bob);
    write_to_bob(&t, "three");
    expect_nothing(bob);
    struct client *other = bench_login(t.b, BOB "/other");
    client_send(other, "<presence/>");
    expect_somewhere(other, "<message from='*' type='chat' id='three'><body>three</body><_/>"
                            "</message>");
    client_discard(other);
    client_discard(bob);
    client_send(bob, "<presence/>");
    client_next(bob);
    expect_nothing(bob);
    end(&t);
}

static void only_the_first_ready_resource_gets_them(void **state)
{
    (void)state;
    struct talk t = begin();
    write_to_bob(&t, "one");
    struct client *first = bench_login(t.b, BOB "/first");
    client_send(first, "<presence/>");
    client_discard(first);
    struct client *second = bench_online(t.b, BOB "/second");
    expect_nothing(second);
    client_discard(first);
    write_to_bob(&t, "two");
    expect_new(first, "two");
    expect_new(second, "two");
    end(&t);
}

static void a_store_that_cannot_be_read_loses_nothing(void **state)
{
    (void)state;
    struct talk t = begin();
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->query_error = ERR_IO;
    client_send(bob, "<presence/>");
    client_discard(bob);
    assert_true(bench_logged(t.b, "archive.read_failed"));
    /* Who needs no store is not held up. */
    client_send(t.alice, "<message to='" BOB "' type='headline' id='h'/>");
    expect(bob, "<message from='*' type='headline' id='h'/>");
    write_to_bob(&t, "two");
    t.b->query_error = 0;
    client_close(&bob);
    bob = bob_comes(&t, BOB "/desk");
    expect_message(bob, "one");
    expect_message(bob, "two");
    expect_nothing(bob);
    end(&t);
}

static void a_client_that_stays_gets_it_when_the_store_is_well_again(void **state)
{
    (void)state;
    struct talk t = begin();
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->query_error = ERR_IO;
    client_send(bob, "<presence/>");
    client_discard(bob);
    write_to_bob(&t, "two");
    t.b->query_error = 0;
    bench_advance(t.b, 60000);
    expect_message(bob, "one");
    expect_message(bob, "two");
    write_to_bob(&t, "three");
    expect_new(bob, "three");
    end(&t);
}

/* The tail is written behind; until the store has it, it may know too little but never too much. */
static void a_store_that_cannot_be_written_sends_it_again(void **state)
{
    (void)state;
    struct talk t = begin_without_archive();
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->batch_error = ERR_IO;
    client_send(bob, "<presence/>");
    client_next(bob);
    expect_message(bob, "one");
    client_close(&bob);
    bench_advance(t.b, 5000);
    assert_int_equal(bench_count(t.b, BOB, "archive"), 1);
    t.b->batch_error = 0;
    bench_advance(t.b, 2000);
    assert_int_equal(bench_count(t.b, BOB, "archive"), 0);
    assert_true(bob_is_away(&t));
    bob = bob_comes(&t, BOB "/desk");
    expect_nothing(bob);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_with_its_stamp),
        cmocka_unit_test(what_was_delivered_is_dropped_where_nothing_is_archived),
        cmocka_unit_test(what_nobody_may_archive_is_dropped_when_it_was_delivered),
        cmocka_unit_test(a_stamp_of_this_server_is_not_believed),
        cmocka_unit_test(D01_a_full_disk_is_told_to_the_sender),
        cmocka_unit_test(L16_a_mailbox_has_an_end),
        cmocka_unit_test(L16_a_burst_ends_there_too),
        cmocka_unit_test(L16_bytes_count_too),
        cmocka_unit_test(L16_is_not_for_what_is_archived),
        cmocka_unit_test(what_is_not_worth_it_is_not_kept),
        cmocka_unit_test(nothing_of_a_stream_overtakes_a_message_that_is_being_written),
        cmocka_unit_test(credit_comes_back_when_the_message_is_on_disk),
        cmocka_unit_test(a_session_that_comes_while_a_message_is_being_written_gets_it),
        cmocka_unit_test(new_messages_come_behind_old_ones),
        cmocka_unit_test(a_negative_priority_gets_nothing),
        cmocka_unit_test(only_the_first_ready_resource_gets_them),
        cmocka_unit_test(a_store_that_cannot_be_read_loses_nothing),
        cmocka_unit_test(a_client_that_stays_gets_it_when_the_store_is_well_again),
        cmocka_unit_test(a_store_that_cannot_be_written_sends_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
