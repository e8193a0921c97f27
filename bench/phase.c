/* The phases of a load run: logging in, holding sessions, talking, leaving. What is measured and
 * how is described in README.md beside this file. */
#include "phase.h"

#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"

/* Nothing comes any more: some servers write archived messages out in lots, seconds apart. */
enum { QUIET_S = 10, TURNS_MIN = 4 };

struct phase_base phase_base;

void phase_mark(struct bench *b, struct mark *m_out)
{
    struct proc_use use = {0};
    struct rusage own;
    if (b->opt.pid > 0)
        proc_read(b->opt.pid, false, &use);
    getrusage(RUSAGE_SELF, &own);
    m_out->own_cpu_us = (uint64_t)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1000000u +
                        (uint64_t)(own.ru_utime.tv_usec + own.ru_stime.tv_usec);
    m_out->server_cpu_us = use.cpu_us;
    m_out->arrived = b->chat.arrived;
    m_out->ns = b->now_ns = bench_clock_ns();
}

double phase_seconds(const struct mark *from, const struct mark *to)
{
    return (double)(to->ns - from->ns) / SECOND_NS;
}

double phase_each(uint64_t whole, uint64_t count)
{
    return count == 0 ? 0 : (double)whole / (double)count;
}

const char *phase_tls(const struct bench *b)
{
    return b->opt.tls == TLS_NONE ? "none" : b->opt.tls == TLS_STARTTLS ? "starttls" : "direct";
}

uint64_t phase_deadline(const struct bench *b)
{
    return bench_clock_ns() + (uint64_t)b->opt.timeout_s * 1000000000u;
}

static int phase_login(struct bench *b, double argument)
{
    uint32_t target = argument > 0 ? (uint32_t)argument : b->opt.clients;
    if (target > b->opt.clients)
        target = b->opt.clients;
    struct mark from;
    struct mark to;
    uint32_t before = b->ready;
    uint32_t next = 0;
    uint64_t deadline = phase_deadline(b);
    b->failed = 0;
    stats_clear(&b->login_time);
    phase_mark(b, &from);
    while (b->ready < target && b->failed == 0 && b->now_ns < deadline) {
        for (; next < target && b->pending < b->opt.parallel; next++)
            if (b->clients[next].state == CLIENT_OFF)
                client_connect(&b->clients[next]);
        bench_turn(b, 100);
    }
    phase_mark(b, &to);
    uint32_t count = b->ready > before ? b->ready - before : 0;
    double rate = count / phase_seconds(&from, &to);
    double cpu = phase_each(to.server_cpu_us - from.server_cpu_us, count);
    double own = phase_each(to.own_cpu_us - from.own_cpu_us, count);
    uint64_t p50 = stats_quantile(&b->login_time, 500);
    uint64_t p99 = stats_quantile(&b->login_time, 990);
    printf("{\"phase\":\"login\",\"server\":\"%s\",\"tls\":\"%s\",\"logins\":%u,\"ready\":%u,"
           "\"failed\":%u,\"seconds\":%.4f,\"per_s\":%.1f,\"server_cpu_us\":%.1f,"
           "\"own_cpu_us\":%.1f,\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64 "}\n",
           b->opt.label, phase_tls(b), count, b->ready, b->failed, phase_seconds(&from, &to), rate,
           cpu, own, p50, p99);
    fprintf(stderr,
            "%-9s login  %5u sessions in %.2f s: %.0f/s, server %.0f us each, load %.0f us each\n",
            b->opt.label, count, phase_seconds(&from, &to), rate, cpu, own);
    return b->ready >= target && b->failed == 0 ? 0 : -1;
}

void phase_wait(struct bench *b, double seconds)
{
    uint64_t until = bench_clock_ns() + (uint64_t)(seconds * SECOND_NS);
    while ((b->now_ns = bench_clock_ns()) < until)
        bench_turn(b, 20);
}

