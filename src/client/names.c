/* Names of values, for people and logs. */
#include "base/err.h"
#include "burble/burble.h"

const char *burble_version(void)
{
    return BURBLE_VERSION;
}

const char *burble_error_text(int error)
{
    return error == BURBLE_ERR_OFFLINE ? "offline" : err_text(error);
}

const char *burble_state_text(enum burble_state state)
{
    static const char *const NAMES[] = {
        [BURBLE_OFFLINE] = "offline",
        [BURBLE_RESOLVING] = "resolving",
        [BURBLE_CONNECTING] = "connecting",
        [BURBLE_SECURING] = "securing",
        [BURBLE_AUTHENTICATING] = "authenticating",
        [BURBLE_BINDING] = "binding",
        [BURBLE_ONLINE] = "online",
        [BURBLE_LEAVING] = "leaving",
        [BURBLE_WAITING] = "waiting",
    };
    return (unsigned)state <= BURBLE_WAITING ? NAMES[state] : "unknown";
}
