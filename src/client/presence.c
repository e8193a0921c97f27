/* Presence: the own one, kept and said again in every session, and that of others (RFC 6121
 * section 4). */
#include <stdio.h>

#include "client/client.h"
#include "xml/parser.h"

static const char *const SHOWS[] = {
    [BURBLE_SHOW_ONLINE] = "online", [BURBLE_SHOW_CHAT] = "chat", [BURBLE_SHOW_AWAY] = "away",
    [BURBLE_SHOW_XA] = "xa",         [BURBLE_SHOW_DND] = "dnd",
};

const char *burble_show_text(enum burble_show show)
{
    return (unsigned)show <= BURBLE_SHOW_DND ? SHOWS[show] : "online";
}

static enum burble_presence_type type_of(enum stanza_type type)
{
    switch (type) {
    case TYPE_UNAVAILABLE:
        return BURBLE_UNAVAILABLE;
    case TYPE_SUBSCRIBE:
        return BURBLE_SUBSCRIBE;
    case TYPE_SUBSCRIBED:
        return BURBLE_SUBSCRIBED;
    case TYPE_UNSUBSCRIBE:
        return BURBLE_UNSUBSCRIBE;
    case TYPE_UNSUBSCRIBED:
        return BURBLE_UNSUBSCRIBED;
    case TYPE_ERROR:
        return BURBLE_PRESENCE_ERROR;
    default:
        return BURBLE_AVAILABLE;
    }
}

void client_presence_read(struct burble *c, const struct stanza *s, struct burble_presence *out)
{
    struct burble_tree *v = &c->view;
    struct slice show = xml_text(xml_child(s->root, NS_CLIENT, SLICE("show")));
    struct slice status = xml_text(xml_child(s->root, NS_CLIENT, SLICE("status")));
    *out = (struct burble_presence){
        .type = type_of(s->type),
        .from = jid_some(&s->from) ? view_string(v, jid_full(&s->from)) : c->setup.bare,
        .from_bare = jid_some(&s->from) ? view_string(v, jid_bare(&s->from)) : c->setup.bare,
        .to = jid_some(&s->to) ? view_string(v, jid_full(&s->to)) : c->jid,
        .resource = view_string(v, jid_resource(&s->from)),
        .status = status.len > 0 ? view_string(v, status) : NULL,
        .xml = view_of(v, s->root),
    };
    for (enum burble_show i = BURBLE_SHOW_CHAT; i <= BURBLE_SHOW_DND; i++)
        if (slice_eq(show, slice_z(SHOWS[i])))
            out->show = i;
    int priority;
    if (slice_to_int(xml_text(xml_child(s->root, NS_CLIENT, SLICE("priority"))), &priority) &&
        priority >= -128 && priority <= 127)
        out->priority = priority;
    if (s->type == TYPE_ERROR)
        client_iq_error(c, BURBLE_IQ_ERROR, s->root, &out->error);
}

bool client_presence_deliver(struct burble *c, const struct stanza *s)
{
    struct burble_presence p;
    if (s->type == TYPE_PROBE)
        return true; /* a server's business */
    client_presence_read(c, s, &p);
    client_emit(c, &(struct burble_event){.kind = BURBLE_EVENT_PRESENCE, .presence = &p});
    return true;
}

static int announce(struct burble *c)
{
    struct buf b = {0};
    buf_lit(&b, "<presence>");
    buf_add(&b, buf_slice(&c->presence));
    client_presence_extras(c, true, &b);
    buf_lit(&b, "</presence>");
    int err =
        b.failed ? ERR_MEMORY : outbox_put(c, OUTBOX_SESSION, buf_slice(&b), SLICE_NONE, 0, NULL);
    buf_free(&b);
    if (err != 0)
        c->presence_due = c->session; /* for when the session goes on */
    return err;
}

void client_presence_announce(struct burble *c)
{
    if (c->available && announce(c) == ERR_MEMORY)
        client_starve(c);
}

void client_presence_resume(struct burble *c)
{
    bool due = c->presence_due;
    c->presence_due = false;
    if (due && c->available)
        client_presence_announce(c);
    else if (due)
        (void)burble_send_presence(c, NULL, BURBLE_UNAVAILABLE, NULL);
}

