/* Sessions that follow their account's log (core/follow.h, core/tail.h): clients that lag, sessions
 * that end in the middle, several of them. Every message is sent until somebody has taken it, and
 * to nobody again who had it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xep/test_engine.h"

#define BOB "bob@example.net"

struct talk {
    struct bench *b;
    struct client *alice;
};

static struct talk begin(void)
{
    struct talk t = {.b = bench_new(NULL)};
    t.b->config.core.limits.rate = false;
    bench_account(t.b, BOB);
    t.alice = bench_online(t.b, "alice@example.org/phone");
    return t;
}

static void end(struct talk *t)
{
    expect_nothing(t->alice);
    bench_free(&t->b);
}

static void write_to(struct talk *t, const char *to, const char *id)
{
    client_sendf(t->alice, "<message to='%s' type='chat' id='%s'><body>%s</body></message>", to, id,
                 id);
}

static void write_many(struct talk *t, const char *to, int from, int n)
{
    char id[12];
    for (int i = from; i < n; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_to(t, to, id);
    }
}

static void expect_message(struct client *c, const char *id)
{
    char pattern[256];
    snprintf(pattern, sizeof(pattern),
             "<message from='*' type='chat' id='%s'><body>%s</body><_/></message>", id, id);
    expect(c, pattern);
}

static void expect_many(struct client *c, int from, int n)
{
    char id[12];
    for (int i = from; i < n; i++) {
        snprintf(id, sizeof(id), "%d", i);
        expect_message(c, id);
    }
}

/* Logs in and says that it is there; the presences of Bob's clients are taken. */
static struct client *comes(struct talk *t, const char *full)
{
    struct client *c = bench_login(t->b, full);
    client_send(c, "<presence/>");
    for (uint32_t n = bench_loaded(t->b, BOB)->session_count; n > 0; n--) {
        struct xml x = client_next(c);
        assert_true(slice_is(xml_name(x), "presence"));
    }
    return c;
}

/* A client that is there and takes nothing from its connection. */
static struct client *deaf(struct talk *t, const char *full)
{
    struct client *c = bench_login(t->b, full);
    client_set_deaf(c, true);
    client_send(c, "<presence/>");
    return c;
}

/* Its output is full: what comes from now on is read from the log later. */
static void make_lag(struct talk *t, struct client *c)
{
    client_set_deaf(c, true);
    char *text = mem_alloc(5001);
    memset(text, 'x', 5000);
    text[5000] = '\0';
    t->b->config.core.limits.output_bytes = 4000;
    client_sendf(t->alice, "<message to='%.*s' type='headline'><body>%s</body></message>",
                 SLICE_ARG(jid_full(&client_session(c)->jid)), text);
    mem_free(text);
    assert_true(client_session(c)->lags);
}

/* Bob's account leaves the memory and comes back: what is known is what was written behind. */
static void forget(struct talk *t)
{
    bench_advance(t->b, 120000);
    assert_null(bench_loaded(t->b, BOB));
}

static void a_client_that_lags_gets_its_messages_when_it_reads_again(void **state)
{
    (void)state;
    struct talk t = begin();
    t.b->config.core.limits.output_bytes = 4000;
    struct client *bob = comes(&t, BOB "/desk");
    client_set_deaf(bob, true);
    write_many(&t, BOB, 0, 40);
    assert_true(client_session(bob)->lags);
    assert_true(client_session(bob)->follow.cursor < bench_loaded(t.b, BOB)->head);
    client_set_deaf(bob, false);
    expect_many(bob, 0, 40);
    expect_nothing(bob);
    write_to(&t, BOB, "live");
    expect(bob, "<message from='*' type='chat' id='live'><body>live</body></message>");
    client_close(&bob);
    forget(&t);
    bob = comes(&t, BOB "/desk");
    expect_nothing(bob);
    end(&t);
}

