/* `burble chat`: the parts together. */
#ifndef BURBLE_TUI_H
#define BURBLE_TUI_H

#include "burble/chat.h"
#include "burble/room.h"
#include "burble/roster.h"
#include "burble/session.h"
#include "burble/tui_grid.h"
#include "burble/tui_model.h"
#include "burble/tui_paste.h"
#include "burble/tui_terminal.h"

struct tui {
    struct app *app;
    struct session session;
    struct tui_model model;
    struct tui_grid grid;
    struct tui_paste paste;
    struct burble_roster *roster;
    struct burble_chat *chat;
    bool drawn; /* the screen shows what there is */
    bool redraw;
    char *typing_to; /* who was told that we type; NULL: nobody */
    uint64_t typing_alarm;
    int signals;       /* signalfd(2) of those that concern the screen; -1: none */
    int complaints;    /* what is written to standard error; -1: it goes where it went */
    struct buf errors; /* of that, each line once */
    int64_t last_ms;   /* until when we know what was said; 0: there was no session */
    char *last_id;     /* what the archive calls the last message; NULL: not known */
};

/* The screen has to be drawn again. */
static inline void tui_changed(struct tui *t)
{
    t->drawn = false;
}
int64_t tui_now(const struct tui *t);

/* tui_network.c: what comes. */
extern const struct session_ops TUI_OPS;
/* A message that came is shown, if it was not already. */
void tui_said(struct tui *t, struct tui_talk *k, const struct burble_message *m, bool own);
/* An own line came back with an error. */
void tui_not_delivered(struct tui *t, struct tui_talk *k, struct tui_line *l,
                       const struct burble_message *m);
/* A correction by whom may do it (V61) is made. False: it is a message of its own. */
bool tui_correction(struct tui_talk *k, const struct burble_message *m, bool own);
/* What comes from the archive. news: it was said while we were away. */
void tui_archived(struct tui *t, struct tui_talk *k, const struct burble_message *m, bool news);

/* tui_send.c: what goes out. */
/* False: it is not sent, which was said. */
bool tui_say(struct tui *t, struct tui_talk *k, const char *text);
/* Says the last own message of the conversation anew. */
void tui_correct(struct tui *t, struct tui_talk *k, const char *text);
/* Shows a conversation; what was unread in it is marked as read at the other side. */
void tui_show(struct tui *t, struct tui_talk *k);
/* Opens and shows it; says so when that is no address. */
void tui_open(struct tui *t, const char *typed);
void tui_set_status(struct tui *t, enum burble_show show, const char *status);
/* The line changed: tells the other side that we type, or stopped. */
void tui_typing(struct tui *t);

/* cmd_chat.c */
void tui_draw_now(struct tui *t);
/* Gives the terminal back to the shell until it lets us go on. */
void tui_suspend(struct tui *t);

/* tui_keys.c */
void tui_key(struct tui *t, struct tui_key k);
/* A page up or down; at the top older messages are asked for. */
void tui_scroll(struct tui *t, bool up);

/* tui_people.c. Before the session begins: 0 or an exit code, having said why. */
int tui_network_start(struct tui *t);
/* The bare address that was typed, prepared, with a "@"; freed with mem_free. NULL: none. */
char *tui_address(const char *typed);
/* The same of the first word. */
char *tui_address_in(const char *text);

/* tui_rooms.c */
void tui_join(struct tui *t, const char *typed, const char *nick, const char *password);
void tui_leave(struct tui *t, struct tui_talk *k);
void tui_who(struct tui *t, struct tui_talk *k);
int tui_rooms_start(struct tui *t);

/* tui_aside.c: private conversations in rooms. */
/* "NICK [TEXT]" in a room, or "room@service/nick [TEXT]": shows the conversation, and says the
 * text. False: that is not meant. */
bool tui_aside_open(struct tui *t, const char *text);
/* With whoever has the nickname now. NULL: too many conversations. */
struct tui_talk *tui_aside_begin(struct tui *t, struct tui_talk *room, const char *nick);
/* Not 0: it is not sent, which was said. */
int tui_aside_say(struct tui *t, const struct tui_talk *k, const char *text,
                  const struct burble_message_options *o, char *id_out);
/* False: it is no private one, or nothing is known of it. */
bool tui_aside_heard(struct tui *t, struct tui_talk *room, const struct burble_room_message *r);
/* The private conversation to which a copy or an archived message belongs. NULL: to none. */
struct tui_talk *tui_aside_of(struct tui *t, const struct burble_message *m, bool own, bool open);
void tui_aside_changed(struct tui *t, struct tui_talk *room, const struct burble_room_change *c);
void tui_aside_left(struct tui *t, const struct tui_talk *room);
void tui_aside_joined(struct tui *t, const struct tui_talk *room);

/* tui_history.c: older lines from the archive; climb: a page of them is shown when they are there.
 */
void tui_older(struct tui *t, struct tui_talk *k, bool climb);
/* What was said while we were away, in all conversations. */
void tui_catch_up(struct tui *t);
/* Nothing that is missing is older than this message. */
void tui_note_last(struct tui *t, const struct burble_message *m);
/* When it was said; what is live, or has a stamp from the future, is said now. */
int64_t tui_stamp(const struct tui *t, const struct burble_message *m);

/* tui_commands.c: a line that was typed. */
void tui_enter(struct tui *t, const char *line);
void tui_complete(struct tui *t);

/* In the current conversation, or in the status line when there is none. */
void tui_tell(struct tui *t, enum tui_line_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
