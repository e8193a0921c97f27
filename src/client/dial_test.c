/* Finding and connecting: which look-ups and attempts in which order, and what is told in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/client.h"
#include "client/test_dial.h"

static struct test_dial t;

#define XMPP   "_xmpp-client._tcp.example.org"
#define XMPPS  "_xmpps-client._tcp.example.org"
#define JABBER "_jabber._tcp.example.org"
#define BOTH   "srv " XMPPS ", srv " XMPP
#define HEADER                                                                                     \
    "<?xml version='1.0'?><stream:stream from='example.org' id='s' version='1.0'"                  \
    " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
#define STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"
#define CLIENT_HELLO  "\x16\x03\x01"

#define expect_open(text)     assert_string_equal(dial_open(&t), text)
#define expect_in(text, part) assert_non_null(strstr((text), (part)))

static void one(const char *service, const char *target, uint16_t port)
{
    dial_srv(&t, service, 1, (struct burble_srv[]){{10, 0, port, target}});
}

static void no_records(void)
{
    dial_fails(&t, XMPPS, "no such name");
    dial_fails(&t, XMPP, "no such name");
    dial_fails(&t, JABBER, "no such name");
}

static bool begins_tls(void)
{
    return buf_len(&t.sent) > 3 && memcmp(buf_slice(&t.sent).ptr, CLIENT_HELLO, 3) == 0;
}

static bool begins_stream(void)
{
    return buf_len(&t.sent) > 5 && memcmp(buf_slice(&t.sent).ptr, "<?xml", 5) == 0;
}

static void expect_end(enum burble_state state, enum burble_why why)
{
    if (t.state != state || t.why != why)
        fail_msg("state %d, why %d: %s", (int)t.state, (int)t.why, t.text);
    expect_open("");
}

/* ------------------------------------------------------------------------------------- finding */

static void both_services_are_asked_at_once_and_merged(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    expect_open(BOTH);
    assert_int_equal(t.state, BURBLE_RESOLVING);
    one(XMPP, "plain", 5222);
    expect_open("srv " XMPPS);
    dial_srv(&t, XMPPS, 1, (struct burble_srv[]){{5, 0, 443, "direct"}});
    expect_open("host direct");
    dial_host(&t, "direct", "192.0.2.1", false);
    expect_open("connect 192.0.2.1:443");
    assert_int_equal(t.state, BURBLE_CONNECTING);
    dial_connected(&t, "192.0.2.1:443");
    assert_true(begins_tls());
    dial_end(&t);
}

static void the_other_record_says_starttls(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    one(XMPPS, "direct", 443);
    dial_srv(&t, XMPP, 1, (struct burble_srv[]){{5, 0, 5269, "plain"}});
    dial_host(&t, "plain", "192.0.2.1", false);
    dial_connected(&t, "192.0.2.1:5269");
    assert_true(begins_stream());
    dial_end(&t);
}

static void one_slow_service_does_not_hold_the_other(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    one(XMPP, "plain", 5222);
    dial_pass(&t, DIAL_SRV_MS - 1);
    expect_open("srv " XMPPS);
    dial_pass(&t, 1);
    expect_open("host plain");
    dial_end(&t);
}

static void security_decides_what_is_asked(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_STARTTLS));
    expect_open("srv " XMPP);
    dial_end(&t);
    dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_DIRECT_TLS));
    expect_open("srv " XMPPS);
    dial_fails(&t, XMPPS, "no such name");
    expect_open("host example.org");
    dial_host(&t, "example.org", "192.0.2.1", false);
    expect_open("connect 192.0.2.1:5223");
    dial_connected(&t, "192.0.2.1:5223");
    assert_true(begins_tls());
    dial_end(&t);
}

static void without_records_the_old_service_and_then_the_domain(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    dial_fails(&t, XMPPS, "no such name");
    dial_fails(&t, XMPP, "no such name");
    expect_open("srv " JABBER);
    one(JABBER, "old", 5222);
    expect_open("host old");
    dial_end(&t);
    dial_new(&t, &BURBLE_CONFIG());
    no_records();
    expect_open("host example.org");
    dial_host(&t, "example.org", "192.0.2.1", false);
    expect_open("connect 192.0.2.1:5222");
    dial_connected(&t, "192.0.2.1:5222");
    assert_true(begins_stream());
    dial_end(&t);
}

