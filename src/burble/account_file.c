/* accounts.conf on the disk. A file that is a link, as those who keep such files in a repository
 * have it, is replaced where it lies. */
#include "burble/account_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/app.h"
#include "burble/private_file.h"

static const char WHAT[] = "file of the accounts";

/* $XDG_CONFIG_HOME/burble, ~/.config/burble, or --config; on the heap. NULL, having said why, when
 * there is no home. */
static char *folder_of(const struct app *app)
{
    const char *dir = app_option(app, "config");
    if (dir != NULL)
        return mem_copy(slice_z(dir));
    char *found = private_dir("XDG_CONFIG_HOME", ".config");
    if (found == NULL)
        app_fail(app, EXIT_USAGE, "there is no home folder: set HOME, or use --config");
    return found;
}

/* The path of accounts.conf in a folder that was looked at, or NULL, having said why. */
static char *file_path(const struct app *app, const char *dir)
{
    char path[1000];
    int n = snprintf(path, sizeof(path), "%s/accounts.conf", dir);
    if (n > 0 && (size_t)n < sizeof(path))
        return mem_copy(slice_z(path));
    app_fail(app, EXIT_USAGE, "the path of the folder is too long: %.60s...", dir);
    return NULL;
}

static int read_at(const struct app *app, const char *dir, const char *path, struct buf *out)
{
    int status = private_dir_check(app, dir);
    return status != 0 ? status
                       : private_file_read(app, path, WHAT, true, ACCOUNT_FILE_BYTES_MAX, out);
}

static int parse(struct slice text, const char *path, const char *dir, struct accounts *out)
{
    struct config_errors errors = {0};
    char *folder = realpath(dir, NULL);
    int err = accounts_parse(text, path, folder, out, &errors);
    for (uint32_t i = 0; i < errors.count; i++) {
        char line[1024];
        config_error_format(&errors.items[i], line, sizeof(line));
        out_error("%s", line);
    }
    config_errors_free(&errors);
    free(folder);
    return err == 0 ? 0 : EXIT_USAGE;
}

static void wipe(struct buf *text)
{
    if (text->ptr != NULL)
        mem_wipe(text->ptr, text->cap);
    buf_free(text);
}

int accounts_load(const struct app *app, struct accounts *out)
{
    struct buf text = {0};
    char *dir = folder_of(app);
    char *path = dir != NULL ? file_path(app, dir) : NULL;
    *out = (struct accounts){0};
    int status = path != NULL ? read_at(app, dir, path, &text) : EXIT_USAGE;
    if (status == 0)
        status = parse(buf_slice(&text), path, dir, out);
    if (status == 0)
        out->path = mem_copy(slice_z(path));
    wipe(&text);
    mem_free(path);
    mem_free(dir);
    return status;
}

int account_file_read(const struct app *app, struct buf *out)
{
    char *dir = folder_of(app);
    char *path = dir != NULL ? file_path(app, dir) : NULL;
    int status = path != NULL ? read_at(app, dir, path, out) : EXIT_USAGE;
    mem_free(path);
    mem_free(dir);
    return status;
}

/* Where the bytes are, if path is a link; else path. */
static int replace(const struct app *app, const char *path, struct slice text)
{
    char *real = realpath(path, NULL);
    int status = private_file_write(app, real != NULL ? real : path, text);
    free(real);
    return status;
}

int account_file_write(const struct app *app, struct slice text)
{
    struct accounts check = {0};
    char *dir = folder_of(app);
    char *path = dir != NULL ? file_path(app, dir) : NULL;
    int status = path != NULL ? private_dir_make(app, dir) : EXIT_USAGE;
    if (status == 0 && parse(text, path, dir, &check) != 0)
        status = app_fail(app, EXIT_REFUSED, "nothing was changed.");
    if (status == 0)
        status = replace(app, path, text);
    accounts_wipe(&check);
    mem_free(path);
    mem_free(dir);
    return status;
}
