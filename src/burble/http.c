/* HTTP in the loop (libcurl's multi interface; RFC 9110). libcurl asks for descriptors to be
 * watched and for a time at which to be called; resolving is done by a thread of its own. */
#include "burble/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

/* An upload that does not move for so long is given up. */
enum { RETRY_AFTER_MAX_S = 86400, HEADER_BYTES = 256, STALL_S = 60 };

struct http {
    struct burble_loop *loop;
    CURLM *multi;
    char *ca_file;
    struct list calls;
    uint64_t alarm;
    bool busy, closed; /* http_close while libcurl or a callback runs */
};

struct http_call {
    struct list link;
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    struct buf request, answer;
    struct http_upload upload;
    size_t body_max;
    bool too_long;
    http_done_fn *fn;
    void *arg;
    char error[CURL_ERROR_SIZE];
};

/* ------------------------------------------------------------------------------------------- URLs
 */

static bool is_here(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "[::1]") == 0;
}

static char *part(CURLU *u, CURLUPart what)
{
    char *text = NULL;
    return curl_url_get(u, what, &text, 0) == CURLUE_OK ? text : NULL;
}

/* here_out: it is on this machine. */
static enum http_scheme judge_url(const char *url, bool *here_out)
{
    enum http_scheme answer = HTTP_NOT_ONE;
    *here_out = false;
    CURLU *u = curl_url();
    if (u == NULL)
        return HTTP_NOT_ONE;
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
        char *scheme = part(u, CURLUPART_SCHEME), *host = part(u, CURLUPART_HOST);
        char *user = part(u, CURLUPART_USER), *password = part(u, CURLUPART_PASSWORD);
        char *fragment = part(u, CURLUPART_FRAGMENT);
        bool bare = user == NULL && password == NULL && fragment == NULL && host != NULL;
        *here_out = host != NULL && is_here(host);
        if (bare && scheme != NULL && strcasecmp(scheme, "https") == 0)
            answer = HTTP_SAFE;
        else if (bare && scheme != NULL && strcasecmp(scheme, "http") == 0)
            answer = *here_out ? HTTP_SAFE : HTTP_PLAIN;
        curl_free(scheme);
        curl_free(host);
        curl_free(user);
        curl_free(password);
        curl_free(fragment);
    }
    curl_url_cleanup(u);
    return answer;
}

enum http_scheme http_url_scheme(const char *url)
{
    bool here;
    return judge_url(url, &here);
}

/* ------------------------------------------------------------------------------------------ calls
 */

static void call_free(struct http_call *c)
{
    list_remove(&c->link);
    if (c->easy != NULL) {
        (void)curl_multi_remove_handle(c->http->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }
    curl_slist_free_all(c->headers);
    if (c->request.ptr != NULL)
        mem_wipe(c->request.ptr, c->request.cap);
    buf_free(&c->request);
    buf_free(&c->answer);
    mem_free(c);
}

void http_cancel(struct http_call **call)
{
    struct http_call *c = *call;
    *call = NULL;
    if (c != NULL)
        call_free(c);
}

static size_t received(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    if (size * n > c->body_max - buf_len(&c->answer)) {
        c->too_long = true;
        return 0;
    }
    return buf_append(&c->answer, bytes, size * n) == 0 ? size * n : 0;
}

static size_t sending(char *out, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    long got = c->upload.read(out, size * n, c->upload.arg);
    return got >= 0 ? (size_t)got : CURL_READFUNC_ABORT;
}

static int moved(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct http_call *c = arg;
    (void)down_all, (void)down, (void)up_all;
    if (c->upload.progress != NULL && up > 0)
        c->upload.progress((uint64_t)up, c->upload.arg);
    return 0;
}

static void finish(struct http_call *c, CURLcode code)
{
    long status = 0;
    curl_off_t retry = 0;
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry);
    char error[CURL_ERROR_SIZE];
    const char *why = c->too_long           ? "the answer is too long"
                      : c->error[0] != '\0' ? c->error
                                            : curl_easy_strerror(code);
    memcpy(error, why, strnlen(why, sizeof(error) - 1) + 1);
    error[sizeof(error) - 1] = '\0';
    struct curl_header *origin = NULL;
    bool any = curl_easy_header(c->easy, "Access-Control-Allow-Origin", 0, CURLH_HEADER, -1,
                                &origin) == CURLHE_OK &&
               strcmp(origin->value, "*") == 0;
    struct buf body = c->answer;
    struct http_answer answer = {
        .status = (int)status,
        .error = code != CURLE_OK ? error : NULL,
        .any_origin = any,
        .body = buf_slice(&body),
        .retry_after_s = (uint32_t)(retry < 0                   ? 0
                                    : retry > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S
                                                                : retry),
    };
    c->answer = (struct buf){0};
    http_done_fn *fn = c->fn;
    void *arg = c->arg;
    call_free(c);
    fn(&answer, arg);
    buf_free(&body);
}

