/* Histogram and /proc readings, see stats.h. */
#include "stats.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, STAT_BYTES = 1024 };

void stats_clear(struct stats *s)
{
    memset(s, 0, sizeof *s);
}

static unsigned stats_index(uint64_t value)
{
    if (value < STATS_STEPS)
        return (unsigned)value;
    unsigned shift = 57 - (unsigned)__builtin_clzll(value); /* leaves 64..127 */
    return (shift + 1) * STATS_STEPS + (unsigned)((value >> shift) - STATS_STEPS);
}

/* The largest value of a bucket. */
static uint64_t stats_value(unsigned index)
{
    if (index < STATS_STEPS)
        return index;
    unsigned shift = index / STATS_STEPS - 1;
    return ((uint64_t)(index % STATS_STEPS + STATS_STEPS + 1) << shift) - 1;
}

void stats_add(struct stats *s, uint64_t value)
{
    s->bucket[stats_index(value)]++;
    s->count++;
    s->max = value > s->max ? value : s->max;
}

uint64_t stats_quantile(const struct stats *s, unsigned permille)
{
    uint64_t rank = (s->count * permille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < STATS_BUCKETS && rank > 0; i++) {
        seen += s->bucket[i];
        if (seen >= rank)
            return stats_value(i) < s->max ? stats_value(i) : s->max;
    }
    return 0;
}

static bool proc_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

struct proc_stat {
    pid_t parent;
    uint64_t ticks;
};

/* proc(5): the fields count from behind the last ')', which ends the command's name. */
static bool proc_stat(pid_t pid, struct proc_stat *out)
{
    char text[STAT_BYTES];
    unsigned long long ticks[4];
    int parent;
    if (!proc_file(pid, "stat", text, sizeof text))
        return false;
    const char *p = strrchr(text, ')');
    if (p == NULL ||
        sscanf(p + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &parent,
               &ticks[0], &ticks[1], &ticks[2], &ticks[3]) != 5)
        return false;
    *out = (struct proc_stat){.parent = parent, .ticks = ticks[0] + ticks[1] + ticks[2] + ticks[3]};
    return true;
}

/* Adds every child of pids[0..count) that is not yet there; returns the new count. */
static unsigned proc_children(pid_t *pids, unsigned count)
{
    DIR *dir = opendir("/proc");
    if (dir == NULL)
        return count;
    for (struct dirent *e = readdir(dir); e != NULL && count < PROCESSES_MAX; e = readdir(dir)) {
        struct proc_stat st;
        pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)strtol(e->d_name, NULL, 10) : 0;
        bool child = false;
        bool known = pid == 0 || !proc_stat(pid, &st);
        for (unsigned i = 0; i < count && !known; i++) {
            known = pids[i] == pid;
            child = child || pids[i] == st.parent;
        }
        if (!known && child)
            pids[count++] = pid;
    }
    closedir(dir);
    return count;
}

static uint64_t proc_kilobytes(const char *text, const char *key)
{
    const char *p = strstr(text, key);
    return p == NULL ? 0 : strtoull(p + strlen(key), NULL, 10) * 1024;
}

bool proc_read(pid_t pid, bool with_memory, struct proc_use *use_out)
{
    pid_t pids[PROCESSES_MAX] = {pid};
    unsigned count = 1;
    for (unsigned before = 0; before != count;) {
        before = count;
        count = proc_children(pids, count);
    }
    *use_out = (struct proc_use){.processes = count};
    for (unsigned i = 0; i < count; i++) {
        char text[STAT_BYTES];
        struct proc_stat st;
        if (!proc_stat(pids[i], &st))
            continue;
        use_out->cpu_us += st.ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
        if (with_memory && proc_file(pids[i], "smaps_rollup", text, sizeof text)) {
            use_out->rss += proc_kilobytes(text, "Rss:");
            use_out->pss += proc_kilobytes(text, "Pss:");
        }
    }
    return pid > 0 && use_out->cpu_us + use_out->rss > 0;
}
