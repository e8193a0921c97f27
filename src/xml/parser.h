/* Streaming parser of the XMPP profile of XML (RFC 6120 section 11): namespaces, no DTD, no
 * comments, no processing instructions, only the five predefined entities, UTF-8 alone.
 *
 * Sans-I/O: bytes in, events out. Between stanzas a parser holds no buffers, and is small. Memory
 * is bounded by 4 x the bytes of the stanza under way + 8 KiB; time is linear in the bytes, however
 * they are cut. This is the only place in the program that parses XML. */
#ifndef XML_PARSER_H
#define XML_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "xml/tree.h"

struct xml_parser;

enum xml_mode {
    XML_STREAM,   /* a root that stays open; its children are the stanzas (RFC 6120) */
    XML_FRAGMENT, /* each element at depth 0 is a stanza (WebSocket frames, stored rows) */
};

struct xml_limits {
    uint32_t stanza_bytes; /* L1, L2: bytes from '<' to the closing '>' of a stanza or header;
                              at most 2^28 */
    uint32_t elements;     /* L5, L2: elements per stanza */
    uint16_t depth;        /* L3: nesting below the stream root; at most 255 */
    uint16_t attributes;   /* L4: per element */
    uint16_t declarations; /* L4: prefixes bound at once, and different namespaces in a stanza
                              (those of the header included); at most 120 */
    uint16_t name_bytes;   /* prefix or local name; at most 255 */
    uint16_t uri_bytes;    /* namespace URI (X14) */
    uint32_t space_bytes;  /* L6: white space between stanzas in all; 0: not limited */
};

/* What is above the maximum of a limit is taken as the maximum. */
enum {
    XML_STANZA_BYTES_MAX = 1 << 28,
    XML_DEPTH_MAX = 255,
    XML_DECLARATIONS_MAX = 120,
    XML_NAME_BYTES_MAX = 255,
};

/* All that a parser holds is at most FACTOR x bytes of the stanza under way + BASE, beside the
 * namespace declarations of the stream header. */
enum { XML_MEMORY_FACTOR = 4, XML_MEMORY_BASE = 8192 };

/* The defaults of a client connection after login, and before it (L2, L6). */
extern const struct xml_limits XML_LIMITS_C2S;
extern const struct xml_limits XML_LIMITS_PREAUTH;

enum xml_event {
    XML_MORE,   /* the input is used up */
    XML_OPEN,   /* the stream header is complete: xml_parser_tree has its element and attributes */
    XML_STANZA, /* an element below the root is complete: xml_parser_tree */
    XML_CLOSE,  /* the root was closed; everything behind it is ignored (X24) */
    XML_BAD,    /* xml_parser_error; the parser stays in this state */
};

enum xml_error {
    XML_OK,
    XML_NOT_WELL_FORMED,      /* not-well-formed */
    XML_RESTRICTED,           /* restricted-xml */
    XML_UNSUPPORTED_ENCODING, /* unsupported-encoding */
    XML_BAD_FORMAT,           /* bad-format: character data between stanzas (X15) */
    XML_TOO_BIG,              /* policy-violation + stanza-too-big (X18) */
    XML_TOO_COMPLEX,   /* policy-violation: depth, attributes, elements, names, white space */
    XML_SECOND_HEADER, /* unsupported-stanza-type: a stream header in a stream (X16) */
    XML_MEMORY,        /* resource-constraint: allocation failed */
};

/* NULL when memory is exhausted. limits are copied. */
struct xml_parser *xml_parser_new(enum xml_mode mode, const struct xml_limits *limits);
void xml_parser_free(struct xml_parser **parser);

/* Takes bytes from the front of *in up to and including the end of the next event; at XML_BAD, up
 * to about the byte that is to blame. The tree of the event before is gone. After XML_CLOSE all
 * bytes are taken, with XML_MORE. */
enum xml_event xml_parser_feed(struct xml_parser *p, struct slice *in);

/* The tree of the last XML_OPEN or XML_STANZA, valid until the next feed, rest or free; empty at
 * other times. */
const struct xml_tree *xml_parser_tree(const struct xml_parser *p);
enum xml_error xml_parser_error(const struct xml_parser *p);
/* The default namespace that the stream header declared for what is inside of it (X04); empty:
 * none. Valid until the feed behind a restart. */
struct slice xml_parser_content_ns(const struct xml_parser *p);

/* Stanzas mean the same whoever sends them, but their namespace tells who that is (RFC 6120 section
 * 4.8.2, XEP-0114): what is in that of the dialect is handed out as if it were in jabber:client.
 * xml_parser_content_ns goes on telling what the header declared. */
enum xml_dialect {
    XML_OF_CLIENTS,
    XML_OF_SERVERS,    /* jabber:server */
    XML_OF_COMPONENTS, /* jabber:component:accept */
};
void xml_parser_set_dialect(struct xml_parser *p, enum xml_dialect dialect);

/* True between stanzas with nothing half-read: a link may move, a stream may restart (RFC 6120
 * 4.3.3), and all buffers have been given back once xml_parser_rest was called. */
bool xml_parser_idle(const struct xml_parser *p);
/* Gives back the buffers of the last event, or what a half-read stanza does not need; called when a
 * turn ends. */
void xml_parser_rest(struct xml_parser *p);
/* Begins a new stream on the same bytes (after TLS or SASL), with the next feed: the tree and the
 * namespaces of the old one stay until then. White space left of it may precede the new one. */
void xml_parser_restart(struct xml_parser *p);
/* From the next stanza on. */
void xml_parser_set_limits(struct xml_parser *p, const struct xml_limits *limits);
/* Heap bytes held now, for tests of the bound. */
size_t xml_parser_memory(const struct xml_parser *p);

/* Parses one whole element held in memory (a stored row, a mail). Default namespace at the start is
 * ns (may be empty). The tree is owned by the caller: xml_tree_free. Result: XML_OK, or the error
 * with *out = NULL. */
enum xml_error xml_parse(struct slice text, struct slice ns, const struct xml_limits *limits,
                         struct xml_tree **out);
void xml_tree_free(struct xml_tree **tree);

#endif
