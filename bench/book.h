/* The checker's book: what became of every message, by what its writer and its reader saw, and what
 * of that a server must not do (docs/reliability.md). It knows nothing of connections and asks no
 * server: it can be tested alone.
 *
 * A message is acknowledged when the server's h covers it. A reader's session has *handled* it when
 * it came; has *told* so when it sent an h that covers it; that is *confirmed* when the server has
 * answered something that was sent behind it. A session that resumes another is the same session. A
 * reader may forget what it has handled and not told, as a program that is killed does: then it has
 * to come again, first and in the same order. */
#ifndef BENCH_BOOK_H
#define BENCH_BOOK_H

#include <stdbool.h>
#include <stdint.h>

enum { BOOK_DEVICES = 2 }; /* sessions of a reader at most */

struct book_receipt {
    uint8_t flags;
    uint16_t life; /* the session's, in which it came last */
};

struct book_message {
    uint32_t writer; /* account */
    uint32_t reader;
    uint32_t number;     /* of this writer's to this reader */
    bool acked;          /* by the server to the writer */
    bool bounced;        /* came back with an error */
    bool repeated;       /* sent again in another session: the server cannot know that it is */
    uint8_t archived[2]; /* times, in the writer's archive, in the reader's */
    struct book_receipt receipt[BOOK_DEVICES];
};

/* Numbers of messages. */
struct book_list {
    uint32_t *items;
    uint32_t first; /* those before are gone */
    uint32_t end;
    uint32_t cap;
};

/* One of a reader's devices. */
struct book_device {
    uint32_t account;
    uint32_t slot;             /* among the account's devices */
    uint16_t life;             /* grows with each session that does not resume another */
    struct book_list recent;   /* handled, not told */
    struct book_list told;     /* not confirmed */
    struct book_list fenced;   /* told before the request whose answer confirms */
    struct book_list expected; /* forgotten: has to come next */
    uint32_t *next;            /* by writer: the lowest number that has not come */
};

enum book_violation {
    BOOK_LOST,       /* acknowledged, and neither handled by a reader nor bounced */
    BOOK_UNSETTLED,  /* never acknowledged */
    BOOK_AGAIN,      /* came to a device that had acknowledged it */
    BOOK_DOUBLED,    /* came twice in one session */
    BOOK_DISORDER,   /* came before one of the same writer's that was sent earlier */
    BOOK_MISPLACED,  /* after a resumption: not what had to be sent again */
    BOOK_FOREIGN,    /* came to somebody else, or from, or is not what was sent */
    BOOK_BOTH,       /* bounced and delivered */
    BOOK_WRONG_H,    /* an acknowledgement that cannot be */
    BOOK_UNARCHIVED, /* acknowledged, not bounced, and not in both archives */
    BOOK_ARCHIVED_TWICE,
    BOOK_VIOLATIONS,
};

struct book {
    struct book_message *messages;
    uint32_t count;
    uint32_t cap;
    uint32_t writers;
    uint32_t *numbers; /* by writer and reader: messages so far */
    uint32_t accounts;
    struct book_device *devices;
    uint32_t device_count;
    bool quiet;             /* complains of nothing: for tests */
    bool archive;           /* both archives have to hold everything */
    bool archive_is_enough; /* to be handled from the archive */
    uint64_t arrivals;
    uint64_t open_repeats; /* came again, and nobody did wrong: see book_arrived */
    uint64_t forgotten;
    uint64_t violations[BOOK_VIOLATIONS];
};

/* The name of a violation, for the verdict. */
const char *book_name(enum book_violation v);

/* Accounts 0..writers-1 write, the others up to accounts-1 read. */
void book_init(struct book *b, uint32_t writers, uint32_t accounts, uint32_t devices);
void book_free(struct book *b);
/* The next device; its address stays. */
struct book_device *book_device(struct book *b, uint32_t account, uint32_t slot);

/* The writer's side. Returns the message's number. */
uint32_t book_sent(struct book *b, uint32_t writer, uint32_t reader);
void book_repeated(struct book *b, uint32_t message);
void book_acked(struct book *b, uint32_t message);
void book_bounced(struct book *b, uint32_t message, uint32_t account);
void book_wrong_h(struct book *b, uint32_t account);
void book_foreign(struct book *b, uint32_t account, const char *why);

/* The reader's side. */
void book_arrived(struct book *b, struct book_device *d, uint32_t message);
void book_told(struct book *b, struct book_device *d);
/* A request goes out behind what has been told; its answer has come; it never will. */
void book_fence(struct book_device *d);
void book_confirmed(struct book *b, struct book_device *d);
void book_unfenced(struct book_device *d);
/* The device forgets what it has not told. */
void book_forget(struct book *b, struct book_device *d);
/* A session begins that does not resume the last one. */
void book_new_life(struct book *b, struct book_device *d);
/* The server has ended the stream in order, behind the last h. */
void book_closed(struct book *b, struct book_device *d);

void book_in_archive(struct book *b, uint32_t account, uint32_t message);

/* Acknowledged, not bounced, and not handled by any device: how many; handled by one, and not
 * bounced. */
uint32_t book_missing(const struct book *b);
bool book_delivered(const struct book_message *m);

/* When everything is over: counts what is lost, unsettled, both, and not archived. The number of
 * all violations. */
uint64_t book_judge(struct book *b);

#endif
