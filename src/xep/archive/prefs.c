/* XEP-0441: Message Archive Management Preferences (version 0.2.0). Whose messages an account
 * wants in its archive; the core asks before it writes. An account that never said anything wants
 * all of them.
 *
 * One item per account, in memory while the account is: the default, then each address with a sign,
 * ended by NUL. What is in memory changes when the store has written it. */
#include "base/mem.h"
#include "xep/archive/archive.h"

#define STORE_PREFS SLICE("archive_prefs")

enum { ADDRESSES_MAX = 1000 };

extern const struct module ARCHIVE_PREFS_MODULE;

static const struct {
    const char *name;
    char sign;
} DEFAULTS[] = {{"always", 'a'}, {"never", 'n'}, {"roster", 'r'}};

enum { DEFAULT_COUNT = sizeof(DEFAULTS) / sizeof(DEFAULTS[0]) };

static const char ALWAYS = '+', NEVER = '-';

/* The item's text; empty: nothing was ever said. */
struct prefs {
    struct buf text;
};

/* Walks the addresses of an item. */
static bool next(struct slice text, size_t *at, char *sign_out, struct slice *jid_out)
{
    if (*at == 0)
        *at = 1;
    if (*at >= text.len)
        return false;
    struct slice rest = slice_from(text, *at);
    size_t end = slice_find(rest, '\0');
    *sign_out = rest.ptr[0];
    *jid_out = slice_of(rest.ptr + 1, end > 0 ? end - 1 : 0);
    *at += end + 1;
    return true;
}

static struct prefs *prefs_of(struct engine *e, const struct account *a)
{
    return account_slot(a, module_index(e, &ARCHIVE_PREFS_MODULE));
}

static void set(struct engine *e, struct account *a, struct slice text)
{
    struct prefs *p = prefs_of(e, a);
    if (p == NULL) {
        p = mem_new(struct prefs);
        account_slot_set(e, a, module_index(e, &ARCHIVE_PREFS_MODULE), p);
    }
    buf_clear(&p->text);
    buf_add(&p->text, text);
}

static void account_read(struct store_request *query, struct slice owner)
{
    store_get(query, owner, STORE_PREFS, SLICE(""));
}

static void account_row(struct engine *e, struct account *a, const struct store_row *row)
{
    set(e, a, row->value);
}

static void account_unload(struct engine *e, struct account *a)
{
    struct prefs *p = prefs_of(e, a);
    if (p == NULL)
        return;
    buf_free(&p->text);
    mem_free(p);
    account_slot_set(e, a, module_index(e, &ARCHIVE_PREFS_MODULE), NULL);
}

/* Section 2.2: a listed address with a resource means that one, without one all of them. The
 * closer one counts; an address cannot be in both lists. */
static bool wants(struct engine *e, const struct account *a, const struct jid *peer)
{
    const struct prefs *p = prefs_of(e, a);
    struct slice text = p != NULL ? buf_slice(&p->text) : SLICE_NONE, jid;
    char sign, bare = 0;
    size_t at = 0;
    if (text.len == 0)
        return true;
    while (next(text, &at, &sign, &jid)) {
        if (peer->resource_len > 0 && slice_eq(jid, jid_full(peer)))
            return sign == ALWAYS;
        if (slice_eq(jid, jid_bare(peer)))
            bare = sign;
    }
    if (bare != 0)
        return bare == ALWAYS;
    return text.ptr[0] == 'a' ||
           (text.ptr[0] == 'r' && module_subscription(a, jid_bare(peer)) != NULL);
}

/* ------------------------------------------------------------------------------------- requests
 */

static void write_list(struct slice text, char wanted, struct slice name, struct xml_writer *w)
{
    struct slice jid;
    char sign;
    size_t at = 0;
    xml_open(w, name, SLICE_NONE);
    while (next(text, &at, &sign, &jid))
        if (sign == wanted)
            xml_leaf(w, SLICE("jid"), SLICE_NONE, jid);
    xml_close(w);
}

static void answer(struct iq *iq)
{
    const struct prefs *p = prefs_of(iq->e, iq->account);
    struct slice text = p != NULL ? buf_slice(&p->text) : SLICE_NONE;
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("prefs"), NS_ARCHIVE);
    for (unsigned i = 0; i < DEFAULT_COUNT; i++)
        if (text.len > 0 ? text.ptr[0] == DEFAULTS[i].sign : i == 0)
            xml_attr_put(&w, SLICE("default"), slice_z(DEFAULTS[i].name));
    write_list(text, ALWAYS, SLICE("always"), &w);
    write_list(text, NEVER, SLICE("never"), &w);
    xml_close(&w);
    iq_result_end(iq, &w);
}

