/* Tests of accounts.conf: what is read, what is refused, and changes that leave the rest alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test_support.h"
#include "burble/account.h"
#include "burble/account_edit.h"
#include "burbled/config_schema.h"

#define PIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct accounts all;
static char errors_text[8192];

static int parse(struct slice text)
{
    struct config_errors errors = {0};
    size_t len = 0;
    accounts_wipe(&all);
    errors_text[0] = '\0';
    int err = accounts_parse(text, "f", "/etc/x", &all, &errors);
    for (uint32_t i = 0; i < errors.count; i++) {
        char line[1024];
        config_error_format(&errors.items[i], line, sizeof(line));
        len += (size_t)snprintf(errors_text + len, sizeof(errors_text) - len, "%s\n", line);
        assert_true(len < sizeof(errors_text));
    }
    assert_true((err == 0) == (errors.error_count == 0));
    config_errors_free(&errors);
    return err;
}

static void accepted(const char *text)
{
    if (parse(slice_z(text)) != 0)
        fail_msg("%s", errors_text);
}

static void refused(const char *text, const char *why)
{
    assert_int_equal(parse(slice_z(text)), ERR_SYNTAX);
    if (strstr(errors_text, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, errors_text);
    assert_null(strstr(errors_text, "hunter2"));
}

static void every_key_is_read(void **state)
{
    (void)state;
    accepted("default = \"work\"; # mine\n"
             "accounts = ( { jid = \"Me@Example.ORG\"; password = \"hunter2 \\\"\"; },\n"
             "  { name = \"work\", jid = \"w@b\xc3\xbc"
             "cher.example\", resource = \"lap top\",\n"
             "    nick = \"Wörk\", password_file = \"secret\", host = \"::1\", port = 5223,\n"
             "    tls = \"direct\", proxy = \"socks5://u:hunter2@[::1]:1080\",\n"
             "    ca_file = \"/a/b\", pins = [\"sha256:" PIN "\"],\n"
             "    mechanism = \"scram-sha-256\", certificate = \"c.pem\", key = \"/k.pem\" } );");
    assert_int_equal(all.count, 2);
    assert_string_equal(all.default_account, "work");
    const struct account *a = &all.items[0], *b = &all.items[1];
    assert_string_equal(a->jid, "me@example.org");
    assert_string_equal(a->password, "hunter2 \"");
    assert_string_equal(account_name(a), "me@example.org");
    assert_null(a->host);
    assert_int_equal(a->tls, ACCOUNT_TLS_AUTO);
    assert_string_equal(b->jid, "w@bücher.example");
    assert_string_equal(account_name(b), "work");
    assert_string_equal(b->resource, "lap top");
    assert_string_equal(b->nick, "Wörk");
    assert_string_equal(b->password_file, "/etc/x/secret");
    assert_string_equal(b->host, "::1");
    assert_int_equal(b->port, 5223);
    assert_int_equal(b->tls, ACCOUNT_TLS_DIRECT);
    assert_string_equal(b->proxy, "socks5://u:hunter2@[::1]:1080");
    assert_string_equal(b->ca_file, "/a/b");
    assert_string_equal(b->pins.items[0], "sha256:" PIN);
    assert_string_equal(b->mechanism, "SCRAM-SHA-256");
    assert_string_equal(b->certificate, "/etc/x/c.pem");
    assert_string_equal(b->key, "/k.pem");
    assert_ptr_equal(accounts_find(&all, SLICE("ME@example.org")), a);
    assert_ptr_equal(accounts_find(&all, SLICE("work")), b);
    assert_null(accounts_find(&all, SLICE("Work")));
}

static void an_empty_file_has_no_accounts(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "accounts = ();", "accounts: ( )"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        accepted(texts[i]);
        assert_int_equal(all.count, 0);
    }
}

static void a_command_is_a_text_or_a_list(void **state)
{
    (void)state;
    accepted("accounts = ({ jid = \"a@b\"; password_command = \"pass show 'x y'\"; })");
    assert_int_equal(all.items[0].password_command.count, 3);
    assert_string_equal(all.items[0].password_command.items[2], "x y");
    accepted("accounts = ({ jid = \"a@b\"; password_command = [\"/a b/c\", \"\"]; })");
    assert_int_equal(all.items[0].password_command.count, 2);
    assert_string_equal(all.items[0].password_command.items[0], "/a b/c");
    accepted("accounts = ({ jid = \"a@b\"; password_command = [\"/a b/c\"]; })");
    assert_int_equal(all.items[0].password_command.count, 1);
    refused("accounts = ({ jid = \"a@b\"; password_command = \"pass 'x\"; })", "closing quote");
    refused("accounts = ({ jid = \"a@b\"; password_command = \" \"; })", "expected a program");
    refused("accounts = ({ jid = \"a@b\"; password_command = []; })", "expected a program");
}

static void the_home_is_put_in(void **state)
{
    (void)state;
    setenv("HOME", "/home/user", 1);
    accepted("accounts = ({ jid = \"a@b\"; password_file = \"~/.pw\"; ca_file = \"~x/y\" })");
    assert_string_equal(all.items[0].password_file, "/home/user/.pw");
    assert_string_equal(all.items[0].ca_file, "/etc/x/~x/y");
}

static void errors_name_the_line_and_what_is_expected(void **state)
{
    (void)state;
#define ONE(keys) "accounts = (\n{ jid = \"a@b\"; " keys " })"
    refused("acounts = ();", "f:1: acounts: unknown key; did you mean \"accounts\"?");
    refused(ONE("\npasword = \"hunter2\";"), "f:3: accounts.pasword: unknown key; did you mean "
                                             "\"password\"?");
    refused(ONE("tls = \"no\""), "expected \"auto\", \"starttls\", \"direct\" or \"none\"");
    refused(ONE("key = \"x\""), "together with");
    refused(ONE("port = 0"), "whole number from 1 to 65535");
    refused(ONE("port = 99999999999"), "too large");
    refused(ONE("host = \"a b\""), "a host name or an IP address");
    refused(ONE("proxy = \"ftp://u:hunter2@x:1\""), "expected socks5://HOST:PORT");
    refused(ONE("proxy = \"http://x\""), "expected socks5://HOST:PORT");
    refused(ONE("pins = [\"sha256:12\"]"), "64 hexadecimal digits");
    refused(ONE("mechanism = \"A B\""), "a SASL mechanism");
    refused(ONE("name = \"a b\""), "letters, digits");
    refused(ONE("password = 12345"), "accounts.password: expected a text");
    refused(ONE("password_env = \"A=B\""), "the name of a variable");
    refused(ONE("jid = \"c@d\""), "expected once");
    refused("accounts = ({ name = \"x\" })", "accounts.jid: expected, but missing");
    refused("accounts = ({ jid = \"example.org\" })", "an address such as");
    refused("accounts = ({ jid = \"a@b/c\" })", "an address such as");
    refused("accounts = ({ jid = \"a@b\" }, { jid = \"A@B\" })",
            "the account in line 1 has it too");
    refused("default = \"x\"; " ONE(""), "f:1: default: expected the name or address");
    refused(ONE("password = \"hunter2\"; password_file = \"x\""), "one source of the password");
    refused("@include \"/etc/passwd\"", "@include");
    accepted("accounts = ({ name = \"1\", jid = \"a@b\" }, { name = \"2\", jid = \"A@B\" })");
}

static void C13_no_error_shows_a_password(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "accounts = ({ jid = \"a@b\"; password = \"hunter2\" \"x\" y })",
        "accounts = ({ jid = \"a@b\"; password = hunter2; })",
        "accounts = ({ jid = \"a@b\"; password = \"hunter2",
        "accounts = ({ jid = \"a@b\"; password =\nhunter2; })",
        "accounts = ({ jid = \"a@b\"; password = \"hunter2\\u0007\"; x })",
        "accounts = ({ jid = \"a@b\"; password = \"hunter2\"; password = \"hunter2\"; })",
        "password = \"hunter2\";",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refused(texts[i], "f:");
    /* digits that lack their quotes */
    assert_int_equal(parse(SLICE("accounts = ({ jid = \"a@b\"; password = 99999999999; })")),
                     ERR_SYNTAX);
    assert_null(strstr(errors_text, "99999999999"));
}

