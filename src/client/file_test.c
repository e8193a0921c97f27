/* Files by Jingle in both directions, what strangers say of files, and safe names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "burble/disco.h"
#include "burble/file.h"
#include "client/test_file.h"

struct heard {
    struct test_client *t;
    struct burble_file *f;
    unsigned offers, ends, rooms, asked;
    enum burble_file_end end;
    char text[64];
    struct buf data;
    bool accept, refuse, free_in_data, free_client;
};

static void on_room(struct burble_file *f, size_t room, void *arg)
{
    struct heard *h = arg;
    h->rooms++;
    assert_int_equal(burble_file_room(f), room);
}

static void on_data(struct burble_file *f, const void *data, size_t len, void *arg)
{
    struct heard *h = arg;
    (void)f;
    buf_append(&h->data, data, len);
    if (h->free_in_data)
        burble_file_free(&h->f);
    if (h->free_client)
        burble_free(&h->t->c);
}

static void on_end(struct burble_file *f, enum burble_file_end end, const char *text, void *arg)
{
    struct heard *h = arg;
    (void)f;
    h->ends++;
    h->end = end;
    snprintf(h->text, sizeof(h->text), "%s", text);
    burble_file_free(&h->f);
}

static const struct burble_file_handlers HANDLERS = {
    .size = sizeof(HANDLERS), .room = on_room, .data = on_data, .end = on_end};

static void on_offer(struct burble *c, struct burble_file *f, void *arg)
{
    struct heard *h = arg;
    assert_ptr_equal(burble_file_client(f), c);
    assert_string_equal(burble_file_peer(f), BOB);
    h->offers++;
    h->f = f;
    if (h->accept)
        assert_int_equal(burble_file_accept(f, &HANDLERS, h), 0);
    if (h->refuse)
        burble_file_free(&h->f);
}

static bool allow(struct burble *c, const char *from, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->asked++;
    return strcmp(from, BOB) == 0;
}

static void online(struct test_client *t, struct heard *h)
{
    *h = (struct heard){.t = t};
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
}

static void end(struct test_client *t, struct heard *h)
{
    test_end(t);
    buf_free(&h->data);
}

/* ---------------------------------------------------------------------------------------- sending
 */

static void copy(char out[TEST_ID_BYTES], const char *text)
{
    snprintf(out, TEST_ID_BYTES, "%s", text);
}

/* An offer of "abc"; sid of the session and of the stream. */
static void offer(struct test_client *t, struct heard *h, char sid[TEST_ID_BYTES],
                  char stream[TEST_ID_BYTES])
{
    const struct burble_file_info info = {
        .name = "a&b.txt", .size = 3, .type = "text/plain", .modified_ms = 1000};
    char id[TEST_ID_BYTES];
    assert_int_equal(burble_file_offer(t->c, BOB, &info, &HANDLERS, h, &h->f), 0);
    test_request(t, "set", BOB, id);
    copy(sid, test_between(t, "action='session-initiate' sid='", "'"));
    test_expect(t, "initiator='me@example.org/here'");
    test_expect(t, "senders='initiator'><description xmlns='" FILE5 "'><file>"
                   "<date>1970-01-01T00:00:01.000Z</date><media-type>text/plain</media-type>"
                   "<name>a&amp;b.txt</name><size>3</size>"
                   "<hash-used xmlns='" HASHES "' algo='sha-256'/></file></description>"
                   "<transport xmlns='" IBBT "' block-size='4096' sid='");
    copy(stream, test_between(t, "", "'"));
    test_result(t, id, BOB, "");
}

static void agree(struct test_client *t, const char *sid, const char *transport)
{
    char in[256];
    snprintf(in, sizeof(in),
             "<content creator='initiator' name='file'><description xmlns='" FILE5
             "'/>%s</content>",
             transport);
    test_jingle(t, "session-accept", sid, in);
}

