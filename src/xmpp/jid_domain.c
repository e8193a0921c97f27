/* Domainparts (RFC 7622 section 3.2): host names as IDNA2008 U-labels (RFC 5890 to 5893, mapped
 * before as RFC 5895 says), IPv4 addresses, [IPv6] literals. Plain ASCII names are decided here in
 * one pass; libidn2 decodes A-labels and holds the IDNA2008 tables for the rest. A name must fit
 * into DNS: labels of 1..63 and 253 bytes in all, as A-labels. */
#include "xmpp/jid_domain.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "xmpp/jid.h"
#include "xmpp/precis.h"

enum { LABEL_BYTES = 63, NAME_BYTES = 253 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c);
}

/* Four decimal numbers up to 255 without leading zeros: already the only form. */
static bool is_ipv4(struct slice s)
{
    int numbers = 0;
    while (numbers < 4) {
        size_t dot = slice_find(s, '.');
        unsigned long long value;
        if (dot > 3 || (dot > 1 && s.ptr[0] == '0') ||
            !slice_to_u64(slice_of(s.ptr, dot), &value) || value > 255)
            return false;
        numbers++;
        if (dot == s.len)
            return numbers == 4;
        s = slice_from(s, dot + 1);
    }
    return false;
}

static bool is_ascii(struct slice s)
{
    unsigned char all = 0;
    for (size_t i = 0; i < s.len; i++)
        all |= (unsigned char)s.ptr[i];
    return all < 0x80;
}

/* LDH labels (RFC 5890 section 2.3.1), divided by dots, in one pass. A-labels and what is not ASCII
 * go to the library; other labels with "--" in third place are reserved. *digits_out: the last
 * label is a number. */
static enum jid_state scan_labels(struct slice in, bool *digits_out)
{
    enum jid_state state = JID_READY;
    size_t start = 0; /* of the label */
    bool digits = true;
    for (size_t i = 0; i <= in.len; i++) {
        char c = i < in.len ? in.ptr[i] : '.';
        if (c >= 'a' && c <= 'z') {
            digits = false;
        } else if (c == '.') {
            if (i == start || i - start > LABEL_BYTES || in.ptr[i - 1] == '-')
                return JID_BAD;
            *digits_out = digits;
            digits = true;
            start = i + 1;
        } else if (c == '-') {
            digits = false;
            if (i == start)
                return JID_BAD;
            if (i - start == 3 && in.ptr[i - 1] == '-') {
                if ((in.ptr[start] | 0x20) != 'x' || (in.ptr[start + 1] | 0x20) != 'n')
                    return JID_BAD;
                state = JID_LIBRARY;
            }
        } else if (c >= 'A' && c <= 'Z') {
            digits = false;
            state = state > JID_CASE ? state : JID_CASE;
        } else if (!is_digit(c)) {
            return (unsigned char)c >= 0x80 ? JID_LIBRARY : JID_BAD;
        }
    }
    return state;
}

enum jid_state jid_domain_scan(struct slice in)
{
    bool digits = false;
    if (in.len == 0)
        return JID_BAD;
    if (in.ptr[0] == '[')
        return JID_LIBRARY;
    enum jid_state state = scan_labels(in, &digits);
    if (state == JID_LIBRARY || state == JID_BAD)
        return state;
    /* No top-level domain is a number (RFC 3696 section 2), but resolvers take such names for
     * addresses in strange notations: only the usual one is let through. */
    if (in.len > NAME_BYTES || (digits && !is_ipv4(in)))
        return JID_BAD;
    return state;
}

/* "[" IPv6address "]" in the form of RFC 5952, without a zone. */
static int prepare_ipv6(struct slice in, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (in.len < 4 || in.len - 2 >= sizeof(text) || in.ptr[in.len - 1] != ']')
        return ERR_SYNTAX;
    memcpy(text, in.ptr + 1, in.len - 2);
    text[in.len - 2] = '\0';
    if (strlen(text) != in.len - 2 || inet_pton(AF_INET6, text, &address) != 1 ||
        inet_ntop(AF_INET6, &address, text, sizeof(text)) == NULL)
        return ERR_SYNTAX;
    return buf_printf(out, "[%s]", text);
}

/* RFC 5895 section 2: lower case, width, NFC, ideographic full stops; appended to out. Sigma is
 * always mapped to the medial form, as UTS 46 does it, so that the name that we look up is the one
 * that others look up. What is not LDH in ASCII is refused here, so no NUL goes further. */
static int map_name(struct slice in, struct buf *out)
{
    struct precis_codes codes = {0};
    int err = precis_decode(in, &codes);
    if (err != 0)
        return err;
    precis_map_width(&codes);
    for (size_t i = 0; i < codes.len; i++) {
        if (codes.ptr[i] == 0x3002)
            codes.ptr[i] = '.';
        else if (codes.ptr[i] == 0x03a3)
            codes.ptr[i] = 0x03c3;
    }
    err = codes.len <= NAME_BYTES ? precis_lower(&codes) : ERR_SYNTAX;
    if (err == 0)
        err = precis_nfc(&codes);
    for (size_t i = 0; err == 0 && i < codes.len; i++) {
        uint32_t c = codes.ptr[i];
        if (c < 0x80 && !is_lower_or_digit((char)c) && c != '-' && c != '.')
            err = ERR_SYNTAX;
    }
    if (err == 0)
        err = precis_encode(&codes, out);
    precis_codes_free(&codes);
    return err;
}

