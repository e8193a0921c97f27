/* Files by Jingle (XEP-0234 0.19.1 over XEP-0261 1.0): one transfer, from the offer to its end.
 * Owns its bytestream; what is said in Jingle is in file_jingle.c and file_serve.c. */
#include "client/file.h"

#include <stdlib.h>
#include <string.h>

#include "client/text.h"

enum {
    DECIDE_MS = 300000,
    REPLACE_MS = 60000, /* for the other side to fail with SOCKS5, and to propose in-band */
    SETTLE_MS = 30000,
    HASH_MS = 10000, /* for a hash that was promised, behind the last byte */
    TEXT_BYTES_MAX = 4096,
};

static void received(struct burble_file *f, const char *reason);

static void file_gone(struct client_extension *x)
{
    file_end(CONTAINER_OF(x, struct burble_file, x), BURBLE_FILE_LOST, NULL, "the session ended");
}

static void file_free(struct client_extension *x)
{
    struct burble_file *f = CONTAINER_OF(x, struct burble_file, x);
    client_timer_stop(&f->timer);
    digest_free(&f->digest);
    free(f->peer);
    free(f->sid);
    free(f->content);
    free(f->stream_sid);
    free(f->name);
    free(f->type);
    free(f->desc);
    free(f);
}

static const struct client_extension_ops OPS = {
    .name = "file", .gone = file_gone, .free = file_free};

static struct burble_file *file_of(struct list *l)
{
    struct client_extension *x = CONTAINER_OF(l, struct client_extension, link);
    return x->ops == &OPS && !x->retired ? CONTAINER_OF(x, struct burble_file, x) : NULL;
}

struct burble_file *file_find(struct burble *c, struct slice peer, struct slice sid)
{
    LIST_EACH(it, &c->extensions)
    {
        struct burble_file *f = file_of(it);
        if (f != NULL && f->state != FILE_OVER && slice_eq(slice_z(f->sid), sid) &&
            slice_eq(slice_z(f->peer), peer))
            return f;
    }
    return NULL;
}

static unsigned count(struct burble *c)
{
    unsigned n = 0;
    LIST_EACH(it, &c->extensions)
    n += file_of(it) != NULL;
    return n;
}

static void late(struct burble *c, struct client_timer *t)
{
    struct burble_file *f = CONTAINER_OF(t, struct burble_file, timer);
    (void)c;
    if (f->state == FILE_SETTLING && !f->sending)
        received(f, "success");
    else if (f->state == FILE_SETTLING) /* every block was acknowledged, and nobody complains */
        file_end(f, BURBLE_FILE_DONE, "success", "it is sent");
    else if (f->state == FILE_REPLACING)
        file_end(f, BURBLE_FILE_LOST, "failed-transport", "the other side does not send in-band");
    else
        file_end(f, BURBLE_FILE_LOST, "timeout", "nobody has decided in time");
}

static void set_timer(struct burble_file *f, uint32_t ms)
{
    client_timer_set(f->x.client, &f->timer, f->x.client->now.mono_ms + ms);
}

static bool text_good(const char *text)
{
    return text == NULL || (strlen(text) <= TEXT_BYTES_MAX && client_text_valid(slice_z(text)));
}

static bool copy_to(char **place, const char *text)
{
    *place = text != NULL ? client_copy(slice_z(text)) : NULL;
    return text == NULL || *place != NULL;
}

static int take_info(struct burble_file *f, const struct burble_file_info *info)
{
    if (!copy_to(&f->name, info->name) || !copy_to(&f->type, info->type) ||
        !copy_to(&f->desc, info->desc))
        return ERR_MEMORY;
    f->info = (struct burble_file_info){.name = f->name,
                                        .size = info->size,
                                        .type = f->type,
                                        .desc = f->desc,
                                        .modified_ms = info->modified_ms};
    return 0;
}

