/* What the files of the shard share. */
#ifndef BURBLED_SHARD_INSIDE_H
#define BURBLED_SHARD_INSIDE_H

#include "burbled/shard.h"

enum { SHARD_READ_BYTES = 64 << 10 };

struct acceptor {
    struct loop_fd watch;
    uint32_t listener; /* index in the setup */
};

struct shard {
    struct loop loop;
    struct shards *all;
    uint32_t index;
    struct thread thread;
    struct node *node;
    const struct setup *setup;
    struct log log;
    struct rng rng;
    struct core_gate gate;
    struct mailbox mails, answers, jobs, orders;
    struct hmap conns;     /* struct conn by number */
    struct list lingering; /* struct linger; the first is due first */
    struct acceptor *acceptors;
    uint32_t acceptor_count;
    struct conn_reserve reserve;
    uint64_t accept_at_ms; /* the acceptors pause until then; 0: they do not */
    struct order *stop;    /* under way */
    bool aborted;          /* nothing is waited for any more */
    uint64_t warned_ms;    /* conn.emfile was logged */
    char *read;            /* SHARD_READ_BYTES */
};

/* A connection; moves between shards as a whole. */
struct conn {
    struct loop_fd watch;
    struct hnode node; /* in conns; hash: its number */
    struct gate_ticket ticket;
    struct node_link *link; /* NULL: it lingers */
    struct linger *linger;
};

/* A connection on which all was said, and whose peer has not closed it yet. */
struct linger {
    struct list link; /* in lingering */
    struct conn *conn;
    uint64_t until_ms;
    uint32_t bytes; /* may still be read and thrown away */
};

/* shard_conn.c */
void conn_begin(struct shard *s, int fd, uint32_t listener, const struct addr *peer);
struct conn *conn_find(struct shard *s, uint64_t number);
/* Closes it at once, whatever it is doing. */
void conn_drop(struct shard *s, struct conn *c);
/* What the node has to say about links: output, ends, moves. */
void conns_flush(struct shard *s);
void conns_move(struct shard *s);
void conn_arrive(struct shard *s, struct node_link *link);
void conns_linger(struct shard *s, struct now now);
/* The shard stops: nobody is waited for long. */
void conns_hurry(struct shard *s);
uint64_t conns_deadline(const struct shard *s);
void conns_drop_all(struct shard *s);

/* shard_accept.c */
/* Watches the listeners of the setup and no others. */
void acceptors_set(struct shard *s, const struct setup *setup);
void acceptors_clear(struct shard *s);
void acceptors_resume(struct shard *s, struct now now);
/* Another connection needs the room of this one (L9, R03). */
void acceptors_evict(struct shard *s, struct gate_owner victim);

/* gate_glue.c: the questions of the engine, answered by the gate of the process. */
void gate_glue(struct shard *s);

#endif