/* What the connection did not take is still there for the next session. */
static void a_session_that_ends_in_the_middle_loses_nothing(void **state)
{
    (void)state;
    for (int archive = 0; archive < 2; archive++) {
        struct talk t = begin();
        t.b->hosts[1].archive = archive;
        write_many(&t, BOB, 0, 60);
        struct client *bob = deaf(&t, BOB "/desk");
        bench_advance(t.b, 5000); /* what is written behind does not say that it was taken */
        client_lose(&bob);
        forget(&t);
        bob = comes(&t, BOB "/desk");
        expect_many(bob, 0, 60);
        expect_nothing(bob);
        client_lose(&bob);
        bench_advance(t.b, 5000);
        assert_int_equal(bench_count(t.b, BOB, "archive"), archive ? 60 : 0);
        end(&t);
    }
}

/* The client was given part of it, and took that. */
static void what_was_taken_does_not_come_again(void **state)
{
    (void)state;
    struct talk t = begin();
    write_many(&t, BOB, 0, 60);
    struct client *first = bench_login(t.b, BOB "/first");
    struct client *second = bench_login(t.b, BOB "/second");
    t.b->store_held = true;
    client_send(first, "<presence/>");
    client_next(first);
    bench_query_step(t.b, 1);
    expect_many(first, 0, 50);
    client_close(&first);
    client_send(second, "<presence/>");
    write_to(&t, BOB, "new");
    client_discard(second);
    bench_query_step(t.b, 9);
    bench_release(t.b);
    expect_many(second, 50, 60);
    expect_message(second, "new");
    expect_nothing(second);
    end(&t);
}

static void another_session_goes_on_when_one_ends(void **state)
{
    (void)state;
    struct talk t = begin();
    write_to(&t, BOB, "one");
    struct client *bad = deaf(&t, BOB "/deaf");
    struct client *other = comes(&t, BOB "/other");
    write_to(&t, BOB, "two");
    expect(other, "<message from='*' type='chat' id='two'><body>two</body></message>");
    expect_nothing(other);
    client_lose(&bad);
    expect_somewhere(other,
                     "<message from='*' type='chat' id='one'><body>one</body><_/></message>");
    expect(other, "<presence from='" BOB "/deaf' type='unavailable'/>");
    expect_nothing(other);
    client_close(&other);
    forget(&t);
    other = comes(&t, BOB "/other");
    expect_nothing(other);
    end(&t);
}

/* The output stays small while a slow client is sent a big mailbox. */
static void L13_a_mailbox_is_sent_as_fast_as_it_is_read(void **state)
{
    (void)state;
    struct talk t = begin();
    enum { BIG = 100000, MANY = 30 };
    char *text = mem_alloc(BIG + 1);
    memset(text, 'x', BIG);
    text[BIG] = '\0';
    for (int i = 0; i < MANY; i++)
        client_sendf(t.alice, "<message to='" BOB "' type='chat' id='%d'><body>%s</body></message>",
                     i, text);
    mem_free(text);
    struct client *bob = deaf(&t, BOB "/desk");
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
    end(&t);
}

static void a_message_to_who_lags_is_for_the_next_when_it_ends(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *desk = comes(&t, BOB "/desk");
    make_lag(&t, desk);
    write_to(&t, BOB "/desk", "hole");
    struct client *other = comes(&t, BOB "/other");
    expect_nothing(other);
    write_to(&t, BOB, "both");
    expect_message(other, "both");
    client_lose(&desk);
    expect_somewhere(other,
                     "<message from='*' type='chat' id='hole'><body>hole</body><_/></message>");
    expect(other, "<presence from='" BOB "/desk' type='unavailable'/>");
    expect_nothing(other);
    client_close(&other);
    forget(&t);
    other = comes(&t, BOB "/other");
    expect_nothing(other);
    end(&t);
}

static void holes_outlive_the_account_in_memory(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *one = comes(&t, BOB "/one"), *two = comes(&t, BOB "/two");
    make_lag(&t, one);
    make_lag(&t, two);
    write_to(&t, BOB "/one", "1");
    write_to(&t, BOB "/two", "2");
    write_to(&t, BOB "/one", "3");
    client_lose(&one);
    client_lose(&two);
    write_to(&t, BOB, "4");
    forget(&t);
    one = comes(&t, BOB "/one");
    expect_many(one, 1, 5);
    expect_nothing(one);
    client_close(&one);
    forget(&t);
    two = comes(&t, BOB "/two");
    expect_nothing(two);
    end(&t);
}

