/* The stream after a login: whose it is, what may come, which resource it gets. Rows A09 and A23 to
 * A26 of the catalogue, X07, V40 of the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_peer.h"

static struct bench *bench(void)
{
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    b->config.core.limits.login_failures = UINT8_MAX;
    return b;
}

static void logs_in(struct peer *p)
{
    peer_text(p, PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
    expect(p->client, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

static void A09_A23_A24_what_comes_too_late_or_too_early(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } CASES[] = {
        {PEER_AUTH("PLAIN") PEER_ALICE "</auth>", "unsupported-stanza-type"},
        {"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "unsupported-stanza-type"},
        {"<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "unsupported-stanza-type"},
        {"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "unsupported-stanza-type"},
        {"<message/>", "not-authorized"},
        {"<presence/>", "not-authorized"},
        {"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "not-authorized"},
        {"<iq type='set' id='1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
         "not-authorized"},
        {"<iq type='result' id='1'/>", "not-authorized"},
    };
    struct bench *b = bench();
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct peer *p = peer_new(b);
        assert_true(peer_login(p, "alice", "PLAIN"));
        peer_text(p, CASES[i].text);
        peer_refused(p, CASES[i].error);
        peer_free(&p);
    }
    assert_int_equal(node_engine(b->nodes[0])->counters.stanzas_in, 0);
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    peer_text(p, PEER_BIND);
    expect(p->client, "<iq type='error' id='bind'><error type='cancel'>"
                      "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    peer_text(p, PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
    peer_refused(p, "unsupported-stanza-type");
    peer_free(&p);
    bench_free(&b);
}

static void V40_a_login_holds_for_one_host(void **state)
{
    (void)state;
    static const struct {
        const char *to, *error; /* NULL: the same host under another name */
    } CASES[] = {{"example.net", "not-authorized"},
                 {"else.example", "host-unknown"},
                 {"talk.example.org", NULL}};
    struct bench *b = bench();
    peer_account(b, "alice@example.net");
    for (size_t i = 0; i < 3; i++) {
        struct peer *p = peer_new(b);
        char header[256];
        peer_text(p, PEER_HEADER);
        peer_clear(p);
        logs_in(p);
        snprintf(header, sizeof(header),
                 "<stream:stream to='%s' version='1.0' xmlns='jabber:client' "
                 "xmlns:stream='" PEER_STREAMS "'>",
                 CASES[i].to);
        peer_text(p, header);
        if (CASES[i].error != NULL) {
            peer_refused(p, CASES[i].error);
        } else {
            client_discard(p->client);
            peer_text(p, PEER_BIND);
            assert_true(peer_has(p, "<jid>alice@example.org/phone</jid>"));
        }
        peer_free(&p);
    }
    bench_free(&b);
}

/* X07: what the header's `from` says is nobody's business. */
static void X07_the_header_cannot_name_who_one_is(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *p = peer_new(b);
    const char *header = "<stream:stream to='example.org' from='bob@example.org' version='1.0' "
                         "xmlns='jabber:client' xmlns:stream='" PEER_STREAMS "'>";
    peer_text(p, header);
    client_discard(p->client);
    logs_in(p);
    peer_text(p, header);
    peer_text(p, PEER_BIND);
    assert_true(peer_has(p, "<jid>alice@example.org/phone</jid>"));
    peer_free(&p);
    bench_free(&b);
}

static void bind_as(struct peer *p, const char *resource)
{
    struct buf text = {0};
    buf_lit(&text,
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>");
    xml_write_text(&text, slice_z(resource));
    buf_lit(&text, "</resource></bind></iq>");
    client_discard(p->client);
    peer_bytes(p, buf_slice(&text));
    buf_free(&text);
}

static void A25_resources_that_cannot_be(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *p = peer_new(b);
    char long_one[1025];
    memset(long_one, 'r', sizeof(long_one) - 1);
    long_one[1024] = '\0';
    const char *const bad[] = {long_one, "\x7f", "a\xe2\x80\xa8", "a\xef\xbf\xbe", "\xc2\xad"};
    assert_true(peer_login(p, "alice", "PLAIN"));
    for (size_t i = 0; i < 3; i++) {
        bind_as(p, bad[i]);
        expect(p->client,
               "<iq type='error' id='b'><error type='modify'>"
               "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    }
    bind_as(p, "");
    expect(p->client, "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                      "<jid>*</jid></bind></iq>");
    peer_free(&p);
    bench_free(&b);
}

static void A25_the_resource_of_an_active_session(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *old = peer_new(b), *new = peer_new(b);
    assert_true(peer_bind(old, "alice", "phone"));
    assert_true(peer_bind(new, "alice", "phone"));
    peer_take(old);
    peer_refused(old, "conflict");
    peer_alive(new);
    assert_int_equal(bench_loaded(b, "alice@example.org")->session_count, 1);
    peer_free(&old);
    peer_alive(new);
    peer_free(&new);
    bench_free(&b);
}

static void A26_the_eleventh_resource(void **state)
{
    (void)state;
    enum { MOST = 10 };
    struct bench *b = bench();
    struct peer *peers[MOST], *p = peer_new(b);
    char name[16];
    for (unsigned i = 0; i < MOST; i++) {
        snprintf(name, sizeof(name), "%u", i);
        peers[i] = peer_new(b);
        assert_true(peer_bind(peers[i], "alice", name));
    }
    assert_true(peer_login(p, "alice", "PLAIN"));
    bind_as(p, "more");
    expect(p->client, "<iq type='error' id='b'><error type='wait'>"
                      "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                      "<resource-limit-exceeded xmlns='urn:xmpp:errors'/></error></iq>");
    bind_as(p, "3"); /* takes the place of one */
    expect(p->client, "<iq type='result' id='b'><_/></iq>");
    peer_take(peers[3]);
    peer_refused(peers[3], "conflict");
    for (unsigned i = 0; i < MOST; i++)
        peer_free(&peers[i]);
    peer_free(&p);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(A09_A23_A24_what_comes_too_late_or_too_early),
        cmocka_unit_test(V40_a_login_holds_for_one_host),
        cmocka_unit_test(X07_the_header_cannot_name_who_one_is),
        cmocka_unit_test(A25_resources_that_cannot_be),
        cmocka_unit_test(A25_the_resource_of_an_active_session),
        cmocka_unit_test(A26_the_eleventh_resource),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
