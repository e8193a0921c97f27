/* Fuzz target of discovery, capabilities, eventing, cards, avatars and bookmarks: a server that
 * says anything to a client that has asked for all of it. Two bytes of what the program does in
 * callbacks; then lines, each fed to the stream as it is, with time passing behind it. All random
 * bytes are 0, so every id is "aaaaaaaaaaaaaaaaaaaaaaaa". */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"
#include "burble/answers.h"
#include "burble/avatar.h"
#include "burble/bookmarks.h"
#include "burble/caps.h"
#include "burble/io.h"
#include "burble/vcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP_MS = 3000 };

struct play {
    struct burble *c;
    struct burble_bookmarks *bookmarks;
    struct burble_now now;
    uint32_t conn;
    unsigned callbacks, act_at;
    uint8_t act;
    unsigned asked, answered;
    bool edited; /* a change of the bookmarks is under way, which goes with them */
};

#define HEADER                                                                                     \
    "<stream:stream from='example.org' id='s' version='1.0' xmlns='jabber:client' "                \
    "xmlns:stream='http://etherx.jabber.org/streams'>"

static void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static void drain(struct play *p)
{
    struct burble_effect e;
    const void *data;
    size_t n;
    while (burble_next(p->c, &e))
        if (e.kind == BURBLE_DO_CLOSE && e.id == p->conn)
            p->conn = 0;
    while ((n = burble_output(p->c, &data, NULL)) > 0)
        burble_wrote(p->c, n);
}

static void feed(struct play *p, struct burble_input in)
{
    if (p->c == NULL)
        return;
    if (burble_feed(p->c, &in, p->now))
        drain(p);
}

static void receive(struct play *p, struct slice bytes)
{
    if (p->conn != 0)
        feed(p, (struct burble_input){
                    .kind = BURBLE_IN_BYTES, .id = p->conn, .data = bytes.ptr, .len = bytes.len});
}

static void on_event(struct burble *c, const struct burble_pubsub_event *e, void *arg);
static void on_avatar(struct burble *c, const struct burble_avatar *a, void *arg);

/* Every callback ends here: one of them does what the input says. */
static void act(struct play *p)
{
    if (++p->callbacks != p->act_at || p->c == NULL)
        return;
    if (p->act & 1)
        burble_bookmarks_free(&p->bookmarks);
    if (p->act & 2)
        burble_off_pubsub_event(p->c, NULL, on_event, p);
    if (p->act & 4)
        burble_off_avatar(p->c, on_avatar, p);
    if (p->act & 8)
        (void)burble_add_feature(p->c, "urn:new");
    if (p->act & 16)
        burble_disconnect(p->c);
    if (p->act & 32)
        burble_free(&p->c);
}

static void answered(struct play *p)
{
    p->answered++;
    CHECK(p->answered <= p->asked);
    act(p);
}

static void on_marked(struct burble *c, const struct burble_iq *a, void *arg)
{
    struct play *p = arg;
    (void)c, (void)a;
    CHECK(p->edited);
    p->edited = false;
    act(p);
}

static void on_info(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    (void)c;
    CHECK(info->features != NULL && info->features[info->feature_count] == NULL);
    for (size_t i = 0; i < info->feature_count; i++)
        CHECK(burble_disco_has(info, info->features[i]));
    for (size_t i = 0; i < info->identity_count; i++)
        CHECK(burble_disco_is(info, info->identities[i].category, info->identities[i].type));
    answered(arg);
}

static void on_items(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    (void)c;
    for (size_t i = 0; i < items->item_count; i++)
        CHECK(items->items[i].jid != NULL);
    answered(arg);
}

static void on_published(struct burble *c, const struct burble_published *p, void *arg)
{
    (void)c;
    CHECK(p->node != NULL);
    answered(arg);
}

static void on_pubsub_items(struct burble *c, const struct burble_pubsub_items *items, void *arg)
{
    (void)c, (void)items;
    answered(arg);
}

