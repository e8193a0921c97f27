/* What is sent once more when its session was lost, and what only looks like it (idempotent send).
 * Rows S26, C06, D18. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/trace.h"
#include "node/test_device.h"

#define BOB   "bob@example.org"
#define ALICE "alice@example.org"
#define CAROL "carol@example.org"

enum { ALL = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000 };

/* A session of an account, one that takes what comes, whoever it is from. */
struct talk {
    struct bench *b;
    struct device *alice, *bob;
};

static struct talk talk_new(struct bench *b)
{
    b->config.core.limits.trace_bytes = 1 << 20;
    return (struct talk){
        .b = b, .bob = device_new(b, BOB "/b"), .alice = device_new(b, ALICE "/a")};
}

static void talk_free(struct talk *t)
{
    device_free(&t->alice);
    device_free(&t->bob);
}

/* Time passes; clients that are asked for a sign of life give one. */
static void pass(struct talk *t, uint64_t ms)
{
    for (; ms > 0; ms -= ms < 10000 ? ms : 10000) {
        bench_advance(t->b, ms < 10000 ? ms : 10000);
        device_take(t->alice);
        device_take(t->bob);
    }
}

static unsigned repeated(const struct bench *b)
{
    unsigned n = 0;
    struct trace_row row;
    for (uint32_t i = 0; i < b->inside->shards; i++)
        for (size_t at = 0; trace_next(node_engine(b->nodes[i]), &at, &row);)
            n += row.event == TRACE_REPEATED;
    return n;
}

/* All that the device has sent is settled, and it is told so. */
static void all_told(struct device *d)
{
    device_raw(d, "<r xmlns='urn:xmpp:sm:3'/>");
    assert_int_equal(d->acked, d->sent);
}

/* The connection goes, and the next session does not know of the old one. */
static void lose_and_login(struct device *d)
{
    device_lose(d);
    device_login(d);
}

/* ------------------------------------------------------------------------------- is delivered */

static void a_bot_with_one_id_is_heard_at_every_login(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        for (unsigned i = 0; i < 5; i++) {
            device_write(t.alice, BOB, 1);
            device_got(t.bob, "1 ");
            device_close(t.alice);
            if (i % 2 == 1)
                pass(&t, 2 * MINUTE_MS); /* the account leaves the memory */
            if (i == 3)
                bench_power_cut(b, ALL);
            device_login(t.alice);
            if (i == 3)
                device_login(t.bob);
        }
        /* Without stream management nothing is known, so nothing is a repetition. */
        device_close(t.alice);
        for (unsigned i = 0; i < 3; i++) {
            struct client *plain = bench_login(b, ALICE "/bot");
            client_send(plain, "<message type='chat' to='" BOB "' id='1'><body>1</body></message>");
            device_got(t.bob, "1 ");
            client_lose(&plain);
        }
        assert_int_equal(repeated(b), 0);
        talk_free(&t);
    }
}

static void the_same_text_twice_on_one_stream_is_sent_twice(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 1 ");
        device_lose(t.alice); /* over a resumption, too: what was not told counts by number */
        assert_true(device_resume(t.alice));
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 ");
        /* And behind what really comes again. */
        lose_and_login(t.alice);
        for (unsigned i = 0; i < 3; i++)
            device_write(t.alice, BOB, 1);
        device_got(t.bob, "");
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 1 ");
        talk_free(&t);
    }
}

/* What differs in one thing from what was sent. */
static void only_the_same_is_a_repetition(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {
        "<message type='chat' to='" BOB "' id='1'><body>2</body></message>",
        "<message type='chat' to='" BOB "' id='2'><body>1</body></message>",
        "<message type='chat' to='" BOB "'><body>1</body></message>",
        "<message type='normal' to='" BOB "' id='1'><body>1</body></message>",
        "<message type='chat' to='" BOB "/b' id='1'><body>1</body></message>",
        "<message type='chat' to='" BOB "' id='1'><body>1</body><x xmlns='urn:x'/></message>",
        "<message type='chat' to='" BOB "' id='1'><body xml:lang='de'>1</body></message>",
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 ");
        lose_and_login(t.alice);
        for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
            device_say(t.alice, OTHERS[i]);
            device_got(t.bob, i == 0 ? "2 " : "1 ");
        }
        struct device *carol = device_new(b, CAROL "/c"); /* nor what another account sends */
        device_write(carol, BOB, 1);
        device_got(t.bob, "1 ");
        assert_int_equal(repeated(b), 0);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "");
        device_free(&carol);
        talk_free(&t);
    }
}

