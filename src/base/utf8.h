/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

bool utf8_valid(struct slice s);

/* Decodes one code point: its length in bytes 1..4, 0 when s is empty or only a valid beginning is
 * there (more bytes needed), -1 when malformed. */
int utf8_decode(struct slice s, uint32_t *code_out);

/* Encodes; returns the length 1..4. code is a Unicode scalar value. */
unsigned utf8_encode(uint32_t code, char out[4]);

#endif