static void a_file_is_sent_with_its_hash(void **state)
{
    struct test_client t;
    struct heard h;
    char sid[TEST_ID_BYTES], stream[TEST_ID_BYTES], id[TEST_ID_BYTES], data[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    offer(&t, &h, sid, stream);
    assert_int_equal(burble_file_write(h.f, "a", 1), BURBLE_ERR_OFFLINE);
    agree(&t, sid, "<transport xmlns='" IBBT "' block-size='1024' sid='s'/>");
    test_expect(&t, "type='result' id='q'");
    test_request(&t, "set", BOB, id);
    test_expect(&t, "<open xmlns='" IBB "' block-size='1024' sid='");
    test_expect(&t, stream);
    test_result(&t, id, BOB, "");
    assert_int_equal(h.rooms, 1);
    assert_int_equal(burble_file_room(h.f), 3);
    assert_int_equal(burble_file_write(h.f, "abcd", 4), BURBLE_ERR_LIMIT);
    assert_int_equal(burble_file_write(h.f, "ab", 2), 0);
    test_request(&t, "set", BOB, id);
    test_result(&t, id, BOB, "");
    assert_int_equal(h.rooms, 2);
    assert_int_equal(burble_file_write(h.f, "c", 1), 0);
    assert_int_equal(burble_file_moved(h.f), 3);
    test_request(&t, "set", BOB, data);
    test_expect(&t, "seq='1'");
    test_expect(&t, "action='session-info'");
    test_expect(&t, "<checksum xmlns='" FILE5 "' creator='initiator' name='file'><file><hash "
                    "xmlns='" HASHES "' algo='sha-256'>" ABC "</hash></file></checksum>");
    test_result(&t, data, BOB, "");
    test_request(&t, "set", BOB, id);
    test_expect(&t, "<close xmlns='" IBB "'");
    test_result(&t, id, BOB, "");
    assert_int_equal(h.ends, 0);
    test_jingle(&t, "session-terminate", sid, "<reason><success/></reason>");
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    test_jingle(&t, "session-terminate", sid, "<reason><success/></reason>");
    test_expect(&t, "<service-unavailable "); /* nobody listens here */
    end(&t, &h);
}

static void what_the_other_side_says_ends_an_offer(void **state)
{
    static const struct {
        const char *in;
        enum burble_file_end end;
    } CASES[] = {
        {"<reason><decline/></reason>", BURBLE_FILE_DECLINED},
        {"<reason><busy/></reason>", BURBLE_FILE_DECLINED},
        {"<reason><cancel/></reason>", BURBLE_FILE_CANCELLED},
        {"<reason><success/></reason>", BURBLE_FILE_BROKEN}, /* a lie */
        {"<reason><media-error/></reason>", BURBLE_FILE_DAMAGED},
        {"<reason><failed-transport/></reason>", BURBLE_FILE_BROKEN},
        {"<reason/>", BURBLE_FILE_BROKEN},
        {"", BURBLE_FILE_BROKEN},
    };
    struct test_client t;
    struct heard h;
    char sid[TEST_ID_BYTES], stream[TEST_ID_BYTES], id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        offer(&t, &h, sid, stream);
        test_jingle(&t, "session-terminate", sid, CASES[i].in);
        test_expect(&t, "type='result'");
        assert_int_equal(h.ends, i + 1);
        assert_int_equal(h.end, CASES[i].end);
    }
    offer(&t, &h, sid, stream);
    agree(&t, sid, "<transport xmlns='urn:xmpp:jingle:transports:s5b:1'/>");
    test_expect(&t, "<failed-transport/>");
    assert_int_equal(h.end, BURBLE_FILE_BROKEN);
    offer(&t, &h, sid, stream);
    test_jingle(&t, "transport-replace", sid, "<content name='file'/>");
    test_expect(&t, "type='result'");
    test_expect(&t, "action='transport-reject'");
    test_jingle(&t, "content-add", sid, "");
    test_expect(&t, "<feature-not-implemented ");
    test_jingle(&t, "session-info", sid, "<ringing xmlns='urn:x'/>");
    test_expect(&t, "<unsupported-info xmlns='urn:xmpp:jingle:errors:1'/>");
    test_jingle(&t, "session-info", sid, "");
    test_expect(&t, "type='result'");
    agree(&t, sid, "<transport xmlns='" IBBT "' block-size='-1' sid='s'/>");
    test_expect(&t, "<failed-transport/>");
    const struct burble_file_info info = {.name = "x"};
    assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), 0);
    test_request(&t, "set", BOB, id);
    (void)test_sent(&t);
    test_refuse(&t, id, BOB, "service-unavailable");
    assert_int_equal(h.end, BURBLE_FILE_DECLINED);
    assert_string_equal(h.text, "service-unavailable");
    test_expect_nothing(&t);
    end(&t, &h);
}

