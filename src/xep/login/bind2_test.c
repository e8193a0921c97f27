/* XEP-0386: a resource with the login, and the features that modules have for it; what they may do
 * is tried with modules of the test's own (core/service/inline.h). */
#include "core/service/inline.h"
#include "xep/login/test_login.h"

#define BIND(inside)        PLAIN("<bind xmlns='urn:xmpp:bind:0'>" inside "</bind>")
#define BIND_AS(id, inside) PLAIN(AGENT(id) "<bind xmlns='urn:xmpp:bind:0'>" inside "</bind>")
#define BOUND(inside)       SUCCESS(FULL "<bound xmlns='urn:xmpp:bind:0'>" inside "</bound>")

/* Binds and leaves the address in c->jid. */
static void bind(struct client *c, const char *text)
{
    ask(c, text, BOUND("<_/>"));
    take_jid(c);
    expect(c, FEATURES_BOUND);
    expect_nothing(c);
}

static void a_session_with_the_login(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        for (unsigned i = 0; i < 4; i++) {
            struct client *c = opened(b);
            bind(c, BIND("<tag>Some App</tag>"));
            assert_int_equal(strncmp(c->jid, ALICE "/Some App/", 27), 0);
            assert_int_equal(strlen(c->jid), 27 + 16);
            bool legacy = xml_some(xml_child(client_last(c), NS_BIND, SLICE("bind")));
            assert_false(legacy); /* it is bound */
            assert_true(client_session(c)->bind2);
            alive(c);
            client_lose(&c);
        }
        assert_true(bench_logged(b, "event=session.open"));
    }
}

static void resources_are_stable_for_who_names_himself(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = opened(b), *other = opened(b), *nameless = opened(b);
    char first[256];
    bind(c, BIND_AS(PHONE, "<tag>app</tag>"));
    bind(other, BIND_AS(LAPTOP, "<tag>app</tag>"));
    bind(nameless, BIND("<tag>app</tag>"));
    assert_string_not_equal(c->jid, other->jid);
    assert_string_not_equal(c->jid, nameless->jid);
    snprintf(first, sizeof(first), "%s", c->jid);
    assert_null(strstr(first, "d4565fa7")); /* nobody learns the name of the client */
    client_lose(&c);
    c = opened(b);
    bind(c, BIND_AS("D4565FA7-4D72-4749-B3D3-740EDBF87770", "<tag>app</tag>"));
    assert_string_equal(c->jid, first);
    client_lose(&nameless);
    nameless = opened(b);
    bind(nameless, BIND("<tag>app</tag>"));
    assert_int_equal(bench_loaded(b, ALICE)->session_count, 3);
    bench_free(&b);
}

static void tags_that_cannot_be_are_left_out(void **state)
{
    (void)state;
    static const char *const TAGS[] = {
        "",
        "<tag/>",
        "<tag>\xe2\x80\xa8</tag>",
        "<tag>0123456789012345678901234567890123456789012345678901234567890123x</tag>",
        "<tag xmlns='urn:other'>app</tag>",
    };
    struct bench *b = bench_new(NULL);
    for (size_t i = 0; i < sizeof(TAGS) / sizeof(TAGS[0]); i++) {
        struct client *c = opened(b);
        char text[512];
        snprintf(text, sizeof(text),
                 "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL(
                     ALICE_PLAIN) "<bind xmlns='urn:xmpp:bind:0'>%s</bind></authenticate>",
                 TAGS[i]);
        bind(c, text);
        assert_int_equal(strlen(c->jid), sizeof(ALICE) + 16);
        client_lose(&c);
    }
    struct client *c = opened(b);
    bind(c, BIND("<tag>Гаджим &lt;\"&gt;</tag>"));
    assert_int_equal(strncmp(c->jid, ALICE "/Гаджим <\">/", 35), 0);
    bench_free(&b);
}

/* Section 3.2: a client that comes back takes the place of its earlier sessions, whatever their
 * tag. */
