/* The SQLite driver: one file, no set-up. One thread writes: it carries out whatever batches wait,
 * of all shards, in one transaction and answers them when that is durable. Two threads read, each
 * query in a snapshot of its own; a fourth moves the write-ahead log into the database, a fifth
 * derives from the logs what makes searches fast, in a file beside the database. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "store/store.h"

struct sqlite_config {
    const char *path; /* of the database; its directory exists. One process at a time may have it
                         open: the caller holds a lock (io/files.h) */
    bool relaxed;     /* a power cut may take the last commits; a crash of the process never does */
    /* store.full, store.readonly, store.corrupt, store.gone, store.locked, store.slow, store.wal,
     * store.derived, each at most once a minute; store.fsync; store.unchecked, start.recovered. May
     * be NULL; its sink is called on threads of the driver. */
    const struct log *log;
    /* The disk failed and the database could not be verified after it was opened again (D07). From
     * now on every request is answered with ERR_IO; the process should stop (exit 74). On a thread
     * of the driver, once. May be NULL. */
    void (*fatal)(void *ctx, const char *text);
    void *ctx;
    uint32_t query_ms_max; /* longest query; 0: 1000 */
    uint32_t owners_max;   /* numbers of owners kept in memory; 0: 16384 */
    uint64_t check_bytes; /* after an unclean end, databases up to this size are checked before they
                             are used; 0: 256 MiB */
    uint32_t lot_rows;    /* index rows that are kept back and written together; 0: 32768 */
    struct store_text text; /* what entries say; of NULL: searches are refused. What an entry says
                               with any flags it says with 0 too */
    uint32_t derived_rows;  /* entries from which a lot is derived at once; 0: 32768 */
    uint32_t derived_ms;    /* fewer wait so long for others; 0: 10000 */
    uint32_t sweep_ms; /* rows of dropped entries stay so long in what is derived; 0: an hour */
    uint32_t slow_ms;  /* a commit that takes so long is logged; 0: 1000 */
    /* For tests. */
    const char *vfs;     /* NULL: the default one */
    uint32_t page_limit; /* pages that the file may have; 0: none */
};

/* Opens or creates the database. NULL on failure, with a text that names the file and an error:
 *   ERR_READONLY  no right to write it (D03)      ERR_CORRUPT  damaged, or not ours (D10)
 *   ERR_SCHEMA    of a newer version (D12)        ERR_BUSY     in use by another program (D11)
 *   ERR_FULL, ERR_MEMORY, ERR_LIMIT (path too long), ERR_IO
 * The text is at most error_size bytes with its NUL. The config is copied; log and ctx must outlive
 * the store. store_free waits for what was submitted. */
struct store *sqlite_open(const struct sqlite_config *config, char *error, size_t error_size,
                          int *err_out);

#endif
