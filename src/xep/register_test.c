/* XEP-0077: In-Band Registration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/err.h"
#include "xep/test_engine.h"

#define ERROR(id, type, condition)                                                                 \
    "<iq type='error' id='" id "'><error type='" type "'><" condition                              \
    " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><_/></error></iq>"
#define QUERY(inner)           "<query xmlns='jabber:iq:register'>" inner "</query>"
#define SET(id, inner)         "<iq type='set' id='" id "'>" QUERY(inner) "</iq>"
#define FIELDS(user, password) "<username>" user "</username><password>" password "</password>"
#define FEATURE                "<register xmlns='http://jabber.org/features/iq-register'/>"

static struct bench *open_bench(uint32_t shards)
{
    struct bench *b = bench_new_shards(NULL, shards);
    b->hosts[0].registration = REGISTRATION_OPEN;
    return b;
}

/* A stream whose features have been seen. */
static struct client *stream(struct bench *b, const char *host)
{
    struct client *c = bench_connect(b);
    client_open(c, host);
    return c;
}

static bool offers_registration(struct client *c)
{
    struct xml features = client_next(c);
    return xml_some(xml_child(features, NS_REGISTER_STREAM, SLICE("register")));
}

/* What the server says to a login with this password. */
static struct xml try_login(struct bench *b, const char *user, const char *password)
{
    struct client *c = stream(b, "example.org");
    struct buf plain = {0}, text = {0};
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(user));
    buf_byte(&plain, '\0');
    buf_add(&plain, slice_z(password));
    base64_append(&text, buf_slice(&plain));
    client_discard(c);
    client_sendf(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%.*s</auth>",
                 SLICE_ARG(buf_slice(&text)));
    buf_free(&plain);
    buf_free(&text);
    return client_next(c);
}

static bool can_login(struct bench *b, const char *user, const char *password)
{
    return slice_is(xml_name(try_login(b, user, password)), "success");
}

static void an_account_is_made_and_used(struct bench *b)
{
    struct client *c = stream(b, "example.org");
    assert_true(offers_registration(c));
    ask(c, "<iq type='get' id='f'>" QUERY("") "</iq>",
        "<iq type='result' id='f'>" QUERY(
            "<instructions>*</instructions><username/><password/>") "</iq>");
    ask(c, SET("r", FIELDS("Newcomer", BENCH_PASSWORD)), "<iq type='result' id='r'/>");
    expect_nothing(c);
    assert_int_equal(bench_count(b, "newcomer@example.org", "account"), 1);
    assert_true(can_login(b, "newcomer", BENCH_PASSWORD));
    assert_false(can_login(b, "newcomer", "another"));
    assert_true(bench_logged(b, "event=register.ok"));
    assert_false(bench_logged(b, BENCH_PASSWORD));
    /* The stream goes on. */
    ask(c, SET("s", FIELDS("newcomer", "x")), ERROR("s", "cancel", "conflict"));
    ask(c, SET("t", FIELDS("second", "x")), "<iq type='result' id='t'/>");
    bench_free(&b);
}

static void an_account_is_made_and_used_on_one_shard(void **state)
{
    (void)state;
    an_account_is_made_and_used(open_bench(1));
}

static void an_account_is_made_and_used_on_three_shards(void **state)
{
    (void)state;
    an_account_is_made_and_used(open_bench(3));
}

static void an_account_made_under_an_alias_is_of_the_host(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    struct client *c = stream(b, "talk.example.org");
    client_discard(c);
    ask(c, SET("r", FIELDS("new", BENCH_PASSWORD)), "<iq type='result' id='r'/>");
    assert_int_equal(bench_count(b, "new@example.org", "account"), 1);
    bench_free(&b);
}

static void A28_a_closed_host_offers_and_takes_nothing(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    struct client *c = stream(b, "example.net");
    assert_false(offers_registration(c));
    ask(c, "<iq type='get' id='1'>" QUERY("") "</iq>", ERROR("1", "cancel", "not-allowed"));
    ask(c, SET("2", FIELDS("new", "x")), ERROR("2", "cancel", "not-allowed"));
    assert_int_equal(bench_count(b, "new@example.net", "account"), 0);
    /* Its users may still change their passwords and leave. */
    struct client *alice = bench_login(b, "alice@example.net/phone");
    ask(alice, SET("3", FIELDS("alice", "changed")), "<iq type='result' id='3'/>");
    bench_free(&b);
}

