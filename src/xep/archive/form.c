/* What a query of the archive asks for: the form of XEP-0313 (version 1.1.3) section 4.1, the
 * paging of XEP-0059 (version 1.0) in it, the text of XEP-0431. Nothing here asks the store. */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "xep/archive/archive.h"

/* ------------------------------------------------------------------------------------- addresses
 */

enum stanza_error archive_address(struct engine *e, struct slice text, struct jid *out)
{
    struct jid jid;
    *out = JID_NONE;
    int err = jid_parse(text, &e->arena, &jid);
    if (err != 0)
        return err == ERR_SYNTAX ? STANZA_JID_MALFORMED : STANZA_RESOURCE_CONSTRAINT;
    const struct host_config *host = config_host(e->config, jid_domain(&jid));
    if (host == NULL || slice_eq(host->name, jid_domain(&jid))) {
        *out = jid_copy(&jid);
        return STANZA_OK;
    }
    struct buf named = {0};
    if (jid.local_len > 0) {
        buf_add(&named, jid_local(&jid));
        buf_byte(&named, '@');
    }
    buf_add(&named, host->name);
    if (jid.resource_len > 0) {
        buf_byte(&named, '/');
        buf_add(&named, jid_resource(&jid));
    }
    bool done = !named.failed && jid_from_prepared(buf_slice(&named), &jid);
    if (done)
        *out = jid_copy(&jid);
    buf_free(&named);
    return done ? STANZA_OK : STANZA_RESOURCE_CONSTRAINT;
}

void archive_address_free(struct jid *jid)
{
    mem_free((void *)(uintptr_t)jid->text);
    *jid = JID_NONE;
}

/* ---------------------------------------------------------------------------------- reading fields
 */

struct reader {
    struct engine *e;
    const struct host_config *host;
    struct archive_want *want;
    struct slice why;
    unsigned seen; /* a bit per field */
};

static enum stanza_error refuse(struct reader *r, enum stanza_error error, struct slice why)
{
    r->why = why;
    return error;
}

static enum stanza_error read_with(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    enum stanza_error error = archive_address(r->e, value, &r->want->with);
    if (error == STANZA_OK)
        r->want->filter.peer = jid_bare(&r->want->with);
    return error;
}

static enum stanza_error read_start(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    if (!time_parse(value, &r->want->filter.wall_from))
        return refuse(r, STANZA_BAD_REQUEST, SLICE("start is no date and time (XEP-0082)"));
    return STANZA_OK;
}

static enum stanza_error read_end(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    if (!time_parse(value, &r->want->filter.wall_to))
        return refuse(r, STANZA_BAD_REQUEST, SLICE("end is no date and time (XEP-0082)"));
    return STANZA_OK;
}

/* A bound of the range that has to be in the archive. */
static enum stanza_error refer(struct reader *r, struct slice id, bool after)
{
    uint64_t position;
    struct archive_want *want = r->want;
    if (!archive_position(id, &position))
        return STANZA_ITEM_NOT_FOUND;
    want->refs[want->ref_count++] = position;
    if (after && want->from <= position)
        want->from = position + 1;
    else if (!after && want->to >= position)
        want->to = position - 1;
    return STANZA_OK;
}

static enum stanza_error read_after_id(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    return refer(r, value, true);
}

static enum stanza_error read_before_id(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    return refer(r, value, false);
}

static int by_position(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static enum stanza_error read_ids(struct reader *r, struct xml field, struct slice value)
{
    struct archive_want *want = r->want;
    uint32_t cap = r->e->config->limits.mam_page;
    (void)value;
    want->ids = mem_array(cap, sizeof(*want->ids));
    for (struct xml v = xml_child(field, NS_DATA_FORMS, SLICE("value")); xml_some(v);
         v = xml_next_named(v, NS_DATA_FORMS, SLICE("value"))) {
        if (want->id_count == cap)
            return refuse(r, STANZA_RESOURCE_CONSTRAINT,
                          SLICE("more ids than a page has results (L17)"));
        if (!archive_position(xml_text(v), &want->ids[want->id_count++]))
            return STANZA_ITEM_NOT_FOUND;
    }
    qsort(want->ids, want->id_count, sizeof(*want->ids), by_position);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < want->id_count; i++)
        if (kept == 0 || want->ids[kept - 1] != want->ids[i])
            want->ids[kept++] = want->ids[i];
    want->id_count = kept;
    return STANZA_OK;
}

