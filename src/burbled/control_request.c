/* Requests of the control socket: a strict reader of flat JSON objects of texts (RFC 8259), in
 * place. Not a JSON library: what is not allowed has no code here, and what is secret has one home.
 * Pure; never allocates while parsing, never recurses. */
#include "burbled/control_request.h"

#include <stdint.h>

#include "base/err.h"
#include "base/utf8.h"
#include "burbled/control_row.h"

struct reader {
    char *at, *end;
    const char *problem;
    int err;
    bool args_seen;
};

static bool fail(struct reader *r, int err, const char *problem)
{
    if (r->problem == NULL) {
        r->err = err;
        r->problem = problem;
    }
    return false;
}

static bool take(struct reader *r, char c)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static int hex4(const char *at, const char *end)
{
    int value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Behind "\u": one code point from one or two groups of digits; never longer than they were. */
static bool take_unicode(struct reader *r, char **to)
{
    int high = hex4(r->at, r->end), low = 0;
    if (high <= 0)
        return fail(r, ERR_SYNTAX, "a bad \\u in a text");
    r->at += 4;
    uint32_t code = (uint32_t)high;
    if (high >= 0xd800 && high < 0xe000) {
        if (high >= 0xdc00 || r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u' ||
            (low = hex4(r->at + 2, r->end)) < 0xdc00 || low >= 0xe000)
            return fail(r, ERR_SYNTAX, "half a surrogate pair in a text");
        r->at += 6;
        code = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    }
    *to += utf8_encode(code, *to);
    return true;
}

static bool take_escape(struct reader *r, char **to)
{
    static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end)
        return fail(r, ERR_SYNTAX, "a text has no end");
    char c = *r->at++;
    if (c == 'u')
        return take_unicode(r, to);
    const char *name = memchr(NAMES, c, sizeof(NAMES) - 1);
    if (name == NULL)
        return fail(r, ERR_SYNTAX, "an unknown escape in a text");
    *(*to)++ = VALUES[name - NAMES];
    return true;
}

/* Unescapes a string onto itself. */
static bool take_text(struct reader *r, size_t max, struct slice *out)
{
    if (!take(r, '"'))
        return fail(r, ERR_SYNTAX, "expected a text in double quotes");
    char *start = r->at, *to = r->at;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if ((unsigned char)c < 0x20)
            return fail(r, ERR_SYNTAX, "a control character in a text");
        if (c != '\\')
            *to++ = c;
        else if (!take_escape(r, &to))
            return false;
    }
    if (r->at == r->end)
        return fail(r, ERR_SYNTAX, "a text has no end");
    r->at++;
    *out = slice_of(start, (size_t)(to - start));
    if (out->len > max)
        return fail(r, ERR_LIMIT, "a text is too long");
    return utf8_valid(*out) || fail(r, ERR_SYNTAX, "a text is not UTF-8");
}

static bool is_word(struct slice s, char joint)
{
    bool letter = false;
    for (size_t i = 0; i < s.len; i++) {
        bool was = letter;
        letter = s.ptr[i] >= 'a' && s.ptr[i] <= 'z';
        if (!letter && (s.ptr[i] != joint || !was))
            return false;
    }
    return letter;
}

static bool take_arg(struct reader *r, struct control_request *out)
{
    struct slice key, value;
    if (!take_text(r, CONTROL_KEY_BYTES_MAX, &key))
        return false;
    if (!is_word(key, '_'))
        return fail(r, ERR_SYNTAX, "an argument's name is not of a-z and _");
    if (!take(r, ':'))
        return fail(r, ERR_SYNTAX, "expected a colon");
    if (!take_text(r, CONTROL_VALUE_BYTES_MAX, &value))
        return false;
    if (out->arg_count == CONTROL_ARGS_MAX)
        return fail(r, ERR_LIMIT, "too many arguments");
    for (size_t i = 0; i < out->arg_count; i++) {
        if (slice_eq(out->args[i].key, key))
            return fail(r, ERR_SYNTAX, "an argument twice");
    }
    out->args[out->arg_count++] = (struct control_arg){.key = key, .value = value};
    return true;
}

