/* V41: a model of who may do what. All sequences of 36 things that a client can say are played on a
 * real node, however long: nothing is routed without a successful login, a stream header and a bind
 * in this order, whatever else was said; and with them it is. Sequences that end in the same state
 * of the server are gone on from once, so there is an end; up to three things all of them are
 * played, which is also how that short cut is checked. BURBLE_MODEL asks for another length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/test_peer.h"
#include "xmpp/scram.h"

#define TLS   "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
#define SASL  "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define SASL2 "xmlns='urn:xmpp:sasl:2'"

enum thing {
    HEADER,
    ELSEWHERE, /* a header for the other host, where alice has an account too */
    LOGIN,     /* the right password */
    FINAL,     /* the right answer to the challenge of a SCRAM exchange, if there is one */
    SHAKE,     /* the TLS handshake, if it is due */
    STARTTLS,
    ALICE,  /* begins SCRAM */
    NOBODY, /* the same for a name that there is not */
    BIND,
    MESSAGE,
    MODERN,      /* the right password by XEP-0388 */
    MODERN_BIND, /* and a bind along the way */
    MODERN_SCRAM /* begins SCRAM by XEP-0388; FINAL answers its challenge too */
};

static const char *const THINGS[] = {
    [HEADER] = PEER_HEADER,
    [ELSEWHERE] = "<stream:stream to='example.net' version='1.0' xmlns='jabber:client' "
                  "xmlns:stream='" PEER_STREAMS "'>",
    [LOGIN] = PEER_AUTH("PLAIN") PEER_ALICE "</auth>",
    [FINAL] = NULL,
    [SHAKE] = NULL,
    [STARTTLS] = "<starttls " TLS "/>",
    [ALICE] = PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>",
    [NOBODY] = PEER_AUTH("SCRAM-SHA-1") "biwsbj1ub2JvZHkscj1hYmM=</auth>",
    [BIND] = PEER_BIND,
    [MESSAGE] = "<message to='bob@example.org' type='chat'><body>routed</body></message>",
    [MODERN] = "<authenticate " SASL2 " mechanism='PLAIN'><initial-response>" PEER_ALICE
               "</initial-response></authenticate>",
    [MODERN_BIND] = "<authenticate " SASL2 " mechanism='PLAIN'><initial-response>" PEER_ALICE
                    "</initial-response><bind xmlns='urn:xmpp:bind:0'/></authenticate>",
    [MODERN_SCRAM] = "<authenticate " SASL2 " mechanism='SCRAM-SHA-1'><initial-response>"
                     "biwsbj1hbGljZSxyPWFiYw==</initial-response></authenticate>",
    "</stream:stream>",
    "<proceed " TLS "/>",
    PEER_AUTH("PLAIN") "AGFsaWNlAHdyb25n</auth>",                                 /* alice, wrong */
    PEER_AUTH("PLAIN") "Ym9iQGV4YW1wbGUub3JnAGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>", /* as bob */
    PEER_AUTH("ANONYMOUS") "</auth>",
    PEER_AUTH("EXTERNAL") "=</auth>",
    "<auth " SASL "/>",
    "<response " SASL "/>",
    "<response " SASL ">Yz1iaXdzLHI9YWJjLHA9QUFBQQ==</response>",
    "<abort " SASL "/>",
    "<success " SASL "/>",
    "<presence to='bob@example.org/desk'/>",
    "<iq type='get' id='i' to='bob@example.org/desk'><query xmlns='urn:x'/></iq>",
    "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
    "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>",
    "<inactive xmlns='urn:xmpp:csi:0'/>",
    "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
    "<authenticate " SASL2 " mechanism='PLAIN'><initial-response>AGFsaWNlAHdyb25n"
    "</initial-response><bind xmlns='urn:xmpp:bind:0'/></authenticate>",
    "<response " SASL2 ">Yz1iaXdzLHI9YWJjLHA9QUFBQQ==</response>",
    "<abort " SASL2 "/>",
    "<next " SASL2 " task='UPGR-SCRAM-SHA-256'/>",
    "<task-data " SASL2 "/>",
    "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
};

enum { KINDS = sizeof(THINGS) / sizeof(THINGS[0]), STEPS_MAX = 16, STATES_MAX = 4096 };

struct path {
    unsigned char things[STEPS_MAX];
    unsigned len;
};

