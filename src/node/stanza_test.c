/* Stanzas that are wrong, forged or too many: rows S01 to S12 and V23 of the catalogue, on one
 * shard and on three. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define REFUSED(kind, rest, type, name)                                                            \
    "<" kind " type='error'" rest "><error type='" type "'><" name " xmlns='" ERRORS               \
    "'/><_/></error></" kind ">"
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void assert_condition(struct client *c, const char *kind, const char *id, const char *name)
{
    struct xml x = client_next(c);
    struct xml error = xml_child(x, NS_CLIENT, SLICE("error"));
    bool good = slice_eq(xml_name(x), slice_z(kind)) &&
                slice_is(xml_attr(x, SLICE("type")), "error") &&
                slice_eq(xml_attr(x, SLICE("id")), slice_z(id)) &&
                xml_some(xml_child(error, NS_STANZA_ERRORS, slice_z(name)));
    if (!good) {
        struct buf text = {0};
        xml_write_node(&text, x, NS_CLIENT);
        fail_msg("not <%s/> for a %s: %.*s", name, kind, SLICE_ARG(buf_slice(&text)));
    }
}

static void S01_the_from_of_somebody_else_ends_the_stream(void **state)
{
    (void)state;
    static const char *const FORGED[] = {"bob@example.org",
                                         "alice@example.org/elsewhere",
                                         "nobody@example.org",
                                         "example.org",
                                         "alice@example.net",
                                         "alice@other.example",
                                         "a@b@c",
                                         "@example.org",
                                         "alice",
                                         "alice@",
                                         ""};
    static const char *const STANZAS[][2] = {
        {"<message to='bob@example.org/desk' from='", "'><body>x</body></message>"},
        {"<presence from='", "'/>"},
        {"<presence to='bob@example.org/desk' from='", "'/>"},
        {"<iq type='get' id='1' to='bob@example.org/desk' from='", "'><a xmlns='urn:a'/></iq>"},
        {"<iq type='result' id='1' to='bob@example.org/desk' from='", "'/>"},
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        for (size_t i = 0; i < LENGTH(FORGED); i++) {
            for (size_t k = 0; k < LENGTH(STANZAS); k++) {
                struct client *alice = bench_login(b, "alice@example.org/phone");
                buf_clear(&b->log);
                client_sendf(alice, "%s%s%s", STANZAS[k][0], FORGED[i], STANZAS[k][1]);
                expect_stream_error(alice, "invalid-from");
                assert_true(bench_logged(b, "event=stanza.spoof"));
                client_lose(&alice);
            }
        }
        expect_nothing(bob);
    }
}

static void S01_ones_own_from_is_completed(void **state)
{
    (void)state;
    static const char *const OWN[] = {
        "alice@example.org",      "alice@example.org/phone",      "ALICE@Example.ORG/phone",
        "alice@talk.example.org", "alice@talk.example.org/phone", "&#97;lice@example.org."};
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *bob = bench_login(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(OWN); i++) {
            client_sendf(alice, "<message to='bob@example.org/desk' from='%s'/>", OWN[i]);
            expect(bob, "<message from='alice@example.org/phone'/>");
        }
    }
}

static void repeat(struct buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add(out, slice_z(text));
}

/* Sends each kind of stanza to this address. */
static void send_to(struct client *c, const char *kind, struct slice to)
{
    bool iq = strcmp(kind, "iq") == 0, message = strcmp(kind, "message") == 0;
    client_sendf(c, "<%s id='x' to='%.*s'%s>%s</%s>", kind, SLICE_ARG(to), iq ? " type='get'" : "",
                 iq        ? "<ping xmlns='urn:xmpp:ping'/>"
                 : message ? "<body>x</body>"
                           : "",
                 kind);
}

static const char *const KINDS[] = {"message", "presence", "iq"};

