/* Who of the contacts is there: resources as their presence announces them (RFC 6121 section 4),
 * and those that speak although they are announced as unavailable (directed presence, section 4.6).
 * Presence of strangers is looked at only until the roster has come. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/roster.h"

/* A contact that speaks so soon after our session began may simply not have been announced yet. */
enum { GRACE_MS = 10000 };

void resource_free(struct burble_resource *x)
{
    free((void *)x->jid);
    *x = (struct burble_resource){0};
}

struct burble_resource *contact_resource(const struct contact *k, struct slice jid)
{
    for (size_t i = 0; i < k->pub.resource_count; i++)
        if (slice_eq(slice_z(k->resources[i].jid), jid))
            return &k->resources[i];
    return NULL;
}

/* Cuts a long status where a character ends. */
static struct slice cut(struct slice s)
{
    if (s.len > STATUS_BYTES_MAX)
        s.len = STATUS_BYTES_MAX;
    while (s.len > 0 && !utf8_valid(s))
        s.len--;
    return s;
}

/* What is kept of one: the address, and behind its NUL the status. */
static bool resource_make(struct slice jid, struct slice status, struct burble_resource *out)
{
    status = cut(status);
    char *block = malloc(jid.len + 1 + status.len + 1);
    if (block == NULL)
        return false;
    memcpy(block, jid.ptr, jid.len);
    block[jid.len] = '\0';
    if (status.len > 0)
        memcpy(block + jid.len + 1, status.ptr, status.len);
    block[jid.len + 1 + status.len] = '\0';
    *out = (struct burble_resource){.jid = block,
                                    .status = status.len > 0 ? block + jid.len + 1 : NULL};
    out->resource = block + slice_find(jid, '/') + 1;
    return true;
}

/* Eagerness to talk, most first. */
static int rank(enum burble_show show)
{
    static const int RANKS[] = {
        [BURBLE_SHOW_CHAT] = 4, [BURBLE_SHOW_ONLINE] = 3, [BURBLE_SHOW_AWAY] = 2,
        [BURBLE_SHOW_XA] = 1,   [BURBLE_SHOW_DND] = 0,
    };
    return RANKS[show];
}

static bool better(const struct burble_resource *a, const struct burble_resource *b)
{
    if (a->available != b->available)
        return a->available;
    if (a->available && a->priority != b->priority)
        return a->priority > b->priority;
    if (a->available && a->show != b->show)
        return rank(a->show) > rank(b->show);
    if (a->hidden != b->hidden)
        return a->hidden;
    return a->since_ms > b->since_ms;
}

static void take_out(struct contact *k, struct burble_resource *x)
{
    size_t at = (size_t)(x - k->resources);
    k->pub.available_count -= x->available;
    k->pub.resource_count--;
    resource_free(x);
    memmove(x, x + 1, (k->pub.resource_count - at) * sizeof(*x));
}

/* Room for one more: the oldest of those that are gone makes place. */
static bool make_room(struct contact *k, bool available)
{
    size_t gone = k->pub.resource_count - k->pub.available_count;
    if ((gone >= RESOURCES_GONE_MAX && !available) ||
        (gone > 0 && k->pub.resource_count >= RESOURCES_MAX))
        take_out(k, &k->resources[k->pub.resource_count - 1]);
    if (k->pub.resource_count >= RESOURCES_MAX)
        return false;
    if (k->pub.resource_count < k->resource_cap)
        return true;
    size_t cap = k->resource_cap > 0 ? k->resource_cap * 2 : 2;
    struct burble_resource *list = realloc(k->resources, cap * sizeof(*list));
    if (list == NULL)
        return false;
    k->resources = list;
    k->resource_cap = cap;
    return true;
}

/* Puts it where it belongs; it is the contact's. NULL: there is no room, it is freed. */
static struct burble_resource *put_in(struct contact *k, struct burble_resource *fresh)
{
    size_t at = 0;
    if (!make_room(k, fresh->available)) {
        resource_free(fresh);
        return NULL;
    }
    while (at < k->pub.resource_count && better(&k->resources[at], fresh))
        at++;
    memmove(k->resources + at + 1, k->resources + at,
            (k->pub.resource_count - at) * sizeof(*fresh));
    k->resources[at] = *fresh;
    k->pub.resource_count++;
    k->pub.available_count += fresh->available;
    return &k->resources[at];
}

/* The same one with another state, at its new place. */
static struct burble_resource *change(struct contact *k, struct burble_resource *x, bool hidden,
                                      int64_t now_ms)
{
    struct burble_resource copy = *x;
    x->jid = NULL;
    take_out(k, x);
    copy.available = false;
    copy.hidden = hidden;
    copy.since_ms = now_ms;
    return put_in(k, &copy);
}

static void tell(struct burble_roster *r, struct contact *k, const struct burble_resource *x)
{
    struct burble *c = r->x.client;
    bool listed = k == r->self || contacts_find(&r->items, slice_z(k->pub.jid)) == k;
    if (!listed || r->config.presence == NULL || !client_extension_speaks(&r->x))
        return;
    client_enter(c);
    r->config.presence(r, contact_view(r, k), x, r->config.arg);
    c->depth--;
}

/* Whose presence is kept; NULL: nobody's. */
static struct contact *whose(struct burble_roster *r, const struct jid *from)
{
    struct slice bare = jid_bare(from);
    struct contact *k = contacts_find(&r->items, bare);
    if (slice_eq(bare, slice_z(r->self->pub.jid)))
        return r->self;
    if (k == NULL)
        k = contacts_find(&r->others, bare);
    if (k != NULL || r->ready || r->others.count >= r->config.contacts_max)
        return k;
    k = contact_new(bare);
    if (k != NULL && contacts_insert(&r->others, k) != 0) {
        contact_free(k);
        return NULL;
    }
    return k;
}

