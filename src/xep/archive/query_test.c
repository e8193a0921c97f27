/* XEP-0313: Message Archive Management, of accounts. */
#include "xep/archive/test_archive.h"

/* An id that is not in the archive, in all the places where there can be one. */
static void ids_are_unknown(struct client *c, const char *id)
{
    static const char *const PLACES[][2] = {
        {FORM_BEGIN "<field var='after-id'><value>", "</value></field></x>"},
        {FORM_BEGIN "<field var='before-id'><value>", "</value></field></x>"},
        {FORM_BEGIN "<field var='ids'><value>", "</value></field></x>"},
        {"<set xmlns='http://jabber.org/protocol/rsm'><after>", "</after></set>"},
        {"<set xmlns='http://jabber.org/protocol/rsm'><before>", "</before></set>"},
    };
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        client_sendf(c, QUERY("%s%s%s"), PLACES[i][0], id, PLACES[i][1]);
        expect(c, REFUSED("cancel", "item-not-found"));
    }
}

static void an_empty_archive_is_complete(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, ALICE "/phone");
        ask(alice, QUERY(""), NOTHING);
        ask(alice, QUERY(FORM("")), NOTHING);
        ask(alice, QUERY(RSM("<max>5</max><before/>")), NOTHING);
        ids_are_unknown(alice, "1");
        expect_nothing(alice);
    }
}

static void all_messages_come_in_order(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[5];
        put_messages(b, id, 5);
        struct client *alice = bench_login(b, ALICE "/phone"), *bob = bench_login(b, BOB "/desk");
        client_send(alice, QUERY(""));
        expect_messages(alice, id, 0, 4);
        expect_whole_fin(alice, id[0], id[4], 5);
        client_send(bob, "<iq type='set' id='q' to='" BOB "'><query xmlns='urn:xmpp:mam:2'/></iq>");
        expect(bob, "<message from='" BOB "' id='*'><result xmlns='urn:xmpp:mam:2' id='*'>"
                    "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
                    "stamp='2026-01-02T03:04:05.000Z'/><message xmlns='jabber:client' from='" BOB
                    "/desk' to='" ALICE "' type='chat'><body>0</body></message></forwarded>"
                    "</result></message>");
        for (int i = 1; i < 5; i++)
            client_next(bob);
        expect(bob, "<iq type='result' id='q' from='" BOB "'><fin xmlns='urn:xmpp:mam:2' "
                    "complete='true'><set xmlns='http://jabber.org/protocol/rsm'><_/></set></fin>"
                    "</iq>");
        expect_nothing(alice);
        expect_nothing(bob);
    }
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[5];
        put_messages(b, id, 5);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(RSM("<max>2</max>")));
        expect_messages(alice, id, 0, 1);
        expect_page_fin(alice, id[0], id[1], false);
        client_sendf(alice, QUERY(RSM("<max>2</max><after>%d</after>")), (int)id[1]);
        expect_messages(alice, id, 2, 3);
        expect_page_fin(alice, id[2], id[3], false);
        client_sendf(alice, QUERY(RSM("<max>2</max><after>%d</after>")), (int)id[2]);
        expect_messages(alice, id, 3, 4);
        expect_page_fin(alice, id[3], id[4], true);
        client_sendf(alice, QUERY(RSM("<after>%d</after>")), (int)id[4]);
        expect(alice, FIN("complete='true'", ""));
        expect_nothing(alice);
    }
}

static void pages_go_back_from_the_end(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[5];
        put_messages(b, id, 5);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(RSM("<max>2</max><before/>")));
        expect_messages(alice, id, 3, 4);
        expect_page_fin(alice, id[3], id[4], false);
        client_sendf(alice, QUERY(RSM("<max>3</max><before>%d</before>")), (int)id[3]);
        expect_messages(alice, id, 0, 2);
        expect_page_fin(alice, id[0], id[2], true);
        client_sendf(alice, QUERY(RSM("<max>2</max><after>%d</after><before>%d</before>")),
                     (int)id[0], (int)id[4]);
        expect_messages(alice, id, 2, 3);
        expect_page_fin(alice, id[2], id[3], false);
        client_send(alice, QUERY(RSM("<before/>")));
        expect_messages(alice, id, 0, 4);
        expect_whole_fin(alice, id[0], id[4], 5);
        expect_nothing(alice);
    }
}

