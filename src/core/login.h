/* Login by SASL2 (XEP-0388), on top of the exchanges of c2s_sasl.c: the request and what it wants
 * beside the login, tasks after it (XEP-0480), tokens (XEP-0484), the bind along the way
 * (XEP-0386), and the one answer to all of it.
 *
 * struct login lives from <authenticate/> to <success/> or <failure/>, and moves with its stream.
 * Up to the end of the exchange it waits on the shard where the connection came in, from
 * login_arrived on at the account's owner. Functions are called through the table in c2s.c unless
 * they say otherwise. */
#ifndef CORE_LOGIN_H
#define CORE_LOGIN_H

#include "core/c2s.h"

/* Tokens of XEP-0484 in the store: a map of the account, one item per client (its user agent id).
 */
#define STORE_FAST SLICE("fast")

struct login;

void login_free(struct login **login);

/* <authentication/> in the stream features, from c2s_features. */
void login_features(struct c2s *s, struct xml_writer *w);

/* <authenticate/> */
void login_begin(struct c2s *s, struct xml x);
/* L10: the delay is over. */
void login_delayed(struct c2s *s);
/* The record that the exchange is checked against; copied. From c2s_sasl.c. */
void login_keep_record(struct login *login, struct slice record);
/* XEP-0388 section 2.3: a stream that said from whom it is logs in as nobody else. */
bool login_fits_header(const struct c2s *s, struct slice user);
/* Adds what the client said of itself. */
void login_log(const struct login *login, struct log_line *l);

/* The exchange succeeded and the stream is at the owner's shard; the account is in use. */
void login_arrived(struct c2s *s);
/* <next/>, <task-data/>, and <abort/> between them. */
void login_next(struct c2s *s, struct xml x);
void login_task_data(struct c2s *s, struct xml x);
void login_task_abort(struct c2s *s);
/* The account is loaded, or not; from c2s_account_ready. */
void login_account_ready(struct c2s *s);

#endif
