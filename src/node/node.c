/* One shard as a pure machine. */
#include "node/node.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/region.h"
#include "node/link.h"

enum { UP_BYTES_KEPT = 64 << 10 };

struct node *node_new(const struct node_setup *setup)
{
    struct node *n = mem_new(struct node);
    n->config = setup->config;
    struct engine_setup es = {
        .shard = setup->shard,
        .shards = setup->shards,
        .config = &setup->config->core,
        .modules = setup->modules,
        .rng = setup->rng,
        .log = setup->log,
        .gate = setup->gate,
        .region = setup->region,
        .owner_key = setup->owner_key,
        .now = setup->now,
    };
    memcpy(es.fake_secret, setup->fake_secret, sizeof(es.fake_secret));
    n->engine = engine_new(&es);
    list_init(&n->links);
    list_init(&n->ready);
    list_init(&n->turn);
    list_init(&n->moving);
    return n;
}

void node_free(struct node **node)
{
    struct node *n = *node;
    if (n == NULL)
        return;
    CHECK(list_empty(&n->links));
    engine_free(&n->engine);
    buf_free(&n->up);
    mem_free(n);
    *node = NULL;
}

struct engine *node_engine(struct node *n)
{
    return n->engine;
}

void node_restore(struct node *n, struct slice image)
{
    engine_restore(n->engine, image);
}

void node_restore_saved(struct node *n, bool use)
{
    engine_restore_saved(n->engine, use);
}

bool node_image_account(struct slice image, struct jid *bare_out)
{
    struct region_image r;
    struct slice text;
    if (!region_image_read(image, &r))
        return false;
    if (r.kind == REGION_TAIL) {
        text = r.owner;
    } else {
        const unsigned char *bytes = (const unsigned char *)r.state.ptr;
        size_t len = r.state.len < 2 ? 0 : (size_t)bytes[0] | (size_t)bytes[1] << 8;
        if (len == 0 || len > r.state.len - 2)
            return false;
        text = slice_of(r.state.ptr + 2, len);
    }
    if (!jid_from_prepared(text, bare_out))
        return false;
    *bare_out = jid_to_bare(*bare_out);
    return true;
}

void node_now(struct node *n, struct now now)
{
    n->engine->now = now;
}

struct node_link *node_accept(struct node *n, uint32_t listener, const char *peer, uint64_t conn,
                              void *owner)
{
    CHECK(listener < n->config->listener_count);
    return link_new(n, listener, peer, conn, owner);
}

void node_input(struct node *n, struct node_link *l, struct slice bytes)
{
    CHECK(l->node == n);
    link_input(l, bytes);
    link_tell(l);
}

void node_link_lost(struct node *n, struct node_link *l)
{
    CHECK(l->node == n);
    l->stream->ops->lost(l->stream);
    link_free(&l);
}

bool node_wants_input(const struct node_link *l)
{
    return link_wants_input(l);
}

struct buf *node_output(struct node_link *l)
{
    return &l->net;
}

void node_sent(struct node *n, struct node_link *l)
{
    if (buf_len(&l->net) == 0)
        buf_free(&l->net); /* an idle link holds no buffers */
    bool all = l->base.watched && buf_len(&l->net) == 0 && buf_len(&l->base.out) == 0;
    bool enough = l->lagging && buf_len(&l->net) < n->config->core.limits.output_bytes / 4;
    l->base.watched &= !all;
    l->lagging &= !enough;
    if (all || enough)
        l->stream->ops->drained(l->stream);
    if (buf_len(&l->in) > 0 || link_wants_input(l) != l->told_input)
        link_turn(l); /* it may be read again */
    if (node_finished(l))
        link_tell(l);
}

bool node_finished(const struct node_link *l)
{
    bool ending = l->state == LINK_CLOSING || l->state == LINK_CLOSED;
    return ending && buf_len(&l->net) == 0 && buf_len(&l->base.out) == 0;
}

void *node_owner(const struct node_link *l)
{
    return l->owner;
}

