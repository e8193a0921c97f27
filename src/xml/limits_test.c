/* Limits, decided at the very byte, and work that grows no faster than the input. Linked with a
 * build of xml that counts bytes moved and records passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xml/machine.h"
#include "xml/test_support.h"

/* Bytes of text that are taken before the error; text.len when there is none. One byte at a time
 * and whole have to agree. */
static size_t bytes_before(enum xml_error error, enum xml_mode mode,
                           const struct xml_limits *limits, struct slice text)
{
    struct xml_parser *p = xml_parser_new(mode, limits);
    size_t at = 0;
    for (; at < text.len; at++) {
        struct slice in = slice_of(text.ptr + at, 1);
        enum xml_event ev;
        do
            ev = xml_parser_feed(p, &in);
        while (ev != XML_MORE && ev != XML_BAD);
        if (ev == XML_BAD) {
            assert_int_equal(xml_parser_error(p), error);
            break;
        }
    }
    xml_parser_free(&p);
    /* Up to there without, and with the next byte with the error. */
    for (size_t n = at; n <= at + 1 && n <= text.len; n++) {
        p = xml_parser_new(mode, limits);
        struct slice in = slice_of(text.ptr, n);
        enum xml_event ev;
        do
            ev = xml_parser_feed(p, &in);
        while (ev != XML_MORE && ev != XML_BAD);
        assert_int_equal(ev, n == at ? XML_MORE : XML_BAD);
        assert_int_equal(xml_parser_error(p), n == at ? XML_OK : error);
        xml_parser_free(&p);
    }
    /* And the same where all of it is there at once. */
    p = xml_parser_new(mode, limits);
    struct slice in = text;
    enum xml_event ev;
    do
        ev = xml_parser_feed(p, &in);
    while (ev != XML_MORE && ev != XML_BAD);
    assert_int_equal(xml_parser_error(p), at < text.len ? error : XML_OK);
    xml_parser_free(&p);
    return at;
}

static void repeat(struct buf *out, const char *unit, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add(out, slice_z(unit));
}

static void X18_a_stanza_is_too_big_at_the_byte_behind_the_limit(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_C2S;
    const char *units[] = {"x",  "<b/>",          "&lt;", "\xd0\xb0", "<![CDATA[x]]>",
                           "\n", "<b c='d'>e</b>"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        for (l.stanza_bytes = 40; l.stanza_bytes < 60; l.stanza_bytes++) {
            struct buf text = {0};
            buf_lit(&text, "<s> <a/> <a>");
            repeat(&text, units[i], 60);
            assert_int_equal(bytes_before(XML_TOO_BIG, XML_STREAM, &l, buf_slice(&text)),
                             9 + l.stanza_bytes);
            buf_free(&text);
        }
    }
}

static void a_stanza_of_exactly_the_limit_is_accepted(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_C2S;
    l.stanza_bytes = 10;
    struct slice text = SLICE("<s to='x'>  <a>xyz</a>  <a>xyz</a>  <a>wxyz</a>");
    assert_int_equal(bytes_before(XML_TOO_BIG, XML_STREAM, &l, text), text.len - 1);
    assert_int_equal(bytes_before(XML_TOO_BIG, XML_STREAM, &l, SLICE("<s xml:id='x'>")), 10);
    l.stanza_bytes = 21;
    assert_int_equal(bytes_before(XML_OK, XML_STREAM, &l, SLICE("<?xml version='1.0'?><s>")), 24);
    l.stanza_bytes = 20;
    assert_int_equal(bytes_before(XML_TOO_BIG, XML_STREAM, &l, SLICE("<?xml version='1.0'?><s>")),
                     20);
}

