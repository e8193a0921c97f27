/* Messages: what is in one that came (burble/message.h names the XEPs), and sending. A carbon
 * counts only from the own account, and only one level deep (rows V58). */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/client.h"
#include "client/text.h"

enum { MESSAGE_BYTES = 384 }; /* of a stanza without its body: in one piece of memory */

#define NS_FORWARD SLICE("urn:xmpp:forward:0")
#define NS_CORRECT SLICE("urn:xmpp:message-correct:0")

const char *burble_chat_state_text(enum burble_chat_state state)
{
    static const char *const NAMES[] = {
        [BURBLE_NO_CHAT_STATE] = "",           [BURBLE_CHAT_ACTIVE] = "active",
        [BURBLE_CHAT_COMPOSING] = "composing", [BURBLE_CHAT_PAUSED] = "paused",
        [BURBLE_CHAT_INACTIVE] = "inactive",   [BURBLE_CHAT_GONE] = "gone",
    };
    return (unsigned)state <= BURBLE_CHAT_GONE ? NAMES[state] : "";
}

static enum burble_message_type type_of(enum stanza_type type)
{
    switch (type) {
    case TYPE_CHAT:
        return BURBLE_CHAT;
    case TYPE_GROUPCHAT:
        return BURBLE_GROUPCHAT;
    case TYPE_HEADLINE:
        return BURBLE_HEADLINE;
    case TYPE_ERROR:
        return BURBLE_MESSAGE_ERROR;
    default:
        return BURBLE_NORMAL;
    }
}

struct reading {
    struct burble *c;
    const struct stanza *s;
    struct burble_message *out;
    bool translated; /* the body is in a language of its own */
};

static const char *text_of(struct reading *r, struct slice text)
{
    return view_string(&r->c->view, text);
}

/* Text of an element; an empty one is "", not absent. */
static const char *content(struct reading *r, struct xml x)
{
    struct slice text = xml_text(x);
    return text.ptr != NULL ? text_of(r, text) : "";
}

/* The id that our own archive gave, or the room's for what it said (XEP-0359 section 5). */
static void read_stanza_id(struct reading *r, struct xml x)
{
    struct slice by = xml_attr(x, SLICE("by"));
    struct slice owner =
        r->s->type == TYPE_GROUPCHAT ? jid_bare(&r->s->from) : slice_z(r->c->setup.bare);
    if (slice_eq(by, owner))
        r->out->stanza_id = text_of(r, xml_attr(x, SLICE("id")));
}

static void read_delay(struct reading *r, struct xml x)
{
    int64_t stamp;
    if (!time_parse(xml_attr(x, SLICE("stamp")), &stamp))
        return;
    r->out->stamp_ms = stamp;
    if (r->out->origin == BURBLE_LIVE)
        r->out->origin = BURBLE_DELAYED;
}

static void read_chat_state(struct reading *r, struct xml x)
{
    for (enum burble_chat_state i = BURBLE_CHAT_ACTIVE; i <= BURBLE_CHAT_GONE; i++)
        if (slice_eq(xml_name(x), slice_z(burble_chat_state_text(i))))
            r->out->chat_state = i;
}

static void read_marker(struct reading *r, struct xml x)
{
    if (slice_is(xml_name(x), "markable")) {
        r->out->marker = BURBLE_MARKABLE;
    } else if (slice_is(xml_name(x), "displayed")) {
        r->out->marker = BURBLE_DISPLAYED;
        r->out->marker_for = text_of(r, xml_attr(x, SLICE("id")));
    }
}

static void read_receipt(struct reading *r, struct xml x)
{
    if (slice_is(xml_name(x), "request"))
        r->out->receipt_wanted = true;
    else if (slice_is(xml_name(x), "received"))
        r->out->receipt_for = text_of(r, xml_attr(x, SLICE("id")));
}

/* Of several bodies (RFC 6121 section 5.2.3) the one in the language of the message. */
static void read_client(struct reading *r, struct xml x)
{
    struct burble_message *m = r->out;
    struct slice name = xml_name(x);
    bool translated = xml_lang(x).len > 0;
    if (slice_is(name, "body") && (m->body == NULL || (r->translated && !translated))) {
        m->body = content(r, x);
        r->translated = translated;
    } else if (slice_is(name, "subject") && m->subject == NULL) {
        m->subject = content(r, x);
    } else if (slice_is(name, "thread") && m->thread == NULL) {
        m->thread = content(r, x);
    }
}

