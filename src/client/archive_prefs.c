/* Whose messages the own archive keeps: XEP-0441 version 0.2.0. */
#include <stdlib.h>

#include "client/archive.h"

enum { ADDRESSES_MAX = 1000 };

static const struct slice NAMES[] = {
    [BURBLE_ARCHIVE_ALWAYS] = {"always", 6},
    [BURBLE_ARCHIVE_NEVER] = {"never", 5},
    [BURBLE_ARCHIVE_ROSTER] = {"roster", 6},
};

struct asked {
    burble_archive_prefs_fn *fn;
    void *arg;
};

/* The addresses in an element, in memory of the view. */
static const char *const *read_list(struct burble *c, struct xml list, size_t *count_out)
{
    size_t n = xml_count_named(list, NS_ARCHIVE, SLICE("jid")), at = 0;
    n = n < ADDRESSES_MAX ? n : ADDRESSES_MAX;
    const char **out = view_array(&c->view, n, sizeof(*out));
    *count_out = 0;
    if (out == NULL)
        return NULL;
    struct xml jid = xml_child(list, NS_ARCHIVE, SLICE("jid"));
    for (; xml_some(jid) && at < n; jid = xml_next_named(jid, NS_ARCHIVE, SLICE("jid"))) {
        struct slice text = xml_text(jid);
        const char *copy = text.len > 0 ? view_string(&c->view, text) : NULL;
        if (copy != NULL)
            out[at++] = copy;
    }
    *count_out = at;
    return out;
}

static void read_prefs(struct burble *c, struct xml iq, struct burble_archive_prefs *out)
{
    struct xml prefs = xml_child(iq, NS_ARCHIVE, SLICE("prefs"));
    struct slice otherwise = xml_attr(prefs, SLICE("default"));
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (slice_eq(NAMES[i], otherwise))
            out->otherwise = (enum burble_archive_default)i;
    out->always = read_list(c, xml_child(prefs, NS_ARCHIVE, SLICE("always")), &out->always_count);
    out->never = read_list(c, xml_child(prefs, NS_ARCHIVE, SLICE("never")), &out->never_count);
}

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct asked a = *(struct asked *)arg;
    struct burble_archive_prefs_result r = {.outcome = outcome, .text = ""};
    free(arg);
    client_iq_error(c, outcome, iq, &r.error);
    if (outcome == BURBLE_IQ_RESULT)
        read_prefs(c, iq, &r.prefs);
    else
        r.text = archive_text(r.error.condition);
    if (a.fn != NULL)
        a.fn(c, &r, a.arg);
}

static int put_list(struct xml_writer *w, struct slice name, const char *const *list, size_t count)
{
    int err = count > ADDRESSES_MAX ? ERR_LIMIT : 0;
    xml_open(w, name, SLICE_NONE);
    for (size_t i = 0; i < count && err == 0; i++) {
        char *jid = NULL;
        err = list[i] != NULL ? client_copy_jid(list[i], false, &jid) : ERR_SYNTAX;
        if (err == 0)
            xml_leaf(w, SLICE("jid"), SLICE_NONE, slice_z(jid));
        free(jid);
    }
    xml_close(w);
    return err;
}

int burble_archive_prefs(struct burble *c, const struct burble_archive_prefs *prefs,
                         burble_archive_prefs_fn *fn, void *arg)
{
    struct xml_writer w;
    int err = 0;
    client_payload(c, &w);
    xml_open(&w, SLICE("prefs"), NS_ARCHIVE);
    if (prefs != NULL) {
        bool known = (unsigned)prefs->otherwise <= BURBLE_ARCHIVE_ROSTER;
        xml_attr_put(&w, SLICE("default"), NAMES[known ? prefs->otherwise : 0]);
        err = put_list(&w, SLICE("always"), prefs->always, prefs->always_count);
        if (err == 0)
            err = put_list(&w, SLICE("never"), prefs->never, prefs->never_count);
    }
    if (err != 0)
        return err;
    xml_close(&w);
    struct asked *a = client_alloc(sizeof(*a));
    if (a != NULL)
        *a = (struct asked){.fn = fn, .arg = arg};
    return client_iq_ask(c, prefs != NULL, NULL, answered, a, NULL);
}
