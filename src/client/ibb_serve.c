/* In-band bytestreams (XEP-0047 2.0.1): what others send us. A block counts only when it is of a
 * stream that stands, from its other side, the next in order, Base64, and not too big. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "client/ibb.h"

/* Who hears of streams that nobody waits for. */
struct listener {
    struct client_extension x;
    burble_ibb_offer_fn *fn; /* NULL: nobody */
    void *arg;
    const struct burble_ibb_offer *offer; /* that is being decided on */
    const struct stanza *iq;
    bool answered;
};

static void listener_free(struct client_extension *x)
{
    free(CONTAINER_OF(x, struct listener, x));
}

static const struct client_extension_ops OPS = {.name = "ibb-listener", .free = listener_free};

static struct listener *listener_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    return x != NULL ? CONTAINER_OF(x, struct listener, x) : NULL;
}

static void refuse(struct burble *c, const struct stanza *iq, enum stanza_error error)
{
    (void)client_iq_refuse(c, iq, error, SLICE_NONE);
}

/* Whom it is from; our own account may write to itself without a from. */
static struct slice peer_of(struct burble *c, const struct stanza *iq)
{
    return jid_some(&iq->from) ? jid_full(&iq->from) : slice_z(c->setup.bare);
}

static bool number(struct slice text, unsigned long long max, unsigned *out)
{
    unsigned long long n;
    if (!slice_to_u64(text, &n) || n > max)
        return false;
    *out = (unsigned)n;
    return true;
}

/* ----------------------------------------------------------------------------------------- open */

static void offer(struct burble *c, const struct stanza *iq, struct slice sid, unsigned block)
{
    struct listener *l = listener_of(c);
    if (l == NULL || l->fn == NULL) {
        refuse(c, iq, STANZA_SERVICE_UNAVAILABLE);
        return;
    }
    const struct burble_ibb_offer o = {.from = view_string(&c->view, peer_of(c, iq)),
                                       .sid = view_string(&c->view, sid),
                                       .block = block};
    if (o.from == NULL || o.sid == NULL) {
        refuse(c, iq, STANZA_RESOURCE_CONSTRAINT);
        return;
    }
    l->offer = &o;
    l->iq = iq;
    l->answered = false;
    client_enter(c);
    l->fn(c, &o, l->arg);
    c->depth--;
    l->offer = NULL;
    l->iq = NULL;
    if (!l->answered)
        refuse(c, iq, STANZA_NOT_ACCEPTABLE);
}

static void begin(struct burble *c, struct burble_ibb *s, const struct stanza *iq, unsigned block)
{
    if (s->state != IBB_AWAITED) {
        refuse(c, iq, STANZA_NOT_ACCEPTABLE);
        return;
    }
    if (block > s->block) {
        refuse(c, iq, STANZA_RESOURCE_CONSTRAINT);
        return;
    }
    s->block = block;
    s->state = IBB_OPEN;
    ibb_heard(s);
    (void)client_iq_answer(c, iq, SLICE_NONE);
    if (s->h.open == NULL)
        return;
    client_enter(c);
    s->h.open(s, s->arg);
    c->depth--;
}

static void serve_open(struct burble *c, const struct stanza *iq, struct xml x, void *arg)
{
    struct slice sid = xml_attr(x, SLICE("sid")), stanza = xml_attr(x, SLICE("stanza"));
    unsigned block;
    (void)arg;
    struct burble_ibb *s = ibb_find(c, peer_of(c, iq), sid);
    if (iq->type != TYPE_SET || sid.len == 0 ||
        !number(xml_attr(x, SLICE("block-size")), BURBLE_IBB_BLOCK_MAX, &block) || block == 0)
        refuse(c, iq, STANZA_BAD_REQUEST);
    else if ((stanza.ptr != NULL && !slice_is(stanza, "iq")) || block < BURBLE_IBB_BLOCK_MIN)
        refuse(c, iq, STANZA_NOT_ACCEPTABLE); /* messages have no acknowledgements */
    else if (s != NULL)
        begin(c, s, iq, block);
    else
        offer(c, iq, sid, block);
}

int burble_ibb_accept(struct burble *c, const struct burble_ibb_offer *o, unsigned block_max,
                      const struct burble_ibb_handlers *h, void *arg, struct burble_ibb **out)
{
    struct listener *l = listener_of(c);
    *out = NULL;
    if (l == NULL || l->offer != o || o == NULL || l->answered)
        return ERR_BUSY;
    if (block_max != 0 && o->block > block_max) {
        l->answered = true;
        refuse(c, l->iq, STANZA_RESOURCE_CONSTRAINT);
        return ERR_LIMIT;
    }
    int err = ibb_new(c, slice_z(o->from), slice_z(o->sid), o->block, h, arg, IBB_OPEN, out);
    if (err != 0)
        return err;
    l->answered = true;
    (void)client_iq_answer(c, l->iq, SLICE_NONE);
    return 0;
}

