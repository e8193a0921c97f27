/* burble bridge post: a text to a microblog and to XMPP at once (S7); and what both commands of the
 * bridge share: the command line and the secret. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "burble/bridge.h"
#include "burble/bridge_options.h"
#include "burble/password.h"
#include "burble/password_command.h"
#include "burble/private_file.h"
#include "burble/words.h"
#include "xmpp/jid.h"

enum { SECRET_BYTES_MAX = 4096 };

static const struct option_row POST_OPTIONS[] = {BRIDGE_ROWS, {NULL, NULL, NULL, 0, false}};

/* ------------------------------------------------------------------------------------ command line
 */

/* The first line, without its end. */
static void cut_line(struct buf *b)
{
    struct slice s = buf_slice(b);
    size_t n = slice_find(s, '\n');
    if (n > 0 && n <= s.len && s.ptr[n - 1] == '\r')
        n--;
    buf_truncate(b, n);
}

static int secret_of_command(struct app *app, const char *command, struct buf *out)
{
    struct config_strings words;
    if (!words_split(slice_z(command), &words) || words.count == 0) {
        words_free(&words);
        return app_fail(app, EXIT_USAGE, "--secret-command: no program, or an open quote");
    }
    int status = password_command_run(app, &words, "--secret-command", out);
    words_free(&words);
    return status;
}

/* The token, or the password of --user; the environment forgets it at once. */
static int read_secret(struct app *app, const char *user, struct buf *out)
{
    const char *file = app_option(app, "secret-file"), *command = app_option(app, "secret-command");
    char *env = getenv("BURBLE_BRIDGE_SECRET");
    int status = 0;
    if (env != NULL)
        (void)buf_add(out, slice_z(env));
    if (env != NULL) {
        mem_wipe(env, strlen(env));
        (void)unsetenv("BURBLE_BRIDGE_SECRET");
    }
    if (file != NULL || command != NULL)
        buf_clear(out);
    if (file != NULL && command != NULL)
        return app_fail(app, EXIT_USAGE, "--secret-file and --secret-command exclude each other");
    if (file != NULL)
        status = private_file_read(app, file, "the secret of the microblog", false,
                                   SECRET_BYTES_MAX, out);
    else if (command != NULL)
        status = secret_of_command(app, command, out);
    else if (env == NULL)
        status = password_ask(app, user != NULL ? "Password of the microblog" : "Token", false,
                              false, out);
    cut_line(out);
    if (status == 0 && buf_len(out) == 0)
        status = app_fail(app, EXIT_USAGE, "the token or password of the microblog is empty");
    return status == 0 && buf_byte(out, '\0') != 0 ? EXIT_REFUSED : status;
}

static int read_url(struct app *app, struct blog *b)
{
    const char *url = app_option(app, "url");
    if (url == NULL)
        return app_fail(app, EXIT_USAGE, "which microblog? --url https://HOST[/PATH]");
    switch (http_url_scheme(url)) {
    case HTTP_NOT_ONE:
        return app_fail(app, EXIT_USAGE,
                        "--url is https://HOST[:PORT][/PATH], without a user and a password");
    case HTTP_PLAIN:
        if (app_option(app, "plain-http") == NULL)
            return app_fail(app, EXIT_USAGE,
                            "--url: over http everybody on the way can read the secret; use https, "
                            "or --plain-http");
        out_error("warning: --plain-http: everybody on the way can read the secret");
        break;
    case HTTP_SAFE:
        break;
    }
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    b->url = mem_copy(slice_of(url, len));
    return strpbrk(url, "?#") == NULL
               ? 0
               : app_fail(app, EXIT_USAGE, "--url is the address of the API, without a query");
}

static bool one_of(const char *text, const char *const *names, const char **out)
{
    for (; *names != NULL; names++)
        if (text == NULL || strcmp(*names, text) == 0) {
            *out = *names;
            return true;
        }
    return false;
}

static int read_style(struct app *app, struct blog *b)
{
    static const char *const STYLES[] = {"mastodon", "twitter", NULL};
    static const char *const TIMELINES[] = {"home", "public", "user", "friends", NULL};
    static const char *const SEEN[] = {"public", "unlisted", "private", "direct", NULL};
    const char *style, *user = app_option(app, "user"), *seen = app_option(app, "visibility");
    if (!one_of(app_option(app, "style"), STYLES, &style))
        return app_fail(app, EXIT_USAGE, "--style is mastodon or twitter");
    b->style = style == STYLES[0] ? BLOG_MASTODON : BLOG_TWITTER;
    if (!one_of(app_option(app, "timeline"), TIMELINES, &b->timeline) ||
        (b->style == BLOG_MASTODON && strcmp(b->timeline, "home") != 0 &&
         strcmp(b->timeline, "public") != 0))
        return app_fail(app, EXIT_USAGE, "--timeline is home or public%s",
                        b->style == BLOG_TWITTER ? ", user or friends" : "");
    if (seen != NULL && !one_of(seen, SEEN, &b->visibility))
        return app_fail(app, EXIT_USAGE, "--visibility is public, unlisted, private or direct");
    if (b->style == BLOG_TWITTER && user == NULL)
        return app_fail(app, EXIT_USAGE, "--style twitter wants --user");
    if (user != NULL)
        b->user = mem_copy(slice_z(user));
    return 0;
}

