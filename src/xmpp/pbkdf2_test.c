/* PBKDF2 in slices: the published values, and OpenSSL's in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/test_support.h"
#include "xmpp/pbkdf2.h"

/* At most slice iterations at a time, and no more than that are done (V46). */
static void derive(enum sasl_hash hash, struct slice password, struct slice salt,
                   uint32_t iterations, uint32_t slice, uint8_t out[SASL_KEY_BYTES])
{
    static const struct pbkdf2 nothing;
    struct pbkdf2 p;
    assert_int_equal(pbkdf2_begin(&p, hash, password, salt, iterations), 0);
    assert_int_equal(p.left, iterations - 1);
    while (p.left > 0) {
        uint32_t before = p.left;
        assert_int_equal(pbkdf2_run(&p, slice), 0);
        assert_true(p.left < before && before - p.left <= slice);
    }
    memcpy(out, p.sum, SASL_KEY_BYTES);
    pbkdf2_end(&p);
    assert_memory_equal(&p, &nothing, sizeof(p));
}

/* RFC 6070. */
static void the_published_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t iterations;
        unsigned char key[20];
    } cases[] = {
        {1, {0x0c, 0x60, 0xc8, 0x0f, 0x96, 0x1f, 0x0e, 0x71, 0xf3, 0xa9,
             0xb5, 0x24, 0xaf, 0x60, 0x12, 0x06, 0x2f, 0xe0, 0x37, 0xa6}},
        {2, {0xea, 0x6c, 0x01, 0x4d, 0xc7, 0x2d, 0x6f, 0x8c, 0xcd, 0x1e,
             0xd9, 0x2a, 0xce, 0x1d, 0x41, 0xf0, 0xd8, 0xde, 0x89, 0x57}},
        {4096, {0x4b, 0x00, 0x79, 0x01, 0xb7, 0x65, 0x48, 0x9a, 0xbe, 0xad,
                0x49, 0xd9, 0x26, 0xf7, 0x21, 0xd0, 0x65, 0xa4, 0x29, 0xc1}},
    };
    uint8_t got[SASL_KEY_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        derive(SASL_SHA1, SLICE("password"), SLICE("salt"), cases[i].iterations, 1000, got);
        assert_memory_equal(got, cases[i].key, 20);
    }
}

static void the_same_as_in_one_piece(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 6, 20, 63, 64, 65, 127, 128, 129, 1023};
    static const uint32_t slices[] = {1, 7, 255, 256, UINT32_MAX};
    uint64_t seed = 46;
    char password[1023], salt[300];
    uint8_t want[SASL_KEY_BYTES], got[SASL_KEY_BYTES];
    for (size_t i = 0; i < sizeof(password); i++)
        password[i] = (char)(unsigned char)test_below(&seed, 256);
    for (size_t i = 0; i < sizeof(salt); i++)
        salt[i] = (char)(unsigned char)test_below(&seed, 256);
    for (unsigned hash = 0; hash < SASL_HASHES; hash++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
            struct slice secret = slice_of(password, lengths[i]);
            struct slice salted = slice_of(salt, 1 + test_below(&seed, sizeof(salt)));
            uint32_t iterations = 1 + (uint32_t)test_below(&seed, 600);
            assert_int_equal(sasl_salted_password((enum sasl_hash)hash, secret,
                                                  (const uint8_t *)salted.ptr, salted.len,
                                                  iterations, want),
                             0);
            for (size_t k = 0; k < sizeof(slices) / sizeof(*slices); k++) {
                derive((enum sasl_hash)hash, secret, salted, iterations, slices[k], got);
                assert_memory_equal(got, want, sasl_hash_len((enum sasl_hash)hash));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_values),
        cmocka_unit_test(the_same_as_in_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
