/* HTTP upload: slots are asked for, and hostile ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burble/upload.h"
#include "client/test_client.h"

#define UP    "urn:xmpp:http:upload:0"
#define INFO  "http://jabber.org/protocol/disco#info"
#define ITEMS "http://jabber.org/protocol/disco#items"

struct seen {
    struct test_client *t;
    unsigned slots;
    enum burble_iq_outcome outcome;
    char put[128], get[128], service[64], condition[64], text[128], headers[256];
    uint64_t max_size;
    int64_t retry_ms;
    bool free_client;
};

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "-");
}

static void on_slot(struct burble *c, const struct burble_slot *slot, void *arg)
{
    struct seen *s = arg;
    (void)c;
    s->slots++;
    s->outcome = slot->outcome;
    s->max_size = slot->max_size;
    s->retry_ms = slot->retry_ms;
    copy(s->put, sizeof(s->put), slot->put_url);
    copy(s->get, sizeof(s->get), slot->get_url);
    copy(s->service, sizeof(s->service), slot->service);
    copy(s->condition, sizeof(s->condition), slot->error.condition);
    copy(s->text, sizeof(s->text), slot->error.text);
    s->headers[0] = '\0';
    for (size_t i = 0; i < slot->header_count; i++) {
        size_t len = strlen(s->headers);
        snprintf(s->headers + len, sizeof(s->headers) - len, "%s: %s\n", slot->headers[i].name,
                 slot->headers[i].value);
    }
    if (s->free_client)
        burble_free(&s->t->c);
}

static void online(struct test_client *t, struct seen *s)
{
    *s = (struct seen){.t = t};
    test_online(t, &BURBLE_CONFIG(.jid = NULL));
}

/* Asks a service for a slot, and answers with this. */
static void ask(struct test_client *t, struct seen *s, unsigned flags, const char *type,
                const char *payload)
{
    const struct burble_upload upload = {
        .name = "/some/where/x.jpg", .size = 5, .service = "up.example.org", .flags = flags};
    char id[TEST_ID_BYTES];
    unsigned before = s->slots;
    assert_int_equal(burble_upload_slot(t->c, &upload, on_slot, s), 0);
    test_request(t, "get", "up.example.org", id);
    test_expect(t, "<request xmlns='" UP "' filename='x.jpg' size='5'/>");
    test_receivef(t, "<iq type='%s' id='%s' from='up.example.org'>%s</iq>", type, id, payload);
    assert_int_equal(s->slots, before + 1);
}

static void a_slot_has_urls_and_the_three_headers(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    ask(&t, &s, 0, "result",
        "<slot xmlns='" UP "'><put url='https://up.example.org/1/x.jpg'>"
        "<header name='cOOKIE'>a=b; c</header><header name='Host'>evil.example.org</header>"
        "<header name='Authorization'>Basic eDp5</header><header name='Cookie'>second</header>"
        "</put><get url='HTTPS://down.example.org/1/x.jpg?y#z'/></slot>");
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    assert_string_equal(s.put, "https://up.example.org/1/x.jpg");
    assert_string_equal(s.get, "HTTPS://down.example.org/1/x.jpg?y#z");
    assert_string_equal(s.service, "up.example.org");
    assert_string_equal(s.headers, "Cookie: a=b; c\nAuthorization: Basic eDp5\nCookie: second\n");
    test_end(&t);
}

static void the_service_is_found_with_its_limit(void **state)
{
    struct burble_upload upload = {
        .name = "a&b", .size = 1000, .type = "text/plain", .purpose = "profile"};
    struct test_client t;
    struct seen s;
    char server[TEST_ID_BYTES], items[TEST_ID_BYTES], up[TEST_ID_BYTES], id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), 0);
    test_request(&t, "get", "example.org", server);
    test_request(&t, "get", "example.org", items);
    test_result(&t, server, "example.org", "<query xmlns='" INFO "'/>");
    test_result(&t, items, "example.org",
                "<query xmlns='" ITEMS "'><item jid='up.example.org'/></query>");
    test_request(&t, "get", "up.example.org", up);
    test_result(&t, up, "up.example.org",
                "<query xmlns='" INFO "'>"
                "<feature var='" UP "'/><x xmlns='jabber:x:data' type='result'>"
                "<field var='FORM_TYPE'><value>" UP "</value></field>"
                "<field var='max-file-size'><value>1000</value></field></x></query>");
    test_request(&t, "get", "up.example.org", id);
    test_expect(&t, "filename='a&amp;b' size='1000' content-type='text/plain'>"
                    "<profile xmlns='urn:xmpp:http:upload:purpose:0'/></request>");
    (void)test_sent(&t);
    assert_int_equal(s.slots, 0);
    upload.size = 1001;
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), 0);
    assert_int_equal(s.slots, 0); /* never from inside of the call */
    test_pass(&t, 0);
    assert_int_equal(s.slots, 1);
    assert_string_equal(s.condition, "not-acceptable");
    assert_int_equal(s.max_size, 1000);
    test_expect_nothing(&t);
    test_end(&t);
    assert_int_equal(s.slots, 2); /* the first: GONE */
    assert_int_equal(s.outcome, BURBLE_IQ_GONE);
}

