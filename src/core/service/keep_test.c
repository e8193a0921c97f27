/* Which messages are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/service/keep.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

#define HINT(name) "<" name " xmlns='urn:xmpp:hints'/>"
#define STATE      "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
#define BODY       "<body>hi</body>"
#define CIPHER     "<encrypted xmlns='urn:xmpp:omemo:2'/>"

/* The judgement on a message, as it is parsed and as bytes; they must not differ. */
static enum keep judged(const char *text)
{
    struct xml_tree *tree;
    struct stanza s;
    struct buf own = {0};
    assert_int_equal(xml_parse(slice_z(text), NS_CLIENT, &XML_LIMITS_C2S, &tree), XML_OK);
    assert_true(stanza_read(xml_root(tree), SLICE_NONE, &s));
    enum keep parsed = keep_of(&s);
    stanza_pack(&s, &own);
    s.root = XML_NONE;
    assert_int_equal(keep_of(&s), parsed);
    buf_free(&own);
    xml_tree_free(&tree);
    return parsed;
}

#define CHAT(payload)     judged("<message type='chat'>" payload "</message>")
#define TYPED(t, payload) judged("<message type='" t "'>" payload "</message>")

static void a_body_is_kept_in_chat_and_normal_messages(void **state)
{
    (void)state;
    assert_int_equal(CHAT(BODY), KEEP_ARCHIVE);
    assert_int_equal(TYPED("normal", BODY), KEEP_ARCHIVE);
    assert_int_equal(judged("<message>" BODY "</message>"), KEEP_ARCHIVE);
    assert_int_equal(TYPED("strange", BODY), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<body/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT(STATE BODY "<thread>t</thread>"), KEEP_ARCHIVE);
    assert_int_equal(TYPED("groupchat", BODY), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<body xmlns='urn:example:other'>hi</body>"), KEEP_VOLATILE);
}

static void what_is_worth_keeping_without_a_body_is_kept(void **state)
{
    (void)state;
    assert_int_equal(CHAT(CIPHER), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<encrypted xmlns='eu.siacs.conversations.axolotl'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<openpgp xmlns='urn:xmpp:openpgp:0'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<received xmlns='urn:xmpp:receipts' id='1'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<retract xmlns='urn:xmpp:message-retract:1' id='1'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT("<reactions xmlns='urn:xmpp:reactions:0' id='1'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT(HINT("store") "<x xmlns='urn:example:x'/>"), KEEP_ARCHIVE);
    assert_int_equal(CHAT(HINT("store") STATE), KEEP_ARCHIVE);
}

static void what_only_matters_now_is_not_kept(void **state)
{
    (void)state;
    assert_int_equal(CHAT(""), KEEP_VOLATILE);
    assert_int_equal(CHAT("<x xmlns='urn:example:x'/>"), KEEP_VOLATILE);
    assert_int_equal(CHAT("<request xmlns='urn:xmpp:receipts'/>"), KEEP_VOLATILE);
    assert_int_equal(CHAT("<markable xmlns='urn:xmpp:chat-markers:0'/>"), KEEP_VOLATILE);
    assert_int_equal(TYPED("headline", BODY HINT("store")), KEEP_VOLATILE);
}

static void chat_states_alone_are_signals(void **state)
{
    (void)state;
    assert_int_equal(CHAT(STATE), KEEP_SIGNAL);
    assert_int_equal(CHAT(STATE "<thread>t</thread>" HINT("no-store")), KEEP_SIGNAL);
    assert_int_equal(CHAT(STATE "<x xmlns='urn:example:x'/>"), KEEP_VOLATILE);
}

static void hints_have_the_last_word(void **state)
{
    (void)state;
    assert_int_equal(CHAT(BODY HINT("no-store")), KEEP_VOLATILE);
    assert_int_equal(CHAT(BODY HINT("no-permanent-store")), KEEP_DELIVERY);
    assert_int_equal(CHAT(BODY HINT("store") HINT("no-store")), KEEP_VOLATILE);
    assert_int_equal(CHAT(BODY HINT("no-copy")), KEEP_ARCHIVE);
    assert_int_equal(CHAT(BODY "<no-store xmlns='urn:example:hints'/>"), KEEP_ARCHIVE);
}

static void an_error_is_kept_with_what_it_brings_back(void **state)
{
    (void)state;
    assert_int_equal(TYPED("error", BODY "<error type='cancel'/>"), KEEP_ARCHIVE);
    assert_int_equal(TYPED("error", "<error type='cancel'/>"), KEEP_VOLATILE);
    assert_int_equal(TYPED("error", HINT("store")), KEEP_VOLATILE);
    assert_int_equal(TYPED("error", BODY HINT("no-store")), KEEP_ARCHIVE);
}

static void presence_and_iq_are_volatile(void **state)
{
    (void)state;
    assert_int_equal(judged("<presence>" BODY HINT("store") "</presence>"), KEEP_VOLATILE);
    assert_int_equal(judged("<iq type='get' id='1'>" BODY "</iq>"), KEEP_VOLATILE);
}

static void a_payload_that_cannot_be_read_is_volatile(void **state)
{
    (void)state;
    struct stanza s = {.kind = STANZA_MESSAGE, .type = TYPE_CHAT, .packed = true};
    s.payload = SLICE("<body>hi</body></message><x/>");
    assert_int_equal(keep_of(&s), KEEP_VOLATILE);
    s.payload = SLICE("<body>hi");
    assert_int_equal(keep_of(&s), KEEP_VOLATILE);
    assert_false(keep_is_kept(KEEP_VOLATILE));
    assert_true(keep_is_kept(KEEP_DELIVERY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_kept_in_chat_and_normal_messages),
        cmocka_unit_test(what_is_worth_keeping_without_a_body_is_kept),
        cmocka_unit_test(what_only_matters_now_is_not_kept),
        cmocka_unit_test(chat_states_alone_are_signals),
        cmocka_unit_test(hints_have_the_last_word),
        cmocka_unit_test(an_error_is_kept_with_what_it_brings_back),
        cmocka_unit_test(presence_and_iq_are_volatile),
        cmocka_unit_test(a_payload_that_cannot_be_read_is_volatile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
