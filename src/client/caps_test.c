/* Entity capabilities: the hashes of the XEPs' examples, who is asked and how often, and that
 * nobody can tell what others can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/caps.h"
#include "burble/presence.h"
#include "burble/room.h"
#include "client/caps.h"
#include "client/client.h"
#include "client/test_client.h"

#define INFO "http://jabber.org/protocol/disco#info"
#define Q(x) "<query xmlns='" INFO "'>" x "</query>"
#define F(x) "<feature var='" x "'/>"

/* Those of XEP-0115 sections 5.2 and 5.3. */
#define EXODUS_HASH "QgayPKawpkPSDYmwT/WM94uAlu0="
#define EXODUS                                                                                     \
    "<identity category='client' type='pc' name='Exodus 0.9.1'/>" F(                               \
        "http://jabber.org/protocol/caps") F(INFO) F("http://jabber.org/protocol/disco#items")     \
        F("http://jabber.org/protocol/muc")
#define PSI_HASH "q07IKJEyjvHSyhy//CH0CxmKi8w="
#define PSI                                                                                        \
    "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"                        \
    "<identity xml:lang='el' category='client' name='\u03a8 0.11' type='pc'/>" F(                  \
        "http://jabber.org/protocol/muc") F("http://jabber.org/protocol/caps") F(INFO)             \
        F("http://jabber.org/protocol/disco#items") "<x xmlns='jabber:x:data' type='result'>"      \
                                                    "<field var='FORM_TYPE' "                      \
                                                    "type='hidden'><value>urn:xmpp:dataforms:"     \
                                                    "softwareinfo</value></field>"                 \
                                                    "<field "                                      \
                                                    "var='software_version'><value>0.11</value></" \
                                                    "field>"                                       \
                                                    "<field "                                      \
                                                    "var='ip_version'><value>ipv6</"               \
                                                    "value><value>ipv4</value></field>"            \
                                                    "<field var='os'><value>Mac</value></field>"   \
                                                    "<field "                                      \
                                                    "var='os_version'><value>10.5.1</value></"     \
                                                    "field>"                                       \
                                                    "<field "                                      \
                                                    "var='software'><value>Psi</value></field></"  \
                                                    "x>"

static int hash_of(const char *query, enum caps_method method, char out[CAPS_HASH_BYTES])
{
    struct burble_xml x = burble_xml_parse(query, strlen(query), NULL);
    assert_true(burble_xml_some(x));
    int err = caps_hash(view_xml(x), method, out);
    burble_xml_free(&x);
    return err;
}

static void hashes_of_the_examples(void **state)
{
    char hash[CAPS_HASH_BYTES];
    (void)state;
    assert_int_equal(hash_of(Q(EXODUS), CAPS_0115, hash), 0);
    assert_string_equal(hash, EXODUS_HASH);
    assert_int_equal(hash_of(Q(PSI), CAPS_0115, hash), 0);
    assert_string_equal(hash, PSI_HASH);
    /* XEP-0390 section 4.5.1. */
    assert_int_equal(
        hash_of(Q("<identity category='client' name='BombusMod' type='mobile'/>" F(
                    "http://jabber.org/protocol/si") F("http://jabber.org/protocol/"
                                                       "bytestreams")
                      F("http://jabber.org/protocol/chatstates")
                          F("http://jabber.org/protocol/disco#info")
                              F("http://jabber.org/protocol/disco#items") F("urn:xmpp:ping")
                                  F("jabber:iq:time") F("jabber:iq:privacy") F("jabber:iq:version")
                                      F("http://jabber.org/protocol/"
                                        "rosterx") F("urn:xmpp:time") F("jabber:x:oob")
                                          F("http://jabber.org/protocol/ibb")
                                              F("http://jabber.org/protocol/si/profile/"
                                                "file-transfer") F("urn:xmpp:receipts")
                                                  F("jabber:iq:roster") F("jabber:iq:last")),
                CAPS_0390, hash),
        0);
    assert_string_equal(hash, "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=");
}

