/* The one serialiser: everything that leaves as XML goes through it. Writes into a buf, escapes
 * what must be escaped, and re-declares namespaces as default namespaces (prefixes of the input are
 * not kept; the infoset is). Buffer failure is sticky in the buf and checked by the caller once. */
#ifndef XML_WRITER_H
#define XML_WRITER_H

#include "base/buf.h"
#include "base/slice.h"
#include "xml/tree.h"

/* Character data: & < > escaped, CR as a character reference. */
void xml_write_text(struct buf *out, struct slice text);
/* Attribute value: also ' " and TAB, LF, CR as references. */
void xml_write_value(struct buf *out, struct slice value);
/* " name='value'" with the value escaped. name is trusted. */
void xml_write_attr(struct buf *out, struct slice name, struct slice value);

/* Element x and its subtree. ns is the default namespace in force where it is written: x declares
 * its own only when it differs. */
void xml_write_node(struct buf *out, struct xml x, struct slice ns);
/* The children of x alone, where default namespace ns is in force. */
void xml_write_children(struct buf *out, struct xml x, struct slice ns);
/* The attributes of x except un-namespaced ones named in skip (n entries): each as " name='v'";
 * xml:lang as xml:lang, other namespaces with generated prefixes declared in place. */
void xml_write_attributes(struct buf *out, struct xml x, const struct slice *skip, size_t n);

/* Writing an element step by step:
 *   xml_open(&w, SLICE("query"), SLICE("jabber:iq:roster")); xml_attr_put(&w, SLICE("ver"), v);
 *   ... children, xml_text_put ... xml_close(&w);
 * Names and namespaces are trusted and must outlive the element (depth at most 16). */
enum { XML_WRITER_DEPTH = 16 };
struct xml_writer {
    struct buf *out;
    unsigned depth;
    bool open; /* the start tag still lacks its '>' */
    struct {
        struct slice name, ns;
    } stack[XML_WRITER_DEPTH];
    struct slice ns; /* default namespace outside of the outermost element */
};

void xml_writer_init(struct xml_writer *w, struct buf *out, struct slice ns);
/* ns empty: that of the parent. */
void xml_open(struct xml_writer *w, struct slice name, struct slice ns);
void xml_attr_put(struct xml_writer *w, struct slice name, struct slice value);
void xml_text_put(struct xml_writer *w, struct slice text);
/* An element with text alone. */
void xml_leaf(struct xml_writer *w, struct slice name, struct slice ns, struct slice text);
/* A parsed node as a child. */
void xml_node_put(struct xml_writer *w, struct xml x);
/* Bytes already serialised by this module for the current default namespace. */
void xml_raw_put(struct xml_writer *w, struct slice bytes);
void xml_close(struct xml_writer *w);

#endif