static void a_page_can_be_flipped(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[4];
        put_messages(b, id, 4);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(RSM("<max>2</max>") "<flip-page/>"));
        expect_messages(alice, id, 1, 0);
        expect_page_fin(alice, id[0], id[1], false);
        client_send(alice, QUERY(RSM("<max>3</max><before/>") "<flip-page/>"));
        expect_messages(alice, id, 3, 1);
        expect_page_fin(alice, id[1], id[3], false);
        expect_nothing(alice);
    }
}

static void a_page_of_nothing_counts(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[7];
        struct client *alice = bench_login(b, ALICE "/phone");
        ask(alice, QUERY(RSM("<max>0</max>")), NOTHING);
        put_messages(b, id, 7);
        ask(alice, QUERY(RSM("<max>0</max>")), FIN("", "<count>7</count>"));
        ask(alice, QUERY(FORM(FIELD("with", BOB)) RSM("<max>0</max>")),
            FIN("", "<count>7</count>"));
        for (int i = 0; i < 1000; i++)
            bench_archive(b, BOB "/desk", ALICE, 0, "<body/>");
        ask(alice, QUERY(RSM("<max>0</max>")), FIN("", "")); /* that would not be cheap */
        expect_nothing(alice);
    }
}

static void messages_are_those_with_a_contact(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[6];
        id[0] = bench_archive(b, BOB "/desk", ALICE, 0, "<body>a</body>");
        id[1] = bench_archive(b, CAROL "/x", ALICE "/phone", 0, "<body>b</body>");
        id[2] = bench_archive(b, ALICE "/phone", CAROL, 0, "<body>c</body>");
        id[3] = bench_archive(b, ALICE "/phone", ALICE, 0, "<body>d</body>");
        id[4] = bench_archive(b, ALICE "/phone", BOB "/phone", 0, "<body>e</body>");
        id[5] = bench_archive(b, CAROL "/y", ALICE, 0, "<body>f</body>");
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(FORM(FIELD("with", "Bob@Example.net"))));
        expect_result(alice, id[0], BOB "/desk", ALICE, "a");
        expect_result(alice, id[4], ALICE "/phone", BOB "/phone", "e");
        expect_whole_fin(alice, id[0], id[4], 2);
        client_send(alice, QUERY(FORM(FIELD("with", BOB "/phone"))));
        expect_result(alice, id[4], ALICE "/phone", BOB "/phone", "e");
        expect_whole_fin(alice, id[4], id[4], 1);
        client_send(alice, QUERY(FORM(FIELD("with", CAROL)) RSM("<max>2</max>")));
        expect_result(alice, id[1], CAROL "/x", ALICE "/phone", "b");
        expect_result(alice, id[2], ALICE "/phone", CAROL, "c");
        expect_page_fin(alice, id[1], id[2], false);
        /* Own messages to oneself, by whatever name of the host. */
        client_send(alice, QUERY(FORM(FIELD("with", "alice@talk.example.org"))));
        expect_result(alice, id[3], ALICE "/phone", ALICE, "d");
        expect_whole_fin(alice, id[3], id[3], 1);
        ask(alice, QUERY(FORM(FIELD("with", "nobody@example.org"))), NOTHING);
        ask(alice, QUERY(FORM(FIELD("with", "@"))), REFUSED("modify", "jid-malformed"));
        expect_nothing(alice);
    }
}

static void messages_are_those_of_a_time(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[5]; /* from 03:04:05Z on, a minute apart */
        put_messages(b, id, 5);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(FORM(FIELD("start", "2026-01-02T03:06:05Z"))));
        expect_messages(alice, id, 2, 4);
        expect_whole_fin(alice, id[2], id[4], 3);
        client_send(alice, QUERY(FORM(FIELD("end", "2026-01-02T05:05:05+02:00"))));
        expect_messages(alice, id, 0, 1);
        expect_whole_fin(alice, id[0], id[1], 2);
        client_send(alice, QUERY(FORM(FIELD("start", "2026-01-02T03:05:00.000Z")
                                          FIELD("end", "2026-01-02T03:06:06Z"))));
        expect_messages(alice, id, 1, 2);
        expect_whole_fin(alice, id[1], id[2], 2);
        ask(alice, QUERY(FORM(FIELD("start", "2027-01-02T03:05:00Z"))), NOTHING);
        ask(alice,
            QUERY(
                FORM(FIELD("start", "2026-01-02T03:07:00Z") FIELD("end", "2026-01-02T03:06:06Z"))),
            NOTHING);
        expect_nothing(alice);
    }
}

