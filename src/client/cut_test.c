/* C01 and V22 without a network: a good conversation whose server ends at each of its bytes in
 * turn, or says each of its elements bent in each way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "burble/answers.h"
#include "burble/caps.h"
#include "burble/chat.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "burble/room.h"
#include "burble/roster.h"
#include "client/test_world.h"

enum { REQUESTS = 4, DEPTH = 16, SPANS = 256 };

#define DELAY                                                                                      \
    "<delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-01-01T00:00:00Z'>late</delay>"
#define MUC    "<x xmlns='http://jabber.org/protocol/muc#user'>"
#define ROOM   "room@rooms.example.org"
#define ERRORS " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"

/* What a server may send to a client that is online. */
static const char *const STANZAS[] = {
    "<message from='bob@example.org/x' to='me@example.org/here' id='m' type='chat' xml:lang='en'>"
    "<subject>s</subject><body>b</body><thread parent='q'>t</thread>" DELAY
    "<active xmlns='http://jabber.org/protocol/chatstates'/>"
    "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>"
    "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
    "<stanza-id xmlns='urn:xmpp:sid:0' id='i' by='me@example.org'/>"
    "<replace xmlns='urn:xmpp:message-correct:0' id='old'/>"
    "<x xmlns='jabber:x:oob'><url>https://example.org/f</url><desc>d</desc></x></message>",
    "<message from='bob@example.org/x'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
    "<message from='bob@example.org/x'><displayed xmlns='urn:xmpp:chat-markers:0' "
    "id='1'/></message>",
    "<message from='bob@example.org' type='error' id='1'><body>b</body><error type='cancel' "
    "by='example.org'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:carol@example.org"
    "</gone><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>moved</text>"
    "<app xmlns='app'/></error></message>",
    "<message from='me@example.org' to='me@example.org/here'><received "
    "xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" DELAY
    "<message xmlns='jabber:client' from='bob@example.org/x' to='me@example.org/other' "
    "type='chat' id='c'><body>b</body></message></forwarded></received></message>",
    "<message from='me@example.org'><sent xmlns='urn:xmpp:carbons:2'><forwarded "
    "xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='me@example.org/other' "
    "to='bob@example.org' id='d'><body>b</body></message></forwarded></sent></message>",
    "<message from='" ROOM "/bob' type='groupchat' id='g'><body>b</body>" DELAY
    "<stanza-id xmlns='urn:xmpp:sid:0' id='i' by='" ROOM "'/>"
    "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='x'/></message>",
    "<message from='" ROOM "'>" MUC "<invite from='bob@example.org'><reason>r</reason></invite>"
    "<password>p</password></x></message>",
    "<message from='bob@example.org'><x xmlns='jabber:x:conference' jid='" ROOM "' reason='r' "
    "password='p'/></message>",
    "<message from='" ROOM "' type='groupchat'>" MUC "<status code='104'/></x></message>",
    "<message from='" ROOM "' type='groupchat'><subject>s</subject></message>",
    "<message from='bob@example.org'><event xmlns='http://jabber.org/protocol/pubsub#event'>"
    "<items node='urn:xmpp:avatar:metadata'><item id='1' publisher='bob@example.org'>"
    "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='1' id='a' type='image/png' "
    "width='1' height='1'/></metadata></item><retract id='2'/></items></event></message>",
    "<presence from='bob@example.org/x' to='me@example.org' id='p' xml:lang='en'>"
    "<show>away</show><status>s</status><priority>5</priority>" DELAY
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' "
    "ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><x xmlns='vcard-temp:x:update'><photo>a</photo></x>"
    "<idle xmlns='urn:xmpp:idle:1' since='2026-01-01T00:00:00Z'/></presence>",
    "<presence from='bob@example.org/x' type='unavailable'><status>s</status></presence>",
    "<presence from='carol@example.org' type='subscribe'><status>s</status>"
    "<nick xmlns='http://jabber.org/protocol/nick'>c</nick></presence>",
    "<presence from='bob@example.org' type='subscribed'/>",
    "<presence from='bob@example.org' type='error'><error type='auth'><forbidden" ERRORS
    "</error></presence>",
    "<presence from='" ROOM "/bob'>" MUC "<item affiliation='member' role='participant' "
    "jid='bob@example.org/x' nick='bob'><actor nick='a' jid='a@example.org'/><reason>r</reason>"
    "</item><status code='100'/></x><occupant-id xmlns='urn:xmpp:occupant-id:0' "
    "id='x'/></presence>",
    "<presence from='" ROOM "/me'>" MUC "<item affiliation='owner' role='moderator'/>"
    "<status code='110'/><status code='201'/></x></presence>",
    "<presence from='" ROOM "/bob' type='unavailable'>" MUC "<item affiliation='none' role='none' "
    "nick='rob'/><status code='303'/></x></presence>",
    "<presence from='" ROOM "/me' type='unavailable'>" MUC "<item affiliation='none' role='none'>"
    "<actor nick='a'/><reason>r</reason></item><status code='307'/><status code='110'/>"
    "<destroy jid='other@rooms.example.org'><reason>r</reason><password>p</password></destroy>"
    "</x></presence>",
    "<iq type='set' id='r1'><query xmlns='jabber:iq:roster' ver='2'><item jid='bob@example.org' "
    "name='Bob' subscription='both' ask='subscribe' approved='true'><group>g</group></item>"
    "</query></iq>",
    "<iq type='get' id='q1' from='bob@example.org/x'><query "
    "xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>",
    "<iq type='get' id='q2' from='bob@example.org/x'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='get' id='q3' from='bob@example.org/x'><query xmlns='jabber:iq:version'/></iq>",
    "<iq type='get' id='q4' from='bob@example.org/x'><time xmlns='urn:xmpp:time'/></iq>",
    "<iq type='get' id='q5' from='bob@example.org/x'><query xmlns='jabber:iq:last'/></iq>",
    "<iq type='set' id='q6' from='bob@example.org/x'><unknown xmlns='u' a='b'>c</unknown></iq>",
    "<iq type='error' id='q7' from='bob@example.org/x'><error type='wait'><conflict" ERRORS
    "</error></iq>",
};
enum { STANZA_COUNT = sizeof(STANZAS) / sizeof(STANZAS[0]) };

