/* XEP-0357: Push Notifications (version 0.4.1).
 *
 * A client names the push service of its maker; the server publishes to it when a message worth a
 * look was kept that no client took, or that the device which named the service cannot have seen
 * (it is told by its resource). What is published says that there is something, and how many
 * messages have come since anybody was there; never from whom and never what (section 9).
 *
 * At most one notification in a few seconds: what comes meanwhile is told at their end. A service
 * that answers with an error is forgotten, unless the error is one that passes (section 7.1). What
 * the service itself sends wakes nobody, so nothing goes round in circles. */
#include "base/mem.h"
#include "core/module.h"
#include "core/service/ask.h"
#include "xml/parser.h"
#include "xmpp/data_form.h"

#define NS_PUSH      SLICE("urn:xmpp:push:0")
#define STORE_PUSH   SLICE("push")
#define OPTIONS_FORM "http://jabber.org/protocol/pubsub#publish-options"
#define SUMMARY_FORM SLICE("urn:xmpp:push:summary")

enum {
    SERVICES_MAX = 10, /* of an account; the one that was enabled longest ago gives way */
    NAME_BYTES_MAX = 1023,
    OPTIONS_BYTES_MAX = 4096,
    GAP_MS = 5000,
};

extern const struct module PUSH_MODULE;

/* A service that is enabled: key and value as they are in the store. */
struct service {
    struct slice key;   /* address, line feed, node; owned */
    struct slice value; /* resource of the device, line feed, form of the options; owned */
    bool due;           /* there is something to tell */
    bool gone;          /* is being forgotten */
};

struct push {
    struct engine *e;
    struct account *account;
    struct service services[SERVICES_MAX]; /* in the order in which they were enabled */
    unsigned count;
    struct timer gap;
    unsigned messages; /* since somebody was there */
};

/* ---------------------------------------------------------------------------------------- memory
 */

static struct push *push_of(struct engine *e, const struct account *a)
{
    return account_slot(a, module_index(e, &PUSH_MODULE));
}

static void publish_due(struct push *p);

static void gap_over(struct timer *t, void *ctx)
{
    (void)ctx;
    publish_due(CONTAINER_OF(t, struct push, gap));
}

static struct slice own(struct slice s)
{
    return slice_of(mem_copy(s), s.len);
}

static void remove_at(struct push *p, unsigned i)
{
    mem_free((void *)(uintptr_t)p->services[i].key.ptr);
    mem_free((void *)(uintptr_t)p->services[i].value.ptr);
    p->count--;
    memmove(&p->services[i], &p->services[i + 1], (p->count - i) * sizeof(p->services[i]));
}

static void forget(struct push *p, struct slice key)
{
    for (unsigned i = 0; p != NULL && i < p->count; i++)
        if (slice_eq(p->services[i].key, key)) {
            remove_at(p, i);
            return;
        }
}

/* The newest is the last; the oldest gives way. */
static void remember(struct engine *e, struct account *a, struct slice key, struct slice value)
{
    struct push *p = push_of(e, a);
    if (p == NULL) {
        p = mem_new(struct push);
        p->e = e;
        p->account = a;
        p->gap.fire = gap_over;
        account_slot_set(e, a, module_index(e, &PUSH_MODULE), p);
    }
    forget(p, key);
    if (p->count == SERVICES_MAX)
        remove_at(p, 0);
    p->services[p->count++] = (struct service){.key = own(key), .value = own(value)};
}

static void account_read(struct store_request *query, struct slice owner)
{
    store_list(query, owner, STORE_PUSH, SLICE_NONE, 0);
}

static void account_row(struct engine *e, struct account *a, const struct store_row *row)
{
    remember(e, a, row->key, row->value);
}

static void account_unload(struct engine *e, struct account *a)
{
    struct push *p = push_of(e, a);
    if (p == NULL)
        return;
    while (p->count > 0)
        remove_at(p, p->count - 1);
    timer_stop(&p->gap);
    mem_free(p);
    account_slot_set(e, a, module_index(e, &PUSH_MODULE), NULL);
}

/* The part before and the part behind the first line feed: neither an address nor a resource holds
 * one. */
static struct slice before(struct slice s)
{
    return slice_of(s.ptr, slice_find(s, '\n'));
}

static struct slice behind(struct slice s)
{
    size_t end = slice_find(s, '\n');
    return slice_from(s, end < s.len ? end + 1 : end);
}

