/* Shared mappings of preallocated files (mmap(2), posix_fallocate(3)) and their generations
 * (renameat2(2) with RENAME_EXCHANGE, or two renames where that is not supported). */
#include "io/region_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/files.h"

enum { PATH_BYTES = 1024 };

static size_t page_bytes(void)
{
    long bytes = sysconf(_SC_PAGESIZE);
    return bytes > 0 ? (size_t)bytes : 4096;
}

/* ------------------------------------------------------------------------------------------ files
 */

/* Makes [f->bytes, bytes) usable: whole pages. */
static int extend(struct region_file *f, size_t bytes)
{
    int e;
    do
        e = posix_fallocate(f->fd, (off_t)f->bytes, (off_t)(bytes - f->bytes));
    while (e == EINTR);
    if (e != 0)
        return file_error(e);
    void *part = mmap(f->base + f->bytes, bytes - f->bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_FIXED, f->fd, (off_t)f->bytes);
    if (part == MAP_FAILED)
        return file_error(errno);
    f->bytes = bytes;
    return 0;
}

bool region_file_grow(void *file, size_t bytes)
{
    struct region_file *f = file;
    size_t page = page_bytes();
    if (bytes > f->bytes_max)
        return false;
    bytes = (bytes + page - 1) / page * page;
    return bytes <= f->bytes || extend(f, bytes) == 0;
}

int region_file_make(const char *path, size_t bytes, size_t bytes_max, struct region_file *out)
{
    size_t page = page_bytes();
    *out = (struct region_file){0};
    if (bytes > bytes_max || bytes_max < page)
        return ERR_LIMIT;
    bytes_max = bytes_max / page * page;
    bytes = bytes == 0 ? page : (bytes + page - 1) / page * page;
    if (bytes > bytes_max)
        bytes = bytes_max;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error(errno);
    *out = (struct region_file){.fd = fd, .bytes_max = bytes_max};
    /* Addresses alone, so that it grows where it is. */
    void *base =
        mmap(NULL, bytes_max, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int err = base == MAP_FAILED || fchmod(out->fd, 0600) != 0 ? file_error(errno) : 0;
    out->base = base == MAP_FAILED ? NULL : base;
    if (err == 0)
        err = extend(out, bytes);
    if (err != 0) {
        region_file_close(out);
        unlink(path);
    }
    return err;
}

void region_file_close(struct region_file *f)
{
    if (f->base != NULL)
        munmap(f->base, f->bytes_max);
    if (f->bytes_max > 0)
        close(f->fd);
    *f = (struct region_file){0};
}

int region_copy_read(const char *path, size_t cap, struct region_copy *out)
{
    struct stat st;
    *out = (struct region_copy){0};
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return file_error(errno);
    int err = fstat(fd, &st) != 0 ? file_error(errno) : !S_ISREG(st.st_mode) ? ERR_IO : 0;
    size_t bytes = err != 0 ? 0 : (size_t)st.st_size < cap ? (size_t)st.st_size : cap;
    if (bytes > 0) {
        void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED)
            err = file_error(errno);
        else
            *out = (struct region_copy){.base = base, .bytes = bytes};
    }
    for (size_t at = 0; err == 0 && at < bytes;) {
        ssize_t n = pread(fd, out->base + at, bytes - at, (off_t)at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? ERR_IO : file_error(errno);
    }
    close(fd);
    if (err != 0)
        region_copy_free(out);
    return err;
}

void region_copy_free(struct region_copy *c)
{
    if (c->base != NULL)
        munmap(c->base, c->bytes);
    *c = (struct region_copy){0};
}

/* ------------------------------------------------------------------------------------ generations
 */

struct generations {
    char now[PATH_BYTES], next[PATH_BYTES], was[PATH_BYTES];
};

static int name_all(const char *dir, struct generations *out)
{
    int n = snprintf(out->next, sizeof(out->next), "%s/sessions.new", dir);
    if (n < 0 || n >= PATH_BYTES)
        return ERR_IO;
    snprintf(out->now, sizeof(out->now), "%s/sessions", dir);
    snprintf(out->was, sizeof(out->was), "%s/sessions.old", dir);
    return 0;
}

static int each(const char *path, void (*fn)(void *ctx, const char *path), void *ctx)
{
    DIR *d = opendir(path);
    if (d == NULL)
        return file_error(errno);
    char *file = mem_alloc(PATH_BYTES); /* the stack has the names of the folders */
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int n = snprintf(file, PATH_BYTES, "%s/%s", path, entry->d_name);
        if (n > 0 && n < PATH_BYTES)
            fn(ctx, file);
    }
    mem_free(file);
    closedir(d);
    return 0;
}