static void hostile_slots_are_refused(void **state)
{
#define PUT(url, in)                                                                               \
    "<slot xmlns='" UP "'><put url='" url "'>" in "</put><get url='https://a/'/></slot>"
    static const char *const SLOTS[] = {
        "",
        "<slot xmlns='urn:other'/>",
        "<slot xmlns='" UP "'/>",
        "<slot xmlns='" UP "'><put url='https://a/'/></slot>",
        "<slot xmlns='" UP "'><put url='https://a/'/><get url='http://a/'/></slot>",
        "<slot xmlns='" UP "'><put url='https://a/'/><get url='javascript:x'/></slot>",
        PUT("http://a/", ""),
        PUT("file:///etc/passwd", ""),
        PUT("https://", ""),
        PUT("https:///x", ""),
        PUT("https://:80/x", ""),
        PUT("https://me:secret@a/x", ""),
        PUT("https://a/&#xa;x", ""),
        PUT("https://a/ x", ""),
        PUT("https://a/\xc3\xa9", ""),
        PUT("https://a/\\x", ""),
        PUT("https://a/&lt;x", ""),
        PUT("https://a/", "<header name='Cookie'>a&#xd;&#xa;Host: b</header>"),
        PUT("https://a/", "<header name='Cookie'>a&#xa; b</header>"),
        PUT("https://a/", "<header name='Cookie'>\xc3\xa9</header>"),
        PUT("https://a/", "<header name='Cookie'/>"),
    };
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    for (size_t i = 0; i < sizeof(SLOTS) / sizeof(SLOTS[0]); i++) {
        ask(&t, &s, 0, "result", SLOTS[i]);
        assert_int_equal(s.outcome, BURBLE_IQ_ERROR);
        assert_string_equal(s.condition, "undefined-condition");
        assert_true(s.text[0] != '\0');
        assert_string_equal(s.put, "-");
        assert_string_equal(s.headers, "");
    }
    struct buf many = {0};
    buf_lit(&many, "<slot xmlns='" UP "'><put url='https://a/'>");
    for (int i = 0; i <= BURBLE_UPLOAD_HEADERS_MAX; i++)
        buf_lit(&many, "<header name='Expires'>x</header>");
    buf_lit(&many, "</put><get url='https://a/'/></slot>");
    buf_byte(&many, '\0');
    ask(&t, &s, 0, "result", buf_slice(&many).ptr);
    buf_free(&many);
    assert_int_equal(s.outcome, BURBLE_IQ_ERROR);
    ask(&t, &s, BURBLE_UPLOAD_UNSAFE_HTTP, "result", PUT("http://a/", ""));
    assert_int_equal(s.outcome, BURBLE_IQ_RESULT);
    assert_string_equal(s.put, "http://a/");
    test_end(&t);
}

static void refusals_tell_what_to_do(void **state)
{
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    ask(&t, &s, 0, "error",
        "<error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        "<file-too-large xmlns='" UP "'><max-file-size>4</max-file-size></file-too-large></error>");
    assert_string_equal(s.condition, "not-acceptable");
    assert_int_equal(s.max_size, 4);
    ask(&t, &s, 0, "error",
        "<error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        "<retry xmlns='" UP "' stamp='2027-01-15T08:00:01Z'/></error>");
    assert_string_equal(s.condition, "resource-constraint");
    assert_int_equal(s.retry_ms, 1800000001000);
    test_end(&t);
}

static void what_cannot_be_asked_is_refused_at_once(void **state)
{
    char name[BURBLE_UPLOAD_NAME_MAX + 2];
    struct burble_upload upload = {.name = "a/", .service = "up.example.org"};
    struct test_client t;
    struct seen s;
    (void)state;
    online(&t, &s);
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_SYNTAX);
    upload.name = NULL;
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_SYNTAX);
    upload.name = "\x01";
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_SYNTAX);
    upload.name = name;
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_LIMIT);
    upload.name = name + 1;
    upload.size = (uint64_t)INT64_MAX + 1;
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_LIMIT);
    upload.size = 0;
    upload.purpose = "evil";
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_SYNTAX);
    upload.purpose = NULL;
    upload.service = "@";
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_SYNTAX);
    test_expect_nothing(&t);
    test_break(&t);
    upload.service = NULL;
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_OFFLINE);
    upload.service = "up.example.org";
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), BURBLE_ERR_OFFLINE);
    test_end(&t);
    assert_int_equal(s.slots, 0);
}

static void V16_a_request_is_cancelled_or_its_client_freed(void **state)
{
    const struct burble_upload upload = {.name = "a", .service = "up.example.org"};
    struct test_client t;
    struct seen s;
    char id[TEST_ID_BYTES];
    (void)state;
    online(&t, &s);
    burble_upload_cancel(t.c, &s);
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), 0);
    test_request(&t, "get", "up.example.org", id);
    burble_upload_cancel(t.c, &s);
    test_result(&t, id, "up.example.org", "");
    assert_int_equal(s.slots, 0);
    s.free_client = true;
    assert_int_equal(burble_upload_slot(t.c, &upload, on_slot, &s), 0);
    test_request(&t, "get", "up.example.org", id);
    test_result(&t, id, "up.example.org", "");
    assert_int_equal(s.slots, 1);
    assert_null(t.c);
    test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_has_urls_and_the_three_headers),
        cmocka_unit_test(the_service_is_found_with_its_limit),
        cmocka_unit_test(hostile_slots_are_refused),
        cmocka_unit_test(refusals_tell_what_to_do),
        cmocka_unit_test(what_cannot_be_asked_is_refused_at_once),
        cmocka_unit_test(V16_a_request_is_cancelled_or_its_client_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
