/* Saving what others send. Everything is relative to the open folder, whatever becomes of its path
 * meanwhile; files are made, never opened. */
#include "burble/save_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "burble/app.h"
#include "io/random.h"

enum { NUMBERS_MAX = 999, TOKEN = 20 };

char *save_file_dir(const struct app *app)
{
    const char *given = app_option(app, "dir"), *env = getenv("XDG_DOWNLOAD_DIR");
    const char *home = getenv("HOME");
    struct buf path = {0};
    if (given != NULL)
        buf_add(&path, slice_z(given));
    else if (env != NULL && env[0] == '/')
        buf_add(&path, slice_z(env));
    else if (home != NULL)
        (void)buf_printf(&path, "%s/Downloads", home);
    char *text = mem_copy(buf_slice(&path));
    buf_free(&path);
    if (access(text, W_OK | X_OK) == 0)
        return text;
    (void)app_fail(app, EXIT_USAGE, "%s: %s; name a folder with --dir",
                   *text != '\0' ? text : "~/Downloads", strerror(errno));
    mem_free(text);
    return NULL;
}

static int failed(const struct app *app, const struct save_file *f, const char *what)
{
    return app_fail(app, EXIT_REFUSED, "%s: cannot be %s: %s", f->name, what, strerror(errno));
}

int save_file_begin(const struct app *app, const char *dir, const char *wanted,
                    struct save_file *out)
{
    struct rng rng;
    char token[TOKEN];
    *out = (struct save_file){.dir = -1, .fd = -1};
    burble_file_safe_name(wanted, out->name);
    random_init(&rng);
    rng_token(&rng, token, sizeof(token));
    (void)snprintf(out->part, sizeof(out->part), ".burble-%.*s.part", TOKEN, token);
    out->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->dir >= 0)
        out->fd =
            openat(out->dir, out->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (out->fd >= 0)
        return 0;
    int status = failed(app, out, "saved");
    if (out->dir >= 0)
        close(out->dir);
    out->dir = -1;
    return status;
}

int save_file_write(const struct app *app, struct save_file *f, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(f->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(app, f, "written");
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* "name.tar.gz" with the number 2: "name (2).tar.gz". */
static void numbered(const char *name, unsigned n, struct buf *out)
{
    size_t stem = strcspn(name, ".");
    buf_clear(out);
    if (n == 0)
        buf_add(out, slice_z(name));
    else
        (void)buf_printf(out, "%.*s (%u)%s", (int)stem, name, n, name + stem);
    buf_byte(out, '\0');
}

/* 0, or -1 and errno: EEXIST when something has this name. */
static int give_name(const struct save_file *f, const char *name)
{
    if (renameat2(f->dir, f->part, f->dir, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS) /* the file system may not know how */
        return -1;
    if (linkat(f->dir, f->part, f->dir, name, 0) != 0)
        return -1;
    (void)unlinkat(f->dir, f->part, 0);
    return 0;
}

int save_file_finish(const struct app *app, struct save_file *f, struct buf *name_out)
{
    struct buf name = {0};
    int status = 0, given = -1;
    if (fsync(f->fd) != 0)
        status = failed(app, f, "written");
    for (unsigned n = 0; status == 0 && given != 0 && n <= NUMBERS_MAX; n++) {
        numbered(f->name, n, &name);
        given = give_name(f, buf_slice(&name).ptr);
        if (given != 0 && errno != EEXIST)
            break;
    }
    if (status == 0 && given != 0)
        status = failed(app, f, "saved");
    if (status == 0) {
        (void)fsync(f->dir);
        buf_add(name_out, slice_z(buf_slice(&name).ptr));
        close(f->fd);
        f->fd = -1; /* nothing to take away */
    }
    buf_free(&name);
    save_file_drop(f);
    return status;
}

void save_file_drop(struct save_file *f)
{
    if (f->fd >= 0) {
        (void)unlinkat(f->dir, f->part, 0);
        close(f->fd);
    }
    if (f->dir >= 0)
        close(f->dir);
    f->dir = f->fd = -1;
}
