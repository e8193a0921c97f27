/* The checker after the load: everything is settled, everybody comes back and reads what there is,
 * logs in once more, when nothing may come again, and reads the archives; then the verdict. */
#include <inttypes.h>
#include <stdio.h>

#include "checker.h"
#include "mam.h"

#define SECOND UINT64_C(1000000000)

static uint64_t end_deadline(const struct checker *k)
{
    return bench_clock_ns() + k->bench.opt.timeout_s * SECOND;
}

/* Who is still awaited, and why. */
static void end_tell(const struct actor *a)
{
    const struct client *c = a->client;
    uint32_t recent = a->device == NULL ? 0 : a->device->recent.end - a->device->recent.first;
    if (c->state != CLIENT_READY || a->fenced || recent > 0 || c->sm.unacked.count > 0)
        fprintf(
            stderr,
            "checker: u%u/%s: role %d, state %d, %u to be acknowledged by the server, %u by it%s\n",
            c->account, c->resource, (int)a->role, (int)c->state, c->sm.unacked.count, recent,
            a->fenced ? ", a request without answer" : "");
}

static bool end_late(struct checker *k, uint64_t deadline, const char *what)
{
    if (k->bench.now_ns < deadline)
        return false;
    fprintf(stderr, "checker: %s: not within %u s\n", what, k->bench.opt.timeout_s);
    for (uint32_t i = 0; i < k->count; i++)
        end_tell(&k->actors[i]);
    k->bench.failed++;
    return true;
}

static bool end_settled(const struct checker *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        const struct client *c = k->actors[i].client;
        if (k->actors[i].role == ROLE_WRITER &&
            (c->state != CLIENT_READY || c->sm.unacked.count > 0 || c->sm.orphans.count > 0))
            return false;
    }
    return true;
}

/* Every reader is there and has told all that it got, and the server has heard it. */
static bool end_read(const struct checker *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        const struct actor *a = &k->actors[i];
        if (a->role != ROLE_WRITER &&
            (a->client->state != CLIENT_READY || a->fenced || a->leaving ||
             a->device->recent.end > a->device->recent.first))
            return false;
    }
    return true;
}

static void end_settle(struct checker *k)
{
    uint64_t deadline = end_deadline(k);
    while (!end_settled(k) && !end_late(k, deadline, "the acknowledgement of everything"))
        checker_turn(k);
}

/* Until all has come, or nothing more comes. */
static void end_collect(struct checker *k)
{
    uint64_t deadline = end_deadline(k);
    uint64_t seen = UINT64_MAX;
    uint64_t changed = bench_clock_ns();
    k->recall = true;
    for (uint32_t i = 0; i < k->count; i++) {
        k->actors[i].wanted = true;
        k->actors[i].leaving = false;
        k->actors[i].connect_ns = 0;
    }
    for (;;) {
        uint64_t events = k->book.arrivals + k->bounced;
        for (uint64_t until = bench_clock_ns() + SECOND / 10; k->bench.now_ns < until;)
            checker_turn(k);
        if (!end_read(k) || events != seen)
            changed = k->bench.now_ns;
        seen = events;
        if ((book_missing(&k->book) == 0 && end_read(k)) ||
            k->bench.now_ns > changed + k->plan.quiet_s * SECOND ||
            end_late(k, deadline, "the return of all readers"))
            return;
    }
}

static bool end_all_off(const struct checker *k)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (k->actors[i].role != ROLE_WRITER && k->actors[i].client->state != CLIENT_OFF)
            return false;
    return true;
}

