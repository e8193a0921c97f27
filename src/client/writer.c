/* The public writer of XML: burble/xml.h. Names are checked, because they come from programs. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "client/view.h"
#include "xml/chars.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

enum { DEPTH_MAX = 32 };

struct level {
    char *name, *ns;
};

struct burble_writer {
    struct buf out;
    unsigned depth;
    bool open; /* the start tag lacks its '>' */
    bool failed;
    struct level stack[DEPTH_MAX];
};

struct burble_writer *burble_writer_new(void)
{
    return calloc(1, sizeof(struct burble_writer));
}

void burble_writer_free(struct burble_writer **w)
{
    struct burble_writer *old = *w;
    *w = NULL;
    if (old == NULL)
        return;
    while (old->depth > 0) {
        free(old->stack[--old->depth].name);
        free(old->stack[old->depth].ns);
    }
    buf_free(&old->out);
    free(old);
}

/* A name without a prefix: ASCII letters, digits, "_", "-", ".", or beyond ASCII. */
static bool is_name(const char *name)
{
    if (name == NULL || *name == '\0' || (*name >= '0' && *name <= '9') || *name == '-' ||
        *name == '.')
        return false;
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
        bool plain = (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') ||
                     *p == '_' || *p == '-' || *p == '.' || *p >= 0x80;
        if (!plain)
            return false;
    }
    return true;
}

static void end_tag(struct burble_writer *w)
{
    if (w->open)
        buf_byte(&w->out, '>');
    w->open = false;
}

static struct slice default_ns(const struct burble_writer *w)
{
    return w->depth > 0 ? slice_z(w->stack[w->depth - 1].ns) : NS_CLIENT;
}

void burble_writer_open(struct burble_writer *w, const char *name, const char *ns)
{
    struct slice outer = default_ns(w);
    struct slice own = ns != NULL ? slice_z(ns) : outer;
    struct level level = {0};
    if (!is_name(name) || w->depth == DEPTH_MAX || w->failed) {
        w->failed = true;
        return;
    }
    level.name = strdup(name);
    level.ns = strndup(own.ptr, own.len);
    if (level.name == NULL || level.ns == NULL) {
        free(level.name);
        free(level.ns);
        w->failed = true;
        return;
    }
    end_tag(w);
    buf_byte(&w->out, '<');
    buf_add(&w->out, slice_z(name));
    if (!slice_eq(own, outer))
        xml_write_attr(&w->out, SLICE("xmlns"), own);
    w->stack[w->depth++] = level;
    w->open = true;
}

void burble_writer_attr(struct burble_writer *w, const char *name, const char *value)
{
    if (w->failed || !w->open || !is_name(name) || strcmp(name, "xmlns") == 0) {
        w->failed = true;
        return;
    }
    if (value != NULL)
        xml_write_attr(&w->out, slice_z(name), slice_z(value));
}

void burble_writer_text(struct burble_writer *w, const char *text)
{
    w->failed |= w->depth == 0;
    end_tag(w);
    if (!w->failed && text != NULL)
        xml_write_text(&w->out, slice_z(text));
}

void burble_writer_close(struct burble_writer *w)
{
    if (w->failed || w->depth == 0) {
        w->failed = true;
        return;
    }
    struct level level = w->stack[--w->depth];
    if (w->open) {
        buf_lit(&w->out, "/>");
    } else {
        buf_lit(&w->out, "</");
        buf_add(&w->out, slice_z(level.name));
        buf_byte(&w->out, '>');
    }
    w->open = false;
    free(level.name);
    free(level.ns);
}

void burble_writer_leaf(struct burble_writer *w, const char *name, const char *ns, const char *text)
{
    burble_writer_open(w, name, ns);
    if (text != NULL && *text != '\0')
        burble_writer_text(w, text);
    burble_writer_close(w);
}

void burble_writer_node(struct burble_writer *w, struct burble_xml x)
{
    struct xml node = view_xml(x);
    w->failed |= !xml_is_element(node);
    end_tag(w);
    if (!w->failed)
        xml_write_node(&w->out, node, default_ns(w));
}

const char *burble_writer_result(const struct burble_writer *w)
{
    struct buf *out = (struct buf *)(void *)&w->out;
    if (w->failed || w->depth > 0 || buf_reserve(out, 1) != 0 || out->failed)
        return NULL;
    out->ptr[out->end] = '\0';
    return buf_slice(out).ptr;
}
