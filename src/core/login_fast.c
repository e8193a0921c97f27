/* Tokens instead of passwords (XEP-0484, version 0.2.0): what is offered, and the login by a token,
 * where the connection came in. A token belongs to one client (its user agent id) and one
 * mechanism. Who is not known, or has no token, costs the same as who has. What changes with a
 * login is written by login_store.c. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/login_inside.h"
#include "xmpp/ns.h"
#include "xmpp/secret.h"

/* --------------------------------------------------------------------------------- the features */

static bool possible(const struct c2s *s, const struct sasl_ht *ht, struct sasl_binding *binding,
                     uint8_t scratch[SASL_BINDING_BYTES])
{
    c2s_binding(s, binding, scratch);
    return (s->link->secure || s->link->plain_allowed) && sasl_ht_possible(ht, binding);
}

bool login_fast_possible(const struct c2s *s, const struct sasl_ht *ht)
{
    struct sasl_binding binding;
    uint8_t scratch[SASL_BINDING_BYTES];
    bool may = possible(s, ht, &binding, scratch);
    mem_wipe(scratch, sizeof(scratch));
    return may;
}

void login_fast_features(struct c2s *s, struct xml_writer *w)
{
    xml_open(w, SLICE("fast"), NS_FAST);
    for (size_t i = 0; i < SASL_HT_COUNT; i++)
        if (login_fast_possible(s, &SASL_HT[i]))
            xml_leaf(w, SLICE("mechanism"), SLICE_NONE, SASL_HT[i].name);
    xml_close(w);
}

/* ------------------------------------------------------------------------------------- the login
 */

/* user@host, as the owner of items. */
static void owner_of(const struct c2s *s, struct buf *out)
{
    buf_add(out, buf_slice(&s->entry->login->user));
    buf_byte(out, '@');
    buf_add(out, s->entry->host->name);
}

/* Does what the client has shown come of this slot's token? An empty slot costs the same. */
static bool shown_of(const struct c2s *s, const struct token_slot *slot,
                     const struct sasl_binding *binding, struct slice shown)
{
    uint8_t want[SASL_HT_BYTES];
    const struct sasl_ht *ht = s->entry->login->ht;
    bool usable = slot->ht == ht;
    struct slice fake = slice_of((const char *)s->e->fake_secret, sizeof(s->e->fake_secret));
    bool good = sasl_ht_initiator(ht, usable ? slot->token : fake, binding, want) == 0 &&
                secret_equal(slice_of((const char *)want, sizeof(want)), shown);
    mem_wipe(want, sizeof(want));
    return good && usable;
}

void login_forget_token(const struct login *l, struct token_item *item)
{
    for (unsigned i = 0; i < TOKEN_SLOTS; i++)
        if (item->slots[i].ht == l->ht && secret_equal(item->slots[i].token, buf_slice(&l->token)))
            item->slots[i] = (struct token_slot){0};
}

bool login_is_replay(const struct login *l, const struct token_slot *slot)
{
    return l->counted && l->count <= slot->count;
}

static bool no(enum sasl_failure why, enum sasl_failure *why_out)
{
    *why_out = why;
    return false;
}

/* What came of the store, and what the client has shown. */
static bool verify(struct c2s *s, const struct token_item *item,
                   const struct account_record *record, struct slice shown, struct buf *output,
                   enum sasl_failure *why_out)
{
    struct login *l = s->entry->login;
    struct sasl_binding binding;
    uint8_t scratch[SASL_BINDING_BYTES], answer[SASL_HT_BYTES];
    const struct token_slot *found = NULL;
    if (!possible(s, l->ht, &binding, scratch))
        return no(SASL_INVALID_MECHANISM, why_out);
    for (unsigned i = 0; i < TOKEN_SLOTS; i++)
        if (shown_of(s, &item->slots[i], &binding, shown))
            found = &item->slots[i];
    bool failed = found != NULL && sasl_ht_responder(l->ht, found->token, &binding, answer) != 0;
    mem_wipe(scratch, sizeof(scratch));
    if (failed)
        return no(SASL_TEMPORARY_AUTH_FAILURE, why_out);
    if (found == NULL)
        return no(SASL_NOT_AUTHORIZED, why_out);
    buf_add(&l->token, found->token);
    l->replayed = login_is_replay(l, found);
    if (l->replayed)
        return no(SASL_NOT_AUTHORIZED, why_out);
    if (record->disabled)
        return no(SASL_ACCOUNT_DISABLED, why_out);
    if (found->expiry_ms <= s->e->now.wall_ms)
        return no(SASL_CREDENTIALS_EXPIRED, why_out);
    buf_append(output, answer, sizeof(answer));
    l->must_store = l->counted || l->invalidate;
    l->to_store = l->must_store || l->wanted != NULL || found == &item->slots[TOKEN_NEXT] ||
                  token_is_old(found, s->e->now.wall_ms);
    return true;
}

static void tell_corrupt(struct c2s *s)
{
    struct log_line l;
    log_begin(&l, s->e->log, LOG_ERROR, "store.corrupt");
    log_str(&l, "account", buf_slice(&s->entry->login->user));
    log_end(&l);
}

