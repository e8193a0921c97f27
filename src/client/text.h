/* Text that comes from programs. */
#ifndef CLIENT_TEXT_H
#define CLIENT_TEXT_H

#include <stdbool.h>

#include "base/slice.h"

/* UTF-8, of characters that XML can carry. */
bool client_text_valid(struct slice s);

#endif
