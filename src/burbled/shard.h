/* A shard: one thread, one event loop, one node. It reads what is ready, hands the node its mails,
 * answers and finished jobs, and carries out what the node wants: bytes, closes, moves, mails,
 * requests, jobs. No shard ever waits for another. */
#ifndef BURBLED_SHARD_H
#define BURBLED_SHARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/hash.h"
#include "burbled/job_pool.h"
#include "burbled/setup.h"
#include "io/conn.h"
#include "io/gate.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/thread.h"
#include "node/node.h"

struct shard;

/* What all shards share. Immutable while they run, but for what is thread-safe by itself. */
struct shards {
    struct shard **list;
    uint32_t count;
    struct gate *gate;
    struct store *store;
    struct job_pool *jobs;
    atomic_uint_fast64_t next_conn;
    /* The main thread's: mails to the address `count`, orders that come back, and answers of the
     * store to the shard `count`. */
    struct mailbox main_mails, main_orders, main_answers;
};

/* What the main thread and other shards ask of a shard. */
enum order_kind {
    ORDER_EVICT, /* close the connection `conn`: others need room (L9, R03); freed by the shard */
    /* These come back to the main thread. */
    ORDER_RELOAD, /* `setup` is in force */
    ORDER_STOP,   /* accept no more, end all streams; comes back when all connections are closed and
                     what was begun is done. May be given again */
    ORDER_PING,   /* are you alive? */
    /* Closes what is left, at once. Freed by the shard. */
    ORDER_ABORT,
};

struct order {
    struct mailbox_node node;
    enum order_kind kind;
    uint32_t shard; /* who carried it out */
    uint64_t conn;
    const struct setup *setup;
};

struct shard_options {
    struct shards *all;
    uint32_t index;
    const struct setup *setup;
    const struct log *log;
    struct hash_key owner_key;
    const uint8_t *fake_secret; /* 32 bytes */
    struct region *region;      /* of this shard alone; outlives it; NULL: none */
};

/* Makes the shard; nothing runs yet. 0, ERR_FULL, ERR_IO. */
int shard_new(const struct shard_options *options, struct shard **shard_out);
/* Before it starts: see node_restore. */
void shard_restore(struct shard *s, struct slice image);
/* The same of node_restore_saved. */
void shard_restore_saved(struct shard *s, bool use);
/* Starts its thread: from here on it serves. 0, ERR_LIMIT, ERR_MEMORY. */
int shard_start(struct shard *s);
/* Ends the thread; connections that are left are closed then, without a word. */
void shard_join(struct shard *s);
/* After all are joined and nothing is answered any more. */
void shard_free(struct shard **s);

/* Any thread; the order is given away. */
void shard_order(struct shard *s, struct order *order);
/* Any thread: a mail, the answer of the store, a finished job. */
void shard_mail(struct shard *s, struct mail *mail);
void shard_answer(struct shard *s, struct store_request *answer);
void shard_job_done(struct shard *s, struct job *job);

#endif
