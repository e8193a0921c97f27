/* Publish-subscribe (XEP-0060 version 1.30.0): subscriptions and affiliations of our own (sections
 * 5.6, 5.7, 6), nodes and their configuration (section 8). */
#include <stdlib.h>

#include "client/pubsub.h"

struct own_asked {
    burble_pubsub_own_fn *fn;
    void *arg;
    char service[];
};

/* node stands on the element, or on the list around it. */
static const char *node_of(struct burble_tree *v, struct xml x, struct xml list)
{
    const char *node = view_string(v, xml_attr(x, SLICE("node")));
    return node != NULL ? node : view_string(v, xml_attr(list, SLICE("node")));
}

static bool read_subscriptions(struct burble_tree *v, struct xml list,
                               struct burble_pubsub_own *out)
{
    struct slice name = SLICE("subscription");
    struct burble_pubsub_subscription *all =
        view_array(v, xml_count_named(list, NS_PUBSUB, name), sizeof(*all));
    if (all == NULL)
        return false;
    out->subscriptions = all;
    for (struct xml x = xml_child(list, NS_PUBSUB, name); xml_some(x);
         x = xml_next_named(x, NS_PUBSUB, name)) {
        struct slice state = xml_attr(x, SLICE("subscription"));
        all[out->subscription_count++] = (struct burble_pubsub_subscription){
            .node = node_of(v, x, list),
            .jid = view_string(v, xml_attr(x, SLICE("jid"))),
            .state = state.ptr != NULL ? view_string(v, state) : "subscribed",
            .subid = view_string(v, xml_attr(x, SLICE("subid")))};
    }
    return true;
}

static bool read_affiliations(struct burble_tree *v, struct xml list, struct burble_pubsub_own *out)
{
    struct slice name = SLICE("affiliation");
    struct burble_pubsub_affiliation *all =
        view_array(v, xml_count_named(list, NS_PUBSUB, name), sizeof(*all));
    if (all == NULL)
        return false;
    out->affiliations = all;
    for (struct xml x = xml_child(list, NS_PUBSUB, name); xml_some(x);
         x = xml_next_named(x, NS_PUBSUB, name)) {
        const char *node = node_of(v, x, list);
        const char *affiliation = view_string(v, xml_attr(x, SLICE("affiliation")));
        if (node != NULL && affiliation != NULL)
            all[out->affiliation_count++] =
                (struct burble_pubsub_affiliation){.node = node, .affiliation = affiliation};
    }
    return true;
}

static void own_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct own_asked *a = arg;
    struct xml pubsub = xml_child(iq, NS_PUBSUB, SLICE("pubsub"));
    struct xml list = xml_child(pubsub, NS_PUBSUB, SLICE("subscriptions"));
    struct burble_pubsub_own out = {.outcome = outcome, .service = a->service};
    client_iq_error(c, outcome, iq, &out.error);
    if (!xml_some(list)) /* of subscribe: it stands alone */
        list = pubsub;
    if (outcome == BURBLE_IQ_RESULT &&
        (!read_subscriptions(&c->view, list, &out) ||
         !read_affiliations(&c->view, xml_child(pubsub, NS_PUBSUB, SLICE("affiliations")), &out))) {
        out = (struct burble_pubsub_own){.outcome = BURBLE_IQ_ERROR, .service = a->service};
        out.error = (struct burble_stanza_error){
            .condition = "resource-constraint", .type = "wait", .text = "out of memory"};
    }
    a->fn(c, &out, a->arg);
    free(a);
}

/* Asks with what w has written. */
static int ask_own(struct burble *c, bool set, struct xml_writer *w, const char *service,
                   burble_pubsub_own_fn *fn, void *arg)
{
    const char *of = service != NULL ? service : c->setup.bare;
    struct own_asked *a = client_alloc(sizeof(*a) + strlen(of) + 1);
    if (a == NULL)
        return ERR_MEMORY;
    a->fn = fn;
    a->arg = arg;
    memcpy(a->service, of, strlen(of) + 1);
    while (w->depth > 0)
        xml_close(w);
    return client_iq_ask(c, set, service, own_answer, a, NULL);
}

