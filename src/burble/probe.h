/* Parts of `burble probe`: what a domain's XMPP service looks like from outside, found out step by
 * step, judged by rules that are pure, and shown. */
#ifndef BURBLE_PROBE_H
#define BURBLE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "burble/app.h"
#include "burble/http.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "wire/tls_client.h"
#include "xml/tree.h"

enum {
    PROBE_TIME_S = 60,       /* all of it */
    PROBE_STEP_MS = 10000,   /* a connection, until its features are there */
    PROBE_TARGETS_MAX = 8,   /* of one kind of record */
    PROBE_ADDRESSES_MAX = 4, /* of a target */
    PROBE_PORTS_MAX = 32,
    PROBE_PARALLEL = 8, /* connections at a time */
    PROBE_MECHANISMS_MAX = 24,
    PROBE_NAME_BYTES = 64,
    PROBE_TEXT_BYTES = 400,
    PROBE_TLSA_MAX = 8,
    PROBE_ROWS_MAX = 200,
    PROBE_LINKS_MAX = 8,
    PROBE_ITEMS_MAX = 50,
    PROBE_SOON_DAYS = 14, /* a certificate that ends so soon should have been renewed */
    PROBE_SLOW_MS = 1000, /* an answer */
};

/* --------------------------------------------------------------------------------------- DNS facts
 */

enum probe_service {
    PROBE_CLIENT,
    PROBE_CLIENT_TLS,
    PROBE_SERVER,
    PROBE_SERVER_TLS,
    PROBE_SERVICES
};

struct probe_tlsa {
    uint8_t usage, selector, matching, len;
    uint8_t data[64];
};

struct probe_target {
    enum probe_service service;
    bool implied; /* by the domain's own addresses, or by --host: there is no record */
    bool none;    /* ".": decidedly no such service */
    uint16_t priority, weight, port;
    char host[RESOLVER_NAME_BYTES];
    enum resolver_result resolved;
    struct addr addresses[PROBE_ADDRESSES_MAX];
    size_t address_count, address_more;
    bool open; /* addresses are still to come */
    enum resolver_result tlsa_result;
    bool tlsa_authenticated;
    struct probe_tlsa tlsa[PROBE_TLSA_MAX];
    size_t tlsa_count;
};

/* ------------------------------------------------------------------------------------- stream
 * facts
 */

enum {
    PROBE_BIND_UNIQUE = 1,
    PROBE_BIND_EXPORTER = 2,
    PROBE_BIND_END_POINT = 4,
    PROBE_BIND_OTHER = 8
};

struct probe_names {
    char text[PROBE_MECHANISMS_MAX][PROBE_NAME_BYTES];
    size_t count;
};

/* What stream features say (RFC 6120 section 4.3.2). */
struct probe_features {
    bool seen;
    bool starttls, starttls_required;
    struct probe_names sasl, sasl2;
    unsigned bindings; /* XEP-0440 */
    bool bindings_said;
    bool bind2, fast, sm_inline;
    bool registration;
    bool dialback, compression;
};
struct probe_binding {
    unsigned bit;
    const char *name;
};
enum { PROBE_BINDINGS = 4 };
extern const struct probe_binding PROBE_BINDING[PROBE_BINDINGS];

enum probe_version { PROBE_TLS_1_0, PROBE_TLS_1_1, PROBE_TLS_1_2, PROBE_TLS_1_3, PROBE_VERSIONS };
enum probe_answer { PROBE_UNKNOWN, PROBE_NO, PROBE_YES };

/* One address and port, as one service. */
struct probe_port {
    const struct probe_target *target;
    unsigned step; /* of the look at it: 0 is the whole stream, then a version each */
    bool busy;
    struct addr addr;
    bool direct;
    enum probe_answer tcp;
    uint32_t tcp_ms, tls_ms;
    enum probe_answer tls;
    enum probe_answer versions[PROBE_VERSIONS];
    struct tls_peer_facts facts;
    struct tls_peer_problem problem; /* of its certificate: TLS_FAULT_NONE when it is trusted */
    char problem_text[PROBE_TEXT_BYTES];
    struct probe_features clear, secured;
    char error[PROBE_TEXT_BYTES];     /* what ended the look too early; "" when nothing did */
    char condition[PROBE_NAME_BYTES]; /* stream error; "" none */
};

/* -------------------------------------------------------------------------------------- web,
 * account
 */

struct probe_link {
    char rel[PROBE_NAME_BYTES], href[PROBE_TEXT_BYTES];
};

struct probe_meta {
    enum probe_answer there; /* PROBE_UNKNOWN: it could not be asked for */
    bool readable, any_origin;
    int status;
    char why[PROBE_TEXT_BYTES];
    struct probe_link links[PROBE_LINKS_MAX];
    size_t count;
};

enum probe_place {
    PROBE_AT_SERVER,
    PROBE_AT_ACCOUNT,
    PROBE_AT_STREAM,
    PROBE_AT_MUC,
    PROBE_AT_UPLOAD,
    PROBE_PLACES
};

