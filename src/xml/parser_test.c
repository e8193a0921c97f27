/* Events and errors of streams, each document whole, byte by byte and cut at every point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xml/test_support.h"

#define HEAD "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

/* The events of text, which are the same however it is cut. The caller frees. */
static struct buf events(enum xml_mode mode, struct slice text)
{
    struct buf whole = {0}, cut = {0};
    feed_in(&whole, mode, &XML_LIMITS_PREAUTH, text, &(size_t){SIZE_MAX}, 1);
    feed_in(&cut, mode, &XML_LIMITS_PREAUTH, text, &(size_t){1}, 1);
    assert_true(slice_eq(buf_slice(&whole), buf_slice(&cut)));
    for (size_t at = 1; at < text.len; at++) {
        buf_clear(&cut);
        feed_in(&cut, mode, &XML_LIMITS_PREAUTH, text, (size_t[]){at, SIZE_MAX}, 2);
        assert_true(slice_eq(buf_slice(&whole), buf_slice(&cut)));
    }
    buf_free(&cut);
    return whole;
}

static void note_error(void *ctx, enum xml_event ev, struct xml_parser *p)
{
    if (ev == XML_BAD)
        *(enum xml_error *)ctx = xml_parser_error(p);
}

/* The error that text ends with, if any, and it is the same however it is cut. */
static enum xml_error error_of(enum xml_mode mode, struct slice text)
{
    struct buf all = events(mode, text);
    buf_free(&all);
    struct xml_parser *p = xml_parser_new(mode, &XML_LIMITS_PREAUTH);
    enum xml_error error = XML_OK;
    feed_piece(p, text, note_error, &error);
    xml_parser_free(&p);
    return error;
}

/* The error of what follows a stream header, or stands in a stanza of it. */
static enum xml_error error_behind_header(struct slice text)
{
    struct buf all = {0};
    buf_lit(&all, HEAD);
    buf_add(&all, text);
    enum xml_error error = error_of(XML_STREAM, buf_slice(&all));
    buf_free(&all);
    return error;
}

static enum xml_error error_in_stanza(struct slice text)
{
    struct buf all = {0};
    buf_lit(&all, "<a>");
    buf_add(&all, text);
    /* The spaces let the ways be taken that need more than the next bytes. */
    buf_lit(&all, "</a>                                        ");
    enum xml_error error = error_behind_header(buf_slice(&all));
    buf_free(&all);
    return error;
}

#define assert_each(fn, error, ...)                                                                \
    do {                                                                                           \
        const struct slice cases[] = {__VA_ARGS__};                                                \
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {                            \
            enum xml_error got = fn(cases[i]);                                                     \
            if (got != (error))                                                                    \
                print_error("%.*s\n", SLICE_ARG(cases[i]));                                        \
            assert_int_equal(got, error);                                                          \
        }                                                                                          \
    } while (0)

static enum xml_error error_of_stream(struct slice text)
{
    return error_of(XML_STREAM, text);
}

static void a_stream_is_a_header_stanzas_and_a_close(void **state)
{
    (void)state;
    struct buf got = events(XML_STREAM, SLICE("<?xml version='1.0'?>\n" HEAD
                                              "<message to='j'><body>hi</body></message> \r\n"
                                              "<stream:features/></stream:stream > junk < &"));
    assert_true(slice_is(buf_slice(&got), "\n1.0 <32:http://etherx.jabber.org/streams/6:stream>"
                                          "\n2.0 <13:jabber:client/7:message@0:/2:to=1:j"
                                          "<13:jabber:client/4:body\"2:hi>>"
                                          "\n2.0 <32:http://etherx.jabber.org/streams/8:features>"
                                          "\n3.0 \nidle 0"));
    buf_free(&got);
}

static void a_header_that_closes_itself_opens_and_closes(void **state)
{
    (void)state;
    struct buf got = events(XML_STREAM, SLICE("<a to='b'/>"));
    assert_true(slice_is(buf_slice(&got), "\n1.0 <0:/1:a@0:/2:to=1:b>\n3.0 \nidle 0"));
    buf_free(&got);
}

