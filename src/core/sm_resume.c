/* Taking up a session again (XEP-0198 section 5): the checks, the old stream that gives way, what
 * the log knows of a session of another process, and what the client has not acknowledged, sent
 * once more in its order. New stanzas wait behind it in the queue, new messages in the log. */
#include "core/sm.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/copy.h"
#include "core/hooks.h"
#include "core/message_log.h"
#include "core/presence.h"
#include "core/service/archive.h"
#include "core/service/inline.h"

enum { SCAN_ENTRIES = 200, REPLAY_ENTRIES = 16 };

/* ------------------------------------------------------------------------------------ joining */

static void fail(struct c2s *stream, enum stanza_error error, const uint32_t *h, struct buf *reply)
{
    c2s_log(stream, LOG_INFO, "sm.fail", stanza_error_name(error).ptr);
    sm_write_failed(reply, error, h);
}

void sm_return_end(struct engine *e, struct sm *sm)
{
    struct sm_return *back = sm->back;
    if (back == NULL)
        return;
    flow_cancel(e, back->flow);
    buf_free(&back->wanted);
    mem_free(back);
    sm->back = NULL;
}

static void join(struct engine *e, struct session *s, struct c2s *stream, struct buf *reply)
{
    struct sm *sm = s->sm;
    char id[SM_ID_CHARS];
    uint32_t h = sm_handled(s);
    CHECK(s->stream == NULL && stream->session == NULL);
    timer_stop(&sm->timer);
    __atomic_store_n(&sm->counters->left_wall_ms, 0, __ATOMIC_RELEASE);
    s->stream = stream;
    stream->session = s;
    c2s_alive_begin(stream);
    sm->received = h;
    if ((int32_t)(h - sm->taken) > 0)
        sm->taken = h;
    CHECK(sm_acknowledged(e, s, sm->back->h));
    sm->replays = true;
    sm->back->slice = REPLAY_ENTRIES;
    sm->back->replayed = sm->counters->out_h;
    sm_id(e, s, id);
    resend_told(e, sm, h);
    buf_printf(reply, "<resumed xmlns='urn:xmpp:sm:3' previd='%.*s' h='%u'/>", (int)sizeof(id), id,
               h);
    struct log_line l;
    log_begin(&l, e->log, LOG_INFO, "sm.resume");
    log_num(&l, "conn", (long long)stream->link->conn);
    log_z(&l, "peer", stream->link->peer);
    log_str(&l, "jid", jid_full(&s->jid));
    log_end(&l);
}

/* The stream that waited for the scan has its answer. */
static void answer(struct engine *e, struct session *s, enum stanza_error error)
{
    struct sm *sm = s->sm;
    struct c2s *stream = handle_get(&e->streams, sm->back->waiting);
    struct buf reply = {0};
    bool gone = stream == NULL || stream->state == C2S_CLOSED;
    sm->back->waiting = 0;
    if (gone || error != STANZA_OK)
        sm_return_end(e, sm);
    if (gone)
        return;
    if (error == STANZA_OK)
        join(e, s, stream, &reply);
    else
        fail(stream, error, NULL, &reply);
    bool good = error == STANZA_OK;
    if (stream->state == C2S_ENTERING)
        inline_resume_done(e, stream->handle, good ? INLINE_RESUMED : INLINE_FAILED,
                           buf_slice(&reply));
    else
        c2s_sm_resumed(stream, good ? SM_RESUMED : SM_FAILED, buf_slice(&reply));
    buf_free(&reply);
}

void sm_resume_cancel(struct engine *e, struct session *s, bool conflict)
{
    struct sm *sm = s->sm;
    if (sm->back == NULL || sm->back->waiting == 0)
        return;
    flow_cancel(e, sm->back->flow);
    sm->back->flow = 0;
    if (!conflict) {
        answer(e, s, STANZA_ITEM_NOT_FOUND);
        return;
    }
    struct c2s *stream = handle_get(&e->streams, sm->back->waiting);
    sm_return_end(e, sm);
    if (stream != NULL)
        c2s_error(stream, STREAM_CONFLICT, SLICE("replaced by a new connection"), SLICE_NONE);
}

