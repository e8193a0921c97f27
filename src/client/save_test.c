/* Saved states: what another process makes of them, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burble/message.h"
#include "burble/presence.h"
#include "client/test_client.h"
#include "client/test_seen.h"

#define SM_FEATURE "<sm xmlns='urn:xmpp:sm:3'/>"
#define SM         "urn:xmpp:sm:3"

struct saved {
    void *bytes;
    size_t len;
};

static struct saved save(struct test_client *t)
{
    struct saved s;
    assert_int_equal(burble_save(t->c, &s.bytes, &s.len), 0);
    assert_non_null(s.bytes);
    return s;
}

static bool has(const struct saved *s, const char *text)
{
    return memmem(s->bytes, s->len, text, strlen(text)) != NULL;
}

static void online(struct test_client *t, struct test_seen *seen)
{
    *seen = (struct test_seen){0};
    test_online_with(t, &BURBLE_CONFIG(.on_event = test_seen_event, .arg = seen), SM_FEATURE);
    test_receive(t, "<enabled xmlns='" SM "' id='s&apos;1' resume='true' location='h:5333'/>");
    assert_string_equal(test_seen_log(seen), "resolving, connecting, authenticating, binding, "
                                             "online, save");
}

/* A new process with these bytes. */
static void again(struct test_client *t, struct test_seen *seen, struct saved *s)
{
    *seen = (struct test_seen){0};
    test_new(t, &BURBLE_CONFIG(.on_event = test_seen_event, .arg = seen, .state = s->bytes,
                               .state_len = s->len));
    free(s->bytes);
}

static void end(struct test_client *t, struct test_seen *seen)
{
    test_end(t);
    test_seen_free(seen);
}

/* Saved, and gone on with in a new process. */
static void restart(struct test_client *t, struct test_seen *seen)
{
    struct saved s = save(t);
    end(t, seen);
    again(t, seen, &s);
}

static void reconnect(struct test_client *t)
{
    assert_int_equal(burble_connect(t->c), 0);
    test_connect(t, SM_FEATURE);
}

static void C06_another_process_resumes_and_says_everything_once(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online(&t, &seen);
    assert_int_equal(burble_set_presence(t.c, BURBLE_SHOW_AWAY, "out <&>", 1, NULL), 0);
    test_write(&t, "one");
    test_write(&t, "two");
    test_receive(&t, "<message from='bob@example.org/x'><body>a</body></message>"
                     "<presence from='bob@example.org/x'/>");
    test_expect(&t, "id='two'");
    burble_suspend(t.c);
    test_write(&t, "three");
    /* Not processed any more, and not counted: the server sends it again. */
    test_receive(&t, "<message from='bob@example.org/x'><body>b</body></message>");
    assert_int_equal(seen.messages, 1);
    assert_null(strstr(test_sent(&t), "</stream:stream>"));
    struct saved s = save(&t);
    assert_true(has(&s, "in='2'"));
    end(&t, &seen);

    again(&t, &seen, &s);
    assert_string_equal(burble_jid(t.c), "me@example.org/here");
    reconnect(&t);
    test_expect(&t, "<resume xmlns='" SM "' h='2' previd='s&apos;1'/>");
    /* It has had carbons, presence, "one". */
    test_receive(&t, "<resumed xmlns='" SM "' h='3' previd='s&apos;1'/>"
                     "<message from='bob@example.org/x'><body>b</body></message>");
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "id='one'"));
    assert_int_equal(test_count(sent, "<message "), 2);
    assert_true(strstr(sent, "id='two'") < strstr(sent, "id='three'"));
    assert_null(strstr(sent, "<presence")); /* the session has it (section 5) */
    assert_null(strstr(sent, "<delay"));
    assert_string_equal(test_seen_log(&seen),
                        "resolving, connecting, authenticating, binding, sent one, "
                        "online again, save, message b");
    test_receive(&t, "<a xmlns='" SM "' h='5'/><r xmlns='" SM "'/>");
    assert_string_equal(test_seen_log(&seen), "sent two, sent three");
    test_expect(&t, "<a xmlns='" SM "' h='3'/>");
    assert_int_equal(burble_queued(t.c), 0);
    /* The presence outlives the process, too, for when there is a new session. */
    test_receive(&t, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                     "</stream:error>");
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, "");
    test_receive(&t, TEST_BOUND);
    test_expect(&t, "<presence><show>away</show><status>out &lt;&amp;&gt;</status>"
                    "<priority>1</priority></presence>");
    end(&t, &seen);
}

