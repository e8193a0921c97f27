/* Draws the model on a grid: title, list of contacts, conversation, status line, line to type. */
#ifndef BURBLE_TUI_VIEW_H
#define BURBLE_TUI_VIEW_H

#include "burble/tui_grid.h"
#include "burble/tui_model.h"

/* Any size, 1x1 too. now_ms and zone_s (seconds east of UTC) are for the times that are shown. May
 * cut the current conversation's scroll to what there is. */
void tui_draw(struct tui_model *m, struct tui_grid *g, int64_t now_ms, int zone_s);
/* Rows of the conversation at this size: a page. */
int tui_page(const struct tui_grid *g);

#endif