static void read_other(struct reading *r, struct xml x)
{
    struct burble_message *m = r->out;
    struct slice ns = xml_ns(x), name = xml_name(x);
    if (slice_eq(ns, NS_STANZA_ID) && slice_is(name, "stanza-id"))
        read_stanza_id(r, x);
    else if (slice_eq(ns, NS_STANZA_ID) && slice_is(name, "origin-id"))
        m->origin_id = text_of(r, xml_attr(x, SLICE("id")));
    else if (slice_eq(ns, NS_DELAY) && slice_is(name, "delay"))
        read_delay(r, x);
    else if (slice_eq(ns, NS_CORRECT) && slice_is(name, "replace"))
        m->replaces = text_of(r, xml_attr(x, SLICE("id")));
    else if (slice_eq(ns, NS_OCCUPANT_ID) && slice_is(name, "occupant-id"))
        m->occupant_id = text_of(r, xml_attr(x, SLICE("id")));
    else if (slice_eq(ns, NS_OOB) && slice_is(name, "x"))
        m->oob_url = text_of(r, xml_text(xml_child(x, NS_OOB, SLICE("url"))));
}

static void read_child(struct reading *r, struct xml x)
{
    struct slice ns = xml_ns(x);
    if (slice_eq(ns, NS_CLIENT))
        read_client(r, x);
    else if (slice_eq(ns, NS_CHAT_STATES))
        read_chat_state(r, x);
    else if (slice_eq(ns, NS_RECEIPTS))
        read_receipt(r, x);
    else if (slice_eq(ns, NS_MARKERS))
        read_marker(r, x);
    else
        read_other(r, x);
}

void message_read(struct burble *c, const struct stanza *s, enum burble_origin origin,
                  int64_t stamp_ms, struct burble_message *out)
{
    struct burble_tree *v = &c->view;
    const struct jid *other = &s->from;
    struct reading r = {.c = c, .s = s, .out = out};
    bool self = slice_eq(jid_bare(&s->from), slice_z(c->setup.bare));
    const char *from = jid_some(&s->from) ? view_string(v, jid_bare(&s->from)) : c->setup.bare;
    if (self && jid_some(&s->to))
        other = &s->to;
    *out = (struct burble_message){
        .type = type_of(s->type),
        .origin = origin,
        .stamp_ms = stamp_ms != 0 ? stamp_ms : c->now.wall_ms,
        .from = jid_some(&s->from) ? view_string(v, jid_full(&s->from)) : c->setup.bare,
        .from_bare = from,
        .to = jid_some(&s->to) ? view_string(v, jid_full(&s->to)) : c->jid,
        .with = other == &s->from ? from : view_string(v, jid_bare(other)),
        .id = view_string(v, s->id),
        .xml = view_of(v, s->root),
    };
    for (struct xml x = xml_first_element(s->root); xml_some(x); x = xml_next_element(x))
        read_child(&r, x);
    if (s->type == TYPE_ERROR)
        client_iq_error(c, BURBLE_IQ_ERROR, s->root, &out->error);
}

static void emit(struct burble *c, const struct burble_message *m)
{
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_MESSAGE, .message = m});
}

/* The message in <forwarded/> (XEP-0297); its addresses are prepared into mem. */
bool message_forwarded(struct xml envelope, struct arena *mem, struct stanza *out,
                       int64_t *stamp_ms_out)
{
    struct xml forwarded = xml_child(envelope, NS_FORWARD, SLICE("forwarded"));
    struct xml inner = xml_child(forwarded, NS_CLIENT, SLICE("message"));
    struct xml delay = xml_child(forwarded, NS_DELAY, SLICE("delay"));
    *stamp_ms_out = 0;
    (void)time_parse(xml_attr(delay, SLICE("stamp")), stamp_ms_out);
    if (!stanza_read(inner, SLICE_NONE, out))
        return false;
    struct slice from = xml_attr(inner, SLICE("from")), to = xml_attr(inner, SLICE("to"));
    return (from.ptr == NULL || jid_parse(from, mem, &out->from) == 0) &&
           (to.ptr == NULL || jid_parse(to, mem, &out->to) == 0);
}

static struct xml carbon_of(struct xml root)
{
    struct xml x = xml_first_element(root);
    while (xml_some(x) && !(slice_eq(xml_ns(x), NS_CARBONS) &&
                            (slice_is(xml_name(x), "received") || slice_is(xml_name(x), "sent"))))
        x = xml_next_element(x);
    return x;
}

static void carbon(struct burble *c, const struct stanza *s, struct xml envelope)
{
    struct arena mem = {0};
    struct burble_message m;
    struct stanza inner;
    int64_t stamp_ms;
    bool sent = slice_is(xml_name(envelope), "sent");
    if (client_from_self(c, s) && message_forwarded(envelope, &mem, &inner, &stamp_ms) &&
        !xml_some(carbon_of(inner.root))) {
        message_read(c, &inner, sent ? BURBLE_CARBON_SENT : BURBLE_CARBON_RECEIVED, stamp_ms, &m);
        emit(c, &m);
    } else {
        client_bad(c, "a copy that is not from our own account", jid_full(&s->from));
    }
    arena_free(&mem);
}

