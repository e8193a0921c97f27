/* Tests of the look at certificates (O04), with certificates that are made on the spot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "burbled/config_tls.h"
#include "wire/tls.h"

enum { DAY_S = 86400 };

static const int64_t MADE_S = 1800000000; /* 2027-01-15 */

static char folder[] = "/tmp/burble-certificates-XXXXXX";
static char certificate[64], key[64], name[] = "a.example";
static struct config_host host = {.name = name, .certificate = certificate, .key = key};

static void write_file(const char *path, struct slice content)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(content.ptr, 1, content.len, f);
    fclose(f);
}

static void make(const char *for_host, struct buf *chain, struct buf *secret)
{
    struct slice names[] = {slice_z(for_host)};
    assert_int_equal(tls_make_certificate(names, 1, MADE_S, chain, secret), 0);
}

/* Writes a certificate for a host, and its key. */
static void write_pair(const char *for_host)
{
    struct buf chain = {0}, secret = {0};
    make(for_host, &chain, &secret);
    write_file(certificate, buf_slice(&chain));
    write_file(key, buf_slice(&secret));
    buf_free(&chain);
    buf_free(&secret);
}

static void expect(int64_t now_s, enum config_tls_state state, const char *at, const char *text)
{
    struct config_tls_report r;
    config_tls_inspect(&host, now_s, &r);
    if (strstr(r.text, text) == NULL)
        fail_msg("expected \"%s\", found \"%s\"", text, r.text);
    assert_int_equal(r.state, state);
    if (at != NULL)
        assert_string_equal(r.key, at);
}

static void O04_a_good_pair_is_fine(void **state)
{
    (void)state;
    struct config_tls_report r;
    write_pair("a.example");
    expect(MADE_S + DAY_S, CONFIG_TLS_FINE, "hosts.certificate", "valid until 203");
    config_tls_inspect(&host, MADE_S + DAY_S, &r);
    assert_true(r.not_after_s > MADE_S + 9 * 365 * (int64_t)DAY_S);
    struct config_host none = {.name = name};
    config_tls_inspect(&none, MADE_S, &r);
    assert_int_equal(r.state, CONFIG_TLS_SELF_MADE);
}

static void O04_dates_and_names_are_warned_of(void **state)
{
    (void)state;
    struct config_tls_report r;
    write_pair("a.example");
    config_tls_inspect(&host, MADE_S + DAY_S, &r);
    expect(r.not_after_s - 13 * DAY_S, CONFIG_TLS_WARNING, "hosts.certificate", "in 13 days");
    expect(r.not_after_s + 1, CONFIG_TLS_WARNING, "hosts.certificate", "expired on 203");
    expect(MADE_S - 400 * (int64_t)DAY_S, CONFIG_TLS_WARNING, "hosts.certificate",
           "this machine's clock says 2025-12");
    write_pair("b.example");
    expect(MADE_S + DAY_S, CONFIG_TLS_WARNING, "hosts.certificate",
           "does not name \"a.example\"; clients will refuse it");
}

static void O04_what_cannot_be_served_is_an_error(void **state)
{
    (void)state;
    struct buf chain = {0}, secret = {0};
    write_pair("a.example");
    make("a.example", &chain, &secret);
    write_file(key, buf_slice(&secret));
    expect(MADE_S, CONFIG_TLS_BAD, "hosts.key", "found that of another one");
    write_file(key, SLICE("no key\n"));
    expect(MADE_S, CONFIG_TLS_BAD, "hosts.key", "expected a private key in PEM");
    write_file(certificate, SLICE(""));
    expect(MADE_S, CONFIG_TLS_BAD, "hosts.certificate", "expected a certificate in PEM");
    unlink(key);
    expect(MADE_S, CONFIG_TLS_BAD, "hosts.key", "not found");
    unlink(certificate);
    expect(MADE_S, CONFIG_TLS_BAD, "hosts.certificate", "not found");
    buf_free(&chain);
    buf_free(&secret);
}

static void all_hosts_are_looked_at_with_their_place(void **state)
{
    (void)state;
    char file[] = "f", line[512];
    host.place = (struct config_place){.file = file, .line = 7};
    struct config c = {.hosts = &host, .host_count = 1};
    struct config_errors errors = {0};
    unlink(certificate);
    config_tls_check(&c, MADE_S, &errors);
    assert_int_equal(errors.error_count, 1);
    config_error_format(&errors.items[0], line, sizeof(line));
    assert_non_null(strstr(line, "f:7: hosts.certificate: host \"a.example\": expected a file that "
                                 "can be read"));
    config_errors_free(&errors);
    write_pair("b.example");
    config_tls_check(&c, MADE_S + DAY_S, &errors);
    assert_int_equal(errors.error_count, 0);
    assert_int_equal(errors.count, 1);
    config_errors_free(&errors);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(certificate, sizeof(certificate), "%s/tls.crt", folder);
    snprintf(key, sizeof(key), "%s/tls.key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(key);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(O04_a_good_pair_is_fine),
        cmocka_unit_test(O04_dates_and_names_are_warned_of),
        cmocka_unit_test(O04_what_cannot_be_served_is_an_error),
        cmocka_unit_test(all_hosts_are_looked_at_with_their_place),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
