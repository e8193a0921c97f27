/* The modules as a DOAP file (XEP-0453: DOAP usage in XMPP, version 0.1.2) and as a table. */
#include "xep/doap.h"

#include <stdlib.h>

#include "base/mem.h"

#define NS_RDF  "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
#define NS_DOAP "http://usefulinc.com/ns/doap#"
#define NS_XMPP "https://linkmauve.fr/ns/xmpp-doap#"

static const char *const RFCS[] = {"5802", "6120", "6121", "7590", "7622", "7677", "9266"};

static int by_number(const void *a, const void *b)
{
    const struct module *const *x = a, *const *y = b;
    return strcmp((*x)->xep, (*y)->xep);
}

/* Those that follow a XEP, sorted; the caller frees the array. */
static const struct module **with_xep(const struct module *const *modules, size_t *n_out)
{
    size_t total = 0, n = 0;
    while (modules[total] != NULL)
        total++;
    const struct module **list = mem_array(total + 1, sizeof(struct module *));
    for (size_t i = 0; i < total; i++)
        if (modules[i]->xep != NULL)
            list[n++] = modules[i];
    qsort(list, n, sizeof(struct module *), by_number);
    *n_out = n;
    return list;
}

static void write_xep(const struct module *m, struct buf *out)
{
    buf_lit(out, "    <implements>\n      <xmpp:SupportedXep>\n");
    buf_printf(out,
               "        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-%s.html'/>\n"
               "        <xmpp:status>%s</xmpp:status>\n"
               "        <xmpp:version>%s</xmpp:version>\n"
               "        <xmpp:note xml:lang='en'>",
               m->xep, m->status != NULL ? m->status : "complete", m->version);
    xml_write_text(out, slice_z(m->summary));
    buf_lit(out, "</xmpp:note>\n      </xmpp:SupportedXep>\n    </implements>\n");
}

void doap_write(const struct module *const *modules, struct buf *out)
{
    size_t n;
    const struct module **list = with_xep(modules, &n);
    buf_lit(out, "<?xml version='1.0' encoding='UTF-8'?>\n"
                 "<rdf:RDF xmlns:rdf='" NS_RDF "'\n"
                 "         xmlns='" NS_DOAP "'\n"
                 "         xmlns:xmpp='" NS_XMPP "'>\n"
                 "  <Project>\n"
                 "    <name>burble</name>\n"
                 "    <shortdesc xml:lang='en'>XMPP server</shortdesc>\n"
                 "    <programming-language>C</programming-language>\n"
                 "    <os>Linux</os>\n"
                 "    <license rdf:resource='https://spdx.org/licenses/Apache-2.0'/>\n"
                 "    <category rdf:resource='" NS_XMPP "category-server'/>\n");
    for (size_t i = 0; i < sizeof(RFCS) / sizeof(RFCS[0]); i++)
        buf_printf(out, "    <implements rdf:resource='https://xmpp.org/rfcs/rfc%s.html'/>\n",
                   RFCS[i]);
    for (size_t i = 0; i < n; i++)
        write_xep(list[i], out);
    buf_lit(out, "  </Project>\n</rdf:RDF>\n");
    mem_free(list);
}

void doap_write_table(const struct module *const *modules, struct buf *out)
{
    size_t n;
    const struct module **list = with_xep(modules, &n);
    buf_lit(out, "| XEP | version | |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "| [%s](https://xmpp.org/extensions/xep-%s.html) | %s%s%s | %s |\n",
                   list[i]->xep, list[i]->xep, list[i]->version, list[i]->status ? ", " : "",
                   list[i]->status ? list[i]->status : "", list[i]->summary);
    mem_free(list);
}
