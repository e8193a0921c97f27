/* What a message may do to another one, and what a bot may answer: corrections (XEP-0308 1.2.1),
 * retractions (XEP-0424 0.4.2), moderation (XEP-0425 0.3.0), reactions (XEP-0444 0.2.1). No state;
 * whoever keeps messages asks. Identity is compared in one place, same_author. */
#include <string.h>

#include "burble/chat.h"
#include "client/client.h"

#define RETRACT   "urn:xmpp:message-retract:1"
#define MODERATE  "urn:xmpp:message-moderate:1"
#define REACTIONS "urn:xmpp:reactions:0"

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && *a != '\0' && strcmp(a, b) == 0;
}

static bool in_room(const struct burble_message *m)
{
    return m->type == BURBLE_GROUPCHAT;
}

/* A private message of a room's occupant. */
static bool is_private(const struct burble_message *m)
{
    return burble_xml_some(burble_xml_child(m->xml, NS_MUC_USER.ptr, "x"));
}

static bool same_author(const struct burble_message *a, const struct burble_message *b, bool stayed)
{
    if (a->type == BURBLE_MESSAGE_ERROR || b->type == BURBLE_MESSAGE_ERROR ||
        in_room(a) != in_room(b) || !same(a->from_bare, b->from_bare))
        return false;
    if (!in_room(a) && !is_private(a) && !is_private(b))
        return true;
    if (in_room(a) && (a->occupant_id != NULL || b->occupant_id != NULL))
        return same(a->occupant_id, b->occupant_id);
    return stayed && same(a->from, b->from);
}

bool burble_message_may_correct(const struct burble_message *original,
                                const struct burble_message *correction, bool stayed)
{
    return same(original->id, correction->replaces) && same_author(original, correction, stayed);
}

bool burble_message_retraction(const struct burble_message *m, struct burble_retraction *out)
{
    struct burble_xml retract = burble_xml_child(m->xml, RETRACT, "retract");
    struct burble_xml moderated = burble_xml_child(retract, MODERATE, "moderated");
    struct burble_xml reason = burble_xml_child(retract, RETRACT, "reason");
    bool from_room = in_room(m) && same(m->from, m->from_bare);
    *out = (struct burble_retraction){
        .id = burble_xml_attr(retract, "id"),
        .moderated = burble_xml_some(moderated),
        .by = burble_xml_attr(moderated, "by"),
        .reason = burble_xml_text(reason),
    };
    return out->id != NULL && *out->id != '\0' && m->type != BURBLE_MESSAGE_ERROR &&
           out->moderated == from_room;
}

bool burble_message_may_retract(const struct burble_message *original,
                                const struct burble_message *retraction, bool stayed)
{
    struct burble_retraction r;
    if (!burble_message_retraction(retraction, &r))
        return false;
    bool named =
        in_room(original) && original->stanza_id != NULL
            ? same(original->stanza_id, r.id)
            : same(original->origin_id, r.id) || (!in_room(original) && same(original->id, r.id));
    if (r.moderated)
        return named && in_room(original) && same(original->from_bare, retraction->from_bare);
    return named && same_author(original, retraction, stayed);
}

bool burble_chat_is_news(const struct burble *c, const struct burble_message *m)
{
    struct burble_retraction r;
    bool text = m->body != NULL && *m->body != '\0';
    bool person = m->type == BURBLE_CHAT || m->type == BURBLE_NORMAL ||
                  (in_room(m) && !same(m->from, m->from_bare));
    bool now = m->origin == BURBLE_LIVE || (m->origin == BURBLE_DELAYED && !in_room(m));
    return text && person && now && !same(m->from_bare, burble_bare_jid(c)) &&
           !burble_message_retraction(m, &r);
}

/* ---------------------------------------------------------------------------------- saying them */

static int say_payload(struct burble *c, const char *to, const char *body,
                       enum burble_message_type type, struct buf *payload, uint64_t *ticket_out)
{
    struct burble_message_options options = {.type = type};
    buf_lit(payload, "<store xmlns='urn:xmpp:hints'/>");
    buf_byte(payload, '\0');
    int err = ERR_MEMORY;
    if (!payload->failed) {
        options.payload = buf_slice(payload).ptr;
        err = burble_say(c, to, body, &options, ticket_out, NULL);
    }
    buf_free(payload);
    return err;
}

int burble_retract(struct burble *c, const char *to, enum burble_message_type type, const char *id,
                   uint64_t *ticket_out)
{
    struct buf b = {0};
    struct xml_writer w;
    if (id == NULL || *id == '\0')
        return ERR_SYNTAX;
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("retract"), SLICE(RETRACT));
    xml_attr_put(&w, SLICE("id"), slice_z(id));
    xml_close(&w);
    xml_open(&w, SLICE("fallback"), SLICE("urn:xmpp:fallback:0"));
    xml_attr_put(&w, SLICE("for"), SLICE(RETRACT));
    xml_close(&w);
    return say_payload(c, to, "(took back an earlier message)", type, &b, ticket_out);
}

int burble_react(struct burble *c, const char *to, enum burble_message_type type, const char *id,
                 const char *const *emojis, size_t count, uint64_t *ticket_out)
{
    struct buf b = {0};
    struct xml_writer w;
    if (id == NULL || *id == '\0')
        return ERR_SYNTAX;
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("reactions"), SLICE(REACTIONS));
    xml_attr_put(&w, SLICE("id"), slice_z(id));
    for (size_t i = 0; i < count; i++)
        xml_leaf(&w, SLICE("reaction"), SLICE_NONE, slice_z(emojis[i]));
    xml_close(&w);
    return say_payload(c, to, NULL, type == BURBLE_NORMAL ? BURBLE_CHAT : type, &b, ticket_out);
}