static void V49_a_new_server_has_no_account_and_makes_none(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    static const char *const NAMES[] = {"admin", "root", "example.org", "test"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        assert_false(can_login(b, NAMES[i], NAMES[i]));
    struct client *c = stream(b, "example.org");
    assert_false(offers_registration(c));
    ask(c, SET("1", FIELDS("admin", "admin")), ERROR("1", "cancel", "not-allowed"));
    struct store_request *r = store_query_new(0, 0);
    store_owners(r, STORE_ACCOUNT, SLICE_NONE, 0);
    assert_int_equal(bench_store(b, r)->row_count, 0);
    store_request_free(&r);
    bench_free(&b);
}

static void A28_one_registration_per_address_and_while(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    struct client *c = stream(b, "example.org");
    client_discard(c);
    b->may_register = false;
    ask(c, SET("1", FIELDS("new", "x")), ERROR("1", "wait", "resource-constraint"));
    assert_int_equal(bench_count(b, "new@example.org", "account"), 0);
    assert_true(bench_logged(b, "event=register.limit"));
    b->config.core.limits.rate = false;
    ask(c, SET("2", FIELDS("new", "x")), "<iq type='result' id='2'/>");
    assert_int_equal(b->registrations, 1);
    bench_free(&b);
}

/* A name that is taken costs no registration, but counts like a failed login. */
static void names_cannot_be_tried_for_ever(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    bench_account(b, "taken@example.org");
    struct client *c = stream(b, "example.org");
    client_discard(c);
    ask(c, SET("1", FIELDS("TAKEN", "x")), ERROR("1", "cancel", "conflict"));
    assert_int_equal(b->login_failures, 1);
    assert_int_equal(b->registrations, 0);
    b->login_delay_ms = 1000;
    ask(c, SET("2", FIELDS("taken", "x")), ERROR("2", "wait", "resource-constraint"));
    assert_int_equal(b->login_failures, 1);
    bench_free(&b);
}

static void weak_input_is_refused(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    struct client *c = stream(b, "example.org");
    client_discard(c);
    static const char *const BAD[] = {
        "",
        "<username>x</username>",
        "<password>x</password>",
        FIELDS("", "x"),
        FIELDS("x", ""),
        FIELDS("a b", "x"),
        FIELDS("a@b", "x"),
        FIELDS("a/b", "x"),
        FIELDS("\xe2\x80\x8b", "x"),
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        client_sendf(c, "<iq type='set' id='1'>" QUERY("%s") "</iq>", BAD[i]);
        expect(c, ERROR("1", "modify", "not-acceptable"));
    }
    char name[1025];
    memset(name, 'x', 1024);
    name[1024] = '\0';
    client_sendf(c, "<iq type='set' id='1'>" QUERY(FIELDS("%s", "x")) "</iq>", name);
    expect(c, ERROR("1", "modify", "not-acceptable"));
    client_sendf(c, "<iq type='set' id='1'>" QUERY(FIELDS("x", "%s")) "</iq>", name);
    expect(c, ERROR("1", "modify", "not-acceptable"));
    ask(c, "<iq type='set' id='2'><other xmlns='jabber:iq:register'/></iq>",
        ERROR("2", "modify", "bad-request"));
    ask(c, "<iq type='result' id='3'>" QUERY("") "</iq>", ERROR("3", "modify", "bad-request"));
    ask(c, SET("4", FIELDS("good", "x")), "<iq type='result' id='4'/>");
    bench_free(&b);
}

static void a_stranger_removes_nothing(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    bench_account(b, "alice@example.org");
    struct client *c = stream(b, "example.org");
    client_discard(c);
    ask(c, SET("1", "<username>alice</username><remove/>"),
        ERROR("1", "wait", "unexpected-request"));
    struct client *bob = bench_login(b, "bob@example.org/desk");
    client_send(bob, "<iq type='set' id='2' to='alice@example.org'>" QUERY("<remove/>") "</iq>");
    expect(bob, "<iq type='error' id='2' from='alice@example.org'><_/></iq>");
    assert_int_equal(bench_count(b, "alice@example.org", "account"), 1);
    assert_int_equal(bench_count(b, "bob@example.org", "account"), 1);
    bench_free(&b);
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    struct client *c = stream(b, "example.org");
    client_discard(c);
    b->batch_error = ERR_FULL;
    ask(c, SET("1", FIELDS("new", "x")), ERROR("1", "wait", "resource-constraint"));
    b->batch_error = ERR_IO;
    ask(c, SET("2", FIELDS("new", "x")), ERROR("2", "cancel", "internal-server-error"));
    b->query_error = ERR_IO;
    ask(c, SET("3", FIELDS("new", "x")), ERROR("3", "wait", "resource-constraint"));
    bench_free(&b);
}

static void a_client_that_leaves_while_it_registers_leaves_nothing_behind(void **state)
{
    (void)state;
    struct bench *b = open_bench(3);
    for (size_t steps = 0; steps < 4; steps++) {
        struct client *c = stream(b, "example.org");
        b->store_held = true;
        client_send(c, SET("1", FIELDS("new", "x")));
        for (size_t i = 0; i < steps; i++)
            bench_store_step(b, 1);
        client_lose(&c);
        bench_release(b);
    }
    struct client *c = stream(b, "example.org");
    b->store_held = true;
    client_send(c, SET("1", FIELDS("slow", "x")));
    client_discard(c);
    bench_advance(b, 61000); /* L7 */
    expect_stream_error(c, "connection-timeout");
    bench_free(&b);
}

static void watchers_are_told(void **state)
{
    (void)state;
    static const struct slice WATCHERS[] = {SLICE("boss@example.org"), SLICE("eye@example.net")};
    struct bench *b = open_bench(1);
    b->hosts[0].watchers = WATCHERS;
    b->hosts[0].watcher_count = 2;
    bench_account(b, "eye@example.net");
    struct client *boss = bench_online(b, "boss@example.org/desk");
    struct client *c = stream(b, "example.org");
    client_discard(c);
    client_send(c, SET("1", FIELDS("new", "secret")));
    expect(boss, "<message from='example.org' id='*'><subject>New account</subject>"
                 "<body>*</body></message>");
    struct slice body = xml_text(xml_child(client_last(boss), NS_CLIENT, SLICE("body")));
    assert_non_null(memmem(body.ptr, body.len, "new@example.org", 15));
    assert_null(memmem(body.ptr, body.len, "secret", 6));
    assert_int_equal(bench_count(b, "eye@example.net", "archive"), 1);
    ask(c, SET("2", FIELDS("new", "x")), "<iq type='result' id='1'/>");
    client_discard(c);
    expect_nothing(boss);
    bench_free(&b);
}

static void who_is_logged_in_sees_what_is_on_file(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, "<iq type='get' id='1' to='example.org'>" QUERY("") "</iq>",
        "<iq type='result' id='1' from='example.org'>" QUERY(
            "<registered/><instructions>*</instructions><username>alice</username>"
            "<password/>") "</iq>");
    ask(alice, "<iq type='get' id='2' to='example.net'>" QUERY("") "</iq>",
        "<iq type='error' id='2' from='example.net'><_/></iq>");
    bench_free(&b);
}

