/* The terminal, by ncurses: shows a grid, reads keys. One per process. */
#ifndef BURBLE_TUI_TERMINAL_H
#define BURBLE_TUI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "burble/tui_grid.h"

enum tui_key_kind {
    TUI_KEY_NONE,  /* no more now */
    TUI_KEY_TEXT,  /* code */
    TUI_KEY_ENTER, /* code: '\r' or '\n' */
    TUI_KEY_LEFT,
    TUI_KEY_RIGHT,
    TUI_KEY_WORD_LEFT,
    TUI_KEY_WORD_RIGHT,
    TUI_KEY_UP,
    TUI_KEY_DOWN,
    TUI_KEY_HOME,
    TUI_KEY_END,
    TUI_KEY_PAGE_UP,
    TUI_KEY_PAGE_DOWN,
    TUI_KEY_BACKSPACE,
    TUI_KEY_DELETE,
    TUI_KEY_TAB,
    TUI_KEY_HELP,
    TUI_KEY_CONTROL, /* code: 'a' for Ctrl-A */
    TUI_KEY_ALT,     /* code */
    TUI_KEY_OTHER,
    TUI_KEY_PASTE, /* what comes now was not typed, but pasted (bracketed paste) */
    TUI_KEY_PASTE_END,
};
struct tui_key {
    enum tui_key_kind kind;
    uint32_t code;
};

/* False: there is no terminal that can do it; *why_out says so. */
bool tui_terminal_open(const char **why_out);
void tui_terminal_close(void);
/* Gives the terminal to others for a while (Ctrl-Z), and takes it again. */
void tui_terminal_pause(void);
void tui_terminal_resume(void);
/* The descriptor to wait for, and the next key of it. */
int tui_terminal_fd(void);
struct tui_key tui_terminal_key(void);
/* Asks for the size (after SIGWINCH). */
void tui_terminal_size(int *rows_out, int *columns_out);
void tui_terminal_show(const struct tui_grid *g, bool redraw);
void tui_terminal_bell(void);

#endif
