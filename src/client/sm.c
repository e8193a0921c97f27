/* Stream management (XEP-0198 version 1.6.3): what was handled on each side, and a session that
 * goes on over a lost connection.
 *
 * Asking: one <r/> for all messages of a turn, and none while one is open, so that a burst of any
 * length costs one question per round trip; what nobody waits for (presence, requests) is asked
 * about a second later. Telling: <a/> at each <r/>, after TELL_STANZAS without one, and at the end.
 * With BURBLE_ACK_SAVED the program saves first, at the end of the turn, and what is told is what
 * was saved: never more than another process can know.
 *
 * How long the server keeps a session (max) is not looked at: the attempt to resume one that is
 * gone costs a round trip, and may tell how much the server had.
 *
 * Both counters wrap at 2^32; they are compared by their distance. */
#include "client/sm.h"

#include <stdlib.h>

#include "client/client.h"
#include "client/text.h"

enum { ASK_MS = 1000, ASK_STANZAS = 32, TELL_STANZAS = 64, ID_BYTES_MAX = 8192 };

static void ask_due(struct burble *c, struct client_timer *t)
{
    (void)t;
    if (c->stream.state == STREAM_ENABLE)
        client_fail(c, BURBLE_WHY_TIMEOUT, NULL, NULL);
    else
        c->sm.ask = true;
}

void client_sm_init(struct burble *c)
{
    c->ask_timer.fire = ask_due;
}

static bool number(struct slice text, uint32_t *out)
{
    unsigned long long n;
    if (!slice_to_u64(text, &n) || n > UINT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

bool client_sm_can_resume(const struct burble *c)
{
    return c->sm.id != NULL;
}

bool client_sm_offered(const struct burble *c)
{
    return (c->setup.config.flags & BURBLE_NO_RESUME) == 0 &&
           xml_some(xml_child(stream_features(c), NS_SM, SLICE("sm")));
}

void client_sm_forget(struct burble *c)
{
    free(c->sm.id);
    free(c->sm.jid);
    free(c->sm.location);
    c->sm = (struct sm){0};
}

void client_sm_lost(struct burble *c)
{
    c->sm.on = c->sm.ask = c->sm.asked = c->sm.owes = false;
}

void client_sm_enable(struct burble *c)
{
    client_sm_forget(c);
    client_link_write(c, SLICE("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"));
    stream_change_state(c, STREAM_ENABLE);
    client_timer_set(c, &c->ask_timer, c->now.mono_ms + c->setup.config.answer_ms);
}

void client_sm_write_resume(struct burble *c, struct buf *out)
{
    buf_lit(out, "<resume xmlns='urn:xmpp:sm:3'");
    (void)buf_printf(out, " h='%u'", c->sm.in_h);
    xml_write_attr(out, SLICE("previd"), slice_z(c->sm.id));
    buf_lit(out, "/>");
    c->sm.in_told = c->sm.in_h; /* also what is not saved: this process has it */
}

void client_sm_resume(struct burble *c)
{
    struct buf b = {0};
    client_sm_write_resume(c, &b);
    client_link_write_built(c, &b);
}

static bool by_save(const struct burble *c)
{
    return (c->setup.config.flags & BURBLE_ACK_SAVED) != 0;
}

/* How much may be told. */
static uint32_t had(const struct burble *c)
{
    const struct sm *sm = &c->sm;
    bool more = by_save(c) && (int32_t)(sm->in_told - sm->in_saved) < 0;
    return !by_save(c) ? sm->in_h : more ? sm->in_saved : sm->in_told;
}

void client_sm_say_count(struct burble *c)
{
    struct buf b = {0};
    char digits[CLIENT_NUMBER_BYTES];
    if (!c->sm.on || c->link.state != LINK_OPEN)
        return;
    c->sm.in_told = had(c);
    buf_lit(&b, "<a xmlns='urn:xmpp:sm:3'");
    xml_write_attr(&b, SLICE("h"), client_number(c->sm.in_told, digits));
    buf_lit(&b, "/>");
    client_link_write_built(c, &b);
}

void client_sm_saving(struct burble *c)
{
    c->sm.in_given = c->sm.in_h;
}

void burble_saved(struct burble *c)
{
    c->sm.in_saved = c->sm.in_given;
}

void client_sm_keep(struct burble *c)
{
    if (!by_save(c) || c->sm.in_saved == c->sm.in_h)
        return;
    c->sm.in_due = c->sm.in_h;
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SAVE});
}

