/* The roster (RFC 6121 sections 2 and 3): fetched in every new session, as a difference where the
 * server has versions (section 2.6), changed by pushes. A push counts only without a from or from
 * the own bare address (section 2.1.6, row V57); others are refused like any unknown request, and
 * reported. */
#include "client/roster.h"

#include <stdlib.h>
#include <string.h>

static struct burble_roster *roster_of(struct client_extension *x)
{
    return CONTAINER_OF(x, struct burble_roster, x);
}

static void tell_ready(struct burble_roster *r, const struct burble_stanza_error *error)
{
    if (r->config.ready == NULL || !client_extension_speaks(&r->x))
        return;
    client_enter(r->x.client);
    r->config.ready(r, error, r->config.arg);
    r->x.client->depth--;
}

static void tell_changed(struct burble_roster *r, struct contact *k)
{
    if (r->config.changed == NULL || !client_extension_speaks(&r->x))
        return;
    client_enter(r->x.client);
    r->config.changed(r, contact_view(r, k), r->config.arg);
    r->x.client->depth--;
}

static void tell_removed(struct burble_roster *r, const struct contact *k)
{
    if (r->config.removed == NULL || !client_extension_speaks(&r->x))
        return;
    client_enter(r->x.client);
    r->config.removed(r, k->pub.jid, r->config.arg);
    r->x.client->depth--;
}

/* -------------------------------------------------------------------------------- fetching it */

static void forget_version(struct burble_roster *r)
{
    free(r->version);
    r->version = NULL;
}

/* What has no version, or is not whole, is fetched as a whole next time. */
static void keep_version(struct burble_roster *r, struct xml query)
{
    struct slice version = xml_attr(query, SLICE("ver"));
    forget_version(r);
    if (version.ptr != NULL && !r->incomplete)
        r->version = client_copy(version);
}

static int take_result(struct burble_roster *r, struct xml iq)
{
    struct xml query = xml_child(iq, NS_ROSTER, SLICE("query"));
    bool left_out;
    if (!xml_some(query) && r->versioned)
        return 0; /* what we have is what there is, and pushes bring the rest */
    int err = contacts_replace(&r->items, &r->others, query, r->config.contacts_max, &left_out);
    if (err != 0) {
        forget_version(r);
        return err;
    }
    r->incomplete = left_out;
    keep_version(r, query);
    if (left_out)
        client_bad(r->x.client, "the roster has more contacts than are kept, or bad ones",
                   SLICE_NONE);
    return 0;
}

/* Presence that came for contacts whom the cache already knew is theirs; nobody else's is kept. */
static void settle_others(struct burble_roster *r)
{
    for (size_t i = 0; i < r->others.count; i++) {
        struct contact *other = r->others.list[i];
        struct contact *k = contacts_find(&r->items, slice_z(other->pub.jid));
        if (k != NULL && k->pub.resource_count == 0)
            contact_move_resources(k, other);
    }
    contacts_free(&r->others);
}

static void tell_features(struct burble *c)
{
    EXTENSIONS_WITH(roster, x, c)
    {
        x->ops->roster(x);
    }
}

static void fetched(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct burble_roster *r = arg;
    struct burble_stanza_error error;
    r->fetch = 0;
    if (outcome == BURBLE_IQ_GONE)
        return; /* the next session fetches it */
    client_iq_error(c, outcome, iq, &error);
    if (outcome == BURBLE_IQ_RESULT && take_result(r, iq) != 0)
        error = (struct burble_stanza_error){
            .condition = "resource-constraint", .type = "wait", .text = "out of memory"};
    bool good = *error.condition == '\0';
    r->ready |= good;
    settle_others(r);
    if (good)
        tell_features(c);
    tell_ready(r, good ? NULL : &error);
}

static void fetch(struct burble_roster *r)
{
    struct burble *c = r->x.client;
    struct buf b = {0};
    struct xml_writer w;
    burble_cancel(c, r->fetch);
    r->fetch = 0;
    r->versioned = burble_has_stream_feature(c, NS_ROSTER_VERSION.ptr, "ver");
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_ROSTER);
    if (r->versioned)
        xml_attr_put(&w, SLICE("ver"), slice_z(r->version != NULL ? r->version : ""));
    xml_close(&w);
    struct client_iq iq = {.payload = buf_slice(&b), .timeout_ms = 60000, .fn = fetched, .arg = r};
    if (!b.failed)
        (void)client_iq_send(c, &iq, &r->fetch);
    buf_free(&b);
}

