/* What salting a password (RFC 8018 section 5.2) costs at once, by OpenSSL, and in slices, as a
 * client does it: the whole, and the longest time between two slices. Prints a table; not a test,
 * because it looks at a clock. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xmpp/pbkdf2.h"
#include "xmpp/sasl_client.h"

enum { ROUNDS = 5 };

static const char SALT[16] = "sixteen of salt.";
static const struct slice PASSWORD = {"a password of usual length", 26};

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double at_once(enum sasl_hash hash, uint32_t iterations, uint8_t *out)
{
    double begin = now_ms();
    if (sasl_salted_password(hash, PASSWORD, (const uint8_t *)SALT, sizeof(SALT), iterations,
                             out) != 0)
        exit(71);
    return now_ms() - begin;
}

static double in_slices(enum sasl_hash hash, uint32_t iterations, uint8_t *out, double *longest_out)
{
    struct pbkdf2 p = {0};
    double begin = now_ms(), longest = 0;
    if (pbkdf2_begin(&p, hash, PASSWORD, slice_of(SALT, sizeof(SALT)), iterations) != 0)
        exit(71);
    while (p.left > 0) {
        double from = now_ms();
        if (pbkdf2_run(&p, SASL_CLIENT_SLICE) != 0)
            exit(71);
        double took = now_ms() - from;
        longest = took > longest ? took : longest;
    }
    memcpy(out, p.sum, p.len);
    pbkdf2_end(&p);
    *longest_out = longest;
    return now_ms() - begin;
}

int main(void)
{
    static const struct {
        enum sasl_hash hash;
        const char *name;
    } HASHES[] = {{SASL_SHA1, "SHA-1"}, {SASL_SHA256, "SHA-256"}, {SASL_SHA512, "SHA-512"}};
    static const uint32_t COUNTS[] = {SASL_ITERATIONS_MIN, 10000, 100000, SASL_ITERATIONS_MAX};
    printf("| hash | iterations | at once, ms | in slices, ms | longest slice, ms |\n");
    printf("|---|---:|---:|---:|---:|\n");
    for (size_t h = 0; h < sizeof(HASHES) / sizeof(HASHES[0]); h++)
        for (size_t n = 0; n < sizeof(COUNTS) / sizeof(COUNTS[0]); n++) {
            uint8_t whole[SASL_KEY_BYTES] = {0}, sliced[SASL_KEY_BYTES] = {0};
            double best = 1e9, best_sliced = 1e9, longest = 0;
            for (int i = 0; i < ROUNDS; i++) {
                double one = at_once(HASHES[h].hash, COUNTS[n], whole), slice = 0;
                double parts = in_slices(HASHES[h].hash, COUNTS[n], sliced, &slice);
                best = one < best ? one : best;
                if (parts < best_sliced) {
                    best_sliced = parts;
                    longest = slice;
                }
            }
            if (memcmp(whole, sliced, sizeof(whole)) != 0)
                exit(70);
            printf("| %s | %u | %.1f | %.1f | %.2f |\n", HASHES[h].name, COUNTS[n], best,
                   best_sliced, longest);
        }
    return 0;
}
