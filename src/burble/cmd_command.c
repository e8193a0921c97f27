/* burble command: runs what a server, a service or a bot offers as ad-hoc commands (XEP-0050).
 * Forms are filled in from the arguments, and shown where nothing is given for them. */
#include <string.h>

#include "base/mem.h"
#include "burble/adhoc.h"
#include "burble/form_show.h"
#include "burble/password.h"
#include "burble/session.h"
#include "io/files.h"

enum { STEPS_MAX = 20, ARGS_MAX = 1000, FILE_BYTES_MAX = 1 << 20 };

static const struct option_row OPTIONS[] = {
    {"field-file", "FIELD=FILE", "the file is the value of the field", 0, true},
    {"defaults", NULL, "send forms as they come, too", 0, false},
    {NULL, NULL, NULL, 0, false},
};

/* A field of some form, and what it is to have. */
struct given {
    char *var, *value; /* on the heap */
    bool from_file;
    bool used, here; /* in some form; in the present one */
};

struct work {
    const char *jid, *node;
    struct given *given;
    size_t count;
    struct burble_adhoc *run;
    unsigned steps;
};

/* ---------------------------------------------------------------------------------- the arguments
 */

static int take(struct app *app, struct work *w, const char *text, bool file)
{
    const char *sign = strchr(text, '=');
    struct buf value = {0};
    int status = 0;
    if (sign == NULL || sign == text)
        return app_fail(app, EXIT_USAGE, "expected FIELD=%s, found \"%s\"", file ? "FILE" : "VALUE",
                        text);
    if (file && file_read(sign + 1, FILE_BYTES_MAX, &value, NULL) != 0)
        status = app_fail(app, EXIT_USAGE, "%s cannot be read, or is longer than %d bytes",
                          sign + 1, FILE_BYTES_MAX);
    struct slice text_of_file = buf_slice(&value);
    if (text_of_file.len > 0 && text_of_file.ptr[text_of_file.len - 1] == '\n')
        text_of_file.len--;
    if (status == 0)
        w->given[w->count++] =
            (struct given){.var = mem_copy(slice_of(text, (size_t)(sign - text))),
                           .value = mem_copy(file ? text_of_file : slice_z(sign + 1)),
                           .from_file = file};
    password_free(&value);
    return status;
}

static int take_all(struct app *app, struct work *w, int argc, char **argv)
{
    const char *file;
    int status = 0;
    w->given = mem_array(ARGS_MAX, sizeof(*w->given));
    for (int i = 2; status == 0 && i < argc && w->count < ARGS_MAX; i++)
        status = take(app, w, argv[i], false);
    for (size_t i = 0; status == 0 && w->count < ARGS_MAX &&
                       (file = options_get_nth(&app->options, "field-file", i)) != NULL;
         i++)
        status = take(app, w, file, true);
    return status;
}

static void forget(struct work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        mem_wipe(w->given[i].value, strlen(w->given[i].value));
        mem_free(w->given[i].value);
        mem_free(w->given[i].var);
    }
    mem_free(w->given);
}

/* -------------------------------------------------------------------------------------- the forms
 */

/* All that is given for one field. */
static int fill_field(struct session *s, struct burble_form *form, const struct burble_field *field)
{
    struct work *w = s->arg;
    const char **values = mem_array(w->count + 1, sizeof(*values));
    const char *var = field->var;
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct given *g = &w->given[i];
        if (strcmp(g->var, var) != 0)
            continue;
        g->used = g->here = true;
        values[count++] = g->value;
        if (field->type == BURBLE_FIELD_SECRET && !g->from_file)
            status = app_fail(s->app, EXIT_USAGE,
                              "%s is secret, and everybody on this machine can see arguments; use "
                              "--field-file, or be asked for it on the terminal",
                              var);
    }
    int err = 0;
    if (status == 0 && count == 1)
        err = burble_form_set(form, var, values[0]);
    else if (status == 0 && count > 1)
        err = burble_form_set_many(form, var, values, count);
    if (err != 0)
        status = app_fail(s->app, EXIT_USAGE, "%s is %s: \"%s\" is no value for it%s", var,
                          burble_field_type_text(field->type), values[0],
                          count > 1 ? ", or there are too many" : "");
    mem_free(values);
    return status;
}

