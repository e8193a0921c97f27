/* XEP-0184: Message Delivery Receipts (version 1.4.0). Receipts are between clients; the server
 * keeps them for who is away, though they have no body (core/service/keep.h). */
#include "core/module.h"

const struct module RECEIPTS_MODULE = {
    .name = "receipts",
    .xep = "0184",
    .version = "1.4.0",
    .summary = "receipts pass, and wait for who is away",
};
