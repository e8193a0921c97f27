/* `burble bot -- PROGRAM`: one program for all messages. It reads a JSON object per line and writes
 * answers: a line of text goes to whoever wrote last, a JSON object says where to. While it is
 * started again messages wait, and while many of its answers wait it is not read.
 *
 * Which line answers which message is not known. For what is to be done again when the bot was
 * killed (bot_pending.c) each line is taken for the answer to the oldest message without one, and
 * what has no answer after PENDING_MS for a message that wants none. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/bot.h"
#include "burble/child.h"
#include "burble/message_json.h"
#include "io/clock.h"

enum {
    AGAIN_FIRST_MS = 1000,
    AGAIN_MAX_MS = 60000,
    HEALTHY_MS = 10000, /* who lives that long begins anew with the first wait */
    WAITING_BYTES_MAX = 1 << 20,
    ANSWERS_HIGH = 500, /* answers on their way: the client queues 1,000 */
    ANSWERS_LOW = 250,
    STOP_MS = 3000,
    PENDING_MS = 10000,
};

struct filter {
    char **argv;
    struct child *child; /* NULL: it is started again soon */
    struct buf waiting;  /* lines for it meanwhile */
    char *to;            /* of the last message */
    enum burble_message_type type;
    uint64_t since_ms;
    uint32_t again_ms;
    uint64_t alarm;
};

static const char *text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

bool bot_type(const char *name, enum burble_message_type *out)
{
    for (enum burble_message_type t = BURBLE_NORMAL; t <= BURBLE_HEADLINE; t++)
        if (strcmp(name, message_type_text(t)) == 0) {
            *out = t;
            return true;
        }
    return false;
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
    const char *why = NULL;
    if (to == NULL)
        to = f->to;
    if (to == NULL)
        why = "it does not say to whom";
    else if (type != NULL && !bot_type(type, &o.type))
        why = "its type is none";
    else if (text_of(row, "body") == NULL && o.subject == NULL && o.payload == NULL)
        why = "it has no body";
    else {
        int err = bot_say(b, to, text_of(row, "body"), &o);
        why = err != 0 ? burble_error_text(err) : NULL;
    }
    if (why != NULL)
        out_error("an answer of the program was not sent: %s", why);
}

static void say_text(struct bot *b, struct slice text)
{
    struct filter *f = b->work;
    struct buf clean = {0};
    if (f->to == NULL) {
        out_error("the program wrote a line before there was a message to answer");
        return;
    }
    bot_clean(text, BOT_REPLY_BYTES_MAX, &clean);
    if (!clean.failed && buf_len(&clean) > 1)
        (void)bot_reply(b, f->to, f->type, buf_slice(&clean).ptr);
    buf_free(&clean);
}

static struct bot_pending *oldest(struct bot *b)
{
    return b->pending_count > 0 ? CONTAINER_OF(b->pending.next, struct bot_pending, link) : NULL;
}

/* Answered, as far as it can be told. */
static void answered(struct bot *b)
{
    struct bot_pending *p = oldest(b);
    if (p != NULL && !p->again)
        bot_pending_done(b, p);
    b->unsaved = true;
}

static void read_all(struct child *c, void *arg)
{
    (void)c;
    bot_pending_save(arg);
}

static void line(struct child *c, struct slice text, void *arg)
{
    struct bot *b = arg;
    json_error_t error;
    if (text.len == 0)
        return;
    json_t *row = text.ptr[0] == '{' ? json_loadb(text.ptr, text.len, 0, &error) : NULL;
    if (row != NULL)
        say_json(b, row);
    else if (text.ptr[0] == '{')
        out_error("the program wrote a line that is no JSON: %s", error.text);
    else
        say_text(b, text);
    json_decref(row);
    answered(b);
    if (burble_queued(b->session->client) >= ANSWERS_HIGH)
        child_pause(c, true);
}

static void filter_sent(struct bot *b)
{
    struct filter *f = b->work;
    if (f->child != NULL && burble_queued(b->session->client) <= ANSWERS_LOW)
        child_pause(f->child, false);
}

static int filter_start(struct bot *b);

static void again(void *arg)
{
    struct bot *b = arg;
    ((struct filter *)b->work)->alarm = 0;
    int status = filter_start(b);
    if (status != 0)
        session_end(b->session, status);
}

static void done(struct child *c, const struct child_result *r, void *arg)
{
    struct bot *b = arg;
    struct filter *f = b->work;
    bool healthy = clock_now().mono_ms - f->since_ms >= HEALTHY_MS;
    (void)c;
    child_free(&f->child);
    if (WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0) {
        b->session->options.stay = false; /* no resumption: its last answers are sent first */
        session_end(b->session, EXIT_DONE);
        return;
    }
    f->again_ms = f->again_ms == 0 || healthy ? AGAIN_FIRST_MS : f->again_ms * 2;
    if (f->again_ms > AGAIN_MAX_MS)
        f->again_ms = AGAIN_MAX_MS;
    out_error("the program ended with %s %d; starting it again in %u s",
              WIFSIGNALED(r->status) ? "signal" : "status",
              WIFSIGNALED(r->status) ? WTERMSIG(r->status) : WEXITSTATUS(r->status),
              f->again_ms / 1000);
    if (burble_loop_alarm(b->session->loop, f->again_ms, again, b, &f->alarm) != 0)
        session_end(b->session, EXIT_REFUSED);
}

