/* The administrator's commands about accounts. */
#include "base/check.h"
#include "base/mem.h"
#include "core/admin_inside.h"
#include "core/service/accounts.h"
#include "core/service/archive.h"
#include "xmpp/sasl.h"

enum { PAGE = 256 };

/* ------------------------------------------------------------------------- add, passwd, and so on
 */

static void done(struct engine *e, void *ctx, enum accounts_result result)
{
    struct admin_request *r = ctx;
    if (result == ACCOUNTS_DONE)
        admin_return(e, r, ADMIN_NOWHERE);
    else
        admin_fail(e, r,
                   result == ACCOUNTS_BUSY || result == ACCOUNTS_FULL ? ADMIN_TRY_AGAIN
                                                                      : ADMIN_FAILED,
                   accounts_result_text(result));
}

static void add(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    accounts_add(e, &jid, r->password, done, r);
}

static void passwd(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    accounts_set_password(e, &jid, r->password, 0, done, r);
}

static void disable(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    accounts_set_disabled(e, &jid, true, done, r);
}

static void enable(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    accounts_set_disabled(e, &jid, false, done, r);
}

static void remove_account(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    accounts_remove(e, &jid, done, r);
}

/* ----------------------------------------------------------------------------------------- list */

/* One account of the page, in notes: this and its address. */
struct listed {
    int64_t created_ms;
    uint32_t sessions;
    uint16_t len;
    bool disabled;
};

/* The sessions of those that live here are added; the last shard writes the rows. */
static void list_count(struct engine *e, struct admin_request *r)
{
    bool last = e->shard + 1 == e->shards;
    for (size_t at = r->notes.start; at < r->notes.end;) {
        struct listed item;
        memcpy(&item, r->notes.ptr + at, sizeof(item));
        struct slice bare = slice_of(r->notes.ptr + at + sizeof(item), item.len);
        const struct account *a = account_find(e, bare);
        item.sessions += a != NULL ? a->session_count : 0;
        memcpy(r->notes.ptr + at, &item, sizeof(item));
        at += sizeof(item) + item.len;
        if (!last)
            continue;
        admin_row_begin(r);
        admin_row_text(r, "account", bare);
        admin_row_text(r, "state", item.disabled ? SLICE("disabled") : SLICE("enabled"));
        admin_row_number(r, "sessions", item.sessions);
        admin_row_time(r, "created", item.created_ms);
        admin_row_end(r);
    }
    if (!last) {
        admin_return(e, r, e->shard + 1);
        return;
    }
    buf_clear(&r->notes);
    admin_return(e, r, buf_len(&r->cursor) > 0 ? 0 : ADMIN_NOWHERE);
}

static void records_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct admin_request *r = ctx;
    struct store_row row;
    size_t at = 0, names = 0;
    if (answer->err != 0) {
        admin_store_failed(e, r, answer->err);
        return;
    }
    /* The reads are in the order of the names that text holds behind the request's own. */
    struct slice owners = buf_slice(&r->notes);
    struct buf page = {0};
    uint32_t read = 0;
    while (store_rows(answer, &at, &row)) {
        for (; read < row.read; read++)
            names += slice_find(slice_from(owners, names), '\0') + 1;
        struct slice name = slice_from(owners, names);
        name.len = slice_find(name, '\0');
        struct account_record record = {0};
        if (!account_record_decode(row.value, &record))
            continue;
        struct listed item = {.created_ms = record.created_ms,
                              .len = (uint16_t)name.len,
                              .disabled = record.disabled};
        buf_append(&page, &item, sizeof(item));
        buf_add(&page, name);
    }
    buf_free(&r->notes);
    r->notes = page;
    list_count(e, r);
}

/* Does the account belong to the host that is asked for? */
static bool wanted(const struct admin_request *r, struct slice owner)
{
    struct jid jid;
    return jid_from_prepared(owner, &jid) &&
           (buf_len(&r->host) == 0 || slice_eq(buf_slice(&r->host), jid_domain(&jid)));
}

static void owners_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct admin_request *r = ctx;
    struct slice owner;
    size_t at = 0;
    if (answer->err != 0) {
        admin_store_failed(e, r, answer->err);
        return;
    }
    buf_clear(&r->notes);
    struct store_request *q = flow_query(e);
    uint32_t reads = 0;
    while (admin_owners_next(r, answer, &at, &owner)) {
        if (!wanted(r, owner))
            continue;
        store_get(q, owner, STORE_ACCOUNT, SLICE(""));
        buf_add(&r->notes, owner);
        buf_byte(&r->notes, '\0');
        reads++;
    }
    if (reads > 0) {
        flow_submit(e, q, records_read, r);
        return;
    }
    store_request_free(&q);
    if (buf_len(&r->cursor) > 0)
        admin_owners_ask(e, r, PAGE, owners_read);
    else
        admin_return(e, r, ADMIN_NOWHERE);
}

