/* XEP-0368: a listener with direct TLS, and what it announces inside (XEP-0440). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "wire/tls_client.h"
#include "xep/test_engine.h"

/* One connection to the listener, driven by hand: the bench's own clients speak plainly. */
struct fixture {
    struct bench *bench;
    struct node *node;
    struct node_link *link;
    struct tls_context *server, *client;
    struct wire *wire;
    struct buf up; /* what came, decrypted */
    struct node_host_tls hosts[1];
};

static const struct node_listener DIRECT = {.tls = NODE_TLS_DIRECT, .require_tls = true};

static void begin(struct fixture *f)
{
    static const struct slice NAME = SLICE("example.org");
    struct buf chain = {0}, key = {0};
    enum tls_problem problem;
    f->bench = bench_new(NULL);
    f->node = f->bench->nodes[0];
    CHECK(tls_make_certificate(&NAME, 1, f->bench->now.wall_ms / 1000, &chain, &key) == 0);
    f->server = tls_context_server(buf_slice(&chain), buf_slice(&key), &problem);
    f->client = tls_context_client(&(struct tls_trust){0}, &problem);
    CHECK(f->server != NULL && f->client != NULL);
    buf_free(&chain);
    buf_free(&key);
    f->hosts[0] = (struct node_host_tls){.name = NAME, .tls = f->server};
    f->bench->config.listeners = &DIRECT;
    f->bench->config.tls = f->hosts;
    f->bench->config.tls_count = 1;
    node_now(f->node, f->bench->now);
    f->link = node_accept(f->node, 0, "192.0.2.1", 1, NULL);
}

static void end(struct fixture *f)
{
    node_link_lost(f->node, f->link);
    while (node_next_ready(f->node) != NULL)
        ;
    wire_free(&f->wire);
    buf_free(&f->up);
    bench_free(&f->bench);
    tls_context_unref(&f->server);
    tls_context_unref(&f->client);
}

/* Carries bytes to and fro until nothing moves; down: what the client has to send. */
static void carry(struct fixture *f, struct buf *down)
{
    struct buf *out = node_output(f->link);
    do {
        if (buf_len(down) > 0)
            node_input(f->node, f->link, buf_slice(down));
        buf_clear(down);
        node_turn(f->node);
        if (buf_len(out) > 0)
            f->wire->ops->feed(f->wire, buf_slice(out), &f->up, down, f->bench->now);
        buf_consume(out, buf_len(out));
        node_sent(f->node, f->link);
    } while (buf_len(down) > 0);
    buf_free(down);
}

static enum wire_state handshake(struct fixture *f, struct slice alpn)
{
    struct buf down = {0};
    f->wire =
        tls_connect_new(f->client, &(struct tls_connect){.host = SLICE("example.org"),
                                                         .alpn = alpn,
                                                         .insecure = true,
                                                         .now_s = f->bench->now.wall_ms / 1000});
    CHECK(f->wire != NULL);
    f->wire->ops->feed(f->wire, SLICE_NONE, &f->up, &down, f->bench->now);
    carry(f, &down);
    return f->wire->ops->state(f->wire);
}

static void the_stream_begins_inside_of_tls(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct buf down = {0};
    begin(&f);
    assert_int_equal(handshake(&f, SLICE("xmpp-client")), WIRE_OPEN);
    assert_int_equal(f.wire->ops->send(f.wire,
                                       SLICE("<stream:stream to='example.org' version='1.0' "
                                             "xmlns='jabber:client' "
                                             "xmlns:stream='http://etherx.jabber.org/streams'>"),
                                       &down),
                     0);
    carry(&f, &down);
    buf_byte(&f.up, '\0');
    const char *text = buf_slice(&f.up).ptr;
    assert_non_null(strstr(text, "<mechanism>SCRAM-SHA-256-PLUS</mechanism>"));
    assert_non_null(strstr(text, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
                                 "<channel-binding type='tls-exporter'/>"
                                 "<channel-binding type='tls-server-end-point'/>"
                                 "</sasl-channel-binding>"));
    assert_null(strstr(text, "<starttls"));
    end(&f);
}

static void a_client_without_alpn_is_welcome(void **state)
{
    (void)state;
    struct fixture f = {0};
    begin(&f);
    assert_int_equal(handshake(&f, SLICE_NONE), WIRE_OPEN);
    end(&f);
}

static void another_protocol_is_not(void **state)
{
    (void)state;
    struct fixture f = {0};
    begin(&f);
    assert_int_equal(handshake(&f, SLICE("xmpp-server")), WIRE_FAILED);
    assert_string_equal(f.wire->ops->reason(f.wire), "peer_no_application_protocol");
    end(&f);
}

static void a_plain_stream_is_not_answered_plainly(void **state)
{
    (void)state;
    struct fixture f = {0};
    begin(&f);
    node_input(f.node, f.link, SLICE("<stream:stream to='example.org' version='1.0' "));
    node_turn(f.node);
    struct slice out = buf_slice(node_output(f.link));
    assert_true(out.len == 0 || memchr(out.ptr, '<', out.len) == NULL);
    buf_consume(node_output(f.link), out.len);
    assert_true(node_finished(f.link));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_begins_inside_of_tls),
        cmocka_unit_test(a_client_without_alpn_is_welcome),
        cmocka_unit_test(another_protocol_is_not),
        cmocka_unit_test(a_plain_stream_is_not_answered_plainly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
