/* Single values of a configuration: from a setting of libconfig to a field of a struct, or an error
 * that says what is expected and what was found. */
#include "burbled/config_read.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "burbled/config_schema.h"

enum { FOUND_BYTES = 96 };

const char *config_reader_file(const struct config_reader *r, const config_setting_t *s)
{
    const char *file = config_setting_source_file(s);
    return file != NULL ? file : r->name;
}

uint32_t config_reader_line(const config_setting_t *s)
{
    unsigned line = config_setting_source_line(s);
    return line > 0 ? line : 1;
}

void config_reader_error(struct config_reader *r, const config_setting_t *s, const char *key,
                         const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    config_errors_add(r->errors, false, config_reader_file(r, s), config_reader_line(s), key,
                      "%.*s", SLICE_ARG(buf_slice(&text)));
    buf_free(&text);
}

/* What a setting is, for "expected ..., found ...". */
static const char *found(const config_setting_t *s, char out[FOUND_BYTES])
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(out, FOUND_BYTES, "the number %lld", config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_FLOAT:
        snprintf(out, FOUND_BYTES, "the fraction %g", config_setting_get_float(s));
        break;
    case CONFIG_TYPE_STRING:
        snprintf(out, FOUND_BYTES, "the text \"%.64s\"", config_setting_get_string(s));
        break;
    case CONFIG_TYPE_BOOL:
        snprintf(out, FOUND_BYTES, "%s", config_setting_get_bool(s) ? "true" : "false");
        break;
    case CONFIG_TYPE_GROUP:
        snprintf(out, FOUND_BYTES, "a group { ... }");
        break;
    case CONFIG_TYPE_ARRAY:
        snprintf(out, FOUND_BYTES, "an array [ ... ]");
        break;
    default:
        snprintf(out, FOUND_BYTES, "a list ( ... )");
        break;
    }
    return out;
}

void config_value_wrong(struct config_reader *r, const config_setting_t *s, const char *path,
                        const char *expected)
{
    char what[FOUND_BYTES];
    config_reader_error(r, s, path, "expected %s, found %s", expected, found(s, what));
}

static void store_u32(void *base, size_t offset, uint32_t value)
{
    memcpy((char *)base + offset, &value, sizeof(value));
}

static void read_bool(struct config_reader *r, const config_setting_t *s,
                      const struct config_key *key, void *base, const char *path)
{
    if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
        config_value_wrong(r, s, path, "true or false");
        return;
    }
    bool value = config_setting_get_bool(s) != 0;
    memcpy((char *)base + key->offset, &value, sizeof(value));
}

/* Numbers that libconfig cut to 32 bits were reported from the text already; here their key is
 * known in full. */
static bool reported(struct config_reader *r, const config_setting_t *s, const char *path)
{
    for (uint32_t i = 0; i < r->errors->count; i++) {
        struct config_error *e = &r->errors->items[i];
        if (e->line != config_reader_line(s) || strcmp(e->file, config_reader_file(r, s)) != 0 ||
            e->key == NULL || strcmp(e->key, config_setting_name(s)) != 0)
            continue;
        mem_free(e->key);
        e->key = mem_copy(slice_z(path));
        return true;
    }
    return false;
}

static void read_number(struct config_reader *r, const config_setting_t *s,
                        const struct config_key *key, void *base, const char *path)
{
    char expected[80];
    snprintf(expected, sizeof(expected), "a whole number from %u to %u", (unsigned)key->min,
             (unsigned)key->max);
    int type = config_setting_type(s);
    long long value = config_setting_get_int64(s);
    if ((type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) && reported(r, s, path))
        return;
    if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || value < key->min ||
        value > key->max)
        config_value_wrong(r, s, path, expected);
    else
        store_u32(base, key->offset, (uint32_t)value);
}

