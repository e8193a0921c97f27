/* `burble chat`: the parts together. */
#ifndef BURBLE_TUI_H
#define BURBLE_TUI_H

#include "burble/room.h"
#include "burble/roster.h"
#include "burble/session.h"
#include "burble/tui_grid.h"
#include "burble/tui_model.h"

struct tui {
    struct app *app;
    struct session session;
    struct tui_model model;
    struct tui_grid grid;
    struct burble_roster *roster;
    bool drawn; /* the screen shows what there is */
    bool redraw;
    char *typing_to; /* who was told that we type; NULL: nobody */
    uint64_t typing_alarm;
    int64_t last_ms; /* when the last message came; 0: none yet */
};

/* The screen has to be drawn again. */
static inline void tui_changed(struct tui *t)
{
    t->drawn = false;
}
int64_t tui_now(const struct tui *t);

/* tui_network.c: what comes, and what is sent. */
extern const struct session_ops TUI_OPS;
/* Before the session begins: 0 or an exit code, having said why. */
int tui_network_start(struct tui *t);
void tui_say(struct tui *t, struct tui_talk *k, const char *text);
/* Says the last own message of the conversation anew. */
void tui_correct(struct tui *t, struct tui_talk *k, const char *text);
/* Shows a conversation; what was unread in it is marked as read at the other side. */
void tui_show(struct tui *t, struct tui_talk *k);
/* Opens and shows it. */
void tui_open(struct tui *t, const char *jid);
void tui_set_status(struct tui *t, enum burble_show show, const char *status);
/* The line changed: tells the other side that we type, or stopped. */
void tui_typing(struct tui *t);

/* tui_rooms.c */
void tui_join(struct tui *t, const char *jid, const char *nick, const char *password);
void tui_leave(struct tui *t, struct tui_talk *k);
void tui_who(struct tui *t, struct tui_talk *k);
int tui_rooms_start(struct tui *t);

/* A message from the archive; false: it was there already. */
bool tui_archived(struct tui *t, struct tui_talk *k, const struct burble_message *m);

/* tui_history.c: older lines from the archive. */
void tui_older(struct tui *t, struct tui_talk *k);
/* What was said while we were away, in all conversations. */
void tui_catch_up(struct tui *t);

/* tui_commands.c: a line that was typed. */
void tui_enter(struct tui *t, const char *line);
void tui_complete(struct tui *t);

/* In the current conversation, or in the status line when there is none. */
void tui_tell(struct tui *t, enum tui_line_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
