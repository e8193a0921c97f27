/* Addresses (RFC 7622): where the parts are divided (section 3.1), the localpart as
 * UsernameCaseMapped without the eight characters of section 3.3.1, the resourcepart as
 * OpaqueString. What is ASCII is decided by one table in one pass, and kept in place when nothing
 * has to change; the rest goes to precis.c and jid_domain.c. A part is 1..1023 bytes, before and
 * after. */
#include "xmpp/jid.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "xmpp/jid_domain.h"
#include "xmpp/precis.h"

enum { L = 1, U = 2, R = 4 }; /* localpart, localpart after lowering, resourcepart */

static const uint8_t ascii_table[128] = {
    [' '] = R,
    ['!'] = L | R,
    ['"'] = R,
    ['#' ... '%'] = L | R,
    ['&' ... '\''] = R,
    ['(' ... '.'] = L | R,
    ['/'] = R,
    ['0' ... '9'] = L | R,
    [':'] = R,
    [';'] = L | R,
    ['<'] = R,
    ['='] = L | R,
    ['>'] = R,
    ['?'] = L | R,
    ['@'] = R,
    ['A' ... 'Z'] = U | R,
    ['[' ... '~'] = L | R,
};

static enum jid_state scan_local(struct slice s)
{
    unsigned seen = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned bits = c < 0x80 ? ascii_table[c] : 0;
        if ((bits & (L | U)) == 0)
            return c < 0x80 ? JID_BAD : JID_LIBRARY;
        seen |= bits;
    }
    return (seen & U) != 0 ? JID_CASE : JID_READY;
}

static enum jid_state scan_resource(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x80)
            return JID_LIBRARY;
        if ((ascii_table[c] & R) == 0)
            return JID_BAD;
    }
    return JID_READY;
}

enum { LOCAL, DOMAIN, RESOURCE, PARTS };

static enum jid_state scan(int which, struct slice s)
{
    if (s.len == 0 || s.len > JID_PART_BYTES)
        return JID_BAD;
    return which == LOCAL ? scan_local(s) : which == DOMAIN ? jid_domain_scan(s) : scan_resource(s);
}

static void lower_ascii(struct slice s, char *out)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
}

/* Mapping may produce one of the excluded characters, from a fullwidth form for instance. */
static int prepare_local_library(struct slice in, struct buf *out)
{
    size_t start = buf_len(out);
    int err = precis_username(in, out);
    if (err != 0)
        return err;
    struct slice made = slice_from(buf_slice(out), start);
    for (size_t i = 0; i < made.len; i++) {
        unsigned char c = (unsigned char)made.ptr[i];
        if (c < 0x80 && (ascii_table[c] & L) == 0)
            return ERR_SYNTAX;
    }
    return 0;
}

/* Appends the prepared part. */
static int add_part(int which, struct slice in, enum jid_state state, struct buf *out)
{
    switch (state) {
    case JID_READY:
        return buf_add(out, in);
    case JID_CASE:
        if (buf_reserve(out, in.len) != 0)
            return ERR_MEMORY;
        lower_ascii(in, out->ptr + out->end);
        out->end += (uint32_t)in.len;
        return 0;
    case JID_LIBRARY:
        return which == LOCAL    ? prepare_local_library(in, out)
               : which == DOMAIN ? jid_domain_international(in, out)
                                 : precis_opaque(in, out);
    case JID_BAD:
        return ERR_SYNTAX;
    }
    UNREACHABLE();
}

/* One trailing dot, also in the three forms that IDNA maps to it, says nothing. */
static struct slice drop_dot(struct slice domain)
{
    static const char wide[3][4] = {"\u3002", "\uff0e", "\uff61"};
    if (domain.len > 1 && domain.ptr[domain.len - 1] == '.') {
        domain.len--;
        return domain;
    }
    for (int i = 0; i < 3 && domain.len > 3; i++)
        if (memcmp(domain.ptr + domain.len - 3, wide[i], 3) == 0)
            return slice_of(domain.ptr, domain.len - 3);
    return domain;
}

/* First '/' divides off the resourcepart, then first '@' the localpart; a divider with nothing
 * beside it is malformed. Absent parts have no pointer. */
static bool split(struct slice in, struct slice part[PARTS])
{
    size_t slash = slice_find(in, '/');
    struct slice bare = slice_of(in.ptr, slash);
    size_t at = slice_find(bare, '@');
    part[RESOURCE] = slash < in.len ? slice_from(in, slash + 1) : SLICE_NONE;
    part[LOCAL] = at < bare.len ? slice_of(bare.ptr, at) : SLICE_NONE;
    part[DOMAIN] = at < bare.len ? slice_from(bare, at + 1) : bare;
    for (int i = 0; i < PARTS; i++)
        if (part[i].len > JID_PART_BYTES || (part[i].ptr != NULL && part[i].len == 0))
            return false;
    return part[DOMAIN].len > 0;
}

