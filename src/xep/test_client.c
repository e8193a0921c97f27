/* The clients of the bench: their connection, what they expect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "xep/test_inside.h"
#include "xmpp/digest.h"

struct client *bench_connect(struct bench *b)
{
    return bench_connect_to(b, 0);
}

struct client *bench_connect_to(struct bench *b, uint32_t listener)
{
    struct bench_inside *in = b->inside;
    struct client *c = mem_new(struct client);
    char peer[32];
    uint64_t conn = ++in->conns;
    snprintf(peer, sizeof(peer), "192.0.2.%u", (unsigned)(conn % 250 + 1));
    c->bench = b;
    c->shard = (uint32_t)(conn % in->shards);
    c->parser = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    CHECK(c->parser != NULL);
    if (b->config.listeners[listener].service == NODE_COMPONENT)
        xml_parser_set_dialect(c->parser, XML_OF_COMPONENTS);
    list_init(&c->inbox);
    list_push(&in->clients, &c->link);
    node_now(b->nodes[c->shard], b->now);
    c->conn = node_accept(b->nodes[c->shard], listener, peer, conn, c);
    bench_run(b);
    return c;
}

static void drop_received(struct received *r)
{
    list_remove(&r->link);
    buf_free(&r->text);
    mem_free(r);
}

void client_free(struct client *c)
{
    if (c->conn != NULL)
        node_link_lost(c->bench->nodes[c->shard], c->conn);
    while (!list_empty(&c->inbox))
        drop_received(CONTAINER_OF(c->inbox.next, struct received, link));
    list_remove(&c->link);
    xml_parser_free(&c->parser);
    xml_tree_free(&c->last);
    buf_free(&c->unsent);
    mem_free(c);
}

static void receive(struct client *c, struct xml x)
{
    struct received *r = mem_new(struct received);
    xml_write_node(&r->text, x, NS_CLIENT);
    list_push(&c->inbox, &r->link);
    if (xml_is(x, NS_SASL, SLICE("success")))
        xml_parser_restart(c->parser);
}

static void parse(struct client *c, struct slice bytes)
{
    for (;;) {
        switch (xml_parser_feed(c->parser, &bytes)) {
        case XML_MORE:
            return;
        case XML_STANZA:
            receive(c, xml_root(xml_parser_tree(c->parser)));
            break;
        case XML_OPEN:
            snprintf(c->id, sizeof(c->id), "%.*s",
                     SLICE_ARG(xml_attr(xml_root(xml_parser_tree(c->parser)), SLICE("id"))));
            break;
        case XML_CLOSE:
            c->ended = true;
            return;
        case XML_BAD:
            print_error("the server wrote bad XML: %.*s\n", SLICE_ARG(bytes));
            _fail(__FILE__, __LINE__);
        }
    }
}

bool client_serve(struct client *c)
{
    struct bench *b = c->bench;
    struct node *n = b->nodes[c->shard];
    struct buf *out = node_output(c->conn);
    bool moved = false;
    if (buf_len(out) > 0 && !c->deaf) {
        parse(c, buf_slice(out));
        buf_consume(out, buf_len(out));
        node_sent(n, c->conn);
        moved = true;
    }
    if (node_finished(c->conn)) {
        node_link_lost(n, c->conn);
        c->conn = NULL;
        c->ended = true;
        moved = true;
    }
    return moved;
}

bool client_pump(struct client *c)
{
    if (c->conn == NULL || buf_len(&c->unsent) == 0 || !node_wants_input(c->conn))
        return false;
    struct buf bytes = c->unsent;
    c->unsent = (struct buf){0};
    node_input(c->bench->nodes[c->shard], c->conn, buf_slice(&bytes));
    buf_free(&bytes);
    return true;
}

void client_send(struct client *c, const char *text)
{
    CHECK(c->conn != NULL);
    buf_add(&c->unsent, slice_z(text));
    bench_run(c->bench);
}

void client_sendf(struct client *c, const char *format, ...)
{
    va_list args;
    CHECK(c->conn != NULL);
    va_start(args, format);
    buf_vprintf(&c->unsent, format, args);
    va_end(args);
    bench_run(c->bench);
}

void client_open(struct client *c, const char *host)
{
    client_sendf(c,
                 "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' "
                 "xmlns:stream='http://etherx.jabber.org/streams'>",
                 host);
}

/* Splits a full address; the parts are put into the buffers. */
static void split(const char *full, char local[64], char host[64], char bare[128],
                  const char **resource)
{
    const char *at = strchr(full, '@'), *slash = strchr(full, '/');
    CHECK(at != NULL && slash != NULL && at < slash && slash - full < 64);
    snprintf(local, 64, "%.*s", (int)(at - full), full);
    snprintf(host, 64, "%.*s", (int)(slash - at - 1), at + 1);
    snprintf(bare, 128, "%.*s", (int)(slash - full), full);
    *resource = slash + 1;
}

