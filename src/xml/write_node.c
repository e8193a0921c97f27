/* Writing parsed nodes: one walk over the records, in the order in which they lie.
 *
 * The infoset is kept, prefixes are not (RFC 6120 4.8.5): each element is in the default namespace,
 * declared where it changes. The namespace of an attribute is declared with a generated
 * prefix, where it is first needed and not again inside. Only that of "xml:" is never declared.
 *
 * What was accepted is accepted again when it comes back so written: no limit of parser.h but the
 * one on bytes can be exceeded by it, and the declarations take at most stanza_bytes more. */
#include "base/check.h"
#include "xml/escape.h"
#include "xml/parser.h"
#include "xml/record.h"
#include "xml/writer.h"

/* An element whose end tag is due. ns: the default namespace inside of it, as an index. */
struct frame {
    uint32_t at;
    uint32_t ns;
};

enum { NS_OUTER = UINT16_MAX }; /* the one in force around what is written */

/* Where the prefix of a namespace was declared: an element, and its depth. */
struct prefix {
    uint32_t at;
    uint16_t depth;
    uint16_t number; /* what it is called: "ns" and this; 0: not needed yet */
};

enum { SPACES_MAX = SPACE_FIXED + XML_DECLARATIONS_MAX };

struct walk {
    struct buf *out;
    const struct xml_tree *tree;
    struct slice outer;
    uint32_t depth;
    uint16_t numbers; /* given out; 0: prefixes is not in use */
    struct frame stack[XML_DEPTH_MAX];
    struct prefix prefixes[SPACES_MAX];
};

static bool is_skipped(struct slice name, const struct slice *skip, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(name, skip[i]))
            return true;
    }
    return false;
}

/* Whether the prefix of a namespace must be declared on the element at; from then on it is. */
static bool declare_prefix(struct walk *w, unsigned ns, uint32_t at)
{
    if (w->numbers == 0)
        memset(w->prefixes, 0, sizeof(w->prefixes));
    struct prefix *p = &w->prefixes[ns];
    if (p->number == 0)
        p->number = ++w->numbers;
    else if (p->at == at || (p->depth < w->depth && w->stack[p->depth].at == p->at))
        return false;
    p->at = at;
    p->depth = (uint16_t)w->depth;
    return true;
}

/* The attribute r, which has a namespace, of the element at. */
static void put_prefixed(struct walk *w, const uint8_t *r, uint32_t at)
{
    if (r[3] == SPACE_XML) {
        put_raw(w->out, SLICE(" xml:"));
    } else {
        if (declare_prefix(w, r[3], at)) {
            buf_printf(w->out, " xmlns:ns%u='", w->prefixes[r[3]].number);
            xml_write_value(w->out, tree_space(w->tree, r[3]));
            put_raw(w->out, SLICE("'"));
        }
        buf_printf(w->out, " ns%u:", w->prefixes[r[3]].number);
    }
    put_raw(w->out, rec_attr_name(r));
    put_raw(w->out, SLICE("='"));
    xml_write_value(w->out, rec_attr_value(r));
    put_raw(w->out, SLICE("'"));
}

/* Writes the attributes of the element at; returns what lies behind them. */
static uint32_t put_attributes(struct walk *w, uint32_t at, const struct slice *skip, size_t n)
{
    const uint8_t *r = w->tree->bytes + at;
    bool more = (r[0] & REC_ATTRS) != 0;
    r += rec_element_size(r);
    for (; more; r += rec_attr_size(r)) {
        more = (r[0] & REC_LAST) == 0;
        if ((r[0] & REC_DECL) != 0)
            continue;
        if ((r[0] & REC_PREFIXED) != 0)
            put_prefixed(w, r, at);
        else if (!is_skipped(rec_attr_name(r), skip, n))
            xml_write_attr(w->out, rec_attr_name(r), rec_attr_value(r));
    }
    return (uint32_t)(r - w->tree->bytes);
}

static bool same_space(const struct walk *w, unsigned ns, uint32_t in_force)
{
    return in_force == NS_OUTER ? slice_eq(tree_space(w->tree, ns), w->outer) : ns == in_force;
}

static void put_name(struct walk *w, const uint8_t *r)
{
    if (r[1] == SPACE_XML)
        put_raw(w->out, SLICE("xml:"));
    put_raw(w->out, rec_element_name(r));
}

/* Writes the start tag of the element at; returns where to go on. */
static uint32_t put_element(struct walk *w, uint32_t at)
{
    const uint8_t *r = w->tree->bytes + at;
    uint32_t ns = w->depth > 0 ? w->stack[w->depth - 1].ns : NS_OUTER;
    put_raw(w->out, SLICE("<"));
    put_name(w, r);
    if (r[1] != SPACE_XML && !same_space(w, r[1], ns)) {
        xml_write_attr(w->out, SLICE("xmlns"), tree_space(w->tree, r[1]));
        ns = r[1];
    }
    uint32_t after = put_attributes(w, at, NULL, 0);
    bool empty = (r[0] & REC_SPAN) == 0;
    if (!empty) {
        after += 4;
        empty = w->tree->bytes[after] == REC_END;
        after += empty;
    }
    put_raw(w->out, empty ? SLICE("/>") : SLICE(">"));
    if (!empty) {
        CHECK(w->depth < XML_DEPTH_MAX);
        w->stack[w->depth++] = (struct frame){.at = at, .ns = ns};
    }
    return after;
}

/* The arrays are not filled before they are needed: this is called for every stanza. */
static void walk_init(struct walk *w, struct buf *out, const struct xml_tree *t, struct slice ns)
{
    w->out = out;
    w->tree = t;
    w->outer = ns;
    w->depth = 0;
    w->numbers = 0;
}

/* Writes the records from at to end, all of which lie in one element. */
static void put_range(struct buf *out, const struct xml_tree *t, uint32_t at, uint32_t end,
                      struct slice ns)
{
    struct walk w __attribute__((uninitialized));
    walk_init(&w, out, t, ns);
    while (at < end) {
        const uint8_t *r = t->bytes + at;
        switch (r[0] & REC_KIND) {
        case REC_ELEMENT:
            at = put_element(&w, at);
            break;
        case REC_TEXT:
            xml_write_text(out, rec_text(r));
            at += rec_text_size(r);
            break;
        default:
            w.depth--;
            put_raw(out, SLICE("</"));
            put_name(&w, t->bytes + w.stack[w.depth].at);
            put_raw(out, SLICE(">"));
            at++;
        }
    }
}

void xml_write_node(struct buf *out, struct xml x, struct slice ns)
{
    if (xml_some(x))
        put_range(out, x.tree, x.at, rec_after(x.tree->bytes, x.at), ns);
}

void xml_write_children(struct buf *out, struct xml x, struct slice ns)
{
    struct xml first = xml_first(x);
    if (xml_some(first))
        put_range(out, x.tree, first.at, rec_after(x.tree->bytes, x.at) - 1, ns);
}

void xml_write_attributes(struct buf *out, struct xml x, const struct slice *skip, size_t n)
{
    if (!xml_is_element(x))
        return;
    struct walk w __attribute__((uninitialized));
    walk_init(&w, out, x.tree, SLICE_NONE);
    put_attributes(&w, x.at, skip, n);
}
