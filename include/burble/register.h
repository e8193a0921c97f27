/** @file
 * In-band registration (XEP-0077) by an account that is logged in: its password, its end, and
 * registration with gateways and other services. An account that does not exist yet is made before
 * the login, with BURBLE_REGISTER in the configuration.
 *
 * Passwords go out as text inside of the stream, so nothing of this is sent without TLS, unless the
 * configuration has BURBLE_UNSAFE_PLAIN (REFUSED).
 */
#ifndef BURBLE_REGISTER_H
#define BURBLE_REGISTER_H

#include "burble/form.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An answer. Everything in it lives until the callback returns; a form is kept with
 * burble_form_copy. */
struct burble_registration {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< when the outcome is no result */
    bool registered;                  /**< we are already; values are those of now */
    /** What is to be filled in and sent with burble_registration_submit; NULL: nothing. With an
     * error too: the other side wants to know more, for instance the old password. */
    const struct burble_form *form;
    bool plain;               /**< the form stands for the single fields of XEP-0077 */
    const char *instructions; /**< for people; NULL: none */
    const char *url;          /**< where it goes on instead (XEP-0066), not checked; NULL: none */
};
/** Gets the answer. */
typedef void burble_registration_fn(struct burble *c, const struct burble_registration *answer,
                                    void *arg);

/* All: fn is called exactly once, never from inside of the call, unless burble_cancel comes before
 * (handle_out NULL: not wanted). SYNTAX, LIMIT, OFFLINE, REFUSED (no TLS), MEMORY. */

/** Changes the password of the own account; the client logs in with the new one from then on.
 * SYNTAX: it is empty, or no password (RFC 8265 section 4.2). After TIMEOUT or GONE nobody knows
 * which of the two holds. */
BURBLE_API int burble_change_password(struct burble *c, const char *password,
                                      burble_registration_fn *fn, void *arg, uint64_t *handle_out);
/** Takes the own account off the server, with everything that it keeps of it. The server ends the
 * session then, and the client does not come back; BURBLE_IQ_GONE may mean that it is done. LIMIT,
 * OFFLINE, REFUSED, MEMORY. */
BURBLE_API int burble_cancel_account(struct burble *c, burble_registration_fn *fn, void *arg,
                                     uint64_t *handle_out);

/** Asks a service what it wants to know. jid NULL: the own server, about the own account. SYNTAX,
 * LIMIT, OFFLINE, REFUSED, MEMORY. */
BURBLE_API int burble_registration_ask(struct burble *c, const char *jid,
                                       burble_registration_fn *fn, void *arg, uint64_t *handle_out);
/** Registers, or changes what is registered. form: as it was filled in; plain: of the answer that
 * the form was in. As burble_registration_ask. */
BURBLE_API int burble_registration_submit(struct burble *c, const char *jid,
                                          const struct burble_form *form, bool plain,
                                          burble_registration_fn *fn, void *arg,
                                          uint64_t *handle_out);
/** Ends the registration with a service. jid NULL is refused (SYNTAX): see burble_cancel_account.
 */
BURBLE_API int burble_registration_remove(struct burble *c, const char *jid,
                                          burble_registration_fn *fn, void *arg,
                                          uint64_t *handle_out);

#ifdef __cplusplus
}
#endif
#endif
