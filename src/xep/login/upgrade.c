/* XEP-0480: SASL Upgrade Tasks (version 0.2.0). Done by the core (core/login_upgrade.c). This says
 * that it is there. */
#include "core/module.h"

const struct module LOGIN_UPGRADE_MODULE = {
    .name = "upgrade",
    .xep = "0480",
    .version = "0.2.0",
    .summary = "keys of newer hashes for accounts that lack them",
};
