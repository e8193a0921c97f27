/* Namespaces in XML 1.0 (third edition): what declarations bind, and what of them stays in force
 * for the whole stream (RFC 6120 4.8).
 *
 * A namespace is an index, the same for equal URIs, so that names compare as pairs of an index and
 * a local name and never as one concatenated string. */
#include <stdlib.h>

#include "xml/machine.h"

static const struct xml_binding STREAM_BINDING[] = {
    {.at = 0, .depth = 0, .prefix_len = 6, .uri = SPACE_STREAMS}};

const struct xml_scope XML_SCOPE_NONE = {.bytes = (const uint8_t *)"", .default_ns = SPACE_NONE};

/* What nearly every client declares needs no memory of its own. */
static const struct xml_scope SCOPE_CLIENT = {
    .bytes = (const uint8_t *)"stream:stream",
    .bindings = STREAM_BINDING,
    .root_len = 13,
    .binding_count = 1,
    .default_ns = SPACE_CLIENT,
};

enum { NO_INDEX = -1 };

int xml_fixed_space(struct slice uri)
{
    for (unsigned i = 0; i < SPACE_FIXED; i++) {
        if (slice_eq(XML_FIXED_SPACES[i], uri))
            return (int)i;
    }
    return NO_INDEX;
}

/* The index of a namespace that is known already, or NO_INDEX. */
static int find_uri(const struct xml_machine *p, struct slice uri)
{
    int fixed = xml_fixed_space(uri);
    if (fixed != NO_INDEX)
        return fixed;
    struct xml_tree t = {.bytes = p->pool.bytes,
                         .outer_bytes = p->scope->bytes,
                         .uris = p->uris,
                         .outer_uris = p->scope->uri_count};
    WORK(p->uri_count);
    for (unsigned i = 0; i < p->uri_count; i++) {
        if (t.uris[i].len == uri.len && slice_eq(tree_space(&t, SPACE_FIXED + i), uri))
            return (int)(SPACE_FIXED + i);
    }
    return NO_INDEX;
}

struct slice xml_dialect_space(unsigned dialect)
{
    switch ((enum xml_dialect)dialect) {
    case XML_OF_SERVERS:
        return SLICE("jabber:server");
    case XML_OF_COMPONENTS:
        return SLICE("jabber:component:accept");
    case XML_OF_CLIENTS:
        break;
    }
    return SLICE_NONE;
}

/* The index of the namespace at a place in the pool; NO_INDEX when there are too many. */
static int intern(struct xml_machine *p, struct slice uri)
{
    if (uri.len > 0 && slice_eq(uri, xml_dialect_space(p->dialect)))
        return SPACE_CLIENT;
    int known = find_uri(p, uri);
    if (known != NO_INDEX)
        return known;
    if (p->uri_count >= p->limits.declarations)
        return NO_INDEX;
    int index = SPACE_FIXED + p->uri_count;
    p->uris[p->uri_count++] = (struct xml_uri){
        .at = (uint32_t)((const uint8_t *)uri.ptr - p->pool.bytes), .len = (uint16_t)uri.len};
    return index;
}

/* Whether a declaration keeps to the rules for reserved prefixes and namespaces. */
static bool may_bind(struct slice prefix, int uri)
{
    if (uri == SPACE_XMLNS || slice_is(prefix, "xmlns"))
        return false;
    if ((uri == SPACE_XML) != slice_is(prefix, "xml"))
        return false;
    return prefix.len == 0 || uri != SPACE_NONE;
}

enum step xml_declare(struct xml_machine *p, const uint8_t *record)
{
    struct slice uri = rec_attr_value(record);
    struct slice prefix = SLICE_NONE;
    if ((record[0] & REC_PREFIXED) != 0)
        prefix = rec_attr_name(record);
    if (uri.len > p->limits.uri_bytes)
        return xml_bad(p, XML_TOO_COMPLEX);
    int index = intern(p, uri);
    if (index == NO_INDEX)
        return xml_bad(p, XML_TOO_COMPLEX);
    if (!may_bind(prefix, index))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (prefix.len > 0 && p->prefixes++ >= p->limits.declarations)
        return xml_bad(p, XML_TOO_COMPLEX);
    struct xml_binding *b = &p->bindings[p->binding_count++];
    *b = (struct xml_binding){
        .depth = p->depth, .prefix_len = (uint8_t)prefix.len, .uri = (uint8_t)index};
    if (prefix.len > 0) {
        b->at = (uint32_t)((const uint8_t *)prefix.ptr - p->pool.bytes);
    } else {
        b->at = p->default_ns;
        p->default_ns = (uint8_t)index;
        p->in_dialect |= !p->root && uri.len > 0 && slice_eq(uri, xml_dialect_space(p->dialect));
    }
    return STEP_ON;
}