/* The one world of a test: a server, bob who is told what is routed, and counts. */
struct model {
    struct bench *b;
    struct client *bob;
    bool tls;
    size_t played, routed, reached;
    uint64_t states[STATES_MAX]; /* seen */
    size_t state_count;
};

/* Salted passwords cost time: two salts occur, that of alice and that made up for nobody. */
static const uint8_t *salted(struct slice salt, uint32_t iterations)
{
    static struct {
        struct buf salt;
        uint8_t key[SASL_KEY_BYTES];
    } known[4];
    size_t i = 0;
    while (i < 3 && buf_len(&known[i].salt) > 0 && !slice_eq(buf_slice(&known[i].salt), salt))
        i++;
    if (!slice_eq(buf_slice(&known[i].salt), salt)) {
        buf_clear(&known[i].salt);
        buf_add(&known[i].salt, salt);
        CHECK(sasl_salted_password(SASL_SHA1, SLICE(BENCH_PASSWORD), (const uint8_t *)salt.ptr,
                                   salt.len, iterations, known[i].key) == 0);
    }
    return known[i].key;
}

static struct slice decode(struct slice text, struct buf *out)
{
    size_t len = 0;
    buf_clear(out);
    if (buf_reserve(out, text.len + 1) != 0 || !base64_decode(text, out->ptr, &len))
        return SLICE_NONE;
    return slice_of(out->ptr, len);
}

/* The last message of an exchange that the thing above began with the nonce abc. */
static void final_message(struct slice challenge, bool nobody, struct buf *out)
{
    struct scram_server_first first;
    struct buf salt = {0}, auth = {0};
    uint8_t client[SASL_KEY_BYTES], stored[SASL_KEY_BYTES], proof[SASL_KEY_BYTES];
    if (!scram_parse_server_first(challenge, &first))
        return;
    struct slice raw = decode(first.salt, &salt);
    const uint8_t *key = salted(raw, (uint32_t)first.iterations);
    CHECK(scram_keys(SASL_SHA1, key, client, stored, NULL) == 0);
    buf_printf(out, "c=biws,r=%.*s", SLICE_ARG(first.nonce));
    buf_printf(&auth, "n=%s,r=abc,%.*s,%.*s", nobody ? "nobody" : "alice", SLICE_ARG(challenge),
               SLICE_ARG(buf_slice(out)));
    struct slice stored_key = slice_of((const char *)stored, sasl_hash_len(SASL_SHA1));
    CHECK(scram_hmac(SASL_SHA1, stored_key, buf_slice(&auth), proof) == 0);
    for (size_t i = 0; i < stored_key.len; i++)
        proof[i] ^= client[i];
    buf_lit(out, ",p=");
    base64_append(out, slice_of((const char *)proof, stored_key.len));
    buf_free(&salt);
    buf_free(&auth);
}

static void say_final(struct peer *p, bool nobody)
{
    struct xml_tree *tree = NULL;
    struct buf challenge = {0}, out = {0}, say = {0};
    if (peer_gone(p) || list_empty(&p->client->inbox))
        return;
    const struct received *r = CONTAINER_OF(p->client->inbox.prev, struct received, link);
    CHECK(xml_parse(buf_slice(&r->text), NS_CLIENT, &XML_LIMITS_C2S, &tree) == XML_OK);
    bool modern = slice_eq(xml_ns(xml_root(tree)), NS_SASL2);
    if (slice_is(xml_name(xml_root(tree)), "challenge"))
        final_message(decode(xml_text(xml_root(tree)), &challenge), nobody, &out);
    if (buf_len(&out) > 0) {
        buf_printf(&say, "<response %s>", modern ? SASL2 : SASL);
        base64_append(&say, buf_slice(&out));
        buf_lit(&say, "</response>");
        peer_bytes(p, buf_slice(&say));
    }
    xml_tree_free(&tree);
    buf_free(&challenge);
    buf_free(&out);
    buf_free(&say);
}

