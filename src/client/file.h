/* Inside of files by Jingle: file.c is a transfer and its end, file_jingle.c what is said about it
 * in Jingle, file_serve.c what others say. */
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

enum file_state {
    FILE_OFFERED,  /* by us; the other side decides */
    FILE_PENDING,  /* by the other side; the program decides */
    FILE_OPENING,  /* agreed; the bytestream is being opened */
    FILE_MOVING,   /* bytes flow */
    FILE_SETTLING, /* all is sent; the other side says how it went */
    FILE_OVER,
};

struct burble_file {
    struct client_extension x;
    enum file_state state;
    bool sending; /* we are the initiator of the session then, and only then */
    struct burble_file_handlers h;
    void *arg;
    char *peer, *sid, *content; /* peer: prepared */
    char *stream_sid;
    unsigned block;
    char *name, *type, *desc;
    struct burble_file_info info;
    struct burble_ibb *stream;
    uint64_t moved;  /* given to the stream, or taken from it */
    uint64_t handle; /* of the offer or its acceptance under way; 0: none */
    struct digest *digest;
    bool hash_known; /* the other side has told it */
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
/* The other side has accepted: opens the bytestream. */
void file_begin(struct burble_file *f, unsigned block);
/* The other side says that all has come. */
void file_succeeded(struct burble_file *f);

/* file_jingle.c: what we say. 0 or what client_iq_send says. */
int file_say_initiate(struct burble_file *f, client_iq_fn *fn);
int file_say_accept(struct burble_file *f, client_iq_fn *fn);
/* Of whatever session. */
int file_say_terminate(struct burble *c, struct slice peer, struct slice sid, const char *reason);
int file_say_checksum(struct burble_file *f, const uint8_t hash[DIGEST_SHA256_BYTES]);
int file_say_transport_reject(struct burble_file *f, struct xml content);

/* file_serve.c: answers Jingle; once per client. 0, ERR_EXISTS, ERR_MEMORY. */
int file_serve(struct burble *c);

#endif