/* ------------------------------------------------------------------------------- what it has of us
 */

enum verdict { GOOD, NO_NUMBER, BACKWARDS, TOO_MUCH };

/* The server says how much it has. */
static enum verdict settle(struct burble *c, struct xml x)
{
    uint32_t h;
    if (!number(xml_attr(x, SLICE("h")), &h))
        return NO_NUMBER;
    uint32_t more = h - c->sm.out_h;
    if (outbox_acked(c, more))
        return GOOD;
    return more > UINT32_MAX / 2 ? BACKWARDS : TOO_MUCH;
}

/* The counters are of no use any more, and the session neither; there will be another one, in which
 * what is not acknowledged is said again. */
static void liar(struct burble *c, enum verdict verdict)
{
    struct buf app = {0};
    if (verdict == TOO_MUCH)
        (void)buf_printf(&app, "<handled-count-too-high xmlns='urn:xmpp:sm:3' send-count='%u'/>",
                         c->sm.out_h + outbox_unacked(c));
    client_sm_forget(c);
    client_fail_stream_app(c, BURBLE_WHY_BAD_XML, SLICE("undefined-condition"),
                           app.failed ? SLICE_NONE : buf_slice(&app),
                           verdict == TOO_MUCH ? "the server acknowledges what was never sent"
                           : verdict == BACKWARDS
                               ? "the server has forgotten what it had acknowledged"
                               : "the server acknowledges without a number");
    buf_free(&app);
}

static void acknowledged(struct burble *c, struct xml x)
{
    enum verdict verdict = settle(c, x);
    c->sm.asked = false;
    /* One that is older than the last says nothing. */
    if (verdict != GOOD && verdict != BACKWARDS)
        liar(c, verdict);
    else if (outbox_unacked(c) == 0)
        client_timer_stop(&c->ask_timer); /* nothing is left to be asked about */
    else if (!list_linked(&c->ask_timer.link))
        client_timer_set(c, &c->ask_timer, c->now.mono_ms + ASK_MS); /* it was asked too soon */
}

/* ------------------------------------------------------------------------------------- a session
 */

void client_sm_take_enabled(struct burble *c, struct xml x)
{
    struct slice id = xml_attr(x, SLICE("id")), resume = xml_attr(x, SLICE("resume"));
    struct slice location = xml_attr(x, SLICE("location"));
    c->sm.on = true;
    /* The server counts from here (section 4). */
    c->sm.in_h = c->sm.in_told = c->sm.in_given = c->sm.in_saved = c->sm.in_due = 0;
    if (id.len == 0 || id.len > ID_BYTES_MAX ||
        (!slice_is(resume, "true") && !slice_is(resume, "1")))
        return;
    c->sm.id = client_copy(id);
    c->sm.jid = client_copy(slice_z(c->jid));
    if (location.len > 0 && location.len <= ID_BYTES_MAX)
        c->sm.location = client_copy(location);
    c->sm.direct = c->link.direct_tls;
    if (c->sm.jid != NULL)
        return;
    free(c->sm.id); /* for want of memory it goes without resumption */
    c->sm.id = NULL;
}

static void enabled(struct burble *c, struct xml x)
{
    client_sm_take_enabled(c, x);
    client_timer_stop(&c->ask_timer);
    stream_change_state(c, STREAM_READY);
    c->sm.ask = outbox_unacked(c) > 0;
    if (c->sm.id != NULL)
        client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SAVE});
}

/* Who was saved before the end of its process may know of less than was sent. Then the server has
 * all that is known. */
static void catch_up(struct burble *c, struct xml x)
{
    uint32_t h = 0;
    (void)number(xml_attr(x, SLICE("h")), &h);
    (void)outbox_acked(c, outbox_unacked(c));
    c->sm.out_h = h;
}

