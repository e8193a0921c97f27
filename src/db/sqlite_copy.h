/* Backups of a database: copied, verified. For tools; no driver is needed. */
#ifndef DB_SQLITE_COPY_H
#define DB_SQLITE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite_copy {
    const char *from; /* the database */
    const char *to;   /* an empty file of the caller's */
    /* Nobody else has it open, and nobody can open it meanwhile: it is read without a trace, unless
     * it was not closed in order. False: a server has it open; one snapshot is read beside its
     * work, which it does not wait for. */
    bool alone;
    /* Called now and then, of all pages those that are done; false: give up. May be NULL. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t all);
    void *ctx;
};

/* Copies. 0: the file is whole and synced; its directory entry is the caller's. ERR_CLOSED: given
 * up; ERR_SCHEMA, ERR_CORRUPT (damaged, or none of ours), ERR_FULL, ERR_READONLY, ERR_REFUSED (no
 * right), ERR_NOT_FOUND, ERR_BUSY, ERR_IO, ERR_MEMORY. The text is for a person. */
int sqlite_copy(const struct sqlite_copy *copy, char *error, size_t error_size);

struct sqlite_report {
    uint64_t bytes;
    int version; /* of the tables */
    int64_t accounts, items, entries;
    int64_t newest_ms; /* stamp of the last entry of a log; 0: there is none */
};

/* Reads a backup from its first byte to its last; nothing is changed, nothing is made beside it. 0;
 * ERR_CORRUPT, ERR_SCHEMA (of a newer version), ERR_NOT_FOUND, ERR_REFUSED (no right), ERR_IO,
 * ERR_MEMORY, with a text. */
int sqlite_verify(const char *path, struct sqlite_report *out, char *error, size_t error_size);

#endif
