/* Inside face of publish-subscribe. */
#ifndef CLIENT_PUBSUB_H
#define CLIENT_PUBSUB_H

#include "burble/pubsub.h"
#include "client/client.h"

#define NS_PUBSUB_OWNER  SLICE("http://jabber.org/protocol/pubsub#owner")
#define NS_PUBSUB_EVENT  SLICE("http://jabber.org/protocol/pubsub#event")
#define NS_PUBSUB_ERRORS SLICE("http://jabber.org/protocol/pubsub#errors")

/* A form of type submit with these lines; kind: "publish-options", behind the '#'. */
void pubsub_put_options(struct xml_writer *w, struct slice kind,
                        const struct burble_pubsub_option *options);
/* Opens <pubsub/> and an element of this name in it, for the node (NULL: none). */
void pubsub_open(struct burble *c, struct xml_writer *w, struct slice ns, struct slice name,
                 const char *node);
/* Closes both, and asks; fn may be NULL. */
int pubsub_set(struct burble *c, struct xml_writer *w, const char *service, burble_iq_fn *fn,
               void *arg);
/* A request that publishes one item, in c->work: 0, ERR_SYNTAX. */
int pubsub_write_publish(struct burble *c, const char *node, const char *id, const char *payload,
                         const struct burble_pubsub_option *options);
/* The same that makes a node; options NULL: as the service likes. */
void pubsub_write_create(struct burble *c, const char *node,
                         const struct burble_pubsub_option *options);
/* Writes one element that a program gave as text: 0, ERR_SYNTAX. */
int pubsub_put_payload(struct xml_writer *w, const char *payload);

#endif
