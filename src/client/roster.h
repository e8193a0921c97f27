/* Inside of the roster: roster.c fetches it and takes pushes, roster_table.c holds contacts,
 * roster_presence.c their resources, roster_probe.c looks for those that hide, roster_cache.c
 * writes and reads the cache. */
#ifndef CLIENT_ROSTER_H
#define CLIENT_ROSTER_H

#include "burble/roster.h"
#include "client/client.h"

enum {
    CONTACTS_MAX = 10000,
    RESOURCES_MAX = 64, /* of one contact */
    RESOURCES_GONE_MAX = 8,
    STATUS_BYTES_MAX = 1024,
};

struct contact {
    struct burble_contact pub; /* resources, resource_count, available_count are kept here alone */
    void *block;               /* the strings and groups of pub */
    struct burble_resource *resources;
    size_t resource_cap;
    bool hides; /* somewhere, as a probe found out */
};

/* Sorted by address. */
struct contacts {
    struct contact **list;
    size_t count, cap;
};

struct burble_roster {
    struct client_extension x;
    struct burble_roster_config config; /* the cache is not kept */
    struct contacts items;
    struct contacts others; /* whose presence came before the roster */
    struct contact *self;
    char *version; /* of items; NULL: none */
    bool ready;
    bool incomplete;     /* something was left out: no cache, no version */
    bool versioned;      /* this fetch may be answered with "nothing changed" */
    uint64_t fetch;      /* handle; 0: none is open */
    uint64_t session_ms; /* when it began, monotonic */
    struct list probes;
    size_t probe_count;
};

/* roster_table.c. NULL: none there. */
struct contact *contacts_find(const struct contacts *t, struct slice jid);
/* 0 or ERR_MEMORY; the caller has seen that it is not there. */
int contacts_insert(struct contacts *t, struct contact *k);
/* Takes it out; it is the caller's. */
void contacts_take(struct contacts *t, struct contact *k);
void contacts_free(struct contacts *t);
/* One of that address without anything else; NULL: no memory. */
struct contact *contact_new(struct slice jid);
void contact_free(struct contact *k);
/* The contact that an <item/> describes, without resources. 0; ERR_SYNTAX: it describes none;
 * ERR_MEMORY. removed_out: it is to be removed. */
int contact_read(struct xml item, struct contact **out, bool *removed_out);
/* to gets all resources that from has; its own ones are given up. */
void contact_move_resources(struct contact *to, struct contact *from);
/* All items of a <query/> become t, with the resources of old ones and of others where the address
 * is the same. left_out: more than max, or no address. 0 or ERR_MEMORY, t is as it was then. */
int contacts_replace(struct contacts *t, struct contacts *others, struct xml query, size_t max,
                     bool *left_out);
/* One <item/>. */
void contact_write(struct xml_writer *w, const struct burble_contact *k);
/* With the state as it is now. */
const struct burble_contact *contact_view(const struct burble_roster *r, struct contact *k);

/* roster_presence.c */
bool roster_presence(struct burble_roster *r, const struct stanza *s);
/* A stanza came that its sender itself has just sent: whoever is not available hides. */
void roster_heard(struct burble_roster *r, const struct stanza *s);
/* A resource answered, and is not available. */
void roster_hides(struct burble_roster *r, struct contact *k, struct burble_resource *x);
struct burble_resource *contact_resource(const struct contact *k, struct slice jid);
/* Nobody is known to be there any more. */
void roster_forget_presence(struct burble_roster *r);
void resource_free(struct burble_resource *x);

/* roster_probe.c */
void roster_probes_free(struct burble_roster *r);

/* roster_cache.c: 0, ERR_CORRUPT, ERR_MEMORY. */
int roster_load(struct burble_roster *r, const void *cache, size_t len);

#endif
