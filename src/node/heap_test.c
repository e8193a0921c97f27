/* Memory: what connections may hold, and that it all comes back. Rows V06, V07, V44, V45, V84 of
 * the record. BURBLE_CYCLES asks for another number of cycles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "node/test_heap.h"
#include "node/test_peer.h"

#define NONE "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "

static size_t cycles(size_t usual)
{
#ifdef __SANITIZE_ADDRESS__
    usual /= 20;
#endif
    const char *asked = getenv("BURBLE_CYCLES");
    return asked != NULL ? (size_t)strtoull(asked, NULL, 10) : usual;
}

/* What strangers say before they are gone: literals, and a few that are made up. */
static const char *const GARBAGE[] = {
    "",
    "GET / HTTP/1.1\r\n\r\n",
    PEER_HEADER,
    PEER_HEADER "</stream:stream>",
    PEER_HEADER "<a></b>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    PEER_HEADER "<message><body>half of",
    PEER_HEADER NONE "mechanism='NONE'/>",
    PEER_HEADER PEER_AUTH("PLAIN") "====</auth>",
    PEER_HEADER PEER_AUTH("PLAIN") "YWI=</auth>",
    PEER_HEADER PEER_AUTH("SCRAM-SHA-256") "biwsbj1hbGljZSxyPWFiYw==</auth>",
    PEER_HEADER PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>"
                                         "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    PEER_HEADER PEER_AUTH("SCRAM-SHA-512") "biwsbj1ub2JvZHkscj1hYmM=</auth>"
                                           "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                                           "Yz1iaXdzLHI9YWJj</response>",
    PEER_HEADER NONE "mechanism='A'/>" NONE "mechanism='B'/>" NONE "/>" NONE "mechanism=''/>",
    PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    PEER_HEADER "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
    "<stream:stream xmlns='jabber:client' xmlns:stream='" PEER_STREAMS "' to='x' version='1.0'>",
    PEER_HEADER "<presence/>",
};

enum { LITERALS = sizeof(GARBAGE) / sizeof(GARBAGE[0]), KINDS = LITERALS + 3 };

static void garbage(struct buf *out, size_t kind, uint64_t *random)
{
    buf_clear(out);
    if (kind < LITERALS) {
        buf_add(out, slice_z(GARBAGE[kind]));
        return;
    }
    buf_lit(out, PEER_HEADER);
    for (unsigned i = 0; kind == LITERALS && i < 8200; i++)
        buf_lit(out, "x<"); /* text, then more than a stanza may have */
    for (unsigned i = 0; kind == LITERALS + 1 && i < 300; i++)
        buf_byte(out, ' ');
    for (unsigned i = 0; kind == LITERALS + 2 && i < 200; i++)
        buf_byte(out, (char)test_below(random, 256));
}

static void cycle(struct bench *b, struct buf *text, size_t kind, uint64_t *random)
{
    garbage(text, kind, random);
    struct peer *p = peer_new(b);
    peer_bytes(p, buf_slice(text));
    peer_free(&p);
    buf_free(&b->log);
}

static void V07_strangers_leave_nothing_behind(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct buf text = {0};
    uint64_t random = 7;
    assert_true(KINDS >= 20);
    peer_account(b, "alice@example.org");
    for (size_t i = 0; i < 4 * (size_t)KINDS; i++)
        cycle(b, &text, i % KINDS, &random);
    long long held = heap.bytes;
    size_t n = cycles(100000);
    for (size_t i = 0; i < n; i++)
        cycle(b, &text, i % KINDS, &random);
    assert_int_equal(heap.bytes, held);
    assert_int_equal(node_link_count(b->nodes[0]), 0);
    uint32_t at = 0;
    assert_null(handle_walk(&node_engine(b->nodes[0])->streams, &at));
    buf_free(&text);
    bench_free(&b);
}

