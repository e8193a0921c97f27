/* The screen of `burble chat`.
 *
 *    burble  me@example.org  online                                2 unread
 *    * Room           3 | Bob - away: lunch
 *    o Bob            1 | ------------------------ Friday 20 November
 *      Carol            | 14:02 Bob   How are you?
 *                       | 14:03 me    Fine. *
 *    F1 help  Tab next unread ...
 *    > what is typed */
#include "burble/tui_view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

enum {
    LIST_COLUMNS = 22,
    LIST_FROM_COLUMNS = 56, /* narrower screens have no list */
    FRAME_ROWS = 3,         /* title, status, line to type */
    WHO_COLUMNS = 12,
    ENTRIES_MAX = 2000,
    DAY_MS = 86400000,
};

static bool has_list(const struct tui_grid *g)
{
    return g->columns >= LIST_FROM_COLUMNS && g->rows > FRAME_ROWS;
}

int tui_page(const struct tui_grid *g)
{
    return g->rows > FRAME_ROWS + 1 ? g->rows - FRAME_ROWS - 1 : 1;
}

/* ------------------------------------------------------------------------------------------ times
 */

/* Days since 1970 at the place of the one who looks. */
static int64_t day_of(int64_t ms, int zone_s)
{
    int64_t local = ms + (int64_t)zone_s * 1000;
    return local >= 0 ? local / DAY_MS : (local - DAY_MS + 1) / DAY_MS;
}

static void day_text(int64_t day, char out[40])
{
    static const char *const WEEK[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                       "Monday",   "Tuesday", "Wednesday"};
    static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    struct tm tm = {0};
    time_t seconds = (time_t)day * 86400;
    if (gmtime_r(&seconds, &tm) == NULL)
        tm = (struct tm){.tm_mday = 1, .tm_year = 70};
    (void)snprintf(out, 40, "%s %d %s %d", WEEK[(day % 7 + 7) % 7], tm.tm_mday, MONTHS[tm.tm_mon],
                   tm.tm_year + 1900);
}

/* ------------------------------------------------------------------------------------------- list
 */

static enum tui_style contact_style(const struct tui_contact *c)
{
    if (c == NULL)
        return TUI_PLAIN;
    if (!c->here)
        return TUI_DIM;
    return c->show == BURBLE_SHOW_DND                                 ? TUI_BUSY
           : c->show == BURBLE_SHOW_AWAY || c->show == BURBLE_SHOW_XA ? TUI_AWAY
                                                                      : TUI_HERE;
}

static const char *contact_sign(const struct tui_entry *e)
{
    if (e->talk != NULL && e->talk->room)
        return "#";
    if (e->contact == NULL)
        return "?";
    return e->contact->asks ? "!" : e->contact->here ? "\xe2\x97\x8f" : "\xe2\x97\x8b";
}

static void draw_entry(const struct tui_model *m, struct tui_grid *g, int row,
                       const struct tui_entry *e)
{
    bool selected = e->talk != NULL && e->talk == m->current;
    unsigned unread = e->talk != NULL ? e->talk->unread : 0;
    enum tui_style style = selected     ? TUI_SELECTED
                           : unread > 0 ? TUI_UNREAD
                                        : contact_style(e->contact);
    int width = LIST_COLUMNS - 1;
    char count[16] = "";
    if (selected)
        tui_grid_fill(g, row, 0, width, TUI_SELECTED);
    if (unread > 0)
        (void)snprintf(count, sizeof(count), "%s%u", e->talk->mention ? "@" : "",
                       unread > 999 ? 999 : unread);
    int room = width - 3 - (*count != '\0' ? (int)strlen(count) + 1 : 0);
    tui_grid_print(g, row, 0, 2, selected ? TUI_SELECTED : contact_style(e->contact), "%s",
                   contact_sign(e));
    tui_grid_put(g, row, 2, room, style, slice_z(e->name));
    if (*count != '\0')
        tui_grid_print(g, row, width - (int)strlen(count), -1, style, "%s", count);
}

static void draw_list(struct tui_model *m, struct tui_grid *g, int top, int rows)
{
    struct tui_entry *entries = mem_array(ENTRIES_MAX, sizeof(*entries));
    size_t n = tui_entries(m, entries, ENTRIES_MAX), selected = 0, from = 0;
    for (size_t i = 0; i < n; i++)
        if (entries[i].talk != NULL && entries[i].talk == m->current)
            selected = i;
    if (selected >= (size_t)rows)
        from = selected - (size_t)rows + 1;
    for (int i = 0; i < rows; i++) {
        if (from + (size_t)i < n)
            draw_entry(m, g, top + i, &entries[from + (size_t)i]);
        tui_grid_print(g, top + i, LIST_COLUMNS - 1, 1, TUI_DIM, "\xe2\x94\x82");
    }
    mem_free(entries);
}

/* ----------------------------------------------------------------------------------- conversation
 */

/* Rows of a conversation from the end upwards: the pane is filled from below. */
struct pane {
    struct tui_grid *g; /* NULL: rows are only counted */
    int top, left, rows, columns;
    int skip; /* rows still below the pane, because it is scrolled */
    int next; /* the row to be filled, from the bottom; < 0: full */
};