static struct game {
    struct world w;
    unsigned messages, states, asked, answered, sent, failed, said;
    enum burble_why why; /* of the last end */
    bool rich;           /* with everything that a server may send */
    /* Which text is bent, and how. */
    unsigned texts, at, way;
    bool bent;
} g;

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)c, (void)arg;
    if (e->kind == BURBLE_EVENT_STATE && e->state->why != BURBLE_WHY_NONE && g.why == 0)
        g.why = e->state->why;
    g.messages += e->kind == BURBLE_EVENT_MESSAGE;
    if (e->kind == BURBLE_EVENT_SENT && strlen(e->sent->id) == 1) /* not of the library's own */
        *(e->sent->error == 0 ? &g.sent : &g.failed) += 1;
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)c, (void)answer, (void)arg;
    g.answered++;
}

static void say(const char *id)
{
    struct burble_message_options o = {.id = id};
    g.said += burble_say(g.w.c, "bob@example.org", "x", &o, NULL, NULL) == 0;
}

static void ask(const char *payload)
{
    g.asked += burble_get(g.w.c, NULL, payload, 1000, on_answer, NULL, NULL) == 0;
}

/* A client with most of what the library has. */
static void dress_up(void)
{
    struct burble_roster *roster;
    struct burble_chat *chat;
    struct burble_room *room;
    struct burble *c = g.w.c;
    CHECK(burble_roster_new(c, &BURBLE_ROSTER_CONFIG(0), &roster) == 0);
    CHECK(burble_chat_new(c, &BURBLE_CHAT_CONFIG(0), &chat) == 0);
    CHECK(burble_caps_start(c, "https://example.org/test", NULL, NULL) == 0);
    CHECK(burble_answer_usual(c) == 0);
    CHECK(burble_room_join(c, ROOM, &BURBLE_ROOM_CONFIG(.nick = "me"), &room) == 0);
}

