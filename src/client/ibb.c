/* In-band bytestreams (XEP-0047 2.0.1): a stream, and what it sends. Each block is a request, a few
 * of them are under way at a time, and what they say decides how it goes on. */
#include "client/ibb.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "client/text.h"

enum { SILENCE_MS = 120000, ANSWER_MS = 60000, SID_BYTES_MAX = 256 };

static void ibb_gone(struct client_extension *x)
{
    struct burble_ibb *s = CONTAINER_OF(x, struct burble_ibb, x);
    ibb_end(s, BURBLE_IBB_LOST, "the session ended");
}

static void ibb_free(struct client_extension *x)
{
    struct burble_ibb *s = CONTAINER_OF(x, struct burble_ibb, x);
    client_timer_stop(&s->silence);
    buf_free(&s->out);
    free(s->peer);
    free(s->sid);
    free(s);
}

static const struct client_extension_ops OPS = {.name = "ibb", .gone = ibb_gone, .free = ibb_free};

static struct burble_ibb *stream_of(struct list *l)
{
    struct client_extension *x = CONTAINER_OF(l, struct client_extension, link);
    return x->ops == &OPS && !x->retired ? CONTAINER_OF(x, struct burble_ibb, x) : NULL;
}

struct burble_ibb *ibb_find(struct burble *c, struct slice peer, struct slice sid)
{
    LIST_EACH(it, &c->extensions)
    {
        struct burble_ibb *s = stream_of(it);
        if (s != NULL && s->state != IBB_OVER && slice_eq(slice_z(s->sid), sid) &&
            slice_eq(slice_z(s->peer), peer))
            return s;
    }
    return NULL;
}

static unsigned count(struct burble *c)
{
    unsigned n = 0;
    LIST_EACH(it, &c->extensions)
    n += stream_of(it) != NULL;
    return n;
}

static void silent(struct burble *c, struct client_timer *t)
{
    struct burble_ibb *s = CONTAINER_OF(t, struct burble_ibb, silence);
    (void)c;
    if (s->state != IBB_AWAITED)
        ibb_tell_close(s);
    ibb_end(s, BURBLE_IBB_LOST, "the other side is silent");
}

void ibb_heard(struct burble_ibb *s)
{
    client_timer_set(s->x.client, &s->silence, s->x.client->now.mono_ms + SILENCE_MS);
}

static bool sid_good(struct slice sid)
{
    return sid.len > 0 && sid.len <= SID_BYTES_MAX && client_text_valid(sid);
}

int ibb_new(struct burble *c, struct slice peer, struct slice sid, unsigned block,
            const struct burble_ibb_handlers *h, void *arg, enum ibb_state state,
            struct burble_ibb **out)
{
    struct arena mem = {0};
    struct jid jid;
    struct burble_ibb_handlers own;
    int err = jid_parse(peer, &mem, &jid);
    *out = NULL;
    if (err == 0)
        err = client_take(&own, sizeof(own), h);
    if (err == 0 &&
        (!sid_good(sid) || block < BURBLE_IBB_BLOCK_MIN || block > BURBLE_IBB_BLOCK_MAX))
        err = ERR_SYNTAX;
    if (err == 0 && ibb_find(c, jid_full(&jid), sid) != NULL)
        err = ERR_EXISTS;
    if (err == 0 && count(c) >= BURBLE_IBB_STREAMS_MAX)
        err = ERR_LIMIT;
    if (err == 0)
        err = ibb_serve(c);
    struct burble_ibb *s = err == 0 ? client_alloc(sizeof(*s)) : NULL;
    if (s != NULL) {
        s->state = state;
        s->arg = arg;
        s->block = block;
        s->peer = client_copy(jid_full(&jid));
        s->sid = client_copy(sid);
        s->silence.fire = silent;
        s->h = own;
        client_extend(c, &s->x, &OPS);
        ibb_heard(s);
    }
    arena_free(&mem);
    if (s == NULL || s->peer == NULL || s->sid == NULL) {
        if (s != NULL)
            client_retire(&s->x);
        return err != 0 ? err : ERR_MEMORY;
    }
    *out = s;
    return 0;
}

/* ---------------------------------------------------------------------------------------- an end
 */

void ibb_end(struct burble_ibb *s, enum burble_ibb_end end, const char *text)
{
    struct burble *c = s->x.client;
    if (s->state == IBB_OVER)
        return;
    s->state = IBB_OVER;
    client_timer_stop(&s->silence);
    for (size_t i = 0; i < BURBLE_IBB_WINDOW; i++) {
        burble_cancel(c, s->slots[i].handle);
        s->slots[i].handle = 0;
    }
    buf_free(&s->out);
    if (s->h.end == NULL || s->x.retired)
        return;
    client_enter(c);
    s->h.end(s, end, text, s->arg);
    c->depth--;
}

