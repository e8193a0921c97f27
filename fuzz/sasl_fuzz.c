/* Fuzz target of SASL. The first byte chooses one of two games:
 *  - a peer that sends anything at all, in messages cut out of the input, to the server: it is let
 *    in only as the user whose password it has;
 *  - somebody between a real client and the server who changes one message: nobody is let in, and
 *    the client is not convinced, unless nothing was changed. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "core/login_token.h"
#include "xmpp/test_sasl_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t fake_secret[SASL_SECRET_BYTES] = {1, 2, 3};
static const char binding_data[] = "thirty-two bytes from both ends.";

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t take_byte(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* A message with its length before it, in memory of exactly that size. */
static struct slice take_message(struct input *in)
{
    size_t len = (size_t)take_byte(in) << 4 | (take_byte(in) & 15);
    len = len < in->left ? len : in->left;
    char *copy = malloc(len > 0 ? len : 1);
    CHECK(copy != NULL);
    if (len > 0)
        memcpy(copy, in->at, len);
    in->at += len;
    in->left -= len;
    return slice_of(copy, len);
}

static void fill_counting(void *ctx, void *out, size_t n)
{
    uint8_t *p = out, *next = ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = (*next)++;
}

/* Of "pencil", once per process: the derivation is what costs. */
static const struct sasl_credentials *credentials(void)
{
    static struct sasl_credentials stored;
    static uint8_t salts[SASL_HASHES][SASL_SALT_BYTES];
    if (stored.keys[0].iterations == 0)
        CHECK(sasl_credentials_derive(SLICE("pencil"), SASL_ITERATIONS_MIN,
                                      (const uint8_t(*)[SASL_SALT_BYTES])salts, &stored) == 0);
    return &stored;
}

/* The job without its price: one iteration for wrong passwords. */
static void derive_cheaply(struct sasl_derivation *job)
{
    struct slice password = slice_of(job->password, job->password_len);
    if (!slice_is(password, "pencil"))
        job->iterations = 1;
    sasl_derivation_run(job);
}

/* Plays the engine; users are "alice" and nobody else. */
static enum sasl_step serve(struct sasl_server *s, enum sasl_step step)
{
    struct sasl_derivation job;
    if (step == SASL_WANT_CREDENTIALS) {
        bool known = slice_is(sasl_server_user(s), "alice");
        CHECK(sasl_server_user(s).len > 0 && sasl_server_user(s).len <= JID_PART_BYTES);
        step = sasl_server_credentials(s, known ? credentials() : NULL, false);
    }
    if (step == SASL_WANT_DERIVE) {
        sasl_server_derivation(s, &job);
        derive_cheaply(&job);
        step = sasl_server_derived(s, &job);
    }
    if (step == SASL_SUCCESS)
        CHECK(slice_is(sasl_server_user(s), "alice"));
    if (step == SASL_FAILURE) {
        CHECK(sasl_server_output(s).len == 0);
        CHECK(sasl_failure_name(sasl_server_failure(s)).len > 0);
    }
    return step;
}

static struct sasl_server *server_new(bool plus, struct slice mechanism, struct slice initial,
                                      enum sasl_step *step)
{
    uint8_t counter = 0;
    struct rng rng = {.fill = fill_counting, .ctx = &counter};
    struct slice data = slice_of(binding_data, 32);
    struct sasl_server_config config = {
        .host = SLICE("example.com"),
        .plain_allowed = true,
        .plus_offered = plus,
        .binding = {.tls_exporter = plus ? data : SLICE_NONE},
        .iterations = SASL_ITERATIONS_MIN,
        .fake_secret = fake_secret,
        .offer = SLICE("PLAIN\x1eSCRAM-SHA-1"),
    };
    return sasl_server_new(&config, mechanism, initial, &rng, step);
}

static void play_anything(struct input *in, bool plus)
{
    size_t n;
    const struct slice *names = sasl_server_mechanisms(true, plus, &n);
    struct slice mechanism = names[take_byte(in) % n];
    struct slice message = take_message(in);
    enum sasl_step step;
    struct sasl_server *s = server_new(plus, mechanism, message, &step);
    for (int i = 0; i < 6; i++) {
        step = serve(s, step);
        free((void *)message.ptr);
        message = take_message(in);
        if (step != SASL_CHALLENGE)
            CHECK(step == SASL_SUCCESS || step == SASL_FAILURE);
        step = sasl_server_respond(s, message);
        CHECK(step != SASL_WANT_DERIVE);
    }
    free((void *)message.ptr);
    sasl_server_free(&s);
}

