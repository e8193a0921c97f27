/* burble disco: what somebody, a server or a service is and can (XEP-0030, XEP-0128). */
#include <string.h>

#include "burble/disco.h"
#include "burble/form.h"
#include "burble/session.h"
#include "burble/text.h"

enum { PAGE = 100, ITEMS_MAX = 100000 };

static const struct option_row OPTIONS[] = {
    {"items", NULL, "what belongs to it: services, rooms, nodes", 'i', false},
    {"node", "NODE", "of this node", 'n', false},
    {"find", "WHAT", "a service, by feature or category", 0, false},
    {NULL, NULL, NULL, 0, false},
};

struct work {
    const char *jid; /* NULL: the own server */
    const char *node, *find;
    bool items;
    unsigned count;
    struct buf last; /* of the page before, with a NUL; empty: this is the first */
};

/* ----------------------------------------------------------------------------------------- info */

static json_t *identities_json(const struct burble_disco_info *info)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < info->identity_count; i++) {
        const struct burble_disco_identity *k = &info->identities[i];
        json_array_append_new(
            rows, json_pack("{s:o, s:o, s:o, s:o}", "category", out_string(slice_z(k->category)),
                            "type", out_string(slice_z(k->type)), "name",
                            out_string_or_null(k->name), "lang", out_string_or_null(k->lang)));
    }
    return rows;
}

static json_t *features_json(const struct burble_disco_info *info)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < info->feature_count; i++)
        json_array_append_new(rows, out_string(slice_z(info->features[i])));
    return rows;
}

static json_t *form_json(const struct burble_form *form)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < form->field_count; i++) {
        const struct burble_field *f = &form->fields[i];
        if (f->var == NULL)
            continue;
        json_t *values = json_array(), *name = out_string(slice_z(f->var));
        for (size_t k = 0; k < f->value_count; k++)
            json_array_append_new(values, out_string(slice_z(f->values[k])));
        json_object_set_new(fields, json_string_value(name), values);
        json_decref(name);
    }
    return fields;
}

static json_t *forms_json(const struct burble_disco_info *info)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < info->form_count; i++) {
        struct burble_form *form;
        if (burble_form_read(info->forms[i], &form) == 0)
            json_array_append_new(rows, form_json(form));
        burble_form_free(&form);
    }
    return rows;
}

static void put(struct buf *line, const char *text)
{
    (void)text_show(slice_z(text), TEXT_NAME, line);
}

static bool say(struct out *out, struct buf *line)
{
    buf_byte(line, '\n');
    bool open = out_bytes(out, buf_slice(line));
    buf_clear(line);
    return open;
}

static void form_lines(struct out *out, struct buf *line, const struct burble_form *form)
{
    for (size_t i = 0; i < form->field_count; i++) {
        const struct burble_field *f = &form->fields[i];
        if (f->var == NULL)
            continue;
        buf_lit(line, "field     ");
        put(line, f->var);
        for (size_t k = 0; k < f->value_count; k++) {
            buf_add(line, k == 0 ? SLICE(" = ") : SLICE(", "));
            put(line, f->values[k]);
        }
        (void)say(out, line);
    }
}

static void info_lines(struct out *out, const struct burble_disco_info *info)
{
    struct buf line = {0};
    for (size_t i = 0; i < info->identity_count; i++) {
        const struct burble_disco_identity *k = &info->identities[i];
        buf_lit(&line, "identity  ");
        put(&line, k->category);
        buf_byte(&line, '/');
        put(&line, k->type);
        if (k->name != NULL) {
            buf_lit(&line, "  ");
            put(&line, k->name);
        }
        (void)say(out, &line);
    }
    for (size_t i = 0; i < info->feature_count; i++) {
        buf_lit(&line, "feature   ");
        put(&line, info->features[i]);
        (void)say(out, &line);
    }
    for (size_t i = 0; i < info->form_count; i++) {
        struct burble_form *form;
        if (burble_form_read(info->forms[i], &form) == 0)
            form_lines(out, &line, form);
        burble_form_free(&form);
    }
    buf_free(&line);
}

static void on_info(struct burble *c, const struct burble_disco_info *info, void *arg)
{
    struct session *s = arg;
    const struct work *w = s->arg;
    struct out *out = &s->app->out;
    (void)c;
    if (info->outcome != BURBLE_IQ_RESULT) {
        session_refused(s, w->find != NULL ? w->find : info->from, info->outcome, &info->error);
        return;
    }
    if (out->json)
        (void)out_json(out, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", "info", "jid",
                                      out_string(slice_z(info->from)), "node",
                                      out_string_or_null(info->node), "identities",
                                      identities_json(info), "features", features_json(info),
                                      "forms", forms_json(info)));
    if (w->find != NULL && !out->json)
        (void)out_line(out, "address   %s", info->from);
    if (!out->json)
        info_lines(out, info);
    session_end(s, EXIT_DONE);
}

