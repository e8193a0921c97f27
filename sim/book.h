/* The book of a scene: what was sent, what came of it, and whether that is right. One rule for
 * messages that the server has acknowledged to their sender (docs/reliability.md): each came to a
 * device of the recipient, or was bounced; none came again to a device that had acknowledged it; it
 * stands once in the archives of both; those of a sender to a recipient came in order; they reached
 * nobody else. */
#ifndef SIM_BOOK_H
#define SIM_BOOK_H

#include "world.h"

enum { BOOK_DEVICES = 16, BOOK_NOTES = 512, BOOK_SENDS = 8 };

enum note_kind {
    NOTE_KEPT,     /* in the log and in both archives */
    NOTE_DELIVERY, /* in the log until it is delivered (no-permanent-store) */
    NOTE_VOLATILE, /* delivered or bounced (no-store) */
    NOTE_NEWS,     /* headline, chat state: delivered or dropped */
    NOTE_REQUEST,  /* an IQ, which is answered */
};

/* How a device got it. */
enum note_role { NOTE_MESSAGE, NOTE_COPY, NOTE_ROLES };

struct note_taking {
    unsigned count;
    unsigned session;      /* the device's, when it came last */
    uint64_t position;     /* its stanza-id; 0: none */
    uint64_t confirmed_ms; /* the server knows that the device has it; 0: it does not */
};

struct note {
    enum note_kind kind;
    unsigned from, to;  /* a device, an account */
    int to_device;      /* of a full address; -1: the bare one */
    unsigned session;   /* the sender's */
    uint64_t tick;      /* when it was sent */
    unsigned sends;     /* as a new stanza */
    unsigned processed; /* so often it may have been taken by the server */
    bool acked;
    bool excused; /* it may be lost: it was, or will be, on a connection or in a session that keeps
                     nothing */
    unsigned bounced, answered;
    struct note_taking by[BOOK_DEVICES][NOTE_ROLES];
    uint64_t positions[BOOK_SENDS]; /* in the log */
    unsigned position_count;
    unsigned archived[2]; /* sender's, recipient's */
};

/* What the book has to know of a device. */
struct book_device {
    unsigned account;
    bool manages; /* XEP-0198 */
    bool carbons;
    bool wants;          /* it is available for messages to its account */
    unsigned session;    /* 1, 2, ... */
    uint64_t ready_tick; /* since then it takes part in what its account gets; 0: it does not */
    unsigned last[BOOK_DEVICES];         /* the newest from each device that was not late */
    unsigned last_session[BOOK_DEVICES]; /* in that session of it */
};

struct book {
    struct world *world;
    uint64_t tick;
    struct note notes[BOOK_NOTES]; /* 1, 2, ... */
    unsigned count;
    struct book_device devices[BOOK_DEVICES];
    unsigned device_count;
    const char *const *accounts; /* names */
    unsigned account_count;
    uint64_t cut_ms; /* the last power cut */
    char failure[300];
};

/* Remembers the first. */
void book_fail(struct book *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A new message or request. 0: the book is full. */
unsigned book_new(struct book *b, enum note_kind kind, unsigned from, unsigned to, int to_device);
/* It is sent as a new stanza in the device's session. */
void book_sent(struct book *b, unsigned n);
void book_acked(struct book *b, unsigned n);
/* It is sent once more with its old number. */
void book_resent(struct book *b, unsigned n);
/* A device got it. */
struct arrival {
    unsigned n, device;
    enum note_role role;
    bool sent;         /* a copy of what another device of the account has sent */
    bool late;         /* it has a stamp */
    uint64_t position; /* of its stanza-id */
};
void book_came(struct book *b, const struct arrival *a);
/* The server knows that the device has what came. */
void book_confirmed(struct book *b, const struct arrival *a);
void book_bounced(struct book *b, unsigned n, unsigned device);
void book_answered(struct book *b, unsigned n, unsigned device);
/* It was written to a connection that keeps nothing, and was not read. */
void book_missed(struct book *b, unsigned n);
/* The device has a new session. Nobody knows what became of what the old one was to get. */
void book_session(struct book *b, unsigned device);
/* The device closes its session in order. */
void book_closes(struct book *b, unsigned device);
/* The process, or the machine, ends. */
void book_crash(struct book *b);
void book_power_cut(struct book *b);
/* At the end, when everything has come to rest. */
void book_check(struct book *b);

#endif
