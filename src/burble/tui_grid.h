/* What is to be on the screen, cell by cell: drawn by the view, shown by the terminal, looked at by
 * tests. All text goes through text.h, so nothing of a stranger can steer the terminal (V72). */
#ifndef BURBLE_TUI_GRID_H
#define BURBLE_TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "burble/text.h"

enum tui_style {
    TUI_PLAIN,
    TUI_BAR,      /* title and status lines */
    TUI_BAR_MARK, /* on them: what is to be seen */
    TUI_DIM,      /* times, borders, those who are away */
    TUI_BOLD,
    TUI_SELECTED,
    TUI_UNREAD,
    TUI_HERE, /* online */
    TUI_AWAY,
    TUI_BUSY,
    TUI_OWN,
    TUI_OTHER,
    TUI_NOTE,
    TUI_ERROR,
    TUI_STYLES,
};

struct tui_cell {
    char bytes[TEXT_PIECE_BYTES];
    uint8_t len; /* 0: a space, or the right half of a wide one */
    uint8_t columns;
    uint8_t style;
};

enum { TUI_ROWS_MAX = 500, TUI_COLUMNS_MAX = 1000 };

struct tui_grid {
    int rows, columns;
    int cursor_row, cursor_column; /* -1: none */
    struct tui_cell *cells;
};

/* All spaces. Sizes are cut to 1..MAX. */
void tui_grid_resize(struct tui_grid *g, int rows, int columns);
void tui_grid_clear(struct tui_grid *g);
void tui_grid_free(struct tui_grid *g);
/* Text from column on, at most width columns (negative: to the edge); cut with "…" if it does not
 * fit. Returns the columns that it took. Outside of the grid nothing happens. */
int tui_grid_put(struct tui_grid *g, int row, int column, int width, enum tui_style style,
                 struct slice text);
int tui_grid_print(struct tui_grid *g, int row, int column, int width, enum tui_style style,
                   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* One piece of text_next. */
void tui_grid_piece(struct tui_grid *g, int row, int column, enum tui_style style,
                    const struct text_piece *piece);
void tui_grid_fill(struct tui_grid *g, int row, int column, int width, enum tui_style style);
/* A row as text, without spaces at its end; appended. */
void tui_grid_row(const struct tui_grid *g, int row, struct buf *out);

#endif
