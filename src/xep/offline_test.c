/* XEP-0160: Best Practices for Handling Offline Messages. */
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

static struct talk begin(uint32_t shards)
{
    struct talk t = {.b = bench_new_shards(NULL, shards)};
    bench_account(t.b, BOB);
    t.alice = bench_online(t.b, "alice@example.org/phone");
    return t;
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

static void a_message_waits_with_its_stamp(struct talk t)
{
    write_to_bob(&t, "one");
    bench_advance(t.b, 60000);
    struct client *bob = bench_login(t.b, BOB "/desk");
    expect_nothing(bob);
    client_send(bob, "<presence/>");
    expect(bob, "<presence from='" BOB "/desk'/>");
    expect(bob, "<message from='alice@example.org/phone' to='" BOB "' type='chat' id='one'>"
                "<body>one</body>" DELAY "</message>");
    expect_nothing(bob);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    client_lose(&bob);
    bob = bench_online(t.b, BOB "/desk");
    expect_nothing(bob);
    end(&t);
}

static void a_message_waits_with_its_stamp_on_one_shard(void **state)
{
    (void)state;
    a_message_waits_with_its_stamp(begin(1));
}

static void a_message_waits_with_its_stamp_on_three_shards(void **state)
{
    (void)state;
    a_message_waits_with_its_stamp(begin(3));
}

static void a_stamp_of_this_server_is_not_believed(void **state)
{
    (void)state;
    struct talk t = begin(1);
    client_send(t.alice, "<message to='" BOB "' type='chat' id='1'><body>x</body><delay "
                         "xmlns='urn:xmpp:delay' from='example.net' stamp='2001-01-01T00:00:00Z'/>"
                         "</message>");
    struct client *bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence/>");
    expect_somewhere(bob, "<message from='alice@example.org/phone' type='chat' id='1'>"
                          "<body>x</body>" DELAY "</message>");
    end(&t);
}

static void D01_a_full_disk_is_told_to_the_sender(void **state)
{
    (void)state;
    struct talk t = begin(1);
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
    t.b->batch_error = 0;
    write_to_bob(&t, "kept");
    struct client *bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence/>");
    expect(bob, "<presence from='" BOB "/desk'/>");
    expect_message(bob, "kept");
    expect_nothing(bob);
    end(&t);
}

static void L16_a_mailbox_has_an_end(void **state)
{
    (void)state;
    struct talk t = begin(1);
    t.b->config.core.limits.offline_messages = 3;
    for (int i = 0; i < 3; i++)
        write_to_bob(&t, "fits");
    expect_nothing(t.alice);
    write_to_bob(&t, "over");
    expect(t.alice, "<message from='" BOB "' type='error' id='over'><error type='cancel'>"
                    "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                    "</message>");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 3);
    /* Counted anew when the account is loaded again. */
    bench_advance(t.b, 120000);
    assert_null(bench_loaded(t.b, BOB));
    write_to_bob(&t, "again");
    expect(t.alice, "<message from='" BOB "' type='error' id='again'><_/></message>");
    /* There is room once they were read. */
    struct client *bob = bench_online(t.b, BOB "/desk");
    client_lose(&bob);
    write_to_bob(&t, "room");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 1);
    end(&t);
}

static void L16_bytes_count_too(void **state)
{
    (void)state;
    struct talk t = begin(1);
    t.b->config.core.limits.offline_bytes = 1000;
    char text[600];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 2; i++)
        client_sendf(t.alice, "<message to='" BOB "' type='chat' id='%d'><body>%s</body></message>",
                     i, text);
    expect(t.alice, "<message from='" BOB "' type='error' id='1'><_/></message>");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 1);
    end(&t);
}

