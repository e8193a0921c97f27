/* The control socket: a Unix stream socket that only its owner and root may use. */
#ifndef IO_UNIX_SOCKET_H
#define IO_UNIX_SOCKET_H

#include <sys/types.h>

#include "base/slice.h"

/* Longer paths do not fit into the system's address: keep data_dir shorter. */
enum { UNIX_SOCKET_PATH_MAX = 107 };

struct unix_peer {
    pid_t pid;
    uid_t uid;
};

/* Listens at path with mode 0600 from the first moment on. A socket that nobody answers at is
 * replaced; nothing else is. Call it on the main thread before others start (it sets the umask for
 * a moment). The descriptor is non-blocking and the caller's.
 *   ERR_LIMIT    path too long
 *   ERR_EXISTS   somebody answers there, or it is no socket
 *   ERR_REFUSED  no right to write there
 *   ERR_NOT_FOUND, ERR_FULL, ERR_IO */
int unix_listen(const char *path, int *fd_out);
/* Takes one waiting connection, if its other side runs as root or as this process's user.
 * 0; ERR_BUSY nothing waits; ERR_REFUSED another user (peer_out says who; it is closed already);
 * ERR_CLOSED vanished meanwhile; ERR_FULL; ERR_IO. */
int unix_accept(int listener, int *fd_out, struct unix_peer *peer_out);
/* Closes and removes the path. */
void unix_close(int *fd, const char *path);

/* Connects, blocking. ERR_LIMIT, ERR_NOT_FOUND (no such path), ERR_CLOSED (nobody answers),
 * ERR_REFUSED (no right), ERR_IO. */
int unix_connect(const char *path, int *fd_out);

#endif
