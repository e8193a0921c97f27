/* Stanzas: RFC 6120 section 8, types by RFC 6121 sections 4.7.1 and 5.2.2. */
#include "xmpp/stanza.h"

#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

#define S(lit)                                                                                     \
    {                                                                                              \
        .ptr = (lit), .len = sizeof(lit) - 1                                                       \
    }

static const struct slice KIND_NAMES[] = {
    [STANZA_MESSAGE] = S("message"),
    [STANZA_PRESENCE] = S("presence"),
    [STANZA_IQ] = S("iq"),
};

static const struct {
    enum stanza_kind kind;
    struct slice name;
} TYPES[] = {
    [TYPE_CHAT] = {STANZA_MESSAGE, S("chat")},
    [TYPE_GROUPCHAT] = {STANZA_MESSAGE, S("groupchat")},
    [TYPE_HEADLINE] = {STANZA_MESSAGE, S("headline")},
    [TYPE_UNAVAILABLE] = {STANZA_PRESENCE, S("unavailable")},
    [TYPE_SUBSCRIBE] = {STANZA_PRESENCE, S("subscribe")},
    [TYPE_SUBSCRIBED] = {STANZA_PRESENCE, S("subscribed")},
    [TYPE_UNSUBSCRIBE] = {STANZA_PRESENCE, S("unsubscribe")},
    [TYPE_UNSUBSCRIBED] = {STANZA_PRESENCE, S("unsubscribed")},
    [TYPE_PROBE] = {STANZA_PRESENCE, S("probe")},
    [TYPE_GET] = {STANZA_IQ, S("get")},
    [TYPE_SET] = {STANZA_IQ, S("set")},
    [TYPE_RESULT] = {STANZA_IQ, S("result")},
};

struct slice stanza_kind_name(enum stanza_kind kind)
{
    return KIND_NAMES[kind];
}

struct slice stanza_type_name(enum stanza_type type)
{
    if (type == TYPE_ERROR)
        return SLICE("error");
    return type < TYPE_ERROR ? TYPES[type].name : SLICE_NONE;
}

static enum stanza_type type_of(enum stanza_kind kind, struct slice name)
{
    if (slice_is(name, "error"))
        return TYPE_ERROR;
    if (name.ptr != NULL)
        for (enum stanza_type t = TYPE_CHAT; t <= TYPE_RESULT; t++)
            if (TYPES[t].name.len > 0 && TYPES[t].kind == kind && slice_eq(TYPES[t].name, name))
                return t;
    if (kind == STANZA_MESSAGE)
        return TYPE_NORMAL;
    return kind == STANZA_PRESENCE && name.ptr == NULL ? TYPE_AVAILABLE : TYPE_BAD;
}

bool stanza_read(struct xml root, struct slice stream_lang, struct stanza *out)
{
    *out = (struct stanza){.root = root};
    if (!slice_eq(xml_ns(root), NS_CLIENT))
        return false;
    struct slice name = xml_name(root);
    if (slice_is(name, "message"))
        out->kind = STANZA_MESSAGE;
    else if (slice_is(name, "presence"))
        out->kind = STANZA_PRESENCE;
    else if (slice_is(name, "iq"))
        out->kind = STANZA_IQ;
    else
        return false;
    out->type = type_of(out->kind, xml_attr(root, SLICE("type")));
    out->id = xml_attr(root, SLICE("id"));
    out->lang = xml_lang(root);
    if (out->lang.ptr == NULL)
        out->lang = stream_lang;
    return true;
}

void stanza_pack(struct stanza *s, struct buf *own)
{
    if (s->packed)
        return;
    buf_clear(own);
    xml_write_children(own, s->root, NS_CLIENT);
    s->payload = buf_slice(own);
    s->packed = true;
}

static void write_head(struct buf *out, const struct stanza *s, enum stanza_type type,
                       struct slice from, struct slice to)
{
    buf_byte(out, '<');
    buf_add(out, KIND_NAMES[s->kind]);
    if (from.len > 0)
        xml_write_attr(out, SLICE("from"), from);
    if (to.len > 0)
        xml_write_attr(out, SLICE("to"), to);
    struct slice name = stanza_type_name(type);
    if (name.len > 0)
        xml_write_attr(out, SLICE("type"), name);
    if (s->id.ptr != NULL)
        xml_write_attr(out, SLICE("id"), s->id);
    if (s->lang.len > 0)
        xml_write_attr(out, SLICE("xml:lang"), s->lang);
}

static void write_end(struct buf *out, enum stanza_kind kind)
{
    buf_lit(out, "</");
    buf_add(out, KIND_NAMES[kind]);
    buf_byte(out, '>');
}

