/* Subscription stanzas (RFC 6121 section 3). */
#ifndef CORE_SUBSCRIBE_H
#define CORE_SUBSCRIBE_H

#include "core/session.h"

/* Requests that wait for an answer: key is the contact, value the payload of its presence. */
#define STORE_REQUESTS SLICE("requests")

/* subscribe, subscribed, unsubscribe, unsubscribed */
bool subscribe_is(enum stanza_type type);
/* The client sends one: s->to is set. Settles origin. */
void subscribe_out(struct engine *e, struct session *session, struct stanza *s,
                   const struct origin *origin);
/* One arrives for the account. Settles origin. */
void subscribe_in(struct engine *e, struct account *a, struct stanza *s,
                  const struct origin *origin);
/* Holds a stanza of a client back while a subscription stanza of the same client to the same
 * contact is being written: order is kept per sending stream and recipient. True: it was taken. */
bool subscribe_holds(struct engine *e, struct account *a, const struct stanza *s,
                     const struct origin *origin);
/* Is a stanza of contact that changes the subscription being written? What comes of it waits. */
bool subscribe_changing(const struct account *a, struct slice contact);
/* Shows a session the requests that still wait. */
void subscribe_remind(struct engine *e, struct session *session);
/* The user removed the contact from the roster (RFC 6121 section 2.5.2). */
void subscribe_cancel(struct engine *e, struct account *a, const struct jid *contact,
                      struct subscription was);
/* Sends requests again that were not answered: one that a crash lost is made good; the other side
 * takes a repeated one as the same. */
void subscribe_repeat(struct engine *e, struct account *a);

#endif
