/* Subscription states and what changes them: RFC 6121 section 3 and appendix A, as a table without
 * any I/O. The state of one contact in one roster. */
#ifndef CORE_SUBSCRIPTION_H
#define CORE_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct subscription {
    bool to;          /* the user receives the contact's presence */
    bool from;        /* the contact receives the user's presence */
    bool pending_out; /* ask='subscribe' */
    bool pending_in;  /* the contact asked and was not answered */
    bool approved;    /* pre-approval (RFC 6121 section 3.4) */
};

enum subscription_event { SUB_SUBSCRIBE, SUB_SUBSCRIBED, SUB_UNSUBSCRIBE, SUB_UNSUBSCRIBED };

struct subscription_outcome {
    struct subscription next;
    bool changed;                /* the stored state differs */
    bool pass;                   /* outbound: route to the contact; inbound: deliver to the user */
    bool push;                   /* the change shows in the roster: push it */
    bool auto_reply;             /* inbound subscribe: answer with subscribed at once */
    bool presence_to_contact;    /* outbound subscribed, auto reply: send current presence */
    bool unavailable_to_contact; /* outbound unsubscribed, inbound unsubscribe: send unavailable */
    bool contact_gone; /* the user no longer sees the contact: its presence becomes unavailable */
};

/* The user sends this to the contact (appendix A.2). */
struct subscription_outcome subscription_out(struct subscription s, enum subscription_event event);
/* The contact sends this to the user (appendix A.3). */
struct subscription_outcome subscription_in(struct subscription s, enum subscription_event event);

/* "none", "to", "from", "both" */
struct slice subscription_name(struct subscription s);
bool subscription_eq(struct subscription a, struct subscription b);

#endif