static void what_is_not_worth_it_is_not_kept(void **state)
{
    (void)state;
    struct talk t = begin(1);
    client_send(t.alice, "<message to='" BOB "' type='headline'><body>news</body></message>");
    client_send(t.alice, "<message to='" BOB "' type='chat'><composing "
                         "xmlns='http://jabber.org/protocol/chatstates'/></message>");
    expect_nothing(t.alice);
    client_send(t.alice, "<message to='" BOB "' type='chat' id='v'><body>now or never</body>"
                         "<no-store xmlns='urn:xmpp:hints'/></message>");
    expect(t.alice, "<message from='" BOB "' type='error' id='v'><_/></message>");
    client_send(t.alice, "<message to='" BOB "' type='groupchat' id='g'><body>?</body></message>");
    expect(t.alice, "<message from='" BOB "' type='error' id='g'><_/></message>");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

/* The order of one sender is kept while a message is being written; others are not held up. */
static void nothing_of_a_stream_overtakes_a_message_that_is_being_written(void **state)
{
    (void)state;
    struct talk t = begin(1);
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
    assert_int_equal(bench_count(t.b, BOB, "offline"), 2);
    end(&t);
}

static void credit_comes_back_when_the_message_is_on_disk(void **state)
{
    (void)state;
    struct talk t = begin(1);
    ask_bob(&t, "loads");
    client_discard(t.alice);
    t.b->store_held = true;
    write_to_bob(&t, "one");
    assert_int_equal(client_session(t.alice)->stream->unsettled, 1);
    bench_release(t.b);
    assert_int_equal(client_session(t.alice)->stream->unsettled, 0);
    end(&t);
}

static void a_session_that_comes_while_a_message_is_being_written_gets_it(void **state)
{
    (void)state;
    struct talk t = begin(1);
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->store_held = true;
    write_to_bob(&t, "old");
    client_send(bob, "<presence/>");
    write_to_bob(&t, "new");
    client_discard(bob);
    bench_query_step(t.b, 9); /* a read would not see what is not written yet */
    expect_nothing(bob);
    bench_release(t.b);
    expect_message(bob, "old");
    expect(bob, "<message from='*' type='chat' id='new'><body>new</body></message>");
    expect_nothing(bob);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

static void new_messages_come_behind_stored_ones(void **state)
{
    (void)state;
    struct talk t = begin(1);
    char id[8];
    for (int i = 0; i < 120; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_to_bob(&t, id);
    }
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->store_held = true;
    client_send(bob, "<presence/>");
    client_discard(bob);
    write_to_bob(&t, "new");
    bench_release(t.b);
    for (int i = 0; i < 120; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(bob, id);
    }
    expect(bob, "<message from='*' type='chat' id='new'><body>new</body></message>");
    expect_nothing(bob);
    assert_null(bench_loaded(t.b, BOB)->draining);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

static void a_negative_priority_gets_nothing(void **state)
{
    (void)state;
    struct talk t = begin(1);
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence><priority>-1</priority></presence>");
    client_discard(bob);
    write_to_bob(&t, "two");
    expect_nothing(bob);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 2);
    client_send(bob, "<presence><priority>0</priority></presence>");
    client_next(bob);
    expect_message(bob, "one");
    expect_message(bob, "two");
    expect_nothing(bob);
    end(&t);
}

static void only_the_first_ready_resource_gets_them(void **state)
{
    (void)state;
    struct talk t = begin(1);
    write_to_bob(&t, "one");
    struct client *first = bench_login(t.b, BOB "/first");
    client_send(first, "<presence/>");
    client_discard(first);
    struct client *second = bench_online(t.b, BOB "/second");
    expect_nothing(second);
    write_to_bob(&t, "two");
    expect(second, "<message from='*' type='chat' id='two'><body>two</body></message>");
    end(&t);
}

/* What the connection did not take is still there for the next session. */
static void a_session_that_ends_in_the_middle_loses_nothing(void **state)
{
    (void)state;
    struct talk t = begin(1);
    char id[8];
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_to_bob(&t, id);
    }
    struct client *bob = bench_login(t.b, BOB "/desk");
    client_set_deaf(bob, true);
    client_send(bob, "<presence/>");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 60);
    client_lose(&bob);
    assert_null(bench_loaded(t.b, BOB)->draining);
    bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence/>");
    client_next(bob);
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(bob, id);
    }
    expect_nothing(bob);
    end(&t);
}

/* What one session has taken does not come to the next one, however slow the store is. */
static void a_session_waits_for_what_the_one_before_has_read(void **state)
{
    (void)state;
    struct talk t = begin(1);
    char id[8];
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_to_bob(&t, id);
    }
    struct client *first = bench_login(t.b, BOB "/first");
    struct client *second = bench_login(t.b, BOB "/second");
    t.b->store_held = true;
    client_send(first, "<presence/>");
    client_next(first);
    bench_store_step(t.b, 1);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(first, id);
    }
    client_close(&first);
    client_send(second, "<presence/>");
    write_to_bob(&t, "new");
    client_discard(second);
    bench_query_step(t.b, 9);
    expect_nothing(second);
    bench_release(t.b);
    for (int i = 50; i < 60; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(second, id);
    }
    expect(second, "<message from='*' type='chat' id='new'><body>new</body></message>");
    expect_nothing(second);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

