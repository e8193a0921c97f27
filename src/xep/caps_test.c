/* XEP-0115: what is hashed is what disco#info says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

extern const struct module CAPS_MODULE, DISCO_MODULE;

static void copy(char out[64], struct slice s)
{
    assert_true(s.len > 0 && s.len < 64);
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

/* The features that came: the caps in them. */
static void read_caps(struct client *c, char node[64], char ver[64])
{
    struct xml caps = xml_child(client_next(c), NS_CAPS, SLICE("c"));
    assert_true(slice_is(xml_attr(caps, SLICE("hash")), "sha-1"));
    copy(node, xml_attr(caps, SLICE("node")));
    copy(ver, xml_attr(caps, SLICE("ver")));
}

static void features_of(struct bench *b, const char *host, char node[64], char ver[64])
{
    struct client *c = bench_connect(b);
    client_open(c, host);
    read_caps(c, node, ver);
    client_lose(&c);
}

static void the_same_before_and_after_login(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    char node[64], ver[64], node2[64], ver2[64];
    bench_account(b, "alice@example.org");
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    read_caps(c, node, ver);
    client_send(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                   "AGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>");
    expect(c, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    client_open(c, "example.org");
    read_caps(c, node2, ver2);
    assert_string_equal(node, node2);
    assert_string_equal(ver, ver2);
    bench_free(&b);
}

static void the_node_is_answered_like_no_node(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    char node[64], ver[64];
    features_of(b, "example.org", node, ver);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    client_send(alice, "<iq type='get' id='1' to='example.org'>"
                       "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    struct buf plain = {0}, named = {0};
    xml_write_children(&plain, xml_first_element(client_next(alice)), SLICE_NONE);
    client_sendf(alice,
                 "<iq type='get' id='2' to='example.org'><query "
                 "xmlns='http://jabber.org/protocol/disco#info' node='%s#%s'/></iq>",
                 node, ver);
    struct xml query = xml_first_element(client_next(alice));
    xml_write_children(&named, query, SLICE_NONE);
    assert_true(buf_len(&plain) > 0 && slice_eq(buf_slice(&plain), buf_slice(&named)));
    struct slice mirrored = xml_attr(query, SLICE("node"));
    assert_int_equal(mirrored.len, strlen(node) + 1 + strlen(ver));
    buf_free(&plain);
    buf_free(&named);
    bench_free(&b);
}

static void other_nodes_are_not_there(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    char node[64], ver[64];
    features_of(b, "example.org", node, ver);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    static const struct {
        const char *to, *space, *before, *between, *behind;
    } ROWS[] = {
        {"example.org", "info", "", "#", "x"}, {"example.org", "info", "x", "#", ""},
        {"example.org", "info", "", "", ""},   {"example.org", "info", "", "/", ""},
        {"example.org", "items", "", "#", ""}, {"alice@example.org", "info", "", "#", ""},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        client_sendf(alice,
                     "<iq type='get' id='1' to='%s'><query "
                     "xmlns='http://jabber.org/protocol/disco#%s' node='%s%s%s%s%s'/></iq>",
                     ROWS[i].to, ROWS[i].space, ROWS[i].before, node, ROWS[i].between, ver,
                     ROWS[i].behind);
        expect(alice, "<iq type='error' id='1' from='*'><error type='cancel'>"
                      "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    }
    bench_free(&b);
}

static const struct slice CONTACTS[][2] = {{SLICE("abuse-addresses"), SLICE("mailto:a@b")}};

static void hosts_and_configurations_differ(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    char node[64], org[64], net[64], again[64];
    b->hosts[1].contacts = CONTACTS;
    b->hosts[1].contact_count = 1;
    features_of(b, "example.org", node, org);
    features_of(b, "example.net", node, net);
    assert_string_not_equal(org, net);
    features_of(b, "example.org", node, again);
    assert_string_equal(org, again);
    b->hosts[0].contacts = CONTACTS;
    b->hosts[0].contact_count = 1;
    bench_reload(b);
    features_of(b, "example.org", node, again);
    assert_string_equal(net, again);
    bench_free(&b);
}

/* A host that says the same as the example in section 5.3, but for its identity. The hash was made
 * by another program from the string of section 5.1. */
static void put_field(struct xml_writer *w, const char *var, const char *one, const char *two)
{
    xml_open(w, SLICE("field"), SLICE_NONE);
    xml_attr_put(w, SLICE("var"), slice_z(var));
    xml_leaf(w, SLICE("value"), SLICE_NONE, slice_z(one));
    if (two != NULL)
        xml_leaf(w, SLICE("value"), SLICE_NONE, slice_z(two));
    xml_close(w);
}

static void put_forms(struct engine *e, const struct host_config *host, struct xml_writer *w)
{
    (void)e;
    (void)host;
    /* Nothing is in order. */
    xml_open(w, SLICE("x"), NS_DATA_FORMS);
    put_field(w, "z", "1", NULL);
    put_field(w, "FORM_TYPE", "urn:xmpp:z", NULL);
    xml_close(w);
    xml_open(w, SLICE("x"), NS_DATA_FORMS);
    put_field(w, "software_version", "0.11", NULL);
    put_field(w, "software", "Psi", NULL);
    put_field(w, "os", "Mac", NULL);
    put_field(w, "FORM_TYPE", "urn:xmpp:dataforms:softwareinfo", NULL);
    put_field(w, "ip_version", "ipv6", "ipv4");
    put_field(w, "os_version", "10.5.1", NULL);
    xml_close(w);
}

static void the_string_is_sorted_at_every_level(void **state)
{
    (void)state;
    static const char *const VARS[] = {"http://jabber.org/protocol/muc", NULL};
    static const struct module FORMS = {
        .name = "forms", .host_features = VARS, .disco_forms = put_forms};
    static const struct module *const LIST[] = {&STREAM_MODULE, &FORMS, &DISCO_MODULE, &CAPS_MODULE,
                                                NULL};
    struct bench *b = bench_new(LIST);
    char node[64], ver[64];
    features_of(b, "example.org", node, ver);
    assert_string_equal(ver, "eOauqYzoIGCVrVdtJ0o8HNtvZrM=");
    bench_free(&b);
}

static void caps_of_clients_are_passed_on(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_befriend(b, "alice@example.org", "bob@example.org");
    struct client *alice = bench_online(b, "alice@example.org/phone");
    struct client *bob = bench_online(b, "bob@example.org/desk");
    client_discard(alice);
#define C                                                                                          \
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://x.example/'"             \
    " ver='AAAA=' ext='a b'/>"
    client_send(alice, "<presence>" C "</presence>");
    expect(bob, "<presence from='alice@example.org/phone'>" C "</presence>");
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_before_and_after_login),
        cmocka_unit_test(the_node_is_answered_like_no_node),
        cmocka_unit_test(other_nodes_are_not_there),
        cmocka_unit_test(hosts_and_configurations_differ),
        cmocka_unit_test(the_string_is_sorted_at_every_level),
        cmocka_unit_test(caps_of_clients_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
