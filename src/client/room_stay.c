/* Being in a room: coming in (XEP-0045 section 7.2), coming back, going out (section 7.14), and
 * asking whether we still are in (XEP-0410 version 1.1.0). One timer, whose meaning is the state's.
 *
 * What was missed is asked for by its age in seconds and not by a stamp: so our clock and the
 * room's need not agree. What comes twice by that is dropped (room_message). */
#include <stdlib.h>
#include <string.h>

#include "client/room.h"
#include "client/text.h"

enum {
    JOIN_MS = 60000,
    LEAVE_MS = 10000,
    PING_MS = 60000,
    DOUBT_MS = 1000,
    RETRY_FIRST_MS = 5000,
    RETRY_MAX_MS = 300000,
    STAYED_MS = 60000,
    NICK_TRIES_MAX = 3,
    OVERLAP_S = 5,
};

static bool online(const struct burble_room *r)
{
    return r->client->state == BURBLE_ONLINE;
}

static void wait_for(struct burble_room *r, uint64_t ms)
{
    client_timer_set(r->client, &r->timer, ms == 0 ? 0 : r->client->now.mono_ms + ms);
}

/* ------------------------------------------------------------------------------------ coming in */

/* How long ago the last message came, by the clock that ran more: one stands still while the
 * machine sleeps, the other may be set. */
static uint64_t missed_s(const struct burble_room *r)
{
    const struct now *now = &r->client->now;
    int64_t wall_ms = now->wall_ms - r->said_wall_ms;
    uint64_t mono_ms = now->mono_ms - r->said_ms;
    uint64_t ms = wall_ms > 0 && (uint64_t)wall_ms > mono_ms ? (uint64_t)wall_ms : mono_ms;
    return ms / 1000 + OVERLAP_S;
}

static void put_history(const struct burble_room *r, struct xml_writer *w)
{
    char stamp[TIME_STAMP_BYTES], number[CLIENT_NUMBER_BYTES];
    bool limited = r->history_max != 0 || r->history_since_ms != 0 || r->was_in;
    if (!limited)
        return;
    xml_open(w, SLICE("history"), SLICE_NONE);
    if (r->history_max < 0)
        xml_attr_put(w, SLICE("maxchars"), SLICE("0"));
    if (r->history_max < 0)
        xml_attr_put(w, SLICE("maxstanzas"), SLICE("0"));
    else if (r->was_in)
        xml_attr_put(w, SLICE("seconds"), client_number(missed_s(r), number));
    else if (r->history_max > 0)
        xml_attr_put(w, SLICE("maxstanzas"), client_number((uint64_t)r->history_max, number));
    if (r->history_since_ms != 0 && r->history_max >= 0 && !r->was_in)
        xml_attr_put(w, SLICE("since"), slice_of(stamp, time_stamp(r->history_since_ms, stamp)));
    xml_close(w);
}

int room_say_presence(struct burble_room *r, struct slice nick, struct slice type,
                      const char *status, bool join)
{
    struct buf full = {0}, b = {0}, extras = {0};
    struct xml_writer w;
    int err = room_address(r, nick, &full);
    if (err != 0) {
        buf_free(&full);
        return err;
    }
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("presence"), SLICE_NONE);
    xml_attr_put(&w, SLICE("to"), slice_z(buf_slice(&full).ptr));
    if (type.len > 0)
        xml_attr_put(&w, SLICE("type"), type);
    if (status != NULL)
        xml_leaf(&w, SLICE("status"), SLICE_NONE, slice_z(status));
    if (type.len == 0 && buf_len(&r->client->presence) > 0)
        xml_raw_put(&w, buf_slice(&r->client->presence));
    if (type.len == 0)
        client_presence_extras(r->client, false, &extras);
    if (buf_len(&extras) > 0)
        xml_raw_put(&w, buf_slice(&extras));
    b.failed |= extras.failed;
    buf_free(&extras);
    if (join) {
        xml_open(&w, SLICE("x"), NS_MUC);
        put_history(r, &w);
        if (r->password != NULL)
            xml_leaf(&w, SLICE("password"), SLICE_NONE, slice_z(r->password));
        xml_close(&w);
    }
    xml_close(&w);
    buf_free(&full);
    return room_send(r, OUTBOX_SESSION, &b);
}

