/* What the tests and fuzz targets of xml share: a tree as text that differs when trees differ, and
 * a document fed in pieces as the text of its events. */
#ifndef XML_TEST_SUPPORT_H
#define XML_TEST_SUPPORT_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "xml/parser.h"

/* Each string with its length, so that no content can look like structure. */
static inline void dump_string(struct buf *out, char what, struct slice s)
{
    buf_printf(out, "%c%zu:", what, s.len);
    buf_add(out, s);
}

static inline int dump_compare(const void *a, const void *b)
{
    const struct xml_attribute *x = a, *y = b;
    int c = slice_compare(x->ns, y->ns);
    return c != 0 ? c : slice_compare(x->name, y->name);
}

/* Attributes in an order of their own: it is no part of the infoset. */
static inline void dump_attributes(struct buf *out, struct xml x)
{
    static struct xml_attribute a[512];
    size_t n = 0;
    for (uint32_t at = 0; n < 512 && xml_attributes(x, &at, &a[n]); n++)
        CHECK(xml_attr_ns(x, a[n].ns, a[n].name).ptr == a[n].value.ptr);
    qsort(a, n, sizeof(a[0]), dump_compare);
    for (size_t i = 0; i < n; i++) {
        dump_string(out, '@', a[i].ns);
        dump_string(out, '/', a[i].name);
        dump_string(out, '=', a[i].value);
    }
}

/* The subtree of x, through the accessors alone. */
static inline void dump_node(struct buf *out, struct xml x)
{
    static struct xml parents[XML_DEPTH_MAX + 1];
    size_t depth = 0;
    while (xml_some(x)) {
        if (xml_is_element(x)) {
            dump_string(out, '<', xml_ns(x));
            dump_string(out, '/', xml_name(x));
            dump_attributes(out, x);
            CHECK(depth <= XML_DEPTH_MAX);
            parents[depth++] = x;
            x = xml_first(x);
        } else {
            CHECK(xml_text(x).len > 0);
            dump_string(out, '"', xml_text(x));
            CHECK(depth > 0);
            x = xml_next(x);
        }
        while (!xml_some(x) && depth > 0) {
            buf_byte(out, '>');
            x = parents[--depth];
            x = depth > 0 ? xml_next(x) : XML_NONE;
        }
    }
}

/* Called at each event but XML_MORE. */
typedef void (*event_fn)(void *ctx, enum xml_event ev, struct xml_parser *p);

/* One piece. false: nothing more is to be fed. */
static inline bool feed_piece(struct xml_parser *p, struct slice piece, event_fn fn, void *ctx)
{
    for (;;) {
        enum xml_event ev = xml_parser_feed(p, &piece);
        if (ev == XML_MORE) {
            CHECK(piece.len == 0);
            return true;
        }
        fn(ctx, ev, p);
        if (ev == XML_BAD || ev == XML_CLOSE)
            return false;
    }
}

/* ctx is a struct buf: the event, its tree, its error. */
static inline void write_event(void *ctx, enum xml_event ev, struct xml_parser *p)
{
    struct buf *out = ctx;
    buf_printf(out, "\n%d.%d ", (int)ev, (int)xml_parser_error(p));
    dump_node(out, xml_root(xml_parser_tree(p)));
}

/* The events of text, fed in pieces of the sizes given, over and over. */
static inline void feed_in(struct buf *out, enum xml_mode mode, const struct xml_limits *limits,
                           struct slice text, const size_t *sizes, size_t n)
{
    struct xml_parser *p = xml_parser_new(mode, limits);
    CHECK(p != NULL);
    bool more = true;
    for (size_t i = 0; more && text.len > 0; i++) {
        size_t len = sizes[i % n] < text.len ? sizes[i % n] : text.len;
        /* A copy of its own, so that reading beyond it is found. */
        char *piece = malloc(len);
        CHECK(piece != NULL);
        memcpy(piece, text.ptr, len);
        more = feed_piece(p, slice_of(piece, len), write_event, out);
        free(piece);
        text = slice_from(text, len);
    }
    buf_printf(out, "\nidle %d", xml_parser_idle(p));
    xml_parser_free(&p);
}

#endif