static void what_was_told_for_long_is_no_repetition(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        all_told(t.alice);
        pass(&t, MINUTE_MS);
        device_write(t.alice, BOB, 2);
        all_told(t.alice);
        pass(&t, MINUTE_MS + 1000);
        device_write(t.alice, BOB, 3);
        device_got(t.bob, "1 2 3 ");
        lose_and_login(t.alice);
        for (unsigned i = 1; i <= 3; i++)
            device_write(t.alice, BOB, i);
        device_got(t.bob, "1 ");
        assert_int_equal(repeated(b), 2);
        /* It is the end of the stream that counts, not that of its session. */
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "4 ");
        all_told(t.alice);
        pass(&t, MINUTE_MS);
        device_lose(t.alice);
        pass(&t, 6 * MINUTE_MS);
        device_login(t.alice);
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "");
        talk_free(&t);
    }
}

/* A client that asks behind every stanza, for hours. */
static void what_was_told_for_long_is_known_in_a_crowd(void **state)
{
    (void)state;
    enum { EACH_MS = 500, N = 2000, BEFORE = 60000 / EACH_MS };
    struct bench *b = bench_new(NULL);
    b->config.core.limits.rate = false;
    struct talk t = talk_new(b);
    t.alice->sends_r = true;
    for (unsigned i = 0; i < N; i++) {
        device_write(t.alice, BOB, i);
        bench_advance(b, EACH_MS);
        device_take(t.bob);
    }
    device_take(t.bob);
    buf_clear(&t.bob->bodies);
    lose_and_login(t.alice);
    for (unsigned i = 0; i < N; i++)
        device_write(t.alice, BOB, i);
    unsigned n = repeated(b);
    assert_in_range(n, BEFORE, 2 * BEFORE + 10);
    device_write(t.alice, BOB, N - 1); /* the one that had to be among them is used up */
    device_take(t.bob);
    char last[32];
    struct slice got = buf_slice(&t.bob->bodies);
    snprintf(last, sizeof(last), " %u ", N - 1);
    assert_true(got.len > strlen(last));
    assert_memory_equal(got.ptr + got.len - strlen(last), last, strlen(last));
    talk_free(&t);
    bench_free(&b);
}

static void it_is_forgotten_after_a_day(void **state)
{
    (void)state;
    for (unsigned hours = 23; hours <= 24; hours++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct talk t = talk_new(b);
            device_write(t.alice, BOB, 1);
            device_got(t.bob, "1 ");
            device_close(t.bob);
            device_lose(t.alice);
            for (unsigned i = 0; i < hours; i++)
                pass(&t, HOUR_MS);
            device_login(t.bob);
            device_login(t.alice);
            device_write(t.alice, BOB, 1);
            device_got(t.bob, hours == 23 ? "" : "1 ");
            all_told(t.alice);
            device_close(t.alice);
            pass(&t, 2000);
            assert_int_equal(bench_count(b, ALICE, "streams"), 0);
            talk_free(&t);
        }
}

/* In memory, while a session of the account goes on. */
static void it_is_forgotten_while_the_account_stays(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct talk t = talk_new(b);
    struct device *other = device_new(b, ALICE "/other");
    device_write(t.alice, BOB, 1);
    lose_and_login(t.alice);
    device_write(t.alice, BOB, 2); /* what may come again is known from now on */
    device_got(t.bob, "1 2 ");
    device_close(t.alice);
    device_free(&t.alice);
    t.alice = other;
    pass(&t, 24 * HOUR_MS);
    device_write(other, BOB, 1);
    device_got(t.bob, "1 ");
    pass(&t, 2000);
    assert_null(bench_loaded(b, ALICE)->resend);
    talk_free(&t);
    bench_free(&b);
}

/* ---------------------------------------------------------------------------- is not delivered */

