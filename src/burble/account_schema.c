/* The keys of accounts.conf as data. Adding one is a line here, a field in account.h, a paragraph
 * in burble(1); the tests compare them. Pure but for $HOME in paths. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "burble/account.h"
#include "burble/words.h"
#include "burbled/config_address.h"
#include "burbled/config_schema.h"
#include "xmpp/jid.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define STRING(member, prepare_, expected_)                                                        \
    .name = #member, .type = CONFIG_KEY_STRING, .offset = offsetof(struct account, member),        \
    .prepare = (prepare_), .expected = (expected_)
#define STRINGS(member, prepare_, expected_)                                                       \
    .name = #member, .type = CONFIG_KEY_STRINGS, .offset = offsetof(struct account, member),       \
    .max = ACCOUNT_STRINGS_MAX, .prepare = (prepare_), .expected = (expected_)

static bool all_of(struct slice s, const char *also)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(also, c) == NULL))
            return false;
    }
    return s.len > 0;
}

static bool copy(struct slice in, struct buf *out)
{
    buf_clear(out);
    return buf_add(out, in) == 0;
}

static bool short_name(struct slice in, struct buf *out)
{
    return in.len <= 64 && in.ptr[0] != '-' && all_of(in, "-_.") && copy(in, out);
}

/* "~/" is the home of whoever runs burble. */
static bool path(struct slice in, struct buf *out)
{
    const char *home = getenv("HOME");
    if (!slice_starts(in, SLICE("~/")) || home == NULL || home[0] != '/')
        return in.len > 0 && copy(in, out);
    buf_clear(out);
    buf_add(out, slice_z(home));
    return buf_add(out, slice_from(in, 1)) == 0;
}

static bool secret(struct slice in, struct buf *out)
{
    return in.len > 0 && in.len <= JID_PART_BYTES && copy(in, out);
}

static bool variable(struct slice in, struct buf *out)
{
    return in.len <= 128 && all_of(in, "_") && (in.ptr[0] < '0' || in.ptr[0] > '9') &&
           copy(in, out);
}

static bool resource(struct slice in, struct buf *out)
{
    return jid_prepare_resource(in, out) == 0;
}

static bool host(struct slice in, struct buf *out)
{
    return config_address_ip(in, out) || config_address_domain(in, out);
}

/* Behind the last c, or 0. */
static size_t behind_last(struct slice s, char c)
{
    size_t end = s.len;
    while (end > 0 && s.ptr[end - 1] != c)
        end--;
    return end;
}

bool account_proxy_has_password(struct slice url)
{
    size_t scheme = slice_find(url, '/'), end = behind_last(url, '@');
    return end > scheme && slice_find(slice_of(url.ptr + scheme, end - scheme), ':') < end - scheme;
}

/* SCHEME://[USER[:PASSWORD]@]HOST:PORT */
static bool proxy(struct slice in, struct buf *out)
{
    static const char *const schemes[] = {"socks5://", "http://"};
    struct slice rest = SLICE_NONE;
    unsigned long long port;
    for (size_t i = 0; i < COUNT(schemes); i++) {
        if (slice_starts(in, slice_z(schemes[i])))
            rest = slice_from(in, strlen(schemes[i]));
    }
    rest = slice_from(rest, behind_last(rest, '@'));
    size_t len = behind_last(rest, ':');
    if (len < 2)
        return false;
    len--;
    struct slice name = slice_of(rest.ptr, len);
    if (len > 2 && name.ptr[0] == '[' && name.ptr[len - 1] == ']')
        name = slice_of(name.ptr + 1, len - 2);
    return slice_to_u64(slice_from(rest, len + 1), &port) && port >= 1 && port <= 65535 &&
           host(name, out) && copy(in, out);
}

/* "sha256:" and 64 hexadecimal digits, with or without colons between them; kept in lower case and
 * without. */
static bool pin(struct slice in, struct buf *out)
{
    static const char prefix[] = "sha256:";
    size_t skip = sizeof(prefix) - 1, digits = 0;
    if (!slice_starts(in, SLICE(prefix)) || !copy(SLICE(prefix), out))
        return false;
    for (size_t i = skip; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == ':' && digits > 0 && digits % 2 == 0 && i + 1 < in.len && in.ptr[i - 1] != ':')
            continue;
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || ++digits > 64)
            return false;
        buf_byte(out, c);
    }
    return digits == 64 && !out->failed;
}

