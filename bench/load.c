/* load: logs many XMPP clients in to a server on this machine and measures how it serves them. One
 * thread. Options, phases and output are described in README.md beside this file. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/mem.h"
#include "phase.h"

enum {
    READ_BYTES = 64 * 1024,
    CLIENTS_MAX = 100000,
    DESCRIPTORS_OWN = 32,
    EXIT_USAGE = 64,
    EXIT_UNAVAILABLE = 69
};

static const char USAGE[] =
    "usage: load --port PORT [options] PHASE...\n"
    "  phases: login[:SESSIONS] base[:SECONDS] idle[:SECONDS] pause chat[:IN-FLIGHT]\n          "
    "pace:MESSAGES-PER-SECOND ack:MESSAGES-PER-SECOND archive hibernate[:SESSIONS] resume "
    "logout\n"
    "  --label NAME       names the server in the output\n"
    "  --pid PID          the server's process, for its processor time and memory\n"
    "  --relay            speak to the relay\n"
    "  --domain NAME --user PREFIX --password TEXT\n"
    "  --tls none|starttls|direct   --mech plain|scram-sha-1|scram-sha-256\n"
    "  --clients N        sessions at most (default: two for each pair)\n"
    "  --pairs N --body BYTES --no-store --to-bare --coalesce --roster --sm\n"
    "  --seconds S --warmup S --messages N\n"
    "  --parallel N       logins at a time\n"
    "  --timeout S        for a login phase, a logout, a pause\n";

enum option_id {
    OPT_PORT = 256,
    OPT_LABEL,
    OPT_PID,
    OPT_RELAY,
    OPT_DOMAIN,
    OPT_USER,
    OPT_PASSWORD,
    OPT_TLS,
    OPT_MECH,
    OPT_CLIENTS,
    OPT_PAIRS,
    OPT_BODY,
    OPT_NO_STORE,
    OPT_BARE,
    OPT_COALESCE,
    OPT_ROSTER,
    OPT_SM,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_MESSAGES,
    OPT_PARALLEL,
    OPT_TIMEOUT,
    OPT_HELP,
};

static const struct option LONG[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"label", required_argument, NULL, OPT_LABEL},
    {"pid", required_argument, NULL, OPT_PID},
    {"relay", no_argument, NULL, OPT_RELAY},
    {"domain", required_argument, NULL, OPT_DOMAIN},
    {"user", required_argument, NULL, OPT_USER},
    {"password", required_argument, NULL, OPT_PASSWORD},
    {"tls", required_argument, NULL, OPT_TLS},
    {"mech", required_argument, NULL, OPT_MECH},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"pairs", required_argument, NULL, OPT_PAIRS},
    {"body", required_argument, NULL, OPT_BODY},
    {"no-store", no_argument, NULL, OPT_NO_STORE},
    {"to-bare", no_argument, NULL, OPT_BARE},
    {"coalesce", no_argument, NULL, OPT_COALESCE},
    {"roster", no_argument, NULL, OPT_ROSTER},
    {"sm", no_argument, NULL, OPT_SM},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"messages", required_argument, NULL, OPT_MESSAGES},
    {"parallel", required_argument, NULL, OPT_PARALLEL},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static _Noreturn void load_usage(const char *why)
{
    fprintf(stderr, "load: %s\n%s", why, USAGE);
    exit(EXIT_USAGE);
}

static uint64_t load_number(const char *text, uint64_t max)
{
    unsigned long long value;
    if (!slice_to_u64(slice_z(text), &value) || value > max)
        load_usage("a number is expected, and not such a large one");
    return value;
}

static double load_seconds(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0' || !(value >= 0 && value <= 3600))
        load_usage("seconds are expected, at most 3600");
    return value;
}

/* The index of text among count names. */
static unsigned load_choice(const char *text, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    load_usage("no such choice");
}

static bool load_option_text(struct options *o, int id, const char *value)
{
    static const char *const TLS[] = {"none", "starttls", "direct"};
    static const char *const MECH[] = {"plain", "scram-sha-1", "scram-sha-256"};
    switch (id) {
    case OPT_LABEL:
        o->label = value;
        return true;
    case OPT_DOMAIN:
        o->domain = value;
        return true;
    case OPT_USER:
        o->user = value;
        return true;
    case OPT_PASSWORD:
        o->password = value;
        return true;
    case OPT_TLS:
        o->tls = (enum client_tls)load_choice(value, TLS, 3);
        return true;
    case OPT_MECH:
        o->mech = (enum client_mech)load_choice(value, MECH, 3);
        return true;
    default:
        return false;
    }
}