/* --------------------------------------------------------------------------------------- publish
 */

/* Whose answer is awaited: the account's address, NUL, the key of the service. */
struct asked {
    size_t owner_len, key_len;
    char text[];
};

static struct slice asked_owner(const struct asked *a)
{
    return slice_of(a->text, a->owner_len);
}

static struct slice asked_key(const struct asked *a)
{
    return slice_of(a->text + a->owner_len, a->key_len);
}

static struct asked *asked_new(struct slice owner, struct slice key)
{
    struct asked *a = mem_alloc(sizeof(*a) + owner.len + key.len);
    a->owner_len = owner.len;
    a->key_len = key.len;
    memcpy(a->text, owner.ptr, owner.len);
    memcpy(a->text + owner.len, key.ptr, key.len);
    return a;
}

static void forgotten(struct engine *e, void *ctx, struct store_request *answer)
{
    struct asked *asked = ctx;
    struct account *a = account_find(e, asked_owner(asked));
    if (answer->err == 0 && a != NULL)
        forget(push_of(e, a), asked_key(asked));
    mem_free(asked);
}

/* Section 7.1: an error that will not pass ends it. */
static bool is_final(const struct stanza *answer)
{
    struct xml error = xml_child(answer->root, NS_CLIENT, SLICE("error"));
    struct slice type = xml_attr(error, SLICE("type"));
    bool far = xml_some(xml_child(error, NS_STANZA_ERRORS, SLICE("remote-server-not-found")));
    return answer->type == TYPE_ERROR && !slice_is(type, "wait") && !far;
}

static void answered(struct engine *e, void *ctx, const struct stanza *answer)
{
    const struct asked *asked = ctx;
    struct slice owner = asked_owner(asked), key = asked_key(asked);
    if (answer == NULL || !is_final(answer))
        return;
    struct account *a = account_find(e, owner);
    struct push *p = a != NULL ? push_of(e, a) : NULL;
    for (unsigned i = 0; p != NULL && i < p->count; i++)
        p->services[i].gone |= slice_eq(p->services[i].key, key);
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "push.refused");
    log_str(&l, "jid", owner);
    log_str(&l, "service", before(key));
    log_end(&l);
    struct store_request *batch = flow_batch(e);
    store_delete(batch, owner, STORE_PUSH, key);
    flow_submit(e, batch, forgotten, asked_new(owner, key));
}

/* Section 7. */
static void write_item(const struct push *p, const struct service *s, struct buf *out)
{
    struct xml_writer w;
    struct buf count = {0};
    buf_printf(&count, "%u", p->messages > 0 ? p->messages : 1);
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("pubsub"), NS_PUBSUB);
    xml_open(&w, SLICE("publish"), SLICE_NONE);
    if (behind(s->key).len > 0)
        xml_attr_put(&w, SLICE("node"), behind(s->key));
    xml_open(&w, SLICE("item"), SLICE_NONE);
    xml_open(&w, SLICE("notification"), NS_PUSH);
    data_form_open(&w, SLICE("form"), SUMMARY_FORM);
    data_form_field(&w, SLICE("message-count"), SLICE_NONE, buf_slice(&count));
    xml_close(&w);
    xml_close(&w);
    xml_close(&w);
    xml_close(&w);
    if (behind(s->value).len > 0) {
        xml_open(&w, SLICE("publish-options"), SLICE_NONE);
        xml_raw_put(&w, behind(s->value));
        xml_close(&w);
    }
    xml_close(&w);
    buf_free(&count);
}

static void publish(struct push *p, struct service *s)
{
    struct account *a = p->account;
    struct jid to;
    struct buf payload = {0};
    s->due = false;
    if (s->gone || a->host == NULL || !jid_from_prepared(before(s->key), &to))
        return;
    write_item(p, s, &payload);
    ask_send(p->e, a->host, &to, TYPE_SET, buf_slice(&payload), answered,
             asked_new(jid_bare(&a->jid), s->key));
    buf_free(&payload);
}

/* Services change when the store has answered, not while this goes on. */
static void publish_due(struct push *p)
{
    bool any = false;
    for (unsigned i = 0; i < p->count; i++) {
        any |= p->services[i].due;
        if (p->services[i].due)
            publish(p, &p->services[i]);
    }
    if (any)
        timer_set(&p->e->timers, &p->gap, p->e->now.mono_ms + GAP_MS);
}

/* ------------------------------------------------------------------------------------------ when
 */

