/* The checker's book, see book.h: receipts of every message on every device, and the judgement. */
#include "book.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum {
    RECEIPT_HANDLED = 1,
    RECEIPT_TOLD = 2,
    RECEIPT_CONFIRMED = 4,
    RECEIPT_FORGOTTEN = 8, /* has to come again */
};

enum { LIST_MIN = 64, MESSAGES_MIN = 4096, COMPLAINTS_MAX = 20 };

static const char *const NAMES[BOOK_VIOLATIONS] = {
    [BOOK_LOST] = "lost",
    [BOOK_UNSETTLED] = "unsettled",
    [BOOK_AGAIN] = "again",
    [BOOK_DOUBLED] = "doubled",
    [BOOK_DISORDER] = "disorder",
    [BOOK_MISPLACED] = "misplaced",
    [BOOK_FOREIGN] = "foreign",
    [BOOK_BOTH] = "bounced_and_delivered",
    [BOOK_WRONG_H] = "wrong_h",
    [BOOK_UNARCHIVED] = "unarchived",
    [BOOK_ARCHIVED_TWICE] = "archived_twice",
};

const char *book_name(enum book_violation v)
{
    return NAMES[v];
}

static void list_push(struct book_list *l, uint32_t item)
{
    if (l->end == l->cap && l->first > l->cap / 2) {
        memmove(l->items, l->items + l->first, (l->end - l->first) * sizeof *l->items);
        l->end -= l->first;
        l->first = 0;
    }
    if (l->end == l->cap) {
        l->cap = l->cap == 0 ? LIST_MIN : 2 * l->cap;
        l->items = mem_resize(l->items, l->cap, sizeof *l->items);
    }
    l->items[l->end++] = item;
}

static uint32_t list_len(const struct book_list *l)
{
    return l->end - l->first;
}

static void list_clear(struct book_list *l)
{
    l->first = l->end = 0;
}

/* Moves everything of `from` behind what is in `to`. */
static void list_move(struct book_list *to, struct book_list *from)
{
    for (uint32_t i = from->first; i < from->end; i++)
        list_push(to, from->items[i]);
    list_clear(from);
}

static void list_free(struct book_list *l)
{
    mem_free(l->items);
    *l = (struct book_list){0};
}

void book_init(struct book *b, uint32_t writers, uint32_t accounts, uint32_t devices)
{
    *b = (struct book){.writers = writers, .accounts = accounts};
    CHECK(writers < accounts);
    b->numbers = mem_array((size_t)writers * accounts, sizeof *b->numbers);
    b->devices = mem_array(devices, sizeof *b->devices);
    b->device_count = 0;
}

void book_free(struct book *b)
{
    for (uint32_t i = 0; i < b->device_count; i++) {
        struct book_device *d = &b->devices[i];
        list_free(&d->recent);
        list_free(&d->told);
        list_free(&d->fenced);
        list_free(&d->expected);
        mem_free(d->next);
    }
    mem_free(b->devices);
    mem_free(b->numbers);
    mem_free(b->messages);
}

struct book_device *book_device(struct book *b, uint32_t account, uint32_t slot)
{
    struct book_device *d = &b->devices[b->device_count++];
    CHECK(account >= b->writers && account < b->accounts && slot < BOOK_DEVICES);
    *d = (struct book_device){.account = account, .slot = slot};
    d->next = mem_array(b->writers, sizeof *d->next);
    return d;
}

static struct book_message *book_at(struct book *b, uint32_t message)
{
    CHECK(message < b->count);
    return &b->messages[message];
}

static void book_violation(struct book *b, enum book_violation v, uint32_t message,
                           const char *what)
{
    uint64_t all = 0;
    b->violations[v]++;
    for (unsigned i = 0; i < BOOK_VIOLATIONS; i++)
        all += b->violations[i];
    if (b->quiet || all > COMPLAINTS_MAX)
        return;
    const struct book_message *m = book_at(b, message);
    fprintf(stderr,
            "checker: %s: message %" PRIu32 ", number %" PRIu32 " of u%" PRIu32 " to u%" PRIu32
            "%s%s%s: %s\n",
            NAMES[v], message, m->number, m->writer, m->reader, m->acked ? ", acknowledged" : "",
            m->bounced ? ", bounced" : "", m->repeated ? ", sent again" : "", what);
}

