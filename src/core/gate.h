/* Questions about addresses that are answered for the whole process, outside of the engine (limits
 * L10 and A28). All functions are thread-safe and return at once. */
#ifndef CORE_GATE_H
#define CORE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct core_gate {
    void *ctx;
    /* How long a login from this address has to wait; 0: not at all. */
    uint32_t (*login_delay_ms)(void *ctx, const char *peer, struct now now);
    void (*login_failed)(void *ctx, const char *peer, struct now now);
    /* True when the connection has logged in: it leaves the count of unauthenticated ones. */
    void (*authenticated)(void *ctx, uint64_t conn);
    /* False: this address has registered an account too recently. */
    bool (*may_register)(void *ctx, const char *peer, struct now now);
};

#endif
