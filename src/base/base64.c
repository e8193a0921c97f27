/* Base64 (RFC 4648 section 4). */
#include "base/base64.h"

#include <stdint.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct slice in, char *out)
{
    const unsigned char *p = (const unsigned char *)in.ptr;
    for (size_t i = 0; i < in.len; i += 3) {
        uint32_t n = (uint32_t)p[i] << 16;
        n |= i + 1 < in.len ? (uint32_t)p[i + 1] << 8 : 0;
        n |= i + 2 < in.len ? (uint32_t)p[i + 2] : 0;
        *out++ = ALPHABET[n >> 18];
        *out++ = ALPHABET[n >> 12 & 63];
        *out++ = i + 1 < in.len ? ALPHABET[n >> 6 & 63] : '=';
        *out++ = i + 2 < in.len ? ALPHABET[n & 63] : '=';
    }
}

int base64_append(struct buf *out, struct slice in)
{
    size_t len = base64_encoded_len(in.len);
    int err = buf_reserve(out, len);
    if (err != 0)
        return err;
    base64_encode(in, out->ptr + out->end);
    out->end += (uint32_t)len;
    return 0;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct slice in, void *out, size_t *len_out)
{
    unsigned char *to = out;
    size_t len = 0;
    if (in.len % 4 != 0)
        return false;
    for (size_t i = 0; i < in.len; i += 4) {
        bool last = i + 4 == in.len;
        unsigned pad = 0;
        if (last && in.ptr[i + 3] == '=')
            pad = in.ptr[i + 2] == '=' ? 2 : 1;
        uint32_t n = 0;
        for (unsigned k = 0; k < 4; k++) {
            int v = k >= 4 - pad ? 0 : value_of(in.ptr[i + k]);
            if (v < 0)
                return false;
            n = n << 6 | (uint32_t)v;
        }
        if ((pad == 1 && (n & 0xff) != 0) || (pad == 2 && (n & 0xffff) != 0))
            return false;
        to[len++] = (unsigned char)(n >> 16);
        if (pad < 2)
            to[len++] = (unsigned char)(n >> 8);
        if (pad < 1)
            to[len++] = (unsigned char)n;
    }
    *len_out = len;
    return true;
}
