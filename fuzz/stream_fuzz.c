/* Fuzz target of streams: bytes of several clients of one server, before and after login, cut
 * anywhere, with time, a store that waits, peers that do not read and connections that break.
 *
 * The input is a script of lines that end in the byte 0xFE, which is in no UTF-8. The first byte of
 * the input has options (bit 0: two shards, bit 1: rates). The first byte of a line says what
 * happens, the rest is what to do it with:
 *   0 1    strangers send the rest as one read     4 5 6 7    the same of 0 1 2 3, byte by byte
 *   2 3    alice and mallory, who are logged in    d x        the peer of the next digit does not
 *   t      time passes: 100 ms per byte                       read (any more), is lost
 *   h r    the store waits, answers again
 *
 * Whatever happens: what the server writes is well formed by our own parser and ends with the
 * stream; nobody can write as somebody else; bob, who is another client, is served all the time;
 * log lines are printable; memory is bounded and all of it comes back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "core/account.h"
#include "core/derive.h"
#include "core/module.h"
#include "node/node.h"
#include "store/store.h"
#include "xml/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

#define PASSWORD "secret"
#define STREAMS  "http://etherx.jabber.org/streams"
#define HEADER                                                                                     \
    "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' "                         \
    "xmlns:stream='" STREAMS "'>"

enum { STRANGERS = 2, ALICE = 2, MALLORY, SPEAKERS, BOB = SPEAKERS, CLIENTS, SHARDS_MAX = 2 };
enum { TURNS_MAX = 200000, MEMORY_BASE = 16 << 20, MEMORY_FACTOR = 64 };

static const char *const NAMES[CLIENTS] = {NULL, NULL, "alice", "mallory", "bob"};

struct client {
    unsigned number;
    struct node_link *link; /* NULL: gone */
    uint32_t shard;
    struct xml_parser *parser;
    struct buf to_server;
    bool deaf, closed;
    unsigned answers; /* IQ results that came */
};

static struct {
    struct node *nodes[SHARDS_MAX];
    uint32_t shards;
    struct store *store;
    struct client clients[CLIENTS];
    struct now now;
    uint64_t random;
    bool held, ending;
    struct rng rng;
    struct host_config host;
    struct node_listener listener;
    struct node_config config;
} world;

/* Made once: the keys of PASSWORD, and what a login derives from it. */
static struct buf record, old_record; /* the latter with keys of SHA-1 alone (XEP-0480) */
static uint8_t salted[SASL_HASHES][SASL_KEY_BYTES];
static const uint8_t SALTS[SASL_HASHES][SASL_SALT_BYTES] = {{1}, {2}, {3}};
static void (*run_login)(struct job *job);

static void fill(void *ctx, void *out, size_t n)
{
    unsigned char *at = out;
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        world.random = world.random * 6364136223846793005ULL + 1442695040888963407ULL;
        at[i] = (unsigned char)(world.random >> 56);
    }
}

static void log_line(void *ctx, enum log_level level, const char *event, const char *line,
                     size_t len)
{
    (void)ctx;
    (void)level;
    (void)event;
    for (size_t i = 0; i < len; i++)
        CHECK(line[i] >= ' ' && line[i] <= '~');
}

static const struct log LOG = {.level = LOG_DEBUG, .sink = log_line};

static void answered(void *ctx, struct store_request *r)
{
    (void)ctx;
    if (world.ending || world.nodes[r->shard] == NULL)
        store_request_free(&r);
    else
        node_store_answer(world.nodes[r->shard], r);
}

