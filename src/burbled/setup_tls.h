/* Certificates: read as configured, or made by the server itself in data_dir. */
#ifndef BURBLED_SETUP_TLS_H
#define BURBLED_SETUP_TLS_H

#include "burbled/setup.h"

/* Fills the TLS part of the setup. 0, or ERR_SYNTAX with errors telling why. */
int setup_tls(struct setup *s, int64_t now_s, struct config_errors *errors);

#endif
