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

enum {
    LIST_COLUMNS = 22,
    LIST_FROM_COLUMNS = 56, /* narrower screens have no list */
    FRAME_ROWS = 3,         /* title, status, line to type */
    ENTRIES_MAX = 2000,
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
static const char *sign_of(const struct tui_entry *e, enum tui_style *style_out)
{
    const struct tui_contact *c = e->contact;
    *style_out = TUI_PLAIN;
    if (e->talk != NULL && e->talk->room)
        return "#";
    if (e->talk != NULL && e->talk->asks) {
        *style_out = TUI_UNREAD;
        return "!";
    }
    if (c == NULL)
        return "?";
    if (!c->here) {
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
    const char *text = sign_of(e, &sign);
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
    struct tui_entry *entries = mem_array(ENTRIES_MAX, sizeof(*entries));
    size_t n = tui_entries(m, entries, ENTRIES_MAX), selected = 0, from = 0;
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

/* A text that hides all but the frame, cut at the right; its top row is kept inside of it. */
static void draw_page(struct tui_model *m, struct tui_grid *g, int rows)
{
    int count = 0;
    struct slice rest = slice_z(m->page);
    for (size_t i = 0; i < rest.len; i++)
        count += rest.ptr[i] == '\n';
    m->page_top = m->page_top > count - rows ? count - rows : m->page_top;
    m->page_top = m->page_top < 0 ? 0 : m->page_top;
    for (int i = 0; i < count && i < m->page_top + rows; i++) {
        size_t end = slice_find(rest, '\n');
        if (i >= m->page_top)
            tui_grid_put(g, 1 + i - m->page_top, 1, g->columns - 1, TUI_PLAIN,
                         slice_of(rest.ptr, end));
        rest = slice_from(rest, end + 1);
    }
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

static void draw_status(const struct tui_model *m, struct tui_grid *g)
{
    int row = g->rows - 2;
    const char *text = m->page != NULL ? "Any key closes this" : m->notice;
    tui_grid_fill(g, row, 0, g->columns, TUI_BAR);
    if (text == NULL && m->current != NULL && m->current->scroll > 0)
        text = "scrolled up: PgDn goes down, End to the end";
    if (text != NULL)
        tui_grid_put(g, row, 1, g->columns - 2, TUI_BAR_MARK, slice_z(text));
    else
        tui_grid_print(g, row, 1, g->columns - 2, TUI_BAR,
                       "Tab next unread  ^N ^P conversations  PgUp PgDn scroll  /help  ^C quit");
}

/* The part of the line around the cursor. */
static void draw_editor(const struct tui_model *m, struct tui_grid *g)
{
    int row = g->rows - 1, room = g->columns - 3;
    struct slice text = editor_text(&m->editor);
    struct slice before = slice_of(text.ptr, m->editor.at);
    tui_grid_print(g, row, 0, 2, TUI_DIM, ">");
    if (room < 1)
        return;
    while (text_width(before, TEXT_LINE) > (size_t)room) {
        size_t skip = 1;
        while (skip < before.len && ((unsigned char)before.ptr[skip] & 0xc0) == 0x80)
            skip++;
        before = slice_from(before, skip);
    }
    struct slice shown = slice_of(before.ptr, (size_t)(text.ptr + text.len - before.ptr));
    if (text.len > 0)
        tui_grid_put(g, row, 2, room + 1, TUI_PLAIN, shown);
    g->cursor_row = row;
    g->cursor_column = 2 + (int)text_width(before, TEXT_LINE);
    if (g->cursor_column >= g->columns)
        g->cursor_column = g->columns - 1;
}

void tui_draw(struct tui_model *m, struct tui_grid *g, int64_t now_ms, int zone_s)
{
    (void)now_ms;
    tui_grid_clear(g);
    if (g->rows >= FRAME_ROWS) {
        draw_title(m, g);
        draw_status(m, g);
    }
    int left = has_list(g) ? LIST_COLUMNS + 1 : 0;
    struct tui_pane p = {.g = g,
                         .zone_s = zone_s,
                         .top = 2,
                         .left = left,
                         .rows = g->rows - FRAME_ROWS - 1,
                         .columns = g->columns - left};
    if (m->page != NULL && g->rows > FRAME_ROWS) {
        draw_page(m, g, g->rows - FRAME_ROWS);
    } else {
        if (has_list(g))
            draw_list(m, g, 1, g->rows - FRAME_ROWS);
        tui_pane_draw(m, &p);
    }
    draw_editor(m, g);
}