int file_new(struct burble *c, struct slice peer, struct slice sid,
             const struct burble_file_info *info, bool sending, struct burble_file **out)
{
    struct arena mem = {0};
    struct jid jid;
    *out = NULL;
    int err = jid_parse(peer, &mem, &jid);
    if (err == 0 && (jid.resource_len == 0 || info->name == NULL || info->size > INT64_MAX ||
                     !text_good(info->name) || !text_good(info->type) || !text_good(info->desc)))
        err = ERR_SYNTAX;
    if (err == 0 && count(c) >= BURBLE_FILES_MAX)
        err = ERR_LIMIT;
    struct burble_file *f = err == 0 ? client_alloc(sizeof(*f)) : NULL;
    if (f != NULL) {
        f->sending = sending;
        f->state = sending ? FILE_OFFERED : FILE_PENDING;
        f->block = BURBLE_IBB_BLOCK;
        f->peer = client_copy(jid_full(&jid));
        f->sid = client_copy(sid);
        f->digest = digest_begin();
        f->timer.fire = late;
        client_extend(c, &f->x, &OPS);
        set_timer(f, DECIDE_MS);
        if (take_info(f, info) != 0 || f->peer == NULL || f->sid == NULL || f->digest == NULL) {
            client_retire(&f->x);
            f = NULL;
        }
    }
    arena_free(&mem);
    *out = f;
    return err != 0 ? err : f != NULL ? 0 : ERR_MEMORY;
}

/* --------------------------------------------------------------------------------------- the end
 */

void file_end(struct burble_file *f, enum burble_file_end end, const char *reason, const char *text)
{
    struct burble *c = f->x.client;
    if (f->state == FILE_OVER)
        return;
    f->state = FILE_OVER;
    client_timer_stop(&f->timer);
    burble_cancel(c, f->handle);
    burble_ibb_free(&f->stream);
    if (reason != NULL)
        (void)file_say_terminate(c, slice_z(f->peer), slice_z(f->sid), reason);
    if (f->h.end == NULL || f->x.retired)
        return;
    client_enter(c);
    f->h.end(f, end, text, f->arg);
    c->depth--;
}

/* All bytes are here: are they the right ones? */
static bool hash_good(struct burble_file *f)
{
    uint8_t own[DIGEST_SHA256_BYTES];
    if (!f->hash_known || f->digest == NULL)
        return true;
    bool good = digest_end(f->digest, own) == 0 && memcmp(own, f->hash, sizeof(own)) == 0;
    digest_free(&f->digest);
    return good;
}

static void received(struct burble_file *f, const char *reason)
{
    if (f->moved != f->info.size)
        file_end(f, BURBLE_FILE_BROKEN, "failed-application", "it is shorter than was told");
    else if (!hash_good(f))
        file_end(f, BURBLE_FILE_DAMAGED, "media-error", "its hash is another one than was told");
    else
        file_end(f, BURBLE_FILE_DONE, reason, "it has come");
}

/* Some tell the hash behind the end of the stream. */
static void all_received(struct burble_file *f)
{
    if (f->moved != f->info.size || !f->hash_promised || f->hash_known) {
        received(f, "success");
        return;
    }
    f->state = FILE_SETTLING;
    set_timer(f, HASH_MS);
}

void file_hash_came(struct burble_file *f)
{
    if (f->state == FILE_SETTLING && !f->sending)
        received(f, "success");
}

void file_succeeded(struct burble_file *f)
{
    if (!f->sending)
        received(f, NULL);
    else if (f->moved == f->info.size && f->stream != NULL && !burble_ibb_is_settled(f->stream))
        file_end(f, BURBLE_FILE_BROKEN, NULL, "the other side ended before all had come");
    else if (f->moved == f->info.size)
        file_end(f, BURBLE_FILE_DONE, NULL, "it is sent");
    else
        file_end(f, BURBLE_FILE_BROKEN, NULL, "the other side ended before all had come");
}

/* -------------------------------------------------------------------------------- the bytestream
 */