static void play(void)
{
    CHECK(burble_set_presence(g.w.c, BURBLE_SHOW_AWAY, NULL, 0, NULL) == 0);
    say("1");
    CHECK(burble_connect(g.w.c) == 0);
    (void)world_reach_soon(&g.w, BURBLE_ONLINE);
    ask("<q xmlns='q'/>");
    ask("<refuse xmlns='q'/>");
    say("2");
    world_say(&g.w, "<message from='bob@example.org/x' id='1'><body>hello</body></message>");
    for (size_t i = 0; g.rich && i < STANZA_COUNT; i++)
        world_say(&g.w, STANZAS[i]);
    world_settle(&g.w);
    world_break(&g.w, "reset");
    say("3");
    (void)world_reach_soon(&g.w, BURBLE_ONLINE);
    g.w.server.forgetful = true;
    world_break(&g.w, "reset");
    (void)world_reach_soon(&g.w, BURBLE_ONLINE);
    g.w.server.forgetful = false;
    world_settle(&g.w);
}

/* Whatever happened, it is good in the end. */
static void check(bool exact)
{
    struct world_server *s = &g.w.server;
    g.w.cut = 0;
    g.w.bend = NULL;
    if (burble_state(g.w.c) == BURBLE_OFFLINE)
        CHECK(burble_connect(g.w.c) == 0);
    CHECK(world_reach(&g.w, BURBLE_ONLINE));
    for (unsigned i = 0; i < 3; i++)
        world_wait(&g.w);
    CHECK(burble_state(g.w.c) == BURBLE_ONLINE && burble_queued(g.w.c) == 0);
    burble_disconnect(g.w.c);
    CHECK(world_reach(&g.w, BURBLE_OFFLINE));
    CHECK(g.answered == g.asked && g.sent + g.failed == g.said);
    if (exact) {
        CHECK(s->got[1] == 1 && s->got[2] == 1 && s->got[3] == 1 && g.failed == 0);
        /* A new session gets again what the one before has not acknowledged. */
        CHECK(g.messages >= 1 && s->violations == 0 && s->bad == 0);
    }
    CHECK(g.w.opened == g.w.closed && g.w.conn == 0);
    world_end(&g.w);
}

static bool is_one_of(enum burble_why why, const enum burble_why *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == why)
            return true;
    return false;
}

static void C01_a_server_that_ends_at_any_byte(void **state)
{
    static const enum burble_why SENSIBLE[] = {BURBLE_WHY_LOST, BURBLE_WHY_BAD_XML,
                                               BURBLE_WHY_NOT_XMPP};
    (void)state;
    memset(&g, 0, sizeof(g));
    world_new(&g.w, &BURBLE_CONFIG(.on_event = on_event));
    play();
    size_t all = g.w.said;
    check(true);
    print_message("%zu bytes\n", all);
    assert_true(all > 2000);
    for (enum world_cut how = WORLD_FIN; how <= WORLD_CLOSE; how++) {
        for (size_t at = 1; at < all; at++) {
            memset(&g, 0, sizeof(g));
            world_new(&g.w, &BURBLE_CONFIG(.on_event = on_event));
            g.w.cut = at;
            g.w.cut_how = how;
            play();
            CHECK(g.w.cut == 0); /* it was cut */
            CHECK(is_one_of(g.why, SENSIBLE, how == WORLD_CLOSE ? 3 : 1));
            check(how != WORLD_CLOSE);
        }
    }
}

/* ----------------------------------------------------------------------------- bending (row V22)
 */

struct span {
    size_t from, to;
    bool attribute;
};