static void an_offer_is_cancelled_or_ends_with_time(void **state)
{
    struct test_client t;
    struct heard h;
    char sid[TEST_ID_BYTES], stream[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    offer(&t, &h, sid, stream);
    burble_file_free(&h.f);
    test_expect(&t, "action='session-terminate'");
    test_expect(&t, "<reason><cancel/></reason>");
    assert_int_equal(h.ends, 0);
    offer(&t, &h, sid, stream);
    for (int i = 0; i < 11; i++) {
        test_pass(&t, 27500);
        test_receive(&t, "<message/>");
    }
    assert_int_equal(h.end, BURBLE_FILE_LOST);
    test_expect(&t, "<reason><timeout/></reason>");
    offer(&t, &h, sid, stream);
    test_break(&t);
    assert_int_equal(h.ends, 2);
    assert_int_equal(h.end, BURBLE_FILE_LOST);
    end(&t, &h);
}

static void only_full_addresses_and_good_texts_are_offered_to(void **state)
{
    struct burble_file_info info = {.name = "x"};
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_file_offer(t.c, "bob@example.org", &info, &HANDLERS, &h, &h.f),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_file_offer(t.c, "@", &info, &HANDLERS, &h, &h.f), BURBLE_ERR_SYNTAX);
    info.name = "";
    assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), BURBLE_ERR_SYNTAX);
    info.name = "\xff";
    assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), BURBLE_ERR_SYNTAX);
    info.name = "x";
    info.size = (uint64_t)INT64_MAX + 1;
    assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), BURBLE_ERR_SYNTAX);
    info.size = 0;
    test_expect_nothing(&t);
    for (int i = 0; i < BURBLE_FILES_MAX; i++)
        assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), 0);
    assert_int_equal(burble_file_offer(t.c, BOB, &info, &HANDLERS, &h, &h.f), BURBLE_ERR_LIMIT);
    end(&t, &h);
}

/* -------------------------------------------------------------------------------------- receiving
 */

#define CONTENT(file, transport)                                                                   \
    "<content creator='initiator' name='c' senders='initiator'><description xmlns='" FILE5         \
    "'><file>" file "</file></description>" transport "</content>"
#define TRANSPORT    "<transport xmlns='" IBBT "' block-size='4096' sid='s1'/>"
#define GOOD         "<name>x.txt</name><size>3</size>"
#define INITIATE(in) "<jingle xmlns='" JINGLE "' action='session-initiate' sid='j1'>" in "</jingle>"

static void receive(struct test_client *t, struct heard *h, const char *file)
{
    char in[512];
    h->accept = true;
    assert_int_equal(burble_file_listen(t->c, allow, on_offer, h), 0);
    snprintf(in, sizeof(in), CONTENT("%s", TRANSPORT), file);
    test_jingle(t, "session-initiate", "j1", in);
    test_expect(t, "type='result' id='q'");
    test_expect(t, "action='session-accept' sid='j1' responder='me@example.org/here'");
    test_expect(t, "block-size='4096' sid='s1'/>");
    assert_non_null(h->f);
    test_set(t, BOB, "<open xmlns='" IBB "' block-size='4096' sid='s1'/>");
    test_expect(t, "type='result'");
}

static void data(struct test_client *t, const char *seq, const char *text)
{
    (void)test_sent(t);
    test_receivef(t,
                  "<iq type='set' id='q' from='" BOB "'><data xmlns='" IBB
                  "' sid='s1' seq='%s'>%s</data></iq>",
                  seq, text);
}

#define CHECKSUM(hash)                                                                             \
    "<checksum xmlns='" FILE5 "' name='c'><file><hash xmlns='" HASHES "' algo='sha-1'>x</hash>"    \
    "<hash xmlns='" HASHES "' algo='sha-256'>" hash "</hash></file></checksum>"
