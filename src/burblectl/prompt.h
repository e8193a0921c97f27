/* Lines from people and pipes that nobody else shall see. Shared by burblectl and burble. */
#ifndef BURBLECTL_PROMPT_H
#define BURBLECTL_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

enum prompt_line { PROMPT_READ, PROMPT_END, PROMPT_LONG, PROMPT_ZERO };

/* Turns off the echo of the terminal fd until prompt_show, however the program ends: a signal that
 * would end it brings the echo back first. False when fd is no terminal. */
bool prompt_hide(int fd);
void prompt_show(void);

/* One line, byte by byte: what is behind it is not ours. Without its line feed and a carriage
 * return before it; at most cap bytes are kept, no NUL is added. END: there was nothing. */
enum prompt_line prompt_line(int fd, char *out, size_t cap, size_t *len_out);

#endif
