/* What the resolver makes of answers, silence and hostility. */
#include "io/test_resolver.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static void say_thousand(struct dns_server *s, const struct dns_question *q)
{
    if (!q->tcp) {
        truncate_udp(s, q);
        return;
    }
    dns_begin(&s->reply, q->at, q->len, 0);
    for (unsigned i = 0; i < 1000; i++)
        dns_srv(&s->reply, i, 0, 5222, "s.example");
    dns_say(s, q);
}

/* 64 KiB: one usable record, one whose data fill the rest. */
static void say_64_kib(struct dns_server *s, const struct dns_question *q)
{
    if (!q->tcp) {
        truncate_udp(s, q);
        return;
    }
    dns_begin(&s->reply, q->at, q->len, 0);
    dns_srv(&s->reply, 1, 2, 5222, "one.example");
    size_t record = dns_record(&s->reply, 16);
    s->reply.len = DNS_MESSAGE_BYTES_MAX;
    dns_end(&s->reply, record);
    dns_say(s, q);
}

static void say_loop(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    size_t record = dns_record(&s->reply, RESOLVER_SRV);
    dns_bytes(&s->reply, "\0\1\0\1\0\1", 6);
    dns_u16(&s->reply, 0xc000 | (unsigned)s->reply.len);
    dns_end(&s->reply, record);
    dns_say(s, q);
}

static void say_servfail(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 2);
    dns_say(s, q);
}

static void say_refused(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 5);
    dns_say(s, q);
}

static void say_no_name(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 3);
    dns_say(s, q);
}

static void say_four_only(struct dns_server *s, const struct dns_question *q)
{
    (q->type == RESOLVER_A ? say_records : say_no_data)(s, q);
}

static void say_four_or_fail(struct dns_server *s, const struct dns_question *q)
{
    (q->type == RESOLVER_A ? say_records : say_servfail)(s, q);
}

static void say_unknown_or_nothing(struct dns_server *s, const struct dns_question *q)
{
    (q->type == RESOLVER_A ? say_servfail : say_no_data)(s, q);
}

static void say_wrong_id(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    dns_srv(&s->reply, 1, 2, 5222, "evil.example");
    s->reply.at[0] ^= 1;
    dns_say(s, q);
}

static void say_wrong_question(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    s->reply.at[DNS_QUESTION_AT + 1] ^= 1;
    dns_srv(&s->reply, 1, 2, 5222, "evil.example");
    dns_say(s, q);
}

static void say_question_loop(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, q->len, 0);
    s->reply.at[DNS_QUESTION_AT] = 0xc0;
    s->reply.at[DNS_QUESTION_AT + 1] = DNS_QUESTION_AT;
    dns_say(s, q);
}

static void say_header_only(struct dns_server *s, const struct dns_question *q)
{
    dns_begin(&s->reply, q->at, DNS_QUESTION_AT, 0);
    dns_say(s, q);
}

static void say_flood(struct dns_server *s, const struct dns_question *q)
{
    for (int i = 0; i < 150; i++)
        say_wrong_id(s, q);
}

static void hang_up_by_tcp(struct dns_server *s, const struct dns_question *q)
{
    if (q->tcp)
        dns_hang_up(s);
    else
        truncate_udp(s, q);
}

static void say_empty_by_tcp(struct dns_server *s, const struct dns_question *q)
{
    if (q->tcp)
        assert_int_equal(send(q->fd, "\0\0\0\0\0\0", 6, 0), 6);
    else
        truncate_udp(s, q);
}

static void say_empty(struct dns_server *s, const struct dns_question *q)
{
    s->reply.len = 0;
    dns_say(s, q);
}

/* ------------------------------------------------------------------------------------ the tests */

static void records_come_by_the_callback(void **state)
{
    (void)state;
    struct outcome o;
    bench_begin(say_records);
    assert_int_equal(ask_srv(&o), RESOLVER_OK);
    assert_int_equal(o.n, 1);
    assert_int_equal(o.srv.priority, 1);
    assert_int_equal(o.srv.weight, 2);
    assert_int_equal(o.srv.port, 5222);
    assert_string_equal(o.srv.target, "one.example");
    struct outcome key = {0};
    assert_int_not_equal(resolver_tlsa(resolver, "_5222._tcp.example.", on_tlsa, &key), 0);
    until(&key);
    assert_int_equal(key.result, RESOLVER_OK);
    assert_int_equal(key.n, 1);
    assert_true(key.authenticated);
    assert_idle();
    bench_end();
}

static void every_answer_has_its_result(void **state)
{
    (void)state;
    static const struct {
        void (*answer)(struct dns_server *s, const struct dns_question *q);
        enum resolver_result result;
    } rows[] = {
        {say_no_name, RESOLVER_NO_NAME},   {say_no_data, RESOLVER_NO_DATA},
        {say_servfail, RESOLVER_SERVFAIL}, {say_refused, RESOLVER_NO_SERVER},
        {say_records, RESOLVER_OK},
    };
    struct outcome o;
    bench_begin(say_nothing);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        server.answer = rows[i].answer;
        assert_int_equal(ask_srv(&o), rows[i].result);
        assert_int_equal(o.n, rows[i].result == RESOLVER_OK);
        assert_int_equal(o.calls, 1);
    }
    dns_server_close(&server); /* nobody is there */
    assert_int_equal(ask_srv(&o), RESOLVER_NO_SERVER);
    bench_end();
}

