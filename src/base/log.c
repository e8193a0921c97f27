/* Building of log lines. */
#include "base/log.h"

#include <stdio.h>

static const char *const LEVELS[] = {"debug", "info", "warning", "error", "critical"};

const char *log_level_name(enum log_level level)
{
    return LEVELS[level];
}

bool log_level_parse(struct slice name, enum log_level *out)
{
    for (int i = LOG_DEBUG; i <= LOG_CRITICAL; i++) {
        if (slice_eq(name, slice_z(LEVELS[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void put(struct log_line *l, const char *text, size_t len)
{
    if (len > sizeof(l->text) - 1 - l->len)
        len = sizeof(l->text) - 1 - l->len;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

void log_begin(struct log_line *l, const struct log *log, enum log_level level, const char *event)
{
    l->log = log;
    l->event = event;
    l->level = level;
    l->len = 0;
    l->open = log_on(log, level);
    if (!l->open)
        return;
    put(l, LEVELS[level], strlen(LEVELS[level]));
    put(l, " event=", 7);
    put(l, event, strlen(event));
}

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._:@/+-", c) != NULL);
}

static void put_quoted(struct log_line *l, struct slice value)
{
    put(l, "\"", 1);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        char text[5];
        if (c == '"' || c == '\\')
            put(l, text, (size_t)snprintf(text, sizeof(text), "\\%c", c));
        else if (c >= 0x20 && c < 0x7f)
            put(l, value.ptr + i, 1);
        else
            put(l, text, (size_t)snprintf(text, sizeof(text), "\\x%02x", (unsigned)c));
    }
    put(l, "\"", 1);
}

void log_str(struct log_line *l, const char *key, struct slice value)
{
    if (!l->open)
        return;
    bool bare = value.len > 0;
    if (value.len > LOG_VALUE_BYTES)
        value.len = LOG_VALUE_BYTES;
    for (size_t i = 0; i < value.len && bare; i++)
        bare = plain(value.ptr[i]);
    put(l, " ", 1);
    put(l, key, strlen(key));
    put(l, "=", 1);
    if (bare)
        put(l, value.ptr, value.len);
    else
        put_quoted(l, value);
}

void log_z(struct log_line *l, const char *key, const char *value)
{
    log_str(l, key, slice_z(value));
}

void log_num(struct log_line *l, const char *key, long long value)
{
    if (!l->open)
        return;
    char text[32];
    put(l, " ", 1);
    put(l, key, strlen(key));
    put(l, text, (size_t)snprintf(text, sizeof(text), "=%lld", value));
}

void log_end(struct log_line *l)
{
    if (!l->open)
        return;
    l->text[l->len] = '\0';
    l->log->sink(l->log->ctx, l->level, l->event, l->text, l->len);
    l->open = false;
}
