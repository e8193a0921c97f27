/* Base64 (RFC 4648 section 4), strict: padding required, no white space, no stray bits. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

static inline size_t base64_encoded_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes base64_encoded_len(in.len) characters, no NUL. */
void base64_encode(struct slice in, char *out);
int base64_append(struct buf *out, struct slice in);

/* Decodes into out, which holds at least in.len / 4 * 3 bytes; false when in is not base64. */
bool base64_decode(struct slice in, void *out, size_t *len_out);

#endif
