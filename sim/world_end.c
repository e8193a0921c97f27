/* The ends of the world: the process dies, the power goes, the server is stopped in order. What
 * outlives it is the store and the memory of the regions, as they are at that moment. */
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "core/sm.h"
#include "world_inside.h"

enum { STOP_STEP_MS = 100, STOP_STEPS_MAX = 1000 };

bool world_session(struct world *w, const char *full, struct world_session *out)
{
    struct jid jid;
    CHECK(jid_from_prepared(slice_z(full), &jid));
    struct slice bare = jid_bare(&jid);
    struct engine *e = node_engine(w->nodes[engine_owner(node_engine(w->nodes[0]), bare)]);
    const struct account *a = account_find(e, bare);
    const struct session *s = a != NULL ? session_find(a, jid_resource(&jid)) : NULL;
    if (s == NULL || s->sm == NULL)
        return false;
    *out = (struct world_session){
        .out_h = s->sm->counters->out_h, .in_h = sm_handled(s), .connected = s->stream != NULL};
    return true;
}

void world_end_connections(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++)
        if (w->clients[i].world != NULL)
            client_break(&w->clients[i]);
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

/* The nodes come to their end as if the store had gone, which nobody sees, because they own things
 * on the heap. */
static void die(struct world *w)
{
    uint64_t hash = w->hash, random = w->random;
    w->dead = true;
    world_end_connections(w);
    w->dead = false;
    w->hash = hash;
    w->random = random;
    for (unsigned i = 0; i < w->client_count; i++)
        if (w->clients[i].world != NULL)
            buf_clear(&w->clients[i].to_server);
    for (uint32_t i = 0; i < w->shards; i++)
        world_stop_shard(w, i);
}

/* Another process, with the memory of the regions as it was left. */
static void start_again(struct world *w, uint32_t shards, enum region_trust wanted,
                        struct buf left[SHARDS_MAX])
{
    unsigned damaged;
    uint32_t before = w->shards;
    w->shards = shards;
    for (uint32_t i = 0; i < shards; i++)
        world_start_shard(w, i);
    for (uint32_t i = 0; i < before; i++) {
        struct slice memory = buf_slice(&left[i]);
        enum region_trust trust =
            region_recover(memory.ptr, memory.len, &w->stamp, restore, w, &damaged);
        CHECK(trust == wanted && damaged == 0);
        buf_free(&left[i]);
    }
    for (uint32_t i = 0; i < shards; i++) {
        node_restore_saved(w->nodes[i], wanted != REGION_GOOD);
        world_turn(w, i);
    }
}

static void end(struct world *w, uint32_t shards, enum region_trust wanted)
{
    struct buf left[SHARDS_MAX] = {0};
    for (uint32_t i = 0; i < w->shards; i++)
        CHECK(buf_append(&left[i], w->regions[i].memory, w->regions[i].bytes) == 0);
    die(w);
    start_again(w, shards, wanted, left);
}

void world_crash(struct world *w)
{
    if (w->trace)
        fprintf(stderr, "-- crash\n");
    end(w, w->shards, REGION_GOOD);
}

void world_power_cut(struct world *w)
{
    if (w->trace)
        fprintf(stderr, "-- power cut\n");
    w->stamp.boot_id[0]++;
    end(w, w->shards, REGION_STALE);
}

void world_stop(struct world *w)
{
    if (w->trace)
        fprintf(stderr, "-- stop\n");
    for (uint32_t i = 0; i < w->shards; i++) {
        node_now(w->nodes[i], w->now);
        node_stop(w->nodes[i]);
        world_turn(w, i);
    }
}

static bool is_stopped(struct world *w)
{
    bool waits = false;
    for (unsigned i = 0; i < w->client_count; i++)
        waits |= w->clients[i].world != NULL && w->clients[i].link != NULL;
    for (uint32_t i = 0; i < w->shards; i++)
        waits |= node_waits(w->nodes[i]);
    return !waits;
}

void world_restart(struct world *w, uint32_t shards, bool regions)
{
    CHECK(shards >= 1 && shards <= SHARDS_MAX);
    world_settle(w);
    for (unsigned n = 0; !is_stopped(w); n++) {
        CHECK(n < STOP_STEPS_MAX);
        world_sleep(w, STOP_STEP_MS);
    }
    if (w->trace)
        fprintf(stderr, "-- start\n");
    if (!regions)
        w->stamp.layout++;
    end(w, shards, regions ? REGION_GOOD : REGION_FOREIGN);
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
    world_end_connections(w);
    for (unsigned i = 0; i < w->client_count; i++)
        if (w->clients[i].world != NULL)
            client_clear(&w->clients[i]);
    for (uint32_t i = 0; i < w->shards; i++)
        world_stop_shard(w, i);
    for (uint32_t i = 0; i < SHARDS_MAX; i++)
        for (uint32_t k = 0; k < SHARDS_MAX; k++)
            while (!list_empty(&w->lanes[i][k]))
                free_mail(CONTAINER_OF(list_pop(&w->lanes[i][k]), struct mail, link));
    store_free(&w->store);
    mem_free(w);
    *world = NULL;
}
