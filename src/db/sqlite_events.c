/* Log events of the driver. A full disk fails every batch; one line a minute says so. */
#include "db/sqlite_events.h"

#include "base/err.h"
#include "db/sql.h"

enum { EVENT_PAUSE_MS = 60000 };

static const struct {
    const char *name;
    enum log_level level;
    bool always; /* without a pause */
} events[SQLITE_EVENTS] = {
    [SQLITE_EVENT_FULL] = {"store.full", LOG_ERROR, false},
    [SQLITE_EVENT_READONLY] = {"store.readonly", LOG_ERROR, false},
    [SQLITE_EVENT_CORRUPT] = {"store.corrupt", LOG_CRITICAL, false},
    [SQLITE_EVENT_GONE] = {"store.gone", LOG_CRITICAL, false},
    [SQLITE_EVENT_LOCKED] = {"store.locked", LOG_ERROR, false},
    [SQLITE_EVENT_FAILED] = {"store.failed", LOG_ERROR, false},
    [SQLITE_EVENT_SLOW] = {"store.slow", LOG_WARNING, false},
    [SQLITE_EVENT_WAL] = {"store.wal", LOG_WARNING, false},
    [SQLITE_EVENT_FSYNC] = {"store.fsync", LOG_CRITICAL, true},
    [SQLITE_EVENT_DERIVED] = {"store.derived", LOG_WARNING, false},
    [SQLITE_EVENT_UNCHECKED] = {"store.unchecked", LOG_WARNING, true},
    [SQLITE_EVENT_RECOVERED] = {"start.recovered", LOG_INFO, true},
};

void sqlite_events_init(struct sqlite_events *e, const struct log *log, const char *path)
{
    *e = (struct sqlite_events){.log = log, .path = path};
    pthread_mutex_init(&e->lock, NULL);
}

void sqlite_events_free(struct sqlite_events *e)
{
    pthread_mutex_destroy(&e->lock);
}

void sqlite_event(struct sqlite_events *e, enum sqlite_event event, const char *text,
                  const char *key, long long number)
{
    uint64_t now = sql_now_ms();
    pthread_mutex_lock(&e->lock);
    bool due = events[event].always || now >= e->next_ms[event];
    long long held = e->held[event];
    e->held[event] = due ? 0 : held + 1;
    if (due)
        e->next_ms[event] = now + EVENT_PAUSE_MS;
    pthread_mutex_unlock(&e->lock);
    if (!due || e->log == NULL)
        return;
    struct log_line line;
    log_begin(&line, e->log, events[event].level, events[event].name);
    log_z(&line, "path", e->path);
    if (key != NULL)
        log_num(&line, key, number);
    if (text != NULL)
        log_z(&line, "cond", text);
    if (held > 0)
        log_num(&line, "suppressed", held);
    log_end(&line);
}

void sqlite_event_err(struct sqlite_events *e, int err, const char *text)
{
    switch (err) {
    case ERR_FULL:
        sqlite_event(e, SQLITE_EVENT_FULL, text, NULL, 0);
        break;
    case ERR_READONLY:
        sqlite_event(e, SQLITE_EVENT_READONLY, text, NULL, 0);
        break;
    case ERR_CORRUPT:
        sqlite_event(e, SQLITE_EVENT_CORRUPT, text, NULL, 0);
        break;
    case ERR_BUSY:
        sqlite_event(e, SQLITE_EVENT_LOCKED, text, NULL, 0);
        break;
    default:
        sqlite_event(e, SQLITE_EVENT_FAILED, text, NULL, 0);
        break;
    }
}
