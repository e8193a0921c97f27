/* The list of all modules: those of the core, then those that meson.build names. */
#include "core/module.h"

#define MODULE(descriptor) extern const struct module descriptor;
#include "xep/list.h"
#undef MODULE

#define MODULE(descriptor) &descriptor,
const struct module *const MODULES[] = {
    &STREAM_MODULE,
    &ROSTER_MODULE,
#include "xep/list.h"
    NULL,
};
