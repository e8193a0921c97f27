/* The keys of the configuration file. Adding one is a line here, a field in config.h, a paragraph
 * in burble.conf(5); the tests compare the three. Pure. */
#include "burbled/config_schema.h"

#include "burbled/config.h"
#include "burbled/config_address.h"
#include "burbled/config_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Kinds of keys; `owner` is the struct, `member` its field. */
#define BOOL(owner, member, def_, doc_)                                                            \
    .name = #member, .type = CONFIG_KEY_BOOL, .offset = offsetof(struct owner, member),            \
    .def = (def_), .doc = (doc_)
#define NUMBER(owner, member, min_, max_, def_)                                                    \
    .type = CONFIG_KEY_NUMBER, .offset = offsetof(struct owner, member), .min = (min_),            \
    .max = (max_), .def = (def_)
#define CHOICE(owner, member, choices_, def_)                                                      \
    .type = CONFIG_KEY_CHOICE, .offset = offsetof(struct owner, member), .choices = (choices_),    \
    .def = (def_)
#define STRING(owner, member, prepare_, expected_)                                                 \
    .name = #member, .type = CONFIG_KEY_STRING, .offset = offsetof(struct owner, member),          \
    .prepare = (prepare_), .expected = (expected_)
#define STRINGS(owner, member, prepare_, expected_)                                                \
    .name = #member, .type = CONFIG_KEY_STRINGS, .offset = offsetof(struct owner, member),         \
    .max = CONFIG_STRINGS_MAX, .prepare = (prepare_), .expected = (expected_)

static const char DOMAIN_EXPECTED[] = "a domain name such as \"example.org\"";
static const char ACCOUNT_EXPECTED[] = "an account such as \"alice@example.org\"";
static const char URI_EXPECTED[] = "a URI such as \"mailto:abuse@example.org\"";

#define CONTACT(member, doc_)                                                                      \
    {                                                                                              \
        STRINGS(config_contact, member, config_address_uri, URI_EXPECTED), .doc = (doc_)           \
    }

static const struct config_key CONTACT_KEYS[] = {
    CONTACT(abuse, "for reports of abuse"),
    CONTACT(admin, "of the administrators"),
    CONTACT(feedback, "for praise and wishes"),
    CONTACT(sales, "for questions about buying"),
    CONTACT(security, "for security reports"),
    CONTACT(status, "where the state of the service is told"),
    CONTACT(support, "for help"),
};
static const struct config_group CONTACT_GROUP = {.keys = CONTACT_KEYS,
                                                  .count = COUNT(CONTACT_KEYS)};

static const char *const ALIAS_MODES[] = {"accept", "see-other-host", NULL};
static const char *const REGISTRATIONS[] = {"closed", "open", NULL};

static const struct config_key HOST_KEYS[] = {
    {STRING(config_host, name, config_address_domain, DOMAIN_EXPECTED), .required = true,
     .doc = "the domain that is served: the part of an address behind the @"},
    {STRINGS(config_host, admins, config_address_account, ACCOUNT_EXPECTED),
     .doc = "accounts that may administer this host"},
    {STRINGS(config_host, aliases, config_address_domain, DOMAIN_EXPECTED),
     .doc = "other names of the host that logins under are welcome, such as a former name"},
    {CHOICE(config_host, alias_mode, ALIAS_MODES, CONFIG_ALIAS_ACCEPT), .name = "alias_mode",
     .doc = "let clients of an alias in, or tell them the name of the host"},
    {CHOICE(config_host, registration, REGISTRATIONS, CONFIG_REGISTRATION_CLOSED),
     .name = "registration", .doc = "whether anybody may make an account with a client (XEP-0077)"},
    {STRINGS(config_host, registration_watchers, config_address_account, ACCOUNT_EXPECTED),
     .doc = "accounts that get a message when somebody registers"},
    {BOOL(config_host, archive, true,
          "keep the messages of accounts on the server, for all their devices (XEP-0313)")},
    {NUMBER(config_host, archive_days, 0, 36500, 0), .name = "archive_days",
     .doc = "messages that are older leave the archives; 0: they stay"},
    {NUMBER(config_host, archive_mib, 0, 1048576, 1024), .name = "archive_mib",
     .doc = "MiB of one account's archive; above it the oldest messages leave; 0: no limit"},
    {STRING(config_host, certificate, config_address_text, "the path of a file"), .path = true,
     .doc = "certificate chain in PEM, the host's own first; absent: made at the first start"},
    {STRING(config_host, key, config_address_text, "the path of a file"), .path = true,
     .doc = "private key of the certificate in PEM"},
    {BOOL(config_host, self_signed, false,
          "show the self-made certificate of this host on public addresses too")},
    {.name = "contact",
     .type = CONFIG_KEY_GROUP,
     .offset = offsetof(struct config_host, contact),
     .group = &CONTACT_GROUP,
     .doc = "addresses that are told to clients (XEP-0157)"},
};
static const struct config_group HOST_GROUP = {
    .keys = HOST_KEYS,
    .count = COUNT(HOST_KEYS),
    .size = sizeof(struct config_host),
    .place_offset = offsetof(struct config_host, place),
};