/* ------------------------------------------------------------------------------------------- loop
 */

static void release(struct http *h)
{
    while (!list_empty(&h->calls))
        call_free(CONTAINER_OF(h->calls.next, struct http_call, link));
    if (h->multi != NULL)
        (void)curl_multi_cleanup(h->multi);
    burble_loop_unalarm(h->loop, h->alarm);
    mem_free(h->ca_file);
    mem_free(h);
    curl_global_cleanup();
}

/* What is over is told. May free h. */
static void reap(struct http *h)
{
    CURLMsg *m;
    int left;
    while (!h->closed && (m = curl_multi_info_read(h->multi, &left)) != NULL) {
        char *private = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result; /* m is gone with the handle */
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        finish((struct http_call *)(void *)private, code);
    }
    h->busy = false;
    if (h->closed)
        release(h);
}

static void act(struct http *h, curl_socket_t fd, int what)
{
    int running;
    h->busy = true;
    (void)curl_multi_socket_action(h->multi, fd, what, &running);
    reap(h);
}

static void ready(int fd, unsigned events, void *arg)
{
    int what = 0;
    if ((events & BURBLE_READ) != 0)
        what |= CURL_CSELECT_IN;
    if ((events & BURBLE_WRITE) != 0)
        what |= CURL_CSELECT_OUT;
    if ((events & BURBLE_HANGUP) != 0)
        what |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
    act(arg, fd, what);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_fd)
{
    struct http *h = arg;
    unsigned events = 0;
    (void)easy, (void)of_fd;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= BURBLE_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= BURBLE_WRITE;
    return burble_loop_watch(h->loop, fd, events, events != 0 ? ready : NULL, h) == 0 ? 0 : -1;
}

static void alarmed(void *arg)
{
    struct http *h = arg;
    h->alarm = 0;
    act(h, CURL_SOCKET_TIMEOUT, 0);
}

static int set_alarm(CURLM *multi, long ms, void *arg)
{
    struct http *h = arg;
    (void)multi;
    burble_loop_unalarm(h->loop, h->alarm);
    h->alarm = 0;
    if (ms < 0)
        return 0;
    uint32_t wait = ms > INT32_MAX ? INT32_MAX : (uint32_t)ms;
    return burble_loop_alarm(h->loop, wait, alarmed, h, &h->alarm) == 0 ? 0 : -1;
}

int http_open(struct burble_loop *loop, const char *ca_file, struct http **out)
{
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_MEMORY;
    struct http *h = mem_new(struct http);
    h->loop = loop;
    h->multi = curl_multi_init();
    list_init(&h->calls);
    if (ca_file != NULL)
        h->ca_file = mem_copy(slice_z(ca_file));
    if (h->multi == NULL || curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch) != 0 ||
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != 0 ||
        curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_alarm) != 0 ||
        curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != 0) {
        release(h);
        return ERR_MEMORY;
    }
    *out = h;
    return 0;
}

void http_close(struct http **http)
{
    struct http *h = *http;
    *http = NULL;
    if (h == NULL)
        return;
    h->closed = true;
    if (!h->busy)
        release(h);
}

/* ---------------------------------------------------------------------------------------- requests
 */

static int add_header(struct http_call *c, const char *text)
{
    if (strpbrk(text, "\r\n") != NULL || strchr(text, ':') == NULL)
        return ERR_SYNTAX;
    struct curl_slist *more = curl_slist_append(c->headers, text);
    if (more == NULL)
        return ERR_MEMORY;
    c->headers = more;
    return 0;
}

