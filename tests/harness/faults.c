/* Plays faults of the system to a process: goes before its C library by LD_PRELOAD. What is played
 * is said in a file that the test maps as well, see faults.py; all zero: nothing. Transfers are
 * those of stream sockets. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The file: the order is that of faults.py. */
struct faults {
    _Atomic int64_t mono_ms, wall_ms; /* the clocks are so much ahead */
    _Atomic int64_t tiny;             /* of three transfers one is interrupted, one has to wait, and
                                         one carries a byte; of two waits one is interrupted */
    _Atomic int64_t transfers;        /* how many there were while they were tiny */
    _Atomic int64_t accept_domain;    /* of the listeners that cannot accept */
    _Atomic int64_t accept_errno;     /* what they say */
    _Atomic int64_t accept_left;      /* how often yet */
    _Atomic int64_t accepts;          /* how often they said it */
    _Atomic int64_t socket_domain;    /* there are no sockets of it */
    _Atomic int64_t bind_domain;      /* there are no addresses of it */
    _Atomic int64_t user_timeout_ms;  /* TCP_USER_TIMEOUT, whatever is asked for */
    _Atomic int64_t send_bytes;       /* SO_SNDBUF of what is accepted */
    _Atomic int64_t sync_held;        /* what is written does not reach the disk */
    _Atomic int64_t syncs;            /* how many are held just now */
};

static struct faults none, *faults = &none;

/* dlsym gives objects for functions; C knows no way between them but this. */
#define REAL(name)                                                                                 \
    union {                                                                                        \
        void *object;                                                                              \
        __typeof__(&name) call;                                                                    \
    } real = {.object = dlsym(RTLD_NEXT, #name)}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("BURBLE_FAULTS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        faults = at;
    close(fd);
}

static int64_t option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* Does the transfer take place? If it does, with one byte. */
static int plays(int fd)
{
    if (faults->tiny == 0 || option(fd, SO_TYPE) != SOCK_STREAM)
        return 0;
    int64_t n = atomic_fetch_add(&faults->transfers, 1);
    errno = n % 3 == 0 ? EINTR : EAGAIN;
    return n % 3 == 2 ? 1 : -1;
}

ssize_t recv(int fd, void *into, size_t n, int flags)
{
    REAL(recv);
    int play = plays(fd);
    return play < 0 ? -1 : real.call(fd, into, play > 0 && n > 1 ? 1 : n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    REAL(sendmsg);
    int play = plays(fd);
    if (play < 0)
        return -1;
    if (play == 0 || msg->msg_iovlen == 0 || msg->msg_iov[0].iov_len == 0)
        return real.call(fd, msg, flags);
    struct iovec one = {.iov_base = msg->msg_iov[0].iov_base, .iov_len = 1};
    struct msghdr small = {.msg_iov = &one, .msg_iovlen = 1};
    return real.call(fd, &small, flags);
}

int epoll_wait(int epoll, struct epoll_event *events, int n, int timeout)
{
    static _Thread_local unsigned waits;
    REAL(epoll_wait);
    if (faults->tiny != 0 && waits++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return real.call(epoll, events, n, timeout);
}

static void narrow(int fd)
{
    int bytes = (int)faults->send_bytes;
    if (bytes != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int accept4(int listener, struct sockaddr *name, socklen_t *len, int flags)
{
    REAL(accept4);
    if (faults->accept_left > 0 && option(listener, SO_DOMAIN) == faults->accept_domain) {
        faults->accept_left--;
        faults->accepts++;
        errno = (int)faults->accept_errno;
        return -1;
    }
    int fd = real.call(listener, name, len, flags);
    if (fd >= 0)
        narrow(fd);
    return fd;
}

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    if (faults->socket_domain != 0 && domain == faults->socket_domain) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return real.call(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *name, socklen_t len)
{
    REAL(bind);
    if (faults->bind_domain != 0 && name->sa_family == faults->bind_domain) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    return real.call(fd, name, len);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    REAL(setsockopt);
    int ms = (int)faults->user_timeout_ms;
    if (level == IPPROTO_TCP && name == TCP_USER_TIMEOUT && ms != 0)
        return real.call(fd, level, name, &ms, sizeof(ms));
    return real.call(fd, level, name, value, len);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    REAL(clock_gettime);
    int err = real.call(id, out);
    int64_t ahead_ms = id == CLOCK_REALTIME    ? faults->wall_ms
                       : id == CLOCK_MONOTONIC ? faults->mono_ms
                                               : 0;
    out->tv_sec += ahead_ms / 1000;
    out->tv_nsec += ahead_ms % 1000 * 1000000;
    if (out->tv_nsec >= 1000000000) {
        out->tv_sec++;
        out->tv_nsec -= 1000000000;
    }
    return err;
}

static void hold_sync(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    faults->syncs++;
    while (faults->sync_held != 0)
        nanosleep(&moment, NULL);
    faults->syncs--;
}

int fsync(int fd)
{
    REAL(fsync);
    hold_sync();
    return real.call(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    hold_sync();
    return real.call(fd);
}
