/* Requests of clients that have not logged in (XEP-0077): what the module that serves them may do
 * with the stream. One request at a time; while it waits the stream is not read. */
#ifndef CORE_SERVICE_SIGNUP_H
#define CORE_SERVICE_SIGNUP_H

#include "core/engine.h"
#include "xmpp/stanza.h"

struct c2s;

/* The module's side: the field `signup` of its descriptor. The first module that has it serves. */
struct signup_hook {
    /* Serves an IQ whose payload is in jabber:iq:register; its addresses are empty. Answers it by
     * signup_result or signup_error, or after signup_wait. */
    void (*iq)(struct c2s *s, struct stanza *st);
    /* The stream ends while a request waits: data (of signup_wait) is to be freed, and what was
     * begun is not to come back. */
    void (*free)(struct c2s *s, void *data);
};

struct engine *signup_engine(const struct c2s *s);
/* Where the client comes from, for limits and the log. */
const char *signup_peer(const struct c2s *s);
/* The request waits; data is the module's. */
void signup_wait(struct c2s *s, void *data);
/* An answer to a request of this id; what it waited with is forgotten, not freed. payload is
 * serialised, may be empty. */
void signup_result(struct c2s *s, struct slice id, struct slice payload);
void signup_error(struct c2s *s, struct slice id, enum stanza_error error, struct slice text);

#endif
