/* The state of a session that another process needs to go on with it: the bytes of its record in
 * the region (region_session_state). Portable: what modules keep in bits is told by the modules'
 * names.
 *
 * It begins with the length of the full address (16 bits, little-endian) and the address, so that
 * whoever hands images out finds the owner's shard without reading the rest. */
#ifndef CORE_SESSION_STATE_H
#define CORE_SESSION_STATE_H

#include "core/session.h"

/* The full address alone; false: damaged. It lives with text. */
bool session_state_jid(struct slice text, struct jid *out);
/* Appends the state. */
void session_state_write(const struct engine *e, const struct session *s, struct buf *out);
/* Puts the state into a session of that address with sm that is as new; false: damaged. */
bool session_state_read(struct engine *e, struct slice text, struct session *s);

#endif
