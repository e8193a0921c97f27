/* burble send: a text to one or more addresses. Ends with success when the server has taken over
 * every message and none came back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "burble/resources.h"
#include "burble/send.h"
#include "burble/send_room.h"
#include "burble/session.h"
#include "burble/share.h"

/* A server that is there, but takes over none of the messages for so long, is given up. */
enum { TEXT_BYTES_MAX = 1 << 20, PATIENCE_MS = 30000 };

static const struct option_row OPTIONS[] = {
    {"subject", "TEXT", "subject of the message", 's', false},
    {"headline", NULL, "as a headline: shown, not kept", 0, false},
    {"payload", "XML", "a further element of the message", 0, false},
    {"resource", "PATTERN", "to contacts' devices of this name: 'A*'", 0, false},
    {"room", NULL, "it is a room: enter it, say it, leave it", 0, false},
    {"file", "FILE", "upload it, and send the link", 'f', true},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    char **to;
    size_t count;
    const char *text; /* without files */
    char **files;
    char **paths; /* the same, where they are to be freed */
    char **links; /* of those that are uploaded; on the heap */
    size_t file_count, uploaded;
    struct share share;
    struct burble_message_options options;
    char (*ids)[64]; /* of each message to each address */
    size_t sent;     /* which the server has */
    size_t before;   /* and had PATIENCE_MS ago */
    bool asked;
    unsigned errors;
    struct resources resources;                                             /* with --resource */
    bool found;                                                             /* those devices */
    struct send_room room;                                                  /* with --room */
    void (*link_out)(struct session *s, const char *path, const char *url); /* NULL: nobody */
};

/* The server answers in order: what it says of the messages comes before this. */
static void settled(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    (void)c;
    if (answer->outcome == BURBLE_IQ_GONE || answer->outcome == BURBLE_IQ_TIMEOUT)
        session_refused(s, "whether the server has the message is not known", answer->outcome,
                        &answer->error);
    else
        session_end(s, w->errors > 0 ? EXIT_REFUSED : EXIT_DONE);
}

static void watch(void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    if (s->ending || w->asked)
        return;
    bool moves = w->sent > w->before;
    w->before = w->sent;
    if (moves && burble_loop_alarm(s->loop, PATIENCE_MS, watch, s, NULL) == 0)
        return;
    session_end(s, app_fail(s->app, EXIT_UNREACHABLE,
                            "the server does not confirm that it has taken over the message"));
}

/* A text to everybody, or each link. */
static size_t message_count(const struct work *w)
{
    return w->file_count > 0 ? w->file_count : 1;
}

static int say(struct session *s, size_t at, const char *to, const char *text)
{
    struct work *w = s->arg;
    int err = burble_say(s->client, to, text, &w->options, NULL, w->ids[at]);
    if (err == 0)
        return 0;
    return app_fail(s->app, err == BURBLE_ERR_SYNTAX ? EXIT_USAGE : EXIT_REFUSED, "%s: %s", to,
                    err != BURBLE_ERR_SYNTAX     ? burble_error_text(err)
                    : w->options.payload != NULL ? "no address, or the payload is no XML"
                                                 : "no address");
}

static void say_all(struct session *s)
{
    struct work *w = s->arg;
    int status = 0;
    size_t messages = message_count(w);
    w->ids = mem_array(w->count * messages, sizeof(*w->ids));
    (void)burble_loop_alarm(s->loop, PATIENCE_MS, watch, s, NULL);
    for (size_t i = 0; status == 0 && i < w->count * messages; i++) {
        if (w->file_count > 0)
            w->options.oob_url = w->links[i % messages];
        status =
            say(s, i, w->to[i / messages], w->file_count > 0 ? w->links[i % messages] : w->text);
    }
    if (status != 0)
        session_end(s, status);
}

static void begin(struct session *s)
{
    struct work *w = s->arg;
    if (w->room.jid != NULL) {
        if (w->file_count > 0)
            w->room.text = w->options.oob_url = w->links[0];
        send_room_begin(&w->room);
    } else if (w->resources.pattern == NULL || w->found) {
        say_all(s);
    }
}

static void upload_next(struct session *s)
{
    struct work *w = s->arg;
    int status = share_file(&w->share, w->files[w->uploaded]);
    if (status != 0)
        session_end(s, status);
}

static void uploaded(struct session *s, const char *url, int code)
{
    struct work *w = s->arg;
    if (url == NULL) {
        session_end(s, code);
        return;
    }
    if (w->link_out != NULL)
        w->link_out(s, w->files[w->uploaded], url);
    w->links[w->uploaded++] = mem_copy(slice_z(url));
    if (w->uploaded < w->file_count)
        upload_next(s);
    else
        begin(s);
}

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    if (resumed)
        return;
    if (w->file_count > 0)
        upload_next(s);
    else
        begin(s);
}

