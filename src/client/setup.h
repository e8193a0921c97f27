/* The configuration, checked and copied. */
#ifndef CLIENT_SETUP_H
#define CLIENT_SETUP_H

#include "client/client.h"

/* 0; ERR_SYNTAX: an address, a proxy, a pin is none; ERR_MEMORY. In both cases setup_free. */
int setup_take(struct client_setup *setup, const struct burble_config *config);
void setup_free(struct client_setup *setup);

/* "socks5://user:password@host:port"; the parts are slices of url. */
struct setup_proxy {
    bool socks; /* else HTTP CONNECT */
    struct slice user, password;
    struct slice host;
    uint16_t port;
};
bool setup_proxy_parse(struct slice url, struct setup_proxy *out);

#endif
