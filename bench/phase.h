/* The phases of a load run, each of which prints one JSON object on stdout and one readable line on
 * stderr. */
#ifndef BENCH_PHASE_H
#define BENCH_PHASE_H

#include "client.h"

/* Runs "login:200", "base:1", "idle:5", "pause", "chat:8", "pace:2000" or "logout". 0; -1: it
 * failed, and has said so on stderr; -2: there is no such phase. */
int phase_run(struct bench *b, const char *text);

#endif