static const char *const SERVICES[] = {"c2s", "component", NULL};
static const char *const TLS_MODES[] = {"starttls", "direct", "none", NULL};

static const struct config_key LISTEN_KEYS[] = {
    {CHOICE(config_listen, service, SERVICES, CONFIG_SERVICE_C2S), .name = "service",
     .required = true, .doc = "what is spoken here; c2s: clients; component: services (XEP-0114)"},
    {STRING(config_listen, address, config_address_ip, "an IPv4 or IPv6 address such as \"::1\""),
     .def_text = "127.0.0.1",
     .doc = "the address to listen on; \"0.0.0.0\" and \"::\" are all of this machine"},
    {NUMBER(config_listen, port, 1, 65535, 5222), .name = "port",
     .def_text = "5222, with direct TLS 5223; of components 5347", .doc = "the TCP port"},
    {CHOICE(config_listen, tls, TLS_MODES, CONFIG_TLS_STARTTLS), .name = "tls",
     .def_text = "\"starttls\", of components \"none\"",
     .doc = "TLS inside the stream, from the first byte (XEP-0368), or not at all"},
    {BOOL(config_listen, require_tls, true,
          "demand TLS before login; false: it is offered, not demanded"),
     .def_text = "true, without TLS on a loopback address false"},
    {BOOL(config_listen, plain_without_tls, false,
          "let passwords pass in clear (SASL PLAIN) where there is no TLS; loopback addresses "
          "alone")},
    {BOOL(config_listen, self_signed, false,
          "show self-made certificates here although the address is public")},
};
static const struct config_group LISTEN_GROUP = {
    .keys = LISTEN_KEYS,
    .count = COUNT(LISTEN_KEYS),
    .size = sizeof(struct config_listen),
    .place_offset = offsetof(struct config_listen, place),
};

static const struct config_key COMPONENT_KEYS[] = {
    {STRING(config_component, name, config_address_domain,
            "a domain name such as \"irc.example.org\""),
     .required = true, .doc = "the domain that the component serves"},
    {STRING(config_component, secret, config_address_text, "a text"), .secret = true,
     .doc = "what the component proves itself with; better in a file of its own"},
    {STRING(config_component, secret_file, config_address_text, "the path of a file"), .path = true,
     .doc = "a file that holds the secret, and a line feed at most"},
};
static const struct config_group COMPONENT_GROUP = {
    .keys = COMPONENT_KEYS,
    .count = COUNT(COMPONENT_KEYS),
    .size = sizeof(struct config_component),
    .place_offset = offsetof(struct config_component, place),
};

static const char *const LOG_LEVELS[] = {"debug", "info", "warning", "error", "critical", NULL};
static const char *const LOG_TARGETS[] = {"stderr", "journald", NULL};

static const struct config_key LOG_KEYS[] = {
    {CHOICE(config, log_level, LOG_LEVELS, LOG_INFO), .name = "level",
     .doc = "lines below this level are not written"},
    {CHOICE(config, log_target, LOG_TARGETS, CONFIG_LOG_STDERR), .name = "target",
     .doc = "where log lines go"},
};
/* Offsets are those of the outer struct: these groups are a matter of the file alone. */
static const struct config_group LOG_GROUP = {.keys = LOG_KEYS, .count = COUNT(LOG_KEYS)};

static const struct config_key SASL_KEYS[] = {
    {NUMBER(config, sasl_iterations, 4096, 1000000, 10000), .name = "iterations",
     .doc = "PBKDF2 iterations of passwords that are set from now on (SCRAM)"},
};
static const struct config_group SASL_GROUP = {.keys = SASL_KEYS, .count = COUNT(SASL_KEYS)};

