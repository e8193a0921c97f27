/* Where stanzas go: the table of RFC 6121 section 8.5, each kind and type of stanza in each
 * situation of the one it is for, on one shard and on three. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/router.h"
#include "xep/test_engine.h"

#define ERROR_CHILD                                                                                \
    "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

/* Messages that were kept because nobody could take them. */
static unsigned kept;

static void keep(struct engine *e, struct account *a, const struct stanza *s, uint64_t position,
                 bool taken)
{
    (void)e, (void)a, (void)s, (void)position;
    kept += !taken;
}

static const struct module KEEPER = {.name = "keeper", .message_kept = keep};
static const struct module *const LIST[] = {&STREAM_MODULE, &ROSTER_MODULE, &KEEPER, NULL};

enum { RESOURCES = 5 };

/* The resources that somebody may have, and their presence; NULL: bound, nothing said. */
static const struct resource {
    const char *name, *presence;
} ALL[RESOURCES] = {
    {"bound", NULL},
    {"negative", "<presence><priority>-1</priority></presence>"},
    {"one", "<presence/>"},
    {"high", "<presence><priority>127</priority></presence>"},
    {"low", "<presence><priority>1</priority><show>xa</show></presence>"},
};

struct situation {
    const char *what; /* and the name of the one in it */
    bool account;
    bool has[RESOURCES];
};

static const struct situation SITUATIONS[] = {
    {"nobody", false, {0}},
    {"away", true, {0}},
    {"bound", true, {true}},
    {"shy", true, {false, true}},
    {"one", true, {false, false, true}},
    {"many", true, {true, true, false, true, true}},
};
enum { NO_ACCOUNT, NOBODY_THERE, BOUND, NEGATIVE, ONE, SEVERAL, SITUATIONS_N };

struct scene {
    struct bench *b;
    const char *rcpt; /* whom the stanzas are for */
    struct client *sender;
    struct client *there[RESOURCES]; /* NULL: not */
};

static void set_scene(struct scene *s, const struct situation *situation)
{
    char full[64];
    s->rcpt = situation->what;
    s->sender = bench_login(s->b, "sender@example.org/s");
    snprintf(full, sizeof(full), "%s@example.org", s->rcpt);
    if (situation->account)
        bench_account(s->b, full);
    for (unsigned i = 0; i < RESOURCES; i++) {
        snprintf(full, sizeof(full), "%s@example.org/%s", s->rcpt, ALL[i].name);
        s->there[i] = situation->has[i] ? bench_login(s->b, full) : NULL;
        if (s->there[i] != NULL && ALL[i].presence != NULL)
            client_send(s->there[i], ALL[i].presence);
    }
    for (unsigned i = 0; i < RESOURCES; i++)
        if (s->there[i] != NULL)
            client_discard(s->there[i]);
    kept = 0;
}

static void clear_scene(struct scene *s)
{
    client_lose(&s->sender);
    for (unsigned i = 0; i < RESOURCES; i++)
        if (s->there[i] != NULL)
            client_lose(&s->there[i]);
}

static void word(struct buf *out, const char *text)
{
    if (buf_len(out) > 0)
        buf_byte(out, ' ');
    buf_add(out, slice_z(text));
}

/* What became of a stanza must be this, as words: who got it, "kept", "error" (service-unavailable
 * to the sender); "nothing". */
static void assert_outcome(struct scene *s, const char *want, const char *what, const char *to)
{
    struct buf got = {0};
    for (unsigned i = 0; i < RESOURCES; i++) {
        for (size_t n = s->there[i] != NULL ? client_waiting(s->there[i]) : 0; n > 0; n--) {
            word(&got, ALL[i].name);
            (void)client_next(s->there[i]);
        }
    }
    for (; kept > 0; kept--)
        word(&got, "kept");
    while (client_waiting(s->sender) > 0) {
        struct xml x = client_next(s->sender);
        struct xml error = xml_child(x, NS_CLIENT, SLICE("error"));
        bool good = slice_is(xml_attr(x, SLICE("type")), "error") &&
                    xml_some(xml_child(error, NS_STANZA_ERRORS, SLICE("service-unavailable")));
        word(&got, good ? "error" : "something else");
    }
    if (buf_len(&got) == 0)
        word(&got, "nothing");
    if (!slice_eq(buf_slice(&got), slice_z(want)))
        fail_msg("%s to '%s': %.*s, not %s", what, to, SLICE_ARG(buf_slice(&got)), want);
    buf_free(&got);
    assert_int_equal(client_session(s->sender)->unsettled, 0);
}

enum { MESSAGE_TYPES = 6 };
static const char *const TYPES[MESSAGE_TYPES] = {"",          "normal",   "chat",
                                                 "groupchat", "headline", "error"};

struct row {
    const char *outcome[MESSAGE_TYPES];
};

/* Sections 8.5.1, 8.5.2.1.1, 8.5.2.2.1: to the bare JID. A headline for somebody who is not there
 * is dropped; so it is where there is nobody, that both look alike. */