static void S02_a_to_that_cannot_be_is_malformed(void **state)
{
    (void)state;
    static const char *const BAD[] = {"@example.org",
                                      "a b@example.org",
                                      "a@",
                                      "a@b@c",
                                      "a&amp;b@c.example",
                                      "example.org/",
                                      "a@b.example/",
                                      "a&#x7f;@b.example",
                                      "a&apos;@b.example",
                                      "a@-b.example",
                                      "a@x..y",
                                      "a@b.example/&#x7f;",
                                      "a@[::1",
                                      "&#x378;@b.example",
                                      " ",
                                      "",
                                      "a&quot;@b.example",
                                      "a@b.example/&#xFFF9;x",
                                      "/",
                                      "@"};
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(BAD); i++) {
            for (size_t k = 0; k < LENGTH(KINDS); k++) {
                send_to(alice, KINDS[k], slice_z(BAD[i]));
                assert_condition(alice, KINDS[k], "x", "jid-malformed");
            }
        }
        expect_nothing(alice);
    }
}

/* Parts of 1,023 bytes are taken, longer ones are malformed; nothing is ever cut, not in the middle
 * of a character either. */
static void V23_long_addresses_are_never_cut(void **state)
{
    (void)state;
    static const struct {
        const char *before, *unit; /* what the part is made of */
        size_t n;
        const char *behind;
        bool good;
    } ROWS[] = {
        {"", "x", 1023, "@example.org", true},
        {"", "x", 1024, "@example.org", false},
        {"", "x", 1025, "@example.org", false},
        {"", "\xc3\xa9", 511, "@example.org", true},
        {"y", "\xc3\xa9", 511, "@example.org", true},
        {"", "\xc3\xa9", 512, "@example.org", false},
        {"", "\xe2\x82\xac", 341, "@example.org", false}, /* a sign that names may not have */
        {"", "\xd0\xb6", 512, "@example.org", false},
        {"alice@example.org/", "x", 1023, "", true},
        {"alice@example.org/", "x", 1024, "", false},
        {"alice@example.org/", "\xf0\x9f\x99\x82", 255, "xyz", true},
        {"alice@example.org/", "\xf0\x9f\x99\x82", 256, "", false},
        {"alice@", "x", 1023, ".example", false},
        {"alice@", "abcdefg.", 200, "example", false},
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(ROWS); i++) {
            struct buf to = {0};
            buf_add(&to, slice_z(ROWS[i].before));
            repeat(&to, ROWS[i].unit, ROWS[i].n);
            buf_add(&to, slice_z(ROWS[i].behind));
            send_to(alice, "iq", buf_slice(&to));
            assert_condition(alice, "iq", "x",
                             ROWS[i].good ? "service-unavailable" : "jid-malformed");
            struct slice from = xml_attr(client_last(alice), SLICE("from"));
            if (ROWS[i].good)
                assert_true(slice_eq(from, buf_slice(&to)));
            buf_free(&to);
        }
        expect_nothing(alice);
    }
}

static void S03_iqs_that_are_none_are_bad_requests(void **state)
{
    (void)state;
    static const char *const TO[] = {"example.org",       "bob@example.org/desk", "bob@example.org",
                                     "alice@example.org", "nobody@example.org",   "other.example"};
    static const char *const BAD[][2] = {
        {"<iq id='q' to='", "'><ping xmlns='urn:xmpp:ping'/></iq>"},
        {"<iq id='q' type='foo' to='", "'><ping xmlns='urn:xmpp:ping'/></iq>"},
        {"<iq id='q' type='GET' to='", "'><ping xmlns='urn:xmpp:ping'/></iq>"},
        {"<iq id='q' type='' to='", "'><ping xmlns='urn:xmpp:ping'/></iq>"},
        {"<iq id='q' type='get' to='", "'/>"},
        {"<iq id='q' type='set' to='", "'>text</iq>"},
        {"<iq id='q' type='get' to='", "'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>"},
        {"<iq id='q' type='set' to='", "'><a xmlns='urn:a'/><a xmlns='urn:a'/></iq>"},
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *bob = bench_login(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(TO); i++) {
            for (size_t k = 0; k < LENGTH(BAD); k++) {
                client_sendf(alice, "%s%s%s", BAD[k][0], TO[i], BAD[k][1]);
                assert_condition(alice, "iq", "q", "bad-request");
            }
        }
        ask(alice, "<iq type='get' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
            REFUSED("iq", " from='example.org'", "modify", "bad-request"));
        expect_nothing(alice);
        expect_nothing(bob);
    }
}