/* Somebody wrote something, or calls. Receipts, markers and the like wait for another time. */
static bool is_worth(struct xml x)
{
    struct slice ns = xml_ns(x), name = xml_name(x);
    if (slice_eq(ns, NS_CLIENT))
        return slice_is(name, "body");
    return slice_is(name, "encrypted") || slice_is(ns, "urn:xmpp:eme:0") ||
           slice_is(ns, "urn:xmpp:openpgp:0") || slice_is(ns, "jabber:x:encrypted") ||
           (slice_is(name, "propose") && slice_starts(ns, SLICE("urn:xmpp:jingle-message:")));
}

static bool wakes(const struct stanza *s)
{
    struct stanza own_view = *s;
    struct xml_tree *tree = NULL;
    bool worth = false;
    if (s->kind != STANZA_MESSAGE || s->type == TYPE_ERROR)
        return false;
    if (xml_some(own_view.root) || stanza_unpack(&own_view, &tree))
        for (struct xml x = xml_first_element(own_view.root); xml_some(x); x = xml_next_element(x))
            worth |= is_worth(x);
    xml_tree_free(&tree);
    return worth;
}

/* Does the device that enabled the service have a connection? */
static bool is_here(const struct account *a, const struct service *s)
{
    const struct session *session = session_find(a, before(s->value));
    return session != NULL && session->stream != NULL;
}

static bool is_from(const struct stanza *s, const struct service *service)
{
    struct jid jid;
    return jid_from_prepared(before(service->key), &jid) &&
           slice_eq(jid_domain(&jid), jid_domain(&s->from));
}

static void message_kept(struct engine *e, struct account *a, const struct stanza *s,
                         uint64_t position, bool taken)
{
    (void)position;
    struct push *p = push_of(e, a);
    if (p == NULL || p->count == 0 || !wakes(s))
        return;
    p->messages += !taken;
    for (unsigned i = 0; i < p->count; i++) {
        struct service *service = &p->services[i];
        service->due |= (!taken || !is_here(a, service)) && !is_from(s, service);
    }
    if (!timer_armed(&p->gap))
        publish_due(p);
}

static void session_hibernates(struct engine *e, struct session *session, size_t unacknowledged)
{
    struct push *p = push_of(e, session->account);
    if (p == NULL || unacknowledged == 0)
        return;
    for (unsigned i = 0; i < p->count; i++)
        p->services[i].due |= slice_eq(before(p->services[i].value), jid_resource(&session->jid));
    if (!timer_armed(&p->gap))
        publish_due(p);
}

static void session_ready(struct engine *e, struct session *session)
{
    struct push *p = push_of(e, session->account);
    if (p != NULL)
        p->messages = 0;
}

/* -------------------------------------------------------------------------------------- requests
 */

/* The address of the service, prepared. One of ours is none: it would be a client's. */
static enum stanza_error read_jid(struct iq *iq, struct jid *out)
{
    struct slice text = xml_attr(iq->payload, SLICE("jid"));
    if (text.len == 0 || text.len > NAME_BYTES_MAX)
        return STANZA_BAD_REQUEST;
    if (jid_parse(text, &iq->e->arena, out) != 0)
        return STANZA_JID_MALFORMED;
    bool ours = config_host(iq->e->config, jid_domain(out)) != NULL;
    return ours ? STANZA_NOT_ACCEPTABLE : STANZA_OK;
}

static bool is_options(struct xml form)
{
    for (struct xml f = xml_child(form, NS_DATA_FORMS, SLICE("field")); xml_some(f);
         f = xml_next_named(f, NS_DATA_FORMS, SLICE("field")))
        if (slice_is(xml_attr(f, SLICE("var")), "FORM_TYPE"))
            return slice_is(xml_text(xml_child(f, NS_DATA_FORMS, SLICE("value"))), OPTIONS_FORM);
    return false;
}

/* What <enable/> asks for, as it is stored (section 5). */
static enum stanza_error read_enable(struct iq *iq, struct buf *key, struct buf *value)
{
    struct jid jid = JID_NONE;
    struct slice node = xml_attr(iq->payload, SLICE("node"));
    struct xml form = xml_child(iq->payload, NS_DATA_FORMS, SLICE("x"));
    enum stanza_error error = read_jid(iq, &jid);
    if (error != STANZA_OK)
        return error;
    if (node.len > NAME_BYTES_MAX)
        return STANZA_NOT_ACCEPTABLE;
    buf_add(key, jid_full(&jid));
    buf_byte(key, '\n');
    buf_add(key, node);
    buf_add(value, jid_resource(&iq->stanza.from));
    buf_byte(value, '\n');
    if (xml_some(form) && !is_options(form))
        return STANZA_BAD_REQUEST;
    size_t before_form = buf_len(value);
    xml_write_node(value, form, NS_PUBSUB);
    return buf_len(value) - before_form <= OPTIONS_BYTES_MAX ? STANZA_OK : STANZA_NOT_ACCEPTABLE;
}

