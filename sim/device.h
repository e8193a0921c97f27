/* A client of a scene with or without stream management, as a good one behaves by the letter of
 * XEP-0198: it counts in both directions, keeps what was not acknowledged, says how much it has,
 * comes back and sends again. It never waits: it is pumped, and does what has become possible. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "book.h"
#include "world.h"

enum { DEVICE_UNACKED = 256, DEVICE_EXPECTED = 512, DEVICE_PENDING = 512 };
/* It is pumped at least so often, and sees the end of a connection so late. */
enum { DEVICE_PUMP_MS = 20000 };

enum device_state {
    DEVICE_OFF,
    DEVICE_HEADER,    /* waits for features, */
    DEVICE_CHALLENGE, /* the challenge of SCRAM, */
    DEVICE_SUCCESS,   /* success, */
    DEVICE_FEATURES,  /* features again, */
    DEVICE_RESUMING,  /* <resumed/> or <failed/>, */
    DEVICE_BINDING,   /* the result of the bind, */
    DEVICE_ENABLING,  /* <enabled/> */
    DEVICE_ON,
};

/* What it is like. */
struct device_kind {
    const char *user, *resource;
    unsigned account;
    bool manages, carbons;
    bool hidden; /* sends no presence */
    bool late;   /* a negative priority: no messages to the bare address */
};

/* A stanza of its own. */
struct sent {
    char *text; /* owned */
    unsigned note;
    bool answer; /* of a request, not the note's own */
};

struct device {
    struct device_kind kind;
    struct book *book;
    struct world *world;
    unsigned index;
    char full[64];
    enum device_state state;
    struct client *client;    /* NULL: none */
    struct client *zombie;    /* an old connection that the server takes for alive */
    bool plain, zombie_plain; /* a session without stream management is on it */
    bool patient;             /* it answers late just now */
    bool owes;                /* an answer to <r/> */
    char nonce[16];
    /* The session. */
    bool has_session; /* it may be resumed, as far as it knows */
    bool forgiven;    /* it need not be */
    char id[64];
    uint64_t lost_ms;
    uint32_t received; /* stanzas from the server */
    uint32_t sent, acked;
    uint32_t told_h; /* the highest h that the server has written */
    struct sent unacked[DEVICE_UNACKED];
    struct buf missed; /* what was written to it on lost connections */
    /* What the server has to send again, in this order: owned texts. */
    char *expected[DEVICE_EXPECTED];
    unsigned expected_count, expected_at;
    struct {
        struct arrival arrival;
        uint32_t number;
    } pending[DEVICE_PENDING]; /* that came, and the server does not know that yet */
    unsigned pending_count;
};

void device_init(struct device *d, struct book *book, const struct device_kind *kind);
void device_free(struct device *d);
/* Takes what came and does what follows. */
void device_pump(struct device *d);
/* Begins to log in; it resumes its session if it has one, unless anew. */
void device_connect(struct device *d, bool anew);
/* The connection is lost; zombie: the server does not see that. */
void device_lose(struct device *d, bool zombie);
/* The end of the stream in order; the session ends. */
void device_close(struct device *d);
/* One stanza; note 0: of no interest. False: there is no room, nothing was sent. */
bool device_say(struct device *d, const char *text, unsigned note, bool answer);
/* <a/>, <r/>. */
void device_tell(struct device *d);
void device_ask(struct device *d);
/* What the server knows now that the device has. */
void device_confirm(struct device *d);

#endif
