/* The way that a file goes: SOCKS5 is offered and replaced, ways that we do not have, and a hash
 * that comes behind the last byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/disco.h"
#include "burble/file.h"
#include "client/test_file.h"

#define SOCKS5  "urn:xmpp:jingle:transports:s5b:1"
#define PROMISE "<hash-used xmlns='" HASHES "' algo='sha-256'/>"

#define SOCKS5_WAY                                                                                 \
    "<transport xmlns='" SOCKS5 "' mode='tcp' sid='v1'><candidate cid='c' host='192.0.2.1' "       \
    "jid='" BOB "' port='5086' priority='1' type='direct'/></transport>"
#define IBB_WAY            "<transport xmlns='" IBBT "' block-size='2048' sid='s2'/>"
#define CONTENT(transport) "<content creator='initiator' name='c'>" transport "</content>"
#define OFFER(transport, hash)                                                                     \
    "<content creator='initiator' name='c' senders='initiator'><description xmlns='" FILE5         \
    "'><file><name>x</name><size>3</size>" hash "</file></description>" transport "</content>"
/* What we say of the content ourselves. */
#define OURS(name, transport)                                                                      \
    "<content creator='initiator' name='" name "' senders='initiator'>" transport "</content>"

struct heard {
    struct burble_file *f;
    unsigned ends;
    enum burble_file_end end;
    bool wait; /* do not accept at once */
    struct buf data;
};

static void on_data(struct burble_file *f, const void *data, size_t len, void *arg)
{
    struct heard *h = arg;
    (void)f;
    buf_append(&h->data, data, len);
}

static void on_end(struct burble_file *f, enum burble_file_end end, const char *text, void *arg)
{
    struct heard *h = arg;
    (void)f, (void)text;
    h->ends++;
    h->end = end;
    burble_file_free(&h->f);
}

static const struct burble_file_handlers HANDLERS = {
    .size = sizeof(HANDLERS), .data = on_data, .end = on_end};

static void on_offer(struct burble *c, struct burble_file *f, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->f = f;
    if (!h->wait)
        assert_int_equal(burble_file_accept(f, &HANDLERS, h), 0);
}

static void begin(struct test_client *t, struct heard *h)
{
    *h = (struct heard){.f = NULL};
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
    burble_set_tell(t->c, BURBLE_TELL_ALL);
    assert_int_equal(burble_file_listen(t->c, NULL, on_offer, h), 0);
}

static void finish(struct test_client *t, struct heard *h)
{
    test_end(t);
    buf_free(&h->data);
}

static void pass(struct test_client *t, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i += 25) {
        test_pass(t, 25000);
        test_receive(t, "<message/>");
    }
}

/* The other side opens the stream, sends "abc" and closes. */
static void bytes(struct test_client *t, const char *sid)
{
    char text[256];
    snprintf(text, sizeof(text), "<open xmlns='" IBB "' block-size='2048' sid='%s'/>", sid);
    test_set(t, BOB, text);
    test_expect(t, "type='result'");
    snprintf(text, sizeof(text), "<data xmlns='" IBB "' seq='0' sid='%s'>YWJj</data>", sid);
    test_set(t, BOB, text);
    test_expect(t, "type='result'");
    snprintf(text, sizeof(text), "<close xmlns='" IBB "' sid='%s'/>", sid);
    test_set(t, BOB, text);
    test_expect(t, "type='result'");
}

