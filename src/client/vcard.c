/* vCards: vcard-temp (XEP-0054 version 1.3.0) and vCard4 over PEP (XEP-0292 version 0.12.0, RFC
 * 6351). The common fields are read and written; all others are kept as they came. */
#include "burble/vcard.h"

#include <stdlib.h>

#include "base/base64.h"
#include "client/picture.h"
#include "client/pubsub.h"

#define NS_VCARD4   SLICE("urn:ietf:params:xml:ns:vcard-4.0")
#define VCARD4_NODE "urn:xmpp:vcard4"

/* Where a field stands: in an element, or in an element of that. */
struct row {
    const char *outer, *inner; /* inner NULL: the text of outer */
    size_t at;                 /* of the field */
};
#define FIELD(name) offsetof(struct burble_vcard, name)

struct layout {
    struct slice ns, name;
    const struct row *rows;
    size_t count;
};

static const struct row ROWS[] = {
    {"FN", NULL, FIELD(full_name)},
    {"NICKNAME", NULL, FIELD(nickname)},
    {"N", "FAMILY", FIELD(family)},
    {"N", "GIVEN", FIELD(given)},
    {"EMAIL", "USERID", FIELD(email)},
    {"TEL", "NUMBER", FIELD(phone)},
    {"URL", NULL, FIELD(url)},
    {"BDAY", NULL, FIELD(birthday)},
    {"ORG", "ORGNAME", FIELD(organisation)},
    {"TITLE", NULL, FIELD(title)},
    {"DESC", NULL, FIELD(note)},
};
static const struct row ROWS4[] = {
    {"fn", "text", FIELD(full_name)},     {"nickname", "text", FIELD(nickname)},
    {"n", "surname", FIELD(family)},      {"n", "given", FIELD(given)},
    {"email", "text", FIELD(email)},      {"tel", "text", FIELD(phone)},
    {"url", "uri", FIELD(url)},           {"bday", "date", FIELD(birthday)},
    {"org", "text", FIELD(organisation)}, {"title", "text", FIELD(title)},
    {"note", "text", FIELD(note)},
};
static const struct layout TEMP = {
    {"vcard-temp", 10}, {"vCard", 5}, ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const struct layout FOUR = {{"urn:ietf:params:xml:ns:vcard-4.0", 32},
                                   {"vcard", 5},
                                   ROWS4,
                                   sizeof(ROWS4) / sizeof(ROWS4[0])};

static const char **field(const struct burble_vcard *v, const struct row *r)
{
    return (const char **)(void *)((char *)(uintptr_t)v + r->at);
}

/* The first element that has the field; no node: there is none. */
static struct xml find(const struct layout *f, struct xml card, const struct row *r)
{
    struct slice outer = slice_z(r->outer), inner = slice_z(r->inner);
    struct xml x = xml_child(card, f->ns, outer);
    while (xml_some(x) && r->inner != NULL && !xml_some(xml_child(x, f->ns, inner)))
        x = xml_next_named(x, f->ns, outer);
    return x;
}

static bool is_same(struct xml a, struct xml b)
{
    return xml_some(a) && a.tree == b.tree && a.at == b.at;
}

/* ------------------------------------------------------------------------------------- reading */

/* False: no memory; half of a card would be taken for all of it. */
static bool read_fields(struct burble *c, const struct layout *f, struct xml card,
                        struct burble_vcard *out)
{
    out->xml = view_of(&c->view, card);
    for (size_t i = 0; i < f->count; i++) {
        struct xml x = find(f, card, &f->rows[i]);
        if (f->rows[i].inner != NULL)
            x = xml_child(x, f->ns, slice_z(f->rows[i].inner));
        if (xml_text(x).len == 0)
            continue;
        *field(out, &f->rows[i]) = view_string(&c->view, xml_text(x));
        if (*field(out, &f->rows[i]) == NULL)
            return false;
    }
    return true;
}

static void read_photo(struct burble *c, struct xml card, struct burble_vcard_answer *out)
{
    struct xml photo = xml_child(card, NS_VCARD, SLICE("PHOTO"));
    struct slice type = xml_text(xml_child(photo, NS_VCARD, SLICE("TYPE"))), data;
    int err = picture_decode(c, xml_child(photo, NS_VCARD, SLICE("BINVAL")), &data);
    out->photo_too_big = err == ERR_LIMIT;
    if (err != 0)
        return;
    out->vcard.photo = data.ptr;
    out->vcard.photo_len = data.len;
    if (type.len > 0)
        out->vcard.photo_type = view_string(&c->view, type);
}

struct asked {
    burble_vcard_fn *fn;
    void *arg;
    char jid[];
};

static struct asked *asked_new(const struct burble *c, const char *jid, burble_vcard_fn *fn,
                               void *arg)
{
    const char *of = jid != NULL ? jid : c->setup.bare;
    struct asked *a = client_alloc(sizeof(*a) + strlen(of) + 1);
    if (a == NULL)
        return NULL;
    a->fn = fn;
    a->arg = arg;
    memcpy(a->jid, of, strlen(of) + 1);
    return a;
}

/* What came with the answer, or why it cannot be had. */
static void take_card(struct burble *c, const struct layout *f, struct xml card,
                      struct burble_vcard_answer *out)
{
    if (xml_some(card) && read_fields(c, f, card, &out->vcard))
        return;
    out->outcome = BURBLE_IQ_ERROR;
    out->vcard = (struct burble_vcard){0};
    out->error = xml_some(card) ? (struct burble_stanza_error){.condition = "resource-constraint",
                                                               .type = "wait",
                                                               .text = "out of memory"}
                                : (struct burble_stanza_error){.condition = "item-not-found",
                                                               .type = "cancel",
                                                               .text = "there is no vCard"};
}

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct asked *a = arg;
    struct burble_vcard_answer out = {.outcome = outcome, .jid = a->jid};
    struct xml card = xml_child(iq, NS_VCARD, SLICE("vCard"));
    client_iq_error(c, outcome, iq, &out.error);
    if (outcome == BURBLE_IQ_RESULT)
        take_card(c, &TEMP, card, &out);
    if (out.outcome == BURBLE_IQ_RESULT)
        read_photo(c, card, &out);
    a->fn(c, &out, a->arg);
    free(a);
}