static void do_thing(struct peer *p, const struct path *path, unsigned at)
{
    bool nobody = false;
    switch (path->things[at]) {
    case FINAL:
        for (unsigned i = 0; i < at; i++)
            nobody = path->things[i] == NOBODY ||
                     (nobody && path->things[i] != ALICE && path->things[i] != MODERN_SCRAM);
        say_final(p, nobody);
        break;
    case SHAKE:
        if (p->wire == NULL && !peer_gone(p) && p->client->conn->state == LINK_HANDSHAKE)
            CHECK(peer_shake(p, SLICE_NONE));
        break;
    default:
        peer_text(p, THINGS[path->things[at]]);
    }
}

/* All that decides how the server takes what comes next, as a number. */
static uint64_t state_of(const struct peer *p)
{
    static const struct hash_key KEY = {1, 2};
    const struct c2s *s = peer_stream(p);
    char text[256];
    if (s == NULL)
        return 0;
    const struct node_link *l = p->client->conn;
    const struct sasl_server *sasl = s->entry != NULL ? s->entry->sasl : NULL;
    struct slice mechanism = sasl != NULL ? sasl_server_mechanism(sasl) : SLICE("-");
    struct slice user = sasl != NULL ? sasl_server_user(sasl) : SLICE("-");
    struct slice host = c2s_host(s) != NULL ? c2s_host(s)->name : SLICE("-");
    snprintf(text, sizeof(text), "%d %d %d %d %d %d %d %.*s %.*s %.*s", l->state, s->state,
             l->base.secure, s->entry != NULL ? s->entry->failures : 0, s->header_sent,
             s->authenticated, s->session != NULL, SLICE_ARG(mechanism), SLICE_ARG(user),
             SLICE_ARG(host));
    return hash_bytes(&KEY, slice_z(text)) | 1;
}

/* What has to have been said, in this order, before anything is routed: HEADER stands for that of
 * one host throughout, ELSEWHERE for that of any. */
static const unsigned char WAYS[][9] = {
    {HEADER, LOGIN, HEADER, BIND, KINDS},
    {HEADER, ALICE, FINAL, HEADER, BIND, KINDS},
    {HEADER, MODERN, BIND, KINDS},
    {HEADER, MODERN_BIND, KINDS},
    {HEADER, MODERN_SCRAM, FINAL, BIND, KINDS},
    {ELSEWHERE, STARTTLS, SHAKE, HEADER, LOGIN, HEADER, BIND, KINDS},
    {ELSEWHERE, STARTTLS, SHAKE, HEADER, ALICE, FINAL, HEADER, BIND, KINDS},
    {ELSEWHERE, STARTTLS, SHAKE, HEADER, MODERN, BIND, KINDS},
    {ELSEWHERE, STARTTLS, SHAKE, HEADER, MODERN_BIND, KINDS},
    {ELSEWHERE, STARTTLS, SHAKE, HEADER, MODERN_SCRAM, FINAL, BIND, KINDS},
};
enum { WAY_COUNT = sizeof(WAYS) / sizeof(WAYS[0]) };

static bool entitled(const struct path *path, bool tls, bool bound)
{
    for (unsigned way = tls ? WAY_COUNT / 2 : 0; way < (tls ? WAY_COUNT : WAY_COUNT / 2); way++)
        for (unsigned char host = HEADER; host <= ELSEWHERE; host++) {
            const unsigned char *next = WAYS[way];
            for (unsigned i = 0; i < path->len && *next != KINDS; i++) {
                unsigned char thing = path->things[i];
                next += *next == HEADER      ? thing == host
                        : *next == ELSEWHERE ? thing <= ELSEWHERE
                                             : thing == *next;
            }
            bool logged_in =
                next > WAYS[way] && (next[-1] == LOGIN || next[-1] == FINAL || next[-1] == MODERN);
            bool later = *next == BIND || *next == KINDS;
            if (*next == KINDS || (!bound && (logged_in || later)))
                return true;
        }
    return false;
}

static uint64_t play(struct model *m, const struct path *path)
{
    struct engine *e = node_engine(m->b->nodes[0]);
    uint64_t stanzas = e->counters.stanzas_in, logins = e->counters.logins;
    struct peer *p = peer_new(m->b);
    for (unsigned i = 0; i < path->len; i++)
        do_thing(p, path, i);
    uint64_t state = state_of(p);
    bool routed = e->counters.stanzas_in > stanzas, reached = client_waiting(m->bob) > 0;
    peer_free(&p);
    if ((routed && !entitled(path, m->tls, true)) ||
        (e->counters.logins > logins && !entitled(path, m->tls, false)) || (reached && !routed)) {
        for (unsigned i = 0; i < path->len; i++)
            print_error("%u: %s\n", path->things[i],
                        THINGS[path->things[i]] != NULL ? THINGS[path->things[i]] : "");
        fail_msg("routed without being entitled to");
    }
    m->played++;
    m->routed += routed;
    m->reached += reached;
    client_discard(m->bob);
    buf_free(&m->b->log);
    return state;
}

