/* Reading trees: the accessors, and what they answer to no node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xml/test_support.h"

#define assert_slice(s, lit) assert_true(slice_is(s, lit))

static struct xml_tree *parse(const char *text)
{
    struct xml_tree *tree;
    assert_int_equal(xml_parse(slice_z(text), SLICE("jabber:client"), &XML_LIMITS_C2S, &tree),
                     XML_OK);
    return tree;
}

static void an_element_has_name_namespace_and_attributes(void **state)
{
    (void)state;
    struct xml_tree *t = parse("<message to='a' empty='' p:x='1' xmlns:p='urn:p' xml:lang='en'/>");
    struct xml x = xml_root(t);
    assert_true(xml_some(x) && xml_is_element(x));
    assert_slice(xml_name(x), "message");
    assert_slice(xml_ns(x), "jabber:client");
    assert_true(xml_is(x, SLICE("jabber:client"), SLICE("message")));
    assert_false(xml_is(x, SLICE("jabber:server"), SLICE("message")));
    assert_false(xml_is(x, SLICE("jabber:client"), SLICE("messag")));
    assert_slice(xml_attr(x, SLICE("to")), "a");
    assert_slice(xml_attr(x, SLICE("empty")), "");
    assert_non_null(xml_attr(x, SLICE("empty")).ptr);
    assert_null(xml_attr(x, SLICE("from")).ptr);
    assert_null(xml_attr(x, SLICE("x")).ptr);
    assert_null(xml_attr(x, SLICE("lang")).ptr);
    assert_slice(xml_attr_ns(x, SLICE("urn:p"), SLICE("x")), "1");
    assert_slice(xml_attr_ns(x, SLICE(""), SLICE("to")), "a");
    assert_null(xml_attr_ns(x, SLICE("urn:q"), SLICE("x")).ptr);
    assert_slice(xml_lang(x), "en");
    xml_tree_free(&t);
    assert_null(t);
}

static void declarations_are_not_attributes(void **state)
{
    (void)state;
    struct xml_tree *t = parse("<a xmlns:p='urn:p' b='1' xmlns='urn:d' p:c='2' xmlns:q='urn:q'/>");
    struct xml_attribute a;
    uint32_t at = 0;
    assert_true(xml_attributes(xml_root(t), &at, &a));
    assert_slice(a.ns, "");
    assert_slice(a.name, "b");
    assert_slice(a.value, "1");
    assert_true(xml_attributes(xml_root(t), &at, &a));
    assert_slice(a.ns, "urn:p");
    assert_slice(a.name, "c");
    assert_slice(a.value, "2");
    assert_false(xml_attributes(xml_root(t), &at, &a));
    assert_null(xml_attr(xml_root(t), SLICE("xmlns")).ptr);
    xml_tree_free(&t);
}

static void children_are_walked_in_order(void **state)
{
    (void)state;
    struct xml_tree *t = parse("<a>one<b><deep>x</deep></b>two<c/><b n='2'/>&amp;</a>");
    struct xml x = xml_first(xml_root(t));
    assert_false(xml_is_element(x));
    assert_slice(xml_text(x), "one");
    assert_slice(xml_name(x), "");
    assert_slice(xml_ns(x), "");
    x = xml_next(x);
    assert_slice(xml_name(x), "b");
    x = xml_next(x);
    assert_slice(xml_text(x), "two");
    x = xml_next(x);
    assert_slice(xml_name(x), "c");
    assert_false(xml_some(xml_first(x)));
    x = xml_next(xml_next(x));
    assert_slice(xml_text(x), "&");
    assert_false(xml_some(xml_next(x)));
    xml_tree_free(&t);
}

static void elements_alone_are_walked_and_found(void **state)
{
    (void)state;
    struct xml_tree *t =
        parse("<a>one<b n='1'><b n='x'/></b>two<c/><b xmlns='urn:o' n='o'/><b n='2'/></a>");
    struct slice ns = SLICE("jabber:client");
    struct xml x = xml_first_element(xml_root(t));
    assert_slice(xml_attr(x, SLICE("n")), "1");
    assert_slice(xml_name(xml_next_element(x)), "c");
    x = xml_child(xml_root(t), ns, SLICE("b"));
    assert_slice(xml_attr(x, SLICE("n")), "1");
    x = xml_next_named(x, ns, SLICE("b"));
    assert_slice(xml_attr(x, SLICE("n")), "2");
    assert_false(xml_some(xml_next_named(x, ns, SLICE("b"))));
    assert_int_equal(xml_count_named(xml_root(t), ns, SLICE("b")), 2);
    assert_false(xml_some(xml_child(xml_root(t), ns, SLICE("d"))));
    assert_slice(xml_attr(xml_child(xml_root(t), SLICE("urn:o"), SLICE("b")), SLICE("n")), "o");
    assert_int_equal(xml_count(xml_root(t)), 6);
    assert_int_equal(xml_count(x), 1);
    xml_tree_free(&t);
}

static void the_text_of_an_element_is_its_first_text_child(void **state)
{
    (void)state;
    struct xml_tree *t = parse("<a><b><c>no</c>yes<c/>no</b><d/><e></e></a>");
    struct xml b = xml_first(xml_root(t));
    assert_slice(xml_text(b), "yes");
    assert_slice(xml_text(xml_next(b)), "");
    assert_slice(xml_text(xml_next(xml_next(b))), "");
    assert_slice(xml_text(xml_root(t)), "");
    xml_tree_free(&t);
}

static void adjacent_character_data_is_one_text_node(void **state)
{
    (void)state;
    struct xml_tree *t = parse("<a>x<![CDATA[<y>]]>&lt;<![CDATA[]]>&#122;</a>");
    struct xml x = xml_first(xml_root(t));
    assert_slice(xml_text(x), "x<y><z");
    assert_false(xml_some(xml_next(x)));
    xml_tree_free(&t);
    t = parse("<a><![CDATA[]]></a>");
    assert_false(xml_some(xml_first(xml_root(t))));
    xml_tree_free(&t);
}

static void no_node_answers_nothing(void **state)
{
    (void)state;
    struct xml none = XML_NONE;
    struct xml_attribute a;
    uint32_t at = 0;
    assert_false(xml_some(none) || xml_is_element(none));
    assert_false(xml_is(none, SLICE(""), SLICE("")));
    assert_int_equal(xml_name(none).len + xml_ns(none).len + xml_text(none).len, 0);
    assert_null(xml_attr(none, SLICE("a")).ptr);
    assert_null(xml_attr_ns(none, SLICE("n"), SLICE("a")).ptr);
    assert_null(xml_lang(none).ptr);
    assert_false(xml_attributes(none, &at, &a));
    assert_false(xml_some(xml_first(none)) || xml_some(xml_next(none)));
    assert_false(xml_some(xml_first_element(none)) || xml_some(xml_next_element(none)));
    assert_false(xml_some(xml_child(none, SLICE("n"), SLICE("a"))));
    assert_false(xml_some(xml_next_named(none, SLICE("n"), SLICE("a"))));
    assert_int_equal(xml_count(none), 0);
    assert_false(xml_some(xml_root(NULL)));
    /* The same of text. */
    struct xml_tree *t = parse("<a>x</a>");
    struct xml text = xml_first(xml_root(t));
    assert_false(xml_some(xml_first(text)));
    assert_false(xml_attributes(text, &at, &a));
    assert_null(xml_attr(text, SLICE("a")).ptr);
    assert_int_equal(xml_count(text), 0);
    xml_tree_free(&t);
}

