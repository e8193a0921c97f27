/* TLS inside of a node, with a client of our own in memory: STARTTLS and direct TLS, logins bound
 * to the channel, what comes between the lines. Rows V32, A11, A14, A17, A18, X23 with TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64.h"
#include "node/test_peer.h"

#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define SASL     "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

static struct bench *bench(const struct node_listener *listener)
{
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_certificates(b, listener);
    return b;
}

/* A peer whose TLS is open. */
static struct peer *secured(struct bench *b)
{
    struct peer *p = peer_new(b);
    if (b->config.listeners == &PEER_DIRECT) {
        assert_true(peer_shake(p, SLICE("xmpp-client")));
    } else {
        peer_text(p, PEER_HEADER STARTTLS);
        assert_true(peer_shake(p, SLICE_NONE));
    }
    peer_clear(p);
    return p;
}

static const struct node_listener *const LISTENERS[] = {&PEER_STARTTLS, &PEER_DIRECT};

static void every_mechanism_logs_in_with_either_binding(void **state)
{
    (void)state;
    static const char *const HOW[] = {"SCRAM-SHA-512-PLUS",
                                      "SCRAM-SHA-256-PLUS",
                                      "SCRAM-SHA-1-PLUS",
                                      "SCRAM-SHA-512",
                                      "SCRAM-SHA-256",
                                      "SCRAM-SHA-1",
                                      "PLAIN",
                                      NULL};
    for (size_t i = 0; i < 4 * sizeof(HOW) / sizeof(HOW[0]); i++) {
        struct bench *b = bench(LISTENERS[i % 2]);
        struct peer *p = secured(b);
        p->end_point = i % 4 >= 2;
        assert_true(peer_login(p, "alice", HOW[i / 4]));
        char event[64];
        snprintf(event, sizeof(event), "mechanism=%s",
                 HOW[i / 4] != NULL ? HOW[i / 4] : "SCRAM-SHA-512-PLUS");
        assert_true(bench_logged(b, event));
        client_discard(p->client);
        peer_text(p, PEER_BIND);
        assert_true(peer_has(p, "<jid>alice@example.org/phone</jid>"));
        client_discard(p->client);
        peer_alive(p);
        peer_free(&p);
        bench_free(&b);
    }
}

static void the_stream_in_tls_is_a_new_one(void **state)
{
    (void)state;
    struct bench *b = bench(&PEER_STARTTLS);
    struct peer *p = peer_new(b);
    peer_text(p, PEER_HEADER);
    struct xml features = client_next(p->client);
    assert_true(xml_some(
        xml_child(xml_child(features, NS_TLS, SLICE("starttls")), NS_TLS, SLICE("required"))));
    assert_false(xml_some(xml_child(features, NS_SASL, SLICE("mechanisms"))));
    peer_text(p, STARTTLS);
    expect(p->client, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_true(peer_shake(p, SLICE_NONE));
    peer_text(p, PEER_HEADER);
    features = client_next(p->client);
    assert_false(xml_some(xml_child(features, NS_TLS, SLICE("starttls"))));
    assert_true(xml_some(xml_child(features, NS_SASL, SLICE("mechanisms"))));
    assert_int_equal(p->headers, 2);
    peer_text(p, STARTTLS);
    peer_refused(p, "unsupported-stanza-type");
    peer_free(&p);
    /* Nor is there one on a connection that begins with TLS. */
    b->config.listeners = &PEER_DIRECT;
    p = secured(b);
    peer_text(p, PEER_HEADER STARTTLS);
    peer_refused(p, "unsupported-stanza-type");
    peer_free(&p);
    bench_free(&b);
}

/* X21 with TLS around it. */
static void X21_a_login_in_single_bytes_and_small_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece += piece < 4 ? 1 : 16) {
        struct bench *b = bench(LISTENERS[piece % 2]);
        struct peer *p = peer_new(b);
        p->piece = piece;
        if (piece % 2 == 1)
            assert_true(peer_shake(p, SLICE("xmpp-client")));
        assert_true(peer_login(p, "alice", NULL));
        client_discard(p->client);
        peer_text(p, PEER_BIND);
        client_discard(p->client);
        peer_alive(p);
        peer_free(&p);
        bench_free(&b);
    }
}

