/* Entity capabilities (XEP-0115 version 1.6.0, XEP-0390 version 0.3.2): our own in the presence,
 * those of others from theirs. A set is believed when it has the hash that names it, so that nobody
 * can tell what others can do; and it is asked for once, of whoever named it first. */
#include "client/caps.h"

#include <stdlib.h>

enum { CONTACTS_MAX = 10000, ASKING_MAX = 16, NODE_BYTES_MAX = 512 };

#define NS_CAPS2 SLICE("urn:xmpp:caps")

/* ---------------------------------------------------------------------------------- contacts */

static struct caps_contact *contact_of(struct list *l)
{
    return CONTAINER_OF(l, struct caps_contact, link);
}

static struct list *bucket(struct caps *caps, struct slice jid)
{
    if (!caps->keyed)
        rng_bytes(&caps->x.client->rng, &caps->key, sizeof(caps->key));
    caps->keyed = true;
    return &caps->contacts[hash_bytes(&caps->key, jid) % CAPS_BUCKETS];
}

static struct caps_contact *contact_find(struct caps *caps, struct slice jid)
{
    struct list *head = bucket(caps, jid);
    LIST_EACH(it, head)
    if (slice_eq(slice_z(contact_of(it)->jid), jid))
        return contact_of(it);
    return NULL;
}

/* A set that nobody says and that was never learned is of no use. */
static void let_go(struct caps_contact *k)
{
    struct caps_set *set = k->set;
    k->set = NULL;
    k->refused = false;
    if (set == NULL)
        return;
    set->users--;
    if (set->users == 0 && !set->known && !set->asking)
        caps_set_free(set);
}

static void contact_free(struct caps *caps, struct caps_contact *k)
{
    let_go(k);
    list_remove(&k->link);
    caps->contact_count--;
    free(k);
}

static struct caps_contact *contact_add(struct caps *caps, struct slice jid)
{
    struct caps_contact *k = NULL;
    if (caps->contact_count < CONTACTS_MAX)
        k = client_alloc(sizeof(*k) + jid.len + 1);
    if (k == NULL)
        return NULL;
    memcpy(k->jid, jid.ptr, jid.len);
    list_push(bucket(caps, jid), &k->link);
    caps->contact_count++;
    return k;
}

static void forget_contacts(struct caps *caps)
{
    for (size_t i = 0; i < CAPS_BUCKETS; i++)
        while (!list_empty(&caps->contacts[i]))
            contact_free(caps, contact_of(caps->contacts[i].next));
}

/* ------------------------------------------------------------------------------------ asking */

static void tell(struct caps *caps, const struct caps_contact *k)
{
    struct burble *c = caps->x.client;
    const char *jid = view_string(&c->view, slice_z(k->jid));
    if (caps->on_known == NULL || c->doomed || jid == NULL)
        return;
    client_enter(c);
    caps->on_known(c, jid, caps->arg);
    c->depth--;
}

/* Everybody who says this set is known now. */
static void tell_all(struct caps *caps, const struct caps_set *set)
{
    for (size_t i = 0; i < CAPS_BUCKETS; i++)
        LIST_EACH(it, &caps->contacts[i])
    if (contact_of(it)->set == set)
        tell(caps, contact_of(it));
}

struct question {
    struct caps_set *set;
    char jid[];
};

static void pump(struct caps *caps);

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct question *q = arg;
    struct caps_set *set = q->set;
    struct caps *caps = set->caps;
    struct xml query = xml_child(iq, NS_DISCO_INFO, SLICE("query"));
    struct caps_contact *k = contact_find(caps, slice_z(q->jid));
    set->asking = false;
    caps->asking--;
    bool good = outcome == BURBLE_IQ_RESULT && xml_some(query) && caps_learn(set, query) == 0;
    if (!good && k != NULL && k->set == set)
        k->refused = true;
    if (set->users == 0 && !set->known)
        caps_set_free(set);
    if (good)
        tell_all(caps, set);
    else if (outcome == BURBLE_IQ_RESULT)
        client_bad(c, "its capabilities are not those that it announced", slice_z(q->jid));
    free(q);
    if (outcome != BURBLE_IQ_GONE && !c->doomed)
        pump(caps);
}