static void all_gone(struct contact *k, int64_t now_ms)
{
    for (size_t n = k->pub.available_count; n > 0; n--)
        if (change(k, &k->resources[0], false, now_ms) == NULL)
            return;
}

static void available(struct burble_roster *r, struct contact *k, const struct stanza *s)
{
    struct burble_presence p;
    struct burble_resource fresh;
    struct burble_resource *old = contact_resource(k, jid_full(&s->from));
    struct slice status = xml_text(xml_child(s->root, NS_CLIENT, SLICE("status")));
    struct xml delay = xml_child(s->root, NS_DELAY, SLICE("delay"));
    if (!resource_make(jid_full(&s->from), status, &fresh))
        return;
    client_presence_read(r->x.client, s, &p);
    fresh.available = true;
    fresh.show = p.show;
    fresh.priority = p.priority;
    if (!time_parse(xml_attr(delay, SLICE("stamp")), &fresh.since_ms))
        fresh.since_ms = r->x.client->now.wall_ms;
    if (old != NULL)
        take_out(k, old);
    k->hides = false;
    struct burble_resource *x = put_in(k, &fresh);
    if (x != NULL)
        tell(r, k, x);
}

static void unavailable(struct burble_roster *r, struct contact *k, const struct stanza *s)
{
    struct burble_resource *x = NULL;
    struct burble_resource fresh;
    int64_t now_ms = r->x.client->now.wall_ms;
    k->hides = false;
    if (s->from.resource_len == 0) {
        all_gone(k, now_ms);
        tell(r, k, NULL);
        return;
    }
    x = contact_resource(k, jid_full(&s->from));
    if (x != NULL) {
        x = change(k, x, false, now_ms);
    } else if (resource_make(jid_full(&s->from), SLICE_NONE, &fresh)) {
        fresh.since_ms = now_ms; /* never seen, but now its name is known */
        x = put_in(k, &fresh);
    }
    if (x != NULL)
        tell(r, k, x);
}

static bool requested(struct burble_roster *r, const struct stanza *s)
{
    struct burble *c = r->x.client;
    struct slice status = xml_text(xml_child(s->root, NS_CLIENT, SLICE("status")));
    if (r->config.request == NULL || !jid_some(&s->from) || !client_extension_speaks(&r->x))
        return false;
    const char *jid = view_string(&c->view, jid_bare(&s->from));
    if (jid == NULL)
        return false;
    client_enter(c);
    r->config.request(r, jid, status.len > 0 ? view_string(&c->view, status) : NULL, r->config.arg);
    c->depth--;
    return true;
}

bool roster_presence(struct burble_roster *r, const struct stanza *s)
{
    if (s->type == TYPE_SUBSCRIBE)
        return requested(r, s);
    if ((s->type != TYPE_AVAILABLE && s->type != TYPE_UNAVAILABLE) || !jid_some(&s->from) ||
        slice_eq(jid_full(&s->from), slice_z(r->x.client->jid)))
        return false;
    if (s->type == TYPE_AVAILABLE && s->from.resource_len == 0)
        return false;
    struct contact *k = whose(r, &s->from);
    if (k != NULL && s->type == TYPE_AVAILABLE)
        available(r, k, s);
    else if (k != NULL)
        unavailable(r, k, s);
    return false;
}

void roster_hides(struct burble_roster *r, struct contact *k, struct burble_resource *x)
{
    x = change(k, x, true, r->x.client->now.wall_ms);
    if (x != NULL)
        tell(r, k, x);
}

/* Errors come from servers on the way, rooms speak for others, and what was stored on the way says
 * nothing about now. */
static bool is_alive(const struct stanza *s)
{
    return s->from.resource_len > 0 && s->type != TYPE_ERROR && s->type != TYPE_GROUPCHAT &&
           !xml_some(xml_child(s->root, NS_DELAY, SLICE("delay")));
}

void roster_heard(struct burble_roster *r, const struct stanza *s)
{
    const struct burble *c = r->x.client;
    struct burble_resource fresh;
    if (!r->ready || !c->available || !is_alive(s))
        return;
    struct contact *k = contacts_find(&r->items, jid_bare(&s->from));
    if (k == NULL || (k->pub.subscription != BURBLE_SUBSCRIPTION_TO &&
                      k->pub.subscription != BURBLE_SUBSCRIPTION_BOTH))
        return;
    struct burble_resource *x = contact_resource(k, jid_full(&s->from));
    if (x != NULL) {
        if (!x->available && !x->hidden)
            roster_hides(r, k, x);
        return;
    }
    if (c->now.mono_ms - r->session_ms < GRACE_MS)
        return;
    if (!resource_make(jid_full(&s->from), SLICE_NONE, &fresh))
        return;
    fresh.hidden = true;
    fresh.since_ms = c->now.wall_ms;
    x = put_in(k, &fresh);
    if (x != NULL)
        tell(r, k, x);
}

static void forget(struct contact *k, int64_t now_ms)
{
    all_gone(k, now_ms);
    k->hides = false;
    for (size_t i = 0; i < k->pub.resource_count; i++)
        k->resources[i].hidden = false;
}

void roster_forget_presence(struct burble_roster *r)
{
    int64_t now_ms = r->x.client->now.wall_ms;
    for (size_t i = 0; i < r->items.count; i++)
        forget(r->items.list[i], now_ms);
    forget(r->self, now_ms);
    contacts_free(&r->others);
}
