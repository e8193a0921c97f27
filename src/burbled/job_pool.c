/* The threads for PBKDF2: io's workers with an envelope around the engine's jobs. */
#include "burbled/job_pool.h"

#include "base/list.h"
#include "base/mem.h"
#include "io/workers.h"

struct job_pool {
    struct workers *workers;
    job_pool_run *run;
    job_pool_done *done;
    void *ctx;
};

struct envelope {
    struct job job;
    struct job_pool *pool;
    void *work;
};

static void envelope_run(struct job *job)
{
    struct envelope *v = CONTAINER_OF(job, struct envelope, job);
    v->pool->run(v->work);
}

static void envelope_done(struct job *job)
{
    struct envelope *v = CONTAINER_OF(job, struct envelope, job);
    v->pool->done(v->pool->ctx, v->work, job->dropped);
    mem_free(v);
}

int job_pool_start(unsigned threads, unsigned queue_max, job_pool_run *run, job_pool_done *done,
                   void *ctx, struct job_pool **pool_out)
{
    struct job_pool *p = mem_new(struct job_pool);
    *p = (struct job_pool){.run = run, .done = done, .ctx = ctx};
    int err = workers_start("burble-keys", threads, queue_max, &p->workers);
    if (err != 0)
        mem_free(p);
    else
        *pool_out = p;
    return err;
}

int job_pool_submit(struct job_pool *p, void *work)
{
    struct envelope *v = mem_new(struct envelope);
    *v = (struct envelope){
        .job = {.run = envelope_run, .done = envelope_done}, .pool = p, .work = work};
    int err = workers_submit(p->workers, &v->job);
    if (err != 0)
        mem_free(v);
    return err;
}

unsigned job_pool_waiting(struct job_pool *p)
{
    return workers_waiting(p->workers);
}

void job_pool_stop(struct job_pool **pool)
{
    struct job_pool *p = *pool;
    if (p == NULL)
        return;
    workers_stop(&p->workers);
    mem_free(p);
    *pool = NULL;
}
