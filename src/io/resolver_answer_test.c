/* Answers of the DNS, well made and not; names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/resolver_answer.h"
#include "io/test_dns.h"

static struct dns_message message;
static struct resolver_records records;

static enum resolver_result read_as(enum resolver_type type)
{
    /* A copy of just this size, so that the sanitizer sees every byte beyond. */
    uint8_t *copy = malloc(message.len);
    assert_non_null(copy);
    memcpy(copy, message.at, message.len);
    enum resolver_result result = resolver_answer_read(copy, message.len, type, &records);
    assert_int_equal(records.n > 0, result == RESOLVER_OK);
    for (size_t i = 0; type == RESOLVER_TLSA && i < records.n; i++) {
        const uint8_t *data = records.of.tlsa[i].data;
        assert_true(data >= copy && data + records.of.tlsa[i].len <= copy + message.len);
        records.of.tlsa[i].data = message.at + (data - copy);
    }
    free(copy);
    return result;
}

static void records_are_read_in_their_order(void **state)
{
    (void)state;
    dns_begin_for(&message, "_xmpp-client._tcp.example.org", RESOLVER_SRV);
    dns_srv(&message, 10, 60, 5222, "One.Example.ORG");
    dns_srv(&message, 5, 0, 65535, "two_2.example.org");
    dns_srv(&message, 0, 0, 0, "");
    assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_OK);
    assert_int_equal(records.n, 3);
    assert_string_equal(records.of.srv[0].target, "one.example.org");
    assert_int_equal(records.of.srv[0].priority, 10);
    assert_int_equal(records.of.srv[0].weight, 60);
    assert_int_equal(records.of.srv[0].port, 5222);
    assert_string_equal(records.of.srv[1].target, "two_2.example.org");
    assert_int_equal(records.of.srv[1].port, 65535);
    assert_string_equal(records.of.srv[2].target, "");
}

static void addresses_are_read_by_their_type(void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, 7};
    char text[ADDR_TEXT_BYTES];
    dns_begin_for(&message, "example.org", RESOLVER_AAAA);
    size_t alias = dns_record(&message, 5);
    dns_name(&message, "other.example.org");
    dns_end(&message, alias);
    dns_address(&message, "192.0.2.1");
    dns_address(&message, "2001:db8::1");
    size_t six = dns_record(&message, RESOLVER_AAAA);
    dns_bytes(&message, mapped, sizeof(mapped));
    dns_end(&message, six);
    assert_int_equal(read_as(RESOLVER_A), RESOLVER_OK);
    assert_int_equal(records.n, 1);
    addr_text(&records.of.addr[0], text);
    assert_string_equal(text, "192.0.2.1:0");
    assert_int_equal(read_as(RESOLVER_AAAA), RESOLVER_OK);
    assert_int_equal(records.n, 2);
    addr_text(&records.of.addr[0], text);
    assert_string_equal(text, "[2001:db8::1]:0");
    assert_int_equal(records.of.addr[1].family, 4);
    assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_NO_DATA);
}

static void keys_are_read_with_the_word_of_the_server(void **state)
{
    (void)state;
    static const uint8_t key[] = {3, 1, 1, 0xab, 0xcd};
    dns_begin_for(&message, "_5222._tcp.example.org", RESOLVER_TLSA);
    for (size_t len = 3; len <= sizeof(key); len++) {
        size_t record = dns_record(&message, RESOLVER_TLSA);
        dns_bytes(&message, key, len);
        dns_end(&message, record);
    }
    assert_int_equal(read_as(RESOLVER_TLSA), RESOLVER_OK);
    assert_int_equal(records.n, 2); /* that without data is none */
    assert_false(records.authenticated);
    assert_int_equal(records.of.tlsa[1].usage, 3);
    assert_int_equal(records.of.tlsa[1].selector, 1);
    assert_int_equal(records.of.tlsa[1].matching, 1);
    assert_int_equal(records.of.tlsa[1].len, 2);
    assert_memory_equal(records.of.tlsa[1].data, "\xab\xcd", 2);
    message.at[3] |= 0x20;
    assert_int_equal(read_as(RESOLVER_TLSA), RESOLVER_OK);
    assert_true(records.authenticated);
}

