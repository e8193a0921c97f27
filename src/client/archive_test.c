/* Archives: queries page by page, whose results count, and what archives can do. The test is the
 * archive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/archive.h"
#include "client/test_client.h"
#include "client/test_log.h"

#define ROOM "talk@muc.example.org"
#define MAM  "urn:xmpp:mam:2"

enum { TEXT = 1024 };

struct seen {
    struct test_client t;
    uint64_t handle;
    bool free_client, cancel;
    unsigned bad;
    char iq[64], query[64]; /* ids of the page that was asked for last */
    struct test_log log;
};

static void perhaps_free(struct seen *s)
{
    if (s->cancel)
        burble_archive_cancel(s->t.c, s->handle);
    if (s->free_client)
        burble_free(&s->t.c);
}

static void on_message(struct burble *c, const struct burble_message *m, void *arg)
{
    struct seen *s = arg;
    (void)c;
    assert_int_equal(m->origin, BURBLE_ARCHIVED);
    test_say(&s->log, "%s %s: %s at %lld\n", m->stanza_id, m->from, test_or_dash(m->body),
             (long long)m->stamp_ms);
    perhaps_free(s);
}

static void on_done(struct burble *c, const struct burble_archive_result *r, void *arg)
{
    struct seen *s = arg;
    (void)c;
    test_say(&s->log, "done %s%s%s %u %s..%s of %lld%s%s\n", test_or_dash(r->error.condition),
             r->complete ? " complete" : "",
             r->stable || r->outcome != BURBLE_IQ_RESULT ? "" : " unstable", r->count,
             test_or_dash(r->first), test_or_dash(r->last), (long long)r->total,
             *r->text != '\0' ? ": " : "", r->text);
    perhaps_free(s);
}

static void on_page(struct burble *c, uint32_t count, void *arg)
{
    struct seen *s = arg;
    (void)c;
    test_say(&s->log, "page of %u\n", count);
    perhaps_free(s);
}

static void on_look(struct burble *c, const struct burble_archive_abilities *a, void *arg)
{
    struct seen *s = arg;
    (void)c;
    test_say(&s->log, "can%s%s%s %s\n", a->extended ? " extend" : "", a->search ? " search" : "",
             a->groupchat ? " groupchat" : "", a->text);
}

static void on_prefs(struct burble *c, const struct burble_archive_prefs_result *r, void *arg)
{
    struct seen *s = arg;
    (void)c;
    test_say(&s->log, "prefs %d", (int)r->prefs.otherwise);
    for (size_t i = 0; i < r->prefs.always_count; i++)
        test_say(&s->log, " +%s", r->prefs.always[i]);
    for (size_t i = 0; i < r->prefs.never_count; i++)
        test_say(&s->log, " -%s", r->prefs.never[i]);
    test_say(&s->log, " %s\n", r->text);
}

static void on_event(struct burble *c, const struct burble_event *e, void *arg)
{
    struct seen *s = arg;
    (void)c;
    s->bad += e->kind == BURBLE_EVENT_BAD;
    if (e->kind == BURBLE_EVENT_MESSAGE)
        test_say(&s->log, "event\n");
}

static void begin(struct seen *s)
{
    *s = (struct seen){0};
    test_online(&s->t, &BURBLE_CONFIG(.on_event = on_event, .arg = s));
}

/* The same, and what is to be asked. */
static struct burble_archive_query begin_query(struct seen *s)
{
    begin(s);
    return BURBLE_ARCHIVE_QUERY(.message = on_message, .done = on_done, .arg = s);
}

static void ask(struct seen *s, const struct burble_archive_query *q)
{
    assert_int_equal(burble_archive_query(s->t.c, q, &s->handle), 0);
}

/* A page was asked for; what follows queryid stays to be looked at. */
static void page(struct seen *s, const char *type, const char *to)
{
    char text[128];
    snprintf(text, sizeof(text), "<iq type='%s'", type);
    test_expect(&s->t, text);
    snprintf(s->iq, sizeof(s->iq), "%s", test_between(&s->t, "id='", "'"));
    snprintf(text, sizeof(text), "'%s><query xmlns='" MAM "' queryid='", to);
    snprintf(s->query, sizeof(s->query), "%s", test_between(&s->t, text, "'"));
}

static void ask_page(struct seen *s, const struct burble_archive_query *q)
{
    ask(s, q);
    page(s, "set", "");
}

