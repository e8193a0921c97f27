/* Logins that must not work, and what they leave: rows A01 to A08 and A10 of the catalogue, V26,
 * V30, V38, V39 of the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64.h"
#include "node/test_peer.h"

static struct bench *bench(void)
{
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.login_failures = UINT8_MAX;
    return b;
}

static struct peer *opened(struct bench *b)
{
    struct peer *p = peer_new(b);
    peer_text(p, PEER_HEADER);
    peer_clear(p);
    return p;
}

/* The failure that came, and nothing else. */
static void check_failure(struct peer *p, const char *name, int line)
{
    char pattern[128];
    snprintf(pattern, sizeof(pattern),
             "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><%s/></failure>", name);
    client_expect(p->client, pattern, __FILE__, line);
    client_expect_nothing(p->client, __FILE__, line);
}

#define failed(p, name) check_failure((p), (name), __LINE__)

/* <auth/> or <response/> with these bytes in base64. */
static void say(struct peer *p, const char *element, struct slice data)
{
    struct buf text = {0};
    buf_printf(&text, "<%s>", element);
    base64_append(&text, data);
    buf_printf(&text, "</%.*s>", (int)strcspn(element, " "), element);
    peer_bytes(p, buf_slice(&text));
    buf_free(&text);
}

#define AUTH(mechanism) "auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='" mechanism "'"
#define RESPONSE        "response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

/* After whatever failed a right login works on the same stream. */
static void logs_in(struct peer *p)
{
    say(p, AUTH("PLAIN"), SLICE("\0alice\0" BENCH_PASSWORD));
    expect(p->client, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

/* All that are registered, and what looks like ours. */
static const char *const NAMES[] = {"9798-M-DSA-SHA1",
                                    "9798-M-ECDSA-SHA1",
                                    "9798-M-RSA-SHA1-ENC",
                                    "9798-U-DSA-SHA1",
                                    "9798-U-ECDSA-SHA1",
                                    "9798-U-RSA-SHA1-ENC",
                                    "ANONYMOUS",
                                    "CRAM-MD5",
                                    "DIGEST-MD5",
                                    "EAP-AES128",
                                    "EAP-AES128-PLUS",
                                    "ECDH-X25519-CHALLENGE",
                                    "ECDSA-NIST256P-CHALLENGE",
                                    "EXTERNAL",
                                    "GS2-KRB5",
                                    "GS2-KRB5-PLUS",
                                    "GSS-SPNEGO",
                                    "GSSAPI",
                                    "HT-SHA-256-NONE",
                                    "KERBEROS_V4",
                                    "KERBEROS_V5",
                                    "LOGIN",
                                    "NMAS-SAMBA-AUTH",
                                    "NMAS_AUTHEN",
                                    "NMAS_LOGIN",
                                    "NTLM",
                                    "OAUTH10A",
                                    "OAUTHBEARER",
                                    "OPENID20",
                                    "OTP",
                                    "SAML20",
                                    "SAML20EC",
                                    "SCRAM-SHA-1-PLUS",
                                    "SCRAM-SHA-256-PLUS",
                                    "SCRAM-SHA-512-PLUS",
                                    "SCRAM-SHA3-512",
                                    "SECURID",
                                    "SKEY",
                                    "SPNEGO",
                                    "SPNEGO-PLUS",
                                    "SXOVER-PLUS",
                                    "XOAUTH",
                                    "XOAUTH2",
                                    "X-OAUTH2",
                                    "X-FACEBOOK-PLATFORM",
                                    "PLAIN ",
                                    " PLAIN",
                                    "PLAINX",
                                    "SCRAM-SHA-1-",
                                    "SCRAM"};

static void A01_V38_mechanisms_that_are_not_offered(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *p = opened(b);
    for (size_t i = 0; i < 3 * sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char name[64], element[160];
        snprintf(name, sizeof(name), "%s", NAMES[i / 3]);
        for (size_t k = 0; name[k] != '\0'; k++)
            if (name[k] >= 'A' && name[k] <= 'Z' && (i % 3 == 1 || (i % 3 == 2 && k % 2 == 1)))
                name[k] = (char)(name[k] + 32);
        snprintf(element, sizeof(element),
                 "auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'", name);
        say(p, element, SLICE("\0alice\0" BENCH_PASSWORD));
        failed(p, "invalid-mechanism");
    }
    static const char *const CASES[] = {"plain", "Plain", "scram-sha-1", "Scram-Sha-256", ""};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char element[160];
        snprintf(element, sizeof(element),
                 "auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'", CASES[i]);
        say(p, element, SLICE("\0alice\0" BENCH_PASSWORD));
        failed(p, "invalid-mechanism");
    }
    logs_in(p);
    peer_free(&p);
    bench_free(&b);
}

static void A02_V30_nothing_but_tls_before_tls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error; /* NULL: SASL encryption-required */
    } CASES[] = {
        {PEER_AUTH("PLAIN") PEER_ALICE "</auth>", NULL},
        {PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>", NULL},
        {PEER_AUTH("NONE") "</auth>", NULL},
        {"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "policy-violation"},
        {"<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "policy-violation"},
        {"<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
         "policy-violation"},
        {"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>", "policy-violation"},
        {"<enable xmlns='urn:xmpp:sm:3'/>", "policy-violation"},
        {"<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>", "policy-violation"},
        {"<message/>", "policy-violation"},
        {"<presence/>", "policy-violation"},
        {PEER_BIND, "policy-violation"},
        {"<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>", "policy-violation"},
        {"<iq type='get' id='1'><query xmlns='jabber:iq:auth'/></iq>", "policy-violation"},
        {"<foo/>", "policy-violation"},
        {"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "policy-violation"},
    };
    struct bench *b = bench();
    peer_certificates(b, &PEER_STARTTLS);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct peer *p = opened(b);
        peer_text(p, CASES[i].text);
        if (CASES[i].error != NULL)
            peer_refused(p, CASES[i].error);
        else
            failed(p, "encryption-required");
        assert_false(bench_logged(b, "alice"));
        peer_free(&p);
    }
    assert_int_equal(node_engine(b->nodes[0])->counters.store_queries, 0);
    bench_free(&b);
}

static void A03_base64_that_is_none(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "A",    "AA",     "AAA",    "A===", "====", "AA=A", "AAA=AAAA",
        "AA A", "\nAAAA", "AAAA\n", "AA-_", "AAB=", "%%%%"};
    struct bench *b = bench();
    struct peer *p = opened(b);
    char text[256];
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        snprintf(text, sizeof(text), PEER_AUTH("PLAIN") "%s</auth>", BAD[i]);
        peer_text(p, text);
        failed(p, "incorrect-encoding");
        say(p, AUTH("SCRAM-SHA-1"), SLICE("n,,n=alice,r=abc"));
        client_next(p->client);
        snprintf(text, sizeof(text), "<" RESPONSE ">%s</response>", BAD[i]);
        peer_text(p, text);
        failed(p, "incorrect-encoding");
    }
    logs_in(p);
    peer_free(&p);
    bench_free(&b);
}

