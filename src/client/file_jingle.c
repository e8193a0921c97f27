/* Files by Jingle: what we say (XEP-0166 1.1.2, XEP-0234 0.19.1, XEP-0260 1.0.3,
 * XEP-0261 1.0, XEP-0300 1.0.0). */
#include "base/base64.h"
#include "client/file.h"
#include "client/text.h"

static void nobody_waits(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    (void)c, (void)outcome, (void)iq, (void)arg;
}

static void open_jingle(struct burble *c, struct xml_writer *w, const char *action,
                        struct slice sid)
{
    client_payload(c, w);
    xml_open(w, SLICE("jingle"), NS_JINGLE);
    xml_attr_put(w, SLICE("action"), slice_z(action));
    xml_attr_put(w, SLICE("sid"), sid);
}

static int send(struct burble *c, struct slice to, client_iq_fn *fn, void *arg, uint64_t *handle)
{
    struct client_iq iq = {.set = true,
                           .to = to,
                           .payload = buf_slice(&c->work),
                           .fn = fn != NULL ? fn : nobody_waits,
                           .arg = arg};
    return c->work.failed ? ERR_MEMORY : client_iq_send(c, &iq, handle);
}

static void put_file(struct xml_writer *w, const struct burble_file_info *info)
{
    char size[CLIENT_NUMBER_BYTES], stamp[TIME_STAMP_BYTES];
    xml_open(w, SLICE("file"), SLICE_NONE);
    if (info->modified_ms != 0)
        xml_leaf(w, SLICE("date"), SLICE_NONE,
                 slice_of(stamp, time_stamp(info->modified_ms, stamp)));
    if (info->desc != NULL)
        xml_leaf(w, SLICE("desc"), SLICE_NONE, slice_z(info->desc));
    if (info->type != NULL)
        xml_leaf(w, SLICE("media-type"), SLICE_NONE, slice_z(info->type));
    xml_leaf(w, SLICE("name"), SLICE_NONE, slice_z(info->name));
    xml_leaf(w, SLICE("size"), SLICE_NONE, client_number(info->size, size));
    xml_open(w, SLICE("hash-used"), NS_HASHES); /* it follows behind the last block */
    xml_attr_put(w, SLICE("algo"), SLICE("sha-256"));
    xml_close(w);
    xml_close(w);
}

static void open_content(struct burble_file *f, struct xml_writer *w)
{
    xml_open(w, SLICE("content"), SLICE_NONE);
    xml_attr_put(w, SLICE("creator"), SLICE("initiator"));
    xml_attr_put(w, SLICE("name"), slice_z(f->content));
    xml_attr_put(w, SLICE("senders"), SLICE("initiator"));
}

/* inside: an element of the transport, or NULL. */
static void put_transport(struct burble_file *f, struct xml_writer *w, const char *inside)
{
    char block[CLIENT_NUMBER_BYTES];
    xml_open(w, SLICE("transport"), f->socks5 ? NS_JINGLE_SOCKS5 : NS_JINGLE_IBB);
    if (!f->socks5)
        xml_attr_put(w, SLICE("block-size"), client_number(f->block, block));
    xml_attr_put(w, SLICE("sid"), slice_z(f->stream_sid));
    if (inside != NULL) {
        xml_open(w, slice_z(inside), SLICE_NONE);
        xml_close(w);
    }
    xml_close(w);
}

static void put_content(struct burble_file *f, struct xml_writer *w)
{
    open_content(f, w);
    xml_open(w, SLICE("description"), NS_FILE);
    put_file(w, &f->info);
    xml_close(w);
    put_transport(f, w, NULL);
    xml_close(w);
}

int file_say_initiate(struct burble_file *f, client_iq_fn *fn)
{
    struct burble *c = f->x.client;
    struct xml_writer w;
    open_jingle(c, &w, "session-initiate", slice_z(f->sid));
    xml_attr_put(&w, SLICE("initiator"), slice_z(c->jid));
    put_content(f, &w);
    xml_close(&w);
    return send(c, slice_z(f->peer), fn, f, &f->handle);
}

