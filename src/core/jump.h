/* Time that jumps (N12). */
#ifndef CORE_JUMP_H
#define CORE_JUMP_H

#include "core/engine.h"

/* Before the timers run: has more time passed than they were to wait, on one clock or the other?
 * Then peers get it back and are asked whether they are there. Logs time.jump. */
void jump_check(struct engine *e);

#endif