uint64_t node_conn(const struct node_link *l)
{
    return l->base.conn;
}

bool node_unauthenticated(const struct node_link *l)
{
    return !l->stream->ops->authenticated(l->stream);
}

void node_mail(struct node *n, struct mail *mail)
{
    CHECK(mail->kind != MAIL_LINK && mail->kind != MAIL_ADMIN_DONE);
    engine_mail(n->engine, mail);
}

void node_store_answer(struct node *n, struct store_request *r)
{
    engine_store_answer(n->engine, r);
}

void node_job_done(struct node *n, struct job *job)
{
    engine_job_done(n->engine, job);
}

void node_turn(struct node *n)
{
    engine_tick(n->engine);
    /* What becomes due meanwhile waits for the next turn: everybody gets a share. */
    struct list now;
    list_init(&now);
    while (!list_empty(&n->turn))
        list_push(&now, list_pop(&n->turn));
    while (!list_empty(&now)) {
        struct node_link *l = CONTAINER_OF(list_pop(&now), struct node_link, turn);
        link_continue(l);
        link_flush(l);
        if (l->state == LINK_MOVING) {
            list_remove(&l->ready);
            list_push(&n->moving, &l->ready);
            continue;
        }
        link_tell(l);
    }
    engine_flush(n->engine);
    if (n->up.cap > UP_BYTES_KEPT)
        buf_free(&n->up);
}

uint64_t node_deadline(struct node *n)
{
    return list_empty(&n->turn) ? engine_deadline(n->engine) : 0;
}

struct node_link *node_next_ready(struct node *n)
{
    struct list *node = list_pop(&n->ready);
    return node != NULL ? CONTAINER_OF(node, struct node_link, ready) : NULL;
}

struct node_link *node_next_moving(struct node *n, uint32_t *to_out)
{
    struct list *node = list_pop(&n->moving);
    if (node == NULL)
        return NULL;
    struct node_link *l = CONTAINER_OF(node, struct node_link, ready);
    *to_out = l->move_to;
    l->stream->ops->detach(l->stream);
    link_stop_timer(l);
    list_remove(&l->all);
    list_remove(&l->turn);
    n->link_count--;
    l->node = NULL;
    return l;
}

void node_adopt(struct node *n, struct node_link *l, void *owner)
{
    l->node = n;
    l->owner = owner;
    l->state = LINK_OPEN;
    l->told_input = true;
    list_push(&n->links, &l->all);
    n->link_count++;
    l->stream->ops->attach(l->stream, n->engine);
    link_turn(l);
}

struct mail *node_next_mail(struct node *n)
{
    struct list *node = list_pop(&n->engine->out_mails);
    return node != NULL ? CONTAINER_OF(node, struct mail, link) : NULL;
}

struct store_request *node_next_request(struct node *n)
{
    struct list *node = list_pop(&n->engine->out_requests);
    return node != NULL ? CONTAINER_OF(node, struct store_request, link) : NULL;
}

struct job *node_next_job(struct node *n)
{
    struct list *node = list_pop(&n->engine->out_jobs);
    return node != NULL ? CONTAINER_OF(node, struct job, link) : NULL;
}

void node_reload(struct node *n, const struct node_config *config)
{
    n->config = config;
    engine_reload(n->engine, &config->core);
}

void node_stop(struct node *n)
{
    engine_stop(n->engine);
    for (struct list *it = n->links.next; it != &n->links; it = it->next) {
        struct node_link *l = CONTAINER_OF(it, struct node_link, all);
        link_flush(l);
        link_tell(l);
    }
}

size_t node_link_count(const struct node *n)
{
    return n->link_count;
}

bool node_waits(const struct node *n)
{
    return n->engine->flow_count > 0 || engine_saves(n->engine);
}

struct node_link *node_walk(struct node *n, struct node_link *at)
{
    struct list *next = at == NULL ? n->links.next : at->all.next;
    return next == &n->links ? NULL : CONTAINER_OF(next, struct node_link, all);
}
