/* Addresses: the examples of RFC 7622 section 3.5 and many of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "xmpp/jid.h"

struct sample {
    const char *in, *out; /* out NULL: malformed; "=": unchanged */
};

static const struct sample samples[] = {
    /* RFC 7622 section 3.5, table 1 */
    {"juliet@example.com", "="},
    {"juliet@example.com/foo", "="},
    {"juliet@example.com/foo bar", "="},
    {"juliet@example.com/foo@bar", "="},
    {"foo\\20bar@example.com", "="},
    {"fussball@example.com", "="},
    {"fu\xc3\x9f"
     "ball@example.com",
     "="},
    {"\u03c0@example.com", "="},
    {"\u03a3@example.com/foo", "\u03c3@example.com/foo"},
    {"\u03c3@example.com/foo", "="},
    {"\u03c2@example.com/foo", "="},
    {"king@example.com/\u265a", "="},
    {"example.com", "="},
    {"example.com/foobar", "="},
    {"a.example.com/b@example.net", "="},
    /* Table 2. Its leading space in a resourcepart is not among them: no rule of OpaqueString
     * refuses it. */
    {"juliet@example.com/ foo", "="},
    {"\"juliet\"@example.com", NULL},
    {"foo bar@example.com", NULL},
    {"@example.com/", NULL},
    {"henry\u2163@example.com", NULL},
    {"\u265a@example.com", NULL},
    {"juliet@", NULL},
    {"/foobar", NULL},
    /* dividing */
    {"", NULL},
    {"@", NULL},
    {"/", NULL},
    {"a@/b", NULL},
    {"@x", NULL},
    {"x/", NULL},
    {"a@x/", NULL},
    {"a@b@c", NULL},
    {"a@x//", "="},
    {"a@x/b/c@d/", "="},
    {"x/@", "="},
    /* localparts in ASCII */
    {"ALICE@example.com", "alice@example.com"},
    {"Al.ice+tag@Example.COM/Res", "al.ice+tag@example.com/Res"},
    {"a!#$%()*+,-.;=?[\\]^_`{|}~@x", "="},
    {"a&b@x", NULL},
    {"a'b@x", NULL},
    {"a:b@x", NULL},
    {"a<b@x", NULL},
    {"a>b@x", NULL},
    {"a\tb@x", NULL},
    {"a\x7f@x", NULL},
    {"a\x01@x", NULL},
    /* localparts beyond */
    {"J\u00dcRGEN@x", "j\u00fcrgen@x"},
    {"ju\u0308rgen@x", "j\u00fcrgen@x"},
    {"\uff41\uff42@x", "ab@x"},
    {"\uff21\uff22@x", "ab@x"},
    {"a\uff20b@x", NULL}, /* fullwidth @ */
    {"a\uff0fb@x", NULL}, /* fullwidth / */
    {"a\u3000b@x", NULL},
    {"a\u00a0b@x", NULL},
    {"a\u00adb@x", NULL}, /* soft hyphen */
    {"a\u200bb@x", NULL}, /* zero width space */
    {"\u0130@x", "i\u0307@x"},
    {"\u1e9e@x", "\u00df@x"},
    {"\u039f\u0394\u039f\u03a3@x", "\u03bf\u03b4\u03bf\u03c2@x"}, /* final sigma */
    {"\u05d0\u05d1@x", "="},
    {"\u05d0a@x", NULL},
    {"\u0661\u06f1@x", NULL},
    {"\u0378@x", NULL}, /* unassigned */
    {"\ue000@x", NULL}, /* private use */
    {"\ufb01@x", NULL}, /* ligature */
    {"l\u00b7l@x", "="},
    {"L\u00b7L@x", "l\u00b7l@x"},
    {"a\u00b7l@x", NULL},
    {"\u4f60\u597d@x", "="},
    {"\U00020000@x", "="},
    /* resourceparts */
    {"x/a\u00a0b", "x/a b"},
    {"x/a\u3000b", "x/a b"},
    {"x/e\u0301", "x/\u00e9"},
    {"x/\u00c9", "="},
    {"x/\u2163\ufb01\uff21", "="},
    {"x/\U0001f40e", "="},
    {"x/a\nb", NULL},
    {"x/a\x7f", NULL},
    {"x/a\u200bb", NULL},
    {"x/\u05d0a", "="}, /* no bidi rule here */
    {"x/<a href='\"'>", "="},
    /* domainparts in ASCII */
    {"EXAMPLE.com.", "example.com"},
    {"example.com.", "="},
    {"example.com./r", "example.com/r"},
    {"a@example.com./r", "a@example.com/r"},
    {"example.com..", NULL},
    {"x\u3002", "x"},
    {"x\uff0e/r", "x/r"},
    {"\u00fc\uff61", "\u00fc"},
    {"x\u3002.", NULL},
    {"x.\u3002", NULL},
    {"\u00fc..", NULL},
    {"\u3002", NULL},
    {"a..b", NULL},
    {".a", NULL},
    {".", NULL},
    {"-a.com", NULL},
    {"a-.com", NULL},
    {"a-b.com", "="},
    {"ab--c.com", NULL},
    {"a_b.com", NULL},
    {"a b.com", NULL},
    {"localhost", "="},
    {"1and1.com", "="},
    {"192.0.2.1", "="},
    {"user@192.0.2.1/r", "="},
    {"192.0.2.01", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2", NULL},
    {"2130706433", NULL},
    {"1.2.3.4.5", NULL},
    {"[::1]", "="},
    {"u@[2001:DB8:0:0::1]/r", "u@[2001:db8::1]/r"},
    {"[::ffff:192.0.2.1]", "="},
    {"[::1", NULL},
    {"[]", NULL},
    {"[:::1]", NULL},
    {"[fe80::1%eth0]", NULL},
    {"[192.0.2.1]", NULL},
    {"[::1].com", NULL},
    {"::1", NULL},
    /* domainparts beyond */
    {"b\u00fccher.example", "="},
    {"B\u00dcCHER.example", "b\u00fccher.example"},
    {"bu\u0308cher.example", "b\u00fccher.example"},
    {"xn--bcher-kva.example", "b\u00fccher.example"},
    {"XN--BCHER-KVA.example", "b\u00fccher.example"},
    {"fa\u00df.de", "="},
    {"xn--fa-hia.de", "fa\u00df.de"},
    {"a@xn--fa-hia.de/r", "a@fa\u00df.de/r"},
    {"\u0434\u043e\u043c\u0435\u043d.\u0440\u0444", "="},
    {"a\u3002b", "a.b"},
    {"a\uff0eb\uff61", "a.b"},
    {"\uff11\uff12\uff17.0.0.1", "127.0.0.1"},
    {"\u2603.net", NULL},
    {"xn--bce", NULL}, /* a capital letter, U+13EB */
    {"xn--n3h.net", NULL},
    {"xn--a.net", NULL},
    {"xn--.net", NULL},
    {"xn--abc-.net", NULL},
    {"xn--99999999.net", NULL},
    {"-\u00fc.de", NULL},
    {"\u00fc-.de", NULL},
    {"\u00fc..de", NULL},
    {"\u00fc.1", NULL},
    {"\u00fc_a.de", NULL},
    {"\u0301a.de", NULL},
    {"a\u00b7b.com", NULL},
    {"\u30fb.com", NULL},
    {"\u30a2\u30fb\u30a2.com", "="},
    {"a\u200db.com", NULL},
    {"\u05d0\u05d1.com", "="},
    {"\u05d0b.com", NULL},
    {"1a.\u05d0", NULL}, /* the rule covers every label of such a name */
    {"a\u0378.com", NULL},
    {"\u212a.com", "k.com"},
    {"a\u037e.com", NULL},
    {"\u03a3\u03a3.gr", "\u03c3\u03c3.gr"},
    /* not UTF-8 */
    {"\xff@x", NULL},
    {"a\xc3@x", NULL},
    {"x/\xed\xa0\x80", NULL},
    {"x/\xf4\x90\x80\x80", NULL},
    {"\xc0\xaf.com", NULL},
};

/* A block that ends with its last byte, so that a sanitizer sees a read beyond it. */
static char *exact_copy(struct slice s)
{
    char *p = malloc(s.len > 0 ? s.len : 1);
    assert_non_null(p);
    memcpy(p, s.ptr, s.len);
    return p;
}

static void check_sample(const struct sample *s)
{
    struct arena mem = {0};
    struct jid j;
    struct slice in = slice_z(s->in);
    char *exact = exact_copy(in);
    int err = jid_parse(slice_of(exact, in.len), &mem, &j);
    if (s->out == NULL) {
        if (err != ERR_SYNTAX)
            print_error("accepted: %s\n", s->in);
        assert_int_equal(err, ERR_SYNTAX);
        assert_false(jid_some(&j));
    } else {
        if (err != 0)
            print_error("refused: %s\n", s->in);
        assert_int_equal(err, 0);
        struct slice want = strcmp(s->out, "=") == 0 ? in : slice_z(s->out);
        if (strcmp(s->in, "example.com.") == 0)
            want.len--;
        if (!slice_eq(jid_full(&j), want))
            print_error("%s gave %.*s\n", s->in, SLICE_ARG(jid_full(&j)));
        assert_true(slice_eq(jid_full(&j), want));
    }
    arena_free(&mem);
    free(exact);
}

static void jid_examples_are_prepared_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
        check_sample(&samples[i]);
}

