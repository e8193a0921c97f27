/* XEP-0431: Full Text Search in MAM (version 0.2.0): a field in the form of a query (form.c). A
 * message is found when every word of the text is one of its bodies', whatever the order and the
 * case (store/words.h); what is encrypted cannot be searched. Older clients call the field
 * withtext. All other fields and the paging work as without it. */
#include "base/err.h"
#include "xep/archive/archive.h"

bool archive_searches(const struct host_config *host)
{
    return host != NULL && host->archive && host->archive_search;
}

enum stanza_error archive_search_read(struct slice text, struct archive_want *want,
                                      struct slice *why_out)
{
    if (want->text.len > 0) {
        *why_out = SLICE("there are two texts to be searched for");
        return STANZA_BAD_REQUEST;
    }
    if (text.len > STORE_TEXT_BYTES) {
        *why_out = SLICE("the text is longer than 1024 bytes");
        return STANZA_NOT_ACCEPTABLE;
    }
    want->text = text;
    return STANZA_OK;
}

bool archive_search_failed(struct iq *iq, int err)
{
    if (err == ERR_LIMIT)
        iq_error_text(iq, STANZA_NOT_ACCEPTABLE, SLICE("the text has more than 32 words"));
    else if (err == ERR_REFUSED)
        iq_error_text(iq, STANZA_FEATURE_NOT_IMPLEMENTED, SLICE("there is no index of words"));
    return err == ERR_LIMIT || err == ERR_REFUSED;
}

static const char *const FEATURES[] = {"urn:xmpp:fulltext:0", NULL};

const struct module ARCHIVE_SEARCH_MODULE = {
    .name = "archive-search",
    .xep = "0431",
    .version = "0.2.0",
    .summary = "finds messages by their words",
    .account_features = FEATURES,
    .serves = archive_searches,
};
