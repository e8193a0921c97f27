/* The screen of `burble chat`.
 *
 *    burble  me@example.org  online                                2 unread
 *   # talk@rooms.ex.. 3 | Bob  bob@example.org  away: lunch
 *   * Bob             1 | ------------------------ Friday 20 November
 *   o Carol             | 14:02 Bob  How are you?
 *                       | 14:03 me   Fine. *
 *    Tab next unread ...
 *   > what is typed
 *
 * What a person has to see is told by signs and not by colours alone. */
#include "burble/tui_view.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "burble/tui_pane.h"
#include "burble/tui_wrap.h"

enum {
    LIST_COLUMNS = 22,
    LIST_FROM_COLUMNS = 56, /* narrower screens have no list */
    FRAME_ROWS = 3,         /* title, status, line to type */
};

static bool has_list(const struct tui_grid *g)
{
    return g->columns >= LIST_FROM_COLUMNS && g->rows > FRAME_ROWS;
}

int tui_page(const struct tui_grid *g)
{
    return g->rows > FRAME_ROWS + 1 ? g->rows - FRAME_ROWS - 1 : 1;
}

/* ------------------------------------------------------------------------------------------- list
 */

/* Somebody's sign and its style: who is there stands out, who is not does not. */
static const char *sign_of(const struct tui_model *m, const struct tui_entry *e,
                           enum tui_style *style_out)
{
    const struct tui_contact *c = e->contact;
    *style_out = TUI_PLAIN;
    if (e->talk != NULL && e->talk->room)
        return "#";
    if (e->talk != NULL && e->talk->in_room != NULL)
        return "*";
    if (e->talk != NULL && e->talk->asks) {
        *style_out = TUI_UNREAD;
        return "!";
    }
    if (c == NULL)
        return "?";
    if (!c->here || !m->online) { /* without a connection nobody knows */
        *style_out = TUI_DIM;
        return "\xe2\x97\x8b"; /* an empty circle */
    }
    if (c->show == BURBLE_SHOW_DND) {
        *style_out = TUI_BUSY;
        return "\xe2\x8a\x98"; /* a circle with a slash */
    }
    *style_out = c->show == BURBLE_SHOW_AWAY || c->show == BURBLE_SHOW_XA ? TUI_AWAY : TUI_HERE;
    return *style_out == TUI_AWAY ? "\xe2\x97\x90" : "\xe2\x97\x8f"; /* half full, full */
}

static void draw_entry(const struct tui_model *m, struct tui_grid *g, int row,
                       const struct tui_entry *e)
{
    bool selected = e->talk != NULL && e->talk == m->current;
    unsigned unread = e->talk != NULL ? e->talk->unread : 0;
    bool away = e->contact != NULL && !e->contact->here;
    enum tui_style style = selected ? TUI_SELECTED : unread > 0 ? TUI_UNREAD : TUI_PLAIN, sign;
    const char *text = sign_of(m, e, &sign);
    int width = LIST_COLUMNS - 1;
    char count[16] = "";
    if (style == TUI_PLAIN && away)
        style = TUI_DIM;
    if (selected)
        tui_grid_fill(g, row, 0, width, TUI_SELECTED);
    if (unread > 0)
        (void)snprintf(count, sizeof(count), "%s%u", e->talk->mention ? "@" : "",
                       unread > 999 ? 999 : unread);
    else if (!selected && e->talk != NULL && e->talk->typing != NULL)
        (void)snprintf(count, sizeof(count), "\xe2\x80\xa6");
    int taken = (int)text_width(slice_z(count), TEXT_LINE);
    tui_grid_print(g, row, 0, 2, selected ? TUI_SELECTED : sign, "%s", text);
    tui_grid_put(g, row, 2, width - 2 - (taken > 0 ? taken + 1 : 0), style, slice_z(e->name));
    if (taken > 0)
        tui_grid_print(g, row, width - taken, taken, style, "%s", count);
}

static void draw_list(struct tui_model *m, struct tui_grid *g, int top, int rows)
{
    size_t n, selected = 0, from = 0;
    struct tui_entry *entries = tui_entries(m, &n);
    for (size_t i = 0; i < n; i++)
        if (entries[i].talk != NULL && entries[i].talk == m->current)
            selected = i;
    if (rows > 0 && selected >= (size_t)rows)
        from = selected - (size_t)rows + 1;
    for (int i = 0; i < rows; i++) {
        if (from + (size_t)i < n)
            draw_entry(m, g, top + i, &entries[from + (size_t)i]);
        tui_grid_print(g, top + i, LIST_COLUMNS - 1, 1, TUI_DIM, "\xe2\x94\x82");
    }
    mem_free(entries);
}

