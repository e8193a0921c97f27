/* Ad-hoc commands: running them step by step, and offering them to those who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/adhoc.h"
#include "client/test_client.h"

#define CMD "http://jabber.org/protocol/commands"
#define ERROR(condition)                                                                           \
    "<error type='cancel'><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

struct heard {
    struct test_client *t;
    struct burble_adhoc *a;
    unsigned steps, lists, calls;
    enum burble_iq_outcome outcome;
    enum burble_adhoc_status status;
    enum burble_adhoc_action execute, action;
    unsigned actions;
    size_t notes, items;
    bool form, free_it, free_client, first;
    char note[64], condition[64], item[64], session[64], value[64];
};

static void on_step(struct burble_adhoc *a, const struct burble_adhoc_step *step, void *arg)
{
    struct heard *s = arg;
    assert_ptr_equal(burble_adhoc_client(a), s->t->c);
    s->steps++;
    s->outcome = step->outcome;
    s->status = step->status;
    s->actions = step->actions;
    s->execute = step->execute;
    s->notes = step->note_count;
    s->form = step->form != NULL;
    assert_null(step->url);
    snprintf(s->note, sizeof(s->note), "%s", step->note_count > 0 ? step->notes[0].text : "");
    snprintf(s->condition, sizeof(s->condition), "%s",
             step->error.condition != NULL ? step->error.condition : "");
    if (step->form != NULL)
        (void)burble_form_set(step->form, "a", "filled in");
    if (s->free_it)
        burble_adhoc_free(&s->a);
    if (s->free_client)
        burble_free(&s->t->c);
}

static void online(struct test_client *t, struct heard *s)
{
    *s = (struct heard){.t = t};
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
}

static void on_list(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    struct heard *s = arg;
    (void)c;
    s->lists++;
    s->items = items->item_count;
    snprintf(s->item, sizeof(s->item), "%s", items->item_count > 0 ? items->items[0].node : "");
}

static void only_the_own_commands_are_listed(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    uint64_t handle;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_adhoc_list(t.c, "Bot.example.org", on_list, &s, NULL), 0);
    test_request(&t, "get", "bot.example.org", id);
    test_expect(&t, "node='" CMD "'");
    test_result(&t, id, "bot.example.org",
                "<query xmlns='http://jabber.org/protocol/disco#items' node='" CMD "'>"
                "<item jid='evil.example.org' node='x'/><item jid='bot.example.org'/>"
                "<item jid='bot.example.org' node='stop' name='Stop'/></query>");
    assert_int_equal(s.lists, 1);
    assert_int_equal(s.items, 1);
    assert_string_equal(s.item, "stop");
    assert_int_equal(burble_adhoc_list(t.c, NULL, on_list, &s, &handle), 0);
    burble_cancel(t.c, handle);
    assert_int_equal(burble_adhoc_list(t.c, "@", on_list, &s, NULL), BURBLE_ERR_SYNTAX);
    test_end(&t);
    assert_int_equal(s.lists, 1);
}

static void begin(struct test_client *t, struct heard *s, char id[TEST_ID_BYTES])
{
    assert_int_equal(burble_adhoc_run(t->c, "bot.example.org", "conf", on_step, s, &s->a), 0);
    test_request(t, "set", "bot.example.org", id);
    test_expect(t, "<command xmlns='" CMD "' node='conf' action='execute'/>");
}

static void answer(struct test_client *t, const char *id, const char *attributes, const char *in)
{
    test_receivef(t,
                  "<iq type='result' id='%s' from='bot.example.org'>"
                  "<command xmlns='" CMD "' node='conf' %s>%s</command></iq>",
                  id, attributes, in);
}

#define FORM "<x xmlns='jabber:x:data' type='form'><field var='a'/></x>"

static void a_command_goes_step_by_step(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    begin(&t, &s, id);
    assert_int_equal(burble_adhoc_go(s.a, BURBLE_ADHOC_NEXT), BURBLE_ERR_BUSY);
    answer(&t, id, "sessionid='s&amp;1' status='executing'",
           "<actions execute='next'><next/></actions>" FORM);
    assert_int_equal(s.status, BURBLE_ADHOC_EXECUTING);
    assert_int_equal(s.actions, BURBLE_ADHOC_NEXT | BURBLE_ADHOC_CANCEL);
    assert_int_equal(s.execute, BURBLE_ADHOC_NEXT);
    assert_int_equal(burble_adhoc_go(s.a, BURBLE_ADHOC_PREV), BURBLE_ERR_REFUSED);
    assert_int_equal(burble_adhoc_go(s.a, BURBLE_ADHOC_NEXT), 0);
    test_request(&t, "set", "bot.example.org", id);
    test_expect(&t, "node='conf' sessionid='s&amp;1' action='next'><x xmlns='jabber:x:data' "
                    "type='submit'><field var='a'><value>filled in</value></field></x></command>");
    test_receivef(
        &t, "<iq type='error' id='%s' from='bot.example.org'>" ERROR("bad-request") "</iq>", id);
    assert_string_equal(s.condition, "bad-request");
    assert_true(s.form); /* the step before still stands */
    assert_int_equal(burble_adhoc_go(s.a, BURBLE_ADHOC_EXECUTE), 0);
    test_request(&t, "set", "bot.example.org", id);
    test_expect(&t, "sessionid='s&amp;1'><x");
    answer(&t, id, "sessionid='other' status='completed'",
           "<note type='error'>It is broken</note><note/>");
    assert_int_equal(s.status, BURBLE_ADHOC_COMPLETED);
    assert_int_equal(s.notes, 2);
    assert_string_equal(s.note, "It is broken");
    assert_int_equal(burble_adhoc_go(s.a, BURBLE_ADHOC_COMPLETE), BURBLE_ERR_REFUSED);
    assert_int_equal(s.steps, 3);
    (void)test_sent(&t);
    burble_adhoc_free(&s.a);
    assert_null(s.a);
    test_expect_nothing(&t); /* it was over */
    test_end(&t);
}

