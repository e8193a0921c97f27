/* burble bench: load for a server, and what it does to the times. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "burble/bench.h"
#include "burble/password.h"
#include "burble/session.h"
#include "io/process.h"
#include "io/signals.h"

static const struct option_row OPTIONS[] = {
    {"users", "N", "clients: 100", 'n', false},
    {"pattern", "TEXT", "their names, %u is the number: user%u", 0, false},
    {"phases", "LIST", "of chat, presence, room, idle: chat", 0, false},
    {"seconds", "N", "of each phase: 5", 0, false},
    {"body", "BYTES", "of a message: 100", 0, false},
    {"window", "N", "messages under way per pair: 1", 0, false},
    {"parallel", "N", "logins at a time: 20", 0, false},
    {"register", NULL, "make the accounts first", 0, false},
    {"muc", "JID", "service for the room phase", 0, false},
    {NULL, NULL, NULL, 0, false},
};

uint64_t bench_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t bench_resident(void)
{
    (void)malloc_trim(0);
    return process_resident_bytes();
}

bool bench_goes_on(const struct bench *b)
{
    return !b->interrupted && bench_now_us() < b->until_us;
}

void bench_failed(struct bench *b, int code, const char *why)
{
    if (b->failed++ > 0)
        return;
    (void)snprintf(b->why, sizeof(b->why), "%s", why);
    b->code = code;
}

static void on_state(struct bench_user *u, const struct burble_state_event *e)
{
    struct bench *b = u->bench;
    if (e->state == BURBLE_ONLINE) {
        u->online = true;
        b->online++;
        b->connecting--;
        bench_times_add(&b->logins, bench_now_us() - u->began_us);
    } else if (e->state == BURBLE_OFFLINE) {
        if (u->online)
            b->online--;
        else if (!u->failed)
            b->connecting--;
        if (!b->over && !u->failed)
            bench_failed(b, session_exit_code(e->why), e->text);
        u->online = false;
        u->failed = true;
    }
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct bench_user *u = arg;
    const struct bench_phase *phase = u->bench->phase;
    (void)c;
    if (e->kind == BURBLE_EVENT_STATE)
        on_state(u, e->state);
    else if (e->kind == BURBLE_EVENT_MESSAGE && phase != NULL && phase->message != NULL)
        phase->message(u, e->message);
    else if (e->kind == BURBLE_EVENT_PRESENCE && phase != NULL && phase->presence != NULL)
        phase->presence(u, e->presence);
    else if (e->kind == BURBLE_EVENT_SENT && phase != NULL && e->sent->ticket == u->ticket)
        bench_times_add(&u->bench->acks, bench_now_us() - u->sent_us);
}

static int add_user(struct bench *b, struct bench_user *u)
{
    const struct account *a = &b->app->account;
    struct buf jid = {0};
    const char *at = strstr(b->pattern, "%u");
    (void)buf_printf(&jid, "%.*s%u%s@%s", at != NULL ? (int)(at - b->pattern) : 0, b->pattern,
                     u->index, at != NULL ? at + 2 : "", b->domain);
    const char **pins = mem_array(a->pins.count + 1, sizeof(*pins));
    for (uint32_t i = 0; i < a->pins.count; i++)
        pins[i] = a->pins.items[i];
    int err = buf_byte(&jid, '\0');
    struct burble_config config =
        BURBLE_CONFIG(.jid = jid.ptr, .password = buf_slice(&b->password).ptr, .on_event = on_event,
                      .arg = u,
                      .host = a->host != NULL ? a->host
                              : a->port != 0  ? b->domain
                                              : NULL,
                      .port = (uint16_t)a->port, .security = session_security(a->tls), .pins = pins,
                      .proxy = a->proxy, .mechanism = a->mechanism,
                      .flags = BURBLE_NO_RECONNECT | BURBLE_NO_FAST | BURBLE_NO_CARBONS |
                               (app_option(b->app, "register") != NULL ? BURBLE_REGISTER : 0u));
    if (err == 0)
        err = burble_new(&config, &u->client);
    if (err == 0)
        err = burble_loop_add(b->loop, u->client);
    mem_free(pins);
    buf_free(&jid);
    return err;
}

static void step(struct bench *b)
{
    (void)burble_loop_wait(b->loop, 100);
}

static int log_in_to(struct bench *b, unsigned count)
{
    int err = 0;
    while (!b->interrupted && (b->next < count || b->connecting > 0)) {
        while (err == 0 && b->next < count && b->connecting < b->parallel) {
            struct bench_user *u = &b->users[b->next++];
            u->began_us = bench_now_us();
            err = add_user(b, u);
            b->connecting += err == 0;
            if (err == 0)
                (void)burble_connect(u->client);
        }
        if (err != 0)
            return err;
        step(b);
    }
    return err;
}

/* The first ones pay for what all share: it is not counted as what a client takes. */
static int log_in(struct bench *b)
{
    unsigned first = b->count > BENCH_WARM_USERS ? BENCH_WARM_USERS : 0;
    uint64_t began_us = bench_now_us(), cpu_us = process_cpu_us();
    int err = log_in_to(b, first);
    b->resident = bench_resident();
    b->resident_clients = b->online;
    if (err == 0)
        err = log_in_to(b, b->count);
    bench_times_report(b->app, &(struct bench_result){
                                   .name = "login",
                                   .times = &b->logins,
                                   .seconds = (double)(bench_now_us() - began_us) / 1e6,
                                   .lost = b->failed,
                                   .cpu_us = process_cpu_us() - cpu_us,
                               });
    return err;
}