/* ----------------------------------------------------------------------------------------- data */

static void broken(struct burble *c, struct burble_ibb *s, const struct stanza *iq,
                   enum stanza_error error, const char *text)
{
    refuse(c, iq, error);
    ibb_tell_close(s);
    ibb_end(s, BURBLE_IBB_BROKEN, text);
}

static void take(struct burble *c, struct burble_ibb *s, const struct stanza *iq, struct xml x)
{
    unsigned seq;
    struct slice text = xml_text(x);
    struct buf bytes = {0};
    size_t len = 0;
    if (!number(xml_attr(x, SLICE("seq")), UINT16_MAX, &seq)) {
        broken(c, s, iq, STANZA_BAD_REQUEST, "a block without a number");
        return;
    }
    if (seq != s->seq_in) {
        broken(c, s, iq, STANZA_UNEXPECTED_REQUEST, "a block is missing, or came twice");
        return;
    }
    if (xml_some(xml_first_element(x)) || text.len > base64_encoded_len(s->block) ||
        buf_reserve(&bytes, text.len + 4) != 0 ||
        !base64_decode(text, bytes.ptr + bytes.end, &len) || len > s->block) {
        buf_free(&bytes);
        broken(c, s, iq, STANZA_BAD_REQUEST, "a block that is damaged, or too big");
        return;
    }
    s->seq_in++;
    ibb_heard(s);
    (void)client_iq_answer(c, iq, SLICE_NONE);
    if (s->h.data != NULL && len > 0) {
        client_enter(c);
        s->h.data(s, bytes.ptr + bytes.end, len, s->arg);
        c->depth--;
    }
    buf_free(&bytes);
}

static bool stands(const struct burble_ibb *s)
{
    return s != NULL && (s->state == IBB_OPEN || s->state == IBB_CLOSING);
}

static void serve_data(struct burble *c, const struct stanza *iq, struct xml x, void *arg)
{
    struct burble_ibb *s = ibb_find(c, peer_of(c, iq), xml_attr(x, SLICE("sid")));
    (void)arg;
    if (iq->type != TYPE_SET)
        refuse(c, iq, STANZA_BAD_REQUEST);
    else if (!stands(s))
        refuse(c, iq, STANZA_ITEM_NOT_FOUND);
    else
        take(c, s, iq, x);
}

static void serve_close(struct burble *c, const struct stanza *iq, struct xml x, void *arg)
{
    struct burble_ibb *s = ibb_find(c, peer_of(c, iq), xml_attr(x, SLICE("sid")));
    (void)arg;
    if (iq->type != TYPE_SET) {
        refuse(c, iq, STANZA_BAD_REQUEST);
        return;
    }
    if (s == NULL || s->state == IBB_AWAITED) {
        refuse(c, iq, STANZA_ITEM_NOT_FOUND);
        return;
    }
    (void)client_iq_answer(c, iq, SLICE_NONE);
    ibb_end(s, burble_ibb_is_settled(s) ? BURBLE_IBB_CLOSED : BURBLE_IBB_BROKEN,
            "the other side closed it");
}

/* ------------------------------------------------------------------------------------ listening */

int ibb_serve(struct burble *c)
{
    static const struct {
        struct slice name;
        client_server_fn *fn;
    } SERVICES[] = {
        {{"open", 4}, serve_open}, {{"data", 4}, serve_data}, {{"close", 5}, serve_close}};
    if (listener_of(c) != NULL)
        return 0;
    struct listener *l = client_alloc(sizeof(*l));
    int err = l != NULL ? 0 : ERR_MEMORY;
    size_t served = 0;
    while (err == 0 && served < sizeof(SERVICES) / sizeof(SERVICES[0])) {
        err = client_iq_serve(c, NS_IBB, SERVICES[served].name, SERVICES[served].fn, NULL);
        served += err == 0;
    }
    if (err != 0) {
        while (served > 0)
            (void)client_iq_serve(c, NS_IBB, SERVICES[--served].name, NULL, NULL);
        free(l);
        return err;
    }
    client_extend(c, &l->x, &OPS);
    return 0;
}

int burble_ibb_listen(struct burble *c, burble_ibb_offer_fn *fn, void *arg)
{
    int err = ibb_serve(c);
    if (err == 0 && fn != NULL)
        err = client_feature(c, NS_IBB.ptr);
    if (err != 0)
        return err;
    struct listener *l = listener_of(c);
    l->fn = fn;
    l->arg = arg;
    return 0;
}
