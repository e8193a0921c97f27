/* DIGEST-MD5: the published example, the grammar, what a server may not do. */
#include "xmpp/sasl_test.h"

#include "xmpp/sasl_client.h"
#include "xmpp/sasl_digest_md5.h"

#define EXAMPLE                                                                                    \
    "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",algorithm=md5-sess,"      \
    "charset=utf-8"

/* RFC 2831 section 4. */
static void the_published_example(void **state)
{
    (void)state;
    struct digest_md5_message m;
    char hex[DIGEST_MD5_HEX];
    assert_int_equal(digest_md5_parse(SLICE(EXAMPLE), SLICE("elwood.innosoft.com"), &m), 0);
    assert_true(m.utf8 && m.auth && m.session && m.realm_told && !m.rspauth_told);
    struct digest_md5 d = {
        .user = SLICE("chris"),
        .password = SLICE("secret"),
        .realm = buf_slice(&m.realm),
        .nonce = buf_slice(&m.nonce),
        .cnonce = SLICE("OA6MHXh6VqTrRk"),
        .uri = SLICE("imap/elwood.innosoft.com"),
        .utf8 = true,
    };
    assert_int_equal(digest_md5_response(&d, false, hex), 0);
    assert_memory_equal(hex, "d388dad90d4bbd760a152321f2143af7", DIGEST_MD5_HEX);
    assert_int_equal(digest_md5_response(&d, true, hex), 0);
    assert_memory_equal(hex, "ea40f60335c427b5527b84dbabcdfffd", DIGEST_MD5_HEX);
    digest_md5_message_free(&m);
}

/* Section 2.1.2.1: what is Latin-1 is hashed as Latin-1, with UTF-8 or without. */
static void latin_1_is_hashed_as_latin_1(void **state)
{
    (void)state;
    char wide[DIGEST_MD5_HEX], narrow[DIGEST_MD5_HEX];
    struct digest_md5 d = {.user = SLICE("J\u00f6rg"),
                           .password = SLICE("\u00fcber"),
                           .realm = SLICE("x"),
                           .nonce = SLICE("n"),
                           .cnonce = SLICE("c"),
                           .uri = SLICE("xmpp/x"),
                           .utf8 = true};
    assert_int_equal(digest_md5_response(&d, false, wide), 0);
    d.utf8 = false;
    assert_int_equal(digest_md5_response(&d, false, narrow), 0);
    assert_memory_equal(wide, narrow, DIGEST_MD5_HEX);
    d.password = SLICE("\u20ac");
    assert_int_equal(digest_md5_response(&d, false, narrow), ERR_SYNTAX);
    d.utf8 = true;
    assert_int_equal(digest_md5_response(&d, false, narrow), 0);
    assert_memory_not_equal(wide, narrow, DIGEST_MD5_HEX);
}

static int parse(const char *text, struct digest_md5_message *m)
{
    return digest_md5_parse(slice_z(text), SLICE("example.com"), m);
}

static void directives_are_understood(void **state)
{
    (void)state;
    struct digest_md5_message m;
    static const char *const wrong[] = {
        "nonce",
        "nonce=",
        "=x",
        "nonce=\"a",
        "nonce=\"a\\",
        "nonce=\"\"",
        "nonce=a,nonce=a",
        "nonce=\"a\"b",
        "nonce=a b",
        "nonce=\"\x01\"",
        "nonce=a;x=y",
        "qop=\"auth\",qop=\"auth\"",
        "charset=x",
        "rspauth=a,rspauth=a",
        "charset=utf-8,charset=utf-8",
        "algorithm=md5-sess,algorithm=md5-sess",
        "charset=utf-8,realm=\"\xff\"",
        "\"nonce\"=a",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        if (parse(wrong[i], &m) != ERR_SYNTAX)
            fail_msg("taken: %s", wrong[i]);
        digest_md5_message_free(&m);
    }
    assert_int_equal(parse(" , nonce = \"a\\\"b\\\\c\" ,\t,qop=\"auth-int , auth\",x=\"y\",,", &m),
                     0);
    assert_true(slice_is(buf_slice(&m.nonce), "a\"b\\c") && m.auth && !m.session && !m.utf8);
    digest_md5_message_free(&m);
    assert_int_equal(parse("qop=auth-int,realm=\"\"", &m), 0);
    assert_true(!m.auth && m.realm_told && !m.nonce_told);
    digest_md5_message_free(&m);
    assert_int_equal(parse("", &m), 0);
    assert_true(m.auth && !m.realm_told);
    digest_md5_message_free(&m);
    assert_int_equal(parse("realm=\"a\",realm=\"example.com\",realm=\"b\"", &m), 0);
    assert_true(slice_is(buf_slice(&m.realm), "example.com"));
    digest_md5_message_free(&m);
    char *big = malloc(DIGEST_MD5_MESSAGE_BYTES + 1);
    assert_non_null(big);
    memset(big, ',', DIGEST_MD5_MESSAGE_BYTES + 1);
    struct slice text = slice_of(big, DIGEST_MD5_MESSAGE_BYTES + 1);
    assert_int_equal(digest_md5_parse(text, SLICE("x"), &m), ERR_SYNTAX);
    digest_md5_message_free(&m);
    text.len--;
    assert_int_equal(digest_md5_parse(text, SLICE("x"), &m), 0);
    digest_md5_message_free(&m);
    free(big);
}