int bridge_open(struct app *app, struct bridge *b)
{
    b->app = app;
    int status = read_style(app, &b->blog);
    if (status == 0)
        status = read_url(app, &b->blog);
    if (status == 0)
        status = read_secret(app, b->blog.user, &b->blog.secret);
    return status == 0 ? bridge_queue_open(app, &b->queue) : status;
}

int bridge_begin(struct bridge *b, struct session *s)
{
    b->session = s;
    int err = http_open(s->loop, app_option(b->app, "http-ca-file"), &b->blog.http);
    return err == 0 ? 0 : app_fail(b->app, EXIT_REFUSED, "HTTP: %s", err_text(err));
}

void bridge_close(struct bridge *b)
{
    bridge_stop(b);
    http_close(&b->blog.http);
    mem_free(b->blog.url);
    mem_free(b->blog.user);
    password_free(&b->blog.secret);
    bridge_queue_close(&b->queue);
}

int bridge_code(enum blog_outcome outcome)
{
    switch (outcome) {
    case BLOG_DONE:
        return EXIT_DONE;
    case BLOG_LATER:
        return EXIT_UNREACHABLE;
    case BLOG_LOGIN:
        return EXIT_LOGIN;
    case BLOG_STRANGE:
        return EXIT_PROTOCOL;
    default:
        return EXIT_REFUSED;
    }
}

int bridge_read_to(struct app *app, const char *to[BRIDGE_TO_MAX], size_t *count_out)
{
    const char *jid;
    *count_out = 0;
    for (size_t i = 0; (jid = options_get_nth(&app->options, "to", i)) != NULL; i++) {
        struct arena mem = {0};
        struct jid parsed;
        bool good = jid_parse(slice_z(jid), &mem, &parsed) == 0;
        arena_free(&mem);
        if (!good)
            return app_fail(app, EXIT_USAGE, "--to is an address, not \"%s\"", jid);
        if (i == BRIDGE_TO_MAX)
            return app_fail(app, EXIT_USAGE, "--to: at most %d addresses", (int)BRIDGE_TO_MAX);
        to[(*count_out)++] = jid;
    }
    return 0;
}

/* -------------------------------------------------------------------------------------------- post
 */

struct post {
    struct bridge b;
    const char *text;
    const char *to[BRIDGE_TO_MAX];
    size_t to_count;
    bool status, begun, failed; /* on XMPP */
    bool pinged;                /* and the server has read it all */
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
    if (resumed || w->begun)
        return;
    w->begun = true;
    if (w->status && burble_set_presence(s->client, BURBLE_SHOW_ONLINE, w->text, 0, NULL) != 0)
        out_error("xmpp: the status cannot be shown");
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
    if (e->error != 0) {
        w->failed = true;
        say_result(s->app, "xmpp", false, burble_error_text(e->error), NULL);
    }
    bridge_sent(&w->b, e);
    end_if_done(w);
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

/* The text of the command line or of standard input; on the heap. */
static char *read_text(struct app *app, const char *given, int *status_out)
{
    struct buf b = {0};
    char *text = NULL;
    *status_out = EXIT_USAGE;
    if (strcmp(given, "-") != 0) {
        (void)buf_add(&b, slice_z(given));
    } else {
        char piece[2048];
        ssize_t n;
        while (buf_len(&b) <= BRIDGE_TEXT_BYTES_MAX &&
               (n = read(STDIN_FILENO, piece, sizeof(piece))) > 0)
            (void)buf_append(&b, piece, (size_t)n);
    }
    struct slice all = buf_slice(&b);
    while (all.len > 0 && strchr(" \t\r\n", all.ptr[all.len - 1]) != NULL)
        all.len--;
    if (all.len == 0)
        (void)app_fail(app, EXIT_USAGE, "there is no text");
    else if (all.len > BRIDGE_TEXT_BYTES_MAX)
        (void)app_fail(app, EXIT_USAGE, "the text is longer than %d bytes",
                       (int)BRIDGE_TEXT_BYTES_MAX);
    else if (!utf8_valid(all) || slice_find(all, '\0') < all.len)
        (void)app_fail(app, EXIT_USAGE, "the text is not UTF-8");
    else
        text = mem_copy(all);
    if (text != NULL)
        *status_out = 0;
    buf_free(&b);
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
    static const struct session_ops OPS = {.online = online, .sent = sent};
    struct session s = {0};
    struct post *w = mem_new(struct post);
    int status;
    (void)argc;
    char *text = read_text(app, argv[0], &status);
    w->text = text;
    w->status = app_option(app, "no-status") == NULL;
    w->b.told = told;
    w->b.idle = idle;
    w->b.once = true;
    w->b.work = w;
    if (status == 0)
        status = bridge_read_to(app, w->to, &w->to_count);
    if (status == 0)
        status = bridge_open(app, &w->b);
    if (status == 0)
        status = session_open(app, &OPS, w, &(struct session_options){.purpose = "bridge"}, &s);
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