static void report(struct bench *b, const struct bench_phase *phase, double seconds,
                   uint64_t cpu_us)
{
    struct bench_result r = {phase->name, &b->times, seconds, b->open, cpu_us};
    if (phase->report != NULL) {
        phase->report(b);
        return;
    }
    bench_times_report(b->app, &r);
    if (phase == &BENCH_CHAT)
        bench_times_report(b->app, &(struct bench_result){"chat acks", &b->acks, seconds, 0, 0});
}

static void run_phase(struct bench *b, const struct bench_phase *phase)
{
    enum { DRAIN_US = 5000000 };
    b->times.count = b->acks.count = 0;
    b->open = 0;
    b->phase = phase;
    b->until_us = bench_now_us() + (uint64_t)b->seconds * 1000000;
    if (!phase->begin(b)) {
        bench_failed(b, EXIT_USAGE, "a phase could not begin");
        return;
    }
    uint64_t began_us = b->until_us - (uint64_t)b->seconds * 1000000, cpu_us = process_cpu_us();
    while (bench_goes_on(b))
        step(b);
    double seconds = (double)(bench_now_us() - began_us) / 1e6;
    while (!b->interrupted && b->open > 0 && bench_now_us() < b->until_us + DRAIN_US)
        step(b);
    if (phase->end != NULL)
        phase->end(b);
    b->phase = NULL;
    report(b, phase, seconds, process_cpu_us() - cpu_us);
}

static int run_phases(struct bench *b, const char *list)
{
    static const struct bench_phase *const PHASES[] = {&BENCH_CHAT, &BENCH_PRESENCE, &BENCH_ROOM,
                                                       &BENCH_IDLE};
    struct slice rest = slice_z(list);
    while (rest.len > 0) {
        size_t end = slice_find(rest, ',');
        const struct bench_phase *found = NULL;
        for (size_t i = 0; i < sizeof(PHASES) / sizeof(PHASES[0]); i++)
            if (slice_eq(slice_z(PHASES[i]->name), slice_of(rest.ptr, end)))
                found = PHASES[i];
        if (found == NULL)
            return app_fail(b->app, EXIT_USAGE,
                            "--phases is a list of chat, presence, room and idle");
        if (!b->interrupted)
            run_phase(b, found);
        rest = end < rest.len ? slice_from(rest, end + 1) : SLICE_NONE;
    }
    return 0;
}

static void on_signal(int fd, unsigned events, void *arg)
{
    struct bench *b = arg;
    (void)events;
    while (signals_next(fd) != 0)
        b->interrupted = true;
}

static void leave(struct bench *b)
{
    b->over = true;
    for (unsigned i = 0; i < b->count; i++)
        if (b->users[i].client != NULL)
            burble_disconnect(b->users[i].client);
    uint64_t end_us = bench_now_us() + 5000000;
    while (b->online > 0 && bench_now_us() < end_us)
        step(b);
}

