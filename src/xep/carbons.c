/* XEP-0280: Message Carbons (version 1.0.1): a client asks for copies of what other resources of
 * its account send and get. Which messages are copied is decided in core/copy.c, who gets one in
 * core/follow.c; copies that a client made up are taken out of what it sends (core/router.c). */
#include "core/module.h"
#include "core/service/inline.h"

static void set(struct iq *iq, bool on)
{
    if (iq->session == NULL) {
        iq_error(iq, STANZA_NOT_ALLOWED);
        return;
    }
    session_set_carbons(iq->e, iq->session, on);
    iq_result(iq);
}

static void enable(struct iq *iq)
{
    set(iq, true);
}

static void disable(struct iq *iq)
{
    set(iq, false);
}

static void bound(const struct inline_bound *b)
{
    session_set_carbons(b->e, b->session, true);
}

static const struct inline_bind BINDS[] = {
    {.ns = "urn:xmpp:carbons:2", .name = "enable", .feature = "urn:xmpp:carbons:2", .bound = bound},
    {0},
};

static const struct module_iq IQS[] = {
    {"urn:xmpp:carbons:2", "enable", IQ_SELF, IQ_SET, enable},
    {"urn:xmpp:carbons:2", "disable", IQ_SELF, IQ_SET, disable},
    {0},
};

static const char *const FEATURES[] = {"urn:xmpp:carbons:2", "urn:xmpp:carbons:rules:0", NULL};

const struct module CARBONS_MODULE = {
    .name = "carbons",
    .xep = "0280",
    .version = "1.0.1",
    .summary = "copies of messages for the other resources of an account",
    .host_features = FEATURES,
    .account_features = FEATURES,
    .iqs = IQS,
    .inline_binds = BINDS,
};
