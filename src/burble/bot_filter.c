/* `burble bot -- PROGRAM`: one program for all messages. It reads a JSON object per line and writes
 * answers: a line of text goes to whoever wrote last, a JSON object says where to. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/bot.h"
#include "burble/child.h"
#include "burble/message_json.h"

enum { AGAIN_FIRST_MS = 1000, AGAIN_MAX_MS = 60000 };

struct filter {
    char **argv;
    struct child *child;
    char *to; /* of the last message */
    enum burble_message_type type;
    uint32_t again_ms;
    uint64_t alarm;
};

static void start(void *arg);

static const char *text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static void say_json(struct bot *b, const json_t *row)
{
    struct filter *f = b->work;
    const char *to = text_of(row, "to"), *type = text_of(row, "type");
    struct burble_message_options o = {
        .type = to == NULL ? f->type : BURBLE_NORMAL,
        .subject = text_of(row, "subject"),
        .thread = text_of(row, "thread"),
        .replaces = text_of(row, "replaces"),
        .oob_url = text_of(row, "url"),
        .payload = text_of(row, "payload"),
    };
    if (to == NULL)
        to = f->to;
    for (enum burble_message_type t = BURBLE_NORMAL; type != NULL && t <= BURBLE_HEADLINE; t++)
        if (strcmp(type, message_type_text(t)) == 0)
            o.type = t;
    int err = to == NULL ? ERR_SYNTAX
                         : burble_say(b->session->client, to, text_of(row, "body"), &o, NULL, NULL);
    if (err != 0)
        out_error("an answer of the program was not sent: %s",
                  to == NULL ? "it does not say to whom" : burble_error_text(err));
}

static void line(struct child *c, struct slice text, void *arg)
{
    struct bot *b = arg;
    struct filter *f = b->work;
    json_error_t error;
    (void)c;
    if (text.len == 0)
        return;
    f->again_ms = 0; /* it works */
    json_t *row = text.ptr[0] == '{' ? json_loadb(text.ptr, text.len, 0, &error) : NULL;
    if (row != NULL) {
        say_json(b, row);
        json_decref(row);
    } else if (text.ptr[0] == '{') {
        out_error("the program wrote a line that is no JSON: %s", error.text);
    } else if (f->to == NULL) {
        out_error("the program wrote a line before there was a message to answer");
    } else {
        struct buf clean = {0};
        bot_clean(text, &clean);
        if (!clean.failed)
            (void)bot_reply(b->session, f->to, f->type, clean.ptr);
        buf_free(&clean);
    }
}

static void done(struct child *c, const struct child_result *r, void *arg)
{
    struct bot *b = arg;
    struct filter *f = b->work;
    (void)c;
    child_free(&f->child);
    if (WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0) {
        session_end(b->session, EXIT_DONE);
        return;
    }
    f->again_ms = f->again_ms == 0 ? AGAIN_FIRST_MS : f->again_ms * 2;
    if (f->again_ms > AGAIN_MAX_MS)
        f->again_ms = AGAIN_MAX_MS;
    out_note(&b->app->out, "the program ended with %s %d; starting it again in %u s",
             WIFSIGNALED(r->status) ? "signal" : "status",
             WIFSIGNALED(r->status) ? WTERMSIG(r->status) : WEXITSTATUS(r->status),
             f->again_ms / 1000);
    (void)burble_loop_alarm(b->session->loop, f->again_ms, start, b, &f->alarm);
}

static void start(void *arg)
{
    struct bot *b = arg;
    struct filter *f = b->work;
    struct child_config config = {
        .argv = f->argv, .open = true, .own_stderr = true, .line = line, .done = done, .arg = b};
    f->alarm = 0;
    int err = child_start(b->session->loop, &config, &f->child);
    if (err != 0)
        session_end(b->session, app_fail(b->app, EXIT_USAGE, "%s cannot be started: %s", f->argv[0],
                                         err_text(err)));
}

static void filter_message(struct bot *b, const struct burble_message *m)
{
    struct filter *f = b->work;
    json_t *row = message_json(m, app_option(b->app, "raw") != NULL);
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(row);
    int err = text == NULL ? ERR_MEMORY : f->child == NULL ? ERR_CLOSED : 0;
    if (err == 0)
        err = child_write(f->child, slice_z(text));
    if (err == 0)
        err = child_write(f->child, SLICE("\n"));
    free(text);
    if (err != 0) {
        out_error("a message of %s was not handed to the program: %s", m->from_bare,
                  err == ERR_FULL ? "it does not read" : err_text(err));
        return;
    }
    bool room = m->type == BURBLE_GROUPCHAT;
    mem_free(f->to);
    f->to = mem_copy(slice_z(room ? m->from_bare : m->from));
    f->type = m->type;
}

static int filter_begin(struct bot *b, int argc, char **argv)
{
    struct filter *f = mem_new(struct filter);
    b->work = f;
    f->argv = argv; /* ended by NULL */
    if (argc == 0)
        return app_fail(b->app, EXIT_USAGE, "which program? burble bot -- PROGRAM [ARG...]");
    if (b->session->loop != NULL)
        start(b);
    return 0;
}

static void filter_end(struct bot *b)
{
    struct filter *f = b->work;
    if (f == NULL)
        return;
    child_free(&f->child);
    if (b->session->loop != NULL)
        burble_loop_unalarm(b->session->loop, f->alarm);
    mem_free(f->to);
    mem_free(f);
    b->work = NULL;
}

const struct bot_mode BOT_FILTER = {
    .begin = filter_begin, .message = filter_message, .end = filter_end};