static int idn_error(int rc)
{
    return rc == IDN2_OK ? 0 : rc == IDN2_MALLOC ? ERR_MEMORY : ERR_SYNTAX;
}

/* What an A-label stands for must be in the form that a U-label is mapped to: a capital letter in
 * it would have two names. */
static int check_stable(struct slice ulabel)
{
    struct buf again = {0};
    int err = map_name(ulabel, &again);
    if (err == 0 && !slice_eq(buf_slice(&again), ulabel))
        err = ERR_SYNTAX;
    buf_free(&again);
    return err;
}

/* One label that is not plain ASCII, NUL-terminated: appends the U-label and adds the length of the
 * A-label to *dns_len. */
static int add_ulabel(const char *label, struct buf *out, size_t *dns_len)
{
    char *decoded = NULL;
    uint8_t *encoded = NULL;
    struct precis_codes codes = {0};
    bool alabel = strncmp(label, "xn--", 4) == 0;
    int err = 0;
    if (alabel) /* else it is a U-label already */
        err = idn_error(idn2_to_unicode_8z8z(label, &decoded, IDN2_NO_TR46));
    struct slice ulabel = slice_z(alabel ? decoded : label);
    if (err == 0 && (ulabel.len == 0 || is_ascii(ulabel) || slice_find(ulabel, '.') < ulabel.len ||
                     ulabel.ptr[0] == '-' || ulabel.ptr[ulabel.len - 1] == '-'))
        err = ERR_SYNTAX;
    if (err == 0 && alabel)
        err = check_stable(ulabel);
    if (err == 0)
        err = precis_decode(ulabel, &codes);
    if (err == 0 && (codes.len > LABEL_BYTES || !precis_context_ok(codes.ptr, codes.len)))
        err = ERR_SYNTAX;
    if (err == 0)
        err = idn_error(idn2_lookup_u8((const uint8_t *)ulabel.ptr, &encoded, IDN2_NO_TR46));
    /* An A-label has one form only. */
    if (err == 0 && alabel && strcmp(label, (const char *)encoded) != 0)
        err = ERR_SYNTAX;
    if (err == 0) {
        *dns_len += strlen((const char *)encoded);
        err = buf_add(out, ulabel);
    }
    precis_codes_free(&codes);
    idn2_free(encoded);
    idn2_free(decoded);
    return err;
}

/* Labels divided by dots, appended to out as U-labels. */
static int add_labels(struct slice name, struct buf *out)
{
    char label[4 * LABEL_BYTES + 1];
    size_t dns_len = 0;
    bool digits = false;
    for (;;) {
        size_t dot = slice_find(name, '.');
        struct slice one = slice_of(name.ptr, dot);
        int err = 0;
        enum jid_state state = one.len > 0 ? scan_labels(one, &digits) : JID_BAD;
        if (state == JID_LIBRARY && one.len < sizeof(label)) {
            memcpy(label, one.ptr, one.len);
            label[one.len] = '\0';
            digits = false;
            err = add_ulabel(label, out, &dns_len);
        } else if (state == JID_READY) {
            dns_len += one.len;
            err = buf_add(out, one);
        } else {
            err = ERR_SYNTAX;
        }
        if (err == 0 && dot < name.len) {
            dns_len++;
            err = buf_byte(out, '.');
        }
        if (err != 0 || dns_len > NAME_BYTES)
            return err != 0 ? err : ERR_SYNTAX;
        if (dot == name.len)
            return digits ? ERR_SYNTAX : 0;
        name = slice_from(name, dot + 1);
    }
}

/* RFC 5893 section 2: one right-to-left label puts all labels of the name under the rule. */
static int check_bidi(struct slice name)
{
    struct precis_codes codes = {0};
    int err = precis_decode(name, &codes);
    if (err == 0 && precis_has_rtl(codes.ptr, codes.len)) {
        size_t start = 0;
        for (size_t i = 0; i <= codes.len; i++) {
            if (i < codes.len && codes.ptr[i] != '.')
                continue;
            if (!precis_bidi_ok(codes.ptr + start, i - start))
                err = ERR_SYNTAX;
            start = i + 1;
        }
    }
    precis_codes_free(&codes);
    return err;
}

int jid_domain_international(struct slice in, struct buf *out)
{
    if (in.len > 0 && in.ptr[0] == '[')
        return prepare_ipv6(in, out);
    struct buf mapped = {0};
    size_t before = buf_len(out);
    int err = map_name(in, &mapped);
    if (err == 0) {
        enum jid_state state = jid_domain_scan(buf_slice(&mapped));
        if (state == JID_READY)
            err = buf_add(out, buf_slice(&mapped));
        else
            err = state == JID_LIBRARY ? add_labels(buf_slice(&mapped), out) : ERR_SYNTAX;
    }
    if (err == 0)
        err = check_bidi(slice_from(buf_slice(out), before));
    buf_free(&mapped);
    return err;
}

int jid_domain_ascii(struct slice domain, struct buf *out)
{
    if (is_ascii(domain))
        return buf_add(out, domain); /* an IPv6 literal too */
    struct buf name = {0};
    uint8_t *encoded = NULL;
    int err = buf_add(&name, domain);
    if (err == 0)
        err = buf_byte(&name, '\0');
    if (err == 0)
        err = idn_error(idn2_lookup_u8((const uint8_t *)name.ptr, &encoded, IDN2_NO_TR46));
    if (err == 0)
        err = buf_add(out, slice_z((const char *)encoded));
    idn2_free(encoded);
    buf_free(&name);
    return err;
}
