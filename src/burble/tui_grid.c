/* Cells of the screen. */
#include "burble/tui_grid.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

static int clamp(int value, int most)
{
    return value < 1 ? 1 : value > most ? most : value;
}

void tui_grid_resize(struct tui_grid *g, int rows, int columns)
{
    g->rows = clamp(rows, TUI_ROWS_MAX);
    g->columns = clamp(columns, TUI_COLUMNS_MAX);
    mem_free(g->cells);
    g->cells = mem_array((size_t)g->rows * (size_t)g->columns, sizeof(*g->cells));
    tui_grid_clear(g);
}

void tui_grid_clear(struct tui_grid *g)
{
    memset(g->cells, 0, (size_t)g->rows * (size_t)g->columns * sizeof(*g->cells));
    g->cursor_row = g->cursor_column = -1;
}

void tui_grid_free(struct tui_grid *g)
{
    mem_free(g->cells);
    *g = (struct tui_grid){0};
}

static struct tui_cell *cell(const struct tui_grid *g, int row, int column)
{
    if (row < 0 || row >= g->rows || column < 0 || column >= g->columns)
        return NULL;
    return &g->cells[(size_t)row * (size_t)g->columns + (size_t)column];
}

void tui_grid_piece(struct tui_grid *g, int row, int column, enum tui_style style,
                    const struct text_piece *piece)
{
    /* An escape such as <U+202E> takes a cell per character. */
    if (piece->columns > 2 || (piece->columns == 2 && piece->len == 2)) {
        for (int i = 0; i < piece->len; i++) {
            struct text_piece one = {.bytes = {piece->bytes[i]}, .len = 1, .columns = 1};
            tui_grid_piece(g, row, column + i, style, &one);
        }
        return;
    }
    struct tui_cell *c = cell(g, row, column);
    if (piece->columns == 0) { /* an accent on the cell before */
        c = cell(g, row, column - 1);
        if (c != NULL && c->len + piece->len <= (int)sizeof(c->bytes)) {
            memcpy(c->bytes + c->len, piece->bytes, piece->len);
            c->len = (uint8_t)(c->len + piece->len);
        }
        return;
    }
    if (c == NULL || column + piece->columns > g->columns)
        return;
    memcpy(c->bytes, piece->bytes, piece->len);
    c->len = piece->len;
    c->columns = piece->columns;
    c->style = (uint8_t)style;
    for (int i = 1; i < piece->columns; i++)
        *cell(g, row, column + i) = (struct tui_cell){.style = (uint8_t)style};
}

int tui_grid_put(struct tui_grid *g, int row, int column, int width, enum tui_style style,
                 struct slice text)
{
    struct buf cut = {0};
    struct text_piece piece;
    int room = g->columns - column, at = 0;
    if (width < 0 || width > room)
        width = room;
    if (width <= 0 || row < 0 || row >= g->rows)
        return 0;
    /* Cut text is harmless already; what it shows is read again for its widths. */
    (void)text_cut(text, TEXT_LINE, (size_t)width, 1, &cut);
    struct text_reader r = {.rest = buf_slice(&cut), .kind = TEXT_LINE};
    while (text_next(&r, &piece) && at + piece.columns <= width) {
        tui_grid_piece(g, row, column + at, style, &piece);
        at += piece.columns;
    }
    buf_free(&cut);
    return at;
}

int tui_grid_print(struct tui_grid *g, int row, int column, int width, enum tui_style style,
                   const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    (void)buf_vprintf(&text, fmt, args);
    va_end(args);
    int took = tui_grid_put(g, row, column, width, style, buf_slice(&text));
    buf_free(&text);
    return took;
}

void tui_grid_fill(struct tui_grid *g, int row, int column, int width, enum tui_style style)
{
    for (int i = 0; i < width; i++) {
        struct tui_cell *c = cell(g, row, column + i);
        if (c != NULL)
            *c = (struct tui_cell){.style = (uint8_t)style};
    }
}

void tui_grid_row(const struct tui_grid *g, int row, struct buf *out)
{
    size_t end = buf_len(out);
    for (int i = 0; i < g->columns; i++) {
        const struct tui_cell *c = cell(g, row, i);
        if (c == NULL)
            break;
        if (c->len == 0)
            (void)buf_byte(out, ' ');
        else
            (void)buf_append(out, c->bytes, c->len);
        if (c->len > 0)
            end = buf_len(out);
        if (c->columns == 2)
            i++;
    }
    buf_truncate(out, end);
}
