/* burble passwd: another password for the account, on the server (XEP-0077) and where it is kept
 * here. A password that was made up and could not be kept is printed rather than lost. */
#include <string.h>

#include "base/mem.h"
#include "burble/account_keep.h"
#include "burble/password.h"
#include "burble/register.h"
#include "burble/session.h"

static const struct option_row OPTIONS[] = {
    {"new-password-file", "FILE", "the first line is the new password", 0, false},
    {"new-password-fd", "N", "the new one is a line of this descriptor", 0, false},
    {"generate", NULL, "make up the new one, and print it or keep it", 0, false},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    struct buf old, new;
    char *old_text, *new_text; /* with a NUL */
    bool asked;                /* for the old one, by a form */
    bool changed;
};

static void answered(struct burble *c, const struct burble_registration *answer, void *arg);

/* The server wants to know more, for instance the old password. False: that is not all. */
static bool answer_form(struct session *s, const struct burble_form *asked)
{
    struct work *w = s->arg;
    struct burble_form *form = burble_form_copy(asked);
    if (form == NULL)
        return false;
    (void)burble_form_set(form, "username", s->app->account.jid);
    (void)burble_form_set(form, "old_password", w->old_text);
    (void)burble_form_set(form, "password", w->new_text);
    const struct burble_field *missing = burble_form_missing(form);
    bool sent = missing == NULL &&
                burble_registration_submit(s->client, NULL, form, false, answered, s, NULL) == 0;
    if (missing != NULL)
        out_error("the server wants to know \"%s\", too; change the password on its web page",
                  missing->label != NULL ? missing->label : missing->var);
    burble_form_free(&form);
    return sent;
}

static void answered(struct burble *c, const struct burble_registration *answer, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    (void)c;
    if (answer->outcome == BURBLE_IQ_RESULT) {
        w->changed = true;
        session_end(s, EXIT_DONE);
        return;
    }
    if (answer->outcome == BURBLE_IQ_TIMEOUT || answer->outcome == BURBLE_IQ_GONE)
        out_error("nobody knows whether the old password holds or the new one: try both");
    bool again = !w->asked && answer->form != NULL && !answer->plain;
    w->asked = true;
    if (!again || !answer_form(s, answer->form))
        session_refused(s, "the password was not changed", answer->outcome, &answer->error);
}

static void online(struct session *s, bool resumed)
{
    struct work *w = s->arg;
    (void)resumed;
    int err = burble_change_password(s->client, w->new_text, answered, s, NULL);
    if (err == BURBLE_ERR_REFUSED)
        session_end(s, app_fail(s->app, EXIT_REFUSED,
                                "a password is only changed over an encrypted connection"));
    else if (err != 0)
        session_end(s, app_fail(s->app, err == BURBLE_ERR_SYNTAX ? EXIT_USAGE : EXIT_REFUSED,
                                "the new password: %s",
                                err == BURBLE_ERR_SYNTAX
                                    ? "it has characters that no password may have"
                                    : burble_error_text(err)));
}

static int change(struct app *app, struct work *w)
{
    static const struct session_ops OPS = {.online = online};
    struct session s;
    const struct session_options o = {.password = buf_slice(&w->old)};
    int status = session_open(app, &OPS, w, &o, &s);
    if (status == 0)
        status = session_run(&s);
    session_close(&s);
    return status;
}

static int new_password(struct app *app, struct buf *out)
{
    char question[160];
    bool found;
    int status = password_new_from_options(app, out, &found);
    if (status != 0 || (found && app_option(app, "generate") == NULL))
        return status;
    if (found)
        return app_fail(app, EXIT_USAGE, "--generate and a new password exclude each other");
    if (app_option(app, "generate") != NULL)
        return password_generate(app, out);
    snprintf(question, sizeof(question), "New password for %.100s", app->account.jid);
    return password_ask(app, question, true, false,
                        "--new-password-file, --new-password-fd or --generate", out);
}

/* On the server it is changed, whatever becomes of the rest. */
static int keep(struct app *app, struct work *w)
{
    bool kept;
    int status = account_keep_password(app, buf_slice(&w->new), &kept);
    bool show = app_option(app, "generate") != NULL && !kept;
    if (app->out.json) {
        json_t *row = json_pack("{s:s, s:b}", "jid", app->account.jid, "kept", kept);
        if (row != NULL && show)
            json_object_set_new(row, "password", out_string(buf_slice(&w->new)));
        (void)out_json(&app->out, row);
        return status;
    }
    out_note(&app->out, "the password of %s was changed%s", app->account.jid,
             kept ? ", here too" : " on the server");
    if (show)
        (void)out_line(&app->out, "%.*s", SLICE_ARG(buf_slice(&w->new)));
    else if (!kept &&
             (app->account.password_command.count > 0 || app->account.password_env != NULL))
        out_note(&app->out, "change it where it comes from, too");
    return status;
}

static char *text_of(const struct buf *b)
{
    return mem_copy(buf_slice(b));
}

static void forget(char *text)
{
    if (text != NULL)
        mem_wipe(text, strlen(text));
    mem_free(text);
}

static int run(struct app *app, int argc, char **argv)
{
    struct work w = {.asked = false};
    (void)argc, (void)argv;
    int status = app_password(app, &w.old);
    if (status == 0)
        status = new_password(app, &w.new);
    if (status == 0) {
        w.old_text = text_of(&w.old);
        w.new_text = text_of(&w.new);
        status = change(app, &w);
    }
    if (w.changed) {
        int kept = keep(app, &w);
        status = status != 0 ? status : kept;
    }
    forget(w.old_text);
    forget(w.new_text);
    password_free(&w.old);
    password_free(&w.new);
    return status;
}

const struct command CMD_PASSWD = {
    .name = "passwd",
    .shown = "",
    .account = true,
    .options = OPTIONS,
    .line = "change the password of the account",
    .help = "Changes it on the server, and in accounts.conf or the password file of the\n"
            "account where it is kept there. The new one is asked for twice on the terminal,\n"
            "or comes from a file or descriptor, or is made up with --generate, which prints\n"
            "it unless it is kept. The options for passwords are about the old one.",
    .run = run,
};
