/* XEP-0198 along a login by XEP-0388 (section 9). The protocol itself is tried in
 * node/sm_*_test.c. */
#include "xep/login/test_login.h"

#define SM           "xmlns='urn:xmpp:sm:3'"
#define ENABLE       "<enable " SM " resume='true'/>"
#define BIND(inside) "<bind xmlns='urn:xmpp:bind:0'>" inside "</bind>"
#define FAILED_FOR_UNKNOWN                                                                         \
    "<failed " SM "><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"

/* Binds with stream management; the id is put into the buffer. */
static void bind(struct client *c, char id[64])
{
    client_send(c, PLAIN(BIND("<tag>app</tag>" ENABLE)));
    struct xml success = client_next(c);
    struct xml bound = xml_child(success, SLICE("urn:xmpp:bind:0"), SLICE("bound"));
    struct xml enabled = xml_child(bound, SLICE("urn:xmpp:sm:3"), SLICE("enabled"));
    struct slice who =
        xml_text(xml_child(success, SLICE("urn:xmpp:sasl:2"), SLICE("authorization-identifier")));
    assert_true(slice_is(xml_attr(enabled, SLICE("resume")), "true"));
    snprintf(id, 64, "%.*s", SLICE_ARG(xml_attr(enabled, SLICE("id"))));
    snprintf(c->jid, sizeof(c->jid), "%.*s", SLICE_ARG(who));
    expect(c, FEATURES_BOUND);
    expect_nothing(c);
}

static void resume(struct client *c, const char *id, unsigned h, const char *bind_too)
{
    char text[600];
    snprintf(text, sizeof(text), PLAIN("<resume " SM " previd='%s' h='%u'/>%s"), id, h, bind_too);
    client_send(c, text);
}

static void it_is_announced_inside_of_the_login(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, ALICE);
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    struct xml sasl2 = xml_child(client_next(c), SLICE("urn:xmpp:sasl:2"), SLICE("authentication"));
    struct xml in = xml_child(sasl2, SLICE("urn:xmpp:sasl:2"), SLICE("inline"));
    assert_true(xml_some(xml_child(in, SLICE("urn:xmpp:sm:3"), SLICE("sm"))));
    struct xml bind2 = xml_child(in, SLICE("urn:xmpp:bind:0"), SLICE("bind"));
    struct xml x = xml_first_element(xml_child(bind2, SLICE("urn:xmpp:bind:0"), SLICE("inline")));
    bool found = false;
    for (; xml_some(x); x = xml_next_element(x))
        found |= slice_is(xml_attr(x, SLICE("var")), "urn:xmpp:sm:3");
    assert_true(found);
    bench_free(&b);
}

static void a_bind_enables_it(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        char id[64];
        struct client *c = opened(b);
        bind(c, id);
        ask(c, "<r " SM "/>", "<a " SM " h='0'/>");
        ask(c, ENABLE,
            "<failed " SM
            "><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
    }
}

static void a_login_takes_up_a_session(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        char id[64], full[256];
        struct client *c = opened(b);
        struct client *bob = bench_online(b, "bob@example.org/a");
        bind(c, id);
        snprintf(full, sizeof(full), "%s", c->jid);
        client_send(c, "<presence/>");
        client_discard(c);
        client_lose(&c);
        client_send(bob, "<message to='" ALICE "' id='1'><body>1</body></message>");
        c = opened(b);
        resume(c, id, 0, BIND("<tag>app</tag>" ENABLE));
        struct xml success = client_next(c);
        struct xml resumed = xml_child(success, SLICE("urn:xmpp:sm:3"), SLICE("resumed"));
        assert_true(slice_is(xml_attr(resumed, SLICE("h")), "1"));
        assert_false(xml_some(xml_child(success, SLICE("urn:xmpp:bind:0"), SLICE("bound"))));
        assert_true(slice_eq(xml_text(xml_child(success, SLICE("urn:xmpp:sasl:2"),
                                                SLICE("authorization-identifier"))),
                             slice_z(full)));
        /* No features; what was missed. */
        expect(c, "<presence from='*'/>");
        expect(c, "<r " SM "/>");
        expect(c, "<message from='bob@example.org/a' id='1'><body>1</body>"
                  "<delay xmlns='urn:xmpp:delay' from='example.org' stamp='*'/></message>");
        expect_nothing(c);
        snprintf(c->jid, sizeof(c->jid), "%s", full);
        assert_int_equal(bench_loaded(b, ALICE)->session_count, 1);
        alive(c);
    }
}

static void a_session_that_is_gone_is_said_so_and_bound_anew(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *c = opened(b);
        resume(c, "nothing", 0, BIND(ENABLE));
        expect(c, SUCCESS(FULL FAILED_FOR_UNKNOWN
                          "<bound xmlns='urn:xmpp:bind:0'><metadata xmlns='urn:xmpp:mam:2'/>"
                          "<enabled " SM " id='*' resume='true' max='300'/></bound>"));
        expect(c, FEATURES_BOUND);
        c = opened(b);
        resume(c, "nothing", 0, "");
        expect(c, SUCCESS(IDENTIFIER FAILED_FOR_UNKNOWN));
        expect(c, FEATURES);
    }
}

/* After a crash the log is asked first. */
static void a_login_takes_up_a_session_of_another_process(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        char id[64];
        struct client *c = opened(b);
        bench_account(b, "bob@example.org");
        bind(c, id);
        b->store_held = true;
        client_send(c, "<message to='bob@example.org' id='1'><body>1</body></message>");
        bench_query_step(b, 10); /* bob is loaded */
        bench_crash(b, 10);      /* the message was written, and nobody heard of it */
        c = opened(b);
        resume(c, id, 0, "");
        struct xml resumed = xml_child(client_next(c), SLICE("urn:xmpp:sm:3"), SLICE("resumed"));
        assert_true(slice_is(xml_attr(resumed, SLICE("h")), "1"));
        alive(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_announced_inside_of_the_login),
        cmocka_unit_test(a_bind_enables_it),
        cmocka_unit_test(a_login_takes_up_a_session),
        cmocka_unit_test(a_session_that_is_gone_is_said_so_and_bound_anew),
        cmocka_unit_test(a_login_takes_up_a_session_of_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
