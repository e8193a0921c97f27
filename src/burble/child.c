/* Programs in the loop (posix_spawn(3), pidfd_open(2)). Owns the process until it was waited for:
 * as long as it is not, its number is nobody else's, and signals to its group reach nobody else. */
#include "burble/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

extern char **environ;

enum { INPUT_BYTES_MAX = 4 << 20, PIECE = 3072, LINE_BYTES_MAX = 1 << 20, LAST_WORDS_MS = 2000 };

struct child {
    struct burble_loop *loop;
    struct child_config config;
    pid_t pid;
    int pidfd, in, out, err; /* -1: closed */
    struct buf input, out_bytes, err_bytes;
    uint64_t alarm, resume;
    int status;
    bool exited, late, cut, paused;
    bool busy, freed; /* child_free while a callback runs */
};

static void close_fd(struct child *c, int *fd)
{
    if (*fd < 0)
        return;
    (void)burble_loop_watch(c->loop, *fd, 0, NULL, NULL);
    close(*fd);
    *fd = -1;
}

static void release(struct child *c)
{
    burble_loop_unalarm(c->loop, c->alarm);
    burble_loop_unalarm(c->loop, c->resume);
    close_fd(c, &c->pidfd);
    close_fd(c, &c->in);
    close_fd(c, &c->out);
    close_fd(c, &c->err);
    buf_free(&c->input);
    buf_free(&c->out_bytes);
    buf_free(&c->err_bytes);
    mem_free(c);
}

/* Kills all of it, and takes the status. */
static void reap(struct child *c)
{
    (void)kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
        ;
    c->exited = true;
}

void child_free(struct child **child)
{
    struct child *c = *child;
    *child = NULL;
    if (c == NULL)
        return;
    if (!c->exited)
        reap(c);
    c->freed = true;
    if (!c->busy)
        release(c);
}

void child_stop(struct child **child, int ms_max)
{
    struct child *c = *child;
    if (c != NULL && !c->exited) {
        struct pollfd end = {.fd = c->pidfd, .events = POLLIN};
        close_fd(c, &c->in);
        (void)kill(-c->pid, SIGTERM);
        (void)poll(&end, 1, ms_max);
    }
    child_free(child);
}

/* False: it was freed. */
static bool left(struct child *c)
{
    c->busy = false;
    if (!c->freed)
        return true;
    release(c);
    return false;
}

static struct slice text(struct buf *b)
{
    if (buf_byte(b, '\0') != 0)
        return SLICE("");
    return slice_of(buf_slice(b).ptr, buf_len(b) - 1);
}

static void finish_if_over(struct child *c)
{
    if (!c->exited || c->out >= 0 || c->err >= 0)
        return;
    struct child_result r = {.status = c->status,
                             .late = c->late,
                             .out = text(&c->out_bytes),
                             .err = text(&c->err_bytes),
                             .cut = c->cut};
    burble_loop_unalarm(c->loop, c->alarm);
    c->alarm = 0;
    c->busy = true;
    c->config.done(c, &r, c->config.arg);
    (void)left(c);
}

/* ----------------------------------------------------------------------------------------- output
 */

/* Whole lines go to the program; false: it was freed meanwhile. */
static bool lines(struct child *c)
{
    while (!c->paused) {
        struct slice all = buf_slice(&c->out_bytes);
        size_t end = slice_find(all, '\n');
        if (end == all.len && all.len < LINE_BYTES_MAX)
            return true;
        if (buf_reserve(&c->out_bytes, 1) != 0)
            return true;
        char *at = c->out_bytes.ptr + c->out_bytes.start + end, kept = *at;
        bool whole = end < all.len;
        *at = '\0';
        c->busy = true;
        c->config.line(c, slice_of(buf_slice(&c->out_bytes).ptr, end), c->config.arg);
        if (!left(c))
            return false;
        *(c->out_bytes.ptr + c->out_bytes.start + end) = kept;
        buf_consume(&c->out_bytes, whole ? end + 1 : end);
    }
    return true;
}

