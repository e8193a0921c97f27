/* The parser as its users see it: events, limits, and the life of its buffers (RFC 6120 4 and 11).
 */
#include "xml/parser.h"

#include <stdlib.h>

#include "base/check.h"
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

#ifdef XML_COUNT_WORK
uint64_t xml_work_count;
#endif

/* --- limits --- */

#define AT_MOST(field, max) ((field) < (max) ? (field) : (max))

void xml_parser_set_limits(struct xml_parser *p, const struct xml_limits *limits)
{
    struct xml_limits l = *limits;
    l.stanza_bytes = AT_MOST(l.stanza_bytes, XML_STANZA_BYTES_MAX);
    l.depth = AT_MOST(l.depth, XML_DEPTH_MAX);
    l.declarations = AT_MOST(l.declarations, XML_DECLARATIONS_MAX);
    l.name_bytes = AT_MOST(l.name_bytes, XML_NAME_BYTES_MAX);
    p->next_limits = l;
    p->new_limits = true;
    if (!p->in_unit)
        p->limits.space_bytes = l.space_bytes;
}

static void take_limits(struct xml_parser *p)
{
    p->stale |= p->limits.depth != p->next_limits.depth ||
                p->limits.declarations != p->next_limits.declarations;
    p->limits = p->next_limits;
    p->new_limits = false;
}

/* --- life --- */

static void begin_stream(struct xml_parser *p)
{
    xml_scope_drop(p);
    p->state = S_START;
    p->fresh = true;
    p->root = false;
    p->in_unit = false;
    p->restarted = p->restart;
    p->restart = false;
    p->stale = true;
    p->part_len = 0;
    p->skip_lf = false;
    p->in_dialect = false;
    p->error = XML_OK;
}

void xml_parser_init(struct xml_parser *p, enum xml_mode mode, const struct xml_limits *limits)
{
    p->mode = (uint8_t)mode;
    p->scope = &XML_SCOPE_NONE;
    begin_stream(p);
    xml_parser_set_limits(p, limits);
}

struct xml_parser *xml_parser_new(enum xml_mode mode, const struct xml_limits *limits)
{
    struct xml_parser *p = calloc(1, sizeof(*p));
    if (p != NULL)
        xml_parser_init(p, mode, limits);
    return p;
}

void xml_parser_free(struct xml_parser **parser)
{
    struct xml_parser *p = *parser;
    if (p == NULL)
        return;
    xml_buffers_free(p);
    xml_scope_drop(p);
    free(p);
    *parser = NULL;
}

void xml_parser_restart(struct xml_parser *p)
{
    p->restart = true;
}

bool xml_parser_idle(const struct xml_parser *p)
{
    return p->restart || ((p->state == S_START || p->state == S_OUTSIDE) && p->part_len == 0);
}

void xml_parser_rest(struct xml_parser *p)
{
    if (p->restart)
        begin_stream(p);
    if (p->in_unit)
        xml_pool_trim(p);
    else
        xml_buffers_free(p);
}

size_t xml_parser_memory(const struct xml_parser *p)
{
    return sizeof(*p) + p->pool.cap + (p->work != NULL ? p->work->size : 0) + p->scope->size;
}

const struct xml_tree *xml_parser_tree(const struct xml_parser *p)
{
    return &p->tree;
}

enum xml_error xml_parser_error(const struct xml_parser *p)
{
    return (enum xml_error)p->error;
}

void xml_parser_set_dialect(struct xml_parser *p, enum xml_dialect dialect)
{
    p->dialect = (uint8_t)dialect;
}

struct slice xml_parser_content_ns(const struct xml_parser *p)
{
    if (p->in_dialect && p->scope->default_ns == SPACE_CLIENT)
        return xml_dialect_space(p);
    struct xml_tree t = {
        .outer_bytes = p->scope->bytes, .uris = p->scope->uris, .outer_uris = p->scope->uri_count};
    return tree_space(&t, p->scope->default_ns);
}

/* --- what the machine reports --- */

enum step xml_bad(struct xml_parser *p, enum xml_error error)
{
    p->state = S_BAD;
    p->error = (uint8_t)error;
    p->in_unit = false;
    xml_buffers_free(p);
    return STEP_BAD;
}

/* Cuts the input where the stanza has to end. */
static void cut(struct xml_parser *p)
{
    uint32_t left = p->limits.stanza_bytes - p->bytes;
    p->end = (size_t)(p->stop - p->base) > left ? p->base + left : p->stop;
}

