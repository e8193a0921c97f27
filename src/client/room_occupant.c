/* Who is in a room: by nickname, in the order in which they came, at most 10,000 of them. Real
 * addresses and occupant ids (XEP-0421 version 1.0.1) are the room's word. */
#include <stdlib.h>
#include <string.h>

#include "client/room.h"

enum { OCCUPANTS_MAX = 10000, STATUS_BYTES_MAX = 512, ID_BYTES_MAX = 1024 };

static uint64_t hash_of(const struct burble_room *r, struct slice nick)
{
    return hash_bytes(&r->key, nick);
}

/* The strings of pub are ours; the program may not change them. */
static void drop_string(const char **s)
{
    free((void *)(uintptr_t)*s);
    *s = NULL;
}

static int set_string(const char **to, struct slice s)
{
    char *copy = client_copy(s);
    if (copy == NULL)
        return ERR_MEMORY;
    drop_string(to);
    *to = copy;
    return 0;
}

struct occupant *occupant_find(const struct burble_room *r, struct slice nick)
{
    uint64_t hash = hash_of(r, nick);
    for (struct hnode *n = hmap_first(&r->by_nick, hash); n != NULL; n = hmap_next(n, hash)) {
        struct occupant *o = CONTAINER_OF(n, struct occupant, node);
        if (slice_eq(slice_z(o->pub.nick), nick))
            return o;
    }
    return NULL;
}

struct occupant *occupant_add(struct burble_room *r, struct slice nick, bool always)
{
    if (r->occupant_count >= OCCUPANTS_MAX && !always)
        return NULL;
    struct occupant *o = client_alloc(sizeof(*o));
    if (o == NULL)
        return NULL;
    if (set_string(&o->pub.nick, nick) != 0 || hmap_reserve(&r->by_nick) != 0) {
        drop_string(&o->pub.nick);
        free(o);
        return NULL;
    }
    hmap_insert(&r->by_nick, &o->node, hash_of(r, nick));
    list_push(&r->occupants, &o->link);
    r->occupant_count++;
    return o;
}

static void occupant_free(struct occupant *o)
{
    drop_string(&o->pub.nick);
    drop_string(&o->pub.jid);
    drop_string(&o->pub.id);
    drop_string(&o->pub.status);
    free(o);
}

void occupant_remove(struct burble_room *r, struct occupant *o)
{
    hmap_remove(&r->by_nick, &o->node);
    list_remove(&o->link);
    r->occupant_count--;
    occupant_free(o);
}

void occupants_clear(struct burble_room *r)
{
    while (!list_empty(&r->occupants))
        occupant_remove(r, CONTAINER_OF(r->occupants.next, struct occupant, link));
}

int occupant_rename(struct burble_room *r, struct occupant *o, struct slice nick)
{
    struct occupant *other = occupant_find(r, nick);
    if (other == o)
        return 0;
    char *copy = client_copy(nick);
    if (copy == NULL)
        return ERR_MEMORY;
    if (other != NULL)
        occupant_remove(r, other);
    hmap_remove(&r->by_nick, &o->node);
    drop_string(&o->pub.nick);
    o->pub.nick = copy;
    hmap_insert(&r->by_nick, &o->node, hash_of(r, slice_z(copy)));
    return 0;
}

void occupants_forget_ids(struct burble_room *r)
{
    LIST_EACH(it, &r->occupants)
    drop_string(&CONTAINER_OF(it, struct occupant, link)->pub.id);
}

/* At most max bytes, whole characters. */
static struct slice cut(struct slice s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return slice_of(s.ptr, max);
}

static bool same(const char *a, struct slice b)
{
    return (a == NULL) == (b.ptr == NULL || b.len == 0) && (a == NULL || slice_eq(slice_z(a), b));
}

/* Without memory the old one stays. */
static void take_jid(struct occupant *o, struct slice text)
{
    struct arena mem = {0};
    struct jid jid;
    if (text.len > 0 && jid_parse(text, &mem, &jid) == 0 && !same(o->pub.jid, jid_full(&jid)))
        (void)set_string(&o->pub.jid, jid_full(&jid));
    arena_free(&mem);
}

unsigned occupant_update(struct burble_room *r, struct occupant *o, const struct stanza *s,
                         const struct room_note *note)
{
    struct burble_presence p;
    unsigned what = 0;
    client_presence_read(r->client, s, &p);
    struct slice status = cut(slice_z(p.status), STATUS_BYTES_MAX);
    struct slice id =
        xml_attr(xml_child(s->root, NS_OCCUPANT_ID, SLICE("occupant-id")), SLICE("id"));
    if (p.show != o->pub.show)
        what |= BURBLE_OCCUPANT_SHOW;
    if (!same(o->pub.status, status)) {
        what |= BURBLE_OCCUPANT_SHOW;
        if (status.len == 0)
            drop_string(&o->pub.status);
        else
            (void)set_string(&o->pub.status, status);
    }
    if (note->role != o->pub.role)
        what |= BURBLE_OCCUPANT_ROLE;
    if (note->affiliation != o->pub.affiliation)
        what |= BURBLE_OCCUPANT_AFFILIATION;
    o->pub.show = p.show;
    o->pub.role = note->role;
    o->pub.affiliation = note->affiliation;
    bool believed = r->gives_ids || r->state != BURBLE_ROOM_INSIDE || o->pub.self;
    if (id.len > 0 && id.len <= ID_BYTES_MAX && believed && !same(o->pub.id, id))
        (void)set_string(&o->pub.id, id);
    take_jid(o, xml_attr(note->item, SLICE("jid")));
    return what;
}

/* --------------------------------------------------------------------------------- for programs */

size_t burble_room_occupants(const struct burble_room *r)
{
    return r->occupant_count;
}

const struct burble_occupant *burble_room_next(const struct burble_room *r,
                                               const struct burble_occupant *occupant)
{
    const struct list *at = &r->occupants;
    if (occupant != NULL)
        at = &CONTAINER_OF(occupant, const struct occupant, pub)->link;
    at = at->next;
    return at != &r->occupants ? &CONTAINER_OF(at, const struct occupant, link)->pub : NULL;
}

const struct burble_occupant *burble_room_occupant(const struct burble_room *r, const char *nick)
{
    struct occupant *o = nick != NULL ? occupant_find(r, slice_z(nick)) : NULL;
    return o != NULL ? &o->pub : NULL;
}