static void O13_a_new_password_ends_the_other_sessions(void **state)
{
    (void)state;
    struct bench *b = open_bench(3);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct client *other = bench_login(b, "alice@example.org/other");
    ask(alice, "<iq type='set' id='1' to='example.org'>" QUERY(FIELDS("alice", "n&amp;w")) "</iq>",
        "<iq type='result' id='1' from='example.org'/>");
    expect_stream_error(other, "reset");
    ask(alice, "<iq type='get' id='2'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='result' id='2'/>");
    assert_true(can_login(b, "alice", "n&w"));
    assert_false(can_login(b, "alice", BENCH_PASSWORD));
    bench_free(&b);
}

static void a_password_is_changed_by_its_owner_alone_and_never_to_nothing(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    bench_account(b, "victim@example.org");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice, SET("1", FIELDS("victim", "stolen")), ERROR("1", "cancel", "not-allowed"));
    ask(alice, SET("2", FIELDS("alice", "")), ERROR("2", "modify", "bad-request"));
    ask(alice, SET("3", "<username>alice</username>"), ERROR("3", "modify", "bad-request"));
    ask(alice, SET("4", "<password>x</password>"), ERROR("4", "modify", "bad-request"));
    ask(alice, SET("5", FIELDS("alice", "ab&#x7f;")), ERROR("5", "modify", "not-acceptable"));
    assert_true(can_login(b, "alice", BENCH_PASSWORD));
    assert_true(can_login(b, "victim", BENCH_PASSWORD));
    bench_free(&b);
}

