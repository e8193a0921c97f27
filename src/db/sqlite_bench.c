/* What a stored message costs: CPU time of the writing thread, of the moving one, and of the one
 * that derives peers and words from the log, per entry of 330 bytes, with one and with two owners,
 * many batches under way; without full-text search and with it. Also the time to open a database
 * with many accounts, and of queries by peer and by words in a log of 100,000. Not a test.
 *
 *   sqlite_bench [entries] [accounts] [under way] [directory] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "db/sqlite_driver.h"
#include "store/conformance.h"

enum { BENCH_PAYLOAD = 330, BENCH_PATH = 512 };

struct bench {
    uint64_t entries, accounts, waiting;
    bool texts;
    bool idle; /* nothing is derived */
    char path[BENCH_PATH];
};

static double thread_us(pthread_t thread)
{
    clockid_t clock;
    struct timespec t;
    CHECK(pthread_getcpuclockid(thread, &clock) == 0 && clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

/* 14 words of 4,000, the frequent ones often, as people write; about 90 bytes. */
static size_t write_text(uint64_t *random, char *out, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < 14; i++) {
        uint64_t a = next_random(random) % 4000, b = next_random(random) % 4000;
        int len = snprintf(out + n, size - n, "w%llx ", (unsigned long long)(a * b / 4000));
        n += (size_t)len;
    }
    return n;
}

/* Payloads are "<" and, with a text, that up to a ">", filled with spaces. */
static bool text_of(void *ctx, struct slice name, struct slice value, uint32_t flags,
                    struct buf *out)
{
    (void)ctx, (void)name, (void)flags;
    struct slice text = slice_from(value, 1);
    return buf_add(out, slice_of(text.ptr, slice_find(text, '>'))) == 0;
}

static struct store_request *message(const struct bench *b, uint64_t *random, size_t owner_count)
{
    char payload[BENCH_PAYLOAD] = {'<'};
    char names[2][40];
    struct slice owners[2];
    uint64_t first = next_random(random) % b->accounts;
    for (size_t i = 0; i < 2; i++) {
        uint64_t account =
            (first + i * (1 + next_random(random) % (b->accounts - 1))) % b->accounts;
        int n = snprintf(names[i], sizeof(names[i]), "user%05llu@burble.example",
                         (unsigned long long)account);
        owners[i] = slice_of(names[i], (size_t)n);
    }
    struct store_labels labels = {
        .wall_ms = 1763600000000, .flags = 3, .origin = SLICE("0123456789abcdef")};
    struct store_request *r = store_batch_new(0, 0);
    payload[1 + write_text(random, payload + 1, sizeof(payload) - 2)] = '>';
    store_append(r, SLICE("archive"), owners, owner_count, &labels,
                 slice_of(payload, sizeof(payload)));
    return r;
}

static struct store *open_store(const struct bench *b, double *us_out)
{
    char error[512];
    int err;
    struct sqlite_config config = {.path = b->path};
    if (b->texts)
        config.text.of = text_of;
    if (b->idle)
        config.derived_rows = config.derived_ms = UINT32_MAX;
    double start = wall_us();
    struct store *s = sqlite_open(&config, error, sizeof(error), &err);
    *us_out = wall_us() - start;
    if (s == NULL)
        fprintf(stderr, "%s\n", error);
    CHECK(s != NULL);
    return s;
}

static void remove_files(const struct bench *b)
{
    static const char *const suffixes[] = {"",         "-wal",         "-shm",
                                           "-derived", "-derived-wal", "-derived-shm"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[BENCH_PATH + 16];
        snprintf(path, sizeof(path), "%s%s", b->path, suffixes[i]);
        (void)unlink(path);
    }
}

/* Waits until what is derived has caught up; how many entries it has. */
static double derived_count(struct sqlite_driver *d)
{
    int64_t done;
    for (;;) {
        pthread_mutex_lock(&d->derived.lock);
        done = d->derived.done;
        bool all = d->derived.position - done < d->config.derived_rows;
        pthread_mutex_unlock(&d->derived.lock);
        if (all)
            return (double)done;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

static void measure(const struct bench *b, size_t owner_count)
{
    double open_us;
    struct store *s = open_store(b, &open_us);
    struct sqlite_driver *d = CONTAINER_OF(s, struct sqlite_driver, store);
    struct desk *desk = desk_new(s);
    uint64_t random = 1, sent = 0;
    double write_us = thread_us(d->writer.thread), move_us = thread_us(d->checkpointer.thread);
    double derive_us = thread_us(d->derived.thread);
    double start = wall_us();
    for (uint64_t got = 0; got < b->entries; got++) {
        /* In lots of half, so that groups form as they do between turns of an event loop. */
        while (sent < b->entries && sent - got <= b->waiting / 2)
            for (uint64_t i = 0; i < b->waiting / 2 && sent < b->entries; i++, sent++)
                desk_submit(desk, message(b, &random, owner_count));
        struct store_request *r = desk_next(desk);
        CHECK(r->err == 0);
        store_request_free(&r);
    }
    double n = (double)b->entries, took = wall_us() - start;
    write_us = thread_us(d->writer.thread) - write_us;
    move_us = thread_us(d->checkpointer.thread) - move_us;
    double derived = derived_count(d);
    derive_us = thread_us(d->derived.thread) - derive_us;
    printf("owners=%zu texts=%d entries=%.0f accounts=%llu group=%.1f writer=%.2f us mover=%.2f us "
           "deriver=%.2f us wall=%.2f us per entry, opened in %.1f ms\n",
           owner_count, b->texts, n, (unsigned long long)b->accounts,
           n / (double)d->writer.write.commits, write_us / n, move_us / n,
           derived > 0 ? derive_us / derived : 0, took / n, open_us / 1e3);
    desk_free(&desk);
    s = open_store(b, &open_us);
    printf("opened again in %.1f ms\n", open_us / 1e3);
    store_free(&s);
}

/* One query with one row wanted of each of ten; how long it took, in the middle of many. */
static void query(struct desk *desk, const char *what, const char *peer, const char *words)
{
    enum { TIMES = 21 };
    double took[TIMES];
    uint32_t rows = 0, queries = 0;
    struct store_filter filter = STORE_FILTER_NONE;
    if (peer != NULL)
        filter.peer = slice_z(peer);
    for (int i = 0; i < TIMES; i++) {
        double start = wall_us();
        bool more = true;
        rows = queries = 0;
        for (uint64_t from = 0; more; queries++) {
            struct store_request *r = store_query_new(0, 0);
            if (words == NULL)
                store_range_where(r, SLICE("one@x"), SLICE("archive"), from, UINT64_MAX, 50, false,
                                  &filter);
            else
                store_search(r, SLICE("one@x"), SLICE("archive"), slice_z(words), from, UINT64_MAX,
                             50, false, &filter);
            desk_do(desk, r);
            CHECK(r->err == 0);
            rows += r->row_count;
            more = r->more && rows < 50;
            from = r->position + 1;
            store_request_free(&r);
        }
        took[i] = wall_us() - start;
    }
    for (int i = 0; i < TIMES; i++) /* the median, without ceremony */
        for (int k = i + 1; k < TIMES; k++)
            if (took[k] < took[i]) {
                double t = took[i];
                took[i] = took[k];
                took[k] = t;
            }
    printf("%s: %u rows in %u queries, %.0f us\n", what, rows, queries, took[TIMES / 2]);
}

static void wait_for_all(struct sqlite_driver *d)
{
    bool all = false;
    while (!all) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        pthread_mutex_lock(&d->derived.lock);
        all = d->derived.done == d->derived.position;
        pthread_mutex_unlock(&d->derived.lock);
    }
}

/* A log of 100,000 in which one peer has ten, and one word stands ten times. */
static void measure_queries(struct bench *b)
{
    enum { ENTRIES = 100000 };
    double open_us;
    uint64_t random = 1;
    const struct slice one = SLICE("one@x");
    b->idle = true;
    struct store *s = open_store(b, &open_us);
    struct desk *desk = desk_new(s);
    for (int i = 0; i < ENTRIES;) {
        struct store_request *r = store_batch_new(0, 0);
        for (int k = 0; k < 1000; k++, i++) {
            char payload[BENCH_PAYLOAD] = {'<'}, peer[40];
            bool rare = i % 10000 == 5000;
            size_t n = 1 + write_text(&random, payload + 1, sizeof(payload) - 20);
            if (rare)
                n += (size_t)snprintf(payload + n, 10, "rarely");
            payload[n] = '>';
            snprintf(peer, sizeof(peer), "peer%d@y", rare ? 1000 : i % 200);
            struct store_labels labels = {.peer = slice_z(peer)};
            store_append(r, SLICE("archive"), &one, 1, &labels, slice_of(payload, sizeof(payload)));
        }
        desk_do(desk, r);
        store_request_free(&r);
    }
    for (int i = 0; i < 2; i++) {
        printf("%s\n", i == 0 ? "before anything is derived:" : "derived:");
        query(desk, "10 of a peer", "peer1000@y", NULL);
        query(desk, "first 50 of a frequent peer", "peer7@y", NULL);
        query(desk, "10 with a word", NULL, "rarely");
        query(desk, "first 50 with two words", NULL, "w0 w1");
        query(desk, "a word that nobody said", NULL, "never");
        if (i > 0)
            break;
        desk_free(&desk);
        b->idle = false;
        s = open_store(b, &open_us);
        wait_for_all(CONTAINER_OF(s, struct sqlite_driver, store));
        desk = desk_new(s);
    }
    desk_free(&desk);
}

static uint64_t number(int argc, char **argv, int at, uint64_t otherwise)
{
    return argc > at ? strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct bench b = {.entries = number(argc, argv, 1, 100000),
                      .accounts = number(argc, argv, 2, 10000),
                      .waiting = number(argc, argv, 3, 128)};
    CHECK(b.accounts > 1 && b.waiting > 1);
    snprintf(b.path, sizeof(b.path), "%s/sqlite_bench.db", argc > 4 ? argv[4] : ".");
    for (int i = 0; i < 4; i++) {
        remove_files(&b);
        b.texts = i >= 2;
        measure(&b, 1 + (size_t)i % 2);
        remove_files(&b);
    }
    measure_queries(&b);
    remove_files(&b);
    return 0;
}
