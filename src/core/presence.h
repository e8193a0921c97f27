/* Presence: RFC 6121 sections 3 and 4. */
#ifndef CORE_PRESENCE_H
#define CORE_PRESENCE_H

#include "core/session.h"

/* A presence stanza of the client itself; s->to may be absent. */
void presence_from_session(struct engine *e, struct session *session, struct stanza *s,
                           const struct origin *origin);
/* A presence stanza that arrives for the account. */
void presence_deliver(struct engine *e, struct account *a, struct stanza *s,
                      const struct origin *origin);
/* A broadcast that waits is forgotten. */
void presence_unhold(struct session *session);
/* Lets the session know the presence of its contacts and of the account's other resources anew. */
void presence_refresh(struct engine *e, struct session *session);
/* The session is going: unavailable to whoever knows it. */
void presence_session_ended(struct engine *e, struct session *session);
/* Sends the current presence of all available sessions, or unavailable, to one address. */
void presence_send_current(struct engine *e, struct account *a, const struct jid *to,
                           bool unavailable);
/* Sends <presence type=.../> from the account's bare JID. */
void presence_send(struct engine *e, struct account *a, const struct jid *to,
                   enum stanza_type type);

#endif