static void S04_an_unknown_namespace_is_no_service(void **state)
{
    (void)state;
    static const char *const TO[] = {
        " to='example.org'",     " to='alice@example.org'",  "",
        " to='bob@example.org'", " to='nobody@example.org'", " to='talk.example.org'",
        " to='example.net'"};
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(TO); i++)
            for (unsigned k = 0; k < 2; k++) {
                client_sendf(alice, "<iq type='%s' id='u'%s><x xmlns='urn:unknown'/></iq>",
                             k == 0 ? "get" : "set", TO[i]);
                assert_condition(alice, "iq", "u", "service-unavailable");
            }
    }
}

/* An answer comes from whom was asked, under the name by which it was asked. */
static void answers_carry_the_name_that_was_asked(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, "alice@example.org/phone");
        ask(alice, "<iq type='get' id='1' to='talk.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='result' id='1' from='talk.example.org'/>");
        ask(alice,
            "<iq type='get' id='2' to='alice@talk.example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='result' id='2' from='alice@talk.example.org'/>");
        ask(alice,
            "<iq type='get' id='3' to='alice@talk.example.org'>"
            "<query xmlns='jabber:iq:roster'/></iq>",
            "<iq type='result' id='3' from='alice@talk.example.org'>"
            "<query xmlns='jabber:iq:roster'/></iq>");
        client_send(alice, "<iq type='set' id='4'><query xmlns='jabber:iq:roster'>"
                           "<item jid='bob@example.org'/></query></iq>");
        /* The push: asking by the other name counts as asking. */
        expect(alice, "<iq type='set' id='*'><query xmlns='jabber:iq:roster' ver='*'>"
                      "<item jid='bob@example.org' subscription='none'/></query></iq>");
        expect(alice, "<iq type='result' id='4'/>");
    }
}

static void S07_S08_nobody_and_nowhere(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, "alice@example.org/phone");
        ask(alice, "<message to='nobody@example.org' id='1'><body>x</body></message>",
            REFUSED("message", " id='1' from='nobody@example.org'", "cancel",
                    "service-unavailable"));
        ask(alice, "<message to='nobody@example.org/r' id='2' type='chat'><body>x</body></message>",
            REFUSED("message", " id='2' from='nobody@example.org/r'", "cancel",
                    "service-unavailable"));
        ask(alice, "<message to='a@other.example' id='3'><body>x</body></message>",
            REFUSED("message", " id='3' from='a@other.example'", "cancel",
                    "remote-server-not-found"));
        ask(alice, "<iq type='get' to='other.example' id='4'><a xmlns='urn:a'/></iq>",
            REFUSED("iq", " id='4' from='other.example'", "cancel", "remote-server-not-found"));
        client_send(alice, "<message to='a@other.example' type='error' id='5'/>");
        expect_nothing(alice);
    }
}

static void S09_a_type_that_messages_do_not_have_is_normal(void **state)
{
    (void)state;
    static const char *const ODD[] = {"foo", "CHAT", "", "normal "};
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(ODD); i++) {
            client_sendf(alice, "<message to='bob@example.org' type='%s'><body>x</body></message>",
                         ODD[i]);
            struct slice type = xml_attr(client_next(bob), SLICE("type"));
            assert_true(type.ptr == NULL || slice_is(type, "normal"));
            assert_true(
                slice_is(xml_text(xml_child(client_last(bob), NS_CLIENT, SLICE("body"))), "x"));
        }
    }
}

