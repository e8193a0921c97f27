/* Roster changes: written, then pushed to every interested resource (RFC 6121 section 2.1.6). */
#ifndef CORE_ROSTER_PUSH_H
#define CORE_ROSTER_PUSH_H

#include "core/session.h"

/* Adds the item's new state (NULL: it was removed) and the new version to a batch. */
void roster_save(struct engine *e, struct account *a, struct store_request *batch,
                 struct slice bare, const struct roster_item *item);
/* Pushes the item as it is now, or its removal. */
void roster_push(struct engine *e, struct account *a, struct slice bare);

#endif
