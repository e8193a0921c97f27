/* Blocked addresses (XEP-0191 1.3): a copy of the server's list. Pushes count only from the own
 * account, as those of the roster do (row V57). Owns the list, sorted. */
#include "burble/blocking.h"

#include <stdlib.h>
#include <string.h>

#include "client/client.h"

enum { BLOCKED_MAX = 10000 };

struct burble_blocklist {
    struct client_extension x;
    struct burble_blocklist_config config;
    char **list; /* prepared addresses */
    size_t count, cap;
    bool ready;
    uint64_t fetch; /* handle; 0: none is open */
};

static struct burble_blocklist *list_of(struct client_extension *x)
{
    return CONTAINER_OF(x, struct burble_blocklist, x);
}

/* ------------------------------------------------------------------------------------- the list */

static struct slice jid_at(const void *table, size_t i)
{
    return slice_z(((const struct burble_blocklist *)table)->list[i]);
}

static size_t place(const struct burble_blocklist *b, struct slice jid, bool *found_out)
{
    return slice_place(jid, b, b->count, jid_at, found_out);
}

static bool has(const struct burble_blocklist *b, struct slice jid)
{
    bool found;
    (void)place(b, jid, &found);
    return found;
}

/* 0, also when it is there; ERR_LIMIT, ERR_MEMORY. */
static int put(struct burble_blocklist *b, struct slice jid)
{
    bool found;
    size_t at = place(b, jid, &found);
    if (found)
        return 0;
    if (b->count >= b->config.max)
        return ERR_LIMIT;
    if (b->count == b->cap) {
        size_t cap = b->cap > 0 ? b->cap * 2 : 16;
        char **list = realloc(b->list, cap * sizeof(*list));
        if (list == NULL)
            return ERR_MEMORY;
        b->list = list;
        b->cap = cap;
    }
    char *copy = client_copy(jid);
    if (copy == NULL)
        return ERR_MEMORY;
    memmove(b->list + at + 1, b->list + at, (b->count - at) * sizeof(*b->list));
    b->list[at] = copy;
    b->count++;
    return 0;
}

static void take(struct burble_blocklist *b, struct slice jid)
{
    bool found;
    size_t at = place(b, jid, &found);
    if (!found)
        return;
    free(b->list[at]);
    b->count--;
    memmove(b->list + at, b->list + at + 1, (b->count - at) * sizeof(*b->list));
}

static void clear(struct burble_blocklist *b)
{
    while (b->count > 0)
        free(b->list[--b->count]);
}

/* ---------------------------------------------------------------------------------- what comes */

static void tell_changed(struct burble_blocklist *b, const char *jid, bool blocked)
{
    if (b->config.changed == NULL || !client_extension_speaks(&b->x))
        return;
    client_enter(b->x.client);
    b->config.changed(b, jid, blocked, b->config.arg);
    b->x.client->depth--;
}

/* All items of an element; tells of each. False: some are no addresses, or too many. */
static bool take_items(struct burble_blocklist *b, struct xml x, bool blocked, bool tell)
{
    bool good = true;
    struct xml item = xml_child(x, NS_BLOCKING, SLICE("item"));
    for (; xml_some(item); item = xml_next_named(item, NS_BLOCKING, SLICE("item"))) {
        struct arena mem = {0};
        struct jid jid;
        struct slice text = xml_attr(item, SLICE("jid"));
        int err = text.ptr != NULL ? jid_parse(text, &mem, &jid) : ERR_SYNTAX;
        if (err == 0 && blocked)
            err = put(b, jid_full(&jid));
        else if (err == 0)
            take(b, jid_full(&jid));
        const char *told = err == 0 ? view_string(&b->x.client->view, jid_full(&jid)) : NULL;
        arena_free(&mem);
        good &= err == 0;
        if (told != NULL && tell)
            tell_changed(b, told, blocked);
    }
    return good;
}

static void complain(struct burble_blocklist *b, bool good)
{
    if (!good)
        client_bad(b->x.client, "blocked addresses that are none, or too many", SLICE_NONE);
}

static void fetched(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct burble_blocklist *b = arg;
    struct burble_stanza_error error;
    bool good = outcome == BURBLE_IQ_RESULT;
    b->fetch = 0;
    if (outcome == BURBLE_IQ_GONE)
        return; /* the next session fetches it */
    client_iq_error(c, outcome, iq, &error);
    clear(b);
    b->ready = good;
    if (good)
        complain(b, take_items(b, xml_child(iq, NS_BLOCKING, SLICE("blocklist")), true, false));
    if (b->config.ready == NULL || !client_extension_speaks(&b->x))
        return;
    client_enter(c);
    b->config.ready(b, good ? NULL : &error, b->config.arg);
    c->depth--;
}

