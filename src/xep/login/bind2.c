/* XEP-0386: Bind 2 (version 1.1.0). Done by the core (core/login_bind.c), with the features that
 * modules have for it (core/service/inline.h). This says that it is there. */
#include "core/module.h"

const struct module LOGIN_BIND2_MODULE = {
    .name = "bind-two",
    .xep = "0386",
    .version = "1.1.0",
    .summary = "a resource and a session's features with the login",
};