static int phase_remember(struct bench *b, double seconds)
{
    phase_wait(b, seconds);
    phase_base.ready = b->ready;
    if (!proc_read(b->opt.pid, true, &phase_base.use)) {
        fputs("load: base needs --pid\n", stderr);
        return -1;
    }
    printf("{\"phase\":\"base\",\"server\":\"%s\",\"sessions\":%u,\"rss\":%" PRIu64
           ",\"pss\":%" PRIu64 ",\"processes\":%u}\n",
           b->opt.label, b->ready, phase_base.use.rss, phase_base.use.pss,
           phase_base.use.processes);
    return 0;
}

static int phase_idle(struct bench *b, double seconds)
{
    struct proc_use use;
    uint32_t there = b->ready + phase_hibernating(b);
    uint32_t count = there - phase_base.ready;
    phase_wait(b, seconds);
    if (!proc_read(b->opt.pid, true, &use) || there <= phase_base.ready) {
        fputs("load: idle needs --pid, and base and login or hibernate before it\n", stderr);
        return -1;
    }
    double rss = ((double)use.rss - (double)phase_base.use.rss) / count;
    double pss = ((double)use.pss - (double)phase_base.use.pss) / count;
    printf("{\"phase\":\"idle\",\"server\":\"%s\",\"tls\":\"%s\",\"sessions\":%u,"
           "\"rss\":%" PRIu64 ",\"pss\":%" PRIu64
           ",\"rss_per_session\":%.0f,\"pss_per_session\":%.0f}\n",
           b->opt.label, phase_tls(b), count, use.rss, use.pss, rss, pss);
    fprintf(stderr, "%-9s idle   %5u sessions (%s): %.2f KiB each, %.1f MiB in all\n", b->opt.label,
            count, phase_tls(b), rss / 1024, (double)use.rss / 1048576);
    return 0;
}

/* Lets the caller do something to the server: goes on after a line on stdin. With stream management
 * that may be to kill it. */
static int phase_pause(struct bench *b)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char c;
    uint64_t deadline = phase_deadline(b);
    printf("{\"phase\":\"pause\",\"server\":\"%s\"}\n", b->opt.label);
    fflush(stdout);
    b->may_lose = b->opt.sm;
    while (poll(&in, 1, 0) == 0 && b->now_ns < deadline)
        bench_turn(b, 20);
    while (b->now_ns < deadline && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        continue;
    b->may_lose = false;
    return b->now_ns < deadline ? 0 : -1;
}

static bool chat_over(const struct bench *b, uint64_t until, uint64_t arrived_max)
{
    return b->now_ns >= until || b->failed > 0 || b->chat.arrived >= arrived_max;
}

/* rate 0: those who receive keep it going. Else that many messages a second, by one after another.
 */
static void phase_chat_run(struct bench *b, double seconds, uint64_t messages, double rate)
{
    uint64_t began = b->now_ns = bench_clock_ns();
    uint64_t until = began + (uint64_t)(seconds * SECOND_NS);
    uint64_t arrived_max = messages > 0 ? b->chat.arrived + messages : UINT64_MAX;
    uint64_t sent = 0;
    while (!chat_over(b, until, arrived_max)) {
        uint64_t due = (uint64_t)((double)(b->now_ns - began) / SECOND_NS * rate);
        for (; sent < due; sent++) {
            struct client *c = &b->clients[b->chat.sent % (2 * b->opt.pairs)];
            chat_send(c);
            client_flush(c);
        }
        bench_turn(b, rate > 0 ? 1 : 20);
    }
}

/* Awaits what is on the way, acknowledgements too: until all of it has come, or nothing more does
 * for QUIET_S. */
static void phase_chat_drain(struct bench *b)
{
    struct chat *chat = &b->chat;
    uint64_t quiet = bench_clock_ns();
    uint64_t came = 0;
    chat->answering = false;
    chat->measured = false;
    while ((chat->arrived < chat->sent || (chat->asking && chat->acked < chat->sent)) &&
           b->now_ns < quiet + (uint64_t)(QUIET_S * SECOND_NS) && b->failed == 0) {
        bench_turn(b, 20);
        if (chat->arrived + chat->acked != came)
            quiet = b->now_ns;
        came = chat->arrived + chat->acked;
    }
    phase_wait(b, 0.05); /* a duplicate would come about now */
}

/* What was not acknowledged counts as if it were just now: the quantiles are too good, if anything.
 */