static void long_values_and_texts_are_whole(void **state)
{
    (void)state;
    for (size_t len = 250; len < 260; len++) {
        struct buf text = {0};
        buf_lit(&text, "<a b='");
        for (size_t i = 0; i < len; i++)
            buf_byte(&text, 'v');
        buf_lit(&text, "' c='x'>");
        for (size_t i = 0; i < len; i++)
            buf_byte(&text, 't');
        buf_lit(&text, "<d/></a>");
        struct xml_tree *t;
        assert_int_equal(xml_parse(buf_slice(&text), SLICE(""), &XML_LIMITS_C2S, &t), XML_OK);
        assert_int_equal(xml_attr(xml_root(t), SLICE("b")).len, len);
        assert_slice(xml_attr(xml_root(t), SLICE("c")), "x");
        assert_int_equal(xml_text(xml_root(t)).len, len);
        assert_int_equal(xml_text(xml_root(t)).ptr[len - 1], 't');
        assert_slice(xml_name(xml_first_element(xml_root(t))), "d");
        xml_tree_free(&t);
        buf_free(&text);
    }
}

static void a_whole_element_in_memory_is_parsed(void **state)
{
    (void)state;
    struct xml_tree *t;
    struct slice ns = SLICE("urn:default");
    const struct xml_limits *l = &XML_LIMITS_C2S;
    assert_int_equal(xml_parse(SLICE(" <a p='1'/>\r\n"), ns, l, &t), XML_OK);
    assert_slice(xml_ns(xml_root(t)), "urn:default");
    xml_tree_free(&t);
    assert_int_equal(xml_parse(SLICE("<a xmlns='urn:o'><b xmlns=''/></a>"), ns, l, &t), XML_OK);
    assert_slice(xml_ns(xml_root(t)), "urn:o");
    assert_slice(xml_ns(xml_first(xml_root(t))), "");
    xml_tree_free(&t);
    const char *bad[] = {"",      " ",     "<a>",  "<a/>x",    "<a/><b/>",
                         "x<a/>", "<a/><", "</a>", "<a/>&#32;"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(xml_parse(slice_z(bad[i]), ns, l, &t), XML_NOT_WELL_FORMED);
        assert_null(t);
    }
    assert_int_equal(xml_parse(SLICE("<a>&x;</a>"), ns, l, &t), XML_RESTRICTED);
    assert_null(t);
    assert_int_equal(xml_parse(SLICE("<a>\xff</a>"), ns, l, &t), XML_UNSUPPORTED_ENCODING);
    struct xml_limits small = *l;
    small.stanza_bytes = 3;
    assert_int_equal(xml_parse(SLICE("<a/>"), ns, &small, &t), XML_TOO_BIG);
    small = *l;
    small.uri_bytes = 3;
    assert_int_equal(xml_parse(SLICE("<a/>"), ns, &small, &t), XML_TOO_COMPLEX);
    assert_null(t);
}

