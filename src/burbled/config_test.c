/* Tests of the configuration: what is read, and that everything wrong is told at once (O01). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "burbled/config.h"
#include "burbled/config_text.h"

/* libconfig 1.5 leaks the text that stood before a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

#define HOST   "hosts = ( { name = \"localhost\"; } );\n"
#define LISTEN "listen = ( { service = \"c2s\"; } );\n"

struct loaded {
    struct config config;
    struct config_errors errors;
    int result;
};

static char said[16384]; /* all errors of the last load, one line each */

static char folder[64];

static void render(struct loaded *l)
{
    memset(said, 0, sizeof(said));
    FILE *to = fmemopen(said, sizeof(said), "w");
    config_errors_print(&l->errors, to);
    fclose(to);
    config_errors_free(&l->errors);
}

static struct loaded load_len(const char *text, size_t len)
{
    struct loaded l = {0};
    l.result = config_load_text(slice_of(text, len), "f", NULL, &l.config, &l.errors);
    render(&l);
    return l;
}

static struct loaded load(const char *text)
{
    return load_len(text, strlen(text));
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%.40s/%.80s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path_of(name), mode), 0);
}

/* The folder's name is cut out of the messages. */
static struct loaded load_file(const char *name)
{
    struct loaded l = {0};
    char *at;
    l.result = config_load(path_of(name), &l.config, &l.errors);
    render(&l);
    while ((at = strstr(said, folder)) != NULL)
        memmove(at, at + strlen(folder), strlen(at + strlen(folder)) + 1);
    return l;
}

/* Loads text, expects it to be refused with exactly these lines, and gives all back. */
static void refused(const char *text, const char *lines)
{
    struct loaded l = load(text);
    assert_string_equal(said, lines);
    assert_int_equal(l.result, ERR_SYNTAX);
    assert_int_equal(l.config.host_count, 0);
    assert_null(l.config.data_dir);
}

static void accepted_with(const char *text, const char *lines)
{
    struct loaded l = load(text);
    assert_string_equal(said, lines);
    assert_int_equal(l.result, 0);
    config_free(&l.config);
}

