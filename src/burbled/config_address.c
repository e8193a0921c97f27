/* Kinds of text in a configuration. Names of hosts and accounts are prepared as every address is
 * (RFC 7622). Pure. */
#include "burbled/config_address.h"

#include <arpa/inet.h>
#include <string.h>

#include "xmpp/jid.h"

bool config_address_domain(struct slice in, struct buf *out)
{
    buf_clear(out);
    if (in.len > 0 && in.ptr[0] == '[')
        return false;
    return jid_prepare_domain(in, out) == 0;
}

bool config_address_account(struct slice in, struct buf *out)
{
    size_t at = slice_find(in, '@');
    struct buf domain = {0};
    buf_clear(out);
    bool good = at > 0 && at < in.len && jid_prepare_local(slice_of(in.ptr, at), out) == 0 &&
                config_address_domain(slice_from(in, at + 1), &domain) && buf_byte(out, '@') == 0 &&
                buf_add(out, buf_slice(&domain)) == 0;
    buf_free(&domain);
    return good;
}

bool config_address_ip(struct slice in, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char ip[16];
    buf_clear(out);
    if (in.len >= sizeof(text) || memchr(in.ptr, '\0', in.len) != NULL)
        return false;
    memcpy(text, in.ptr, in.len);
    text[in.len] = '\0';
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, ip) != 1 || inet_ntop(family, ip, text, sizeof(text)) == NULL)
        return false;
    return buf_add(out, slice_z(text)) == 0;
}

bool config_address_uri(struct slice in, struct buf *out)
{
    buf_clear(out);
    size_t colon = slice_find(in, ':');
    if (colon == 0 || colon + 1 >= in.len)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool scheme = letter || (i > 0 && ((c >= '0' && c <= '9') || strchr("+-.", c) != NULL));
        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL || (i < colon && !scheme))
            return false;
    }
    return buf_add(out, in) == 0;
}

bool config_address_text(struct slice in, struct buf *out)
{
    buf_clear(out);
    return in.len > 0 && buf_add(out, in) == 0;
}

bool config_address_is_loopback(const char *ip)
{
    unsigned char v6[16];
    static const unsigned char ONE[16] = {[15] = 1};
    static const unsigned char MAPPED[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    if (inet_pton(AF_INET6, ip, v6) == 1)
        return memcmp(v6, ONE, sizeof(ONE)) == 0 || memcmp(v6, MAPPED, sizeof(MAPPED)) == 0;
    unsigned char v4[4];
    return inet_pton(AF_INET, ip, v4) == 1 && v4[0] == 127;
}