/* Every prefix and suffix of every example: refused, or prepared to something stable. */
static void check_stable(struct slice in)
{
    struct arena mem = {0};
    struct jid j, again, shape;
    char *exact = exact_copy(in);
    if (jid_parse(slice_of(exact, in.len), &mem, &j) == 0) {
        struct slice full = jid_full(&j);
        assert_true(utf8_valid(full));
        assert_int_equal(jid_parse(full, &mem, &again), 0);
        assert_true(jid_eq(&j, &again));
        assert_true(jid_from_prepared(full, &shape));
        assert_true(jid_eq(&j, &shape));
        assert_in_range(j.domain_len, 1, JID_PART_BYTES);
        assert_in_range(j.local_len, 0, JID_PART_BYTES);
        assert_in_range(j.resource_len, 0, JID_PART_BYTES);
    }
    arena_free(&mem);
    free(exact);
}

static void jid_preparing_is_idempotent_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        struct slice in = slice_z(samples[i].in);
        for (size_t cut = 0; cut <= in.len; cut++) {
            check_stable(slice_of(in.ptr, cut));
            check_stable(slice_from(in, cut));
        }
    }
}

static void jid_prepared_ascii_is_not_copied(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct jid j;
    struct slice in = SLICE("alice@example.com/phone");
    assert_int_equal(jid_parse(in, &mem, &j), 0);
    assert_ptr_equal(j.text, in.ptr);
    assert_int_equal(mem.used, 0);
    assert_true(slice_is(jid_local(&j), "alice"));
    assert_true(slice_is(jid_domain(&j), "example.com"));
    assert_true(slice_is(jid_resource(&j), "phone"));
    assert_true(slice_is(jid_bare(&j), "alice@example.com"));
    struct jid bare = jid_to_bare(j);
    assert_true(slice_is(jid_full(&bare), "alice@example.com"));
    assert_true(jid_bare_eq(&bare, &j));
    assert_false(jid_eq(&bare, &j));
    arena_free(&mem);
}

