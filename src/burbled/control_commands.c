/* The commands of the control socket: most go to the shards (core/admin.h), some are the main
 * thread's own. What only the process knows is added to the shards' rows here. */
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/time.h"
#include "burbled/control_inside.h"
#include "io/process.h"

enum { DAY_S = 86400, EXPIRES_SOON_DAYS = 14, OUT_MAX = 256 << 10 };

/* ------------------------------------------------------------------------------------------ rows
 */

static void stat_row(struct buf *out, const char *name, uint64_t value)
{
    struct control_row row;
    control_row_begin(&row, out);
    control_row_z(&row, "name", name);
    control_row_num(&row, "value", (int64_t)value);
    (void)control_row_end(&row);
}

/* What the process as a whole knows. */
static void process_stats(struct server *s, struct buf *out)
{
    struct gate_counts gate;
    gate_counts(s->all.gate, &gate);
    stat_row(out, "uptime_seconds", (s->loop.now.mono_ms - s->started_mono_ms) / 1000);
    stat_row(out, "shards", s->all.count);
    stat_row(out, "memory_bytes", process_resident_bytes());
    stat_row(out, "cpu_microseconds", process_cpu_us());
    stat_row(out, "connections", gate.open);
    stat_row(out, "connections_unauthenticated", gate.unauthenticated);
    stat_row(out, "connections_refused", gate.refused_many + gate.refused_fast);
    stat_row(out, "connections_evicted", gate.evicted);
    stat_row(out, "addresses_remembered", gate.addresses);
    stat_row(out, "logins_delayed", gate.delayed);
    stat_row(out, "registrations_refused", gate.refused_register);
    stat_row(out, "pbkdf2_waiting", job_pool_waiting(s->all.jobs));
    stat_row(out, "log_lines_lost", logger_lost(s->logger));
}

static void date(int64_t wall_s, char out[TIME_STAMP_BYTES])
{
    time_stamp(wall_s * 1000, out);
    out[10] = '\0';
}

static void certificate(const struct server *s, struct slice host, struct control_row *row)
{
    const struct config *c = &s->setup->config;
    for (uint32_t i = 0; i < c->host_count; i++) {
        if (!slice_eq(slice_z(c->hosts[i].name), host))
            continue;
        char day[TIME_STAMP_BYTES], text[64];
        date(s->setup->expiries_s[i], day);
        if (s->setup->expiries_s[i] == 0)
            control_row_z(row, "certificate", "none");
        else if (c->hosts[i].certificate == NULL)
            control_row_z(row, "certificate", "self-made");
        else {
            snprintf(text, sizeof(text), "valid until %s", day);
            control_row_z(row, "certificate", text);
        }
    }
}

/* The rows of a request that came back, as lines. */
static void add_rows(struct control_conn *conn, const struct admin_request *r)
{
    struct control_row row;
    struct admin_cell cell;
    size_t at = 0;
    unsigned number = 0, before = UINT32_MAX;
    struct slice host = SLICE_NONE;
    while (admin_cells(r, &at, &number, &cell)) {
        char name[64];
        if (number != before) {
            if (before != UINT32_MAX) {
                if (conn->extra == CONTROL_HOSTS)
                    certificate(conn->control->server, host, &row);
                (void)control_row_end(&row);
            }
            control_row_begin(&row, &conn->out);
            before = number;
        }
        snprintf(name, sizeof(name), "%.*s", SLICE_ARG(cell.name));
        if (slice_is(cell.name, "host"))
            host = cell.text;
        if (cell.kind == ADMIN_TEXT)
            control_row_str(&row, name, cell.text);
        else if (cell.kind == ADMIN_NUMBER)
            control_row_num(&row, name, cell.number);
        else
            control_row_bool(&row, name, cell.number != 0);
    }
    if (before == UINT32_MAX)
        return;
    if (conn->extra == CONTROL_HOSTS)
        certificate(conn->control->server, host, &row);
    (void)control_row_end(&row);
}

/* ------------------------------------------------------------------------------------ the shards
 */

void control_forward(struct control *c, struct admin_request *r)
{
    struct shards *all = &c->server->all;
    uint32_t to = r->to < all->count ? r->to : 0;
    struct mail *m = mail_new(MAIL_ADMIN, all->count, to);
    m->object = r;
    shard_mail(all->list[to], m);
}

