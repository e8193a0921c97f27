/* SASL with somebody between client and server: every message of a good exchange is changed at
 * every byte, cut, reordered; nobody is let in by that and no client is convinced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "xmpp/sasl.h"
#include "xmpp/sasl_test.h"

/* A11: what an interceptor can do to the binding. The client's side is given by hand. */
static void A11_downgrades_are_noticed(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    static const struct {
        const char *mechanism, *first;
        bool plus;
    } cases[] = {
        {"SCRAM-SHA-256", "y,,n=alice,r=abc", true},
        {"SCRAM-SHA-256-PLUS", "p=tls-unique,,n=alice,r=abc", true},
        {"SCRAM-SHA-256-PLUS", "p=x,,n=alice,r=abc", true},
        {"SCRAM-SHA-256-PLUS", "p=tls-exporte,,n=alice,r=abc", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        enum sasl_step step;
        struct sasl_server *s =
            server_new(&sc, slice_z(cases[i].mechanism), slice_z(cases[i].first), &step);
        assert_int_equal(step, SASL_FAILURE);
        assert_int_equal(sasl_server_failure(s), SASL_NOT_AUTHORIZED);
        assert_true(sasl_server_downgrade(s));
        sasl_server_free(&s);
    }
    /* Binding data that this connection lacks. */
    sc.binding.tls_exporter = SLICE_NONE;
    assert_int_equal(
        failure_of(&sc, SLICE("SCRAM-SHA-1-PLUS"), SLICE("p=tls-exporter,,n=alice,r=abc")),
        SASL_NOT_AUTHORIZED);
    /* Two TLS connections, as an interceptor has them. */
    sc = server_config();
    struct sasl_client_config cc = client_config();
    char other[32];
    memcpy(other, exporter, 32);
    other[31] ^= 1;
    cc.binding.tls_exporter = slice_of(other, 32);
    struct buf out = {0};
    enum sasl_step step;
    struct sasl_client *c = client_new(&cc, SLICE("SCRAM-SHA-256-PLUS"));
    assert_int_equal(test_sasl_start(c, &out), 0);
    struct sasl_server *s = server_new(&sc, SLICE("SCRAM-SHA-256-PLUS"), buf_slice(&out), &step);
    step = serve(s, step, &stored, false);
    assert_int_equal(step, SASL_CHALLENGE);
    assert_false(sasl_server_downgrade(s));
    assert_int_equal(test_sasl_challenge(c, sasl_server_output(s), &out), 0);
    assert_int_equal(sasl_server_respond(s, buf_slice(&out)), SASL_FAILURE);
    assert_int_equal(sasl_server_failure(s), SASL_NOT_AUTHORIZED);
    assert_true(sasl_server_downgrade(s));
    sasl_server_free(&s);
    sasl_client_free(&c);
    buf_free(&out);
    /* A wrong password is no downgrade. */
    s = server_new(&sc, SLICE("PLAIN"), SLICE("\0alice\0x"), &step);
    assert_int_equal(serve(s, step, &stored, false), SASL_FAILURE);
    assert_false(sasl_server_downgrade(s));
    sasl_server_free(&s);
}

/* The messages of one good exchange, and a way to be at each point of it again. */
struct script {
    struct slice mechanism;
    struct buf first, server_first, final, server_final;
};

static struct sasl_server *server_at_final(const struct script *sp, enum sasl_step *step)
{
    struct sasl_server_config sc = server_config();
    struct sasl_server *s = server_new(&sc, sp->mechanism, buf_slice(&sp->first), step);
    *step = serve(s, *step, &stored, false);
    return s;
}

static struct sasl_client *client_at_challenge(const struct script *sp)
{
    struct sasl_client_config cc = client_config();
    struct buf out = {0};
    if (!slice_is(slice_from(sp->mechanism, sp->mechanism.len - 5), "-PLUS"))
        cc.binding = (struct sasl_binding){0};
    struct sasl_client *c = client_new(&cc, sp->mechanism);
    assert_int_equal(test_sasl_start(c, &out), 0);
    buf_free(&out);
    return c;
}

static void script_record(struct script *sp, const char *mechanism)
{
    struct sasl_client_config cc = client_config();
    enum sasl_step step;
    *sp = (struct script){.mechanism = slice_z(mechanism)};
    if (strstr(mechanism, "-PLUS") == NULL)
        cc.binding = (struct sasl_binding){0};
    struct sasl_client *c = client_new(&cc, sp->mechanism);
    assert_int_equal(test_sasl_start(c, &sp->first), 0);
    struct sasl_server *s = server_at_final(sp, &step);
    assert_int_equal(step, SASL_CHALLENGE);
    assert_int_equal(buf_add(&sp->server_first, sasl_server_output(s)), 0);
    assert_int_equal(test_sasl_challenge(c, sasl_server_output(s), &sp->final), 0);
    assert_int_equal(sasl_server_respond(s, buf_slice(&sp->final)), SASL_SUCCESS);
    assert_int_equal(buf_add(&sp->server_final, sasl_server_output(s)), 0);
    sasl_server_free(&s);
    sasl_client_free(&c);
}

static void script_free(struct script *sp)
{
    buf_free(&sp->first);
    buf_free(&sp->server_first);
    buf_free(&sp->final);
    buf_free(&sp->server_final);
}

/* Variant k of a message: bytes changed, dropped, doubled, cut off. False: no more. */
static bool mutate(const struct buf *original, size_t k, struct buf *out)
{
    static const unsigned char flips[] = {0x01, 0x20, 0x80};
    struct slice in = buf_slice(original);
    size_t at = k % in.len, kind = k / in.len;
    if (kind > 5)
        return false;
    buf_clear(out);
    assert_int_equal(buf_add(out, in), 0);
    if (kind < 3) {
        out->ptr[at] = (char)((unsigned char)out->ptr[at] ^ flips[kind]);
    } else if (kind == 3) {
        memmove(out->ptr + at, out->ptr + at + 1, in.len - at - 1);
        buf_truncate(out, in.len - 1);
    } else if (kind == 4) {
        assert_int_equal(buf_byte(out, 'x'), 0);
        memmove(out->ptr + at + 1, out->ptr + at, in.len - at);
    } else {
        buf_truncate(out, at);
    }
    return true;
}

static void mutated_client_messages_never_succeed(void **state)
{
    (void)state;
    static const char *mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"};
    for (size_t i = 0; i < 2; i++) {
        struct script sp;
        struct buf changed = {0}, answer = {0};
        script_record(&sp, mechanisms[i]);
        for (size_t k = 0; mutate(&sp.final, k, &changed); k++) {
            if (slice_eq(buf_slice(&changed), buf_slice(&sp.final)))
                continue; /* a byte doubled beside its like */
            enum sasl_step step;
            struct sasl_server *s = server_at_final(&sp, &step);
            assert_int_equal(sasl_server_respond(s, buf_slice(&changed)), SASL_FAILURE);
            assert_int_equal(sasl_server_output(s).len, 0);
            sasl_server_free(&s);
        }
        /* The first message: the server may take it, then the client's proof is for another. */
        for (size_t k = 0; mutate(&sp.first, k, &changed); k++) {
            enum sasl_step step;
            struct sasl_server_config sc = server_config();
            if (slice_eq(buf_slice(&changed), buf_slice(&sp.first)))
                continue;
            struct sasl_server *s = server_new(&sc, sp.mechanism, buf_slice(&changed), &step);
            step = serve(s, step, &stored, false);
            if (step == SASL_CHALLENGE) {
                struct sasl_client *c = client_at_challenge(&sp);
                if (test_sasl_challenge(c, sasl_server_output(s), &answer) == 0)
                    assert_int_equal(sasl_server_respond(s, buf_slice(&answer)), SASL_FAILURE);
                sasl_client_free(&c);
            }
            sasl_server_free(&s);
        }
        buf_free(&changed);
        buf_free(&answer);
        script_free(&sp);
    }
}

static void A12_mutated_server_messages_never_convince(void **state)
{
    (void)state;
    struct script sp;
    struct buf changed = {0}, answer = {0};
    script_record(&sp, "SCRAM-SHA-1");
    for (size_t k = 0; mutate(&sp.server_first, k, &changed); k++) {
        if (slice_eq(buf_slice(&changed), buf_slice(&sp.server_first)))
            continue;
        struct sasl_client *c = client_at_challenge(&sp);
        if (test_sasl_challenge(c, buf_slice(&changed), &answer) == 0) {
            enum sasl_step step;
            struct sasl_server *s = server_at_final(&sp, &step);
            assert_int_equal(sasl_server_respond(s, buf_slice(&answer)), SASL_FAILURE);
            sasl_server_free(&s);
            assert_int_equal(test_sasl_success(c, buf_slice(&sp.server_final)), ERR_REFUSED);
        }
        sasl_client_free(&c);
    }
    for (size_t k = 0; mutate(&sp.server_final, k, &changed); k++) {
        if (slice_eq(buf_slice(&changed), buf_slice(&sp.server_final)))
            continue;
        struct sasl_client *c = client_at_challenge(&sp);
        assert_int_equal(test_sasl_challenge(c, buf_slice(&sp.server_first), &answer), 0);
        assert_int_equal(test_sasl_success(c, buf_slice(&changed)), ERR_REFUSED);
        /* Not even when the right one follows. */
        assert_int_equal(test_sasl_success(c, buf_slice(&sp.server_final)), ERR_REFUSED);
        sasl_client_free(&c);
    }
    buf_free(&changed);
    buf_free(&answer);
    script_free(&sp);
}

static void A12_success_without_proof_is_refused(void **state)
{
    (void)state;
    struct script sp;
    struct buf out = {0};
    script_record(&sp, "SCRAM-SHA-1");
    struct sasl_client *c = client_at_challenge(&sp); /* success at once */
    assert_int_equal(test_sasl_success(c, SLICE_NONE), ERR_REFUSED);
    sasl_client_free(&c);
    c = client_at_challenge(&sp);
    assert_int_equal(test_sasl_challenge(c, buf_slice(&sp.server_first), &out), 0);
    assert_int_equal(test_sasl_success(c, SLICE_NONE), ERR_REFUSED);
    sasl_client_free(&c);
    c = client_at_challenge(&sp);
    assert_int_equal(test_sasl_challenge(c, buf_slice(&sp.server_first), &out), 0);
    assert_int_equal(test_sasl_success(c, SLICE("e=other-error")), ERR_REFUSED);
    sasl_client_free(&c);
    /* The signature in a challenge of its own, then an empty success. */
    c = client_at_challenge(&sp);
    assert_int_equal(test_sasl_challenge(c, buf_slice(&sp.server_first), &out), 0);
    assert_int_equal(test_sasl_challenge(c, buf_slice(&sp.server_final), &out), 0);
    assert_int_equal(buf_len(&out), 0);
    assert_int_equal(test_sasl_success(c, SLICE_NONE), 0);
    sasl_client_free(&c);
    /* PLAIN proves nothing and answers no challenge. */
    struct sasl_client_config cc = client_config();
    c = client_new(&cc, SLICE("PLAIN"));
    assert_int_equal(test_sasl_start(c, &out), 0);
    assert_true(slice_eq(buf_slice(&out), SLICE("\0alice\0pencil")));
    assert_int_equal(test_sasl_challenge(c, SLICE(""), &out), ERR_REFUSED);
    assert_int_equal(test_sasl_success(c, SLICE_NONE), ERR_REFUSED);
    sasl_client_free(&c);
    buf_free(&out);
    script_free(&sp);
}

static void V46_iteration_counts_out_of_range_are_refused(void **state)
{
    (void)state;
    struct script sp;
    struct buf out = {0};
    static const char *counts[] = {"i=0",
                                   "i=1",
                                   "i=-1",
                                   "i=4095",
                                   "i=1000001",
                                   "i=4294967295",
                                   "i=4294971392",
                                   "i=99999999999999999999",
                                   "i=18446744073709555712",
                                   "i=",
                                   "i=4096x",
                                   "i= 4096",
                                   "i=+4096",
                                   "i=4096,m=x",
                                   "i=4096,"};
    script_record(&sp, "SCRAM-SHA-1");
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct slice changed = replaced(buf_slice(&sp.server_first), "i=4096", counts[i]);
        struct sasl_client *c = client_at_challenge(&sp);
        assert_int_equal(test_sasl_challenge(c, changed, &out), ERR_REFUSED);
        assert_int_equal(buf_len(&out), 0);
        sasl_client_free(&c);
        free((void *)changed.ptr);
    }
    buf_free(&out);
    script_free(&sp);
}

