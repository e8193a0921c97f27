/* HTTP requests in a session's loop, by libcurl's multi interface: nothing waits, any number at a
 * time. Certificates are verified; redirects are not followed, because secrets would go with them.
 *
 * A body that comes is hostile: whoever asks says how long it may be. */
#ifndef BURBLE_HTTP_H
#define BURBLE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "burble/burble_loop.h"

struct http;
struct http_call;

enum { HTTP_TIME_MS = 30000, HTTP_CONNECT_MS = 10000, HTTP_BODY_MAX = 1 << 20 };

enum http_scheme {
    HTTP_NOT_ONE, /* neither, or no URL at all, or one with a user, a password or a fragment */
    HTTP_SAFE,    /* https, or http to this machine (localhost, 127.0.0.1, ::1) */
    HTTP_PLAIN,   /* http: everybody on the way can read it */
};
enum http_scheme http_url_scheme(const char *url);

/* ca_file: PEM, instead of the system's authorities; NULL: those. The loop outlives it. 0;
 * ERR_MEMORY. */
int http_open(struct burble_loop *loop, const char *ca_file, struct http **out);
/* Requests under way are dropped; their callbacks are not made. Harmless on NULL. */
void http_close(struct http **h);

/* A body that is too big for memory. */
struct http_upload {
    uint64_t size; /* exactly */
    /* Writes the next bytes of it, at least one; how many, or -1: it cannot be read. */
    long (*read)(void *out, size_t size, void *arg);
    void (*progress)(uint64_t sent, void *arg); /* may be NULL */
    void *arg;
};

struct http_request {
    const char *method;          /* "GET" */
    const char *url;             /* http or https */
    const char *user, *password; /* Basic; NULL: none */
    const char *bearer;          /* NULL: none */
    const char *const *headers;  /* "Name: value", ended by NULL; may be NULL */
    const char *type;            /* of the body; NULL: there is none */
    struct slice body;
    const struct http_upload *upload; /* instead of body; its time has no end while bytes flow */
    const char *proxy; /* socks5://... or http://...; NULL: the environment's (https_proxy), and
                          none to this machine */
    bool secret;       /* the URL is one: it is not in errors; and https alone will do */
    uint32_t time_ms;  /* 0: HTTP_TIME_MS */
    size_t body_max;   /* of the answer; 0: HTTP_BODY_MAX */
};

struct http_answer {
    int status;        /* 200; 0: there was no answer */
    const char *error; /* why there was none, or not a whole one; NULL: there was */
    struct slice body;
    uint32_t retry_after_s; /* 0: not said; at most a day */
    bool any_origin;        /* scripts of every site may read it */
};
typedef void http_done_fn(const struct http_answer *answer, void *arg);

/* All is copied. fn is called once, never from inside of the call, unless http_cancel comes before;
 * it may start and cancel requests and close h. 0; ERR_SYNTAX: the URL or a header is none;
 * ERR_MEMORY. out may be NULL. */
int http_start(struct http *h, const struct http_request *r, http_done_fn *fn, void *arg,
               struct http_call **out);
/* Harmless on NULL. Not after fn was called. */
void http_cancel(struct http_call **call);

#endif
