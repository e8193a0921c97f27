/* Which mechanism and binding a client takes, and what it refuses. */
#include "xmpp/sasl_test.h"

#include <stdio.h>

#include "xmpp/sasl_client.h"

enum { NAMES_MAX = 12 };

/* An offer in one string: the mechanisms by spaces, then a '|' and the types of binding, when they
 * are told. */
struct told {
    struct slice names[NAMES_MAX], types[NAMES_MAX];
    size_t n, n_types;
    bool bindings;
};

static struct told told(const char *text)
{
    struct told t = {0};
    bool types = false;
    for (struct slice rest = slice_z(text); rest.len > 0;) {
        size_t end = slice_find(rest, ' ');
        struct slice word = slice_of(rest.ptr, end);
        if (slice_is(word, "|"))
            types = t.bindings = true;
        else if (types)
            t.types[t.n_types++] = word;
        else
            t.names[t.n++] = word;
        assert_true(t.n < NAMES_MAX && t.n_types < NAMES_MAX);
        rest = slice_from(rest, end < rest.len ? end + 1 : end);
    }
    return t;
}

static struct sasl_client *choose(const struct sasl_client_config *config, const char *text,
                                  enum sasl_client_problem *problem)
{
    uint64_t seed = 4711;
    struct rng rng = seeded(&seed);
    struct told t = told(text);
    struct sasl_client *c =
        sasl_client_new(config, t.names, t.n, t.types, t.n_types, t.bindings, &rng, problem);
    assert_int_equal(c == NULL, *problem != SASL_PROBLEM_NONE);
    return c;
}

/* "MECHANISM n" or "MECHANISM y" or "MECHANISM type", the gs2 flag as it goes out. */
static void assert_chosen(const struct sasl_client_config *config, const char *text,
                          const char *want)
{
    enum sasl_client_problem problem;
    char got[128];
    struct sasl_client *c = choose(config, text, &problem);
    if (c == NULL)
        fail_msg("%s: %s instead of %s", text, sasl_client_problem_text(problem), want);
    assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
    struct slice out = sasl_client_output(c), name = sasl_client_mechanism(c);
    bool scram = slice_starts(name, SLICE("SCRAM-"));
    assert_int_equal(sasl_client_bound(c), scram && out.ptr[0] == 'p');
    assert_int_equal(sasl_client_bound(c), sasl_client_binding(c).len > 0);
    snprintf(got, sizeof(got), "%.*s%s%.*s", SLICE_ARG(name), scram ? " " : "",
             !scram                 ? 0
             : sasl_client_bound(c) ? (int)sasl_client_binding(c).len
                                    : 1,
             sasl_client_bound(c) ? sasl_client_binding(c).ptr : out.ptr);
    assert_string_equal(got, want);
    sasl_client_free(&c);
}

static void assert_problem(const struct sasl_client_config *config, const char *text,
                           enum sasl_client_problem want)
{
    enum sasl_client_problem problem;
    struct sasl_client *c = choose(config, text, &problem);
    if (c != NULL || problem != want)
        fail_msg("%s: %s instead of: %s", text,
                 c != NULL ? sasl_client_mechanism(c).ptr : sasl_client_problem_text(problem),
                 sasl_client_problem_text(want));
}

/* Everything allowed, everything possible. */
static struct sasl_client_config generous(void)
{
    struct sasl_client_config cc = client_config();
    cc.host = SLICE("example.com");
    cc.digest_md5_allowed = true;
    cc.external = true;
    cc.binding.tls_unique = slice_of(exporter, 12);
    return cc;
}

