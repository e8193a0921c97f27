/* Who is there: resources of contacts, those that hide (scenario S13), and probes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/roster.h"
#include "client/test_client.h"

struct seen {
    struct burble_roster *r;
    unsigned presences, probes;
    char log[256];
    struct burble_probe probe;
    bool end, end_in_probe;
};

static void on_presence(struct burble_roster *r, const struct burble_contact *k,
                        const struct burble_resource *x, void *arg)
{
    struct seen *s = arg;
    (void)r;
    s->presences++;
    snprintf(s->log, sizeof(s->log), "%s %s %s", burble_contact_state_text(k->state), k->jid,
             x != NULL ? x->resource : "*");
    if (s->end)
        burble_roster_free(&s->r);
}

static void on_probe(struct burble_roster *r, const struct burble_contact *k,
                     const struct burble_probe *probe, void *arg)
{
    struct seen *s = arg;
    (void)r;
    s->probes++;
    s->probe = *probe;
    snprintf(s->log, sizeof(s->log), "%s", k != NULL ? k->jid : "-");
    if (s->end_in_probe)
        burble_roster_free(&s->r);
}

static void iq_id(struct test_client *t, const char *sent, const char *payload, char out[64])
{
    const char *at = strstr(sent, payload);
    (void)t;
    assert_non_null(at);
    while (strncmp(at, " id='", 5) != 0)
        at--;
    snprintf(out, 64, "%.*s", (int)strcspn(at + 5, "'"), at + 5);
}

static void bind(struct test_client *t)
{
    test_receive(t, "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                    "<jid>me@example.org/here</jid></bind></iq>");
}

static void give_roster(struct test_client *t, const char *sent)
{
    char id[64];
    static char text[1024];
    iq_id(t, sent, "<query xmlns='jabber:iq:roster'", id);
    snprintf(text, sizeof(text),
             "<iq type='result' id='%s'><query xmlns='jabber:iq:roster'>"
             "<item jid='bob@example.org' subscription='both'/>"
             "<item jid='amy@example.org' subscription='from'/></query></iq>",
             id);
    test_receive(t, text);
}

static void begin(struct test_client *t, struct seen *s)
{
    *s = (struct seen){0};
    test_new(t, &BURBLE_CONFIG(.jid = NULL));
    assert_int_equal(
        burble_roster_new(t->c, &BURBLE_ROSTER_CONFIG(.arg = s, .presence = on_presence), &s->r),
        0);
    assert_int_equal(burble_set_presence(t->c, BURBLE_SHOW_ONLINE, NULL, 0, NULL), 0);
    assert_int_equal(burble_connect(t->c), 0);
    test_connect(t, "");
    bind(t);
}

static void ready(struct test_client *t, struct seen *s)
{
    begin(t, s);
    give_roster(t, test_sent(t));
}

static const struct burble_contact *bob(struct seen *s)
{
    return burble_roster_find(s->r, "bob@example.org");
}

static void resources_are_in_order_of_preference(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    ready(&t, &s);
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_OFFLINE);
    assert_int_equal(burble_roster_find(s.r, "amy@example.org")->state, BURBLE_CONTACT_UNKNOWN);
    test_receive(&t, "<presence from='bob@example.org/a'><priority>5</priority>"
                     "<show>dnd</show></presence>");
    assert_string_equal(s.log, "online bob@example.org a");
    test_receive(&t, "<presence from='bob@example.org/b'><priority>5</priority>"
                     "<status>hello</status></presence>");
    test_receive(&t, "<presence from='bob@example.org/c'><priority>-1</priority>"
                     "<show>chat</show></presence>");
    assert_int_equal(bob(&s)->available_count, 3);
    assert_string_equal(bob(&s)->resources[0].jid, "bob@example.org/b");
    assert_string_equal(bob(&s)->resources[0].resource, "b");
    assert_string_equal(bob(&s)->resources[0].status, "hello");
    assert_string_equal(bob(&s)->resources[1].resource, "a");
    assert_int_equal(bob(&s)->resources[1].show, BURBLE_SHOW_DND);
    assert_string_equal(bob(&s)->resources[2].resource, "c");
    assert_int_equal(bob(&s)->resources[2].priority, -1);
    test_receive(&t, "<presence from='bob@example.org/c'><priority>9</priority></presence>");
    assert_string_equal(bob(&s)->resources[0].resource, "c");
    assert_int_equal(bob(&s)->resource_count, 3);
    test_receive(&t, "<presence type='unavailable' from='bob@example.org/c'/>");
    assert_string_equal(s.log, "online bob@example.org c");
    assert_int_equal(bob(&s)->available_count, 2);
    assert_string_equal(bob(&s)->resources[2].resource, "c");
    assert_false(bob(&s)->resources[2].available);
    test_receive(&t, "<presence type='unavailable' from='bob@example.org'/>");
    assert_string_equal(s.log, "offline bob@example.org *");
    assert_int_equal(bob(&s)->available_count, 0);
    assert_int_equal(bob(&s)->resource_count, 3);
    test_end(&t);
}

static void only_contacts_and_ourselves_are_kept(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    ready(&t, &s);
    test_receive(&t, "<presence from='eve@example.org/x'/>"
                     "<presence from='room@muc.example.org/nick'/>"
                     "<presence from='me@example.org/here'/>"
                     "<presence type='error' from='bob@example.org/x'/>"
                     "<presence from='bob@example.org'/><presence/>");
    assert_int_equal(s.presences, 0);
    assert_int_equal(burble_roster_count(s.r), 2);
    test_receive(&t, "<presence from='me@example.org/phone'/>");
    assert_string_equal(s.log, "online me@example.org phone");
    assert_int_equal(burble_roster_self(s.r)->available_count, 1);
    test_end(&t);
}

static void presence_before_the_roster_is_not_missed(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    begin(&t, &s);
    const char *sent = test_sent(&t);
    assert_true(strstr(sent, "jabber:iq:roster") < strstr(sent, "<presence>"));
    char *kept = strdup(sent);
    test_receive(&t, "<presence from='bob@example.org/a'/><presence from='eve@example.org/a'/>");
    assert_int_equal(s.presences, 0);
    give_roster(&t, kept);
    free(kept);
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_ONLINE);
    assert_string_equal(bob(&s)->resources[0].resource, "a");
    assert_int_equal(burble_roster_count(s.r), 2);
    test_end(&t);
}

static void a_new_session_sees_nobody_yet(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    ready(&t, &s);
    test_receive(&t, "<presence from='bob@example.org/a'/>");
    test_break(&t);
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_UNKNOWN);
    test_pass(&t, 1000);
    test_connect(&t, "");
    bind(&t);
    give_roster(&t, test_sent(&t));
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_OFFLINE);
    assert_int_equal(bob(&s)->resource_count, 1); /* whom a probe can ask */
    test_end(&t);
}