static void S10_presence_that_is_none_changes_nothing(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "<presence id='p' type='foo'/>",
        "<presence id='p' type='available'/>",
        "<presence id='p' type=''/>",
        "<presence id='p'><priority>999</priority></presence>",
        "<presence id='p'><priority>-129</priority></presence>",
        "<presence id='p'><priority>128</priority></presence>",
        "<presence id='p'><priority>abc</priority></presence>",
        "<presence id='p'><priority>1.5</priority></presence>",
        "<presence id='p'><priority> 1</priority></presence>",
        "<presence id='p'><priority/></presence>",
        "<presence id='p'><priority>1</priority><priority>2</priority></presence>",
        "<presence id='p'><priority>99999999999999999999</priority></presence>",
        "<presence id='p'><show>away</show><show>dnd</show></presence>",
        "<presence id='p'><show>happy</show></presence>",
        "<presence id='p'><show/></presence>",
        "<presence id='p' type='subscribe'/>",
        "<presence id='p' type='probe'/>",
        "<presence id='p' type='foo' to='bob@example.org'/>",
        "<presence id='p' to='bob@example.org'><priority>x</priority></presence>",
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.rate = false;
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_online(b, "alice@example.org/phone");
        client_discard(bob);
        for (size_t i = 0; i < LENGTH(BAD); i++) {
            client_send(alice, BAD[i]);
            assert_condition(alice, "presence", "p", "bad-request");
        }
        expect_nothing(alice);
        expect_nothing(bob);
        client_send(alice, "<presence><show>xa</show><priority>-128</priority></presence>");
        expect(bob, "<presence from='alice@example.org/phone'><show>xa</show>"
                    "<priority>-128</priority></presence>");
    }
}

static void S11_presence_to_thousands_has_a_limit(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint32_t limit = b->config.core.limits.directed_targets;
        assert_int_equal(limit, 1000);
        b->config.core.limits.rate = false;
        struct client *bob = bench_online(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        client_send(alice, "<presence to='bob@example.org/desk'/>");
        expect(bob, "<presence from='alice@example.org/phone'/>");
        for (uint32_t i = 1; i < limit; i++)
            client_sendf(alice, "<presence to='nobody%u@example.org'/>", i);
        expect_nothing(alice);
        client_send(alice, "<presence to='one-more@example.org' id='p'/>");
        assert_condition(alice, "presence", "p", "resource-constraint");
        assert_true(bench_logged(b, "event=presence.limit"));
        /* Those that are remembered may be told again; one that is taken back makes room. */
        client_send(alice, "<presence to='bob@example.org/desk'><show>dnd</show></presence>");
        expect(bob, "<presence from='alice@example.org/phone'><show>dnd</show></presence>");
        client_send(alice, "<presence to='nobody1@example.org' type='unavailable'/>"
                           "<presence to='one-more@example.org'/>");
        expect_nothing(alice);
        client_lose(&alice);
        expect(bob, "<presence from='alice@example.org/phone' type='unavailable'/>");
    }
}

#define ROSTER_SET(inner)                                                                          \
    "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>" inner "</query></iq>"

