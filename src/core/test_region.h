/* A region with a model beside it that knows what is in it, for tests: both are changed at random,
 * and what another process would find is compared as text. Linked with a region of its own that
 * calls region_test_stored after each store of up to 8 bytes. */
#ifndef CORE_TEST_REGION_H
#define CORE_TEST_REGION_H

#include "core/region_inside.h"

enum { MEMORY_BYTES = 96 * REGION_BLOCK };

extern const struct region_stamp STAMP;

/* An image, which is well formed, as a line. */
void found_text(struct buf *out, struct slice image);
/* All that is found, one line per record, sorted; or "empty". */
void found_in(const char *base, size_t bytes, struct buf *out);
enum region_trust found_trust(const char *base, size_t bytes, const struct region_stamp *stamp);

enum { SESSIONS = 4, TAILS = 3, QUEUE_MAX = 64, HOLES_MAX = 80 };

struct model_session {
    region_ref ref;
    uint8_t id[REGION_ID_BYTES];
    struct region_counters counters;
    struct buf state;
    struct region_entry queue[QUEUE_MAX]; /* bytes on the heap */
    size_t count, bytes;
};

struct model_tail {
    region_ref ref;
    struct buf owner;
    uint64_t sent, holes[HOLES_MAX];
    size_t hole_count;
};

struct model {
    struct region *region;
    char *memory;
    size_t usable;
    uint64_t random;
    bool grows;
    uint64_t position;
    struct model_session sessions[SESSIONS];
    struct model_tail tails[TAILS];
};

void model_start(struct model *m, uint64_t seed);
/* With all of its memory, so that it need not grow. */
void model_start_whole(struct model *m);
/* Checks that nothing leaks. */
void model_end(struct model *m);
struct region_memory model_memory(struct model *m);
/* Something is changed, in a session alone or anywhere. */
void model_step_session(struct model *m);
void model_step(struct model *m);
/* What ought to be found. */
void model_text(const struct model *m, struct buf *out);
/* What the living region says of itself is what the model knows. */
void model_check(struct model *m);

/* What is found at each store while somebody looks. */
enum { SEEN_MAX = 8000 };
struct watch {
    struct model *model; /* NULL: nobody looks */
    struct buf seen[SEEN_MAX];
    size_t count;
};
extern struct watch watch;
/* All of it is the state before or the one after, and never before again; forgets it. */
void watch_judge(struct slice before, struct slice after);

#endif