static void prepare(void)
{
    struct sasl_credentials c;
    struct buf keys = {0};
    CHECK(sasl_credentials_derive(SLICE(PASSWORD), SASL_ITERATIONS_MIN, SALTS, &c) == 0);
    CHECK(sasl_credentials_encode(&c, &keys) == 0);
    for (unsigned hash = 0; hash < SASL_HASHES; hash++)
        CHECK(sasl_salted_password((enum sasl_hash)hash, SLICE(PASSWORD), SALTS[hash],
                                   SASL_SALT_BYTES, SASL_ITERATIONS_MIN, salted[hash]) == 0);
    struct account_record r = {.created_ms = 1, .credentials = buf_slice(&keys)};
    account_record_encode(&r, &record);
    buf_clear(&keys);
    c.keys[SASL_SHA256] = c.keys[SASL_SHA512] = (struct sasl_keys){0};
    CHECK(sasl_credentials_encode(&c, &keys) == 0);
    r.credentials = buf_slice(&keys);
    account_record_encode(&r, &old_record);
    buf_free(&keys);
}

/* Logins derive nothing: the password is right, or it is wrong. */
static void run_job(struct job *job)
{
    if (run_login == NULL)
        run_login = job->run; /* the first job of all is that of a login */
    if (job->run != run_login) {
        job->run(job);
        return;
    }
    struct sasl_derivation *d = (struct sasl_derivation *)(uintptr_t)derive_login_result(job);
    bool right = slice_is(slice_of(d->password, d->password_len), PASSWORD);
    memcpy(d->salted, salted[right ? d->hash : (d->hash + 1) % SASL_HASHES], sizeof(d->salted));
    d->err = job->err = 0;
}

/* Who may be named as the sender of what reaches somebody. */
static void check_from(const struct client *c, struct slice from)
{
    bool known = from.ptr == NULL || slice_is(from, "example.org");
    for (unsigned i = STRANGERS; i < CLIENTS; i++) {
        char bare[64];
        size_t len = (size_t)snprintf(bare, sizeof(bare), "%s@example.org", NAMES[i]);
        bool his =
            slice_starts(from, slice_of(bare, len)) && (from.len == len || from.ptr[len] == '/');
        /* Names that are not there answer for themselves: errors, never to bob who asks nobody. */
        known |= his;
    }
    CHECK(known || c->number != BOB);
}

static void take_element(struct client *c, struct xml x)
{
    if (xml_is(x, NS_SASL, SLICE("success")))
        xml_parser_restart(c->parser);
    if (!slice_eq(xml_ns(x), NS_CLIENT))
        return;
    check_from(c, xml_attr(x, SLICE("from")));
    struct slice type = xml_attr(x, SLICE("type"));
    c->answers += slice_is(xml_name(x), "iq") && slice_is(type, "result");
}

static void parse(struct client *c, struct slice bytes)
{
    while (bytes.len > 0) {
        CHECK(!c->closed); /* nothing comes behind the end */
        switch (xml_parser_feed(c->parser, &bytes)) {
        case XML_STANZA:
            take_element(c, xml_root(xml_parser_tree(c->parser)));
            break;
        case XML_CLOSE:
            c->closed = true;
            break;
        case XML_BAD:
            check_failed("the server wrote bad XML", __FILE__, __LINE__);
        case XML_MORE:
        case XML_OPEN:
            break;
        }
    }
}

static void lose(struct client *c)
{
    if (c->link != NULL)
        node_link_lost(world.nodes[c->shard], c->link);
    c->link = NULL;
    buf_free(&c->to_server);
}

/* Takes what the server wrote. */
static bool serve(struct client *c)
{
    bool moved = false;
    struct buf *out = node_output(c->link);
    if (buf_len(out) > 0 && !c->deaf) {
        parse(c, buf_slice(out));
        buf_consume(out, buf_len(out));
        node_sent(world.nodes[c->shard], c->link);
        moved = true;
    }
    if (node_finished(c->link)) {
        lose(c);
        moved = true;
    }
    return moved;
}