static void C06_what_is_sent_again_is_acknowledged_alone(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        struct device *second = device_new(b, ALICE "/second");
        device_say(second, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        device_got(t.bob, "1 2 ");
        uint64_t kept = bench_count(b, BOB, "archive");
        lose_and_login(t.alice);
        device_take(second);
        buf_clear(&second->other);
        buf_clear(&second->bodies);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        all_told(t.alice);
        device_got(t.bob, "");
        assert_int_equal(bench_count(b, BOB, "archive"), kept);
        assert_int_equal(repeated(b), 2);
        device_take(second);
        assert_false(device_saw(second, "message"));
        device_write(t.alice, BOB, 3);
        device_got(t.bob, "3 ");
        /* Nothing is left of it: neither in memory nor in the store. */
        pass(&t, 3000);
        assert_null(bench_loaded(b, ALICE)->resend);
        device_close(t.alice);
        pass(&t, 3000);
        assert_int_equal(bench_count(b, ALICE, "streams"), 0);
        device_free(&second);
        talk_free(&t);
    }
}

/* Whatever ended the session: its time, a new one in its place, a stream error. */
static void S26_all_ends_but_the_clients_own(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        device_lose(t.alice);
        pass(&t, 6 * MINUTE_MS);
        assert_true(bench_logged(b, "event=sm.expired"));
        assert_false(device_resume(t.alice));
        device_login(t.alice);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        struct client *old = t.alice->client; /* still connected */
        t.alice->client = NULL;
        device_login(t.alice);
        device_write(t.alice, BOB, 2);
        device_write(t.alice, BOB, 3);
        client_lose(&old);
        device_raw(t.alice, "<what/>");
        device_take(t.alice);
        assert_string_equal(t.alice->error, "unsupported-stanza-type");
        lose_and_login(t.alice);
        device_write(t.alice, BOB, 3);
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "1 2 3 4 ");
        assert_int_equal(repeated(b), 3);
        talk_free(&t);
    }
}

/* Two sessions that were lost, and a third; the second had sent something anew, too. */
static void a_repetition_may_come_again(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        for (unsigned i = 2; i < 6; i++) {
            lose_and_login(t.alice);
            for (unsigned n = 1; n <= i; n++)
                device_write(t.alice, BOB, n);
            if (i % 2 == 0)
                bench_crash(b, ALL);
        }
        assert_true(device_resume(t.bob));
        device_got(t.bob, "1 2 3 4 5 ");
        talk_free(&t);
    }
}

/* It answers for one, even when nobody remembers the other in memory. */
static void what_is_used_up_stays_so(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct talk t = talk_new(b);
            device_write(t.alice, BOB, 1);
            device_write(t.alice, BOB, 2);
            device_got(t.bob, "1 2 ");
            lose_and_login(t.alice);
            device_write(t.alice, BOB, 1);
            device_got(t.bob, "");
            device_close(t.alice);
            if (how == 0)
                pass(&t, 3 * MINUTE_MS);
            else if (how == 1)
                bench_crash(b, ALL);
            else
                bench_power_cut(b, ALL);
            device_lose(t.bob);
            device_login(t.bob);
            device_take(t.bob);
            buf_clear(&t.bob->bodies);
            device_login(t.alice);
            device_write(t.alice, BOB, 1);
            device_write(t.alice, BOB, 2);
            device_got(t.bob, "1 ");
            talk_free(&t);
        }
}

static void D05_after_a_crash_and_the_end_of_the_session(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        b->store_held = true;
        device_write(t.alice, BOB, 2);
        device_write(t.alice, BOB, 3);
        device_take(t.bob);
        bench_crash(b, 1); /* 2 is on disk, 3 is not */
        pass(&t, 6 * MINUTE_MS);
        device_login(t.bob);
        device_login(t.alice);
        for (unsigned i = 1; i <= 3; i++)
            device_write(t.alice, BOB, i);
        all_told(t.alice);
        device_got(t.bob, "1 2 3 ");
        assert_int_equal(repeated(b), 2);
        talk_free(&t);
    }
}

/* D18: sessions older than the store's state, or than the machine's, are not resumed. */
static void D18_after_the_end_of_the_machine(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        b->store_held = true;
        device_write(t.alice, BOB, 2);
        device_write(t.alice, BOB, 3);
        bench_power_cut(b, 1);
        assert_false(device_resume(t.alice));
        device_login(t.alice);
        for (unsigned i = 1; i <= 3; i++)
            device_write(t.alice, BOB, i);
        device_login(t.bob);
        device_take(t.bob);
        assert_int_equal(repeated(b), 2);
        assert_int_equal(bench_count(b, BOB, "archive"), 3);
        talk_free(&t);
    }
}