static void V85_hostile_answers_are_answers(void **state)
{
    (void)state;
    static const struct {
        void (*answer)(struct dns_server *s, const struct dns_question *q);
        enum resolver_result result;
        size_t n;
    } rows[] = {
        {say_thousand, RESOLVER_OK, RESOLVER_RECORDS_MAX},
        {say_64_kib, RESOLVER_OK, 1},
        {say_loop, RESOLVER_BAD_ANSWER, 0},
        {hang_up_by_tcp, RESOLVER_NO_SERVER, 0},
        {say_empty_by_tcp, RESOLVER_NO_SERVER, 0},
    };
    struct outcome o;
    bench_begin(say_nothing);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        server.answer = rows[i].answer;
        assert_int_equal(ask_srv(&o), rows[i].result);
        assert_int_equal(o.n, rows[i].n);
    }
    bench_end();
}

static void V85_what_is_no_answer_ends_at_the_deadline(void **state)
{
    (void)state;
    static void (*const answers[])(struct dns_server * s, const struct dns_question *q) = {
        say_nothing,     say_wrong_id, say_wrong_question, say_question_loop,
        say_header_only, say_flood,    say_half_by_tcp,    say_empty,
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct outcome o[2] = {0};
        bench_begin(answers[i]);
        uint64_t began_ms = clock_now().mono_ms;
        assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &o[0]), 0);
        assert_int_not_equal(resolver_srv(resolver, "_y._tcp.example", on_srv, &o[1]), 0);
        uint64_t asked_ms = clock_now().mono_ms;
        for (int turns = 0; server.asked < 2 && turns < TURNS_MAX; turns++)
            turn();
        settle();
        until_deadline(o, 2, began_ms, asked_ms);
        /* And it is of use afterwards. */
        server.answer = say_records;
        assert_int_equal(ask_srv(&o[0]), RESOLVER_OK);
        bench_end();
    }
}

static void V85_a_flood_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct outcome o = {0};
    bench_begin(say_flood);
    assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &o), 0);
    while (server.asked == 0)
        loop_once(&loop, 0, NULL, NULL);
    loop_once(&loop, 0, NULL, NULL);
    assert_int_equal(resolver->reads, 0); /* it had enough, with more to read */
    assert_int_equal(o.calls, 0);
    bench_end();
}

static void both_families_come_as_they_come(void **state)
{
    (void)state;
    struct outcome o = {0};
    bench_begin(say_records);
    assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o), 0);
    until(&o);
    assert_int_equal(o.calls, 2);
    assert_int_equal(o.result, RESOLVER_OK);
    assert_int_equal(o.addr_count, 2);
    assert_int_equal(o.addr[0].family + o.addr[1].family, 10);
    assert_int_equal(o.addr[0].port, 0);
    assert_idle();
    bench_end();
}

static void one_family_is_enough(void **state)
{
    (void)state;
    static void (*const answers[])(struct dns_server * s, const struct dns_question *q) = {
        say_four_only, say_four_or_fail};
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = {0};
        bench_begin(answers[i]);
        assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o), 0);
        until(&o);
        assert_int_equal(o.calls, 2);
        assert_int_equal(o.result, RESOLVER_OK);
        assert_int_equal(o.addr_count, 1);
        assert_int_equal(o.addr[0].family, 4);
        assert_idle();
        bench_end();
    }
}

static void one_family_does_not_wait_for_the_other(void **state)
{
    (void)state;
    struct outcome o = {0};
    bench_begin(say_four_at_first);
    assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o), 0);
    for (int turns = 0; o.calls == 0 && turns < TURNS_MAX; turns++)
        turn();
    assert_int_equal(o.calls, 1);
    assert_true(o.more);
    assert_int_equal(o.result, RESOLVER_OK);
    assert_int_equal(o.addr_count, 1);
    resolver_run(resolver, (struct now){.mono_ms = clock_now().mono_ms + RESOLVER_TIMEOUT_MS});
    assert_int_equal(o.calls, 2);
    assert_false(o.more);
    assert_int_equal(o.result, RESOLVER_OK); /* of the whole */
    assert_int_equal(o.n, 0);
    assert_idle();
    bench_end();
}

static void what_is_unknown_outweighs_what_is_not_there(void **state)
{
    (void)state;
    struct outcome o = {0};
    bench_begin(say_unknown_or_nothing);
    assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o), 0);
    until(&o);
    assert_int_equal(o.result, RESOLVER_SERVFAIL);
    assert_int_equal(o.addr_count, 0);
    server.answer = say_no_data;
    o = (struct outcome){0};
    assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o), 0);
    until(&o);
    assert_int_equal(o.result, RESOLVER_NO_DATA);
    bench_end();
}

