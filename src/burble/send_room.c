/* burble send --room. */
#include "burble/send_room.h"

#include <string.h>

#include "burble/room.h"

/* The room, or a server on the way to it, is given up after so long without what was asked. */
enum { PATIENCE_MS = 30000 };

static void give_up(struct send_room *r, const char *why, const char *reason)
{
    struct session *s = r->session;
    if (!s->ending)
        session_end(s, app_fail(s->app, EXIT_REFUSED, "%s: %s%s%s", r->jid, why,
                                reason != NULL ? ": " : "", reason != NULL ? reason : ""));
}

/* Where there is no room nobody answers on some servers. */
static void too_late(void *arg)
{
    struct send_room *r = arg;
    struct session *s = r->session;
    if (!s->ending)
        session_end(s, app_fail(s->app, EXIT_UNREACHABLE,
                                "%s: no answer; is it the address of a room?", r->jid));
}

static void joined(struct burble_room *room, const struct burble_room_joined *j, void *arg)
{
    struct send_room *r = arg;
    (void)j;
    int err = burble_room_say(room, r->text, r->options, NULL, r->id);
    if (err != 0)
        give_up(r, burble_error_text(err), NULL);
}

static void left(struct burble_room *room, const struct burble_room_left *l, void *arg)
{
    (void)room;
    give_up(arg, l->text, l->reason);
}

static void message(struct burble_room *room, const struct burble_room_message *said, void *arg)
{
    struct send_room *r = arg;
    const struct burble_message *m = said->message;
    struct buf text = {0};
    if (m->id == NULL || strcmp(m->id, r->id) != 0 || r->session->ending)
        return;
    if (said->own) {
        session_end(r->session, EXIT_DONE);
        (void)burble_room_leave(room, NULL);
    } else if (m->type == BURBLE_MESSAGE_ERROR) {
        session_error_text(&m->error, &text);
        (void)buf_byte(&text, '\0');
        give_up(r, text.failed ? m->error.condition : text.ptr, NULL);
        buf_free(&text);
    }
}

void send_room_begin(struct send_room *r)
{
    struct burble_room *room;
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.nick = r->session->app->account.nick, .history_max = -1, .arg = r,
                           .flags = BURBLE_ROOM_NO_REJOIN | BURBLE_ROOM_INSTANT,
                           .handlers = {.joined = joined, .left = left, .message = message});
    int err = burble_room_join(r->session->client, r->jid, &config, &room);
    if (err == 0)
        err = burble_loop_alarm(r->session->loop, PATIENCE_MS, too_late, r, NULL);
    if (err != 0)
        give_up(r, err == BURBLE_ERR_SYNTAX ? "no address of a room" : burble_error_text(err),
                NULL);
}
