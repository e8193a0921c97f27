/* Result sets in pages (XEP-0059 version 1.0), the asking side: <set/> written and read. */
#include "client/rsm.h"

#include "client/text.h"

void rsm_write(struct xml_writer *w, const struct rsm_ask *ask)
{
    char number[CLIENT_NUMBER_BYTES];
    xml_open(w, SLICE("set"), NS_RSM);
    if (ask->max > 0)
        xml_leaf(w, SLICE("max"), SLICE_NONE, client_number(ask->max, number));
    if (ask->after.ptr != NULL)
        xml_leaf(w, SLICE("after"), SLICE_NONE, ask->after);
    else if (ask->before.ptr != NULL)
        xml_leaf(w, SLICE("before"), SLICE_NONE, ask->before);
    xml_close(w);
}

static int64_t number_of(struct slice text)
{
    unsigned long long n;
    return slice_to_u64(text, &n) && n <= INT64_MAX ? (int64_t)n : -1;
}

static struct slice id_of(struct xml x)
{
    struct slice text = xml_text(x);
    return text.len > 0 ? text : SLICE_NONE;
}

void rsm_read(struct xml set, struct rsm_page *out)
{
    struct xml first = xml_child(set, NS_RSM, SLICE("first"));
    *out = (struct rsm_page){
        .first = id_of(first),
        .last = id_of(xml_child(set, NS_RSM, SLICE("last"))),
        .count = number_of(xml_text(xml_child(set, NS_RSM, SLICE("count")))),
        .index = number_of(xml_attr(first, SLICE("index"))),
    };
}
