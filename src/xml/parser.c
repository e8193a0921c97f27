/* The parser as its users see it: events, limits, and the life of its buffers (RFC 6120 4 and 11).
 *
 * While it reads it is a machine, with buffers. Between stanzas it falls asleep, when it is told to
 * rest: then nothing but struct xml_parser is held. */
#include "xml/parser.h"

#include <stdlib.h>

#include "xml/machine.h"

const struct xml_limits XML_LIMITS_C2S = {
    .stanza_bytes = 262144,
    .elements = 4096,
    .depth = 64,
    .attributes = 64,
    .declarations = 64,
    .name_bytes = 255,
    .uri_bytes = 1024,
    .space_bytes = 0,
};

const struct xml_limits XML_LIMITS_PREAUTH = {
    .stanza_bytes = 8192,
    .elements = 32,
    .depth = 64,
    .attributes = 64,
    .declarations = 64,
    .name_bytes = 255,
    .uri_bytes = 1024,
    .space_bytes = 256,
};

/* --- limits --- */

#define AT_MOST(field, max) ((field) < (max) ? (field) : (max))

struct xml_limits xml_limits_clamp(const struct xml_limits *limits)
{
    struct xml_limits l = *limits;
    l.stanza_bytes = AT_MOST(l.stanza_bytes, XML_STANZA_BYTES_MAX);
    l.depth = AT_MOST(l.depth, XML_DEPTH_MAX);
    l.declarations = AT_MOST(l.declarations, XML_DECLARATIONS_MAX);
    l.name_bytes = AT_MOST(l.name_bytes, XML_NAME_BYTES_MAX);
    return l;
}

void xml_parser_set_limits(struct xml_parser *p, const struct xml_limits *limits)
{
    p->limits = xml_limits_clamp(limits);
    p->new_limits = true;
    if (p->machine != NULL && !p->machine->in_unit)
        p->machine->limits.space_bytes = limits->space_bytes;
}

/* --- life --- */

struct xml_parser *xml_parser_new(enum xml_mode mode, const struct xml_limits *limits)
{
    struct xml_parser *p = malloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    *p = (struct xml_parser){
        .limits = xml_limits_clamp(limits),
        .fresh = true,
        .mode = (uint8_t)mode,
        .state = S_START,
        .scope = &XML_SCOPE_NONE,
    };
    return p;
}

static bool wake(struct xml_parser *p)
{
    if (p->machine != NULL)
        return true;
    struct xml_machine *m = xml_machine_new(&p->limits, p->scope);
    if (m == NULL)
        return false;
    m->root = p->root;
    m->fresh = p->fresh;
    m->restarted = p->restarted;
    m->skip_lf = p->skip_lf;
    m->in_dialect = p->in_dialect;
    m->mode = p->mode;
    m->dialect = p->dialect;
    m->state = p->state;
    m->error = p->error;
    m->spaces = p->spaces;
    p->machine = m;
    p->new_limits = false;
    return true;
}

/* Nothing is half-read, or it does not matter any more. */
static void fall_asleep(struct xml_parser *p)
{
    struct xml_machine *m = p->machine;
    if (m == NULL)
        return;
    p->root = m->root;
    p->fresh = m->fresh;
    p->restarted = m->restarted;
    p->skip_lf = m->skip_lf;
    p->in_dialect = m->in_dialect;
    p->state = m->state;
    p->error = m->error;
    p->spaces = m->spaces;
    p->scope = m->scope;
    p->machine = NULL;
    xml_machine_free(m);
}

static void drop_scope(struct xml_parser *p)
{
    if (p->scope->size > 0)
        free((void *)(uintptr_t)p->scope);
    p->scope = &XML_SCOPE_NONE;
}

void xml_parser_free(struct xml_parser **parser)
{
    struct xml_parser *p = *parser;
    if (p == NULL)
        return;
    fall_asleep(p);
    drop_scope(p);
    free(p);
    *parser = NULL;
}

void xml_parser_restart(struct xml_parser *p)
{
    p->restart = true;
}

static void begin_stream(struct xml_parser *p)
{
    fall_asleep(p);
    drop_scope(p);
    p->restart = false;
    p->root = false;
    p->fresh = true;
    p->restarted = true;
    p->skip_lf = false;
    p->in_dialect = false;
    p->state = S_START;
    p->error = XML_OK;
}

static bool is_idle(const struct xml_machine *m)
{
    return !m->in_unit && m->part_len == 0;
}

bool xml_parser_idle(const struct xml_parser *p)
{
    const struct xml_machine *m = p->machine;
    unsigned state = m != NULL ? m->state : p->state;
    return p->restart ||
           ((state == S_START || state == S_OUTSIDE) && (m == NULL || m->part_len == 0));
}

void xml_parser_rest(struct xml_parser *p)
{
    struct xml_machine *m = p->machine;
    if (p->restart)
        begin_stream(p);
    else if (m != NULL && is_idle(m))
        fall_asleep(p);
    else if (m != NULL && m->in_unit)
        xml_pool_trim(m);
}

size_t xml_parser_memory(const struct xml_parser *p)
{
    const struct xml_machine *m = p->machine;
    if (m == NULL)
        return sizeof(*p) + p->scope->size;
    return sizeof(*p) + m->size + m->pool.cap + m->scope->size;
}

const struct xml_tree *xml_parser_tree(const struct xml_parser *p)
{
    static const struct xml_tree NONE;
    return p->machine != NULL ? &p->machine->tree : &NONE;
}

enum xml_error xml_parser_error(const struct xml_parser *p)
{
    return (enum xml_error)(p->machine != NULL ? p->machine->error : p->error);
}

void xml_parser_set_dialect(struct xml_parser *p, enum xml_dialect dialect)
{
    p->dialect = (uint8_t)dialect;
    if (p->machine != NULL)
        p->machine->dialect = (uint8_t)dialect;
}

struct slice xml_parser_content_ns(const struct xml_parser *p)
{
    const struct xml_machine *m = p->machine;
    const struct xml_scope *scope = m != NULL ? m->scope : p->scope;
    bool in_dialect = m != NULL ? m->in_dialect : p->in_dialect;
    if (in_dialect && scope->default_ns == SPACE_CLIENT)
        return xml_dialect_space(p->dialect);
    struct xml_tree t = {
        .outer_bytes = scope->bytes, .uris = scope->uris, .outer_uris = scope->uri_count};
    return tree_space(&t, scope->default_ns);
}

/* --- feeding --- */

enum xml_event xml_parser_feed(struct xml_parser *p, struct slice *in)
{
    const struct xml_machine *m = p->machine;
    if (p->restart)
        begin_stream(p);
    else if (m != NULL && is_idle(m) && (m->stale || p->new_limits))
        fall_asleep(p);
    if (!wake(p)) {
        p->state = S_BAD;
        p->error = XML_MEMORY;
        return XML_BAD;
    }
    enum xml_event ev = xml_machine_feed(p->machine, in);
    if (ev == XML_BAD)
        fall_asleep(p);
    return ev;
}