/* A page begins at shard 0 and visits them all. */
static void list(struct engine *e, struct admin_request *r)
{
    if (e->shard == 0)
        admin_owners_ask(e, r, PAGE, owners_read);
    else
        list_count(e, r);
}

/* ----------------------------------------------------------------------------------------- show */

static void mechanisms(struct admin_request *r, struct slice text)
{
    static const char *const NAMES[SASL_HASHES] = {
        [SASL_SHA1] = "SCRAM-SHA-1",
        [SASL_SHA256] = "SCRAM-SHA-256",
        [SASL_SHA512] = "SCRAM-SHA-512",
    };
    struct sasl_credentials c;
    if (sasl_credentials_decode(text, &c) != 0)
        return;
    struct buf names = {0};
    for (unsigned i = 0; i < SASL_HASHES; i++) {
        if (c.keys[i].iterations == 0)
            continue;
        if (buf_len(&names) > 0)
            buf_byte(&names, ' ');
        buf_add(&names, slice_z(NAMES[i]));
    }
    admin_row_text(r, "mechanisms", buf_slice(&names));
    buf_free(&names);
    mem_wipe(&c, sizeof(c));
}

/* Of XEP-0012's item: when the last session ended, in milliseconds, and what was said then. */
static long long first_number(struct slice value)
{
    unsigned long long n;
    value.len = slice_find(value, ' ');
    return slice_to_u64(value, &n) && n <= INT64_MAX ? (long long)n : 0;
}

static void show_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct admin_request *r = ctx;
    struct jid jid = admin_jid(r);
    const struct account *a = account_find(e, jid_bare(&jid));
    struct account_record record = {0};
    struct roster roster = {0};
    struct store_row row;
    size_t at = 0;
    long long contacts = 0, archived = 0, last = 0;
    bool found = false;
    if (answer->err != 0) {
        admin_store_failed(e, r, answer->err);
        return;
    }
    while (store_rows(answer, &at, &row)) {
        if (row.read == 0)
            found = account_record_decode(row.value, &record);
        else if (row.read == 1 && row.key.len > 0)
            (void)roster_item_decode(&roster, row.key, row.value);
        else if (row.read == 2)
            archived = (long long)row.position;
        else if (row.read == 3)
            last = first_number(row.value);
    }
    for (uint32_t i = 0; i < roster.count; i++)
        contacts += roster.items[i]->listed;
    roster_free(&roster);
    if (!found) {
        admin_fail(e, r, ADMIN_FAILED, accounts_result_text(ACCOUNTS_ABSENT));
        return;
    }
    admin_row_begin(r);
    admin_row_text(r, "account", jid_bare(&jid));
    admin_row_text(r, "state", record.disabled ? SLICE("disabled") : SLICE("enabled"));
    admin_row_time(r, "created", record.created_ms);
    if (last > 0)
        admin_row_time(r, "last_active", last);
    admin_row_number(r, "sessions", a != NULL ? a->session_count : 0);
    admin_row_number(r, "contacts", contacts);
    admin_row_number(r, "archived_messages", archived);
    mechanisms(r, record.credentials);
    admin_row_end(r);
    admin_return(e, r, ADMIN_NOWHERE);
}

static void show(struct engine *e, struct admin_request *r)
{
    struct jid jid = admin_jid(r);
    struct store_request *q = flow_query(e);
    store_get(q, jid_bare(&jid), STORE_ACCOUNT, SLICE(""));
    store_list(q, jid_bare(&jid), STORE_ROSTER, SLICE_NONE, UINT32_MAX);
    store_count(q, jid_bare(&jid), STORE_ARCHIVE);
    store_get(q, jid_bare(&jid), SLICE("last"), SLICE(""));
    flow_submit(e, q, show_read, r);
}

const struct admin_command ADMIN_ACCOUNT_COMMANDS[] = {
    {.name = "account add",
     .address = ADMIN_BARE,
     .at_owner = true,
     .password = true,
     .serve = add},
    {.name = "account passwd",
     .address = ADMIN_BARE,
     .at_owner = true,
     .password = true,
     .serve = passwd},
    {.name = "account list", .host = true, .serve = list},
    {.name = "account show", .address = ADMIN_BARE, .at_owner = true, .serve = show},
    {.name = "account disable", .address = ADMIN_BARE, .at_owner = true, .serve = disable},
    {.name = "account enable", .address = ADMIN_BARE, .at_owner = true, .serve = enable},
    {.name = "account remove", .address = ADMIN_BARE, .at_owner = true, .serve = remove_account},
    {0},
};