static void actions_are_as_the_other_side_says(void **state)
{
    static const struct {
        const char *in;
        unsigned actions;
        enum burble_adhoc_action execute;
    } CASES[] = {
        {"", BURBLE_ADHOC_COMPLETE, BURBLE_ADHOC_COMPLETE},
        {"<actions><next/><prev/></actions>", BURBLE_ADHOC_NEXT | BURBLE_ADHOC_PREV,
         BURBLE_ADHOC_NEXT},
        {"<actions><complete/></actions>", BURBLE_ADHOC_COMPLETE, BURBLE_ADHOC_COMPLETE},
        {"<actions execute='complete'><complete/><evil/></actions>", BURBLE_ADHOC_COMPLETE,
         BURBLE_ADHOC_COMPLETE},
        {"<actions execute='evil'><prev/></actions>", BURBLE_ADHOC_PREV | BURBLE_ADHOC_COMPLETE,
         BURBLE_ADHOC_COMPLETE},
    };
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        begin(&t, &s, id);
        answer(&t, id, "sessionid='1' status='executing'", CASES[i].in);
        assert_int_equal(s.actions, CASES[i].actions | BURBLE_ADHOC_CANCEL);
        assert_int_equal(s.execute, CASES[i].execute);
        burble_adhoc_free(&s.a);
        test_expect(&t, "sessionid='1' action='cancel'/>");
    }
    begin(&t, &s, id);
    test_result(&t, id, "bot.example.org", "");
    assert_int_equal(s.outcome, BURBLE_IQ_ERROR);
    assert_int_equal(burble_adhoc_go(s.a, BURBLE_ADHOC_EXECUTE), BURBLE_ERR_REFUSED);
    burble_adhoc_free(&s.a);
    test_end(&t);
}

static void V16_a_command_is_freed_in_its_callback(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    begin(&t, &s, id);
    burble_adhoc_free(&s.a); /* before the answer */
    answer(&t, id, "", "");
    assert_int_equal(s.steps, 0);
    s.free_it = true;
    begin(&t, &s, id);
    answer(&t, id, "sessionid='1' status='executing'", FORM);
    assert_null(s.a);
    assert_int_equal(s.steps, 1);
    test_expect(&t, "action='cancel'");
    begin(&t, &s, id);
    s.free_client = true;
    answer(&t, id, "sessionid='1' status='executing'", FORM);
    assert_null(t.c);
    test_end(&t);
}

