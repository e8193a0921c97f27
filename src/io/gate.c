/* The gate of the process: limits per network address (XEP-0205 1.0 sections 2 and 3). Pure but
 * for its mutex. A bucket is kept as the time at which it will be full again, so an idle address
 * needs no upkeep. */
#include "io/gate.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

struct gate_entry {
    struct hnode node;
    struct list idle; /* in gate.idle while nothing is open */
    uint8_t key[9];   /* family, then 4 or 8 bytes */
    uint32_t open;
    uint32_t delay_ms;       /* the last delay; 0: none */
    uint64_t new_full_us;    /* when the bucket of new connections is full again */
    uint64_t fail_full_us;   /* when that of failed logins is */
    uint64_t login_at_ms;    /* no login before */
    uint64_t register_at_ms; /* no registration before */
};

/* A connection that has not logged in. */
struct gate_stranger {
    struct list waiting; /* in gate.waiting */
    struct gate_ticket *ticket;
    struct gate_owner owner;
};

struct gate {
    pthread_mutex_t lock;
    struct gate_limits limits;
    struct hash_key hash_key;
    struct hmap entries;
    struct list idle;    /* least recently used first */
    struct list waiting; /* struct gate_stranger, oldest first */
    uint32_t idle_count, idle_max;
    struct gate_counts counts;
};

void gate_defaults(uint64_t descriptors, struct gate_limits *out)
{
    uint64_t tenth = descriptors / 10;
    *out = (struct gate_limits){
        .rate = true,
        .open_max = 100,
        .new_per_s = 20,
        .new_burst = 100,
        .unauthenticated_max = tenth < 1      ? 1
                               : tenth > 1000 ? 1000
                                              : (uint32_t)tenth,
        .failures_per_min = 10,
        .delay_ms_min = 1000,
        .delay_ms_max = 60000,
        .register_ms = 600000,
    };
}

struct gate *gate_new(const struct gate_limits *limits, uint32_t idle_max, struct rng *rng)
{
    struct gate *g = mem_new(struct gate);
    CHECK(pthread_mutex_init(&g->lock, NULL) == 0);
    g->limits = *limits;
    g->hash_key = (struct hash_key){rng_u64(rng), rng_u64(rng)};
    g->idle_max = idle_max;
    list_init(&g->idle);
    list_init(&g->waiting);
    return g;
}

void gate_free(struct gate **gp)
{
    struct gate *g = *gp;
    if (g == NULL)
        return;
    CHECK(g->counts.open == 0);
    LIST_EACH(it, &g->idle)
    {
        mem_free(CONTAINER_OF(it, struct gate_entry, idle));
    }
    hmap_free(&g->entries);
    pthread_mutex_destroy(&g->lock);
    mem_free(g);
    *gp = NULL;
}

static void lock(struct gate *g)
{
    CHECK(pthread_mutex_lock(&g->lock) == 0);
}

static void unlock(struct gate *g)
{
    CHECK(pthread_mutex_unlock(&g->lock) == 0);
}

void gate_configure(struct gate *g, const struct gate_limits *limits)
{
    lock(g);
    g->limits = *limits;
    unlock(g);
}

static struct slice key_of(const struct addr *a, uint8_t key[9])
{
    memset(key, 0, 9);
    key[0] = a->family;
    memcpy(key + 1, a->ip, 8); /* of IPv4 four bytes and four zeros */
    return slice_of((const char *)key, 9);
}

static void entry_remove(struct gate *g, struct gate_entry *e)
{
    list_remove(&e->idle);
    g->idle_count--;
    hmap_remove(&g->entries, &e->node);
    mem_free(e);
}

static void idle_push(struct gate *g, struct gate_entry *e)
{
    list_push(&g->idle, &e->idle);
    g->idle_count++;
}

static struct gate_entry *entry_find(struct gate *g, struct slice key, uint64_t hash)
{
    for (struct hnode *n = hmap_first(&g->entries, hash); n != NULL; n = hmap_next(n, hash)) {
        struct gate_entry *e = CONTAINER_OF(n, struct gate_entry, node);
        if (memcmp(e->key, key.ptr, key.len) == 0)
            return e;
    }
    return NULL;
}

/* Nothing that it remembers matters any more. */
static bool expired(const struct gate_entry *e, struct now now)
{
    uint64_t us = now.mono_ms * 1000;
    return e->new_full_us <= us && e->fail_full_us <= us && e->login_at_ms <= now.mono_ms &&
           e->register_at_ms <= now.mono_ms;
}

/* The entry of the address, made when there is none; an idle one becomes the most recently used. */
static struct gate_entry *entry_get(struct gate *g, const struct addr *peer, struct now now)
{
    uint8_t raw[9];
    struct slice key = key_of(peer, raw);
    uint64_t hash = hash_bytes(&g->hash_key, key);
    struct gate_entry *e = entry_find(g, key, hash);
    if (e == NULL) {
        e = mem_new(struct gate_entry);
        memcpy(e->key, raw, sizeof(e->key));
        hmap_insert(&g->entries, &e->node, hash);
        idle_push(g, e);
    } else if (e->open == 0) {
        list_remove(&e->idle);
        list_push(&g->idle, &e->idle);
    }
    for (int i = 0; i < 2 && !list_empty(&g->idle); i++) { /* a little tidying at each call */
        struct gate_entry *old = CONTAINER_OF(g->idle.next, struct gate_entry, idle);
        if (old == e || (g->idle_count <= g->idle_max && !expired(old, now)))
            break;
        entry_remove(g, old);
    }
    return e;
}

