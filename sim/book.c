/* The book of a scene: the rules. */
#include "book.h"

#include <stdio.h>

#include "base/check.h"
#include "core/service/archive.h"
#include "core/tail.h"
#include "xmpp/stanza.h"

/* What a device has acknowledged is on the disk after this time: it is written every TAIL_WRITE_MS,
 * and what is being written then goes with the next. */
enum { DURABLE_MS = 2 * TAIL_WRITE_MS };

void book_fail(struct book *b, const char *format, ...)
{
    va_list args;
    if (b->failure[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(b->failure, sizeof(b->failure), format, args);
    va_end(args);
}

static struct note *at(struct book *b, unsigned n)
{
    CHECK(n >= 1 && n <= b->count);
    return &b->notes[n - 1];
}

unsigned book_new(struct book *b, enum note_kind kind, unsigned from, unsigned to, int to_device)
{
    if (b->count == BOOK_NOTES)
        return 0;
    b->notes[b->count] =
        (struct note){.kind = kind, .from = from, .to = to, .to_device = to_device};
    return ++b->count;
}

void book_sent(struct book *b, unsigned n)
{
    struct note *m = at(b, n);
    m->session = b->devices[m->from].session;
    m->tick = ++b->tick;
    m->sends++;
    m->processed++;
}

void book_acked(struct book *b, unsigned n)
{
    at(b, n)->acked = true;
}

void book_resent(struct book *b, unsigned n)
{
    at(b, n)->processed++;
}

/* What has come twice when it was sent again after the process had ended in between: kept ones are
 * known by their number, but for the copies of those that are in no archive, which are made at
 * once. */
static unsigned comes(const struct note *m, const struct arrival *a)
{
    bool known = m->kind == NOTE_KEPT || (m->kind == NOTE_DELIVERY && !a->sent);
    return known ? m->sends : m->processed;
}

static bool is_position(const struct note *m, uint64_t position)
{
    for (unsigned i = 0; i < m->position_count; i++)
        if (m->positions[i] == position)
            return true;
    return false;
}

/* All copies of one message have one stanza-id. */
static void position(struct book *b, unsigned n, uint64_t position)
{
    struct note *m = at(b, n);
    if (position == 0 || is_position(m, position))
        return;
    if (m->position_count < BOOK_SENDS)
        m->positions[m->position_count++] = position;
    if (m->position_count > m->sends)
        book_fail(b, "message %u, sent %u times, has %u stanza-ids", n, m->sends,
                  m->position_count);
}

static void reached(struct book *b, const struct arrival *a)
{
    const struct note *m = at(b, a->n);
    unsigned account = b->devices[a->device].account;
    bool right =
        a->sent ? account == b->devices[m->from].account && a->device != m->from : account == m->to;
    if (!right)
        book_fail(b, "message %u reached device %u", a->n, a->device);
    if (a->role == NOTE_COPY && !b->devices[a->device].carbons)
        book_fail(b, "device %u got a copy of message %u that it did not want", a->device, a->n);
    if (m->kind == NOTE_KEPT && a->position == 0)
        book_fail(b, "message %u has no stanza-id", a->n);
    if (m->kind != NOTE_KEPT && a->position != 0)
        book_fail(b, "message %u has a stanza-id", a->n);
}

/* Messages of a session to an account that are not late come in order. */
static void order(struct book *b, const struct arrival *a)
{
    const struct note *m = at(b, a->n);
    struct book_device *d = &b->devices[a->device];
    if (a->late || a->sent || comes(m, a) > 1)
        return;
    if (d->last_session[m->from] == m->session && d->last[m->from] > a->n)
        book_fail(b, "device %u got message %u behind %u", a->device, a->n, d->last[m->from]);
    d->last_session[m->from] = m->session;
    d->last[m->from] = a->n;
}

/* Is it right that it comes again? */
static void again(struct book *b, const struct arrival *a, const struct note_taking *t)
{
    const struct note *m = at(b, a->n);
    const struct book_device *d = &b->devices[a->device];
    if (t->position != a->position || t->count < comes(m, a))
        return; /* another one with the same text */
    if (t->session == d->session)
        book_fail(b, "message %u came twice to device %u", a->n, a->device);
    else if (t->confirmed_ms != 0)
        book_fail(b, "message %u came again to device %u, which had acknowledged it", a->n,
                  a->device);
}

void book_came(struct book *b, const struct arrival *a)
{
    if (a->n < 1 || a->n > b->count) {
        book_fail(b, "message %u, which nobody sent", a->n);
        return;
    }
    struct note *m = at(b, a->n);
    struct book_device *d = &b->devices[a->device];
    struct note_taking *t = &m->by[a->device][a->role];
    const struct note_taking *other = &m->by[a->device][NOTE_ROLES - 1 - a->role];
    reached(b, a);
    position(b, a->n, a->position);
    if (t->count > 0)
        again(b, a, t);
    else if (!a->sent)
        order(b, a);
    if (other->count > 0 && other->session == d->session && other->position == a->position &&
        comes(m, a) == 1)
        book_fail(b, "message %u came as itself and as a copy to device %u", a->n, a->device);
    *t =
        (struct note_taking){.count = t->count + 1, .session = d->session, .position = a->position};
}

void book_confirmed(struct book *b, const struct arrival *a)
{
    struct note_taking *t = &at(b, a->n)->by[a->device][a->role];
    if (t->session == b->devices[a->device].session && t->position == a->position)
        t->confirmed_ms = world_now(b->world);
}

void book_bounced(struct book *b, unsigned n, unsigned device)
{
    struct note *m = at(b, n);
    m->bounced++;
    if (b->devices[m->from].account != b->devices[device].account)
        book_fail(b, "the error for message %u came to device %u", n, device);
    if ((m->kind == NOTE_KEPT || m->kind == NOTE_DELIVERY) && m->bounced > m->sends)
        book_fail(b, "message %u was bounced %u times", n, m->bounced);
    if (m->kind == NOTE_REQUEST)
        book_answered(b, n, device);
}

void book_answered(struct book *b, unsigned n, unsigned device)
{
    struct note *m = at(b, n);
    m->answered++;
    if (m->from != device)
        book_fail(b, "the answer to request %u came to device %u", n, device);
    if (m->answered > m->processed)
        book_fail(b, "request %u was answered %u times", n, m->answered);
}

void book_missed(struct book *b, unsigned n)
{
    at(b, n)->excused = true;
}

static bool is_volatile(const struct note *m)
{
    return m->kind != NOTE_KEPT && m->kind != NOTE_DELIVERY;
}

void book_session(struct book *b, unsigned device)
{
    struct book_device *d = &b->devices[device];
    for (unsigned i = 0; i < b->count; i++) {
        struct note *m = &b->notes[i];
        bool of_old = m->kind == NOTE_REQUEST && m->to_device == (int)device;
        if (is_volatile(m) && (m->from == device || of_old))
            m->excused = true;
    }
    d->session++;
    d->ready_tick = 0;
}

void book_closes(struct book *b, unsigned device)
{
    for (unsigned i = 0; i < b->count; i++) {
        struct note *m = &b->notes[i];
        if (is_volatile(m) && m->to == b->devices[device].account)
            m->excused = true;
    }
}

void book_crash(struct book *b)
{
    b->tick++;
}

/* Nothing volatile is left, and not all that was acknowledged is known to the disk. */
void book_power_cut(struct book *b)
{
    b->cut_ms = world_now(b->world);
    for (unsigned i = 0; i < b->count; i++) {
        struct note *m = &b->notes[i];
        m->excused |= is_volatile(m);
        for (unsigned d = 0; d < b->device_count; d++)
            for (unsigned r = 0; r < NOTE_ROLES; r++)
                if (m->by[d][r].confirmed_ms + DURABLE_MS >= b->cut_ms)
                    m->by[d][r].confirmed_ms = 0;
    }
}

/* --------------------------------------------------------------------------------------- the end
 */

struct shelf_reader {
    struct book *book;
    unsigned account;
};

static void on_row(void *ctx, const struct store_row *row)
{
    struct shelf_reader *r = ctx;
    struct book *b = r->book;
    struct stanza st;
    unsigned long long n;
    if ((row->labels.flags & ARCHIVE_MARKER) != 0)
        return;
    if (!stanza_decode(row->value, &st) || st.id.len < 2 ||
        !slice_to_u64(slice_from(st.id, 1), &n) || n < 1 || n > b->count) {
        book_fail(b, "the archive has something else at %llu", (unsigned long long)row->position);
        return;
    }
    struct note *m = at(b, (unsigned)n);
    bool hidden = (row->labels.flags & ARCHIVE_HIDDEN) != 0;
    if (hidden != (m->kind != NOTE_KEPT))
        book_fail(b, "message %llu is in the archive, or is not", n);
    if (!hidden)
        position(b, (unsigned)n, row->position);
    if (!hidden && r->account == b->devices[m->from].account)
        m->archived[0]++;
    if (!hidden && r->account == m->to)
        m->archived[1]++;
    if (r->account != m->to && r->account != b->devices[m->from].account)
        book_fail(b, "message %llu is in the archive of account %u", n, r->account);
}

static bool came(const struct book *b, const struct note *m)
{
    for (unsigned d = 0; d < b->device_count; d++)
        for (unsigned r = 0; r < NOTE_ROLES; r++)
            if (b->devices[d].account == m->to && m->by[d][r].count > 0)
                return true;
    return false;
}

static void check_archives(struct book *b, unsigned n, const struct note *m)
{
    for (unsigned i = 0; i < 2; i++) {
        if (m->acked && m->archived[i] == 0 && m->bounced == 0)
            book_fail(b, "message %u is not in the archive of its %s", n,
                      i == 0 ? "sender" : "recipient");
        if (m->archived[i] > m->sends)
            book_fail(b, "message %u is %u times in an archive", n, m->archived[i]);
    }
}

/* Devices whose session was there all the time have all of it. */
static void check_complete(struct book *b, unsigned n, const struct note *m)
{
    for (unsigned i = 0; i < b->device_count; i++) {
        const struct book_device *d = &b->devices[i];
        if (!d->manages || d->ready_tick == 0 || m->tick <= d->ready_tick || i == m->from)
            continue;
        bool mine = m->to == d->account && (m->to_device < 0 || m->to_device == (int)i);
        bool copy =
            d->carbons && (m->to == d->account || b->devices[m->from].account == d->account);
        if ((mine || copy) && m->by[i][0].count + m->by[i][1].count == 0)
            book_fail(b, "device %u was there and did not get message %u", i, n);
    }
}

static void check(struct book *b, unsigned n)
{
    const struct note *m = at(b, n);
    bool arrived = came(b, m), bounced = m->bounced > 0, stored = m->archived[1] > 0;
    switch (m->kind) {
    case NOTE_KEPT:
        check_archives(b, n, m);
        if ((m->acked || stored) && !arrived && !bounced && !m->excused)
            book_fail(b, "message %u was acknowledged or kept, and did not come", n);
        if (stored && m->sends == 1)
            check_complete(b, n, m);
        break;
    case NOTE_DELIVERY:
        if (m->acked && !arrived && !bounced && !m->excused)
            book_fail(b, "message %u was acknowledged, and did not come", n);
        break;
    case NOTE_VOLATILE:
        if (m->acked && !arrived && !bounced && !m->excused)
            book_fail(b, "message %u was acknowledged, and neither came nor was bounced", n);
        break;
    case NOTE_REQUEST:
        if (m->acked && m->answered == 0 && !m->excused)
            book_fail(b, "request %u was acknowledged, and not answered", n);
        break;
    case NOTE_NEWS:
        break;
    }
}

void book_check(struct book *b)
{
    for (unsigned i = 0; i < b->account_count; i++) {
        struct shelf_reader r = {.book = b, .account = i};
        char bare[64];
        snprintf(bare, sizeof(bare), "%s@localhost", b->accounts[i]);
        world_log(b->world, bare, on_row, &r);
    }
    for (unsigned n = 1; n <= b->count; n++)
        check(b, n);
}
