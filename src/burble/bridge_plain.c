/* Texts of microblogs: HTML (what Mastodon's API calls content) as plain text. It is no parser of
 * HTML, but what it makes of anything is text. Pure. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "burble/bridge.h"

enum { ENTITY_BYTES_MAX = 12 };

static const struct {
    const char *name, *text;
} ENTITIES[] = {
    {"amp", "&"},
    {"lt", "<"},
    {"gt", ">"},
    {"quot", "\""},
    {"apos", "'"},
    {"nbsp", " "},
    {"hellip", "\xe2\x80\xa6"},
    {"ndash", "\xe2\x80\x93"},
    {"mdash", "\xe2\x80\x94"},
    {"shy", ""},
};

/* A character reference by number; false: it is none that text may have. */
static bool put_number(const char *digits, struct buf *out)
{
    bool hex = digits[0] == 'x' || digits[0] == 'X';
    char *end, bytes[4];
    unsigned long code = strtoul(digits + hex, &end, hex ? 16 : 10);
    if (end == digits + hex || *end != '\0' || digits[hex] == '+' || digits[hex] == '-')
        return false;
    if (code < 0x20 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return code == '\n' || code == '\t' ? buf_byte(out, (char)code) == 0 : false;
    (void)buf_append(out, bytes, utf8_encode((uint32_t)code, bytes));
    return true;
}

/* What stands behind "&"; how much of it was taken, 0: it is no entity. */
static size_t entity(struct slice rest, struct buf *out)
{
    char name[ENTITY_BYTES_MAX + 1];
    if (rest.len > ENTITY_BYTES_MAX + 1)
        rest.len = ENTITY_BYTES_MAX + 1; /* many "&" without an end take no longer than others */
    size_t n = slice_find(rest, ';');
    if (n == rest.len || n == 0)
        return 0;
    memcpy(name, rest.ptr, n);
    name[n] = '\0';
    if (name[0] == '#')
        return put_number(name + 1, out) ? n + 1 : 0;
    for (size_t i = 0; i < sizeof(ENTITIES) / sizeof(ENTITIES[0]); i++)
        if (strcmp(ENTITIES[i].name, name) == 0) {
            (void)buf_add(out, slice_z(ENTITIES[i].text));
            return n + 1;
        }
    return 0;
}

static bool tag_is(struct slice tag, const char *name)
{
    size_t len = strlen(name);
    if (tag.len < len || strncasecmp(tag.ptr, name, len) != 0)
        return false;
    return tag.len == len || strchr(" \t\r\n/>", tag.ptr[len]) != NULL;
}

static void end_lines(struct buf *out, size_t wanted)
{
    size_t had = 0;
    while (had < wanted && had < buf_len(out) && out->ptr[out->end - 1 - had] == '\n')
        had++;
    if (had == buf_len(out))
        return; /* nothing stands before */
    for (; had < wanted; had++)
        (void)buf_byte(out, '\n');
}

static void tag(struct slice inside, struct buf *out)
{
    if (tag_is(inside, "br"))
        (void)buf_byte(out, '\n');
    else if (tag_is(inside, "p") || tag_is(inside, "/p") || tag_is(inside, "/blockquote"))
        end_lines(out, 2);
    else if (tag_is(inside, "li") || tag_is(inside, "/ul") || tag_is(inside, "/ol") ||
             tag_is(inside, "/div") || tag_is(inside, "/pre"))
        end_lines(out, 1);
}

void bridge_plain(struct slice html, struct buf *out)
{
    struct buf text = {0};
    for (size_t i = 0; i < html.len;) {
        char c = html.ptr[i++];
        struct slice rest = slice_from(html, i);
        size_t taken;
        if (c == '<') {
            size_t end = slice_find(rest, '>');
            if (end == rest.len)
                break; /* a tag without an end is none of the text */
            tag(slice_of(rest.ptr, end), &text);
            i += end + 1;
        } else if (c == '&' && (taken = entity(rest, &text)) > 0) {
            i += taken;
        } else {
            (void)buf_byte(&text, c);
        }
    }
    while (buf_len(&text) > 0 && strchr(" \t\r\n", text.ptr[text.end - 1]) != NULL &&
           text.ptr[text.end - 1] != '\0')
        buf_truncate(&text, buf_len(&text) - 1);
    (void)buf_add(out, buf_slice(&text));
    buf_free(&text);
}
