/* The bench of module tests: shards, store, clock. */
#include "xep/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/test_support.h"
#include "core/service/archive.h"
#include "xep/test_inside.h"
#include "xmpp/stanza_text.h"

enum { ITERATIONS = SASL_ITERATIONS_MIN, TURNS_MAX = 100000 };

static const struct slice ALIASES[] = {SLICE("talk.example.org")};
static const struct node_listener LISTENER = {.tls = NODE_TLS_NONE, .plain_without_tls = true};

static void fill_random(void *ctx, void *out, size_t n)
{
    struct bench_inside *in = ctx;
    unsigned char *at = out;
    for (size_t i = 0; i < n; i++)
        at[i] = (unsigned char)test_random(&in->random);
}

static void take_line(void *ctx, enum log_level level, const char *event, const char *line,
                      size_t len)
{
    struct bench *b = ctx;
    (void)level;
    (void)event;
    buf_append(&b->log, line, len);
    buf_byte(&b->log, '\n');
}

static uint32_t gate_delay(void *ctx, const char *peer, struct now now)
{
    struct bench *b = ctx;
    (void)peer;
    (void)now;
    return b->login_delay_ms;
}

static void gate_failed(void *ctx, const char *peer, struct now now)
{
    struct bench *b = ctx;
    (void)peer;
    (void)now;
    b->login_failures++;
}

static void gate_authenticated(void *ctx, uint64_t conn)
{
    (void)ctx;
    (void)conn;
}

static bool gate_may_register(void *ctx, const char *peer, struct now now)
{
    struct bench *b = ctx;
    (void)peer;
    (void)now;
    b->registrations++;
    return b->may_register;
}

static int fault_of_batch(void *ctx, const struct store_request *r)
{
    struct bench *b = ctx;
    (void)r;
    b->batches++;
    return b->batch_error;
}

static int fault_of_query(void *ctx, const struct store_request *r)
{
    struct bench *b = ctx;
    (void)r;
    b->queries++;
    return b->query_error;
}

static void store_answered(void *ctx, struct store_request *r)
{
    struct bench *b = ctx;
    struct bench_inside *in = b->inside;
    if (in->lost && r != in->own) {
        store_request_free(&r); /* nobody lives to hear of it */
        return;
    }
    struct store_request *echo = store_echo(r);
    if (echo != NULL && !in->closing)
        node_store_answer(b->nodes[echo->shard], echo);
    else
        store_request_free(&echo);
    if (r == in->own)
        in->own = NULL;
    else if (in->closing)
        store_request_free(&r);
    else
        node_store_answer(b->nodes[r->shard], r);
}

static bool text_of(void *ctx, struct slice name, struct slice value, uint32_t flags,
                    struct buf *out)
{
    (void)ctx, (void)name, (void)flags;
    return stanza_text(value, out);
}

static void make_store(struct bench *b)
{
    struct bench_inside *in = b->inside;
    const struct store_faults faults = {
        .batch_error = fault_of_batch, .query_error = fault_of_query, .ctx = b};
    const struct store_text text = {.of = text_of};
    in->memory = store_memory_new();
    store_memory_text(in->memory, &text);
    in->store = store_faulty_new(in->memory, &faults);
    in->store->answered = store_answered;
    in->store->ctx = b;
}

static void make_config(struct bench *b)
{
    b->hosts[0] = (struct host_config){.name = SLICE("example.org"),
                                       .aliases = ALIASES,
                                       .alias_count = 1,
                                       .archive = true,
                                       .archive_search = true};
    b->hosts[1] =
        (struct host_config){.name = SLICE("example.net"), .archive = true, .archive_search = true};
    b->config = (struct node_config){
        .core = {.hosts = b->hosts,
                 .host_count = 2,
                 .limits = LIMITS_DEFAULT,
                 .iterations = ITERATIONS,
                 .version = "1.2.3"},
        .listeners = &LISTENER,
        .listener_count = 1,
    };
    b->config.core.limits.ping_ms = 0;     /* time passes often in a dialogue */
    b->config.core.limits.trace_bytes = 0; /* heaps are measured */
}

void bench_start_shard(struct bench *b, uint32_t i)
{
    struct bench_inside *in = b->inside;
    in->memory_of[i] = mem_array(BENCH_REGION_BYTES, 1);
    const struct region_memory memory = {
        .base = in->memory_of[i], .bytes = BENCH_REGION_BYTES, .bytes_max = BENCH_REGION_BYTES};
    in->regions[i] = region_new(&memory, &in->stamp);
    struct node_setup setup = {
        .shard = i,
        .shards = in->shards,
        .config = &b->config,
        .modules = in->modules,
        .rng = &in->rng,
        .log = &in->log,
        .gate = &in->gate,
        .region = in->regions[i],
        .owner_key = {1, 2},
        .now = b->now,
    };
    b->nodes[i] = node_new(&setup);
}

void bench_stop_shard(struct bench *b, uint32_t i)
{
    struct bench_inside *in = b->inside;
    node_free(&b->nodes[i]);
    region_free(&in->regions[i]);
    mem_free(in->memory_of[i]);
}