/* Everything is written: the hash, and the end of the stream behind the last block. */
static void all_written(struct burble_file *f)
{
    uint8_t hash[DIGEST_SHA256_BYTES];
    if (digest_end(f->digest, hash) == 0)
        (void)file_say_checksum(f, hash);
    digest_free(&f->digest);
    f->state = FILE_SETTLING;
    burble_ibb_close(f->stream);
}

static void tell_room(struct burble_file *f)
{
    struct burble *c = f->x.client;
    if (f->h.room == NULL || f->x.retired || f->state != FILE_MOVING || burble_file_room(f) == 0)
        return;
    client_enter(c);
    f->h.room(f, burble_file_room(f), f->arg);
    c->depth--;
}

static void bytes_open(struct burble_ibb *s, void *arg)
{
    struct burble_file *f = arg;
    (void)s;
    client_timer_stop(&f->timer);
    f->state = FILE_MOVING;
    if (f->sending && f->info.size == 0)
        all_written(f);
    else if (f->sending)
        tell_room(f);
}

static void bytes_room(struct burble_ibb *s, size_t room, void *arg)
{
    (void)s, (void)room;
    tell_room(arg);
}

static void bytes_data(struct burble_ibb *s, const void *data, size_t len, void *arg)
{
    struct burble_file *f = arg;
    struct burble *c = f->x.client;
    (void)s;
    if (f->sending || len > f->info.size - f->moved) {
        file_end(f, BURBLE_FILE_BROKEN, "failed-application", "it is longer than was told");
        return;
    }
    f->moved += len;
    (void)digest_add(f->digest, slice_of(data, len));
    if (f->h.data == NULL)
        return;
    client_enter(c);
    f->h.data(f, data, len, f->arg);
    c->depth--;
}

static void bytes_end(struct burble_ibb *s, enum burble_ibb_end end, const char *text, void *arg)
{
    struct burble_file *f = arg;
    (void)s;
    if (end == BURBLE_IBB_LOST)
        file_end(f, BURBLE_FILE_LOST, "connectivity-error", text);
    else if (end == BURBLE_IBB_REFUSED)
        file_end(f, BURBLE_FILE_BROKEN, "failed-transport", text);
    else if (end == BURBLE_IBB_BROKEN)
        file_end(f, BURBLE_FILE_BROKEN, "connectivity-error", text);
    else if (!f->sending)
        all_received(f);
    else if (f->state == FILE_SETTLING)
        set_timer(f, SETTLE_MS);
    else
        file_end(f, BURBLE_FILE_BROKEN, "connectivity-error", text);
}

static const struct burble_ibb_handlers STREAM = {.size = sizeof(STREAM),
                                                  .open = bytes_open,
                                                  .data = bytes_data,
                                                  .room = bytes_room,
                                                  .end = bytes_end};

int file_await(struct burble_file *f)
{
    f->state = FILE_OPENING;
    client_timer_stop(&f->timer);
    return burble_ibb_await(f->x.client, f->peer, f->stream_sid, f->block, &STREAM, f, &f->stream);
}

void file_begin(struct burble_file *f, unsigned block)
{
    f->block = block;
    f->state = FILE_OPENING;
    client_timer_stop(&f->timer);
    int err = burble_ibb_open(f->x.client, f->peer, f->stream_sid, block, &STREAM, f, &f->stream);
    if (err != 0)
        file_end(f, BURBLE_FILE_LOST, "failed-transport", burble_error_text(err));
}

/* ---------------------------------------------------------------------------------- the program */

static void offered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct burble_file *f = arg;
    struct burble_stanza_error error;
    f->handle = 0;
    client_iq_error(c, outcome, iq, &error);
    if (outcome == BURBLE_IQ_ERROR)
        file_end(f, BURBLE_FILE_DECLINED, NULL, *error.text != '\0' ? error.text : error.condition);
    else if (outcome != BURBLE_IQ_RESULT)
        file_end(f, BURBLE_FILE_LOST, NULL, error.text);
}

