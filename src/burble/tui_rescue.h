/* What has to be given back when the program ends in a way that nobody foresaw: the modes of the
 * terminal and its ordinary screen, and standard error, which is kept from writing over the screen.
 * One per process. */
#ifndef BURBLE_TUI_RESCUE_H
#define BURBLE_TUI_RESCUE_H

#include <termios.h>

#include "base/slice.h"

/* From now on a crash (SIGSEGV, SIGABRT, ...) sets these modes and writes this sequence, before it
 * ends the process as it would have done. What is longer than 256 bytes is left out. */
void tui_rescue_arm(const struct termios *modes, struct slice sequence);
void tui_rescue_disarm(void);
/* Does it now; safe in a signal handler. */
void tui_rescue(void);

/* Where standard error is a terminal, what is written to it can be read here from now on (it never
 * blocks; what nobody reads is lost beyond 64 KiB). -1: it stays as it is. */
int tui_rescue_errors(void);
/* Standard error is what it was; what was not read is written there. */
void tui_rescue_errors_end(void);

#endif
