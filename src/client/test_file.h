/* Bob, who offers files and takes them: the names of his world in tests. */
#ifndef CLIENT_TEST_FILE_H
#define CLIENT_TEST_FILE_H

#include "client/test_client.h"

#define JINGLE "urn:xmpp:jingle:1"
#define FILE5  "urn:xmpp:jingle:apps:file-transfer:5"
#define IBBT   "urn:xmpp:jingle:transports:ibb:1"
#define HASHES "urn:xmpp:hashes:2"
#define IBB    "http://jabber.org/protocol/ibb"
#define BOB    "bob@example.org/x"
/* SHA-256 of "abc". */
#define ABC "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="

/* His request of a session, with the id "q", and nothing of what was written before. */
void test_jingle(struct test_client *t, const char *action, const char *sid, const char *in);

#endif