int burble_file_offer(struct burble *c, const char *to, const struct burble_file_info *info,
                      const struct burble_file_handlers *h, void *arg, struct burble_file **out)
{
    char sid[CLIENT_ID_BYTES], stream_sid[CLIENT_ID_BYTES];
    *out = NULL;
    if (info->name == NULL || *info->name == '\0')
        return ERR_SYNTAX;
    struct burble_file_handlers own;
    int err = client_take(&own, sizeof(own), h);
    if (err == 0)
        err = file_serve(c);
    client_new_id(c, sid);
    client_new_id(c, stream_sid);
    struct burble_file *f = NULL;
    if (err == 0)
        err = file_new(c, slice_z(to), slice_z(sid), info, true, &f);
    if (err != 0)
        return err;
    f->h = own;
    f->arg = arg;
    f->stream_sid = client_copy(slice_z(stream_sid));
    f->content = client_copy(SLICE("file"));
    err = f->stream_sid != NULL && f->content != NULL ? file_say_initiate(f, offered) : ERR_MEMORY;
    if (err != 0)
        client_retire(&f->x);
    else
        *out = f;
    return err;
}

/* They may have gone, or may not be reachable by us as we are by them. */
static void agreed(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct burble_file *f = arg;
    struct burble_stanza_error error;
    f->handle = 0;
    client_iq_error(c, outcome, iq, &error);
    if (outcome != BURBLE_IQ_RESULT)
        file_end(f, BURBLE_FILE_LOST, NULL, *error.text != '\0' ? error.text : error.condition);
}

int burble_file_accept(struct burble_file *f, const struct burble_file_handlers *h, void *arg)
{
    if (f->state == FILE_OVER)
        return ERR_CLOSED;
    if (f->state != FILE_PENDING)
        return ERR_BUSY;
    struct burble_file_handlers own;
    int err = client_take(&own, sizeof(own), h);
    if (err != 0)
        return err;
    err = f->socks5 ? 0 : file_await(f);
    if (err == 0)
        err = file_say_accept(f, agreed);
    if (err != 0) {
        burble_ibb_free(&f->stream);
        f->state = FILE_PENDING;
        set_timer(f, DECIDE_MS);
        return err;
    }
    f->h = own;
    f->arg = arg;
    if (f->socks5) {
        f->state = FILE_REPLACING;
        set_timer(f, REPLACE_MS);
        (void)file_say_candidate_error(f);
    }
    return 0;
}

size_t burble_file_room(const struct burble_file *f)
{
    if (!f->sending || f->state != FILE_MOVING)
        return 0;
    uint64_t left = f->info.size - f->moved;
    size_t room = burble_ibb_room(f->stream);
    return left < room ? (size_t)left : room;
}

int burble_file_write(struct burble_file *f, const void *data, size_t len)
{
    if (!f->sending || f->state != FILE_MOVING)
        return ERR_CLOSED;
    if (len > burble_file_room(f))
        return ERR_LIMIT;
    int err = burble_ibb_send(f->stream, data, len);
    if (err != 0)
        return err;
    (void)digest_add(f->digest, slice_of(data, len));
    f->moved += len;
    if (f->moved == f->info.size)
        all_written(f);
    return 0;
}

const struct burble_file_info *burble_file_about(const struct burble_file *f)
{
    return &f->info;
}

const char *burble_file_peer(const struct burble_file *f)
{
    return f->peer;
}

uint64_t burble_file_moved(const struct burble_file *f)
{
    return f->moved;
}

struct burble *burble_file_client(const struct burble_file *f)
{
    return f->x.client;
}

void burble_file_free(struct burble_file **f)
{
    struct burble_file *old = *f;
    *f = NULL;
    if (old == NULL)
        return;
    old->h = (struct burble_file_handlers){0};
    file_end(old, BURBLE_FILE_CANCELLED, old->state == FILE_PENDING ? "decline" : "cancel", "");
    client_retire(&old->x);
}