static void nobody_waits(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    (void)c, (void)outcome, (void)iq, (void)arg;
}

static int ask(struct burble_ibb *s, client_iq_fn *fn, void *arg, uint64_t *handle_out)
{
    struct client_iq iq = {.set = true,
                           .to = slice_z(s->peer),
                           .payload = buf_slice(&s->x.client->work),
                           .timeout_ms = ANSWER_MS,
                           .fn = fn,
                           .arg = arg};
    return s->x.client->work.failed ? ERR_MEMORY : client_iq_send(s->x.client, &iq, handle_out);
}

static void put_close(struct burble_ibb *s)
{
    struct xml_writer w;
    client_payload(s->x.client, &w);
    xml_open(&w, SLICE("close"), NS_IBB);
    xml_attr_put(&w, SLICE("sid"), slice_z(s->sid));
    xml_close(&w);
}

void ibb_tell_close(struct burble_ibb *s)
{
    put_close(s);
    (void)ask(s, nobody_waits, NULL, NULL);
}

/* Whatever the other side says to <close/>, it is closed (section 2.3). */
static void left(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct ibb_slot *slot = arg;
    (void)c, (void)iq;
    slot->handle = 0;
    if (outcome == BURBLE_IQ_TIMEOUT || outcome == BURBLE_IQ_GONE)
        ibb_end(slot->stream, BURBLE_IBB_LOST, "the other side is silent");
    else
        ibb_end(slot->stream, BURBLE_IBB_CLOSED, "it was closed");
}

static int leave(struct burble_ibb *s)
{
    put_close(s);
    s->state = IBB_LEAVING;
    s->slots[0].stream = s;
    return ask(s, left, &s->slots[0], &s->slots[0].handle);
}

/* -------------------------------------------------------------------------------------- sending */

static int pump(struct burble_ibb *s);

/* Our part failed: whoever called is no part of it. */
static void pump_or_end(struct burble_ibb *s)
{
    int err = pump(s);
    if (err != 0)
        ibb_end(s, BURBLE_IBB_LOST, burble_error_text(err));
}

static void told(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct ibb_slot *slot = arg;
    struct burble_ibb *s = slot->stream;
    struct burble_stanza_error error;
    slot->handle = 0;
    s->under_way -= slot->len;
    client_iq_error(c, outcome, iq, &error);
    if (outcome == BURBLE_IQ_ERROR) {
        ibb_tell_close(s); /* section 2.2 */
        ibb_end(s, BURBLE_IBB_BROKEN, *error.text != '\0' ? error.text : error.condition);
        return;
    }
    if (outcome != BURBLE_IQ_RESULT) {
        ibb_end(s, BURBLE_IBB_LOST, error.text);
        return;
    }
    ibb_heard(s);
    pump_or_end(s);
    if (s->state != IBB_OPEN || s->h.room == NULL || s->x.retired)
        return;
    client_enter(c);
    s->h.room(s, burble_ibb_room(s), s->arg);
    c->depth--;
}

static int send_block(struct burble_ibb *s, struct ibb_slot *slot)
{
    char seq[CLIENT_NUMBER_BYTES];
    struct xml_writer w;
    struct buf text = {0};
    struct slice bytes = buf_slice(&s->out);
    bytes.len = bytes.len < s->block ? bytes.len : s->block;
    if (base64_append(&text, bytes) != 0)
        return ERR_MEMORY;
    client_payload(s->x.client, &w);
    xml_open(&w, SLICE("data"), NS_IBB);
    xml_attr_put(&w, SLICE("seq"), client_number(s->seq_out, seq));
    xml_attr_put(&w, SLICE("sid"), slice_z(s->sid));
    xml_text_put(&w, buf_slice(&text));
    xml_close(&w);
    buf_free(&text);
    slot->stream = s;
    slot->len = bytes.len;
    int err = ask(s, told, slot, &slot->handle);
    if (err != 0)
        return err;
    s->seq_out++; /* after 65535 comes 0 */
    s->under_way += bytes.len;
    buf_consume(&s->out, bytes.len);
    return 0;
}

/* Sends what there is, as far as the window goes; then, where it is wanted, the end. */
static int pump(struct burble_ibb *s)
{
    int err = 0;
    if (s->state != IBB_OPEN && s->state != IBB_CLOSING)
        return 0;
    for (size_t i = 0; i < BURBLE_IBB_WINDOW && err == 0 && buf_len(&s->out) > 0; i++)
        if (s->slots[i].handle == 0)
            err = send_block(s, &s->slots[i]);
    if (err == 0 && s->state == IBB_CLOSING && burble_ibb_is_settled(s))
        err = leave(s);
    return err;
}

