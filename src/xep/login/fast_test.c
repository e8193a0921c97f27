/* XEP-0484: a token instead of the password. Rows A27 and O13 of the catalogue, V42. With TLS and
 * its bindings: src/node. */
#include "core/service/accounts.h"
#include "xep/login/test_login.h"

#define NONE    "HT-SHA-256-NONE"
#define REQUEST "<request-token xmlns='urn:xmpp:fast:0' mechanism='" NONE "'/>"
#define TOKEN   "<token xmlns='urn:xmpp:fast:0' expiry='*' token='*'/>"
#define DAY_MS  86400000ULL

struct token {
    char text[128], expiry[40];
};

/* Of the success that came last. */
static void take_token(struct client *c, struct token *out)
{
    struct xml x = xml_child(client_last(c), NS_FAST, SLICE("token"));
    assert_true(xml_some(x));
    snprintf(out->text, sizeof(out->text), "%.*s", SLICE_ARG(xml_attr(x, SLICE("token"))));
    snprintf(out->expiry, sizeof(out->expiry), "%.*s", SLICE_ARG(xml_attr(x, SLICE("expiry"))));
}

/* By the password, for this client. */
static void get_token(struct bench *b, const char *id, struct token *out)
{
    struct client *c = opened(b);
    client_sendf(c,
                 "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL(ALICE_PLAIN) AGENT("%s")
                     REQUEST "</authenticate>",
                 id);
    expect(c, SUCCESS(IDENTIFIER TOKEN));
    take_token(c, out);
    client_lose(&c);
}

/* The initial response of HT for a token. */
static const char *shown(const char *user, const char *token)
{
    struct buf text = {0};
    uint8_t hash[SASL_HT_BYTES];
    const struct sasl_binding none = {0};
    CHECK(sasl_ht_initiator(sasl_ht_find(SLICE(NONE)), slice_z(token), &none, hash) == 0);
    buf_add(&text, slice_z(user));
    buf_byte(&text, '\0');
    buf_append(&text, hash, sizeof(hash));
    const char *done = base64(buf_slice(&text));
    buf_free(&text);
    return done;
}

/* Says that it has the token; fast: the attributes of <fast/>. */
static void show(struct client *c, const char *id, const char *user, const char *token,
                 const char *fast, const char *more)
{
    client_sendf(c,
                 "<authenticate " SASL2 " mechanism='" NONE "'>" INITIAL("%s")
                     AGENT("%s") "<fast xmlns='urn:xmpp:fast:0'%s/>%s</authenticate>",
                 shown(user, token), id, fast, more);
}

/* The server has shown that it knows the token too; c has another one in *next (NULL: it has none).
 */
static void assert_success(struct client *c, const char *token, struct token *next)
{
    struct buf room = {0};
    uint8_t hash[SASL_HT_BYTES];
    const struct sasl_binding none = {0};
    struct xml x = client_next(c);
    assert_true(xml_is(x, NS_SASL2, SLICE("success")));
    struct slice data = unbase64(xml_text(xml_child(x, NS_SASL2, SLICE("additional-data"))), &room);
    CHECK(sasl_ht_responder(sasl_ht_find(SLICE(NONE)), slice_z(token), &none, hash) == 0);
    assert_true(slice_eq(data, slice_of((const char *)hash, sizeof(hash))));
    if (next != NULL)
        take_token(c, next);
    else
        assert_false(xml_some(xml_child(x, NS_FAST, SLICE("token"))));
    buf_free(&room);
}

/* On a connection of its own. */
static void good(struct bench *b, const char *token, const char *fast, struct token *next)
{
    struct client *c = opened(b);
    show(c, PHONE, "alice", token, fast, "");
    assert_success(c, token, next);
    client_lose(&c);
}

static void bad(struct bench *b, const char *id, const char *user, const char *token,
                const char *fast, const char *failure)
{
    char pattern[160];
    struct client *c = opened(b);
    snprintf(pattern, sizeof(pattern),
             "<failure " SASL2 "><%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>",
             failure);
    show(c, id, user, token, fast, "");
    expect(c, pattern);
    expect_nothing(c);
    ask(c, PLAIN(""), SUCCESS(IDENTIFIER "<_/>")); /* and the password works */
    client_lose(&c);
}