static void the_strongest_is_chosen(void **state)
{
    (void)state;
    static const char *const order[] = {
        "EXTERNAL",         "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512",      "SCRAM-SHA-256",
        "SCRAM-SHA-1",      "DIGEST-MD5",         "PLAIN",
    };
    struct sasl_client_config cc = generous();
    uint64_t seed = 1, random = 2;
    struct rng rng = seeded(&seed);
    for (size_t first = 0; first < 9; first++) {
        for (int round = 0; round < 20; round++) {
            struct slice names[9];
            size_t n = 9 - first;
            enum sasl_client_problem problem;
            for (size_t i = 0; i < n; i++) { /* in any order */
                random = random * 6364136223846793005u + 1442695040888963407u;
                size_t at = (size_t)(random >> 33) % (i + 1);
                names[i] = names[at];
                names[at] = slice_z(order[first + i]);
            }
            struct sasl_client *c = sasl_client_new(&cc, names, n, NULL, 0, false, &rng, &problem);
            assert_non_null(c);
            assert_true(slice_eq(sasl_client_mechanism(c), slice_z(order[first])));
            assert_int_equal(sasl_client_bound(c), first >= 1 && first <= 3);
            sasl_client_free(&c);
        }
    }
}

static void C03_weak_or_unknown_mechanisms_are_refused_by_name(void **state)
{
    (void)state;
    struct sasl_client_config cc = client_config();
    struct buf text = {0};
    assert_chosen(&cc, "PLAIN", "PLAIN");
    cc.plain_allowed = false;
    assert_problem(&cc, "PLAIN", SASL_PROBLEM_TOO_WEAK);
    assert_problem(&cc, "CRAM-MD5 X-NEW", SASL_PROBLEM_TOO_WEAK);
    assert_problem(&cc, "DIGEST-MD5", SASL_PROBLEM_TOO_WEAK);
    assert_problem(&cc, "X-NEW EXTERNAL GSSAPI", SASL_PROBLEM_NO_MECHANISM);
    assert_problem(&cc, "scram-sha-1 SCRAM-SHA-1X SCRAM-SHA-", SASL_PROBLEM_NO_MECHANISM);
    assert_problem(&cc, "", SASL_PROBLEM_NO_MECHANISM);
    cc.plain_allowed = true;
    cc.tls = false; /* allowed inside TLS says nothing about outside */
    assert_problem(&cc, "PLAIN", SASL_PROBLEM_PLAIN_WITHOUT_TLS);
    assert_problem(&cc, "PLAIN DIGEST-MD5", SASL_PROBLEM_PLAIN_WITHOUT_TLS);
    cc.plain_without_tls = true;
    assert_chosen(&cc, "PLAIN", "PLAIN");
    cc.external = true; /* without TLS nobody has seen a certificate */
    assert_problem(&cc, "EXTERNAL", SASL_PROBLEM_NO_MECHANISM);
    struct told t = told("PLAIN X-NEW PLAIN sneaky\x1b[2J GSSAPI");
    assert_int_equal(sasl_client_offered_text(t.names, t.n, &text), 0);
    assert_true(slice_is(buf_slice(&text), "PLAIN, X-NEW, GSSAPI and 2 more"));
    buf_clear(&text);
    assert_int_equal(sasl_client_offered_text(NULL, 0, &text), 0);
    assert_true(slice_is(buf_slice(&text), "nothing"));
    buf_clear(&text);
    assert_int_equal(sasl_client_offered_text(t.names + 3, 1, &text), 0);
    assert_true(slice_is(buf_slice(&text), "1 that are no names"));
    buf_free(&text);
}