static void jid_full_arena_is_an_error_not_a_shorter_address(void **state)
{
    (void)state;
    struct arena mem = {.cap = 1};
    struct jid j;
    assert_int_equal(jid_parse(SLICE("ALICE@example.com"), &mem, &j), ERR_MEMORY);
    assert_false(jid_some(&j));
    assert_int_equal(jid_parse(SLICE("\u00e9@example.com"), &mem, &j), ERR_MEMORY);
    assert_false(jid_some(&j));
    arena_free(&mem);
}

static void jid_copy_is_one_block(void **state)
{
    (void)state;
    struct jid j, copy;
    struct arena mem = {0};
    assert_int_equal(jid_parse(SLICE("a@b/c"), &mem, &j), 0);
    copy = jid_copy(&j);
    assert_ptr_not_equal(copy.text, j.text);
    assert_true(jid_eq(&copy, &j));
    mem_free((void *)copy.text);
    copy = jid_copy(&JID_NONE);
    assert_false(jid_some(&copy));
    mem_free((void *)copy.text);
    arena_free(&mem);
}

static void jid_of_a_wrong_shape_is_not_taken_as_prepared(void **state)
{
    (void)state;
    struct jid j;
    const char *wrong[] = {"", "@x", "a@", "x/", "/r", "a@/r"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(jid_from_prepared(slice_z(wrong[i]), &j));
}

/* Fills with repetitions of unit and cuts at len bytes. */
static struct slice filled(char *room, const char *unit, size_t len)
{
    for (size_t i = 0; i < len; i++)
        room[i] = unit[i % strlen(unit)];
    return slice_of(room, len);
}

static void V23_parts_are_never_truncated(void **state)
{
    (void)state;
    static char text[4200], room[1100];
    const char *units[] = {"a", "\u00e9", "\u4f60", "\U00020000"};
    for (size_t u = 0; u < 4; u++) {
        for (size_t len = 1018; len <= 1028; len++) {
            struct slice part = filled(room, units[u], len);
            bool whole = len % strlen(units[u]) == 0 && len <= JID_PART_BYTES;
            for (int resource = 0; resource < 2; resource++) {
                int n =
                    snprintf(text, sizeof(text), resource ? "x/%.*s" : "%.*s@x", SLICE_ARG(part));
                struct arena mem = {0};
                struct jid j;
                char *exact = exact_copy(slice_of(text, (size_t)n));
                int err = jid_parse(slice_of(exact, (size_t)n), &mem, &j);
                assert_int_equal(err, whole ? 0 : ERR_SYNTAX);
                if (whole)
                    assert_int_equal(resource ? j.resource_len : j.local_len, len);
                free(exact);
                arena_free(&mem);
            }
            struct buf out = {0};
            assert_int_equal(jid_prepare_local(part, &out), whole ? 0 : ERR_SYNTAX);
            assert_int_equal(jid_prepare_resource(part, &out), whole ? 0 : ERR_SYNTAX);
            assert_int_equal(jid_prepare_password(part, &out), whole ? 0 : ERR_SYNTAX);
            assert_int_equal(jid_prepare_domain(part, &out), ERR_SYNTAX);
            buf_free(&out);
        }
    }
}

/* U+0958 becomes two code points of three bytes each in NFC: a part may grow beyond the limit. */
static void V23_a_part_that_grows_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    static char room[1100];
    struct buf out = {0};
    struct slice fits = filled(room, "\u0958", 510);
    assert_int_equal(jid_prepare_resource(fits, &out), 0);
    assert_int_equal(buf_len(&out), 1020);
    struct slice grows = filled(room, "\u0958", 513);
    assert_int_equal(jid_prepare_resource(grows, &out), ERR_SYNTAX);
    assert_int_equal(buf_len(&out), 0);
    buf_free(&out);
}

