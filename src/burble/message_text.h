/* A message in lines for people, as `burble listen` and `history` begin it, and times as they read
 * and type them: of the place where they are (TZ). JSON has UTC, with a "Z". */
#ifndef BURBLE_MESSAGE_TEXT_H
#define BURBLE_MESSAGE_TEXT_H

#include "base/buf.h"
#include "burble/message.h"

/* "2026-11-20T06:09:34 bob@example.org/x", and of what the own account said to whom: " to ...".
 * To be shown with text_show. out->failed when memory is out. */
void message_head(const struct burble_message *m, struct buf *out);

/* What the clocks of this place show at a time in UTC, as if it were UTC; and back. */
int64_t time_here(int64_t wall_ms);
int64_t time_from_here(int64_t shown_ms);

#endif
