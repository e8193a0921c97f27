/* Does secret_equal take the same time whatever it compares (rows V42, G22)? Two classes of input,
 * drawn by turns at random: equal secrets, and secrets that differ in the first byte. Welch's
 * t-test over the processor's cycle counter, without the slowest part of the samples, where
 * interrupts are; beside it the same for memcmp, which shows that the test can see a difference. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "xmpp/secret.h"

enum { SAMPLES = 1000000, SECRET_BYTES = 64, CROP_PERCENT = 95 };

static uint8_t secret[SECRET_BYTES], same[SECRET_BYTES], other[SECRET_BYTES];
static uint8_t given[SECRET_BYTES]; /* one place for both classes: caches see no difference */
static uint32_t cycles[SAMPLES];
static uint8_t class_of[SAMPLES];

static int compare_u32(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static uint32_t crop_at(void)
{
    uint32_t *sorted = malloc(sizeof(cycles));
    if (sorted == NULL)
        exit(71);
    memcpy(sorted, cycles, sizeof(cycles));
    qsort(sorted, SAMPLES, sizeof(*sorted), compare_u32);
    uint32_t at = sorted[(uint64_t)SAMPLES * CROP_PERCENT / 100];
    free(sorted);
    return at;
}

static double t_value(void)
{
    double n[2] = {0}, mean[2] = {0}, m2[2] = {0};
    uint32_t most = crop_at();
    for (int i = 0; i < SAMPLES; i++) {
        if (cycles[i] > most)
            continue;
        int c = class_of[i];
        double delta = cycles[i] - mean[c];
        n[c]++;
        mean[c] += delta / n[c];
        m2[c] += delta * (cycles[i] - mean[c]);
    }
    double error = m2[0] / (n[0] - 1) / n[0] + m2[1] / (n[1] - 1) / n[1];
    return error > 0 ? (mean[0] - mean[1]) / sqrt(error) : 0;
}

static bool plain_equal(struct slice a, struct slice b)
{
    return memcmp(a.ptr, b.ptr, a.len) == 0;
}

static double measure(bool (*equal)(struct slice, struct slice))
{
    bool (*volatile call)(struct slice, struct slice) = equal;
    volatile bool sink = false;
    uint64_t random = 88172645463325252ULL;
    for (int i = 0; i < SAMPLES; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        class_of[i] = (uint8_t)(random >> 40 & 1);
        memcpy(given, class_of[i] != 0 ? other : same, sizeof(given));
        _mm_lfence();
        uint64_t begin = __rdtsc();
        _mm_lfence();
        sink = call(slice_of((char *)secret, SECRET_BYTES), slice_of((char *)given, SECRET_BYTES));
        _mm_lfence();
        cycles[i] = (uint32_t)(__rdtsc() - begin);
    }
    (void)sink;
    return t_value();
}

int main(void)
{
    for (int i = 0; i < SECRET_BYTES; i++)
        secret[i] = same[i] = other[i] = (uint8_t)(i * 37 + 11);
    other[0] ^= 1;
    printf("secret_equal  t = %8.2f (below 4.5: no difference is seen)\n", measure(secret_equal));
    printf("memcmp        t = %8.2f\n", measure(plain_equal));
    return 0;
}
