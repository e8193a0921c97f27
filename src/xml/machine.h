/* Private to xml: the state of a parser, and the parts of the machine that it is while it reads.
 *
 * Each part (prolog.c, tag.c, text.c) takes the machine through the states it owns, as far as the
 * input goes, and may be stopped between any two bytes. Records are written in place (record.h), so
 * nothing is parsed twice. */
#ifndef XML_MACHINE_H
#define XML_MACHINE_H

#include "xml/parser.h"
#include "xml/record.h"

enum state {
    /* prolog.c: outside of elements, and what begins with '<' */
    S_START,   /* no byte was seen */
    S_OUTSIDE, /* before the header, and between stanzas */
    S_LESS,    /* behind '<' */
    S_BANG,    /* behind "<!" */
    S_CDATA_OPEN,
    S_QUESTION, /* behind "<?"; matched: bytes of "xml" */
    S_DECLARATION,
    /* tag.c */
    S_NAME,      /* of an element */
    S_TAG,       /* behind the name or a value */
    S_SPACE,     /* behind white space in a tag */
    S_ATTR,      /* name of an attribute */
    S_EQUALS,    /* behind it */
    S_QUOTE,     /* behind '=' */
    S_VALUE,     /* inside of quotes */
    S_EMPTY,     /* behind '/' in a start tag */
    S_END_NAME,  /* behind "</"; matched: bytes of the name */
    S_END_SPACE, /* behind the name */
    /* text.c */
    S_TEXT,
    S_CDATA,
    S_REF,         /* behind '&' */
    S_REF_NAME,    /* inside of the name; matched: its bytes */
    S_REF_NUMBER,  /* behind "&#" */
    S_REF_DECIMAL, /* matched: there was a digit */
    S_REF_HEX,
    /* parser.c */
    S_ROOT_EMPTY, /* before the '>' of a header that closes itself */
    S_CLOSED,
    S_BAD,
};

enum step {
    STEP_ON,    /* the state has changed */
    STEP_MORE,  /* the input is used up */
    STEP_EVENT, /* p->event */
    STEP_BAD,   /* p->error */
};

struct xml_pool {
    uint8_t *bytes;
    uint32_t used, cap;
};

/* An element whose end tag is awaited. */
struct xml_open {
    uint32_t record;
    uint32_t span;
};

/* What a declaration binds. prefix_len 0: the default namespace; at is then the index of the
 * namespace that it hides, otherwise the place of the prefix. */
struct xml_binding {
    uint32_t at;
    uint16_t depth;
    uint8_t prefix_len;
    uint8_t uri;
};

/* What the stream header leaves behind: its name and the namespaces in scope. */
struct xml_scope {
    const uint8_t *bytes; /* begins with the name of the root, as it was written */
    const struct xml_uri *uris;
    const struct xml_binding *bindings;
    uint32_t size; /* heap bytes, 0: static */
    uint16_t root_len;
    uint16_t uri_count, binding_count;
    uint8_t default_ns;
};

extern const struct xml_scope XML_SCOPE_NONE;

/* A parser. While it is awake the machine holds what stands behind `restart` here. */
struct xml_parser {
    struct xml_machine *machine; /* NULL: asleep, between stanzas */
    struct xml_limits limits;    /* of the next machine */
    bool new_limits;             /* they are others than the machine's */
    bool restart;                /* a new stream begins with the next byte */
    bool root, fresh, restarted, skip_lf, in_dialect;
    uint8_t mode, dialect, state, error;
    uint32_t spaces;
    const struct xml_scope *scope;
};

struct xml_machine {
    const uint8_t *p, *end; /* the input, cut where the stanza has to end */
    const uint8_t *stop;    /* end of the input */
    const uint8_t *base;    /* where counting goes on: bytes + (p - base) */
    struct xml_pool pool;
    const struct xml_scope *scope;
    struct xml_tree tree;
    struct xml_limits limits;
    /* Arrays behind the machine, whose lengths the limits give. */
    struct xml_open *open;
    struct xml_binding *bindings;
    struct xml_uri *uris;
    size_t size; /* of it with them */

    uint8_t mode, state, error, event, dialect;
    uint8_t quote;    /* of the value under way; 0: in text */
    uint8_t part_len; /* bytes of a character that was cut */
    uint8_t part[4];
    uint8_t default_ns; /* in force */
    bool root;          /* the stream is open */
    bool fresh;         /* an XML declaration may come */
    bool restarted;     /* the stream is not the first: white space may be left of the one before */
    bool in_unit;       /* a stanza, header or declaration is half-read */
    bool skip_lf;       /* behind a literal CR */
    bool stale;         /* the scope is not that which it was made for */
    bool restart;       /* a new stream begins with the next byte */
    bool prefixed_attrs; /* some attribute of this tag has a prefix */
    bool value_is_decl;
    bool in_dialect; /* the header declared the dialect's namespace as the default */

