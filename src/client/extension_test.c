/* Features that are linked to a client: when they are called, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/client.h"
#include "client/test_client.h"

struct part {
    struct client_extension x;
    struct part **gone; /* set to NULL when it is freed */
    struct part *victim;
    unsigned stanzas, requests;
    enum burble_state state;
};

static struct part *part_of(struct client_extension *x)
{
    return CONTAINER_OF(x, struct part, x);
}

static bool stanza(struct client_extension *x, const struct stanza *s)
{
    struct part *p = part_of(x);
    (void)s;
    p->stanzas++;
    if (p->victim != NULL)
        client_retire(&p->victim->x);
    return false;
}

static void request(struct client_extension *x, const struct stanza *s)
{
    (void)s;
    part_of(x)->requests++;
}

static void online(struct client_extension *x, bool resumed)
{
    struct part *p = part_of(x);
    p->state = burble_state(x->client);
    if (!resumed)
        (void)burble_send(x->client, "<presence to='first@example.org'/>", 0, NULL);
}

static void part_free(struct client_extension *x)
{
    struct part *p = part_of(x);
    *p->gone = NULL;
    free(p);
}

static const struct client_extension_ops OPS = {
    .name = "part", .stanza = stanza, .request = request, .online = online, .free = part_free};

static void add(struct burble *c, struct part **out)
{
    struct part *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->gone = out;
    client_extend(c, &p->x, &OPS);
    *out = p;
}

static void V16_a_feature_may_end_any_feature_in_a_callback(void **state)
{
    struct test_client t;
    struct part *a, *b, *d;
    (void)state;
    test_online(&t, &BURBLE_CONFIG(.jid = NULL));
    add(t.c, &a);
    add(t.c, &b);
    add(t.c, &d);
    a->victim = b;
    d->victim = d;
    test_receive(&t, "<message from='bob@example.org/x'/>");
    assert_non_null(a);
    assert_null(b);
    assert_null(d);
    a->victim = NULL;
    test_receive(&t, "<message from='bob@example.org/x'/>"
                     "<iq type='get' id='1' from='bob@example.org/x'><q xmlns='urn:test'/></iq>"
                     "<iq type='result' id='2' from='bob@example.org/x'/>");
    assert_int_equal(a->stanzas, 2);
    assert_int_equal(a->requests, 1);
    client_retire(&a->x);
    assert_null(a);
    test_end(&t);
}

static void a_feature_that_ends_is_called_no_more(void **state)
{
    struct test_client t;
    struct part *a, *b;
    (void)state;
    test_online(&t, &BURBLE_CONFIG(.jid = NULL));
    add(t.c, &a);
    add(t.c, &b);
    a->victim = b;
    client_enter(t.c);
    client_retire(&b->x);
    assert_non_null(b);
    assert_ptr_equal(client_extension(t.c, &OPS), &a->x);
    client_retire(&a->x);
    assert_null(client_extension(t.c, &OPS));
    assert_true(client_leave(t.c));
    test_end(&t); /* the client goes before they do */
    assert_null(a);
    assert_null(b);
}

static void features_speak_before_the_own_presence(void **state)
{
    struct test_client t;
    struct part *a;
    (void)state;
    test_new(&t, &BURBLE_CONFIG(.jid = NULL));
    add(t.c, &a);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_AWAY, NULL, 0, NULL), 0);
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, "");
    test_expect(&t, "<bind ");
    test_receive(&t, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                     "<jid>me@example.org/here</jid></bind></iq>");
    test_expect(&t, " to='first@example.org'");
    test_expect(&t, "<presence><show>away</show></presence>");
    assert_int_equal(a->state, BURBLE_ONLINE);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V16_a_feature_may_end_any_feature_in_a_callback),
        cmocka_unit_test(a_feature_that_ends_is_called_no_more),
        cmocka_unit_test(features_speak_before_the_own_presence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
