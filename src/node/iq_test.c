/* V27: every request that the server knows, whole and with each attribute and each element taken
 * out in turn: there is one answer, soon (counted in allocations), with the right error where what
 * was taken out is required, and the session goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/hooks.h"
#include "node/test_heap.h"
#include "node/test_peer.h"

struct request {
    const char *text;
    const char *error;       /* when one of these is taken out */
    const char *required[5]; /* pieces of it */
};

#define GET(to, payload) "<iq type='get' id='i'" to ">" payload "</iq>"
#define SET(to, payload) "<iq type='set' id='i'" to ">" payload "</iq>"
#define HOST             " to='example.org'"
#define OWN              " to='alice@example.org'"

static const struct request REQUESTS[] = {
    {GET("", "<query xmlns='jabber:iq:roster' ver='1'/>"), "bad-request", {"<query"}},
    {SET("", "<query xmlns='jabber:iq:roster'><item jid='bob@example.org' name='Bob' "
             "subscription='none'><group>Friends</group><group>Work</group></item></query>"),
     "bad-request",
     {"<query", "<item", " jid="}},
    {SET("", "<query xmlns='jabber:iq:roster'><item jid='carol@example.org' "
             "subscription='remove'/></query>"),
     "bad-request",
     {"<query", "<item", " jid="}},
    {SET("", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind>"),
     "bad-request",
     {"<bind"}},
    {SET("", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"),
     "bad-request",
     {"<session"}},
    {GET(HOST, "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>"),
     "bad-request",
     {"<query"}},
    {GET(HOST, "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>"),
     "bad-request",
     {"<query"}},
    {GET(OWN, "<query xmlns='http://jabber.org/protocol/disco#info'/>"), "bad-request", {"<query"}},
    {GET(OWN, "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
     "bad-request",
     {"<query"}},
    {GET(HOST, "<query xmlns='jabber:iq:last'/>"), "bad-request", {"<query"}},
    {GET(OWN, "<query xmlns='jabber:iq:last'/>"), "bad-request", {"<query"}},
    {GET("", "<query xmlns='jabber:iq:private'><x xmlns='urn:x' a='b'/></query>"),
     "not-acceptable",
     {"<x"}},
    {SET("", "<query xmlns='jabber:iq:private'><x xmlns='urn:x'><y z='1'/></x></query>"),
     "not-acceptable",
     {"<x"}},
    {GET("", "<vCard xmlns='vcard-temp'/>"), "bad-request", {"<vCard"}},
    {SET("", "<vCard xmlns='vcard-temp'><FN>A</FN><N><FAMILY>A</FAMILY><GIVEN/></N></vCard>"),
     "bad-request",
     {"<vCard"}},
    {GET(" to='bob@example.org'", "<vCard xmlns='vcard-temp'/>"), "bad-request", {"<vCard"}},
    {GET("", "<query xmlns='jabber:iq:register'/>"), "bad-request", {"<query"}},
    {SET(HOST, "<query xmlns='jabber:iq:register'><username>alice</username>"
               "<password>another one</password></query>"),
     "bad-request",
     {"<query", "<username", "<password"}},
    {SET("", "<query xmlns='jabber:iq:register'><remove/></query>"),
     "bad-request",
     {"<query", "<remove"}},
    {GET(HOST, "<query xmlns='jabber:iq:version'/>"), "bad-request", {"<query"}},
    {GET("", "<blocklist xmlns='urn:xmpp:blocking'/>"), "bad-request", {"<blocklist"}},
    {SET("", "<block xmlns='urn:xmpp:blocking'><item jid='x@example.net'/></block>"),
     "bad-request",
     {"<block", "<item", " jid="}},
    {SET("", "<unblock xmlns='urn:xmpp:blocking'><item jid='x@example.net'/></unblock>"),
     "bad-request",
     {"<unblock", " jid="}},
    {SET("", "<enable xmlns='urn:xmpp:carbons:2'/>"), "bad-request", {"<enable"}},
    {SET("", "<disable xmlns='urn:xmpp:carbons:2'/>"), "bad-request", {"<disable"}},
    {GET("", "<query xmlns='urn:xmpp:mam:2'/>"), "bad-request", {"<query"}},
    {SET("", "<query xmlns='urn:xmpp:mam:2' queryid='f'><x xmlns='jabber:x:data' type='submit'>"
             "<field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
             "<field var='with'><value>bob@example.org</value></field></x>"
             "<set xmlns='http://jabber.org/protocol/rsm'><max>5</max><before/></set></query>"),
     "bad-request",
     {"<query", " type='submit'", "<field var='FORM"}},
    {GET("", "<metadata xmlns='urn:xmpp:mam:2'/>"), "bad-request", {"<metadata"}},
    {GET("", "<prefs xmlns='urn:xmpp:mam:2'/>"), "bad-request", {"<prefs"}},
    {SET("", "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>bob@example.org</jid>"
             "</always><never/></prefs>"),
     "bad-request",
     {"<prefs", " default="}},
    {SET("", "<enable xmlns='urn:xmpp:push:0' jid='push.example' node='n'>"
             "<x xmlns='jabber:x:data'><field var='FORM_TYPE'>"
             "<value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
             "<field var='secret'><value>s</value></field></x></enable>"),
     "bad-request",
     {"<enable", " jid=", "<field var='FORM", " var='FORM", "<value>http"}},
    {SET("", "<disable xmlns='urn:xmpp:push:0' jid='push.example' node='n'/>"),
     "bad-request",
     {"<disable", " jid="}},
    {GET(HOST, "<ping xmlns='urn:xmpp:ping'/>"), "bad-request", {"<ping"}},
    {GET(HOST, "<time xmlns='urn:xmpp:time'/>"), "bad-request", {"<time"}},
};

enum { REQUEST_COUNT = sizeof(REQUESTS) / sizeof(REQUESTS[0]), CUTS_MAX = 64, DEPTH_MAX = 16 };

/* What can be taken out of a text: attributes (but no namespaces) and elements (but the first). */
struct cuts {
    struct slice at[CUTS_MAX];
    size_t count;
};

static void add_cut(struct cuts *c, const char *from, const char *to)
{
    assert_true(c->count < CUTS_MAX);
    c->at[c->count++] = slice_of(from, (size_t)(to - from));
}

/* Attributes of the start tag at p; where it ends. */
static const char *tag(struct cuts *c, const char *p, bool *empty)
{
    while (*p != '>' && *p != '/') {
        if (*p != ' ') {
            p++;
            continue;
        }
        const char *from = p, *value = strchr(p, '\'') + 1;
        p = strchr(value, '\'') + 1;
        if (strncmp(from, " xmlns", 6) != 0)
            add_cut(c, from, p);
    }
    *empty = *p == '/';
    return strchr(p, '>') + 1;
}

static void find_cuts(const char *text, struct cuts *c)
{
    const char *open[DEPTH_MAX];
    unsigned depth = 0;
    c->count = 0;
    for (const char *p = text; *p != '\0';) {
        if (p[0] == '<' && p[1] == '/') {
            p = strchr(p, '>') + 1;
            if (--depth > 0)
                add_cut(c, open[depth], p);
        } else if (p[0] == '<') {
            bool empty;
            assert_true(depth < DEPTH_MAX);
            open[depth] = p;
            p = tag(c, p, &empty);
            if (!empty)
                depth++;
            else if (depth > 0)
                add_cut(c, open[depth], p);
        } else {
            p++;
        }
    }
}

static bool is_required(const struct request *r, struct slice cut)
{
    for (size_t i = 0; i < 5 && r->required[i] != NULL; i++)
        if (slice_starts(cut, slice_z(r->required[i])))
            return true;
    return slice_starts(cut, SLICE(" type=")) || slice_starts(cut, SLICE(" id="));
}

static void check_answer(const struct request *r, struct slice cut, struct xml x)
{
    struct slice type = xml_attr(x, SLICE("type")), id = xml_attr(x, SLICE("id"));
    struct xml error = xml_first_element(xml_child(x, NS_CLIENT, SLICE("error")));
    assert_true(slice_is(xml_name(x), "iq"));
    bool without_id = slice_starts(cut, SLICE(" id="));
    bool good = slice_eq(id, without_id ? SLICE_NONE : SLICE("i"));
    if (is_required(r, cut)) {
        bool head = slice_starts(cut, SLICE(" type=")) || without_id;
        bool payload = slice_starts(cut, slice_z(r->required[0])) && r->required[0][1] != 'x';
        good =
            good && slice_is(type, "error") &&
            slice_eq(xml_name(error), head || payload ? SLICE("bad-request") : slice_z(r->error));
    } else {
        good = good && (slice_is(type, "result") || xml_some(error));
    }
    if (!good)
        fail_msg("%s\nwithout %.*s: %.*s %.*s", r->text, SLICE_ARG(cut), SLICE_ARG(type),
                 SLICE_ARG(xml_name(error)));
}

/* Asks; the answer comes, and how much was allocated for it. */
static void ask_without(const struct request *r, struct slice cut)
{
    struct bench *b = bench_new(NULL);
    peer_account(b, "alice@example.org");
    peer_account(b, "bob@example.org");
    struct peer *p = peer_new(b);
    assert_true(peer_bind(p, "alice", "phone"));
    const char *end = cut.ptr + cut.len;
    struct buf text = {0};
    buf_append(&text, r->text, (size_t)(cut.ptr - r->text));
    buf_add(&text, slice_z(end));
    heap_mark();
    peer_bytes(p, buf_slice(&text));
    bool derives = strstr(r->text, "<password") != NULL; /* OpenSSL's part of PBKDF2 */
    assert_in_range(heap.allocations, 1, derives ? 100000 : 1000);
    assert_in_range(heap.total, 1, derives ? 32 << 20 : 1 << 18);
    check_answer(r, cut, client_next(p->client));
    if (peer_gone(p)) { /* who has left is put out */
        assert_non_null(strstr(r->text, "<remove"));
        peer_refused(p, "not-authorized");
        client_discard(p->client);
    } else {
        while (client_waiting(p->client) > 0) /* pushes */
            assert_true(slice_is(xml_attr(client_next(p->client), SLICE("type")), "set"));
        peer_alive(p);
    }
    buf_free(&text);
    peer_free(&p);
    bench_free(&b);
}

static void V27_requests_with_something_missing_are_answered(void **state)
{
    (void)state;
    size_t asked = 0;
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        struct cuts cuts;
        find_cuts(REQUESTS[i].text, &cuts);
        for (size_t k = 0; k < cuts.count; k++, asked++)
            ask_without(&REQUESTS[i], cuts.at[k]);
    }
    assert_true(asked > 100);
}

static void V27_the_whole_requests_are_answered(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUEST_COUNT; i++)
        ask_without(&REQUESTS[i], slice_of(REQUESTS[i].text, 0));
}

/* Every request in the tables of the modules is in the list above. */
static void V27_every_known_request_is_tried(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    unsigned n;
    const struct module *const *modules = hooks_modules(node_engine(b->nodes[0]), &n);
    for (unsigned m = 0; m < n; m++)
        for (const struct module_iq *iq = modules[m]->iqs; iq != NULL && iq->ns != NULL; iq++)
            for (unsigned kind = IQ_GET; kind <= IQ_SET; kind <<= 1) {
                char head[160];
                bool found = (iq->kinds & kind) == 0;
                snprintf(head, sizeof(head), "<%s xmlns='%s'", iq->name, iq->ns);
                for (size_t i = 0; i < REQUEST_COUNT && !found; i++)
                    found = strstr(REQUESTS[i].text, head) != NULL &&
                            strstr(REQUESTS[i].text, kind == IQ_GET ? "'get'" : "'set'") != NULL;
                if (!found && strstr(head, "xmpp-bind") == NULL)
                    fail_msg("%s (%s) is not tried", head, kind == IQ_GET ? "get" : "set");
            }
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V27_every_known_request_is_tried),
        cmocka_unit_test(V27_the_whole_requests_are_answered),
        cmocka_unit_test(V27_requests_with_something_missing_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, peer_free_all);
}