static void O13_everything_of_a_removed_account_goes(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    bench_befriend(b, "alice@example.org", "bob@example.net");
    struct client *bob = bench_online(b, "bob@example.net/desk");
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *other = bench_login(b, "alice@example.org/other");
    client_send(alice, "<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>A</FN></vCard></iq>");
    client_send(alice, "<iq type='set' id='2'><query xmlns='jabber:iq:private'>"
                       "<x xmlns='urn:x'/></query></iq>");
    client_send(alice, "<iq type='set' id='3'><block xmlns='urn:xmpp:blocking'>"
                       "<item jid='x@example.com'/></block></iq>");
    client_discard(alice);
    client_discard(bob);
    ask(alice, SET("4", "<remove/><username>alice</username>"),
        ERROR("4", "modify", "bad-request"));
    ask(alice, SET("5", "<remove/>"), "<iq type='result' id='5'/>");
    expect_stream_error(alice, "not-authorized");
    expect_stream_error(other, "not-authorized");
    expect_somewhere(bob, "<presence type='unavailable' from='alice@example.org/phone'/>");
    static const char *const NAMES[] = {"account", "roster", "vcard", "private", "blocked"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        assert_int_equal(bench_count(b, "alice@example.org", NAMES[i]), 0);
    assert_false(can_login(b, "alice", BENCH_PASSWORD));
    client_discard(bob);
    ask(bob, "<message to='alice@example.org' id='m' type='chat'><body>there?</body></message>",
        "<message type='error' id='m' from='alice@example.org'><_/></message>");
    /* The name is free. */
    struct client *c = stream(b, "example.org");
    client_discard(c);
    ask(c, SET("6", FIELDS("alice", BENCH_PASSWORD)), "<iq type='result' id='6'/>");
    struct client *heir = bench_online(b, "alice@example.org/phone");
    ask(heir, "<iq type='get' id='7'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='result' id='7'><query xmlns='jabber:iq:roster'/></iq>");
    bench_free(&b);
}

static void O13_messages_of_a_removed_account_go_too(void **state)
{
    (void)state;
    struct bench *b = open_bench(1);
    bench_account(b, "alice@example.org");
    struct client *bob = bench_online(b, "bob@example.net/desk");
    client_send(bob, "<message to='alice@example.org' type='chat'><body>old</body></message>");
    struct client *alice = bench_login(b, "alice@example.org/phone");
    client_send(alice, SET("1", "<remove/>"));
    assert_int_equal(bench_count(b, "alice@example.org", "archive"), 0);
    bench_account(b, "alice@example.org");
    bench_advance(b, 120000);
    struct client *heir = bench_login(b, "alice@example.org/phone");
    client_send(heir, "<presence/>");
    expect(heir, "<presence from='alice@example.org/phone'/>");
    expect_nothing(heir);
    client_discard(alice);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_made_and_used_on_one_shard),
        cmocka_unit_test(an_account_is_made_and_used_on_three_shards),
        cmocka_unit_test(an_account_made_under_an_alias_is_of_the_host),
        cmocka_unit_test(A28_a_closed_host_offers_and_takes_nothing),
        cmocka_unit_test(V49_a_new_server_has_no_account_and_makes_none),
        cmocka_unit_test(A28_one_registration_per_address_and_while),
        cmocka_unit_test(names_cannot_be_tried_for_ever),
        cmocka_unit_test(weak_input_is_refused),
        cmocka_unit_test(a_stranger_removes_nothing),
        cmocka_unit_test(a_failing_store_is_told),
        cmocka_unit_test(a_client_that_leaves_while_it_registers_leaves_nothing_behind),
        cmocka_unit_test(watchers_are_told),
        cmocka_unit_test(who_is_logged_in_sees_what_is_on_file),
        cmocka_unit_test(O13_a_new_password_ends_the_other_sessions),
        cmocka_unit_test(a_password_is_changed_by_its_owner_alone_and_never_to_nothing),
        cmocka_unit_test(O13_everything_of_a_removed_account_goes),
        cmocka_unit_test(O13_messages_of_a_removed_account_go_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
