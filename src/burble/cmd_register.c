/* burble register: makes an account on its server (XEP-0077), and keeps it here when that is
 * wanted. The password is never an argument. */
#include "burble/account_keep.h"
#include "burble/password.h"
#include "burble/session.h"

static const struct option_row OPTIONS[] = {
    {"generate", NULL, "make up the password, and print it or keep it", 0, false},
    {"save", NULL, "keep the account in accounts.conf", 0, false},
    {"name", "NAME", "with --save: a short name for --account", 0, false},
    {NULL, NULL, NULL, 0, false},
};

static void online(struct session *s, bool resumed)
{
    (void)resumed;
    session_end(s, EXIT_DONE);
}

static int make(struct app *app, struct slice password)
{
    static const struct session_ops OPS = {.online = online};
    struct session s;
    const struct session_options o = {.flags = BURBLE_REGISTER, .password = password};
    int status = session_open(app, &OPS, NULL, &o, &s);
    if (status == 0)
        status = session_run(&s);
    session_close(&s);
    return status;
}

/* What was made; with the password where nobody would know it otherwise. */
static void tell(struct app *app, struct slice password, bool show)
{
    struct out *o = &app->out;
    if (o->json) {
        json_t *row = json_pack("{s:s}", "jid", app->account.jid);
        if (row != NULL && show)
            json_object_set_new(row, "password", out_string(password));
        (void)out_json(o, row);
        return;
    }
    out_note(o, "%s is yours", app->account.jid);
    if (show)
        (void)out_line(o, "%.*s", SLICE_ARG(password));
}

static int options(struct app *app)
{
    const char *name = app_option(app, "name");
    char expected[ACCOUNT_EXPECTED_BYTES];
    if (name != NULL && app_option(app, "save") == NULL)
        return app_fail(app, EXIT_USAGE, "--name goes with --save");
    if (name != NULL && !account_set(&app->account, "name", true, slice_z(name), expected))
        return app_fail(app, EXIT_USAGE, "--name: expected %s", expected);
    return 0;
}

static int run(struct app *app, int argc, char **argv)
{
    struct buf password = {0};
    bool generate = app_option(app, "generate") != NULL, save = app_option(app, "save") != NULL;
    (void)argc;
    int status = app_account_from(app, argv[0], "JID");
    if (status == 0)
        status = app_account_options(app);
    if (status == 0)
        status = options(app);
    if (status == 0)
        status = generate ? password_generate(app, &password) : app_new_password(app, &password);
    if (status == 0 && save)
        status = account_keep_check(app, buf_slice(&password));
    if (status == 0)
        status = make(app, buf_slice(&password));
    if (status == 0) {
        if (save)
            status = account_keep_new(app, buf_slice(&password));
        tell(app, buf_slice(&password), generate && (!save || status != 0));
    }
    password_free(&password);
    return status;
}

const struct command CMD_REGISTER = {
    .name = "register",
    .shown = "JID",
    .args_min = 1,
    .args_max = 1,
    .password = true,
    .options = OPTIONS,
    .line = "make an account on its server",
    .help = "Works where the server lets everybody in. The new password is asked for twice\n"
            "on the terminal, or comes by the options for passwords, or is made up with\n"
            "--generate, which prints it on standard output unless it is kept. --save keeps\n"
            "the account with it in accounts.conf, as burble account add does.",
    .run = run,
};