static bool load_option_number(struct options *o, int id, const char *value)
{
    switch (id) {
    case OPT_PORT:
        o->port = (uint16_t)load_number(value, 65535);
        return true;
    case OPT_PID:
        o->pid = (int)load_number(value, 1u << 30);
        return true;
    case OPT_CLIENTS:
        o->clients = (uint32_t)load_number(value, CLIENTS_MAX);
        return true;
    case OPT_PAIRS:
        o->pairs = (uint32_t)load_number(value, CLIENTS_MAX / 2);
        return true;
    case OPT_BODY:
        o->body = (uint32_t)load_number(value, 200000);
        return true;
    case OPT_MESSAGES:
        o->messages = load_number(value, UINT64_MAX);
        return true;
    case OPT_PARALLEL:
        o->parallel = (uint32_t)load_number(value, CLIENTS_MAX);
        return true;
    case OPT_TIMEOUT:
        o->timeout_s = (uint32_t)load_number(value, 3600);
        return true;
    default:
        return false;
    }
}

static void load_option(struct options *o, int id, const char *value)
{
    if (load_option_text(o, id, value) || load_option_number(o, id, value))
        return;
    if (id == OPT_RELAY)
        o->relay = true;
    else if (id == OPT_NO_STORE)
        o->no_store = true;
    else if (id == OPT_BARE)
        o->bare = true;
    else if (id == OPT_COALESCE)
        o->coalesce = true;
    else if (id == OPT_ROSTER)
        o->roster = true;
    else if (id == OPT_SM)
        o->sm = true;
    else if (id == OPT_SECONDS)
        o->seconds = load_seconds(value);
    else if (id == OPT_WARMUP)
        o->warmup_s = load_seconds(value);
    else
        load_usage("what to do?");
}

static void load_check(struct options *o)
{
    struct rlimit files;
    if (o->clients < 2 * o->pairs)
        o->clients = 2 * o->pairs;
    if (o->port == 0 || o->clients == 0 || o->parallel == 0)
        load_usage("port, pairs or clients, and parallel must not be 0");
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (o->clients + DESCRIPTORS_OWN > files.rlim_cur)
        load_usage("more clients than open files allowed (ulimit -n)");
}

static void load_tls(struct bench *b)
{
    b->tls = SSL_CTX_new(TLS_client_method());
    CHECK(b->tls != NULL);
    SSL_CTX_set_verify(b->tls, SSL_VERIFY_NONE, NULL); /* the servers' certificates are made up */
    SSL_CTX_set_options(b->tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(b->tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(b->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(b->tls, 1);
}

static const struct client_ops LOAD_OPS = {
    .program = "load",
    .unit = chat_unit,
    .acked = chat_acked,
};

int main(int argc, char **argv)
{
    static struct bench b = {
        .ops = &LOAD_OPS,
        .opt = {.label = "server",
                .domain = "localhost",
                .user = "u",
                .password = "secret",
                .mech = MECH_SCRAM_SHA_1,
                .pairs = 100,
                .body = 100,
                .parallel = 50,
                .timeout_s = 120,
                .warmup_s = 1,
                .seconds = 5},
    };
    int id;
    while ((id = getopt_long(argc, argv, "", LONG, NULL)) != -1)
        load_option(&b.opt, id, optarg);
    load_check(&b.opt);
    signal(SIGPIPE, SIG_IGN);
    load_tls(&b);
    b.epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(b.epoll >= 0);
    b.bytes = mem_alloc(READ_BYTES);
    b.clients = mem_array(b.opt.clients, sizeof *b.clients);
    for (uint32_t i = 0; i < b.opt.clients; i++) {
        b.clients[i].bench = &b;
        b.clients[i].index = b.clients[i].account = i;
        b.clients[i].resource = "bench";
        b.clients[i].fd = -1;
    }
    int result = 0;
    for (int i = optind; i < argc && result == 0; i++)
        result = phase_run(&b, argv[i]);
    for (uint32_t i = 0; i < b.opt.clients; i++)
        client_free(&b.clients[i]);
    mem_free(b.clients);
    mem_free(b.bytes);
    SSL_CTX_free(b.tls);
    if (result == -2)
        load_usage("no such phase");
    return result == 0 ? 0 : b.no_sm ? EXIT_UNAVAILABLE : 1;
}
