/* Stanzas as views: read, packed, written, encoded, unpacked; and their errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_support.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

static struct xml_tree *parse(const char *text)
{
    struct xml_tree *tree;
    assert_int_equal(xml_parse(slice_z(text), NS_CLIENT, &XML_LIMITS_C2S, &tree), XML_OK);
    return tree;
}

static void assert_text(struct buf *b, const char *want)
{
    buf_byte(b, '\0');
    assert_string_equal(buf_slice(b).ptr, want);
    buf_free(b);
}

static void kinds_and_types_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum stanza_kind kind;
        enum stanza_type type;
    } ROWS[] = {
        {"<message/>", STANZA_MESSAGE, TYPE_NORMAL},
        {"<message type='normal'/>", STANZA_MESSAGE, TYPE_NORMAL},
        {"<message type=''/>", STANZA_MESSAGE, TYPE_NORMAL},
        {"<message type='CHAT'/>", STANZA_MESSAGE, TYPE_NORMAL},
        {"<message type='get'/>", STANZA_MESSAGE, TYPE_NORMAL},
        {"<message type='chat'/>", STANZA_MESSAGE, TYPE_CHAT},
        {"<message type='groupchat'/>", STANZA_MESSAGE, TYPE_GROUPCHAT},
        {"<message type='headline'/>", STANZA_MESSAGE, TYPE_HEADLINE},
        {"<message type='error'/>", STANZA_MESSAGE, TYPE_ERROR},
        {"<presence/>", STANZA_PRESENCE, TYPE_AVAILABLE},
        {"<presence type=''/>", STANZA_PRESENCE, TYPE_BAD},
        {"<presence type='available'/>", STANZA_PRESENCE, TYPE_BAD},
        {"<presence type='chat'/>", STANZA_PRESENCE, TYPE_BAD},
        {"<presence type='unavailable'/>", STANZA_PRESENCE, TYPE_UNAVAILABLE},
        {"<presence type='subscribe'/>", STANZA_PRESENCE, TYPE_SUBSCRIBE},
        {"<presence type='subscribed'/>", STANZA_PRESENCE, TYPE_SUBSCRIBED},
        {"<presence type='unsubscribe'/>", STANZA_PRESENCE, TYPE_UNSUBSCRIBE},
        {"<presence type='unsubscribed'/>", STANZA_PRESENCE, TYPE_UNSUBSCRIBED},
        {"<presence type='probe'/>", STANZA_PRESENCE, TYPE_PROBE},
        {"<presence type='error'/>", STANZA_PRESENCE, TYPE_ERROR},
        {"<iq/>", STANZA_IQ, TYPE_BAD},
        {"<iq type='GET'/>", STANZA_IQ, TYPE_BAD},
        {"<iq type='get'/>", STANZA_IQ, TYPE_GET},
        {"<iq type='set'/>", STANZA_IQ, TYPE_SET},
        {"<iq type='result'/>", STANZA_IQ, TYPE_RESULT},
        {"<iq type='error'/>", STANZA_IQ, TYPE_ERROR},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct xml_tree *tree = parse(ROWS[i].text);
        struct stanza s;
        assert_true(stanza_read(xml_root(tree), SLICE("de"), &s));
        if (s.kind != ROWS[i].kind || s.type != ROWS[i].type)
            fail_msg("%s", ROWS[i].text);
        assert_false(jid_some(&s.from) || jid_some(&s.to));
        assert_true(slice_is(s.lang, "de") && s.id.ptr == NULL);
        xml_tree_free(&tree);
    }
}

static void what_is_no_stanza_is_not_read(void **state)
{
    (void)state;
    static const char *const ROWS[] = {"<message xmlns='jabber:server'/>", "<Message/>", "<x/>",
                                       "<presence xmlns=''/>", "<iqx/>"};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct xml_tree *tree = parse(ROWS[i]);
        struct stanza s;
        assert_false(stanza_read(xml_root(tree), SLICE_NONE, &s));
        xml_tree_free(&tree);
    }
}

/* A message with everything, as it comes and as it leaves. */
#define INNER "<body>a &lt;b&gt;</body><x xmlns='urn:x'><y/></x>"
static const char IN[] = "<m:message xmlns:m='jabber:client' type='chat' id='&apos;1' to='t' "
                         "from='f' xml:lang='en'><m:body>a &lt;b></m:body><x xmlns='urn:x'><y/></x>"
                         "</m:message>";
