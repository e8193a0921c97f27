/* Pasted text on its way into the line. */
#include "burble/tui_paste.h"

#include "base/utf8.h"

void tui_paste_begin(struct tui_paste *p)
{
    buf_clear(&p->text);
    p->open = true;
    p->after_cr = p->overflowing = false;
}

void tui_paste_add(struct tui_paste *p, uint32_t code)
{
    char bytes[4];
    bool second_half = code == '\n' && p->after_cr;
    p->after_cr = code == '\r';
    if (code == '\r')
        code = '\n';
    bool control = (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
    bool none = code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || (code & 0xfffe) == 0xfffe;
    if (second_half || control || none)
        return;
    if (buf_len(&p->text) + sizeof(bytes) > EDITOR_BYTES_MAX)
        p->overflowing = true;
    else
        (void)buf_append(&p->text, bytes, utf8_encode(code, bytes));
}

bool tui_paste_end(struct tui_paste *p, struct tui_editor *e)
{
    struct buf whole = {0};
    struct slice text = buf_slice(&p->text);
    p->open = false;
    while (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[0] == '/' && e->at == 0)
        (void)buf_byte(&whole, '/');
    (void)buf_add(&whole, text);
    bool fits = !p->overflowing && !whole.failed && editor_insert_text(e, buf_slice(&whole));
    buf_free(&whole);
    buf_free(&p->text);
    return fits;
}

void tui_paste_free(struct tui_paste *p)
{
    buf_free(&p->text);
    *p = (struct tui_paste){0};
}
