/* The connected devices of contacts whose resource matches a pattern (S14). */
#ifndef BURBLE_RESOURCES_H
#define BURBLE_RESOURCES_H

#include "burble/roster.h"
#include "burble/session.h"

struct resources {
    struct session *session;
    const char *pattern; /* of fnmatch(3): "Android*" */
    char **only;         /* addresses of contacts; only_count 0: all contacts */
    size_t only_count;
    /* Called once: full addresses, the caller's until resources_close; count 0: there are none. */
    void (*found)(struct session *s, char **jids, size_t count);

    struct burble_roster *roster; /* inside */
    char **jids;
    size_t count;
    unsigned ticks, quiet;
    bool asked;
};

/* After session_open: asks for the roster and for presence, which takes some seconds; the account
 * is available meanwhile, at a priority that no message goes to. 0 or an exit code, having said
 * why. */
int resources_open(struct resources *r);
void resources_close(struct resources *r);

#endif
