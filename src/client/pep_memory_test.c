/* Discovery, capabilities, eventing, cards, avatars and bookmarks when memory runs out: at every
 * allocation in turn, once and for good. Nothing may end the process or be lost; who asked for
 * something hears of it exactly once.
 *
 * The link replaces malloc and its kin of our own code (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "burble/answers.h"
#include "burble/avatar.h"
#include "burble/bookmarks.h"
#include "burble/caps.h"
#include "burble/presence.h"
#include "burble/vcard.h"
#include "client/test_starve.h"

struct scene {
    struct test_client t;
    struct burble_bookmarks *bookmarks;
    unsigned asked, answered;
};

static void on_done(struct burble *c, const struct burble_iq *a, void *arg)
{
    (void)c, (void)a;
    ((struct scene *)arg)->answered++;
}

static void on_info(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    (void)c;
    assert_null(info->features[info->feature_count]);
    ((struct scene *)arg)->answered++;
}

static void on_items(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    (void)c, (void)items;
    ((struct scene *)arg)->answered++;
}

static void on_published(struct burble *c, const struct burble_published *p, void *arg)
{
    (void)c, (void)p;
    ((struct scene *)arg)->answered++;
}

static void on_pubsub_items(struct burble *c, const struct burble_pubsub_items *items, void *arg)
{
    (void)c;
    for (size_t i = 0; i < items->count; i++)
        (void)burble_xml_name(items->items[i].payload);
    ((struct scene *)arg)->answered++;
}

static void on_vcard(struct burble *c, const struct burble_vcard_answer *a, void *arg)
{
    (void)c, (void)a;
    ((struct scene *)arg)->answered++;
}

static void on_picture(struct burble *c, const struct burble_picture *p, void *arg)
{
    (void)c;
    assert_true((p->outcome == BURBLE_IQ_RESULT) == (p->data != NULL));
    ((struct scene *)arg)->answered++;
}

static void on_pong(struct burble *c, const struct burble_pong *p, void *arg)
{
    (void)c, (void)p;
    ((struct scene *)arg)->answered++;
}

static void on_event(struct burble *c, const struct burble_pubsub_event *e, void *arg)
{
    (void)c, (void)arg;
    assert_true(e->from != NULL && e->node != NULL);
}

static void on_avatar(struct burble *c, const struct burble_avatar *a, void *arg)
{
    (void)c, (void)arg;
    assert_true(a->jid != NULL && a->id != NULL);
}

static void on_changed(struct burble_bookmarks *b, const struct burble_bookmark *k, void *arg)
{
    (void)b, (void)arg;
    assert_string_equal(k->jid, "r@rooms.org");
    assert_true(k->name != NULL && k->nick != NULL);
}

static void on_known(struct burble *c, const char *jid, void *arg)
{
    (void)c, (void)jid, (void)arg;
}

#define SHA "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"

static void begin(struct scene *s)
{
    struct burble_bookmarks_config config = BURBLE_BOOKMARKS_CONFIG(.changed = on_changed);
    struct burble *c = s->t.c;
    test_memory.armed = true;
    (void)burble_answer_usual(c);
    (void)burble_set_identity(c, "client", "bot", "Bot");
    (void)burble_caps_start(c, "https://example.org", on_known, s);
    (void)burble_on_avatar(c, on_avatar, s);
    (void)burble_on_pubsub_event(c, "n", BURBLE_EVENTS_NOTIFY, on_event, s);
    (void)burble_bookmarks_new(c, &config, &s->bookmarks);
    (void)burble_set_presence(c, BURBLE_SHOW_ONLINE, NULL, 0, NULL);
    (void)burble_avatar_announce(c, SHA);
    burble_set_tell(c, BURBLE_TELL_ALL);
    test_memory.armed = false;
    test_collect(&s->t);
}

static void ask(struct scene *s)
{
    struct burble *c = s->t.c;
    struct burble_service wanted = {.category = "conference"};
    struct burble_vcard card = {.full_name = "A", .family = "B", .photo = "x", .photo_len = 1};
    struct burble_bookmark mark = {.jid = "r@rooms.org", .name = "R", .nick = "me"};
    test_memory.armed = true;
    s->asked += burble_find_service(c, &wanted, on_info, s) == 0;
    s->asked += burble_disco_items(c, "i@b.org", "n", NULL, on_items, s, NULL) == 0;
    s->asked += burble_pubsub_items(c, "p@b.org", "n", NULL, on_pubsub_items, s, NULL) == 0;
    s->asked += burble_vcard_get(c, "v@b.org", on_vcard, s, NULL) == 0;
    s->asked += burble_vcard_set(c, &card, on_done, s) == 0;
    s->asked += burble_avatar_fetch(c, "f@b.org", SHA, on_picture, s, NULL) == 0;
    s->asked += burble_ping(c, "g@b.org", 0, on_pong, s, NULL) == 0;
    s->asked += burble_avatar_publish(c, "hello", 5, "image/png", 1, 1, NULL, on_published, s) == 0;
    s->asked +=
        burble_pubsub_publish(c, NULL, "n", "i", "<a xmlns='urn:a'/>", burble_pubsub_private(),
                              BURBLE_PUBLISH_CONFIGURE, on_published, s) == 0;
    if (s->bookmarks != NULL)
        s->asked += burble_bookmarks_set(s->bookmarks, &mark, on_done, s) == 0;
    test_memory.armed = false;
    test_collect(&s->t);
}

/* Answers the next request that was sent, whatever it is. */
static void answer(struct scene *s, const char *to, const char *payload)
{
    struct buf text = {0};
    test_pass(&s->t, 0);
    if (buf_byte(&s->t.sent, '\0') != 0)
        abort();
    const char *all = buf_slice(&s->t.sent).ptr, *at;
    size_t len = to != NULL ? strlen(to) : 0;
    for (at = strstr(all, "<iq type='"); at != NULL; at = strstr(at + 1, "<iq type='")) {
        const char *id = strstr(at, " id='") + 5, *behind = strchr(id, '\'') + 1;
        bool same = to == NULL ? strncmp(behind, ">", 1) == 0
                               : strncmp(behind, " to='", 5) == 0 &&
                                     strncmp(behind + 5, to, len) == 0 && behind[5 + len] == '\'';
        if (!same || strncmp(at, "<iq type='result'", 17) == 0 ||
            strncmp(at, "<iq type='error'", 16) == 0)
            continue;
        (void)buf_printf(&text, "<iq type='result' id='%.*s'%s%s%s>%s</iq>", (int)(behind - 1 - id),
                         id, to != NULL ? " from='" : "", to != NULL ? to : "",
                         to != NULL ? "'" : "", payload);
        break;
    }
    buf_truncate(&s->t.sent, buf_len(&s->t.sent) - 1);
    if (buf_len(&text) == 0 || buf_byte(&text, '\0') != 0) {
        buf_free(&text);
        return;
    }
    starve_feed(&s->t, buf_slice(&text).ptr);
    buf_free(&text);
}

