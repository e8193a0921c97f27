/* Editing of one line. */
#include "burble/tui_editor.h"

#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/utf8.h"

static bool starts(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

/* An accent, a joiner or a variation selector: it is seen on what is before it. */
static bool leans(const struct tui_editor *e, size_t at)
{
    uint32_t code;
    int len = utf8_decode(slice_from(buf_slice(&e->text), at), &code);
    return len > 1 && wcwidth((wchar_t)code) == 0;
}

static size_t code_before(const struct tui_editor *e, size_t at)
{
    const char *p = buf_slice(&e->text).ptr;
    while (at > 0 && !starts(p[--at]))
        ;
    return at;
}

static size_t code_behind(const struct tui_editor *e, size_t at)
{
    struct slice t = buf_slice(&e->text);
    if (at < t.len)
        at++;
    while (at < t.len && !starts(t.ptr[at]))
        at++;
    return at;
}

static size_t before(const struct tui_editor *e, size_t at)
{
    do
        at = code_before(e, at);
    while (at > 0 && leans(e, at));
    return at;
}

static size_t behind(const struct tui_editor *e, size_t at)
{
    do
        at = code_behind(e, at);
    while (at < buf_len(&e->text) && leans(e, at));
    return at;
}

static size_t word_before(const struct tui_editor *e, size_t at)
{
    const char *p = buf_slice(&e->text).ptr;
    while (at > 0 && is_space(p[at - 1]))
        at--;
    while (at > 0 && !is_space(p[at - 1]))
        at--;
    return at;
}

static size_t word_behind(const struct tui_editor *e, size_t at)
{
    struct slice t = buf_slice(&e->text);
    while (at < t.len && is_space(t.ptr[at]))
        at++;
    while (at < t.len && !is_space(t.ptr[at]))
        at++;
    return at;
}

/* Replaces the bytes from..to. False: it would be too long. */
static bool splice(struct tui_editor *e, size_t from, size_t to, struct slice by)
{
    struct buf next = {0};
    struct slice t = buf_slice(&e->text);
    if (t.len - (to - from) + by.len > EDITOR_BYTES_MAX)
        return false;
    (void)buf_add(&next, slice_of(t.ptr, from));
    (void)buf_add(&next, by);
    (void)buf_add(&next, slice_of(t.ptr + to, t.len - to));
    if (next.failed) {
        buf_free(&next);
        return false;
    }
    buf_free(&e->text);
    e->text = next;
    e->at = from + by.len;
    return true;
}

void editor_insert(struct tui_editor *e, uint32_t code)
{
    char bytes[4];
    (void)splice(e, e->at, e->at, slice_of(bytes, utf8_encode(code, bytes)));
}

bool editor_insert_text(struct tui_editor *e, struct slice text)
{
    return splice(e, e->at, e->at, text);
}

void editor_set(struct tui_editor *e, struct slice text)
{
    (void)splice(e, 0, buf_len(&e->text), text);
}

static void show_memory(struct tui_editor *e, size_t at)
{
    if (e->memory_at == e->memory_count) {
        mem_free(e->kept);
        e->kept = mem_copy(buf_slice(&e->text));
    }
    e->memory_at = at;
    editor_set(e, slice_z(at == e->memory_count ? e->kept : e->memory[at]));
}

void editor_key(struct tui_editor *e, enum editor_key key)
{
    size_t end = buf_len(&e->text), to;
    switch (key) {
    case EDITOR_LEFT:
        e->at = before(e, e->at);
        return;
    case EDITOR_RIGHT:
        e->at = behind(e, e->at);
        return;
    case EDITOR_WORD_LEFT:
        e->at = word_before(e, e->at);
        return;
    case EDITOR_WORD_RIGHT:
        e->at = word_behind(e, e->at);
        return;
    case EDITOR_HOME:
        e->at = 0;
        return;
    case EDITOR_END:
        e->at = end;
        return;
    case EDITOR_BACKSPACE:
        (void)splice(e, code_before(e, e->at), e->at, SLICE_NONE);
        return;
    case EDITOR_DELETE:
        to = behind(e, e->at);
        (void)splice(e, e->at, to, SLICE_NONE);
        return;
    case EDITOR_KILL_WORD:
        (void)splice(e, word_before(e, e->at), e->at, SLICE_NONE);
        return;
    case EDITOR_KILL_LINE:
        (void)splice(e, 0, e->at, SLICE_NONE);
        return;
    case EDITOR_KILL_REST:
        (void)splice(e, e->at, end, SLICE_NONE);
        return;
    case EDITOR_OLDER:
        if (e->memory_at > 0)
            show_memory(e, e->memory_at - 1);
        return;
    case EDITOR_NEWER:
        if (e->memory_at < e->memory_count)
            show_memory(e, e->memory_at + 1);
        return;
    }
}

char *editor_take(struct tui_editor *e)
{
    char *line = mem_copy(buf_slice(&e->text));
    editor_set(e, SLICE_NONE);
    mem_free(e->kept);
    e->kept = NULL;
    if (*line != '\0') {
        if (e->memory_count == EDITOR_MEMORY_MAX) {
            mem_free(e->memory[0]);
            memmove(e->memory, e->memory + 1, (EDITOR_MEMORY_MAX - 1) * sizeof(e->memory[0]));
            e->memory_count--;
        }
        e->memory[e->memory_count++] = mem_copy(slice_z(line));
    }
    e->memory_at = e->memory_count;
    return line;
}

struct slice editor_word(const struct tui_editor *e)
{
    const char *p = buf_slice(&e->text).ptr;
    size_t from = e->at;
    while (from > 0 && !is_space(p[from - 1]))
        from--;
    return slice_of(p + from, e->at - from);
}

void editor_replace_word(struct tui_editor *e, struct slice by)
{
    (void)splice(e, e->at - editor_word(e).len, e->at, by);
}

void editor_free(struct tui_editor *e)
{
    buf_free(&e->text);
    mem_free(e->kept);
    for (size_t i = 0; i < e->memory_count; i++)
        mem_free(e->memory[i]);
    *e = (struct tui_editor){0};
}
