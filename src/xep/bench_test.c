/* The bench of module tests can fail, and two people can talk on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "xep/test_engine.h"
#include "xml/parser.h"

static bool matches(const char *pattern, const char *text)
{
    struct xml_tree *p, *x;
    assert_int_equal(xml_parse(slice_z(pattern), NS_CLIENT, &XML_LIMITS_C2S, &p), XML_OK);
    assert_int_equal(xml_parse(slice_z(text), NS_CLIENT, &XML_LIMITS_C2S, &x), XML_OK);
    bool result = bench_matches(xml_root(p), xml_root(x));
    xml_tree_free(&p);
    xml_tree_free(&x);
    return result;
}

static void patterns_match_what_means_the_same(void **state)
{
    (void)state;
    assert_true(matches("<a b='1' c='2'/>", "<a c='2' b='1'></a>"));
    assert_true(matches("<a><x xmlns='urn:x'/></a>", "<a><y:x xmlns:y='urn:x'/></a>"));
    assert_true(matches("<a id='*'>*</a>", "<a id='17'>text</a>"));
    assert_true(matches("<a/>", "<a to='me' xml:lang='de'/>"));
    assert_true(matches("<a><_/></a>", "<a><b/>text<c/></a>"));
    assert_true(matches("<a><b/><_/></a>", "<a><b/></a>"));
    assert_true(matches("<a><b>1</b><c><d/></c></a>", "<a><b>1</b><c><d/></c></a>"));
}

static void patterns_refuse_what_differs(void **state)
{
    (void)state;
    assert_false(matches("<a/>", "<b/>"));
    assert_false(matches("<a/>", "<a xmlns='urn:x'/>"));
    assert_false(matches("<a b='1'/>", "<a b='2'/>"));
    assert_false(matches("<a b='1'/>", "<a/>"));
    assert_false(matches("<a b='*'/>", "<a/>"));
    assert_false(matches("<a/>", "<a b='1'/>"));
    assert_false(matches("<a to='you'/>", "<a to='me'/>"));
    assert_false(matches("<a to='you'/>", "<a/>"));
    assert_false(matches("<a><b/></a>", "<a><b to='me'/></a>"));
    assert_false(matches("<a><b/></a>", "<a/>"));
    assert_false(matches("<a/>", "<a><b/></a>"));
    assert_false(matches("<a><b/><c/></a>", "<a><c/><b/></a>"));
    assert_false(matches("<a>1</a>", "<a>2</a>"));
    assert_false(matches("<a>*</a>", "<a/>"));
    assert_false(matches("<a>*</a>", "<a><b/></a>"));
    assert_false(matches("<a><b/><_/></a>", "<a><c/></a>"));
}

static void two_people_talk(struct bench *b)
{
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.net/desk");
    client_send(alice,
                "<message to='bob@example.net' type='chat' id='m'><body>hi</body></message>");
    expect(bob, "<message from='alice@example.org/phone' to='bob@example.net' type='chat' id='m'>"
                "<body>hi</body></message>");
    expect_nothing(alice);
    client_lose(&bob);
    assert_null(bench_loaded(b, "nobody@example.org"));
    assert_int_equal(bench_loaded(b, "bob@example.net")->session_count, 0);
    client_close(&alice);
    bench_free(&b);
}

static void two_people_talk_on_one_shard(void **state)
{
    (void)state;
    two_people_talk(bench_new(NULL));
}

static void two_people_talk_on_three_shards(void **state)
{
    (void)state;
    two_people_talk(bench_new_shards(NULL, 3));
}

static void friends_see_each_other_and_time_passes(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "bob@example.net");
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.net/desk");
    expect(alice, "<presence from='bob@example.net/desk'/>");
    bench_advance(b, 5000);
    client_send(bob, "<presence><show>away</show></presence>");
    expect(bob, "<presence from='bob@example.net/desk'><show>away</show></presence>");
    expect(alice, "<presence from='bob@example.net/desk'><show>away</show></presence>");
    client_lose(&bob);
    expect(alice, "<presence from='bob@example.net/desk' type='unavailable'/>");
    bench_advance(b, 120000);
    assert_null(bench_loaded(b, "bob@example.net"));
    bench_free(&b);
}

static void a_held_store_keeps_answers_back(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_online(b, "alice@example.org/phone");
    b->store_held = true;
    client_send(alice, "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
                       "<item jid='bob@example.net'/></query></iq>");
    expect_nothing(alice);
    bench_release(b);
    expect(alice, "<iq type='result' id='1'/>");
    assert_int_equal(bench_count(b, "alice@example.org", "roster"), 2);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_what_means_the_same),
        cmocka_unit_test(patterns_refuse_what_differs),
        cmocka_unit_test(two_people_talk_on_one_shard),
        cmocka_unit_test(two_people_talk_on_three_shards),
        cmocka_unit_test(friends_see_each_other_and_time_passes),
        cmocka_unit_test(a_held_store_keeps_answers_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