int burble_vcard_get(struct burble *c, const char *jid, burble_vcard_fn *fn, void *arg,
                     uint64_t *handle_out)
{
    struct xml_writer w;
    client_payload(c, &w);
    xml_open(&w, TEMP.name, TEMP.ns);
    xml_close(&w);
    return client_iq_ask(c, false, jid, answered, asked_new(c, jid, fn, arg), handle_out);
}

static void answered4(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct asked *a = arg;
    struct burble_vcard_answer out = {.outcome = outcome, .jid = a->jid};
    struct xml pubsub = xml_child(iq, NS_PUBSUB, SLICE("pubsub"));
    struct xml items = xml_child(pubsub, NS_PUBSUB, SLICE("items"));
    struct xml card = xml_child(xml_child(items, NS_PUBSUB, SLICE("item")), FOUR.ns, FOUR.name);
    client_iq_error(c, outcome, iq, &out.error);
    if (outcome == BURBLE_IQ_RESULT)
        take_card(c, &FOUR, card, &out);
    a->fn(c, &out, a->arg);
    free(a);
}

int burble_vcard4_get(struct burble *c, const char *jid, burble_vcard_fn *fn, void *arg,
                      uint64_t *handle_out)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("items"), VCARD4_NODE);
    xml_attr_put(&w, SLICE("max_items"), SLICE("1"));
    xml_close(&w);
    xml_close(&w);
    return client_iq_ask(c, false, jid, answered4, asked_new(c, jid, fn, arg), handle_out);
}

/* ------------------------------------------------------------------------------------- writing */

/* Does one of the rows of this outer element own the inner one? */
static bool owns(const struct layout *f, const char *outer, struct slice inner)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->rows[i].outer, outer) == 0 && f->rows[i].inner != NULL &&
            slice_eq(slice_z(f->rows[i].inner), inner))
            return true;
    return false;
}

/* The element with all fields that stand in it, and what else the old one had (no node: there is no
 * old one). Without anything it is left out. */
