/* The part of the screen that shows a conversation. */
#ifndef BURBLE_TUI_PANE_H
#define BURBLE_TUI_PANE_H

#include "burble/tui_grid.h"
#include "burble/tui_model.h"

struct tui_pane {
    struct tui_grid *g;
    int zone_s;                   /* seconds east of UTC */
    int top, left, rows, columns; /* the row above top is the conversation's title */
    int who;                      /* columns of names */
    int skip;                     /* rows still below the pane, because it is scrolled */
    int next;                     /* the row to be filled, from the bottom; < 0: full */
};

/* Needs g, zone_s, top, left, rows, columns; no rows are no error. May cut the conversation's
 * scroll to what there is. Without a conversation: what one can do. */
void tui_pane_draw(struct tui_model *m, struct tui_pane *p);

#endif