static void V72_errors_are_harmless(void **state)
{
    (void)state;
    refused("accounts = ({ jid = \"a@b\"; host = \"\xe2\x80\xae \x1b[2J\" })", "expected a host");
    for (const char *at = errors_text; *at != '\0'; at++)
        assert_true((unsigned char)*at >= 0x20 || *at == '\n');
}

static void keys_are_set_from_options(void **state)
{
    (void)state;
    struct account a = {0};
    char expected[ACCOUNT_EXPECTED_BYTES];
    assert_true(account_set(&a, "jid", true, SLICE("A@B"), expected));
    assert_true(account_set(&a, "jid", true, SLICE("C@D"), expected));
    assert_string_equal(a.jid, "c@d");
    assert_true(account_set(&a, "port", true, SLICE("443"), expected));
    assert_int_equal(a.port, 443);
    assert_false(account_set(&a, "port", true, SLICE("65536"), expected));
    assert_string_equal(expected, "a whole number from 1 to 65535");
    assert_true(account_set(&a, "tls", true, SLICE("direct"), expected));
    assert_int_equal(a.tls, ACCOUNT_TLS_DIRECT);
    assert_false(account_set(&a, "tls", true, SLICE("DIRECT"), expected));
    assert_string_equal(expected, "auto, starttls, direct or none");
    assert_true(account_set(&a, "mechanism", true, SLICE("external"), expected));
    assert_string_equal(a.mechanism, "EXTERNAL");
    for (int i = 0; i < ACCOUNT_STRINGS_MAX; i++)
        assert_true(account_set(&a, "pins", false, SLICE("sha256:" PIN), expected));
    assert_false(account_set(&a, "pins", false, SLICE("sha256:" PIN), expected));
    assert_false(account_set(&a, "host", true, SLICE(""), expected));
    assert_false(account_set(&a, "password", true, SLICE("a\033"), expected));
    assert_false(account_set(&a, "nick", true, SLICE("\xff"), expected));
    assert_true(account_set(&a, "pins", true,
                            SLICE("sha256:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef:01:23:45:"
                                  "67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef"),
                            expected));
    assert_string_equal(a.pins.items[0], "sha256:" PIN);
    assert_int_equal(a.pins.count, 1);
    assert_false(account_set(&a, "pins", true, SLICE("sha1:" PIN), expected));
    assert_false(account_set(&a, "pins", true, SLICE("sha256:" PIN "0"), expected));
    assert_false(account_set(&a, "pins", true, SLICE("sha256:" PIN ":"), expected));
    account_free(&a);
}

