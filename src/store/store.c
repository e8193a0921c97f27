/* Requests of the storage interface: their operations and their rows, each encoded into one buffer
 * without pointers, so that a request can move between threads and an answer needs no allocation
 * per row. Numbers are in host order: a request never leaves the process. */
#include "store/store.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

/* The length that stands for a slice with ptr NULL. */
#define STORE_NO_SLICE UINT32_MAX

static struct store_request *request_new(bool write, uint32_t shard, uint64_t ticket)
{
    struct store_request *r = mem_new(struct store_request);
    r->write = write;
    r->echo = STORE_ECHO_NONE;
    r->shard = shard;
    r->ticket = ticket;
    return r;
}

struct store_request *store_batch_new(uint32_t shard, uint64_t ticket)
{
    return request_new(true, shard, ticket);
}

struct store_request *store_query_new(uint32_t shard, uint64_t ticket)
{
    return request_new(false, shard, ticket);
}

struct store_request *store_echo(const struct store_request *r)
{
    if (r->echo == STORE_ECHO_NONE || r->err != 0)
        return NULL;
    struct store_request *echo = request_new(true, r->echo, 0);
    buf_add(&echo->data, buf_slice(&r->data));
    echo->steps = r->steps;
    echo->position = r->position;
    echo->echo = r->echo; /* its own shard: that is what it is known by */
    return echo;
}

static void wipe_and_free(struct buf *b)
{
    if (b->ptr != NULL)
        mem_wipe(b->ptr, b->cap);
    buf_free(b);
}

void store_request_free(struct store_request **r)
{
    if (*r == NULL)
        return;
    wipe_and_free(&(*r)->data);
    wipe_and_free(&(*r)->rows);
    mem_free(*r);
    *r = NULL;
}

static void put_slice(struct buf *b, struct slice s)
{
    uint32_t len = s.ptr == NULL ? STORE_NO_SLICE : (uint32_t)s.len;
    buf_append(b, &len, sizeof(len));
    buf_add(b, s);
}

static void take(struct slice all, size_t *at, void *out, size_t len)
{
    CHECK(all.len - *at >= len);
    memcpy(out, all.ptr + *at, len);
    *at += len;
}

static struct slice take_slice(struct slice all, size_t *at)
{
    uint32_t len;
    take(all, at, &len, sizeof(len));
    if (len == STORE_NO_SLICE)
        return SLICE_NONE;
    CHECK(all.len - *at >= len);
    struct slice s = slice_of(all.ptr + *at, len);
    *at += len;
    return s;
}

static bool name_valid(struct slice name)
{
    if (name.len == 0 || name.len > STORE_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '.' ||
                  c == '_' || c == '/' || c == '-';
        if (!ok)
            return false;
    }
    return true;
}

static bool owner_valid(struct slice owner)
{
    return owner.len > 0 && owner.len <= STORE_KEY_BYTES;
}

/* What an operation needs, in the order of the encoding. */
enum {
    HAS_OWNER = 1,
    HAS_NAME = 2,
    HAS_KEY = 4,
    HAS_VALUE = 8,
    HAS_LOG = 16, /* owners and labels */
    HAS_SPAN = 32,
    HAS_LIMIT = 64,
    HAS_FILTER = 128,
    HAS_FLAGS = 256,
    IS_READ = 512,
    HAS_TEXT = 1024,
};

static const unsigned operation_parts[] = {
    [STORE_PUT] = HAS_OWNER | HAS_NAME | HAS_KEY | HAS_VALUE,
    [STORE_ADD] = HAS_OWNER | HAS_NAME | HAS_KEY | HAS_VALUE,
    [STORE_EXPECT] = HAS_OWNER | HAS_NAME | HAS_KEY | HAS_VALUE,
    [STORE_DELETE] = HAS_OWNER | HAS_NAME | HAS_KEY,
    [STORE_CLEAR] = HAS_OWNER | HAS_NAME,
    [STORE_APPEND] = HAS_NAME | HAS_VALUE | HAS_LOG,
    [STORE_DROP] = HAS_OWNER | HAS_NAME | HAS_SPAN,
    [STORE_DROP_OWNER] = HAS_OWNER,
    [STORE_REPLACE] = HAS_OWNER | HAS_NAME | HAS_VALUE | HAS_SPAN | HAS_FLAGS,
    [STORE_GET] = IS_READ | HAS_OWNER | HAS_NAME | HAS_KEY,
    [STORE_LIST] = IS_READ | HAS_OWNER | HAS_NAME | HAS_KEY | HAS_LIMIT,
    [STORE_RANGE] = IS_READ | HAS_OWNER | HAS_NAME | HAS_SPAN | HAS_FILTER | HAS_LIMIT,
    [STORE_SEARCH] = IS_READ | HAS_OWNER | HAS_NAME | HAS_TEXT | HAS_SPAN | HAS_FILTER | HAS_LIMIT,
    [STORE_COUNT] = IS_READ | HAS_OWNER | HAS_NAME,
    [STORE_OWNERS] = IS_READ | HAS_NAME | HAS_KEY | HAS_LIMIT,
    [STORE_REPLAY] = IS_READ | HAS_NAME | HAS_SPAN | HAS_LIMIT,
};