/* Takes a row. False: it is not to be seen. */
static bool take_row(struct pane *p, int *row_out)
{
    if (p->skip > 0) {
        p->skip--;
        return false;
    }
    *row_out = p->top + p->next--;
    return *row_out >= p->top;
}

struct row {
    size_t from; /* piece */
    size_t count;
};

struct wrapped {
    struct text_piece *pieces;
    size_t count, cap;
    struct row *rows;
    size_t row_count, row_cap;
};

static void add_row(struct wrapped *w, size_t from, size_t to)
{
    if (w->row_count == w->row_cap) {
        w->row_cap = w->row_cap == 0 ? 16 : w->row_cap * 2;
        w->rows = mem_resize(w->rows, w->row_cap, sizeof(w->rows[0]));
    }
    w->rows[w->row_count++] = (struct row){.from = from, .count = to - from};
}

static void wrap(struct slice text, int columns, struct wrapped *w)
{
    struct text_reader r = {.rest = text, .kind = TEXT_LINES};
    struct text_piece piece;
    size_t start = 0, space = 0;
    int used = 0, used_at_space = 0;
    *w = (struct wrapped){0};
    while (text_next(&r, &piece)) {
        if (w->count == w->cap) {
            w->cap = w->cap == 0 ? 128 : w->cap * 2;
            w->pieces = mem_resize(w->pieces, w->cap, sizeof(w->pieces[0]));
        }
        w->pieces[w->count++] = piece;
        if (piece.line_end) {
            add_row(w, start, w->count - 1);
            start = space = w->count;
            used = used_at_space = 0;
            continue;
        }
        used += piece.columns;
        if (used > columns && start < w->count - 1) {
            bool at_space = space > start;
            size_t cut = at_space ? space : w->count - 1;
            add_row(w, start, cut);
            start = cut;
            used -= at_space ? used_at_space : used - piece.columns;
            space = start;
            used_at_space = 0;
        }
        if (piece.len == 1 && piece.bytes[0] == ' ') {
            space = w->count;
            used_at_space = used;
        }
    }
    add_row(w, start, w->count);
}

static void wrapped_free(struct wrapped *w)
{
    mem_free(w->pieces);
    mem_free(w->rows);
}

static const char *mark_text(const struct tui_line *l)
{
    switch (l->mark) {
    case TUI_MARK_WAITS:
        return "\xe2\x80\xa6"; /* an ellipsis */
    case TUI_MARK_SENT:
        return "\xe2\x9c\x93"; /* a tick */
    case TUI_MARK_RECEIVED:
    case TUI_MARK_READ:
        return "\xe2\x9c\x93\xe2\x9c\x93";
    case TUI_MARK_FAILED:
        return "\xe2\x9c\x97"; /* a cross */
    default:
        return "";
    }
}

static void draw_head(const struct pane *p, int row, const struct tui_line *l, int zone_s)
{
    int64_t minute = (l->stamp_ms / 1000 + zone_s) / 60;
    minute = (minute % 1440 + 1440) % 1440;
    tui_grid_print(p->g, row, p->left, 5, TUI_DIM, "%02d:%02d", (int)(minute / 60),
                   (int)(minute % 60));
    if (l->kind == TUI_SAID)
        tui_grid_put(p->g, row, p->left + 6, WHO_COLUMNS - 1, l->own ? TUI_OWN : TUI_OTHER,
                     slice_z(l->who));
}

static void draw_line(struct pane *p, const struct tui_line *l, int zone_s)
{
    int indent = 6 + (l->kind == TUI_SAID ? WHO_COLUMNS : 0);
    if (p->columns < indent + 12)
        indent = p->columns > 12 ? 6 : 0;
    int width = p->columns - indent - (l->own ? 3 : 1);
    struct wrapped w;
    struct buf text = {0};
    enum tui_style style = l->kind == TUI_REMARK    ? TUI_NOTE
                           : l->kind == TUI_FAILURE ? TUI_ERROR
                                                    : TUI_PLAIN;
    (void)buf_add(&text, slice_z(l->text));
    if (l->corrected)
        (void)buf_lit(&text, " (edited)");
    wrap(buf_slice(&text), width > 0 ? width : 1, &w);
    for (size_t i = w.row_count; i > 0 && p->next >= 0; i--) {
        const struct row *r = &w.rows[i - 1];
        int row, column = p->left + indent;
        if (!take_row(p, &row))
            continue;
        for (size_t k = 0; k < r->count; k++) {
            tui_grid_piece(p->g, row, column, style, &w.pieces[r->from + k]);
            column += w.pieces[r->from + k].columns;
        }
        if (i == w.row_count && l->own)
            tui_grid_print(p->g, row, column + 1, 2,
                           l->mark == TUI_MARK_READ     ? TUI_HERE
                           : l->mark == TUI_MARK_FAILED ? TUI_ERROR
                                                        : TUI_DIM,
                           "%s", mark_text(l));
        if (i == 1 && indent > 0)
            draw_head(p, row, l, zone_s);
    }
    wrapped_free(&w);
    buf_free(&text);
}

