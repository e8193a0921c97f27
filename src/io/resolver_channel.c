/* How questions get to the servers and answers back: a channel of c-ares over sockets of our own
 * making, watched by the loop. c-ares does the attempts, several servers, truncated answers that
 * are asked for again by TCP, and throws away what does not answer a question of ours.
 *
 * No EDNS: with it, c-ares 1.18 reads freed memory when a server answers a question with FORMERR
 * that is already queued for TCP. Random ids come from the system. Owns the channel and the
 * watches. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/err.h"
#include "io/random.h"
#include "io/resolver_inside.h"

enum {
    PORT = 53,
    TRIES =
        4, /* per server: the last one begins at 7/8 of the time, so that the deadline decides */
    READS_PER_EVENT_MAX = 64, /* then it is the others' turn, however many packets wait */
    CLASS_IN = 1,
    HEADER_BYTES = 12,
    RCODE_SERVFAIL = 2,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
};

static const char CONF[] = "/etc/resolv.conf";

struct watch {
    struct loop_fd fd;
    struct list node;
    struct resolver *resolver;
};

static void init_library(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL); /* its only failures are those of Windows */
}

/* -------------------------------------------------------------------------------- the sockets */

static int on_socket(int family, int type, int protocol, void *ctx)
{
    (void)ctx;
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int on_close(int fd, void *ctx)
{
    (void)ctx;
    return close(fd);
}

static int on_connect(int fd, const struct sockaddr *to, socklen_t len, void *ctx)
{
    (void)ctx;
    return connect(fd, to, len);
}

/* c-ares reads packets until there are none: so there are none after a while. */
static ssize_t on_receive(int fd, void *out, size_t size, int flags, struct sockaddr *from,
                          socklen_t *from_len, void *ctx)
{
    struct resolver *r = ctx;
    if (r->reads == 0) {
        errno = EAGAIN;
        return -1;
    }
    r->reads--;
    ssize_t n = recvfrom(fd, out, size, flags, from, from_len);
    if (from != NULL && n >= HEADER_BYTES) {
        uint8_t rcode = ((const uint8_t *)out)[3] & 0x0f;
        if (rcode == RCODE_SERVFAIL || rcode == RCODE_NOTIMP || rcode == RCODE_REFUSED) {
            r->refusals++;
            r->refusal_code = rcode;
        }
    }
    return n;
}

static ssize_t on_send(int fd, const struct iovec *iov, int count, void *ctx)
{
    (void)ctx;
    struct iovec parts[8];
    size_t n = (size_t)count < 8 ? (size_t)count : 8;
    memcpy(parts, iov, n * sizeof(*iov));
    const struct msghdr m = {.msg_iov = parts, .msg_iovlen = n};
    return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static void process(struct resolver *r, int read_fd, int write_fd)
{
    r->reads = READS_PER_EVENT_MAX;
    ares_process_fd(r->channel, read_fd, write_fd);
}

static void on_ready(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)ctx;
    struct watch *w = CONTAINER_OF(f, struct watch, fd);
    int fd = f->fd; /* the watch may go on the way */
    process(w->resolver, (events & (LOOP_READ | LOOP_GONE)) ? fd : ARES_SOCKET_BAD,
            (events & (LOOP_WRITE | LOOP_GONE)) ? fd : ARES_SOCKET_BAD);
}

/* What c-ares waits for on a socket; for nothing, before it closes it. A socket that cannot be
 * watched stays silent, and its questions run out of time. */
static void on_state(void *ctx, int fd, int readable, int writable)
{
    struct resolver *r = ctx;
    unsigned want = (readable ? LOOP_READ : 0U) | (writable ? LOOP_WRITE : 0U);
    struct watch *w = NULL;
    LIST_EACH(it, &r->sockets)
    {
        struct watch *found = CONTAINER_OF(it, struct watch, node);
        if (found->fd.fd == fd)
            w = found;
    }
    if (w == NULL && want != 0) {
        w = calloc(1, sizeof(*w));
        if (w == NULL)
            return;
        w->resolver = r;
        w->fd.ready = on_ready;
        if (loop_watch(r->loop, &w->fd, fd, want) == 0)
            list_push(&r->sockets, &w->node);
        else
            free(w);
    } else if (w != NULL && want != 0) {
        (void)loop_want(r->loop, &w->fd, want);
    } else if (w != NULL) {
        loop_forget(r->loop, &w->fd);
        list_remove(&w->node);
        free(w);
    }
}

/* -------------------------------------------------------------------------------- the servers */

/* "192.0.2.1:53", "192.0.2.1", "[::1]:53", "::1" */
static bool read_server(struct slice s, struct addr *out)
{
    unsigned long long port = PORT;
    struct slice host = s;
    size_t colon = s.len;
    if (s.len > 0 && s.ptr[0] == '[') {
        size_t end = slice_find(s, ']');
        if (end == s.len || (end + 1 < s.len && s.ptr[end + 1] != ':'))
            return false;
        host = slice_of(s.ptr + 1, end - 1);
        colon = end + 1;
    } else if (slice_find(s, ':') < s.len && slice_find(s, '.') < s.len) {
        colon = slice_find(s, ':');
        host.len = colon;
    }
    if (colon < s.len && !slice_to_u64(slice_from(s, colon + 1), &port))
        return false;
    return port >= 1 && port <= UINT16_MAX && addr_parse(host, (uint16_t)port, out) &&
           out->scope == 0;
}

static int read_servers(const char *text, struct ares_addr_port_node *out)
{
    struct slice rest = slice_z(text);
    for (size_t n = 0; n < RESOLVER_SERVERS_MAX; n++) {
        size_t comma = slice_find(rest, ',');
        struct addr a;
        if (!read_server(slice_of(rest.ptr, comma), &a))
            return ERR_SYNTAX;
        out[n] = (struct ares_addr_port_node){
            .family = a.family == 6 ? AF_INET6 : AF_INET, .udp_port = a.port, .tcp_port = a.port};
        memcpy(&out[n].addr, a.ip, a.family == 6 ? 16 : 4);
        if (n > 0)
            out[n - 1].next = &out[n];
        if (comma == rest.len)
            return 0;
        rest = slice_from(rest, comma + 1);
    }
    return ERR_SYNTAX;
}

static int error_of(int status)
{
    return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? ERR_MEMORY : ERR_IO;
}

static int make_channel(struct resolver *r, ares_channel *out)
{
    static const struct ares_socket_functions functions = {
        .asocket = on_socket,
        .aclose = on_close,
        .aconnect = on_connect,
        .arecvfrom = on_receive,
        .asendv = on_send,
    };
    struct ares_options o = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = (int)(r->timeout_ms / 8), /* doubled by each attempt */
        .tries = TRIES,
        .sock_state_cb = on_state,
        .sock_state_cb_data = r,
    };
    int status = ares_init_options(
        out, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS)
        ares_set_socket_functions(*out, &functions, r);
    return error_of(status);
}