static void S12_a_roster_set_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } ROWS[] = {
        {ROSTER_SET("<item jid='a@x.example'/><item jid='b@x.example'/>"), "bad-request"},
        {ROSTER_SET(""), "bad-request"},
        {ROSTER_SET("<item/>"), "bad-request"},
        {ROSTER_SET("<item jid='a@b@c'/>"), "jid-malformed"},
        {ROSTER_SET("<item jid='alice@example.org'/>"), "not-allowed"},
        {ROSTER_SET("<item jid='alice@example.org/x'/>"), "not-allowed"},
        {ROSTER_SET("<item jid='a@x.example'><group/></item>"), "not-acceptable"},
        {ROSTER_SET("<item jid='a@x.example'><group>g</group><group>g</group></item>"),
         "bad-request"},
        {ROSTER_SET("<item jid='never@x.example' subscription='remove'/>"), "item-not-found"},
    };
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; i < LENGTH(ROWS); i++) {
            client_send(alice, ROWS[i].text);
            assert_condition(alice, "iq", "r", ROWS[i].name);
        }
        struct buf big = {0};
        buf_lit(&big, "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>"
                      "<item jid='a@x.example'>");
        size_t head = buf_len(&big);
        buf_lit(&big, "<group>");
        repeat(&big, "g", 1024);
        buf_lit(&big, "</group></item></query></iq>");
        buf_byte(&big, '\0');
        client_send(alice, big.ptr);
        assert_condition(alice, "iq", "r", "not-acceptable");
        buf_truncate(&big, head);
        for (unsigned i = 0; i < 51; i++)
            buf_printf(&big, "<group>%u</group>", i);
        buf_lit(&big, "</item></query></iq>");
        buf_byte(&big, '\0');
        client_send(alice, big.ptr);
        assert_condition(alice, "iq", "r", "not-acceptable");
        buf_free(&big);
        ask(alice, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>",
            "<iq type='result' id='g'><query xmlns='jabber:iq:roster'/></iq>");
    }
}

/* A stranger is told the same as if there were no such account, a friend that it is forbidden. */
static void S12_a_roster_of_somebody_else(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, "bob@example.org");
        bench_account(b, "friend@example.org");
        bench_befriend(b, "alice@example.org", "friend@example.org");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        static const char *const ROWS[][2] = {{"bob@example.org", "service-unavailable"},
                                              {"nobody@example.org", "service-unavailable"},
                                              {"friend@example.org", "forbidden"}};
        for (size_t i = 0; i < LENGTH(ROWS); i++) {
            client_sendf(alice,
                         "<iq type='get' id='r' to='%s'><query xmlns='jabber:iq:roster'/></iq>",
                         ROWS[i][0]);
            assert_condition(alice, "iq", "r", ROWS[i][1]);
            client_sendf(alice,
                         "<iq type='set' id='r' to='%s'><query xmlns='jabber:iq:roster'>"
                         "<item jid='x@y.example'/></query></iq>",
                         ROWS[i][0]);
            assert_condition(alice, "iq", "r", ROWS[i][1]);
        }
    }
}

static void S12_L19_a_full_roster(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.roster_items = 3;
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (unsigned i = 0; i < 3; i++) {
            client_sendf(alice,
                         "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>"
                         "<item jid='c%u@x.example'/></query></iq>",
                         i);
            expect(alice, "<iq type='result' id='s'/>");
        }
        client_send(alice, ROSTER_SET("<item jid='more@x.example'/>"));
        assert_condition(alice, "iq", "r", "resource-constraint");
        client_send(alice, "<presence type='subscribe' to='more@example.org' id='s'/>");
        assert_condition(alice, "presence", "s", "resource-constraint");
        /* What is there can be changed, and makes room when it goes. */
        ask(alice, ROSTER_SET("<item jid='c0@x.example' name='n'/>"), "<iq type='result' id='r'/>");
        ask(alice, ROSTER_SET("<item jid='c0@x.example' subscription='remove'/>"),
            "<iq type='result' id='r'/>");
        ask(alice, ROSTER_SET("<item jid='more@x.example'/>"), "<iq type='result' id='r'/>");
    }
}

