/* XEP-0480: a client gives an account the keys that it lacks. */
#include "xep/login/test_login.h"

#define UPGRADE(task)  "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>" task "</upgrade>"
#define UPGRADE_256    UPGRADE("UPGR-SCRAM-SHA-256")
#define UPGRADE_512    UPGRADE("UPGR-SCRAM-SHA-512")
#define CONTINUE(task) "<continue " SASL2 "><tasks><task>" task "</task></tasks></continue>"
#define NEXT(task)     "<next " SASL2 " task='" task "'/>"
#define SALT                                                                                       \
    "<task-data " SASL2 "><salt xmlns='urn:xmpp:scram-upgrade:0' iterations='4096'>*</salt>"       \
    "</task-data>"

/* An account that an old server has left us: SHA-1 alone. */
static void old_account(struct bench *b)
{
    static const uint8_t SALTS[SASL_HASHES][SASL_SALT_BYTES] = {{9}, {8}, {7}};
    struct sasl_credentials c;
    struct buf keys = {0}, value = {0};
    CHECK(sasl_credentials_derive(SLICE(BENCH_PASSWORD), SASL_ITERATIONS_MIN, SALTS, &c) == 0);
    c.keys[SASL_SHA256] = c.keys[SASL_SHA512] = (struct sasl_keys){0};
    CHECK(sasl_credentials_encode(&c, &keys) == 0);
    struct account_record r = {.created_ms = 5, .credentials = buf_slice(&keys)};
    account_record_encode(&r, &value);
    bench_put(b, ALICE, "account", "", buf_slice(&value));
    buf_free(&keys);
    buf_free(&value);
}

static struct bench *bench(void)
{
    struct bench *b = bench_new(NULL);
    old_account(b);
    return b;
}

/* Answers the salt that came last with what the password gives. */
static void answer(struct client *c, enum sasl_hash hash)
{
    struct buf salt = {0};
    uint8_t salted[SASL_KEY_BYTES];
    struct xml x = xml_child(client_last(c), NS_SCRAM_UPGRADE, SLICE("salt"));
    unbase64(xml_text(x), &salt);
    CHECK(sasl_salted_password(hash, SLICE(BENCH_PASSWORD), (const uint8_t *)salt.ptr,
                               buf_len(&salt), SASL_ITERATIONS_MIN, salted) == 0);
    assert_int_equal(buf_len(&salt), SASL_SALT_BYTES);
    client_sendf(
        c, "<task-data " SASL2 "><hash xmlns='urn:xmpp:scram-upgrade:0'>%s</hash></task-data>",
        base64(slice_of((const char *)salted, sasl_hash_len(hash))));
    buf_free(&salt);
}

/* How the mechanism ends for alice. */
static bool works(struct bench *b, const char *mechanism)
{
    struct client *c = opened(b);
    bool good = scram(c, mechanism, "alice", BENCH_PASSWORD, "", NULL);
    client_lose(&c);
    return good;
}

static void keys_are_added_one_after_the_other(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct bench *b = bench_new_shards(NULL, shards);
        old_account(b);
        assert_false(works(b, "SCRAM-SHA-256"));
        struct client *c = opened(b);
        /* The proof of the server comes with the first of them. */
        assert_true(scram(c, "SCRAM-SHA-1", "alice", BENCH_PASSWORD,
                          UPGRADE_512 UPGRADE_256 "<bind xmlns='urn:xmpp:bind:0'/>", NULL));
        assert_true(xml_is(client_last(c), NS_SASL2, SLICE("continue")));
        expect_nothing(c);
        ask(c, NEXT("UPGR-SCRAM-SHA-256"), SALT);
        answer(c, SASL_SHA256);
        expect(c, CONTINUE("UPGR-SCRAM-SHA-512"));
        ask(c, NEXT("UPGR-SCRAM-SHA-512"), SALT);
        answer(c, SASL_SHA512);
        expect(c, SUCCESS(FULL "<bound xmlns='urn:xmpp:bind:0'><_/></bound>"));
        expect(c, FEATURES_BOUND);
        alive(c);
        assert_true(bench_logged(b, "event=user.keys"));
        client_lose(&c);
        assert_true(works(b, "SCRAM-SHA-1") && works(b, "SCRAM-SHA-256") &&
                    works(b, "SCRAM-SHA-512"));
        bench_free(&b);
    }
}

static void what_is_not_lacking_is_not_asked_for(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *c = opened(b);
    ask(c, PLAIN(UPGRADE_256 UPGRADE_512), SUCCESS(IDENTIFIER));
    client_lose(&c);
    c = opened(b);
    ask(c, PLAIN(UPGRADE("UPGR-SCRAM-SHA-1") UPGRADE("UPGR-X") UPGRADE("")), SUCCESS(IDENTIFIER));
    client_lose(&c);
    old_account(b);
    c = opened(b);
    ask(c, PLAIN(UPGRADE("UPGR-SCRAM-SHA-1") UPGRADE("UPGR-SCRAM-SHA-256-PLUS")),
        SUCCESS(IDENTIFIER));
    client_lose(&c);
    c = opened(b); /* one is, the other is not */
    ask(c, PLAIN(UPGRADE_256), CONTINUE("UPGR-SCRAM-SHA-256"));
    ask(c, NEXT("UPGR-SCRAM-SHA-256"), SALT);
    answer(c, SASL_SHA256);
    expect(c, SUCCESS(IDENTIFIER));
    client_lose(&c);
    c = opened(b);
    ask(c, PLAIN(UPGRADE_256 UPGRADE_512), CONTINUE("UPGR-SCRAM-SHA-512"));
    bench_free(&b);
}