static void a_whole_configuration_is_read(void **state)
{
    (void)state;
    struct loaded l = load("data_dir = \"/srv/burble\"; store = \"memory\"; shards = 3;\n"
                           "durability = \"relaxed\"; archive_search = false;\n"
                           "log = { level = \"debug\"; target = \"journald\"; };\n"
                           "sasl = { iterations = 20000; };\n"
                           "hosts = ( { name = \"LocalHost\"; admins = [ \"Alice@localhost\" ];\n"
                           "  aliases = [ \"talk.localhost.\" ]; alias_mode = \"see-other-host\";\n"
                           "  registration = \"open\"; registration_watchers = [ \"bob@localhost\","
                           " \"eve@localhost\" ];\n"
                           "  archive = false; archive_days = 90; archive_mib = 0;\n"
                           "  contact = { abuse = \"mailto:abuse@localhost\"; };\n"
                           "} , { name = \"two.example\"; } );\n"
                           "listen = ( { service = \"c2s\"; address = \"::1\"; port = 5299;\n"
                           "  tls = \"direct\"; require_tls = false; plain_without_tls = true; },\n"
                           "  { service = \"c2s\"; address = \"::\"; self_signed = true; } );\n"
                           "limits = { depth = 32; offline_messages = 0; };\n");
    const struct config *c = &l.config;
    assert_string_equal(said, "");
    assert_int_equal(l.result, 0);
    assert_string_equal(c->data_dir, "/srv/burble");
    assert_int_equal(c->store, CONFIG_STORE_MEMORY);
    assert_int_equal(c->shards, 3);
    assert_int_equal(c->durability, CONFIG_DURABILITY_RELAXED);
    assert_false(c->archive_search);
    assert_int_equal(c->log_level, LOG_DEBUG);
    assert_int_equal(c->log_target, CONFIG_LOG_JOURNALD);
    assert_int_equal(c->sasl_iterations, 20000);
    assert_int_equal(c->host_count, 2);
    assert_string_equal(c->hosts[0].name, "localhost");
    assert_string_equal(c->hosts[0].admins.items[0], "alice@localhost");
    assert_string_equal(c->hosts[0].aliases.items[0], "talk.localhost");
    assert_int_equal(c->hosts[0].alias_mode, CONFIG_ALIAS_SEE_OTHER_HOST);
    assert_int_equal(c->hosts[0].registration, CONFIG_REGISTRATION_OPEN);
    assert_int_equal(c->hosts[0].registration_watchers.count, 2);
    assert_string_equal(c->hosts[0].contact.abuse.items[0], "mailto:abuse@localhost");
    assert_int_equal(c->hosts[0].place.line, 5);
    assert_false(c->hosts[0].archive);
    assert_int_equal(c->hosts[0].archive_days, 90);
    assert_int_equal(c->hosts[0].archive_mib, 0);
    assert_true(c->hosts[1].archive);
    assert_string_equal(c->hosts[1].name, "two.example");
    assert_int_equal(c->listen_count, 2);
    assert_int_equal(c->listen[0].tls, CONFIG_TLS_DIRECT);
    assert_int_equal(c->listen[0].port, 5299);
    assert_true(c->listen[0].loopback && c->listen[0].plain_without_tls);
    assert_false(c->listen[0].require_tls || c->listen[1].loopback);
    assert_true(c->listen[1].require_tls && c->listen[1].self_signed);
    assert_int_equal(c->limits.depth, 32);
    assert_int_equal(c->limits.offline_messages, 0);
    assert_int_equal(c->limits.stanza_bytes_c2s, 262144);
    assert_ptr_equal(config_find_host(c, SLICE("talk.localhost")), &c->hosts[0]);
    assert_ptr_equal(config_find_host(c, SLICE("two.example")), &c->hosts[1]);
    assert_null(config_find_host(c, SLICE("three.example")));
    config_free(&l.config);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct loaded l = load(HOST LISTEN);
    assert_int_equal(l.result, 0);
    assert_string_equal(l.config.data_dir, CONFIG_DEFAULT_DATA_DIR);
    assert_int_equal(l.config.store, CONFIG_STORE_SQLITE);
    assert_int_equal(l.config.durability, CONFIG_DURABILITY_STRICT);
    assert_true(l.config.archive_search);
    assert_int_equal(l.config.shards, 0);
    assert_int_equal(l.config.log_level, LOG_INFO);
    assert_int_equal(l.config.sasl_iterations, 10000);
    assert_int_equal(l.config.hosts[0].registration, CONFIG_REGISTRATION_CLOSED);
    assert_true(l.config.hosts[0].archive);
    assert_int_equal(l.config.hosts[0].archive_days, 0);
    assert_int_equal(l.config.hosts[0].archive_mib, 1024);
    assert_null(l.config.hosts[0].certificate);
    assert_string_equal(l.config.listen[0].address, "127.0.0.1");
    assert_int_equal(l.config.listen[0].port, 5222);
    assert_true(l.config.listen[0].require_tls && l.config.limits.rate);
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++)
        assert_int_equal(config_limits_get(&l.config.limits, &CONFIG_LIMIT_TABLE[i]),
                         CONFIG_LIMIT_TABLE[i].def);
    config_free(&l.config);
    l = load(HOST "listen = ( { service = \"c2s\"; tls = \"direct\"; },\n"
                  "{ service = \"c2s\"; tls = \"none\"; } );");
    assert_int_equal(l.config.listen[0].port, 5223);
    assert_false(l.config.listen[1].require_tls);
    config_free(&l.config);
}

