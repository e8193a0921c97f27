/* XEP-0049: Private XML Storage (version 1.2).
 *
 * A map per account: the key is namespace and name of the stored element, the value the element. */
#include "core/module.h"

#define STORE_PRIVATE SLICE("private")

enum {
    ITEMS_MAX = 1000,
    BYTES_MAX = 4 << 20, /* of all values of an account */
    KEY_BYTES_MAX = 1500,
};

/* namespace, blank, name; a namespace holds no blank. False when it is no key: an element without a
 * namespace of its own, or with a name beyond reason. */
static bool key_of(struct xml x, struct buf *out)
{
    buf_clear(out);
    if (xml_ns(x).len == 0 || slice_is(xml_ns(x), "jabber:iq:private"))
        return false;
    buf_add(out, xml_ns(x));
    buf_byte(out, ' ');
    buf_add(out, xml_name(x));
    return buf_len(out) <= KEY_BYTES_MAX;
}

static struct slice owner_of(const struct iq *iq)
{
    return jid_bare(&iq->account->jid);
}

/* What was never stored is empty. The namespace is the client's and may hold anything. */
static void put_empty(struct xml_writer *w, struct xml x)
{
    struct buf text = {0};
    buf_byte(&text, '<');
    buf_add(&text, xml_name(x));
    xml_write_attr(&text, SLICE("xmlns"), xml_ns(x));
    buf_lit(&text, "/>");
    xml_raw_put(w, buf_slice(&text));
    buf_free(&text);
}

static void found(struct iq *iq, struct store_request *answer)
{
    if (iq_store_failed(iq, answer))
        return;
    struct store_row row;
    size_t at = 0;
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("query"), SLICE("jabber:iq:private"));
    if (store_rows(answer, &at, &row))
        xml_raw_put(&w, row.value);
    else
        put_empty(&w, xml_first_element(iq->payload));
    xml_close(&w);
    iq_result_end(iq, &w);
}

static void get(struct iq *iq)
{
    struct xml x = xml_first_element(iq->payload);
    struct buf key = {0};
    if (!xml_some(x) || xml_some(xml_next_element(x)) || !key_of(x, &key)) {
        iq_error(iq, STANZA_NOT_ACCEPTABLE);
    } else {
        struct store_request *q = flow_query(iq->e);
        store_get(q, owner_of(iq), STORE_PRIVATE, buf_slice(&key));
        iq_wait(iq, q, found);
    }
    buf_free(&key);
}

static void written(struct iq *iq, struct store_request *answer)
{
    if (!iq_store_failed(iq, answer))
        iq_result(iq);
}

/* All is well with the quota: every child is put in its place. */
static void write(struct iq *iq)
{
    struct buf key = {0}, value = {0};
    struct store_request *batch = flow_batch(iq->e);
    for (struct xml x = xml_first_element(iq->payload); xml_some(x); x = xml_next_element(x)) {
        (void)key_of(x, &key);
        buf_clear(&value);
        xml_write_node(&value, x, SLICE("jabber:iq:private"));
        store_put(batch, owner_of(iq), STORE_PRIVATE, buf_slice(&key), buf_slice(&value));
    }
    buf_free(&key);
    buf_free(&value);
    iq_wait(iq, batch, written);
}

static void counted(struct iq *iq, struct store_request *answer)
{
    struct store_row row = {0};
    size_t at = 0;
    if (iq_store_failed(iq, answer))
        return;
    (void)store_rows(answer, &at, &row);
    if (row.position >= ITEMS_MAX ||
        (uint64_t)row.labels.wall_ms + iq->stanza.payload.len > BYTES_MAX)
        iq_error_text(iq, STANZA_RESOURCE_CONSTRAINT, SLICE("the private storage is full"));
    else
        write(iq);
}

static void set(struct iq *iq)
{
    struct buf key = {0};
    struct xml x = xml_first_element(iq->payload);
    bool good = xml_some(x);
    for (; xml_some(x); x = xml_next_element(x))
        good = good && key_of(x, &key);
    buf_free(&key);
    if (!good) {
        iq_error(iq, STANZA_NOT_ACCEPTABLE);
        return;
    }
    struct store_request *q = flow_query(iq->e);
    store_count(q, owner_of(iq), STORE_PRIVATE);
    iq_wait(iq, q, counted);
}

static void private_iq(struct iq *iq)
{
    if (iq_is_set(iq))
        set(iq);
    else
        get(iq);
}

static const struct module_iq IQS[] = {
    {"jabber:iq:private", "query", IQ_SELF, IQ_GET | IQ_SET, private_iq},
    {0},
};

static const char *const FEATURES[] = {"jabber:iq:private", NULL};
static const char *const STORES[] = {"private", NULL};

const struct module PRIVATE_MODULE = {
    .name = "private",
    .xep = "0049",
    .version = "1.2",
    .summary = "keeps XML that a client stores for itself",
    .host_features = FEATURES,
    .iqs = IQS,
    .stores = STORES,
};
