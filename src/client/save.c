/* The state that outlives the process: burble_save and what burble_new reads again. One element of
 * XML as text, with a version; stanzas are text in it, so that none of them can disturb it.
 *
 *   <state xmlns='urn:burble:state' v='1' account='me@example.org' tickets='7'>
 *     <session id='...' jid='me@example.org/x' location='...' direct='true' in='12' out='3'/>
 *     <presence>...</presence> <inactive/>
 *     <stanza kind='message' ticket='6' sent='true' since='1800000000000'>...</stanza>
 *     <kept>(base64 of what burble_keep was given)</kept>
 *     and what auth_save.c writes
 *   </state>
 *
 * Reading takes it for the work of an enemy: whatever is not as above is BURBLE_ERR_CORRUPT. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "client/client.h"
#include "xml/parser.h"

#define NS_STATE SLICE("urn:burble:state")

enum { ID_BYTES_MAX = 8192, KEPT_BYTES_MAX = 1 << 20 };

/* ------------------------------------------------------------------------------------- writing */

static void put_number(struct xml_writer *w, struct slice name, uint64_t n)
{
    char text[24];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    xml_attr_put(w, name, slice_of(text + at, sizeof(text) - at));
}

static bool by_save(const struct burble *c)
{
    return (c->setup.config.flags & BURBLE_ACK_SAVED) != 0;
}

/* What was suspended does not change any more. What is saved while a session goes on is old when
 * the next stanza comes, and a server that was told more than the state knows of may close the
 * session for that, with all that it holds (Prosody does): it can be resumed when the server is
 * told of nothing that is not saved. */
static bool can_be_resumed(const struct burble *c)
{
    bool goes_on = by_save(c) && c->state != BURBLE_LEAVING;
    return c->sm.id != NULL && (c->suspended || c->sm.restored || goes_on);
}

static void put_session(const struct burble *c, struct xml_writer *w)
{
    xml_open(w, SLICE("session"), SLICE_NONE);
    xml_attr_put(w, SLICE("id"), slice_z(c->sm.id));
    xml_attr_put(w, SLICE("jid"), slice_z(c->sm.jid));
    if (c->sm.location != NULL)
        xml_attr_put(w, SLICE("location"), slice_z(c->sm.location));
    if (c->sm.location != NULL && c->sm.direct)
        xml_attr_put(w, SLICE("direct"), SLICE("true"));
    put_number(w, SLICE("in"), c->sm.in_h);
    put_number(w, SLICE("out"), c->sm.out_h);
    xml_close(w);
}

/* What waits in a session that goes on may be sent a moment later. Its place in the order of what
 * is sent is settled here, so that the server's count tells what became of it. (Of another
 * process's session it is not known yet how much was sent behind what was saved.) */
static void put_stanzas(struct burble *c, struct xml_writer *w, bool session)
{
    bool placed = session && by_save(c) && !c->sm.restored && outbox_place(c);
    const struct list *at = NULL;
    struct outbox_saved i;
    while (outbox_each(c, &at, &i)) {
        bool message = i.kind == OUTBOX_KEEP;
        if (!message && !session)
            continue;
        xml_open(w, SLICE("stanza"), SLICE_NONE);
        xml_attr_put(w, SLICE("kind"), message ? SLICE("message") : SLICE("session"));
        put_number(w, SLICE("ticket"), i.ticket);
        if ((i.sent || placed) && session)
            xml_attr_put(w, SLICE("sent"), SLICE("true"));
        if (i.written)
            xml_attr_put(w, SLICE("written"), SLICE("true"));
        if (i.secret)
            xml_attr_put(w, SLICE("secret"), SLICE("true"));
        if (i.since_ms > 0)
            put_number(w, SLICE("since"), (uint64_t)i.since_ms);
        xml_text_put(w, i.text);
        xml_close(w);
    }
}