static void who_lags_does_not_get_what_another_had_for_itself(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *slow = comes(&t, BOB "/slow"), *quick = comes(&t, BOB "/quick");
    make_lag(&t, slow);
    write_to(&t, BOB, "first");
    write_to(&t, BOB "/quick", "own");
    write_to(&t, BOB, "all");
    expect_message(quick, "first");
    expect_message(quick, "own");
    expect_message(quick, "all");
    client_close(&quick);
    client_set_deaf(slow, false);
    expect_somewhere(slow,
                     "<message from='*' type='chat' id='first'><body>first</body><_/></message>");
    expect_somewhere(slow, "<message from='*' type='chat' id='all'><body>all</body><_/></message>");
    expect(slow, "<presence from='" BOB "/quick'/>");
    expect(slow, "<message from='*' type='headline'><_/></message>");
    expect(slow, "<presence from='" BOB "/quick' type='unavailable'/>");
    expect_nothing(slow);
    end(&t);
}

/* What one of several resources took is not owed to anybody, whatever becomes of the others. */
static void a_message_that_one_resource_took_is_not_owed(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *slow = comes(&t, BOB "/slow"), *quick = comes(&t, BOB "/quick");
    make_lag(&t, slow);
    write_many(&t, BOB, 0, 5);
    expect_many(quick, 0, 5);
    client_lose(&slow);
    client_close(&quick);
    forget(&t);
    quick = comes(&t, BOB "/quick");
    expect_nothing(quick);
    end(&t);
}

static void what_is_owed_outlives_a_failure_of_the_store(void **state)
{
    (void)state;
    struct talk t = begin();
    struct client *desk = comes(&t, BOB "/desk"), *other = comes(&t, BOB "/other");
    write_to(&t, BOB, "had");
    expect_message(other, "had");
    bench_advance(t.b, 5000);
    make_lag(&t, desk);
    write_to(&t, BOB "/desk", "owed");
    /* The account is read again from a store that does not know of it yet. */
    t.b->batch_error = ERR_IO;
    client_send(other, "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>"
                       "<item jid='carol@example.org'/></query></iq>");
    expect(other, "<iq type='error' id='r'><_/></iq>");
    t.b->batch_error = 0;
    client_lose(&desk);
    expect_somewhere(other,
                     "<message from='*' type='chat' id='owed'><body>owed</body><_/></message>");
    expect(other, "<presence from='" BOB "/desk' type='unavailable'/>");
    expect_nothing(other);
    end(&t);
}

static void a_read_that_fails_is_made_again(void **state)
{
    (void)state;
    struct talk t = begin();
    t.b->config.core.limits.output_bytes = 4000;
    struct client *bob = comes(&t, BOB "/desk");
    client_set_deaf(bob, true);
    write_many(&t, BOB, 0, 40);
    t.b->query_error = ERR_IO;
    client_set_deaf(bob, false);
    bench_run(t.b);
    size_t n = client_waiting(bob);
    assert_in_range(n, 1, 39);
    expect_many(bob, 0, (int)n);
    t.b->query_error = 0;
    write_to(&t, BOB, "40"); /* it does not overtake */
    expect_nothing(bob);
    bench_advance(t.b, FOLLOW_RETRY_MS + 100);
    expect_many(bob, (int)n, 41);
    expect_nothing(bob);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_lags_gets_its_messages_when_it_reads_again),
        cmocka_unit_test(a_session_that_ends_in_the_middle_loses_nothing),
        cmocka_unit_test(what_was_taken_does_not_come_again),
        cmocka_unit_test(another_session_goes_on_when_one_ends),
        cmocka_unit_test(L13_a_mailbox_is_sent_as_fast_as_it_is_read),
        cmocka_unit_test(a_message_to_who_lags_is_for_the_next_when_it_ends),
        cmocka_unit_test(holes_outlive_the_account_in_memory),
        cmocka_unit_test(who_lags_does_not_get_what_another_had_for_itself),
        cmocka_unit_test(a_message_that_one_resource_took_is_not_owed),
        cmocka_unit_test(what_is_owed_outlives_a_failure_of_the_store),
        cmocka_unit_test(a_read_that_fails_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
