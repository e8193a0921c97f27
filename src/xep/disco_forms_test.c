/* XEP-0128: forms that modules write stand behind the features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

extern const struct module DISCO_MODULE;

static void form(struct xml_writer *w, const char *type)
{
    xml_open(w, SLICE("x"), NS_DATA_FORMS);
    xml_attr_put(w, SLICE("type"), SLICE("result"));
    xml_open(w, SLICE("field"), SLICE_NONE);
    xml_attr_put(w, SLICE("var"), SLICE("FORM_TYPE"));
    xml_attr_put(w, SLICE("type"), SLICE("hidden"));
    xml_leaf(w, SLICE("value"), SLICE_NONE, slice_z(type));
    xml_close(w);
    xml_close(w);
}

static void of_one(struct engine *e, const struct host_config *host, struct xml_writer *w)
{
    (void)e;
    form(w, slice_is(host->name, "example.org") ? "urn:one:org" : "urn:one:net");
}

static void of_two(struct engine *e, const struct host_config *host, struct xml_writer *w)
{
    (void)e;
    (void)host;
    form(w, "urn:two");
}

static const struct module ONE = {.name = "one", .disco_forms = of_one};
static const struct module TWO = {.name = "two", .disco_forms = of_two};
static const struct module *const LIST[] = {&STREAM_MODULE, &DISCO_MODULE, &TWO, &ONE, NULL};

#define FORM(name)                                                                                 \
    "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"                 \
    "<value>" name "</value></field></x>"
#define ANSWER(host, form)                                                                         \
    "<iq type='result' id='1' from='" host "'>"                                                    \
    "<query xmlns='http://jabber.org/protocol/disco#info'>"                                        \
    "<identity category='server' type='im' name='burble'/>"                                        \
    "<feature var='http://jabber.org/protocol/disco#info'/>"                                       \
    "<feature var='http://jabber.org/protocol/disco#items'/>" FORM("urn:two") form "</query></iq>"

static void every_module_may_add_a_form(void **state)
{
    (void)state;
    struct bench *b = bench_new(LIST);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    ask(alice,
        "<iq type='get' id='1' to='example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        ANSWER("example.org", FORM("urn:one:org")));
    ask(alice,
        "<iq type='get' id='1' to='example.net'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        ANSWER("example.net", FORM("urn:one:net")));
    bench_free(&b);
}

static void accounts_have_no_forms_of_the_host(void **state)
{
    (void)state;
    struct bench *b = bench_new(LIST);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    client_send(alice, "<iq type='get' id='1'>"
                       "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    struct xml query = xml_first_element(client_next(alice));
    assert_true(xml_some(xml_child(query, NS_DISCO_INFO, SLICE("feature"))));
    assert_false(xml_some(xml_child(query, NS_DATA_FORMS, SLICE("x"))));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_module_may_add_a_form),
        cmocka_unit_test(accounts_have_no_forms_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
