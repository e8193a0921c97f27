/* Files by Jingle: what others say (XEP-0166 1.1.2, XEP-0234 0.19.1, XEP-0261 1.0). A session is
 * known by its id and its other side together; what a stranger says of a file is checked here (V70)
 * and believed nowhere. */
#include <stdlib.h>

#include "base/base64.h"
#include "client/file.h"

struct listener {
    struct client_extension x;
    burble_file_allow_fn *allow;
    burble_file_offer_fn *fn;
    void *arg;
};

static void listener_free(struct client_extension *x)
{
    free(CONTAINER_OF(x, struct listener, x));
}

static const struct client_extension_ops OPS = {.name = "file-listener", .free = listener_free};

static struct listener *listener_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    return x != NULL ? CONTAINER_OF(x, struct listener, x) : NULL;
}

/* ------------------------------------------------------------------------------------ the offer */

static bool read_hash(struct xml file, uint8_t out[DIGEST_SHA256_BYTES])
{
    uint8_t bytes[48];
    size_t len;
    struct xml x = xml_child(file, NS_HASHES, SLICE("hash"));
    while (xml_some(x) && !slice_is(xml_attr(x, SLICE("algo")), "sha-256"))
        x = xml_next_named(x, NS_HASHES, SLICE("hash"));
    struct slice text = xml_text(x);
    if (text.len != base64_encoded_len(DIGEST_SHA256_BYTES) || !base64_decode(text, bytes, &len) ||
        len != DIGEST_SHA256_BYTES)
        return false;
    memcpy(out, bytes, len);
    return true;
}

static bool read_file(struct burble *c, struct xml file, struct burble_file_info *out)
{
    struct burble_tree *v = &c->view;
    unsigned long long size;
    struct slice name = xml_text(xml_child(file, NS_FILE, SLICE("name")));
    if (!slice_to_u64(xml_text(xml_child(file, NS_FILE, SLICE("size"))), &size) || size > INT64_MAX)
        return false;
    *out = (struct burble_file_info){
        .name = view_string(v, name.len > 0 ? name : SLICE("file")),
        .size = size,
        .type = view_text(v, xml_child(file, NS_FILE, SLICE("media-type"))),
        .desc = view_text(v, xml_child(file, NS_FILE, SLICE("desc")))};
    (void)time_parse(xml_text(xml_child(file, NS_FILE, SLICE("date"))), &out->modified_ms);
    return out->name != NULL;
}

/* A hash that is not told yet is named, or is empty. */
static bool promises_hash(struct xml file)
{
    static const struct slice NAMES[] = {{"hash-used", 9}, {"hash", 4}};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        struct xml x = xml_child(file, NS_HASHES, NAMES[i]);
        for (; xml_some(x); x = xml_next_named(x, NS_HASHES, NAMES[i]))
            if (slice_is(xml_attr(x, SLICE("algo")), "sha-256"))
                return true;
    }
    return false;
}

/* The one content of the offer as Jingle knows it. */
struct offer {
    struct xml content, file;
    struct file_transport way;
    struct burble_file_info info;
};

/* Encryption that the other side insists on is nothing that we have, whichever it is: what comes
 * would be no file (XEP-0166 section 10). */
static bool wants_security(struct xml content)
{
    for (struct xml x = xml_first_element(content); xml_some(x); x = xml_next_element(x))
        if (slice_is(xml_name(x), "security"))
            return true;
    return false;
}

/* NULL, or why the session ends before it has begun. */
static const char *read_offer(struct burble *c, struct xml jingle, struct offer *out)
{
    struct xml x = xml_child(jingle, NS_JINGLE, SLICE("content"));
    struct xml description = xml_child(x, NS_FILE, SLICE("description"));
    out->content = x;
    out->file = xml_child(description, NS_FILE, SLICE("file"));
    if (!xml_some(out->file) || xml_some(xml_next_named(x, NS_JINGLE, SLICE("content"))) ||
        !slice_is(xml_attr(x, SLICE("senders")), "initiator"))
        return "unsupported-applications";
    if (wants_security(x))
        return "security-error";
    if (!file_transport_read(x, BURBLE_IBB_BLOCK_MAX, &out->way))
        return "unsupported-transports";
    return read_file(c, out->file, &out->info) ? NULL : "failed-application";
}