static void result_from(struct seen *s, const char *from, const char *query, const char *id,
                        const char *message)
{
    static char text[2 * TEXT];
    snprintf(text, sizeof(text),
             "<message%s><result xmlns='" MAM "' queryid='%s' id='%s'><forwarded "
             "xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
             "stamp='1970-01-01T00:00:02Z'/>%s</forwarded></result></message>",
             from, query, id, message);
    test_receive(&s->t, text);
}

#define WORDS(from, body)                                                                          \
    "<message xmlns='jabber:client' from='" from "' type='chat'><body>" body "</body></message>"

static void result(struct seen *s, const char *id)
{
    result_from(s, "", s->query, id, WORDS("bob@example.org/x", "hi"));
}

/* The answer to the request; from: an attribute. */
static void answer(struct seen *s, const char *from, const char *type, const char *payload)
{
    static char text[2 * TEXT];
    snprintf(text, sizeof(text), "<iq type='%s' id='%s'%s>%s</iq>", type, s->iq, from, payload);
    test_receive(&s->t, text);
}

static void fin(struct seen *s, bool complete, const char *first, const char *last)
{
    char text[512];
    snprintf(text, sizeof(text),
             "<fin xmlns='" MAM "'%s><set xmlns='http://jabber.org/protocol/rsm'><first>%s</first>"
             "<last>%s</last><count>7</count></set></fin>",
             complete ? " complete='true'" : "", first, last);
    answer(s, "", "result", text);
}

#define ERROR(condition)                                                                           \
    "<error type='cancel'><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

static void pages_are_asked_for_until_all_is_there(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.with = "Bob@example.org";
    q.start_ms = 1000;
    q.end_ms = 3000;
    q.page = 2;
    ask_page(&s, &q);
    test_expect(
        &s.t,
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" MAM
        "</value></field><field var='with'><value>bob@example.org</value></field>"
        "<field var='start'><value>1970-01-01T00:00:01.000Z</value></field>"
        "<field var='end'><value>1970-01-01T00:00:03.000Z</value></field></x>"
        "<set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set></query></iq>");
    result(&s, "a");
    result(&s, "b");
    fin(&s, false, "a", "b");
    test_told(&s.log, "a bob@example.org/x: hi at 2000\nb bob@example.org/x: hi at 2000\n");
    page(&s, "set", "");
    test_expect(&s.t, "<max>2</max><after>b</after></set></query></iq>");
    result(&s, "c");
    fin(&s, true, "c", "c");
    test_told(&s.log, "c bob@example.org/x: hi at 2000\ndone  complete 3 a..c of 7\n");
    test_expect_nothing(&s.t);
    test_end(&s.t);
}

static void backwards_the_last_page_comes_first(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.flags = BURBLE_ARCHIVE_BACKWARDS;
    q.page = 2;
    q.max = 3;
    q.message = NULL;
    q.page_done = on_page;
    ask_page(&s, &q);
    test_expect(&s.t, "<max>2</max><before/></set>");
    result(&s, "y");
    result(&s, "z");
    fin(&s, false, "y", "z");
    page(&s, "set", "");
    test_expect(&s.t, "<max>1</max><before>y</before></set></query></iq>");
    result(&s, "x");
    fin(&s, false, "x", "x");
    test_told(&s.log, "page of 2\npage of 1\ndone  3 x..z of 7\n");
    test_expect_nothing(&s.t);
    test_end(&s.t);
}

static void two_bounds_are_a_page_and_a_condition(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.after_id = "a";
    q.before_id = "z";
    ask(&s, &q);
    test_expect(&s.t, "<field var='before-id'><value>z</value></field></x>");
    test_expect(&s.t, "<max>50</max><after>a</after></set>");
    q.flags = BURBLE_ARCHIVE_BACKWARDS;
    ask(&s, &q);
    test_expect(&s.t, "<field var='after-id'><value>a</value></field></x>");
    test_expect(&s.t, "<max>50</max><before>z</before></set>");
    test_end(&s.t);
}

static void an_archive_that_brings_us_no_further_is_left(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    ask_page(&s, &q);
    fin(&s, false, "a", "b");
    page(&s, "set", "");
    fin(&s, false, "a", "b");
    test_told(&s.log, "done  0 a..b of 7\n");
    ask_page(&s, &q);
    answer(&s, "", "result", "<fin xmlns='" MAM "' stable='false'/>");
    test_told(&s.log, "done  unstable 0 -..- of -1\n");
    ask_page(&s, &q);
    answer(&s, "", "result", "");
    test_told(&s.log, "done undefined-condition 0 -..- of -1: the archive refused\n");
    test_expect(&s.t, "</iq>");
    test_expect_nothing(&s.t);
    test_end(&s.t);
}

