/* What a parser takes from the heap: the bound, an idle parser, a turn without allocations, and
 * every allocation failing once. The allocator is wrapped by the linker; a realloc counts as both
 * blocks at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xml/test_support.h"
#include "xml/writer.h"

void *__real_malloc(size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);

static struct {
    size_t live, peak; /* bytes */
    size_t calls;
    size_t fail_at; /* the call that fails, counted from 1; 0: none */
} heap;

enum { HEAD_BYTES = 16 };

void *__wrap_malloc(size_t size)
{
    if (++heap.calls == heap.fail_at)
        return NULL;
    size_t *block = __real_malloc(size + HEAD_BYTES);
    assert_non_null(block);
    block[0] = size;
    heap.live += size;
    if (heap.live > heap.peak)
        heap.peak = heap.live;
    return (char *)block + HEAD_BYTES;
}

void __wrap_free(void *ptr)
{
    if (ptr == NULL)
        return;
    size_t *block = (void *)((char *)ptr - HEAD_BYTES);
    heap.live -= block[0];
    __real_free(block);
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *ptr = __wrap_malloc(n * size);
    if (ptr != NULL)
        memset(ptr, 0, n * size);
    return ptr;
}

void *__wrap_realloc(void *ptr, size_t size)
{
    void *grown = __wrap_malloc(size);
    if (grown == NULL || ptr == NULL)
        return grown;
    size_t old = *(size_t *)(void *)((char *)ptr - HEAD_BYTES);
    memcpy(grown, ptr, old < size ? old : size);
    __wrap_free(ptr);
    return grown;
}

static void heap_reset(void)
{
    memset(&heap, 0, sizeof(heap));
}

/* --- the bound --- */

struct shape {
    const char *name;
    const char *head; /* begins the stanza */
    const char *unit; /* over and over; ~ is a counter in letters */
};

static const struct shape SHAPES[] = {
    {"empty elements", "<r>", "<a/>"},
    {"elements with end tags", "<r>", "<a></a>"},
    {"elements of one character", "<r>", "<a>x</a>"},
    {"elements and characters", "<r>", "<a/>x"},
    {"elements with prefixes", "<r xmlns:p='u'>", "<p:a/>"},
    {"attributes", "<r>", "<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l=''/>"},
    {"an attribute and a character", "<r>", "<a b=''/>x"},
    {"attributes with prefixes", "<r xmlns:p='u'>", "<a p:a='' p:b='' p:c='' p:d=''/>"},
    {"namespaces", "<r>", "<a xmlns='u'/>"},
    {"namespaces with prefixes", "<r>", "<p:a xmlns:p='u' xmlns:q='v' p:b=''/>"},
    {"nesting", "<r>", "<a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a>"},
    {"nested characters", "<r>", "<a>x<a>x<a>x<a/>x</a>x</a>x</a>x"},
    {"names", "<r>", "<a~~~~~~/>"},
    {"a long text", "<r>", "text"},
    {"a long value", "<r a='", "value"},
    {"a long text in CDATA", "<r><![CDATA[", "t]"},
    {"CDATA sections", "<r>", "<![CDATA[x]]>"},
    {"empty CDATA sections", "<r>", "<![CDATA[]]><a/>"},
    {"entities", "<r>", "&lt;"},
    {"character references", "<r>", "&#9;"},
    {"entities in a value", "<r a='", "&gt;"},
    {"wide characters", "<r>", "\xd0\xb0\xe2\x82\xac"},
    {"line ends", "<r>", "\r\n"},
    {"white space in a tag", "<r ", " "},
    {"mixed", "<r>", "<a b='c'>d&amp;<e xmlns='f'/><![CDATA[g]]></a>"},
    {"texts around the long form", "<r>",
     "<a "
     "b='0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
     "89012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "01234567890123456789012345678901234567890123456789012345678901234567890123456789'/>"},
};

/* The unit with its counter. */
static struct slice unit_of(const struct shape *s, uint32_t count, char out[512])
{
    size_t len = strlen(s->unit);
    for (size_t i = 0; i < len; i++) {
        out[i] = s->unit[i];
        if (out[i] == '~') {
            out[i] = (char)('a' + count % 26);
            count /= 26;
        }
    }
    return slice_of(out, len);
}

enum { ASLEEP_MAX = 64 }; /* bytes of a parser between stanzas */

static void feed_byte(struct xml_parser *p, char c, size_t *fed, bool *more)
{
    struct slice in = slice_of(&c, 1);
    *more = xml_parser_feed(p, &in) == XML_MORE;
    ++*fed;
    assert_true(heap.peak <= XML_MEMORY_FACTOR * *fed + XML_MEMORY_BASE);
    assert_int_equal(heap.live, xml_parser_memory(p));
    heap.peak = heap.live;
}

static void check_shape(const struct shape *s, const struct xml_limits *limits)
{
    heap_reset();
    struct xml_parser *p = xml_parser_new(XML_FRAGMENT, limits);
    size_t fed = 0;
    bool more = true;
    for (const char *c = s->head; *c != '\0'; c++)
        feed_byte(p, *c, &fed, &more);
    for (uint32_t n = 0; more; n++) {
        char text[512];
        struct slice unit = unit_of(s, n, text);
        for (size_t i = 0; more && i < unit.len; i++)
            feed_byte(p, unit.ptr[i], &fed, &more);
    }
    enum xml_error error = xml_parser_error(p);
    if (error != XML_TOO_BIG && error != XML_TOO_COMPLEX)
        print_error("%s: %d\n", s->name, (int)error);
    assert_true(error == XML_TOO_BIG || error == XML_TOO_COMPLEX);
    /* Nothing is kept. */
    size_t idle = heap.live;
    assert_true(idle <= ASLEEP_MAX);
    xml_parser_free(&p);
    assert_int_equal(heap.live, 0);
}

static void V05_memory_is_bounded_by_what_was_fed(void **state)
{
    (void)state;
    struct xml_limits wide = XML_LIMITS_C2S;
    wide.stanza_bytes = 512 * 1024;
    wide.elements = 65536;
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        check_shape(&SHAPES[i], &XML_LIMITS_PREAUTH);
        check_shape(&SHAPES[i], &XML_LIMITS_C2S);
        check_shape(&SHAPES[i], &wide);
    }
}

