/* burble file receive: saves the files that others offer in-band (XEP-0234, XEP-0261), of contacts
 * or of those who are named, under safe names (V70). Others do not learn that anybody is here. */
#include "base/list.h"
#include "base/mem.h"
#include "burble/disco.h"
#include "burble/file.h"
#include "burble/roster.h"
#include "burble/save_file.h"
#include "burble/session.h"
#include "xml/writer.h"
#include "xmpp/jid.h"

#define SIZE_MAX_DEFAULT 1024u /* MiB */

static const struct option_row OPTIONS[] = {
    {"from", "JID", "of this address alone", 0, true},
    {"dir", "DIR", "save there instead of ~/Downloads", 0, false},
    {"count", "N", "end after so many files", 0, false},
    {"max-size", "MIB", "decline bigger files; 1,024", 0, false},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    struct session *session;
    char *dir;
    unsigned count, received, max_mib;
    struct buf *from; /* prepared addresses, of --from */
    size_t from_count;
    struct burble_roster *roster; /* without --from */
    struct list transfers;
};

struct transfer {
    struct list link;
    struct work *work;
    struct burble_file *file;
    struct save_file save;
};

/* ------------------------------------------------------------------------------------ who may send
 */

/* A full address is one device, a bare one all of them. */
static bool matches(struct slice full, struct slice given)
{
    size_t bare = slice_find(given, '/') < given.len ? full.len : slice_find(full, '/');
    return slice_eq(slice_of(full.ptr, bare), given);
}

static bool allow(struct burble *c, const char *from, void *arg)
{
    const struct work *w = arg;
    (void)c;
    if (w->session->ending)
        return false;
    for (size_t i = 0; i < w->from_count; i++)
        if (matches(slice_z(from), buf_slice(&w->from[i])))
            return true;
    return w->roster != NULL && burble_roster_sees_us(w->roster, from);
}

static int take_from(struct app *app, struct work *w)
{
    const char *given;
    int status = 0;
    for (size_t i = 0; status == 0 && (given = options_get_nth(&app->options, "from", i)) != NULL;
         i++) {
        struct arena mem = {0};
        struct jid jid;
        w->from = mem_resize(w->from, i + 1, sizeof(*w->from));
        w->from[w->from_count++] = (struct buf){0};
        if (jid_parse(slice_z(given), &mem, &jid) != 0)
            status = app_fail(app, EXIT_USAGE, "--from: \"%s\" is no address", given);
        else
            buf_add(&w->from[i], jid_full(&jid));
        arena_free(&mem);
    }
    return status;
}

/* ------------------------------------------------------------------------------------- a transfer
 */

static void transfer_end(struct transfer *t)
{
    burble_file_free(&t->file);
    save_file_drop(&t->save);
    list_remove(&t->link);
    mem_free(t);
}

static void on_data(struct burble_file *f, const void *data, size_t len, void *arg)
{
    struct transfer *t = arg;
    (void)f;
    if (save_file_write(t->work->session->app, &t->save, data, len) != 0)
        transfer_end(t); /* the other side hears of it */
}

static void saved(struct transfer *t, const char *name)
{
    struct work *w = t->work;
    struct out *out = &w->session->app->out;
    struct buf path = {0};
    const struct burble_file_info *info = burble_file_about(t->file);
    (void)buf_printf(&path, "%s/%s", w->dir, name);
    if (out->json)
        (void)out_json(out,
                       json_pack("{s:o, s:o, s:o, s:I}", "from",
                                 out_string(slice_z(burble_file_peer(t->file))), "name",
                                 out_string(slice_z(info->name)), "path",
                                 out_string(buf_slice(&path)), "size", (json_int_t)info->size));
    else
        (void)out_line(out, "%.*s", SLICE_ARG(buf_slice(&path)));
    buf_free(&path);
    w->received++;
}

static void on_end(struct burble_file *f, enum burble_file_end end, const char *text, void *arg)
{
    struct transfer *t = arg;
    struct work *w = t->work;
    struct session *s = w->session;
    struct buf name = {0};
    if (end != BURBLE_FILE_DONE)
        out_error("%s of %s: %s", t->save.name, burble_file_peer(f), text);
    else if (save_file_finish(s->app, &t->save, &name) == 0 && buf_byte(&name, '\0') == 0)
        saved(t, buf_slice(&name).ptr);
    buf_free(&name);
    transfer_end(t);
    if (!out_open(&s->app->out))
        session_end(s, EXIT_INTERRUPTED);
    else if (w->count != 0 && w->received >= w->count)
        session_end(s, EXIT_DONE);
}