/* A line of a page. Where it is too narrow for columns, each gap between them is two spaces, and
 * what goes on is set off. Returns the row below it. */
static int draw_page_line(struct tui_grid *g, int row, int top, int bottom, struct slice line)
{
    struct buf text = {0};
    struct tui_wrapped w;
    int width = g->columns - 2, indent = width > 20 ? 4 : 0;
    bool fits = text_width(line, TEXT_LINE) <= (size_t)(width > 0 ? width : 1);
    for (size_t i = 0; i < line.len; i++)
        if (fits || i < 2 || line.ptr[i] != ' ' || line.ptr[i - 1] != ' ' || line.ptr[i - 2] != ' ')
            (void)buf_byte(&text, line.ptr[i]);
    tui_wrap(buf_slice(&text), fits ? g->columns : width - indent > 0 ? width - indent : 1, &w);
    for (size_t i = 0; i < w.row_count; i++, row++)
        if (row >= top && row < bottom)
            tui_wrap_put(g, row, 1 + (i > 0 ? indent : 0), TUI_PLAIN, &w, i);
    tui_wrapped_free(&w);
    buf_free(&text);
    return row;
}

/* From this row on, which may be above the top. Returns how many rows it takes. */
static int draw_page_from(const struct tui_model *m, struct tui_grid *g, int from, int top,
                          int bottom)
{
    int row = from;
    for (struct slice rest = slice_z(m->page); rest.len > 0;) {
        size_t end = slice_find(rest, '\n');
        row = draw_page_line(g, row, top, bottom, slice_of(rest.ptr, end));
        rest = slice_from(rest, end < rest.len ? end + 1 : end);
    }
    return row - from;
}

/* A text that hides all but the frame; its top row is kept inside of it. */
static void draw_page(struct tui_model *m, struct tui_grid *g, int rows)
{
    int count = draw_page_from(m, g, 0, 0, 0);
    m->page_top = m->page_top > count - rows ? count - rows : m->page_top;
    m->page_top = m->page_top < 0 ? 0 : m->page_top;
    (void)draw_page_from(m, g, 1 - m->page_top, 1, 1 + rows);
}

/* ------------------------------------------------------------------------------------------- frame
 */

static unsigned unread_elsewhere(const struct tui_model *m)
{
    unsigned n = 0;
    LIST_EACH(it, (struct list *)(void *)&m->talks)
    n += CONTAINER_OF(it, struct tui_talk, link)->unread;
    return n;
}

static void draw_title(const struct tui_model *m, struct tui_grid *g)
{
    unsigned unread = unread_elsewhere(m);
    tui_grid_fill(g, 0, 0, g->columns, TUI_BAR);
    int at = tui_grid_print(g, 0, 1, g->columns - 2, TUI_BAR, "burble  %s  ", m->own);
    at += tui_grid_print(g, 0, 1 + at, g->columns - 2 - at, m->online ? TUI_BAR : TUI_BAR_MARK,
                         "%s", m->online ? burble_show_text(m->show) : m->connection);
    if (m->online && m->status != NULL)
        at += tui_grid_print(g, 0, 1 + at, g->columns - 2 - at, TUI_BAR, ": %s", m->status);
    char count[32];
    (void)snprintf(count, sizeof(count), "%u unread", unread);
    int width = (int)strlen(count);
    if (unread > 0 && g->columns - 1 - width > at + 2)
        tui_grid_print(g, 0, g->columns - 1 - width, width, TUI_BAR_MARK, "%s", count);
}

static const char *status_text(const struct tui_model *m)
{
    if (m->ending)
        return "Ending; Ctrl-C does not wait for the server";
    if (m->pasting)
        return "Pasting; Ctrl-C ends that";
    if (m->page != NULL)
        return "Any key closes this";
    if (m->notice != NULL || m->trouble != NULL)
        return m->notice != NULL ? m->notice : m->trouble;
    if (m->current != NULL && m->current->scroll > 0)
        return "scrolled up: PgDn goes down, End to the end";
    return NULL;
}

