/* Tests of what the probe reads and how it judges: rules alone, without a network. */
#include "burble/test_support.h"

#include "base/mem.h"
#include "burble/probe.h"
#include "xml/parser.h"
#include "xmpp/ns.h"

#define STREAM "xmlns:stream='http://etherx.jabber.org/streams'"

enum { NOW_S = 1800000000, DAY_S = 86400 };

static struct probe *p;
static struct probe_features f;

static void read_features(const char *inside)
{
    static char text[4096];
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree;
    snprintf(text, sizeof(text), "<stream:features " STREAM ">%s</stream:features>", inside);
    assert_int_equal(xml_parse(slice_z(text), NS_CLIENT, &limits, &tree), XML_OK);
    probe_read_features(xml_root(tree), &f);
    xml_tree_free(&tree);
}

static void features_are_read(void **state)
{
    (void)state;
    read_features(
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
        "<mechanism>SCRAM-SHA-1</mechanism><mechanism/></mechanisms>"
        "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism>"
        "<inline><bind xmlns='urn:xmpp:bind:0'/><fast xmlns='urn:xmpp:fast:0'/></inline>"
        "</authentication>"
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding "
        "type='tls-exporter'/><channel-binding type='x'/></sasl-channel-binding>"
        "<register xmlns='http://jabber.org/features/iq-register'/>");
    assert_true(f.seen && f.starttls && f.starttls_required && f.registration);
    assert_int_equal(f.sasl.count, 2);
    assert_string_equal(f.sasl.text[1], "SCRAM-SHA-1");
    assert_string_equal(f.sasl2.text[0], "SCRAM-SHA-256-PLUS");
    assert_true(f.bind2 && f.fast && !f.sm_inline && f.bindings_said);
    assert_int_equal(f.bindings, PROBE_BIND_EXPORTER | PROBE_BIND_OTHER);
    read_features("");
    assert_true(f.seen && !f.starttls && f.sasl.count == 0 && !f.bindings_said);
}

static void strange_names_are_cut_and_harmless(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_lit(&text, "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                   "<mechanism>a \xd0\x96</mechanism>");
    for (int i = 0; i < 40; i++)
        buf_lit(&text, "<mechanism>X</mechanism>");
    buf_append(&text, "</mechanisms>", sizeof("</mechanisms>")); /* with its NUL */
    read_features(buf_slice(&text).ptr);
    buf_free(&text);
    assert_int_equal(f.sasl.count, PROBE_MECHANISMS_MAX);
    assert_string_equal(f.sasl.text[0], "a???");
}

static void host_meta_is_read_in_both_forms(void **state)
{
    (void)state;
    static struct probe_meta m;
    memset(&m, 0, sizeof(m));
    assert_true(probe_read_xrd(
        SLICE("\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<!-- we -- > -->\n"
              "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'><!-- x -->"
              "<Link rel='urn:xmpp:alt-connections:xbosh' href='https://h/bosh'/>"
              "<Link rel='lrdd' href='https://h/'/>"
              "<Link rel='urn:xmpp:alt-connections:websocket' href='wss://h/ws'/></XRD>\n"),
        &m));
    assert_int_equal(m.count, 2);
    assert_string_equal(m.links[1].rel, "websocket");
    assert_string_equal(m.links[1].href, "wss://h/ws");
    memset(&m, 0, sizeof(m));
    assert_true(probe_read_jrd(SLICE("{\"links\":[{\"rel\":\"urn:xmpp:alt-connections:websocket\","
                                     "\"href\":\"wss://h/ws\"},{\"rel\":1},2]}"),
                               &m));
    assert_int_equal(m.count, 1);
    static const char *const NONE[] = {"",   "<html>", "<XRD/>", "<!--",
                                       "<?", "[1]",    "null",   "<!DOCTYPE html><html></html>"};
    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++) {
        memset(&m, 0, sizeof(m));
        assert_false(probe_read_xrd(slice_z(NONE[i]), &m));
        assert_false(probe_read_jrd(slice_z(NONE[i]), &m));
        assert_int_equal(m.count, 0);
    }
}

