/* XEP-0474: what was offered, as a text, in the messages of SCRAM, and what a client makes of it.
 */
#include "xmpp/sasl_test.h"

#include "base/base64.h"
#include "xmpp/scram.h"

static struct slice text_of(const struct slice *mechanisms, size_t n, const struct slice *bindings,
                            size_t m, struct buf *out)
{
    buf_clear(out);
    assert_int_equal(sasl_offer_text(mechanisms, n, bindings, m, out), 0);
    return buf_slice(out);
}

static void names_are_sorted_and_divided(void **state)
{
    (void)state;
    const struct slice mechanisms[] = {SLICE("SCRAM-SHA-1-PLUS"), SLICE("PLAIN"),
                                       SLICE("SCRAM-SHA-1")};
    const struct slice bindings[] = {SLICE("tls-server-end-point"), SLICE("tls-exporter")};
    struct buf out = {0};
    assert_true(slice_is(text_of(mechanisms, 3, bindings, 2, &out),
                         "PLAIN\x1eSCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1e"
                         "tls-server-end-point"));
    assert_true(slice_is(text_of(mechanisms, 2, bindings, 0, &out), "PLAIN\x1eSCRAM-SHA-1-PLUS"));
    assert_true(
        slice_is(text_of(mechanisms + 1, 1, bindings, 1, &out), "PLAIN\x1ftls-server-end-point"));
    buf_free(&out);
}

/* The example of section 5.3. */
static void the_hash_of_the_example(void **state)
{
    (void)state;
    const struct slice mechanisms[] = {SLICE("SCRAM-SHA-1"), SLICE("SCRAM-SHA-1-PLUS")};
    const struct slice bindings[] = {SLICE("tls-server-end-point"), SLICE("tls-exporter")};
    struct buf out = {0}, text = {0};
    uint8_t hash[SASL_KEY_BYTES];
    assert_int_equal(scram_hash(SASL_SHA1, text_of(mechanisms, 2, bindings, 2, &out), hash), 0);
    base64_append(&text, slice_of((const char *)hash, sasl_hash_len(SASL_SHA1)));
    assert_true(slice_is(buf_slice(&text), "G6k/rBLDqgOhRRaCuuatSDFkJ08="));
    buf_free(&out);
    buf_free(&text);
}

/* One login; true: it worked, and the server's first message had the attribute iff tells. */
static bool log_in(struct slice mechanism, struct slice offer, struct slice seen)
{
    struct sasl_server_config sc = server_config();
    struct sasl_client_config cc = client_config();
    sc.offer = offer;
    cc.offer = seen;
    if (mechanism.ptr[mechanism.len - 1] != 'S') /* else it would complain of the -PLUS it misses */
        cc.binding = (struct sasl_binding){0};
    struct sasl_client *c = client_new(&cc, mechanism);
    struct buf out = {0};
    enum sasl_step step;
    assert_int_equal(test_sasl_start(c, &out), 0);
    struct sasl_server *s = server_new(&sc, mechanism, buf_slice(&out), &step);
    step = serve(s, step, &stored, false);
    assert_int_equal(step, SASL_CHALLENGE);
    struct slice first = sasl_server_output(s);
    assert_int_equal(memmem(first.ptr, first.len, ",h=", 3) != NULL, offer.len > 0);
    bool good = test_sasl_challenge(c, first, &out) == 0;
    if (good) {
        step = serve(s, sasl_server_respond(s, buf_slice(&out)), &stored, false);
        assert_int_equal(step, SASL_SUCCESS);
        assert_int_equal(test_sasl_success(c, sasl_server_output(s)), 0);
    }
    buf_free(&out);
    sasl_client_free(&c);
    sasl_server_free(&s);
    return good;
}

static void a_changed_offer_ends_the_login(void **state)
{
    (void)state;
    static const struct slice MECHANISMS[] = {SLICE("SCRAM-SHA-1"), SLICE("SCRAM-SHA-256-PLUS"),
                                              SLICE("SCRAM-SHA-512")};
    struct slice all = SLICE("SCRAM-SHA-1\x1eSCRAM-SHA-512\x1ftls-exporter");
    for (size_t i = 0; i < 3; i++) {
        assert_true(log_in(MECHANISMS[i], all, all));
        assert_false(log_in(MECHANISMS[i], all, SLICE("SCRAM-SHA-1\x1ftls-exporter")));
        assert_false(log_in(MECHANISMS[i], all, SLICE("SCRAM-SHA-1\x1eSCRAM-SHA-512")));
        assert_true(log_in(MECHANISMS[i], all, SLICE_NONE)); /* a client that knows nothing of it */
        assert_true(log_in(MECHANISMS[i], SLICE_NONE, all)); /* a server that does not */
    }
}

/* Somebody who changes the hash as well is found out by the proof. */
static void a_changed_hash_breaks_the_proof(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    struct sasl_client_config cc = client_config();
    sc.offer = SLICE("SCRAM-SHA-1\x1eSCRAM-SHA-512");
    cc.offer = SLICE("SCRAM-SHA-1");
    cc.binding = (struct sasl_binding){0};
    struct sasl_client *c = client_new(&cc, SLICE("SCRAM-SHA-1"));
    struct buf out = {0}, lie = {0};
    uint8_t hash[SASL_KEY_BYTES];
    enum sasl_step step;
    assert_int_equal(test_sasl_start(c, &out), 0);
    struct sasl_server *s = server_new(&sc, SLICE("SCRAM-SHA-1"), buf_slice(&out), &step);
    assert_int_equal(serve(s, step, &stored, false), SASL_CHALLENGE);
    struct slice first = sasl_server_output(s);
    const char *at = memmem(first.ptr, first.len, ",h=", 3);
    assert_non_null(at);
    buf_append(&lie, first.ptr, (size_t)(at - first.ptr) + 3);
    assert_int_equal(scram_hash(SASL_SHA1, cc.offer, hash), 0);
    base64_append(&lie, slice_of((const char *)hash, sasl_hash_len(SASL_SHA1)));
    assert_int_equal(test_sasl_challenge(c, buf_slice(&lie), &out), 0);
    assert_int_equal(sasl_server_respond(s, buf_slice(&out)), SASL_FAILURE);
    assert_int_equal(sasl_server_failure(s), SASL_NOT_AUTHORIZED);
    buf_free(&out);
    buf_free(&lie);
    sasl_client_free(&c);
    sasl_server_free(&s);
}

/* XEP-0480: keys that a client derived are those that we would have derived. */
static void keys_of_a_salted_password(void **state)
{
    (void)state;
    for (unsigned h = 0; h < SASL_HASHES; h++) {
        uint8_t salted[SASL_KEY_BYTES];
        const struct sasl_keys *want = &stored.keys[h];
        struct sasl_keys got = {.iterations = want->iterations, .salt_len = want->salt_len};
        memcpy(got.salt, want->salt, sizeof(got.salt));
        assert_int_equal(sasl_salted_password((enum sasl_hash)h, SLICE("pencil"), got.salt,
                                              got.salt_len, got.iterations, salted),
                         0);
        assert_int_equal(sasl_keys_of_salted((enum sasl_hash)h, salted, &got), 0);
        assert_memory_equal(&got, want, sizeof(got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_divided),
        cmocka_unit_test(the_hash_of_the_example),
        cmocka_unit_test(a_changed_offer_ends_the_login),
        cmocka_unit_test(a_changed_hash_breaks_the_proof),
        cmocka_unit_test(keys_of_a_salted_password),
    };
    return cmocka_run_group_tests(tests, derive_stored, NULL);
}