static void V26_names_of_all_lengths(void **state)
{
    (void)state;
    const size_t lengths[] = {0, 1, 1023, 1024, 65536};
    char *room = malloc(65536);
    assert_non_null(room);
    memset(room, 'a', 65536);
    struct buf out = {0};
    for (size_t i = 0; i < 5; i++) {
        bool fits = lengths[i] >= 1 && lengths[i] <= 1023;
        assert_int_equal(jid_prepare_local(slice_of(room, lengths[i]), &out),
                         fits ? 0 : ERR_SYNTAX);
        assert_int_equal(buf_len(&out), fits ? lengths[i] : 0);
    }
    buf_free(&out);
    free(room);
}

static void jid_domains_have_a_form_for_dns(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"example.org", "example.org"},
        {"[::1]", "[::1]"},
        {"b\u00fccher.example", "xn--bcher-kva.example"},
        {"a.\u043f\u0440\u0438\u043c\u0435\u0440", "a.xn--e1afmkfd"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct buf ascii = {0}, back = {0};
        assert_int_equal(jid_domain_ascii(slice_z(pairs[i][0]), &ascii), 0);
        assert_true(slice_eq(buf_slice(&ascii), slice_z(pairs[i][1])));
        assert_int_equal(jid_prepare_domain(buf_slice(&ascii), &back), 0);
        assert_true(slice_eq(buf_slice(&back), slice_z(pairs[i][0])));
        buf_free(&ascii);
        buf_free(&back);
    }
}

