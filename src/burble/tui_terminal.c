/* ncurses, wide characters. */
#include "burble/tui_terminal.h"

#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static SCREEN *screen;

/* Colours that can be read on a dark and on a light ground. */
static void styles(void)
{
    static const struct {
        enum tui_style style;
        short colour;
    } COLOURS[] = {
        {TUI_UNREAD, COLOR_MAGENTA}, {TUI_HERE, COLOR_GREEN},    {TUI_BUSY, COLOR_RED},
        {TUI_OWN, COLOR_GREEN},      {TUI_OTHER, COLOR_MAGENTA}, {TUI_ERROR, COLOR_RED},
    };
    if (!has_colors() || getenv("NO_COLOR") != NULL)
        return;
    start_color();
    use_default_colors();
    for (size_t i = 0; i < sizeof(COLOURS) / sizeof(COLOURS[0]); i++)
        init_pair((short)COLOURS[i].style, COLOURS[i].colour, -1);
}

static attr_t attributes(unsigned style)
{
    switch (style) {
    case TUI_BAR:
        return A_REVERSE;
    case TUI_BAR_MARK:
        return A_REVERSE | A_BOLD;
    case TUI_DIM:
    case TUI_NOTE:
        return A_DIM;
    case TUI_BOLD:
    case TUI_UNREAD:
    case TUI_OWN:
    case TUI_OTHER:
        return A_BOLD;
    case TUI_SELECTED:
        return A_REVERSE;
    default:
        return A_NORMAL;
    }
}

bool tui_terminal_open(const char **why_out)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        *why_out = "standard input and output have to be a terminal";
        return false;
    }
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        *why_out = "this terminal (TERM) is not known, or cannot move its cursor";
        return false;
    }
    set_term(screen);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(50);
    styles();
    return true;
}

void tui_terminal_close(void)
{
    if (screen == NULL)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
}

int tui_terminal_fd(void)
{
    return STDIN_FILENO;
}

static struct tui_key function_key(wint_t code)
{
    static const struct {
        int code;
        enum tui_key_kind kind;
    } KEYS[] = {
        {KEY_ENTER, TUI_KEY_ENTER},     {KEY_LEFT, TUI_KEY_LEFT},
        {KEY_RIGHT, TUI_KEY_RIGHT},     {KEY_UP, TUI_KEY_UP},
        {KEY_DOWN, TUI_KEY_DOWN},       {KEY_HOME, TUI_KEY_HOME},
        {KEY_END, TUI_KEY_END},         {KEY_PPAGE, TUI_KEY_PAGE_UP},
        {KEY_NPAGE, TUI_KEY_PAGE_DOWN}, {KEY_BACKSPACE, TUI_KEY_BACKSPACE},
        {KEY_DC, TUI_KEY_DELETE},       {KEY_F(1), TUI_KEY_HELP},
        {KEY_SLEFT, TUI_KEY_WORD_LEFT}, {KEY_SRIGHT, TUI_KEY_WORD_RIGHT},
    };
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
        if (KEYS[i].code == (int)code)
            return (struct tui_key){.kind = KEYS[i].kind};
    return (struct tui_key){.kind = TUI_KEY_OTHER};
}

static struct tui_key character(wint_t code)
{
    switch (code) {
    case '\r':
    case '\n':
        return (struct tui_key){.kind = TUI_KEY_ENTER};
    case '\t':
        return (struct tui_key){.kind = TUI_KEY_TAB};
    case 0x7f:
    case 0x08:
        return (struct tui_key){.kind = TUI_KEY_BACKSPACE};
    case 0x1b: {
        wint_t next;
        int got = get_wch(&next);
        if (got == OK && next >= 0x20)
            return (struct tui_key){.kind = TUI_KEY_ALT, .code = next};
        return (struct tui_key){.kind = TUI_KEY_OTHER};
    }
    default:
        if (code < 0x20)
            return (struct tui_key){.kind = TUI_KEY_CONTROL, .code = (uint32_t)code + 'a' - 1};
        return (struct tui_key){.kind = TUI_KEY_TEXT, .code = (uint32_t)code};
    }
}

struct tui_key tui_terminal_key(void)
{
    wint_t code;
    int got = get_wch(&code);
    if (got == KEY_CODE_YES)
        return function_key(code);
    return got == OK ? character(code) : (struct tui_key){.kind = TUI_KEY_NONE};
}

void tui_terminal_size(int *rows_out, int *columns_out)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS))
        (void)resizeterm(size.ws_row, size.ws_col);
    *rows_out = LINES;
    *columns_out = COLS;
}

void tui_terminal_show(const struct tui_grid *g, bool redraw)
{
    if (redraw)
        clearok(stdscr, TRUE);
    erase();
    for (int row = 0; row < g->rows && row < LINES; row++)
        for (int column = 0; column < g->columns && column < COLS; column++) {
            const struct tui_cell *c = &g->cells[row * g->columns + column];
            if (c->len == 0 && c->style == TUI_PLAIN)
                continue;
            if (c->len == 0 && column > 0 && c[-1].columns == 2)
                continue;
            attr_set(attributes(c->style), has_colors() ? (short)c->style : 0, NULL);
            (void)mvaddnstr(row, column, c->len > 0 ? c->bytes : " ", c->len > 0 ? c->len : 1);
        }
    attr_set(A_NORMAL, 0, NULL);
    if (g->cursor_row >= 0) {
        (void)curs_set(1);
        (void)move(g->cursor_row, g->cursor_column);
    } else {
        (void)curs_set(0);
    }
    refresh();
}

void tui_terminal_bell(void)
{
    (void)beep();
}
