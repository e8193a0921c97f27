/* A text for a room: enters it, says it, and leaves when the room has said it back. */
#ifndef BURBLE_SEND_ROOM_H
#define BURBLE_SEND_ROOM_H

#include "burble/session.h"

struct send_room {
    struct session *session;
    const char *jid, *text;
    const struct burble_message_options *options;
    char id[64]; /* inside */
};

/* When the session stands. It ends the session. */
void send_room_begin(struct send_room *r);

#endif
