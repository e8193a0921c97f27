/* Alice and Bob on a bench. */
#include "node/test_talk.h"

#include "core/trace.h"

struct talk talk_new(struct bench *b)
{
    b->config.core.limits.trace_bytes = 1 << 20;
    return (struct talk){
        .b = b, .bob = device_new(b, BOB "/b"), .alice = device_new(b, ALICE "/a")};
}

void talk_free(struct talk *t)
{
    device_free(&t->alice);
    device_free(&t->bob);
    t->b = NULL;
}

void talk_pass(struct talk *t, uint64_t ms)
{
    for (; ms > 0; ms -= ms < 10000 ? ms : 10000) {
        bench_advance(t->b, ms < 10000 ? ms : 10000);
        device_take(t->alice);
        device_take(t->bob);
    }
}

unsigned talk_repeated(const struct bench *b)
{
    unsigned n = 0;
    struct trace_row row;
    for (uint32_t i = 0; i < b->inside->shards; i++)
        for (size_t at = 0; trace_next(node_engine(b->nodes[i]), &at, &row);)
            n += row.event == TRACE_REPEATED;
    return n;
}