static bool ask(struct caps *caps, struct caps_set *set, const struct caps_contact *k)
{
    static const char *const PREFIX[] = {[CAPS_0115] = "", [CAPS_0390] = "urn:xmpp:caps#sha-256."};
    struct burble *c = caps->x.client;
    struct question *q = client_alloc(sizeof(*q) + strlen(k->jid) + 1);
    struct xml_writer w;
    struct buf node = {0};
    buf_add(&node, slice_z(PREFIX[set->method]));
    if (set->method == CAPS_0115) {
        buf_add(&node, slice_z(set->node));
        buf_byte(&node, '#');
    }
    buf_add(&node, slice_z(set->hash));
    client_payload(c, &w);
    xml_open(&w, SLICE("query"), NS_DISCO_INFO);
    xml_attr_put(&w, SLICE("node"), buf_slice(&node));
    xml_close(&w);
    c->work.failed |= node.failed;
    buf_free(&node);
    if (q != NULL) {
        q->set = set;
        memcpy(q->jid, k->jid, strlen(k->jid) + 1);
    }
    if (client_iq_ask(c, false, k->jid, answered, q, NULL) != 0)
        return false;
    set->asking = true;
    caps->asking++;
    return true;
}

static bool may_ask(struct caps *caps, const struct caps_contact *k)
{
    struct jid jid;
    return !k->refused && jid_from_prepared(slice_z(k->jid), &jid) &&
           client_may_tell(caps->x.client, &jid);
}

/* Somebody who says this set and has not refused. */
static void ask_one(struct caps *caps, struct caps_set *set)
{
    for (size_t i = 0; i < CAPS_BUCKETS; i++)
        LIST_EACH(it, &caps->contacts[i])
        {
            struct caps_contact *k = contact_of(it);
            if (k->set == set && may_ask(caps, k) && ask(caps, set, k))
                return;
        }
}

/* What nobody told, or what had to wait. */
static void pump(struct caps *caps)
{
    LIST_EACH(it, &caps->sets)
    {
        struct caps_set *set = CONTAINER_OF(it, struct caps_set, link);
        if (caps->asking >= ASKING_MAX)
            return;
        if (!set->known && !set->asking)
            ask_one(caps, set);
    }
}

/* ------------------------------------------------------------------------------------- our own */

/* What we answer now; freed by the caller. No node: no memory. */
static struct burble_xml own_query(struct burble *c)
{
    struct buf text = {0};
    struct xml_writer w;
    struct burble_xml x = {0};
    xml_writer_init(&w, &text, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_DISCO_INFO);
    disco_write_self(c, &w);
    xml_close(&w);
    if (!text.failed)
        x = burble_xml_parse(buf_slice(&text).ptr, buf_len(&text), NULL);
    buf_free(&text);
    return x;
}

/* Its hash; false: no memory, or what the program has set has none. */
static bool own_hash(struct burble *c, char out[CAPS_HASH_BYTES])
{
    struct burble_xml x = own_query(c);
    bool good = burble_xml_some(x) && caps_hash(view_xml(x), CAPS_0115, out) == 0;
    burble_xml_free(&x);
    return good;
}

/* Whoever says what we say need not be asked. */
static void learn_own(struct caps *caps, struct caps_set *set)
{
    if (set->known || set->asking || set->method != CAPS_0115 || strcmp(set->hash, caps->ver) != 0)
        return;
    struct burble_xml x = own_query(caps->x.client);
    if (burble_xml_some(x))
        (void)caps_learn(set, view_xml(x));
    burble_xml_free(&x);
}

/* ---------------------------------------------------------------------------------- presence */

struct said {
    enum caps_method method;
    struct slice hash, node;
};

/* What a presence says of its sender; XEP-0390 is preferred, its text cannot be read in two ways.
 * XEP-0115 without hash (before version 1.4) names nothing that could be verified. */
