/* XEP-0128: Service Discovery Extensions (version 1.0.1). Modules write their forms by the hook
 * disco_forms (as contact.c does), core/service/disco.c puts them into the answer: there is nothing
 * to do here but to say so. */
#include "core/module.h"

const struct module DISCO_FORMS_MODULE = {
    .name = "disco-forms",
    .xep = "0128",
    .version = "1.0.1",
    .summary = "forms in what the server tells of itself",
};