static void A04_plain_that_is_none(void **state)
{
    (void)state;
    static const struct slice BAD[] = {
        SLICE("alice"),       SLICE("alice\0pass"), SLICE("\0alice\0pass\0"), SLICE("\0\0pass"),
        SLICE("\0alice\0"),   SLICE("\0\0"),        SLICE("\0alice\0\xff"),   SLICE("\0\xff\0pass"),
        SLICE("\xff\0a\0pa"), SLICE("\0"),
    };
    struct bench *b = bench();
    struct peer *p = opened(b);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        say(p, AUTH("PLAIN"), BAD[i]);
        failed(p, "malformed-request");
    }
    peer_text(p, PEER_AUTH("PLAIN") "=</auth>");
    failed(p, "malformed-request");
    logs_in(p);
    peer_free(&p);
    bench_free(&b);
}

static void A05_V39_acting_as_somebody_else(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {"bob@example.org",
                                         "alice@example.net",
                                         "alice@example.org/phone",
                                         "bob",
                                         "@",
                                         "example.org",
                                         "alice@",
                                         "alice@else.example"};
    static const char *const HOW[] = {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    struct bench *b = bench();
    for (size_t h = 0; h < sizeof(HOW) / sizeof(HOW[0]); h++) {
        for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
            struct peer *p = peer_new(b);
            p->authzid = OTHERS[i];
            assert_false(peer_login(p, "alice", HOW[h]));
            assert_true(
                xml_some(xml_child(client_last(p->client), NS_SASL, SLICE("invalid-authzid"))));
            peer_text(p, PEER_BIND);
            peer_refused(p, "not-authorized");
            peer_free(&p);
        }
        struct peer *p = peer_new(b);
        p->authzid = "alice@example.org";
        assert_true(peer_login(p, "alice", HOW[h]));
        client_discard(p->client);
        peer_text(p, PEER_BIND);
        assert_true(peer_has(p, "<jid>alice@example.org/phone</jid>"));
        peer_free(&p);
    }
    bench_free(&b);
}