static void A10_client_final_out_of_order(void **state)
{
    (void)state;
    struct script sp;
    script_record(&sp, "SCRAM-SHA-256");
    static const struct {
        const char *old, *new;
        enum sasl_failure failure;
    } cases[] = {
        {"c=biws,", "", SASL_MALFORMED_REQUEST},
        {",r=", ",x=", SASL_MALFORMED_REQUEST},
        {"c=biws", "c=", SASL_MALFORMED_REQUEST},
        {"c=biws", "c=eSws", SASL_NOT_AUTHORIZED},
        {"c=biws", "c=biwsAA==", SASL_NOT_AUTHORIZED},
        {"c=biws", "m=x,c=biws", SASL_MALFORMED_REQUEST},
        {",p=", ",m=x,p=", SASL_MALFORMED_REQUEST},
        {",p=", ",x=y,p=", SASL_NOT_AUTHORIZED},
        {",p=", ",p=A", SASL_MALFORMED_REQUEST},
        {",p=", ",v=", SASL_MALFORMED_REQUEST},
        {",p=", ",,p=", SASL_MALFORMED_REQUEST},
        {",r=", ",r=x", SASL_NOT_AUTHORIZED},
        {",p=", ",p=AAAA,p=", SASL_MALFORMED_REQUEST},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        enum sasl_step step;
        struct slice changed = replaced(buf_slice(&sp.final), cases[i].old, cases[i].new);
        struct sasl_server *s = server_at_final(&sp, &step);
        assert_int_equal(sasl_server_respond(s, changed), SASL_FAILURE);
        assert_int_equal(sasl_server_failure(s), cases[i].failure);
        sasl_server_free(&s);
        free((void *)changed.ptr);
    }
    script_free(&sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_client_messages_never_succeed),
        cmocka_unit_test(A10_client_final_out_of_order),
        cmocka_unit_test(A11_downgrades_are_noticed),
        cmocka_unit_test(A12_mutated_server_messages_never_convince),
        cmocka_unit_test(A12_success_without_proof_is_refused),
        cmocka_unit_test(V46_iteration_counts_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, derive_stored, NULL);
}