static void resources_and_their_texts_have_limits(void **state)
{
    struct test_client t;
    struct seen s;
    static char text[8192];
    (void)state;
    ready(&t, &s);
    for (unsigned i = 0; i < 70; i++) {
        snprintf(text, sizeof(text), "<presence from='bob@example.org/r%u'/>", i);
        test_receive(&t, text);
    }
    assert_int_equal(bob(&s)->available_count, 64);
    for (unsigned i = 0; i < 64; i++) {
        snprintf(text, sizeof(text), "<presence type='unavailable' from='bob@example.org/r%u'/>",
                 i);
        test_receive(&t, text);
    }
    assert_int_equal(bob(&s)->available_count, 0);
    assert_int_equal(bob(&s)->resource_count, 8);
    assert_string_equal(bob(&s)->resources[0].resource, "r63");
    size_t at =
        (size_t)snprintf(text, sizeof(text), "<presence from='bob@example.org/x'><status>x");
    for (unsigned i = 0; i < 1000; i++, at += 2)
        memcpy(text + at, "\xc3\xa9", 2);
    snprintf(text + at, sizeof(text) - at, "</status></presence>");
    test_receive(&t, text);
    assert_int_equal(strlen(bob(&s)->resources[0].status), 1023);
    test_end(&t);
}

/* ----------------------------------------------------------------------------- who is hiding (S13)
 */

