/* The screen of `burble chat`: what is drawn for what the model holds, at any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>

#include "base/mem.h"
#include "burble/tui_paste.h"
#include "burble/tui_view.h"

enum { NOON = 43200000 };

struct seen {
    struct tui_model m;
    struct tui_grid g;
    struct buf text, row;
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
    buf_free(&s->row);
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
    assert_non_null(strstr(text, "12:00 Bob  How are you?"));
    assert_non_null(strstr(text, "12:00 me   Fine. \xe2\x9c\x93"));
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

static const char *row(struct seen *s, const char *text, int n)
{
    while (n-- > 0)
        text = strchr(text, '\n') + 1;
    buf_clear(&s->row);
    (void)buf_append(&s->row, text, (size_t)(strchr(text, '\n') - text));
    (void)buf_byte(&s->row, '\0');
    return s->row.ptr;
}

static void what_is_new_stands_below_a_rule(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *bob = tui_talk_open(&s.m, "bob@example.org", false);
    struct tui_talk *eve = tui_talk_open(&s.m, "eve@example.org", false);
    tui_talk_show(&s.m, eve);
    say(bob, "bob", "old", false);
    say(bob, "bob", "news", false);
    tui_news(&s.m, bob, bob->lines[1]);
    assert_non_null(strstr(draw(&s, 24, 80), "? bob@example.org   1"));
    assert_ptr_equal(tui_next_unread(&s.m), bob);
    tui_talk_show(&s.m, bob);
    const char *text = draw(&s, 24, 80), *rule = strstr(text, " new ");
    assert_non_null(rule);
    assert_true(strstr(text, "old") < rule && rule < strstr(text, "news"));
    assert_null(tui_next_unread(&s.m));
    tui_talk_show(&s.m, eve);
    tui_talk_show(&s.m, bob);
    assert_null(strstr(draw(&s, 24, 80), " new "));
    end(&s);
}

static void older_lines_keep_their_order_at_the_same_time(void **state)
{
    struct tui_line line = {.kind = TUI_SAID, .stamp_ms = NOON};
    static const char *const WANTED[] = {"1", "2", "3", "4", "5", "6"};
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    say(t, "bob", "5", false);
    for (int page = 1; page >= 0; page--) {
        t->older_at = 0;
        for (int i = 0; i < 2; i++) {
            line.text = line.who = (char *)(void *)WANTED[page * 2 + i];
            (void)tui_line_add_older(t, &line);
        }
    }
    say(t, "bob", "6", false);
    for (size_t i = 0; i < t->count; i++)
        assert_string_equal(t->lines[i]->text, WANTED[i]);
    end(&s);
}

static void a_room_decides_when_a_line_was_said(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "tea@rooms.example.org", true);
    say(t, "me", "mine", true);
    say(t, "bob", "first", false);
    say(t, "bob", "second", false);
    tui_line_move(t, t->lines[0], NOON);
    tui_line_move(t, t->lines[0], NOON + 1);
    const char *const WANTED[] = {"second", "mine", "first"};
    for (size_t i = 0; i < t->count; i++)
        assert_string_equal(t->lines[i]->text, WANTED[i]);
    assert_int_equal(t->count, 3);
    end(&s);
}

static void who_has_scrolled_up_goes_on_seeing_the_same(void **state)
{
    struct seen s;
    char text[32], before[400];
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    tui_talk_show(&s.m, t);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof(text), "number %d", i);
        say(t, "bob", text, false);
    }
    t->scroll = 20;
    (void)snprintf(before, sizeof(before), "%s", row(&s, draw(&s, 24, 80), 10));
    assert_non_null(strstr(before, "number 6"));
    say(t, "bob", "one more\nof three\nrows", false);
    assert_string_equal(row(&s, draw(&s, 24, 80), 10), before);
    assert_int_equal(t->scroll, 23);
    t->scroll = 100000;
    assert_non_null(strstr(draw(&s, 24, 80), "number 0\n"));
    assert_true(t->scroll < 110);
    end(&s);
}

static void C14_a_long_text_is_cut_between_characters(void **state)
{
    struct seen s;
    struct buf long_text = {0};
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open(&s.m, "bob@example.org", false);
    for (int i = 0; i < 400000; i++)
        (void)buf_lit(&long_text, "\xe4\xbd\xa0");
    (void)buf_byte(&long_text, '\0');
    say(t, "bob", long_text.ptr, false);
    assert_true(strlen(t->lines[0]->text) < TUI_TEXT_MAX + 64);
    assert_non_null(strstr(t->lines[0]->text, "\xa0\xe2\x80\xa6 [1191810 bytes more]"));
    buf_free(&long_text);
    end(&s);
}

static void a_page_is_scrolled_inside_of_itself(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    tui_set(&s.m.page, "one\ntwo\nthree\nfour\n");
    s.m.page_top = 50;
    const char *text = draw(&s, 5, 20);
    assert_int_equal(s.m.page_top, 2);
    assert_non_null(strstr(text, "\n three\n four\n"));
    assert_null(strstr(text, "two"));
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

static const char *line_of(const struct tui_editor *e)
{
    static char text[200];
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARG(editor_text(e)));
    return text;
}

static void C14_ten_thousand_contacts(void **state)
{
    struct seen s;
    char jid[40], name[40];
    size_t count;
    (void)state;
    begin(&s);
    for (unsigned i = 0; i < 10000; i++) {
        (void)snprintf(jid, sizeof(jid), "u%05u@example.org", i * 7919 % 10000);
        (void)snprintf(name, sizeof(name), "%s%05u", i % 2 == 0 ? "N" : "n", i * 7919 % 10000);
        tui_contact_set(&s.m, jid, name)->listed = i % 2 == 0;
    }
    tui_contact_set(&s.m, "u05000@example.org", "n99999");
    tui_contact_set(&s.m, "u00002@example.org", NULL);
    tui_contact_remove(&s.m, "u00004@example.org");
    tui_contact_find(&s.m, "u04000@example.org")->here = true;
    assert_null(tui_contact_find(&s.m, "u00004@example.org"));
    struct tui_entry *entries = tui_entries(&s.m, &count);
    assert_int_equal(count, 9999);
    assert_string_equal(entries[0].name, "N04000");
    assert_string_equal(entries[1].name, "N00000");
    assert_string_equal(entries[9997].name, "n99999");
    assert_string_equal(entries[9998].name, "u00002@example.org");
    mem_free(entries);
    struct tui_talk *t = tui_talk_open(&s.m, "u05000@example.org", false);
    tui_talk_show(&s.m, t);
    assert_non_null(strstr(draw(&s, 24, 80), "\xe2\x97\x8b n99999 "));
    tui_contacts_sweep(&s.m);
    assert_int_equal(s.m.contact_count, s.m.contact_map.count);
    assert_int_equal(s.m.contact_count, 4999);
    tui_contact_remove(&s.m, "u05000@example.org");
    assert_string_equal(t->title, "u05000@example.org");
    end(&s);
}

static void C14_conversations_of_strangers_push_nobody_out(void **state)
{
    struct seen s;
    char jid[40];
    (void)state;
    begin(&s);
    tui_contact_set(&s.m, "bob@example.org", "Bob");
    struct tui_talk *bob = tui_talk_open(&s.m, "bob@example.org", false);
    struct tui_talk *draft = tui_talk_open(&s.m, "draft@example.org", false);
    assert_non_null(tui_talk_open(&s.m, "room@example.org", true));
    tui_talk_show(&s.m, draft);
    editor_set(&s.m.editor, SLICE("half a line"));
    struct tui_talk *shown = tui_talk_open(&s.m, "shown@example.org", false);
    tui_talk_show(&s.m, shown);
    assert_non_null(tui_talk_open(&s.m, "read@example.org", false));
    say(bob, "bob", "unread", false);
    tui_news(&s.m, bob, bob->lines[0]);
    for (int i = 0; i < 2 * TUI_TALKS_MAX; i++) {
        (void)snprintf(jid, sizeof(jid), "spam%d@example.org", i);
        struct tui_talk *t = tui_talk_open(&s.m, jid, false);
        assert_non_null(t);
        say(t, jid, "spam", false);
        tui_news(&s.m, t, t->lines[0]);
    }
    assert_int_equal(s.m.talk_map.count, TUI_TALKS_MAX);
    assert_ptr_equal(tui_talk_find(&s.m, "bob@example.org"), bob);
    assert_ptr_equal(tui_talk_find(&s.m, "draft@example.org"), draft);
    assert_ptr_equal(tui_talk_find(&s.m, "shown@example.org"), shown);
    assert_non_null(tui_talk_find(&s.m, "room@example.org"));
    assert_null(tui_talk_find(&s.m, "read@example.org"));
    assert_null(tui_talk_find(&s.m, "spam0@example.org"));
    end(&s);
}

static void C14_all_lines_together_have_a_limit(void **state)
{
    struct seen s;
    static char text[TUI_TEXT_MAX];
    char jid[40];
    (void)state;
    begin(&s);
    struct tui_talk *small = tui_talk_open(&s.m, "small@example.org", false);
    say(small, "small", "kept", false);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 3; i++) {
        (void)snprintf(jid, sizeof(jid), "big%d@example.org", i);
        struct tui_talk *t = tui_talk_open(&s.m, jid, false);
        for (int k = 0; k < 4000; k++) {
            say(t, "big", "short", false);
            tui_line_set_text(t, t->lines[t->count - 1], text);
        }
        assert_true(s.m.bytes < TUI_BYTES_MAX + 2 * TUI_TEXT_MAX);
    }
    assert_int_equal(small->count, 1);
    assert_string_equal(small->lines[0]->text, "kept");
    while (!list_empty(&s.m.talks))
        tui_talk_close(&s.m, CONTAINER_OF(s.m.talks.next, struct tui_talk, link));
    assert_int_equal(s.m.bytes, 0);
    end(&s);
}

static void a_private_conversation_goes_with_the_nickname(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    struct tui_talk *t = tui_talk_open_aside(&s.m, "tea@rooms.example.org", "Bob/B");
    assert_ptr_equal(tui_talk_open_aside(&s.m, "tea@rooms.example.org", "Bob/B"), t);
    tui_aside_rename(t, "Robert");
    assert_null(tui_talk_find(&s.m, "tea@rooms.example.org/Bob/B"));
    assert_ptr_equal(tui_talk_find(&s.m, "tea@rooms.example.org/Robert"), t);
    tui_talk_show(&s.m, t);
    const char *text = draw(&s, 24, 80);
    assert_non_null(strstr(text, "* Robert in tea "));
    assert_non_null(strstr(text, " Robert  in private, in tea@rooms.example.org"));
    end(&s);
}

static void the_cursor_does_not_part_a_letter_from_its_accent(void **state)
{
    struct tui_editor e = {0};
    (void)state;
    editor_set(&e, SLICE("ae\xcc\x81z"));
    editor_key(&e, EDITOR_LEFT);
    editor_key(&e, EDITOR_LEFT);
    editor_insert(&e, '|');
    assert_string_equal(line_of(&e), "a|e\xcc\x81z");
    editor_key(&e, EDITOR_DELETE);
    assert_string_equal(line_of(&e), "a|z");
    editor_set(&e, SLICE("one\ntwo\tthree"));
    editor_key(&e, EDITOR_WORD_LEFT);
    editor_key(&e, EDITOR_KILL_WORD);
    assert_string_equal(line_of(&e), "one\nthree");
    editor_free(&e);
}

static bool paste(struct tui_editor *e, const char *text)
{
    struct tui_paste p = {0};
    tui_paste_begin(&p);
    for (; *text != '\0'; text++)
        tui_paste_add(&p, (unsigned char)*text);
    return tui_paste_end(&p, e);
}

static void a_paste_is_text_whatever_is_in_it(void **state)
{
    struct tui_editor e = {0};
    (void)state;
    assert_true(paste(&e, "/quit\r\nsecond\rthird\x1b[A\x03\x9b\tend\n\n"));
    assert_string_equal(line_of(&e), "//quit\nsecond\nthird[A\tend");
    assert_true(paste(&e, "/more"));
    assert_string_equal(line_of(&e), "//quit\nsecond\nthird[A\tend/more");
    editor_key(&e, EDITOR_HOME);
    assert_true(paste(&e, "//"));
    assert_string_equal(line_of(&e), "/////quit\nsecond\nthird[A\tend/more");
    editor_free(&e);
}

static void C14_a_paste_that_does_not_fit_is_left_out(void **state)
{
    struct tui_editor e = {0};
    struct tui_paste p = {0};
    (void)state;
    editor_set(&e, SLICE("kept"));
    for (int more = 0; more < 2; more++) {
        tui_paste_begin(&p);
        for (int i = 0; i < EDITOR_BYTES_MAX * (1 + more) - 3; i++)
            tui_paste_add(&p, 'x');
        assert_false(tui_paste_end(&p, &e));
        assert_string_equal(line_of(&e), "kept");
        editor_set(&e, SLICE("kept"));
        editor_insert(&e, '!');
        editor_key(&e, EDITOR_BACKSPACE);
    }
    tui_paste_begin(&p);
    for (int i = 0; i < EDITOR_BYTES_MAX / 2; i++)
        tui_paste_add(&p, 'x');
    assert_true(tui_paste_end(&p, &e));
    assert_int_equal(editor_text(&e).len, EDITOR_BYTES_MAX / 2 + 4);
    tui_paste_free(&p);
    editor_free(&e);
}

static void a_line_break_is_an_arrow_where_it_is_typed(void **state)
{
    struct seen s;
    (void)state;
    begin(&s);
    editor_set(&s.m.editor, SLICE("one\n/two\tthree"));
    assert_non_null(strstr(draw(&s, 24, 80), "\n> one\xe2\x86\xb5/two three\n"));
    assert_int_equal(s.g.cursor_column, 2 + 14);
    assert_non_null(strstr(draw(&s, 24, 10), "\n> o three\n"));
    assert_int_equal(s.g.cursor_column, 9);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_shown),
        cmocka_unit_test(long_text_is_wrapped_at_spaces),
        cmocka_unit_test(what_is_new_stands_below_a_rule),
        cmocka_unit_test(older_lines_keep_their_order_at_the_same_time),
        cmocka_unit_test(a_room_decides_when_a_line_was_said),
        cmocka_unit_test(who_has_scrolled_up_goes_on_seeing_the_same),
        cmocka_unit_test(C14_a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_page_is_scrolled_inside_of_itself),
        cmocka_unit_test(V72_text_of_strangers_is_harmless),
        cmocka_unit_test(C09_every_size_is_drawn),
        cmocka_unit_test(the_editor_keeps_to_characters),
        cmocka_unit_test(C14_ten_thousand_contacts),
        cmocka_unit_test(C14_conversations_of_strangers_push_nobody_out),
        cmocka_unit_test(C14_all_lines_together_have_a_limit),
        cmocka_unit_test(a_private_conversation_goes_with_the_nickname),
        cmocka_unit_test(the_cursor_does_not_part_a_letter_from_its_accent),
        cmocka_unit_test(a_paste_is_text_whatever_is_in_it),
        cmocka_unit_test(C14_a_paste_that_does_not_fit_is_left_out),
        cmocka_unit_test(a_line_break_is_an_arrow_where_it_is_typed),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
