/* What libconfig does not tell about a configuration's text: where a setting stands that it refused
 * as a duplicate, and numbers that it would silently cut. Reads the same tokens as libconfig:
 * strings, numbers, names, the three kinds of comment. */
#ifndef BURBLED_CONFIG_TEXT_H
#define BURBLED_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum config_token_type {
    CONFIG_TOKEN_END,
    CONFIG_TOKEN_NAME,
    CONFIG_TOKEN_NUMBER,
    CONFIG_TOKEN_STRING,
    CONFIG_TOKEN_OTHER,
};

struct config_token {
    enum config_token_type type;
    struct slice text;
    uint32_t line; /* where it begins, from 1 */
    bool open;     /* STRING: it has no end */
};

struct config_scan {
    struct slice text;
    size_t at;
    uint32_t line;
};

/* Begin with {.text = t, .line = 1}. */
struct config_token config_scan_next(struct config_scan *scan);

/* The n-th (from 0) name of a line; false when there is none. */
bool config_text_name_at(struct slice text, uint32_t line, size_t n, struct slice *out);

/* True when a number token fits the type that its form asks for: 32 bits, or 64 with an L. */
bool config_text_number_fits(struct slice number);

/* Edit distance: insertions, deletions, replacements and swaps of neighbours. Texts longer than 63
 * bytes are as far away as can be. */
size_t config_text_distance(struct slice a, struct slice b);

#endif
