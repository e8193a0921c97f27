/* What `burble chat` knows: contacts, conversations, and what was said in them. Pure. */
#ifndef BURBLE_TUI_MODEL_H
#define BURBLE_TUI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "burble/presence.h"
#include "burble/tui_editor.h"

enum {
    TUI_LINES_MAX = 5000,
    TUI_TALKS_MAX = 1000,
    TUI_BYTES_MAX = 64 << 20, /* of all lines of all conversations */
    TUI_TEXT_MAX = 8192,      /* bytes of a message that are shown (C14) */
    TUI_PEER_BYTES = 512,
};

enum tui_line_kind { TUI_SAID, TUI_REMARK, TUI_FAILURE };

/* How far an own message has come. */
enum tui_mark {
    TUI_MARK_NONE,
    TUI_MARK_WAITS,
    TUI_MARK_SENT,
    TUI_MARK_RECEIVED,
    TUI_MARK_READ,
    TUI_MARK_FAILED
};

struct tui_line {
    enum tui_line_kind kind;
    int64_t stamp_ms;
    bool own, corrected;
    bool fresh; /* it came while another conversation was shown */
    enum tui_mark mark;
    uint64_t ticket;
    char *who, *text;  /* who: as it is shown */
    char *from;        /* who said it: full address in rooms, else the bare one */
    char *id;          /* NULL: none */
    char *archive_id;  /* NULL: none */
    char *occupant_id; /* in rooms; NULL: none */
    bool echo_wanted;  /* said in a room that has not said it back */
    size_t bytes;      /* of its texts */
    bool left;         /* who said it has left the room since, or may have: who has that name now
                          may be somebody else (V61) */
};

struct burble_room;

struct tui_model;

struct tui_talk {
    struct list link;
    struct hnode node;
    struct tui_model *model;
    size_t bytes; /* of its lines */
    char *jid;    /* bare address; of a private conversation in a room: room@service/nick */
    char *title;
    char *short_name; /* what is before the "@" */
    bool room;
    struct burble_room *handle; /* of a room */
    /* A private conversation in a room: its address, the nickname; NULL: it is none. */
    char *in_room, *nick;
    char *peer;              /* by what the room tells who has it (tui_aside.c); NULL: by nothing */
    bool gone;               /* who had it has left, and nothing is sent to who has it now */
    struct tui_line **lines; /* by time */
    size_t count, cap;
    unsigned unread;
    bool mention;                       /* somebody named us */
    char *invited_into, *room_password; /* by them; NULL: into no room, without one */
    bool asks;                          /* to see when we are here; not answered yet */
    bool invited;                       /* we asked to see them: they may see us */
    char *typing;                       /* who does; NULL: nobody */
    char *subject;                      /* of a room */
    size_t occupants;                   /* of a room */
    size_t scroll;                      /* rows up from the end */
    bool asking, at_start;              /* older lines are asked for; there are none */
    size_t older_at; /* behind the last line of this answer, whose order is right even where
                        their times are the same */
    bool climb;      /* and a page of them is to be shown when they are there */
    const struct tui_line *bottom; /* the last line when it was drawn scrolled */
    char *draft;
    /* The other side's last message that wants to be marked as read: its id, its full sender, and
     * what the archive calls it. NULL: none. */
    char *last_id, *last_from, *last_archive_id;
};

struct tui_contact {
    struct hnode node;
    bool listed;      /* the roster that came has it */
    char *jid, *name; /* name: as it is shown */
    bool here;
    enum burble_show show;
    char *status;
};

struct tui_model {
    char *own;              /* bare address */
    const char *connection; /* "online", "connecting" */
    bool online;
    enum burble_show show;
    char *status;
    struct hash_key key;           /* random: strangers choose addresses */
    struct list talks;             /* struct tui_talk, in the order in which they were opened */
    struct hmap talk_map;          /* the same by their addresses */
    struct tui_talk *current;      /* NULL: none */
    size_t bytes;                  /* of the lines of all of them */
    struct tui_contact **contacts; /* by name */
    struct hmap contact_map;       /* the same by their addresses */
    size_t contact_count, contact_cap;
    struct tui_editor editor;
    char *notice;  /* in the status line until something is entered; NULL: none */
    char *trouble; /* why there is no connection, there too; NULL: the keys are shown there */
    char *page;    /* a text instead of contacts and conversation; NULL: none */
    int page_top;  /* its first row that is shown */
    bool bell;     /* to be rung */
    bool pasting;  /* the end of a paste has not come yet */
    bool ending;   /* it waits for the server's farewell */
};

