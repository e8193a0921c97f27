/* Tests of base64.c (RFC 4648 section 4): round trips, the RFC's vectors, and strictness, because
 * two spellings of one value are a way around comparisons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/test_support.h"

static bool decodes_to(const char *text, const char *expected)
{
    char out[64];
    size_t len = 99;
    return base64_decode(slice_z(text), out, &len) &&
           slice_eq(slice_of(out, len), slice_z(expected));
}

static bool refused(const char *text)
{
    char out[64];
    size_t len = 0;
    return !base64_decode(slice_z(text), out, &len);
}

static void the_vectors_of_rfc_4648_section_10_hold(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buf out = {0};
        assert_int_equal(base64_append(&out, slice_z(vectors[i][0])), 0);
        assert_true(slice_eq(buf_slice(&out), slice_z(vectors[i][1])));
        assert_true(decodes_to(vectors[i][1], vectors[i][0]));
        buf_free(&out);
    }
}

static void every_length_and_byte_survives_a_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 1;
    unsigned char in[200], out[200];
    char text[300];
    for (size_t len = 0; len <= sizeof(in); len++) {
        for (size_t i = 0; i < len; i++)
            in[i] = (unsigned char)test_random(&seed);
        base64_encode(slice_of((char *)in, len), text);
        size_t back = 0;
        assert_true(base64_decode(slice_of(text, base64_encoded_len(len)), out, &back));
        assert_int_equal(back, len);
        assert_memory_equal(in, out, len);
    }
    for (int b = 0; b < 256; b++) {
        in[0] = (unsigned char)b;
        base64_encode(slice_of((char *)in, 1), text);
        size_t back = 0;
        assert_true(base64_decode(slice_of(text, 4), out, &back));
        assert_int_equal(out[0], b);
    }
}

static void padding_is_required_and_only_at_the_end(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Zg",   "Zg=",  "Zm8",      "=",        "==",    "====",  "=Zg=",     "Z=g=",
        "Z===", "Zg=A", "Zg==Zg==", "Zm8=Zm8=", "Zg==A", "Zm9v=", "Zm9v====", "AA=A",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(refused(bad[i]));
}

static void stray_bits_before_the_padding_are_refused(void **state)
{
    (void)state;
    assert_true(decodes_to("Zg==", "f"));
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int accepted_two = 0, accepted_one = 0;
    for (int i = 0; i < 64; i++) {
        char two[] = {'Z', alphabet[i], '=', '=', '\0'};
        char one[] = {'Z', 'm', alphabet[i], '=', '\0'};
        accepted_two += !refused(two);
        accepted_one += !refused(one);
    }
    assert_int_equal(accepted_two, 4);  /* 2 of 6 bits are data */
    assert_int_equal(accepted_one, 16); /* 4 of 6 bits are data */
}

static void each_byte_outside_of_the_alphabet_is_refused_at_each_place(void **state)
{
    (void)state;
    int refusals = 0;
    for (int place = 0; place < 8; place++) {
        for (int b = 0; b < 256; b++) {
            char text[8] = {'Z', 'm', '9', 'v', 'Y', 'm', 'F', 'y'}, out[8];
            size_t len;
            text[place] = (char)b;
            refusals += !base64_decode(slice_of(text, 8), out, &len);
        }
    }
    /* 192 bytes are no letter; '=' alone may stand at the end, where "YmF=" has stray bits. */
    assert_int_equal(refusals, 8 * 192);
    assert_true(refused("Zm9v\n"));
    assert_true(refused("Zm 9"));
    assert_true(refused("Zm9v\r\nZg=="));
    assert_true(refused("Zm-_"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_section_10_hold),
        cmocka_unit_test(every_length_and_byte_survives_a_round_trip),
        cmocka_unit_test(padding_is_required_and_only_at_the_end),
        cmocka_unit_test(stray_bits_before_the_padding_are_refused),
        cmocka_unit_test(each_byte_outside_of_the_alphabet_is_refused_at_each_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
