/* Inside face of service discovery (XEP-0030). */
#ifndef CLIENT_DISCO_H
#define CLIENT_DISCO_H

#include "burble/disco.h"
#include "client/client.h"

/* Reads a <query/> of disco#info; the arrays and strings are the view's. False: no memory. */
bool disco_read(struct burble_tree *view, struct xml query, struct burble_disco_info *out);

/* Begins to answer, with the identity that is set; once. 0, ERR_EXISTS: a program answers disco
 * itself, ERR_MEMORY. */
int disco_start(struct burble *c);
/* What we are: the children of <query/>. */
void disco_write_self(struct burble *c, struct xml_writer *w);

/* What is found out about the own server (disco_find.c). */
struct disco_services {
    struct list list;    /* struct service: the server, then its items */
    struct list finders; /* struct finder */
    struct client_timer timer;
    bool asked; /* in this session */
    bool items_known;
    unsigned count;
};

struct disco_node {
    struct list link;
    char *node, *info, *items; /* info, items NULL: none */
};

/* Writes what a node of a feature has for this address; false: it is another's node, or not for
 * them. */
typedef bool disco_content_fn(struct burble *c, struct xml_writer *w, bool items, struct slice node,
                              const struct jid *from);

struct disco {
    struct client_extension x;
    struct disco_services services;
    bool answers;
    disco_content_fn *commands;   /* NULL: none */
    char *category, *type, *name; /* NULL: the usual */
    struct list nodes;
    unsigned node_count;
};

/* The state, made at the first call; NULL: no memory. */
struct disco *disco_of(struct burble *c);
/* disco_find.c: the session is gone, or the client goes; everybody hears of it. */
void disco_find_end(struct burble *c, struct disco *d);

#endif
