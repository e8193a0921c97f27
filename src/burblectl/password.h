/* New passwords: typed, read from standard input, or made. */
#ifndef BURBLECTL_PASSWORD_H
#define BURBLECTL_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

enum { PASSWORD_BYTES_MAX = 1023, PASSWORD_GENERATED_BYTES = 23 };

struct password {
    char text[PASSWORD_BYTES_MAX + 2];
    size_t len;
};

/* Asks twice on a terminal, without showing what is typed; otherwise takes the first line of
 * standard input. whose is for the question. Returns 0, or the exit status after saying why on
 * standard error. Wipe it with password_wipe. */
int password_read(const char *whose, struct password *out);

/* 100 random bits as four groups of [a-z2-7]. */
void password_generate(struct password *out);

void password_wipe(struct password *p);

/* Asks on the terminal; true when the answer is "yes". question has no line feed. */
bool password_confirm(const char *question);

#endif