struct bench *bench_new_shards(const struct module *const *modules, uint32_t shards)
{
    CHECK(shards > 0 && shards <= BENCH_SHARDS_MAX);
    struct bench *b = mem_new(struct bench);
    struct bench_inside *in = mem_new(struct bench_inside);
    b->inside = in;
    b->may_register = true;
    b->now.mono_ms = 1000000;
    CHECK(time_parse(SLICE("2026-01-02T03:04:05Z"), &b->now.wall_ms));
    in->shards = shards;
    in->random = 1;
    in->rng = (struct rng){.fill = fill_random, .ctx = in};
    in->log = (struct log){.level = LOG_DEBUG, .sink = take_line, .ctx = b};
    in->gate = (struct core_gate){.ctx = b,
                                  .login_delay_ms = gate_delay,
                                  .login_failed = gate_failed,
                                  .authenticated = gate_authenticated,
                                  .may_register = gate_may_register};
    list_init(&in->clients);
    list_init(&in->requests);
    make_store(b);
    make_config(b);
    in->modules = modules != NULL ? modules : MODULES;
    for (uint32_t i = 0; i < shards; i++)
        bench_start_shard(b, i);
    return b;
}

struct bench *bench_new(const struct module *const *modules)
{
    return bench_new_shards(modules, 1);
}

void bench_free(struct bench **bench)
{
    struct bench *b = *bench;
    *bench = NULL;
    struct bench_inside *in = b->inside;
    b->store_held = false;
    bench_run(b);
    LIST_EACH(it, &in->clients)
    {
        client_free(CONTAINER_OF(it, struct client, link));
    }
    bench_run(b);
    for (uint32_t i = 0; i < in->shards; i++)
        bench_stop_shard(b, i);
    in->closing = true;
    store_free(&in->store);
    buf_free(&in->credentials);
    buf_free(&b->log);
    mem_free(in);
    mem_free(b);
}

/* What has left the shard goes where it has to; true when there was something. */
static bool carry(struct bench *b, struct node *n)
{
    bool moved = false;
    struct store_request *r;
    while ((r = node_next_request(n)) != NULL) {
        list_push(&b->inside->requests, &r->link);
        moved = true;
    }
    struct job *job;
    while ((job = node_next_job(n)) != NULL) {
        job->run(job);
        node_job_done(n, job);
        moved = true;
    }
    struct mail *mail;
    while ((mail = node_next_mail(n)) != NULL) {
        CHECK(mail->to < b->inside->shards);
        node_mail(b->nodes[mail->to], mail);
        moved = true;
    }
    struct node_link *l;
    uint32_t to;
    while ((l = node_next_moving(n, &to)) != NULL) {
        struct client *c = node_owner(l);
        c->shard = to;
        node_adopt(b->nodes[to], l, c);
        moved = true;
    }
    while ((l = node_next_ready(n)) != NULL)
        moved |= client_serve(node_owner(l));
    return moved;
}

bool bench_carry_out(struct bench_inside *in, size_t n, bool queries)
{
    bool moved = false;
    LIST_EACH(it, &in->requests)
    {
        struct store_request *r = CONTAINER_OF(it, struct store_request, link);
        if (n == 0)
            break;
        if (queries && r->write)
            continue;
        list_remove(&r->link);
        store_submit(in->store, r);
        store_run(in->store, 1);
        moved = true;
        n--;
    }
    return moved;
}

static bool turn(struct bench *b)
{
    struct bench_inside *in = b->inside;
    bool moved = false;
    for (uint32_t i = 0; i < in->shards; i++) {
        node_now(b->nodes[i], b->now);
        node_turn(b->nodes[i]);
        moved |= carry(b, b->nodes[i]);
        moved |= node_deadline(b->nodes[i]) == 0;
    }
    LIST_EACH(it, &in->clients)
    {
        moved |= client_pump(CONTAINER_OF(it, struct client, link));
    }
    if (!b->store_held)
        moved |= bench_carry_out(in, SIZE_MAX, false);
    return moved;
}

void bench_run(struct bench *b)
{
    unsigned turns = 0;
    while (turn(b))
        CHECK(++turns < TURNS_MAX);
}

void bench_advance(struct bench *b, uint64_t ms)
{
    uint64_t target = b->now.mono_ms + ms;
    bench_run(b);
    while (b->now.mono_ms < target) {
        uint64_t next = b->now.mono_ms + TIMER_TICK_MS, due = TIME_NEVER;
        for (uint32_t i = 0; i < b->inside->shards; i++) {
            uint64_t deadline = node_deadline(b->nodes[i]);
            due = deadline < due ? deadline : due;
        }
        next = due > next ? due : next;
        next = next > target ? target : next;
        b->now.wall_ms += (int64_t)(next - b->now.mono_ms);
        b->now.mono_ms = next;
        bench_run(b);
    }
}

void bench_store_step(struct bench *b, size_t n)
{
    bench_carry_out(b->inside, n, false);
    bench_run(b);
}

void bench_query_step(struct bench *b, size_t n)
{
    bench_carry_out(b->inside, n, true);
    bench_run(b);
}

