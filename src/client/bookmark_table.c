/* Bookmarks in memory: a sorted table of them, and reading what the server keeps (XEP-0402 version
 * 1.2.0, XEP-0048 version 1.2). */
#include <stdlib.h>

#include "client/bookmarks.h"

static char *put(char **at, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t len = strlen(text) + 1;
    char *copy = *at;
    memcpy(copy, text, len);
    *at += len;
    return copy;
}

static size_t room_for(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

struct mark *mark_new(const struct burble_bookmark *from, struct slice extensions)
{
    struct mark *m =
        client_alloc(sizeof(*m) + room_for(from->jid) + room_for(from->name) +
                     room_for(from->nick) + room_for(from->password) + extensions.len + 1);
    if (m == NULL)
        return NULL;
    char *at = (char *)(m + 1);
    m->pub = (struct burble_bookmark){.jid = put(&at, from->jid),
                                      .name = put(&at, from->name),
                                      .nick = put(&at, from->nick),
                                      .password = put(&at, from->password),
                                      .autojoin = from->autojoin};
    if (extensions.len > 0) {
        m->extensions = at;
        memcpy(at, extensions.ptr, extensions.len);
    }
    return m;
}

void mark_free(struct mark *m)
{
    free(m);
}

/* A copy in mem; NULL: there is none, or no memory, which shows in *failed. */
static const char *text(struct arena *mem, struct slice s, bool *failed)
{
    if (s.len == 0)
        return NULL;
    char *copy = arena_alloc(mem, s.len + 1);
    if (copy == NULL) {
        *failed = true;
        return NULL;
    }
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

int mark_read(struct xml conference, struct slice jid, struct mark **out)
{
    struct arena mem = {0};
    struct buf extensions = {0};
    struct jid room;
    struct slice ns = xml_ns(conference), autojoin = xml_attr(conference, SLICE("autojoin"));
    struct xml more = xml_child(conference, NS_BOOKMARKS, SLICE("extensions"));
    bool failed = false;
    *out = NULL;
    int err = jid_parse(jid, &mem, &room);
    if (err == 0 && room.resource_len > 0)
        err = ERR_SYNTAX;
    if (err == 0) {
        struct burble_bookmark m = {
            .jid = text(&mem, jid_bare(&room), &failed),
            .name = text(&mem, xml_attr(conference, SLICE("name")), &failed),
            .nick = text(&mem, xml_text(xml_child(conference, ns, SLICE("nick"))), &failed),
            .password = text(&mem, xml_text(xml_child(conference, ns, SLICE("password"))), &failed),
            .autojoin = slice_is(autojoin, "true") || slice_is(autojoin, "1")};
        if (xml_some(more))
            xml_write_node(&extensions, more, NS_BOOKMARKS);
        failed |= extensions.failed != 0;
        *out = failed ? NULL : mark_new(&m, buf_slice(&extensions));
        err = *out != NULL ? 0 : ERR_MEMORY;
    }
    buf_free(&extensions);
    arena_free(&mem);
    return err;
}

static struct slice jid_at(const void *table, size_t i)
{
    return slice_z(((const struct burble_bookmarks *)table)->list[i]->pub.jid);
}

static size_t place_of(const struct burble_bookmarks *b, struct slice jid, bool *found_out)
{
    return slice_place(jid, b, b->count, jid_at, found_out);
}

struct mark *marks_find(const struct burble_bookmarks *b, struct slice jid)
{
    bool found;
    size_t at = place_of(b, jid, &found);
    return found ? b->list[at] : NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* As far as the program can see. */
static bool same(const struct burble_bookmark *a, const struct burble_bookmark *b)
{
    return same_text(a->name, b->name) && same_text(a->nick, b->nick) &&
           same_text(a->password, b->password) && a->autojoin == b->autojoin;
}

static bool grow(struct burble_bookmarks *b)
{
    if (b->count < b->cap)
        return true;
    size_t cap = b->cap > 0 ? b->cap * 2 : 8;
    struct mark **list = realloc(b->list, cap * sizeof(*list));
    if (list == NULL)
        return false;
    b->list = list;
    b->cap = cap;
    return true;
}

bool marks_put(struct burble_bookmarks *b, struct mark *m, struct mark **m_out)
{
    bool found;
    size_t at = place_of(b, slice_z(m->pub.jid), &found);
    *m_out = NULL;
    if (found) {
        bool changed = !same(&b->list[at]->pub, &m->pub);
        mark_free(b->list[at]);
        b->list[at] = m;
        *m_out = m;
        return changed;
    }
    if (b->count >= b->config.max || !grow(b)) {
        client_bad(b->x.client, "more bookmarks than we keep", slice_z(m->pub.jid));
        mark_free(m);
        return false;
    }
    memmove(&b->list[at + 1], &b->list[at], (b->count - at) * sizeof(*b->list));
    b->list[at] = m;
    b->count++;
    *m_out = m;
    return true;
}

struct mark *marks_take(struct burble_bookmarks *b, struct slice jid)
{
    bool found;
    size_t at = place_of(b, jid, &found);
    if (!found)
        return NULL;
    struct mark *m = b->list[at];
    b->count--;
    memmove(&b->list[at], &b->list[at + 1], (b->count - at) * sizeof(*b->list));
    return m;
}

void marks_clear(struct burble_bookmarks *b)
{
    while (b->count > 0)
        mark_free(b->list[--b->count]);
    free(b->list);
    b->list = NULL;
    b->cap = 0;
}