void control_answer(struct control *c, struct admin_request *r)
{
    struct control_conn *conn = handle_get(&c->handles, r->ticket);
    if (conn == NULL) {
        admin_request_free(&r); /* nobody waits for the rest */
        return;
    }
    add_rows(conn, r);
    buf_clear(&r->rows);
    if (r->to != ADMIN_NOWHERE) {
        if (buf_len(&conn->out) < OUT_MAX)
            control_forward(c, r);
        else
            conn->held = r;
        control_send(conn);
        return;
    }
    struct buf error = r->error;
    r->error = (struct buf){0};
    int exit = r->exit;
    admin_request_free(&r);
    if (exit == 0 && conn->extra == CONTROL_STATS)
        process_stats(c->server, &conn->out);
    buf_byte(&error, '\0');
    control_end(conn, (enum control_exit)exit, exit == 0 || error.failed ? NULL : error.ptr);
    buf_free(&error);
}

static void to_shards(struct control_conn *conn, const struct control_request *q)
{
    struct admin_request *r = admin_request_new();
    size_t len = q->command.len;
    CHECK(q->arg_count <= ADMIN_ARGS);
    for (size_t i = 0; i < q->arg_count; i++)
        len += q->args[i].key.len + q->args[i].value.len;
    /* Room for everything first: the slices point into it. */
    if (buf_reserve(&r->text, len + 1) != 0 || buf_reserve(&r->secret, q->password.len + 1) != 0) {
        admin_request_free(&r);
        control_end(conn, CONTROL_TRY_AGAIN, "out of memory");
        return;
    }
    const char *at = r->text.ptr;
    buf_add(&r->text, q->command);
    r->command = slice_of(at, q->command.len);
    at += q->command.len;
    for (size_t i = 0; i < q->arg_count; i++) {
        struct slice name = q->args[i].key, value = q->args[i].value;
        buf_add(&r->text, name);
        buf_add(&r->text, value);
        r->args[r->arg_count++] =
            (struct admin_argument){slice_of(at, name.len), slice_of(at + name.len, value.len)};
        at += name.len + value.len;
    }
    if (q->password.ptr != NULL) {
        buf_add(&r->secret, q->password);
        r->password = buf_slice(&r->secret);
    }
    r->from = conn->control->server->all.count;
    r->ticket = conn->handle;
    if (slice_is(q->command, "host list"))
        conn->extra = CONTROL_HOSTS;
    else if (slice_is(q->command, "stats"))
        conn->extra = CONTROL_STATS;
    control_forward(conn->control, r);
}

/* ------------------------------------------------------------------------- the main thread's own
 */

static void limits(struct control_conn *conn)
{
    const struct config_limits *l = &conn->control->server->setup->config.limits;
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct config_limit *limit = &CONFIG_LIMIT_TABLE[i];
        struct control_row row;
        control_row_begin(&row, &conn->out);
        control_row_z(&row, "name", limit->name);
        if (!l->rate && limit->off != CONFIG_LIMIT_STAYS)
            control_row_z(&row, "value", "off");
        else
            control_row_num(&row, "value", config_limits_get(l, limit));
        control_row_num(&row, "default", limit->def);
        control_row_z(&row, "unit", config_unit_name(limit->unit));
        control_row_z(&row, "id", limit->id);
        control_row_z(&row, "meaning", limit->doc);
        (void)control_row_end(&row);
    }
    control_end(conn, 0, NULL);
}

static void reloaded(struct server *s, uint64_t ticket, bool done,
                     const struct config_errors *problems)
{
    struct control_conn *conn = handle_get(&s->control->handles, ticket);
    if (conn == NULL)
        return;
    for (uint32_t i = 0; i < problems->count; i++) {
        char text[1024];
        struct control_row row;
        config_error_format(&problems->items[i], text, sizeof(text));
        control_row_begin(&row, &conn->out);
        control_row_z(&row, "problem", text);
        (void)control_row_end(&row);
    }
    control_end(conn, CONTROL_CONFIG,
                done ? NULL : "the configuration is wrong; the old one stays in force");
}

static void reload(struct control_conn *conn)
{
    server_reload(conn->control->server, reloaded, conn->handle);
}

static void check_row(struct control_conn *conn, const char *check, bool good, const char *detail)
{
    struct control_row row;
    control_row_begin(&row, &conn->out);
    control_row_z(&row, "check", check);
    control_row_z(&row, "result", good ? "ok" : "warning");
    control_row_z(&row, "detail", detail);
    (void)control_row_end(&row);
}