static bool owners_valid(const struct store_operation *o)
{
    CHECK(o->owner_count >= 1 && o->owner_count <= STORE_LOG_OWNERS);
    for (size_t i = 0; i < o->owner_count; i++)
        if (!owner_valid(o->owners[i]))
            return false;
    return o->labels.peer.len <= STORE_KEY_BYTES && o->labels.origin.len <= STORE_ORIGIN_BYTES;
}

static bool operation_within_limits(const struct store_operation *o, unsigned parts)
{
    if ((parts & HAS_OWNER) && !owner_valid(o->owner))
        return false;
    if ((parts & HAS_KEY) && o->key.len > STORE_KEY_BYTES)
        return false;
    if ((parts & HAS_VALUE) && o->value.len > STORE_VALUE_BYTES)
        return false;
    if ((parts & HAS_FILTER) && o->filter.peer.len > STORE_KEY_BYTES)
        return false;
    if ((parts & HAS_TEXT) && o->text.len > STORE_TEXT_BYTES)
        return false;
    return !(parts & HAS_LOG) || owners_valid(o);
}

static void put_log_parts(struct buf *b, const struct store_operation *o)
{
    buf_byte(b, (char)o->owner_count);
    for (size_t i = 0; i < o->owner_count; i++)
        put_slice(b, o->owners[i]);
    put_slice(b, o->labels.peer);
    put_slice(b, o->labels.origin);
    buf_append(b, &o->labels.wall_ms, sizeof(o->labels.wall_ms));
    buf_append(b, &o->labels.flags, sizeof(o->labels.flags));
}

static void put_filter(struct buf *b, const struct store_filter *f)
{
    put_slice(b, f->peer);
    buf_append(b, &f->wall_from, sizeof(f->wall_from));
    buf_append(b, &f->wall_to, sizeof(f->wall_to));
    buf_append(b, &f->flags_mask, sizeof(f->flags_mask));
    buf_append(b, &f->flags_wanted, sizeof(f->flags_wanted));
}

static void add_operation(struct store_request *r, const struct store_operation *o)
{
    unsigned parts = operation_parts[o->op];
    CHECK(r->write != ((parts & IS_READ) != 0));
    CHECK(!(parts & HAS_NAME) || name_valid(o->name));
    if (!operation_within_limits(o, parts)) {
        r->err = ERR_LIMIT;
        return;
    }
    struct buf *b = &r->data;
    buf_byte(b, (char)o->op);
    if (parts & HAS_OWNER)
        put_slice(b, o->owner);
    if (parts & HAS_NAME)
        put_slice(b, o->name);
    if (parts & HAS_KEY)
        put_slice(b, o->key);
    if (parts & HAS_VALUE)
        put_slice(b, o->value);
    if (parts & HAS_TEXT)
        put_slice(b, o->text);
    if (parts & HAS_LOG)
        put_log_parts(b, o);
    if (parts & HAS_SPAN) {
        buf_append(b, &o->from, sizeof(o->from));
        buf_append(b, &o->to, sizeof(o->to));
    }
    if (parts & HAS_FLAGS)
        buf_append(b, &o->labels.flags, sizeof(o->labels.flags));
    if (parts & HAS_FILTER)
        put_filter(b, &o->filter);
    if (parts & HAS_LIMIT) {
        buf_append(b, &o->limit, sizeof(o->limit));
        buf_byte(b, o->backwards ? 1 : 0);
    }
    r->steps++;
}

static void take_log_parts(struct slice all, size_t *at, struct store_operation *out)
{
    unsigned char count;
    take(all, at, &count, 1);
    CHECK(count <= STORE_LOG_OWNERS);
    out->owner_count = count;
    for (size_t i = 0; i < count; i++)
        out->owners[i] = take_slice(all, at);
    out->labels.peer = take_slice(all, at);
    out->labels.origin = take_slice(all, at);
    take(all, at, &out->labels.wall_ms, sizeof(out->labels.wall_ms));
    take(all, at, &out->labels.flags, sizeof(out->labels.flags));
}

static void take_filter(struct slice all, size_t *at, struct store_filter *out)
{
    out->peer = take_slice(all, at);
    take(all, at, &out->wall_from, sizeof(out->wall_from));
    take(all, at, &out->wall_to, sizeof(out->wall_to));
    take(all, at, &out->flags_mask, sizeof(out->flags_mask));
    take(all, at, &out->flags_wanted, sizeof(out->flags_wanted));
}

