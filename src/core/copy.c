/* Messages as clients get them: stanza-id (XEP-0359 version 0.7.0), stamp (XEP-0203), copies
 * (XEP-0280 version 1.0.1, XEP-0297 version 1.0). */
#include "core/copy.h"

#include "core/service/archive.h"
#include "core/service/delay.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

static bool eligible(enum stanza_type type, struct xml root)
{
    bool content = type == TYPE_CHAT || type == TYPE_ERROR;
    for (struct xml x = xml_first_element(root); xml_some(x); x = xml_next_element(x)) {
        struct slice ns = xml_ns(x), name = xml_name(x);
        if (slice_eq(ns, NS_CARBONS) && slice_is(name, "private"))
            return false;
        if (slice_eq(ns, NS_HINTS) && slice_is(name, "no-copy"))
            return false;
        if (slice_eq(ns, NS_CLIENT) && slice_is(name, "body"))
            content = true;
        if (slice_eq(ns, NS_RECEIPTS) || slice_eq(ns, NS_CHAT_STATES) || slice_eq(ns, NS_MARKERS))
            content = true;
    }
    return content;
}

bool copy_is_eligible(const struct stanza *s)
{
    if (s->kind != STANZA_MESSAGE || s->type == TYPE_GROUPCHAT || s->type == TYPE_HEADLINE)
        return false;
    if (!s->packed)
        return eligible(s->type, s->root);
    struct stanza own = *s;
    struct xml_tree *tree = NULL;
    bool good = stanza_unpack(&own, &tree) && eligible(own.type, own.root);
    xml_tree_free(&tree);
    return good;
}

static void stanza_id(struct buf *out, struct slice by, uint64_t position)
{
    char text[ARCHIVE_ID_BYTES];
    if (position == 0)
        return;
    buf_lit(out, "<stanza-id xmlns='urn:xmpp:sid:0'");
    xml_write_attr(out, SLICE("by"), by);
    xml_write_attr(out, SLICE("id"), archive_id(position, text));
    buf_lit(out, "/>");
}

void copy_write(const struct session *s, const struct log_entry *entry, enum role role,
                struct buf *out)
{
    struct buf extra = {0};
    struct slice bare = jid_bare(&s->account->jid);
    const struct stanza *st = &entry->stanza;
    if (entry->late && role == ROLE_MESSAGE)
        delay_write(&extra, jid_domain(&s->jid), entry->wall_ms, SLICE_NONE);
    stanza_id(&extra, bare, (entry->flags & ARCHIVE_HIDDEN) == 0 ? entry->position : 0);
    if (role == ROLE_MESSAGE) {
        stanza_write(out, st, NULL, buf_slice(&extra));
        buf_free(&extra);
        return;
    }
    buf_lit(out, "<message");
    xml_write_attr(out, SLICE("from"), bare);
    xml_write_attr(out, SLICE("to"), jid_full(&s->jid));
    if (st->type != TYPE_NORMAL)
        xml_write_attr(out, SLICE("type"), stanza_type_name(st->type));
    buf_byte(out, '>');
    buf_printf(out, "<%s xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>",
               role == ROLE_SENT ? "sent" : "received");
    if (entry->late)
        delay_write(out, jid_domain(&s->jid), entry->wall_ms, SLICE_NONE);
    struct buf inner = {0};
    stanza_write(&inner, st, NULL, buf_slice(&extra));
    struct slice text = buf_slice(&inner);
    buf_lit(out, "<message xmlns='jabber:client'");
    buf_add(out, slice_from(text, strlen("<message")));
    buf_printf(out, "</forwarded></%s></message>", role == ROLE_SENT ? "sent" : "received");
    buf_free(&inner);
    buf_free(&extra);
}