static void a_fragment_is_a_row_of_stanzas(void **state)
{
    (void)state;
    struct buf got = events(XML_FRAGMENT, SLICE("<a/> <b>x</b>\n<c xmlns='u'/>"));
    assert_true(
        slice_is(buf_slice(&got), "\n2.0 <0:/1:a>\n2.0 <0:/1:b\"1:x>\n2.0 <1:u/1:c>\nidle 1"));
    buf_free(&got);
}

static void X24_bytes_behind_the_close_are_ignored(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<a></a><b/>\xff");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_CLOSE);
    assert_int_equal(in.len, 5);
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    assert_int_equal(in.len, 0);
    in = SLICE("<!DOCTYPE");
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    assert_int_equal(in.len, 0);
    assert_false(xml_parser_idle(p));
    xml_parser_free(&p);
}

static void an_event_takes_its_bytes_and_no_more(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<s><a/> <b>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(in.len, 8);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_int_equal(in.len, 4);
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    assert_int_equal(in.len, 0);
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    in = SLICE_NONE;
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    xml_parser_free(&p);
}

static void a_bad_stream_stays_bad(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<s><a></b><c/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_NOT_WELL_FORMED);
    assert_false(xml_some(xml_root(xml_parser_tree(p))));
    in = SLICE("<c/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_NOT_WELL_FORMED);
    assert_false(xml_parser_idle(p));
    xml_parser_free(&p);
}

static void X08_restricted_xml_is_refused(void **state)
{
    (void)state;
    assert_each(error_behind_header, XML_RESTRICTED, SLICE("<!-- x -->"), SLICE("<?php x?>"),
                SLICE("<!DOCTYPE a>"), SLICE("<?xml-stylesheet href='x'?>"), SLICE("<?xmlx?>"),
                SLICE("<?XML version='1.0'?>"), SLICE("<?xy"), SLICE("<!-"));
    assert_each(error_in_stanza, XML_RESTRICTED, SLICE("<!-- x -->"), SLICE("<?php x?>"),
                SLICE("<!DOCTYPE a>"), SLICE("&foo;"), SLICE("&ampx;"), SLICE("&am;"),
                SLICE("&lt2;"), SLICE("&\xd0\xb0;"), SLICE("<b c='&nbsp;'/>"));
    assert_each(error_of_stream, XML_RESTRICTED, SLICE("<!DOCTYPE a []>"), SLICE("<!-- -->"),
                SLICE("<?x?>"), SLICE("<?xml version='1.0'?><!DOCTYPE x>"));
}

static void X09_V11_invalid_utf8_is_unsupported_encoding(void **state)
{
    (void)state;
    const struct slice bad[] = {
        SLICE("\x80"),         SLICE("\xff"),         SLICE("\xc0\xaf"),     SLICE("\xc1\xbf"),
        SLICE("\xe0\x9f\xbf"), SLICE("\xed\xa0\x80"), SLICE("\xed\xbf\xbf"), SLICE("\xf0\x8f\xbf"),
        SLICE("\xf4\x90"),     SLICE("\xf5\x80"),     SLICE("\xc3("),        SLICE("\xe2\x82("),
        SLICE("\xf0\x9f\x98"), SLICE("\xe2\x82"),     SLICE("\xeb"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t pad = 0; pad < 40; pad += 13) {
            struct buf text = {0}, value = {0}, name = {0};
            for (size_t n = 0; n < pad; n++)
                buf_byte(&text, 'x');
            buf_add(&text, bad[i]);
            buf_printf(&value, "<b c='%.*s'/>", SLICE_ARG(buf_slice(&text)));
            buf_printf(&name, "<aaa%.*s/>", SLICE_ARG(buf_slice(&text)));
            assert_int_equal(error_in_stanza(buf_slice(&text)), XML_UNSUPPORTED_ENCODING);
            assert_int_equal(error_in_stanza(buf_slice(&value)), XML_UNSUPPORTED_ENCODING);
            assert_int_equal(error_in_stanza(buf_slice(&name)), XML_UNSUPPORTED_ENCODING);
            buf_free(&text);
            buf_free(&value);
            buf_free(&name);
        }
        assert_int_equal(error_behind_header(bad[i]), i < 12 ? XML_UNSUPPORTED_ENCODING : XML_OK);
    }
    assert_each(error_behind_header, XML_UNSUPPORTED_ENCODING, SLICE("<aaa\xeb/><?\xeb?>"),
                SLICE("<\xed\xa0\x80/>"), SLICE("<a \xff='x'/>"));
}

