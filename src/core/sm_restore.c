/* Sessions that outlive the process: made again from images of its region, or, after an orderly
 * stop and with another binary, from what it has put into the store. */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/session_state.h"
#include "core/sm.h"

enum { BATCH_SESSIONS = 64, PAGE_SESSIONS = 100, SETTLE_MS = 2000 };

/* ------------------------------------------------------------------------------- from an image */

static void refuse(struct engine *e, const struct jid *jid, const char *reason)
{
    struct log_line l;
    log_begin(&l, e->log, LOG_WARNING, "sm.lost");
    log_str(&l, "jid", jid_some(jid) ? jid_full(jid) : SLICE("-"));
    log_z(&l, "reason", reason);
    log_end(&l);
}

static void restore_session(struct engine *e, const struct region_image *image)
{
    struct jid jid = JID_NONE;
    if (!session_state_jid(image->state, &jid)) {
        refuse(e, &jid, "damaged");
        return;
    }
    if (config_host(e->config, jid_domain(&jid)) == NULL) {
        refuse(e, &jid, "host gone");
        return;
    }
    struct account *a = account_restore(e, &jid);
    if (session_find(a, jid_resource(&jid)) != NULL)
        return;
    region_ref record = region_session_restore(e->region, image);
    if (record == 0) {
        refuse(e, &jid, "no room");
        return;
    }
    struct session *s = session_new(e, a, NULL, jid_resource(&jid));
    (void)sm_new(s);
    s->follow.state = FOLLOW_BEHIND;
    s->follow.cursor = image->counters.cursor;
    if (session_state_read(e, image->state, s)) {
        sm_restored(e, s, record);
        if (a->follows)
            sm_account_loaded(e, a);
        return;
    }
    refuse(e, &jid, "damaged");
    region_session_drop(e->region, record);
    session_forget(e, &s);
}

static void restore_tail(struct engine *e, const struct region_image *image)
{
    struct jid jid;
    if (!jid_from_prepared(image->owner, &jid) || jid.resource_len > 0 || jid.local_len == 0 ||
        config_host(e->config, jid_domain(&jid)) == NULL)
        return;
    struct account *a = account_restore(e, &jid);
    if (!a->follows)
        tail_restore(e, a, image->sent, image->holes);
}

void engine_restore(struct engine *e, struct slice text)
{
    struct region_image image;
    struct jid nobody = JID_NONE;
    if (e->region == NULL)
        return;
    if (!region_image_read(text, &image))
        refuse(e, &nobody, "damaged");
    else if (image.kind == REGION_SESSION)
        restore_session(e, &image);
    else
        restore_tail(e, &image);
    accounts_restore(e);
}

/* What the sessions have not acknowledged is theirs: nobody else is handed it. */
static void adopt(struct engine *e, struct account *a)
{
    struct buf positions = {0};
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (s->sm != NULL)
            sm_unacknowledged(e, s, &positions);
    }
    struct slice all = buf_slice(&positions);
    for (; all.len >= sizeof(uint64_t); all = slice_from(all, sizeof(uint64_t))) {
        uint64_t position;
        memcpy(&position, all.ptr, sizeof(position));
        tail_handed(e, a, position);
    }
    buf_free(&positions);
}

/* Then those end whose time passed while nobody looked, and all of an account that is not there any
 * more: before anybody can ask for them. */
void sm_account_loaded(struct engine *e, struct account *a)
{
    if (a->state == ACCOUNT_READY)
        adopt(e, a);
    LIST_EACH(it, &a->sessions)
    {
        struct session *s = CONTAINER_OF(it, struct session, link);
        if (s->sm == NULL || (a->state == ACCOUNT_READY && !sm_is_over(e, s)))
            continue;
        session_log(e, s, LOG_INFO, "sm.expired", NULL);
        session_end(e, &s);
    }
}

/* ---------------------------------------------------------------------------- into the store */

static void key_of(struct slice id, char out[SM_ID_CHARS + 1])
{
    for (size_t i = 0; i < id.len; i++)
        snprintf(out + 2 * i, 3, "%02x", (unsigned char)id.ptr[i]);
}

/* Who waited for what the store holds goes on when that is known, and cannot be found again. */
static void ended(struct engine *e)
{
    e->saved_flows--;
    while (e->saved_flows == 0 && !list_empty(&e->waiting))
        c2s_account_ready(CONTAINER_OF(list_pop(&e->waiting), struct c2s_entry, binding)->stream);
}

static void saved(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)ctx;
    ended(e);
    if (answer->err == 0)
        return;
    struct log_line l;
    log_begin(&l, e->log, LOG_ERROR, "sm.save_failed");
    log_z(&l, "cond", err_text(answer->err));
    log_end(&l);
}

