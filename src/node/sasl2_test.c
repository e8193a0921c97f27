/* Logins by XEP-0388 where there is TLS, and cut at every place: rows A02, A11, A27, X21 of the
 * catalogue, V30, V41 and V47 of the record. The dialogues without TLS are in src/xep/login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/check.h"
#include "node/test_peer.h"
#include "xmpp/sasl_ht.h"

#define SASL2    "xmlns='urn:xmpp:sasl:2'"
#define PHONE    "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>"
#define BIND     "<bind xmlns='urn:xmpp:bind:0'><tag>t</tag></bind>"
#define FEATURES "<features xmlns='" PEER_STREAMS "'><_/></features>"

static struct bench *bench_of(uint32_t shards, const struct node_listener *listener)
{
    struct bench *b = bench_new_shards(NULL, shards);
    peer_certificates(b, listener);
    peer_account(b, "alice@example.org");
    b->config.core.limits.login_failures = UINT8_MAX;
    return b;
}

static void A02_V30_nothing_of_it_before_tls(void **state)
{
    (void)state;
    struct bench *b = bench_of(1, &PEER_STARTTLS);
    struct peer *p = peer_new(b);
    peer_text(p, PEER_HEADER);
    assert_false(peer_has(p, "urn:xmpp:sasl:2"));
    peer_text(p, "<authenticate " SASL2 " mechanism='PLAIN'/>");
    peer_refused(p, "policy-violation");
    peer_free(&p);
    bench_free(&b);
}

/* Only bindings that the stream has: TLS 1.3 has the exporter and the certificate. */
static void what_is_offered_over_tls(void **state)
{
    (void)state;
    struct bench *b = bench_of(1, &PEER_DIRECT);
    struct peer *p = peer_new(b);
    assert_true(peer_shake(p, SLICE_NONE));
    peer_text(p, PEER_HEADER);
    assert_true(peer_has(p, "<authentication " SASL2 "><mechanism>SCRAM-SHA-512-PLUS</mechanism>"));
    assert_true(peer_has(p, "<fast xmlns='urn:xmpp:fast:0'>"
                            "<mechanism>HT-SHA-256-EXPR</mechanism>"
                            "<mechanism>HT-SHA-256-ENDP</mechanism>"
                            "<mechanism>HT-SHA-256-NONE</mechanism></fast>"));
    assert_false(peer_has(p, "tls-0rtt"));
    peer_free(&p);
    bench_free(&b);
}

static void every_mechanism_over_tls(void **state)
{
    (void)state;
    static const char *const HOW[] = {"SCRAM-SHA-512-PLUS",
                                      "SCRAM-SHA-256-PLUS",
                                      "SCRAM-SHA-1-PLUS",
                                      "SCRAM-SHA-512",
                                      "SCRAM-SHA-256",
                                      "SCRAM-SHA-1",
                                      "PLAIN",
                                      NULL};
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct bench *b = bench_of(shards, &PEER_STARTTLS);
        for (size_t i = 0; i < 16; i++) {
            struct peer *p = peer_new(b);
            p->end_point = i % 2 == 1;
            assert_true(peer_modern(p, "alice", HOW[i / 2], BIND));
            expect(p->client, FEATURES);
            peer_alive(p);
            peer_free(&p);
        }
        bench_free(&b);
    }
}

/* Somebody in the middle has a channel of his own to either side. */
static void A11_V47_somebody_in_the_middle(void **state)
{
    (void)state;
    struct bench *b = bench_of(1, &PEER_DIRECT);
    struct peer *p = peer_new(b), *other = peer_new(b);
    assert_true(peer_shake(p, SLICE_NONE) && peer_shake(other, SLICE_NONE));
    p->relayed = other;
    assert_false(peer_modern(p, "alice", "SCRAM-SHA-256-PLUS", ""));
    expect_nothing(p->client);
    assert_true(bench_logged(b, "event=auth.downgrade"));
    peer_free(&p);
    peer_free(&other);
    bench_free(&b);
}

/* ----------------------------------------------------------------------------- tokens and TLS */

static void take_token(struct peer *p, char out[128])
{
    struct xml x = xml_child(client_last(p->client), NS_FAST, SLICE("token"));
    snprintf(out, 128, "%.*s", SLICE_ARG(xml_attr(x, SLICE("token"))));
    assert_true(out[0] != '\0');
}

static void get_token(struct bench *b, const char *mechanism, char out[128])
{
    char more[256];
    struct peer *p = peer_new(b);
    assert_true(peer_shake(p, SLICE_NONE));
    snprintf(more, sizeof(more), PHONE "<request-token xmlns='urn:xmpp:fast:0' mechanism='%s'/>",
             mechanism);
    assert_true(peer_modern(p, "alice", "SCRAM-SHA-1-PLUS", more));
    take_token(p, out);
    peer_free(&p);
}