static const char OUT[] = "<message from='a@b.example/c' to='d.example' type='chat' "
                          "id='&apos;1' xml:lang='en'>" INNER "</message>";

static struct stanza everything(struct xml_tree *tree)
{
    struct stanza s;
    assert_true(stanza_read(xml_root(tree), SLICE("de"), &s));
    assert_true(jid_from_prepared(SLICE("a@b.example/c"), &s.from));
    assert_true(jid_from_prepared(SLICE("d.example"), &s.to));
    return s;
}

/* The same tree, whatever the order of attributes. */
static void assert_written(const struct stanza *s, const char *want)
{
    struct buf got = {0}, again = {0}, wanted = {0};
    stanza_write(&got, s, NULL, SLICE_NONE);
    buf_byte(&got, '\0');
    struct xml_tree *tree = parse(got.ptr), *other = parse(want);
    static const char *const NAMES[] = {"from", "to", "type", "id"};
    for (size_t i = 0; i < 4; i++) {
        struct slice name = slice_z(NAMES[i]);
        assert_true(slice_eq(xml_attr(xml_root(tree), name), xml_attr(xml_root(other), name)));
    }
    assert_true(slice_eq(xml_lang(xml_root(tree)), xml_lang(xml_root(other))));
    xml_write_children(&again, xml_root(tree), NS_CLIENT);
    xml_write_children(&wanted, xml_root(other), NS_CLIENT);
    assert_true(slice_eq(buf_slice(&again), buf_slice(&wanted)));
    xml_tree_free(&tree);
    xml_tree_free(&other);
    buf_free(&got);
    buf_free(&again);
    buf_free(&wanted);
}

static void a_stanza_is_the_same_parsed_packed_encoded_and_unpacked(void **state)
{
    (void)state;
    struct xml_tree *tree = parse(IN), *unpacked;
    struct buf own = {0}, bytes = {0};
    struct stanza s = everything(tree), back;
    assert_written(&s, OUT);
    stanza_encode(&bytes, &s); /* not packed: encoding writes the payload */
    assert_true(stanza_decode(buf_slice(&bytes), &back));
    assert_true(back.packed && !xml_some(back.root) && slice_is(back.payload, INNER));
    assert_written(&back, OUT);
    stanza_pack(&s, &own);
    assert_true(s.packed && slice_is(s.payload, INNER));
    assert_written(&s, OUT);
    xml_tree_free(&tree);
    assert_true(stanza_unpack(&back, &unpacked));
    assert_true(slice_is(xml_text(xml_child(back.root, NS_CLIENT, SLICE("body"))), "a <b>"));
    assert_true(xml_some(xml_child(back.root, SLICE("urn:x"), SLICE("x"))));
    assert_true(slice_is(xml_attr(back.root, SLICE("from")), "a@b.example/c"));
    xml_tree_free(&unpacked);
    buf_free(&own);
    buf_free(&bytes);
}

static void an_empty_stanza_is_packed_and_unpacked_too(void **state)
{
    (void)state;
    struct stanza s = {.kind = STANZA_IQ, .type = TYPE_RESULT, .packed = true};
    struct xml_tree *tree;
    struct buf bytes = {0};
    stanza_encode(&bytes, &s);
    assert_true(stanza_decode(buf_slice(&bytes), &s));
    assert_true(s.packed && s.payload.len == 0 && s.id.ptr == NULL);
    assert_true(stanza_unpack(&s, &tree));
    assert_false(xml_some(xml_first(s.root)));
    xml_tree_free(&tree);
    buf_free(&bytes);
}

/* What was within the limits when it came may be longer when it is written anew. */
static void what_was_accepted_is_not_measured_again(void **state)
{
    (void)state;
    struct buf payload = {0};
    buf_lit(&payload, "<status>");
    while (buf_len(&payload) < XML_LIMITS_C2S.stanza_bytes)
        buf_lit(&payload, "0123456789");
    buf_lit(&payload, "</status>");
    struct stanza s = {.kind = STANZA_PRESENCE,
                       .type = TYPE_AVAILABLE,
                       .payload = buf_slice(&payload),
                       .packed = true};
    struct xml_tree *tree;
    assert_true(stanza_unpack(&s, &tree));
    assert_true(xml_text(xml_first_element(s.root)).len > 262000);
    xml_tree_free(&tree);
    s.payload = SLICE("<damaged>");
    assert_false(stanza_unpack(&s, &tree));
    assert_true(tree == NULL && !xml_some(s.root));
    buf_free(&payload);
}

