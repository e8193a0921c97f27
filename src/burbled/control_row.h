/* Answers of the control socket: any number of rows, then one end. Each is a line of JSON.
 *
 *   {"row":{"account":"alice@localhost","sessions":2}}
 *   {"ok":true}                                  or {"error":"no such account","exit":1} */
#ifndef BURBLED_CONTROL_ROW_H
#define BURBLED_CONTROL_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    CONTROL_ANSWER_BYTES_MAX = 65536, /* of a line, with its line feed */
    CONTROL_ERROR_BYTES_MAX = 4096,   /* of an error's text; the rest is cut */
};

/* Exit statuses of burblectl that an error names, after sysexits.h. */
enum control_exit {
    CONTROL_FAILED = 1,       /* not done; the text says why */
    CONTROL_USAGE = 64,       /* the command or its arguments are wrong */
    CONTROL_UNAVAILABLE = 69, /* the server does not run (said by burblectl) */
    CONTROL_TRY_AGAIN = 75,   /* busy, or the store does not answer */
    CONTROL_REFUSED = 77,     /* not permitted */
    CONTROL_CONFIG = 78,      /* the configuration is wrong */
};

struct control_row {
    struct buf *out;
    size_t start;
    bool first;
};

/* A row is begun, gets its values, and is ended before the next. Keys are literals of [a-z_]. Bytes
 * of a text that are not UTF-8 become U+FFFD. */
void control_row_begin(struct control_row *row, struct buf *out);
void control_row_str(struct control_row *row, const char *key, struct slice value);
void control_row_z(struct control_row *row, const char *key, const char *value);
void control_row_num(struct control_row *row, const char *key, int64_t value);
void control_row_bool(struct control_row *row, const char *key, bool value);
/* 0; ERR_LIMIT: the line is too long, and gone; ERR_MEMORY. */
int control_row_end(struct control_row *row);

/* The end of an answer: 0 or ERR_MEMORY. */
int control_ok(struct buf *out);
int control_error(struct buf *out, enum control_exit status, struct slice text);

/* Appends s as a JSON string with its quotes: 0 or ERR_MEMORY. */
int control_text(struct buf *out, struct slice s);

#endif
