/* Ad-hoc commands (XEP-0050 1.3.0), the side that runs them: one object per execution, which owns
 * the session's id and the form of the present step. */
#include "burble/adhoc.h"

#include <stdlib.h>
#include <string.h>

#include "client/adhoc.h"

enum { NOTES_MAX = 100, ANSWER_MS = 60000 };

struct burble_adhoc {
    struct client_extension x;
    burble_adhoc_fn *fn;
    void *arg;
    char *jid, *node;
    char *session; /* NULL: not known yet */
    struct burble_form *form;
    unsigned actions; /* permitted now; 0: it is over, or has not begun */
    uint64_t handle;  /* of the request under way; 0: none */
};

static const struct {
    enum burble_adhoc_action action;
    const char *name;
} ACTIONS[] = {
    {BURBLE_ADHOC_EXECUTE, "execute"}, {BURBLE_ADHOC_PREV, "prev"},
    {BURBLE_ADHOC_NEXT, "next"},       {BURBLE_ADHOC_COMPLETE, "complete"},
    {BURBLE_ADHOC_CANCEL, "cancel"},
};

const char *adhoc_action_name(enum burble_adhoc_action action)
{
    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(ACTIONS[0]); i++)
        if (ACTIONS[i].action == action)
            return ACTIONS[i].name;
    return NULL;
}