/* An account's archive has no messages of rooms, but who asks may not know. */
static enum stanza_error read_groupchat(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    bool yes = slice_is(value, "true") || slice_is(value, "1");
    r->want->no_groupchat = slice_is(value, "false") || slice_is(value, "0");
    if (!yes && !r->want->no_groupchat)
        return refuse(r, STANZA_BAD_REQUEST, SLICE("include-groupchat is neither true nor false"));
    return STANZA_OK;
}

static enum stanza_error read_text(struct reader *r, struct xml field, struct slice value)
{
    (void)field;
    return archive_search_read(value, r->want, &r->why);
}

static const struct field {
    const char *var, *type;
    enum stanza_error (*read)(struct reader *r, struct xml field, struct slice value);
    bool many;   /* more than one value */
    bool search; /* where archives can be searched */
} FIELDS[] = {
    {"with", "jid-single", read_with, false, false},
    {"start", "text-single", read_start, false, false},
    {"end", "text-single", read_end, false, false},
    {"before-id", "text-single", read_before_id, false, false},
    {"after-id", "text-single", read_after_id, false, false},
    {"ids", "list-multi", read_ids, true, false},
    {"include-groupchat", "boolean", read_groupchat, false, false},
    {"{urn:xmpp:fulltext:0}fulltext", "text-single", read_text, false, true},
    {"withtext", "text-single", read_text, false, true},
};

enum { FIELD_COUNT = sizeof(FIELDS) / sizeof(FIELDS[0]) };

static bool is_served(const struct field *field, const struct host_config *host)
{
    return !field->search || archive_searches(host);
}

static enum stanza_error read_field(struct reader *r, struct xml x)
{
    struct slice var = xml_attr(x, SLICE("var"));
    struct xml value = xml_child(x, NS_DATA_FORMS, SLICE("value"));
    if (slice_is(var, "FORM_TYPE"))
        return slice_eq(xml_text(value), NS_ARCHIVE)
                   ? STANZA_OK
                   : refuse(r, STANZA_BAD_REQUEST, SLICE("FORM_TYPE is not urn:xmpp:mam:2"));
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!slice_eq(var, slice_z(FIELDS[i].var)) || !is_served(&FIELDS[i], r->host))
            continue;
        struct xml second = xml_next_named(value, NS_DATA_FORMS, SLICE("value"));
        if ((r->seen & 1U << i) != 0 || (xml_some(second) && !FIELDS[i].many))
            return refuse(r, STANZA_BAD_REQUEST, SLICE("a field is there twice"));
        r->seen |= 1U << i;
        if (xml_text(value).len == 0 && !xml_some(second))
            return STANZA_OK; /* what was left empty was not asked for */
        return FIELDS[i].read(r, x, xml_text(value));
    }
    return refuse(r, STANZA_FEATURE_NOT_IMPLEMENTED, SLICE("there is no such field"));
}

static enum stanza_error read_form(struct reader *r, struct xml form)
{
    bool typed = false;
    if (!xml_some(form))
        return STANZA_OK;
    if (!slice_is(xml_attr(form, SLICE("type")), "submit"))
        return refuse(r, STANZA_BAD_REQUEST, SLICE("the form is not submitted"));
    for (struct xml x = xml_child(form, NS_DATA_FORMS, SLICE("field")); xml_some(x);
         x = xml_next_named(x, NS_DATA_FORMS, SLICE("field"))) {
        typed |= slice_is(xml_attr(x, SLICE("var")), "FORM_TYPE");
        enum stanza_error error = read_field(r, x);
        if (error != STANZA_OK)
            return error;
    }
    return typed ? STANZA_OK : refuse(r, STANZA_BAD_REQUEST, SLICE("the form has no FORM_TYPE"));
}

/* ---------------------------------------------------------------------------------------- paging
 */

/* XEP-0059: digits alone; a wish beyond all numbers is a wish. */
static bool read_max(struct slice text, uint32_t most, uint32_t *out)
{
    unsigned long long n;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    if (text.len == 0)
        return false;
    *out = slice_to_u64(text, &n) && n < most ? (uint32_t)n : most;
    return true;
}