static void on_offer(struct burble *c, struct burble_file *f, void *arg)
{
    static const struct burble_file_handlers HANDLERS = {
        .size = sizeof(HANDLERS), .data = on_data, .end = on_end};
    struct work *w = arg;
    struct app *app = w->session->app;
    const struct burble_file_info *info = burble_file_about(f);
    (void)c;
    if (info->size > (uint64_t)w->max_mib << 20) {
        out_error("%s of %s was declined: it has more than %u MiB", info->name, burble_file_peer(f),
                  w->max_mib);
        burble_file_free(&f);
        return;
    }
    struct transfer *t = mem_new(struct transfer);
    t->work = w;
    t->file = f;
    list_push(&w->transfers, &t->link);
    if (save_file_begin(app, w->dir, info->name, &t->save) != 0 ||
        burble_file_accept(f, &HANDLERS, t) != 0)
        transfer_end(t);
    else
        out_detail(&app->out, "%s of %s: %llu bytes", info->name, burble_file_peer(f),
                   (unsigned long long)info->size);
}

/* -------------------------------------------------------------------------------------- the
 * session */

/* Who is named may be no contact: without seeing us they could not reach us (RFC 6121 section 4.6,
 * 8.5.3.2). */
static void show_to(struct session *s, struct slice jid)
{
    struct buf text = {0};
    buf_lit(&text, "<presence");
    xml_write_attr(&text, SLICE("to"), jid);
    buf_lit(&text, "><priority>-1</priority></presence>");
    if (buf_byte(&text, '\0') == 0)
        (void)burble_send(s->client, buf_slice(&text).ptr, 0, NULL);
    buf_free(&text);
}

static void online(struct session *s, bool resumed)
{
    const struct work *w = s->arg;
    if (resumed)
        return;
    /* With a priority below 0 no message is sent here instead of to a person. */
    (void)burble_set_presence(s->client, BURBLE_SHOW_ONLINE, NULL, -1, NULL);
    for (size_t i = 0; i < w->from_count; i++)
        show_to(s, buf_slice(&w->from[i]));
}

static int open_all(struct session *s)
{
    struct work *w = s->arg;
    int err = burble_file_listen(s->client, allow, on_offer, w);
    if (err == 0)
        err = burble_set_identity(s->client, "client", "console", NULL);
    if (err == 0 && app_option(s->app, "from") == NULL)
        err = burble_roster_new(s->client, &BURBLE_ROSTER_CONFIG(.arg = w), &w->roster);
    return err == 0 ? 0
                    : app_fail(s->app, EXIT_REFUSED, "cannot start: %s", burble_error_text(err));
}

static int run_session(struct app *app, struct work *w)
{
    static const struct session_ops OPS = {.online = online};
    struct session s;
    int status = session_open(app, &OPS, w, &(struct session_options){.stay = true}, &s);
    w->session = &s;
    if (status == 0)
        status = open_all(&s);
    if (status == 0)
        status = session_run(&s);
    while (!list_empty(&w->transfers))
        transfer_end(CONTAINER_OF(w->transfers.next, struct transfer, link));
    session_close(&s);
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    struct work w = {.max_mib = SIZE_MAX_DEFAULT};
    (void)argc, (void)argv;
    list_init(&w.transfers);
    int status = take_from(app, &w);
    if (status == 0)
        status = app_option_number(app, "count", 1, 1000000000, &w.count);
    if (status == 0)
        status = app_option_number(app, "max-size", 1, 1 << 30, &w.max_mib);
    if (status == 0 && (w.dir = save_file_dir(app)) == NULL)
        status = EXIT_USAGE;
    if (status == 0)
        status = run_session(app, &w);
    for (size_t i = 0; i < w.from_count; i++)
        buf_free(&w.from[i]);
    mem_free(w.from);
    mem_free(w.dir);
    return status;
}

const struct command CMD_FILE_RECEIVE = {
    .name = "file receive",
    .shown = "",
    .account = true,
    .options = OPTIONS,
    .line = "save the files that contacts send in-band",
    .help = "Waits for files that contacts, or those named by --from, send with burble file\n"
            "send --inband or another client (Jingle), and prints the path of each one. They\n"
            "are saved under safe names, and never over a file that is there. Links to\n"
            "uploaded files are messages: see burble listen.",
    .run = run,
};
