/* The screen of `burble chat` (V72, C09, C14): whatever strangers say, somebody types or pastes,
 * and whatever the size of the window is, what is drawn is UTF-8 that steers no terminal, and the
 * cursor stays on the screen. */
#include <locale.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "burble/tui_paste.h"
#include "burble/tui_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAY_MS = 86400000, TALKS = 3 };

struct input {
    const uint8_t *at;
    size_t left;
};

struct screen {
    struct tui_model m;
    struct tui_grid g;
    struct tui_talk *talks[TALKS];
    int64_t now_ms;
};

static unsigned byte(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* Freed with mem_free. */
static char *text(struct input *in)
{
    size_t len = byte(in);
    len = len < in->left ? len : in->left;
    char *copy = mem_copy(slice_of((const char *)in->at, len));
    in->at += len;
    in->left -= len;
    return copy;
}

static void check_drawn(struct screen *s)
{
    struct buf row = {0};
    tui_draw(&s->m, &s->g, s->now_ms, 0);
    for (int i = 0; i < s->g.rows; i++) {
        buf_clear(&row);
        tui_grid_row(&s->g, i, &row);
        struct slice shown = buf_slice(&row);
        CHECK(utf8_valid(shown));
        for (size_t k = 0; k < shown.len; k++) {
            unsigned char c = (unsigned char)shown.ptr[k];
            CHECK(c >= 0x20 && c != 0x7f);
            CHECK(c != 0xc2 || (unsigned char)shown.ptr[k + 1] >= 0xa0); /* C1 */
        }
    }
    CHECK(s->g.cursor_row < s->g.rows && s->g.cursor_column < s->g.columns);
    CHECK(s->m.editor.at <= editor_text(&s->m.editor).len);
    buf_free(&row);
}

static void paste(struct screen *s, struct input *in)
{
    struct tui_paste p = {0};
    char *pasted = text(in);
    tui_paste_begin(&p);
    for (struct slice rest = slice_z(pasted); rest.len > 0;) {
        uint32_t code = (unsigned char)rest.ptr[0];
        int len = utf8_decode(rest, &code);
        tui_paste_add(&p, code);
        rest = slice_from(rest, len > 0 ? (size_t)len : 1);
    }
    (void)tui_paste_end(&p, &s->m.editor);
    CHECK(utf8_valid(editor_text(&s->m.editor)));
    tui_paste_free(&p);
    mem_free(pasted);
}

static void say(struct screen *s, struct input *in, struct tui_talk *t)
{
    unsigned how = byte(in);
    char *who = text(in), *said = text(in);
    struct tui_line line = {.kind = (enum tui_line_kind)(how % 3),
                            .stamp_ms = s->now_ms += (int64_t)(how >> 4) * DAY_MS / 8,
                            .own = (how & 4) != 0,
                            .mark = (enum tui_mark)(how % 6),
                            .who = who,
                            .text = said};
    struct tui_line *l = (how & 8) != 0 ? tui_line_add(t, &line) : tui_line_add_older(t, &line);
    if ((how & 1) != 0)
        tui_news(&s->m, t, l);
    else if ((how & 2) != 0)
        tui_line_set_text(t, l, who);
    mem_free(who);
    mem_free(said);
}

static void step(struct screen *s, struct input *in)
{
    unsigned op = byte(in);
    struct tui_talk *t = s->talks[op / 16 % TALKS];
    char *words = NULL;
    switch (op % 10) {
    case 0:
        tui_grid_resize(&s->g, (int)byte(in) % 40, (int)byte(in));
        break;
    case 1:
        say(s, in, t);
        break;
    case 2:
        paste(s, in);
        break;
    case 3:
        editor_key(&s->m.editor, (enum editor_key)(byte(in) % (EDITOR_NEWER + 1)));
        break;
    case 4:
        mem_free(editor_take(&s->m.editor));
        break;
    case 5:
        tui_talk_show(&s->m, t);
        break;
    case 6:
        t->scroll += byte(in);
        break;
    case 7:
        words = text(in);
        tui_set(op >= 128 ? &s->m.page : &s->m.notice, op % 3 == 0 ? NULL : words);
        s->m.page_top = (int)byte(in);
        break;
    case 8:
        words = text(in);
        tui_set(op >= 128 ? &t->title : &t->subject, words);
        break;
    default:
        words = text(in);
        (void)tui_contact_set(&s->m, t->jid, words);
        tui_set(&t->typing, op >= 128 ? words : NULL);
        break;
    }
    mem_free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct screen s = {.now_ms = DAY_MS};
    struct input in = {data, size};
    if (!ready)
        ready = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
    list_init(&s.m.talks);
    s.m.own = mem_copy(SLICE("me@example.org"));
    s.m.connection = "connecting";
    s.m.online = (byte(&in) & 1) != 0;
    s.talks[0] = tui_talk_open(&s.m, "bob@example.org", false);
    s.talks[1] = tui_talk_open(&s.m, "tea@rooms.example.org", true);
    s.talks[2] = tui_talk_open_aside(&s.m, "tea@rooms.example.org", "Bob");
    tui_grid_resize(&s.g, 24, 80);
    for (unsigned i = 0; in.left > 0 && i < 200; i++) {
        step(&s, &in);
        check_drawn(&s);
    }
    tui_model_free(&s.m);
    tui_grid_free(&s.g);
    return 0;
}