void client_sm_take_resumed(struct burble *c, struct xml x)
{
    struct slice previd = xml_attr(x, SLICE("previd"));
    bool restored = c->sm.restored;
    if (previd.ptr != NULL && !slice_eq(previd, slice_z(c->sm.id))) {
        client_sm_forget(c);
        client_fail_stream(c, BURBLE_WHY_BAD_XML, SLICE("undefined-condition"),
                           "the server resumed another session than ours");
        return;
    }
    enum verdict verdict = settle(c, x);
    c->sm.restored = false;
    if (verdict == TOO_MUCH && restored) {
        catch_up(c, x);
    } else if (verdict != GOOD) {
        liar(c, verdict);
        return;
    }
    c->sm.on = true;
    if (c->outbox_blamed)
        outbox_suspect(c);
    session_resumed(c);
    if (restored)
        client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_SAVE});
}

void client_sm_take_failed(struct burble *c, struct xml x)
{
    bool restored = c->sm.restored;
    enum verdict verdict = settle(c, x); /* what it has will not be said again */
    if (verdict == TOO_MUCH && restored)
        catch_up(c, x);
    if (c->outbox_blamed)
        outbox_suspect(c);
    client_sm_forget(c);
    client_gone(c);
}

static void failed(struct burble *c, struct xml x)
{
    if (c->stream.state == STREAM_ENABLE) {
        client_timer_stop(&c->ask_timer);
        stream_change_state(c, STREAM_READY); /* we do without */
        return;
    }
    client_sm_take_failed(c, x);
    stream_establish(c);
}

void client_sm_element(struct burble *c, struct xml x)
{
    struct slice name = xml_name(x);
    enum stream_state state = c->stream.state;
    if (slice_is(name, "r") && by_save(c)) {
        c->sm.owes = true;
    } else if (slice_is(name, "r")) {
        client_sm_say_count(c);
    } else if (slice_is(name, "a") && c->sm.on) {
        acknowledged(c, x);
    } else if (slice_is(name, "enabled") && state == STREAM_ENABLE) {
        enabled(c, x);
    } else if (slice_is(name, "resumed") && state == STREAM_RESUME) {
        client_sm_take_resumed(c, x);
    } else if (slice_is(name, "failed") && (state == STREAM_RESUME || state == STREAM_ENABLE)) {
        failed(c, x);
    }
}

/* ----------------------------------------------------------------------------------- the counters
 */

void client_sm_count_in(struct burble *c)
{
    c->sm.in_h++;
}

void client_sm_uncount_in(struct burble *c)
{
    c->sm.in_given -= c->sm.in_given == c->sm.in_h;
    c->sm.in_saved -= c->sm.in_saved == c->sm.in_h;
    c->sm.in_due -= c->sm.in_due == c->sm.in_h;
    c->sm.in_h--;
}

void client_sm_sent(struct burble *c, bool urgent)
{
    if (urgent || outbox_unacked(c) >= ASK_STANZAS)
        c->sm.ask = true;
    else if (!list_linked(&c->ask_timer.link))
        client_timer_set(c, &c->ask_timer, c->now.mono_ms + ASK_MS);
}

/* A server that has not answered for so long is asked again; one that is silent altogether is
 * alive.c's. */
static bool may_ask(const struct burble *c)
{
    return !c->sm.asked || c->now.mono_ms - c->sm.asked_ms >= c->setup.config.silence_ms;
}

static bool stands(const struct burble *c)
{
    return c->sm.on && c->stream.state == STREAM_READY && c->link.state == LINK_OPEN;
}

static void tell(struct burble *c)
{
    struct sm *sm = &c->sm;
    if (by_save(c) && (sm->owes || sm->in_h - sm->in_due >= TELL_STANZAS))
        client_sm_keep(c);
    if (!client_stops(c) && (sm->owes || had(c) - sm->in_told >= TELL_STANZAS))
        client_sm_say_count(c);
    sm->owes = false;
}

void client_sm_turn(struct burble *c)
{
    if (!stands(c))
        return;
    tell(c);
    if (!c->sm.ask || !may_ask(c))
        return;
    client_timer_stop(&c->ask_timer);
    c->sm.ask = false;
    c->sm.asked = true;
    c->sm.asked_ms = c->now.mono_ms;
    client_link_write(c, SLICE("<r xmlns='urn:xmpp:sm:3'/>"));
}