static void phase_chat_unacked(struct bench *b)
{
    for (uint32_t i = 0; b->chat.asking && i < 2 * b->opt.pairs; i++) {
        const struct sm_queue *q = &b->clients[i].sm.unacked;
        for (uint32_t n = 0; n < q->count; n++) {
            uint64_t tag = sm_queue_at(q, n);
            if (tag >= b->chat.from_ns && tag < b->chat.to_ns)
                stats_add(&b->ack_time, (b->now_ns - tag) / 1000);
        }
    }
}

static int phase_chat_report(struct bench *b, uint32_t window, double rate, const struct mark *from,
                             const struct mark *to)
{
    const struct chat *chat = &b->chat;
    const struct stats *l = &b->latency;
    const struct stats *a = &b->ack_time;
    const char *kind = chat->asking ? "ack" : rate > 0 ? "pace" : "chat";
    uint64_t unacked = chat->asking ? chat->sent - chat->acked : 0;
    uint64_t count = to->arrived - from->arrived;
    uint64_t lost = chat->sent - chat->arrived;
    double seconds = phase_seconds(from, to);
    double cpu = phase_each(to->server_cpu_us - from->server_cpu_us, count);
    double own = phase_each(to->own_cpu_us - from->own_cpu_us, count);
    printf("{\"phase\":\"%s\",\"server\":\"%s\",\"tls\":\"%s\",\"pairs\":%u,\"window\":%u,"
           "\"rate\":%.0f,\"body\":%u,\"bytes\":%zu,\"seconds\":%.4f,\"deliveries\":%" PRIu64
           ",\"per_s\":%.1f,\"server_cpu_us\":%.3f,\"server_load\":%.3f,\"own_cpu_us\":%.3f,"
           "\"own_load\":%.3f,\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64 ",\"max_us\":%" PRIu64
           ",\"lost\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"gaps\":%" PRIu64
           ",\"errors\":%" PRIu64 ",\"foreign\":%" PRIu64 ",\"other_stanzas\":%" PRIu64
           ",\"unacked\":%" PRIu64 ",\"ack_p50_us\":%" PRIu64 ",\"ack_p99_us\":%" PRIu64
           ",\"ack_p999_us\":%" PRIu64 ",\"ack_max_us\":%" PRIu64 ",\"failed\":%u}\n",
           kind, b->opt.label, phase_tls(b), b->opt.pairs, window, rate, b->opt.body,
           buf_len(&b->clients[0].message), seconds, count, (double)count / seconds, cpu,
           (double)(to->server_cpu_us - from->server_cpu_us) / seconds / 1e6, own,
           (double)(to->own_cpu_us - from->own_cpu_us) / seconds / 1e6, stats_quantile(l, 500),
           stats_quantile(l, 990), l->max, lost, chat->duplicates, chat->gaps, chat->errors,
           chat->foreign, b->foreign_stanzas, unacked, stats_quantile(a, 500),
           stats_quantile(a, 990), stats_quantile(a, 999), a->max, b->failed);
    fprintf(stderr,
            "%-9s %s   %u x %u (%s): %.0f/s, server %.2f us each, load %.2f us each, latency p50 "
            "%.2f ms p99 %.2f ms, lost %" PRIu64 ", doubled %" PRIu64 ", errors %" PRIu64 "\n",
            b->opt.label, kind, b->opt.pairs, window, phase_tls(b), (double)count / seconds, cpu,
            own, (double)stats_quantile(l, 500) / 1000, (double)stats_quantile(l, 990) / 1000, lost,
            chat->duplicates, chat->errors);
    if (chat->asking)
        fprintf(stderr,
                "%-9s ack    p50 %.2f ms p99 %.2f ms p99.9 %.2f ms max %.2f ms, missing %" PRIu64
                "\n",
                b->opt.label, (double)stats_quantile(a, 500) / 1000,
                (double)stats_quantile(a, 990) / 1000, (double)stats_quantile(a, 999) / 1000,
                (double)a->max / 1000, unacked);
    bool clean = lost + chat->duplicates + chat->gaps + chat->errors + b->failed + unacked == 0;
    return clean && count > 0 ? 0 : -1;
}

/* window: messages on the way in each pair; or rate: messages a second in all. asking: for an
 * acknowledgement of each. */
