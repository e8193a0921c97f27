/* XEP-0474: SASL SCRAM Downgrade Protection (version 0.5.0). Done where the messages of SCRAM are
 * made (xmpp/sasl_offer.c, core/c2s_sasl.c). This says that it is there. */
#include "core/module.h"

const struct module LOGIN_DOWNGRADE_MODULE = {
    .name = "downgrade",
    .xep = "0474",
    .version = "0.5.0",
    .summary = "what was offered for a login is in its signature",
};
