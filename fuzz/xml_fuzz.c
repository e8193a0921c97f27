/* Fuzz target of the XML parser and serialiser:
 *   - the same events however the input is cut;
 *   - memory within the bound of xml/parser.h;
 *   - what is written from a tree is parsed to the same tree, and written the same again.
 * The first byte chooses mode and limits. */
#include <stdint.h>
#include <stdlib.h>

#include "xml/test_support.h"
#include "xml/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVERY_SPLIT_MAX = 48 };

static const struct xml_limits WIDE = {
    .stanza_bytes = 1 << 20,
    .elements = 4096,
    .depth = 64,
    .attributes = 64,
    .declarations = 64,
    .name_bytes = 255,
    .uri_bytes = 1024,
};

static const struct xml_limits NARROW = {
    .stanza_bytes = 200,
    .elements = 8,
    .depth = 4,
    .attributes = 4,
    .declarations = 3,
    .name_bytes = 8,
    .uri_bytes = 16,
    .space_bytes = 4,
};

static void check_equal(const struct buf *a, const struct buf *b)
{
    CHECK(slice_eq(buf_slice(a), buf_slice(b)));
}

/* Writes the tree and reads it again, under limits that differ in bytes alone. */
static void check_round_trip(struct xml root, const struct xml_limits *limits)
{
    struct buf before = {0}, text = {0}, after = {0}, again = {0};
    struct xml_limits wide = *limits;
    wide.stanza_bytes = XML_STANZA_BYTES_MAX;
    dump_node(&before, root);
    xml_write_node(&text, root, SLICE("jabber:client"));
    struct xml_tree *tree;
    CHECK(xml_parse(buf_slice(&text), SLICE("jabber:client"), &wide, &tree) == XML_OK);
    dump_node(&after, xml_root(tree));
    check_equal(&before, &after);
    CHECK(xml_count(root) == xml_count(xml_root(tree)));
    xml_write_node(&again, xml_root(tree), SLICE("jabber:client"));
    check_equal(&text, &again);
    xml_tree_free(&tree);
    buf_free(&before);
    buf_free(&text);
    buf_free(&after);
    buf_free(&again);
}

struct watch {
    const struct xml_limits *limits;
    size_t fed;
    bool header;
};

static void check_event(void *ctx, enum xml_event ev, struct xml_parser *p)
{
    struct watch *w = ctx;
    /* The header may have declared more than a stanza may hold. */
    if (ev == XML_OPEN || ev == XML_STANZA)
        check_round_trip(xml_root(xml_parser_tree(p)), w->limits);
    xml_parser_rest(p);
}

/* Byte by byte with a rest after each: what is held follows from what was fed. */
static void check_memory(enum xml_mode mode, const struct xml_limits *limits, struct slice in)
{
    struct xml_parser *p = xml_parser_new(mode, limits);
    struct watch w = {.limits = limits};
    size_t begin = 0;
    for (size_t i = 0; i < in.len; i++) {
        if (xml_parser_idle(p))
            begin = i;
        if (!feed_piece(p, slice_of(in.ptr + i, 1), check_event, &w))
            break;
        xml_parser_rest(p);
        /* The header's declarations come on top, and are no longer than the header. */
        CHECK(xml_parser_memory(p) <= XML_MEMORY_FACTOR * (i + 1 - begin) + XML_MEMORY_BASE + i);
    }
    xml_parser_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum xml_mode mode = (data[0] & 1) != 0 ? XML_FRAGMENT : XML_STREAM;
    const struct xml_limits *limits = (data[0] & 2) != 0 ? &NARROW : &WIDE;
    struct slice in = slice_of((const char *)data + 1, size - 1);
    struct buf whole = {0}, parts = {0};
    feed_in(&whole, mode, limits, in, &(size_t){SIZE_MAX}, 1);
    feed_in(&parts, mode, limits, in, &(size_t){1}, 1);
    check_equal(&whole, &parts);
    if (in.len <= EVERY_SPLIT_MAX) {
        for (size_t at = 1; at < in.len; at++) {
            buf_clear(&parts);
            feed_in(&parts, mode, limits, in, (size_t[]){at, SIZE_MAX}, 2);
            check_equal(&whole, &parts);
        }
    } else {
        buf_clear(&parts);
        feed_in(&parts, mode, limits, in, (size_t[]){data[0] % 31 + 1U, 17, 3, 40}, 4);
        check_equal(&whole, &parts);
    }
    check_memory(mode, limits, in);
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
