/* Blocked addresses: fetched, changed by the own account alone (V57), matched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/blocking.h"
#include "client/test_client.h"

struct seen {
    struct test_client t;
    struct burble_blocklist *list;
    unsigned ready, changed, bad, answers;
    char log[128];
    bool end;
};

static void on_ready(struct burble_blocklist *b, const struct burble_stanza_error *e, void *arg)
{
    struct seen *s = arg;
    (void)b;
    s->ready++;
    snprintf(s->log, sizeof(s->log), "%s", e != NULL ? e->condition : "ready");
    if (s->end)
        burble_blocklist_free(&s->list);
}

static void on_changed(struct burble_blocklist *b, const char *jid, bool blocked, void *arg)
{
    struct seen *s = arg;
    (void)b;
    s->changed++;
    snprintf(s->log, sizeof(s->log), "%s%s", blocked ? "+" : "-", jid != NULL ? jid : "all");
    if (s->end)
        burble_blocklist_free(&s->list);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct seen *s = arg;
    (void)c;
    s->bad += e->kind == BURBLE_EVENT_BAD;
}

static void on_answer(struct burble *c, const struct burble_iq *answer, void *arg)
{
    struct seen *s = arg;
    (void)c, (void)answer;
    s->answers++;
}

static void begin(struct seen *s, uint32_t max, const char *type, const char *payload)
{
    static char text[1024];
    *s = (struct seen){0};
    test_online(&s->t, &BURBLE_CONFIG(.on_event = on_event, .arg = s));
    assert_int_equal(
        burble_blocklist_new(s->t.c,
                             &BURBLE_BLOCKLIST_CONFIG(.arg = s, .ready = on_ready,
                                                      .changed = on_changed, .max = max),
                             &s->list),
        0);
    const char *id = test_between(&s->t, "<iq type='get' id='", "'");
    snprintf(text, sizeof(text), "<iq type='%s' id='%s'>%s</iq>", type, id, payload);
    test_expect(&s->t, "><blocklist xmlns='urn:xmpp:blocking'/></iq>");
    test_receive(&s->t, text);
    (void)test_sent(&s->t);
}

#define LIST                                                                                       \
    "<blocklist xmlns='urn:xmpp:blocking'><item jid='Eve@example.org'/>"                           \
    "<item jid='spam.example'/><item jid='dave@example.org/bot'/><item jid='host.example/r'/>"     \
    "</blocklist>"
#define PUSH(from, name, items)                                                                    \
    "<iq type='set' id='p' " from "><" name " xmlns='urn:xmpp:blocking'>" items "</" name "></iq>"

static void the_list_is_fetched_and_matched(void **state)
{
    static const struct {
        const char *jid;
        bool blocked;
    } CASES[] = {
        {"eve@example.org", true},      {"EVE@example.org/x", true}, {"bob@example.org", false},
        {"spam.example", true},         {"x@spam.example/y", true},  {"x@more.spam.example", false},
        {"dave@example.org/bot", true}, {"dave@example.org", false}, {"dave@example.org/x", false},
        {"x@host.example/r", true},     {"host.example", false},     {"@@", false},
    };
    struct seen s;
    (void)state;
    begin(&s, 0, "result", LIST);
    assert_string_equal(s.log, "ready");
    assert_true(burble_blocklist_is_ready(s.list));
    assert_int_equal(burble_blocklist_count(s.list), 4);
    assert_string_equal(burble_blocklist_at(s.list, 0), "dave@example.org/bot");
    assert_null(burble_blocklist_at(s.list, 4));
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_int_equal(burble_is_blocked(s.list, CASES[i].jid), CASES[i].blocked);
    assert_false(burble_is_blocked(s.list, NULL));
    test_end(&s.t);
}

static void pushes_change_the_list(void **state)
{
    struct seen s;
    (void)state;
    begin(&s, 0, "result", LIST);
    test_receive(&s.t, PUSH("", "block", "<item jid='amy@example.org'/>"));
    test_expect(&s.t, "<iq type='result' id='p'></iq>");
    assert_string_equal(s.log, "+amy@example.org");
    test_receive(&s.t, PUSH("from='me@example.org'", "unblock", "<item jid='amy@example.org'/>"));
    assert_string_equal(s.log, "-amy@example.org");
    assert_int_equal(burble_blocklist_count(s.list), 4);
    (void)test_sent(&s.t);
    test_receive(&s.t, PUSH("", "block", ""));
    test_expect(&s.t, "<bad-request");
    assert_int_equal(s.changed, 2);
    test_receive(&s.t, PUSH("", "unblock", ""));
    assert_string_equal(s.log, "-all");
    assert_int_equal(burble_blocklist_count(s.list), 0);
    test_end(&s.t);
}

static void V57_nobody_else_blocks_or_unblocks(void **state)
{
    static const char *const PUSHES[] = {
        PUSH("from='bob@example.org/x'", "unblock", ""),
        PUSH("from='me@example.org/other'", "unblock", ""),
        PUSH("from='example.org'", "unblock", "<item jid='eve@example.org'/>"),
        PUSH("from='eve@example.org'", "block", "<item jid='bob@example.org'/>"),
    };
    struct seen s;
    (void)state;
    begin(&s, 0, "result", LIST);
    for (size_t i = 0; i < sizeof(PUSHES) / sizeof(PUSHES[0]); i++) {
        test_receive(&s.t, PUSHES[i]);
        test_expect(&s.t, "<service-unavailable");
        assert_int_equal(s.bad, i + 1);
    }
    assert_int_equal(burble_blocklist_count(s.list), 4);
    assert_int_equal(s.changed, 0);
    test_end(&s.t);
}

static void limits_and_refusals_are_told(void **state)
{
    struct seen s;
    (void)state;
    begin(&s, 2, "result", LIST);
    assert_int_equal(burble_blocklist_count(s.list), 2);
    assert_int_equal(s.bad, 1);
    test_end(&s.t);
    begin(&s, 0, "error",
          "<error type='cancel'><service-unavailable "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
    assert_string_equal(s.log, "service-unavailable");
    assert_false(burble_blocklist_is_ready(s.list));
    test_end(&s.t);
}

static void changes_are_asked_for(void **state)
{
    static const char *const WHO[] = {"Eve@example.org", "spam.example", NULL};
    struct seen s;
    (void)state;
    begin(&s, 0, "result", LIST);
    assert_int_equal(burble_block(s.list, WHO, 2, on_answer, &s), 0);
    test_expect(&s.t, "<iq type='set'");
    test_expect(&s.t, "<block xmlns='urn:xmpp:blocking'><item jid='eve@example.org'/>"
                      "<item jid='spam.example'/></block></iq>");
    assert_int_equal(burble_unblock(s.list, WHO, 1, NULL, NULL), 0);
    test_expect(&s.t, "<unblock xmlns='urn:xmpp:blocking'><item jid='eve@example.org'/></unblock>");
    assert_int_equal(burble_unblock(s.list, NULL, 0, NULL, NULL), 0);
    test_expect(&s.t, "<unblock xmlns='urn:xmpp:blocking'/></iq>");
    assert_int_equal(burble_block(s.list, NULL, 0, NULL, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_block(s.list, WHO, 3, NULL, NULL), BURBLE_ERR_SYNTAX);
    test_expect_nothing(&s.t);
    test_break(&s.t);
    assert_int_equal(s.answers, 1);
    assert_int_equal(burble_block(s.list, WHO, 1, NULL, NULL), BURBLE_ERR_OFFLINE);
    test_end(&s.t);
}

static void V16_the_list_may_end_in_its_callbacks(void **state)
{
    struct seen s;
    struct burble_blocklist *second;
    (void)state;
    begin(&s, 0, "result", LIST);
    assert_int_equal(burble_blocklist_new(s.t.c, &BURBLE_BLOCKLIST_CONFIG(.arg = NULL), &second),
                     BURBLE_ERR_EXISTS);
    s.end = true;
    test_receive(&s.t, PUSH("", "block", "<item jid='a@example.org'/><item jid='b@example.org'/>"));
    assert_null(s.list);
    assert_int_equal(s.changed, 1);
    assert_int_equal(burble_blocklist_new(
                         s.t.c, &BURBLE_BLOCKLIST_CONFIG(.arg = &s, .ready = on_ready), &s.list),
                     0);
    test_break(&s.t);
    test_end(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_fetched_and_matched),
        cmocka_unit_test(pushes_change_the_list),
        cmocka_unit_test(V57_nobody_else_blocks_or_unblocks),
        cmocka_unit_test(limits_and_refusals_are_told),
        cmocka_unit_test(changes_are_asked_for),
        cmocka_unit_test(V16_the_list_may_end_in_its_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
