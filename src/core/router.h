/* Where a stanza goes: RFC 6120 section 10, RFC 6121 section 8. */
#ifndef CORE_ROUTER_H
#define CORE_ROUTER_H

#include "core/session.h"

/* A stanza of a bound client: the `from` is set, `to` may be absent. Settles origin in the end. */
void route_from_session(struct engine *e, struct session *session, struct stanza *s,
                        const struct origin *origin);
/* To an address: local host, local account (maybe on another shard), component, remote. */
void route(struct engine *e, struct stanza *s, const struct origin *origin);
/* A stanza from a domain that is not ours: `from` is checked, `to` is there. What only our server
 * may write does not come from there either. Settles origin in the end. */
void route_from_outside(struct engine *e, struct stanza *s, const struct origin *origin);
/* An answer with an error, unless s is an error or a result itself (S06); settles origin. */
void route_error(struct engine *e, const struct stanza *s, enum stanza_error error,
                 struct slice text, const struct origin *origin);
/* At the owner: the account is loaded. RFC 6121 section 8.5. */
void deliver(struct engine *e, struct account *a, struct stanza *s, const struct origin *origin);
/* To a service of the host itself. */
void deliver_host(struct engine *e, const struct host_config *host, struct stanza *s,
                  const struct origin *origin);

#endif
