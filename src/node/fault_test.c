/* Faults of the network as a shard sees them, on a clock that only the test moves: rows N10, N12,
 * N14 and R05 of the catalogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_heap.h"
#include "node/test_peer.h"

enum { TICK_MS = TIMER_TICK_MS };

/* The server's flight is too large for the path: none of it arrives, and the client waits. */
static void N10_a_flight_that_never_arrives_ends_with_the_handshake(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    for (unsigned direct = 0; direct < 2; direct++) {
        peer_certificates(b, direct != 0 ? &PEER_DIRECT : &PEER_STARTTLS);
        struct peer *p = peer_new(b);
        if (direct == 0)
            peer_text(p, PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        p->deaf = true;
        assert_false(peer_shake(p, direct != 0 ? SLICE("xmpp-client") : SLICE_NONE));
        assert_in_range(buf_len(node_output(p->client->conn)), 500, 65536); /* it is under way */
        bench_advance(b, b->config.core.limits.tls_ms - 2 * TICK_MS);
        assert_false(peer_gone(p));
        bench_advance(b, 4 * TICK_MS);
        p->deaf = false;
        peer_take(p);
        assert_true(peer_gone(p));
        assert_true(bench_logged(b, "event=tls.timeout"));
        buf_free(&b->log);
        peer_free(&p);
    }
    bench_free(&b);
}

/* A segment of one byte is an input of one byte: none of them lasts longer than its turn. */
static void N14_a_flood_of_single_bytes_leaves_others_their_turn(void **state)
{
    (void)state;
    enum { SEGMENTS = 1000000, EVERY = 10000 };
    static const char STANZA[] = "<presence type='probe' to='alice@example.org/none'/>  ";
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.rate = false;
    struct peer *flood = peer_new(b), *other = peer_new(b);
    assert_true(peer_bind(flood, "alice", "phone"));
    assert_true(peer_bind(other, "bob", "desk"));
    struct node *n = b->nodes[0];
    size_t at = 0;
    uint64_t stanzas = node_engine(n)->counters.stanzas_in;
    long long before = heap_mark();
    for (unsigned i = 0; i < SEGMENTS; i++) {
        assert_true(node_wants_input(flood->client->conn));
        node_input(n, flood->client->conn, slice_of(&STANZA[at], 1));
        at = at + 1 < sizeof(STANZA) - 1 ? at + 1 : 0;
        if (i % EVERY != EVERY / 2)
            continue;
        node_input(n, other->client->conn,
                   SLICE("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"));
        node_turn(n);
        assert_true(buf_len(node_output(other->client->conn)) > 0); /* in the same turn */
        bench_run(b);
        peer_take(other);
        peer_clear(other);
        peer_take(flood);
        peer_clear(flood);
        buf_free(&b->log);
    }
    assert_in_range(heap.peak - before, 0, 65536);
    stanzas = node_engine(n)->counters.stanzas_in - stanzas;
    assert_int_equal(stanzas, SEGMENTS / (sizeof(STANZA) - 1) + SEGMENTS / EVERY);
    peer_free(&flood);
    peer_free(&other);
    bench_free(&b);
}

/* At the size of the row; so many contacts are in the roster, and some of them look. */
static void R05_ten_resources_that_flap_before_a_thousand_contacts(void **state)
{
    (void)state;
    enum { RESOURCES = 10, CONTACTS = 1000, LOOKING = 5, SECONDS = 4, PER_SECOND = 10 };
    struct bench *b = bench_new(NULL);
    struct client *mine[RESOURCES], *looking[LOOKING];
    char name[64];
    for (unsigned i = 0; i < CONTACTS; i++) {
        snprintf(name, sizeof(name), "contact%u@example.org", i);
        bench_befriend(b, "alice@example.org", name);
    }
    for (unsigned i = 0; i < LOOKING; i++) {
        snprintf(name, sizeof(name), "contact%u@example.org/desk", i);
        looking[i] = bench_online(b, name);
    }
    for (unsigned i = 0; i < RESOURCES; i++) {
        snprintf(name, sizeof(name), "alice@example.org/%u", i);
        mine[i] = bench_online(b, name);
    }
    bench_advance(b, 60000);
    for (unsigned i = 0; i < LOOKING; i++)
        client_discard(looking[i]);
    for (unsigned step = 0; step < SECONDS * PER_SECOND; step++) {
        for (unsigned i = 0; i < RESOURCES; i++)
            client_send(mine[i], step % 2 == 0 ? "<presence><show>away</show></presence>"
                                               : "<presence><show>dnd</show></presence>");
        bench_advance(b, 1000 / PER_SECOND);
    }
    bench_advance(b, 2000);
    for (unsigned i = 0; i < LOOKING; i++) {
        /* A burst of 5 at first, then one each second; the newest came. */
        assert_in_range(client_waiting(looking[i]), RESOURCES * SECONDS, RESOURCES * (SECONDS + 7));
        unsigned newest = 0;
        while (client_waiting(looking[i]) > 0) {
            struct xml x = client_next(looking[i]);
            bool last = slice_is(xml_text(xml_child(x, NS_CLIENT, SLICE("show"))), "dnd");
            newest = client_waiting(looking[i]) < RESOURCES ? newest + last : 0;
        }
        assert_int_equal(newest, RESOURCES);
    }
    bench_free(&b);
}

#define ENABLE  "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
#define HOUR_MS 3600000

static struct client *managed(struct bench *b, const char *full)
{
    struct client *c = bench_online(b, full);
    client_send(c, ENABLE);
    client_discard(c);
    return c;
}

/* It was asked; it answers. */
static void answer(struct client *c, bool manages)
{
    bool asked = false;
    while (client_waiting(c) > 0) {
        struct xml x = client_next(c);
        if (manages && slice_is(xml_name(x), "r")) {
            client_send(c, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
            asked = true;
        } else if (slice_is(xml_name(x), "iq") &&
                   xml_some(xml_child(x, SLICE("urn:xmpp:ping"), SLICE("ping")))) {
            client_send(c, "<iq type='result' id='ping' to='example.org'/>");
            asked = true;
        }
    }
    assert_true(asked);
}

/* The process stands still: what was due long ago comes first, and then what the peers sent. Or the
 * machine sleeps, and the monotonic clock with it. */
static void N12_after_a_gap_everybody_is_asked_and_nobody_is_gone(void **state)
{
    (void)state;
    for (unsigned sleeps = 0; sleeps < 2; sleeps++)
        BENCH_ON_SHARDS(b, NULL)
        {
            struct client *sm = managed(b, "alice@example.org/sm");
            struct client *plain = bench_online(b, "bob@example.org/plain");
            struct client *silent = bench_online(b, "carol@example.org/silent");
            struct client *away = managed(b, "dave@example.org/away");
            struct client *asked = managed(b, "erin@example.org/asked");
            struct client *login = bench_connect(b);
            client_open(login, "example.org");
            client_send(asked, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
            client_lose(&away);
            client_discard(sm);
            client_discard(plain);
            client_discard(asked);
            bench_advance(b, 20000);
            if (sleeps == 0)
                b->now.mono_ms += HOUR_MS;
            b->now.wall_ms += HOUR_MS;
            bench_run(b);
            assert_true(bench_logged(b, "event=time.jump late_ms"));
            answer(sm, true);
            answer(plain, false);
            answer(asked, true);
            bench_advance(b, 9000);
            assert_false(client_ended(login));
            bench_advance(b, 50000);
            assert_false(client_ended(silent));
            bench_advance(b, 6000);
            assert_true(client_ended(silent)); /* it was asked, and did not answer */
            assert_true(client_ended(login));
            assert_false(client_ended(sm));
            assert_false(client_ended(plain));
            assert_false(bench_logged(b, "event=sm.expired"));
            bench_advance(b, 240000);
            assert_true(bench_logged(b, "event=sm.expired"));
        }
}

static void N12_a_quiet_day_and_a_clock_that_is_set_are_no_gap(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = bench_online(b, "alice@example.org/a");
    for (unsigned i = 0; i < 2000; i++) {
        bench_advance(b, 50000);
        client_send(c, " ");
        b->now.wall_ms += i % 100 == 0 ? 50000 : 0;
        b->now.wall_ms -= i % 100 == 50 ? HOUR_MS : 0;
    }
    assert_false(bench_logged(b, "event=time.jump late_ms"));
    expect_nothing(c);
    client_lose(&c);
    bench_advance(b, HOUR_MS);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(N10_a_flight_that_never_arrives_ends_with_the_handshake),
        cmocka_unit_test(N14_a_flood_of_single_bytes_leaves_others_their_turn),
        cmocka_unit_test(R05_ten_resources_that_flap_before_a_thousand_contacts),
        cmocka_unit_test(N12_after_a_gap_everybody_is_asked_and_nobody_is_gone),
        cmocka_unit_test(N12_a_quiet_day_and_a_clock_that_is_set_are_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