static int add_headers(struct http_call *c, const struct http_request *r)
{
    char type[HEADER_BYTES];
    int err = 0;
    for (size_t i = 0; err == 0 && r->headers != NULL && r->headers[i] != NULL; i++)
        err = add_header(c, r->headers[i]);
    if (err == 0 && r->type != NULL) {
        int n = snprintf(type, sizeof(type), "Content-Type: %s", r->type);
        err = n > 0 && n < HEADER_BYTES ? add_header(c, type) : ERR_SYNTAX;
    }
    return err == 0 ? add_header(c, "Expect:") : err; /* no 100-continue */
}

/* A failure of these is no memory. */
#define SET(option, value) good = good && curl_easy_setopt(e, (option), (value)) == CURLE_OK

/* What is for this machine goes to no other: the proxies of the environment are not asked. One that
 * was named is for all, whatever no_proxy says. */
static bool set_up_proxy(CURL *e, const struct http_request *r)
{
    bool good = true, here;
    (void)judge_url(r->url, &here);
    if (r->proxy != NULL) {
        SET(CURLOPT_PROXY, r->proxy);
        SET(CURLOPT_NOPROXY, "");
    } else if (here) {
        SET(CURLOPT_PROXY, "");
    }
    return good;
}

static bool set_up_login(CURL *e, const struct http_request *r)
{
    bool good = true;
    if (r->user != NULL) {
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        SET(CURLOPT_USERNAME, r->user);
        SET(CURLOPT_PASSWORD, r->password != NULL ? r->password : "");
    } else if (r->bearer != NULL) {
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        SET(CURLOPT_XOAUTH2_BEARER, r->bearer);
    }
    return good;
}

static bool set_up(struct http_call *c, const struct http_request *r)
{
    CURL *e = c->easy;
    bool good = true;
    SET(CURLOPT_PRIVATE, (void *)c);
    SET(CURLOPT_ERRORBUFFER, c->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a DNS that does not answer holds up no end */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_USERAGENT, "burble");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long)(r->time_ms != 0 ? r->time_ms : HTTP_TIME_MS));
    SET(CURLOPT_WRITEFUNCTION, received);
    SET(CURLOPT_WRITEDATA, (void *)c);
    SET(CURLOPT_HTTPHEADER, c->headers);
    if (c->http->ca_file != NULL) {
        SET(CURLOPT_CAINFO, c->http->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (r->type != NULL && r->upload == NULL) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)buf_len(&c->request));
        SET(CURLOPT_POSTFIELDS, buf_len(&c->request) > 0 ? buf_slice(&c->request).ptr : "");
    }
    if (r->secret)
        SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    return good && set_up_login(e, r) && set_up_proxy(e, r);
}

/* The body is read while it is sent, over a connection of its own. */
static bool set_up_upload(struct http_call *c, const struct http_request *r)
{
    CURL *e = c->easy;
    bool good = true;
    if (r->upload == NULL)
        return true;
    c->upload = *r->upload;
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, sending);
    SET(CURLOPT_READDATA, (void *)c);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->upload->size);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FRESH_CONNECT, 1L); /* what was read cannot be read again */
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, moved);
    SET(CURLOPT_XFERINFODATA, (void *)c);
    SET(CURLOPT_TIMEOUT_MS, (long)r->time_ms); /* 0: none */
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
#undef SET
    return good;
}

int http_start(struct http *h, const struct http_request *r, http_done_fn *fn, void *arg,
               struct http_call **out)
{
    if (out != NULL)
        *out = NULL;
    if (http_url_scheme(r->url) == HTTP_NOT_ONE)
        return ERR_SYNTAX;
    struct http_call *c = mem_new(struct http_call);
    *c = (struct http_call){.http = h,
                            .easy = curl_easy_init(),
                            .body_max = r->body_max != 0 ? r->body_max : HTTP_BODY_MAX,
                            .fn = fn,
                            .arg = arg};
    int err = add_headers(c, r);
    if (err == 0 &&
        (c->easy == NULL || buf_add(&c->request, r->body) != 0 || !set_up(c, r) ||
         !set_up_upload(c, r) || curl_easy_setopt(c->easy, CURLOPT_URL, r->url) != CURLE_OK))
        err = ERR_MEMORY;
    if (err == 0 && curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
        err = ERR_MEMORY;
    if (err != 0) {
        call_free(c);
        return err;
    }
    list_push(&h->calls, &c->link);
    if (out != NULL)
        *out = c;
    return 0;
}