static void online(struct client_extension *x, bool resumed)
{
    struct burble_roster *r = roster_of(x);
    if (resumed && (r->ready || r->fetch != 0))
        return;
    r->ready = false;
    r->session_ms = x->client->now.mono_ms;
    roster_forget_presence(r);
    fetch(r);
}

static void gone(struct client_extension *x)
{
    struct burble_roster *r = roster_of(x);
    r->ready = false;
    roster_forget_presence(r);
}

/* ------------------------------------------------------------------------------------- pushes */

/* The one item of a push; none: there is another number of them. */
static struct xml only_item(struct xml query)
{
    struct xml item = xml_child(query, NS_ROSTER, SLICE("item"));
    return xml_some(xml_next_named(item, NS_ROSTER, SLICE("item"))) ? XML_NONE : item;
}

/* Puts fresh into the roster in place of old (NULL: there is none); it is the roster's, or freed.
 */
static int put_contact(struct burble_roster *r, struct contact *old, struct contact *fresh)
{
    struct contact *other = contacts_find(&r->others, slice_z(fresh->pub.jid));
    if (old == NULL && r->items.count >= r->config.contacts_max) {
        contact_free(fresh);
        return ERR_LIMIT;
    }
    if (old != NULL) {
        contact_move_resources(fresh, old);
        contacts_take(&r->items, old);
        contact_free(old);
    } else if (other != NULL) {
        contact_move_resources(fresh, other);
    }
    int err = contacts_insert(&r->items, fresh);
    if (err != 0)
        contact_free(fresh);
    return err;
}

/* What was refused makes what we have another thing than what the server thinks that we have. */
static void refuse_push(struct burble_roster *r, const struct stanza *iq, enum stanza_error error)
{
    (void)client_iq_refuse(r->x.client, iq, error, SLICE_NONE);
    client_bad(r->x.client, "a roster push that is not understood", jid_full(&iq->from));
    r->incomplete = true;
    forget_version(r);
}

static void take_push(struct burble_roster *r, const struct stanza *iq, struct xml query)
{
    struct contact *fresh = NULL;
    bool removed = false;
    struct xml item = only_item(query);
    int err = xml_some(item) ? contact_read(item, &fresh, &removed) : ERR_SYNTAX;
    if (err != 0) {
        refuse_push(r, iq, err == ERR_SYNTAX ? STANZA_BAD_REQUEST : STANZA_RESOURCE_CONSTRAINT);
        return;
    }
    struct contact *old = contacts_find(&r->items, slice_z(fresh->pub.jid));
    if (removed) {
        contact_free(fresh);
        if (old != NULL)
            contacts_take(&r->items, old);
    } else if (put_contact(r, old, fresh) != 0) {
        refuse_push(r, iq, STANZA_RESOURCE_CONSTRAINT);
        return;
    }
    keep_version(r, query);
    (void)client_iq_answer(r->x.client, iq, SLICE_NONE);
    if (!removed) {
        tell_changed(r, fresh);
    } else if (old != NULL) {
        tell_removed(r, old);
        contact_free(old);
    }
}