bool xml_count_rewritten(struct xml_machine *p, unsigned ns, uint32_t extra)
{
    struct xml_tree t = {.bytes = p->pool.bytes,
                         .outer_bytes = p->scope->bytes,
                         .uris = p->uris,
                         .outer_uris = p->scope->uri_count};
    p->rewritten += (uint32_t)tree_space(&t, ns).len + extra;
    return p->rewritten <= p->limits.stanza_bytes;
}

static int lookup(const struct xml_binding *b, unsigned n, const uint8_t *bytes,
                  const uint8_t *prefix, size_t len)
{
    WORK(n);
    while (n-- > 0) {
        if (b[n].prefix_len == len && memcmp(bytes + b[n].at, prefix, len) == 0)
            return b[n].uri;
    }
    return NO_INDEX;
}

int xml_prefix_lookup(const struct xml_machine *p, const uint8_t *prefix, size_t len)
{
    if (len == 3 && memcmp(prefix, "xml", 3) == 0)
        return SPACE_XML;
    int index = lookup(p->bindings, p->binding_count, p->pool.bytes, prefix, len);
    if (index != NO_INDEX)
        return index;
    const struct xml_scope *s = p->scope;
    return lookup(s->bindings, s->binding_count, s->bytes, prefix, len);
}

void xml_undeclare(struct xml_machine *p)
{
    while (p->binding_count > 0) {
        const struct xml_binding *b = &p->bindings[p->binding_count - 1];
        if (b->depth != p->depth)
            break;
        if (b->prefix_len == 0)
            p->default_ns = (uint8_t)b->at;
        else
            p->prefixes--;
        p->binding_count--;
    }
}

static bool is_client_scope(const struct xml_machine *p, struct slice root)
{
    if (p->uri_count != 0 || p->default_ns != SPACE_CLIENT || !slice_is(root, "stream:stream"))
        return false;
    /* The name of the root has the prefix, so it is among them. */
    for (unsigned i = 0; i < p->binding_count; i++) {
        const struct xml_binding *b = &p->bindings[i];
        if (b->prefix_len != 0 && (b->uri != SPACE_STREAMS || b->prefix_len != 6 ||
                                   memcmp(p->pool.bytes + b->at, "stream", 6) != 0))
            return false;
    }
    return true;
}

/* Bytes that the text of a scope takes. */
static size_t scope_text_bytes(const struct xml_machine *p, struct slice root)
{
    size_t n = root.len;
    for (unsigned i = 0; i < p->uri_count; i++)
        n += p->uris[i].len;
    for (unsigned i = 0; i < p->binding_count; i++)
        n += p->bindings[i].prefix_len;
    return n;
}

static uint32_t put(uint8_t *text, uint32_t *used, const void *bytes, size_t len)
{
    uint32_t at = *used;
    memcpy(text + at, bytes, len);
    *used += (uint32_t)len;
    return at;
}

bool xml_scope_keep(struct xml_machine *p)
{
    struct slice root = rec_element_qname(p->pool.bytes + p->element);
    if (is_client_scope(p, root)) {
        p->scope = &SCOPE_CLIENT;
        return true;
    }
    size_t uris = p->uri_count * sizeof(struct xml_uri);
    size_t bindings = p->binding_count * sizeof(struct xml_binding);
    size_t size = sizeof(struct xml_scope) + uris + bindings + scope_text_bytes(p, root);
    struct xml_scope *s = malloc(size);
    if (s == NULL)
        return false;
    struct xml_uri *uri = (void *)(s + 1);
    struct xml_binding *binding = (void *)((char *)uri + uris);
    uint8_t *text = (uint8_t *)binding + bindings;
    uint32_t used = 0;
    put(text, &used, root.ptr, root.len);
    for (unsigned i = 0; i < p->uri_count; i++) {
        uri[i] = p->uris[i];
        uri[i].at = put(text, &used, p->pool.bytes + uri[i].at, uri[i].len);
    }
    unsigned n = 0;
    for (unsigned i = 0; i < p->binding_count; i++) {
        if (p->bindings[i].prefix_len == 0)
            continue;
        binding[n] = p->bindings[i];
        binding[n].at = put(text, &used, p->pool.bytes + binding[n].at, binding[n].prefix_len);
        n++;
    }
    *s = (struct xml_scope){.bytes = text,
                            .uris = uri,
                            .bindings = binding,
                            .size = (uint32_t)size,
                            .root_len = (uint16_t)root.len,
                            .uri_count = p->uri_count,
                            .binding_count = (uint16_t)n,
                            .default_ns = p->default_ns};
    p->scope = s;
    return true;
}
