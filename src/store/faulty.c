/* The faulty twin: a store around another one that fails requests as a script says. It owns the
 * inner store. A failed batch has not happened, as with a driver. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

struct faulty {
    struct store store;
    struct store *inner;
    struct store_faults faults;
    struct list queue;
};

static void inner_answered(void *ctx, struct store_request *r)
{
    struct faulty *f = ctx;
    f->store.answered(f->store.ctx, r);
}

static void faulty_submit(struct store *store, struct store_request *r)
{
    struct faulty *f = CONTAINER_OF(store, struct faulty, store);
    list_push(&f->queue, &r->link);
}

static int fault_of(const struct faulty *f, const struct store_request *r)
{
    int (*ask)(void *, const struct store_request *) =
        r->write ? f->faults.batch_error : f->faults.query_error;
    int err = ask != NULL ? ask(f->faults.ctx, r) : 0;
    CHECK(err <= 0);
    return err;
}

static size_t faulty_run(struct store *store, size_t n)
{
    struct faulty *f = CONTAINER_OF(store, struct faulty, store);
    size_t done = 0;
    for (; done < n && !list_empty(&f->queue); done++) {
        struct store_request *r = CONTAINER_OF(list_pop(&f->queue), struct store_request, link);
        int err = fault_of(f, r);
        if (err != 0) {
            r->err = err;
            store->answered(store->ctx, r);
        } else {
            store_submit(f->inner, r);
            store_run(f->inner, 1);
        }
    }
    return done;
}

static void faulty_free(struct store *store)
{
    struct faulty *f = CONTAINER_OF(store, struct faulty, store);
    faulty_run(store, SIZE_MAX);
    store_free(&f->inner);
    mem_free(f);
}

static const struct store_ops faulty_ops = {
    .submit = faulty_submit, .run = faulty_run, .free = faulty_free};

struct store *store_faulty_new(struct store *inner, const struct store_faults *faults)
{
    struct faulty *f = mem_new(struct faulty);
    f->store.ops = &faulty_ops;
    f->inner = inner;
    f->faults = *faults;
    inner->answered = inner_answered;
    inner->ctx = f;
    list_init(&f->queue);
    return &f->store;
}
