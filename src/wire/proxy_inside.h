/* What the wires of the two kinds of proxies share; nobody else includes this. */
#ifndef WIRE_PROXY_INSIDE_H
#define WIRE_PROXY_INSIDE_H

#include "wire/proxy.h"

enum { PROXY_SENTENCE_BYTES = 128 };

struct proxy {
    struct wire wire;
    /* Looks at what has come (p->answer, one byte more than before) and goes on by proxy_say,
     * proxy_expect, proxy_open or proxy_fail. */
    void (*step)(struct proxy *p, struct buf *down);
    const char *reason;
    enum wire_state state;
    bool asked;          /* the first message is out */
    struct buf question; /* the first message; wiped when it is sent */
    struct buf secret;   /* SOCKS5: user and password in their message, then wiped */
    struct buf request;  /* SOCKS5: what is asked for, behind the greeting */
    struct buf answer;   /* what has come of the present answer */
    uint32_t taken;      /* bytes of all answers until now */
    uint8_t stage;       /* of the protocol */
    char sentence[PROXY_SENTENCE_BYTES]; /* proxy_text */
};

/* A wire that waits for its first feed; NULL when memory is exhausted. */
struct proxy *proxy_new(void (*step)(struct proxy *p, struct buf *down), const char *waits_for);
void proxy_fail(struct proxy *p, const char *reason, const char *sentence);
/* The tunnel stands. */
void proxy_open(struct proxy *p);
/* Moves a prepared message to down and wipes it. */
void proxy_say(struct proxy *p, struct buf *message, struct buf *down);
/* The next answer begins. */
void proxy_expect(struct proxy *p, uint8_t stage);

/* The host without the brackets of an IPv6 address. */
struct slice proxy_bare_host(struct slice host);
/* What both protocols demand of a target: 0, ERR_SYNTAX, ERR_LIMIT. */
int proxy_check_target(const struct proxy_target *target);

#endif
