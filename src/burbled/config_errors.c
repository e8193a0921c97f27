/* The list of everything that is wrong with a configuration, and its lines of text. Pure but for
 * the printing. */
#include "burbled/config.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

void config_errors_add(struct config_errors *errors, bool warning, const char *file, uint32_t line,
                       const char *key, const char *fmt, ...)
{
    if (!warning)
        errors->error_count++;
    if (errors->count >= CONFIG_ERRORS_MAX)
        return;
    if (errors->items == NULL)
        errors->items = mem_array(CONFIG_ERRORS_MAX, sizeof(*errors->items));
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    int err = buf_vprintf(&text, fmt, args);
    va_end(args);
    struct config_error *e = &errors->items[errors->count];
    *e = (struct config_error){
        .file = mem_copy(slice_z(file)),
        .line = line,
        .warning = warning,
        .key = key != NULL ? mem_copy(slice_z(key)) : NULL,
        .text = mem_copy(err == 0 ? buf_slice(&text) : SLICE("out of memory")),
        .order = errors->count,
    };
    errors->count++;
    buf_free(&text);
}

static int compare(const void *left, const void *right)
{
    const struct config_error *a = left, *b = right;
    int by_file = strcmp(a->file, b->file);
    if (by_file != 0)
        return by_file;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void config_errors_sort(struct config_errors *errors)
{
    if (errors->count > 1)
        qsort(errors->items, errors->count, sizeof(*errors->items), compare);
}

/* Text of the file may hold anything; what reaches a terminal is printable. */
static void append_escaped(struct buf *out, struct slice s)
{
    while (s.len > 0) {
        uint32_t code = 0;
        int len = utf8_decode(s, &code);
        bool printable = len > 0 && code >= 0x20 && code != 0x7f && !(code >= 0x80 && code < 0xa0);
        bool turns = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                     (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
        if (printable && !turns) {
            buf_append(out, s.ptr, (size_t)len);
        } else {
            len = len > 0 ? len : 1;
            for (int i = 0; i < len; i++)
                buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i]);
        }
        s = slice_from(s, (size_t)len);
    }
}

int config_error_format(const struct config_error *e, char *out, size_t len)
{
    struct buf b = {0};
    append_escaped(&b, slice_z(e->file));
    if (e->line > 0)
        buf_printf(&b, ":%u", (unsigned)e->line);
    buf_lit(&b, ": ");
    if (e->warning)
        buf_lit(&b, "warning: ");
    if (e->key != NULL) {
        append_escaped(&b, slice_z(e->key));
        buf_lit(&b, ": ");
    }
    append_escaped(&b, slice_z(e->text));
    int n = snprintf(out, len, "%.*s", SLICE_ARG(buf_slice(&b)));
    buf_free(&b);
    return n;
}

void config_errors_print(const struct config_errors *errors, FILE *to)
{
    uint32_t listed = 0;
    for (uint32_t i = 0; i < errors->count; i++) {
        char line[2048];
        config_error_format(&errors->items[i], line, sizeof(line));
        fprintf(to, "%s\n", line);
        if (!errors->items[i].warning)
            listed++;
    }
    if (errors->error_count > listed)
        fprintf(to, "and %u more\n", (unsigned)(errors->error_count - listed));
}

void config_errors_free(struct config_errors *errors)
{
    for (uint32_t i = 0; i < errors->count; i++) {
        mem_free(errors->items[i].file);
        mem_free(errors->items[i].key);
        mem_free(errors->items[i].text);
    }
    mem_free(errors->items);
    *errors = (struct config_errors){0};
}
