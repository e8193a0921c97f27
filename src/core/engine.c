/* The engine of one shard: its life, its mails, its clock. */
#include "core/engine.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/account.h"
#include "core/admin.h"
#include "core/c2s.h"
#include "core/components.h"
#include "core/hooks.h"
#include "core/jump.h"
#include "core/message_log.h"
#include "core/outbound.h"
#include "core/resend.h"
#include "core/router.h"
#include "core/service/accounts.h"
#include "core/service/ask.h"
#include "core/sm.h"
#include "core/trace.h"

enum { ARENA_FACTOR = 4, OWN_REGION_BYTES = 64 << 20 };

struct engine *engine_new(const struct engine_setup *setup)
{
    struct engine *e = mem_new(struct engine);
    e->shard = setup->shard;
    e->shards = setup->shards;
    e->config = setup->config;
    e->rng = setup->rng;
    e->log = setup->log;
    e->gate = setup->gate;
    e->region = setup->region;
    e->owner_key = setup->owner_key;
    memcpy(e->fake_secret, setup->fake_secret, sizeof(e->fake_secret));
    e->now = e->ticked = setup->now;
    e->started_wall_ms = setup->now.wall_ms;
    rng_bytes(e->rng, &e->key, sizeof(e->key));
    timers_init(&e->timers, e->now.mono_ms);
    list_init(&e->restoring);
    list_init(&e->waiting);
    list_init(&e->idle_accounts);
    list_init(&e->tails);
    list_init(&e->outbounds);
    list_init(&e->writings);
    list_init(&e->components);
    list_init(&e->settled);
    list_init(&e->out_mails);
    list_init(&e->out_requests);
    list_init(&e->out_jobs);
    e->arena.cap = (size_t)e->config->limits.stanza_bytes * ARENA_FACTOR;
    e->hooks = hooks_new(setup->modules);
    hooks_start(e);
    return e;
}

static void drop_lists(struct engine *e)
{
    while (!list_empty(&e->out_requests)) {
        struct store_request *r =
            CONTAINER_OF(list_pop(&e->out_requests), struct store_request, link);
        store_request_free(&r);
    }
    while (!list_empty(&e->out_jobs)) {
        struct job *job = CONTAINER_OF(list_pop(&e->out_jobs), struct job, link);
        job->free(job);
    }
    struct list *const lists[] = {&e->out_mails, &e->settled};
    for (size_t i = 0; i < 2; i++)
        while (!list_empty(lists[i])) {
            struct mail *m = CONTAINER_OF(list_pop(lists[i]), struct mail, link);
            engine_drop_mail(&m);
        }
}

void engine_free(struct engine **engine)
{
    struct engine *e = *engine;
    if (e == NULL)
        return;
    uint32_t at = 0;
    CHECK(handle_walk(&e->streams, &at) == NULL && list_empty(&e->components));
    accounts_service_free(e);
    ask_free(e);
    accounts_free(e);
    drop_lists(e);
    for (uint32_t i = 0; i < e->flows.count; i++)
        mem_free(e->flows.slots[i].object);
    handles_free(&e->flows);
    handles_free(&e->streams);
    handles_free(&e->sessions);
    if (e->own_memory != NULL)
        region_free(&e->region);
    mem_free(e->own_memory);
    hmap_free(&e->accounts);
    hmap_free(&e->ended);
    arena_free(&e->arena);
    buf_free(&e->scratch);
    trace_free(e);
    outbound_free(e);
    message_log_free(e);
    hooks_free(&e->hooks);
    mem_wipe(e->fake_secret, sizeof(e->fake_secret));
    mem_free(e);
    *engine = NULL;
}

void engine_own_region(struct engine *e)
{
    static const struct region_stamp STAMP = {{0}, 0};
    e->own_memory = mem_array(OWN_REGION_BYTES, 1); /* costs nothing until it is used */
    struct region_memory memory = {
        .base = e->own_memory, .bytes = OWN_REGION_BYTES, .bytes_max = OWN_REGION_BYTES};
    e->region = region_new(&memory, &STAMP);
}

uint32_t engine_owner(const struct engine *e, struct slice bare)
{
    return e->shards == 1 ? 0 : (uint32_t)(hash_bytes(&e->owner_key, bare) % e->shards);
}

void engine_post(struct engine *e, struct mail *mail)
{
    e->counters.mails++;
    list_push(&e->out_mails, &mail->link);
}

