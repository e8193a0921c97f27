/* What the load program counts with: a histogram of latencies, and the processor time and memory of
 * a server's process tree as /proc shows them. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Log-linear: 64 steps per power of two, so that a value is off by less than 1.6 %. */
enum { STATS_STEPS = 64, STATS_BUCKETS = 59 * STATS_STEPS };

struct stats {
    uint64_t count;
    uint64_t max;
    uint32_t bucket[STATS_BUCKETS];
};

void stats_clear(struct stats *s);
void stats_add(struct stats *s, uint64_t value);
/* The smallest value that permille of all values do not pass; 0 when there is none. */
uint64_t stats_quantile(const struct stats *s, unsigned permille);

/* Of one process and all its descendants, threads included. */
struct proc_use {
    uint64_t cpu_us; /* user and system time, of ended and awaited children too */
    uint64_t rss;    /* resident bytes */
    uint64_t pss;    /* the same, shared pages divided by those who share them */
    unsigned processes;
};

/* False when there is no such process. Memory is summed only when asked for: it costs the server
 * a page-table walk. */
bool proc_read(pid_t pid, bool with_memory, struct proc_use *use_out);

#endif
