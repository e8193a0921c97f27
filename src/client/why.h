/* Why a session ended: sentences for people, and what a stream error (RFC 6120 section 4.9.3) means
 * for the next try. */
#ifndef CLIENT_WHY_H
#define CLIENT_WHY_H

#include <stdbool.h>

#include "base/slice.h"
#include "burble/burble.h"

/* One sentence; "" for NONE. */
const char *why_text(enum burble_why why);

enum why_next {
    WHY_SOON,  /* it may be over in a second */
    WHY_LATER, /* the server asks for patience */
    WHY_BLAME, /* it was something that we sent, so the same would happen again */
    WHY_NEVER, /* permanent */
};
struct why_condition {
    struct slice name;
    enum burble_why why;
    enum why_next next;
    const char *text;
};
/* Of a condition, also of one that nobody knows. */
const struct why_condition *why_condition(struct slice name);

#endif
