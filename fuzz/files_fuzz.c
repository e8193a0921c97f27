/* Fuzz target of what carries files and commands: a server that says anything to a client that has
 * asked for a slot, a registration, a command, has offered a file and a bytestream, and takes those
 * that are offered to it. Two bytes of what the program does in callbacks; then lines, each fed to
 * the stream as it is, with time passing behind it. All random bytes are 0, so every id is
 * "aaaaaaaaaaaaaaaaaaaaaaaa". */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"
#include "burble/adhoc.h"
#include "burble/file.h"
#include "burble/ibb.h"
#include "burble/io.h"
#include "burble/register.h"
#include "burble/upload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP_MS = 3000 };

struct play {
    struct burble *c;
    struct burble_now now;
    uint32_t conn;
    unsigned callbacks, act_at;
    uint8_t act;
    struct burble_adhoc *run;
    struct burble_file *out, *in;
    struct burble_ibb *ours, *theirs;
    uint64_t came; /* of the file that comes */
    bool slot, registration, listed;
};

#define HEADER                                                                                     \
    "<stream:stream from='example.org' id='s' version='1.0' xmlns='jabber:client' "                \
    "xmlns:stream='http://etherx.jabber.org/streams'>"
#define BOB "bob@example.org/x"

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
        burble_adhoc_free(&p->run);
    if (p->act & 2)
        burble_file_free(&p->out);
    if (p->act & 4)
        burble_file_free(&p->in);
    if (p->act & 8)
        burble_ibb_free(&p->ours);
    if (p->act & 16)
        burble_ibb_free(&p->theirs);
    if (p->act & 32 && p->ours != NULL)
        burble_ibb_close(p->ours);
    if (p->act & 64)
        burble_free(&p->c);
}

static void on_slot(struct burble *c, const struct burble_slot *slot, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(!p->slot);
    p->slot = true;
    if (slot->outcome == BURBLE_IQ_RESULT)
        CHECK(strncasecmp(slot->put_url, "https://", 8) == 0 && slot->get_url != NULL);
    else
        CHECK(slot->error.condition != NULL && slot->header_count == 0);
    for (size_t i = 0; i < slot->header_count; i++)
        CHECK(strpbrk(slot->headers[i].value, "\r\n") == NULL);
    act(p);
}

static void on_registration(struct burble *c, const struct burble_registration *a, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(!p->registration && (!a->plain || a->form != NULL));
    p->registration = true;
    if (a->form != NULL) {
        struct burble_form *copy = burble_form_copy(a->form);
        CHECK(copy != NULL);
        burble_form_free(&copy);
    }
    act(p);
}

static void on_list(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    struct play *p = arg;
    (void)c;
    CHECK(!p->listed);
    p->listed = true;
    for (size_t i = 0; i < items->item_count; i++)
        CHECK(strcmp(items->items[i].jid, "bot.example.org") == 0 && items->items[i].node != NULL);
    act(p);
}

static void on_step(struct burble_adhoc *a, const struct burble_adhoc_step *step, void *arg)
{
    struct play *p = arg;
    if (step->form != NULL)
        (void)burble_form_set(step->form, "a", "x");
    if (step->outcome == BURBLE_IQ_RESULT && step->status == BURBLE_ADHOC_EXECUTING)
        CHECK((step->actions & (unsigned)step->execute) != 0);
    (void)burble_adhoc_go(a, BURBLE_ADHOC_EXECUTE);
    act(p);
}

static bool may(struct burble *c, const char *from, const char *node, void *arg)
{
    (void)c, (void)node, (void)arg;
    return strncmp(from, "bob@", 4) == 0;
}

static void on_call(struct burble *c, const struct burble_adhoc_call *call, void *arg)
{
    CHECK(strncmp(call->from, "bob@", 4) == 0 && strcmp(call->node, "n") == 0);
    (void)burble_adhoc_reply(
        c, call, &(struct burble_adhoc_answer){.status = BURBLE_ADHOC_EXECUTING, .note = "n"});
    act(arg);
}

static void on_room(struct burble_file *f, size_t room, void *arg)
{
    static const char bytes[1000];
    CHECK(room > 0 && room == burble_file_room(f));
    CHECK(burble_file_write(f, bytes, room < sizeof(bytes) ? room : sizeof(bytes)) == 0);
    act(arg);
}

