/* The components of a shard (XEP-0114): who is connected, and the way to and from them. A domain
 * that is configured as a component's belongs to the shard engine_owner(domain), like an account.
 *
 * To a component that is configured but not connected nothing can be said: the sender gets
 * remote-server-timeout, type wait (RFC 6120 section 8.3.3.16: the service is known, communication
 * with it could not be established); to one that lags (L13) resource-constraint. */
#ifndef CORE_COMPONENTS_H
#define CORE_COMPONENTS_H

#include "core/component.h"

/* The one of that name that is connected here; NULL: none. */
struct component *components_find(const struct engine *e, struct slice domain);
/* A stanza for an address of a configured component, from anywhere: to it, or to its shard. Settles
 * origin. */
void components_route(struct engine *e, struct stanza *s, const struct origin *origin);
/* A new configuration is in force: components that are gone end with host-gone, those whose secret
 * has changed with reset. was: the configuration before. */
void components_rehost(struct engine *e, const struct core_config *was);
/* Ends all with system-shutdown. */
void components_stop(struct engine *e);

#endif
