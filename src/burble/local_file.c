/* Files that are sent: opened once, and what is read is what was opened, whoever renames it. */
#include "burble/local_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burble/app.h"
#include "burble/text.h"

static const struct {
    const char *ending, *type;
} TYPES[] = {
    {"avif", "image/avif"},
    {"bz2", "application/x-bzip2"},
    {"csv", "text/csv"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"opus", "audio/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"txt", "text/plain"},
    {"wav", "audio/x-wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
};

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        if (strcasecmp(dot + 1, TYPES[i].ending) == 0)
            return TYPES[i].type;
    return "application/octet-stream";
}

int local_file_open(const struct app *app, const char *path, struct local_file *out)
{
    struct stat st;
    *out = (struct local_file){.app = app};
    burble_file_safe_name(path, out->name);
    out->type = type_of(out->name);
    /* Not to wait for whoever might write to a pipe. */
    out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (out->fd < 0 || fstat(out->fd, &st) != 0) {
        int status = app_fail(app, EXIT_USAGE, "%s: %s", path, strerror(errno));
        local_file_close(out);
        return status;
    }
    if (!S_ISREG(st.st_mode)) {
        local_file_close(out);
        return app_fail(app, EXIT_USAGE, "%s is no regular file", path);
    }
    out->size = (uint64_t)st.st_size;
    out->modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return 0;
}

long local_file_read(struct local_file *f, void *out, size_t size)
{
    ssize_t n;
    do
        n = read(f->fd, out, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        (void)app_fail(f->app, EXIT_REFUSED, "%s cannot be read: %s", f->name, strerror(errno));
    if (n == 0 && size > 0) {
        (void)app_fail(f->app, EXIT_REFUSED, "%s became shorter while it was sent", f->name);
        n = -1;
    }
    return (long)n;
}

static void draw(const struct local_file *f, unsigned percent)
{
    struct buf line = {0};
    buf_byte(&line, '\r');
    (void)text_cut(slice_z(f->name), TEXT_LINE, 40, 1, &line);
    (void)buf_printf(&line, "  %3u %% of %.1f MiB", percent, (double)f->size / (1 << 20));
    if (!line.failed && write(STDERR_FILENO, line.ptr, buf_len(&line)) < 0)
        line.failed = 1; /* nobody looks */
    buf_free(&line);
}

void local_file_progress(struct local_file *f, uint64_t done)
{
    unsigned percent = f->size > 0 ? (unsigned)(done * 100 / f->size) : 100;
    f->done = done;
    if (f->app->out.quiet || percent + 1 == f->shown || isatty(STDERR_FILENO) != 1)
        return;
    draw(f, percent);
    f->shown = percent + 1;
}

void local_file_close(struct local_file *f)
{
    if (f->shown > 0 && write(STDERR_FILENO, "\n", 1) < 0)
        f->shown = 0;
    f->shown = 0;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
