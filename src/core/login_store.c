/* What a login changes in the store, at the owner's shard: new keys (XEP-0480) and tokens
 * (XEP-0484), in one batch. It demands that the account's record is still the one that the login
 * was checked against, so that what a new password has cleared is not written again, and that
 * nobody else has used the token meanwhile. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/login_inside.h"
#include "xmpp/ns.h"
#include "xmpp/secret.h"

enum { TOKEN_CHARS = 52, ATTEMPTS_MAX = 3 };
static const int64_t DAY_MS = 86400000;
static const char TOKEN_PREFIX[] = "secret-token:fast-";

static struct slice client(const struct login *l)
{
    return slice_z(l->client_id);
}

static void issue(struct c2s *s, struct token_item *item, const struct sasl_ht *ht)
{
    struct login *l = s->entry->login;
    char made[TOKEN_CHARS];
    int64_t now = s->e->now.wall_ms;
    rng_token(s->e->rng, made, sizeof(made));
    buf_clear(&l->issued);
    buf_lit(&l->issued, TOKEN_PREFIX);
    buf_append(&l->issued, made, sizeof(made));
    mem_wipe(made, sizeof(made));
    l->issued_expiry_ms = now + s->e->config->limits.fast_token_days * DAY_MS;
    item->slots[TOKEN_NEXT] = (struct token_slot){
        .ht = ht,
        .issued_ms = now > 0 ? now : 0,
        .expiry_ms = l->issued_expiry_ms,
        .token = buf_slice(&l->issued),
    };
}

/* What the login makes of the client's item. False: the token that was shown is not in it any more.
 */
static bool change(struct c2s *s, struct token_item *item)
{
    struct login *l = s->entry->login;
    const struct sasl_ht *next = l->wanted;
    if (l->ht != NULL) {
        unsigned at = TOKEN_CURRENT;
        for (unsigned i = 0; i < TOKEN_SLOTS; i++)
            if (item->slots[i].ht == l->ht &&
                secret_equal(item->slots[i].token, buf_slice(&l->token)))
                at = i;
        struct token_slot used = item->slots[at];
        if (used.ht != l->ht || !secret_equal(used.token, buf_slice(&l->token)))
            return false;
        l->replayed = login_is_replay(l, &used);
        if (l->replayed) { /* by another login, since we have looked */
            login_forget_token(l, item);
            return true;
        }
        if (next == NULL && !l->invalidate && token_is_old(&used, s->e->now.wall_ms))
            next = l->ht;
        if (l->counted)
            used.count = l->count;
        item->slots[TOKEN_CURRENT] = used;
        if (at == TOKEN_NEXT)
            item->slots[TOKEN_NEXT] = (struct token_slot){0};
        if (l->invalidate) /* nor is one that it has not shown yet worth anything */
            *item = (struct token_item){0};
    }
    if (next != NULL)
        issue(s, item, next);
    return true;
}

/* Makes room for one more client: what has expired goes, then whoever expires first. */
static void evict(struct c2s *s, const struct store_request *answer, struct store_request *batch)
{
    struct store_row row;
    struct slice bare = jid_bare(&s->entry->user), soonest = SLICE_NONE;
    long long soonest_ms = INT64_MAX;
    uint32_t others = 0;
    size_t at = 0;
    while (store_rows(answer, &at, &row)) {
        struct token_item item;
        (void)token_item_decode(row.value, &item); /* a damaged one has expired */
        if (slice_eq(row.key, client(s->entry->login)))
            continue;
        if (token_item_end(&item) <= s->e->now.wall_ms) {
            store_delete(batch, bare, STORE_FAST, row.key);
            continue;
        }
        others++;
        if (token_item_end(&item) < soonest_ms) {
            soonest_ms = token_item_end(&item);
            soonest = row.key;
        }
    }
    if (others >= s->e->config->limits.fast_clients && soonest.ptr != NULL)
        store_delete(batch, bare, STORE_FAST, soonest);
}