static int set_up(struct bench *b)
{
    struct app *app = b->app;
    int status = app_option_number(app, "users", 1, BENCH_USERS_MAX, &b->count);
    if (status == 0)
        status = app_option_number(app, "seconds", 1, 3600, &b->seconds);
    if (status == 0)
        status = app_option_number(app, "body", 28, 60000, &b->body);
    if (status == 0)
        status = app_option_number(app, "window", 1, 1000, &b->window);
    if (status == 0)
        status = app_option_number(app, "parallel", 1, 10000, &b->parallel);
    if (app_option(app, "pattern") != NULL)
        b->pattern = app_option(app, "pattern");
    b->muc = app_option(app, "muc");
    if (status == 0 && strstr(b->pattern, "%u") == NULL)
        status = app_fail(app, EXIT_USAGE, "--pattern needs a %%u, where the number goes");
    struct buf first = {0};
    (void)buf_printf(&first, "bench@%s", b->domain);
    (void)buf_byte(&first, '\0');
    if (status == 0)
        status = app_account_from(app, first.ptr, "the domain");
    if (status == 0)
        status = app_account_options(app);
    if (status == 0)
        status = app_password(app, &b->password);
    if (status == 0)
        (void)buf_byte(&b->password, '\0');
    buf_free(&first);
    return status;
}

static int run_bench(struct bench *b)
{
    struct burble_loop_config config = BURBLE_LOOP_CONFIG(.ca_file = b->app->account.ca_file);
    const char *phases = app_option(b->app, "phases");
    int signals = -1, err = burble_loop_new(&config, &b->loop);
    b->users = mem_array(b->count, sizeof(*b->users));
    b->body_text = mem_alloc((size_t)b->body + 41);
    memset(b->body_text, 'x', b->body);
    for (unsigned i = 0; i < b->count; i++)
        b->users[i] = (struct bench_user){.bench = b, .index = i};
    if (err == 0 && (err = signals_open(&signals)) == 0)
        err = burble_loop_watch(b->loop, signals, BURBLE_READ, on_signal, b);
    if (err != 0)
        return app_fail(b->app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
    session_warn(&b->app->account);
    bench_times_head(b->app);
    err = log_in(b);
    if (err != 0)
        return app_fail(b->app, EXIT_REFUSED, "cannot log in: %s", burble_error_text(err));
    int status = b->online > 0 ? run_phases(b, phases != NULL ? phases : "chat") : 0;
    leave(b);
    (void)burble_loop_watch(b->loop, signals, 0, NULL, NULL);
    signals_close(&signals);
    if (status != 0)
        return status;
    if (b->interrupted)
        return EXIT_INTERRUPTED;
    return b->failed == 0 ? EXIT_DONE
                          : app_fail(b->app, (enum exit_code)b->code, "%u failed; the first: %s",
                                     b->failed, b->why);
}

static int run(struct app *app, int argc, char **argv)
{
    struct bench b = {.app = app,
                      .count = 100,
                      .seconds = 5,
                      .body = 100,
                      .window = 1,
                      .parallel = 20,
                      .pattern = "user%u",
                      .domain = argv[0]};
    (void)argc;
    (void)process_raise_descriptors(0);
    int status = set_up(&b);
    if (status == 0)
        status = run_bench(&b);
    for (unsigned i = 0; b.users != NULL && i < b.count; i++)
        burble_free(&b.users[i].client);
    burble_loop_free(&b.loop);
    bench_times_free(&b.times);
    bench_times_free(&b.acks);
    bench_times_free(&b.logins);
    password_free(&b.password);
    mem_free(b.users);
    mem_free(b.body_text);
    return status;
}

const struct command CMD_BENCH = {
    .name = "bench",
    .shown = "DOMAIN",
    .args_min = 1,
    .args_max = 1,
    .options = OPTIONS,
    .line = "put load on a server, and measure",
    .help = "Logs in many clients, all with the same password, and measures logins,\n"
            "messages between pairs, presence, a room: how many per second, how long, and\n"
            "what of it is the work of this process; and the memory of idle clients.\n"
            "Both ends are this process, on one core: a fast server waits for it. Only\n"
            "for servers of your own.",
    .run = run,
};
