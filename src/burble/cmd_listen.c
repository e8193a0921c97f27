/* burble listen: everything that comes, a line each; JSON lines with --json. Survives what happens
 * to the connection, and resumes the session of an earlier run. */
#include <stdlib.h>

#include "burble/message_json.h"
#include "burble/message_text.h"
#include "burble/session.h"
#include "burble/text.h"

static const struct option_row OPTIONS[] = {
    {"raw", NULL, "whole stanzas, too; with --json as \"xml\"", 0, false},
    {"presence", NULL, "presence of contacts, too", 0, false},
    {"all", NULL, "also what has no body: receipts, chat states", 0, false},
    {"count", "N", "end after so many messages", 0, false},
    {"no-presence", NULL, "stay unavailable to the contacts", 0, false},
    {NULL, NULL, NULL, 0, false},
};

enum { BODY_COLUMNS = 4096, BODY_LINES = 1000 }; /* for people; the rest is cut (C14) */

struct work {
    bool raw, presence, all, hidden;
    unsigned count, seen;
};

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    if (!resumed && !w->hidden)
        (void)burble_set_presence(s->client, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
}

static void show_lines(struct session *s, const char *text, size_t columns, size_t lines)
{
    struct buf shown = {0};
    if (text_cut(slice_z(text), TEXT_LINES, columns, lines, &shown) == 0 &&
        buf_byte(&shown, '\n') == 0)
        (void)out_bytes(&s->app->out, buf_slice(&shown));
    buf_free(&shown);
}

static void show_message(struct session *s, const struct burble_message *m)
{
    const struct work *w = s->arg;
    struct out *o = &s->app->out;
    struct buf head = {0};
    if (o->json) {
        (void)out_json(o, message_json(m, w->raw));
        return;
    }
    message_head(m, &head);
    (void)out_line(o, "%.*s%s%s", SLICE_ARG(buf_slice(&head)),
                   m->type == BURBLE_MESSAGE_ERROR ? " error: " : "",
                   m->type == BURBLE_MESSAGE_ERROR ? m->error.condition : "");
    buf_free(&head);
    if (w->raw) {
        char *text = burble_xml_print(m->xml, true);
        show_lines(s, text != NULL ? text : "", 0, 0);
        free(text);
    } else if (m->body != NULL) {
        show_lines(s, m->body, BODY_COLUMNS, BODY_LINES);
    }
}

static void message(struct session *s, const struct burble_message *m)
{
    struct work *w = s->arg;
    if (s->ending || (m->body == NULL && !w->all && m->type != BURBLE_MESSAGE_ERROR))
        return;
    show_message(s, m);
    if (!out_open(&s->app->out))
        session_end(s, EXIT_INTERRUPTED);
    else if (w->count != 0 && ++w->seen == w->count)
        session_end(s, EXIT_DONE);
}

static const char *presence_text(const struct burble_presence *p)
{
    static const char *const NAMES[] = {
        [BURBLE_UNAVAILABLE] = "unavailable",   [BURBLE_SUBSCRIBE] = "subscribe",
        [BURBLE_SUBSCRIBED] = "subscribed",     [BURBLE_UNSUBSCRIBE] = "unsubscribe",
        [BURBLE_UNSUBSCRIBED] = "unsubscribed", [BURBLE_PRESENCE_ERROR] = "error",
    };
    return p->type == BURBLE_AVAILABLE ? burble_show_text(p->show) : NAMES[p->type];
}

static void presence(struct session *s, const struct burble_presence *p)
{
    const struct work *w = s->arg;
    struct out *o = &s->app->out;
    if (!w->presence || s->ending)
        return;
    if (o->json) {
        json_t *row = json_pack("{s:s, s:o, s:s, s:i}", "kind", "presence", "from",
                                out_string(slice_z(p->from)), "show", presence_text(p), "priority",
                                p->priority);
        if (row != NULL && p->status != NULL)
            json_object_set_new(row, "status", out_string(slice_z(p->status)));
        (void)out_json(o, row);
    } else {
        (void)out_line(o, "%s is %s%s%s", p->from, presence_text(p), p->status != NULL ? ": " : "",
                       p->status != NULL ? p->status : "");
    }
    if (!out_open(o))
        session_end(s, EXIT_INTERRUPTED);
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {
        .online = online, .message = message, .presence = presence};
    struct work w = {.raw = app_option(app, "raw") != NULL,
                     .presence = app_option(app, "presence") != NULL,
                     .all = app_option(app, "all") != NULL,
                     .hidden = app_option(app, "no-presence") != NULL};
    struct session s;
    (void)argc, (void)argv;
    int status = app_option_number(app, "count", 1, 1000000000, &w.count);
    if (status != 0)
        return status;
    status = session_open(
        app, &OPS, &w, &(struct session_options){.stay = true, .purpose = "listen", .sure = true},
        &s);
    if (status == 0)
        status = session_run(&s);
    session_close(&s);
    return status;
}

const struct command CMD_LISTEN = {
    .name = "listen",
    .shown = "",
    .account = true,
    .options = OPTIONS,
    .line = "print the messages that come",
    .help = "Prints each message with a body: when and who, then the text, of which very long\n"
            "lines are cut; --raw and --json have all of it. With --json one object per line,\n"
            "for programs. Stays connected over losses, and the next run resumes the session\n"
            "of this one where the server keeps it: nothing is lost between the two, however\n"
            "the first one ended. After a crash the last messages may come twice.",
    .run = run,
};
