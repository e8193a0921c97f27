/* Trees made up from a seed, spelled in many ways, cut in many ways: what is parsed is what was
 * meant, and what is written is parsed as the same again. The same for documents with a few bytes
 * changed, as far as they are accepted.
 *
 * 100,000 cases each; BURBLE_XML_CASES asks for another number, BURBLE_XML_SEED for another seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "base/utf8.h"
#include "xml/test_support.h"
#include "xml/writer.h"

enum { DEPTH_MAX = 5, CASES = 100000, STRING_MAX = 64 };

/* A document under way: its text, and the dump that its tree must have. */
struct made {
    uint64_t random;
    struct buf text;
    struct buf want;
    struct buf chars; /* the text node under way */
};

static unsigned below(struct made *m, unsigned bound)
{
    return (unsigned)test_below(&m->random, bound);
}

static const char *const SPECIAL[] = {"<", ">", "&", "'", "\"", "\t", "\n", "\r", "]]>", "]"};
static const char *const PLAIN[] = {"a",
                                    "Z",
                                    " ",
                                    "0123456789abcdef",
                                    "\xd0\xb0",
                                    "\xe2\x82\xac",
                                    "\xf0\x9f\x98\x80",
                                    "\xc2\x80",
                                    ";",
                                    "-->",
                                    "amp;"};

/* A string of up to STRING_MAX pieces, half of them special. */
static struct buf string(struct made *m)
{
    struct buf s = {0};
    unsigned n = below(m, 3) == 0 ? below(m, STRING_MAX + 1) : below(m, 6);
    for (unsigned i = 0; i < n; i++) {
        const char *piece = below(m, 2) == 0 ? SPECIAL[below(m, 10)] : PLAIN[below(m, 11)];
        buf_add(&s, slice_z(piece));
    }
    return s;
}

/* Spells one character by a reference, one way or another. */
static void put_reference(struct made *m, struct slice c)
{
    static const char *const named[][2] = {
        {"<", "&lt;"}, {">", "&gt;"}, {"&", "&amp;"}, {"'", "&apos;"}, {"\"", "&quot;"}};
    for (size_t i = 0; i < 5 && below(m, 2) == 0; i++) {
        if (slice_eq(c, slice_z(named[i][0]))) {
            buf_add(&m->text, slice_z(named[i][1]));
            return;
        }
    }
    uint32_t code = 0;
    utf8_decode(c, &code);
    switch (below(m, 4)) {
    case 0:
        buf_printf(&m->text, "&#%u;", code);
        break;
    case 1:
        buf_printf(&m->text, "&#x%x;", code);
        break;
    case 2:
        buf_printf(&m->text, "&#x%X;", code);
        break;
    default:
        buf_printf(&m->text, "&#00%u;", code);
    }
}

static struct slice next_char(struct slice *s)
{
    uint32_t code;
    int n = utf8_decode(*s, &code);
    CHECK(n > 0);
    struct slice c = slice_of(s->ptr, (size_t)n);
    *s = slice_from(*s, (size_t)n);
    return c;
}

static void put_value(struct made *m, struct slice s)
{
    char quote = below(m, 2) == 0 ? '\'' : '"';
    buf_byte(&m->text, quote);
    while (s.len > 0) {
        struct slice c = next_char(&s);
        bool must = c.ptr[0] == quote || memchr("<&\t\n\r", c.ptr[0], 5) != NULL;
        if (c.ptr[0] == ' ' && below(m, 3) == 0)
            buf_add(&m->text, slice_z((const char *[]){"\n", "\t", "\r\n"}[below(m, 3)]));
        else if (must || below(m, 20) == 0)
            put_reference(m, c);
        else
            buf_add(&m->text, c);
    }
    buf_byte(&m->text, quote);
}

/* Text without markup: '>' is a reference where "]]" may stand before it. */
static void put_plain(struct made *m, struct slice s)
{
    bool brackets = true; /* a text before this one may have ended with them */
    while (s.len > 0) {
        struct slice c = next_char(&s);
        bool must = memchr("<&\r", c.ptr[0], 3) != NULL || (brackets && c.ptr[0] == '>');
        /* A line end after a literal CR would be one with it. */
        if (c.ptr[0] == '\n' && below(m, 3) == 0)
            buf_add(&m->text, slice_z((const char *[]){"\r\n", "\n"}[below(m, 2)]));
        else if (must || below(m, 20) == 0)
            put_reference(m, c);
        else
            buf_add(&m->text, c);
        brackets = c.ptr[0] == ']';
    }
}