static void V21_empty_names_and_ten_thousand_of_them(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    struct sasl_client_config cc = client_config();
    struct slice *names = calloc(MANY, sizeof(*names));
    struct buf text = {0}, digits = {0};
    enum sasl_client_problem problem;
    uint64_t seed = 3;
    struct rng rng = seeded(&seed);
    assert_non_null(names);
    /* All of them empty, with and without a pointer; types as well. */
    for (size_t i = 0; i < MANY; i++)
        names[i] = i % 2 == 0 ? SLICE_NONE : SLICE("");
    assert_null(sasl_client_new(&cc, names, MANY, names, MANY, true, &rng, &problem));
    assert_int_equal(problem, SASL_PROBLEM_NO_MECHANISM);
    assert_null(sasl_client_new(&cc, NULL, 0, NULL, 0, true, &rng, &problem));
    assert_int_equal(problem, SASL_PROBLEM_NO_MECHANISM);
    assert_int_equal(sasl_client_offered_text(names, MANY, &text), 0);
    assert_true(slice_is(buf_slice(&text), "10000 that are no names"));
    /* Ten thousand different ones, the good one last, and told twice. */
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(buf_printf(&digits, "X-%05zu", i), 0);
    for (size_t i = 0; i < MANY; i++)
        names[i] = slice_of(digits.ptr + 7 * i, 7);
    names[MANY - 1] = names[MANY - 2] = SLICE("SCRAM-SHA-256");
    struct sasl_client *c = sasl_client_new(&cc, names, MANY, NULL, 0, false, &rng, &problem);
    assert_non_null(c);
    assert_true(slice_is(sasl_client_mechanism(c), "SCRAM-SHA-256"));
    sasl_client_free(&c);
    buf_clear(&text);
    assert_int_equal(sasl_client_offered_text(names, MANY, &text), 0);
    assert_true(buf_len(&text) < 150);
    assert_non_null(memmem(buf_slice(&text).ptr, buf_len(&text), "X-00011 and 9988 more", 21));
    /* The text of XEP-0474 has no limit either. */
    buf_clear(&text);
    assert_int_equal(sasl_offer_text(names, MANY, names, MANY, &text), 0);
    assert_int_equal(buf_len(&text), 2 * ((MANY - 2) * 8 + 2 * 14) - 1);
    buf_free(&text);
    buf_free(&digits);
    free(names);
}

static void types_of_binding_are_chosen_among_those_told(void **state)
{
    (void)state;
    struct sasl_client_config cc = generous();
    static const char plus[] = "SCRAM-SHA-1 SCRAM-SHA-1-PLUS";
    static const struct {
        const char *types, *want;
    } cases[] = {
        {" | tls-server-end-point tls-unique tls-exporter", "SCRAM-SHA-1-PLUS tls-exporter"},
        {" | tls-server-end-point tls-unique", "SCRAM-SHA-1-PLUS tls-unique"},
        {" | tls-server-end-point x", "SCRAM-SHA-1-PLUS tls-server-end-point"},
        {"", "SCRAM-SHA-1-PLUS tls-unique"}, /* a server older than XEP-0440, TLS 1.2 */
    };
    char text[128];
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "%s%s", plus, cases[i].types);
        assert_chosen(&cc, text, cases[i].want);
    }
    cc.binding.tls_unique = SLICE_NONE; /* TLS 1.3 */
    assert_chosen(&cc, plus, "SCRAM-SHA-1-PLUS tls-exporter");
    cc.binding.tls_exporter = SLICE_NONE;
    assert_chosen(&cc, plus, "SCRAM-SHA-1-PLUS tls-server-end-point");
}

/* The server refuses each type that is guessed, as one that does not know it. */
static void V47_other_types_are_guessed_and_never_none(void **state)
{
    (void)state;
    static const char *const guesses[] = {
        "SCRAM-SHA-1-PLUS tls-unique",
        "SCRAM-SHA-1-PLUS tls-exporter",
        "SCRAM-SHA-1-PLUS tls-server-end-point",
    };
    static const char all[] = "EXTERNAL SCRAM-SHA-512 SCRAM-SHA-1-PLUS DIGEST-MD5 PLAIN";
    struct sasl_client_config cc = generous();
    enum sasl_client_problem problem;
    cc.external = false;
    cc.offer = SLICE("an offer");
    for (size_t i = 0; i < 3; i++) {
        assert_chosen(&cc, all, guesses[i]);
        struct sasl_client *c = choose(&cc, all, &problem);
        assert_int_equal(sasl_client_refused_bindings(c), 0); /* not yet said */
        assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
        unsigned refused = sasl_client_refused_bindings(c);
        assert_int_equal(refused != 0, i < 2);
        if (refused != 0)
            cc.bindings_refused = refused;
        sasl_client_free(&c);
    }
    /* Behind a refusal nothing is good enough but -PLUS, whatever else is offered by then. */
    assert_problem(&cc, "SCRAM-SHA-512 DIGEST-MD5 PLAIN", SASL_PROBLEM_BINDING_REQUIRED);
    assert_problem(&cc, "SCRAM-SHA-512 SCRAM-SHA-1-PLUS | tls-new", SASL_PROBLEM_BINDING_REQUIRED);
    assert_chosen(&cc, "SCRAM-SHA-1-PLUS | tls-unique", "SCRAM-SHA-1-PLUS tls-unique");
    cc.bindings_refused = 7;
    assert_problem(&cc, all, SASL_PROBLEM_BINDING_REQUIRED);
}

