/* Subscription states: RFC 6121 section 3 and appendix A. */
#include "core/subscription.h"

bool subscription_eq(struct subscription a, struct subscription b)
{
    return a.to == b.to && a.from == b.from && a.pending_out == b.pending_out &&
           a.pending_in == b.pending_in && a.approved == b.approved;
}

struct slice subscription_name(struct subscription s)
{
    if (s.to)
        return s.from ? SLICE("both") : SLICE("to");
    return s.from ? SLICE("from") : SLICE("none");
}

/* What a client sees of a state: pending_in alone is no part of the roster. */
static bool shows(struct subscription a, struct subscription b)
{
    return a.to != b.to || a.from != b.from || a.pending_out != b.pending_out ||
           a.approved != b.approved;
}

static void settle(struct subscription was, struct subscription_outcome *o)
{
    o->changed = !subscription_eq(was, o->next);
    o->push = shows(was, o->next);
}

struct subscription_outcome subscription_out(struct subscription s, enum subscription_event event)
{
    struct subscription_outcome o = {.next = s, .pass = true};
    switch (event) {
    case SUB_SUBSCRIBE: /* A.2.1: always routed, so that a lost request can be repeated */
        if (!s.to)
            o.next.pending_out = true;
        break;
    case SUB_SUBSCRIBED: /* A.2.3 and pre-approval, section 3.4 */
        o.pass = s.pending_in;
        if (s.pending_in) {
            o.next.pending_in = false;
            o.next.from = true;
            o.presence_to_contact = true;
        } else if (!s.from) {
            o.next.approved = true;
        }
        break;
    case SUB_UNSUBSCRIBE: /* A.2.2 */
        o.next.to = false;
        o.next.pending_out = false;
        o.contact_gone = s.to;
        break;
    case SUB_UNSUBSCRIBED: /* A.2.4: not routed where it says nothing new */
        o.pass = s.from || s.pending_in;
        o.unavailable_to_contact = s.from;
        o.next.from = false;
        o.next.pending_in = false;
        o.next.approved = false;
        break;
    }
    settle(s, &o);
    return o;
}

struct subscription_outcome subscription_in(struct subscription s, enum subscription_event event)
{
    struct subscription_outcome o = {.next = s};
    switch (event) {
    case SUB_SUBSCRIBE: /* A.3.1 */
        if (s.from) {
            o.auto_reply = true; /* approved already: the server answers (section 3.1.3) */
        } else if (s.approved) {
            o.auto_reply = true;
            o.next.from = true;
            o.next.pending_in = false;
            o.presence_to_contact = true;
        } else {
            o.pass = !s.pending_in;
            o.next.pending_in = true;
        }
        break;
    case SUB_SUBSCRIBED: /* A.3.3: only an answer to a request counts */
        o.pass = s.pending_out && !s.to;
        if (o.pass) {
            o.next.to = true;
            o.next.pending_out = false;
        }
        break;
    case SUB_UNSUBSCRIBE: /* A.3.2 */
        o.pass = s.from || s.pending_in;
        o.unavailable_to_contact = s.from;
        o.next.from = false;
        o.next.pending_in = false;
        break;
    case SUB_UNSUBSCRIBED: /* A.3.4 */
        o.pass = s.to || s.pending_out;
        o.next.to = false;
        o.next.pending_out = false;
        o.contact_gone = s.to;
        break;
    }
    settle(s, &o);
    return o;
}
