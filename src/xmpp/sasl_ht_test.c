/* Hashed tokens: the one message and both hashes, against values that Python's hmac made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "xmpp/sasl_ht.h"

static const char exporter[32] = "thirty-two bytes from the TLS's";

static struct sasl_binding both(void)
{
    return (struct sasl_binding){.tls_exporter = slice_of(exporter, sizeof(exporter)),
                                 .tls_server_end_point = SLICE("a certificate")};
}

static void assert_hex(const uint8_t got[SASL_HT_BYTES], const char *want)
{
    char text[2 * SASL_HT_BYTES + 1];
    for (size_t i = 0; i < SASL_HT_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", got[i]);
    assert_string_equal(text, want);
}

static void mechanisms_are_found_by_their_exact_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < SASL_HT_COUNT; i++)
        assert_ptr_equal(sasl_ht_find(SASL_HT[i].name), &SASL_HT[i]);
    static const char *const NONE[] = {"",
                                       "HT",
                                       "HT-SHA-256",
                                       "HT-SHA-256-",
                                       "ht-sha-256-none",
                                       "HT-SHA-256-NONE ",
                                       "HT-SHA-256-UNIQ",
                                       "HT-SHA-512-NONE",
                                       "PLAIN"};
    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
        assert_null(sasl_ht_find(slice_z(NONE[i])));
}

static void a_mechanism_needs_its_binding(void **state)
{
    (void)state;
    struct sasl_binding b = {0};
    assert_true(sasl_ht_possible(sasl_ht_find(SLICE("HT-SHA-256-NONE")), &b));
    assert_false(sasl_ht_possible(sasl_ht_find(SLICE("HT-SHA-256-EXPR")), &b));
    assert_false(sasl_ht_possible(sasl_ht_find(SLICE("HT-SHA-256-ENDP")), &b));
    b = both();
    for (size_t i = 0; i < SASL_HT_COUNT; i++)
        assert_true(sasl_ht_possible(&SASL_HT[i], &b));
}

static void the_message_is_a_name_and_a_hash(void **state)
{
    (void)state;
    struct slice user, shown;
    assert_true(sasl_ht_parse(SLICE("al\0 0123456789abcdef 123456789abcde"), &user, &shown));
    assert_true(slice_is(user, "al") && slice_is(shown, " 0123456789abcdef 123456789abcde"));
    /* Zeros in the hash are bytes as all others. */
    assert_true(
        sasl_ht_parse(SLICE("a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                            "\0"),
                      &user, &shown));
    assert_int_equal(shown.len, SASL_HT_BYTES);
    static const struct slice BAD[] = {
        SLICE(""),
        SLICE("alice"),
        SLICE("alice\0"),
        SLICE("\0 0123456789abcdef 123456789abcde"),
        SLICE("alice\0 0123456789abcdef 123456789abcd"),
        SLICE("alice\0 0123456789abcdef 123456789abcdef"),
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(sasl_ht_parse(BAD[i], &user, &shown));
    char long_one[JID_BYTES + 2 + SASL_HT_BYTES];
    memset(long_one, 'x', sizeof(long_one));
    long_one[JID_BYTES + 1] = '\0';
    assert_false(sasl_ht_parse(slice_of(long_one, sizeof(long_one)), &user, &shown));
}

static void both_sides_show_the_token_and_the_channel(void **state)
{
    (void)state;
    const struct sasl_binding b = both();
    const struct sasl_ht *none = sasl_ht_find(SLICE("HT-SHA-256-NONE"));
    const struct sasl_ht *expr = sasl_ht_find(SLICE("HT-SHA-256-EXPR"));
    const struct sasl_ht *endp = sasl_ht_find(SLICE("HT-SHA-256-ENDP"));
    struct slice token = SLICE("secret-token:abc");
    uint8_t got[SASL_HT_BYTES], other[SASL_HT_BYTES];
    assert_int_equal(sasl_ht_initiator(none, token, &b, got), 0);
    assert_hex(got, "7265ad4adfddf43c6f921fce66136017d236b12959e0925bb0db5a295e543eb7");
    assert_int_equal(sasl_ht_responder(none, token, &b, got), 0);
    assert_hex(got, "b3deb4773b504b4be640e83d8a6a6dcb4dfe1d951f7bd3ab85b96eb93edf8e88");
    assert_int_equal(sasl_ht_initiator(expr, token, &b, got), 0);
    assert_hex(got, "b531b5743d011298698cede11b40cbf811c6d5acaef45df74688542508d67f09");
    assert_int_equal(sasl_ht_responder(expr, token, &b, got), 0);
    assert_hex(got, "372643083a73988a19307aea6ad8a439b391ff98caf0040d8ed5c06a8f11e2a3");
    assert_int_equal(sasl_ht_responder(endp, token, &b, other), 0);
    assert_memory_not_equal(got, other, SASL_HT_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mechanisms_are_found_by_their_exact_name),
        cmocka_unit_test(a_mechanism_needs_its_binding),
        cmocka_unit_test(the_message_is_a_name_and_a_hash),
        cmocka_unit_test(both_sides_show_the_token_and_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
