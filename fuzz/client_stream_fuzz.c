/* Fuzz target of a client's session: a server that says anything to a client that is online or on
 * its way, while the program does what programs do. Most bytes of the input are the server's; 0xFE
 * stands for the id of the last request; 0xFF and a letter is something else that happens, see
 * happen(). What is promised holds: requests and messages are told of once, what leaves is
 * well-formed, what is saved can be read again, and everything comes to an end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "client/client.h"
#include "xml/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS = 64, TICKETS = 64, TURNS = 1000 };

#define HEADER                                                                                     \
    "<?xml version='1.0'?><stream:stream from='example.org' id='s1' version='1.0'"                 \
    " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
#define MECHANISMS                                                                                 \
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"                       \
    "<mechanism>PLAIN</mechanism></mechanisms></stream:features>"
#define FEATURES                                                                                   \
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"                            \
    "<sm xmlns='urn:xmpp:sm:3'/><csi xmlns='urn:xmpp:csi:0'/></stream:features>"
#define BOUND                                                                                      \
    "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                  \
    "<jid>me@example.org/here</jid></bind></iq>"                                                   \
    "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>"

struct world {
    struct burble *c;
    struct burble_now now;
    uint32_t conn; /* 0: none */
    uint8_t next_random;
    struct xml_parser *reader; /* of what the client writes */
    char id[64];               /* of its last request */
    unsigned asked, answered;
    uint64_t tickets[TICKETS];
    unsigned said, told;
    bool sure; /* BURBLE_ACK_SAVED */
    enum burble_state state;
};

static void fill_counting(void *ctx, void *out, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = w->next_random += 7;
}

static void told(struct world *w, const struct burble_sent_event *e)
{
    unsigned found = 0;
    for (size_t i = 0; i < w->said; i++) {
        if (w->tickets[i] == e->ticket) {
            w->tickets[i] = 0;
            found++;
        }
    }
    CHECK(found == 1 && e->id != NULL);
    w->told++;
}

static void keep(struct burble *c)
{
    void *bytes;
    size_t len;
    CHECK(burble_save(c, &bytes, &len) == 0 && len > 0);
    burble_saved(c);
    free(bytes);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct world *w = arg;
    const struct burble_state_event *s = e->state;
    if (e->kind == BURBLE_EVENT_SENT)
        told(w, e->sent);
    if (e->kind == BURBLE_EVENT_SAVE)
        keep(c);
    if (e->kind == BURBLE_EVENT_MESSAGE)
        CHECK(e->message->from != NULL && e->message->with != NULL);
    if (e->kind == BURBLE_EVENT_PRESENCE)
        CHECK(e->presence->from != NULL && e->presence->from_bare != NULL);
    if (e->kind != BURBLE_EVENT_STATE)
        return;
    CHECK(s->before == w->state && s->state == burble_state(c) && strlen(s->text) < 512);
    CHECK((s->why != BURBLE_WHY_NONE) ==
          (s->state == BURBLE_WAITING || s->state == BURBLE_OFFLINE));
    CHECK((s->text[0] != '\0') == (s->why != BURBLE_WHY_NONE));
    CHECK(s->state != BURBLE_OFFLINE || burble_queued(c) == 0 || c->suspended);
    w->state = s->state;
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct world *w = arg;
    (void)c;
    CHECK(answer->error.condition != NULL);
    w->answered++;
}

/* What leaves is what a server can read. */
static void read_output(struct world *w, struct slice in)
{
    for (;;) {
        enum xml_event event = xml_parser_feed(w->reader, &in);
        struct xml x = xml_root(xml_parser_tree(w->reader));
        CHECK(event != XML_BAD);
        if (event == XML_MORE)
            return;
        if (event == XML_STANZA && xml_is(x, NS_SASL, SLICE("auth")))
            xml_parser_restart(w->reader);
        struct slice id = xml_attr(x, SLICE("id"));
        if (event == XML_STANZA && xml_is(x, NS_CLIENT, SLICE("iq")) && id.len > 0 &&
            id.len < sizeof(w->id)) {
            memcpy(w->id, id.ptr, id.len);
            w->id[id.len] = '\0';
        }
    }
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
        xml_parser_free(&w->reader);
        w->reader = xml_parser_new(XML_STREAM, &XML_LIMITS_C2S);
        CHECK(w->reader != NULL);
        feed(w, in);
    } else if (e->kind == BURBLE_DO_CLOSE && e->id == w->conn) {
        w->conn = 0;
    }
}

/* Until the client rests. */
static void settle(struct world *w)
{
    const void *data;
    size_t len;
    struct burble_effect e;
    for (unsigned turns = 0;; turns++) {
        CHECK(turns < TURNS);
        while (burble_next(w->c, &e)) {
            e.name = NULL;
            answer(w, &e);
        }
        while ((len = burble_output(w->c, &data, NULL)) > 0) {
            read_output(w, slice_of(data, len));
            burble_wrote(w->c, len);
        }
        if (burble_deadline(w->c) > w->now.mono_ms)
            return;
        struct burble_input in = {.kind = BURBLE_IN_TIME};
        CHECK(burble_feed(w->c, &in, w->now));
    }
}

static void feed(struct world *w, struct burble_input in)
{
    CHECK(burble_feed(w->c, &in, w->now));
    settle(w);
}

