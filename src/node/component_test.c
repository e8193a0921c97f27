/* Components (XEP-0114): the handshake, what they may say, what reaches them, on one shard and on
 * three. Rows L1, L7, L10, L13, L22, S05, S14, S15. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/test_peer.h"
#include "xmpp/digest.h"

enum { MIB = 1 << 20, TICK_MS = TIMER_TICK_MS };

static const struct node_listener LISTENERS[] = {
    {.tls = NODE_TLS_NONE, .plain_without_tls = true},
    {.service = NODE_COMPONENT, .tls = NODE_TLS_NONE},
    {.service = NODE_COMPONENT, .tls = NODE_TLS_DIRECT},
};
static const struct component_config COMPONENTS[] = {
    {.name = SLICE("echo.example.org"), .secret = SLICE("open sesame")},
    {.name = SLICE("gate.example.net"), .secret = SLICE("two")},
    {.name = SLICE("alone.example"), .secret = SLICE("three")},
};

#define HEADER                                                                                     \
    "<stream:stream xmlns='jabber:component:accept' "                                              \
    "xmlns:stream='http://etherx.jabber.org/streams' to='%s'>"

static void configure(struct bench *b)
{
    b->config.listeners = LISTENERS;
    b->config.listener_count = 3;
    b->config.core.components = COMPONENTS;
    b->config.core.component_count = 3;
}

static void open_as(struct peer *p, const char *domain)
{
    char text[300];
    snprintf(text, sizeof(text), HEADER, domain);
    peer_text(p, text);
}

/* Sends the proof that belongs to the id that came. */
static void shake(struct peer *p, const char *secret)
{
    struct buf text = {0};
    uint8_t digest[DIGEST_SHA1_BYTES];
    const char *id = memmem(p->got.ptr + p->got.start, buf_len(&p->got), " id='", 5);
    assert_non_null(id);
    buf_append(&text, id + 5, slice_find(slice_of(id + 5, 26), '\''));
    buf_add(&text, slice_z(secret));
    assert_int_equal(digest_sha1(buf_slice(&text), digest), 0);
    buf_clear(&text);
    buf_lit(&text, "<handshake>");
    for (size_t i = 0; i < sizeof(digest); i++)
        buf_printf(&text, "%02x", digest[i]);
    buf_lit(&text, "</handshake>");
    peer_bytes(p, buf_slice(&text));
    buf_free(&text);
}

static struct peer *connect_as(struct bench *b, const char *domain, const char *secret)
{
    struct peer *p = peer_new_to(b, 1);
    open_as(p, domain);
    shake(p, secret);
    return p;
}

static struct peer *echo_of(struct bench *b)
{
    struct peer *p = connect_as(b, "echo.example.org", "open sesame");
    expect(p->client, "<handshake/>");
    return p;
}

static void the_secret_opens_the_stream(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *p = peer_new_to(b, 1);
        open_as(p, "echo.example.org");
        assert_true(peer_has(p, "xmlns='jabber:component:accept'"));
        assert_true(peer_has(p, "from='echo.example.org'"));
        assert_true(peer_stream(p) != NULL && node_unauthenticated(p->client->conn));
        shake(p, "open sesame");
        expect(p->client, "<handshake/>");
        expect_nothing(p->client);
        assert_false(node_unauthenticated(p->client->conn));
        assert_true(bench_logged(b, "event=component.open"));
        assert_false(bench_logged(b, "sesame"));
        peer_text(p, "</stream:stream>");
        assert_true(p->closed && peer_gone(p));
        assert_true(bench_logged(b, "event=component.close"));
        peer_free(&p);
        p = echo_of(b); /* and there is room for the next one */
        peer_free(&p);
        p = echo_of(b);
        peer_free(&p);
    }
}

