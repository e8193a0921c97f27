/* The machine that a parser is while it reads: units, events, and how the input moves it on. */
#include <stdlib.h>

#include "base/check.h"
#include "xml/machine.h"

#ifdef XML_COUNT_WORK
uint64_t xml_work_count;
#endif

/* --- life --- */

struct xml_machine *xml_machine_new(const struct xml_limits *limits, const struct xml_scope *scope)
{
    /* Each open element may hide the default namespace once. */
    unsigned prefixes = limits->declarations, outer = scope->uri_count;
    size_t open = limits->depth * sizeof(struct xml_open);
    size_t bindings = (limits->depth + prefixes) * sizeof(struct xml_binding);
    size_t uris = (prefixes > outer ? prefixes : outer) * sizeof(struct xml_uri);
    size_t size = sizeof(struct xml_machine) + open + bindings + uris;
    struct xml_machine *p = malloc(size);
    if (p == NULL)
        return NULL;
    char *at = (char *)(p + 1);
    memset(p, 0, sizeof(*p));
    p->size = size;
    p->open = (void *)at;
    p->bindings = (void *)(at + open);
    p->uris = (void *)(at + open + bindings);
    p->scope = scope;
    p->limits = *limits;
    if (outer > 0)
        memcpy(p->uris, scope->uris, outer * sizeof(struct xml_uri));
    return p;
}

void xml_machine_free(struct xml_machine *p)
{
    xml_pool_free(p);
    free(p);
}

/* --- what the machine reports --- */

enum step xml_bad(struct xml_machine *p, enum xml_error error)
{
    p->state = S_BAD;
    p->error = (uint8_t)error;
    p->in_unit = false;
    xml_pool_free(p);
    return STEP_BAD;
}

/* Cuts the input where the stanza has to end. */
static void cut(struct xml_machine *p)
{
    uint32_t left = p->limits.stanza_bytes - p->bytes;
    p->end = (size_t)(p->stop - p->base) > left ? p->base + left : p->stop;
}

enum step xml_unit_begin(struct xml_machine *p)
{
    p->base = p->p;
    p->bytes = 0;
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

static void unit_end(struct xml_machine *p, enum state next)
{
    p->state = (uint8_t)next;
    p->in_unit = false;
    p->end = p->stop;
}

static enum step event(struct xml_machine *p, enum xml_event ev)
{
    p->event = (uint8_t)ev;
    return STEP_EVENT;
}

static void publish(struct xml_machine *p)
{
    p->tree = (struct xml_tree){.bytes = p->pool.bytes,
                                .outer_bytes = p->scope->bytes,
                                .uris = p->uris,
                                .len = p->pool.used,
                                .outer_uris = p->scope->uri_count};
}

enum step xml_declaration_done(struct xml_machine *p)
{
    p->fresh = false;
    unit_end(p, S_OUTSIDE);
    return STEP_ON;
}

enum step xml_header_done(struct xml_machine *p, bool empty)
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

enum step xml_stanza_done(struct xml_machine *p)
{
    publish(p);
    unit_end(p, S_OUTSIDE);
    return event(p, XML_STANZA);
}

enum step xml_root_closed(struct xml_machine *p)
{
    unit_end(p, S_CLOSED);
    return event(p, XML_CLOSE);
}

/* --- feeding --- */

static enum step advance(struct xml_machine *p)
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

enum xml_event xml_machine_feed(struct xml_machine *p, struct slice *in)
{
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
