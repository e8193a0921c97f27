/* Avatars: who announces what, and that a picture is the one that was announced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/avatar.h"
#include "client/client.h"
#include "client/test_client.h"

#define PS    "http://jabber.org/protocol/pubsub"
#define META  "urn:xmpp:avatar:metadata"
#define DATA  "urn:xmpp:avatar:data"
#define HELLO "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" /* SHA-1 of "hello" */
#define OTHER "da39a3ee5e6b4b0d3255bfef95601890afd80709"

struct heard {
    struct test_client *t;
    unsigned avatars, pictures, published;
    enum burble_iq_outcome outcome;
    char text[256], condition[64];
    bool free_client;
};

static void on_avatar(struct burble *c, const struct burble_avatar *a, void *arg)
{
    struct heard *h = arg;
    h->avatars++;
    snprintf(h->text, sizeof(h->text), "%s %s %s %u %ux%u %s", a->jid, a->id != NULL ? a->id : "-",
             a->type != NULL ? a->type : "-", a->bytes, a->width, a->height,
             a->url != NULL ? a->url : "-");
    if (h->free_client) {
        burble_off_avatar(c, on_avatar, h);
        burble_free(&h->t->c);
    }
}

static void on_picture(struct burble *c, const struct burble_picture *p, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->pictures++;
    h->outcome = p->outcome;
    snprintf(h->text, sizeof(h->text), "%.*s", (int)p->len,
             p->data != NULL ? (const char *)p->data : "");
    snprintf(h->condition, sizeof(h->condition), "%s", p->error.condition);
    if (h->free_client)
        burble_free(&h->t->c);
}

static void on_published(struct burble *c, const struct burble_published *p, void *arg)
{
    struct heard *h = arg;
    (void)c;
    h->published++;
    h->outcome = p->outcome;
    snprintf(h->text, sizeof(h->text), "%s", p->id != NULL ? p->id : "-");
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct heard *h = arg;
    const char *id;
    (void)c;
    if (e->kind != BURBLE_EVENT_PRESENCE)
        return;
    enum burble_avatar_said said = burble_avatar_of_presence(e->presence, &id);
    snprintf(h->text, sizeof(h->text), "%d %s", (int)said, id != NULL ? id : "-");
}

static void online(struct test_client *t, struct heard *h)
{
    memset(h, 0, sizeof(*h));
    h->t = t;
    test_online(t, &BURBLE_CONFIG(.on_event = on_event, .arg = h));
}

static void announce(struct test_client *t, const char *from, const char *infos)
{
    test_receivef(t,
                  "<message from='%s'><event xmlns='" PS "#event'><items node='" META "'>"
                  "<item id='1'><metadata xmlns='" META "'>%s</metadata></item></items></event>"
                  "</message>",
                  from, infos);
}

static void announcements_are_read(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_on_avatar(t.c, on_avatar, &h), 0);
    assert_int_equal(burble_on_avatar(t.c, on_avatar, &h), BURBLE_ERR_EXISTS);
    announce(&t, "bob@example.net",
             "<info bytes='900' id='" OTHER "' type='image/png' url='https://x.org/a'/>"
             "<info bytes='999999999' id='" OTHER "' type='image/png'/><info id='no'/>"
             "<info bytes='5' id='" HELLO "' type='image/gif' width='64' height='-1'/>");
    assert_string_equal(h.text, "bob@example.net " HELLO " image/gif 5 64x0 -");
    announce(&t, "bob@example.net", "<info bytes='900' id='" OTHER "' url='https://x.org/a'/>");
    assert_string_equal(h.text, "bob@example.net " OTHER " - 900 0x0 https://x.org/a");
    announce(&t, "bob@example.net", "");
    assert_string_equal(h.text, "bob@example.net - - 0 0x0 -");
    assert_int_equal(h.avatars, 3);
    announce(&t, "bob@example.net", "<info id='../../x' bytes='5' type='image/png'/>");
    announce(&t, "bob@example.net/x", "<info bytes='5' id='" HELLO "'/>"); /* V65 */
    assert_int_equal(h.avatars, 3);
    burble_off_avatar(t.c, on_avatar, &h);
    announce(&t, "bob@example.net", "");
    assert_int_equal(h.avatars, 3);
    test_end(&t);
}

static void fetch(struct test_client *t, struct heard *h, const char *id_wanted, const char *data)
{
    char id[TEST_ID_BYTES];
    assert_int_equal(burble_avatar_fetch(t->c, "bob@example.net", id_wanted, on_picture, h, NULL),
                     0);
    test_request(t, "get", "bob@example.net", id);
    test_expect(t, "<items node='" DATA "'><item id='");
    test_receivef(t,
                  "<iq type='result' from='bob@example.net' id='%s'><pubsub xmlns='" PS "'>"
                  "<items node='" DATA "'><item id='x'>%s</item></items></pubsub></iq>",
                  id, data);
}

#define D(text) "<data xmlns='" DATA "'>" text "</data>"

