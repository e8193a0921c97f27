/* burble history: what was said before, from the archive of the account or of a room (XEP-0313).
 * Without --since the last messages; they are fetched from the end, page by page, and printed in
 * order when all are there. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "burble/archive.h"
#include "burble/message_json.h"
#include "burble/message_text.h"
#include "burble/session.h"
#include "burble/text.h"
#include "io/clock.h"

enum { LAST = 20, MOST = 100000, SINCE_MOST = 10000 };

static const struct option_row OPTIONS[] = {
    {"with", "JID", "only what was said with this address", 0, false},
    {"room", "JID", "the archive of this room", 0, false},
    {"since", "TIME", "from a day, a time, or 30m, 12h, 7d ago", 0, false},
    {"until", "TIME", "up to then", 0, false},
    {"max", "N", "so many messages: 20, with --since 10,000", 0, false},
    {"search", "WORDS", "only with these words in it", 0, false},
    {"all", NULL, "also what has no body: receipts, subjects", 0, false},
    {"raw", NULL, "whole stanzas; with --json as \"xml\"", 0, false},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    struct burble_archive_query query;
    bool all, raw;
    /* Backwards, what waits to be printed: one text per message, one number per page. */
    char **lines;
    size_t count;
    size_t *pages; /* how many lines there were at its end */
    size_t page_count;
};

/* -------------------------------------------------------------------------------------- printing
 */

static void put_shown(struct buf *out, const char *text, enum text_kind kind)
{
    if (text_show(slice_z(text), kind, out) != 0)
        out->failed = 1;
    buf_byte(out, '\n');
}

static void put_text(const struct work *w, const struct burble_message *m, struct buf *out)
{
    struct buf head = {0};
    message_head(m, &head);
    if (m->type == BURBLE_MESSAGE_ERROR)
        (void)buf_lit(&head, " error");
    buf_byte(&head, '\0');
    if (!head.failed)
        put_shown(out, buf_slice(&head).ptr, TEXT_LINE);
    buf_free(&head);
    if (w->raw) {
        char *xml = burble_xml_print(m->xml, true);
        put_shown(out, xml != NULL ? xml : "", TEXT_LINES);
        free(xml);
        return;
    }
    if (m->subject != NULL)
        put_shown(out, m->subject, TEXT_LINES);
    if (m->body != NULL)
        put_shown(out, m->body, TEXT_LINES);
}

/* The message as it will be printed; NULL: out of memory. */
static char *line_of(struct session *s, const struct burble_message *m)
{
    const struct work *w = s->arg;
    struct buf out = {0};
    if (s->app->out.json) {
        json_t *row = message_json(m, w->raw);
        char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
        json_decref(row);
        buf_add(&out, slice_z(text));
        buf_byte(&out, '\n');
        free(text);
    } else {
        put_text(w, m, &out);
    }
    buf_byte(&out, '\0');
    char *copy = out.failed ? NULL : mem_copy(slice_z(buf_slice(&out).ptr));
    buf_free(&out);
    return copy;
}

static void print(struct session *s, const char *line)
{
    if (!out_bytes(&s->app->out, slice_z(line)))
        session_end(s, EXIT_INTERRUPTED);
}

/* The newest page came first. */
static void print_backwards(struct session *s)
{
    const struct work *w = s->arg;
    size_t end = w->count;
    for (size_t i = w->page_count + 1; i-- > 0 && !s->ending;) {
        size_t begin = i > 0 ? w->pages[i - 1] : 0;
        for (size_t at = begin; at < end && !s->ending; at++)
            print(s, w->lines[at]);
        end = begin;
    }
}

/* --------------------------------------------------------------------------------------- asking */

static bool backwards(const struct work *w)
{
    return (w->query.flags & BURBLE_ARCHIVE_BACKWARDS) != 0;
}

static void on_message(struct burble *c, const struct burble_message *m, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    (void)c;
    if (s->ending || (m->body == NULL && !w->all && !w->raw))
        return;
    char *line = line_of(s, m);
    if (line == NULL)
        return;
    if (!backwards(w)) {
        print(s, line);
        mem_free(line);
        return;
    }
    w->lines = mem_resize(w->lines, w->count + 1, sizeof(*w->lines));
    w->lines[w->count++] = line;
}

static void on_page(struct burble *c, uint32_t count, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    (void)c, (void)count;
    w->pages = mem_resize(w->pages, w->page_count + 1, sizeof(*w->pages));
    w->pages[w->page_count++] = w->count;
}

