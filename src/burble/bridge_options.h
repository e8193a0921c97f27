/* What both commands of the bridge take. */
#ifndef BURBLE_BRIDGE_OPTIONS_H
#define BURBLE_BRIDGE_OPTIONS_H

#include "burble/commands.h"

/* clang-format off */
#define BRIDGE_ROWS                                                                                \
    {"url", "URL", "of the microblog's API, without /api/v1", 0, false},                           \
    {"style", "STYLE", "mastodon or twitter: mastodon", 0, false},                                 \
    {"user", "USER", "of the microblog: a password, not a token", 0, false},                       \
    {"secret-file", "FILE", "with the token or password", 0, false},                               \
    {"secret-command", "COMMAND", "that prints it, no shell", 0, false},                           \
    {"visibility", "WHO", "public, unlisted, private or direct", 0, false},                        \
    {"http-ca-file", "FILE", "authorities for https", 0, false},                                   \
    {"plain-http", NULL, "unsafe: http to another machine", 0, false},                             \
    {"to", "JID", "also as a message to this address", 0, true},                                   \
    {"pep", NULL, "also as an entry of the own microblog in PEP", 0, false},                       \
    {"no-status", NULL, "do not show it as status", 0, false}
/* clang-format on */

#endif
