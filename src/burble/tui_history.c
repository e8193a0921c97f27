/* Older lines of `burble chat`, from the archive (XEP-0313). */
#include "burble/tui.h"

void tui_older(struct tui *t, struct tui_talk *k)
{
    (void)t, (void)k;
}

void tui_catch_up(struct tui *t)
{
    (void)t;
}