/* A domain with which nothing is wrong. */
static void good(void)
{
    if (p == NULL)
        p = mem_new(struct probe);
    for (size_t i = 0; i < PROBE_PLACES; i++)
        buf_free(&p->account.features[i]);
    memset(p, 0, sizeof(*p));
    p->domain = p->ascii = "example.org";
    p->srv_asked = true;
    p->srv[PROBE_SERVER] = p->srv[PROBE_SERVER_TLS] = RESOLVER_NO_NAME;
    p->target_count = 1;
    struct probe_target *t = &p->targets[0];
    *t = (struct probe_target){.service = PROBE_CLIENT,
                               .port = 5222,
                               .host = "one.example.org",
                               .address_count = 1,
                               .tlsa_result = RESOLVER_NO_DATA};
    assert_true(addr_parse(SLICE("192.0.2.1"), 5222, &t->addresses[0]));
    p->port_count = 1;
    struct probe_port *port = &p->ports[0];
    port->target = t;
    port->addr = t->addresses[0];
    port->tcp = port->tls = PROBE_YES;
    port->versions[PROBE_TLS_1_0] = port->versions[PROBE_TLS_1_1] = PROBE_NO;
    port->versions[PROBE_TLS_1_2] = port->versions[PROBE_TLS_1_3] = PROBE_YES;
    port->facts.version = "TLSv1.3";
    port->facts.cipher = "";
    port->facts.chain_len = 2;
    snprintf(port->facts.key_type, sizeof(port->facts.key_type), "EC");
    port->facts.key_bits = 256;
    port->facts.not_after_s = NOW_S + 60 * DAY_S;
    port->clear.seen = port->clear.starttls = port->clear.starttls_required = true;
    read_features("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1-PLUS"
                  "</mechanism></mechanisms><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
                  "<channel-binding type='tls-exporter'/></sasl-channel-binding>");
    port->secured = f;
}

static int judge(void)
{
    probe_judge(p, NOW_S);
    return probe_exit_code(p);
}

/* The worst row has this in it. */
static void says(enum probe_level level, int code, const char *part)
{
    assert_int_equal(judge(), code);
    for (size_t i = 0; i < p->row_count; i++)
        if (p->rows[i].level == level && strstr(p->rows[i].text, part) != NULL)
            return;
    for (size_t i = 0; i < p->row_count; i++)
        print_error("%d %s %s: %s\n", (int)p->rows[i].level, p->rows[i].what, p->rows[i].where,
                    p->rows[i].text);
    fail_msg("no row says \"%s\"", part);
}

static void nothing_is_wrong(void **state)
{
    (void)state;
    good();
    says(PROBE_OK, EXIT_DONE, "nothing is wrong");
    p->srv[PROBE_CLIENT_TLS] = RESOLVER_NO_DATA;
    says(PROBE_OK, EXIT_DONE, "direct TLS");
}

static void the_DNS_is_judged(void **state)
{
    (void)state;
    good();
    p->srv[PROBE_CLIENT] = p->srv[PROBE_CLIENT_TLS] = RESOLVER_NO_NAME;
    says(PROBE_WARNING, EXIT_REFUSED, "clients try example.org:5222");
    good();
    p->srv[PROBE_CLIENT] = RESOLVER_SERVFAIL;
    says(PROBE_ERROR, EXIT_UNREACHABLE, "ask the DNS servers");
    good();
    p->targets[0].none = true;
    says(PROBE_ERROR, EXIT_UNREACHABLE, "no such service");
    good();
    p->targets[0].address_count = 0;
    p->targets[0].resolved = RESOLVER_NO_NAME;
    says(PROBE_ERROR, EXIT_UNREACHABLE, "take it out of the SRV records");
    good();
    p->ports[0].tcp = PROBE_UNKNOWN;
    snprintf(p->ports[0].error, sizeof(p->ports[0].error), "there is no way there from here");
    says(PROBE_ERROR, EXIT_UNREACHABLE, "no address for clients could be reached");
    good();
    p->late = true;
    says(PROBE_WARNING, EXIT_REFUSED, "--time");
}