static void a_state_that_cannot_be_resumed_keeps_messages(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online(&t, &seen);
    test_write(&t, "one");
    test_expect(&t, "id='one'");
    /* Saved while the session goes on: it is old at the next stanza. */
    struct saved s = save(&t);
    assert_false(has(&s, "<session"));
    end(&t, &seen);
    again(&t, &seen, &s);
    assert_int_equal(burble_queued(t.c), 1);
    assert_int_equal(burble_connect(t.c), 0);
    t.now.wall_ms += 3600000; /* an hour later */
    test_connect(&t, SM_FEATURE);
    test_expect(&t, "<bind ");
    test_receive(&t, TEST_BOUND "<enabled xmlns='" SM "' id='t' resume='true'/>");
    const char *sent = test_sent(&t);
    assert_int_equal(test_count(sent, "id='one'"), 2); /* with the origin id */
    assert_non_null(strstr(sent, "<delay xmlns='urn:xmpp:delay' from='me@example.org/here' "
                                 "stamp='2027-01-15T08:00:00.000Z'/></message>"));
    end(&t, &seen);
}

static void tickets_and_order_outlive_the_process(void **state)
{
    struct test_client t;
    struct test_seen seen = {0};
    uint64_t ticket[3];
    (void)state;
    test_new(&t, &BURBLE_CONFIG(.on_event = test_seen_event, .arg = &seen));
    for (int i = 0; i < 3; i++)
        assert_int_equal(burble_send(t.c, "<message to='b@x.org'/>", 0, &ticket[i]), 0);
    restart(&t, &seen);
    uint64_t next;
    assert_int_equal(burble_send(t.c, "<message to='b@x.org'/>", 0, &next), 0);
    assert_true(next > ticket[2]);
    assert_int_equal(burble_connect(t.c), 0);
    test_connect(&t, "");
    test_receive(&t, TEST_BOUND);
    (void)test_sent(&t);
    assert_int_equal(seen.sent, 4);
    assert_int_equal(seen.ticket, next);
    end(&t, &seen);
}

static void a_server_that_has_more_than_was_saved_has_it_all(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online(&t, &seen);
    test_write(&t, "one");
    (void)test_sent(&t);
    burble_suspend(t.c);
    restart(&t, &seen);
    reconnect(&t);
    test_receive(&t, "<resumed xmlns='" SM "' h='40' previd='s&apos;1'/>");
    assert_int_equal(burble_state(t.c), BURBLE_ONLINE);
    assert_int_equal(seen.sent, 1);
    test_write(&t, "two");
    test_expect(&t, "id='two'");
    test_receive(&t, "<a xmlns='" SM "' h='41'/>");
    assert_int_equal(seen.sent, 2);
    end(&t, &seen);
}

