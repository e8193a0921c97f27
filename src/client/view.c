/* Trees as programs see them: burble/xml.h. Strings are copied with a NUL into the arena of the
 * view, only those that are asked for. */
#include "client/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

enum { PARSE_BYTES_MAX = 1 << 20, PRINT_INDENT = 2, PRINT_DEPTH_MAX = 128 };

struct burble_xml view_of(struct burble_tree *view, struct xml x)
{
    if (!xml_some(x))
        return (struct burble_xml){0};
    view->tree = x.tree;
    return (struct burble_xml){.tree = view, .at = x.at};
}

struct xml view_xml(struct burble_xml x)
{
    if (x.tree == NULL || x.tree->tree == NULL)
        return XML_NONE;
    return (struct xml){.tree = x.tree->tree, .at = x.at};
}

static struct burble_xml same(struct burble_xml of, struct xml x)
{
    return xml_some(x) ? (struct burble_xml){.tree = of.tree, .at = x.at} : (struct burble_xml){0};
}

const char *view_string(struct burble_tree *view, struct slice s)
{
    if (s.ptr == NULL)
        return NULL;
    char *copy = arena_alloc(&view->strings, s.len + 1);
    if (copy == NULL) {
        view->failed = true;
        return NULL;
    }
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void *view_array(struct burble_tree *view, size_t n, size_t size)
{
    void *out = arena_alloc(&view->strings, (n + 1) * size);
    if (out != NULL)
        memset(out, 0, (n + 1) * size);
    return out;
}

const char *view_text(struct burble_tree *view, struct xml x)
{
    struct slice text = xml_text(x);
    return text.len > 0 ? view_string(view, text) : NULL;
}

const char *burble_xml_name(struct burble_xml x)
{
    return burble_xml_some(x) ? view_string(x.tree, xml_name(view_xml(x))) : NULL;
}

const char *burble_xml_ns(struct burble_xml x)
{
    return burble_xml_some(x) ? view_string(x.tree, xml_ns(view_xml(x))) : NULL;
}

static bool named(struct xml x, const char *ns, const char *name)
{
    if (!xml_is_element(x) || !slice_eq(xml_name(x), slice_z(name)))
        return false;
    return ns == NULL || slice_eq(xml_ns(x), slice_z(ns));
}

bool burble_xml_is(struct burble_xml x, const char *ns, const char *name)
{
    return named(view_xml(x), ns, name);
}

const char *burble_xml_attr(struct burble_xml x, const char *name)
{
    return burble_xml_some(x) ? view_string(x.tree, xml_attr(view_xml(x), slice_z(name))) : NULL;
}

const char *burble_xml_text(struct burble_xml x)
{
    if (!burble_xml_some(x))
        return NULL;
    struct slice text = xml_text(view_xml(x));
    return text.ptr != NULL ? view_string(x.tree, text) : "";
}

const char *burble_xml_lang(struct burble_xml x)
{
    return burble_xml_some(x) ? view_string(x.tree, xml_lang(view_xml(x))) : NULL;
}

struct burble_xml burble_xml_first(struct burble_xml x)
{
    return same(x, xml_first_element(view_xml(x)));
}

struct burble_xml burble_xml_next(struct burble_xml x)
{
    return same(x, xml_next_element(view_xml(x)));
}

struct burble_xml burble_xml_first_node(struct burble_xml x)
{
    return same(x, xml_first(view_xml(x)));
}

struct burble_xml burble_xml_next_node(struct burble_xml x)
{
    return same(x, xml_next(view_xml(x)));
}

bool burble_xml_is_text(struct burble_xml x)
{
    return burble_xml_some(x) && !xml_is_element(view_xml(x));
}

struct burble_xml burble_xml_child(struct burble_xml x, const char *ns, const char *name)
{
    struct xml child = xml_first_element(view_xml(x));
    while (xml_some(child) && !named(child, ns, name))
        child = xml_next_element(child);
    return same(x, child);
}

struct burble_xml burble_xml_next_named(struct burble_xml x, const char *ns, const char *name)
{
    struct xml next = xml_next_element(view_xml(x));
    while (xml_some(next) && !named(next, ns, name))
        next = xml_next_element(next);
    return same(x, next);
}

bool burble_xml_attributes(struct burble_xml x, uint32_t *at, const char **ns_out,
                           const char **name_out, const char **value_out)
{
    struct xml_attribute a;
    if (!burble_xml_some(x) || !xml_attributes(view_xml(x), at, &a))
        return false;
    *ns_out = a.ns.len > 0 ? view_string(x.tree, a.ns) : NULL;
    *name_out = view_string(x.tree, a.name);
    *value_out = view_string(x.tree, a.value);
    return *name_out != NULL && *value_out != NULL;
}

static char *take_text(struct buf *out)
{
    char *text = buf_byte(out, '\0') == 0 ? strdup(buf_slice(out).ptr) : NULL;
    buf_free(out);
    return text;
}

static void new_line(struct buf *out, unsigned depth)
{
    buf_byte(out, '\n');
    for (unsigned i = 0; i < depth * PRINT_INDENT; i++)
        buf_byte(out, ' ');
}

static bool has_text(struct xml x)
{
    for (struct xml n = xml_first(x); xml_some(n); n = xml_next(n))
        if (!xml_is_element(n))
            return true;
    return false;
}

/* An element whose children have lines of their own is opened by its start tag alone: what the
 * serialiser writes for it, up to where its content begins. */
static void print_start(struct buf *out, struct xml x, struct slice ns)
{
    buf_byte(out, '<');
    buf_add(out, xml_name(x));
    if (!slice_eq(xml_ns(x), ns))
        xml_write_attr(out, SLICE("xmlns"), xml_ns(x));
    xml_write_attributes(out, x, NULL, 0);
    buf_byte(out, '>');
}

static void print_indented(struct buf *out, struct xml root)
{
    struct xml open[PRINT_DEPTH_MAX];
    unsigned depth = 0;
    struct xml x = root;
    while (xml_some(x)) {
        struct slice ns = depth > 0 ? xml_ns(open[depth - 1]) : NS_CLIENT;
        if (depth > 0)
            new_line(out, depth);
        bool opens = xml_some(xml_first_element(x)) && !has_text(x) && depth < PRINT_DEPTH_MAX;
        if (opens) {
            print_start(out, x, ns);
            open[depth++] = x;
            x = xml_first_element(x);
            continue;
        }
        xml_write_node(out, x, ns);
        x = depth > 0 ? xml_next_element(x) : XML_NONE;
        while (!xml_some(x) && depth > 0) {
            struct xml done = open[--depth];
            new_line(out, depth);
            buf_lit(out, "</");
            buf_add(out, xml_name(done));
            buf_byte(out, '>');
            x = depth > 0 ? xml_next_element(done) : XML_NONE;
        }
    }
}

char *burble_xml_print(struct burble_xml x, bool indent)
{
    struct buf out = {0};
    struct xml root = view_xml(x);
    if (!xml_some(root))
        return strdup("");
    if (!xml_is_element(root))
        xml_write_text(&out, xml_text(root));
    else if (indent)
        print_indented(&out, root);
    else
        xml_write_node(&out, root, NS_CLIENT);
    return take_text(&out);
}

struct burble_xml burble_xml_parse(const char *text, size_t len, const char *ns)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    limits.stanza_bytes = PARSE_BYTES_MAX;
    struct burble_tree *tree = calloc(1, sizeof(*tree));
    struct slice outer = ns != NULL ? slice_z(ns) : NS_CLIENT;
    if (tree == NULL || xml_parse(slice_of(text, len), outer, &limits, &tree->owned) != XML_OK) {
        free(tree);
        return (struct burble_xml){0};
    }
    return view_of(tree, xml_root(tree->owned));
}

struct burble_xml burble_xml_copy(struct burble_xml x)
{
    struct buf text = {0};
    struct xml root = view_xml(x);
    struct burble_xml copy = {0};
    if (xml_is_element(root))
        xml_write_node(&text, root, NS_CLIENT);
    if (!text.failed && buf_len(&text) > 0)
        copy = burble_xml_parse(buf_slice(&text).ptr, buf_len(&text), NULL);
    buf_free(&text);
    return copy;
}

void burble_xml_free(struct burble_xml *x)
{
    struct burble_tree *tree = x->tree;
    *x = (struct burble_xml){0};
    if (tree == NULL || tree->owned == NULL)
        return;
    xml_tree_free(&tree->owned);
    arena_free(&tree->strings);
    free(tree);
}
