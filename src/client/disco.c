/* Service discovery (XEP-0030, version 2.5.0): asking, and reading what comes back. */
#include "client/disco.h"

#include <stdlib.h>

#include "client/rsm.h"

struct ask {
    union {
        burble_disco_info_fn *info;
        burble_disco_items_fn *items;
    } fn;
    void *arg;
    char *node; /* behind it */
    char text[];
};

/* Whom and which node: the address and the node live behind the request. */
static struct ask *ask_new(const char *jid, const char *node, void *arg)
{
    size_t jid_len = strlen(jid) + 1, node_len = node != NULL ? strlen(node) + 1 : 0;
    struct ask *a = client_alloc(sizeof(*a) + jid_len + node_len);
    if (a == NULL)
        return NULL;
    a->arg = arg;
    memcpy(a->text, jid, jid_len);
    if (node != NULL) {
        a->node = a->text + jid_len;
        memcpy(a->node, node, node_len);
    }
    return a;
}

/* A slice that is there but cannot be copied is a lack of memory. */
static bool put(struct burble_tree *view, struct slice s, const char **out)
{
    *out = view_string(view, s);
    return *out != NULL || s.ptr == NULL;
}

static bool read_identities(struct burble_tree *view, struct xml query,
                            struct burble_disco_info *out)
{
    struct slice name = SLICE("identity");
    size_t n = xml_count_named(query, NS_DISCO_INFO, name);
    struct burble_disco_identity *all = view_array(view, n, sizeof(*all));
    if (all == NULL)
        return false;
    out->identities = all;
    for (struct xml x = xml_child(query, NS_DISCO_INFO, name); xml_some(x);
         x = xml_next_named(x, NS_DISCO_INFO, name)) {
        struct slice category = xml_attr(x, SLICE("category")), type = xml_attr(x, SLICE("type"));
        struct burble_disco_identity *i = &all[out->identity_count];
        struct slice lang = xml_lang(x);
        if (category.len == 0 || type.ptr == NULL)
            continue;
        if (!put(view, category, &i->category) || !put(view, type, &i->type) ||
            !put(view, xml_attr(x, SLICE("name")), &i->name) ||
            !put(view, lang.len > 0 ? lang : SLICE_NONE, &i->lang))
            return false;
        out->identity_count++;
    }
    return true;
}

static bool read_features(struct burble_tree *view, struct xml query, struct burble_disco_info *out)
{
    struct slice name = SLICE("feature");
    size_t n = xml_count_named(query, NS_DISCO_INFO, name);
    const char **all = view_array(view, n, sizeof(*all));
    if (all == NULL)
        return false;
    out->features = all;
    for (struct xml x = xml_child(query, NS_DISCO_INFO, name); xml_some(x);
         x = xml_next_named(x, NS_DISCO_INFO, name)) {
        struct slice var = xml_attr(x, SLICE("var"));
        if (var.len == 0)
            continue;
        if (!put(view, var, &all[out->feature_count]))
            return false;
        out->feature_count++;
    }
    return true;
}

static bool read_forms(struct burble_tree *view, struct xml query, struct burble_disco_info *out)
{
    size_t n = xml_count_named(query, NS_DATA_FORMS, SLICE("x"));
    struct burble_xml *all = view_array(view, n, sizeof(*all));
    if (all == NULL)
        return false;
    out->forms = all;
    for (struct xml x = xml_child(query, NS_DATA_FORMS, SLICE("x")); xml_some(x);
         x = xml_next_named(x, NS_DATA_FORMS, SLICE("x")))
        all[out->form_count++] = view_of(view, x);
    return true;
}

bool disco_read(struct burble_tree *view, struct xml query, struct burble_disco_info *out)
{
    out->query = view_of(view, query);
    return read_identities(view, query, out) && read_features(view, query, out) &&
           read_forms(view, query, out);
}

static const struct burble_stanza_error NO_MEMORY = {
    .condition = "resource-constraint", .type = "wait", .text = "out of memory"};
static const struct burble_stanza_error NO_ANSWER = {
    .condition = "undefined-condition", .type = "cancel", .text = "the answer has no content"};