static void enabled(struct iq *iq, struct store_request *answer)
{
    struct buf key = {0}, value = {0};
    if (iq_store_failed(iq, answer))
        return;
    if (read_enable(iq, &key, &value) == STANZA_OK && iq->account->state == ACCOUNT_READY)
        remember(iq->e, iq->account, buf_slice(&key), buf_slice(&value));
    buf_free(&key);
    buf_free(&value);
    iq_result(iq);
}

static void enable(struct iq *iq)
{
    struct buf key = {0}, value = {0};
    enum stanza_error error = read_enable(iq, &key, &value);
    if (error != STANZA_OK) {
        iq_error(iq, error);
    } else {
        const struct push *p = push_of(iq->e, iq->account);
        struct slice owner = jid_bare(&iq->account->jid);
        struct store_request *batch = flow_batch(iq->e);
        bool known = false;
        for (unsigned i = 0; p != NULL && i < p->count; i++)
            known |= slice_eq(p->services[i].key, buf_slice(&key));
        if (p != NULL && p->count == SERVICES_MAX && !known)
            store_delete(batch, owner, STORE_PUSH, p->services[0].key);
        store_delete(batch, owner, STORE_PUSH, buf_slice(&key)); /* it becomes the newest */
        store_put(batch, owner, STORE_PUSH, buf_slice(&key), buf_slice(&value));
        iq_wait(iq, batch, enabled);
    }
    buf_free(&key);
    buf_free(&value);
}

/* Is it meant by <disable/>: by address, and by node where one is given (section 6)? */
static bool is_meant(const struct iq *iq, const struct jid *jid, const struct service *s)
{
    struct slice node = xml_attr(iq->payload, SLICE("node"));
    return slice_eq(before(s->key), jid_full(jid)) &&
           (node.ptr == NULL || slice_eq(behind(s->key), node));
}

static void disabled(struct iq *iq, struct store_request *answer)
{
    struct jid jid;
    struct push *p = push_of(iq->e, iq->account);
    if (iq_store_failed(iq, answer))
        return;
    bool good = read_jid(iq, &jid) == STANZA_OK;
    for (unsigned i = p != NULL && good ? p->count : 0; i-- > 0;)
        if (is_meant(iq, &jid, &p->services[i]))
            remove_at(p, i);
    iq_result(iq);
}

static void disable(struct iq *iq)
{
    struct jid jid;
    const struct push *p = push_of(iq->e, iq->account);
    enum stanza_error error = read_jid(iq, &jid);
    if (error != STANZA_OK) {
        iq_error(iq, error);
        return;
    }
    struct store_request *batch = NULL;
    for (unsigned i = 0; p != NULL && i < p->count; i++) {
        if (!is_meant(iq, &jid, &p->services[i]))
            continue;
        if (batch == NULL)
            batch = flow_batch(iq->e);
        store_delete(batch, jid_bare(&iq->account->jid), STORE_PUSH, p->services[i].key);
    }
    if (batch != NULL)
        iq_wait(iq, batch, disabled);
    else
        iq_result(iq);
}

static const struct module_iq IQS[] = {
    {"urn:xmpp:push:0", "enable", IQ_SELF, IQ_SET, enable},
    {"urn:xmpp:push:0", "disable", IQ_SELF, IQ_SET, disable},
    {0},
};

static const char *const FEATURES[] = {"urn:xmpp:push:0", NULL};
static const char *const STORES[] = {"push", NULL};

const struct module PUSH_MODULE = {
    .name = "push",
    .xep = "0357",
    .version = "0.4.1",
    .summary = "wakes devices that are away, without telling who wrote what",
    .account_features = FEATURES,
    .iqs = IQS,
    .stores = STORES,
    .account_read = account_read,
    .account_row = account_row,
    .account_unload = account_unload,
    .message_kept = message_kept,
    .session_hibernates = session_hibernates,
    .session_ready = session_ready,
};
