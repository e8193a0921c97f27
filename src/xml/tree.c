/* Reading the flat tree (record.h): every accessor walks records forward and copies nothing.
 *
 * Handles are taken from the tree itself, so nothing is checked that the parser has made sure of.
 */
#include "xml/tree.h"

#include "xml/record.h"

const struct slice XML_FIXED_SPACES[SPACE_FIXED] = {
    [SPACE_NONE] = {"", 0},
    [SPACE_XML] = {"http://www.w3.org/XML/1998/namespace", 36},
    [SPACE_XMLNS] = {"http://www.w3.org/2000/xmlns/", 29},
    [SPACE_CLIENT] = {"jabber:client", 13},
    [SPACE_SERVER] = {"jabber:server", 13},
    [SPACE_STREAMS] = {"http://etherx.jabber.org/streams", 32},
};

uint32_t rec_after_attrs(const uint8_t *bytes, uint32_t at)
{
    const uint8_t *r = bytes + at;
    bool more = (r[0] & REC_ATTRS) != 0;
    r += rec_element_size(r);
    while (more) {
        more = (r[0] & REC_LAST) == 0;
        r += rec_attr_size(r);
    }
    return (uint32_t)(r - bytes);
}

uint32_t rec_after(const uint8_t *bytes, uint32_t at)
{
    const uint8_t *r = bytes + at;
    if ((r[0] & REC_KIND) == REC_TEXT)
        return at + rec_text_size(r);
    uint32_t after = rec_after_attrs(bytes, at);
    return (r[0] & REC_SPAN) != 0 ? after + rec_u32(bytes + after) : after;
}

static inline const uint8_t *record(struct xml x)
{
    return x.tree->bytes + x.at;
}

static inline unsigned kind(struct xml x)
{
    return record(x)[0] & REC_KIND;
}

/* The node at, or no node where a list of children ends. */
static inline struct xml node(const struct xml_tree *t, uint32_t at)
{
    if (at >= t->len || (t->bytes[at] & REC_KIND) == REC_END)
        return XML_NONE;
    return (struct xml){.tree = t, .at = at};
}

struct xml xml_root(const struct xml_tree *tree)
{
    return tree != NULL && tree->len > 0 ? node(tree, tree->root) : XML_NONE;
}

bool xml_is_element(struct xml x)
{
    return x.tree != NULL && kind(x) == REC_ELEMENT;
}

struct slice xml_name(struct xml x)
{
    return xml_is_element(x) ? rec_element_name(record(x)) : SLICE("");
}

struct slice xml_ns(struct xml x)
{
    return xml_is_element(x) ? tree_space(x.tree, record(x)[1]) : SLICE("");
}

bool xml_is(struct xml x, struct slice ns, struct slice name)
{
    return xml_is_element(x) && slice_eq(rec_element_name(record(x)), name) &&
           slice_eq(tree_space(x.tree, record(x)[1]), ns);
}

struct slice xml_attr(struct xml x, struct slice name)
{
    if (!xml_is_element(x) || (record(x)[0] & REC_ATTRS) == 0)
        return SLICE_NONE;
    const uint8_t *r = record(x) + rec_element_size(record(x));
    for (;;) {
        if (r[1] == name.len && (r[0] & (REC_PREFIXED | REC_DECL)) == 0 &&
            memcmp(r + 3, name.ptr, name.len) == 0)
            return rec_attr_value(r);
        if ((r[0] & REC_LAST) != 0)
            return SLICE_NONE;
        r += rec_attr_size(r);
    }
}

struct slice xml_attr_ns(struct xml x, struct slice ns, struct slice name)
{
    struct xml_attribute a;
    for (uint32_t at = 0; xml_attributes(x, &at, &a);) {
        if (slice_eq(a.name, name) && slice_eq(a.ns, ns))
            return a.value;
    }
    return SLICE_NONE;
}

struct slice xml_lang(struct xml x)
{
    return xml_attr_ns(x, XML_FIXED_SPACES[SPACE_XML], SLICE("lang"));
}

bool xml_attributes(struct xml x, uint32_t *at, struct xml_attribute *out)
{
    if (!xml_is_element(x) || (record(x)[0] & REC_ATTRS) == 0)
        return false;
    /* *at is the record behind which the next one lies; the element itself counts as the first. */
    uint32_t before = *at == 0 ? x.at : x.at + *at;
    const uint8_t *r = x.tree->bytes + before;
    for (;;) {
        if ((r[0] & REC_KIND) == REC_ATTR) {
            if ((r[0] & REC_LAST) != 0)
                return false;
            r += rec_attr_size(r);
        } else {
            r += rec_element_size(r);
        }
        if ((r[0] & REC_DECL) == 0)
            break;
    }
    *at = (uint32_t)(r - record(x));
    out->ns = tree_space(x.tree, rec_attr_ns(r));
    out->name = rec_attr_name(r);
    out->value = rec_attr_value(r);
    return true;
}

struct xml xml_first(struct xml x)
{
    if (!xml_is_element(x) || (record(x)[0] & REC_SPAN) == 0)
        return XML_NONE;
    return node(x.tree, rec_after_attrs(x.tree->bytes, x.at) + 4);
}

struct xml xml_next(struct xml x)
{
    return xml_some(x) ? node(x.tree, rec_after(x.tree->bytes, x.at)) : XML_NONE;
}

struct xml xml_first_element(struct xml x)
{
    struct xml child = xml_first(x);
    return !xml_some(child) || xml_is_element(child) ? child : xml_next_element(child);
}

struct xml xml_next_element(struct xml x)
{
    do
        x = xml_next(x);
    while (xml_some(x) && !xml_is_element(x));
    return x;
}

struct xml xml_child(struct xml x, struct slice ns, struct slice name)
{
    struct xml child = xml_first_element(x);
    while (xml_some(child) && !xml_is(child, ns, name))
        child = xml_next_element(child);
    return child;
}

struct xml xml_next_named(struct xml x, struct slice ns, struct slice name)
{
    do
        x = xml_next_element(x);
    while (xml_some(x) && !xml_is(x, ns, name));
    return x;
}

size_t xml_count_named(struct xml x, struct slice ns, struct slice name)
{
    size_t n = 0;
    for (x = xml_child(x, ns, name); xml_some(x); x = xml_next_named(x, ns, name))
        n++;
    return n;
}

struct slice xml_text(struct xml x)
{
    if (xml_is_element(x)) {
        x = xml_first(x);
        while (xml_is_element(x))
            x = xml_next(x);
    }
    return xml_some(x) ? rec_text(record(x)) : SLICE("");
}

size_t xml_count(struct xml x)
{
    if (!xml_is_element(x))
        return 0;
    const uint8_t *bytes = x.tree->bytes;
    uint32_t end = rec_after(bytes, x.at);
    size_t count = 0;
    for (uint32_t at = x.at; at < end;) {
        switch (bytes[at] & REC_KIND) {
        case REC_ELEMENT:
            count++;
            at = rec_after_attrs(bytes, at) + ((bytes[at] & REC_SPAN) != 0 ? 4 : 0);
            break;
        case REC_TEXT:
            at += rec_text_size(bytes + at);
            break;
        default:
            at++;
        }
    }
    return count;
}
