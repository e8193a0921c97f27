/* What burble says. Everything that goes out as text is made harmless on the way (V72), whoever's
 * it is; JSON is one object per line, in ASCII. Every line is flushed. When nobody reads standard
 * output any more, that is noted and further lines are dropped: a command asks out_open, ends its
 * session properly, and burble ends with EXIT_INTERRUPTED without a word (C09). */
#ifndef BURBLE_OUT_H
#define BURBLE_OUT_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct out {
    bool json;
    bool colour; /* a terminal, and neither NO_COLOR nor TERM=dumb */
    bool quiet;
    bool verbose;
    bool closed; /* nobody reads standard output any more */
    int error;   /* errno of another failure to write it */
};

enum out_style {
    OUT_PLAIN, /* ends the others */
    OUT_BOLD,
    OUT_DIM,
    OUT_RED,
    OUT_GREEN,
    OUT_YELLOW,
    OUT_BLUE,
    OUT_MAGENTA,
    OUT_CYAN,
};

/* colour and the state of standard output are found out here; ignores SIGPIPE. */
void out_init(struct out *o);
/* False when a command that waits for more to say can stop. */
static inline bool out_open(const struct out *o)
{
    return !o->closed && o->error == 0;
}

/* One line for people. All but the last return whether it went out. */
bool out_line(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text of several lines, such as a message body; a line feed is added. */
bool out_text(struct out *o, struct slice text);
/* One JSON object on a line; takes over the reference, NULL is out of memory. */
bool out_json(struct out *o, json_t *row);
/* Bytes as they are, for lines that were put together with out_style and text_show. */
bool out_bytes(struct out *o, struct slice bytes);
/* The control sequence of a style, "" where there are no colours. */
const char *out_style(const struct out *o, enum out_style style);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD, U+0000 too. */
json_t *out_string(struct slice text);
/* The same, and null for NULL. */
json_t *out_string_or_null(const char *text);

/* Standard error, harmless, "burble: " before each line. Notes are not said with --quiet, details
 * only with --verbose. */
void out_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void out_verror(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
void out_note(const struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_detail(const struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Flushes; what main returns when the command returned code. */
int out_end(struct out *o, int code);

#endif
