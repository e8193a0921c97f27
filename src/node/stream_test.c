/* What a stream refuses, whole and byte by byte: rows X01 to X22 of the catalogue as seen by the
 * node, and rows V01, V14, V19, V20, V83 of the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_heap.h"
#include "node/test_peer.h"

enum where { FIRST = 1, OPEN = 2, BOUND = 4, IN = OPEN | BOUND, ANY = FIRST | IN };

struct row {
    const char *id;
    unsigned where;
    const char *error;
    const char *input;
};

#define STREAM(attributes)                                                                         \
    "<stream:stream xmlns='jabber:client' xmlns:stream='" PEER_STREAMS "'" attributes ">"
#define MESSAGE(inside) "<message to='bob@example.org'>" inside "</message>"

static const struct row ROWS[] = {
    {"X01", FIRST, "not-well-formed", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"},
    {"X01", FIRST, "not-well-formed", "SSH-2.0-OpenSSH_9.2\r\n"},
    {"X02", FIRST, "not-well-formed", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03"},
    {"X03", FIRST, "invalid-namespace",
     "<s:stream xmlns:s='urn:x' xmlns='jabber:client' to='example.org' version='1.0'>"},
    {"X03", FIRST, "invalid-namespace", "<stream to='example.org' version='1.0'>"},
    {"X04", FIRST, "invalid-namespace",
     "<s:stream xmlns:s='" PEER_STREAMS "' xmlns='jabber:server' to='example.org' version='1.0'>"},
    {"X04", FIRST, "invalid-namespace",
     "<s:stream xmlns:s='" PEER_STREAMS "' to='example.org' version='1.0'>"},
    {"X05", FIRST, "unsupported-version", STREAM(" to='example.org'")},
    {"X05", FIRST, "unsupported-version", STREAM(" to='example.org' version='0.9'")},
    {"X05", FIRST, "unsupported-version", STREAM(" to='example.org' version='1.x.y'")},
    {"X05", FIRST, "unsupported-version", STREAM(" to='example.org' version='1.'")},
    {"X06", FIRST, "host-unknown", STREAM(" to='else.example' version='1.0'")},
    {"X06", FIRST, "host-unknown", STREAM(" version='1.0'")},
    {"X06", FIRST, "improper-addressing", STREAM(" to='a@example.org' version='1.0'")},
    {"X06", FIRST, "improper-addressing", STREAM(" to='example.org/r' version='1.0'")},
    {"X08", ANY, "restricted-xml", "<!-- -->"},
    {"X08", ANY, "restricted-xml", "<?php x?>"},
    {"X08", ANY, "restricted-xml", "<!DOCTYPE x [<!ENTITY y 'z'>]>"},
    {"X08", IN, "restricted-xml", MESSAGE("<body>&euro;</body>")},
    {"X08", IN, "restricted-xml", MESSAGE("<!-- -->")},
    {"X09", IN, "unsupported-encoding", MESSAGE("<body>\xc0\x80</body>")},
    {"X09", IN, "unsupported-encoding", MESSAGE("<body>\xed\xa0\x80</body>")},
    {"X09", IN, "unsupported-encoding", MESSAGE("<body>\xf4\x90\x80\x80</body>")},
    {"X09", IN, "unsupported-encoding", MESSAGE("<body>\xe2\x82</body>")},
    {"X09", IN, "unsupported-encoding", "<message to='\xff'/>"},
    {"X10", IN, "not-well-formed", MESSAGE("<body>\x01</body>")},
    {"X10", IN, "not-well-formed", MESSAGE("<body>&#0;</body>")},
    {"X10", IN, "not-well-formed", MESSAGE("<body>&#xD800;</body>")},
    {"X10", IN, "not-well-formed", MESSAGE("<body>]]></body>")},
    {"X10", IN, "not-well-formed", MESSAGE("<body>\xef\xbf\xbf</body>")},
    {"X11", FIRST, "unsupported-encoding", "<?xml version='1.0' encoding='ISO-8859-1'?>"},
    {"X11", FIRST, "unsupported-encoding", "\xff\xfe<"},
    {"X12", FIRST, "not-well-formed", "<?xml version='1.0'?><?xml version='1.0'?>"},
    {"X12", FIRST, "not-well-formed", "<?xml version='1.1'?>"},
    {"X12", IN, "not-well-formed", "<?xml version='1.0'?>"},
    {"X13", IN, "not-well-formed", "<message></presence>"},
    {"X13", IN, "not-well-formed", "<message to='a' to='b'/>"},
    {"X13", IN, "not-well-formed", "<message xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>"},
    {"X13", IN, "not-well-formed", "<p:message/>"},
    {"X13", IN, "not-well-formed", "<message xmlns:xml='urn:x'/>"},
    {"X13", IN, "not-well-formed", "<message xmlns:xmlns='urn:x'/>"},
    {"X13", IN, "not-well-formed", "<message xmlns:p=''/>"},
    {"X15", IN, "bad-format", "text"},
    {"X15", IN, "bad-format", "\n &amp;"},
    {"X16", IN, "unsupported-stanza-type", STREAM(" to='example.org'")},
    {"X17", IN, "unsupported-stanza-type", "<foo/>"},
    {"X17", IN, "unsupported-stanza-type", "<message xmlns='jabber:server'/>"},
    {"X17", IN, "unsupported-stanza-type", "<message xmlns='urn:x'><body/></message>"},
    {"X17", IN, "unsupported-stanza-type", "<features xmlns='" PEER_STREAMS "'/>"},
    {"A23", OPEN, "not-authorized", MESSAGE("<body/>")},
    {"A23", OPEN, "not-authorized", "<presence/>"},
    {"A23", OPEN, "not-authorized", PEER_BIND},
    {"S01", BOUND, "invalid-from", "<message from='bob@example.org'/>"},
    {"S01", BOUND, "invalid-from", "<message from='alice@example.org/other'/>"},
    {"S01", BOUND, "invalid-from", "<message from='example.org'/>"},
    {"S01", BOUND, "invalid-from", "<message from='@@'/>"},
};

static struct peer *at(struct bench *b, enum where where)
{
    struct peer *p = peer_new(b);
    if (where == OPEN)
        peer_text(p, PEER_HEADER);
    if (where == BOUND)
        assert_true(peer_bind(p, "alice", "phone"));
    return p;
}

/* Each row, in each place that it names, in one piece and in single bytes, ends the stream with the
 * same error, and nothing of it reaches anybody. */