static struct bench *bench(void)
{
    struct bench *b = bench_new(NULL);
    b->config.core.limits.login_failures = UINT8_MAX;
    return b;
}

static void a_token_is_given_and_works(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct bench *b = bench_new_shards(NULL, shards);
        struct token t;
        get_token(b, PHONE, &t);
        assert_int_equal(strncmp(t.text, "secret-token:fast-", 18), 0);
        assert_int_equal(strlen(t.text), 18 + 52);
        assert_string_equal(t.expiry, "2026-01-23T03:04:05.000Z"); /* in 21 days */
        for (unsigned i = 0; i < 4; i++) {
            struct client *c = opened(b);
            show(c, PHONE, i == 0 ? "alice" : "Alice@example.org", t.text, "",
                 "<bind xmlns='urn:xmpp:bind:0'><tag>t</tag></bind>");
            assert_success(c, t.text, NULL);
            take_jid(c);
            assert_int_equal(strncmp(c->jid, ALICE "/t/", 20), 0);
            expect(c, FEATURES_BOUND);
            alive(c);
            client_lose(&c);
        }
        assert_true(bench_logged(b, "mechanism=" NONE));
        assert_false(bench_logged(b, t.text + 18)); /* it is in no log */
        bench_free(&b);
    }
}

static void who_gets_no_token(void **state)
{
    (void)state;
    static const char *const REQUESTS[] = {
        PLAIN(REQUEST), /* who does not say which client it is */
        PLAIN(AGENT("phone") REQUEST),
        PLAIN(AGENT(PHONE) "<request-token xmlns='urn:xmpp:fast:0'/>"),
        PLAIN(AGENT(PHONE) "<request-token xmlns='urn:xmpp:fast:0' mechanism='PLAIN'/>"),
        PLAIN(AGENT(PHONE) "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>"),
        PLAIN(AGENT(PHONE) "<request-token xmlns='urn:xmpp:fast:1' mechanism='" NONE "'/>"),
    };
    struct bench *b = bench();
    for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
        struct client *c = opened(b);
        ask(c, REQUESTS[i], SUCCESS(IDENTIFIER));
        client_lose(&c);
    }
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    bench_free(&b);
}

static void A27_a_token_is_good_for_its_client_alone(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t;
    bench_account(b, "bob@example.org");
    get_token(b, PHONE, &t);
    bad(b, LAPTOP, "alice", t.text, "", "not-authorized");
    bad(b, PHONE, "bob", t.text, "", "not-authorized");
    bad(b, PHONE, "nobody", t.text, "", "not-authorized");
    bad(b, PHONE, "alice@example.net", t.text, "", "not-authorized");
    bad(b, PHONE, "alice", "secret-token:fast-x", "", "not-authorized");
    bad(b, PHONE, "al\xc2\xadice", t.text, "", "not-authorized");
    bad(b, "phone", "alice", t.text, "", "malformed-request");
    assert_int_equal(b->login_failures, 7);
    good(b, t.text, "", NULL);
    bench_free(&b);
}

