/* Fuzz target of logging in: a server that says anything, from its header to the session and over
 * reconnects. The first byte is the configuration; 0xFF breaks the connection, and what follows is
 * said on the next one. The password is never shown, nobody gets in who proves nothing where only
 * proof is taken, and what is to outlive the process can be read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/io.h"
#include "client/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SECURE = 1, REGISTER = 2, NO_PLAIN = 4, TOKEN = 8, INACTIVE = 16, PIECES = 32 };

#define STATE                                                                                      \
    "<auth xmlns='urn:burble:state:auth' agent='d4565fa7-4d72-4749-b3d3-740edbf87770'>"            \
    "<token mechanism='HT-SHA-256-NONE' expiry-ms='9000000000000' count='7' token='hush-hush'/>"   \
    "</auth>"

struct world {
    struct burble *c;
    struct burble_now now;
    uint8_t config;
    uint32_t conn; /* 0: none */
    uint8_t next_random;
};

static void fill_counting(void *ctx, void *out, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = w->next_random += 7;
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    const struct world *w = arg;
    if (e->kind == BURBLE_EVENT_XML && e->xml->out)
        CHECK(memmem(e->xml->text, e->xml->len, "pass/word", 9) == NULL &&
              memmem(e->xml->text, e->xml->len, "cGFzcy93b3Jk", 12) == NULL);
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    CHECK(strlen(e->state->text) < 512 && strstr(e->state->text, "pass/word") == NULL);
    if (e->state->state == BURBLE_ONLINE)
        CHECK((w->config & NO_PLAIN) == 0 && burble_mechanism(c) != NULL);
    if (e->state->state == BURBLE_WAITING || e->state->state == BURBLE_OFFLINE)
        CHECK(e->state->why != BURBLE_WHY_NONE && e->state->text[0] != '\0');
}

static void feed(struct world *w, struct burble_input in);

static void answer(struct world *w, const struct burble_effect *e)
{
    static const struct burble_address HERE = {.family = 4, .ip = {127, 0, 0, 1}};
    struct burble_input in = {.id = e->id};
    if (e->kind == BURBLE_DO_RESOLVE_HOST) {
        in.kind = BURBLE_IN_HOST;
        in.addresses = &HERE;
        in.count = 1;
        feed(w, in);
    } else if (e->kind == BURBLE_DO_CONNECT) {
        in.kind = BURBLE_IN_CONNECTED;
        w->conn = e->id;
        feed(w, in);
        /* As if there were TLS; without a wire there is nothing to bind to. */
        w->c->link.secure = w->c->link.state == LINK_OPEN && (w->config & SECURE) != 0;
    } else if (e->kind == BURBLE_DO_CLOSE && e->id == w->conn) {
        w->conn = 0;
    }
}

static void feed(struct world *w, struct burble_input in)
{
    const void *data;
    size_t len;
    struct burble_effect e;
    CHECK(burble_feed(w->c, &in, w->now));
    while ((len = burble_output(w->c, &data, NULL)) > 0)
        burble_wrote(w->c, len);
    while (burble_next(w->c, &e))
        answer(w, &e);
}

static void settle(struct world *w)
{
    for (unsigned i = 0; burble_deadline(w->c) <= w->now.mono_ms; i++) {
        CHECK(i < 1000);
        feed(w, (struct burble_input){.kind = BURBLE_IN_TIME});
    }
}

static void say(struct world *w, const uint8_t *data, size_t len)
{
    size_t most = (w->config & PIECES) != 0 ? 5 : len;
    while (len > 0 && w->conn != 0) {
        size_t n = len < most ? len : most;
        feed(w,
             (struct burble_input){.kind = BURBLE_IN_BYTES, .id = w->conn, .data = data, .len = n});
        settle(w);
        data += n;
        len -= n;
    }
}

static void lose(struct world *w)
{
    uint32_t id = w->conn;
    w->conn = 0;
    if (id != 0)
        feed(w, (struct burble_input){.kind = BURBLE_IN_CLOSED, .id = id, .failure = "gone"});
    w->now.mono_ms += 300000;
    w->now.wall_ms += 300000;
    settle(w);
}

static void load(struct burble *c, struct slice text)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree;
    CHECK(xml_parse(text, SLICE_NONE, &limits, &tree) == XML_OK);
    CHECK(auth_load(c, xml_root(tree)) == 0);
    xml_tree_free(&tree);
}

static void save(const struct burble *c, struct buf *out)
{
    struct xml_writer w;
    xml_writer_init(&w, out, SLICE_NONE);
    auth_save(c, &w);
}

static struct burble *client(struct world *w)
{
    static const uint8_t FLAGS[] = {REGISTER, NO_PLAIN};
    static const unsigned MEANS[] = {BURBLE_REGISTER, BURBLE_REFUSE_PLAIN};
    struct burble *c;
    unsigned flags = BURBLE_RAW_XML | BURBLE_ALLOW_DIGEST_MD5;
    if ((w->config & NO_PLAIN) == 0)
        flags |= BURBLE_UNSAFE_PLAIN;
    for (size_t i = 0; i < sizeof(FLAGS); i++)
        if ((w->config & FLAGS[i]) != 0)
            flags |= MEANS[i];
    CHECK(burble_new(&BURBLE_CONFIG(.jid = "me@example.org", .password = "pass/word",
                                    .host = "here.example", .security = BURBLE_TLS_NONE,
                                    .flags = flags, .on_event = on_event, .arg = w),
                     &c) == 0);
    burble_set_outside(c, &(struct burble_outside){.random = fill_counting, .ctx = w});
    return c;
}

static void check_saved(struct world *w)
{
    struct buf first = {0}, second = {0};
    struct burble *other = client(w);
    save(w->c, &first);
    load(other, buf_slice(&first));
    save(other, &second);
    CHECK(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_free(&first);
    buf_free(&second);
    burble_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct world w = {.now = {.mono_ms = 1000, .wall_ms = 1800000000000}, .config = data[0]};
    data++;
    size--;
    w.c = client(&w);
    if ((w.config & TOKEN) != 0)
        load(w.c, SLICE(STATE));
    if ((w.config & INACTIVE) != 0)
        burble_set_active(w.c, false);
    CHECK(burble_connect(w.c) == 0);
    settle(&w);
    while (size > 0) {
        const uint8_t *end = memchr(data, 0xFF, size);
        size_t len = end != NULL ? (size_t)(end - data) : size;
        say(&w, data, len);
        lose(&w);
        len += end != NULL;
        data += len;
        size -= len;
    }
    check_saved(&w);
    burble_free(&w.c);
    return 0;
}