/* The members of an object after its opening brace. */
static bool take_members(struct reader *r, struct control_request *out,
                         bool (*take_member)(struct reader *r, struct control_request *out))
{
    if (take(r, '}'))
        return true;
    do {
        if (!take_member(r, out))
            return false;
    } while (take(r, ','));
    return take(r, '}') || fail(r, ERR_SYNTAX, "expected a comma or a closing brace");
}

static bool take_top(struct reader *r, struct control_request *out)
{
    struct slice key;
    if (!take_text(r, CONTROL_KEY_BYTES_MAX, &key))
        return false;
    if (!take(r, ':'))
        return fail(r, ERR_SYNTAX, "expected a colon");
    if (slice_is(key, "command") && out->command.ptr == NULL)
        return take_text(r, CONTROL_COMMAND_BYTES_MAX, &out->command);
    if (slice_is(key, "password") && out->password.ptr == NULL)
        return take_text(r, CONTROL_VALUE_BYTES_MAX, &out->password);
    if (!slice_is(key, "args") || r->args_seen)
        return fail(r, ERR_SYNTAX, "expected command, args and password, each once");
    r->args_seen = true;
    if (!take(r, '{'))
        return fail(r, ERR_SYNTAX, "expected args to be an object");
    return take_members(r, out, take_arg);
}

int control_request_parse(char *line, size_t len, struct control_request *out)
{
    struct reader r = {.at = line, .end = line + len};
    *out = (struct control_request){0};
    if (len >= CONTROL_REQUEST_BYTES_MAX)
        fail(&r, ERR_LIMIT, "the request is too long");
    else if (!take(&r, '{'))
        fail(&r, ERR_SYNTAX, "expected a JSON object");
    else if (!take_members(&r, out, take_top))
        ; /* told already */
    else if (take(&r, '\0') || r.at != r.end)
        fail(&r, ERR_SYNTAX, "something stands behind the request");
    else if (!is_word(out->command, ' '))
        fail(&r, ERR_SYNTAX, "expected a command");
    if (r.problem != NULL)
        *out = (struct control_request){.problem = r.problem};
    return r.err;
}

struct slice control_request_arg(const struct control_request *r, const char *key)
{
    for (size_t i = 0; i < r->arg_count; i++) {
        if (slice_eq(r->args[i].key, slice_z(key)))
            return r->args[i].value;
    }
    return SLICE_NONE;
}

int control_request_encode(struct slice command, const struct control_arg *args, size_t n,
                           struct slice password, struct buf *out)
{
    size_t start = buf_len(out);
    bool fits = command.len <= CONTROL_COMMAND_BYTES_MAX && n <= CONTROL_ARGS_MAX &&
                password.len <= CONTROL_VALUE_BYTES_MAX;
    for (size_t i = 0; i < n && fits; i++)
        fits = args[i].key.len <= CONTROL_KEY_BYTES_MAX &&
               args[i].value.len <= CONTROL_VALUE_BYTES_MAX;
    if (!fits)
        return ERR_LIMIT;
    buf_lit(out, "{\"command\":");
    control_text(out, command);
    buf_lit(out, ",\"args\":{");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        control_text(out, args[i].key);
        buf_byte(out, ':');
        control_text(out, args[i].value);
    }
    buf_byte(out, '}');
    if (password.ptr != NULL) {
        buf_lit(out, ",\"password\":");
        control_text(out, password);
    }
    if (buf_lit(out, "}\n") != 0)
        return ERR_MEMORY;
    if (buf_len(out) - start <= CONTROL_REQUEST_BYTES_MAX)
        return 0;
    buf_truncate(out, start);
    return ERR_LIMIT;
}
