/* Stream management of the bench's clients (XEP-0198, version 1.6), see sm.h. It owns the ids and
 * queues; a server that acknowledges what was never sent, or takes an acknowledgement back, fails
 * the client. */
#include "sm.h"

#include "base/check.h"
#include "base/mem.h"
#include "client.h"

#define SM_NS "urn:xmpp:sm:3"

enum { QUEUE_MIN = 8, ID_BYTES_MAX = 4000 };

void sm_queue_push(struct sm_queue *q, uint64_t tag)
{
    if (q->count == q->cap) {
        uint32_t cap = q->cap == 0 ? QUEUE_MIN : 2 * q->cap;
        uint64_t *tags = mem_array(cap, sizeof *tags);
        for (uint32_t i = 0; i < q->count; i++)
            tags[i] = sm_queue_at(q, i);
        mem_free(q->tags);
        q->tags = tags;
        q->first = 0;
        q->cap = cap;
    }
    q->tags[(q->first + q->count++) & (q->cap - 1)] = tag;
}

uint64_t sm_queue_at(const struct sm_queue *q, uint32_t i)
{
    CHECK(i < q->count);
    return q->tags[(q->first + i) & (q->cap - 1)];
}

uint64_t sm_queue_pop(struct sm_queue *q)
{
    uint64_t tag = sm_queue_at(q, 0);
    q->first = (q->first + 1) & (q->cap - 1);
    q->count--;
    return tag;
}

void sm_queue_free(struct sm_queue *q)
{
    mem_free(q->tags);
    *q = (struct sm_queue){0};
}

static bool sm_h(struct slice unit, uint32_t *h_out)
{
    struct slice text;
    unsigned long long h;
    if (!scan_attr(unit, SLICE("h"), &text) || !slice_to_u64(text, &h) || h > UINT32_MAX)
        return false;
    *h_out = (uint32_t)h;
    return true;
}

/* Section 4: h counts modulo 2^32, never backwards, never beyond what was sent. */
static bool sm_acked(struct client *c, uint32_t h)
{
    struct sm *sm = &c->sm;
    uint32_t n = h - sm->out_h;
    if (n > sm->unacked.count)
        return false;
    sm->out_h = h;
    while (n-- > 0) {
        uint64_t tag = sm_queue_pop(&sm->unacked);
        if (tag >= SM_OWN && c->bench->ops->acked != NULL)
            c->bench->ops->acked(c, tag);
    }
    return true;
}

void sm_enable(struct client *c)
{
    struct sm *sm = &c->sm;
    buf_clear(&sm->id);
    sm->asked = false;
    sm->in_h = sm->in_told = sm->out_h = 0;
    sm_queue_free(&sm->unacked);
    client_send(c, SLICE("<enable xmlns='" SM_NS "' resume='true'/>"));
}

bool sm_enabled(struct client *c, struct slice unit)
{
    struct slice id;
    if (!scan_is(unit, SLICE("enabled")) || !scan_attr(unit, SLICE("id"), &id) || id.len == 0 ||
        id.len > ID_BYTES_MAX)
        return false;
    CHECK(buf_add(&c->sm.id, id) == 0);
    c->sm.on = true;
    return true;
}

bool sm_resumable(const struct client *c)
{
    return buf_len(&c->sm.id) > 0;
}

/* The id is written as it came, entities and all; only the quote is chosen to fit. */
void sm_resume(struct client *c)
{
    struct slice id = buf_slice(&c->sm.id);
    char quote = slice_find(id, '\'') < id.len ? '"' : '\'';
    if (c->bench->ops->telling != NULL)
        c->bench->ops->telling(c);
    c->sm.in_told = c->sm.in_h;
    buf_printf(&c->out, "<resume xmlns='" SM_NS "' h='%u' previd=%c%.*s%c/>", c->sm.in_h, quote,
               SLICE_ARG(id), quote);
}

bool sm_resumed(struct client *c, struct slice unit)
{
    uint32_t h;
    c->sm.on = true;
    c->sm.asked = false;
    return sm_h(unit, &h) && sm_acked(c, h);
}

/* The session is no more. */
static void sm_abandon(struct client *c)
{
    struct sm *sm = &c->sm;
    while (sm->unacked.count > 0) {
        uint64_t tag = sm_queue_pop(&sm->unacked);
        if (tag >= SM_OWN)
            sm_queue_push(&sm->orphans, tag);
    }
    buf_clear(&sm->id);
}

bool sm_refused(struct client *c, struct slice unit)
{
    uint32_t h;
    if (sm_h(unit, &h) && !sm_acked(c, h))
        return false;
    sm_abandon(c);
    return true;
}

void sm_wrong(struct client *c, struct slice unit)
{
    if (c->bench->ops->wrong_h != NULL)
        c->bench->ops->wrong_h(c);
    sm_abandon(c);
    client_fail(c, "a wrong acknowledgement:", unit);
}

/* Everything is pushed again, whether or not the connection breaks meanwhile: it is behind out_h.
 */
static void sm_resend(struct client *c, struct sm_queue *q)
{
    for (uint32_t n = q->count; n > 0; n--) {
        uint64_t tag = sm_queue_pop(q);
        if (tag == SM_NOTHING)
            continue;
        if (tag == SM_PRESENCE)
            client_send(c, SLICE("<presence/>"));
        else if (c->bench->ops->resend != NULL)
            c->bench->ops->resend(c, tag, q == &c->sm.orphans);
        sm_queue_push(&c->sm.unacked, tag);
    }
}

void sm_again(struct client *c, bool resumed)
{
    if (resumed)
        sm_resend(c, &c->sm.unacked);
    sm_resend(c, &c->sm.orphans);
}

void sm_sent(struct client *c, uint64_t tag)
{
    if (c->sm.on)
        sm_queue_push(&c->sm.unacked, tag);
}

bool sm_unit(struct client *c, struct slice unit)
{
    struct sm *sm = &c->sm;
    uint32_t h;
    if (scan_is(unit, SLICE("r"))) {
        if (c->bench->ops->asked == NULL || !c->bench->ops->asked(c))
            sm_tell(c);
        return true;
    }
    if (scan_is(unit, SLICE("a"))) {
        sm->asked = false;
        if (!sm_h(unit, &h) || !sm_acked(c, h))
            sm_wrong(c, unit);
        return true;
    }
    if (scan_is(unit, SLICE("message")) || scan_is(unit, SLICE("presence")) ||
        scan_is(unit, SLICE("iq")))
        sm->in_h++;
    return false;
}

void sm_ask(struct client *c)
{
    c->sm.asked = true;
    client_send(c, SLICE("<r xmlns='" SM_NS "'/>"));
}

void sm_tell(struct client *c)
{
    if (c->bench->ops->telling != NULL)
        c->bench->ops->telling(c);
    c->sm.in_told = c->sm.in_h;
    buf_printf(&c->out, "<a xmlns='" SM_NS "' h='%u'/>", c->sm.in_h);
}

void sm_forget(struct client *c)
{
    struct sm *sm = &c->sm;
    sm->on = sm->asked = false;
    buf_clear(&sm->id);
    sm_queue_free(&sm->unacked);
}

void sm_free(struct client *c)
{
    buf_free(&c->sm.id);
    sm_queue_free(&c->sm.unacked);
    sm_queue_free(&c->sm.orphans);
}