static void fresh_key(struct burble_room *r)
{
    if (r->key.k0 == 0 && r->key.k1 == 0) {
        r->key.k0 = rng_u64(&r->client->rng);
        r->key.k1 = rng_u64(&r->client->rng);
    }
}

void room_begin(struct burble_room *r)
{
    fresh_key(r);
    occupants_clear(r);
    r->gives_ids = false;
    r->created = false;
    r->subject_known = false;
    r->state = BURBLE_ROOM_JOINING;
    if (r->nick_tries == 0)
        (void)client_set(&r->nick, slice_z(r->wanted_nick));
    int err = room_say_presence(r, slice_z(r->nick), SLICE_NONE, NULL, true);
    if (err == 0) {
        wait_for(r, JOIN_MS);
    } else {
        /* No memory, or the session is just ending. */
        r->state = BURBLE_ROOM_WAITING;
        wait_for(r, RETRY_FIRST_MS);
    }
}

/* The nickname is taken: another one, at most three times. */
static bool other_nick(struct burble_room *r)
{
    struct buf nick = {0};
    bool good = (r->flags & BURBLE_ROOM_STRICT_NICK) == 0 && r->nick_tries < NICK_TRIES_MAX;
    if (good) {
        r->nick_tries++;
        buf_add(&nick, slice_z(r->nick));
        buf_byte(&nick, '_');
        good = !nick.failed && client_set(&r->nick, buf_slice(&nick)) == 0;
    }
    buf_free(&nick);
    return good;
}

void room_joined(struct burble_room *r, const struct room_note *note)
{
    struct burble_room_joined e = {.nick = r->nick,
                                   .again = r->was_in,
                                   .created = (note->codes & CODE_CREATED) != 0,
                                   .shows_jids = (note->codes & CODE_SHOWS_JIDS) != 0,
                                   .logged = (note->codes & CODE_LOGGED) != 0,
                                   .occupants = r->occupant_count};
    r->state = BURBLE_ROOM_INSIDE;
    r->was_in = true;
    r->doubt = false;
    r->nick_tries = 0;
    r->joined_ms = r->client->now.mono_ms;
    if (!e.again) {
        r->said_ms = r->client->now.mono_ms;
        r->said_wall_ms = r->client->now.wall_ms;
    }
    wait_for(r, r->silence_ms);
    if (!r->gives_ids)
        occupants_forget_ids(r);
    if (e.created && (r->flags & BURBLE_ROOM_INSTANT) != 0)
        (void)burble_room_accept_defaults(r, NULL, NULL);
    ROOM_TELL(r, joined, &e);
}

/* ------------------------------------------------------------------------------------ going out */

static const char *const TEXTS[] = {
    [BURBLE_ROOM_LEFT] = "left the room",
    [BURBLE_ROOM_KICKED] = "kicked out of the room",
    [BURBLE_ROOM_BANNED] = "banned from the room",
    [BURBLE_ROOM_MEMBERS_ONLY] = "the room is for its members only",
    [BURBLE_ROOM_DESTROYED] = "the room was destroyed",
    [BURBLE_ROOM_SHUTDOWN] = "the room's service is shutting down",
    [BURBLE_ROOM_PROBLEM] = "removed from the room because of a technical problem",
    [BURBLE_ROOM_LOST] = "the connection was lost",
    [BURBLE_ROOM_FORGOTTEN] = "the room does not know us any more",
    [BURBLE_ROOM_PASSWORD] = "the room wants a password, or another one",
    [BURBLE_ROOM_NICK_TAKEN] = "the nickname is taken",
    [BURBLE_ROOM_NICK_REFUSED] = "the room does not accept this nickname",
    [BURBLE_ROOM_FULL] = "the room is full",
    [BURBLE_ROOM_NOT_FOUND] = "the room does not exist, or is not open yet",
    [BURBLE_ROOM_NOT_ALLOWED] = "the service does not let everybody make rooms",
    [BURBLE_ROOM_UNREACHABLE] = "the room's service cannot be reached",
    [BURBLE_ROOM_REFUSED] = "the room refused",
};

