/* A client in a test, without network: the test plays the server, byte for byte, and the clock.
 *
 *   struct test_client t;
 *   test_online(&t, &BURBLE_CONFIG(.on_event = on_event, .arg = &seen));
 *   burble_say(t.c, "bob@example.org", "Hi", NULL, NULL, NULL);
 *   test_expect(&t, "<body>Hi</body>");
 *   test_receive(&t, "<message from='bob@example.org/x'><body>Hello</body></message>");
 *   test_end(&t); */
#ifndef CLIENT_TEST_CLIENT_H
#define CLIENT_TEST_CLIENT_H

#include "base/buf.h"
#include "burble/io.h"
#include "wire/tls.h"

/* The server's answer to the bind of these tests. */
#define TEST_BOUND                                                                                 \
    "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                  \
    "<jid>me@example.org/here</jid></bind></iq>"

struct test_client {
    struct burble *c;
    struct burble_now now;
    uint32_t conn;    /* of the connection that stands; 0: none */
    struct wire *tls; /* the server's side; NULL: none */
    uint32_t next_random;
    unsigned slices; /* calls of burble_feed for work that waited */
    struct buf sent; /* what the client wrote and test_expect, test_sent have not taken */
    char *text;      /* of test_sent */
    struct burble_effect effects[8]; /* the last ones; names are copied */
    char names[8][128];
    size_t effect_count;
};

/* The account of the tests: jid me@example.org, resource "here" as the server binds it, password
 * "secret". Without TLS unless security says so; jid, password, host and the flag for PLAIN are set
 * here. */
void test_new(struct test_client *t, const struct burble_config *config);
/* Connected, the header and the features are answered; features: more of them behind <bind/>. */
void test_connect(struct test_client *t, const char *features);
/* The same up to a session that stands, with nothing in sent. */
void test_online(struct test_client *t, const struct burble_config *config);
/* With these further stream features, for instance that of stream management. */
void test_online_with(struct test_client *t, const struct burble_config *config,
                      const char *features);
/* burble_connect is called, or a retry is due (it is waited for): the look-ups fail or find
 * 192.0.2.1, the connection stands, the stream begins. The server's greeting is the test's. */
void test_reach(struct test_client *t);
void test_receive(struct test_client *t, const char *bytes);
/* The server begins TLS, with what the client has written and nobody has taken; from now on text is
 * encrypted and decrypted on the way. */
void test_start_tls(struct test_client *t, struct tls_context *context);
void test_receivef(struct test_client *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The next request that was sent went to this address (NULL: none was named); its id is copied.
 * What is in it remains for test_expect. */
enum { TEST_ID_BYTES = 64 };
void test_request(struct test_client *t, const char *type, const char *to, char id[TEST_ID_BYTES]);
/* The answer to the request with this id; from NULL: nobody is named. */
void test_result(struct test_client *t, const char *id, const char *from, const char *payload);
/* The same, an error of type cancel. */
void test_refuse(struct test_client *t, const char *id, const char *from, const char *condition);
/* Somebody's request with the id "q", and nothing of what was written before. */
void test_set(struct test_client *t, const char *from, const char *payload);
/* A message to bob@example.org; this is its id and its body. */
void test_write(struct test_client *t, const char *id);
/* How often the one text stands in the other. */
unsigned test_count(const char *text, const char *what);
/* The connection breaks. */
void test_break(struct test_client *t);
void test_pass(struct test_client *t, uint32_t ms);
/* All that was written since, NUL-terminated, valid until the next call. */
const char *test_sent(struct test_client *t);
/* It contains this; what is before and the text itself is taken away. */
void test_expect(struct test_client *t, const char *text);
/* Nothing (more) was written. */
void test_expect_nothing(struct test_client *t);
/* Between these two in what test_expect has not yet taken: an id, for instance. NUL-terminated, in
 * memory of t. */
const char *test_between(struct test_client *t, const char *before, const char *after);
/* Collects effects and output; called by all of the above. */
void test_collect(struct test_client *t);
void test_end(struct test_client *t);

#endif