static void more_than_was_asked_for_is_refused(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.max = 1;
    ask_page(&s, &q);
    result(&s, "a");
    result(&s, "b");
    assert_int_equal(s.bad, 1);
    fin(&s, false, "a", "b");
    test_told(&s.log, "a bob@example.org/x: hi at 2000\ndone  1 a..b of 7\n");
    test_end(&s.t);
}

/* -------------------------------------------------------------------------------- whose result it
 * is
 */

static void V59_results_that_nobody_asked_for_are_ignored(void **state)
{
    static const char *const LIARS[] = {" from='bob@example.org'", " from='me@example.org/phone'",
                                        " from='example.org'", " from='" ROOM "'"};
    static struct seen s;
    char old[64];
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    ask_page(&s, &q);
    for (size_t i = 0; i < 4; i++)
        result_from(&s, LIARS[i], s.query, "a", WORDS("bob@example.org/x", "lie"));
    assert_int_equal(s.bad, 4);
    result_from(&s, "", "other", "a", WORDS("bob@example.org/x", "lie"));
    result_from(&s, "", "", "a", WORDS("bob@example.org/x", "lie"));
    result_from(&s, "", s.query, "", WORDS("bob@example.org/x", "lie"));
    result_from(&s, "", s.query, "a", "");
    result_from(&s, "", s.query, "a", WORDS("@", "lie"));
    assert_int_equal(s.bad, 9);
    test_told(&s.log, "");
    result_from(&s, " from='me@example.org'", s.query, "a", WORDS("bob@example.org/x", "true"));
    test_told(&s.log, "a bob@example.org/x: true at 2000\n");
    snprintf(old, sizeof(old), "%s", s.query);
    fin(&s, false, "a", "a");
    page(&s, "set", "");
    result_from(&s, "", old, "b", WORDS("bob@example.org/x", "late")); /* of the page before */
    assert_int_equal(s.bad, 10);
    fin(&s, true, "b", "b");
    test_told(&s.log, "done  complete 1 a..b of 7\n");
    result(&s, "c"); /* behind <fin/> */
    assert_int_equal(s.bad, 11);
    test_told(&s.log, "");
    test_end(&s.t);
}

static void V59_a_rooms_archive_speaks_for_the_room_alone(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.archive = "Talk@muc.example.org";
    ask(&s, &q);
    page(&s, "set", " to='" ROOM "'");
    result_from(&s, "", s.query, "a", WORDS(ROOM "/x", "lie"));
    result_from(&s, " from='" ROOM "/x'", s.query, "a", WORDS(ROOM "/x", "lie"));
    result_from(&s, " from='" ROOM "'", s.query, "a", WORDS("bob@example.org/x", "lie"));
    assert_int_equal(s.bad, 3);
    result_from(&s, " from='" ROOM "'", s.query, "a", WORDS(ROOM "/x", "true"));
    test_told(&s.log, "a " ROOM "/x: true at 2000\n");
    answer(&s, " from='" ROOM "'", "result", "<fin xmlns='" MAM "' complete='true'/>");
    test_told(&s.log, "done  complete 1 a..a of -1\n");
    test_end(&s.t);
}

static void the_archives_stamp_counts(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    ask_page(&s, &q);
    result_from(&s, "", s.query, "a",
                "<message xmlns='jabber:client' from='bob@example.org/x'><body>x</body><delay "
                "xmlns='urn:xmpp:delay' stamp='2030-01-01T00:00:00Z'/><stanza-id "
                "xmlns='urn:xmpp:sid:0' by='me@example.org' id='forged'/></message>");
    test_told(&s.log, "a bob@example.org/x: x at 2000\n");
    test_end(&s.t);
}

/* --------------------------------------------------------------------------------- how it ends */

static void refusals_and_lost_sessions_end_it_once(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.after_id = "gone";
    ask_page(&s, &q);
    answer(&s, "", "error", ERROR("item-not-found"));
    test_told(&s.log,
              "done item-not-found 0 -..- of -1: the archive does not have that message, or there "
              "is no such archive\n");
    ask(&s, &q);
    (void)test_sent(&s.t);
    test_pass(&s.t, 120000);
    test_told(&s.log,
              "done remote-server-timeout 0 -..- of -1: the archive did not answer in time\n");
    ask_page(&s, &q);
    result(&s, "a");
    s.log.text[0] = '\0';
    test_break(&s.t);
    test_told(&s.log,
              "done recipient-unavailable 1 -..- of -1: the session ended before the answer "
              "came\n");
    assert_int_equal(burble_archive_query(s.t.c, &q, NULL), BURBLE_ERR_OFFLINE);
    q.with = "@";
    assert_int_equal(burble_archive_query(s.t.c, &q, NULL), BURBLE_ERR_SYNTAX);
    test_end(&s.t);
    test_told(&s.log, "");
}

