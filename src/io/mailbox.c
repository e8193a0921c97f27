/* Lock-free mailbox: a stack that producers push to with compare-and-swap and that the owner takes
 * as a whole and turns round. Taking everything at once leaves no ABA problem. */
#include "io/mailbox.h"

#include <stddef.h>

void mailbox_init(struct mailbox *m, struct waker *waker)
{
    atomic_init(&m->head, NULL);
    m->waker = waker;
}

void mailbox_push(struct mailbox *m, struct mailbox_node *node)
{
    struct mailbox_node *head = atomic_load_explicit(&m->head, memory_order_relaxed);
    do {
        node->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&m->head, &head, node, memory_order_seq_cst,
                                                    memory_order_relaxed));
    if (head == NULL && m->waker != NULL)
        waker_wake(m->waker);
}

struct mailbox_node *mailbox_take(struct mailbox *m)
{
    if (atomic_load_explicit(&m->head, memory_order_relaxed) == NULL)
        return NULL;
    struct mailbox_node *node = atomic_exchange_explicit(&m->head, NULL, memory_order_acquire);
    struct mailbox_node *first = NULL;
    while (node != NULL) {
        struct mailbox_node *older = node->next;
        node->next = first;
        first = node;
        node = older;
    }
    return first;
}

bool mailbox_empty(struct mailbox *m)
{
    return atomic_load(&m->head) == NULL;
}
