/* Contacts in memory, sorted by address; what an <item/> says (RFC 6121 section 2.1.2). */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/roster.h"

static const char *const SUBSCRIPTIONS[] = {
    [BURBLE_SUBSCRIPTION_NONE] = "none",
    [BURBLE_SUBSCRIPTION_TO] = "to",
    [BURBLE_SUBSCRIPTION_FROM] = "from",
    [BURBLE_SUBSCRIPTION_BOTH] = "both",
};

const char *burble_subscription_text(enum burble_subscription subscription)
{
    return (unsigned)subscription <= BURBLE_SUBSCRIPTION_BOTH ? SUBSCRIPTIONS[subscription]
                                                              : "none";
}

const char *burble_contact_state_text(enum burble_contact_state state)
{
    static const char *const NAMES[] = {
        [BURBLE_CONTACT_UNKNOWN] = "unknown",
        [BURBLE_CONTACT_OFFLINE] = "offline",
        [BURBLE_CONTACT_HIDDEN] = "hidden",
        [BURBLE_CONTACT_ONLINE] = "online",
    };
    return (unsigned)state <= BURBLE_CONTACT_ONLINE ? NAMES[state] : "unknown";
}

static struct slice jid_at(const void *table, size_t i)
{
    return slice_z(((const struct contacts *)table)->list[i]->pub.jid);
}

static size_t place(const struct contacts *t, struct slice jid, bool *found_out)
{
    return slice_place(jid, t, t->count, jid_at, found_out);
}

struct contact *contacts_find(const struct contacts *t, struct slice jid)
{
    bool found;
    size_t at = place(t, jid, &found);
    return found ? t->list[at] : NULL;
}

int contacts_insert(struct contacts *t, struct contact *k)
{
    bool found;
    size_t at = place(t, slice_z(k->pub.jid), &found);
    CHECK(!found);
    if (t->count == t->cap) {
        size_t cap = t->cap > 0 ? t->cap * 2 : 16;
        struct contact **list = realloc(t->list, cap * sizeof(*list));
        if (list == NULL)
            return ERR_MEMORY;
        t->list = list;
        t->cap = cap;
    }
    memmove(t->list + at + 1, t->list + at, (t->count - at) * sizeof(*t->list));
    t->list[at] = k;
    t->count++;
    return 0;
}

void contacts_take(struct contacts *t, struct contact *k)
{
    bool found;
    size_t at = place(t, slice_z(k->pub.jid), &found);
    CHECK(found && t->list[at] == k);
    t->count--;
    memmove(t->list + at, t->list + at + 1, (t->count - at) * sizeof(*t->list));
}

void contacts_free(struct contacts *t)
{
    for (size_t i = 0; i < t->count; i++)
        contact_free(t->list[i]);
    free(t->list);
    *t = (struct contacts){0};
}

void contact_free(struct contact *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->pub.resource_count; i++)
        resource_free(&k->resources[i]);
    free(k->resources);
    free(k->block);
    free(k);
}

struct contact *contact_new(struct slice jid)
{
    struct contact *k = client_alloc(sizeof(*k));
    char *text = k != NULL ? client_copy(jid) : NULL;
    if (text == NULL) {
        free(k);
        return NULL;
    }
    k->block = text;
    k->pub.jid = text;
    return k;
}

/* ------------------------------------------------------------------------------ reading an item */

static bool is_group(struct xml x)
{
    return xml_is(x, NS_ROSTER, SLICE("group"));
}

static const char *put(char **at, struct slice s)
{
    char *begin = *at;
    if (s.len > 0)
        memcpy(begin, s.ptr, s.len);
    begin[s.len] = '\0';
    *at += s.len + 1;
    return begin;
}

/* The strings of an item in one block: the table of groups, then the text. */
static struct contact *item_contact(struct xml item, struct slice jid)
{
    struct slice name = xml_attr(item, SLICE("name"));
    size_t groups = 0, bytes = jid.len + 1 + name.len + 1;
    for (struct xml x = xml_first_element(item); xml_some(x); x = xml_next_element(x)) {
        if (!is_group(x))
            continue;
        groups++;
        bytes += xml_text(x).len + 1;
    }
    struct contact *k = client_alloc(sizeof(*k));
    const char **table = client_alloc(groups * sizeof(*table) + bytes);
    if (k == NULL || table == NULL) {
        free(k);
        free((void *)table);
        return NULL;
    }
    char *at = (char *)(table + groups);
    k->block = (void *)table;
    k->pub.jid = put(&at, jid);
    k->pub.name = name.len > 0 ? put(&at, name) : NULL;
    k->pub.groups = table;
    for (struct xml x = xml_first_element(item); xml_some(x); x = xml_next_element(x))
        if (is_group(x))
            table[k->pub.group_count++] = put(&at, xml_text(x));
    return k;
}

