/* Reload (O02, O03, O05, O14): the file is read and checked as at the start; when anything is wrong
 * the old configuration stays. Otherwise every shard takes the new one at a turn of its own, and
 * the caller hears of it when all have. */
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "burbled/config_tls.h"
#include "burbled/server_inside.h"
#include "io/clock.h"

static void log_problems(struct server *s, const struct config_errors *errors)
{
    for (uint32_t i = 0; i < errors->count; i++) {
        char text[1024];
        struct log_line l;
        const struct config_error *e = &errors->items[i];
        const char *key = e->key != NULL ? e->key : "";
        bool tls =
            slice_is(slice_z(key), "hosts.certificate") || slice_is(slice_z(key), "hosts.key");
        config_error_format(e, text, sizeof(text));
        log_begin(&l, &s->log, e->warning ? LOG_WARNING : LOG_ERROR,
                  tls ? "tls.config" : "config.error");
        log_z(&l, "cond", text);
        log_end(&l);
    }
}

/* Everybody who asked hears how it went. */
static void tell(struct server *s, bool done)
{
    struct reload_waiter *all = s->reload_waiters;
    s->reload_waiters = NULL;
    while (all != NULL) {
        struct reload_waiter *w = all;
        all = w->next;
        w->fn(s, w->ticket, done, &s->reload_problems);
        mem_free(w);
    }
    config_errors_free(&s->reload_problems);
}

static void reject(struct server *s)
{
    struct log_line l;
    log_problems(s, &s->reload_problems);
    log_begin(&l, &s->log, LOG_ERROR, "config.reject");
    log_num(&l, "errors", s->reload_problems.error_count);
    log_z(&l, "cond", "the old configuration stays in force");
    log_end(&l);
    tell(s, false);
}

/* What cannot change while the server runs. */
static void compare(struct server *s, const struct config *c)
{
    const struct config *was = &s->setup->config;
    struct config_errors *e = &s->reload_problems;
    static const char text[] = "takes effect at the next start";
    if (!slice_eq(slice_z(was->data_dir), slice_z(c->data_dir)))
        config_errors_add(e, true, c->path, 0, "data_dir", "%s", text);
    if (was->store != c->store)
        config_errors_add(e, true, c->path, 0, "store", "%s", text);
    if (was->durability != c->durability)
        config_errors_add(e, true, c->path, 0, "durability", "%s", text);
    if (was->archive_search != c->archive_search)
        config_errors_add(e, true, c->path, 0, "archive_search", "%s", text);
    if (was->shards != c->shards)
        config_errors_add(e, true, c->path, 0, "shards", "%s", text);
    if (was->log_target != c->log_target)
        config_errors_add(e, true, c->path, 0, "log.target", "%s", text);
    if (was->limits.pbkdf2_workers != c->limits.pbkdf2_workers ||
        was->limits.pbkdf2_queue != c->limits.pbkdf2_queue)
        config_errors_add(e, true, c->path, 0, "limits.pbkdf2_workers", "%s", text);
}

static struct setup *load(struct server *s)
{
    struct config config = {0};
    struct setup *setup = NULL;
    if (config_load(s->config_path, &config, &s->reload_problems) == 0) {
        compare(s, &config);
        setup = setup_new(&config, clock_now().wall_ms / 1000, &s->reload_problems);
    }
    config_free(&config);
    struct buf problem = {0};
    if (setup != NULL && setup_open(setup, s->setup, &problem) != 0) {
        config_errors_add(&s->reload_problems, false, setup->config.path, 0, "listen",
                          "cannot listen: %.*s", SLICE_ARG(buf_slice(&problem)));
        setup_free(&setup);
    }
    buf_free(&problem);
    return setup;
}

void server_reload(struct server *s, reload_fn *fn, uint64_t ticket)
{
    if (fn != NULL) {
        struct reload_waiter *w = mem_new(struct reload_waiter);
        *w = (struct reload_waiter){.fn = fn, .ticket = ticket, .next = s->reload_waiters};
        s->reload_waiters = w;
    }
    if (s->stopping)
        return;
    if (s->reload_left > 0) {
        s->reload_again = true; /* one is under way: the file may have changed since */
        return;
    }
    notify_reloading(&s->notify);
    struct setup *setup = load(s);
    if (setup == NULL) {
        reject(s);
        notify_ready(&s->notify);
        return;
    }
    setup->older = s->setup;
    s->reload_was = s->setup;
    s->setup = setup;
    s->log.level = setup->config.log_level;
    gate_configure(s->all.gate, &setup->gate);
    logger_limit(s->logger, setup->config.limits.log_lines_per_second);
    s->reload_left = s->all.count;
    for (uint32_t i = 0; i < s->all.count; i++) {
        struct order *o = mem_new(struct order);
        o->kind = ORDER_RELOAD;
        o->setup = setup;
        shard_order(s->all.list[i], o);
    }
}

void reload_ack(struct server *s)
{
    CHECK(s->reload_left > 0);
    if (--s->reload_left > 0)
        return;
    setup_close(s->reload_was, s->setup);
    struct log_line l;
    log_problems(s, &s->reload_problems);
    log_begin(&l, &s->log, LOG_INFO, "config.applied");
    log_num(&l, "warnings", s->reload_problems.count);
    log_end(&l);
    notify_ready(&s->notify);
    s->inspect_at_ms = 0;
    if (s->reload_again) {
        s->reload_again = false;
        config_errors_free(&s->reload_problems);
        server_reload(s, NULL, 0);
        return;
    }
    tell(s, true);
}

void reload_free(struct server *s)
{
    while (s->reload_waiters != NULL) {
        struct reload_waiter *w = s->reload_waiters;
        s->reload_waiters = w->next;
        mem_free(w);
    }
    config_errors_free(&s->reload_problems);
}

void server_inspect_certificates(struct server *s)
{
    struct config_errors errors = {0};
    config_tls_check(&s->setup->config, clock_now().wall_ms / 1000, &errors);
    log_problems(s, &errors);
    config_errors_free(&errors);
}
