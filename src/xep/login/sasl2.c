/* XEP-0388: Extensible SASL Profile (version 1.0.4). The login itself is the core's (core/login.h):
 * it moves the stream to its account's shard. This says that it is there. */
#include "core/module.h"

const struct module LOGIN_SASL2_MODULE = {
    .name = "sasl-two",
    .xep = "0388",
    .version = "1.0.4",
    .summary = "login in fewer round trips, with what follows it along the way",
};
