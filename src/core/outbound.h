/* Stanzas to components, at the shard that owns the component's domain: messages are written to the
 * archive of the account that sends them before they leave; what comes behind them waits. */
#ifndef CORE_OUTBOUND_H
#define CORE_OUTBOUND_H

#include "core/components.h"

/* Settles origin, maybe later. */
void outbound_send(struct engine *e, struct stanza *s, const struct origin *origin);
void outbound_free(struct engine *e);

#endif
