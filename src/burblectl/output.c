/* Tables, records, JSON and errors. */
#include "burblectl/output.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

static bool harmless(uint32_t code)
{
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool turns = code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
                 (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
                 code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
                 (code >= 0xe0000 && code <= 0xe007f);
    return !control && !turns;
}

char *output_harmless(const char *text)
{
    struct slice s = slice_z(text);
    struct buf out = {0};
    while (s.len > 0) {
        uint32_t code = 0;
        int len = utf8_decode(s, &code);
        if (len > 0 && harmless(code)) {
            buf_append(&out, s.ptr, (size_t)len);
        } else {
            len = len > 0 ? len : 1;
            for (int i = 0; i < len; i++)
                buf_printf(&out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i]);
        }
        s = slice_from(s, (size_t)len);
    }
    char *copy = mem_copy(out.failed ? SLICE("") : buf_slice(&out));
    buf_free(&out);
    return copy;
}

/* Columns of a terminal that text takes. */
static size_t width_of(const char *text)
{
    struct slice s = slice_z(text);
    size_t width = 0;
    while (s.len > 0) {
        uint32_t code = 0;
        int len = utf8_decode(s, &code);
        int columns = len > 1 ? wcwidth((wchar_t)code) : 1;
        width += columns >= 0 ? (size_t)columns : 1;
        s = slice_from(s, len > 0 ? (size_t)len : 1);
    }
    return width;
}

/* The text of a value, as it is shown; free with mem_free. */
static char *text_of(const json_t *value)
{
    char number[32];
    if (json_is_string(value) && json_string_length(value) > 0)
        return output_harmless(json_string_value(value));
    if (json_is_boolean(value))
        return mem_copy(json_is_true(value) ? SLICE("yes") : SLICE("no"));
    if (json_is_integer(value))
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof(number), "%.3f", json_real_value(value));
    else
        snprintf(number, sizeof(number), "-");
    return mem_copy(slice_z(number));
}

static size_t columns_of(const struct command *c)
{
    size_t n = 0;
    while (n < COMMAND_COLUMNS_MAX && c->columns[n].key != NULL)
        n++;
    return n;
}

static void print_cells(const struct output *o, const char *const *cells)
{
    size_t n = columns_of(o->command);
    for (size_t i = 0; i < n; i++) {
        size_t width = width_of(cells[i]);
        int pad = width < o->widths[i] ? (int)(o->widths[i] - width) : 0;
        bool right = o->command->columns[i].right;
        bool last = i + 1 == n;
        printf("%*s%s%*s%s", right ? pad : 0, "", cells[i], right || last ? 0 : pad, "",
               last ? "\n" : "  ");
    }
}

static void free_cells(char **cells, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(cells[i]);
    mem_free(cells);
}

static void flush_table(struct output *o)
{
    size_t n = columns_of(o->command);
    const char *titles[COMMAND_COLUMNS_MAX];
    for (size_t i = 0; i < n; i++) {
        titles[i] = o->command->columns[i].title;
        o->widths[i] = strlen(titles[i]);
    }
    for (size_t row = 0; row < o->held_count; row++) {
        for (size_t i = 0; i < n; i++) {
            size_t width = width_of(o->held[row][i]);
            if (width > o->widths[i])
                o->widths[i] = width;
        }
    }
    print_cells(o, titles);
    for (size_t row = 0; row < o->held_count; row++) {
        print_cells(o, (const char *const *)o->held[row]);
        free_cells(o->held[row], n);
    }
    mem_free(o->held);
    o->held = NULL;
    o->held_count = 0;
    o->flushed = true;
}

static void table_row(struct output *o, const json_t *row)
{
    size_t n = columns_of(o->command);
    char **cells = mem_array(n, sizeof(*cells));
    for (size_t i = 0; i < n; i++)
        cells[i] = text_of(json_object_get(row, o->command->columns[i].key));
    if (o->flushed) {
        print_cells(o, (const char *const *)cells);
        free_cells(cells, n);
        return;
    }
    if (o->held == NULL)
        o->held = mem_array(OUTPUT_ROWS_HELD, sizeof(*o->held));
    o->held[o->held_count++] = cells;
    if (o->held_count == OUTPUT_ROWS_HELD)
        flush_table(o);
}

static void print_field(const char *title, size_t width, const json_t *value)
{
    char *text = text_of(value);
    printf("%s:%*s %s\n", title, (int)(width - width_of(title)), "", text);
    mem_free(text);
}

static const struct command_column *known_column(const struct command *c, const char *key)
{
    size_t n = columns_of(c);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(c->columns[i].key, key) == 0)
            return &c->columns[i];
    }
    return NULL;
}

/* First what burblectl knows, in its order, then what a newer server may have added. */
static void record_row(const struct output *o, json_t *row)
{
    const struct command *c = o->command;
    size_t n = columns_of(c), width = 0;
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        const struct command_column *column = known_column(c, key);
        size_t len = strlen(column != NULL ? column->title : key);
        width = len > width ? len : width;
    }
    if (o->count > 0)
        putchar('\n');
    for (size_t i = 0; i < n; i++) {
        value = json_object_get(row, c->columns[i].key);
        if (value != NULL)
            print_field(c->columns[i].title, width, value);
    }
    json_object_foreach(row, key, value)
    {
        if (known_column(c, key) != NULL)
            continue;
        char *title = output_harmless(key);
        print_field(title, width > width_of(title) ? width : width_of(title), value);
        mem_free(title);
    }
}

void output_row(struct output *o, const json_t *row)
{
    if (o->json) {
        fputs(o->count == 0 ? "[\n  " : ",\n  ", stdout);
        json_dumpf(row, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    } else if (o->command->layout == COMMAND_TABLE) {
        table_row(o, row);
    } else {
        json_t *copy = json_copy((json_t *)row);
        CHECK(copy != NULL);
        record_row(o, copy);
        json_decref(copy);
    }
    o->count++;
}

void output_end(struct output *o, bool good)
{
    if (o->ended)
        return;
    o->ended = true;
    if (o->json) {
        if (o->count > 0)
            fputs("\n]\n", stdout);
        else if (good)
            fputs("[]\n", stdout);
        return;
    }
    if (o->command->layout == COMMAND_TABLE && o->count > 0 && !o->flushed)
        flush_table(o);
    if (good && o->count == 0 && o->command->none != NULL)
        fprintf(stderr, "%s\n", o->command->none);
}

void output_verror(const char *fmt, va_list args)
{
    struct buf text = {0};
    buf_vprintf(&text, fmt, args);
    struct slice s = buf_slice(&text);
    fputs("burblectl: ", stderr);
    while (s.len > 0) {
        size_t eol = slice_find(s, '\n');
        char *line = mem_copy(slice_of(s.ptr, eol));
        char *shown = output_harmless(line);
        fprintf(stderr, "%s\n", shown);
        mem_free(shown);
        mem_free(line);
        s = slice_from(s, eol < s.len ? eol + 1 : eol);
    }
    buf_free(&text);
}

void output_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    output_verror(fmt, args);
    va_end(args);
}
