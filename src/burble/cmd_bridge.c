/* burble bridge post: a text to a microblog and to XMPP at once (S7). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "burble/bridge.h"
#include "burble/bridge_options.h"

/* The priority of a session that is over in a moment (RFC 6121 section 4.7.2.3). */
enum { NO_MESSAGES = -1 };

static const struct option_row POST_OPTIONS[] = {BRIDGE_ROWS, {NULL, NULL, NULL, 0, false}};

struct post {
    struct bridge b;
    const char *text;
    const char *to[BRIDGE_TO_MAX];
    size_t to_count;
    bool status, begun, failed; /* on XMPP */
    bool pinged;                /* and the server has read it all, and said what was wrong */
    bool blog_idle;
    int code; /* of the microblog */
};

static void say_result(struct app *app, const char *side, bool good, const char *text,
                       const struct blog_post *p)
{
    if (app->out.json) {
        json_t *row = json_pack("{s:s, s:b}", "side", side, "done", good);
        if (row != NULL && p != NULL)
            json_object_set_new(row, "id", json_string(p->id));
        if (row != NULL && p != NULL && p->link != NULL)
            json_object_set_new(row, "url", out_string(slice_z(p->link)));
        if (row != NULL && !good)
            json_object_set_new(row, "why", out_string(slice_z(text)));
        (void)out_json(&app->out, row);
    } else if (good) {
        (void)out_line(&app->out, "%s: %s", side, text);
    }
    if (!good)
        out_error("%s: %s", side, text);
}

static void end_if_done(struct post *w)
{
    if (w->blog_idle && w->begun && w->pinged && w->b.messages_open == 0 && w->b.pep_open == 0) {
        if (!w->b.session->ending && !w->failed)
            say_result(w->b.app, "xmpp", true, w->status ? "the status was shown" : "sent", NULL);
        session_end(w->b.session, w->failed ? EXIT_REFUSED : EXIT_DONE);
    }
}

static void xmpp_failed(struct post *w, const char *why)
{
    w->failed = true;
    say_result(w->b.app, "xmpp", false, why, NULL);
}

static void seen(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct post *w = arg;
    (void)c;
    if (answer->outcome == BURBLE_IQ_GONE)
        return; /* the session says why */
    w->pinged = true;
    end_if_done(w);
}

static void online(struct session *s, bool resumed)
{
    struct post *w = s->arg;
    (void)resumed; /* one that was interrupted: what is to be done is the same */
    if (w->begun)
        return;
    w->begun = true;
    int err = w->status
                  ? burble_set_presence(s->client, BURBLE_SHOW_ONLINE, w->text, NO_MESSAGES, NULL)
                  : 0;
    if (err != 0)
        xmpp_failed(w, burble_error_text(err));
    bridge_publish(&w->b);
    bridge_send(&w->b);
    /* Whatever the answer is: the server has read what came before it. */
    w->pinged = burble_get(s->client, burble_domain(s->client), "<ping xmlns='urn:xmpp:ping'/>", 0,
                           seen, w, NULL) != 0;
    end_if_done(w);
}

static void sent(struct session *s, const struct burble_sent_event *e)
{
    struct post *w = s->arg;
    if (e->error != 0)
        xmpp_failed(w, burble_error_text(e->error));
    bridge_sent(&w->b, e);
    end_if_done(w);
}

/* Whatever comes back is one of those that were sent. */
static void message(struct session *s, const struct burble_message *m)
{
    struct post *w = s->arg;
    struct buf why = {0};
    if (m->type != BURBLE_MESSAGE_ERROR)
        return;
    (void)buf_printf(&why, "%s: ", m->from);
    session_error_text(&m->error, &why);
    xmpp_failed(w, buf_byte(&why, '\0') == 0 ? buf_slice(&why).ptr : m->error.condition);
    buf_free(&why);
}

static void pep_failed(struct bridge *b, const char *why)
{
    struct buf text = {0};
    (void)buf_printf(&text, "PEP: %s", why);
    xmpp_failed(b->work, buf_byte(&text, '\0') == 0 ? buf_slice(&text).ptr : why);
    buf_free(&text);
}

static void told(struct bridge *b, struct bridge_item *i, const struct blog_result *r)
{
    struct post *w = b->work;
    bool good = r->outcome == BLOG_DONE;
    struct buf text = {0};
    const struct blog_post *p = good ? &r->posts[0] : NULL;
    bool kept = !good && r->outcome != BLOG_REFUSED;
    (void)i;
    (void)buf_add(&text, slice_z(!good ? r->why : p->link != NULL ? p->link : p->id));
    if (kept)
        (void)buf_add(&text, state_held(&b->queue.state)
                                 ? SLICE("\nIt is kept, and posted by the next burble bridge.")
                                 : SLICE("\nIt is lost."));
    (void)buf_byte(&text, '\0');
    say_result(b->app, "microblog", good, text.failed ? r->why : buf_slice(&text).ptr, p);
    buf_free(&text);
    if (w->code == EXIT_DONE)
        w->code = bridge_code(r->outcome);
}

static void idle(struct bridge *b)
{
    struct post *w = b->work;
    w->blog_idle = b->call == NULL;
    end_if_done(w);
}

