/* Text that comes from programs: may it stand in a stanza (RFC 6120 section 11, XML 1.0 2.2)? */
#include "client/text.h"

#include "base/utf8.h"
#include "xml/chars.h"

/* Bytes in front that are printable ASCII. */
static size_t plain_ascii(struct slice s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= ' ' && s.ptr[n] <= '~')
        n++;
    return n;
}

bool client_text_valid(struct slice s)
{
    while (s.len > 0) {
        uint32_t code;
        size_t plain = plain_ascii(s);
        s = slice_from(s, plain);
        if (s.len == 0)
            break;
        int n = utf8_decode(s, &code);
        if (n <= 0 || !ch_allowed(code))
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

struct slice client_number(uint64_t n, char out[CLIENT_NUMBER_BYTES])
{
    size_t at = CLIENT_NUMBER_BYTES;
    do {
        out[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return slice_of(out + at, CLIENT_NUMBER_BYTES - at);
}