static void V32_A14_plaintext_behind_starttls_is_not_executed(void **state)
{
    (void)state;
    static const char *const BEHIND[] = {PEER_AUTH("PLAIN") PEER_ALICE "</auth>", "<message/>",
                                         PEER_HEADER, "\n", "\x16\x03\x01"};
    struct bench *b = bench(&PEER_STARTTLS);
    for (size_t i = 0; i < sizeof(BEHIND) / sizeof(BEHIND[0]); i++) {
        struct peer *p = peer_new(b);
        struct buf text = {0};
        p->loose = true; /* after <proceed/> nobody reads XML */
        buf_printf(&text, PEER_HEADER STARTTLS "%s", BEHIND[i]);
        peer_bytes(p, buf_slice(&text));
        buf_free(&text);
        assert_true(peer_gone(p));
        assert_true(bench_logged(b, "event=tls.injection"));
        buf_free(&b->log);
        peer_free(&p);
        /* The same in a second read before the answer was written. */
        p = peer_new(b);
        p->loose = true;
        peer_text(p, PEER_HEADER);
        node_input(b->nodes[0], p->client->conn, SLICE(STARTTLS));
        node_input(b->nodes[0], p->client->conn, slice_z(BEHIND[i]));
        peer_take(p);
        assert_true(peer_gone(p));
        assert_true(bench_logged(b, "event=tls.injection"));
        buf_free(&b->log);
        peer_free(&p);
        /* And between <proceed/> and the handshake: it is no TLS. */
        p = peer_new(b);
        peer_text(p, PEER_HEADER STARTTLS);
        peer_raw(p, slice_z(BEHIND[i]));
        if (i + 1 < sizeof(BEHIND) / sizeof(BEHIND[0]) && i != 3)
            assert_true(peer_gone(p));
        assert_int_equal(node_engine(b->nodes[0])->counters.store_queries, 0);
        peer_free(&p);
    }
    bench_free(&b);
}

/* A first message of SCRAM and a final one that are our own. */
static void A11_channel_binding_that_does_not_bind(void **state)
{
    (void)state;
    struct bench *b = bench(&PEER_STARTTLS);
    b->config.core.limits.login_failures = UINT8_MAX;
    struct peer *p = secured(b), *other = secured(b);
    static const struct {
        const char *mechanism, *first, *failure;
    } FIRST[] = {
        /* It could have bound, and says that we could not. */
        {"SCRAM-SHA-256", "y,,n=alice,r=abc", "not-authorized"},
        {"SCRAM-SHA-256", "p=tls-exporter,,n=alice,r=abc", NULL},
        {"SCRAM-SHA-256-PLUS", "p=tls-other,,n=alice,r=abc", NULL},
        {"SCRAM-SHA-256-PLUS", "p=none,,n=alice,r=abc", NULL},
        {"SCRAM-SHA-256-PLUS", "n,,n=alice,r=abc", NULL},
        {"SCRAM-SHA-256-PLUS", "y,,n=alice,r=abc", NULL},
    };
    peer_text(p, PEER_HEADER);
    for (size_t i = 0; i < sizeof(FIRST) / sizeof(FIRST[0]); i++) {
        struct buf text = {0};
        peer_clear(p);
        buf_printf(&text, "<auth " SASL " mechanism='%s'>", FIRST[i].mechanism);
        base64_append(&text, slice_z(FIRST[i].first));
        buf_lit(&text, "</auth>");
        peer_bytes(p, buf_slice(&text));
        buf_free(&text);
        struct xml x = client_next(p->client);
        if (xml_is(x, NS_SASL, SLICE("challenge"))) { /* found out at the end */
            peer_text(p, "<response " SASL ">Yz1lU3dzLHI9YWJjLHA9QUFBQQ==</response>");
            x = client_next(p->client);
        }
        struct slice name = xml_name(xml_first_element(x));
        assert_true(xml_is(x, NS_SASL, SLICE("failure")));
        if (FIRST[i].failure != NULL)
            assert_true(slice_eq(name, slice_z(FIRST[i].failure)));
        else
            assert_true(slice_is(name, "not-authorized") || slice_is(name, "malformed-request"));
    }
    assert_true(bench_logged(b, "event=auth.downgrade"));
    peer_free(&p);
    peer_free(&other);
    /* A relay in between: the channels differ, the certificate is the same. */
    for (unsigned end_point = 0; end_point < 2; end_point++) {
        p = secured(b);
        other = secured(b);
        p->relayed = other;
        p->end_point = end_point != 0;
        assert_int_equal(peer_login(p, "alice", "SCRAM-SHA-256-PLUS"), end_point != 0);
        peer_free(&p);
        peer_free(&other);
    }
    bench_free(&b);
}

