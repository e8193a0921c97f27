/* XEP-0160: Best Practices for Handling Offline Messages (version 1.0.1). A message that nobody
 * could be handed stays what it is: an entry of the account's archive above its tail
 * (core/tail.h). Who becomes ready is sent it from there, with a stamp (XEP-0203) and its
 * stanza-id. */
#include "core/module.h"

static const char *const FEATURES[] = {"msgoffline", NULL};
static const char *const STORES[] = {"archive", "tail", NULL};

const struct module OFFLINE_MODULE = {
    .name = "offline",
    .xep = "0160",
    .version = "1.0.1",
    .summary = "keeps messages for who is away: the end of the archive that nobody has taken",
    .host_features = FEATURES,
    .stores = STORES,
};
