/* The world of the simulation. Clients, connections and the order of events are drawn from a seed;
 * the nodes are the real ones. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/account.h"
#include "core/derive.h"
#include "core/module.h"
#include "core/region.h"
#include "node/node.h"
#include "store/store.h"

enum { REGION_BYTES_FIRST = 4096, REGION_BYTES_MAX = 4 << 20 };
enum { CLIENTS_MAX = 64, SHARDS_MAX = 8, CHUNK_MAX = 200, STEPS_MAX = 200000 };

struct client {
    struct world *world;
    const char *name;
    struct node_link *link; /* NULL: closed */
    uint32_t shard;
    struct buf to_server, inbox;
    struct buf last;
    bool stopped;
};

struct world {
    uint64_t random;
    uint64_t hash;
    struct hash_key hash_key;
    bool trace;
    uint32_t shards;
    struct now now;
    struct store *store;
    struct list requests; /* struct store_request, on their way to the store */
    struct list answers;  /* struct store_request, to be handed to the shards */
    struct list jobs;     /* struct job */
    struct list lanes[SHARDS_MAX][SHARDS_MAX]; /* struct mail, from, to */
    struct node *nodes[SHARDS_MAX];
    struct rng rngs[SHARDS_MAX];
    struct world_region {
        char *memory;
        size_t bytes;
        struct region *region;
    } regions[SHARDS_MAX];
    struct region_stamp stamp;
    uint64_t owner_key;
    bool dead; /* the process ended: what it still does reaches nobody */
    struct log log;
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
    struct slice admins[1];
    struct host_config host;
    struct node_listener listener;
    struct node_config config;
};

/* SplitMix64: small, and good enough to shuffle events. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint32_t world_random(struct world *w, uint32_t n)
{
    return (uint32_t)(draw(&w->random) % n);
}

static void fill(void *ctx, void *out, size_t n)
{
    struct world *w = ctx;
    unsigned char *to = out;
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)draw(&w->random);
}

static void log_line(void *ctx, enum log_level level, const char *event, const char *line,
                     size_t len)
{
    struct world *w = ctx;
    (void)level;
    (void)event;
    if (w->trace)
        fprintf(stderr, "%llu %.*s\n", (unsigned long long)w->now.mono_ms, (int)len, line);
}

static void answered(void *ctx, struct store_request *r)
{
    struct world *w = ctx;
    struct store_request *echo = store_echo(r);
    if (echo != NULL)
        list_push(&w->answers, &echo->link);
    list_push(&w->answers, &r->link);
}

static void note(struct world *w, struct slice bytes)
{
    w->hash = hash_bytes(&w->hash_key, bytes) ^ (w->hash * 0x100000001b3ULL);
}

static bool region_grows(void *ctx, size_t bytes)
{
    struct world_region *r = ctx;
    r->bytes = bytes;
    return true;
}

/* A node with an empty region. */
static void start_shard(struct world *w, uint32_t shard)
{
    struct world_region *r = &w->regions[shard];
    r->memory = mem_alloc(REGION_BYTES_MAX);
    r->bytes = REGION_BYTES_FIRST;
    struct region_memory memory = {.base = r->memory,
                                   .bytes = r->bytes,
                                   .bytes_max = REGION_BYTES_MAX,
                                   .grow = region_grows,
                                   .ctx = r};
    r->region = region_new(&memory, &w->stamp);
    w->rngs[shard] = (struct rng){.fill = fill, .ctx = w};
    struct node_setup ns = {
        .shard = shard,
        .shards = w->shards,
        .config = &w->config,
        .modules = MODULES,
        .rng = &w->rngs[shard],
        .log = &w->log,
        .region = r->region,
        .owner_key = {1, w->owner_key},
        .now = w->now,
    };
    w->nodes[shard] = node_new(&ns);
}

static void stop_shard(struct world *w, uint32_t shard)
{
    node_free(&w->nodes[shard]);
    region_free(&w->regions[shard].region);
    mem_free(w->regions[shard].memory);
}