/* As XEP-0260 section 3 has it, with us as the one who has no SOCKS5. */
static void socks5_is_accepted_without_candidates_and_replaced(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    begin(&t, &h);
    test_jingle(&t, "session-initiate", "j1", OFFER(SOCKS5_WAY, ""));
    test_expect(&t, "type='result' id='q'");
    test_expect(&t, "action='session-accept' sid='j1'");
    test_expect(&t, "</description><transport xmlns='" SOCKS5 "' sid='v1'/></content>");
    test_expect(&t, "action='transport-info' sid='j1'>" OURS("c", "<transport xmlns='" SOCKS5
                                                                  "' sid='v1'><candidate-error/>"
                                                                  "</transport>"));
    test_jingle(&t, "transport-info", "j1",
                CONTENT("<transport xmlns='" SOCKS5 "' sid='v1'><candidate-error/></transport>"));
    test_expect(&t, "type='result' id='q'");
    test_jingle(&t, "transport-replace", "j1", CONTENT(IBB_WAY));
    test_expect(&t, "type='result' id='q'");
    test_expect(&t, "action='transport-accept' sid='j1'>" OURS("c", IBB_WAY));
    bytes(&t, "s2");
    test_expect(&t, "<reason><success/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    assert_true(slice_is(buf_slice(&h.data), "abc"));
    finish(&t, &h);
}

static void a_way_is_replaced_before_the_program_decides(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    begin(&t, &h);
    h.wait = true;
    test_jingle(&t, "session-initiate", "j1", OFFER(SOCKS5_WAY, ""));
    test_jingle(&t, "transport-info", "j1", CONTENT(SOCKS5_WAY));
    test_expect(&t, "type='result' id='q'");
    test_jingle(&t, "transport-replace", "j1", CONTENT(IBB_WAY));
    test_expect(&t, "action='transport-accept' sid='j1'>" OURS("c", IBB_WAY) "</jingle></iq>");
    test_expect_nothing(&t);
    assert_int_equal(burble_file_accept(h.f, &HANDLERS, &h), 0);
    test_expect(&t, "action='session-accept' sid='j1'");
    test_expect(&t, "</description>" IBB_WAY "</content></jingle></iq>");
    test_expect_nothing(&t);
    bytes(&t, "s2");
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    finish(&t, &h);
}

static void ways_that_we_do_not_have_are_rejected(void **state)
{
    static const char *const WAYS[] = {
        CONTENT(SOCKS5_WAY),
        CONTENT("<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>"),
        CONTENT("<transport xmlns='" IBBT "' block-size='2048'/>"),
        CONTENT("<transport xmlns='" IBBT "' block-size='1' sid='s2'/>"),
        CONTENT("<transport xmlns='" IBBT "' block-size='2048' sid='s2' stanza='message'/>"),
        CONTENT(""),
    };
    struct test_client t;
    struct heard h;
    (void)state;
    begin(&t, &h);
    test_jingle(&t, "session-initiate", "j1",
                OFFER("<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>", ""));
    test_expect(&t, "<reason><unsupported-transports/></reason>");
    test_jingle(&t, "session-initiate", "j1", OFFER("<transport xmlns='" SOCKS5 "'/>", ""));
    test_expect(&t, "<reason><unsupported-transports/></reason>");
    assert_null(h.f);
    test_jingle(&t, "session-initiate", "j1", OFFER(SOCKS5_WAY, ""));
    for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
        test_jingle(&t, "transport-replace", "j1", WAYS[i]);
        test_expect(&t, "type='result' id='q'");
        test_expect(&t, "action='transport-reject' sid='j1'");
    }
    test_jingle(&t, "transport-replace", "j1",
                "<content creator='initiator' name='d'>" IBB_WAY "</content>");
    test_expect(&t, "<bad-request ");
    test_jingle(&t, "transport-replace", "j1", "");
    test_expect(&t, "<bad-request ");
    test_jingle(&t, "transport-info", "j1", CONTENT(IBB_WAY));
    test_expect(&t, "<unsupported-info xmlns='urn:xmpp:jingle:errors:1'/>");
    /* After all of that it can still be replaced, once. */
    test_jingle(&t, "transport-replace", "j1", CONTENT(IBB_WAY));
    test_expect(&t, "action='transport-accept'");
    test_jingle(&t, "transport-replace", "j1", CONTENT(IBB_WAY));
    test_expect(&t, "action='transport-reject'");
    test_jingle(&t, "transport-info", "j1", CONTENT(SOCKS5_WAY));
    test_expect(&t, "<unsupported-info ");
    bytes(&t, "s2");
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    assert_int_equal(h.ends, 1);
    finish(&t, &h);
}

static void who_never_replaces_socks5_is_waited_for_a_while(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES], id2[TEST_ID_BYTES];
    (void)state;
    begin(&t, &h);
    test_jingle(&t, "session-initiate", "j1", OFFER(SOCKS5_WAY, ""));
    test_expect(&t, "id='q'");
    test_request(&t, "set", BOB, id);
    test_expect(&t, "action='session-accept'");
    test_request(&t, "set", BOB, id2);
    test_result(&t, id, BOB, "");
    test_result(&t, id2, BOB, "");
    pass(&t, 50);
    assert_int_equal(h.ends, 0);
    pass(&t, 25);
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_FILE_LOST);
    test_expect(&t, "<reason><failed-transport/></reason>");
    test_jingle(&t, "session-initiate", "j2", OFFER(SOCKS5_WAY, ""));
    test_jingle(&t, "session-terminate", "j2", "<reason><connectivity-error/></reason>");
    assert_int_equal(h.ends, 2);
    assert_int_equal(h.end, BURBLE_FILE_BROKEN);
    finish(&t, &h);
}

static void encryption_that_we_do_not_have_is_refused(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    begin(&t, &h);
    test_jingle(&t, "session-initiate", "j1",
                OFFER(IBB_WAY "<security xmlns='urn:xmpp:jingle:jet:0'/>", ""));
    test_expect(&t, "<reason><security-error/></reason>");
    assert_null(h.f);
    finish(&t, &h);
}

/* ------------------------------------------------------------------------------------- sending */