bool store_operations(const struct store_request *r, size_t *at, struct store_operation *out)
{
    struct slice all = buf_slice(&r->data);
    if (*at >= all.len)
        return false;
    unsigned char op, backwards = 0;
    take(all, at, &op, 1);
    CHECK(op < sizeof(operation_parts) / sizeof(operation_parts[0]));
    unsigned parts = operation_parts[op];
    *out = (struct store_operation){.op = (enum store_op)op};
    if (parts & HAS_OWNER)
        out->owner = take_slice(all, at);
    if (parts & HAS_NAME)
        out->name = take_slice(all, at);
    if (parts & HAS_KEY)
        out->key = take_slice(all, at);
    if (parts & HAS_VALUE)
        out->value = take_slice(all, at);
    if (parts & HAS_TEXT)
        out->text = take_slice(all, at);
    if (parts & HAS_LOG)
        take_log_parts(all, at, out);
    if (parts & HAS_SPAN) {
        take(all, at, &out->from, sizeof(out->from));
        take(all, at, &out->to, sizeof(out->to));
    }
    if (parts & HAS_FLAGS)
        take(all, at, &out->labels.flags, sizeof(out->labels.flags));
    if (parts & HAS_FILTER)
        take_filter(all, at, &out->filter);
    if (parts & HAS_LIMIT) {
        take(all, at, &out->limit, sizeof(out->limit));
        take(all, at, &backwards, 1);
        out->backwards = backwards != 0;
    }
    return true;
}

int store_request_check(const struct store_request *r)
{
    return r->data.failed ? ERR_MEMORY : r->err;
}

static void add_item(struct store_request *r, enum store_op op, struct slice owner,
                     struct slice name, struct slice key, struct slice value)
{
    struct store_operation o = {.op = op, .owner = owner, .name = name, .key = key, .value = value};
    add_operation(r, &o);
}

void store_put(struct store_request *r, struct slice owner, struct slice name, struct slice key,
               struct slice value)
{
    add_item(r, STORE_PUT, owner, name, key, value);
}

void store_add(struct store_request *r, struct slice owner, struct slice name, struct slice key,
               struct slice value)
{
    add_item(r, STORE_ADD, owner, name, key, value);
}

void store_expect(struct store_request *r, struct slice owner, struct slice name, struct slice key,
                  struct slice value)
{
    add_item(r, STORE_EXPECT, owner, name, key, value);
}

void store_delete(struct store_request *r, struct slice owner, struct slice name, struct slice key)
{
    add_item(r, STORE_DELETE, owner, name, key, SLICE_NONE);
}

void store_clear(struct store_request *r, struct slice owner, struct slice name)
{
    add_item(r, STORE_CLEAR, owner, name, SLICE_NONE, SLICE_NONE);
}

void store_append(struct store_request *r, struct slice name, const struct slice *owners, size_t n,
                  const struct store_labels *labels, struct slice value)
{
    CHECK(n >= 1 && n <= STORE_LOG_OWNERS);
    struct store_operation o = {
        .op = STORE_APPEND, .name = name, .value = value, .labels = *labels};
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (same < o.owner_count && !slice_eq(o.owners[same], owners[i]))
            same++;
        if (same == o.owner_count)
            o.owners[o.owner_count++] = owners[i];
    }
    add_operation(r, &o);
}

void store_drop(struct store_request *r, struct slice owner, struct slice name, uint64_t from,
                uint64_t to)
{
    struct store_operation o = {
        .op = STORE_DROP, .owner = owner, .name = name, .from = from, .to = to};
    add_operation(r, &o);
}

void store_drop_owner(struct store_request *r, struct slice owner)
{
    struct store_operation o = {.op = STORE_DROP_OWNER, .owner = owner};
    add_operation(r, &o);
}

void store_replace(struct store_request *r, struct slice owner, struct slice name,
                   uint64_t position, uint32_t flags, struct slice value)
{
    struct store_operation o = {.op = STORE_REPLACE,
                                .owner = owner,
                                .name = name,
                                .value = value,
                                .labels = {.flags = flags},
                                .from = position,
                                .to = position};
    add_operation(r, &o);
}

void store_get(struct store_request *r, struct slice owner, struct slice name, struct slice key)
{
    add_item(r, STORE_GET, owner, name, key, SLICE_NONE);
}

static void add_list(struct store_request *r, struct slice owner, struct slice name,
                     struct slice key, uint32_t limit, bool backwards)
{
    struct store_operation o = {.op = STORE_LIST,
                                .owner = owner,
                                .name = name,
                                .key = key,
                                .limit = limit,
                                .backwards = backwards};
    add_operation(r, &o);
}