static void X10_forbidden_characters_are_not_well_formed(void **state)
{
    (void)state;
    assert_each(error_in_stanza, XML_NOT_WELL_FORMED, SLICE("\0"), SLICE("\x01"), SLICE("\x0b"),
                SLICE("\x0c"), SLICE("\x1f"), SLICE("\xef\xbf\xbe"), SLICE("\xef\xbf\xbf"),
                SLICE("&#0;"), SLICE("&#xD800;"), SLICE("&#xDFFF;"), SLICE("&#xFFFE;"),
                SLICE("&#x110000;"), SLICE("&#99999999999999999999;"), SLICE("&#x1;"), SLICE("]]>"),
                SLICE("x]]]>"), SLICE("<b c='\0'/>"), SLICE("<b c='\xef\xbf\xbf'/>"),
                SLICE("<b\x01/>"), SLICE("a long text with the end in it and that is here ]]> x"));
    assert_each(error_behind_header, XML_NOT_WELL_FORMED, SLICE("\0"), SLICE("\x01"),
                SLICE("\xef\xbf\xbe"));
    assert_each(error_in_stanza, XML_OK, SLICE("\x7f"), SLICE("\xc2\x80"), SLICE("\xed\x9f\xbf"),
                SLICE("\xee\x80\x80"), SLICE("\xef\xbf\xbd"), SLICE("\xf4\x8f\xbf\xbf"),
                SLICE("\xef\xbb\xbf"), SLICE("&#x9;&#10;&#xD;&#x10FFFF;&#0000000000000065;"),
                SLICE("]]"), SLICE("]>"), SLICE("]]&gt;"), SLICE("&#93;]>"), SLICE("]]&#62;"),
                SLICE("]]<![CDATA[>]]>"), SLICE("<![CDATA[]]]]>>"), SLICE("<b c=']]>'/>"));
}

