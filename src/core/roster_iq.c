/* The roster as clients see it: RFC 6121 section 2 (get, set, remove, push, versioning). */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/module.h"
#include "core/roster_push.h"
#include "core/subscribe.h"

enum { GROUPS_MAX = 50, GROUP_BYTES_MAX = 1023, NAME_BYTES_MAX = 1023 };

static struct slice version_text(const struct account *a, char out[24])
{
    int n = snprintf(out, 24, "%llu", (unsigned long long)a->roster.version);
    return slice_of(out, (size_t)n);
}

static void roster_get(struct iq *iq)
{
    struct account *a = iq->account;
    char text[24];
    struct slice version = version_text(a, text);
    struct slice known = xml_attr(iq->payload, SLICE("ver"));
    if (iq->session != NULL)
        iq->session->roster_interested = true;
    if (known.ptr != NULL && slice_eq(known, version)) {
        iq_result(iq); /* nothing changed (section 2.6.3) */
        return;
    }
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("query"), NS_ROSTER);
    if (known.ptr != NULL)
        xml_attr_put(&w, SLICE("ver"), version);
    for (uint32_t i = 0; i < a->roster.count; i++)
        if (a->roster.items[i]->listed)
            roster_item_write(a->roster.items[i], &w);
    xml_close(&w);
    iq_result_end(iq, &w);
}

struct removal {
    struct jid contact; /* bare, text behind this struct */
    struct subscription was;
    bool removed;
    char text[];
};

static void roster_written(struct iq *iq, struct store_request *answer)
{
    struct engine *e = iq->e;
    struct account *a = iq->account;
    const struct removal *r = iq->data;
    if (answer->err != 0) {
        account_reload(e, a);
        iq_store_failed(iq, answer);
        return;
    }
    roster_push(e, a, jid_bare(&r->contact));
    if (r->removed)
        subscribe_cancel(e, a, &r->contact, r->was);
    iq_result(iq);
}

static void write_item(struct iq *iq, const struct jid *contact, struct slice name,
                       struct slice groups, bool remove)
{
    struct engine *e = iq->e;
    struct account *a = iq->account;
    struct slice bare = jid_bare(contact);
    struct roster_item *item = roster_find(&a->roster, bare);
    struct removal *r = mem_alloc(sizeof(*r) + bare.len);
    memcpy(r->text, bare.ptr, bare.len);
    r->contact = jid_to_bare(*contact);
    r->contact.text = r->text;
    r->removed = remove;
    struct store_request *batch = flow_batch(e);
    if (remove) {
        r->was = item->sub;
        roster_remove(&a->roster, bare);
        roster_save(e, a, batch, bare, NULL);
        store_delete(batch, jid_bare(&a->jid), STORE_REQUESTS, bare);
    } else {
        item = roster_set(&a->roster, bare, name, groups);
        item->listed = true;
        roster_save(e, a, batch, bare, item);
    }
    iq->data = r;
    iq_wait(iq, batch, roster_written);
}

/* Collects the groups; the error that refuses them (section 2.3.3). */
static enum stanza_error read_groups(struct xml item, struct buf *out)
{
    unsigned n = 0;
    for (struct xml g = xml_child(item, NS_ROSTER, SLICE("group")); xml_some(g);
         g = xml_next_named(g, NS_ROSTER, SLICE("group"))) {
        struct slice name = xml_text(g), seen = buf_slice(out);
        if (name.len == 0 || name.len > GROUP_BYTES_MAX || ++n > GROUPS_MAX)
            return STANZA_NOT_ACCEPTABLE;
        while (seen.len > 0) {
            size_t end = slice_find(seen, '\0');
            if (slice_eq(slice_of(seen.ptr, end), name))
                return STANZA_BAD_REQUEST;
            seen = slice_from(seen, end + 1);
        }
        buf_add(out, name);
        buf_byte(out, '\0');
    }
    return STANZA_OK;
}

static enum stanza_error check_item(const struct iq *iq, struct xml item, struct jid *contact)
{
    struct slice jid = xml_attr(item, SLICE("jid"));
    if (!xml_some(item) || jid.ptr == NULL ||
        xml_some(xml_next_named(item, NS_ROSTER, SLICE("item"))))
        return STANZA_BAD_REQUEST;
    int err = jid_parse(jid, &iq->e->arena, contact);
    if (err != 0)
        return err == ERR_SYNTAX ? STANZA_JID_MALFORMED : STANZA_RESOURCE_CONSTRAINT;
    if (jid_bare_eq(contact, &iq->account->jid))
        return STANZA_NOT_ALLOWED;
    if (xml_attr(item, SLICE("name")).len > NAME_BYTES_MAX)
        return STANZA_NOT_ACCEPTABLE;
    return STANZA_OK;
}

static void roster_set_iq(struct iq *iq)
{
    struct account *a = iq->account;
    struct xml item = xml_child(iq->payload, NS_ROSTER, SLICE("item"));
    struct jid contact;
    enum stanza_error error = check_item(iq, item, &contact);
    if (error != STANZA_OK) {
        iq_error(iq, error);
        return;
    }
    const struct roster_item *known = roster_find(&a->roster, jid_bare(&contact));
    bool remove = slice_is(xml_attr(item, SLICE("subscription")), "remove");
    if (remove && (known == NULL || !known->listed)) {
        iq_error(iq, STANZA_ITEM_NOT_FOUND);
        return;
    }
    if (known == NULL && a->roster.count >= iq->e->config->limits.roster_items) {
        iq_error_text(iq, STANZA_RESOURCE_CONSTRAINT, SLICE("the roster is full"));
        return;
    }
    struct buf groups = {0};
    error = read_groups(item, &groups);
    if (error == STANZA_OK)
        write_item(iq, &contact, xml_attr(item, SLICE("name")), buf_slice(&groups), remove);
    else
        iq_error(iq, error);
    buf_free(&groups);
}

static void roster_iq(struct iq *iq)
{
    if (iq_is_set(iq))
        roster_set_iq(iq);
    else
        roster_get(iq);
}

static void roster_features(struct engine *e, const struct c2s *stream, struct xml_writer *w)
{
    (void)e;
    if (!c2s_authenticated(stream))
        return;
    xml_open(w, SLICE("ver"), NS_ROSTER_VERSION);
    xml_close(w);
    xml_open(w, SLICE("sub"), NS_PRE_APPROVAL);
    xml_close(w);
}

static const struct module_iq ROSTER_IQS[] = {
    {"jabber:iq:roster", "query", IQ_SELF, IQ_GET | IQ_SET, roster_iq},
    {0},
};

const struct module ROSTER_MODULE = {
    .name = "roster",
    .summary = "contacts and subscriptions (RFC 6121)",
    .iqs = ROSTER_IQS,
    .stream_features = roster_features,
};
