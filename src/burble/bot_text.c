/* Texts of a bot: what programs print as messages, and what in a room is said to it. Pure. */
#include "burble/bot.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes that a character takes when it is written as XML. */
static size_t xml_bytes(uint32_t code, size_t n)
{
    switch (code) {
    case '<':
    case '>':
        return 4;
    case '&':
        return 5;
    case '"':
    case '\'':
        return 6;
    default:
        return n;
    }
}

void bot_clean(struct slice in, size_t xml_max, struct buf *out)
{
    static const char MORE[] = " ...";
    size_t used = sizeof(MORE);
    while (in.len > 0 && is_space(in.ptr[in.len - 1]))
        in.len--;
    for (size_t i = 0; i < in.len;) {
        uint32_t code;
        int n = utf8_decode(slice_from(in, i), &code);
        size_t taken = n > 0 ? (size_t)n : 1;
        struct slice shown = slice_of(in.ptr + i, taken);
        bool good = n > 0 && code != 0xfffe && code != 0xffff &&
                    (code >= 0x20 || code == '\t' || code == '\n');
        if (!good)
            shown = in.ptr[i] == '\r' || in.ptr[i] == '\x1b' ? SLICE("") : SLICE("\xef\xbf\xbd");
        used += good ? xml_bytes(code, taken) : shown.len;
        if (used > xml_max) {
            (void)buf_lit(out, MORE);
            break;
        }
        (void)buf_add(out, shown);
        i += taken;
    }
    (void)buf_byte(out, '\0');
}

const char *bot_addressed(const char *body, const char *nick)
{
    size_t len = strlen(nick);
    bool at = body[0] == '@' && nick[0] != '@';
    body += at;
    if (len == 0 || strncasecmp(body, nick, len) != 0)
        return NULL;
    body += len;
    if (*body != '\0' && !is_space(*body) && *body != ':' && *body != ',')
        return NULL;
    /* "Botany is nice" is not for Bot, and "bot is down" is about it rather than for it. */
    if (!at && is_space(*body))
        return NULL;
    if (*body == ':' || *body == ',')
        body++;
    while (is_space(*body))
        body++;
    return body;
}
