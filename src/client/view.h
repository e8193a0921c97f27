/* Public trees: a tree of the xml room with an arena for the strings that a program asks for. */
#ifndef CLIENT_VIEW_H
#define CLIENT_VIEW_H

#include "base/arena.h"
#include "burble/xml.h"
#include "xml/tree.h"

struct burble_tree {
    const struct xml_tree *tree;
    struct xml_tree *owned; /* freed with it; NULL: the client's */
    struct arena strings;
    bool failed; /* there was no memory for a string */
};

/* The public handle of a node, in the view that is given. */
struct burble_xml view_of(struct burble_tree *view, struct xml x);
struct xml view_xml(struct burble_xml x);
/* A NUL-terminated copy in the view; NULL: s.ptr is NULL, or no memory. */
const char *view_string(struct burble_tree *view, struct slice s);
/* So many elements and one more, zeroed, in the view; NULL: no memory. */
void *view_array(struct burble_tree *view, size_t n, size_t size);
/* The text of an element; NULL: there is no element, no text in it, or no memory. */
const char *view_text(struct burble_tree *view, struct xml x);

#endif
