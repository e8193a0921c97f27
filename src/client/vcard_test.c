/* vCards: what is read, what is kept when they are written, how big a picture may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/vcard.h"
#include "client/client.h"
#include "client/test_client.h"
#include "client/test_log.h"

struct heard {
    struct test_client *t;
    unsigned answers;
    enum burble_iq_outcome outcome;
    char text[512], condition[64];
    bool too_big, free_client;
    struct burble_xml kept;
};

static void on_vcard(struct burble *c, const struct burble_vcard_answer *a, void *arg)
{
    struct heard *h = arg;
    const struct burble_vcard *v = &a->vcard;
    (void)c;
    h->answers++;
    h->outcome = a->outcome;
    h->too_big = a->photo_too_big;
    snprintf(h->condition, sizeof(h->condition), "%s", a->error.condition);
    snprintf(h->text, sizeof(h->text), "%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%.*s",
             test_or_dash(v->full_name), test_or_dash(v->nickname), test_or_dash(v->family),
             test_or_dash(v->given), test_or_dash(v->email), test_or_dash(v->phone),
             test_or_dash(v->url), test_or_dash(v->birthday), test_or_dash(v->organisation),
             test_or_dash(v->title), test_or_dash(v->note), test_or_dash(v->photo_type),
             (int)v->photo_len, v->photo != NULL ? (const char *)v->photo : "");
    burble_xml_free(&h->kept);
    if (burble_xml_some(v->xml))
        h->kept = burble_xml_copy(v->xml);
    if (h->free_client)
        burble_free(&h->t->c);
}

static void online(struct test_client *t, struct heard *h)
{
    memset(h, 0, sizeof(*h));
    h->t = t;
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
}

static void end(struct test_client *t, struct heard *h)
{
    burble_xml_free(&h->kept);
    test_end(t);
}

static void get(struct test_client *t, struct heard *h, const char *card)
{
    char id[TEST_ID_BYTES];
    assert_int_equal(burble_vcard_get(t->c, "bob@example.net", on_vcard, h, NULL), 0);
    test_request(t, "get", "bob@example.net", id);
    test_expect(t, "<vCard xmlns='vcard-temp'/></iq>");
    test_receivef(t, "<iq type='result' from='bob@example.net' id='%s'>%s</iq>", id, card);
}

#define CARD                                                                                       \
    "<vCard xmlns='vcard-temp'><FN>Bob B</FN><N><FAMILY>B</FAMILY><MIDDLE>M</MIDDLE></N>"          \
    "<EMAIL><INTERNET/></EMAIL><EMAIL><WORK/><USERID>b@x.org</USERID></EMAIL>"                     \
    "<EMAIL><USERID>other@x.org</USERID></EMAIL><ORG><ORGNAME>Org</ORGNAME></ORG>"                 \
    "<PHOTO><TYPE>image/png</TYPE><BINVAL>\n aGVs\n bG8=\n</BINVAL></PHOTO><X-MINE/></vCard>"

static void the_common_fields_are_read(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    get(&t, &h, CARD);
    assert_string_equal(h.text, "Bob B|-|B|-|b@x.org|-|-|-|Org|-|-|image/png|hello");
    get(&t, &h, "");
    assert_int_equal(h.outcome, BURBLE_IQ_ERROR);
    assert_string_equal(h.condition, "item-not-found");
    get(&t, &h, "<vCard xmlns='vcard-temp'><PHOTO><BINVAL>not base64!</BINVAL></PHOTO></vCard>");
    assert_string_equal(h.text, "-|-|-|-|-|-|-|-|-|-|-|-|");
    assert_false(h.too_big);
    end(&t, &h);
}

static void pictures_have_a_limit(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    burble_set_picture_max(t.c, 4);
    get(&t, &h, CARD);
    assert_true(h.too_big);
    assert_string_equal(h.text, "Bob B|-|B|-|b@x.org|-|-|-|Org|-|-|-|");
    burble_set_picture_max(t.c, 5);
    get(&t, &h, CARD);
    assert_false(h.too_big);
    char *big = calloc(1, BURBLE_PICTURE_BYTES + 1);
    struct burble_vcard v = {.photo = big, .photo_len = 6};
    assert_int_equal(burble_vcard_set(t.c, &v, NULL, NULL), BURBLE_ERR_LIMIT);
    burble_set_picture_max(t.c, 0);
    v.photo_len = BURBLE_PICTURE_BYTES + 1;
    assert_int_equal(burble_vcard_set(t.c, &v, NULL, NULL), BURBLE_ERR_LIMIT);
    v.photo_len = BURBLE_PICTURE_BYTES;
    assert_int_equal(burble_vcard_set(t.c, &v, NULL, NULL), 0);
    free(big);
    end(&t, &h);
}

static void what_has_no_field_is_kept(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    get(&t, &h, CARD);
    struct burble_vcard v = {
        .nickname = "b<b", .given = "Bob", .family = "C", .email = "new@x.org", .xml = h.kept};
    assert_int_equal(burble_vcard_set(t.c, &v, NULL, NULL), 0);
    test_expect(&t,
                "<vCard xmlns='vcard-temp'><N><MIDDLE>M</MIDDLE><FAMILY>C</FAMILY>"
                "<GIVEN>Bob</GIVEN></N><EMAIL><INTERNET/></EMAIL>"
                "<EMAIL><WORK/><USERID>new@x.org</USERID></EMAIL>"
                "<EMAIL><USERID>other@x.org</USERID></EMAIL>"
                "<PHOTO><TYPE>image/png</TYPE><BINVAL>\n aGVs\n bG8=\n</BINVAL></PHOTO><X-MINE/>"
                "<NICKNAME>b&lt;b</NICKNAME></vCard></iq>");
    v = (struct burble_vcard){.photo = "", .photo_len = 0, .xml = h.kept};
    assert_int_equal(burble_vcard_set(t.c, &v, NULL, NULL), 0);
    test_expect(&t, "<vCard xmlns='vcard-temp'><EMAIL><INTERNET/></EMAIL>"
                    "<EMAIL><USERID>other@x.org</USERID></EMAIL><X-MINE/></vCard></iq>");
    v = (struct burble_vcard){
        .family = "B", .given = "A", .photo = "hello", .photo_len = 5, .photo_type = "image/png"};
    assert_int_equal(burble_vcard_set(t.c, &v, NULL, NULL), 0);
    test_expect(&t, "<vCard xmlns='vcard-temp'><N><FAMILY>B</FAMILY><GIVEN>A</GIVEN></N>"
                    "<PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard></iq>");
    end(&t, &h);
}

#define CARD4                                                                                      \
    "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Bob</text></fn>"                    \
    "<bday><date>1476-06-09</date></bday><email><parameters><type><text>work</text></type>"        \
    "</parameters><text>b@x.org</text></email><x-mine/></vcard>"

static void vcard4_over_events(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_vcard4_get(t.c, "bob@example.net", on_vcard, &h, NULL), 0);
    test_request(&t, "get", "bob@example.net", id);
    test_expect(&t, "<items node='urn:xmpp:vcard4' max_items='1'/>");
    test_result(&t, id, "bob@example.net",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:vcard4'>"
                "<item id='current'>" CARD4 "</item></items></pubsub>");
    assert_string_equal(h.text, "Bob|-|-|-|b@x.org|-|-|1476-06-09|-|-|-|-|");
    struct burble_vcard v = {.full_name = "Bob B", .email = "c@x.org", .xml = h.kept};
    assert_int_equal(burble_vcard4_set(t.c, &v, NULL, NULL), 0);
    test_expect(&t, "<publish node='urn:xmpp:vcard4'><item id='current'>"
                    "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Bob B</text></fn>"
                    "<email><parameters><type><text>work</text></type></parameters>"
                    "<text>c@x.org</text></email><x-mine/></vcard></item></publish>");
    end(&t, &h);
}

static void V16_free_in_the_callback(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    h.free_client = true;
    get(&t, &h, CARD);
    assert_null(t.c);
    end(&t, &h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_common_fields_are_read), cmocka_unit_test(pictures_have_a_limit),
        cmocka_unit_test(what_has_no_field_is_kept),  cmocka_unit_test(vcard4_over_events),
        cmocka_unit_test(V16_free_in_the_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