static void A18_a_wrong_protocol_gets_an_alert(void **state)
{
    (void)state;
    struct bench *b = bench(&PEER_DIRECT);
    struct peer *p = peer_new(b);
    assert_false(peer_shake(p, SLICE("h2")));
    assert_true(peer_gone(p));
    assert_string_equal(p->wire->ops->reason(p->wire), "peer_no_application_protocol");
    assert_true(bench_logged(b, "event=tls.reject"));
    peer_free(&p);
    p = peer_new(b);
    assert_true(peer_shake(p, SLICE_NONE)); /* one that offers none is welcome */
    peer_free(&p);
    static struct node_host_tls hosts[2];
    memcpy(hosts, b->config.tls, sizeof(hosts));
    hosts[0].name = SLICE("else.example"); /* example.org has none */
    b->config.tls = hosts;
    p = peer_new(b);
    assert_false(peer_shake(p, SLICE_NONE));
    assert_string_equal(p->wire->ops->reason(p->wire), "peer_unrecognized_name");
    peer_free(&p);
    bench_free(&b);
}

/* X23: </stream:stream>, then close_notify, then the end of the connection; and the other way. */
static void X23_a_stream_in_tls_is_closed_in_order(void **state)
{
    (void)state;
    struct bench *b = bench(&PEER_STARTTLS);
    static const char *const END[] = {"</stream:stream>", "<foo/>"};
    for (unsigned i = 0; i < 2; i++) {
        struct peer *p = peer_new(b);
        assert_true(peer_bind(p, "alice", "phone"));
        peer_text(p, END[i]);
        assert_true(p->closed && peer_gone(p));
        assert_int_equal(p->wire->ops->state(p->wire), WIRE_ENDED);
        peer_free(&p);
    }
    /* A close_notify alone is a connection that was lost. */
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    p->wire->ops->end(p->wire, &p->net);
    peer_take(p);
    assert_true(peer_gone(p));
    assert_null(client_session(p->client));
    peer_free(&p);
    bench_free(&b);
}

/* Three shards: the TLS of a connection moves with it. */
static void tls_moves_to_another_shard(void **state)
{
    (void)state;
    struct bench *b = bench_new_shards(NULL, 3);
    peer_account(b, "alice@example.org");
    peer_certificates(b, &PEER_STARTTLS);
    unsigned moved = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct peer *p = peer_new(b);
        uint32_t before = p->client->shard;
        assert_true(peer_bind(p, "alice", "phone"));
        moved += p->client->shard != before;
        peer_alive(p);
        peer_free(&p);
    }
    assert_int_equal(moved, 2);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mechanism_logs_in_with_either_binding),
        cmocka_unit_test(the_stream_in_tls_is_a_new_one),
        cmocka_unit_test(X21_a_login_in_single_bytes_and_small_pieces),
        cmocka_unit_test(V32_A14_plaintext_behind_starttls_is_not_executed),
        cmocka_unit_test(A11_channel_binding_that_does_not_bind),
        cmocka_unit_test(A18_a_wrong_protocol_gets_an_alert),
        cmocka_unit_test(X23_a_stream_in_tls_is_closed_in_order),
        cmocka_unit_test(tls_moves_to_another_shard),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