/* What was told is no guess; behind the challenge it is the proof that counts; without binding
 * there is nothing to guess. */
static void V47_what_was_not_guessed_is_not_tried_again(void **state)
{
    static const char *const offers[] = {
        "SCRAM-SHA-1-PLUS | tls-exporter tls-unique tls-server-end-point",
        "SCRAM-SHA-1", /* and no -PLUS: 'y' */
        "PLAIN",
    };
    struct sasl_client_config cc = generous();
    enum sasl_client_problem problem;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sasl_client *c = choose(&cc, offers[i], &problem);
        assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
        assert_int_equal(sasl_client_refused_bindings(c), 0);
        sasl_client_free(&c);
    }
    struct sasl_client *c = choose(&cc, "SCRAM-SHA-1-PLUS", &problem);
    struct sasl_server_config sc = server_config();
    struct buf out = {0};
    enum sasl_step step;
    sc.binding.tls_unique = cc.binding.tls_unique;
    assert_int_equal(test_sasl_start(c, &out), 0);
    assert_int_not_equal(sasl_client_refused_bindings(c), 0);
    struct sasl_server *s = server_new(&sc, SLICE("SCRAM-SHA-1-PLUS"), buf_slice(&out), &step);
    assert_int_equal(serve(s, step, &stored, false), SASL_CHALLENGE);
    assert_int_equal(test_sasl_challenge(c, sasl_server_output(s), &out), 0);
    assert_int_equal(sasl_client_refused_bindings(c), 0);
    sasl_server_free(&s);
    sasl_client_free(&c);
    buf_free(&out);
}

/* XEP-0440 section 3 and RFC 5802 section 6: when 'n', when 'y'. */
static void A11_the_flag_says_what_was_seen(void **state)
{
    (void)state;
    struct sasl_client_config cc = client_config();
    assert_chosen(&cc, "SCRAM-SHA-1", "SCRAM-SHA-1 y");
    assert_chosen(&cc, "SCRAM-SHA-1 | tls-exporter", "SCRAM-SHA-1 y");
    cc.binding = (struct sasl_binding){0}; /* we cannot bind */
    assert_chosen(&cc, "SCRAM-SHA-1", "SCRAM-SHA-1 n");
    assert_chosen(&cc, "SCRAM-SHA-1 SCRAM-SHA-1-PLUS | tls-exporter", "SCRAM-SHA-1 n");
    assert_chosen(&cc, "SCRAM-SHA-1 SCRAM-SHA-1-PLUS", "SCRAM-SHA-1 n");
    cc = client_config();
    cc.sasl2 = true;
    assert_chosen(&cc, "SCRAM-SHA-1", "SCRAM-SHA-1 y");
    assert_chosen(&cc, "SCRAM-SHA-1-PLUS | tls-exporter", "SCRAM-SHA-1-PLUS tls-exporter");
    assert_problem(&cc, "SCRAM-SHA-1 SCRAM-SHA-1-PLUS", SASL_PROBLEM_OFFER_CONTRADICTS);
    assert_problem(&cc, "SCRAM-SHA-1 SCRAM-SHA-1-PLUS |", SASL_PROBLEM_OFFER_CONTRADICTS);
    assert_problem(&cc, "SCRAM-SHA-1 | tls-exporter", SASL_PROBLEM_OFFER_CONTRADICTS);
    cc.binding = (struct sasl_binding){0};
    assert_chosen(&cc, "SCRAM-SHA-1 | tls-exporter", "SCRAM-SHA-1 n");
}

