/* The administrator's commands about the server as a whole: hosts, counters, hooks. */
#include "base/check.h"
#include "core/admin_inside.h"
#include "core/hooks.h"

enum { OWNERS_PAGE = 1000 };

/* Numbers that shards add up travel as an array of 64 bits in notes. */
static uint64_t *numbers(struct admin_request *r, size_t n)
{
    CHECK(n <= 2 * 1024);
    while (buf_len(&r->notes) < n * sizeof(uint64_t) && !r->notes.failed)
        buf_append(&r->notes, &(uint64_t){0}, sizeof(uint64_t));
    CHECK(!r->notes.failed);
    return (uint64_t *)(void *)(r->notes.ptr + r->notes.start);
}

static void add(struct admin_request *r, size_t n, size_t i, uint64_t value)
{
    numbers(r, n)[i] += value;
}

/* ----------------------------------------------------------------------------------------- hosts
 */

static size_t host_index(const struct engine *e, struct slice bare)
{
    struct jid jid;
    for (size_t i = 0; jid_from_prepared(bare, &jid) && i < e->config->host_count; i++)
        if (slice_eq(e->config->hosts[i].name, jid_domain(&jid)))
            return i;
    return SIZE_MAX;
}

static void host_rows(struct engine *e, struct admin_request *r)
{
    const struct core_config *c = e->config;
    for (size_t i = 0; i < c->host_count; i++) {
        const struct host_config *h = &c->hosts[i];
        struct buf aliases = {0};
        for (size_t k = 0; k < h->alias_count; k++) {
            if (k > 0)
                buf_byte(&aliases, ' ');
            buf_add(&aliases, h->aliases[k]);
        }
        admin_row_begin(r);
        admin_row_text(r, "host", h->name);
        admin_row_text(r, "aliases", buf_slice(&aliases));
        admin_row_text(r, "registration",
                       h->registration == REGISTRATION_OPEN ? SLICE("open") : SLICE("closed"));
        admin_row_number(r, "accounts", (long long)numbers(r, 2 * c->host_count)[2 * i]);
        admin_row_number(r, "sessions", (long long)numbers(r, 2 * c->host_count)[2 * i + 1]);
        admin_row_end(r);
        buf_free(&aliases);
    }
    admin_return(e, r, ADMIN_NOWHERE);
}

static void host_sessions(struct engine *e, struct admin_request *r)
{
    size_t n = 2 * e->config->host_count;
    for (struct hnode *h = hmap_walk(&e->accounts, NULL); h != NULL;
         h = hmap_walk(&e->accounts, h)) {
        const struct account *a = CONTAINER_OF(h, struct account, node);
        size_t i = a->session_count > 0 ? host_index(e, jid_bare(&a->jid)) : SIZE_MAX;
        if (i != SIZE_MAX)
            add(r, n, 2 * i + 1, a->session_count);
    }
    if (admin_last_shard(e, r))
        host_rows(e, r);
}

static void owners_read(struct engine *e, void *ctx, struct store_request *answer)
{
    struct admin_request *r = ctx;
    struct slice owner;
    size_t at = 0;
    if (answer->err != 0) {
        admin_store_failed(e, r, answer->err);
        return;
    }
    while (admin_owners_next(r, answer, &at, &owner)) {
        size_t i = host_index(e, owner);
        if (i != SIZE_MAX)
            add(r, 2 * e->config->host_count, 2 * i, 1);
    }
    if (buf_len(&r->cursor) > 0)
        admin_owners_ask(e, r, OWNERS_PAGE, owners_read);
    else
        host_sessions(e, r);
}

static void hosts(struct engine *e, struct admin_request *r)
{
    if (e->shard == 0)
        admin_owners_ask(e, r, OWNERS_PAGE, owners_read);
    else
        host_sessions(e, r);
}

/* -------------------------------------------------------------------------------------- counters
 */

#define COUNTERS(X)                                                                                \
    X(streams_opened)                                                                              \
    X(logins)                                                                                      \
    X(login_failures)                                                                              \
    X(registrations)                                                                               \
    X(stanzas_in)                                                                                  \
    X(stanzas_out)                                                                                 \
    X(messages_in)                                                                                 \
    X(messages_delivered)                                                                          \
    X(messages_stored)                                                                             \
    X(errors_sent)                                                                                 \
    X(mails)                                                                                       \
    X(store_batches)                                                                               \
    X(store_queries)

