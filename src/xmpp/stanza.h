/* A stanza as the server handles it: a head that is decided on, and a payload that is passed on.
 *
 * A view: all slices belong to the tree, to the mail or to the caller that made it, for the time of
 * one call. Who keeps a stanza longer copies it (stanza_pack). */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "xml/tree.h"
#include "xmpp/error.h"
#include "xmpp/jid.h"

enum stanza_kind { STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

enum stanza_type {
    TYPE_BAD, /* presence or IQ with an unknown type */
    /* message (an unknown type is normal: RFC 6121 section 5.2.2) */
    TYPE_NORMAL,
    TYPE_CHAT,
    TYPE_GROUPCHAT,
    TYPE_HEADLINE,
    /* presence */
    TYPE_AVAILABLE,
    TYPE_UNAVAILABLE,
    TYPE_SUBSCRIBE,
    TYPE_SUBSCRIBED,
    TYPE_UNSUBSCRIBE,
    TYPE_UNSUBSCRIBED,
    TYPE_PROBE,
    /* IQ */
    TYPE_GET,
    TYPE_SET,
    TYPE_RESULT,
    /* all three */
    TYPE_ERROR,
};

struct stanza {
    enum stanza_kind kind;
    enum stanza_type type;
    struct slice id;      /* ptr NULL: none */
    struct slice lang;    /* the stanza's own or inherited xml:lang; empty: none */
    struct jid from, to;  /* prepared; from is always the server's word, never the client's */
    struct xml root;      /* the element, when it was parsed here */
    struct slice payload; /* serialised children for default namespace jabber:client */
    bool packed;          /* payload is there (it may be empty) */
};

/* Reads kind, type, id, lang from a parsed element; from and to stay empty. False when the element
 * is not a stanza in jabber:client. */
bool stanza_read(struct xml root, struct slice stream_lang, struct stanza *out);

/* Serialises the payload into own, a buffer for nothing else that outlives the stanza, unless it is
 * packed already. Worth it where a stanza is written more than once. */
void stanza_pack(struct stanza *s, struct buf *own);

/* Gives a stanza that is packed a root again: a tree of its own, which the caller frees
 * (xml_tree_free) when the stanza is done. What was accepted once is not measured again. False:
 * out of memory, or damaged; the root is none then. */
bool stanza_unpack(struct stanza *s, struct xml_tree **tree_out);

/* Writes the whole stanza with the payload as it is (packed or parsed). to may be NULL: that of s.
 * extra is serialised XML added at the end of the payload, may be empty. */
void stanza_write(struct buf *out, const struct stanza *s, const struct jid *to,
                  struct slice extra);

/* An error answer to s: from and to swapped, same id, without the payload. text may be empty;
 * app is serialised XML of an application condition, may be empty. */
void stanza_write_error(struct buf *out, const struct stanza *s, enum stanza_error error,
                        struct slice text, struct slice app);
/* The payload alone of such an answer. */
void stanza_error_payload(struct buf *out, enum stanza_error error, struct slice text,
                          struct slice app);

/* "message", "chat": the type attribute's value, empty where the attribute is left out. */
struct slice stanza_kind_name(enum stanza_kind kind);
struct slice stanza_type_name(enum stanza_type type);

/* The bytes of a stanza in one block, for mails and store rows: encode appends to out; decode makes
 * slices into text. False when text is damaged. */
void stanza_encode(struct buf *out, const struct stanza *s);
bool stanza_decode(struct slice text, struct stanza *out);

#endif
