/* The cache of a roster between processes: the contacts as the server said them, with the version,
 * for the next fetch. The file may have been cut, changed, or made by another program, so it is
 * parsed as if a stranger had sent it.
 *
 *   <roster xmlns='urn:burble:roster:1' account='me@example.org'>
 *     <query xmlns='jabber:iq:roster' ver='...'><item .../>...</query></roster> */
#include <stdlib.h>

#include "client/roster.h"
#include "xml/parser.h"

enum { CACHE_BYTES_MAX = 16 << 20 };

#define NS_CACHE SLICE("urn:burble:roster:1")

int burble_roster_save(struct burble_roster *r, void **out, size_t *len_out)
{
    struct buf b = {0};
    struct xml_writer w;
    *out = NULL;
    *len_out = 0;
    xml_writer_init(&w, &b, SLICE_NONE);
    xml_open(&w, SLICE("roster"), NS_CACHE);
    xml_attr_put(&w, SLICE("account"), slice_z(r->self->pub.jid));
    xml_open(&w, SLICE("query"), NS_ROSTER);
    if (r->version != NULL)
        xml_attr_put(&w, SLICE("ver"), slice_z(r->version));
    for (size_t i = 0; i < r->items.count && buf_len(&b) <= CACHE_BYTES_MAX; i++)
        contact_write(&w, &r->items.list[i]->pub);
    xml_close(&w);
    xml_close(&w);
    if (!b.failed && buf_len(&b) <= CACHE_BYTES_MAX) {
        *len_out = buf_len(&b);
        *out = client_copy(buf_slice(&b));
    }
    int err = *len_out == 0 && !b.failed ? ERR_LIMIT : *out == NULL ? ERR_MEMORY : 0;
    if (err != 0)
        *len_out = 0;
    buf_free(&b);
    return err;
}

static int take(struct burble_roster *r, struct xml root)
{
    struct xml query = xml_child(root, NS_ROSTER, SLICE("query"));
    struct slice account = xml_attr(root, SLICE("account"));
    struct slice version = xml_attr(query, SLICE("ver"));
    bool left_out;
    if (!xml_is(root, NS_CACHE, SLICE("roster")) || !xml_some(query) ||
        !slice_eq(account, slice_z(r->self->pub.jid)))
        return ERR_CORRUPT;
    int err = contacts_replace(&r->items, &r->others, query, r->config.contacts_max, &left_out);
    if (err == 0 && version.ptr != NULL && !left_out && (r->version = client_copy(version)) == NULL)
        err = ERR_MEMORY;
    r->incomplete = left_out;
    return err;
}

int roster_load(struct burble_roster *r, const void *cache, size_t len)
{
    struct xml_limits limits = XML_LIMITS_C2S;
    struct xml_tree *tree = NULL;
    limits.stanza_bytes = CACHE_BYTES_MAX;
    limits.elements = UINT32_MAX / 2;
    if (len > CACHE_BYTES_MAX)
        return ERR_CORRUPT;
    enum xml_error error = xml_parse(slice_of(cache, len), SLICE_NONE, &limits, &tree);
    int err = error == XML_MEMORY ? ERR_MEMORY : error != XML_OK ? ERR_CORRUPT : 0;
    if (err == 0)
        err = take(r, xml_root(tree));
    xml_tree_free(&tree);
    return err;
}