static void A25_an_earlier_session_of_the_client_gives_way(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *old = opened(b), *new = opened(b), *other = opened(b);
    bind(other, BIND_AS(LAPTOP, ""));
    bind(old, BIND_AS(PHONE, "<tag>old</tag>"));
    bind(new, BIND_AS(PHONE, "<tag>new</tag>"));
    expect_stream_error(old, "conflict");
    alive(new);
    alive(other);
    client_lose(&old);
    old = opened(b);
    bind(old, BIND_AS(PHONE, "<tag>new</tag>"));
    expect_stream_error(new, "conflict");
    assert_int_equal(bench_loaded(b, ALICE)->session_count, 2);
    bench_free(&b);
}

static void A26_one_session_too_many(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    b->config.core.limits.resources = 2;
    struct client *one = opened(b), *two = opened(b), *three = opened(b);
    bind(one, BIND_AS(PHONE, ""));
    bind(two, BIND_AS(LAPTOP, ""));
    client_send(three, BIND(""));
    expect(three, "<failure " SASL2 "><temporary-auth-failure "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
                  "<resource-limit-exceeded xmlns='urn:xmpp:errors'/></failure>");
    expect_stream_error(three, "policy-violation");
    client_lose(&three);
    three = opened(b);
    bind(three, BIND_AS(PHONE, "")); /* in the place of one */
    expect_stream_error(one, "conflict");
    bench_free(&b);
}

/* The account is being loaded, or goes away meanwhile. */
static void the_account_is_waited_for(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = opened(b), *gone = opened(b);
    b->store_held = true;
    client_send(c, BIND(""));
    client_send(gone, BIND(""));
    bench_store_step(b, 2);
    expect_nothing(c);
    client_lose(&gone);
    bench_release(b);
    expect(c, BOUND("<_/>"));
    assert_int_equal(bench_loaded(b, ALICE)->session_count, 1);
    /* Removed between the look at the keys and the load. */
    client_lose(&c);
    bench_advance(b, 120000); /* it leaves the memory */
    struct client *late = opened(b);
    b->store_held = true;
    client_send(late, BIND(""));
    bench_store_step(b, 1);
    struct store_request *r = store_batch_new(0, 0);
    store_drop_owner(r, SLICE(ALICE));
    r = bench_store(b, r);
    store_request_free(&r);
    bench_release(b);
    expect(late, FAILURE("not-authorized"));
    expect_stream_error(late, "policy-violation");
    bench_free(&b);
}

/* Where the archive stands at this moment (XEP-0313), before anything is sent. */
static void the_ends_of_the_archive(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_account(b, "bob@example.org");
    struct client *c = opened(b), *other = opened(b), *third = opened(b);
    ask(c, BIND(""), BOUND("<metadata xmlns='urn:xmpp:mam:2'/>")); /* empty */
    for (unsigned i = 0; i < 3; i++) {
        client_send(c, "<message to='bob@example.org' type='chat'><body>x</body></message>");
        client_send(c, "<message to='bob@example.org' type='chat'><body>x</body>"
                       "<no-permanent-store xmlns='urn:xmpp:hints'/></message>");
        bench_advance(b, 1000);
    }
    ask(other, BIND(""),
        BOUND("<metadata xmlns='urn:xmpp:mam:2'>"
              "<start id='1' timestamp='2026-01-02T03:04:05.000Z'/>"
              "<end id='5' timestamp='2026-01-02T03:04:07.000Z'/></metadata>"));
    b->hosts[0].archive = false;
    bench_reload(b);
    ask(third, BIND(""), BOUND(""));
    bench_free(&b);
}