size_t burble_ibb_room(const struct burble_ibb *s)
{
    size_t all = (size_t)s->block * BURBLE_IBB_WINDOW, used = s->under_way + buf_len(&s->out);
    return s->state == IBB_OPEN && used < all ? all - used : 0;
}

int burble_ibb_send(struct burble_ibb *s, const void *data, size_t len)
{
    if (s->state != IBB_OPEN)
        return ERR_CLOSED;
    if (len > burble_ibb_room(s))
        return ERR_LIMIT;
    if (buf_append(&s->out, data, len) != 0) {
        s->out.failed = 0;
        return ERR_MEMORY;
    }
    (void)pump(s); /* what could not be sent is tried again with the next, or in the end */
    return 0;
}

bool burble_ibb_is_settled(const struct burble_ibb *s)
{
    return s->under_way == 0 && buf_len(&s->out) == 0;
}

/* -------------------------------------------------------------------------------------- opening */

static int send_open(struct burble_ibb *s);

/* The other side would rather have smaller blocks (section 2.1). */
static bool try_smaller(struct burble_ibb *s, const struct burble_stanza_error *error)
{
    if (strcmp(error->condition, "resource-constraint") != 0 || s->block / 2 < BURBLE_IBB_BLOCK_MIN)
        return false;
    s->block /= 2;
    return send_open(s) == 0;
}

static void opened(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct ibb_slot *slot = arg;
    struct burble_ibb *s = slot->stream;
    struct burble_stanza_error error;
    slot->handle = 0;
    client_iq_error(c, outcome, iq, &error);
    if (outcome == BURBLE_IQ_ERROR && s->state == IBB_OPENING && try_smaller(s, &error))
        return;
    if (outcome != BURBLE_IQ_RESULT) {
        ibb_end(s, outcome == BURBLE_IQ_ERROR ? BURBLE_IBB_REFUSED : BURBLE_IBB_LOST,
                *error.text != '\0' ? error.text : error.condition);
        return;
    }
    ibb_heard(s);
    bool wanted = s->state == IBB_OPENING;
    if (wanted)
        s->state = IBB_OPEN;
    if (wanted && s->h.open != NULL) {
        client_enter(c);
        s->h.open(s, s->arg);
        c->depth--;
    }
    if (!s->x.retired)
        pump_or_end(s);
}

static int send_open(struct burble_ibb *s)
{
    char block[CLIENT_NUMBER_BYTES];
    struct xml_writer w;
    client_payload(s->x.client, &w);
    xml_open(&w, SLICE("open"), NS_IBB);
    xml_attr_put(&w, SLICE("block-size"), client_number(s->block, block));
    xml_attr_put(&w, SLICE("sid"), slice_z(s->sid));
    xml_attr_put(&w, SLICE("stanza"), SLICE("iq"));
    xml_close(&w);
    s->slots[0].stream = s;
    return ask(s, opened, &s->slots[0], &s->slots[0].handle);
}

int burble_ibb_open(struct burble *c, const char *to, const char *sid, unsigned block,
                    const struct burble_ibb_handlers *h, void *arg, struct burble_ibb **out)
{
    char made[CLIENT_ID_BYTES];
    client_new_id(c, made);
    int err = ibb_new(c, slice_z(to), slice_z(sid != NULL ? sid : made),
                      block != 0 ? block : BURBLE_IBB_BLOCK, h, arg, IBB_OPENING, out);
    if (err == 0 && (err = send_open(*out)) != 0) {
        client_retire(&(*out)->x);
        *out = NULL;
    }
    return err;
}

int burble_ibb_await(struct burble *c, const char *from, const char *sid, unsigned block,
                     const struct burble_ibb_handlers *h, void *arg, struct burble_ibb **out)
{
    return ibb_new(c, slice_z(from), slice_z(sid), block != 0 ? block : BURBLE_IBB_BLOCK, h, arg,
                   IBB_AWAITED, out);
}

void burble_ibb_close(struct burble_ibb *s)
{
    if (s->state == IBB_OPEN || s->state == IBB_OPENING) {
        bool opening = s->state == IBB_OPENING;
        s->state = IBB_CLOSING;
        if (!opening && pump(s) != 0)
            ibb_heard(s); /* the end comes with the silence */
    }
}

unsigned burble_ibb_block(const struct burble_ibb *s)
{
    return s->block;
}

struct burble *burble_ibb_client(const struct burble_ibb *s)
{
    return s->x.client;
}

void burble_ibb_free(struct burble_ibb **s)
{
    struct burble_ibb *old = *s;
    *s = NULL;
    if (old == NULL)
        return;
    if (old->state == IBB_OPEN || old->state == IBB_CLOSING || old->state == IBB_OPENING)
        ibb_tell_close(old);
    old->h = (struct burble_ibb_handlers){0};
    ibb_end(old, BURBLE_IBB_CLOSED, "");
    client_retire(&old->x);
}