static bool carry(struct node *n)
{
    bool moved = false;
    struct store_request *r;
    struct job *job;
    struct mail *mail;
    struct node_link *l;
    uint32_t to;
    for (; (r = node_next_request(n)) != NULL; moved = true)
        store_submit(world.store, r);
    for (; (job = node_next_job(n)) != NULL; moved = true) {
        run_job(job);
        node_job_done(n, job);
    }
    for (; (mail = node_next_mail(n)) != NULL; moved = true)
        node_mail(world.nodes[mail->to], mail);
    for (; (l = node_next_moving(n, &to)) != NULL; moved = true) {
        struct client *c = node_owner(l);
        c->shard = to;
        node_adopt(world.nodes[to], l, c);
    }
    while ((l = node_next_ready(n)) != NULL)
        moved |= serve(node_owner(l));
    return moved;
}

static bool turn(void)
{
    bool moved = false;
    for (uint32_t i = 0; i < world.shards; i++) {
        struct node *n = world.nodes[i];
        node_now(n, world.now);
        node_turn(n);
        moved |= carry(n);
        moved |= node_deadline(n) == 0;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *c = &world.clients[i];
        if (c->link == NULL || buf_len(&c->to_server) == 0 || !node_wants_input(c->link))
            continue;
        struct buf bytes = c->to_server;
        c->to_server = (struct buf){0};
        node_input(world.nodes[c->shard], c->link, buf_slice(&bytes));
        buf_free(&bytes);
        moved = true;
    }
    if (!world.held)
        moved |= store_run(world.store, SIZE_MAX) > 0;
    return moved;
}

static void run(void)
{
    unsigned turns = 0;
    while (turn())
        CHECK(++turns < TURNS_MAX); /* else: something never comes to rest */
}

static void say(struct client *c, struct slice bytes)
{
    if (c->link == NULL)
        return;
    buf_add(&c->to_server, bytes);
    run();
}

static void pass(uint64_t ms)
{
    for (uint64_t end = world.now.mono_ms + ms; world.now.mono_ms < end;) {
        uint64_t next = end;
        for (uint32_t i = 0; i < world.shards; i++) {
            uint64_t due = node_deadline(world.nodes[i]);
            next = due < next ? due : next;
        }
        next = next <= world.now.mono_ms ? world.now.mono_ms + 1 : next;
        world.now.wall_ms += (int64_t)(next - world.now.mono_ms);
        world.now.mono_ms = next;
        run();
    }
}

static void connect(struct client *c)
{
    static uint64_t conns;
    c->shard = c->number % world.shards;
    c->closed = c->deaf = false;
    xml_parser_free(&c->parser);
    c->parser = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    CHECK(c->parser != NULL);
    node_now(world.nodes[c->shard], world.now);
    c->link = node_accept(world.nodes[c->shard], 0, "192.0.2.1", ++conns, c);
}