/* The same in CDATA sections where that is possible. */
static void put_cdata(struct made *m, struct slice s)
{
    buf_lit(&m->text, "<![CDATA[");
    while (s.len > 0) {
        struct slice c = next_char(&s);
        if (c.ptr[0] == '\r' || c.ptr[0] == '>') {
            buf_lit(&m->text, "]]>");
            put_reference(m, c);
            buf_lit(&m->text, "<![CDATA[");
        } else {
            buf_add(&m->text, c);
        }
    }
    buf_lit(&m->text, "]]>");
}

static void put_text(struct made *m)
{
    struct buf s = string(m);
    if (below(m, 4) == 0)
        put_cdata(m, buf_slice(&s));
    else
        put_plain(m, buf_slice(&s));
    buf_add(&m->chars, buf_slice(&s));
    buf_free(&s);
}

static void flush_text(struct made *m)
{
    if (buf_len(&m->chars) > 0)
        dump_string(&m->want, '"', buf_slice(&m->chars));
    buf_clear(&m->chars);
}

static const char *const NAMES[] = {"a", "body", "_x.1-y", "\xd0\xb8\xd0\xbc\xd1\x8f",
                                    "a-name-longer-than-sixteen-bytes"};
static const char *const SPACES[] = {"", "u", "jabber:client", "jabber:server", "urn:x&y"};

static void put_space(struct made *m, bool needed)
{
    unsigned n = below(m, 8) == 0 ? 1 + below(m, 3) : needed;
    for (unsigned i = 0; i < n; i++)
        buf_byte(&m->text, " \t\r\n"[below(m, 4)]);
}

/* What an attribute is meant to be; its name tells it from the others of the element. */
static void put_attribute(struct made *m, unsigned i, const char *ns, struct xml_attribute *out,
                          struct buf *value)
{
    static const char *const names[] = {"k0", "k1", "k2", "k3"};
    *value = string(m);
    put_space(m, true);
    if (ns[0] != '\0') {
        buf_printf(&m->text, "xmlns:n%u=", i);
        put_value(m, slice_z(ns));
        put_space(m, true);
        buf_printf(&m->text, "n%u:", i);
    }
    buf_add(&m->text, slice_z(names[i]));
    put_space(m, false);
    buf_byte(&m->text, '=');
    put_space(m, false);
    put_value(m, buf_slice(value));
    out->ns = slice_z(ns);
    out->name = slice_z(names[i]);
    out->value = buf_slice(value);
}

static void put_attributes(struct made *m)
{
    struct xml_attribute a[4];
    struct buf values[4] = {0};
    unsigned n = below(m, 5);
    for (unsigned i = 0; i < n; i++)
        put_attribute(m, i, SPACES[below(m, 2) == 0 ? below(m, 5) : 0], &a[i], &values[i]);
    qsort(a, n, sizeof(a[0]), dump_compare);
    for (unsigned i = 0; i < n; i++) {
        dump_string(&m->want, '@', a[i].ns);
        dump_string(&m->want, '/', a[i].name);
        dump_string(&m->want, '=', a[i].value);
    }
    for (unsigned i = 0; i < n; i++)
        buf_free(&values[i]);
}

/* An open element: how it was written, and the default namespace inside. */
struct open_element {
    const char *prefix, *name, *ns;
    unsigned children;
};

