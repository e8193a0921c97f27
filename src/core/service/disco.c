/* What the host and its accounts say of themselves: XEP-0030 section 3, XEP-0128. */
#include "core/service/disco.h"

#include "core/hooks.h"

enum whose { HOST, ACCOUNT };

static const char *const *features_of(const struct module *m, enum whose whose,
                                      const struct host_config *host)
{
    if (whose == HOST)
        return m->host_features;
    return m->serves == NULL || m->serves(host) ? m->account_features : NULL;
}

/* Did a module before module `last`, or this one before feature `to`, name the same? */
static bool named_before(const struct module *const *modules, unsigned last, unsigned to,
                         enum whose whose, const struct host_config *host, const char *feature)
{
    for (unsigned i = 0; i <= last; i++) {
        const char *const *list = features_of(modules[i], whose, host);
        for (unsigned k = 0; list != NULL && list[k] != NULL && (i < last || k < to); k++)
            if (strcmp(list[k], feature) == 0)
                return true;
    }
    return false;
}

static void write_features(struct engine *e, enum whose whose, const struct host_config *host,
                           struct xml_writer *w)
{
    unsigned n;
    const struct module *const *modules = hooks_modules(e, &n);
    for (unsigned i = 0; i < n; i++) {
        const char *const *list = features_of(modules[i], whose, host);
        for (unsigned k = 0; list != NULL && list[k] != NULL; k++) {
            if (named_before(modules, i, k, whose, host, list[k]))
                continue;
            xml_open(w, SLICE("feature"), SLICE_NONE);
            xml_attr_put(w, SLICE("var"), slice_z(list[k]));
            xml_close(w);
        }
    }
}

static void open_query(struct xml_writer *w, struct slice node, struct slice category,
                       struct slice type)
{
    xml_open(w, SLICE("query"), NS_DISCO_INFO);
    if (node.ptr != NULL)
        xml_attr_put(w, SLICE("node"), node);
    xml_open(w, SLICE("identity"), SLICE_NONE);
    xml_attr_put(w, SLICE("category"), category);
    xml_attr_put(w, SLICE("type"), type);
}

void disco_host_info(struct engine *e, const struct host_config *host, struct slice node,
                     struct xml_writer *w)
{
    open_query(w, node, SLICE("server"), SLICE("im"));
    xml_attr_put(w, SLICE("name"), SLICE("burble"));
    xml_close(w);
    write_features(e, HOST, host, w);
    hooks_disco_forms(e, host, w);
    xml_close(w);
}

void disco_account_info(struct engine *e, const struct host_config *host, struct slice node,
                        struct xml_writer *w)
{
    open_query(w, node, SLICE("account"), SLICE("registered"));
    xml_close(w);
    write_features(e, ACCOUNT, host, w);
    xml_close(w);
}

bool disco_ask_node(struct iq *iq, struct slice node)
{
    return hooks_disco_node(iq, node);
}