static int make(struct burble *c, const struct stanza *iq, struct slice sid,
                const struct offer *offer, struct burble_file **out)
{
    int err = file_new(c, jid_full(&iq->from), sid, &offer->info, false, out);
    if (err != 0)
        return err;
    struct burble_file *f = *out;
    f->socks5 = offer->way.socks5;
    f->block = offer->way.block;
    f->stream_sid = client_copy(offer->way.sid);
    f->content = client_copy(xml_attr(offer->content, SLICE("name")));
    f->hash_known = read_hash(offer->file, f->hash);
    f->hash_promised = promises_hash(offer->file);
    if (f->stream_sid != NULL && f->content != NULL)
        return 0;
    client_retire(&f->x);
    return ERR_MEMORY;
}

static bool allowed(struct burble *c, struct listener *l, const struct stanza *iq)
{
    if (l->fn == NULL || !jid_some(&iq->from) || iq->from.resource_len == 0)
        return false;
    if (l->allow == NULL)
        return client_may_tell(c, &iq->from);
    const char *from = view_string(&c->view, jid_full(&iq->from));
    client_enter(c);
    bool yes = from != NULL && l->allow(c, from, l->arg);
    c->depth--;
    return yes;
}

static void initiate(struct burble *c, struct listener *l, const struct stanza *iq,
                     struct xml jingle)
{
    struct slice sid = xml_attr(jingle, SLICE("sid"));
    struct offer offer;
    struct burble_file *f = NULL;
    const char *reason = NULL;
    if (!allowed(c, l, iq)) {
        file_say_bad(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
        return;
    }
    if (sid.len == 0 || sid.len > 256 || file_find(c, jid_full(&iq->from), sid) != NULL) {
        file_say_bad(c, iq, STANZA_BAD_REQUEST, SLICE_NONE);
        return;
    }
    if ((reason = read_offer(c, jingle, &offer)) == NULL) {
        int err = make(c, iq, sid, &offer, &f);
        reason = err == 0 ? NULL : err == ERR_LIMIT ? "busy" : "failed-application";
    }
    file_say_good(c, iq);
    if (reason != NULL) {
        (void)file_say_terminate(c, jid_full(&iq->from), sid, reason);
        return;
    }
    client_enter(c);
    l->fn(c, f, l->arg);
    c->depth--;
}

/* ---------------------------------------------------------------------------- a session that is */

static void accepted(struct burble *c, struct burble_file *f, const struct stanza *iq,
                     struct xml jingle)
{
    struct xml content = xml_child(jingle, NS_JINGLE, SLICE("content"));
    struct xml transport = xml_child(content, NS_JINGLE_IBB, SLICE("transport"));
    unsigned block = f->block;
    if (f->state != FILE_OFFERED) {
        file_say_bad(c, iq, STANZA_UNEXPECTED_REQUEST, SLICE("out-of-order"));
        return;
    }
    file_say_good(c, iq);
    if (!xml_some(transport) || !file_block_read(transport, f->block, &block))
        file_end(f, BURBLE_FILE_BROKEN, "failed-transport",
                 "the other side wants another way than was offered");
    else
        file_begin(f, block);
}

static void terminated(struct burble_file *f, struct xml jingle)
{
    struct xml reason = xml_child(jingle, NS_JINGLE, SLICE("reason"));
    struct slice name = xml_name(xml_first_element(reason));
    const char *text = view_string(&f->x.client->view, name);
    if (slice_is(name, "success"))
        file_succeeded(f);
    else if (slice_is(name, "decline") || slice_is(name, "busy"))
        file_end(f, BURBLE_FILE_DECLINED, NULL, "the other side does not want it");
    else if (slice_is(name, "cancel"))
        file_end(f, BURBLE_FILE_CANCELLED, NULL, "the other side has cancelled it");
    else if (slice_is(name, "media-error"))
        file_end(f, BURBLE_FILE_DAMAGED, NULL, "it has come damaged, the other side says");
    else
        file_end(f, BURBLE_FILE_BROKEN, NULL, text != NULL && name.len > 0 ? text : "it failed");
}

static void informed(struct burble *c, struct burble_file *f, const struct stanza *iq,
                     struct xml jingle)
{
    struct xml x = xml_first_element(jingle);
    if (xml_is(x, NS_FILE, SLICE("checksum"))) {
        if (!f->sending && !f->hash_known)
            f->hash_known = read_hash(xml_child(x, NS_FILE, SLICE("file")), f->hash);
        file_say_good(c, iq);
        if (f->hash_known)
            file_hash_came(f);
    } else if (!xml_some(x) || xml_is(x, NS_FILE, SLICE("received"))) {
        file_say_good(c, iq);
    } else {
        file_say_bad(c, iq, STANZA_FEATURE_NOT_IMPLEMENTED, SLICE("unsupported-info"));
    }
}

static void session(struct burble *c, struct burble_file *f, const struct stanza *iq,
                    struct xml jingle)
{
    struct slice action = xml_attr(jingle, SLICE("action"));
    if (slice_is(action, "session-accept") && f->sending) {
        accepted(c, f, iq, jingle);
    } else if (slice_is(action, "session-terminate")) {
        file_say_good(c, iq);
        terminated(f, jingle);
    } else if (slice_is(action, "session-info")) {
        informed(c, f, iq, jingle);
    } else if (slice_is(action, "transport-replace")) {
        file_transport_replaced(f, iq, jingle);
    } else if (slice_is(action, "transport-info")) {
        file_transport_informed(f, iq, jingle);
    } else if (slice_is(action, "session-accept")) {
        file_say_bad(c, iq, STANZA_UNEXPECTED_REQUEST, SLICE("out-of-order"));
    } else {
        file_say_bad(c, iq, STANZA_FEATURE_NOT_IMPLEMENTED, SLICE_NONE);
    }
}

static void serve(struct burble *c, const struct stanza *iq, struct xml jingle, void *arg)
{
    struct slice sid = xml_attr(jingle, SLICE("sid"));
    bool first = slice_is(xml_attr(jingle, SLICE("action")), "session-initiate");
    struct slice peer = jid_some(&iq->from) ? jid_full(&iq->from) : SLICE_NONE;
    struct burble_file *f = first ? NULL : file_find(c, peer, sid);
    if (f == NULL && !first && !allowed(c, arg, iq))
        file_say_bad(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
    else if (iq->type != TYPE_SET)
        file_say_bad(c, iq, STANZA_BAD_REQUEST, SLICE_NONE);
    else if (first)
        initiate(c, arg, iq, jingle);
    else if (f != NULL)
        session(c, f, iq, jingle);
    else
        file_say_bad(c, iq, STANZA_ITEM_NOT_FOUND, SLICE("unknown-session"));
}

/* ------------------------------------------------------------------------------------ listening */

int file_serve(struct burble *c)
{
    if (listener_of(c) != NULL)
        return 0;
    struct listener *l = client_alloc(sizeof(*l));
    int err = l != NULL ? client_iq_serve(c, NS_JINGLE, SLICE("jingle"), serve, l) : ERR_MEMORY;
    if (err != 0) {
        free(l);
        return err;
    }
    client_extend(c, &l->x, &OPS);
    return 0;
}

int burble_file_listen(struct burble *c, burble_file_allow_fn *allow, burble_file_offer_fn *fn,
                       void *arg)
{
    static const char *const FEATURES[] = {"urn:xmpp:jingle:1",
                                           "urn:xmpp:jingle:apps:file-transfer:5",
                                           "urn:xmpp:jingle:transports:ibb:1", "urn:xmpp:hashes:2",
                                           "urn:xmpp:hash-function-text-names:sha-256"};
    int err = file_serve(c);
    for (size_t i = 0; err == 0 && fn != NULL && i < sizeof(FEATURES) / sizeof(FEATURES[0]); i++)
        err = client_feature(c, FEATURES[i]);
    if (err != 0)
        return err;
    struct listener *l = listener_of(c);
    l->allow = allow;
    l->fn = fn;
    l->arg = arg;
    return 0;
}
