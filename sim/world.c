/* The world of the simulation. Clients, connections and the order of events are drawn from a seed;
 * the nodes are the real ones. world_end.c has its ends, client.c the clients. */
#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/derive.h"
#include "core/module.h"
#include "core/roster.h"
#include "core/service/archive.h"
#include "world_inside.h"

enum { STEPS_MAX = 200000 };

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
    if (w->trace && !w->dead)
        fprintf(stderr, "%llu %.*s\n", (unsigned long long)w->now.mono_ms, (int)len, line);
    if (w->on_log != NULL && !w->dead)
        w->on_log(w->on_log_ctx, event, slice_of(line, len));
}

static void answered(void *ctx, struct store_request *r)
{
    struct world *w = ctx;
    struct store_request *echo = store_echo(r);
    if (echo != NULL)
        list_push(&w->written[echo->shard], &echo->link);
    list_push(r->write ? &w->written[r->shard] : &w->read[r->shard], &r->link);
}

void world_note(struct world *w, struct slice bytes)
{
    w->hash = hash_bytes(&w->hash_key, bytes) ^ (w->hash * 0x100000001b3ULL);
}

static bool region_grows(void *ctx, size_t bytes)
{
    struct world_region *r = ctx;
    r->bytes = bytes;
    return true;
}

void world_start_shard(struct world *w, uint32_t shard)
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

void world_stop_shard(struct world *w, uint32_t shard)
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
    list_init(&w->batches);
    list_init(&w->queries);
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
    for (uint32_t i = 0; i < SHARDS_MAX; i++) {
        list_init(&w->written[i]);
        list_init(&w->read[i]);
        for (uint32_t k = 0; k < SHARDS_MAX; k++)
            list_init(&w->lanes[i][k]);
    }
    for (uint32_t i = 0; i < w->shards; i++)
        world_start_shard(w, i);
    return w;
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
        ((struct client *)node_owner(l))->moving = true;
        list_push(&w->lanes[shard][to], &move->link);
    }
    while ((m = node_next_mail(n)) != NULL) {
        world_note(w, buf_slice(&m->data));
        list_push(&w->lanes[shard][m->to], &m->link);
    }
    while ((r = node_next_request(n)) != NULL)
        list_push(r->write ? &w->batches : &w->queries, &r->link);
    while ((job = node_next_job(n)) != NULL)
        list_push(&w->jobs, &job->link);
    while ((l = node_next_ready(n)) != NULL) {
        client_written(node_owner(l));
        if (node_finished(l))
            client_closes(node_owner(l));
    }
}

void world_turn(struct world *w, uint32_t shard)
{
    node_now(w->nodes[shard], w->now);
    node_turn(w->nodes[shard]);
    collect(w, shard);
}

static bool mail_arrives(struct world *w, uint32_t from, uint32_t to)
{
    struct list *node = list_pop(&w->lanes[from][to]);
    if (node == NULL)
        return false;
    struct mail *m = CONTAINER_OF(node, struct mail, link);
    node_now(w->nodes[to], w->now);
    if (m->kind == MAIL_LINK) {
        client_arrives(node_owner(m->object), to);
        mail_free(&m);
    } else {
        node_mail(w->nodes[to], m);
    }
    world_turn(w, to);
    return true;
}

/* One of the list, any of the first few. */
static struct store_request *take_any(struct world *w, struct list *all)
{
    enum { AHEAD = 4 };
    struct list *node = all->next;
    if (list_empty(all))
        return NULL;
    for (uint32_t n = world_random(w, AHEAD); n > 0 && node->next != all; n--)
        node = node->next;
    list_remove(node);
    return CONTAINER_OF(node, struct store_request, link);
}

static bool store_works(struct world *w, bool write)
{
    struct store_request *r = NULL;
    if (!write)
        r = take_any(w, &w->queries);
    else if (!list_empty(&w->batches))
        r = CONTAINER_OF(list_pop(&w->batches), struct store_request, link);
    if (r == NULL)
        return false;
    if (w->dead) {
        r->err = ERR_CLOSED;
        answered(w, r);
        return true;
    }
    store_submit(w->store, r);
    return store_run(w->store, 1) > 0;
}

static bool answer_arrives(struct world *w, uint32_t shard, bool write)
{
    struct store_request *r = NULL;
    if (!write)
        r = take_any(w, &w->read[shard]);
    else if (!list_empty(&w->written[shard]))
        r = CONTAINER_OF(list_pop(&w->written[shard]), struct store_request, link);
    if (r == NULL)
        return false;
    node_now(w->nodes[shard], w->now);
    node_store_answer(w->nodes[shard], r);
    world_turn(w, shard);
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
    world_turn(w, shard);
    return true;
}

static bool shard_turns(struct world *w, uint32_t shard)
{
    if (node_deadline(w->nodes[shard]) > w->now.mono_ms)
        return false;
    world_turn(w, shard);
    return true;
}