static void messages_are_those_between_two_others(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[5];
        put_messages(b, id, 5);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_sendf(alice, QUERY(FORM(FIELD("after-id", "%d") FIELD("before-id", "%d"))),
                     (int)id[0], (int)id[4]);
        expect_messages(alice, id, 1, 3);
        expect_whole_fin(alice, id[1], id[3], 3);
        client_sendf(alice,
                     QUERY(FORM(FIELD("after-id", "%d")) RSM("<max>2</max><after>%d</after>")),
                     (int)id[0], (int)id[1]);
        expect_messages(alice, id, 2, 3);
        expect_page_fin(alice, id[2], id[3], false);
        client_sendf(alice, QUERY(FORM(FIELD("before-id", "%d")) RSM("<before/>")), (int)id[3]);
        expect_messages(alice, id, 0, 2);
        expect_whole_fin(alice, id[0], id[2], 3);
        client_sendf(alice, QUERY(FORM(FIELD("after-id", "%d") FIELD("before-id", "%d"))),
                     (int)id[3], (int)id[2]);
        expect(alice, NOTHING);
        ids_are_unknown(alice, "999");
        ids_are_unknown(alice, "0");
        ids_are_unknown(alice, "one");
        ids_are_unknown(alice, "99999999999999999999999999");
        ids_are_unknown(alice, "9223372036854775807");
        expect_nothing(alice);
    }
}

static void messages_are_fetched_by_their_ids(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[6];
        put_messages(b, id, 6);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_sendf(
            alice,
            QUERY(FORM("<field var='ids'><value>%d</value><value>%d</value><value>%d</value>"
                       "<value>%d</value></field>")),
            (int)id[5], (int)id[1], (int)id[5], (int)id[3]);
        for (int i = 1; i < 6; i += 2)
            expect_messages(alice, id, i, i);
        expect_whole_fin(alice, id[1], id[5], 3);
        client_sendf(
            alice,
            QUERY(FORM("<field var='ids'><value>%d</value><value>%d</value><value>%d</value>"
                       "</field>") RSM("<max>1</max><before>%d</before>")),
            (int)id[5], (int)id[1], (int)id[3], (int)id[5]);
        expect_messages(alice, id, 3, 3);
        expect_page_fin(alice, id[3], id[3], false);
        client_sendf(alice,
                     QUERY(FORM("<field var='ids'><value>%d</value><value>999</value></field>")),
                     (int)id[5]);
        expect(alice, REFUSED("cancel", "item-not-found"));
        ask(alice, QUERY(FORM("<field var='ids'><value/><value/></field>")),
            REFUSED("cancel", "item-not-found"));
        expect_nothing(alice);
    }
}

/* What is delivered bears the id under which the archives of both have it. */
static void sent_messages_are_found_by_their_stanza_ids(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        char id[32], pattern[256];
        struct client *alice = bench_online(b, ALICE "/phone"), *bob = bench_online(b, BOB "/desk");
        client_send(alice, "<message to='" BOB "' type='chat'><body>hello</body></message>");
        struct xml x = xml_child(client_next(bob), SLICE("urn:xmpp:sid:0"), SLICE("stanza-id"));
        assert_true(slice_is(xml_attr(x, SLICE("by")), BOB));
        snprintf(id, sizeof(id), "%.*s", SLICE_ARG(xml_attr(x, SLICE("id"))));
        client_send(bob, "<message to='" ALICE "/phone' type='chat'><body>away</body><no-store "
                         "xmlns='urn:xmpp:hints'/></message>");
        client_next(alice);
        struct client *both[2] = {alice, bob};
        snprintf(
            pattern, sizeof(pattern),
            FIN("complete='true'", "<first index='0'>%s</first><last>%s</last><count>1</count>"),
            id, id);
        for (size_t i = 0; i < 2; i++) {
            client_send(both[i], QUERY(""));
            assert_true(slice_eq(xml_attr(xml_first_element(client_next(both[i])), SLICE("id")),
                                 slice_z(id)));
            expect(both[i], pattern);
            client_sendf(both[i], QUERY(FORM(FIELD("ids", "%s"))), id);
            client_next(both[i]);
            expect(both[i], pattern);
            expect_nothing(both[i]);
        }
        client_send(alice, "<message to='" ALICE "' type='chat'><body>note</body></message>");
        client_next(alice);
        client_send(alice, QUERY(FORM(FIELD("with", ALICE))));
        expect(alice,
               "<message from='" ALICE "' id='*'><result xmlns='urn:xmpp:mam:2' "
               "queryid='f' id='*'><forwarded xmlns='urn:xmpp:forward:0'><delay "
               "xmlns='urn:xmpp:delay' stamp='*'/><message xmlns='jabber:client' from='" ALICE
               "/phone' to='" ALICE "' type='chat'><body>note</body></message></forwarded>"
               "</result></message>");
        client_next(alice);
        expect_nothing(alice);
    }
}

