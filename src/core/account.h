/* An account in memory: loaded on demand, gone when idle. Everything about one bare JID happens on
 * the shard that owns it. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "core/resend.h"
#include "core/roster.h"
#include "core/tail.h"

enum account_state {
    ACCOUNT_LOADING,
    ACCOUNT_READY,
    ACCOUNT_ABSENT, /* there is none of that name */
    ACCOUNT_FAILED, /* the store did not answer well: as absent, but with another error */
};

/* What a module keeps with an account. */
struct account_slot {
    unsigned module; /* its index */
    void *data;
};

/* What waits for an account, and for what it waits; or since when nobody needs it. Made when there
 * is something of the kind. */
struct account_work {
    struct list binding;   /* struct c2s: streams that wait for the account to be loaded */
    struct list parked;    /* struct parked: stanzas that wait, in order of arrival */
    struct list holds;     /* struct hold: streams with a message on its way to the store */
    struct list changes;   /* of subscriptions that are being written (subscribe.c) */
    struct list restoring; /* in engine.restoring: to be loaded, later or when it is needed */
    struct list idle;      /* in engine.idle_accounts */
    uint64_t idle_since_ms;
    struct account *account;
    bool restores; /* it is being loaded because its turn has come */
    uint64_t flow; /* the load */
};

struct account {
    struct hnode node;
    struct jid jid; /* bare; its text is below */
    const struct host_config *host;
    enum account_state state;
    bool disabled;
    bool follows;  /* head and tail are right: they were read, and are kept here */
    uint32_t uses; /* flows and streams that need it loaded */
    uint32_t session_count;
    struct list sessions; /* struct session */
    struct roster roster;
    struct account_work *work; /* NULL: there is none */
    uint64_t subscriptions_since_ms;
    uint32_t subscriptions_sent; /* L19, in the hour since */
    unsigned slot_count;
    struct account_slot *slots; /* of the modules that keep something: few do */
    int64_t last_seen_ms;       /* wall clock; when the last session ended since it was loaded */
    uint64_t head;              /* position of the newest entry of its log that was applied here */
    struct tail tail;           /* what of its log has been taken (tail.h) */
    struct resend *resend;      /* what may be sent once more (resend.h); NULL: nothing */
    char text[];
};

/* Names of items in the store. The value of STORE_ACCOUNT is made by account_record_encode. */
#define STORE_ACCOUNT SLICE("account")
#define STORE_ROSTER  SLICE("roster")

struct account_record {
    bool disabled;
    int64_t created_ms;
    struct slice credentials; /* sasl_credentials_encode */
};
void account_record_encode(const struct account_record *r, struct buf *out);
bool account_record_decode(struct slice text, struct account_record *out);

/* Already loaded or loading; NULL otherwise. */
struct account *account_find(struct engine *e, struct slice bare);
/* Loads when it is not there: the state tells. jid is bare and local. */
struct account *account_get(struct engine *e, const struct jid *jid);
/* Makes it without loading it: it has sessions of another process. It is loaded when it is needed,
 * and a few at a time. */
struct account *account_restore(struct engine *e, const struct jid *jid);
void account_need(struct engine *e, struct account *a);
void accounts_restore(struct engine *e);
/* A write failed, or the store changed behind the account: what is in memory is read from the store
 * again; stanzas wait meanwhile. */
void account_reload(struct engine *e, struct account *a);
/* Its work, made when there is none; and given back when all of it is done. */
struct account_work *account_work(struct account *a);
void account_rest(struct account *a);
/* While in use an account stays; the last release makes it idle. */
void account_use(struct engine *e, struct account *a);
void account_release(struct engine *e, struct account *a);
/* Forgets the loaded state; the next use loads it anew. No sessions, no uses. */
void account_drop(struct engine *e, struct account *a);
/* After the account was removed or made in the store by this shard. */
void account_mark_absent(struct engine *e, struct account *a);

/* A stanza arrives for the account (any kind); settles origin sooner or later. */
void account_receive(struct engine *e, const struct jid *jid, struct stanza *s,
                     const struct origin *origin);
/* Lets a stanza wait in the account; released by account_unpark in order. */
void account_park(struct engine *e, struct account *a, struct stanza *s,
                  const struct origin *origin);
/* Hands on what waits, until something has to wait again. */
void account_unpark(struct engine *e, struct account *a);
/* A message of this session is on its way to the store: until account_unhold, what comes behind it
 * waits, but for messages that will follow it there (message_log_takes). The account is in use
 * meanwhile. */
struct hold *account_hold(struct engine *e, struct account *a, const struct stanza *s,
                          const struct origin *origin);
void account_unhold(struct engine *e, struct account *a, struct hold **hold);

/* The engine's turn: accounts that were idle for a while leave. */
void accounts_leave(struct engine *e);
uint64_t accounts_deadline(const struct engine *e);
void accounts_free(struct engine *e);
/* Hosts are looked up anew after a reload. */
void accounts_rehost(struct engine *e);

/* Slot of module index i, NULL when unset; setting it to NULL unsets it. */
void *account_slot(const struct account *a, unsigned i);
void account_slot_set(struct engine *e, struct account *a, unsigned i, void *data);

#endif