static void A27_what_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *failure;
    } CASES[] = {
        {AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0'/>", "malformed-request"},
        {INITIAL("") AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0'/>", "malformed-request"},
        {INITIAL("%") AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0'/>", "incorrect-encoding"},
        {INITIAL("YWxpY2U=") AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0'/>", "malformed-request"},
        {INITIAL("YWxpY2UA") AGENT(PHONE), "malformed-request"}, /* no <fast/> */
        {INITIAL("YWxpY2UA") AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0'/>", "malformed-request"},
        {INITIAL("YWxpY2UA") AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0' count='1x'/>",
         "malformed-request"},
        {INITIAL("YWxpY2UA")
             AGENT(PHONE) "<fast xmlns='urn:xmpp:fast:0' count='99999999999999999999'/>",
         "malformed-request"},
    };
    struct bench *b = bench();
    struct client *c = opened(b);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char pattern[160];
        snprintf(pattern, sizeof(pattern),
                 "<failure " SASL2 "><%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>",
                 CASES[i].failure);
        client_sendf(c, "<authenticate " SASL2 " mechanism='" NONE "'>%s</authenticate>",
                     CASES[i].text);
        expect(c, pattern);
    }
    ask(c, PLAIN(""), SUCCESS(IDENTIFIER));
    bench_free(&b);
}

static void A27_a_number_that_was_shown_before_revokes_the_token(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t, u;
    get_token(b, PHONE, &t);
    good(b, t.text, " count='1'", NULL);
    good(b, t.text, " count='7'", NULL);
    good(b, t.text, "", NULL); /* not in early data: it need not count */
    good(b, t.text, " count='8'", NULL);
    bad(b, PHONE, "alice", t.text, " count='8'", "not-authorized");
    assert_true(bench_logged(b, "event=auth.replay"));
    bad(b, PHONE, "alice", t.text, " count='9'", "not-authorized");
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    get_token(b, PHONE, &t);
    bad(b, PHONE, "alice", t.text, " count='0'", "not-authorized"); /* it is positive */
    /* One that was not shown yet stays. */
    get_token(b, PHONE, &t);
    good(b, t.text, " count='5'", NULL);
    get_token(b, PHONE, &u);
    bad(b, PHONE, "alice", t.text, " count='5'", "not-authorized");
    bad(b, PHONE, "alice", t.text, "", "not-authorized");
    good(b, u.text, " count='1'", NULL);
    bench_free(&b);
}

/* Two at once: one of them is a replay, and neither has anything of the token afterwards. */
static void A27_the_same_message_on_two_connections(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct bench *b = bench_new_shards(NULL, shards);
        struct token t;
        get_token(b, PHONE, &t);
        struct client *one = opened(b), *two = opened(b);
        b->store_held = true;
        show(one, PHONE, "alice", t.text, " count='3'", "<bind xmlns='urn:xmpp:bind:0'/>");
        show(two, PHONE, "alice", t.text, " count='3'", "<bind xmlns='urn:xmpp:bind:0'/>");
        bench_store_step(b, 2); /* both have found it right */
        bench_release(b);
        bool first = !client_ended(one);
        assert_success(first ? one : two, t.text, NULL);
        expect(first ? two : one, FAILURE("not-authorized"));
        expect_stream_error(first ? two : one, "policy-violation");
        assert_true(bench_logged(b, "event=auth.replay"));
        assert_int_equal(bench_count(b, ALICE, "fast"), 0);
        bench_free(&b);
    }
}

/* The same with numbers that rise: both are right. */
static void two_logins_of_a_client_at_once(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t;
    get_token(b, PHONE, &t);
    struct client *one = opened(b), *two = opened(b);
    b->store_held = true;
    show(one, PHONE, "alice", t.text, " count='3'", "");
    show(two, PHONE, "alice", t.text, " count='4'", "");
    bench_store_step(b, 2);
    bench_release(b);
    assert_success(one, t.text, NULL);
    assert_success(two, t.text, NULL);
    bench_free(&b);
}

static void A27_a_token_expires(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t;
    get_token(b, PHONE, &t);
    bench_advance(b, 21 * DAY_MS);
    bad(b, PHONE, "alice", t.text, "", "credentials-expired");
    bad(b, PHONE, "alice", "secret-token:fast-x", "", "not-authorized");
    b->config.core.limits.fast_token_days = 2;
    bench_reload(b);
    get_token(b, PHONE, &t);
    assert_string_equal(t.expiry, "2026-01-25T03:04:05.000Z");
    bench_free(&b);
}

/* Section 3.5: the old one works until the new one has been used. */
static void tokens_are_replaced_in_use(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t, u, v;
    get_token(b, PHONE, &t);
    good(b, t.text, "", NULL);
    bench_advance(b, DAY_MS + 1);
    good(b, t.text, "", &u);
    assert_string_not_equal(t.text, u.text);
    assert_string_equal(u.expiry, "2026-01-24T03:04:05.001Z");
    good(b, t.text, "", &v); /* it seems not to have come */
    bad(b, PHONE, "alice", u.text, "", "not-authorized");
    good(b, t.text, "", &u);
    good(b, u.text, "", NULL);
    bad(b, PHONE, "alice", t.text, "", "not-authorized");
    good(b, u.text, "", NULL);
    /* Asked for, there is another one at any time. */
    struct client *c = opened(b);
    show(c, PHONE, "alice", u.text, "", REQUEST);
    assert_success(c, u.text, &v);
    good(b, v.text, "", NULL);
    assert_int_equal(bench_count(b, ALICE, "fast"), 1);
    bench_free(&b);
}

static void a_client_logs_out(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t, u;
    get_token(b, PHONE, &t);
    bench_advance(b, DAY_MS + 1);
    good(b, t.text, "", &u);
    good(b, t.text, " invalidate='true'", NULL); /* no new one, though it is old */
    bad(b, PHONE, "alice", t.text, "", "not-authorized");
    bad(b, PHONE, "alice", u.text, "", "not-authorized");
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    get_token(b, PHONE, &t);
    struct client *c = opened(b);
    show(c, PHONE, "alice", t.text, " invalidate='1'", REQUEST);
    assert_success(c, t.text, &u);
    bad(b, PHONE, "alice", t.text, "", "not-authorized");
    good(b, u.text, " invalidate='no'", NULL);
    good(b, u.text, "", NULL);
    bench_free(&b);
}

/* The client that would be the last to log in again loses its token. */
static void an_account_has_so_many_clients(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t[4];
    char id[4][40];
    b->config.core.limits.fast_clients = 3;
    for (unsigned i = 0; i < 4; i++) {
        snprintf(id[i], sizeof(id[i]), "00000000-0000-4000-8000-%012u", i);
        get_token(b, id[i], &t[i]);
        bench_advance(b, 1000);
    }
    assert_int_equal(bench_count(b, ALICE, "fast"), 3);
    bad(b, id[0], "alice", t[0].text, "", "not-authorized");
    get_token(b, id[2], &t[2]); /* an own one is no other */
    assert_int_equal(bench_count(b, ALICE, "fast"), 3);
    bench_advance(b, 22 * DAY_MS);
    get_token(b, id[0], &t[0]); /* what has expired goes */
    assert_int_equal(bench_count(b, ALICE, "fast"), 1);
    bench_free(&b);
}

static void told(struct engine *e, void *ctx, enum accounts_result result)
{
    (void)e;
    *(enum accounts_result *)ctx = result;
}

static void O13_a_new_password_ends_all_tokens(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t;
    struct jid alice;
    enum accounts_result result = ACCOUNTS_FAILED;
    CHECK(jid_from_prepared(SLICE(ALICE), &alice));
    get_token(b, PHONE, &t);
    struct engine *e = bench_engine(b, ALICE);
    accounts_set_disabled(e, &alice, true, told, &result);
    bench_run(b);
    assert_int_equal(result, ACCOUNTS_DONE);
    struct client *c = opened(b);
    show(c, PHONE, "alice", t.text, "", "");
    expect(c, FAILURE("account-disabled"));
    accounts_set_disabled(e, &alice, false, told, &result);
    bench_run(b);
    good(b, t.text, "", NULL);
    accounts_set_password(e, &alice, SLICE(BENCH_PASSWORD), 0, told, &result);
    bench_run(b);
    assert_int_equal(result, ACCOUNTS_DONE);
    bad(b, PHONE, "alice", t.text, "", "not-authorized");
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    get_token(b, PHONE, &t);
    accounts_remove(e, &alice, told, &result);
    bench_run(b);
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    bad(b, PHONE, "alice", t.text, "", "not-authorized"); /* there is an alice again */
    bench_free(&b);
}

/* A login that was under way when the password was changed gets no token. */
static void O13_the_password_is_changed_meanwhile(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    b->store_held = true;
    client_send(c, PLAIN(AGENT(PHONE) REQUEST));
    bench_store_step(b, 1);
    struct store_request *r = store_batch_new(0, 0);
    store_put(r, SLICE(ALICE), STORE_ACCOUNT, SLICE(""), SLICE("active 1\nanother password"));
    r = bench_store(b, r);
    store_request_free(&r);
    bench_release(b);
    expect(c, FAILURE("temporary-auth-failure"));
    expect_stream_error(c, "policy-violation");
    assert_int_equal(bench_count(b, ALICE, "fast"), 0);
    bench_free(&b);
}

/* What the store does not take: the login is right without it, unless its safety depends on it. */
static void a_store_that_fails(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct token t;
    struct client *c = opened(b);
    b->batch_error = ERR_FULL;
    ask(c, PLAIN(AGENT(PHONE) REQUEST), SUCCESS(IDENTIFIER));
    client_lose(&c);
    assert_true(bench_logged(b, "event=auth.not_stored"));
    b->batch_error = 0;
    get_token(b, PHONE, &t);
    b->batch_error = ERR_FULL;
    good(b, t.text, "", NULL); /* it is not noted that it was used */
    for (unsigned i = 0; i < 2; i++) {
        c = opened(b);
        show(c, PHONE, "alice", t.text, i == 0 ? " count='1'" : " invalidate='1'", "");
        expect(c, FAILURE("temporary-auth-failure"));
        expect_stream_error(c, "policy-violation");
        client_lose(&c);
    }
    b->batch_error = 0;
    b->query_error = ERR_IO;
    c = opened(b);
    show(c, PHONE, "alice", t.text, "", "");
    expect(c, FAILURE("temporary-auth-failure"));
    client_lose(&c);
    b->query_error = 0;
    good(b, t.text, " count='1'", NULL);
    bench_free(&b);
}

/* A damaged item is told to the operator, and is no token. */
static void an_item_that_is_none(void **state)
{
    (void)state;
    static const char *const ITEMS[] = {"",
                                        "fast2\n",
                                        "fast1\nx",
                                        "fast1\n0 PLAIN 1 2 3 t\n",
                                        "fast1\n2 " NONE " 1 2 3 t\n",
                                        "fast1\n0 " NONE " 1 2 3 \n",
                                        "fast1\n0 " NONE " x 2 3 t\n"};
    struct bench *b = bench();
    struct token t;
    bench_account(b, ALICE);
    for (size_t i = 0; i < sizeof(ITEMS) / sizeof(ITEMS[0]); i++) {
        buf_free(&b->log);
        bench_put(b, ALICE, "fast", PHONE, slice_z(ITEMS[i]));
        bad(b, PHONE, "alice", "t", "", "not-authorized");
        assert_true(bench_logged(b, "event=store.corrupt"));
        get_token(b, PHONE, &t); /* it is replaced */
        good(b, t.text, "", NULL);
    }
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_given_and_works),
        cmocka_unit_test(who_gets_no_token),
        cmocka_unit_test(A27_a_token_is_good_for_its_client_alone),
        cmocka_unit_test(A27_what_is_malformed),
        cmocka_unit_test(A27_a_number_that_was_shown_before_revokes_the_token),
        cmocka_unit_test(A27_the_same_message_on_two_connections),
        cmocka_unit_test(two_logins_of_a_client_at_once),
        cmocka_unit_test(A27_a_token_expires),
        cmocka_unit_test(tokens_are_replaced_in_use),
        cmocka_unit_test(a_client_logs_out),
        cmocka_unit_test(an_account_has_so_many_clients),
        cmocka_unit_test(O13_a_new_password_ends_all_tokens),
        cmocka_unit_test(O13_the_password_is_changed_meanwhile),
        cmocka_unit_test(a_store_that_fails),
        cmocka_unit_test(an_item_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
