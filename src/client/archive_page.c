/* A query of an archive, page after page (XEP-0313 version 1.1.3, section 4; XEP-0059). Every page
 * has an id of its own, so that nothing counts that comes behind its end. It ends when the archive
 * says that this was all, when there are enough, or when a page brings it no further. */
#include <stdlib.h>
#include <string.h>

#include "client/archive.h"
#include "client/rsm.h"
#include "xmpp/data_form.h"

enum { PAGE_MS = 120000 };

static void finish(struct archive_query *q, struct burble_archive_result *r)
{
    struct burble *c = q->client;
    r->text = r->outcome == BURBLE_IQ_RESULT ? "" : archive_text(r->error.condition);
    r->first = q->first;
    r->last = q->last;
    r->count = q->count;
    r->total = q->total;
    if (q->ended)
        return;
    q->uses++;
    archive_query_end(q);
    if (q->done != NULL) {
        client_enter(c);
        q->done(c, r, q->arg);
        c->depth--;
    }
    archive_query_release(q);
}

static void fail(struct archive_query *q, enum burble_iq_outcome outcome, struct xml iq)
{
    struct burble_archive_result r = {.outcome = outcome};
    client_iq_error(q->client, outcome, iq, &r.error);
    finish(q, &r);
}

static void fail_as(struct archive_query *q, const char *condition)
{
    struct burble_archive_result r = {
        .outcome = BURBLE_IQ_ERROR,
        .error = {.condition = condition, .type = "cancel", .text = ""}};
    finish(q, &r);
}

/* --------------------------------------------------------------------------------- asking for one
 */

static void put_time(struct xml_writer *w, struct slice name, int64_t ms)
{
    char stamp[TIME_STAMP_BYTES];
    if (ms != 0)
        data_form_field(w, name, SLICE_NONE, slice_of(stamp, time_stamp(ms, stamp)));
}

static void put_text(struct xml_writer *w, struct slice name, const char *value)
{
    if (value != NULL)
        data_form_field(w, name, SLICE_NONE, slice_z(value));
}

static bool backwards(const struct archive_query *q)
{
    return (q->flags & BURBLE_ARCHIVE_BACKWARDS) != 0;
}

static void put_form(struct archive_query *q, struct xml_writer *w)
{
    /* One bound is where paging begins; the other one is a condition. */
    bool since = q->after == NULL || (q->flags & BURBLE_ARCHIVE_OR_SINCE) == 0;
    data_form_open(w, SLICE("submit"), NS_ARCHIVE);
    put_text(w, SLICE("with"), q->with);
    put_time(w, SLICE("start"), since ? q->start_ms : 0);
    put_time(w, SLICE("end"), q->end_ms);
    if (q->text != NULL)
        put_text(w, slice_z(q->text_field), q->text);
    put_text(w, SLICE("after-id"), backwards(q) ? q->after : NULL);
    put_text(w, SLICE("before-id"), backwards(q) ? NULL : q->before);
    xml_close(w);
}

static void put_set(struct archive_query *q, struct xml_writer *w)
{
    uint32_t left = q->max - q->count;
    struct rsm_ask ask = {.max = left < q->page ? left : q->page};
    if (backwards(q)) {
        ask.before = slice_z(q->first != NULL ? q->first : q->before);
        if (ask.before.ptr == NULL)
            ask.before = SLICE("");
    } else {
        ask.after = slice_z(q->last != NULL ? q->last : q->after);
    }
    rsm_write(w, &ask);
}

static void page_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg);

static int ask(struct archive_query *q, bool set, struct slice payload, client_iq_fn *fn)
{
    struct client_iq iq = {.set = set,
                           .to = slice_z(q->jid),
                           .payload = payload,
                           .timeout_ms = PAGE_MS,
                           .fn = fn,
                           .arg = q};
    return client_iq_send(q->client, &iq, &q->iq);
}

static int ask_page(struct archive_query *q)
{
    struct buf b = {0};
    struct xml_writer w;
    client_new_id(q->client, q->id);
    q->in_page = 0;
    (void)client_set(&q->came_first, SLICE_NONE);
    (void)client_set(&q->came_last, SLICE_NONE);
    xml_writer_init(&w, &b, NS_CLIENT);
    xml_open(&w, SLICE("query"), NS_ARCHIVE);
    xml_attr_put(&w, SLICE("queryid"), slice_z(q->id));
    put_form(q, &w);
    put_set(q, &w);
    if (q->flipped) {
        xml_open(&w, SLICE("flip-page"), SLICE_NONE);
        xml_close(&w);
    }
    xml_close(&w);
    int err = b.failed ? ERR_MEMORY : ask(q, true, buf_slice(&b), page_answer);
    buf_free(&b);
    return err;
}