struct world *world_new(const struct world_setup *setup)
{
    CHECK(setup->shards >= 1 && setup->shards <= SHARDS_MAX);
    struct world *w = mem_new(struct world);
    w->random = setup->seed;
    w->trace = setup->trace;
    w->shards = setup->shards;
    w->now = (struct now){.mono_ms = 1000, .wall_ms = 1800000000000};
    w->owner_key = setup->seed;
    w->store = store_memory_new();
    w->store->answered = answered;
    w->store->ctx = w;
    w->log = (struct log){.level = LOG_DEBUG, .sink = log_line, .ctx = w};
    list_init(&w->requests);
    list_init(&w->answers);
    list_init(&w->jobs);
    w->admins[0] = SLICE("alice@localhost");
    w->host = (struct host_config){
        .name = SLICE("localhost"),
        .admins = w->admins,
        .admin_count = 1,
        .registration = REGISTRATION_OPEN,
        .archive = true,
    };
    w->listener = (struct node_listener){.tls = NODE_TLS_NONE, .plain_without_tls = true};
    w->config = (struct node_config){
        .core = {.hosts = &w->host,
                 .host_count = 1,
                 .limits = LIMITS_DEFAULT,
                 .iterations = SASL_ITERATIONS_MIN,
                 .version = "sim"},
        .listeners = &w->listener,
        .listener_count = 1,
    };
    for (uint32_t i = 0; i < w->shards; i++) {
        for (uint32_t k = 0; k < w->shards; k++)
            list_init(&w->lanes[i][k]);
        start_shard(w, i);
    }
    return w;
}

static void closed(struct client *c)
{
    struct node_link *l = c->link;
    c->link = NULL;
    if (c->world->trace)
        fprintf(stderr, "-- %s closed\n", c->name);
    node_link_lost(c->world->nodes[c->shard], l);
}

/* Takes what the nodes have for the outside. */
static void collect(struct world *w, uint32_t shard)
{
    struct node *n = w->nodes[shard];
    struct node_link *l;
    struct mail *m;
    struct store_request *r;
    struct job *job;
    uint32_t to;
    while ((l = node_next_moving(n, &to)) != NULL) {
        struct mail *move = mail_new(MAIL_LINK, shard, to);
        move->object = l;
        list_push(&w->lanes[shard][to], &move->link);
    }
    while ((m = node_next_mail(n)) != NULL) {
        note(w, buf_slice(&m->data));
        list_push(&w->lanes[shard][m->to], &m->link);
    }
    while ((r = node_next_request(n)) != NULL)
        list_push(&w->requests, &r->link);
    while ((job = node_next_job(n)) != NULL)
        list_push(&w->jobs, &job->link);
    while ((l = node_next_ready(n)) != NULL)
        if (node_finished(l))
            closed(node_owner(l));
}

static void turn(struct world *w, uint32_t shard)
{
    node_now(w->nodes[shard], w->now);
    node_turn(w->nodes[shard]);
    collect(w, shard);
}

static bool client_writes(struct world *w, struct client *c)
{
    if (c->link == NULL || w->dead || buf_len(&c->to_server) == 0 || !node_wants_input(c->link))
        return false;
    size_t n = 1 + world_random(w, CHUNK_MAX);
    if (n > buf_len(&c->to_server))
        n = buf_len(&c->to_server);
    node_now(w->nodes[c->shard], w->now);
    node_input(w->nodes[c->shard], c->link, slice_of(buf_slice(&c->to_server).ptr, n));
    buf_consume(&c->to_server, n);
    turn(w, c->shard);
    return true;
}

static bool client_reads(struct world *w, struct client *c)
{
    if (c->link == NULL || c->stopped || w->dead || buf_len(node_output(c->link)) == 0)
        return false;
    struct buf *out = node_output(c->link);
    size_t n = 1 + world_random(w, CHUNK_MAX);
    if (n > buf_len(out))
        n = buf_len(out);
    struct slice bytes = slice_of(buf_slice(out).ptr, n);
    note(w, bytes);
    buf_add(&c->inbox, bytes);
    if (w->trace)
        fprintf(stderr, "%s <- %.*s\n", c->name, SLICE_ARG(bytes));
    buf_consume(out, n);
    node_sent(w->nodes[c->shard], c->link);
    turn(w, c->shard);
    return true;
}

