/* Structures that programs give and that may grow: each begins with its size, and its macro sets
 * that. Without a structure everything has its default; without a size nothing is guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burble/archive.h"
#include "burble/blocking.h"
#include "burble/bookmarks.h"
#include "burble/chat.h"
#include "burble/file.h"
#include "burble/ibb.h"
#include "burble/room.h"
#include "client/test_client.h"

#define ROOM "talk@muc.example.org"
#define BOB  "bob@example.org/x"

struct objects {
    struct burble_roster *roster;
    struct burble_chat *chat;
    struct burble_blocklist *blocklist;
    struct burble_bookmarks *bookmarks;
    struct burble_room *room;
    struct burble_ibb *ibb;
    struct burble_file *file;
};

/* All that take such a structure are called with an empty one, or with none. */
static void make_all(struct burble *c, struct objects *o, bool none, int expected)
{
    const struct burble_roster_config roster = {0};
    const struct burble_chat_config chat = {0};
    const struct burble_blocklist_config blocklist = {0};
    const struct burble_bookmarks_config bookmarks = {0};
    const struct burble_room_config room = {0};
    const struct burble_archive_query query = {0};
    const struct burble_ibb_handlers ibb = {0};
    const struct burble_file_handlers file = {0};
    const struct burble_file_info info = {.name = "a", .size = 1};
    const int results[] = {
        burble_roster_new(c, none ? NULL : &roster, &o->roster),
        burble_chat_new(c, none ? NULL : &chat, &o->chat),
        burble_blocklist_new(c, none ? NULL : &blocklist, &o->blocklist),
        burble_bookmarks_new(c, none ? NULL : &bookmarks, &o->bookmarks),
        burble_room_join(c, ROOM, none ? NULL : &room, &o->room),
        burble_archive_query(c, none ? NULL : &query, NULL),
        burble_ibb_open(c, BOB, NULL, 0, none ? NULL : &ibb, NULL, &o->ibb),
        burble_file_offer(c, BOB, &info, none ? NULL : &file, NULL, &o->file),
    };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        assert_int_equal(results[i], expected);
}

static void without_its_size_a_structure_is_refused(void **state)
{
    struct test_client t;
    struct objects o;
    struct burble *c;
    (void)state;
    assert_int_equal(burble_new(&(struct burble_config){.jid = "me@example.org"}, &c),
                     BURBLE_ERR_SYNTAX);
    assert_null(c);
    test_online(&t, &BURBLE_CONFIG());
    make_all(t.c, &o, false, BURBLE_ERR_SYNTAX);
    test_expect_nothing(&t);
    assert_null(o.roster);
    assert_null(o.chat);
    assert_null(o.blocklist);
    assert_null(o.bookmarks);
    assert_null(o.room);
    assert_null(o.ibb);
    assert_null(o.file);
    make_all(t.c, &o, true, 0); /* nothing of the first try stands in the way */
    test_end(&t);
}

static void without_a_structure_everything_has_its_default(void **state)
{
    struct test_client t;
    struct objects o;
    struct burble *c;
    (void)state;
    assert_int_equal(burble_new(NULL, &c), BURBLE_ERR_SYNTAX); /* an account has no default */
    test_online(&t, &BURBLE_CONFIG());
    make_all(t.c, &o, true, 0);
    test_expect(&t, "<presence to='" ROOM "/me'>");
    test_end(&t);
}

/* As of a program that was compiled when the structure had fewer members. */
static void members_behind_the_size_are_not_read(void **state)
{
    struct test_client t;
    struct burble_room *room;
    (void)state;
    test_online(&t, &BURBLE_CONFIG());
    struct burble_room_config config = BURBLE_ROOM_CONFIG(.nick = "al", .password = "not there");
    config.size = offsetof(struct burble_room_config, password);
    assert_int_equal(burble_room_join(t.c, ROOM, &config, &room), 0);
    test_pass(&t, 0);
    assert_int_equal(test_count(test_sent(&t), "<password>"), 0);
    assert_string_equal(burble_room_nick(room), "al");
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_its_size_a_structure_is_refused),
        cmocka_unit_test(without_a_structure_everything_has_its_default),
        cmocka_unit_test(members_behind_the_size_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