static int read_input(struct app *app, struct buf *out)
{
    char piece[2048];
    ssize_t n;
    while (buf_len(out) <= BRIDGE_TEXT_BYTES_MAX &&
           (n = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return app_fail(app, EXIT_USAGE, "standard input cannot be read: %s", strerror(errno));
        (void)buf_append(out, piece, (size_t)n);
    }
    return 0;
}

/* The text of the command line or of standard input, as XML can carry it; on the heap. */
static char *read_text(struct app *app, const char *given, int *status_out)
{
    struct buf b = {0}, clean = {0};
    char *text = NULL;
    *status_out = 0;
    if (strcmp(given, "-") != 0)
        (void)buf_add(&b, slice_z(given));
    else
        *status_out = read_input(app, &b);
    struct slice all = buf_slice(&b);
    while (all.len > 0 && strchr(" \t\r\n", all.ptr[all.len - 1]) != NULL)
        all.len--;
    if (*status_out != 0) {
        buf_free(&b);
        return NULL;
    }
    *status_out = EXIT_USAGE;
    bot_clean(all, SIZE_MAX, &clean);
    if (b.failed || clean.failed)
        *status_out = app_fail(app, EXIT_REFUSED, "out of memory");
    else if (all.len == 0 || buf_len(&clean) <= 1)
        (void)app_fail(app, EXIT_USAGE, "there is no text");
    else if (all.len > BRIDGE_TEXT_BYTES_MAX)
        (void)app_fail(app, EXIT_USAGE, "the text is longer than %d bytes",
                       (int)BRIDGE_TEXT_BYTES_MAX);
    else if (!utf8_valid(all) || slice_find(all, '\0') < all.len)
        (void)app_fail(app, EXIT_USAGE, "the text is not UTF-8");
    else
        text = mem_copy(slice_of(clean.ptr, buf_len(&clean) - 1));
    if (text != NULL)
        *status_out = 0;
    buf_free(&b);
    buf_free(&clean);
    return text;
}

/* Everything is under way before there is a session, and kept before it is under way. */
static int begin(struct post *w, struct session *s)
{
    int status = bridge_begin(&w->b, s);
    if (status != 0)
        return status;
    struct bridge_item *i = bridge_queue_add(&w->b.queue, w->text, NULL);
    if (i == NULL)
        return app_fail(w->b.app, EXIT_REFUSED, "%d texts wait for the microblog already",
                        (int)BRIDGE_QUEUE_MAX);
    i->for_blog = true;
    i->for_pep = app_option(w->b.app, "pep") != NULL;
    bridge_queue_set_status(&w->b.queue, w->text);
    for (size_t n = 0; n < w->to_count; n++) {
        i = bridge_queue_add(&w->b.queue, w->text, NULL);
        if (i != NULL)
            i->to = mem_copy(slice_z(w->to[n]));
        else
            out_error("xmpp: too much waits for a session; nothing is sent to %s", w->to[n]);
    }
    status = bridge_queue_save(&w->b.queue);
    if (status == 0)
        bridge_pump(&w->b);
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online, .sent = sent, .message = message};
    /* A session of its own: in that of `bridge run` its messages would end here. */
    static const struct session_options options = {.purpose = "bridge-post"};
    struct session s = {0};
    struct post *w = mem_new(struct post);
    int status;
    (void)argc;
    char *text = read_text(app, argv[0], &status);
    w->text = text;
    w->status = app_option(app, "no-status") == NULL;
    w->b.told = told;
    w->b.pep_failed = pep_failed;
    w->b.idle = idle;
    w->b.once = true;
    w->b.work = w;
    if (status == 0)
        status = bridge_read_to(app, w->to, &w->to_count);
    if (status == 0)
        status = bridge_open(app, &w->b);
    if (status == 0)
        status = session_open(app, &OPS, w, &options, &s);
    if (status == 0)
        status = begin(w, &s);
    if (status == 0) {
        status = session_run(&s);
        /* The one side is over; the other may not be. */
        while (!w->blog_idle && s.status != EXIT_INTERRUPTED && burble_loop_wait(s.loop, -1) == 0)
            ;
    }
    if (s.inside != NULL && !w->begun && w->to_count > 0 && state_held(&w->b.queue.state))
        out_error("xmpp: what was to be sent is kept, and is sent by the next burble bridge");
    if (w->code != EXIT_DONE && status != EXIT_INTERRUPTED)
        status = w->code;
    bridge_close(&w->b);
    session_close(&s);
    mem_free(text);
    mem_free(w);
    return status;
}

const struct command CMD_BRIDGE_POST = {
    .name = "bridge post",
    .shown = "TEXT|-",
    .args_min = 1,
    .args_max = 1,
    .account = true,
    .options = POST_OPTIONS,
    .line = "post a text to a microblog, and show it as status",
    .help = "The text goes to the microblog over HTTP and to XMPP at once. When one side\n"
            "fails the other has it all the same; what the microblog did not take is kept,\n"
            "and goes there with the next text, or with `burble bridge run`.\n\n"
            "The token of the microblog (or with --user the password) comes from\n"
            "--secret-file, --secret-command or BURBLE_BRIDGE_SECRET, or is asked for.",
    .run = run,
};
