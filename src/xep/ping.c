/* XEP-0199: XMPP Ping (version 2.0.1). Answers pings to the server, to one's own account, and on
 * behalf of an account to those who may see its presence; to others the account does not show
 * itself. Pings to a full JID are the client's. */
#include "core/module.h"

static void ping(struct iq *iq)
{
    if (iq->account == NULL || module_sees_presence(iq->account, &iq->stanza.from))
        iq_result(iq);
    else
        iq_error(iq, STANZA_SERVICE_UNAVAILABLE);
}

static const struct module_iq IQS[] = {
    {"urn:xmpp:ping", "ping", IQ_HOST | IQ_SELF | IQ_CONTACT, IQ_GET, ping},
    {0},
};

static const char *const FEATURES[] = {"urn:xmpp:ping", NULL};

const struct module PING_MODULE = {
    .name = "ping",
    .xep = "0199",
    .version = "2.0.1",
    .summary = "answers pings",
    .host_features = FEATURES,
    .account_features = FEATURES,
    .iqs = IQS,
};