/* What waits for its delivery and what settles a number are no history. */
static void what_is_no_history_is_not_seen(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[3];
        char text[32];
        put_messages(b, id, 1);
        id[1] = bench_archive(b, BOB "/desk", ALICE, ARCHIVE_DELIVERY, "<body>x</body>");
        bench_archive(b, BOB "/desk", ALICE, ARCHIVE_MARKER, NULL);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(""));
        expect_messages(alice, id, 0, 0);
        expect_whole_fin(alice, id[0], id[0], 1);
        snprintf(text, sizeof(text), "%d", (int)id[1]);
        ids_are_unknown(alice, text);
        assert_false(bench_logged(b, "store.corrupt"));
        expect_nothing(alice);
    }
}

/* How many features of the archive the client's account has. */
static unsigned count_features(struct client *c)
{
    unsigned found = 0;
    client_send(c, "<iq type='get' id='d' to='" ALICE "'><query "
                   "xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    struct xml query = xml_first_element(client_next(c));
    for (struct xml x = xml_first_element(query); xml_some(x); x = xml_next_element(x)) {
        struct slice var = xml_attr(x, SLICE("var"));
        found += slice_is(var, "urn:xmpp:mam:2") || slice_is(var, "urn:xmpp:mam:2#extended") ||
                 slice_is(var, "urn:xmpp:mam:2#groupchat-field");
    }
    return found;
}

static void the_form_names_the_fields(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    client_send(alice, "<iq type='get' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    expect(alice, "<iq type='result' id='q'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' "
                  "type='form'><field type='hidden' var='FORM_TYPE'><value>urn:xmpp:mam:2</value>"
                  "</field><field type='jid-single' var='with'/><field type='text-single' "
                  "var='start'/><field type='text-single' var='end'/><field type='text-single' "
                  "var='before-id'/><field type='text-single' var='after-id'/><field "
                  "type='list-multi' var='ids'><validate "
                  "xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/>"
                  "</validate></field><field type='boolean' var='include-groupchat'/><_/></x>"
                  "</query></iq>");
    assert_int_equal(count_features(alice), 3);
    bench_free(&b);
}

/* ------------------------------------------------------------------------------------- S20, D09 */

#define ASK_OF(to) "<iq type='set' id='q' to='" to "'><query xmlns='urn:xmpp:mam:2'/></iq>"
#define FORBIDDEN(from)                                                                            \
    "<iq type='error' id='q' from='" from "'><error type='auth'><forbidden xmlns='" STANZAS "'/>"  \
    "</error></iq>"

static void S20_a_foreign_archive_is_forbidden(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[2];
        bench_account(b, BOB);
        bench_account(b, "dave@example.net");
        bench_befriend(b, ALICE, BOB);
        put_messages(b, id, 2);
        struct client *alice = bench_online(b, ALICE "/phone");
        /* A friend's, a stranger's, nobody's: all the same. */
        ask(alice, ASK_OF(BOB), FORBIDDEN(BOB));
        ask(alice, ASK_OF("dave@example.net"), FORBIDDEN("dave@example.net"));
        ask(alice, ASK_OF("nobody@example.net"), FORBIDDEN("nobody@example.net"));
        ask(alice, "<iq type='get' id='q' to='" BOB "'><query xmlns='urn:xmpp:mam:2'/></iq>",
            FORBIDDEN(BOB));
        ask(alice, "<iq type='get' id='q' to='" BOB "'><metadata xmlns='urn:xmpp:mam:2'/></iq>",
            FORBIDDEN(BOB));
        ask(alice, "<iq type='get' id='q' to='" BOB "'><prefs xmlns='urn:xmpp:mam:2'/></iq>",
            FORBIDDEN(BOB));
        ask(alice, ASK_OF("example.org"),
            "<iq type='error' id='q' from='example.org'><error type='cancel'><service-unavailable "
            "xmlns='" STANZAS "'/></error></iq>");
        expect_nothing(alice);
    }
}