static bool mail_arrives(struct world *w, uint32_t from, uint32_t to)
{
    struct list *node = list_pop(&w->lanes[from][to]);
    if (node == NULL)
        return false;
    struct mail *m = CONTAINER_OF(node, struct mail, link);
    node_now(w->nodes[to], w->now);
    if (m->kind == MAIL_LINK) {
        struct node_link *l = m->object;
        struct client *c = node_owner(l);
        c->shard = to;
        node_adopt(w->nodes[to], l, c);
        mail_free(&m);
    } else {
        node_mail(w->nodes[to], m);
    }
    turn(w, to);
    return true;
}

static bool store_works(struct world *w)
{
    struct list *node = list_pop(&w->requests);
    if (node == NULL)
        return false;
    struct store_request *r = CONTAINER_OF(node, struct store_request, link);
    if (w->dead) {
        r->err = ERR_CLOSED;
        answered(w, r);
        return true;
    }
    store_submit(w->store, r);
    return store_run(w->store, 1) > 0;
}

static bool answer_arrives(struct world *w)
{
    struct list *node = list_pop(&w->answers);
    if (node == NULL)
        return false;
    struct store_request *r = CONTAINER_OF(node, struct store_request, link);
    uint32_t shard = r->shard;
    node_now(w->nodes[shard], w->now);
    node_store_answer(w->nodes[shard], r);
    turn(w, shard);
    return true;
}

static bool job_runs(struct world *w)
{
    struct list *node = list_pop(&w->jobs);
    if (node == NULL)
        return false;
    struct job *job = CONTAINER_OF(node, struct job, link);
    uint32_t shard = job->shard;
    job->run(job);
    node_now(w->nodes[shard], w->now);
    node_job_done(w->nodes[shard], job);
    turn(w, shard);
    return true;
}

static bool shard_turns(struct world *w, uint32_t shard)
{
    if (node_deadline(w->nodes[shard]) > w->now.mono_ms)
        return false;
    turn(w, shard);
    return true;
}

/* Tries one drawn kind of event after the other until one can happen. */
static bool step(struct world *w)
{
    enum { WRITE, READ, MAIL, STORE, ANSWER, JOB, TURN, KINDS };
    uint32_t first = world_random(w, KINDS);
    for (uint32_t k = 0; k < KINDS; k++) {
        uint32_t kind = (first + k) % KINDS, n = w->client_count, s = w->shards;
        uint32_t at = world_random(w, n > 0 ? n : 1), lane = world_random(w, s * s);
        bool done = false;
        for (uint32_t i = 0; kind <= READ && i < n && !done; i++) {
            struct client *c = &w->clients[(at + i) % n];
            done = kind == WRITE ? client_writes(w, c) : client_reads(w, c);
        }
        for (uint32_t i = 0; kind == MAIL && i < s * s && !done; i++)
            done = mail_arrives(w, (lane + i) % (s * s) / s, (lane + i) % (s * s) % s);
        for (uint32_t i = 0; kind == TURN && i < s && !done; i++)
            done = shard_turns(w, i);
        if (kind == STORE)
            done = store_works(w);
        if (kind == ANSWER)
            done = answer_arrives(w);
        if (kind == JOB)
            done = job_runs(w);
        if (done)
            return true;
    }
    return false;
}

bool world_run(struct world *w, unsigned n)
{
    while (n-- > 0)
        if (!step(w))
            return false;
    return true;
}

void world_settle(struct world *w)
{
    CHECK(!world_run(w, STEPS_MAX)); /* else: something never comes to rest */
}

void world_sleep(struct world *w, uint64_t ms)
{
    uint64_t end = w->now.mono_ms + ms;
    world_settle(w);
    while (w->now.mono_ms < end) {
        uint64_t next = end;
        for (uint32_t i = 0; i < w->shards; i++) {
            uint64_t deadline = node_deadline(w->nodes[i]);
            if (deadline < next)
                next = deadline;
        }
        if (next <= w->now.mono_ms)
            next = w->now.mono_ms + 1;
        w->now.wall_ms += (int64_t)(next - w->now.mono_ms);
        w->now.mono_ms = next;
        world_settle(w);
    }
}

uint64_t world_hash(const struct world *w)
{
    return w->hash;
}

