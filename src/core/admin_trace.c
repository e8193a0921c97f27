/* "burblectl trace ID": what shards know of a message, by its id or its archive id. Twice around
 * the shards: first to learn at which positions of the log messages of this id are, then for what
 * is known of the id and of these positions. */
#include "core/admin_inside.h"
#include "core/service/archive.h"
#include "core/trace.h"

enum { POSITIONS_MAX = 1000 };

/* In notes: the round, then positions. */
static bool is_known(const struct buf *notes, uint64_t position)
{
    struct slice rest = slice_from(buf_slice(notes), sizeof(uint64_t));
    for (; rest.len >= sizeof(position); rest = slice_from(rest, sizeof(position)))
        if (memcmp(rest.ptr, &position, sizeof(position)) == 0)
            return true;
    return false;
}

static void learn(struct engine *e, struct admin_request *r, uint64_t hash)
{
    struct trace_row row;
    size_t at = 0;
    while (trace_next(e, &at, &row))
        if (row.id_hash == hash && row.position != 0 && !is_known(&r->notes, row.position) &&
            buf_len(&r->notes) < POSITIONS_MAX * sizeof(uint64_t))
            buf_append(&r->notes, &row.position, sizeof(row.position));
}

static void tell(struct engine *e, struct admin_request *r, uint64_t hash)
{
    struct trace_row row;
    size_t at = 0;
    while (trace_next(e, &at, &row)) {
        bool meant =
            row.id_hash == hash || (row.position != 0 && is_known(&r->notes, row.position));
        if (!meant)
            continue;
        char id[ARCHIVE_ID_BYTES];
        admin_row_begin(r);
        admin_row_time(r, "time", row.wall_ms);
        admin_row_text(r, "event", slice_z(trace_event_name(row.event)));
        admin_row_text(r, "address", row.who);
        admin_row_text(r, "archive_id",
                       row.position != 0 ? archive_id(row.position, id) : SLICE(""));
        admin_row_number(r, "shard", e->shard);
        admin_row_end(r);
    }
}

static void trace(struct engine *e, struct admin_request *r)
{
    struct slice id = admin_argument(r, "id");
    uint64_t round = 0, position;
    if (id.len == 0) {
        admin_fail(e, r, ADMIN_USAGE, "an id is needed: of the message, or of its archive");
        return;
    }
    if (buf_len(&r->notes) == 0) {
        buf_append(&r->notes, &round, sizeof(round));
        if (archive_position(id, &position))
            buf_append(&r->notes, &position, sizeof(position));
    }
    memcpy(&round, buf_slice(&r->notes).ptr, sizeof(round));
    uint64_t hash = trace_hash(e, id);
    if (round == 0)
        learn(e, r, hash);
    else
        tell(e, r, hash);
    if (e->shard + 1 < e->shards) {
        admin_return(e, r, e->shard + 1);
        return;
    }
    round++;
    memcpy(r->notes.ptr + r->notes.start, &round, sizeof(round));
    admin_return(e, r, round == 1 ? 0 : ADMIN_NOWHERE);
}

const struct admin_command ADMIN_TRACE_COMMANDS[] = {
    {.name = "trace", .id = true, .serve = trace},
    {0},
};
