/* The turn of a shard: what came goes into the node, what the node wants is done. */
#include "burbled/shard.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/shard_inside.h"
#include "core/module.h"
#include "io/clock.h"
#include "io/random.h"
#include "store/store.h"

/* ----------------------------------------------------------------------------- from other threads
 */

/* Objects of the pure rooms have a place for the mailbox's node without knowing it. */
_Static_assert(sizeof(((struct mail *)0)->next_node) == sizeof(struct mailbox_node), "mail");
_Static_assert(sizeof(((struct job *)0)->next_node) == sizeof(struct mailbox_node), "job");
_Static_assert(sizeof(struct list) >= sizeof(struct mailbox_node), "store_request");

#define NODE_OF(object, member) ((struct mailbox_node *)(void *)&(object)->member)

void shard_order(struct shard *s, struct order *o)
{
    mailbox_push(&s->orders, &o->node);
}

void shard_mail(struct shard *s, struct mail *m)
{
    mailbox_push(&s->mails, NODE_OF(m, next_node));
}

void shard_answer(struct shard *s, struct store_request *r)
{
    mailbox_push(&s->answers, NODE_OF(r, link));
}

void shard_job_done(struct shard *s, struct job *job)
{
    mailbox_push(&s->jobs, NODE_OF(job, next_node));
}

/* ------------------------------------------------------------------------------------ what came */

static void order_back(struct shard *s, struct order *o)
{
    o->shard = s->index;
    mailbox_push(&s->all->main_orders, &o->node);
}

static void take_order(struct shard *s, struct order *o)
{
    switch (o->kind) {
    case ORDER_EVICT:
        acceptors_evict(s, (struct gate_owner){.shard = s->index, .conn = o->conn});
        break;
    case ORDER_ABORT:
        s->aborted = true;
        conns_drop_all(s);
        break;
    case ORDER_RELOAD:
        s->setup = o->setup;
        s->log.level = o->setup->config.log_level;
        node_reload(s->node, &o->setup->node);
        if (s->stop == NULL)
            acceptors_set(s, o->setup);
        order_back(s, o);
        return;
    case ORDER_STOP:
        CHECK(s->stop == NULL);
        s->stop = o;
        acceptors_clear(s);
        conns_hurry(s);
        node_stop(s->node);
        return;
    case ORDER_PING:
        order_back(s, o);
        return;
    }
    mem_free(o);
}

static void take_mail(struct shard *s, struct mail *m)
{
    if (m->kind != MAIL_LINK) {
        list_init(&m->link);
        node_mail(s->node, m);
        return;
    }
    conn_arrive(s, m->object);
    mail_free(&m);
}

static void take_all(struct shard *s)
{
    struct mailbox_node *n, *next;
    for (n = mailbox_take(&s->orders); n != NULL; n = next) {
        next = n->next;
        take_order(s, CONTAINER_OF(n, struct order, node));
    }
    for (n = mailbox_take(&s->mails); n != NULL; n = next) {
        next = n->next;
        take_mail(s, CONTAINER_OF(n, struct mail, next_node));
    }
    for (n = mailbox_take(&s->answers); n != NULL; n = next) {
        next = n->next;
        struct store_request *r = CONTAINER_OF(n, struct store_request, link);
        list_init(&r->link);
        node_store_answer(s->node, r);
    }
    for (n = mailbox_take(&s->jobs); n != NULL; n = next) {
        next = n->next;
        struct job *job = CONTAINER_OF(n, struct job, next_node);
        list_init(&job->link);
        node_job_done(s->node, job);
    }
}

/* --------------------------------------------------------------------------------- what goes out
 */

static void send_mail(struct shard *s, struct mail *m)
{
    if (m->to < s->all->count)
        shard_mail(s->all->list[m->to], m);
    else
        mailbox_push(&s->all->main_mails, NODE_OF(m, next_node));
}

static void give_all(struct shard *s)
{
    struct mail *m;
    while ((m = node_next_mail(s->node)) != NULL)
        send_mail(s, m);
    struct store_request *r;
    while ((r = node_next_request(s->node)) != NULL)
        store_submit(s->all->store, r);
    struct job *job;
    while ((job = node_next_job(s->node)) != NULL)
        if (job_pool_submit(s->all->jobs, job) != 0) {
            job->err = ERR_BUSY; /* L11 */
            shard_job_done(s, job);
        }
}

/* ------------------------------------------------------------------------------------------ turn
 */

static uint64_t soonest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool pending(void *ctx)
{
    struct shard *s = ctx;
    return !mailbox_empty(&s->mails) || !mailbox_empty(&s->answers) || !mailbox_empty(&s->jobs) ||
           !mailbox_empty(&s->orders);
}

