/* What `burblectl restore` leaves in the data folder (D18): half a restore is not started on, a
 * whole one is told once. */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/control_request.h"
#include "burbled/server_inside.h"
#include "io/files.h"

enum { MARK_BYTES = 4096 };

static int read_mark(const struct config *c, const char *name, struct buf *path, struct buf *text)
{
    buf_printf(path, "%s/%s", c->data_dir, name);
    buf_byte(path, '\0');
    return path->failed ? ERR_MEMORY : file_read(path->ptr, MARK_BYTES, text, NULL);
}

int server_refuse_half_restored(struct server *s, const struct config *c)
{
    struct buf path = {0}, text = {0};
    int err = read_mark(c, CONTROL_RESTORING_NAME, &path, &text), exit = EXIT_GOOD;
    if (err != ERR_NOT_FOUND)
        exit = server_fail(s, EXIT_STORAGE, "store.restoring",
                           "%s: a restore was begun and did not end; repeat it with \"burblectl "
                           "restore FILE\"",
                           c->data_dir);
    buf_free(&path);
    buf_free(&text);
    return exit;
}

void server_tell_restored(struct server *s, const struct config *c)
{
    struct buf path = {0}, text = {0};
    if (read_mark(c, CONTROL_RESTORED_NAME, &path, &text) == 0) {
        struct log_line l;
        struct slice all = buf_slice(&text);
        size_t stamp = slice_find(all, ' '), end = slice_find(all, '\n');
        log_begin(&l, &s->log, LOG_WARNING, "start.restored");
        log_str(&l, "at", slice_of(all.ptr, stamp < end ? stamp : end));
        if (stamp < end)
            log_str(&l, "file", slice_of(all.ptr + stamp + 1, end - stamp - 1));
        log_z(&l, "cond", "clients that know later messages are told that those are not there");
        log_end(&l);
        (void)unlink(path.ptr);
    }
    buf_free(&path);
    buf_free(&text);
}
