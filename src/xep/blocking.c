/* XEP-0191: Blocking Command (version 1.3).
 *
 * A sorted list of addresses per account, in memory while the account is. Nothing of what is
 * blocked comes in, nothing goes out to it, and the presence of the account is hidden from it; the
 * subscriptions stay as they are (section 4, "polite blocking"). The account itself and the server
 * are never blocked (section 5). The list in memory changes when the store has written it. */
#include "base/err.h"
#include "base/mem.h"
#include "core/module.h"

#define STORE_BLOCKED SLICE("blocked")

enum { ITEMS_MAX = 10000 };

extern const struct module BLOCKING_MODULE;

/* Prepared addresses in order of their bytes, each owned and ended by NUL. */
struct blocked {
    char **items;
    uint32_t count, cap;
};

static struct slice item(const void *blocked, size_t i)
{
    return slice_z(((const struct blocked *)blocked)->items[i]);
}

/* Where jid is, or where it belongs. */
static uint32_t place(const struct blocked *b, struct slice jid, bool *found_out)
{
    return (uint32_t)slice_place(jid, b, b->count, item, found_out);
}

static bool holds(const struct blocked *b, struct slice jid)
{
    bool found;
    (void)place(b, jid, &found);
    return found;
}

static void add(struct blocked *b, struct slice jid)
{
    bool found;
    uint32_t at = place(b, jid, &found);
    if (found)
        return;
    if (b->count == b->cap) {
        b->cap = b->cap == 0 ? 8 : 2 * b->cap;
        b->items = mem_resize(b->items, b->cap, sizeof(*b->items));
    }
    memmove(b->items + at + 1, b->items + at, (b->count - at) * sizeof(*b->items));
    b->items[at] = mem_copy(jid);
    b->count++;
}

static void drop(struct blocked *b, struct slice jid)
{
    bool found;
    uint32_t at = place(b, jid, &found);
    if (!found)
        return;
    mem_free(b->items[at]);
    b->count--;
    memmove(b->items + at, b->items + at + 1, (b->count - at) * sizeof(*b->items));
}

static void clear(struct blocked *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        mem_free(b->items[i]);
    mem_free(b->items);
    *b = (struct blocked){0};
}

/* Section 5: the full address, the bare one, domain with resource, domain. */
static bool matches(const struct blocked *b, const struct jid *j)
{
    char text[2 * JID_PART_BYTES + 2];
    struct slice domain = jid_domain(j), resource = jid_resource(j);
    if (b->count == 0)
        return false;
    if (holds(b, jid_full(j)) || holds(b, jid_bare(j)) || holds(b, domain))
        return true;
    if (resource.len == 0)
        return false;
    memcpy(text, domain.ptr, domain.len);
    text[domain.len] = '/';
    memcpy(text + domain.len + 1, resource.ptr, resource.len);
    return holds(b, slice_of(text, domain.len + 1 + resource.len));
}

static struct blocked *list_of(struct engine *e, const struct account *a)
{
    return account_slot(a, module_index(e, &BLOCKING_MODULE));
}

static struct blocked *list_make(struct engine *e, struct account *a)
{
    struct blocked *b = list_of(e, a);
    if (b == NULL) {
        b = mem_new(struct blocked);
        account_slot_set(e, a, module_index(e, &BLOCKING_MODULE), b);
    }
    return b;
}

static void account_read(struct store_request *query, struct slice owner)
{
    store_list(query, owner, STORE_BLOCKED, SLICE_NONE, 0);
}

static void account_row(struct engine *e, struct account *a, const struct store_row *row)
{
    add(list_make(e, a), row->key);
}

static void account_unload(struct engine *e, struct account *a)
{
    struct blocked *b = list_of(e, a);
    if (b == NULL)
        return;
    clear(b);
    mem_free(b);
    account_slot_set(e, a, module_index(e, &BLOCKING_MODULE), NULL);
}

