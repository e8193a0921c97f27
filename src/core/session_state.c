/* The state of a session as bytes, for another process. Numbers are little-endian. */
#include "core/session_state.h"

#include "base/mem.h"
#include "core/hooks.h"
#include "core/sm.h"

enum { VERSION = 1 };

enum {
    IS_AVAILABLE = 1,
    WAS_AVAILABLE = 2,
    IS_INTERESTED = 4,
    HAS_CARBONS = 8,
    BY_BIND2 = 16,
};

static void put(struct buf *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_byte(out, (char)(value >> 8 * i & 0xff));
}

static void put_text(struct buf *out, struct slice text, unsigned bytes)
{
    put(out, text.len, bytes);
    buf_add(out, text);
}

static bool get(struct slice *text, unsigned bytes, uint64_t *out)
{
    *out = 0;
    if (text->len < bytes)
        return false;
    for (unsigned i = 0; i < bytes; i++)
        *out |= (uint64_t)(unsigned char)text->ptr[i] << 8 * i;
    *text = slice_from(*text, bytes);
    return true;
}

static bool get_text(struct slice *text, unsigned bytes, struct slice *out)
{
    uint64_t len;
    if (!get(text, bytes, &len) || len > text->len)
        return false;
    *out = slice_of(text->ptr, (size_t)len);
    *text = slice_from(*text, (size_t)len);
    return true;
}

static void put_interests(const struct engine *e, const struct session *s, struct buf *out)
{
    unsigned n, count = 0;
    const struct module *const *modules = hooks_modules(e, &n);
    for (unsigned i = 0; i < n; i++)
        count += (s->interests >> i & 1) != 0;
    put(out, count, 1);
    for (unsigned i = 0; i < n; i++)
        if ((s->interests >> i & 1) != 0)
            put_text(out, slice_z(modules[i]->name), 1);
}

/* A module that is not there any more is forgotten. */
static bool get_interests(const struct engine *e, struct slice *text, struct session *s)
{
    unsigned n;
    uint64_t count;
    struct slice name;
    const struct module *const *modules = hooks_modules(e, &n);
    if (!get(text, 1, &count))
        return false;
    for (; count > 0; count--) {
        if (!get_text(text, 1, &name))
            return false;
        for (unsigned i = 0; i < n; i++)
            if (slice_eq(name, slice_z(modules[i]->name)))
                s->interests |= 1ULL << i;
    }
    return true;
}

bool session_state_jid(struct slice text, struct jid *out)
{
    struct slice jid;
    return get_text(&text, 2, &jid) && jid_from_prepared(jid, out) && out->local_len > 0 &&
           out->resource_len > 0;
}

void session_state_write(const struct engine *e, const struct session *s, struct buf *out)
{
    unsigned flags = (s->available ? IS_AVAILABLE : 0) | (s->was_available ? WAS_AVAILABLE : 0) |
                     (s->roster_interested ? IS_INTERESTED : 0) | (s->carbons ? HAS_CARBONS : 0) |
                     (s->bind2 ? BY_BIND2 : 0);
    put_text(out, jid_full(&s->jid), 2);
    put(out, VERSION, 1);
    put(out, flags, 1);
    put(out, (uint8_t)s->priority, 1);
    put(out, (uint64_t)s->since_ms, 8);
    put(out, s->follow.ready_from, 8);
    put(out, s->follow.carbons_from, 8);
    put(out, s->follow.known_from, 8);
    put(out, s->follow.known_to, 8);
    put(out, s->sm->resume_ms, 4);
    put_text(out, session_presence_lang(s), 2);
    put_text(out, session_presence(s), 4);
    put_interests(e, s, out);
    put_text(out, session_directed(s), 4);
}

static bool get_rest(struct engine *e, struct slice text, struct session *s)
{
    uint64_t priority, since, resume_ms;
    struct slice lang, presence, directed;
    if (!get(&text, 1, &priority) || !get(&text, 8, &since) ||
        !get(&text, 8, &s->follow.ready_from) || !get(&text, 8, &s->follow.carbons_from) ||
        !get(&text, 8, &s->follow.known_from) || !get(&text, 8, &s->follow.known_to) ||
        !get(&text, 4, &resume_ms) || !get_text(&text, 2, &lang) ||
        !get_text(&text, 4, &presence) || !get_interests(e, &text, s) ||
        !get_text(&text, 4, &directed) || text.len > 0)
        return false;
    s->priority = (int8_t)(uint8_t)priority;
    s->since_ms = (int64_t)since;
    s->sm->resume_ms = (uint32_t)resume_ms;
    session_set_presence(s, presence, lang);
    session_set_directed(s, directed);
    return true;
}

bool session_state_read(struct engine *e, struct slice text, struct session *s)
{
    struct slice jid;
    uint64_t version, flags;
    if (!get_text(&text, 2, &jid) || !slice_eq(jid, jid_full(&s->jid)) ||
        !get(&text, 1, &version) || version != VERSION || !get(&text, 1, &flags) ||
        !get_rest(e, text, s))
        return false;
    s->available = (flags & IS_AVAILABLE) != 0;
    s->was_available = (flags & WAS_AVAILABLE) != 0;
    s->roster_interested = (flags & IS_INTERESTED) != 0;
    s->carbons = (flags & HAS_CARBONS) != 0;
    s->bind2 = (flags & BY_BIND2) != 0;
    return true;
}
