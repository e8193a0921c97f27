/* An IQ request that the server answers, at once or after the store did.
 *
 * A handler is called with the request on the caller's stack and does exactly one of: iq_result,
 * iq_error, or iq_wait (which moves it to the heap and calls fn later, which then does one of the
 * three again). Every answer settles the origin. */
#ifndef CORE_IQ_H
#define CORE_IQ_H

#include "core/account.h"
#include "xml/writer.h"

struct session;
struct iq;

typedef void iq_answer_fn(struct iq *iq, struct store_request *answer);

struct iq {
    struct engine *e;
    struct stanza stanza;
    struct xml payload; /* the one child element */
    const struct host_config *host;
    struct account *account; /* whose it is; NULL: the host is asked */
    struct session *session; /* of a local client asking its own account or the host on its own
                                shard; NULL otherwise or when it has gone meanwhile */
    struct origin origin;
    void *data;           /* the handler's own; freed with mem_free at the end */
    struct iq_kept *kept; /* set while on the heap */
};

bool iq_is_set(const struct iq *iq);
/* An empty result. */
void iq_result(struct iq *iq);
/* A result with a payload: begin, write, end. */
void iq_result_begin(struct iq *iq, struct xml_writer *w);
void iq_result_end(struct iq *iq, struct xml_writer *w);
void iq_error(struct iq *iq, enum stanza_error error);
void iq_error_text(struct iq *iq, enum stanza_error error, struct slice text);
/* app: serialised application-specific condition. */
void iq_error_app(struct iq *iq, enum stanza_error error, struct slice text, struct slice app);
/* The error of a failed request: resource-constraint, internal-server-error. True: it was sent. */
bool iq_store_failed(struct iq *iq, const struct store_request *answer);
/* Submits a request made by flow_batch or flow_query and comes back through fn. The payload tree is
 * parsed anew then. */
void iq_wait(struct iq *iq, struct store_request *request, iq_answer_fn *fn);
typedef void iq_job_fn(struct iq *iq, struct job *job);
void iq_wait_job(struct iq *iq, struct job *job, iq_job_fn *fn);
/* For whoever waits for something else (core/service): moves the request to the heap, where the
 * returned one is answered later, after iq_again, which looks for the session again and parses the
 * payload anew. */
struct iq *iq_keep(struct iq *iq);
void iq_again(struct iq *iq);

/* For the router: dispatches by payload name; settles origin in the end. */
void iq_dispatch(struct engine *e, struct stanza *s, const struct host_config *host,
                 struct account *account, struct session *session, const struct origin *origin);

#endif
