/* What a session costs that does nothing (goal G13): the heap of a node with many of them, counted
 * by the piece. What the clients of the test hold is not counted. With BURBLE_PRINT=1 it tells
 * where the bytes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sm.h"
#include "node/link.h"
#include "node/test_heap.h"
#include "node/test_peer.h"
#include "xep/test_inside.h"
#include "xml/machine.h"
#include "xmpp/ns.h"

enum { SESSIONS = 200, QUIET_MS = 10000, GONE_MS = 600000 };

/* Bytes for one session; the connection of the driver takes 80 more (struct conn). */
enum { PLAIN_MAX = 2048 - 80, TLS_MAX = (18 << 10) - 80, HIBERNATING_MAX = 1024 };

#define ENABLE "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"

struct held {
    long long bytes, region, pieces[HEAP_CLASSES];
};

/* What is held with the allocator's words, and what of it is in the region, as if that were a file.
 */
static struct held look(const struct bench *b)
{
    struct region *region = node_engine(b->nodes[0])->region;
    struct held h = {.bytes = heap.bytes,
                     .region = region != NULL ? (long long)region_used(region) : 0};
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        h.pieces[i] = heap.pieces[i];
        h.bytes += heap.pieces[i] * (long long)sizeof(size_t);
    }
    h.bytes += h.region;
    return h;
}

/* Bytes for one session. */
static long long each(const char *what, const struct held *with, const struct held *without)
{
    long long bytes = (with->bytes - without->bytes) / SESSIONS;
    if (getenv("BURBLE_PRINT") == NULL)
        return bytes;
    printf("%s: %lld bytes, %lld of them in the region\n", what, bytes,
           (with->region - without->region) / SESSIONS);
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        double n = (double)(with->pieces[i] - without->pieces[i]) / SESSIONS;
        if (n > 0.01 || n < -0.01)
            printf("  %5.2f pieces of %s%u\n", n, i == HEAP_CLASSES - 1 ? ">= " : "",
                   i * HEAP_STEP);
    }
    return bytes;
}

/* What came is acknowledged. */
static void acknowledge(struct peer *p)
{
    char text[64];
    unsigned h = 0;
    while (client_waiting(p->client) > 0)
        h += slice_eq(xml_ns(client_next(p->client)), NS_CLIENT);
    snprintf(text, sizeof(text), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", h);
    peer_text(p, text);
}

static void begin(struct bench *b, struct peer **peers, bool sm)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        char user[32];
        snprintf(user, sizeof(user), "user%03u", i);
        peers[i] = peer_new(b);
        if (b->config.listeners->tls == NODE_TLS_DIRECT)
            assert_true(peer_shake(peers[i], SLICE("xmpp-client")));
        assert_true(peer_bind(peers[i], user, "phone"));
        if (sm)
            peer_text(peers[i], ENABLE);
        peer_text(peers[i], "<presence/>");
        if (sm)
            acknowledge(peers[i]);
        peer_clear(peers[i]);
        buf_free(&b->log);
    }
    bench_advance(b, QUIET_MS);
}

/* The connections are lost; what the clients hold stays. */
static void lose(struct bench *b, struct peer **peers)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct client *c = peers[i]->client;
        node_link_lost(b->nodes[c->shard], c->conn);
        c->conn = NULL;
        buf_free(&b->log);
    }
    bench_advance(b, QUIET_MS);
}

static void end(struct peer **peers)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        peer_free(&peers[i]);
}

static struct bench *prepare(const struct node_listener *listener)
{
    struct bench *b = bench_new(NULL);
    for (unsigned i = 0; i < SESSIONS; i++) {
        char bare[64];
        snprintf(bare, sizeof(bare), "user%03u@example.org", i);
        peer_account(b, bare);
    }
    if (listener->tls != NODE_TLS_NONE)
        peer_certificates(b, listener);
    else
        b->config.listeners = listener;
    return b;
}

/* Bytes of an idle session, and of one that hibernates. The first round is for what is kept from
 * then on. */
static long long measure(const char *what, const struct node_listener *listener, bool sm,
                         long long *hibernating_out)
{
    static struct peer *peers[SESSIONS];
    struct bench *b = prepare(listener);
    static struct held with, left, without;
    for (unsigned round = 0; round < 2; round++) {
        begin(b, peers, sm);
        with = look(b);
        lose(b, peers);
        left = look(b);
        bench_advance(b, GONE_MS);
        buf_free(&b->log);
        without = look(b);
        end(peers);
    }
    long long bytes = each(what, &with, &without);
    if (hibernating_out != NULL)
        *hibernating_out = each("the same, hibernating", &left, &without);
    bench_free(&b);
    return bytes;
}

static void G13_an_idle_session_holds_little(void **state)
{
    (void)state;
    assert_in_range(measure("plain session", &PEER_PLAIN, false, NULL), 1, PLAIN_MAX);
}

static void G13_a_session_that_can_be_resumed_holds_little(void **state)
{
    (void)state;
    long long hibernating;
    assert_in_range(measure("with stream management", &PEER_PLAIN, true, &hibernating), 1,
                    PLAIN_MAX);
    assert_in_range(hibernating, 1, HIBERNATING_MAX);
}

static void G13_an_idle_session_with_tls_holds_little(void **state)
{
    (void)state;
    assert_in_range(measure("with TLS and stream management", &PEER_DIRECT, true, NULL), 1,
                    TLS_MAX);
}

static void print_sizes(void)
{
    if (getenv("BURBLE_PRINT") == NULL)
        return;
    printf("link %zu, parser %zu, stream %zu, session %zu, stream management %zu, account %zu\n",
           sizeof(struct node_link), sizeof(struct xml_parser), sizeof(struct c2s),
           sizeof(struct session), sizeof(struct sm), sizeof(struct account));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G13_an_idle_session_holds_little),
        cmocka_unit_test(G13_a_session_that_can_be_resumed_holds_little),
        cmocka_unit_test(G13_an_idle_session_with_tls_holds_little),
    };
    print_sizes();
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