static void on_done(struct burble *c, const struct burble_archive_result *r, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    (void)c;
    if (s->ending || r->outcome == BURBLE_IQ_GONE)
        return; /* the session says why */
    if (backwards(w))
        print_backwards(s);
    if (r->outcome == BURBLE_IQ_RESULT) {
        if (!r->complete && !backwards(w))
            out_note(&s->app->out, "there is more; --max shows more of it");
        session_end(s, EXIT_DONE);
        return;
    }
    out_error("%s (%s)", r->text, r->error.condition);
    session_end(s, r->outcome == BURBLE_IQ_TIMEOUT ? EXIT_UNREACHABLE : EXIT_REFUSED);
}

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    (void)resumed;
    w->query.arg = s;
    int err = burble_archive_query(s->client, &w->query, NULL);
    if (err != 0)
        session_end(s, app_fail(s->app, err == BURBLE_ERR_SYNTAX ? EXIT_USAGE : EXIT_REFUSED, "%s",
                                err == BURBLE_ERR_SYNTAX ? "no address, or words that XML cannot "
                                                           "carry"
                                                         : burble_error_text(err)));
}

/* ------------------------------------------------------------------------------- the command line
 */

/* "7d": so long ago. */
static bool read_ago(struct slice text, int64_t *out)
{
    static const struct {
        char unit;
        int64_t ms;
    } UNITS[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    unsigned long long n;
    if (text.len < 2 || text.len > 7 || !slice_to_u64(slice_of(text.ptr, text.len - 1), &n))
        return false;
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        if (UNITS[i].unit != text.ptr[text.len - 1])
            continue;
        *out = clock_now().wall_ms - (int64_t)n * UNITS[i].ms;
        return true;
    }
    return false;
}

static int read_time(struct app *app, const char *option, int64_t *out)
{
    const char *text = app_option(app, option);
    struct buf day = {0}, here = {0};
    if (text == NULL)
        return 0;
    (void)buf_printf(&day, "%sT00:00:00Z", text);
    (void)buf_printf(&here, "%sZ", text);
    bool good = read_ago(slice_z(text), out) || time_parse(slice_z(text), out);
    if (!good && !day.failed && !here.failed &&
        (time_parse(buf_slice(&day), out) || time_parse(buf_slice(&here), out))) {
        *out = time_from_here(*out);
        good = true;
    }
    buf_free(&day);
    buf_free(&here);
    if (good)
        return 0;
    return app_fail(app, EXIT_USAGE,
                    "--%s %s: expected 2026-11-20, 2026-11-20T06:09:34Z, or 30m, 12h, 7d", option,
                    text);
}

static int read_options(struct app *app, struct work *w)
{
    unsigned max = 0;
    int status = read_time(app, "since", &w->query.start_ms);
    if (status == 0)
        status = read_time(app, "until", &w->query.end_ms);
    if (status == 0)
        status = app_option_number(app, "max", 1, MOST, &max);
    bool since = app_option(app, "since") != NULL;
    w->query.with = app_option(app, "with");
    w->query.archive = app_option(app, "room");
    w->query.text = app_option(app, "search");
    w->query.max = max != 0 ? max : since ? SINCE_MOST : LAST;
    w->query.page = w->query.max; /* the library and the archive make less of it */
    w->query.flags = since ? 0 : BURBLE_ARCHIVE_BACKWARDS;
    w->query.message = on_message;
    w->query.page_done = on_page;
    w->query.done = on_done;
    w->all = app_option(app, "all") != NULL;
    w->raw = app_option(app, "raw") != NULL;
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online};
    struct work w = {.query = BURBLE_ARCHIVE_QUERY(.with = NULL)};
    struct session s;
    (void)argc, (void)argv;
    int status = read_options(app, &w);
    if (status != 0)
        return status;
    status = session_open(app, &OPS, &w, NULL, &s);
    if (status == 0)
        status = session_run(&s);
    session_close(&s);
    for (size_t i = 0; i < w.count; i++)
        mem_free(w.lines[i]);
    mem_free(w.lines);
    mem_free(w.pages);
    return status;
}

const struct command CMD_HISTORY = {
    .name = "history",
    .shown = "",
    .account = true,
    .options = OPTIONS,
    .line = "print what was said before, from the archive",
    .help = "Prints the last messages of the server's archive, oldest first: when (local\n"
            "time), who, then the text. With --since everything from then on. With --json one\n"
            "object per line, for programs.",
    .run = run,
};