static void S13_who_speaks_while_announced_as_unavailable_hides(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    ready(&t, &s);
    test_receive(&t, "<presence from='bob@example.org/a'/>"
                     "<presence type='unavailable' from='bob@example.org/a'/>");
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_OFFLINE);
    unsigned before = s.presences;
    /* These say nothing about now, or are not the device's. */
    test_receive(&t, "<message type='error' from='bob@example.org/a'/>"
                     "<message type='groupchat' from='bob@example.org/a'><body>x</body></message>"
                     "<message from='bob@example.org/a'><body>x</body>"
                     "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>"
                     "<message from='bob@example.org'><body>x</body></message>"
                     "<message from='amy@example.org/x'><body>x</body></message>"
                     "<iq type='result' id='x' from='bob@example.org/a'/>");
    assert_int_equal(s.presences, before);
    test_receive(&t, "<message from='bob@example.org/a'><body>x</body></message>");
    assert_string_equal(s.log, "hidden bob@example.org a");
    assert_true(bob(&s)->resources[0].hidden);
    test_receive(&t, "<message from='bob@example.org/a'><body>y</body></message>");
    assert_int_equal(s.presences, before + 1);
    test_receive(&t, "<presence type='unavailable' from='bob@example.org/a'/>");
    assert_string_equal(s.log, "offline bob@example.org a");
    test_receive(&t, "<iq type='get' id='x' from='bob@example.org/a'><q xmlns='urn:x'/></iq>");
    assert_string_equal(s.log, "hidden bob@example.org a");
    test_receive(&t, "<presence from='bob@example.org/a'/>");
    assert_string_equal(s.log, "online bob@example.org a");
    test_end(&t);
}

static void S13_a_stranger_device_hides_only_when_presence_had_time(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    ready(&t, &s);
    test_receive(&t, "<message from='bob@example.org/new'><body>x</body></message>");
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_OFFLINE);
    test_pass(&t, 10000);
    test_receive(&t, "<message from='bob@example.org/new'><body>x</body></message>");
    assert_int_equal(bob(&s)->state, BURBLE_CONTACT_HIDDEN);
    assert_string_equal(s.log, "hidden bob@example.org new");
    /* Who is not available is not told about others: all may be there. */
    assert_int_equal(burble_set_unavailable(t.c, NULL), 0);
    test_receive(&t, "<message from='bob@example.org/new2'><body>x</body></message>");
    assert_int_equal(bob(&s)->resource_count, 1);
    test_end(&t);
}

struct probing {
    char last[64], ping[64];
};

/* bob is seen to go, and after age_ms a probe is under way. */
static void probe(struct test_client *t, struct seen *s, uint32_t age_ms, struct probing *out)
{
    ready(t, s);
    test_receive(t, "<presence from='bob@example.org/a'/>"
                    "<presence type='unavailable' from='bob@example.org/a'/>");
    (void)test_sent(t);
    test_pass(t, age_ms);
    assert_int_equal(burble_roster_probe(s->r, "bob@example.org", on_probe, s), 0);
    const char *sent = test_sent(t);
    iq_id(t, sent, "to='bob@example.org'><query xmlns='jabber:iq:last'/>", out->last);
    iq_id(t, sent, "to='bob@example.org/a'><ping xmlns='urn:xmpp:ping'/>", out->ping);
    assert_int_equal(s->probes, 0);
}

#define ERROR(condition)                                                                           \
    "<error type='cancel'><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

static void say(struct test_client *t, const char *type, const char *id, const char *from,
                const char *payload)
{
    static char text[512];
    snprintf(text, sizeof(text), "<iq type='%s' id='%s' from='%s'>%s</iq>", type, id, from,
             payload);
    test_receive(t, text);
}