static void a_way_of_theirs_is_taken_for_what_we_send(void **state)
{
    const struct burble_file_info info = {.name = "x", .size = 3};
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES], sid[TEST_ID_BYTES], in[512];
    (void)state;
    begin(&t, &h);
    assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), 0);
    test_request(&t, "set", BOB, id);
    snprintf(sid, sizeof(sid), "%s", test_between(&t, "action='session-initiate' sid='", "'"));
    test_result(&t, id, BOB, "");
    test_jingle(&t, "transport-replace", sid,
                "<content creator='initiator' name='file'>" SOCKS5_WAY "</content>");
    test_expect(&t, "action='transport-reject'");
    test_jingle(&t, "transport-replace", sid,
                "<content creator='initiator' name='file'>" IBB_WAY "</content>");
    test_expect(&t, "type='result' id='q'");
    test_expect(&t, "action='transport-accept'");
    test_expect(&t, OURS("file", IBB_WAY));
    snprintf(in, sizeof(in),
             "<content creator='initiator' name='file'><description xmlns='" FILE5
             "'/>%s</content>",
             IBB_WAY);
    test_jingle(&t, "session-accept", sid, in);
    test_request(&t, "set", BOB, id);
    test_expect(&t, "<open xmlns='" IBB "' block-size='2048' sid='s2'");
    /* Too late now. */
    test_jingle(&t, "transport-replace", sid,
                "<content creator='initiator' name='file'>" IBB_WAY "</content>");
    test_expect(&t, "action='transport-reject'");
    test_result(&t, id, BOB, "");
    assert_int_equal(burble_file_room(h.f), 3);
    finish(&t, &h);
}

/* ------------------------------------------------------------------- a hash behind the last byte
 */

#define CHECKSUM(hash)                                                                             \
    "<checksum xmlns='" FILE5 "' name='c'><file><hash xmlns='" HASHES "' algo='sha-256'>" hash     \
    "</hash></file></checksum>"

static void a_hash_that_was_promised_is_waited_for(void **state)
{
    static const char *const PROMISES[] = {
        OFFER(IBB_WAY, PROMISE), OFFER(IBB_WAY, "<hash xmlns='" HASHES "' algo='sha-1'>AAAA</hash>"
                                                "<hash xmlns='" HASHES "' algo='sha-256'/>")};
    struct test_client t;
    struct heard h;
    (void)state;
    begin(&t, &h);
    for (unsigned i = 0; i < 2; i++) {
        test_jingle(&t, "session-initiate", "j1", PROMISES[i]);
        bytes(&t, "s2");
        test_expect(&t, "</iq>");
        test_expect_nothing(&t);
        assert_int_equal(h.ends, 3 * i);
        test_jingle(&t, "session-info", "j1", CHECKSUM(ABC));
        test_expect(&t, "<reason><success/></reason>");
        assert_int_equal(h.end, BURBLE_FILE_DONE);
        test_jingle(&t, "session-initiate", "j1", PROMISES[i]);
        bytes(&t, "s2");
        test_jingle(&t, "session-info", "j1",
                    CHECKSUM("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        test_expect(&t, "<reason><media-error/></reason>");
        assert_int_equal(h.end, BURBLE_FILE_DAMAGED);
        /* A promise that is not kept is not waited for for ever. */
        test_jingle(&t, "session-initiate", "j1", PROMISES[i]);
        bytes(&t, "s2");
        pass(&t, 25);
        test_expect(&t, "<reason><success/></reason>");
        assert_int_equal(h.end, BURBLE_FILE_DONE);
        assert_int_equal(h.ends, 3 * (i + 1));
    }
    /* What we could not compare is not waited for, nor what has come before. */
    test_jingle(&t, "session-initiate", "j1",
                OFFER(IBB_WAY, "<hash-used xmlns='" HASHES "' algo='sha-1'/>"));
    bytes(&t, "s2");
    test_expect(&t, "<reason><success/></reason>");
    test_jingle(&t, "session-initiate", "j1", OFFER(IBB_WAY, PROMISE));
    test_jingle(&t, "session-info", "j1", CHECKSUM(ABC));
    assert_int_equal(h.ends, 7);
    bytes(&t, "s2");
    test_expect(&t, "<reason><success/></reason>");
    finish(&t, &h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socks5_is_accepted_without_candidates_and_replaced),
        cmocka_unit_test(a_way_is_replaced_before_the_program_decides),
        cmocka_unit_test(ways_that_we_do_not_have_are_rejected),
        cmocka_unit_test(who_never_replaces_socks5_is_waited_for_a_while),
        cmocka_unit_test(encryption_that_we_do_not_have_is_refused),
        cmocka_unit_test(a_way_of_theirs_is_taken_for_what_we_send),
        cmocka_unit_test(a_hash_that_was_promised_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