static void no_more_than_a_hundred_at_a_time(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    for (int i = 0; i < 100; i++)
        ask(&s, &q);
    assert_int_equal(burble_archive_query(s.t.c, &q, NULL), BURBLE_ERR_LIMIT);
    burble_archive_cancel(s.t.c, s.handle);
    burble_archive_cancel(s.t.c, s.handle);
    ask(&s, &q);
    test_told(&s.log, "");
    test_end(&s.t);
}

static void catching_up_begins_behind_the_last_one_or_at_its_time(void **state)
{
    static struct seen s;
    (void)state;
    begin(&s);
    assert_int_equal(burble_archive_catch_up(s.t.c, NULL, NULL, 0, on_message, on_done, &s, NULL),
                     BURBLE_ERR_SYNTAX);
    assert_int_equal(
        burble_archive_catch_up(s.t.c, NULL, "old", 1000, on_message, on_done, &s, NULL), 0);
    page(&s, "set", "");
    test_expect(&s.t, MAM "</value></field></x>");
    test_expect(&s.t, "<after>old</after>");
    answer(&s, "", "error", ERROR("item-not-found"));
    test_told(&s.log, "");
    page(&s, "set", "");
    test_expect(&s.t, "<field var='start'><value>1970-01-01T00:00:01.000Z</value></field>");
    test_expect(&s.t, "<max>50</max></set>");
    result(&s, "a");
    fin(&s, false, "a", "a");
    s.log.text[0] = '\0';
    page(&s, "set", "");
    test_expect(&s.t, "<after>a</after>");
    answer(&s, "", "error", ERROR("item-not-found")); /* now it is an error */
    test_told(&s.log,
              "done item-not-found 1 a..a of 7: the archive does not have that message, or there "
              "is no such archive\n");
    test_end(&s.t);
}

/* -------------------------------------------------------------------------------- what it can do
 */

#define FORM(fields)                                                                               \
    "<query xmlns='" MAM "'><x xmlns='jabber:x:data' type='form'>" fields "</x></query>"

static void form(struct seen *s, const char *payload)
{
    test_expect(&s->t, "<iq type='get'");
    snprintf(s->iq, sizeof(s->iq), "%s", test_between(&s->t, "id='", "'"));
    test_expect(&s->t, "<query xmlns='" MAM "'/></iq>");
    answer(s, "", "result", payload);
}

static void words_are_searched_where_the_archive_says(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.text = "tea & cake";
    q.flags = BURBLE_ARCHIVE_FLIP;
    ask(&s, &q);
    form(&s, FORM("<field var='withtext'/><field var='{urn:xmpp:fulltext:0}fulltext'/>"));
    page(&s, "set", "");
    test_expect(&s.t, "<field var='{urn:xmpp:fulltext:0}fulltext'><value>tea &amp; cake</value>");
    test_expect(&s.t, "<max>50</max></set></query>"); /* it cannot flip */
    ask(&s, &q);
    form(&s, FORM("<field var='withtext'/>"));
    test_expect(&s.t, "<field var='withtext'>");
    ask(&s, &q);
    form(&s, FORM("<field var='with'/>"));
    test_told(&s.log, "done feature-not-implemented 0 -..- of -1: the archive cannot do that\n");
    test_end(&s.t);
}

static void flipped_pages_come_newest_first(void **state)
{
    static struct seen s;
    (void)state;
    struct burble_archive_query q = begin_query(&s);
    q.flags = BURBLE_ARCHIVE_FLIP | BURBLE_ARCHIVE_BACKWARDS;
    q.message = NULL;
    ask(&s, &q);
    form(&s, FORM("<field var='before-id'/>"));
    page(&s, "set", "");
    test_expect(&s.t, "</set><flip-page/></query>");
    result(&s, "z");
    result(&s, "y");
    fin(&s, false, "z", "y"); /* whichever way round it counts */
    page(&s, "set", "");
    test_expect(&s.t, "<before>y</before>");
    result(&s, "x");
    fin(&s, true, "x", "x");
    test_told(&s.log, "done  complete 3 x..z of 7\n");
    test_end(&s.t);
}

