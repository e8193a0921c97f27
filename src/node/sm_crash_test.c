/* Sessions over the end of the process: killed, stopped in order, replaced by another binary, and
 * the end of the machine. What has been told, written and acknowledged before decides what comes
 * again. Rows D05, G1, G4, O15, V81, L15. */
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

enum { ALL = 1000 };

static void D05_sessions_are_resumed_after_a_kill(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        device_write(alice, BOB, 1);
        device_got(bob, "1 ");
        bob->silent = true;
        device_write(alice, BOB, 2);
        device_got(bob, "2 ");
        client_set_deaf(bob->client, true);
        device_write(alice, BOB, 3);
        bench_crash(b, ALL);
        bob->silent = false;
        assert_true(device_resume(alice));
        device_write(alice, BOB, 4);
        assert_true(device_resume(bob));
        device_got(bob, "3 4 ");
        device_write(bob, ALICE, 5);
        device_got(alice, "5 ");
        device_free(&alice);
        device_free(&bob);
    }
}

/* In whatever place the message was when the process died. */
static void D05_a_message_is_delivered_once_from_everywhere(void **state)
{
    (void)state;
    enum { PLACES = 6 };
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        unsigned body = 1;
        for (unsigned place = 0; place < PLACES; place++) {
            char want[64];
            snprintf(want, sizeof(want), "%u %u %u ", body, body + 1, body + 2);
            b->store_held = true;
            for (unsigned i = 0; i < 3; i++)
                device_write(alice, BOB, body++);
            /* Nothing, one, two of them are written and told; then the rest is written, or not. */
            bench_store_step(b, place % 3);
            device_take(bob);
            bench_crash(b, place < 3 ? 0 : ALL);
            if (place % 2 == 0) {
                assert_true(device_resume(bob));
                assert_true(device_resume(alice));
            } else {
                assert_true(device_resume(alice));
                assert_true(device_resume(bob));
            }
            device_got(bob, want);
            device_all_told(alice);
        }
        device_free(&alice);
        device_free(&bob);
    }
}

/* Numbers that were written and not told are in the count of <resumed/>. */
static void the_log_knows_what_was_settled(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        bench_account(b, "carol@example.org");
        struct device *alice = device_new(b, ALICE "/a");
        uint32_t before = alice->sent;
        b->store_held = true;
        device_write(alice, BOB, 1);
        device_write(alice, "carol@example.org", 2);
        device_write(alice, ALICE, 3);
        bench_query_step(b, ALL);
        bench_crash(b, ALL);
        uint32_t sent = alice->sent;
        alice->sent = alice->acked; /* it says nothing of its own */
        alice->sent = sent;
        assert_true(device_resume(alice));
        device_take(alice);
        assert_int_equal(alice->acked, before + 3);
        device_got(alice, "3 ");
        struct device *bob = device_new(b, BOB "/a"), *carol = device_new(b, "carol@example.org/a");
        device_got(bob, "1 ");
        device_got(carol, "2 ");
        device_free(&alice);
        device_free(&bob);
        device_free(&carol);
    }
}

/* Presence that was held back for who was away died with the process: it is asked for anew. */
static void presence_is_known_again_after_a_crash(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *desk = device_new(b, ALICE "/desk"), *phone = device_new(b, ALICE "/phone");
        device_take(desk);
        device_take(phone);
        device_lose(phone);
        device_say(desk, "<presence><show>dnd</show></presence>");
        bench_crash(b, ALL);
        buf_clear(&phone->other);
        assert_true(device_resume(desk));
        assert_true(device_resume(phone));
        device_take(phone);
        assert_true(device_saw(phone, "presence " ALICE "/desk"));
        device_free(&desk);
        device_free(&phone);
    }
}

/* What settled beyond the prefix is not done again: its bit is in the region. */
static void stanzas_that_settled_out_of_order_are_not_done_twice(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        struct device *alice = device_new(b, ALICE "/a");
        device_take(alice);
        buf_clear(&alice->other);
        b->store_held = true;
        device_write(alice, BOB, 1); /* waits for the store */
        device_say(alice, "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
        assert_true(device_saw(alice, "result p"));
        bench_crash(b, 0);
        buf_clear(&alice->other);
        assert_true(device_resume(alice)); /* both are sent again */
        device_all_told(alice);
        assert_false(device_saw(alice, "result p"));
        struct device *bob = device_new(b, BOB "/a");
        device_got(bob, "1 ");
        device_free(&alice);
        device_free(&bob);
    }
}

