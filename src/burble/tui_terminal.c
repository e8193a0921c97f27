/* ncurses, wide characters. */
#include "burble/tui_terminal.h"

#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "burble/tui_rescue.h"

/* Keys of our own, behind those of ncurses: how a paste begins and ends (bracketed paste). */
enum { KEY_PASTE = KEY_MAX + 1, KEY_PASTE_END };

static const char PASTE_ON[] = "\033[?2004h", PASTE_OFF[] = "\033[?2004l";

static SCREEN *screen;
static bool coloured;

/* Colours that can be read on a dark and on a light ground; -1: the terminal's own. */
static short colour_of(enum tui_style style)
{
    switch (style) {
    case TUI_UNREAD:
    case TUI_OTHER:
        return COLOR_MAGENTA;
    case TUI_HERE:
    case TUI_OWN:
        return COLOR_GREEN;
    case TUI_BUSY:
    case TUI_ERROR:
        return COLOR_RED;
    default:
        return -1;
    }
}

/* The pair of a style has its number. One that is not set would be black on black. */
static void styles(void)
{
    const char *no_colour = getenv("NO_COLOR");
    coloured = has_colors() && (no_colour == NULL || *no_colour == '\0') && start_color() == OK &&
               use_default_colors() == OK;
    for (int i = TUI_PLAIN + 1; coloured && i < TUI_STYLES; i++)
        coloured = init_pair((short)i, colour_of((enum tui_style)i), -1) == OK;
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

/* At once: ncurses does not know of it. */
static void put(const char *sequence)
{
    (void)fputs(sequence, stdout);
    (void)fflush(stdout);
}

/* What is sent for this capability, without the pauses that old terminals need ("$<5>"). */
static void capability(struct buf *out, const char *name)
{
    const char *text = tigetstr(name);
    if (text == NULL || text == (const char *)-1)
        return;
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] == '<' && strchr(text, '>') != NULL)
            text = strchr(text, '>');
        else
            (void)buf_byte(out, *text);
    }
}

static void own_keys(void)
{
    static const struct {
        const char *sequence;
        int code;
    } KEYS[] = {
        {"\033[200~", KEY_PASTE},  {"\033[201~", KEY_PASTE_END}, {"\033[1;5D", KEY_SLEFT},
        {"\033[1;5C", KEY_SRIGHT}, {"\033[1;3D", KEY_SLEFT},     {"\033[1;3C", KEY_SRIGHT},
    };
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
        (void)define_key(KEYS[i].sequence, KEYS[i].code);
}

/* A crash gives the terminal back by itself. */
static void arm(const struct termios *modes)
{
    static const char *const NAMES[] = {"sgr0", "rmkx", "cnorm", "rmcup"};
    struct buf sequence = {0};
    (void)buf_lit(&sequence, PASTE_OFF);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        capability(&sequence, NAMES[i]);
    if (!sequence.failed)
        tui_rescue_arm(modes, buf_slice(&sequence));
    buf_free(&sequence);
}

/* ncurses opens what it knows, also a terminal that is "dumb". */
static bool can_move(void)
{
    const char *cup = tigetstr("cup");
    return cup != NULL && cup != (const char *)-1;
}

bool tui_terminal_open(const char **why_out)
{
    struct termios modes;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        *why_out = "standard input and output have to be a terminal";
        return false;
    }
    bool known = tcgetattr(STDIN_FILENO, &modes) == 0;
    screen = known ? newterm(NULL, stdout, stdin) : NULL;
    if (screen != NULL && !can_move()) {
        endwin();
        delscreen(screen);
        screen = NULL;
    }
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
    own_keys();
    styles();
    arm(&modes);
    put(PASTE_ON);
    return true;
}

void tui_terminal_pause(void)
{
    put(PASTE_OFF);
    endwin();
}

void tui_terminal_resume(void)
{
    (void)reset_prog_mode();
    put(PASTE_ON);
}

void tui_terminal_close(void)
{
    if (screen == NULL)
        return;
    tui_terminal_pause();
    tui_rescue_disarm();
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
        {KEY_PASTE, TUI_KEY_PASTE},     {KEY_PASTE_END, TUI_KEY_PASTE_END},
    };
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
        if (KEYS[i].code == (int)code)
            return (struct tui_key){.kind = KEYS[i].kind};
    return (struct tui_key){.kind = TUI_KEY_OTHER};
}

/* Behind "ESC [": a key that ncurses does not know, which is not to be taken for text; or one of
 * ours that came in parts. */
static struct tui_key sequence(void)
{
    char text[8] = "";
    size_t len = 0;
    wint_t code;
    while (get_wch(&code) == OK && code >= 0x20 && code < 0x7f) {
        if (len + 1 < sizeof(text))
            text[len++] = (char)code;
        if (code >= 0x40)
            break;
    }
    if (strcmp(text, "200~") == 0)
        return (struct tui_key){.kind = TUI_KEY_PASTE};
    if (strcmp(text, "201~") == 0)
        return (struct tui_key){.kind = TUI_KEY_PASTE_END};
    return (struct tui_key){.kind = TUI_KEY_OTHER};
}

static struct tui_key escaped(void)
{
    wint_t next;
    int got = get_wch(&next);
    if (got == OK && next == '[')
        return sequence();
    if (got == OK && (next >= 0x20 || next == '\r'))
        return (struct tui_key){.kind = TUI_KEY_ALT, .code = (uint32_t)next};
    return (struct tui_key){.kind = TUI_KEY_OTHER};
}

static struct tui_key character(wint_t code)
{
    switch (code) {
    case '\r':
    case '\n':
        return (struct tui_key){.kind = TUI_KEY_ENTER, .code = (uint32_t)code};
    case '\t':
        return (struct tui_key){.kind = TUI_KEY_TAB};
    case 0x7f:
    case 0x08:
        return (struct tui_key){.kind = TUI_KEY_BACKSPACE};
    case 0x1b:
        return escaped();
    default:
        if (code < 0x20)
            return (struct tui_key){.kind = TUI_KEY_CONTROL, .code = (uint32_t)code + 'a' - 1};
        return (struct tui_key){.kind = TUI_KEY_TEXT, .code = (uint32_t)code};
    }
}

struct tui_key tui_terminal_key(void)
{
    wint_t code;
    int got;
    do
        got = get_wch(&code);
    while (got == KEY_CODE_YES && code == KEY_RESIZE); /* resizeterm's; nobody pressed it */
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
            attr_set(attributes(c->style), coloured ? (short)c->style : 0, NULL);
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
