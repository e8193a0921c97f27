/* Which messages are kept: XEP-0160 section 3, XEP-0334 section 4, and the extensions that send
 * something worth keeping without a body. */
#include "core/service/keep.h"

#include "xml/parser.h"
#include "xmpp/ns.h"

#define S(lit)                                                                                     \
    {                                                                                              \
        .ptr = (lit), .len = sizeof(lit) - 1                                                       \
    }

/* Elements that make a message worth keeping. */
static const struct {
    struct slice ns, name;
} WORTH[] = {
    {S("jabber:client"), S("body")},
    /* something encrypted: XEP-0380, 0384 (old and new), 0373, 0027 */
    {S("urn:xmpp:eme:0"), S("encryption")},
    {S("eu.siacs.conversations.axolotl"), S("encrypted")},
    {S("urn:xmpp:omemo:1"), S("encrypted")},
    {S("urn:xmpp:omemo:2"), S("encrypted")},
    {S("urn:xmpp:openpgp:0"), S("openpgp")},
    {S("jabber:x:encrypted"), S("x")},
    /* a receipt (XEP-0184), a marker (XEP-0333) */
    {S("urn:xmpp:receipts"), S("received")},
    {S("urn:xmpp:chat-markers:0"), S("received")},
    {S("urn:xmpp:chat-markers:0"), S("displayed")},
    {S("urn:xmpp:chat-markers:0"), S("acknowledged")},
    /* a retraction (XEP-0424, with its older form around it), a reaction (XEP-0444) */
    {S("urn:xmpp:message-retract:1"), S("retract")},
    {S("urn:xmpp:message-retract:0"), S("retract")},
    {S("urn:xmpp:fasten:0"), S("apply-to")},
    {S("urn:xmpp:reactions:0"), S("reactions")},
};

struct content {
    bool worth, signal, other;          /* what is inside: worth keeping, chat states, else */
    bool store, no_store, no_permanent; /* hints */
};

static bool is_worth(struct slice ns, struct slice name)
{
    for (size_t i = 0; i < sizeof(WORTH) / sizeof(WORTH[0]); i++)
        if (slice_eq(WORTH[i].name, name) && slice_eq(WORTH[i].ns, ns))
            return true;
    return false;
}

static void look(struct xml x, struct content *c)
{
    struct slice ns = xml_ns(x), name = xml_name(x);
    if (slice_eq(ns, NS_HINTS)) {
        c->store |= slice_is(name, "store");
        c->no_store |= slice_is(name, "no-store");
        c->no_permanent |= slice_is(name, "no-permanent-store");
    } else if (slice_eq(ns, NS_CHAT_STATES)) {
        c->signal = true;
    } else if (is_worth(ns, name)) {
        c->worth = true;
    } else if (!xml_is(x, NS_CLIENT, SLICE("thread"))) {
        c->other = true;
    }
}

static enum keep judge(enum stanza_type type, const struct content *c)
{
    if (type == TYPE_ERROR)
        return c->worth ? KEEP_ARCHIVE : KEEP_VOLATILE;
    if (!c->worth && !c->store && c->signal && !c->other)
        return KEEP_SIGNAL;
    if (c->no_store || (!c->worth && !c->store))
        return KEEP_VOLATILE;
    return c->no_permanent ? KEEP_DELIVERY : KEEP_ARCHIVE;
}

enum keep keep_of(const struct stanza *s)
{
    if (s->kind != STANZA_MESSAGE || s->type == TYPE_HEADLINE)
        return KEEP_VOLATILE;
    struct content c = {0};
    struct xml_tree *tree = NULL;
    struct stanza view = *s;
    if (s->packed)
        (void)stanza_unpack(&view, &tree);
    for (struct xml x = xml_first_element(view.root); xml_some(x); x = xml_next_element(x))
        look(x, &c);
    xml_tree_free(&tree);
    return judge(s->type, &c);
}
