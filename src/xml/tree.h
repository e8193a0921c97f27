/* The flat tree of one stanza: immutable, position-independent, all strings in one pool.
 *
 * A node is named by a handle of two words, by value. Accessors take "no node" and answer with "no
 * node" or an empty slice, so that look-ups chain without checks. Slices live as long as the tree.
 * Names are compared as two fields, namespace and local name (never concatenated). */
#ifndef XML_TREE_H
#define XML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct xml_tree;

struct xml {
    const struct xml_tree *tree; /* NULL: no node */
    uint32_t at;
};

#define XML_NONE ((struct xml){.tree = NULL, .at = 0})

static inline bool xml_some(struct xml x)
{
    return x.tree != NULL;
}

/* The outermost element; no node when the tree is empty. */
struct xml xml_root(const struct xml_tree *tree);

bool xml_is_element(struct xml x);
/* Local name and namespace of an element; empty for text and no node. */
struct slice xml_name(struct xml x);
struct slice xml_ns(struct xml x);
bool xml_is(struct xml x, struct slice ns, struct slice name);

/* Value of an attribute without namespace; ptr is NULL when absent, non-NULL when empty. */
struct slice xml_attr(struct xml x, struct slice name);
/* Value of an attribute in a namespace. */
struct slice xml_attr_ns(struct xml x, struct slice ns, struct slice name);
/* xml:lang on the element itself. */
struct slice xml_lang(struct xml x);

/* All attributes in order: start with *at = 0; false at the end. Namespace declarations are not
 * attributes. */
struct xml_attribute {
    struct slice ns; /* empty: none */
    struct slice name;
    struct slice value;
};
bool xml_attributes(struct xml x, uint32_t *at, struct xml_attribute *out);

/* Children in order: elements and text. Adjacent character data is one text node. */
struct xml xml_first(struct xml x);
struct xml xml_next(struct xml x);
/* Element children alone. */
struct xml xml_first_element(struct xml x);
struct xml xml_next_element(struct xml x);
/* The first child element of that name. */
struct xml xml_child(struct xml x, struct slice ns, struct slice name);
/* The next sibling element of that name. */
struct xml xml_next_named(struct xml x, struct slice ns, struct slice name);
/* How many child elements of that name there are. */
size_t xml_count_named(struct xml x, struct slice ns, struct slice name);

/* Of a text node its characters, of an element those of its first text child; empty otherwise. */
struct slice xml_text(struct xml x);

/* Elements in the subtree, x included. */
size_t xml_count(struct xml x);

#endif
