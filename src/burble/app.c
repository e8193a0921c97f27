/* What commands share: failing, numbers in options, and which account is meant. */
#include "burble/app.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "burble/account_file.h"

int app_fail(const struct app *app, enum exit_code code, const char *fmt, ...)
{
    (void)app;
    va_list args;
    va_start(args, fmt);
    out_verror(fmt, args);
    va_end(args);
    return (int)code;
}

int app_option_number(const struct app *app, const char *name, unsigned min, unsigned max,
                      unsigned *out)
{
    const char *text = app_option(app, name);
    unsigned long long number;
    if (text == NULL)
        return 0;
    if (!slice_to_u64(slice_z(text), &number) || number < min || number > max)
        return app_fail(app, EXIT_USAGE, "--%s is a whole number from %u to %u, not \"%s\"", name,
                        min, max, text);
    *out = (unsigned)number;
    return 0;
}

/* Options that set a key of the account. */
static const struct {
    const char *option, *key;
} KEYS[] = {
    {"host", "host"},   {"port", "port"},       {"tls", "tls"},
    {"proxy", "proxy"}, {"ca-file", "ca_file"}, {"pin", "pins"},
};

/* A path of the command line is one of the folder in which that was typed, also when it is kept. */
static char *whole_path(const char *key, const char *value)
{
    bool relative = strcmp(key, "ca_file") == 0 && *value != '\0' && *value != '/' && *value != '~';
    char *folder = relative ? getcwd(NULL, 0) : NULL;
    struct buf path = {0};
    if (folder != NULL)
        (void)buf_printf(&path, "%s/", folder);
    (void)buf_add(&path, slice_z(value));
    char *copy = mem_copy(buf_slice(&path));
    buf_free(&path);
    free(folder);
    return copy;
}

int app_account_options(struct app *app)
{
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        const char *value;
        for (size_t n = 0; (value = options_get_nth(&app->options, KEYS[i].option, n)) != NULL;
             n++) {
            char expected[ACCOUNT_EXPECTED_BYTES];
            if (strcmp(KEYS[i].key, "proxy") == 0 && account_proxy_has_password(slice_z(value)))
                return app_fail(
                    app, EXIT_USAGE,
                    "--proxy: a password is never taken from the command line; write the "
                    "proxy into accounts.conf");
            char *whole = whole_path(KEYS[i].key, value);
            bool good = account_set(&app->account, KEYS[i].key, n == 0, slice_z(whole), expected);
            mem_free(whole);
            if (!good)
                return app_fail(app, EXIT_USAGE, "--%s: expected %s, found \"%s\"", KEYS[i].option,
                                expected, value);
        }
    }
    return 0;
}

int app_account_from(struct app *app, const char *jid, const char *where)
{
    char expected[ACCOUNT_EXPECTED_BYTES];
    struct slice text = slice_z(jid);
    size_t slash = slice_find(text, '/');
    struct slice bare = slice_of(jid, slash);
    account_free(&app->account);
    if (!account_set(&app->account, "jid", true, bare, expected))
        return app_fail(app, EXIT_USAGE, "%s: expected %s, found \"%s\"", where, expected, jid);
    if (slash < text.len &&
        !account_set(&app->account, "resource", true, slice_from(text, slash + 1), expected))
        return app_fail(app, EXIT_USAGE, "%s: behind the \"/\": expected %s", where, expected);
    return 0;
}

/* "me@example.org, work" for error texts. */
static void list_names(const struct accounts *all, struct buf *out)
{
    for (uint32_t i = 0; i < all->count && i < 10; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", account_name(&all->items[i]));
    if (all->count > 10)
        buf_lit(out, ", ...");
}

static int take(struct app *app, struct accounts *all, const char *name)
{
    struct account *found = NULL;
    if (name != NULL)
        found = accounts_find(all, slice_z(name));
    else if (all->default_account != NULL)
        found = accounts_find(all, slice_z(all->default_account));
    else if (all->count == 1)
        found = &all->items[0];
    if (found != NULL) {
        account_free(&app->account);
        app->account = *found;
        *found = (struct account){0};
        return 0;
    }
    if (all->count == 0)
        return app_fail(
            app, EXIT_USAGE, "there is no account%s%s%s.\nAdd one: burble account add %s",
            name != NULL ? " \"" : " yet", name != NULL ? name : "", name != NULL ? "\"" : "",
            name != NULL && strchr(name, '@') != NULL ? name : "me@example.org");
    struct buf names = {0};
    list_names(all, &names);
    int status =
        name != NULL
            ? app_fail(app, EXIT_USAGE, "there is no account \"%s\"; there are: %.*s", name,
                       SLICE_ARG(buf_slice(&names)))
            : app_fail(app, EXIT_USAGE,
                       "which account? Use --account NAME, or choose one for good: burble account "
                       "default NAME\nThere are: %.*s",
                       SLICE_ARG(buf_slice(&names)));
    buf_free(&names);
    return status;
}

static int from_file(struct app *app, const char *name)
{
    struct accounts all;
    int status = accounts_load(app, &all);
    if (status == 0)
        status = take(app, &all, name);
    accounts_wipe(&all);
    return status;
}

int app_choose_account(struct app *app)
{
    const char *name = app_option(app, "account"), *jid = app_option(app, "jid");
    const char *env = getenv("BURBLE_JID");
    int status;
    if (name != NULL && jid != NULL)
        return app_fail(app, EXIT_USAGE, "--account and --jid exclude each other");
    if (jid != NULL)
        status = app_account_from(app, jid, "--jid");
    else if (name == NULL && env != NULL && env[0] != '\0')
        status = app_account_from(app, env, "BURBLE_JID");
    else
        status = from_file(app, name);
    return status != 0 ? status : app_account_options(app);
}