static void a_session_that_is_gone_gives_way_to_a_new_one(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online(&t, &seen);
    test_write(&t, "one");
    test_write(&t, "two");
    (void)test_sent(&t);
    burble_suspend(t.c);
    restart(&t, &seen);
    reconnect(&t);
    test_receive(&t, "<failed xmlns='" SM "' h='2'><item-not-found "
                     "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
    assert_int_equal(seen.sent, 1); /* it says how much it had */
    test_expect(&t, "<bind ");
    test_receive(&t, TEST_BOUND "<enabled xmlns='" SM "' id='t' resume='true'/>");
    const char *sent = test_sent(&t);
    assert_null(strstr(sent, "id='one'"));
    assert_non_null(strstr(sent, "id='two'"));
    end(&t, &seen);
}

static void a_state_of_another_account_is_refused(void **state)
{
    struct test_client t;
    struct test_seen seen;
    struct burble *c = NULL;
    (void)state;
    online(&t, &seen);
    struct saved s = save(&t);
    end(&t, &seen);
    static const char *const OTHERS[] = {"you@example.org", "me@example.net", "example.org"};
    for (size_t i = 0; i < 3; i++) {
        struct burble_config config =
            BURBLE_CONFIG(.jid = OTHERS[i], .state = s.bytes, .state_len = s.len);
        assert_int_equal(burble_new(&config, &c), BURBLE_ERR_CORRUPT);
        assert_null(c);
    }
    /* Programs that are older than saved states have nothing there. */
    struct burble_config old = BURBLE_CONFIG(.jid = "you@example.org", .state = s.bytes);
    old.size = offsetof(struct burble_config, state);
    assert_int_equal(burble_new(&old, &c), 0);
    burble_free(&c);
    free(s.bytes);
}

#define HEAD  "<state xmlns='urn:burble:state' v='1' account='me@example.org' tickets='5'>"
#define SES   "<session id='s' jid='me@example.org/x' in='1' out='1'/>"
#define SENT  "<stanza kind='message' ticket='1' sent='true'>&lt;message/&gt;</stanza>"
#define WAITS "<stanza kind='message' ticket='1'>&lt;message/&gt;</stanza>"

static void what_is_damaged_is_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        "x",
        "<state/>",
        "<state xmlns='urn:burble:state' v='2' account='me@example.org' tickets='5'/>",
        "<state xmlns='urn:burble:state' v='1' tickets='5'/>",
        "<state xmlns='urn:burble:state' v='1' account='me@example.org'/>",
        "<state xmlns='urn:burble:state' v='1' account='me@example.org' tickets='-1'/>",
        "<state xmlns='urn:burble:state' v='1' account='me@example.org' "
        "tickets='18446744073709551615'/>",
        HEAD,
        HEAD "</state><more/>",
        HEAD "<session jid='me@example.org/x' in='1' out='1'/></state>",
        HEAD "<session id='s' in='1' out='1'/></state>",
        HEAD "<session id='s' jid='me@example.org' in='1' out='1'/></state>",
        HEAD "<session id='s' jid='@@/' in='1' out='1'/></state>",
        HEAD "<session id='s' jid='me@example.org/x' in='4294967296' out='1'/></state>",
        HEAD "<session id='s' jid='me@example.org/x' in='1' out=''/></state>",
        HEAD SES SES "</state>",
        HEAD SENT "</state>",
        HEAD SES WAITS SENT "</state>",
        HEAD "<stanza kind='message'>&lt;message/&gt;</stanza></state>",
        HEAD "<stanza kind='message' ticket='6'>&lt;message/&gt;</stanza></state>",
        HEAD "<stanza kind='else' ticket='1'>&lt;message/&gt;</stanza></state>",
        HEAD "<stanza kind='message' ticket='1'>&lt;message&gt;</stanza></state>",
        HEAD "<stanza kind='message' ticket='1'>&lt;r xmlns='urn:xmpp:sm:3'/&gt;</stanza></state>",
        HEAD "<stanza kind='message' ticket='1'>&lt;message/&gt;&lt;iq/&gt;</stanza></state>",
        HEAD "<stanza kind='message' ticket='1' since='x'>&lt;message/&gt;</stanza></state>",
        HEAD "<stanza kind='message' ticket='1' sent='yes'>&lt;message/&gt;</stanza></state>",
        HEAD "<presence>&lt;a&gt;</presence></state>",
        HEAD "<presence/><presence/></state>",
        HEAD "<presence>&lt;/presence&gt;&lt;presence&gt;</presence></state>",
        HEAD "<auth xmlns='urn:burble:state:auth' agent='x'/></state>",
        HEAD "<kept>?</kept></state>",
        HEAD "<kept/></state>",
        HEAD "<kept>AAAA</kept><kept>AAAA</kept></state>",
        HEAD "<!DOCTYPE x></state>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct burble *c = NULL;
        struct burble_config config =
            BURBLE_CONFIG(.jid = "me@example.org", .state = BAD[i], .state_len = strlen(BAD[i]));
        int err = burble_new(&config, &c);
        if (err != BURBLE_ERR_CORRUPT)
            print_error("taken: %s\n", BAD[i]);
        assert_int_equal(err, BURBLE_ERR_CORRUPT);
        assert_null(c);
    }
}