static void put_start(struct made *m, struct open_element *e, const char *outer)
{
    const char *ns = SPACES[below(m, 5)];
    e->name = NAMES[below(m, 5)];
    bool prefixed = ns[0] != '\0' && below(m, 4) == 0;
    e->prefix = prefixed ? "q:" : "";
    e->ns = prefixed ? outer : ns;
    dump_string(&m->want, '<', slice_z(ns));
    dump_string(&m->want, '/', slice_z(e->name));
    buf_printf(&m->text, "<%s%s", e->prefix, e->name);
    if (prefixed || strcmp(ns, outer) != 0 || below(m, 4) == 0) {
        put_space(m, true);
        buf_lit(&m->text, "xmlns");
        if (prefixed)
            buf_lit(&m->text, ":q");
        buf_byte(&m->text, '=');
        put_value(m, slice_z(ns));
    }
    put_attributes(m);
    put_space(m, false);
    e->children = below(m, 3) == 0 ? 0 : below(m, 4);
}

static void put_end(struct made *m, const struct open_element *e)
{
    buf_printf(&m->text, "</%s%s", e->prefix, e->name);
    put_space(m, false);
    buf_byte(&m->text, '>');
    buf_byte(&m->want, '>');
}

/* A whole element, at depth most DEPTH_MAX. */
static void make(struct made *m)
{
    struct open_element open[DEPTH_MAX];
    size_t depth = 0;
    put_start(m, &open[depth++], "");
    buf_byte(&m->text, '>');
    while (depth > 0) {
        struct open_element *e = &open[depth - 1];
        if (e->children == 0) {
            flush_text(m);
            put_end(m, e);
            depth--;
        } else if (depth == DEPTH_MAX || below(m, 2) == 0) {
            e->children--;
            put_text(m);
        } else {
            e->children--;
            flush_text(m);
            put_start(m, &open[depth], e->ns);
            if (open[depth].children == 0 && below(m, 2) == 0) {
                buf_lit(&m->text, "/>");
                buf_byte(&m->want, '>');
            } else {
                buf_byte(&m->text, '>');
                depth++;
            }
        }
    }
}

static void assert_same(const struct made *m, struct slice got, struct slice want)
{
    if (!slice_eq(got, want))
        print_error("%.*s\n got %.*s\nwant %.*s\n", SLICE_ARG(buf_slice(&m->text)), SLICE_ARG(got),
                    SLICE_ARG(want));
    assert_true(slice_eq(got, want));
}

/* Feeds the document in random pieces and dumps its tree. */
static void parse_in_pieces(struct made *m, struct buf *dump, struct buf *written)
{
    struct xml_parser *p = xml_parser_new(XML_FRAGMENT, &XML_LIMITS_C2S);
    struct slice text = buf_slice(&m->text);
    unsigned piece_max = 1 + below(m, below(m, 2) == 0 ? 4 : 400);
    enum xml_event ev = XML_MORE;
    while (ev == XML_MORE && text.len > 0) {
        size_t n = 1 + below(m, piece_max);
        struct slice in = slice_of(text.ptr, n < text.len ? n : text.len);
        text = slice_from(text, in.len);
        ev = xml_parser_feed(p, &in);
    }
    if (ev != XML_STANZA)
        print_error("%.*s\n", SLICE_ARG(buf_slice(&m->text)));
    assert_int_equal(ev, XML_STANZA);
    assert_int_equal(text.len, 0);
    struct xml root = xml_root(xml_parser_tree(p));
    dump_node(dump, root);
    xml_write_node(written, root, SLICE("jabber:client"));
    xml_parser_free(&p);
}

static void check_case(uint64_t seed)
{
    struct made m = {.random = seed};
    struct buf dump = {0}, written = {0}, again = {0};
    make(&m);
    parse_in_pieces(&m, &dump, &written);
    assert_same(&m, buf_slice(&dump), buf_slice(&m.want));
    struct xml_tree *tree;
    assert_int_equal(xml_parse(buf_slice(&written), SLICE("jabber:client"), &XML_LIMITS_C2S, &tree),
                     XML_OK);
    dump_node(&again, xml_root(tree));
    assert_same(&m, buf_slice(&again), buf_slice(&m.want));
    xml_tree_free(&tree);
    buf_free(&m.text);
    buf_free(&m.want);
    buf_free(&m.chars);
    buf_free(&dump);
    buf_free(&written);
    buf_free(&again);
}

