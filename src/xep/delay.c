/* XEP-0203: Delayed Delivery (version 2.0). Stamps that claim to be of this server are taken out of
 * what clients send (section 5, S15); the server's own are written by those who delay
 * (core/service/delay.h). */
#include "core/service/delay.h"
#include "core/module.h"

static bool forged(struct engine *e, struct xml child)
{
    return delay_is_ours(e->config, child);
}

static const char *const FEATURES[] = {"urn:xmpp:delay", NULL};

const struct module DELAY_MODULE = {
    .name = "delay",
    .xep = "0203",
    .version = "2.0",
    .summary = "stamps what is delivered late, and lets nobody forge that",
    .host_features = FEATURES,
    .forged = forged,
};