/* Nobody wrote down when it was told; what was told two minutes before the last message is known
 * all the same. */
static void D18_what_was_told_for_long_is_known_after_a_power_cut(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        for (unsigned i = 1; i <= 3; i++) {
            device_write(t.alice, BOB, i);
            all_told(t.alice);
            pass(&t, MINUTE_MS + 5000);
        }
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "1 2 3 4 ");
        bench_power_cut(b, ALL);
        device_login(t.bob);
        device_login(t.alice);
        for (unsigned i = 1; i <= 4; i++)
            device_write(t.alice, BOB, i);
        assert_int_equal(repeated(b), 2);
        talk_free(&t);
    }
}

/* An orderly stop ends no session; what is not resumed afterwards was lost. */
static void O15_after_a_restart(void **state)
{
    (void)state;
    for (int regions = 0; regions < 2; regions++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct talk t = talk_new(b);
            struct device *plain = device_new_silent(b, CAROL "/c");
            device_write(t.alice, BOB, 1);
            device_write(plain, BOB, 5);
            bench_restart(b, regions != 0);
            assert_true(device_resume(t.bob));
            device_got(t.bob, "1 5 ");
            lose_and_login(t.alice);
            device_write(t.alice, BOB, 1);
            device_write(t.alice, BOB, 2);
            assert_true(device_resume(plain)); /* which sends again what it does not know of */
            device_write(plain, BOB, 5);
            device_got(t.bob, "2 5 ");
            assert_int_equal(repeated(b), 1);
            device_free(&plain);
            talk_free(&t);
        }
}

/* ----------------------------------------------------------------------- who is known by what */

/* Ids of XEP-0359, and stamps that clients add when they send again (XEP-0203). */
static void an_origin_id_is_enough(void **state)
{
    (void)state;
    static const char *const SENT[] = {
        "<message type='chat' to='" BOB "' id='a'><body>1</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>",
        "<message type='chat' to='" BOB "' id='b'><body>2</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o2'/></message>",
        "<message type='chat' to='talk.example.org' id='x'/>", /* is refused, in between */
        "<message to='bob@talk.example.org' id='c'><body>3</body></message>",
        "<message type='chat' id='d'><body>4</body></message>",
        "<message to='" BOB "'><body>5</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o5'/></message>",
    };
    static const char *const AGAIN[] = {
        "<message type='chat' to='" BOB "' id='a2'><body>1</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>",
        "<message type='chat' to='" BOB "' id='b'><body>2</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='other'/>"
        "<delay xmlns='urn:xmpp:delay' stamp='2026-01-02T03:04:05Z'/></message>",
        "<message to='" BOB "' type='normal' id='c'>\n  <body>3</body>\n</message>",
        "<message type='chat' to='" ALICE "' id='d'><body>4</body></message>",
        "<message to='" BOB "'><body>5</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o5'/></message>",
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        for (size_t i = 0; i < sizeof(SENT) / sizeof(SENT[0]); i++)
            device_say(t.alice, SENT[i]);
        device_got(t.bob, "1 2 3 5 ");
        lose_and_login(t.alice);
        device_got(t.alice, "4 ");
        for (size_t i = 0; i < sizeof(AGAIN) / sizeof(AGAIN[0]); i++)
            device_say(t.alice, AGAIN[i]);
        device_got(t.bob, "");
        device_got(t.alice, "");
        assert_int_equal(repeated(b), sizeof(AGAIN) / sizeof(AGAIN[0]));
        talk_free(&t);
    }
}

/* Where nothing is archived, markers know. */
static void markers_know_what_was_sent(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->hosts[0].archive = false;
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 ");
        lose_and_login(t.alice);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        device_got(t.bob, "2 ");
        pass(&t, 2000); /* bob's state is written behind */
        bench_power_cut(b, ALL);
        device_login(t.bob);
        device_login(t.alice);
        device_write(t.alice, BOB, 2);
        device_write(t.alice, BOB, 1);
        all_told(t.alice);
        device_got(t.bob, "");
        assert_int_equal(repeated(b), 2);
        talk_free(&t);
    }
}