bool adhoc_action_read(struct slice name, enum burble_adhoc_action *out)
{
    *out = BURBLE_ADHOC_EXECUTE;
    if (name.ptr == NULL)
        return true;
    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(ACTIONS[0]); i++) {
        if (slice_eq(name, slice_z(ACTIONS[i].name))) {
            *out = ACTIONS[i].action;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------------------------- listing */

struct listing {
    burble_disco_items_fn *fn;
    void *arg;
    char jid[];
};

/* An item that says it is of somebody else is suspicious (section 6). */
static bool read_items(struct burble *c, struct xml query, struct burble_disco_items *out)
{
    const struct slice name = SLICE("item");
    struct burble_tree *v = &c->view;
    size_t n = xml_count_named(query, NS_DISCO_ITEMS, name);
    struct burble_disco_item *items = view_array(v, n, sizeof(*items));
    if (items == NULL)
        return false;
    out->items = items;
    struct xml x = xml_child(query, NS_DISCO_ITEMS, name);
    for (; xml_some(x); x = xml_next_named(x, NS_DISCO_ITEMS, name)) {
        struct slice node = xml_attr(x, SLICE("node"));
        if (node.len == 0 || !slice_eq(xml_attr(x, SLICE("jid")), slice_z(out->from)))
            continue;
        struct burble_disco_item item = {.jid = out->from,
                                         .node = view_string(v, node),
                                         .name = view_string(v, xml_attr(x, SLICE("name")))};
        if (item.node == NULL)
            return false;
        items[out->item_count++] = item;
    }
    return true;
}

static void listed(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct listing *l = arg;
    struct burble_disco_items all = {.outcome = outcome, .from = l->jid, .node = NS_COMMANDS.ptr};
    client_iq_error(c, outcome, iq, &all.error);
    if (outcome == BURBLE_IQ_RESULT &&
        !read_items(c, xml_child(iq, NS_DISCO_ITEMS, SLICE("query")), &all)) {
        all.outcome = BURBLE_IQ_ERROR;
        all.error = (struct burble_stanza_error){
            .condition = "resource-constraint", .type = "wait", .text = "out of memory"};
    }
    l->fn(c, &all, l->arg);
    free(l);
}

int burble_adhoc_list(struct burble *c, const char *jid, burble_disco_items_fn *fn, void *arg,
                      uint64_t *handle_out)
{
    struct arena mem = {0};
    struct jid to;
    struct xml_writer w;
    int err = jid_parse(slice_z(jid != NULL ? jid : c->setup.domain), &mem, &to);
    struct slice full = err == 0 ? jid_full(&to) : SLICE_NONE;
    struct listing *l = err == 0 ? client_alloc(sizeof(*l) + full.len + 1) : NULL;
    if (l != NULL) {
        l->fn = fn;
        l->arg = arg;
        memcpy(l->jid, full.ptr, full.len);
        client_payload(c, &w);
        xml_open(&w, SLICE("query"), NS_DISCO_ITEMS);
        xml_attr_put(&w, SLICE("node"), NS_COMMANDS);
        xml_close(&w);
    }
    arena_free(&mem);
    return err == 0 ? client_iq_ask(c, false, l != NULL ? l->jid : NULL, listed, l, handle_out)
                    : err;
}

/* ---------------------------------------------------------------------------------- the answer */

static bool read_notes(struct burble *c, struct xml command, struct burble_adhoc_step *out)
{
    const struct slice name = SLICE("note");
    struct burble_adhoc_note *notes =
        arena_alloc(&c->view.strings, NOTES_MAX * sizeof(struct burble_adhoc_note));
    if (notes == NULL)
        return false;
    out->notes = notes;
    struct xml x = xml_child(command, NS_COMMANDS, name);
    for (; xml_some(x) && out->note_count < NOTES_MAX; x = xml_next_named(x, NS_COMMANDS, name)) {
        struct slice type = xml_attr(x, SLICE("type")), text = xml_text(x);
        struct burble_adhoc_note note = {
            .type = slice_is(type, "error")  ? BURBLE_NOTE_ERROR
                    : slice_is(type, "warn") ? BURBLE_NOTE_WARN
                                             : BURBLE_NOTE_INFO,
            .text = view_string(&c->view, text.ptr != NULL ? text : SLICE("")),
        };
        if (note.text == NULL)
            return false;
        notes[out->note_count++] = note;
    }
    return true;
}

/* What may come next (section 3.3): without <actions/> there is one step, and with it the default
 * is "next". */
static void read_actions(struct xml command, struct burble_adhoc_step *out)
{
    struct xml actions = xml_child(command, NS_COMMANDS, SLICE("actions"));
    enum burble_adhoc_action a;
    out->actions = BURBLE_ADHOC_CANCEL;
    out->execute = BURBLE_ADHOC_COMPLETE;
    if (!xml_some(actions)) {
        out->actions |= BURBLE_ADHOC_COMPLETE;
        return;
    }
    for (struct xml x = xml_first_element(actions); xml_some(x); x = xml_next_element(x))
        if (adhoc_action_read(xml_name(x), &a))
            out->actions |= a;
    if (!adhoc_action_read(xml_attr(actions, SLICE("execute")), &a) || a == BURBLE_ADHOC_EXECUTE)
        a = BURBLE_ADHOC_NEXT;
    if ((out->actions & (unsigned)a) == 0)
        a = (out->actions & BURBLE_ADHOC_NEXT) != 0 ? BURBLE_ADHOC_NEXT : BURBLE_ADHOC_COMPLETE;
    out->execute = a;
    out->actions |= a;
}

static enum burble_adhoc_status status_of(struct xml command)
{
    struct slice status = xml_attr(command, SLICE("status"));
    return slice_is(status, "executing")  ? BURBLE_ADHOC_EXECUTING
           : slice_is(status, "canceled") ? BURBLE_ADHOC_CANCELED
                                          : BURBLE_ADHOC_COMPLETED;
}

static bool read_step(struct burble_adhoc *a, struct xml command, struct burble_adhoc_step *out)
{
    struct burble *c = a->x.client;
    struct slice session = xml_attr(command, SLICE("sessionid"));
    out->command = view_of(&c->view, command);
    out->status = status_of(command);
    out->actions = 0;
    if (a->session == NULL && session.len > 0)
        a->session = client_copy(session);
    if (out->status == BURBLE_ADHOC_EXECUTING)
        read_actions(command, out);
    burble_form_free(&a->form);
    int err = burble_form_read(out->command, &a->form);
    out->form = a->form;
    struct xml oob = xml_child(command, NS_OOB, SLICE("x"));
    out->url = view_text(&c->view, xml_child(oob, NS_OOB, SLICE("url")));
    a->actions = out->actions;
    return (err == 0 || err == ERR_NOT_FOUND) && (a->session != NULL || session.len == 0) &&
           read_notes(c, command, out);
}

static void answered(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    struct burble_adhoc *a = arg;
    struct burble_adhoc_step step = {.outcome = outcome};
    struct xml command = xml_child(iq, NS_COMMANDS, SLICE("command"));
    a->handle = 0;
    client_iq_error(c, outcome, iq, &step.error);
    step.form = a->form;
    step.actions = a->actions;
    if (outcome == BURBLE_IQ_GONE)
        step.actions = a->actions = 0;
    if (outcome == BURBLE_IQ_RESULT && (!xml_some(command) || !read_step(a, command, &step))) {
        step = (struct burble_adhoc_step){.outcome = BURBLE_IQ_ERROR,
                                          .error = {.condition = "undefined-condition",
                                                    .type = "cancel",
                                                    .text = "the answer cannot be understood"}};
        burble_form_free(&a->form);
        a->actions = 0;
    }
    a->fn(a, &step, a->arg);
}

/* --------------------------------------------------------------------------------- the request */

static int put_command(struct burble_adhoc *a, enum burble_adhoc_action action)
{
    struct xml_writer w;
    char *form = NULL;
    bool with_form = a->form != NULL && a->form->kind == BURBLE_FORM_ASKS &&
                     action != BURBLE_ADHOC_PREV && action != BURBLE_ADHOC_CANCEL;
    if (with_form && burble_form_submission(a->form, &form) != 0)
        return ERR_MEMORY;
    client_payload(a->x.client, &w);
    xml_open(&w, SLICE("command"), NS_COMMANDS);
    xml_attr_put(&w, SLICE("node"), slice_z(a->node));
    if (a->session != NULL)
        xml_attr_put(&w, SLICE("sessionid"), slice_z(a->session));
    if (action != BURBLE_ADHOC_EXECUTE || a->session == NULL)
        xml_attr_put(&w, SLICE("action"), slice_z(adhoc_action_name(action)));
    if (form != NULL)
        xml_raw_put(&w, slice_z(form));
    xml_close(&w);
    free(form);
    return a->x.client->work.failed ? ERR_MEMORY : 0;
}

static bool has_secret(const struct burble_form *form)
{
    for (size_t i = 0; form != NULL && i < form->field_count; i++)
        if (form->fields[i].type == BURBLE_FIELD_SECRET)
            return true;
    return false;
}

static int send_command(struct burble_adhoc *a, enum burble_adhoc_action action)
{
    int err = put_command(a, action);
    struct client_iq iq = {.set = true,
                           .to = slice_z(a->jid),
                           .payload = buf_slice(&a->x.client->work),
                           .timeout_ms = ANSWER_MS,
                           .fn = answered,
                           .arg = a,
                           .secret = has_secret(a->form)};
    return err == 0 ? client_iq_send(a->x.client, &iq, &a->handle) : err;
}

static void nobody_waits(struct burble *c, enum burble_iq_outcome outcome, struct xml iq, void *arg)
{
    (void)c, (void)outcome, (void)iq, (void)arg;
}

static void adhoc_free(struct client_extension *x)
{
    struct burble_adhoc *a = CONTAINER_OF(x, struct burble_adhoc, x);
    burble_form_free(&a->form);
    free(a->jid);
    free(a->node);
    free(a->session);
    free(a);
}

static const struct client_extension_ops OPS = {.name = "adhoc", .free = adhoc_free};

int burble_adhoc_run(struct burble *c, const char *jid, const char *node, burble_adhoc_fn *fn,
                     void *arg, struct burble_adhoc **out)
{
    *out = NULL;
    if (node == NULL || *node == '\0')
        return ERR_SYNTAX;
    struct burble_adhoc *a = client_alloc(sizeof(*a));
    if (a == NULL)
        return ERR_MEMORY;
    a->fn = fn;
    a->arg = arg;
    client_extend(c, &a->x, &OPS);
    a->jid = client_copy(slice_z(jid != NULL ? jid : c->setup.domain));
    a->node = client_copy(slice_z(node));
    int err =
        a->jid != NULL && a->node != NULL ? send_command(a, BURBLE_ADHOC_EXECUTE) : ERR_MEMORY;
    if (err != 0) {
        client_unextend(&a->x);
        adhoc_free(&a->x);
        return err;
    }
    *out = a;
    return 0;
}

int burble_adhoc_go(struct burble_adhoc *a, enum burble_adhoc_action action)
{
    if (a->handle != 0)
        return ERR_BUSY;
    bool permitted = a->actions != 0 && adhoc_action_name(action) != NULL &&
                     (action == BURBLE_ADHOC_EXECUTE || (a->actions & (unsigned)action) != 0);
    return permitted ? send_command(a, action) : ERR_REFUSED;
}

struct burble *burble_adhoc_client(const struct burble_adhoc *a)
{
    return a->x.client;
}

void burble_adhoc_free(struct burble_adhoc **a)
{
    struct burble_adhoc *old = *a;
    *a = NULL;
    if (old == NULL)
        return;
    if (old->handle != 0)
        burble_cancel(old->x.client, old->handle);
    old->handle = 0;
    if (old->actions != 0 && old->session != NULL && put_command(old, BURBLE_ADHOC_CANCEL) == 0) {
        struct client_iq iq = {.set = true,
                               .to = slice_z(old->jid),
                               .payload = buf_slice(&old->x.client->work),
                               .fn = nobody_waits};
        (void)client_iq_send(old->x.client, &iq, NULL);
    }
    client_retire(&old->x);
}