static void info_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    static const char *const NOTHING[] = {NULL};
    struct ask *a = arg;
    struct burble_disco_info info = {.outcome = outcome, .from = a->text, .node = a->node};
    struct xml query = xml_child(iq, NS_DISCO_INFO, SLICE("query"));
    client_iq_error(c, outcome, iq, &info.error);
    bool read = outcome != BURBLE_IQ_RESULT || disco_read(&c->view, query, &info);
    if (outcome == BURBLE_IQ_RESULT && (!read || !xml_some(query))) {
        info = (struct burble_disco_info){
            .outcome = BURBLE_IQ_ERROR, .from = a->text, .node = a->node};
        info.error = read ? NO_ANSWER : NO_MEMORY;
    }
    if (info.features == NULL)
        info.features = NOTHING;
    a->fn.info(c, &info, a->arg);
    free(a);
}

static bool read_items(struct burble_tree *view, struct xml query, struct burble_disco_items *out)
{
    struct slice name = SLICE("item");
    struct burble_disco_item *all =
        view_array(view, xml_count_named(query, NS_DISCO_ITEMS, name), sizeof(*all));
    if (all == NULL)
        return false;
    out->items = all;
    for (struct xml x = xml_child(query, NS_DISCO_ITEMS, name); xml_some(x);
         x = xml_next_named(x, NS_DISCO_ITEMS, name)) {
        struct burble_disco_item *i = &all[out->item_count];
        struct slice jid = xml_attr(x, SLICE("jid"));
        if (jid.len == 0)
            continue;
        if (!put(view, jid, &i->jid) || !put(view, xml_attr(x, SLICE("node")), &i->node) ||
            !put(view, xml_attr(x, SLICE("name")), &i->name))
            return false;
        out->item_count++;
    }
    struct rsm_page page;
    rsm_read(xml_child(query, NS_RSM, SLICE("set")), &page);
    return put(view, page.last, &out->last);
}

static void items_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct ask *a = arg;
    struct burble_disco_items items = {.outcome = outcome, .from = a->text, .node = a->node};
    struct xml query = xml_child(iq, NS_DISCO_ITEMS, SLICE("query"));
    client_iq_error(c, outcome, iq, &items.error);
    bool read = outcome != BURBLE_IQ_RESULT || read_items(&c->view, query, &items);
    if (outcome == BURBLE_IQ_RESULT && (!read || !xml_some(query))) {
        items = (struct burble_disco_items){
            .outcome = BURBLE_IQ_ERROR, .from = a->text, .node = a->node};
        items.error = read ? NO_ANSWER : NO_MEMORY;
    }
    a->fn.items(c, &items, a->arg);
    free(a);
}

static void open_query(struct burble *c, struct xml_writer *w, struct slice ns, const char *node)
{
    client_payload(c, w);
    xml_open(w, SLICE("query"), ns);
    if (node != NULL)
        xml_attr_put(w, SLICE("node"), slice_z(node));
}

int burble_disco_info(struct burble *c, const char *jid, const char *node, burble_disco_info_fn *fn,
                      void *arg, uint64_t *handle_out)
{
    const char *to = jid != NULL ? jid : c->setup.domain;
    struct xml_writer w;
    struct ask *a = ask_new(to, node, arg);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn.info = fn;
    open_query(c, &w, NS_DISCO_INFO, node);
    xml_close(&w);
    return client_iq_ask(c, false, to, info_answer, a, handle_out);
}

int burble_disco_items(struct burble *c, const char *jid, const char *node,
                       const struct burble_disco_page *page, burble_disco_items_fn *fn, void *arg,
                       uint64_t *handle_out)
{
    const char *to = jid != NULL ? jid : c->setup.domain;
    struct xml_writer w;
    struct ask *a = ask_new(to, node, arg);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn.items = fn;
    open_query(c, &w, NS_DISCO_ITEMS, node);
    if (page != NULL)
        rsm_write(&w, &(struct rsm_ask){.max = page->max, .after = slice_z(page->after)});
    xml_close(&w);
    return client_iq_ask(c, false, to, items_answer, a, handle_out);
}

bool burble_disco_has(const struct burble_disco_info *info, const char *feature)
{
    for (size_t i = 0; i < info->feature_count; i++)
        if (strcmp(info->features[i], feature) == 0)
            return true;
    return false;
}

bool burble_disco_is(const struct burble_disco_info *info, const char *category, const char *type)
{
    for (size_t i = 0; i < info->identity_count; i++)
        if (strcmp(info->identities[i].category, category) == 0 &&
            (type == NULL || strcmp(info->identities[i].type, type) == 0))
            return true;
    return false;
}