void tui_model_free(struct tui_model *m);

/* NULL: there is none. */
struct tui_talk *tui_talk_find(const struct tui_model *m, const char *jid);
/* Found or made. Where there are TUI_TALKS_MAX, one is closed for it that nobody would miss: read,
 * or else of a stranger, never a room, the current one, or one with something typed in it. NULL:
 * there is none such. */
struct tui_talk *tui_talk_open(struct tui_model *m, const char *jid, bool room);
/* The same for somebody in a room, in private. */
struct tui_talk *tui_talk_open_aside(struct tui_model *m, const char *room, const char *nick);
/* They have another nickname now. */
void tui_aside_rename(struct tui_talk *t, const char *nick);
void tui_talk_close(struct tui_model *m, struct tui_talk *t);
/* It is shown: what was unread is read. May be NULL. */
void tui_talk_show(struct tui_model *m, struct tui_talk *t);
/* A line at its place by time, behind those of the same time; the oldest goes when there are too
 * many, and the oldest of the largest conversation while all together are too large. Texts are
 * copied. */
struct tui_line *tui_line_add(struct tui_talk *t, const struct tui_line *line);
/* The same for older lines, which come in their order: in front of those of the same time. */
struct tui_line *tui_line_add_older(struct tui_talk *t, const struct tui_line *line);
/* It was said at this time, as is known now: it goes behind those of the same time. */
void tui_line_move(struct tui_talk *t, struct tui_line *l, int64_t stamp_ms);
/* A remark of our own at the end. */
struct tui_line *tui_remark(struct tui_talk *t, int64_t now_ms, enum tui_line_kind kind,
                            const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The last line with this id (of ours, or not); NULL. */
struct tui_line *tui_line_find(struct tui_talk *t, const char *id, bool own);
/* Known already: same archive id, or same id of the same sender. */
bool tui_line_known(struct tui_talk *t, const char *from, const char *id, const char *archive_id);
void tui_line_set_text(struct tui_talk *t, struct tui_line *l, const char *text);
/* It came just now: unread where another conversation is shown. */
void tui_news(struct tui_model *m, struct tui_talk *t, struct tui_line *l);
/* Nothing in it is new any more. */
void tui_seen(struct tui_talk *t);

/* Found, or NULL. */
struct tui_contact *tui_contact_find(struct tui_model *m, const char *jid);
/* Found or made; the name is that of the roster, NULL: the address. */
struct tui_contact *tui_contact_set(struct tui_model *m, const char *jid, const char *name);
void tui_contact_remove(struct tui_model *m, const char *jid);
/* All that are not listed go; forget: from now on none is. */
void tui_contacts_forget(struct tui_model *m);
void tui_contacts_sweep(struct tui_model *m);
void tui_contacts_free(struct tui_model *m);
/* What a conversation or address is called. */
const char *tui_name_of(struct tui_model *m, const char *jid);

/* The rows of the list at the left: rooms, conversations with strangers, contacts that are here,
 * those that are not. */
struct tui_entry {
    const char *jid, *name;
    struct tui_talk *talk;             /* NULL: none open */
    const struct tui_contact *contact; /* NULL: none */
};
/* All of them; freed with mem_free. */
struct tui_entry *tui_entries(struct tui_model *m, size_t *count_out);
/* The next conversation with something unread, a mention first; NULL: none. */
struct tui_talk *tui_next_unread(const struct tui_model *m);

void tui_notice(struct tui_model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Replaces *text by a copy; NULL: none. */
void tui_set(char **text, const char *to);

#endif
