/* Configuration of the server: one libconfig file, read whole, checked whole, and handed over as
 * plain structs. Either everything is right and config_load fills the struct, or the struct stays
 * empty and every error found is listed: file, line, key, what is expected.
 *
 * The keys themselves, their types, ranges, defaults and one-line documentation are data in
 * config_schema.c and config_limits.h. */
#ifndef BURBLED_CONFIG_H
#define BURBLED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/slice.h"
#include "burbled/config_limits.h"

enum {
    CONFIG_FILE_BYTES_MAX = 1000000, /* a larger file is refused */
    CONFIG_ERRORS_MAX = 100,         /* further ones are only counted */
    CONFIG_HOSTS_MAX = 256,
    CONFIG_LISTEN_MAX = 64,
    CONFIG_COMPONENTS_MAX = 64,
    CONFIG_STRINGS_MAX = 256, /* entries of one list of strings */
    CONFIG_STRING_BYTES_MAX = 4096,
    CONFIG_TLS_FILE_BYTES_MAX = 1000000, /* certificates and keys */
    CONFIG_EXIT = 78,                    /* exit status for a configuration that is refused */
};

/* Where the programs look when they are told nothing. */
#define CONFIG_DEFAULT_PATH     "/etc/burble/burble.conf"
#define CONFIG_DEFAULT_DATA_DIR "/var/lib/burble"

struct config_strings {
    char **items;
    uint32_t count;
};

/* Where in the configuration something stands, for later messages about it. */
struct config_place {
    char *file;
    uint32_t line;
};

enum config_alias_mode { CONFIG_ALIAS_ACCEPT, CONFIG_ALIAS_SEE_OTHER_HOST };
enum config_registration { CONFIG_REGISTRATION_CLOSED, CONFIG_REGISTRATION_OPEN };

/* XEP-0157 (version 1.1.1) section 2; URIs. */
struct config_contact {
    struct config_strings abuse, admin, feedback, sales, security, status, support;
};

struct config_host {
    char *name;                    /* prepared domain */
    struct config_strings admins;  /* prepared bare JIDs */
    struct config_strings aliases; /* prepared domains */
    enum config_alias_mode alias_mode;
    enum config_registration registration;
    struct config_strings registration_watchers; /* prepared bare JIDs */
    bool archive;
    uint32_t archive_days; /* 0: for ever */
    uint32_t archive_mib;  /* 0: no limit */
    char *certificate;     /* absolute path; NULL (and key too): made at the first start */
    char *key;
    bool self_signed; /* the self-made certificate may be shown on public addresses */
    struct config_contact contact;
    struct config_place place;
};

enum config_service { CONFIG_SERVICE_C2S, CONFIG_SERVICE_COMPONENT };
enum config_tls { CONFIG_TLS_STARTTLS, CONFIG_TLS_DIRECT, CONFIG_TLS_NONE };

struct config_listen {
    enum config_service service;
    char *address; /* an IPv4 or IPv6 address as text */
    uint32_t port;
    enum config_tls tls;
    bool require_tls;       /* always false with CONFIG_TLS_NONE */
    bool plain_without_tls; /* only true on a loopback address */
    bool self_signed;       /* self-made certificates may be shown here */
    bool loopback;          /* address is one of the loopback network (computed) */
    struct config_place place;
};

/* XEP-0114; the one or the other secret is there. */
struct config_component {
    char *name;        /* prepared domain */
    char *secret;      /* as it stands in the file */
    char *secret_file; /* absolute path of a file that holds it */
    struct config_place place;
};

enum config_store { CONFIG_STORE_SQLITE, CONFIG_STORE_MEMORY };
enum config_durability { CONFIG_DURABILITY_STRICT, CONFIG_DURABILITY_RELAXED };
enum config_log_target { CONFIG_LOG_STDERR, CONFIG_LOG_JOURNALD };

struct config {
    char *path;     /* of the file, as it was given */
    char *data_dir; /* absolute path */
    enum config_store store;
    enum config_durability durability;
    bool archive_search; /* an index of words is kept */
    uint32_t shards;     /* 0: one per core */
    enum log_level log_level;
    enum config_log_target log_target;
    uint32_t sasl_iterations; /* PBKDF2 of new passwords */
    struct config_host *hosts;
    uint32_t host_count; /* at least 1 */
    struct config_listen *listen;
    uint32_t listen_count; /* at least 1 */
    struct config_component *components;
    uint32_t component_count;
    struct config_limits limits;
};

struct config_error {
    char *file;
    uint32_t line; /* 0: the file as a whole */
    bool warning;  /* worth a word, but not refused */
    char *key;     /* "hosts.name"; NULL for syntax errors */
    char *text;    /* what is expected, and what was found */
    uint32_t order;
};

/* Zero-initialised is an empty list; owned by the caller, given back with config_errors_free. */
struct config_errors {
    struct config_error *items;
    uint32_t count;
    uint32_t error_count; /* without warnings; counts on behind CONFIG_ERRORS_MAX */
};

/* Reads and checks the file. On success *out is filled (config_free) and 0 is returned; errors may
 * still hold warnings. Otherwise ERR_SYNTAX, *out is zeroed and errors holds all that was found,
 * sorted by file and line. Relative paths in the file are relative to the folder of the file. */
int config_load(const char *path, struct config *out, struct config_errors *errors);

/* The same for text in memory that is called name in messages. dir: folder for relative paths;
 * NULL: paths stay as they are, no file is touched. @include is refused. */
int config_load_text(struct slice text, const char *name, const char *dir, struct config *out,
                     struct config_errors *errors);

/* Zeroes *c. */
void config_free(struct config *c);

/* Adds an error (or warning) of one's own; key may be NULL, file is copied. */
void config_errors_add(struct config_errors *errors, bool warning, const char *file, uint32_t line,
                       const char *key, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Sorts by file and line; errors added in one line keep their order. */
void config_errors_sort(struct config_errors *errors);
/* "file:line: key: text", warnings as "file:line: warning: key: text"; what is not printable ASCII
 * or UTF-8 text is escaped. NUL-terminated and cut at len; returns what snprintf would. */
int config_error_format(const struct config_error *e, char *out, size_t len);
/* One line each, then "and N more" where the list was full. */
void config_errors_print(const struct config_errors *errors, FILE *to);
void config_errors_free(struct config_errors *errors);

/* The option reference as Markdown: docs/configuration.md. */
void config_print_schema(FILE *to);

/* The host that name (prepared domain) belongs to, by name or alias; NULL: none. */
const struct config_host *config_find_host(const struct config *c, struct slice name);

#endif
