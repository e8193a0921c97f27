/* Links of uploaded files, for `burble file send`; the work is that of `burble send --file`. */
#ifndef BURBLE_SEND_H
#define BURBLE_SEND_H

#include "burble/session.h"

/* Uploads the files and sends their links; link_out hears of each one. An exit code. */
int send_files(struct app *app, char *to, char **paths, size_t count,
               void (*link_out)(struct session *s, const char *path, const char *url));

#endif
