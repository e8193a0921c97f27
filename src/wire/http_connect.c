/* HTTP CONNECT as a wire (RFC 9110 section 9.3.6, RFC 9112 for the messages, RFC 7617 for Basic).
 *
 * Of the answer the status line is read strictly, the header fields are passed over, and what
 * comes behind the empty line belongs to the tunnel: an answer of 2xx to CONNECT has no body,
 * whatever its fields say. */
#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/proxy_inside.h"

enum stage { STATUS_LINE, FIELDS };

/* "HTTP/1.1 200 OK" without its end; -1 when it is none. The reason may be missing, with its space
 * or without. */
static int status_of(struct slice line)
{
    static const struct slice head = {"HTTP/1.", 7};
    if (!slice_starts(line, head) || line.len < 12 || line.ptr[7] < '0' || line.ptr[7] > '9' ||
        line.ptr[8] != ' ' || (line.len > 12 && line.ptr[12] != ' '))
        return -1;
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9')
            return -1;
        status = status * 10 + (line.ptr[i] - '0');
    }
    for (size_t i = 12; i < line.len; i++) {
        uint8_t c = (uint8_t)line.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return -1;
    }
    return status >= 100 ? status : -1;
}

static void no_http(struct proxy *p)
{
    proxy_fail(p, "proxy_not_http", "what answers at the proxy's address does not speak HTTP/1");
}

static const char *reason_of(int status)
{
    switch (status) {
    case 400:
        return "proxy_status_400";
    case 401:
    case 407:
        return "proxy_login";
    case 403:
        return "proxy_not_allowed";
    case 404:
        return "proxy_status_404";
    case 405:
    case 501:
        return "proxy_command";
    case 500:
        return "proxy_status_500";
    case 502:
        return "proxy_host_unreachable";
    case 503:
        return "proxy_status_503";
    case 504:
        return "proxy_timeout";
    default:
        return "proxy_refused";
    }
}

static void refuse(struct proxy *p, int status)
{
    static const struct {
        int status;
        const char *means;
    } known[] = {
        {401, "it does not take this user and password, or wants them"},
        {403, "it does not allow this connection"},
        {404, "it does not find the server, or is no proxy"},
        {405, "it does not know CONNECT"},
        {407, "it does not take this user and password, or wants them"},
        {501, "it does not know CONNECT"},
        {502, "it cannot reach the server"},
        {503, "it is overloaded or cannot reach the server"},
        {504, "the server did not answer it in time"},
    };
    char sentence[PROXY_SENTENCE_BYTES];
    const char *means = "it refuses";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].status == status)
            means = known[i].means;
    }
    (void)snprintf(sentence, sizeof(sentence), "the HTTP proxy answers %d: %s", status, means);
    proxy_fail(p, reason_of(status), sentence);
}

/* The line has ended with CR LF. */
static void take_status_line(struct proxy *p, struct slice line)
{
    int status = status_of(line);
    if (status < 0 || status == 101)
        no_http(p);
    else if (status >= 300)
        refuse(p, status);
    else
        proxy_expect(p, status >= 200 ? FIELDS : FIELDS + 1);
}

static void take_field(struct proxy *p, struct slice line)
{
    bool interim = p->stage != FIELDS;
    if (line.len > 0)
        proxy_expect(p, p->stage);
    else if (interim)
        proxy_expect(p, STATUS_LINE); /* 1xx: another answer follows */
    else
        proxy_open(p);
}

static void step(struct proxy *p, struct buf *down)
{
    (void)down;
    struct slice had = buf_slice(&p->answer);
    static const char head[] = "HTTP/1.";
    char last = had.ptr[had.len - 1];
    bool after_cr = had.len > 1 && had.ptr[had.len - 2] == '\r';
    if (p->taken > PROXY_HEADER_MAX)
        proxy_fail(p, "proxy_header_too_long", "the answer of the HTTP proxy is too long");
    else if (p->stage == STATUS_LINE && had.len < sizeof(head) && last != head[had.len - 1])
        no_http(p);
    else if (last == '\0' || (last == '\n') != after_cr)
        no_http(p); /* neither CR nor LF stands alone */
    else if (last == '\n' && p->stage == STATUS_LINE)
        take_status_line(p, slice_of(had.ptr, had.len - 2));
    else if (last == '\n')
        take_field(p, slice_of(had.ptr, had.len - 2));
}

static bool has_control(struct slice s)
{
    bool found = false;
    for (size_t i = 0; i < s.len; i++)
        found |= (uint8_t)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f;
    return found;
}

static int add_login(struct buf *out, const struct proxy_target *target)
{
    char pair[2 * PROXY_TEXT_MAX + 1];
    size_t user = target->user.len, password = target->password.len;
    memcpy(pair, target->user.ptr, user);
    pair[user] = ':';
    if (password > 0)
        memcpy(pair + user + 1, target->password.ptr, password);
    (void)buf_lit(out, "Proxy-Authorization: Basic ");
    (void)base64_append(out, slice_of(pair, user + 1 + password));
    mem_wipe(pair, sizeof(pair));
    return buf_lit(out, "\r\n");
}

int http_connect_new(const struct proxy_target *target, struct wire **out)
{
    int e = proxy_check_target(target);
    *out = NULL;
    if (e == 0 && (slice_find(target->user, ':') < target->user.len || has_control(target->user) ||
                   has_control(target->password)))
        e = ERR_SYNTAX;
    if (e != 0)
        return e;
    struct proxy *p = proxy_new(step, "the HTTP proxy has not answered yet");
    if (p == NULL)
        return ERR_MEMORY;
    struct slice host = proxy_bare_host(target->host);
    bool v6 = slice_find(host, ':') < host.len;
    char where[PROXY_TEXT_MAX + 16];
    (void)snprintf(where, sizeof(where), "%s%.*s%s:%u", v6 ? "[" : "", SLICE_ARG(host),
                   v6 ? "]" : "", (unsigned)target->port);
    /* The password must not be left behind in memory that has grown elsewhere. */
    e = buf_reserve(&p->question, 2048);
    if (e == 0) {
        (void)buf_printf(&p->question, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", where, where);
        if (target->user.len > 0)
            (void)add_login(&p->question, target);
        e = buf_lit(&p->question, "\r\n");
    }
    if (e != 0) {
        p->wire.ops->free(&p->wire);
        return ERR_MEMORY;
    }
    *out = &p->wire;
    return 0;
}