static void look_at_conf(struct stat *out)
{
    if (stat(CONF, out) != 0)
        *out = (struct stat){0};
}

int resolver_channel_open(struct resolver *r, const char *servers)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct ares_addr_port_node nodes[RESOLVER_SERVERS_MAX];
    (void)pthread_once(&once, init_library);
    r->system = servers == NULL;
    if (servers != NULL && read_servers(servers, nodes) != 0)
        return ERR_SYNTAX;
    look_at_conf(&r->conf);
    int err = make_channel(r, &r->channel);
    if (err != 0 || servers == NULL)
        return err;
    err = error_of(ares_set_servers_ports(r->channel, nodes));
    if (err != 0)
        resolver_channel_close(r);
    return err;
}

void resolver_channel_close(struct resolver *r)
{
    if (r->channel != NULL)
        ares_destroy(r->channel);
    r->channel = NULL;
}

void resolver_channel_refresh(struct resolver *r)
{
    struct stat is;
    ares_channel channel;
    if (!r->system)
        return;
    look_at_conf(&is);
    if (is.st_ino == r->conf.st_ino && is.st_dev == r->conf.st_dev &&
        is.st_size == r->conf.st_size && is.st_mtim.tv_sec == r->conf.st_mtim.tv_sec &&
        is.st_mtim.tv_nsec == r->conf.st_mtim.tv_nsec)
        return;
    if (make_channel(r, &channel) != 0)
        return; /* the old servers are better than none */
    resolver_channel_close(r);
    r->channel = channel;
    r->conf = is;
}

/* ------------------------------------------------------------------------------ the questions */

void resolver_channel_ask(struct resolver *r, const char *name, enum resolver_type type,
                          ares_callback answered, void *arg)
{
    unsigned char *question = NULL;
    int len = 0;
    unsigned short id;
    random_bytes(&id, sizeof(id));
    int status = ares_create_query(name, CLASS_IN, (int)type, id, 1, &question, &len, 0);
    if (status != ARES_SUCCESS) {
        answered(arg, status, 0, NULL, 0);
        return;
    }
    if (type == RESOLVER_TLSA)
        question[3] |= 0x20; /* AD: say whether it is authenticated (RFC 6840, section 5.7) */
    ares_send(r->channel, question, len, answered, arg);
    ares_free_string(question);
}

/* c-ares forgets what the servers have refused with and says that there are none. */
enum resolver_result resolver_channel_result(const struct resolver_query *q, int status)
{
    const struct resolver *r = q->resolver;
    switch (status) {
    case ARES_ENOMEM:
        return RESOLVER_MEMORY;
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
        return RESOLVER_BAD_NAME;
    case ARES_ENOTFOUND:
        return RESOLVER_NO_NAME;
    case ARES_ETIMEOUT:
        return RESOLVER_TIMEOUT;
    case ARES_ESERVFAIL:
        return RESOLVER_SERVFAIL;
    default:
        return r->refusals != q->refusals && r->refusal_code != RCODE_REFUSED ? RESOLVER_SERVFAIL
                                                                              : RESOLVER_NO_SERVER;
    }
}
