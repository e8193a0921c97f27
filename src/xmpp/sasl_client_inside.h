/* What the files of the client's side of SASL share; nobody else includes it. sasl_client.c owns
 * the object and its steps, sasl_client_choose.c the choice, the others a mechanism each. */
#ifndef XMPP_SASL_CLIENT_INSIDE_H
#define XMPP_SASL_CLIENT_INSIDE_H

#include "xmpp/pbkdf2.h"
#include "xmpp/sasl_client.h"
#include "xmpp/scram.h"

enum sasl_client_kind {
    SASL_CLIENT_EXTERNAL,
    SASL_CLIENT_SCRAM,
    SASL_CLIENT_DIGEST_MD5,
    SASL_CLIENT_PLAIN,
};

struct sasl_client_mechanism {
    struct slice name;
    enum sasl_client_kind kind;
    enum sasl_hash hash; /* of SCRAM */
    bool plus;
};

/* The last two are slices of the configuration or constants. */
struct sasl_client_choice {
    const struct sasl_client_mechanism *mech;
    char flag;            /* gs2: 'n', 'y', 'p' */
    bool confirm;         /* only with the server's hash of its offer (XEP-0474) */
    struct slice binding; /* the type */
    struct slice data;    /* channel binding data */
    unsigned refused;     /* the type was guessed, and there are others: bindings_refused without
                             it; else 0 */
};

/* What the server told. */
struct sasl_client_offer {
    const struct slice *names;
    size_t n;
    const struct slice *bindings;
    size_t n_bindings;
    bool bindings_told;
};

enum sasl_client_problem sasl_client_choose(const struct sasl_client_config *config,
                                            const struct sasl_client_offer *offer,
                                            struct sasl_client_choice *out);

enum sasl_client_state {
    SASL_CLIENT_TO_START,
    SASL_CLIENT_TO_CHALLENGE, /* the server speaks next */
    SASL_CLIENT_WORKING,      /* the password is being salted */
    SASL_CLIENT_TO_PROVE,     /* success or the server's proof */
    SASL_CLIENT_PROVED,       /* the proof came in a challenge */
    SASL_CLIENT_TO_SUCCEED,   /* success alone, nothing is proven by it */
    SASL_CLIENT_OVER,
    SASL_CLIENT_BROKEN,
};

struct sasl_client {
    enum sasl_client_state state;
    enum sasl_client_problem problem;
    const char *detail;
    struct sasl_client_choice choice;   /* data is in binding below */
    struct buf user, password, authzid; /* prepared, authzid as given */
    struct buf host;
    struct buf binding; /* channel binding data */
    struct buf offer;   /* what came of the server's offer */
    struct buf out;
    char nonce[SCRAM_NONCE_BYTES];
    bool sent_password;

    /* SCRAM */
    struct buf auth; /* AuthMessage as far as known */
    struct pbkdf2 kdf;
    bool salt_fits; /* into salted, which can be kept then */
    struct sasl_salted salted;

    uint8_t proof[SASL_KEY_BYTES]; /* what the server must show: signature or rspauth */
};

/* The problem that an error of the environment is. */
enum sasl_client_problem sasl_client_problem_of(int err);
/* detail may be NULL. */
enum sasl_client_step sasl_client_refuse(struct sasl_client *c, enum sasl_client_problem problem,
                                         const char *detail);
/* SEND in the new state, or REFUSED for an error. */
enum sasl_client_step sasl_client_send(struct sasl_client *c, int err,
                                       enum sasl_client_state state);

/* SCRAM: the first message, the answer to the first challenge, what follows WORK, and the server's
 * last message. The result of the last is SASL_PROBLEM_NONE for a right one. */
int sasl_client_scram_first(struct sasl_client *c);
enum sasl_client_step sasl_client_scram_answer(struct sasl_client *c, struct slice challenge);
enum sasl_client_step sasl_client_scram_work(struct sasl_client *c, uint32_t iterations_max);
enum sasl_client_problem sasl_client_scram_verify(struct sasl_client *c, struct slice message);

/* DIGEST-MD5: the answer to the one challenge, and the server's last message. */
enum sasl_client_step sasl_client_digest_answer(struct sasl_client *c, struct slice challenge);
enum sasl_client_problem sasl_client_digest_verify(struct sasl_client *c, struct slice message);

#endif