/* A client that comes back without stream management has sent it again all the same. */
static void the_next_session_need_not_be_managed(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        device_lose(t.alice);
        pass(&t, 6 * MINUTE_MS);
        struct client *plain = bench_login(b, ALICE "/a");
        client_send(plain, "<message type='chat' to='" BOB "' id='1'><body>1</body></message>");
        client_send(plain, "<message type='chat' to='" BOB "' id='1'><body>1</body></message>");
        device_got(t.bob, "1 1 ");
        assert_int_equal(repeated(b), 1);
        client_lose(&plain);
        talk_free(&t);
    }
}

/* ------------------------------------------------------------------------------------- waiting */

/* Logged in, and a resource bound, on a connection of its own. */
static struct client *second_stream(struct bench *b)
{
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                   "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>");
    client_open(c, "example.org");
    client_discard(c);
    return c;
}

#define SAME_BIND                                                                                  \
    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                     \
    "<resource>a</resource></bind></iq>"                                                           \
    "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"

static void text_number(char *out, size_t size, unsigned n)
{
    snprintf(out, size, "<message type='chat' to='" BOB "' id='%u'><body>%u</body></message>", n,
             n);
}

static void client_write(struct client *c, unsigned n)
{
    char text[128];
    text_number(text, sizeof(text), n);
    client_send(c, text);
}

/* The message is on its way to the disk when its sender comes back: whether it gets there is known
 * before the next one passes. */
static void what_is_in_hand_is_waited_for(void **state)
{
    (void)state;
    for (int error = 0; error < 2; error++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct talk t = talk_new(b);
            struct client *next = second_stream(b);
            device_write(t.alice, BOB, 1);
            b->store_held = true;
            device_write(t.alice, BOB, 2);
            device_lose(t.alice);
            client_send(next, SAME_BIND);
            client_write(next, 2);
            client_write(next, 3);
            bench_query_step(b, ALL);
            device_got(t.bob, "1 ");
            if (error != 0)
                b->batch_error = -1;
            bench_store_step(b, 1);
            b->batch_error = 0;
            bench_release(b);
            device_got(t.bob, "2 3 ");
            assert_int_equal(repeated(b), error == 0);
            client_lose(&next);
            talk_free(&t);
        }
}

/* One that waits loses its session, too; the third one says all of it again. */
static void who_waits_may_be_lost(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct talk t = talk_new(b);
        struct client *second = second_stream(b), *third = second_stream(b);
        device_write(t.alice, BOB, 1);
        b->store_held = true;
        device_write(t.alice, BOB, 2);
        device_lose(t.alice);
        client_send(second, SAME_BIND);
        client_write(second, 2);
        client_write(second, 3);
        client_send(third, SAME_BIND);
        for (unsigned i = 1; i <= 4; i++)
            client_write(third, i);
        bench_release(b);
        device_got(t.bob, "1 2 3 4 ");
        client_send(third, "<r xmlns='urn:xmpp:sm:3'/>");
        expect_somewhere(third, "<a xmlns='urn:xmpp:sm:3' h='4'/>");
        client_lose(&second);
        client_lose(&third);
        talk_free(&t);
    }
}