static void put_kept(const struct burble *c, struct xml_writer *w)
{
    if (buf_len(&c->kept) == 0)
        return;
    xml_open(w, SLICE("kept"), SLICE_NONE);
    size_t len = base64_encoded_len(buf_len(&c->kept));
    char *text = malloc(len);
    if (text != NULL)
        base64_encode(buf_slice(&c->kept), text);
    else
        w->out->failed = 1;
    xml_text_put(w, slice_of(text, text != NULL ? len : 0));
    xml_close(w);
    free(text);
}

int burble_keep(struct burble *c, const void *data, size_t len)
{
    struct buf kept = {0};
    if (len > KEPT_BYTES_MAX)
        return ERR_LIMIT;
    if (len > 0 && buf_append(&kept, data, len) != 0)
        return ERR_MEMORY;
    buf_free(&c->kept);
    c->kept = kept;
    return 0;
}

const void *burble_kept(const struct burble *c, size_t *len_out)
{
    *len_out = buf_len(&c->kept);
    return *len_out > 0 ? buf_slice(&c->kept).ptr : NULL;
}

int burble_save(struct burble *c, void **out, size_t *len_out)
{
    struct buf b = {0};
    struct xml_writer w;
    bool session = can_be_resumed(c);
    *out = NULL;
    *len_out = 0;
    xml_writer_init(&w, &b, SLICE_NONE);
    xml_open(&w, SLICE("state"), NS_STATE);
    xml_attr_put(&w, SLICE("v"), SLICE("1"));
    xml_attr_put(&w, SLICE("account"), slice_z(c->setup.own));
    put_number(&w, SLICE("tickets"), c->next_ticket);
    if (session)
        put_session(c, &w);
    if (c->available)
        xml_leaf(&w, SLICE("presence"), SLICE_NONE, buf_slice(&c->presence));
    if (c->inactive)
        xml_leaf(&w, SLICE("inactive"), SLICE_NONE, SLICE_NONE);
    put_stanzas(c, &w, session);
    put_kept(c, &w);
    auth_save(c, &w);
    xml_close(&w);
    if (b.failed) {
        buf_free(&b);
        return ERR_MEMORY;
    }
    client_sm_saving(c);
    *len_out = buf_len(&b);
    *out = b.ptr; /* nothing was consumed from its front */
    return 0;
}

/* ------------------------------------------------------------------------------------- reading */

static bool get_number(struct xml x, struct slice name, uint64_t most, uint64_t *out)
{
    unsigned long long n;
    *out = 0;
    if (!slice_to_u64(xml_attr(x, name), &n) || n > most)
        return false;
    *out = n;
    return true;
}

static int load_session(struct burble *c, struct xml x)
{
    struct slice id = xml_attr(x, SLICE("id")), location = xml_attr(x, SLICE("location"));
    uint64_t in, out;
    if (c->sm.id != NULL || id.len == 0 || id.len > ID_BYTES_MAX || location.len > ID_BYTES_MAX ||
        !get_number(x, SLICE("in"), UINT32_MAX, &in) ||
        !get_number(x, SLICE("out"), UINT32_MAX, &out))
        return ERR_CORRUPT;
    int err = session_take_address(c, xml_attr(x, SLICE("jid")));
    if (err != 0)
        return err == ERR_MEMORY ? ERR_MEMORY : ERR_CORRUPT;
    c->sm.id = client_copy(id);
    c->sm.jid = client_copy(slice_z(c->jid));
    if (location.len > 0)
        c->sm.location = client_copy(location);
    c->sm.direct = slice_is(xml_attr(x, SLICE("direct")), "true");
    c->sm.in_h = c->sm.in_told = c->sm.in_given = c->sm.in_saved = c->sm.in_due = (uint32_t)in;
    c->sm.out_h = (uint32_t)out;
    c->sm.restored = c->session = true;
    return c->sm.id == NULL || c->sm.jid == NULL || (location.len > 0 && c->sm.location == NULL)
               ? ERR_MEMORY
               : 0;
}

static int load_presence(struct burble *c, struct xml x)
{
    if (c->available)
        return ERR_CORRUPT;
    int err = client_presence_restore(c, xml_text(x));
    return err == 0 || err == ERR_MEMORY ? err : ERR_CORRUPT;
}