/* What is written while the features look at the store is not missing in their answer. */
static void a_message_that_comes_meanwhile(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *bob = bench_online(b, "bob@example.org/desk");
    struct client *before = opened(b), *c = opened(b);
    bind(before, BIND("")); /* the account is in memory */
    b->store_held = true;
    client_send(c, BIND(""));
    client_send(bob, "<message to='" ALICE "' type='chat'><body>x</body></message>");
    bench_store_step(b, 1); /* the keys; the ends are asked for behind the message */
    unsigned queries = b->queries;
    bench_release(b);
    ask(c, " ",
        BOUND("<metadata xmlns='urn:xmpp:mam:2'><start id='1' timestamp='*'/>"
              "<end id='1' timestamp='*'/></metadata>"));
    assert_int_equal(b->queries - queries, 2); /* once more, to be sure */
    bench_free(&b);
}

/* --------------------------------------------------------------------------- modules of the test
 */

static unsigned resumed_after;
static enum inline_answer resume_answer;
static uint64_t waiting;

static void mood_bound(const struct inline_bound *b)
{
    assert_true(b->session->bind2);
    assert_null(b->answer);
    xml_open(b->reply, SLICE("mood"), SLICE("urn:test:mood"));
    xml_attr_put(b->reply, SLICE("was"), xml_attr(b->element, SLICE("is")));
    xml_close(b->reply);
}

static void quiet_bound(const struct inline_bound *b)
{
    b->session->inactive = true;
}

static void state_read(struct engine *e, const struct account *a, struct store_request *query)
{
    (void)e;
    store_get(query, jid_bare(&a->jid), STORE_ACCOUNT, SLICE(""));
    store_get(query, jid_bare(&a->jid), SLICE("nothing"), SLICE(""));
}

/* How many rows the own reads have. */
static void state_bound(const struct inline_bound *b)
{
    struct store_row row;
    size_t at = 0;
    unsigned n = 0;
    assert_false(xml_some(b->element));
    if (b->answer == NULL)
        return;
    while (store_rows(b->answer, &at, &row))
        n += row.read >= b->first_read && row.read < b->first_read + 2;
    char text[16];
    snprintf(text, sizeof(text), "%u", n);
    xml_open(b->reply, SLICE("state"), SLICE("urn:test:state"));
    xml_attr_put(b->reply, SLICE("first"), slice_z(b->first_read == 0 ? "0" : "2"));
    xml_text_put(b->reply, slice_z(text));
    xml_close(b->reply);
}

static enum inline_answer resume(struct engine *e, struct c2s *stream, struct xml element,
                                 struct xml_writer *reply)
{
    struct account *a = inline_account(stream);
    assert_true(a->state == ACCOUNT_READY && slice_is(xml_attr(element, SLICE("previd")), "7"));
    waiting = inline_stream(stream);
    if (resume_answer == INLINE_RESUMED) {
        stream->session = session_new(e, a, stream, SLICE("old"));
        xml_leaf(reply, SLICE("resumed"), SLICE("urn:test:sm"), SLICE_NONE);
    } else if (resume_answer == INLINE_FAILED) {
        xml_leaf(reply, SLICE("failed"), SLICE("urn:test:sm"), SLICE_NONE);
    }
    return resume_answer;
}

static void resumed(struct engine *e, struct session *session)
{
    (void)e;
    assert_true(slice_is(jid_full(&session->jid), ALICE "/old"));
    session_push(e, session, SLICE("<missed xmlns='urn:test'/>"));
    resumed_after++;
}

static const struct inline_bind ROWS[] = {
    {.ns = "urn:test:mood", .name = "mood", .feature = "urn:test:mood", .bound = mood_bound},
    {.ns = "urn:test:quiet", .name = "on", .feature = "urn:test:quiet", .bound = quiet_bound},
    {.ns = "urn:test:quiet", .name = "off", .bound = quiet_bound},
    {0},
};
static const struct inline_bind STATES[] = {
    {.ns = "urn:test:state", .bound = state_bound, .read = state_read, .reads = 2},
    {0},
};
static const struct inline_resume RESUME = {
    .ns = "urn:test:sm", .name = "resume", .feature = "sm", .resume = resume, .resumed = resumed};