static void X11_other_encodings_are_refused_and_a_mark_is_accepted_once(void **state)
{
    (void)state;
    assert_each(error_of_stream, XML_UNSUPPORTED_ENCODING,
                SLICE("<?xml version='1.0' encoding='ISO-8859-1'?>"),
                SLICE("<?xml version='1.0' encoding='UTF-16'?>"), SLICE("\xff\xfe<\0a\0"),
                SLICE("<?xml version='1.0' encoding='utf_8'?>"), SLICE("\xfe\xff\0<\0a"));
    assert_each(error_of_stream, XML_OK, SLICE("\xef\xbb\xbf<a>"),
                SLICE("\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a>"),
                SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>"), SLICE("\xef\xbb"));
    assert_each(error_of_stream, XML_NOT_WELL_FORMED, SLICE("\xef\xbb\xbf\xef\xbb\xbf<a>"),
                SLICE(" \xef\xbb\xbf<a>"), SLICE("<?xml version='1.0'?>\xef\xbb\xbf<a>"));
    assert_each(error_behind_header, XML_BAD_FORMAT, SLICE("\xef\xbb\xbf"));
}

static void X12_an_xml_declaration_stands_at_the_start_alone(void **state)
{
    (void)state;
    assert_each(error_of_stream, XML_NOT_WELL_FORMED,
                SLICE("<?xml version='1.0'?><?xml version='1.0'?>"),
                SLICE("<?xml version='1.1'?><a>"), SLICE("<?xml ?><a>"), SLICE("<?xml?>"),
                SLICE("<?xml encoding='utf-8'?>"), SLICE("<?xml version='1.0' version='1.0'?>"),
                SLICE("<?xml version='1.0' standalone='maybe'?>"),
                SLICE("<?xml version='1.0' standalone='no' encoding='utf-8'?>"),
                SLICE("<?xml version='1.0'encoding='utf-8'?>"), SLICE("<?xml version='1.0\"?>"),
                SLICE("<?xml version=1.0?>"), SLICE("<?xml version='1.0'? >"),
                SLICE("<?xml version='1.0'>"), SLICE("<?xml version='1.0' encoding=''?>"),
                SLICE("<?xml version='1.0' encoding='-8'?>"), SLICE("<?xml version='1.0' x='y'?>"));
    assert_each(error_of_stream, XML_OK, SLICE("<?xml version='1.0'?><a>"),
                SLICE("<?xml version='1.0' standalone='no'?><a>"),
                SLICE("<?xml version = \"1.0\" encoding\t=\n'Utf-8' standalone='yes' ?> <a>"),
                SLICE(" \n<a>"), SLICE("<a>"));
    assert_each(error_of_stream, XML_NOT_WELL_FORMED, SLICE(" \n<?xml version='1.0'?><a>"));
    assert_each(error_behind_header, XML_NOT_WELL_FORMED, SLICE("<?xml version='1.0'?>"));
    assert_each(error_in_stanza, XML_NOT_WELL_FORMED, SLICE("<?xml version='1.0'?>"));
    struct buf endless = {0};
    buf_lit(&endless, "<?xml version='1.0'");
    for (int i = 0; i < 400; i++)
        buf_byte(&endless, ' ');
    assert_int_equal(error_of(XML_STREAM, buf_slice(&endless)), XML_NOT_WELL_FORMED);
    buf_free(&endless);
}

static void X13_what_is_not_namespace_well_formed_is_refused(void **state)
{
    (void)state;
    assert_each(error_in_stanza, XML_NOT_WELL_FORMED, SLICE("<b></c>"), SLICE("</b>"),
                SLICE("<b a='1' a='2'/>"), SLICE("<b c='' d='' e='' f='' c=''/>"),
                SLICE("<b xmlns:p='u' xmlns:q='u' p:a='' q:a=''/>"),
                SLICE("<b p:a='' q:a='' xmlns:p='u' xmlns:q='u'/>"), SLICE("<p:b/>"),
                SLICE("<b p:a=''/>"), SLICE("<b><c xmlns:p='u'/><p:d/></b>"),
                SLICE("<b xmlns:xml='u'/>"), SLICE("<b xmlns:xmlns='u'/>"),
                SLICE("<b xmlns:p=''/>"), SLICE("<b xmlns='a' xmlns='b'/>"),
                SLICE("<b xmlns:p='a' xmlns:p='b'/>"), SLICE("<xmlns:b/>"),
                SLICE("<b xmlns:='u'/>"), SLICE("<b xmlns='http://www.w3.org/2000/xmlns/'/>"),
                SLICE("<b xmlns:p='http://www.w3.org/2000/xmlns/'/>"),
                SLICE("<b xmlns='http://www.w3.org/XML/1998/namespace'/>"),
                SLICE("<b xmlns:p='http://www.w3.org/XML/1998/namespace'/>"),
                SLICE("<b xml:lang='a' xml:lang='b'/>"), SLICE("<p:b xmlns:p='u'></q:b>"),
                SLICE("<p:b xmlns:p='u' xmlns:q='u'></q:b>"), SLICE("<b c:='' xmlns:c='u'/>"));
    assert_each(error_in_stanza, XML_OK, SLICE("<b xmlns:p='u' p:a='' a=''/>"),
                SLICE("<b p:a='' xmlns:p='u'><p:c/></b>"), SLICE("<p:b xmlns:p='u'></p:b>"),
                SLICE("<b xmlns:p='u'><c xmlns:p='v' p:a=''/></b>"),
                SLICE("<b xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:space='preserve'/>"),
                SLICE("<b xmlns=''><c/></b>"), SLICE("<b xmlns:p='jabber:client' p:a='' a=''/>"),
                SLICE("<sixteen-letters-:sixteen-letters- xmlns:sixteen-letters-='u'/>"),
                SLICE("<fifteen-letters:fifteen-letters xmlns:fifteen-letters='u'/>"),
                SLICE("<xml:b/>"), SLICE("<b xmlnsx='a' xmlns-x='b'/>"));
}

static void malformed_tags_and_references_are_refused(void **state)
{
    (void)state;
    assert_each(error_in_stanza, XML_NOT_WELL_FORMED, SLICE("<"), SLICE("< b/>"), SLICE("<1/>"),
                SLICE("<-a/>"), SLICE("<.a/>"), SLICE("<:a/>"), SLICE("<a:/>"), SLICE("<a:b:c/>"),
                SLICE("<a::b/>"), SLICE("<a:1/>"), SLICE("<b"), SLICE("<b/ >"), SLICE("<b//>"),
                SLICE("<b c/>"), SLICE("<b c=d/>"), SLICE("<b c='<'/>"), SLICE("<b c='x'd='y'/>"),
                SLICE("<b c=''' />"), SLICE("<b 1c=''/>"), SLICE("<b c='/>"), SLICE("<b c= /></b>"),
                SLICE("<b = 'x'/>"), SLICE("</ b>"), SLICE("<b></b x='y'>"), SLICE("<b></b/>"),
                SLICE("<b></bb>"), SLICE("<bb></b>"), SLICE("& "), SLICE("&;"), SLICE("&#;"),
                SLICE("&#x;"), SLICE("&#xg;"), SLICE("&#1a;"), SLICE("&#X41;"), SLICE("&lt"),
                SLICE("&lt ;"), SLICE("&1;"), SLICE("& lt;"), SLICE("<![cdata[x]]>"),
                SLICE("<![CDATAx[x]]>"), SLICE("<![CDATA [x]]>"), SLICE("<!ELEMENT a>"),
                SLICE("<!>"), SLICE("<? x?>"), SLICE("<?>"), SLICE("<\xc3\x97/>"),
                SLICE("<\xc2\xb7/>"), SLICE("<b \xe2\x80\xbf=''/>"), SLICE("<b\xe2\x80\x8b/>"));
    assert_each(error_in_stanza, XML_OK, SLICE("<b  c = 'd'\t\r\ne\n=\n\"f\" ></b >"),
                SLICE("<_.-1/>"), SLICE("<b\xc2\xb7/>"), SLICE("<\xc3\x96\xcc\x80/>"),
                SLICE("<\xf0\x90\x80\x80/>"), SLICE("<\xd0\xb0:\xd0\xb1 xmlns:\xd0\xb0='u'/>"),
                SLICE("<b c='>'/>"), SLICE("<b c='\"' d=\"'\"/>"),
                SLICE("<a.name_of-32-letters.and_more./>"),
                SLICE("&lt;&gt;&amp;&apos;&quot;&#65;&#x41;&#xaF;"));
}

static void X15_text_between_stanzas_is_bad_format(void **state)
{
    (void)state;
    assert_each(error_behind_header, XML_BAD_FORMAT, SLICE("x"), SLICE(" \n x"), SLICE("<a/>x<b/>"),
                SLICE("&amp;"), SLICE("<![CDATA[x]]>"), SLICE("\xd0\xb0"), SLICE(">"));
    assert_each(error_of_stream, XML_NOT_WELL_FORMED, SLICE("x"), SLICE("&amp;"),
                SLICE("<![CDATA["), SLICE("\xd0\xb0"), SLICE("</a>"), SLICE(" x"));
    assert_int_equal(error_of(XML_FRAGMENT, SLICE("<a/>x")), XML_NOT_WELL_FORMED);
}

static void garbage_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    const struct slice garbage[] = {SLICE("GET / HTTP/1.1\r\n"), SLICE("\x16\x03\x01\x02"),
                                    SLICE("\0\0"), SLICE("{\"a\":1}"), SLICE("SSH-2.0-x")};
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_PREAUTH);
        struct slice in = slice_of(garbage[i].ptr, 1);
        assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
        assert_int_equal(xml_parser_error(p), XML_NOT_WELL_FORMED);
        xml_parser_free(&p);
    }
}

