/* Writing elements step by step (XML 1.0; RFC 6120 4.8: namespaces are declared as defaults). */
#include "xml/writer.h"

#include "base/check.h"
#include "xml/escape.h"

void xml_writer_init(struct xml_writer *w, struct buf *out, struct slice ns)
{
    w->out = out;
    w->depth = 0;
    w->open = false;
    w->ns = ns;
}

/* The default namespace in force. */
static struct slice in_force(const struct xml_writer *w)
{
    return w->depth > 0 ? w->stack[w->depth - 1].ns : w->ns;
}

/* Content follows: the start tag under way is complete. */
static void begin_content(struct xml_writer *w)
{
    if (w->open)
        put_raw(w->out, SLICE(">"));
    w->open = false;
}

void xml_open(struct xml_writer *w, struct slice name, struct slice ns)
{
    CHECK(w->depth < XML_WRITER_DEPTH);
    begin_content(w);
    struct slice outer = in_force(w);
    put_raw(w->out, SLICE("<"));
    put_raw(w->out, name);
    if (ns.len > 0 && !slice_eq(ns, outer))
        xml_write_attr(w->out, SLICE("xmlns"), ns);
    w->stack[w->depth].name = name;
    w->stack[w->depth].ns = ns.len > 0 ? ns : outer;
    w->depth++;
    w->open = true;
}

void xml_attr_put(struct xml_writer *w, struct slice name, struct slice value)
{
    CHECK(w->open);
    xml_write_attr(w->out, name, value);
}

void xml_text_put(struct xml_writer *w, struct slice text)
{
    begin_content(w);
    xml_write_text(w->out, text);
}

void xml_leaf(struct xml_writer *w, struct slice name, struct slice ns, struct slice text)
{
    xml_open(w, name, ns);
    if (text.len > 0)
        xml_text_put(w, text);
    xml_close(w);
}

void xml_node_put(struct xml_writer *w, struct xml x)
{
    begin_content(w);
    xml_write_node(w->out, x, in_force(w));
}

void xml_raw_put(struct xml_writer *w, struct slice bytes)
{
    begin_content(w);
    put_raw(w->out, bytes);
}

void xml_close(struct xml_writer *w)
{
    CHECK(w->depth > 0);
    w->depth--;
    if (w->open) {
        put_raw(w->out, SLICE("/>"));
    } else {
        put_raw(w->out, SLICE("</"));
        put_raw(w->out, w->stack[w->depth].name);
        put_raw(w->out, SLICE(">"));
    }
    w->open = false;
}