/* V57, S14: what looks like a push of one's own server reaches no client. */
static void S14_a_push_by_a_user_is_not_delivered(void **state)
{
    (void)state;
    static const char *const FORGED[] = {
        "<query xmlns='jabber:iq:roster'><item jid='evil@x.example' subscription='both'/></query>",
        "<block xmlns='urn:xmpp:blocking'><item jid='x.example'/></block>",
        "<unblock xmlns='urn:xmpp:blocking'/>"};
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_befriend(b, "alice@example.org", "bob@example.org");
        struct client *bob = bench_login(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        struct client *own = bench_login(b, "alice@example.org/other");
        for (size_t i = 0; i < LENGTH(FORGED); i++) {
            client_sendf(alice, "<iq type='set' id='f' to='bob@example.org/desk'>%s</iq>",
                         FORGED[i]);
            assert_condition(alice, "iq", "f", "service-unavailable");
            client_sendf(alice, "<iq type='set' id='f' to='alice@example.org/other'>%s</iq>",
                         FORGED[i]);
            assert_condition(alice, "iq", "f", "service-unavailable");
        }
        expect_nothing(bob);
        expect_nothing(own);
        assert_true(bench_logged(b, "event=stanza.spoof"));
    }
}

/* V58, S14: nor does what looks like a copy that one's own server made. */
static void S14_a_copy_by_a_user_is_taken_out(void **state)
{
    (void)state;
#define COPY(name)                                                                                 \
    "<" name " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"                  \
    "<message xmlns='jabber:client' from='boss@x.example'><body>pay him</body></message>"          \
    "</forwarded></" name ">"
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *bob = bench_login(b, "bob@example.org/desk");
        struct client *alice = bench_login(b, "alice@example.org/phone");
        client_send(alice,
                    "<message to='bob@example.org/desk'>" COPY("received") "<body>x</body>" //
                    COPY("sent") "<private xmlns='urn:xmpp:carbons:2'/></message>");
        expect(bob, "<message from='alice@example.org/phone'><body>x</body>"
                    "<private xmlns='urn:xmpp:carbons:2'/></message>");
        client_send(alice, "<message to='alice@example.org/phone'>" COPY("sent") "</message>");
        expect(alice, "<message from='alice@example.org/phone'/>");
    }
}

/* V27: every IQ that is served, with each of its attributes and children left out, is answered. */
static void V27_requests_without_what_they_need_are_answered(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, "alice@example.org/phone");
        for (size_t i = 0; MODULES[i] != NULL; i++)
            for (const struct module_iq *iq = MODULES[i]->iqs; iq != NULL && iq->ns; iq++)
                for (unsigned k = 0; k < 4; k++) {
                    const char *to = k < 2 ? "" : " to='example.org'";
                    client_sendf(alice, "<iq type='%s' id='v'%s><%s xmlns='%s'/></iq>",
                                 k % 2 == 0 ? "get" : "set", to, iq->name, iq->ns);
                    unsigned answers = 0;
                    while (client_waiting(alice) > 0) /* pushes too */
                        answers += slice_is(xml_attr(client_next(alice), SLICE("id")), "v");
                    assert_int_equal(answers, 1);
                }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S01_the_from_of_somebody_else_ends_the_stream),
        cmocka_unit_test(S01_ones_own_from_is_completed),
        cmocka_unit_test(S02_a_to_that_cannot_be_is_malformed),
        cmocka_unit_test(V23_long_addresses_are_never_cut),
        cmocka_unit_test(S03_iqs_that_are_none_are_bad_requests),
        cmocka_unit_test(S04_an_unknown_namespace_is_no_service),
        cmocka_unit_test(answers_carry_the_name_that_was_asked),
        cmocka_unit_test(S07_S08_nobody_and_nowhere),
        cmocka_unit_test(S09_a_type_that_messages_do_not_have_is_normal),
        cmocka_unit_test(S10_presence_that_is_none_changes_nothing),
        cmocka_unit_test(S11_presence_to_thousands_has_a_limit),
        cmocka_unit_test(S12_a_roster_set_that_cannot_be),
        cmocka_unit_test(S12_a_roster_of_somebody_else),
        cmocka_unit_test(S12_L19_a_full_roster),
        cmocka_unit_test(S14_a_push_by_a_user_is_not_delivered),
        cmocka_unit_test(S14_a_copy_by_a_user_is_taken_out),
        cmocka_unit_test(V27_requests_without_what_they_need_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
