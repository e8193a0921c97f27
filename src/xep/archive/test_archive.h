/* What the tests of the archive share. */
#ifndef XEP_ARCHIVE_TEST_ARCHIVE_H
#define XEP_ARCHIVE_TEST_ARCHIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/service/archive.h"
#include "xep/test_engine.h"

#define ALICE "alice@example.org"
#define BOB   "bob@example.net"
#define CAROL "carol@elsewhere.example"

#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define FORM_TYPE         FIELD("FORM_TYPE", "urn:xmpp:mam:2")
#define FORM_BEGIN        "<x xmlns='jabber:x:data' type='submit'>" FORM_TYPE
#define FORM(fields)      FORM_BEGIN fields "</x>"
#define RSM(inside)       "<set xmlns='http://jabber.org/protocol/rsm'>" inside "</set>"
#define QUERY(inside)                                                                              \
    "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' queryid='f'>" inside "</query></iq>"
#define FIN(attributes, set)                                                                       \
    "<iq type='result' id='q'><fin xmlns='urn:xmpp:mam:2' " attributes ">" RSM(set) "</fin></iq>"
#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define REFUSED(type, error)                                                                       \
    "<iq type='error' id='q'><error type='" type "'><" error " xmlns='" STANZAS "'/><_/></error>"  \
    "</iq>"
#define BAD_REQUEST REFUSED("modify", "bad-request")

/* A result of alice's query. */
void expect_result(struct client *c, uint64_t id, const char *from, const char *to,
                   const char *body);
/* n messages between bob and alice, a minute apart: bob's, alice's, bob's ... */
void put_messages(struct bench *b, uint64_t *ids, int n);
/* The results of these messages of put_messages, a..b. */
void expect_messages(struct client *c, const uint64_t *ids, int a, int b);
/* The answer behind a page: ids of its first and last message. */
void expect_page_fin(struct client *c, uint64_t first, uint64_t last, bool complete);
/* The same of a page that is all there is. */
void expect_whole_fin(struct client *c, uint64_t first, uint64_t last, unsigned count);

#define NOTHING FIN("complete='true'", "<count>0</count>")

#endif