static bool read_said(struct xml presence, struct said *out)
{
    struct xml c = xml_child(presence, NS_CAPS2, SLICE("c"));
    for (struct xml h = xml_child(c, NS_HASHES, SLICE("hash")); xml_some(h);
         h = xml_next_named(h, NS_HASHES, SLICE("hash")))
        if (slice_is(xml_attr(h, SLICE("algo")), "sha-256")) {
            *out = (struct said){.method = CAPS_0390, .hash = xml_text(h)};
            return out->hash.len > 0 && out->hash.len < CAPS_HASH_BYTES;
        }
    c = xml_child(presence, NS_CAPS, SLICE("c"));
    *out = (struct said){
        .method = CAPS_0115, .hash = xml_attr(c, SLICE("ver")), .node = xml_attr(c, SLICE("node"))};
    return slice_is(xml_attr(c, SLICE("hash")), "sha-1") && out->hash.len > 0 &&
           out->hash.len < CAPS_HASH_BYTES && out->node.len > 0 && out->node.len <= NODE_BYTES_MAX;
}

static struct caps_set *set_for(struct caps *caps, const struct said *said)
{
    struct caps_set *set = caps_find(caps, said->method, said->hash);
    if (set == NULL)
        set = caps_add(caps, said->method, said->hash);
    if (set == NULL)
        return NULL;
    if (set->node == NULL && said->method == CAPS_0115)
        set->node = client_copy(said->node);
    if (set->node == NULL && said->method == CAPS_0115 && !set->known && set->users == 0) {
        caps_set_free(set);
        return NULL;
    }
    list_remove(&set->link);
    list_push_front(&caps->sets, &set->link);
    return set;
}

static void here(struct caps *caps, const struct stanza *s)
{
    struct said said;
    struct slice jid = jid_full(&s->from);
    struct caps_contact *k = contact_find(caps, jid);
    if (!read_said(s->root, &said)) {
        if (k != NULL)
            contact_free(caps, k);
        return;
    }
    struct caps_set *set = set_for(caps, &said);
    if (set != NULL && k == NULL)
        k = contact_add(caps, jid);
    if (k == NULL || set == NULL || k->set == set) {
        if (set != NULL && set->users == 0 && !set->known && !set->asking)
            caps_set_free(set);
        if (set == NULL && k != NULL)
            contact_free(caps, k);
        return;
    }
    set->users++; /* before the old one goes */
    learn_own(caps, set);
    let_go(k);
    k->set = set;
    if (set->known)
        tell(caps, k);
    else if (!set->asking && caps->asking < ASKING_MAX && may_ask(caps, k))
        (void)ask(caps, set, k);
}

static bool on_stanza(struct client_extension *x, const struct stanza *s)
{
    struct caps *caps = CONTAINER_OF(x, struct caps, x);
    if (s->kind != STANZA_PRESENCE || s->from.resource_len == 0)
        return false;
    if (s->type == TYPE_AVAILABLE) {
        here(caps, s);
    } else if (s->type == TYPE_UNAVAILABLE || s->type == TYPE_ERROR) {
        struct caps_contact *k = contact_find(caps, jid_full(&s->from));
        if (k != NULL)
            contact_free(caps, k);
    }
    return false;
}

static void on_presence(struct client_extension *x, bool all, struct buf *out)
{
    struct caps *caps = CONTAINER_OF(x, struct caps, x);
    struct xml_writer w;
    if (!own_hash(x->client, caps->ver))
        return;
    if (all)
        memcpy(caps->announced, caps->ver, sizeof(caps->ver));
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("c"), NS_CAPS);
    xml_attr_put(&w, SLICE("hash"), SLICE("sha-1"));
    xml_attr_put(&w, SLICE("node"), slice_z(caps->node));
    xml_attr_put(&w, SLICE("ver"), slice_z(caps->ver));
    xml_close(&w);
}

/* Said again when it is another one than was said (XEP-0115 section 6.1). */
static void say_again(struct burble *c, struct client_timer *t)
{
    struct caps *caps = CONTAINER_OF(t, struct caps, changed);
    char now[CAPS_HASH_BYTES];
    if (c->state != BURBLE_ONLINE || caps->announced[0] == '\0' || !own_hash(c, now))
        return;
    if (strcmp(now, caps->announced) != 0)
        client_presence_announce(c);
}

