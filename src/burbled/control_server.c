/* Connections of the control socket: one line in, lines out, closed. Everything is bounded: the
 * number of connections, the line, the time for it, what waits to be read by the client. */
#include "burbled/control_server.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/control_inside.h"
#include "io/conn.h"

enum {
    CONNECTIONS_MAX = 32,
    REQUEST_MS = 10000, /* for the line */
    ANSWER_MS = 60000,  /* for the client to read on */
    OUT_MAX = 256 << 10 /* above it the next page waits */
};

static uint64_t now_ms(const struct control *c)
{
    return c->server->loop.now.mono_ms;
}

static void destroy(struct control_conn *conn)
{
    struct control *c = conn->control;
    loop_forget(&c->server->loop, &conn->watch);
    conn_close(&conn->watch.fd);
    list_remove(&conn->link);
    handle_drop(&c->handles, conn->handle);
    admin_request_free(&conn->held);
    mem_wipe(conn->in.ptr, conn->in.cap);
    buf_free(&conn->in);
    buf_free(&conn->out);
    mem_free(conn);
    c->count--;
    if (c->reserve.fd < 0)
        (void)conn_reserve_open(&c->reserve);
}

/* Sends what there is; the connection may be gone afterwards. */
static void flush(struct control_conn *conn)
{
    struct control *c = conn->control;
    size_t before = buf_len(&conn->out);
    int err = before > 0 ? conn_flush(conn->watch.fd, &conn->out) : 0;
    if ((err != 0 && err != ERR_BUSY) || conn->out.failed ||
        (conn->state == CONTROL_ENDING && buf_len(&conn->out) == 0)) {
        destroy(conn);
        return;
    }
    if (buf_len(&conn->out) < before)
        conn->deadline_ms = now_ms(c) + ANSWER_MS;
    if (conn->held != NULL && buf_len(&conn->out) < OUT_MAX) {
        struct admin_request *r = conn->held;
        conn->held = NULL;
        control_forward(c, r);
    }
    unsigned want = buf_len(&conn->out) > 0 ? LOOP_WRITE : 0;
    if (conn->state == CONTROL_READING)
        want |= LOOP_READ;
    if (loop_want(&c->server->loop, &conn->watch, want) != 0)
        destroy(conn);
}

void control_send(struct control_conn *conn)
{
    conn->deadline_ms = now_ms(conn->control) + ANSWER_MS;
    flush(conn);
}

void control_end(struct control_conn *conn, enum control_exit exit, const char *text)
{
    int err =
        text == NULL ? control_ok(&conn->out) : control_error(&conn->out, exit, slice_z(text));
    (void)err; /* a failed buffer ends the connection */
    conn->state = CONTROL_ENDING;
    control_send(conn);
}

/* The line is there. */
static void serve(struct control_conn *conn, size_t len)
{
    struct buf in = conn->in;
    conn->in = (struct buf){0};
    struct control_request request;
    conn->state = CONTROL_RUNNING;
    conn->deadline_ms = TIME_NEVER;
    if (control_request_parse(in.ptr + in.start, len, &request) != 0)
        control_end(conn, CONTROL_USAGE, request.problem);
    else
        control_run(conn, &request);
    mem_wipe(in.ptr, in.cap);
    buf_free(&in);
}

static void take_input(struct control_conn *conn)
{
    if (conn->in.cap == 0 && buf_reserve(&conn->in, CONTROL_REQUEST_BYTES_MAX) != 0) {
        destroy(conn);
        return;
    }
    /* The buffer never grows: a password would be left behind where it was. */
    size_t room = CONTROL_REQUEST_BYTES_MAX - buf_len(&conn->in), got;
    int err = conn_read(conn->watch.fd, conn->in.ptr + conn->in.end, room, &got);
    if (err == ERR_BUSY)
        return;
    if (err != 0) {
        destroy(conn);
        return;
    }
    conn->in.end += (uint32_t)got;
    struct slice all = buf_slice(&conn->in);
    size_t len = slice_find(all, '\n');
    if (len < all.len)
        serve(conn, len);
    else if (all.len == CONTROL_REQUEST_BYTES_MAX)
        control_end(conn, CONTROL_USAGE, "the request is too long");
}

static void ready(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)ctx;
    struct control_conn *conn = CONTAINER_OF(f, struct control_conn, watch);
    if (conn->state == CONTROL_READING && (events & LOOP_READ) != 0)
        take_input(conn);
    else if ((events & LOOP_WRITE) != 0)
        flush(conn);
    else if ((events & LOOP_GONE) != 0)
        destroy(conn); /* what was begun is finished all the same */
}

static void refuse(struct control *c, int err, const struct unix_peer *peer)
{
    struct log_line l;
    log_begin(&l, &c->server->log, LOG_WARNING, "admin.refused");
    if (err == ERR_REFUSED) {
        log_num(&l, "uid", peer->uid);
        log_num(&l, "pid", peer->pid);
    }
    log_z(&l, "cond", err == ERR_REFUSED ? "another user" : "too many connections");
    log_end(&l);
}

/* The descriptors are used up: the one held back is for us. When somebody else was faster, the
 * oldest connection without login gives way, and we look again at the next tick. */
