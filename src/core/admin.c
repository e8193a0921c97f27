/* Requests of the administrator: their life, their rows, which command is served by what. */
#include "core/admin.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/admin_inside.h"

/* ----------------------------------------------------------------------------------- the request
 */

struct admin_request *admin_request_new(void)
{
    struct admin_request *r = mem_new(struct admin_request);
    r->to = ADMIN_NOWHERE;
    return r;
}

static void wipe(struct buf *b)
{
    mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

void admin_request_free(struct admin_request **request)
{
    struct admin_request *r = *request;
    if (r == NULL)
        return;
    *request = NULL;
    wipe(&r->secret);
    buf_free(&r->text);
    buf_free(&r->rows);
    buf_free(&r->error);
    buf_free(&r->address);
    buf_free(&r->host);
    buf_free(&r->cursor);
    buf_free(&r->notes);
    mem_free(r);
}

struct slice admin_argument(const struct admin_request *r, const char *name)
{
    for (size_t i = 0; i < r->arg_count; i++)
        if (slice_eq(r->args[i].name, slice_z(name)))
            return r->args[i].value;
    return SLICE_NONE;
}

/* ------------------------------------------------------------------------------------------ rows
 */

enum { ROW = 'r' };

void admin_row_begin(struct admin_request *r)
{
    buf_byte(&r->rows, ROW);
}

static void cell(struct admin_request *r, enum admin_value kind, const char *name)
{
    size_t len = strlen(name);
    CHECK(len > 0 && len < 256);
    buf_byte(&r->rows, (char)kind);
    buf_byte(&r->rows, (char)len);
    buf_append(&r->rows, name, len);
}

void admin_row_text(struct admin_request *r, const char *name, struct slice value)
{
    uint32_t len = (uint32_t)value.len;
    cell(r, ADMIN_TEXT, name);
    buf_append(&r->rows, &len, sizeof(len));
    buf_add(&r->rows, value);
}

void admin_row_number(struct admin_request *r, const char *name, long long value)
{
    cell(r, ADMIN_NUMBER, name);
    buf_append(&r->rows, &value, sizeof(value));
}

void admin_row_bool(struct admin_request *r, const char *name, bool value)
{
    long long number = value;
    cell(r, ADMIN_BOOL, name);
    buf_append(&r->rows, &number, sizeof(number));
}

void admin_row_time(struct admin_request *r, const char *name, int64_t wall_ms)
{
    char stamp[TIME_STAMP_BYTES];
    admin_row_text(r, name, slice_of(stamp, time_stamp(wall_ms, stamp)));
}

void admin_row_end(struct admin_request *r)
{
    (void)r; /* the next row or the end says so */
}

/* The next n bytes. */
static const char *take(struct slice rows, size_t *at, size_t n)
{
    CHECK(n <= rows.len - *at);
    const char *p = rows.ptr + *at;
    *at += n;
    return p;
}

bool admin_cells(const struct admin_request *r, size_t *at, unsigned *row_out,
                 struct admin_cell *out)
{
    struct slice rows = buf_slice(&r->rows);
    if (rows.len == 0 || r->rows.failed != 0)
        return false;
    if (*at == 0)
        *row_out = UINT32_MAX; /* the first row counts it up to 0 */
    while (*at < rows.len && rows.ptr[*at] == ROW) {
        (*at)++;
        (*row_out)++;
    }
    if (*at == rows.len)
        return false;
    *out = (struct admin_cell){.kind = (enum admin_value) * take(rows, at, 1)};
    size_t name = (unsigned char)*take(rows, at, 1);
    out->name = slice_of(take(rows, at, name), name);
    if (out->kind == ADMIN_TEXT) {
        uint32_t len;
        memcpy(&len, take(rows, at, sizeof(len)), sizeof(len));
        out->text = slice_of(take(rows, at, len), len);
    } else {
        memcpy(&out->number, take(rows, at, sizeof(out->number)), sizeof(out->number));
    }
    return true;
}

/* -------------------------------------------------------------------------------------- the ways
 */

void admin_return(struct engine *e, struct admin_request *r, uint32_t to)
{
    r->to = to;
    struct mail *m = mail_new(MAIL_ADMIN_DONE, e->shard, r->from);
    m->object = r;
    engine_post(e, m);
}

void admin_fail(struct engine *e, struct admin_request *r, enum admin_exit exit, const char *text)
{
    r->exit = exit;
    buf_clear(&r->error);
    buf_add(&r->error, slice_z(text));
    admin_return(e, r, ADMIN_NOWHERE);
}

void admin_store_failed(struct engine *e, struct admin_request *r, int err)
{
    CHECK(err != 0);
    admin_fail(e, r, ADMIN_TRY_AGAIN, "the store does not answer well; the server's log says why");
}

void admin_owners_ask(struct engine *e, struct admin_request *r, uint32_t limit, flow_fn *fn)
{
    struct store_request *q = flow_query(e);
    store_owners(q, STORE_ACCOUNT, buf_len(&r->cursor) > 0 ? buf_slice(&r->cursor) : SLICE_NONE,
                 limit);
    flow_submit(e, q, fn, r);
}

bool admin_owners_next(struct admin_request *r, const struct store_request *answer, size_t *at,
                       struct slice *owner_out)
{
    struct store_row row;
    if (*at == 0)
        buf_clear(&r->cursor);
    if (!store_rows(answer, at, &row))
        return false;
    if (answer->more) {
        buf_clear(&r->cursor);
        buf_add(&r->cursor, row.key);
    }
    *owner_out = row.key;
    return true;
}

struct jid admin_jid(const struct admin_request *r)
{
    struct jid jid;
    CHECK(jid_from_prepared(buf_slice(&r->address), &jid));
    return jid;
}

bool admin_last_shard(struct engine *e, struct admin_request *r)
{
    if (e->shard + 1 == e->shards)
        return true;
    admin_return(e, r, e->shard + 1);
    return false;
}

static const struct admin_command *find(struct slice command)
{
    const struct admin_command *const tables[] = {ADMIN_ACCOUNT_COMMANDS, ADMIN_SESSION_COMMANDS,
                                                  ADMIN_SERVER_COMMANDS, ADMIN_TRACE_COMMANDS};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (const struct admin_command *c = tables[i]; c->name != NULL; c++)
            if (slice_eq(slice_z(c->name), command))
                return c;
    return NULL;
}

bool admin_knows(struct slice command)
{
    return find(command) != NULL;
}

/* What is wrong with the arguments; NULL: nothing. */
static const char *judge(const struct admin_command *c, const struct admin_request *r)
{
    for (size_t i = 0; i < r->arg_count; i++) {
        struct slice name = r->args[i].name;
        bool known = (c->address != ADMIN_NO_ADDRESS && slice_is(name, "jid")) ||
                     (c->host && slice_is(name, "host")) || (c->id && slice_is(name, "id"));
        if (!known)
            return "the command does not take this argument";
        for (size_t k = 0; k < i; k++)
            if (slice_eq(r->args[k].name, name))
                return "an argument is given twice";
    }
    if (c->address != ADMIN_NO_ADDRESS && c->address != ADMIN_MAYBE &&
        admin_argument(r, "jid").ptr == NULL)
        return "the address (jid) is missing";
    if (c->password && r->password.ptr == NULL)
        return "the password is missing";
    if (!c->password && r->password.ptr != NULL)
        return "the command does not take a password";
    return NULL;
}

/* Prepares the address, under the host's own name: NULL or what is wrong. */
static const char *prepare_jid(struct engine *e, const struct admin_command *c,
                               struct admin_request *r)
{
    struct slice text = admin_argument(r, "jid");
    struct jid jid;
    struct arena arena = {.cap = 64 << 10};
    const char *problem = NULL;
    const struct host_config *host = NULL;
    if (jid_parse(text, &arena, &jid) != 0)
        problem = "this is no valid address";
    else if (jid.local_len == 0)
        problem = "an address of an account is expected: name@host";
    else if ((host = config_host(e->config, jid_domain(&jid))) == NULL)
        problem = "this server does not serve the host of this address";
    else if (jid.resource_len > 0 && c->address != ADMIN_FULL && c->address != ADMIN_EITHER)
        problem = "an address without a resource is expected: name@host";
    else if (jid.resource_len == 0 && c->address == ADMIN_FULL)
        problem = "an address with a resource is expected: name@host/resource";
    if (problem == NULL) {
        buf_clear(&r->address);
        buf_add(&r->address, jid_local(&jid));
        buf_byte(&r->address, '@');
        buf_add(&r->address, host->name);
        if (jid.resource_len > 0) {
            buf_byte(&r->address, '/');
            buf_add(&r->address, jid_resource(&jid));
        }
    }
    arena_free(&arena);
    return r->address.failed ? "out of memory" : problem;
}

/* The host, under its own name. */
static const char *prepare_host(struct engine *e, struct admin_request *r)
{
    const struct host_config *host = NULL;
    if (jid_prepare_domain(admin_argument(r, "host"), &r->host) == 0)
        host = config_host(e->config, buf_slice(&r->host));
    if (host == NULL)
        return "this server does not serve this host";
    buf_clear(&r->host);
    return buf_add(&r->host, host->name) == 0 ? NULL : "out of memory";
}

static const char *prepare(struct engine *e, const struct admin_command *c, struct admin_request *r)
{
    if (admin_argument(r, "jid").ptr != NULL)
        return prepare_jid(e, c, r);
    return admin_argument(r, "host").ptr != NULL ? prepare_host(e, r) : NULL;
}

void admin_serve(struct engine *e, struct admin_request *r)
{
    const struct admin_command *c = find(r->command);
    if (c == NULL) {
        admin_fail(e, r, ADMIN_USAGE, "there is no such command");
        return;
    }
    if (r->to == ADMIN_NOWHERE) { /* it begins */
        const char *problem = judge(c, r);
        enum admin_exit exit = ADMIN_USAGE;
        if (problem == NULL) {
            exit = ADMIN_FAILED;
            problem = prepare(e, c, r);
        }
        if (problem != NULL) {
            admin_fail(e, r, exit, problem);
            return;
        }
    }
    uint32_t first = 0;
    if (c->at_owner && buf_len(&r->address) > 0) {
        struct jid jid = admin_jid(r);
        first = engine_owner(e, jid_bare(&jid));
    }
    if (r->to == ADMIN_NOWHERE && e->shard != first)
        admin_return(e, r, first);
    else
        c->serve(e, r);
}
