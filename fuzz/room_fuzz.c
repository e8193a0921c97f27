/* Fuzz target of rooms and archives: a server that says anything to a client that is in a room, or
 * on its way, and has asked an archive. Two bytes of what the program does in callbacks; then
 * lines, each fed to the stream as it is, with time passing behind it. All random bytes are 0, so
 * every id is "aaaaaaaaaaaaaaaaaaaaaaaa". */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"
#include "burble/archive.h"
#include "burble/io.h"
#include "burble/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP_MS = 3000 };

struct play {
    struct burble *c;
    struct burble_room *room;
    struct burble_now now;
    uint32_t conn;
    unsigned callbacks, act_at;
    uint8_t act;
    bool asking; /* the archive */
};

#define HEADER                                                                                     \
    "<stream:stream from='example.org' id='s' version='1.0' xmlns='jabber:client' "                \
    "xmlns:stream='http://etherx.jabber.org/streams'>"
#define ROOM "talk@muc.example.org"

static void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static void drain(struct play *p)
{
    struct burble_effect e;
    const void *data;
    size_t n;
    while (burble_next(p->c, &e))
        if (e.kind == BURBLE_DO_CLOSE && e.id == p->conn)
            p->conn = 0;
    while ((n = burble_output(p->c, &data, NULL)) > 0)
        burble_wrote(p->c, n);
}

static void feed(struct play *p, struct burble_input in)
{
    if (p->c == NULL)
        return;
    if (burble_feed(p->c, &in, p->now))
        drain(p);
}

static void receive(struct play *p, struct slice bytes)
{
    if (p->conn != 0)
        feed(p, (struct burble_input){
                    .kind = BURBLE_IN_BYTES, .id = p->conn, .data = bytes.ptr, .len = bytes.len});
}

/* Every callback ends here: one of them does what the input says. */
static void act(struct play *p)
{
    if (++p->callbacks != p->act_at)
        return;
    if (p->act & 1)
        burble_room_free(&p->room);
    if (p->act & 2 && p->room != NULL)
        (void)burble_room_leave(p->room, "x");
    if (p->act & 4 && p->room != NULL)
        (void)burble_room_enter(p->room, "other", NULL);
    if (p->act & 8)
        burble_archive_cancel(p->c, 1);
    if (p->act & 8)
        p->asking = false;
    if (p->act & 16)
        burble_free(&p->c);
    if (p->act & 32 && p->room != NULL)
        (void)burble_room_set_nick(p->room, "new", NULL, NULL);
}

static void on_joined(struct burble_room *r, const struct burble_room_joined *e, void *arg)
{
    CHECK(burble_room_state(r) == BURBLE_ROOM_INSIDE);
    CHECK(e->occupants == burble_room_occupants(r));
    act(arg);
}

static void on_left(struct burble_room *r, const struct burble_room_left *e, void *arg)
{
    enum burble_room_state state = burble_room_state(r);
    CHECK(state == (e->again ? BURBLE_ROOM_WAITING : BURBLE_ROOM_OUTSIDE));
    CHECK(e->text != NULL && *e->text != '\0');
    act(arg);
}

static void on_changed(struct burble_room *r, const struct burble_room_change *e, void *arg)
{
    CHECK(burble_room_state(r) == BURBLE_ROOM_INSIDE && e->what != 0);
    CHECK(burble_room_occupant(r, e->occupant->nick) == e->occupant);
    CHECK((e->what & BURBLE_OCCUPANT_NICK) == 0 || e->nick_before != NULL);
    act(arg);
}

static void on_message(struct burble_room *r, const struct burble_room_message *e, void *arg)
{
    size_t len = strlen(burble_room_jid(r));
    CHECK(strncmp(e->message->from, burble_room_jid(r), len) == 0);
    CHECK((e->nick == NULL) == (e->message->from[len] == '\0'));
    CHECK(e->occupant == NULL || strcmp(e->occupant->nick, e->nick) == 0);
    act(arg);
}

static void on_subject(struct burble_room *r, const char *subject, const char *nick, bool first,
                       void *arg)
{
    (void)nick, (void)first;
    CHECK(strcmp(subject, burble_room_subject(r)) == 0);
    act(arg);
}

static void on_configured(struct burble_room *r, int shows_jids, int logged, void *arg)
{
    (void)r;
    CHECK(shows_jids >= -1 && shows_jids <= 1 && logged >= -1 && logged <= 1);
    act(arg);
}

