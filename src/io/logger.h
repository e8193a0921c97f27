/* Where log lines go: standard error or journald. Any thread. One write per line; never waits for
 * long, never dies of a target that is gone (O11): lost lines are counted and told later. Per event
 * at most LOGGER_PER_S lines a second (or as logger_limit says), then one line that says how many
 * were left out (L24). */
#ifndef IO_LOGGER_H
#define IO_LOGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/time.h"

struct logger;

enum logger_target {
    LOGGER_STREAM,  /* lines to a descriptor, normally 2 */
    LOGGER_JOURNAL, /* journald's own protocol, with priority and event as fields */
};

enum { LOGGER_PER_S = 20 };

/* fd is for LOGGER_STREAM and stays the caller's. stamp: each line begins with the UTC time (for
 * targets that do not add it themselves). A journal that is not there yet is no error. */
struct logger *logger_new(enum logger_target target, int fd, bool stamp);
void logger_free(struct logger **l);

/* The value to hand to log_begin; one per thread, so that its level can be changed there. It may be
 * used until logger_free. */
struct log logger_face(struct logger *l, enum log_level level);

/* Another number of lines a second for each event; any thread. */
void logger_limit(struct logger *l, uint32_t lines_per_s);

/* Once a second or so: tells what was suppressed and lost. Also happens by itself with later lines
 * of the same event. */
void logger_tick(struct logger *l);

/* Lines that could not be written, in all. */
uint64_t logger_lost(struct logger *l);

/* The same as the sink of logger_face, at a given time, and logger_tick. For tests. */
void logger_put(struct logger *l, enum log_level level, const char *event, const char *line,
                size_t len, struct now now);
void logger_tick_at(struct logger *l, struct now now);

#endif