static void X19_V04_depth_attributes_and_elements_are_limited(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_C2S;
    struct buf text = {0};
    buf_lit(&text, "<s>");
    repeat(&text, "<a>", 100000);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, buf_slice(&text)),
                     3 + 64 * 3 + 1);
    buf_clear(&text);
    repeat(&text, "<a>", 100000);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, &l, buf_slice(&text)), 64 * 3 + 1);
    buf_clear(&text);
    buf_lit(&text, "<a>");
    repeat(&text, "<b/>", 5000);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, &l, buf_slice(&text)),
                     3 + 4095 * 4 + 1);
    buf_clear(&text);
    buf_lit(&text, "<a");
    for (int i = 0; i < 100000; i++)
        buf_printf(&text, " a%05d=''", i);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, &l, buf_slice(&text)),
                     2 + 64 * 10 + 7);
    buf_free(&text);
}

static void V04_names_and_namespaces_have_a_length(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_C2S;
    l.stanza_bytes = XML_STANZA_BYTES_MAX;
    struct buf text = {0};
    buf_lit(&text, "<");
    repeat(&text, "a", 1 << 20);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, buf_slice(&text)), 1 + 255);
    /* The prefix and the local name each. */
    buf_truncate(&text, 1 + 255);
    buf_lit(&text, ":");
    repeat(&text, "b", 300);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, buf_slice(&text)),
                     1 + 256 + 255);
    buf_clear(&text);
    buf_lit(&text, "<a xmlns='");
    repeat(&text, "u", 2000);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, buf_slice(&text)), 10 + 1024);
    buf_free(&text);
}

static void short_limits_hold_for_short_names(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_C2S;
    struct slice rest =
        SLICE("<r><abcde:fghij xmlns:abcde='u' klmno='' abcde:pqrst=''/></r> <r/>    ");
    l.name_bytes = 5;
    assert_int_equal(bytes_before(XML_OK, XML_FRAGMENT, &l, rest), rest.len);
    l.name_bytes = 4;
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, &l, rest), 8);
    const struct slice names[] = {SLICE("<r><abcd:fghij xmlns:abcd='u'/></r>              "),
                                  SLICE("<r><abcd fghij='a value that is long'/></r>      "),
                                  SLICE("<r><abcd xml:fghij='a value that is long'/></r>  ")};
    const size_t at[] = {13, 13, 17};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, &l, names[i]), at[i]);
}

static void what_the_header_binds_counts_in_its_stanzas(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_C2S;
    l.declarations = 3;
    struct slice prefixes =
        SLICE("<s xmlns:a='u' xmlns:b='u'><x xmlns:c='u'/><x xmlns:c='u' xmlns:d='u'/>");
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, prefixes), 68);
    struct slice spaces =
        SLICE("<s xmlns:a='u' xmlns='v'><x xmlns='w'/><x xmlns='w'><y xmlns='z'/></x>");
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, spaces), 63);
    /* Limits below what the header has bound already. */
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<s xmlns:a='1' xmlns:b='2' xmlns:c='3' xmlns:d='4' xmlns='5'>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    l.declarations = 1;
    xml_parser_set_limits(p, &l);
    in = SLICE("<d:x/><x xmlns='6'/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(slice_is(xml_ns(xml_root(xml_parser_tree(p))), "4"));
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_TOO_COMPLEX);
    xml_parser_free(&p);
}

static void each_open_element_may_hide_the_default_namespace(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 64; i++)
        buf_printf(&text, "<a xmlns='%s' xmlns:p%d='u'>", i % 2 == 0 ? "u" : "v", i);
    for (int i = 0; i < 64; i++)
        buf_lit(&text, "</a>");
    assert_int_equal(bytes_before(XML_OK, XML_FRAGMENT, &XML_LIMITS_C2S, buf_slice(&text)),
                     buf_len(&text));
    struct xml_tree *t;
    assert_int_equal(xml_parse(buf_slice(&text), SLICE(""), &XML_LIMITS_C2S, &t), XML_OK);
    struct xml x = xml_root(t);
    for (int i = 0; i < 64; i++, x = xml_first(x))
        assert_true(slice_eq(xml_ns(x), i % 2 == 0 ? SLICE("u") : SLICE("v")));
    assert_false(xml_some(x));
    xml_tree_free(&t);
    buf_free(&text);
}

