/* X21: a dialogue from the first byte to the last one, cut at every place, in single bytes and in
 * one piece: the server answers with the same bytes. Everything on the bench is seeded, so same
 * means same. V08: what it costs does not depend on the cuts either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/test_heap.h"
#include "node/test_peer.h"

/* All that a client says, without waiting for an answer. */
static const char DIALOGUE[] =
    PEER_HEADER "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'>=</auth> \n" //
    PEER_AUTH("PLAIN") PEER_ALICE
    "</auth>" PEER_HEADER PEER_BIND
    "<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>\n\n"
    "<c:presence xmlns:c='jabber:client'><c:status>\xd0\xbd\xd0\xb0 &#x441;&lt;</c:status>"
    "</c:presence><message to='alice@example.org/phone' type='chat' xml:lang='de'>"
    "<body><![CDATA[<&>]]>\xf0\x9f\x99\x82</body>"
    "<no-store xmlns='urn:xmpp:hints'/></message><message to='@'/>"
    "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
    "</stream:stream>";

struct cuts {
    size_t first, second, piece; /* two cuts, or pieces */
};

static void talk(struct buf *out, struct cuts cuts)
{
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = peer_new(b);
    struct slice all = SLICE(DIALOGUE);
    if (cuts.piece > 0) {
        peer_pieces(p, all, cuts.piece);
    } else {
        peer_bytes(p, slice_of(all.ptr, cuts.first));
        peer_bytes(p, slice_of(all.ptr + cuts.first, cuts.second - cuts.first));
        peer_bytes(p, slice_from(all, cuts.second));
    }
    assert_true(p->closed && peer_gone(p));
    buf_clear(out);
    buf_add(out, buf_slice(&p->got));
    peer_free(&p);
    bench_free(&b);
}

static void check_same(struct slice want, struct cuts cuts)
{
    struct buf got = {0};
    talk(&got, cuts);
    if (!slice_eq(want, buf_slice(&got)))
        fail_msg("cut at %zu and %zu, or in pieces of %zu: %.*s\ninstead of: %.*s", cuts.first,
                 cuts.second, cuts.piece, SLICE_ARG(buf_slice(&got)), SLICE_ARG(want));
    buf_free(&got);
}

static void X21_the_dialogue_is_answered_at_all(void **state)
{
    (void)state;
    struct buf got = {0};
    talk(&got, (struct cuts){.piece = SIZE_MAX});
    buf_byte(&got, '\0');
    const char *text = buf_slice(&got).ptr;
    static const char *const PARTS[] = {"<invalid-mechanism/>",
                                        "<success",
                                        "<jid>alice@example.org/phone</jid>",
                                        "id='r'",
                                        "<presence",
                                        "<body>&lt;&amp;&gt;\xf0\x9f\x99\x82</body>",
                                        "jid-malformed",
                                        "id='s'",
                                        "</stream:stream>"};
    for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
        text = strstr(text, PARTS[i]);
        if (text == NULL)
            fail_msg("no %s in: %s", PARTS[i], buf_slice(&got).ptr);
    }
    buf_free(&got);
}

static void X21_every_split_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buf want = {0};
    size_t len = sizeof(DIALOGUE) - 1;
    talk(&want, (struct cuts){.piece = SIZE_MAX});
    for (size_t at = 0; at <= len; at++)
        check_same(buf_slice(&want), (struct cuts){.first = at, .second = at});
    buf_free(&want);
}

static void X21_pieces_of_every_size_give_the_same_bytes(void **state)
{
    (void)state;
    struct buf want = {0};
    talk(&want, (struct cuts){.piece = SIZE_MAX});
    for (size_t piece = 1; piece <= 64; piece += piece < 16 ? 1 : 16)
        check_same(buf_slice(&want), (struct cuts){.piece = piece});
    for (size_t at = 0; at + 3 < sizeof(DIALOGUE) - 1; at += 3)
        check_same(buf_slice(&want), (struct cuts){.first = at, .second = at + 3});
    buf_free(&want);
}

/* V08: what a big stanza costs in memory asked for is the same in pieces, but for the buffers that
 * hold the pieces. */
static void V08_pieces_of_a_big_stanza_are_not_parsed_again(void **state)
{
    (void)state;
    static const size_t PIECES[] = {SIZE_MAX, 1460, 64, 16, 1};
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    b->config.core.limits.rate = false;
    struct buf text = {0};
    buf_lit(&text, "<message to='bob@example.org' type='headline'><body>");
    while (buf_len(&text) < 200000)
        buf_lit(&text, "text &amp; ");
    buf_lit(&text, "</body></message>");
    long long whole = 0;
    for (size_t i = 0; i < sizeof(PIECES) / sizeof(PIECES[0]); i++) {
        struct slice rest = buf_slice(&text);
        struct node *n = b->nodes[0];
        heap_mark();
        while (rest.len > 0) {
            size_t len = rest.len < PIECES[i] ? rest.len : PIECES[i];
            node_input(n, p->client->conn, slice_of(rest.ptr, len));
            rest = slice_from(rest, len);
        }
        long long total = heap.total;
        whole = i == 0 ? total : whole;
        assert_in_range(total, 1, 2 * whole);
        peer_take(p);
        assert_int_equal(client_waiting(bob), 1);
        client_discard(bob);
    }
    buf_free(&text);
    peer_free(&p);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(X21_the_dialogue_is_answered_at_all),
        cmocka_unit_test(X21_every_split_gives_the_same_bytes),
        cmocka_unit_test(X21_pieces_of_every_size_give_the_same_bytes),
        cmocka_unit_test(V08_pieces_of_a_big_stanza_are_not_parsed_again),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