static void what_the_server_says_becomes_a_result(void **state)
{
    (void)state;
    static const enum resolver_result results[16] = {
        RESOLVER_NO_DATA,  RESOLVER_SERVFAIL,  RESOLVER_SERVFAIL, RESOLVER_NO_NAME,
        RESOLVER_SERVFAIL, RESOLVER_NO_SERVER, RESOLVER_SERVFAIL, RESOLVER_SERVFAIL,
        RESOLVER_SERVFAIL, RESOLVER_SERVFAIL,  RESOLVER_SERVFAIL, RESOLVER_SERVFAIL,
        RESOLVER_SERVFAIL, RESOLVER_SERVFAIL,  RESOLVER_SERVFAIL, RESOLVER_SERVFAIL,
    };
    for (unsigned rcode = 0; rcode < 16; rcode++) {
        dns_begin_for(&message, "example.org", RESOLVER_A);
        message.at[3] = (uint8_t)(0x80 | rcode);
        assert_int_equal(read_as(RESOLVER_A), results[rcode]);
    }
    message.at[2] = 0; /* a question is no answer */
    assert_int_equal(read_as(RESOLVER_A), RESOLVER_BAD_ANSWER);
}

static void unusable_records_are_left_out(void **state)
{
    (void)state;
    static const char *const targets[] = {"a b.example", "\xc3\xa4.example", "a\n.example",
                                          "a/b.example", "*.example",        "a\\.example"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        dns_begin_for(&message, "example.org", RESOLVER_SRV);
        dns_srv(&message, 1, 1, 5222, targets[i]);
        assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_BAD_ANSWER);
        dns_srv(&message, 2, 1, 0, "no-port.example");
        dns_srv(&message, 3, 1, 5222, "good.example");
        assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_OK);
        assert_int_equal(records.n, 1);
        assert_string_equal(records.of.srv[0].target, "good.example");
    }
    dns_begin_for(&message, "example.org", RESOLVER_A);
    dns_address(&message, "0.0.0.0");
    dns_address(&message, "::");
    size_t longer = dns_record(&message, RESOLVER_A);
    dns_bytes(&message, "\x7f\0\0\x01\x01", 5);
    dns_end(&message, longer);
    assert_int_equal(read_as(RESOLVER_A), RESOLVER_BAD_ANSWER);
    assert_int_equal(read_as(RESOLVER_AAAA), RESOLVER_BAD_ANSWER);
    dns_address(&message, "127.0.0.1");
    assert_int_equal(read_as(RESOLVER_A), RESOLVER_OK);
    assert_int_equal(records.n, 1);
}

static void V85_every_truncation_is_noticed(void **state)
{
    (void)state;
    dns_begin_for(&message, "_xmpp-client._tcp.example.org", RESOLVER_SRV);
    dns_srv(&message, 1, 1, 5222, "one.example.org");
    dns_srv(&message, 2, 1, 5222, "two.example.org");
    for (size_t len = message.len; len-- > 0;) {
        message.len = len;
        assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_BAD_ANSWER);
    }
}

/* A record whose target is what follows: bytes that are no name. */
static enum resolver_result read_target(const char *bytes, size_t len)
{
    size_t record = dns_record(&message, RESOLVER_SRV);
    dns_u16(&message, 1);
    dns_u16(&message, 1);
    dns_u16(&message, 5222);
    dns_bytes(&message, bytes, len);
    dns_end(&message, record);
    return read_as(RESOLVER_SRV);
}

static void V85_compression_comes_to_an_end(void **state)
{
    (void)state;
    /* The target is at 12 + 5 (question for the root) + 12 + 6 = 35. */
    static const struct {
        const char *bytes;
        size_t len;
        enum resolver_result result;
    } rows[] = {
        {"\xc0\x23", 2, RESOLVER_BAD_ANSWER}, /* itself */
        {"\x01"
         "a\xc0\x23",
         4, RESOLVER_BAD_ANSWER},                     /* a.a.a. … */
        {"\xc0\x25\xc0\x23", 4, RESOLVER_BAD_ANSWER}, /* longer than one name */
        {"\xff\xff", 2, RESOLVER_BAD_ANSWER},         /* beyond the message */
        {"\xc0", 1, RESOLVER_BAD_ANSWER},             /* half a pointer */
        {"\x80\x01", 2, RESOLVER_BAD_ANSWER},         /* reserved */
        {"\x40\x01", 2, RESOLVER_BAD_ANSWER},         /* reserved */
        {"\x05"
         "ab",
         3, RESOLVER_BAD_ANSWER}, /* a label beyond the record */
        {"\x01"
         "a",
         2, RESOLVER_BAD_ANSWER}, /* no end */
        {"\x01"
         "a\0\0",
         4, RESOLVER_BAD_ANSWER},             /* more than a name */
        {"\x01\0\0", 3, RESOLVER_BAD_ANSWER}, /* a label that is a NUL */
        {"", 0, RESOLVER_BAD_ANSWER},         /* nothing */
        {"\x01"
         "a\xc0\x0c",
         4, RESOLVER_OK}, /* a. and the root of the question */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        dns_begin_for(&message, "", RESOLVER_SRV);
        assert_int_equal(message.len, 17);
        assert_int_equal(read_target(rows[i].bytes, rows[i].len), rows[i].result);
    }
    assert_string_equal(records.of.srv[0].target, "a");
}

