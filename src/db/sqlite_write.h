/* Carries out batches on the writing connection, inside of a transaction of the writer. */
#ifndef DB_SQLITE_WRITE_H
#define DB_SQLITE_WRITE_H

#include "db/sqlite_names.h"
#include "db/sqlite_tail.h"
#include "store/store.h"

enum { SQLITE_WRITE_STATEMENTS = 28 };

struct sqlite_write {
    sqlite3 *db;
    struct sqlite_names names;
    struct sqlite_tail *tail;
    int64_t position; /* the last one given */
    int64_t commits;
    int64_t position_before;         /* at sqlite_write_begin */
    int64_t revised, revised_before; /* the last id in revised */
    int64_t revised_done;            /* up to here they are not needed any more */
    uint64_t dropped;                /* parts of entries, since the caller set it to 0 */
    bool texts;                      /* what entries say is searched: revised is kept */
    bool changed;                    /* something was written in this transaction */
    sqlite3_stmt *begin, *commit, *rollback, *state;
    /* Items. */
    sqlite3_stmt *place, *value, *last_place, *put, *insert, *remove, *any, *clear, *holder,
        *unhold, *clear_owner, *all_names;
    /* The log. */
    sqlite3_stmt *append, *index, *disown, *part, *owners, *reduce, *erase, *newest, *mark,
        *replace, *revise, *forget_revised;
};

/* Takes over an open connection, which must outlive it, and fills the tail, which is empty. 0 or an
 * error, after which nothing is held. */
int sqlite_write_open(struct sqlite_write *w, sqlite3 *db, size_t owners_max,
                      struct sqlite_tail *tail);
void sqlite_write_close(struct sqlite_write *w);

int sqlite_write_begin(struct sqlite_write *w);
/* One batch. 0; ERR_EXISTS or ERR_NOT_FOUND: a demand is not met, nothing was written; anything
 * else: the transaction is spoilt and must be rolled back. */
int sqlite_write_batch(struct sqlite_write *w, struct store_request *r);
/* 0: durable. Otherwise the caller rolls back. */
int sqlite_write_commit(struct sqlite_write *w);
void sqlite_write_rollback(struct sqlite_write *w);
/* Writes everything that the index still lacks, in transactions of its own. */
int sqlite_write_settle(struct sqlite_write *w);

/* In sqlite_write_item.c and sqlite_write_log.c, for sqlite_write_batch. */
int sqlite_write_demand(struct sqlite_write *w, const struct store_operation *o);
int sqlite_write_item(struct sqlite_write *w, const struct store_operation *o);
int sqlite_write_drop_items(struct sqlite_write *w, struct slice owner, int64_t owner_id);
int sqlite_write_append(struct sqlite_write *w, const struct store_operation *o,
                        uint64_t *position_out);
int sqlite_write_drop(struct sqlite_write *w, const struct store_operation *o);
int sqlite_write_replace(struct sqlite_write *w, const struct store_operation *o);
int sqlite_write_drop_parts(struct sqlite_write *w, int64_t owner);
/* The next slice of index rows, or with all set every row of the frozen lot. */
int sqlite_write_index(struct sqlite_write *w, bool all);
/* Fills the tail with what the index lacks. */
int sqlite_write_load_tail(struct sqlite_write *w);

#endif
