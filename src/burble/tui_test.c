/* The screen of `burble chat`: what is drawn for what the model holds, at any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>

#include "base/mem.h"
#include "burble/tui_view.h"

enum { NOON = 43200000 };

struct seen {
    struct tui_model m;
    struct tui_grid g;
    struct buf text;
};

static void begin(struct seen *s)
{
    *s = (struct seen){0};
    list_init(&s->m.talks);
    s->m.own = mem_copy(SLICE("me@example.org"));
    s->m.connection = "online";
    s->m.online = true;
}

static const char *draw(struct seen *s, int rows, int columns)
{
    buf_clear(&s->text);
    tui_grid_resize(&s->g, rows, columns);
    tui_draw(&s->m, &s->g, NOON, 0);
    for (int i = 0; i < rows; i++) {
        tui_grid_row(&s->g, i, &s->text);
        (void)buf_byte(&s->text, '\n');
    }
    (void)buf_byte(&s->text, '\0');
    return s->text.ptr;
}

static void end(struct seen *s)
{
    tui_model_free(&s->m);
    tui_grid_free(&s->g);
    buf_free(&s->text);
}

static void say(struct tui_talk *t, const char *who, const char *text, bool own)
{
    struct tui_line line = {.kind = TUI_SAID,
                            .stamp_ms = NOON,
                            .own = own,
                            .mark = own ? TUI_MARK_SENT : TUI_MARK_NONE,
                            .who = (char *)(void *)who,
                            .text = (char *)(void *)text,
                            .from = (char *)(void *)who};
    (void)tui_line_add(t, &line);
}

static void a_conversation_is_shown(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_contact *c = tui_contact_set(&s.m, "bob@example.org", "Bob");
    c->here = true;
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    tui_talk_show(&s.m, t);
    say(t, "Bob", "How are you?", false);
    say(t, "me", "Fine.", true);
    editor_set(&s.m.editor, SLICE("and y"));
    const char *text = draw(&s, 24, 80);
    assert_non_null(strstr(text, "burble  me@example.org  online"));
    assert_non_null(strstr(text, "\xe2\x97\x8f Bob"));
    assert_non_null(strstr(text, "12:00 Bob         How are you?"));
    assert_non_null(strstr(text, "12:00 me          Fine. \xe2\x9c\x93"));
    assert_non_null(strstr(text, "\n> and y\n"));
    assert_int_equal(s.g.cursor_row, 23);
    assert_int_equal(s.g.cursor_column, 7);
    end(&s);
}

static void long_text_is_wrapped_at_spaces(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    tui_talk_show(&s.m, t);
    say(t, "Bob", "one two three four five six seven eight nine ten eleven twelve", false);
    const char *text = draw(&s, 12, 50);
    assert_non_null(strstr(text, "one two three four five six"));
    assert_null(strstr(text, "one two three four five six seven eight nine"));
    assert_non_null(strstr(text, "twelve"));
    end(&s);
}

static void V72_text_of_strangers_is_harmless(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    tui_talk_show(&s.m, t);
    say(t, "B\x1b[31mob", "a\x1b]52;c;AAAA\x07z \xe2\x80\xae gnp.exe", false);
    tui_set(&t->title, "evil\rtitle");
    const char *text = draw(&s, 24, 80);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\x07'));
    assert_null(strchr(text, '\r'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_non_null(strstr(text, "\\x1b]52;c;AAAA\\x07z <U+202E>"));
    end(&s);
}

static void C09_every_size_is_drawn(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    tui_talk_show(&s.m, t);
    for (int i = 0; i < 100; i++)
        say(t, "Bob", "text \xe4\xbd\xa0\xe5\xa5\xbd that is wide <U+202E> \xe2\x80\xae",
            i % 2 == 0);
    tui_set(&t->typing, "Bob");
    editor_set(&s.m.editor, SLICE("\xe4\xbd\xa0\xe5\xa5\xbd and more than fits in a line"));
    for (int rows = 1; rows < 30; rows++)
        for (int columns = 1; columns < 100; columns += 3) {
            t->scroll = (size_t)(rows * columns);
            (void)draw(&s, rows, columns);
        }
    end(&s);
}

static void the_editor_keeps_to_characters(void **state)
{
    struct tui_editor e = {0};
    (void)state;
    editor_insert(&e, 'a');
    editor_insert(&e, 0xe4);
    editor_insert(&e, 0x1f600);
    editor_key(&e, EDITOR_LEFT);
    editor_key(&e, EDITOR_BACKSPACE);
    assert_true(slice_is(editor_text(&e), "a\xf0\x9f\x98\x80"));
    char *line = editor_take(&e);
    assert_string_equal(line, "a\xf0\x9f\x98\x80");
    mem_free(line);
    editor_set(&e, SLICE("new"));
    editor_key(&e, EDITOR_OLDER);
    assert_true(slice_is(editor_text(&e), "a\xf0\x9f\x98\x80"));
    editor_key(&e, EDITOR_NEWER);
    assert_true(slice_is(editor_text(&e), "new"));
    editor_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_shown),
        cmocka_unit_test(long_text_is_wrapped_at_spaces),
        cmocka_unit_test(V72_text_of_strangers_is_harmless),
        cmocka_unit_test(C09_every_size_is_drawn),
        cmocka_unit_test(the_editor_keeps_to_characters),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