static void a_picture_is_what_was_announced(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_avatar_fetch(t.c, NULL, "../x", on_picture, &h, NULL),
                     BURBLE_ERR_SYNTAX);
    fetch(&t, &h, HELLO, D("aGVs\nbG8="));
    assert_int_equal(h.outcome, BURBLE_IQ_RESULT);
    assert_string_equal(h.text, "hello");
    fetch(&t, &h, "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D", D("aGVsbG8="));
    assert_string_equal(h.text, "hello");
    fetch(&t, &h, OTHER, D("aGVsbG8="));
    assert_string_equal(h.condition, "not-acceptable");
    assert_string_equal(h.text, "");
    fetch(&t, &h, HELLO, D("%%%%"));
    assert_string_equal(h.condition, "not-acceptable");
    fetch(&t, &h, HELLO, "");
    assert_string_equal(h.condition, "item-not-found");
    burble_set_picture_max(t.c, 4);
    fetch(&t, &h, HELLO, D("aGVsbG8="));
    assert_string_equal(h.condition, "not-acceptable");
    burble_set_picture_max(t.c, 0);
    assert_int_equal(burble_avatar_fetch_vcard(t.c, "bob@example.net", HELLO, on_picture, &h, NULL),
                     0);
    test_request(&t, "get", "bob@example.net", id);
    test_result(&t, id, "bob@example.net",
                "<vCard xmlns='vcard-temp'>"
                "<PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>");
    assert_string_equal(h.text, "hello");
    assert_int_equal(h.pictures, 7);
    test_end(&t);
}

static void ours_is_published_data_first(void **state)
{
    struct test_client t;
    struct heard h;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &h);
    assert_int_equal(
        burble_avatar_publish(t.c, "hello", 5, "image/png", 64, 0, NULL, on_published, &h), 0);
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<publish node='" DATA "'><item id='" HELLO "'><data xmlns='" DATA
                    "'>aGVsbG8=</data></item></publish></pubsub></iq>");
    test_expect_nothing(&t);
    test_result(&t, id, NULL, "");
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<publish node='" META "'><item id='" HELLO "'><metadata xmlns='" META
                    "'><info bytes='5' id='" HELLO "' type='image/png' width='64'/></metadata>");
    assert_int_equal(h.published, 0);
    test_result(&t, id, NULL, "");
    assert_int_equal(h.published, 1);
    assert_string_equal(h.text, HELLO);
    assert_int_equal(
        burble_avatar_publish(t.c, "hello", 5, "image/png", 0, 0, NULL, on_published, &h), 0);
    (void)test_sent(&t);
    test_break(&t); /* between the two */
    assert_int_equal(h.published, 2);
    assert_int_equal(h.outcome, BURBLE_IQ_GONE);
    test_end(&t);
}

static void hashes_in_presence(void **state)
{
    struct test_client t;
    struct heard h;
    static const struct {
        const char *x, *want;
    } CASES[] = {
        {"", "0 -"},
        {"<x xmlns='vcard-temp:x:update'/>", "0 -"},
        {"<x xmlns='vcard-temp:x:update'><photo/></x>", "1 -"},
        {"<x xmlns='vcard-temp:x:update'><photo>" HELLO "</photo></x>", "2 " HELLO},
        {"<x xmlns='vcard-temp:x:update'><photo>../../etc</photo></x>", "0 -"},
    };
    (void)state;
    online(&t, &h);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_receivef(&t, "<presence from='bob@example.net/x'>%s</presence>", CASES[i].x);
        assert_string_equal(h.text, CASES[i].want);
    }
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_ONLINE, NULL, 0, NULL), 0);
    (void)test_sent(&t);
    assert_int_equal(burble_avatar_announce(t.c, "nonsense"), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_avatar_announce(t.c, HELLO), 0);
    test_expect(&t, "<presence><x xmlns='vcard-temp:x:update'><photo>" HELLO "</photo></x>");
    assert_int_equal(burble_avatar_announce(t.c, ""), 0);
    test_expect(&t, "<presence><x xmlns='vcard-temp:x:update'><photo/></x>");
    assert_int_equal(burble_avatar_announce(t.c, NULL), 0);
    test_expect(&t, "<presence></presence>");
    test_end(&t);
}

static void V16_free_in_the_callbacks(void **state)
{
    struct test_client t;
    struct heard h;
    (void)state;
    online(&t, &h);
    assert_int_equal(burble_on_avatar(t.c, on_avatar, &h), 0);
    assert_int_equal(burble_on_avatar(t.c, on_avatar, &t), 0);
    burble_off_avatar(t.c, on_avatar, &t);
    h.free_client = true;
    announce(&t, "bob@example.net", "");
    assert_null(t.c);
    test_end(&t);
    online(&t, &h);
    h.free_client = true;
    fetch(&t, &h, HELLO, D("aGVsbG8="));
    assert_null(t.c);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announcements_are_read),
        cmocka_unit_test(a_picture_is_what_was_announced),
        cmocka_unit_test(ours_is_published_data_first),
        cmocka_unit_test(hashes_in_presence),
        cmocka_unit_test(V16_free_in_the_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