static struct sasl_client *client(void)
{
    struct sasl_client_config cc = client_config();
    cc.host = SLICE("example.com");
    cc.digest_md5_allowed = true;
    struct sasl_client *c = client_new(&cc, SLICE("DIGEST-MD5"));
    assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
    assert_int_equal(sasl_client_output(c).len, 0);
    assert_false(sasl_client_sent_password(c));
    return c;
}

#define CHALLENGE                                                                                  \
    "realm=\"ex\\\\ample\",nonce=\"a\\\"b\",qop=\"auth\",algorithm=md5-sess,charset=utf-8"

/* Plays the server: what is in the answer, by our own functions, and what it has to show. */
static void read_answer(struct slice answer, char rspauth_out[8 + DIGEST_MD5_HEX])
{
    struct digest_md5_message m; /* realm and nonce stand in it too */
    char want[DIGEST_MD5_HEX];
    assert_int_equal(digest_md5_parse(answer, SLICE("example.com"), &m), 0);
    assert_true(slice_is(buf_slice(&m.realm), "ex\\ample"));
    assert_true(slice_is(buf_slice(&m.nonce), "a\"b"));
    const char *at = memmem(answer.ptr, answer.len, ",cnonce=\"", 9);
    assert_non_null(at);
    struct digest_md5 d = {.user = SLICE("alice"),
                           .password = SLICE("pencil"),
                           .realm = buf_slice(&m.realm),
                           .nonce = buf_slice(&m.nonce),
                           .cnonce = slice_of(at + 9, 26),
                           .uri = SLICE("xmpp/example.com"),
                           .utf8 = true};
    assert_int_equal(digest_md5_response(&d, false, want), 0);
    at = memmem(answer.ptr, answer.len, ",response=", 10);
    assert_non_null(at);
    assert_memory_equal(at + 10, want, DIGEST_MD5_HEX);
    assert_non_null(memmem(answer.ptr, answer.len, "username=\"alice\"", 16));
    assert_non_null(memmem(answer.ptr, answer.len, ",nc=00000001,qop=auth,", 22));
    assert_non_null(memmem(answer.ptr, answer.len, "digest-uri=\"xmpp/example.com\"", 29));
    memcpy(rspauth_out, "rspauth=", 8);
    assert_int_equal(digest_md5_response(&d, true, rspauth_out + 8), 0);
    digest_md5_message_free(&m);
}

static void A12_the_server_proves_itself_or_is_refused(void **state)
{
    (void)state;
    char right[8 + DIGEST_MD5_HEX], wrong[8 + DIGEST_MD5_HEX];
    for (int way = 0; way < 7; way++) {
        struct sasl_client *c = client();
        enum sasl_client_problem want = SASL_PROBLEM_NONE;
        assert_int_equal(sasl_client_challenge(c, SLICE(CHALLENGE)), SASL_CLIENT_SEND);
        assert_true(sasl_client_sent_password(c));
        read_answer(sasl_client_output(c), right);
        memcpy(wrong, right, sizeof(right));
        wrong[39] = wrong[39] == '0' ? '1' : '0';
        enum sasl_client_step step = SASL_CLIENT_SEND;
        if (way == 0 || way == 1)
            step = sasl_client_challenge(c, slice_of(way == 0 ? right : wrong, sizeof(right)));
        if (way == 0) { /* the usual way: in a challenge of its own */
            assert_int_equal(step, SASL_CLIENT_SEND);
            assert_int_equal(sasl_client_output(c).len, 0);
            step = sasl_client_success(c, SLICE_NONE);
        } else if (way == 2) {
            step = sasl_client_success(c, slice_of(right, sizeof(right)));
        } else if (way == 3) {
            step = sasl_client_success(c, slice_of(wrong, sizeof(right)));
        } else if (way == 4) {
            step = sasl_client_success(c, SLICE_NONE);
        } else if (way == 5) {
            step = sasl_client_success(c, SLICE("x=y"));
        } else if (way == 6) {
            step = sasl_client_challenge(c, SLICE(CHALLENGE));
        }
        if (way == 1 || way == 3)
            want = SASL_PROBLEM_SIGNATURE;
        else if (way > 3)
            want = SASL_PROBLEM_UNPROVEN;
        assert_int_equal(sasl_client_problem(c), want);
        assert_int_equal(step, want == 0 ? SASL_CLIENT_DONE : SASL_CLIENT_REFUSED);
        sasl_client_free(&c);
    }
}

static void malformed_challenges_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "nonce=a",
        "algorithm=md5-sess",
        "nonce=a,algorithm=md5",
        "nonce=a,algorithm=md5-sess,qop=\"auth-int\"",
        "nonce=a,algorithm=md5-sess,",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct sasl_client *c = client();
        bool good = i == 5;
        assert_int_equal(sasl_client_challenge(c, slice_z(wrong[i])),
                         good ? SASL_CLIENT_SEND : SASL_CLIENT_REFUSED);
        if (good) { /* no realm: that of the host, as everybody does in XMPP */
            struct slice out = sasl_client_output(c);
            assert_non_null(memmem(out.ptr, out.len, ",realm=\"example.com\",", 21));
            assert_null(memmem(out.ptr, out.len, "charset", 7));
        } else {
            assert_int_equal(sasl_client_problem(c), SASL_PROBLEM_MALFORMED);
            assert_true(strlen(sasl_client_detail(c)) > 0);
            assert_false(sasl_client_sent_password(c));
        }
        sasl_client_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example),
        cmocka_unit_test(latin_1_is_hashed_as_latin_1),
        cmocka_unit_test(directives_are_understood),
        cmocka_unit_test(malformed_challenges_are_refused),
        cmocka_unit_test(A12_the_server_proves_itself_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
