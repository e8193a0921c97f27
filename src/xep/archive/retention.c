/* What leaves the archives (XEP-0313 section 3.2): messages that are too old for their host, and
 * the oldest ones of an archive that is too large. Always a beginning of the archive, so that it
 * has no gaps, and never what still waits for delivery.
 *
 * Once an hour each shard looks at the accounts that it owns, one after the other, in slices with
 * pauses: neither the writer nor the readers are held up (D15). How much there is of an account is
 * counted as the archive grows, and kept in an item, "COUNTED BYTES": the messages up to that
 * position have so many bytes.
 *
 * D13: the clock is believed for this when over the last two intervals between runs it went as far
 * as the monotonic one, give or take five minutes. So nothing leaves for its age in the first two
 * hours of a process, nor in the two hours behind a jump. A stamp from the future counts as old as
 * the next sane one. */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "xep/archive/archive.h"

/* "SENT HOLE HOLE ...", decimal: what is above SENT, or a hole, waits for delivery. */
#define STORE_TAIL SLICE("tail")
#define STORE_SIZE SLICE("archive_size")

enum {
    HOUR_MS = 3600 * 1000,
    DAY_MS = 24 * HOUR_MS,
    PAUSE_MS = 50,
    TOLERANCE_MS = 5 * 60 * 1000,
    STEADY_INTERVALS = 2,
    OWNERS_MAX = 64,
    NAMES_BYTES = 16384, /* of one page of owners; four of the longest */
    PROBE_ROWS = 8,      /* the first slice of an account: mostly nothing leaves */
    SLICE_ROWS = 200,
    /* What settles the numbers of a session is of no use when no session can be that old (L15). */
    MARKERS_DAYS = 8,
};

extern const struct module ARCHIVE_RETENTION_MODULE;

struct retention;
typedef void step_fn(struct engine *e, struct retention *r);

/* Of a shard. In one block, without anything that would have to be freed. */
struct retention {
    struct timer timer;
    step_fn *then; /* when the timer fires */
    /* The clock at the begin of the last run, or of the process. */
    struct now began;
    unsigned steady; /* intervals in a row in which it went as it should */
    /* The accounts of the page, each ended by NUL; the last one stays for the next page. */
    char names[NAMES_BYTES];
    size_t names_len, names_at, last_name;
    bool last_page;
    /* The account in hand. */
    struct slice owner; /* in names */
    int64_t old_ms;     /* what was accepted before is too old; INT64_MIN: nothing is */
    int64_t marker_ms;  /* the same of what is no history */
    uint64_t bytes_max; /* 0: no limit */
    uint64_t bound;     /* what may leave ends here */
    uint64_t counted;   /* position */
    uint64_t bytes;     /* of messages up to it */
    bool changed;       /* the two are not as they are stored */
    uint32_t slice_rows;
    bool more; /* behind the slice that is being dropped */
};

static struct retention *retention_of(struct engine *e)
{
    return module_slot(e, &ARCHIVE_RETENTION_MODULE);
}

static void later(struct engine *e, struct retention *r, uint64_t ms, step_fn *then)
{
    r->then = then;
    timer_set(&e->timers, &r->timer, e->now.mono_ms + ms);
}

static void fired(struct timer *t, void *ctx)
{
    struct retention *r = CONTAINER_OF(t, struct retention, timer);
    r->then(ctx, r);
}

static void begin_run(struct engine *e, struct retention *r);
static void next_account(struct engine *e, struct retention *r);

/* ----------------------------------------------------------------------------------- the clock */

static bool went_right(const struct retention *r, struct now now)
{
    int64_t off = (now.wall_ms - r->began.wall_ms) - (int64_t)(now.mono_ms - r->began.mono_ms);
    return off >= -TOLERANCE_MS && off <= TOLERANCE_MS;
}

static void look_at_clock(struct engine *e, struct retention *r)
{
    if (went_right(r, e->now)) {
        r->steady++;
    } else {
        struct log_line l;
        log_begin(&l, e->log, LOG_WARNING, "time.jump");
        log_z(&l, "effect", "no message leaves an archive for its age");
        log_end(&l);
        r->steady = 0;
    }
    r->began = e->now;
}

/* ----------------------------------------------------------------------------------- the account
 */

/* This account is done, or cannot be helped this time. */
static void leave_account(struct engine *e, struct retention *r, int err)
{
    if (err != 0) {
        struct log_line l;
        log_begin(&l, e->log, LOG_WARNING, "archive.not_trimmed");
        log_str(&l, "jid", r->owner);
        log_z(&l, "reason", err_text(err));
        log_end(&l);
    }
    later(e, r, 0, next_account);
}