int contact_read(struct xml item, struct contact **out, bool *removed_out)
{
    struct arena mem = {0};
    struct jid jid;
    struct slice text = xml_attr(item, SLICE("jid"));
    struct slice subscription = xml_attr(item, SLICE("subscription"));
    struct slice approved = xml_attr(item, SLICE("approved"));
    *out = NULL;
    *removed_out = slice_is(subscription, "remove");
    int err = text.ptr != NULL ? jid_parse(text, &mem, &jid) : ERR_SYNTAX;
    struct contact *k = err == 0 ? item_contact(item, jid_full(&jid)) : NULL;
    arena_free(&mem);
    if (k == NULL)
        return err != 0 ? err : ERR_MEMORY;
    for (unsigned i = 0; i < sizeof(SUBSCRIPTIONS) / sizeof(SUBSCRIPTIONS[0]); i++)
        if (slice_eq(subscription, slice_z(SUBSCRIPTIONS[i])))
            k->pub.subscription = (enum burble_subscription)i;
    k->pub.ask = slice_is(xml_attr(item, SLICE("ask")), "subscribe");
    k->pub.approved = slice_is(approved, "true") || slice_is(approved, "1");
    *out = k;
    return 0;
}

void contact_move_resources(struct contact *to, struct contact *from)
{
    for (size_t i = 0; i < to->pub.resource_count; i++)
        resource_free(&to->resources[i]);
    free(to->resources);
    to->resources = from->resources;
    to->resource_cap = from->resource_cap;
    to->hides = from->hides;
    to->pub.resource_count = from->pub.resource_count;
    to->pub.available_count = from->pub.available_count;
    from->resources = NULL;
    from->resource_cap = from->pub.resource_count = from->pub.available_count = 0;
}

static int add_item(struct contacts *t, struct xml item, size_t max, bool *left_out)
{
    struct contact *k;
    bool removed;
    int err = contact_read(item, &k, &removed);
    if (err == ERR_MEMORY)
        return err;
    bool good = err == 0 && !removed && contacts_find(t, slice_z(k->pub.jid)) == NULL;
    if (good && t->count < max && contacts_insert(t, k) == 0)
        return 0;
    contact_free(k);
    *left_out = true;
    return good && t->count < max ? ERR_MEMORY : 0;
}

int contacts_replace(struct contacts *t, struct contacts *others, struct xml query, size_t max,
                     bool *left_out)
{
    struct contacts fresh = {0};
    *left_out = false;
    for (struct xml x = xml_first_element(query); xml_some(x); x = xml_next_element(x)) {
        if (xml_is(x, NS_ROSTER, SLICE("item")) && add_item(&fresh, x, max, left_out) != 0) {
            contacts_free(&fresh);
            return ERR_MEMORY;
        }
    }
    for (size_t i = 0; i < fresh.count; i++) {
        struct slice jid = slice_z(fresh.list[i]->pub.jid);
        struct contact *old = contacts_find(t, jid);
        if (old == NULL)
            old = contacts_find(others, jid);
        if (old != NULL)
            contact_move_resources(fresh.list[i], old);
    }
    contacts_free(t);
    *t = fresh;
    return 0;
}

/* ------------------------------------------------------------------------------ what is said out
 */

void contact_write(struct xml_writer *w, const struct burble_contact *k)
{
    xml_open(w, SLICE("item"), SLICE_NONE);
    xml_attr_put(w, SLICE("jid"), slice_z(k->jid));
    if (k->name != NULL)
        xml_attr_put(w, SLICE("name"), slice_z(k->name));
    xml_attr_put(w, SLICE("subscription"), slice_z(burble_subscription_text(k->subscription)));
    if (k->ask)
        xml_attr_put(w, SLICE("ask"), SLICE("subscribe"));
    if (k->approved)
        xml_attr_put(w, SLICE("approved"), SLICE("true"));
    for (size_t i = 0; i < k->group_count; i++)
        xml_leaf(w, SLICE("group"), SLICE_NONE, slice_z(k->groups[i]));
    xml_close(w);
}

static enum burble_contact_state state_of(const struct burble_roster *r, const struct contact *k)
{
    const struct burble *c = r->x.client;
    if (k->pub.available_count > 0)
        return BURBLE_CONTACT_ONLINE;
    bool hides = k->hides;
    for (size_t i = 0; i < k->pub.resource_count; i++)
        hides |= k->resources[i].hidden;
    if (hides)
        return BURBLE_CONTACT_HIDDEN;
    bool seen = k == r->self || k->pub.subscription == BURBLE_SUBSCRIPTION_TO ||
                k->pub.subscription == BURBLE_SUBSCRIPTION_BOTH;
    return seen && r->ready && c->available ? BURBLE_CONTACT_OFFLINE : BURBLE_CONTACT_UNKNOWN;
}

const struct burble_contact *contact_view(const struct burble_roster *r, struct contact *k)
{
    if (k == NULL)
        return NULL;
    k->pub.resources = k->resources;
    k->pub.state = state_of(r, k);
    return &k->pub;
}
