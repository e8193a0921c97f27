/* Fuzz target of finding and connecting: a DNS and a network that answer anything, in any order, or
 * not at all. The first byte is the configuration, then a letter per event, see play(). Look-ups
 * and connections are each begun once and ended once, at most one connection stands, and within
 * connect_ms it is decided: there is a session, or everything is closed and there is a text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"
#include "burble/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPEN_MAX = 64, RECORDS_MAX = 200, CONNECT_MS = 60000, EVENTS_MAX = 4000 };

struct open {
    enum burble_effect_kind kind;
    uint32_t id;
    bool stands;
};

struct world {
    struct burble *c;
    struct burble_now now;
    uint64_t begun_ms; /* the present search */
    uint32_t last_id;
    struct open open[OPEN_MAX];
    size_t open_count;
    uint8_t next_random;
    struct slice rest; /* of the input */
};

static void fill_counting(void *ctx, void *out, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = w->next_random += 7;
}

static uint8_t byte(struct world *w)
{
    if (w->rest.len == 0)
        return 0;
    uint8_t b = (uint8_t)w->rest.ptr[0];
    w->rest = slice_from(w->rest, 1);
    return b;
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct world *w = arg;
    (void)c;
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    if (e->state->state == BURBLE_RESOLVING)
        w->begun_ms = w->now.mono_ms;
    if (e->state->state == BURBLE_WAITING || e->state->state == BURBLE_OFFLINE) {
        CHECK(e->state->why != BURBLE_WHY_NONE);
        CHECK(e->state->text[0] != '\0' && strlen(e->state->text) < 512);
        CHECK(e->state->state == BURBLE_OFFLINE || !burble_why_permanent(e->state->why));
    }
}

static struct open *find(struct world *w, uint32_t id)
{
    for (size_t i = 0; i < w->open_count; i++)
        if (w->open[i].id == id)
            return &w->open[i];
    return NULL;
}

static void ends(struct world *w, struct open *o)
{
    *o = w->open[--w->open_count];
}

static void collect(struct world *w)
{
    struct burble_effect e;
    const void *data;
    size_t len, standing = 0;
    while (burble_next(w->c, &e)) {
        struct open *o = find(w, e.id);
        if (e.kind == BURBLE_DO_CLOSE || e.kind == BURBLE_DO_CANCEL) {
            /* NULL: the answer and a farewell of the program came at once. */
            CHECK(o == NULL || (o->kind == BURBLE_DO_CONNECT) == (e.kind == BURBLE_DO_CLOSE));
            if (o != NULL)
                ends(w, o);
            continue;
        }
        CHECK(e.id > w->last_id && w->open_count < OPEN_MAX);
        CHECK(e.kind == BURBLE_DO_CONNECT ? e.address.port != 0 : strlen(e.name) < 300);
        w->last_id = e.id;
        w->open[w->open_count++] = (struct open){.kind = e.kind, .id = e.id};
    }
    while ((len = burble_output(w->c, &data, NULL)) > 0)
        burble_wrote(w->c, len);
    for (size_t i = 0; i < w->open_count; i++)
        standing += w->open[i].stands;
    CHECK(standing <= 1);
    enum burble_state state = burble_state(w->c);
    if (state == BURBLE_WAITING || state == BURBLE_OFFLINE)
        CHECK(w->open_count == 0);
    else if (state != BURBLE_ONLINE && state != BURBLE_LEAVING)
        /* A few seconds more for the end of a stream. */
        CHECK(w->now.mono_ms <= w->begun_ms + CONNECT_MS + 5000);
}

static void feed(struct world *w, struct burble_input in)
{
    CHECK(burble_feed(w->c, &in, w->now));
    collect(w);
}

static void pass(struct world *w, uint64_t ms)
{
    uint64_t until = w->now.mono_ms + ms;
    for (unsigned i = 0; burble_deadline(w->c) <= until; i++) {
        CHECK(i < EVENTS_MAX);
        uint64_t at = burble_deadline(w->c);
        w->now.mono_ms = at > w->now.mono_ms ? at : w->now.mono_ms;
        feed(w, (struct burble_input){.kind = BURBLE_IN_TIME});
    }
    w->now.mono_ms = until;
}

