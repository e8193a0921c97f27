/* A client that is online, and a server that says what the input says. */
#include "client_player.h"

#include <string.h>

#include "base/check.h"

enum { STEP_MS = 3000 };

#define HEADER                                                                                     \
    "<stream:stream from='example.org' id='s' version='1.0' xmlns='jabber:client' "                \
    "xmlns:stream='http://etherx.jabber.org/streams'>"

static void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static void drain(struct player *p)
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

static void feed(struct player *p, struct burble_input in)
{
    if (p->c != NULL && burble_feed(p->c, &in, p->now))
        drain(p);
}

static void receive(struct player *p, struct slice bytes)
{
    if (p->conn != 0)
        feed(p, (struct burble_input){
                    .kind = BURBLE_IN_BYTES, .id = p->conn, .data = bytes.ptr, .len = bytes.len});
}

static void connect(struct player *p)
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

bool player_begin(struct player *p, struct slice *input)
{
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .password = "x", .host = "192.0.2.1",
                      .security = BURBLE_TLS_NONE, .flags = BURBLE_UNSAFE_PLAIN);
    if (input->len < 2)
        return false;
    *p = (struct player){.now = {.mono_ms = 1, .wall_ms = 1800000000000}};
    p->act = (uint8_t)input->ptr[0];
    p->act_at = (uint8_t)input->ptr[1] % 16u;
    *input = slice_from(*input, 2);
    CHECK(burble_new(&config, &p->c) == 0);
    burble_set_outside(p->c, &(struct burble_outside){.random = fill_zero});
    connect(p);
    return true;
}

bool player_line(struct player *p, struct slice *input)
{
    size_t end = slice_find(*input, '\n');
    if (input->len == 0 || p->c == NULL)
        return false;
    receive(p, slice_of(input->ptr, end));
    *input = slice_from(*input, end < input->len ? end + 1 : end);
    p->now.mono_ms += STEP_MS;
    p->now.wall_ms += STEP_MS;
    feed(p, (struct burble_input){.kind = BURBLE_IN_TIME});
    return true;
}

bool player_acts(struct player *p)
{
    return ++p->callbacks == p->act_at && p->c != NULL;
}

void player_end(struct player *p)
{
    p->act_at = 0;
    burble_free(&p->c);
}
