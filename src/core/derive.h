/* PBKDF2 as jobs: for a login by PLAIN, and for a new password. */
#ifndef CORE_DERIVE_H
#define CORE_DERIVE_H

#include "base/rng.h"
#include "core/job.h"
#include "xmpp/sasl.h"

/* The job that SASL_WANT_DERIVE asks for. */
struct job *derive_login(const struct sasl_server *sasl);
const struct sasl_derivation *derive_login_result(const struct job *job);

/* New credentials from a prepared password of 1..SASL_PASSWORD_BYTES bytes. */
struct job *derive_credentials(struct slice password, uint32_t iterations, struct rng *rng);
const struct sasl_credentials *derive_credentials_result(const struct job *job);

#endif