static void on_data(struct burble_file *f, const void *data, size_t len, void *arg)
{
    struct play *p = arg;
    (void)data;
    p->came += len;
    CHECK(len > 0 && p->came <= burble_file_about(f)->size && p->came == burble_file_moved(f));
    act(p);
}

static void on_file_end(struct burble_file *f, enum burble_file_end end, const char *text,
                        void *arg)
{
    struct play *p = arg;
    CHECK(text != NULL);
    if (end == BURBLE_FILE_DONE)
        CHECK(burble_file_moved(f) == burble_file_about(f)->size);
    if (f == p->out)
        burble_file_free(&p->out);
    else
        burble_file_free(&p->in);
    act(p);
}

static const struct burble_file_handlers FILES = {
    .size = sizeof(FILES), .room = on_room, .data = on_data, .end = on_file_end};

static void on_file(struct burble *c, struct burble_file *f, void *arg)
{
    struct play *p = arg;
    char safe[BURBLE_FILE_NAME_BYTES];
    (void)c;
    burble_file_safe_name(burble_file_about(f)->name, safe);
    CHECK(strchr(safe, '/') == NULL && burble_file_about(f)->size <= INT64_MAX);
    if (p->in != NULL) {
        burble_file_free(&f);
        return;
    }
    p->in = f;
    p->came = 0;
    (void)burble_file_accept(f, &FILES, p);
    act(p);
}

static void on_bytes(struct burble_ibb *s, const void *data, size_t len, void *arg)
{
    (void)data;
    CHECK(len > 0 && len <= burble_ibb_block(s));
    act(arg);
}

static void on_stream_end(struct burble_ibb *s, enum burble_ibb_end end, const char *text,
                          void *arg)
{
    struct play *p = arg;
    (void)end;
    CHECK(text != NULL && burble_ibb_room(s) == 0);
    if (s == p->ours)
        burble_ibb_free(&p->ours);
    else
        burble_ibb_free(&p->theirs);
    act(p);
}

static void on_stream_room(struct burble_ibb *s, size_t room, void *arg)
{
    CHECK(room == burble_ibb_room(s));
    (void)burble_ibb_send(s, "abc", 3);
    act(arg);
}

static void on_stream_open(struct burble_ibb *s, void *arg)
{
    CHECK(burble_ibb_send(s, "abc", 3) == 0);
    act(arg);
}

static const struct burble_ibb_handlers STREAMS = {.size = sizeof(STREAMS),
                                                   .open = on_stream_open,
                                                   .data = on_bytes,
                                                   .room = on_stream_room,
                                                   .end = on_stream_end};

static void on_stream(struct burble *c, const struct burble_ibb_offer *o, void *arg)
{
    struct play *p = arg;
    CHECK(o->block >= BURBLE_IBB_BLOCK_MIN && o->block <= BURBLE_IBB_BLOCK_MAX);
    if (p->theirs == NULL)
        (void)burble_ibb_accept(c, o, 0, &STREAMS, p, &p->theirs);
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

/* One id for all: the address tells which request is answered. */
static void ask(struct play *p)
{
    const struct burble_upload upload = {.name = "x", .service = "up.example.org"};
    const struct burble_file_info info = {.name = "x", .size = 3000};
    burble_set_tell(p->c, BURBLE_TELL_ALL);
    CHECK(burble_adhoc_offer(p->c, "n", "N", may, on_call, p) == 0);
    CHECK(burble_file_listen(p->c, NULL, on_file, p) == 0);
    CHECK(burble_ibb_listen(p->c, on_stream, p) == 0);
    CHECK(burble_upload_slot(p->c, &upload, on_slot, p) == 0);
    CHECK(burble_registration_ask(p->c, "irc.example.org", on_registration, p, NULL) == 0);
    CHECK(burble_adhoc_list(p->c, "bot.example.org", on_list, p, NULL) == 0);
    CHECK(burble_adhoc_run(p->c, "run.example.org", "n", on_step, p, &p->run) == 0);
    CHECK(burble_file_offer(p->c, BOB, &info, &FILES, p, &p->out) == 0);
    CHECK(burble_ibb_open(p->c, "eve@example.org/x", "o", 0, &STREAMS, p, &p->ours) == 0);
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
    }
    p.act_at = 0;
    burble_free(&p.c);
    return 0;
}