static void on_features(struct client_extension *x)
{
    struct caps *caps = CONTAINER_OF(x, struct caps, x);
    if (caps->announced[0] == '\0')
        return; /* nothing was said yet */
    caps->changed.fire = say_again;
    client_timer_set(x->client, &caps->changed, 0);
    client_wake(x->client);
}

static bool on_own_caps(struct client_extension *x, struct slice node)
{
    struct caps *caps = CONTAINER_OF(x, struct caps, x);
    size_t len = strlen(caps->node);
    return caps->ver[0] != '\0' && node.len > len && slice_starts(node, slice_z(caps->node)) &&
           node.ptr[len] == '#' && slice_eq(slice_from(node, len + 1), slice_z(caps->ver));
}

/* ------------------------------------------------------------------------------ the extension */

static void on_gone(struct client_extension *x)
{
    struct caps *caps = CONTAINER_OF(x, struct caps, x);
    forget_contacts(caps);
    caps->ver[0] = caps->announced[0] = '\0';
}

static void on_online(struct client_extension *x, bool resumed)
{
    if (!resumed)
        on_gone(x);
}

static void on_free(struct client_extension *x)
{
    struct caps *caps = CONTAINER_OF(x, struct caps, x);
    client_timer_stop(&caps->changed);
    forget_contacts(caps);
    while (!list_empty(&caps->sets))
        caps_set_free(CONTAINER_OF(caps->sets.next, struct caps_set, link));
    free(caps->node);
    free(caps);
}

static const struct client_extension_ops CAPS_OPS = {.name = "caps",
                                                     .stanza = on_stanza,
                                                     .presence = on_presence,
                                                     .features = on_features,
                                                     .own_caps = on_own_caps,
                                                     .online = on_online,
                                                     .gone = on_gone,
                                                     .free = on_free};

struct caps *caps_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &CAPS_OPS);
    return x != NULL ? CONTAINER_OF(x, struct caps, x) : NULL;
}

int burble_caps_start(struct burble *c, const char *node, burble_caps_fn *on_known, void *arg)
{
    if (caps_of(c) != NULL)
        return ERR_EXISTS;
    int err = disco_start(c);
    if (err == 0)
        err = client_feature(c, NS_CAPS.ptr);
    struct caps *caps = err == 0 ? client_alloc(sizeof(*caps)) : NULL;
    if (caps == NULL)
        return err != 0 ? err : ERR_MEMORY;
    caps->node = client_copy(slice_z(node));
    if (caps->node == NULL) {
        free(caps);
        return ERR_MEMORY;
    }
    caps->on_known = on_known;
    caps->arg = arg;
    list_init(&caps->sets);
    for (size_t i = 0; i < CAPS_BUCKETS; i++)
        list_init(&caps->contacts[i]);
    client_extend(c, &caps->x, &CAPS_OPS);
    return 0;
}

/* The set of an address: 0, ERR_NOT_FOUND, or what jid_parse says. */
static int set_of(struct burble *c, const char *jid, const struct caps_set **out)
{
    struct caps *caps = caps_of(c);
    struct arena mem = {0};
    struct jid parsed;
    int err = caps != NULL ? jid_parse(slice_z(jid), &mem, &parsed) : ERR_NOT_FOUND;
    const struct caps_contact *k = err == 0 ? contact_find(caps, jid_full(&parsed)) : NULL;
    arena_free(&mem);
    if (err != 0)
        return err;
    if (k == NULL || k->set == NULL || !k->set->known)
        return ERR_NOT_FOUND;
    *out = k->set;
    return 0;
}

int burble_caps_supports(struct burble *c, const char *jid, const char *feature)
{
    const struct caps_set *set;
    int err = set_of(c, jid, &set);
    if (err != 0)
        return err;
    for (const char *at = set->features; *at != '\0'; at += strlen(at) + 1)
        if (strcmp(at, feature) == 0)
            return 1;
    return 0;
}

const char *burble_caps_feature(struct burble *c, const char *jid, size_t i)
{
    const struct caps_set *set;
    if (set_of(c, jid, &set) != 0)
        return NULL;
    const char *at = set->features;
    while (i-- > 0 && *at != '\0')
        at += strlen(at) + 1;
    return *at != '\0' ? at : NULL;
}