static void on_own(struct burble *c, const struct burble_pubsub_own *own, void *arg)
{
    (void)c;
    for (size_t i = 0; i < own->affiliation_count; i++)
        CHECK(own->affiliations[i].node != NULL && own->affiliations[i].affiliation != NULL);
    answered(arg);
}

static void on_config(struct burble *c, const struct burble_iq *a, struct burble_form *form,
                      void *arg)
{
    (void)c;
    CHECK(form == NULL || a->outcome == BURBLE_IQ_RESULT);
    answered(arg);
}

static void on_vcard(struct burble *c, const struct burble_vcard_answer *a, void *arg)
{
    (void)c;
    CHECK(a->vcard.photo_len <= BURBLE_PICTURE_BYTES);
    if (a->outcome == BURBLE_IQ_RESULT)
        (void)burble_vcard_set(c, &a->vcard, NULL, NULL);
    answered(arg);
}

static void on_picture(struct burble *c, const struct burble_picture *a, void *arg)
{
    (void)c;
    CHECK((a->outcome == BURBLE_IQ_RESULT) == (a->data != NULL));
    CHECK(a->data == NULL || (a->len == 5 && memcmp(a->data, "hello", 5) == 0));
    answered(arg);
}

static void on_clock(struct burble *c, const struct burble_clock *t, void *arg)
{
    (void)c;
    CHECK(t->zone_minutes > -1440 && t->zone_minutes < 1440);
    answered(arg);
}

static void on_activity(struct burble *c, const struct burble_activity *a, void *arg)
{
    (void)c, (void)a;
    answered(arg);
}

static void on_software(struct burble *c, const struct burble_software *s, void *arg)
{
    (void)c, (void)s;
    answered(arg);
}

static void on_event(struct burble *c, const struct burble_pubsub_event *e, void *arg)
{
    (void)c;
    CHECK(e->node != NULL && strchr(e->from, '/') == NULL);
    CHECK(e->own == (strcmp(e->from, "me@example.org") == 0));
    act(arg);
}

static void on_avatar(struct burble *c, const struct burble_avatar *a, void *arg)
{
    (void)c;
    CHECK(a->id == NULL || strlen(a->id) == 40);
    act(arg);
}

static void on_changed(struct burble_bookmarks *b, const struct burble_bookmark *k, void *arg)
{
    struct burble_bookmark found;
    CHECK(strchr(k->jid, '/') == NULL && burble_bookmarks_count(b) <= 3);
    CHECK(burble_bookmarks_find(b, k->jid, &found));
    act(arg);
}

static void on_removed(struct burble_bookmarks *b, const char *jid, void *arg)
{
    struct burble_bookmark found;
    CHECK(!burble_bookmarks_find(b, jid, &found));
    act(arg);
}

static void on_ready(struct burble_bookmarks *b, const struct burble_stanza_error *e, void *arg)
{
    struct play *p = arg;
    const struct burble_bookmark k = {.jid = "r@rooms.org", .nick = "n"};
    if (e == NULL && !p->edited)
        p->edited = burble_bookmarks_set(b, &k, on_marked, p) == 0;
    act(p);
}

static void on_known(struct burble *c, const char *jid, void *arg)
{
    const char *first = burble_caps_feature(c, jid, 0);
    CHECK(first == NULL || burble_caps_supports(c, jid, first) == 1);
    act(arg);
}

