/* The bench when the process ends: what outlives it are the store and the memory of the regions. */
#include "base/check.h"
#include "base/mem.h"
#include "core/account.h"
#include "xep/test_inside.h"

static void restore(void *ctx, struct slice image)
{
    struct bench *b = ctx;
    struct jid bare;
    CHECK(node_image_account(image, &bare));
    uint32_t owner = engine_owner(node_engine(b->nodes[0]), jid_bare(&bare));
    node_restore(b->nodes[owner], image);
}

/* The connections are cut off; what the nodes would do about it is done by nobody. */
static void end(struct bench *b)
{
    struct bench_inside *in = b->inside;
    in->lost = true;
    LIST_EACH(it, &in->clients)
    {
        struct client *c = CONTAINER_OF(it, struct client, link);
        if (c->conn != NULL)
            node_link_lost(b->nodes[c->shard], c->conn);
        c->conn = NULL;
        c->ended = true;
        buf_free(&c->unsent);
    }
    while (!list_empty(&in->requests)) {
        struct store_request *r = CONTAINER_OF(list_pop(&in->requests), struct store_request, link);
        store_request_free(&r);
    }
    for (uint32_t i = 0; i < in->shards; i++)
        bench_stop_shard(b, i);
    in->lost = false;
    b->store_held = false;
}

static void take_regions(struct bench *b, struct buf left[BENCH_SHARDS_MAX])
{
    for (uint32_t i = 0; i < b->inside->shards; i++)
        CHECK(buf_append(&left[i], b->inside->memory_of[i], BENCH_REGION_BYTES) == 0);
}

static void begin(struct bench *b, struct buf left[BENCH_SHARDS_MAX], enum region_trust wanted)
{
    struct bench_inside *in = b->inside;
    unsigned damaged;
    for (uint32_t i = 0; i < in->shards; i++)
        bench_start_shard(b, i);
    for (uint32_t i = 0; i < in->shards; i++) {
        CHECK(region_recover(left[i].ptr, BENCH_REGION_BYTES, &in->stamp, restore, b, &damaged) ==
                  wanted &&
              damaged == 0);
        buf_free(&left[i]);
    }
    for (uint32_t i = 0; i < in->shards; i++)
        node_restore_saved(b->nodes[i], wanted != REGION_GOOD);
    bench_run(b);
}

static void crash(struct bench *b, size_t n, enum region_trust wanted)
{
    struct buf left[BENCH_SHARDS_MAX] = {0};
    take_regions(b, left);
    b->inside->lost = true;
    bench_carry_out(b->inside, n, false);
    end(b);
    begin(b, left, wanted);
}

void bench_crash(struct bench *b, size_t n)
{
    crash(b, n, REGION_GOOD);
}

void bench_power_cut(struct bench *b, size_t n)
{
    b->inside->stamp.boot_id[0]++;
    crash(b, n, REGION_STALE);
}

void bench_restart(struct bench *b, bool regions)
{
    struct buf left[BENCH_SHARDS_MAX] = {0};
    bool waits = true;
    for (uint32_t i = 0; i < b->inside->shards; i++)
        node_stop(b->nodes[i]);
    b->store_held = false;
    bench_run(b);
    for (unsigned n = 0; waits && n < 1000; n++) {
        waits = false;
        for (uint32_t i = 0; i < b->inside->shards; i++)
            waits |= node_waits(b->nodes[i]);
        bench_advance(b, TIMER_TICK_MS);
    }
    CHECK(!waits);
    take_regions(b, left);
    end(b);
    if (!regions)
        b->inside->stamp.layout++;
    begin(b, left, regions ? REGION_GOOD : REGION_FOREIGN);
}
