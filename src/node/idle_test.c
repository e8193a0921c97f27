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

#include "node/link.h"
#include "node/test_heap.h"
#include "node/test_peer.h"
#include "xep/test_inside.h"
#include "xml/machine.h"

enum { SESSIONS = 200, QUIET_MS = 10000, GONE_MS = 600000 };

/* Bytes of the heap for one session. */
enum { PLAIN_MAX = 2048, TLS_MAX = 18 << 10 };

struct held {
    long long bytes, pieces[HEAP_CLASSES];
};

/* What is held with the allocator's words. */
static struct held look(void)
{
    struct held h = {.bytes = heap.bytes};
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        h.pieces[i] = heap.pieces[i];
        h.bytes += heap.pieces[i] * (long long)sizeof(size_t);
    }
    return h;
}

static void print(const char *what, const struct held *with, const struct held *without)
{
    if (getenv("BURBLE_PRINT") == NULL)
        return;
    printf("%s: %.0f bytes\n", what, (double)(with->bytes - without->bytes) / SESSIONS);
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        double n = (double)(with->pieces[i] - without->pieces[i]) / SESSIONS;
        if (n > 0.01 || n < -0.01)
            printf("  %5.2f pieces of %s%u\n", n, i == HEAP_CLASSES - 1 ? ">= " : "",
                   i * HEAP_STEP);
    }
}

static void begin(struct bench *b, struct peer **peers)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        char user[32];
        snprintf(user, sizeof(user), "user%03u", i);
        peers[i] = peer_new(b);
        if (b->config.listeners->tls == NODE_TLS_DIRECT)
            assert_true(peer_shake(peers[i], SLICE("xmpp-client")));
        assert_true(peer_bind(peers[i], user, "phone"));
        peer_text(peers[i], "<presence/>");
        peer_clear(peers[i]);
        peer_alive(peers[i]);
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
    }
    bench_run(b);
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

/* Bytes for one idle session. The first time is for what is kept from then on. */
static long long idle_bytes(const char *what, const struct node_listener *listener)
{
    static struct peer *peers[SESSIONS];
    struct bench *b = prepare(listener);
    static struct held with, without;
    for (unsigned round = 0; round < 2; round++) {
        begin(b, peers);
        with = look();
        lose(b, peers);
        bench_advance(b, GONE_MS);
        buf_free(&b->log);
        without = look();
        end(peers);
    }
    print(what, &with, &without);
    bench_free(&b);
    return (with.bytes - without.bytes) / SESSIONS;
}

static void G13_an_idle_session_holds_little(void **state)
{
    (void)state;
    assert_in_range(idle_bytes("plain session", &PEER_PLAIN), 1, PLAIN_MAX);
}

static void G13_an_idle_session_with_tls_holds_little(void **state)
{
    (void)state;
    assert_in_range(idle_bytes("TLS session", &PEER_DIRECT), 1, TLS_MAX);
}

static void print_sizes(void)
{
    if (getenv("BURBLE_PRINT") == NULL)
        return;
    printf("link %zu, parser %zu, stream %zu, session %zu, account %zu\n", sizeof(struct node_link),
           sizeof(struct xml_parser), sizeof(struct c2s), sizeof(struct session),
           sizeof(struct account));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G13_an_idle_session_holds_little),
        cmocka_unit_test(G13_an_idle_session_with_tls_holds_little),
    };
    print_sizes();
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