static int load_stanza(struct burble *c, struct xml x)
{
    struct slice kind = xml_attr(x, SLICE("kind")), sent = xml_attr(x, SLICE("sent"));
    bool message = slice_is(kind, "message");
    struct outbox_saved i = {
        .kind = message ? OUTBOX_KEEP : OUTBOX_SESSION,
        .sent = slice_is(sent, "true"),
        .written = slice_is(sent, "true") || xml_attr(x, SLICE("written")).ptr != NULL,
        .secret = xml_attr(x, SLICE("secret")).ptr != NULL,
        .text = xml_text(x),
    };
    uint64_t since = 0;
    bool good = (message || slice_is(kind, "session")) && (i.sent || sent.ptr == NULL) &&
                get_number(x, SLICE("ticket"), c->next_ticket, &i.ticket);
    if (good && xml_attr(x, SLICE("since")).ptr != NULL)
        good = get_number(x, SLICE("since"), INT64_MAX / 2, &since);
    if (!good || (i.sent && (c->sm.id == NULL || c->outbox_waiting > 0)))
        return ERR_CORRUPT; /* those that were sent are in front, and of a session */
    if (!message && c->sm.id == NULL)
        return 0;
    i.since_ms = (int64_t)since;
    return outbox_restore(c, &i);
}

static int load_kept(struct burble *c, struct xml x)
{
    struct slice text = xml_text(x);
    size_t len = 0;
    if (buf_len(&c->kept) > 0 || text.len == 0 || text.len > base64_encoded_len(KEPT_BYTES_MAX))
        return ERR_CORRUPT;
    char *bytes = malloc(text.len / 4 * 3 + 1);
    if (bytes == NULL)
        return ERR_MEMORY;
    int err = base64_decode(text, bytes, &len) ? burble_keep(c, bytes, len) : ERR_CORRUPT;
    free(bytes);
    return err == ERR_LIMIT ? ERR_CORRUPT : err;
}

static int load_child(struct burble *c, struct xml x)
{
    if (xml_is(x, NS_STATE, SLICE("session")))
        return load_session(c, x);
    if (xml_is(x, NS_STATE, SLICE("presence")))
        return load_presence(c, x);
    if (xml_is(x, NS_STATE, SLICE("stanza")))
        return load_stanza(c, x);
    if (xml_is(x, NS_STATE, SLICE("kept")))
        return load_kept(c, x);
    if (xml_is(x, NS_STATE, SLICE("inactive")))
        c->inactive = true;
    if (slice_is(xml_name(x), "auth"))
        return auth_load(c, x);
    return 0; /* of a later version that is compatible */
}

static int load(struct burble *c, struct xml root)
{
    int err = 0;
    uint64_t tickets;
    if (!xml_is(root, NS_STATE, SLICE("state")) || !slice_is(xml_attr(root, SLICE("v")), "1") ||
        !slice_eq(xml_attr(root, SLICE("account")), slice_z(c->setup.own)) ||
        !get_number(root, SLICE("tickets"), UINT64_MAX / 2, &tickets))
        return ERR_CORRUPT;
    c->next_ticket = tickets;
    for (struct xml x = xml_first_element(root); err == 0 && xml_some(x); x = xml_next_element(x))
        err = load_child(c, x);
    if (err == 0 && (c->setup.config.flags & BURBLE_NO_RESUME) != 0) {
        client_sm_forget(c);
        outbox_new_session(c);
        c->session = false;
    }
    return err;
}

int save_load(struct burble *c, struct slice text)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    limits.stanza_bytes = XML_STANZA_BYTES_MAX;
    limits.elements = UINT32_MAX / 2;
    if (text.ptr == NULL)
        return 0;
    enum xml_error error = xml_parse(text, SLICE_NONE, &limits, &tree);
    if (error != XML_OK)
        return error == XML_MEMORY ? ERR_MEMORY : ERR_CORRUPT;
    int err = load(c, xml_root(tree));
    xml_tree_free(&tree);
    return err;
}