static void V01_V03_a_document_type_takes_no_memory(void **state)
{
    (void)state;
    const struct slice laughs =
        SLICE("<!DOCTYPE lolz [<!ENTITY a 'lol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
              "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]><lolz>&c;</lolz>");
    for (int behind_header = 0; behind_header < 2; behind_header++) {
        heap_reset();
        struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_PREAUTH);
        struct slice in = SLICE("<s>");
        if (behind_header)
            assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
        in = laughs;
        assert_int_equal(xml_parser_feed(p, &in), XML_BAD);
        assert_int_equal(xml_parser_error(p), XML_RESTRICTED);
        assert_int_equal(laughs.len - in.len, 2);
        assert_true(heap.peak <= 8192);
        xml_parser_free(&p);
        assert_int_equal(heap.live, 0);
    }
}

static void X20_a_start_tag_without_end_is_closed_at_the_limit(void **state)
{
    (void)state;
    const char *ends[] = {"<a ", "<a b='"};
    for (size_t i = 0; i < 2; i++) {
        heap_reset();
        struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
        struct slice in = SLICE("<s>");
        assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
        in = slice_z(ends[i]);
        assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
        char block[1024];
        memset(block, ' ', sizeof(block));
        enum xml_event ev = XML_MORE;
        size_t fed = strlen(ends[i]);
        for (size_t total = 0; total < 100 << 20 && ev == XML_MORE; total += sizeof(block)) {
            in = slice_of(block, sizeof(block));
            ev = xml_parser_feed(p, &in);
            fed += sizeof(block) - in.len;
        }
        assert_int_equal(ev, XML_BAD);
        assert_int_equal(xml_parser_error(p), XML_TOO_BIG);
        assert_int_equal(fed, XML_LIMITS_C2S.stanza_bytes);
        assert_true(heap.peak <= 4 * (size_t)XML_LIMITS_C2S.stanza_bytes + 8192);
        xml_parser_free(&p);
    }
}

