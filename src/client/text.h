/* Text that comes from programs, and numbers as text. */
#ifndef CLIENT_TEXT_H
#define CLIENT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* UTF-8, of characters that XML can carry. */
bool client_text_valid(struct slice s);
/* In decimal, in out. */
enum { CLIENT_NUMBER_BYTES = 20 };
struct slice client_number(uint64_t n, char out[CLIENT_NUMBER_BYTES]);

#endif
