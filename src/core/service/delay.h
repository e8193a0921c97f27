/* Stamps of delayed delivery (XEP-0203): written by the server that delayed, believed of nobody
 * else who claims to be it. */
#ifndef CORE_SERVICE_DELAY_H
#define CORE_SERVICE_DELAY_H

#include <stdint.h>

#include "core/config.h"
#include "xml/writer.h"

/* Appends <delay xmlns='urn:xmpp:delay' from='...' stamp='...'>why</delay> to a payload. from: the
 * host that delayed; why may be empty. */
void delay_write(struct buf *out, struct slice from, int64_t wall_ms, struct slice why);
/* Is this element a stamp that claims to be of one of our hosts or their aliases? */
bool delay_is_ours(const struct core_config *config, struct xml x);

#endif
