/* Changes of the roster and of subscriptions that a program asks for (RFC 6121 sections 2.3 to 2.5
 * and 3). The roster itself changes when the server pushes what became of it. */
#include "client/roster.h"

/* One item, or its removal, as a request. */
static int change(struct burble_roster *r, const char *jid, bool remove,
                  const struct burble_contact *like, burble_iq_fn *fn, void *arg)
{
    struct arena mem = {0};
    struct jid j;
    struct buf b = {0};
    struct xml_writer w;
    int err = jid != NULL ? jid_parse(slice_z(jid), &mem, &j) : ERR_SYNTAX;
    if (err == 0) {
        /* What is in the roster with a resource is changed as that. */
        bool whole = contacts_find(&r->items, jid_full(&j)) != NULL;
        xml_writer_init(&w, &b, NS_CLIENT);
        xml_open(&w, SLICE("query"), NS_ROSTER);
        xml_open(&w, SLICE("item"), SLICE_NONE);
        xml_attr_put(&w, SLICE("jid"), whole ? jid_full(&j) : jid_bare(&j));
        if (remove)
            xml_attr_put(&w, SLICE("subscription"), SLICE("remove"));
        if (like->name != NULL)
            xml_attr_put(&w, SLICE("name"), slice_z(like->name));
        for (size_t i = 0; i < like->group_count; i++)
            xml_leaf(&w, SLICE("group"), SLICE_NONE, slice_z(like->groups[i]));
        xml_close(&w);
        xml_close(&w);
        buf_byte(&b, '\0');
        err = b.failed ? ERR_MEMORY
                       : burble_set(r->x.client, NULL, buf_slice(&b).ptr, 0, fn, arg, NULL);
    }
    buf_free(&b);
    arena_free(&mem);
    return err;
}

int burble_roster_set(struct burble_roster *r, const char *jid, const char *name,
                      const char *const *groups, size_t group_count, burble_iq_fn *fn, void *arg)
{
    struct burble_contact like = {.name = name, .groups = groups, .group_count = group_count};
    return change(r, jid, false, &like, fn, arg);
}

int burble_roster_remove(struct burble_roster *r, const char *jid, burble_iq_fn *fn, void *arg)
{
    return change(r, jid, true, &(struct burble_contact){0}, fn, arg);
}

int burble_roster_subscribe(struct burble_roster *r, const char *jid, const char *status)
{
    return burble_send_presence(r->x.client, jid, BURBLE_SUBSCRIBE, status);
}

int burble_roster_unsubscribe(struct burble_roster *r, const char *jid)
{
    return burble_send_presence(r->x.client, jid, BURBLE_UNSUBSCRIBE, NULL);
}

int burble_roster_approve(struct burble_roster *r, const char *jid)
{
    return burble_send_presence(r->x.client, jid, BURBLE_SUBSCRIBED, NULL);
}

int burble_roster_cancel(struct burble_roster *r, const char *jid)
{
    return burble_send_presence(r->x.client, jid, BURBLE_UNSUBSCRIBED, NULL);
}

bool burble_roster_can_preapprove(const struct burble_roster *r)
{
    return burble_has_stream_feature(r->x.client, NS_PRE_APPROVAL.ptr, "sub");
}
