/* What a stream takes, odd as it looks: rows X05, X11, X12, X14, X24, X25, X27 to X29 of the
 * catalogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_peer.h"

#define REST " xmlns='jabber:client' xmlns:stream='" PEER_STREAMS "'>"

static struct bench *bench(void)
{
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    return b;
}

static struct peer *online(struct bench *b, const char *user)
{
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, user, "r"));
    peer_text(p, "<presence/>");
    peer_clear(p);
    return p;
}

static void X05_X11_X12_headers_that_are_fine(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {
        "<stream:stream to='example.org' version='2.0'" REST,
        "<stream:stream to='example.org' version='1.1'" REST,
        "<stream:stream to='example.org' version='01.10'" REST,
        "\xef\xbb\xbf<stream:stream to='example.org' version='1.0'" REST,
        "<?xml version='1.0' standalone='no'?><stream:stream to='example.org' version='1.0'" REST,
        "<?xml version=\"1.0\" encoding='utf-8' ?>\r\n<stream:stream to='example.org' "
        "version='1.0'" REST,
        "\n\n<stream:stream to='example.org' version='1.0'" REST,
        "<stream:stream to='EXAMPLE.ORG' version='1.0'" REST,
        "<stream:stream to='talk.example.org' version='1.0'" REST,
        "<s:stream to='example.org' version='1.0' xmlns='jabber:client' "
        "xmlns:s='" PEER_STREAMS "'>",
        "<stream xmlns='" PEER_STREAMS "' xmlns:c='jabber:client' to='example.org' version='1.0'>",
    };
    struct bench *b = bench();
    for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]) - 1; i++) {
        struct peer *p = peer_new(b);
        peer_text(p, HEADERS[i]);
        struct xml x = client_next(p->client);
        assert_true(xml_is(x, SLICE(PEER_STREAMS), SLICE("features")));
        assert_true(peer_has(p, " version='1.0'"));
        peer_free(&p);
    }
    /* The last one is well formed, but what is inside of it would be in the wrong namespace. */
    struct peer *p = peer_new(b);
    peer_text(p, HEADERS[sizeof(HEADERS) / sizeof(HEADERS[0]) - 1]);
    peer_refused(p, "invalid-namespace");
    peer_free(&p);
    bench_free(&b);
}

static void X14_a_namespace_is_data_up_to_its_end(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *alice = online(b, "alice"), *bob = online(b, "bob");
    peer_text(alice, "<message to='bob@example.org/r' type='headline'><x xmlns='u|x y&#10;&lt;'/>"
                     "</message>");
    peer_take(bob);
    struct xml x = xml_first_element(client_next(bob->client));
    assert_true(slice_is(xml_ns(x), "u|x y\n<"));
    for (unsigned over = 0; over < 2; over++) {
        struct buf text = {0};
        buf_lit(&text, "<message to='bob@example.org/r' type='headline'><x xmlns='");
        for (unsigned i = 0; i < 1024 + over; i++)
            buf_byte(&text, 'u');
        buf_lit(&text, "'/></message>");
        peer_bytes(alice, buf_slice(&text));
        peer_take(bob);
        buf_free(&text);
        if (over == 0)
            assert_int_equal(xml_ns(xml_first_element(client_next(bob->client))).len, 1024);
        else
            peer_refused(alice, "policy-violation");
    }
    peer_free(&alice);
    peer_free(&bob);
    bench_free(&b);
}

static void X24_bytes_behind_the_end_are_nothing(void **state)
{
    (void)state;
    static const char *const BEHIND[] = {"<message to='bob@example.org'><body>x</body></message>",
                                         "garbage <", PEER_HEADER, "\xff\xff", "</stream:stream>"};
    struct bench *b = bench();
    struct peer *bob = online(b, "bob");
    for (size_t i = 0; i < 2 * sizeof(BEHIND) / sizeof(BEHIND[0]); i++) {
        struct peer *alice = online(b, "alice");
        struct buf text = {0};
        alice->deaf = i % 2 == 1;
        buf_printf(&text, "</stream:stream>%s", BEHIND[i / 2]);
        peer_bytes(alice, buf_slice(&text));
        if (alice->deaf)
            peer_text(alice, BEHIND[i / 2]); /* and once more in a read of its own */
        alice->deaf = false;
        peer_take(alice);
        assert_true(alice->closed && peer_gone(alice));
        assert_string_equal(peer_error(alice), "");
        buf_free(&text);
        peer_free(&alice);
    }
    peer_take(bob);
    expect_nothing(bob->client);
    peer_free(&bob);
    bench_free(&b);
}