static void a_tree_of_its_own_outlives_the_text_and_the_namespace(void **state)
{
    (void)state;
    char text[] = "<a><b c='d'>e</b></a>", ns[] = "urn:gone";
    struct xml_tree *t;
    assert_int_equal(xml_parse(slice_z(text), slice_z(ns), &XML_LIMITS_C2S, &t), XML_OK);
    memset(text, 'X', sizeof(text));
    memset(ns, 'X', sizeof(ns));
    struct xml b = xml_child(xml_root(t), SLICE("urn:gone"), SLICE("b"));
    assert_slice(xml_attr(b, SLICE("c")), "d");
    assert_slice(xml_text(b), "e");
    xml_tree_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_has_name_namespace_and_attributes),
        cmocka_unit_test(declarations_are_not_attributes),
        cmocka_unit_test(children_are_walked_in_order),
        cmocka_unit_test(elements_alone_are_walked_and_found),
        cmocka_unit_test(the_text_of_an_element_is_its_first_text_child),
        cmocka_unit_test(adjacent_character_data_is_one_text_node),
        cmocka_unit_test(no_node_answers_nothing),
        cmocka_unit_test(long_values_and_texts_are_whole),
        cmocka_unit_test(a_whole_element_in_memory_is_parsed),
        cmocka_unit_test(a_tree_of_its_own_outlives_the_text_and_the_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