/* ------------------------------------------------------------------- what another process left */

static void scan(struct engine *e, struct session *s, uint64_t from);

static void scanned(struct engine *e, void *ctx, struct store_request *reply)
{
    struct session *s = ctx;
    struct sm *sm = s->sm;
    struct store_row row;
    size_t at = 0;
    uint64_t serial;
    uint32_t number;
    sm->back->flow = 0;
    if (reply->err != 0) {
        session_log(e, s, LOG_ERROR, "archive.read_failed", err_text(reply->err));
        answer(e, s, STANZA_INTERNAL_SERVER_ERROR);
        return;
    }
    while (store_rows(reply, &at, &row))
        if (origin_read(row.labels.origin, &serial, &number))
            sm_settle_entry(e, s, serial, number);
    if (reply->more) {
        scan(e, s, reply->position + 1);
        return;
    }
    sm->scan = false;
    answer(e, s, STANZA_OK);
}

/* Stanzas that were written, and whose settlement the process did not live to see, are in the log
 * behind the cursor: it moves after they are counted. */
static void scan(struct engine *e, struct session *s, uint64_t from)
{
    struct store_request *q = flow_query(e);
    store_range(q, jid_bare(&s->account->jid), STORE_ARCHIVE, from, INT64_MAX, SCAN_ENTRIES, false);
    s->sm->back->flow = flow_submit(e, q, scanned, s);
}

enum sm_resumption sm_resume(struct c2s *stream, struct xml x, struct buf *reply)
{
    struct engine *e = stream->e;
    struct session *s = NULL;
    uint32_t h = 0;
    if (e->region != NULL)
        s = sm_find(e, stream->account, xml_attr(x, SLICE("previd")));
    if (s == NULL || s->sm->broken || s->sm->resume_ms == 0) {
        fail(stream, STANZA_ITEM_NOT_FOUND, NULL, reply);
        return SM_FAILED;
    }
    struct sm *sm = s->sm;
    uint32_t handled = sm_handled(s);
    if (!sm_read_h(xml_attr(x, SLICE("h")), &h) || (int32_t)(h - sm_sent_count(e, s)) > 0) {
        fail(stream, STANZA_BAD_REQUEST, &handled, reply);
        return SM_FAILED;
    }
    sm_resume_cancel(e, s, true);
    if (s->stream != NULL)
        c2s_error(s->stream, STREAM_CONFLICT, SLICE("resumed on a new connection"), SLICE_NONE);
    CHECK(sm->back == NULL);
    sm->back = mem_new(struct sm_return);
    sm->back->h = h;
    if (!sm->scan) {
        join(e, s, stream, reply);
        return SM_RESUMED;
    }
    sm->back->waiting = stream->handle;
    scan(e, s, sm->counters->cursor + 1);
    return SM_WAITS;
}

/* --------------------------------------------------------------------------------- sending again
 */

static void write_entry(struct engine *e, struct session *s, const struct store_row *row,
                        uint32_t flags)
{
    struct log_entry entry;
    struct buf *out = &s->stream->link->out;
    if (row != NULL && message_log_row(e, s->account, row, &entry)) {
        copy_write(s, &entry, (enum role)(flags & SM_ROLE_MASK), out);
        return;
    }
    /* It has left the log (it was too old, or was deleted): the client counts stanzas. */
    buf_lit(out, "<message type='headline'");
    xml_write_attr(out, SLICE("from"), jid_bare(&s->account->jid));
    xml_write_attr(out, SLICE("to"), jid_full(&s->jid));
    buf_lit(out, "/>");
}

static void done(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    sm->replays = false;
    sm_return_end(e, sm);
    if (region_count(e->region, sm->record) > 0)
        sm_ask(e, s);
    if (!s->inactive)
        session_flush_presence(e, s);
    if (sm->restored && s->available)
        presence_refresh(e, s);
    sm->restored = false;
    follow_resumed(e, s);
    account_unpark(e, s->account);
    hooks_session_drained(e, s);
}

