/* Percentiles. */
#include <stdlib.h>

#include "base/mem.h"
#include "burble/bench.h"

void bench_times_add(struct bench_times *t, uint64_t us)
{
    if (t->count == BENCH_SAMPLES_MAX)
        return;
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 4096 : t->cap * 2;
        t->us = mem_resize(t->us, t->cap, sizeof(*t->us));
    }
    t->us[t->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void bench_times_free(struct bench_times *t)
{
    mem_free(t->us);
    *t = (struct bench_times){0};
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that p percent of all are not above. */
static double percentile_ms(const struct bench_times *t, double p)
{
    size_t at = (size_t)((double)t->count * p / 100.0);
    return (double)t->us[at < t->count ? at : t->count - 1] / 1000.0;
}

void bench_times_head(struct app *app)
{
    if (!app->out.json)
        (void)out_line(&app->out, "%-10s %9s %11s %9s %9s %9s %9s %9s %6s", "phase", "count", "/s",
                       "p50 ms", "p90 ms", "p99 ms", "max ms", "cpu us", "lost");
}

static void report_none(struct app *app, const struct bench_result *r)
{
    if (app->out.json)
        (void)out_json(&app->out, json_pack("{s:s, s:i, s:I}", "phase", r->name, "count", 0, "lost",
                                            (json_int_t)r->lost));
    else
        (void)out_line(&app->out, "%-10s nothing was measured", r->name);
}

void bench_times_report(struct app *app, const struct bench_result *r)
{
    struct bench_times *t = r->times;
    if (t->count == 0) {
        report_none(app, r);
        return;
    }
    double rate = r->seconds > 0 ? (double)t->count / r->seconds : 0;
    double cpu_us = (double)r->cpu_us / (double)t->count;
    qsort(t->us, t->count, sizeof(*t->us), by_size);
    double p50 = percentile_ms(t, 50), p90 = percentile_ms(t, 90), p99 = percentile_ms(t, 99),
           most = percentile_ms(t, 100);
    if (app->out.json)
        (void)out_json(&app->out,
                       json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "phase", r->name,
                                 "count", (json_int_t)t->count, "per_second", rate, "p50_ms", p50,
                                 "p90_ms", p90, "p99_ms", p99, "max_ms", most, "cpu_us", cpu_us,
                                 "lost", (json_int_t)r->lost));
    else
        (void)out_line(&app->out, "%-10s %9zu %11.0f %9.2f %9.2f %9.2f %9.2f %9.2f %6llu", r->name,
                       t->count, rate, p50, p90, p99, most, cpu_us, (unsigned long long)r->lost);
}
