/* The load program's clients: connections to an XMPP server, or to the relay, that log in and then
 * hold a conversation in pairs. One thread, one epoll set. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "scan.h"
#include "scram.h"
#include "sm.h"
#include "stats.h"

enum client_tls { TLS_NONE, TLS_STARTTLS, TLS_DIRECT };
enum client_mech { MECH_PLAIN, MECH_SCRAM_SHA_1, MECH_SCRAM_SHA_256 };

struct options {
    const char *label;
    uint16_t port;
    const char *domain;
    const char *user;     /* users are user0, user1, ... */
    const char *password; /* of all of them */
    enum client_tls tls;
    enum client_mech mech;
    bool relay;
    bool bare; /* messages go to the bare JID */
    bool no_store;
    bool coalesce; /* one write for all messages of a client in a turn */
    bool roster;   /* ask for the roster at login */
    bool sm;       /* stream management, resumable */
    uint32_t clients;
    uint32_t pairs;
    uint32_t body;
    uint32_t parallel;  /* logins at a time */
    uint32_t timeout_s; /* of a login phase, of a drain */
    double warmup_s;
    double seconds;
    uint64_t messages; /* ends a chat phase early; 0: never */
    int pid;
};

enum client_state {
    CLIENT_OFF,
    CLIENT_CONNECT,
    CLIENT_HANDSHAKE, /* TLS */
    CLIENT_OPENING,   /* the stream's opening tag is awaited */
    CLIENT_FEATURES,
    CLIENT_PROCEED,
    CLIENT_AUTH, /* challenge or success */
    CLIENT_RESUME,
    CLIENT_BIND,
    CLIENT_SESSION,
    CLIENT_ENABLE,  /* of stream management */
    CLIENT_SETTLE,  /* the answer to the ping that follows the presence */
    CLIENT_PAIRING, /* relay: "OK" is awaited */
    CLIENT_READY,
    CLIENT_LEAVING, /* the stream's closing tag is sent */
    CLIENT_STATES,
};

struct client {
    struct bench *bench;
    uint32_t index;
    uint32_t account;     /* the number behind the user's name */
    const char *resource; /* to be bound */
    enum client_state state;
    int fd;
    bool want_write;
    bool secured;
    bool authenticated;
    bool offers_sm;     /* the server's features do */
    bool wants_session; /* and demand a session after bind */
    SSL *ssl;
    struct scan scan;
    struct buf in;  /* the start of a unit whose end has not come */
    struct buf out; /* what the socket did not take */
    struct scram scram;
    struct scram_keys keys;
    struct sm sm;
    uint64_t began_ns;
    uint64_t seq_out;   /* messages of this phase sent to the peer */
    uint64_t seq_in;    /* the next one expected from it */
    struct buf message; /* the next message; the id is written into it */
    size_t id_at;
    uint64_t kept;  /* messages of all phases, sent and received, that an archive has to hold */
    uint64_t found; /* messages that the archive held */
};

/* What the program does with its clients. All but unit may be NULL. */
struct client_ops {
    const char *program; /* its name, for complaints */
    /* A stanza, or anything else that is no matter of stream management, of a READY client. */
    void (*unit)(struct client *c, struct slice unit);
    bool early; /* messages that come before the client is READY go to unit, too */
    /* A new session with stream management begins; nothing of it has come yet. */
    void (*fresh)(struct client *c);
    /* The client is READY: it has resumed its session, or has a new one. */
    void (*ready)(struct client *c, bool resumed);
    /* The connection was lost and is closed; not to be connected again before bench_turn has
     * returned. NULL: that is a failure and is told on stderr. */
    void (*lost)(struct client *c, const char *why);
    /* The server has acknowledged what was sent with this tag. */
    void (*acked)(struct client *c, uint64_t tag);
    /* Write it again, with the same id; fresh: not in the session that it was first sent in. */
    void (*resend)(struct client *c, uint64_t tag, bool fresh);
    /* The server asks for an h. True: it will be told later. NULL: it is told at once. */
    bool (*asked)(struct client *c);
    /* The server is about to be told sm.in_h. */
    void (*telling)(struct client *c);
    /* An h of the server that cannot be; the session is given up. */
    void (*wrong_h)(struct client *c);
    /* The server has ended the stream that the client wanted to leave. */
    void (*left)(struct client *c);
};

/* What a chat phase counts. */
struct chat {
    uint8_t tag;    /* tells phases apart in the ids */
    bool answering; /* who receives a message sends one */
    bool measured;  /* within the window */
    bool asking;    /* <r/> behind each message */
    bool keeping;   /* the messages are to be archived */
    uint64_t arrived;
    uint64_t sent;
    uint64_t duplicates;
    uint64_t gaps; /* messages left out before one that came */
    uint64_t errors;
    uint64_t foreign; /* messages of an earlier phase, or nobody's */
    uint64_t acked;
    uint64_t from_ns; /* the measured window */
    uint64_t to_ns;
};

struct bench {
    struct options opt;
    const struct client_ops *ops;
    void *owner; /* the program's own */
    struct client *clients;
    SSL_CTX *tls;
    int epoll;
    char *bytes; /* shared read buffer */
    uint64_t now_ns;
    struct chat chat;
    struct stats latency;  /* of messages, µs */
    struct stats ack_time; /* from sending to the <a/> that covers it, µs */
    struct stats login_time;
    uint32_t in_state[CLIENT_STATES];
    uint32_t ready;   /* clients that are logged in */
    uint32_t pending; /* clients on their way in or out */
    uint32_t failed;  /* of this phase */
    bool may_lose;    /* connections are lost because a server is killed: no complaint */
    uint32_t lost;    /* those */
    uint32_t resumed; /* sessions of this phase */
    uint32_t refused;
    bool no_sm; /* the server offers no stream management */
    uint64_t foreign_stanzas;
};

uint64_t bench_clock_ns(void);

/* Serves what is ready, waiting at most wait_ms. */
void bench_turn(struct bench *b, int wait_ms);

/* Begins to connect; how it went shows in bench.ready or bench.failed. */
void client_connect(struct client *c);
/* Ends the stream and, when the server has too, the connection. */
void client_leave(struct client *c);
/* Closes at once; a session with stream management can be resumed. */
void client_close(struct client *c);
/* The same, but the descriptor stays open and is the caller's: nobody reads it any more. */
int client_detach(struct client *c);
/* Complains about the client on stderr and closes it. */
void client_fail(struct client *c, const char *why, struct slice what);
void client_change_state(struct client *c, enum client_state to);
/* Appends to the client's output; client_flush writes it. */
void client_send(struct client *c, struct slice bytes);
void client_flush(struct client *c);
/* Answers a request, if the unit is one, with an error. */
void client_decline(struct client *c, struct slice unit);
void client_free(struct client *c);

/* login.c: one unit of the stream while the client is not READY; the connection or TLS stands. */
void login_begin(struct client *c);
void login_unit(struct client *c, enum scan_event event, struct slice unit);

/* chat.c: the conversation. */
void chat_prepare(struct client *c, uint8_t tag);
void chat_send(struct client *c);
void chat_unit(struct client *c, struct slice unit);
void chat_acked(struct client *c, uint64_t tag);

#endif
