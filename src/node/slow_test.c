/* Peers that do not read: rows V75 and R06, limit L13. What is written for them is bounded, nobody
 * else waits, and every message is counted: read later, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/test_heap.h"
#include "node/test_peer.h"

enum { MESSAGES = 100000, MIB = 1 << 20 };

/* What became of each message, by its number: bits of where it was seen. */
enum { READ = 1, REFUSED = 2 };
static unsigned char seen[MESSAGES];

static void note(struct peer *p, unsigned char as, size_t *count)
{
    while (client_waiting(p->client) > 0) {
        struct xml x = client_next(p->client);
        unsigned long long n;
        if (!slice_is(xml_name(x), "message"))
            continue;
        bool error = slice_is(xml_attr(x, SLICE("type")), "error");
        assert_int_equal(error, as == REFUSED);
        assert_true(slice_to_u64(xml_attr(x, SLICE("id")), &n) && n < MESSAGES);
        assert_int_equal(seen[n] & as, 0);
        seen[n] |= as;
        ++*count;
    }
    buf_clear(&p->got);
}

static struct peer *online(struct bench *b, const char *user, const char *resource)
{
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, user, resource));
    peer_text(p, "<presence/>");
    peer_clear(p);
    return p;
}

static void write_to_bob(struct peer *p, unsigned n)
{
    char text[160];
    snprintf(text, sizeof(text),
             "<message to='bob@example.org' type='chat' id='%u'><body>number %u of many</body>"
             "</message>",
             n, n);
    peer_text(p, text);
}

static void V75_messages_to_one_who_does_not_read_are_counted(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    size_t read = 0, refused = 0;
    memset(seen, 0, sizeof(seen));
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.rate = false;
    b->hosts[0].archive = false;
    struct peer *alice = online(b, "alice", "phone"), *bob = online(b, "bob", "desk");
    struct peer *other = online(b, "alice", "other");
    bob->deaf = true;
    long long before = heap_mark();
    for (unsigned i = 0; i < MESSAGES; i++) {
        write_to_bob(alice, i);
        note(alice, REFUSED, &refused);
        buf_free(&b->log);
        if (i % 10000 == 0)
            peer_alive(other);
    }
    assert_in_range(heap.peak - before, MIB, 5 * MIB);
    assert_true(refused > MESSAGES / 2);
    /* Before its minute is over it reads: what was written, then what was kept. */
    bench_advance(b, 50000);
    bob->deaf = false;
    peer_take(bob);
    note(bob, READ, &read);
    assert_int_equal(read + refused, MESSAGES);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_true(seen[i] == READ || seen[i] == REFUSED);
    /* And all is as before. */
    seen[7] = 0;
    write_to_bob(alice, 7);
    peer_take(bob);
    note(bob, READ, &read);
    assert_int_equal(seen[7], READ);
    peer_alive(bob);
    bench_advance(b, 120000);
    peer_alive(bob);
    peer_free(&alice);
    peer_free(&other);
    peer_free(&bob);
    bench_free(&b);
}

static void R06_after_a_minute_the_connection_ends(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.rate = false;
    b->hosts[0].archive = false;
    struct peer *alice = online(b, "alice", "phone"), *bob = online(b, "bob", "desk");
    long long before = heap.bytes;
    bob->deaf = true;
    while (!bench_logged(b, "event=conn.slow")) {
        write_to_bob(alice, 0);
        peer_clear(alice);
    }
    bench_advance(b, 60000 - 2 * TIMER_TICK_MS);
    assert_non_null(client_session(bob->client));
    bench_advance(b, 4 * TIMER_TICK_MS);
    assert_null(client_session(bob->client));
    bench_advance(b, 5000);
    assert_true(peer_gone(bob));
    peer_free(&bob);
    peer_clear(alice);
    buf_free(&b->log);
    bench_advance(b, 120000);
    assert_true(heap.bytes - before < 65536);
    peer_alive(alice);
    peer_free(&alice);
    bench_free(&b);
}

/* Who asks and does not read the answers is not read either; when it reads again, it gets them all
 * in order. */
static void a_client_that_does_not_read_is_not_read(void **state)
{
    (void)state;
    enum { ASKED = 50000 };
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    b->config.core.limits.rate = false;
    b->hosts[0].archive = false;
    struct peer *p = online(b, "alice", "phone");
    struct buf text = {0};
    for (unsigned i = 0; i < ASKED; i++)
        buf_printf(&text,
                   "<iq type='set' id='%u'><session "
                   "xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
                   i);
    p->deaf = true;
    size_t held = heap_mark() > 0 ? buf_len(&text) : 0, sent = 0;
    struct slice all = buf_slice(&text);
    while (sent < all.len && node_wants_input(p->client->conn)) {
        size_t n = all.len - sent < 10000 ? all.len - sent : 10000;
        node_input(b->nodes[0], p->client->conn, slice_of(all.ptr + sent, n));
        bench_run(b);
        sent += n;
    }
    assert_true(sent < held);
    assert_in_range(buf_len(node_output(p->client->conn)), 1000, MIB);
    p->deaf = false;
    peer_bytes(p, slice_from(all, sent));
    for (unsigned i = 0; i < ASKED; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        assert_true(slice_eq(xml_attr(client_next(p->client), SLICE("id")), slice_z(id)));
    }
    buf_free(&text);
    peer_free(&p);
    bench_free(&b);
}