static void S13_probes_tell_offline_from_hidden(void **state)
{
    static const struct {
        uint32_t age_ms;
        const char *ping_type, *ping, *last_type, *last;
        enum burble_contact_state expected;
        unsigned answered;
        int idle;
    } CASES[] = {
        /* The device answers. */
        {5000, "result", "", "error", ERROR("forbidden"), BURBLE_CONTACT_HIDDEN, 1, -1},
        {5000, "error", ERROR("feature-not-implemented"), "error", ERROR("forbidden"),
         BURBLE_CONTACT_HIDDEN, 1, -1},
        /* Its server answers for it. */
        {5000, "error", ERROR("service-unavailable"), "error", ERROR("service-unavailable"),
         BURBLE_CONTACT_OFFLINE, 0, -1},
        {60000, "error", ERROR("service-unavailable"), "result",
         "<query xmlns='jabber:iq:last' seconds='60'/>", BURBLE_CONTACT_OFFLINE, 0, 60},
        /* Something of the account is connected. */
        {5000, "error", ERROR("service-unavailable"), "result",
         "<query xmlns='jabber:iq:last' seconds='0'/>", BURBLE_CONTACT_HIDDEN, 0, 0},
        {5000, "error", ERROR("service-unavailable"), "result",
         "<query xmlns='jabber:iq:last' seconds='9999'/>", BURBLE_CONTACT_HIDDEN, 0, 9999},
        /* It has just gone, so 0 may be the truth. */
        {1000, "error", ERROR("service-unavailable"), "result",
         "<query xmlns='jabber:iq:last' seconds='0'/>", BURBLE_CONTACT_UNKNOWN, 0, 0},
        /* Nobody knows. */
        {5000, "error", ERROR("remote-server-timeout"), "result",
         "<query xmlns='jabber:iq:last' seconds='-5'/>", BURBLE_CONTACT_UNKNOWN, 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct test_client t;
        struct seen s;
        struct probing p;
        probe(&t, &s, CASES[i].age_ms, &p);
        say(&t, CASES[i].ping_type, p.ping, "bob@example.org/a", CASES[i].ping);
        assert_int_equal(s.probes, 0);
        say(&t, CASES[i].last_type, p.last, "bob@example.org", CASES[i].last);
        assert_int_equal(s.probes, 1);
        assert_int_equal(s.probe.state, CASES[i].expected);
        assert_int_equal(s.probe.answered, CASES[i].answered);
        assert_int_equal(s.probe.idle_seconds, CASES[i].idle);
        assert_int_equal(bob(&s)->state == BURBLE_CONTACT_HIDDEN,
                         CASES[i].expected == BURBLE_CONTACT_HIDDEN);
        assert_int_equal(bob(&s)->resources[0].hidden, CASES[i].answered > 0);
        test_end(&t);
    }
}

static void probes_end_once_whatever_happens(void **state)
{
    struct test_client t;
    struct seen s;
    struct probing p;
    (void)state;
    probe(&t, &s, 5000, &p);
    test_pass(&t, 30000);
    assert_int_equal(s.probes, 1);
    assert_int_equal(s.probe.state, BURBLE_CONTACT_UNKNOWN);
    assert_int_equal(burble_roster_probe(s.r, "bob@example.org/z", on_probe, &s), 0);
    test_break(&t);
    assert_int_equal(s.probes, 2);
    assert_int_equal(burble_roster_probe(s.r, "bob@example.org", on_probe, &s), BURBLE_ERR_OFFLINE);
    assert_int_equal(burble_roster_probe(s.r, "eve@example.org", on_probe, &s),
                     BURBLE_ERR_NOT_FOUND);
    test_end(&t);
    assert_int_equal(s.probes, 2);

    probe(&t, &s, 5000, &p);
    burble_roster_free(&s.r);
    say(&t, "result", p.ping, "bob@example.org/a", "");
    say(&t, "result", p.last, "bob@example.org", "");
    assert_int_equal(s.probes, 0);
    test_end(&t);

    probe(&t, &s, 5000, &p); /* left open when the client goes */
    test_end(&t);
}

static void V16_the_roster_may_end_in_presence_and_probe(void **state)
{
    struct test_client t;
    struct seen s;
    struct probing p;
    (void)state;
    ready(&t, &s);
    s.end = true;
    test_receive(&t, "<presence from='bob@example.org/a'/><presence from='bob@example.org/b'/>");
    assert_int_equal(s.presences, 1);
    assert_null(s.r);
    test_end(&t);

    probe(&t, &s, 5000, &p);
    s.end = true; /* in on_presence, out of the answer to the ping */
    say(&t, "result", p.ping, "bob@example.org/a", "");
    assert_null(s.r);
    assert_int_equal(s.probes, 0);
    say(&t, "result", p.last, "bob@example.org", "");
    test_end(&t);

    probe(&t, &s, 5000, &p);
    s.end_in_probe = true;
    say(&t, "error", p.ping, "bob@example.org/a", ERROR("service-unavailable"));
    say(&t, "error", p.last, "bob@example.org", ERROR("forbidden"));
    assert_null(s.r);
    assert_int_equal(s.probes, 1);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resources_are_in_order_of_preference),
        cmocka_unit_test(only_contacts_and_ourselves_are_kept),
        cmocka_unit_test(presence_before_the_roster_is_not_missed),
        cmocka_unit_test(a_new_session_sees_nobody_yet),
        cmocka_unit_test(resources_and_their_texts_have_limits),
        cmocka_unit_test(S13_who_speaks_while_announced_as_unavailable_hides),
        cmocka_unit_test(S13_a_stranger_device_hides_only_when_presence_had_time),
        cmocka_unit_test(S13_probes_tell_offline_from_hidden),
        cmocka_unit_test(probes_end_once_whatever_happens),
        cmocka_unit_test(V16_the_roster_may_end_in_presence_and_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