/* Whatever goes wrong: nothing is stored, the stream ends, and the account is as it was. */
static void tasks_that_fail(void **state)
{
    (void)state;
#define DATA(inside) "<task-data " SASL2 ">" inside "</task-data>"
#define HASH(text)   DATA("<hash xmlns='urn:xmpp:scram-upgrade:0'>" text "</hash>")
    static const struct {
        bool begun;
        const char *text, *failure;
    } CASES[] = {
        {false, NEXT("UPGR-SCRAM-SHA-512"), "malformed-request"},
        {false, NEXT(""), "malformed-request"},
        {false, "<next " SASL2 "/>", "malformed-request"},
        {false, HASH("AAAA"), "malformed-request"},
        {false, "<abort " SASL2 "/>", "aborted"},
        {true, NEXT("UPGR-SCRAM-SHA-256"), "malformed-request"},
        {true, DATA(""), "malformed-request"},
        {true, DATA("<hash xmlns='urn:x'/>"), "malformed-request"},
        {true, HASH(""), "incorrect-encoding"},
        {true, HASH("AAAA"), "incorrect-encoding"},
        {true, HASH("%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%="), "incorrect-encoding"},
        {true, HASH("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "incorrect-encoding"},
        {true, "<abort " SASL2 "/>", "aborted"},
    };
    struct bench *b = bench();
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char pattern[160];
        struct client *c = opened(b);
        ask(c, PLAIN(UPGRADE_256), CONTINUE("UPGR-SCRAM-SHA-256"));
        if (CASES[i].begun)
            ask(c, NEXT("UPGR-SCRAM-SHA-256"), SALT);
        snprintf(pattern, sizeof(pattern),
                 "<failure " SASL2 "><%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>",
                 CASES[i].failure);
        ask(c, CASES[i].text, pattern);
        expect_stream_error(c, "policy-violation");
        client_lose(&c);
    }
    assert_int_equal(b->batches, 0);
    assert_false(works(b, "SCRAM-SHA-256"));
    bench_free(&b);
}

static void V41_nothing_else_is_said_between_tasks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } CASES[] = {
        {PLAIN(""), "unsupported-stanza-type"},
        {"<response " SASL2 "/>", "unsupported-stanza-type"},
        {"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>",
         "unsupported-stanza-type"},
        {"<message/>", "not-authorized"},
        {"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
         "not-authorized"},
    };
    struct bench *b = bench();
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct client *c = opened(b);
        ask(c, PLAIN(UPGRADE_256), CONTINUE("UPGR-SCRAM-SHA-256"));
        client_send(c, CASES[i].text);
        expect_stream_error(c, CASES[i].error);
        client_lose(&c);
    }
    bench_free(&b);
}

/* L7: a task does not keep a connection open for ever. */
static void L7_a_task_that_never_ends(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    ask(c, PLAIN(UPGRADE_256), CONTINUE("UPGR-SCRAM-SHA-256"));
    bench_advance(b, 61000);
    expect_stream_error(c, "connection-timeout");
    bench_free(&b);
}

/* The store has no room: the login is right all the same. */
static void keys_that_cannot_be_stored(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    ask(c, PLAIN(UPGRADE_256), CONTINUE("UPGR-SCRAM-SHA-256"));
    ask(c, NEXT("UPGR-SCRAM-SHA-256"), SALT);
    b->batch_error = ERR_FULL;
    answer(c, SASL_SHA256);
    expect(c, SUCCESS(IDENTIFIER));
    assert_true(bench_logged(b, "event=auth.not_stored"));
    b->batch_error = 0;
    assert_false(works(b, "SCRAM-SHA-256"));
    bench_free(&b);
}

/* A password that was changed meanwhile is not overwritten by keys of the old one. */
static void O13_the_password_is_changed_meanwhile(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct client *c = opened(b);
    ask(c, PLAIN(UPGRADE_256), CONTINUE("UPGR-SCRAM-SHA-256"));
    ask(c, NEXT("UPGR-SCRAM-SHA-256"), SALT);
    bench_account(b, ALICE); /* in the store alone: nobody has ended the stream */
    answer(c, SASL_SHA256);
    expect(c, FAILURE("temporary-auth-failure"));
    expect_stream_error(c, "policy-violation");
    assert_true(works(b, "SCRAM-SHA-512"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_added_one_after_the_other),
        cmocka_unit_test(what_is_not_lacking_is_not_asked_for),
        cmocka_unit_test(tasks_that_fail),
        cmocka_unit_test(V41_nothing_else_is_said_between_tasks),
        cmocka_unit_test(L7_a_task_that_never_ends),
        cmocka_unit_test(keys_that_cannot_be_stored),
        cmocka_unit_test(O13_the_password_is_changed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