/* ---------------------------------------------------------------------------------------- items */

static bool show_item(struct out *out, const struct burble_disco_item *i)
{
    struct buf line = {0};
    if (out->json)
        return out_json(out,
                        json_pack("{s:s, s:o, s:o, s:o}", "kind", "item", "jid",
                                  out_string(slice_z(i->jid)), "node", out_string_or_null(i->node),
                                  "name", out_string_or_null(i->name)));
    put(&line, i->jid);
    if (i->node != NULL) {
        buf_lit(&line, "  node ");
        put(&line, i->node);
    }
    if (i->name != NULL) {
        buf_lit(&line, "  ");
        put(&line, i->name);
    }
    bool open = say(out, &line);
    buf_free(&line);
    return open;
}

static void ask_items(struct session *s);

static void on_items(struct burble *c, const struct burble_disco_items *items, void *arg)
{
    struct session *s = arg;
    struct work *w = s->arg;
    bool open = true;
    (void)c;
    if (items->outcome != BURBLE_IQ_RESULT) {
        session_refused(s, items->from, items->outcome, &items->error);
        return;
    }
    for (size_t i = 0; i < items->item_count && open; i++)
        open = show_item(&s->app->out, &items->items[i]);
    w->count += (unsigned)items->item_count;
    /* A page that is not full is the last one; so is one that brings us nowhere. */
    bool more = open && items->item_count >= PAGE && items->last != NULL && w->count < ITEMS_MAX &&
                (buf_len(&w->last) == 0 || strcmp(items->last, buf_slice(&w->last).ptr) != 0);
    buf_clear(&w->last);
    if (more && buf_append(&w->last, items->last, strlen(items->last) + 1) == 0)
        ask_items(s);
    else
        session_end(s, EXIT_DONE);
}

/* ------------------------------------------------------------------------------------ the command
 */

static void begun(struct session *s, int err)
{
    const struct work *w = s->arg;
    if (err == BURBLE_ERR_SYNTAX)
        session_end(s, app_fail(s->app, EXIT_USAGE, "no address, or no node: %s",
                                w->jid != NULL ? w->jid : w->node));
    else if (err != 0)
        session_end(s, app_fail(s->app, EXIT_REFUSED, "%s", burble_error_text(err)));
}

static void ask_items(struct session *s)
{
    const struct work *w = s->arg;
    struct burble_disco_page page = {
        .max = PAGE, .after = buf_len(&w->last) > 0 ? buf_slice(&w->last).ptr : NULL};
    begun(s, burble_disco_items(s->client, w->jid, w->node, &page, on_items, s, NULL));
}

static void online(struct session *s, bool resumed)
{
    const struct work *w = s->arg;
    if (resumed)
        return;
    if (w->items) {
        ask_items(s);
        return;
    }
    if (w->find == NULL) {
        begun(s, burble_disco_info(s->client, w->jid, w->node, on_info, s, NULL));
        return;
    }
    /* Features are URIs, or begin with "jabber:"; categories are words. */
    bool feature = strchr(w->find, ':') != NULL;
    begun(s, burble_find_service(s->client,
                                 &(struct burble_service){.feature = feature ? w->find : NULL,
                                                          .category = feature ? NULL : w->find},
                                 on_info, s));
}

static int run(struct app *app, int argc, char **argv)
{
    static const struct session_ops OPS = {.online = online};
    struct work w = {.jid = argc > 0 ? argv[0] : NULL,
                     .node = app_option(app, "node"),
                     .find = app_option(app, "find"),
                     .items = app_option(app, "items") != NULL};
    struct session s;
    if (w.find != NULL && (w.items || w.node != NULL || w.jid != NULL))
        return app_fail(app, EXIT_USAGE, "--find looks among the services of your own server");
    int status = session_open(app, &OPS, &w, NULL, &s);
    if (status == 0)
        status = session_run(&s);
    session_close(&s);
    buf_free(&w.last);
    return status;
}

const struct command CMD_DISCO = {
    .name = "disco",
    .shown = "[JID]",
    .args_max = 1,
    .account = true,
    .options = OPTIONS,
    .line = "show what a server or somebody is and can",
    .help = "Says what is at an address and which features it has; without an address, your\n"
            "own server. With --items it lists what belongs to it: the services of a server,\n"
            "the rooms of a service.",
    .run = run,
};