static void C13_proxies_with_a_password_are_known(void **state)
{
    (void)state;
    assert_true(account_proxy_has_password(SLICE("socks5://u:p@h:1")));
    assert_true(account_proxy_has_password(SLICE("http://:p@h:1")));
    assert_true(account_proxy_has_password(SLICE("http://u:p@x@h:1")));
    assert_false(account_proxy_has_password(SLICE("socks5://u@h:1")));
    assert_false(account_proxy_has_password(SLICE("socks5://h:1")));
    assert_false(account_proxy_has_password(SLICE("")));
}

/* The text after a change, until the next one. */
static const char *changed(int err, struct buf *out)
{
    static struct buf kept;
    assert_int_equal(err, 0);
    buf_free(&kept);
    if (out == NULL)
        return NULL;
    kept = *out;
    *out = (struct buf){0};
    assert_int_equal(buf_byte(&kept, '\0'), 0);
    if (parse(slice_z(kept.ptr)) != 0)
        fail_msg("%s\n%s", errors_text, kept.ptr);
    return kept.ptr;
}

static void changes_leave_the_rest_alone(void **state)
{
    (void)state;
    struct buf out = {0};
    struct slice text = SLICE("# my accounts\n"
                              "default = \"two\"; // this one\n"
                              "accounts = ( # here\n"
                              "    # the first\n"
                              "    { jid = \"one@a\"; password = \"}),{(\"; }, /* x */\n"
                              "    # the second }\n"
                              "    { name = \"two\"; jid = \"two@a\"; pins = []; },\n"
                              "    { jid = \"three@a\" } # the last\n"
                              ");\n"
                              "# the end\n");
    assert_int_equal(parse(text), 0);
    assert_string_equal(changed(account_edit_remove(text, 0, &out), &out),
                        "# my accounts\n"
                        "default = \"two\"; // this one\n"
                        "accounts = ( # here\n"
                        "    # the first\n"
                        "     /* x */\n"
                        "    # the second }\n"
                        "    { name = \"two\"; jid = \"two@a\"; pins = []; },\n"
                        "    { jid = \"three@a\" } # the last\n"
                        ");\n"
                        "# the end\n");
    const char *without = changed(account_edit_remove(text, 2, &out), &out);
    assert_null(strstr(without, "three@a"));
    assert_non_null(strstr(without, "pins = []; }\n"));
    assert_int_equal(all.count, 2);
    assert_non_null(strstr(changed(account_edit_default(text, SLICE("one@a"), &out), &out),
                           "# my accounts\ndefault = \"one@a\"; // this one\naccounts"));
    assert_non_null(strstr(changed(account_edit_default(text, SLICE_NONE, &out), &out),
                           "# my accounts\n // this one\naccounts"));
    assert_string_equal(
        changed(account_edit_default(SLICE("accounts = ();"), SLICE_NONE, &out), &out),
        "accounts = ();");
    changed(0, NULL);
}

