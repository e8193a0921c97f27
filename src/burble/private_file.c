/* Files with secrets: whose they are and who else may read them is looked at on the open file, not
 * on its name (C12, O08). */
#include "burble/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/app.h"
#include "io/files.h"

char *private_dir(const char *variable, const char *home_path)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    struct buf path = {0};
    char *out = NULL;
    if (base != NULL && base[0] == '/') /* the specification says to ignore relative ones */
        buf_printf(&path, "%s/burble", base);
    else if (home != NULL && home[0] == '/')
        buf_printf(&path, "%s/%s/burble", home, home_path);
    if (buf_len(&path) > 0 && !path.failed)
        out = mem_copy(buf_slice(&path));
    buf_free(&path);
    return out;
}

static int judge(const struct app *app, const struct stat *st, const char *path, const char *what)
{
    bool is_dir = S_ISDIR(st->st_mode);
    mode_t others = st->st_mode & (S_IRWXG | S_IRWXO);
    /* systemd hands credentials out as root:root with an access list, which shows as group bits */
    if (st->st_uid == 0 && st->st_gid == 0 && !is_dir)
        others &= (mode_t) ~(unsigned)S_IRGRP;
    if (st->st_uid != geteuid() && (st->st_uid != 0 || is_dir))
        return app_fail(
            app, EXIT_USAGE,
            "%s belongs to another user (uid %u), so it is not used as %s.\nMake one of "
            "your own, or: chown %u %s",
            path, (unsigned)st->st_uid, what, (unsigned)geteuid(), path);
    if (others != 0)
        return app_fail(app, EXIT_USAGE,
                        "%s is open to others, so it is not used as %s.\nType: chmod %s %s", path,
                        what, is_dir ? "700" : "600", path);
    return 0;
}

static int unreadable(const struct app *app, const char *path, int e)
{
    return app_fail(app, EXIT_USAGE, "%s cannot be read: %s", path, strerror(e));
}

int private_dir_check(const struct app *app, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? 0 : unreadable(app, path, errno);
    if (!S_ISDIR(st.st_mode))
        return app_fail(app, EXIT_USAGE, "%s is no folder", path);
    return judge(app, &st, path, "folder of burble");
}

int private_dir_make(const struct app *app, const char *path)
{
    int status = private_dir_check(app, path);
    if (status != 0)
        return status;
    int err = dir_make(path, NULL);
    if (err != 0)
        return app_fail(app, EXIT_USAGE, "the folder %s cannot be made: %s", path, err_text(err));
    return 0;
}

int private_open(const struct app *app, const char *path, const char *what, int *fd_out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *fd_out = -1;
    if (fd < 0)
        return unreadable(app, path, errno);
    int status = fstat(fd, &st) != 0   ? unreadable(app, path, errno)
                 : S_ISDIR(st.st_mode) ? unreadable(app, path, EISDIR)
                                       : judge(app, &st, path, what);
    if (status != 0)
        close(fd);
    else
        *fd_out = fd;
    return status;
}

/* To the end of the file, which has at most cap bytes. */
static int read_all(const struct app *app, int fd, const char *path, size_t cap, struct buf *out)
{
    /* Room for everything, so that no copy stays behind in memory that was given back. */
    if (buf_reserve(out, cap + 1) != 0)
        return app_fail(app, EXIT_REFUSED, "%s: %s", path, err_text(ERR_MEMORY));
    size_t left = cap + 1;
    while (left > 0) {
        ssize_t n = read(fd, out->ptr + out->end, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return unreadable(app, path, errno);
        if (n == 0)
            return 0;
        out->end += (uint32_t)n;
        left -= (size_t)n;
    }
    return app_fail(app, EXIT_USAGE, "%s has more than %zu bytes", path, cap);
}

int private_file_read(const struct app *app, const char *path, const char *what, bool missing_ok,
                      size_t cap, struct buf *out)
{
    int fd;
    struct stat st;
    if (missing_ok && stat(path, &st) != 0 && errno == ENOENT)
        return 0;
    int status = private_open(app, path, what, &fd);
    if (status != 0)
        return status;
    /* a regular file needs room for its size; one that grows meanwhile is too large */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size < cap)
        cap = (size_t)st.st_size;
    status = read_all(app, fd, path, cap, out);
    close(fd);
    return status;
}

int private_file_write(const struct app *app, const char *path, struct slice content)
{
    int err = file_write(path, content);
    if (err != 0)
        return app_fail(app, EXIT_REFUSED, "%s cannot be written: %s", path, err_text(err));
    return 0;
}