static void what_does_not_prove_the_secret_is_refused(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *p = connect_as(b, "echo.example.org", "open sesam");
        peer_refused(p, "not-authorized");
        assert_int_equal(b->login_failures, 1);
        peer_free(&p);
        p = connect_as(b, "echo.example.org", "two");
        peer_refused(p, "not-authorized");
        peer_free(&p);
        static const char *const PROOFS[] = {
            "<handshake/>", "<handshake>0</handshake>",
            "<message to='a@example.org' from='echo.example.org'/>"};
        for (size_t i = 0; i < 3; i++) {
            p = peer_new_to(b, 1);
            open_as(p, "echo.example.org");
            peer_text(p, PROOFS[i]);
            peer_refused(p, "not-authorized");
            peer_free(&p);
        }
        p = peer_new_to(b, 1);
        open_as(p, "echo.example.org");
        peer_text(p, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>");
        peer_refused(p, "unsupported-stanza-type");
        peer_free(&p);
        assert_true(bench_logged(b, "event=auth.fail"));
    }
}

static void headers_that_are_not_a_components_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    configure(b);
    static const struct {
        const char *to, *error;
    } NAMES[] = {
        {"example.org", "host-unknown"},
        {"nobody.example.org", "host-unknown"},
        {"a@echo.example.org", "host-unknown"},
        {"", "host-unknown"},
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        struct peer *p = peer_new_to(b, 1);
        open_as(p, NAMES[i].to);
        peer_refused(p, NAMES[i].error);
        peer_free(&p);
    }
    struct peer *p = peer_new_to(b, 1);
    peer_text(p, PEER_HEADER);
    peer_refused(p, "invalid-namespace");
    peer_free(&p);
    p = peer_new(b); /* where clients are expected */
    open_as(p, "echo.example.org");
    peer_refused(p, "invalid-namespace");
    peer_free(&p);
    p = peer_new_to(b, 1);
    peer_text(p, "<stream:stream xmlns='jabber:component:accept' "
                 "xmlns:stream='http://etherx.jabber.org/streams' to='ECHO.example.org'>");
    shake(p, "open sesame");
    expect(p->client, "<handshake/>");
    peer_free(&p);
    bench_free(&b);
}

static void the_second_of_a_name_has_to_go(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *first = echo_of(b);
        struct peer *second = connect_as(b, "echo.example.org", "open sesame");
        peer_refused(second, "conflict");
        struct peer *other = connect_as(b, "gate.example.net", "two");
        expect(other->client, "<handshake/>");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_send(alice, "<message to='echo.example.org'><body>1</body></message>");
        peer_take(first);
        expect(first->client, "<message from='alice@example.org/phone' to='echo.example.org'>"
                              "<body>1</body></message>");
        expect_nothing(other->client);
        peer_free(&second);
        peer_free(&other);
        peer_free(&first);
    }
}

static void L7_a_handshake_has_a_minute(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *p = peer_new_to(b, 1), *silent = peer_new_to(b, 1), *in = echo_of(b);
        open_as(p, "echo.example.org");
        bench_advance(b, 60000 - 2 * TICK_MS);
        peer_take(p);
        assert_false(peer_gone(p));
        bench_advance(b, 4 * TICK_MS);
        peer_take(p);
        peer_take(silent);
        peer_take(in);
        peer_refused(p, "connection-timeout");
        peer_refused(silent, "connection-timeout");
        assert_false(peer_gone(in));
        peer_free(&p);
        peer_free(&silent);
        peer_free(&in);
    }
}

static void L10_answers_are_delayed_where_logins_failed(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        b->login_delay_ms = 5000;
        struct peer *good = connect_as(b, "echo.example.org", "open sesame");
        struct peer *bad = connect_as(b, "gate.example.net", "wrong");
        peer_text(good, "<message to='alice@example.org' from='echo.example.org'/>");
        expect_nothing(good->client);
        expect_nothing(bad->client);
        assert_false(peer_gone(bad));
        bench_advance(b, 5000 + 2 * TICK_MS);
        peer_take(good);
        peer_take(bad);
        expect(good->client, "<handshake/>");
        peer_refused(bad, "not-authorized");
        peer_free(&good);
        peer_free(&bad);
    }
}