static void O01_every_error_of_a_file_is_told_at_once(void **state)
{
    (void)state;
    refused("dta_dir = \"/x\";\n"
            "shards = \"many\";\n"
            "shards = 3;\n"
            "store = \"mysql\";\n"
            "hosts = ( { name = \"local host\"; admins = ( \"alice\", 5L ); }, 5 );\n"
            "listen = ( { service = \"c2s\"; address = \"127.0.0.1\"; port = 70000; },\n"
            "  { port = 99999999999999999999; adress = \"::1\"; } );\n"
            "limits = { stanza_bytes_c2s = 100; depth = 1.5; qqqqqqqqqq = 1; rate = 0; };\n",
            "f:1: dta_dir: unknown key; did you mean \"data_dir\"?\n"
            "f:2: shards: expected a whole number from 0 to 64, found the text \"many\"\n"
            "f:3: shards: expected once, but set in line 2 already\n"
            "f:4: store: expected \"sqlite\" or \"memory\", found the text \"mysql\"\n"
            "f:5: hosts: expected a group { ... }, found the number 5\n"
            "f:5: hosts.name: expected a domain name such as \"example.org\", found the text "
            "\"local host\"\n"
            "f:5: hosts.admins: expected an account such as \"alice@example.org\", found the text "
            "\"alice\"\n"
            "f:5: hosts.admins: expected an account such as \"alice@example.org\", found the "
            "number 5\n"
            "f:6: listen.port: expected a whole number from 1 to 65535, found the number 70000\n"
            "f:7: listen.port: the number 99999999999999999999 is too large; above 2147483647 it "
            "needs an L behind it\n"
            "f:7: listen.adress: unknown key; did you mean \"address\"?\n"
            "f:7: listen.service: expected, but missing (what is spoken here; c2s: clients; "
            "component: services (XEP-0114))\n"
            "f:8: limits.stanza_bytes_c2s: expected a whole number from 10000 to 16777216, found "
            "the number 100\n"
            "f:8: limits.depth: expected a whole number from 8 to 64, found the fraction 1.5\n"
            "f:8: limits.qqqqqqqqqq: unknown key; expected one of rate, stanza_bytes_c2s, "
            "stanza_bytes_s2s, preauth_element_bytes, preauth_elements, depth, attributes, "
            "namespaces, elements_c2s, elements_s2s, preauth_space_bytes, login_seconds, ...\n"
            "f:8: limits.rate: expected true or false, found the number 0\n");
}

static void O01_what_is_required_is_asked_for(void **state)
{
    (void)state;
    refused("", "f:1: hosts: expected, but missing (the domains that are served)\n"
                "f:1: listen: expected, but missing (the addresses that are listened on)\n");
    refused(LISTEN "hosts = ( { admins = []; } );",
            "f:2: hosts.name: expected, but missing (the domain that is served: the part of an "
            "address behind the @)\n");
    refused(LISTEN "hosts = ();", "f:2: hosts: expected 1 to 256 entries, found 0\n");
    refused(LISTEN "hosts = { name = \"localhost\"; };",
            "f:2: hosts: expected a list of groups: ( { ... }, { ... } ), found a group { ... }\n");
}

static void O01_a_syntax_error_has_its_line(void **state)
{
    (void)state;
    refused("\n\nhosts = (\n  { name = \"a\" ] );\n",
            "f:4: syntax error at or before: { name = \"a\" ] );\n");
    refused("shards = 1;\nshards = 2;\n= 3;", "f:2: shards: expected once, but set twice\n"
                                              "f:3: syntax error at or before: = 3;\n");
    refused("shards = 1;\nstore = \"sqlite;\n\n",
            "f:2: syntax error: the text that begins here has no closing quote\n");
    refused("@include \"/etc/passwd\"\n", "f: @include is for files alone\n");
    load_len("a = 1;\n\0", 8);
    assert_string_equal(said, "f:2: expected text, found a zero byte\n");
}

static void O01_duplicates_are_found_wherever_they_stand(void **state)
{
    (void)state;
    refused(LISTEN "/* name = */ hosts = ( { name = \"name = \"; name = \"b\"; # name = \n"
                   "name = \"c\"; }, { name = \"d\"; } ); hosts = 1;",
            "f:2: hosts.name: expected once, but set in line 2 already\n"
            "f:2: hosts.name: expected a domain name such as \"example.org\", found the text "
            "\"name = \"\n"
            "f:3: hosts.name: expected once, but set in line 2 already\n"
            "f:3: hosts: expected once, but set in line 2 already\n");
}

static void O01_odd_files_are_refused(void **state)
{
    (void)state;
    char *big = malloc(CONFIG_FILE_BYTES_MAX + 2);
    memset(big, '#', CONFIG_FILE_BYTES_MAX + 1);
    big[CONFIG_FILE_BYTES_MAX + 1] = '\0';
    write_file("big.conf", big, 0600);
    free(big);
    struct loaded l = load_file("big.conf");
    assert_string_equal(said, "/big.conf: expected at most 1000000 bytes\n");
    l = load_file("missing.conf");
    assert_string_equal(said, "/missing.conf: cannot be read: not found\n");
    l = load_file(".");
    assert_string_equal(said, "/.: expected a file that can be read\n");
    l = load_file("no/such.conf");
    assert_string_equal(said, "/no/such.conf: cannot be read: No such file or directory\n");
    assert_int_equal(l.result, ERR_SYNTAX);
}