/* Attributes, elements and texts of a well-formed text without comments, written as above. */
static size_t spans_of(struct slice text, struct span *out)
{
    size_t n = 0, open[DEPTH], depth = 0, at = 0;
    while (at < text.len) {
        size_t from = at;
        if (text.ptr[at] != '<') {
            at += slice_find(slice_from(text, at), '<');
            CHECK(n < SPANS);
            out[n++] = (struct span){.from = from, .to = at};
            continue;
        }
        bool end = text.ptr[at + 1] == '/';
        if (!end) {
            CHECK(depth < DEPTH);
            open[depth++] = from;
        }
        while (at < text.len && text.ptr[at] != '>') {
            size_t quote = at + slice_find(slice_from(text, at), '\'');
            size_t stop = at + slice_find(slice_from(text, at), '>');
            if (quote > stop) {
                at = stop;
                break;
            }
            size_t name = quote;
            while (text.ptr[name] != ' ')
                name--;
            at = quote + 1 + slice_find(slice_from(text, quote + 1), '\'') + 1;
            CHECK(n < SPANS);
            out[n++] = (struct span){.from = name, .to = at, .attribute = true};
        }
        if (at == text.len)
            return 0; /* a header, or something else that stays open */
        bool alone = text.ptr[at - 1] == '/';
        at++;
        if (end || alone) {
            CHECK(depth > 0 && n < SPANS);
            out[n++] = (struct span){.from = open[--depth], .to = at};
        }
    }
    return depth == 0 ? n : 0;
}

enum way { LEFT_OUT, EMPTY, TWICE, ODD, LONG, WAYS };

/* What stands in the place of a part. */
static void bend_attribute(struct slice part, enum way way, struct buf *out)
{
    struct slice name = slice_of(part.ptr, slice_find(part, '\'') + 1);
    CHECK(buf_add(out, way == TWICE ? part : SLICE_NONE) == 0);
    CHECK(buf_add(out, way == TWICE ? part : name) == 0);
    for (unsigned i = 0; i < 5000 && way == LONG; i++)
        CHECK(buf_byte(out, 'a') == 0);
    if (way != TWICE)
        CHECK(buf_add(out, way == ODD ? SLICE("-1'") : SLICE("'")) == 0);
}

static void bend_node(struct slice part, enum way way, struct buf *out)
{
    CHECK(buf_add(out, way == TWICE ? part : SLICE("<odd xmlns='odd'>")) == 0);
    CHECK(buf_add(out, way == EMPTY ? SLICE_NONE : part) == 0);
    for (unsigned i = 0; i < 5000 && way == LONG; i++)
        CHECK(buf_byte(out, 'a') == 0);
    if (way != TWICE)
        CHECK(buf_lit(out, "</odd>") == 0);
}

static void bend(struct world *w, struct slice text, struct buf *out)
{
    static struct span spans[SPANS];
    bool this = g.texts++ == g.at;
    size_t n = this ? spans_of(text, spans) : 0;
    (void)w;
    if (!this || g.way >= n * WAYS) {
        CHECK(buf_add(out, text) == 0);
        return;
    }
    struct span s = spans[g.way / WAYS];
    g.bent = true;
    CHECK(buf_append(out, text.ptr, s.from) == 0);
    struct slice part = slice_of(text.ptr + s.from, s.to - s.from);
    enum way way = g.way % WAYS;
    if (way != LEFT_OUT && s.attribute)
        bend_attribute(part, way, out);
    else if (way != LEFT_OUT)
        bend_node(part, way, out);
    CHECK(buf_append(out, text.ptr + s.to, text.len - s.to) == 0);
}

static bool play_bent(unsigned at, unsigned way)
{
    memset(&g, 0, sizeof(g));
    g.rich = true;
    g.at = at;
    g.way = way;
    world_new(&g.w, &BURBLE_CONFIG(.on_event = on_event, .flags = BURBLE_RAW_XML));
    dress_up();
    g.w.bend = bend;
    play();
    bool bent = g.bent;
    check(false);
    return bent;
}

static void V22_everything_bent(void **state)
{
    unsigned variants = 0;
    (void)state;
    play_bent(UINT32_MAX, 0);
    unsigned texts = g.texts;
    for (unsigned at = 0; at < texts; at++)
        for (unsigned way = 0; play_bent(at, way); way++)
            variants++;
    print_message("%u variants of %u texts\n", variants, texts);
    assert_true(variants >= 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C01_a_server_that_ends_at_any_byte),
        cmocka_unit_test(V22_everything_bent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
