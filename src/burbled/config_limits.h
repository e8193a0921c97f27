/* Limits: everything has one, and each has a readable name, a default, a range and a unit. This
 * table is the only place that knows them; the configuration check, `burblectl limits`, the option
 * reference and the test of the man page all read it.
 *
 * X(id, name, unit, default, min, max, off, doc)
 *   id    the number of the limit (L1 ... L24), or of the attack it answers (A28, R05 ...)
 *   off   what `limits.rate = false` sets it to; CONFIG_LIMIT_STAYS: it stays in force */
#ifndef BURBLED_CONFIG_LIMITS_H
#define BURBLED_CONFIG_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* "No limit": larger than anything that is compared with it. Not allowed in a file: it is what
 * `limits.rate = false` gives. */
#define CONFIG_UNLIMITED   UINT32_MAX
#define CONFIG_LIMIT_STAYS (-1)

/* clang-format off */
#define CONFIG_LIMITS(X)                                                                           \
    X("L1", stanza_bytes_c2s, CONFIG_BYTES, 262144, 10000, 16777216, CONFIG_LIMIT_STAYS,           \
      "largest stanza of a client; announced (XEP-0478)")                                          \
    X("L1", stanza_bytes_s2s, CONFIG_BYTES, 524288, 10000, 16777216, CONFIG_LIMIT_STAYS,           \
      "largest stanza of another server; announced (XEP-0478)")                                    \
    X("L2", preauth_element_bytes, CONFIG_BYTES, 8192, 1024, 262144, CONFIG_LIMIT_STAYS,           \
      "largest element before login")                                                              \
    X("L2", preauth_elements, CONFIG_COUNT, 32, 8, 4096, CONFIG_LIMIT_STAYS,                       \
      "elements inside one element before login")                                                  \
    X("L3", depth, CONFIG_COUNT, 64, 8, 64, CONFIG_LIMIT_STAYS,                                    \
      "nesting of elements in a stanza")                                                           \
    X("L4", attributes, CONFIG_COUNT, 64, 8, 256, CONFIG_LIMIT_STAYS,                              \
      "attributes of one element")                                                                 \
    X("L4", namespaces, CONFIG_COUNT, 64, 8, 120, CONFIG_LIMIT_STAYS,                              \
      "namespace declarations in one stanza")                                                      \
    X("L5", elements_c2s, CONFIG_COUNT, 4096, 64, 65536, CONFIG_LIMIT_STAYS,                       \
      "elements in one stanza of a client")                                                        \
    X("L5", elements_s2s, CONFIG_COUNT, 16384, 64, 65536, CONFIG_LIMIT_STAYS,                      \
      "elements in one stanza of another server")                                                  \
    X("L6", preauth_space_bytes, CONFIG_BYTES, 256, 16, 65536, CONFIG_LIMIT_STAYS,                 \
      "white space between elements before login, in all")                                         \
    X("L7", login_seconds, CONFIG_SECONDS, 60, 5, 600, CONFIG_LIMIT_STAYS,                         \
      "from accept to bind, whatever happens in between")                                          \
    X("L7", tls_handshake_seconds, CONFIG_SECONDS, 10, 1, 120, CONFIG_LIMIT_STAYS,                 \
      "for the TLS handshake")                                                                     \
    X("L8", connections_per_address, CONFIG_COUNT, 100, 1, 1000000, CONFIG_UNLIMITED,              \
      "open connections of one IPv4 address or IPv6 /64 network")                                  \
    X("L8", connects_per_address_per_second, CONFIG_PER_SECOND, 20, 1, 1000000, CONFIG_UNLIMITED,  \
      "new connections of one address")                                                            \
    X("L8", connects_per_address_burst, CONFIG_COUNT, 100, 1, 1000000, CONFIG_UNLIMITED,           \
      "new connections of one address at once")                                                    \
    X("L9", unauthenticated_connections, CONFIG_COUNT, 1000, 1, 1000000, CONFIG_UNLIMITED,         \
      "connections that have not logged in; above it the oldest is closed")                        \
    X("L9", unauthenticated_percent, CONFIG_PERCENT, 10, 1, 90, 100,                               \
      "the same as a share of the file descriptors; the smaller of the two counts")                \
    X("L10", login_failures_per_connection, CONFIG_COUNT, 3, 1, 100, CONFIG_UNLIMITED,             \
      "failed logins before a connection is closed")                                               \
    X("L10", login_failures_per_address_per_minute, CONFIG_PER_MINUTE, 10, 1, 100000,              \
      CONFIG_UNLIMITED, "failed logins of one address before its answers are delayed")             \
    X("L10", login_delay_seconds_min, CONFIG_SECONDS, 1, 1, 600, 0,                                \
      "first delay of an address with too many failed logins; it doubles")                         \
    X("L10", login_delay_seconds_max, CONFIG_SECONDS, 60, 1, 600, 0,                               \
      "longest delay of an address with too many failed logins")                                   \
    X("L11", pbkdf2_workers, CONFIG_COUNT, 1, 1, 64, CONFIG_LIMIT_STAYS,                           \
      "threads that derive keys from passwords")                                                   \
    X("L11", pbkdf2_queue, CONFIG_COUNT, 32, 1, 65536, CONFIG_LIMIT_STAYS,                         \
      "logins that wait for such a thread; more get temporary-auth-failure")                       \
    X("L12", resources_per_account, CONFIG_COUNT, 10, 1, 1000, CONFIG_LIMIT_STAYS,                 \
      "sessions of one account, hibernating ones included")                                        \
    X("L13", output_queue_bytes, CONFIG_BYTES, 1048576, 65536, 268435456, CONFIG_LIMIT_STAYS,      \
      "unsent output of a connection; above it the session lags")                                  \
    X("L13", output_drain_seconds, CONFIG_SECONDS, 60, 1, 3600, CONFIG_LIMIT_STAYS,                \
      "for a lagging session to catch up; then it is disconnected")                                \
    X("L13", inactive_presence_bytes, CONFIG_BYTES, 65536, 0, 16777216, CONFIG_LIMIT_STAYS,        \
      "presence that is held back from an inactive client (XEP-0352); 0: none is")                 \
    X("L14", sm_queue_stanzas, CONFIG_COUNT, 1000, 10, 1000000, CONFIG_LIMIT_STAYS,                \
      "stanzas that a session has not acknowledged; the rest goes to disk")                        \
    X("L14", sm_queue_bytes, CONFIG_BYTES, 1048576, 65536, 268435456, CONFIG_LIMIT_STAYS,          \
      "the same in bytes")                                                                         \
    X("L15", sm_hibernation_seconds, CONFIG_SECONDS, 300, 0, 604800, CONFIG_LIMIT_STAYS,           \
      "that a lost session waits to be resumed")                                                   \
    X("L15", sessions_bytes, CONFIG_BYTES, 268435456, 1048576, 2147483647, CONFIG_LIMIT_STAYS,     \
      "files of the sessions that can be resumed, in data_dir, in all; read at the start")         \
    X("N01", peer_answer_seconds, CONFIG_SECONDS, 60, 5, 3600, CONFIG_LIMIT_STAYS,                 \
      "for a client to answer when it is asked; one that says nothing is disconnected")            \
    X("N11", peer_silence_seconds, CONFIG_SECONDS, 180, 10, 86400, CONFIG_LIMIT_STAYS,             \
      "of silence of a client before it is asked whether it is there")                             \
    X("L16", offline_messages, CONFIG_COUNT, 1000, 0, 1000000, CONFIG_LIMIT_STAYS,                 \
      "messages that wait for an account that is offline")                                         \
    X("L16", offline_bytes, CONFIG_BYTES, 4194304, 0, 1073741824, CONFIG_LIMIT_STAYS,              \
      "the same in bytes")                                                                         \
    X("L17", archive_page, CONFIG_COUNT, 50, 1, 1000, CONFIG_LIMIT_STAYS,                          \
      "messages in one page of the archive; larger wishes are cut to it")                          \
    X("L17", archive_queries_per_session, CONFIG_COUNT, 2, 1, 100, CONFIG_LIMIT_STAYS,             \
      "archive queries of a session that run at once")                                             \
    X("L18", room_occupants, CONFIG_COUNT, 1000, 1, 100000, CONFIG_LIMIT_STAYS,                    \
      "occupants of one room")                                                                     \
    X("L18", rooms_per_user, CONFIG_COUNT, 20, 1, 10000, CONFIG_LIMIT_STAYS,                       \
      "rooms that one user is in at once")                                                         \
    X("L18", room_messages_per_second, CONFIG_PER_SECOND, 10, 1, 100000, CONFIG_UNLIMITED,         \
      "messages of one occupant")                                                                  \
    X("L18", room_messages_burst, CONFIG_COUNT, 20, 1, 100000, CONFIG_UNLIMITED,                   \
      "messages of one occupant at once")                                                          \
    X("L18", room_nick_change_seconds, CONFIG_SECONDS, 5, 1, 3600, 0,                              \
      "between two nickname changes of one occupant")                                              \
    X("L19", roster_items, CONFIG_COUNT, 1000, 1, 100000, CONFIG_LIMIT_STAYS,                      \
      "contacts of one account")                                                                   \
    X("L19", subscription_requests_per_hour, CONFIG_PER_HOUR, 30, 1, 1000000, CONFIG_UNLIMITED,    \
      "subscription requests that one account sends")                                              \
    X("L19", subscription_requests_pending, CONFIG_COUNT, 1000, 1, 100000, CONFIG_LIMIT_STAYS,     \
      "subscription requests that wait for one account's answer")                                  \
    X("L20", upload_file_bytes, CONFIG_BYTES, 52428800, 1024, 2147483647, CONFIG_LIMIT_STAYS,      \
      "largest uploaded file")                                                                     \
    X("L20", upload_mib_per_day, CONFIG_MIB, 1024, 1, 1048576, CONFIG_LIMIT_STAYS,                 \
      "uploads of one user in a day")                                                              \
    X("L20", upload_slots_per_minute, CONFIG_PER_MINUTE, 20, 1, 10000, CONFIG_LIMIT_STAYS,         \
      "upload slots that one user asks for")                                                       \
    X("L20", upload_slot_seconds, CONFIG_SECONDS, 300, 10, 86400, CONFIG_LIMIT_STAYS,              \
      "that an upload slot is valid")                                                              \
    X("L21", s2s_queue_stanzas, CONFIG_COUNT, 500, 1, 100000, CONFIG_LIMIT_STAYS,                  \
      "stanzas that wait for a connection to one remote domain")                                   \
    X("L21", s2s_queue_bytes, CONFIG_BYTES, 1048576, 65536, 268435456, CONFIG_LIMIT_STAYS,         \
      "the same in bytes")                                                                         \
    X("L21", s2s_connect_seconds, CONFIG_SECONDS, 60, 5, 600, CONFIG_LIMIT_STAYS,                  \
      "for a connection to a remote domain to be ready; then stanzas bounce")                      \
    X("L21", s2s_dials, CONFIG_COUNT, 128, 1, 10000, CONFIG_LIMIT_STAYS,                           \
      "connection attempts to remote domains at once")                                             \
    X("L22", traffic_bytes_per_second_c2s, CONFIG_BYTES_PER_SECOND, 102400, 1024, 1073741824,      \
      CONFIG_UNLIMITED, "read from one client; above it reading pauses")                           \
    X("L22", traffic_burst_bytes_c2s, CONFIG_BYTES, 1048576, 10000, 1073741824, CONFIG_UNLIMITED,  \
      "read from one client at once")                                                              \
    X("L22", traffic_bytes_per_second_s2s, CONFIG_BYTES_PER_SECOND, 1048576, 1024, 1073741824,     \
      CONFIG_UNLIMITED, "read from one remote server; above it reading pauses")                    \
    X("L22", traffic_burst_bytes_s2s, CONFIG_BYTES, 1048576, 10000, 1073741824, CONFIG_UNLIMITED,  \
      "read from one remote server at once")                                                       \
    X("L23", parse_memory_factor, CONFIG_COUNT, 4, 4, 16, CONFIG_LIMIT_STAYS,                      \
      "memory of a stanza under way, in multiples of its bytes")                                   \
    X("L23", memory_mib, CONFIG_MIB, 0, 0, 1048576, CONFIG_LIMIT_STAYS,                            \
      "memory of the process above which connections without login are shed; 0: MemoryMax of "     \
      "its service")                                                                               \
    X("L24", log_lines_per_second, CONFIG_PER_SECOND, 20, 1, 100000, CONFIG_LIMIT_STAYS,           \
      "log lines of one event; more are counted and told once")                                    \
    X("X30", turn_stanzas, CONFIG_COUNT, 64, 1, 10000, CONFIG_LIMIT_STAYS,                         \
      "stanzas of one connection before the others have their turn")                               \
    X("S11", directed_presence_targets, CONFIG_COUNT, 1000, 1, 100000, CONFIG_LIMIT_STAYS,         \
      "addresses that one session's directed presence is remembered for")                          \
    X("V76", credit_stanzas, CONFIG_COUNT, 256, 1, 100000, CONFIG_LIMIT_STAYS,                     \
      "stanzas of one stream that are not settled yet; above it reading pauses")                   \
    X("V76", credit_bytes, CONFIG_BYTES, 1048576, 65536, 268435456, CONFIG_LIMIT_STAYS,            \
      "the same in bytes")                                                                         \
    X("A27", fast_clients_per_account, CONFIG_COUNT, 16, 1, 1000, CONFIG_LIMIT_STAYS,              \
      "clients of one account that log in by a token (XEP-0484); the oldest lose theirs")          \
    X("A27", fast_token_days, CONFIG_COUNT, 21, 1, 3650, CONFIG_LIMIT_STAYS,                       \
      "days that such a token is good for; in use it is replaced long before")                     \
    X("A28", registration_seconds, CONFIG_SECONDS, 600, 1, 86400, 0,                               \
      "between two registrations (XEP-0077) from one address")                                     \
    X("D05", trace_bytes, CONFIG_BYTES, 1048576, 0, 1073741824, CONFIG_LIMIT_STAYS,                \
      "memory of each shard for \"burblectl trace\"; 0: nothing is remembered")                    \
    X("R05", presence_per_second, CONFIG_PER_SECOND, 1, 1, 1000, CONFIG_UNLIMITED,                 \
      "presence broadcasts of one resource; more are coalesced to the newest")
