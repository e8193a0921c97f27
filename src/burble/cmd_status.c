/* burble status: one presence with a text, and out again (S6). */
#include <string.h>

#include "burble/session.h"

static const struct option_row OPTIONS[] = {
    {"show", "SHOW", "online, chat, away, xa or dnd", 0, false},
    {"priority", "N", "of this presence, -128 to 127", 0, false},
    {"stay", NULL, "stay connected until a signal comes", 0, false},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    const char *text;
    enum burble_show show;
    int priority;
    bool stay;
};

static void seen(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct session *s = arg;
    (void)c;
    if (answer->outcome == BURBLE_IQ_TIMEOUT || answer->outcome == BURBLE_IQ_GONE)
        session_refused(s, "the status", answer->outcome, &answer->error);
    else
        session_end(s, EXIT_DONE);
}

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    if (resumed)
        return;
    int err = burble_set_presence(s->client, w->show, w->text, w->priority, NULL);
    /* Whatever the answer is: the server has read the presence before it. */
    if (err == 0 && !w->stay)
        err = burble_get(s->client, burble_domain(s->client), "<ping xmlns='urn:xmpp:ping'/>", 0,
                         seen, s, NULL);
    if (err != 0)
        session_end(s, app_fail(s->app, EXIT_REFUSED, "the status: %s", burble_error_text(err)));
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online};
    struct work w = {.text = argc > 0 ? argv[0] : NULL, .stay = app_option(app, "stay") != NULL};
    struct session s;
    const char *show = app_option(app, "show"), *priority = app_option(app, "priority");
    if (show != NULL) {
        while (w.show < BURBLE_SHOW_DND && strcmp(burble_show_text(w.show), show) != 0)
            w.show++;
        if (strcmp(burble_show_text(w.show), show) != 0)
            return app_fail(app, EXIT_USAGE, "--show is online, chat, away, xa or dnd, not \"%s\"",
                            show);
    }
    if (priority != NULL &&
        (!slice_to_int(slice_z(priority), &w.priority) || w.priority < -128 || w.priority > 127))
        return app_fail(app, EXIT_USAGE, "--priority is a number from -128 to 127, not \"%s\"",
                        priority);
    int status = session_open(app, &OPS, &w, &(struct session_options){.stay = w.stay}, &s);
    if (status == 0)
        status = session_run(&s);
    session_close(&s);
    return status;
}

const struct command CMD_STATUS = {
    .name = "status",
    .shown = "[TEXT]",
    .args_max = 1,
    .account = true,
    .options = OPTIONS,
    .line = "show a status to the contacts",
    .help = "Logs in, says the status with one presence, and logs out again; with --stay\n"
            "it stays, so that the status does too.",
    .run = run,
};