/* Is the address blocked for the account? */
static bool is_blocked(struct engine *e, const struct account *a, const struct jid *j)
{
    const struct blocked *b = list_of(e, a);
    if (b == NULL || !jid_some(j) || jid_bare_eq(j, &a->jid))
        return false;
    bool server = j->local_len == 0 && config_host(e->config, jid_domain(j)) != NULL;
    return !server && matches(b, j);
}

/* An alias of one of our hosts stands for the host. The text is in the arena. */
static bool canonical(struct engine *e, struct jid *jid)
{
    const struct host_config *host = config_host(e->config, jid_domain(jid));
    if (host == NULL || slice_eq(host->name, jid_domain(jid)))
        return true;
    struct buf text = {0};
    if (jid->local_len > 0) {
        buf_add(&text, jid_local(jid));
        buf_byte(&text, '@');
    }
    buf_add(&text, host->name);
    if (jid->resource_len > 0) {
        buf_byte(&text, '/');
        buf_add(&text, jid_resource(jid));
    }
    struct slice copy = arena_copy(&e->arena, buf_slice(&text));
    buf_free(&text);
    return copy.ptr != NULL && jid_from_prepared(copy, jid);
}

static enum verdict check_incoming(struct engine *e, struct account *to, const struct stanza *s,
                                   enum stanza_error *error_out)
{
    if (!is_blocked(e, to, &s->from))
        return VERDICT_PASS;
    bool request = s->kind == STANZA_IQ && (s->type == TYPE_GET || s->type == TYPE_SET);
    *error_out = request || s->kind == STANZA_MESSAGE ? STANZA_SERVICE_UNAVAILABLE : STANZA_OK;
    return VERDICT_REFUSE;
}

static enum verdict check_outgoing(struct engine *e, struct session *from, const struct stanza *s,
                                   enum stanza_error *error_out, struct slice *app_out)
{
    struct jid to = s->to;
    if (list_of(e, from->account) == NULL || !jid_some(&to) || !canonical(e, &to) ||
        !is_blocked(e, from->account, &to))
        return VERDICT_PASS;
    *error_out = STANZA_NOT_ACCEPTABLE;
    *app_out = SLICE("<blocked xmlns='urn:xmpp:blocking:errors'/>");
    return VERDICT_REFUSE;
}

/* One session shows itself, hides or asks. */
static void send_presence(struct engine *e, const struct session *session, const struct jid *to,
                          enum stanza_type type)
{
    struct stanza s = {
        .kind = STANZA_PRESENCE, .type = type, .from = session->jid, .to = *to, .packed = true};
    if (type == TYPE_AVAILABLE) {
        s.lang = session_presence_lang(session);
        s.payload = session_presence(session);
    }
    module_route(e, &s);
}

static void send_presences(struct engine *e, struct account *a, const struct jid *to,
                           enum stanza_type type)
{
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        if (session->available)
            send_presence(e, session, to, type);
    }
}

/* Tells the contacts that the items of `change` match and `before` does not: unavailable when they
 * have been blocked; when they may come back, the current presence, and theirs is asked for. */
static void tell_contacts(struct engine *e, struct account *a, const struct blocked *change,
                          const struct blocked *before, bool block)
{
    struct jid to;
    for (uint32_t i = 0; i < a->roster.count; i++) {
        const struct roster_item *contact = a->roster.items[i];
        if (!jid_from_prepared(roster_item_jid(contact), &to) || !matches(change, &to) ||
            matches(before, &to))
            continue;
        if (contact->sub.from)
            send_presences(e, a, &to, block ? TYPE_UNAVAILABLE : TYPE_AVAILABLE);
        if (contact->sub.to && !block)
            send_presences(e, a, &to, TYPE_PROBE);
    }
    for (uint32_t i = 0; i < change->count; i++) { /* single resources */
        if (!jid_from_prepared(item(change, i), &to) || to.resource_len == 0 ||
            matches(before, &to))
            continue;
        const struct subscription *sub = module_subscription(a, jid_bare(&to));
        if (sub != NULL && sub->from)
            send_presences(e, a, &to, block ? TYPE_UNAVAILABLE : TYPE_AVAILABLE);
    }
}

