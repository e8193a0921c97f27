/* What is pasted between the brackets that the terminal puts around it: text, whatever is in it.
 * Its line breaks do not send it, and a "/" at its beginning makes no command. Pure. */
#ifndef BURBLE_TUI_PASTE_H
#define BURBLE_TUI_PASTE_H

#include "burble/tui_editor.h"

struct tui_paste {
    bool open;        /* it has begun, and not ended */
    struct buf text;  /* harmless: no control characters but line feeds and tabs */
    bool after_cr;    /* a line feed behind it is part of the same line break */
    bool overflowing; /* it is more than EDITOR_BYTES_MAX */
};

void tui_paste_begin(struct tui_paste *p);
/* One character of it, as it came. */
void tui_paste_add(struct tui_paste *p, uint32_t code);
/* Puts it where the cursor is, without the line breaks at its end. A "/" that would begin a command
 * is doubled, which stands for one "/" of a message. False: it does not fit, nothing is changed. */
bool tui_paste_end(struct tui_paste *p, struct tui_editor *e);
void tui_paste_free(struct tui_paste *p);

#endif
