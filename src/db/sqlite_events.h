/* Log events of the driver, from any of its threads; each kind at most once a minute. */
#ifndef DB_SQLITE_EVENTS_H
#define DB_SQLITE_EVENTS_H

#include <pthread.h>
#include <stdint.h>

#include "base/log.h"

enum sqlite_event {
    SQLITE_EVENT_FULL,
    SQLITE_EVENT_READONLY,
    SQLITE_EVENT_CORRUPT,
    SQLITE_EVENT_GONE,
    SQLITE_EVENT_LOCKED,
    SQLITE_EVENT_FAILED,
    SQLITE_EVENT_SLOW,
    SQLITE_EVENT_WAL,
    SQLITE_EVENT_FSYNC,
    SQLITE_EVENT_DERIVED,
    SQLITE_EVENT_UNCHECKED,
    SQLITE_EVENT_RECOVERED,
    SQLITE_EVENTS,
};

struct sqlite_events {
    const struct log *log;
    const char *path;
    pthread_mutex_t lock;
    uint64_t next_ms[SQLITE_EVENTS]; /* not before */
    long long held[SQLITE_EVENTS];   /* not logged since */
};

/* log may be NULL; path must outlive it. */
void sqlite_events_init(struct sqlite_events *e, const struct log *log, const char *path);
void sqlite_events_free(struct sqlite_events *e);
/* text may be NULL; key may be NULL, else "key=number" is added. */
void sqlite_event(struct sqlite_events *e, enum sqlite_event event, const char *text,
                  const char *key, long long number);
/* The event of an error, if it has one. */
void sqlite_event_err(struct sqlite_events *e, int err, const char *text);

#endif
