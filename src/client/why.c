/* Why a session ended: sentences for people, and what a stream error (RFC 6120 section 4.9.3) means
 * for the next try. */
#include "client/why.h"

bool burble_why_permanent(enum burble_why why)
{
    return why != BURBLE_WHY_NONE && why <= BURBLE_WHY_REGISTRATION;
}

static const char *const TEXTS[] = {
    [BURBLE_WHY_NONE] = "",
    [BURBLE_WHY_LEFT] = "disconnected",
    [BURBLE_WHY_PASSWORD] = "the server refused the login: is the password right?",
    [BURBLE_WHY_NO_MECHANISM] = "the server offers no way to log in that is acceptable",
    [BURBLE_WHY_DOWNGRADE] = "the server offers less than before: somebody may be tampering",
    [BURBLE_WHY_UNPROVEN] = "the server could not prove that it knows the password",
    [BURBLE_WHY_CERTIFICATE] = "the server's certificate is not acceptable",
    [BURBLE_WHY_NO_TLS] = "the server offers no encryption",
    [BURBLE_WHY_CONFLICT] = "another client has taken this resource",
    [BURBLE_WHY_HOST_UNKNOWN] = "the server does not serve this domain",
    [BURBLE_WHY_NO_SERVICE] = "the domain says that it has no XMPP service",
    [BURBLE_WHY_REDIRECT] = "the server sends us somewhere that is not acceptable",
    [BURBLE_WHY_REGISTRATION] = "the account could not be made",
    [BURBLE_WHY_MEMORY] = "out of memory",
    [BURBLE_WHY_DNS] = "the name could not be looked up",
    [BURBLE_WHY_UNREACHABLE] = "the server cannot be reached",
    [BURBLE_WHY_PROXY] = "the proxy refused",
    [BURBLE_WHY_TIMEOUT] = "the server did not answer in time",
    [BURBLE_WHY_LOST] = "the connection was lost",
    [BURBLE_WHY_TLS] = "TLS failed",
    [BURBLE_WHY_NOT_XMPP] = "what answers there does not speak XMPP",
    [BURBLE_WHY_BAD_XML] = "the server sent XML that is damaged or not permitted",
    [BURBLE_WHY_STREAM_ERROR] = "the server ended the stream",
    [BURBLE_WHY_LOGIN] = "the server cannot check the login now",
    [BURBLE_WHY_BIND] = "the server gave no resource",
};

const char *why_text(enum burble_why why)
{
    return (size_t)why < sizeof(TEXTS) / sizeof(TEXTS[0]) ? TEXTS[why] : "";
}

#define CONDITION(name, why, next, text)                                                           \
    {                                                                                              \
        {(name), sizeof(name) - 1}, BURBLE_WHY_##why, WHY_##next, (text)                           \
    }

static const struct why_condition CONDITIONS[] = {
    CONDITION("conflict", CONFLICT, NEVER, "another client has taken this resource"),
    CONDITION("host-unknown", HOST_UNKNOWN, NEVER, "the server does not serve this domain"),
    CONDITION("host-gone", HOST_UNKNOWN, NEVER, "the server does not serve this domain any more"),
    CONDITION("system-shutdown", STREAM_ERROR, SOON, "the server is being shut down"),
    CONDITION("reset", STREAM_ERROR, SOON, "the server wants a new connection"),
    CONDITION("connection-timeout", STREAM_ERROR, SOON, "the server heard nothing from us"),
    CONDITION("see-other-host", STREAM_ERROR, SOON, "the server sends us elsewhere"),
    CONDITION("internal-server-error", STREAM_ERROR, LATER, "the server has a fault"),
    CONDITION("remote-connection-failed", STREAM_ERROR, LATER,
              "the server cannot reach what it depends on"),
    CONDITION("resource-constraint", STREAM_ERROR, LATER, "the server is overloaded"),
    CONDITION("not-authorized", STREAM_ERROR, LATER, "the server says that we may not be there"),
    CONDITION("unsupported-version", STREAM_ERROR, LATER,
              "the server does not know our version of XMPP"),
    CONDITION("policy-violation", STREAM_ERROR, BLAME, "we broke a rule of the server"),
    CONDITION("bad-format", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("bad-namespace-prefix", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("invalid-namespace", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("invalid-xml", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("not-well-formed", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("restricted-xml", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("unsupported-encoding", STREAM_ERROR, BLAME, "the server cannot read what we sent"),
    CONDITION("improper-addressing", STREAM_ERROR, BLAME,
              "the server does not accept an address that we used"),
    CONDITION("invalid-from", STREAM_ERROR, BLAME,
              "the server does not accept the sender that we gave"),
    CONDITION("unsupported-stanza-type", STREAM_ERROR, BLAME,
              "the server does not know what we sent"),
    CONDITION("undefined-condition", STREAM_ERROR, BLAME, "the server ended the stream"),
    /* Anything else, at the end. */
    CONDITION("", STREAM_ERROR, LATER, "the server ended the stream"),
};

const struct why_condition *why_condition(struct slice name)
{
    size_t last = sizeof(CONDITIONS) / sizeof(CONDITIONS[0]) - 1;
    for (size_t i = 0; i < last; i++)
        if (slice_eq(CONDITIONS[i].name, name))
            return &CONDITIONS[i];
    return &CONDITIONS[last];
}
