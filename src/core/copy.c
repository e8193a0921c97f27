/* Messages as clients get them: stanza-id (XEP-0359 version 0.7.0), stamp (XEP-0203), copies
 * (XEP-0280 version 1.0.1, XEP-0297 version 1.0). */
#include "core/copy.h"

#include "core/service/archive.h"
#include "core/service/delay.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

/* What a message holds that decides about copies. */
struct content {
    bool hidden;  /* its sender wants no copies */
    bool body;    /* or what else makes a message of an error's echo */
    bool im;      /* a receipt, chat state, marker or invitation */
    bool of_room; /* <x/> of XEP-0045, without an invitation */
    bool other;
};

static void look(struct xml x, struct content *c)
{
    struct slice ns = xml_ns(x), name = xml_name(x);
    if (slice_eq(ns, NS_CLIENT))
        c->body |= slice_is(name, "body");
    else if (slice_eq(ns, NS_CARBONS))
        c->hidden |= slice_is(name, "private");
    else if (slice_eq(ns, NS_HINTS))
        c->hidden |= slice_is(name, "no-copy");
    else if (slice_eq(ns, NS_RECEIPTS) || slice_eq(ns, NS_CHAT_STATES) ||
             slice_eq(ns, NS_MARKERS) || slice_eq(ns, NS_INVITATION))
        c->im = true;
    else if (!xml_is(x, NS_MUC_USER, SLICE("x")))
        c->other = true;
    else if (xml_some(xml_child(x, NS_MUC_USER, SLICE("invite"))))
        c->im = true;
    else
        c->of_room = true;
}

/* Of an error it is not known what it answers: what it brings back has to do, and where it brings
 * back nothing it counts, for a message that failed is worth knowing everywhere. */
static bool eligible(const struct stanza *s, const struct content *c)
{
    if (c->hidden)
        return false;
    switch (s->type) {
    case TYPE_CHAT:
        return true;
    case TYPE_NORMAL:
        return c->body || c->im;
    case TYPE_ERROR:
        return c->body || c->im || !c->other;
    default:
        return c->im;
    }
}

static enum copy_judgement judge(const struct stanza *st)
{
    struct stanza s = *st;
    struct xml_tree *tree = NULL;
    struct content c = {0};
    if (s.kind != STANZA_MESSAGE || s.type == TYPE_GROUPCHAT ||
        (s.packed && !stanza_unpack(&s, &tree)))
        return COPY_NOBODY;
    for (struct xml x = xml_first_element(s.root); xml_some(x); x = xml_next_element(x))
        look(x, &c);
    bool good = eligible(&s, &c);
    xml_tree_free(&tree);
    /* What an occupant of a room says in private comes to every resource from the room itself. */
    bool of_occupant = c.of_room && s.from.resource_len > 0;
    return !good ? COPY_NOBODY : of_occupant ? COPY_SENDERS : COPY_ALL;
}

bool copy_is_eligible(struct log_entry *entry, bool to_us)
{
    if (entry->judgement == COPY_UNKNOWN)
        entry->judgement = judge(&entry->stanza);
    return entry->judgement == COPY_ALL || (entry->judgement == COPY_SENDERS && !to_us);
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