static int ask_secret(struct session *s, struct burble_form *form, const struct burble_field *field)
{
    struct buf secret = {0};
    const char *var = field->var;
    int status = password_ask(s->app, field->label != NULL ? field->label : var, false,
                              !field->required, "--field-file FIELD=FILE", &secret);
    if (status == 0 && buf_len(&secret) > 0) {
        status = buf_byte(&secret, '\0') == 0 && burble_form_set(form, var, secret.ptr) == 0
                     ? 0
                     : app_fail(s->app, EXIT_USAGE, "%s: this cannot be sent", var);
    }
    password_free(&secret);
    return status;
}

/* any_out: something was given for this form, or there is nothing to give. */
static int fill(struct session *s, struct burble_form *form, bool *any_out)
{
    struct work *w = s->arg;
    int status = 0;
    size_t questions = 0;
    for (size_t i = 0; i < w->count; i++)
        w->given[i].here = false;
    for (size_t i = 0; status == 0 && i < form->field_count; i++) {
        const struct burble_field *field = &form->fields[i];
        if (!form_show_is_question(field))
            continue;
        questions++;
        status = fill_field(s, form, field);
    }
    *any_out = questions == 0 || app_option(s->app, "defaults") != NULL;
    for (size_t i = 0; i < w->count; i++)
        *any_out = *any_out || w->given[i].here;
    for (size_t i = 0; status == 0 && *any_out && i < form->field_count; i++) {
        const struct burble_field *field = &form->fields[i];
        if (field->type == BURBLE_FIELD_SECRET && field->required && field->value_count == 0)
            status = ask_secret(s, form, field);
    }
    return status;
}

/* -------------------------------------------------------------------------------------- the steps
 */

static json_t *step_json(const struct burble_adhoc_step *step)
{
    static const char *const STATUS[] = {
        [BURBLE_ADHOC_EXECUTING] = "executing",
        [BURBLE_ADHOC_COMPLETED] = "completed",
        [BURBLE_ADHOC_CANCELED] = "canceled",
    };
    static const char *const TYPES[] = {
        [BURBLE_NOTE_INFO] = "info", [BURBLE_NOTE_WARN] = "warn", [BURBLE_NOTE_ERROR] = "error"};
    json_t *notes = json_array();
    for (size_t i = 0; i < step->note_count; i++)
        json_array_append_new(notes, json_pack("{s:s, s:o}", "type", TYPES[step->notes[i].type],
                                               "text", out_string(slice_z(step->notes[i].text))));
    return json_pack("{s:s, s:o, s:o, s:o}", "status", STATUS[step->status], "notes", notes, "form",
                     step->form != NULL ? form_show_json(step->form) : json_null(), "url",
                     step->url != NULL ? out_string(slice_z(step->url)) : json_null());
}

/* Notes that are errors go to standard error; true: there was one. */
static bool show(struct session *s, const struct burble_adhoc_step *step)
{
    struct out *out = &s->app->out;
    bool failed = false;
    for (size_t i = 0; i < step->note_count; i++) {
        bool error = step->notes[i].type == BURBLE_NOTE_ERROR;
        failed |= error;
        if (error)
            out_error("%s", step->notes[i].text);
        else if (!out->json)
            (void)out_text(out, slice_z(step->notes[i].text));
    }
    if (out->json)
        (void)out_json(out, step_json(step));
    else if (step->form != NULL)
        form_show(out, step->form);
    if (step->url != NULL && !out->json)
        (void)out_line(out, "%s", step->url);
    return failed;
}

/* What nobody asked for was perhaps meant for another field. */
static bool all_used(const struct work *w)
{
    bool all = true;
    for (size_t i = 0; i < w->count; i++) {
        if (!w->given[i].used)
            out_error("no form of this command has a field \"%s\"", w->given[i].var);
        all = all && w->given[i].used;
    }
    return all;
}

static void over(struct session *s, const struct burble_adhoc_step *step)
{
    const struct work *w = s->arg;
    bool failed = show(s, step);
    bool used = all_used(w);
    session_end(s, failed || step->status == BURBLE_ADHOC_CANCELED ? EXIT_REFUSED
                   : used                                          ? EXIT_DONE
                                                                   : EXIT_USAGE);
}

/* The form is left to a person. */
static void leave(struct session *s, const struct burble_adhoc_step *step)
{
    struct work *w = s->arg;
    (void)show(s, step);
    burble_adhoc_free(&w->run); /* and cancelled */
    out_note(&s->app->out, "nothing was sent; fill it in with FIELD=VALUE behind the command, or "
                           "send it as it is with --defaults");
    session_end(s, w->count == 0 || all_used(w) ? EXIT_DONE : EXIT_USAGE);
}

