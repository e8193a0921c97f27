/* The client's side of DIGEST-MD5 (RFC 2831 section 2.1; obsoleted by RFC 6331, so it is opt-in):
 * the answer to the challenge, and the check of what the server shows back. */
#include "base/check.h"
#include "base/err.h"
#include "xmpp/sasl_client_inside.h"
#include "xmpp/sasl_digest_md5.h"
#include "xmpp/secret.h"

_Static_assert((int)DIGEST_MD5_HEX <= (int)SASL_KEY_BYTES, "the proof has room for it");

/* name="value" with a comma before it, except at the beginning. */
static int add_quoted(struct buf *out, const char *name, struct slice value)
{
    int err = buf_printf(out, "%s%s=", buf_len(out) > 0 ? "," : "", name);
    return err != 0 ? err : digest_md5_quote(value, out);
}

static int add_user(const struct digest_md5 *d, struct buf *out)
{
    struct buf narrow = {0};
    int err = d->utf8 ? 0 : digest_md5_narrow(d->user, &narrow);
    if (err == 0)
        err = add_quoted(out, "username", d->utf8 ? d->user : buf_slice(&narrow));
    buf_free(&narrow);
    return err;
}

static int add_response(const struct digest_md5 *d, const char response[DIGEST_MD5_HEX],
                        struct buf *out)
{
    int err = add_user(d, out);
    if (err == 0)
        err = add_quoted(out, "realm", d->realm);
    if (err == 0)
        err = add_quoted(out, "nonce", d->nonce);
    if (err == 0)
        err = add_quoted(out, "cnonce", d->cnonce);
    if (err == 0)
        err = buf_lit(out, ",nc=00000001,qop=auth");
    if (err == 0)
        err = add_quoted(out, "digest-uri", d->uri);
    if (err == 0)
        err = buf_printf(out, ",response=%.*s", DIGEST_MD5_HEX, response);
    if (err == 0 && d->utf8)
        err = buf_lit(out, ",charset=utf-8");
    if (err == 0 && d->authzid.len > 0)
        err = add_quoted(out, "authzid", d->authzid);
    return err;
}

static int answer(struct sasl_client *c, const struct digest_md5_message *m, struct slice uri)
{
    char response[DIGEST_MD5_HEX];
    struct digest_md5 d = {
        .user = buf_slice(&c->user),
        .password = buf_slice(&c->password),
        .realm = m->realm_told ? buf_slice(&m->realm) : buf_slice(&c->host),
        .nonce = buf_slice(&m->nonce),
        .cnonce = slice_of(c->nonce, sizeof(c->nonce)),
        .authzid = buf_slice(&c->authzid),
        .uri = uri,
        .utf8 = m->utf8,
    };
    int err = digest_md5_response(&d, false, response);
    if (err == 0)
        err = digest_md5_response(&d, true, (char *)c->proof);
    return err != 0 ? err : add_response(&d, response, &c->out);
}

/* Something that the mechanism demands and that is not there; NULL: nothing. */
static const char *missing(const struct digest_md5_message *m)
{
    if (!m->nonce_told)
        return "it has no nonce";
    if (!m->session)
        return "its algorithm is not md5-sess";
    return m->auth ? NULL : "it does not offer the quality of protection auth";
}

enum sasl_client_step sasl_client_digest_answer(struct sasl_client *c, struct slice challenge)
{
    struct digest_md5_message m;
    struct buf uri = {0};
    const char *detail = NULL;
    int err = digest_md5_parse(challenge, buf_slice(&c->host), &m);
    if (err == ERR_SYNTAX) {
        detail = "it is no list of directives";
    } else if (err == 0) {
        detail = missing(&m);
        err = detail != NULL ? ERR_SYNTAX : buf_lit(&uri, "xmpp/");
        if (err == 0)
            err = buf_add(&uri, buf_slice(&c->host));
        if (err == 0)
            err = answer(c, &m, buf_slice(&uri));
    }
    digest_md5_message_free(&m);
    buf_free(&uri);
    scram_wipe(&c->password);
    if (detail != NULL)
        return sasl_client_refuse(c, SASL_PROBLEM_MALFORMED, detail);
    if (err == ERR_SYNTAX)
        return sasl_client_refuse(c, SASL_PROBLEM_USER,
                                  "the server takes names and passwords in Latin-1 alone");
    c->sent_password = err == 0;
    return sasl_client_send(c, err, SASL_CLIENT_TO_PROVE);
}

enum sasl_client_problem sasl_client_digest_verify(struct sasl_client *c, struct slice message)
{
    struct digest_md5_message m;
    enum sasl_client_problem problem = SASL_PROBLEM_NONE;
    int err = digest_md5_parse(message, buf_slice(&c->host), &m);
    if (err == ERR_SYNTAX) {
        problem = SASL_PROBLEM_MALFORMED;
        c->detail = "it is no list of directives";
    } else if (err != 0) {
        problem = sasl_client_problem_of(err);
    } else if (!m.rspauth_told) {
        problem = SASL_PROBLEM_UNPROVEN;
    } else if (!secret_equal(buf_slice(&m.rspauth),
                             slice_of((const char *)c->proof, DIGEST_MD5_HEX))) {
        problem = SASL_PROBLEM_SIGNATURE;
    }
    digest_md5_message_free(&m);
    return problem;
}