static void rows_of_bad_input_end_the_stream_by_name(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct slice input = slice_z(ROWS[i].input);
        for (unsigned where = FIRST; where <= BOUND; where <<= 1)
            for (unsigned piece = 0; (ROWS[i].where & where) != 0 && piece < 2; piece++) {
                struct peer *p = at(b, where);
                peer_pieces(p, input, piece == 0 ? input.len : 1);
                if (strcmp(peer_error(p), ROWS[i].error) != 0)
                    print_error("%s at %u: %s\n", ROWS[i].id, where, ROWS[i].input);
                peer_refused(p, ROWS[i].error);
                peer_free(&p);
            }
    }
    expect_nothing(bob);
    bench_free(&b);
}

/* Fed straight into the node: what it allocates on the way is counted. */
static long long cost(struct peer *p, struct slice bytes)
{
    struct node *n = p->bench->nodes[0];
    long long before = heap_mark();
    node_input(n, p->client->conn, bytes);
    node_turn(n);
    return heap.peak - before;
}

static const char BILLION[] =
    "<!DOCTYPE lolz [<!ENTITY a 'lol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
    "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
    "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"
    "<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'><!ENTITY h '&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;'>"
    "<!ENTITY i '&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;'><!ENTITY j '&i;&i;&i;&i;&i;&i;&i;&i;&i;&i;'>]>"
    "<lolz>&j;</lolz>";

static void V01_entities_are_refused_and_cost_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    for (unsigned where = FIRST; where <= BOUND; where <<= 1) {
        struct peer *p = at(b, where);
        assert_in_range(cost(p, slice_z(BILLION)), 0, 8191);
        peer_take(p);
        peer_refused(p, "restricted-xml");
        peer_free(&p);
    }
    bench_free(&b);
}

static void V83_open_elements_before_login_hold_next_to_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct peer *p = at(b, OPEN);
    struct buf text = {0};
    for (unsigned i = 0; i < 100000; i++)
        buf_lit(&text, "<a>");
    assert_in_range(cost(p, buf_slice(&text)), 0, 8192 * 5);
    peer_take(p);
    peer_refused(p, "policy-violation");
    peer_free(&p);
    buf_free(&text);
    bench_free(&b);
}

static void V14_a_stream_header_inside_of_a_stanza_stays_data(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    struct peer *p = at(b, BOUND);
    peer_text(p, "<message to='bob@example.org' type='chat' id='m'><body>x</body>"
                 "<stream:stream xmlns:stream='" PEER_STREAMS "'>"
                 "<iq type='set' id='i'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
                 "</stream:stream></message>");
    expect_nothing(p->client);
    expect(bob, "<message from='alice@example.org/phone' to='bob@example.org' type='chat' id='m'>"
                "<body>x</body><s:stream xmlns:s='" PEER_STREAMS "'><iq type='set' id='i'>"
                "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></s:stream></message>");
    expect_nothing(bob);
    peer_alive(p);
    peer_free(&p);
    bench_free(&b);
}

static void V19_an_error_at_any_depth_leaves_the_stream_where_it_was(void **state)
{
    (void)state;
    static const char *const BAD[] = {"<iq type='get' id='e' to='@'>", "<iq type='get' id='e'>",
                                      "<iq type='nonsense' id='e'>"};
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = at(b, BOUND);
    for (unsigned depth = 1; depth < b->config.core.limits.depth; depth++) {
        struct buf text = {0};
        buf_printf(&text, "%s", BAD[depth % 3]);
        for (unsigned i = 0; i < depth; i++)
            buf_printf(&text, "<a%u xmlns='urn:x'>text", i);
        for (unsigned i = depth; i-- > 0;)
            buf_printf(&text, "</a%u>tail", i);
        buf_lit(&text, "</iq>");
        peer_bytes(p, buf_slice(&text));
        buf_free(&text);
        assert_string_equal(peer_error(p), "");
        expect(p->client, depth % 3 == 0   ? "<iq type='error' id='e'><error type='modify'>"
                                             "<_/></error></iq>"
                          : depth % 3 == 1 ? "<iq type='error' id='e'><error type='cancel'>"
                                             "<_/></error></iq>"
                                           : "<iq type='error' id='e'><error type='modify'>"
                                             "<_/></error></iq>");
        peer_alive(p);
    }
    peer_free(&p);
    bench_free(&b);
}

