/* Ad-hoc commands (XEP-0050 1.3.0), the side that offers them: only what the program has offered,
 * only to whom it permits (row V68); for all others there are no commands. Owns the commands and
 * the runs under way, which end when nobody goes on with them. */
#include <stdlib.h>
#include <string.h>

#include "client/adhoc.h"
#include "client/disco.h"
#include "client/text.h"

enum { COMMANDS_MAX = 100, RUNS_MAX = 100, IDLE_MS = 600000 };

struct offer {
    struct list link;
    burble_adhoc_allow_fn *allow;
    burble_adhoc_call_fn *call;
    void *arg;
    char *node, *name;
};

/* Somebody's execution of a command: an id that only they may go on with. */
struct run {
    struct list link;
    struct client_timer idle;
    struct offers *offers;
    char id[CLIENT_ID_BYTES];
    char *from, *node;
};

struct offers {
    struct client_extension x;
    struct list commands, runs;
    unsigned command_count, run_count;
    bool asking; /* the program says who may: its commands stay as they are meanwhile */
};

/* Before what programs see: what is needed to answer. */
struct call {
    struct burble_adhoc_call call;
    const struct stanza *iq;
    struct offers *offers;
    char id[CLIENT_ID_BYTES]; /* of the run, which may be gone when the program answers */
    bool answered, over;
};

static struct offer *offer_of(struct list *l)
{
    return CONTAINER_OF(l, struct offer, link);
}

static struct run *run_of(struct list *l)
{
    return CONTAINER_OF(l, struct run, link);
}

static void offer_free(struct offers *all, struct offer *o)
{
    if (list_linked(&o->link)) {
        list_remove(&o->link);
        all->command_count--;
    }
    free(o->node);
    free(o->name);
    free(o);
}

static void run_free(struct run *r)
{
    client_timer_stop(&r->idle);
    list_remove(&r->link);
    r->offers->run_count--;
    free(r->from);
    free(r->node);
    free(r);
}

static void run_idle(struct burble *c, struct client_timer *t)
{
    (void)c;
    run_free(CONTAINER_OF(t, struct run, idle));
}

static void offers_gone(struct client_extension *x)
{
    struct offers *all = CONTAINER_OF(x, struct offers, x);
    while (!list_empty(&all->runs))
        run_free(run_of(all->runs.next));
}

static void offers_free(struct client_extension *x)
{
    struct offers *all = CONTAINER_OF(x, struct offers, x);
    offers_gone(x);
    while (!list_empty(&all->commands))
        offer_free(all, offer_of(all->commands.next));
    free(all);
}

static const struct client_extension_ops OPS = {
    .name = "adhoc-offers", .gone = offers_gone, .free = offers_free};

static struct offers *offers_of(struct burble *c)
{
    struct client_extension *x = client_extension(c, &OPS);
    return x != NULL ? CONTAINER_OF(x, struct offers, x) : NULL;
}

static struct offer *offer_find(struct offers *all, struct slice node)
{
    LIST_EACH(it, &all->commands)
    if (slice_eq(slice_z(offer_of(it)->node), node))
        return offer_of(it);
    return NULL;
}

/* ------------------------------------------------------------------------------------- answering
 */

/* Whom a request is from: none is our own account's. */
static const char *sender(struct burble *c, const struct jid *from, bool bare)
{
    if (!jid_some(from))
        return c->setup.bare;
    return view_string(&c->view, bare ? jid_bare(from) : jid_full(from));
}

static bool allowed(struct burble *c, struct offers *all, struct offer *o, const struct jid *from)
{
    const char *who = sender(c, from, false);
    if (who == NULL)
        return false;
    client_enter(c);
    all->asking = true;
    bool yes = o->allow(c, who, o->node, o->arg);
    all->asking = false;
    c->depth--;
    return yes;
}

static bool contents(struct burble *c, struct xml_writer *w, bool items, struct slice node,
                     const struct jid *from)
{
    struct offers *all = offers_of(c);
    bool some = false;
    if (all == NULL || !items || !slice_eq(node, NS_COMMANDS))
        return false;
    LIST_EACH(it, &all->commands)
    {
        struct offer *o = offer_of(it);
        if (!allowed(c, all, o, from))
            continue;
        some = true;
        xml_open(w, SLICE("item"), SLICE_NONE);
        xml_attr_put(w, SLICE("jid"), slice_z(c->jid));
        xml_attr_put(w, SLICE("node"), slice_z(o->node));
        if (o->name != NULL)
            xml_attr_put(w, SLICE("name"), slice_z(o->name));
        xml_close(w);
    }
    return some;
}

