/* A roster in memory (RFC 6121 section 2). */
#include "core/roster.h"

#include "base/check.h"
#include "base/mem.h"

enum { ROSTER_FIRST = 4 };

enum roster_flag { /* of the store value */
                   FLAG_TO = 1,
                   FLAG_FROM = 2,
                   FLAG_PENDING_OUT = 4,
                   FLAG_PENDING_IN = 8,
                   FLAG_APPROVED = 16,
                   FLAG_LISTED = 32,
};

static struct slice jid_at(const void *roster, size_t i)
{
    return roster_item_jid(((const struct roster *)roster)->items[i]);
}

static uint32_t locate(const struct roster *r, struct slice bare, bool *found)
{
    return (uint32_t)slice_place(bare, r, r->count, jid_at, found);
}

struct roster_item *roster_find(const struct roster *r, struct slice bare)
{
    bool found;
    uint32_t at = locate(r, bare, &found);
    return found ? r->items[at] : NULL;
}

static char *put(char *to, struct slice s)
{
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return to + s.len;
}

struct roster_item *roster_set(struct roster *r, struct slice bare, struct slice name,
                               struct slice groups)
{
    CHECK(bare.len <= UINT16_MAX && name.len <= UINT16_MAX && groups.len <= UINT16_MAX);
    struct roster_item *item = mem_alloc(sizeof(*item) + bare.len + name.len + groups.len);
    item->jid_len = (uint16_t)bare.len;
    item->name_len = (uint16_t)name.len;
    item->groups_len = (uint16_t)groups.len;
    put(put(put(item->text, bare), name), groups);
    bool found;
    uint32_t at = locate(r, bare, &found);
    if (found) {
        item->sub = r->items[at]->sub;
        item->listed = r->items[at]->listed;
        mem_free(r->items[at]);
        r->items[at] = item;
        return item;
    }
    if (r->count == r->cap) {
        r->cap = r->cap > 0 ? r->cap * 2 : ROSTER_FIRST;
        r->items = mem_resize(r->items, r->cap, sizeof(*r->items));
    }
    memmove(r->items + at + 1, r->items + at, (r->count - at) * sizeof(*r->items));
    r->items[at] = item;
    r->count++;
    return item;
}

void roster_remove(struct roster *r, struct slice bare)
{
    bool found;
    uint32_t at = locate(r, bare, &found);
    if (!found)
        return;
    mem_free(r->items[at]);
    r->count--;
    memmove(r->items + at, r->items + at + 1, (r->count - at) * sizeof(*r->items));
}

void roster_free(struct roster *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        mem_free(r->items[i]);
    mem_free(r->items);
    *r = (struct roster){0};
}

void roster_item_encode(const struct roster_item *i, struct buf *out)
{
    unsigned flags = (i->sub.to ? FLAG_TO : 0U) | (i->sub.from ? FLAG_FROM : 0U) |
                     (i->sub.pending_out ? FLAG_PENDING_OUT : 0U) |
                     (i->sub.pending_in ? FLAG_PENDING_IN : 0U) |
                     (i->sub.approved ? FLAG_APPROVED : 0U) | (i->listed ? FLAG_LISTED : 0U);
    buf_byte(out, (char)('0' + flags)); /* printable, for whoever looks into the database */
    buf_add(out, roster_item_name(i));
    buf_byte(out, '\0');
    buf_add(out, roster_item_groups(i));
}

bool roster_item_decode(struct roster *r, struct slice bare, struct slice value)
{
    size_t end = slice_find(value, '\0');
    if (value.len < 2 || end == value.len || value.ptr[0] < '0' || value.ptr[0] > 'o' || end == 0)
        return false;
    struct slice name = slice_of(value.ptr + 1, end - 1), groups = slice_from(value, end + 1);
    if (groups.len > 0 && groups.ptr[groups.len - 1] != '\0')
        return false;
    if (bare.len > UINT16_MAX || name.len > UINT16_MAX || groups.len > UINT16_MAX)
        return false;
    struct roster_item *item = roster_set(r, bare, name, groups);
    unsigned flags = (unsigned)(value.ptr[0] - '0');
    item->sub = (struct subscription){
        .to = (flags & FLAG_TO) != 0,
        .from = (flags & FLAG_FROM) != 0,
        .pending_out = (flags & FLAG_PENDING_OUT) != 0,
        .pending_in = (flags & FLAG_PENDING_IN) != 0,
        .approved = (flags & FLAG_APPROVED) != 0,
    };
    item->listed = (flags & FLAG_LISTED) != 0;
    return true;
}

void roster_item_write(const struct roster_item *i, struct xml_writer *w)
{
    xml_open(w, SLICE("item"), SLICE_NONE);
    xml_attr_put(w, SLICE("jid"), roster_item_jid(i));
    if (i->name_len > 0)
        xml_attr_put(w, SLICE("name"), roster_item_name(i));
    xml_attr_put(w, SLICE("subscription"), subscription_name(i->sub));
    if (i->sub.pending_out)
        xml_attr_put(w, SLICE("ask"), SLICE("subscribe"));
    if (i->sub.approved)
        xml_attr_put(w, SLICE("approved"), SLICE("true"));
    struct slice groups = roster_item_groups(i);
    while (groups.len > 0) {
        size_t end = slice_find(groups, '\0');
        xml_leaf(w, SLICE("group"), SLICE_NONE, slice_of(groups.ptr, end));
        groups = slice_from(groups, end + 1);
    }
    xml_close(w);
}
