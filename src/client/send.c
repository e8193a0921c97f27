/* burble_send: a stanza that the program has written as text. */
#include "client/client.h"
#include "xml/parser.h"

int burble_send(struct burble *c, const char *stanza, unsigned flags, uint64_t *ticket_out)
{
    static const struct slice HEAD[] = {{.ptr = "id", .len = 2}};
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    struct stanza s;
    char made[CLIENT_ID_BYTES];
    limits.stanza_bytes = XML_STANZA_BYTES_MAX;
    enum xml_error error = xml_parse(slice_z(stanza), NS_CLIENT, &limits, &tree);
    if (error != XML_OK)
        return error == XML_MEMORY ? ERR_MEMORY : ERR_SYNTAX;
    if (!stanza_read(xml_root(tree), SLICE_NONE, &s) || s.type == TYPE_BAD) {
        xml_tree_free(&tree);
        return ERR_SYNTAX;
    }
    struct buf b = {0};
    struct slice name = stanza_kind_name(s.kind);
    if (s.id.len == 0) {
        client_new_id(c, made);
        s.id = slice_z(made);
    }
    buf_byte(&b, '<');
    buf_add(&b, name);
    xml_write_attr(&b, SLICE("id"), s.id);
    xml_write_attributes(&b, xml_root(tree), HEAD, 1);
    buf_byte(&b, '>');
    xml_write_children(&b, xml_root(tree), NS_CLIENT);
    buf_lit(&b, "</");
    buf_add(&b, name);
    buf_byte(&b, '>');
    int err = b.failed ? ERR_MEMORY
                       : outbox_put(c, s.kind == STANZA_MESSAGE ? OUTBOX_KEEP : OUTBOX_SESSION,
                                    buf_slice(&b), s.id, flags & BURBLE_SEND_NOW, ticket_out);
    buf_free(&b);
    xml_tree_free(&tree);
    return err;
}
