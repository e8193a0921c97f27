/* Text in rows of a width, broken at spaces where there are some. Pure. */
#ifndef BURBLE_TUI_WRAP_H
#define BURBLE_TUI_WRAP_H

#include "burble/text.h"
#include "burble/tui_grid.h"

struct tui_row {
    size_t from; /* piece */
    size_t count;
};

struct tui_wrapped {
    struct text_piece *pieces;
    size_t count, cap;
    struct tui_row *rows; /* at least one */
    size_t row_count, row_cap;
};

/* columns: 1 at least. Free with tui_wrapped_free. */
void tui_wrap(struct slice text, int columns, struct tui_wrapped *out);
void tui_wrapped_free(struct tui_wrapped *w);
/* Puts one of its rows into the grid. Returns the column behind it. */
int tui_wrap_put(struct tui_grid *g, int row, int column, enum tui_style style,
                 const struct tui_wrapped *w, size_t which);

#endif
