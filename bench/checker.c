/* checker: does a server lose what it has acknowledged, or deliver again what was acknowledged to
 * it? It holds writers and readers with stream management, lets the world be bad to them, and keeps
 * a book. It asks only what every XMPP server has to answer. Options, output and exit status are
 * described in README.md beside this file. */
#include "checker.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { READ_BYTES = 64 * 1024, EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69 };

static const char USAGE[] =
    "usage: checker --port PORT [options]\n"
    "  --label NAME --domain NAME --user PREFIX --password TEXT --starttls\n"
    "  --pid PID         the server's process, for its memory\n"
    "the accounts PREFIX0, PREFIX1, ... are, in this order:\n"
    "  --writers N --online N --dead N --offline N --mixed N --hung N --gone N\n"
    "the load lasts until a line comes on stdin (--by-line), or:\n"
    "  --seconds S --messages N\n"
    "  --rate N          messages a second; 0: as fast as they are acknowledged\n"
    "  --window N        messages of a writer that are not acknowledged\n"
    "  --body BYTES --break-ms N --seed N --warm N\n"
    "the end:\n"
    "  --timeout S --quiet S --archive --or-archive --rss-growth BYTES\n";

static _Noreturn void checker_usage(const char *why, const char *what)
{
    fprintf(stderr, "checker: %s%s\n%s", what, why, USAGE);
    exit(EXIT_USAGE);
}

/* Where the number of an option goes: to one of the two. */
struct number {
    const char *name;
    uint64_t max;
    uint32_t *small;
    uint64_t *large;
};

static bool checker_number(struct checker *k, const char *name, const char *value)
{
    struct plan *p = &k->plan;
    struct options *opt = &k->bench.opt;
    const struct number numbers[] = {
        {"--port", 65535, &p->port, NULL},
        {"--pid", 1u << 30, &p->pid, NULL},
        {"--writers", 10000, &p->writers, NULL},
        {"--online", 10000, &p->online, NULL},
        {"--dead", 10000, &p->dead, NULL},
        {"--offline", 10000, &p->offline, NULL},
        {"--mixed", 10000, &p->mixed, NULL},
        {"--hung", 10000, &p->hung, NULL},
        {"--gone", 10000, &p->gone, NULL},
        {"--seconds", 1000000, &p->seconds, NULL},
        {"--messages", UINT32_MAX / 2, NULL, &p->messages},
        {"--rate", 10000000, &p->rate, NULL},
        {"--window", 100000, &p->window, NULL},
        {"--body", 100000, &opt->body, NULL},
        {"--break-ms", 1000000, &p->break_ms, NULL},
        {"--seed", UINT64_MAX, NULL, &k->random},
        {"--warm", 1000000, NULL, &p->warm},
        {"--timeout", 3600, &opt->timeout_s, NULL},
        {"--quiet", 3600, &p->quiet_s, NULL},
        {"--rss-growth", UINT64_MAX, NULL, &p->rss_growth},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number *o = &numbers[i];
        unsigned long long n;
        if (strcmp(o->name, name) != 0)
            continue;
        if (value == NULL || !slice_to_u64(slice_z(value), &n) || n > o->max)
            checker_usage(": a number is expected, and not such a large one", name);
        if (o->small != NULL)
            *o->small = (uint32_t)n;
        else
            *o->large = n;
        return true;
    }
    return false;
}

static bool checker_flag(struct checker *k, const char *name)
{
    if (strcmp(name, "--starttls") == 0)
        k->bench.opt.tls = TLS_STARTTLS;
    else if (strcmp(name, "--archive") == 0)
        k->plan.archive = true;
    else if (strcmp(name, "--or-archive") == 0)
        k->plan.archive_is_enough = true;
    else if (strcmp(name, "--by-line") == 0)
        k->plan.by_line = true;
    else
        return false;
    return true;
}

static bool checker_text(struct options *opt, const char *name, const char *value)
{
    if (value == NULL)
        return false;
    if (strcmp(name, "--label") == 0)
        opt->label = value;
    else if (strcmp(name, "--domain") == 0)
        opt->domain = value;
    else if (strcmp(name, "--user") == 0)
        opt->user = value;
    else if (strcmp(name, "--password") == 0)
        opt->password = value;
    else
        return false;
    return true;
}

static void checker_options(struct checker *k, int argc, char **argv)
{
    struct plan *p = &k->plan;
    for (int i = 1; i < argc; i++) {
        if (checker_flag(k, argv[i]))
            continue;
        if (!checker_number(k, argv[i], argv[i + 1]) &&
            !checker_text(&k->bench.opt, argv[i], argv[i + 1]))
            checker_usage(": what is that?", argv[i]);
        i++;
    }
    if (p->port == 0 || p->writers == 0 || k->random == 0 || p->window == 0 ||
        p->online + p->dead + p->offline + p->mixed + p->hung + p->gone == 0)
        checker_usage("port, writers, window, seed and some readers must not be 0", "");
    if (p->seconds == 0 && p->messages == 0 && !p->by_line)
        checker_usage("when does it end?", "");
    if (p->warm > 0 && p->online == 0)
        checker_usage("--warm needs --online", "");
    k->bench.opt.port = (uint16_t)p->port;
    k->bench.opt.pid = (int)p->pid;
}