static struct run *run_new(struct burble *c, struct offers *all, const char *from, const char *node)
{
    struct run *r = all->run_count < RUNS_MAX ? client_alloc(sizeof(*r)) : NULL;
    if (r == NULL)
        return NULL;
    r->offers = all;
    r->idle.fire = run_idle;
    r->from = client_copy(slice_z(from));
    r->node = client_copy(slice_z(node));
    client_new_id(c, r->id);
    list_push(&all->runs, &r->link);
    all->run_count++;
    if (r->from == NULL || r->node == NULL) {
        run_free(r);
        return NULL;
    }
    return r;
}

static struct run *run_find(struct offers *all, struct slice id)
{
    LIST_EACH(it, &all->runs)
    if (slice_eq(id, slice_z(run_of(it)->id)))
        return run_of(it);
    return NULL;
}

/* Only who began a run goes on with it. */
static struct run *run_of_sender(struct offers *all, struct slice id, const char *from,
                                 struct slice node)
{
    struct run *r = run_find(all, id);
    return r != NULL && strcmp(from, r->from) == 0 && slice_eq(node, slice_z(r->node)) ? r : NULL;
}

static void put_actions(struct xml_writer *w, unsigned actions)
{
    static const enum burble_adhoc_action ALL[] = {BURBLE_ADHOC_PREV, BURBLE_ADHOC_NEXT,
                                                   BURBLE_ADHOC_COMPLETE};
    bool next = (actions & BURBLE_ADHOC_NEXT) != 0;
    xml_open(w, SLICE("actions"), SLICE_NONE);
    xml_attr_put(w, SLICE("execute"),
                 slice_z(adhoc_action_name(next ? BURBLE_ADHOC_NEXT : BURBLE_ADHOC_COMPLETE)));
    for (size_t i = 0; i < sizeof(ALL) / sizeof(ALL[0]); i++)
        if ((actions & (unsigned)ALL[i]) != 0) {
            xml_open(w, slice_z(adhoc_action_name(ALL[i])), SLICE_NONE);
            xml_close(w);
        }
    xml_close(w);
}

static void put_note(struct xml_writer *w, const struct burble_adhoc_answer *a)
{
    static const struct slice TYPES[] = {
        [BURBLE_NOTE_INFO] = {"info", 4},
        [BURBLE_NOTE_WARN] = {"warn", 4},
        [BURBLE_NOTE_ERROR] = {"error", 5},
    };
    xml_open(w, SLICE("note"), SLICE_NONE);
    xml_attr_put(w, SLICE("type"), TYPES[a->note_type]);
    xml_text_put(w, slice_z(a->note));
    xml_close(w);
}

static int put_answer(struct burble *c, const struct run *r, const struct burble_adhoc_answer *a)
{
    static const struct slice STATUS[] = {
        [BURBLE_ADHOC_EXECUTING] = {"executing", 9},
        [BURBLE_ADHOC_COMPLETED] = {"completed", 9},
        [BURBLE_ADHOC_CANCELED] = {"canceled", 8},
    };
    struct xml_writer w;
    char *form = NULL;
    unsigned actions = a->actions & 7;
    if (a->form != NULL && burble_form_write(a->form, &form) != 0)
        return ERR_MEMORY;
    client_payload(c, &w);
    xml_open(&w, SLICE("command"), NS_COMMANDS);
    xml_attr_put(&w, SLICE("node"), slice_z(r->node));
    xml_attr_put(&w, SLICE("sessionid"), slice_z(r->id));
    xml_attr_put(&w, SLICE("status"), STATUS[a->status]);
    if (a->status == BURBLE_ADHOC_EXECUTING)
        put_actions(&w, (actions & (BURBLE_ADHOC_NEXT | BURBLE_ADHOC_COMPLETE)) != 0
                            ? actions
                            : actions | BURBLE_ADHOC_COMPLETE);
    if (a->note != NULL)
        put_note(&w, a);
    if (form != NULL)
        xml_raw_put(&w, slice_z(form));
    xml_close(&w);
    free(form);
    return c->work.failed ? ERR_MEMORY : 0;
}

int burble_adhoc_reply(struct burble *c, const struct burble_adhoc_call *call,
                       const struct burble_adhoc_answer *answer)
{
    struct call *own = (struct call *)(void *)call;
    struct run *run = run_find(own->offers, slice_z(own->id));
    if (own->answered || run == NULL)
        return ERR_REFUSED;
    int err = put_answer(c, run, answer);
    if (err == 0)
        err = client_iq_answer(c, own->iq, buf_slice(&c->work));
    if (err != 0)
        return err;
    own->answered = true;
    own->over = answer->status != BURBLE_ADHOC_EXECUTING;
    return 0;
}

/* The program has answered, or has not. */
static void finish(struct burble *c, struct call *call)
{
    static const struct burble_adhoc_answer CANCELED = {.status = BURBLE_ADHOC_CANCELED};
    bool cancel = call->call.action == BURBLE_ADHOC_CANCEL;
    if (!call->answered && cancel)
        (void)burble_adhoc_reply(c, &call->call, &CANCELED);
    if (!call->answered)
        (void)client_iq_refuse(c, call->iq, STANZA_INTERNAL_SERVER_ERROR, SLICE_NONE);
    struct run *r = run_find(call->offers, slice_z(call->id));
    if (r == NULL)
        return;
    if (call->over || !call->answered || cancel)
        run_free(r);
    else
        client_timer_set(c, &r->idle, c->now.mono_ms + IDLE_MS);
}