static void set_lengths(struct jid *j, size_t local, size_t domain, size_t resource)
{
    j->local_len = (uint16_t)local;
    j->domain_len = (uint16_t)domain;
    j->resource_len = (uint16_t)resource;
}

/* ASCII parts, of the length that they had, into one block of the arena. */
static int join_ascii(const struct slice part[PARTS], struct arena *mem, struct jid *out)
{
    char *at = arena_alloc(mem, part[LOCAL].len + part[DOMAIN].len + part[RESOURCE].len + 2);
    if (at == NULL)
        return ERR_MEMORY;
    out->text = at;
    if (part[LOCAL].len > 0) {
        lower_ascii(part[LOCAL], at);
        at += part[LOCAL].len;
        *at++ = '@';
    }
    lower_ascii(part[DOMAIN], at);
    at += part[DOMAIN].len;
    if (part[RESOURCE].len > 0) {
        *at++ = '/';
        memcpy(at, part[RESOURCE].ptr, part[RESOURCE].len);
    }
    set_lengths(out, part[LOCAL].len, part[DOMAIN].len, part[RESOURCE].len);
    return 0;
}

static int join_library(const struct slice part[PARTS], const enum jid_state state[PARTS],
                        struct arena *mem, struct jid *out)
{
    struct buf all = {0};
    size_t len[PARTS] = {0};
    int err = 0;
    for (int i = 0; err == 0 && i < PARTS; i++) {
        if (part[i].len == 0)
            continue;
        if (i == RESOURCE)
            err = buf_byte(&all, '/');
        size_t start = buf_len(&all);
        if (err == 0)
            err = add_part(i, part[i], state[i], &all);
        len[i] = buf_len(&all) - start;
        if (err == 0 && i == LOCAL)
            err = buf_byte(&all, '@');
    }
    if (err == 0) {
        out->text = arena_copy(mem, buf_slice(&all)).ptr;
        if (out->text == NULL)
            err = ERR_MEMORY;
        else
            set_lengths(out, len[LOCAL], len[DOMAIN], len[RESOURCE]);
    }
    buf_free(&all);
    return err;
}

int jid_parse(struct slice in, struct arena *mem, struct jid *out)
{
    struct slice part[PARTS];
    enum jid_state state[PARTS] = {JID_READY, JID_READY, JID_READY}, worst = JID_READY;
    *out = JID_NONE;
    if (in.len == 0 || in.len > JID_BYTES || !split(in, part))
        return ERR_SYNTAX;
    size_t domain_len = part[DOMAIN].len;
    part[DOMAIN] = drop_dot(part[DOMAIN]);
    for (int i = 0; i < PARTS; i++) {
        if (part[i].len > 0)
            state[i] = scan(i, part[i]);
        worst = state[i] > worst ? state[i] : worst;
    }
    if (worst == JID_BAD)
        return ERR_SYNTAX;
    if (worst == JID_LIBRARY)
        return join_library(part, state, mem, out);
    bool moves = part[DOMAIN].len != domain_len && part[RESOURCE].len > 0;
    if (worst == JID_CASE || moves)
        return join_ascii(part, mem, out);
    out->text = in.ptr;
    set_lengths(out, part[LOCAL].len, part[DOMAIN].len, part[RESOURCE].len);
    return 0;
}

static int prepare(int which, struct slice in, struct buf *out)
{
    buf_clear(out);
    int err = add_part(which, in, scan(which, in), out);
    if (err != 0)
        buf_clear(out);
    return err;
}

int jid_prepare_local(struct slice in, struct buf *out)
{
    return prepare(LOCAL, in, out);
}

int jid_prepare_domain(struct slice in, struct buf *out)
{
    return prepare(DOMAIN, drop_dot(in), out);
}

int jid_prepare_resource(struct slice in, struct buf *out)
{
    return prepare(RESOURCE, in, out);
}

int jid_prepare_password(struct slice in, struct buf *out)
{
    return prepare(RESOURCE, in, out); /* the same profile */
}

bool jid_from_prepared(struct slice text, struct jid *out)
{
    struct slice part[PARTS];
    *out = JID_NONE;
    if (text.len == 0 || text.len > JID_BYTES || !split(text, part))
        return false;
    out->text = text.ptr;
    set_lengths(out, part[LOCAL].len, part[DOMAIN].len, part[RESOURCE].len);
    return true;
}

struct jid jid_copy(const struct jid *j)
{
    struct jid copy = *j;
    struct slice full = jid_full(j);
    char *text = mem_alloc(full.len > 0 ? full.len : 1);
    if (full.len > 0)
        memcpy(text, full.ptr, full.len);
    copy.text = text;
    return copy;
}