static void V85_names_end_at_255_octets(void **state)
{
    (void)state;
    char name[300];
    for (size_t len = 250; len < 260; len++) {
        memset(name, 'a', sizeof(name));
        for (size_t i = 50; i < len; i += 50)
            name[i] = '.';
        name[len] = '\0';
        if (name[len - 1] == '.')
            name[len - 1] = 'a'; /* the label before is one longer */
        dns_begin_for(&message, "example.org", RESOLVER_SRV);
        dns_srv(&message, 1, 1, 5222, name);
        assert_int_equal(read_as(RESOLVER_SRV), len <= 253 ? RESOLVER_OK : RESOLVER_BAD_ANSWER);
        if (len <= 253)
            assert_string_equal(records.of.srv[0].target, name);
    }
}

/* Many names, each of which leads backwards over all pointers before it. */
static void V85_a_full_message_of_pointers_is_read(void **state)
{
    (void)state;
    dns_begin_for(&message, "", RESOLVER_SRV);
    size_t before = DNS_QUESTION_AT;
    for (unsigned i = 0; message.len + 20 <= DNS_MESSAGE_BYTES_MAX && before < 0x3fff; i++) {
        size_t record = dns_record(&message, RESOLVER_SRV);
        dns_u16(&message, 1);
        dns_u16(&message, 1);
        dns_u16(&message, 5222);
        size_t here = message.len;
        dns_u16(&message, 0xc000 | (unsigned)before);
        before = here;
        dns_end(&message, record);
    }
    assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_OK);
    assert_int_equal(records.n, RESOLVER_RECORDS_MAX);
}

static void V85_a_thousand_records_give_the_first_64(void **state)
{
    (void)state;
    dns_begin_for(&message, "example.org", RESOLVER_SRV);
    for (unsigned i = 0; i < 1000; i++)
        dns_srv(&message, i, 0, 5222, "s.example.org");
    assert_int_equal(read_as(RESOLVER_SRV), RESOLVER_OK);
    assert_int_equal(records.n, RESOLVER_RECORDS_MAX);
    assert_int_equal(records.of.srv[63].priority, 63);
}

static void names_are_what_hosts_are_called(void **state)
{
    (void)state;
    static const char label63[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
    static const char *const bad[] = {"",          ".",   "..",  ".a",   "a..b", "a b",   "a.b..",
                                      "a\xc3\xa4", "a\n", "a/b", "a\\b", "a:1",  "[::1]", "*.a"};
    char out[RESOLVER_NAME_BYTES], name[300];
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(resolver_name_read(bad[i], out));
    assert_true(resolver_name_read("_xmpp-client._TCP.Example.org.", out));
    assert_string_equal(out, "_xmpp-client._tcp.example.org");
    assert_true(resolver_name_read(label63, out));
    snprintf(name, sizeof(name), "%sl", label63);
    assert_false(resolver_name_read(name, out));
    snprintf(name, sizeof(name), "%s.%s.%s.%.61s.", label63, label63, label63, label63);
    assert_int_equal(strlen(name), 254);
    assert_true(resolver_name_read(name, out));
    assert_int_equal(strlen(out), 253);
    snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label63, label63, label63, label63);
    assert_false(resolver_name_read(name, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_in_their_order),
        cmocka_unit_test(addresses_are_read_by_their_type),
        cmocka_unit_test(keys_are_read_with_the_word_of_the_server),
        cmocka_unit_test(what_the_server_says_becomes_a_result),
        cmocka_unit_test(unusable_records_are_left_out),
        cmocka_unit_test(V85_every_truncation_is_noticed),
        cmocka_unit_test(V85_compression_comes_to_an_end),
        cmocka_unit_test(V85_names_end_at_255_octets),
        cmocka_unit_test(V85_a_full_message_of_pointers_is_read),
        cmocka_unit_test(V85_a_thousand_records_give_the_first_64),
        cmocka_unit_test(names_are_what_hosts_are_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