struct probe_account {
    bool asked, online;
    size_t items_more; /* services that were not looked at */
    char why[PROBE_TEXT_BYTES];
    struct buf features[PROBE_PLACES]; /* each followed by a line feed */
    bool pep;
    unsigned pings;
    uint32_t ping_us_min, ping_us_max, ping_us_sum;
};

/* ------------------------------------------------------------------------------------------
 * verdict
 */

enum probe_level { PROBE_OK, PROBE_WARNING, PROBE_ERROR };

struct probe_row {
    enum probe_level level;
    enum exit_code code; /* of an error: EXIT_UNREACHABLE, EXIT_LOGIN, EXIT_PROTOCOL */
    char what[20];       /* "certificate" */
    char where[ADDR_TEXT_BYTES + 16];
    char text[PROBE_TEXT_BYTES];
};

/* A question to the DNS. */
struct probe_ask {
    struct probe *p;
    enum probe_service service;
    struct probe_target *target;
};
enum {
    PROBE_ALL_TARGETS_MAX = PROBE_SERVICES * PROBE_TARGETS_MAX + 2,
    PROBE_ASKS_MAX = PROBE_SERVICES + 2 * PROBE_ALL_TARGETS_MAX,
};

struct probe {
    struct app *app;
    const char *domain; /* prepared; ascii: its A-labels */
    const char *ascii;
    struct now began;
    struct loop loop;
    struct resolver *resolver;
    struct tls_context *trust;
    uint64_t deadline_ms;
    bool late;
    bool servers; /* s2s, too */

    enum resolver_result srv[PROBE_SERVICES];
    bool srv_asked;
    struct probe_target targets[PROBE_ALL_TARGETS_MAX];
    size_t target_count, target_more;
    struct probe_ask asks[PROBE_ASKS_MAX];
    size_t ask_count;
    size_t open; /* of them */

    struct probe_port ports[PROBE_PORTS_MAX];
    size_t port_count, port_more;

    struct probe_meta meta_xml, meta_json;
    bool meta_asked;
    struct probe_account account;

    struct probe_row rows[PROBE_ROWS_MAX];
    size_t row_count;
};

const char *probe_service_text(enum probe_service s); /* "_xmpp-client._tcp" */
const char *probe_version_text(enum probe_version v); /* "1.2" */

/* probe_dns.c: SRV, addresses and TLSA records; until all is there or the time is over. 0 or an
 * exit code, having said why. */
int probe_dns(struct probe *p);

/* probe_conn.c: a look at every port. */
int probe_ports(struct probe *p);

/* probe_features.c: pure. */
void probe_read_features(struct xml features, struct probe_features *out);
/* host-meta (XEP-0156): false when it is none. */
bool probe_read_xrd(struct slice text, struct probe_meta *out);
bool probe_read_jrd(struct slice text, struct probe_meta *out);

/* probe_meta.c */
int probe_host_meta(struct probe *p, const char *url);

/* probe_account.c: with app->account. */
int probe_account(struct probe *p);
bool probe_has(const struct probe_account *a, enum probe_place where, const char *feature);

/* probe_suite.c: pure. The rows of XEP-0479 that a server can be seen to have. */
enum probe_suite { SUITE_CORE, SUITE_WEB, SUITE_IM, SUITE_MOBILE, SUITE_CALLS, SUITES };
struct probe_need {
    enum probe_suite suite;
    bool advanced;
    const char *xep, *what;
    enum probe_answer (*look)(const struct probe *p);
    enum probe_place where; /* without look */
    const char *feature;
};
extern const struct probe_need PROBE_NEEDS[];
extern const size_t PROBE_NEED_COUNT;
const char *probe_suite_text(enum probe_suite s);
enum probe_answer probe_meets(const struct probe *p, const struct probe_need *n);

/* probe_verdict.c: pure. Fills the rows; now_s is the time at which certificates are judged. */
void probe_judge(struct probe *p, int64_t now_s);
/* 0; EXIT_REFUSED for warnings; else that of the first error. */
int probe_exit_code(const struct probe *p);
void probe_add(struct probe *p, enum probe_level level, enum exit_code code, const char *what,
               const char *where, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
#define PROBE_OK_ROW(p, what, where, ...)                                                          \
    probe_add(p, PROBE_OK, EXIT_DONE, what, where, __VA_ARGS__)
#define PROBE_WARNING_ROW(p, what, where, ...)                                                     \
    probe_add(p, PROBE_WARNING, EXIT_REFUSED, what, where, __VA_ARGS__)
#define PROBE_ERROR_ROW(p, code, what, where, ...)                                                 \
    probe_add(p, PROBE_ERROR, code, what, where, __VA_ARGS__)

/* probe_offers.c: pure. The rows of what is there for web clients, and for an account. */
void probe_judge_offers(struct probe *p);

/* probe_show.c: for people. */
void probe_show(struct probe *p);
const char *probe_level_text(enum probe_level l);
const char *probe_answer_text(enum probe_answer a);

/* probe_json.c: for programs. */
void probe_json(const struct probe *p);

#endif