/* Before login it is a few kilobytes, whatever is asked for. */
static void V75_a_stranger_that_does_not_read_is_not_read(void **state)
{
    (void)state;
    static const struct node_listener *const LISTENERS[] = {&PEER_PLAIN, &PEER_STARTTLS};
    static const char *const ASK[] = {
        PEER_AUTH("PLAIN") "</auth>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>bixhPQ==</auth>",
    };
    for (unsigned kind = 0; kind < 6; kind++) {
        struct bench *b = bench_new(NULL);
        peer_certificates(b, LISTENERS[kind % 2]);
        b->config.core.limits.login_failures = UINT8_MAX;
        b->hosts[0].registration = REGISTRATION_OPEN;
        struct peer *p = peer_new(b);
        peer_text(p, PEER_HEADER);
        p->deaf = true;
        long long before = heap_mark();
        struct slice ask = slice_z(ASK[kind / 2]);
        for (unsigned i = 0; i < 20000 && node_wants_input(p->client->conn); i++) {
            node_input(b->nodes[0], p->client->conn, ask);
            bench_run(b);
            buf_free(&b->log);
        }
        assert_in_range(heap.peak - before, 0, 65536);
        p->deaf = false;
        peer_take(p);
        peer_free(&p);
        bench_free(&b);
    }
}

/* A push that could not be read at once is not forgotten either. */
static void a_roster_push_reaches_who_reads_again(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.rate = false;
    b->hosts[0].archive = false;
    struct peer *alice = online(b, "alice", "phone"), *bob = online(b, "bob", "desk");
    struct peer *other = online(b, "bob", "other");
    peer_text(other, "<presence><priority>-1</priority></presence>");
    peer_text(bob, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    peer_clear(bob);
    bob->deaf = true;
    while (!bench_logged(b, "event=conn.slow")) {
        write_to_bob(alice, 0);
        peer_clear(alice);
    }
    peer_take(other);
    peer_clear(other);
    peer_text(other, "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>"
                     "<item jid='carol@example.org'/></query></iq>");
    expect(other->client, "<iq type='result' id='s'/>");
    bob->deaf = false;
    peer_take(bob);
    size_t pushes = 0;
    while (client_waiting(bob->client) > 0)
        pushes += slice_is(xml_name(client_next(bob->client)), "iq");
    assert_int_equal(pushes, 1);
    peer_free(&alice);
    peer_free(&bob);
    peer_free(&other);
    bench_free(&b);
}

/* Presence is kept for who lags, the newest of each sender, in no more than L13. */
static void presence_for_who_does_not_read_is_bounded(void **state)
{
    (void)state;
    enum { ACCOUNTS = 6, RESOURCES = 9, BIG = 100000 };
    struct peer *senders[ACCOUNTS * RESOURCES];
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.rate = false;
    b->hosts[0].archive = false;
    struct peer *alice = online(b, "alice", "phone"), *bob = online(b, "bob", "desk");
    bob->deaf = true;
    while (!bench_logged(b, "event=conn.slow")) {
        write_to_bob(alice, 0);
        peer_clear(alice);
    }
    const struct session *slow = client_session(bob->client);
    /* Small ones of many senders, then big ones, each of which must take the place of many. */
    for (unsigned i = 0; i < ACCOUNTS * RESOURCES; i++) {
        char user[16], bare[64], resource[16];
        snprintf(user, sizeof(user), "user%u", i / RESOURCES);
        snprintf(bare, sizeof(bare), "%s@example.org", user);
        snprintf(resource, sizeof(resource), "%u", i);
        peer_account(b, bare);
        senders[i] = peer_new(b);
        assert_true(peer_bind(senders[i], user, resource));
        peer_text(senders[i], "<presence to='bob@example.org/desk'/>");
    }
    assert_in_range(session_kept(slow).len, ACCOUNTS * RESOURCES, 100000);
    struct buf text = {0};
    buf_lit(&text, "<presence to='bob@example.org/desk'><status>");
    for (unsigned k = 0; k < BIG; k++)
        buf_byte(&text, 'x');
    buf_lit(&text, "</status></presence>");
    for (unsigned i = 0; i < ACCOUNTS * RESOURCES; i++) {
        peer_bytes(senders[i], buf_slice(&text));
        assert_in_range(session_kept(slow).len, 1, b->config.core.limits.output_bytes);
    }
    assert_true(session_kept(slow).len > b->config.core.limits.output_bytes - 2 * BIG);
    bob->deaf = false;
    peer_take(bob);
    size_t told = 0;
    while (client_waiting(bob->client) > 0)
        told += slice_is(xml_name(client_next(bob->client)), "presence");
    assert_int_equal(told, b->config.core.limits.output_bytes / BIG);
    for (unsigned i = 0; i < ACCOUNTS * RESOURCES; i++)
        peer_free(&senders[i]);
    buf_free(&text);
    peer_free(&alice);
    peer_free(&bob);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V75_messages_to_one_who_does_not_read_are_counted),
        cmocka_unit_test(R06_after_a_minute_the_connection_ends),
        cmocka_unit_test(a_client_that_does_not_read_is_not_read),
        cmocka_unit_test(V75_a_stranger_that_does_not_read_is_not_read),
        cmocka_unit_test(a_roster_push_reaches_who_reads_again),
        cmocka_unit_test(presence_for_who_does_not_read_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
