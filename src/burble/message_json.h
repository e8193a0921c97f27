/* A message as a JSON object, as `burble listen`, `bot` and `history` write it:
 *
 *   {"kind":"message","type":"chat","from":"bob@example.org/x","with":"bob@example.org",
 *    "to":...,"id":...,"body":...,"time":"2026-11-20T06:09:34.123Z","origin":"live",...}
 *
 * What is not there is left out. */
#ifndef BURBLE_MESSAGE_JSON_H
#define BURBLE_MESSAGE_JSON_H

#include <jansson.h>

#include "burble/message.h"

/* NULL: out of memory. raw: the whole stanza as text, too. */
json_t *message_json(const struct burble_message *m, bool raw);
/* "chat", "groupchat", ... */
const char *message_type_text(enum burble_message_type type);

#endif
