/* What is sent once more when its session was lost is delivered once (idempotent send): whatever
 * ended the session, while the first is still on its way, and for how long. What counts as the same
 * is in resend_match_test.c. Rows S26, C06, D05, D18, O15. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_talk.h"

/* ---------------------------------------------------------------------------- is not delivered */

static void C06_what_is_sent_again_is_acknowledged_alone(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        struct device *second = device_new(b, ALICE "/second");
        device_say(second, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        device_got(t.bob, "1 2 ");
        uint64_t kept = bench_count(b, BOB, "archive");
        device_login_anew(t.alice);
        device_take(second);
        buf_clear(&second->other);
        buf_clear(&second->bodies);
        device_write(t.alice, BOB, 1);
        device_write(t.alice, BOB, 2);
        device_all_told(t.alice);
        device_got(t.bob, "");
        assert_int_equal(bench_count(b, BOB, "archive"), kept);
        assert_int_equal(talk_repeated(b), 2);
        device_take(second);
        assert_false(device_saw(second, "message"));
        device_write(t.alice, BOB, 3);
        device_got(t.bob, "3 ");
        /* Nothing is left of it: neither in memory nor in the store. */
        talk_pass(&t, 3000);
        assert_null(bench_loaded(b, ALICE)->resend);
        device_close(t.alice);
        talk_pass(&t, 3000);
        assert_int_equal(bench_count(b, ALICE, "streams"), 0);
        device_free(&second);
    }
}

/* Whatever ended the session: its time, a new one in its place, a stream error. */
static void S26_all_ends_but_the_clients_own(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        device_lose(t.alice);
        talk_pass(&t, 6 * MINUTE_MS);
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
        device_login_anew(t.alice);
        device_write(t.alice, BOB, 3);
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "1 2 3 4 ");
        assert_int_equal(talk_repeated(b), 3);
    }
}

/* Two sessions that were lost, and a third; the second had sent something anew, too. */
static void a_repetition_may_come_again(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        for (unsigned i = 2; i < 6; i++) {
            device_login_anew(t.alice);
            for (unsigned n = 1; n <= i; n++)
                device_write(t.alice, BOB, n);
            if (i % 2 == 0)
                bench_crash(b, ALL);
        }
        assert_true(device_resume(t.bob));
        device_got(t.bob, "1 2 3 4 5 ");
    }
}

/* It answers for one, even when nobody remembers the other in memory. */
static void what_is_used_up_stays_so(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++)
        TALK_ON_SHARDS(b, t)
        {
            device_write(t.alice, BOB, 1);
            device_write(t.alice, BOB, 2);
            device_got(t.bob, "1 2 ");
            device_login_anew(t.alice);
            device_write(t.alice, BOB, 1);
            device_got(t.bob, "");
            device_close(t.alice);
            if (how == 0)
                talk_pass(&t, 3 * MINUTE_MS);
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
        }
}

static void D05_after_a_crash_and_the_end_of_the_session(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        device_write(t.alice, BOB, 1);
        b->store_held = true;
        device_write(t.alice, BOB, 2);
        device_write(t.alice, BOB, 3);
        device_take(t.bob);
        bench_crash(b, 1); /* 2 is on disk, 3 is not */
        talk_pass(&t, 6 * MINUTE_MS);
        device_login(t.bob);
        device_login(t.alice);
        for (unsigned i = 1; i <= 3; i++)
            device_write(t.alice, BOB, i);
        device_all_told(t.alice);
        device_got(t.bob, "1 2 3 ");
        assert_int_equal(talk_repeated(b), 2);
    }
}

/* D18: sessions older than the store's state, or than the machine's, are not resumed. */
static void D18_after_the_end_of_the_machine(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
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
        assert_int_equal(talk_repeated(b), 2);
        assert_int_equal(bench_count(b, BOB, "archive"), 3);
    }
}

/* Nobody wrote down when it was told; what was told two minutes before the last message is known
 * all the same. */
static void D18_what_was_told_for_long_is_known_after_a_power_cut(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
        for (unsigned i = 1; i <= 3; i++) {
            device_write(t.alice, BOB, i);
            device_all_told(t.alice);
            talk_pass(&t, MINUTE_MS + 5000);
        }
        device_write(t.alice, BOB, 4);
        device_got(t.bob, "1 2 3 4 ");
        bench_power_cut(b, ALL);
        device_login(t.bob);
        device_login(t.alice);
        for (unsigned i = 1; i <= 4; i++)
            device_write(t.alice, BOB, i);
        assert_int_equal(talk_repeated(b), 2);
    }
}