void world_account(struct world *w, const char *user, const char *password)
{
    struct buf owner = {0}, keys = {0}, value = {0};
    struct job *job = derive_credentials(slice_z(password), SASL_ITERATIONS_MIN, &w->rngs[0]);
    job->run(job);
    CHECK(job->err == 0);
    CHECK(sasl_credentials_encode(derive_credentials_result(job), &keys) == 0);
    struct account_record record = {.created_ms = w->now.wall_ms, .credentials = buf_slice(&keys)};
    account_record_encode(&record, &value);
    buf_printf(&owner, "%s@localhost", user);
    struct store_request *r = store_batch_new(0, 0);
    store_add(r, buf_slice(&owner), STORE_ACCOUNT, SLICE(""), buf_slice(&value));
    store_submit(w->store, r);
    while (store_run(w->store, 1) > 0)
        continue;
    r = CONTAINER_OF(list_pop(&w->answers), struct store_request, link);
    CHECK(r->err == 0);
    store_request_free(&r);
    job->free(job);
    buf_free(&owner);
    buf_free(&keys);
    buf_free(&value);
}

struct client *client_connect(struct world *w, const char *name)
{
    CHECK(w->client_count < CLIENTS_MAX);
    struct client *c = &w->clients[w->client_count++];
    c->world = w;
    c->name = name;
    c->shard = world_random(w, w->shards);
    node_now(w->nodes[c->shard], w->now);
    c->link = node_accept(w->nodes[c->shard], 0, "sim", w->client_count, c);
    return c;
}

void client_break(struct client *c)
{
    /* A link in a mail between shards cannot be found: it arrives first. */
    world_settle(c->world);
    if (c->link == NULL)
        return;
    node_now(c->world->nodes[c->shard], c->world->now);
    closed(c);
    turn(c->world, c->shard);
}

void client_send(struct client *c, const char *text)
{
    if (c->world->trace)
        fprintf(stderr, "%s -> %s\n", c->name, text);
    buf_add(&c->to_server, slice_z(text));
}

void client_stop_reading(struct client *c, bool stopped)
{
    c->stopped = stopped;
}

bool client_closed(const struct client *c)
{
    return c->link == NULL && buf_len(&c->inbox) == 0;
}

const char *client_last(const struct client *c)
{
    return buf_slice(&c->last).ptr;
}

/* Length of the first complete thing in text: a stream header, an end of stream, an element; 0: it
 * is not there yet. Serialised XML of our own, so '<' and '>' stand for markup alone. */
static size_t first_element(struct slice text)
{
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '<')
            continue;
        size_t end = i;
        while (end < text.len && text.ptr[end] != '>')
            end++;
        if (end == text.len)
            return 0;
        struct slice tag = slice_of(text.ptr + i, end - i + 1);
        if (slice_starts(tag, SLICE("<?")))
            continue;
        if (slice_starts(tag, SLICE("<stream:stream")) ||
            slice_starts(tag, SLICE("</stream:stream")))
            return end + 1;
        if (tag.ptr[1] == '/')
            depth--;
        else if (tag.ptr[tag.len - 2] != '/')
            depth++;
        if (depth == 0)
            return end + 1;
        i = end;
    }
    return 0;
}

static bool has_all(struct slice text, va_list wanted)
{
    va_list args;
    va_copy(args, wanted);
    bool all = true;
    const char *want;
    while ((want = va_arg(args, const char *)) != NULL)
        all = all && memmem(text.ptr, text.len, want, strlen(want)) != NULL;
    va_end(args);
    return all;
}

bool client_expect(struct client *c, ...)
{
    va_list wanted;
    va_start(wanted, c);
    bool found = false, more = true;
    while (!found) {
        struct slice inbox = buf_slice(&c->inbox);
        size_t len = inbox.len > 0 ? first_element(inbox) : 0;
        if (len == 0) {
            if (!more)
                break;
            more = world_run(c->world, 1);
            continue;
        }
        found = has_all(slice_of(inbox.ptr, len), wanted);
        buf_clear(&c->last);
        buf_append(&c->last, inbox.ptr, len);
        buf_byte(&c->last, '\0');
        buf_consume(&c->inbox, len);
    }
    va_end(wanted);
    return found;
}

bool client_quiet(struct client *c, const char *text)
{
    world_settle(c->world);
    struct slice inbox = buf_slice(&c->inbox);
    return inbox.len == 0 || memmem(inbox.ptr, inbox.len, text, strlen(text)) == NULL;
}

