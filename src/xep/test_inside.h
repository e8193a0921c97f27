/* What the parts of the bench share. */
#ifndef XEP_TEST_INSIDE_H
#define XEP_TEST_INSIDE_H

#include "core/region.h"
#include "xep/test_engine.h"
#include "xml/parser.h"

struct bench_inside {
    uint32_t shards;
    const struct module *const *modules;
    struct region_stamp stamp;
    char *memory_of[BENCH_SHARDS_MAX]; /* the regions */
    struct region *regions[BENCH_SHARDS_MAX];
    bool lost;           /* answers of the store go nowhere */
    struct store *store; /* a faulty twin around memory */
    struct store *memory;
    struct list requests; /* wait for the store, in order */
    struct list clients;
    struct store_request *own; /* of the test: its answer does not go to a shard */
    bool closing;
    uint64_t conns;
    uint64_t random;
    struct rng rng;
    struct log log;
    struct core_gate gate;
    struct buf credentials; /* of BENCH_PASSWORD, encoded */
};

/* An element that came, as text. */
struct received {
    struct list link;
    struct buf text;
};

struct client {
    struct list link;
    struct bench *bench;
    uint32_t shard;
    struct node_link *conn; /* NULL: gone */
    struct xml_parser *parser;
    struct list inbox; /* struct received */
    struct xml_tree *last;
    struct buf unsent;
    bool deaf, ended;
    char jid[256]; /* full, once bound */
    char id[32];   /* of the stream */
};

enum { BENCH_REGION_BYTES = 4 << 20 };

void bench_start_shard(struct bench *b, uint32_t i);
void bench_stop_shard(struct bench *b, uint32_t i);
/* Up to n requests that wait, or queries alone, are answered, without a turn of the shards; true
 * when there was one. */
bool bench_carry_out(struct bench_inside *in, size_t n, bool queries);
/* Takes what the server wrote; true when something moved. */
bool client_serve(struct client *c);
/* Hands on what the client wrote and the server wants to read; true when something moved. */
bool client_pump(struct client *c);
void client_free(struct client *c);

#endif
