/* The test's side of a room. */
#include "client/test_room.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static void perhaps_free(struct seen *s)
{
    if (s->free_room)
        burble_room_free(&s->room);
    if (s->free_client)
        burble_free(&s->t.c);
}

static void on_joined(struct burble_room *r, const struct burble_room_joined *e, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "joined %s %zu%s%s%s%s\n", e->nick, e->occupants, e->again ? " again" : "",
             e->created ? " created" : "", e->shows_jids ? " jids" : "",
             e->logged ? " logged" : "");
    perhaps_free(s);
}

static void on_left(struct burble_room *r, const struct burble_room_left *e, void *arg)
{
    struct seen *s = arg;
    test_say(&s->log, "left %s%s reason=%s actor=%s condition=%s other=%s\n", e->text,
             e->again ? ", again" : "", test_or_dash(e->reason), test_or_dash(e->actor),
             test_or_dash(e->condition), test_or_dash(e->alternative));
    if (s->enter_again)
        CHECK(burble_room_enter(r, "other", "better") == 0);
    perhaps_free(s);
}

static void on_changed(struct burble_room *r, const struct burble_room_change *e, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "%s", e->occupant->nick);
    if (e->what & BURBLE_OCCUPANT_JOINED)
        test_say(&s->log, " joined as %s %s jid=%s", burble_role_text(e->occupant->role),
                 burble_affiliation_text(e->occupant->affiliation), test_or_dash(e->occupant->jid));
    if (e->what & BURBLE_OCCUPANT_LEFT)
        test_say(&s->log, " went: %s reason=%s actor=%s", burble_room_why_text(e->why),
                 test_or_dash(e->reason), test_or_dash(e->actor));
    if (e->what & BURBLE_OCCUPANT_NICK)
        test_say(&s->log, " was %s", e->nick_before);
    if (e->what & BURBLE_OCCUPANT_SHOW)
        test_say(&s->log, " is %s (%s)", burble_show_text(e->occupant->show),
                 test_or_dash(e->occupant->status));
    if (e->what & BURBLE_OCCUPANT_ROLE)
        test_say(&s->log, " %s to %s", burble_role_text(e->role_before),
                 burble_role_text(e->occupant->role));
    if (e->what & BURBLE_OCCUPANT_AFFILIATION)
        test_say(&s->log, " %s to %s", burble_affiliation_text(e->affiliation_before),
                 burble_affiliation_text(e->occupant->affiliation));
    test_say(&s->log, "\n");
    perhaps_free(s);
}

static void on_message(struct burble_room *r, const struct burble_room_message *e, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "%s: %s%s%s%s%s", test_or_dash(e->nick), test_or_dash(e->message->body),
             e->own ? " own" : "", e->history ? " history" : "", e->private_ ? " private" : "",
             e->occupant != NULL ? " known" : "");
    if (e->message->type == BURBLE_MESSAGE_ERROR)
        test_say(&s->log, " error %s", e->message->error.condition);
    if (e->message->occupant_id != NULL)
        test_say(&s->log, " id=%s", e->message->occupant_id);
    test_say(&s->log, "\n");
    perhaps_free(s);
}

static void on_subject(struct burble_room *r, const char *subject, const char *nick, bool first,
                       void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "subject %s by %s%s\n", subject, test_or_dash(nick), first ? " first" : "");
    perhaps_free(s);
}

static void on_configured(struct burble_room *r, int shows_jids, int logged, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "configured %d %d\n", shows_jids, logged);
    perhaps_free(s);
}

static void on_declined(struct burble_room *r, const char *jid, const char *reason, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "%s declines: %s\n", jid, test_or_dash(reason));
    perhaps_free(s);
}

void test_room_on_done(struct burble_room *r, const struct burble_room_result *e, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "done %s (%s)\n",
             e->outcome == BURBLE_IQ_RESULT ? "well" : e->error.condition, e->text);
    perhaps_free(s);
}

void test_room_on_item(struct burble_room *r, const struct burble_room_item *e, void *arg)
{
    struct seen *s = arg;
    (void)r;
    test_say(&s->log, "item %s %s %s %s\n", test_or_dash(e->jid), test_or_dash(e->nick),
             burble_affiliation_text(e->affiliation), test_or_dash(e->reason));
    perhaps_free(s);
}

void test_room_on_invitation(struct burble *c, const struct burble_invitation *e, void *arg)
{
    struct seen *s = arg;
    (void)c;
    test_say(&s->log, "invited to %s by %s because %s password=%s%s\n", e->room, e->from,
             test_or_dash(e->reason), test_or_dash(e->password), e->direct ? " directly" : "");
    perhaps_free(s);
}

void test_room_on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct seen *s = arg;
    (void)c;
    s->bad += e->kind == BURBLE_EVENT_BAD;
    if (e->kind == BURBLE_EVENT_MESSAGE)
        test_say(&s->log, "event: %s\n", test_or_dash(e->message->body));
    if (e->kind == BURBLE_EVENT_SENT && e->sent->error != 0)
        s->failed++;
}

struct burble_room_config test_room_config(struct seen *s)
{
    return BURBLE_ROOM_CONFIG(.nick = "me", .arg = s,
                              .handlers = {.joined = on_joined,
                                           .left = on_left,
                                           .changed = on_changed,
                                           .message = on_message,
                                           .subject = on_subject,
                                           .configured = on_configured,
                                           .declined = on_declined});
}

/* Presence from the room: of whom, attributes and content of <item/>, further children of <x/>. */
void test_room_presence(struct seen *s, const char *nick, const char *type, const char *item,
                        const char *more)
{
    char text[TEXT];
    snprintf(text, sizeof(text),
             "<presence from='" ROOM "/%s'%s><x xmlns='" USER "'><item %s/>%s"
             "</x></presence>",
             nick, type, item, more);
    test_receive(&s->t, text);
}

void test_room_ask_in(struct seen *s, const struct burble_room_config *config)
{
    CHECK(burble_room_join(s->t.c, "Talk@MUC.example.org", config, &s->room) == 0);
    test_expect(&s->t, "<presence to='" ROOM "/me'>");
    test_expect(&s->t, "<x xmlns='http://jabber.org/protocol/muc'");
}

void test_room_come_in_with(struct seen *s, const struct burble_room_config *config)
{
    test_room_ask_in(s, config);
    test_room_presence(s, "alice", "", AS_MEMBER, "");
    test_room_presence(s, "me", "", AS_MEMBER, SELF);
    test_receive(&s->t, "<message type='groupchat' from='" ROOM "'><subject/></message>");
    test_told(&s->log, "joined me 2\nsubject  by - first\n");
    (void)test_sent(&s->t);
}

void test_room_come_in(struct seen *s)
{
    struct burble_room_config config = test_room_config(s);
    test_room_come_in_with(s, &config);
}

void test_room_begin(struct seen *s, const char *features)
{
    *s = (struct seen){0};
    test_online_with(&s->t, &BURBLE_CONFIG(.on_event = test_room_on_event, .arg = s), features);
}

void test_room_answer(struct seen *s, const char *id, const char *from, const char *type,
                      const char *payload)
{
    char text[TEXT];
    snprintf(text, sizeof(text), "<iq type='%s' id='%s' from='%s'>%s</iq>", type, id, from,
             payload);
    test_receive(&s->t, text);
}

/* The id of the request that comes next. */
void test_room_id(struct seen *s, char out[64])
{
    snprintf(out, 64, "%s", test_between(&s->t, "id='", "'"));
}