static void drop(void *ctx, const char *path)
{
    (void)ctx;
    unlink(path); /* a failure shows at rmdir */
}

/* The folder and its files, if it is there. Nothing below: we make no folders in it. */
static int drop_all(const char *path)
{
    int err = each(path, drop, NULL);
    if (err == 0 && rmdir(path) != 0)
        err = file_error(errno);
    return err == ERR_NOT_FOUND ? 0 : err;
}

int region_dir_begin(const char *dir)
{
    struct generations g;
    int err = name_all(dir, &g);
    if (err != 0)
        return err;
    /* Between the two renames of the exchange; it fails wherever else we are. */
    if (access(g.now, F_OK) != 0 && errno == ENOENT && rename(g.was, g.now) != 0 && errno != ENOENT)
        return file_error(errno);
    err = drop_all(g.was);
    if (err == 0)
        err = drop_all(g.next);
    if (err == 0 && mkdir(g.next, 0700) != 0)
        err = file_error(errno);
    return err;
}

int region_dir_each(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx)
{
    struct generations g;
    int err = name_all(dir, &g);
    return err != 0 ? err : each(g.now, fn, ctx);
}

int region_dir_commit(const char *dir)
{
    struct generations g;
    int err = name_all(dir, &g);
    if (err != 0)
        return err;
    if (renameat2(AT_FDCWD, g.next, AT_FDCWD, g.now, RENAME_EXCHANGE) == 0) {
        (void)drop_all(g.next);
        return 0;
    }
    if (errno != ENOENT && errno != EINVAL && errno != ENOSYS)
        return file_error(errno);
    if (rename(g.now, g.was) != 0 && errno != ENOENT)
        return file_error(errno);
    if (rename(g.next, g.now) != 0)
        return file_error(errno);
    (void)drop_all(g.was);
    return 0;
}

int region_dir_drop(const char *dir)
{
    struct generations g;
    int err = name_all(dir, &g);
    /* In this order: without `now`, the next start would take `was` for it. */
    const char *const paths[] = {g.was, g.now, g.next};
    for (size_t i = 0; err == 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
        err = drop_all(paths[i]);
    return err;
}

/* ------------------------------------------------------------------------------------------- boot
 */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int boot_id_read(const char *path, uint8_t out[BOOT_ID_BYTES])
{
    struct buf text = {0};
    int err = file_read(path, 64, &text, NULL);
    struct slice s = buf_slice(&text);
    size_t digits = 0;
    memset(out, 0, BOOT_ID_BYTES);
    for (size_t i = 0; err == 0 && i < s.len; i++) {
        int digit = hex_of(s.ptr[i]);
        if (s.ptr[i] == '-' || (s.ptr[i] == '\n' && i + 1 == s.len))
            continue;
        if (digit < 0 || digits >= (size_t)2 * BOOT_ID_BYTES)
            err = ERR_SYNTAX;
        else
            out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | digit);
        digits++;
    }
    buf_free(&text);
    return err == 0 && digits != (size_t)2 * BOOT_ID_BYTES ? ERR_SYNTAX : err;
}
