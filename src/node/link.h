/* A link: the bytes of a connection, its wire, its parser and its stream. Private to the node. */
#ifndef NODE_LINK_H
#define NODE_LINK_H

#include "core/c2s.h"
#include "core/link.h"
#include "node/node.h"
#include "wire/wire.h"
#include "xml/parser.h"

struct link_timer {
    struct timer timer;
    struct node_link *link;
};

struct node_link {
    struct link base; /* what the stream sees */
    struct node *node;
    struct list all;   /* in node.links */
    struct list ready; /* in node.ready */
    struct list turn;  /* in node.turn: has work for node_turn */
    struct stream *stream;
    struct xml_parser *parser;
    struct wire *wire; /* NULL: plain */
    struct buf net;    /* bytes for the peer, encrypted when there is a wire */
    struct buf in;     /* plaintext that was read and may not be parsed yet */
    /* TLS handshake (L7), the peer's closing (X26), paused reading (L22); NULL: none of them. */
    struct link_timer *timer;
    void *owner;
    enum link_state {
        LINK_OPEN,
        LINK_STARTING_TLS, /* proceed is to be sent, then the handshake */
        LINK_HANDSHAKE,
        LINK_MOVING,
        LINK_CLOSING, /* output is to be sent, then the connection ends */
        LINK_CLOSED,
    } state;
    uint32_t move_to;
    enum node_service service;
    bool paused;     /* L22: no input until the timer */
    bool lagging;    /* told the stream that its output has piled up; drained is due */
    bool told_input; /* what the driver knows of node_wants_input */
    char peer[];     /* NUL-terminated */
};

struct node {
    struct engine *engine;
    const struct node_config *config;
    struct list links, ready, turn, moving;
    size_t link_count;
    struct buf up; /* decrypted bytes of the link in hand */
};

struct node_link *link_new(struct node *n, uint32_t listener, const char *peer, uint64_t conn,
                           void *owner);
void link_free(struct node_link **l);
/* Plaintext from the peer. */
void link_feed(struct node_link *l, struct slice bytes);
/* Parses on from what was held back. */
void link_continue(struct node_link *l);
/* Ciphertext or plaintext from the connection. */
void link_input(struct node_link *l, struct slice bytes);
void link_stop_timer(struct node_link *l);
/* node_turn shall look at it. */
void link_turn(struct node_link *l);
/* Moves what was written to net. */
void link_flush(struct node_link *l);
bool link_wants_input(const struct node_link *l);
/* Puts the link on the ready list when the driver has something to do or to know. */
void link_tell(struct node_link *l);

#endif
