/* Uploading: a slot is asked for, the file is put there over a verified connection, and only what
 * the server has whole is a link. Nothing is begun where it was left off. */
#include "burble/share.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { HTTP_CREATED = 201, HTTP_OK = 200 };

static void finish(struct share *x, int code)
{
    local_file_close(&x->local);
    x->done(x->session, code == EXIT_DONE ? x->url : NULL, code);
}

static long read_file(void *out, size_t size, void *arg)
{
    struct share *x = arg;
    return local_file_read(&x->local, out, size);
}

static void progress(uint64_t sent, void *arg)
{
    struct share *x = arg;
    local_file_progress(&x->local, sent);
}

static void put_done(const struct http_answer *answer, void *arg)
{
    struct share *x = arg;
    const struct app *app = x->session->app;
    if (answer->error != NULL)
        finish(x, app_fail(app, EXIT_UNREACHABLE, "%s was not uploaded: %s", x->local.name,
                           answer->error));
    else if (answer->status != HTTP_CREATED && answer->status != HTTP_OK)
        finish(x, app_fail(app, EXIT_REFUSED,
                           "%s was not uploaded: the server for files answered with %d",
                           x->local.name, answer->status));
    else
        finish(x, EXIT_DONE);
}

/* "Name: value" of each, ended by NULL. */
static const char **header_lines(const struct burble_slot *slot)
{
    const char **lines = mem_array(slot->header_count + 1, sizeof(*lines));
    for (size_t i = 0; i < slot->header_count; i++) {
        struct buf line = {0};
        (void)buf_printf(&line, "%s: %s", slot->headers[i].name, slot->headers[i].value);
        lines[i] = mem_copy(buf_slice(&line));
        buf_free(&line);
    }
    return lines;
}

static void free_lines(const char **lines)
{
    for (size_t i = 0; lines[i] != NULL; i++)
        mem_free((void *)lines[i]);
    mem_free(lines);
}

/* libcurl lets the proxy look up names only when it is told so. */
static char *proxy_of(const struct account *a)
{
    static const char SOCKS[] = "socks5://";
    struct buf url = {0};
    if (a->proxy == NULL)
        return NULL;
    bool socks = strncmp(a->proxy, SOCKS, sizeof(SOCKS) - 1) == 0;
    (void)buf_printf(&url, "%s%s", socks ? "socks5h://" : "",
                     a->proxy + (socks ? sizeof(SOCKS) - 1 : 0));
    char *text = mem_copy(buf_slice(&url));
    buf_free(&url);
    return text;
}

static int put(struct share *x, const struct burble_slot *slot)
{
    const char **headers = header_lines(slot);
    const struct http_upload upload = {
        .size = x->local.size, .read = read_file, .progress = progress, .arg = x};
    const struct http_request request = {.method = "PUT",
                                         .url = slot->put_url,
                                         .headers = headers,
                                         .type = x->local.type,
                                         .upload = &upload,
                                         .proxy = x->proxy,
                                         .secret = true};
    int err = 0;
    if (x->http == NULL)
        err = http_open(x->session->loop, x->session->app->account.ca_file, &x->http);
    if (err == 0)
        err = http_start(x->http, &request, put_done, x, NULL);
    free_lines(headers);
    return err;
}

static void too_big(struct share *x, uint64_t max)
{
    finish(x, app_fail(x->session->app, EXIT_REFUSED,
                       "%s is too big: it has %llu bytes, and the server takes %llu", x->local.name,
                       (unsigned long long)x->local.size, (unsigned long long)max));
}

static void on_slot(struct burble *c, const struct burble_slot *slot, void *arg)
{
    struct share *x = arg;
    struct buf text = {0};
    (void)c;
    if (slot->outcome == BURBLE_IQ_GONE)
        return; /* the session is about to end, and says why */
    if (slot->outcome != BURBLE_IQ_RESULT) {
        if (slot->max_size != 0 && x->local.size > slot->max_size) {
            too_big(x, slot->max_size);
            return;
        }
        session_error_text(&slot->error, &text);
        finish(x,
               app_fail(x->session->app,
                        slot->outcome == BURBLE_IQ_TIMEOUT ? EXIT_UNREACHABLE : EXIT_REFUSED,
                        "%s cannot be uploaded: %.*s", x->local.name, SLICE_ARG(buf_slice(&text))));
        buf_free(&text);
        return;
    }
    mem_free(x->url);
    x->url = mem_copy(slice_z(slot->get_url));
    if (put(x, slot) != 0)
        finish(x, app_fail(x->session->app, EXIT_REFUSED, "%s cannot be uploaded to that address",
                           x->local.name));
}

int share_file(struct share *x, const char *path)
{
    const struct app *app = x->session->app;
    int status = local_file_open(app, path, &x->local);
    if (status != 0)
        return status;
    if (x->proxy == NULL)
        x->proxy = proxy_of(&app->account);
    const struct burble_upload upload = {
        .name = x->local.name, .size = x->local.size, .type = x->local.type};
    int err = burble_upload_slot(x->session->client, &upload, on_slot, x);
    if (err == 0)
        return 0;
    local_file_close(&x->local);
    return app_fail(app, EXIT_REFUSED, "%s cannot be uploaded: %s", path, burble_error_text(err));
}

void share_close(struct share *x)
{
    if (x->session != NULL && x->session->client != NULL)
        burble_upload_cancel(x->session->client, x);
    http_close(&x->http);
    if (x->url != NULL || x->local.fd > 0)
        local_file_close(&x->local);
    mem_free(x->url);
    if (x->proxy != NULL)
        mem_wipe(x->proxy, strlen(x->proxy));
    mem_free(x->proxy);
    x->url = x->proxy = NULL;
}
