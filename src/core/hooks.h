/* The hooks of all modules in the order of their stages. */
#ifndef CORE_HOOKS_H
#define CORE_HOOKS_H

#include "core/module.h"

struct hooks;

/* Orders the modules by `.after`; a cycle or an unknown name is a bug (CHECK). */
struct hooks *hooks_new(const struct module *const *modules);
void hooks_free(struct hooks **h);
void hooks_start(struct engine *e);
void hooks_reloaded(struct engine *e);

/* The modules in order; *n_out of them. */
const struct module *const *hooks_modules(const struct engine *e, unsigned *n_out);
/* The handler of an IQ payload; NULL: none. */
const struct module_iq *hooks_iq(const struct engine *e, struct slice ns, struct slice name);

enum verdict hooks_check_outgoing(struct engine *e, struct session *from, const struct stanza *s,
                                  enum stanza_error *error_out, struct slice *app_out);
bool hooks_forged(struct engine *e, struct xml child);
enum verdict hooks_check_incoming(struct engine *e, struct account *to, const struct stanza *s,
                                  enum stanza_error *error_out);
bool hooks_hides_presence(struct engine *e, const struct account *a, const struct jid *to);
/* False when a module says so: the message with peer is not for the account's archive. */
bool hooks_archive_wants(struct engine *e, const struct account *a, const struct jid *peer);
void hooks_message_kept(struct engine *e, struct account *a, const struct stanza *s,
                        uint64_t position, bool taken);
void hooks_session_ready(struct engine *e, struct session *session);
void hooks_presence_sent(struct engine *e, struct session *session, const struct stanza *s);
void hooks_session_ended(struct engine *e, struct session *session);
void hooks_session_hibernates(struct engine *e, struct session *session, size_t unacknowledged);
void hooks_session_drained(struct engine *e, struct session *session);
/* The reads come behind `first` reads of the core; the answer's rows are handed out by index. */
void hooks_account_read(struct engine *e, struct store_request *query, struct slice owner);
void hooks_account_row(struct engine *e, struct account *a, uint32_t read,
                       const struct store_row *row);
void hooks_account_unload(struct engine *e, struct account *a);
const struct signup_hook *hooks_signup(const struct engine *e);
void hooks_stream_features(struct engine *e, const struct c2s *stream, struct xml_writer *w);
void hooks_disco_forms(struct engine *e, const struct host_config *host, struct xml_writer *w);
bool hooks_disco_node(struct iq *iq, struct slice node);

#endif