/* clang-format on */

enum config_unit {
    CONFIG_BYTES,
    CONFIG_COUNT,
    CONFIG_SECONDS,
    CONFIG_PERCENT,
    CONFIG_MIB,
    CONFIG_PER_SECOND,
    CONFIG_PER_MINUTE,
    CONFIG_PER_HOUR,
    CONFIG_BYTES_PER_SECOND,
};

/* The limits in force. With rate == false the fields that have an `off` value hold it. */
struct config_limits {
    bool rate;
#define CONFIG_LIMIT_FIELD(id, name, unit, def, min, max, off, doc) uint32_t name;
    CONFIG_LIMITS(CONFIG_LIMIT_FIELD)
#undef CONFIG_LIMIT_FIELD
};

struct config_limit {
    const char *id;
    const char *name;
    enum config_unit unit;
    uint32_t def, min, max;
    int64_t off;   /* value without rate limits, or CONFIG_LIMIT_STAYS */
    size_t offset; /* in struct config_limits */
    const char *doc;
};

/* The table, in the order of the ids. */
extern const struct config_limit CONFIG_LIMIT_TABLE[];
extern const size_t CONFIG_LIMIT_COUNT;

void config_limits_default(struct config_limits *out);
/* Switches off what `limits.rate = false` switches off. */
void config_limits_rate_off(struct config_limits *limits);
uint32_t config_limits_get(const struct config_limits *limits, const struct config_limit *limit);
/* NULL: no limit of that name. */
const struct config_limit *config_limit_find(struct slice name);
/* "bytes", "per second" ...; empty for a plain count. */
const char *config_unit_name(enum config_unit unit);

#endif
