/* The parts of the SQLite driver and who uses them. Not for other rooms. */
#ifndef DB_SQLITE_DRIVER_H
#define DB_SQLITE_DRIVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/request_queue.h"
#include "db/sqlite.h"
#include "db/sqlite_derived.h"
#include "db/sqlite_events.h"
#include "db/sqlite_file.h"
#include "db/sqlite_read.h"
#include "db/sqlite_write.h"

enum {
    SQLITE_READERS = 2,
    SQLITE_GROUP_COUNT = 1024,    /* batches in one transaction */
    SQLITE_GROUP_BYTES = 4 << 20, /* of operations in one transaction, about */
    SQLITE_WAL_BYTES = 4 << 20,   /* the log is moved into the database from this size */
    SQLITE_WAL_ALARM_BYTES = 256 << 20,
};

/* A thread with a reading connection. Whoever holds the lock may use or close the connection: the
 * thread while it works, the writer while it opens everything anew. */
struct sqlite_reader {
    struct sqlite_driver *driver;
    pthread_t thread;
    pthread_mutex_t lock;
    sqlite3 *db; /* NULL: to be opened */
    struct sqlite_read read;
};

enum sqlite_checkpoint { CHECKPOINT_IDLE, CHECKPOINT_ASKED, CHECKPOINT_DONE };

struct sqlite_checkpointer {
    struct sqlite_driver *driver;
    pthread_t thread;
    pthread_mutex_t connection; /* guards db, as in a reader */
    sqlite3 *db;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    enum sqlite_checkpoint state;
    int err; /* of what was DONE */
    bool stopping;
};

/* Used by the writing thread alone, except at start and end. */
struct sqlite_writer {
    pthread_t thread;
    sqlite3 *db;
    struct sqlite_write write;
    size_t group_max; /* shrinks when a group fails, grows with success */
    int wal_pages;    /* after the last commit */
    int wal_next;     /* pages from which it is moved */
};

struct sqlite_driver {
    struct store store;
    struct sqlite_config config;
    char *path, *vfs;
    struct sqlite_file file;
    int page_bytes;
    struct sqlite_events events;
    struct request_queue batches, queries;
    atomic_bool dead;      /* fatal was called */
    atomic_size_t pending; /* submitted and not yet answered */
    pthread_mutex_t idle_lock;
    pthread_cond_t idle;
    struct sqlite_tail tail;
    struct sqlite_writer writer;
    struct sqlite_reader readers[SQLITE_READERS];
    struct sqlite_checkpointer checkpointer;
    struct sqlite_derived derived;
};

/* sqlite.c */
void sqlite_answer(struct sqlite_driver *d, struct store_request *r);
struct sql_settings sqlite_settings(const struct sqlite_driver *d, bool read_only);

/* sqlite_start.c: opens the writing connection and verifies the database. After a failed disk,
 * doubt is set: then the log is moved into the database first and the check is never left out. */
int sqlite_start(struct sqlite_driver *d, bool doubt, char *error, size_t error_size);
/* Marks the orderly end and closes. */
void sqlite_stop(struct sqlite_driver *d);

/* sqlite_writer.c, sqlite_reader.c, sqlite_checkpointer.c: the threads' functions. */
void *sqlite_writer_main(void *driver);
void *sqlite_reader_main(void *reader);
void *sqlite_checkpointer_main(void *checkpointer);

/* Closes the reading connection; the caller holds the reader's lock. */
void sqlite_reader_close(struct sqlite_reader *reader);

/* What the checkpointer last did, or CHECKPOINT_IDLE; DONE is given once, with its error. */
enum sqlite_checkpoint sqlite_checkpoint_state(struct sqlite_checkpointer *c, int *err_out);
void sqlite_checkpoint_ask(struct sqlite_checkpointer *c);
void sqlite_checkpoint_stop(struct sqlite_checkpointer *c);

/* sqlite_recover.c: the disk failed. Closes every connection, opens and verifies the database;
 * *commits_out is what it has seen. On failure the driver is dead and fatal was called. */
int sqlite_recover(struct sqlite_driver *d, const char *why, int64_t *commits_out);

#endif