#define INFO "<query xmlns='http://jabber.org/protocol/disco#info'>"
#define PS   "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
#define EVENT                                                                                      \
    "<message from='me@example.org'><event xmlns='http://jabber.org/protocol/pubsub#event'>"

static void play(struct scene *s)
{
    static const struct {
        const char *to, *payload;
    } ANSWERS[] = {
        {"example.org", INFO "<identity category='server' type='im'/><feature var='a'/></query>"},
        {"example.org", "<query xmlns='http://jabber.org/protocol/disco#items'>"
                        "<item jid='m.example.org'/></query>"},
        {"m.example.org", INFO "<identity category='conference' type='text' name='M'/></query>"},
        {"i@b.org", "<query xmlns='http://jabber.org/protocol/disco#items'>"
                    "<item jid='x.org' node='n' name='N'/></query>"},
        {"p@b.org", PS "<items node='n'><item id='1'><a xmlns='urn:a'/></item></items></pubsub>"},
        {"v@b.org", "<vCard xmlns='vcard-temp'><FN>F</FN><PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO>"
                    "</vCard>"},
        {"f@b.org", PS "<items node='n'><item id='x'><data xmlns='urn:xmpp:avatar:data'>"
                       "aGVsbG8=</data></item></items></pubsub>"},
        {"g@b.org", ""},
        {"k@b.org/x", INFO "<identity category='client' type='pc' name='Exodus 0.9.1'/>"
                           "<feature var='http://jabber.org/protocol/caps'/>"
                           "<feature var='http://jabber.org/protocol/disco#info'/>"
                           "<feature var='http://jabber.org/protocol/disco#items'/>"
                           "<feature var='http://jabber.org/protocol/muc'/></query>"},
    };
    begin(s);
    answer(s, NULL, ""); /* what the session asks */
    answer(s, NULL,
           PS "<items node='urn:xmpp:bookmarks:1'><item id='r@rooms.org'><conference"
              " xmlns='urn:xmpp:bookmarks:1' name='R'><nick>me</nick><extensions/>"
              "</conference></item></items></pubsub>");
    (void)test_sent(&s->t);
    ask(s);
    starve_feed(&s->t,
                "<presence from='k@b.org/x'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'"
                " node='http://n' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>");
    starve_feed(&s->t, "<iq type='get' id='1' from='b@b.org/x'><query"
                       " xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    starve_feed(&s->t,
                EVENT "<items node='n'><item id='1'><a xmlns='urn:a'/></item></items></event>"
                      "</message>");
    starve_feed(&s->t, EVENT "<items node='urn:xmpp:avatar:metadata'><item id='1'>"
                             "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='5' id='" SHA
                             "' type='image/png'/></metadata></item></items></event></message>");
    starve_feed(&s->t,
                EVENT "<items node='urn:xmpp:bookmarks:1'><item id='r@rooms.org'><conference"
                      " xmlns='urn:xmpp:bookmarks:1' name='S'><nick>me</nick></conference></item>"
                      "<retract id='r@rooms.org'/></items></event></message>");
    for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++)
        answer(s, ANSWERS[i].to, ANSWERS[i].payload);
    for (int i = 0; i < 4; i++) /* what is set, and the second half of the avatar */
        answer(s, NULL, "");
    void *saved;
    size_t len;
    test_memory.armed = true;
    if (burble_caps_save(s->t.c, &saved, &len) == 0) {
        (void)burble_caps_load(s->t.c, saved, len);
        free(saved);
    }
    test_memory.armed = false;
    s->t.now.mono_ms += 400000;
    starve_feed(&s->t, NULL);
}

/* How often memory was asked for. */
static long run(long fail_at, bool for_good, unsigned *asked_out)
{
    struct scene s = {.asked = 0};
    test_memory.left = fail_at;
    test_memory.for_good = for_good;
    test_online(&s.t, &BURBLE_CONFIG(.software = "test"));
    play(&s);
    long used = fail_at - test_memory.left;
    test_memory.armed = true; /* the end, too, does without */
    burble_free(&s.t.c);
    test_memory.armed = false;
    assert_int_equal(s.answered, s.asked);
    test_end(&s.t);
    *asked_out = s.asked;
    return used;
}

static void memory_may_run_out_anywhere(void **state)
{
    unsigned asked;
    (void)state;
    long all = run(1000000, false, &asked);
    assert_true(all > 200 && asked == 10);
    for (long i = 0; i < all; i++) {
        (void)run(i, false, &asked);
        (void)run(i, true, &asked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