/* The same inside and around of TLS, whose memory is OpenSSL's. */
static void V07_strangers_with_tls_leave_nothing_behind(void **state)
{
    (void)state;
    enum { CUT_MAX = 400 };
    struct bench *b = bench_new(NULL);
    uint64_t random = 7;
    long long held = 0;
    size_t n = cycles(2000);
    peer_certificates(b, &PEER_STARTTLS);
    for (size_t i = 0; i < 100 + n; i++) {
        if (i == 100)
            held = heap.bytes;
        b->config.listeners = i % 3 == 0 ? &PEER_DIRECT : &PEER_STARTTLS;
        struct peer *p = peer_new(b);
        if (i % 3 != 0)
            peer_text(p, PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        p->deaf = i % 2 == 0; /* the handshake stops after the hello */
        bool open = peer_shake(p, SLICE("xmpp-client"));
        if (open && i % 5 == 0)
            peer_text(p, GARBAGE[i % LITERALS]);
        char junk[CUT_MAX];
        size_t len = (size_t)test_below(&random, CUT_MAX);
        for (size_t k = 0; k < len; k++)
            junk[k] = (char)test_below(&random, 256);
        peer_raw(p, slice_of(junk, len));
        peer_free(&p);
        buf_free(&b->log);
    }
    assert_int_equal(heap.bytes, held);
    bench_free(&b);
}

enum { SHAPES = 6 };

/* Up to the limits of what a stranger may send, and not a byte more. */
static void stuff(struct buf *out, unsigned shape)
{
    static const char *const BEGIN[SHAPES] = {"<a>", "<a b='", "<a ", "<a>", "<a>", "<a>&lt;"};
    static const char *const REPEAT[SHAPES] = {"text ", "v", "", "", "<c/>", "&#x10FFFF;"};
    buf_clear(out);
    buf_lit(out, PEER_HEADER);
    size_t start = buf_len(out);
    buf_add(out, slice_z(BEGIN[shape]));
    for (unsigned i = 0; i < 8192; i++) {
        char one[128];
        size_t before = buf_len(out);
        if (shape == 2)
            snprintf(one, sizeof(one), "a%04u='%0100u' ", i, i);
        else if (shape == 3)
            snprintf(one, sizeof(one), "<b xmlns='urn:x:%u'>", i);
        else
            snprintf(one, sizeof(one), "%s", REPEAT[shape]);
        bool many = (shape == 2 && i >= 63) || (shape >= 3 && shape < 5 && i >= 30);
        if (many || before + strlen(one) - start > 8190)
            return;
        buf_add(out, slice_z(one));
    }
}

static void V06_a_thousand_strangers_at_the_limit_hold_little(void **state)
{
    (void)state;
    enum { STRANGERS = 1000 };
    static struct peer *peers[STRANGERS];
    struct bench *b = bench_new(NULL);
    struct buf text = {0};
    long long before = heap_mark(), parsers = 0;
    for (unsigned i = 0; i < STRANGERS; i++) {
        stuff(&text, i % SHAPES);
        peers[i] = peer_new(b);
        peers[i]->deaf = true; /* takes nothing either */
        peer_bytes(peers[i], buf_slice(&text));
        assert_false(peer_gone(peers[i]));
        buf_free(&peers[i]->client->unsent);
        parsers += (long long)xml_parser_memory(peers[i]->client->conn->parser);
    }
    assert_in_range(heap.bytes - before, 0, 64 << 20);
    assert_in_range(parsers, 0, 1000 * (XML_MEMORY_FACTOR * 8192 + XML_MEMORY_BASE));
    for (unsigned i = 0; i < STRANGERS; i++) {
        peers[i]->deaf = false;
        peer_text(peers[i], "zzzzzzzzzzzzzzz<<");
        assert_string_not_equal(peer_error(peers[i]), "");
        assert_true(peer_gone(peers[i]));
        peer_free(&peers[i]);
    }
    buf_free(&text);
    bench_free(&b);
}

/* The places where a login can be left: what was said before, and whether the answer has come. */
static const struct {
    const char *said, *then;
    bool held;
} LEFT[] = {
    {PEER_AUTH("SCRAM-SHA-256") "biwsbj1hbGljZSxyPWFiYw==</auth>", "", true},
    {PEER_AUTH("SCRAM-SHA-256") "biwsbj1hbGljZSxyPWFiYw==</auth>", "", false},
    {PEER_AUTH("SCRAM-SHA-256") "biwsbj1hbGljZSxyPWFiYw==</auth>",
     "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", false},
    {PEER_AUTH("SCRAM-SHA-512") "biwsbj1ub2JvZHkscj1hYmM=</auth>",
     "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdzLHI9YWJj</response>", false},
    {PEER_AUTH("SCRAM-SHA-1") "</auth>", "", false},
    {PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>", PEER_AUTH("PLAIN") "=</auth>",
     false},
    {PEER_AUTH("PLAIN") "</auth>", "</stream:stream>", false},
    {PEER_AUTH("PLAIN") PEER_ALICE "</auth>", "", true},
};

static void V44_a_login_that_is_left_leaves_nothing(void **state)
{
    (void)state;
    enum { PLACES = sizeof(LEFT) / sizeof(LEFT[0]) };
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    long long held = 0;
    size_t n = cycles(100000);
    for (size_t i = 0; i < n + 100; i++) {
        size_t place = i % PLACES;
        if (i == 96)
            held = heap.bytes;
        if (i >= 96 && i % PLACES == 0)
            assert_int_equal(heap.bytes, held);
        struct peer *p = peer_new(b);
        peer_text(p, PEER_HEADER);
        b->store_held = LEFT[place].held;
        peer_text(p, LEFT[place].said);
        peer_text(p, LEFT[place].then);
        peer_free(&p);
        bench_release(b);
        buf_free(&b->log);
    }
    bench_free(&b);
}

static void V45_bad_base64_of_some_disturbs_no_login_of_others(void **state)
{
    (void)state;
    enum { BAD = 100, GOOD = 1000 };
    struct peer *bad[BAD];
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    b->config.core.limits.login_failures = UINT8_MAX - 1;
    for (unsigned i = 0; i < BAD; i++) {
        bad[i] = peer_new(b);
        peer_text(bad[i], PEER_HEADER);
        peer_clear(bad[i]);
    }
    for (unsigned i = 0; i < GOOD; i++) {
        static const char *const LINES[] = {PEER_AUTH("PLAIN") "A</auth>",
                                            PEER_AUTH("SCRAM-SHA-256") "bi%ws</auth>",
                                            PEER_AUTH("PLAIN") "\n=A==</auth>"};
        struct peer *at = bad[i % BAD], *p = peer_new(b);
        buf_add(&at->client->unsent, slice_z(LINES[i % 3])); /* comes in the midst of the login */
        assert_true(peer_bind(p, "alice", "phone"));
        peer_take(at);
        expect(at->client, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                           "<incorrect-encoding/></failure>");
        peer_free(&p);
    }
    for (unsigned i = 0; i < BAD; i++)
        peer_free(&bad[i]);
    bench_free(&b);
}

static void V84_names_that_are_asked_for_are_not_kept(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    b->config.core.limits.rate = false;
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    long long before = heap_mark();
    size_t n = cycles(200000);
    for (size_t i = 0; i < n; i++) {
        char text[256];
        switch (i % 3) {
        case 0:
            snprintf(text, sizeof(text), "<message id='%zu' to='name%zu@example.org'/>", i, i);
            break;
        case 1:
            snprintf(text, sizeof(text),
                     "<iq type='get' id='%zu' to='name%zu@example.org/r'><x%zu xmlns='urn:x:%zu'/>"
                     "</iq>",
                     i, i, i, i);
            break;
        default:
            snprintf(text, sizeof(text), "<iq type='set' id='%zu'><x%zu xmlns='urn:x:%zu'/></iq>",
                     i, i, i);
        }
        peer_text(p, text);
        assert_int_equal(client_waiting(p->client), 1);
        peer_clear(p);
        buf_free(&b->log);
    }
    assert_in_range(heap.peak - before, 0, 8 << 20);
    bench_advance(b, 200000);
    peer_take(p);
    assert_true(heap.bytes - before < 262144);
    peer_free(&p);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V07_strangers_leave_nothing_behind),
        cmocka_unit_test(V07_strangers_with_tls_leave_nothing_behind),
        cmocka_unit_test(V06_a_thousand_strangers_at_the_limit_hold_little),
        cmocka_unit_test(V44_a_login_that_is_left_leaves_nothing),
        cmocka_unit_test(V45_bad_base64_of_some_disturbs_no_login_of_others),
        cmocka_unit_test(V84_names_that_are_asked_for_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