/* Replaces a stretch of the message by bytes of the input; true when that changed it. */
static bool tamper(struct input *in, struct buf *message)
{
    struct slice old = buf_slice(message);
    struct buf made = {0};
    size_t at = take_byte(in) % (old.len + 1), drop = take_byte(in) % 8, add = take_byte(in) % 8;
    drop = drop < old.len - at ? drop : old.len - at;
    CHECK(buf_append(&made, old.ptr, at) == 0);
    for (size_t i = 0; i < add; i++)
        CHECK(buf_byte(&made, (char)take_byte(in)) == 0);
    CHECK(buf_add(&made, slice_from(old, at + drop)) == 0);
    bool changed = !slice_eq(old, buf_slice(&made));
    buf_free(message);
    *message = made;
    return changed;
}

static void play_between(struct input *in, bool plus)
{
    struct slice name = plus ? SLICE("SCRAM-SHA-1-PLUS") : SLICE("SCRAM-SHA-1");
    struct slice data = slice_of(binding_data, 32);
    struct sasl_client_config config = {.user = SLICE("alice"),
                                        .password = SLICE("pencil"),
                                        .binding = {.tls_exporter = plus ? data : SLICE_NONE},
                                        .offer = SLICE("PLAIN\x1eSCRAM-SHA-1")};
    uint8_t counter = 7;
    struct rng rng = {.fill = fill_counting, .ctx = &counter};
    struct buf wire = {0}, answer = {0};
    enum sasl_step step;
    enum sasl_client_problem problem;
    int err, which = take_byte(in) % 5; /* 4: none */
    bool changed = false;
    struct sasl_client *c = sasl_client_new(&config, &name, 1, NULL, 0, false, &rng, &problem);
    CHECK(c != NULL && test_sasl_start(c, &wire) == 0);
    if (which == 0)
        changed = tamper(in, &wire);
    struct sasl_server *s = server_new(plus, name, buf_slice(&wire), &step);
    step = serve(s, step);
    if (step == SASL_CHALLENGE) {
        buf_clear(&wire);
        CHECK(buf_add(&wire, sasl_server_output(s)) == 0);
        if (which == 1)
            changed = tamper(in, &wire);
        err = test_sasl_challenge(c, buf_slice(&wire), &answer);
        if (err == 0 && which == 2)
            changed = tamper(in, &answer);
        step = serve(s, sasl_server_respond(s, buf_slice(&answer)));
    }
    if (which < 3)
        CHECK((step == SASL_SUCCESS) == !changed);
    if (step == SASL_SUCCESS) {
        buf_clear(&wire);
        CHECK(buf_add(&wire, sasl_server_output(s)) == 0);
        if (which == 3)
            changed = tamper(in, &wire);
        err = test_sasl_success(c, buf_slice(&wire));
        /* Extensions behind the signature are not signed. */
        if (!changed)
            CHECK(err == 0);
        else if (!slice_starts(buf_slice(&wire), sasl_server_output(s)))
            CHECK(err == ERR_REFUSED);
    } else {
        CHECK(test_sasl_success(c, SLICE_NONE) == ERR_REFUSED);
    }
    buf_free(&wire);
    buf_free(&answer);
    sasl_server_free(&s);
    sasl_client_free(&c);
}

/* What a client shows of a token, and how tokens are stored: what is read is written the same. */
static void play_token(struct slice text)
{
    struct slice user, shown;
    struct token_item item, again;
    struct buf out = {0};
    if (sasl_ht_parse(text, &user, &shown))
        CHECK(user.len > 0 && shown.len == SASL_HT_BYTES);
    if (token_item_decode(text, &item)) {
        token_item_encode(&item, &out);
        CHECK(token_item_decode(buf_slice(&out), &again));
        for (unsigned i = 0; i < TOKEN_SLOTS; i++) {
            const struct token_slot *a = &item.slots[i], *b = &again.slots[i];
            CHECK(a->ht == b->ht && a->issued_ms == b->issued_ms && a->count == b->count);
            CHECK(a->expiry_ms == b->expiry_ms && slice_eq(a->token, b->token));
        }
    } else {
        CHECK(token_item_end(&item) == 0);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    play_token(slice_of((const char *)data, size));
    struct input in = {.at = data, .left = size};
    uint8_t choice = take_byte(&in);
    if (choice % 8 == 0)
        play_between(&in, (choice & 8) != 0);
    else
        play_anything(&in, (choice & 8) != 0);
    struct sasl_credentials decoded;
    (void)sasl_credentials_decode(slice_of((const char *)data, size), &decoded);
    return 0;
}