static void log_in(struct client *c)
{
    struct buf plain = {0}, text = {0};
    buf_printf(&plain, "%c%s%c" PASSWORD, '\0', NAMES[c->number], '\0');
    buf_lit(&text, HEADER "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
    base64_append(&text, buf_slice(&plain));
    buf_lit(&text,
            "</auth>" HEADER "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            "<resource>r</resource></bind></iq><presence/>");
    say(c, buf_slice(&text));
    CHECK(c->answers == 1 && !c->closed);
    buf_free(&plain);
    buf_free(&text);
}

static void begin(unsigned options)
{
    world.shards = 1 + (options & 1);
    world.random = 1;
    world.now = (struct now){.mono_ms = 1000, .wall_ms = 1800000000000};
    world.held = world.ending = false;
    world.rng = (struct rng){.fill = fill};
    world.store = store_memory_new();
    world.store->answered = answered;
    world.host = (struct host_config){.name = SLICE("example.org")};
    world.listener = (struct node_listener){.plain_without_tls = true};
    world.config = (struct node_config){
        .core = {.hosts = &world.host,
                 .host_count = 1,
                 .limits = LIMITS_DEFAULT,
                 .iterations = SASL_ITERATIONS_MIN,
                 .version = "1"},
        .listeners = &world.listener,
        .listener_count = 1,
    };
    world.config.core.limits.rate = (options & 2) != 0;
    world.config.core.limits.login_failures = 100;
    for (unsigned i = STRANGERS; i < CLIENTS; i++) {
        char bare[64];
        snprintf(bare, sizeof(bare), "%s@example.org", NAMES[i]);
        struct store_request *r = store_batch_new(0, 0);
        store_put(r, slice_z(bare), STORE_ACCOUNT, SLICE(""),
                  buf_slice(i == ALICE ? &old_record : &record));
        store_submit(world.store, r);
    }
    store_run(world.store, SIZE_MAX);
    for (uint32_t i = 0; i < world.shards; i++) {
        struct node_setup setup = {.shard = i,
                                   .shards = world.shards,
                                   .config = &world.config,
                                   .modules = MODULES,
                                   .rng = &world.rng,
                                   .log = &LOG,
                                   .owner_key = {1, 2},
                                   .now = world.now};
        world.nodes[i] = node_new(&setup);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        world.clients[i] = (struct client){.number = i};
        connect(&world.clients[i]);
        if (NAMES[i] != NULL)
            log_in(&world.clients[i]);
    }
}

/* Bob asks, and has his answer. */
static void check_bob(void)
{
    struct client *bob = &world.clients[BOB];
    unsigned before = bob->answers;
    say(bob, SLICE("<iq type='set' id='s'>"
                   "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"));
    CHECK(bob->link != NULL && !bob->closed && bob->answers == before + 1);
}

static void end(void)
{
    world.held = false;
    run();
    check_bob();
    for (unsigned i = 0; i < CLIENTS; i++) {
        lose(&world.clients[i]);
        run();
        xml_parser_free(&world.clients[i].parser);
    }
    for (uint32_t i = 0; i < world.shards; i++)
        CHECK(node_link_count(world.nodes[i]) == 0 &&
              node_engine(world.nodes[i])->session_count == 0);
    pass(200000); /* accounts leave */
    for (uint32_t i = 0; i < world.shards; i++)
        node_free(&world.nodes[i]);
    world.ending = true;
    store_free(&world.store);
}

static struct client *named(struct slice rest)
{
    return &world.clients[rest.len > 0 ? (unsigned char)rest.ptr[0] % SPEAKERS : 0];
}

static void play(char what, struct slice rest)
{
    struct client *c = &world.clients[(unsigned char)what % SPEAKERS];
    switch (what) {
    case 't':
        pass(rest.len * 100);
        break;
    case 'h':
    case 'r':
        world.held = what == 'h';
        run();
        break;
    case 'd':
        c = named(rest);
        c->deaf = !c->deaf;
        if (c->link != NULL)
            serve(c);
        run();
        break;
    case 'x':
        c = named(rest);
        lose(c);
        run();
        connect(c); /* as a stranger, whoever it was */
        break;
    case '4':
    case '5':
    case '6':
    case '7':
        for (; rest.len > 0; rest = slice_from(rest, 1))
            say(c, slice_of(rest.ptr, 1));
        break;
    default:
        say(c, rest);
    }
}

static size_t allocated(void)
{
    return __sanitizer_get_current_allocated_bytes != NULL
               ? __sanitizer_get_current_allocated_bytes()
               : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool warm;
    struct slice rest = slice_of((const char *)data, size);
    if (size == 0)
        return 0;
    if (buf_len(&record) == 0)
        prepare();
    size_t before = allocated();
    begin(data[0]);
    rest = slice_from(rest, 1);
    while (rest.len > 0) {
        size_t len = slice_find(rest, '\xfe');
        if (len > 0)
            play(rest.ptr[0], slice_of(rest.ptr + 1, len - 1));
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
        CHECK(allocated() <= before + MEMORY_BASE + MEMORY_FACTOR * size);
        if (!world.held)
            check_bob();
    }
    end();
    CHECK(!warm || allocated() <= before + 4096); /* libraries may keep a little once */
    warm = true;
    return 0;
}