static void X19_prefixes_in_force_and_namespaces_of_a_stanza_are_limited(void **state)
{
    (void)state;
    const struct xml_limits *l = &XML_LIMITS_C2S;
    struct buf text = {0};
    buf_lit(&text, "<a");
    for (int i = 0; i < 70; i++)
        buf_printf(&text, " xmlns:p%02d='u'", i);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, l, buf_slice(&text)),
                     2 + 64 * 14 + 13);
    buf_clear(&text);
    buf_lit(&text, "<a>");
    for (int i = 0; i < 70; i++)
        buf_printf(&text, "<b xmlns='u%02d'/>", i);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, l, buf_slice(&text)),
                     3 + 64 * 16 + 13);
    /* A page of items each with the same declarations is no more than one. */
    buf_clear(&text);
    buf_lit(&text, "<a>");
    repeat(&text, "<item><b xmlns='urn:x' xmlns:p='urn:y' p:c=''/></item>", 500);
    buf_lit(&text, "</a>");
    assert_int_equal(bytes_before(XML_OK, XML_FRAGMENT, l, buf_slice(&text)), buf_len(&text));
    buf_free(&text);
}

/* A prefix that thousands of elements share is declared anew for each when they are written. */
static void what_writing_adds_is_limited_where_it_is_parsed(void **state)
{
    (void)state;
    const char *units[] = {"<p:b/>", "<b p:c=''/>"};
    for (size_t i = 0; i < 2; i++) {
        struct buf text = {0};
        buf_lit(&text, "<a xmlns:p='");
        repeat(&text, "u", 1000);
        buf_lit(&text, "'>");
        repeat(&text, units[i], 200);
        struct buf good = {0};
        buf_add(&good, buf_slice(&text));
        buf_lit(&good, "</a>");
        assert_int_equal(bytes_before(XML_OK, XML_FRAGMENT, &XML_LIMITS_C2S, buf_slice(&good)),
                         buf_len(&good));
        buf_free(&good);
        repeat(&text, units[i], 200);
        size_t taken =
            bytes_before(XML_TOO_COMPLEX, XML_FRAGMENT, &XML_LIMITS_C2S, buf_slice(&text));
        assert_in_range(taken, 1014 + 250 * strlen(units[i]), 1014 + 262 * strlen(units[i]));
        buf_free(&text);
    }
}

static void X22_white_space_between_stanzas_is_counted(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_PREAUTH;
    struct buf text = {0};
    repeat(&text, " ", 4 << 20);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, buf_slice(&text)), 256);
    buf_clear(&text);
    buf_lit(&text, "\n<s>\n");
    repeat(&text, "<a> </a>\r\t", 200);
    assert_int_equal(bytes_before(XML_TOO_COMPLEX, XML_STREAM, &l, buf_slice(&text)), 5 + 1270 + 8);
    assert_int_equal(bytes_before(XML_OK, XML_STREAM, &XML_LIMITS_C2S, buf_slice(&text)),
                     buf_len(&text));
    buf_free(&text);
}

static void white_space_of_all_streams_counts_until_the_limit_is_lifted(void **state)
{
    (void)state;
    struct xml_limits l = XML_LIMITS_PREAUTH;
    l.space_bytes = 4;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &l);
    struct slice in = SLICE("  <s>  ");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    xml_parser_restart(p);
    in = SLICE(" <s>");
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_TOO_COMPLEX);
    xml_parser_set_limits(p, &XML_LIMITS_C2S);
    xml_parser_restart(p);
    in = SLICE(" \n <s>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    xml_parser_free(&p);
}

