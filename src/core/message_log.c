/* Kept messages on their way through the log (design, section 5): one batch with one entry for both
 * owners; what is seen of it, and its sender's credit, come when it is on disk. */
#include "core/message_log.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/hooks.h"
#include "core/router.h"
#include "core/service/archive.h"
#include "core/service/keep.h"
#include "core/sm.h"
#include "core/trace.h"

/* A message on its way into the log. */
struct writing {
    struct list link;        /* in engine.writings */
    struct account *account; /* that it is for; in use by the hold */
    struct origin origin;
    struct hold *hold;
    int64_t wall_ms;
    uint32_t flags;
    uint32_t sender_flags; /* of an entry for the sender alone */
    bool both;             /* the entry is the sender's too */
    uint32_t entries;      /* of the batch; the last one is the recipient's */
    struct buf bytes;      /* the stanza, encoded */
};

bool message_log_takes(const struct account *a, const struct stanza *s)
{
    if (s->kind != STANZA_MESSAGE || a->state != ACCOUNT_READY || a->host == NULL)
        return false;
    bool there = s->to.resource_len == 0 || session_find(a, jid_resource(&s->to)) != NULL;
    if (s->type == TYPE_GROUPCHAT || s->type == TYPE_HEADLINE)
        return false;
    if (!there && s->type != TYPE_CHAT)
        return false;
    if (s->type == TYPE_ERROR && s->to.resource_len == 0)
        return false;
    return keep_is_kept(keep_of(s));
}

/* ------------------------------------------------------------------------------- what was written
 */

/* To the sessions with or without stream management. */
static bool hand_out(struct engine *e, struct account *a, struct log_entry *entry, bool managed)
{
    bool handed = false;
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if ((s->sm != NULL) != managed)
            continue;
        /* Who sent it need not send it again: known before the cursor says that it was seen. */
        if (managed && entry->serial != 0)
            sm_settle_entry(e, s, entry->serial, entry->number);
        handed |= follow_entry(e, s, entry);
    }
    return handed;
}

/* One entry for an account of this shard, in commit order. */
void message_log_apply(struct engine *e, struct account *a, struct log_entry *entry)
{
    if (entry->position <= a->head)
        return; /* it was there when the account was loaded */
    a->head = entry->position;
    bool handed = hand_out(e, a, entry, false);
    struct log_entry other = *entry;
    other.taken = handed;
    handed |= hand_out(e, a, &other, true);
    if ((entry->flags & ARCHIVE_MARKER) != 0 || !jid_bare_eq(&entry->stanza.to, &a->jid))
        return;
    tail_new_entry(e, a, entry->position, handed);
    if (!handed) {
        trace_note(e, TRACE_WAITING, entry->stanza.id, entry->position, jid_bare(&a->jid));
        if (a->host == NULL || !a->host->archive)
            tail_wait(a, 1, entry->bytes);
    }
    e->counters.messages_delivered += handed;
    hooks_message_kept(e, a, &entry->stanza, entry->position, handed);
}

/* The account that wrote it, when it is of this shard and loaded. */
static void apply_to_sender(struct engine *e, struct log_entry *entry)
{
    struct account *a = account_find(e, jid_bare(&entry->stanza.from));
    if (a != NULL)
        message_log_apply(e, a, entry);
}

void message_log_echo(struct engine *e, const struct store_request *r)
{
    struct store_operation o;
    uint64_t position = r->position + 1;
    for (size_t at = 0; store_operations(r, &at, &o);)
        position -= o.op == STORE_APPEND;
    for (size_t at = 0; store_operations(r, &at, &o);) {
        if (o.op != STORE_APPEND)
            continue;
        struct log_entry entry = {
            .position = position++, .wall_ms = o.labels.wall_ms, .flags = o.labels.flags};
        (void)origin_read(o.labels.origin, &entry.serial, &entry.number);
        for (size_t i = 0; i < o.owner_count; i++) {
            struct account *a = account_find(e, o.owners[i]);
            bool good = a != NULL && engine_owner(e, o.owners[i]) == e->shard;
            if (good &&
                ((o.labels.flags & ARCHIVE_MARKER) != 0 || stanza_decode(o.value, &entry.stanza)))
                message_log_apply(e, a, &entry);
        }
    }
}

/* ---------------------------------------------------------------------------------------- writing
 */

static void refuse(struct engine *e, const struct writing *w, const struct stanza *s, int err)
{
    struct log_line l;
    log_begin(&l, e->log, LOG_ERROR, "archive.store_failed");
    log_str(&l, "jid", jid_bare(&w->account->jid));
    log_z(&l, "cond", err_text(err));
    log_end(&l);
    bool later = err == ERR_FULL || err == ERR_BUSY || err == ERR_READONLY;
    module_route_error(e, s, later ? STANZA_RESOURCE_CONSTRAINT : STANZA_INTERNAL_SERVER_ERROR,
                       &w->origin);
}

static void forget(struct writing *w)
{
    list_remove(&w->link);
    buf_free(&w->bytes);
    mem_free(w);
}

