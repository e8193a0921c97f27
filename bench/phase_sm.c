/* The phases of a load run that need stream management (XEP-0198): sessions that hibernate because
 * their connections broke, and their resumption. */
#include <inttypes.h>
#include <stdio.h>

#include "phase.h"

uint32_t phase_hibernating(const struct bench *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->opt.clients; i++)
        count += b->clients[i].state == CLIENT_OFF && sm_resumable(&b->clients[i]);
    return count;
}

/* Who has come so far breaks the connection, so that few are connected at a time; as connections
 * break that were idle: all that came was acknowledged, and the server has answered since. */
static void hibernate_ready(struct bench *b, uint32_t from, uint32_t next)
{
    for (uint32_t i = from; i < next; i++) {
        struct client *c = &b->clients[i];
        if (c->state != CLIENT_READY || c->sm.asked)
            continue;
        if (c->sm.in_told == c->sm.in_h) {
            client_close(c);
            continue;
        }
        sm_tell(c);
        sm_ask(c);
        client_flush(c);
    }
}

int phase_hibernate(struct bench *b, double argument)
{
    uint32_t target = argument > 0 ? (uint32_t)argument : b->opt.clients;
    uint32_t from = b->ready;
    uint32_t next = from;
    uint64_t deadline = phase_deadline(b);
    struct mark begin;
    struct mark end;
    if (!b->opt.sm || target > b->opt.clients || target <= from) {
        fputs("load: hibernate needs --sm, and enough --clients\n", stderr);
        return -1;
    }
    b->failed = 0;
    phase_mark(b, &begin);
    while ((next < target || b->pending > 0 || b->ready > from) && b->failed == 0 &&
           b->now_ns < deadline) {
        for (; next < target && b->pending < b->opt.parallel; next++)
            if (b->clients[next].state == CLIENT_OFF && !sm_resumable(&b->clients[next]))
                client_connect(&b->clients[next]);
        bench_turn(b, 100);
        hibernate_ready(b, from, next);
    }
    phase_mark(b, &end);
    uint32_t count = phase_hibernating(b);
    printf("{\"phase\":\"hibernate\",\"server\":\"%s\",\"tls\":\"%s\",\"sessions\":%u,"
           "\"failed\":%u,\"seconds\":%.4f}\n",
           b->opt.label, phase_tls(b), count, b->failed, phase_seconds(&begin, &end));
    return b->failed == 0 && count >= target - from ? 0 : -1;
}

/* Everyone whose connection is gone comes back. A connection may be refused: then again, until the
 * time is over. Whose session cannot be resumed gets a new one, and is counted. */
int phase_resume(struct bench *b)
{
    struct mark from;
    struct mark to;
    uint32_t wanted = phase_hibernating(b);
    uint32_t ready = b->ready + wanted;
    uint64_t deadline = phase_deadline(b);
    b->failed = b->resumed = b->refused = b->lost = 0;
    b->may_lose = true;
    stats_clear(&b->login_time);
    phase_mark(b, &from);
    for (uint32_t i = 0; b->ready < ready && b->now_ns < deadline; i = 0) {
        for (; i < b->opt.clients && b->pending < b->opt.parallel; i++)
            if (b->clients[i].state == CLIENT_OFF && sm_resumable(&b->clients[i]))
                client_connect(&b->clients[i]);
        bench_turn(b, 10);
    }
    b->may_lose = false;
    phase_mark(b, &to);
    double seconds = phase_seconds(&from, &to);
    double percent = wanted == 0 ? 0 : 100.0 * b->resumed / wanted;
    printf("{\"phase\":\"resume\",\"server\":\"%s\",\"tls\":\"%s\",\"sessions\":%u,"
           "\"resumed\":%u,\"refused\":%u,\"percent\":%.3f,\"connections_lost\":%u,"
           "\"seconds\":%.4f,\"per_s\":%.1f,\"server_cpu_us\":%.1f,\"p50_us\":%" PRIu64
           ",\"p99_us\":%" PRIu64 "}\n",
           b->opt.label, phase_tls(b), wanted, b->resumed, b->refused, percent, b->lost, seconds,
           (b->resumed + b->refused) / seconds,
           phase_each(to.server_cpu_us - from.server_cpu_us, wanted),
           stats_quantile(&b->login_time, 500), stats_quantile(&b->login_time, 990));
    fprintf(stderr, "%-9s resume %5u of %u sessions (%.2f %%) in %.2f s, %u had to begin anew\n",
            b->opt.label, b->resumed, wanted, percent, seconds, b->refused);
    return wanted > 0 && b->ready >= ready ? 0 : -1;
}
