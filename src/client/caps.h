/* Inside face of entity capabilities. */
#ifndef CLIENT_CAPS_H
#define CLIENT_CAPS_H

#include "base/hash.h"
#include "burble/caps.h"
#include "client/disco.h"

enum caps_method {
    CAPS_0115, /* XEP-0115 with SHA-1 */
    CAPS_0390, /* XEP-0390 with SHA-256 */
};
/* Base64 of a hash and a NUL. */
enum { CAPS_HASH_BYTES = 48 };

/* The hash of what a <query/> of disco#info says: 0; ERR_SYNTAX: it is ill-formed, or could be read
 * as another one with the same hash; ERR_MEMORY. */
int caps_hash(struct xml query, enum caps_method method, char out[CAPS_HASH_BYTES]);

/* One set of capabilities. */
struct caps_set {
    struct list link; /* by use, the latest first */
    struct caps *caps;
    enum caps_method method;
    char hash[CAPS_HASH_BYTES];
    char *node;         /* XEP-0115's, to ask with; NULL: not needed */
    unsigned users;     /* contacts that say it */
    bool asking, known; /* both false: nobody could be asked, or nobody told the truth */
    char *query;        /* serialised; with known */
    char *features;     /* each with a NUL, and an empty one at the end; in query's block */
    size_t bytes;
};

enum { CAPS_BUCKETS = 256 };

struct caps_contact {
    struct list link;
    struct caps_set *set; /* NULL: none */
    bool refused;         /* it was asked and did not tell */
    char jid[];
};

struct caps {
    struct client_extension x;
    burble_caps_fn *on_known;
    void *arg;
    char *node;
    char ver[CAPS_HASH_BYTES];       /* what was said last, to whomever; "": nothing */
    char announced[CAPS_HASH_BYTES]; /* what was said to all */
    struct client_timer changed;
    struct hash_key key;
    bool keyed;
    struct list sets;
    size_t set_count, bytes;
    unsigned asking;
    struct list contacts[CAPS_BUCKETS];
    size_t contact_count;
};

struct caps *caps_of(struct burble *c);
struct caps_set *caps_find(struct caps *caps, enum caps_method method, struct slice hash);
/* A new set that is not known, in front; NULL: no memory, or no room. */
struct caps_set *caps_add(struct caps *caps, enum caps_method method, struct slice hash);
/* It is what this query says, if that has its hash: 0, ERR_SYNTAX, ERR_LIMIT, ERR_MEMORY. */
int caps_learn(struct caps_set *set, struct xml query);
void caps_set_free(struct caps_set *set);

#endif