static void hear(struct world *w, struct slice bytes)
{
    if (w->conn != 0 && bytes.len > 0)
        feed(w, (struct burble_input){
                    .kind = BURBLE_IN_BYTES, .id = w->conn, .data = bytes.ptr, .len = bytes.len});
}

static void pass(struct world *w, uint32_t ms)
{
    w->now.mono_ms += ms;
    w->now.wall_ms += ms;
    feed(w, (struct burble_input){.kind = BURBLE_IN_TIME});
}

static void end_connection(struct world *w, const char *failure)
{
    uint32_t id = w->conn;
    w->conn = 0;
    if (id != 0)
        feed(w, (struct burble_input){.kind = BURBLE_IN_CLOSED, .id = id, .failure = failure});
}

static struct burble_config config_of(struct world *w)
{
    return BURBLE_CONFIG(.jid = "me@example.org", .password = "p", .host = "h",
                         .security = BURBLE_TLS_NONE,
                         .flags = BURBLE_UNSAFE_PLAIN | (w->sure ? BURBLE_ACK_SAVED : 0),
                         .on_event = on_event, .arg = w, .queue_max = TICKETS / 2);
}

static void begin(struct world *w, const void *state, size_t len)
{
    struct burble_config config = config_of(w);
    config.state = state;
    config.state_len = len;
    CHECK(burble_new(&config, &w->c) == 0);
    burble_set_outside(w->c, &(struct burble_outside){.random = fill_counting, .ctx = w});
    w->state = BURBLE_OFFLINE;
}

/* The next process, with what was saved. */
static void restart(struct world *w)
{
    void *bytes;
    size_t len, queued = burble_queued(w->c);
    burble_suspend(w->c);
    CHECK(burble_save(w->c, &bytes, &len) == 0);
    burble_free(&w->c);
    CHECK(w->answered == w->asked);
    w->conn = 0;
    begin(w, bytes, len);
    CHECK(burble_queued(w->c) <= queued);
    free(bytes);
}

static void say(struct world *w)
{
    if (w->said == TICKETS)
        return;
    int err = burble_say(w->c, "bob@example.org", "x", NULL, &w->tickets[w->said], NULL);
    CHECK(err == 0 || err == BURBLE_ERR_LIMIT || err == BURBLE_ERR_OFFLINE);
    w->said += err == 0;
}

static void ask(struct world *w, const char *to)
{
    int err = burble_get(w->c, to, "<q xmlns='q'/>", 0, on_answer, w, NULL);
    CHECK(err == 0 || err == BURBLE_ERR_OFFLINE || err == BURBLE_ERR_LIMIT);
    w->asked += err == 0;
}

/* A login that goes well. */
static void greet(struct world *w)
{
    (void)burble_connect(w->c);
    settle(w);
    if (w->state == BURBLE_WAITING)
        pass(w, 300000);
    hear(w, SLICE(HEADER MECHANISMS));
    hear(w, SLICE("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"));
    hear(w, SLICE(HEADER FEATURES));
}

static void happen(struct world *w, uint8_t what, uint8_t n)
{
    switch (what) {
    case 'a':
        burble_set_active(w->c, n % 2 == 0);
        break;
    case 'b':
        end_connection(w, n % 2 == 0 ? "reset" : NULL);
        break;
    case 'c':
        (void)burble_connect(w->c);
        break;
    case 'd':
        burble_disconnect(w->c);
        break;
    case 'g':
        ask(w, n % 2 == 0 ? "bob@example.org/x" : NULL);
        break;
    case 'o':
        greet(w);
        break;
    case 'p':
        pass(w, (uint32_t)n * n * 10);
        break;
    case 's':
        say(w);
        break;
    case 't':
        (void)burble_set_presence(w->c, BURBLE_SHOW_AWAY, NULL, 0, NULL);
        break;
    case 'u':
        burble_suspend(w->c);
        break;
    case 'v':
        restart(w);
        break;
    default:
        return;
    }
    settle(w);
}

static void play(struct world *w, const uint8_t *data, size_t size)
{
    struct buf said = {0};
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0xfe) {
            buf_add(&said, slice_z(w->id));
        } else if (data[i] != 0xff) {
            buf_byte(&said, (char)data[i]);
        } else {
            hear(w, buf_slice(&said));
            buf_clear(&said);
            if (i + 1 < size)
                happen(w, data[i + 1], i + 2 < size ? data[i + 2] : 0);
            i++;
        }
    }
    CHECK(!said.failed);
    hear(w, buf_slice(&said));
    buf_free(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now = {.mono_ms = 1000, .wall_ms = 1800000000000}, .sure = size % 2 == 1};
    begin(&w, NULL, 0);
    greet(&w);
    if (size > 0 && data[0] != 'n') /* else the first words are those of the input */
        hear(&w, SLICE(BOUND));
    play(&w, data, size);
    burble_disconnect(w.c);
    settle(&w);
    pass(&w, 3000);
    pass(&w, 2000);
    CHECK(w.state == BURBLE_OFFLINE && burble_queued(w.c) == 0 && w.conn == 0);
    CHECK(burble_deadline(w.c) == BURBLE_NEVER);
    burble_free(&w.c);
    CHECK(w.answered == w.asked && w.told == w.said);
    xml_parser_free(&w.reader);
    return 0;
}
