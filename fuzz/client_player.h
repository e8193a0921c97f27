/* What the fuzz targets of features of the client share: a client that is online without TLS, to
 * which a server says the input line by line.
 *
 * The input begins with two bytes of what the program does in a callback, and in which; each line
 * behind them is fed as it is, with three seconds behind it. All random bytes are 0, so every id is
 * "aaaaaaaaaaaaaaaaaaaaaaaa". */
#ifndef FUZZ_CLIENT_PLAYER_H
#define FUZZ_CLIENT_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "burble/io.h"

struct player {
    struct burble *c; /* me@example.org/here; NULL: the program freed it */
    struct burble_now now;
    uint32_t conn; /* 0: closed */
    uint8_t act;   /* what to do, a bit each */
    unsigned callbacks, act_at;
};

/* Takes the first bytes of the input; the client is online. False: there is not so much. */
bool player_begin(struct player *p, struct slice *input);
/* Says the next line. False: there is none, or no client any more. */
bool player_line(struct player *p, struct slice *input);
/* Every callback ends with this: is it the one that does what the input says? */
bool player_acts(struct player *p);
/* Frees the client; the program only listens. */
void player_end(struct player *p);

#endif
