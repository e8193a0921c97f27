/* What the files of the login share (login.h). */
#ifndef CORE_LOGIN_INSIDE_H
#define CORE_LOGIN_INSIDE_H

#include "core/login.h"
#include "core/login_token.h"
#include "core/service/inline.h"
#include "xmpp/sasl_ht.h"

enum { LOGIN_CLIENT_ID_BYTES = 37 }; /* a UUID and NUL */

struct login {
    /* The request. */
    struct slice mechanism, initial;       /* owned; initial is base64, ptr NULL: none */
    char client_id[LOGIN_CLIENT_ID_BYTES]; /* user agent id in lower case; empty: none */
    struct slice software, device;         /* owned, as the client says */
    struct buf bind, resume;               /* elements, serialised; empty: none */
    unsigned upgrades;                     /* bits by enum sasl_hash: tasks that are still to do */
    bool fast;                             /* <fast/> was there */
    bool invalidate;
    bool counted;
    unsigned long long count;
    const struct sasl_ht *wanted; /* a token for this mechanism; NULL: none asked for */
    /* The exchange. */
    const struct sasl_ht *ht; /* by token; NULL: by the mechanisms of c2s_sasl.c */
    struct buf user;          /* prepared localpart, when by token */
    struct buf record;        /* the account's, as it was then; secret */
    struct buf token;         /* that was shown; secret */
    /* At the owner. */
    bool told;       /* the mechanism's last data went out with <continue/> */
    bool asked;      /* <next/> came, the salt was sent */
    bool to_store;   /* keys or tokens are to be written */
    bool must_store; /* and the login depends on it */
    bool replayed;   /* the number of the token was shown before: it is revoked (A27) */
    bool resuming;   /* inline_resume_done is to come */
    unsigned attempts;
    uint64_t head; /* of the account's log when the features of the bind asked for what they want */
    struct sasl_credentials credentials; /* with the new keys, when some are to do */
    bool new_keys;
    struct buf issued; /* a new token for the client; secret */
    int64_t issued_expiry_ms;
    struct buf reply; /* of the resumption */
};

/* Login by token: the stream has chosen one of SASL_HT. */
void login_fast_begin(struct c2s *s, const struct sasl_ht *ht);
/* <fast/> among the features. */
void login_fast_features(struct c2s *s, struct xml_writer *w);
/* May this mechanism be used on this stream? */
bool login_fast_possible(const struct c2s *s, const struct sasl_ht *ht);
/* Was this number shown before? */
bool login_is_replay(const struct login *login, const struct token_slot *slot);
/* The item without the token of login.token. */
void login_forget_token(const struct login *login, struct token_item *item);
/* Writes what the login has changed in the store, then login_go_on. */
void login_store(struct c2s *s);
/* <token/> in <success/>. */
void login_fast_answer(const struct login *login, struct xml_writer *w);

/* <upgrade/> among the features. */
void login_upgrade_features(struct xml_writer *w);
/* SASL_HASHES: no such task. */
enum sasl_hash login_upgrade_find(struct slice task);
/* Which of the tasks that the client would do are needed? */
void login_upgrade_choose(struct login *login);
/* <continue/> with the next one. */
void login_upgrade_ask(struct c2s *s);

/* <bind/> and <sm/> among the features. */
void login_bind_features(struct c2s *s, struct xml_writer *w);
/* The element that resumes, in a request; none: none. */
struct xml login_resume_element(const struct c2s *s, struct xml request);
/* Resumes or binds what the request says; the last step. */
void login_enter(struct c2s *s);

/* At the owner: the next thing to do. */
void login_go_on(struct c2s *s);
/* The whole answer; frees the login. bound: serialised content of <bound/>, NULL: no <bound/>. */
void login_answer(struct c2s *s, const struct buf *bound);
/* A failure at the owner: the stream has moved for this account and has told so, it can only end.
 * app: serialised application condition or empty. */
void login_refuse(struct c2s *s, enum sasl_failure failure, struct slice app);

#endif
