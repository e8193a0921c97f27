/** @file
 * Stanzas as trees that a program can walk and print, and stanzas that it builds.
 *
 * A tree that is handed to a callback lives until the callback returns; so do the strings that its
 * accessors give. Who keeps more copies it (burble_xml_copy). "No node" may be passed everywhere:
 * the answers are "no node", NULL or nothing, so that look-ups chain without checks.
 */
#ifndef BURBLE_XML_H
#define BURBLE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef BURBLE_API
/** What the shared library exports; everything else is hidden. */
#define BURBLE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define BURBLE_MAKE(type, ...) (type{.size = sizeof(type), __VA_ARGS__})
#else
/** Behind BURBLE_CONFIG and its like: a structure that knows its size. The members that are named
 * are set, the rest is zero. Functions refuse one that does not know its size with SYNTAX. In C++
 * it is of C++20, where members are named in their order. */
#define BURBLE_MAKE(type, ...) ((struct type){.size = sizeof(struct type), __VA_ARGS__})
#endif

struct burble_tree;

/** A node of a tree, by value. */
struct burble_xml {
    struct burble_tree *tree; /**< NULL: no node */
    uint32_t at;              /**< the library's */
};

/** Is there a node? */
static inline bool burble_xml_some(struct burble_xml x)
{
    return x.tree != NULL;
}

/** Local name and namespace of an element; NULL for text and for no node. */
BURBLE_API const char *burble_xml_name(struct burble_xml x);
/** Namespace of an element; NULL for text and for no node. */
BURBLE_API const char *burble_xml_ns(struct burble_xml x);
/** Is it an element of that namespace and name? ns NULL: of any namespace. */
BURBLE_API bool burble_xml_is(struct burble_xml x, const char *ns, const char *name);
/** Value of an attribute without namespace; NULL when absent. */
BURBLE_API const char *burble_xml_attr(struct burble_xml x, const char *name);
/** Of a text node its characters, of an element those of its first text; "" when there are none,
 * NULL for no node or when memory is exhausted. */
BURBLE_API const char *burble_xml_text(struct burble_xml x);
/** xml:lang of the element itself; NULL when absent. */
BURBLE_API const char *burble_xml_lang(struct burble_xml x);

/** First child and next sibling; elements alone, or text too. */
BURBLE_API struct burble_xml burble_xml_first(struct burble_xml x);
/** Next sibling that is an element. */
BURBLE_API struct burble_xml burble_xml_next(struct burble_xml x);
/** First child, element or text. */
BURBLE_API struct burble_xml burble_xml_first_node(struct burble_xml x);
/** Next sibling, element or text. */
BURBLE_API struct burble_xml burble_xml_next_node(struct burble_xml x);
/** Is it text, not an element? */
BURBLE_API bool burble_xml_is_text(struct burble_xml x);
/** First child, next sibling of that name; ns NULL: of any namespace. */
BURBLE_API struct burble_xml burble_xml_child(struct burble_xml x, const char *ns,
                                              const char *name);
/** Next sibling of that name; ns NULL: of any namespace. */
BURBLE_API struct burble_xml burble_xml_next_named(struct burble_xml x, const char *ns,
                                                   const char *name);
/** Attributes in order: start with *at = 0; false at the end. ns is NULL for most. */
BURBLE_API bool burble_xml_attributes(struct burble_xml x, uint32_t *at, const char **ns_out,
                                      const char **name_out, const char **value_out);

/** The element as text, on one line as it was sent, or indented for people. Freed by the caller
 * (free); NULL when memory is exhausted. Not escaped for terminals. */
BURBLE_API char *burble_xml_print(struct burble_xml x, bool indent);
/** A tree of its own for x; freed with burble_xml_free. No node: memory is exhausted. */
BURBLE_API struct burble_xml burble_xml_copy(struct burble_xml x);
/** One element from text (RFC 6120 section 11: no DTD, no comments, no processing instructions).
 * ns is the default namespace around it, NULL: jabber:client. No node: not well-formed, or too big
 * (1 MiB), or no memory. */
BURBLE_API struct burble_xml burble_xml_parse(const char *text, size_t len, const char *ns);
/** Frees a tree of burble_xml_copy or burble_xml_parse and sets *x to no node. Trees that came by
 * a callback are left alone. */
BURBLE_API void burble_xml_free(struct burble_xml *x);

/** Writes XML, escaping what must be escaped; a failure (memory, names that are none, more than 32
 * levels) sticks, and shows where the result is used. */
struct burble_writer;
/** NULL: memory is exhausted. */
BURBLE_API struct burble_writer *burble_writer_new(void);
/** Harmless on NULL. */
BURBLE_API void burble_writer_free(struct burble_writer **w);
/** ns NULL: that of the parent. */
BURBLE_API void burble_writer_open(struct burble_writer *w, const char *name, const char *ns);
/** An attribute of the element that was opened last, before its content. */
BURBLE_API void burble_writer_attr(struct burble_writer *w, const char *name, const char *value);
/** Text, escaped. */
BURBLE_API void burble_writer_text(struct burble_writer *w, const char *text);
/** An element with nothing but text; NULL: empty. ns NULL: that of the parent. */
BURBLE_API void burble_writer_leaf(struct burble_writer *w, const char *name, const char *ns,
                                   const char *text);
/** A copy of a tree. */
BURBLE_API void burble_writer_node(struct burble_writer *w, struct burble_xml x);
/** Ends the element that was opened last. */
BURBLE_API void burble_writer_close(struct burble_writer *w);
/** What was written, when every element is closed; NULL after a failure. The writer's. */
BURBLE_API const char *burble_writer_result(const struct burble_writer *w);

#ifdef __cplusplus
}
#endif
#endif
