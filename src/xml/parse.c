/* Parsing one element held in memory: a machine of its own, and a tree that owns itself. */
#include <stdlib.h>

#include "base/check.h"
#include "xml/machine.h"

/* Copies a tree and all that it points to into one block. */
static struct xml_tree *tree_copy(const struct xml_tree *t, uint16_t uri_count)
{
    size_t uris = uri_count * sizeof(struct xml_uri);
    size_t outer = 0;
    for (unsigned i = 0; i < t->outer_uris; i++)
        outer += t->uris[i].len;
    struct xml_tree *copy = malloc(sizeof(*copy) + uris + t->len + outer);
    if (copy == NULL)
        return NULL;
    struct xml_uri *uri = (void *)(copy + 1);
    uint8_t *bytes = (uint8_t *)uri + uris;
    memcpy(bytes, t->bytes, t->len);
    if (uris > 0)
        memcpy(uri, t->uris, uris);
    uint32_t at = t->len;
    for (unsigned i = 0; i < t->outer_uris; i++) {
        memcpy(bytes + at, t->outer_bytes + uri[i].at, uri[i].len);
        uri[i].at = at;
        at += uri[i].len;
    }
    *copy = (struct xml_tree){.bytes = bytes, .uris = uri, .len = t->len};
    return copy;
}

/* The error that text ends with; the tree is in p otherwise. */
static enum xml_error parse(struct xml_machine *p, struct slice text)
{
    enum xml_event ev = xml_machine_feed(p, &text);
    if (ev == XML_BAD)
        return (enum xml_error)p->error;
    if (ev != XML_STANZA)
        return XML_NOT_WELL_FORMED;
    while (text.len > 0 && memchr(" \t\r\n", text.ptr[0], 4) != NULL)
        text = slice_from(text, 1);
    return text.len == 0 ? XML_OK : XML_NOT_WELL_FORMED;
}

enum xml_error xml_parse(struct slice text, struct slice ns, const struct xml_limits *limits,
                         struct xml_tree **out)
{
    *out = NULL;
    if (ns.len > limits->uri_bytes)
        return XML_TOO_COMPLEX;
    struct xml_uri uri = {.at = 0, .len = (uint16_t)ns.len};
    struct xml_scope scope = XML_SCOPE_NONE;
    int fixed = xml_fixed_space(ns);
    if (fixed >= 0) {
        scope.default_ns = (uint8_t)fixed;
    } else {
        scope.bytes = (const uint8_t *)ns.ptr;
        scope.uris = &uri;
        scope.uri_count = 1;
        scope.default_ns = SPACE_FIXED;
    }
    struct xml_limits clamped = xml_limits_clamp(limits);
    struct xml_machine *p = xml_machine_new(&clamped, &scope);
    if (p == NULL)
        return XML_MEMORY;
    p->mode = XML_FRAGMENT;
    p->state = S_START;
    p->fresh = true;
    enum xml_error error = parse(p, text);
    if (error == XML_OK) {
        *out = tree_copy(&p->tree, p->uri_count);
        if (*out == NULL)
            error = XML_MEMORY;
    }
    xml_machine_free(p);
    return error;
}

void xml_tree_free(struct xml_tree **tree)
{
    free(*tree);
    *tree = NULL;
}
