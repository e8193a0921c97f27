/* Carries out queries on a reading connection, each in one snapshot. */
#ifndef DB_SQLITE_READ_H
#define DB_SQLITE_READ_H

#include <sqlite3.h>

#include "db/sqlite_tail.h"
#include "store/store.h"

enum { SQLITE_READ_STATEMENTS = 18 };

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
};

/* Takes over an open connection, which must outlive it. 0 or an error, after which nothing is held.
 */
int sqlite_read_open(struct sqlite_read *q, sqlite3 *db, struct sqlite_tail *tail,
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

/* Fills the answer's rows. 0; ERR_NOT_FOUND, ERR_LIMIT as store.h says; ERR_BUSY when it took
 * longer than query_ms_max; or an error of the database. The snapshot is closed then. */
int sqlite_read_query(struct sqlite_read *q, struct store_request *r);

#endif