static void A06_wrong_names_and_wrong_passwords_look_the_same(void **state)
{
    (void)state;
    static const char *const HOW[] = {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    struct bench *b = bench();
    for (size_t i = 0; i < 8; i++) {
        struct peer *p = peer_new(b);
        p->password = "wrong";
        assert_false(peer_login(p, i % 2 == 0 ? "alice" : "nobody", HOW[i / 2]));
        assert_true(xml_some(xml_child(client_last(p->client), NS_SASL, SLICE("not-authorized"))));
        assert_true(slice_is(xml_name(xml_first(client_last(p->client))), "not-authorized"));
        assert_false(xml_some(xml_next(xml_first(client_last(p->client)))));
        peer_free(&p);
    }
    bench_free(&b);
}

static void A07_the_fourth_failure_ends_the_stream(void **state)
{
    (void)state;
    struct bench *b = bench();
    b->config.core.limits.login_failures = 3;
    struct peer *p = opened(b);
    for (unsigned i = 0; i < 3; i++) {
        say(p, AUTH("PLAIN"), SLICE("\0alice\0wrong"));
        failed(p, "not-authorized");
    }
    say(p, AUTH("PLAIN"), SLICE("\0alice\0wrong"));
    peer_refused(p, "policy-violation");
    assert_true(bench_logged(b, "event=auth.too_many"));
    peer_free(&p);
    bench_free(&b);
}

static void A08_steps_out_of_order(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *p = opened(b);
    static const char *const BEFORE[] = {
        "", PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>"};
    static const struct {
        const char *text, *alone, *within;
    } CASES[] = {
        {"<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "aborted", "aborted"},
        {"<" RESPONSE "/>", "malformed-request", "malformed-request"},
        {PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>", NULL, "malformed-request"},
        {PEER_AUTH("NONE") "</auth>", "invalid-mechanism", "malformed-request"},
    };
    for (size_t i = 0; i < 2 * sizeof(CASES) / sizeof(CASES[0]); i++) {
        const char *want = i % 2 == 0 ? CASES[i / 2].alone : CASES[i / 2].within;
        peer_text(p, BEFORE[i % 2]);
        peer_clear(p);
        peer_text(p, CASES[i / 2].text);
        if (want != NULL) {
            failed(p, want);
        } else {
            peer_text(p, "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
            peer_clear(p);
        }
    }
    logs_in(p);
    peer_free(&p);
    bench_free(&b);
}

/* The challenge to a first message is answered with a final one in which $ stands for the nonce. */
static void scram(struct peer *p, const char *first, const char *final)
{
    struct buf data = {0}, answer = {0};
    size_t len;
    say(p, AUTH("SCRAM-SHA-1"), slice_z(first));
    struct slice challenge = xml_text(client_next(p->client));
    assert_true(buf_reserve(&data, challenge.len + 1) == 0);
    assert_true(base64_decode(challenge, data.ptr, &len) && len > 2);
    struct slice nonce = slice_of(data.ptr + 2, slice_find(slice_of(data.ptr, len), ',') - 2);
    for (; *final != '\0'; final++) {
        if (*final == '$')
            buf_add(&answer, nonce);
        else
            buf_byte(&answer, *final);
    }
    say(p, RESPONSE, buf_slice(&answer));
    buf_free(&data);
    buf_free(&answer);
}

static void A10_scram_that_is_none(void **state)
{
    (void)state;
    static const char *const FIRST[] = {"",
                                        "n",
                                        "n,",
                                        "n,,",
                                        "n,,n=alice",
                                        "n,,r=abc",
                                        "n,,n=,r=abc",
                                        "x,,n=a,r=b",
                                        "n,,m=x,n=a,r=b",
                                        "n,,r=abc,n=alice",
                                        "n,,n=a=b,r=c",
                                        "n,x,n=alice,r=abc",
                                        "p=,,n=alice,r=abc",
                                        "n,,n=alice,r=",
                                        "n,,n=al\xffice,r=abc"};
    static const char *const FINAL[] = {"",
                                        "c=biws",
                                        "c=biws,r=$",
                                        "c=biws,r=$x,p=AAAA",
                                        "r=$,c=biws,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "c=biws,r=abc,p=AAAA",
                                        "c=biws,m=x,r=$,p=AAAA",
                                        "c=eSws,r=$,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "c=biws,r=$,p=",
                                        "c=biws,r=$,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    struct bench *b = bench();
    struct peer *p = opened(b);
    for (size_t i = 0; i < sizeof(FIRST) / sizeof(FIRST[0]); i++) {
        say(p, AUTH("SCRAM-SHA-1"), slice_z(FIRST[i]));
        struct xml x = client_next(p->client);
        if (xml_is(x, NS_SASL, SLICE("challenge"))) { /* an empty one is asked for */
            assert_int_equal(i, 0);
            say(p, RESPONSE, SLICE("n"));
            x = client_next(p->client);
        }
        assert_true(xml_some(xml_child(x, NS_SASL, SLICE("malformed-request"))) ||
                    xml_some(xml_child(x, NS_SASL, SLICE("not-authorized"))));
        expect_nothing(p->client);
    }
    for (size_t i = 0; i < sizeof(FINAL) / sizeof(FINAL[0]); i++) {
        scram(p, "n,,n=alice,r=abc", FINAL[i]);
        struct xml x = client_next(p->client);
        assert_true(xml_some(xml_child(x, NS_SASL, SLICE("malformed-request"))) ||
                    xml_some(xml_child(x, NS_SASL, SLICE("not-authorized"))));
        expect_nothing(p->client);
    }
    logs_in(p);
    peer_free(&p);
    bench_free(&b);
}

/* V26: names of every length, at each way in. */
static void V26_names_of_any_length_are_refused_or_malformed(void **state)
{
    (void)state;
    static const size_t LENGTHS[] = {0, 1, 255, 1022, 1023, 1024, 1025, 3000, 65536};
    static const char *const HOW[] = {AUTH("PLAIN"), AUTH("SCRAM-SHA-1"), AUTH("SCRAM-SHA-512")};
    struct bench *b = bench();
    for (size_t i = 0; i < 3 * sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        struct peer *p = opened(b);
        struct buf data = {0};
        size_t len = LENGTHS[i / 3];
        buf_lit(&data, "n,,n=");
        if (i % 3 == 0) {
            buf_clear(&data);
            buf_byte(&data, '\0');
        }
        for (size_t k = 0; k < len; k++)
            buf_byte(&data, 'n');
        if (i % 3 == 0)
            buf_byte(&data, '\0');
        buf_add(&data, i % 3 == 0 ? SLICE("secret") : SLICE(",r=abc"));
        say(p, HOW[i % 3], buf_slice(&data));
        buf_free(&data);
        if (len == 65536) {
            peer_refused(p, "policy-violation");
            peer_free(&p);
            continue;
        }
        struct xml x = client_next(p->client);
        if (xml_is(x, NS_SASL, SLICE("challenge"))) {
            assert_in_range(len, 1, 1023); /* could be somebody's name: goes on to the end */
            say(p, RESPONSE, SLICE("c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA="));
            x = client_next(p->client);
        }
        assert_true(xml_some(xml_child(x, NS_SASL, SLICE("malformed-request"))) ||
                    xml_some(xml_child(x, NS_SASL, SLICE("not-authorized"))));
        logs_in(p);
        peer_free(&p);
    }
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(A01_V38_mechanisms_that_are_not_offered),
        cmocka_unit_test(A02_V30_nothing_but_tls_before_tls),
        cmocka_unit_test(A03_base64_that_is_none),
        cmocka_unit_test(A04_plain_that_is_none),
        cmocka_unit_test(A05_V39_acting_as_somebody_else),
        cmocka_unit_test(A06_wrong_names_and_wrong_passwords_look_the_same),
        cmocka_unit_test(A07_the_fourth_failure_ends_the_stream),
        cmocka_unit_test(A08_steps_out_of_order),
        cmocka_unit_test(A10_scram_that_is_none),
        cmocka_unit_test(V26_names_of_any_length_are_refused_or_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
