/* The text of a message: RFC 6121 section 5.2.3, bodies in several languages among it. Messages
 * that say that they are encrypted (XEP-0380 version 0.4.0, XEP-0384 versions 0.3.0 and 0.8.3) have
 * none.
 */
#include "xmpp/stanza_text.h"

#include <string.h>

#include "xml/parser.h"
#include "xml/tree.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

static bool is_encrypted(struct xml message)
{
    return xml_some(xml_child(message, SLICE("urn:xmpp:eme:0"), SLICE("encryption"))) ||
           xml_some(
               xml_child(message, SLICE("eu.siacs.conversations.axolotl"), SLICE("encrypted"))) ||
           xml_some(xml_child(message, SLICE("urn:xmpp:omemo:2"), SLICE("encrypted")));
}

bool stanza_text(struct slice encoded, struct buf *out)
{
    struct stanza s;
    struct xml_tree *tree = NULL;
    size_t before = buf_len(out);
    if (!stanza_decode(encoded, &s) || s.kind != STANZA_MESSAGE || s.type == TYPE_ERROR)
        return false;
    /* Most that have none are not parsed for it. */
    if (s.payload.len == 0 || memmem(s.payload.ptr, s.payload.len, "<body", 5) == NULL)
        return false;
    if (!stanza_unpack(&s, &tree))
        return false;
    struct xml body = XML_NONE;
    if (!is_encrypted(s.root))
        body = xml_child(s.root, NS_CLIENT, SLICE("body"));
    for (; xml_some(body); body = xml_next_named(body, NS_CLIENT, SLICE("body"))) {
        buf_add(out, xml_text(body));
        buf_byte(out, '\n');
    }
    xml_tree_free(&tree);
    return !out->failed && buf_len(out) > before;
}
