/* A room in a test: what its callbacks are told is logged, one line each, and compared as text.
 *
 *   static struct seen s;
 *   test_room_begin(&s, "");
 *   test_room_come_in(&s);
 *   test_room_presence(&s, "bob", "", AS_MEMBER, "");
 *   test_told(&s.log, "bob joined ...\n");
 *   test_end(&s.t); */
#ifndef CLIENT_TEST_ROOM_H
#define CLIENT_TEST_ROOM_H

#include "burble/room.h"
#include "client/test_client.h"
#include "client/test_log.h"

#define USER      "http://jabber.org/protocol/muc#user"
#define ROOM      "talk@muc.example.org"
#define SM        "<sm xmlns='urn:xmpp:sm:3'/>"
#define AS_MEMBER "affiliation='member' role='participant'"
#define SELF      "<status code='110'/>"
#define GONE      " type='unavailable'"
#define BOUND                                                                                      \
    "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                  \
    "<jid>me@example.org/here</jid></bind></iq>"
#define ERROR(type, condition)                                                                     \
    "<error type='" type "'><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

enum { TEXT = 1024 };

struct seen {
    struct test_client t;
    struct burble_room *room;
    bool free_room, free_client, enter_again; /* what a callback does */
    unsigned bad, failed;                     /* events */
    struct test_log log;
};

/* A session that stands. */
void test_room_begin(struct seen *s, const char *features);
/* All handlers, nickname "me". */
struct burble_room_config test_room_config(struct seen *s);
/* Joins; the presence that asks for it is taken from what was sent, up to <x xmlns='...muc'. */
void test_room_ask_in(struct seen *s, const struct burble_room_config *config);
/* Joins the room, where alice is; nothing is left in the log or in what was sent. */
void test_room_come_in(struct seen *s);
void test_room_come_in_with(struct seen *s, const struct burble_room_config *config);
/* Presence from the room: of whom, attributes of the stanza and of <item/>, further children of
 * <x/>. */
void test_room_presence(struct seen *s, const char *nick, const char *type, const char *item,
                        const char *more);
/* The answer to a request, and the id of the request that comes next. */
void test_room_answer(struct seen *s, const char *id, const char *from, const char *type,
                      const char *payload);
void test_room_id(struct seen *s, char out[64]);

void test_room_on_done(struct burble_room *r, const struct burble_room_result *e, void *arg);
void test_room_on_item(struct burble_room *r, const struct burble_room_item *e, void *arg);
void test_room_on_invitation(struct burble *c, const struct burble_invitation *e, void *arg);
void test_room_on_event(struct burble *c, const struct burble_event *e, void *arg);

#endif
