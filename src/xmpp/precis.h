/* PRECIS (RFC 8264): preparation of user names and passwords, the two profiles of RFC 8265 that
 * XMPP addresses are made of. Works on code points; the ASCII fast paths are the caller's. */
#ifndef XMPP_PRECIS_H
#define XMPP_PRECIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* More input than this is refused before any table is asked. */
enum { PRECIS_BYTES_MAX = 1023 };

/* Derived property of one code point (RFC 8264 section 8). */
enum precis_property {
    PRECIS_DISALLOWED,
    PRECIS_UNASSIGNED,
    PRECIS_CONTEXT, /* allowed where precis_context_ok says so */
    PRECIS_FREE,    /* FreeformClass alone: spaces, symbols, punctuation, compatibility forms */
    PRECIS_VALID,   /* IdentifierClass as well */
};
enum precis_property precis_property_of(uint32_t code);

/* Code points on the heap; wiped when freed, since a password may be among them. */
struct precis_codes {
    uint32_t *ptr;
    size_t len;
};

/* out is empty before. Result: 0; ERR_SYNTAX: not UTF-8, empty or too long; ERR_MEMORY. */
int precis_decode(struct slice in, struct precis_codes *out);
void precis_codes_free(struct precis_codes *c);
/* Appends as UTF-8: 0 or ERR_MEMORY. */
int precis_encode(const struct precis_codes *c, struct buf *out);

/* Steps of the profiles, also used for domains. 0 or ERR_MEMORY. */
void precis_map_width(struct precis_codes *c);
int precis_lower(struct precis_codes *c);
int precis_nfc(struct precis_codes *c);

/* Every CONTEXTJ and CONTEXTO code point stands where RFC 5892 appendix A allows it. */
bool precis_context_ok(const uint32_t *codes, size_t n);
/* Holds a code point of class R, AL or AN. */
bool precis_has_rtl(const uint32_t *codes, size_t n);
/* The six conditions of the Bidi Rule (RFC 5893 section 2). */
bool precis_bidi_ok(const uint32_t *codes, size_t n);

/* UsernameCaseMapped (RFC 8265 section 3.3) and OpaqueString (section 4.2), appended to out.
 * Result: 0; ERR_SYNTAX: not allowed by the profile, not UTF-8, empty, input or result over
 * PRECIS_BYTES_MAX; ERR_MEMORY. */
int precis_username(struct slice in, struct buf *out);
int precis_opaque(struct slice in, struct buf *out);

#endif
