/* Fuzz target of what carries files and commands: a server that says anything to a client that has
 * asked for a slot, a registration, a command, has offered a file and a bytestream, and takes those
 * that are offered to it (client_player.h). */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "burble/adhoc.h"
#include "burble/file.h"
#include "burble/ibb.h"
#include "burble/register.h"
#include "burble/upload.h"
#include "client_player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct player player;
    struct burble_adhoc *run;
    struct burble_file *out, *in;
    struct burble_ibb *ours, *theirs;
    uint64_t came; /* of the file that comes */
    bool slot, registration, listed;
};

#define BOB "bob@example.org/x"

static void act(struct play *p)
{
    if (!player_acts(&p->player))
        return;
    if (p->player.act & 1)
        burble_adhoc_free(&p->run);
    if (p->player.act & 2)
        burble_file_free(&p->out);
    if (p->player.act & 4)
        burble_file_free(&p->in);
    if (p->player.act & 8)
        burble_ibb_free(&p->ours);
    if (p->player.act & 16)
        burble_ibb_free(&p->theirs);
    if (p->player.act & 32 && p->ours != NULL)
        burble_ibb_close(p->ours);
    if (p->player.act & 64)
        burble_free(&p->player.c);
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

/* One id for all: the address tells which request is answered. */
static void ask(struct play *p)
{
    const struct burble_upload upload = {.name = "x", .service = "up.example.org"};
    const struct burble_file_info info = {.name = "x", .size = 3000};
    burble_set_tell(p->player.c, BURBLE_TELL_ALL);
    CHECK(burble_adhoc_offer(p->player.c, "n", "N", may, on_call, p) == 0);
    CHECK(burble_file_listen(p->player.c, NULL, on_file, p) == 0);
    CHECK(burble_ibb_listen(p->player.c, on_stream, p) == 0);
    CHECK(burble_upload_slot(p->player.c, &upload, on_slot, p) == 0);
    CHECK(burble_registration_ask(p->player.c, "irc.example.org", on_registration, p, NULL) == 0);
    CHECK(burble_adhoc_list(p->player.c, "bot.example.org", on_list, p, NULL) == 0);
    CHECK(burble_adhoc_run(p->player.c, "run.example.org", "n", on_step, p, &p->run) == 0);
    CHECK(burble_file_offer(p->player.c, BOB, &info, &FILES, p, &p->out) == 0);
    CHECK(burble_ibb_open(p->player.c, "eve@example.org/x", "o", 0, &STREAMS, p, &p->ours) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {0};
    struct slice rest = slice_of((const char *)data, size);
    if (!player_begin(&p.player, &rest))
        return 0;
    ask(&p);
    while (player_line(&p.player, &rest))
        continue;
    player_end(&p.player);
    return 0;
}
