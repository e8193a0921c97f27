/* SOCKS5 as a wire (RFC 1928; RFC 1929 for user and password): CONNECT to a name that the proxy
 * looks up, or to an address. The password is in memory until it is sent. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "wire/proxy_inside.h"

enum {
    VERSION = 5,
    NO_LOGIN = 0,
    LOGIN = 2, /* user and password */
    NO_METHOD = 0xff,
    CONNECT = 1,
    IPV4 = 1,
    NAME = 3,
    IPV6 = 4,
};

enum stage { METHOD, LOGIN_ANSWER, ANSWER };

static uint8_t byte_at(const struct proxy *p, size_t at)
{
    return (uint8_t)buf_slice(&p->answer).ptr[at];
}

static void no_socks(struct proxy *p)
{
    proxy_fail(p, "proxy_not_socks5", "what answers at the proxy's address does not speak SOCKS5");
}

static void take_method(struct proxy *p, struct buf *down)
{
    bool can_log_in = buf_len(&p->secret) > 0;
    if (byte_at(p, 0) != VERSION) {
        no_socks(p);
    } else if (buf_len(&p->answer) < 2) {
        return;
    } else if (byte_at(p, 1) == NO_LOGIN) {
        proxy_say(p, &p->request, down);
        proxy_expect(p, ANSWER);
    } else if (byte_at(p, 1) == LOGIN && can_log_in) {
        proxy_say(p, &p->secret, down);
        proxy_expect(p, LOGIN_ANSWER);
    } else if (byte_at(p, 1) == NO_METHOD) {
        proxy_fail(p, "proxy_no_method",
                   can_log_in ? "the SOCKS5 proxy takes no user and password"
                              : "the SOCKS5 proxy wants a login, and none is given");
    } else {
        no_socks(p); /* a method that was not offered */
    }
}

static void take_login_answer(struct proxy *p, struct buf *down)
{
    if (byte_at(p, 0) != 1) { /* version of the subnegotiation */
        no_socks(p);
    } else if (buf_len(&p->answer) < 2) {
        return;
    } else if (byte_at(p, 1) != 0) {
        proxy_fail(p, "proxy_login", "the SOCKS5 proxy does not take this user and password");
    } else {
        proxy_say(p, &p->request, down);
        proxy_expect(p, ANSWER);
    }
}

/* Replies of RFC 1928 section 6. */
static void refuse(struct proxy *p, uint8_t reply)
{
    static const char *const replies[][2] = {
        {"proxy_general_failure", "the SOCKS5 proxy failed, and does not say why"},
        {"proxy_not_allowed", "the SOCKS5 proxy does not allow this connection"},
        {"proxy_network_unreachable", "the SOCKS5 proxy cannot reach the network of the server"},
        {"proxy_host_unreachable", "the SOCKS5 proxy cannot find or reach the server"},
        {"proxy_connection_refused", "the server refuses the connection from the SOCKS5 proxy"},
        {"proxy_ttl_expired", "the way from the SOCKS5 proxy to the server is too long or a loop"},
        {"proxy_command", "the SOCKS5 proxy does not know CONNECT"},
        {"proxy_address_type", "the SOCKS5 proxy does not know this kind of address"},
    };
    if (reply <= sizeof(replies) / sizeof(replies[0]))
        proxy_fail(p, replies[reply - 1][0], replies[reply - 1][1]);
    else
        proxy_fail(p, "proxy_unknown_reply", "the SOCKS5 proxy refuses with an unknown code");
}

static void take_answer(struct proxy *p)
{
    size_t len = buf_len(&p->answer), address = 0;
    if (byte_at(p, 0) != VERSION)
        no_socks(p);
    else if (len >= 2 && byte_at(p, 1) != 0)
        refuse(p, byte_at(p, 1));
    else if (len >= 3 && byte_at(p, 2) != 0)
        no_socks(p);
    if (p->state != WIRE_OPENING || len < 5)
        return;
    switch (byte_at(p, 3)) {
    case IPV4:
        address = 4;
        break;
    case IPV6:
        address = 16;
        break;
    case NAME:
        address = 1U + byte_at(p, 4);
        break;
    default:
        no_socks(p);
        return;
    }
    if (len == 4 + address + 2)
        proxy_open(p);
}

static void step(struct proxy *p, struct buf *down)
{
    if (p->stage == METHOD)
        take_method(p, down);
    else if (p->stage == LOGIN_ANSWER)
        take_login_answer(p, down);
    else
        take_answer(p);
}

static int add_text(struct buf *out, struct slice text)
{
    (void)buf_byte(out, (char)text.len);
    return buf_add(out, text);
}

/* CONNECT; an address goes as one, so that the proxy does not have to look it up. */
static int make_request(struct buf *out, struct slice host, uint16_t port)
{
    char text[PROXY_TEXT_MAX + 1];
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
    ERR_clear_error();
    (void)buf_byte(out, VERSION);
    (void)buf_byte(out, CONNECT);
    (void)buf_byte(out, 0);
    if (address != NULL) {
        int len = ASN1_STRING_length(address);
        (void)buf_byte(out, len == 4 ? IPV4 : IPV6);
        (void)buf_append(out, ASN1_STRING_get0_data(address), (size_t)len);
    } else {
        (void)buf_byte(out, NAME);
        (void)add_text(out, host);
    }
    ASN1_OCTET_STRING_free(address);
    (void)buf_byte(out, (char)(port >> 8));
    return buf_byte(out, (char)(port & 0xff));
}

int socks5_new(const struct proxy_target *target, struct wire **out)
{
    int e = proxy_check_target(target);
    bool log_in = target->user.len > 0;
    *out = NULL;
    if (e == 0 && log_in && target->password.len == 0)
        e = ERR_SYNTAX; /* RFC 1929: 1 to 255 bytes */
    if (e != 0)
        return e;
    struct proxy *p = proxy_new(step, "the SOCKS5 proxy has not answered yet");
    if (p == NULL)
        return ERR_MEMORY;
    /* The password must not be left behind in memory that has grown elsewhere. */
    (void)buf_reserve(&p->secret, 3 + 2 * PROXY_TEXT_MAX);
    (void)buf_byte(&p->question, VERSION);
    (void)buf_byte(&p->question, log_in ? 2 : 1);
    (void)buf_byte(&p->question, NO_LOGIN);
    if (log_in) {
        (void)buf_byte(&p->question, LOGIN);
        (void)buf_byte(&p->secret, 1);
        (void)add_text(&p->secret, target->user);
        (void)add_text(&p->secret, target->password);
    }
    (void)make_request(&p->request, proxy_bare_host(target->host), target->port);
    if (p->question.failed || p->secret.failed || p->request.failed) {
        p->wire.ops->free(&p->wire);
        return ERR_MEMORY;
    }
    *out = &p->wire;
    return 0;
}
