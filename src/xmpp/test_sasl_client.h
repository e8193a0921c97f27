/* For tests that only want to log in: the steps of sasl_client.h as results, with the work done at
 * once. 0, or ERR_REFUSED with nothing in *out. */
#ifndef XMPP_TEST_SASL_CLIENT_H
#define XMPP_TEST_SASL_CLIENT_H

#include "base/check.h"
#include "base/err.h"
#include "xmpp/sasl_client.h"

static inline int test_sasl_step(struct sasl_client *c, enum sasl_client_step step, struct buf *out)
{
    while (step == SASL_CLIENT_WORK) {
        CHECK(sasl_client_output(c).len == 0);
        step = sasl_client_work(c, 1000);
    }
    buf_clear(out);
    CHECK(step != SASL_CLIENT_DONE && buf_add(out, sasl_client_output(c)) == 0);
    CHECK((step == SASL_CLIENT_REFUSED) == (sasl_client_problem(c) != SASL_PROBLEM_NONE));
    return step == SASL_CLIENT_SEND ? 0 : ERR_REFUSED;
}

static inline int test_sasl_start(struct sasl_client *c, struct buf *out)
{
    return test_sasl_step(c, sasl_client_start(c), out);
}

static inline int test_sasl_challenge(struct sasl_client *c, struct slice challenge,
                                      struct buf *out)
{
    return test_sasl_step(c, sasl_client_challenge(c, challenge), out);
}

static inline int test_sasl_success(struct sasl_client *c, struct slice additional)
{
    return sasl_client_success(c, additional) == SASL_CLIENT_DONE ? 0 : ERR_REFUSED;
}

#endif
