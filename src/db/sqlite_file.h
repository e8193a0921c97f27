/* The database file itself: whether it may be opened, and how a new one comes to be. */
#ifndef DB_SQLITE_FILE_H
#define DB_SQLITE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sqlite_file {
    uint64_t bytes;
    dev_t device;
    ino_t number;
};

/* Looks at the file before SQLite does. 0 with *out filled; ERR_NOT_FOUND: there is none, and it
 * may be created; ERR_READONLY (no right to read and write it), ERR_CORRUPT (empty, cut, of another
 * kind, or missing beside its write-ahead log), ERR_IO. The text is for a person: it names the file
 * and, where rights matter, the user. */
int sqlite_file_check(const char *path, struct sqlite_file *out, char *error, size_t error_size);

/* Creates a new, complete database of mode 0600: built under another name, synced, renamed. vfs may
 * be NULL. 0 or an error with a text. */
int sqlite_file_create(const char *path, const char *vfs, char *error, size_t error_size);

/* False when the path no longer leads to this file (D14). */
bool sqlite_file_there(const char *path, const struct sqlite_file *file);

#endif