static bool read_lines(struct child *c)
{
    if (!lines(c))
        return false;
    if (c->config.read != NULL)
        c->config.read(c, c->config.arg);
    return true;
}

static void keep(struct child *c, struct buf *to, struct slice bytes)
{
    size_t room = c->config.output_max > buf_len(to) ? c->config.output_max - buf_len(to) : 0;
    if (bytes.len > room) {
        c->cut = true;
        bytes.len = room;
    }
    (void)buf_add(to, bytes);
}

/* Nothing more is read there; a line without its end is one, too. */
static void end_output(struct child *c, bool is_out)
{
    close_fd(c, is_out ? &c->out : &c->err);
    if (is_out && c->config.line != NULL && buf_len(&c->out_bytes) > 0 &&
        buf_byte(&c->out_bytes, '\n') == 0 && !read_lines(c))
        return;
    finish_if_over(c);
}

static void readable(int fd, unsigned events, void *arg)
{
    struct child *c = arg;
    char piece[PIECE];
    bool is_out = fd == c->out;
    (void)events;
    ssize_t n = read(fd, piece, sizeof(piece));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        end_output(c, is_out);
        return;
    }
    struct slice bytes = slice_of(piece, (size_t)n);
    if (is_out && c->config.line != NULL) {
        (void)buf_add(&c->out_bytes, bytes);
        (void)read_lines(c);
    } else {
        keep(c, is_out ? &c->out_bytes : &c->err_bytes, bytes);
    }
}

/* ------------------------------------------------------------------------------------------ input
 */

static void writable(int fd, unsigned events, void *arg)
{
    struct child *c = arg;
    (void)events;
    while (buf_len(&c->input) > 0) {
        struct slice bytes = buf_slice(&c->input);
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            (void)burble_loop_watch(c->loop, fd, BURBLE_WRITE, writable, c);
            return;
        }
        if (n < 0) {
            close_fd(c, &c->in);
            return;
        }
        buf_consume(&c->input, (size_t)n);
    }
    (void)burble_loop_watch(c->loop, fd, 0, NULL, NULL);
}

int child_write(struct child *c, struct slice bytes)
{
    if (c->in < 0)
        return ERR_CLOSED;
    if (bytes.len > INPUT_BYTES_MAX - buf_len(&c->input))
        return ERR_FULL;
    if (buf_reserve(&c->input, bytes.len) != 0)
        return ERR_MEMORY;
    bool idle = buf_len(&c->input) == 0;
    (void)buf_add(&c->input, bytes);
    if (idle)
        writable(c->in, BURBLE_WRITE, c);
    return c->in < 0 ? ERR_CLOSED : 0;
}

/* ------------------------------------------------------------------------------------ life and end
 */

/* What it has left behind, in another process group, holds its output open. */
static void abandoned(void *arg)
{
    struct child *c = arg;
    c->alarm = 0;
    close_fd(c, &c->err);
    end_output(c, true);
}

static void wait_for_last_words(struct child *c)
{
    if (c->exited && (c->out >= 0 || c->err >= 0) && !c->paused && c->alarm == 0)
        (void)burble_loop_alarm(c->loop, LAST_WORDS_MS, abandoned, c, &c->alarm);
}

static void resumed(void *arg)
{
    struct child *c = arg;
    c->resume = 0;
    c->paused = false;
    if (!read_lines(c) || c->paused)
        return;
    if (c->out >= 0)
        (void)burble_loop_watch(c->loop, c->out, BURBLE_READ, readable, c);
    wait_for_last_words(c);
}

void child_pause(struct child *c, bool pause)
{
    burble_loop_unalarm(c->loop, c->resume);
    c->resume = 0;
    if (pause && !c->paused && c->out >= 0) {
        c->paused = true;
        (void)burble_loop_watch(c->loop, c->out, 0, NULL, NULL);
    } else if (!pause && c->paused && burble_loop_alarm(c->loop, 0, resumed, c, &c->resume) != 0) {
        resumed(c);
    }
}

