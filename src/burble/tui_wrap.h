/* Text in rows of a width, broken at spaces where there are some. Pure. */
#ifndef BURBLE_TUI_WRAP_H
#define BURBLE_TUI_WRAP_H

#include "burble/text.h"

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

#endif
