/* Unit boundaries in a stream of trusted XML (RFC 6120 section 4), by counting tags. Comments and
 * CDATA do not occur: RFC 6120 section 11.1 forbids the one, no server writes the other. */
#include "scan.h"

enum {
    TEXT,
    OPEN,  /* behind '<' */
    TAG,   /* in a start tag */
    QUOTE, /* in an attribute's value */
    SLASH, /* behind '/' in a start tag */
    CLOSE, /* in an end tag */
    OTHER, /* in <?...> */
};

static size_t scan_to(struct slice unit, size_t at, char c)
{
    return at + slice_find(slice_from(unit, at), c);
}

/* Behind the '>' of a tag that brings the depth to s->depth; was_end: nothing stays open by it. */
static enum scan_event scan_tag_done(struct scan *s, bool was_end)
{
    s->state = TEXT;
    if (!was_end)
        return s->depth == 1 ? SCAN_OPEN : SCAN_MORE;
    return s->depth == 1 ? SCAN_STANZA : s->depth == 0 ? SCAN_END : SCAN_MORE;
}

/* One character of the states that must see each. */
static enum scan_event scan_char(struct scan *s, char c)
{
    switch (s->state) {
    case OPEN:
        s->state = c == '/' ? CLOSE : c == '?' ? OTHER : TAG;
        break;
    case TAG:
    case SLASH:
        if (c == '>') {
            bool empty = s->state == SLASH;
            s->depth += empty ? 0 : 1;
            return scan_tag_done(s, empty);
        }
        s->state = c == '/' ? SLASH : c == '"' || c == '\'' ? QUOTE : TAG;
        s->quote = c;
        break;
    default:
        break;
    }
    return SCAN_MORE;
}

enum scan_event scan_next(struct scan *s, struct slice unit, size_t *len_out)
{
    size_t at = s->at;
    enum scan_event event = SCAN_MORE;
    while (event == SCAN_MORE && at < unit.len) {
        char stop = s->state == TEXT ? '<' : s->state == QUOTE ? s->quote : '>';
        if (s->state == TEXT || s->state >= CLOSE || s->state == QUOTE) {
            at = scan_to(unit, at, stop);
            if (at == unit.len)
                break;
            at++;
            if (s->state == CLOSE) {
                s->depth -= s->depth > 0 ? 1 : 0;
                event = scan_tag_done(s, true);
            } else {
                s->state = s->state == TEXT ? OPEN : s->state == QUOTE ? TAG : TEXT;
            }
        } else {
            event = scan_char(s, unit.ptr[at++]);
        }
    }
    s->at = event == SCAN_MORE ? at : 0;
    *len_out = event == SCAN_MORE ? 0 : at;
    return event;
}

static bool scan_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The unit without leading white space. */
static struct slice scan_trim(struct slice unit)
{
    while (unit.len > 0 && scan_space(unit.ptr[0]))
        unit = slice_from(unit, 1);
    return unit;
}

bool scan_is(struct slice unit, struct slice name)
{
    unit = scan_trim(unit);
    if (unit.len < name.len + 2 || unit.ptr[0] != '<' ||
        memcmp(unit.ptr + 1, name.ptr, name.len) != 0)
        return false;
    char c = unit.ptr[name.len + 1];
    return scan_space(c) || c == '/' || c == '>';
}

bool scan_attr(struct slice unit, struct slice name, struct slice *value_out)
{
    unit = scan_trim(unit);
    size_t at = 0;
    while (at < unit.len && !scan_space(unit.ptr[at]) && unit.ptr[at] != '>')
        at++;
    while (at < unit.len) {
        while (at < unit.len && scan_space(unit.ptr[at]))
            at++;
        if (at == unit.len || unit.ptr[at] == '>' || unit.ptr[at] == '/')
            return false;
        size_t equals = scan_to(unit, at, '=');
        if (equals + 1 >= unit.len)
            return false;
        size_t end = scan_to(unit, equals + 2, unit.ptr[equals + 1]);
        if (end == unit.len)
            return false;
        if (slice_eq(slice_of(unit.ptr + at, equals - at), name)) {
            *value_out = slice_of(unit.ptr + equals + 2, end - equals - 2);
            return true;
        }
        at = end + 1;
    }
    return false;
}

bool scan_has(struct slice hay, struct slice needle)
{
    return memmem(hay.ptr, hay.len, needle.ptr, needle.len) != NULL;
}

bool scan_text(struct slice unit, struct slice name, struct slice *text_out)
{
    for (size_t at = scan_to(unit, 0, '<'); at < unit.len; at = scan_to(unit, at + 1, '<')) {
        struct slice rest = slice_from(unit, at);
        if (!scan_is(rest, name))
            continue;
        size_t start = slice_find(rest, '>');
        if (start == rest.len || rest.ptr[start - 1] == '/')
            return false;
        rest = slice_from(rest, start + 1);
        *text_out = slice_of(rest.ptr, slice_find(rest, '<'));
        return true;
    }
    return false;
}