size_t bench_store_waiting(const struct bench *b)
{
    size_t n = 0;
    const struct list *head = &b->inside->requests;
    for (const struct list *it = head->next; it != head; it = it->next)
        n++;
    return n;
}

void bench_release(struct bench *b)
{
    b->store_held = false;
    bench_run(b);
}

void bench_reload(struct bench *b)
{
    for (uint32_t i = 0; i < b->inside->shards; i++)
        node_reload(b->nodes[i], &b->config);
    bench_run(b);
}

bool bench_logged(const struct bench *b, const char *text)
{
    struct slice all = buf_slice(&b->log);
    return all.len > 0 && memmem(all.ptr, all.len, text, strlen(text)) != NULL;
}

/* All keys of one password cost some milliseconds: they are made once. */
static struct slice credentials(struct bench *b)
{
    struct buf *out = &b->inside->credentials;
    if (buf_len(out) == 0) {
        static const uint8_t SALTS[SASL_HASHES][SASL_SALT_BYTES] = {{1}, {2}, {3}};
        struct sasl_credentials c;
        CHECK(sasl_credentials_derive(SLICE(BENCH_PASSWORD), ITERATIONS, SALTS, &c) == 0);
        CHECK(sasl_credentials_encode(&c, out) == 0);
    }
    return buf_slice(out);
}

struct store_request *bench_store(struct bench *b, struct store_request *r)
{
    struct bench_inside *in = b->inside;
    in->own = r;
    store_submit(in->memory, r);
    store_run(in->memory, 1);
    CHECK(in->own == NULL);
    return r;
}

void bench_put(struct bench *b, const char *owner, const char *name, const char *key,
               struct slice value)
{
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, slice_z(owner), slice_z(name), slice_z(key), value);
    CHECK(bench_store(b, r)->err == 0);
    store_request_free(&r);
}

uint64_t bench_archive(struct bench *b, const char *from, const char *to, uint32_t flags,
                       const char *payload)
{
    struct stanza s = {
        .kind = STANZA_MESSAGE, .type = TYPE_CHAT, .packed = true, .payload = slice_z(payload)};
    struct store_labels labels = {.wall_ms = b->now.wall_ms, .flags = flags};
    struct slice owners[2];
    struct buf value = {0};
    size_t n = 0;
    CHECK(jid_from_prepared(slice_z(from), &s.from) && jid_from_prepared(slice_z(to), &s.to));
    bool ours = config_host(&b->config.core, jid_domain(&s.from)) != NULL;
    bool theirs = config_host(&b->config.core, jid_domain(&s.to)) != NULL;
    if (theirs)
        owners[n++] = jid_bare(&s.to);
    if (ours && !(theirs && jid_bare_eq(&s.from, &s.to)))
        owners[n++] = jid_bare(&s.from);
    if (n == 1)
        labels.peer = ours ? jid_bare(&s.to) : jid_bare(&s.from);
    if (payload != NULL)
        stanza_encode(&value, &s);
    else
        buf_lit(&value, "junk");
    struct store_request *r = store_batch_new(0, 0);
    store_append(r, STORE_ARCHIVE, owners, n, &labels, buf_slice(&value));
    CHECK(bench_store(b, r)->err == 0);
    uint64_t position = r->position;
    store_request_free(&r);
    buf_free(&value);
    return position;
}

uint64_t bench_count(struct bench *b, const char *owner, const char *name)
{
    struct store_request *r = store_query_new(0, 0);
    store_count(r, slice_z(owner), slice_z(name));
    struct store_row row = {0};
    size_t at = 0;
    CHECK(bench_store(b, r)->err == 0 && store_rows(r, &at, &row));
    store_request_free(&r);
    return row.position;
}

void bench_account(struct bench *b, const char *bare)
{
    struct account_record record = {.created_ms = b->now.wall_ms, .credentials = credentials(b)};
    struct buf value = {0};
    account_record_encode(&record, &value);
    bench_put(b, bare, "account", "", buf_slice(&value));
    buf_free(&value);
}

static void put_contact(struct bench *b, const char *bare, const char *other)
{
    struct roster roster = {0};
    struct buf value = {0};
    CHECK(bench_loaded(b, bare) == NULL);
    struct roster_item *item = roster_set(&roster, slice_z(other), SLICE_NONE, SLICE_NONE);
    item->listed = true;
    item->sub = (struct subscription){.to = true, .from = true};
    roster_item_encode(item, &value);
    bench_put(b, bare, "roster", other, buf_slice(&value));
    buf_free(&value);
    roster_free(&roster);
}

void bench_befriend(struct bench *b, const char *bare, const char *other)
{
    put_contact(b, bare, other);
    put_contact(b, other, bare);
}

struct engine *bench_engine(struct bench *b, const char *bare)
{
    uint32_t owner = engine_owner(node_engine(b->nodes[0]), slice_z(bare));
    return node_engine(b->nodes[owner]);
}

struct account *bench_loaded(struct bench *b, const char *bare)
{
    return account_find(bench_engine(b, bare), slice_z(bare));
}