static void jid_domain_lengths_are_those_of_dns(void **state)
{
    (void)state;
    static char room[1100];
    struct buf out = {0};
    assert_int_equal(jid_prepare_domain(filled(room, "a", 63), &out), 0);
    assert_int_equal(jid_prepare_domain(filled(room, "a", 64), &out), ERR_SYNTAX);
    assert_int_equal(jid_prepare_domain(filled(room, "a.", 253), &out), 0);
    assert_int_equal(jid_prepare_domain(filled(room, "a.", 254), &out), 0); /* trailing dot */
    assert_int_equal(buf_len(&out), 253);
    assert_int_equal(jid_prepare_domain(filled(room, "a.", 255), &out), ERR_SYNTAX);
    /* An A-label of 63 bytes is a U-label of 57 code points here. */
    size_t longest = 0;
    for (size_t n = 1; n <= 64; n++)
        if (jid_prepare_domain(filled(room, "\u00fc", 2 * n), &out) == 0)
            longest = n;
    assert_in_range(longest, 50, 59);
    assert_int_equal(jid_prepare_domain(filled(room, "\u00fc.", 90), &out), 0);
    assert_int_equal(jid_prepare_domain(filled(room, "\u00fc.", 99), &out), ERR_SYNTAX);
    assert_int_equal(jid_prepare_domain(SLICE("a\0b"), &out), ERR_SYNTAX);
    assert_int_equal(jid_prepare_domain(SLICE("\u00fc\0b"), &out), ERR_SYNTAX);
    assert_int_equal(jid_prepare_domain(SLICE("[::1\0]"), &out), ERR_SYNTAX);
    buf_free(&out);
}

/* Random strings over an alphabet chosen for trouble. */
static void jid_random_strings_are_stable(void **state)
{
    (void)state;
    static const char *pieces[] = {"a",      "Z",      "@",      "/",       ".",      "-",
                                   "1",      "xn--",   "\u00fc", "u\u0308", "\u03a3", "\u0130",
                                   "\uff21", "\u05d0", "\u0661", "\u0301",  "\u0345", "\u200d",
                                   "\u094d", "\u1e9e", "\u3002", "\u00a0",  "\u0958", "\u1fb3"};
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < 30000; round++) {
        char text[64];
        size_t len = 0;
        for (int i = 0; i < 8; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            const char *piece = pieces[(x >> 32) % (sizeof(pieces) / sizeof(*pieces))];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        check_stable(slice_of(text, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jid_examples_are_prepared_or_refused),
        cmocka_unit_test(jid_preparing_is_idempotent_at_every_cut),
        cmocka_unit_test(jid_prepared_ascii_is_not_copied),
        cmocka_unit_test(jid_full_arena_is_an_error_not_a_shorter_address),
        cmocka_unit_test(jid_copy_is_one_block),
        cmocka_unit_test(jid_of_a_wrong_shape_is_not_taken_as_prepared),
        cmocka_unit_test(V23_parts_are_never_truncated),
        cmocka_unit_test(V23_a_part_that_grows_beyond_the_limit_is_refused),
        cmocka_unit_test(V26_names_of_all_lengths),
        cmocka_unit_test(jid_domains_have_a_form_for_dns),
        cmocka_unit_test(jid_domain_lengths_are_those_of_dns),
        cmocka_unit_test(jid_random_strings_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