/* One event of the kind, at the place that is drawn or one behind it; false: there is none. */
enum event { WRITE, READ, MAIL, COMMIT, QUERY, WRITTEN, ANSWER, JOB, TURN, EVENTS };

static bool happens(struct world *w, enum event kind, uint32_t place)
{
    uint32_t s = w->shards;
    struct client *c = &w->clients[place];
    switch (kind) {
    case WRITE:
        return c->world != NULL && client_writes(c);
    case READ:
        return c->world != NULL && client_reads(c);
    case MAIL:
        return mail_arrives(w, place / s, place % s);
    case COMMIT:
    case QUERY:
        return store_works(w, kind == COMMIT);
    case WRITTEN:
    case ANSWER:
        return answer_arrives(w, place, kind == WRITTEN);
    case JOB:
        return job_runs(w);
    default:
        return shard_turns(w, place);
    }
}

static uint32_t places_of(const struct world *w, enum event kind)
{
    switch (kind) {
    case WRITE:
    case READ:
        return w->client_count;
    case MAIL:
        return w->shards * w->shards;
    case WRITTEN:
    case ANSWER:
    case TURN:
        return w->shards;
    default:
        return 1;
    }
}

/* Tries one drawn kind of event after the other until one can happen. */
static bool step(struct world *w)
{
    uint32_t first = world_random(w, EVENTS), draw = world_random(w, 1U << 30);
    for (uint32_t k = 0; k < EVENTS; k++) {
        enum event kind = (first + k) % EVENTS;
        uint32_t places = places_of(w, kind);
        for (uint32_t i = 0; i < places; i++)
            if (happens(w, kind, (draw + i) % places))
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

void world_log_to(struct world *w, world_log_fn *fn, void *ctx)
{
    w->on_log = fn;
    w->on_log_ctx = ctx;
}

uint32_t world_shards(const struct world *w)
{
    return w->shards;
}

uint64_t world_now(const struct world *w)
{
    return w->now.mono_ms;
}

struct limits *world_limits(struct world *w)
{
    return &w->config.core.limits;
}

/* Salts that are the same everywhere: all accounts of a password have the same keys. */
static void salt(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 's', n);
}

/* The keys of a password: derived once, for that takes longer than a whole scene. */
static struct slice keys_of(const char *password)
{
    static struct buf keys, of;
    struct rng rng = {.fill = salt};
    if (slice_eq(buf_slice(&of), slice_z(password)))
        return buf_slice(&keys);
    buf_clear(&of);
    buf_clear(&keys);
    buf_add(&of, slice_z(password));
    struct job *job = derive_credentials(slice_z(password), SASL_ITERATIONS_MIN, &rng);
    job->run(job);
    CHECK(job->err == 0);
    CHECK(sasl_credentials_encode(derive_credentials_result(job), &keys) == 0);
    job->free(job);
    return buf_slice(&keys);
}

/* Writes an item past the nodes, and frees the value. */
static void put(struct world *w, struct slice owner, struct slice name, struct slice key,
                struct buf *value)
{
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, owner, name, key, buf_slice(value));
    store_submit(w->store, r);
    CHECK(store_run(w->store, 1) == 1);
    r = CONTAINER_OF(list_pop(&w->written[0]), struct store_request, link);
    CHECK(r->err == 0);
    store_request_free(&r);
    buf_free(value);
}

void world_account(struct world *w, const char *user, const char *password)
{
    struct buf owner = {0}, value = {0};
    struct account_record record = {.created_ms = w->now.wall_ms, .credentials = keys_of(password)};
    account_record_encode(&record, &value);
    buf_printf(&owner, "%s@localhost", user);
    put(w, buf_slice(&owner), STORE_ACCOUNT, SLICE(""), &value);
    buf_free(&owner);
}

void world_befriend(struct world *w, const char *user, const char *contact)
{
    struct roster roster = {0};
    struct buf owner = {0}, other = {0}, value = {0};
    buf_printf(&owner, "%s@localhost", user);
    buf_printf(&other, "%s@localhost", contact);
    struct roster_item *item = roster_set(&roster, buf_slice(&other), SLICE_NONE, SLICE_NONE);
    item->listed = true;
    item->sub = (struct subscription){.to = true, .from = true};
    roster_item_encode(item, &value);
    put(w, buf_slice(&owner), STORE_ROSTER, buf_slice(&other), &value);
    roster_free(&roster);
    buf_free(&owner);
    buf_free(&other);
}

void world_log(struct world *w, const char *bare, world_row_fn *fn, void *ctx)
{
    struct store_request *r = store_query_new(0, 0);
    struct store_row row;
    size_t at = 0;
    store_range(r, slice_z(bare), STORE_ARCHIVE, 0, INT64_MAX, UINT32_MAX, false);
    store_submit(w->store, r);
    CHECK(store_run(w->store, 1) == 1);
    r = CONTAINER_OF(list_pop(&w->read[0]), struct store_request, link);
    CHECK(r->err == 0 && !r->more);
    while (store_rows(r, &at, &row))
        fn(ctx, &row);
    store_request_free(&r);
}