static void stanzas_go_both_ways(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *echo = echo_of(b);
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_send(alice, "<message to='me@Echo.example.org/x' type='chat' id='1'><body>hé</body>"
                           "<active xmlns='http://jabber.org/protocol/chatstates'/></message>");
        peer_take(echo);
        assert_true(peer_has(echo, "<message from='alice@example.org/phone' "
                                   "to='me@echo.example.org/x' type='chat' id='1'><body>h"));
        expect(echo->client,
               "<message from='alice@example.org/phone' to='me@echo.example.org/x' type='chat' "
               "id='1'><body>hé</body>"
               "<active xmlns='http://jabber.org/protocol/chatstates'/></message>");
        peer_text(echo, "<message from='me@echo.example.org/x' to='alice@example.org' type='chat'>"
                        "<body>hé</body><x xmlns='urn:forward'>"
                        "<message xmlns='jabber:client'/></x></message>");
        expect(alice, "<message from='me@echo.example.org/x' to='alice@example.org' type='chat'>"
                      "<body>hé</body><x xmlns='urn:forward'>"
                      "<message xmlns='jabber:client'/></x></message>");
        /* A prefix for the namespace of the stream changes nothing (X29). */
        peer_text(echo, "<c:message xmlns:c='jabber:component:accept' from='echo.example.org' "
                        "to='alice@example.org/phone'><c:body>p</c:body></c:message>");
        expect(alice, "<message from='echo.example.org'><body>p</body></message>");
        client_send(alice, "<iq type='get' id='2' to='echo.example.org'>"
                           "<query xmlns='jabber:iq:version'/></iq>");
        peer_take(echo);
        expect(echo->client, "<iq type='get' id='2' from='alice@example.org/phone'>"
                             "<query xmlns='jabber:iq:version'/></iq>");
        peer_text(echo, "<iq type='result' id='2' from='echo.example.org' "
                        "to='alice@example.org/phone'/>");
        expect(alice, "<iq type='result' id='2' from='echo.example.org'/>");
        peer_text(echo, "<iq type='get' id='3' from='echo.example.org' to='example.org'>"
                        "<ping xmlns='urn:xmpp:ping'/></iq>");
        expect(echo->client, "<iq type='result' id='3' from='example.org' to='echo.example.org'/>");
        peer_free(&echo);
    }
}

/* A message to a component is in its sender's archive before it leaves, his other devices are shown
 * it, and what is written behind it stays behind it. */
static void a_message_to_a_component_is_archived_first(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *echo = echo_of(b);
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct client *desk = bench_online(b, "alice@example.org/desk");
        client_discard(alice);
        client_session(desk)->carbons = true;
        b->store_held = true;
        client_send(alice, "<message to='me@echo.example.org' type='chat' id='1'><body>x</body>"
                           "</message><message to='me@echo.example.org' type='headline' id='2'/>"
                           "<message to='me@echo.example.org' type='chat' id='3'><body>never</body>"
                           "<no-store xmlns='urn:xmpp:hints'/></message>");
        peer_take(echo);
        expect_nothing(echo->client);
        bench_release(b);
        peer_take(echo);
        expect(echo->client, "<message from='alice@example.org/phone' type='chat' id='1'>"
                             "<body>x</body></message>");
        expect(echo->client, "<message from='alice@example.org/phone' type='headline' id='2'/>");
        expect(echo->client, "<message from='alice@example.org/phone' type='chat' id='3'><_/>"
                             "</message>");
        for (unsigned i = 0; i < 2; i++)
            expect(desk, "<message from='alice@example.org' type='chat'>"
                         "<sent xmlns='urn:xmpp:carbons:2'><_/></sent></message>");
        expect_nothing(desk);
        assert_int_equal(bench_count(b, "alice@example.org", "archive"), 1);
        peer_free(&echo);
    }
}