int burble_pubsub_subscribe(struct burble *c, const char *service, const char *node,
                            burble_pubsub_own_fn *fn, void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("subscribe"), node);
    xml_attr_put(&w, SLICE("jid"), slice_z(c->setup.bare));
    return ask_own(c, true, &w, service, fn, arg);
}

int burble_pubsub_unsubscribe(struct burble *c, const char *service, const char *node,
                              const char *subid, burble_iq_fn *fn, void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("unsubscribe"), node);
    xml_attr_put(&w, SLICE("jid"), slice_z(c->setup.bare));
    if (subid != NULL)
        xml_attr_put(&w, SLICE("subid"), slice_z(subid));
    return pubsub_set(c, &w, service, fn, arg);
}

int burble_pubsub_subscriptions(struct burble *c, const char *service, const char *node,
                                burble_pubsub_own_fn *fn, void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("subscriptions"), node);
    return ask_own(c, false, &w, service, fn, arg);
}

int burble_pubsub_affiliations(struct burble *c, const char *service, const char *node,
                               burble_pubsub_own_fn *fn, void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB, SLICE("affiliations"), node);
    return ask_own(c, false, &w, service, fn, arg);
}

/* --------------------------------------------------------------------------------------- nodes */

int burble_pubsub_create(struct burble *c, const char *service, const char *node,
                         const struct burble_pubsub_option *options, burble_iq_fn *fn, void *arg)
{
    struct xml_writer w = {.depth = 0};
    pubsub_write_create(c, node, options);
    return pubsub_set(c, &w, service, fn, arg);
}

int burble_pubsub_delete(struct burble *c, const char *service, const char *node, burble_iq_fn *fn,
                         void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB_OWNER, SLICE("delete"), node);
    return pubsub_set(c, &w, service, fn, arg);
}

int burble_pubsub_purge(struct burble *c, const char *service, const char *node, burble_iq_fn *fn,
                        void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB_OWNER, SLICE("purge"), node);
    return pubsub_set(c, &w, service, fn, arg);
}

int burble_pubsub_configure(struct burble *c, const char *service, const char *node,
                            const struct burble_pubsub_option *options, burble_iq_fn *fn, void *arg)
{
    struct xml_writer w;
    pubsub_open(c, &w, NS_PUBSUB_OWNER, SLICE("configure"), node);
    pubsub_put_options(&w, SLICE("node_config"), options);
    return pubsub_set(c, &w, service, fn, arg);
}

int burble_pubsub_set_config(struct burble *c, const char *service, const char *node,
                             const struct burble_form *form, burble_iq_fn *fn, void *arg)
{
    struct xml_writer w;
    char *text;
    int err = burble_form_submission(form, &text);
    if (err != 0)
        return err;
    pubsub_open(c, &w, NS_PUBSUB_OWNER, SLICE("configure"), node);
    err = pubsub_put_payload(&w, text);
    free(text);
    return err != 0 ? err : pubsub_set(c, &w, service, fn, arg);
}

struct config_asked {
    burble_pubsub_config_fn *fn;
    void *arg;
};

static void config_answer(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                          void *arg)
{
    struct config_asked a = *(struct config_asked *)arg;
    struct xml pubsub = xml_child(iq, NS_PUBSUB_OWNER, SLICE("pubsub"));
    struct xml configure = xml_child(pubsub, NS_PUBSUB_OWNER, SLICE("configure"));
    struct burble_iq answer = {
        .outcome = outcome, .iq = view_of(&c->view, iq), .payload = view_of(&c->view, pubsub)};
    struct burble_form *form = NULL;
    free(arg);
    client_iq_error(c, outcome, iq, &answer.error);
    if (outcome == BURBLE_IQ_RESULT)
        (void)burble_form_read(view_of(&c->view, configure), &form);
    a.fn(c, &answer, form, a.arg);
    burble_form_free(&form);
}

int burble_pubsub_get_config(struct burble *c, const char *service, const char *node,
                             burble_pubsub_config_fn *fn, void *arg)
{
    struct xml_writer w;
    struct config_asked *a = client_alloc(sizeof(*a));
    if (a == NULL)
        return ERR_MEMORY;
    a->fn = fn;
    a->arg = arg;
    pubsub_open(c, &w, NS_PUBSUB_OWNER, SLICE("configure"), node);
    xml_close(&w);
    xml_close(&w);
    return client_iq_ask(c, false, service, config_answer, a, NULL);
}