/* What comes behind a message that waits, to the same address, waits with it. */
static void order_is_kept(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        struct device *alice = device_new(b, ALICE "/a");
        struct client *bob = bench_online(b, BOB "/b");
        device_write(alice, BOB, 1);
        client_discard(bob);
        lose_and_login(alice);
        b->store_held = true;
        device_write(alice, BOB, 1);
        device_write(alice, BOB, 2);
        device_say(alice, "<message type='chat' to='" BOB "'>"
                          "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
        device_say(alice, "<presence to='" BOB "/b'/>");
        device_write(alice, BOB, 3);
        device_say(alice, "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
        device_take(alice);
        assert_true(device_saw(alice, "result p")); /* to another address */
        expect_nothing(bob);
        bench_release(b);
        expect(bob, "<message type='chat' from='" ALICE "/a' id='2'><body>2</body></message>");
        expect(bob, "<message type='chat' from='" ALICE "/a'>"
                    "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
        expect(bob, "<presence from='" ALICE "/a'/>");
        expect(bob, "<message type='chat' from='" ALICE "/a' id='3'><body>3</body></message>");
        expect_nothing(bob);
        client_lose(&bob);
        device_free(&alice);
    }
}

static void the_log_that_cannot_be_read_holds_up_nobody(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct talk t = talk_new(b);
    device_write(t.alice, BOB, 1);
    lose_and_login(t.alice);
    b->query_error = -1;
    device_write(t.alice, BOB, 2);
    device_got(t.bob, "1 2 ");
    b->query_error = 0;
    device_write(t.alice, BOB, 1);
    device_got(t.bob, "");
    talk_free(&t);
    bench_free(&b);
}

/* A write for the first kept message, none for the others, none for who sends none. */
static void it_costs_one_item_for_each_session(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct talk t = talk_new(b);
    assert_int_equal(bench_count(b, ALICE, "streams"), 0);
    for (unsigned i = 1; i <= 10; i++) {
        unsigned before = b->batches;
        device_write(t.alice, BOB, i);
        assert_int_equal(b->batches, before + 1);
        assert_int_equal(bench_count(b, ALICE, "streams"), 1);
    }
    device_take(t.bob);
    device_close(t.bob);
    pass(&t, 2000);
    assert_int_equal(bench_count(b, BOB, "streams"), 0);
    device_close(t.alice);
    pass(&t, 2000);
    assert_int_equal(bench_count(b, ALICE, "streams"), 0);
    talk_free(&t);
    bench_free(&b);
}

/* However many sessions are lost, few are remembered. */
static void few_sessions_are_remembered(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.rate = false;
        struct talk t = talk_new(b);
        for (unsigned i = 1; i <= RESEND_STREAMS_MAX + 10; i++) {
            device_write(t.alice, BOB, i);
            lose_and_login(t.alice);
        }
        pass(&t, 3000);
        assert_in_range(bench_count(b, ALICE, "streams"), RESEND_STREAMS_MAX - 1,
                        RESEND_STREAMS_MAX);
        device_take(t.bob);
        buf_clear(&t.bob->bodies);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, RESEND_STREAMS_MAX + 10);
        device_got(t.bob, "1 ");
        talk_free(&t);
    }
}

/* The account goes with all of it. */
static void an_account_that_is_made_anew_has_sent_nothing(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->hosts[0].registration = REGISTRATION_OPEN;
        struct talk t = talk_new(b);
        device_write(t.alice, BOB, 1);
        lose_and_login(t.alice);
        device_say(t.alice, "<iq type='set' id='x'><query xmlns='jabber:iq:register'>"
                            "<remove/></query></iq>");
        pass(&t, 3000);
        device_free(&t.alice);
        assert_int_equal(bench_count(b, ALICE, "streams"), 0);
        struct client *c = bench_connect(b);
        client_open(c, "example.org");
        client_discard(c);
        ask(c,
            "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>alice</username>"
            "<password>" BENCH_PASSWORD "</password></query></iq>",
            "<iq type='result' id='r'/>");
        t.alice = device_new(b, ALICE "/a");
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 1 ");
        talk_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bot_with_one_id_is_heard_at_every_login),
        cmocka_unit_test(the_same_text_twice_on_one_stream_is_sent_twice),
        cmocka_unit_test(only_the_same_is_a_repetition),
        cmocka_unit_test(what_was_told_for_long_is_no_repetition),
        cmocka_unit_test(what_was_told_for_long_is_known_in_a_crowd),
        cmocka_unit_test(it_is_forgotten_after_a_day),
        cmocka_unit_test(it_is_forgotten_while_the_account_stays),
        cmocka_unit_test(C06_what_is_sent_again_is_acknowledged_alone),
        cmocka_unit_test(S26_all_ends_but_the_clients_own),
        cmocka_unit_test(a_repetition_may_come_again),
        cmocka_unit_test(what_is_used_up_stays_so),
        cmocka_unit_test(D05_after_a_crash_and_the_end_of_the_session),
        cmocka_unit_test(D18_after_the_end_of_the_machine),
        cmocka_unit_test(D18_what_was_told_for_long_is_known_after_a_power_cut),
        cmocka_unit_test(O15_after_a_restart),
        cmocka_unit_test(an_origin_id_is_enough),
        cmocka_unit_test(markers_know_what_was_sent),
        cmocka_unit_test(the_next_session_need_not_be_managed),
        cmocka_unit_test(what_is_in_hand_is_waited_for),
        cmocka_unit_test(who_waits_may_be_lost),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(the_log_that_cannot_be_read_holds_up_nobody),
        cmocka_unit_test(it_costs_one_item_for_each_session),
        cmocka_unit_test(few_sessions_are_remembered),
        cmocka_unit_test(an_account_that_is_made_anew_has_sent_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
