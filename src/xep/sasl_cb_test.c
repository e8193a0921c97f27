/* XEP-0440, on a stream whose connection is made up: a test with TLS is in direct_tls_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xep/test_engine.h"

extern const struct module SASL_CB_MODULE;

static bool exporter, end_point;

static void binding(struct link *l, struct sasl_binding *out, uint8_t scratch[SASL_BINDING_BYTES])
{
    (void)l;
    memset(scratch, 7, 96);
    *out = (struct sasl_binding){0};
    if (exporter)
        out->tls_exporter = slice_of((const char *)scratch, 32);
    if (end_point)
        out->tls_server_end_point = slice_of((const char *)scratch + 32, 32);
}

static const struct link_ops OPS = {.binding = binding};

static void assert_announced(const struct c2s *stream, const char *want)
{
    struct bench *b = bench_new(NULL);
    struct buf out = {0};
    struct xml_writer w;
    xml_writer_init(&w, &out, NS_CLIENT);
    SASL_CB_MODULE.stream_features(bench_engine(b, "alice@example.org"), stream, &w);
    buf_byte(&out, '\0');
    assert_string_equal(out.ptr, want);
    buf_free(&out);
    bench_free(&b);
}

static void what_tls_offers_is_announced_before_login(void **state)
{
    (void)state;
    struct link link = {.ops = &OPS, .secure = true};
    struct c2s stream = {.link = &link};
    exporter = end_point = true;
    assert_announced(&stream, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
                              "<channel-binding type='tls-exporter'/>"
                              "<channel-binding type='tls-server-end-point'/>"
                              "</sasl-channel-binding>");
    exporter = false; /* TLS 1.2 without extended master secret */
    assert_announced(&stream, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
                              "<channel-binding type='tls-server-end-point'/>"
                              "</sasl-channel-binding>");
    end_point = false;
    assert_announced(&stream, "");
}

static void nothing_is_announced_without_tls_or_after_login(void **state)
{
    (void)state;
    struct link link = {.ops = &OPS, .secure = false};
    struct c2s stream = {.link = &link};
    exporter = end_point = true;
    assert_announced(&stream, "");
    link.secure = true;
    stream.authenticated = true;
    assert_announced(&stream, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tls_offers_is_announced_before_login),
        cmocka_unit_test(nothing_is_announced_without_tls_or_after_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
