/* Inside of ad-hoc commands: what the side that runs them and the side that offers them share. */
#ifndef CLIENT_ADHOC_H
#define CLIENT_ADHOC_H

#include "burble/adhoc.h"
#include "client/client.h"

#define NS_COMMANDS SLICE("http://jabber.org/protocol/commands")

/* NULL: there is no such action. */
const char *adhoc_action_name(enum burble_adhoc_action action);
/* No name (ptr NULL) is "execute". False: there is no such action. */
bool adhoc_action_read(struct slice name, enum burble_adhoc_action *out);

#endif