static void revoked(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e;
    (void)answer; /* whoever has changed the item has to see to it */
    struct c2s *s = ctx;
    s->entry->flow = 0;
    c2s_auth_fail(s, SASL_NOT_AUTHORIZED);
}

/* Somebody has listened, or the client has lost count: the token is worth nothing any more (A27).
 */
static void revoke(struct c2s *s, struct token_item *item, struct slice old)
{
    struct login *l = s->entry->login;
    struct buf owner = {0}, value = {0};
    c2s_log(s, LOG_WARNING, "auth.replay", NULL);
    owner_of(s, &owner);
    login_forget_token(l, item);
    struct store_request *batch = flow_batch(s->e);
    store_expect(batch, buf_slice(&owner), STORE_FAST, slice_z(l->client_id), old);
    if (token_item_end(item) == 0) {
        store_delete(batch, buf_slice(&owner), STORE_FAST, slice_z(l->client_id));
    } else {
        token_item_encode(item, &value);
        store_put(batch, buf_slice(&owner), STORE_FAST, slice_z(l->client_id), buf_slice(&value));
    }
    buf_free(&owner);
    mem_wipe(value.ptr, value.cap);
    buf_free(&value);
    s->entry->flow = flow_submit(s->e, batch, revoked, s);
}

static void items_read(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e;
    struct c2s *s = ctx;
    struct login *l = s->entry->login;
    struct account_record record = {0};
    struct token_item item = {0};
    struct slice old = SLICE_NONE;
    struct store_row row;
    size_t at = 0;
    bool known = false, good = answer->err == 0;
    s->entry->flow = 0;
    while (good && store_rows(answer, &at, &row)) {
        bool whole = row.read == 0 ? account_record_decode(row.value, &record)
                                   : token_item_decode(row.value, &item);
        if (!whole)
            tell_corrupt(s);
        if (row.read == 1)
            old = row.value;
        if (row.read == 0) {
            known = true;
            good = whole;
            login_keep_record(l, row.value);
        }
    }
    if (!good) {
        c2s_auth_fail(s, SASL_TEMPORARY_AUTH_FAILURE);
        return;
    }
    if (!known)
        item = (struct token_item){0};
    struct buf output = {0}, held = s->entry->held;
    s->entry->held = (struct buf){0};
    enum sasl_failure why;
    bool proved = verify(s, &item, &record, buf_slice(&held), &output, &why);
    buf_free(&held);
    if (l->replayed)
        revoke(s, &item, old);
    else if (proved)
        c2s_auth_succeed(s, buf_slice(&l->user), l->ht->name, buf_slice(&output));
    else
        c2s_auth_fail(s, why);
    buf_free(&output);
}

/* Who claims to be whom, and what of the token is shown: the latter into s->entry->held. */
static bool read_message(struct c2s *s, struct slice message, enum sasl_failure *why_out)
{
    struct login *l = s->entry->login;
    struct slice authcid, shown;
    if (!sasl_ht_parse(message, &authcid, &shown))
        return no(SASL_MALFORMED_REQUEST, why_out);
    if (sasl_prepare_user(s->entry->host->name, s->entry->host_asked, authcid, &l->user) != 0)
        return no(SASL_NOT_AUTHORIZED, why_out);
    buf_clear(&s->entry->held);
    buf_add(&s->entry->held, shown);
    return true;
}

static bool read_initial(struct c2s *s, const struct sasl_ht *ht, enum sasl_failure *why_out)
{
    const struct login *l = s->entry->login;
    struct buf room = {0};
    struct slice message;
    if (!login_fast_possible(s, ht))
        return no(SASL_INVALID_MECHANISM, why_out);
    if (!l->fast || l->client_id[0] == '\0' || l->initial.ptr == NULL)
        return no(SASL_MALFORMED_REQUEST, why_out);
    bool good = c2s_auth_decode(l->initial, &room, &message) ? read_message(s, message, why_out)
                                                             : no(SASL_INCORRECT_ENCODING, why_out);
    buf_free(&room);
    return good;
}

void login_fast_begin(struct c2s *s, const struct sasl_ht *ht)
{
    struct login *l = s->entry->login;
    struct buf owner = {0};
    enum sasl_failure why;
    l->ht = ht;
    if (!read_initial(s, ht, &why)) {
        c2s_auth_fail(s, why);
        return;
    }
    owner_of(s, &owner);
    struct store_request *q = flow_query(s->e);
    q->urgent = true;
    store_get(q, buf_slice(&owner), STORE_ACCOUNT, SLICE(""));
    store_get(q, buf_slice(&owner), STORE_FAST, slice_z(l->client_id));
    buf_free(&owner);
    s->entry->flow = flow_submit(s->e, q, items_read, s);
}

void login_fast_answer(const struct login *l, struct xml_writer *w)
{
    char stamp[TIME_STAMP_BYTES];
    if (buf_len(&l->issued) == 0)
        return;
    unsigned len = time_stamp(l->issued_expiry_ms, stamp);
    xml_open(w, SLICE("token"), NS_FAST);
    xml_attr_put(w, SLICE("expiry"), slice_of(stamp, len));
    xml_attr_put(w, SLICE("token"), buf_slice(&l->issued));
    xml_close(w);
}