static void stats(struct engine *e, struct admin_request *r)
{
    static const char *const NAMES[] = {"streams", "sessions", "accounts_loaded",
#define COUNTER_NAME(name) #name,
                                        COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
    };
    enum { N = sizeof(NAMES) / sizeof(NAMES[0]) };
    size_t streams = 0;
    for (uint32_t at = 0; handle_walk(&e->streams, &at) != NULL;)
        streams++;
    const uint64_t values[N] = {streams, e->session_count, e->accounts.count,
#define COUNTER_VALUE(name) e->counters.name,
                                COUNTERS(COUNTER_VALUE)
#undef COUNTER_VALUE
    };
    for (size_t i = 0; i < N; i++)
        add(r, N, i, values[i]);
    if (!admin_last_shard(e, r))
        return;
    for (size_t i = 0; i < N; i++) {
        admin_row_begin(r);
        admin_row_text(r, "name", slice_z(NAMES[i]));
        admin_row_number(r, "value", (long long)numbers(r, N)[i]);
        admin_row_end(r);
    }
    admin_return(e, r, ADMIN_NOWHERE);
}

/* ----------------------------------------------------------------------------------------- hooks
 */

static const struct {
    const char *stage, *hook;
    size_t offset;
} HOOKS[] = {
    {"check", "check_outgoing", offsetof(struct module, check_outgoing)},
    {"check", "check_incoming", offsetof(struct module, check_incoming)},
    {"check", "archive_wants", offsetof(struct module, archive_wants)},
    {"after", "message_kept", offsetof(struct module, message_kept)},
    {"after", "session_ready", offsetof(struct module, session_ready)},
    {"after", "presence_sent", offsetof(struct module, presence_sent)},
    {"after", "session_ended", offsetof(struct module, session_ended)},
    {"after", "session_hibernates", offsetof(struct module, session_hibernates)},
    {"after", "session_drained", offsetof(struct module, session_drained)},
    {"account", "account_read", offsetof(struct module, account_read)},
    {"account", "account_unload", offsetof(struct module, account_unload)},
    {"stream", "stream_features", offsetof(struct module, stream_features)},
    {"disco", "disco_forms", offsetof(struct module, disco_forms)},
};

static bool takes(const struct module *m, size_t offset)
{
    void (*fn)(void);
    memcpy(&fn, (const char *)m + offset, sizeof(fn));
    return fn != NULL;
}

static void hook_row(struct admin_request *r, const char *stage, struct slice hook,
                     unsigned position, const char *module)
{
    admin_row_begin(r);
    admin_row_text(r, "stage", slice_z(stage));
    admin_row_text(r, "hook", hook);
    admin_row_number(r, "position", position);
    admin_row_text(r, "module", slice_z(module));
    admin_row_end(r);
}

static void hooks(struct engine *e, struct admin_request *r)
{
    unsigned n;
    const struct module *const *modules = hooks_modules(e, &n);
    for (size_t h = 0; h < sizeof(HOOKS) / sizeof(HOOKS[0]); h++) {
        unsigned position = 0;
        for (unsigned i = 0; i < n; i++)
            if (takes(modules[i], HOOKS[h].offset))
                hook_row(r, HOOKS[h].stage, slice_z(HOOKS[h].hook), ++position, modules[i]->name);
    }
    for (unsigned i = 0; i < n; i++)
        for (const struct module_iq *iq = modules[i]->iqs; iq != NULL && iq->ns != NULL; iq++) {
            struct buf hook = {0};
            buf_printf(&hook, "%s %s", iq->name, iq->ns);
            hook_row(r, "iq", buf_slice(&hook), 1, modules[i]->name);
            buf_free(&hook);
        }
    admin_return(e, r, ADMIN_NOWHERE);
}

const struct admin_command ADMIN_SERVER_COMMANDS[] = {
    {.name = "host list", .serve = hosts},
    {.name = "stats", .serve = stats},
    {.name = "hooks", .serve = hooks},
    {0},
};