static void found(struct session *s, char **jids, size_t count)
{
    struct work *w = s->arg;
    w->to = jids;
    w->count = count;
    w->found = true;
    if (count > 0 && w->uploaded == w->file_count)
        say_all(s);
    else if (count == 0)
        session_end(s, app_fail(s->app, EXIT_REFUSED,
                                "no connected device of a contact matches \"%s\"",
                                w->resources.pattern));
}

static void sent(struct session *s, const struct burble_sent_event *e)
{
    struct work *w = s->arg;
    if (w->room.jid != NULL)
        return; /* what counts is that the room says it back */
    if (e->error != 0) {
        w->errors++;
        return;
    }
    if (++w->sent < w->count * message_count(w) || w->asked || s->ending)
        return;
    w->asked = true;
    if (burble_get(s->client, burble_domain(s->client), "<ping xmlns='urn:xmpp:ping'/>", 10000,
                   settled, s, NULL) != 0)
        session_end(s, EXIT_DONE);
}

static void message(struct session *s, const struct burble_message *m)
{
    struct work *w = s->arg;
    if (m->type != BURBLE_MESSAGE_ERROR || m->id == NULL || w->ids == NULL)
        return;
    for (size_t i = 0; i < w->count * message_count(w); i++) {
        if (strcmp(w->ids[i], m->id) != 0)
            continue;
        session_say_error(w->to[i / message_count(w)], &m->error);
        w->errors++;
    }
}

static const char NO_TEXT[] = "the text is not UTF-8, or has characters that XML cannot carry: "
                              "nothing was sent";

