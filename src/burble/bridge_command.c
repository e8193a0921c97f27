/* What both commands of the bridge share: what their command lines say of the microblog, and its
 * secret. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/bridge.h"
#include "burble/password.h"
#include "burble/password_command.h"
#include "burble/private_file.h"
#include "burble/words.h"
#include "xmpp/jid.h"

enum { SECRET_BYTES_MAX = 4096 };

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

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
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
    else if (env == NULL && !has_terminal())
        return app_fail(app, EXIT_USAGE,
                        "where is the %s of the microblog? --secret-file, --secret-command or "
                        "BURBLE_BRIDGE_SECRET",
                        user != NULL ? "password" : "token");
    else if (env == NULL)
        status = password_ask(app, user != NULL ? "Password of the microblog" : "Token", false,
                              false, "--secret-file or --secret-command", out);
    cut_line(out);
    if (status == 0 && buf_len(out) == 0)
        status = app_fail(app, EXIT_USAGE, "the token or password of the microblog is empty");
    /* It becomes a part of a header. */
    for (uint32_t i = out->start; status == 0 && i < out->end; i++)
        if ((unsigned char)out->ptr[i] < 0x20 || out->ptr[i] == 0x7f)
            status = app_fail(app, EXIT_USAGE,
                              "the token or password of the microblog has a control character");
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
    if (user != NULL && (*user == '\0' || strchr(user, ':') != NULL)) /* RFC 7617 section 2 */
        return app_fail(app, EXIT_USAGE, "--user is a name without a colon");
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
    return status == 0 ? bridge_queue_open(app, &b->blog, &b->queue) : status;
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
