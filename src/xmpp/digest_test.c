/* SHA-1 against the examples of RFC 3174 section 7.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xmpp/digest.h"

static void assert_sha1(struct slice data, const uint8_t want[DIGEST_SHA1_BYTES])
{
    uint8_t got[DIGEST_SHA1_BYTES];
    assert_int_equal(digest_sha1(data, got), 0);
    assert_memory_equal(got, want, sizeof(got));
}

static void sha1_of_known_texts(void **state)
{
    static const uint8_t ABC[] = {0xA9, 0x99, 0x3E, 0x36, 0x47, 0x06, 0x81, 0x6A, 0xBA, 0x3E,
                                  0x25, 0x71, 0x78, 0x50, 0xC2, 0x6C, 0x9C, 0xD0, 0xD8, 0x9D};
    static const uint8_t LONGER[] = {0x84, 0x98, 0x3E, 0x44, 0x1C, 0x3B, 0xD2, 0x6E, 0xBA, 0xAE,
                                     0x4A, 0xA1, 0xF9, 0x51, 0x29, 0xE5, 0xE5, 0x46, 0x70, 0xF1};
    static const uint8_t EMPTY[] = {0xDA, 0x39, 0xA3, 0xEE, 0x5E, 0x6B, 0x4B, 0x0D, 0x32, 0x55,
                                    0xBF, 0xEF, 0x95, 0x60, 0x18, 0x90, 0xAF, 0xD8, 0x07, 0x09};
    (void)state;
    assert_sha1(SLICE("abc"), ABC);
    assert_sha1(SLICE("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), LONGER);
    assert_sha1(SLICE_NONE, EMPTY);
}

/* FIPS 180-2 appendix B.1. */
static void sha256_of_a_known_text(void **state)
{
    static const uint8_t WANT[DIGEST_SHA256_BYTES] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t got[DIGEST_SHA256_BYTES];
    (void)state;
    assert_int_equal(digest_sha256(SLICE("abc"), got), 0);
    assert_memory_equal(got, WANT, sizeof(got));
}

static void sha256_piece_by_piece_is_the_same(void **state)
{
    uint8_t want[DIGEST_SHA256_BYTES], got[DIGEST_SHA256_BYTES];
    struct digest *d = digest_begin();
    (void)state;
    assert_non_null(d);
    assert_int_equal(digest_add(d, SLICE("ab")), 0);
    assert_int_equal(digest_add(d, SLICE_NONE), 0);
    assert_int_equal(digest_add(d, SLICE("c")), 0);
    assert_int_equal(digest_end(d, got), 0);
    digest_free(&d);
    assert_null(d);
    digest_free(&d);
    assert_int_equal(digest_sha256(SLICE("abc"), want), 0);
    assert_memory_equal(got, want, sizeof(got));
}

/* RFC 4231 section 4.3. */
static void hmac_of_a_known_text(void **state)
{
    static const uint8_t WANT[DIGEST_SHA256_BYTES] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
        0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
        0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t got[DIGEST_SHA256_BYTES];
    (void)state;
    assert_int_equal(digest_hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), got),
                     0);
    assert_memory_equal(got, WANT, sizeof(got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_of_known_texts),
        cmocka_unit_test(sha256_of_a_known_text),
        cmocka_unit_test(sha256_piece_by_piece_is_the_same),

        cmocka_unit_test(hmac_of_a_known_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