static void S20_bad_wishes_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    static const char *const BAD[] = {
        QUERY(RSM("<max>-1</max>")),
        QUERY(RSM("<max>many</max>")),
        QUERY(RSM("<max/>")),
        QUERY(FORM(FIELD("start", "yesterday"))),
        QUERY(FORM(FIELD("end", "2026-01-02"))),
        QUERY(FORM(FIELD("end", "2026-01-02T03:04:05"))),
        QUERY(FORM(FIELD("include-groupchat", "maybe"))),
        QUERY(FORM(FIELD("with", BOB) FIELD("with", BOB))),
        QUERY(FORM("<field var='with'><value>a@b</value><value>c@d</value></field>")),
        QUERY(FORM(FIELD("FORM_TYPE", "urn:xmpp:mam:1"))),
        QUERY("<x xmlns='jabber:x:data' type='submit'/>"),
        QUERY("<x xmlns='jabber:x:data' type='form'>" FIELD("FORM_TYPE", "urn:xmpp:mam:2") "</x>"),
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        ask(alice, BAD[i], BAD_REQUEST);
    ask(alice, QUERY(FORM(FIELD("color", "red"))), REFUSED("cancel", "feature-not-implemented"));
    ask(alice, QUERY(RSM("<index>3</index>")), REFUSED("cancel", "feature-not-implemented"));
    ask(alice, QUERY(FORM("<field var='with'/>" FIELD("include-groupchat", "true"))), NOTHING);
    ask(alice, "<iq type='set' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>",
        REFUSED("cancel", "not-allowed"));
    expect_nothing(alice);
    bench_free(&b);
}

static void S20_pages_are_cut_to_L17(void **state)
{
    (void)state;
    static const char *const WISHES[] = {QUERY(""), QUERY(RSM("<max>1000000000</max>")),
                                         QUERY(RSM("<max>99999999999999999999999</max>"))};
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[60];
        put_messages(b, id, 60);
        struct client *alice = bench_login(b, ALICE "/phone");
        for (size_t i = 0; i < 3; i++) {
            client_send(alice, WISHES[i]);
            expect_messages(alice, id, 0, 49);
            expect_page_fin(alice, id[0], id[49], false);
        }
        client_send(alice, QUERY(RSM("<before/>")));
        expect_messages(alice, id, 10, 59);
        expect_page_fin(alice, id[10], id[59], false);
        b->config.core.limits.mam_page = 3;
        bench_reload(b);
        client_send(alice, QUERY(""));
        expect_messages(alice, id, 0, 2);
        expect_page_fin(alice, id[0], id[2], false);
        ask(alice,
            QUERY(FORM("<field var='ids'><value>1</value><value>2</value><value>3</value>"
                       "<value>4</value></field>")),
            REFUSED("wait", "resource-constraint"));
        expect_nothing(alice);
    }
}

static void S20_of_a_hundred_queries_ten_are_taken(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[1];
        put_messages(b, id, 1);
        struct client *alice = bench_login(b, ALICE "/phone"), *other = bench_login(b, ALICE "/x");
        b->store_held = true;
        for (int i = 0; i < 100; i++)
            client_send(alice, QUERY(""));
        for (int i = 0; i < 90; i++)
            expect(alice, REFUSED("wait", "resource-constraint"));
        expect_nothing(alice);
        assert_int_equal(bench_store_waiting(b), 2);
        assert_true(bench_logged(b, "mam.limit"));
        client_send(other, QUERY("")); /* of another session */
        assert_int_equal(bench_store_waiting(b), 3);
        bench_release(b);
        for (int i = 0; i < 10; i++) {
            expect_messages(alice, id, 0, 0);
            expect_whole_fin(alice, id[0], id[0], 1);
        }
        expect_messages(other, id, 0, 0);
        client_next(other);
        client_send(alice, QUERY(""));
        expect_messages(alice, id, 0, 0);
        expect_whole_fin(alice, id[0], id[0], 1);
        expect_nothing(alice);
        expect_nothing(other);
    }
}

