/* Limits that time and other connections set, on a clock that only the test moves: L7, L22, R04,
 * R05, X26, X30, S27. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_heap.h"
#include "node/test_peer.h"

enum { TICK_MS = TIMER_TICK_MS };

/* How far a login has come: what was said, and who is asked to wait. */
static const struct {
    const char *said;
    bool held; /* the store does not answer */
} STAGES[] = {
    {"", false},
    {"<stream:stream to='exam", false},
    {PEER_HEADER, false},
    {PEER_HEADER "<message><body>half", false},
    {PEER_HEADER PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>", false},
    {PEER_HEADER PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>", true},
    {PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>", false},
    {PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>" PEER_HEADER, false},
};

static void wait_for_the_deadline(struct bench *b)
{
    for (size_t i = 0; i < sizeof(STAGES) / sizeof(STAGES[0]); i++) {
        struct peer *p = peer_new(b);
        bench_advance(b, 30000); /* the deadline is one for all steps */
        b->store_held = STAGES[i].held;
        peer_text(p, STAGES[i].said);
        bench_advance(b, 30000 - 2 * TICK_MS);
        peer_take(p);
        assert_string_equal(peer_error(p), "");
        assert_false(peer_gone(p));
        bench_advance(b, 4 * TICK_MS);
        peer_take(p);
        peer_refused(p, "connection-timeout");
        bench_release(b);
        peer_free(&p);
    }
}

static void L7_a_login_that_takes_too_long_ends(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    wait_for_the_deadline(b);
    bench_free(&b);
}

static void L7_moving_to_another_shard_gives_no_more_time(void **state)
{
    (void)state;
    struct bench *b = bench_new_shards(NULL, 3);
    peer_account(b, "alice@example.org");
    for (unsigned i = 0; i < 3; i++) /* arrives on each of the shards */
        wait_for_the_deadline(b);
    bench_free(&b);
}

static void L7_a_session_has_no_deadline(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = peer_new(b);
    bench_advance(b, 50000);
    assert_true(peer_bind(p, "alice", "phone"));
    bench_advance(b, 86400000);
    peer_alive(p);
    peer_free(&p);
    bench_free(&b);
}

static void L7_a_handshake_has_ten_seconds(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    for (unsigned direct = 0; direct < 2; direct++)
        for (unsigned begun = 0; begun < 2; begun++) {
            peer_certificates(b, direct != 0 ? &PEER_DIRECT : &PEER_STARTTLS);
            struct peer *p = peer_new(b);
            if (direct == 0)
                peer_text(p, PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
            peer_clear(p);
            if (begun != 0)
                peer_raw(p, SLICE("\x16"));
            bench_advance(b, 10000 - 2 * TICK_MS);
            assert_false(peer_gone(p));
            bench_advance(b, 4 * TICK_MS);
            assert_true(peer_gone(p));
            assert_int_equal(buf_len(&p->got), 0);
            assert_true(bench_logged(b, "event=tls.timeout"));
            buf_free(&b->log);
            peer_free(&p);
        }
    bench_free(&b);
}

/* At a stop nobody waits for those who are in a handshake. */
static void a_stop_in_the_midst_of_a_handshake_closes_at_once(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_certificates(b, &PEER_DIRECT);
    struct peer *p = peer_new(b);
    peer_raw(p, SLICE("\x16\x03\x01"));
    node_stop(b->nodes[0]);
    peer_take(p);
    assert_true(peer_gone(p));
    assert_int_equal(buf_len(&p->got), 0);
    peer_free(&p);
    bench_free(&b);
}

static void X26_an_end_that_nobody_takes_is_waited_for_5_s(void **state)
{
    (void)state;
    static const char *const END[] = {"</stream:stream>", "<foo/>"};
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    for (unsigned i = 0; i < 2; i++)
        for (unsigned secure = 0; secure < 2; secure++) {
            peer_certificates(b, secure != 0 ? &PEER_STARTTLS : &PEER_PLAIN);
            struct peer *p = peer_new(b);
            assert_true(peer_bind(p, "alice", "phone"));
            p->deaf = true;
            peer_text(p, END[i]);
            assert_null(client_session(p->client));
            bench_advance(b, 5000 - 2 * TICK_MS);
            assert_false(peer_gone(p));
            bench_advance(b, 4 * TICK_MS);
            assert_true(peer_gone(p));
            peer_free(&p);
        }
    bench_free(&b);
}

/* A17: what comes over a connection whose TLS is broken is nothing; the session is over at once,
 * even when the peer does not take what was written. */
static void A17_a_broken_record_ends_the_session(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_certificates(b, &PEER_STARTTLS);
    for (unsigned deaf = 0; deaf < 2; deaf++) {
        struct peer *p = peer_new(b);
        assert_true(peer_bind(p, "alice", "phone"));
        p->deaf = deaf != 0;
        peer_text(p, "<presence/>");
        peer_raw(p, SLICE("\x17\x03\x03\x00\x20"
                          "0123456789abcdef0123456789abcdef"));
        assert_null(client_session(p->client));
        assert_true(bench_logged(b, "event=tls.error"));
        buf_free(&b->log);
        bench_advance(b, 5000 + 2 * TICK_MS);
        assert_true(peer_gone(p));
        peer_free(&p);
    }
    bench_free(&b);
}

/* Sends bytes as fast as they are taken, for some time; how many were taken. */
static size_t pour(struct peer *p, struct slice one, uint64_t ms)
{
    struct bench *b = p->bench;
    struct node_link *l = p->client->conn;
    size_t sent = 0;
    for (uint64_t t = 0; t <= ms; t += 100) {
        if (t > 0)
            bench_advance(b, 100);
        while (node_wants_input(l)) {
            node_input(b->nodes[0], l, one);
            sent += one.len;
            peer_take(p);
            peer_clear(p);
        }
    }
    return sent;
}

static void L22_R04_a_sender_gets_its_rate_and_others_theirs(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    struct peer *p = peer_new(b), *other = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    assert_true(peer_bind(other, "bob", "desk"));
    const struct limits *l = &b->config.core.limits;
    static char block[10000];
    memset(block, ' ', sizeof(block));
    struct slice one = slice_of(block, sizeof(block));
    size_t burst = pour(p, one, 0);
    assert_in_range(burst, l->rate_burst_bytes, l->rate_burst_bytes + 2 * sizeof(block));
    assert_false(node_wants_input(p->client->conn));
    peer_alive(other);
    size_t later = pour(p, one, 100000);
    assert_in_range(later, 99 * (size_t)l->rate_bytes_per_s,
                    101 * (size_t)l->rate_bytes_per_s + 2 * sizeof(block));
    peer_alive(other);
    bench_advance(b, 60000);
    peer_alive(p);
    b->config.core.limits.rate = false;
    node_input(b->nodes[0], p->client->conn, one);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(node_wants_input(p->client->conn));
        node_input(b->nodes[0], p->client->conn, one);
    }
    peer_free(&p);
    peer_free(&other);
    bench_free(&b);
}

#define PROBE "<iq type='set' id='p'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"

static void X30_a_turn_serves_64_stanzas_and_then_the_others(void **state)
{
    (void)state;
    enum { STANZAS = 1000 };
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    struct peer *p = peer_new(b), *other = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    assert_true(peer_bind(other, "bob", "desk"));
    struct node *n = b->nodes[0];
    struct engine *e = node_engine(n);
    struct buf text = {0};
    for (unsigned i = 0; i < STANZAS; i++)
        buf_printf(&text,
                   "<iq type='set' id='%u'><session "
                   "xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
                   i);
    uint64_t before = e->counters.stanzas_in, turns = 0;
    node_input(n, p->client->conn, buf_slice(&text));
    assert_in_range(e->counters.stanzas_in - before, 1, 64);
    node_input(n, other->client->conn, SLICE(PROBE));
    node_turn(n);
    assert_true(buf_len(node_output(other->client->conn)) > 0); /* the other has its answer */
    while (e->counters.stanzas_in - before < STANZAS + 1) {
        uint64_t at = e->counters.stanzas_in;
        assert_int_equal(node_deadline(n), 0);
        node_turn(n);
        assert_in_range(e->counters.stanzas_in - at, 1, 64);
        turns++;
    }
    assert_in_range(turns, STANZAS / 64 - 2, STANZAS / 64 + 1);
    peer_take(p);
    for (unsigned i = 0; i < STANZAS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        assert_true(slice_eq(xml_attr(client_next(p->client), SLICE("id")), slice_z(id)));
    }
    expect_nothing(p->client);
    buf_free(&text);
    peer_free(&p);
    peer_free(&other);
    bench_free(&b);
}

/* Credit: a stream whose stanzas wait for the store is read no further than its credit. */
static void a_stream_without_credit_is_not_read(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    struct peer *p = peer_new(b), *other = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    assert_true(peer_bind(other, "bob", "desk"));
    struct engine *e = node_engine(b->nodes[0]);
    uint64_t before = e->counters.stanzas_in;
    b->store_held = true;
    struct buf text = {0};
    for (unsigned i = 0; i < 400; i++)
        buf_printf(&text, "<message id='%u' to='carol@example.org'/>", i);
    peer_bytes(p, buf_slice(&text));
    assert_int_equal(e->counters.stanzas_in - before, b->config.core.limits.credit_stanzas);
    assert_false(node_wants_input(p->client->conn));
    peer_alive(other);
    bench_release(b);
    peer_take(p);
    assert_int_equal(e->counters.stanzas_in - before, 401);
    assert_int_equal(client_waiting(p->client), 400);
    peer_alive(other);
    buf_free(&text);
    peer_free(&p);
    peer_free(&other);
    bench_free(&b);
}

static void R05_presence_that_flaps_is_told_once_a_second(void **state)
{
    (void)state;
    enum { SECONDS = 60, STEPS = 10 };
    static const char *const FLAP[][2] = {
        {"<presence><show>away</show></presence>", "<presence/>"},
        {"<presence type='unavailable'/>", "<presence/>"},
    };
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bench *b = bench_new(NULL);
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        bench_advance(b, 60000);
        client_discard(bob);
        for (unsigned i = 0; i < SECONDS * STEPS; i++) {
            client_send(alice, FLAP[kind][i % 2]);
            bench_advance(b, 1000 / STEPS);
        }
        bench_advance(b, 2000);
        size_t told = client_waiting(bob), most = (kind + 1) * (SECONDS + 7);
        assert_in_range(told, SECONDS / 2, most);
        while (client_waiting(bob) > 1)
            client_next(bob);
        expect(bob, "<presence from='alice@example.org/phone'/>");
        bench_free(&b);
    }
}

static void S27_an_error_does_not_carry_the_payload(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    static const char *const WRAP[][2] = {
        {"<message id='e' to='nobody@example.org'><body>", "</body></message>"},
        {"<iq id='e' type='get'><query xmlns='urn:x'>", "</query></iq>"},
        {"<presence id='e' type='x'><status>", "</status></presence>"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct buf text = {0};
        peer_clear(p);
        buf_printf(&text, "%s", WRAP[i][0]);
        for (unsigned k = 0; k < 20000; k++)
            buf_lit(&text, "0123456789");
        buf_printf(&text, "%s", WRAP[i][1]);
        peer_bytes(p, buf_slice(&text));
        assert_in_range(buf_len(&p->got), 1, 4096);
        assert_true(slice_is(xml_attr(client_next(p->client), SLICE("type")), "error"));
        buf_free(&text);
    }
    peer_free(&p);
    bench_free(&b);
}

/* What a client says of itself once is not repeated into each of its stanzas without bound. */
static void a_language_without_end_is_none(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = peer_new(b);
    assert_true(peer_login(p, "alice", "PLAIN"));
    peer_free(&p);
    p = peer_new(b);
    peer_text(p, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
    struct buf text = {0};
    buf_lit(&text, "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' "
                   "xmlns:stream='" PEER_STREAMS "' xml:lang='");
    for (unsigned i = 0; i < 20000; i++)
        buf_lit(&text, "de-x-long-");
    buf_lit(&text, "'>" PEER_BIND);
    peer_bytes(p, buf_slice(&text));
    peer_clear(p);
    peer_text(p, "<message id='m' to='alice@example.org/phone'><body>x</body></message>");
    assert_int_equal(client_waiting(p->client), 1);
    assert_in_range(buf_len(&p->got), 1, 4096);
    buf_free(&text);
    peer_free(&p);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(L7_a_login_that_takes_too_long_ends),
        cmocka_unit_test(L7_moving_to_another_shard_gives_no_more_time),
        cmocka_unit_test(L7_a_session_has_no_deadline),
        cmocka_unit_test(L7_a_handshake_has_ten_seconds),
        cmocka_unit_test(a_stop_in_the_midst_of_a_handshake_closes_at_once),
        cmocka_unit_test(X26_an_end_that_nobody_takes_is_waited_for_5_s),
        cmocka_unit_test(A17_a_broken_record_ends_the_session),
        cmocka_unit_test(L22_R04_a_sender_gets_its_rate_and_others_theirs),
        cmocka_unit_test(X30_a_turn_serves_64_stanzas_and_then_the_others),
        cmocka_unit_test(a_stream_without_credit_is_not_read),
        cmocka_unit_test(R05_presence_that_flaps_is_told_once_a_second),
        cmocka_unit_test(S27_an_error_does_not_carry_the_payload),
        cmocka_unit_test(a_language_without_end_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
