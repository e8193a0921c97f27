/* Results of a query of the archive: XEP-0313 (version 1.1.3) sections 4.2 and 4.3, with the
 * wrapper of XEP-0297 and the stamp of XEP-0203. A message is written as it was routed: it has no
 * stanza-id of ours (section 4.2 leaves it out; the result's own id is the same).
 *
 * Every entry is parsed before it is written: what got damaged in the store is told to the log, not
 * to a client (D09). */
#include <stdio.h>

#include "base/mem.h"
#include "xep/archive/archive.h"
#include "xml/parser.h"

#define NS_FORWARD SLICE("urn:xmpp:forward:0")

void archive_tell_corrupt(struct engine *e, const struct account *a, uint64_t position)
{
    char text[ARCHIVE_ID_BYTES];
    struct log_line l;
    log_begin(&l, e->log, LOG_ERROR, "store.corrupt");
    log_str(&l, "jid", jid_bare(&a->jid));
    log_z(&l, "log", "archive");
    log_str(&l, "position", archive_id(position, text));
    log_end(&l);
}

static void write_result(const struct archive_want *want, const struct store_row *row,
                         struct xml message, struct buf *out)
{
    char id[ARCHIVE_ID_BYTES], stamp[TIME_STAMP_BYTES];
    struct xml_writer w;
    xml_writer_init(&w, out, NS_CLIENT);
    xml_open(&w, SLICE("result"), NS_ARCHIVE);
    if (want->query.ptr != NULL)
        xml_attr_put(&w, SLICE("queryid"), want->query);
    xml_attr_put(&w, SLICE("id"), archive_id(row->position, id));
    xml_open(&w, SLICE("forwarded"), NS_FORWARD);
    xml_open(&w, SLICE("delay"), NS_DELAY);
    xml_attr_put(&w, SLICE("stamp"), slice_of(stamp, time_stamp(row->labels.wall_ms, stamp)));
    xml_close(&w);
    xml_node_put(&w, message);
    xml_close(&w);
    xml_close(&w);
}

static void append(const struct store_row *row, struct archive_page *page)
{
    if (page->count == page->cap) {
        page->cap = page->cap == 0 ? 16 : 2 * page->cap;
        page->ends = mem_resize(page->ends, page->cap, sizeof(*page->ends));
    }
    page->ends[page->count++] = (uint32_t)buf_len(&page->bytes);
    if (page->count == 1)
        page->first = row->position;
    page->last = row->position;
}

enum archive_take archive_page_add(struct engine *e, const struct account *a,
                                   const struct archive_want *want, const struct store_row *row,
                                   size_t bytes_max, struct archive_page *page)
{
    struct stanza s;
    struct xml_tree *tree = NULL;
    size_t before = buf_len(&page->bytes);
    if (!stanza_decode(row->value, &s) || s.kind != STANZA_MESSAGE || !stanza_unpack(&s, &tree)) {
        archive_tell_corrupt(e, a, row->position);
        return ARCHIVE_PASSED;
    }
    enum archive_take take = ARCHIVE_PASSED;
    bool room = page->count < (want->max > 0 ? want->max : ARCHIVE_COUNT_MAX);
    if (archive_wanted(want, &a->jid, &s, row->labels.wall_ms))
        take = room ? ARCHIVE_TAKEN : ARCHIVE_NO_ROOM;
    if (take == ARCHIVE_TAKEN && want->max > 0) {
        write_result(want, row, s.root, &page->bytes);
        if (page->count > 0 && buf_len(&page->bytes) > bytes_max) {
            buf_truncate(&page->bytes, before);
            take = ARCHIVE_NO_ROOM;
        }
    }
    if (take == ARCHIVE_TAKEN)
        append(row, page);
    page->more |= take == ARCHIVE_NO_ROOM;
    xml_tree_free(&tree);
    return take;
}

void archive_page_clear(struct archive_page *page)
{
    buf_free(&page->bytes);
    mem_free(page->ends);
    *page = (struct archive_page){0};
}

size_t archive_page_bytes(const struct archive_page *page, const struct session *s)
{
    enum { HEAD = 128 }; /* <message from='' to='' id=''></message> */
    return buf_len(&page->bytes) + page->count * (2 * jid_full(&s->jid).len + HEAD);
}

static bool send_one(struct engine *e, struct session *s, const struct archive_page *page,
                     uint32_t i)
{
    char id[12];
    uint32_t begin = i > 0 ? page->ends[i - 1] : 0;
    struct slice all = buf_slice(&page->bytes);
    rng_token(e->rng, id, sizeof(id));
    struct stanza st = {
        .kind = STANZA_MESSAGE,
        .type = TYPE_NORMAL,
        .id = slice_of(id, sizeof(id)),
        .from = s->account->jid,
        .to = s->jid,
        .payload = slice_of(all.ptr + begin, page->ends[i] - begin),
        .packed = true,
    };
    return session_send(e, s, &st);
}

/* Pages that were read from their end are in the wrong order; flipped ones want to be. */
bool archive_page_send(struct engine *e, struct session *s, const struct archive_want *want,
                       const struct archive_page *page)
{
    bool turn = want->backwards != want->flip;
    if (want->max == 0)
        return true;
    for (uint32_t i = 0; i < page->count; i++)
        if (!send_one(e, s, page, turn ? page->count - 1 - i : i))
            return false;
    return true;
}

static void write_set(const struct archive_want *want, const struct archive_page *page,
                      struct xml_writer *w)
{
    char id[ARCHIVE_ID_BYTES], number[16];
    bool known = !page->more && !want->bounded; /* the page is the whole set */
    xml_open(w, SLICE("set"), NS_RSM);
    if (page->count > 0 && want->max > 0) {
        xml_open(w, SLICE("first"), SLICE_NONE);
        if (known)
            xml_attr_put(w, SLICE("index"), SLICE("0"));
        xml_text_put(w, archive_id(want->backwards ? page->last : page->first, id));
        xml_close(w);
        xml_leaf(w, SLICE("last"), SLICE_NONE,
                 archive_id(want->backwards ? page->first : page->last, id));
    }
    if (known) {
        int len = snprintf(number, sizeof(number), "%u", page->count);
        xml_leaf(w, SLICE("count"), SLICE_NONE, slice_of(number, (size_t)len));
    }
    xml_close(w);
}

void archive_fin(struct iq *iq, const struct archive_want *want, const struct archive_page *page)
{
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("fin"), NS_ARCHIVE);
    if (!page->more && (want->max > 0 || page->count == 0))
        xml_attr_put(&w, SLICE("complete"), SLICE("true"));
    write_set(want, page, &w);
    xml_close(&w);
    iq_result_end(iq, &w);
}
