/* Lines of a descriptor (standard input, a pipe, a file) in a session's loop. */
#ifndef BURBLE_INPUT_H
#define BURBLE_INPUT_H

#include "base/slice.h"
#include "burble/burble_loop.h"

enum { INPUT_LINE_BYTES_MAX = 1 << 20 };

struct input;

/* A line without its line feed, NUL-terminated; ptr NULL: the end, or it cannot be read, and
 * nothing comes after. A line that is too long comes in pieces. It may call input_close. */
typedef void input_fn(struct slice line, void *arg);

/* fd stays the caller's; it is made non-blocking as long as this lives. Files are read a piece at a
 * time, between the turns of the loop. 0 or ERR_MEMORY, ERR_FULL. */
int input_open(struct burble_loop *loop, int fd, input_fn *fn, void *arg, struct input **out);
void input_close(struct input **in);

#endif