static void sets_that_can_be_read_in_two_ways_have_no_hash(void **state)
{
    static const char *const BAD[] = {
        Q(F("a&lt;b")),
        Q("<identity category='http:' type='' name='jabber.org/protocol/muc'/>" F("z")),
        Q("<identity category='client/pc' type='' name='x'/>"),
        Q("<identity category='client' type='pc' name='a&lt;b'/>"),
        Q(F("a") F("a")),
        Q("<identity category='client' type='pc'/><identity category='client' type='pc'/>"),
        Q("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:f</value>"
          "</field></x>"),
        Q("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:f</value>"
          "</field><field var='vcard-temp'/></x>"),
        Q("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:f</value>"
          "</field><field var='urn:xmpp:x'><value>1</value></field></x>"),
        Q("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:f</value>"
          "<value>urn:g</value></field><field var='x'><value>1</value></field></x>"),
        Q("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:f</value>"
          "</field><field var='x'><value>1</value></field></x>"
          "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:f</value>"
          "</field><field var='y'><value>1</value></field></x>"),
    };
    char hash[CAPS_HASH_BYTES], other[CAPS_HASH_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_int_equal(hash_of(BAD[i], CAPS_0115, hash), ERR_SYNTAX);
    /* A form that does not say what it is does not count. */
    assert_int_equal(hash_of(Q(F("a")), CAPS_0115, hash), 0);
    assert_int_equal(
        hash_of(Q(F("a") "<x xmlns='jabber:x:data'><field var='x'/></x>"), CAPS_0115, other), 0);
    assert_string_equal(hash, other);
    assert_int_equal(hash_of(Q(F("a") "<x xmlns='jabber:x:data'/>"), CAPS_0390, hash), ERR_SYNTAX);
    assert_int_equal(hash_of(Q(F("a") "<other xmlns='urn:x'/>"), CAPS_0390, hash), ERR_SYNTAX);
}

struct heard {
    struct test_client *t;
    unsigned known, bad;
    char jid[64];
    bool free_client;
    struct client_extension x;
};

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct heard *h = arg;
    (void)c;
    if (e->kind == BURBLE_EVENT_BAD)
        h->bad++;
}

static void on_known(struct burble *c, const char *jid, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->known++;
    snprintf(h->jid, sizeof(h->jid), "%s", jid);
    if (h->free_client)
        burble_free(&h->t->c);
}

static bool shows(struct client_extension *x, const struct jid *who)
{
    (void)x;
    return slice_is(jid_domain(who), "friends.org");
}

static const struct client_extension_ops FRIENDS = {.name = "test", .shows = shows};

static void online(struct test_client *t, struct heard *h)
{
    memset(h, 0, sizeof(*h));
    h->t = t;
    test_online(t, &BURBLE_CONFIG(.on_event = on_event, .arg = h));
    assert_int_equal(burble_caps_start(t->c, "https://me.org", on_known, h), 0);
    client_extend(t->c, &h->x, &FRIENDS);
}

static void end(struct test_client *t, struct heard *h)
{
    if (t->c != NULL)
        client_unextend(&h->x);
    test_end(t);
}

static void presence(struct test_client *t, const char *from, const char *hash)
{
    test_receivef(t,
                  "<presence from='%s'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'"
                  " node='http://n' ver='%s'/></presence>",
                  from, hash);
}

static void asked(struct test_client *t, const char *to, const char *hash, char id[TEST_ID_BYTES])
{
    test_request(t, "get", to, id);
    test_expect(t, "<query xmlns='" INFO "' node='http://n#");
    test_expect(t, hash);
    test_expect(t, "'/></iq>");
}

static void a_hash_is_asked_for_once(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    presence(&t, "a@friends.org/x", EXODUS_HASH);
    presence(&t, "b@friends.org/x", EXODUS_HASH);
    asked(&t, "a@friends.org/x", EXODUS_HASH, id);
    test_expect_nothing(&t);
    assert_int_equal(burble_caps_supports(t.c, "a@friends.org/x", INFO), BURBLE_ERR_NOT_FOUND);
    test_result(&t, id, "a@friends.org/x", Q(EXODUS));
    assert_int_equal(h.known, 2);
    assert_int_equal(burble_caps_supports(t.c, "b@friends.org/x", INFO), 1);
    assert_int_equal(burble_caps_supports(t.c, "B@friends.org/x", "urn:none"), 0);
    assert_string_equal(burble_caps_feature(t.c, "b@friends.org/x", 3),
                        "http://jabber.org/protocol/muc");
    assert_null(burble_caps_feature(t.c, "b@friends.org/x", 4));
    presence(&t, "c@friends.org/x", EXODUS_HASH);
    test_expect_nothing(&t);
    assert_int_equal(h.known, 3);
    test_receive(&t, "<presence type='unavailable' from='b@friends.org/x'/>");
    assert_int_equal(burble_caps_supports(t.c, "b@friends.org/x", INFO), BURBLE_ERR_NOT_FOUND);
    test_break(&t);
    assert_int_equal(burble_caps_supports(t.c, "c@friends.org/x", INFO), BURBLE_ERR_NOT_FOUND);
    end(&t, &h);
}

