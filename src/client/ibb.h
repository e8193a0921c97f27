/* Inside of in-band bytestreams: ibb.c is a stream and what it sends, ibb_serve.c what others send
 * us. */
#ifndef CLIENT_IBB_H
#define CLIENT_IBB_H

#include "burble/ibb.h"
#include "client/client.h"

#define NS_IBB SLICE("http://jabber.org/protocol/ibb")

enum ibb_state {
    IBB_AWAITED, /* the other side is to open it */
    IBB_OPENING, /* we have asked */
    IBB_OPEN,
    IBB_CLOSING, /* the program wants its end; what is to be sent is sent */
    IBB_LEAVING, /* the other side is told */
    IBB_OVER,
};

/* A request of ours that is not answered. */
struct ibb_slot {
    struct burble_ibb *stream;
    uint64_t handle; /* 0: free */
    size_t len;
};

struct burble_ibb {
    struct client_extension x;
    enum ibb_state state;
    struct burble_ibb_handlers h;
    void *arg;
    char *peer, *sid; /* peer: prepared */
    unsigned block;
    uint16_t seq_in, seq_out;
    struct buf out; /* what waits for its turn */
    struct ibb_slot slots[BURBLE_IBB_WINDOW];
    size_t under_way;
    struct client_timer silence;
};

/* ibb.c */
/* In state; linked, with the services. 0, ERR_SYNTAX, ERR_EXISTS, ERR_LIMIT, ERR_MEMORY. */
int ibb_new(struct burble *c, struct slice peer, struct slice sid, unsigned block,
            const struct burble_ibb_handlers *h, void *arg, enum ibb_state state,
            struct burble_ibb **out);
/* The one that this is about; NULL: none. */
struct burble_ibb *ibb_find(struct burble *c, struct slice peer, struct slice sid);
/* Somebody is there: the time begins anew. */
void ibb_heard(struct burble_ibb *s);
/* It is over: requests are taken back, the program hears of it. */
void ibb_end(struct burble_ibb *s, enum burble_ibb_end end, const char *text);
/* Writes <close/> to the other side; nobody waits for the answer. */
void ibb_tell_close(struct burble_ibb *s);

/* ibb_serve.c: answers what others send; once per client. 0, ERR_EXISTS, ERR_MEMORY. */
int ibb_serve(struct burble *c);

#endif