static const struct row BARE[SITUATIONS_N] = {
    [NO_ACCOUNT] = {{"error", "error", "error", "error", "nothing", "nothing"}},
    [NOBODY_THERE] = {{"kept", "kept", "kept", "error", "nothing", "nothing"}},
    [BOUND] = {{"kept", "kept", "kept", "error", "nothing", "nothing"}},
    [NEGATIVE] = {{"kept", "kept", "kept", "error", "nothing", "nothing"}},
    [ONE] = {{"one", "one", "one", "error", "one", "nothing"}},
    [SEVERAL] = {{"high low", "high low", "high low", "error", "high low", "nothing"}},
};

/* Sections 8.5.1, 8.5.3.2.1: to a full JID that nobody has. */
static const struct row GONE[SITUATIONS_N] = {
    [NO_ACCOUNT] = {{"error", "error", "error", "error", "nothing", "nothing"}},
    [NOBODY_THERE] = {{"error", "error", "kept", "error", "nothing", "nothing"}},
    [BOUND] = {{"error", "error", "kept", "error", "nothing", "nothing"}},
    [NEGATIVE] = {{"error", "error", "kept", "error", "nothing", "nothing"}},
    [ONE] = {{"error", "error", "one", "error", "nothing", "nothing"}},
    [SEVERAL] = {{"error", "error", "high low", "error", "nothing", "nothing"}},
};

static void send_message(struct scene *s, const char *to, const char *type)
{
    bool error = strcmp(type, "error") == 0;
    client_sendf(s->sender,
                 "<message to='%s@example.org%s'%s%s%s id='m'><body>x</body>%s"
                 "</message>",
                 s->rcpt, to, type[0] != '\0' ? " type='" : "", type, type[0] != '\0' ? "'" : "",
                 error ? ERROR_CHILD : "");
}

static void each_type_of_message_in_each_situation(void **state)
{
    (void)state;
    BENCH_ON_SHARDS(b, LIST)
    {
        for (unsigned i = 0; i < SITUATIONS_N; i++) {
            struct scene s = {.b = b};
            set_scene(&s, &SITUATIONS[i]);
            for (unsigned k = 0; k < MESSAGE_TYPES; k++) {
                send_message(&s, "", TYPES[k]);
                assert_outcome(&s, BARE[i].outcome[k], TYPES[k], SITUATIONS[i].what);
                send_message(&s, "/gone", TYPES[k]);
                assert_outcome(&s, GONE[i].outcome[k], TYPES[k], SITUATIONS[i].what);
                for (unsigned r = 0; r < RESOURCES; r++) {
                    char to[32];
                    snprintf(to, sizeof(to), "/%s", ALL[r].name);
                    if (s.there[r] == NULL)
                        continue;
                    send_message(&s, to, TYPES[k]); /* section 8.5.3.1 */
                    assert_outcome(&s, ALL[r].name, TYPES[k], to);
                }
            }
            clear_scene(&s);
        }
    }
}

static void send_iq(struct scene *s, const char *to, const char *type)
{
    client_sendf(s->sender, "<iq to='%s@example.org%s' type='%s' id='q'>%s</iq>", s->rcpt, to, type,
                 strcmp(type, "error") == 0 ? ERROR_CHILD : "<query xmlns='urn:example'/>");
}

/* Sections 8.5.1, 8.5.2.1.3, 8.5.2.2.3: the server answers for the account. 8.5.3: requests reach a
 * client only from those whom it shows its presence to; answers reach it always. */
static void each_type_of_iq_in_each_situation(void **state)
{
    (void)state;
    static const char *const KINDS[] = {"get", "set", "result", "error"};
    BENCH_ON_SHARDS(b, LIST)
    {
        for (unsigned i = 0; i < SITUATIONS_N; i++) {
            struct scene s = {.b = b};
            set_scene(&s, &SITUATIONS[i]);
            for (unsigned k = 0; k < 4; k++) {
                const char *refused = k < 2 ? "error" : "nothing";
                send_iq(&s, "", KINDS[k]);
                assert_outcome(&s, refused, KINDS[k], SITUATIONS[i].what);
                send_iq(&s, "/gone", KINDS[k]);
                assert_outcome(&s, refused, KINDS[k], SITUATIONS[i].what);
                for (unsigned r = 0; r < RESOURCES; r++) {
                    char to[32];
                    snprintf(to, sizeof(to), "/%s", ALL[r].name);
                    if (s.there[r] == NULL)
                        continue;
                    send_iq(&s, to, KINDS[k]);
                    assert_outcome(&s, k < 2 ? "error" : ALL[r].name, KINDS[k], to);
                }
            }
            clear_scene(&s);
        }
    }
}

