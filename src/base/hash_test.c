/* Tests of hash.c: SipHash-1-3 against a second implementation and foreign vectors, the table
 * against a naive set, and hash flooding (row V10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/test_support.h"

/* SipHash-c-d once more, straight from the description: padded message, words from bytes. */
static uint64_t left(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1], v[2] += v[3];
        v[1] = left(v[1], 13), v[3] = left(v[3], 16);
        v[1] ^= v[0], v[3] ^= v[2];
        v[0] = left(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = left(v[1], 17), v[3] = left(v[3], 21);
        v[1] ^= v[2], v[3] ^= v[0];
        v[2] = left(v[2], 32);
    }
}

static uint64_t reference(int c, int d, const struct hash_key *key, struct slice s)
{
    static const char text[] = "somepseudorandomlygeneratedbytes";
    uint64_t v[4] = {0};
    for (int i = 0; i < 32; i++)
        v[i / 8] = v[i / 8] << 8 | (unsigned char)text[i];
    v[0] ^= key->k0, v[1] ^= key->k1, v[2] ^= key->k0, v[3] ^= key->k1;
    unsigned char *message = calloc(1, s.len + 8);
    size_t padded = (s.len / 8 + 1) * 8;
    if (s.len > 0)
        memcpy(message, s.ptr, s.len);
    message[padded - 1] = (unsigned char)s.len;
    for (size_t at = 0; at < padded; at += 8) {
        uint64_t word = 0;
        for (int i = 7; i >= 0; i--)
            word = word << 8 | message[at + (size_t)i];
        v[3] ^= word;
        rounds(v, c);
        v[0] ^= word;
    }
    free(message);
    v[2] ^= 0xff;
    rounds(v, d);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void the_reference_gives_the_vector_of_the_siphash_paper(void **state)
{
    (void)state;
    const struct hash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    assert_true(reference(2, 4, &key, SLICE("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16")) ==
                0xa129ca6149be45e5ULL);
}

static void hashes_agree_with_the_reference_for_every_length(void **state)
{
    (void)state;
    uint64_t seed = 11;
    char text[300];
    for (size_t len = 0; len < sizeof(text); len++) {
        struct hash_key key = {test_random(&seed), test_random(&seed)};
        for (size_t i = 0; i < len; i++)
            text[i] = (char)test_random(&seed);
        struct slice s = slice_of(text, len);
        assert_true(hash_bytes(&key, s) == reference(1, 3, &key, s));
    }
}

static void hashes_agree_with_another_implementation(void **state)
{
    (void)state;
    /* CPython 3.11 with PYTHONHASHSEED=0: hash(b"...") is SipHash-1-3 under the key zero. */
    static const struct {
        struct slice text;
        uint64_t hash;
    } vectors[] = {
        {SLICE("a"), 0x407448d2b89b1813ULL},
        {SLICE("abcdefg"), 0x6db12aae9070f506ULL},
        {SLICE("abcdefgh"), 0x3f7b849c0b8e35eaULL},
        {SLICE("alice@localhost"), 0xd1c24c14284ca89cULL},
        {SLICE("alice@localhost/balcony"), 0x060adc38a44b2b7cULL},
    };
    const struct hash_key zero = {0, 0};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        assert_true(hash_bytes(&zero, vectors[i].text) == vectors[i].hash);
}

static void a_pair_is_not_its_concatenation(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2};
    uint64_t split = hash_pair(&key, SLICE("alice"), SLICE("localhost"));
    assert_true(split == hash_pair(&key, SLICE("alice"), SLICE("localhost")));
    assert_true(split != hash_pair(&key, SLICE("alicel"), SLICE("ocalhost")));
    assert_true(split != hash_pair(&key, SLICE("localhost"), SLICE("alice")));
    assert_true(split != hash_bytes(&key, SLICE("alicelocalhost")));
    assert_true(hash_pair(&key, SLICE("a"), SLICE_NONE) != hash_pair(&key, SLICE_NONE, SLICE("a")));
}

struct entry {
    struct hnode node;
    unsigned key;
    bool in;
};

static struct entry *lookup(const struct hmap *m, uint64_t hash, unsigned key)
{
    for (struct hnode *n = hmap_first(m, hash); n != NULL; n = hmap_next(n, hash))
        if (((struct entry *)n)->key == key)
            return (struct entry *)n;
    return NULL;
}

