/* XEP-0368: SRV records for XMPP over TLS (version 1.1.0). Listeners with tls = "direct" begin with
 * the handshake, with ALPN "xmpp-client" (src/node/link.c): there is nothing to do here but to say
 * so. */
#include "core/module.h"

const struct module DIRECT_TLS_MODULE = {
    .name = "direct-tls",
    .xep = "0368",
    .version = "1.1.0",
    .summary = "TLS from the first byte, with ALPN",
};
