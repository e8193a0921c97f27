/* UTF-8 (RFC 3629). */
#include "base/utf8.h"

int utf8_decode(struct slice s, uint32_t *code_out)
{
    if (s.len == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0x80) {
        *code_out = p[0];
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return -1;
    int len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t code = p[0] & (0x7fU >> len);
    for (int i = 1; i < len; i++) {
        if ((size_t)i >= s.len)
            return 0;
        /* The second byte alone tells overlong forms, surrogates and what is above U+10FFFF. */
        unsigned low = 0x80, high = 0xbf;
        if (i == 1) {
            low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
            high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
        }
        if (p[i] < low || p[i] > high)
            return -1;
        code = code << 6 | (p[i] & 0x3fU);
    }
    *code_out = code;
    return len;
}

bool utf8_valid(struct slice s)
{
    while (s.len > 0) {
        uint32_t code;
        int n = utf8_decode(s, &code);
        if (n <= 0)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

unsigned utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    unsigned len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (unsigned i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00U >> len & 0xffU) | code);
    return len;
}
