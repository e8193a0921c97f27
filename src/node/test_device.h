/* A client with stream management on the bench, as a good one behaves: it counts, answers <r/>,
 * keeps what was not acknowledged, and sends it again when it comes back. */
#ifndef NODE_TEST_DEVICE_H
#define NODE_TEST_DEVICE_H

#include "xep/test_inside.h"

enum { DEVICE_UNACKED_MAX = 512 };

struct device {
    struct bench *bench;
    struct client *client; /* NULL: it is not connected */
    char full[64];
    char id[64];      /* of its session; empty: none */
    uint32_t handled; /* stanzas that came */
    uint32_t sent, acked;
    char *unacked[DEVICE_UNACKED_MAX]; /* acked + 1 ... sent, owned */
    bool silent;                       /* does not answer <r/> */
    bool sends_r;                      /* asks behind each stanza */
    bool ended;                        /* the stream was ended by the server */
    char error[64];                    /* the stream error that came with it */
    unsigned questions;                /* <r/> that came */
    struct buf bodies;                 /* of the messages that came: "1 2 3 " */
    struct buf other;                  /* "presence bob@example.org/a unavailable;iq get 7;" */
    unsigned resumed, failed;          /* how often */
    uint32_t failed_h;                 /* what <failed/> said; UINT32_MAX: nothing */
};

/* Logs in, binds, manages (resumable), sends presence. */
struct device *device_new(struct bench *b, const char *full);
/* The same without presence. */
struct device *device_new_silent(struct bench *b, const char *full);
void device_free(struct device **d);
/* Reads what came. */
void device_take(struct device *d);
/* Sends one stanza. */
void device_say(struct device *d, const char *text);
void device_sayf(struct device *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A chat message with this body, which is its id too. */
void device_write(struct device *d, const char *to, unsigned body);
/* Elements that are no stanzas. */
void device_raw(struct device *d, const char *text);
/* The connection is lost; a client that was not told of the end does not know more. */
void device_lose(struct device *d);
/* Its own end of the stream. */
void device_close(struct device *d);
/* A new connection, and the old session on it; false: that failed, and the stream can bind. */
bool device_resume(struct device *d);
/* A new connection and a new session of the same resource; what was not acknowledged is forgotten.
 */
void device_login(struct device *d);
/* The connection goes, and the next session does not know of the old one. */
void device_login_anew(struct device *d);
/* It asks: all that it has sent is settled, and it is told so. */
void device_all_told(struct device *d);
/* The bodies that came since it was asked last are these. */
#define device_got(d, text) device_check((d), (text), __FILE__, __LINE__)
void device_check(struct device *d, const char *text, const char *file, int line);
/* Something of the other stanzas. */
bool device_saw(const struct device *d, const char *text);
struct session *device_session(const struct device *d);

#endif