static void a_state_is_the_same_after_reading(void **state)
{
    static const char TEXT[] =
        HEAD "<session id='s' jid='me@example.org/x' location='h' in='4294967295' out='7'/>"
             "<presence>&lt;show&gt;away&lt;/show&gt;</presence><inactive/>"
             "<stanza kind='session' ticket='1' sent='true' written='true' since='3'>"
             "&lt;presence/&gt;</stanza>"
             "<stanza kind='message' ticket='2' sent='true' written='true'>"
             "&lt;message&gt;&lt;body&gt;&amp;amp;&lt;/body&gt;&lt;/message&gt;</stanza>"
             "<stanza kind='message' ticket='5'>&lt;message/&gt;</stanza>";
    struct burble *c = NULL;
    struct burble_config config =
        BURBLE_CONFIG(.jid = "me@example.org", .state = TEXT, .state_len = sizeof(TEXT) - 1);
    struct saved s;
    (void)state;
    assert_int_equal(burble_new(&config, &c), BURBLE_ERR_CORRUPT); /* its end is missing */
    char whole[sizeof(TEXT) + 16];
    snprintf(whole, sizeof(whole), "%s</state>", TEXT);
    config.state = whole;
    config.state_len = strlen(whole);
    assert_int_equal(burble_new(&config, &c), 0);
    assert_int_equal(burble_queued(c), 3);
    assert_int_equal(burble_save(c, &s.bytes, &s.len), 0);
    assert_true(s.len >= sizeof(TEXT) - 1);
    assert_memory_equal(s.bytes, TEXT, sizeof(TEXT) - 1);
    free(s.bytes);
    burble_free(&c);
    /* Who wants no resumption gets the messages alone. */
    config.flags = BURBLE_NO_RESUME;
    assert_int_equal(burble_new(&config, &c), 0);
    assert_int_equal(burble_queued(c), 2);
    burble_free(&c);
}

/* ---------------------------------------------------------------------------- told when it is safe
 */

#define ASKS "<r xmlns='" SM "'/>"

static struct saved disk;

static void keep(struct burble *c)
{
    free(disk.bytes);
    assert_int_equal(burble_save(c, &disk.bytes, &disk.len), 0);
    burble_saved(c);
}

static void keeps(struct burble *c, const struct burble_event *e, void *arg)
{
    (void)arg;
    if (e->kind == BURBLE_EVENT_SAVE)
        keep(c);
}

static void hear(struct test_client *t, const char *text)
{
    test_receivef(t, "<message from='bob@example.org/x'><body>%s</body></message>", text);
}

/* A program that saves when it is asked to (then), or not. */
static void online_by_save(struct test_client *t, struct test_seen *seen,
                           void (*then)(struct burble *, const struct burble_event *, void *))
{
    *seen = (struct test_seen){.then = then};
    test_online_with(t,
                     &BURBLE_CONFIG(.on_event = test_seen_event, .arg = seen,
                                    .flags = BURBLE_NO_CARBONS | BURBLE_ACK_SAVED),
                     SM_FEATURE);
    test_receive(t, "<enabled xmlns='" SM "' id='s' resume='true'/>");
    (void)test_seen_log(seen);
}

/* It was killed; another process has what was saved last. */
static void killed(struct test_client *t, struct test_seen *seen,
                   void (*then)(struct burble *, const struct burble_event *, void *))
{
    end(t, seen);
    *seen = (struct test_seen){.then = then};
    test_new(t,
             &BURBLE_CONFIG(.on_event = test_seen_event, .arg = seen, .state = disk.bytes,
                            .state_len = disk.len, .flags = BURBLE_NO_CARBONS | BURBLE_ACK_SAVED));
    assert_int_equal(burble_connect(t->c), 0);
    test_connect(t, SM_FEATURE);
}

