/* The list of modules. The order is that of the hooks inside of a stage, where `.after` does not
 * say otherwise. */
#include "core/module.h"

const struct module *const MODULES[] = {
    &STREAM_MODULE,
    &ROSTER_MODULE,
    NULL,
};