static void pushed(struct burble *c, const struct stanza *iq, struct xml query, void *arg)
{
    if (client_from_self(c, iq) && iq->type == TYPE_SET) {
        take_push(arg, iq, query);
        return;
    }
    (void)client_iq_refuse(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
    client_bad(c, "a roster push that is not the own account's", jid_full(&iq->from));
}

/* --------------------------------------------------------------------------------- the object */

static bool stanza(struct client_extension *x, const struct stanza *s)
{
    struct burble_roster *r = roster_of(x);
    if (s->kind == STANZA_PRESENCE)
        return roster_presence(r, s);
    roster_heard(r, s);
    return false;
}

static void request(struct client_extension *x, const struct stanza *s)
{
    roster_heard(roster_of(x), s);
}

static void roster_free(struct client_extension *x)
{
    struct burble_roster *r = roster_of(x);
    roster_probes_free(r);
    contacts_free(&r->items);
    contacts_free(&r->others);
    contact_free(r->self);
    free(r->version);
    free(r);
}

static bool sees_us(const struct contact *k)
{
    return k->pub.subscription >= BURBLE_SUBSCRIPTION_FROM;
}

/* A contact; or the server of one, which asks for its sake (XEP-0163 section 4.3.2). */
static bool shows(struct client_extension *x, const struct jid *who)
{
    const struct burble_roster *r = CONTAINER_OF(x, struct burble_roster, x);
    const struct contact *k = contacts_find(&r->items, jid_bare(who));
    if (k != NULL && sees_us(k))
        return true;
    for (size_t i = 0; who->local_len + who->resource_len == 0 && i < r->items.count; i++) {
        struct jid jid;
        if (sees_us(r->items.list[i]) &&
            jid_from_prepared(slice_z(r->items.list[i]->pub.jid), &jid) &&
            slice_eq(jid_domain(&jid), jid_domain(who)))
            return true;
    }
    return false;
}

static const struct client_extension_ops OPS = {
    .name = "roster",
    .stanza = stanza,
    .request = request,
    .shows = shows,
    .online = online,
    .gone = gone,
    .free = roster_free,
};

struct burble_roster *client_roster(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    return x != NULL ? roster_of(x) : NULL;
}

int burble_roster_new(struct burble *c, const struct burble_roster_config *config,
                      struct burble_roster **out)
{
    struct burble_roster *r = client_alloc(sizeof(*r));
    *out = NULL;
    if (r == NULL)
        return ERR_MEMORY;
    r->x.client = c;
    list_init(&r->probes);
    int err = client_take(&r->config, sizeof(r->config), config);
    if (r->config.contacts_max == 0)
        r->config.contacts_max = CONTACTS_MAX;
    r->self = contact_new(slice_z(c->setup.bare));
    if (r->self == NULL)
        err = ERR_MEMORY;
    if (err == 0 && r->config.cache_len > 0)
        err = roster_load(r, r->config.cache, r->config.cache_len);
    r->config.cache = NULL;
    if (err == 0)
        err = client_iq_serve(c, NS_ROSTER, SLICE("query"), pushed, r);
    if (err != 0) {
        roster_free(&r->x);
        return err;
    }
    client_extend(c, &r->x, &OPS);
    if (c->state == BURBLE_ONLINE)
        online(&r->x, false);
    *out = r;
    return 0;
}

void burble_roster_free(struct burble_roster **r)
{
    struct burble_roster *old = *r;
    *r = NULL;
    if (old == NULL || old->x.retired)
        return;
    (void)client_iq_serve(old->x.client, NS_ROSTER, SLICE("query"), NULL, NULL);
    burble_cancel(old->x.client, old->fetch);
    roster_probes_free(old);
    client_retire(&old->x);
}

bool burble_roster_is_ready(const struct burble_roster *r)
{
    return r->ready;
}

size_t burble_roster_count(const struct burble_roster *r)
{
    return r->items.count;
}

const struct burble_contact *burble_roster_at(struct burble_roster *r, size_t at)
{
    return at < r->items.count ? contact_view(r, r->items.list[at]) : NULL;
}

static struct contact *find(struct burble_roster *r, const char *jid, bool *self_out)
{
    struct arena mem = {0};
    struct jid j;
    struct contact *k = NULL;
    *self_out = false;
    if (jid != NULL && jid_parse(slice_z(jid), &mem, &j) == 0) {
        *self_out = slice_eq(jid_bare(&j), slice_z(r->self->pub.jid));
        k = contacts_find(&r->items, jid_bare(&j));
        if (k == NULL)
            k = contacts_find(&r->items, jid_full(&j));
    }
    arena_free(&mem);
    return k;
}

const struct burble_contact *burble_roster_find(struct burble_roster *r, const char *jid)
{
    bool self;
    return contact_view(r, find(r, jid, &self));
}

const struct burble_contact *burble_roster_self(struct burble_roster *r)
{
    return contact_view(r, r->self);
}

bool burble_roster_sees_us(struct burble_roster *r, const char *jid)
{
    bool self;
    const struct contact *k = find(r, jid, &self);
    return self || (k != NULL && (k->pub.subscription == BURBLE_SUBSCRIPTION_FROM ||
                                  k->pub.subscription == BURBLE_SUBSCRIPTION_BOTH));
}
