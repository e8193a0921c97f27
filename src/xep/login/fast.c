/* XEP-0484: Fast Authentication Streamlining Tokens (version 0.2.0). Done by the core
 * (core/login_fast.c, core/login_store.c). This says that it is there, and what it keeps. */
#include "core/module.h"

static const char *const STORES[] = {"fast", NULL};

const struct module LOGIN_FAST_MODULE = {
    .name = "fast",
    .xep = "0484",
    .version = "0.2.0",
    .summary = "tokens instead of passwords; not in TLS 0-RTT data, and not bound by tls-unique",
    .stores = STORES,
};