/* Those who got directed presence see the session leave when they are blocked. */
static void hide_from_directed(struct engine *e, struct account *a, const struct blocked *change,
                               const struct blocked *before)
{
    LIST_EACH(it, &a->sessions)
    {
        struct session *session = CONTAINER_OF(it, struct session, link);
        struct slice all = session_directed(session);
        while (all.len > 0) {
            struct jid to;
            size_t end = slice_find(all, '\0');
            if (jid_from_prepared(slice_of(all.ptr, end), &to) && matches(change, &to) &&
                !matches(before, &to))
                send_presence(e, session, &to, TYPE_UNAVAILABLE);
            all = slice_from(all, end + 1);
        }
    }
}

static bool hides_presence(struct engine *e, const struct account *a, const struct jid *to)
{
    return is_blocked(e, a, to);
}

/* The addresses of the request. */
static enum stanza_error read_items(const struct iq *iq, struct blocked *out)
{
    for (struct xml x = xml_child(iq->payload, NS_BLOCKING, SLICE("item")); xml_some(x);
         x = xml_next_named(x, NS_BLOCKING, SLICE("item"))) {
        struct slice text = xml_attr(x, SLICE("jid"));
        struct jid jid;
        if (text.ptr == NULL)
            return STANZA_BAD_REQUEST;
        int err = jid_parse(text, &iq->e->arena, &jid);
        if (err != 0)
            return err == ERR_SYNTAX ? STANZA_JID_MALFORMED : STANZA_RESOURCE_CONSTRAINT;
        if (!canonical(iq->e, &jid))
            return STANZA_RESOURCE_CONSTRAINT;
        add(out, jid_full(&jid));
    }
    return STANZA_OK;
}

/* The same for later, in one block that iq->data may be: each ended by NUL, then one more. */
static char *pack(const struct blocked *b)
{
    size_t len = 1, at = 0;
    for (uint32_t i = 0; i < b->count; i++)
        len += item(b, i).len + 1;
    char *text = mem_alloc(len);
    for (uint32_t i = 0; i < b->count; i++) {
        memcpy(text + at, b->items[i], item(b, i).len);
        at += item(b, i).len + 1;
    }
    return text;
}

static void unpack(const char *text, struct blocked *out)
{
    for (; *text != '\0'; text += strlen(text) + 1)
        add(out, slice_z(text));
}

static void write_items(const struct blocked *b, struct slice name, struct xml_writer *w)
{
    xml_open(w, name, NS_BLOCKING);
    for (uint32_t i = 0; i < b->count; i++) {
        xml_open(w, SLICE("item"), SLICE_NONE);
        xml_attr_put(w, SLICE("jid"), item(b, i));
        xml_close(w);
    }
    xml_close(w);
}

/* The result, and the push to every session that asked for the list. */
static void finish(struct iq *iq, const struct blocked *change, bool block)
{
    struct engine *e = iq->e;
    struct account *a = iq->account;
    account_use(e, a);
    iq_result(iq);
    struct buf payload = {0};
    struct xml_writer w;
    xml_writer_init(&w, &payload, NS_CLIENT);
    write_items(change, block ? SLICE("block") : SLICE("unblock"), &w);
    module_push(e, a, module_interest(e, &BLOCKING_MODULE), buf_slice(&payload));
    buf_free(&payload);
    account_release(e, a);
}

static void block_written(struct iq *iq, struct store_request *answer)
{
    struct engine *e = iq->e;
    struct account *a = iq->account;
    struct blocked change = {0};
    if (iq_store_failed(iq, answer))
        return;
    unpack(iq->data, &change);
    struct blocked *b = list_make(e, a);
    tell_contacts(e, a, &change, b, true);
    hide_from_directed(e, a, &change, b);
    for (uint32_t i = 0; i < change.count; i++)
        add(b, item(&change, i));
    finish(iq, &change, true);
    clear(&change);
}

