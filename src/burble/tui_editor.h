/* The line that is being typed: UTF-8, a cursor, a memory of what was typed before. It may hold
 * line breaks, which are typed with Alt-Enter or were pasted. */
#ifndef BURBLE_TUI_EDITOR_H
#define BURBLE_TUI_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { EDITOR_BYTES_MAX = 65536, EDITOR_MEMORY_MAX = 200 };

struct tui_editor {
    struct buf text;
    size_t at; /* cursor, in bytes */
    char *memory[EDITOR_MEMORY_MAX];
    size_t memory_count, memory_at; /* at == count: the line that is new */
    char *kept;                     /* the new line, while an older one is shown */
};

enum editor_key {
    EDITOR_LEFT,
    EDITOR_RIGHT,
    EDITOR_WORD_LEFT,
    EDITOR_WORD_RIGHT,
    EDITOR_HOME,
    EDITOR_END,
    EDITOR_BACKSPACE,
    EDITOR_DELETE,
    EDITOR_KILL_WORD,
    EDITOR_KILL_LINE, /* before the cursor */
    EDITOR_KILL_REST,
    EDITOR_OLDER,
    EDITOR_NEWER,
};

/* At the cursor. What would make the line longer than EDITOR_BYTES_MAX is left out. */
void editor_insert(struct tui_editor *e, uint32_t code);
/* False: it was left out. */
bool editor_insert_text(struct tui_editor *e, struct slice text);
void editor_key(struct tui_editor *e, enum editor_key key);
/* Takes the line away and remembers it. NUL-terminated, the caller's (mem_free). */
char *editor_take(struct tui_editor *e);
/* Puts another text there, the cursor behind it. */
void editor_set(struct tui_editor *e, struct slice text);
/* The word in front of the cursor, to be completed; it ends at the cursor. */
struct slice editor_word(const struct tui_editor *e);
void editor_replace_word(struct tui_editor *e, struct slice by);
static inline struct slice editor_text(const struct tui_editor *e)
{
    return buf_slice(&e->text);
}
void editor_free(struct tui_editor *e);

#endif
