/* Text of strangers on a terminal (V72): what could steer the terminal, turn the direction of
 * writing, or not be seen at all becomes a visible escape. Pure but for wcwidth(3), which knows
 * the locale that main has set. */
#ifndef BURBLE_TEXT_H
#define BURBLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum text_kind {
    TEXT_NAME,  /* addresses, nicknames: every invisible character is shown */
    TEXT_LINE,  /* one line: joiners inside of emoji and of scripts that need them are no danger */
    TEXT_LINES, /* line feeds end lines, tabs become spaces */
};

enum {
    TEXT_PIECE_BYTES = 12,
    TEXT_MARKS_MAX = 4, /* accents on one letter; further ones are shown as escapes */
    TEXT_TAB = 8,
};

/* What is shown for one character of the input: itself, an escape (\x1b, <U+202E>), nothing (len
 * 0), or the end of a line. */
struct text_piece {
    char bytes[TEXT_PIECE_BYTES];
    uint8_t len;
    uint8_t columns;
    bool line_end;
};

/* Begins with {.rest = text, .kind = k}. */
struct text_reader {
    struct slice rest;
    enum text_kind kind;
    size_t column;  /* in this line, behind the last piece */
    uint32_t last;  /* the last character that was shown as itself; 0: none in this line */
    unsigned marks; /* accents on it */
};

/* False at the end. Every call takes at least one byte of a rest that is not empty. */
bool text_next(struct text_reader *r, struct text_piece *out);

/* Appends the whole text, harmless. TEXT_LINES keeps its line feeds. 0 or ERR_MEMORY. */
int text_show(struct slice text, enum text_kind kind, struct buf *out);

/* The same, cut: a line that is wider than columns ends in "…" and is then at most that wide; if
 * there are more lines than lines, those are shown, and behind them a line "…". 0: no limit. */
int text_cut(struct slice text, enum text_kind kind, size_t columns, size_t lines, struct buf *out);

/* Columns that the (first line of the) text takes when it is shown. */
size_t text_width(struct slice text, enum text_kind kind);

#endif
