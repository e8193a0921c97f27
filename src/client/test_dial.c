/* DNS, network and clock of a test of dial. */
#include "client/test_dial.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static void fill_random(void *ctx, void *out, size_t n)
{
    struct test_dial *t = ctx;
    unsigned char *bytes = out;
    for (size_t i = 0; i < n; i++) {
        t->next_random = t->next_random * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(t->next_random >> 24);
    }
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct test_dial *t = arg;
    (void)c;
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    t->state = e->state->state;
    t->why = e->state->why;
    snprintf(t->text, sizeof(t->text), "%s", e->state->text);
    snprintf(t->condition, sizeof(t->condition), "%s",
             e->state->condition != NULL ? e->state->condition : "");
}

static struct test_dial_open *find_id(struct test_dial *t, uint32_t id)
{
    for (size_t i = 0; i < t->open_count; i++)
        if (t->open[i].id == id)
            return &t->open[i];
    return NULL;
}

static void forget(struct test_dial *t, struct test_dial_open *o)
{
    size_t at = (size_t)(o - t->open);
    memmove(o, o + 1, (t->open_count - at - 1) * sizeof(*o));
    t->open_count--;
}

static void opens(struct test_dial *t, const struct burble_effect *e)
{
    CHECK(t->open_count < TEST_DIAL_OPEN);
    CHECK(e->id != 0 && find_id(t, e->id) == NULL);
    struct test_dial_open *o = &t->open[t->open_count++];
    *o = (struct test_dial_open){.kind = e->kind, .id = e->id};
    if (e->kind == BURBLE_DO_CONNECT) {
        char text[INET6_ADDRSTRLEN];
        bool six = e->address.family == 6;
        CHECK(inet_ntop(six ? AF_INET6 : AF_INET, e->address.ip, text, sizeof(text)) != NULL);
        snprintf(o->name, sizeof(o->name), six ? "[%s]:%u" : "%s:%u", text, e->address.port);
        t->attempts++;
    } else {
        snprintf(o->name, sizeof(o->name), "%s", e->name);
        t->look_ups++;
    }
}

static void collect(struct test_dial *t)
{
    struct burble_effect e;
    const void *data;
    size_t len;
    while (burble_next(t->c, &e)) {
        struct test_dial_open *o = find_id(t, e.id);
        if (e.kind == BURBLE_DO_CLOSE) {
            if (o != NULL) { /* or the peer has closed it already */
                CHECK(o->kind == BURBLE_DO_CONNECT);
                forget(t, o);
            }
        } else if (e.kind == BURBLE_DO_CANCEL) {
            CHECK(o != NULL && o->kind != BURBLE_DO_CONNECT);
            forget(t, o);
        } else {
            opens(t, &e);
        }
    }
    while ((len = burble_output(t->c, &data, NULL)) > 0) {
        CHECK(buf_append(&t->sent, data, len) == 0);
        burble_wrote(t->c, len);
    }
}

void dial_feed(struct test_dial *t, const struct burble_input *in)
{
    (void)burble_feed(t->c, in, t->now);
    collect(t);
}

void dial_pass(struct test_dial *t, uint32_t ms)
{
    uint64_t until = t->now.mono_ms + ms;
    static const struct burble_input TIME = {.kind = BURBLE_IN_TIME};
    for (;;) {
        uint64_t at = burble_deadline(t->c);
        if (at > until)
            break;
        if (at > t->now.mono_ms) {
            t->now.wall_ms += (int64_t)(at - t->now.mono_ms);
            t->now.mono_ms = at;
        }
        dial_feed(t, &TIME);
    }
    t->now.wall_ms += (int64_t)(until - t->now.mono_ms);
    t->now.mono_ms = until;
}

void dial_new(struct test_dial *t, const struct burble_config *config)
{
    struct burble_config own = *config;
    *t = (struct test_dial){.now = {.mono_ms = 1000, .wall_ms = 1800000000000}, .next_random = 1};
    own.jid = own.jid != NULL ? own.jid : "me@example.org";
    own.password = "secret";
    own.on_event = on_event;
    own.arg = t;
    CHECK(burble_new(&own, &t->c) == 0);
    burble_set_outside(t->c, &(struct burble_outside){.random = fill_random, .ctx = t});
    CHECK(burble_connect(t->c) == 0);
    dial_pass(t, 0);
}