static void components_reach_each_other(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *echo = echo_of(b), *gate = connect_as(b, "gate.example.net", "two");
        expect(gate->client, "<handshake/>");
        peer_text(echo, "<message from='a@echo.example.org' to='b@gate.example.net/c'/>");
        peer_take(gate);
        expect(gate->client, "<message from='a@echo.example.org' to='b@gate.example.net/c'/>");
        peer_text(echo, "<message from='a@echo.example.org' to='b@alone.example' id='4'/>");
        expect(echo->client, "<message type='error' id='4' from='b@alone.example'>"
                             "<error type='wait'><_/></error></message>");
        peer_text(echo, "<message from='a@echo.example.org' to='b@far.example' id='5'/>");
        expect(echo->client,
               "<message type='error' id='5' from='b@far.example'><error type='cancel'>"
               "<remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
               "</error></message>");
        peer_free(&echo);
        peer_free(&gate);
    }
}

static void what_is_not_connected_is_a_server_that_does_not_answer(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *alice = bench_online(b, "alice@example.org/phone");
        ask(alice, "<message to='x@echo.example.org' id='1'><body>?</body></message>",
            "<message type='error' id='1' from='x@echo.example.org'><error type='wait'>"
            "<remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>*</text></error></message>");
        ask(alice, "<iq type='get' id='2' to='echo.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='error' id='2' from='echo.example.org'><error type='wait'>"
            "<remote-server-timeout "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error></iq>");
        assert_int_equal(client_session(alice)->unsettled, 0);
        struct peer *echo = echo_of(b);
        peer_free(&echo);
        client_send(alice, "<message type='error' to='x@echo.example.org'/>");
        expect_nothing(alice);
        client_send(alice, "<message to='x@echo.example.org' id='3'><body>?</body></message>");
        expect(alice, "<message type='error' id='3' from='x@echo.example.org'><_/></message>");
        assert_int_equal(client_session(alice)->unsettled, 0);
    }
}

static void S14_a_component_speaks_for_its_own_domain(void **state)
{
    (void)state;
    static const char *const FORGERIES[] = {
        "<message from='bob@example.org' to='alice@example.org'><body>1</body></message>",
        "<message from='a@gate.example.net' to='alice@example.org'><body>1</body></message>",
        "<message from='a@x.echo.example.org' to='alice@example.org'><body>1</body></message>",
        "<message to='alice@example.org'><body>1</body></message>",
        "<message from='' to='alice@example.org'><body>1</body></message>",
        "<iq type='get' id='1' from='example.org' to='alice@example.org'><ping/></iq>",
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *alice = bench_online(b, "alice@example.org/phone");
        for (size_t i = 0; i < sizeof(FORGERIES) / sizeof(FORGERIES[0]); i++) {
            struct peer *p = echo_of(b);
            peer_text(p, FORGERIES[i]);
            peer_refused(p, "invalid-from");
            peer_free(&p);
        }
        struct peer *p = echo_of(b);
        peer_text(p, "<message from='echo.example.org'><body>1</body></message>");
        peer_refused(p, "improper-addressing");
        peer_free(&p);
        assert_true(bench_logged(b, "event=stanza.spoof"));
        expect_nothing(alice);
    }
}

static void S14_what_only_servers_write_does_not_come_from_components(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct peer *echo = echo_of(b);
        peer_text(echo,
                  "<iq type='set' id='1' from='echo.example.org' to='alice@example.org/phone'>"
                  "<query xmlns='jabber:iq:roster'><item jid='x@y'/></query></iq>");
        expect(echo->client, "<iq type='error' id='1' from='alice@example.org/phone'>"
                             "<error type='cancel'><_/></error></iq>");
        peer_text(echo, "<message from='echo.example.org' to='alice@example.org/phone'>"
                        "<received xmlns='urn:xmpp:carbons:2'/><body>S15</body>"
                        "<delay xmlns='urn:xmpp:delay' from='example.org' "
                        "stamp='2020-01-01T00:00:00Z'/></message>");
        expect(alice, "<message from='echo.example.org'><body>S15</body></message>");
        /* S05: an answer that nobody asked for, to an account. */
        peer_text(echo,
                  "<iq type='result' id='9' from='echo.example.org' to='alice@example.org'/>");
        expect_nothing(echo->client);
        expect_nothing(alice);
        peer_free(&echo);
    }
}

