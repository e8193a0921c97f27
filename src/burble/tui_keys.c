/* What the keys of `burble chat` do. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "burble/tui.h"
#include "burble/tui_view.h"

static void go(struct tui *t, int step, int absolute)
{
    size_t count;
    struct tui_entry *entries = tui_entries(&t->model, &count);
    int n = (int)count, at = -1;
    for (int i = 0; i < n; i++)
        if (t->model.current != NULL && entries[i].talk == t->model.current)
            at = i;
    if (n > 0) {
        int to = absolute >= 0 ? absolute : at < 0 ? (step > 0 ? 0 : n - 1) : (at + step + n) % n;
        if (to < n) {
            char *jid = mem_copy(slice_z(entries[to].jid));
            if (entries[to].talk != NULL)
                tui_show(t, entries[to].talk);
            else
                tui_open(t, jid);
            mem_free(jid);
        }
    }
    mem_free(entries);
}

static void tab(struct tui *t)
{
    struct tui_talk *next = tui_next_unread(&t->model);
    if (editor_text(&t->model.editor).len > 0)
        tui_complete(t);
    else if (next != NULL)
        tui_show(t, next);
}

void tui_scroll(struct tui *t, bool up)
{
    struct tui_talk *k = t->model.current;
    size_t page = (size_t)tui_page(&t->grid), step = page > 2 ? page - 2 : 1;
    if (k == NULL)
        return;
    tui_changed(t);
    if (!up) {
        k->scroll = k->scroll > step ? k->scroll - step : 0;
        return;
    }
    size_t wanted = k->scroll + step, before = k->scroll;
    k->scroll = wanted;
    tui_draw_now(t); /* cuts it to what there is */
    if (k->scroll < wanted)
        tui_older(t, k, k->scroll == before);
}

/* A page is shown: it can be scrolled, and any other key closes it. False: the key is to do what it
 * does. */
static bool turned(struct tui *t, struct tui_key k)
{
    bool closes = k.kind == TUI_KEY_ENTER || k.kind == TUI_KEY_OTHER || k.kind == TUI_KEY_HELP ||
                  (k.kind == TUI_KEY_TEXT && (k.code == ' ' || k.code == 'q'));
    if (t->model.page == NULL)
        return false;
    if (k.kind == TUI_KEY_PAGE_UP || k.kind == TUI_KEY_UP)
        t->model.page_top -= k.kind == TUI_KEY_UP ? 1 : tui_page(&t->grid);
    else if (k.kind == TUI_KEY_PAGE_DOWN || k.kind == TUI_KEY_DOWN)
        t->model.page_top += k.kind == TUI_KEY_DOWN ? 1 : tui_page(&t->grid);
    else
        tui_set(&t->model.page, NULL);
    return closes || t->model.page != NULL;
}

static void enter(struct tui *t)
{
    char *line = editor_take(&t->model.editor);
    if (*line != '\0')
        tui_enter(t, line);
    mem_free(line);
}

static void control(struct tui *t, uint32_t code)
{
    static const struct {
        uint32_t code;
        enum editor_key does;
    } EDITS[] = {
        {'w', EDITOR_KILL_WORD}, {'u', EDITOR_KILL_LINE}, {'k', EDITOR_KILL_REST},
        {'a', EDITOR_HOME},      {'e', EDITOR_END},
    };
    switch (code) {
    case 'c':
        session_end(&t->session, EXIT_DONE);
        return;
    case 'n':
        go(t, 1, -1);
        return;
    case 'p':
        go(t, -1, -1);
        return;
    case 'z':
        tui_suspend(t);
        return;
    case 'l':
        t->redraw = true;
        return;
    default:
        for (size_t i = 0; i < sizeof(EDITS) / sizeof(EDITS[0]); i++)
            if (EDITS[i].code == code)
                editor_key(&t->model.editor, EDITS[i].does);
        return;
    }
}

static void alt(struct tui *t, uint32_t code)
{
    if (code >= '1' && code <= '9')
        go(t, 0, (int)(code - '1'));
    else if (code == '\r')
        editor_insert(&t->model.editor, '\n');
    else if (code == 'b')
        editor_key(&t->model.editor, EDITOR_WORD_LEFT);
    else if (code == 'f')
        editor_key(&t->model.editor, EDITOR_WORD_RIGHT);
}

static bool edits(struct tui *t, enum tui_key_kind kind)
{
    static const struct {
        enum tui_key_kind key;
        enum editor_key does;
    } EDITS[] = {
        {TUI_KEY_LEFT, EDITOR_LEFT},
        {TUI_KEY_RIGHT, EDITOR_RIGHT},
        {TUI_KEY_WORD_LEFT, EDITOR_WORD_LEFT},
        {TUI_KEY_WORD_RIGHT, EDITOR_WORD_RIGHT},
        {TUI_KEY_UP, EDITOR_OLDER},
        {TUI_KEY_DOWN, EDITOR_NEWER},
        {TUI_KEY_HOME, EDITOR_HOME},
        {TUI_KEY_BACKSPACE, EDITOR_BACKSPACE},
        {TUI_KEY_DELETE, EDITOR_DELETE},
    };
    for (size_t i = 0; i < sizeof(EDITS) / sizeof(EDITS[0]); i++)
        if (EDITS[i].key == kind) {
            editor_key(&t->model.editor, EDITS[i].does);
            return true;
        }
    return false;
}

/* Between the brackets of a paste all keys are text. Ctrl-C, which nobody pastes, ends a paste
 * whose end was lost. */
static void pasted(struct tui *t, struct tui_key k)
{
    bool lost = k.kind == TUI_KEY_CONTROL && k.code == 'c';
    if (k.kind == TUI_KEY_TEXT || k.kind == TUI_KEY_ENTER || k.kind == TUI_KEY_ALT)
        tui_paste_add(&t->paste, k.code);
    else if (k.kind == TUI_KEY_TAB)
        tui_paste_add(&t->paste, '\t');
    if (k.kind != TUI_KEY_PASTE_END && !lost)
        return;
    if (!tui_paste_end(&t->paste, &t->model.editor))
        tui_notice(&t->model, "what was pasted is too long, and left out: more than %d bytes",
                   EDITOR_BYTES_MAX);
    tui_typing(t);
}

void tui_key(struct tui *t, struct tui_key k)
{
    tui_changed(t);
    if (k.kind == TUI_KEY_PASTE) {
        tui_set(&t->model.page, NULL);
        tui_paste_begin(&t->paste);
        return;
    }
    if (t->paste.open) {
        pasted(t, k);
        return;
    }
    if (turned(t, k))
        return;
    if (edits(t, k.kind)) {
        tui_typing(t);
        return;
    }
    switch (k.kind) {
    case TUI_KEY_TEXT:
        editor_insert(&t->model.editor, k.code);
        tui_typing(t);
        return;
    case TUI_KEY_ENTER:
        enter(t);
        return;
    case TUI_KEY_END:
        if (editor_text(&t->model.editor).len == 0 && t->model.current != NULL)
            t->model.current->scroll = 0;
        editor_key(&t->model.editor, EDITOR_END);
        return;
    case TUI_KEY_PAGE_UP:
        tui_scroll(t, true);
        return;
    case TUI_KEY_PAGE_DOWN:
        tui_scroll(t, false);
        return;
    case TUI_KEY_TAB:
        tab(t);
        return;
    case TUI_KEY_HELP:
        tui_enter(t, "/help");
        return;
    case TUI_KEY_CONTROL:
        control(t, k.code);
        tui_typing(t);
        return;
    case TUI_KEY_ALT:
        alt(t, k.code);
        return;
    default:
        return;
    }
}