const char *dial_open(struct test_dial *t)
{
    size_t at = 0;
    t->list[0] = '\0';
    for (size_t i = 0; i < t->open_count; i++) {
        const struct test_dial_open *o = &t->open[i];
        const char *kind = o->kind == BURBLE_DO_RESOLVE_SRV    ? "srv"
                           : o->kind == BURBLE_DO_RESOLVE_HOST ? "host"
                                                               : "connect";
        at += (size_t)snprintf(t->list + at, sizeof(t->list) - at, "%s%s %s", i > 0 ? ", " : "",
                               kind, o->name);
        CHECK(at < sizeof(t->list));
    }
    return t->list;
}

static struct test_dial_open *find_name(struct test_dial *t, const char *name)
{
    for (size_t i = 0; i < t->open_count; i++)
        if (strcmp(t->open[i].name, name) == 0)
            return &t->open[i];
    fprintf(stderr, "%s is not open: %s\n", name, dial_open(t));
    CHECK(!"it is not open");
    return NULL;
}

void dial_srv(struct test_dial *t, const char *name, size_t n, const struct burble_srv *records)
{
    struct test_dial_open *o = find_name(t, name);
    CHECK(o->kind == BURBLE_DO_RESOLVE_SRV);
    struct burble_input in = {.kind = BURBLE_IN_SRV, .id = o->id, .srv = records, .count = n};
    forget(t, o);
    dial_feed(t, &in);
}

void dial_fails(struct test_dial *t, const char *name, const char *failure)
{
    struct test_dial_open *o = find_name(t, name);
    struct burble_input in = {.kind =
                                  o->kind == BURBLE_DO_RESOLVE_SRV ? BURBLE_IN_SRV : BURBLE_IN_HOST,
                              .id = o->id,
                              .failure = failure,
                              .no_name = strcmp(failure, "no such name") == 0};
    CHECK(o->kind != BURBLE_DO_CONNECT);
    forget(t, o);
    dial_feed(t, &in);
}

void dial_host(struct test_dial *t, const char *name, const char *addresses, bool more)
{
    struct burble_address list[64] = {0};
    struct test_dial_open *o = find_name(t, name);
    size_t n = 0;
    CHECK(o->kind == BURBLE_DO_RESOLVE_HOST);
    while (*addresses != '\0') {
        char one[INET6_ADDRSTRLEN];
        size_t len = strcspn(addresses, " ");
        CHECK(len < sizeof(one) && n < sizeof(list) / sizeof(list[0]));
        memcpy(one, addresses, len);
        one[len] = '\0';
        list[n].family = strchr(one, ':') != NULL ? 6 : 4;
        CHECK(inet_pton(list[n].family == 6 ? AF_INET6 : AF_INET, one, list[n].ip) == 1);
        n++;
        addresses += len + (addresses[len] == ' ');
    }
    struct burble_input in = {
        .kind = BURBLE_IN_HOST, .id = o->id, .addresses = list, .count = n, .more = more};
    if (!more)
        forget(t, o);
    dial_feed(t, &in);
}

void dial_connected(struct test_dial *t, const char *address)
{
    buf_clear(&t->sent);
    dial_feed(t,
              &(struct burble_input){.kind = BURBLE_IN_CONNECTED, .id = find_name(t, address)->id});
}

void dial_refused(struct test_dial *t, const char *address)
{
    struct test_dial_open *o = find_name(t, address);
    struct burble_input in = {
        .kind = BURBLE_IN_CLOSED, .id = o->id, .failure = "connection refused"};
    forget(t, o);
    dial_feed(t, &in);
}

void dial_says(struct test_dial *t, const char *address, const char *bytes)
{
    dial_feed(t, &(struct burble_input){.kind = BURBLE_IN_BYTES,
                                        .id = find_name(t, address)->id,
                                        .data = bytes,
                                        .len = strlen(bytes)});
}

void dial_end(struct test_dial *t)
{
    if (burble_state(t->c) == BURBLE_OFFLINE || burble_state(t->c) == BURBLE_WAITING)
        CHECK(t->open_count == 0);
    burble_free(&t->c);
    buf_free(&t->sent);
}
