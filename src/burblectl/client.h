/* The client side of the control socket: one connection, one request, rows, one end. */
#ifndef BURBLECTL_CLIENT_H
#define BURBLECTL_CLIENT_H

#include <jansson.h>

#include "base/buf.h"

enum { CLIENT_SILENCE_S = 60 }; /* a server that says nothing for so long has failed */

/* Called for each row of the answer. */
typedef void client_row_fn(void *ctx, const json_t *row);

struct client_end {
    int status; /* 0, or the exit status */
    char *text; /* NULL, or what is wrong, one or more lines; free with mem_free */
};

/* Sends request (one line) to the server of data_dir and reads the answer. The request's bytes are
 * wiped when they are sent. */
struct client_end client_run(const char *data_dir, struct buf *request, client_row_fn *on_row,
                             void *ctx);

#endif
