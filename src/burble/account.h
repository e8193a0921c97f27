/* Accounts as burble knows them: who, where, and how to get the password. They stand in a libconfig
 * file, accounts.conf, or are made of options and the environment. */
#ifndef BURBLE_ACCOUNT_H
#define BURBLE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "burbled/config.h"

enum {
    ACCOUNTS_MAX = 100,
    ACCOUNT_FILE_BYTES_MAX = 262144,
    ACCOUNT_EXPECTED_BYTES = 96,
    ACCOUNT_STRINGS_MAX = 16,
};

/* NONE is unsafe, and whoever uses it is warned. */
enum account_tls { ACCOUNT_TLS_AUTO, ACCOUNT_TLS_STARTTLS, ACCOUNT_TLS_DIRECT, ACCOUNT_TLS_NONE };

/* Texts are on the heap, NULL where nothing was said. */
struct account {
    char *jid;  /* prepared, bare */
    char *name; /* a short one of the user's choice */
    char *resource;
    char *nick; /* in rooms */
    /* At most one of these four. */
    char *password;
    char *password_file; /* absolute path */
    char *password_env;
    struct config_strings password_command; /* the program and its arguments */
    char *host;    /* instead of what DNS says: a prepared domain or an IP address */
    uint32_t port; /* 0: not said */
    enum account_tls tls;
    char *proxy;       /* socks5://[USER:PASSWORD@]HOST:PORT or http://... */
    char *ca_file;     /* absolute path; instead of the system's authorities */
    char *certificate; /* absolute paths of PEM files, for EXTERNAL; both or none */
    char *key;
    char *mechanism;            /* the weakest SASL mechanism that will do, in upper case */
    struct config_strings pins; /* "sha256:" and 64 hexadecimal digits of the key (SPKI) */
    struct config_place place;
};

struct accounts {
    char *default_account; /* name or JID of one of them; NULL: not said */
    struct account *items;
    uint32_t count;
    char *path; /* of the file; NULL: there is none */
};

struct config_group;
/* The keys of accounts.conf: what it is read by, `burble account` and the man page. */
extern const struct config_group ACCOUNTS_SCHEMA;
extern const struct config_group ACCOUNT_SCHEMA;

/* Reads the text of an accounts.conf that is called name in messages. dir: folder that relative
 * paths are relative to; NULL: they stay. 0, or ERR_SYNTAX with all errors (config_errors_free).
 * accounts_wipe in any case. Errors hold no password. */
int accounts_parse(struct slice text, const char *name, const char *dir, struct accounts *out,
                   struct config_errors *errors);
void accounts_wipe(struct accounts *all);

/* By name or (bare) JID; NULL: none. */
struct account *accounts_find(const struct accounts *all, struct slice name);
/* How the account is called: its name, else its JID. */
const char *account_name(const struct account *a);

/* Sets one key from text; a key that is a list gets one entry more, unless first is set. False when
 * the text is not what is expected, which is then told. */
bool account_set(struct account *a, const char *key, bool first, struct slice text,
                 char expected[ACCOUNT_EXPECTED_BYTES]);
/* Wipes the password, zeroes *a. */
void account_free(struct account *a);

/* A proxy's URL with a password in it. */
bool account_proxy_has_password(struct slice url);

#endif