static int phase_chat(struct bench *b, uint32_t window, double rate, bool asking)
{
    struct mark from;
    struct mark to;
    uint64_t deadline = phase_deadline(b);
    if (b->ready < 2 * b->opt.pairs || b->opt.pairs == 0) {
        fputs("load: chat needs two clients for each pair, logged in\n", stderr);
        return -1;
    }
    if (asking && !b->opt.sm) {
        fputs("load: ack needs --sm\n", stderr);
        return -1;
    }
    b->failed = 0;
    b->foreign_stanzas = 0;
    b->chat = (struct chat){.tag = (uint8_t)(b->chat.tag + 1),
                            .answering = window > 0,
                            .asking = asking,
                            .keeping = !b->opt.no_store};
    stats_clear(&b->latency);
    stats_clear(&b->ack_time);
    for (uint32_t i = 0; i < 2 * b->opt.pairs; i++)
        chat_prepare(&b->clients[i], b->chat.tag);
    b->now_ns = bench_clock_ns();
    for (uint32_t i = 0; i < 2 * b->opt.pairs; i += 2) {
        for (uint32_t n = 0; n < window; n++)
            chat_send(&b->clients[i]);
        client_flush(&b->clients[i]);
    }
    phase_chat_run(b, b->opt.warmup_s, 0, rate);
    b->chat.measured = true;
    phase_mark(b, &from);
    b->chat.from_ns = from.ns;
    b->chat.to_ns = UINT64_MAX;
    phase_chat_run(b, b->opt.seconds, b->opt.messages, rate);
    /* A server that writes each message of a turn before it delivers any takes seconds for a turn.
     */
    for (uint64_t least = from.arrived + TURNS_MIN * (uint64_t)window * b->opt.pairs;
         b->chat.keeping && b->chat.arrived < least && b->failed == 0 && b->now_ns < deadline;)
        phase_chat_run(b, 0.1, 0, rate);
    phase_mark(b, &to);
    b->chat.to_ns = to.ns;
    phase_chat_drain(b);
    phase_chat_unacked(b);
    return phase_chat_report(b, window, rate, &from, &to);
}

static int phase_logout(struct bench *b)
{
    uint64_t deadline = phase_deadline(b);
    b->failed = 0;
    for (uint32_t i = 0; i < b->opt.clients; i++)
        client_leave(&b->clients[i]);
    while (b->pending > 0 && b->now_ns < deadline)
        bench_turn(b, 20);
    printf("{\"phase\":\"logout\",\"server\":\"%s\",\"failed\":%u,\"hanging\":%u}\n", b->opt.label,
           b->failed, b->pending);
    for (uint32_t i = 0; i < b->opt.clients; i++)
        client_close(&b->clients[i]);
    return 0;
}

int phase_run(struct bench *b, const char *text)
{
    const char *colon = strchr(text, ':');
    struct slice name = colon != NULL ? slice_of(text, (size_t)(colon - text)) : slice_z(text);
    double argument = 0;
    int result = -2;
    if (colon != NULL && (sscanf(colon + 1, "%lf", &argument) != 1 || argument < 0))
        return -2;
    if (slice_is(name, "login"))
        result = phase_login(b, argument);
    else if (slice_is(name, "base"))
        result = phase_remember(b, argument);
    else if (slice_is(name, "idle"))
        result = phase_idle(b, argument);
    else if (slice_is(name, "pause"))
        result = phase_pause(b);
    else if (slice_is(name, "chat"))
        result = phase_chat(b, argument >= 1 ? (uint32_t)argument : 1, 0, false);
    else if (slice_is(name, "pace") && argument > 0)
        result = phase_chat(b, 0, argument, false);
    else if (slice_is(name, "ack") && argument > 0)
        result = phase_chat(b, 0, argument, true);
    else if (slice_is(name, "hibernate"))
        result = phase_hibernate(b, argument);
    else if (slice_is(name, "resume"))
        result = phase_resume(b);
    else if (slice_is(name, "archive"))
        result = phase_archive(b);
    else if (slice_is(name, "logout"))
        result = phase_logout(b);
    fflush(stdout);
    return result;
}