static struct actor *checker_add(struct checker *k, enum role role, uint32_t account, uint32_t slot)
{
    static const char *const RESOURCES[BOOK_DEVICES] = {"one", "two"};
    struct actor *a = &k->actors[k->count];
    struct client *c = &k->bench.clients[k->count];
    *c = (struct client){.bench = &k->bench,
                         .index = k->count++,
                         .account = account,
                         .resource = RESOURCES[slot],
                         .fd = -1};
    *a = (struct actor){.client = c, .role = role, .hung = -1, .wanted = true};
    if (role != ROLE_WRITER)
        a->device = book_device(&k->book, account, slot);
    return a;
}

static void checker_cast(struct checker *k)
{
    const struct plan *p = &k->plan;
    const struct {
        uint32_t count;
        enum role role;
    } readers[] = {
        {p->online, ROLE_ONLINE}, {p->dead, ROLE_DEAD}, {p->offline, ROLE_OFFLINE},
        {p->mixed, ROLE_ONLINE},  {p->hung, ROLE_HUNG}, {p->gone, ROLE_GONE},
    };
    uint32_t accounts = p->writers;
    for (size_t i = 0; i < 6; i++)
        accounts += readers[i].count;
    k->bench.clients = mem_array(accounts + p->mixed, sizeof *k->bench.clients);
    k->actors = mem_array(accounts + p->mixed, sizeof *k->actors);
    book_init(&k->book, p->writers, accounts, accounts + p->mixed);
    k->book.archive = p->archive;
    k->book.archive_is_enough = p->archive_is_enough;
    uint32_t account = 0;
    while (account < p->writers)
        checker_add(k, ROLE_WRITER, account++, 0);
    for (size_t i = 0; i < 6; i++)
        for (uint32_t n = readers[i].count; n > 0; n--, account++) {
            checker_add(k, readers[i].role, account, 0);
            if (i == 3)
                checker_add(k, ROLE_DEAD, account, 1);
        }
    k->bench.opt.clients = k->count;
}

static bool checker_line(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) != 0;
}

static bool checker_over(const struct checker *k)
{
    const struct plan *p = &k->plan;
    return (p->messages > 0 && k->sent >= p->messages) || (p->by_line && checker_line()) ||
           (p->seconds > 0 && k->bench.now_ns > k->began_ns + p->seconds * UINT64_C(1000000000));
}

static int checker_run(struct checker *k)
{
    k->began_ns = k->bench.now_ns = bench_clock_ns();
    while (k->bench.ready < k->count) {
        checker_turn(k);
        if (k->bench.no_sm) {
            fputs("checker: the server offers no stream management\n", stderr);
            return EXIT_UNAVAILABLE;
        }
        if (k->bench.now_ns > k->began_ns + k->bench.opt.timeout_s * UINT64_C(1000000000)) {
            fputs("checker: the clients cannot log in\n", stderr);
            return 1;
        }
    }
    puts("{\"phase\":\"load\"}");
    fflush(stdout);
    k->began_ns = k->paced_ns = k->bench.now_ns;
    k->running = k->measuring = true;
    while (!checker_over(k))
        checker_turn(k);
    return checker_finish(k);
}

static void checker_tls(struct bench *b)
{
    b->tls = SSL_CTX_new(TLS_client_method());
    CHECK(b->tls != NULL);
    SSL_CTX_set_verify(b->tls, SSL_VERIFY_NONE, NULL); /* the servers' certificates are made up */
    SSL_CTX_set_mode(b->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

int main(int argc, char **argv)
{
    static struct checker k = {
        .bench = {.ops = &CHECKER_OPS,
                  .opt = {.label = "server",
                          .domain = "localhost",
                          .user = "u",
                          .password = "secret",
                          .mech = MECH_SCRAM_SHA_1,
                          .sm = true,
                          .body = 100,
                          .timeout_s = 60}},
        .plan = {.window = 50, .rate = 1000, .quiet_s = 5},
        .random = 1,
    };
    checker_options(&k, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    k.bench.owner = &k;
    k.bench.epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(k.bench.epoll >= 0);
    k.bench.bytes = mem_alloc(READ_BYTES);
    checker_tls(&k.bench);
    checker_cast(&k);
    int result = checker_run(&k);
    for (uint32_t i = 0; i < k.count; i++) {
        client_free(&k.bench.clients[i]);
        if (k.actors[i].hung >= 0)
            close(k.actors[i].hung);
    }
    book_free(&k.book);
    mem_free(k.actors);
    mem_free(k.bench.clients);
    mem_free(k.bench.bytes);
    SSL_CTX_free(k.bench.tls);
    return result;
}