static void block(struct iq *iq)
{
    struct blocked *b = list_make(iq->e, iq->account), change = {0};
    enum stanza_error error = read_items(iq, &change);
    if (error == STANZA_OK && change.count == 0)
        error = STANZA_BAD_REQUEST;
    if (error == STANZA_OK && b->count + change.count > ITEMS_MAX)
        error = STANZA_RESOURCE_CONSTRAINT;
    if (error != STANZA_OK) {
        iq_error(iq, error);
    } else {
        struct store_request *batch = flow_batch(iq->e);
        for (uint32_t i = 0; i < change.count; i++)
            store_put(batch, jid_bare(&iq->account->jid), STORE_BLOCKED, item(&change, i),
                      SLICE(""));
        iq->data = pack(&change);
        iq_wait(iq, batch, block_written);
    }
    clear(&change);
}

static void unblock_written(struct iq *iq, struct store_request *answer)
{
    struct engine *e = iq->e;
    struct account *a = iq->account;
    struct blocked asked = {0}, gone = {0};
    if (iq_store_failed(iq, answer))
        return;
    unpack(iq->data, &asked);
    struct blocked *b = list_make(e, a);
    if (asked.count == 0) {
        gone = *b;
        *b = (struct blocked){0};
    }
    for (uint32_t i = 0; i < asked.count; i++) {
        if (holds(b, item(&asked, i)))
            add(&gone, item(&asked, i));
        drop(b, item(&asked, i));
    }
    account_use(e, a);
    finish(iq, &asked, false);
    tell_contacts(e, a, &gone, b, false);
    account_release(e, a);
    clear(&asked);
    clear(&gone);
}

static void unblock(struct iq *iq)
{
    struct blocked change = {0};
    struct slice owner = jid_bare(&iq->account->jid);
    enum stanza_error error = read_items(iq, &change);
    if (error != STANZA_OK) {
        iq_error(iq, error);
    } else {
        struct store_request *batch = flow_batch(iq->e);
        if (change.count == 0)
            store_clear(batch, owner, STORE_BLOCKED);
        for (uint32_t i = 0; i < change.count; i++)
            store_delete(batch, owner, STORE_BLOCKED, item(&change, i));
        iq->data = pack(&change);
        iq_wait(iq, batch, unblock_written);
    }
    clear(&change);
}

static void blocklist(struct iq *iq)
{
    struct xml_writer w;
    if (iq->session != NULL)
        iq->session->interests |= module_interest(iq->e, &BLOCKING_MODULE);
    const struct blocked *b = list_make(iq->e, iq->account);
    iq_result_begin(iq, &w);
    write_items(b, SLICE("blocklist"), &w);
    iq_result_end(iq, &w);
}

static const struct module_iq IQS[] = {
    {"urn:xmpp:blocking", "blocklist", IQ_SELF, IQ_GET, blocklist},
    {"urn:xmpp:blocking", "block", IQ_SELF, IQ_SET, block},
    {"urn:xmpp:blocking", "unblock", IQ_SELF, IQ_SET, unblock},
    {0},
};

static const char *const FEATURES[] = {"urn:xmpp:blocking", NULL};
static const char *const STORES[] = {"blocked", NULL};

const struct module BLOCKING_MODULE = {
    .name = "blocking",
    .xep = "0191",
    .version = "1.3",
    .summary = "keeps unwanted people away",
    .host_features = FEATURES,
    .account_features = FEATURES,
    .iqs = IQS,
    .stores = STORES,
    .check_outgoing = check_outgoing,
    .check_incoming = check_incoming,
    .hides_presence = hides_presence,
    .account_read = account_read,
    .account_row = account_row,
    .account_unload = account_unload,
};