/* ------------------------------------------------------------------------------- the writer's side
 */

uint32_t book_sent(struct book *b, uint32_t writer, uint32_t reader)
{
    CHECK(writer < b->writers && reader >= b->writers && reader < b->accounts);
    if (b->count == b->cap) {
        b->cap = b->cap == 0 ? MESSAGES_MIN : 2 * b->cap;
        b->messages = mem_resize(b->messages, b->cap, sizeof *b->messages);
    }
    uint32_t *number = &b->numbers[(size_t)writer * b->accounts + reader];
    b->messages[b->count] =
        (struct book_message){.writer = writer, .reader = reader, .number = (*number)++};
    return b->count++;
}

void book_repeated(struct book *b, uint32_t message)
{
    book_at(b, message)->repeated = true;
}

void book_acked(struct book *b, uint32_t message)
{
    book_at(b, message)->acked = true;
}

void book_bounced(struct book *b, uint32_t message, uint32_t account)
{
    if (message >= b->count || b->messages[message].writer != account) {
        book_foreign(b, account, "an error for a message of somebody else's");
        return;
    }
    struct book_message *m = book_at(b, message);
    if (m->bounced && !m->repeated)
        book_violation(b, BOOK_DOUBLED, message, "bounced twice");
    m->bounced = true;
}

/* Violations that are no message's. */
static void book_other(struct book *b, enum book_violation v, uint32_t account, const char *why)
{
    if (b->violations[v]++ < COMPLAINTS_MAX && !b->quiet)
        fprintf(stderr, "checker: %s: u%" PRIu32 ": %s\n", NAMES[v], account, why);
}

void book_wrong_h(struct book *b, uint32_t account)
{
    book_other(b, BOOK_WRONG_H, account, "an h that is too high or went back");
}

void book_foreign(struct book *b, uint32_t account, const char *why)
{
    book_other(b, BOOK_FOREIGN, account, why);
}

/* ------------------------------------------------------------------------------- the reader's side
 */

/* What was forgotten comes first, in order. One complaint for a list is enough. */
static void book_expect(struct book *b, struct book_device *d, uint32_t message)
{
    if (list_len(&d->expected) == 0)
        return;
    uint32_t wanted = d->expected.items[d->expected.first];
    if (wanted == message) {
        d->expected.first++;
        return;
    }
    list_clear(&d->expected);
    book_violation(b, BOOK_MISPLACED, wanted, "should have come again before others");
}

/* The same message once more, and it was not forgotten. */
static void book_repeat(struct book *b, const struct book_device *d, uint32_t message)
{
    const struct book_message *m = book_at(b, message);
    const struct book_receipt *r = &m->receipt[d->slot];
    bool same = r->life == d->life;
    if (m->repeated)
        b->open_repeats++; /* its writer could not do better */
    else if ((r->flags & RECEIPT_CONFIRMED) != 0)
        book_violation(b, BOOK_AGAIN, message, "the acknowledgement was confirmed");
    else if (same && (r->flags & RECEIPT_TOLD) != 0)
        book_violation(b, BOOK_AGAIN, message, "acknowledged in the same session");
    else if (same)
        book_violation(b, BOOK_DOUBLED, message, "in the same session");
    else
        b->open_repeats++; /* the acknowledgement may not have reached the server */
}

void book_arrived(struct book *b, struct book_device *d, uint32_t message)
{
    if (message >= b->count || b->messages[message].reader != d->account) {
        book_foreign(b, d->account, "a message for somebody else");
        return;
    }
    struct book_message *m = book_at(b, message);
    struct book_receipt *r = &m->receipt[d->slot];
    b->arrivals++;
    book_expect(b, d, message);
    if ((r->flags & RECEIPT_HANDLED) == 0) {
        if (m->number < d->next[m->writer])
            book_violation(b, BOOK_DISORDER, message, "a later one has come before");
        else
            d->next[m->writer] = m->number + 1;
    } else if ((r->flags & RECEIPT_FORGOTTEN) == 0) {
        book_repeat(b, d, message);
        r->life = d->life;
        return; /* told stays told */
    }
    *r = (struct book_receipt){.flags = RECEIPT_HANDLED, .life = d->life};
    list_push(&d->recent, message);
}

