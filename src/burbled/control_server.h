/* The control socket (docs/control-protocol.md): data_dir/control.sock, served by the main thread.
 * Only the server's own user and root are answered; one connection is one command. */
#ifndef BURBLED_CONTROL_SERVER_H
#define BURBLED_CONTROL_SERVER_H

#include "base/time.h"
#include "burbled/server_inside.h"
#include "core/admin.h"

struct control;

/* Listens and is watched by the main loop. 0 or the exit status, after telling why. */
int control_open(struct server *s, struct control **control_out);
/* Closes everything, and removes the socket. */
void control_close(struct control **c);

/* A request has come back from a shard. It is taken. */
void control_answer(struct control *c, struct admin_request *r);
/* A batch that showed that the store writes has come back; it stays the caller's. */
void control_probed(struct control *c, const struct store_request *r);
/* Once a second: who takes too long is cut. */
void control_tick(struct control *c, struct now now);
/* All streams are closed: those who asked for the end are told. */
void control_stopped(struct control *c);

#endif
