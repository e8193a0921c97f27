/* A client whose memory runs out. */
#include "client/test_starve.h"

#include <string.h>

void starve_feed(struct test_client *t, const char *bytes)
{
    struct burble_input in = {.kind = bytes != NULL ? BURBLE_IN_BYTES : BURBLE_IN_TIME,
                              .id = t->conn,
                              .data = bytes,
                              .len = bytes != NULL ? strlen(bytes) : 0};
    if (t->conn == 0)
        return;
    test_memory.armed = true;
    (void)burble_feed(t->c, &in, t->now);
    test_memory.armed = false;
    test_collect(t);
}