/* ------------------------------------------------------------------------------------- offering */

static bool may(struct burble *c, const char *from, const char *node, void *arg)
{
    struct heard *s = arg;
    assert_int_equal(burble_adhoc_offer(c, node, NULL, may, NULL, s), BURBLE_ERR_BUSY);
    return strncmp(from, "admin@example.org/", 18) == 0;
}

static void on_call(struct burble *c, const struct burble_adhoc_call *call, void *arg)
{
    struct heard *s = arg;
    struct burble_form *form = burble_form_new(BURBLE_FORM_ASKS, NULL);
    const struct burble_field field = {.var = "who"};
    s->calls++;
    s->first = call->first;
    s->action = call->action;
    snprintf(s->session, sizeof(s->session), "%s", call->session);
    snprintf(s->value, sizeof(s->value), "%s",
             call->form != NULL ? burble_form_value(call->form, "who") : "");
    assert_string_equal(call->node, "greet");
    assert_string_equal(call->from_bare, "admin@example.org");
    assert_int_equal(burble_form_add(form, &field), 0);
    if (call->first)
        assert_int_equal(burble_adhoc_reply(c, call,
                                            &(struct burble_adhoc_answer){
                                                .status = BURBLE_ADHOC_EXECUTING, .form = form}),
                         0);
    else if (call->form != NULL)
        assert_int_equal(
            burble_adhoc_reply(c, call,
                               &(struct burble_adhoc_answer){.status = BURBLE_ADHOC_COMPLETED,
                                                             .note = "Hi <you>"}),
            0);
    if (call->first)
        assert_int_equal(burble_adhoc_reply(c, call, &(struct burble_adhoc_answer){.note = "2"}),
                         BURBLE_ERR_REFUSED);
    if (s->free_client)
        burble_free(&s->t->c);
    burble_form_free(&form);
}

#define EXECUTE "<command xmlns='" CMD "' node='greet'/>"

static void ask(struct test_client *t, const char *from, const char *payload)
{
    (void)test_sent(t);
    test_receivef(t, "<iq type='set' id='q' from='%s'>%s</iq>", from, payload);
}

static void list(struct test_client *t, const char *from)
{
    test_receivef(t,
                  "<iq type='get' id='i' from='%s'><query node='" CMD
                  "' xmlns='http://jabber.org/protocol/disco#items'/></iq>",
                  from);
}

static void V68_nothing_is_offered_by_itself_and_nothing_to_strangers(void **state)
{
    static const char *const OTHERS[] = {"mallory@example.org/x", "example.org", "me@example.org",
                                         "admin@example.org.evil.org/x", "admin@example.org"};
    struct test_client t;
    struct heard s;
    (void)state;
    online(&t, &s);
    ask(&t, "admin@example.org/x", EXECUTE);
    test_expect(&t, "<service-unavailable ");
    assert_int_equal(burble_adhoc_offer(t.c, "greet", "Greet", NULL, on_call, &s),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_adhoc_offer(t.c, "greet", "Greet", may, on_call, &s), 0);
    assert_int_equal(burble_adhoc_offer(t.c, "greet", "Greet", may, on_call, &s),
                     BURBLE_ERR_EXISTS);
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        ask(&t, OTHERS[i], EXECUTE);
        test_expect(&t, "<service-unavailable ");
    }
    test_receive(&t, "<iq type='set' id='own'>" EXECUTE "</iq>");
    test_expect(&t, "<service-unavailable ");
    assert_int_equal(s.calls, 0);
    burble_set_tell(t.c, BURBLE_TELL_ALL);
    assert_int_equal(burble_set_identity(t.c, NULL, "bot", NULL), 0);
    list(&t, "mallory@example.org/x");
    test_expect(&t, "<item-not-found ");
    list(&t, "admin@example.org/x");
    test_expect(&t, "<item jid='me@example.org/here' node='greet' name='Greet'/>");
    assert_int_equal(burble_adhoc_offer(t.c, "greet", NULL, NULL, NULL, NULL), 0);
    ask(&t, "admin@example.org/x", EXECUTE);
    test_expect(&t, "<service-unavailable ");
    test_end(&t);
}