static void another_session_goes_on_when_one_ends(void **state)
{
    (void)state;
    struct talk t = begin(1);
    write_to_bob(&t, "one");
    struct client *deaf = bench_login(t.b, BOB "/deaf");
    client_set_deaf(deaf, true);
    client_send(deaf, "<presence/>");
    struct client *other = bench_online(t.b, BOB "/other");
    write_to_bob(&t, "two");
    expect_nothing(other);
    client_lose(&deaf);
    expect_somewhere(other,
                     "<message from='*' type='chat' id='one'><body>one</body><_/></message>");
    expect_somewhere(other, "<message from='*' type='chat' id='two'><body>two</body></message>");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

/* The output stays small while a slow client is sent a big mailbox (L13). */
static void L13_a_mailbox_is_sent_as_fast_as_it_is_read(void **state)
{
    (void)state;
    struct talk t = begin(1);
    enum { BIG = 100000, MANY = 30 };
    char *text = mem_alloc(BIG + 1);
    memset(text, 'x', BIG);
    t.b->config.core.limits.rate = false;
    for (int i = 0; i < MANY; i++)
        client_sendf(t.alice, "<message to='" BOB "' type='chat' id='%d'><body>%s</body></message>",
                     i, text);
    mem_free(text);
    assert_int_equal(bench_count(t.b, BOB, "offline"), MANY);
    struct client *bob = bench_login(t.b, BOB "/desk");
    client_set_deaf(bob, true);
    client_send(bob, "<presence/>");
    assert_true(session_backlog(client_session(bob)) > BIG);
    assert_true(session_backlog(client_session(bob)) < t.b->config.core.limits.output_bytes);
    assert_false(client_session(bob)->lags);
    client_set_deaf(bob, false);
    client_next(bob);
    for (int i = 0; i < MANY; i++) {
        char pattern[100];
        snprintf(pattern, sizeof(pattern), "<message from='*' type='chat' id='%d'><_/></message>",
                 i);
        expect(bob, pattern);
    }
    expect_nothing(bob);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

static void a_client_that_lags_gets_its_messages_when_it_reads_again(void **state)
{
    (void)state;
    struct talk t = begin(1);
    t.b->config.core.limits.output_bytes = 4000;
    struct client *bob = bench_online(t.b, BOB "/desk");
    client_set_deaf(bob, true);
    char id[8];
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_to_bob(&t, id);
    }
    assert_true(client_session(bob)->lags);
    assert_true(bench_count(t.b, BOB, "offline") > 0);
    client_set_deaf(bob, false);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(bob, id);
    }
    expect_nothing(bob);
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

static void what_cannot_be_dropped_comes_again(void **state)
{
    (void)state;
    struct talk t = begin(1);
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->batch_error = ERR_IO;
    client_send(bob, "<presence/>");
    client_next(bob);
    expect_message(bob, "one");
    assert_null(bench_loaded(t.b, BOB)->draining);
    client_lose(&bob);
    t.b->batch_error = 0;
    bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence/>");
    client_next(bob);
    expect_message(bob, "one");
    assert_int_equal(bench_count(t.b, BOB, "offline"), 0);
    end(&t);
}

static void a_store_that_cannot_be_read_holds_up_nobody(void **state)
{
    (void)state;
    struct talk t = begin(1);
    write_to_bob(&t, "one");
    struct client *bob = bench_login(t.b, BOB "/desk");
    t.b->query_error = ERR_IO;
    client_send(bob, "<presence/>");
    client_discard(bob);
    write_to_bob(&t, "two");
    expect_message(bob, "two");
    assert_true(bench_logged(t.b, "offline.read_failed"));
    t.b->query_error = 0;
    client_lose(&bob);
    bob = bench_login(t.b, BOB "/desk");
    client_send(bob, "<presence/>");
    client_next(bob);
    expect_message(bob, "one");
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_with_its_stamp_on_one_shard),
        cmocka_unit_test(a_message_waits_with_its_stamp_on_three_shards),
        cmocka_unit_test(a_stamp_of_this_server_is_not_believed),
        cmocka_unit_test(D01_a_full_disk_is_told_to_the_sender),
        cmocka_unit_test(L16_a_mailbox_has_an_end),
        cmocka_unit_test(L16_bytes_count_too),
        cmocka_unit_test(what_is_not_worth_it_is_not_kept),
        cmocka_unit_test(nothing_of_a_stream_overtakes_a_message_that_is_being_written),
        cmocka_unit_test(credit_comes_back_when_the_message_is_on_disk),
        cmocka_unit_test(a_session_that_comes_while_a_message_is_being_written_gets_it),
        cmocka_unit_test(new_messages_come_behind_stored_ones),
        cmocka_unit_test(a_negative_priority_gets_nothing),
        cmocka_unit_test(only_the_first_ready_resource_gets_them),
        cmocka_unit_test(a_session_that_ends_in_the_middle_loses_nothing),
        cmocka_unit_test(a_session_waits_for_what_the_one_before_has_read),
        cmocka_unit_test(another_session_goes_on_when_one_ends),
        cmocka_unit_test(L13_a_mailbox_is_sent_as_fast_as_it_is_read),
        cmocka_unit_test(a_client_that_lags_gets_its_messages_when_it_reads_again),
        cmocka_unit_test(what_cannot_be_dropped_comes_again),
        cmocka_unit_test(a_store_that_cannot_be_read_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
