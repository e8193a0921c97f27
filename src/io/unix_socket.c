/* The control socket (unix(7)). */
#include "io/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

static int error_of(int e)
{
    switch (e) {
    case EMFILE:
    case ENFILE:
        return ERR_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_REFUSED;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EADDRINUSE:
        return ERR_EXISTS;
    case ECONNREFUSED:
        return ERR_CLOSED;
    default:
        return ERR_IO;
    }
}

static int name_of(const char *path, struct sockaddr_un *out)
{
    size_t len = strlen(path);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len == 0 || len > UNIX_SOCKET_PATH_MAX)
        return ERR_LIMIT;
    memcpy(out->sun_path, path, len);
    return 0;
}

static int open_socket(int flags, int *fd_out)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return error_of(errno);
    *fd_out = fd;
    return 0;
}

int unix_connect(const char *path, int *fd_out)
{
    struct sockaddr_un name;
    int fd = -1, err = name_of(path, &name);
    if (err == 0)
        err = open_socket(0, &fd);
    if (err != 0)
        return err;
    int n;
    do {
        n = connect(fd, (const struct sockaddr *)&name, sizeof(name));
    } while (n != 0 && errno == EINTR);
    if (n != 0) {
        err = error_of(errno);
        close(fd);
        return err;
    }
    *fd_out = fd;
    return 0;
}

/* Removes a socket that nobody answers at. */
static int clear_path(const char *path)
{
    struct stat st;
    int fd;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : error_of(errno);
    if (!S_ISSOCK(st.st_mode))
        return ERR_EXISTS;
    int err = unix_connect(path, &fd);
    if (err == 0) {
        close(fd);
        return ERR_EXISTS;
    }
    if (err != ERR_CLOSED)
        return err;
    return unlink(path) == 0 || errno == ENOENT ? 0 : error_of(errno);
}

int unix_listen(const char *path, int *fd_out)
{
    struct sockaddr_un name;
    int fd = -1, err = name_of(path, &name);
    if (err == 0)
        err = clear_path(path);
    if (err == 0)
        err = open_socket(SOCK_NONBLOCK, &fd);
    if (err != 0)
        return err;
    mode_t before = umask(0177);
    int n = bind(fd, (const struct sockaddr *)&name, sizeof(name));
    int e = errno;
    umask(before);
    if (n == 0 && listen(fd, 64) != 0) {
        e = errno;
        n = -1;
    }
    if (n != 0) {
        close(fd);
        return error_of(e);
    }
    *fd_out = fd;
    return 0;
}

int unix_accept(int listener, int *fd_out, struct unix_peer *peer_out)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN)
            return ERR_BUSY;
        if (errno == ECONNABORTED || errno == EINTR)
            return ERR_CLOSED;
        return errno == EMFILE || errno == ENFILE ? ERR_FULL : ERR_IO;
    }
    struct ucred who;
    socklen_t len = sizeof(who);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) {
        close(fd);
        return ERR_CLOSED;
    }
    *peer_out = (struct unix_peer){.pid = who.pid, .uid = who.uid};
    if (who.uid != 0 && who.uid != geteuid()) {
        close(fd);
        return ERR_REFUSED;
    }
    *fd_out = fd;
    return 0;
}

void unix_close(int *fd, const char *path)
{
    if (*fd < 0)
        return;
    close(*fd);
    *fd = -1;
    unlink(path);
}
