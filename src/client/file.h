/* Inside of files by Jingle: file.c is a transfer and its end, file_jingle.c what is said about it
 * in Jingle, file_serve.c what others say, file_transport.c which way the bytes go. */
#ifndef CLIENT_FILE_H
#define CLIENT_FILE_H

#include "burble/file.h"
#include "burble/ibb.h"
#include "client/client.h"
#include "xmpp/digest.h"

#define NS_JINGLE        SLICE("urn:xmpp:jingle:1")
#define NS_JINGLE_ERRORS SLICE("urn:xmpp:jingle:errors:1")
#define NS_FILE          SLICE("urn:xmpp:jingle:apps:file-transfer:5")
#define NS_JINGLE_IBB    SLICE("urn:xmpp:jingle:transports:ibb:1")
#define NS_JINGLE_SOCKS5 SLICE("urn:xmpp:jingle:transports:s5b:1")

enum file_state {
    FILE_OFFERED,   /* by us; the other side decides */
    FILE_PENDING,   /* by the other side; the program decides */
    FILE_REPLACING, /* agreed, but for the way; the other side is to propose one that we have */
    FILE_OPENING,   /* agreed; the bytestream is being opened */
    FILE_MOVING,    /* bytes flow */
    FILE_SETTLING,  /* all is sent; the other side says how it went, or tells the hash */
    FILE_OVER,
};

struct burble_file {
    struct client_extension x;
    enum file_state state;
    bool sending; /* we are the initiator of the session then, and only then */
    struct burble_file_handlers h;
    void *arg;
    char *peer, *sid, *content; /* peer: prepared */
    bool socks5;                /* what the other side offers, and we do not have */
    char *stream_sid;
    unsigned block;
    char *name, *type, *desc;
    struct burble_file_info info;
    struct burble_ibb *stream;
    uint64_t moved;  /* given to the stream, or taken from it */
    uint64_t handle; /* of the offer or its acceptance under way; 0: none */
    struct digest *digest;
    bool hash_promised; /* the other side will tell it */
    bool hash_known;    /* it has */
    uint8_t hash[DIGEST_SHA256_BYTES];
    struct client_timer timer;
};

/* file.c */
int file_new(struct burble *c, struct slice peer, struct slice sid,
             const struct burble_file_info *info, bool sending, struct burble_file **out);
struct burble_file *file_find(struct burble *c, struct slice peer, struct slice sid);
/* It is over for us: the bytestream too. The other side is told reason, unless that is NULL; the
 * program hears of it. */
void file_end(struct burble_file *f, enum burble_file_end end, const char *reason,
              const char *text);
/* Waits for the bytestream that was agreed on. 0, or what burble_ibb_await says. */
int file_await(struct burble_file *f);
/* The other side has accepted: opens the bytestream. */
void file_begin(struct burble_file *f, unsigned block);
/* The other side says that all has come. */
void file_succeeded(struct burble_file *f);
/* The other side has told the hash. */
void file_hash_came(struct burble_file *f);

/* file_jingle.c: what we say. 0 or what client_iq_send says. */
int file_say_initiate(struct burble_file *f, client_iq_fn *fn);
int file_say_accept(struct burble_file *f, client_iq_fn *fn);
/* Of whatever session. */
int file_say_terminate(struct burble *c, struct slice peer, struct slice sid, const char *reason);
int file_say_checksum(struct burble_file *f, const uint8_t hash[DIGEST_SHA256_BYTES]);
int file_say_transport_accept(struct burble_file *f);
int file_say_transport_reject(struct burble_file *f, struct xml content);
int file_say_candidate_error(struct burble_file *f);
/* Answers. jingle: the condition of Jingle, or SLICE_NONE. */
void file_say_good(struct burble *c, const struct stanza *iq);
void file_say_bad(struct burble *c, const struct stanza *iq, enum stanza_error error,
                  struct slice jingle);

/* file_transport.c */
struct file_transport {
    bool socks5;
    struct slice sid;
    unsigned block; /* in-band: at most block_max */
};
/* The way that a content names. False: it is neither in-band as we have it, nor SOCKS5. */
bool file_transport_read(struct xml content, unsigned block_max, struct file_transport *out);
bool file_block_read(struct xml transport, unsigned max, unsigned *out);
/* transport-replace and transport-info: answered. */
void file_transport_replaced(struct burble_file *f, const struct stanza *iq, struct xml jingle);
void file_transport_informed(struct burble_file *f, const struct stanza *iq, struct xml jingle);

/* file_serve.c: answers Jingle; once per client. 0, ERR_EXISTS, ERR_MEMORY. */
int file_serve(struct burble *c);

#endif
