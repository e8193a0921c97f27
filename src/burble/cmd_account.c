/* burble account: the accounts of the one who types. They stand in accounts.conf, which people may
 * write themselves too; what they wrote stays as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/account_edit.h"
#include "burble/account_file.h"
#include "burble/app.h"
#include "burble/password.h"
#include "burble/private_file.h"
#include "burble/text.h"
#include "burble/words.h"

#define PASSWORD_HELP                                                                              \
    "The password is asked for on the terminal and kept in accounts.conf, which\n"                 \
    "nobody else can read; an empty answer keeps none: it is asked for each time.\n"               \
    "--password-fd and --password-stdin keep the one that is read, --password-file\n"              \
    "and --password-command the path or the command. It is never an argument: every\n"             \
    "user of the machine could read it there, and the shell would remember it."

/* The file's text and what it says; given back by end. */
struct edit {
    struct buf text;
    struct accounts all;
};

static int begin(struct app *app, struct edit *e)
{
    *e = (struct edit){.text = {0}};
    int status = accounts_load(app, &e->all);
    return status != 0 ? status : account_file_read(app, &e->text);
}

static void end(struct edit *e)
{
    password_free(&e->text);
    accounts_wipe(&e->all);
}

/* Replaces the text that is being edited. err is what an account_edit said of changed. */
static int take(struct app *app, struct edit *e, int err, struct buf *changed)
{
    if (err != 0) {
        password_free(changed);
        return app_fail(app, EXIT_REFUSED, "nothing was changed: %s", err_text(err));
    }
    password_free(&e->text);
    e->text = *changed;
    return 0;
}

static bool is_default(const struct accounts *all, const struct account *a)
{
    return all->default_account != NULL ? accounts_find(all, slice_z(all->default_account)) == a
                                        : all->count == 1;
}

static const char *source_of(const struct account *a)
{
    return a->password != NULL             ? "stored"
           : a->password_file != NULL      ? "file"
           : a->password_command.count > 0 ? "command"
           : a->password_env != NULL       ? "environment"
                                           : "asked";
}

/* Options that are keys of the account and belong to `account add` alone. */
static int own_keys(struct app *app)
{
    static const char *const keys[] = {"name", "resource", "nick", "mechanism"};
    char expected[ACCOUNT_EXPECTED_BYTES];
    const char *value;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        value = app_option(app, keys[i]);
        if (value != NULL && !account_set(&app->account, keys[i], true, slice_z(value), expected))
            return app_fail(app, EXIT_USAGE, "--%s: expected %s", keys[i], expected);
    }
    return 0;
}

/* A file that will be there later is kept by its path; its content is looked at when it is used. */
static int keep_file(struct app *app, const char *path, bool *kept_out)
{
    struct stat st;
    char expected[ACCOUNT_EXPECTED_BYTES];
    int fd;
    int status = private_open(app, path, "file of a password", &fd);
    if (status != 0)
        return status;
    *kept_out = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    char *real = realpath(path, NULL);
    if (*kept_out && (real == NULL ||
                      !account_set(&app->account, "password_file", true, slice_z(real), expected)))
        status = app_fail(app, EXIT_USAGE, "--password-file: expected a path of UTF-8");
    free(real);
    return status;
}

static int keep_command(struct app *app, const char *command)
{
    char expected[ACCOUNT_EXPECTED_BYTES];
    struct config_strings words;
    bool good = words_split(slice_z(command), &words) && words.count > 0;
    for (uint32_t i = 0; good && i < words.count; i++)
        good = account_set(&app->account, "password_command", i == 0, slice_z(words.items[i]),
                           expected);
    words_free(&words);
    if (!good)
        return app_fail(app, EXIT_USAGE,
                        "--password-command: expected a program and its arguments, "
                        "with a closing quote for each opening one");
    return 0;
}

static int ask(struct app *app, struct buf *password)
{
    char question[256];
    snprintf(question, sizeof(question),
             "Password for %.100s (to be kept in accounts.conf; empty: ask each time)",
             app->account.jid);
    return password_ask(app, question, false, true,
                        "--password-file, --password-fd, --password-stdin or --password-command; "
                        "--ask keeps none",
                        password);
}

