/* XEP-0359: Unique and Stable Stanza IDs. */
#include "xep/archive/test_archive.h"

#define ID(by)   "<stanza-id xmlns='urn:xmpp:sid:0' id='7' by='" by "'/>"
#define ORIGIN   "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
#define SEND(x)  "<message to='" BOB "/desk' type='chat' id='m'><body>hi</body>" x "</message>"
#define COMES(x) "<message from='*' type='chat' id='m'><body>hi</body>" x "<_/></message>"

/* The ids in the message that comes next. */
static unsigned ids_of_the_next(struct client *c, const char *by)
{
    unsigned n = 0;
    struct xml m = client_next(c);
    for (struct xml x = xml_child(m, SLICE("urn:xmpp:sid:0"), SLICE("stanza-id")); xml_some(x);
         x = xml_next_named(x, SLICE("urn:xmpp:sid:0"), SLICE("stanza-id")))
        n += slice_eq(xml_attr(x, SLICE("by")), slice_z(by)) &&
             slice_is(xml_attr(x, SLICE("id")), "7");
    return n;
}

static void S15_ids_in_our_name_are_taken_out(void **state)
{
    (void)state;
    static const char *const OURS[] = {
        BOB,        ALICE, "example.net", "example.org", "Bob@EXAMPLE.net", "x@talk.example.org/y",
        BOB "/desk"};
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, ALICE "/phone"), *bob = bench_login(b, BOB "/desk");
        for (size_t i = 0; i < sizeof(OURS) / sizeof(OURS[0]); i++) {
            client_sendf(alice, SEND(ID("%s") ORIGIN), OURS[i]);
            assert_int_equal(ids_of_the_next(bob, OURS[i]), 0);
            assert_true(
                xml_some(xml_child(client_last(bob), SLICE("urn:xmpp:sid:0"), SLICE("origin-id"))));
        }
        expect_nothing(alice);
        expect_nothing(bob);
    }
}

static void ids_of_others_pass(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, ALICE "/phone"), *bob = bench_login(b, BOB "/desk");
        client_send(alice, SEND(ID(CAROL) ORIGIN ID("room@muc.elsewhere.example") ID("@")));
        expect(bob, COMES(ID(CAROL) ORIGIN ID("room@muc.elsewhere.example") ID("@")));
        client_send(alice, SEND("<x xmlns='urn:example:x'>" ID(BOB) "</x>")); /* no child */
        expect(bob, COMES("<x xmlns='urn:example:x'>" ID(BOB) "</x>"));
        expect_nothing(alice);
        expect_nothing(bob);
    }
}

static void accounts_say_that_they_mind_them(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    client_send(alice, "<iq type='get' id='d' to='" ALICE "'><query "
                       "xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    struct xml query = xml_first_element(client_next(alice));
    unsigned found = 0;
    for (struct xml x = xml_first_element(query); xml_some(x); x = xml_next_element(x))
        found += slice_is(xml_attr(x, SLICE("var")), "urn:xmpp:sid:0");
    assert_int_equal(found, 1);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S15_ids_in_our_name_are_taken_out),
        cmocka_unit_test(ids_of_others_pass),
        cmocka_unit_test(accounts_say_that_they_mind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
