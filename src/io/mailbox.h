/* Lock-free mailbox: many threads push, one takes. Intrusive, unbounded (what bounds it is the
 * credit of the senders), FIFO over all producers. Wakes its owner only when it was empty. */
#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "io/waker.h"

/* Embedded in what is sent. Between push and take it belongs to the mailbox. */
struct mailbox_node {
    struct mailbox_node *next;
};

struct mailbox {
    _Alignas(64) _Atomic(struct mailbox_node *) head; /* newest first */
    struct waker *waker;
};

/* waker may be NULL (the owner looks by itself) and must outlive the producers. */
void mailbox_init(struct mailbox *m, struct waker *waker);
/* Any thread. */
void mailbox_push(struct mailbox *m, struct mailbox_node *node);
/* The owner: everything there is, oldest first, linked by next; NULL when empty. */
struct mailbox_node *mailbox_take(struct mailbox *m);
/* Sequentially consistent: the look between waker_rest and the wait. */
bool mailbox_empty(struct mailbox *m);

#endif