static void authenticate(struct client *c, const char *local)
{
    struct buf plain = {0}, text = {0};
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(local));
    buf_byte(&plain, '\0');
    buf_lit(&plain, BENCH_PASSWORD);
    base64_append(&text, buf_slice(&plain));
    client_sendf(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%.*s</auth>",
                 SLICE_ARG(buf_slice(&text)));
    expect(c, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    buf_free(&plain);
    buf_free(&text);
}

struct client *bench_login(struct bench *b, const char *full)
{
    char local[64], host[64], bare[128];
    const char *resource;
    split(full, local, host, bare, &resource);
    if (bench_count(b, bare, "account") == 0)
        bench_account(b, bare);
    struct client *c = bench_connect(b);
    client_open(c, host);
    client_discard(c);
    authenticate(c, local);
    client_open(c, host);
    client_discard(c);
    client_sendf(c,
                 "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                 "<resource>%s</resource></bind></iq>",
                 resource);
    expect(c, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
              "<jid>*</jid></bind></iq>");
    snprintf(c->jid, sizeof(c->jid), "%s", full);
    return c;
}

struct client *bench_online(struct bench *b, const char *full)
{
    struct client *c = bench_login(b, full);
    client_send(c, "<presence/>");
    client_discard(c);
    return c;
}

struct client *bench_component(struct bench *b, const char *domain)
{
    const struct component_config *config = config_component(&b->config.core, slice_z(domain));
    struct client *c = bench_connect_to(b, BENCH_COMPONENT_LISTENER);
    struct buf text = {0};
    uint8_t digest[DIGEST_SHA1_BYTES];
    CHECK(config != NULL);
    client_sendf(c,
                 "<stream:stream xmlns='jabber:component:accept' "
                 "xmlns:stream='http://etherx.jabber.org/streams' to='%s'>",
                 domain);
    buf_printf(&text, "%s%.*s", c->id, SLICE_ARG(config->secret));
    CHECK(digest_sha1(buf_slice(&text), digest) == 0);
    buf_clear(&text);
    for (size_t i = 0; i < sizeof(digest); i++)
        buf_printf(&text, "%02x", digest[i]);
    client_sendf(c, "<handshake>%.*s</handshake>", SLICE_ARG(buf_slice(&text)));
    expect(c, "<handshake/>");
    buf_free(&text);
    return c;
}

void client_lose(struct client **client)
{
    struct client *c = *client;
    struct bench *b = c->bench;
    *client = NULL;
    client_free(c);
    bench_run(b);
}

void client_close(struct client **client)
{
    client_send(*client, "</stream:stream>");
    client_lose(client);
}

void client_set_deaf(struct client *c, bool deaf)
{
    c->deaf = deaf;
    if (c->conn != NULL)
        client_serve(c);
    bench_run(c->bench);
}

void client_discard(struct client *c)
{
    while (!list_empty(&c->inbox))
        drop_received(CONTAINER_OF(c->inbox.next, struct received, link));
}

size_t client_waiting(const struct client *c)
{
    size_t n = 0;
    for (const struct list *it = c->inbox.next; it != &c->inbox; it = it->next)
        n++;
    return n;
}

bool client_ended(const struct client *c)
{
    return c->ended;
}

struct xml client_last(const struct client *c)
{
    return c->last != NULL ? xml_root(c->last) : XML_NONE;
}

struct session *client_session(const struct client *c)
{
    struct jid jid;
    if (!jid_from_prepared(slice_z(c->jid), &jid))
        return NULL;
    struct account *a = account_find(node_engine(c->bench->nodes[c->shard]), jid_bare(&jid));
    return a != NULL ? session_find(a, jid_resource(&jid)) : NULL;
}
