/* Fuzz target of rooms and archives: a server that says anything to a client that is in a room, or
 * on its way, and has asked an archive (client_player.h). */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "burble/archive.h"
#include "burble/room.h"
#include "client_player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct player player;
    struct burble_room *room;
    bool asking; /* the archive */
};

#define ROOM "talk@muc.example.org"

static void act(struct play *p)
{
    if (!player_acts(&p->player))
        return;
    if (p->player.act & 1)
        burble_room_free(&p->room);
    if (p->player.act & 2 && p->room != NULL)
        (void)burble_room_leave(p->room, "x");
    if (p->player.act & 4 && p->room != NULL)
        (void)burble_room_enter(p->room, "other", NULL);
    if (p->player.act & 8)
        burble_archive_cancel(p->player.c, 1);
    if (p->player.act & 8)
        p->asking = false;
    if (p->player.act & 16)
        burble_free(&p->player.c);
    if (p->player.act & 32 && p->room != NULL)
        (void)burble_room_set_nick(p->room, "new", NULL, NULL);
}

static void on_joined(struct burble_room *r, const struct burble_room_joined *e, void *arg)
{
    CHECK(burble_room_state(r) == BURBLE_ROOM_INSIDE);
    CHECK(e->occupants == burble_room_occupants(r));
    act(arg);
}

static void on_left(struct burble_room *r, const struct burble_room_left *e, void *arg)
{
    enum burble_room_state state = burble_room_state(r);
    CHECK(state == (e->again ? BURBLE_ROOM_WAITING : BURBLE_ROOM_OUTSIDE));
    CHECK(e->text != NULL && *e->text != '\0');
    act(arg);
}

static void on_changed(struct burble_room *r, const struct burble_room_change *e, void *arg)
{
    CHECK(burble_room_state(r) == BURBLE_ROOM_INSIDE && e->what != 0);
    CHECK(burble_room_occupant(r, e->occupant->nick) == e->occupant);
    CHECK((e->what & BURBLE_OCCUPANT_NICK) == 0 || e->nick_before != NULL);
    act(arg);
}

static void on_message(struct burble_room *r, const struct burble_room_message *e, void *arg)
{
    size_t len = strlen(burble_room_jid(r));
    CHECK(strncmp(e->message->from, burble_room_jid(r), len) == 0);
    CHECK((e->nick == NULL) == (e->message->from[len] == '\0'));
    CHECK(e->occupant == NULL || strcmp(e->occupant->nick, e->nick) == 0);
    act(arg);
}

static void on_subject(struct burble_room *r, const char *subject, const char *nick, bool first,
                       void *arg)
{
    (void)nick, (void)first;
    CHECK(strcmp(subject, burble_room_subject(r)) == 0);
    act(arg);
}

static void on_configured(struct burble_room *r, int shows_jids, int logged, void *arg)
{
    (void)r;
    CHECK(shows_jids >= -1 && shows_jids <= 1 && logged >= -1 && logged <= 1);
    act(arg);
}

static void on_declined(struct burble_room *r, const char *jid, const char *reason, void *arg)
{
    (void)r, (void)reason;
    CHECK(jid != NULL);
    act(arg);
}

static void on_done(struct burble_room *r, const struct burble_room_result *e, void *arg)
{
    (void)r;
    CHECK((e->outcome == BURBLE_IQ_RESULT) == (*e->text == '\0'));
    act(arg);
}

static void on_item(struct burble_room *r, const struct burble_room_item *e, void *arg)
{
    (void)r, (void)e;
    act(arg);
}

static void on_invitation(struct burble *c, const struct burble_invitation *e, void *arg)
{
    (void)c;
    CHECK(e->room != NULL && e->from != NULL);
    act(arg);
}

static void on_archived(struct burble *c, const struct burble_message *m, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(p->asking && m->origin == BURBLE_ARCHIVED && m->stanza_id != NULL);
    act(p);
}

static void on_archive_done(struct burble *c, const struct burble_archive_result *e, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(p->asking && e->count <= 1000);
    p->asking = false;
    act(p);
}

static void ask(struct play *p)
{
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.nick = "me", .arg = p, .silence_ms = 10000,
                           .handlers = {.joined = on_joined,
                                        .left = on_left,
                                        .changed = on_changed,
                                        .message = on_message,
                                        .subject = on_subject,
                                        .configured = on_configured,
                                        .declined = on_declined});
    struct burble_archive_query query =
        BURBLE_ARCHIVE_QUERY(.message = on_archived, .done = on_archive_done, .arg = p, .max = 1000,
                             .flags = p->player.act >> 6);
    CHECK(burble_on_invitation(p->player.c, on_invitation, p) == 0);
    CHECK(burble_room_join(p->player.c, ROOM, &config, &p->room) == 0);
    CHECK(burble_archive_query(p->player.c, &query, NULL) == 0);
    p->asking = true;
    CHECK(burble_room_list(p->room, BURBLE_OWNER, on_item, on_done, p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {0};
    struct slice rest = slice_of((const char *)data, size);
    if (!player_begin(&p.player, &rest))
        return 0;
    ask(&p);
    while (player_line(&p.player, &rest))
        CHECK(p.room == NULL || p.player.c == NULL || burble_room_occupants(p.room) <= 10001);
    p.asking = true; /* it may still hear that all is over */
    player_end(&p.player);
    return 0;
}