/* The longest that fits. */
static const char *keys_text(int columns)
{
    static const char *const TEXTS[] = {
        "Tab next unread  ^N ^P conversations  PgUp PgDn scroll  /help  ^C quit",
        "Tab next unread  ^N ^P others  /help  ^C quit",
        "Tab unread  /help  ^C quit",
        "/help  ^C quit",
    };
    size_t i = 0;
    while (i + 1 < sizeof(TEXTS) / sizeof(TEXTS[0]) && (int)strlen(TEXTS[i]) > columns)
        i++;
    return TEXTS[i];
}

/* All from this row of the text on, cut. */
static void put_rest(struct tui_grid *g, int row, const struct tui_wrapped *w, size_t which)
{
    struct buf rest = {0};
    for (size_t i = w->rows[which].from; i < w->count; i++)
        (void)buf_append(&rest, w->pieces[i].bytes, w->pieces[i].len);
    tui_grid_fill(g, row, 0, g->columns, TUI_BAR);
    tui_grid_put(g, row, 1, g->columns - 2, TUI_BAR_MARK, buf_slice(&rest));
    buf_free(&rest);
}

/* From the row above the line to type upwards, as many rows as the text needs and there is room
 * for. Returns how many. */
static int draw_status(const struct tui_model *m, struct tui_grid *g)
{
    const char *text = status_text(m);
    int columns = g->columns - 2, room = g->rows / 5 > 1 ? g->rows / 5 : 1;
    struct tui_wrapped w;
    tui_wrap(slice_z(text != NULL ? text : keys_text(columns)), columns > 0 ? columns : 1, &w);
    int rows = w.row_count < (size_t)room ? (int)w.row_count : room;
    for (int i = 0; i < rows; i++) {
        int row = g->rows - 1 - rows + i;
        tui_grid_fill(g, row, 0, g->columns, TUI_BAR);
        tui_wrap_put(g, row, 1, text != NULL ? TUI_BAR_MARK : TUI_BAR, &w, (size_t)i);
    }
    if (w.row_count > (size_t)rows)
        put_rest(g, g->rows - 2, &w, (size_t)rows - 1);
    tui_wrapped_free(&w);
    return rows;
}

/* As one row: a line break is an arrow. */
static void in_one_row(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\n')
            (void)buf_lit(out, "\xe2\x86\xb5"); /* an arrow down and to the left */
        else
            (void)buf_byte(out, text.ptr[i] == '\t' ? ' ' : text.ptr[i]);
}

/* Cuts at the left what is too wide. */
static struct slice last_columns(struct slice text, size_t columns)
{
    struct text_reader r = {.rest = text, .kind = TEXT_LINE};
    struct text_piece piece;
    size_t width = text_width(text, TEXT_LINE);
    while (width > columns && text_next(&r, &piece))
        width -= piece.columns;
    return r.rest;
}

/* The part of the line around the cursor. */
static void draw_editor(const struct tui_model *m, struct tui_grid *g)
{
    int row = g->rows - 1, room = g->columns - 3;
    struct slice text = editor_text(&m->editor);
    struct buf shown = {0};
    tui_grid_print(g, row, 0, 2, TUI_DIM, ">");
    if (room < 1)
        return;
    in_one_row(slice_of(text.ptr, m->editor.at), &shown);
    struct slice before = last_columns(buf_slice(&shown), (size_t)room);
    size_t cut = buf_len(&shown) - before.len;
    int column = 2 + (int)text_width(before, TEXT_LINE);
    in_one_row(slice_from(text, m->editor.at), &shown);
    if (!shown.failed)
        tui_grid_put(g, row, 2, room + 1, TUI_PLAIN, slice_from(buf_slice(&shown), cut));
    g->cursor_row = row;
    g->cursor_column = column < g->columns ? column : g->columns - 1;
    buf_free(&shown);
}

void tui_draw(struct tui_model *m, struct tui_grid *g, int64_t now_ms, int zone_s)
{
    int below = 1; /* rows of the line to type, and of the status */
    (void)now_ms;
    tui_grid_clear(g);
    if (g->rows >= FRAME_ROWS) {
        draw_title(m, g);
        below += draw_status(m, g);
    }
    int left = has_list(g) ? LIST_COLUMNS + 1 : 0, rows = g->rows - 1 - below;
    struct tui_pane p = {.g = g,
                         .zone_s = zone_s,
                         .top = 2,
                         .left = left,
                         .rows = rows - 1,
                         .columns = g->columns - left};
    if (m->page != NULL && rows > 0) {
        draw_page(m, g, rows);
    } else {
        if (has_list(g))
            draw_list(m, g, 1, rows);
        tui_pane_draw(m, &p);
    }
    draw_editor(m, g);
}
