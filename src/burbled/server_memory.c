/* Memory pressure (L23, R15): near the limit of the process, connections that have not logged in
 * are shed, the oldest first, before the kernel ends everything. */
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "burbled/server_inside.h"
#include "io/files.h"
#include "io/process.h"

enum {
    CGROUP_BYTES = 4096,
    SHED_PER_TICK = 64,
    WARN_MS = 60000,
    PERCENT = 90,
};

/* MemoryMax of the service (cgroup version 2), 0: none. */
static uint64_t memory_max(void)
{
    struct buf text = {0};
    char path[1000];
    unsigned long long bytes = 0;
    if (file_read("/proc/self/cgroup", CGROUP_BYTES, &text, NULL) == 0) {
        struct slice line = buf_slice(&text);
        line.len = slice_find(line, '\n');
        bool unified = slice_starts(line, SLICE("0::/"));
        int n = unified ? snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/memory.max",
                                   SLICE_ARG(slice_from(line, 3)))
                        : 0;
        buf_clear(&text);
        if (n > 0 && (size_t)n < sizeof(path) && file_read(path, CGROUP_BYTES, &text, NULL) == 0) {
            line = buf_slice(&text);
            line.len = slice_find(line, '\n');
            if (!slice_to_u64(line, &bytes)) /* "max" */
                bytes = 0;
        }
    }
    buf_free(&text);
    return bytes;
}

static void shed(struct server *s, unsigned *n_out)
{
    struct gate_owner victim;
    for (*n_out = 0; *n_out < SHED_PER_TICK && gate_evict(s->all.gate, &victim); (*n_out)++) {
        struct order *o = mem_new(struct order);
        *o = (struct order){.kind = ORDER_EVICT, .conn = victim.conn};
        shard_order(s->all.list[victim.shard], o);
    }
}

void server_watch_memory(struct server *s, struct now now)
{
    uint64_t mib = s->setup->config.limits.memory_mib;
    if (!s->memory_known) {
        s->memory_max = memory_max();
        s->memory_known = true;
    }
    uint64_t max = mib != 0 ? mib << 20 : s->memory_max;
    uint64_t used = max != 0 ? process_resident_bytes() : 0;
    if (used <= max / 100 * PERCENT)
        return;
    unsigned closed;
    shed(s, &closed);
    if (now.mono_ms < s->memory_warn_ms)
        return;
    s->memory_warn_ms = now.mono_ms + WARN_MS;
    struct log_line l;
    log_begin(&l, &s->log, LOG_WARNING, "mem.pressure");
    log_num(&l, "bytes", (long long)used);
    log_num(&l, "limit", (long long)max);
    log_num(&l, "closed", closed);
    log_end(&l);
}
