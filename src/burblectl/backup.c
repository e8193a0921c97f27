/* backup and verify. */
#include "burblectl/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/time.h"
#include "burblectl/client.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"
#include "db/sqlite_copy.h"
#include "io/clock.h"
#include "io/files.h"

enum { ERROR_BYTES = 1024 };

static volatile sig_atomic_t given_up;

static struct {
    const char *what; /* NULL: nothing is shown */
    int percent;
} shown;

int backup_status(int err)
{
    if (err == ERR_REFUSED || err == ERR_READONLY)
        return CONTROL_REFUSED;
    return err == ERR_BUSY ? CONTROL_TRY_AGAIN : CONTROL_FAILED;
}

char *backup_path(const char *data_dir, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", data_dir, name);
    CHECK(!path.failed);
    char *copy = mem_copy(buf_slice(&path));
    buf_free(&path);
    return copy;
}

int backup_lock(const char *data_dir, int *fd_out, pid_t *pid_out)
{
    struct stat st;
    char *path = backup_path(data_dir, "burbled.lock");
    int err = file_lock(path, fd_out, pid_out);
    if (err == 0 && geteuid() == 0 && stat(data_dir, &st) == 0 &&
        fchown(*fd_out, st.st_uid, st.st_gid) != 0)
        err = ERR_IO;
    mem_free(path);
    return err;
}

static void give_up(int signal)
{
    (void)signal;
    given_up = 1;
}

void backup_progress_begin(const struct options *options, const char *what)
{
    struct sigaction act = {.sa_handler = give_up};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    shown.what = !options->json && isatty(STDERR_FILENO) ? what : NULL;
    shown.percent = -1;
}

bool backup_progress(void *ctx, uint64_t done, uint64_t all)
{
    (void)ctx;
    int percent = all > 0 ? (int)(done * 100 / all) : 100;
    if (shown.what != NULL && percent != shown.percent)
        fprintf(stderr, "\r%s: %d %%", shown.what, percent);
    shown.percent = percent;
    return !given_up;
}

void backup_progress_end(void)
{
    if (shown.what != NULL && shown.percent >= 0)
        fputs("\r\033[K", stderr);
    shown.what = NULL;
}

static int fail_errno(const char *what, const char *path)
{
    int e = errno;
    output_error("%s %s: %s", what, path, strerror(e));
    return backup_status(file_error(e));
}

/* The name appears with the whole content, or not at all; nothing is replaced. */
static int give_name(const char *part, const char *path)
{
    int failed = renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE);
    if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
        failed = link(part, path);
        if (failed == 0)
            failed = unlink(part);
    }
    if (failed != 0)
        return fail_errno("cannot make", path);
    char *copy = mem_copy(slice_z(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 || fsync(fd) != 0 ? fail_errno("cannot sync the folder of", path) : 0;
    if (fd >= 0)
        close(fd);
    mem_free(copy);
    return status;
}

static void ignore_row(void *ctx, const json_t *row)
{
    (void)ctx, (void)row;
}

/* A line in the server's log; that it is gone by now is none of our concern. */
static void tell_server(const char *data_dir, uint64_t bytes)
{
    char number[32];
    struct buf request = {0};
    snprintf(number, sizeof(number), "%llu", (unsigned long long)bytes);
    struct control_arg arg = {SLICE("bytes"), slice_z(number)};
    CHECK(control_request_encode(SLICE("backup"), &arg, 1, SLICE_NONE, &request) == 0);
    struct client_end end = client_run(data_dir, &request, ignore_row, NULL);
    mem_free(end.text);
    buf_free(&request);
}

static int copy_to(const struct options *options, const char *data_dir, const char *part,
                   bool running)
{
    char error[ERROR_BYTES];
    char *from = backup_path(data_dir, "burble.db");
    struct sqlite_copy copy = {
        .from = from, .to = part, .alone = !running, .progress = backup_progress};
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    int status = 0;
    if (fd < 0) {
        status = fail_errno("cannot make", part);
    } else {
        close(fd);
        backup_progress_begin(options, "backup");
        int err = sqlite_copy(&copy, error, sizeof(error));
        backup_progress_end();
        if (err != 0) {
            output_error("%s", error);
            status = backup_status(err);
            (void)unlink(part);
        }
    }
    mem_free(from);
    return status;
}

static void add_row(struct output *o, const char *path, uint64_t bytes, uint64_t ms)
{
    char *name = output_harmless(path);
    json_t *row = json_pack("{s:s, s:I, s:f}", "file", name, "bytes", (json_int_t)bytes, "seconds",
                            (double)ms / 1000);
    CHECK(row != NULL);
    output_row(o, row);
    json_decref(row);
    mem_free(name);
}

/* There is something to copy, and a place for it. */
static int look_first(const char *data_dir, const char *path)
{
    struct stat st;
    char *from = backup_path(data_dir, "burble.db");
    int status = stat(from, &st) != 0 ? fail_errno("cannot read", from) : 0;
    mem_free(from);
    if (status == 0 && lstat(path, &st) == 0) {
        output_error("%s is there already; nothing is overwritten", path);
        status = CONTROL_FAILED;
    }
    return status;
}

int backup_run(const struct options *options, const char *data_dir, struct output *o)
{
    const char *path = options->args[0];
    struct stat st;
    pid_t pid;
    int status = look_first(data_dir, path);
    if (status != 0)
        return status;
    int lock = -1, err = backup_lock(data_dir, &lock, &pid);
    bool running = err == ERR_BUSY;
    if (err != 0 && !running) {
        output_error("%s: %s", data_dir, err_text(err));
        return backup_status(err);
    }
    struct buf part = {0};
    buf_printf(&part, "%s.part", path);
    buf_byte(&part, '\0');
    CHECK(!part.failed);
    uint64_t start_ms = clock_now().mono_ms;
    status = copy_to(options, data_dir, part.ptr, running);
    if (status == 0) {
        status = give_name(part.ptr, path);
        if (status != 0)
            (void)unlink(part.ptr);
    }
    if (status == 0 && stat(path, &st) == 0) {
        add_row(o, path, (uint64_t)st.st_size, clock_now().mono_ms - start_ms);
        if (running)
            tell_server(data_dir, (uint64_t)st.st_size);
    }
    buf_free(&part);
    file_unlock(&lock);
    return status;
}

int backup_verify(const struct options *options, struct output *o)
{
    char error[ERROR_BYTES], stamp[TIME_STAMP_BYTES] = "";
    struct sqlite_report r;
    int err = sqlite_verify(options->args[0], &r, error, sizeof(error));
    if (err != 0) {
        output_error("%s", error);
        return backup_status(err);
    }
    char *name = output_harmless(options->args[0]);
    if (r.newest_ms != 0)
        time_stamp(r.newest_ms, stamp);
    json_t *row = json_pack("{s:s, s:s, s:I, s:i, s:I, s:I, s:I, s:s*}", "file", name, "result",
                            "ok", "bytes", (json_int_t)r.bytes, "version", r.version, "accounts",
                            (json_int_t)r.accounts, "items", (json_int_t)r.items, "messages",
                            (json_int_t)r.entries, "newest", r.newest_ms != 0 ? stamp : NULL);
    CHECK(row != NULL);
    output_row(o, row);
    json_decref(row);
    mem_free(name);
    return 0;
}