static void new_limits_hold_from_the_next_stanza_on(void **state)
{
    (void)state;
    struct xml_limits narrow = XML_LIMITS_C2S;
    narrow.elements = 2;
    narrow.depth = 2;
    narrow.declarations = 1;
    struct xml_parser *p = xml_parser_new(XML_FRAGMENT, &XML_LIMITS_C2S);
    struct slice in = SLICE("<a><b><c xmlns='1'/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    xml_parser_set_limits(p, &narrow);
    in = SLICE("<d xmlns='2'/></b></a><e><f xmlns='3'/></e>");
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    in = SLICE("<a>");
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    xml_parser_set_limits(p, &XML_LIMITS_C2S);
    in = SLICE("<b/></a><a><b><c><d xmlns='1'><e xmlns='2'/></d></c></b></a>");
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    xml_parser_set_limits(p, &narrow);
    in = SLICE("<a><b><c/></b></a>");
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_TOO_COMPLEX);
    xml_parser_free(&p);
}

static void V15_limits_of_any_size_are_taken(void **state)
{
    (void)state;
    struct xml_limits l;
    memset(&l, 0xff, sizeof(l));
    struct xml_parser *p = xml_parser_new(XML_STREAM, &l);
    struct buf text = {0};
    buf_lit(&text, "<s><a b='");
    repeat(&text, "0123456789abcdef", 1 << 14);
    buf_lit(&text, "'>");
    repeat(&text, "<b>", XML_DEPTH_MAX - 1);
    repeat(&text, "&amp;456789abcdef", 1 << 14);
    struct slice in = buf_slice(&text);
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    in = SLICE("<b>");
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_TOO_COMPLEX);
    xml_parser_free(&p);
    memset(&l, 0, sizeof(l));
    p = xml_parser_new(XML_STREAM, &l);
    in = SLICE("<s/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    xml_parser_free(&p);
    buf_free(&text);
}

/* --- work --- */

static const struct xml_limits WIDE = {
    .stanza_bytes = 1 << 26,
    .elements = 1 << 20,
    .depth = 64,
    .attributes = 64,
    .declarations = 64,
    .name_bytes = 255,
    .uri_bytes = 1024,
};

/* The work of one stanza, fed in pieces. */
static uint64_t work_of(struct slice text, size_t piece)
{
    struct xml_parser *p = xml_parser_new(XML_FRAGMENT, &WIDE);
    xml_work_count = 0;
    bool done = false;
    while (text.len > 0) {
        size_t n = text.len < piece ? text.len : piece;
        struct slice in = slice_of(text.ptr, n);
        done = xml_parser_feed(p, &in) == XML_STANZA;
        text = slice_from(text, n);
    }
    assert_true(done);
    xml_parser_free(&p);
    return xml_work_count;
}

static void V08_a_big_token_costs_the_same_in_any_pieces(void **state)
{
    (void)state;
    const struct {
        const char *before, *unit, *after;
    } tokens[] = {
        {"<a>", "x", "</a>"},        {"<a b='", "x", "'/>"},   {"<a><![CDATA[", "x]", "]]></a>"},
        {"<a>", "\xd0\xb0", "</a>"}, {"<a ", " ", "/>"},       {"<a b='&#", "0", "65;'/>"},
        {"<a></a", " ", ">"},        {"<a>", "&amp;", "</a>"},
    };
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct buf text = {0};
        buf_add(&text, slice_z(tokens[i].before));
        while (buf_len(&text) < 256 * 1024)
            buf_add(&text, slice_z(tokens[i].unit));
        buf_add(&text, slice_z(tokens[i].after));
        struct slice all = buf_slice(&text);
        uint64_t whole = work_of(all, all.len);
        assert_true(whole < 6 * all.len);
        /* Each piece costs a turn of the machine beside its bytes. */
        size_t pieces[] = {1, 16, 64, 1460};
        for (size_t k = 0; k < 4; k++)
            assert_true(work_of(all, pieces[k]) <= 2 * whole + 4 * (all.len / pieces[k]));
        buf_free(&text);
    }
}

