/* Stream management (XEP-0198): counters, acknowledgements, resumption. Part of struct burble. */
#ifndef CLIENT_SM_H
#define CLIENT_SM_H

#include <stdbool.h>
#include <stdint.h>

#include "xml/tree.h"

struct burble;

struct sm {
    bool on;           /* the present session counts */
    bool restored;     /* from the saved state of another process; not resumed yet */
    char *id;          /* of the session that can be resumed; NULL: none */
    char *jid;         /* its full address */
    char *location;    /* where the server wants it resumed; NULL: anywhere */
    bool direct;       /* there with TLS from the start */
    uint32_t in_h;     /* stanzas handled by us */
    uint32_t in_told;  /* what the server heard of that */
    uint32_t in_given; /* of them in the last state that was given */
    uint32_t in_saved; /* and in the last that is safe; this is told with BURBLE_ACK_SAVED */
    uint32_t in_due;   /* of them told to the program as worth saving */
    bool owes;         /* the server asks, and the program is to save before the answer */
    uint32_t out_h;    /* acknowledged by the server */
    bool ask;          /* at the end of the turn */
    bool asked;        /* <r/> is out, <a/> not yet here */
    uint64_t asked_ms; /* since then */
};

void client_sm_init(struct burble *c);
bool client_sm_can_resume(const struct burble *c);
bool client_sm_offered(const struct burble *c);
void client_sm_enable(struct burble *c);
void client_sm_resume(struct burble *c);
/* The element alone, for SASL2. */
struct buf;
void client_sm_write_resume(struct burble *c, struct buf *out);
/* The server's answers, which SASL2 brings with the login: <enabled/> to a new session whose
 * address is known; <resumed/>, the session stands or the connection ends; <failed/> to a
 * resumption, the old session is gone. */
void client_sm_take_enabled(struct burble *c, struct xml x);
void client_sm_take_resumed(struct burble *c, struct xml x);
void client_sm_take_failed(struct burble *c, struct xml x);
/* <a/>, where stream management is on. */
void client_sm_say_count(struct burble *c);
/* Elements of the namespace, in any state where they are legal. */
void client_sm_element(struct burble *c, struct xml x);
/* A stanza came. */
void client_sm_count_in(struct burble *c);
/* It could not be processed for want of memory: the server has to send it again. */
void client_sm_uncount_in(struct burble *c);
/* A stanza went out; urgent: somebody waits for the acknowledgement. */
void client_sm_sent(struct burble *c, bool urgent);
void client_sm_turn(struct burble *c);
/* With BURBLE_ACK_SAVED: what came is to be saved, if it is not. */
void client_sm_keep(struct burble *c);
/* All that came is in a state that the program is given. */
void client_sm_saving(struct burble *c);
/* The connection is lost, the session may be resumed. */
void client_sm_lost(struct burble *c);
/* The session cannot be resumed any more. */
void client_sm_forget(struct burble *c);

#endif
