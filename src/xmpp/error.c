/* Names of stream errors (RFC 6120 section 4.9.3) and stanza errors (section 8.3.3). */
#include "xmpp/error.h"

#include "base/check.h"

#define S(lit)                                                                                     \
    {                                                                                              \
        .ptr = (lit), .len = sizeof(lit) - 1                                                       \
    }

static const struct slice STREAM_NAMES[STREAM_ERRORS] = {
    [STREAM_BAD_FORMAT] = S("bad-format"),
    [STREAM_BAD_NAMESPACE_PREFIX] = S("bad-namespace-prefix"),
    [STREAM_CONFLICT] = S("conflict"),
    [STREAM_CONNECTION_TIMEOUT] = S("connection-timeout"),
    [STREAM_HOST_GONE] = S("host-gone"),
    [STREAM_HOST_UNKNOWN] = S("host-unknown"),
    [STREAM_IMPROPER_ADDRESSING] = S("improper-addressing"),
    [STREAM_INTERNAL_SERVER_ERROR] = S("internal-server-error"),
    [STREAM_INVALID_FROM] = S("invalid-from"),
    [STREAM_INVALID_NAMESPACE] = S("invalid-namespace"),
    [STREAM_INVALID_XML] = S("invalid-xml"),
    [STREAM_NOT_AUTHORIZED] = S("not-authorized"),
    [STREAM_NOT_WELL_FORMED] = S("not-well-formed"),
    [STREAM_POLICY_VIOLATION] = S("policy-violation"),
    [STREAM_REMOTE_CONNECTION_FAILED] = S("remote-connection-failed"),
    [STREAM_RESET] = S("reset"),
    [STREAM_RESOURCE_CONSTRAINT] = S("resource-constraint"),
    [STREAM_RESTRICTED_XML] = S("restricted-xml"),
    [STREAM_SEE_OTHER_HOST] = S("see-other-host"),
    [STREAM_SYSTEM_SHUTDOWN] = S("system-shutdown"),
    [STREAM_UNDEFINED_CONDITION] = S("undefined-condition"),
    [STREAM_UNSUPPORTED_ENCODING] = S("unsupported-encoding"),
    [STREAM_UNSUPPORTED_FEATURE] = S("unsupported-feature"),
    [STREAM_UNSUPPORTED_STANZA_TYPE] = S("unsupported-stanza-type"),
    [STREAM_UNSUPPORTED_VERSION] = S("unsupported-version"),
};

static const struct {
    struct slice name, type;
} STANZA_NAMES[STANZA_ERRORS] = {
    [STANZA_BAD_REQUEST] = {S("bad-request"), S("modify")},
    [STANZA_CONFLICT] = {S("conflict"), S("cancel")},
    [STANZA_FEATURE_NOT_IMPLEMENTED] = {S("feature-not-implemented"), S("cancel")},
    [STANZA_FORBIDDEN] = {S("forbidden"), S("auth")},
    [STANZA_GONE] = {S("gone"), S("cancel")},
    [STANZA_INTERNAL_SERVER_ERROR] = {S("internal-server-error"), S("cancel")},
    [STANZA_ITEM_NOT_FOUND] = {S("item-not-found"), S("cancel")},
    [STANZA_JID_MALFORMED] = {S("jid-malformed"), S("modify")},
    [STANZA_NOT_ACCEPTABLE] = {S("not-acceptable"), S("modify")},
    [STANZA_NOT_ALLOWED] = {S("not-allowed"), S("cancel")},
    [STANZA_NOT_AUTHORIZED] = {S("not-authorized"), S("auth")},
    [STANZA_POLICY_VIOLATION] = {S("policy-violation"), S("wait")},
    [STANZA_RECIPIENT_UNAVAILABLE] = {S("recipient-unavailable"), S("wait")},
    [STANZA_REDIRECT] = {S("redirect"), S("modify")},
    [STANZA_REGISTRATION_REQUIRED] = {S("registration-required"), S("auth")},
    [STANZA_REMOTE_SERVER_NOT_FOUND] = {S("remote-server-not-found"), S("cancel")},
    [STANZA_REMOTE_SERVER_TIMEOUT] = {S("remote-server-timeout"), S("wait")},
    [STANZA_RESOURCE_CONSTRAINT] = {S("resource-constraint"), S("wait")},
    [STANZA_SERVICE_UNAVAILABLE] = {S("service-unavailable"), S("cancel")},
    [STANZA_SUBSCRIPTION_REQUIRED] = {S("subscription-required"), S("auth")},
    [STANZA_UNDEFINED_CONDITION] = {S("undefined-condition"), S("cancel")},
    [STANZA_UNEXPECTED_REQUEST] = {S("unexpected-request"), S("wait")},
};

struct slice stream_error_name(enum stream_error e)
{
    CHECK(e < STREAM_ERRORS);
    return STREAM_NAMES[e];
}

struct slice stanza_error_name(enum stanza_error e)
{
    CHECK(e > STANZA_OK && e < STANZA_ERRORS);
    return STANZA_NAMES[e].name;
}

enum stanza_error stanza_error_read(struct slice name)
{
    enum stanza_error e = STANZA_ERRORS;
    while (--e > STANZA_OK && !slice_eq(STANZA_NAMES[e].name, name))
        continue;
    return e;
}

struct slice stanza_error_type(enum stanza_error e)
{
    CHECK(e > STANZA_OK && e < STANZA_ERRORS);
    return STANZA_NAMES[e].type;
}
