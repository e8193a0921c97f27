/* Tokens of a configuration's text, after the grammar in libconfig's manual, and the edit distance
 * that finds the nearest valid key. Pure; linear in the text. */
#include "burbled/config_text.h"

#include <string.h>
#include <strings.h>

enum { DISTANCE_BYTES_MAX = 63 };

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

static char peek(const struct config_scan *s, size_t ahead)
{
    return s->at + ahead < s->text.len ? s->text.ptr[s->at + ahead] : '\0';
}

static void advance(struct config_scan *s)
{
    if (s->text.ptr[s->at] == '\n')
        s->line++;
    s->at++;
}

static void skip_line(struct config_scan *s)
{
    while (s->at < s->text.len && peek(s, 0) != '\n')
        s->at++;
}

static void skip_block(struct config_scan *s)
{
    s->at += 2;
    while (s->at < s->text.len && !(peek(s, 0) == '*' && peek(s, 1) == '/'))
        advance(s);
    s->at = s->at + 2 < s->text.len ? s->at + 2 : s->text.len;
}

static void skip_space(struct config_scan *s)
{
    while (s->at < s->text.len) {
        char c = peek(s, 0);
        if (c == '#' || (c == '/' && peek(s, 1) == '/'))
            skip_line(s);
        else if (c == '/' && peek(s, 1) == '*')
            skip_block(s);
        else if (c == ' ' || (c >= '\t' && c <= '\r'))
            advance(s);
        else
            return;
    }
}

/* False when the text ends first. */
static bool skip_string(struct config_scan *s)
{
    s->at++;
    while (s->at < s->text.len && peek(s, 0) != '"') {
        if (peek(s, 0) == '\\' && s->at + 1 < s->text.len)
            advance(s);
        advance(s);
    }
    if (s->at >= s->text.len)
        return false;
    s->at++;
    return true;
}

/* A name, or the rest of a number: both are runs of name characters, points and signs apart. */
static void skip_number(struct config_scan *s)
{
    s->at++;
    while (is_name(peek(s, 0)) || peek(s, 0) == '.') {
        /* The sign of an exponent belongs to the number, any other one does not. */
        if (peek(s, 0) == '-')
            return;
        s->at++;
    }
}

struct config_token config_scan_next(struct config_scan *s)
{
    skip_space(s);
    struct config_token t = {.type = CONFIG_TOKEN_END, .line = s->line};
    size_t start = s->at;
    if (start >= s->text.len)
        return t;
    char c = peek(s, 0);
    if (c == '"') {
        t.type = CONFIG_TOKEN_STRING;
        t.open = !skip_string(s);
    } else if (is_alpha(c)) {
        t.type = CONFIG_TOKEN_NAME;
        while (is_name(peek(s, 0)))
            s->at++;
    } else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(peek(s, 1)))) {
        t.type = CONFIG_TOKEN_NUMBER;
        skip_number(s);
    } else {
        t.type = CONFIG_TOKEN_OTHER;
        s->at++;
    }
    t.text = slice_of(s->text.ptr + start, s->at - start);
    return t;
}

static bool is_truth(struct slice name)
{
    return (name.len == 4 && strncasecmp(name.ptr, "true", 4) == 0) ||
           (name.len == 5 && strncasecmp(name.ptr, "false", 5) == 0);
}

bool config_text_name_at(struct slice text, uint32_t line, size_t n, struct slice *out)
{
    struct config_scan scan = {.text = text, .line = 1};
    for (;;) {
        struct config_token t = config_scan_next(&scan);
        if (t.type == CONFIG_TOKEN_END || t.line > line)
            return false;
        if (t.type != CONFIG_TOKEN_NAME || t.line != line || is_truth(t.text))
            continue;
        if (n-- == 0) {
            *out = t.text;
            return true;
        }
    }
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

bool config_text_number_fits(struct slice number)
{
    struct slice s = number;
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = slice_from(s, 1);
    int base = 10;
    if (s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] == 'x' || s.ptr[1] == 'X')) {
        base = 16;
        s = slice_from(s, 2);
    }
    uint64_t max = INT32_MAX;
    while (s.len > 0 && (s.ptr[s.len - 1] == 'L' || s.ptr[s.len - 1] == 'l')) {
        max = INT64_MAX;
        s.len--;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = digit_value(s.ptr[i]);
        if (digit >= base)
            return true; /* a fraction, or no number at all: not for us to judge */
        if (value > (max - (uint64_t)digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    return true;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t config_text_distance(struct slice a, struct slice b)
{
    /* Three rows of the table: before last, last, this. */
    uint8_t rows[3][DISTANCE_BYTES_MAX + 1];
    if (a.len > DISTANCE_BYTES_MAX || b.len > DISTANCE_BYTES_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        const uint8_t *before = rows[(i + 1) % 3], *last = rows[(i + 2) % 3];
        uint8_t *this = rows[i % 3];
        this[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            size_t d = least(last[j - 1] + cost, least(last[j], this[j - 1]) + 1u);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                d = least(d, before[j - 2] + 1u);
            this[j] = (uint8_t)d;
        }
    }
    return rows[a.len % 3][b.len];
}