/* Every beginning of a stanza, then the connection breaks: nobody hears of it. */
static void X25_part_of_a_stanza_is_none(void **state)
{
    (void)state;
    static const char TEXT[] =
        "<message to='bob@example.org/r' type='headline'><body>x</body></message>";
    struct bench *b = bench();
    struct peer *bob = online(b, "bob");
    for (size_t len = 1; len <= sizeof(TEXT) - 1; len += len + 7 < sizeof(TEXT) - 1 ? 5 : 1) {
        struct peer *alice = online(b, "alice");
        peer_bytes(alice, slice_of(TEXT, len));
        peer_free(&alice);
        peer_take(bob);
        assert_int_equal(client_waiting(bob->client), len == sizeof(TEXT) - 1);
    }
    peer_free(&bob);
    bench_free(&b);
}

static void X27_X29_what_means_the_same_arrives_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *said, *meant;
    } CASES[] = {
        {"<message to='bob@example.org/r' type='headline'><body><![CDATA[<b>&amp;</b>]]></body>"
         "</message>",
         "<body>&lt;b&gt;&amp;amp;&lt;/b&gt;</body>"},
        {"<message to=\"bob@example.org/r\" type='&#x68;eadline'><body>&#60;&#x3e;&quot;&apos;"
         "</body></message>",
         "<body>&lt;&gt;\"'</body>"},
        {"<message to='bob@example.org/r' type='headline'><x xmlns='urn:x' a='1&#9;2&#10;3 \t\n4'/>"
         "</message>",
         "<x xmlns='urn:x' a='1&#9;2&#10;3   4'/>"},
        {"<message to='bob@example.org/r' type='headline'><body>a\r\nb\rc&#13;d</body></message>",
         "<body>a\nb\nc&#13;d</body>"},
        {"<c:message xmlns:c='jabber:client' to='bob@example.org/r' type='headline'>"
         "<c:body>x</c:body></c:message>",
         "<body>x</body>"},
        {"<message xmlns='jabber:client' to='bob@example.org/r' type='headline'><p:x "
         "xmlns:p='urn:x'"
         " p:a='1'><y xmlns='urn:y'/><p:z/></p:x></message>",
         "<x xmlns='urn:x' xmlns:q='urn:x' q:a='1'><y xmlns='urn:y'/><z/></x>"},
    };
    struct bench *b = bench();
    struct peer *alice = online(b, "alice"), *bob = online(b, "bob");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buf want = {0};
        peer_text(alice, CASES[i].said);
        peer_take(bob);
        buf_printf(&want,
                   "<message from='alice@example.org/r' to='bob@example.org/r' type='headline'>%s"
                   "</message>",
                   CASES[i].meant);
        buf_byte(&want, '\0');
        expect(bob->client, buf_slice(&want).ptr);
        buf_free(&want);
        expect_nothing(alice->client);
    }
    assert_false(peer_has(bob, "CDATA"));
    peer_free(&alice);
    peer_free(&bob);
    bench_free(&b);
}

static void X28_a_language_comes_from_the_stream_or_the_stanza(void **state)
{
    (void)state;
    struct bench *b = bench();
    struct peer *bob = online(b, "bob"), *alice = peer_new(b);
    peer_text(alice, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
    peer_text(alice, "<stream:stream to='example.org' version='1.0' xml:lang='de'" REST PEER_BIND);
    static const char *const SAID[] = {
        "<message to='bob@example.org/r' type='headline'><body>x</body></message>",
        "<message to='bob@example.org/r' type='headline' xml:lang='fr'><body>x</body></message>",
        "<message to='bob@example.org/r' type='headline' xml:lang=''><body xml:lang='ru'>x</body>"
        "</message>"};
    static const char *const LANGS[] = {"de", "fr", ""};
    for (size_t i = 0; i < 3; i++) {
        peer_text(alice, SAID[i]);
        peer_take(bob);
        struct xml x = client_next(bob->client);
        assert_true(slice_eq(xml_lang(x), slice_z(LANGS[i])));
        if (i == 2)
            assert_true(slice_is(xml_lang(xml_first_element(x)), "ru"));
    }
    peer_free(&alice);
    peer_free(&bob);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(X05_X11_X12_headers_that_are_fine),
        cmocka_unit_test(X14_a_namespace_is_data_up_to_its_end),
        cmocka_unit_test(X24_bytes_behind_the_end_are_nothing),
        cmocka_unit_test(X25_part_of_a_stanza_is_none),
        cmocka_unit_test(X27_X29_what_means_the_same_arrives_the_same),
        cmocka_unit_test(X28_a_language_comes_from_the_stream_or_the_stanza),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
