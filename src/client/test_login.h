/* A client in a test that logs in over TLS, and the server that the test plays: its certificate,
 * its SCRAM, its features. The account is me@example.org with the password "secret". */
#ifndef CLIENT_TEST_LOGIN_H
#define CLIENT_TEST_LOGIN_H

#include "client/test_client.h"
#include "xmpp/sasl.h"

struct test_login {
    struct test_client t;
    struct tls_context *context;
    struct sasl_credentials credentials;
    struct sasl_server *sasl;
    struct rng rng;
    bool sasl2;
    struct buf offer; /* as XEP-0474 writes it */
    const char *lie;  /* the offer that is signed instead of that which is sent; NULL: none */
    /* What the client told. */
    enum burble_why why;
    char text[512], condition[64];
    unsigned saves, events;
    unsigned free_at; /* the client is freed in this event; 0: in none */
    struct buf xml;   /* of BURBLE_EVENT_XML */
};

#define TEST_HEADER                                                                                \
    "<?xml version='1.0'?><stream:stream from='example.org' id='s1' version='1.0'"                 \
    " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
#define TEST_EXPORTER                                                                              \
    "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>"      \
    "</sasl-channel-binding>"

/* on_event, arg, trust, host are set; security: direct TLS unless it says
 * otherwise. */
void test_login_new(struct test_login *l, const struct burble_config *config);
/* The same with a certificate of its own. */
void test_login_new_external(struct test_login *l, const struct burble_config *config);
/* burble_connect, or a retry that is due; up to the client's header behind the handshake. */
void test_login_reach(struct test_login *l);
/* The server's header, and features with these mechanisms (divided by spaces), and what else
 * stands in the features; where inline_ is not NULL as SASL2, with this in <inline/>. */
void test_login_offer(struct test_login *l, const char *mechanisms, const char *more,
                      const char *inline_);
/* Answers the client's SCRAM or PLAIN up to the server's last step; the success (SASL_SUCCESS) or
 * failure is the test's to send. name_out: the mechanism, 64 bytes. */
enum sasl_step test_login_exchange(struct test_login *l, char *name_out);
/* base64 of what comes with the success; valid until the next call. */
const char *test_login_additional(struct test_login *l);
/* <success/> of SASL (not SASL2), the features of the new stream and the bind. */
void test_login_finish(struct test_login *l);
/* All of it: SCRAM with these mechanisms, up to a session. */
void test_login_online(struct test_login *l, const char *mechanisms, const char *more);
/* The client has ended the login: why and text are set, the connection is gone. */
void test_login_refused(struct test_login *l);
/* Was this text in a BURBLE_EVENT_XML? */
bool test_login_shown(struct test_login *l, const char *text);
void test_login_end(struct test_login *l);

#endif