/* All connections are closed, and what was begun is done. */
static void stopped(struct shard *s)
{
    if (s->stop == NULL || s->conns.count > 0 || pending(s) || (node_waits(s->node) && !s->aborted))
        return;
    struct order *o = s->stop;
    s->stop = NULL;
    order_back(s, o);
}

static uint64_t turn(void *ctx, struct now now)
{
    struct shard *s = ctx;
    node_now(s->node, now);
    take_all(s);
    node_turn(s->node);
    conns_flush(s);
    conns_move(s);
    give_all(s);
    conns_linger(s, now);
    acceptors_resume(s, now);
    stopped(s);
    uint64_t at = soonest(node_deadline(s->node), conns_deadline(s));
    return s->accept_at_ms != 0 ? soonest(at, s->accept_at_ms) : at;
}

static void run(void *arg)
{
    static const struct loop_hooks hooks = {.turn = turn, .pending = pending};
    struct shard *s = arg;
    acceptors_set(s, s->setup);
    loop_run(&s->loop, &hooks, s);
}

/* ------------------------------------------------------------------------------------------ life
 */

int shard_new(const struct shard_options *o, struct shard **shard_out)
{
    struct shard *s = mem_new(struct shard);
    s->all = o->all;
    s->index = o->index;
    s->setup = o->setup;
    s->log = *o->log;
    list_init(&s->lingering);
    random_init(&s->rng);
    int err = loop_init(&s->loop);
    if (err == 0)
        err = conn_reserve_open(&s->reserve);
    if (err != 0) {
        loop_close(&s->loop);
        mem_free(s);
        return err;
    }
    s->read = mem_alloc(SHARD_READ_BYTES);
    struct mailbox *const boxes[] = {&s->mails, &s->answers, &s->jobs, &s->orders};
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
        mailbox_init(boxes[i], &s->loop.waker);
    gate_glue(s);
    struct node_setup setup = {
        .shard = o->index,
        .shards = o->all->count,
        .config = &o->setup->node,
        .modules = MODULES,
        .rng = &s->rng,
        .log = &s->log,
        .gate = &s->gate,
        .region = o->region,
        .owner_key = o->owner_key,
        .now = s->loop.now,
    };
    memcpy(setup.fake_secret, o->fake_secret, sizeof(setup.fake_secret));
    s->node = node_new(&setup);
    *shard_out = s;
    return 0;
}

void shard_restore(struct shard *s, struct slice image)
{
    node_restore(s->node, image);
}

void shard_restore_saved(struct shard *s, bool use)
{
    node_restore_saved(s->node, use);
}

int shard_start(struct shard *s)
{
    char name[THREAD_NAME_BYTES];
    snprintf(name, sizeof(name), "shard-%u", (unsigned)s->index);
    return thread_start(&s->thread, name, run, s);
}

void shard_join(struct shard *s)
{
    loop_stop(&s->loop);
    thread_join(&s->thread);
}

/* What nobody will read any more. */
static void drop_mail(struct shard *s)
{
    struct mailbox_node *n, *next;
    for (n = mailbox_take(&s->orders); n != NULL; n = next) {
        next = n->next;
        mem_free(CONTAINER_OF(n, struct order, node));
    }
    for (n = mailbox_take(&s->mails); n != NULL; n = next) {
        next = n->next;
        struct mail *m = CONTAINER_OF(n, struct mail, next_node);
        if (m->kind == MAIL_LINK) {
            conn_arrive(s, m->object);
            m->object = NULL;
        }
        engine_drop_mail(&m);
    }
    for (n = mailbox_take(&s->answers); n != NULL; n = next) {
        next = n->next;
        struct store_request *r = CONTAINER_OF(n, struct store_request, link);
        store_request_free(&r);
    }
    for (n = mailbox_take(&s->jobs); n != NULL; n = next) {
        next = n->next;
        struct job *job = CONTAINER_OF(n, struct job, next_node);
        job->free(job);
    }
}

void shard_free(struct shard **shard)
{
    struct shard *s = *shard;
    if (s == NULL)
        return;
    drop_mail(s);
    conns_drop_all(s);
    acceptors_clear(s);
    drop_mail(s);
    node_free(&s->node);
    hmap_free(&s->conns);
    conn_reserve_close(&s->reserve);
    loop_close(&s->loop);
    mem_free(s->stop);
    mem_free(s->read);
    mem_wipe(&s->rng, sizeof(s->rng));
    mem_free(s);
    *shard = NULL;
}
