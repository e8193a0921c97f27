/* Tests of whom a bot answers (C10, C11, S12). */
#include "burble/test_support.h"

#include "burble/bot.h"

#define OWN "bot@example.org/here"

enum { NOON_MS = 1000000000 };

static struct app app;
static struct bot_rules rules;
static struct burble_message m;
static const char *said; /* on standard error */

static int begin(const char *line)
{
    bot_rules_free(&rules);
    options_free(&app.options);
    assert_int_equal(test_options(line, &app.options), 0);
    struct test_catch caught = test_catch_begin(STDERR_FILENO);
    int status = bot_rules_init(&rules, &app);
    said = test_catch_end(&caught);
    m = (struct burble_message){.type = BURBLE_CHAT,
                                .origin = BURBLE_LIVE,
                                .from = "ann@example.org/phone",
                                .from_bare = "ann@example.org",
                                .body = "hello",
                                .stamp_ms = NOON_MS};
    return status;
}

static enum bot_verdict judge_at(uint64_t now_ms)
{
    struct bot_said it = {
        .message = &m, .text = m.body, .to = m.from, .who = m.from_bare, .place = NULL};
    return bot_judge(&rules, &it, OWN, now_ms, NOON_MS);
}

static enum bot_verdict judge(void)
{
    return judge_at(1000);
}

static void C10_only_news_is_answered(void **state)
{
    (void)state;
    assert_int_equal(begin("bot -- x"), 0);
    assert_int_equal(judge(), BOT_YES);
    static const enum burble_origin COPIES[] = {BURBLE_CARBON_SENT, BURBLE_CARBON_RECEIVED,
                                                BURBLE_ARCHIVED};
    for (size_t i = 0; i < sizeof(COPIES) / sizeof(COPIES[0]); i++) {
        m.origin = COPIES[i];
        assert_int_equal(judge(), BOT_NEVER);
    }
    m.origin = BURBLE_LIVE;
    m.type = BURBLE_MESSAGE_ERROR;
    assert_int_equal(judge(), BOT_NEVER);
    m.type = BURBLE_HEADLINE;
    assert_int_equal(judge(), BOT_NEVER);
    m.type = BURBLE_NORMAL;
    assert_int_equal(judge(), BOT_YES);
    m.body = NULL;
    assert_int_equal(judge(), BOT_NEVER);
}

static void C10_its_own_words_are_not_answered(void **state)
{
    (void)state;
    assert_int_equal(begin("bot -- x"), 0);
    m.from = OWN;
    m.from_bare = "bot@example.org";
    assert_int_equal(judge(), BOT_NEVER);
    m.origin = BURBLE_DELAYED;
    assert_int_equal(judge(), BOT_NEVER);
    m.from = "bot@example.org/elsewhere";
    assert_int_equal(judge(), BOT_YES);
}

static void C10_what_waited_is_answered_while_it_is_young(void **state)
{
    (void)state;
    assert_int_equal(begin("bot --max-age 60 -- x"), 0);
    m.origin = BURBLE_DELAYED;
    m.stamp_ms = NOON_MS - 60000;
    assert_int_equal(judge(), BOT_YES);
    m.stamp_ms--;
    assert_int_equal(judge(), BOT_NEVER);
    m.stamp_ms = NOON_MS;
    m.type = BURBLE_GROUPCHAT;
    assert_int_equal(judge(), BOT_NEVER);
    m.origin = BURBLE_LIVE;
    assert_int_equal(judge(), BOT_YES);
}

static void S12_only_those_who_are_named(void **state)
{
    (void)state;
    assert_int_equal(begin("bot --allow Ann@Example.org --allow eve@example.org -- x"), 0);
    assert_false(rules.all);
    assert_int_equal(judge(), BOT_YES);
    m.from_bare = "bob@example.org";
    assert_int_equal(judge(), BOT_DENIED);
    m.from_bare = "example.org";
    assert_int_equal(judge(), BOT_DENIED);
    m.from_bare = "ann@example.org.evil.example";
    assert_int_equal(judge(), BOT_DENIED);
    struct bot_said in_a_room = {.message = &m, .who = "r@rooms.example.org/x", .place = NULL};
    assert_int_equal(bot_judge(&rules, &in_a_room, OWN, 1, NOON_MS), BOT_DENIED);
    in_a_room.place = "eve@example.org";
    assert_int_equal(bot_judge(&rules, &in_a_room, OWN, 1, NOON_MS), BOT_YES);
}