#define LIMIT_KEY(id_, name_, unit_, def_, min_, max_, off_, doc_)                                 \
    {NUMBER(config_limits, name_, min_, max_, def_), .name = #name_, .doc = (doc_)},

static const struct config_key LIMIT_KEYS[] = {
    {BOOL(config_limits, rate, true,
          "false switches rate limits off, for load tests; sizes, counts and deadlines stay")},
    CONFIG_LIMITS(LIMIT_KEY)};

const struct config_group CONFIG_LIMITS_GROUP = {.keys = LIMIT_KEYS, .count = COUNT(LIMIT_KEYS)};

static const char *const STORES[] = {"sqlite", "memory", NULL};
static const char *const DURABILITIES[] = {"strict", "relaxed", NULL};

static const struct config_key ROOT_KEYS[] = {
    {STRING(config, data_dir, config_address_text, "the path of a folder"), .path = true,
     .def_text = CONFIG_DEFAULT_DATA_DIR,
     .doc = "folder of everything that the server keeps; made with mode 0700 when missing"},
    {CHOICE(config, store, STORES, CONFIG_STORE_SQLITE), .name = "store",
     .doc = "sqlite: one database file in data_dir; memory: nothing outlives the process (tests)"},
    {CHOICE(config, durability, DURABILITIES, CONFIG_DURABILITY_STRICT), .name = "durability",
     .doc = "strict: what was acknowledged survives a power cut; relaxed: only a crash of burbled"},
    {NUMBER(config, shards, 0, 64, 0), .name = "shards",
     .doc = "threads that share the work; 0: one per core"},
    {BOOL(config, archive_search, true,
          "keep an index of the words in archives, for searches (XEP-0431)")},
    {.name = "log", .type = CONFIG_KEY_GROUP, .group = &LOG_GROUP, .doc = "the log"},
    {.name = "sasl", .type = CONFIG_KEY_GROUP, .group = &SASL_GROUP, .doc = "logging in"},
    {.name = "hosts",
     .type = CONFIG_KEY_LIST,
     .required = true,
     .offset = offsetof(struct config, hosts),
     .count_offset = offsetof(struct config, host_count),
     .min = 1,
     .max = CONFIG_HOSTS_MAX,
     .group = &HOST_GROUP,
     .doc = "the domains that are served"},
    {.name = "listen",
     .type = CONFIG_KEY_LIST,
     .required = true,
     .offset = offsetof(struct config, listen),
     .count_offset = offsetof(struct config, listen_count),
     .min = 1,
     .max = CONFIG_LISTEN_MAX,
     .group = &LISTEN_GROUP,
     .doc = "the addresses that are listened on"},
    {.name = "components",
     .type = CONFIG_KEY_LIST,
     .offset = offsetof(struct config, components),
     .count_offset = offsetof(struct config, component_count),
     .max = CONFIG_COMPONENTS_MAX,
     .group = &COMPONENT_GROUP,
     .doc = "services outside of the server with domains of their own (XEP-0114)"},
    {.name = "limits",
     .type = CONFIG_KEY_GROUP,
     .offset = offsetof(struct config, limits),
     .group = &CONFIG_LIMITS_GROUP,
     .doc = "limits; each is there to survive an attack"},
};
const struct config_group CONFIG_ROOT = {.keys = ROOT_KEYS, .count = COUNT(ROOT_KEYS)};

const struct config_key *config_group_find(const struct config_group *group, const char *name)
{
    for (size_t i = 0; i < group->count; i++) {
        if (strcmp(group->keys[i].name, name) == 0)
            return &group->keys[i];
    }
    return NULL;
}

const struct config_key *config_group_nearest(const struct config_group *group, const char *name)
{
    const struct config_key *best = NULL;
    size_t len = strlen(name);
    size_t best_distance = len < 4 ? 2 : len / 2 < 6 ? len / 2 + 1 : 6; /* exclusive */
    for (size_t i = 0; i < group->count; i++) {
        size_t distance = config_text_distance(slice_z(name), slice_z(group->keys[i].name));
        if (distance < best_distance) {
            best = &group->keys[i];
            best_distance = distance;
        }
    }
    return best;
}
