/* Output: harmless lines for people, JSON lines for programs, and what happens when nobody reads
 * them (C09). */
#include "burble/out.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "burble/exit_code.h"
#include "burble/text.h"

void out_init(struct out *o)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    signal(SIGPIPE, SIG_IGN);
    *o = (struct out){
        .colour = isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0') &&
                  term != NULL && strcmp(term, "dumb") != 0,
    };
}

bool out_bytes(struct out *o, struct slice bytes)
{
    if (!out_open(o))
        return false;
    if (fwrite(bytes.ptr, 1, bytes.len, stdout) == bytes.len && fflush(stdout) == 0)
        return true;
    if (errno == EPIPE)
        o->closed = true;
    else
        o->error = errno != 0 ? errno : EIO;
    return false;
}

/* Shows text and ends its line. */
static bool put(struct out *o, struct slice text, enum text_kind kind)
{
    struct buf line = {0};
    text_show(text, kind, &line);
    buf_byte(&line, '\n');
    bool went = !line.failed && out_bytes(o, buf_slice(&line));
    if (line.failed)
        o->error = ENOMEM;
    buf_free(&line);
    return went;
}

bool out_line(struct out *o, const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    bool went = put(o, buf_slice(&text), TEXT_LINE);
    buf_free(&text);
    return went;
}

bool out_text(struct out *o, struct slice text)
{
    return put(o, text, TEXT_LINES);
}

bool out_json(struct out *o, json_t *row)
{
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    bool went = false;
    json_decref(row);
    if (text == NULL) {
        o->error = ENOMEM;
        return false;
    }
    struct buf line = {0};
    buf_add(&line, slice_z(text));
    buf_byte(&line, '\n');
    if (line.failed)
        o->error = ENOMEM;
    else
        went = out_bytes(o, buf_slice(&line));
    buf_free(&line);
    free(text);
    return went;
}

const char *out_style(const struct out *o, enum out_style style)
{
    static const char *const codes[] = {
        [OUT_PLAIN] = "\033[0m", [OUT_BOLD] = "\033[1m",     [OUT_DIM] = "\033[2m",
        [OUT_RED] = "\033[31m",  [OUT_GREEN] = "\033[32m",   [OUT_YELLOW] = "\033[33m",
        [OUT_BLUE] = "\033[34m", [OUT_MAGENTA] = "\033[35m", [OUT_CYAN] = "\033[36m",
    };
    CHECK((size_t)style < sizeof(codes) / sizeof(codes[0]));
    return o->colour ? codes[style] : "";
}

json_t *out_string(struct slice text)
{
    struct buf clean = {0};
    if (utf8_valid(text) && memchr(text.ptr != NULL ? text.ptr : "", '\0', text.len) == NULL)
        return json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
    while (text.len > 0) {
        uint32_t code = 0;
        int len = utf8_decode(text, &code);
        if (len > 0 && code != 0)
            buf_append(&clean, text.ptr, (size_t)len);
        else
            buf_lit(&clean, "\xef\xbf\xbd");
        text = slice_from(text, len > 0 ? (size_t)len : 1);
    }
    json_t *string = clean.failed ? NULL : json_stringn(clean.ptr, buf_len(&clean));
    buf_free(&clean);
    return string;
}

json_t *out_string_or_null(const char *text)
{
    return text != NULL ? out_string(slice_z(text)) : json_null();
}

void out_verror(const char *fmt, va_list args)
{
    struct buf text = {0}, shown = {0};
    buf_vprintf(&text, fmt, args);
    struct slice s = buf_slice(&text);
    while (s.len > 0) {
        size_t end = slice_find(s, '\n');
        buf_lit(&shown, "burble: ");
        text_show(slice_of(s.ptr, end), TEXT_LINE, &shown);
        buf_byte(&shown, '\n');
        s = slice_from(s, end < s.len ? end + 1 : end);
    }
    fwrite(shown.ptr != NULL ? shown.ptr : "", 1, buf_len(&shown), stderr);
    buf_free(&text);
    buf_free(&shown);
}

void out_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    out_verror(fmt, args);
    va_end(args);
}

void out_note(const struct out *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!o->quiet)
        out_verror(fmt, args);
    va_end(args);
}

void out_detail(const struct out *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (o->verbose)
        out_verror(fmt, args);
    va_end(args);
}

int out_end(struct out *o, int code)
{
    if (out_open(o) && fflush(stdout) != 0)
        o->error = errno;
    if (o->error == EPIPE || o->closed)
        return code == EXIT_DONE ? EXIT_INTERRUPTED : code;
    if (o->error != 0) {
        out_error("standard output: %s", strerror(o->error));
        return code == EXIT_DONE || code == EXIT_INTERRUPTED ? EXIT_REFUSED : code;
    }
    return code;
}
