/* A client and a server that behaves, in one process, without network: the server answers by
 * itself, counts what it gets, keeps what is not acknowledged, and resumes sessions. A test breaks
 * connections, cuts bytes, lets time pass and looks whether everything came once and only once.
 *
 * Messages are numbered: their ids are numbers below WORLD_MESSAGES. */
#ifndef CLIENT_TEST_WORLD_H
#define CLIENT_TEST_WORLD_H

#include "base/buf.h"
#include "burble/io.h"

struct xml_parser;

enum { WORLD_MESSAGES = 4096, WORLD_QUEUE = 4096 };

struct world_server {
    /* Set by the test at any time. */
    bool no_sm;     /* does not offer stream management */
    bool forgetful; /* does not resume */
    bool silent;    /* does not answer requests */
    bool deaf;      /* does not acknowledge unless asked to resume */

    struct xml_parser *parser;
    bool authenticated, bound, counting, closed;
    /* The session that can be resumed. */
    bool resumable;
    unsigned session; /* its number: the id is "s<number>" */
    uint32_t in_h;    /* stanzas that came */
    uint32_t out_h;   /* those the client has acknowledged; queue[0] is the next */
    char *queue[WORLD_QUEUE];
    size_t queued;

    unsigned got[WORLD_MESSAGES]; /* how often each message came */
    unsigned presences, requests, answers, sessions, resumptions;
    unsigned last; /* the message that came last */
    unsigned reordered;
    unsigned bad;        /* connections that ended with what was no XML */
    unsigned violations; /* the client acknowledged what was not sent, or less than before */
};

enum world_cut {
    WORLD_FIN,  /* the bytes end */
    WORLD_RST,  /* the connection fails */
    WORLD_CLOSE /* the stream is closed there, in order or not, and then the bytes end */
};

struct world {
    struct burble *c;
    struct burble_config config;
    struct burble_now now;
    uint32_t random;
    uint32_t conn;       /* 0: none */
    struct buf up, down; /* on their way */
    size_t piece;        /* bytes that arrive at once at most; 0: any number */
    bool unreachable;    /* connections are refused */
    struct world_server server;
    unsigned opened, closed; /* connections */
    size_t said;             /* bytes that arrived at the client in all */
    size_t cut;              /* after so many of them the connection ends; 0: never */
    enum world_cut cut_how;
    /* Called for each text that the server says; what it appends to out is said instead. */
    void (*bend)(struct world *w, struct slice text, struct buf *out);
    void (*around)(bool inside); /* called around each call into the library; may be NULL */
};

/* The account me@example.org with the password "secret", not connected. */
void world_new(struct world *w, const struct burble_config *config);
/* The same, with w->around set before; 0, or the error of burble_new. */
int world_try(struct world *w, const struct burble_config *config);
/* Another client of the same account and server, with this state (NULL: none). The old one must be
 * gone. 0, or the error of burble_new. */
int world_restart(struct world *w, const void *state, size_t len);
uint32_t world_random(struct world *w, uint32_t below);
/* Something arrives, or an effect is answered. False: nothing is under way. */
bool world_step(struct world *w);
/* Until nothing is under way any more, or steps were taken. */
void world_settle(struct world *w);
void world_pass(struct world *w, uint32_t ms);
/* To the next deadline, and until nothing is under way. */
void world_wait(struct world *w);
/* Until this state, waiting where that is needed; false: not after 1,000 waits. */
bool world_reach(struct world *w, enum burble_state state);
/* The same, but a client that goes offline stays so. */
bool world_reach_soon(struct world *w, enum burble_state state);
/* The connection breaks, and what is under way is lost. failure NULL: the end of the bytes. */
void world_break(struct world *w, const char *failure);
/* The server sends a stanza of the session (counted), or anything else. */
void world_say(struct world *w, const char *stanza);
void world_raw(struct world *w, const char *text);
void world_end(struct world *w);

/* The server alone, for tests with sockets: bytes of a connection, whose answers are appended to
 * w->down; and its end. */
void world_serve(struct world *w, const void *bytes, size_t len);
void world_hang_up(struct world *w);

#endif