#define CLOSE "<close xmlns='" IBB "' sid='s1'/>"

static void a_file_is_received_and_its_hash_checked(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    receive(&t, &h,
            GOOD "<media-type>text/plain</media-type><desc>d</desc>"
                 "<date>1970-01-01T00:00:02Z</date><unknown/>");
    const struct burble_file_info *info = burble_file_about(h.f);
    assert_string_equal(info->name, "x.txt");
    assert_int_equal(info->size, 3);
    assert_string_equal(info->type, "text/plain");
    assert_string_equal(info->desc, "d");
    assert_int_equal(info->modified_ms, 2000);
    data(&t, "0", "YWI=");
    data(&t, "1", "Yw==");
    test_jingle(&t, "session-info", "j1", CHECKSUM(ABC));
    test_expect(&t, "type='result'");
    test_set(&t, BOB, CLOSE);
    test_expect(&t, "<reason><success/></reason>");
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    assert_true(slice_is(buf_slice(&h.data), "abc"));
    /* Another one, whose hash is in the offer, and is not that of what comes. */
    receive(&t, &h, GOOD "<hash xmlns='" HASHES "' algo='sha-256'>" ABC "</hash>");
    data(&t, "0", "YWJk");
    test_jingle(&t, "session-info", "j1", CHECKSUM("AAAA"));
    test_set(&t, BOB, CLOSE);
    test_expect(&t, "<reason><media-error/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_DAMAGED);
    /* An end without the end of the stream. */
    receive(&t, &h, GOOD);
    assert_null(burble_file_about(h.f)->type);
    assert_null(burble_file_about(h.f)->desc);
    data(&t, "0", "YWJj");
    test_jingle(&t, "session-terminate", "j1", "<reason><success/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    assert_int_equal(h.ends, 3);
    end(&t, &h);
}

static void V70_lies_about_the_length_end_the_transfer(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    receive(&t, &h, GOOD);
    data(&t, "0", "YWJjZA==");
    test_expect(&t, "<reason><failed-application/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_BROKEN);
    assert_int_equal(buf_len(&h.data), 0);
    receive(&t, &h, GOOD);
    data(&t, "0", "YWI=");
    test_set(&t, BOB, CLOSE);
    test_expect(&t, "<reason><failed-application/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_BROKEN);
    receive(&t, &h, GOOD);
    test_jingle(&t, "session-terminate", "j1", "<reason><success/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_BROKEN);
    receive(&t, &h, "<name>x</name><size>0</size>");
    test_set(&t, BOB, CLOSE);
    test_expect(&t, "<reason><success/></reason>");
    assert_int_equal(h.end, BURBLE_FILE_DONE);
    end(&t, &h);
}

static void V70_bad_offers_never_reach_the_program(void **state)
{
    static const struct {
        const char *in, *answer;
    } BAD[] = {
        {"", "<unsupported-applications/>"},
        {CONTENT(GOOD, TRANSPORT) CONTENT(GOOD, TRANSPORT), "<unsupported-applications/>"},
        {"<content senders='responder'><description xmlns='" FILE5 "'><file>" GOOD
         "</file></description>" TRANSPORT "</content>",
         "<unsupported-applications/>"},
        {"<content senders='initiator'><description xmlns='urn:xmpp:jingle:apps:rtp:1'/>" TRANSPORT
         "</content>",
         "<unsupported-applications/>"},
        {CONTENT(GOOD, ""), "<unsupported-transports/>"},
        {CONTENT(GOOD, "<transport xmlns='" IBBT "' block-size='4096'/>"),
         "<unsupported-transports/>"},
        {CONTENT(GOOD, "<transport xmlns='" IBBT "' block-size='x' sid='s'/>"),
         "<unsupported-transports/>"},
        {CONTENT(GOOD, "<transport xmlns='" IBBT "' block-size='4096' sid='s' stanza='message'/>"),
         "<unsupported-transports/>"},
        {CONTENT("<name>x</name>", TRANSPORT), "<failed-application/>"},
        {CONTENT("<name>x</name><size/>", TRANSPORT), "<failed-application/>"},
        {CONTENT("<name>x</name><size>-1</size>", TRANSPORT), "<failed-application/>"},
        {CONTENT("<name>x</name><size>9223372036854775808</size>", TRANSPORT),
         "<failed-application/>"},
        {CONTENT("<name>x</name><size>18446744073709551616</size>", TRANSPORT),
         "<failed-application/>"},
        {CONTENT("<name>x</name><size>0x10</size>", TRANSPORT), "<failed-application/>"},
    };
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    test_set(&t, BOB, INITIATE(CONTENT(GOOD, TRANSPORT)));
    test_expect(&t, "<service-unavailable ");
    assert_int_equal(burble_file_listen(t.c, allow, on_offer, &h), 0);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        test_jingle(&t, "session-initiate", "j1", BAD[i].in);
        test_expect(&t, "type='result'");
        test_expect(&t, "action='session-terminate' sid='j1'><reason>");
        test_expect(&t, BAD[i].answer);
    }
    test_jingle(&t, "session-initiate", "", CONTENT(GOOD, TRANSPORT));
    test_expect(&t, "<bad-request ");
    test_jingle(&t, "session-accept", "j1", "");
    test_expect(&t, "<unknown-session xmlns='urn:xmpp:jingle:errors:1'/>");
    assert_int_equal(h.offers, 0);
    /* Nobody sees that we are here who may not. */
    unsigned asked = h.asked;
    test_set(&t, "mallory@example.org/x", INITIATE(CONTENT(GOOD, TRANSPORT)));
    test_expect(&t, "<service-unavailable ");
    test_set(&t, "mallory@example.org/x", "<jingle xmlns='" JINGLE "' sid='j1'/>");
    test_expect(&t, "<service-unavailable ");
    assert_int_equal(h.asked, asked + 2);
    assert_int_equal(burble_file_listen(t.c, NULL, on_offer, &h), 0);
    test_set(&t, BOB, INITIATE(CONTENT(GOOD, TRANSPORT)));
    test_expect(&t, "<service-unavailable "); /* no contact */
    burble_set_tell(t.c, BURBLE_TELL_ALL);
    h.refuse = true;
    test_set(&t, BOB, INITIATE(CONTENT(GOOD, TRANSPORT)));
    test_expect(&t, "<reason><decline/></reason>");
    assert_int_equal(h.offers, 1);
    end(&t, &h);
}

static void an_offer_may_wait_for_its_decision(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_file_listen(t.c, allow, on_offer, &h), 0);
    test_jingle(&t, "session-initiate", "j1", CONTENT(GOOD, TRANSPORT));
    test_jingle(&t, "session-initiate", "j1", CONTENT(GOOD, TRANSPORT));
    test_expect(&t, "<bad-request ");
    test_jingle(&t, "session-accept", "j1", "");
    test_expect(&t, "<out-of-order xmlns='urn:xmpp:jingle:errors:1'/>");
    (void)test_sent(&t);
    assert_int_equal(burble_file_accept(h.f, &HANDLERS, &h), 0);
    test_expect(&t, "action='session-accept'");
    assert_int_equal(burble_file_accept(h.f, &HANDLERS, &h), BURBLE_ERR_BUSY);
    burble_file_free(&h.f);
    test_expect(&t, "<reason><cancel/></reason>");
    test_jingle(&t, "session-initiate", "j2", CONTENT(GOOD, TRANSPORT));
    test_jingle(&t, "session-terminate", "j2", "<reason><cancel/></reason>");
    assert_int_equal(burble_file_accept(h.f, &HANDLERS, &h), BURBLE_ERR_OFFLINE);
    burble_file_free(&h.f);
    assert_int_equal(h.ends, 0);
    end(&t, &h);
}

static void an_acceptance_that_does_not_arrive_ends_it(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    h.accept = true;
    assert_int_equal(burble_file_listen(t.c, allow, on_offer, &h), 0);
    test_jingle(&t, "session-initiate", "j1", CONTENT(GOOD, TRANSPORT));
    test_expect(&t, "id='q'");
    test_request(&t, "set", BOB, id);
    test_refuse(&t, id, BOB, "service-unavailable");
    assert_int_equal(h.ends, 1);
    assert_int_equal(h.end, BURBLE_FILE_LOST);
    assert_string_equal(h.text, "service-unavailable");
    end(&t, &h);
}

static void V16_a_transfer_ends_in_its_callbacks(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    h.free_in_data = true;
    receive(&t, &h, GOOD);
    data(&t, "0", "YQ==");
    assert_null(h.f);
    test_expect(&t, "<reason><cancel/></reason>");
    h.free_in_data = false;
    h.free_client = true;
    receive(&t, &h, GOOD);
    data(&t, "0", "YQ==");
    assert_null(t.c);
    end(&t, &h);
}

/* ------------------------------------------------------------------------------------------ names
 */

__attribute__((noinline)) static void safe(const char *name, const char *want)
{
    char out[BURBLE_FILE_NAME_BYTES];
    burble_file_safe_name(name, out);
    assert_string_equal(out, want);
}

static void V70_names_are_made_safe(void **state)
{
    (void)state;
    safe("holiday.jpg", "holiday.jpg");
    safe("très cool.jpg", "très cool.jpg");
    safe("../x", "x");
    safe("../../etc/passwd", "passwd");
    safe("%2e%2e%2fx", "%2e%2e%2fx"); /* nobody decodes it again */
    safe("/etc/passwd", "passwd");
    safe("C:\\Windows\\x.exe", "x.exe");
    safe("C:x", "C_x");
    safe("..", "_");
    safe(".", "_");
    safe(".bashrc", "_bashrc");
    safe("x/", "file");
    safe("", "file");
    safe(NULL, "file");
    safe("   ", "file");
    safe("-rf", "_rf");
    safe("--help", "_-help");
    safe("~root", "_root");
    safe("a\nb\x1b[31m\x7f", "a_b_[31m_");
    safe("\xe2\x80\xaegpj.exe", "_gpj.exe");
    safe("a\xe2\x80\x8b"
         "b",
         "a_b");
    safe("\xff\xfe", "__");
    safe("CON", "_CON");
    safe(" con.txt", "_con.txt");
    safe("nul .tar.gz", "_nul .tar.gz");
    safe("com1", "_com1");
    safe("common", "common");
    safe("x. . .", "x");
    safe("a?*|<>\":b", "a_______b");
}

static void V70_long_names_keep_their_ending(void **state)
{
    char name[1024], out[BURBLE_FILE_NAME_BYTES];
    (void)state;
    memset(name, 'x', 300);
    name[300] = '\0';
    burble_file_safe_name(name, out);
    assert_int_equal(strlen(out), 200);
    memcpy(name + 300, ".jpeg", 6);
    burble_file_safe_name(name, out);
    assert_int_equal(strlen(out), 200);
    assert_string_equal(out + 195, ".jpeg");
    for (int i = 0; i < 150; i++)
        memcpy(name + 2 * i, "\xc3\xa9", 2);
    memcpy(name + 300, ".a", 3);
    burble_file_safe_name(name, out);
    assert_int_equal(strlen(out), 200);
    assert_true(utf8_valid(slice_z(out)));
    memset(name, '.', 300);
    name[0] = 'x';
    name[300] = 'y';
    name[301] = '\0';
    burble_file_safe_name(name, out);
    assert_true(strlen(out) <= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_sent_with_its_hash),
        cmocka_unit_test(what_the_other_side_says_ends_an_offer),
        cmocka_unit_test(an_offer_is_cancelled_or_ends_with_time),
        cmocka_unit_test(only_full_addresses_and_good_texts_are_offered_to),
        cmocka_unit_test(a_file_is_received_and_its_hash_checked),
        cmocka_unit_test(V70_lies_about_the_length_end_the_transfer),
        cmocka_unit_test(V70_bad_offers_never_reach_the_program),
        cmocka_unit_test(an_offer_may_wait_for_its_decision),
        cmocka_unit_test(an_acceptance_that_does_not_arrive_ends_it),
        cmocka_unit_test(V16_a_transfer_ends_in_its_callbacks),
        cmocka_unit_test(V70_names_are_made_safe),
        cmocka_unit_test(V70_long_names_keep_their_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
