/* Roster changes: saving, pushing (RFC 6121 section 2.1.6), versions (section 2.6). */
#include "core/roster_push.h"

#include <stdio.h>

#include "core/roster_push.h"
#include "xmpp/ns.h"

void roster_save(struct engine *e, struct account *a, struct store_request *batch,
                 struct slice bare, const struct roster_item *item)
{
    (void)e;
    struct slice owner = jid_bare(&a->jid);
    char version[24];
    int n = snprintf(version, sizeof(version), "%llu", (unsigned long long)++a->roster.version);
    store_put(batch, owner, STORE_ROSTER, SLICE(""), slice_of(version, (size_t)n));
    if (item == NULL) {
        store_delete(batch, owner, STORE_ROSTER, bare);
        return;
    }
    struct buf value = {0};
    roster_item_encode(item, &value);
    store_put(batch, owner, STORE_ROSTER, bare, buf_slice(&value));
    buf_free(&value);
}

void roster_push(struct engine *e, struct account *a, struct slice bare)
{
    struct buf payload = {0};
    struct xml_writer w;
    char version[24];
    int n = snprintf(version, sizeof(version), "%llu", (unsigned long long)a->roster.version);
    xml_writer_init(&w, &payload, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_ROSTER);
    xml_attr_put(&w, SLICE("ver"), slice_of(version, (size_t)n));
    const struct roster_item *item = roster_find(&a->roster, bare);
    if (item != NULL && item->listed) {
        roster_item_write(item, &w);
    } else {
        xml_open(&w, SLICE("item"), SLICE_NONE);
        xml_attr_put(&w, SLICE("jid"), bare);
        xml_attr_put(&w, SLICE("subscription"), SLICE("remove"));
        xml_close(&w);
    }
    xml_close(&w);
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (s->roster_interested)
            session_push(e, s, buf_slice(&payload));
    }
    buf_free(&payload);
}
