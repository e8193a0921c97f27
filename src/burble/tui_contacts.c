/* Contacts, and the list at the left that is made of them and of the conversations. There may be
 * 10,000 (burble/roster.h): they are found by a hash of their address, and by halves in their
 * order.
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "burble/tui_model.h"

static struct tui_contact *contact_of(struct hnode *n)
{
    return CONTAINER_OF(n, struct tui_contact, node);
}

struct tui_contact *tui_contact_find(struct tui_model *m, const char *jid)
{
    uint64_t hash = hash_bytes(&m->key, slice_z(jid));
    struct hnode *n = hmap_first(&m->contact_map, hash);
    while (n != NULL && strcmp(contact_of(n)->jid, jid) != 0)
        n = hmap_next(n, hash);
    return n != NULL ? contact_of(n) : NULL;
}

const char *tui_name_of(struct tui_model *m, const char *jid)
{
    const struct tui_contact *c = tui_contact_find(m, jid);
    return c != NULL ? c->name : jid;
}

/* By name, then by address. */
static int order(const struct tui_contact *a, const char *name, const char *jid)
{
    int by_name = strcasecmp(a->name, name);
    return by_name != 0 ? by_name : strcmp(a->jid, jid);
}

/* Where it is, or is to be. */
static size_t place(const struct tui_model *m, const char *name, const char *jid)
{
    size_t low = 0, high = m->contact_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (order(m->contacts[middle], name, jid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct tui_model *m, const struct tui_contact *c)
{
    size_t at = place(m, c->name, c->jid);
    m->contact_count--;
    memmove(m->contacts + at, m->contacts + at + 1,
            (m->contact_count - at) * sizeof(m->contacts[0]));
}

static void put_in(struct tui_model *m, struct tui_contact *c)
{
    if (m->contact_count == m->contact_cap) {
        m->contact_cap = m->contact_cap == 0 ? 32 : m->contact_cap * 2;
        m->contacts = mem_resize(m->contacts, m->contact_cap, sizeof(m->contacts[0]));
    }
    size_t at = place(m, c->name, c->jid);
    memmove(m->contacts + at + 1, m->contacts + at,
            (m->contact_count - at) * sizeof(m->contacts[0]));
    m->contacts[at] = c;
    m->contact_count++;
}

static void set_title(const struct tui_model *m, const char *jid, const char *title)
{
    struct tui_talk *t = tui_talk_find(m, jid);
    if (t != NULL)
        tui_set(&t->title, title);
}

struct tui_contact *tui_contact_set(struct tui_model *m, const char *jid, const char *name)
{
    struct tui_contact *c = tui_contact_find(m, jid);
    const char *shown = name != NULL && *name != '\0' ? name : jid;
    if (c != NULL && strcmp(c->name, shown) == 0)
        return c;
    if (c != NULL) {
        take_out(m, c);
    } else {
        c = mem_new(struct tui_contact);
        c->jid = mem_copy(slice_z(jid));
        hmap_insert(&m->contact_map, &c->node, hash_bytes(&m->key, slice_z(jid)));
    }
    tui_set(&c->name, shown);
    put_in(m, c);
    set_title(m, jid, shown);
    return c;
}

/* It is in no list any more. */
static void contact_free(struct tui_model *m, struct tui_contact *c)
{
    hmap_remove(&m->contact_map, &c->node);
    set_title(m, c->jid, c->jid);
    mem_free(c->jid);
    mem_free(c->name);
    mem_free(c->status);
    mem_free(c);
}

void tui_contact_remove(struct tui_model *m, const char *jid)
{
    struct tui_contact *c = tui_contact_find(m, jid);
    if (c == NULL)
        return;
    take_out(m, c);
    contact_free(m, c);
}

void tui_contacts_forget(struct tui_model *m)
{
    for (size_t i = 0; i < m->contact_count; i++)
        m->contacts[i]->listed = false;
}

void tui_contacts_sweep(struct tui_model *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->contact_count; i++) {
        struct tui_contact *c = m->contacts[i];
        if (c->listed)
            m->contacts[kept++] = c;
        else
            contact_free(m, c);
    }
    m->contact_count = kept;
}

void tui_contacts_free(struct tui_model *m)
{
    tui_contacts_forget(m);
    tui_contacts_sweep(m);
    mem_free(m->contacts);
    hmap_free(&m->contact_map);
    m->contacts = NULL;
    m->contact_cap = 0;
}

/* ---------------------------------------------------------------------------------------- the list
 */

static size_t put_contacts(struct tui_model *m, bool here, struct tui_entry *out, size_t n)
{
    for (size_t i = 0; i < m->contact_count; i++) {
        const struct tui_contact *c = m->contacts[i];
        if (c->here == here)
            out[n++] = (struct tui_entry){
                .jid = c->jid, .name = c->name, .contact = c, .talk = tui_talk_find(m, c->jid)};
    }
    return n;
}

struct tui_entry *tui_entries(struct tui_model *m, size_t *count_out)
{
    size_t n = 0;
    struct tui_entry *out = mem_array(m->contact_count + m->talk_map.count, sizeof(*out));
    for (int rooms = 1; rooms >= 0; rooms--)
        LIST_EACH(it, &m->talks)
        {
            struct tui_talk *t = CONTAINER_OF(it, struct tui_talk, link);
            if (t->room == (rooms == 1) && (t->room || tui_contact_find(m, t->jid) == NULL))
                out[n++] = (struct tui_entry){
                    .jid = t->jid, .name = t->room ? t->short_name : t->title, .talk = t};
        }
    n = put_contacts(m, true, out, n);
    *count_out = put_contacts(m, false, out, n);
    return out;
}
