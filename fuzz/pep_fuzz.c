/* Fuzz target of discovery, capabilities, eventing, cards, avatars and bookmarks: a server that
 * says anything to a client that has asked for all of it (client_player.h). */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "burble/answers.h"
#include "burble/avatar.h"
#include "burble/bookmarks.h"
#include "burble/caps.h"
#include "burble/vcard.h"
#include "client_player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct player player;
    struct burble_bookmarks *bookmarks;
    unsigned asked, answered;
    bool edited; /* a change of the bookmarks is under way, which goes with them */
};

static void on_event(struct burble *c, const struct burble_pubsub_event *e, void *arg);
static void on_avatar(struct burble *c, const struct burble_avatar *a, void *arg);

static void act(struct play *p)
{
    if (!player_acts(&p->player))
        return;
    if (p->player.act & 1)
        burble_bookmarks_free(&p->bookmarks);
    if (p->player.act & 2)
        burble_off_pubsub_event(p->player.c, NULL, on_event, p);
    if (p->player.act & 4)
        burble_off_avatar(p->player.c, on_avatar, p);
    if (p->player.act & 8)
        (void)burble_add_feature(p->player.c, "urn:new");
    if (p->player.act & 16)
        burble_disconnect(p->player.c);
    if (p->player.act & 32)
        burble_free(&p->player.c);
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

static void begin(struct play *p)
{
    const struct burble_bookmarks_config config =
        BURBLE_BOOKMARKS_CONFIG(.arg = p, .ready = on_ready, .changed = on_changed,
                                .removed = on_removed, .max = 3);
    CHECK(burble_answer_usual(p->player.c) == 0);
    CHECK(burble_caps_start(p->player.c, "https://example.org", on_known, p) == 0);
    CHECK(burble_on_pubsub_event(p->player.c, NULL, BURBLE_EVENTS_NOTIFY, on_event, p) == 0);
    CHECK(burble_on_avatar(p->player.c, on_avatar, p) == 0);
    CHECK(burble_bookmarks_new(p->player.c, &config, &p->bookmarks) == 0);
    burble_set_tell(p->player.c, BURBLE_TELL_ALL);
}

/* Each of another address, named by a letter, so that the input says which it answers. */
static void ask(struct play *p)
{
    static const char ID[] = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    struct burble *c = p->player.c;
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
    struct play p = {0};
    struct slice rest = slice_of((const char *)data, size);
    if (!player_begin(&p.player, &rest))
        return 0;
    begin(&p);
    ask(&p);
    while (player_line(&p.player, &rest))
        continue;
    player_end(&p.player);
    CHECK(p.answered == p.asked);
    return 0;
}