static void put_size(const struct retention *r, struct store_request *batch)
{
    char text[48];
    int len = snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)r->counted,
                       (unsigned long long)r->bytes);
    if (r->bytes_max > 0)
        store_put(batch, r->owner, STORE_SIZE, SLICE(""), slice_of(text, (size_t)len));
    else
        store_delete(batch, r->owner, STORE_SIZE, SLICE("")); /* it would be wrong soon */
}

static void read_oldest(struct engine *e, struct retention *r);

static void dropped(struct engine *e, void *ctx, struct store_request *answer)
{
    struct retention *r = retention_of(e);
    (void)ctx;
    if (answer->err != 0 || !r->more)
        leave_account(e, r, answer->err);
    else
        later(e, r, PAUSE_MS, read_oldest);
}

/* How much of a slice leaves. */
struct prefix {
    uint64_t first, last; /* positions; last 0: nothing */
    uint64_t bytes;       /* of history in it */
    uint32_t rows, of;    /* how many of how many */
};

static void measure(const struct retention *r, int64_t now_ms, const struct store_request *slice,
                    struct prefix *out)
{
    uint64_t undecided = 0;
    struct store_row row;
    size_t at = 0;
    bool going = true;
    *out = (struct prefix){0};
    while (store_rows(slice, &at, &row)) {
        bool history = (row.labels.flags & ARCHIVE_HIDDEN) == 0;
        int64_t limit_ms = history || r->old_ms > r->marker_ms ? r->old_ms : r->marker_ms;
        bool old = row.labels.wall_ms < limit_ms;
        bool over = r->bytes_max > 0 && r->bytes - out->bytes > r->bytes_max;
        bool odd = r->old_ms != INT64_MIN && row.labels.wall_ms > now_ms + DAY_MS;
        if (out->of++ == 0)
            out->first = row.position;
        going &= old || over || odd;
        if (!going)
            continue;
        undecided += history && row.position <= r->counted ? row.value.len : 0;
        if (!old && !over)
            continue;
        out->rows = out->of;
        out->last = row.position;
        out->bytes += undecided < r->bytes - out->bytes ? undecided : r->bytes - out->bytes;
        undecided = 0;
    }
}

static void oldest_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct retention *r = retention_of(e);
    struct prefix p;
    (void)ctx;
    if (answer->err != 0) {
        leave_account(e, r, answer->err);
        return;
    }
    measure(r, e->now.wall_ms, answer, &p);
    if (p.last == 0 && !r->changed) {
        leave_account(e, r, 0);
        return;
    }
    struct store_request *batch = flow_batch(e);
    if (p.last > 0)
        store_drop(batch, r->owner, STORE_ARCHIVE, p.first, p.last);
    r->bytes -= p.bytes;
    r->changed = false;
    r->more = p.rows > 0 && p.rows == p.of && answer->more;
    put_size(r, batch);
    flow_submit(e, batch, dropped, NULL);
}

static void read_oldest(struct engine *e, struct retention *r)
{
    struct store_request *q = flow_query(e);
    store_range(q, r->owner, STORE_ARCHIVE, 0, r->bound, r->slice_rows, false);
    r->slice_rows = SLICE_ROWS;
    flow_submit(e, q, oldest_read, NULL);
}

/* Takes out what is too old or too much, if there is such a thing. */
static void trim(struct engine *e, struct retention *r)
{
    bool over = r->bytes_max > 0 && r->bytes > r->bytes_max;
    if (over || r->old_ms != INT64_MIN || r->marker_ms != INT64_MIN) {
        read_oldest(e, r);
    } else if (r->changed) {
        struct store_request *batch = flow_batch(e);
        put_size(r, batch);
        r->more = false;
        flow_submit(e, batch, dropped, NULL);
    } else {
        leave_account(e, r, 0);
    }
}

static void count_new(struct engine *e, struct retention *r);

static void new_counted(struct engine *e, void *ctx, struct store_request *answer)
{
    struct retention *r = retention_of(e);
    struct store_row row;
    size_t at = 0;
    (void)ctx;
    if (answer->err != 0) {
        leave_account(e, r, answer->err);
        return;
    }
    while (store_rows(answer, &at, &row))
        r->bytes += row.value.len;
    if (answer->position > r->counted) {
        r->counted = answer->position;
        r->changed = true;
    }
    if (answer->more)
        later(e, r, 0, count_new);
    else
        trim(e, r);
}

static void count_new(struct engine *e, struct retention *r)
{
    const struct store_filter visible = ARCHIVE_VISIBLE;
    struct store_request *q = flow_query(e);
    store_range_where(q, r->owner, STORE_ARCHIVE, r->counted + 1, INT64_MAX, SLICE_ROWS, false,
                      &visible);
    flow_submit(e, q, new_counted, NULL);
}

/* Numbers with a space between two, one by one. */
static bool next_number(struct slice *text, uint64_t *out)
{
    unsigned long long value;
    size_t end = slice_find(*text, ' ');
    if (text->len == 0 || !slice_to_u64(slice_of(text->ptr, end), &value))
        return false;
    *text = end < text->len ? slice_from(*text, end + 1) : SLICE_NONE;
    *out = value;
    return true;
}

