/* The microblog's side: what is asked over HTTP in the two styles, and what the answers say. What
 * answers is a stranger: its JSON is read with limits, and nothing of it is trusted to be text. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "burble/bridge.h"

enum { AUTHOR_BYTES_MAX = 200, LINK_BYTES_MAX = 1000, WHY_BYTES_MAX = 160 };

struct blog_call {
    enum blog_style style;
    bool many;
    struct http_call *http;
    blog_done_fn *fn;
    void *arg;
};

/* ------------------------------------------------------------------------------------------ asking
 */

/* application/x-www-form-urlencoded */
static void put_encoded(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-_.~", c) != NULL;
        if (plain)
            (void)buf_byte(out, (char)c);
        else
            (void)buf_printf(out, "%%%02X", (unsigned)c);
    }
}

static void done(const struct http_answer *a, void *arg)
{
    struct blog_call *c = arg;
    struct blog_result r;
    blog_read(c->style, c->many, a, &r);
    blog_done_fn *fn = c->fn;
    void *its = c->arg;
    mem_free(c);
    fn(&r, its);
    blog_result_free(&r);
}

static int ask(struct blog *b, struct http_request *r, bool many, blog_done_fn *fn, void *arg,
               struct blog_call **out)
{
    struct blog_call *c = mem_new(struct blog_call);
    *c = (struct blog_call){.style = b->style, .many = many, .fn = fn, .arg = arg};
    const char *secret = buf_slice(&b->secret).ptr;
    if (b->user != NULL) {
        r->user = b->user;
        r->password = secret;
    } else {
        r->bearer = secret;
    }
    int err = http_start(b->http, r, done, c, &c->http);
    if (err != 0)
        mem_free(c);
    *out = err == 0 ? c : NULL;
    return err;
}

void blog_cancel(struct blog_call **call)
{
    struct blog_call *c = *call;
    *call = NULL;
    if (c == NULL)
        return;
    http_cancel(&c->http);
    mem_free(c);
}

int blog_post(struct blog *b, const char *text, const char *key, blog_done_fn *fn, void *arg,
              struct blog_call **out)
{
    struct buf url = {0}, body = {0}, once = {0};
    bool mastodon = b->style == BLOG_MASTODON;
    (void)buf_printf(&url, "%s%s", b->url, mastodon ? "/api/v1/statuses" : "/statuses/update.json");
    (void)buf_lit(&body, "status=");
    put_encoded(&body, text);
    if (mastodon && b->visibility != NULL) {
        (void)buf_lit(&body, "&visibility=");
        put_encoded(&body, b->visibility);
    }
    (void)buf_printf(&once, "Idempotency-Key: %s", key);
    int err = buf_byte(&url, '\0') | buf_byte(&once, '\0') | (body.failed != 0 ? ERR_MEMORY : 0);
    if (err == 0) {
        const char *headers[] = {buf_slice(&once).ptr, NULL};
        struct http_request r = {.method = "POST",
                                 .url = buf_slice(&url).ptr,
                                 .headers = mastodon ? headers : NULL,
                                 .type = "application/x-www-form-urlencoded",
                                 .body = buf_slice(&body)};
        err = ask(b, &r, false, fn, arg, out);
    }
    buf_free(&url);
    buf_free(&body);
    buf_free(&once);
    return err;
}

int blog_look(struct blog *b, const char *since, blog_done_fn *fn, void *arg,
              struct blog_call **out)
{
    struct buf url = {0};
    bool first = since[0] == '\0';
    if (b->style == BLOG_MASTODON)
        (void)buf_printf(&url, "%s/api/v1/timelines/%s?limit=%d", b->url, b->timeline,
                         first ? 1 : BRIDGE_POSTS_MAX);
    else
        (void)buf_printf(&url, "%s/statuses/%s_timeline.json?count=%d", b->url, b->timeline,
                         first ? 1 : BRIDGE_POSTS_MAX);
    /* min_id gives what follows upon a post, since_id the newest; the older style has no other. */
    if (!first)
        (void)buf_printf(&url, "&%s=%s", b->style == BLOG_MASTODON ? "min_id" : "since_id", since);
    int err = buf_byte(&url, '\0');
    if (err == 0) {
        struct http_request r = {.method = "GET", .url = buf_slice(&url).ptr};
        err = ask(b, &r, true, fn, arg, out);
    }
    buf_free(&url);
    return err;
}

/* ----------------------------------------------------------------------------------------- reading
 */

bool blog_newer(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b);
    return x != y ? x > y : strcmp(a, b) > 0;
}

bool blog_good_id(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_'))
            return false;
    }
    return n > 0 && n < BRIDGE_ID_BYTES;
}

static bool read_id(const json_t *row, char out[BRIDGE_ID_BYTES])
{
    const json_t *id = json_object_get(row, "id");
    const char *text = json_string_value(json_object_get(row, "id_str"));
    char number[24];
    if (text == NULL)
        text = json_string_value(id);
    if (text == NULL && json_is_integer(id) && json_integer_value(id) > 0) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(id));
        text = number;
    }
    if (text == NULL || !blog_good_id(text))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static const char *string_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text != NULL && *text != '\0' ? text : NULL;
}

/* A text for people, at most max bytes; NULL when there is none. */
static char *take_text(struct slice text, size_t max)
{
    struct buf b = {0};
    bot_clean(text, max, &b);
    char *copy = buf_len(&b) > 1 && !b.failed ? mem_copy(slice_of(b.ptr, buf_len(&b) - 1)) : NULL;
    buf_free(&b);
    return copy;
}