/* n elements with 64 attributes each. */
static struct buf many_attributes(size_t n, const char *format)
{
    struct buf text = {0};
    buf_lit(&text, "<r xmlns:p='u' xmlns:q='v'>");
    for (size_t i = 0; i < n; i++) {
        buf_lit(&text, "<e");
        for (int k = 0; k < 64; k++) {
            buf_lit(&text, " ");
            for (const char *f = format; *f != '\0'; f++) {
                if (*f == '1' || *f == '2')
                    buf_byte(&text, "abcdefgh"[*f == '1' ? k / 8 : k % 8]);
                else
                    buf_byte(&text, *f);
            }
            buf_lit(&text, "=''");
        }
        buf_lit(&text, "/>");
    }
    buf_lit(&text, "</r>");
    return text;
}

static void V09_attributes_are_linear(void **state)
{
    (void)state;
    /* Plain names, prefixed ones, and names that fall on few bits of the filter. */
    const char *formats[] = {"12", "p:12", "x1yy2z", "q:x1yyyyyyyyyyyyyyy2z"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct buf one = many_attributes(2000, formats[i]), two = many_attributes(4000, formats[i]);
        uint64_t work = work_of(buf_slice(&one), 1460), twice = work_of(buf_slice(&two), 1460);
        assert_true(twice * 10 <= work * 23);
        assert_true(twice <= 16 * buf_len(&two));
        buf_free(&one);
        buf_free(&two);
    }
}

static void V10_colliding_names_cost_no_more_than_the_limit_allows(void **state)
{
    (void)state;
    /* All 64 on one bit: each is compared with those before it in the same tag alone. */
    struct buf text = many_attributes(4000, "x12x");
    uint64_t attributes = 4000 * 64;
    assert_true(work_of(buf_slice(&text), SIZE_MAX) <= 8 * buf_len(&text) + attributes * 64 / 2);
    buf_free(&text);
}

static void namespaces_are_linear(void **state)
{
    (void)state;
    uint64_t work[2];
    for (size_t twice = 0; twice < 2; twice++) {
        struct buf text = {0};
        buf_lit(&text, "<r");
        for (int i = 0; i < 60; i++)
            buf_printf(&text, " xmlns:p%d='u%d'", i, i);
        buf_lit(&text, ">");
        for (size_t i = 0; i < (twice + 1) * 5000; i++)
            buf_lit(&text, "<p0:a p1:b='' xmlns:x='y'/>");
        buf_lit(&text, "</r>");
        work[twice] = work_of(buf_slice(&text), 1460);
        assert_true(work[twice] <= 16 * buf_len(&text));
        buf_free(&text);
    }
    assert_true(work[1] * 10 <= work[0] * 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(X18_a_stanza_is_too_big_at_the_byte_behind_the_limit),
        cmocka_unit_test(a_stanza_of_exactly_the_limit_is_accepted),
        cmocka_unit_test(X19_V04_depth_attributes_and_elements_are_limited),
        cmocka_unit_test(V04_names_and_namespaces_have_a_length),
        cmocka_unit_test(short_limits_hold_for_short_names),
        cmocka_unit_test(what_the_header_binds_counts_in_its_stanzas),
        cmocka_unit_test(each_open_element_may_hide_the_default_namespace),
        cmocka_unit_test(X19_prefixes_in_force_and_namespaces_of_a_stanza_are_limited),
        cmocka_unit_test(what_writing_adds_is_limited_where_it_is_parsed),
        cmocka_unit_test(X22_white_space_between_stanzas_is_counted),
        cmocka_unit_test(white_space_of_all_streams_counts_until_the_limit_is_lifted),
        cmocka_unit_test(new_limits_hold_from_the_next_stanza_on),
        cmocka_unit_test(V15_limits_of_any_size_are_taken),
        cmocka_unit_test(V08_a_big_token_costs_the_same_in_any_pieces),
        cmocka_unit_test(V09_attributes_are_linear),
        cmocka_unit_test(V10_colliding_names_cost_no_more_than_the_limit_allows),
        cmocka_unit_test(namespaces_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