static void a_long_list_of_errors_is_cut_but_counted(void **state)
{
    (void)state;
    static char text[8192] = HOST LISTEN;
    size_t len = strlen(text);
    for (int i = 0; i < 250; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "x%d = %d;\n", i, i);
    struct loaded l = load(text);
    assert_non_null(strstr(said, "\nand 150 more\n"));
    assert_int_equal(l.result, ERR_SYNTAX);
}

static void messages_hold_no_control_characters(void **state)
{
    (void)state;
    refused(HOST LISTEN "store = \"\x1b[31m\xff\xe2\x80\xae\xc3\xa4\";",
            "f:3: store: expected \"sqlite\" or \"memory\", found the text "
            "\"\\x1b[31m\\xff\\xe2\\x80\\xae\xc3\xa4\"\n");
    refused(HOST LISTEN "data_dir = \"/a\\nb\";",
            "f:3: data_dir: expected the path of a folder, found the text \"/a\\x0ab\"\n");
    refused(HOST LISTEN "data_dir = \"\";",
            "f:3: data_dir: expected the path of a folder, found the text \"\"\n");
}

static void one_name_belongs_to_one_host(void **state)
{
    (void)state;
    refused(LISTEN "hosts = ( { name = \"a.example\"; aliases = [ \"b.example\" ]; },\n"
                   "{ name = \"B.example\"; }, { name = \"c.example\";\n"
                   "aliases = [ \"a.example\" ]; } );",
            "f:3: hosts.name: expected a name of its own; \"b.example\" is the name or alias "
            "of a host in line 2 already\n"
            "f:4: hosts.aliases: expected a name of its own; \"a.example\" is the name or alias "
            "of a host in line 2 already\n");
    refused(HOST "listen = ( { service = \"c2s\"; }, { service = \"c2s\"; port = 5222; } );",
            "f:2: listen.port: expected a port of its own; 127.0.0.1 port 5222 is listened on by "
            "the entry in line 2 already\n");
    accepted_with(HOST LISTEN "limits = { };", "");
}

static void V49_public_addresses_show_no_self_made_certificate(void **state)
{
    (void)state;
    refused(HOST "listen = ( { service = \"c2s\"; address = \"0.0.0.0\"; } );",
            "f:2: listen.address: 0.0.0.0 is public, and host \"localhost\" has only the "
            "certificate that is made at the first start; expected \"certificate\" and \"key\" of "
            "the host, or self_signed = true here\n");
    accepted_with(HOST "listen = ( { service = \"c2s\"; address = \"::\"; self_signed = true; } );",
                  "");
    accepted_with("hosts = ( { name = \"localhost\"; self_signed = true; } );\n"
                  "listen = ( { service = \"c2s\"; address = \"192.0.2.1\"; } );",
                  "");
    accepted_with("hosts = ( { name = \"localhost\"; certificate = \"c\"; key = \"k\"; } );\n"
                  "listen = ( { service = \"c2s\"; address = \"::\"; } );",
                  "");
}

#define COMPONENT_LISTEN "listen = ( { service = \"c2s\"; }, { service = \"component\"; } );\n"

static void components_have_a_name_and_a_secret(void **state)
{
    (void)state;
    struct loaded l = load(HOST COMPONENT_LISTEN
                           "components = ( { name = \"Irc.localhost\"; secret = \"a b\"; },\n"
                           "{ name = \"push.example\"; secret_file = \"/x/y\"; } );");
    assert_string_equal(said, "");
    assert_int_equal(l.result, 0);
    const struct config *c = &l.config;
    assert_int_equal(c->component_count, 2);
    assert_string_equal(c->components[0].name, "irc.localhost");
    assert_string_equal(c->components[0].secret, "a b");
    assert_null(c->components[1].secret);
    assert_string_equal(c->components[1].secret_file, "/x/y");
    assert_int_equal(c->listen[1].service, CONFIG_SERVICE_COMPONENT);
    assert_string_equal(c->listen[1].address, "127.0.0.1");
    assert_int_equal(c->listen[1].port, 5347);
    assert_int_equal(c->listen[1].tls, CONFIG_TLS_NONE);
    assert_false(c->listen[1].require_tls || c->listen[1].plain_without_tls);
    config_free(&l.config);
    l = load(HOST LISTEN "components = ( { name = \"a.example\"; secret = \"s\"; } );");
    assert_int_equal(l.result, 0);
    assert_string_equal(said, "f:3: warning: components: no entry of \"listen\" has service = "
                              "\"component\": none of them can connect\n");
    config_free(&l.config);
    l = load(HOST COMPONENT_LISTEN);
    assert_int_equal(l.result, 0);
    assert_string_equal(said, "f:2: warning: listen.service: no \"components\" are configured: "
                              "nobody can connect here\n");
    config_free(&l.config);
}

