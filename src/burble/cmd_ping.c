/* burble ping: is somebody or a server there, and how far away (XEP-0199)? */
#include <time.h>

#include "burble/answers.h"
#include "burble/session.h"

enum { COUNT = 4, COUNT_MAX = 1000000, WAIT_S = 10, INTERVAL_MS = 1000 };

static const struct option_row OPTIONS[] = {
    {"count", "N", "so many; 4, and 0 is until a signal comes", 'c', false},
    {"wait", "SECONDS", "for an answer; 10", 'w', false},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    struct session session;
    const char *jid; /* NULL: the own server */
    unsigned count, wait_s;
    unsigned sent, answered;
    bool silent;       /* nobody answered the last one at all */
    uint64_t begun_us; /* of the one that is open */
    uint64_t min_us, max_us, sum_us;
};

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

static void next(struct work *w);

static void due(void *arg)
{
    struct work *w = arg;
    if (!w->session.ending)
        next(w);
}

/* The exit code when all is said. */
static int code(const struct work *w)
{
    return w->answered > 0 ? EXIT_DONE : w->silent ? EXIT_UNREACHABLE : EXIT_REFUSED;
}

static void show(struct work *w, const struct burble_pong *p, uint64_t us)
{
    struct out *out = &w->session.app->out;
    struct buf why = {0};
    if (!p->there)
        session_error_text(&p->error, &why);
    if (out->json && p->there)
        (void)out_json(out, json_pack("{s:s, s:o, s:i, s:f}", "kind", "answer", "from",
                                      out_string(slice_z(p->from)), "number", (int)w->sent, "ms",
                                      ms(us)));
    else if (out->json)
        (void)out_json(out, json_pack("{s:s, s:o, s:i, s:o, s:o}", "kind", "none", "from",
                                      out_string(slice_z(p->from)), "number", (int)w->sent,
                                      "condition", out_string(slice_z(p->error.condition)), "text",
                                      out_string(buf_slice(&why))));
    else if (p->there)
        (void)out_line(out, "%s answers in %.2f ms", p->from, ms(us));
    else
        (void)out_line(out, "%s: %.*s", p->from, SLICE_ARG(buf_slice(&why)));
    buf_free(&why);
}

static void on_pong(struct burble *c, const struct burble_pong *p, void *arg)
{
    struct work *w = arg;
    uint64_t us = now_us() - w->begun_us;
    (void)c;
    if (p->outcome == BURBLE_IQ_GONE) {
        w->sent--; /* it says nothing about who was asked */
        return;
    }
    if (p->there) {
        w->min_us = w->answered == 0 || us < w->min_us ? us : w->min_us;
        w->max_us = us > w->max_us ? us : w->max_us;
        w->sum_us += us;
        w->answered++;
    }
    w->silent = p->outcome == BURBLE_IQ_TIMEOUT;
    show(w, p, us);
    if ((w->count > 0 && w->sent >= w->count) || !out_open(&w->session.app->out)) {
        session_end(&w->session, code(w));
        return;
    }
    uint64_t spent_ms = us / 1000;
    uint32_t wait_ms = spent_ms < INTERVAL_MS ? (uint32_t)(INTERVAL_MS - spent_ms) : 0;
    if (burble_loop_alarm(w->session.loop, wait_ms, due, w, NULL) != 0)
        session_end(&w->session, EXIT_REFUSED);
}

static void next(struct work *w)
{
    struct session *s = &w->session;
    w->begun_us = now_us();
    int err = burble_ping(s->client, w->jid, w->wait_s * 1000, on_pong, w, NULL);
    if (err == 0)
        w->sent++;
    else if (err == BURBLE_ERR_SYNTAX)
        session_end(s, app_fail(s->app, EXIT_USAGE, "\"%s\" is no address", w->jid));
    else if (err != BURBLE_ERR_OFFLINE) /* then the session says why it ends */
        session_end(s, app_fail(s->app, EXIT_REFUSED, "%s", burble_error_text(err)));
}

static void online(struct session *s, bool resumed)
{
    if (!resumed)
        next(s->arg);
}

static void summary(struct work *w)
{
    struct out *out = &w->session.app->out;
    uint64_t mean_us = w->answered > 0 ? w->sum_us / w->answered : 0;
    if (out->json)
        (void)out_json(out,
                       json_pack("{s:s, s:i, s:i, s:f, s:f, s:f}", "kind", "summary", "sent",
                                 (int)w->sent, "answered", (int)w->answered, "min_ms",
                                 ms(w->min_us), "mean_ms", ms(mean_us), "max_ms", ms(w->max_us)));
    else if (w->answered > 0)
        (void)out_line(out, "%u of %u answered; %.2f ms at least, %.2f on average, %.2f at most",
                       w->answered, w->sent, ms(w->min_us), ms(mean_us), ms(w->max_us));
    else
        (void)out_line(out, "%u of %u answered", w->answered, w->sent);
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online};
    struct work w = {.jid = argc > 0 ? argv[0] : NULL, .count = COUNT, .wait_s = WAIT_S};
    int status = app_option_number(app, "count", 0, COUNT_MAX, &w.count);
    if (status == 0)
        status = app_option_number(app, "wait", 1, 3600, &w.wait_s);
    if (status != 0)
        return status;
    status = session_open(app, &OPS, &w, NULL, &w.session);
    if (status == 0)
        status = session_run(&w.session);
    if (w.sent > 0 && out_open(&app->out))
        summary(&w);
    session_close(&w.session);
    return status;
}

const struct command CMD_PING = {
    .name = "ping",
    .shown = "[JID]",
    .args_max = 1,
    .account = true,
    .options = OPTIONS,
    .line = "ask whether a server or somebody is there",
    .help = "Asks a server, a service or a device (with its resource) for an answer, and says\n"
            "how long that took; without an address, your own server. A contact's address\n"
            "without resource is answered by the contact's server.",
    .run = run,
};