static void read_choice(struct config_reader *r, const config_setting_t *s,
                        const struct config_key *key, void *base, const char *path)
{
    const char *text = config_setting_get_string(s);
    for (uint32_t i = 0; text != NULL && key->choices[i] != NULL; i++) {
        if (strcmp(text, key->choices[i]) == 0) {
            store_u32(base, key->offset, i);
            return;
        }
    }
    struct buf expected = {0};
    for (size_t i = 0; key->choices[i] != NULL; i++) {
        const char *between = i == 0 ? "" : key->choices[i + 1] != NULL ? ", " : " or ";
        buf_printf(&expected, "%s\"%s\"", between, key->choices[i]);
    }
    buf_byte(&expected, '\0');
    config_value_wrong(r, s, path, expected.failed ? "another text" : buf_slice(&expected).ptr);
    buf_free(&expected);
}

/* Text that may stand in a file at all: valid UTF-8 of a sane length without control characters. */
static bool clean(struct slice text)
{
    if (text.len > CONFIG_STRING_BYTES_MAX || !utf8_valid(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return true;
}

/* The prepared text on the heap, or NULL after an error. */
static char *read_text(struct config_reader *r, const config_setting_t *s,
                       const struct config_key *key, const char *path)
{
    struct slice text = slice_z(config_setting_get_string(s));
    struct buf prepared = {0};
    char *out = NULL;
    if (text.ptr == NULL || !clean(text) || !key->prepare(text, &prepared)) {
        if (key->secret)
            config_reader_error(r, s, path, "expected %s", key->expected);
        else
            config_value_wrong(r, s, path, key->expected);
    } else {
        if (key->path && r->dir != NULL && buf_slice(&prepared).ptr[0] != '/') {
            buf_clear(&prepared);
            buf_printf(&prepared, "%s/%s", r->dir, text.ptr);
        }
        CHECK(!prepared.failed); /* at most CONFIG_STRING_BYTES_MAX and a path */
        out = mem_copy(buf_slice(&prepared));
    }
    buf_free(&prepared);
    return out;
}

static void read_string(struct config_reader *r, const config_setting_t *s,
                        const struct config_key *key, void *base, const char *path)
{
    char *text = read_text(r, s, key, path);
    if (text == NULL)
        return;
    char *old;
    memcpy(&old, (char *)base + key->offset, sizeof(old));
    mem_free(old);
    memcpy((char *)base + key->offset, &text, sizeof(text));
}

static void read_strings(struct config_reader *r, const config_setting_t *s,
                         const struct config_key *key, void *base, const char *path)
{
    int type = config_setting_type(s);
    bool one = type == CONFIG_TYPE_STRING;
    if (!one && type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
        config_value_wrong(r, s, path, "an array of texts: [ \"...\" ]");
        return;
    }
    int length = one ? 1 : config_setting_length(s);
    if (length < (int)key->min || length > (int)key->max) {
        config_reader_error(r, s, path, "expected at most %u entries, found %d", (unsigned)key->max,
                            length);
        return;
    }
    struct config_strings strings = {0};
    if (length > 0)
        strings.items = mem_array((size_t)length, sizeof(char *));
    for (int i = 0; i < length; i++) {
        const config_setting_t *element = one ? s : config_setting_get_elem(s, (unsigned)i);
        char *text = read_text(r, element, key, path);
        if (text != NULL)
            strings.items[strings.count++] = text;
    }
    memcpy((char *)base + key->offset, &strings, sizeof(strings));
}

void config_value_read(struct config_reader *r, const config_setting_t *s,
                       const struct config_key *key, void *base, const char *path)
{
    switch (key->type) {
    case CONFIG_KEY_BOOL:
        read_bool(r, s, key, base, path);
        break;
    case CONFIG_KEY_NUMBER:
        read_number(r, s, key, base, path);
        break;
    case CONFIG_KEY_CHOICE:
        read_choice(r, s, key, base, path);
        break;
    case CONFIG_KEY_STRING:
        read_string(r, s, key, base, path);
        break;
    case CONFIG_KEY_STRINGS:
        read_strings(r, s, key, base, path);
        break;
    case CONFIG_KEY_GROUP:
    case CONFIG_KEY_LIST:
        UNREACHABLE();
    }
}