static void draw_rule(struct pane *p, enum tui_style style, const char *text)
{
    int row;
    if (p->next < 0 || !take_row(p, &row))
        return;
    int width = (int)text_width(slice_z(text), TEXT_LINE);
    for (int i = 0; i < p->columns; i++)
        tui_grid_print(p->g, row, p->left + i, 1, style, "\xe2\x94\x80");
    if (width + 4 < p->columns)
        tui_grid_print(p->g, row, p->left + (p->columns - width) / 2 - 1, width + 2, style, " %s ",
                       text);
}

static void draw_talk(struct tui_talk *t, struct pane *p, int zone_s)
{
    char day[40];
    if (t->typing != NULL && p->next > 0 && p->skip == 0) {
        int row;
        if (take_row(p, &row))
            tui_grid_print(p->g, row, p->left + 6, p->columns - 6, TUI_NOTE,
                           "%s is typing\xe2\x80\xa6", t->typing);
    }
    for (size_t i = t->count; i > 0 && p->next >= 0; i--) {
        int64_t this_day = day_of(t->lines[i - 1]->stamp_ms, zone_s);
        draw_line(p, t->lines[i - 1], zone_s);
        if (i - 1 == t->read && i - 1 > 0)
            draw_rule(p, TUI_UNREAD, "new");
        if (i == 1 || day_of(t->lines[i - 2]->stamp_ms, zone_s) != this_day) {
            day_text(this_day, day);
            draw_rule(p, TUI_DIM, day);
        }
    }
}

/* Nobody scrolls beyond the beginning: what is too much is taken back, and drawn again. */
static void draw_scrolled(struct tui_model *m, struct pane *p, int zone_s)
{
    struct pane whole = *p;
    struct tui_talk *t = m->current;
    p->skip = t->scroll > INT32_MAX / 2 ? INT32_MAX / 2 : (int)t->scroll;
    draw_talk(t, p, zone_s);
    size_t beyond = (size_t)p->skip + (size_t)(p->next + 1);
    if (t->scroll == 0 || beyond == 0)
        return;
    t->scroll -= beyond < t->scroll ? beyond : t->scroll;
    for (int i = 0; i < whole.rows; i++)
        tui_grid_fill(whole.g, whole.top + i, whole.left, whole.columns, TUI_PLAIN);
    whole.skip = (int)t->scroll;
    draw_talk(t, &whole, zone_s);
}

static void draw_title_of(struct tui_model *m, const struct pane *p)
{
    const struct tui_talk *t = m->current;
    const struct tui_contact *c = tui_contact_find(m, t->jid);
    struct buf text = {0};
    (void)buf_add(&text, slice_z(t->title));
    if (t->room) {
        (void)buf_printf(&text, "  %zu here", t->occupants);
        if (t->subject != NULL && *t->subject != '\0')
            (void)buf_printf(&text, "  %s", t->subject);
    } else if (c != NULL) {
        (void)buf_printf(&text, "  %s", c->here ? burble_show_text(c->show) : "offline");
        if (c->status != NULL)
            (void)buf_printf(&text, ": %s", c->status);
    }
    tui_grid_put(p->g, p->top - 1, p->left, p->columns, TUI_BOLD, buf_slice(&text));
    buf_free(&text);
}

static void draw_welcome(const struct tui_model *m, const struct pane *p)
{
    static const char *const LINES[] = {
        "Nothing is open.",
        "",
        "Ctrl-N and Ctrl-P go through the list at the left,",
        "/msg bob@example.org opens a conversation,",
        "/join talk@rooms.example.org a room,",
        "/help tells the rest, /quit ends.",
    };
    (void)m;
    for (int i = 0; i < (int)(sizeof(LINES) / sizeof(LINES[0])) && i < p->rows; i++)
        tui_grid_put(p->g, p->top + i, p->left + 2, p->columns - 2, TUI_NOTE, slice_z(LINES[i]));
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
    tui_grid_fill(g, row, 0, g->columns, TUI_BAR);
    if (m->notice != NULL)
        tui_grid_put(g, row, 1, g->columns - 2, TUI_BAR_MARK, slice_z(m->notice));
    else if (m->current != NULL && m->current->scroll > 0)
        tui_grid_print(g, row, 1, g->columns - 2, TUI_BAR_MARK,
                       "scrolled up; PgDn goes down, End (empty line) to the end");
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
    int left = has_list(g) ? LIST_COLUMNS : 0;
    struct pane p = {.g = g,
                     .top = 2,
                     .left = left,
                     .rows = g->rows - FRAME_ROWS - 1,
                     .columns = g->columns - left};
    p.next = p.rows - 1;
    if (has_list(g))
        draw_list(m, g, 1, g->rows - FRAME_ROWS);
    if (p.rows > 0 && m->current != NULL) {
        draw_title_of(m, &p);
        draw_scrolled(m, &p, zone_s);
    } else if (p.rows > 0) {
        draw_welcome(m, &p);
    }
    draw_editor(m, g);
}
