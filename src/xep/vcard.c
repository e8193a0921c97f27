/* XEP-0054: vcard-temp (version 1.3.0).
 *
 * One value per account, replaced as a whole by its owner, readable by everybody who knows the
 * address. Who has no card looks like nobody (section 3.4). */
#include "core/module.h"

#define STORE_VCARD SLICE("vcard")

static bool own(const struct iq *iq)
{
    return iq->account->state == ACCOUNT_READY && jid_bare_eq(&iq->stanza.from, &iq->account->jid);
}

static void found(struct iq *iq, struct store_request *answer)
{
    struct store_row row;
    size_t at = 0;
    if (iq_store_failed(iq, answer))
        return;
    if (!store_rows(answer, &at, &row)) {
        iq_error(iq, own(iq) ? STANZA_ITEM_NOT_FOUND : STANZA_SERVICE_UNAVAILABLE);
        return;
    }
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_raw_put(&w, row.value);
    iq_result_end(iq, &w);
}

static void get(struct iq *iq)
{
    struct store_request *q = flow_query(iq->e);
    store_get(q, jid_bare(&iq->account->jid), STORE_VCARD, SLICE(""));
    iq_wait(iq, q, found);
}

static void written(struct iq *iq, struct store_request *answer)
{
    if (!iq_store_failed(iq, answer))
        iq_result(iq);
}

static void set(struct iq *iq)
{
    struct buf value = {0};
    xml_write_node(&value, iq->payload, NS_CLIENT);
    struct store_request *batch = flow_batch(iq->e);
    store_put(batch, jid_bare(&iq->account->jid), STORE_VCARD, SLICE(""), buf_slice(&value));
    buf_free(&value);
    iq_wait(iq, batch, written);
}

static void vcard_iq(struct iq *iq)
{
    if (!iq_is_set(iq))
        get(iq);
    else if (own(iq))
        set(iq);
    else
        iq_error(iq, STANZA_FORBIDDEN);
}

/* Of an account that is not there the store is asked all the same: the answer takes as long. */
static const struct module_iq IQS[] = {
    {"vcard-temp", "vCard", IQ_SELF | IQ_CONTACT | IQ_NOBODY, IQ_GET | IQ_SET, vcard_iq},
    {0},
};

static const char *const FEATURES[] = {"vcard-temp", NULL};
static const char *const STORES[] = {"vcard", NULL};

const struct module VCARD_MODULE = {
    .name = "vcard",
    .xep = "0054",
    .version = "1.3.0",
    .summary = "the business card of an account",
    .host_features = FEATURES,
    .account_features = FEATURES,
    .iqs = IQS,
    .stores = STORES,
};