/* Standard input to its end, without the last line feed. */
static int read_input(struct app *app, struct buf *out)
{
    char piece[2048];
    ssize_t n;
    while ((n = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return app_fail(app, EXIT_USAGE, "standard input cannot be read: %s", strerror(errno));
        if (buf_len(out) + (size_t)n > TEXT_BYTES_MAX)
            return app_fail(app, EXIT_USAGE, "the text is longer than %d bytes", TEXT_BYTES_MAX);
        if (buf_append(out, piece, (size_t)n) != 0)
            return app_fail(app, EXIT_REFUSED, "out of memory");
    }
    struct slice text = buf_slice(out);
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        buf_truncate(out, text.len - 1);
    if (slice_find(buf_slice(out), '\0') < buf_len(out))
        return app_fail(app, EXIT_USAGE, "%s", NO_TEXT);
    return buf_byte(out, '\0') == 0 ? 0 : app_fail(app, EXIT_REFUSED, "out of memory");
}

static int run_session(struct app *app, struct work *w)
{
    static const struct session_ops OPS = {.online = online, .sent = sent, .message = message};
    struct session s;
    int status = session_open(app, &OPS, w, NULL, &s);
    w->resources.session = w->room.session = w->share.session = &s;
    w->share.done = uploaded;
    if (status == 0 && w->resources.pattern != NULL)
        status = resources_open(&w->resources);
    if (status == 0)
        status = session_run(&s);
    share_close(&w->share);
    session_close(&s);
    resources_close(&w->resources);
    for (size_t i = 0; i < w->uploaded; i++)
        mem_free(w->links[i]);
    mem_free(w->links);
    return status;
}

/* What cannot be sent is said before anybody hears of the rest. */
static int take_files(struct app *app, struct work *w, char **paths, size_t count)
{
    int status = 0;
    w->files = paths;
    w->file_count = count;
    w->links = mem_array(count, sizeof(*w->links));
    for (size_t i = 0; i < count && status == 0; i++) {
        struct local_file f;
        status = local_file_open(app, paths[i], &f);
        local_file_close(&f);
    }
    return status;
}

int send_files(struct app *app, char *to, char **paths, size_t count,
               void (*link_out)(struct session *s, const char *path, const char *url))
{
    struct work w = {.to = &to, .count = 1, .link_out = link_out};
    int status = take_files(app, &w, paths, count);
    if (status == 0)
        status = run_session(app, &w);
    else
        mem_free(w.links);
    mem_free(w.ids);
    return status;
}

/* --file, as often as it stands there; the words are addresses alone then. */
static int file_options(struct app *app, struct work *w, int argc)
{
    size_t count = 0;
    while (options_get_nth(&app->options, "file", count) != NULL)
        count++;
    if (count == 0)
        return 0;
    w->count = (size_t)argc;
    w->paths = mem_array(count, sizeof(*w->paths));
    for (size_t i = 0; i < count; i++)
        w->paths[i] = mem_copy(slice_z(options_get_nth(&app->options, "file", i)));
    int status = take_files(app, w, w->paths, count);
    if (status == 0 && app_option(app, "room") != NULL && count > 1)
        status = app_fail(app, EXIT_USAGE, "--room takes one --file");
    return status;
}

/* UTF-8, of the characters of XML 1.0 section 2.2. */
static bool can_be_sent(struct slice text)
{
    uint32_t code = 0;
    int n;
    for (; text.len > 0; text = slice_from(text, (size_t)n)) {
        n = utf8_decode(text, &code);
        bool control = code < 0x20 && code != '\t' && code != '\n' && code != '\r';
        if (n <= 0 || control || code == 0xFFFE || code == 0xFFFF)
            return false;
    }
    return true;
}

/* The last word, or standard input. */
static int take_text(struct app *app, struct work *w, int argc, char **argv, struct buf *text)
{
    bool last = argc > 1 || w->resources.pattern != NULL;
    int status = 0;
    if (last && strcmp(argv[argc - 1], "-") != 0) {
        w->text = argv[argc - 1];
    } else {
        status = read_input(app, text);
        w->text = buf_slice(text).ptr;
    }
    if (status == 0 && !can_be_sent(slice_z(w->text)))
        status = app_fail(app, EXIT_USAGE, "%s", NO_TEXT);
    /* An empty body may stand beside something else that is said. */
    if (status == 0 && *w->text == '\0' && w->options.subject == NULL && w->options.payload == NULL)
        status = app_fail(app, EXIT_USAGE, "there is no text: nothing was sent");
    return status;
}

/* Whoever forgets the quotes of a text would send its last word to people, and the others to
 * servers of these names. */
static int check_addresses(struct app *app, const struct work *w, char **argv)
{
    const char *own = strchr(app->account.jid, '@');
    size_t count = w->resources.pattern != NULL ? w->resources.only_count : w->count;
    for (size_t i = 0; i < count; i++) {
        const char *to = argv[i];
        if (strpbrk(to, "@.:/") == NULL && (own == NULL || strcmp(to, own + 1) != 0))
            return app_fail(app, EXIT_USAGE,
                            "\"%s\" is no address; a text of several words stands in quotes", to);
    }
    return 0;
}

static void take_resources(struct app *app, struct work *w, int argc, char **argv)
{
    w->resources = (struct resources){.pattern = app_option(app, "resource"), .found = found};
    if (w->resources.pattern == NULL)
        return;
    w->resources.only = argv; /* without files the last word is always the text */
    w->resources.only_count = (size_t)argc - (w->file_count > 0 ? 0 : 1);
    w->count = 0;
}

static int run(struct app *app, int argc, char **argv)
{
    struct buf text = {0};
    struct work w = {.to = argv, .count = argc > 1 ? (size_t)argc - 1 : 1};
    w.options.subject = app_option(app, "subject");
    w.options.payload = app_option(app, "payload");
    if (app_option(app, "headline") != NULL)
        w.options.type = BURBLE_HEADLINE;
    int status = file_options(app, &w, argc);
    take_resources(app, &w, argc, argv);
    if (status == 0)
        status = check_addresses(app, &w, argv);
    if (status == 0 && w.file_count == 0)
        status = take_text(app, &w, argc, argv, &text);
    if (app_option(app, "room") != NULL)
        w.room = (struct send_room){.jid = argv[0], .text = w.text, .options = &w.options};
    if (status == 0 && w.room.jid != NULL && w.count != 1)
        status = app_fail(app, EXIT_USAGE, "--room takes one address and no --resource");
    if (status == 0)
        status = run_session(app, &w);
    else
        mem_free(w.links);
    for (size_t i = 0; w.paths != NULL && i < w.file_count; i++)
        mem_free(w.paths[i]);
    mem_free(w.paths);
    mem_free(w.ids);
    buf_free(&text);
    return status;
}

const struct command CMD_SEND = {
    .name = "send",
    .shown = "JID... [TEXT|-]",
    .args_min = 1,
    .args_max = COMMAND_MANY,
    .account = true,
    .options = OPTIONS,
    .line = "send a message",
    .help = "Sends the text to every address. Behind the addresses stands the text, or \"-\"\n"
            "for standard input; with a single word, that is the address and the text is\n"
            "read. Ends with 0 when the server has every message and none came back.\n"
            "With --resource it goes to the connected devices of contacts (of these, or of\n"
            "all) whose name matches; the last word is always the text then.\n"
            "With --file there is no text: each file is uploaded, and its link is sent.",
    .run = run,
};