static void a_poisoned_answer_is_refused_and_the_next_one_asked(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    presence(&t, "liar@friends.org/x", EXODUS_HASH);
    asked(&t, "liar@friends.org/x", EXODUS_HASH, id);
    presence(&t, "b@friends.org/x", EXODUS_HASH);
    test_result(&t, id, "liar@friends.org/x", Q(EXODUS F("urn:evil")));
    assert_int_equal(h.bad, 1);
    assert_int_equal(h.known, 0);
    asked(&t, "b@friends.org/x", EXODUS_HASH, id);
    test_receivef(&t, "<iq type='error' id='%s' from='b@friends.org/x'/>", id);
    test_expect_nothing(&t); /* nobody is left */
    presence(&t, "c@friends.org/x", EXODUS_HASH);
    asked(&t, "c@friends.org/x", EXODUS_HASH, id);
    test_result(&t, id, "c@friends.org/x", Q(EXODUS));
    assert_int_equal(h.known, 3);
    assert_int_equal(burble_caps_supports(t.c, "liar@friends.org/x", "urn:evil"), 0);
    end(&t, &h);
}

static void V69_strangers_are_not_asked(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    presence(&t, "mallory@example.net/x", EXODUS_HASH);
    test_expect_nothing(&t);
    presence(&t, "a@friends.org/x", EXODUS_HASH);
    asked(&t, "a@friends.org/x", EXODUS_HASH, id);
    test_result(&t, id, "a@friends.org/x", Q(EXODUS));
    assert_int_equal(burble_caps_supports(t.c, "mallory@example.net/x", INFO), 1);
    end(&t, &h);
}

static void nonsense_in_presence_is_let_be(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    presence(&t, "a@friends.org/x", "");
    presence(&t, "a@friends.org/x",
             "0123456789012345678901234567890123456789012345678901234567890");
    test_receive(&t, "<presence from='a@friends.org/x'><c xmlns='http://jabber.org/protocol/caps'"
                     " node='http://n' ver='1.0' ext='a b'/></presence>");
    test_receive(&t, "<presence from='a@friends.org'><c xmlns='http://jabber.org/protocol/caps'"
                     " hash='sha-1' node='http://n' ver='1.0'/></presence>");
    test_expect_nothing(&t);
    end(&t, &h);
}

static void our_own_are_in_the_presence_and_are_what_we_answer(void **state)
{
    struct test_client t;
    struct heard h;
    char ver[64], hash[CAPS_HASH_BYTES], *query;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_ONLINE, NULL, 0, NULL), 0);
    test_expect(&t, "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'"
                    " node='https://me.org' ver='");
    snprintf(ver, sizeof(ver), "%s", test_between(&t, "", "'"));
    test_receivef(&t,
                  "<iq type='get' id='1' from='a@friends.org/x'><query xmlns='" INFO
                  "' node='https://me.org#%s'/></iq>",
                  ver);
    query = strdup(test_between(&t, "to='a@friends.org/x'>", "</iq>"));
    assert_int_equal(hash_of(query, CAPS_0115, hash), 0);
    assert_string_equal(hash, ver);
    free(query);
    (void)test_sent(&t);
    test_receivef(&t,
                  "<presence from='me@example.org/other'><c xmlns='http://jabber.org/protocol/caps'"
                  " hash='sha-1' node='https://me.org' ver='%s'/></presence>",
                  ver);
    test_expect_nothing(&t); /* that need not be asked for */
    assert_int_equal(burble_caps_supports(t.c, "me@example.org/other", INFO), 1);
    assert_int_equal(burble_add_feature(t.c, "urn:x"), 0);
    assert_int_equal(burble_add_feature(t.c, "urn:y"), 0);
    test_expect(&t, "<presence><c ");
    assert_string_not_equal(test_between(&t, "ver='", "'"), ver);
    test_expect(&t, "</presence>");
    test_expect_nothing(&t); /* once for both */
    test_receive(&t, "<iq type='get' id='2'><query xmlns='" INFO
                     "' node='https://me.org#other'/></iq>");
    test_expect(&t, "<item-not-found ");
    assert_int_equal(burble_send_presence(t.c, "r@friends.org/me", BURBLE_AVAILABLE, NULL), 0);
    test_expect(&t, "<presence to='r@friends.org/me'><c ");
    end(&t, &h);
}

#define ROOM "talk@rooms.example.org"

