/* What a stored message costs: CPU time of the writing thread (and of the moving one) per entry of
 * 330 bytes, with one and with two owners, many batches under way. Also the time to open a database
 * with many accounts. Not a test.
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

static struct store_request *message(const struct bench *b, uint64_t *random, size_t owner_count)
{
    static const char payload[BENCH_PAYLOAD] = {'<'};
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
    store_append(r, SLICE("archive"), owners, owner_count, &labels,
                 slice_of(payload, sizeof(payload)));
    return r;
}

static struct store *open_store(const struct bench *b, double *us_out)
{
    char error[512];
    int err;
    struct sqlite_config config = {.path = b->path};
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
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[BENCH_PATH + 8];
        snprintf(path, sizeof(path), "%s%s", b->path, suffixes[i]);
        (void)unlink(path);
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
    printf("owners=%zu entries=%.0f accounts=%llu group=%.1f writer=%.2f us mover=%.2f us "
           "wall=%.2f us per entry, opened in %.1f ms\n",
           owner_count, n, (unsigned long long)b->accounts, n / (double)d->writer.write.commits,
           write_us / n, move_us / n, took / n, open_us / 1e3);
    desk_free(&desk);
    s = open_store(b, &open_us);
    printf("opened again in %.1f ms\n", open_us / 1e3);
    store_free(&s);
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
    for (size_t owners = 1; owners <= 2; owners++) {
        remove_files(&b);
        measure(&b, owners);
        remove_files(&b);
    }
    return 0;
}