/* RFC 4422 section 3.1. */
static bool mechanism(struct slice in, struct buf *out)
{
    if (in.len > 20 || !all_of(in, "-_"))
        return false;
    buf_clear(out);
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        buf_byte(out, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    return !out->failed;
}

static const char *const TLS_MODES[] = {"auto", "starttls", "direct", "none", NULL};

static const struct config_key ACCOUNT_KEYS[] = {
    {STRING(jid, config_address_account, "an address such as \"me@example.org\""), .required = true,
     .doc = "the address"},
    {STRING(name, short_name, "a name of letters, digits and -_."),
     .doc = "what the account is called in --account"},
    {STRING(resource, resource, "a resource such as \"laptop\""),
     .doc = "the resource to ask for; otherwise the server makes one"},
    {STRING(nick, resource, "a nickname"), .doc = "the nickname in rooms"},
    {STRING(password, secret, "a text of at most 1,023 bytes"), .secret = true,
     .doc = "the password itself"},
    {STRING(password_file, path, "the path of a file"), .path = true,
     .doc = "a file whose first line is the password"},
    {STRING(password_env, variable, "the name of a variable"),
     .doc = "an environment variable that holds the password"},
    {.name = "password_command",
     .type = CONFIG_KEY_STRINGS,
     .offset = offsetof(struct account, password_command),
     .max = WORDS_MAX,
     .prepare = copy,
     .expected = "a command such as \"pass show xmpp/me\"",
     .doc = "a command that prints the password, as one text or as a list of words; no shell"},
    {STRING(host, host, "a host name or an IP address"), .doc = "where to connect, instead of DNS"},
    {.name = "port",
     .type = CONFIG_KEY_NUMBER,
     .offset = offsetof(struct account, port),
     .min = 1,
     .max = 65535,
     .doc = "the port of the host, or of the domain where no host is named"},
    {.name = "tls",
     .type = CONFIG_KEY_CHOICE,
     .offset = offsetof(struct account, tls),
     .choices = TLS_MODES,
     .doc = "how TLS begins: as DNS says, by STARTTLS, or at once; none is unsafe"},
    {STRING(proxy, proxy, "socks5://HOST:PORT or http://HOST:PORT"), .secret = true,
     .doc = "the proxy to go through"},
    {STRING(ca_file, path, "the path of a file"), .path = true,
     .doc = "certificates of authorities, in PEM, that are trusted instead of the system's"},
    {STRINGS(pins, pin, "\"sha256:\" and 64 hexadecimal digits"),
     .doc = "keys (SPKI) of certificates that are trusted, whoever signed them, and no other"},
    {STRING(mechanism, mechanism, "a SASL mechanism such as \"SCRAM-SHA-256-PLUS\""),
     .doc = "the weakest SASL mechanism that will do"},
    {STRING(certificate, path, "the path of a file"), .path = true,
     .doc = "the account's own certificate, in PEM, to log in with (EXTERNAL)"},
    {STRING(key, path, "the path of a file"), .path = true, .doc = "the private key of it"},
};

const struct config_group ACCOUNT_SCHEMA = {
    .keys = ACCOUNT_KEYS,
    .count = COUNT(ACCOUNT_KEYS),
    .size = sizeof(struct account),
    .place_offset = offsetof(struct account, place),
};

static const struct config_key ACCOUNTS_KEYS[] = {
    {.name = "default",
     .type = CONFIG_KEY_STRING,
     .offset = offsetof(struct accounts, default_account),
     .prepare = config_address_text,
     .expected = "the name or address of an account",
     .doc = "the account to use when none is named"},
    {.name = "accounts",
     .type = CONFIG_KEY_LIST,
     .offset = offsetof(struct accounts, items),
     .count_offset = offsetof(struct accounts, count),
     .max = ACCOUNTS_MAX,
     .group = &ACCOUNT_SCHEMA,
     .doc = "the accounts"},
};

const struct config_group ACCOUNTS_SCHEMA = {
    .keys = ACCOUNTS_KEYS,
    .count = COUNT(ACCOUNTS_KEYS),
    .size = sizeof(struct accounts),
};