static void the_server_is_told_of_what_is_safe(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online_by_save(&t, &seen, keeps);
    hear(&t, "a");
    hear(&t, "b");
    test_expect_nothing(&t);
    test_receive(&t, ASKS);
    test_expect(&t, "<a xmlns='" SM "' h='2'/>");
    assert_string_equal(test_seen_log(&seen), "message a, message b, save");
    test_receive(&t, ASKS); /* nothing new */
    test_expect(&t, "<a xmlns='" SM "' h='2'/>");
    assert_string_equal(test_seen_log(&seen), "");
    hear(&t, "c");
    test_write(&t, "one");
    test_expect(&t, "id='one'"); /* and nobody has saved that */

    killed(&t, &seen, keeps);
    test_expect(&t, "<resume xmlns='" SM "' h='2' previd='s'/>");
    test_receive(&t, "<resumed xmlns='" SM "' h='1' previd='s'/>");
    hear(&t, "c");
    assert_string_equal(test_seen_log(&seen), "resolving, connecting, authenticating, binding, "
                                              "online again, save, message c");
    assert_null(strstr(test_sent(&t), "id='one'"));
    test_receive(&t, ASKS);
    test_expect(&t, "<a xmlns='" SM "' h='3'/>");
    end(&t, &seen);
}

static void who_does_not_save_is_not_spoken_for(void **state)
{
    struct test_client t;
    struct test_seen seen;
    struct saved s;
    (void)state;
    online_by_save(&t, &seen, NULL);
    for (int i = 0; i < 70; i++)
        hear(&t, "x");
    assert_int_equal(seen.saves, 2); /* of the session, and after 64 */
    test_expect_nothing(&t);
    test_receive(&t, ASKS);
    test_expect(&t, "<a xmlns='" SM "' h='0'/>");
    assert_int_equal(seen.saves, 3);
    /* What was not written is not safe. */
    s = save(&t);
    free(s.bytes);
    hear(&t, "y");
    test_receive(&t, ASKS);
    test_expect(&t, "<a xmlns='" SM "' h='0'/>");
    burble_saved(t.c);
    test_receive(&t, ASKS);
    test_expect(&t, "<a xmlns='" SM "' h='70'/>");
    /* The same process has it all. */
    unsigned saves = seen.saves;
    test_break(&t);
    assert_int_equal(seen.saves, saves + 1);
    test_connect(&t, SM_FEATURE);
    test_expect(&t, "<resume xmlns='" SM "' h='71' previd='s'/>");
    test_receive(&t, "<resumed xmlns='" SM "' h='0' previd='s'/>" ASKS);
    test_expect(&t, "<a xmlns='" SM "' h='71'/>"); /* it never takes a word back */
    /* And at the end all was handed over. */
    hear(&t, "z");
    burble_disconnect(t.c);
    test_expect(&t, "<a xmlns='" SM "' h='72'/></stream:stream>");
    end(&t, &seen);
}

static void keeps_and_leaves(struct burble *c, const struct burble_event *e, void *arg)
{
    keeps(c, e, arg);
    if (e->kind == BURBLE_EVENT_SAVE)
        burble_disconnect(c);
}

/* Else the server delivers it again when it gives the session up. */
static void the_server_is_told_of_all_before_a_session_is_suspended(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online_by_save(&t, &seen, keeps);
    hear(&t, "a");
    burble_suspend(t.c);
    const char *sent = test_sent(&t);
    assert_non_null(strstr(sent, "<a xmlns='" SM "' h='1'/>"));
    assert_null(strstr(sent, "</stream:stream>"));
    assert_string_equal(test_seen_log(&seen), "message a, save, leaving");
    killed(&t, &seen, keeps);
    test_expect(&t, "<resume xmlns='" SM "' h='1' previd='s'/>");
    end(&t, &seen);
    /* Whoever thinks of it then that there is nothing to be resumed leaves for good. */
    online_by_save(&t, &seen, keeps);
    seen.then = keeps_and_leaves;
    hear(&t, "a");
    burble_suspend(t.c);
    test_expect(&t, "<a xmlns='" SM "' h='1'/></stream:stream>");
    end(&t, &seen);
}