static void a_password_is_replaced_where_it_stands(void **state)
{
    (void)state;
    struct buf out = {0};
    struct slice text = SLICE("accounts = ( # password = \"no\"\n"
                              "    { jid = \"one@a\"; },\n"
                              "    { jid = \"two@a\"; password = \"o}ld\" /* x */ \"er\"; # mine\n"
                              "      nick = \"password\"; }\n"
                              ");\n");
    assert_int_equal(parse(text), 0);
    const char *got = changed(account_edit_password(text, 1, SLICE("n\"e\\w"), &out), &out);
    assert_non_null(
        strstr(got, "password = \"n\\\"e\\\\w\"; # mine\n      nick = \"password\"; }"));
    assert_int_equal(parse(slice_z(got)), 0);
    assert_string_equal(all.items[1].password, "n\"e\\w");
    changed(0, NULL);
    out = (struct buf){0};
    assert_int_equal(account_edit_password(text, 0, SLICE("x"), &out), ERR_NOT_FOUND);
    assert_int_equal(account_edit_password(text, 2, SLICE("x"), &out), ERR_NOT_FOUND);
    assert_int_equal(buf_len(&out), 0);
}

static struct account sample(uint64_t *seed, int number)
{
    static const char *const passwords[] = {"x", "a\"b\\c", "}){(", "# // /*", "ü \\n"};
    struct account a = {0};
    char text[64], expected[ACCOUNT_EXPECTED_BYTES];
    snprintf(text, sizeof(text), "user%d@example.org", number);
    assert_true(account_set(&a, "jid", true, slice_z(text), expected));
    if (test_below(seed, 2) == 0)
        assert_true(
            account_set(&a, "password", true, slice_z(passwords[test_below(seed, 5)]), expected));
    else
        assert_true(account_set(&a, "password_command", true, SLICE("a \"b\""), expected));
    if (test_below(seed, 2) == 0)
        assert_true(account_set(&a, "port", true, SLICE("1234"), expected));
    if (test_below(seed, 2) == 0)
        assert_true(account_set(&a, "tls", true, SLICE("starttls"), expected));
    return a;
}

static void assert_same(const struct account *a, const struct account *b)
{
    assert_string_equal(a->jid, b->jid);
    assert_true((a->password == NULL) == (b->password == NULL));
    if (a->password != NULL)
        assert_string_equal(a->password, b->password);
    assert_int_equal(a->password_command.count, b->password_command.count);
    if (a->password_command.count > 0)
        assert_string_equal(a->password_command.items[0], b->password_command.items[0]);
    assert_int_equal(a->port, b->port);
    assert_int_equal(a->tls, b->tls);
}