static void pushed(struct burble *c, const struct stanza *iq, struct xml x, void *arg)
{
    struct burble_blocklist *b = arg;
    bool blocked = slice_is(xml_name(x), "block");
    bool some = xml_some(xml_child(x, NS_BLOCKING, SLICE("item")));
    if (!client_from_self(c, iq) || iq->type != TYPE_SET) {
        (void)client_iq_refuse(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
        client_bad(c, "a change of blocked addresses that is not the own account's",
                   jid_full(&iq->from));
        return;
    }
    if (blocked && !some) {
        (void)client_iq_refuse(c, iq, STANZA_BAD_REQUEST, SLICE_NONE);
        return;
    }
    (void)client_iq_answer(c, iq, SLICE_NONE);
    if (some) {
        complain(b, take_items(b, x, blocked, true));
        return;
    }
    clear(b);
    tell_changed(b, NULL, false);
}

/* ----------------------------------------------------------------------------------- the object */

static void online(struct client_extension *x, bool resumed)
{
    struct burble_blocklist *b = list_of(x);
    struct client_iq iq = {
        .payload = SLICE("<blocklist xmlns='urn:xmpp:blocking'/>"), .fn = fetched, .arg = b};
    if (resumed && (b->ready || b->fetch != 0))
        return;
    burble_cancel(x->client, b->fetch);
    b->fetch = 0;
    b->ready = false;
    (void)client_iq_send(x->client, &iq, &b->fetch);
}

static void gone(struct client_extension *x)
{
    list_of(x)->ready = false;
}

static void list_free(struct client_extension *x)
{
    struct burble_blocklist *b = list_of(x);
    clear(b);
    free(b->list);
    free(b);
}

static const struct client_extension_ops OPS = {
    .name = "blocking", .online = online, .gone = gone, .free = list_free};

static void serve_no_more(struct burble *c)
{
    (void)client_iq_serve(c, NS_BLOCKING, SLICE("block"), NULL, NULL);
    (void)client_iq_serve(c, NS_BLOCKING, SLICE("unblock"), NULL, NULL);
}

int burble_blocklist_new(struct burble *c, const struct burble_blocklist_config *config,
                         struct burble_blocklist **out)
{
    *out = NULL;
    if (client_extension(c, &OPS) != NULL)
        return ERR_EXISTS;
    struct burble_blocklist *b = client_alloc(sizeof(*b));
    if (b == NULL)
        return ERR_MEMORY;
    int err = client_take(&b->config, sizeof(b->config), config);
    if (b->config.max == 0)
        b->config.max = BLOCKED_MAX;
    if (err == 0)
        err = client_iq_serve(c, NS_BLOCKING, SLICE("block"), pushed, b);
    if (err == 0 && (err = client_iq_serve(c, NS_BLOCKING, SLICE("unblock"), pushed, b)) != 0)
        (void)client_iq_serve(c, NS_BLOCKING, SLICE("block"), NULL, NULL);
    if (err != 0) {
        list_free(&b->x);
        return err;
    }
    client_extend(c, &b->x, &OPS);
    if (c->state == BURBLE_ONLINE)
        online(&b->x, false);
    *out = b;
    return 0;
}

void burble_blocklist_free(struct burble_blocklist **b)
{
    struct burble_blocklist *old = *b;
    *b = NULL;
    if (old == NULL || old->x.retired)
        return;
    serve_no_more(old->x.client);
    burble_cancel(old->x.client, old->fetch);
    client_retire(&old->x);
}

bool burble_blocklist_is_ready(const struct burble_blocklist *b)
{
    return b->ready;
}

size_t burble_blocklist_count(const struct burble_blocklist *b)
{
    return b->count;
}

const char *burble_blocklist_at(const struct burble_blocklist *b, size_t at)
{
    return at < b->count ? b->list[at] : NULL;
}

/* Section 5: from the most to the least special. */
bool burble_is_blocked(const struct burble_blocklist *b, const char *text)
{
    struct arena mem = {0};
    struct jid jid;
    bool blocked = false;
    if (text != NULL && jid_parse(slice_z(text), &mem, &jid) == 0) {
        struct slice full = jid_full(&jid);
        size_t domain = (size_t)(jid_domain(&jid).ptr - jid.text);
        blocked = has(b, full) || has(b, jid_bare(&jid)) || has(b, slice_from(full, domain)) ||
                  has(b, jid_domain(&jid));
    }
    arena_free(&mem);
    return blocked;
}

static int change(struct burble_blocklist *b, struct slice name, const char *const *jids,
                  size_t count, burble_iq_fn *fn, void *arg)
{
    struct buf out = {0};
    struct xml_writer w;
    int err = 0;
    xml_writer_init(&w, &out, NS_CLIENT);
    xml_open(&w, name, NS_BLOCKING);
    for (size_t i = 0; err == 0 && i < count; i++) {
        struct arena mem = {0};
        struct jid jid;
        err = jids[i] != NULL ? jid_parse(slice_z(jids[i]), &mem, &jid) : ERR_SYNTAX;
        if (err == 0) {
            xml_open(&w, SLICE("item"), SLICE_NONE);
            xml_attr_put(&w, SLICE("jid"), jid_full(&jid));
            xml_close(&w);
        }
        arena_free(&mem);
    }
    xml_close(&w);
    buf_byte(&out, '\0');
    if (err == 0)
        err = out.failed ? ERR_MEMORY
                         : burble_set(b->x.client, NULL, buf_slice(&out).ptr, 0, fn, arg, NULL);
    buf_free(&out);
    return err;
}

int burble_block(struct burble_blocklist *b, const char *const *jids, size_t count,
                 burble_iq_fn *fn, void *arg)
{
    return count > 0 ? change(b, SLICE("block"), jids, count, fn, arg) : ERR_SYNTAX;
}

int burble_unblock(struct burble_blocklist *b, const char *const *jids, size_t count,
                   burble_iq_fn *fn, void *arg)
{
    return change(b, SLICE("unblock"), jids, count, fn, arg);
}