static void on_step(struct burble_adhoc *a, const struct burble_adhoc_step *step, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    bool any = true;
    int status = 0;
    if (step->outcome != BURBLE_IQ_RESULT) {
        session_refused(s, w->node, step->outcome, &step->error);
        return;
    }
    if (step->status != BURBLE_ADHOC_EXECUTING) {
        over(s, step);
        return;
    }
    if (step->form != NULL && step->form->kind == BURBLE_FORM_ASKS)
        status = fill(s, step->form, &any);
    const struct burble_field *missing =
        status == 0 && any && step->form != NULL ? burble_form_missing(step->form) : NULL;
    if (status == 0 && !any) {
        leave(s, step);
        return;
    }
    if (missing != NULL) {
        (void)show(s, step);
        status = app_fail(s->app, EXIT_USAGE, "\"%s\" is required; nothing was sent", missing->var);
    }
    if (status == 0 && ++w->steps > STEPS_MAX)
        status = app_fail(s->app, EXIT_PROTOCOL, "the command has more than %d steps", STEPS_MAX);
    if (status == 0 && burble_adhoc_go(a, BURBLE_ADHOC_EXECUTE) != 0)
        status = app_fail(s->app, EXIT_REFUSED, "the step cannot be sent");
    if (status == 0)
        return;
    burble_adhoc_free(&w->run);
    session_end(s, status);
}

/* -------------------------------------------------------------------------------------- the list
 */

static void on_list(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    struct session *s = arg;
    const struct work *w = s->arg;
    struct out *out = &s->app->out;
    struct buf what = {0};
    (void)c;
    if (items->outcome != BURBLE_IQ_RESULT) {
        (void)buf_printf(&what, "the commands of %s", w->jid);
        (void)buf_byte(&what, '\0');
        session_refused(s, what.failed ? w->jid : buf_slice(&what).ptr, items->outcome,
                        &items->error);
        buf_free(&what);
        return;
    }
    for (size_t i = 0; i < items->item_count && out_open(out); i++) {
        const struct burble_disco_item *item = &items->items[i];
        if (out->json)
            (void)out_json(
                out, json_pack("{s:o, s:o}", "node", out_string(slice_z(item->node)), "name",
                               item->name != NULL ? out_string(slice_z(item->name)) : json_null()));
        else
            (void)out_line(out, "%s%s%s", item->node, item->name != NULL ? "  " : "",
                           item->name != NULL ? item->name : "");
    }
    if (items->item_count == 0)
        out_note(out, "%s offers no commands", w->jid);
    session_end(s, EXIT_DONE);
}

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    (void)resumed;
    int err = w->node == NULL ? burble_adhoc_list(s->client, w->jid, on_list, s, NULL)
                              : burble_adhoc_run(s->client, w->jid, w->node, on_step, s, &w->run);
    if (err != 0)
        session_end(s, app_fail(s->app, err == BURBLE_ERR_SYNTAX ? EXIT_USAGE : EXIT_REFUSED,
                                "%s: %s", w->jid,
                                err == BURBLE_ERR_SYNTAX
                                    ? "no address, or a name that XML cannot carry"
                                    : burble_error_text(err)));
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online};
    struct work w = {.jid = argv[0], .node = argc > 1 ? argv[1] : NULL};
    struct session s = {0};
    int status = take_all(app, &w, argc, argv);
    if (status == 0) {
        status = session_open(app, &OPS, &w, NULL, &s);
        if (status == 0)
            status = session_run(&s);
        session_close(&s);
    }
    forget(&w);
    return status;
}

const struct command CMD_COMMAND = {
    .name = "command",
    .shown = "JID [NODE [FIELD=VALUE...]]",
    .args_min = 1,
    .args_max = ARGS_MAX,
    .account = true,
    .options = OPTIONS,
    .line = "run a command of a server, a service or a bot",
    .help = "Without NODE: lists the commands that the address offers. With it: runs one,\n"
            "and fills in the forms that it asks with. A form for which nothing is given is\n"
            "shown, and the command is cancelled. A field that takes several values is given\n"
            "several times. Secret fields are asked for on the terminal, or come from\n"
            "--field-file.",
    .run = run,
};
