/* V78: every stream error in every state of a connection, even where it can hardly come about: it
 * is said once, in a stream, the stream is closed, the connection goes, and whatever was under way
 * (the store, a key derivation, a move, a handshake) comes to a dead end quietly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/test_heap.h"
#include "node/test_peer.h"

enum how {
    PLAIN = 0,
    HELD = 1,     /* the store does not answer from the beginning on */
    LATE = 2,     /* nor after the first answer */
    SECURE = 4,   /* over TLS */
    NO_TURN = 8,  /* the node has had no turn since the last byte */
    DELAYED = 16, /* logins from here have to wait (L10) */
    SESSION = 32, /* a session, before anything is said */
    DEAF = 64,    /* the peer takes nothing, so that it lags */
    SHAKEN = 128, /* half way through a handshake */
    MUTE = 256,   /* there is nowhere to say it */
};

static const struct place {
    enum c2s_state state;
    enum link_state link;
    unsigned how;
    const char *said;
} PLACES[] = {
    {C2S_OPENING, LINK_OPEN, PLAIN, ""},
    {C2S_OPENING, LINK_OPEN, PLAIN, "<?xml version='1.0'?><stream:stream to='exa"},
    {C2S_OPENING, LINK_OPEN, SECURE, ""},
    {C2S_OPENING, LINK_STARTING_TLS, SECURE | NO_TURN | MUTE,
     PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
    {C2S_OPENING, LINK_HANDSHAKE, SECURE | SHAKEN | MUTE,
     PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
    {C2S_NEGOTIATING, LINK_OPEN, PLAIN, PEER_HEADER},
    {C2S_NEGOTIATING, LINK_OPEN, PLAIN, PEER_HEADER "<message><body>half"},
    {C2S_NEGOTIATING, LINK_OPEN, SECURE, PEER_HEADER},
    {C2S_NEGOTIATING, LINK_OPEN, PLAIN, PEER_HEADER PEER_AUTH("X") "</auth>"},
    {C2S_SASL, LINK_OPEN, PLAIN,
     PEER_HEADER PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>"},
    {C2S_SASL, LINK_OPEN, PLAIN, PEER_HEADER PEER_AUTH("PLAIN") "</auth>"},
    {C2S_SASL_WAIT, LINK_OPEN, HELD,
     PEER_HEADER PEER_AUTH("SCRAM-SHA-1") "biwsbj1hbGljZSxyPWFiYw==</auth>"},
    {C2S_SASL_WAIT, LINK_OPEN, HELD, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>"},
    {C2S_SASL_WAIT, LINK_OPEN, DELAYED, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>"},
    {C2S_REGISTERING, LINK_OPEN, HELD,
     PEER_HEADER "<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>new</username>"
                 "<password>a password</password></query></iq>"},
    {C2S_REOPENING, LINK_OPEN, PLAIN, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>"},
    {C2S_REOPENING, LINK_OPEN, LATE, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>"},
    {C2S_REOPENING, LINK_OPEN, SECURE, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>"},
    {C2S_BINDABLE, LINK_OPEN, PLAIN,
     PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>" PEER_HEADER},
    {C2S_BINDING, LINK_OPEN, LATE,
     PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>" PEER_HEADER PEER_BIND},
    {C2S_BOUND, LINK_OPEN, SESSION, ""},
    {C2S_BOUND, LINK_OPEN, SESSION, "<presence/><presence to='bob@example.org'/>"},
    {C2S_BOUND, LINK_OPEN, SESSION | SECURE, "<presence/>"},
    {C2S_BOUND, LINK_OPEN, SESSION | HELD,
     "<presence to='bob@example.org' type='subscribe'/><message to='carol@example.org'/>"
     "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item "
     "jid='x@y.example'/></query></iq>"},
    {C2S_BOUND, LINK_OPEN, SESSION | DEAF, "<presence/>"},
    {C2S_CLOSED, LINK_CLOSING, SESSION | NO_TURN, "<foo/>"},
    {C2S_CLOSED, LINK_CLOSING, SESSION | NO_TURN, "</stream:stream>"},
    {C2S_CLOSED, LINK_CLOSING, NO_TURN, PEER_HEADER "<a></b>"},
};

static uint32_t a_second(void *ctx, const char *peer, struct now now)
{
    (void)ctx;
    (void)peer;
    (void)now;
    return 1000;
}

static struct client *bob; /* somebody else */

/* Brings a connection there. */
static struct peer *go(struct bench *b, const struct place *at,
                       uint32_t (*no_delay)(void *, const char *, struct now))
{
    b->inside->gate.login_delay_ms = (at->how & DELAYED) != 0 ? a_second : no_delay;
    peer_certificates(b, (at->how & SECURE) != 0 ? &PEER_STARTTLS : &PEER_PLAIN);
    struct peer *p = peer_new(b);
    if ((at->how & SESSION) != 0) {
        assert_true(peer_bind(p, "alice", "phone"));
    } else if ((at->how & SECURE) != 0 && (at->how & MUTE) == 0) {
        peer_text(p, PEER_HEADER "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        assert_true(peer_shake(p, SLICE_NONE));
    }
    peer_clear(p);
    p->headers = 0;
    b->store_held = (at->how & (HELD | LATE)) != 0;
    if ((at->how & NO_TURN) != 0) {
        node_input(b->nodes[0], p->client->conn, slice_z(at->said));
    } else {
        p->deaf = (at->how & DEAF) != 0;
        peer_text(p, at->said);
        while ((at->how & DEAF) != 0 && !client_session(p->client)->lags)
            client_send(bob, "<message to='alice@example.org/phone' type='headline'><body>0123456"
                             "789012345678901234567890123456789</body></message>");
    }
    if ((at->how & LATE) != 0) {
        bench_store_step(b, 1);
        peer_take(p);
    }
    if ((at->how & SHAKEN) != 0)
        peer_raw(p, SLICE("\x16\x03\x01\x01"));
    return p;
}

static void check_state(const struct peer *p, const struct place *at)
{
    if (peer_stream(p) == NULL || peer_stream(p)->state != at->state ||
        p->client->conn->state != at->link)
        fail_msg("not in state %d but in %d: %s", at->state,
                 peer_stream(p) != NULL ? (int)peer_stream(p)->state : -1, at->said);
}

static void fail_there(struct bench *b, const struct place *at, enum stream_error error,
                       uint32_t (*no_delay)(void *, const char *, struct now))
{
    struct peer *p = go(b, at, no_delay);
    check_state(p, at);
    bool closed = at->state == C2S_CLOSED;
    c2s_error(peer_stream(p), error, SLICE("text <&> of it"), SLICE("<x xmlns='urn:x'/>"));
    c2s_error(peer_stream(p), STREAM_UNDEFINED_CONDITION, SLICE_NONE, SLICE_NONE);
    /* Over at once, whether the peer takes it or not. */
    assert_int_equal(node_engine(b->nodes[0])->session_count, 1); /* bob's */
    const struct c2s_entry *entry = peer_stream(p)->entry;
    assert_true(entry == NULL || (entry->flow == 0 && entry->sasl == NULL));
    p->deaf = false;
    p->loose = (at->how & MUTE) != 0;
    peer_take(p);
    assert_true(peer_gone(p));
    if (!closed && (at->how & MUTE) == 0) {
        assert_true(p->closed);
        assert_string_equal(peer_error(p), stream_error_name(error).ptr);
    }
    bench_release(b); /* what is answered now is for nobody */
    bench_advance(b, 2000);
    peer_free(&p);
    buf_free(&b->log);
}

static void V78_every_error_in_every_state_closes_cleanly(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    bob = bench_online(b, "bob@example.org/desk");
    b->config.core.limits.rate = false;
    b->hosts[0].registration = REGISTRATION_OPEN;
    uint32_t (*no_delay)(void *, const char *, struct now) = b->inside->gate.login_delay_ms;
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++)
        for (unsigned error = 0; error < STREAM_ERRORS; error++) {
            if ((PLACES[i].how & DEAF) != 0 && error % 8 != 0)
                continue; /* takes its time */
            fail_there(b, &PLACES[i], (enum stream_error)error, no_delay);
            bench_advance(b, 61000); /* the account is loaded anew each time */
        }
    client_discard(bob);
    client_send(bob, "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"
                     "</iq>");
    expect(bob, "<iq type='result' id='s'/>");
    bench_free(&b);
}

/* On its way to another shard a stream can be ended too. */
static void V78_an_error_during_a_move_closes_cleanly(void **state)
{
    (void)state;
    struct bench *b = bench_new_shards(NULL, 3);
    peer_account(b, "alice@example.org");
    unsigned moving = 0;
    for (unsigned error = 0; error < STREAM_ERRORS; error++)
        for (unsigned turned = 0; turned < 3; turned++) {
            struct peer *p = peer_new(b);
            struct node *n = b->nodes[p->client->shard];
            b->store_held = true;
            peer_text(p, PEER_HEADER PEER_AUTH("PLAIN") PEER_ALICE "</auth>");
            assert_int_equal(peer_stream(p)->state, C2S_SASL_WAIT);
            bench_carry_out(b->inside, 1, false); /* answers the node, which has no turn yet */
            struct job *job = node_next_job(n);
            assert_non_null(job);
            job->run(job);
            node_job_done(n, job);
            moving += peer_stream(p)->state == C2S_MOVING;
            c2s_error(peer_stream(p), (enum stream_error)error, SLICE_NONE, SLICE_NONE);
            peer_take(p);
            peer_refused(p, stream_error_name((enum stream_error)error).ptr);
            bench_release(b);
            peer_free(&p);
        }
    assert_true(moving >= STREAM_ERRORS); /* the others were at home */
    bench_free(&b);
}

/* And a stop in each state: the same for all at once. */
static void V78_a_stop_in_every_state_closes_everybody(void **state)
{
    (void)state;
    enum { N = sizeof(PLACES) / sizeof(PLACES[0]) };
    struct bench *b = bench_new(NULL);
    struct peer *peers[N];
    size_t n = 0;
    peer_account(b, "alice@example.org");
    b->config.core.limits.rate = false;
    b->hosts[0].registration = REGISTRATION_OPEN;
    uint32_t (*no_delay)(void *, const char *, struct now) = b->inside->gate.login_delay_ms;
    for (size_t i = 0; i < N; i++)
        if ((PLACES[i].how & (HELD | LATE | SESSION | NO_TURN)) == 0)
            peers[n++] = go(b, &PLACES[i], no_delay);
    node_stop(b->nodes[0]);
    for (size_t i = 0; i < n; i++) {
        peers[i]->loose = true; /* of those in a handshake */
        peer_take(peers[i]);
        assert_true(peer_gone(peers[i]));
        peer_free(&peers[i]);
    }
    assert_int_equal(node_link_count(b->nodes[0]), 0);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V78_every_error_in_every_state_closes_cleanly),
        cmocka_unit_test(V78_an_error_during_a_move_closes_cleanly),
        cmocka_unit_test(V78_a_stop_in_every_state_closes_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