static void queries_end_with_their_session(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[1];
        put_messages(b, id, 1);
        struct client *alice = bench_login(b, ALICE "/phone");
        b->store_held = true;
        for (int i = 0; i < 10; i++)
            client_send(alice, QUERY(""));
        client_lose(&alice);
        bench_release(b);
        alice = bench_login(b, ALICE "/phone");
        expect_nothing(alice);
        client_send(alice, QUERY(""));
        expect_messages(alice, id, 0, 0);
        expect_whole_fin(alice, id[0], id[0], 1);
        client_send(alice, QUERY(""));
        client_close(&alice);
        bench_advance(b, 120000);
        assert_null(bench_loaded(b, ALICE));
    }
}

static void D09_a_damaged_entry_is_left_out(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[1], last;
        put_messages(b, id, 1);
        bench_archive(b, BOB "/desk", ALICE, 0, NULL);
        bench_archive(b, BOB "/desk", ALICE, 0, "<body>open");
        bench_archive(b, BOB "/desk", ALICE, 0, "<body>\xff</body>");
        bench_archive(b, BOB "/desk", ALICE, 0, "</message><iq/><message>");
        bench_archive(b, BOB "/desk", ALICE, 0, "<!DOCTYPE a [<!ENTITY b 'c'>]><body>&b;</body>");
        last = bench_archive(b, BOB "/desk", ALICE, 0, "<body>good</body>");
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(""));
        expect_messages(alice, id, 0, 0);
        expect_result(alice, last, BOB "/desk", ALICE, "good");
        expect_whole_fin(alice, id[0], last, 2);
        assert_true(bench_logged(b, "event=store.corrupt jid=" ALICE " log=archive position="));
        client_send(alice, QUERY(RSM("<max>2</max>"))); /* the damaged are not counted */
        expect_messages(alice, id, 0, 0);
        expect_result(alice, last, BOB "/desk", ALICE, "good");
        expect_whole_fin(alice, id[0], last, 2);
        expect_nothing(alice);
    }
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    b->query_error = ERR_BUSY;
    ask(alice, QUERY(""), REFUSED("wait", "resource-constraint"));
    b->query_error = ERR_IO;
    ask(alice, QUERY(""), REFUSED("cancel", "internal-server-error"));
    ask(alice, "<iq type='get' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>",
        REFUSED("cancel", "internal-server-error"));
    b->query_error = 0;
    ask(alice, QUERY(""), NOTHING);
    expect_nothing(alice);
    bench_free(&b);
}

/* ----------------------------------------------------------------------------------- large ones */

static void a_search_goes_on_behind_what_the_store_looks_at(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[2];
        id[0] = bench_archive(b, CAROL "/x", ALICE, 0, "<body>old</body>");
        for (int i = 0; i < 2 * STORE_RANGE_LOOKS + 5; i++)
            bench_archive(b, BOB "/desk", ALICE, 0, "<body/>");
        id[1] = bench_archive(b, CAROL "/x", ALICE, 0, "<body>new</body>");
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(FORM(FIELD("with", CAROL))));
        expect_result(alice, id[0], CAROL "/x", ALICE, "old");
        expect_result(alice, id[1], CAROL "/x", ALICE, "new");
        expect_whole_fin(alice, id[0], id[1], 2);
        client_send(alice, QUERY(FORM(FIELD("with", CAROL)) RSM("<before/><max>1</max>")));
        expect_result(alice, id[1], CAROL "/x", ALICE, "new");
        expect_page_fin(alice, id[1], id[1], false);
        client_send(alice, QUERY(FORM(FIELD("with", CAROL "/x")) RSM("<before/><max>2</max>")));
        expect_result(alice, id[0], CAROL "/x", ALICE, "old");
        expect_result(alice, id[1], CAROL "/x", ALICE, "new");
        expect_whole_fin(alice, id[0], id[1], 2);
        expect_nothing(alice);
    }
}

