/* burble console: the stream as it is, in and out, coloured; what is typed is sent (S9). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burble/input.h"
#include "burble/session.h"
#include "burble/text.h"

static const struct option_row OPTIONS[] = {
    {"plain", NULL, "as it was sent, not indented", 0, false},
    {"presence", NULL, "announce presence at the beginning", 0, false},
    {"wait", "SECONDS", "stay so long after the end of the input", 0, false},
    {NULL, NULL, NULL, 0, false},
};

enum { WAIT_MS = 1000 };

struct work {
    bool plain, presence;
    unsigned wait_s;
    struct session *session;
    struct input *input;
};

/* Lines of XML with colours: names of elements and what is quoted. Escapes of strangers are shown,
 * ours are put around. */
static void show(struct session *s, bool outgoing, const char *text)
{
    struct out *o = &s->app->out;
    struct buf line = {0};
    buf_add(&line, slice_z(out_style(o, outgoing ? OUT_YELLOW : OUT_CYAN)));
    buf_add(&line, outgoing ? SLICE(">> ") : SLICE("<< "));
    (void)text_show(slice_z(text), TEXT_LINES, &line);
    buf_add(&line, slice_z(out_style(o, OUT_PLAIN)));
    buf_byte(&line, '\n');
    if (!line.failed)
        (void)out_bytes(o, buf_slice(&line));
    buf_free(&line);
    if (!out_open(o))
        session_end(s, EXIT_INTERRUPTED);
}

static void show_json(struct session *s, const struct burble_xml_event *x)
{
    (void)out_json(&s->app->out, json_pack("{s:s, s:o}", "direction", x->out ? "out" : "in", "xml",
                                           out_string(slice_of(x->text, x->len))));
}

static void event(struct session *s, const struct burble_event *e)
{
    const struct work *w = s->arg;
    if (e->kind != BURBLE_EVENT_XML)
        return;
    if (s->app->out.json) {
        show_json(s, e->xml);
        return;
    }
    struct burble_xml tree =
        w->plain ? (struct burble_xml){0} : burble_xml_parse(e->xml->text, e->xml->len, NULL);
    char *text =
        burble_xml_some(tree) ? burble_xml_print(tree, true) : strndup(e->xml->text, e->xml->len);
    show(s, e->xml->out, text != NULL ? text : "out of memory");
    free(text);
    burble_xml_free(&tree);
}

static void done(void *arg)
{
    struct work *w = arg;
    session_end(w->session, EXIT_DONE);
}

static void typed(struct slice line, void *arg)
{
    struct work *w = arg;
    if (line.ptr == NULL) {
        input_close(&w->input);
        (void)burble_loop_alarm(w->session->loop, w->wait_s > 0 ? w->wait_s * 1000 : WAIT_MS, done,
                                w, NULL);
        return;
    }
    if (line.len == 0)
        return;
    int err = burble_send(w->session->client, line.ptr, BURBLE_SEND_NOW, NULL);
    if (err != 0)
        out_error("not sent: %s", err == BURBLE_ERR_SYNTAX
                                      ? "a line is one whole message, presence or iq"
                                      : burble_error_text(err));
}

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    if (resumed)
        return;
    if (w->presence)
        (void)burble_set_presence(s->client, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    if (w->input == NULL && input_open(s->loop, STDIN_FILENO, typed, w, &w->input) != 0)
        session_end(s, app_fail(s->app, EXIT_REFUSED, "standard input cannot be read"));
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online, .event = event};
    struct work w = {.plain = app_option(app, "plain") != NULL,
                     .presence = app_option(app, "presence") != NULL};
    struct session s;
    (void)argc, (void)argv;
    int status = app_option_number(app, "wait", 1, 86400, &w.wait_s);
    if (status != 0)
        return status;
    w.session = &s;
    status = session_open(app, &OPS, &w, &(struct session_options){.flags = BURBLE_RAW_XML}, &s);
    if (status == 0)
        status = session_run(&s);
    input_close(&w.input);
    session_close(&s);
    return status;
}

const struct command CMD_CONSOLE = {
    .name = "console",
    .shown = "",
    .account = true,
    .options = OPTIONS,
    .line = "show the XML of the stream, and send what is typed",
    .help = "Everything that goes in and out, passwords and tokens left out. Each line that\n"
            "is typed is one message, presence or iq; an id is added where there is none.",
    .run = run,
};