/* The tree of one stanza behind the client header, as text. */
static void assert_stanza(struct slice stanza, const char *tree)
{
    struct buf all = {0};
    buf_lit(&all, HEAD);
    buf_add(&all, stanza);
    struct buf got = events(XML_STREAM, buf_slice(&all));
    struct buf want = {0};
    buf_printf(&want, "\n1.0 <32:http://etherx.jabber.org/streams/6:stream>\n2.0 %s\nidle 1", tree);
    if (!slice_eq(buf_slice(&got), buf_slice(&want)))
        print_error("%.*s\n", SLICE_ARG(buf_slice(&got)));
    assert_true(slice_eq(buf_slice(&got), buf_slice(&want)));
    buf_free(&all);
    buf_free(&got);
    buf_free(&want);
}

static void X27_line_ends_white_space_and_cdata_are_normalised(void **state)
{
    (void)state;
    assert_stanza(SLICE("<a xmlns='' b=' 1\r\n2\t3\r4\n5&#13;&#10;&#9; '/>"),
                  "<0:/1:a@0:/1:b=14: 1 2 3 4 5\r\n\t >");
    assert_stanza(SLICE("<a xmlns=''>1\r\n2\r3\n4\r\r\n5\t&#13;\n&#xd;</a>"),
                  "<0:/1:a\"14:1\n2\n3\n4\n\n5\t\r\n\r>");
    assert_stanza(SLICE("<a xmlns=''>x<![CDATA[<b>&lt;\r\n]]]]><![CDATA[>\r]]>\ny</a>"),
                  "<0:/1:a\"15:x<b>&lt;\n]]>\n\ny>");
    assert_stanza(SLICE("<a xmlns='' b=\"&lt;'&amp;&quot;\">&apos;&amp;lt;</a>"),
                  "<0:/1:a@0:/1:b=4:<'&\"\"5:'&lt;>");
    assert_stanza(SLICE("<a xmlns=''> <b/>\n</a>"), "<0:/1:a\"1: <0:/1:b>\"1:\n>");
}