/* A body of so many bytes. */
static char *large(size_t bytes)
{
    static const char OPEN[] = "<body>", CLOSE[] = "</body>";
    char *text = malloc(bytes + sizeof(OPEN) + sizeof(CLOSE));
    memcpy(text, OPEN, sizeof(OPEN) - 1);
    memset(text + sizeof(OPEN) - 1, 'x', bytes);
    memcpy(text + sizeof(OPEN) - 1 + bytes, CLOSE, sizeof(CLOSE));
    return text;
}

static unsigned count_results(struct client *c)
{
    unsigned n = 0;
    while (client_waiting(c) > 0 && slice_is(xml_name(client_next(c)), "message"))
        n++;
    return n;
}

static void L13_a_page_is_no_larger_than_the_client_can_take(void **state)
{
    (void)state;
    char *text = large(200000);
    BENCH_ON_SHARDS(b, NULL)
    {
        struct client *alice = bench_login(b, ALICE "/phone");
        for (int i = 0; i < 6; i++)
            bench_archive(b, BOB "/desk", ALICE, 0, text);
        client_send(alice, QUERY(""));
        assert_int_equal(count_results(alice), 2);
        struct xml fin = xml_first_element(client_last(alice));
        assert_true(xml_is(fin, SLICE("urn:xmpp:mam:2"), SLICE("fin")));
        assert_null(xml_attr(fin, SLICE("complete")).ptr);
        client_send(alice, QUERY(RSM("<before/>")));
        assert_int_equal(count_results(alice), 2);
        /* One alone may be larger than all that is allowed. */
        b->config.core.limits.output_bytes = 65536;
        bench_reload(b);
        client_send(alice, QUERY(""));
        assert_int_equal(count_results(alice), 1);
        assert_true(
            xml_is(xml_first_element(client_last(alice)), SLICE("urn:xmpp:mam:2"), SLICE("fin")));
        expect_nothing(alice);
    }
    free(text);
}

static void L13_nothing_is_read_for_who_does_not_read(void **state)
{
    (void)state;
    char *text = large(100000);
    BENCH_ON_SHARDS(b, NULL)
    {
        b->config.core.limits.resources = 20;
        struct client *alice = bench_login(b, ALICE "/phone");
        for (int i = 0; i < 4; i++)
            bench_archive(b, BOB "/desk", ALICE, 0, text);
        client_set_deaf(alice, true);
        for (int i = 0; i < 8; i++)
            client_send(alice, QUERY(""));
        /* 400 KB a page: the second fits, then the client has to read. */
        unsigned before = b->queries;
        bench_advance(b, 1000);
        assert_int_equal(b->queries, before);
        assert_true(session_backlog(client_session(alice)) <= b->config.core.limits.output_bytes);
        assert_false(client_session(alice)->lags);
        client_set_deaf(alice, false);
        bench_run(b);
        unsigned results = 0, fins = 0;
        while (client_waiting(alice) > 0)
            if (slice_is(xml_name(client_next(alice)), "message"))
                results++;
            else
                fins++;
        assert_int_equal(results, 32);
        assert_int_equal(fins, 8);
        /* Who goes away meanwhile takes the queries with it. */
        client_set_deaf(alice, true);
        for (int i = 0; i < 8; i++)
            client_send(alice, QUERY(""));
        client_lose(&alice);
        bench_advance(b, 120000);
        assert_null(bench_loaded(b, ALICE));
    }
    free(text);
}

/* ------------------------------------------------------------------------------ metadata, hosts */

#define ASK_METADATA "<iq type='get' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>"

static void metadata_tells_the_ends(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[3];
        char pattern[512];
        struct client *alice = bench_login(b, ALICE "/phone");
        ask(alice, ASK_METADATA,
            "<iq type='result' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>");
        bench_archive(b, BOB "/desk", ALICE, ARCHIVE_DELIVERY, "<body/>");
        ask(alice, ASK_METADATA,
            "<iq type='result' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>");
        put_messages(b, id, 3);
        for (int i = 0; i < STORE_RANGE_LOOKS + 5; i++)
            bench_archive(b, BOB "/desk", ALICE, ARCHIVE_DELIVERY, "<body/>");
        snprintf(pattern, sizeof(pattern),
                 "<iq type='result' id='q'><metadata xmlns='urn:xmpp:mam:2'><start id='%d' "
                 "timestamp='2026-01-02T03:04:05.000Z'/><end id='%d' "
                 "timestamp='2026-01-02T03:06:05.000Z'/></metadata></iq>",
                 (int)id[0], (int)id[2]);
        ask(alice, ASK_METADATA, pattern);
        expect_nothing(alice);
    }
}

