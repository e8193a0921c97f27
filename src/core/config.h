/* What the engine is told about the service: immutable, shared by all shards, replaced as a whole
 * on reload. Times in milliseconds, sizes in bytes. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "xmpp/jid.h"

/* Limits by their ids in the catalogue. */
struct limits {
    uint32_t stanza_bytes;           /* L1 */
    uint32_t stanza_bytes_s2s;       /* L1: of components and other servers */
    uint32_t preauth_bytes;          /* L2 */
    uint32_t preauth_elements;       /* L2 */
    uint32_t depth;                  /* L3 */
    uint32_t attributes;             /* L4 */
    uint32_t declarations;           /* L4 */
    uint32_t elements;               /* L5 */
    uint32_t elements_s2s;           /* L5 */
    uint32_t preauth_space_bytes;    /* L6 */
    uint32_t login_ms;               /* L7: accept to bind */
    uint32_t tls_ms;                 /* L7: TLS part */
    uint32_t login_failures;         /* L10: per connection */
    uint32_t resources;              /* L12 */
    uint32_t output_bytes;           /* L13 */
    uint32_t output_lag_ms;          /* L13 */
    uint32_t inactive_bytes;         /* L13: presence held back for an inactive client */
    uint32_t sm_stanzas;             /* L14: not acknowledged */
    uint32_t sm_bytes;               /* L14 */
    uint32_t sm_resume_ms;           /* L15; 0: sessions are not resumed */
    uint32_t answer_ms;              /* N01: a peer that does not answer is gone */
    uint32_t ping_ms;                /* N11: a silent peer is asked; 0: never */
    uint32_t offline_messages;       /* L16 */
    uint32_t offline_bytes;          /* L16 */
    uint32_t trace_bytes;            /* of each shard (trace.h) */
    uint32_t mam_page;               /* L17: messages in a page of the archive */
    uint32_t mam_queries;            /* L17: of one session at once */
    uint32_t roster_items;           /* L19 */
    uint32_t subscriptions_per_hour; /* L19 */
    uint32_t pending_subscriptions;  /* L19 */
    uint32_t rate_bytes_per_s;       /* L22; 0: off */
    uint32_t rate_burst_bytes;       /* L22 */
    uint32_t rate_bytes_per_s_s2s;   /* L22: of components and other servers; 0: off */
    uint32_t rate_burst_bytes_s2s;   /* L22 */
    uint32_t directed_targets;       /* S11 */
    uint32_t fast_clients;           /* with a token, per account (XEP-0484) */
    uint32_t fast_token_days;        /* that a token is good for */
    uint32_t credit_stanzas;         /* unsettled work per stream */
    uint32_t credit_bytes;
    uint32_t turn_stanzas;   /* X30: per link and loop turn */
    uint32_t presence_per_s; /* R05: broadcasts per resource; 0: off */
    bool rate;               /* false: the rates of L19, L22, R05 are off */
};

extern const struct limits LIMITS_DEFAULT;

enum registration { REGISTRATION_CLOSED, REGISTRATION_OPEN };
enum alias_mode { ALIAS_ACCEPT, ALIAS_SEE_OTHER_HOST };

struct host_config {
    struct slice name; /* prepared domain */
    const struct slice *aliases;
    size_t alias_count;
    enum alias_mode alias_mode;
    const struct slice *admins; /* prepared bare JIDs */
    size_t admin_count;
    enum registration registration;
    bool archive;          /* accounts have an archive of their messages (XEP-0313) */
    uint32_t archive_days; /* older messages leave it; 0: they stay */
    bool archive_search;   /* their words can be searched for (XEP-0431); the store has them */
    uint32_t archive_mib;  /* of one account; the oldest leave; 0: no limit */
    const struct slice *watchers; /* told of registrations */
    size_t watcher_count;
    /* XEP-0157: pairs of form field ("abuse-addresses") and URI. */
    const struct slice (*contacts)[2];
    size_t contact_count;
};

/* A service outside of the server that serves a domain of its own (XEP-0114). */
struct component_config {
    struct slice name;   /* prepared domain; no host's name or alias */
    struct slice secret; /* shared with it */
};

struct core_config {
    const struct host_config *hosts;
    size_t host_count;
    const struct component_config *components;
    size_t component_count;
    struct limits limits;
    uint32_t iterations; /* PBKDF2 for new passwords */
    const char *version; /* XEP-0092 */
};

/* The host that serves domain (its name or an alias); NULL: not ours. */
const struct host_config *config_host(const struct core_config *c, struct slice domain);
/* The component that serves domain; NULL: none. */
const struct component_config *config_component(const struct core_config *c, struct slice domain);
bool config_is_admin(const struct core_config *c, const struct jid *jid);

#endif