static int add_password(struct app *app)
{
    const char *file = app_option(app, "password-file");
    const char *command = app_option(app, "password-command");
    struct buf password = {0};
    bool found = false;
    int status = 0;
    if (app_option(app, "ask") != NULL)
        return 0;
    if (file != NULL && command == NULL)
        status = keep_file(app, file, &found);
    else if (command != NULL && file == NULL) {
        status = keep_command(app, command);
        found = true;
    }
    if (status == 0 && !found)
        status = password_from_options(app, &password, &found);
    if (status == 0 && !found)
        status = ask(app, &password);
    if (status == 0 && buf_len(&password) > 0) {
        char expected[ACCOUNT_EXPECTED_BYTES];
        if (!account_set(&app->account, "password", true, buf_slice(&password), expected))
            status = app_fail(app, EXIT_USAGE,
                              "a password with control characters cannot be kept in accounts.conf; "
                              "use --password-file");
    }
    password_free(&password);
    return status;
}

static int write_new(struct app *app, struct edit *e)
{
    struct buf changed = {0};
    const char *name = account_name(&app->account);
    int status =
        take(app, e, account_edit_add(buf_slice(&e->text), &app->account, &changed), &changed);
    if (status == 0 && app_option(app, "default") != NULL) {
        changed = (struct buf){0};
        status = take(app, e, account_edit_default(buf_slice(&e->text), slice_z(name), &changed),
                      &changed);
    }
    return status != 0 ? status : account_file_write(app, buf_slice(&e->text));
}

/* One line, or one object with the name of the account. */
static void say(struct app *app, const struct account *a, const char *done)
{
    if (app->out.json)
        out_json(&app->out, json_pack("{s:s, s:s}", "account", account_name(a), "jid", a->jid));
    else if (!app->out.quiet)
        out_line(&app->out, "%s", done);
}

static int add(struct app *app, int argc, char **argv)
{
    struct edit e;
    char done[256];
    (void)argc;
    int status = app_account_from(app, argv[0], "JID");
    if (status == 0)
        status = app_account_options(app);
    if (status == 0)
        status = own_keys(app);
    if (status != 0)
        return status;
    status = begin(app, &e);
    const char *name = account_name(&app->account);
    if (status == 0 && accounts_find(&e.all, slice_z(name)) != NULL)
        status = app_fail(app, EXIT_REFUSED,
                          "there is an account \"%s\" already; change it in accounts.conf, "
                          "or remove it first: burble account remove %s",
                          name, name);
    if (status == 0)
        status = add_password(app);
    if (status == 0)
        status = write_new(app, &e);
    end(&e);
    if (status == 0) {
        snprintf(done, sizeof(done), "Account %.200s was added.", name);
        say(app, &app->account, done);
    }
    return status;
}

static int no_such(struct app *app, const char *name)
{
    return app_fail(app, EXIT_USAGE, "there is no account \"%s\". Try: burble account list", name);
}

static int remove_account(struct app *app, int argc, char **argv)
{
    struct edit e;
    struct buf changed = {0};
    char done[256];
    (void)argc;
    int status = begin(app, &e);
    struct account *a = status == 0 ? accounts_find(&e.all, slice_z(argv[0])) : NULL;
    if (status == 0 && a == NULL)
        status = no_such(app, argv[0]);
    if (status == 0)
        status = take(app, &e,
                      account_edit_remove(buf_slice(&e.text), (size_t)(a - e.all.items), &changed),
                      &changed);
    if (status == 0 && e.all.default_account != NULL && is_default(&e.all, a)) {
        changed = (struct buf){0};
        status =
            take(app, &e, account_edit_default(buf_slice(&e.text), SLICE_NONE, &changed), &changed);
    }
    if (status == 0)
        status = account_file_write(app, buf_slice(&e.text));
    if (status == 0) {
        snprintf(done, sizeof(done), "Account %.200s was removed.", account_name(a));
        say(app, a, done);
    }
    end(&e);
    return status;
}

static int show_default(struct app *app, const struct accounts *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (is_default(all, &all->items[i])) {
            bool quiet = app->out.quiet;
            app->out.quiet = false; /* it was asked for */
            say(app, &all->items[i], account_name(&all->items[i]));
            app->out.quiet = quiet;
            return EXIT_DONE;
        }
    }
    return app_fail(app, EXIT_REFUSED, "there is no default account");
}