static void abilities_are_read_from_the_form(void **state)
{
    static struct seen s;
    (void)state;
    begin(&s);
    assert_int_equal(burble_archive_look(s.t.c, NULL, on_look, &s), 0);
    form(&s, FORM("<field var='before-id'/><field var='include-groupchat'/>"));
    test_told(&s.log, "can extend groupchat \n");
    assert_int_equal(burble_archive_look(s.t.c, ROOM, on_look, &s), 0);
    snprintf(s.iq, sizeof(s.iq), "%s", test_between(&s.t, "id='", "'"));
    answer(&s, " from='" ROOM "'", "error", ERROR("service-unavailable"));
    test_told(&s.log, "can there is no archive\n");
    test_end(&s.t);
}

static void preferences_are_asked_for_and_set(void **state)
{
    static const char *const ALWAYS[] = {"Bob@example.org"}, *const NEVER[] = {"@"};
    static struct seen s;
    (void)state;
    begin(&s);
    assert_int_equal(burble_archive_prefs(s.t.c, NULL, on_prefs, &s), 0);
    test_expect(&s.t, "<iq type='get'");
    snprintf(s.iq, sizeof(s.iq), "%s", test_between(&s.t, "id='", "'"));
    test_expect(&s.t, "<prefs xmlns='" MAM "'/></iq>");
    answer(&s, "", "result",
           "<prefs xmlns='" MAM "' default='roster'><always><jid>a@b.org</jid><jid>c@d.org</jid>"
           "</always><never><jid>e@f.org</jid></never></prefs>");
    test_told(&s.log, "prefs 2 +a@b.org +c@d.org -e@f.org \n");
    struct burble_archive_prefs prefs = {
        .otherwise = BURBLE_ARCHIVE_NEVER, .always = ALWAYS, .always_count = 1};
    assert_int_equal(burble_archive_prefs(s.t.c, &prefs, on_prefs, &s), 0);
    test_expect(&s.t, "<prefs xmlns='" MAM "' default='never'><always><jid>bob@example.org</jid>"
                      "</always><never/></prefs>");
    prefs.never = NEVER;
    prefs.never_count = 1;
    assert_int_equal(burble_archive_prefs(s.t.c, &prefs, on_prefs, &s), BURBLE_ERR_SYNTAX);
    prefs.never_count = 1001;
    assert_int_equal(burble_archive_prefs(s.t.c, &prefs, on_prefs, &s), BURBLE_ERR_LIMIT);
    test_end(&s.t);
}

static void V16_cancelled_or_freed_in_callbacks(void **state)
{
    static struct seen s;
    (void)state;
    for (int i = 1; i < 16; i++) {
        if ((i & 3) == 0)
            continue;
        struct burble_archive_query q = begin_query(&s);
        q.message = (i & 4) != 0 ? NULL : on_message;
        q.page_done = (i & 8) != 0 ? on_page : NULL;
        ask(&s, &q);
        page(&s, "set", "");
        s.cancel = i & 1;
        s.free_client = i & 2;
        result(&s, "a");
        if (s.t.c != NULL)
            fin(&s, true, "a", "a");
        assert_true(s.log.text[0] != '\0');
        assert_int_equal(s.t.c == NULL, s.free_client);
        if (s.t.c != NULL)
            test_pass(&s.t, 200000);
        test_end(&s.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_asked_for_until_all_is_there),
        cmocka_unit_test(backwards_the_last_page_comes_first),
        cmocka_unit_test(two_bounds_are_a_page_and_a_condition),
        cmocka_unit_test(an_archive_that_brings_us_no_further_is_left),
        cmocka_unit_test(more_than_was_asked_for_is_refused),
        cmocka_unit_test(V59_results_that_nobody_asked_for_are_ignored),
        cmocka_unit_test(V59_a_rooms_archive_speaks_for_the_room_alone),
        cmocka_unit_test(the_archives_stamp_counts),
        cmocka_unit_test(refusals_and_lost_sessions_end_it_once),
        cmocka_unit_test(no_more_than_a_hundred_at_a_time),
        cmocka_unit_test(catching_up_begins_behind_the_last_one_or_at_its_time),
        cmocka_unit_test(words_are_searched_where_the_archive_says),
        cmocka_unit_test(flipped_pages_come_newest_first),
        cmocka_unit_test(abilities_are_read_from_the_form),
        cmocka_unit_test(preferences_are_asked_for_and_set),
        cmocka_unit_test(V16_cancelled_or_freed_in_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