bool message_deliver(struct burble *c, const struct stanza *s)
{
    struct burble_message m;
    struct xml envelope = carbon_of(s->root);
    if (xml_some(envelope) && s->type != TYPE_ERROR) {
        carbon(c, s, envelope);
        return true;
    }
    message_read(c, s, BURBLE_LIVE, 0, &m);
    emit(c, &m);
    return true;
}

/* ------------------------------------------------------------------------------------- sending */

static struct slice type_name(const struct burble_message_options *o, bool body)
{
    switch (o->type) {
    case BURBLE_GROUPCHAT:
        return SLICE("groupchat");
    case BURBLE_HEADLINE:
        return SLICE("headline");
    case BURBLE_CHAT:
        return SLICE("chat");
    default:
        return body ? SLICE("chat") : SLICE_NONE;
    }
}

static void put_options(struct xml_writer *w, const struct burble_message_options *o,
                        struct slice id)
{
    struct slice state = slice_z(burble_chat_state_text(o->chat_state));
    if (state.len > 0) {
        xml_open(w, state, NS_CHAT_STATES);
        xml_close(w);
    }
    if (o->ask_receipt) {
        xml_open(w, SLICE("request"), NS_RECEIPTS);
        xml_close(w);
    }
    if (o->markable) {
        xml_open(w, SLICE("markable"), NS_MARKERS);
        xml_close(w);
    }
    if (o->replaces != NULL) {
        xml_open(w, SLICE("replace"), NS_CORRECT);
        xml_attr_put(w, SLICE("id"), slice_z(o->replaces));
        xml_close(w);
    }
    if (o->oob_url != NULL) {
        xml_open(w, SLICE("x"), NS_OOB);
        xml_leaf(w, SLICE("url"), SLICE_NONE, slice_z(o->oob_url));
        xml_close(w);
    }
    xml_open(w, SLICE("origin-id"), NS_STANZA_ID);
    xml_attr_put(w, SLICE("id"), id);
    xml_close(w);
    if (o->payload != NULL)
        xml_raw_put(w, slice_z(o->payload));
}

/* Nothing that a program has written itself, and text that XML can carry. */
static bool is_plain(const struct burble_message_options *o, struct slice id, const char *body)
{
    const char *const texts[] = {body, o->subject, o->thread, o->replaces, o->oob_url};
    bool plain = o->payload == NULL && client_text_valid(id);
    for (size_t i = 0; plain && i < sizeof(texts) / sizeof(texts[0]); i++)
        plain = texts[i] == NULL || client_text_valid(slice_z(texts[i]));
    return plain;
}

int burble_say(struct burble *c, const char *to, const char *body,
               const struct burble_message_options *options, uint64_t *ticket_out, char *id_out)
{
    static const struct burble_message_options NONE;
    const struct burble_message_options *o = options != NULL ? options : &NONE;
    char made[CLIENT_ID_BYTES];
    struct arena mem = {0};
    struct buf b = {0};
    struct xml_writer w;
    struct jid jid;
    int err = to != NULL ? jid_parse(slice_z(to), &mem, &jid) : ERR_SYNTAX;
    if (err != 0) {
        arena_free(&mem);
        return err;
    }
    client_new_id(c, made);
    struct slice id = slice_z(o->id != NULL ? o->id : made);
    struct slice type = type_name(o, body != NULL);
    (void)buf_reserve(&b, (body != NULL ? strlen(body) : 0) + MESSAGE_BYTES);
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("message"), SLICE_NONE);
    xml_attr_put(&w, SLICE("to"), jid_full(&jid));
    if (type.len > 0)
        xml_attr_put(&w, SLICE("type"), type);
    xml_attr_put(&w, SLICE("id"), id);
    if (o->subject != NULL)
        xml_leaf(&w, SLICE("subject"), SLICE_NONE, slice_z(o->subject));
    if (body != NULL)
        xml_leaf(&w, SLICE("body"), SLICE_NONE, slice_z(body));
    if (o->thread != NULL)
        xml_leaf(&w, SLICE("thread"), SLICE_NONE, slice_z(o->thread));
    put_options(&w, o, id);
    xml_close(&w);
    unsigned flags = o->flags & BURBLE_SEND_NOW;
    if (is_plain(o, id, body))
        flags |= OUTBOX_WRITTEN;
    if (b.failed || id.len >= 64)
        err = b.failed ? ERR_MEMORY : ERR_SYNTAX;
    else
        err = outbox_put(c, OUTBOX_KEEP, buf_slice(&b), id, flags, ticket_out);
    if (err == 0 && id_out != NULL) {
        memcpy(id_out, id.ptr, id.len);
        id_out[id.len] = '\0';
    }
    buf_free(&b);
    arena_free(&mem);
    return err;
}
