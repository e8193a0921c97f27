/* Log lines: one per event, printable ASCII, network data quoted and cut at 128 bytes.
 *
 *   level event=<name> conn=<n> peer=<addr> jid=<bare|-> cond=<error> k=v ...
 *
 * A pure room builds a line here and hands it to the sink, which lives outside. Never a password, a
 * key or a message body. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };

enum { LOG_LINE_BYTES = 1024, LOG_VALUE_BYTES = 128 };

struct log {
    enum log_level level; /* lines below it are not built */
    /* line is NUL-terminated without a line feed; event is a literal, for rate limits. */
    void (*sink)(void *ctx, enum log_level level, const char *event, const char *line, size_t len);
    void *ctx;
};

struct log_line {
    const struct log *log;
    const char *event;
    enum log_level level;
    bool open; /* false: below the level, everything is ignored */
    size_t len;
    char text[LOG_LINE_BYTES];
};

static inline bool log_on(const struct log *log, enum log_level level)
{
    return log != NULL && level >= log->level;
}

/* Begins a line. event and the keys below are literals of [a-z0-9._]. */
void log_begin(struct log_line *l, const struct log *log, enum log_level level, const char *event);
/* Adds key=value; quoted when it holds anything but [A-Za-z0-9._:@/+-]. */
void log_str(struct log_line *l, const char *key, struct slice value);
void log_z(struct log_line *l, const char *key, const char *value);
void log_num(struct log_line *l, const char *key, long long value);
void log_end(struct log_line *l);

const char *log_level_name(enum log_level level);
/* False for an unknown name. */
bool log_level_parse(struct slice name, enum log_level *out);

#endif
