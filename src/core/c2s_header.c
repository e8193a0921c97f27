/* Opening a stream: header, features, STARTTLS (RFC 6120 sections 4.7, 4.3.2, 5). */
#include "base/err.h"
#include "base/mem.h"
#include "core/c2s.h"
#include "core/hooks.h"
#include "core/login.h"
#include "xmpp/ns.h"

enum { STREAM_ID_CHARS = 26, LANG_BYTES_MAX = 64 };

void c2s_write_header(struct c2s *s)
{
    struct buf *out = &s->link->out;
    char id[STREAM_ID_CHARS];
    rng_token(s->e->rng, id, sizeof(id));
    struct slice from = s->e->config->hosts[0].name;
    if (s->entry->host != NULL)
        from = s->entry->host_asked;
    buf_lit(out, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                 "xmlns:stream='http://etherx.jabber.org/streams'");
    xml_write_attr(out, SLICE("id"), slice_of(id, sizeof(id)));
    xml_write_attr(out, SLICE("from"), from);
    buf_lit(out, " version='1.0' xml:lang='en'>");
    s->header_sent = true;
    c2s_written(s);
}

/* "1.0" and later majors are answered with 1.0 (section 4.7.5). */
static bool version_supported(struct slice v)
{
    size_t dot = slice_find(v, '.');
    unsigned long long major, minor;
    return dot < v.len && slice_to_u64(slice_of(v.ptr, dot), &major) &&
           slice_to_u64(slice_from(v, dot + 1), &minor) && major >= 1;
}

static struct slice own_copy(struct slice s)
{
    return s.len > 0 ? slice_of(mem_copy(s), s.len) : SLICE_NONE;
}

/* Finds the host of the header's `to`; false: the stream was ended. */
static bool choose_host(struct c2s *s, struct slice to)
{
    struct engine *e = s->e;
    struct jid jid = JID_NONE;
    if (to.ptr == NULL && e->config->host_count == 1)
        to = e->config->hosts[0].name;
    bool good = to.ptr != NULL && jid_parse(to, &e->arena, &jid) == 0;
    const struct host_config *host = good ? config_host(e->config, jid_domain(&jid)) : NULL;
    if (good && (jid.local_len > 0 || jid.resource_len > 0)) {
        c2s_log(s, LOG_INFO, "stream.host_unknown", "improper-addressing");
        c2s_error(s, STREAM_IMPROPER_ADDRESSING, SLICE_NONE, SLICE_NONE);
        return false;
    }
    if (host == NULL) {
        c2s_log(s, LOG_INFO, "stream.host_unknown", "host-unknown");
        c2s_error(s, STREAM_HOST_UNKNOWN, SLICE_NONE, SLICE_NONE);
        return false;
    }
    if (host->alias_mode == ALIAS_SEE_OTHER_HOST && !slice_eq(host->name, jid_domain(&jid))) {
        c2s_error(s, STREAM_SEE_OTHER_HOST, host->name, SLICE_NONE);
        return false;
    }
    if (s->entry->host != NULL && s->entry->host != host) {
        /* A login holds for one host (V40). */
        c2s_log(s, LOG_WARNING, "stream.unexpected", "not-authorized");
        c2s_error(s, STREAM_NOT_AUTHORIZED, SLICE("logged in at another host"), SLICE_NONE);
        return false;
    }
    mem_free((void *)(uintptr_t)s->entry->host_asked.ptr);
    s->entry->host_asked = own_copy(jid_domain(&jid));
    s->entry->host = host;
    return true;
}

void c2s_header(struct c2s *s, struct xml root, struct slice content_ns)
{
    s->header_sent = false;
    if (!xml_is(root, NS_STREAMS, SLICE("stream")) || !slice_eq(content_ns, NS_CLIENT)) {
        c2s_log(s, LOG_INFO, "stream.bad_ns", "invalid-namespace");
        c2s_error(s, STREAM_INVALID_NAMESPACE, SLICE_NONE, SLICE_NONE);
        return;
    }
    if (!s->authenticated)
        s->entry->host = NULL; /* until login every header may name another host */
    struct slice from = xml_attr(root, SLICE("from"));
    mem_free((void *)(uintptr_t)s->entry->from.ptr);
    s->entry->from =
        !s->authenticated && from.ptr != NULL ? slice_of(mem_copy(from), from.len) : SLICE_NONE;
    /* It is written into every stanza that has none of its own: a long one counts as none. */
    struct slice lang = xml_lang(root);
    mem_free(s->lang);
    s->lang = lang.len > 0 && lang.len <= LANG_BYTES_MAX ? mem_copy(lang) : NULL;
    if (choose_host(s, xml_attr(root, SLICE("to")))) {
        c2s_write_header(s);
        if (version_supported(xml_attr(root, SLICE("version")))) {
            c2s_features(s);
            s->state = s->state == C2S_REOPENING ? C2S_BINDABLE : C2S_NEGOTIATING;
        } else {
            c2s_log(s, LOG_INFO, "stream.version", "unsupported-version");
            c2s_error(s, STREAM_UNSUPPORTED_VERSION, SLICE_NONE, SLICE_NONE);
        }
    }
    arena_reset(&s->e->arena);
}

static void mechanisms(struct c2s *s, struct xml_writer *w)
{
    size_t n;
    bool plain = s->link->secure || s->link->plain_allowed;
    const struct slice *names = sasl_server_mechanisms(plain, s->link->secure, &n);
    xml_open(w, SLICE("mechanisms"), NS_SASL);
    for (size_t i = 0; i < n; i++)
        xml_leaf(w, SLICE("mechanism"), SLICE_NONE, names[i]);
    xml_close(w);
}

void c2s_features(struct c2s *s)
{
    const struct link *l = s->link;
    struct xml_writer w;
    xml_writer_init(&w, &s->link->out, NS_CLIENT);
    xml_open(&w, SLICE("stream:features"), SLICE_NONE);
    if (!l->secure && l->starttls) {
        xml_open(&w, SLICE("starttls"), NS_TLS);
        if (l->require_tls) {
            xml_open(&w, SLICE("required"), SLICE_NONE);
            xml_close(&w);
        }
        xml_close(&w);
    }
    if (c2s_authenticated(s) && s->session == NULL) {
        xml_open(&w, SLICE("bind"), NS_BIND);
        xml_close(&w);
        xml_open(&w, SLICE("session"), NS_SESSION);
        xml_open(&w, SLICE("optional"), SLICE_NONE);
        xml_close(&w);
        xml_close(&w);
    } else if (!c2s_authenticated(s) && (l->secure || !l->require_tls)) {
        mechanisms(s, &w);
        login_features(s, &w);
    }
    if (l->secure || !l->require_tls)
        hooks_stream_features(s->e, s, &w);
    xml_close(&w);
    c2s_written(s);
}

void c2s_starttls(struct c2s *s, struct xml x)
{
    (void)x;
    if (s->link->secure || !s->link->starttls) {
        c2s_log(s, LOG_INFO, "stream.unexpected", "unsupported-stanza-type");
        c2s_error(s, STREAM_UNSUPPORTED_STANZA_TYPE, SLICE_NONE, SLICE_NONE);
        return;
    }
    buf_lit(&s->link->out, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    c2s_written(s);
    s->state = C2S_OPENING;
    s->link->ops->start_tls(s->link);
}