static int check(const struct burble *c, struct slice payload)
{
    struct buf b = {0};
    buf_lit(&b, "<presence>");
    buf_add(&b, payload);
    buf_lit(&b, "</presence>");
    int err = b.failed ? ERR_MEMORY : 0;
    if (err == 0) {
        struct xml_limits limits = XML_LIMITS_C2S;
        struct xml_tree *tree = NULL;
        limits.stanza_bytes = c->setup.config.queue_bytes_max;
        enum xml_error error = xml_parse(buf_slice(&b), NS_CLIENT, &limits, &tree);
        err = error == XML_OK ? 0 : error == XML_MEMORY ? ERR_MEMORY : ERR_SYNTAX;
        xml_tree_free(&tree);
    }
    buf_free(&b);
    return err;
}

int burble_set_presence(struct burble *c, enum burble_show show, const char *status, int priority,
                        const char *payload)
{
    struct buf b = {0};
    struct xml_writer w;
    xml_writer_init(&w, &b, NS_CLIENT);
    if (show != BURBLE_SHOW_ONLINE)
        xml_leaf(&w, SLICE("show"), SLICE_NONE, slice_z(burble_show_text(show)));
    if (status != NULL)
        xml_leaf(&w, SLICE("status"), SLICE_NONE, slice_z(status));
    if (priority != 0) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%d", priority);
        xml_leaf(&w, SLICE("priority"), SLICE_NONE, slice_z(text));
    }
    if (payload != NULL)
        buf_add(&b, slice_z(payload));
    int err = b.failed ? ERR_MEMORY : check(c, buf_slice(&b));
    if (err == 0 && (priority < -128 || priority > 127))
        err = ERR_SYNTAX;
    if (err != 0) {
        buf_free(&b);
        return err;
    }
    buf_free(&c->presence);
    c->presence = b;
    c->available = true;
    err = announce(c);
    return err == ERR_CLOSED || err == ERR_BUSY ? 0 : err; /* it is kept */
}

int client_presence_restore(struct burble *c, struct slice payload)
{
    int err = check(c, payload);
    if (err == 0)
        err = buf_add(&c->presence, payload);
    c->available = err == 0;
    return err;
}

int burble_set_unavailable(struct burble *c, const char *status)
{
    bool online = c->state == BURBLE_ONLINE;
    int err = online ? burble_send_presence(c, NULL, BURBLE_UNAVAILABLE, status) : 0;
    if (err != 0)
        return err;
    buf_free(&c->presence);
    c->presence_due = c->session && c->available && !online;
    c->available = false;
    return 0;
}

int burble_send_presence(struct burble *c, const char *to, enum burble_presence_type type,
                         const char *status)
{
    static const char *const TYPES[] = {
        [BURBLE_UNAVAILABLE] = "unavailable",   [BURBLE_SUBSCRIBE] = "subscribe",
        [BURBLE_SUBSCRIBED] = "subscribed",     [BURBLE_UNSUBSCRIBE] = "unsubscribe",
        [BURBLE_UNSUBSCRIBED] = "unsubscribed",
    };
    struct arena mem = {0};
    struct buf b = {0}, extras = {0};
    struct xml_writer w;
    struct jid jid = JID_NONE;
    int err = to != NULL ? jid_parse(slice_z(to), &mem, &jid) : 0;
    if (err == 0 && (unsigned)type > BURBLE_UNSUBSCRIBED)
        err = ERR_SYNTAX;
    if (err == 0) {
        bool subscription = type >= BURBLE_SUBSCRIBE;
        xml_writer_init(&w, &b, NS_CLIENT);
        xml_open(&w, SLICE("presence"), SLICE_NONE);
        if (jid_some(&jid))
            xml_attr_put(&w, SLICE("to"), subscription ? jid_bare(&jid) : jid_full(&jid));
        if (type != BURBLE_AVAILABLE)
            xml_attr_put(&w, SLICE("type"), slice_z(TYPES[type]));
        if (status != NULL)
            xml_leaf(&w, SLICE("status"), SLICE_NONE, slice_z(status));
        if (type == BURBLE_AVAILABLE)
            client_presence_extras(c, to == NULL, &extras);
        if (buf_len(&extras) > 0)
            xml_raw_put(&w, buf_slice(&extras));
        b.failed |= extras.failed;
        xml_close(&w);
        err = b.failed ? ERR_MEMORY
                       : outbox_put(c, subscription ? OUTBOX_KEEP : OUTBOX_SESSION, buf_slice(&b),
                                    SLICE_NONE, 0, NULL);
    }
    buf_free(&extras);
    buf_free(&b);
    arena_free(&mem);
    return err;
}
