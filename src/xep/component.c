/* XEP-0114: Jabber Component Protocol (version 1.6), the part in which components connect to the
 * server. It is spoken on listeners of its own (core/component.h): there is nothing to do here but
 * to say so. */
#include "core/module.h"

const struct module COMPONENT_MODULE = {
    .name = "component",
    .xep = "0114",
    .version = "1.6",
    .summary = "services with domains of their own connect with a secret",
};