bool client_login(struct client *c, const char *user, const char *password, const char *resource)
{
    const char *header = "<stream:stream xmlns='jabber:client' to='localhost' version='1.0' "
                         "xmlns:stream='http://etherx.jabber.org/streams'>";
    struct buf text = {0}, plain = {0};
    client_send(c, header);
    if (!client_expect(c, "<stream:features", "PLAIN", NULL))
        return false;
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(user));
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(password));
    buf_lit(&text, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
    base64_append(&text, buf_slice(&plain));
    buf_lit(&text, "</auth>");
    buf_byte(&text, 0);
    client_send(c, buf_slice(&text).ptr);
    bool good = client_expect(c, "<success", NULL);
    if (good) {
        client_send(c, header);
        good = client_expect(c, "<stream:features", "xmpp-bind", NULL);
    }
    if (good) {
        buf_clear(&text);
        buf_printf(&text,
                   "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                   "<resource>%s</resource></bind></iq>",
                   resource);
        buf_byte(&text, '\0');
        client_send(c, buf_slice(&text).ptr);
        good = client_expect(c, "type='result'", "id='bind'", resource, NULL);
    }
    buf_free(&text);
    buf_free(&plain);
    return good;
}

/* All links are lost, and what follows from it has happened. */
static void end_connections(struct world *w)
{
    world_settle(w); /* a link in a mail between shards cannot be found: it arrives first */
    for (unsigned i = 0; i < w->client_count; i++)
        if (w->clients[i].link != NULL)
            closed(&w->clients[i]);
    for (uint32_t i = 0; i < w->shards; i++)
        turn(w, i);
    world_settle(w);
}

static void restore(void *ctx, struct slice image)
{
    struct world *w = ctx;
    struct jid account;
    CHECK(node_image_account(image, &account));
    uint32_t shard = engine_owner(node_engine(w->nodes[0]), jid_bare(&account));
    node_restore(w->nodes[shard], image);
}

/* The memory of the regions is taken as it is; the nodes then come to their end as if the store had
 * gone, which nobody sees, because they own things on the heap. */
static void crash(struct world *w, enum region_trust wanted)
{
    struct buf left[SHARDS_MAX] = {0};
    unsigned damaged;
    for (uint32_t i = 0; i < w->shards; i++)
        CHECK(buf_append(&left[i], w->regions[i].memory, w->regions[i].bytes) == 0);
    uint64_t hash = w->hash;
    w->dead = true;
    end_connections(w);
    w->dead = false;
    w->hash = hash;
    for (unsigned i = 0; i < w->client_count; i++)
        buf_clear(&w->clients[i].to_server);
    for (uint32_t i = 0; i < w->shards; i++)
        stop_shard(w, i);
    for (uint32_t i = 0; i < w->shards; i++)
        start_shard(w, i);
    for (uint32_t i = 0; i < w->shards; i++) {
        struct slice memory = buf_slice(&left[i]);
        enum region_trust trust =
            region_recover(memory.ptr, memory.len, &w->stamp, restore, w, &damaged);
        CHECK(trust == wanted && damaged == 0);
        buf_free(&left[i]);
    }
}

void world_crash(struct world *w)
{
    if (w->trace)
        fprintf(stderr, "-- crash\n");
    crash(w, REGION_GOOD);
}

void world_power_cut(struct world *w)
{
    if (w->trace)
        fprintf(stderr, "-- power cut\n");
    w->stamp.boot_id[0]++;
    crash(w, REGION_STALE);
}

static void free_mail(struct mail *m)
{
    if (m->kind == MAIL_LINK)
        UNREACHABLE(); /* world_free settles first */
    mail_free(&m);
}

void world_free(struct world **world)
{
    struct world *w = *world;
    end_connections(w);
    for (unsigned i = 0; i < w->client_count; i++) {
        struct client *c = &w->clients[i];
        buf_free(&c->to_server);
        buf_free(&c->inbox);
        buf_free(&c->last);
    }
    for (uint32_t i = 0; i < w->shards; i++) {
        stop_shard(w, i);
        for (uint32_t k = 0; k < w->shards; k++)
            while (!list_empty(&w->lanes[i][k]))
                free_mail(CONTAINER_OF(list_pop(&w->lanes[i][k]), struct mail, link));
    }
    store_free(&w->store);
    mem_free(w);
    *world = NULL;
}