/* Credits for sessions of other shards are collected: one mail per shard and turn. */
void engine_settle(struct engine *e, const struct origin *origin)
{
    if (origin->session == 0)
        return;
    if (origin->shard == e->shard) {
        struct session *s = handle_get(&e->sessions, origin->session);
        if (s != NULL)
            session_settle(e, s, origin);
        else
            resend_settled(e, origin);
        return;
    }
    struct mail *m = NULL;
    LIST_EACH(it, &e->settled)
    {
        struct mail *at = CONTAINER_OF(it, struct mail, link);
        if (at->to == origin->shard)
            m = at;
    }
    if (m == NULL) {
        m = mail_new(MAIL_SETTLED, e->shard, origin->shard);
        list_push(&e->settled, &m->link);
    }
    buf_append(&m->data, origin, sizeof(*origin));
}

static void settled_mail(struct engine *e, const struct mail *mail)
{
    struct slice data = buf_slice(&mail->data);
    for (; data.len >= sizeof(struct origin); data = slice_from(data, sizeof(struct origin))) {
        struct origin origin;
        memcpy(&origin, data.ptr, sizeof(origin));
        engine_settle(e, &origin);
    }
}

/* A stanza from another shard: to one account, or to many (presence). */
static void stanza_mail(struct engine *e, struct mail *mail)
{
    struct stanza s;
    CHECK(stanza_decode(buf_slice(&mail->data), &s));
    if (buf_len(&mail->targets) == 0) {
        struct jid bare = jid_to_bare(s.to);
        if (s.to.local_len == 0 || config_host(e->config, jid_domain(&s.to)) == NULL)
            route(e, &s, &mail->origin); /* to a component, or an answer to the host (ask.h) */
        else
            account_receive(e, &bare, &s, &mail->origin);
        return;
    }
    struct slice targets = buf_slice(&mail->targets);
    const struct origin nobody = {0};
    while (targets.len > 0) {
        size_t end = slice_find(targets, '\0');
        if (jid_from_prepared(slice_of(targets.ptr, end), &s.to)) {
            struct jid bare = s.to;
            account_receive(e, &bare, &s, &nobody);
        }
        targets = slice_from(targets, end + 1);
    }
}

void engine_mail(struct engine *e, struct mail *mail)
{
    switch (mail->kind) {
    case MAIL_STANZA:
        stanza_mail(e, mail);
        break;
    case MAIL_SETTLED:
        settled_mail(e, mail);
        break;
    case MAIL_ADMIN:
        admin_serve(e, mail->object);
        break;
    case MAIL_ACCOUNTS:
        accounts_mail(e, mail->object);
        break;
    case MAIL_RELOAD:
        engine_reload(e, mail->object);
        break;
    case MAIL_LINK:
    case MAIL_ADMIN_DONE:
        UNREACHABLE(); /* the node takes these */
    }
    mail_free(&mail);
}

void engine_drop_mail(struct mail **mail)
{
    if (*mail == NULL)
        return;
    struct admin_request *request = NULL;
    struct accounts_order *order = NULL;
    if ((*mail)->kind == MAIL_ADMIN || (*mail)->kind == MAIL_ADMIN_DONE)
        request = (*mail)->object;
    else if ((*mail)->kind == MAIL_ACCOUNTS)
        order = (*mail)->object;
    admin_request_free(&request);
    accounts_order_free(&order);
    mail_free(mail);
}

void engine_reload(struct engine *e, const struct core_config *config)
{
    const struct core_config *was = e->config;
    e->config = config;
    accounts_rehost(e);
    struct c2s *s;
    for (uint32_t at = 0; (s = handle_walk(&e->streams, &at)) != NULL;)
        c2s_rehost(s);
    components_rehost(e, was);
    hooks_reloaded(e);
}

void engine_flush(struct engine *e)
{
    sm_save(e);
    while (!list_empty(&e->settled)) {
        struct mail *m = CONTAINER_OF(list_pop(&e->settled), struct mail, link);
        engine_post(e, m);
    }
}

void engine_tick(struct engine *e)
{
    jump_check(e);
    timers_run(&e->timers, e->now.mono_ms, e);
    accounts_leave(e);
}

uint64_t engine_deadline(struct engine *e)
{
    uint64_t timers = timers_deadline(&e->timers), accounts = accounts_deadline(e);
    return timers < accounts ? timers : accounts;
}

void engine_stop(struct engine *e)
{
    e->stopping = true;
    e->stopped_ms = e->now.mono_ms;
    sm_stop(e);
    struct c2s *s;
    for (uint32_t at = 0; (s = handle_walk(&e->streams, &at)) != NULL;)
        c2s_error(s, STREAM_SYSTEM_SHUTDOWN, SLICE_NONE, SLICE_NONE);
    components_stop(e);
    tails_write(e);
}