static int set_default(struct app *app, int argc, char **argv)
{
    struct edit e;
    struct buf changed = {0};
    char done[256];
    int status = begin(app, &e);
    const struct account *a = NULL;
    if (status == 0 && argc == 0) {
        status = show_default(app, &e.all);
        end(&e);
        return status;
    }
    if (status == 0 && (a = accounts_find(&e.all, slice_z(argv[0]))) == NULL)
        status = no_such(app, argv[0]);
    if (status == 0)
        status = take(app, &e,
                      account_edit_default(buf_slice(&e.text), slice_z(account_name(a)), &changed),
                      &changed);
    if (status == 0)
        status = account_file_write(app, buf_slice(&e.text));
    if (status == 0) {
        snprintf(done, sizeof(done), "Account %.200s is the default.", account_name(a));
        say(app, a, done);
    }
    end(&e);
    return status;
}

static size_t widest(const struct accounts *all, size_t least, bool jid)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct account *a = &all->items[i];
        size_t width = text_width(slice_z(jid ? a->jid : account_name(a)), TEXT_NAME);
        least = width > least ? width : least;
    }
    return least;
}

/* A cell of a table: printf pads by bytes, this by columns. */
static void cell(struct buf *line, const char *text, size_t width)
{
    size_t columns = text_width(slice_z(text), TEXT_NAME);
    text_show(slice_z(text), TEXT_NAME, line);
    for (; columns < width + 2; columns++)
        buf_byte(line, ' ');
}

static void list_row(struct app *app, const char *const texts[4], size_t names, size_t jids)
{
    struct buf line = {0};
    cell(&line, texts[0], names);
    cell(&line, texts[1], jids);
    cell(&line, texts[2], sizeof("environment") - 1);
    while (texts[3][0] == '\0' && buf_len(&line) > 0 && line.ptr[line.end - 1] == ' ')
        buf_truncate(&line, buf_len(&line) - 1);
    buf_add(&line, slice_z(texts[3]));
    buf_byte(&line, '\n');
    out_bytes(&app->out, buf_slice(&line));
    buf_free(&line);
}

static int list(struct app *app, int argc, char **argv)
{
    struct accounts all;
    (void)argc;
    (void)argv;
    int status = accounts_load(app, &all);
    if (status == 0 && all.count == 0)
        out_note(&app->out, "there is no account yet. Add one: burble account add me@example.org");
    size_t names = widest(&all, sizeof("ACCOUNT") - 1, false);
    size_t jids = widest(&all, sizeof("ADDRESS") - 1, true);
    if (all.count > 0 && !app->out.json)
        list_row(app, (const char *[]){"ACCOUNT", "ADDRESS", "PASSWORD", "DEFAULT"}, names, jids);
    for (uint32_t i = 0; i < all.count; i++) {
        const struct account *a = &all.items[i];
        bool chosen = is_default(&all, a);
        if (app->out.json)
            out_json(&app->out, json_pack("{s:s, s:s, s:s, s:b}", "account", account_name(a), "jid",
                                          a->jid, "password", source_of(a), "default", chosen));
        else
            list_row(app,
                     (const char *[]){account_name(a), a->jid, source_of(a), chosen ? "yes" : ""},
                     names, jids);
    }
    accounts_wipe(&all);
    return status;
}

static void put(json_t *row, const char *key, const char *text)
{
    if (text != NULL)
        json_object_set_new(row, key, json_string(text));
}

static void put_list(json_t *row, const char *key, const struct config_strings *texts)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < texts->count; i++)
        json_array_append_new(array, json_string(texts->items[i]));
    if (texts->count > 0)
        json_object_set_new(row, key, array);
    else
        json_decref(array);
}

