/* burble file send: files for somebody, by upload with a link (XEP-0363, XEP-0066), or in-band to
 * one of their devices (XEP-0234). */
#include <string.h>

#include "base/mem.h"
#include "burble/send.h"
#include "burble/send_inband.h"
#include "burble/session.h"

static const struct option_row OPTIONS[] = {
    {"inband", NULL, "to a device of theirs, without an upload", 0, false},
    {NULL, NULL, NULL, 0, false},
};

static void tell(struct session *s, const struct local_file *f, const char *to)
{
    struct out *out = &s->app->out;
    if (out->json)
        (void)out_json(out, json_pack("{s:o, s:o, s:I}", "name", out_string(slice_z(f->name)), "to",
                                      out_string(slice_z(to)), "size", (json_int_t)f->size));
    else
        out_note(out, "%s has %s", to, f->name);
}

static void inband_online(struct session *s, bool resumed)
{
    if (!resumed)
        send_inband_begin(s->arg);
}

static int send_inband(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = inband_online};
    struct session s;
    struct send_inband w = {
        .session = &s, .to = argv[0], .paths = argv + 1, .count = (size_t)argc - 1, .sent = tell};
    int status = session_open(app, &OPS, &w, NULL, &s);
    if (status == 0)
        status = send_inband_open(&w);
    if (status == 0)
        status = session_run(&s);
    send_inband_stop(&w);
    session_close(&s);
    send_inband_close(&w);
    return status;
}

static void tell_link(struct session *s, const char *path, const char *url)
{
    struct out *out = &s->app->out;
    if (out->json)
        (void)out_json(out, json_pack("{s:o, s:o}", "file", out_string(slice_z(path)), "url",
                                      out_string(slice_z(url))));
    else
        (void)out_line(out, "%s", url);
}

/* What cannot be sent is said before anybody hears of the rest. */
static int look(struct app *app, int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc && status == 0; i++) {
        struct local_file f;
        status = local_file_open(app, argv[i], &f);
        local_file_close(&f);
    }
    return status;
}

static int run(struct app *app, int argc, char **argv)
{
    int status = look(app, argc, argv);
    if (status != 0)
        return status;
    if (app_option(app, "inband") != NULL)
        return send_inband(app, argc, argv);
    return send_files(app, argv[0], argv + 1, (size_t)argc - 1, tell_link);
}

const struct command CMD_FILE_SEND = {
    .name = "file send",
    .shown = "JID FILE...",
    .args_min = 2,
    .args_max = COMMAND_MANY,
    .account = true,
    .options = OPTIONS,
    .line = "send files",
    .help = "Uploads each file to the server, and sends the link. With --inband it goes\n"
            "through the session itself to a connected device that takes it: that of a full\n"
            "address, or the first of a contact; burble file receive takes it there.",
    .run = run,
};