static void some_names_are_asked_of_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        enum resolver_result result;
        uint8_t family; /* of the first address, 0 for either */
    } rows[] = {
        {"192.0.2.7", RESOLVER_OK, 4},
        {"2001:db8::7", RESOLVER_OK, 6},
        {"localhost", RESOLVER_OK, 0},
        {"LocalHost.", RESOLVER_OK, 0},
        {"any.thing.localhost", RESOLVER_OK, 6},
        {"secret.onion", RESOLVER_NO_NAME, 0},
        {"", RESOLVER_BAD_NAME, 0},
        {"a..b", RESOLVER_BAD_NAME, 0},
        {"[::1]", RESOLVER_BAD_NAME, 0},
        {"b\xc3\xbc.example", RESOLVER_BAD_NAME, 0},
    };
    bench_begin(say_records);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct outcome o = {0};
        assert_int_not_equal(resolver_addresses(resolver, rows[i].host, on_addr, &o), 0);
        assert_int_equal(o.calls, 0);
        assert_true(resolver_deadline(resolver) == 0);
        resolver_run(resolver, loop.now);
        assert_int_equal(o.calls, 1);
        assert_int_equal(o.result, rows[i].result);
        assert_int_equal(o.addr_count > 0, rows[i].result == RESOLVER_OK);
        assert_true(rows[i].family == 0 || o.addr[0].family == rows[i].family);
        assert_idle();
    }
    struct outcome o;
    o = (struct outcome){0};
    assert_int_not_equal(resolver_srv(resolver, "_x._tcp.b\xc3\xbc.example", on_srv, &o), 0);
    until(&o);
    assert_int_equal(o.result, RESOLVER_BAD_NAME);
    assert_int_equal(server.asked, 0);
    bench_end();
}

static void a_dead_server_is_passed_over(void **state)
{
    (void)state;
    struct outcome o = {0};
    char servers[96];
    bench_begin(say_records);
    resolver_close(&resolver);
    snprintf(servers, sizeof(servers), "127.0.0.1:1,[::1]:1,%s", server.address);
    assert_int_equal(
        resolver_open(&loop, &(struct resolver_options){.servers = servers}, &resolver), 0);
    assert_int_equal(ask_srv(&o), RESOLVER_OK);
    bench_end();
}

static void servers_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1",       "::1",
                                       "[::1]",           "[::1]:53",
                                       "192.0.2.1:65535", "127.0.0.1:5353,[2001:db8::1]:53,::1"};
    static const char *const bad[] = {"",
                                      ",",
                                      "127.0.0.1,",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:65536",
                                      "[::1",
                                      "[::1]53",
                                      "dns.example",
                                      "[127.0.0.1",
                                      " 127.0.0.1",
                                      "fe80::1%2",
                                      "::1:53:x",
                                      "::1,::1,::1,::1,::1,::1,::1,::1,::1"};
    assert_int_equal(loop_init(&loop), 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        const struct resolver_options o = {.servers = good[i]};
        assert_int_equal(resolver_open(&loop, &o, &resolver), 0);
        resolver_close(&resolver);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const struct resolver_options o = {.servers = bad[i]};
        assert_int_equal(resolver_open(&loop, &o, &resolver), ERR_SYNTAX);
        assert_null(resolver);
    }
    loop_close(&loop);
}

static void servers_of_the_system_are_read_again(void **state)
{
    (void)state;
    assert_int_equal(loop_init(&loop), 0);
    assert_int_equal(resolver_open(&loop, NULL, &resolver), 0);
    const struct stat is = resolver->conf;
    const ares_channel before = resolver->channel;
    struct outcome o = {0};
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o), 0);
    assert_ptr_equal(resolver->channel, before);
    resolver_run(resolver, loop.now);
    resolver->conf.st_size++; /* another file was there before */
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o), 0);
    assert_int_equal(resolver->conf.st_size, is.st_size);
    resolver_run(resolver, loop.now);
    assert_int_equal(o.calls, 2);
    resolver_close(&resolver);
    loop_close(&loop);
}

static void results_are_told_in_words(void **state)
{
    (void)state;
    for (enum resolver_result a = RESOLVER_OK; a <= RESOLVER_NO_SERVER; a++) {
        assert_string_not_equal(resolver_result_text(a), "unknown");
        for (enum resolver_result b = RESOLVER_OK; b < a; b++)
            assert_string_not_equal(resolver_result_text(a), resolver_result_text(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_by_the_callback),
        cmocka_unit_test(every_answer_has_its_result),
        cmocka_unit_test(V85_hostile_answers_are_answers),
        cmocka_unit_test(V85_what_is_no_answer_ends_at_the_deadline),
        cmocka_unit_test(V85_a_flood_does_not_hold_the_loop),
        cmocka_unit_test(both_families_come_as_they_come),
        cmocka_unit_test(one_family_is_enough),
        cmocka_unit_test(one_family_does_not_wait_for_the_other),
        cmocka_unit_test(what_is_unknown_outweighs_what_is_not_there),
        cmocka_unit_test(some_names_are_asked_of_nobody),
        cmocka_unit_test(a_dead_server_is_passed_over),
        cmocka_unit_test(servers_are_read),
        cmocka_unit_test(servers_of_the_system_are_read_again),
        cmocka_unit_test(results_are_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