static enum stanza_error read_paging(struct reader *r, struct xml set)
{
    struct archive_want *want = r->want;
    enum stanza_error error = STANZA_OK;
    struct xml max = xml_child(set, NS_RSM, SLICE("max"));
    struct xml after = xml_child(set, NS_RSM, SLICE("after"));
    struct xml before = xml_child(set, NS_RSM, SLICE("before"));
    if (xml_some(xml_child(set, NS_RSM, SLICE("index"))))
        return refuse(r, STANZA_FEATURE_NOT_IMPLEMENTED, SLICE("pages have no numbers here"));
    if (xml_some(max) && !read_max(xml_text(max), want->max, &want->max))
        return refuse(r, STANZA_BAD_REQUEST, SLICE("max is not a number of results"));
    want->backwards = xml_some(before);
    if (xml_text(after).len > 0) {
        want->bounded = true;
        error = refer(r, xml_text(after), true);
    }
    if (error == STANZA_OK && xml_text(before).len > 0) {
        want->bounded = true;
        error = refer(r, xml_text(before), false);
    }
    return error;
}

enum stanza_error archive_want_read(struct engine *e, const struct host_config *host,
                                    struct xml query, struct archive_want *out,
                                    struct slice *why_out)
{
    struct reader r = {.e = e, .host = host, .want = out};
    *out = (struct archive_want){.filter = ARCHIVE_VISIBLE,
                                 .to = INT64_MAX,
                                 .max = e->config->limits.mam_page,
                                 .query = xml_attr(query, SLICE("queryid"))};
    out->flip = xml_some(xml_child(query, NS_ARCHIVE, SLICE("flip-page")));
    enum stanza_error error = read_form(&r, xml_child(query, NS_DATA_FORMS, SLICE("x")));
    if (error == STANZA_OK)
        error = read_paging(&r, xml_child(query, NS_RSM, SLICE("set")));
    *why_out = r.why;
    return error;
}

void archive_want_free(struct archive_want *want)
{
    archive_address_free(&want->with);
    mem_free(want->ids);
    want->ids = NULL;
}

static bool is_with(const struct jid *with, const struct jid *other)
{
    return with->resource_len > 0 ? jid_eq(with, other) : jid_bare_eq(with, other);
}

bool archive_wanted(const struct archive_want *want, const struct jid *owner,
                    const struct stanza *s, int64_t wall_ms)
{
    const struct jid *with = &want->with;
    if (wall_ms < want->filter.wall_from || wall_ms > want->filter.wall_to)
        return false;
    if (want->no_groupchat && s->type == TYPE_GROUPCHAT)
        return false;
    if (!jid_some(with))
        return true;
    /* Section 4.1.1: of what they wrote to themselves, or all would match. */
    if (jid_bare_eq(with, owner) && (!jid_bare_eq(&s->from, owner) || !jid_bare_eq(&s->to, owner)))
        return false;
    return is_with(with, &s->from) || is_with(with, &s->to);
}

/* -------------------------------------------------------------------------------------- the form
 */

static void write_field(const char *var, const char *type, struct xml_writer *w)
{
    xml_open(w, SLICE("field"), SLICE_NONE);
    xml_attr_put(w, SLICE("type"), slice_z(type));
    xml_attr_put(w, SLICE("var"), slice_z(var));
}

void archive_form(struct iq *iq)
{
    struct xml_writer w;
    iq_result_begin(iq, &w);
    xml_open(&w, SLICE("query"), NS_ARCHIVE);
    xml_open(&w, SLICE("x"), NS_DATA_FORMS);
    xml_attr_put(&w, SLICE("type"), SLICE("form"));
    write_field("FORM_TYPE", "hidden", &w);
    xml_leaf(&w, SLICE("value"), SLICE_NONE, NS_ARCHIVE);
    xml_close(&w);
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!is_served(&FIELDS[i], iq->account->host))
            continue;
        write_field(FIELDS[i].var, FIELDS[i].type, &w);
        if (FIELDS[i].many) { /* values are not chosen from a list (XEP-0122) */
            xml_open(&w, SLICE("validate"), SLICE("http://jabber.org/protocol/xdata-validate"));
            xml_attr_put(&w, SLICE("datatype"), SLICE("xs:string"));
            xml_open(&w, SLICE("open"), SLICE_NONE);
            xml_close(&w);
            xml_close(&w);
        }
        xml_close(&w);
    }
    xml_close(&w);
    xml_close(&w);
    iq_result_end(iq, &w);
}
