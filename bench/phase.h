/* The phases of a load run, each of which prints one JSON object on stdout and one readable line on
 * stderr. */
#ifndef BENCH_PHASE_H
#define BENCH_PHASE_H

#include "client.h"

/* Runs "login:200", "base:1", "idle:5", "pause", "chat:8", "pace:2000", "ack:2000",
 * "hibernate:1000", "resume", "archive" or "logout". 0; -1: it failed, and has said so on stderr;
 * -2: there is no such phase. */
int phase_run(struct bench *b, const char *text);

/* For the phases: what they share. */

#define SECOND_NS 1000000000.0

/* A moment, for differences. */
struct mark {
    uint64_t ns;
    uint64_t arrived;
    uint64_t server_cpu_us;
    uint64_t own_cpu_us;
};

/* What "base" has seen; "idle" reports what came on top. */
struct phase_base {
    struct proc_use use;
    uint32_t ready;
};
extern struct phase_base phase_base;

void phase_mark(struct bench *b, struct mark *m_out);
double phase_seconds(const struct mark *from, const struct mark *to);
double phase_each(uint64_t whole, uint64_t count);
const char *phase_tls(const struct bench *b);
uint64_t phase_deadline(const struct bench *b);
void phase_wait(struct bench *b, double seconds);

/* phase_sm.c: sessions that outlive their connections. */
int phase_hibernate(struct bench *b, double argument);
int phase_resume(struct bench *b);
uint32_t phase_hibernating(const struct bench *b);

/* phase_archive.c: what the archives hold. */
int phase_archive(struct bench *b);
void phase_archive_unit(struct client *c, struct slice unit);

#endif