void store_list(struct store_request *r, struct slice owner, struct slice name, struct slice after,
                uint32_t limit)
{
    add_list(r, owner, name, after, limit, false);
}

void store_list_back(struct store_request *r, struct slice owner, struct slice name,
                     struct slice before, uint32_t limit)
{
    add_list(r, owner, name, before, limit, true);
}

void store_range(struct store_request *r, struct slice owner, struct slice name, uint64_t from,
                 uint64_t to, uint32_t limit, bool backwards)
{
    store_range_where(r, owner, name, from, to, limit, backwards, &STORE_FILTER_NONE);
}

void store_range_where(struct store_request *r, struct slice owner, struct slice name,
                       uint64_t from, uint64_t to, uint32_t limit, bool backwards,
                       const struct store_filter *filter)
{
    struct store_operation o = {.op = STORE_RANGE,
                                .owner = owner,
                                .name = name,
                                .filter = *filter,
                                .from = from,
                                .to = to,
                                .limit = limit,
                                .backwards = backwards};
    add_operation(r, &o);
}

void store_search(struct store_request *r, struct slice owner, struct slice name, struct slice text,
                  uint64_t from, uint64_t to, uint32_t limit, bool backwards,
                  const struct store_filter *filter)
{
    struct store_operation o = {.op = STORE_SEARCH,
                                .owner = owner,
                                .name = name,
                                .text = text,
                                .filter = *filter,
                                .from = from,
                                .to = to,
                                .limit = limit,
                                .backwards = backwards};
    add_operation(r, &o);
}

void store_replay(struct store_request *r, struct slice name, uint64_t from, uint64_t to,
                  uint32_t limit)
{
    struct store_operation o = {
        .op = STORE_REPLAY, .name = name, .from = from, .to = to, .limit = limit};
    add_operation(r, &o);
}

bool store_filter_passes(const struct store_filter *filter, struct slice owner,
                         const struct store_labels *labels, bool shares_peer, bool alone)
{
    if (labels->wall_ms < filter->wall_from || labels->wall_ms > filter->wall_to)
        return false;
    if ((labels->flags & filter->flags_mask) != filter->flags_wanted)
        return false;
    if (filter->peer.ptr == NULL)
        return true;
    if (slice_eq(filter->peer, owner))
        return alone && slice_eq(labels->peer, owner);
    return shares_peer || slice_eq(labels->peer, filter->peer);
}

void store_count(struct store_request *r, struct slice owner, struct slice name)
{
    struct store_operation o = {.op = STORE_COUNT, .owner = owner, .name = name};
    add_operation(r, &o);
}

void store_owners(struct store_request *r, struct slice name, struct slice after, uint32_t limit)
{
    struct store_operation o = {.op = STORE_OWNERS, .name = name, .key = after, .limit = limit};
    add_operation(r, &o);
}

int store_answer_row(struct store_request *r, const struct store_row *row)
{
    struct buf *b = &r->rows;
    size_t before = buf_len(b);
    buf_append(b, &row->read, sizeof(row->read));
    buf_append(b, &row->position, sizeof(row->position));
    buf_append(b, &row->labels.wall_ms, sizeof(row->labels.wall_ms));
    buf_append(b, &row->labels.flags, sizeof(row->labels.flags));
    put_slice(b, row->key);
    put_slice(b, row->value);
    put_slice(b, row->labels.peer);
    put_slice(b, row->labels.origin);
    if (b->failed) {
        buf_truncate(b, before);
        return ERR_MEMORY;
    }
    r->row_count++;
    return 0;
}

static bool is_full(const struct store_request *r)
{
    return buf_len(&r->rows) >= STORE_ANSWER_BYTES;
}

int store_answer_begin(struct store_request *r)
{
    if (r->more && is_full(r))
        return ERR_LIMIT;
    r->more = false;
    return 0;
}

bool store_answer_room(struct store_request *r, size_t n, uint32_t limit)
{
    if ((limit == 0 || n < limit) && (n == 0 || !is_full(r)))
        return true;
    r->more = true;
    return false;
}

void store_answer_clear(struct store_request *r)
{
    buf_clear(&r->rows);
    r->row_count = 0;
    r->more = false;
    r->position = 0;
}

bool store_rows(const struct store_request *r, size_t *at, struct store_row *out)
{
    struct slice all = buf_slice(&r->rows);
    if (*at >= all.len)
        return false;
    take(all, at, &out->read, sizeof(out->read));
    take(all, at, &out->position, sizeof(out->position));
    take(all, at, &out->labels.wall_ms, sizeof(out->labels.wall_ms));
    take(all, at, &out->labels.flags, sizeof(out->labels.flags));
    out->key = take_slice(all, at);
    out->value = take_slice(all, at);
    out->labels.peer = take_slice(all, at);
    out->labels.origin = take_slice(all, at);
    return true;
}