static void names_are_bare_addresses(void **state)
{
    (void)state;
    assert_int_equal(begin("bot --allow ann@example.org/phone -- x"), EXIT_USAGE);
    test_has(said, "--allow is an address without a resource, not \"ann@example.org/phone\"");
    assert_int_equal(begin("bot --allow @ -- x"), EXIT_USAGE);
    assert_int_equal(begin("bot --rate 0 -- x"), EXIT_USAGE);
}

static void C11_too_many_is_said_once_a_minute(void **state)
{
    (void)state;
    assert_int_equal(begin("bot --rate 3 -- x"), 0);
    for (int minute = 0; minute < 3; minute++) {
        uint64_t now = 1000 + (uint64_t)minute * 60000;
        for (int i = 0; i < 3; i++)
            assert_int_equal(judge_at(now), BOT_YES);
        assert_int_equal(judge_at(now), BOT_TOO_MANY);
        for (int i = 0; i < 100; i++)
            assert_int_equal(judge_at(now + 59999), BOT_SILENT);
        m.from_bare = "bob@example.org"; /* somebody else's minute is his own */
        assert_int_equal(judge_at(now), BOT_YES);
        m.from_bare = "ann@example.org";
    }
}

static void C11_who_is_denied_is_counted_too(void **state)
{
    (void)state;
    assert_int_equal(begin("bot --rate 2 --allow eve@example.org -- x"), 0);
    assert_int_equal(judge(), BOT_DENIED);
    assert_int_equal(judge(), BOT_DENIED);
    assert_int_equal(judge(), BOT_SILENT);
}

static enum bot_verdict stranger(unsigned number, uint64_t now_ms)
{
    char bare[64];
    snprintf(bare, sizeof(bare), "u%u@example.net", number);
    m.from_bare = bare;
    enum bot_verdict verdict = judge_at(now_ms);
    m.from_bare = "ann@example.org";
    return verdict;
}

static void C11_the_memory_of_strangers_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(begin("bot --rate 1 -- x"), 0);
    for (unsigned i = 0; i < BOT_PEERS_MAX; i++)
        assert_int_equal(stranger(i, 100000), BOT_YES);
    assert_int_equal(judge_at(100000), BOT_SILENT); /* nobody can be counted any more */
    assert_int_equal(stranger(7, 100000), BOT_TOO_MANY);
    assert_int_equal(rules.seen.count, BOT_PEERS_MAX);
    assert_int_equal(judge_at(160000), BOT_YES); /* a minute later they are forgotten */
    assert_int_equal(rules.seen.count, 1);

    assert_int_equal(begin("bot --rate 1 --allow ann@example.org -- x"), 0);
    for (unsigned i = 0; i < BOT_PEERS_MAX; i++)
        assert_int_equal(stranger(i, 100000), BOT_DENIED);
    assert_int_equal(stranger(BOT_PEERS_MAX, 100000), BOT_SILENT);
    assert_int_equal(judge_at(100000), BOT_YES); /* those who are named are heard */
}

static int teardown(void **state)
{
    (void)state;
    bot_rules_free(&rules);
    options_free(&app.options);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(C10_only_news_is_answered),
        cmocka_unit_test(C10_its_own_words_are_not_answered),
        cmocka_unit_test(C10_what_waited_is_answered_while_it_is_young),
        cmocka_unit_test(S12_only_those_who_are_named),
        cmocka_unit_test(names_are_bare_addresses),
        cmocka_unit_test(C11_too_many_is_said_once_a_minute),
        cmocka_unit_test(C11_who_is_denied_is_counted_too),
        cmocka_unit_test(C11_the_memory_of_strangers_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
