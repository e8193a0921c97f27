/* Writing: escapes, namespaces, the step by step writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "xml/test_support.h"
#include "xml/writer.h"

#define assert_buf(b, lit) assert_slice_is(buf_slice(&(b)), SLICE(lit))

static void assert_slice_is(struct slice got, struct slice want)
{
    if (!slice_eq(got, want))
        print_error("%.*s\n", SLICE_ARG(got));
    assert_true(slice_eq(got, want));
}

static void text_and_values_are_escaped(void **state)
{
    (void)state;
    struct buf out = {0};
    xml_write_text(&out, SLICE("a<b>&c'\"\t\n\r]]>d"));
    assert_buf(out, "a&lt;b&gt;&amp;c'\"\t\n&#13;]]&gt;d");
    buf_clear(&out);
    xml_write_value(&out, SLICE("a<b>&c'\"\t\n\r d"));
    assert_buf(out, "a&lt;b&gt;&amp;c&apos;&quot;&#9;&#10;&#13; d");
    buf_clear(&out);
    xml_write_attr(&out, SLICE("to"), SLICE("o'brien@h"));
    assert_buf(out, " to='o&apos;brien@h'");
    buf_clear(&out);
    xml_write_text(&out, SLICE_NONE);
    assert_int_equal(buf_len(&out), 0);
    buf_free(&out);
}

/* Each special character at each place of a text longer than the blocks of the inner loop. */
static void each_special_character_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        for (size_t at = 0; at < 40; at++) {
            char text[40];
            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            struct buf out = {0};
            xml_write_text(&out, slice_of(text, sizeof(text)));
            bool escaped = c == '&' || c == '<' || c == '>' || c == '\r';
            assert_int_equal(buf_len(&out) > sizeof(text), escaped);
            assert_memory_equal(out.ptr, text, at);
            buf_clear(&out);
            xml_write_value(&out, slice_of(text, sizeof(text)));
            escaped = escaped || c == '\'' || c == '"' || c == '\t' || c == '\n';
            assert_int_equal(buf_len(&out) > sizeof(text), escaped);
            assert_memory_equal(out.ptr, text, at);
            buf_free(&out);
        }
    }
}

/* What comes out when text is parsed and written where the namespace is that of clients. */
static void assert_written(const char *text, const char *want)
{
    struct xml_tree *t;
    assert_int_equal(xml_parse(slice_z(text), SLICE("jabber:client"), &XML_LIMITS_C2S, &t), XML_OK);
    struct buf out = {0};
    xml_write_node(&out, xml_root(t), SLICE("jabber:client"));
    assert_slice_is(buf_slice(&out), slice_z(want));
    buf_free(&out);
    xml_tree_free(&t);
}

static void namespaces_are_declared_where_they_change(void **state)
{
    (void)state;
    assert_written("<a><b/></a>", "<a><b/></a>");
    assert_written("<a xmlns='u'><b/><c xmlns='v'/><d xmlns='u'/></a>",
                   "<a xmlns='u'><b/><c xmlns='v'/><d/></a>");
    assert_written("<p:a xmlns:p='u'><b/><p:c/></p:a>",
                   "<a xmlns='u'><b xmlns='jabber:client'/><c/></a>");
    assert_written("<a xmlns=''><b xmlns='jabber:client'/></a>",
                   "<a xmlns=''><b xmlns='jabber:client'/></a>");
    assert_written("<a xmlns='u&lt;'/>", "<a xmlns='u&lt;'/>");
    assert_written("<xml:a><b/></xml:a>", "<xml:a><b/></xml:a>");
    assert_written("<a xmlns='u'><xml:b><c/></xml:b></a>", "<a xmlns='u'><xml:b><c/></xml:b></a>");
}

static void attributes_with_namespaces_get_a_prefix(void **state)
{
    (void)state;
    assert_written("<a xml:lang='en' b='1'/>", "<a xml:lang='en' b='1'/>");
    assert_written("<a xmlns:p='u' p:b='1' p:c='2'/>", "<a xmlns:ns1='u' ns1:b='1' ns1:c='2'/>");
    assert_written("<a xmlns:p='u' xmlns:q='v' q:b='1' p:b='2'><c p:d='3'/></a>",
                   "<a xmlns:ns1='v' ns1:b='1' xmlns:ns2='u' ns2:b='2'><c ns2:d='3'/></a>");
    /* A sibling does not see it. */
    assert_written("<a xmlns:p='u'><b p:c='1'><d p:e='2'/></b><f p:g='3'/></a>",
                   "<a><b xmlns:ns1='u' ns1:c='1'><d ns1:e='2'/></b>"
                   "<f xmlns:ns1='u' ns1:g='3'/></a>");
}

static void content_is_written_plainly(void **state)
{
    (void)state;
    assert_written("<a><b></b>x<![CDATA[<]]>&#13;</a>", "<a><b/>x&lt;&#13;</a>");
    assert_written("<a b=\"'&#10;\"/>", "<a b='&apos;&#10;'/>");
}