static void a_domain_can_say_that_it_has_no_service(void **state)
{
    static const struct burble_srv NEVER = {0, 0, 0, ""};
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    dial_srv(&t, XMPPS, 1, &NEVER);
    dial_srv(&t, XMPP, 1, &NEVER);
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_NO_SERVICE);
    dial_end(&t);
    /* XEP-0368: "." for direct TLS keeps the domain itself from being tried. */
    dial_new(&t, &BURBLE_CONFIG());
    dial_srv(&t, XMPPS, 1, &NEVER);
    dial_fails(&t, XMPP, "no such name");
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_NO_SERVICE);
    dial_end(&t);
    /* One service is decided, the other is not known: it may be there later. */
    dial_new(&t, &BURBLE_CONFIG());
    dial_srv(&t, XMPPS, 1, &NEVER);
    dial_fails(&t, XMPP, "the servers failed");
    expect_end(BURBLE_WAITING, BURBLE_WHY_DNS);
    expect_in(t.text, "SRV records could not be looked up: the servers failed");
    dial_end(&t);
    /* The other one is there. */
    dial_new(&t, &BURBLE_CONFIG());
    dial_srv(&t, XMPPS, 1, &NEVER);
    one(XMPP, "plain", 5222);
    expect_open("host plain");
    dial_end(&t);
}

static void a_failed_look_up_falls_back_and_is_told(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    dial_fails(&t, XMPPS, "no such name");
    dial_fails(&t, XMPP, "no answer from the DNS");
    dial_fails(&t, JABBER, "no such name");
    dial_host(&t, "example.org", "2001:db8::1 192.0.2.1", false);
    dial_refused(&t, "[2001:db8::1]:5222");
    dial_refused(&t, "192.0.2.1:5222");
    expect_end(BURBLE_WAITING, BURBLE_WHY_UNREACHABLE);
    assert_string_equal(t.text, "no address of example.org:5222 answered: connection refused "
                                "(2001:db8::1, 192.0.2.1); SRV records could not be looked up: no "
                                "answer from the DNS");
    dial_end(&t);
}

static void names_that_are_not_there_are_told(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    no_records();
    dial_fails(&t, "example.org", "no such name");
    expect_end(BURBLE_WAITING, BURBLE_WHY_DNS);
    assert_string_equal(t.text, "example.org:5222: no such name");
    dial_end(&t);
}

static void domains_are_asked_in_ascii_and_addresses_not_at_all(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.jid = "me@b\xc3\xbc"
                                       "cher.example"));
    expect_open("srv _xmpps-client._tcp.xn--bcher-kva.example, "
                "srv _xmpp-client._tcp.xn--bcher-kva.example");
    dial_end(&t);
    dial_new(&t, &BURBLE_CONFIG(.jid = "me@[::1]"));
    expect_open("host ::1");
    dial_host(&t, "::1", "::1", false);
    expect_open("connect [::1]:5222");
    dial_end(&t);
}

static void a_host_or_port_of_the_configuration_is_all_there_is(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.host = "else.example", .port = 443));
    expect_open("host else.example");
    dial_host(&t, "else.example", "192.0.2.1", false);
    expect_open("connect 192.0.2.1:443");
    dial_connected(&t, "192.0.2.1:443");
    assert_true(begins_stream());
    dial_end(&t);
    dial_new(&t, &BURBLE_CONFIG(.port = 5223));
    expect_open("host example.org");
    dial_host(&t, "example.org", "192.0.2.1", false);
    dial_connected(&t, "192.0.2.1:5223");
    assert_true(begins_tls());
    dial_end(&t);
    dial_new(&t, &BURBLE_CONFIG(.host = "no such host"));
    expect_end(BURBLE_WAITING, BURBLE_WHY_DNS);
    dial_end(&t);
}

/* ------------------------------------------------------------------------------- happy eyeballs */

static void to_addresses(const char *addresses)
{
    dial_new(&t, &BURBLE_CONFIG(.host = "h"));
    dial_host(&t, "h", addresses, false);
}