static void O01_components_that_cannot_be_are_refused(void **state)
{
    (void)state;
    refused(
        "hosts = ( { name = \"a.example\"; aliases = \"b.example\"; } );\n" COMPONENT_LISTEN
        "components = ( { name = \"a.example\"; secret = \"1\"; },\n"
        "{ name = \"b.example\"; secret = \"1\"; },\n"
        "{ name = \"c.example\"; secret = \"1\"; }, { name = \"x@c.example\"; secret = \"1\"; },\n"
        "{ name = \"c.example\"; secret = \"1\"; secret_file = \"/x\"; },\n"
        "{ name = \"d.example\"; } );",
        "f:3: components.name: expected a name of its own; \"a.example\" is the name or alias "
        "of a host in line 1 already\n"
        "f:4: components.name: expected a name of its own; \"b.example\" is the name or alias "
        "of a host in line 1 already\n"
        "f:5: components.name: expected a domain name such as \"irc.example.org\", found the "
        "text \"x@c.example\"\n"
        "f:6: components.name: expected a name of its own; \"c.example\" is the name of a "
        "component in line 5 already\n"
        "f:6: components.secret: expected either \"secret\" or \"secret_file\", found both\n"
        "f:7: components.secret: expected, but missing (\"secret\" or \"secret_file\")\n");
    refused(HOST "components = ( { name = \"c.example\"; secret = \"1\"; } );\n"
                 "listen = ( { service = \"component\"; tls = \"starttls\"; },\n"
                 "{ service = \"component\"; address = \"0.0.0.0\"; port = 1; } );",
            "f:3: listen.tls: expected \"none\" or \"direct\" for components, which know no "
            "STARTTLS\n"
            "f:4: listen.tls: expected \"direct\" on the public address 0.0.0.0, or "
            "require_tls = false beside it\n");
}

static void no_message_repeats_a_secret(void **state)
{
    (void)state;
    static const char *const SPOILT[] = {
        "components = ( { name = \"c.example\"; secret = 4711; } );",
        "components = ( { name = \"c.example\"; secret = 47114711471147114711; } );",
        "components = ( { name = \"c.example\"; secret = \"4711\" ] );",
        "components = ( { name = \"c.example\"; secret = \"4711\t\"; } );",
        "components = ( { name = \"c.example\"; secret = \"4711\"; secret = \"4711\"; } );",
        "components = ( { name = \"c.example\"; secret = \"4711; } );",
        "components = ( { name = \"c.example\"; secret = [ \"4711\" ]; } );",
    };
    for (size_t i = 0; i < sizeof(SPOILT) / sizeof(SPOILT[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), HOST COMPONENT_LISTEN "%s", SPOILT[i]);
        struct loaded l = load(text);
        assert_int_equal(l.result, ERR_SYNTAX);
        assert_null(strstr(said, "4711"));
    }
}

static void passwords_in_clear_stay_on_loopback_addresses(void **state)
{
    (void)state;
    static const char *const LOOPBACK[] = {"127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"};
    static const char *const PUBLIC[] = {"0.0.0.0", "10.0.0.1", "::", "::2", "::ffff:10.0.0.1"};
    char text[512];
    for (size_t i = 0; i < sizeof(LOOPBACK) / sizeof(LOOPBACK[0]); i++) {
        snprintf(text, sizeof(text),
                 HOST "listen = ( { service = \"c2s\"; address = \"%s\"; require_tls = false;\n"
                      "plain_without_tls = true; } );",
                 LOOPBACK[i]);
        accepted_with(text, "");
    }
    for (size_t i = 0; i < sizeof(PUBLIC) / sizeof(PUBLIC[0]); i++) {
        char lines[256];
        snprintf(text, sizeof(text),
                 HOST "listen = ( { service = \"c2s\"; address = \"%s\"; self_signed = true;\n"
                      "plain_without_tls = true; require_tls = false; } );",
                 PUBLIC[i]);
        snprintf(lines, sizeof(lines),
                 "f:3: listen.plain_without_tls: expected false on %s: passwords in clear are for "
                 "loopback addresses alone, such as \"127.0.0.1\"\n",
                 PUBLIC[i]);
        refused(text, lines);
    }
    accepted_with(HOST "listen = ( { service = \"c2s\"; plain_without_tls = true; } );",
                  "f:2: warning: listen.plain_without_tls: without effect while require_tls is "
                  "true\n");
}

