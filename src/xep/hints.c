/* XEP-0334: Message Processing Hints (version 1.0.0).
 *
 * store, no-store and no-permanent-store are obeyed where messages are judged
 * (core/service/keep.h), no-copy where copies are (core/copy.c). */
#include "core/module.h"

static const char *const FEATURES[] = {"urn:xmpp:hints", NULL};

const struct module HINTS_MODULE = {
    .name = "hints",
    .xep = "0334",
    .version = "1.0.0",
    .summary = "senders say what is worth keeping",
    .host_features = FEATURES,
};