/* Records of one byte for priority, weight and port each, and a target from the input. */
static void srv(struct world *w, uint32_t id, size_t n)
{
    static struct burble_srv records[RECORDS_MAX];
    static char names[RECORDS_MAX][64];
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        for (uint8_t b; len < sizeof(names[0]) - 1 && (b = byte(w)) != 0 && b != '\n'; len++)
            names[i][len] = (char)b;
        names[i][len] = '\0';
        records[i] = (struct burble_srv){byte(w), byte(w), byte(w), names[i]};
    }
    feed(w, (struct burble_input){.kind = BURBLE_IN_SRV, .id = id, .srv = records, .count = n});
}

static void host(struct world *w, struct open *o, size_t n, bool more)
{
    struct burble_address list[64] = {0};
    uint32_t id = o->id;
    for (size_t i = 0; i < n; i++) {
        list[i].family = byte(w) % 2 == 0 ? 4 : 6;
        list[i].ip[0] = byte(w);
    }
    if (!more)
        ends(w, o);
    feed(w, (struct burble_input){
                .kind = BURBLE_IN_HOST, .id = id, .addresses = list, .count = n, .more = more});
}

static void bytes(struct world *w, uint32_t id)
{
    size_t len = byte(w) * 4u;
    len = len < w->rest.len ? len : w->rest.len;
    struct slice piece = slice_of(w->rest.ptr, len);
    w->rest = slice_from(w->rest, len);
    feed(w, (struct burble_input){
                .kind = BURBLE_IN_BYTES, .id = id, .data = piece.ptr, .len = piece.len});
}

/* What is open ends somehow, or says something. */
static void answer(struct world *w, struct open *o, uint8_t how)
{
    struct burble_input in = {.id = o->id, .no_name = how == 'n'};
    bool is_srv = o->kind == BURBLE_DO_RESOLVE_SRV;
    if (o->kind == BURBLE_DO_CONNECT && how == 'b' && o->stands) {
        bytes(w, o->id);
    } else if (o->kind == BURBLE_DO_CONNECT && how != 'f' && !o->stands) {
        in.kind = BURBLE_IN_CONNECTED;
        o->stands = true;
        feed(w, in);
    } else if (how == 'f' || how == 'n' || o->kind == BURBLE_DO_CONNECT) {
        in.kind = is_srv                         ? BURBLE_IN_SRV
                  : o->kind == BURBLE_DO_CONNECT ? BURBLE_IN_CLOSED
                                                 : BURBLE_IN_HOST;
        in.failure = "it failed";
        ends(w, o);
        feed(w, in);
    } else if (is_srv) {
        ends(w, o);
        srv(w, in.id, byte(w) % RECORDS_MAX);
    } else {
        host(w, o, byte(w) % 64, how == 'm');
    }
}

static void play(struct world *w)
{
    while (w->rest.len > 0) {
        uint8_t op = byte(w);
        if (op == 't')
            pass(w, byte(w) * 10u);
        else if (op == 'T')
            pass(w, byte(w) * 1000u);
        else if (op == 'c')
            (void)burble_connect(w->c);
        else if (op == 'd')
            burble_disconnect(w->c);
        else if (op == 'x') /* for something that is not there */
            feed(w, (struct burble_input){.kind = (enum burble_input_kind)(byte(w) % 6),
                                          .id = w->last_id + 1 + byte(w)});
        else if (w->open_count > 0)
            answer(w, &w->open[byte(w) % w->open_count], op);
        collect(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now = {.mono_ms = 1, .wall_ms = 1800000000000},
                      .rest = slice_of((const char *)data, size)};
    uint8_t how = byte(&w);
    static const char *const PROXIES[] = {NULL, NULL, "socks5://p:1", "http://[::1]:2"};
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .password = "secret", .on_event = on_event,
                      .arg = &w, .security = (enum burble_security)(how & 3),
                      .proxy = PROXIES[how >> 2 & 3], .host = (how & 0x10) != 0 ? "h" : NULL,
                      .connect_ms = CONNECT_MS,
                      .flags = (how & 0x20) != 0 ? BURBLE_NO_RECONNECT : 0);
    CHECK(burble_new(&config, &w.c) == 0);
    burble_set_outside(w.c, &(struct burble_outside){.random = fill_counting, .ctx = &w});
    CHECK(burble_connect(w.c) == 0);
    pass(&w, 0);
    play(&w);
    /* Nothing is heard any more: it ends by itself, whatever stands. */
    burble_disconnect(w.c);
    pass(&w, CONNECT_MS + 10000);
    CHECK(burble_state(w.c) == BURBLE_OFFLINE && w.open_count == 0);
    burble_free(&w.c);
    return 0;
}
