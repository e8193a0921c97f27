/* Checks of a database file at start (D03, D10, D14), and the creation of a new one. A file that is
 * damaged is never written to: what is left of it may be all that a person has. */
#include "db/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_schema.h"

enum { FILE_HEAD_BYTES = 100, FILE_PATH_BYTES = 1024 };

/* path and a suffix; false when too long. */
static bool beside(const char *path, const char *suffix, char out[FILE_PATH_BYTES])
{
    int n = snprintf(out, FILE_PATH_BYTES, "%s%s", path, suffix);
    return n > 0 && n < FILE_PATH_BYTES;
}

static int system_err(int number)
{
    if (number == EACCES || number == EPERM || number == EROFS)
        return ERR_READONLY;
    if (number == ENOSPC || number == EDQUOT)
        return ERR_FULL;
    return ERR_IO;
}

static int system_failure(const char *what, const char *path, char *error, size_t error_size)
{
    int number = errno;
    snprintf(error, error_size, "cannot %s %s: %s (running as uid %u)", what, path,
             strerror(number), (unsigned)geteuid());
    return system_err(number);
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint32_t big_endian(const unsigned char *at, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | at[i];
    return v;
}

/* Why a file with this head and size cannot be opened, or NULL. The page count in the head holds
 * only while no write-ahead log is waiting to be applied. */
static const char *head_damage(const unsigned char *head, uint64_t bytes, bool has_wal)
{
    static const char magic[] = "SQLite format 3";
    if (memcmp(head, magic, sizeof(magic)) != 0)
        return "is not a database";
    uint64_t page = big_endian(head + 16, 2);
    page = page == 1 ? 65536 : page;
    if (page < 512 || (page & (page - 1)) != 0)
        return "has a damaged head";
    uint64_t pages = big_endian(head + 28, 4);
    bool counted = pages > 0 && big_endian(head + 24, 4) == big_endian(head + 92, 4);
    if (!has_wal && counted && bytes < pages * page)
        return "is cut off";
    return NULL;
}

static int check_head(int fd, const char *path, uint64_t bytes, bool has_wal, char *error,
                      size_t error_size)
{
    unsigned char head[FILE_HEAD_BYTES] = {0};
    const char *damage = "is cut off";
    if (bytes == 0) {
        damage = "is empty";
    } else if (bytes >= FILE_HEAD_BYTES) {
        if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
            return system_failure("read", path, error, error_size);
        damage = head_damage(head, bytes, has_wal);
    }
    if (damage == NULL)
        return 0;
    snprintf(error, error_size,
             "%s %s (%llu bytes); it is left as it is: restore it and any %s-wal beside it from a "
             "backup, or move it away to start with an empty one",
             path, damage, (unsigned long long)bytes, path);
    return ERR_CORRUPT;
}

int sqlite_file_check(const char *path, struct sqlite_file *out, char *error, size_t error_size)
{
    char wal[FILE_PATH_BYTES];
    if (!beside(path, "-wal", wal)) {
        snprintf(error, error_size, "the path %.64s... is too long", path);
        return ERR_LIMIT;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT && size_of(wal) == 0)
        return ERR_NOT_FOUND;
    if (fd < 0 && errno == ENOENT) {
        snprintf(error, error_size, "%s is missing but its write-ahead log %s is there: restore it",
                 path, wal);
        return ERR_CORRUPT;
    }
    if (fd < 0)
        return system_failure("open", path, error, error_size);
    struct stat st;
    int err = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(error, error_size, "%s is not a regular file", path);
        err = ERR_IO;
    } else {
        *out = (struct sqlite_file){
            .bytes = (uint64_t)st.st_size, .device = st.st_dev, .number = st.st_ino};
        err = check_head(fd, path, out->bytes, size_of(wal) > 0, error, error_size);
    }
    close(fd);
    return err;
}

static int sync_directory(const char *path)
{
    char copy[FILE_PATH_BYTES];
    if (!beside(path, "", copy))
        return -1;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd);
    close(fd);
    return failed;
}

static int build(const char *path, const char *vfs, char *error, size_t error_size)
{
    char text[64];
    sqlite3 *db = NULL;
    int version;
    int err =
        sql_err(NULL, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs));
    snprintf(text, sizeof(text), "PRAGMA application_id=%d", SQLITE_SCHEMA_APPLICATION);
    if (err == 0)
        err = sql_exec(db, "PRAGMA synchronous=FULL");
    if (err == 0)
        err = sql_exec(db, text);
    if (err == 0)
        err = sqlite_schema_migrate(db, &version);
    if (err == 0)
        err = sql_exec(db, "PRAGMA journal_mode=WAL");
    if (err != 0)
        snprintf(error, error_size, "cannot create %s: %s", path,
                 db != NULL ? sqlite3_errmsg(db) : err_text(err));
    sql_close(&db);
    return err;
}

int sqlite_file_create(const char *path, const char *vfs, char *error, size_t error_size)
{
    static const char *const leftovers[] = {".new", ".new-wal", ".new-shm", ".new-journal"};
    char fresh[FILE_PATH_BYTES];
    for (size_t i = sizeof(leftovers) / sizeof(leftovers[0]); i-- > 0;)
        if (beside(path, leftovers[i], fresh))
            (void)unlink(fresh);
    if (!beside(path, ".new", fresh)) {
        snprintf(error, error_size, "the path %.64s... is too long", path);
        return ERR_LIMIT;
    }
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return system_failure("create", fresh, error, error_size);
    close(fd);
    int err = build(fresh, vfs, error, error_size);
    if (err == 0 && (rename(fresh, path) != 0 || sync_directory(path) != 0))
        err = system_failure("create", path, error, error_size);
    if (err != 0)
        (void)unlink(fresh);
    return err;
}

bool sqlite_file_there(const char *path, const struct sqlite_file *file)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->number;
}