/* A new session of each reader, in which nothing may come again. */
static void end_again(struct checker *k)
{
    uint64_t deadline = end_deadline(k);
    k->recall = false;
    for (uint32_t i = 0; i < k->count; i++)
        k->actors[i].leaving = k->actors[i].role != ROLE_WRITER;
    while (!end_all_off(k) && !end_late(k, deadline, "the readers' logout"))
        checker_turn(k);
    for (uint32_t i = 0; i < k->count; i++) {
        k->actors[i].wanted = true;
        k->actors[i].leaving = false;
        k->actors[i].connect_ns = 0;
    }
    while (!end_read(k) && !end_late(k, deadline, "the readers' last login"))
        checker_turn(k);
    for (uint32_t i = 0; i < k->count; i++)
        if (k->actors[i].device != NULL && k->actors[i].client->state == CLIENT_READY) {
            checker_fence(&k->actors[i]);
            client_flush(k->actors[i].client);
        }
    while (!end_read(k) && !end_late(k, deadline, "the readers' last answer"))
        checker_turn(k);
}

/* One client of each account, one after another. */
static void end_archives(struct checker *k)
{
    uint32_t done = UINT32_MAX; /* account */
    for (uint32_t i = 0; i < k->count; i++) {
        struct actor *a = &k->actors[i];
        uint64_t deadline = end_deadline(k);
        bool wanted = k->book.archive || a->role != ROLE_WRITER;
        if (!wanted || a->client->account == done || a->client->state != CLIENT_READY)
            continue;
        done = a->client->account;
        a->reading = true;
        mam_ask(a->client, SLICE_NONE);
        client_flush(a->client);
        while (a->reading && a->client->state == CLIENT_READY &&
               !end_late(k, deadline, "reading an archive"))
            checker_turn(k);
        if (!a->read) {
            fprintf(stderr, "checker: the archive of u%u could not be read\n", done);
            k->bench.failed++;
        }
    }
}

static int end_verdict(struct checker *k)
{
    struct book *b = &k->book;
    uint64_t wrong = book_judge(b);
    uint64_t delivered = 0;
    uint64_t repeated = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        delivered += book_delivered(&b->messages[i]);
        repeated += b->messages[i].repeated;
    }
    uint64_t growth = k->rss_max - k->rss_base;
    bool fat = k->plan.rss_growth > 0 && growth > k->plan.rss_growth;
    bool good = wrong == 0 && !fat && k->bench.failed == 0 && k->sent > 0;
    printf("{\"verdict\":\"%s\",\"server\":\"%s\",\"sent\":%" PRIu64 ",\"acked\":%" PRIu64
           ",\"delivered\":%" PRIu64 ",\"bounced\":%" PRIu64 ",\"sent_again\":%" PRIu64
           ",\"arrivals\":%" PRIu64 ",\"forgotten\":%" PRIu64 ",\"open_repeats\":%" PRIu64
           ",\"connections_lost\":%" PRIu64 ",\"resumed\":%u,\"refused\":%u,\"failed\":%u",
           good ? "good" : "bad", k->bench.opt.label, k->sent, k->acked, delivered, k->bounced,
           repeated, b->arrivals, b->forgotten, b->open_repeats, k->lost_connections,
           k->bench.resumed, k->bench.refused, k->bench.failed);
    for (unsigned v = 0; v < BOOK_VIOLATIONS; v++)
        printf(",\"%s\":%" PRIu64, book_name((enum book_violation)v), b->violations[v]);
    printf(",\"rss_base\":%" PRIu64 ",\"rss_growth\":%" PRIu64 "}\n", k->rss_base, growth);
    fprintf(stderr,
            "checker: %s: %" PRIu64 " sent, %" PRIu64 " acknowledged, %" PRIu64
            " delivered, %" PRIu64 " bounced; sessions resumed %u, not resumed %u; %" PRIu64
            " violations%s\n",
            good ? "good" : "bad", k->sent, k->acked, delivered, k->bounced, k->bench.resumed,
            k->bench.refused, wrong, fat ? "; memory grew too much" : "");
    return good ? 0 : 1;
}

int checker_finish(struct checker *k)
{
    k->running = false;
    fprintf(stderr, "checker: %" PRIu64 " sent; everybody comes back\n", k->sent);
    end_settle(k);
    k->measuring = false;
    end_collect(k);
    end_again(k);
    if (k->book.archive || k->book.archive_is_enough)
        end_archives(k);
    return end_verdict(k);
}