int file_say_accept(struct burble_file *f, client_iq_fn *fn)
{
    struct burble *c = f->x.client;
    struct xml_writer w;
    open_jingle(c, &w, "session-accept", slice_z(f->sid));
    xml_attr_put(&w, SLICE("responder"), slice_z(c->jid));
    put_content(f, &w);
    xml_close(&w);
    return send(c, slice_z(f->peer), fn, f, &f->handle);
}

int file_say_terminate(struct burble *c, struct slice peer, struct slice sid, const char *reason)
{
    struct xml_writer w;
    open_jingle(c, &w, "session-terminate", sid);
    xml_open(&w, SLICE("reason"), SLICE_NONE);
    xml_open(&w, slice_z(reason), SLICE_NONE);
    xml_close(&w);
    xml_close(&w);
    xml_close(&w);
    return send(c, peer, NULL, NULL, NULL);
}

int file_say_checksum(struct burble_file *f, const uint8_t hash[DIGEST_SHA256_BYTES])
{
    struct burble *c = f->x.client;
    struct xml_writer w;
    char text[64];
    struct slice bytes = slice_of((const char *)hash, DIGEST_SHA256_BYTES);
    base64_encode(bytes, text);
    open_jingle(c, &w, "session-info", slice_z(f->sid));
    xml_open(&w, SLICE("checksum"), NS_FILE);
    xml_attr_put(&w, SLICE("creator"), SLICE("initiator"));
    xml_attr_put(&w, SLICE("name"), slice_z(f->content));
    xml_open(&w, SLICE("file"), SLICE_NONE);
    xml_open(&w, SLICE("hash"), NS_HASHES);
    xml_attr_put(&w, SLICE("algo"), SLICE("sha-256"));
    xml_text_put(&w, slice_of(text, base64_encoded_len(bytes.len)));
    xml_close(&w);
    xml_close(&w);
    xml_close(&w);
    xml_close(&w);
    return send(c, slice_z(f->peer), NULL, NULL, NULL);
}

int file_say_transport_reject(struct burble_file *f, struct xml content)
{
    struct burble *c = f->x.client;
    struct xml_writer w;
    open_jingle(c, &w, "transport-reject", slice_z(f->sid));
    xml_node_put(&w, content);
    xml_close(&w);
    return send(c, slice_z(f->peer), NULL, NULL, NULL);
}

/* An action about the transport alone. */
static int say_transport(struct burble_file *f, const char *action, const char *inside)
{
    struct burble *c = f->x.client;
    struct xml_writer w;
    open_jingle(c, &w, action, slice_z(f->sid));
    open_content(f, &w);
    put_transport(f, &w, inside);
    xml_close(&w);
    xml_close(&w);
    return send(c, slice_z(f->peer), NULL, NULL, NULL);
}

int file_say_transport_accept(struct burble_file *f)
{
    return say_transport(f, "transport-accept", NULL);
}

int file_say_candidate_error(struct burble_file *f)
{
    return say_transport(f, "transport-info", "candidate-error");
}

void file_say_good(struct burble *c, const struct stanza *iq)
{
    (void)client_iq_answer(c, iq, SLICE_NONE);
}

void file_say_bad(struct burble *c, const struct stanza *iq, enum stanza_error error,
                  struct slice jingle)
{
    struct buf b = {0};
    if (jingle.len > 0) {
        buf_byte(&b, '<');
        buf_add(&b, jingle);
        xml_write_attr(&b, SLICE("xmlns"), NS_JINGLE_ERRORS);
        buf_lit(&b, "/>");
    }
    (void)client_iq_refuse_with(c, iq, error, SLICE_NONE, buf_slice(&b));
    buf_free(&b);
}
