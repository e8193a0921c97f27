/* The ends of the archive: XEP-0313 (version 1.1.3) section 5. */
#include "base/mem.h"
#include "xep/archive/archive.h"

struct ends {
    uint64_t position[2]; /* of the first and the last message; 0: none */
    int64_t wall_ms[2];
    unsigned at;       /* which of them is being looked for */
    uint64_t from, to; /* where */
};

static void write_end(const struct ends *ends, unsigned i, struct xml_writer *w)
{
    char id[ARCHIVE_ID_BYTES], stamp[TIME_STAMP_BYTES];
    xml_open(w, i == 0 ? SLICE("start") : SLICE("end"), SLICE_NONE);
    xml_attr_put(w, SLICE("id"), archive_id(ends->position[i], id));
    xml_attr_put(w, SLICE("timestamp"), slice_of(stamp, time_stamp(ends->wall_ms[i], stamp)));
    xml_close(w);
}

static void answer(struct iq *iq)
{
    const struct ends *ends = iq->data;
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("metadata"), NS_ARCHIVE);
    for (unsigned i = 0; i < 2 && ends->position[0] > 0 && ends->position[1] > 0; i++)
        write_end(ends, i, &w);
    xml_close(&w);
    iq_result_end(iq, &w);
}

static void read_end(struct iq *iq);

static void answered(struct iq *iq, struct store_request *request)
{
    struct ends *ends = iq->data;
    struct store_row row;
    size_t at = 0;
    if (iq_store_failed(iq, request))
        return;
    bool found = store_rows(request, &at, &row);
    if (found) {
        ends->position[ends->at] = row.position;
        ends->wall_ms[ends->at] = row.labels.wall_ms;
    } else if (request->more) { /* nothing to be seen so far */
        if (ends->at == 0)
            ends->from = request->position + 1;
        else
            ends->to = request->position - 1;
        read_end(iq);
        return;
    }
    if (found && ends->at++ == 0)
        read_end(iq);
    else
        answer(iq);
}

static void read_end(struct iq *iq)
{
    const struct ends *ends = iq->data;
    const struct store_filter visible = ARCHIVE_VISIBLE;
    struct store_request *r = flow_query(iq->e);
    store_range_where(r, jid_bare(&iq->account->jid), STORE_ARCHIVE, ends->from, ends->to, 1,
                      ends->at == 1, &visible);
    iq_wait(iq, r, answered);
}

void archive_ends_read(struct engine *e, const struct account *a, struct store_request *query)
{
    const struct store_filter visible = ARCHIVE_VISIBLE;
    (void)e;
    for (unsigned i = 0; i < ARCHIVE_ENDS_READS; i++)
        store_range_where(query, jid_bare(&a->jid), STORE_ARCHIVE, 0, INT64_MAX, 1, i == 1,
                          &visible);
}

/* One look at either end has to do here: behind thousands of entries that are in no archive nothing
 * is said of them. */
void archive_ends_bound(const struct inline_bound *b)
{
    struct ends ends = {0};
    struct store_row row;
    size_t at = 0;
    if (b->answer == NULL)
        return;
    while (store_rows(b->answer, &at, &row)) {
        uint32_t i = row.read - b->first_read;
        if (i >= ARCHIVE_ENDS_READS)
            continue;
        ends.position[i] = row.position;
        ends.wall_ms[i] = row.labels.wall_ms;
    }
    bool empty = ends.position[0] == 0 && ends.position[1] == 0 && !b->answer->more;
    if (!empty && (ends.position[0] == 0 || ends.position[1] == 0))
        return;
    xml_open(b->reply, SLICE("metadata"), NS_ARCHIVE);
    for (unsigned i = 0; i < 2 && !empty; i++)
        write_end(&ends, i, b->reply);
    xml_close(b->reply);
}

void archive_metadata(struct iq *iq)
{
    struct ends *ends = mem_new(struct ends);
    ends->to = INT64_MAX;
    iq->data = ends;
    read_end(iq);
}