static void X28_the_language_is_an_attribute_of_each_element(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<s xml:lang='de'><a xml:lang='en'><b/><c xml:lang=''/></a><a/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_true(slice_is(xml_lang(xml_root(xml_parser_tree(p))), "de"));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    struct xml a = xml_root(xml_parser_tree(p));
    assert_true(slice_is(xml_lang(a), "en"));
    assert_null(xml_lang(xml_first(a)).ptr);
    assert_non_null(xml_lang(xml_next(xml_first(a))).ptr);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_null(xml_lang(xml_root(xml_parser_tree(p))).ptr);
    xml_parser_free(&p);
}

static void X29_a_prefix_for_the_stanza_namespace_changes_nothing(void **state)
{
    (void)state;
    const char *tree = "<13:jabber:client/7:message@0:/2:to=1:j<13:jabber:client/4:body\"1:x>>";
    assert_stanza(SLICE("<message to='j'><body>x</body></message>"), tree);
    assert_stanza(SLICE("<message xmlns='jabber:client' to='j'><body>x</body></message>"), tree);
    assert_stanza(SLICE("<c:message xmlns:c='jabber:client' to='j'><body>x</body></c:message>"),
                  tree);
    assert_stanza(SLICE("<c:message xmlns:c='jabber:client' xmlns='' to='j'><c:body>x</c:body>"
                        "</c:message>"),
                  tree);
}

static void V12_separators_in_a_namespace_are_data(void **state)
{
    (void)state;
    assert_stanza(SLICE("<a xmlns='u&#10;x'/>"), "<3:u\nx/1:a>");
    assert_stanza(SLICE("<a xmlns='u|x'><b xmlns='u'/></a>"), "<3:u|x/1:a<1:u/1:b>>");
    assert_stanza(SLICE("<a xmlns='jabber:client&#9;message'/>"),
                  "<21:jabber:client\tmessage/1:a>");
    assert_stanza(SLICE("<a xmlns='u}x'/>"), "<3:u}x/1:a>");
    assert_int_equal(error_behind_header(SLICE("<a xmlns='u&#x0C;x'/>")), XML_NOT_WELL_FORMED);
    assert_int_equal(error_behind_header(SLICE("<a xmlns='u&#x1F;x'/>")), XML_NOT_WELL_FORMED);
}

