/* State between runs (XDG Base Directory Specification 0.8). Owns the locks and the names of the
 * files; what is in them is the business of whoever writes them. */
#include "burble/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/app.h"
#include "burble/private_file.h"
#include "io/files.h"
#include "xmpp/digest.h"

enum { NAME_BYTES = 200, PATH_BYTES = 900 };

/* An address and a resource as the name of a folder: what is not [a-z0-9._@-] is %XX; names that
 * would be too long for a file system are a digest. */
static void folder_name(const struct account *a, char out[NAME_BYTES + 1])
{
    struct buf whole = {0}, name = {0};
    buf_printf(&whole, "%s%s%s", a->jid, a->resource != NULL ? "/" : "",
               a->resource != NULL ? a->resource : "");
    for (uint32_t i = whole.start; i < whole.end; i++) {
        unsigned char c = (unsigned char)whole.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("_@-", c) != NULL) || (c == '.' && i > whole.start);
        if (plain)
            buf_byte(&name, (char)c);
        else
            buf_printf(&name, "%%%02X", (unsigned)c);
    }
    if (name.failed || buf_len(&name) > NAME_BYTES) {
        uint8_t digest[DIGEST_SHA256_BYTES] = {0};
        (void)digest_hmac_sha256(SLICE("burble state"), buf_slice(&whole), digest);
        buf_clear(&name);
        for (size_t i = 0; i < sizeof(digest); i++)
            buf_printf(&name, "%02x", (unsigned)digest[i]);
    }
    snprintf(out, NAME_BYTES + 1, "%.*s", SLICE_ARG(buf_slice(&name)));
    buf_free(&whole);
    buf_free(&name);
}

/* The folder of the account, made and looked at: 0 and *usable_out, or EXIT_USAGE. */
static int make_folder(struct app *app, char path[PATH_BYTES], bool *usable_out)
{
    char name[NAME_BYTES + 1];
    char *dir = private_dir("XDG_STATE_HOME", ".local/state");
    *usable_out = false;
    if (dir == NULL)
        return 0;
    folder_name(&app->account, name);
    int n = snprintf(path, PATH_BYTES, "%s/%s", dir, name);
    int status = private_dir_check(app, dir);
    if (status == 0 && n > 0 && n < PATH_BYTES) {
        int err = dir_make(path, NULL);
        if (err == 0)
            status = private_dir_check(app, path);
        else
            out_note(&app->out, "nothing is remembered for the next run: %s: %s", path,
                     err_text(err));
        *usable_out = err == 0 && status == 0;
    }
    mem_free(dir);
    return status;
}

int state_open(struct app *app, const char *purpose, struct state *out)
{
    char dir[PATH_BYTES], lock[PATH_BYTES + 80];
    bool usable;
    pid_t pid;
    *out = (struct state){.lock_fd = -1};
    int status = make_folder(app, dir, &usable);
    if (status != 0 || !usable)
        return status;
    snprintf(lock, sizeof(lock), "%s/%s.lock", dir, purpose);
    int err = file_lock(lock, &out->lock_fd, &pid);
    if (err == ERR_BUSY) {
        out_detail(&app->out,
                   "another burble %s of %s runs (pid %ld), so this one remembers nothing", purpose,
                   account_name(&app->account), (long)pid);
    } else if (err != 0) {
        out_note(&app->out, "nothing is remembered for the next run: %s: %s", lock, err_text(err));
    } else {
        lock[strlen(lock) - strlen(".lock")] = '\0';
        out->path = mem_copy(slice_z(lock));
    }
    return 0;
}

int state_read(const struct app *app, const struct state *s, struct buf *out)
{
    if (s->path == NULL)
        return 0;
    return private_file_read(app, s->path, "state of burble", true, STATE_BYTES_MAX, out);
}

int state_write(const struct app *app, const struct state *s, struct slice content)
{
    if (s->path == NULL)
        return 0;
    if (content.len > 0)
        return private_file_write(app, s->path, content);
    if (unlink(s->path) != 0 && errno != ENOENT)
        return app_fail(app, EXIT_REFUSED, "%s cannot be removed: %s", s->path, strerror(errno));
    return 0;
}

void state_close(struct state *s)
{
    file_unlock(&s->lock_fd);
    mem_free(s->path);
    *s = (struct state){.lock_fd = -1};
}