static void a_host_may_have_no_archives(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    b->hosts[0].archive = false;
    struct client *alice = bench_login(b, ALICE "/phone"), *bob = bench_login(b, BOB "/desk");
    ask(alice, QUERY(""), REFUSED("cancel", "service-unavailable"));
    ask(alice, ASK_METADATA, REFUSED("cancel", "service-unavailable"));
    ask(bob, QUERY(""), NOTHING);
    assert_int_equal(count_features(alice), 0);
    bench_free(&b);
}

/* Read before the first presence; what was not, and what is in no archive, is sent. */
static void what_was_read_is_not_sent_as_an_offline_message(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        bench_account(b, BOB);
        struct client *alice = bench_login(b, ALICE "/phone");
        for (int i = 0; i < 6; i++)
            client_sendf(alice,
                         "<message to='" BOB "' type='chat' id='%d'><body>%d</body>%s</message>", i,
                         i, i == 4 ? "<no-permanent-store xmlns='urn:xmpp:hints'/>" : "");
        struct client *bob = bench_login(b, BOB "/desk");
        client_send(bob, QUERY(RSM("<max>2</max><before/>")));
        client_discard(bob);
        client_send(bob, QUERY(RSM("<max>2</max>")));
        client_discard(bob);
        client_send(bob, "<presence/>");
        client_next(bob);
        expect(bob, "<message from='*' type='chat' id='0'><_/></message>");
        expect(bob, "<message from='*' type='chat' id='1'><_/></message>");
        expect(bob, "<message from='*' type='chat' id='2'><_/></message>");
        expect(bob, "<message from='*' type='chat' id='4'><_/></message>");
        expect_nothing(bob);
        bench_advance(b, 2000);
        client_lose(&bob);
        struct client *next = bench_login(b, BOB "/next");
        client_send(next, "<presence/>");
        client_next(next);
        expect_nothing(next);
        client_lose(&next); /* the end, when it is asked for alone, may not have been looked at */
        client_send(alice, "<message to='" BOB "' type='chat' id='6'><body>6</body></message>");
        next = bench_login(b, BOB "/next");
        client_send(next, QUERY(RSM("<max>1</max><before/>")));
        client_discard(next);
        client_send(next, "<presence/>");
        client_next(next);
        expect(next, "<message from='*' type='chat' id='6'><_/></message>");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_is_not_sent_as_an_offline_message),
        cmocka_unit_test(an_empty_archive_is_complete),
        cmocka_unit_test(all_messages_come_in_order),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(pages_go_back_from_the_end),
        cmocka_unit_test(a_page_can_be_flipped),
        cmocka_unit_test(a_page_of_nothing_counts),
        cmocka_unit_test(messages_are_those_with_a_contact),
        cmocka_unit_test(messages_are_those_of_a_time),
        cmocka_unit_test(messages_are_those_between_two_others),
        cmocka_unit_test(messages_are_fetched_by_their_ids),
        cmocka_unit_test(sent_messages_are_found_by_their_stanza_ids),
        cmocka_unit_test(what_is_no_history_is_not_seen),
        cmocka_unit_test(the_form_names_the_fields),
        cmocka_unit_test(S20_a_foreign_archive_is_forbidden),
        cmocka_unit_test(S20_bad_wishes_are_refused),
        cmocka_unit_test(S20_pages_are_cut_to_L17),
        cmocka_unit_test(S20_of_a_hundred_queries_ten_are_taken),
        cmocka_unit_test(queries_end_with_their_session),
        cmocka_unit_test(D09_a_damaged_entry_is_left_out),
        cmocka_unit_test(a_failing_store_is_told),
        cmocka_unit_test(a_search_goes_on_behind_what_the_store_looks_at),
        cmocka_unit_test(L13_a_page_is_no_larger_than_the_client_can_take),
        cmocka_unit_test(L13_nothing_is_read_for_who_does_not_read),
        cmocka_unit_test(metadata_tells_the_ends),
        cmocka_unit_test(a_host_may_have_no_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