    uint16_t matched; /* bytes of something expected */
    uint16_t depth;   /* open elements of the stanza */
    uint16_t attrs;
    uint16_t prefixes; /* bound and in scope */
    uint16_t binding_count, uri_count;
    uint32_t elements;
    uint32_t rewritten; /* bytes that namespaces take when this is written (write_node.c) */
    uint32_t bytes;     /* of the stanza before base */
    uint32_t spaces;    /* between stanzas, of the stream */
    uint32_t element;   /* record whose start tag is read */
    uint32_t attr;      /* record of the last attribute of that tag; 0: none */
    uint32_t name_at;   /* the name under way */
    uint32_t colon;     /* in it; 0: none */
    uint32_t value_at;  /* the value under way */
    uint32_t text;      /* record of the open text; UINT32_MAX: none */
    uint32_t literal;   /* where its last stretch of plain characters begins */
    uint32_t code;      /* of the character reference under way */
    uint64_t seen;      /* attribute names of this tag, hashed to bits */
};

#define NO_TEXT UINT32_MAX

/* What the tests of linearity count: bytes moved and records passed over. */
#ifdef XML_COUNT_WORK
extern uint64_t xml_work_count;
#define WORK(n) (xml_work_count += (n))
#else
#define WORK(n) ((void)0)
#endif

/* --- parser.c --- */
/* What is above the maximum of a limit becomes the maximum. */
struct xml_limits xml_limits_clamp(const struct xml_limits *limits);

/* --- machine.c --- */
/* For streams with this scope, which is not owned. NULL: no memory. The rest is zero. */
struct xml_machine *xml_machine_new(const struct xml_limits *limits, const struct xml_scope *scope);
void xml_machine_free(struct xml_machine *p);
enum xml_event xml_machine_feed(struct xml_machine *p, struct slice *in);
enum step xml_bad(struct xml_machine *p, enum xml_error error);
/* '<' at p->p begins a stanza, header or declaration. */
enum step xml_unit_begin(struct xml_machine *p);
enum step xml_declaration_done(struct xml_machine *p);
/* The header is complete. */
enum step xml_header_done(struct xml_machine *p, bool empty);
enum step xml_stanza_done(struct xml_machine *p);
enum step xml_root_closed(struct xml_machine *p);

/* --- pool.c --- */
/* Room for n bytes, within the bound of memory; false when there is none to be had. */
bool xml_pool_grow(struct xml_machine *p, uint32_t n, const uint8_t *at);
static inline bool xml_pool_room(struct xml_machine *p, uint32_t n)
{
    return p->pool.cap - p->pool.used >= n || xml_pool_grow(p, n, p->p);
}
/* Puts a four-byte length in front of len bytes at the end of the pool. */
bool xml_pool_long(struct xml_machine *p, uint32_t len);
void xml_pool_free(struct xml_machine *p);
void xml_pool_trim(struct xml_machine *p);

/* --- space.c --- */
/* The declaration p->attr binds; its value is complete. */
enum step xml_declare(struct xml_machine *p, const uint8_t *record);
/* Counts a declaration that writing will take, extra bytes beside the URI; false when these are too
 * many bytes in all. */
bool xml_count_rewritten(struct xml_machine *p, unsigned ns, uint32_t extra);
/* Index of the namespace of a prefix; -1: unbound. */
int xml_prefix_lookup(const struct xml_machine *p, const uint8_t *prefix, size_t len);
/* Forgets what the element at p->depth declared. */
void xml_undeclare(struct xml_machine *p);
/* What the namespace of the dialect is called; empty: that of clients. */
struct slice xml_dialect_space(unsigned dialect);
/* The index of a namespace that needs no memory of its own, or -1. */
int xml_fixed_space(struct slice uri);
/* Keeps what the header declared. false: no memory. */
bool xml_scope_keep(struct xml_machine *p);

/* --- the parts of the machine --- */
enum step xml_outside(struct xml_machine *p);
enum step xml_markup(struct xml_machine *p);
enum step xml_tag(struct xml_machine *p);
enum step xml_value(struct xml_machine *p);
enum step xml_text_run(struct xml_machine *p);
enum step xml_reference(struct xml_machine *p);
/* Begins the attribute whose name starts at p->p. */
enum step xml_attr_begin(struct xml_machine *p);
/* Goes on with its name. */
enum step xml_attr_name(struct xml_machine *p);
/* Gives the attributes of the tag that have prefixes their namespaces. */
enum step xml_attrs_resolve(struct xml_machine *p);
enum step xml_end_name(struct xml_machine *p);
/* Goes on behind '<'. */
enum step xml_less(struct xml_machine *p);
/* The value at the end of the pool is complete. */
enum step xml_value_done(struct xml_machine *p);
/* Opens the text record unless it is open. */
bool xml_text_open(struct xml_machine *p);
/* The open text, if any, is complete. */
bool xml_text_done(struct xml_machine *p);
/* One character that is not ASCII: STEP_ON with its bytes in part, and its code. */
enum step xml_take_char(struct xml_machine *p, uint32_t *code_out);

#endif