/* Random changes, against an array. */
static void the_text_follows_a_model(void **state)
{
    (void)state;
    uint64_t seed = 12;
    static const char *const begins[] = {
        "",
        "# a comment without an end",
        "/* a comment without an end",
        "accounts = ();\n",
        "accounts: (\n# {\n) ;",
        "default = \"user0@example.org\"\naccounts = ( { jid = \"user0@example.org\" }, )",
    };
    for (size_t begin = 0; begin < sizeof(begins) / sizeof(begins[0]); begin++) {
        struct account model[16] = {{0}};
        size_t count = 0;
        struct buf text = {0};
        buf_add(&text, slice_z(begins[begin]));
        if (parse(buf_slice(&text)) != 0) {
            buf_free(&text);
            continue; /* this libconfig takes no comma at the end */
        }
        if (all.count > 0) {
            char expected[ACCOUNT_EXPECTED_BYTES];
            assert_true(
                account_set(&model[count++], "jid", true, SLICE("user0@example.org"), expected));
        }
        for (int step = 1; step < 60; step++) {
            struct buf next = {0};
            int what = (int)test_below(&seed, 3);
            if (count == 0 || (what == 0 && count < 16)) {
                model[count] = sample(&seed, step);
                assert_int_equal(account_edit_add(buf_slice(&text), &model[count], &next), 0);
                count++;
            } else if (what == 1) {
                const char *name = model[test_below(&seed, count)].jid;
                assert_int_equal(account_edit_default(buf_slice(&text), slice_z(name), &next), 0);
            } else {
                size_t at = test_below(&seed, count);
                struct buf without = {0};
                assert_int_equal(account_edit_default(buf_slice(&text), SLICE_NONE, &without), 0);
                assert_int_equal(account_edit_remove(buf_slice(&without), at, &next), 0);
                buf_free(&without);
                account_free(&model[at]);
                memmove(&model[at], &model[at + 1], (count - at - 1) * sizeof(model[0]));
                count--;
            }
            buf_free(&text);
            text = next;
            if (parse(buf_slice(&text)) != 0)
                fail_msg("%s\n%.*s", errors_text, SLICE_ARG(buf_slice(&text)));
            assert_int_equal(all.count, count);
            for (size_t i = 0; i < count; i++)
                assert_same(&all.items[i], &model[i]);
        }
        for (size_t i = 0; i < count; i++)
            account_free(&model[i]);
        buf_free(&text);
    }
}

static void the_manual_knows_every_key(void **state)
{
    (void)state;
    static char text[262144];
    FILE *f = fopen(SOURCE_ROOT "/docs/man/burble.1", "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    char *section = strstr(text, ".Sh ACCOUNTS");
    assert_non_null(section);
    *strstr(section, ".Sh PASSWORDS") = '\0';
    for (size_t i = 0; i < ACCOUNT_SCHEMA.count; i++) {
        char lone[64], later[64];
        snprintf(lone, sizeof(lone), ".It Ic %s", ACCOUNT_SCHEMA.keys[i].name);
        snprintf(later, sizeof(later), ", %s", ACCOUNT_SCHEMA.keys[i].name);
        assert_true(strstr(section, lone) != NULL || strstr(section, later) != NULL);
    }
}

static int tear_down(void **state)
{
    (void)state;
    accounts_wipe(&all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(an_empty_file_has_no_accounts),
        cmocka_unit_test(a_command_is_a_text_or_a_list),
        cmocka_unit_test(the_home_is_put_in),
        cmocka_unit_test(errors_name_the_line_and_what_is_expected),
        cmocka_unit_test(C13_no_error_shows_a_password),
        cmocka_unit_test(V72_errors_are_harmless),
        cmocka_unit_test(keys_are_set_from_options),
        cmocka_unit_test(C13_proxies_with_a_password_are_known),
        cmocka_unit_test(changes_leave_the_rest_alone),
        cmocka_unit_test(a_password_is_replaced_where_it_stands),
        cmocka_unit_test(the_text_follows_a_model),
        cmocka_unit_test(the_manual_knows_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