static void save_batch(struct engine *e, struct store_request *batch)
{
    e->saved_flows++;
    flow_submit(e, batch, saved, NULL);
}

/* What a session has sent is settled soon, as a rule; nobody waits long for what is not. */
static bool is_busy(const struct engine *e)
{
    if (e->now.mono_ms >= e->stopped_ms + SETTLE_MS)
        return false;
    for (uint32_t i = 0; i < e->sessions.count; i++) {
        const struct session *s = e->sessions.slots[i].object;
        if (s != NULL && s->sm != NULL && s->unsettled > 0)
            return true;
    }
    return e->flow_count > 0;
}

/* sm_save looks at the end of each turn: there is one. */
static void waited(struct timer *t, void *ctx)
{
    (void)t, (void)ctx;
}

void sm_stop(struct engine *e)
{
    e->stop_timer.fire = waited;
    timer_set(&e->timers, &e->stop_timer, e->now.mono_ms + SETTLE_MS);
}

void sm_save(struct engine *e)
{
    struct store_request *batch = NULL;
    unsigned n = 0;
    if (!e->stopping || e->saved || e->region == NULL || is_busy(e))
        return;
    e->saved = true;
    tails_write(e); /* of accounts that have been loaded since */
    for (uint32_t i = 0; i < e->sessions.count; i++) {
        const struct session *s = e->sessions.slots[i].object;
        if (s == NULL || s->sm == NULL || !sm_resumable(s))
            continue;
        char key[SM_ID_CHARS + 1];
        struct buf image = {0};
        region_session_image(e->region, s->sm->record, &image);
        key_of(region_session_id(e->region, s->sm->record), key);
        if (batch == NULL)
            batch = flow_batch(e);
        store_put(batch, jid_domain(&s->jid), STORE_SESSIONS, slice_of(key, SM_ID_CHARS),
                  buf_slice(&image));
        buf_free(&image);
        if (++n % BATCH_SESSIONS == 0) {
            save_batch(e, batch);
            batch = NULL;
        }
    }
    if (batch != NULL)
        save_batch(e, batch);
}

bool engine_saves(const struct engine *e)
{
    return e->stopping && e->region != NULL && (!e->saved || e->saved_flows > 0);
}

/* -------------------------------------------------------------------------------- and out of it */

/* The sessions of one host are read. */
struct reading {
    struct slice host; /* owned */
    bool use;
};

static void read_page(struct engine *e, struct reading *r, struct slice after);

static void finish(struct engine *e, struct reading *r)
{
    mem_free((void *)(uintptr_t)r->host.ptr);
    mem_free(r);
    ended(e);
}

/* Whose it is; what nobody can read is shard 0's. */
static bool is_ours(const struct engine *e, struct slice text)
{
    struct region_image image;
    struct jid jid;
    if (!region_image_read(text, &image) || image.kind != REGION_SESSION ||
        !session_state_jid(image.state, &jid))
        return e->shard == 0;
    return engine_owner(e, jid_bare(&jid)) == e->shard;
}

static void page_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct reading *r = ctx;
    struct store_request *batch = NULL;
    struct store_row row;
    struct slice after = SLICE_NONE;
    size_t at = 0;
    if (answer->err == ERR_NOT_FOUND) { /* another shard has taken the one that this went on from */
        read_page(e, r, SLICE_NONE);
        return;
    }
    if (answer->err != 0) {
        struct log_line l;
        log_begin(&l, e->log, LOG_ERROR, "sm.restore_failed");
        log_z(&l, "cond", err_text(answer->err));
        log_end(&l);
        finish(e, r);
        return;
    }
    while (store_rows(answer, &at, &row)) {
        after = row.key;
        if (!is_ours(e, row.value))
            continue;
        if (r->use)
            engine_restore(e, row.value);
        if (batch == NULL)
            batch = flow_batch(e);
        store_delete(batch, r->host, STORE_SESSIONS, row.key);
    }
    if (answer->more)
        read_page(e, r, after);
    if (batch != NULL)
        save_batch(e, batch);
    if (!answer->more)
        finish(e, r);
}

static void read_page(struct engine *e, struct reading *r, struct slice after)
{
    struct store_request *q = flow_query(e);
    store_list(q, r->host, STORE_SESSIONS, after, PAGE_SESSIONS);
    flow_submit(e, q, page_read, r);
}

void engine_restore_saved(struct engine *e, bool use)
{
    for (size_t i = 0; i < e->config->host_count; i++) {
        struct reading *r = mem_new(struct reading);
        r->host = slice_of(mem_copy(e->config->hosts[i].name), e->config->hosts[i].name.len);
        r->use = use;
        e->saved_flows++;
        read_page(e, r, SLICE_NONE);
    }
}
