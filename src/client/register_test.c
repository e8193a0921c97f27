/* Registration by an account that is logged in: its password, its end, services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/register.h"
#include "client/client.h"
#include "client/test_client.h"

#define REG "jabber:iq:register"

struct heard {
    struct test_client *t;
    unsigned answers;
    enum burble_iq_outcome outcome;
    bool registered, plain, free_client;
    char condition[64], url[64], instructions[64];
    struct burble_form *form;
    struct buf xml;
};

static void on_answer(struct burble *c, const struct burble_registration *a, void *arg)
{
    struct heard *s = arg;
    (void)c;
    s->answers++;
    s->outcome = a->outcome;
    s->registered = a->registered;
    s->plain = a->plain;
    snprintf(s->condition, sizeof(s->condition), "%s", a->error.condition);
    snprintf(s->url, sizeof(s->url), "%s", a->url != NULL ? a->url : "-");
    snprintf(s->instructions, sizeof(s->instructions), "%s",
             a->instructions != NULL ? a->instructions : "-");
    burble_form_free(&s->form);
    if (a->form != NULL) {
        s->form = burble_form_copy(a->form);
        assert_non_null(s->form);
    }
    if (s->free_client)
        burble_free(&s->t->c);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct heard *s = arg;
    (void)c;
    if (e->kind == BURBLE_EVENT_XML)
        buf_append(&s->xml, e->xml->text, e->xml->len);
}

static void online(struct test_client *t, struct heard *s)
{
    *s = (struct heard){.t = t};
    test_online(t, &BURBLE_CONFIG(.on_event = on_event, .arg = s, .flags = BURBLE_RAW_XML));
    buf_clear(&s->xml);
}

static void end(struct test_client *t, struct heard *s)
{
    test_end(t);
    burble_form_free(&s->form);
    buf_free(&s->xml);
}

static void a_password_is_changed_and_never_shown(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_change_password(t.c, "n<w", on_answer, &s, NULL), 0);
    test_request(&t, "set", "example.org", id);
    test_expect(&t, "<query xmlns='" REG "'><username>me</username><password>n&lt;w</password>"
                    "</query>");
    assert_string_equal(t.c->setup.password, "secret");
    test_result(&t, id, "example.org", "");
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    assert_string_equal(t.c->setup.password, "n<w");
    buf_byte(&s.xml, '\0');
    assert_null(strstr(buf_slice(&s.xml).ptr, "n&lt;w"));
    assert_non_null(strstr(buf_slice(&s.xml).ptr, "not shown"));
    end(&t, &s);
}

static void a_refused_password_stays(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_change_password(t.c, "", on_answer, &s, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_change_password(t.c, NULL, on_answer, &s, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_change_password(t.c, "a\nb", on_answer, &s, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_change_password(t.c, "new", on_answer, &s, NULL), 0);
    test_request(&t, "set", "example.org", id);
    (void)test_sent(&t);
    test_receivef(&t,
                  "<iq type='error' id='%s' from='example.org'><query xmlns='" REG "'>"
                  "<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' type='hidden'>"
                  "<value>jabber:iq:register:changepassword</value></field>"
                  "<field var='old_password' type='text-private'/>"
                  "<field var='password' type='text-private'/></x></query>"
                  "<error type='modify'><not-authorized "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                  id);
    assert_string_equal(s.condition, "not-authorized");
    assert_string_equal(s.url, "-");
    assert_string_equal(s.instructions, "-");
    assert_string_equal(t.c->setup.password, "secret");
    assert_non_null(s.form);
    assert_int_equal(burble_form_set(s.form, "old_password", "secret"), 0);
    assert_int_equal(burble_form_set(s.form, "password", "new"), 0);
    assert_int_equal(burble_registration_submit(t.c, NULL, s.form, s.plain, on_answer, &s, NULL),
                     0);
    test_request(&t, "set", "example.org", id);
    test_expect(&t, "<field var='old_password'><value>secret</value></field>");
    test_result(&t, id, "example.org", "");
    assert_string_equal(t.c->setup.password, "new");
    end(&t, &s);
}

static void a_service_is_registered_with_single_fields(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_registration_ask(t.c, "irc.example.org", on_answer, &s, NULL), 0);
    test_request(&t, "get", "irc.example.org", id);
    test_result(&t, id, "irc.example.org",
                "<query xmlns='" REG "'>"
                "<registered/><instructions>Say who</instructions><username>old</username>"
                "<password/><key>k</key><evil/><x xmlns='jabber:x:oob'><url>https://a/</url></x>"
                "</query>");
    assert_true(s.registered && s.plain);
    assert_string_equal(s.instructions, "Say who");
    assert_string_equal(s.url, "https://a/");
    assert_int_equal(s.form->field_count, 3);
    assert_string_equal(burble_form_missing(s.form)->var, "password");
    assert_string_equal(burble_form_value(s.form, "username"), "old");
    assert_int_equal(burble_form_find(s.form, "password")->type, BURBLE_FIELD_SECRET);
    assert_int_equal(burble_form_set(s.form, "password", "pw"), 0);
    (void)test_sent(&t);
    assert_int_equal(
        burble_registration_submit(t.c, "irc.example.org", s.form, s.plain, on_answer, &s, NULL),
        0);
    test_request(&t, "set", "irc.example.org", id);
    test_expect(&t, "<query xmlns='" REG "'><username>old</username><password>pw</password>"
                    "<key>k</key></query>");
    test_result(&t, id, "irc.example.org", "");
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    assert_string_equal(t.c->setup.password, "secret");
    assert_int_equal(burble_registration_remove(t.c, NULL, on_answer, &s, NULL), BURBLE_ERR_SYNTAX);
    assert_int_equal(burble_registration_remove(t.c, "irc.example.org", on_answer, &s, NULL), 0);
    test_request(&t, "set", "irc.example.org", id);
    test_expect(&t, "<query xmlns='" REG "'><remove/></query>");
    end(&t, &s);
    assert_int_equal(s.outcome, BURBLE_IQ_GONE);
}

static void an_account_ends(void **state)
{
    struct test_client t;
    struct heard s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_cancel_account(t.c, on_answer, &s, NULL), 0);
    test_request(&t, "set", NULL, id);
    test_expect(&t, "<query xmlns='" REG "'><remove/></query>");
    test_result(&t, id, NULL, "");
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    test_break(&t);
    assert_int_equal(burble_state(t.c), BURBLE_OFFLINE); /* and not WAITING */
    assert_int_equal(burble_cancel_account(t.c, on_answer, &s, NULL), BURBLE_ERR_OFFLINE);
    end(&t, &s);
}