static void next_page(struct archive_query *q)
{
    int err = ask_page(q);
    if (err == ERR_SYNTAX)
        fail_as(q, "bad-request"); /* what the archive gave as an id cannot be said again */
    else if (err != 0)
        fail(q, BURBLE_IQ_GONE, XML_NONE);
}

/* ---------------------------------------------------------------------------------- the answers */

bool archive_result_came(struct archive_query *q, struct slice id)
{
    if (q->count >= q->max)
        return false;
    if (q->came_first == NULL && client_set(&q->came_first, id) != 0)
        return false;
    if (client_set(&q->came_last, id) != 0)
        return false;
    q->in_page++;
    q->count++;
    return true;
}

/* The bounds of everything move; false: they do not, and asking again would bring the same. */
static bool advance(struct archive_query *q, const struct rsm_page *page)
{
    struct slice oldest = q->flipped ? slice_z(q->came_last) : page->first;
    struct slice newest = q->flipped ? slice_z(q->came_first) : page->last;
    if (oldest.ptr == NULL)
        oldest = slice_z(q->came_first);
    if (newest.ptr == NULL)
        newest = slice_z(q->came_last);
    char **inner = backwards(q) ? &q->first : &q->last;
    char **outer = backwards(q) ? &q->last : &q->first;
    struct slice to = backwards(q) ? oldest : newest, from = backwards(q) ? newest : oldest;
    if (to.len == 0 || to.len > ARCHIVE_ID_BYTES_MAX || from.len > ARCHIVE_ID_BYTES_MAX)
        return false;
    bool moved = *inner == NULL || !slice_eq(slice_z(*inner), to);
    if (*outer == NULL && client_set(outer, from) != 0)
        return false;
    return client_set(inner, to) == 0 && moved;
}

/* False: the program has cancelled the query. */
static bool tell_page(struct archive_query *q)
{
    struct burble *c = q->client;
    if (q->page_done == NULL || client_doomed(c))
        return true;
    q->uses++;
    client_enter(c);
    q->page_done(c, q->in_page, q->arg);
    c->depth--;
    bool ended = q->ended;
    archive_query_release(q);
    return !ended;
}

static void page_came(struct archive_query *q, struct xml fin)
{
    struct rsm_page page;
    struct slice complete = xml_attr(fin, SLICE("complete"));
    struct slice stable = xml_attr(fin, SLICE("stable"));
    struct burble_archive_result r = {
        .outcome = BURBLE_IQ_RESULT,
        .error = {.condition = "", .type = "", .text = ""},
        .complete = slice_is(complete, "true") || slice_is(complete, "1"),
        .stable = !slice_is(stable, "false") && !slice_is(stable, "0")};
    rsm_read(xml_child(fin, NS_RSM, SLICE("set")), &page);
    q->any_page = true;
    if (page.count >= 0)
        q->total = page.count;
    bool moved = advance(q, &page);
    if (!tell_page(q))
        return;
    if (r.complete || !moved || q->count >= q->max)
        finish(q, &r);
    else
        next_page(q);
}

static void page_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct archive_query *q = arg;
    struct burble_stanza_error e;
    struct xml fin = xml_child(iq, NS_ARCHIVE, SLICE("fin"));
    q->iq = 0;
    *q->id = '\0'; /* this was the end of the page */
    client_iq_error(c, outcome, iq, &e);
    bool unknown = outcome == BURBLE_IQ_ERROR && strcmp(e.condition, "item-not-found") == 0;
    if (unknown && !q->any_page && q->after != NULL && q->start_ms != 0 &&
        (q->flags & BURBLE_ARCHIVE_OR_SINCE) != 0) {
        (void)client_set(&q->after, SLICE_NONE);
        next_page(q);
    } else if (outcome != BURBLE_IQ_RESULT) {
        fail(q, outcome, iq);
    } else if (!xml_some(fin)) {
        fail_as(q, "undefined-condition");
    } else {
        page_came(q, fin);
    }
}

static void form_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct archive_query *q = arg;
    struct burble_archive_abilities can = {0};
    struct slice field = SLICE_NONE;
    (void)c;
    q->iq = 0;
    archive_read_form(iq, &can, &field);
    q->flipped = can.extended && (q->flags & BURBLE_ARCHIVE_FLIP) != 0;
    if (outcome != BURBLE_IQ_RESULT)
        fail(q, outcome, iq);
    else if (q->text != NULL && !can.search)
        fail_as(q, "feature-not-implemented");
    else if (q->text != NULL && client_set(&q->text_field, field) != 0)
        fail(q, BURBLE_IQ_GONE, XML_NONE);
    else
        next_page(q);
}

int archive_begin(struct archive_query *q)
{
    if (q->text != NULL || (q->flags & BURBLE_ARCHIVE_FLIP) != 0)
        return ask(q, false, SLICE("<query xmlns='urn:xmpp:mam:2'/>"), form_answer);
    return ask_page(q);
}