static void on_declined(struct burble_room *r, const char *jid, const char *reason, void *arg)
{
    (void)r, (void)reason;
    CHECK(jid != NULL);
    act(arg);
}

static void on_done(struct burble_room *r, const struct burble_room_result *e, void *arg)
{
    (void)r;
    CHECK((e->outcome == BURBLE_IQ_RESULT) == (*e->text == '\0'));
    act(arg);
}

static void on_item(struct burble_room *r, const struct burble_room_item *e, void *arg)
{
    (void)r, (void)e;
    act(arg);
}

static void on_invitation(struct burble *c, const struct burble_invitation *e, void *arg)
{
    (void)c;
    CHECK(e->room != NULL && e->from != NULL);
    act(arg);
}

static void on_archived(struct burble *c, const struct burble_message *m, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(p->asking && m->origin == BURBLE_ARCHIVED && m->stanza_id != NULL);
    act(p);
}

static void on_archive_done(struct burble *c, const struct burble_archive_result *e, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(p->asking && e->count <= 1000);
    p->asking = false;
    act(p);
}

static void connect(struct play *p)
{
    struct burble_effect e;
    struct burble_address address = {.family = 4, .ip = {192, 0, 2, 1}};
    struct burble_input in = {.kind = BURBLE_IN_TIME};
    CHECK(burble_connect(p->c) == 0);
    while (p->conn == 0) {
        CHECK(burble_feed(p->c, &in, p->now) && burble_next(p->c, &e));
        if (e.kind == BURBLE_DO_CONNECT)
            p->conn = e.id;
        in = (struct burble_input){
            .kind = BURBLE_IN_HOST, .id = e.id, .addresses = &address, .count = 1};
    }
    feed(p, (struct burble_input){.kind = BURBLE_IN_CONNECTED, .id = p->conn});
    receive(p, SLICE(HEADER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                            "<mechanism>PLAIN</mechanism></mechanisms></stream:features>"));
    receive(p, SLICE("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"));
    receive(p, SLICE(HEADER "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                            "</stream:features>"));
    receive(p, SLICE("<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     "<jid>me@example.org/here</jid></bind></iq>"));
    CHECK(burble_state(p->c) == BURBLE_ONLINE);
}

static void ask(struct play *p)
{
    struct burble_room_config config =
        BURBLE_ROOM_CONFIG(.nick = "me", .arg = p, .silence_ms = 10000,
                           .handlers = {.joined = on_joined,
                                        .left = on_left,
                                        .changed = on_changed,
                                        .message = on_message,
                                        .subject = on_subject,
                                        .configured = on_configured,
                                        .declined = on_declined});
    struct burble_archive_query query =
        BURBLE_ARCHIVE_QUERY(.message = on_archived, .done = on_archive_done, .arg = p, .max = 1000,
                             .flags = p->act >> 6);
    CHECK(burble_on_invitation(p->c, on_invitation, p) == 0);
    CHECK(burble_room_join(p->c, ROOM, &config, &p->room) == 0);
    CHECK(burble_archive_query(p->c, &query, NULL) == 0);
    p->asking = true;
    CHECK(burble_room_list(p->room, BURBLE_OWNER, on_item, on_done, p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.now = {.mono_ms = 1, .wall_ms = 1800000000000}};
    if (size < 2)
        return 0;
    p.act = data[0];
    p.act_at = data[1] % 16u;
    struct slice rest = slice_of((const char *)data + 2, size - 2);
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .password = "x", .host = "192.0.2.1",
                      .security = BURBLE_TLS_NONE, .flags = BURBLE_UNSAFE_PLAIN);
    CHECK(burble_new(&config, &p.c) == 0);
    burble_set_outside(p.c, &(struct burble_outside){.random = fill_zero});
    connect(&p);
    ask(&p);
    while (rest.len > 0 && p.c != NULL) {
        size_t end = slice_find(rest, '\n');
        receive(&p, slice_of(rest.ptr, end));
        rest = slice_from(rest, end < rest.len ? end + 1 : end);
        p.now.mono_ms += STEP_MS;
        p.now.wall_ms += STEP_MS;
        feed(&p, (struct burble_input){.kind = BURBLE_IN_TIME});
        CHECK(p.room == NULL || p.c == NULL || burble_room_occupants(p.room) <= 10001);
    }
    p.act_at = 0;
    p.asking = true; /* it may still hear that all is over */
    burble_free(&p.c);
    return 0;
}
