/* What burble knows in its next run: sessions that can be resumed, tokens, contacts. One small file
 * per account and purpose under $XDG_STATE_HOME/burble, 0600, replaced as a whole and synced. A
 * purpose ("listen", "bot", "roster") has a lock: of two processes the second one works without, so
 * that no session is resumed twice. */
#ifndef BURBLE_STATE_H
#define BURBLE_STATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

struct app;

enum { STATE_BYTES_MAX = 16 << 20 };

struct state {
    char *path; /* NULL: this run has no state; reads give nothing, writes do nothing */
    int lock_fd;
};

/* Takes the lock of app->account and purpose (a literal of [a-z0-9-]). 0, also when there is no
 * place for it or another process has it (--verbose says so; state_held tells); EXIT_USAGE, having
 * said why, when others could read what is there (C12). state_close in any case. */
int state_open(struct app *app, const char *purpose, struct state *out);
static inline bool state_held(const struct state *s)
{
    return s->path != NULL;
}
/* Appends what was written last; nothing when there is nothing. 0 or an exit code, having said why.
 * It is secret: password_free. */
int state_read(const struct app *app, const struct state *s, struct buf *out);
/* 0 or an exit code, having said why. Empty content removes the file. */
int state_write(const struct app *app, const struct state *s, struct slice content);
void state_close(struct state *s);

#endif