static void write_outer(struct xml_writer *w, const struct layout *f, const struct burble_vcard *v,
                        const struct row *first, struct xml old)
{
    bool some = false;
    for (size_t i = 0; i < f->count; i++)
        some |= strcmp(f->rows[i].outer, first->outer) == 0 && *field(v, &f->rows[i]) != NULL;
    if (!some)
        return;
    xml_open(w, slice_z(first->outer), SLICE_NONE);
    if (first->inner == NULL)
        xml_text_put(w, slice_z(*field(v, first)));
    for (struct xml x = xml_first_element(old); xml_some(x) && first->inner != NULL;
         x = xml_next_element(x))
        if (!owns(f, first->outer, xml_name(x)))
            xml_node_put(w, x);
    for (size_t i = 0; i < f->count && first->inner != NULL; i++)
        if (strcmp(f->rows[i].outer, first->outer) == 0 && *field(v, &f->rows[i]) != NULL)
            xml_leaf(w, slice_z(f->rows[i].inner), SLICE_NONE, slice_z(*field(v, &f->rows[i])));
    xml_close(w);
}

/* The first row whose field stands in this element; NULL: it has none of ours. */
static const struct row *row_of(const struct layout *f, struct xml card, struct xml x)
{
    for (size_t i = 0; i < f->count; i++)
        if (is_same(find(f, card, &f->rows[i]), x))
            return &f->rows[i];
    return NULL;
}

/* Is it written with an element that was there, or with an earlier row? */
static bool is_written(const struct layout *f, struct xml card, size_t i)
{
    for (size_t k = 0; k < f->count; k++)
        if (strcmp(f->rows[k].outer, f->rows[i].outer) == 0 &&
            (k < i || xml_some(find(f, card, &f->rows[k]))))
            return true;
    return false;
}

static void write_card(struct xml_writer *w, const struct layout *f, const struct burble_vcard *v)
{
    struct xml card = view_xml(v->xml);
    if (!xml_is(card, f->ns, f->name))
        card = XML_NONE;
    xml_open(w, f->name, f->ns);
    for (struct xml x = xml_first_element(card); xml_some(x); x = xml_next_element(x)) {
        const struct row *r = row_of(f, card, x);
        if (r != NULL)
            write_outer(w, f, v, r, x);
        else if (v->photo == NULL || !xml_is(x, NS_VCARD, SLICE("PHOTO")))
            xml_node_put(w, x);
    }
    for (size_t i = 0; i < f->count; i++)
        if (!is_written(f, card, i))
            write_outer(w, f, v, &f->rows[i], XML_NONE);
}

static void nobody(struct burble *c, const struct burble_iq *answer, void *arg)
{
    (void)c, (void)answer, (void)arg;
}

int burble_vcard_set(struct burble *c, const struct burble_vcard *vcard, burble_iq_fn *fn,
                     void *arg)
{
    struct xml_writer w;
    struct buf photo = {0};
    if (vcard->photo != NULL && vcard->photo_len > picture_max(c))
        return ERR_LIMIT;
    client_payload(c, &w);
    write_card(&w, &TEMP, vcard);
    if (vcard->photo != NULL && vcard->photo_len > 0) {
        (void)base64_append(&photo, slice_of(vcard->photo, vcard->photo_len));
        xml_open(&w, SLICE("PHOTO"), SLICE_NONE);
        if (vcard->photo_type != NULL)
            xml_leaf(&w, SLICE("TYPE"), SLICE_NONE, slice_z(vcard->photo_type));
        xml_leaf(&w, SLICE("BINVAL"), SLICE_NONE, buf_slice(&photo));
        xml_close(&w);
    }
    xml_close(&w);
    c->work.failed |= photo.failed;
    buf_free(&photo);
    buf_byte(&c->work, '\0');
    if (c->work.failed)
        return ERR_MEMORY;
    return burble_set(c, NULL, buf_slice(&c->work).ptr, 0, fn != NULL ? fn : nobody, arg, NULL);
}

int burble_vcard4_set(struct burble *c, const struct burble_vcard *vcard, burble_iq_fn *fn,
                      void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("publish"), VCARD4_NODE);
    xml_open(&w, SLICE("item"), SLICE_NONE);
    xml_attr_put(&w, SLICE("id"), SLICE("current"));
    write_card(&w, &FOUR, vcard);
    return pubsub_set(c, &w, NULL, fn, arg);
}
