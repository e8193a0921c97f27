/* A command as text, split into its words as a shell would, but without one: nothing is expanded.
 */
#ifndef BURBLE_WORDS_H
#define BURBLE_WORDS_H

#include <stdbool.h>

#include "base/slice.h"
#include "burbled/config.h"

enum { WORDS_MAX = 1024, WORDS_TEXT_BYTES_MAX = 65536 };

/* White space separates; '...' and "..." keep it, a backslash keeps the next character (inside of
 * "..." only before " and backslash). False, *out empty, when a quote is open, a backslash stands
 * last, there are more than WORDS_MAX words or the text is too long. No words are *out empty. Given
 * back with words_free. */
bool words_split(struct slice text, struct config_strings *out);
void words_free(struct config_strings *words);

#endif