/* 'n' from who could bind is what an attacker wants: only with the server's hash of its offer. */
static void A11_unknown_types_are_believed_only_with_a_hash(void **state)
{
    (void)state;
    struct sasl_client_config cc = client_config();
    enum sasl_client_problem problem;
    static const char *const offers[] = {
        "SCRAM-SHA-256 SCRAM-SHA-256-PLUS | tls-new",
        "SCRAM-SHA-256 X-PLUS",
    };
    for (size_t i = 0; i < 2; i++) {
        cc.offer = SLICE_NONE;
        assert_problem(&cc, offers[i], SASL_PROBLEM_BINDING_TYPES);
        cc.offer = SLICE("an offer");
        assert_chosen(&cc, offers[i], "SCRAM-SHA-256 n");
        for (int tells = 0; tells < 3; tells++) {
            struct sasl_server_config sc = server_config();
            struct sasl_client *c = choose(&cc, offers[i], &problem);
            struct buf out = {0};
            enum sasl_step step;
            sc.offer = tells == 0 ? SLICE_NONE : tells == 1 ? SLICE("another") : cc.offer;
            assert_int_equal(test_sasl_start(c, &out), 0);
            struct sasl_server *s = server_new(&sc, SLICE("SCRAM-SHA-256"), buf_slice(&out), &step);
            assert_int_equal(serve(s, step, &stored, false), SASL_CHALLENGE);
            int err = test_sasl_challenge(c, sasl_server_output(s), &out);
            assert_int_equal(err == 0, tells == 2);
            assert_int_equal(sasl_client_problem(c), tells == 0   ? SASL_PROBLEM_BINDING_TYPES
                                                     : tells == 1 ? SASL_PROBLEM_OFFER_CHANGED
                                                                  : SASL_PROBLEM_NONE);
            sasl_server_free(&s);
            sasl_client_free(&c);
            buf_free(&out);
        }
    }
    assert_problem(&cc, "SCRAM-SHA-256-PLUS | tls-new", SASL_PROBLEM_BINDING_TYPES);
}

static void V47_binding_once_seen_is_required(void **state)
{
    (void)state;
    struct sasl_client_config cc = generous();
    static const char *const less[] = {
        "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN DIGEST-MD5",
        "SCRAM-SHA-512 SCRAM-SHA-512-PLUS | tls-new",
        "SCRAM-SHA-512 | tls-exporter",
        "SCRAM-SHA-512 X-PLUS | tls-exporter",
        "EXTERNAL SCRAM-SHA-512",
        "PLAIN",
        "",
    };
    cc.binding_required = true;
    cc.plain_without_tls = true;
    cc.offer = SLICE("an offer");
    assert_chosen(&cc, "EXTERNAL SCRAM-SHA-512 SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS tls-unique");
    for (size_t i = 0; i < sizeof(less) / sizeof(*less); i++)
        assert_problem(&cc, less[i], SASL_PROBLEM_BINDING_REQUIRED);
    cc.binding = (struct sasl_binding){0}; /* a proxy that ends TLS, as it were */
    assert_problem(&cc, "SCRAM-SHA-1 SCRAM-SHA-1-PLUS | tls-exporter",
                   SASL_PROBLEM_BINDING_REQUIRED);
}