static void written(struct engine *e, void *ctx, struct store_request *answer)
{
    struct writing *w = ctx;
    struct log_entry entry = {.position = answer->position,
                              .wall_ms = w->wall_ms,
                              .flags = w->flags,
                              .bytes = (uint32_t)buf_len(&w->bytes),
                              .serial = w->origin.serial,
                              .number = w->origin.number};
    CHECK(stanza_decode(buf_slice(&w->bytes), &entry.stanza));
    tail_expected(w->account, entry.bytes);
    if (answer->err != 0) {
        refuse(e, w, &entry.stanza, answer->err);
    } else {
        e->counters.messages_stored++;
        trace_note(e, TRACE_STORED, entry.stanza.id, entry.position, jid_bare(&w->account->jid));
        if (w->entries == 2) {
            struct log_entry own = entry;
            own.position--;
            own.flags = w->sender_flags;
            apply_to_sender(e, &own);
        }
        message_log_apply(e, w->account, &entry);
        if (w->both)
            apply_to_sender(e, &entry);
        engine_settle(e, &w->origin);
    }
    account_unhold(e, w->account, &w->hold);
    forget(w);
}

void message_log_free(struct engine *e)
{
    while (!list_empty(&e->writings))
        forget(CONTAINER_OF(e->writings.next, struct writing, link));
}

/* Who is to have what of the message (the sender's part first). */
static void fill(struct engine *e, struct writing *w, const struct stanza *s,
                 struct store_request *batch)
{
    struct account *a = w->account;
    char label[ORIGIN_LABEL_BYTES];
    struct slice value = buf_slice(&w->bytes), owners[2] = {jid_bare(&s->to), jid_bare(&s->from)};
    struct store_labels labels = {.wall_ms = w->wall_ms, .origin = origin_label(&w->origin, label)};
    bool history = keep_of(s) == KEEP_ARCHIVE && s->type != TYPE_ERROR;
    bool self = slice_eq(owners[0], owners[1]);
    bool local =
        !self && s->from.local_len > 0 && config_host(e->config, jid_domain(&s->from)) != NULL;
    bool mine = history && a->host->archive && hooks_archive_wants(e, a, &s->from);
    bool theirs = local && history && w->origin.archive;
    w->flags = mine ? 0 : ARCHIVE_DELIVERY;
    w->both = mine && theirs;
    w->entries = 1;
    if (local || self)
        resend_list(batch, owners[1], &w->origin, w->wall_ms);
    if (!w->both && (theirs || (local && w->origin.serial != 0))) {
        struct buf marker = {0};
        if (!theirs)
            resend_marker(s, &marker);
        w->sender_flags = theirs ? 0 : ARCHIVE_MARKER;
        labels.flags = w->sender_flags;
        labels.peer = owners[0];
        store_append(batch, STORE_ARCHIVE, &owners[1], 1, &labels,
                     theirs ? value : buf_slice(&marker));
        buf_free(&marker);
        w->entries = 2;
    }
    labels.flags = w->flags;
    labels.peer = w->both ? SLICE_NONE : owners[1];
    store_append(batch, STORE_ARCHIVE, owners, w->both ? 2 : 1, &labels, value);
    uint32_t shard = local ? engine_owner(e, owners[1]) : e->shard;
    if (shard != e->shard && (w->both || w->entries == 2))
        batch->echo = shard;
}

/* Somebody who hibernates is not there. */
static bool somebody_is_there(const struct account *a)
{
    for (const struct list *it = a->sessions.next; it != &a->sessions; it = it->next) {
        const struct session *s =
            (const struct session *)((const char *)it - offsetof(struct session, link));
        if (s->stream != NULL)
            return true;
    }
    return false;
}

/* L16: what waits for somebody, where it does not count as history. */
static bool is_full(struct engine *e, const struct account *a)
{
    const struct limits *l = &e->config->limits;
    uint64_t bytes, messages = tail_waiting(&a->tail, !somebody_is_there(a), &bytes);
    if (a->host->archive || (messages < l->offline_messages && bytes < l->offline_bytes))
        return false;
    struct log_line line;
    log_begin(&line, e->log, LOG_INFO, "offline.full");
    log_str(&line, "jid", jid_bare(&a->jid));
    log_z(&line, "reason", "L16");
    log_end(&line);
    return true;
}

void message_log_write(struct engine *e, struct account *a, struct stanza *s,
                       const struct origin *origin)
{
    if (is_full(e, a)) {
        module_route_error(e, s, STANZA_SERVICE_UNAVAILABLE, origin);
        return;
    }
    struct writing *w = mem_new(struct writing);
    stanza_encode(&w->bytes, s);
    if (w->bytes.failed) {
        module_route_error(e, s, STANZA_RESOURCE_CONSTRAINT, origin);
        buf_free(&w->bytes);
        mem_free(w);
        return;
    }
    w->account = a;
    w->origin = *origin;
    w->wall_ms = e->now.wall_ms;
    struct store_request *batch = flow_batch(e);
    fill(e, w, s, batch);
    w->hold = account_hold(e, a, s, origin);
    tail_expect(a, buf_len(&w->bytes));
    list_push(&e->writings, &w->link);
    flow_submit(e, batch, written, w);
}

/* ---------------------------------------------------------------------------------------- reading
 */

bool message_log_row(struct engine *e, const struct account *a, const struct store_row *row,
                     struct log_entry *out)
{
    *out = (struct log_entry){.position = row->position,
                              .wall_ms = row->labels.wall_ms,
                              .flags = row->labels.flags,
                              .bytes = (uint32_t)row->value.len,
                              .late = true};
    if (stanza_decode(row->value, &out->stanza))
        return true;
    struct log_line l;
    log_begin(&l, e->log, LOG_ERROR, "store.corrupt");
    log_str(&l, "jid", jid_bare(&a->jid));
    log_num(&l, "archive_entry", (long long)row->position);
    log_end(&l);
    return false;
}
