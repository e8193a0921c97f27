/* Lines of a descriptor in the loop. What epoll refuses to watch (regular files are always
 * readable) is read by alarms instead. */
#include "burble/input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

struct input {
    struct burble_loop *loop;
    int fd, flags;
    input_fn *fn;
    void *arg;
    struct buf bytes;
    uint64_t alarm;
    bool watched, ended;
    bool busy;   /* in fn */
    bool closed; /* while busy */
};

static void stop(struct input *in)
{
    if (in->watched)
        (void)burble_loop_watch(in->loop, in->fd, 0, NULL, NULL);
    burble_loop_unalarm(in->loop, in->alarm);
    in->watched = false;
    in->alarm = 0;
}

void input_close(struct input **input)
{
    struct input *in = *input;
    *input = NULL;
    if (in == NULL)
        return;
    stop(in);
    if (in->flags >= 0)
        (void)fcntl(in->fd, F_SETFL, in->flags);
    in->flags = -1;
    in->closed = true;
    if (in->busy)
        return;
    buf_free(&in->bytes);
    mem_free(in);
}

/* False: it was closed. */
static bool tell(struct input *in, struct slice line)
{
    in->busy = true;
    in->fn(line, in->arg);
    in->busy = false;
    if (!in->closed)
        return true;
    struct input *dead = in;
    input_close(&dead);
    return false;
}

static bool lines(struct input *in)
{
    for (;;) {
        struct slice all = buf_slice(&in->bytes);
        size_t end = slice_find(all, '\n');
        if (end == all.len && all.len < INPUT_LINE_BYTES_MAX)
            return true;
        bool whole = end < all.len;
        char *at = in->bytes.ptr + in->bytes.start + end, kept = '\0';
        if (!whole && buf_reserve(&in->bytes, 1) != 0)
            return true;
        at = in->bytes.ptr + in->bytes.start + end;
        kept = *at;
        *at = '\0';
        if (!tell(in, slice_of(in->bytes.ptr + in->bytes.start, end)))
            return false;
        *(in->bytes.ptr + in->bytes.start + end) = kept;
        buf_consume(&in->bytes, whole ? end + 1 : end);
    }
}

static void at_end(struct input *in)
{
    stop(in);
    if (buf_len(&in->bytes) > 0 && buf_byte(&in->bytes, '\n') == 0 && !lines(in))
        return;
    (void)tell(in, SLICE_NONE);
}

/* One piece. False: there is no more, now or ever. */
static bool take(struct input *in)
{
    enum { PIECE = 16384 };
    if (buf_reserve(&in->bytes, PIECE) != 0) {
        at_end(in);
        return false;
    }
    ssize_t n = read(in->fd, in->bytes.ptr + in->bytes.end, PIECE);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0) {
        at_end(in);
        return false;
    }
    in->bytes.end += (uint32_t)n;
    return lines(in);
}

static void readable(int fd, unsigned events, void *arg)
{
    (void)fd, (void)events;
    (void)take(arg);
}

static void again(void *arg)
{
    struct input *in = arg;
    in->alarm = 0;
    if (take(in) && !in->closed)
        (void)burble_loop_alarm(in->loop, 0, again, in, &in->alarm);
}

int input_open(struct burble_loop *loop, int fd, input_fn *fn, void *arg, struct input **out)
{
    struct input *in = mem_new(struct input);
    *in = (struct input){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
    in->flags = fcntl(fd, F_GETFL);
    if (in->flags >= 0)
        (void)fcntl(fd, F_SETFL, in->flags | O_NONBLOCK);
    int err = burble_loop_watch(loop, fd, BURBLE_READ, readable, in);
    in->watched = err == 0;
    if (err != 0)
        err = burble_loop_alarm(loop, 0, again, in, &in->alarm);
    *out = in;
    if (err != 0)
        input_close(out);
    return err;
}