static const struct module ROWS_MODULE = {.name = "rows", .inline_binds = ROWS};
static const struct module STATE_MODULE = {.name = "state", .inline_binds = STATES};
static const struct module STATE2_MODULE = {.name = "state-two", .inline_binds = STATES};
static const struct module RESUME_MODULE = {.name = "resume", .inline_resume = &RESUME};
static const struct module *const PLAIN_LIST[] = {&ROWS_MODULE, &RESUME_MODULE, NULL};
static const struct module *const ALL_LIST[] = {&ROWS_MODULE, &STATE_MODULE, &STATE2_MODULE,
                                                &RESUME_MODULE, NULL};

static void features_are_announced(void **state)
{
    (void)state;
    struct bench *b = bench_new(PLAIN_LIST);
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    struct xml x = xml_child(client_next(c), NS_SASL2, SLICE("authentication"));
    struct xml along = xml_child(x, NS_SASL2, SLICE("inline"));
    struct xml_tree *want = NULL;
    assert_int_equal(xml_parse(SLICE("<bind xmlns='urn:xmpp:bind:0'><inline>"
                                     "<feature var='urn:test:mood'/>"
                                     "<feature var='urn:test:quiet'/></inline></bind>"),
                               NS_CLIENT, &XML_LIMITS_C2S, &want),
                     XML_OK);
    assert_true(bench_matches(xml_root(want), xml_child(along, NS_BIND2, SLICE("bind"))));
    assert_true(xml_some(xml_child(along, SLICE("urn:test:sm"), SLICE("sm"))));
    xml_tree_free(&want);
    bench_free(&b);
}

static void features_are_bound(void **state)
{
    (void)state;
    struct bench *b = bench_new(PLAIN_LIST);
    struct client *c = opened(b), *other = opened(b);
    ask(c,
        BIND("<mood xmlns='urn:test:mood' is='&lt;good&gt;'/><on xmlns='urn:test:quiet'/>"
             "<enable xmlns='urn:nobody:knows'/>"),
        BOUND("<mood xmlns='urn:test:mood' was='&lt;good&gt;'/>"));
    take_jid(c);
    assert_true(client_session(c)->inactive);
    ask(other, BIND(""), BOUND(""));
    take_jid(other);
    assert_false(client_session(other)->inactive);
    bench_free(&b);
}

/* What a feature wants to know is read before the session is there. */
static void features_may_ask_the_store(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, ALL_LIST)
    {
        struct client *c = opened(b);
        ask(c, BIND("<mood xmlns='urn:test:mood' is='x'/>"),
            BOUND("<mood xmlns='urn:test:mood' was='x'/>"
                  "<state xmlns='urn:test:state' first='0'>1</state>"
                  "<state xmlns='urn:test:state' first='2'>1</state>"));
        client_lose(&c);
    }
    struct bench *b = bench_new(ALL_LIST);
    struct client *c = opened(b), *gone = opened(b), *before = opened(b);
    bind(before, BIND("")); /* the account is in memory */
    b->store_held = true;
    client_send(c, BIND(""));
    client_send(gone, BIND(""));
    bench_store_step(b, 2); /* looks at the keys */
    assert_int_equal(bench_store_waiting(b), 2);
    assert_int_equal(bench_loaded(b, ALICE)->session_count, 1);
    client_lose(&gone);
    b->query_error = ERR_IO; /* nothing is said of it then */
    bench_release(b);
    expect(c, BOUND(""));
    bench_free(&b);
}

static void a_session_is_resumed_instead(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, ALL_LIST)
    {
        resume_answer = INLINE_RESUMED;
        resumed_after = 0;
        struct client *c = opened(b);
        ask(c,
            PLAIN("<bind xmlns='urn:xmpp:bind:0'><mood xmlns='urn:test:mood' is='x'/></bind>"
                  "<resume xmlns='urn:test:sm' previd='7'/>"),
            SUCCESS("<authorization-identifier>" ALICE "/old</authorization-identifier>"
                    "<resumed xmlns='urn:test:sm'/>"));
        /* No features, but what was missed (XEP-0198 section 9.2). */
        expect(c, "<iq type='set' id='*'><missed xmlns='urn:test'/></iq>");
        expect_nothing(c);
        assert_int_equal(resumed_after, 1);
        client_lose(&c);
    }
}

