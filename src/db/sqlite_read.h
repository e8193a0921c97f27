/* Carries out queries on a reading connection, each in one snapshot. */
#ifndef DB_SQLITE_READ_H
#define DB_SQLITE_READ_H

#include <sqlite3.h>

#include "db/sqlite_tail.h"
#include "store/store.h"
#include "store/words.h"

enum { SQLITE_READ_STATEMENTS = 18 };

struct sqlite_derived;

/* The reader's connection to what is derived. */
struct sqlite_read_derived {
    struct sqlite_derived *of; /* NULL: not used */
    sqlite3 *db;               /* NULL: to be opened */
    unsigned generation;       /* of the file that is open */
    int64_t covers;            /* of the snapshot: everything up to here */
    sqlite3_stmt *begin, *end, *done, *peers, *peers_back, *texts, *texts_back;
};

struct sqlite_read {
    sqlite3 *db;
    uint64_t deadline_ms; /* of the query under way, monotonic */
    uint32_t query_ms_max;
    struct sqlite_tail *tail;
    struct sqlite_tail_hold hold; /* of the query under way */
    sqlite3_stmt *begin, *look, *end, *owner, *name;
    sqlite3_stmt *place, *value, *list, *list_back, *count_items;
    sqlite3_stmt *range, *range_back, *entry, *count_log, *replay, *owner_name;
    sqlite3_stmt *holders, *first_holders;
    struct store_text text; /* of NULL: searches are refused */
    struct sqlite_read_derived derived;
    bool derived_failed, without_derived; /* this query */
};

/* Takes over an open connection, which must outlive it. 0 or an error, after which nothing is held.
 */
int sqlite_read_open(struct sqlite_read *q, sqlite3 *db, struct sqlite_tail *tail,
                     struct sqlite_derived *derived, const struct store_text *text,
                     uint32_t query_ms_max);
void sqlite_read_close(struct sqlite_read *q);

/* In sqlite_read_log.c, for sqlite_read_query. */
struct sqlite_shelf {
    int64_t owner, name;
};
int sqlite_read_range(struct sqlite_read *q, struct store_request *r, uint32_t read,
                      struct sqlite_shelf shelf, const struct store_operation *o);
int sqlite_read_replay(struct sqlite_read *q, struct store_request *r, uint32_t read, int64_t name,
                       const struct store_operation *o);
/* The number of an owner or a name, 0 when there is none. */
int sqlite_read_id(sqlite3_stmt *s, struct slice bytes, int64_t *id_out);
/* Adds to position and labels.wall_ms of the row. */
int sqlite_read_count(struct sqlite_read *q, struct sqlite_shelf shelf, struct store_row *sum);

/* Ends statements of another connection too when the query is late. */
void sqlite_read_watch(struct sqlite_read *q, sqlite3 *db);

/* In sqlite_read_derived.c: the position up to which the following find everything, 0: use the log.
 * It begins a snapshot, which ends with the query's. */
int64_t sqlite_read_derived_begin(struct sqlite_read *q);
void sqlite_read_derived_end(struct sqlite_read *q);
/* One of the statements below failed. */
void sqlite_read_derived_failed(struct sqlite_read *q, int err);
void sqlite_read_derived_close(struct sqlite_read *q);
/* Statements that give positions, some of them in vain: each is looked up in the entries. Stepped
 * and reset by the caller; peer and words live until then. */
sqlite3_stmt *sqlite_read_derived_peers(struct sqlite_read *q, struct sqlite_shelf shelf,
                                        struct slice peer, int64_t from, int64_t to,
                                        bool backwards);
sqlite3_stmt *sqlite_read_derived_texts(struct sqlite_read *q, struct sqlite_shelf shelf,
                                        const struct words_query *words, int64_t from, int64_t to,
                                        bool backwards);

/* Fills the answer's rows. 0; ERR_NOT_FOUND, ERR_LIMIT as store.h says; ERR_BUSY when it took
 * longer than query_ms_max; or an error of the database. The snapshot is closed then. */
int sqlite_read_query(struct sqlite_read *q, struct store_request *r);

#endif