static void V14_a_stream_tag_inside_of_a_stanza_is_data(void **state)
{
    (void)state;
    assert_stanza(SLICE("<message><stream:stream to='x'><iq/></stream:stream></message>"),
                  "<13:jabber:client/7:message<32:http://etherx.jabber.org/streams/6:stream@0:/2:"
                  "to=1:x<13:jabber:client/2:iq>>>");
}

static void X16_a_second_header_is_seen_at_its_tag(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in =
        SLICE("<stream:stream xmlns='jabber:client' "
              "xmlns:stream='http://etherx.jabber.org/streams'><stream:stream to='x'>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    assert_int_equal(xml_parser_error(p), XML_SECOND_HEADER);
    xml_parser_free(&p);
}

static void namespaces_of_the_header_hold_for_the_stream(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<s:s xmlns='urn:d' xmlns:s='urn:s' xmlns:p='urn:p'><a p:b='1'/><p:c/>"
                            "<d xmlns='urn:e' xmlns:p='urn:q' p:b='2'/><s:f/><p:c/></s:s>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_true(slice_is(xml_parser_content_ns(p), "urn:d"));
    assert_true(slice_is(xml_ns(xml_root(xml_parser_tree(p))), "urn:s"));
    xml_parser_rest(p);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    struct xml x = xml_root(xml_parser_tree(p));
    assert_true(xml_is(x, SLICE("urn:d"), SLICE("a")));
    assert_true(slice_is(xml_attr_ns(x, SLICE("urn:p"), SLICE("b")), "1"));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(xml_is(xml_root(xml_parser_tree(p)), SLICE("urn:p"), SLICE("c")));
    xml_parser_rest(p);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    x = xml_root(xml_parser_tree(p));
    assert_true(xml_is(x, SLICE("urn:e"), SLICE("d")));
    assert_true(slice_is(xml_attr_ns(x, SLICE("urn:q"), SLICE("b")), "2"));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(xml_is(xml_root(xml_parser_tree(p)), SLICE("urn:s"), SLICE("f")));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(xml_is(xml_root(xml_parser_tree(p)), SLICE("urn:p"), SLICE("c")));
    assert_int_equal(xml_parser_feed(p, &in), XML_CLOSE);
    xml_parser_free(&p);
}

static void stanzas_of_a_dialect_are_those_of_clients(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    xml_parser_set_dialect(p, XML_OF_COMPONENTS);
    struct slice in =
        SLICE("<s:s xmlns='jabber:component:accept' xmlns:s='urn:s' "
              "xmlns:c='jabber:component:accept'><message><c:body/></message>"
              "<x xmlns='urn:x'><message xmlns='jabber:component:accept'/></x></s:s>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_true(slice_is(xml_parser_content_ns(p), "jabber:component:accept"));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    struct xml x = xml_root(xml_parser_tree(p));
    assert_true(xml_is(x, SLICE("jabber:client"), SLICE("message")));
    assert_true(xml_some(xml_child(x, SLICE("jabber:client"), SLICE("body"))));
    assert_true(slice_is(xml_parser_content_ns(p), "jabber:component:accept"));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    x = xml_root(xml_parser_tree(p));
    assert_true(xml_some(xml_child(x, SLICE("jabber:client"), SLICE("message"))));
    xml_parser_restart(p);
    in = SLICE("<s:s xmlns='jabber:client' xmlns:s='urn:s'>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_true(slice_is(xml_parser_content_ns(p), "jabber:client"));
    xml_parser_free(&p);
}

static void a_parser_is_idle_between_stanzas_alone(void **state)
{
    (void)state;
    static const char text[] = "<?xml version='1.0'?> <s> <a>b</a> <c/> </s>";
    static const char idle[] = "10000000000000000000011001100000001100011000";
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        assert_int_equal(xml_parser_idle(p), idle[i] == '1');
        struct slice in = slice_of(text + i, 1);
        enum xml_event event;
        while ((event = xml_parser_feed(p, &in)) != XML_MORE)
            assert_int_not_equal(event, XML_BAD);
    }
    assert_false(xml_parser_idle(p));
    xml_parser_free(&p);
}

static void a_restart_begins_a_new_stream(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE("<?xml version='1.0'?><s xmlns='urn:1'><auth>x</auth>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    xml_parser_restart(p);
    /* The tree is there until the next bytes come. */
    assert_true(xml_is(xml_root(xml_parser_tree(p)), SLICE("urn:1"), SLICE("auth")));
    assert_true(xml_parser_idle(p));
    /* What a client put behind its last element does not spoil the declaration. */
    in = SLICE("\r\n<?xml version='1.0'?><s><a/>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_true(slice_is(xml_parser_content_ns(p), ""));
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(xml_is(xml_root(xml_parser_tree(p)), SLICE(""), SLICE("a")));
    xml_parser_restart(p);
    xml_parser_rest(p);
    assert_false(xml_some(xml_root(xml_parser_tree(p))));
    in = SLICE("</s>");
    assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    xml_parser_free(&p);
}

/* An error at each position of a stanza, or none, then a new stream: nothing of the old one is
 * left.
 */
static void V19_no_depth_is_left_behind_by_an_error(void **state)
{
    (void)state;
    static const char stanza[] = "<a xmlns:p='u'><b c='d&amp;' p:e=\"f\"><g "
                                 "xmlns='v'>x&lt;</g><![CDATA[y]]>\r</b>\xd0\xb0</a>";
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    for (size_t i = 2; i + 2 < 2 * sizeof(stanza); i++) {
        size_t cut = i / 2;
        xml_parser_restart(p);
        struct slice in = SLICE(HEAD);
        assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
        in = slice_of(stanza, cut);
        assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
        in = SLICE("\x01");
        if (i % 2 == 0)
            assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
        xml_parser_restart(p);
        in = SLICE("<s><z>\n</z><p:z/>");
        assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
        assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
        assert_true(xml_is(xml_root(xml_parser_tree(p)), SLICE(""), SLICE("z")));
        assert_int_equal(xml_count(xml_root(xml_parser_tree(p))), 1);
        assert_true(slice_is(xml_text(xml_root(xml_parser_tree(p))), "\n"));
        assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
    }
    xml_parser_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_a_header_stanzas_and_a_close),
        cmocka_unit_test(a_header_that_closes_itself_opens_and_closes),
        cmocka_unit_test(a_fragment_is_a_row_of_stanzas),
        cmocka_unit_test(X24_bytes_behind_the_close_are_ignored),
        cmocka_unit_test(an_event_takes_its_bytes_and_no_more),
        cmocka_unit_test(a_bad_stream_stays_bad),
        cmocka_unit_test(X08_restricted_xml_is_refused),
        cmocka_unit_test(X09_V11_invalid_utf8_is_unsupported_encoding),
        cmocka_unit_test(X10_forbidden_characters_are_not_well_formed),
        cmocka_unit_test(X11_other_encodings_are_refused_and_a_mark_is_accepted_once),
        cmocka_unit_test(X12_an_xml_declaration_stands_at_the_start_alone),
        cmocka_unit_test(X13_what_is_not_namespace_well_formed_is_refused),
        cmocka_unit_test(malformed_tags_and_references_are_refused),
        cmocka_unit_test(X15_text_between_stanzas_is_bad_format),
        cmocka_unit_test(garbage_is_refused_at_its_first_byte),
        cmocka_unit_test(X27_line_ends_white_space_and_cdata_are_normalised),
        cmocka_unit_test(X28_the_language_is_an_attribute_of_each_element),
        cmocka_unit_test(X29_a_prefix_for_the_stanza_namespace_changes_nothing),
        cmocka_unit_test(V12_separators_in_a_namespace_are_data),
        cmocka_unit_test(V14_a_stream_tag_inside_of_a_stanza_is_data),
        cmocka_unit_test(X16_a_second_header_is_seen_at_its_tag),
        cmocka_unit_test(namespaces_of_the_header_hold_for_the_stream),
        cmocka_unit_test(stanzas_of_a_dialect_are_those_of_clients),
        cmocka_unit_test(a_parser_is_idle_between_stanzas_alone),
        cmocka_unit_test(a_restart_begins_a_new_stream),
        cmocka_unit_test(V19_no_depth_is_left_behind_by_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
