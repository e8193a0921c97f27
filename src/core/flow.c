/* Flows: what waits for the store or for a job, by handle. An answer to a dead handle is dropped.
 */
#include "base/check.h"
#include "base/mem.h"
#include "core/engine.h"
#include "core/message_log.h"

struct flow {
    flow_fn *fn;
    flow_job_fn *job_fn;
    void *ctx;
};

struct store_request *flow_batch(struct engine *e)
{
    return store_batch_new(e->shard, 0);
}

struct store_request *flow_query(struct engine *e)
{
    return store_query_new(e->shard, 0);
}

static uint64_t flow_new(struct engine *e, flow_fn *fn, flow_job_fn *job_fn, void *ctx)
{
    struct flow *flow = mem_new(struct flow);
    *flow = (struct flow){.fn = fn, .job_fn = job_fn, .ctx = ctx};
    e->flow_count++;
    return handle_new(&e->flows, flow);
}

/* Takes the flow out of the table: it is answered once. */
static bool flow_take(struct engine *e, uint64_t handle, struct flow *out)
{
    struct flow *flow = handle_get(&e->flows, handle);
    if (flow == NULL)
        return false;
    *out = *flow;
    e->flow_count--;
    handle_drop(&e->flows, handle);
    mem_free(flow);
    return true;
}

uint64_t flow_submit(struct engine *e, struct store_request *r, flow_fn *fn, void *ctx)
{
    r->ticket = flow_new(e, fn, NULL, ctx);
    if (r->write)
        e->counters.store_batches++;
    else
        e->counters.store_queries++;
    list_push(&e->out_requests, &r->link);
    return r->ticket;
}

uint64_t flow_run(struct engine *e, struct job *job, flow_job_fn *fn, void *ctx)
{
    job->shard = e->shard;
    job->ticket = flow_new(e, NULL, fn, ctx);
    list_push(&e->out_jobs, &job->link);
    return job->ticket;
}

void flow_cancel(struct engine *e, uint64_t handle)
{
    struct flow flow;
    if (handle != 0)
        (void)flow_take(e, handle, &flow);
}

void engine_store_answer(struct engine *e, struct store_request *answer)
{
    struct flow flow;
    if (answer->ticket == 0 && answer->echo == e->shard) {
        message_log_echo(e, answer);
    } else if (flow_take(e, answer->ticket, &flow)) {
        CHECK(flow.fn != NULL);
        flow.fn(e, flow.ctx, answer);
    }
    store_request_free(&answer);
}

void engine_job_done(struct engine *e, struct job *job)
{
    struct flow flow;
    if (flow_take(e, job->ticket, &flow)) {
        CHECK(flow.job_fn != NULL);
        flow.job_fn(e, flow.ctx, job);
    }
    job->free(job);
}
