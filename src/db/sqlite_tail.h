/* The newest end of the logs, whose index rows are not written yet. A message costs one entry row
 * in its commit; the rows of the index by owner would dirty a page each. So they are kept in memory
 * and written in lots, sorted, when many rows share a page. The entries themselves name their
 * owners, so nothing is lost with this memory: it is read from them again at start.
 *
 * Positions are added to the fresh lot. When that holds enough rows it is frozen, and the following
 * commits write its rows, a slice each, in the order of the index; then it is retired. A reader
 * holds the lots from before its snapshot began, so that what its snapshot's index lacks is there.
 * For an owner and a name, all positions from the first one of the held lots on are in them.
 *
 * One thread writes; functions for readers say so. */
#ifndef DB_SQLITE_TAIL_H
#define DB_SQLITE_TAIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"

struct sqlite_tail_part {
    struct hnode node;
    int64_t owner, name;
    int64_t *positions; /* ascending */
    size_t count, cap;
    bool dropped; /* some may have been dropped: look at the entry before writing a row */
};

struct sqlite_tail_lot {
    unsigned holds; /* guarded by the lock */
    struct hmap parts;
    size_t rows;
    int64_t last; /* highest position */
    struct sqlite_tail_part **order;
    size_t order_count;
};

struct sqlite_tail_change; /* of the transaction under way */

struct sqlite_tail {
    pthread_mutex_t lock; /* guards all lots and what follows */
    struct sqlite_tail_lot *fresh, *frozen;
    uint64_t generation; /* of the pair above */
    /* Of the writer alone. */
    size_t lot_rows;
    size_t written, written_before; /* parts of the frozen lot */
    size_t added;                   /* rows in the transaction under way */
    int64_t last_before;            /* of the fresh lot */
    struct sqlite_tail_change *changes;
    size_t change_count, change_cap;
};

void sqlite_tail_init(struct sqlite_tail *t, size_t lot_rows);
void sqlite_tail_free(struct sqlite_tail *t);
/* Forgets everything; no reader holds anything. */
void sqlite_tail_clear(struct sqlite_tail *t);

/* Writer. Between begin and commit or rollback: */
void sqlite_tail_begin(struct sqlite_tail *t);
void sqlite_tail_add(struct sqlite_tail *t, int64_t owner, int64_t name, int64_t position);
/* The owner's positions from..to are gone with the commit. */
void sqlite_tail_drop(struct sqlite_tail *t, int64_t owner, int64_t name, int64_t from, int64_t to);
/* The next part whose rows are to be written in this transaction, NULL: no more this time. With
 * everything set, all there is, else in proportion to what was added. */
const struct sqlite_tail_part *sqlite_tail_next(struct sqlite_tail *t, size_t *rows_left);
size_t sqlite_tail_share(const struct sqlite_tail *t);
/* Up to this position every row is written after this transaction, or before, if it is not 0. */
int64_t sqlite_tail_indexed(const struct sqlite_tail *t);
void sqlite_tail_commit(struct sqlite_tail *t);
void sqlite_tail_rollback(struct sqlite_tail *t);
/* Outside of a transaction: freezes what there is, however little; false when there is nothing to
 * write at all. */
bool sqlite_tail_freeze(struct sqlite_tail *t);

/* Readers and the writer. */
struct sqlite_tail_hold {
    struct sqlite_tail_lot *lots[2]; /* the older first; NULL: none */
    uint64_t generation;
};

void sqlite_tail_hold(struct sqlite_tail *t, struct sqlite_tail_hold *out);
/* True when the lots are still the same: call it when the snapshot has begun, and begin anew when
 * not. */
bool sqlite_tail_valid(struct sqlite_tail *t, const struct sqlite_tail_hold *hold);
void sqlite_tail_let_go(struct sqlite_tail *t, struct sqlite_tail_hold *hold);
/* Appends the owner's positions within from..to to out, as int64_t, ascending. *first_out is the
 * first one of all, whatever from, or INT64_MAX. Not all need exist in the snapshot. 0 or
 * ERR_MEMORY. */
int sqlite_tail_positions(struct sqlite_tail *t, const struct sqlite_tail_hold *hold, int64_t owner,
                          int64_t name, int64_t from, int64_t to, struct buf *out,
                          int64_t *first_out);

#endif