static void execute(struct burble *c, struct offer *o, struct run *r, struct call *call)
{
    struct burble_form *form = NULL;
    (void)burble_form_read(call->call.command, &form);
    memcpy(call->id, r->id, sizeof(call->id));
    call->call.form = form;
    call->call.session = call->id;
    client_timer_stop(&r->idle);
    client_enter(c);
    o->call(c, &call->call, o->arg);
    c->depth--;
    finish(c, call);
    burble_form_free(&form);
}

static void serve(struct burble *c, const struct stanza *iq, struct xml command, void *arg)
{
    struct offers *all = arg;
    struct slice node = xml_attr(command, SLICE("node"));
    struct slice id = xml_attr(command, SLICE("sessionid"));
    struct offer *o = offer_find(all, node);
    struct call call = {.iq = iq, .offers = all};
    if (o == NULL || !allowed(c, all, o, &iq->from)) {
        (void)client_iq_refuse(c, iq, STANZA_SERVICE_UNAVAILABLE, SLICE_NONE);
        return;
    }
    call.call = (struct burble_adhoc_call){
        .from = sender(c, &iq->from, false),
        .from_bare = sender(c, &iq->from, true),
        .node = view_string(&c->view, node),
        .first = id.len == 0,
        .command = view_of(&c->view, command),
    };
    const struct burble_adhoc_call *k = &call.call;
    if (k->from == NULL || k->from_bare == NULL || k->node == NULL)
        return; /* no memory: they try again */
    if (iq->type != TYPE_SET ||
        !adhoc_action_read(xml_attr(command, SLICE("action")), &call.call.action) ||
        (k->first && k->action != BURBLE_ADHOC_EXECUTE)) {
        (void)client_iq_refuse(c, iq, STANZA_BAD_REQUEST, SLICE_NONE);
        return;
    }
    struct run *r =
        k->first ? run_new(c, all, k->from, o->node) : run_of_sender(all, id, k->from, node);
    if (r != NULL)
        execute(c, o, r, &call);
    else
        (void)client_iq_refuse(c, iq, k->first ? STANZA_RESOURCE_CONSTRAINT : STANZA_BAD_REQUEST,
                               SLICE_NONE);
}

/* ------------------------------------------------------------------------------------- offering */

static int start(struct burble *c, struct offers **out)
{
    struct disco *d = disco_of(c);
    struct offers *all = d != NULL ? client_alloc(sizeof(*all)) : NULL;
    if (all == NULL)
        return ERR_MEMORY;
    int err = client_feature(c, NS_COMMANDS.ptr);
    if (err == 0 && (err = client_iq_serve(c, NS_COMMANDS, SLICE("command"), serve, all)) != 0)
        client_unfeature(c, NS_COMMANDS.ptr);
    if (err != 0) {
        free(all);
        return err;
    }
    list_init(&all->commands);
    list_init(&all->runs);
    client_extend(c, &all->x, &OPS);
    d->commands = contents;
    *out = all;
    return 0;
}

int burble_adhoc_offer(struct burble *c, const char *node, const char *name,
                       burble_adhoc_allow_fn *allow, burble_adhoc_call_fn *call, void *arg)
{
    struct offers *all = offers_of(c);
    struct offer *old = all != NULL && node != NULL ? offer_find(all, slice_z(node)) : NULL;
    if (node == NULL || *node == '\0' || !client_text_valid(slice_z(node)) ||
        (name != NULL && !client_text_valid(slice_z(name))) || (call != NULL && allow == NULL))
        return ERR_SYNTAX;
    if (all != NULL && all->asking)
        return ERR_BUSY;
    if (call == NULL) {
        if (old != NULL)
            offer_free(all, old);
        return 0;
    }
    if (old != NULL)
        return ERR_EXISTS;
    int err = all == NULL ? start(c, &all) : 0;
    if (err == 0 && all->command_count >= COMMANDS_MAX)
        err = ERR_LIMIT;
    struct offer *o = err == 0 ? client_alloc(sizeof(*o)) : NULL;
    if (o == NULL)
        return err != 0 ? err : ERR_MEMORY;
    *o = (struct offer){.allow = allow,
                        .call = call,
                        .arg = arg,
                        .node = client_copy(slice_z(node)),
                        .name = name != NULL ? client_copy(slice_z(name)) : NULL};
    if (o->node == NULL || (name != NULL && o->name == NULL)) {
        offer_free(all, o);
        return ERR_MEMORY;
    }
    list_push(&all->commands, &o->link);
    all->command_count++;
    return 0;
}
