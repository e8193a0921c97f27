/* What the tests of logins by XEP-0388 share: a client of the bench says what it wants beside the
 * login, and gets the answer. */
#ifndef XEP_LOGIN_TEST_LOGIN_H
#define XEP_LOGIN_TEST_LOGIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/err.h"
#include "core/login.h"
#include "xep/test_engine.h"
#include "xep/test_inside.h"
#include "xmpp/sasl_ht.h"
#include "xmpp/test_sasl_client.h"

#define SASL2       "xmlns='urn:xmpp:sasl:2'"
#define ALICE       "alice@example.org"
#define ALICE_PLAIN "AGFsaWNlAGNvcnJlY3QgaG9yc2U=" /* and BENCH_PASSWORD */
#define INITIAL(x)  "<initial-response>" x "</initial-response>"
#define PLAIN(more)                                                                                \
    "<authenticate " SASL2 " mechanism='PLAIN'>" INITIAL(ALICE_PLAIN) more "</authenticate>"
#define SUCCESS(more) "<success " SASL2 ">" more "</success>"
#define IDENTIFIER    "<authorization-identifier>" ALICE "</authorization-identifier>"
#define FULL          "<authorization-identifier>*</authorization-identifier>"
#define FAILURE(name)                                                                              \
    "<failure " SASL2 "><" name " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
/* Behind a success without bind, and with it. */
#define FEATURES                                                                                   \
    "<features xmlns='http://etherx.jabber.org/streams'>"                                          \
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><_/></features>"
#define FEATURES_BOUND "<features xmlns='http://etherx.jabber.org/streams'><_/></features>"
#define AGENT(id)      "<user-agent id='" id "'/>"
#define PHONE          "d4565fa7-4d72-4749-b3d3-740edbf87770"
#define LAPTOP         "7a3b1f04-0000-4000-8000-0123456789ab"

/* A connection with a stream; nobody is logged in. */
static inline struct client *opened(struct bench *b)
{
    if (bench_count(b, ALICE, "account") == 0)
        bench_account(b, ALICE);
    struct client *c = bench_connect(b);
    client_open(c, "example.org");
    client_discard(c);
    return c;
}

/* The session works: a request is answered. */
static inline void alive(struct client *c)
{
    ask(c, "<iq type='set' id='alive'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
        "<iq type='result' id='alive'/>");
}

/* The session of the full address that the last success named. */
static inline void take_jid(struct client *c)
{
    struct xml id = xml_child(client_last(c), NS_SASL2, SLICE("authorization-identifier"));
    snprintf(c->jid, sizeof(c->jid), "%.*s", SLICE_ARG(xml_text(id)));
}

/* Base64 as a static text. */
static inline const char *base64(struct slice data)
{
    static char text[2048];
    CHECK(base64_encoded_len(data.len) < sizeof(text));
    base64_encode(data, text);
    text[base64_encoded_len(data.len)] = '\0';
    return text;
}

static inline struct slice unbase64(struct slice text, struct buf *room)
{
    size_t len = 0;
    buf_clear(room);
    CHECK(buf_reserve(room, text.len + 1) == 0 && base64_decode(text, room->ptr, &len));
    room->end = (uint32_t)len;
    return buf_slice(room);
}

/* SCRAM in the words of XEP-0388, with what else is asked for; the client believes to have been
 * offered `offer` (XEP-0474; NULL: does not look). What came last is left as client_last. True: it
 * is <success/> or <continue/>, and the server has proved itself. */
static inline bool scram(struct client *c, const char *mechanism, const char *user,
                         const char *password, const char *more, const char *offer)
{
    struct buf out = {0}, in = {0};
    struct slice name = slice_z(mechanism);
    struct sasl_client_config config = {
        .user = slice_z(user), .password = slice_z(password), .offer = slice_z(offer)};
    enum sasl_client_problem problem;
    struct sasl_client *sasl =
        sasl_client_new(&config, &name, 1, NULL, 0, false, &c->bench->inside->rng, &problem);
    CHECK(sasl != NULL && test_sasl_start(sasl, &out) == 0);
    client_sendf(c, "<authenticate " SASL2 " mechanism='%s'>" INITIAL("%s") "%s</authenticate>",
                 mechanism, base64(buf_slice(&out)), more);
    struct xml x = client_next(c);
    bool good = xml_is(x, NS_SASL2, SLICE("challenge")) &&
                test_sasl_challenge(sasl, unbase64(xml_text(x), &in), &out) == 0;
    if (good) {
        client_sendf(c, "<response " SASL2 ">%s</response>", base64(buf_slice(&out)));
        x = client_next(c);
        struct xml data = xml_child(x, NS_SASL2, SLICE("additional-data"));
        good = xml_some(data) && test_sasl_success(sasl, unbase64(xml_text(data), &in)) == 0;
    }
    sasl_client_free(&sasl);
    buf_free(&out);
    buf_free(&in);
    return good;
}

#endif