static void the_state_of_a_session_outlives_the_process(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct device *bob = device_new_silent(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        bench_account(b, "carol@example.org");
        device_say(bob, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        device_say(bob, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        device_say(bob, "<iq type='get' id='b'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
        device_say(bob, "<presence xml:lang='de'><show>xa</show><priority>7</priority></presence>");
        device_say(bob, "<presence to='carol@example.org'/>");
        device_take(bob);
        bench_advance(b, 1000);
        const struct session *was = device_session(bob);
        int64_t since_ms = was->since_ms;
        uint64_t interests = was->interests;
        bench_crash(b, ALL);
        bench_advance(b, 1000);
        const struct session *is = device_session(bob);
        assert_non_null(is);
        assert_true(is->available && is->was_available && is->roster_interested && is->carbons);
        assert_int_equal(is->priority, 7);
        assert_int_equal(is->since_ms, since_ms);
        assert_int_equal(is->interests, interests);
        assert_memory_equal(session_directed(is).ptr, "carol@example.org", 18);
        assert_true(slice_is(session_presence_lang(is), "de"));
        /* Contacts and other resources see it; pushes wait for it. */
        assert_true(device_resume(alice));
        device_say(alice, "<presence type='probe' to='" BOB "'/>");
        struct device *two = device_new(b, BOB "/b");
        device_take(two);
        assert_true(device_saw(two, "presence " BOB "/a"));
        device_say(two, "<iq type='set' id='i'><query xmlns='jabber:iq:roster'>"
                        "<item jid='dave@example.org'/></query></iq>");
        device_say(two, "<iq type='set' id='k'><block xmlns='urn:xmpp:blocking'>"
                        "<item jid='eve@example.org'/></block></iq>");
        device_write(two, ALICE, 9);
        buf_clear(&bob->other);
        assert_true(device_resume(bob));
        struct slice other = buf_slice(&bob->other);
        unsigned sets = 0, copies = 0;
        for (size_t at = 0; at + 4 < other.len; at++) {
            sets += memcmp(other.ptr + at, " set", 4) == 0;
            copies += memcmp(other.ptr + at, "mess", 4) == 0;
        }
        assert_int_equal(sets, 2);
        assert_int_equal(copies, 1);
        device_free(&two);
        device_free(&alice);
        device_free(&bob);
    }
}

static void volatile_stanzas_outlive_the_process(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        device_lose(bob);
        device_say(alice, "<iq type='get' id='q' to='" BOB "/a'><x xmlns='urn:x'/></iq>");
        device_say(alice, "<message type='headline' to='" BOB "/a'><body>1</body></message>");
        bench_crash(b, ALL);
        assert_true(device_resume(bob));
        device_got(bob, "1 ");
        assert_true(device_saw(bob, "iq " ALICE "/a get q"));
        device_say(bob, "<iq type='result' id='q' to='" ALICE "/a'/>");
        assert_true(device_resume(alice));
        assert_true(device_saw(alice, "iq " BOB "/a result q"));
        device_free(&alice);
        device_free(&bob);
    }
}

static void L15_time_goes_on_while_nobody_looks(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        bob->silent = true;
        device_write(alice, BOB, 1);
        device_got(bob, "1 ");
        device_lose(bob);
        bench_advance(b, 200000);
        bench_crash(b, ALL);
        assert_true(device_resume(alice));
        bench_advance(b, 99000);
        assert_non_null(device_session(bob));
        bench_advance(b, 3000);
        assert_null(device_session(bob));
        struct device *next = device_new(b, BOB "/b");
        device_got(next, "1 ");
        device_free(&next);
        /* One that was connected has all of it. */
        device_lose(alice);
        bench_advance(b, 100000);
        assert_true(device_resume(alice));
        bench_crash(b, ALL);
        bench_advance(b, 298000);
        assert_true(device_resume(alice));
        device_free(&alice);
        device_free(&bob);
    }
}

/* Also when the first thing that happens is that somebody asks for it. */
static void L15_what_ran_out_meanwhile_is_not_found(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        device_lose(bob);
        device_write(alice, BOB, 1);
        bench_advance(b, 299000);
        b->now.wall_ms += 2000; /* nobody looks */
        b->now.mono_ms += 2000;
        bench_crash(b, ALL);
        assert_false(device_resume(bob));
        assert_int_equal(bob->failed, 1);
        device_login(bob);
        device_got(bob, "1 ");
        device_free(&alice);
        device_free(&bob);
    }
}

/* Without resumption nothing comes back, and nothing is lost. */
static void sessions_that_cannot_be_resumed_leave_their_messages(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, BOB, ALICE);
        struct client *bob = bench_login(b, BOB "/a");
        struct device *alice = device_new(b, ALICE "/a");
        ask(bob, "<enable xmlns='urn:xmpp:sm:3'/>", "<enabled xmlns='urn:xmpp:sm:3'/>");
        client_send(bob, "<presence/>");
        device_write(alice, BOB, 1);
        assert_true(client_waiting(bob) > 0);
        bench_crash(b, ALL);
        bench_advance(b, 2000);
        assert_true(device_resume(alice));
        assert_true(device_saw(alice, "presence " BOB "/a unavailable"));
        struct device *next = device_new(b, BOB "/b");
        device_got(next, "1 ");
        device_free(&alice);
        device_free(&next);
    }
}

static void nothing_is_resumed_after_the_end_of_the_machine(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        device_write(alice, BOB, 1);
        device_got(bob, "1 ");
        bench_advance(b, 2000); /* the tail is written behind */
        device_lose(bob);
        device_write(alice, BOB, 2);
        bench_power_cut(b, ALL);
        assert_false(device_resume(bob));
        assert_int_equal(bob->failed_h, UINT32_MAX);
        device_login(bob);
        device_got(bob, "2 ");
        device_free(&alice);
        device_free(&bob);
    }
}