static void damaged_bytes_are_refused_not_read(void **state)
{
    (void)state;
    struct xml_tree *tree = parse(IN);
    struct buf bytes = {0};
    struct stanza s = everything(tree), out;
    stanza_encode(&bytes, &s);
    struct slice all = buf_slice(&bytes);
    for (size_t n = 0; n < all.len; n++) {
        /* Copied, so that reading beyond the end is seen. */
        char *part = mem_copy(slice_of(all.ptr, n));
        (void)stanza_decode(slice_of(part, n), &out);
        mem_free(part);
    }
    uint64_t seed = 1;
    for (unsigned i = 0; i < 20000; i++) {
        char *part = mem_copy(all);
        for (unsigned k = 0; k < 3; k++)
            part[test_random(&seed) % all.len] = (char)test_random(&seed);
        if (stanza_decode(slice_of(part, all.len), &out)) {
            struct buf text = {0};
            stanza_write(&text, &out, NULL, SLICE_NONE);
            buf_free(&text);
        }
        mem_free(part);
    }
    xml_tree_free(&tree);
    buf_free(&bytes);
}

static void errors_swap_the_addresses_and_leave_the_payload(void **state)
{
    (void)state;
    struct xml_tree *tree = parse(IN);
    struct stanza s = everything(tree);
    struct buf out = {0}, payload = {0};
    stanza_write_error(&out, &s, STANZA_NOT_ALLOWED, SLICE("no & no"),
                       SLICE("<app xmlns='urn:a'/>"));
    buf_byte(&out, '\0');
    struct xml_tree *answer = parse(out.ptr);
    struct xml root = xml_root(answer);
    assert_true(slice_is(xml_attr(root, SLICE("from")), "d.example"));
    assert_true(slice_is(xml_attr(root, SLICE("to")), "a@b.example/c"));
    assert_true(slice_is(xml_attr(root, SLICE("type")), "error"));
    assert_true(slice_is(xml_attr(root, SLICE("id")), "'1"));
    struct xml error = xml_child(root, NS_CLIENT, SLICE("error"));
    assert_false(xml_some(xml_next(error)) || xml_some(xml_child(root, NS_CLIENT, SLICE("body"))));
    assert_true(slice_is(xml_attr(error, SLICE("type")), "cancel"));
    assert_true(xml_some(xml_child(error, NS_STANZA_ERRORS, SLICE("not-allowed"))));
    assert_true(slice_is(xml_text(xml_child(error, NS_STANZA_ERRORS, SLICE("text"))), "no & no"));
    assert_true(xml_some(xml_child(error, SLICE("urn:a"), SLICE("app"))));
    stanza_error_payload(&payload, STANZA_GONE, SLICE_NONE, SLICE_NONE);
    assert_text(&payload, "<error type='cancel'><gone "
                          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
    xml_tree_free(&answer);
    xml_tree_free(&tree);
    buf_free(&out);
}

static void another_receiver_and_something_more_at_the_end(void **state)
{
    (void)state;
    struct stanza s = {.kind = STANZA_MESSAGE,
                       .type = TYPE_NORMAL,
                       .payload = SLICE("<body>x</body>"),
                       .packed = true};
    struct buf out = {0};
    struct jid to;
    assert_true(jid_from_prepared(SLICE("x@y.example"), &to));
    stanza_write(&out, &s, &to, SLICE("<z xmlns='urn:z'/>"));
    assert_text(&out, "<message to='x@y.example'><body>x</body><z xmlns='urn:z'/></message>");
}

static void conditions_are_read_by_name(void **state)
{
    (void)state;
    for (enum stanza_error e = STANZA_OK + 1; e < STANZA_ERRORS; e++)
        assert_int_equal(stanza_error_read(stanza_error_name(e)), e);
    assert_int_equal(stanza_error_read(SLICE("conflicts")), STANZA_OK);
    assert_int_equal(stanza_error_read(SLICE_NONE), STANZA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_types_are_read),
        cmocka_unit_test(what_is_no_stanza_is_not_read),
        cmocka_unit_test(a_stanza_is_the_same_parsed_packed_encoded_and_unpacked),
        cmocka_unit_test(an_empty_stanza_is_packed_and_unpacked_too),
        cmocka_unit_test(what_was_accepted_is_not_measured_again),
        cmocka_unit_test(damaged_bytes_are_refused_not_read),
        cmocka_unit_test(errors_swap_the_addresses_and_leave_the_payload),
        cmocka_unit_test(conditions_are_read_by_name),
        cmocka_unit_test(another_receiver_and_something_more_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
