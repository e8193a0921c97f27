/* What an archive can do, by the fields that its form offers (XEP-0313 version 1.1.3, section
 * 4.1.5): extended queries, words (XEP-0431 version 0.2.0, and the field of older servers), what
 * was said in rooms. */
#include <stdlib.h>

#include "client/archive.h"

void archive_read_form(struct xml answer, struct burble_archive_abilities *out,
                       struct slice *text_field_out)
{
    struct xml query = xml_child(answer, NS_ARCHIVE, SLICE("query"));
    struct xml x = xml_child(query, NS_DATA_FORMS, SLICE("x"));
    struct xml field = xml_child(x, NS_DATA_FORMS, SLICE("field"));
    struct slice old = SLICE_NONE, text = SLICE_NONE;
    for (; xml_some(field); field = xml_next_named(field, NS_DATA_FORMS, SLICE("field"))) {
        struct slice name = xml_attr(field, SLICE("var"));
        if (slice_is(name, "before-id"))
            out->extended = true;
        else if (slice_is(name, "include-groupchat"))
            out->groupchat = true;
        else if (slice_is(name, "{urn:xmpp:fulltext:0}fulltext"))
            text = name;
        else if (slice_is(name, "withtext"))
            old = name;
    }
    if (text.len == 0)
        text = old;
    out->search = text.len > 0;
    if (text_field_out != NULL)
        *text_field_out = text;
}

struct look {
    burble_archive_look_fn *fn;
    void *arg;
};

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct look l = *(struct look *)arg;
    struct burble_archive_abilities can = {.outcome = outcome, .text = ""};
    free(arg);
    client_iq_error(c, outcome, iq, &can.error);
    if (outcome == BURBLE_IQ_RESULT)
        archive_read_form(iq, &can, NULL);
    else
        can.text = archive_text(can.error.condition);
    l.fn(c, &can, l.arg);
}

int burble_archive_look(struct burble *c, const char *archive, burble_archive_look_fn *fn,
                        void *arg)
{
    struct xml_writer w;
    struct look *l = client_alloc(sizeof(*l));
    if (l != NULL)
        *l = (struct look){.fn = fn, .arg = arg};
    client_payload(c, &w);
    xml_open(&w, SLICE("query"), NS_ARCHIVE);
    xml_close(&w);
    return client_iq_ask(c, false, archive, answered, l, NULL);
}