static void the_certificate_is_judged(void **state)
{
    (void)state;
    static const struct {
        enum tls_fault fault;
        const char *part;
    } ROWS[] = {
        {TLS_FAULT_EXPIRED, "renew it"},   {TLS_FAULT_NOT_YET_VALID, "clocks"},
        {TLS_FAULT_WRONG_NAME, "dNSName"}, {TLS_FAULT_UNTRUSTED, "an authority"},
        {TLS_FAULT_SELF_SIGNED, "pin"},    {TLS_FAULT_WEAK, "get another one"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        good();
        p->ports[0].problem.fault = ROWS[i].fault;
        says(PROBE_ERROR, EXIT_LOGIN, ROWS[i].part);
    }
    good();
    p->ports[0].problem.fault = TLS_FAULT_UNTRUSTED;
    p->ports[0].facts.chain_len = 1;
    says(PROBE_ERROR, EXIT_LOGIN, "add those between");
    good();
    p->ports[0].facts.not_after_s = NOW_S + PROBE_SOON_DAYS * DAY_S;
    assert_int_equal(judge(), EXIT_DONE);
    p->ports[0].facts.not_after_s--;
    says(PROBE_WARNING, EXIT_REFUSED, "ends in 13 days");
    good();
    snprintf(p->ports[0].facts.key_type, sizeof(p->ports[0].facts.key_type), "RSA");
    p->ports[0].facts.key_bits = 1024;
    says(PROBE_WARNING, EXIT_REFUSED, "1024 bits");
}

static void TLSA_is_compared_where_it_can_be(void **state)
{
    (void)state;
    good();
    struct probe_target *t = &p->targets[0];
    t->tlsa_authenticated = true;
    t->tlsa_count = 1;
    t->tlsa[0] = (struct probe_tlsa){.usage = 3, .selector = 1, .matching = 1, .len = 32};
    assert_int_equal(judge(), EXIT_DONE); /* the pin is zeros, too */
    p->ports[0].facts.pin[0] = 1;
    says(PROBE_ERROR, EXIT_LOGIN, "no record names the key");
    t->tlsa[1] = (struct probe_tlsa){.usage = 2, .selector = 0, .matching = 1, .len = 32};
    t->tlsa_count = 2;
    assert_int_equal(judge(), EXIT_DONE); /* that one may fit */
    t->tlsa_authenticated = false;
    says(PROBE_WARNING, EXIT_REFUSED, "DNSSEC");
}

static void TLS_and_logins_are_judged(void **state)
{
    (void)state;
    good();
    p->ports[0].versions[PROBE_TLS_1_1] = PROBE_YES;
    says(PROBE_WARNING, EXIT_REFUSED, "TLS 1.1, which RFC 8996 forbids");
    p->ports[0].versions[PROBE_TLS_1_0] = PROBE_YES;
    says(PROBE_WARNING, EXIT_REFUSED, "TLS 1.0 and 1.1, which");
    good();
    p->ports[0].versions[PROBE_TLS_1_3] = PROBE_NO;
    says(PROBE_WARNING, EXIT_REFUSED, "does not take TLS 1.3");
    good();
    p->ports[0].clear.sasl = p->ports[0].secured.sasl;
    says(PROBE_ERROR, EXIT_LOGIN, "without TLS");
    p->ports[0].tls = PROBE_UNKNOWN; /* nor is there any TLS */
    says(PROBE_ERROR, EXIT_LOGIN, "without TLS");
    good();
    p->ports[0].secured.bindings = 0;
    says(PROBE_WARNING, EXIT_REFUSED, "no channel binding that TLS 1.3 has");
    p->ports[0].secured.bindings = PROBE_BIND_UNIQUE;
    says(PROBE_WARNING, EXIT_REFUSED, "no channel binding that TLS 1.3 has");
    p->ports[0].versions[PROBE_TLS_1_3] = PROBE_UNKNOWN;
    assert_int_equal(judge(), EXIT_DONE);
    good();
    p->ports[0].secured.sasl.count = 0;
    says(PROBE_ERROR, EXIT_LOGIN, "nobody can log in");
    good();
    snprintf(p->ports[0].secured.sasl.text[0], PROBE_NAME_BYTES, "PLAIN");
    says(PROBE_WARNING, EXIT_REFUSED, "no SCRAM");
    good();
    snprintf(p->ports[0].secured.sasl.text[0], PROBE_NAME_BYTES, "SCRAM-SHA-1");
    says(PROBE_OK, EXIT_DONE, "no channel binding");
    good();
    p->ports[0].secured.registration = true;
    says(PROBE_WARNING, EXIT_REFUSED, "everybody can make accounts");
    good();
    snprintf(p->ports[0].secured.sasl2.text[0], PROBE_NAME_BYTES, "digest-md5");
    p->ports[0].secured.sasl2.count = 1;
    says(PROBE_WARNING, EXIT_REFUSED, "historic");
}

static void streams_that_break_are_judged(void **state)
{
    (void)state;
    good();
    p->ports[0].tcp = PROBE_NO;
    p->ports[0].tls = PROBE_UNKNOWN;
    snprintf(p->ports[0].error, sizeof(p->ports[0].error), "nobody listens there");
    says(PROBE_ERROR, EXIT_UNREACHABLE, "firewall");
    good();
    p->ports[0].tls = PROBE_UNKNOWN;
    snprintf(p->ports[0].condition, sizeof(p->ports[0].condition), "host-unknown");
    says(PROBE_ERROR, EXIT_PROTOCOL, "does not know example.org");
    good();
    p->ports[0].tls = PROBE_NO;
    snprintf(p->ports[0].error, sizeof(p->ports[0].error), "handshake");
    says(PROBE_ERROR, EXIT_LOGIN, "handshake");
    /* Other servers: what nobody has announced need not be there, and dialback is theirs. */
    good();
    p->targets[1] = (struct probe_target){.service = PROBE_SERVER, .implied = true, .port = 5269};
    p->target_count = 2;
    p->ports[1].target = &p->targets[1];
    p->ports[1].addr = p->targets[0].addresses[0];
    p->ports[1].tcp = PROBE_NO;
    p->port_count = 2;
    says(PROBE_OK, EXIT_DONE, "no other servers");
    p->ports[1].tcp = p->ports[1].tls = PROBE_YES;
    p->ports[1].versions[PROBE_TLS_1_3] = PROBE_YES;
    p->ports[1].facts = p->ports[0].facts;
    p->ports[1].problem.fault = TLS_FAULT_SELF_SIGNED;
    says(PROBE_WARNING, EXIT_REFUSED, "dialback");
}

static void host_meta_is_judged(void **state)
{
    (void)state;
    good();
    p->meta_asked = true;
    says(PROBE_OK, EXIT_DONE, "only web clients need it");
    p->meta_xml =
        (struct probe_meta){.there = PROBE_YES, .readable = true, .any_origin = true, .count = 1};
    snprintf(p->meta_xml.links[0].href, PROBE_TEXT_BYTES, "wss://h/ws");
    p->meta_json = p->meta_xml;
    says(PROBE_OK, EXIT_DONE, "names 1 ways in");
    snprintf(p->meta_xml.links[0].href, PROBE_TEXT_BYTES, "ws://h/ws");
    says(PROBE_WARNING, EXIT_REFUSED, "not encrypted");
    p->meta_xml.any_origin = false;
    says(PROBE_WARNING, EXIT_REFUSED, "Access-Control-Allow-Origin");
    p->meta_json.count = 0;
    says(PROBE_WARNING, EXIT_REFUSED, "does not say the same");
    p->meta_xml.readable = false;
    says(PROBE_WARNING, EXIT_REFUSED, "no XRD");
}

static void features_are_held_against_the_suites(void **state)
{
    (void)state;
    static const char SERVER[] =
        "vcard-temp\nurn:xmpp:carbons:2\nhttp://jabber.org/protocol/disco#info\n";
    good();
    p->account = (struct probe_account){.asked = true, .why = "the password is wrong"};
    says(PROBE_ERROR, EXIT_LOGIN, "the password is wrong");
    p->account.online = true;
    p->account.pings = 2;
    p->account.ping_us_sum = 2 * PROBE_SLOW_MS * 1000;
    says(PROBE_WARNING, EXIT_REFUSED, "an answer takes 1000 ms");
    p->account.ping_us_sum--;
    buf_lit(&p->account.features[PROBE_AT_SERVER], SERVER);
    buf_lit(&p->account.features[PROBE_AT_STREAM], "urn:xmpp:sm:3\nurn:xmpp:csi:0\n");
    assert_true(probe_has(&p->account, PROBE_AT_SERVER, "vcard-temp"));
    assert_false(probe_has(&p->account, PROBE_AT_SERVER, "vcard"));
    p->account.items_more = 3;
    says(PROBE_OK, EXIT_REFUSED, "3 services of the server were not looked at");
    assert_false(probe_has(&p->account, PROBE_AT_ACCOUNT, "vcard-temp"));
    says(PROBE_WARNING, EXIT_REFUSED, "missing: group chat (0045), file upload (0363)");
    buf_lit(&p->account.features[PROBE_AT_MUC], "http://jabber.org/protocol/muc\n");
    buf_lit(&p->account.features[PROBE_AT_UPLOAD], "urn:xmpp:http:upload:0\n");
    says(PROBE_OK, EXIT_DONE, "it misses: push notifications (0357)");
}

static int teardown(void **state)
{
    (void)state;
    good();
    mem_free(p);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_read),
        cmocka_unit_test(strange_names_are_cut_and_harmless),
        cmocka_unit_test(host_meta_is_read_in_both_forms),
        cmocka_unit_test(nothing_is_wrong),
        cmocka_unit_test(the_DNS_is_judged),
        cmocka_unit_test(the_certificate_is_judged),
        cmocka_unit_test(TLSA_is_compared_where_it_can_be),
        cmocka_unit_test(TLS_and_logins_are_judged),
        cmocka_unit_test(streams_that_break_are_judged),
        cmocka_unit_test(host_meta_is_judged),
        cmocka_unit_test(features_are_held_against_the_suites),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