/* O15: with the same binary, and with one that knows another region. */
static void O15_sessions_are_resumed_after_a_restart(void **state)
{
    (void)state;
    for (int regions = 0; regions < 2; regions++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
            device_take(bob);
            bob->silent = true;
            device_write(alice, BOB, 1);
            device_got(bob, "1 ");
            client_set_deaf(bob->client, true);
            device_write(alice, BOB, 2);
            bench_restart(b, regions != 0);
            device_take(alice);
            assert_string_equal(alice->error, "system-shutdown");
            assert_int_equal(bench_count(b, "example.org", "sessions"), 0);
            bob->silent = false;
            assert_true(device_resume(alice));
            device_write(alice, BOB, 3);
            assert_true(device_resume(bob));
            device_got(bob, "2 3 ");
            device_write(bob, ALICE, 4);
            device_got(alice, "4 ");
            device_free(&alice);
            device_free(&bob);
        }
}

/* A stanza that nobody settles holds the stop up for a while, and no longer. */
static void a_stop_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct device *alice = device_new(b, ALICE "/a");
    struct engine *e = bench_engine(b, ALICE);
    device_session(alice)->unsettled++; /* lost on its way */
    node_stop(b->nodes[0]);
    bench_run(b);
    assert_true(node_waits(b->nodes[0]));
    assert_true(node_deadline(b->nodes[0]) <= b->now.mono_ms + 2100);
    bench_advance(b, 2100);
    assert_false(node_waits(b->nodes[0]));
    assert_true(e->saved);
    assert_int_equal(bench_count(b, "example.org", "sessions"), 1);
    device_free(&alice);
    bench_free(&b);
}

/* What is put into the store is believed once. */
static void saved_sessions_are_not_used_twice(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a");
        bench_restart(b, true);
        assert_true(device_resume(bob));
        device_lose(bob);
        bench_power_cut(b, ALL);
        assert_false(device_resume(bob));
        device_free(&bob);
    }
}

static void a_resumption_waits_for_what_the_store_holds(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a");
        device_take(bob);
        for (unsigned i = 0; i < 250; i++) { /* some pages of others */
            char full[64];
            snprintf(full, sizeof(full), "u%u@example.org/r", i);
            struct device *d = device_new_silent(b, full);
            device_lose(d);
            device_free(&d);
        }
        bench_restart(b, false);
        assert_true(device_resume(bob));
        size_t sessions = 0;
        for (uint32_t i = 0; i < b->inside->shards; i++)
            sessions += node_engine(b->nodes[i])->session_count;
        assert_int_equal(sessions, 251);
        device_free(&bob);
    }
}

static void a_session_whose_account_is_gone_ends(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a");
        device_take(bob);
        device_lose(bob);
        struct store_request *r = store_batch_new(0, 0);
        store_drop_owner(r, SLICE(BOB));
        r = bench_store(b, r);
        store_request_free(&r);
        bench_crash(b, 0);
        assert_null(device_session(bob));
        device_free(&bob);
    }
}

/* Two crashes with nothing in between: what was restored is restored again. */
static void D05_a_crash_at_the_start(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct device *bob = device_new(b, BOB "/a"), *alice = device_new(b, ALICE "/a");
        device_take(bob);
        client_set_deaf(bob->client, true);
        device_write(alice, BOB, 1);
        for (unsigned i = 0; i < 3; i++)
            bench_crash(b, 0);
        assert_true(device_resume(alice));
        device_write(alice, BOB, 2);
        bench_crash(b, 0);
        assert_true(device_resume(bob));
        device_got(bob, "1 2 ");
        device_lose(alice);
        bench_crash(b, 0);
        assert_true(device_resume(bob));
        device_got(bob, "");
        device_free(&alice);
        device_free(&bob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(D05_sessions_are_resumed_after_a_kill),
        cmocka_unit_test(D05_a_message_is_delivered_once_from_everywhere),
        cmocka_unit_test(the_log_knows_what_was_settled),
        cmocka_unit_test(presence_is_known_again_after_a_crash),
        cmocka_unit_test(stanzas_that_settled_out_of_order_are_not_done_twice),
        cmocka_unit_test(the_state_of_a_session_outlives_the_process),
        cmocka_unit_test(volatile_stanzas_outlive_the_process),
        cmocka_unit_test(L15_time_goes_on_while_nobody_looks),
        cmocka_unit_test(L15_what_ran_out_meanwhile_is_not_found),
        cmocka_unit_test(sessions_that_cannot_be_resumed_leave_their_messages),
        cmocka_unit_test(nothing_is_resumed_after_the_end_of_the_machine),
        cmocka_unit_test(O15_sessions_are_resumed_after_a_restart),
        cmocka_unit_test(a_stop_does_not_wait_for_ever),
        cmocka_unit_test(saved_sessions_are_not_used_twice),
        cmocka_unit_test(a_resumption_waits_for_what_the_store_holds),
        cmocka_unit_test(a_session_whose_account_is_gone_ends),
        cmocka_unit_test(D05_a_crash_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