static char *take_string(const json_t *row, const char *key, size_t max)
{
    return take_text(slice_z(string_of(row, key)), max);
}

static char *take_html(const json_t *row)
{
    struct buf b = {0};
    const json_t *again = json_object_get(row, "reblog");
    const json_t *inner = json_is_object(again) ? again : row;
    const char *warning = string_of(inner, "spoiler_text");
    const char *whose = string_of(json_object_get(inner, "account"), "acct");
    if (inner != row && whose != NULL)
        (void)buf_printf(&b, "(%s) ", whose);
    if (warning != NULL)
        (void)buf_printf(&b, "[%s]\n", warning);
    bridge_plain(slice_z(string_of(inner, "content")), &b);
    char *text = take_text(buf_slice(&b), BOT_REPLY_BYTES_MAX / 2);
    buf_free(&b);
    return text;
}

static void post_free(struct blog_post *p)
{
    mem_free(p->author);
    mem_free(p->name);
    mem_free(p->text);
    mem_free(p->link);
}

static bool read_post(enum blog_style style, const json_t *row, struct blog_post *out)
{
    bool mastodon = style == BLOG_MASTODON;
    const json_t *who = json_object_get(row, mastodon ? "account" : "user");
    *out = (struct blog_post){0};
    if (!read_id(row, out->id))
        return false;
    out->author = take_string(who, mastodon ? "acct" : "screen_name", AUTHOR_BYTES_MAX);
    out->name = take_string(who, mastodon ? "display_name" : "name", AUTHOR_BYTES_MAX);
    out->text = mastodon ? take_html(row) : take_string(row, "text", BOT_REPLY_BYTES_MAX / 2);
    out->link = mastodon ? take_string(row, "url", LINK_BYTES_MAX) : NULL;
    if (out->author == NULL)
        out->author = mem_copy(SLICE("?"));
    if (out->text == NULL)
        out->text = mem_copy(SLICE(""));
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct blog_post *x = a, *y = b;
    return blog_newer(x->id, y->id) ? 1 : blog_newer(y->id, x->id) ? -1 : 0;
}

static bool read_posts(enum blog_style style, const json_t *rows, struct blog_result *out)
{
    size_t n = json_array_size(rows);
    if (!json_is_array(rows))
        return false;
    if (n > BRIDGE_POSTS_MAX)
        n = BRIDGE_POSTS_MAX; /* more than was asked for */
    out->posts = mem_array(n + 1, sizeof(*out->posts));
    for (size_t i = 0; i < n; i++)
        if (read_post(style, json_array_get(rows, i), &out->posts[out->count]))
            out->count++;
        else
            post_free(&out->posts[out->count]);
    if (out->count > 1)
        qsort(out->posts, out->count, sizeof(*out->posts), by_age);
    return out->count > 0 || n == 0;
}

static void say(struct blog_result *r, enum blog_outcome outcome, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct blog_result *r, enum blog_outcome outcome, const char *fmt, ...)
{
    va_list args;
    r->outcome = outcome;
    va_start(args, fmt);
    (void)vsnprintf(r->why, sizeof(r->why), fmt, args);
    va_end(args);
}

/* "error" of both styles, "errors[0].message" of one; NULL: nothing is told. */
static const char *reason(const json_t *body)
{
    const char *text = string_of(body, "error");
    return text != NULL ? text
                        : string_of(json_array_get(json_object_get(body, "errors"), 0), "message");
}

static void read_refusal(int status, const json_t *body, struct blog_result *out)
{
    char *told = take_text(slice_z(reason(body)), WHY_BYTES_MAX);
    const char *text = told != NULL ? told : "it does not say why";
    if (status == 401)
        say(out, BLOG_LOGIN, "it does not take the login (401): %s", text);
    else if (status == 400 || status == 403 || status == 410 || status == 413 || status == 422)
        say(out, BLOG_REFUSED, "it refuses (%d): %s", status, text);
    else if (status >= 300 && status < 400)
        say(out, BLOG_STRANGE, "it has moved (%d); --url is the address of the API itself", status);
    else if (status == 404)
        say(out, BLOG_STRANGE, "there is no such API (404: %s); are --url and --style right?",
            text);
    else if (status == 429)
        say(out, BLOG_LATER, "it asks for fewer requests (429)");
    else
        say(out, BLOG_LATER, "it fails (%d): %s", status, text);
    mem_free(told);
}

void blog_read(enum blog_style style, bool many, const struct http_answer *a,
               struct blog_result *out)
{
    *out = (struct blog_result){.retry_after_s = a->retry_after_s};
    if (a->error != NULL || a->status == 0) {
        say(out, BLOG_LATER, "%s", a->error != NULL ? a->error : "there is no answer");
        return;
    }
    json_t *body = json_loadb(a->body.ptr != NULL ? a->body.ptr : "", a->body.len, 0, NULL);
    bool fits = false;
    if (a->status < 200 || a->status > 299) {
        read_refusal(a->status, body, out);
        fits = true;
    } else if (many) {
        fits = read_posts(style, body, out);
    } else if (json_is_object(body)) {
        out->posts = mem_new(struct blog_post);
        fits = read_post(style, body, out->posts);
        out->count = fits;
    }
    if (!fits)
        say(out, BLOG_STRANGE, "what answers there is no microblog of this style");
    json_decref(body);
}

void blog_result_free(struct blog_result *r)
{
    for (size_t i = 0; i < r->count; i++)
        post_free(&r->posts[i]);
    mem_free(r->posts);
    *r = (struct blog_result){0};
}
