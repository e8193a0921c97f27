/* What can be made from the entries of the logs again at any time, and therefore stands in a file
 * of its own beside the database: which entries an owner has with which peer, and which words they
 * say.
 *
 * A thread of its own follows the log: it reads the entries behind `done` in large lots and writes
 * their rows in one transaction together with the new `done`. So an entry costs the writing thread
 * nothing, and no commit waits for an index. A query takes what lies up to `done` from here, looks
 * each of it up in the entries, which are the truth, and walks the log itself behind `done`: what
 * it answers never depends on how far the thread is. A file that is missing, damaged or of another
 * database is made anew. Rows of entries that are gone are found in no entry; a sweep removes them.
 *
 * The file is not synced with the database; when it knows positions that the database does not, as
 * after the restore of a backup, these are done again. */
#ifndef DB_SQLITE_DERIVED_H
#define DB_SQLITE_DERIVED_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define SQLITE_DERIVED_SUFFIX "-derived"

enum { SQLITE_DERIVED_OWNERS = 8192 };

/* The hash of an owner's name, by its number. */
struct sqlite_derived_owner {
    int64_t id;
    uint32_t hash;
};

struct sqlite_driver;

struct sqlite_derived {
    struct sqlite_driver *driver;
    char *path;
    pthread_t thread;
    /* Of the thread; the writer takes the lock to close log when it opens everything anew. */
    pthread_mutex_t connections;
    sqlite3 *log; /* reads the database; NULL: to be opened */
    sqlite3 *db;  /* the file; NULL: to be opened */
    sqlite3_stmt *entries, *revisions, *entry, *owner, *name;
    sqlite3_stmt *begin, *commit, *rollback, *add_peer, *add_text, *drop_text, *mark;
    struct sqlite_derived_owner *owners; /* direct-mapped */
    int wal_pages;                       /* of the file's log after the last commit */
    /* What readers look at. */
    atomic_bool usable, damaged;
    atomic_uint generation; /* of the file: readers open it again when it has changed */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t wake, moved;
    bool stopping, hurry;
    int64_t position, revised;         /* committed; revised: id of the last row there */
    int64_t position_max, revised_max; /* the file may know no more than these; it was compared:
                                          INT64_MAX */
    int64_t done, revised_done;        /* here */
    uint64_t dropped;                  /* parts of entries since the last sweep */
};

void sqlite_derived_init(struct sqlite_derived *v, struct sqlite_driver *driver);
void sqlite_derived_free(struct sqlite_derived *v);
/* The thread's function. It opens, or makes, the file; nobody waits for it. */
void *sqlite_derived_main(void *derived);
void sqlite_derived_stop(struct sqlite_derived *v);

/* The writer, when it has opened the database, before it writes: where that ends. */
void sqlite_derived_begin(struct sqlite_derived *v, int64_t position, int64_t revised);
/* The writer, after a commit: the last position given, the last id in `revised`, how many parts of
 * entries were dropped since the last call. */
void sqlite_derived_committed(struct sqlite_derived *v, int64_t position, int64_t revised,
                              uint64_t dropped);
/* The last revision that is not needed any more. */
int64_t sqlite_derived_revised(struct sqlite_derived *v);
/* The writer, before and after it opens the database anew: nothing is used until it was compared.
 */
void sqlite_derived_close_log(struct sqlite_derived *v);
void sqlite_derived_go_on(struct sqlite_derived *v);

/* A reader, before its snapshot: waits until every committed revision is here. 0 or ERR_BUSY. */
int sqlite_derived_wait(struct sqlite_derived *v, uint32_t ms_max);

/* A reader: the file does not do what it should. A new one is made. */
void sqlite_derived_complain(struct sqlite_derived *v);

/* The hash of a peer in the file: the same for ever. */
uint32_t sqlite_derived_hash(struct slice peer);
/* The word that stands for an owner's log among the words of an entry. */
void sqlite_derived_shelf_word(struct buf *out, int64_t owner, int64_t name);

/* In sqlite_derived_file.c, _fill.c and _sweep.c; the thread holds `connections`. */
int sqlite_derived_open(struct sqlite_derived *v);
void sqlite_derived_close(struct sqlite_derived *v);
/* Removes the file, for a new one. */
void sqlite_derived_remove(struct sqlite_derived *v);
/* One lot behind done, up to this position; *done_out: how far it came. */
int sqlite_derived_fill(struct sqlite_derived *v, int64_t to, int64_t *done_out);
/* Revisions behind revised_done; *done_out: the last one that was read. */
int sqlite_derived_revise(struct sqlite_derived *v, int64_t *done_out);
/* Removes rows without an entry; gives up when stopping. */
int sqlite_derived_sweep(struct sqlite_derived *v);
bool sqlite_derived_stopping(struct sqlite_derived *v);

#endif