static void nothing_goes_out_without_tls(void **state)
{
    struct test_client t;
    struct heard s;
    (void)state;
    online(&t, &s);
    t.c->setup.config.flags &= ~(unsigned)BURBLE_UNSAFE_PLAIN;
    assert_int_equal(burble_change_password(t.c, "new", on_answer, &s, NULL), BURBLE_ERR_REFUSED);
    assert_int_equal(burble_registration_ask(t.c, "a.org", on_answer, &s, NULL),
                     BURBLE_ERR_REFUSED);
    test_expect_nothing(&t);
    end(&t, &s);
    assert_int_equal(s.answers, 0);
}

static void V16_the_client_is_freed_in_the_answer(void **state)
{
    struct test_client t;
    struct heard s;
    uint64_t handle;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_change_password(t.c, "new", on_answer, &s, &handle), 0);
    burble_cancel(t.c, handle);
    (void)test_sent(&t);
    s.free_client = true;
    assert_int_equal(burble_registration_ask(t.c, NULL, on_answer, &s, NULL), 0);
    test_request(&t, "get", "example.org", id);
    test_result(&t, id, "example.org",
                "<query xmlns='" REG "'>"
                "<username/></query>");
    assert_int_equal(s.answers, 1);
    assert_null(t.c);
    end(&t, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_changed_and_never_shown),
        cmocka_unit_test(a_refused_password_stays),
        cmocka_unit_test(a_service_is_registered_with_single_fields),
        cmocka_unit_test(an_account_ends),
        cmocka_unit_test(nothing_goes_out_without_tls),
        cmocka_unit_test(V16_the_client_is_freed_in_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
