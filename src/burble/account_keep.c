/* Accounts and passwords that commands keep (C12, C13). */
#include "burble/account_keep.h"

#include <string.h>

#include "base/err.h"
#include "burble/account_edit.h"
#include "burble/account_file.h"
#include "burble/app.h"
#include "burble/password.h"
#include "burble/private_file.h"

enum { PASSWORD_FILE_BYTES_MAX = 65536 };

/* libconfig has no way to write these. */
static bool writable(struct slice password)
{
    for (size_t i = 0; i < password.len; i++)
        if ((unsigned char)password.ptr[i] < 0x20 || password.ptr[i] == 0x7f)
            return false;
    return true;
}

int account_keep_check(struct app *app, struct slice password)
{
    struct accounts all;
    int status = accounts_load(app, &all);
    const char *name = account_name(&app->account);
    if (status == 0 && accounts_find(&all, slice_z(name)) != NULL)
        status =
            app_fail(app, EXIT_USAGE, "there is an account \"%s\" in accounts.conf already", name);
    if (status == 0 && !writable(password))
        status = app_fail(app, EXIT_USAGE,
                          "a password with control characters cannot be kept in accounts.conf");
    accounts_wipe(&all);
    return status;
}

/* Writes what an account_edit said of changed, and wipes it. */
static int write_file(struct app *app, int err, struct buf *changed)
{
    int status =
        err == 0 ? account_file_write(app, buf_slice(changed))
                 : app_fail(app, EXIT_REFUSED, "accounts.conf was not changed: %s", err_text(err));
    password_free(changed);
    return status;
}

int account_keep_new(struct app *app, struct slice password)
{
    char expected[ACCOUNT_EXPECTED_BYTES];
    struct buf text = {0}, changed = {0};
    if (!account_set(&app->account, "password", true, password, expected))
        return app_fail(app, EXIT_USAGE, "the password: expected %s", expected);
    int status = account_file_read(app, &text);
    if (status == 0)
        status =
            write_file(app, account_edit_add(buf_slice(&text), &app->account, &changed), &changed);
    password_free(&text);
    return status;
}

/* Every entry of the address that has its password in the file. */
static int replace_stored(struct app *app, struct slice password, bool *kept_out)
{
    struct accounts all;
    struct buf text = {0};
    int status = accounts_load(app, &all);
    if (status == 0)
        status = account_file_read(app, &text);
    bool any = false;
    for (uint32_t i = 0; status == 0 && i < all.count; i++) {
        struct buf changed = {0};
        if (strcmp(all.items[i].jid, app->account.jid) != 0 || all.items[i].password == NULL)
            continue;
        int err = account_edit_password(buf_slice(&text), i, password, &changed);
        if (err != 0) {
            status = write_file(app, err, &changed);
            break;
        }
        password_free(&text);
        text = changed;
        any = true;
    }
    if (status == 0 && any)
        status = account_file_write(app, buf_slice(&text));
    *kept_out = status == 0 && any;
    password_free(&text);
    accounts_wipe(&all);
    return status;
}

/* The first line; what stands behind it stays. */
static int replace_in_file(struct app *app, const char *path, struct slice password)
{
    struct buf old = {0}, changed = {0};
    int status =
        private_file_read(app, path, "file of a password", false, PASSWORD_FILE_BYTES_MAX, &old);
    struct slice rest = buf_slice(&old);
    size_t line = slice_find(rest, '\n');
    rest = slice_from(rest, line < rest.len ? line + 1 : rest.len);
    if (status == 0 && (buf_reserve(&changed, password.len + rest.len + 1) != 0 ||
                        buf_add(&changed, password) != 0 || buf_byte(&changed, '\n') != 0 ||
                        buf_add(&changed, rest) != 0))
        status = app_fail(app, EXIT_REFUSED, "out of memory");
    if (status == 0)
        status = private_file_write(app, path, buf_slice(&changed));
    password_free(&old);
    password_free(&changed);
    return status;
}

int account_keep_password(struct app *app, struct slice password, bool *kept_out)
{
    int status = 0;
    *kept_out = false;
    if (writable(password))
        status = replace_stored(app, password, kept_out);
    if (status != 0 || app->account.password_file == NULL)
        return status;
    status = replace_in_file(app, app->account.password_file, password);
    *kept_out = status == 0;
    return status;
}