/* The client's item as it is, and as it is to be. */
static bool write_item(struct c2s *s, const struct store_request *answer,
                       struct store_request *batch)
{
    struct slice bare = jid_bare(&s->entry->user), old = SLICE_NONE;
    struct store_row row;
    struct token_item item = {0};
    struct buf value = {0};
    size_t at = 0;
    while (store_rows(answer, &at, &row)) {
        if (!slice_eq(row.key, client(s->entry->login)))
            continue;
        old = row.value;
        (void)token_item_decode(old, &item);
    }
    if (!change(s, &item))
        return false;
    evict(s, answer, batch);
    if (old.ptr != NULL)
        store_expect(batch, bare, STORE_FAST, client(s->entry->login), old);
    if (item.slots[TOKEN_CURRENT].ht == NULL && item.slots[TOKEN_NEXT].ht == NULL) {
        store_delete(batch, bare, STORE_FAST, client(s->entry->login));
        return true;
    }
    token_item_encode(&item, &value);
    if (old.ptr != NULL)
        store_put(batch, bare, STORE_FAST, client(s->entry->login), buf_slice(&value));
    else
        store_add(batch, bare, STORE_FAST, client(s->entry->login), buf_slice(&value));
    mem_wipe(value.ptr, value.cap);
    buf_free(&value);
    return true;
}

static void write_keys(struct c2s *s, struct store_request *batch)
{
    struct login *l = s->entry->login;
    struct account_record record = {0};
    struct buf keys = {0}, value = {0};
    CHECK(account_record_decode(buf_slice(&l->record), &record));
    sasl_credentials_encode(&l->credentials, &keys);
    record.credentials = buf_slice(&keys);
    account_record_encode(&record, &value);
    store_put(batch, jid_bare(&s->entry->user), STORE_ACCOUNT, SLICE(""), buf_slice(&value));
    mem_wipe(keys.ptr, keys.cap);
    mem_wipe(value.ptr, value.cap);
    buf_free(&keys);
    buf_free(&value);
}

/* The store does not take it. A login that does not depend on it goes on: the client keeps the
 * token that it has, and is asked for its keys again another time. */
static void not_stored(struct c2s *s)
{
    struct login *l = s->entry->login;
    if (l->must_store) {
        login_refuse(s, SASL_TEMPORARY_AUTH_FAILURE, SLICE_NONE);
        return;
    }
    c2s_log(s, LOG_WARNING, "auth.not_stored", NULL);
    if (l->issued.ptr != NULL)
        mem_wipe(l->issued.ptr, l->issued.cap);
    buf_free(&l->issued);
    login_go_on(s);
}

static void stored(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e;
    struct c2s *s = ctx;
    struct login *l = s->entry->login;
    bool conflict = answer->err == ERR_NOT_FOUND || answer->err == ERR_EXISTS;
    s->entry->flow = 0;
    if (conflict && ++l->attempts < ATTEMPTS_MAX) {
        login_store(s); /* another login of the client, at the same time */
        return;
    }
    l->to_store = false;
    if (l->replayed) {
        c2s_log(s, LOG_WARNING, "auth.replay", NULL);
        login_refuse(s, SASL_NOT_AUTHORIZED, SLICE_NONE);
    } else if (conflict) { /* the account's record is another one */
        login_refuse(s, SASL_TEMPORARY_AUTH_FAILURE, SLICE_NONE);
    } else if (answer->err != 0) {
        not_stored(s);
    } else {
        if (l->new_keys)
            c2s_log(s, LOG_INFO, "user.keys", NULL);
        login_go_on(s);
    }
}

static void write(struct c2s *s, const struct store_request *answer)
{
    struct login *l = s->entry->login;
    struct slice bare = jid_bare(&s->entry->user);
    struct store_request *batch = flow_batch(s->e);
    store_expect(batch, bare, STORE_ACCOUNT, SLICE(""), buf_slice(&l->record));
    if (l->new_keys)
        write_keys(s, batch);
    if (answer != NULL && !write_item(s, answer, batch)) {
        store_request_free(&batch);
        login_refuse(s, SASL_NOT_AUTHORIZED, SLICE_NONE);
        return;
    }
    s->entry->flow = flow_submit(s->e, batch, stored, s);
}

static void listed(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e;
    struct c2s *s = ctx;
    s->entry->flow = 0;
    if (answer->err != 0) {
        s->entry->login->to_store = false;
        not_stored(s);
        return;
    }
    write(s, answer);
}

void login_store(struct c2s *s)
{
    const struct login *l = s->entry->login;
    if (l->ht == NULL && l->wanted == NULL) {
        write(s, NULL);
        return;
    }
    struct store_request *q = flow_query(s->e);
    store_list(q, jid_bare(&s->entry->user), STORE_FAST, SLICE_NONE, UINT32_MAX);
    s->entry->flow = flow_submit(s->e, q, listed, s);
}