/* Takes one token from a bucket of `burst` that gains one per interval_us. */
static bool bucket_take(uint64_t *full_us, uint64_t now_us, uint64_t interval_us, uint64_t burst)
{
    uint64_t full = *full_us > now_us ? *full_us : now_us;
    if (full + interval_us > now_us + burst * interval_us)
        return false;
    *full_us = full + interval_us;
    return true;
}

static void begin_waiting(struct gate *g, struct gate_ticket *t, struct gate_owner owner)
{
    struct gate_stranger *stranger = mem_new(struct gate_stranger);
    stranger->ticket = t;
    stranger->owner = owner;
    t->stranger = stranger;
    list_push(&g->waiting, &stranger->waiting);
    g->counts.unauthenticated++;
}

static void stop_waiting(struct gate *g, struct gate_ticket *t)
{
    if (t->stranger == NULL)
        return;
    list_remove(&t->stranger->waiting);
    mem_free(t->stranger);
    t->stranger = NULL;
    g->counts.unauthenticated--;
}

static bool evict_oldest(struct gate *g, struct gate_owner *victim_out)
{
    if (list_empty(&g->waiting))
        return false;
    struct gate_stranger *oldest = CONTAINER_OF(g->waiting.next, struct gate_stranger, waiting);
    *victim_out = oldest->owner;
    stop_waiting(g, oldest->ticket);
    g->counts.evicted++;
    return true;
}

enum gate_verdict gate_enter(struct gate *g, struct gate_ticket *t, const struct addr *peer,
                             struct gate_owner owner, struct now now, bool *evict_out,
                             struct gate_owner *victim_out)
{
    enum gate_verdict verdict = GATE_IN;
    *t = (struct gate_ticket){0};
    *evict_out = false;
    lock(g);
    const struct gate_limits *max = &g->limits;
    struct gate_entry *e = entry_get(g, peer, now);
    uint64_t interval_us = max->new_per_s > 0 ? 1000000 / max->new_per_s : 1000000;
    if (max->rate && e->open >= max->open_max) {
        verdict = GATE_MANY;
        g->counts.refused_many++;
    } else if (max->rate &&
               !bucket_take(&e->new_full_us, now.mono_ms * 1000, interval_us, max->new_burst)) {
        verdict = GATE_FAST;
        g->counts.refused_fast++;
    } else {
        if (e->open++ == 0) {
            list_remove(&e->idle);
            g->idle_count--;
        }
        t->entry = e;
        begin_waiting(g, t, owner);
        g->counts.open++;
        if (max->rate && g->counts.unauthenticated > max->unauthenticated_max)
            *evict_out = evict_oldest(g, victim_out);
    }
    unlock(g);
    return verdict;
}

bool gate_evict(struct gate *g, struct gate_owner *victim_out)
{
    lock(g);
    bool found = evict_oldest(g, victim_out);
    unlock(g);
    return found;
}

void gate_authenticated(struct gate *g, struct gate_ticket *t)
{
    lock(g);
    stop_waiting(g, t);
    unlock(g);
}

void gate_leave(struct gate *g, struct gate_ticket *t, struct now now)
{
    struct gate_entry *e = t->entry;
    if (e == NULL)
        return;
    lock(g);
    stop_waiting(g, t);
    t->entry = NULL;
    g->counts.open--;
    if (--e->open == 0) {
        idle_push(g, e);
        if (expired(e, now))
            entry_remove(g, e);
    }
    unlock(g);
}

uint32_t gate_login_failed(struct gate *g, const struct addr *peer, struct now now)
{
    uint32_t delay = 0;
    lock(g);
    const struct gate_limits *max = &g->limits;
    if (max->rate && max->failures_per_min > 0) {
        struct gate_entry *e = entry_get(g, peer, now);
        uint64_t us = now.mono_ms * 1000, interval_us = 60000000 / max->failures_per_min;
        if (e->fail_full_us <= us) /* a whole minute without failures: forgiven */
            e->delay_ms = 0;
        if (!bucket_take(&e->fail_full_us, us, interval_us, max->failures_per_min)) {
            delay = e->delay_ms == 0 ? max->delay_ms_min : e->delay_ms * 2;
            if (delay > max->delay_ms_max)
                delay = max->delay_ms_max;
            e->delay_ms = delay;
            /* The bucket stays empty during the delay, so that it does not earn a free guess. */
            e->fail_full_us = (now.mono_ms + delay) * 1000 + interval_us * max->failures_per_min;
            if (e->login_at_ms < now.mono_ms + delay)
                e->login_at_ms = now.mono_ms + delay;
            g->counts.delayed++;
        }
    }
    unlock(g);
    return delay;
}

uint32_t gate_login_delay(struct gate *g, const struct addr *peer, struct now now)
{
    uint8_t raw[9];
    struct slice key = key_of(peer, raw);
    uint32_t delay = 0;
    lock(g);
    if (g->limits.rate) {
        struct gate_entry *e = entry_find(g, key, hash_bytes(&g->hash_key, key));
        if (e != NULL && e->login_at_ms > now.mono_ms)
            delay = (uint32_t)(e->login_at_ms - now.mono_ms);
    }
    unlock(g);
    return delay;
}

bool gate_register(struct gate *g, const struct addr *peer, struct now now)
{
    bool allowed = true;
    lock(g);
    if (g->limits.rate) {
        struct gate_entry *e = entry_get(g, peer, now);
        allowed = e->register_at_ms <= now.mono_ms;
        if (allowed)
            e->register_at_ms = now.mono_ms + g->limits.register_ms;
        else
            g->counts.refused_register++;
    }
    unlock(g);
    return allowed;
}

void gate_counts(struct gate *g, struct gate_counts *out)
{
    lock(g);
    *out = g->counts;
    out->addresses = (uint32_t)g->entries.count;
    unlock(g);
}