/* What a running server adds to `burblectl check`. The store is asked to write last. */
static void check(struct control_conn *conn)
{
    struct server *s = conn->control->server;
    const struct config *c = &s->setup->config;
    char text[256], day[TIME_STAMP_BYTES];
    snprintf(text, sizeof(text), "pid %ld, version %s, shards %u, up for %llu s", (long)getpid(),
             BURBLE_VERSION, (unsigned)s->all.count,
             (unsigned long long)((s->loop.now.mono_ms - s->started_mono_ms) / 1000));
    check_row(conn, "server", true, text);
    for (uint32_t i = 0; i < c->host_count; i++) {
        int64_t at_s = s->setup->expiries_s[i];
        char name[128];
        if (at_s == 0)
            continue;
        date(at_s, day);
        snprintf(name, sizeof(name), "served certificate %.100s", c->hosts[i].name);
        snprintf(text, sizeof(text), "valid until %s", day);
        check_row(conn, name,
                  at_s - s->loop.now.wall_ms / 1000 > (int64_t)EXPIRES_SOON_DAYS * DAY_S, text);
    }
    snprintf(text, sizeof(text), "%llu", (unsigned long long)s->descriptors);
    check_row(conn, "descriptors", s->descriptors >= PROCESS_DESCRIPTORS_MIN, text);
    snprintf(text, sizeof(text), "lines lost: %llu", (unsigned long long)logger_lost(s->logger));
    check_row(conn, "log", logger_lost(s->logger) == 0, text);
    struct store_request *r = store_batch_new(s->all.count, conn->handle);
    store_delete(r, SLICE("burbled"), SLICE("watchdog"), SLICE("")); /* there is none */
    store_submit(s->all.store, r);
}

void control_probed(struct control *c, const struct store_request *r)
{
    struct control_conn *conn = handle_get(&c->handles, r->ticket);
    if (conn == NULL)
        return;
    struct control_row row;
    control_row_begin(&row, &conn->out);
    control_row_z(&row, "check", "store");
    control_row_z(&row, "result", r->err == 0 ? "ok" : "error");
    control_row_z(&row, "detail", r->err == 0 ? "it can be written" : err_text(r->err));
    (void)control_row_end(&row);
    control_end(conn, 0, NULL);
}

static void log_command(const struct control_conn *conn, const struct control_request *q)
{
    struct log_line l;
    log_begin(&l, &conn->control->server->log, LOG_INFO, "admin");
    log_num(&l, "uid", conn->peer.uid);
    log_num(&l, "pid", conn->peer.pid);
    log_str(&l, "command", q->command);
    struct slice jid = control_request_arg(q, "jid");
    if (jid.ptr != NULL)
        log_str(&l, "jid", jid);
    log_end(&l);
}

/* Somebody made a backup, and says so for the log (O18). */
static void note_backup(struct control_conn *conn, const struct control_request *q)
{
    unsigned long long bytes;
    struct log_line l;
    if (q->arg_count != 1 || !slice_to_u64(control_request_arg(q, "bytes"), &bytes)) {
        control_end(conn, CONTROL_USAGE, "\"backup\" takes bytes, a number");
        return;
    }
    log_begin(&l, &conn->control->server->log, LOG_INFO, "backup");
    log_num(&l, "uid", conn->peer.uid);
    log_num(&l, "bytes", (long long)bytes);
    log_end(&l);
    control_end(conn, 0, NULL);
}

void control_run(struct control_conn *conn, const struct control_request *q)
{
    static const struct {
        const char *name;
        void (*run)(struct control_conn *conn);
    } own[] = {{"limits", limits}, {"reload", reload}, {"check", check}};
    log_command(conn, q);
    if (admin_knows(q->command)) {
        to_shards(conn, q);
        return;
    }
    if (slice_is(q->command, "backup") && q->password.ptr == NULL) {
        note_backup(conn, q);
        return;
    }
    bool bare = q->arg_count == 0 && q->password.ptr == NULL;
    for (size_t i = 0; bare && i < sizeof(own) / sizeof(own[0]); i++)
        if (slice_eq(q->command, slice_z(own[i].name))) {
            own[i].run(conn);
            return;
        }
    if (bare && slice_is(q->command, "stop")) {
        conn->state = CONTROL_STOPPING;
        server_stop(conn->control->server);
        return;
    }
    control_end(conn, CONTROL_USAGE,
                bare ? "there is no such command" : "the command does not take arguments");
}
