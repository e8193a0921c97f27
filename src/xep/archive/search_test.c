/* XEP-0431: Full Text Search in MAM. */
#include "xep/archive/test_archive.h"

#define TEXT(words) FIELD("{urn:xmpp:fulltext:0}fulltext", words)

static const char *const SAID[] = {
    "Wherefore art thou Romeo",
    "it is the east, and JULIET is the sun",
    "O Romeo, Romeo!",
    "Café au lait",
    "what's in a name &amp; a rose",
    "Romeo and Juliet",
};

enum { SAID_COUNT = sizeof(SAID) / sizeof(SAID[0]) };

static void say_all(struct bench *b, uint64_t *ids)
{
    char payload[128];
    for (int i = 0; i < SAID_COUNT; i++) {
        snprintf(payload, sizeof(payload), "<body>%s</body>", SAID[i]);
        ids[i] = bench_archive(b, i % 2 == 0 ? BOB "/desk" : CAROL "/x", ALICE, 0, payload);
    }
}

static void expect_said(struct client *c, const uint64_t *ids, int i)
{
    expect_result(c, ids[i], i % 2 == 0 ? BOB "/desk" : CAROL "/x", ALICE, SAID[i]);
}

static void messages_are_found_by_their_words(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[SAID_COUNT];
        say_all(b, id);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(FORM(TEXT("juliet"))));
        expect_said(alice, id, 1);
        expect_said(alice, id, 5);
        expect_whole_fin(alice, id[1], id[5], 2);
        client_send(alice, QUERY(FORM(TEXT("ROMEO, art!"))));
        expect_said(alice, id, 0);
        expect_whole_fin(alice, id[0], id[0], 1);
        client_send(alice, QUERY(FORM(FIELD("withtext", "cafe"))));
        expect_said(alice, id, 3);
        expect_whole_fin(alice, id[3], id[3], 1);
        ask(alice, QUERY(FORM(TEXT("mercutio"))), NOTHING);
        ask(alice, QUERY(FORM(TEXT("?!"))), NOTHING);
        client_send(alice, QUERY(FORM(TEXT("")))); /* not asked for */
        for (int i = 0; i < SAID_COUNT; i++)
            expect_said(alice, id, i);
        expect_whole_fin(alice, id[0], id[5], 6);
        expect_nothing(alice);
    }
}

static void a_search_has_pages_and_other_fields(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, NULL)
    {
        uint64_t id[SAID_COUNT];
        say_all(b, id);
        struct client *alice = bench_login(b, ALICE "/phone");
        client_send(alice, QUERY(FORM(TEXT("romeo")) RSM("<max>2</max>")));
        expect_said(alice, id, 0);
        expect_said(alice, id, 2);
        expect_page_fin(alice, id[0], id[2], false);
        client_sendf(alice, QUERY(FORM(TEXT("romeo")) RSM("<max>2</max><after>%d</after>")),
                     (int)id[2]);
        expect_said(alice, id, 5);
        expect_page_fin(alice, id[5], id[5], true);
        client_send(alice, QUERY(FORM(TEXT("romeo")) RSM("<max>1</max><before/>")));
        expect_said(alice, id, 5);
        expect_page_fin(alice, id[5], id[5], false);
        client_send(alice, QUERY(FORM(TEXT("romeo") FIELD("with", BOB))));
        expect_said(alice, id, 0);
        expect_said(alice, id, 2);
        expect_whole_fin(alice, id[0], id[2], 2);
        ask(alice, QUERY(FORM(TEXT("romeo") FIELD("start", "2027-01-01T00:00:00Z"))), NOTHING);
        ask(alice, QUERY(FORM(TEXT("romeo")) RSM("<max>0</max>")), FIN("", "<count>3</count>"));
        client_sendf(alice,
                     QUERY(FORM(TEXT("romeo") "<field var='ids'><value>%d</value><value>%d</value>"
                                              "</field>")),
                     (int)id[1], (int)id[2]);
        expect_said(alice, id, 2);
        expect_whole_fin(alice, id[2], id[2], 1);
        ask(alice, QUERY(FORM(TEXT("romeo") FIELD("ids", "999"))),
            REFUSED("cancel", "item-not-found"));
        expect_nothing(alice);
    }
}

static void what_is_hidden_or_encrypted_is_not_found(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_archive(b, BOB "/desk", ALICE, ARCHIVE_DELIVERY, "<body>secret</body>");
    bench_archive(b, BOB "/desk", ALICE, 0,
                  "<encrypted xmlns='eu.siacs.conversations.axolotl'/><body>secret</body>");
    bench_archive(b, BOB "/desk", CAROL, 0, "<body>secret</body>"); /* nothing of hers */
    struct client *alice = bench_login(b, ALICE "/phone");
    ask(alice, QUERY(FORM(TEXT("secret"))), NOTHING);
    bench_free(&b);
}

static void texts_without_sense_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    char text[STORE_TEXT_BYTES + 2];
    struct buf words = {0};
    ask(alice, QUERY(FORM(TEXT("a") FIELD("withtext", "b"))), BAD_REQUEST);
    for (int i = 0; i < 33; i++)
        buf_printf(&words, "w%d ", i);
    client_sendf(alice, QUERY(FORM(TEXT("%.*s"))), SLICE_ARG(buf_slice(&words)));
    buf_free(&words);
    expect(alice, REFUSED("modify", "not-acceptable"));
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    client_sendf(alice, QUERY(FORM(TEXT("%s"))), text);
    expect(alice, REFUSED("modify", "not-acceptable"));
    text[sizeof(text) - 2] = '\0';
    client_sendf(alice, QUERY(FORM(TEXT("%s"))), text);
    expect(alice, NOTHING);
    b->query_error = ERR_IO;
    ask(alice, QUERY(FORM(TEXT("a"))), REFUSED("cancel", "internal-server-error"));
    expect_nothing(alice);
    bench_free(&b);
}

/* The field of the form, and the feature of the account. */
static bool offers_search(struct client *c)
{
    bool field = false, feature = false;
    client_send(c, "<iq type='get' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    struct xml form = xml_first_element(xml_first_element(client_next(c)));
    for (struct xml x = xml_first_element(form); xml_some(x); x = xml_next_element(x))
        field |= slice_is(xml_attr(x, SLICE("var")), "{urn:xmpp:fulltext:0}fulltext");
    client_send(c, "<iq type='get' id='q' to='" ALICE "'><query "
                   "xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    struct xml query = xml_first_element(client_next(c));
    for (struct xml x = xml_first_element(query); xml_some(x); x = xml_next_element(x))
        feature |= slice_is(xml_attr(x, SLICE("var")), "urn:xmpp:fulltext:0");
    assert_int_equal(field, feature);
    return field;
}

static void search_is_offered_where_it_is(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    struct client *alice = bench_login(b, ALICE "/phone");
    assert_true(offers_search(alice));
    b->hosts[0].archive_search = false;
    bench_reload(b);
    assert_false(offers_search(alice));
    ask(alice, QUERY(FORM(TEXT("a"))), REFUSED("cancel", "feature-not-implemented"));
    ask(alice, QUERY(FORM(FIELD("withtext", "a"))), REFUSED("cancel", "feature-not-implemented"));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_found_by_their_words),
        cmocka_unit_test(a_search_has_pages_and_other_fields),
        cmocka_unit_test(what_is_hidden_or_encrypted_is_not_found),
        cmocka_unit_test(texts_without_sense_are_refused),
        cmocka_unit_test(search_is_offered_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