static void V69_occupants_are_told_while_we_are_in_the_room(void **state)
{
    const struct burble_room_config config = BURBLE_ROOM_CONFIG(.nick = "me");
    struct test_client t;
    struct heard h;
    struct burble_room *room;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_room_join(t.c, ROOM, &config, &room), 0);
    test_expect(&t, "<presence to='" ROOM "/me'><c xmlns='http://jabber.org/protocol/caps'");
    for (int inside = 0; inside < 2; inside++) {
        (void)test_sent(&t);
        test_receive(&t,
                     "<iq type='get' id='1' from='" ROOM "/bob'><query xmlns='" INFO "'/></iq>");
        test_expect(&t, inside ? "<identity " : "<service-unavailable ");
        test_receive(&t, "<presence from='" ROOM "/me'>"
                         "<x xmlns='http://jabber.org/protocol/muc#user'>"
                         "<item affiliation='none' role='participant'/><status code='110'/></x>"
                         "</presence>");
    }
    end(&t, &h);
}

static void the_file_is_checked_as_the_network_is(void **state)
{
    struct test_client t, u;
    struct heard h, g;
    char id[TEST_ID_BYTES];
    void *saved, *text;
    size_t len;
    (void)state;
    online(&t, &h);
    presence(&t, "a@friends.org/x", EXODUS_HASH);
    asked(&t, "a@friends.org/x", EXODUS_HASH, id);
    test_result(&t, id, "a@friends.org/x", Q(EXODUS));
    presence(&t, "b@friends.org/x", PSI_HASH);
    asked(&t, "b@friends.org/x", PSI_HASH, id);
    test_result(&t, id, "b@friends.org/x", Q(PSI));
    assert_int_equal(burble_caps_save(t.c, &saved, &len), 0);
    end(&t, &h);

    online(&u, &g);
    for (size_t cut = 0; cut < len; cut++) {
        text = malloc(cut + 1);
        memcpy(text, saved, cut);
        (void)burble_caps_load(u.c, text, cut);
        free(text);
    }
    assert_int_equal(burble_caps_load(u.c, saved, len), 0);
    presence(&u, "a@friends.org/x", EXODUS_HASH);
    assert_int_equal(burble_caps_supports(u.c, "a@friends.org/x", INFO), 1);
    end(&u, &g);

    online(&u, &g);
    char *at = memmem(saved, len, "muc", 3);
    assert_non_null(at);
    at[0] = 'x';
    assert_int_equal(burble_caps_load(u.c, saved, len), BURBLE_ERR_CORRUPT);
    presence(&u, "a@friends.org/x", PSI_HASH); /* the first one, that is whole or not */
    presence(&u, "b@friends.org/x", EXODUS_HASH);
    assert_int_not_equal(burble_caps_supports(u.c, "a@friends.org/x", INFO) +
                             burble_caps_supports(u.c, "b@friends.org/x", INFO),
                         2);
    assert_int_equal(burble_caps_load(u.c, "", 0), BURBLE_ERR_CORRUPT);
    end(&u, &g);
    free(saved);
}

static void the_cache_has_a_limit(void **state)
{
    struct test_client t;
    struct heard h;
    char hash[64];
    (void)state;
    online(&t, &h);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(hash, sizeof(hash), "hash%u", i);
        presence(&t, "a@friends.org/x", hash);
        if (i % 2 == 0)
            presence(&t, "mallory@example.net/x", hash);
    }
    assert_true(caps_of(t.c)->set_count <= 20);
    assert_true(caps_of(t.c)->asking <= 16);
    end(&t, &h);
}

static void V16_free_in_the_callback(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    h.free_client = true;
    presence(&t, "a@friends.org/x", EXODUS_HASH);
    presence(&t, "b@friends.org/x", EXODUS_HASH);
    asked(&t, "a@friends.org/x", EXODUS_HASH, id);
    client_unextend(&h.x);
    test_result(&t, id, "a@friends.org/x", Q(EXODUS));
    assert_null(t.c);
    assert_int_equal(h.known, 1);
    end(&t, &h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_the_examples),
        cmocka_unit_test(sets_that_can_be_read_in_two_ways_have_no_hash),
        cmocka_unit_test(a_hash_is_asked_for_once),
        cmocka_unit_test(a_poisoned_answer_is_refused_and_the_next_one_asked),
        cmocka_unit_test(V69_strangers_are_not_asked),
        cmocka_unit_test(nonsense_in_presence_is_let_be),
        cmocka_unit_test(our_own_are_in_the_presence_and_are_what_we_answer),
        cmocka_unit_test(V69_occupants_are_told_while_we_are_in_the_room),
        cmocka_unit_test(the_file_is_checked_as_the_network_is),
        cmocka_unit_test(the_cache_has_a_limit),
        cmocka_unit_test(V16_free_in_the_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
