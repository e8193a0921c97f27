/* Messages for programs. */
#include "burble/message_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "burble/out.h"

const char *message_type_text(enum burble_message_type type)
{
    static const char *const NAMES[] = {"normal", "chat", "groupchat", "headline", "error"};
    return (unsigned)type <= BURBLE_MESSAGE_ERROR ? NAMES[type] : "normal";
}

static const char *origin_text(enum burble_origin origin)
{
    static const char *const NAMES[] = {"live", "delayed", "carbon-sent", "carbon-received",
                                        "archived"};
    return (unsigned)origin <= BURBLE_ARCHIVED ? NAMES[origin] : "live";
}

static void put(json_t *row, const char *key, const char *text)
{
    if (text != NULL && row != NULL)
        json_object_set_new(row, key, out_string(slice_z(text)));
}

static void put_raw(json_t *row, const struct burble_message *m)
{
    char *text = burble_xml_print(m->xml, false);
    put(row, "xml", text);
    free(text);
}

json_t *message_json(const struct burble_message *m, bool raw)
{
    char stamp[TIME_STAMP_BYTES];
    json_t *row = json_object();
    (void)time_stamp(m->stamp_ms, stamp);
    put(row, "kind", "message");
    put(row, "type", message_type_text(m->type));
    put(row, "origin", origin_text(m->origin));
    put(row, "time", stamp);
    put(row, "from", m->from);
    put(row, "to", m->to);
    put(row, "with", m->with);
    put(row, "id", m->id);
    put(row, "subject", m->subject);
    put(row, "body", m->body);
    put(row, "thread", m->thread);
    put(row, "stanza_id", m->stanza_id);
    put(row, "occupant_id", m->occupant_id);
    put(row, "replaces", m->replaces);
    put(row, "url", m->oob_url);
    put(row, "receipt_for", m->receipt_for);
    if (m->chat_state != BURBLE_NO_CHAT_STATE)
        put(row, "chat_state", burble_chat_state_text(m->chat_state));
    if (m->marker == BURBLE_DISPLAYED)
        put(row, "displayed", m->marker_for);
    if (m->type == BURBLE_MESSAGE_ERROR) {
        put(row, "error", m->error.condition);
        put(row, "error_text", *m->error.text != '\0' ? m->error.text : NULL);
    }
    if (raw)
        put_raw(row, m);
    return row;
}
