/* A configuration in force: the file's values in the form that nodes, the gate and the listeners
 * take. Immutable once it is shared; each reload makes a new one, and all stay until the end,
 * because anything may still look at them. */
#ifndef BURBLED_SETUP_H
#define BURBLED_SETUP_H

#include <stdint.h>

#include "burbled/config.h"
#include "io/gate.h"
#include "io/listen.h"
#include "node/node.h"

struct setup {
    struct setup *older;
    struct config config;
    struct node_config node;
    struct gate_limits gate;
    struct listener *listeners; /* sockets, one for each of config.listen; see setup_open */
    /* Owned by the parts of node that point here. */
    struct host_config *hosts;
    struct slice *names;         /* aliases, admins, watchers, one after the other */
    struct slice (*contacts)[2]; /* XEP-0157 */
    struct component_config *components;
    struct buf *secrets; /* of the components, wiped */
    struct node_listener *node_listeners;
    struct node_host_tls *tls;
    char **tls_names;              /* of tls: as DNS writes them */
    struct tls_context **contexts; /* one for each host; NULL: no listener has TLS */
    int64_t *expiries_s;           /* of the hosts' certificates, Unix time; 0: none */
};

/* Takes the configuration (*config is zeroed). Certificates are read, or made in data_dir where
 * none is configured. NULL when one cannot be served: errors then holds why. */
struct setup *setup_new(struct config *config, int64_t now_s, struct config_errors *errors);
/* Opens the listening sockets; those that `running` (may be NULL) has for the same address stay as
 * they are. Errors as listen_open; nothing is open then that was not before. */
int setup_open(struct setup *s, const struct setup *running, struct buf *problem);
/* Closes the sockets of `was` that `s` does not have; NULL: all. Nobody watches them any more. */
void setup_close(struct setup *was, const struct setup *s);
/* Frees it and all older ones; the sockets are closed already. */
void setup_free(struct setup **s);

#endif