static void connect(struct play *p)
{
    struct burble_effect e;
    struct burble_address address = {.family = 4, .ip = {192, 0, 2, 1}};
    struct burble_input in = {.kind = BURBLE_IN_TIME};
    CHECK(burble_connect(p->c) == 0);
    while (p->conn == 0) {
        CHECK(burble_feed(p->c, &in, p->now) && burble_next(p->c, &e));
        if (e.kind == BURBLE_DO_CONNECT)
            p->conn = e.id;
        in = (struct burble_input){
            .kind = BURBLE_IN_HOST, .id = e.id, .addresses = &address, .count = 1};
    }
    feed(p, (struct burble_input){.kind = BURBLE_IN_CONNECTED, .id = p->conn});
    receive(p, SLICE(HEADER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                            "<mechanism>PLAIN</mechanism></mechanisms></stream:features>"));
    receive(p, SLICE("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"));
    receive(p, SLICE(HEADER "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                            "</stream:features>"));
    receive(p, SLICE("<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     "<jid>me@example.org/here</jid></bind></iq>"));
    CHECK(burble_state(p->c) == BURBLE_ONLINE);
}

static void begin(struct play *p)
{
    const struct burble_bookmarks_config config =
        BURBLE_BOOKMARKS_CONFIG(.arg = p, .ready = on_ready, .changed = on_changed,
                                .removed = on_removed, .max = 3);
    CHECK(burble_answer_usual(p->c) == 0);
    CHECK(burble_caps_start(p->c, "https://example.org", on_known, p) == 0);
    CHECK(burble_on_pubsub_event(p->c, NULL, BURBLE_EVENTS_NOTIFY, on_event, p) == 0);
    CHECK(burble_on_avatar(p->c, on_avatar, p) == 0);
    CHECK(burble_bookmarks_new(p->c, &config, &p->bookmarks) == 0);
    burble_set_tell(p->c, BURBLE_TELL_ALL);
}

/* Each of another address, named by a letter, so that the input says which it answers. */
static void ask(struct play *p)
{
    static const char ID[] = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    struct burble *c = p->c;
    p->asked = 13; /* all of them are answered, the last when the client goes */
    CHECK(burble_find_service(c, &(struct burble_service){.type = "text"}, on_info, p) == 0);
    CHECK(burble_disco_info(c, "d", NULL, on_info, p, NULL) == 0);
    CHECK(burble_disco_items(c, "i", NULL, NULL, on_items, p, NULL) == 0);
    CHECK(burble_pubsub_items(c, "p", "n", NULL, on_pubsub_items, p, NULL) == 0);
    CHECK(burble_pubsub_subscriptions(c, "s", NULL, on_own, p) == 0);
    CHECK(burble_pubsub_get_config(c, "g", "n", on_config, p) == 0);
    CHECK(burble_vcard_get(c, "v", on_vcard, p, NULL) == 0);
    CHECK(burble_vcard4_get(c, "w", on_vcard, p, NULL) == 0);
    CHECK(burble_avatar_fetch(c, "f", ID, on_picture, p, NULL) == 0);
    CHECK(burble_version_of(c, "n", on_software, p, NULL) == 0);
    CHECK(burble_time_of(c, "t", on_clock, p, NULL) == 0);
    CHECK(burble_last_of(c, "l", on_activity, p, NULL) == 0);
    CHECK(burble_pubsub_publish(c, "u", "n", "i", NULL, burble_pubsub_private(),
                                BURBLE_PUBLISH_CONFIGURE, on_published, p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.now = {.mono_ms = 1, .wall_ms = 1800000000000}};
    if (size < 2)
        return 0;
    p.act = data[0];
    p.act_at = data[1] % 16u;
    struct slice rest = slice_of((const char *)data + 2, size - 2);
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .password = "x", .host = "192.0.2.1",
                      .security = BURBLE_TLS_NONE, .flags = BURBLE_UNSAFE_PLAIN);
    CHECK(burble_new(&config, &p.c) == 0);
    burble_set_outside(p.c, &(struct burble_outside){.random = fill_zero});
    connect(&p);
    begin(&p);
    ask(&p);
    while (rest.len > 0 && p.c != NULL) {
        size_t end = slice_find(rest, '\n');
        receive(&p, slice_of(rest.ptr, end));
        rest = slice_from(rest, end < rest.len ? end + 1 : end);
        p.now.mono_ms += STEP_MS;
        p.now.wall_ms += STEP_MS;
        feed(&p, (struct burble_input){.kind = BURBLE_IN_TIME});
    }
    p.act_at = 0;
    burble_free(&p.c);
    CHECK(p.answered == p.asked);
    return 0;
}