static bool is_wanted(const struct sm *sm, uint64_t position, uint32_t *index_out)
{
    struct slice all = buf_slice(&sm->back->wanted);
    for (uint32_t i = 0; i < all.len / sizeof(position); i++)
        if (memcmp(all.ptr + i * sizeof(position), &position, sizeof(position)) == 0) {
            *index_out = i;
            return true;
        }
    return false;
}

/* The row of the n-th read; false: there was none. */
static bool row_of(const struct store_request *rows, uint32_t n, struct store_row *row)
{
    size_t at = 0;
    while (store_rows(rows, &at, row))
        if (row->read == n)
            return true;
    return false;
}

/* Walks on to the first stanza that was not sent again. False: there is none. */
static bool find(struct engine *e, struct session *s, uint64_t *at, struct region_entry *out,
                 struct buf *bytes)
{
    struct sm *sm = s->sm;
    *at = 0;
    if ((int32_t)(sm->back->replayed - sm->counters->out_h) < 0)
        sm->back->replayed = sm->counters->out_h; /* it was acknowledged meanwhile */
    for (uint32_t n = sm->back->replayed - sm->counters->out_h; n > 0; n--)
        if (!region_peek(e->region, sm->record, at, out))
            return false;
    return region_next(e->region, sm->record, at, out, bytes);
}

/* Writes as far as the rows reach. */
static bool write_on(struct engine *e, struct session *s, const struct store_request *rows)
{
    struct sm *sm = s->sm;
    struct region_entry r;
    struct buf bytes = {0};
    struct store_row row;
    uint64_t at;
    uint32_t index;
    bool more = find(e, s, &at, &r, &bytes);
    while (more) {
        if (r.position == 0)
            buf_add(&s->stream->link->out, r.bytes);
        else if (rows != NULL && is_wanted(sm, r.position, &index))
            write_entry(e, s, row_of(rows, index, &row) ? &row : NULL, r.flags);
        else
            break;
        e->counters.stanzas_out++;
        sm->back->replayed++;
        more = region_next(e->region, sm->record, &at, &r, &bytes);
    }
    buf_free(&bytes);
    c2s_written(s->stream);
    return more;
}

static void replay_read(struct engine *e, void *ctx, struct store_request *rows)
{
    struct session *s = ctx;
    struct sm *sm = s->sm;
    sm->back->flow = 0;
    if (rows->err == ERR_LIMIT && sm->back->slice > 1) {
        sm->back->slice = 1; /* large ones */
    } else if (rows->err != 0) {
        session_log(e, s, LOG_ERROR, "archive.read_failed", err_text(rows->err));
        c2s_error(s->stream, STREAM_INTERNAL_SERVER_ERROR, SLICE_NONE, SLICE_NONE);
        return;
    } else {
        (void)write_on(e, s, rows);
    }
    sm_replay(e, s);
}

/* The next positions of the queue, as many as fit into an answer. */
static void read_on(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    struct slice bare = jid_bare(&s->account->jid);
    struct store_request *q = flow_query(e);
    struct buf bytes = {0};
    struct region_entry r;
    uint64_t at;
    buf_clear(&sm->back->wanted);
    for (bool more = find(e, s, &at, &r, &bytes);
         more && buf_len(&sm->back->wanted) < sm->back->slice * sizeof(r.position);
         more = region_peek(e->region, sm->record, &at, &r)) {
        uint32_t index;
        if (r.position == 0 || is_wanted(sm, r.position, &index))
            continue;
        buf_append(&sm->back->wanted, &r.position, sizeof(r.position));
        store_range(q, bare, STORE_ARCHIVE, r.position, r.position, 1, false);
    }
    buf_free(&bytes);
    sm->back->flow = flow_submit(e, q, replay_read, s);
}

void sm_replay(struct engine *e, struct session *s)
{
    struct sm *sm = s->sm;
    if (!sm->replays || sm->back->flow != 0 || s->stream == NULL)
        return;
    if (session_backlog(s) >= e->config->limits.output_bytes / 2) {
        session_watch(s); /* goes on when it was taken */
        return;
    }
    if (write_on(e, s, NULL)) {
        read_on(e, s);
        return;
    }
    done(e, s);
}