/* --- turns --- */

#define CLIENT_HEAD                                                                                \
    "<?xml version='1.0'?><stream:stream to='h' version='1.0' xmlns='jabber:client' "              \
    "xmlns:stream='http://etherx.jabber.org/streams'>"
#define CHAT                                                                                       \
    "<message to='juliet@capulet.example' type='chat' id='1'><body>Wherefore art thou?</body>"     \
    "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"

static void an_idle_parser_of_a_client_is_small(void **state)
{
    (void)state;
    heap_reset();
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    assert_true(heap.live <= ASLEEP_MAX);
    struct slice in = SLICE(CLIENT_HEAD CHAT);
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(heap.live > ASLEEP_MAX);
    xml_parser_rest(p);
    assert_true(heap.live <= ASLEEP_MAX);
    assert_int_equal(heap.live, xml_parser_memory(p));
    xml_parser_free(&p);
    /* Other namespaces of the stream are copied, once. */
    p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    in = SLICE("<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' "
               "xmlns:stream='http://etherx.jabber.org/streams'>");
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    xml_parser_rest(p);
    assert_true(heap.live <= ASLEEP_MAX + 192);
    assert_int_equal(heap.live, xml_parser_memory(p));
    xml_parser_restart(p);
    xml_parser_rest(p);
    assert_true(heap.live <= ASLEEP_MAX);
    xml_parser_free(&p);
}

static void a_turn_allocates_for_its_first_stanza_alone(void **state)
{
    (void)state;
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    struct slice in = SLICE(CLIENT_HEAD);
    assert_int_equal(xml_parser_feed(p, &in), XML_OPEN);
    in = SLICE(CHAT);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    heap_reset();
    for (int i = 0; i < 1000; i++) {
        in = SLICE(CHAT);
        assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    }
    assert_int_equal(heap.calls, 0);
    xml_parser_rest(p);
    in = SLICE(CHAT);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_int_equal(heap.calls, 2);
    xml_parser_free(&p);
}

static void what_a_big_stanza_took_is_not_kept_for_half_a_small_one(void **state)
{
    (void)state;
    heap_reset();
    struct xml_parser *p = xml_parser_new(XML_FRAGMENT, &XML_LIMITS_C2S);
    struct buf text = {0};
    buf_lit(&text, "<a>");
    while (buf_len(&text) < 200000)
        buf_lit(&text, "0123456789");
    buf_lit(&text, "</a><b>xyz");
    size_t with_text = heap.live;
    struct slice in = buf_slice(&text);
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_int_equal(xml_parser_feed(p, &in), XML_MORE);
    assert_true(heap.live - with_text > 200000);
    xml_parser_rest(p);
    assert_true(heap.live - with_text <= 8192);
    in = SLICE("</b>");
    assert_int_equal(xml_parser_feed(p, &in), XML_STANZA);
    assert_true(slice_is(xml_text(xml_root(xml_parser_tree(p))), "xyz"));
    xml_parser_free(&p);
    buf_free(&text);
    assert_int_equal(heap.live, 0);
}

/* --- failure --- */

/* false: memory was exhausted, and that was said. */
static bool feed_all(struct xml_parser *p, struct slice text)
{
    while (text.len > 0) {
        size_t n = text.len < 7 ? text.len : 7;
        struct slice in = slice_of(text.ptr, n);
        enum xml_event ev;
        do
            ev = xml_parser_feed(p, &in);
        while (ev == XML_OPEN || ev == XML_STANZA);
        if (ev == XML_BAD) {
            assert_int_equal(xml_parser_error(p), XML_MEMORY);
            return false;
        }
        text = slice_from(text, n);
    }
    return true;
}

static bool run_all(struct slice text)
{
    struct xml_parser *p = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
    if (p == NULL)
        return false;
    bool done = feed_all(p, text);
    xml_parser_rest(p);
    done = done && feed_all(p, SLICE("<a/>"));
    xml_parser_free(&p);
    struct xml_tree *tree;
    enum xml_error error = xml_parse(SLICE("<a b='c'>d</a>"), SLICE("u"), &XML_LIMITS_C2S, &tree);
    assert_true(error == XML_MEMORY ? tree == NULL : error == XML_OK);
    xml_tree_free(&tree);
    return done && error == XML_OK;
}