/* Everything but the secrets. */
static json_t *describe(const struct account *a, bool chosen)
{
    static const char *const modes[] = {"auto", "starttls", "direct", "none"};
    json_t *row = json_object();
    put(row, "account", account_name(a));
    put(row, "jid", a->jid);
    json_object_set_new(row, "default", json_boolean(chosen));
    put(row, "password", source_of(a));
    put(row, "password_file", a->password_file);
    put(row, "password_env", a->password_env);
    put_list(row, "password_command", &a->password_command);
    put(row, "resource", a->resource);
    put(row, "nick", a->nick);
    put(row, "host", a->host);
    if (a->port != 0)
        json_object_set_new(row, "port", json_integer(a->port));
    put(row, "tls", modes[a->tls]);
    const char *at = a->proxy != NULL ? strrchr(a->proxy, '@') : NULL;
    put(row, "proxy", at != NULL ? at + 1 : a->proxy); /* without its user and password */
    put(row, "ca_file", a->ca_file);
    put_list(row, "pins", &a->pins);
    put(row, "mechanism", a->mechanism);
    put(row, "certificate", a->certificate);
    put(row, "key", a->key);
    return row;
}

static void show_field(struct app *app, const char *key, const json_t *value)
{
    size_t i;
    json_t *item;
    struct buf text = {0};
    if (json_is_string(value))
        buf_add(&text, slice_z(json_string_value(value)));
    else if (json_is_boolean(value))
        buf_add(&text, slice_z(json_is_true(value) ? "yes" : "no"));
    else if (json_is_integer(value))
        buf_printf(&text, "%lld", (long long)json_integer_value(value));
    json_array_foreach((json_t *)value, i, item)
        buf_printf(&text, "%s%s", i > 0 ? " " : "", json_string_value(item));
    out_line(&app->out, "%-17s %.*s", key, SLICE_ARG(buf_slice(&text)));
    buf_free(&text);
}

static int show(struct app *app, int argc, char **argv)
{
    struct accounts all;
    int status = accounts_load(app, &all);
    const struct account *a = NULL;
    for (uint32_t i = 0; argc == 0 && i < all.count; i++) {
        if (is_default(&all, &all.items[i]))
            a = &all.items[i];
    }
    if (status == 0 && argc > 0 && (a = accounts_find(&all, slice_z(argv[0]))) == NULL)
        status = no_such(app, argv[0]);
    else if (status == 0 && a == NULL)
        status = app_fail(app, EXIT_USAGE, "which account? Try: burble account list");
    if (status == 0) {
        json_t *row = describe(a, is_default(&all, a)), *value;
        const char *key;
        if (app->out.json) {
            out_json(&app->out, json_incref(row));
        } else {
            json_object_foreach(row, key, value) show_field(app, key, value);
        }
        json_decref(row);
    }
    accounts_wipe(&all);
    return status;
}

const struct command CMD_ACCOUNT_ADD = {
    .name = "account add",
    .shown = "JID",
    .args_min = 1,
    .args_max = 1,
    .password = true,
    .options =
        (const struct option_row[]){
            {"name", "NAME", "a short name for --account", 0, false},
            {"resource", "RESOURCE", "the resource to ask for", 0, false},
            {"nick", "NICK", "the nickname in rooms", 0, false},
            {"mechanism", "NAME", "the weakest SASL mechanism that will do", 0, false},
            {"ask", NULL, "keep no password, ask for it each time", 0, false},
            {"default", NULL, "make it the default account", 0, false},
            {NULL, NULL, NULL, 0, false},
        },
    .line = "remember an account of some server",
    .help = PASSWORD_HELP "\n\n--host, --port, --tls, --proxy, --ca-file and --pin are kept too.",
    .run = add,
};

const struct command CMD_ACCOUNT_DEFAULT = {
    .name = "account default",
    .shown = "[NAME]",
    .args_max = 1,
    .line = "choose the default account, or show it",
    .run = set_default,
};

const struct command CMD_ACCOUNT_LIST = {
    .name = "account list",
    .shown = "",
    .line = "list the accounts",
    .run = list,
};

const struct command CMD_ACCOUNT_REMOVE = {
    .name = "account remove",
    .shown = "NAME",
    .args_min = 1,
    .args_max = 1,
    .line = "forget an account; its server keeps it",
    .run = remove_account,
};

const struct command CMD_ACCOUNT_SHOW = {
    .name = "account show",
    .shown = "[NAME]",
    .args_max = 1,
    .line = "show what is remembered of an account",
    .run = show,
};