static void a_listener_without_tls_is_a_choice_made_on_purpose(void **state)
{
    (void)state;
    refused(HOST "listen = ( { service = \"c2s\"; tls = \"none\"; require_tls = true; } );",
            "f:2: listen.require_tls: expected false where tls = \"none\"\n");
    refused(HOST "listen = ( { service = \"c2s\"; tls = \"none\"; address = \"::\"; } );",
            "f:2: listen.tls: expected \"starttls\" or \"direct\" on the public address ::, or "
            "require_tls = false beside it\n");
    accepted_with(HOST "listen = ( { service = \"c2s\"; tls = \"none\"; address = \"::\";\n"
                       "require_tls = false; } );",
                  "f:2: warning: listen.tls: everything passes in clear on a public address\n");
}

static void O04_certificates_must_be_readable_files(void **state)
{
    (void)state;
    write_file("tls.crt", "-", 0644);
    write_file("tls.key", "-", 0644);
    write_file("a.conf",
               LISTEN "hosts = ( { name = \"a.example\"; certificate = \"tls.crt\";\n"
                      "key = \"tls.key\"; }, { name = \"b.example\"; certificate = \".\";\n"
                      "key = \"/nonexistent/k\"; }, { name = \"c.example\"; key = \"tls.key\";\n"
                      "} );",
               0600);
    load_file("a.conf");
    assert_string_equal(
        said,
        "/a.conf:3: warning: hosts.key: the private key is open to everyone on this machine; "
        "chmod 640 it\n"
        "/a.conf:3: hosts.certificate: expected a file that can be read; /.: input/output error\n"
        "/a.conf:4: hosts.key: expected a file that can be read; /nonexistent/k: not found\n"
        "/a.conf:4: hosts.key: expected together with \"certificate\", which is missing\n"
        "/a.conf:4: warning: hosts.key: the private key is open to everyone on this machine; "
        "chmod 640 it\n");
}

static void paths_and_includes_are_relative_to_the_file(void **state)
{
    (void)state;
    write_file("tls.crt", "-", 0644);
    write_file("tls.key", "-", 0600);
    write_file("hosts.inc",
               "hosts = ( {\n name = \"a.example\";\n certificate = \"tls.crt\";\n"
               " key = \"tls.key\"; } );\n",
               0600);
    write_file("b.conf", "@include \"hosts.inc\"\ndata_dir = \"data\";\n" LISTEN, 0600);
    struct loaded l = load_file("b.conf");
    assert_string_equal(said, "");
    assert_string_equal(l.config.data_dir, path_of("data"));
    assert_string_equal(l.config.hosts[0].certificate, path_of("tls.crt"));
    assert_string_equal(l.config.hosts[0].place.file, "hosts.inc");
    assert_string_equal(l.config.listen[0].place.file, path_of("b.conf"));
    assert_string_equal(l.config.path, path_of("b.conf"));
    config_free(&l.config);
    write_file("hosts.inc", "shards = 1;\nshards = 4294967297;\n", 0600);
    l = load_file("b.conf");
    assert_string_equal(said, "hosts.inc:2: duplicate setting name\n");
    write_file("hosts.inc", HOST "shards = 4294967297;\n", 0600);
    l = load_file("b.conf");
    assert_string_equal(said, "hosts.inc:2: shards: the number 4294967297 is too large; above "
                              "2147483647 it needs an L behind it\n");
}