static void what_is_saved_is_said_once_and_only_once(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    /* The server has got: nothing, one of the two, both, and more than was saved. */
    for (unsigned got = 0; got < 4; got++) {
        online_by_save(&t, &seen, keeps);
        test_write(&t, "one");
        test_write(&t, "two");
        keep(t.c); /* neither was sent yet */
        /* What belongs to the session goes behind them. */
        assert_int_equal(burble_get(t.c, NULL, "<q xmlns='q'/>", 0, NULL, NULL, NULL), 0);
        const char *sent = test_sent(&t);
        assert_true(strstr(sent, "id='two'") < strstr(sent, "<q xmlns='q'/>"));
        killed(&t, &seen, keeps);
        test_receivef(&t, "<resumed xmlns='" SM "' h='%u' previd='s'/>", got);
        sent = test_sent(&t);
        assert_int_equal(strstr(sent, "id='one'") != NULL, got < 1);
        assert_int_equal(strstr(sent, "id='two'") != NULL, got < 2);
        assert_int_equal(seen.sent, got < 2 ? got : 2);
        test_write(&t, "three");
        test_expect(&t, "id='three'");
        test_receivef(&t, "<a xmlns='" SM "' h='%u'/>", got < 3 ? 3 : 4);
        assert_int_equal(seen.sent, 3);
        assert_int_equal(burble_queued(t.c), 0);
        end(&t, &seen);
    }
}

static void before_the_session_is_resumed_nothing_more_has_its_place(void **state)
{
    struct test_client t;
    struct test_seen seen;
    (void)state;
    online_by_save(&t, &seen, keeps);
    keep(t.c);
    test_write(&t, "lost"); /* not saved, and yet it is the first that the server gets */
    (void)test_sent(&t);
    killed(&t, &seen, NULL);
    test_write(&t, "one");
    keep(t.c);
    killed(&t, &seen, keeps);
    test_receive(&t, "<resumed xmlns='" SM "' h='1' previd='s'/>");
    test_expect(&t, "id='one'");
    end(&t, &seen);
}

static void the_programs_own_is_kept_along(void **state)
{
    static char much[(1 << 20) + 1];
    struct test_client t;
    struct test_seen seen;
    size_t len;
    (void)state;
    online_by_save(&t, &seen, keeps);
    assert_null(burble_kept(t.c, &len));
    assert_int_equal(burble_keep(t.c, much, sizeof(much)), BURBLE_ERR_LIMIT);
    assert_int_equal(burble_keep(t.c, "gone", 4), 0);
    assert_int_equal(burble_keep(t.c, "a\0<&>\xff", 6), 0);
    keep(t.c);
    assert_int_equal(burble_keep(t.c, NULL, 0), 0);
    assert_null(burble_kept(t.c, &len));
    for (int i = 0; i < 2; i++) {
        killed(&t, &seen, NULL);
        const void *kept = burble_kept(t.c, &len);
        assert_int_equal(len, 6);
        assert_memory_equal(kept, "a\0<&>\xff", 6);
        keep(t.c);
    }
    assert_int_equal(burble_keep(t.c, much, sizeof(much) - 1), 0);
    keep(t.c);
    killed(&t, &seen, NULL);
    assert_non_null(burble_kept(t.c, &len));
    assert_int_equal(len, sizeof(much) - 1);
    end(&t, &seen);
    free(disk.bytes);
    disk = (struct saved){0};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C06_another_process_resumes_and_says_everything_once),
        cmocka_unit_test(a_state_that_cannot_be_resumed_keeps_messages),
        cmocka_unit_test(tickets_and_order_outlive_the_process),
        cmocka_unit_test(a_server_that_has_more_than_was_saved_has_it_all),
        cmocka_unit_test(a_session_that_is_gone_gives_way_to_a_new_one),
        cmocka_unit_test(a_state_of_another_account_is_refused),
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(a_state_is_the_same_after_reading),
        cmocka_unit_test(the_server_is_told_of_what_is_safe),
        cmocka_unit_test(the_server_is_told_of_all_before_a_session_is_suspended),
        cmocka_unit_test(who_does_not_save_is_not_spoken_for),
        cmocka_unit_test(what_is_saved_is_said_once_and_only_once),
        cmocka_unit_test(before_the_session_is_resumed_nothing_more_has_its_place),
        cmocka_unit_test(the_programs_own_is_kept_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