static void families_take_turns_a_quarter_of_a_second_apart(void **state)
{
    (void)state;
    to_addresses("192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2 2001:db8::3");
    expect_open("connect [2001:db8::1]:5222");
    dial_pass(&t, DIAL_ATTEMPT_MS - 1);
    expect_open("connect [2001:db8::1]:5222");
    dial_pass(&t, 1);
    expect_open("connect [2001:db8::1]:5222, connect 192.0.2.1:5222");
    dial_pass(&t, 3 * DIAL_ATTEMPT_MS);
    expect_open("connect [2001:db8::1]:5222, connect 192.0.2.1:5222, "
                "connect [2001:db8::2]:5222, connect 192.0.2.2:5222, "
                "connect [2001:db8::3]:5222");
    dial_connected(&t, "192.0.2.2:5222");
    expect_open("connect 192.0.2.2:5222");
    assert_true(begins_stream());
    dial_end(&t);
}

static void a_refusal_lets_the_next_begin_at_once(void **state)
{
    (void)state;
    to_addresses("192.0.2.1 2001:db8::1");
    dial_refused(&t, "[2001:db8::1]:5222");
    expect_open("connect 192.0.2.1:5222");
    dial_end(&t);
}

static void ipv6_is_waited_for_a_moment(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.host = "h"));
    dial_host(&t, "h", "192.0.2.1", true);
    expect_open("host h");
    dial_pass(&t, DIAL_RESOLUTION_MS - 1);
    dial_host(&t, "h", "2001:db8::1", false);
    expect_open("connect [2001:db8::1]:5222");
    dial_end(&t);
    dial_new(&t, &BURBLE_CONFIG(.host = "h"));
    dial_host(&t, "h", "192.0.2.1", true);
    dial_pass(&t, DIAL_RESOLUTION_MS);
    expect_open("host h, connect 192.0.2.1:5222");
    dial_connected(&t, "192.0.2.1:5222");
    expect_open("connect 192.0.2.1:5222");
    dial_end(&t);
}

static void V85_hosts_with_many_addresses_end(void **state)
{
    char many[2048];
    size_t at = 0;
    (void)state;
    for (int i = 0; i < 60; i++)
        at += (size_t)snprintf(many + at, sizeof(many) - at, "%s2001:db8::%x", i > 0 ? " " : "",
                               i + 1);
    to_addresses(many);
    dial_pass(&t, 60000);
    expect_end(BURBLE_WAITING, BURBLE_WHY_UNREACHABLE);
    assert_int_equal(t.attempts, DIAL_ADDRESSES);
    expect_in(t.text, "no address of h:5222 answered: no answer in time (2001:db8::1, ");
    dial_end(&t);
}

/* -------------------------------------------------------------------------- from target to target
 */

static void two_targets(void)
{
    dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_STARTTLS));
    dial_srv(&t, XMPP, 2, (struct burble_srv[]){{1, 0, 5222, "a"}, {2, 0, 5222, "b"}});
}

static void a_dead_target_is_passed_over(void **state)
{
    (void)state;
    two_targets();
    dial_host(&t, "a", "192.0.2.1", false);
    dial_pass(&t, DIAL_TARGET_MS - 1);
    expect_open("connect 192.0.2.1:5222");
    dial_pass(&t, 1);
    expect_open("connect 192.0.2.1:5222, host b");
    dial_host(&t, "b", "192.0.2.2", false);
    dial_connected(&t, "192.0.2.2:5222");
    expect_open("connect 192.0.2.2:5222");
    dial_end(&t);
    two_targets();
    dial_fails(&t, "a", "no such name");
    expect_open("host b");
    dial_host(&t, "b", "192.0.2.2", false);
    dial_refused(&t, "192.0.2.2:5222");
    expect_end(BURBLE_WAITING, BURBLE_WHY_UNREACHABLE);
    assert_string_equal(t.text,
                        "a:5222: no such name; no address of b:5222 answered: connection refused "
                        "(192.0.2.2)");
    dial_end(&t);
}