static void stanzas_that_are_not_well_made_are_answered(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    configure(b);
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct peer *echo = echo_of(b);
    peer_text(echo, "<iq type='get' id='1' from='echo.example.org' to='example.org'/>");
    expect(echo->client, "<iq type='error' id='1' from='example.org'><error type='modify'>"
                         "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    peer_text(echo, "<iq type='what' id='2' from='echo.example.org' to='example.org'><a/></iq>");
    expect(echo->client, "<iq type='error' id='2' from='example.org'><_/></iq>");
    peer_text(echo, "<presence type='what' from='echo.example.org' to='alice@example.org'/>");
    expect(echo->client, "<presence type='error' from='alice@example.org'><_/></presence>");
    peer_text(echo, "<message id='3' from='echo.example.org' to='@'/>");
    expect(echo->client,
           "<message type='error' id='3' from='example.org'><error type='modify'>"
           "<jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    expect_nothing(alice);
    peer_text(echo, "<handshake/>");
    peer_refused(echo, "unsupported-stanza-type");
    peer_free(&echo);
    bench_free(&b);
}

static void users_and_components_see_each_other(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *echo = echo_of(b);
        struct client *alice = bench_login(b, "alice@example.org/phone");
        ask(alice, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>",
            "<iq type='result' id='r'><_/></iq>");
        client_send(alice, "<presence/>");
        client_discard(alice);
        client_send(alice, "<presence type='subscribe' to='echo.example.org'/>");
        client_discard(alice);
        peer_take(echo);
        expect(echo->client, "<presence type='subscribe' from='alice@example.org'/>");
        peer_text(echo, "<presence type='subscribed' from='echo.example.org' "
                        "to='alice@example.org'/>"
                        "<presence type='subscribe' from='echo.example.org' "
                        "to='alice@example.org'/>"
                        "<presence from='echo.example.org' to='alice@example.org'>"
                        "<show>chat</show></presence>");
        expect_somewhere(alice, "<presence type='subscribed' from='echo.example.org'/>");
        expect_somewhere(alice, "<presence type='subscribe' from='echo.example.org'/>");
        expect_somewhere(alice, "<presence from='echo.example.org'><show>chat</show></presence>");
        client_send(alice, "<presence type='subscribed' to='echo.example.org'/>");
        expect_somewhere(alice, "<iq type='set' id='*'><query xmlns='jabber:iq:roster' ver='*'>"
                                "<item jid='echo.example.org' subscription='both'/></query></iq>");
        peer_take(echo);
        expect(echo->client, "<presence type='subscribed' from='alice@example.org'/>");
        expect(echo->client, "<presence from='alice@example.org/phone'/>");
        client_send(alice, "<presence><show>away</show></presence>");
        peer_take(echo);
        expect(echo->client,
               "<presence from='alice@example.org/phone'><show>away</show></presence>");
        peer_text(echo, "<presence type='probe' from='echo.example.org' to='alice@example.org'/>");
        expect(echo->client,
               "<presence from='alice@example.org/phone'><show>away</show></presence>");
        client_close(&alice);
        peer_take(echo);
        expect(echo->client, "<presence type='unavailable' from='alice@example.org/phone'/>");
        alice = bench_login(b, "alice@example.org/phone");
        client_send(alice, "<presence/>");
        peer_take(echo);
        expect_somewhere(echo->client, "<presence type='probe' from='alice@example.org/phone'/>");
        expect_somewhere(echo->client, "<presence from='alice@example.org/phone'/>");
        peer_free(&echo);
    }
}

static void directed_presence_reaches_components(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *echo = echo_of(b);
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_send(alice, "<presence to='room@echo.example.org/al'/>");
        peer_take(echo);
        expect(echo->client, "<presence from='alice@example.org/phone' "
                             "to='room@echo.example.org/al'/>");
        /* Whom she shows herself to may ask her client. */
        peer_text(echo, "<iq type='get' id='1' from='room@echo.example.org' "
                        "to='alice@example.org/phone'><ping xmlns='urn:xmpp:ping'/></iq>");
        expect(alice, "<iq type='get' id='1' from='room@echo.example.org'>"
                      "<ping xmlns='urn:xmpp:ping'/></iq>");
        client_lose(&alice);
        peer_take(echo);
        expect(echo->client, "<presence type='unavailable' from='alice@example.org/phone' "
                             "to='room@echo.example.org/al'/>");
        peer_free(&echo);
    }
}

