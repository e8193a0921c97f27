/* XEP-0388: logins in fewer words, and those that must not work. Rows A01, A03, A05, A06, A07, A08
 * and A10 of the catalogue, V39, V41 and V43 of the record, for this profile. With TLS: src/node.
 */
#include "xep/login/test_login.h"

static struct bench *bench(void)
{
    struct bench *b = bench_new(NULL);
    b->config.core.limits.login_failures = UINT8_MAX;
    return b;
}

static void what_is_offered(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    struct xml x = xml_child(client_next(c), NS_SASL2, SLICE("authentication"));
    struct xml mechanism = xml_child(x, NS_SASL2, SLICE("mechanism"));
    static const char *const WANT[] = {"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(slice_eq(xml_text(mechanism), slice_z(WANT[i])));
        mechanism = xml_next_named(mechanism, NS_SASL2, SLICE("mechanism"));
    }
    assert_false(xml_some(mechanism));
    struct xml along = xml_child(x, NS_SASL2, SLICE("inline"));
    assert_true(xml_some(xml_child(along, NS_BIND2, SLICE("bind"))));
    struct xml fast = xml_child(along, NS_FAST, SLICE("fast"));
    assert_true(slice_is(xml_text(xml_first_element(fast)), "HT-SHA-256-NONE"));
    assert_false(xml_some(xml_next_element(xml_first_element(fast))));
    struct xml task = xml_child(x, NS_SASL_UPGRADE, SLICE("upgrade"));
    assert_true(slice_is(xml_text(task), "UPGR-SCRAM-SHA-256"));
    task = xml_next_named(task, NS_SASL_UPGRADE, SLICE("upgrade"));
    assert_true(slice_is(xml_text(task), "UPGR-SCRAM-SHA-512"));
    bench_free(&b);
}

/* Without TLS, where passwords may not pass in clear, there is none of it. */
static void it_is_offered_where_passwords_may_pass(void **state)
{
    (void)state;
    static const struct node_listener PLAIN = {.tls = NODE_TLS_NONE};
    struct bench *b = bench();
    b->config.listeners = &PLAIN;
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    struct xml x = client_next(c);
    assert_true(xml_some(xml_child(x, NS_SASL, SLICE("mechanisms"))));
    assert_false(xml_some(xml_child(x, NS_SASL2, SLICE("authentication"))));
    client_send(c, PLAIN(""));
    expect(c, FAILURE("encryption-required"));
    client_send(c, "<authenticate " SASL2 " mechanism='SCRAM-SHA-1'/>");
    expect(c, FAILURE("encryption-required"));
    assert_int_equal(node_engine(b->nodes[0])->counters.store_queries, 0);
    bench_free(&b);
}

static void a_login_goes_on_in_the_same_stream(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        for (unsigned i = 0; i < 4; i++) { /* from each shard */
            struct client *c = opened(b);
            ask(c, PLAIN(""), SUCCESS(IDENTIFIER));
            expect(c, FEATURES);
            expect_nothing(c);
            ask(c,
                "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                "<resource>r</resource></bind></iq>",
                "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                "<jid>" ALICE "/r</jid></bind></iq>");
            alive(c);
            client_lose(&c);
        }
        assert_true(bench_logged(b, "event=auth.ok"));
    }
}