static void C04_a_captive_portal_leads_on_and_is_told(void **state)
{
    (void)state;
    two_targets();
    dial_host(&t, "a", "192.0.2.1", false);
    dial_connected(&t, "192.0.2.1:5222");
    dial_says(&t, "192.0.2.1:5222", "HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n");
    dial_pass(&t, 5000); /* the end of its stream is awaited */
    expect_open("host b");
    dial_host(&t, "b", "192.0.2.2", false);
    dial_refused(&t, "192.0.2.2:5222");
    expect_end(BURBLE_WAITING, BURBLE_WHY_NOT_XMPP);
    expect_in(t.text, "a:5222: ");
    dial_end(&t);
}

static void C04_http_where_tls_should_be(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_DIRECT_TLS));
    one(XMPPS, "a", 443);
    dial_host(&t, "a", "192.0.2.1", false);
    dial_connected(&t, "192.0.2.1:443");
    dial_says(&t, "192.0.2.1:443", "HTTP/1.1 400 Bad Request\r\n\r\n");
    expect_end(BURBLE_WAITING, BURBLE_WHY_NOT_XMPP);
    dial_end(&t);
}

static void the_most_telling_failure_is_told(void **state)
{
    (void)state;
    two_targets();
    dial_host(&t, "a", "192.0.2.1", false);
    dial_connected(&t, "192.0.2.1:5222");
    dial_says(&t, "192.0.2.1:5222", HEADER "<stream:features/>");
    expect_open("host b");
    dial_host(&t, "b", "192.0.2.2 192.0.2.3", false);
    dial_connected(&t, "192.0.2.2:5222");
    dial_refused(&t, "192.0.2.2:5222"); /* it breaks */
    expect_open("connect 192.0.2.3:5222");
    dial_refused(&t, "192.0.2.3:5222");
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_NO_TLS);
    expect_in(t.text, "a:5222: the server offers no encryption");
    dial_end(&t);
}

static void a_tarpit_has_its_share_of_the_time_and_no_more(void **state)
{
    (void)state;
    two_targets();
    dial_host(&t, "a", "192.0.2.1", false);
    dial_connected(&t, "192.0.2.1:5222");
    dial_pass(&t, DIAL_SHARE_MAX_MS - 1);
    expect_open("connect 192.0.2.1:5222");
    dial_pass(&t, 1);
    expect_open("host b");
    dial_host(&t, "b", "192.0.2.2", false);
    dial_connected(&t, "192.0.2.2:5222");
    dial_pass(&t, 60000 - DIAL_SHARE_MAX_MS - 1);
    expect_open("connect 192.0.2.2:5222");
    dial_pass(&t, 1);
    expect_end(BURBLE_WAITING, BURBLE_WHY_TIMEOUT);
    expect_in(t.text, "a:5222: ");
    dial_end(&t);
}

static void V85_nothing_but_tarpits_ends_in_time(void **state)
{
    static struct burble_srv many[1000];
    static char names[1000][8], address[32], place[40];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "h%u", i);
        many[i] = (struct burble_srv){(uint16_t)i, 0, 5222, names[i]};
    }
    dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_STARTTLS));
    dial_srv(&t, XMPP, 1000, many);
    for (unsigned i = 0; t.state != BURBLE_WAITING; i++) {
        assert_true(i < 32);
        snprintf(address, sizeof(address), "192.0.2.%u", i);
        snprintf(place, sizeof(place), "192.0.2.%u:5222", i);
        dial_host(&t, names[i], address, false);
        dial_connected(&t, place);
        while (t.open_count > 0 && strstr(dial_open(&t), place) != NULL)
            dial_pass(&t, 1000);
    }
    assert_true(t.now.mono_ms <= 1000 + 60000);
    expect_end(BURBLE_WAITING, BURBLE_WHY_TIMEOUT);
    dial_end(&t);
}

static void V85_nothing_but_refused_ports_ends(void **state)
{
    static struct burble_srv many[1000];
    static char names[1000][8];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "h%u", i);
        many[i] = (struct burble_srv){7, 0, 5222, names[i]};
    }
    dial_new(&t, &BURBLE_CONFIG(.security = BURBLE_STARTTLS));
    dial_srv(&t, XMPP, 1000, many);
    while (t.open_count > 0) {
        char name[300];
        snprintf(name, sizeof(name), "%s", t.open[0].name);
        if (t.open[0].kind == BURBLE_DO_CONNECT)
            dial_refused(&t, name);
        else
            dial_host(&t, name, "192.0.2.1", false);
    }
    expect_end(BURBLE_WAITING, BURBLE_WHY_UNREACHABLE);
    assert_int_equal(t.attempts, 32);
    dial_end(&t);
}