const char *burble_room_why_text(enum burble_room_why why)
{
    return (unsigned)why <= BURBLE_ROOM_REFUSED ? TEXTS[why] : "not in the room";
}

/* Will it be tried again? */
static bool comes_back(const struct burble_room *r, enum burble_room_why why, bool wait)
{
    if ((r->flags & BURBLE_ROOM_NO_REJOIN) != 0 || r->state == BURBLE_ROOM_LEAVING)
        return false;
    switch (why) {
    case BURBLE_ROOM_LOST:
    case BURBLE_ROOM_SHUTDOWN:
    case BURBLE_ROOM_PROBLEM:
    case BURBLE_ROOM_FORGOTTEN:
        return true;
    case BURBLE_ROOM_UNREACHABLE:
    case BURBLE_ROOM_FULL:
        return r->was_in;
    default:
        return r->was_in && wait;
    }
}

static uint64_t retry_ms(struct burble_room *r, enum burble_room_why why)
{
    uint64_t wait = RETRY_FIRST_MS;
    if (r->client->now.mono_ms - r->joined_ms >= STAYED_MS && r->state == BURBLE_ROOM_INSIDE)
        r->tries = 0;
    for (uint32_t i = 0; i < r->tries && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    if (why == BURBLE_ROOM_FORGOTTEN && r->tries == 0)
        wait = 0;
    r->tries++;
    return wait == 0 ? 0 : wait / 2 + rng_u64(&r->client->rng) % (wait / 2 + 1);
}

void room_out(struct burble_room *r, struct burble_room_left *left, bool wait)
{
    if (left->why == BURBLE_ROOM_NICK_TAKEN && r->state == BURBLE_ROOM_JOINING && other_nick(r)) {
        room_begin(r);
        return;
    }
    left->again = comes_back(r, left->why, wait);
    if (left->text == NULL)
        left->text = burble_room_why_text(left->why);
    client_timer_stop(&r->timer);
    r->nick_tries = 0;
    r->pinging = false;
    if (left->again) {
        uint64_t ms = retry_ms(r, left->why);
        r->state = BURBLE_ROOM_WAITING;
        if (left->why != BURBLE_ROOM_LOST)
            wait_for(r, ms);
    } else {
        r->state = BURBLE_ROOM_OUTSIDE;
    }
    room_nick_done(r, BURBLE_IQ_GONE, XML_NONE);
    ROOM_TELL(r, left, left);
    /* In the callback it may have been entered again; nobody has come in meanwhile. */
    if (!r->freed && r->state != BURBLE_ROOM_INSIDE)
        occupants_clear(r);
}

int burble_room_leave(struct burble_room *r, const char *status)
{
    if (r->state == BURBLE_ROOM_OUTSIDE || r->state == BURBLE_ROOM_LEAVING)
        return ERR_BUSY;
    bool in = r->state == BURBLE_ROOM_INSIDE || r->state == BURBLE_ROOM_JOINING;
    bool said =
        in && room_say_presence(r, slice_z(r->nick), SLICE("unavailable"), status, false) == 0;
    r->state = BURBLE_ROOM_LEAVING;
    wait_for(r, said ? LEAVE_MS : 0);
    client_wake(r->client);
    return 0;
}

void room_gone(struct burble_room *r)
{
    struct burble_room_left left = {.why = BURBLE_ROOM_LOST};
    r->pinging = false;
    if (r->state == BURBLE_ROOM_OUTSIDE || r->state == BURBLE_ROOM_WAITING)
        return;
    if (r->state == BURBLE_ROOM_LEAVING)
        left.why = BURBLE_ROOM_LEFT;
    room_out(r, &left, true);
}

void room_online(struct burble_room *r, bool resumed)
{
    if (r->state == BURBLE_ROOM_WAITING && (!resumed || !list_linked(&r->timer.link)))
        room_begin(r);
    if (resumed && r->state == BURBLE_ROOM_INSIDE) {
        r->doubt = true;
        wait_for(r, 0);
    }
}

/* ---------------------------------------------------------------------------------- the self-ping
 */

void room_heard(struct burble_room *r)
{
    r->heard_ms = r->client->now.mono_ms;
}

void room_doubt(struct burble_room *r)
{
    if (r->state != BURBLE_ROOM_INSIDE || r->pinging)
        return;
    r->doubt = true;
    wait_for(r, DOUBT_MS);
}

/* What the answer says (XEP-0410 section 3). */
enum verdict { STILL_IN, NOT_IN, UNCLEAR };

static enum verdict judge(struct burble *c, enum burble_iq_outcome outcome, struct xml iq)
{
    struct burble_stanza_error e;
    if (outcome != BURBLE_IQ_ERROR)
        return outcome == BURBLE_IQ_RESULT ? STILL_IN : UNCLEAR;
    client_iq_error(c, outcome, iq, &e);
    switch (stanza_error_read(slice_z(e.condition))) {
    case STANZA_SERVICE_UNAVAILABLE:
    case STANZA_FEATURE_NOT_IMPLEMENTED:
    case STANZA_ITEM_NOT_FOUND:
        return STILL_IN;
    case STANZA_REMOTE_SERVER_NOT_FOUND:
    case STANZA_REMOTE_SERVER_TIMEOUT:
        return UNCLEAR;
    default:
        return NOT_IN;
    }
}

/* arg is a copy of the room's address: the room may be another one by now, or none. */
static void pong(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct rooms *rooms = rooms_of(c);
    struct burble_room *r = rooms != NULL ? room_find(rooms, slice_z(arg)) : NULL;
    free(arg);
    if (r == NULL || !r->pinging)
        return;
    r->pinging = false;
    if (r->state != BURBLE_ROOM_INSIDE)
        return;
    enum verdict verdict = judge(c, outcome, iq);
    struct burble_room_left left = {.why = BURBLE_ROOM_FORGOTTEN};
    if (verdict == NOT_IN)
        room_out(r, &left, true);
    else
        wait_for(r, verdict == STILL_IN ? r->silence_ms : PING_MS);
}

static void ping(struct burble_room *r)
{
    struct buf full = {0};
    char *jid = client_copy(slice_z(r->jid));
    int err = jid != NULL ? room_address(r, slice_z(r->nick), &full) : ERR_MEMORY;
    if (err == 0) {
        struct client_iq iq = {.to = slice_z(buf_slice(&full).ptr),
                               .payload = SLICE("<ping xmlns='urn:xmpp:ping'/>"),
                               .timeout_ms = PING_MS,
                               .fn = pong,
                               .arg = jid};
        err = client_iq_send(r->client, &iq, NULL);
    }
    r->pinging = err == 0;
    r->doubt = r->doubt && err != 0;
    if (err != 0)
        free(jid);
    if (err != 0 && online(r))
        wait_for(r, PING_MS);
    buf_free(&full);
}

/* ------------------------------------------------------------------------------------- the timer
 */

static void silent(struct burble_room *r)
{
    uint64_t quiet = r->client->now.mono_ms - r->heard_ms;
    if (r->pinging)
        return;
    if (r->doubt || quiet >= r->silence_ms)
        ping(r);
    else
        wait_for(r, r->silence_ms - quiet);
}

void room_timer(struct burble *c, struct client_timer *t)
{
    struct burble_room *r = CONTAINER_OF(t, struct burble_room, timer);
    struct burble_room_left left = {.why = BURBLE_ROOM_LEFT};
    (void)c;
    switch (r->state) {
    case BURBLE_ROOM_WAITING:
        if (online(r))
            room_begin(r);
        return;
    case BURBLE_ROOM_JOINING:
        if (!online(r)) {
            wait_for(r, JOIN_MS); /* the session may go on */
            return;
        }
        left.why = BURBLE_ROOM_UNREACHABLE;
        (void)room_say_presence(r, slice_z(r->nick), SLICE("unavailable"), NULL, false);
        room_out(r, &left, true);
        return;
    case BURBLE_ROOM_INSIDE:
        silent(r);
        return;
    case BURBLE_ROOM_LEAVING:
        room_out(r, &left, false);
        return;
    default:
        return;
    }
}