static int accept_from_reserve(struct control *c, int *fd_out, struct unix_peer *peer_out)
{
    struct gate_owner victim;
    conn_reserve_close(&c->reserve);
    int err = unix_accept(c->listener.fd, fd_out, peer_out);
    if (err == 0)
        return 0;
    (void)conn_reserve_open(&c->reserve);
    if (err == ERR_FULL && gate_evict(c->server->all.gate, &victim)) {
        struct order *o = mem_new(struct order);
        *o = (struct order){.kind = ORDER_EVICT, .conn = victim.conn};
        shard_order(c->server->all.list[victim.shard], o);
    }
    c->paused = loop_want(&c->server->loop, &c->listener, 0) == 0;
    return err;
}

static void welcome(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)events, (void)ctx;
    struct control *c = CONTAINER_OF(f, struct control, listener);
    struct unix_peer peer = {0};
    int fd, err = unix_accept(f->fd, &fd, &peer);
    if (err == ERR_FULL)
        err = accept_from_reserve(c, &fd, &peer);
    if (err == 0 && c->count >= CONNECTIONS_MAX) {
        struct buf answer = {0};
        if (control_error(&answer, CONTROL_TRY_AGAIN,
                          SLICE("too many commands are under way; try again")) == 0)
            (void)conn_flush(fd, &answer);
        buf_free(&answer);
        conn_close(&fd);
        err = ERR_LIMIT;
    }
    if (err != 0) {
        if (err == ERR_REFUSED || err == ERR_LIMIT)
            refuse(c, err, &peer);
        else if (err == ERR_IO) /* short of memory: until the next tick (N08) */
            c->paused = loop_want(&c->server->loop, &c->listener, 0) == 0;
        return;
    }
    struct control_conn *conn = mem_new(struct control_conn);
    conn->control = c;
    conn->peer = peer;
    conn->handle = handle_new(&c->handles, conn);
    conn->watch.ready = ready;
    conn->watch.fd = fd;
    conn->deadline_ms = now_ms(c) + REQUEST_MS;
    list_push(&c->conns, &conn->link);
    c->count++;
    if (loop_watch(&c->server->loop, &conn->watch, fd, LOOP_READ) != 0)
        destroy(conn);
}

void control_tick(struct control *c, struct now now)
{
    if (c->paused && loop_want(&c->server->loop, &c->listener, LOOP_READ) == 0)
        c->paused = false;
    if (c->reserve.fd < 0 && c->count == 0)
        (void)conn_reserve_open(&c->reserve);
    LIST_EACH(it, &c->conns)
    {
        struct control_conn *conn = CONTAINER_OF(it, struct control_conn, link);
        if (now.mono_ms < conn->deadline_ms)
            continue;
        if (conn->state == CONTROL_READING)
            control_end(conn, CONTROL_USAGE, "the request did not come in time");
        else if (conn->state == CONTROL_ENDING || buf_len(&conn->out) > 0)
            destroy(conn);
    }
}

void control_stopped(struct control *c)
{
    LIST_EACH(it, &c->conns)
    {
        struct control_conn *conn = CONTAINER_OF(it, struct control_conn, link);
        if (conn->state == CONTROL_STOPPING)
            control_end(conn, 0, NULL);
    }
}

int control_open(struct server *s, struct control **control_out)
{
    struct control *c = mem_new(struct control);
    const char *dir = s->setup->config.data_dir;
    int fd = -1, n = snprintf(c->path, sizeof(c->path), "%s/" CONTROL_SOCKET_NAME, dir);
    int err = n > 0 && (size_t)n < sizeof(c->path) ? unix_listen(c->path, &fd) : ERR_LIMIT;
    c->server = s;
    c->listener.ready = welcome;
    list_init(&c->conns);
    if (err == 0)
        err = conn_reserve_open(&c->reserve);
    if (err == 0)
        err = loop_watch(&s->loop, &c->listener, fd, LOOP_READ);
    if (err != 0)
        unix_close(&fd, c->path);
    if (err == 0) {
        *control_out = c;
        return EXIT_GOOD;
    }
    mem_free(c);
    if (err == ERR_LIMIT)
        return server_fail(s, EXIT_BAD_CONFIG, "store.perm",
                           "data_dir: %s: the path is too long for a socket (%d bytes with /%s)",
                           dir, UNIX_SOCKET_PATH_MAX, CONTROL_SOCKET_NAME);
    return server_fail(s, EXIT_CANNOT_MAKE, "store.perm", "%s/%s: %s", dir, CONTROL_SOCKET_NAME,
                       err == ERR_EXISTS ? "something else has this name" : err_text(err));
}

void control_close(struct control **control)
{
    struct control *c = *control;
    if (c == NULL)
        return;
    LIST_EACH(it, &c->conns)
    {
        destroy(CONTAINER_OF(it, struct control_conn, link));
    }
    loop_forget(&c->server->loop, &c->listener);
    unix_close(&c->listener.fd, c->path);
    conn_reserve_close(&c->reserve);
    handles_free(&c->handles);
    mem_free(c);
    *control = NULL;
}