static int filter_start(struct bot *b)
{
    struct filter *f = b->work;
    struct child_config config = {.argv = f->argv,
                                  .open = true,
                                  .own_stderr = true,
                                  .line = line,
                                  .read = read_all,
                                  .done = done,
                                  .arg = b};
    f->since_ms = clock_now().mono_ms;
    int err = child_start(b->session->loop, &config, &f->child);
    if (err != 0)
        return app_fail(b->app,
                        err == ERR_NOT_FOUND || err == ERR_REFUSED ? EXIT_USAGE : EXIT_REFUSED,
                        "%s cannot be started: %s", f->argv[0], err_text(err));
    if (buf_len(&f->waiting) > 0)
        (void)child_write(f->child, buf_slice(&f->waiting));
    buf_clear(&f->waiting);
    return 0;
}

static int hand_over(struct filter *f, struct slice text)
{
    if (f->child != NULL)
        return child_write(f->child, text);
    if (buf_len(&f->waiting) + text.len > WAITING_BYTES_MAX)
        return ERR_FULL;
    return buf_add(&f->waiting, text);
}

/* The message as a line for the program; NULL: out of memory. */
static char *as_line(struct bot *b, const struct bot_said *said, size_t *len_out)
{
    json_t *row = message_json(said->message, app_option(b->app, "raw") != NULL);
    if (row != NULL)
        json_object_set_new(row, "text", out_string(slice_z(said->text)));
    if (row != NULL && said->nick != NULL)
        json_object_set_new(row, "nick", out_string(slice_z(said->nick)));
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(row);
    if (text == NULL)
        return NULL;
    *len_out = strlen(text) + 1;
    text[*len_out - 1] = '\n'; /* in the place of the NUL */
    return text;
}

static void make_room(struct bot *b, size_t more)
{
    struct filter *f = b->work;
    int64_t now_ms = clock_now().wall_ms;
    struct bot_pending *p;
    while ((p = oldest(b)) != NULL &&
           (bot_pending_full(b, more) || (f->child != NULL && now_ms - p->time_ms >= PENDING_MS)))
        bot_pending_done(b, p);
}

/* False: why not was said. */
static bool take(struct bot *b, const char *to, enum burble_message_type type, struct slice text)
{
    struct filter *f = b->work;
    int err = text.ptr != NULL ? hand_over(f, text) : ERR_MEMORY;
    if (err != 0) {
        out_error("a message of %s was not handed to the program: %s", to,
                  err == ERR_FULL ? "it does not read" : err_text(err));
        return false;
    }
    mem_free(f->to);
    f->to = mem_copy(slice_z(to));
    f->type = type;
    return true;
}

static void filter_message(struct bot *b, const struct bot_said *said)
{
    size_t len = 0;
    char *text = as_line(b, said, &len); /* with its line feed, and no NUL */
    make_room(b, len);
    if (take(b, said->to, said->message->type, slice_of(text, len)) && !bot_pending_full(b, len))
        bot_pending_add(b, said, slice_of(text, len))->time_ms = clock_now().wall_ms;
    free(text);
}

static void filter_again(struct bot *b, struct bot_pending *p)
{
    p->time_ms = clock_now().wall_ms;
    if (p->line == NULL || !take(b, p->to, p->type, slice_z(p->line)))
        bot_pending_done(b, p);
}

static int filter_begin(struct bot *b, int argc, char **argv)
{
    struct filter *f = mem_new(struct filter);
    b->work = f;
    f->argv = argv; /* ended by NULL */
    static const char *const EXEC_ONLY[] = {"command", "shell", "dashes",
                                            "time",    "size",  "parallel"};
    for (size_t i = 0; i < sizeof(EXEC_ONLY) / sizeof(EXEC_ONLY[0]); i++)
        if (app_option(b->app, EXEC_ONLY[i]) != NULL)
            return app_fail(b->app, EXIT_USAGE, "--%s goes with --exec", EXEC_ONLY[i]);
    if (argc == 0)
        return app_fail(b->app, EXIT_USAGE, "which program? burble bot -- PROGRAM [ARG...]");
    return 0;
}

static void filter_end(struct bot *b)
{
    struct filter *f = b->work;
    if (f == NULL)
        return;
    child_stop(&f->child, STOP_MS);
    if (b->session->loop != NULL)
        burble_loop_unalarm(b->session->loop, f->alarm);
    buf_free(&f->waiting);
    mem_free(f->to);
    mem_free(f);
    b->work = NULL;
}

const struct bot_mode BOT_FILTER = {.begin = filter_begin,
                                    .start = filter_start,
                                    .message = filter_message,
                                    .again = filter_again,
                                    .reads_on = true,
                                    .sent = filter_sent,
                                    .end = filter_end};