static void ended(int fd, unsigned events, void *arg)
{
    struct child *c = arg;
    (void)fd, (void)events;
    reap(c);
    close_fd(c, &c->pidfd);
    close_fd(c, &c->in);
    burble_loop_unalarm(c->loop, c->alarm);
    c->alarm = 0;
    wait_for_last_words(c);
    finish_if_over(c);
}

static void too_late(void *arg)
{
    struct child *c = arg;
    c->alarm = 0;
    c->late = true;
    (void)kill(-c->pid, SIGKILL); /* ended will be told */
}

struct pipes {
    int in[2], out[2], err[2];
};

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static void close_pipes(struct pipes *p)
{
    close_pair(p->in);
    close_pair(p->out);
    close_pair(p->err);
}

static int make_pipes(const struct child_config *config, struct pipes *p)
{
    *p = (struct pipes){.in = {-1, -1}, .out = {-1, -1}, .err = {-1, -1}};
    if ((config->open && pipe2(p->in, O_CLOEXEC) != 0) || pipe2(p->out, O_CLOEXEC) != 0 ||
        (!config->own_stderr && pipe2(p->err, O_CLOEXEC) != 0)) {
        close_pipes(p);
        return ERR_FULL;
    }
    return 0;
}

/* Everything of ours is closed on exec; the signals that we block or ignore are not its affair. */
static int spawn(const struct child_config *config, const struct pipes *p, pid_t *pid_out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t defaults, none;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    if (config->open)
        posix_spawn_file_actions_adddup2(&actions, p->in[0], STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, p->out[1], STDOUT_FILENO);
    if (!config->own_stderr)
        posix_spawn_file_actions_adddup2(&actions, p->err[1], STDERR_FILENO);
    int e = posix_spawnp(pid_out, config->argv[0], &actions, &attr, config->argv,
                         config->env != NULL ? config->env : environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (e == 0)
        return 0;
    return e == ENOENT   ? ERR_NOT_FOUND
           : e == EACCES ? ERR_REFUSED
           : e == ENOMEM ? ERR_MEMORY
           : e == E2BIG  ? ERR_LIMIT
           : e == EAGAIN ? ERR_FULL
                         : ERR_IO;
}

static int watch(struct child *c, int fd)
{
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return burble_loop_watch(c->loop, fd, BURBLE_READ, readable, c);
}

int child_start(struct burble_loop *loop, const struct child_config *config, struct child **out)
{
    struct pipes p;
    pid_t pid;
    *out = NULL;
    int err = make_pipes(config, &p);
    if (err != 0)
        return err;
    err = spawn(config, &p, &pid);
    if (err != 0) {
        close_pipes(&p);
        return err;
    }
    struct child *c = mem_new(struct child);
    *c = (struct child){.loop = loop,
                        .config = *config,
                        .pid = pid,
                        .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
                        .in = p.in[1],
                        .out = p.out[0],
                        .err = p.err[0]};
    p.in[1] = p.out[0] = p.err[0] = -1;
    close_pipes(&p);
    if (c->in >= 0)
        (void)fcntl(c->in, F_SETFL, fcntl(c->in, F_GETFL) | O_NONBLOCK);
    err = c->pidfd < 0 ? ERR_FULL : burble_loop_watch(loop, c->pidfd, BURBLE_READ, ended, c);
    if (err == 0)
        err = watch(c, c->out);
    if (err == 0 && c->err >= 0)
        err = watch(c, c->err);
    if (err == 0 && config->time_ms > 0)
        err = burble_loop_alarm(loop, config->time_ms, too_late, c, &c->alarm);
    if (err != 0)
        child_free(&c);
    *out = c;
    return err;
}