static void go_on(struct test_client *t, const char *from, const char *session, const char *rest)
{
    (void)test_sent(t);
    test_receivef(t,
                  "<iq type='set' id='q' from='%s'><command xmlns='" CMD
                  "' node='greet' sessionid='%s' %s</command></iq>",
                  from, session, rest);
}

static void an_offered_command_is_run(void **state)
{
    static const char SUBMIT[] = "><x xmlns='jabber:x:data' type='submit'><field var='who'>"
                                 "<value>me</value></field></x>";
    struct test_client t;
    struct heard s;
    char session[64];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_adhoc_offer(t.c, "greet", NULL, may, on_call, &s), 0);
    ask(&t, "admin@example.org/x", EXECUTE);
    test_expect(&t, "type='result' id='q' to='admin@example.org/x'><command xmlns='" CMD
                    "' node='greet' sessionid='");
    test_expect(&t, "status='executing'><actions execute='complete'><complete/></actions>"
                    "<x xmlns='jabber:x:data' type='form'>");
    assert_true(s.first);
    memcpy(session, s.session, sizeof(session));
    go_on(&t, "admin@example.org/other", session, SUBMIT);
    test_expect(&t, "<bad-request ");
    go_on(&t, "admin@example.org/x", "guessed", SUBMIT);
    test_expect(&t, "<bad-request ");
    go_on(&t, "admin@example.org/x", session, "action='evil'>");
    test_expect(&t, "<bad-request ");
    assert_int_equal(s.calls, 1);
    go_on(&t, "admin@example.org/x", session, SUBMIT);
    test_expect(&t, "status='completed'><note type='info'>Hi &lt;you&gt;</note>");
    assert_string_equal(s.value, "me");
    assert_string_equal(s.session, session);
    go_on(&t, "admin@example.org/x", session, SUBMIT);
    test_expect(&t, "<bad-request "); /* it is over */
    assert_int_equal(s.calls, 2);
    test_end(&t);
}

static void runs_end(void **state)
{
    struct test_client t;
    struct heard s;
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_adhoc_offer(t.c, "greet", NULL, may, on_call, &s), 0);
    ask(&t, "admin@example.org/x", EXECUTE);
    go_on(&t, "admin@example.org/x", s.session, "action='cancel'>");
    test_expect(&t, "status='canceled'/>");
    assert_int_equal(s.action, BURBLE_ADHOC_CANCEL);
    ask(&t, "admin@example.org/x", EXECUTE);
    go_on(&t, "admin@example.org/x", s.session, ">");
    test_expect(&t, "<internal-server-error "); /* the program said nothing */
    ask(&t, "admin@example.org/x", EXECUTE);
    test_pass(&t, 600000);
    test_receive(&t, "<message/>"); /* the server lives */
    go_on(&t, "admin@example.org/x", s.session, "action='cancel'>");
    test_expect(&t, "<bad-request ");
    for (int i = 0; i < 100; i++) {
        ask(&t, "admin@example.org/x", EXECUTE);
        test_expect(&t, "status='executing'");
    }
    ask(&t, "admin@example.org/x", EXECUTE);
    test_expect(&t, "<resource-constraint ");
    s.free_client = true;
    go_on(&t, "admin@example.org/x", s.session, "action='cancel'>");
    assert_null(t.c);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_own_commands_are_listed),
        cmocka_unit_test(a_command_goes_step_by_step),
        cmocka_unit_test(actions_are_as_the_other_side_says),
        cmocka_unit_test(V16_a_command_is_freed_in_its_callback),
        cmocka_unit_test(V68_nothing_is_offered_by_itself_and_nothing_to_strangers),
        cmocka_unit_test(an_offered_command_is_run),
        cmocka_unit_test(runs_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