enum step xml_unit_begin(struct xml_parser *p)
{
    if (p->new_limits)
        take_limits(p);
    if (p->stale) {
        free(p->work);
        p->work = NULL;
        p->stale = false;
    }
    p->base = p->p;
    p->bytes = 0;
    if (p->work == NULL && !xml_work_new(p))
        return xml_bad(p, XML_MEMORY);
    p->in_unit = true;
    p->pool.used = 0;
    p->depth = 0;
    p->elements = 0;
    p->rewritten = 0;
    p->prefixes = p->scope->binding_count;
    p->binding_count = 0;
    p->uri_count = p->scope->uri_count;
    p->default_ns = p->scope->default_ns;
    p->text = NO_TEXT;
    p->quote = 0;
    cut(p);
    if (p->p == p->end)
        return STEP_MORE;
    p->p++;
    p->state = S_LESS;
    return STEP_ON;
}

static void unit_end(struct xml_parser *p, enum state next)
{
    p->state = (uint8_t)next;
    p->in_unit = false;
    p->end = p->stop;
}

static enum step event(struct xml_parser *p, enum xml_event ev)
{
    p->event = (uint8_t)ev;
    return STEP_EVENT;
}

static void publish(struct xml_parser *p)
{
    p->tree = (struct xml_tree){.bytes = p->pool.bytes,
                                .outer_bytes = p->scope->bytes,
                                .uris = p->work->uris,
                                .len = p->pool.used,
                                .outer_uris = p->scope->uri_count};
}

enum step xml_declaration_done(struct xml_parser *p)
{
    p->fresh = false;
    unit_end(p, S_OUTSIDE);
    return STEP_ON;
}

enum step xml_header_done(struct xml_parser *p, bool empty)
{
    publish(p);
    if (!xml_scope_keep(p))
        return xml_bad(p, XML_MEMORY);
    p->root = true;
    p->stale = true; /* the next stanzas see the namespaces of the scope */
    p->p += !empty;
    unit_end(p, empty ? S_ROOT_EMPTY : S_OUTSIDE);
    return event(p, XML_OPEN);
}

enum step xml_stanza_done(struct xml_parser *p)
{
    publish(p);
    unit_end(p, S_OUTSIDE);
    return event(p, XML_STANZA);
}

enum step xml_root_closed(struct xml_parser *p)
{
    unit_end(p, S_CLOSED);
    return event(p, XML_CLOSE);
}

/* --- feeding --- */

static enum step advance(struct xml_parser *p)
{
    switch ((enum state)p->state) {
    case S_START:
    case S_OUTSIDE:
        return xml_outside(p);
    case S_LESS:
    case S_BANG:
    case S_CDATA_OPEN:
    case S_QUESTION:
    case S_DECLARATION:
        return xml_markup(p);
    case S_NAME:
    case S_TAG:
    case S_SPACE:
    case S_ATTR:
    case S_EQUALS:
    case S_QUOTE:
    case S_EMPTY:
    case S_END_SPACE:
        return xml_tag(p);
    case S_END_NAME:
        return xml_end_name(p);
    case S_VALUE:
        return xml_value(p);
    case S_TEXT:
    case S_CDATA:
        return xml_text_run(p);
    case S_REF:
    case S_REF_NAME:
    case S_REF_NUMBER:
    case S_REF_DECIMAL:
    case S_REF_HEX:
        return xml_reference(p);
    case S_ROOT_EMPTY:
        if (p->p == p->end)
            return STEP_MORE;
        p->p++;
        return xml_root_closed(p);
    case S_CLOSED:
        p->p = p->end;
        return STEP_MORE;
    case S_BAD:
        return STEP_BAD;
    }
    UNREACHABLE();
}

enum xml_event xml_parser_feed(struct xml_parser *p, struct slice *in)
{
    if (p->restart)
        begin_stream(p);
    p->tree.len = 0;
    p->p = p->base = (const uint8_t *)in->ptr;
    p->end = p->stop = p->p + in->len;
    if (p->in_unit)
        cut(p);
    enum step step;
    do {
        WORK(1);
        step = advance(p);
    } while (step == STEP_ON);
    if (step == STEP_MORE && p->end != p->stop)
        step = xml_bad(p, XML_TOO_BIG);
    if (p->in_unit)
        p->bytes += (uint32_t)(p->p - p->base);
    *in = slice_of((const char *)p->p, (size_t)(p->stop - p->p));
    p->p = p->base = p->end = p->stop = NULL;
    if (step == STEP_EVENT)
        return (enum xml_event)p->event;
    return step == STEP_MORE ? XML_MORE : XML_BAD;
}
