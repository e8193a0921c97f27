/* One conversation on the screen: filled from below, scrolled by rows. */
#include "burble/tui_pane.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "burble/tui_wrap.h"

enum { WHO_COLUMNS_MAX = 12, WHO_COLUMNS_MIN = 2, DAY_MS = 86400000 };

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

/* ------------------------------------------------------------------------------------------- rows
 */

/* Takes a row. False: it is not to be seen. */
static bool take_row(struct tui_pane *p, int *row_out)
{
    if (p->skip > 0) {
        p->skip--;
        return false;
    }
    *row_out = p->top + p->next--;
    return *row_out >= p->top;
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

/* The column of names is as wide as the names are. */
static int who_columns(const struct tui_talk *t)
{
    size_t widest = WHO_COLUMNS_MIN;
    for (size_t i = 0; i < t->count && widest < WHO_COLUMNS_MAX; i++) {
        const struct tui_line *l = t->lines[i];
        size_t width = l->kind == TUI_SAID ? text_width(slice_z(l->who), TEXT_NAME) : 0;
        widest = width > widest ? width : widest;
    }
    return (int)(widest < WHO_COLUMNS_MAX ? widest : WHO_COLUMNS_MAX);
}

static void draw_head(const struct tui_pane *p, int row, const struct tui_line *l)
{
    int64_t minute = (l->stamp_ms / 1000 + p->zone_s) / 60;
    minute = (minute % 1440 + 1440) % 1440;
    tui_grid_print(p->g, row, p->left, 5, TUI_DIM, "%02d:%02d", (int)(minute / 60),
                   (int)(minute % 60));
    if (l->kind == TUI_SAID)
        tui_grid_put(p->g, row, p->left + 6, p->who, l->own ? TUI_OWN : TUI_OTHER, slice_z(l->who));
}

/* Columns in front of the text: time, name. On a narrow screen the text goes below them. */
static int indent_of(const struct tui_pane *p, const struct tui_line *l)
{
    int indent = 6 + (l->kind == TUI_SAID ? p->who + 2 : 0);
    return p->columns >= indent + 12 ? indent : 0;
}

static void wrap_line(const struct tui_pane *p, const struct tui_line *l, struct tui_wrapped *w)
{
    struct buf text = {0};
    int indent = indent_of(p, l), width = p->columns - indent - (l->own ? 3 : 0);
    if (indent == 0 && l->kind == TUI_SAID)
        (void)buf_printf(&text, "%s: ", l->who);
    (void)buf_add(&text, slice_z(l->text));
    if (l->corrected)
        (void)buf_lit(&text, " (edited)");
    tui_wrap(buf_slice(&text), width > 0 ? width : 1, w);
    buf_free(&text);
}

static enum tui_style text_style(const struct tui_line *l)
{
    return l->kind == TUI_REMARK ? TUI_NOTE : l->kind == TUI_FAILURE ? TUI_ERROR : TUI_PLAIN;
}

static void draw_line(struct tui_pane *p, const struct tui_line *l)
{
    int indent = indent_of(p, l);
    struct tui_wrapped w;
    wrap_line(p, l, &w);
    for (size_t i = w.row_count; i > 0 && p->next >= 0; i--) {
        int row, column = p->left + indent;
        if (!take_row(p, &row))
            continue;
        column = tui_wrap_put(p->g, row, column, text_style(l), &w, i - 1);
        if (i == w.row_count && l->own)
            tui_grid_print(p->g, row, column + 1, 2,
                           l->mark == TUI_MARK_READ     ? TUI_HERE
                           : l->mark == TUI_MARK_FAILED ? TUI_ERROR
                                                        : TUI_DIM,
                           "%s", mark_text(l));
        if (i == 1 && indent > 0)
            draw_head(p, row, l);
    }
    tui_wrapped_free(&w);
}

static void draw_rule(struct tui_pane *p, enum tui_style style, const char *text)
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

static void draw_note(struct tui_pane *p, const char *text, const char *who)
{
    int row;
    int indent = p->columns >= 18 ? 6 : 0;
    struct buf note = {0};
    if (p->next < 0 || !take_row(p, &row))
        return;
    (void)buf_printf(&note, "%s%s", who, text);
    tui_grid_put(p->g, row, p->left + indent, p->columns - indent, TUI_NOTE, buf_slice(&note));
    buf_free(&note);
}

static void draw_talk(struct tui_talk *t, struct tui_pane *p)
{
    char day[40];
    size_t first_fresh = 0;
    while (first_fresh < t->count && !t->lines[first_fresh]->fresh)
        first_fresh++;
    p->who = who_columns(t);
    if (t->typing != NULL && p->skip == 0 && p->rows > 1)
        draw_note(p, " is typing\xe2\x80\xa6", t->typing);
    for (size_t i = t->count; i > 0 && p->next >= 0; i--) {
        int64_t this_day = day_of(t->lines[i - 1]->stamp_ms, p->zone_s);
        draw_line(p, t->lines[i - 1]);
        if (i - 1 == first_fresh && i > 1)
            draw_rule(p, TUI_UNREAD, "new");
        if (i == 1 || day_of(t->lines[i - 2]->stamp_ms, p->zone_s) != this_day) {
            day_text(this_day, day);
            draw_rule(p, TUI_DIM, day);
        }
    }
    if (t->asking)
        draw_note(p, "asking for older messages\xe2\x80\xa6", "");
    else if (t->count == 0)
        draw_note(p, t->room ? "" : "nothing was said yet", "");
}

/* Who has scrolled up goes on seeing the same, whatever is said below. */
static void keep_place(struct tui_talk *t, struct tui_pane *p)
{
    size_t from = t->count;
    while (from > 0 && t->lines[from - 1] != t->bottom)
        from--;
    p->who = who_columns(t);
    for (size_t i = from; t->scroll > 0 && from > 0 && i < t->count; i++) {
        struct tui_wrapped w;
        wrap_line(p, t->lines[i], &w);
        t->scroll += w.row_count;
        tui_wrapped_free(&w);
    }
    t->bottom = t->count > 0 ? t->lines[t->count - 1] : NULL;
}

/* Nobody scrolls beyond the beginning: what is too much is taken back, and drawn again. */
static void draw_scrolled(struct tui_model *m, struct tui_pane *p)
{
    struct tui_pane whole = *p;
    struct tui_talk *t = m->current;
    keep_place(t, p);
    p->skip = t->scroll > INT32_MAX / 2 ? INT32_MAX / 2 : (int)t->scroll;
    draw_talk(t, p);
    size_t beyond = (size_t)p->skip + (size_t)(p->next + 1);
    if (t->scroll == 0 || beyond == 0)
        return;
    t->scroll -= beyond < t->scroll ? beyond : t->scroll;
    for (int i = 0; i < whole.rows; i++)
        tui_grid_fill(whole.g, whole.top + i, whole.left, whole.columns, TUI_PLAIN);
    whole.skip = (int)t->scroll;
    draw_talk(t, &whole);
}

static void draw_title_of(struct tui_model *m, const struct tui_pane *p)
{
    const struct tui_talk *t = m->current;
    const struct tui_contact *c = tui_contact_find(m, t->jid);
    struct buf text = {0};
    int row = p->top - 1;
    int at = tui_grid_put(p->g, row, p->left, p->columns, TUI_BOLD,
                          slice_z(t->in_room != NULL ? t->nick : t->title));
    if (t->room) {
        (void)buf_printf(&text, "  %zu here", t->occupants);
        if (t->subject != NULL && *t->subject != '\0')
            (void)buf_printf(&text, "  %s", t->subject);
    } else if (t->in_room != NULL) {
        (void)buf_printf(&text, "  in private%s, in %s", t->gone ? ", not there" : "", t->in_room);
    } else {
        if (strcmp(t->title, t->jid) != 0)
            (void)buf_printf(&text, "  %s", t->jid);
        if (c != NULL)
            (void)buf_printf(&text, "  %s", c->here ? burble_show_text(c->show) : "offline");
        if (c != NULL && c->status != NULL)
            (void)buf_printf(&text, ": %s", c->status);
        if (c == NULL)
            (void)buf_lit(&text, "  no contact of yours");
    }
    tui_grid_put(p->g, row, p->left + at, p->columns - at, TUI_PLAIN, buf_slice(&text));
    buf_free(&text);
}

static void draw_welcome(const struct tui_pane *p)
{
    static const struct {
        const char *wide, *narrow, *does;
    } LINES[] = {
        {"Nothing is open.", "Nothing is open.", ""},
        {"", "", ""},
        {"Ctrl-N, Ctrl-P", "^N ^P", "through the list"},
        {"/msg bob@example.org", "/msg JID", "open a conversation"},
        {"/add bob@example.org", "/add JID", "add a contact"},
        {"/join talk@rooms.ex.org", "/join ROOM", "enter a room"},
        {"/help", "/help", "the rest"},
        {"/quit", "/quit", "end"},
    };
    bool wide = p->columns >= 54;
    for (int i = 0; i < (int)(sizeof(LINES) / sizeof(LINES[0])) && i < p->rows; i++) {
        int second = *LINES[i].does == '\0' ? p->columns : wide ? 25 : 12;
        tui_grid_put(p->g, p->top + i, p->left, second, TUI_NOTE,
                     slice_z(wide ? LINES[i].wide : LINES[i].narrow));
        tui_grid_put(p->g, p->top + i, p->left + second, p->columns - second, TUI_NOTE,
                     slice_z(LINES[i].does));
    }
}

void tui_pane_draw(struct tui_model *m, struct tui_pane *p)
{
    p->next = p->rows - 1;
    if (p->rows > 0 && m->current != NULL) {
        draw_title_of(m, p);
        draw_scrolled(m, p);
    } else if (p->rows > 0) {
        draw_welcome(p);
    }
}