static void scram_in_other_words(void **state)
{
    (void)state;
    static const char *const HOW[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    BENCH_ON_SHARDS(b, NULL)
    {
        for (unsigned i = 0; i < 6; i++) {
            struct client *c = opened(b);
            assert_true(scram(c, HOW[i % 3], "alice", BENCH_PASSWORD, "", NULL));
            assert_true(xml_is(client_last(c), NS_SASL2, SLICE("success")));
            expect(c, FEATURES);
            client_lose(&c);
        }
    }
}

/* The larger limits hold from the login on, without a new stream. */
static void L1_L2_large_stanzas_after_the_login_alone(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    struct buf big = {0};
    buf_lit(&big, "<iq type='set' id='v'><vCard xmlns='vcard-temp'><NOTE>");
    for (unsigned i = 0; i < 20000; i++)
        buf_byte(&big, 'x');
    buf_lit(&big, "</NOTE></vCard></iq>");
    buf_byte(&big, '\0');
    client_send(c, PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"));
    client_discard(c);
    ask(c, buf_slice(&big).ptr, "<iq type='result' id='v'/>");
    client_lose(&c);
    c = opened(b);
    buf_clear(&big);
    buf_lit(&big, "<authenticate " SASL2 " mechanism='PLAIN'><software>");
    for (unsigned i = 0; i < 20000; i++)
        buf_byte(&big, 'x');
    buf_byte(&big, '\0');
    client_send(c, buf_slice(&big).ptr);
    expect(c, "<error xmlns='http://etherx.jabber.org/streams'><_/></error>");
    assert_true(client_ended(c));
    buf_free(&big);
    bench_free(&b);
}

static void A01_A03_A10_what_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *failure;
    } CASES[] = {
        {"<authenticate " SASL2 "/>", "malformed-request"},
        {"<authenticate " SASL2 " mechanism=''/>", "invalid-mechanism"},
        {"<authenticate " SASL2 " mechanism='plain'/>", "invalid-mechanism"},
        {"<authenticate " SASL2 " mechanism='ANONYMOUS'/>", "invalid-mechanism"},
        {"<authenticate " SASL2 " mechanism='SCRAM-SHA-1-PLUS'/>", "invalid-mechanism"},
        {"<authenticate " SASL2 " mechanism='HT-SHA-256-EXPR'/>", "invalid-mechanism"},
        {"<authenticate " SASL2 " mechanism='HT-SHA-256-UNIQ'/>", "invalid-mechanism"},
        {"<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("A") "</authenticate>",
         "incorrect-encoding"},
        {"<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("=") "</authenticate>",
         "incorrect-encoding"},
        {"<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL(" " ALICE_PLAIN) "</authenticate>",
         "incorrect-encoding"},
        {"<authenticate " SASL2 " mechanism='PLAIN'><initial-response/></authenticate>",
         "malformed-request"},
        {"<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("AAAA") "</authenticate>",
         "malformed-request"},
        {"<authenticate " SASL2 " mechanism='SCRAM-SHA-1'><initial-response/></authenticate>",
         "malformed-request"},
        {PLAIN("<fast xmlns='urn:xmpp:fast:0' count='x'/>"), "malformed-request"},
        {PLAIN("<fast xmlns='urn:xmpp:fast:0' count='-1'/>"), "malformed-request"},
    };
    struct bench *b = bench();
    struct client *c = opened(b);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char pattern[160];
        snprintf(pattern, sizeof(pattern),
                 "<failure " SASL2 "><%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>",
                 CASES[i].failure);
        ask(c, CASES[i].text, pattern);
        expect_nothing(c);
    }
    ask(c, PLAIN(""), SUCCESS(IDENTIFIER));
    bench_free(&b);
}

/* A mechanism that wants to hear something first gets an empty challenge. */
static void without_an_initial_response(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    ask(c, "<authenticate " SASL2 " mechanism='PLAIN'/>", "<challenge " SASL2 "/>");
    ask(c, "<response " SASL2 ">" ALICE_PLAIN "</response>", SUCCESS(IDENTIFIER));
    client_lose(&c);
    c = opened(b);
    ask(c, "<authenticate " SASL2 " mechanism='PLAIN'/>", "<challenge " SASL2 "/>");
    ask(c, "<response " SASL2 ">%</response>", FAILURE("incorrect-encoding"));
    ask(c, "<authenticate " SASL2 " mechanism='PLAIN'/>", "<challenge " SASL2 "/>");
    ask(c, "<abort " SASL2 "><text>no</text></abort>", FAILURE("aborted"));
    ask(c, PLAIN(""), SUCCESS(IDENTIFIER));
    bench_free(&b);
}

static void A06_V43_wrong_names_and_wrong_passwords_look_the_same(void **state)
{
    (void)state;
    static const char *const HOW[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    struct bench *b = bench();
    for (unsigned i = 0; i < 6; i++) {
        struct client *c = opened(b);
        bool nobody = i % 2 == 1;
        assert_false(scram(c, HOW[i / 2], nobody ? "nobody" : "alice", "wrong", "", NULL));
        struct xml x = client_last(c), why = xml_first_element(x);
        assert_true(xml_is(x, NS_SASL2, SLICE("failure")));
        assert_true(xml_is(why, NS_SASL, SLICE("not-authorized")));
        assert_false(xml_some(xml_next(why)));
        client_lose(&c);
    }
    struct client *c = opened(b);
    for (unsigned i = 0; i < 2; i++) {
        struct slice who = i == 0 ? SLICE("\0alice\0wrong") : SLICE("\0nobody\0wrong");
        client_sendf(c,
                     "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("%s") "</authenticate>",
                     base64(who));
        expect(c, FAILURE("not-authorized"));
    }
    assert_int_equal(b->login_failures, 8);
    bench_free(&b);
}

/* What was asked for beside the login has not happened. */
static void a_failed_login_binds_nothing(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    client_send(c, "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("AGFsaWNlAHdyb25n") AGENT(
                       PHONE) "<bind xmlns='urn:xmpp:bind:0'/>"
                              "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
                              "</authenticate>");
    expect(c, FAILURE("not-authorized"));
    assert_int_equal(node_engine(b->nodes[0])->session_count, 0);
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    /* Nor does it happen with the next one. */
    ask(c, PLAIN(""), SUCCESS(IDENTIFIER));
    expect(c, FEATURES);
    assert_int_equal(node_engine(b->nodes[0])->session_count, 0);
    bench_free(&b);
}