/* Is the address there? In which list, then. */
static char listed(struct slice text, struct slice wanted)
{
    struct slice jid;
    char sign;
    size_t at = 0;
    while (next(text, &at, &sign, &jid))
        if (slice_eq(jid, wanted))
            return sign;
    return 0;
}

static enum stanza_error read_list(struct engine *e, struct xml list, char sign, unsigned *count,
                                   struct buf *text, struct slice *why)
{
    for (struct xml x = xml_child(list, NS_ARCHIVE, SLICE("jid")); xml_some(x);
         x = xml_next_named(x, NS_ARCHIVE, SLICE("jid"))) {
        struct jid jid;
        enum stanza_error error = archive_address(e, xml_text(x), &jid);
        if (error != STANZA_OK)
            return error;
        char before = listed(buf_slice(text), jid_full(&jid));
        if (before == 0) {
            buf_byte(text, sign);
            buf_add(text, jid_full(&jid));
            buf_byte(text, '\0');
        }
        archive_address_free(&jid);
        if (before != 0 && before != sign) {
            *why = SLICE("an address is in both lists");
            return STANZA_BAD_REQUEST;
        }
        if (++*count > ADDRESSES_MAX) {
            *why = SLICE("more than 1000 addresses");
            return STANZA_RESOURCE_CONSTRAINT;
        }
    }
    return STANZA_OK;
}

static enum stanza_error read_prefs(struct iq *iq, struct buf *text, struct slice *why)
{
    struct slice name = xml_attr(iq->payload, SLICE("default"));
    unsigned count = 0;
    for (unsigned i = 0; i < DEFAULT_COUNT; i++)
        if (slice_eq(name, slice_z(DEFAULTS[i].name)))
            buf_byte(text, DEFAULTS[i].sign);
    if (buf_len(text) == 0) {
        *why = SLICE("default is none of always, never, roster");
        return STANZA_BAD_REQUEST;
    }
    struct xml always = xml_child(iq->payload, NS_ARCHIVE, SLICE("always"));
    struct xml never = xml_child(iq->payload, NS_ARCHIVE, SLICE("never"));
    enum stanza_error error = read_list(iq->e, always, ALWAYS, &count, text, why);
    if (error == STANZA_OK)
        error = read_list(iq->e, never, NEVER, &count, text, why);
    if (error == STANZA_OK && text->failed)
        error = STANZA_RESOURCE_CONSTRAINT;
    return error;
}

/* What was written, for later: its length and its bytes in one block, as iq->data has to be. */
struct written {
    size_t len;
    char text[];
};

static void stored(struct iq *iq, struct store_request *request)
{
    const struct written *was = iq->data;
    if (iq_store_failed(iq, request))
        return;
    if (iq->account->state == ACCOUNT_READY)
        set(iq->e, iq->account, slice_of(was->text, was->len));
    answer(iq);
}

static void store(struct iq *iq, struct slice text)
{
    struct store_request *batch = flow_batch(iq->e);
    struct written *will = mem_alloc(sizeof(*will) + text.len);
    will->len = text.len;
    memcpy(will->text, text.ptr, text.len);
    iq->data = will;
    store_put(batch, jid_bare(&iq->account->jid), STORE_PREFS, SLICE(""), text);
    iq_wait(iq, batch, stored);
}

static void prefs(struct iq *iq)
{
    struct buf text = {0};
    struct slice why = SLICE_NONE;
    if (!archive_may_ask(iq))
        return;
    if (!iq_is_set(iq)) {
        answer(iq);
        return;
    }
    enum stanza_error error = read_prefs(iq, &text, &why);
    if (error == STANZA_OK)
        store(iq, buf_slice(&text));
    else
        iq_error_text(iq, error, why);
    buf_free(&text);
}

static const struct module_iq IQS[] = {
    {"urn:xmpp:mam:2", "prefs", IQ_SELF | IQ_CONTACT | IQ_NOBODY, IQ_GET | IQ_SET, prefs},
    {0},
};

static const char *const STORES[] = {"archive_prefs", NULL};

const struct module ARCHIVE_PREFS_MODULE = {
    .name = "archive-prefs",
    .xep = "0441",
    .version = "0.2.0",
    .summary = "lets clients say whose messages are archived",
    .iqs = IQS,
    .stores = STORES,
    .archive_wants = wants,
    .account_read = account_read,
    .account_row = account_row,
    .account_unload = account_unload,
};