static void limits_rate_off_leaves_sizes_counts_and_deadlines(void **state)
{
    (void)state;
    static const char *const OFF[] = {"L8", "L9", "L10", "L18", "L19", "L22", "A28", "R05"};
    struct loaded l = load(HOST LISTEN "limits = { rate = false; stanza_bytes_c2s = 20000; };");
    assert_int_equal(l.result, 0);
    assert_int_equal(l.config.limits.stanza_bytes_c2s, 20000);
    assert_int_equal(l.config.limits.login_seconds, 60);
    assert_int_equal(l.config.limits.roster_items, 1000);
    assert_int_equal(l.config.limits.room_occupants, 1000);
    assert_int_equal(l.config.limits.registration_seconds, 0);
    assert_int_equal(l.config.limits.login_failures_per_connection, CONFIG_UNLIMITED);
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *limit = &CONFIG_LIMIT_TABLE[i];
        bool may = false;
        for (size_t j = 0; j < sizeof(OFF) / sizeof(OFF[0]); j++)
            may = may || strcmp(OFF[j], limit->id) == 0;
        assert_true(limit->min <= limit->def && limit->def <= limit->max);
        assert_ptr_equal(config_limit_find(slice_z(limit->name)), limit);
        if (!may)
            assert_int_equal(limit->off, CONFIG_LIMIT_STAYS);
    }
    config_free(&l.config);
    refused(HOST LISTEN "limits = { login_delay_seconds_min = 61; login_seconds = 9; };",
            "f:3: limits.login_delay_seconds_min: expected at most login_delay_seconds_max (60), "
            "found 61\n"
            "f:3: limits.tls_handshake_seconds: expected at most login_seconds (9), found 10\n");
}

static void distances_count_swaps_as_one(void **state)
{
    (void)state;
    assert_int_equal(config_text_distance(SLICE("nmae"), SLICE("name")), 1);
    assert_int_equal(config_text_distance(SLICE("kitten"), SLICE("sitting")), 3);
    assert_int_equal(config_text_distance(SLICE(""), SLICE("abc")), 3);
    assert_int_equal(config_text_distance(SLICE("same"), SLICE("same")), 0);
    assert_true(config_text_number_fits(SLICE("-2147483647")));
    assert_false(config_text_number_fits(SLICE("2147483648")));
    assert_true(config_text_number_fits(SLICE("2147483648L")));
    assert_true(config_text_number_fits(SLICE("0x7fffffff")));
    assert_false(config_text_number_fits(SLICE("0xffffffff")));
    assert_false(config_text_number_fits(SLICE("9223372036854775808L")));
}

static void spoilt_files_never_break_the_reader(void **state)
{
    (void)state;
    static const char TEXT[] = HOST LISTEN "limits = { depth = 32; };\nshards = 3; shards = 4;\n";
    static const char BYTES[] = "\0\"{}()[];=,#/*\n\x80@-9aL";
    uint32_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        char text[sizeof(TEXT)];
        memcpy(text, TEXT, sizeof(TEXT));
        for (int j = 0; j < 1 + i % 4; j++) {
            seed = seed * 1664525 + 1013904223;
            text[(seed >> 8) % (sizeof(TEXT) - 1)] = BYTES[(seed >> 20) % (sizeof(BYTES) - 1)];
        }
        struct loaded l = load_len(text, sizeof(TEXT) - 1);
        assert_true(l.result == 0 ? l.config.host_count > 0 : said[0] != '\0');
        config_free(&l.config);
    }
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/burble-config-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const FILES[] = {"big.conf", "a.conf",  "b.conf",
                                        "tls.crt",  "tls.key", "hosts.inc"};
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
        unlink(path_of(FILES[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_configuration_is_read),
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(O01_every_error_of_a_file_is_told_at_once),
        cmocka_unit_test(O01_what_is_required_is_asked_for),
        cmocka_unit_test(O01_a_syntax_error_has_its_line),
        cmocka_unit_test(O01_duplicates_are_found_wherever_they_stand),
        cmocka_unit_test(O01_odd_files_are_refused),
        cmocka_unit_test(a_long_list_of_errors_is_cut_but_counted),
        cmocka_unit_test(messages_hold_no_control_characters),
        cmocka_unit_test(one_name_belongs_to_one_host),
        cmocka_unit_test(V49_public_addresses_show_no_self_made_certificate),
        cmocka_unit_test(components_have_a_name_and_a_secret),
        cmocka_unit_test(O01_components_that_cannot_be_are_refused),
        cmocka_unit_test(no_message_repeats_a_secret),
        cmocka_unit_test(passwords_in_clear_stay_on_loopback_addresses),
        cmocka_unit_test(a_listener_without_tls_is_a_choice_made_on_purpose),
        cmocka_unit_test(O04_certificates_must_be_readable_files),
        cmocka_unit_test(paths_and_includes_are_relative_to_the_file),
        cmocka_unit_test(limits_rate_off_leaves_sizes_counts_and_deadlines),
        cmocka_unit_test(distances_count_swaps_as_one),
        cmocka_unit_test(spoilt_files_never_break_the_reader),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
