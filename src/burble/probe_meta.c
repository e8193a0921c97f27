/* Asks for host-meta (RFC 6415, XEP-0156 version 1.4.0), in both forms. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "burble/burble_loop.h"
#include "burble/probe.h"
#include "io/clock.h"

struct ask {
    struct probe_meta *meta;
    bool json;
    size_t *open;
};

static void answered(const struct http_answer *a, void *arg)
{
    struct ask *ask = arg;
    struct probe_meta *m = ask->meta;
    (*ask->open)--;
    m->status = a->status;
    m->any_origin = a->any_origin;
    if (a->error != NULL) {
        (void)snprintf(m->why, sizeof(m->why), "%s", a->error);
    } else if (a->status >= 300 && a->status < 400) {
        (void)snprintf(m->why, sizeof(m->why), "it leads elsewhere (%d), which is not followed",
                       a->status);
    } else if (a->status == 404 || a->status == 410) {
        m->there = PROBE_NO;
    } else if (a->status != 200) {
        (void)snprintf(m->why, sizeof(m->why), "the web server answers with %d", a->status);
    } else {
        m->there = PROBE_YES;
        (void)(ask->json ? probe_read_jrd(a->body, m) : probe_read_xrd(a->body, m));
    }
}

static void start(struct http *http, const char *url, const char *name, struct ask *ask)
{
    struct buf whole = {0};
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    (void)buf_printf(&whole, "%.*s/.well-known/%s", (int)len, url, name);
    if (buf_byte(&whole, '\0') == 0) {
        struct http_request r = {
            .method = "GET", .url = buf_slice(&whole).ptr, .time_ms = PROBE_STEP_MS};
        int err = http_start(http, &r, answered, ask, NULL);
        if (err == 0)
            (*ask->open)++;
        else
            (void)snprintf(ask->meta->why, sizeof(ask->meta->why), "%s", err_text(err));
    }
    buf_free(&whole);
}

static void too_late(void *arg)
{
    *(bool *)arg = true;
}

static void end_late(struct probe_meta *m)
{
    if (m->there == PROBE_UNKNOWN && m->why[0] == '\0')
        (void)snprintf(m->why, sizeof(m->why), "no answer in time");
}

int probe_host_meta(struct probe *p, const char *url)
{
    char own[RESOLVER_NAME_BYTES + 16];
    struct burble_loop *loop;
    struct http *http = NULL;
    size_t open = 0;
    bool late = false;
    uint64_t now = clock_now().mono_ms;
    struct ask xml = {&p->meta_xml, false, &open}, json = {&p->meta_json, true, &open};
    if (url == NULL) {
        (void)snprintf(own, sizeof(own), "https://%s", p->ascii);
        url = own;
    }
    uint32_t left = now < p->deadline_ms ? (uint32_t)(p->deadline_ms - now) : 1;
    p->meta_asked = true;
    int err = burble_loop_new(NULL, &loop);
    if (err == 0)
        err = http_open(loop, app_option(p->app, "http-ca-file"), &http);
    if (err == 0)
        err = burble_loop_alarm(loop, left, too_late, &late, NULL);
    if (err == 0) {
        start(http, url, "host-meta", &xml);
        start(http, url, "host-meta.json", &json);
        while (open > 0 && !late && burble_loop_wait(loop, -1) == 0)
            ;
        end_late(&p->meta_xml);
        end_late(&p->meta_json);
        p->late = p->late || late;
    }
    http_close(&http);
    burble_loop_free(&loop);
    return err == 0 ? 0 : app_fail(p->app, EXIT_REFUSED, "HTTP: %s", err_text(err));
}