/* By subscription, by directed presence to the account or to a resource, and to oneself. */
static void requests_reach_the_clients_of_those_who_show_themselves(void **state)
{
    (void)state;
#define ASK(id, to)   "<iq type='get' id='" id "' to='" to "'><q xmlns='urn:example'/></iq>"
#define GOT(id, from) "<iq type='get' id='" id "' from='" from "'><q xmlns='urn:example'/></iq>"
    BENCH_ON_SHARDS(b, LIST)
    {
        bench_befriend(b, "friend@example.org", "rcpt@example.org");
        struct client *rcpt = bench_login(b, "rcpt@example.org/r");
        struct client *other = bench_login(b, "rcpt@example.org/other");
        struct client *friend = bench_login(b, "friend@example.org/f");
        struct client *stranger = bench_online(b, "stranger@example.org/s");
        ask(friend, "<message to='friend@example.org/f'/>",
            "<message from='friend@example.org/f'/>");
        client_send(friend, ASK("1", "rcpt@example.org/r"));
        expect(rcpt, GOT("1", "friend@example.org/f"));
        client_send(other, ASK("2", "rcpt@example.org/r"));
        expect(rcpt, GOT("2", "rcpt@example.org/other"));
        client_send(stranger, ASK("3", "rcpt@example.org/r"));
        expect_nothing(rcpt);
        client_discard(stranger);
        client_send(rcpt, "<presence to='stranger@example.org'/>");
        client_discard(stranger);
        client_send(stranger, ASK("4", "rcpt@example.org/r"));
        expect(rcpt, GOT("4", "stranger@example.org/s"));
        client_send(stranger, ASK("5", "rcpt@example.org/other"));
        expect_nothing(other);
        /* Taken back. */
        client_send(rcpt, "<presence to='stranger@example.org' type='unavailable'/>");
        client_discard(stranger);
        client_send(stranger, ASK("6", "rcpt@example.org/r"));
        expect_nothing(rcpt);
        client_send(rcpt, "<presence to='stranger@example.org/s'/>");
        client_send(stranger, ASK("7", "rcpt@example.org/r"));
        expect(rcpt, GOT("7", "stranger@example.org/s"));
    }
}

static void send_presence(struct scene *s, const char *to, const char *type)
{
    client_sendf(s->sender, "<presence to='%s@example.org%s'%s/>", s->rcpt, to, type);
}

/* Sections 8.5.1, 8.5.2.1.2, 8.5.2.2.2, 8.5.3: every available resource, whatever its priority. */
static void directed_presence_in_each_situation(void **state)
{
    (void)state;
    static const char *const KINDS[] = {"", " type='unavailable'"};
    static const char *const WANT[SITUATIONS_N] = {"nothing",  "nothing", "nothing",
                                                   "negative", "one",     "negative high low"};
    BENCH_ON_SHARDS(b, LIST)
    {
        for (unsigned i = 0; i < SITUATIONS_N; i++) {
            struct scene s = {.b = b};
            set_scene(&s, &SITUATIONS[i]);
            for (unsigned k = 0; k < 2; k++) {
                send_presence(&s, "", KINDS[k]);
                assert_outcome(&s, WANT[i], "presence", SITUATIONS[i].what);
                send_presence(&s, "/gone", KINDS[k]);
                assert_outcome(&s, "nothing", "presence", SITUATIONS[i].what);
            }
            clear_scene(&s);
        }
    }
}

/* S06: whatever cannot be delivered, an error is never answered by one, nor is a result. */
static void S06_errors_are_never_answered(void **state)
{
    (void)state;
    static const char *const TO[] = {"nobody@example.org",
                                     "nobody@example.org/r",
                                     "rcpt@example.org",
                                     "rcpt@example.org/gone",
                                     "example.org",
                                     "example.org/r",
                                     "other.example",
                                     "a@other.example/r",
                                     "@",
                                     "a@b@c",
                                     "sender@example.org",
                                     "sender@example.org/gone",
                                     "talk.example.org",
                                     "nobody@talk.example.org",
                                     "example.net",
                                     "nobody@example.net"};
    static const char *const STANZAS[][2] = {
        {"<message to='", "' type='error' id='1'>" ERROR_CHILD "</message>"},
        {"<message to='", "' type='error' id='1'/>"},
        {"<presence to='", "' type='error' id='1'>" ERROR_CHILD "</presence>"},
        {"<iq to='", "' type='error' id='1'>" ERROR_CHILD "</iq>"},
        {"<iq to='", "' type='error' id='1'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>"},
        {"<iq to='", "' type='result' id='1'/>"},
        {"<iq to='", "' type='result' id='1'><x xmlns='urn:x'/></iq>"},
    };
    BENCH_ON_SHARDS(b, LIST)
    {
        struct scene s = {.b = b};
        set_scene(&s, &SITUATIONS[SEVERAL]);
        for (size_t i = 0; i < sizeof(TO) / sizeof(TO[0]); i++)
            for (size_t k = 0; k < sizeof(STANZAS) / sizeof(STANZAS[0]); k++) {
                client_sendf(s.sender, "%s%s%s", STANZAS[k][0], TO[i], STANZAS[k][1]);
                assert_outcome(&s, "nothing", STANZAS[k][1], TO[i]);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_of_message_in_each_situation),
        cmocka_unit_test(each_type_of_iq_in_each_situation),
        cmocka_unit_test(requests_reach_the_clients_of_those_who_show_themselves),
        cmocka_unit_test(directed_presence_in_each_situation),
        cmocka_unit_test(S06_errors_are_never_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