static bool seen(const struct model *m, uint64_t state)
{
    for (size_t i = 0; i < m->state_count; i++)
        if (m->states[i] == state)
            return true;
    return false;
}

static struct model *model_new(const struct node_listener *listener)
{
    struct model *m = mem_new(struct model);
    m->b = bench_new(NULL);
    m->tls = listener->tls != NODE_TLS_NONE;
    peer_account(m->b, "alice@example.org");
    peer_account(m->b, "alice@example.net");
    m->b->config.core.limits.login_failures = 1; /* so that there are fewer states */
    m->bob = bench_online(m->b, "bob@example.org/desk");
    peer_certificates(m->b, listener);
    return m;
}

static void model_free(struct model *m)
{
    bench_free(&m->b);
    mem_free(m);
}

/* Goes on from every state once, until there are no new ones. */
static void explore(struct model *m)
{
    static struct path open[STATES_MAX];
    size_t first = 0, last = 1;
    open[0] = (struct path){.len = 0};
    m->states[m->state_count++] = play(m, &open[0]);
    for (; first < last; first++)
        for (unsigned k = 0; k < KINDS; k++) {
            struct path path = open[first];
            assert_true(path.len < STEPS_MAX);
            path.things[path.len++] = (unsigned char)k;
            uint64_t state = play(m, &path);
            if (state == 0 || seen(m, state))
                continue;
            assert_true(last < STATES_MAX);
            m->states[m->state_count++] = state;
            open[last++] = path;
        }
    print_message("%zu states, %zu sequences, %zu routed, %zu reached bob\n", m->state_count,
                  m->played, m->routed, m->reached);
}

/* All sequences of that length; each ends in a state that is known already. */
static void play_all(struct model *m, unsigned len)
{
    struct path path = {.len = len};
    for (;;) {
        uint64_t state = play(m, &path);
        if (state != 0 && !seen(m, state))
            fail_msg("a state that was not found before");
        unsigned at = 0;
        while (at < len && ++path.things[at] == KINDS)
            path.things[at++] = 0;
        if (at == len)
            return;
    }
}

static unsigned depth(void)
{
    const char *asked = getenv("BURBLE_MODEL");
#ifdef __SANITIZE_ADDRESS__
    return asked != NULL ? (unsigned)strtoul(asked, NULL, 10) : 2;
#else
    return asked != NULL ? (unsigned)strtoul(asked, NULL, 10) : 3;
#endif
}

static void check(const struct node_listener *listener)
{
    struct model *m = model_new(listener);
    explore(m);
    assert_true(m->routed > 0 && m->reached > 0);
    for (unsigned len = 1; len <= depth(); len++)
        play_all(m, len);
    model_free(m);
}

static void V41_nothing_is_routed_without_a_login(void **state)
{
    (void)state;
    check(&PEER_PLAIN);
}

static void V41_nothing_is_routed_without_tls_and_a_login(void **state)
{
    (void)state;
    check(&PEER_STARTTLS);
}

/* The shortest way is five steps long, and it works. */
static void V41_with_all_of_it_a_message_is_routed(void **state)
{
    (void)state;
    struct model *m = model_new(&PEER_PLAIN);
    struct path path = {{HEADER, LOGIN, HEADER, BIND, MESSAGE}, 5};
    play(m, &path);
    assert_int_equal(m->reached, 1);
    for (unsigned missing = 0; missing < 4; missing++) {
        struct path less = {.len = 0};
        for (unsigned i = 0; i < path.len; i++)
            if (i != missing)
                less.things[less.len++] = path.things[i];
        play(m, &less);
    }
    assert_int_equal(m->reached, 1);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V41_with_all_of_it_a_message_is_routed),
        cmocka_unit_test(V41_nothing_is_routed_without_a_login),
        cmocka_unit_test(V41_nothing_is_routed_without_tls_and_a_login),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
