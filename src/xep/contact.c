/* XEP-0157: Contact Addresses for XMPP Services (version 1.1.1). A form of XEP-0128 in what the
 * host tells of itself, when it has addresses. */
#include "core/module.h"
#include "xmpp/data_form.h"

/* The registered fields, in the order in which they are told. */
static const char *const FIELDS[] = {
    "abuse-addresses",    "admin-addresses",  "feedback-addresses", "sales-addresses",
    "security-addresses", "status-addresses", "support-addresses",
};

static void write_field(const struct host_config *host, struct slice field, struct xml_writer *w)
{
    bool open = false;
    for (size_t i = 0; i < host->contact_count; i++) {
        if (!slice_eq(host->contacts[i][0], field))
            continue;
        if (!open) {
            xml_open(w, SLICE("field"), SLICE_NONE);
            xml_attr_put(w, SLICE("var"), field);
            xml_attr_put(w, SLICE("type"), SLICE("list-multi"));
        }
        open = true;
        xml_leaf(w, SLICE("value"), SLICE_NONE, host->contacts[i][1]);
    }
    if (open)
        xml_close(w);
}

static void contact_form(struct engine *e, const struct host_config *host, struct xml_writer *w)
{
    (void)e;
    if (host->contact_count == 0)
        return;
    data_form_open(w, SLICE("result"), SLICE("http://jabber.org/network/serverinfo"));
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
        write_field(host, slice_z(FIELDS[i]), w);
    xml_close(w);
}

const struct module CONTACT_MODULE = {
    .name = "contact",
    .xep = "0157",
    .version = "1.1.1",
    .summary = "tells whom to write to about abuse, security and the like",
    .disco_forms = contact_form,
};
