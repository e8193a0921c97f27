/* The phase of a load run that counts what the archives hold (XEP-0313): each client of a pair
 * reads its own from one end to the other. There has to be each message that it has sent or got in
 * the phases before, and nothing else of this run. */
#include <inttypes.h>
#include <stdio.h>

#include "mam.h"
#include "phase.h"

enum { READERS_MAX = 8 }; /* at a time */

struct reading {
    uint32_t next;  /* client that has not begun */
    uint32_t begun; /* clients that have, less those that are done */
    uint64_t pages;
    uint64_t refused;
};

static struct reading reading;

void phase_archive_unit(struct client *c, struct slice unit)
{
    struct slice text;
    struct slice id;
    switch (mam_read(unit, &text)) {
    case MAM_ENTRY:
        c->found += scan_attr(text, SLICE("id"), &id) && id.len > 0 && id.ptr[0] == 'b';
        break;
    case MAM_PAGE:
        reading.pages++;
        mam_ask(c, text);
        break;
    case MAM_REFUSED:
        reading.refused++;
        reading.begun--;
        client_fail(c, "no archive:", unit);
        break;
    case MAM_END:
        reading.pages++;
        reading.begun--;
        break;
    case MAM_OTHER:
        chat_unit(c, unit);
        break;
    }
}

static void archive_begin(struct bench *b)
{
    while (reading.begun < READERS_MAX && reading.next < 2 * b->opt.pairs) {
        struct client *c = &b->clients[reading.next++];
        c->found = 0;
        reading.begun++;
        mam_ask(c, SLICE_NONE);
        client_flush(c);
    }
}

int phase_archive(struct bench *b)
{
    const struct client_ops *before = b->ops;
    struct client_ops ops = *before;
    struct mark from;
    struct mark to;
    uint64_t deadline = phase_deadline(b);
    uint64_t kept = 0;
    uint64_t found = 0;
    uint32_t wrong = 0;
    reading = (struct reading){0};
    b->failed = 0;
    ops.unit = phase_archive_unit;
    b->ops = &ops;
    phase_mark(b, &from);
    while ((reading.begun > 0 || reading.next < 2 * b->opt.pairs) && b->failed == 0 &&
           b->now_ns < deadline) {
        archive_begin(b);
        bench_turn(b, 20);
    }
    phase_mark(b, &to);
    b->ops = before;
    for (uint32_t i = 0; i < 2 * b->opt.pairs; i++) {
        kept += b->clients[i].kept;
        found += b->clients[i].found;
        wrong += b->clients[i].kept != b->clients[i].found;
    }
    printf("{\"phase\":\"archive\",\"server\":\"%s\",\"wanted\":%" PRIu64 ",\"found\":%" PRIu64
           ",\"wrong_archives\":%u,\"pages\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"seconds\":%.4f}\n",
           b->opt.label, kept, found, wrong, reading.pages, reading.refused,
           phase_seconds(&from, &to));
    fprintf(stderr,
            "%-9s archive: %" PRIu64 " of %" PRIu64 " entries in %.2f s, %u of %u archives wrong\n",
            b->opt.label, found, kept, phase_seconds(&from, &to), wrong, 2 * b->opt.pairs);
    return wrong == 0 && reading.refused == 0 && kept > 0 ? 0 : -1;
}