/* An orderly stop ends no session; what is not resumed afterwards was lost. */
static void O15_after_a_restart(void **state)
{
    (void)state;
    for (int regions = 0; regions < 2; regions++)
        TALK_ON_SHARDS(b, t)
        {
            struct device *plain = device_new_silent(b, CAROL "/c");
            device_write(t.alice, BOB, 1);
            device_write(plain, BOB, 5);
            bench_restart(b, regions != 0);
            assert_true(device_resume(t.bob));
            device_got(t.bob, "1 5 ");
            device_login_anew(t.alice);
            device_write(t.alice, BOB, 1);
            device_write(t.alice, BOB, 2);
            assert_true(device_resume(plain)); /* which sends again what it does not know of */
            device_write(plain, BOB, 5);
            device_got(t.bob, "2 5 ");
            assert_int_equal(talk_repeated(b), 1);
            device_free(&plain);
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
        TALK_ON_SHARDS(b, t)
        {
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
            assert_int_equal(talk_repeated(b), error == 0);
            client_lose(&next);
        }
}

/* One that waits loses its session, too; the third one says all of it again. */
static void who_waits_may_be_lost(void **state)
{
    (void)state;
    TALK_ON_SHARDS(b, t)
    {
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
        device_login_anew(alice);
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
    device_login_anew(t.alice);
    b->query_error = -1;
    device_write(t.alice, BOB, 2);
    device_got(t.bob, "1 2 ");
    b->query_error = 0;
    device_write(t.alice, BOB, 1);
    device_got(t.bob, "");
    talk_free(&t);
    bench_free(&b);
}

/* ------------------------------------------------------------------------- what is remembered */

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
    talk_pass(&t, 2000);
    assert_int_equal(bench_count(b, BOB, "streams"), 0);
    device_close(t.alice);
    talk_pass(&t, 2000);
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
            device_login_anew(t.alice);
        }
        talk_pass(&t, 3000);
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
        device_login_anew(t.alice);
        device_say(t.alice, "<iq type='set' id='x'><query xmlns='jabber:iq:register'>"
                            "<remove/></query></iq>");
        talk_pass(&t, 3000);
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

static void it_is_forgotten_after_a_day(void **state)
{
    (void)state;
    for (unsigned hours = 23; hours <= 24; hours++)
        TALK_ON_SHARDS(b, t)
        {
            device_write(t.alice, BOB, 1);
            device_got(t.bob, "1 ");
            device_close(t.bob);
            device_lose(t.alice);
            for (unsigned i = 0; i < hours; i++)
                talk_pass(&t, HOUR_MS);
            device_login(t.bob);
            device_login(t.alice);
            device_write(t.alice, BOB, 1);
            device_got(t.bob, hours == 23 ? "" : "1 ");
            device_all_told(t.alice);
            device_close(t.alice);
            talk_pass(&t, 2000);
            assert_int_equal(bench_count(b, ALICE, "streams"), 0);
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
    device_login_anew(t.alice);
    device_write(t.alice, BOB, 2); /* what may come again is known from now on */
    device_got(t.bob, "1 2 ");
    device_close(t.alice);
    device_free(&t.alice);
    t.alice = other;
    talk_pass(&t, 24 * HOUR_MS);
    device_write(other, BOB, 1);
    device_got(t.bob, "1 ");
    talk_pass(&t, 2000);
    assert_null(bench_loaded(b, ALICE)->resend);
    talk_free(&t);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C06_what_is_sent_again_is_acknowledged_alone),
        cmocka_unit_test(S26_all_ends_but_the_clients_own),
        cmocka_unit_test(a_repetition_may_come_again),
        cmocka_unit_test(what_is_used_up_stays_so),
        cmocka_unit_test(D05_after_a_crash_and_the_end_of_the_session),
        cmocka_unit_test(D18_after_the_end_of_the_machine),
        cmocka_unit_test(D18_what_was_told_for_long_is_known_after_a_power_cut),
        cmocka_unit_test(O15_after_a_restart),
        cmocka_unit_test(what_is_in_hand_is_waited_for),
        cmocka_unit_test(who_waits_may_be_lost),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(the_log_that_cannot_be_read_holds_up_nobody),
        cmocka_unit_test(it_costs_one_item_for_each_session),
        cmocka_unit_test(few_sessions_are_remembered),
        cmocka_unit_test(an_account_that_is_made_anew_has_sent_nothing),
        cmocka_unit_test(it_is_forgotten_after_a_day),
        cmocka_unit_test(it_is_forgotten_while_the_account_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