static void V85_silence_of_the_dns_ends_too(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    dial_pass(&t, 60000);
    expect_end(BURBLE_WAITING, BURBLE_WHY_DNS);
    dial_end(&t);
}

static void leaving_closes_everything(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    burble_disconnect(t.c);
    dial_pass(&t, 0);
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_LEFT);
    dial_end(&t);
    to_addresses("192.0.2.1 2001:db8::1");
    dial_pass(&t, DIAL_ATTEMPT_MS);
    burble_disconnect(t.c);
    dial_pass(&t, 0);
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_LEFT);
    dial_end(&t);
}

static void what_is_old_is_ignored(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    uint32_t id = t.open[0].id;
    no_records();
    for (int kind = BURBLE_IN_TIME; kind <= BURBLE_IN_BYTES; kind++)
        for (uint32_t k = 0; k < 2; k++)
            dial_feed(
                &t, &(struct burble_input){
                        .kind = (enum burble_input_kind)kind, .id = id * k, .data = "x", .len = 1});
    expect_open("host example.org");
    dial_end(&t);
}

/* --------------------------------------------------------------------------------- see-other-host
 */

static void send_on(const char *from, const char *where)
{
    static char text[2048];
    dial_connected(&t, from);
    snprintf(text, sizeof(text),
             HEADER "<stream:error><see-other-host xmlns='" STREAM_ERRORS "'>%s</see-other-host>"
                    "</stream:error></stream:stream>",
             where);
    dial_says(&t, from, text);
}

static void C05_see_other_host_is_followed_at_most_three_times(void **state)
{
    (void)state;
    to_addresses("192.0.2.1");
    send_on("192.0.2.1:5222", "other.example:9000");
    for (int i = 0; i < 2; i++) {
        expect_open("host other.example");
        dial_host(&t, "other.example", "192.0.2.2", false);
        send_on("192.0.2.2:9000", "other.example:9000");
    }
    dial_host(&t, "other.example", "192.0.2.2", false);
    send_on("192.0.2.2:9000", "[2001:db8::1]:9000");
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_REDIRECT);
    assert_string_equal(t.condition, "see-other-host");
    expect_in(t.text, "[2001:db8::1]:9000");
    dial_end(&t);
}

static void C05_only_where_nothing_else_listens(void **state)
{
    static const char *const BAD[] = {"a:25", "a:80",    "a:1023",      "a:0",     "",
                                      "a b",  "a:65536", "/etc/passwd", "[::1]:22"};
    static char text[1200];
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        to_addresses("192.0.2.1");
        send_on("192.0.2.1:5222", BAD[i]);
        expect_end(BURBLE_OFFLINE, BURBLE_WHY_REDIRECT);
        expect_in(t.text, BAD[i]);
        dial_end(&t);
    }
    memset(text, 'a', 700);
    text[700] = '\0';
    to_addresses("192.0.2.1");
    send_on("192.0.2.1:5222", text);
    expect_end(BURBLE_OFFLINE, BURBLE_WHY_REDIRECT);
    assert_true(strlen(t.text) < 512);
    dial_end(&t);
    to_addresses("192.0.2.1");
    send_on("192.0.2.1:5222", "a:443");
    expect_open("host a");
    dial_end(&t);
}

static void C05_a_place_that_fails_leads_back_to_the_records(void **state)
{
    (void)state;
    two_targets();
    dial_host(&t, "a", "192.0.2.1 192.0.2.9", false);
    send_on("192.0.2.1:5222", "other.example");
    expect_open("host other.example");
    dial_fails(&t, "other.example", "no such name");
    expect_open("host b");
    dial_end(&t);
}

/* ------------------------------------------------------------------------------------- a proxy */

