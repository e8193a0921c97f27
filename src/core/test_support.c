/* Engines on one memory store, for tests. */
#include "core/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/module.h"
#include "core/service/accounts.h"

static const struct module *const HALL_MODULES[] = {&STREAM_MODULE, &ROSTER_MODULE, NULL};

static void fill(void *ctx, void *out, size_t n)
{
    struct hall *h = ctx;
    unsigned char *p = out;
    for (size_t i = 0; i < n; i++) {
        h->seed = h->seed * 6364136223846793005u + 1442695040888963407u;
        p[i] = (unsigned char)(h->seed >> 56);
    }
}

static void answered(void *ctx, struct store_request *r)
{
    struct hall *h = ctx;
    engine_store_answer(h->engines[r->shard], r);
}

struct hall *hall_new(uint32_t shards)
{
    struct hall *h = mem_new(struct hall);
    h->shards = shards;
    h->now = (struct now){.mono_ms = 1000, .wall_ms = 1795159156342};
    h->rng = (struct rng){.fill = fill, .ctx = h};
    h->alias = SLICE("talk.localhost");
    h->host = (struct host_config){
        .name = SLICE("localhost"), .aliases = &h->alias, .alias_count = 1, .archive = true};
    h->config = (struct core_config){.hosts = &h->host,
                                     .host_count = 1,
                                     .limits = LIMITS_DEFAULT,
                                     .iterations = SASL_ITERATIONS_MIN,
                                     .version = "0"};
    h->store = store_memory_new();
    h->store->answered = answered;
    h->store->ctx = h;
    for (uint32_t i = 0; i < shards; i++) {
        struct engine_setup setup = {.shard = i,
                                     .shards = shards,
                                     .config = &h->config,
                                     .modules = HALL_MODULES,
                                     .rng = &h->rng,
                                     .owner_key = {1, 2},
                                     .now = h->now};
        h->engines[i] = engine_new(&setup);
    }
    return h;
}

void hall_free(struct hall **hall)
{
    struct hall *h = *hall;
    hall_run(h);
    for (size_t i = 0; i < h->guest_count; i++) {
        c2s_free(&h->guests[i].stream);
        buf_free(&h->guests[i].link.out);
    }
    hall_run(h);
    for (uint32_t i = 0; i < h->shards; i++)
        engine_free(&h->engines[i]);
    admin_request_free(&h->returned);
    store_free(&h->store);
    mem_free(h);
    *hall = NULL;
}

static bool run_mails(struct hall *h, struct engine *e)
{
    bool moved = false;
    struct list *node;
    while ((node = list_pop(&e->out_mails)) != NULL) {
        struct mail *m = CONTAINER_OF(node, struct mail, link);
        moved = true;
        if (m->to < h->shards) {
            engine_mail(h->engines[m->to], m);
            continue;
        }
        assert_int_equal(m->kind, MAIL_ADMIN_DONE);
        assert_null(h->returned);
        h->returned = m->object;
        mail_free(&m);
    }
    return moved;
}

static bool run_work(struct hall *h, struct engine *e)
{
    bool moved = false;
    struct list *node;
    while ((node = list_pop(&e->out_requests)) != NULL) {
        struct store_request *r = CONTAINER_OF(node, struct store_request, link);
        moved = true;
        h->batches += r->write;
        if (r->write && h->batch_error != 0) {
            r->err = h->batch_error;
            engine_store_answer(e, r);
            continue;
        }
        store_submit(h->store, r);
        store_run(h->store, 1);
    }
    while ((node = list_pop(&e->out_jobs)) != NULL) {
        struct job *job = CONTAINER_OF(node, struct job, link);
        moved = true;
        if (h->job_error != 0)
            job->err = h->job_error;
        else
            job->run(job);
        engine_job_done(e, job);
    }
    return moved;
}

void hall_run(struct hall *h)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (uint32_t i = 0; i < h->shards; i++) {
            engine_flush(h->engines[i]);
            moved |= run_mails(h, h->engines[i]);
            moved |= run_work(h, h->engines[i]);
        }
    }
}

struct jid hall_jid(const char *text)
{
    struct jid jid;
    assert_true(jid_from_prepared(slice_z(text), &jid));
    return jid;
}

struct engine *hall_owner(struct hall *h, const char *bare)
{
    return h->engines[engine_owner(h->engines[0], slice_z(bare))];
}

struct engine *hall_other(struct hall *h, const char *bare)
{
    return h->engines[(hall_owner(h, bare)->shard + 1) % h->shards];
}

static void added(struct engine *e, void *ctx, enum accounts_result result)
{
    (void)e, (void)ctx;
    assert_int_equal(result, ACCOUNTS_DONE);
}

void hall_add(struct hall *h, const char *bare)
{
    struct jid jid = hall_jid(bare);
    accounts_add(hall_owner(h, bare), &jid, SLICE("secret"), added, NULL);
    hall_run(h);
}

/* --------------------------------------------------------------------------------------- guests */

static void nothing(struct link *l)
{
    (void)l;
}

static void close_link(struct link *l)
{
    CONTAINER_OF(l, struct guest, link)->closed = true;
}

static size_t backlog(const struct link *l)
{
    return buf_len(&l->out);
}

static const struct link_ops OPS = {
    .dirty = nothing, .resume = nothing, .close = close_link, .backlog = backlog};

struct guest *hall_enter(struct hall *h, const char *full)
{
    assert_true(h->guest_count < HALL_GUESTS_MAX);
    struct guest *g = &h->guests[h->guest_count++];
    struct jid jid = hall_jid(full), bare = jid_to_bare(jid);
    struct engine *e = h->engines[engine_owner(h->engines[0], jid_bare(&jid))];
    g->link = (struct link){.ops = &OPS, .conn = h->guest_count, .peer = "192.0.2.1"};
    struct c2s *s = g->stream = c2s_new(e, &g->link);
    s->header_sent = true;
    s->authenticated = true;
    s->account = account_get(e, &bare);
    account_use(e, s->account);
    hall_run(h);
    assert_int_equal(s->account->state, ACCOUNT_READY);
    s->session = session_new(e, s->account, s, jid_resource(&jid));
    s->session->roster_interested = true;
    s->state = C2S_BOUND;
    timer_stop(&s->deadline);
    c2s_entered(s);
    return g;
}

bool guest_saw(const struct guest *g, const char *text)
{
    struct slice out = buf_slice(&g->link.out);
    return out.len > 0 && memmem(out.ptr, out.len, text, strlen(text)) != NULL;
}

static void counted(struct engine *e, void *ctx, struct store_request *answer)
{
    (void)e;
    struct store_row row;
    size_t at = 0;
    assert_int_equal(answer->err, 0);
    assert_true(store_rows(answer, &at, &row));
    *(unsigned *)ctx = (unsigned)row.position;
}

unsigned hall_items(struct hall *h, const char *bare, struct slice name)
{
    unsigned n = 0;
    struct store_request *q = flow_query(h->engines[0]);
    store_count(q, slice_z(bare), name);
    flow_submit(h->engines[0], q, counted, &n);
    hall_run(h);
    return n;
}