static void A07_L10_too_many_failures(void **state)
{
    (void)state;
    struct bench *b = bench();
    b->config.core.limits.login_failures = 3;
    struct client *c = opened(b);
    static const char WRONG[] =
        "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("AGFsaWNlAHdyb25n") "</authenticate>";
    /* Of both kinds together. */
    for (unsigned i = 0; i < 2; i++)
        ask(c, WRONG, FAILURE("not-authorized"));
    ask(c,
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHdyb25n</auth>",
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
    client_send(c, WRONG);
    expect_stream_error(c, "policy-violation");
    assert_true(bench_logged(b, "event=auth.too_many"));
    bench_free(&b);
}

static void L10_answers_are_delayed(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    b->login_delay_ms = 4000;
    client_send(c, PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"));
    bench_advance(b, 3999);
    expect_nothing(c);
    bench_advance(b, 1);
    expect(c, SUCCESS(FULL "<bound xmlns='urn:xmpp:bind:0'><_/></bound>"));
    /* Who goes away meanwhile leaves nothing behind. */
    struct client *gone = opened(b);
    client_send(gone, PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"));
    client_lose(&gone);
    bench_advance(b, 10000);
    bench_free(&b);
}

#define AUTH_PLAIN                                                                                 \
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" ALICE_PLAIN "</auth>"
#define SCRAM_FIRST                                                                                \
    "<authenticate " SASL2                                                                         \
    " mechanism='SCRAM-SHA-1'>" INITIAL("biwsbj1hbGljZSxyPWFiYw==") "</authenticate>"

static void A08_V41_steps_out_of_order_and_mixed(void **state)
{
    (void)state;
    static const struct {
        const char *before, *text, *error;
    } CASES[] = {
        {"", "<response " SASL2 "/>", "unsupported-stanza-type"},
        {"", "<abort " SASL2 "/>", "unsupported-stanza-type"},
        {"", "<next " SASL2 " task='UPGR-SCRAM-SHA-256'/>", "unsupported-stanza-type"},
        {"", "<task-data " SASL2 "/>", "unsupported-stanza-type"},
        {"", "<success " SASL2 "/>", "unsupported-stanza-type"},
        {SCRAM_FIRST, SCRAM_FIRST, "unsupported-stanza-type"},
        {SCRAM_FIRST, AUTH_PLAIN, "unsupported-stanza-type"},
        {SCRAM_FIRST, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
         "unsupported-stanza-type"},
        {SCRAM_FIRST, "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
         "unsupported-stanza-type"},
        {SCRAM_FIRST, "<next " SASL2 " task='UPGR-SCRAM-SHA-256'/>", "unsupported-stanza-type"},
        {SCRAM_FIRST, "<task-data " SASL2 "/>", "unsupported-stanza-type"},
        {SCRAM_FIRST, "<message/>", "not-authorized"},
        {SCRAM_FIRST, "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
         "not-authorized"},
        {"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>"
         "biwsbj1hbGljZSxyPWFiYw==</auth>",
         PLAIN(""), "unsupported-stanza-type"},
        {"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>"
         "biwsbj1hbGljZSxyPWFiYw==</auth>",
         "<response " SASL2 "/>", "unsupported-stanza-type"},
        {PLAIN(""), PLAIN(""), "unsupported-stanza-type"},
        {PLAIN(""), AUTH_PLAIN, "unsupported-stanza-type"},
        {PLAIN(""), "<response " SASL2 "/>", "unsupported-stanza-type"},
        {PLAIN(""), "<message/>", "not-authorized"},
        {PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"), PLAIN(""), "unsupported-stanza-type"},
        {PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"), "<abort " SASL2 "/>", "unsupported-stanza-type"},
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
            struct client *c = opened(b);
            client_send(c, CASES[i].before);
            client_discard(c);
            client_send(c, CASES[i].text);
            expect_stream_error(c, CASES[i].error);
            client_lose(&c);
        }
    }
}

/* A bind of RFC 6120 behind one of XEP-0386 is refused as any second one (A09). */
static void A09_a_second_bind(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    client_send(c, PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"));
    client_discard(c);
    ask(c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<iq type='error' id='b'><error type='cancel'>"
        "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    bench_free(&b);
}

/* Section 2.3: who names himself in the header acts as nobody else. */
static void A05_V39_the_header_and_whom_one_acts_as(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        struct slice plain;
        bool good;
    } CASES[] = {
        {ALICE, SLICE("alice@example.org\0alice\0" BENCH_PASSWORD), true},
        {ALICE "/r", SLICE("alice@example.org\0alice\0" BENCH_PASSWORD), true},
        {"Alice@Talk.example.org", SLICE("alice@example.org\0alice\0" BENCH_PASSWORD), true},
        {"bob@example.org", SLICE("\0alice\0" BENCH_PASSWORD), true},
        {"bob@example.org", SLICE("alice@example.org\0alice\0" BENCH_PASSWORD), false},
        {"alice@example.net", SLICE("alice@example.org\0alice\0" BENCH_PASSWORD), false},
        {"@", SLICE("alice@example.org\0alice\0" BENCH_PASSWORD), false},
        {"bob@example.org", SLICE("bob@example.org\0alice\0" BENCH_PASSWORD), false},
    };
    struct bench *b = bench();
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        bench_account(b, ALICE);
        struct client *c = bench_connect(b);
        client_sendf(c,
                     "<stream:stream to='example.org' from='%s' version='1.0' "
                     "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
                     CASES[i].from);
        client_discard(c);
        client_sendf(c,
                     "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL("%s") "</authenticate>",
                     base64(CASES[i].plain));
        if (CASES[i].good)
            expect(c, SUCCESS(IDENTIFIER));
        else
            expect(c, FAILURE("invalid-authzid"));
        client_lose(&c);
    }
    bench_free(&b);
}

static void the_operator_is_told_what_the_client_says_of_itself(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    client_send(
        c, "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL(
               ALICE_PLAIN) "<user-agent id='D4565FA7-4D72-4749-B3D3-740EDBF87770'>"
                            "<software>Some Client</software><device>Alice&apos;s\nphone</device>"
                            "</user-agent></authenticate>");
    assert_true(bench_logged(b, "client=" PHONE));
    assert_true(bench_logged(b, "software=\"Some Client\""));
    assert_false(bench_logged(b, "Alice's\nphone")); /* in one line */
    client_lose(&c);
    buf_free(&b->log);
    /* No UUID, and more than anybody wants to know. */
    c = opened(b);
    struct buf text = {0};
    buf_lit(&text, "<authenticate " SASL2
                   " mechanism='PLAIN'>" INITIAL(ALICE_PLAIN) "<user-agent id='phone'><software>");
    for (unsigned i = 0; i < 1000; i++)
        buf_byte(&text, 'x');
    buf_lit(&text, "</software></user-agent></authenticate>");
    buf_byte(&text, '\0');
    client_send(c, buf_slice(&text).ptr);
    expect(c, SUCCESS(IDENTIFIER));
    assert_false(bench_logged(b, "client="));
    assert_false(bench_logged(b, "software="));
    buf_free(&text);
    bench_free(&b);
}

/* An account that is disabled, or a store that fails, at any moment of the login. */
static void a_login_that_the_account_does_not_allow(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    b->query_error = ERR_IO;
    ask(c, PLAIN(""), FAILURE("temporary-auth-failure"));
    b->query_error = 0;
    client_lose(&c);
    c = opened(b);
    b->store_held = true;
    client_send(c, PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"));
    bench_store_step(b, 1); /* the keys are read; the account is still to come */
    b->query_error = ERR_IO;
    bench_release(b);
    expect(c, FAILURE("temporary-auth-failure"));
    expect_stream_error(c, "policy-violation");
    b->query_error = 0;
    client_lose(&c);
    c = opened(b); /* and it is tried again */
    ask(c, PLAIN("<bind xmlns='urn:xmpp:bind:0'/>"),
        SUCCESS(FULL "<bound xmlns='urn:xmpp:bind:0'><_/></bound>"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered),
        cmocka_unit_test(it_is_offered_where_passwords_may_pass),
        cmocka_unit_test(a_login_goes_on_in_the_same_stream),
        cmocka_unit_test(scram_in_other_words),
        cmocka_unit_test(L1_L2_large_stanzas_after_the_login_alone),
        cmocka_unit_test(A01_A03_A10_what_is_malformed),
        cmocka_unit_test(without_an_initial_response),
        cmocka_unit_test(A06_V43_wrong_names_and_wrong_passwords_look_the_same),
        cmocka_unit_test(a_failed_login_binds_nothing),
        cmocka_unit_test(A07_L10_too_many_failures),
        cmocka_unit_test(L10_answers_are_delayed),
        cmocka_unit_test(A08_V41_steps_out_of_order_and_mixed),
        cmocka_unit_test(A09_a_second_bind),
        cmocka_unit_test(A05_V39_the_header_and_whom_one_acts_as),
        cmocka_unit_test(the_operator_is_told_what_the_client_says_of_itself),
        cmocka_unit_test(a_login_that_the_account_does_not_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