static void V20_an_address_that_is_none_costs_the_stanza_not_the_stream(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "@",     "@example.org",   "a@",    "a@b@c/",         "/r",
        "a b@c", "a@example.org/", "a@-.-", "\xe2\x80\xae@x", "a@x\xef\xbc\x8f"};
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = at(b, BOUND);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct buf text = {0};
        buf_printf(&text, "<message id='m' to='%s'><body>x</body></message>", BAD[i]);
        peer_bytes(p, buf_slice(&text));
        buf_free(&text);
        expect(p->client, "<message type='error' id='m'><error type='modify'>"
                          "<jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                          "</error></message>");
        peer_alive(p);
    }
    peer_free(&p);
    bench_free(&b);
}

/* A start tag is decided at its limit, however it comes, and holds no more than it. */
static void X18_X20_too_much_is_decided_at_the_limit(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    static const struct {
        enum where where;
        size_t limit;
    } CASES[] = {{OPEN, 8192}, {BOUND, 262144}};
    for (size_t i = 0; i < 2; i++)
        for (unsigned tag = 0; tag < 2; tag++) {
            struct peer *p = at(b, CASES[i].where);
            struct buf text = {0};
            buf_printf(&text, tag != 0 ? "<message a='" : "<message><body>");
            while (buf_len(&text) < CASES[i].limit)
                buf_byte(&text, 'x');
            peer_bytes(p, buf_slice(&text));
            assert_string_equal(peer_error(p), "");
            assert_false(peer_gone(p));
            assert_in_range(xml_parser_memory(p->client->conn->parser), 0,
                            XML_MEMORY_FACTOR * CASES[i].limit + XML_MEMORY_BASE);
            peer_text(p, "x");
            peer_refused(p, "policy-violation");
            assert_true(peer_has(p, "stanza-too-big"));
            peer_free(&p);
            buf_free(&text);
        }
    bench_free(&b);
}

static void X19_elements_and_depth_have_limits(void **state)
{
    (void)state;
    static const struct {
        enum where where;
        unsigned repeat;
        const char *text;
    } CASES[] = {{OPEN, 33, "<a/>"}, {BOUND, 4097, "<a/>"}, {OPEN, 65, "<a>"}, {BOUND, 65, "<a>"}};
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct peer *p = at(b, CASES[i].where);
        peer_text(p, "<message>");
        for (unsigned k = 0; k < CASES[i].repeat && !peer_gone(p); k++)
            peer_text(p, CASES[i].text);
        peer_refused(p, "policy-violation");
        peer_free(&p);
    }
    bench_free(&b);
}

/* L6: 256 bytes of white space before login, in all; afterwards it keeps the connection alive. */
static void X22_white_space_is_rationed_before_login(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = at(b, OPEN);
    for (unsigned i = 0; i < 256; i++)
        peer_text(p, i % 2 == 0 ? " " : "\n");
    assert_false(peer_gone(p));
    peer_text(p, " ");
    peer_refused(p, "policy-violation");
    peer_free(&p);
    p = at(b, BOUND);
    long long before = heap.bytes;
    for (unsigned i = 0; i < 10000; i++)
        peer_text(p, "\n");
    assert_in_range(heap.bytes - before, 0, 1024);
    peer_alive(p);
    peer_free(&p);
    bench_free(&b);
}

/* RFC 6120 section 4.9.1.2: the error on a new stream comes inside of a stream. */
static void an_error_after_a_restart_has_a_header_of_its_own(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    struct peer *p = peer_new(b);
    peer_text(p, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
    assert_int_equal(p->headers, 1);
    peer_text(p, "GET / HTTP/1.1\r\n");
    assert_int_equal(p->headers, 2);
    peer_refused(p, "not-well-formed");
    peer_free(&p);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_bad_input_end_the_stream_by_name),
        cmocka_unit_test(V01_entities_are_refused_and_cost_nothing),
        cmocka_unit_test(V83_open_elements_before_login_hold_next_to_nothing),
        cmocka_unit_test(V14_a_stream_header_inside_of_a_stanza_stays_data),
        cmocka_unit_test(V19_an_error_at_any_depth_leaves_the_stream_where_it_was),
        cmocka_unit_test(V20_an_address_that_is_none_costs_the_stanza_not_the_stream),
        cmocka_unit_test(X18_X20_too_much_is_decided_at_the_limit),
        cmocka_unit_test(X19_elements_and_depth_have_limits),
        cmocka_unit_test(X22_white_space_is_rationed_before_login),
        cmocka_unit_test(an_error_after_a_restart_has_a_header_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
