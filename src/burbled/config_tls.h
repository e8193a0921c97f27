/* A look at the certificates of a configuration, before they are served: what refuses a start, what
 * is worth a warning, when they expire. */
#ifndef BURBLED_CONFIG_TLS_H
#define BURBLED_CONFIG_TLS_H

#include <stdint.h>

#include "burbled/config.h"

enum { CONFIG_TLS_EXPIRES_SOON_DAYS = 14 }; /* warned of from then on */

enum config_tls_state {
    CONFIG_TLS_FINE,
    CONFIG_TLS_SELF_MADE, /* none is configured */
    CONFIG_TLS_WARNING,
    CONFIG_TLS_BAD, /* cannot be served */
};

struct config_tls_report {
    enum config_tls_state state;
    const char *key;     /* "hosts.certificate" or "hosts.key": what is at fault */
    int64_t not_after_s; /* Unix time; 0: not known */
    char text[320];      /* one line: what is wrong and the way out, or that all is well */
};

void config_tls_inspect(const struct config_host *host, int64_t now_s,
                        struct config_tls_report *out);

/* All hosts; adds errors for what cannot be served and warnings for the rest. */
void config_tls_check(const struct config *c, int64_t now_s, struct config_errors *errors);

#endif
