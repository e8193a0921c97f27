/* XEP-0157. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

#define ASK                                                                                        \
    "<iq type='get' id='1' to='example.org'>"                                                      \
    "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"

static struct xml form(struct client *c)
{
    client_send(c, ASK);
    struct xml query = xml_first_element(client_next(c));
    return xml_child(query, NS_DATA_FORMS, SLICE("x"));
}

static void addresses_stand_in_a_form_of_the_host(void **state)
{
    (void)state;
    static const struct slice CONTACTS[][2] = {
        {SLICE("security-addresses"), SLICE("xmpp:security@example.org")},
        {SLICE("abuse-addresses"), SLICE("mailto:abuse@example.org")},
        {SLICE("security-addresses"), SLICE("mailto:security@example.org?subject=<&>")},
    };
    struct bench *b = bench_new(NULL);
    b->hosts[0].contacts = CONTACTS;
    b->hosts[0].contact_count = 3;
    struct client *alice = bench_login(b, "alice@example.org/phone");
    struct buf text = {0};
    xml_write_node(&text, form(alice), SLICE_NONE);
    buf_byte(&text, '\0');
    assert_string_equal(
        text.ptr, "<x xmlns='jabber:x:data' type='result'>"
                  "<field var='FORM_TYPE' type='hidden'>"
                  "<value>http://jabber.org/network/serverinfo</value></field>"
                  "<field var='abuse-addresses' type='list-multi'>"
                  "<value>mailto:abuse@example.org</value></field>"
                  "<field var='security-addresses' type='list-multi'>"
                  "<value>xmpp:security@example.org</value>"
                  "<value>mailto:security@example.org?subject=&lt;&amp;&gt;</value></field></x>");
    buf_free(&text);
    bench_free(&b);
}

static void no_addresses_no_form(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, "alice@example.org/phone");
    assert_false(xml_some(form(alice)));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_stand_in_a_form_of_the_host),
        cmocka_unit_test(no_addresses_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