static void A13_nothing_below_what_is_pinned(void **state)
{
    (void)state;
    struct sasl_client_config cc = client_config();
    cc.pinned = SLICE("SCRAM-SHA-256");
    assert_chosen(&cc, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN", "SCRAM-SHA-256 y");
    assert_chosen(&cc, "SCRAM-SHA-512 SCRAM-SHA-1", "SCRAM-SHA-512 y");
    assert_chosen(&cc, "SCRAM-SHA-1-PLUS SCRAM-SHA-512", "SCRAM-SHA-1-PLUS tls-exporter");
    assert_problem(&cc, "SCRAM-SHA-1 PLAIN", SASL_PROBLEM_PINNED);
    assert_problem(&cc, "PLAIN", SASL_PROBLEM_PINNED);
    assert_problem(&cc, "", SASL_PROBLEM_PINNED);
    cc.pinned = SLICE("SCRAM-SHA-1-PLUS");
    assert_problem(&cc, "SCRAM-SHA-512", SASL_PROBLEM_PINNED);
    cc.pinned = SLICE("PLAIN");
    assert_chosen(&cc, "PLAIN", "PLAIN");
    cc.tls = false; /* a pin allows nothing */
    assert_problem(&cc, "PLAIN", SASL_PROBLEM_PINNED);
    cc.tls = true;
    static const char *const unknown[] = {"SCRAM-SHA3-512", "scram-sha-1", "X"};
    for (size_t i = 0; i < 3; i++) {
        cc.pinned = slice_z(unknown[i]);
        assert_problem(&cc, "SCRAM-SHA-512-PLUS SCRAM-SHA3-512 X", SASL_PROBLEM_PINNED);
    }
}

static void names_and_passwords_that_cannot_be_prepared(void **state)
{
    (void)state;
    struct sasl_client_config cc = client_config();
    static const char *const users[] = {"", "not a name", "a@b", "\xff"};
    for (size_t i = 0; i < 4; i++) {
        cc.user = slice_z(users[i]);
        assert_problem(&cc, "SCRAM-SHA-1", SASL_PROBLEM_USER);
        assert_problem(&cc, "PLAIN", SASL_PROBLEM_USER);
    }
    cc = client_config();
    static const struct slice passwords[] = {SLICE_NONE, SLICE(""), SLICE("a\0b"), SLICE("\x80")};
    for (size_t i = 0; i < 4; i++) {
        cc.password = passwords[i];
        assert_problem(&cc, "SCRAM-SHA-1", SASL_PROBLEM_PASSWORD);
        assert_problem(&cc, "PLAIN", SASL_PROBLEM_PASSWORD);
    }
    cc = client_config();
    cc.authzid = SLICE("a\0bob\0x"); /* would be another login in PLAIN */
    assert_problem(&cc, "PLAIN", SASL_PROBLEM_USER);
    cc.authzid = SLICE("\xc3");
    assert_problem(&cc, "SCRAM-SHA-1", SASL_PROBLEM_USER);
    cc.authzid = SLICE_NONE; /* EXTERNAL needs neither */
    cc.user = cc.password = SLICE_NONE;
    cc.external = true;
    assert_chosen(&cc, "EXTERNAL", "EXTERNAL");
}

static void every_problem_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SASL_PROBLEMS; i++) {
        const char *text = sasl_client_problem_text((enum sasl_client_problem)i);
        assert_non_null(text);
        assert_true(strlen(text) > 5 && text[strlen(text) - 1] != '.');
        for (int k = 0; k < i; k++)
            assert_string_not_equal(text, sasl_client_problem_text((enum sasl_client_problem)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_is_chosen),
        cmocka_unit_test(types_of_binding_are_chosen_among_those_told),
        cmocka_unit_test(V47_other_types_are_guessed_and_never_none),
        cmocka_unit_test(V47_what_was_not_guessed_is_not_tried_again),
        cmocka_unit_test(names_and_passwords_that_cannot_be_prepared),
        cmocka_unit_test(every_problem_has_a_sentence_of_its_own),
        cmocka_unit_test(C03_weak_or_unknown_mechanisms_are_refused_by_name),
        cmocka_unit_test(A11_the_flag_says_what_was_seen),
        cmocka_unit_test(A11_unknown_types_are_believed_only_with_a_hash),
        cmocka_unit_test(A13_nothing_below_what_is_pinned),
        cmocka_unit_test(V21_empty_names_and_ten_thousand_of_them),
        cmocka_unit_test(V47_binding_once_seen_is_required),
    };
    return cmocka_run_group_tests(tests, derive_stored, NULL);
}
