/* One exchange over the control socket (docs/control-protocol.md). */
#include "burblectl/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "burbled/control_request.h"
#include "burbled/control_row.h"
#include "io/unix_socket.h"

enum { CHUNK_BYTES = 16384 };

static struct client_end end(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static struct client_end end(int status, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    struct client_end e = {.status = status, .text = mem_copy(buf_slice(&text))};
    buf_free(&text);
    return e;
}

/* Why there is no connection, and what to do about it. */
static struct client_end not_connected(int err, const char *path)
{
    switch (err) {
    case ERR_NOT_FOUND:
    case ERR_CLOSED:
        return end(CONTROL_UNAVAILABLE,
                   "burbled does not run: %s at %s.\n"
                   "Start it with \"systemctl start burbled\", or \"burbled -c FILE\". If it runs "
                   "with another data folder, name that one with --data-dir DIR or -c FILE.",
                   err == ERR_NOT_FOUND ? "there is no control socket" : "nobody answers", path);
    case ERR_REFUSED:
        return end(CONTROL_REFUSED,
                   "not permitted to use %s.\n"
                   "Run burblectl as the user that burbled runs as, or as root: sudo -u burble "
                   "burblectl ...",
                   path);
    case ERR_LIMIT:
        return end(CONTROL_CONFIG,
                   "the path %s is longer than the %d bytes of a socket's address.\n"
                   "Move the data folder to a shorter path.",
                   path, (int)UNIX_SOCKET_PATH_MAX);
    default:
        return end(CONTROL_TRY_AGAIN, "cannot connect to %s: %s. Try again.", path, err_text(err));
    }
}

static bool send_all(int fd, struct slice s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

static struct client_end bad_answer(void)
{
    return end(CONTROL_FAILED, "the server answered with something else than this burblectl "
                               "understands. Are they of one version?");
}

/* One line of the answer; true when it was the last. */
static bool take_line(struct slice line, client_row_fn *on_row, void *ctx, struct client_end *out)
{
    json_t *json = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *row = json_object_get(json, "row");
    const char *error = json_string_value(json_object_get(json, "error"));
    json_int_t status = json_integer_value(json_object_get(json, "exit"));
    bool last = true;
    if (json_is_object(row)) {
        on_row(ctx, row);
        last = false;
    } else if (json_is_true(json_object_get(json, "ok"))) {
        *out = (struct client_end){0};
    } else if (error != NULL) {
        *out = end(status > 0 && status < 126 ? (int)status : CONTROL_FAILED, "%s", error);
    } else {
        *out = bad_answer();
    }
    json_decref(json);
    return last;
}

static struct client_end no_more(ssize_t n)
{
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return end(CONTROL_TRY_AGAIN,
                   "the server said nothing for %d seconds. It may still do what was asked; look "
                   "before you try again.",
                   (int)CLIENT_SILENCE_S);
    return end(CONTROL_TRY_AGAIN, "the connection ended before the answer did. Did burbled stop? "
                                  "Its log says more.");
}

static struct client_end read_answer(int fd, client_row_fn *on_row, void *ctx)
{
    struct buf in = {0};
    struct client_end result = {0};
    bool last = false;
    while (!last) {
        struct slice held = buf_slice(&in);
        size_t eol = held.len > 0 ? slice_find(held, '\n') : 0;
        if (eol < held.len) {
            last = take_line(slice_of(held.ptr, eol), on_row, ctx, &result);
            buf_consume(&in, eol + 1);
            continue;
        }
        if (held.len >= CONTROL_ANSWER_BYTES_MAX || buf_reserve(&in, CHUNK_BYTES) != 0) {
            result = bad_answer();
            break;
        }
        ssize_t n = recv(fd, in.ptr + in.end, CHUNK_BYTES, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            result = no_more(n);
            break;
        }
        in.end += (uint32_t)n;
    }
    buf_free(&in);
    return result;
}

struct client_end client_run(const char *data_dir, struct buf *request, client_row_fn *on_row,
                             void *ctx)
{
    struct buf path = {0};
    int fd = -1;
    buf_printf(&path, "%s/" CONTROL_SOCKET_NAME, data_dir);
    buf_byte(&path, '\0');
    struct client_end result;
    int err = path.failed ? ERR_MEMORY : unix_connect(path.ptr, &fd);
    if (err != 0) {
        result = not_connected(err, path.failed ? data_dir : path.ptr);
    } else {
        struct timeval silence = {.tv_sec = CLIENT_SILENCE_S};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
        /* A server that refuses may answer before it has read everything. */
        (void)send_all(fd, buf_slice(request));
        mem_wipe(request->ptr, request->cap);
        result = read_answer(fd, on_row, ctx);
        close(fd);
    }
    buf_free(&path);
    return result;
}
