/* restore: puts a backup in the place of the database of a server that is stopped. What was there
 * is moved aside, never deleted, and with it the sessions, which know of messages that the backup
 * does not (D18). A mark stands in the folder while things are moved: no server starts with half of
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/time.h"
#include "burblectl/backup.h"
#include "burblectl/password.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"
#include "db/sqlite_copy.h"
#include "io/clock.h"
#include "io/files.h"

enum { ERROR_BYTES = 1024, ASIDE_TRIES = 100 };

struct restore {
    const char *data_dir;
    const char *from;
    struct stat owner; /* of the data folder */
    struct sqlite_report report;
    char *fresh; /* the copy, in the folder */
    char *aside; /* where the old files are */
    char error[ERROR_BYTES];
};

static int fail(const char *what, const char *path)
{
    int e = errno;
    output_error("cannot %s %s: %s", what, path, strerror(e));
    return backup_status(file_error(e));
}

/* Everything in the folder belongs to its owner, whoever restores. */
static int give(const struct restore *r, const char *path)
{
    if (geteuid() != 0 || lchown(path, r->owner.st_uid, r->owner.st_gid) == 0)
        return 0;
    return fail("give to its owner", path);
}

static int sync_folder(const struct restore *r)
{
    int fd = open(r->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 || fsync(fd) != 0 ? fail("sync", r->data_dir) : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

static int write_mark(const struct restore *r, const char *name, struct slice text)
{
    char *path = backup_path(r->data_dir, name);
    int err = file_write(path, text), status = 0;
    if (err != 0) {
        output_error("cannot write %s: %s", path, err_text(err));
        status = backup_status(err);
    }
    if (status == 0)
        status = give(r, path);
    mem_free(path);
    return status;
}

static int copy_in(const struct options *options, struct restore *r)
{
    r->fresh = backup_path(r->data_dir, "burble.db.restore");
    if (unlink(r->fresh) != 0 && errno != ENOENT)
        return fail("remove", r->fresh);
    int fd = open(r->fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail("make", r->fresh);
    close(fd);
    struct sqlite_copy copy = {
        .from = r->from, .to = r->fresh, .alone = true, .progress = backup_progress};
    backup_progress_begin(options, "restore");
    int err = sqlite_copy(&copy, r->error, sizeof(r->error));
    backup_progress_end();
    if (err == 0)
        return give(r, r->fresh);
    output_error("%s", r->error);
    (void)unlink(r->fresh);
    return backup_status(err);
}

/* A folder of a new name for what was there. */
static int make_aside(struct restore *r)
{
    char name[64], stamp[TIME_STAMP_BYTES];
    time_stamp(clock_now().wall_ms, stamp);
    for (int i = 1; i <= ASIDE_TRIES; i++) {
        snprintf(name, sizeof(name), "replaced-%.10s-%d", stamp, i);
        mem_free(r->aside);
        r->aside = backup_path(r->data_dir, name);
        if (mkdir(r->aside, 0700) == 0)
            return give(r, r->aside);
        if (errno != EEXIST)
            break;
    }
    return fail("make", r->aside);
}

static int move_aside(const struct restore *r)
{
    static const char *const names[] = {
        "burble.db",         "burble.db-wal",         "burble.db-shm",
        "burble.db-derived", "burble.db-derived-wal", "burble.db-derived-shm",
        "sessions",          "sessions.new",
    };
    int status = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && status == 0; i++) {
        char *from = backup_path(r->data_dir, names[i]), *to = backup_path(r->aside, names[i]);
        if (rename(from, to) != 0 && errno != ENOENT)
            status = fail("move aside", from);
        mem_free(from);
        mem_free(to);
    }
    return status;
}

static int put_in_place(struct restore *r)
{
    struct buf text = {0};
    char stamp[TIME_STAMP_BYTES];
    char *path = backup_path(r->data_dir, "burble.db");
    char *mark = backup_path(r->data_dir, CONTROL_RESTORING_NAME);
    time_stamp(clock_now().wall_ms, stamp);
    buf_printf(&text, "%s %s\n", stamp, r->from);
    int status = rename(r->fresh, path) != 0 ? fail("make", path) : 0;
    if (status == 0)
        status = write_mark(r, CONTROL_RESTORED_NAME, buf_slice(&text));
    if (status == 0 && unlink(mark) != 0)
        status = fail("remove", mark);
    if (status == 0)
        status = sync_folder(r);
    buf_free(&text);
    mem_free(path);
    mem_free(mark);
    return status;
}

static bool confirmed(const struct options *options, const struct restore *r)
{
    if (options->yes || !isatty(STDIN_FILENO))
        return true;
    struct buf question = {0};
    char *file = output_harmless(r->from), *dir = output_harmless(r->data_dir);
    buf_printf(&question, "Replace all data in %s by %s (accounts: %lld)? Type \"yes\":", dir, file,
               (long long)r->report.accounts);
    buf_byte(&question, '\0');
    bool yes = !question.failed && password_confirm(question.ptr);
    if (!yes)
        output_error("nothing was changed.");
    buf_free(&question);
    mem_free(file);
    mem_free(dir);
    return yes;
}

static void add_row(const struct restore *r, struct output *o)
{
    char *from = output_harmless(r->from), *aside = output_harmless(r->aside);
    json_t *row =
        json_pack("{s:s, s:I, s:I, s:s}", "file", from, "accounts", (json_int_t)r->report.accounts,
                  "messages", (json_int_t)r->report.entries, "replaced", aside);
    CHECK(row != NULL);
    output_row(o, row);
    json_decref(row);
    mem_free(from);
    mem_free(aside);
}

static int work(const struct options *options, struct restore *r, struct output *o)
{
    int status = copy_in(options, r);
    if (status == 0)
        status = write_mark(r, CONTROL_RESTORING_NAME, SLICE(""));
    if (status == 0)
        status = make_aside(r);
    if (status == 0)
        status = move_aside(r);
    if (status == 0)
        status = put_in_place(r);
    if (status == 0)
        add_row(r, o);
    return status;
}

int restore_run(const struct options *options, const char *data_dir, struct output *o)
{
    struct restore r = {.data_dir = data_dir, .from = options->args[0]};
    pid_t pid;
    int lock = -1;
    if (stat(data_dir, &r.owner) != 0)
        return fail("restore into", data_dir);
    int err = backup_lock(data_dir, &lock, &pid);
    if (err == ERR_BUSY) {
        output_error("a server runs on %s, pid %ld; stop it first", data_dir, (long)pid);
        return CONTROL_TRY_AGAIN;
    }
    if (err != 0) {
        output_error("%s: %s", data_dir, err_text(err));
        return backup_status(err);
    }
    int status;
    err = sqlite_verify(r.from, &r.report, r.error, sizeof(r.error));
    if (err != 0) {
        output_error("%s", r.error);
        status = backup_status(err);
    } else {
        status = confirmed(options, &r) ? work(options, &r, o) : CONTROL_FAILED;
    }
    mem_free(r.fresh);
    mem_free(r.aside);
    file_unlock(&lock);
    return status;
}
