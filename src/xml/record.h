/* Private to xml: how a tree lies in memory.
 *
 * A tree is one byte string: records in document order, packed, without alignment. Numbers of four
 * bytes are in the byte order of the machine. The first byte of a record is its tag: the kind in
 * the two low bits, flags above.
 *
 *   element  tag ns name_len [prefix_len] qname  attribute*  [span child* END]
 *   attribute  tag name_len value_len [ns prefix_len] qname [long_len] value
 *   text     tag len [long_len] characters
 *   END      tag
 *
 * qname is the name as it was written, "prefix:local"; name_len counts the local part. ns is an
 * index into the namespaces of the tree. span (four bytes) leads from itself behind END; an element
 * closed by "/>" has none. Lengths from 255 on are in long_len (four bytes), flag LONG. A byte of
 * input makes at most 1.5 bytes of records, so the buffers can grow by copying and stay within the
 * memory bound of parser.h (the worst shape is "<a>x</a>"). */
#ifndef XML_RECORD_H
#define XML_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

enum {
    REC_END = 0,
    REC_TEXT = 1,
    REC_ELEMENT = 2,
    REC_ATTR = 3,
    REC_KIND = 3,

    REC_LONG = 4,      /* text, attribute: four bytes of length follow */
    REC_SPAN = 4,      /* element: has a span and an END */
    REC_ATTRS = 8,     /* element: attributes follow */
    REC_LAST = 8,      /* attribute: the last one */
    REC_PREFIXED = 16, /* element, attribute */
    REC_DECL = 32,     /* attribute: a namespace declaration */
};

enum { REC_SHORT_MAX = 254 };

/* Namespaces that every tree knows. */
enum { SPACE_NONE, SPACE_XML, SPACE_XMLNS, SPACE_CLIENT, SPACE_SERVER, SPACE_STREAMS, SPACE_FIXED };

extern const struct slice XML_FIXED_SPACES[SPACE_FIXED];

/* A namespace URI in the bytes of a tree. */
struct xml_uri {
    uint32_t at;
    uint16_t len;
};

struct xml_tree {
    const uint8_t *bytes;
    const uint8_t *outer_bytes; /* where the first outer_uris namespaces lie */
    const struct xml_uri *uris; /* of the indices from SPACE_FIXED on */
    uint32_t root;              /* record of the outermost element */
    uint32_t len;               /* 0: there is no tree */
    uint16_t outer_uris;
};

static inline struct slice tree_space(const struct xml_tree *t, unsigned ns)
{
    if (ns < SPACE_FIXED)
        return XML_FIXED_SPACES[ns];
    unsigned i = ns - SPACE_FIXED;
    const uint8_t *base = i < t->outer_uris ? t->outer_bytes : t->bytes;
    return slice_of((const char *)base + t->uris[i].at, t->uris[i].len);
}

static inline uint32_t rec_u32(const uint8_t *p)
{
    uint32_t n;
    memcpy(&n, p, sizeof(n));
    return n;
}

static inline void rec_set_u32(uint8_t *p, uint32_t n)
{
    memcpy(p, &n, sizeof(n));
}

/* Bytes from the record of an element to its qname. */
static inline uint32_t rec_element_head(const uint8_t *r)
{
    return (r[0] & REC_PREFIXED) != 0 ? 4 : 3;
}

/* The name as it was written. */
static inline struct slice rec_element_qname(const uint8_t *r)
{
    if ((r[0] & REC_PREFIXED) != 0)
        return slice_of((const char *)r + 4, (size_t)r[3] + 1 + r[2]);
    return slice_of((const char *)r + 3, r[2]);
}

static inline struct slice rec_element_name(const uint8_t *r)
{
    const uint8_t *name = (r[0] & REC_PREFIXED) != 0 ? r + 5 + r[3] : r + 3;
    return slice_of((const char *)name, r[2]);
}

/* Bytes from the record of an element to what follows its name. */
static inline uint32_t rec_element_size(const uint8_t *r)
{
    return (r[0] & REC_PREFIXED) != 0 ? 5U + r[3] + r[2] : 3U + r[2];
}

/* Bytes from the record of an attribute to its qname. */
static inline uint32_t rec_attr_head(const uint8_t *r)
{
    return (r[0] & REC_PREFIXED) != 0 ? 5 : 3;
}

static inline uint32_t rec_attr_qname_len(const uint8_t *r)
{
    return (r[0] & REC_PREFIXED) != 0 ? r[1] + 1U + r[4] : r[1];
}

static inline struct slice rec_attr_name(const uint8_t *r)
{
    const uint8_t *name = (r[0] & REC_PREFIXED) != 0 ? r + 6 + r[4] : r + 3;
    return slice_of((const char *)name, r[1]);
}

static inline unsigned rec_attr_ns(const uint8_t *r)
{
    return (r[0] & REC_PREFIXED) != 0 ? r[3] : SPACE_NONE;
}

static inline struct slice rec_attr_value(const uint8_t *r)
{
    const uint8_t *v = r + rec_attr_head(r) + rec_attr_qname_len(r);
    if ((r[0] & REC_LONG) != 0)
        return slice_of((const char *)v + 4, rec_u32(v));
    return slice_of((const char *)v, r[2]);
}

static inline uint32_t rec_attr_size(const uint8_t *r)
{
    struct slice value = rec_attr_value(r);
    return (uint32_t)((const uint8_t *)value.ptr + value.len - r);
}

static inline struct slice rec_text(const uint8_t *r)
{
    if ((r[0] & REC_LONG) != 0)
        return slice_of((const char *)r + 6, rec_u32(r + 2));
    return slice_of((const char *)r + 2, r[1]);
}

static inline uint32_t rec_text_size(const uint8_t *r)
{
    return (r[0] & REC_LONG) != 0 ? 6 + rec_u32(r + 2) : 2U + r[1];
}

/* Behind the attributes of the element at: its span, or what follows it. */
uint32_t rec_after_attrs(const uint8_t *bytes, uint32_t at);
/* The record behind the one at, which is an element or text. */
uint32_t rec_after(const uint8_t *bytes, uint32_t at);

#endif