/* Logs in by the token; binding: of whose channel (NULL: its own). The server proves itself. */
static bool by_token(struct bench *b, const char *mechanism, const char *token, bool foreign)
{
    const struct sasl_ht *ht = sasl_ht_find(slice_z(mechanism));
    struct sasl_binding binding;
    uint8_t scratch[SASL_BINDING_BYTES], hash[SASL_HT_BYTES];
    struct buf message = {0}, text = {0};
    struct peer *p = peer_new(b), *other = peer_new(b);
    assert_true(peer_shake(p, SLICE_NONE) && peer_shake(other, SLICE_NONE));
    peer_text(p, PEER_HEADER);
    client_discard(p->client);
    peer_binding(foreign ? other : p, &binding, scratch);
    CHECK(sasl_ht_initiator(ht, slice_z(token), &binding, hash) == 0);
    buf_append(&message, "alice\0", 6);
    buf_append(&message, hash, sizeof(hash));
    buf_printf(&text, "<authenticate " SASL2 " mechanism='%s'><initial-response>", mechanism);
    base64_append(&text, buf_slice(&message));
    buf_lit(&text, "</initial-response>" PHONE "<fast xmlns='urn:xmpp:fast:0' count='1'/>" BIND
                   "</authenticate>");
    peer_bytes(p, buf_slice(&text));
    struct xml x = client_next(p->client);
    bool good = xml_is(x, NS_SASL2, SLICE("success"));
    if (good) {
        buf_clear(&text);
        CHECK(sasl_ht_responder(ht, slice_z(token), &binding, hash) == 0);
        base64_append(&text, slice_of((const char *)hash, sizeof(hash)));
        assert_true(
            slice_eq(xml_text(xml_child(x, NS_SASL2, SLICE("additional-data"))), buf_slice(&text)));
        expect(p->client, FEATURES);
        peer_alive(p);
    } else {
        assert_true(xml_is(x, NS_SASL2, SLICE("failure")));
    }
    buf_free(&message);
    buf_free(&text);
    peer_free(&p);
    peer_free(&other);
    return good;
}

static void A27_a_token_is_bound_to_its_mechanism_and_channel(void **state)
{
    (void)state;
    static const char *const ALL[] = {"HT-SHA-256-EXPR", "HT-SHA-256-ENDP", "HT-SHA-256-NONE"};
    struct bench *b = bench_of(3, &PEER_DIRECT);
    char token[128];
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            get_token(b, ALL[i], token);
            assert_int_equal(by_token(b, ALL[k], token, false), i == k);
        }
        /* The certificate is the same for all channels, and nothing is bound to none. */
        get_token(b, ALL[i], token);
        assert_int_equal(by_token(b, ALL[i], token, true), i > 0);
    }
    bench_free(&b);
}

/* ------------------------------------------------------------------------------------ the cuts */

/* All that a client says, without waiting for an answer. */
static const char DIALOGUE[] = PEER_HEADER
    "<authenticate " SASL2 " mechanism='PLAIN'><initial-response>AGFsaWNlAHdyb25n"
    "</initial-response></authenticate> \n"
    "<authenticate " SASL2 " mechanism='SCRAM-SHA-1'><initial-response>biwsbj1hbGljZSxyPWFiYw=="
    "</initial-response></authenticate><abort " SASL2 "/>"
    "<a:authenticate xmlns:a='urn:xmpp:sasl:2' mechanism='PLAIN'><a:initial-response>" PEER_ALICE
    "</a:initial-response><a:user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'>"
    "<a:software>&lt;x&gt;</a:software></a:user-agent>"
    "<bind xmlns='urn:xmpp:bind:0'><tag>caf\xc3\xa9</tag></bind>"
    "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/></a:authenticate>"
    "<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>"
    "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
    "</stream:stream>";

static void talk(uint32_t shards, struct buf *out, size_t first, size_t piece)
{
    struct bench *b = bench_new_shards(NULL, shards);
    peer_account(b, "alice@example.org");
    struct peer *p = peer_new(b);
    struct slice all = SLICE(DIALOGUE);
    peer_bytes(p, slice_of(all.ptr, first));
    peer_pieces(p, slice_from(all, first), piece);
    assert_true(p->closed && peer_gone(p));
    buf_clear(out);
    buf_add(out, buf_slice(&p->got));
    peer_free(&p);
    bench_free(&b);
}

static void X21_every_split_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buf want = {0}, got = {0};
    size_t len = sizeof(DIALOGUE) - 1;
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        talk(shards, &want, 0, SIZE_MAX);
        for (size_t at = 0; at <= len; at++) {
            talk(shards, &got, at, SIZE_MAX);
            assert_true(slice_eq(buf_slice(&want), buf_slice(&got)));
        }
        for (size_t piece = 1; piece <= 32; piece++) {
            talk(shards, &got, 0, piece);
            assert_true(slice_eq(buf_slice(&want), buf_slice(&got)));
        }
        buf_byte(&want, '\0');
        const char *text = buf_slice(&want).ptr;
        static const char *const PARTS[] = {
            "<not-authorized", "<challenge " SASL2,  "<aborted",  "alice@example.org/caf\xc3\xa9/",
            "<bound",          "secret-token:fast-", "features>", "id='r'",
            "id='s'",          "</stream:stream>"};
        for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
            text = strstr(text, PARTS[i]);
            if (text == NULL)
                fail_msg("no %s in: %s", PARTS[i], buf_slice(&want).ptr);
        }
    }
    buf_free(&want);
    buf_free(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(A02_V30_nothing_of_it_before_tls),
        cmocka_unit_test(what_is_offered_over_tls),
        cmocka_unit_test(every_mechanism_over_tls),
        cmocka_unit_test(A11_V47_somebody_in_the_middle),
        cmocka_unit_test(A27_a_token_is_bound_to_its_mechanism_and_channel),
        cmocka_unit_test(X21_every_split_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