static void children_and_attributes_are_written_alone(void **state)
{
    (void)state;
    struct xml_tree *t;
    assert_int_equal(xml_parse(SLICE("<a to='1' from='2' id='3' xml:lang='en' xmlns:p='u' p:to='4'>"
                                     "x<b/><c xmlns='v'>y</c></a>"),
                               SLICE("jabber:client"), &XML_LIMITS_C2S, &t),
                     XML_OK);
    struct buf out = {0};
    const struct slice skip[] = {SLICE("to"), SLICE("from")};
    xml_write_attributes(&out, xml_root(t), skip, 2);
    assert_buf(out, " id='3' xml:lang='en' xmlns:ns1='u' ns1:to='4'");
    buf_clear(&out);
    xml_write_children(&out, xml_root(t), SLICE("jabber:client"));
    assert_buf(out, "x<b/><c xmlns='v'>y</c>");
    buf_clear(&out);
    xml_write_children(&out, xml_root(t), SLICE("v"));
    assert_buf(out, "x<b xmlns='jabber:client'/><c>y</c>");
    buf_clear(&out);
    xml_write_node(&out, xml_child(xml_root(t), SLICE("v"), SLICE("c")), SLICE(""));
    assert_buf(out, "<c xmlns='v'>y</c>");
    buf_clear(&out);
    xml_write_node(&out, xml_first(xml_root(t)), SLICE(""));
    assert_buf(out, "x");
    buf_clear(&out);
    xml_write_node(&out, XML_NONE, SLICE(""));
    xml_write_children(&out, XML_NONE, SLICE(""));
    xml_write_children(&out, xml_next(xml_first(xml_root(t))), SLICE(""));
    xml_write_attributes(&out, XML_NONE, NULL, 0);
    assert_int_equal(buf_len(&out), 0);
    buf_free(&out);
    xml_tree_free(&t);
}

static void a_header_is_written_without_children(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<s:s xmlns:s='u' to='h'>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    struct buf out = {0};
    xml_write_node(&out, xml_root(xml_parser_tree(p)), SLICE(""));
    assert_buf(out, "<s xmlns='u' to='h'/>");
    assert_int_equal(xml_count(xml_root(xml_parser_tree(p))), 1);
    buf_free(&out);
    xml_parser_free(&p);
}

static void elements_are_written_step_by_step(void **state)
{
    (void)state;
    struct xml_tree *t;
    assert_int_equal(
        xml_parse(SLICE("<item xmlns='jabber:iq:roster'/>"), SLICE(""), &XML_LIMITS_C2S, &t),
        XML_OK);
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, SLICE("jabber:client"));
    xml_open(&w, SLICE("iq"), SLICE("jabber:client"));
    xml_attr_put(&w, SLICE("type"), SLICE("re<sult"));
    xml_open(&w, SLICE("query"), SLICE("jabber:iq:roster"));
    xml_attr_put(&w, SLICE("ver"), SLICE("1"));
    xml_node_put(&w, xml_root(t));
    xml_open(&w, SLICE("item"), SLICE_NONE);
    xml_leaf(&w, SLICE("group"), SLICE_NONE, SLICE("A&B"));
    xml_leaf(&w, SLICE("x"), SLICE("urn:x"), SLICE_NONE);
    xml_close(&w);
    xml_raw_put(&w, SLICE("<raw/>"));
    xml_close(&w);
    xml_text_put(&w, SLICE("<"));
    xml_close(&w);
    assert_buf(out, "<iq type='re&lt;sult'><query xmlns='jabber:iq:roster' ver='1'><item/>"
                    "<item><group>A&amp;B</group><x xmlns='urn:x'/></item><raw/></query>&lt;</iq>");
    buf_free(&out);
    xml_tree_free(&t);
}

static void write_too_deep(void)
{
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, SLICE_NONE);
    for (int i = 0; i <= XML_WRITER_DEPTH; i++)
        xml_open(&w, SLICE("a"), SLICE_NONE);
}

static void close_what_is_not_open(void)
{
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, SLICE_NONE);
    xml_close(&w);
}

static void an_attribute_too_late(void)
{
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, SLICE_NONE);
    xml_leaf(&w, SLICE("a"), SLICE_NONE, SLICE_NONE);
    xml_attr_put(&w, SLICE("b"), SLICE("c"));
}

static void misuse_stops_the_process(void **state)
{
    (void)state;
    assert_true(test_check_fires(write_too_deep, "XML_WRITER_DEPTH"));
    assert_true(test_check_fires(close_what_is_not_open, "depth"));
    assert_true(test_check_fires(an_attribute_too_late, "open"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_values_are_escaped),
        cmocka_unit_test(each_special_character_is_found_wherever_it_stands),
        cmocka_unit_test(namespaces_are_declared_where_they_change),
        cmocka_unit_test(attributes_with_namespaces_get_a_prefix),
        cmocka_unit_test(content_is_written_plainly),
        cmocka_unit_test(children_and_attributes_are_written_alone),
        cmocka_unit_test(a_header_is_written_without_children),
        cmocka_unit_test(elements_are_written_step_by_step),
        cmocka_unit_test(misuse_stops_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
