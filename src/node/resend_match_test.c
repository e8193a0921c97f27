/* What counts as sent once more when its session was lost, and what only looks like it (idempotent
 * send). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/test_talk.h"

/* ------------------------------------------------------------------------------- is delivered */

static void a_bot_with_one_id_is_heard_at_every_login(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        for (unsigned i = 0; i < 5; i++) {
            device_write(t.alice, BOB, 1);
            device_got(t.bob, "1 ");
            device_close(t.alice);
            if (i % 2 == 1)
                talk_pass(&t, 2 * MINUTE_MS); /* the account leaves the memory */
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
        assert_int_equal(talk_repeated(b), 0);
    }
}

static void the_same_text_twice_on_one_stream_is_sent_twice(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 1 ");
        device_lose(t.alice); /* over a resumption, too: what was not told counts by number */
        assert_true(device_resume(t.alice));
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 ");
        /* And behind what really comes again. */
        device_login_anew(t.alice);
        for (unsigned i = 0; i < 3; i++)
            device_write(t.alice, BOB, 1);
        device_got(t.bob, "");
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 1 ");
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
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "1 ");
        device_login_anew(t.alice);
        for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
            device_say(t.alice, OTHERS[i]);
            device_got(t.bob, i == 0 ? "2 " : "1 ");
        }
        struct device *carol = device_new(b, CAROL "/c"); /* nor what another account sends */
        device_write(carol, BOB, 1);
        device_got(t.bob, "1 ");
        assert_int_equal(talk_repeated(b), 0);
        device_write(t.alice, BOB, 1);
        device_got(t.bob, "");
        device_free(&carol);
    }
}

static void what_was_told_for_long_is_no_repetition(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        device_all_told(t.alice);
        talk_pass(&t, MINUTE_MS);
        device_write(t.alice, BOB, 2);
        device_all_told(t.alice);
        talk_pass(&t, MINUTE_MS + 1000);
        device_write(t.alice, BOB, 3);
        device_got(t.bob, "1 2 3 ");
        device_login_anew(t.alice);
        for (unsigned i = 1; i <= 3; i++)
            device_write(t.alice, BOB, i);
        device_got(t.bob, "1 ");
        assert_int_equal(talk_repeated(b), 2);
        /* It is the end of the stream that counts, not that of its session. */
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "4 ");
        device_all_told(t.alice);
        talk_pass(&t, MINUTE_MS);
        device_lose(t.alice);
        talk_pass(&t, 6 * MINUTE_MS);
        device_login(t.alice);
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "");
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
    device_login_anew(t.alice);
    for (unsigned i = 0; i < N; i++)
        device_write(t.alice, BOB, i);
    unsigned n = talk_repeated(b);
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
    TALK_ON_SHARDS(b, t)
    {
        for (size_t i = 0; i < sizeof(SENT) / sizeof(SENT[0]); i++)
            device_say(t.alice, SENT[i]);
        device_got(t.bob, "1 2 3 5 ");
        device_login_anew(t.alice);
        device_got(t.alice, "4 ");
        for (size_t i = 0; i < sizeof(AGAIN) / sizeof(AGAIN[0]); i++)
            device_say(t.alice, AGAIN[i]);
        device_got(t.bob, "");
        device_got(t.alice, "");
        assert_int_equal(talk_repeated(b), sizeof(AGAIN) / sizeof(AGAIN[0]));
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
        device_login_anew(t.alice);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        device_got(t.bob, "2 ");
        talk_pass(&t, 2000); /* bob's state is written behind */
        bench_power_cut(b, ALL);
        device_login(t.bob);
        device_login(t.alice);
        device_write(t.alice, BOB, 2);
        device_write(t.alice, BOB, 1);
        device_all_told(t.alice);
        device_got(t.bob, "");
        assert_int_equal(talk_repeated(b), 2);
        talk_free(&t);
    }
}

/* A client that comes back without stream management has sent it again all the same. */
static void the_next_session_need_not_be_managed(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        device_lose(t.alice);
        talk_pass(&t, 6 * MINUTE_MS);
        struct client *plain = bench_login(b, ALICE "/a");
        client_send(plain, "<message type='chat' to='" BOB "' id='1'><body>1</body></message>");
        client_send(plain, "<message type='chat' to='" BOB "' id='1'><body>1</body></message>");
        device_got(t.bob, "1 1 ");
        assert_int_equal(talk_repeated(b), 1);
        client_lose(&plain);
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
        cmocka_unit_test(an_origin_id_is_enough),
        cmocka_unit_test(markers_know_what_was_sent),
        cmocka_unit_test(the_next_session_need_not_be_managed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
