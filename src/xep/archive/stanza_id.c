/* XEP-0359: Unique and Stable Stanza IDs (version 0.7.0). The ids of our accounts are given by the
 * core when a message is kept; here, what clients make up in our name is taken out of what they
 * send (section 3, rule 2). Ids of others and origin-ids pass as they are. */
#include "base/err.h"
#include "core/module.h"

static bool forged(struct engine *e, struct xml child)
{
    struct jid by;
    if (!xml_is(child, SLICE("urn:xmpp:sid:0"), SLICE("stanza-id")))
        return false;
    int err = jid_parse(xml_attr(child, SLICE("by")), &e->arena, &by);
    if (err == ERR_SYNTAX)
        return false; /* nobody's */
    return err != 0 || config_host(e->config, jid_domain(&by)) != NULL;
}

static const char *const FEATURES[] = {"urn:xmpp:sid:0", NULL};

const struct module ARCHIVE_STANZA_ID_MODULE = {
    .name = "stanza-id",
    .xep = "0359",
    .version = "0.7.0",
    .summary = "keeps the ids of messages true",
    .account_features = FEATURES,
    .forged = forged,
};
