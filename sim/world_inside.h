/* The inside of the world: what its files share. */
#ifndef SIM_WORLD_INSIDE_H
#define SIM_WORLD_INSIDE_H

#include "base/hash.h"
#include "core/account.h"
#include "core/region.h"
#include "node/node.h"
#include "store/store.h"
#include "world.h"

enum { REGION_BYTES_FIRST = 4096, REGION_BYTES_MAX = 4 << 20 };
enum { CLIENTS_MAX = 64, SHARDS_MAX = 8 };

struct client {
    struct world *world; /* NULL: the place is free */
    const char *name;
    struct node_link *link; /* NULL: closed */
    uint32_t shard;
    bool moving;    /* the link is in a mail between shards */
    bool doomed;    /* it breaks as soon as it arrives */
    bool forgotten; /* by the scene */
    bool stopped;
    struct buf to_server, inbox;
    struct buf unread; /* what the server has written and the client not read */
    struct buf last;
};

struct world {
    uint64_t random;
    uint64_t hash;
    struct hash_key hash_key;
    bool trace;
    uint32_t shards;
    struct now now;
    struct store *store;
    /* On their way to the store: struct store_request. Reads may pass writes and each other. */
    struct list batches, queries;
    /* To be handed to the shards: struct store_request. Those of batches come in their order. */
    struct list written[SHARDS_MAX], read[SHARDS_MAX];
    struct list jobs;                          /* struct job */
    struct list lanes[SHARDS_MAX][SHARDS_MAX]; /* struct mail, from, to */
    struct node *nodes[SHARDS_MAX];
    struct rng rngs[SHARDS_MAX];
    struct world_region {
        char *memory;
        size_t bytes;
        struct region *region;
    } regions[SHARDS_MAX];
    struct region_stamp stamp;
    uint64_t owner_key;
    bool dead; /* the process ended: what it still does reaches nobody */
    struct log log;
    world_log_fn *on_log;
    void *on_log_ctx;
    struct client clients[CLIENTS_MAX];
    unsigned client_count; /* places that were used */
    uint64_t connections;
    struct slice admins[1];
    struct host_config host;
    struct node_listener listener;
    struct node_config config;
};

/* Into the trace hash. */
void world_note(struct world *w, struct slice bytes);
/* A node with an empty region; the end of one. */
void world_start_shard(struct world *w, uint32_t shard);
void world_stop_shard(struct world *w, uint32_t shard);
/* The node's timers and output. */
void world_turn(struct world *w, uint32_t shard);
/* All links are lost, and what follows from it has happened. */
void world_end_connections(struct world *w);
/* client.c: what can happen at a connection; false: nothing. */
bool client_writes(struct client *c);
bool client_reads(struct client *c);
/* What the server has written is seen. */
void client_written(struct client *c);
/* The link is gone, or arrives in a mail. */
void client_closes(struct client *c);
void client_arrives(struct client *c, uint32_t shard);
void client_clear(struct client *c);

#endif