static void say(struct peer *p, size_t body)
{
    struct buf text = {0};
    buf_lit(&text, "<message from='echo.example.org' to='alice@example.org/phone'><body>");
    for (size_t i = 0; i < body; i++)
        buf_byte(&text, 'x');
    buf_lit(&text, "</body></message>");
    peer_bytes(p, buf_slice(&text));
    buf_free(&text);
}

static void L1_a_stanza_is_as_big_as_that_of_a_server(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        b->config.core.limits.rate = false;
        b->config.core.limits.stanza_bytes = 20000;
        b->config.core.limits.stanza_bytes_s2s = 50000;
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct peer *echo = peer_new_to(b, 1);
        open_as(echo, "echo.example.org");
        say(echo, 10000); /* before it proved anything */
        peer_refused(echo, "policy-violation");
        peer_free(&echo);
        echo = echo_of(b);
        say(echo, 49000);
        assert_true(slice_is(xml_name(client_next(alice)), "message"));
        say(echo, 50000);
        peer_refused(echo, "policy-violation");
        assert_true(peer_has(echo, "<stanza-too-big xmlns='urn:xmpp:errors'/>"));
        expect_nothing(alice);
        peer_free(&echo);
    }
}

static void L22_who_sends_too_much_is_read_more_slowly(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    configure(b);
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct peer *echo = echo_of(b);
    for (unsigned i = 0; i < 12; i++)
        say(echo, 200000); /* 2.3 MiB, of which one at once and one in a second */
    assert_in_range(client_waiting(alice), 5, 7);
    bench_advance(b, 2000);
    assert_int_equal(client_waiting(alice), 12);
    assert_false(peer_gone(echo));
    peer_free(&echo);
    bench_free(&b);
}

static void write_to_it(struct client *alice, unsigned n, unsigned bytes)
{
    struct buf text = {0};
    buf_printf(&text, "<message to='echo.example.org' id='%u'><body>", n);
    for (unsigned i = 0; i < bytes; i++)
        buf_byte(&text, 'y');
    buf_lit(&text, "</body></message>");
    buf_byte(&text, '\0');
    client_send(alice, text.ptr + text.start);
    buf_free(&text);
}

static void L13_what_a_component_does_not_read_is_refused(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        b->config.core.limits.rate = false;
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct peer *echo = echo_of(b);
        echo->deaf = true;
        unsigned sent = 0;
        while (client_waiting(alice) == 0 && sent < 100)
            write_to_it(alice, sent++, 50000);
        assert_in_range(sent, 20, 24); /* 1 MiB and the one that is refused */
        expect(alice, "<message type='error' id='*' from='echo.example.org'><error type='wait'>"
                      "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                      "</error></message>");
        assert_true(bench_logged(b, "event=conn.slow"));
        echo->deaf = false;
        peer_take(echo);
        assert_int_equal(client_waiting(echo->client), sent - 1);
        client_discard(echo->client);
        bench_advance(b, 70000);
        write_to_it(alice, 1000, 1); /* it reads again: nothing is held against it */
        peer_take(echo);
        expect(echo->client, "<message id='1000' from='alice@example.org/phone'><_/></message>");
        expect_nothing(alice);
        peer_free(&echo);
    }
}

static void L13_a_component_that_never_reads_is_let_go(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        b->config.core.limits.rate = false;
        struct client *alice = bench_online(b, "alice@example.org/phone");
        struct peer *echo = echo_of(b);
        echo->deaf = true;
        for (unsigned i = 0; i < 30; i++)
            write_to_it(alice, i, 50000);
        bench_advance(b, 60000 + 2 * TICK_MS);
        client_discard(alice);
        ask(alice, "<message to='echo.example.org' id='1'><body>?</body></message>",
            "<message type='error' id='1' from='echo.example.org'><error type='wait'>"
            "<remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/>"
            "</error></message>");
        echo->deaf = false;
        peer_take(echo);
        peer_refused(echo, "resource-constraint");
        peer_free(&echo);
    }
}

