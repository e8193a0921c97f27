/* The thread that follows the log, and what the other threads tell it. It works when a lot is full,
 * when the last one is some time ago, or when a query waits for it; else it sleeps. */
#include "db/sqlite_derived.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"

enum {
    DERIVED_NICE = 10,
    DERIVED_RETRY_MS = 10000, /* after a failure */
    DERIVED_SWEEP_PARTS = 1 << 18,
};

void sqlite_derived_init(struct sqlite_derived *v, struct sqlite_driver *driver)
{
    pthread_condattr_t monotonic;
    struct buf path = {0};
    *v = (struct sqlite_derived){.driver = driver};
    buf_printf(&path, "%s" SQLITE_DERIVED_SUFFIX, driver->path);
    v->path = mem_copy(buf_slice(&path));
    buf_free(&path);
    v->owners = mem_array(SQLITE_DERIVED_OWNERS, sizeof(*v->owners));
    pthread_mutex_init(&v->connections, NULL);
    pthread_mutex_init(&v->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&v->wake, &monotonic);
    pthread_cond_init(&v->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void sqlite_derived_free(struct sqlite_derived *v)
{
    sqlite_derived_close(v);
    sqlite_derived_close_log(v);
    sqlite_derived_go_on(v);
    pthread_cond_destroy(&v->wake);
    pthread_cond_destroy(&v->moved);
    pthread_mutex_destroy(&v->lock);
    pthread_mutex_destroy(&v->connections);
    mem_free(v->owners);
    mem_free(v->path);
}

uint32_t sqlite_derived_hash(struct slice peer)
{
    /* Who chooses addresses to collide makes rows that are looked at in vain, and nothing else. */
    static const struct hash_key key = {0x6465726976, 0x6564};
    return (uint32_t)hash_bytes(&key, peer);
}

void sqlite_derived_shelf_word(struct buf *out, int64_t owner, int64_t name)
{
    /* A section sign is in no word of a text (store/words.h). */
    buf_printf(out, "\u00a7%lld\u00a7%lld", (long long)owner, (long long)name);
}

bool sqlite_derived_stopping(struct sqlite_derived *v)
{
    pthread_mutex_lock(&v->lock);
    bool stopping = v->stopping;
    pthread_mutex_unlock(&v->lock);
    return stopping;
}

void sqlite_derived_stop(struct sqlite_derived *v)
{
    pthread_mutex_lock(&v->lock);
    v->stopping = true;
    pthread_cond_broadcast(&v->wake);
    pthread_cond_broadcast(&v->moved);
    pthread_mutex_unlock(&v->lock);
}

void sqlite_derived_begin(struct sqlite_derived *v, int64_t position, int64_t revised)
{
    pthread_mutex_lock(&v->lock);
    v->position = v->position_max = position;
    v->revised = v->revised_max = revised;
    pthread_mutex_unlock(&v->lock);
}

void sqlite_derived_committed(struct sqlite_derived *v, int64_t position, int64_t revised,
                              uint64_t dropped)
{
    uint32_t lot = v->driver->config.derived_rows;
    pthread_mutex_lock(&v->lock);
    int64_t waited = v->position - v->done, waits = position - v->done;
    bool revises = revised > v->revised && v->revised == v->revised_done;
    bool sweeps = (v->dropped == 0 && dropped > 0) ||
                  (v->dropped < DERIVED_SWEEP_PARTS && v->dropped + dropped >= DERIVED_SWEEP_PARTS);
    v->position = position;
    v->revised = revised;
    v->dropped += dropped;
    /* Once when there is something at all, once when it is a lot. */
    if ((waited <= 0 && waits > 0) || (waited < lot && waits >= lot) || sweeps || revises)
        pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

int64_t sqlite_derived_revised(struct sqlite_derived *v)
{
    pthread_mutex_lock(&v->lock);
    int64_t done = v->revised_done;
    pthread_mutex_unlock(&v->lock);
    return done;
}

void sqlite_derived_complain(struct sqlite_derived *v)
{
    atomic_store(&v->usable, false);
    atomic_store(&v->damaged, true);
    pthread_mutex_lock(&v->lock);
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

void sqlite_derived_close_log(struct sqlite_derived *v)
{
    atomic_store(&v->usable, false);
    pthread_mutex_lock(&v->connections);
    const struct sql_text all[] = {
        {&v->entries, NULL}, {&v->revisions, NULL}, {&v->entry, NULL},
        {&v->owner, NULL},   {&v->name, NULL},
    };
    sql_finalize(all, sizeof(all) / sizeof(all[0]));
    sql_close(&v->log);
}

void sqlite_derived_go_on(struct sqlite_derived *v)
{
    pthread_mutex_unlock(&v->connections);
}

static struct timespec after_ms(uint64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

int sqlite_derived_wait(struct sqlite_derived *v, uint32_t ms_max)
{
    struct timespec until = after_ms(ms_max);
    int late = 0;
    pthread_mutex_lock(&v->lock);
    int64_t wanted = v->revised;
    while (atomic_load(&v->usable) && v->revised_done < wanted && !v->stopping && late == 0) {
        v->hurry = true;
        pthread_cond_signal(&v->wake);
        late = pthread_cond_timedwait(&v->moved, &v->lock, &until);
    }
    pthread_mutex_unlock(&v->lock);
    return late == ETIMEDOUT ? ERR_BUSY : 0;
}

/* ------------------------------------------------------------------------------------ the thread
 */

enum task { TASK_NONE, TASK_STOP, TASK_MEND, TASK_FILL, TASK_REVISE, TASK_SWEEP };

struct plan {
    enum task task;
    int64_t to;
};

/* When a sweep is due, or UINT64_MAX. */
static uint64_t sweep_at(const struct sqlite_derived *v, uint64_t swept_ms)
{
    if (v->dropped == 0)
        return UINT64_MAX;
    return v->dropped >= DERIVED_SWEEP_PARTS ? 0 : swept_ms + v->driver->config.sweep_ms;
}

/* Sleeps until there is something to do. filled_ms, swept_ms: when it was done last. */
static struct plan next_task(struct sqlite_derived *v, uint64_t filled_ms, uint64_t swept_ms)
{
    const struct sqlite_config *config = &v->driver->config;
    struct plan plan = {.task = TASK_NONE};
    pthread_mutex_lock(&v->lock);
    while (plan.task == TASK_NONE) {
        uint64_t now = sql_now_ms(), fill_at = UINT64_MAX, at = sweep_at(v, swept_ms);
        int64_t waits = v->position - v->done;
        if (waits > 0 || v->revised > v->revised_done)
            fill_at = waits >= config->derived_rows ? 0 : filled_ms + config->derived_ms;
        plan.to = v->position;
        if (v->stopping)
            plan.task = TASK_STOP;
        else if (!atomic_load(&v->usable))
            plan.task = TASK_MEND;
        else if (v->revised > v->revised_done && v->hurry)
            plan.task = TASK_REVISE;
        else if (fill_at <= now)
            plan.task = v->revised > v->revised_done ? TASK_REVISE : TASK_FILL;
        else if (at <= now)
            plan.task = TASK_SWEEP;
        at = fill_at < at ? fill_at : at;
        if (plan.task != TASK_NONE) {
            break;
        } else if (at == UINT64_MAX) {
            pthread_cond_wait(&v->wake, &v->lock);
        } else {
            struct timespec until = after_ms(at - now);
            (void)pthread_cond_timedwait(&v->wake, &v->lock, &until);
        }
    }
    pthread_mutex_unlock(&v->lock);
    return plan;
}

static int carry_out(struct sqlite_derived *v, const struct plan *plan)
{
    int64_t done;
    uint64_t dropped;
    int err = 0;
    switch (plan->task) {
    case TASK_FILL:
        err = sqlite_derived_fill(v, plan->to, &done);
        pthread_mutex_lock(&v->lock);
        v->done = err == 0 ? done : v->done;
        break;
    case TASK_REVISE:
        err = sqlite_derived_revise(v, &done);
        pthread_mutex_lock(&v->lock);
        v->revised_done = err == 0 ? done : v->revised_done;
        v->hurry = false;
        pthread_cond_broadcast(&v->moved);
        break;
    case TASK_SWEEP:
        pthread_mutex_lock(&v->lock);
        dropped = v->dropped;
        pthread_mutex_unlock(&v->lock);
        err = sqlite_derived_sweep(v);
        pthread_mutex_lock(&v->lock);
        v->dropped -= err == 0 ? dropped : 0;
        break;
    default: /* it was opened: that was all */
        return 0;
    }
    pthread_mutex_unlock(&v->lock);
    return err;
}

/* The file is of no use: a new one is made later. A disk that is full is waited for with the old
 * one. */
static void fail(struct sqlite_derived *v, int err)
{
    const char *text = v->db != NULL ? sqlite3_errmsg(v->db) : err_text(err);
    sqlite_event(&v->driver->events, SQLITE_EVENT_DERIVED, text, NULL, 0);
    bool keep = err == ERR_FULL || err == ERR_READONLY || err == ERR_MEMORY || err == ERR_BUSY;
    sqlite_derived_close(v);
    if (!keep)
        sqlite_derived_remove(v);
}

/* Sleeps after a failure; false when it is time to stop. */
static bool pause_before_retry(struct sqlite_derived *v)
{
    struct timespec until = after_ms(DERIVED_RETRY_MS);
    int late = 0;
    pthread_mutex_lock(&v->lock);
    while (!v->stopping && late == 0)
        late = pthread_cond_timedwait(&v->wake, &v->lock, &until);
    bool go_on = !v->stopping;
    pthread_mutex_unlock(&v->lock);
    return go_on;
}

static int work(struct sqlite_derived *v, const struct plan *plan)
{
    if (atomic_load(&v->driver->dead)) {
        sqlite_derived_stop(v);
        return 0;
    }
    pthread_mutex_lock(&v->connections);
    int err = atomic_exchange(&v->damaged, false) ? ERR_CORRUPT : sqlite_derived_open(v);
    if (err == 0)
        err = carry_out(v, plan);
    if (err != 0)
        fail(v, err);
    /* The next lot is a while away: the kernel keeps the pages as well. */
    if (v->db != NULL)
        (void)sqlite3_db_release_memory(v->db);
    pthread_mutex_unlock(&v->connections);
    return err;
}

void *sqlite_derived_main(void *derived)
{
    struct sqlite_derived *v = derived;
    (void)setpriority(PRIO_PROCESS, 0, DERIVED_NICE); /* of this thread alone */
    uint64_t filled_ms = sql_now_ms(), swept_ms = filled_ms;
    int err = 0;
    for (;;) {
        if (err != 0 && !pause_before_retry(v))
            break;
        struct plan plan = next_task(v, filled_ms, swept_ms);
        if (plan.task == TASK_STOP)
            break;
        err = work(v, &plan);
        if (plan.task == TASK_FILL)
            filled_ms = sql_now_ms();
        else if (plan.task == TASK_SWEEP)
            swept_ms = sql_now_ms();
    }
    return NULL;
}