/* The last position that is delivered and has nothing undelivered before it. */
static uint64_t delivered(struct slice tail)
{
    uint64_t bound = 0, hole;
    if (!next_number(&tail, &bound))
        return 0;
    while (next_number(&tail, &hole))
        if (hole > 0 && hole <= bound)
            bound = hole - 1;
    return bound;
}

static void account_seen(struct engine *e, void *ctx, struct store_request *answer)
{
    struct retention *r = retention_of(e);
    struct store_row row;
    size_t at = 0;
    (void)ctx;
    if (answer->err != 0) {
        leave_account(e, r, answer->err);
        return;
    }
    r->bound = r->counted = r->bytes = 0;
    r->slice_rows = PROBE_ROWS;
    r->changed = false;
    while (store_rows(answer, &at, &row)) {
        struct slice value = row.value;
        if (row.read == 0)
            r->bound = delivered(value);
        else if (!next_number(&value, &r->counted) || !next_number(&value, &r->bytes))
            r->counted = r->bytes = 0; /* it is counted anew */
    }
    if (r->bytes_max > 0)
        count_new(e, r);
    else
        trim(e, r);
}

/* Is there anything to be done for it? */
static bool take_account(struct engine *e, struct retention *r, struct slice owner)
{
    struct jid jid;
    if (engine_owner(e, owner) != e->shard || !jid_from_prepared(owner, &jid))
        return false;
    const struct host_config *host = config_host(e->config, jid_domain(&jid));
    if (host == NULL)
        return false;
    bool by_age = r->steady >= STEADY_INTERVALS;
    int64_t now = e->now.wall_ms;
    r->owner = owner;
    r->old_ms =
        by_age && host->archive_days > 0 ? now - (int64_t)host->archive_days * DAY_MS : INT64_MIN;
    r->marker_ms = by_age ? now - (int64_t)MARKERS_DAYS * DAY_MS : INT64_MIN;
    r->bytes_max = (uint64_t)host->archive_mib << 20;
    return by_age || r->bytes_max > 0;
}

/* ---------------------------------------------------------------------------------------- the run
 */

static void end_run(struct engine *e, struct retention *r)
{
    uint64_t next = r->began.mono_ms + HOUR_MS;
    later(e, r, next > e->now.mono_ms ? next - e->now.mono_ms : PAUSE_MS, begin_run);
}

static void owners_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct retention *r = retention_of(e);
    struct store_row row;
    size_t at = 0;
    (void)ctx;
    if (answer->err != 0) { /* the next run begins where this one did */
        end_run(e, r);
        return;
    }
    r->names_len = r->names_at = 0;
    r->last_page = !answer->more;
    while (store_rows(answer, &at, &row)) {
        if (row.key.len + 1 > sizeof(r->names) - r->names_len) {
            r->last_page = false;
            break;
        }
        r->last_name = r->names_len;
        memcpy(r->names + r->names_len, row.key.ptr, row.key.len);
        r->names[r->names_len + row.key.len] = '\0';
        r->names_len += row.key.len + 1;
    }
    next_account(e, r);
}

static void read_owners(struct engine *e, struct retention *r)
{
    struct store_request *q = flow_query(e);
    struct slice after = r->names_len > 0 ? slice_z(r->names + r->last_name) : SLICE_NONE;
    store_owners(q, SLICE("account"), after, OWNERS_MAX);
    flow_submit(e, q, owners_read, NULL);
}

static void next_account(struct engine *e, struct retention *r)
{
    while (r->names_at < r->names_len) {
        struct slice owner = slice_z(r->names + r->names_at);
        r->names_at += owner.len + 1;
        if (!take_account(e, r, owner))
            continue;
        struct store_request *q = flow_query(e);
        store_get(q, owner, STORE_TAIL, SLICE(""));
        store_get(q, owner, STORE_SIZE, SLICE(""));
        flow_submit(e, q, account_seen, NULL);
        return;
    }
    if (r->last_page)
        end_run(e, r);
    else
        later(e, r, PAUSE_MS, read_owners);
}

static void begin_run(struct engine *e, struct retention *r)
{
    look_at_clock(e, r);
    r->names_len = 0;
    read_owners(e, r);
}

static void start(struct engine *e)
{
    struct retention *r = mem_new(struct retention);
    module_slot_set(e, &ARCHIVE_RETENTION_MODULE, r);
    r->timer.fire = fired;
    r->began = e->now;
    end_run(e, r);
}

static const char *const STORES[] = {"archive_size", NULL};

const struct module ARCHIVE_RETENTION_MODULE = {
    .name = "archive-retention",
    .summary = "lets old messages leave the archives",
    .stores = STORES,
    .start = start,
};