static void a_reload_ends_what_is_gone_or_has_another_secret(void **state)
{
    (void)state;
    static const struct component_config NEXT[] = {
        {.name = SLICE("gate.example.net"), .secret = SLICE("changed")},
        {.name = SLICE("alone.example"), .secret = SLICE("three")},
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        configure(b);
        struct peer *echo = echo_of(b), *gate = connect_as(b, "gate.example.net", "two");
        struct peer *alone = connect_as(b, "alone.example", "three");
        struct node_config next = b->config;
        next.core.components = NEXT;
        next.core.component_count = 2;
        struct peer *shaking = peer_new_to(b, 1);
        open_as(shaking, "echo.example.org");
        for (uint32_t i = 0; i < b->inside->shards; i++)
            node_reload(b->nodes[i], &next);
        peer_take(echo);
        peer_take(gate);
        peer_take(alone);
        peer_take(shaking);
        peer_refused(echo, "host-gone");
        peer_refused(shaking, "host-gone");
        peer_refused(gate, "reset");
        expect(alone->client, "<handshake/>");
        expect_nothing(alone->client);
        peer_free(&echo);
        peer_free(&gate);
        gate = connect_as(b, "gate.example.net", "changed");
        expect(gate->client, "<handshake/>");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        ask(alice, "<message to='echo.example.org' id='1'/>",
            "<message type='error' id='1' from='echo.example.org'><error type='cancel'>"
            "<remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            "</error></message>");
        for (uint32_t i = 0; i < b->inside->shards; i++)
            node_stop(b->nodes[i]);
        peer_take(gate);
        peer_take(alone);
        peer_refused(gate, "system-shutdown");
        peer_refused(alone, "system-shutdown");
        peer_free(&shaking);
        peer_free(&gate);
        peer_free(&alone);
        for (uint32_t i = 0; i < b->inside->shards; i++)
            node_reload(b->nodes[i], &b->config);
    }
}

static void tls_may_be_around_it_all(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        peer_certificates(b, LISTENERS);
        configure(b);
        struct peer *p = peer_new_to(b, 2);
        assert_true(peer_shake(p, SLICE_NONE));
        open_as(p, "echo.example.org");
        shake(p, "open sesame");
        expect(p->client, "<handshake/>");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_send(alice, "<message to='echo.example.org'/>");
        peer_take(p);
        expect(p->client, "<message from='alice@example.org/phone' to='echo.example.org'/>");
        peer_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_secret_opens_the_stream),
        cmocka_unit_test(what_does_not_prove_the_secret_is_refused),
        cmocka_unit_test(headers_that_are_not_a_components_are_refused),
        cmocka_unit_test(the_second_of_a_name_has_to_go),
        cmocka_unit_test(L7_a_handshake_has_a_minute),
        cmocka_unit_test(L10_answers_are_delayed_where_logins_failed),
        cmocka_unit_test(stanzas_go_both_ways),
        cmocka_unit_test(a_message_to_a_component_is_archived_first),
        cmocka_unit_test(components_reach_each_other),
        cmocka_unit_test(what_is_not_connected_is_a_server_that_does_not_answer),
        cmocka_unit_test(S14_a_component_speaks_for_its_own_domain),
        cmocka_unit_test(S14_what_only_servers_write_does_not_come_from_components),
        cmocka_unit_test(stanzas_that_are_not_well_made_are_answered),
        cmocka_unit_test(users_and_components_see_each_other),
        cmocka_unit_test(directed_presence_reaches_components),
        cmocka_unit_test(L1_a_stanza_is_as_big_as_that_of_a_server),
        cmocka_unit_test(L22_who_sends_too_much_is_read_more_slowly),
        cmocka_unit_test(L13_what_a_component_does_not_read_is_refused),
        cmocka_unit_test(L13_a_component_that_never_reads_is_let_go),
        cmocka_unit_test(a_reload_ends_what_is_gone_or_has_another_secret),
        cmocka_unit_test(tls_may_be_around_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
