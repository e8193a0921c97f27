/* The checker: clients with stream management that write and read, break and come back, and the
 * book of what they saw (book.h). One thread. docs/reliability.md says what is checked. */
#ifndef BENCH_CHECKER_H
#define BENCH_CHECKER_H

#include "book.h"
#include "client.h"

enum role {
    ROLE_WRITER,
    ROLE_ONLINE,  /* a reader whose connection only the server breaks */
    ROLE_DEAD,    /* one that breaks it or stops reading, and resumes later */
    ROLE_OFFLINE, /* one that logs out and in again */
    ROLE_HUNG,    /* one that never reads, until the load is over */
    ROLE_GONE,    /* one that hibernates until then */
};

struct actor {
    struct client *client;
    enum role role;
    struct book_device *device; /* of a reader */
    bool wanted;                /* to be connected */
    bool owes;                  /* an h to the server */
    bool leaving;               /* to be logged out as soon as all is confirmed */
    int hung;                   /* a connection that nobody reads any more; -1: none */
    uint64_t change_ns;         /* its next break, or its return */
    uint64_t connect_ns;        /* not before */
    uint64_t begun_ns;          /* to connect */
    uint32_t fence;             /* number of the last request behind an h */
    bool fenced;                /* it has not been answered */
    bool reading;               /* its archive */
    bool read;                  /* its archive was read to the end */
};

struct plan {
    uint32_t port;
    uint32_t pid;
    uint32_t writers;
    uint32_t online;
    uint32_t dead;
    uint32_t offline;
    uint32_t mixed; /* accounts with two devices, one online and one dead */
    uint32_t hung;
    uint32_t gone;
    uint32_t rate;       /* messages a second in all; 0: as the windows allow */
    uint32_t window;     /* of a writer: messages without acknowledgement */
    uint32_t seconds;    /* of the load; 0: another end */
    uint64_t messages;   /* of the load; 0: another end */
    bool by_line;        /* a line on stdin, or its end, ends the load */
    uint64_t warm;       /* messages to online readers before memory is looked at */
    uint32_t break_ms;   /* mean time between a writer's breaks; 0: never */
    uint32_t quiet_s;    /* the end of waiting when nothing comes any more */
    uint64_t rss_growth; /* bytes at most; 0: any */
    bool archive;
    bool archive_is_enough;
};

struct checker {
    struct bench bench;
    struct plan plan;
    struct book book;
    struct actor *actors;
    uint32_t count;
    uint64_t random;
    bool running; /* the load is on: messages are sent, readers come and go */
    bool recall;  /* who leaves comes back */
    uint64_t began_ns;
    uint64_t tick_ns;  /* the next one */
    uint64_t paced_ns; /* messages up to then have been sent */
    uint64_t sent;
    uint64_t acked;
    uint64_t bounced;
    uint64_t lost_connections;
    uint32_t next_writer;
    bool warm;      /* all warm messages are acknowledged */
    bool set;       /* and those who never read do not */
    bool measuring; /* memory */
    uint64_t rss_base;
    uint64_t rss_max;
    uint64_t rss_ns; /* when it was read last */
};

extern const struct client_ops CHECKER_OPS;

uint64_t checker_random(struct checker *k, uint64_t below);
struct actor *checker_actor(struct client *c);
/* Serves the connections for up to some milliseconds, then lets every actor do what is due. */
void checker_turn(struct checker *k);

/* checker_stanza.c: what the clients send and get. */
void checker_send(struct checker *k, struct actor *a, uint32_t reader);
void checker_write(struct client *c, uint32_t message);
void checker_fence(struct actor *a);
void checker_unit(struct client *c, struct slice unit);

/* checker_end.c: everything after the load. 0: the server did nothing wrong; 1: it did. */
int checker_finish(struct checker *k);

#endif
