/* Small files and directories: read with a cap, replace as a whole (rename(2)), make a private
 * directory. Durability follows open(2), fsync(2): the file first, then the directory. */
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "io/random.h"

/* Longer paths are refused; two of these fit into a stack frame. */
enum { PATH_BYTES = 1024 };

int file_error(int e)
{
    switch (e) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_REFUSED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case EROFS:
        return ERR_READONLY;
    case EEXIST:
        return ERR_EXISTS;
    case ENOMEM:
        return ERR_MEMORY;
    default:
        return ERR_IO;
    }
}

static void facts_of(const struct stat *st, struct file_facts *out)
{
    if (out == NULL)
        return;
    *out = (struct file_facts){
        .owner = st->st_uid,
        .mode = st->st_mode & 07777,
        .others_read = (st->st_mode & (S_IRGRP | S_IROTH)) != 0,
        .others_write = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0,
    };
}

/* Reads to the end; a file that grows meanwhile meets the cap like any other. */
static int read_all(int fd, size_t cap, struct buf *out)
{
    size_t had = buf_len(out);
    for (;;) {
        size_t left = cap - (buf_len(out) - had);
        size_t chunk = left < 4096 ? left + 1 : 4096;
        int err = buf_reserve(out, chunk);
        if (err != 0)
            return err;
        ssize_t n = read(fd, out->ptr + out->end, chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : file_error(errno);
        if ((size_t)n > left)
            return ERR_LIMIT;
        out->end += (uint32_t)n;
    }
}

int file_read(const char *path, size_t cap, struct buf *out, struct file_facts *facts_out)
{
    struct stat st;
    size_t had = buf_len(out);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    if (fd < 0)
        return file_error(errno);
    int err = fstat(fd, &st) != 0 ? file_error(errno) : !S_ISREG(st.st_mode) ? ERR_IO : 0;
    if (err == 0 && (uint64_t)st.st_size > cap)
        err = ERR_LIMIT;
    if (err == 0)
        err = read_all(fd, cap, out);
    close(fd);
    if (err != 0)
        buf_truncate(out, had);
    else
        facts_of(&st, facts_out);
    return err;
}

static int write_all(int fd, struct slice content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? ERR_IO : file_error(errno);
        content = slice_from(content, (size_t)n);
    }
    return fsync(fd) == 0 ? 0 : file_error(errno);
}

static int sync_parent(const char *path)
{
    char dir[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof(dir))
        return ERR_IO;
    memcpy(dir, path, len);
    memcpy(dir + len, len == 0 ? "." : "", len == 0 ? 2 : 1);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_error(errno);
    int err = fsync(fd) == 0 ? 0 : file_error(errno);
    close(fd);
    return err;
}

/* Writes the content to a new, synced file beside path, whose name goes to temp. */
static int write_beside(const char *path, struct slice content, char temp[PATH_BYTES])
{
    uint64_t unique;
    random_bytes(&unique, sizeof(unique));
    int n = snprintf(temp, PATH_BYTES, "%s.%016llx.tmp", path, (unsigned long long)unique);
    if (n < 0 || n >= PATH_BYTES)
        return ERR_IO;
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error(errno);
    /* The umask can only take from the mode. */
    int err = fchmod(fd, 0600) == 0 ? write_all(fd, content) : file_error(errno);
    if (close(fd) != 0 && err == 0)
        err = file_error(errno);
    if (err != 0)
        unlink(temp);
    return err;
}

int file_write(const char *path, struct slice content)
{
    char temp[PATH_BYTES];
    int err = write_beside(path, content, temp);
    if (err != 0)
        return err;
    if (rename(temp, path) != 0) {
        err = file_error(errno);
        unlink(temp);
        return err;
    }
    return sync_parent(path);
}

int file_create(const char *path, struct slice content)
{
    char temp[PATH_BYTES];
    int err = write_beside(path, content, temp);
    if (err != 0)
        return err;
    if (link(temp, path) != 0)
        err = file_error(errno);
    unlink(temp);
    return err != 0 ? err : sync_parent(path);
}

/* mkdir -p, private. */
static int make_all(const char *path)
{
    char part[PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part))
        return ERR_NOT_FOUND;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char was = part[i];
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return file_error(errno);
        part[i] = was;
    }
    return 0;
}

int dir_make(const char *path, struct file_facts *facts_out)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        int err = errno == ENOENT ? make_all(path) : file_error(errno);
        if (err == 0 && stat(path, &st) != 0)
            err = file_error(errno);
        if (err != 0)
            return err;
    }
    if (!S_ISDIR(st.st_mode))
        return ERR_EXISTS;
    facts_of(&st, facts_out);
    if (st.st_uid != geteuid())
        return ERR_REFUSED;
    return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : file_error(errno);
}