static void nothing_is_resumed_and_a_bind_follows(void **state)
{
    (void)state;
    struct bench *b = bench_new(PLAIN_LIST);
    resume_answer = INLINE_FAILED;
    struct client *c = opened(b);
    ask(c, PLAIN("<bind xmlns='urn:xmpp:bind:0'/><resume xmlns='urn:test:sm' previd='7'/>"),
        SUCCESS(FULL "<failed xmlns='urn:test:sm'/><bound xmlns='urn:xmpp:bind:0'/>"));
    expect(c, FEATURES_BOUND);
    client_lose(&c);
    c = opened(b);
    ask(c, PLAIN("<resume xmlns='urn:test:sm' previd='7'/>"),
        SUCCESS(IDENTIFIER "<failed xmlns='urn:test:sm'/>"));
    expect(c, "<features xmlns='http://etherx.jabber.org/streams'>"
              "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><_/></features>");
    bench_free(&b);
}

static void a_resumption_may_take_its_time(void **state)
{
    (void)state;
    struct bench *b = bench_new(PLAIN_LIST);
    struct engine *e = node_engine(b->nodes[0]);
    resume_answer = INLINE_WAITS;
    struct client *c = opened(b);
    client_send(c,
                PLAIN("<bind xmlns='urn:xmpp:bind:0'/><resume xmlns='urn:test:sm' previd='7'/>"));
    expect_nothing(c);
    inline_resume_done(e, waiting, INLINE_FAILED, SLICE("<failed xmlns='urn:test:sm'/>"));
    bench_run(b);
    expect(c, SUCCESS(FULL "<failed xmlns='urn:test:sm'/><bound xmlns='urn:xmpp:bind:0'/>"));
    expect(c, FEATURES_BOUND);
    inline_resume_done(e, waiting, INLINE_FAILED, SLICE("<failed xmlns='urn:test:sm'/>"));
    bench_run(b);
    expect_nothing(c); /* once */
    client_lose(&c);
    c = opened(b);
    client_send(c, PLAIN("<resume xmlns='urn:test:sm' previd='7'/>"));
    client_lose(&c);
    inline_resume_done(e, waiting, INLINE_FAILED, SLICE_NONE); /* nobody is there */
    c = opened(b);
    client_send(c, PLAIN("<resume xmlns='urn:test:sm' previd='7'/>"));
    struct c2s *s = handle_get(&e->streams, waiting);
    s->session = session_new(e, s->account, s, SLICE("old"));
    inline_resume_done(e, waiting, INLINE_RESUMED, SLICE("<resumed xmlns='urn:test:sm'/>"));
    bench_run(b);
    expect(c, SUCCESS("<authorization-identifier>" ALICE "/old</authorization-identifier>"
                      "<resumed xmlns='urn:test:sm'/>"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_with_the_login),
        cmocka_unit_test(resources_are_stable_for_who_names_himself),
        cmocka_unit_test(tags_that_cannot_be_are_left_out),
        cmocka_unit_test(A25_an_earlier_session_of_the_client_gives_way),
        cmocka_unit_test(A26_one_session_too_many),
        cmocka_unit_test(the_account_is_waited_for),
        cmocka_unit_test(the_ends_of_the_archive),
        cmocka_unit_test(a_message_that_comes_meanwhile),
        cmocka_unit_test(features_are_announced),
        cmocka_unit_test(features_are_bound),
        cmocka_unit_test(features_may_ask_the_store),
        cmocka_unit_test(a_session_is_resumed_instead),
        cmocka_unit_test(nothing_is_resumed_and_a_bind_follows),
        cmocka_unit_test(a_resumption_may_take_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