/* Changes a few bytes: to others, to none, to those of another place. */
static void mutate(struct made *m, struct buf *text)
{
    static const char chars[] = "<>&'\"/=:; \t\n\r]![?-xmlns#a0\x01\x80\xff\xc2\xed\xa0";
    for (unsigned n = 1 + below(m, 4); n > 0 && buf_len(text) > 1; n--) {
        char *at = text->ptr + below(m, (unsigned)buf_len(text));
        switch (below(m, 3)) {
        case 0:
            *at = chars[below(m, sizeof(chars) - 1)];
            break;
        case 1:
            memmove(at, at + 1, (size_t)(text->ptr + text->end - at - 1));
            buf_truncate(text, buf_len(text) - 1);
            break;
        default:
            *at = text->ptr[below(m, (unsigned)buf_len(text))];
        }
    }
}

/* If text is accepted, what is written is accepted as the same. */
static void check_round_trip(struct slice text)
{
    struct xml_tree *tree, *again;
    if (xml_parse(text, SLICE("jabber:client"), &XML_LIMITS_C2S, &tree) != XML_OK)
        return;
    struct buf before = {0}, written = {0}, after = {0};
    dump_node(&before, xml_root(tree));
    xml_write_node(&written, xml_root(tree), SLICE("jabber:server"));
    if (xml_parse(buf_slice(&written), SLICE("jabber:server"), &XML_LIMITS_C2S, &again) != XML_OK)
        print_error("%.*s\n", SLICE_ARG(text));
    assert_non_null(again);
    dump_node(&after, xml_root(again));
    if (!slice_eq(buf_slice(&before), buf_slice(&after)))
        print_error("%.*s\n", SLICE_ARG(text));
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    xml_tree_free(&tree);
    xml_tree_free(&again);
    buf_free(&before);
    buf_free(&written);
    buf_free(&after);
}

static uint64_t asked(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 0) : otherwise;
}

static void V28_what_is_written_is_read_as_what_was_meant(void **state)
{
    (void)state;
    uint64_t seed = asked("BURBLE_XML_SEED", 1), cases = asked("BURBLE_XML_CASES", CASES);
    for (uint64_t i = 0; i < cases; i++)
        check_case(seed + i);
}

static void V13_what_is_forwarded_is_seen_as_it_was_received(void **state)
{
    (void)state;
    uint64_t seed = asked("BURBLE_XML_SEED", 1), cases = asked("BURBLE_XML_CASES", CASES);
    for (uint64_t i = 0; i < cases; i++) {
        struct made m = {.random = seed + i};
        make(&m);
        mutate(&m, &m.text);
        check_round_trip(buf_slice(&m.text));
        buf_free(&m.text);
        buf_free(&m.want);
        buf_free(&m.chars);
    }
}

static void V18_a_header_may_be_anything(void **state)
{
    (void)state;
    static const char header[] =
        "<?xml version='1.0' encoding='utf-8'?>\n<stream:stream to='a.example' version='1.0' "
        "xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        "<presence/></stream:stream>";
    uint64_t seed = asked("BURBLE_XML_SEED", 1), cases = asked("BURBLE_XML_CASES", CASES);
    size_t accepted = 0;
    for (uint64_t i = 0; i < cases; i++) {
        struct made m = {.random = seed + i};
        struct buf text = {0}, whole = {0}, cut = {0};
        buf_lit(&text, header);
        mutate(&m, &text);
        feed_in(&whole, XML_STREAM, &XML_LIMITS_PREAUTH, buf_slice(&text), &(size_t){SIZE_MAX}, 1);
        feed_in(&cut, XML_STREAM, &XML_LIMITS_PREAUTH, buf_slice(&text),
                (size_t[]){1 + below(&m, 90), 1 + below(&m, 9)}, 2);
        assert_true(slice_eq(buf_slice(&whole), buf_slice(&cut)));
        accepted += memmem(whole.ptr, buf_len(&whole), "\n3.", 3) != NULL;
        buf_free(&text);
        buf_free(&whole);
        buf_free(&cut);
    }
    /* The changes are neither so wild nor so tame that this shows nothing. */
    assert_in_range(accepted, cases / 50, cases / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V28_what_is_written_is_read_as_what_was_meant),
        cmocka_unit_test(V13_what_is_forwarded_is_seen_as_it_was_received),
        cmocka_unit_test(V18_a_header_may_be_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
