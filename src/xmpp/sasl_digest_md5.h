/* DIGEST-MD5 (RFC 2831, obsoleted by RFC 6331): the server's messages and the two hashes, for qop
 * "auth" and the first login with a nonce. Inside face of the client's side, and of its tests. */
#ifndef XMPP_SASL_DIGEST_MD5_H
#define XMPP_SASL_DIGEST_MD5_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum { DIGEST_MD5_HEX = 32, DIGEST_MD5_MESSAGE_BYTES = 8192 };

/* A message of the server, either kind; values without quotes and escapes. */
struct digest_md5_message {
    struct buf realm; /* that of our host when it is among several, else the first */
    struct buf nonce;
    struct buf rspauth;
    bool realm_told, nonce_told, rspauth_told, algorithm_told, charset_told, qop_told;
    bool utf8;    /* charset=utf-8; else everything is Latin-1 */
    bool auth;    /* qop "auth" is among what is offered, or none was named */
    bool session; /* algorithm=md5-sess */
};

/* 0, ERR_SYNTAX (also for a directive told twice, other than realm) or ERR_MEMORY. In each case
 * digest_md5_message_free is due. */
int digest_md5_parse(struct slice in, struct slice host, struct digest_md5_message *out);
void digest_md5_message_free(struct digest_md5_message *m);

/* user and password are UTF-8, realm is as the server told it. */
struct digest_md5 {
    struct slice user, password, realm, nonce, cnonce, authzid, uri;
    bool utf8;
};

/* What the client shows (by the server: what the server shows back), as hex. 0, ERR_SYNTAX (user or
 * password is not Latin-1, and the server wants that), ERR_MEMORY or ERR_CRYPTO. */
int digest_md5_response(const struct digest_md5 *d, bool by_server, char hex_out[DIGEST_MD5_HEX]);

/* UTF-8 as Latin-1, appended: 0, ERR_SYNTAX (it is not all Latin-1) or ERR_MEMORY. */
int digest_md5_narrow(struct slice in, struct buf *out);
/* A value in quotes, appended: 0 or ERR_MEMORY. */
int digest_md5_quote(struct slice in, struct buf *out);

#endif