static void book_mark(struct book *b, const struct book_device *d, const struct book_list *l,
                      uint8_t flag)
{
    for (uint32_t i = l->first; i < l->end; i++)
        book_at(b, l->items[i])->receipt[d->slot].flags |= flag;
}

void book_told(struct book *b, struct book_device *d)
{
    book_mark(b, d, &d->recent, RECEIPT_TOLD);
    list_move(&d->told, &d->recent);
}

void book_fence(struct book_device *d)
{
    list_move(&d->fenced, &d->told);
}

void book_confirmed(struct book *b, struct book_device *d)
{
    book_mark(b, d, &d->fenced, RECEIPT_CONFIRMED);
    list_clear(&d->fenced);
}

void book_unfenced(struct book_device *d)
{
    list_move(&d->fenced, &d->told);
    list_move(&d->told, &d->fenced);
}

void book_forget(struct book *b, struct book_device *d)
{
    book_mark(b, d, &d->recent, RECEIPT_FORGOTTEN);
    b->forgotten += list_len(&d->recent);
    list_move(&d->recent, &d->expected); /* those that had not come a second time yet */
    list_move(&d->expected, &d->recent);
}

void book_new_life(struct book *b, struct book_device *d)
{
    book_forget(b, d);
    list_clear(&d->expected);
    book_unfenced(d);
    d->life++;
}

void book_closed(struct book *b, struct book_device *d)
{
    book_unfenced(d);
    book_fence(d);
    book_confirmed(b, d);
}

void book_in_archive(struct book *b, uint32_t account, uint32_t message)
{
    const struct book_message *m = message < b->count ? &b->messages[message] : NULL;
    if (m == NULL || (m->writer != account && m->reader != account)) {
        book_foreign(b, account, "an archive with a message of others");
        return;
    }
    uint8_t *times = &book_at(b, message)->archived[m->writer == account ? 0 : 1];
    if (++*times == 2 && !m->repeated)
        book_violation(b, BOOK_ARCHIVED_TWICE, message, "in an archive");
}

/* ------------------------------------------------------------------------------------ the
 * judgement
 */

bool book_delivered(const struct book_message *m)
{
    for (unsigned i = 0; i < BOOK_DEVICES; i++)
        if ((m->receipt[i].flags & (RECEIPT_HANDLED | RECEIPT_FORGOTTEN)) == RECEIPT_HANDLED)
            return true;
    return false;
}

uint32_t book_missing(const struct book *b)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct book_message *m = &b->messages[i];
        missing += m->acked && !m->bounced && !book_delivered(m);
    }
    return missing;
}

static void book_judge_one(struct book *b, uint32_t i)
{
    const struct book_message *m = book_at(b, i);
    bool delivered = book_delivered(m);
    bool archived = m->archived[0] > 0 && m->archived[1] > 0;
    if (!m->acked) {
        book_violation(b, BOOK_UNSETTLED, i, "never acknowledged");
        return;
    }
    if (delivered && m->bounced && !m->repeated)
        book_violation(b, BOOK_BOTH, i, "delivered, and told that it was not");
    if (!delivered && !m->bounced && !(b->archive_is_enough && m->archived[1] > 0))
        book_violation(b, BOOK_LOST, i, "came to nobody");
    if (b->archive && !m->bounced && !archived)
        book_violation(b, BOOK_UNARCHIVED, i,
                       m->archived[0] == 0 ? "not in the writer's archive"
                                           : "not in the reader's archive");
}

uint64_t book_judge(struct book *b)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < b->count; i++)
        book_judge_one(b, i);
    for (unsigned v = 0; v < BOOK_VIOLATIONS; v++)
        all += b->violations[v];
    return all;
}