static void the_table_agrees_with_a_plain_set(void **state)
{
    (void)state;
    enum { KEYS = 3000, STEPS = 60000 };
    static struct entry entries[KEYS];
    struct hmap m = {0};
    uint64_t seed = 5;
    size_t count = 0;
    assert_null(hmap_first(&m, 1));
    assert_null(hmap_walk(&m, NULL));
    for (int step = 0; step < STEPS; step++) {
        unsigned k = (unsigned)test_below(&seed, KEYS);
        struct entry *e = &entries[k];
        uint64_t hash = k % 4 == 0 ? 42 : k * 0x9e3779b97f4a7c15ULL; /* a quarter collides fully */
        assert_ptr_equal(lookup(&m, hash, k), e->in ? e : NULL);
        if (e->in)
            hmap_remove(&m, &e->node);
        else if (step % 2 == 0 || hmap_reserve(&m) == 0)
            hmap_insert(&m, &e->node, hash);
        e->key = k;
        count += e->in ? (size_t)-1 : 1;
        e->in = !e->in;
        assert_int_equal(m.count, count);
    }
    size_t walked = 0;
    for (struct hnode *n = hmap_walk(&m, NULL); n != NULL; n = hmap_walk(&m, n)) {
        assert_true(((struct entry *)n)->in);
        ((struct entry *)n)->in = false; /* so that a second visit is seen */
        walked++;
    }
    assert_int_equal(walked, count);
    hmap_free(&m);
    assert_int_equal(m.cap, 0);
}

static void remove_a_stranger(void)
{
    struct hmap m = {0};
    struct hnode a, b = {.hash = 1};
    hmap_insert(&m, &a, 1);
    hmap_remove(&m, &b);
}

static void remove_from_nothing(void)
{
    struct hmap m = {0};
    struct hnode a = {0};
    hmap_remove(&m, &a);
}

static void removing_what_is_not_in_the_table_stops_the_process(void **state)
{
    (void)state;
    assert_true(test_check_fires(remove_a_stranger, "hash.c:"));
    assert_true(test_check_fires(remove_from_nothing, "hash.c:"));
}

enum { FLOOD_KEYS = 100000, FLOOD_BITS = 7 };

/* The longest chain of a table with all of the keys. */
static size_t worst_chain(const struct hash_key *key, char (*names)[24])
{
    struct hmap m = {0};
    struct hnode *nodes = calloc(FLOOD_KEYS, sizeof(*nodes));
    for (size_t i = 0; i < FLOOD_KEYS; i++)
        hmap_insert(&m, &nodes[i], hash_bytes(key, slice_z(names[i])));
    size_t worst = hmap_chain_max(&m);
    hmap_free(&m);
    free(nodes);
    return worst;
}

static void V10_keys_chosen_for_a_known_key_do_not_collide_under_a_random_one(void **state)
{
    (void)state;
    static char names[FLOOD_KEYS][24];
    const struct hash_key zero = {0, 0};
    uint64_t n = 0;
    for (size_t i = 0; i < FLOOD_KEYS; n++) {
        char text[8];
        uint64_t number = n;
        for (int k = 0; k < 8; k++, number >>= 4)
            text[k] = (char)('a' + (number & 15));
        memcpy(names[i], text, 8);
        memcpy(names[i] + 8, "@localhost", 11);
        i += (hash_bytes(&zero, slice_z(names[i])) & ((1U << FLOOD_BITS) - 1)) == 0;
    }
    assert_true(worst_chain(&zero, names) > 60); /* the attack works where the key is known */
    for (int round = 0; round < 3; round++) {
        struct hash_key key;
        assert_int_equal(getrandom(&key, sizeof(key), 0), sizeof(key));
        assert_true(worst_chain(&key, names) <= 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_gives_the_vector_of_the_siphash_paper),
        cmocka_unit_test(hashes_agree_with_the_reference_for_every_length),
        cmocka_unit_test(hashes_agree_with_another_implementation),
        cmocka_unit_test(a_pair_is_not_its_concatenation),
        cmocka_unit_test(the_table_agrees_with_a_plain_set),
        cmocka_unit_test(removing_what_is_not_in_the_table_stops_the_process),
        cmocka_unit_test(V10_keys_chosen_for_a_known_key_do_not_collide_under_a_random_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
