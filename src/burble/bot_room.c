/* The rooms of a bot (XEP-0045): it is there for those who call it by its name, or for all that is
 * said with --all, never for itself and for what was said before it came (C10). */
#include "burble/bot.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static void joined(struct burble_room *room, const struct burble_room_joined *j, void *arg)
{
    struct bot *b = arg;
    out_detail(&b->app->out, "in %s as %s", burble_room_jid(room), j->nick);
    bot_pending_again(b, burble_room_jid(room));
}

static void left(struct burble_room *room, const struct burble_room_left *l, void *arg)
{
    struct bot *b = arg;
    if (l->again)
        out_note(&b->app->out, "%s: %s; trying again", burble_room_jid(room), l->text);
    else
        out_error("%s: %s%s%s", burble_room_jid(room), l->text, l->reason != NULL ? ": " : "",
                  l->reason != NULL ? l->reason : "");
}

static void message(struct burble_room *room, const struct burble_room_message *rm, void *arg)
{
    struct bot *b = arg;
    const struct burble_message *m = rm->message;
    if (rm->own || rm->history || rm->nick == NULL || m->body == NULL || b->session->ending)
        return;
    const char *text = rm->private_ ? m->body : bot_addressed(m->body, burble_room_nick(room));
    if (text == NULL && !b->all)
        return;
    /* The address behind the nickname, where the room shows it. */
    const char *jid = rm->occupant != NULL ? rm->occupant->jid : NULL;
    char *bare = jid != NULL ? mem_copy(slice_of(jid, slice_find(slice_z(jid), '/'))) : NULL;
    struct bot_said said = {.message = m,
                            .text = text != NULL ? text : m->body,
                            .to = rm->private_ ? m->from : m->from_bare,
                            .who = bare != NULL ? bare : m->from,
                            .place = m->from_bare,
                            .nick = rm->nick,
                            .overheard = text == NULL};
    bot_heard(b, &said);
    mem_free(bare);
}

int bot_rooms_join(struct bot *b)
{
    const char *room;
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.history_max = -1, .nick = app_option(b->app, "nick"),
                           .handlers = {.joined = joined, .left = left, .message = message},
                           .arg = b);
    if (config.nick == NULL)
        config.nick = b->app->account.nick;
    b->all = app_option(b->app, "all") != NULL;
    for (size_t i = 0; (room = options_get_nth(&b->app->options, "room", i)) != NULL; i++) {
        int err = burble_room_join(b->session->client, room, &config, &b->rooms[b->room_count]);
        if (err != 0)
            return app_fail(b->app,
                            err == ERR_SYNTAX || err == ERR_EXISTS ? EXIT_USAGE : EXIT_REFUSED,
                            "--room %s: %s", room,
                            err == ERR_SYNTAX ? "no address of a room, or no nickname"
                                              : burble_error_text(err));
        b->room_count++;
    }
    return 0;
}

void bot_rooms_leave(struct bot *b)
{
    while (b->room_count > 0)
        burble_room_free(&b->rooms[--b->room_count]);
}

/* The room of ours that an address is, or is in. */
static struct burble_room *room_of(const struct bot *b, const char *to)
{
    struct slice bare = slice_of(to, slice_find(slice_z(to), '/'));
    for (size_t i = 0; i < b->room_count; i++)
        if (slice_eq(slice_z(burble_room_jid(b->rooms[i])), bare))
            return b->rooms[i];
    return NULL;
}

bool bot_in_room(const struct bot *b, const char *to)
{
    return room_of(b, to) != NULL;
}

int bot_say(struct bot *b, const char *to, const char *body, const struct burble_message_options *o)
{
    struct burble_room *room = room_of(b, to);
    const char *nick = strchr(to, '/');
    if (room != NULL && nick != NULL)
        return burble_room_say_to(room, nick + 1, body, o, NULL, NULL);
    if (room != NULL)
        return burble_room_say(room, body, o, NULL, NULL);
    return burble_say(b->session->client, to, body, o, NULL, NULL);
}

int bot_reply(struct bot *b, const char *to, enum burble_message_type type, const char *body)
{
    struct burble_message_options o = {.type = type};
    int err = bot_say(b, to, body, &o);
    if (err != 0)
        out_error("the answer to %s was not sent: %s", to, burble_error_text(err));
    return err;
}
