/* Breaking of lines. */
#include "burble/tui_wrap.h"

#include "base/mem.h"

static void add_row(struct tui_wrapped *w, size_t from, size_t to)
{
    if (w->row_count == w->row_cap) {
        w->row_cap = w->row_cap == 0 ? 16 : w->row_cap * 2;
        w->rows = mem_resize(w->rows, w->row_cap, sizeof(w->rows[0]));
    }
    w->rows[w->row_count++] = (struct tui_row){.from = from, .count = to - from};
}

static void add_piece(struct tui_wrapped *w, const struct text_piece *piece)
{
    if (w->count == w->cap) {
        w->cap = w->cap == 0 ? 128 : w->cap * 2;
        w->pieces = mem_resize(w->pieces, w->cap, sizeof(w->pieces[0]));
    }
    w->pieces[w->count++] = *piece;
}

void tui_wrap(struct slice text, int columns, struct tui_wrapped *out)
{
    struct text_reader r = {.rest = text, .kind = TEXT_LINES};
    struct text_piece piece;
    size_t start = 0, space = 0; /* pieces: first of the row, behind its last space */
    int used = 0, used_at_space = 0;
    *out = (struct tui_wrapped){0};
    while (text_next(&r, &piece)) {
        add_piece(out, &piece);
        if (piece.line_end) {
            add_row(out, start, out->count - 1);
            start = space = out->count;
            used = used_at_space = 0;
            continue;
        }
        bool is_space = piece.len == 1 && piece.bytes[0] == ' ';
        used += piece.columns;
        /* A space that does not fit is no reason for a row: it ends this one. */
        if (used > columns + (is_space ? 1 : 0) && start < out->count - 1) {
            bool at_space = space > start;
            size_t cut = at_space ? space : out->count - 1;
            add_row(out, start, cut);
            start = cut;
            used -= at_space ? used_at_space : used - piece.columns;
            space = start;
            used_at_space = 0;
        }
        if (is_space) {
            space = out->count;
            used_at_space = used;
        }
    }
    add_row(out, start, out->count);
}

void tui_wrapped_free(struct tui_wrapped *w)
{
    mem_free(w->pieces);
    mem_free(w->rows);
    *w = (struct tui_wrapped){0};
}

int tui_wrap_put(struct tui_grid *g, int row, int column, enum tui_style style,
                 const struct tui_wrapped *w, size_t which)
{
    const struct tui_row *r = &w->rows[which];
    for (size_t i = 0; i < r->count; i++) {
        tui_grid_piece(g, row, column, style, &w->pieces[r->from + i]);
        column += w->pieces[r->from + i].columns;
    }
    return column;
}