static const char *const UNITS[] = {
    "<b/>",
    "<b></b>",
    "<b c='d'/>",
    "<b c=''><e f=''/></b>",
    "<p:b/>",
    "<p:b p:c='' p:d=''></p:b>",
    "<p:b xmlns:p='v' xmlns='w'/>",
    "<\xd0\xb0/>",
    "<\xd0\xb0\xd0\xb0\xd0\xb0\xd0\xb0 \xd0\xb0\xd0\xb0\xd0\xb0='\xd0\xb0'/>",
    "<\xd0\xb0:\xd0\xb0 xmlns:\xd0\xb0='v' \xd0\xb0:\xd0\xb0='\xd0\xb0'/>",
    "<a.name.of.more.than.sixteen.bytes an.attribute.of.more.than.sixteen.bytes=''/>",
    "<b c='&lt;&gt;&amp;&#65;&#x20AC;'/>",
    "<b c='\t\n\r\n\"'/>",
    "<b>\xe2\x82\xac\xf0\x9f\x98\x80&#x20AC;\n</b>",
    "<b>c<![CDATA[<>&\n]]>d</b>",
    "<b><![CDATA[\n]]></b>",
    "&lt;&gt;",
    "\r\n\xd0\xb0>",
    "0123456789",
};

/* A document whose pool grows at, or shortly before, some byte of the unit. */
static struct buf document(const char *unit, size_t pad)
{
    struct buf text = {0};
    buf_lit(&text, "<?xml version='1.0'?><s:s xmlns:s='urn:s' xmlns='urn:d'><a xmlns:p='u'><b c='");
    for (size_t i = 0; i < 900 + pad; i++)
        buf_byte(&text, 'x');
    buf_lit(&text, "'/>");
    while (buf_len(&text) < 3000)
        buf_add(&text, slice_z(unit));
    buf_lit(&text, "</a>");
    return text;
}

/* Each allocation fails in turn. The padding moves the place at which the pool grows, so that each
 * place that asks for room meets the failure. */
static void a_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        for (size_t pad = 0; pad < 64; pad++) {
            heap_reset();
            struct buf text = document(UNITS[i], pad);
            size_t live = heap.live, failures = 0;
            bool done = false;
            for (size_t fail_at = 1; !done; fail_at++) {
                heap.calls = 0;
                heap.fail_at = fail_at;
                done = run_all(buf_slice(&text));
                assert_int_equal(heap.live, live);
                failures += !done;
            }
            assert_true(failures >= 10);
            heap.fail_at = 0;
            buf_free(&text);
        }
    }
}

static void a_failed_buffer_stops_the_writer_quietly(void **state)
{
    (void)state;
    struct xml_tree *tree;
    heap_reset();
    assert_int_equal(
        xml_parse(SLICE("<a b='c'>d&lt;<e xmlns='f'/></a>"), SLICE("u"), &XML_LIMITS_C2S, &tree),
        XML_OK);
    struct buf out = {0};
    heap.fail_at = heap.calls + 1;
    xml_write_node(&out, xml_root(tree), SLICE(""));
    assert_true(out.failed);
    assert_int_equal(buf_len(&out), 0);
    heap.fail_at = 0;
    buf_free(&out);
    xml_tree_free(&tree);
    assert_int_equal(heap.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V05_memory_is_bounded_by_what_was_fed),
        cmocka_unit_test(V01_V03_a_document_type_takes_no_memory),
        cmocka_unit_test(X20_a_start_tag_without_end_is_closed_at_the_limit),
        cmocka_unit_test(an_idle_parser_of_a_client_is_small),
        cmocka_unit_test(a_turn_allocates_for_its_first_stanza_alone),
        cmocka_unit_test(what_a_big_stanza_took_is_not_kept_for_half_a_small_one),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_leaks_nothing),
        cmocka_unit_test(a_failed_buffer_stops_the_writer_quietly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
