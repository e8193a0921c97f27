/* Fuzz target of the client's side of SASL: a server that offers anything and says anything. The
 * first two bytes are the client's configuration; then lines: the mechanisms offered, the types of
 * channel binding told, the mechanism pinned, and messages, each with 'c' (challenge) or 's'
 * (success) before it and '$' for the nonce that the client has sent. The client never takes what
 * was not allowed to it, and no server that does not know the password convinces it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "xmpp/sasl_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES_MAX = 64, NONCE_BYTES = 26, WORK_MAX = 3 };

static const char binding_data[] = "thirty-two bytes from both ends.";

static void fill_counting(void *ctx, void *out, size_t n)
{
    uint8_t *p = out, *next = ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = (*next)++;
}

static struct slice take(struct slice *rest, char divider)
{
    size_t end = slice_find(*rest, divider);
    struct slice part = slice_of(rest->ptr, end);
    *rest = slice_from(*rest, end < rest->len ? end + 1 : end);
    return part;
}

static size_t words(struct slice line, struct slice out[NAMES_MAX])
{
    size_t n = 0;
    while (line.len > 0 && n < NAMES_MAX)
        out[n++] = take(&line, ' ');
    return n;
}

/* In memory of exactly that size. */
static char *message(struct slice line, struct slice nonce, size_t *len_out)
{
    struct buf made = {0};
    for (size_t i = 0; i < line.len; i++)
        CHECK((line.ptr[i] == '$' ? buf_add(&made, nonce) : buf_byte(&made, line.ptr[i])) == 0);
    *len_out = buf_len(&made);
    char *copy = malloc(*len_out > 0 ? *len_out : 1);
    CHECK(copy != NULL);
    if (*len_out > 0)
        memcpy(copy, made.ptr, *len_out);
    buf_free(&made);
    return copy;
}

/* Is what was chosen among what was offered and allowed? */
static void check_choice(const struct sasl_client *c, const struct sasl_client_config *config,
                         const struct slice *names, size_t n)
{
    struct slice name = sasl_client_mechanism(c);
    bool offered = false;
    for (size_t i = 0; i < n; i++)
        offered = offered || slice_eq(names[i], name);
    CHECK(offered);
    CHECK(sasl_client_bound(c) || !config->binding_required);
    CHECK(!sasl_client_bound(c) || config->binding.tls_exporter.len > 0 ||
          config->binding.tls_unique.len > 0 || config->binding.tls_server_end_point.len > 0);
    if (slice_is(name, "PLAIN"))
        CHECK(config->tls ? config->plain_allowed : config->plain_without_tls);
    if (slice_is(name, "EXTERNAL"))
        CHECK(config->external && config->tls);
    if (slice_is(name, "DIGEST-MD5"))
        CHECK(config->digest_md5_allowed);
}

static void check_step(const struct sasl_client *c, enum sasl_client_step step)
{
    bool refused = step == SASL_CLIENT_REFUSED;
    CHECK((sasl_client_problem(c) != SASL_PROBLEM_NONE) == refused);
    CHECK(sasl_client_problem_text(sasl_client_problem(c)) != NULL);
    CHECK(sasl_client_detail(c) != NULL);
    if (step != SASL_CLIENT_SEND)
        CHECK(sasl_client_output(c).len == 0);
}

/* One login, given up when it becomes expensive. */
static void play(struct sasl_client *c, struct slice nonce, struct slice lines)
{
    struct slice name = sasl_client_mechanism(c);
    bool proves = !slice_is(name, "PLAIN") && !slice_is(name, "EXTERNAL");
    enum sasl_client_step step = sasl_client_start(c);
    CHECK(step == SASL_CLIENT_SEND);
    check_step(c, step);
    while (lines.len > 0) {
        struct slice line = take(&lines, '\n');
        size_t len;
        if (line.len == 0)
            continue;
        char *copy = message(slice_from(line, 1), nonce, &len);
        step = *line.ptr == 's' ? sasl_client_success(c, slice_of(len > 0 ? copy : NULL, len))
                                : sasl_client_challenge(c, slice_of(copy, len));
        free(copy);
        check_step(c, step);
        for (int i = 0; i < WORK_MAX && step == SASL_CLIENT_WORK; i++) {
            step = sasl_client_work(c, 2048);
            check_step(c, step);
        }
        CHECK(step != SASL_CLIENT_DONE || (!proves && *line.ptr == 's' && len == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Of a password that the script does not know; its salt is "c2FsdA==". */
    static const struct sasl_salted cache = {
        .hash = SASL_SHA256, .iterations = 4096, .salt_len = 4, .salt = "salt", .salted = {1, 2}};
    if (size < 2)
        return 0;
    struct slice rest = slice_of((const char *)data + 2, size - 2);
    struct slice names[NAMES_MAX], types[NAMES_MAX], bound = slice_of(binding_data, 32);
    size_t n = words(take(&rest, '\n'), names), m = words(take(&rest, '\n'), types);
    struct buf offer = {0}, text = {0};
    uint8_t a = data[0], b = data[1], counter = 7, same = 7;
    bool told = (b & 8) != 0;
    CHECK(sasl_offer_text(names, n, types, m, &offer) == 0);
    CHECK(sasl_client_offered_text(names, n, &text) == 0);
    for (size_t i = 0; i < buf_len(&text); i++)
        CHECK(text.ptr[i] >= ' ' && text.ptr[i] <= '~');
    struct sasl_client_config config = {
        .user = SLICE("alice"),
        .password = SLICE("pencil"),
        .authzid = a & 128 ? SLICE("alice@example.com") : SLICE_NONE,
        .host = SLICE("example.com"),
        .binding = {.tls_exporter = b & 1 ? bound : SLICE_NONE,
                    .tls_unique = b & 2 ? bound : SLICE_NONE,
                    .tls_server_end_point = b & 4 ? bound : SLICE_NONE},
        .tls = a & 1,
        .sasl2 = a & 2,
        .plain_allowed = a & 4,
        .plain_without_tls = a & 8,
        .digest_md5_allowed = a & 16,
        .external = a & 32,
        .binding_required = a & 64,
        .pinned = take(&rest, '\n'),
        .offer = b & 16 ? buf_slice(&offer) : SLICE_NONE,
        .cache = b & 32 ? &cache : NULL,
    };
    struct rng rng = {.fill = fill_counting, .ctx = &counter};
    struct rng again = {.fill = fill_counting, .ctx = &same};
    enum sasl_client_problem problem;
    char nonce[NONCE_BYTES];
    rng_token(&again, nonce, sizeof(nonce));
    struct sasl_client *c = sasl_client_new(&config, names, n, types, m, told, &rng, &problem);
    CHECK((c == NULL) == (problem != SASL_PROBLEM_NONE));
    if (c != NULL) {
        check_choice(c, &config, names, n);
        play(c, slice_of(nonce, sizeof(nonce)), rest);
    }
    sasl_client_free(&c);
    buf_free(&offer);
    buf_free(&text);
    return 0;
}