bool stanza_unpack(struct stanza *s, struct xml_tree **tree_out)
{
    struct buf text = {0};
    struct xml_limits limits = XML_LIMITS_C2S;
    limits.stanza_bytes = limits.elements = UINT32_MAX;
    *tree_out = NULL;
    s->root = XML_NONE;
    stanza_write(&text, s, NULL, SLICE_NONE);
    if (!text.failed && xml_parse(buf_slice(&text), NS_CLIENT, &limits, tree_out) == XML_OK)
        s->root = xml_root(*tree_out);
    buf_free(&text);
    return xml_some(s->root);
}

void stanza_write(struct buf *out, const struct stanza *s, const struct jid *to, struct slice extra)
{
    struct slice target = to == NULL ? jid_full(&s->to) : jid_full(to);
    write_head(out, s, s->type, jid_full(&s->from), target);
    if (s->packed && s->payload.len == 0 && extra.len == 0) {
        buf_lit(out, "/>");
        return;
    }
    buf_byte(out, '>');
    if (s->packed)
        buf_add(out, s->payload);
    else
        xml_write_children(out, s->root, NS_CLIENT);
    buf_add(out, extra);
    write_end(out, s->kind);
}

void stanza_error_payload(struct buf *out, enum stanza_error error, struct slice text,
                          struct slice app)
{
    struct xml_writer w;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("error"), SLICE_NONE);
    xml_attr_put(&w, SLICE("type"), stanza_error_type(error));
    xml_open(&w, stanza_error_name(error), NS_STANZA_ERRORS);
    xml_close(&w);
    if (text.len > 0)
        xml_leaf(&w, SLICE("text"), NS_STANZA_ERRORS, text);
    if (app.len > 0)
        xml_raw_put(&w, app);
    xml_close(&w);
}

void stanza_write_error(struct buf *out, const struct stanza *s, enum stanza_error error,
                        struct slice text, struct slice app)
{
    write_head(out, s, TYPE_ERROR, jid_full(&s->to), jid_full(&s->from));
    buf_byte(out, '>');
    stanza_error_payload(out, error, text, app);
    write_end(out, s->kind);
}

/* Encoded form: a fixed head of lengths, then the bytes in the order of the lengths. */
struct packed_head {
    uint8_t kind, type, has_id, zero;
    uint32_t id_len, lang_len, from_len, to_len, payload_len;
};

void stanza_encode(struct buf *out, const struct stanza *s)
{
    struct slice from = jid_full(&s->from), to = jid_full(&s->to);
    if (!jid_some(&s->from))
        from = SLICE_NONE;
    if (!jid_some(&s->to))
        to = SLICE_NONE;
    struct packed_head head = {
        .kind = (uint8_t)s->kind,
        .type = (uint8_t)s->type,
        .has_id = s->id.ptr != NULL,
        .id_len = (uint32_t)s->id.len,
        .lang_len = (uint32_t)s->lang.len,
        .from_len = (uint32_t)from.len,
        .to_len = (uint32_t)to.len,
        .payload_len = (uint32_t)s->payload.len,
    };
    size_t at = buf_len(out);
    buf_append(out, &head, sizeof(head));
    buf_add(out, s->id);
    buf_add(out, s->lang);
    buf_add(out, from);
    buf_add(out, to);
    if (s->packed) {
        buf_add(out, s->payload);
        return;
    }
    size_t before = buf_len(out);
    xml_write_children(out, s->root, NS_CLIENT);
    head.payload_len = (uint32_t)(buf_len(out) - before);
    if (!out->failed)
        memcpy(out->ptr + out->start + at, &head, sizeof(head));
}

static struct slice take(struct slice *text, uint32_t len)
{
    struct slice part = slice_of(text->ptr, len);
    *text = slice_from(*text, len);
    return part;
}

bool stanza_decode(struct slice text, struct stanza *out)
{
    struct packed_head h;
    if (text.len < sizeof(h))
        return false;
    memcpy(&h, text.ptr, sizeof(h));
    text = slice_from(text, sizeof(h));
    uint64_t total = (uint64_t)h.id_len + h.lang_len + h.from_len + h.to_len + h.payload_len;
    if (total != text.len || h.kind > STANZA_IQ || h.type > TYPE_ERROR)
        return false;
    *out = (struct stanza){.kind = h.kind, .type = h.type, .packed = true};
    out->id = take(&text, h.id_len);
    if (!h.has_id)
        out->id = SLICE_NONE;
    out->lang = take(&text, h.lang_len);
    struct slice from = take(&text, h.from_len), to = take(&text, h.to_len);
    out->payload = take(&text, h.payload_len);
    return (from.len == 0 || jid_from_prepared(from, &out->from)) &&
           (to.len == 0 || jid_from_prepared(to, &out->to));
}