static void with_a_proxy_it_looks_up_the_names(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.proxy = "http://proxy.example:3128"));
    one(XMPP, "plain", 5222);
    one(XMPPS, "direct", 443);
    for (int i = 0; i < 2; i++) {
        expect_open("host proxy.example");
        dial_host(&t, "proxy.example", "192.0.2.9 192.0.2.8", false);
        expect_open("connect 192.0.2.9:3128");
        dial_connected(&t, "192.0.2.9:3128");
        struct slice sent = buf_slice(&t.sent);
        assert_true(slice_starts(sent, SLICE("CONNECT direct:443 ")) ||
                    slice_starts(sent, SLICE("CONNECT plain:5222 ")));
        dial_says(&t, "192.0.2.9:3128", "HTTP/1.1 502 Bad Gateway\r\n\r\n");
    }
    expect_end(BURBLE_WAITING, BURBLE_WHY_PROXY);
    dial_end(&t);
}

static void a_proxy_that_is_not_there_is_told(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG(.proxy = "socks5://[::1]:1080", .security = BURBLE_STARTTLS));
    dial_srv(&t, XMPP, 2, (struct burble_srv[]){{1, 0, 5222, "a"}, {2, 0, 5222, "b"}});
    dial_host(&t, "::1", "::1", false);
    dial_refused(&t, "[::1]:1080");
    expect_end(BURBLE_WAITING, BURBLE_WHY_PROXY);
    assert_string_equal(t.text, "no address of the proxy [::1]:1080 answered: connection refused "
                                "(::1)");
    dial_end(&t);
}

/* ----------------------------------------------------------------------------- resumption's place
 */

static void a_session_is_resumed_where_the_server_wants_it(void **state)
{
    (void)state;
    dial_new(&t, &BURBLE_CONFIG());
    no_records();
    dial_fails(&t, "example.org", "no such name");
    t.c->sm.id = client_copy(SLICE("s"));
    t.c->sm.location = client_copy(SLICE("[2001:db8::5]:9222"));
    dial_pass(&t, 1000);
    expect_open("host 2001:db8::5");
    dial_host(&t, "2001:db8::5", "2001:db8::5", false);
    dial_refused(&t, "[2001:db8::5]:9222");
    expect_open(BOTH);
    dial_pass(&t, DIAL_TARGET_MS); /* the attempt's timer is not the search's */
    expect_open(BOTH);
    dial_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_services_are_asked_at_once_and_merged),
        cmocka_unit_test(the_other_record_says_starttls),
        cmocka_unit_test(one_slow_service_does_not_hold_the_other),
        cmocka_unit_test(security_decides_what_is_asked),
        cmocka_unit_test(without_records_the_old_service_and_then_the_domain),
        cmocka_unit_test(a_domain_can_say_that_it_has_no_service),
        cmocka_unit_test(a_failed_look_up_falls_back_and_is_told),
        cmocka_unit_test(names_that_are_not_there_are_told),
        cmocka_unit_test(domains_are_asked_in_ascii_and_addresses_not_at_all),
        cmocka_unit_test(a_host_or_port_of_the_configuration_is_all_there_is),
        cmocka_unit_test(families_take_turns_a_quarter_of_a_second_apart),
        cmocka_unit_test(a_refusal_lets_the_next_begin_at_once),
        cmocka_unit_test(ipv6_is_waited_for_a_moment),
        cmocka_unit_test(V85_hosts_with_many_addresses_end),
        cmocka_unit_test(a_dead_target_is_passed_over),
        cmocka_unit_test(C04_a_captive_portal_leads_on_and_is_told),
        cmocka_unit_test(C04_http_where_tls_should_be),
        cmocka_unit_test(the_most_telling_failure_is_told),
        cmocka_unit_test(a_tarpit_has_its_share_of_the_time_and_no_more),
        cmocka_unit_test(V85_nothing_but_tarpits_ends_in_time),
        cmocka_unit_test(V85_nothing_but_refused_ports_ends),
        cmocka_unit_test(V85_silence_of_the_dns_ends_too),
        cmocka_unit_test(leaving_closes_everything),
        cmocka_unit_test(what_is_old_is_ignored),
        cmocka_unit_test(C05_see_other_host_is_followed_at_most_three_times),
        cmocka_unit_test(C05_only_where_nothing_else_listens),
        cmocka_unit_test(C05_a_place_that_fails_leads_back_to_the_records),
        cmocka_unit_test(with_a_proxy_it_looks_up_the_names),
        cmocka_unit_test(a_proxy_that_is_not_there_is_told),
        cmocka_unit_test(a_session_is_resumed_where_the_server_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
