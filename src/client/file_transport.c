/* Files by Jingle: which way the bytes go (XEP-0166 1.1.2 sections 7.2.12-7.2.15, XEP-0260 1.0.3
 * sections 2.4 and 3, XEP-0261 1.0). In-band is the only one that we have. Who offers SOCKS5 is
 * answered as by somebody who has no candidates and reaches none; the other side then replaces it,
 * for in-band is what all have (XEP-0234 section 9.1). It alone does so: we never propose a way. */
#include <stdlib.h>

#include "client/file.h"

enum { SID_BYTES_MAX = 256 };

bool file_block_read(struct xml transport, unsigned max, unsigned *out)
{
    unsigned long long block;
    if (!slice_to_u64(xml_attr(transport, SLICE("block-size")), &block) ||
        block < BURBLE_IBB_BLOCK_MIN)
        return false;
    *out = block < max ? (unsigned)block : max;
    return true;
}

bool file_transport_read(struct xml content, unsigned block_max, struct file_transport *out)
{
    struct xml x = xml_child(content, NS_JINGLE_IBB, SLICE("transport"));
    out->socks5 = !xml_some(x);
    if (out->socks5)
        x = xml_child(content, NS_JINGLE_SOCKS5, SLICE("transport"));
    out->sid = xml_attr(x, SLICE("sid"));
    out->block = BURBLE_IBB_BLOCK;
    if (out->sid.len == 0 || out->sid.len > SID_BYTES_MAX)
        return false;
    struct slice stanza = xml_attr(x, SLICE("stanza"));
    return out->socks5 || ((stanza.ptr == NULL || slice_is(stanza, "iq")) &&
                           file_block_read(x, block_max, &out->block));
}

/* Before bytes can flow, and not while the one that is agreed on is being opened. */
static bool may_be_replaced(const struct burble_file *f)
{
    return f->state == FILE_OFFERED || f->state == FILE_PENDING || f->state == FILE_REPLACING;
}

static int replace(struct burble_file *f, const struct file_transport *way)
{
    char *sid = client_copy(way->sid);
    if (sid == NULL)
        return ERR_MEMORY;
    free(f->stream_sid);
    f->stream_sid = sid;
    f->block = way->block;
    f->socks5 = false;
    int err = f->state == FILE_REPLACING ? file_await(f) : 0;
    return err != 0 ? err : file_say_transport_accept(f);
}

void file_transport_replaced(struct burble_file *f, const struct stanza *iq, struct xml jingle)
{
    struct burble *c = f->x.client;
    struct xml content = xml_child(jingle, NS_JINGLE, SLICE("content"));
    struct file_transport way;
    if (!slice_eq(xml_attr(content, SLICE("name")), slice_z(f->content))) {
        file_say_bad(c, iq, STANZA_BAD_REQUEST, SLICE_NONE);
        return;
    }
    file_say_good(c, iq);
    if (!may_be_replaced(f) ||
        !file_transport_read(content, f->sending ? f->block : BURBLE_IBB_BLOCK_MAX, &way) ||
        way.socks5) {
        (void)file_say_transport_reject(f, content);
        return;
    }
    int err = replace(f, &way);
    if (err != 0)
        file_end(f, BURBLE_FILE_LOST, "failed-transport", burble_error_text(err));
}

/* Candidates, and what became of them: as long as SOCKS5 is what we talk about. */
void file_transport_informed(struct burble_file *f, const struct stanza *iq, struct xml jingle)
{
    struct xml content = xml_child(jingle, NS_JINGLE, SLICE("content"));
    if (f->socks5 && xml_some(xml_child(content, NS_JINGLE_SOCKS5, SLICE("transport"))))
        file_say_good(f->x.client, iq);
    else
        file_say_bad(f->x.client, iq, STANZA_FEATURE_NOT_IMPLEMENTED, SLICE("unsupported-info"));
}
